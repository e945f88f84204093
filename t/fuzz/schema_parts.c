/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzz target: what kissctl reads of schema files. Any texts; what is read of them is in them. */
#include <string.h>

#include <apr_strings.h>

#include "fuzz.h"
#include "schema_parts.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *p = fuzz_pool();
    const char *text = apr_pstrmemdup(p, (const char *)data, size);
    schema_parts *parts = schema_parts_make(p), *twice = schema_parts_make(p);
    const apr_array_header_t *names;
    int i;

    schema_parts_add(parts, text, p);
    for (i = 0; i < parts->triggers->nelts; i++) {
        const schema_trigger *t = &APR_ARRAY_IDX(parts->triggers, i, schema_trigger);

        MUST(strstr(text, t->sql) && strstr(t->sql, t->name) && strstr(t->sql, t->table) && strstr(t->sql, t->body));
        MUST(schema_parts_same(t->body, t->body) && schema_parts_same(t->body, apr_pstrcat(p, t->body, "", NULL)));
    }
    for (i = 0; i < parts->keys->nelts; i++) {
        const schema_key *k = &APR_ARRAY_IDX(parts->keys, i, schema_key);

        MUST(strncmp(k->sql, "CONSTRAINT ", 11) == 0 && strstr(k->sql, k->parent));
    }
    names = schema_parts_datasets(parts, p);
    for (i = 0; i < names->nelts; i++) {
        MUST(strstr(text, APR_ARRAY_IDX(names, i, const char *)));
    }
    /* A second file that defines the same replaces what the first one has. */
    schema_parts_add(twice, text, p);
    schema_parts_add(twice, text, p);
    MUST(twice->triggers->nelts == parts->triggers->nelts);
    apr_pool_clear(p);
    return 0;
}
