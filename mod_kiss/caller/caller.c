/* SPDX-License-Identifier: Apache-2.0 */
/**
 * caller - reads the record of a customer, and derives ETags and cache keys from it.
 */
#include "caller/caller.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "caller/caller_cache.h"
#include "caller/caller_stale.h"
#include "core/config.h"
#include "core/error.h"
#include "db/db_revision.h"
#include "db/db_run.h"
#include "lib/base/clock.h"
#include "lib/base/crypto.h"
#include "lib/base/decimal.h"
#include "lib/base/etag.h"

/* Least time between two messages about missing revisions. */
#define QUIET apr_time_from_sec(10)

/* discount_percent in sql/: DECIMAL(7,4). */
#define DISCOUNT_DIGITS 7

/* --- what an answer depends on --- */

/** A set of rows with a revision of its own. */
typedef struct {
    unsigned data;              /* KISS_DATA_ of lib/api/table.h */
    const char *name;
    apr_size_t revision;        /* offset in kiss_revisions */
    kiss_term term;             /* there is a revision for each value of this term; NONE: one for all callers */
    int discounted;             /* 1 when the caller's discount is applied to its rows */
} dataset;

/* The only definition of what an answer depends on: its ETag, which lists two callers share, the label of a cached one,
 * and which revisions a database must have are derived from it. */
static const dataset datasets[] = {
    { KISS_DATA_PRODUCTS, "products", offsetof(kiss_revisions, products), KISS_TERM_NONE, 0 },
    { KISS_DATA_ASSORTMENT, "assortment", offsetof(kiss_revisions, assortment), KISS_TERM_NONE, 0 },
    { KISS_DATA_PRICES, "prices", offsetof(kiss_revisions, prices), KISS_TERM_PRICE_LIST, 1 },
    { KISS_DATA_LISTING, "listing", offsetof(kiss_revisions, listing), KISS_TERM_PRICE_LIST, 0 },
    { KISS_DATA_STOCK, "stock", offsetof(kiss_revisions, stock), KISS_TERM_WAREHOUSE, 0 },
    { 0, NULL, 0, KISS_TERM_NONE, 0 }
};

_Static_assert(sizeof(datasets) / sizeof(*datasets) == KISS_DEPENDENCIES + 1, "room for each of these, and the end");

static const char *revision_of(const kiss_revisions *revisions, const dataset *d)
{
    return *(const char *const *)((const char *)revisions + d->revision);
}

kiss_terms kiss_caller_terms(const kiss_caller *c, const kiss_endpoint *endpoint)
{
    kiss_terms terms = { { NULL }, NULL };
    const dataset *d;

    for (d = datasets; d->name; d++) {
        if (endpoint->data & d->data && d->term) {
            terms.term[d->term] = c->term[d->term];
        }
        if (endpoint->data & d->data && d->discounted) {
            terms.discount = &c->discount;
        }
    }
    return terms;
}

int kiss_caller_depends(kiss_dependency on[KISS_DEPENDENCIES], const kiss_caller *c, const kiss_endpoint *endpoint)
{
    const dataset *d;
    int n = 0;

    for (d = datasets; d->name; d++) {
        if (endpoint->data & d->data) {
            on[n].data = d->data;
            on[n].dataset = d->name;
            on[n].scope = d->term ? c->term[d->term] : "";
            on[n++].revision = revision_of(&c->revision, d);
        }
    }
    return n;
}

/**
 * All that an answer depends on as text, with these revisions or, where they are NULL, without. Each part ends with a
 * line feed, which no code or number contains: different values never give the same text.
 */
