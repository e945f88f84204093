/* SPDX-License-Identifier: Apache-2.0 */
/**
 * status - sends the report as HTML or JSON, and writes the section of mod_status.
 */
#include "status/status.h"

#include <apr_base64.h>
#include <apr_optional_hooks.h>
#include <http_main.h>
#include <http_request.h>
#include <mod_status.h>

#include <string.h>

#include "core/metrics.h"
#include "http/response.h"
#include "lib/base/crypto.h"
#include "lib/base/json_text.h"
#include "status/html.h"
#include "status/report.h"

#define HANDLER "kiss-status"

/** Forbids everything but the page itself and its style sheet, which is named by its digest. */
static const char *policy(apr_pool_t *p)
{
    unsigned char digest[KISS_SHA256_LEN];
    char *text = apr_palloc(p, (apr_size_t)apr_base64_encode_len(sizeof(digest)));

    kiss_crypto_sha256(digest, kiss_html_style, strlen(kiss_html_style));
    apr_base64_encode_binary(text, digest, sizeof(digest));
    return apr_pstrcat(p, "default-src 'none'; style-src 'sha256-", text, "'; base-uri 'none'; form-action 'none'; "
                       "frame-ancestors 'none'", NULL);
}

static void set_headers(request_rec *r)
{
    apr_table_setn(r->headers_out, "Cache-Control", "no-store");
    apr_table_setn(r->headers_out, "Content-Security-Policy", policy(r->pool));
    apr_table_setn(r->headers_out, "X-Content-Type-Options", "nosniff");
    apr_table_setn(r->headers_out, "X-Frame-Options", "DENY");
    apr_table_setn(r->headers_out, "Referrer-Policy", "no-referrer");
}

static int kiss_status_handler(request_rec *r)
{
    const apr_array_header_t *zones = kiss_metrics_zones();
    struct printbuf *pb;
    json_object *report;

    if (!r->handler || strcmp(r->handler, HANDLER) != 0) {
        return DECLINED;
    }
    if (r->method_number != M_GET) {
        ap_allow_standard_methods(r, REPLACE_ALLOW, M_GET, -1);
        return HTTP_METHOD_NOT_ALLOWED;
    }
    pb = kiss_json_text_buffer(r->pool);
    if (!zones || !pb) {
        return HTTP_SERVICE_UNAVAILABLE;    /* KISS0650 */
    }
    report = kiss_report_create(zones, ap_server_conf, r->pool);
    set_headers(r);
    if (r->args && strcmp(r->args, "json") == 0) {
        const char *text = json_object_to_json_string_ext(report, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);

        (void)kiss_json_text_raw(pb, text, strlen(text));
        ap_set_content_type(r, KISS_JSON_TYPE);
    }
    else {
        kiss_html_page(pb, report);
        ap_set_content_type(r, "text/html; charset=utf-8");
    }
    ap_set_content_length(r, pb->bpos);
    if (!r->header_only) {
        ap_rwrite(pb->buf, pb->bpos, r);
    }
    return OK;
}

/** Lines of `?auto`: those of all APIs together. */
static void write_short(request_rec *r, const apr_array_header_t *zones)
{
    kiss_report_totals all = { 0, 0, 0, 0 };
    int i;

    for (i = 0; i < zones->nelts; i++) {
        kiss_report_totals t = kiss_report_total(&APR_ARRAY_IDX(zones, i, kiss_metrics_zone));

        all.requests += t.requests;
        all.client_errors += t.client_errors;
        all.server_errors += t.server_errors;
        all.limited += t.limited;
    }
    ap_rprintf(r, "KissRequests: %" APR_UINT64_T_FMT "\nKissClientErrors: %" APR_UINT64_T_FMT "\nKissLimited: %"
               APR_UINT64_T_FMT "\nKissServerErrors: %" APR_UINT64_T_FMT "\n", all.requests, all.client_errors, all.limited,
               all.server_errors);
}

/** Hook of mod_status. */
static int kiss_status_section(request_rec *r, int flags)
{
    const apr_array_header_t *zones = kiss_metrics_zones();
    struct printbuf *pb = kiss_json_text_buffer(r->pool);

    if (zones && (flags & AP_STATUS_SHORT)) {
        write_short(r, zones);
    }
    else if (zones && pb) {
        kiss_html_section(pb, kiss_report_create(zones, ap_server_conf, r->pool));
        ap_rwrite(pb->buf, pb->bpos, r);
    }
    return OK;
}

void kiss_status_register(void)
{
    ap_hook_handler(kiss_status_handler, NULL, NULL, APR_HOOK_MIDDLE);
    APR_OPTIONAL_HOOK(ap, status_hook, kiss_status_section, NULL, NULL, APR_HOOK_MIDDLE);
}
