/* SPDX-License-Identifier: Apache-2.0 */
/**
 * token_endpoint - reads, checks and counts client credentials, and answers with a token.
 */
#include "caller/token_endpoint.h"

#include <apr_lib.h>

#include <string.h>

#include "caller/caller.h"
#include "caller/caller_stale.h"
#include "caller/ratelimit.h"
#include "core/config.h"
#include "core/error.h"
#include "core/log_seldom.h"
#include "db/db.h"
#include "db/db_revision.h"
#include "db/db_run.h"
#include "http/request_body.h"
#include "http/response.h"
#include "lib/base/clock.h"
#include "lib/base/crypto.h"
#include "lib/base/urlencoded.h"
#include "lib/credential/basic.h"
#include "lib/credential/client_cache.h"

#define FORM_TYPE "application/x-www-form-urlencoded"
#define BASIC     "Basic "
#define BASIC_LEN (sizeof(BASIC) - 1)
#define MAX_BODY  8192
#define MAX_CREDENTIAL 512

static const kiss_error *invalid(kiss_req *k, const char *what)
{
    k->description = what;
    return &kiss_error_invalid_request;
}

/* --- parsing --- */

/** Reads the whole body, at most MAX_BODY bytes. */
static const kiss_error *read_body(kiss_req *k, char **body, apr_size_t *len)
{
    switch (kiss_request_body_read(body, len, k->r, MAX_BODY)) {
    case KISS_REQUEST_BODY_LARGE:
        return &kiss_error_body_too_large;
    case KISS_REQUEST_BODY_LATE:
        return &kiss_error_late_body;
    case KISS_REQUEST_BODY_BROKEN:
        return invalid(k, "The request body ended early.");
    case KISS_REQUEST_BODY_OK:
        break;
    }
    return NULL;
}

int kiss_token_endpoint_has_basic(const request_rec *r)
{
    const char *header = apr_table_get(r->headers_in, "Authorization");

    return header && ap_cstr_casecmpn(header, BASIC, BASIC_LEN) == 0;
}

/** Reads `Authorization: Basic`; id and secret are form-encoded inside it (RFC 6749 section 2.3.1). */
static const kiss_error *read_basic(kiss_req *k, kiss_token_request *t)
{
    const char *header = apr_table_get(k->r->headers_in, "Authorization");

    if (!header) {
        return NULL;
    }
    t->basic = 1;
    if (!kiss_token_endpoint_has_basic(k->r)) {
        return invalid(k, "Only the Basic scheme is accepted in the Authorization header here.");
    }
    return kiss_basic_decode(&t->client_id, &t->client_secret, header + BASIC_LEN, 1, k->pool) == 0 ? NULL
           : invalid(k, "The Basic credentials are malformed.");
}

/** Text for a form that cannot be decoded. */
static const char *form_problem(kiss_urlencoded_status status)
{
    switch (status) {
    case KISS_URLENCODED_ENCODING:
        return "The form encoding of the body is broken.";
    case KISS_URLENCODED_REPEATED:
        return "A parameter stands in the request twice.";
    case KISS_URLENCODED_TOO_MANY:
        return "The request has too many parameters.";
    default:
        return NULL;
    }
}

/** Takes the credentials from the form, unless they were sent by Basic. */
static const kiss_error *read_credentials(kiss_req *k, kiss_token_request *t, const apr_table_t *form)
{
    const char *id = kiss_urlencoded_get(form, "client_id"), *secret = kiss_urlencoded_get(form, "client_secret");

    if (t->basic) {
        /* In addition to Basic, the id alone is harmless if it names the same client; a secret is a second method
         * (section 2.3). */
        if (secret || (id && strcmp(id, t->client_id) != 0)) {
            return invalid(k, "Credentials were sent in the header and in the body: use one.");
        }
    }
    else {
        t->client_id = id;
        t->client_secret = secret;
    }
    return NULL;
}

const kiss_error *kiss_token_endpoint_read(kiss_req *k)
{
    kiss_token_request *t = apr_pcalloc(k->pool, sizeof(*t));
    const kiss_error *e = read_basic(k, t);
    const char *grant, *problem;
    apr_table_t *form;
    apr_size_t len;
    char *body;

    /* Neither success nor error may be cached (section 5.1). */
    apr_table_setn(k->r->err_headers_out, "Cache-Control", "no-store");
    apr_table_setn(k->r->err_headers_out, "Pragma", "no-cache");
    k->token_request = t;
    if (e) {
        return e;
    }
    if (k->r->args && (strstr(k->r->args, "client_") || strstr(k->r->args, "grant_type"))) {
        return invalid(k, "Parameters belong into the body, never into the URL.");
    }
    if (!kiss_request_body_is(k->r, FORM_TYPE)) {
        return invalid(k, "The Content-Type must be " FORM_TYPE ".");
    }
    if ((e = read_body(k, &body, &len))) {
        return e;
    }
    if ((problem = form_problem(kiss_urlencoded_parse(&form, body, len, k->pool)))) {
        return invalid(k, problem);
    }
    if ((e = read_credentials(k, t, form))) {
        return e;
    }
    if (!(grant = kiss_urlencoded_get(form, "grant_type"))) {
        return invalid(k, "The parameter grant_type is missing.");
    }
    if (strcmp(grant, "client_credentials") != 0) {
        return &kiss_error_grant_type;
    }
    if (!t->client_id || !*t->client_id || !t->client_secret || !*t->client_secret) {
        return invalid(k, "The parameters client_id and client_secret are required.");
    }
    return kiss_urlencoded_get(form, "scope") ? &kiss_error_scope : NULL;
}

