/* SPDX-License-Identifier: Apache-2.0 */
#include "caller/auth_apikey.h"

#include <apr_escape.h>

#include <string.h>

#include "caller/caller.h"
#include "caller/caller_cache.h"
#include "caller/ratelimit.h"
#include "core/config.h"
#include "core/error.h"
#include "db/db_revision.h"
#include "lib/base/clock.h"
#include "lib/base/crypto.h"
#include "lib/base/etag.h"
#include "lib/credential/apikey.h"

/* Part of every ETag: raised when the same rows are written differently by a new version of the module. */
#define FORMAT "1"

/* A longer header is no key: ours have 57 bytes. */
#define MAX_KEY 512

/* --- the record --- */

static const char *text(const kiss_value *v, apr_pool_t *p)
{
    return v->data ? apr_pstrmemdup(p, v->data, v->len) : NULL;
}

/** "1,2,3" as an array; NULL is an empty one, "" holds one empty text. */
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

static void fill(kiss_caller *c, const kiss_value *row, apr_pool_t *p)
{
    kiss_key *key = apr_pcalloc(p, sizeof(*key));

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
}

/** A look for a key. */
typedef struct {
    kiss_req *k;
    unsigned char digest[KISS_SHA256_LEN];
    const char *hash;               /* the same, hexadecimal */
    const kiss_caller *caller;      /* NULL when there is no such key */
    int note;                       /* its use should be noted */
} looking;

/** Reads the key's record; l->caller stays NULL when there is no such key. */
static kiss_db_status read_record(kiss_db_conn *conn, void *baton)
{
    looking *l = baton;
    const kiss_statement *s = l->k->conf->plan->fixed[KISS_SQL_CALLER];
    /* Before the database looks at its clock: what is remembered ends too early rather than too late. */
    const apr_int64_t asked = kiss_clock_now();
    const kiss_value *row, *left;
    kiss_caller *caller;
    kiss_db_status status = kiss_db_row(&row, conn, s, &l->hash, l->k->pool);

    l->caller = NULL;
    if (status != KISS_DB_OK || !row) {
        return status;
    }
    caller = apr_pcalloc(l->k->pool, sizeof(*caller));
    fill(caller, row, l->k->pool);
    l->caller = caller;
    l->note = row[KISS_KEY_STALE].data && *row[KISS_KEY_STALE].data == '1';
    left = &row[KISS_KEY_LEFT];
    if (kiss_caller_known()) {
        /* The state is of the same moment as the record: both come from one statement. */
        kiss_caller_cache_put(kiss_caller_known(), l->k->db, l->digest, text(&row[KISS_KEY_STATE], l->k->pool),
                             left->data ? asked + apr_atoi64(text(left, l->k->pool)) : 0, l->caller);
    }
    return KISS_DB_OK;
}

/** Finds the key's record: remembered, if the database is as it was, or read. */
static kiss_db_status find_record(looking *l)
{
    kiss_caller_cache *known = kiss_caller_known();
    kiss_db_status status = KISS_DB_OK;
    const char *state;

    if (known && (status = kiss_db_revision_read(&state, l->k)) == KISS_DB_OK) {
        l->caller = kiss_caller_cache_get(known, l->k->db, l->digest, state, &l->note, l->k->pool);
    }
    return status != KISS_DB_OK || l->caller ? status : kiss_db_run(l->k, read_record, l);
}

/* A read-only database must not stop requests: the note is a convenience. */
static kiss_db_status note_use(kiss_db_conn *conn, void *baton)
{
    looking *l = baton;

    return kiss_db_execute(conn, l->k->conf->plan->fixed[KISS_SQL_KEY_USED], &l->caller->key->id);
}

/* --- the stage --- */

const kiss_error *kiss_auth_apikey_identify(kiss_req *k)
{
    const char *sent = apr_table_get(k->r->headers_in, k->api->credential);
    looking l = { .k = k };
    const char *prefix;
    const kiss_error *e;
    kiss_db_status status;

    if (!sent || !*sent || strlen(sent) > MAX_KEY) {
        return &kiss_error_key;
    }
    kiss_crypto_sha256(l.digest, sent, strlen(sent));
    l.hash = apr_pescape_hex(k->pool, l.digest, sizeof(l.digest), 0);
    prefix = kiss_apikey_prefix(sent, k->pool);
    if ((e = kiss_ratelimit_login_check(k, prefix, l.hash))) {
        return e;
    }
    status = find_record(&l);
    if (status != KISS_DB_OK) {
        return kiss_db_error(status);
    }
    if (!l.caller) {
        kiss_ratelimit_key_failed(k, prefix, l.hash);
        return &kiss_error_key;
    }
    k->caller = l.caller;
    k->principal = l.caller->key->prefix;
    k->verified = 1;
    k->proof = l.hash;
    k->r->user = apr_pstrdup(k->pool, k->principal);
    if (l.note) {
        (void)kiss_db_run(k, note_use, &l);
    }
    return NULL;
}

/* --- the ETag --- */

/** Order of a name and a text of `n` bytes. */
static int compare(const char *name, const char *s, apr_size_t n)
{
    int order = strncmp(name, s, n);

    return order ? order : name[n] != '\0';
}

/**
 * The pieces "name=n" of the revisions that count: those of the set, and the epoch. Both lists are in the same order.
 *
 * @return how many of them there are
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

    APR_ARRAY_PUSH(parts, const char *) = apr_psprintf(k->pool, FORMAT "\n%s\n%s\n%s\n%d\n", k->api->name,
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
