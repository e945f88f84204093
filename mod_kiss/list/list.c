/* SPDX-License-Identifier: Apache-2.0 */
/**
 * list - selects the variant of a list, and sends it from the cache or from a job.
 */
#include "list/list.h"

#include <string.h>

#include "caller/caller.h"
#include "caller/caller_stale.h"
#include "core/config.h"
#include "core/error.h"
#include "core/verified.h"
#include "db/db_revision.h"
#include "http/precondition.h"
#include "http/response.h"
#include "lib/base/etag.h"
#include "lib/base/negotiate.h"
#include "lib/file/delta.h"
#include "list/list_base.h"
#include "list/list_cache.h"
#include "list/list_cache_map.h"
#include "list/list_job.h"
#include "list/list_modified.h"
#include "list/list_usage.h"

/* Bytes, by coding, after which an incomplete answer is sent as it is written; one that is complete before has
 * Content-Length. */
static const apr_off_t send_at[] = { 2 * 1024 * 1024, 256 * 1024 };

/* Maximum of bases: a client has one version, or few, and each costs a lookup in the directory. */
#define MAX_BASES 8

/* --- sending --- */

/** 1 unless EnableMMAP is Off. */
static int may_map(const request_rec *r)
{
    const core_dir_config *core = ap_get_core_module_config(r->per_dir_config);

    return core->enable_mmap != ENABLE_MMAP_OFF;
}

/** The validators of this variant of the list with this ETag. */
static kiss_validator validator(const kiss_req *k, const char *tag, const kiss_list_variant *variant)
{
    const kiss_validator v = { tag, kiss_list_variant_coding(variant), 0, kiss_list_modified(k, tag, variant) };

    return v;
}

/** Marks an answer with the list that was current at k->as_of; another one was read meanwhile, and is current. */
static void mark_stale(kiss_req *k, const char *tag)
{
    if (k->as_of_tag && strcmp(tag, k->as_of_tag) == 0) {
        kiss_response_stale(k);
        kiss_db_revision_note_stale(k);
        k->tally.stale = 1;
        apr_table_setn(k->r->notes, "kiss-snapshot", "stale");
    }
}

/** Sets the headers of this variant of the list with this ETag. */
static void describe(kiss_req *k, const char *tag, const kiss_list_variant *variant)
{
    if (variant->base) {
        kiss_precondition_remove(k);
        kiss_response_delta(k, tag, variant->base, KISS_DELTA_IM);
    }
    else {
        const kiss_validator v = validator(k, tag, variant);

        kiss_precondition_tag(k, &v);
    }
    if (variant->gzip) {
        kiss_response_gzip(k);
    }
    mark_stale(k, tag);
}

/** Sends a mapped entry, and releases the reference to it. */
static int send_mapped(kiss_req *k, kiss_list_cache_map *map)
{
    apr_bucket_brigade *bb = apr_brigade_create(k->r->pool, k->r->connection->bucket_alloc);
    apr_off_t size = kiss_list_cache_map_size(map);

    kiss_list_cache_map_insert(map, bb);
    return kiss_response_mapped(k, bb, size, kiss_list_cache_map_file);
}

/** Sends the cached variant of the list with this ETag, if there is one. @return 1 when sent */
static int send_cached(kiss_req *k, const char *tag, const kiss_list_variant *variant, int *status)
{
    const char *name = kiss_list_variant_name(variant, k, tag, k->pool);
    kiss_list_cache_map *map = NULL;
    kiss_list_cache_entry entry;
    apr_status_t rv = k->may_map ? kiss_list_cache_map_open(&map, kiss_config_cache_dir(k->server), name) : APR_ENOTIMPL;

    if (rv == APR_ENOTIMPL) {
        rv = kiss_list_cache_open(&entry, kiss_config_cache_dir(k->server), name, k->pool);
    }
    if (!kiss_list_cache_is_sound(rv, k, name)) {
        return 0;
    }
    describe(k, tag, variant);
    *status = map ? send_mapped(k, map) : kiss_response_stored(k, &entry.stored);
    return 1;
}

/** 1 when an answer can be sent before its length is known. */
static int may_stream(const kiss_req *k)
{
    const request_rec *r = k->r;

    /* An HTTP/1.0 client cannot detect that it was aborted, nor can a page that includes it; a range needs the length. */
    return !kiss_config_whole_answers(k->conf) && !r->main && !r->header_only && r->proto_num >= HTTP_VERSION(1, 1)
           && !apr_table_get(r->headers_in, "Range");
}

/** Records where the list comes from, for log and metrics. */
static void note_work(kiss_req *k, kiss_work work)
{
    k->tally.work = work;
    apr_table_setn(k->r->notes, "kiss-snapshot", k->tally.stale ? "stale" : kiss_tally_work_name[work]);
}

