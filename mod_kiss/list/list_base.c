/* SPDX-License-Identifier: Apache-2.0 */
/**
 * list_base - finds the cached version that a list can be derived from, and by the log of changes the SKUs that have
 * changed since.
 */
#include "list/list_base.h"

#include <stdlib.h>
#include <string.h>

#include "caller/caller.h"
#include "core/config.h"
#include "db/db_run.h"
#include "lib/file/list_rows.h"
#include "lib/file/list_states.h"
#include "list/list_cache.h"
#include "list/list_format.h"
#include "list/list_shared.h"

/* Number of cached versions that are tried, the newest first. The newest one fails if a restore of the database has ended
 * the history that it belongs to. */
#define CANDIDATES 4

/** A cached version that may become the base. */
typedef struct {
    kiss_list_state state;
    apr_uint64_t revision[KISS_DEPENDENCIES];
    int changes[KISS_DEPENDENCIES];     /* number of changes after it; -1: the chain does not pass it */
} candidate;

/** The search for a base. */
typedef struct {
    const kiss_req *k;
    const kiss_caller *caller;
    apr_pool_t *pool;
    kiss_dependency on[KISS_DEPENDENCIES];
    int datasets;
    candidate found[CANDIDATES];
    int candidates;
    candidate first;                    /* found[0] before the chain was followed */
    apr_array_header_t *skus[KISS_DEPENDENCIES];    /* of kiss_value: the changes in a dataset, the newest first */
    const char *why;
} search;

_Static_assert(KISS_DEPENDENCIES <= KISS_STATES_REVISIONS, "a recorded version has a revision of each dataset");

static apr_uint64_t number(const char *text)
{
    return strtoull(text, NULL, 10);
}

static const char *states_of(const kiss_req *k, const kiss_caller *caller, apr_pool_t *p)
{
    const char *scope = kiss_caller_cache_key(caller, k->api, k->endpoint, p);
    const kiss_list_variant whole = { NULL, 0 };

    return apr_pstrcat(p, kiss_list_cache_dir(kiss_config_cache_dir(k->server), p), "/",
                       kiss_list_variant_name(&whole, k, scope, p),
                       KISS_STATES_SUFFIX, NULL);
}

/* --- candidates --- */

/**
 * 1 when this is a version of this list with the caller's terms, none of whose revisions is newer than the current one, or
 * with `newer` older than that; its ETag proves it.
 */
static int is_version(const search *s, const kiss_list_state *state, int newer)
{
    int i;

    if (state->count != s->datasets) {
        return 0;
    }
    for (i = 0; i < s->datasets; i++) {
        const apr_uint64_t its = number(state->revision[i]), current = number(s->on[i].revision);

        if (newer ? its < current : its > current) {
            return 0;
        }
    }
    return strcmp(kiss_caller_etag_at(s->caller, s->k->api, s->k->endpoint, state->revision, s->pool), state->tag) == 0;
}

static int is_candidate(const search *s, const char *tag)
{
    int i;

    for (i = 0; i < s->candidates && strcmp(s->found[i].state.tag, tag) != 0; i++) {
        continue;
    }
    return i < s->candidates;
}

static void add_candidate(search *s, const kiss_list_state *state)
{
    candidate *c = &s->found[s->candidates++];
    int i;

    c->state = *state;
    for (i = 0; i < s->datasets; i++) {
        c->revision[i] = number(state->revision[i]);
        c->changes[i] = -1;
    }
}

/** The recorded versions of the list, the newest last. */
static const apr_array_header_t *recorded(const search *s)
{
    apr_array_header_t *states;
    apr_status_t rv = kiss_states_read(&states, states_of(s->k, s->caller, s->pool), s->pool);

    if (rv != APR_SUCCESS) {
        KISS_LOG(s->k, APLOG_INFO, rv, KISS_LOGNO(0613) "the versions of a list cannot be read in %s (KissCacheDir)",
                 kiss_config_cache_dir(s->k->server));
    }
    return states;
}

/** Finds a version by its ETag; it may not be cached any more. */
static void find_version(search *s, const char *tag)
{
    const apr_array_header_t *states = recorded(s);
    int i;

    for (i = states->nelts - 1; i >= 0 && !s->candidates; i--) {
        const kiss_list_state *state = &APR_ARRAY_IDX(states, i, kiss_list_state);

        if (strcmp(state->tag, tag) == 0 && is_version(s, state, 0)) {
            add_candidate(s, state);
        }
    }
}

