/* SPDX-License-Identifier: Apache-2.0 */
/**
 * caller_stale - records and credentials of customers as texts of core/verified.h.
 */
#include "caller/caller_stale.h"

#include <string.h>

#include "core/verified.h"
#include "db/db.h"
#include "lib/base/clock.h"

/* The parts of a text, in this order, each ended by a NUL, which no text of the database contains here. */
enum { PART_REVISION, PART_CODE, PART_ENABLED, PART_MINUTE, PART_HOUR, PART_DISCOUNT, PART_PRICE_LIST, PART_WAREHOUSE,
       PART_EPOCH, PART_PRODUCTS, PART_ASSORTMENT, PART_PRICES, PART_LISTING, PART_STOCK, PARTS };

/* Those of a client. */
enum { CLIENT_REVISION, CLIENT_UNTIL, CLIENT_PARTS };

/** Stores parts as one text. */
static void put(const kiss_req *k, kiss_verified_kind kind, const char *name, apr_int64_t asked, const char *const *part,
                int n)
{
    apr_size_t len = 0;
    char *text, *at;
    int i;

    for (i = 0; i < n; i++) {
        len += strlen(part[i]) + 1;
    }
    text = at = apr_palloc(k->pool, len);
    for (i = 0; i < n; i++) {
        apr_size_t size = strlen(part[i]) + 1;

        memcpy(at, part[i], size);
        at += size;
    }
    kiss_verified_put(kind, kiss_db_origin(k->db), name, asked, text, len);
}

/** Divides a text into parts. @return 1 when that is their number */
static int divide(const char **part, int n, const char *text, apr_size_t len)
{
    const char *end = text + len;
    int i;

    for (i = 0; i < n && text < end; i++) {
        part[i] = text;
        text += strlen(text) + 1;
    }
    return i == n && text == end;
}

static const char *number(apr_int64_t n, apr_pool_t *p)
{
    return apr_psprintf(p, "%" APR_INT64_T_FMT, n);
}

void kiss_caller_stale_put(const kiss_req *k, const char *code, const kiss_caller *c, apr_int64_t asked)
{
    const char *part[PARTS];
    int i;

    if (!kiss_verified_is_on()) {
        return;
    }
    for (i = 0; i < PARTS; i++) {
        part[i] = "";
    }
    if (c->code) {
        part[PART_REVISION] = c->db_revision;
        part[PART_CODE] = c->code;
        part[PART_ENABLED] = c->enabled ? "1" : "0";
        part[PART_MINUTE] = number(c->limit_minute, k->pool);
        part[PART_HOUR] = number(c->limit_hour, k->pool);
        part[PART_DISCOUNT] = number(c->discount, k->pool);
        part[PART_PRICE_LIST] = c->term[KISS_TERM_PRICE_LIST];
        part[PART_WAREHOUSE] = c->term[KISS_TERM_WAREHOUSE];
        part[PART_EPOCH] = c->revision.epoch;
        part[PART_PRODUCTS] = c->revision.products;
        part[PART_ASSORTMENT] = c->revision.assortment;
        part[PART_PRICES] = c->revision.prices;
        part[PART_LISTING] = c->revision.listing;
        part[PART_STOCK] = c->revision.stock;
    }
    put(k, KISS_VERIFIED_CALLER, code, asked, part, PARTS);
}

static const kiss_caller *record_of(const char *const *part, apr_pool_t *p)
{
    kiss_caller *c = apr_pcalloc(p, sizeof(*c));
    int i;

    for (i = 0; i < KISS_TERMS; i++) {
        c->term[i] = "";
    }
    c->db_revision = part[PART_REVISION];
    c->code = *part[PART_CODE] ? part[PART_CODE] : NULL;
    c->enabled = *part[PART_ENABLED] == '1';
    c->limit_minute = c->code ? apr_atoi64(part[PART_MINUTE]) : -1;
    c->limit_hour = c->code ? apr_atoi64(part[PART_HOUR]) : -1;
    c->discount = apr_atoi64(part[PART_DISCOUNT]);
    c->term[KISS_TERM_PRICE_LIST] = part[PART_PRICE_LIST];
    c->term[KISS_TERM_WAREHOUSE] = part[PART_WAREHOUSE];
    c->revision.epoch = part[PART_EPOCH];
    c->revision.products = part[PART_PRODUCTS];
    c->revision.assortment = part[PART_ASSORTMENT];
    c->revision.prices = part[PART_PRICES];
    c->revision.listing = part[PART_LISTING];
    c->revision.stock = part[PART_STOCK];
    return c;
}

