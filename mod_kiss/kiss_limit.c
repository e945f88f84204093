#include "kiss_limit.h"

#include <util_mutex.h>

#include <apr_atomic.h>
#include <apr_shm.h>

#include <string.h>

#include "kiss_caller.h"
#include "kiss_clock.h"
#include "kiss_config.h"
#include "kiss_error.h"
#include "kiss_json.h"
#include "kiss_secret.h"
#include "kiss_sliding.h"
#include "kiss_window.h"

#define MUTEX_TYPE "kiss-limit"
#define RETAINED   "mod_kiss-limit-4"       /* changes with the layout below: an old segment is then left alone */

#define SECOND APR_INT64_C(1000000)

/* A customer's own limits are looked up again after this time, so that a change is felt soon, by a blocked one too. */
#define POLICY_AGE (5 * SECOND)

/* A caller has its place in one of WAYS neighbouring slots, so finding it or the least useful one costs the same. */
#define WAYS 16
#define ID_BYTES 16

/* How much a slot is worth: a name that anybody may have invented, an address that failed to log in, a caller that has
 * proved who it is (or the one anonymous caller). */
enum { RANK_GUESS, RANK_ADDRESS, RANK_CALLER };

/** One caller. Position independent, since processes may map the segment at different addresses. */
typedef struct {
    unsigned char id[ID_BYTES];             /* digest of zone, kind and name; all zero: never used */
    kiss_window window[KISS_WINDOWS];
    apr_int64_t own_limit[KISS_WINDOWS];    /* the customer's own as of policy_time; -1: it has none */
    apr_int64_t policy_time;                /* 0: never read */
    apr_int64_t used;                       /* last request */
    apr_uint32_t rank;                      /* what is given up first: RANK_GUESS */
} slot;

/** A caller with an API key; its window stands at the same index of another array. */
typedef struct {
    unsigned char id[ID_BYTES];             /* as in a slot */
    apr_int64_t used;                       /* last request */
} key_slot;

/** What survives a reload. Lives in the process pool; the segment and the mutex do too. */
typedef struct {
    apr_shm_t *shm;
    apr_global_mutex_t *mutex;
    slot *slots;
    apr_uint32_t sets;                      /* groups of WAYS slots */
    unsigned char key[ID_BYTES];            /* random: nobody can choose names that fall together */
    key_slot *keys;                         /* of callers with an API key */
    kiss_sliding *sliding;                  /* their windows, apart, so that a search touches no more than the ids */
    apr_uint32_t nkeys;
    apr_uint32_t *failed;                   /* second of kiss_clock in which a login failed last, from any address */
} segment;

/** The counters as this process knows them; NULL when they could not be made. */
static segment *counters;

/** Which window spoke, after a request was counted. */
typedef struct {
    kiss_window_state window[KISS_WINDOWS];
} verdict;

/* --- life cycle --- */

apr_status_t kiss_limit_register(apr_pool_t *pconf)
{
#if APR_HAS_PROC_PTHREAD_SERIALIZE
    /* Uncontended it is no system call, and it is released when its owner dies. */
    return ap_mutex_register(pconf, MUTEX_TYPE, NULL, APR_LOCK_PROC_PTHREAD, 0);
#else
    return ap_mutex_register(pconf, MUTEX_TYPE, NULL, APR_LOCK_DEFAULT, 0);
#endif
}