/** Finds earlier versions that are cached. */
static void find_candidates(search *s)
{
    const char *dir = kiss_config_cache_dir(s->k->server);
    const kiss_list_variant whole = { NULL, 0 };
    const apr_array_header_t *states = recorded(s);
    int i;

    for (i = states->nelts - 1; i >= 0 && s->candidates < CANDIDATES; i--) {
        const kiss_list_state *state = &APR_ARRAY_IDX(states, i, kiss_list_state);

        if (!is_candidate(s, state->tag)
            && kiss_list_cache_exists(dir, kiss_list_variant_name(&whole, s->k, state->tag, s->pool), s->pool)
            && is_version(s, state, 0)) {
            add_candidate(s, state);
        }
    }
}

/* --- the chain --- */

/** Marks the candidates that the chain of a dataset has reached. */
static void reach(search *s, int dataset, apr_uint64_t revision)
{
    int i;

    for (i = 0; i < s->candidates; i++) {
        if (s->found[i].revision[dataset] == revision && s->found[i].changes[dataset] < 0) {
            s->found[i].changes[dataset] = s->skus[dataset]->nelts;
        }
    }
}

/** The smallest revision of a dataset among the candidates. */
static const char *oldest(const search *s, int dataset)
{
    const char *text = s->on[dataset].revision;
    int i;

    for (i = 0; i < s->candidates; i++) {
        text = s->found[i].revision[dataset] < number(text) ? s->found[i].state.revision[dataset] : text;
    }
    return text;
}

/** Adds a row of the log to the chain. @return 0 when the chain ends here */
static int take_change(search *s, int dataset, const kiss_value *row, apr_uint64_t *expected)
{
    const kiss_value *sku = &row[KISS_CHANGE_SKU];
    apr_uint64_t n = row[KISS_CHANGE_REVISION].data ? number(row[KISS_CHANGE_REVISION].data) : 0;
    apr_uint64_t before = row[KISS_CHANGE_BEFORE].data ? number(row[KISS_CHANGE_BEFORE].data) : n;
    kiss_value *taken;

    if (n != *expected || before >= n || !sku->data || !sku->len || sku->len > KISS_ROWS_KEY) {
        s->why = n != *expected ? "the log of changes has a gap" : before >= n ? "the log of changes is out of order"
                 : "the log of changes does not say what has changed";
        return 0;
    }
    taken = apr_array_push(s->skus[dataset]);
    taken->data = apr_pstrmemdup(s->pool, sku->data, sku->len);
    taken->len = sku->len;
    *expected = before;
    reach(s, dataset, before);
    return 1;
}

/** Follows the chain of one dataset, from the current revision back to the oldest candidate. */
static kiss_db_status follow(search *s, kiss_db_conn *conn, int dataset)
{
    const kiss_dependency *on = &s->on[dataset];
    const char *args[] = { on->dataset, on->scope, oldest(s, dataset), on->revision,
                           apr_itoa(s->pool, KISS_BASE_CHANGES + 1) };
    apr_uint64_t expected = number(on->revision);
    const kiss_value *row = NULL;
    kiss_list_rows rows;
    kiss_db_status status;
    int more = 1;

    s->skus[dataset] = apr_array_make(s->pool, 16, sizeof(kiss_value));
    reach(s, dataset, expected);
    if (strcmp(args[2], on->revision) == 0) {
        return KISS_DB_OK;
    }
    status = kiss_list_shared_select(&rows, conn, s->k, s->caller, s->k->conf->plan->fixed[KISS_SQL_CHANGES], args, s->pool);
    while (more && status == KISS_DB_OK && (status = kiss_list_shared_next(&rows, &row)) == KISS_DB_OK && row) {
        if (s->skus[dataset]->nelts == KISS_BASE_CHANGES) {
            s->why = "too many changes";
            more = 0;
        }
        more = more && take_change(s, dataset, row, &expected);
    }
    return status == KISS_DB_OK && row ? kiss_list_shared_close(&rows) : status;
}

/* --- changes --- */

/** A change in a dataset. */
typedef struct {
    kiss_value sku;
    unsigned data;
} change;

static int by_sku(const void *a, const void *b)
{
    return kiss_rows_order(&((const change *)a)->sku, &((const change *)b)->sku);
}

/**
 * The SKUs that have changed since a candidate, in order, unique.
 *
 * @param data receives for each of them the KISS_DATA_ sets in which it has changed
 */
