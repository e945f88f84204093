/* SPDX-License-Identifier: Apache-2.0 */
/**
 * httpd_error - the filter that replaces httpd's own error pages.
 */
#include "http/httpd_error.h"

#include <http_request.h>
#include <util_filter.h>

#include <string.h>

#include "core/config.h"
#include "core/error.h"
#include "http/response.h"
#include "lib/api/route.h"

/* Name of the filter. */
#define FILTER "KISS_ERROR"

static ap_filter_rec_t *error_filter;
static kiss_httpd_error_claim *claim;

/* --- ErrorDocument --- */

void kiss_httpd_error_own(request_rec *r)
{
    core_request_config *core = ap_get_core_module_config(r->request_config);
    int i;

    /* The same as ap_custom_response() for each status: a text is sent at once, where a path would cause an internal
     * redirect. The filter replaces the text. */
    core->response_code_strings = apr_palloc(r->pool, RESPONSE_CODES * sizeof(char *));
    for (i = 0; i < RESPONSE_CODES; i++) {
        core->response_code_strings[i] = (char *)"\"";
    }
}

void kiss_httpd_error_disown(request_rec *r)
{
    core_request_config *core = ap_get_core_module_config(r->request_config);

    core->response_code_strings = NULL;
}

/* --- requests that failed before the location walk --- */

/** The path of a request that was not parsed completely. */
static const char *path_of(const request_rec *r)
{
    const char *at = r->uri && *r->uri == '/' ? r->uri : r->the_request ? strchr(r->the_request, ' ') : NULL, *host;

    at = at && *at == ' ' ? at + 1 : at;
    if (at && *at != '/' && (host = strstr(at, "://"))) {
        at = strchr(host + 3, '/');
    }
    return at && *at == '/' ? apr_pstrndup(r->pool, at, strcspn(at, "? ")) : "/";
}

void kiss_httpd_error_head(request_rec *r)
{
    if (r->the_request && strncmp(r->the_request, "HEAD ", 5) == 0) {
        r->header_only = 1;
    }
}

static kiss_req *find_location(request_rec *r)
{
    ap_conf_vector_t *before = r->per_dir_config;
    char *uri = r->uri;
    kiss_req *k = NULL;

    kiss_httpd_error_head(r);
    r->uri = apr_pstrdup(r->pool, path_of(r));
    r->per_dir_config = r->server->lookup_defaults;
    if (ap_location_walk(r) == OK) {
        k = claim(r);
    }
    if (!k) {
        r->uri = uri;
        r->per_dir_config = before;
    }
    return k;
}

/* --- the error --- */

/**
 * Keeps the headers of the request (its id, Vary, limits) of an answer whose range is not satisfiable: they are among
 * the headers of the content by then, which httpd discards.
 */
static void keep_headers(const kiss_req *k, request_rec *r)
{
    static const char *const content_headers[] = { "Accept-Ranges", "Cache-Control", "Content-Encoding", "Content-Length",
                                                   "Content-Type", "Delta-Base", "ETag", "IM", "Last-Modified", NULL };
    const char *coding = apr_table_get(r->headers_out, "Content-Encoding");
    int i;

    if (apr_table_get(r->err_headers_out, "X-Request-Id") || !apr_table_get(r->headers_out, "X-Request-Id")) {
        return;
    }
    for (i = 0; content_headers[i]; i++) {
        apr_table_unset(r->headers_out, content_headers[i]);
    }
    /* The complete length, unless an output filter has applied a content coding. */
    if (r->status == HTTP_RANGE_NOT_SATISFIABLE && k->length && coding == k->coding) {
        apr_table_setn(r->headers_out, "Content-Range", apr_psprintf(r->pool, "bytes */%" APR_OFF_T_FMT, k->length));
    }
    r->err_headers_out = apr_table_overlay(r->pool, r->err_headers_out, r->headers_out);
}

static apr_status_t replace_page(ap_filter_t *f, apr_bucket_brigade *bb)
{
    kiss_req *k = f->ctx;

    return kiss_response_error_instead(k, kiss_error_of_httpd(f->r, k->pool), f, bb);
}

/** Hook: replaces each error page that httpd is about to send in HTML. */
static void insert_error_filter(request_rec *r)
{
    kiss_req *k = ap_get_module_config(r->request_config, &kiss_module);
    apr_size_t base;

    if (!ap_is_HTTP_ERROR(r->status)) {
        return;
    }
    k = k ? k : find_location(r);
    if (!k || !k->r || (r->handler && strcmp(r->handler, KISS_HANDLER) != 0)) {
        return;
    }
    base = strlen(k->conf->base);
    if (!k->endpoint && r->uri && strncmp(r->uri, k->conf->base, base) == 0) {
        int ignored;

        k->endpoint = kiss_route_find(k->api, r->uri + base, KISS_GET | KISS_POST, kiss_config_admin(k->conf), &ignored,
                                      &k->path_param);
    }
    keep_headers(k, r);
    k->description = NULL;
    k->retry_after = 0;
    ap_add_output_filter_handle(error_filter, k, r, r->connection);
}

void kiss_httpd_error_register(kiss_httpd_error_claim *to_claim)
{
    claim = to_claim;
    error_filter = ap_register_output_filter(FILTER, replace_page, NULL, AP_FTYPE_CONTENT_SET);
    ap_hook_insert_error_filter(insert_error_filter, NULL, NULL, APR_HOOK_LAST);
}
