/* SPDX-License-Identifier: Apache-2.0 */
/**
 * precondition - compares entity tags of request headers with that of the representation.
 */
#include "http/precondition.h"

#include <util_filter.h>

#include <string.h>

#include "core/error.h"
#include "http/response.h"
#include "lib/base/etag.h"

/* Name of the filter. */
#define FILTER "KISS_IF_MATCH"

static ap_filter_rec_t *if_match_filter;

int kiss_precondition_is_fragment(const request_rec *r)
{
    return r->main != NULL || r->no_local_copy;
}

/** An entity tag as the value of a header. */
static const char *quoted(apr_pool_t *p, const kiss_validator *v, const char *opaque)
{
    return apr_pstrcat(p, v->weak ? "W/\"" : "\"", opaque, "\"", NULL);
}

/* --- If-Match --- */

/**
 * 1 when a header may match the representation: a strong tag, with the suffix of our coding or, without one, of a
 * filter's.
 */
static int may_match(const char *header, const kiss_validator *v, apr_pool_t *p)
{
    const char *selected = apr_pstrcat(p, v->tag, v->coding, NULL);
    kiss_etag tag;

    if (kiss_etag_is_any(header)) {
        return 1;
    }
    while (!v->weak && kiss_etag_next(&tag, &header)) {
        if (!tag.weak && (*v->coding ? kiss_etag_is(&tag, selected) : kiss_etag_stands_for(&tag, v->tag))) {
            return 1;
        }
    }
    return 0;
}

/** 1 when a header contains the ETag of the answer as it is sent. */
static int names(const char *header, const char *sent, apr_pool_t *p)
{
    const char *opaque = sent && *sent == '"' ? apr_pstrndup(p, sent + 1, strcspn(sent + 1, "\"")) : NULL;
    kiss_etag tag;

    while (opaque && kiss_etag_next(&tag, &header)) {
        if (kiss_etag_is(&tag, opaque)) {
            return 1;
        }
    }
    return 0;
}

/**
 * Output filter: compares If-Match after all filters that apply a content coding have set the ETag, and before the byte
 * range filter.
 */
static apr_status_t compare_sent(ap_filter_t *f, apr_bucket_brigade *bb)
{
    static const char *const content_headers[] = { "ETag", "Content-Encoding", "Content-Length", "IM", "Delta-Base", NULL };
    request_rec *r = f->r;
    kiss_req *k = f->ctx;
    int i;

    if (APR_BRIGADE_EMPTY(bb)) {
        return APR_SUCCESS;
    }
    /* An error is no representation and has no ETag. */
    if (ap_is_HTTP_ERROR(r->status)
        || names(apr_table_get(r->headers_in, "If-Match"), apr_table_get(r->headers_out, "ETag"), r->pool)) {
        ap_remove_output_filter(f);
        return ap_pass_brigade(f->next, bb);
    }
    for (i = 0; content_headers[i]; i++) {
        apr_table_unset(r->headers_out, content_headers[i]);
    }
    r->content_encoding = NULL;
    return kiss_response_error_instead(k, &kiss_error_precondition, f, bb);
}

void kiss_precondition_register(void)
{
    if_match_filter = ap_register_output_filter(FILTER, compare_sent, NULL, AP_FTYPE_CONTENT_SET + 5);
}

/* --- If-None-Match --- */

/**
 * The tag of a 304: that of the representation if the header contains it, else the first one that identifies the same
 * content, or NULL.
 */
static const char *find_match(const char *header, const kiss_validator *v, apr_pool_t *p)
{
    const char *selected = apr_pstrcat(p, v->tag, v->coding, NULL), *found = NULL;
    kiss_etag tag;

    if (kiss_etag_is_any(header)) {
        return selected;
    }
    while (kiss_etag_next(&tag, &header)) {
        if (kiss_etag_stands_for(&tag, v->tag)) {
            const char *opaque = apr_pstrmemdup(p, tag.opaque, tag.len);

            if (strcmp(opaque, selected) == 0) {
                return selected;
            }
            found = found ? found : opaque;
        }
    }
    return found;
}

/* --- evaluation --- */

void kiss_precondition_tag(kiss_req *k, const kiss_validator *v)
{
    apr_table_setn(k->r->headers_out, "ETag", quoted(k->pool, v, apr_pstrcat(k->pool, v->tag, v->coding, NULL)));
}

const kiss_error *kiss_precondition_check(kiss_req *k, const kiss_validator *v, int *status)
{
    request_rec *r = k->r;
    const char *if_match = apr_table_get(r->headers_in, "If-Match"), *match;
    const char *if_none_match = apr_table_get(r->headers_in, "If-None-Match");

    *status = 0;
    kiss_precondition_tag(k, v);
    if (kiss_precondition_is_fragment(r)) {
        return NULL;
    }
    if (if_match && !may_match(if_match, v, k->pool)) {
        apr_table_unset(r->headers_out, "ETag");
        return &kiss_error_precondition;
    }
    if (if_none_match && (match = find_match(if_none_match, v, k->pool))) {
        apr_table_setn(r->headers_out, "ETag", quoted(k->pool, v, match));
        *status = HTTP_NOT_MODIFIED;
        return NULL;
    }
    if (if_match && !kiss_etag_is_any(if_match)) {
        ap_add_output_filter_handle(if_match_filter, k, r, r->connection);
    }
    return NULL;
}

void kiss_precondition_range(request_rec *r)
{
    const char *if_range = apr_table_get(r->headers_in, "If-Range");

    if (!r->main && (r->method_number != M_GET || r->header_only || (if_range && *if_range != '"'))) {
        apr_table_unset(r->headers_in, "Range");
        apr_table_unset(r->headers_in, "Request-Range");
    }
}
