/* SPDX-License-Identifier: Apache-2.0 */
/**
 * auth_apikey - finds the record of an API key and derives the ETags of its answers.
 */
#include "caller/auth_apikey.h"

#include <apr_escape.h>

#include <string.h>

#include "caller/caller.h"
#include "caller/ratelimit.h"
#include "core/config.h"
#include "core/error.h"
#include "db/db_revision.h"
#include "lib/base/clock.h"
#include "lib/base/crypto.h"
#include "lib/base/etag.h"
#include "lib/credential/apikey.h"

/* Longer headers are refused: our keys have 57 bytes. */
#define MAX_KEY 512

/* --- the record --- */

static const char *text(const kiss_value *v, apr_pool_t *p)
{
    return v->data ? apr_pstrmemdup(p, v->data, v->len) : NULL;
}

/** "1,2,3" as an array; NULL is an empty array, "" has one empty element. */
static const apr_array_header_t *split(const kiss_value *v, apr_pool_t *p)
{
    apr_array_header_t *list = apr_array_make(p, 4, sizeof(const char *));
    const char *s = v->data, *end = s + v->len;

    while (s && s <= end) {
        const char *comma = memchr(s, ',', (apr_size_t)(end - s));

        APR_ARRAY_PUSH(list, const char *) = apr_pstrmemdup(p, s, (apr_size_t)((comma ? comma : end) - s));
        s = comma ? comma + 1 : end + 1;
    }
    return list;
}

static kiss_role role_of(const kiss_value *type)
{
    return type->len == 8 && memcmp(type->data, "employee", 8) == 0 ? KISS_ROLE_EMPLOYEE
         : memcmp(type->data, "customer", 8) == 0 ? KISS_ROLE_CUSTOMER : KISS_ROLE_SUPPLIER;
}

/** Fills the record from a row whose query started at `query_time`. */
static void fill(kiss_caller *c, const kiss_value *row, apr_int64_t query_time, apr_pool_t *p)
{
    kiss_key *key = apr_pcalloc(p, sizeof(*key));
    const kiss_value *left = &row[KISS_KEY_LEFT];

    key->id = text(&row[KISS_KEY_ID], p);
    key->prefix = text(&row[KISS_KEY_PREFIX], p);
    key->role = role_of(&row[KISS_KEY_TYPE]);
    key->user_id = text(&row[KISS_KEY_USER], p);
    key->accounts = split(&row[KISS_KEY_ACCOUNTS], p);
    key->states = split(&row[KISS_KEY_STATES], p);
    key->revisions = text(&row[KISS_KEY_REVISIONS], p);
    c->key = key;
    c->code = key->prefix;
    c->enabled = 1;
    c->limit_minute = -1;
    c->limit_hour = row[KISS_KEY_LIMIT_HOUR].data ? apr_atoi64(text(&row[KISS_KEY_LIMIT_HOUR], p)) : -1;
    c->db_revision = text(&row[KISS_KEY_STATE], p);
    c->until = left->data ? query_time + apr_atoi64(text(left, p)) : 0;
    c->unnoted = row[KISS_KEY_STALE].data && *row[KISS_KEY_STALE].data == '1';
}

/** Reads the record of the key with this SHA-256, as hexadecimal text. */
static kiss_db_status fetch_key(const kiss_caller **caller, kiss_db_conn *conn, const kiss_plan *plan, const char *hash,
                                apr_pool_t *p)
{
    kiss_caller *c = apr_pcalloc(p, sizeof(*c));
    /* Taken before the database reads its clock: a cached record expires too early rather than too late. */
    const apr_int64_t query_time = kiss_clock_now();
    const kiss_value *row;
    kiss_db_status status = kiss_db_row(&row, conn, plan->fixed[KISS_SQL_CALLER], &hash, p);

    *caller = c;
    if (status == KISS_DB_OK && row) {
        fill(c, row, query_time, p);
        status = kiss_db_note_state(conn, c->db_revision);
    }
    return status;
}

/* --- the stage --- */

struct kiss_presented_key {
    const char *prefix;             /* its public part */
    const char *hash;               /* SHA-256, as hexadecimal text */
    unsigned char digest[KISS_SHA256_LEN];
};

/** Finds the record of a key, as it is now. @return NULL, or the error that ends the request */
static const kiss_error *find_record(kiss_req *k, const kiss_presented_key *key)
{
    const kiss_caller *caller;
    int note;
    kiss_db_status status = kiss_caller_find(&caller, &note, k, fetch_key, key->hash, key->digest);

    if (status != KISS_DB_OK) {
        return kiss_db_error(status);
    }
    if (!caller->code) {
        kiss_ratelimit_key_failed(k, key->prefix, key->hash);
        return &kiss_error_key;
    }
    k->caller = caller;
    k->principal = caller->code;
    k->verified = 1;
    k->r->user = apr_pstrdup(k->pool, k->principal);
    if (note) {
        kiss_caller_note_key(k, caller->key->id);
    }
    return NULL;
}

/**
 * A cached record of the key, of which it is not known whether it is current, for an endpoint whose rows are likely to be
 * read in any case: then they are read first, and the revision that proves the record with them. NULL: there is none, or it
 * would refuse the request.
 */