/* --- checking the key --- */

/* Verified credentials of this child; NULL when there is no memory for them. */
static kiss_client_cache *client_cache;

apr_status_t kiss_token_endpoint_attach(apr_pool_t *pchild)
{
    client_cache = NULL;
    return kiss_client_cache_create(&client_cache, pchild);
}

/** Result of comparing with the customer's keys. */
typedef struct {
    kiss_req *k;
    unsigned char hash[KISS_SHA256_LEN];    /* of the secret that was sent */
    int matched;
    int enabled;
    const char *key_id;                     /* id of the key that matched */
    int stale;                              /* 1 when its use should be stored */
    int admin;                              /* 1: it is a key of an admin client */
    const char *db_revision;                /* the revision of the database when it matched */
    apr_int64_t query_time;                 /* when that was asked for */
    apr_int64_t until;                      /* when that key expires, by the same clock; 0: never */
} key_check;

static const char *text(const kiss_value *v, apr_pool_t *p)
{
    return apr_pstrmemdup(p, v->data, v->len);
}

/** Compares with the hash of one valid key. */
static void compare(key_check *c, const kiss_value *row)
{
    static const unsigned char none[KISS_SHA256_LEN];
    const kiss_value *hash = &row[KISS_CRED_HASH], *left = &row[KISS_CRED_LEFT];
    int present = hash->data && hash->len == KISS_SHA256_LEN;

    /* A customer without keys takes the same comparison as one with keys. */
    if (kiss_crypto_equal(c->hash, present ? (const void *)hash->data : none, KISS_SHA256_LEN) && present) {
        c->matched = 1;
        c->enabled = !(row[KISS_CRED_ENABLED].len == 1 && row[KISS_CRED_ENABLED].data[0] == '0');
        c->key_id = text(&row[KISS_CRED_KEY_ID], c->k->pool);
        c->db_revision = text(&row[KISS_CRED_STATE], c->k->pool);
        c->until = left->data ? c->query_time + apr_atoi64(text(left, c->k->pool)) : 0;
        c->stale = row[KISS_CRED_STALE].len == 1 && row[KISS_CRED_STALE].data[0] == '1';
    }
}

/** Compares with all keys that a statement finds. */
static kiss_db_status compare_all(key_check *c, kiss_db_conn *conn, int statement)
{
    const kiss_value *row;
    kiss_db_cursor *cursor;
    kiss_db_status status = kiss_db_select(&cursor, conn, c->k->conf->plan->fixed[statement],
                                           &c->k->token_request->client_id, c->k->pool);

    while (status == KISS_DB_OK && (status = kiss_db_next(cursor, &row)) == KISS_DB_OK && row) {
        compare(c, row);
    }
    return status;
}

static kiss_db_status check_keys(kiss_db_conn *conn, void *baton)
{
    key_check *c = baton;
    kiss_db_status status;

    c->matched = c->admin = 0;
    c->query_time = kiss_clock_now();   /* before the database reads its clock: expired too early rather than too late */
    status = compare_all(c, conn, KISS_SQL_CREDENTIALS);
    if (status == KISS_DB_OK && !c->matched && kiss_config_has_admin(c->k->server)) {
        status = compare_all(c, conn, KISS_SQL_ADMIN_CREDENTIALS);
        c->admin = c->matched;
    }
    return status;
}

/** Finds credentials that were right at the revision that the database has now; c->matched tells. */
static kiss_db_status recall(key_check *c, const kiss_client *client)
{
    const char *db_revision;
    kiss_db_status status = kiss_db_revision_read(&db_revision, c->k);

    if (status == KISS_DB_OK) {
        c->key_id = kiss_client_cache_get(client_cache, &c->stale, client, db_revision, kiss_clock_now(), c->k->pool);
        c->matched = c->enabled = c->key_id != NULL;
    }
    return status;
}

/** Checks the credentials: by what this child has verified, or in the database, which sees all wrong ones. */
static kiss_db_status check(key_check *c)
{
    const kiss_token_request *t = c->k->token_request;
    kiss_db_status status = KISS_DB_OK;
    kiss_client client;
    const int cached = client_cache && kiss_client_cache_key(&client, client_cache, c->k->db, t->client_id,
                                                             t->client_secret, c->k->pool);

    if (cached && kiss_client_cache_known(client_cache, &client)) {
        status = recall(c, &client);
    }
    if (status == KISS_DB_OK && !c->matched) {
        kiss_crypto_sha256(c->hash, t->client_secret, strlen(t->client_secret));
        status = kiss_db_run(c->k, check_keys, c);
        if (status == KISS_DB_OK) {
            kiss_caller_stale_put_client(c->k, t->client_id, t->client_secret,
                                         c->matched && c->enabled && !c->admin ? c->db_revision : NULL, c->query_time,
                                         c->until);
        }
        if (status == KISS_DB_OK && cached && c->matched && c->enabled && !c->admin) {
            /* Key and revision are consistent: one statement reads both. */
            kiss_client_cache_put(client_cache, &client, c->db_revision, c->key_id, c->query_time, c->until);
        }
    }
    return status;
}