static const char *key_text(const kiss_caller *c, const kiss_api *api, const kiss_endpoint *endpoint,
                            const char *const *revisions, apr_pool_t *p)
{
    const char *scope = apr_pstrcat(p, KISS_ETAG_FORMAT "\n", api->name, "\n", api->profile, "\n", endpoint->name, "\n",
                                    c->revision.epoch, "\n", NULL);
    const dataset *d;
    int n = 0;

    for (d = datasets; d->name; d++) {
        if (endpoint->data & d->data) {
            scope = apr_pstrcat(p, scope, d->name, "\n", d->term ? c->term[d->term] : "", d->term ? "\n" : "",
                                revisions ? revisions[n++] : "", "\n",
                                d->discounted ? apr_off_t_toa(p, (apr_off_t)c->discount) : "",
                                d->discounted ? "\n" : "", NULL);
        }
    }
    return scope;
}

const char *kiss_caller_etag_at(const kiss_caller *c, const kiss_api *api, const kiss_endpoint *endpoint,
                                const char *const revisions[KISS_DEPENDENCIES], apr_pool_t *p)
{
    return kiss_etag_make(key_text(c, api, endpoint, revisions, p), p);
}

const char *kiss_caller_etag(const kiss_caller *c, const kiss_api *api, const kiss_endpoint *endpoint, apr_pool_t *p)
{
    kiss_dependency on[KISS_DEPENDENCIES];
    const char *revisions[KISS_DEPENDENCIES];
    int i, n = kiss_caller_depends(on, c, endpoint);

    for (i = 0; i < n; i++) {
        revisions[i] = on[i].revision;
    }
    return kiss_caller_etag_at(c, api, endpoint, revisions, p);
}

const char *kiss_caller_cache_key(const kiss_caller *c, const kiss_api *api, const kiss_endpoint *endpoint, apr_pool_t *p)
{
    return kiss_etag_make(key_text(c, api, endpoint, NULL, p), p);
}

/* --- the record --- */

/** A value as text in `p`; "" for NULL. */
static const char *text(const kiss_value *v, apr_pool_t *p)
{
    return v->data ? apr_pstrmemdup(p, v->data, v->len) : "";
}

static apr_int64_t limit(const kiss_value *v, apr_pool_t *p)
{
    return v->data ? apr_atoi64(text(v, p)) : -1;
}

/** Fills the record from a row of KISS_SQL_CALLER. @return 0, or -1 when the discount is invalid */
static int fill(kiss_caller *c, const kiss_value *row, apr_pool_t *p)
{
    const kiss_value *discount = &row[KISS_CALLER_DISCOUNT];

    c->code = text(&row[KISS_CALLER_CODE], p);
    c->enabled = strcmp(text(&row[KISS_CALLER_ENABLED], p), "0") != 0;
    c->limit_minute = limit(&row[KISS_CALLER_LIMIT_MINUTE], p);
    c->limit_hour = limit(&row[KISS_CALLER_LIMIT_HOUR], p);
    c->term[KISS_TERM_PRICE_LIST] = text(&row[KISS_CALLER_PRICE_LIST], p);
    c->term[KISS_TERM_PRICE_LIST_NAME] = text(&row[KISS_CALLER_PRICE_LIST_NAME], p);
    c->term[KISS_TERM_CURRENCY] = text(&row[KISS_CALLER_CURRENCY], p);
    c->term[KISS_TERM_WAREHOUSE] = text(&row[KISS_CALLER_WAREHOUSE], p);
    c->revision.epoch = text(&row[KISS_CALLER_EPOCH], p);
    c->revision.products = text(&row[KISS_CALLER_PRODUCTS], p);
    c->revision.assortment = text(&row[KISS_CALLER_ASSORTMENT], p);
    c->revision.prices = text(&row[KISS_CALLER_PRICES], p);
    c->revision.listing = text(&row[KISS_CALLER_LISTING], p);
    c->revision.stock = text(&row[KISS_CALLER_STOCK], p);
    c->db_revision = text(&row[KISS_CALLER_STATE], p);
    return kiss_decimal_parse(&c->discount, discount->data ? discount->data : "0", discount->data ? discount->len : 1,
                              DISCOUNT_DIGITS, KISS_DISCOUNT_SCALE) == KISS_DECIMAL_OK ? 0 : -1;
}

