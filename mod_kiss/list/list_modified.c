/* SPDX-License-Identifier: Apache-2.0 */
/**
 * list_modified - finds and records since when a customer has been given the present state of a list.
 */
#include "list/list_modified.h"

#include "caller/caller.h"
#include "core/config.h"
#include "core/log_seldom.h"
#include "db/db.h"
#include "http/precondition.h"
#include "lib/base/etag.h"
#include "lib/file/list_times.h"

/* A lock is held while a small file is replaced. */
#define LOCK_WAIT apr_time_from_sec(2)

/**
 * The name of the file: of a customer's list in all formats, because Accept selects them for the same URL. Its length is
 * not that of any cached list, so that its lock is not either (kiss_list_cache_lock()).
 */
static const char *name_of(const kiss_req *k, apr_pool_t *p)
{
    const kiss_endpoint *e = k->endpoint;
    const char *list = e->variant_of ? e->variant_of : e->path;
    const char *key = apr_pstrcat(p, KISS_ETAG_FORMAT "\ntimes\n", k->api->name, "\n", k->api->profile, "\n", list, "\n",
                                  k->caller->code, NULL);

    return apr_pstrcat(p, kiss_cache_file_name(kiss_db_origin(k->db), kiss_etag_make(key, p), NULL, "", p),
                       KISS_TIMES_SUFFIX, NULL);
}

/** Records the present second, under the lock of the file. */
static apr_status_t record(apr_int64_t *since, const char *dir, const char *name, const kiss_list_given *given,
                           apr_pool_t *p)
{
    const char *path = apr_pstrcat(p, kiss_list_cache_dir(dir, p), "/", name, NULL);
    apr_pool_t *lock;
    apr_status_t rv = apr_pool_create(&lock, p);

    if (rv == APR_SUCCESS) {
        rv = kiss_list_cache_lock(dir, name, LOCK_WAIT, NULL, NULL, lock);
        rv = rv == APR_SUCCESS ? kiss_times_record(since, path, given, apr_time_sec(apr_time_now()), p) : rv;
        apr_pool_destroy(lock);
    }
    return rv;
}

apr_int64_t kiss_list_modified(const kiss_req *k, const char *tag, const kiss_list_variant *variant)
{
    const char *dir = kiss_config_cache_dir(k->server), *name, *path;
    const kiss_list_given given = { k->endpoint->name, variant->gzip ? "gzip" : "identity",
                                    apr_pstrcat(k->pool, tag, kiss_list_variant_coding(variant), NULL) };
    apr_int64_t since;
    apr_status_t rv;

    if (!kiss_config_takes_basic(k->conf, k->endpoint) || kiss_precondition_is_fragment(k->r)) {
        return 0;
    }
    name = name_of(k, k->pool);
    path = apr_pstrcat(k->pool, kiss_list_cache_dir(dir, k->pool), "/", name, NULL);
    rv = kiss_times_find(&since, path, &given, k->pool);
    if (rv == APR_SUCCESS && !since) {
        rv = record(&since, dir, name, &given, k->pool);
    }
    if (rv != APR_SUCCESS) {
        KISS_LOG_SELDOM(KISS_LOG_SELDOM_TIMES, k, APLOG_WARNING, rv, KISS_LOGNO(0661) "when a list was first sent cannot be "
                        "recorded in %s (KissCacheDir): it has no Last-Modified", dir);
        return 0;
    }
    /* While its second lasts, another state may be sent; it is in the future after the clock was set back. The answer's Date
     * is the time of the request. */
    return since < apr_time_sec(k->r->request_time) ? since : 0;
}
