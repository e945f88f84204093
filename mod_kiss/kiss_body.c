#include "kiss_body.h"

#include <http_protocol.h>

#include <apr_lib.h>

#include <string.h>

kiss_body_status kiss_body_read(char **body, apr_size_t *len, request_rec *r, apr_size_t most)
{
    long n = 0;

    *body = apr_palloc(r->pool, most + 2);
    *len = 0;
    if (ap_setup_client_block(r, REQUEST_CHUNKED_DECHUNK) != OK) {
        return KISS_BODY_BROKEN;
    }
    if (ap_should_client_block(r)) {
        while ((n = ap_get_client_block(r, *body + *len, most + 1 - *len)) > 0) {
            *len += (apr_size_t)n;
            if (*len > most) {
                return KISS_BODY_LARGE;
            }
        }
    }
    (*body)[*len] = '\0';
    return n < 0 ? KISS_BODY_BROKEN : KISS_BODY_OK;
}

int kiss_body_is(const request_rec *r, const char *type)
{
    const char *sent = apr_table_get(r->headers_in, "Content-Type");
    apr_size_t n = strlen(type);

    return sent && ap_cstr_casecmpn(sent, type, n) == 0 && (sent[n] == '\0' || sent[n] == ';' || apr_isspace(sent[n]));
}