static const kiss_caller *record_to_prove(kiss_req *k, const kiss_presented_key *key)
{
    const kiss_endpoint *endpoint = k->endpoint;
    const kiss_caller *caller;

    if (!endpoint || (endpoint->run != KISS_RUN_PAGE && endpoint->run != KISS_RUN_RECORD)
        || apr_table_get(k->r->headers_in, "If-None-Match") || apr_table_get(k->r->headers_in, "If-Match")) {
        return NULL;
    }
    caller = kiss_caller_last(k, key->digest);
    return caller && (endpoint->roles & (1u << caller->key->role)) && kiss_ratelimit_may_take(k, caller)
           && kiss_db_revision_postpone(k) ? caller : NULL;
}

const kiss_error *kiss_auth_apikey_identify(kiss_req *k)
{
    const char *sent = apr_table_get(k->r->headers_in, k->api->credential);
    kiss_presented_key *key;
    const kiss_error *e;

    if (!sent && k->endpoint && k->endpoint->auth == KISS_AUTH_NONE) {
        return NULL;
    }
    if (!sent || !*sent || strlen(sent) > MAX_KEY) {
        return &kiss_error_key;
    }
    key = apr_palloc(k->pool, sizeof(*key));
    kiss_crypto_sha256(key->digest, sent, strlen(sent));
    key->hash = k->proof = apr_pescape_hex(k->pool, key->digest, sizeof(key->digest), 0);
    key->prefix = kiss_apikey_prefix(sent, k->pool);
    if ((e = kiss_ratelimit_login_check(k, key->prefix, key->hash))) {
        return e;
    }
    k->presented = key;
    k->caller = record_to_prove(k, key);
    if (k->caller) {
        k->unproved = 1;
        return NULL;
    }
    return find_record(k, key);
}

const kiss_error *kiss_auth_apikey_prove(kiss_req *k)
{
    const kiss_error *e;

    if (!k->unproved) {
        return NULL;
    }
    k->unproved = 0;
    k->caller = NULL;
    e = find_record(k, k->presented);
    e = e ? e : kiss_ratelimit_take(k, NULL);
    return e ? e : kiss_caller_check(k);
}

const kiss_error *kiss_auth_apikey_renew(kiss_req *k)
{
    const char *revision = k->postponed.text;
    const kiss_error *e;

    if (revision && strcmp(revision, k->caller->db_revision) == 0) {
        return NULL;
    }
    e = find_record(k, k->presented);
    return e ? e : kiss_caller_check(k);
}

/* --- the ETag --- */

/** Compares a name with a text of `n` bytes, as strcmp(). */
static int compare(const char *name, const char *s, apr_size_t n)
{
    int order = strncmp(name, s, n);

    return order ? order : name[n] != '\0';
}

/**
 * Adds the parts "name=n" of the revisions of the set, and of the epoch. Both lists have the same order.
 *
 * @return their number
 */
static int add_revisions(apr_array_header_t *parts, const kiss_req *k, apr_uint64_t reads)
{
    const kiss_dataset *dataset = k->api->datasets;
    const char *s = k->caller->key->revisions;
    int i = 0, found = 0;

    while (s && *s) {
        apr_size_t len = strcspn(s, ","), n = strcspn(s, "=");
        int order = -1;

        while (dataset[i].table && (order = compare(dataset[i].table, s, n)) < 0) {
            i++;
        }
        if ((dataset[i].table && order == 0 && (reads >> i & 1)) || (n == 5 && memcmp(s, "epoch", n) == 0)) {
            APR_ARRAY_PUSH(parts, const char *) = apr_pstrmemdup(k->pool, s, len);
            APR_ARRAY_PUSH(parts, const char *) = "\n";
            found++;
        }
        s += len;
        s += *s == ',';
    }
    return found;
}

static void add_list(apr_array_header_t *parts, const apr_array_header_t *list)
{
    int i;

    for (i = 0; i < list->nelts; i++) {
        APR_ARRAY_PUSH(parts, const char *) = APR_ARRAY_IDX(list, i, const char *);
        APR_ARRAY_PUSH(parts, const char *) = ",";
    }
    APR_ARRAY_PUSH(parts, const char *) = "\n";
}

const char *kiss_auth_apikey_etag(const kiss_req *k, const char *request, apr_uint64_t reads)
{
    apr_array_header_t *parts = apr_array_make(k->pool, 64, sizeof(const char *));
    const kiss_key *key = k->caller->key;

    APR_ARRAY_PUSH(parts, const char *) = apr_psprintf(k->pool, KISS_ETAG_FORMAT "\n%s\n%s\n%s\n%d\n", k->api->name,
                                                       k->api->profile, k->endpoint->name, key->role);
    add_list(parts, key->accounts);
    add_list(parts, key->states);
    if (add_revisions(parts, k, reads) != __builtin_popcountll(reads) + 1) {
        kiss_caller_log_missing(k, k->endpoint->name);
        return NULL;
    }
    APR_ARRAY_PUSH(parts, const char *) = request;
    return kiss_etag_make(apr_array_pstrcat(k->pool, parts, 0), k->pool);
}