void kiss_caller_log_missing(const kiss_req *k, const char *what)
{
    static apr_time_t logged;           /* a race only costs a second message */
    apr_time_t now = apr_time_now();

    if (now - logged > QUIET || now < logged) {
        logged = now;
        KISS_LOG(k, APLOG_ERR, 0,
                 KISS_LOGNO(0230) "the table revision lacks rows (%s): what depends on them is answered with "
                 "503; run 'kissctl schema repair', or 'kissctl kss schema repair'", what);
    }
}

/** The revision that a customer's answers depend on and that the database lacks, or NULL. */
static const char *missing_revision(const kiss_caller *c)
{
    const dataset *d;

    if (!*c->revision.epoch) {
        return "epoch";
    }
    for (d = datasets; d->name; d++) {
        if ((!d->term || *c->term[d->term]) && !*revision_of(&c->revision, d)) {
            return d->name;
        }
    }
    return NULL;
}

kiss_db_status kiss_caller_fetch(const kiss_caller **caller, kiss_db_conn *conn, const kiss_plan *plan,
                                 const char *code, apr_pool_t *p)
{
    kiss_caller *c = apr_pcalloc(p, sizeof(*c));
    const kiss_value *row;
    kiss_db_status status = kiss_db_row(&row, conn, plan->fixed[KISS_SQL_CALLER], &code, p);

    if (status != KISS_DB_OK) {
        return status;
    }
    c->limit_minute = c->limit_hour = -1;
    *caller = c;
    if (!row) {
        return KISS_DB_OK;
    }
    if (fill(c, row, p) != 0) {
        KISS_LOG(kiss_db_request(conn), APLOG_ERR, 0, KISS_LOGNO(0220) "customer %s has a discount that is not a "
                 "percentage", c->code);
        return KISS_DB_FAILED;
    }
    if (missing_revision(c)) {
        kiss_caller_log_missing(kiss_db_request(conn), missing_revision(c));
        return KISS_DB_REFUSED;
    }
    return kiss_db_note_state(conn, c->db_revision);
}

kiss_db_status kiss_caller_fetch_admin(const kiss_caller **caller, kiss_db_conn *conn, const kiss_plan *plan,
                                       const char *code, apr_pool_t *p)
{
    kiss_caller *c = apr_pcalloc(p, sizeof(*c));
    const kiss_value *row;
    kiss_db_status status = kiss_db_row(&row, conn, plan->fixed[KISS_SQL_ADMIN], &code, p);

    c->limit_minute = c->limit_hour = -1;
    *caller = c;
    if (status == KISS_DB_OK && row) {
        c->code = text(&row[KISS_ADMIN_CODE], p);
        c->enabled = strcmp(text(&row[KISS_ADMIN_ENABLED], p), "0") != 0;
        c->limit_minute = limit(&row[KISS_ADMIN_LIMIT_MINUTE], p);
        c->limit_hour = limit(&row[KISS_ADMIN_LIMIT_HOUR], p);
        c->db_revision = text(&row[KISS_ADMIN_STATE], p);
    }
    return status;
}

/* --- cached records --- */

static kiss_caller_cache *cache;

apr_status_t kiss_caller_attach(apr_pool_t *pchild)
{
    cache = NULL;
    return kiss_caller_cache_create(&cache, pchild);
}

/** A record to be read. */
typedef struct {
    kiss_req *k;
    kiss_caller_reader *fetch;
    const char *name;
    const kiss_caller *caller;
} reading;

static kiss_db_status read_record(kiss_db_conn *conn, void *baton)
{
    reading *b = baton;
    const apr_int64_t asked = kiss_clock_now();
    kiss_db_status status = b->fetch(&b->caller, conn, b->k->conf->plan, b->name, b->k->pool);

    if (status == KISS_DB_OK && b->fetch == kiss_caller_fetch) {
        kiss_caller_stale_put(b->k, b->name, b->caller, asked);
    }
    return status;
}

