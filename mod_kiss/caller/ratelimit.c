/* SPDX-License-Identifier: Apache-2.0 */
/**
 * ratelimit - the meter stage: what is counted for whom, and what is answered.
 */
#include "caller/ratelimit.h"

#include <apr_atomic.h>

#include <arpa/inet.h>
#include <string.h>

#include "caller/caller.h"
#include "caller/ratelimit_headers.h"
#include "caller/ratelimit_memory.h"
#include "caller/ratelimit_store.h"
#include "core/config.h"
#include "core/error.h"
#include "core/log_seldom.h"
#include "lib/base/clock.h"
#include "lib/base/crypto.h"

#define SECOND APR_INT64_C(1000000)

/* A customer's own limits are read again after this time, so that a change takes effect soon, even for a customer that
 * is refused. */
#define POLICY_AGE (5 * SECOND)

/** The windows after a request was counted. */
typedef struct {
    kiss_fixed_window_state window[KISS_WINDOWS];
} window_states;

/* --- slots --- */

/** The digest that identifies a caller. Environments count apart, also when their databases have the same name. */
static void derive_id(unsigned char id[KISS_SLOT_ID], kiss_req *k, const char *kind, const char *name)
{
    unsigned char digest[KISS_SHA256_LEN];
    const kiss_database_conf *zone = kiss_config_database(k->conf, k->r->server);
    const char *text = apr_pstrcat(k->pool, zone->name, zone->origin, "\n", kind, "\n", name, NULL);
    apr_size_t n = strlen(text);
    char *keyed = apr_palloc(k->pool, KISS_SLOT_ID + n);

    if (kiss_ratelimit_counters) {
        memcpy(keyed, kiss_ratelimit_counters->key, KISS_SLOT_ID);
        memcpy(keyed + KISS_SLOT_ID, text, n);
        kiss_crypto_sha256(digest, keyed, KISS_SLOT_ID + n);
    }
    else {
        memset(digest, 0, sizeof(digest));
    }
    memcpy(id, digest, KISS_SLOT_ID);
    id[0] |= 1;                     /* never all zero */
}

/** The client's address; in IPv6 its network, since a client has all addresses of it. */
static const char *address_of(const kiss_req *k)
{
    const char *ip = k->r->useragent_ip;
    struct in6_addr a;

    if (!strchr(ip, ':') || inet_pton(AF_INET6, ip, &a) != 1 || IN6_IS_ADDR_V4MAPPED(&a)) {
        return ip;
    }
    return apr_psprintf(k->pool, "%02x%02x:%02x%02x:%02x%02x:%02x%02x::/64", a.s6_addr[0], a.s6_addr[1], a.s6_addr[2],
                        a.s6_addr[3], a.s6_addr[4], a.s6_addr[5], a.s6_addr[6], a.s6_addr[7]);
}

/** The slot of a caller, created if there is none. Called with the lock held. */
static kiss_slot *find_slot(const unsigned char id[KISS_SLOT_ID], apr_int64_t now, apr_uint32_t rank, int *lost)
{
    int forgotten = 0;
    kiss_slot *s = kiss_slots_find(&kiss_ratelimit_counters->table, id, now, 1, rank, &forgotten);

    if (forgotten) {
        *lost = (int)++kiss_ratelimit_counters->shared->lost_clients;
    }
    return s;
}

/** Logs that callers whose windows were not over were evicted, `lost` so far, or 0. Called without the lock. */
static void warn_clients(kiss_req *k, int lost)
{
    if (lost) {
        KISS_LOG_SELDOM(KISS_LOG_SELDOM_CLIENTS, k, APLOG_WARNING, 0, KISS_LOGNO(0310) "more customers are active than "
                        "KissLimitClients has room for: the limits of %d began again before their time, since the "
                        "server was started", lost);
    }
}

