#include "kiss_list.h"

#include <string.h>

#include "kiss_accept.h"
#include "kiss_caller.h"
#include "kiss_config.h"
#include "kiss_making.h"
#include "kiss_out.h"
#include "kiss_snapshot.h"
#include "kiss_usage.h"

/* An answer that has come so far before it is whole is sent as it grows, by coding; a smaller one has Content-Length. */
static const apr_off_t send_at[] = { 2 * 1024 * 1024, 256 * 1024 };

/** Maps the snapshot of this tag, where files are mapped. */
static apr_status_t map_kept(kiss_req *k, const char *tag, kiss_mapped **mapped)
{
    const core_dir_config *core = ap_get_core_module_config(k->r->per_dir_config);

    return core->enable_mmap == ENABLE_MMAP_OFF ? APR_ENOTIMPL : kiss_mapped_open(mapped, kiss_config_cache_dir(k->server), tag);
}

static const char *gzip_tag(const kiss_req *k, const char *tag)
{
    return apr_pstrcat(k->pool, tag, KISS_OUT_GZIP, NULL);
}

/** Sends the snapshot of the content `tag`, in the coding that the client wants, if there is one. @return 1 when sent */
static int send_kept(kiss_req *k, const char *tag, int gzip, int *status)
{
    const char *coded = gzip ? gzip_tag(k, tag) : tag;
    kiss_mapped *mapped = NULL;
    kiss_snapshot snapshot;
    apr_status_t rv = map_kept(k, coded, &mapped);

    if (rv == APR_ENOTIMPL) {
        rv = kiss_snapshot_open(&snapshot, kiss_config_cache_dir(k->server), coded, k->pool);
    }
    if (!kiss_snapshot_is_sound(rv, k, coded)) {
        return 0;
    }
    kiss_out_tag(k, coded);
    if (gzip) {
        kiss_out_gzip(k);
    }
    *status = mapped ? kiss_out_mapped(k, mapped) : kiss_out_file(k, snapshot.file, snapshot.size);
    return 1;
}

/** 1 when an answer can be sent whose length is not known yet. */
static int may_stream(const request_rec *r)
{
    /* An HTTP/1.0 client could not see that it was broken off; a range needs the length. */
    return !r->header_only && r->proto_num >= HTTP_VERSION(1, 1) && !apr_table_get(r->headers_in, "Range");
}

/** Sends what is being made, whole or not. */
static int send_growing(kiss_req *k, kiss_growing *growing, int gzip)
{
    kiss_grown grown = kiss_growing_wait(growing, 0);

    kiss_out_tag(k, gzip ? gzip_tag(k, grown.tag) : grown.tag);
    if (gzip) {
        kiss_out_gzip(k);
    }
    return kiss_out_growing(k, growing);
}

/** Waits for an answer in the making, and sends it. */
static const kiss_error *send_making(kiss_req *k, kiss_making *m, int gzip, int *status)
{
    kiss_growing *growing = kiss_making_growing(m);
    kiss_making *source = kiss_making_source(m);
    kiss_grown grown = kiss_growing_wait(growing, may_stream(k->r) ? send_at[gzip] : APR_INT64_MAX - 1);
    const kiss_error *e = NULL;

    apr_table_setn(k->r->notes, "kiss-snapshot", kiss_making_work(m));
    if (grown.ended) {
        e = kiss_making_end(m, k);
    }
    if (e && source && !kiss_making_end(source, k)) {
        *status = send_growing(k, kiss_making_growing(source), 0);
        return NULL;
    }
    if (!e && !(grown.ended && send_kept(k, grown.tag, gzip, status))) {
        *status = send_growing(k, growing, gzip);
        kiss_making_end(m, k);
    }
    return e;
}

/** No other request has made the answer: this one does, or waits for the one that does. */
static const kiss_error *make(kiss_req *k, const char *tag, int gzip, int *status)
{
    kiss_making *m;
    const kiss_error *e = kiss_making_begin(&m, k, tag, gzip);

    return e ? e : send_making(k, m, gzip, status);
}

const kiss_error *kiss_list_run(kiss_req *k, int *status)
{
    const char *tag = kiss_caller_etag(k->caller, k->api, k->endpoint, k->pool);
    int gzip = kiss_accept_gzip(apr_table_get(k->r->headers_in, "Accept-Encoding"));
    const kiss_error *e = NULL;

    kiss_usage_count(k, gzip);
    kiss_out_private(k);
    /* The coding is chosen here, by q-values, and costs nothing: mod_deflate is not to do it again. */
    apr_table_setn(k->r->subprocess_env, "no-gzip", "1");
    *status = kiss_out_conditional(k, tag, 0);
    if (*status) {
        kiss_out_tag(k, gzip ? gzip_tag(k, tag) : tag);
        return NULL;
    }
    apr_table_setn(k->r->notes, "kiss-snapshot", "hit");
    if (!send_kept(k, tag, gzip, status) && (e = make(k, tag, gzip, status))) {
        apr_table_unset(k->r->headers_out, "ETag");
    }
    return e;
}