void kiss_limit_create(server_rec *s)
{
    segment *kept = ap_retained_data_get(RETAINED);
    apr_uint32_t sets = (apr_uint32_t)(kiss_config_limit_clients(s) + WAYS - 1) / WAYS;
    apr_pool_t *process = s->process->pool;
    apr_status_t rv;

    counters = NULL;
    if (!kept) {
        kept = ap_retained_data_create(RETAINED, sizeof(*kept));
    }
    if (!kept->slots) {
        apr_uint32_t nkeys = (apr_uint32_t)kiss_config_limit_keys(s);

        /* Anonymous: no file or key that a killed server would leave behind, and nobody else can attach it. It comes
         * filled with zero bytes, and takes memory where it is written to only. */
        rv = apr_shm_create(&kept->shm, (apr_size_t)sets * WAYS * sizeof(slot)
                                        + nkeys * (sizeof(kiss_sliding) + sizeof(key_slot)) + sizeof(*kept->failed),
                            NULL, process);
        if (rv == APR_SUCCESS) {
            rv = ap_global_mutex_create(&kept->mutex, NULL, MUTEX_TYPE, NULL, s, process, 0);
        }
        if (rv == APR_SUCCESS) {
            rv = kiss_secret_random(kept->key, sizeof(kept->key));
        }
        if (rv != APR_SUCCESS) {
            ap_log_error(APLOG_MARK, APLOG_CRIT, rv, s, KISS_LOGNO(0301) "no shared memory or mutex for the rate limits: "
                         "data requests are not limited, and no token is issued");
            return;
        }
        kept->sets = sets;
        kept->nkeys = nkeys;
        kept->slots = apr_shm_baseaddr_get(kept->shm);
        kept->sliding = (kiss_sliding *)(kept->slots + (apr_size_t)sets * WAYS);
        kept->keys = (key_slot *)(kept->sliding + nkeys);
        kept->failed = (apr_uint32_t *)(kept->keys + nkeys);
    }
    else if (kept->sets != sets || kept->nkeys != (apr_uint32_t)kiss_config_limit_keys(s)) {
        ap_log_error(APLOG_MARK, APLOG_NOTICE, 0, s, KISS_LOGNO(0302) "KissLimitClients and KissLimitKeys take effect when "
                     "httpd is stopped and started; until then %u callers and %u keys are counted", kept->sets * WAYS, kept->nkeys);
    }
    counters = kept;
}

void kiss_limit_attach(server_rec *s, apr_pool_t *pchild)
{
    if (counters) {
        apr_status_t rv = apr_global_mutex_child_init(&counters->mutex, apr_global_mutex_lockfile(counters->mutex),
                                                      pchild);

        if (rv != APR_SUCCESS) {
            ap_log_error(APLOG_MARK, APLOG_CRIT, rv, s, KISS_LOGNO(0303) "cannot use the mutex of the rate limits: data "
                         "requests of this child are not limited, and it issues no token");
            counters = NULL;
        }
    }
}

static int lock(kiss_req *k)
{
    static apr_time_t logged;       /* a race only costs a second line */
    apr_status_t rv = counters ? apr_global_mutex_lock(counters->mutex) : APR_EGENERAL;

    if (rv != APR_SUCCESS && apr_time_now() - logged > apr_time_from_sec(10)) {
        logged = apr_time_now();
        ap_log_rerror(APLOG_MARK, APLOG_WARNING, rv, k->r, KISS_LOGNO(0304) "rate limits cannot be counted: requests pass "
                      "without them");
    }
    return rv == APR_SUCCESS;
}

static void unlock(void)
{
    apr_global_mutex_unlock(counters->mutex);
}

/* --- slots --- */

/** The digest that names a caller. Environments count apart, also when they call their databases by one name. */
static void make_id(unsigned char id[ID_BYTES], kiss_req *k, const char *kind, const char *name)
{
    unsigned char digest[KISS_SHA256_LEN];
    const kiss_database_conf *zone = kiss_config_database(k->conf, k->r->server);
    const char *text = apr_pstrcat(k->pool, zone->name, zone->place, "\n", kind, "\n", name, NULL);
    apr_size_t n = strlen(text);
    char *keyed = apr_palloc(k->pool, ID_BYTES + n);

    if (counters) {
        memcpy(keyed, counters->key, ID_BYTES);
        memcpy(keyed + ID_BYTES, text, n);
        kiss_secret_sha256(digest, keyed, ID_BYTES + n);
    }
    else {
        memset(digest, 0, sizeof(digest));
    }
    memcpy(id, digest, ID_BYTES);
    id[0] |= 1;                     /* never all zero */
}

/** 1 when nothing is lost by forgetting the slot. */
static int worthless(const slot *s, apr_int64_t now)
{
    int w;

    for (w = 0; w < KISS_WINDOWS; w++) {
        if (!kiss_window_over(&s->window[w], now, kiss_window_length[w])) {
            return 0;
        }
    }
    return 1;
}

/**
 * The slot of a caller, under the lock. If there is none and `make` is set, the least useful of its neighbours is
 * given up: one that counts nothing any more, else the oldest of the lowest rank.
 */