/**
 * Waits for a job and sends its list. When a variant cannot be built, its source is sent.
 *
 * @param tag   receives the ETag of what is sent
 * @param again receives 1 when nothing was sent, because the cached list that was found is damaged by now
 */
static const kiss_error *send_job(kiss_req *k, kiss_list_job *m, const char **tag, int *status, int *again)
{
    const kiss_list_job *asked = m;
    const kiss_error *e = NULL;

    for (; m; m = kiss_list_job_source(m)) {
        const kiss_list_variant *variant = kiss_list_job_variant(m);
        kiss_progress *progress = kiss_list_job_progress(m);
        kiss_progress_view view = kiss_progress_wait(progress, may_stream(k) ? send_at[variant->gzip]
                                                     : KISS_PROGRESS_WHOLE);

        note_work(k, kiss_list_job_work(asked));
        *tag = view.tag ? apr_pstrdup(k->pool, view.tag) : *tag;
        e = view.ended ? kiss_list_job_end(m, k) : NULL;
        if (!e && view.ended && send_cached(k, view.tag, variant, status)) {
            break;
        }
        *again = !e && kiss_list_job_is_altered(m);
        if (*again) {
            break;
        }
        if (!e) {
            describe(k, view.tag, variant);
            *status = kiss_response_progress(k, progress);
            kiss_list_job_end(m, k);
            note_work(k, kiss_list_job_work(asked));
            break;
        }
    }
    return e;
}

/** The variant is not cached: this request starts a job for it, or waits for the one that has. @param tag see send_list() */
static const kiss_error *start_job(kiss_req *k, const char **tag, const kiss_list_variant *variant, int *status)
{
    kiss_list_job *m;
    const kiss_error *e;
    int again, tries = 0;

    do {
        again = 0;
        e = kiss_list_job_begin(&m, k, *tag, variant);
        e = e ? e : send_job(k, m, tag, status, &again);
    } while (again && ++tries < 2);
    return again ? &kiss_error_unavailable : e;
}

/* --- the version that the client has --- */

/**
 * 1 when a version with this ETag is cached, of the same list with the same cache key: a delta reveals nothing that the
 * client may not see.
 */
static int is_cached(const kiss_req *k, const char *tag)
{
    const char *dir = kiss_config_cache_dir(k->server);
    const kiss_list_variant whole = { NULL, 0 };
    kiss_cache_file_label label;
    kiss_list_cache_entry entry;
    kiss_cache_file f;

    return kiss_list_cache_open(&entry, dir, kiss_list_variant_name(&whole, k, tag, k->pool), k->pool) == APR_SUCCESS
           && kiss_cache_file_read(&f, entry.stored.file, entry.info.size) == APR_SUCCESS
           && kiss_cache_file_label_read(&label, &f, entry.stored.file, k->pool) == APR_SUCCESS
           && strcmp(label.cache_key, kiss_caller_cache_key(k->caller, k->api, k->endpoint, k->pool)) == 0;
}

/**
 * The first version in If-None-Match that can be the base of a delta; NULL when there is none or the client does not
 * accept deltas.
 */
static const char *find_base(const kiss_req *k)
{
    const char *at = apr_table_get(k->r->headers_in, "If-None-Match");
    kiss_etag sent;
    int looked;

    if (kiss_precondition_is_fragment(k->r) || !k->may_map || k->endpoint->format != KISS_FORMAT_JSON
        || !kiss_negotiate_im(apr_table_get(k->r->headers_in, "A-IM"), KISS_DELTA_IM)) {
        return NULL;
    }
    for (looked = 0; looked < MAX_BASES && kiss_etag_next(&sent, &at); looked++) {
        const char *tag = apr_pstrmemdup(k->pool, sent.opaque, kiss_etag_bare(&sent, KISS_ETAG_LEN));

        if (*tag && (kiss_base_is_version(k, tag) || is_cached(k, tag))) {
            return tag;
        }
    }
    return NULL;
}

/**
 * Sends the list with this ETag, from the cache or from a job.
 *
 * @param tag receives the ETag of what is sent: a job may have made a newer version
 * @return NULL, or the error, when nothing was sent
 */
static const kiss_error *send_list(kiss_req *k, const char **tag, const kiss_list_variant *variant, int *status)
{
    note_work(k, KISS_WORK_HIT);
    return send_cached(k, *tag, variant, status) ? NULL : start_job(k, tag, variant, status);
}

/* --- while the database is away (KissServeStale) --- */

/**
 * Stores that this list was current, where it was sent from the cache or is the one that is known: a list that has been the
 * same for a day is as old as its last check, not as its build.
 */
