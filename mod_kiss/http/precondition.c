/* SPDX-License-Identifier: Apache-2.0 */
/**
 * precondition - compares entity tags and dates of request headers with those of the representation.
 */
#include "http/precondition.h"

#include <util_filter.h>

#include <apr_date.h>
#include <apr_lib.h>

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
    static const char *const content_headers[] = { "ETag", "Last-Modified", "Content-Encoding", "Content-Length", "IM",
                                                   "Delta-Base", NULL };
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

/* --- dates --- */

/* "Wednesday, 09-Nov-94 08:49:37 GMT", the longest form of a date, and "Sun Nov  6 08:49:37 1994" (RFC 9110 section 5.6.7).
 * APR parses what follows a date, too. */
#define LONGEST 33
#define ASCTIME 24

/** A header's date as seconds since 1970; 0 when it is none, or there is no such header. */
static apr_int64_t date_of(const char *header)
{
    apr_size_t n = header ? strlen(header) : 0;
    int is_date = n <= LONGEST && ((n > 4 && strcmp(header + n - 4, " GMT") == 0)
                                   || (n == ASCTIME && apr_isdigit(header[n - 1])));

    return is_date ? apr_time_sec(apr_date_parse_http(header)) : 0;
}

/** Sets or removes Last-Modified, and applies a range that depends on it. */
static void set_date(kiss_req *k, apr_int64_t modified)
{
    char *date = apr_palloc(k->pool, APR_RFC822_DATE_LEN);

    apr_table_unset(k->r->headers_out, "Last-Modified");
    if (modified && apr_rfc822_date(date, apr_time_from_sec(modified)) == APR_SUCCESS) {
        apr_table_setn(k->r->headers_out, "Last-Modified", date);
    }
    if (k->dated.range && modified && k->dated.since == modified) {
        /* httpd would not take a date of the last minute for a strong validator. */
        apr_table_unset(k->r->headers_in, "If-Range");
        apr_table_setn(k->r->headers_in, "Range", k->dated.range);
    }
    else if (k->dated.range) {
        apr_table_unset(k->r->headers_in, "Range");
    }
}

/* --- evaluation --- */

void kiss_precondition_tag(kiss_req *k, const kiss_validator *v)
{
    apr_table_setn(k->r->headers_out, "ETag", quoted(k->pool, v, apr_pstrcat(k->pool, v->tag, v->coding, NULL)));
    set_date(k, v->modified);
}

void kiss_precondition_remove(kiss_req *k)
{
    apr_table_unset(k->r->headers_out, "ETag");
    apr_table_unset(k->r->headers_out, "Last-Modified");
}

/** 1 when the representation was modified after a date in If-Unmodified-Since. */
static int is_later(const request_rec *r, const kiss_validator *v)
{
    apr_int64_t since = date_of(apr_table_get(r->headers_in, "If-Unmodified-Since"));

    return since && v->modified > since;
}

/** 1 when If-Modified-Since has the date of the representation. */
static int is_known(const request_rec *r, const kiss_validator *v)
{
    return v->modified && date_of(apr_table_get(r->headers_in, "If-Modified-Since")) == v->modified;
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
    if (if_match ? !may_match(if_match, v, k->pool) : is_later(r, v)) {
        kiss_precondition_remove(k);
        return &kiss_error_precondition;
    }
    if (if_none_match && (match = find_match(if_none_match, v, k->pool))) {
        apr_table_setn(r->headers_out, "ETag", quoted(k->pool, v, match));
        *status = HTTP_NOT_MODIFIED;
        return NULL;
    }
    if (!if_none_match && is_known(r, v)) {
        *status = HTTP_NOT_MODIFIED;
        return NULL;
    }
    if (if_match && !kiss_etag_is_any(if_match)) {
        ap_add_output_filter_handle(if_match_filter, k, r, r->connection);
    }
    return NULL;
}

const kiss_error *kiss_precondition_write(const request_rec *r)
{
    const char *if_match = apr_table_get(r->headers_in, "If-Match");
    const char *if_none_match = apr_table_get(r->headers_in, "If-None-Match");

    return (if_match && !kiss_etag_is_any(if_match)) || (if_none_match && kiss_etag_is_any(if_none_match))
           ? &kiss_error_precondition : NULL;
}

/** 1 when a header names the tag. @param strong 1: tags that are weak do not count */
static int names_object(const char *header, const char *tag, int strong)
{
    kiss_etag sent;

    if (!tag || kiss_etag_is_any(header)) {
        return tag != NULL;
    }
    while (kiss_etag_next(&sent, &header)) {
        if (!(strong && sent.weak) && kiss_etag_stands_for(&sent, tag)) {
            return 1;
        }
    }
    return 0;
}

const kiss_error *kiss_precondition_object(const request_rec *r, const char *tag)
{
    const char *if_match = apr_table_get(r->headers_in, "If-Match");
    const char *if_none_match = apr_table_get(r->headers_in, "If-None-Match");

    return (if_match && !names_object(if_match, tag, 1)) || (if_none_match && names_object(if_none_match, tag, 0))
           ? &kiss_error_precondition : NULL;
}

void kiss_precondition_range(kiss_req *k)
{
    request_rec *r = k->r;
    const char *if_range = apr_table_get(r->headers_in, "If-Range");

    if (!r->main && r->method_number == M_GET && !r->header_only && if_range && *if_range != '"') {
        k->dated.range = apr_table_get(r->headers_in, "Range");
        k->dated.since = date_of(if_range);
    }
    if (!r->main && (r->method_number != M_GET || r->header_only || (if_range && *if_range != '"'))) {
        apr_table_unset(r->headers_in, "Range");
        apr_table_unset(r->headers_in, "Request-Range");
    }
}