static slot *find(const unsigned char id[ID_BYTES], apr_int64_t now, int make)
{
    slot *set, *victim = NULL;
    apr_uint32_t hash;
    int i;

    memcpy(&hash, &id[ID_BYTES - sizeof(hash)], sizeof(hash));
    set = counters->slots + (apr_size_t)(hash % counters->sets) * WAYS;
    for (i = 0; i < WAYS; i++) {
        if (memcmp(set[i].id, id, ID_BYTES) == 0) {
            return &set[i];
        }
    }
    for (i = 0; make && i < WAYS; i++) {
        slot *s = &set[i];

        if (worthless(s, now)) {
            victim = s;
            break;
        }
        if (!victim || s->rank < victim->rank || (s->rank == victim->rank && s->used < victim->used)) {
            victim = s;
        }
    }
    if (victim) {
        memset(victim, 0, sizeof(*victim));
        memcpy(victim->id, id, ID_BYTES);
    }
    return victim;
}

/** Counts one request in both windows, under the lock. */
static void count(verdict *v, slot *s, apr_int64_t now, const kiss_req *k)
{
    int w;

    for (w = 0; w < KISS_WINDOWS; w++) {
        /* The location's limit is looked up each time: the same customer may have another one elsewhere. */
        apr_uint32_t limit = s->own_limit[w] >= 0 ? (apr_uint32_t)s->own_limit[w]
                                                  : kiss_config_limit(k->conf, w, k->customer == NULL);

        v->window[w] = kiss_window_take(&s->window[w], now, kiss_window_length[w], limit);
    }
    s->used = now;
}

/* --- the answer's headers --- */

/** "2026-05-14T10:32:00Z", `seconds` from now. */
static const char *reset_time(kiss_req *k, apr_int64_t seconds)
{
    apr_int64_t then = apr_time_sec(apr_time_now()) + seconds;
    int of_day = (int)(then % 86400), part[] = { of_day / 3600, of_day / 60 % 60, of_day % 60 }, i;
    char *text = apr_pstrdup(k->pool, "YYYY-MM-DDTHH:MM:SSZ");

    kiss_json_day(text, then / 86400);
    for (i = 0; i < 3; i++) {
        text[11 + 3 * i] = (char)('0' + part[i] / 10);
        text[12 + 3 * i] = (char)('0' + part[i] % 10);
    }
    return text;
}

/** A number as text, without the cost of a format: every answer has several. */
static const char *number(kiss_req *k, apr_int64_t n)
{
    return apr_off_t_toa(k->pool, (apr_off_t)n);
}

/** RateLimit and RateLimit-Policy (draft-ietf-httpapi-ratelimit-headers), beside the published ones. */
static void put_standard_headers(kiss_req *k, const verdict *v)
{
    const char *policy = "", *state = "";
    int w;

    for (w = 0; w < KISS_WINDOWS; w++) {
        const kiss_window_state *s = &v->window[w];

        policy = apr_pstrcat(k->pool, policy, w ? ", \"" : "\"", kiss_window_policy[w], "\";q=", number(k, s->limit),
                             ";w=", number(k, kiss_window_length[w] / SECOND), NULL);
        state = apr_pstrcat(k->pool, state, w ? ", \"" : "\"", kiss_window_policy[w], "\";r=", number(k, s->remaining),
                            ";t=", number(k, kiss_window_seconds(s->wait)), NULL);
    }
    apr_table_setn(k->r->err_headers_out, "RateLimit-Policy", policy);
    apr_table_setn(k->r->err_headers_out, "RateLimit", state);
}

static void put_headers(kiss_req *k, const kiss_window_state *s, int w)
{
    apr_table_t *out = k->r->err_headers_out;

    apr_table_setn(out, "X-Rate-Limit-Limit", kiss_window_name[w]);
    apr_table_setn(out, "X-Rate-Limit-Remaining", number(k, s->remaining));
    apr_table_setn(out, "X-Rate-Limit-Reset", reset_time(k, kiss_window_seconds(s->wait)));
}

static const kiss_error *quota(kiss_req *k, const kiss_window_state *s, int w)
{
    k->retry_after = (int)kiss_window_seconds(s->wait);
    k->description = apr_psprintf(k->pool, "API calls quota exceeded! maximum admitted %u per %s.", s->limit,
                                  kiss_window_name[w]);
    if (!k->api->keyed) {
        put_headers(k, s, w);
    }
    return &kiss_error_quota;
}

