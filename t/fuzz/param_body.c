/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzz target: the body of the request to allocate a payment, as JSON, and as a form with the same values. */
#include <string.h>

#include <apr_strings.h>
#include <json-c/json.h>

#include "fuzz.h"
#include "lib/api/kss.h"
#include "lib/api/param_body.h"
#include "lib/base/decimal.h"
#include "lib/base/json_text.h"

static const kiss_endpoint *allocation(void)
{
    const kiss_endpoint *e = kiss_kss_api.endpoints;

    while (e->path && e->run != KISS_RUN_ALLOCATE) {
        e++;
    }
    MUST(e->path);
    return e;
}

/** What the statements of the endpoint get: no text that the database would not take as it is. */
static void check_values(const kiss_params *params)
{
    apr_int64_t n;
    int i, j;

    for (i = 0; i < params->count; i++) {
        const kiss_param_values *v = &params->values[i];

        for (j = 0; j < v->count; j++) {
            const char *value = v->value[j];

            MUST(*value && kiss_json_text_is_utf8(value, strlen(value)));
            MUST(v->param->type != KISS_PARAM_NUMBER || strspn(value, "-0123456789") == strlen(value));
            MUST(v->param->type != KISS_PARAM_AMOUNT
                 || (kiss_decimal_parse(&n, value, strlen(value), 18, 6) == KISS_DECIMAL_OK && n > 0));
        }
    }
}

/** The same values as a form; NULL when one of them is not text. */
static const char *form_of(const apr_array_header_t *members, apr_pool_t *p)
{
    const char *form = "";
    int i;

    for (i = 0; i < members->nelts; i++) {
        const kiss_param_field *f = &APR_ARRAY_IDX(members, i, kiss_param_field);
        const char *const parts[] = { f->name, f->value };
        int k;

        for (k = 0; k < 2; k++) {
            const char *c = parts[k];
            char *out = apr_palloc(p, strlen(c) * 3 + 1), *to = out;

            for (; *c; c++) {
                to += sprintf(to, "%%%02x", (unsigned char)*c);
            }
            *to = '\0';
            form = apr_pstrcat(p, form, out, k ? "&" : "=", NULL);
        }
    }
    return form;
}

/** json-c, not strict, reads the same members. */
static void check_members(const apr_array_header_t *members, const char *body, size_t len, apr_pool_t *p)
{
    json_tokener *tok = json_tokener_new_ex(32);
    json_object *o = json_tokener_parse_ex(tok, body, (int)len), *value;
    int i;

    MUST(json_object_is_type(o, json_type_object) && json_object_object_length(o) == members->nelts);
    for (i = 0; i < members->nelts; i++) {
        const kiss_param_field *f = &APR_ARRAY_IDX(members, i, kiss_param_field);

        MUST(json_object_object_get_ex(o, f->name, &value));
        MUST(!value ? !*f->value : strcmp(f->value, json_object_get_string(value)) == 0 || strcmp(f->value, "\x01") == 0);
    }
    json_object_put(o);
    json_tokener_free(tok);
    (void)p;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *p = fuzz_pool();
    const char *body = apr_pstrmemdup(p, (const char *)data, size);
    kiss_param_source source = { .role = KISS_ROLE_EMPLOYEE, .today = "" }, form = source;
    kiss_params params, same;
    const char *wrong, *again;

    if (kiss_param_body_read(&source.members, body, size, p) == APR_SUCCESS) {
        check_members(source.members, body, size, p);
        wrong = kiss_params_read(&params, allocation(), &source, p);
        form.body = form_of(source.members, p);
        again = kiss_params_read(&same, allocation(), &form, p);
        MUST((wrong == NULL) == (again == NULL) && (!wrong || strcmp(wrong, again) == 0));
        if (!wrong) {
            check_values(&params);
            MUST(strcmp(kiss_params_text(&params, p), kiss_params_text(&same, p)) == 0);
        }
    }
    form.body = body;
    if (!kiss_params_read(&params, allocation(), &form, p)) {
        check_values(&params);
    }
    apr_pool_clear(p);
    return 0;
}