static void warn_keys(kiss_req *k, int lost)
{
    if (lost) {
        KISS_LOG_SELDOM(KISS_LOG_SELDOM_KEYS, k, APLOG_WARNING, 0,
                        KISS_LOGNO(0311) "more API keys are active than KissLimitKeys "
                        "has room for: the limits of %d began again before their time, since the server was started", lost);
    }
}

/** Counts one request in both windows. Called with the lock held. */
static void count(window_states *v, kiss_slot *s, apr_int64_t now, const kiss_req *k, kiss_limit_of whose)
{
    int w;

    for (w = 0; w < KISS_WINDOWS; w++) {
        /* The limit of the location is read each time: the same customer may have a different one in another location. */
        apr_uint32_t limit = s->own_limit[w] >= 0 ? (apr_uint32_t)s->own_limit[w]
                             : kiss_config_limit(k->conf, k->server, w, whose);

        v->window[w] = kiss_fixed_window_take(&s->window[w], now, kiss_fixed_window_length[w], limit);
    }
    s->used = now;
}

/* --- the error --- */

/* Headers of an answer whose quota is exceeded, by kiss_meter; NULL: none but Retry-After. */
static void (*const put_quota[])(kiss_req *k, const kiss_fixed_window_state *s, int w) = {
    [KISS_METER_FIXED_WINDOWS] = kiss_ratelimit_headers_window,
    [KISS_METER_SLIDING_HOUR] = NULL
};

static const kiss_error *quota(kiss_req *k, const kiss_fixed_window_state *s, int w)
{
    k->retry_after = (int)kiss_fixed_window_seconds(s->wait);
    k->description = apr_psprintf(k->pool, "API calls quota exceeded! maximum admitted %u per %s.", s->limit,
                                  kiss_fixed_window_name[w]);
    if (put_quota[k->api->meter]) {
        put_quota[k->api->meter](k, s, w);
    }
    return &kiss_error_quota;
}

/** The error of the window at `hit`. */
static const kiss_error *refuse(kiss_req *k, kiss_limited limited, const kiss_fixed_window_state *states, int hit)
{
    int w = hit % KISS_WINDOWS;         /* the states are in the order of the windows */

    k->tally.limited = limited;
    apr_table_setn(k->r->notes, "kiss-limit", kiss_fixed_window_name[w]);
    return quota(k, &states[hit], w);
}

/** Records a limit of the caller for people who watch. */
static void tally(kiss_req *k, int w, const kiss_fixed_window_state *s)
{
    kiss_tally_window *window = &k->tally.window[w == KISS_WINDOW_MINUTE ? KISS_TALLY_MINUTE : KISS_TALLY_HOUR];

    window->limit = s->limit;
    window->remaining = s->remaining;
    window->until = apr_time_now() + s->wait;
}

/** Headers, log note and, if a window is exceeded, the error. */
static const kiss_error *conclude(kiss_req *k, const window_states *v, const kiss_error *e)
{
    int hit = kiss_fixed_window_hit(v->window, KISS_WINDOWS);

    tally(k, KISS_WINDOW_MINUTE, &v->window[KISS_WINDOW_MINUTE]);
    tally(k, KISS_WINDOW_HOUR, &v->window[KISS_WINDOW_HOUR]);
    kiss_ratelimit_headers_windows(k, v->window);
    if (hit >= 0) {
        return refuse(k, k->principal ? KISS_LIMITED_CUSTOMER : KISS_LIMITED_ANONYMOUS, v->window, hit);
    }
    /* As in the package that defined these headers: successful answers report the longest window. */
    kiss_ratelimit_headers_window(k, &v->window[KISS_WINDOW_HOUR], KISS_WINDOW_HOUR);
    apr_table_setn(k->r->notes, "kiss-limit",
                   apr_pstrcat(k->pool, apr_off_t_toa(k->pool, v->window[KISS_WINDOW_MINUTE].remaining), "/",
                               apr_off_t_toa(k->pool, v->window[KISS_WINDOW_HOUR].remaining), NULL));
    return e;
}