/** Headers, log note and, if a window is exceeded, the error. */
static const kiss_error *conclude(kiss_req *k, const verdict *v, const kiss_error *e)
{
    int w, hit = -1;

    for (w = 0; w < KISS_WINDOWS; w++) {
        if (v->window[w].exceeded && (hit < 0 || v->window[w].wait > v->window[hit].wait)) {
            hit = w;
        }
    }
    put_standard_headers(k, v);
    if (hit >= 0) {
        apr_table_setn(k->r->notes, "kiss-limit", kiss_window_name[hit]);
        return quota(k, &v->window[hit], hit);
    }
    /* The habit of the package whose headers these are: successful answers tell about the longest window. */
    put_headers(k, &v->window[KISS_WINDOW_HOUR], KISS_WINDOW_HOUR);
    apr_table_setn(k->r->notes, "kiss-limit",
                   apr_pstrcat(k->pool, number(k, v->window[KISS_WINDOW_MINUTE].remaining), "/",
                               number(k, v->window[KISS_WINDOW_HOUR].remaining), NULL));
    return e;
}

/* --- the stage --- */

/**
 * Reads the customer's own limits. @return 0 when the database is away: what was known, or the defaults, go on
 */
static int read_policy(kiss_req *k, apr_int64_t own_limit[KISS_WINDOWS])
{
    const kiss_caller *caller = NULL;
    kiss_db_status status = kiss_caller_read(&caller, k, k->customer);

    if (status != KISS_DB_OK) {
        k->db_error = kiss_caller_db_error(status);
        return 0;
    }
    own_limit[KISS_WINDOW_MINUTE] = caller->limit_minute;
    own_limit[KISS_WINDOW_HOUR] = caller->limit_hour;
    if (k->verified) {
        k->caller = caller;         /* read after the request came: fresh enough for the scope stage too */
    }
    return 1;
}

/** What happens when nothing can be counted: requests pass, but not to the token endpoint. */
static const kiss_error *uncounted(const kiss_req *k, const kiss_error *e)
{
    return !e && k->endpoint->auth == KISS_AUTH_CLIENT ? &kiss_error_unavailable : e;
}

/** The meter stage of an API with customers: two fixed windows. */
static const kiss_error *take_windows(kiss_req *k, const kiss_error *e)
{
    apr_int64_t own_limit[KISS_WINDOWS] = { -1, -1 }, now = kiss_clock_now();
    unsigned char id[ID_BYTES];
    int read = 0, known;
    verdict v;
    slot *s;

    make_id(id, k, k->customer ? "customer" : "anonymous", k->customer ? k->customer : "");
    if (!lock(k)) {
        return uncounted(k, e);
    }
    s = find(id, now, 1);
    known = !k->customer || (s->policy_time && now - s->policy_time < POLICY_AGE);
    if (!known) {
        unlock();
        read = read_policy(k, own_limit);
        now = kiss_clock_now();
        if (!lock(k)) {
            return uncounted(k, e);
        }
        s = find(id, now, 1);
    }
    if (read || !s->policy_time) {
        memcpy(s->own_limit, own_limit, sizeof(s->own_limit));
    }
    if (!known || !s->policy_time) {
        s->policy_time = now;       /* after a failure too: the next look is POLICY_AGE away */
    }
    if (k->verified || !k->customer) {
        s->rank = RANK_CALLER;
    }
    k->ranked = s->rank == RANK_CALLER;
    count(&v, s, now, k);
    unlock();
    return conclude(k, &v, e);
}

/**
 * The window of an API key, under the lock; if it has none, that of the key that was silent for longest is given up.
 *
 * The search begins where the key's id says and ends at a place that was never used: no place becomes free again.
 */
static kiss_sliding *find_sliding(const unsigned char id[ID_BYTES], apr_int64_t now)
{
    apr_uint32_t n = counters->nkeys, tried, i, oldest;

    memcpy(&i, &id[ID_BYTES - sizeof(i)], sizeof(i));
    oldest = i %= n;
    for (tried = 0; tried < n && memcmp(counters->keys[i].id, id, ID_BYTES) != 0; tried++) {
        if (!counters->keys[i].used) {
            break;
        }
        oldest = counters->keys[i].used < counters->keys[oldest].used ? i : oldest;
        i = i + 1 < n ? i + 1 : 0;
    }
    if (tried == n || !counters->keys[i].used) {
        i = tried == n ? oldest : i;
        memset(&counters->sliding[i], 0, sizeof(counters->sliding[i]));
        memcpy(counters->keys[i].id, id, ID_BYTES);
    }
    counters->keys[i].used = now;
    return &counters->sliding[i];
}