/** When the database was known last to be as it was at this revision: `asked`, or later. */
static apr_int64_t last_at(const kiss_req *k, const char *db_revision, apr_int64_t asked)
{
    apr_int64_t time;
    const char *now = kiss_verified_get(KISS_VERIFIED_DATABASE, kiss_db_origin(k->db), "", &time, NULL, k->pool);

    return now && *db_revision && strcmp(now, db_revision) == 0 && time > asked ? time : asked;
}

apr_int64_t kiss_caller_stale_verified(const kiss_req *k)
{
    return kiss_verified_is_on() && k->db ? last_at(k, k->caller->db_revision, 0) : 0;
}

/** Lets the request be answered as of this time, or of an earlier one that it depends on, too. @return 0 when it may not */
static int allow(kiss_req *k, apr_int64_t as_of, const kiss_error *failed)
{
    if (!kiss_verified_may_serve(k, as_of)) {
        return 0;
    }
    k->as_of = k->as_of && k->as_of < as_of ? k->as_of : as_of;
    k->db_error = failed;
    return 1;
}

const kiss_caller *kiss_caller_stale_get(kiss_req *k, const char *code, const kiss_error *failed)
{
    const char *part[PARTS], *text;
    apr_int64_t asked;
    apr_size_t len;

    if (!k->r || !k->db) {
        return NULL;
    }
    text = kiss_verified_get(KISS_VERIFIED_CALLER, kiss_db_origin(k->db), code, &asked, &len, k->pool);
    return text && divide(part, PARTS, text, len) && allow(k, last_at(k, part[PART_REVISION], asked), failed)
           ? record_of(part, k->pool) : NULL;
}

/** The name of a client: a digest, since the key is a secret. NULL when nothing is stored. */
static const char *client_name(const char *code, const char *secret, apr_pool_t *p)
{
    /* The length says where the code ends: no other pair has the same text. */
    return kiss_verified_is_on()
           ? kiss_verified_secret_name(apr_psprintf(p, "%" APR_SIZE_T_FMT " %s %s", strlen(code), code, secret), p) : NULL;
}

void kiss_caller_stale_put_client(const kiss_req *k, const char *code, const char *secret, const char *db_revision,
                                  apr_int64_t asked, apr_int64_t until)
{
    const char *name = client_name(code, secret, k->pool), *part[CLIENT_PARTS];
    const char *origin = kiss_db_origin(k->db);
    apr_int64_t before;

    if (name && db_revision) {
        part[CLIENT_REVISION] = db_revision;
        part[CLIENT_UNTIL] = number(until, k->pool);
        put(k, KISS_VERIFIED_CLIENT, name, asked, part, CLIENT_PARTS);
    }
    /* Of wrong ones only those that were right: others would fill the table. */
    else if (name && kiss_verified_get(KISS_VERIFIED_CLIENT, origin, name, &before, NULL, k->pool)) {
        kiss_verified_put(KISS_VERIFIED_CLIENT, origin, name, asked, "", 0);
    }
}

int kiss_caller_stale_is_client(kiss_req *k, const char *code, const char *secret, const kiss_error *failed)
{
    const char *name = k->db ? client_name(code, secret, k->pool) : NULL, *part[CLIENT_PARTS], *text;
    apr_int64_t asked, until;
    apr_size_t len;

    text = name ? kiss_verified_get(KISS_VERIFIED_CLIENT, kiss_db_origin(k->db), name, &asked, &len, k->pool) : NULL;
    if (!text || !divide(part, CLIENT_PARTS, text, len)) {
        return 0;
    }
    until = apr_atoi64(part[CLIENT_UNTIL]);
    return (!until || kiss_clock_now() < until) && allow(k, last_at(k, part[CLIENT_REVISION], asked), failed);
}