kiss_db_status kiss_caller_find(const kiss_caller **caller, int *note, kiss_req *k, kiss_caller_reader *fetch,
                                const char *name,
                                const unsigned char digest[KISS_SHA256_LEN])
{
    reading b = { k, fetch, name, NULL };
    const char *db_revision = "";
    kiss_db_status status = cache ? kiss_db_revision_read(&db_revision, k) : KISS_DB_OK;

    *note = 0;
    if (status == KISS_DB_OK && cache) {
        b.caller = kiss_caller_cache_get(cache, k->db, digest, db_revision, note, k->pool);
    }
    if (status == KISS_DB_OK && !b.caller) {
        status = kiss_db_run(k, read_record, &b);
        if (status == KISS_DB_OK && b.caller->code) {
            *note = b.caller->unnoted;
            if (cache) {
                /* Revision and record are consistent: one statement reads both. */
                kiss_caller_cache_put(cache, k->db, digest, b.caller);
            }
        }
    }
    *caller = b.caller;
    return status;
}

const kiss_caller *kiss_caller_last(kiss_req *k, const unsigned char digest[KISS_SHA256_LEN])
{
    return cache ? kiss_caller_cache_last(cache, k->db, digest, k->pool) : NULL;
}

kiss_db_status kiss_caller_read(const kiss_caller **caller, kiss_req *k, const char *code)
{
    /* No code contains a line feed: a customer and an admin client of one code have different digests. */
    const char *name = k->admin ? apr_pstrcat(k->pool, "admin\n", code, NULL) : code;
    unsigned char digest[KISS_SHA256_LEN];
    int ignored;

    kiss_crypto_sha256(digest, name, strlen(name));
    return kiss_caller_find(caller, &ignored, k, k->admin ? kiss_caller_fetch_admin : kiss_caller_fetch, code, digest);
}

const kiss_error *kiss_caller_require(kiss_req *k)
{
    kiss_db_status status = KISS_DB_OK;

    if (!k->caller && !k->db_error && (status = kiss_caller_read(&k->caller, k, k->principal)) != KISS_DB_OK) {
        k->caller = NULL;
        k->db_error = kiss_db_error(status);
    }
    if (!k->caller && !k->admin && (status == KISS_DB_AWAY || status == KISS_DB_BUSY || k->as_of)) {
        k->caller = kiss_caller_stale_get(k, k->principal, k->db_error);
    }
    return k->caller ? NULL : k->db_error;
}

/** A use of a key. */
typedef struct {
    const kiss_req *k;
    const char *key_id;
} used_key;

static kiss_db_status note_key(kiss_db_conn *conn, void *baton)
{
    used_key *used = baton;

    return kiss_db_execute(conn, used->k->conf->plan->fixed[KISS_SQL_KEY_USED], &used->key_id);
}

void kiss_caller_note_key(kiss_req *k, const char *key_id)
{
    used_key used = { k, key_id };

    (void)kiss_db_run(k, note_key, &used);
}

int kiss_caller_is_needed(const kiss_req *k)
{
    return k->endpoint->auth == KISS_AUTH_CUSTOMER || k->endpoint->auth == KISS_AUTH_TOKEN
        || k->endpoint->auth == KISS_AUTH_ADMIN;
}

const kiss_error *kiss_caller_check(kiss_req *k)
{
    kiss_auth_need need = k->endpoint->auth;
    const kiss_error *e;

    if (need == KISS_AUTH_KEY) {
        return k->endpoint->roles & (1u << k->caller->key->role) ? NULL : &kiss_error_role;
    }
    if (!kiss_caller_is_needed(k)) {
        return NULL;
    }
    if ((need == KISS_AUTH_ADMIN) != k->admin) {
        return k->admin ? &kiss_error_admin : &kiss_error_no_admin;
    }
    if ((e = kiss_caller_require(k)) || !k->caller) {
        return e ? e : kiss_db_error(KISS_DB_FAILED);
    }
    if (!k->caller->code) {
        return need == KISS_AUTH_ADMIN ? &kiss_error_bearer : need == KISS_AUTH_CUSTOMER ? &kiss_error_no_customer : NULL;
    }
    return k->caller->enabled ? NULL : &kiss_error_bearer;
}