/** The meter stage of an API with keys: a sliding hour (KSS API, section 2 "Rate limit"). */
static const kiss_error *take_key(kiss_req *k, const kiss_error *e)
{
    apr_int64_t now = kiss_clock_now(), own = k->caller->limit_hour;
    apr_uint32_t limit = own >= 0 ? (apr_uint32_t)own : kiss_config_key_limit(k->conf);
    apr_table_t *out = k->r->err_headers_out;
    unsigned char id[ID_BYTES];
    kiss_window_state state;
    const char *remaining;

    make_id(id, k, "key", k->customer);
    if (!lock(k)) {
        return e;
    }
    state = kiss_sliding_take(find_sliding(id, now), now, kiss_window_length[KISS_WINDOW_HOUR], limit);
    unlock();
    remaining = number(k, state.remaining);
    apr_table_setn(out, "RateLimit-Limit", number(k, limit));
    apr_table_setn(out, "RateLimit-Remaining", remaining);
    apr_table_setn(out, "RateLimit-Reset", number(k, kiss_window_seconds(state.wait)));
    apr_table_setn(k->r->notes, "kiss-limit", state.exceeded ? "1h" : remaining);
    if (!state.exceeded) {
        return e;
    }
    k->retry_after = (int)kiss_window_seconds(state.wait);
    return &kiss_error_quota;
}

const kiss_error *kiss_limit_take(kiss_req *k, const kiss_error *e)
{
    if (k->api->keyed) {
        return k->caller ? take_key(k, e) : e;      /* nobody to count for: no key, or the database is away */
    }
    return take_windows(k, e);
}

void kiss_limit_verified(kiss_req *k)
{
    unsigned char id[ID_BYTES];
    slot *s;

    if (k->ranked) {
        return;                     /* by an earlier request: the usual case */
    }
    make_id(id, k, "customer", k->customer);
    if (lock(k)) {
        if ((s = find(id, kiss_clock_now(), 0))) {
            s->rank = RANK_CALLER;
        }
        unlock();
    }
}

void kiss_limit_login_failed(kiss_req *k)
{
    apr_uint32_t allowed = kiss_config_login_failures(k->conf);
    unsigned char id[ID_BYTES];
    apr_int64_t now = kiss_clock_now();

    make_id(id, k, "address", k->r->useragent_ip);
    if (allowed && lock(k)) {
        slot *s = find(id, now, 1);

        kiss_window_take(&s->window[KISS_WINDOW_MINUTE], now, kiss_window_length[KISS_WINDOW_MINUTE], allowed);
        s->used = now;
        s->rank = RANK_ADDRESS;
        apr_atomic_set32(counters->failed, (apr_uint32_t)(now / SECOND));
        unlock();
    }
}

/** 1 when no login has failed for so long that no address can be refused for it: what every request looks at first. */
static int no_failure(apr_int64_t now)
{
    apr_int64_t longest = kiss_window_length[KISS_WINDOW_MINUTE] / SECOND + 1;

    return counters && now / SECOND - apr_atomic_read32(counters->failed) > longest;
}

const kiss_error *kiss_limit_login_check(kiss_req *k)
{
    kiss_window_state state = { kiss_config_login_failures(k->conf), 0, 0, 0 };
    unsigned char id[ID_BYTES];
    apr_int64_t now = kiss_clock_now();

    if (!state.limit || no_failure(now)) {
        return NULL;
    }
    make_id(id, k, "address", k->r->useragent_ip);
    if (lock(k)) {
        slot *s = find(id, now, 0);
        kiss_window *w = s ? &s->window[KISS_WINDOW_MINUTE] : NULL;

        if (s) {
            s->used = now;
        }
        if (w && !kiss_window_over(w, now, kiss_window_length[KISS_WINDOW_MINUTE]) && w->count >= state.limit) {
            state.exceeded = 1;
            state.wait = w->start + kiss_window_length[KISS_WINDOW_MINUTE] - now;
        }
        unlock();
    }
    return state.exceeded ? quota(k, &state, KISS_WINDOW_MINUTE) : NULL;
}