static const kiss_error *refuse(kiss_req *k)
{
    const kiss_error *e = kiss_ratelimit_login_failed(k, k->token_request->client_id);

    if (e) {
        return e;
    }
    if (k->token_request->basic) {
        apr_table_setn(k->r->err_headers_out, "WWW-Authenticate", "Basic realm=\"token\"");
    }
    return &kiss_error_invalid_client;
}

/** Checks the credentials of k->token_request: then they are those of k->principal. @return NULL; 401, 429, 503 */
static const kiss_error *authenticate(kiss_req *k, key_check *c)
{
    const kiss_token_request *t = k->token_request;
    kiss_db_status db;

    if (strlen(t->client_id) > MAX_CREDENTIAL || strlen(t->client_secret) > MAX_CREDENTIAL) {
        return refuse(k);
    }
    memset(c, 0, sizeof(*c));
    c->k = k;
    if ((db = check(c)) != KISS_DB_OK
        && !((db == KISS_DB_AWAY || db == KISS_DB_BUSY)
             && kiss_caller_stale_is_client(k, t->client_id, t->client_secret, kiss_db_error(db)))) {
        return kiss_db_error(db);
    }
    if (db == KISS_DB_OK && !c->matched) {
        return refuse(k);
    }
    k->principal = t->client_id;
    k->admin = (unsigned)c->admin;
    k->verified = 1;
    k->r->user = apr_pstrdup(k->pool, k->principal);
    return NULL;
}

const kiss_error *kiss_token_endpoint_identify(kiss_req *k)
{
    kiss_token_request *t = apr_pcalloc(k->pool, sizeof(*t));
    const char *header = apr_table_get(k->r->headers_in, "Authorization");
    const kiss_error *e;
    key_check c;

    if (kiss_basic_decode(&t->client_id, &t->client_secret, header + BASIC_LEN, 0, k->pool) != 0 || !*t->client_id
        || !*t->client_secret) {
        return &kiss_error_bearer;      /* counted as without credentials */
    }
    k->token_request = t;
    e = kiss_ratelimit_login_check(k, NULL, NULL);
    e = e ? e : authenticate(k, &c);
    if (e) {
        k->metered = 1;
        return e == &kiss_error_invalid_client ? &kiss_error_bearer : e;
    }
    k->r->ap_auth_type = "Basic";
    if (c.stale && c.enabled) {
        kiss_caller_note_key(k, c.key_id);
    }
    return NULL;
}

/** Sends the token (RFC 6749 section 5.1). */
static const kiss_error *grant(kiss_req *k, int *status)
{
    kiss_jwt_policy policy = kiss_config_token_policy(k->conf, k->server, k->pool);
    const char *token, *text;

    policy.admin = k->admin;
    token = kiss_jwt_sign(&policy, k->principal, apr_time_sec(apr_time_now()), k->pool);
    if (!token) {
        KISS_LOG_SELDOM(KISS_LOG_SELDOM_SIGNING, k, APLOG_ERR, 0, KISS_LOGNO(0402) "a token could not be signed");
        return &kiss_error_internal;
    }
    /* Three segments of base64url and a number: nothing in them must be escaped. */
    text = apr_pstrcat(k->pool, "{\"access_token\":\"", token, "\",\"token_type\":\"Bearer\",\"expires_in\":",
                       apr_off_t_toa(k->pool, (apr_off_t)policy.lifetime), "}", NULL);
    *status = kiss_response_text(k, HTTP_OK, KISS_JSON_TYPE, text);
    return NULL;
}

const kiss_error *kiss_token_endpoint_run(kiss_req *k, int *status)
{
    const kiss_error *e = kiss_ratelimit_login_check(k, NULL, NULL);
    key_check c;

    if (e) {
        return e;
    }
    if (!k->conf->token_keys) {
        KISS_LOG_SELDOM(KISS_LOG_SELDOM_TOKEN_KEYS, k, APLOG_ERR, 0,
                        KISS_LOGNO(0403) "no token can be issued: KissTokenKeys is "
                        "missing");
        return &kiss_error_unavailable;
    }
    if ((e = authenticate(k, &c))) {
        return e;
    }
    if ((e = kiss_ratelimit_take(k, NULL))) {
        return e;                       /* 429: counted for the customer, which is known only now */
    }
    if (!c.enabled) {
        return &kiss_error_unauthorized_client;
    }
    if (c.stale) {
        kiss_caller_note_key(k, c.key_id);
    }
    return grant(k, status);
}
