#include "kiss_list.h"

#include <string.h>

#include "kiss_accept.h"
#include "kiss_build.h"
#include "kiss_caller.h"
#include "kiss_config.h"
#include "kiss_error.h"
#include "kiss_out.h"
#include "kiss_snapshot.h"
#include "kiss_spool.h"

/* How long a request waits for another one that builds the same answer. */
#define BUILD_WAIT apr_time_from_sec(30)

/** Makes what was built a snapshot. A failure costs the next request the same work; this one has its answer. */
static void keep(kiss_req *k, kiss_spool *spool, const char *tag, const char *coding)
{
    kiss_snapfile_label label = kiss_caller_label(k->caller, k->endpoint, tag, coding, k->conf->base, k->pool);
    apr_status_t rv = kiss_snapshot_publish(spool, kiss_config_cache_dir(k->r->server), &label, k->pool);

    if (rv != APR_SUCCESS) {
        ap_log_rerror(APLOG_MARK, APLOG_WARNING, rv, k->r, KISS_LOGNO(0607) "the answer could not be kept in %s "
                      "(KissCacheDir): is it full, or not writable for the server's user?",
                      kiss_config_cache_dir(k->r->server));
    }
}

/** Logs what is wrong with a snapshot, if anything. @return 1 when it can be used */
static int is_usable(kiss_req *k, apr_status_t rv, const char *tag)
{
    if (rv == APR_EMISMATCH) {
        ap_log_rerror(APLOG_MARK, APLOG_WARNING, 0, k->r, KISS_LOGNO(0608) "the snapshot %s in %s (KissCacheDir) was damaged "
                      "and is removed", tag, kiss_config_cache_dir(k->r->server));
    }
    else if (rv != APR_SUCCESS && rv != APR_ENOENT) {
        ap_log_rerror(APLOG_MARK, APLOG_WARNING, rv, k->r, KISS_LOGNO(0610) "the snapshot %s in %s (KissCacheDir) cannot be "
                      "read", tag, kiss_config_cache_dir(k->r->server));
    }
    return rv == APR_SUCCESS;
}

/** Opens the snapshot of this tag. @return 1 when there is a sound one */
static int open_kept(kiss_req *k, const char *tag, kiss_snapshot *snapshot)
{
    return is_usable(k, kiss_snapshot_open(snapshot, kiss_config_cache_dir(k->r->server), tag, k->pool), tag);
}

/** Maps the snapshot of this tag, where files are mapped. */
static apr_status_t map_kept(kiss_req *k, const char *tag, kiss_mapped **mapped)
{
    const core_dir_config *core = ap_get_core_module_config(k->r->per_dir_config);

    return core->enable_mmap == ENABLE_MMAP_OFF ? APR_ENOTIMPL
                                                : kiss_mapped_open(mapped, kiss_config_cache_dir(k->r->server), tag);
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

    if (rv == APR_ENOTIMPL ? !open_kept(k, coded, &snapshot) : !is_usable(k, rv, coded)) {
        return 0;
    }
    apr_table_setn(k->r->notes, "kiss-snapshot", "hit");
    kiss_out_tag(k, coded);
    if (gzip) {
        kiss_out_gzip(k);
    }
    *status = mapped ? kiss_out_mapped(k, mapped) : kiss_out_file(k, snapshot.file, snapshot.size);
    return 1;
}

/** An answer that is ready to be sent. */
typedef struct {
    kiss_snapshot kept;             /* it comes from a file that was kept, */
    kiss_spool *made;               /* or was made just now */
    const char *tag;
    int gzip;
} ready;

/** Compresses what is ready. A failure leaves it as it is. */
static void compress(kiss_req *k, ready *a)
{
    apr_file_t *file = a->made ? a->made->file : a->kept.file;
    apr_off_t size = a->made ? a->made->size : a->kept.size;
    kiss_spool *made;
    apr_status_t rv = file ? kiss_snapshot_gzip(&made, file, size, kiss_config_cache_dir(k->r->server), k->pool)
                           : APR_ENOTIMPL;

    if (rv == APR_SUCCESS) {
        a->made = made;
        a->gzip = 1;
        a->tag = gzip_tag(k, a->tag);
        keep(k, made, a->tag, "gzip");
    }
    else if (file) {
        ap_log_rerror(APLOG_MARK, APLOG_WARNING, rv, k->r, KISS_LOGNO(0609) "the answer could not be compressed in %s "
                      "(KissCacheDir), and is sent as it is", kiss_config_cache_dir(k->r->server));
    }
}

/** Finds or builds the answer; the caller holds the lock, if there can be one. */
static const kiss_error *prepare(kiss_req *k, ready *a, int gzip)
{
    memset(&a->kept, 0, sizeof(a->kept));
    a->made = NULL;
    a->gzip = 0;
    if (!gzip || !open_kept(k, a->tag, &a->kept)) {
        kiss_built built;
        const kiss_error *e = kiss_build_list(&built, k);

        if (e) {
            return e;
        }
        a->made = built.spool;
        a->tag = built.tag;
        keep(k, a->made, a->tag, "identity");
    }
    apr_table_setn(k->r->notes, "kiss-snapshot", a->made ? "built" : "compressed");
    if (gzip) {
        compress(k, a);
    }
    return NULL;
}

/** Sends what is ready. */
static int send_ready(kiss_req *k, const ready *a)
{
    kiss_out_tag(k, a->tag);
    if (a->gzip) {
        kiss_out_gzip(k);
    }
    return a->made ? kiss_out_spool(k, HTTP_OK, a->made) : kiss_out_file(k, a->kept.file, a->kept.size);
}

/** No other request has built the answer: this one does, while others wait for it. */
static const kiss_error *build_or_wait(kiss_req *k, const char *tag, int gzip, int *status)
{
    ready a = { .tag = tag };
    const kiss_error *e;
    apr_status_t locked;
    apr_pool_t *lock;

    if (apr_pool_create(&lock, k->pool) != APR_SUCCESS) {
        return &kiss_error_internal;
    }
    locked = kiss_snapshot_lock(kiss_config_cache_dir(k->r->server), tag, BUILD_WAIT, lock);
    if (locked == APR_TIMEUP) {
        return &kiss_error_busy;
    }
    /* Another one may have been quicker. Without a lock (no space, say) each builds its own. */
    if (locked == APR_SUCCESS && send_kept(k, tag, gzip, status)) {
        apr_pool_destroy(lock);
        return NULL;
    }
    e = prepare(k, &a, gzip);
    apr_pool_destroy(lock);                     /* before the client reads */
    if (!e) {
        *status = send_ready(k, &a);
    }
    return e;
}

const kiss_error *kiss_list_run(kiss_req *k, int *status)
{
    const char *tag = kiss_caller_etag(k->caller, k->api, k->endpoint, k->pool);
    int gzip = kiss_accept_gzip(apr_table_get(k->r->headers_in, "Accept-Encoding"));
    const kiss_error *e = NULL;

    kiss_out_private(k);
    /* The coding is chosen here, by q-values, and costs nothing: mod_deflate is not to do it again. */
    apr_table_setn(k->r->subprocess_env, "no-gzip", "1");
    *status = kiss_out_conditional(k, tag, 0);
    if (*status) {
        kiss_out_tag(k, gzip ? gzip_tag(k, tag) : tag);
        return NULL;
    }
    if (!send_kept(k, tag, gzip, status) && (e = build_or_wait(k, tag, gzip, status))) {
        apr_table_unset(k->r->headers_out, "ETag");
    }
    return e;
}