static void note_current(const kiss_req *k, const char *tag)
{
    const apr_int64_t verified = kiss_caller_stale_verified(k);
    const char *key, *last;
    apr_int64_t before = 0;

    if (!verified) {
        return;
    }
    key = kiss_caller_cache_key(k->caller, k->api, k->endpoint, k->pool);
    last = kiss_verified_get(KISS_VERIFIED_LIST, kiss_db_origin(k->db), key, &before, NULL, k->pool);
    if (last && strcmp(last, tag) == 0 ? before < verified : k->tally.work == KISS_WORK_HIT) {
        kiss_verified_put(KISS_VERIFIED_LIST, kiss_db_origin(k->db), key, verified, tag, strlen(tag));
    }
}

/** 1 when there is a file that this variant of the list can be made of without the database. */
static int is_kept(const kiss_req *k, const char *tag, const kiss_list_variant *variant)
{
    const char *dir = kiss_config_cache_dir(k->server);
    const kiss_list_variant whole = { NULL, 0 };

    return kiss_list_cache_exists(dir, kiss_list_variant_name(&whole, k, tag, k->pool), k->pool)
           || (variant->gzip && kiss_list_cache_exists(dir, kiss_list_variant_name(variant, k, tag, k->pool), k->pool));
}

/**
 * Answers with a list that is cached, and was current at a time: 304, changes that are cached, too, or all of it.
 *
 * @param answered receives 0 when nothing was sent, because the client does not have this list, nor does the cache
 */
static const kiss_error *answer_as_of(kiss_req *k, const char *tag, apr_int64_t as_of, const kiss_list_variant *variant,
                                      int *status, int *answered)
{
    const kiss_validator v = validator(k, tag, variant);
    const int kept = is_kept(k, tag, variant);
    kiss_list_variant changes = *variant;
    const kiss_error *e;

    *answered = 1;
    k->as_of = as_of;
    k->as_of_tag = tag;
    e = kiss_precondition_check(k, &v, status);
    if (*status) {
        mark_stale(k, tag);
        return NULL;
    }
    if (e || !kept) {
        *answered = kept;
        return e;
    }
    changes.base = find_base(k);
    note_work(k, KISS_WORK_HIT);
    return changes.base && send_cached(k, tag, &changes, status) ? NULL : send_list(k, &tag, variant, status);
}

/**
 * Answers a request that the database has failed.
 *
 * @param tag   ETag of the list by the last record of the caller that is known
 * @param as_of when it was current; 0 when it is, but cannot be built
 * @param e     the error when there is nothing to answer with
 */
static const kiss_error *answer_stale(kiss_req *k, const char *tag, apr_int64_t as_of, const kiss_list_variant *variant,
                                      const kiss_error *e, int *status)
{
    const char *key = kiss_caller_cache_key(k->caller, k->api, k->endpoint, k->pool), *last;
    const kiss_error *result = NULL;
    apr_int64_t asked;
    int answered = 0;

    if (as_of) {
        result = answer_as_of(k, tag, as_of, variant, status, &answered);
    }
    if (!answered) {
        last = kiss_verified_get(KISS_VERIFIED_LIST, kiss_db_origin(k->db), key, &asked, NULL, k->pool);
        if (last && strcmp(last, tag) != 0 && kiss_verified_may_serve(k, asked)) {
            result = answer_as_of(k, last, asked, variant, status, &answered);
        }
    }
    return answered ? result : e;
}

/* --- the answer --- */

const kiss_error *kiss_list_run(kiss_req *k, int *status)
{
    const char *tag = kiss_caller_etag(k->caller, k->api, k->endpoint, k->pool), *sent;
    kiss_list_variant variant = { NULL, !kiss_precondition_is_fragment(k->r)
                                  && kiss_negotiate_gzip(apr_table_get(k->r->headers_in, "Accept-Encoding")) };
    kiss_validator v;
    const kiss_error *e;

    k->may_map = may_map(k->r);
    kiss_list_usage_count(k, variant.gzip);
    kiss_response_private(k);
    /* The coding was selected here, by q-values, from the cache: mod_deflate must not compress it again. */
    apr_table_setn(k->r->subprocess_env, "no-gzip", "1");
    if (k->as_of) {
        e = answer_stale(k, tag, k->as_of, &variant, k->db_error, status);
    }
    else {
        v = validator(k, tag, &variant);
        e = kiss_precondition_check(k, &v, status);
        if (e || *status) {
            note_current(k, tag);
            return e;
        }
        variant.base = find_base(k);
        sent = tag;
        e = send_list(k, &sent, &variant, status);
        if (e && k->tally.db_away) {
            variant.base = NULL;
            e = answer_stale(k, tag, 0, &variant, e, status);
        }
        else if (!e) {
            note_current(k, sent);
        }
    }
    if (e) {
        kiss_precondition_remove(k);
        k->tally.work = KISS_WORK_NONE;
    }
    return e;
}