/* --- the stage --- */

/** Reads the customer's own limits. @return 0 when the database is away: the old limits, or the defaults, remain */
static int read_policy(kiss_req *k, apr_int64_t own_limit[KISS_WINDOWS])
{
    /* It is read after the request came: recent enough for the scope stage, too. */
    if (kiss_caller_require(k)) {
        return 0;
    }
    own_limit[KISS_WINDOW_MINUTE] = k->caller->limit_minute;
    own_limit[KISS_WINDOW_HOUR] = k->caller->limit_hour;
    return 1;
}

/** The result when counting is impossible: requests pass, except to the token endpoint. */
static const kiss_error *uncounted(const kiss_req *k, const kiss_error *e)
{
    return !e && k->endpoint->auth == KISS_AUTH_CLIENT ? &kiss_error_unavailable : e;
}

/**
 * The name of the caller who stands for all that are unknown: one for each limit, so that a location with one of its own,
 * for the checks of a balancer, and the others do not use up each other's. Who reads the documentation page, which fetches
 * the OpenAPI document, uses up no calls of the published API, nor the other way round.
 */
static const char *anonymous(const kiss_req *k)
{
    return apr_psprintf(k->pool, "%s\n%u\n%u", k->endpoint && k->endpoint->run == KISS_RUN_OPENAPI ? "document" : "",
                        kiss_config_limit(k->conf, k->server, KISS_WINDOW_MINUTE, KISS_LIMIT_ANONYMOUS),
                        kiss_config_limit(k->conf, k->server, KISS_WINDOW_HOUR, KISS_LIMIT_ANONYMOUS));
}

/**
 * Counts a request at all hosts together, where that is configured, and replaces what this host has counted. It has counted
 * as well, so that it goes on from there when the store is away.
 *
 * The next stage reads the customer's record: that is done meanwhile, since both take a round trip, unless the request
 * will be refused for its number.
 */
static void count_in_store(window_states *v, kiss_req *k, const char *kind, const kiss_error *e)
{
    int read = !e && k->verified && kiss_caller_is_needed(k) && !k->caller && !k->db_error
               && kiss_fixed_window_hit(v->window, KISS_WINDOWS) < 0;
    kiss_ratelimit_call *call = kiss_ratelimit_store_begin(k, KISS_COUNT_WINDOWS, kind, k->principal ? k->principal : "", 0,
                                                           read);

    if (call && read) {
        (void)kiss_caller_require(k);       /* its error is that of the next stage */
    }
    kiss_ratelimit_store_windows(k, call, v->window);
}

/** By whose limits a request is counted, and the name of that kind: a customer and an admin client may have one code. */
static kiss_limit_of kind_of(const kiss_req *k, const char **kind)
{
    static const char *const kinds[] = {
        [KISS_LIMIT_CUSTOMER] = "customer", [KISS_LIMIT_ANONYMOUS] = "anonymous", [KISS_LIMIT_ADMIN] = "admin"
    };
    const kiss_limit_of whose = !k->principal ? KISS_LIMIT_ANONYMOUS : k->admin ? KISS_LIMIT_ADMIN : KISS_LIMIT_CUSTOMER;

    *kind = kinds[whose];
    return whose;
}