static apr_array_header_t *changes_since(const search *s, const candidate *c, const unsigned **data)
{
    apr_array_header_t *all, *skus;
    unsigned *in;
    int i, j, n = 0;

    for (i = 0; i < s->datasets; i++) {
        n += c->changes[i];
    }
    all = apr_array_make(s->pool, n + 1, sizeof(change));
    for (i = n = 0; i < s->datasets; i++) {
        for (j = 0; j < c->changes[i]; j++) {
            change *taken = apr_array_push(all);

            taken->sku = APR_ARRAY_IDX(s->skus[i], j, kiss_value);
            taken->data = s->on[i].data;
        }
    }
    qsort(all->elts, (size_t)all->nelts, sizeof(change), by_sku);
    skus = apr_array_make(s->pool, all->nelts + 1, sizeof(kiss_value));
    *data = in = apr_pcalloc(s->pool, (apr_size_t)(all->nelts + 1) * sizeof(*in));
    for (i = 0; i < all->nelts; i++) {
        const change *next = &APR_ARRAY_IDX(all, i, change);

        if (!n || kiss_rows_order(&APR_ARRAY_IDX(skus, n - 1, kiss_value), &next->sku) != 0) {
            APR_ARRAY_PUSH(skus, kiss_value) = next->sku;
            n++;
        }
        in[n - 1] |= next->data;
    }
    return skus;
}

static int is_reached(const search *s, const candidate *c)
{
    int i;

    for (i = 0; i < s->datasets && c->changes[i] >= 0; i++) {
        continue;
    }
    return i == s->datasets;
}

static apr_status_t release(void *map)
{
    kiss_list_cache_map_release(map);
    return APR_SUCCESS;
}

/** Sets where the text of the base is. */
static void set_text(kiss_base *base, const kiss_list_cache_map *map, const kiss_row_format *format)
{
    int i;

    base->list.text = *kiss_list_cache_map_text(map);
    base->list.text.format = format;
    base->file = kiss_list_cache_map_base(map);
    base->file_tag = kiss_list_cache_map_base_tag(map);
    base->own = 0;
    for (i = 0; i < base->list.text.count; i++) {
        const kiss_piece *p = &base->list.text.pieces[i];

        base->own += p->in_base ? 0 : (apr_off_t)p->len;
    }
}

/** Opens a cached version with its chunks. @return 1 when it can be used */
static int open_base(kiss_base *base, const search *s, const candidate *c)
{
    const char *dir = kiss_config_cache_dir(s->k->server);
    const kiss_list_variant whole = { NULL, 0 };
    const char *name = kiss_list_variant_name(&whole, s->k, c->state.tag, s->pool);
    apr_array_header_t *chunks = NULL;
    kiss_list_cache_entry entry;
    kiss_list_cache_map *map;
    apr_status_t rv = kiss_list_cache_map_open(&map, dir, name);

    if (rv == APR_ENOTIMPL || !kiss_list_cache_is_sound(rv, s->k, name)) {
        return 0;
    }
    apr_pool_cleanup_register(s->k->pool, map, release, apr_pool_cleanup_null);
    base->map = map;
    set_text(base, map, kiss_list_format_of(s->k->endpoint, s->k->pool));
    /* Opened again: the position of the mapped file is shared by threads. */
    rv = kiss_list_cache_open(&entry, dir, name, s->pool);
    if (rv == APR_SUCCESS) {
        rv = kiss_list_cache_chunks(&chunks, &entry, s->pool);
    }
    base->list.chunks = rv == APR_SUCCESS && chunks && chunks->nelts ? chunks : NULL;
    base->tag = c->state.tag;
    return 1;
}

/** Chooses the newest candidate that is in the chain and can be read. */
static void choose(kiss_base *base, search *s)
{
    int i;

    for (i = 0; i < s->candidates && !base->tag; i++) {
        if (is_reached(s, &s->found[i])) {
            s->why = "no earlier version that is cached can be read";
            if (open_base(base, s, &s->found[i])) {
                base->skus = changes_since(s, &s->found[i], &base->data);
            }
        }
    }
}

/** Starts a search for earlier versions of k->endpoint's list for this caller. */
static search begin(const kiss_req *k, const kiss_caller *caller, apr_pool_t *p)
{
    search s = { .k = k, .caller = caller, .pool = p };

    s.datasets = kiss_caller_depends(s.on, caller, k->endpoint);
    return s;
}

/** Follows the chains of all datasets. */
static kiss_db_status follow_all(search *s, kiss_db_conn *conn)
{
    kiss_db_status status = KISS_DB_OK;
    int i;

    s->why = "the log of changes has a gap";
    for (i = 0; i < s->datasets && status == KISS_DB_OK; i++) {
        status = follow(s, conn, i);
    }
    return status;
}

