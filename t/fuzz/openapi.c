/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzz target: the OpenAPI document with the URL of the request and ServerAdmin. Input: the API, these two. */
#include <string.h>

#include <json-c/json.h>

#include "fuzz.h"
#include "lib/api/customer.h"
#include "lib/api/kss.h"
#include "lib/api/openapi.h"
#include "lib/base/etag.h"
#include "lib/base/json_parse.h"
#include "lib/base/json_text.h"

static const kiss_openapi *documents[2];

static json_object *member(json_object *o, const char *name)
{
    json_object *value = NULL;

    MUST(json_object_object_get_ex(o, name, &value));
    return value;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static apr_pool_t *lasting;
    apr_pool_t *p = fuzz_pool();
    fuzz_bytes in = { (const char *)data, size };
    const unsigned flags = fuzz_byte(&in);
    const kiss_openapi *document;
    const char *server, *admin, *text, *tag, *url, *contact;
    json_object *o;
    size_t len;

    if (!lasting) {
        apr_pool_create(&lasting, NULL);
        documents[0] = kiss_openapi_make(&kiss_customer_api, KISS_EVERYONE, 1, 0, lasting);
        documents[1] = kiss_openapi_make(&kiss_kss_api, 1u << KISS_ROLE_CUSTOMER, 0, 0, lasting);
    }
    document = documents[flags & 1];
    server = fuzz_text(&in, &len, p);
    admin = flags & 2 ? NULL : fuzz_text(&in, &len, p);
    text = kiss_openapi_text(document, server, admin, p);
    tag = kiss_openapi_tag(document, server, admin, p);
    o = kiss_json_parse(text, strlen(text), 64, p);
    MUST(o && strlen(tag) == KISS_ETAG_LEN && strcmp(tag, kiss_openapi_tag(document, server, admin, p)) == 0);
    url = json_object_get_string(member(json_object_array_get_idx(member(o, "servers"), 0), "url"));
    MUST(!kiss_json_text_is_utf8(server, strlen(server)) || strcmp(url, server) == 0);
    /* A contact is an address or a URL that is ServerAdmin's, and a name in any case. */
    o = member(member(o, "info"), "contact");
    contact = json_object_get_string(member(o, "name"));
    MUST(contact && *contact);
    json_object_object_foreach(o, name, value) {
        MUST(strcmp(name, "name") == 0 || admin);
        MUST(strcmp(name, "name") == 0 || !kiss_json_text_is_utf8(admin, strlen(admin))
             || strcmp(json_object_get_string(value), admin) == 0);
    }
    apr_pool_clear(p);
    return 0;
}