/** A customer or an admin client that is authenticated, or the anonymous caller: two fixed windows. */
static const kiss_error *take_windows(kiss_req *k, const kiss_error *e)
{
    apr_int64_t own_limit[KISS_WINDOWS] = { -1, -1 }, now = kiss_clock_now();
    unsigned char id[KISS_SLOT_ID];
    int read = 0, known, lost = 0;
    window_states v;
    kiss_slot *s;
    const char *kind;
    const kiss_limit_of whose = kind_of(k, &kind);

    derive_id(id, k, kind, k->principal ? k->principal : anonymous(k));
    if (!kiss_ratelimit_lock(k)) {
        return uncounted(k, e);
    }
    s = find_slot(id, now, KISS_RANK_CALLER, &lost);
    known = !k->principal || (s->policy_time && now - s->policy_time < POLICY_AGE);
    if (!known) {
        kiss_ratelimit_unlock();
        read = read_policy(k, own_limit);
        now = kiss_clock_now();
        if (!kiss_ratelimit_lock(k)) {
            return uncounted(k, e);
        }
        s = find_slot(id, now, KISS_RANK_CALLER, &lost);
    }
    if (read || !s->policy_time) {
        memcpy(s->own_limit, own_limit, sizeof(s->own_limit));
    }
    if (!known || !s->policy_time) {
        s->policy_time = now;       /* after a failure, too: the next attempt is after POLICY_AGE */
    }
    count(&v, s, now, k, whose);
    kiss_ratelimit_unlock();
    warn_clients(k, lost);
    count_in_store(&v, k, kind, e);
    return conclude(k, &v, e);
}

/** A request without the valid token that it needs: other anonymous callers do not decide whether it gets 429. */
static const kiss_error *take_unauthenticated(kiss_req *k, const kiss_error *e)
{
    unsigned char id[KISS_SLOT_ID], own[KISS_SLOT_ID];
    apr_int64_t now = kiss_clock_now();
    int hit, lost = 0;
    window_states v;

    derive_id(id, k, "anonymous", anonymous(k));
    derive_id(own, k, "stranger", address_of(k));
    if (!kiss_ratelimit_lock(k)) {
        return uncounted(k, e);
    }
    count(&v, find_slot(id, now, KISS_RANK_CALLER, &lost), now, k, KISS_LIMIT_ANONYMOUS);
    count(&v, find_slot(own, now, KISS_RANK_ADDRESS, &lost), now, k, KISS_LIMIT_ANONYMOUS);
    kiss_ratelimit_unlock();
    warn_clients(k, lost);
    hit = kiss_fixed_window_hit(v.window, KISS_WINDOWS);
    return hit >= 0 ? refuse(k, KISS_LIMITED_ANONYMOUS, v.window, hit) : e;
}

/** Counts a request of an API key and stores that the key was verified. Called with the lock held. */
static kiss_fixed_window_state count_key(const unsigned char id[KISS_SLOT_ID], const unsigned char proof[KISS_SLOT_ID],
                                         apr_int64_t now, apr_uint32_t limit, int *lost)
{
    int forgotten = 0;
    apr_uint32_t i = kiss_slots_find_key(&kiss_ratelimit_counters->table, id, now, &forgotten);

    if (forgotten) {
        *lost = (int)++kiss_ratelimit_counters->shared->lost_keys;
    }
    memcpy(kiss_ratelimit_counters->table.keys[i].proof, proof, KISS_SLOT_ID);
    return kiss_sliding_window_take(&kiss_ratelimit_counters->table.sliding[i], now,
                                    kiss_fixed_window_length[KISS_WINDOW_HOUR], limit);
}

static apr_uint32_t key_limit(const kiss_req *k, const kiss_caller *caller)
{
    return caller->limit_hour >= 0 ? (apr_uint32_t)caller->limit_hour : kiss_config_key_limit(k->conf);
}

int kiss_ratelimit_may_take(kiss_req *k, const kiss_caller *caller)
{
    unsigned char id[KISS_SLOT_ID];
    const kiss_key_slot *key;
    int full = 0;

    if (k->api->meter != KISS_METER_SLIDING_HOUR) {
        return 0;
    }
    derive_id(id, k, "key", caller->code);
    if (!kiss_ratelimit_lock(k)) {
        return 1;               /* uncounted */
    }
    key = kiss_slots_known_key(&kiss_ratelimit_counters->table, id);
    if (key) {
        const kiss_slots *t = &kiss_ratelimit_counters->table;

        full = kiss_sliding_window_is_full(&t->sliding[key - t->keys], kiss_clock_now(),
                                           kiss_fixed_window_length[KISS_WINDOW_HOUR], key_limit(k, caller));
    }
    kiss_ratelimit_unlock();
    return !full;
}