/** Tries the newest `n` candidates. */
static kiss_db_status try_newest(kiss_base *base, search *s, kiss_db_conn *conn, int n)
{
    kiss_db_status status;
    int i, j;

    s->candidates = n;
    for (i = 0; i < n; i++) {
        for (j = 0; j < s->datasets; j++) {
            s->found[i].changes[j] = -1;
        }
    }
    status = follow_all(s, conn);
    if (status == KISS_DB_OK) {
        choose(base, s);
    }
    return status;
}

kiss_db_status kiss_base_find(kiss_base *base, kiss_db_conn *conn, const kiss_req *k, const kiss_caller *caller,
                              apr_pool_t *p)
{
    search s = begin(k, caller, p);
    kiss_db_status status = KISS_DB_OK;
    int n;

    memset(base, 0, sizeof(*base));
    s.why = "no earlier version is cached";
    if (!k->may_map) {
        s.why = "EnableMMAP is Off";
    }
    else if (k->conf->plan->fixed[KISS_SQL_CHANGES]) {
        find_candidates(&s);
    }
    n = s.candidates;
    /* The newest one nearly always is the base: the log is read further only if it is not. */
    if (n) {
        status = try_newest(base, &s, conn, 1);
    }
    if (n > 1 && status == KISS_DB_OK && !base->tag) {
        status = try_newest(base, &s, conn, n);
    }
    base->why = s.why;
    return status;
}

/* --- versions that clients have --- */

int kiss_base_is_version(const kiss_req *k, const char *tag)
{
    search s = begin(k, k->caller, k->pool);

    find_version(&s, tag);
    return s.candidates != 0;
}

static kiss_db_status follow_state(kiss_db_conn *conn, void *baton)
{
    search *s = baton;

    s->found[0] = s->first;             /* the work may be repeated on another connection */
    return follow_all(s, conn);
}

const apr_array_header_t *kiss_base_changes(kiss_req *k, const char *tag, const char **why)
{
    search s = begin(k, k->caller, k->pool);
    const unsigned *ignored;

    *why = "its revisions are unknown";
    if (k->conf->plan->fixed[KISS_SQL_CHANGES]) {
        find_version(&s, tag);
    }
    if (!s.candidates) {
        return NULL;
    }
    s.first = s.found[0];
    if (kiss_db_run(k, follow_state, &s) != KISS_DB_OK) {
        *why = "the log of changes cannot be read";
        return NULL;
    }
    *why = s.why;
    return is_reached(&s, &s.found[0]) ? changes_since(&s, &s.found[0], &ignored) : NULL;
}

const apr_array_header_t *kiss_base_versions(const kiss_req *k)
{
    search s = begin(k, k->caller, k->pool);

    return recorded(&s);
}

const char *kiss_base_last(const kiss_req *k, apr_pool_t *p)
{
    const search s = begin(k, k->caller, p);
    const apr_array_header_t *versions = recorded(&s);

    return versions->nelts ? APR_ARRAY_IDX(versions, versions->nelts - 1, kiss_list_state).tag : "";
}

const apr_array_header_t *kiss_base_newer(const kiss_req *k, const char *last, apr_pool_t *p)
{
    const search s = begin(k, k->caller, p);
    const apr_array_header_t *versions = recorded(&s);
    apr_array_header_t *newer = apr_array_make(p, 4, sizeof(kiss_list_state));
    int i;

    for (i = versions->nelts - 1; i >= 0; i--) {
        const kiss_list_state *state = &APR_ARRAY_IDX(versions, i, kiss_list_state);

        if (strcmp(state->tag, last) == 0) {
            break;
        }
        if (is_version(&s, state, 1)) {
            APR_ARRAY_PUSH(newer, kiss_list_state) = *state;
        }
    }
    return newer;
}

void kiss_base_record(const kiss_req *k, const char *tag)
{
    kiss_dependency on[KISS_DEPENDENCIES];
    kiss_list_state state = { tag, 0, { NULL } };
    apr_status_t rv;
    int i;

    state.count = kiss_caller_depends(on, k->caller, k->endpoint);
    for (i = 0; i < state.count; i++) {
        state.revision[i] = on[i].revision;
    }
    rv = kiss_states_add(states_of(k, k->caller, k->pool), &state, k->pool);
    if (rv != APR_SUCCESS) {
        KISS_LOG(k, APLOG_INFO, rv, KISS_LOGNO(0614) "the version of a list cannot be recorded in %s (KissCacheDir)",
                 kiss_config_cache_dir(k->server));
    }
}