/** An API key: a sliding hour (KSS API, section 2 "Rate limit"). */
static const kiss_error *take_hour(kiss_req *k, const kiss_error *e)
{
    apr_int64_t now = kiss_clock_now();
    apr_uint32_t limit;
    unsigned char id[KISS_SLOT_ID], proof[KISS_SLOT_ID];
    kiss_fixed_window_state state;
    int lost = 0;

    if (!k->caller || k->unproved) {
        return e;               /* no principal: no key, or the database is away; or it is counted when it is proved */
    }
    limit = key_limit(k, k->caller);
    derive_id(id, k, "key", k->principal);
    derive_id(proof, k, "proof", k->proof);
    if (!kiss_ratelimit_lock(k)) {
        return e;
    }
    state = count_key(id, proof, now, limit, &lost);
    kiss_ratelimit_unlock();
    warn_keys(k, lost);
    kiss_ratelimit_store_hour(k, kiss_ratelimit_store_begin(k, KISS_COUNT_HOUR, "key", k->principal, limit, 0), &state);
    tally(k, KISS_WINDOW_HOUR, &state);
    kiss_ratelimit_headers_hour(k, &state);
    apr_table_setn(k->r->notes, "kiss-limit", state.exceeded ? "1h" : apr_off_t_toa(k->pool, state.remaining));
    if (!state.exceeded) {
        return e;
    }
    k->retry_after = (int)kiss_fixed_window_seconds(state.wait);
    k->tally.limited = KISS_LIMITED_KEY;
    return &kiss_error_quota;
}

/** A customer, the anonymous caller, or an unauthenticated request. */
static const kiss_error *take_fixed(kiss_req *k, const kiss_error *e)
{
    if (!e && k->endpoint->auth == KISS_AUTH_CLIENT && !k->verified) {
        return kiss_ratelimit_counters ? NULL : uncounted(k, NULL);
    }
    return e == &kiss_error_bearer && !k->verified ? take_unauthenticated(k, e) : take_windows(k, e);
}

/* By kiss_meter. */
static const kiss_error *(*const take[])(kiss_req *k, const kiss_error *e) = {
    [KISS_METER_FIXED_WINDOWS] = take_fixed,
    [KISS_METER_SLIDING_HOUR] = take_hour
};

const kiss_error *kiss_ratelimit_take(kiss_req *k, const kiss_error *e)
{
    if (k->metered || (!e && k->endpoint->auth == KISS_AUTH_PUBLIC)) {
        return e;
    }
    return take[k->api->meter](k, e);
}

/* --- failed logins --- */

/** Counts a failed login of the address. Called with the lock held. */
static kiss_fixed_window_state count_failure(const unsigned char address[KISS_SLOT_ID], apr_int64_t now,
                                             apr_uint32_t allowed,
                                             int *lost)
{
    kiss_slot *s = find_slot(address, now, KISS_RANK_ADDRESS, lost);

    s->used = now;
    apr_atomic_set32(&kiss_ratelimit_counters->shared->failed, (apr_uint32_t)(now / SECOND));
    /* 0 means no limit. */
    return kiss_fixed_window_take(&s->window[KISS_WINDOW_MINUTE], now, kiss_fixed_window_length[KISS_WINDOW_MINUTE],
                                  allowed ? allowed : APR_UINT32_MAX);
}

const kiss_error *kiss_ratelimit_login_failed(kiss_req *k, const char *client_id)
{
    unsigned char guess[KISS_SLOT_ID], address[KISS_SLOT_ID];
    kiss_fixed_window_state states[KISS_WINDOWS + 1];
    apr_int64_t now = kiss_clock_now();
    int lost = 0, hit;
    window_states v;

    derive_id(guess, k, "guess", apr_pstrcat(k->pool, address_of(k), "\n", client_id, NULL));
    derive_id(address, k, "address", address_of(k));
    if (!kiss_ratelimit_lock(k)) {
        return NULL;
    }
    count(&v, find_slot(guess, now, KISS_RANK_GUESS, &lost), now, k, KISS_LIMIT_CUSTOMER);
    states[KISS_WINDOWS] = count_failure(address, now, kiss_config_login_failures(k->conf), &lost);
    kiss_ratelimit_unlock();
    warn_clients(k, lost);
    memcpy(states, v.window, sizeof(v.window));
    /* The window of the address determines the wait, but the failure that exhausts it is not refused yet. */
    states[KISS_WINDOWS].exceeded = 0;
    hit = kiss_fixed_window_hit(states, KISS_WINDOWS + 1);
    return hit >= 0 ? refuse(k, KISS_LIMITED_LOGIN, states, hit) : NULL;
}

/** The slot of the key if it was verified before. Called with the lock held. */
static kiss_key_slot *find_verified(const unsigned char id[KISS_SLOT_ID], const unsigned char proof[KISS_SLOT_ID])
{
    kiss_key_slot *key = kiss_slots_known_key(&kiss_ratelimit_counters->table, id);

    return key && kiss_crypto_equal(key->proof, proof, KISS_SLOT_ID) ? key : NULL;
}

void kiss_ratelimit_key_failed(kiss_req *k, const char *prefix, const char *proof)
{
    unsigned char address[KISS_SLOT_ID], id[KISS_SLOT_ID], digest[KISS_SLOT_ID];
    apr_uint32_t allowed = kiss_config_login_failures(k->conf);
    apr_int64_t now = kiss_clock_now();
    kiss_key_slot *key;
    int lost = 0;

    derive_id(address, k, "address", address_of(k));
    derive_id(id, k, "key", prefix);
    derive_id(digest, k, "proof", proof);
    if (!kiss_ratelimit_lock(k)) {
        return;
    }
    key = find_verified(id, digest);
    if (key) {
        memset(key->proof, 0, KISS_SLOT_ID);        /* the key was revoked meanwhile */
    }
    if (allowed) {
        count_failure(address, now, allowed, &lost);
    }
    kiss_ratelimit_unlock();
    warn_clients(k, lost);
}

/** 1 when no login has failed for so long that no address can be refused: the first check of every request. */
static int no_failure(apr_int64_t now)
{
    apr_int64_t longest = kiss_fixed_window_length[KISS_WINDOW_MINUTE] / SECOND + 1;

    return kiss_ratelimit_counters && now / SECOND - apr_atomic_read32(&kiss_ratelimit_counters->shared->failed) > longest;
}

const kiss_error *kiss_ratelimit_login_check(kiss_req *k, const char *prefix, const char *proof)
{
    kiss_fixed_window_state state = { kiss_config_login_failures(k->conf), 0, 0, 0 };
    unsigned char address[KISS_SLOT_ID], id[KISS_SLOT_ID], digest[KISS_SLOT_ID];
    apr_int64_t now = kiss_clock_now();
    int lost = 0;

    if (!state.limit || no_failure(now)) {
        return NULL;
    }
    derive_id(address, k, "address", address_of(k));
    if (prefix) {
        derive_id(id, k, "key", prefix);
        derive_id(digest, k, "proof", proof);
    }
    if (kiss_ratelimit_lock(k)) {
        kiss_slot *s = prefix && find_verified(id, digest) ? NULL
                       : kiss_slots_find(&kiss_ratelimit_counters->table, address, now, 0, KISS_RANK_ADDRESS, &lost);

        if (s) {
            s->used = now;
            state = kiss_fixed_window_peek(&s->window[KISS_WINDOW_MINUTE], now, kiss_fixed_window_length[KISS_WINDOW_MINUTE],
                                           state.limit);
        }
        kiss_ratelimit_unlock();
    }
    return state.exceeded ? refuse(k, KISS_LIMITED_LOGIN, &state, 0) : NULL;
}
