#include "kiss_verdict.h"

#include <apr_strings.h>
#include <apr_thread_mutex.h>

#include <string.h>

#include "kiss_secret.h"

/* A token has its place in one of WAYS neighbours; the one that was not used for longest makes room. */
#define WAYS 8
#define SETS 64

/* Customer codes have at most 64 characters (sql/); a longer one is verified each time. */
#define MAX_CUSTOMER 128

typedef struct {
    unsigned char digest[KISS_SHA256_LEN];  /* of the token and what it was accepted for */
    const apr_array_header_t *keys;         /* NULL: the place is free */
    apr_int64_t from;                       /* first second of its life */
    apr_int64_t until;                      /* first second after it */
    apr_uint64_t used;
    char customer[MAX_CUSTOMER];
} verdict;

struct kiss_verdicts {
    apr_thread_mutex_t *mutex;
    apr_uint64_t uses;
    verdict verdict[SETS][WAYS];
};

apr_status_t kiss_verdicts_create(kiss_verdicts **verdicts, apr_pool_t *p)
{
    kiss_verdicts *made = apr_pcalloc(p, sizeof(*made));
    apr_status_t rv = apr_thread_mutex_create(&made->mutex, APR_THREAD_MUTEX_DEFAULT, p);

    if (rv == APR_SUCCESS) {
        *verdicts = made;
    }
    return rv;
}

/* A digest, not the token: what is remembered lets nobody in, and comparing it tells nothing about the token. */
static void make_digest(unsigned char digest[KISS_SHA256_LEN], const kiss_jwt_policy *policy, const char *token,
                        apr_pool_t *p)
{
    /* No token, name or address holds a line feed. */
    const char *text = apr_pstrcat(p, policy->issuer, "\n", policy->audience, "\n", token, NULL);

    kiss_secret_sha256(digest, text, strlen(text));
}

static verdict *set_of(kiss_verdicts *verdicts, const unsigned char *digest)
{
    return verdicts->verdict[digest[0] % SETS];
}

static int is_same(const verdict *v, const apr_array_header_t *keys, const unsigned char *digest)
{
    return v->keys == keys && memcmp(v->digest, digest, KISS_SHA256_LEN) == 0;
}

/** The customer of a remembered token whose time has not passed, in `p`, or NULL. */
static const char *recall(kiss_verdicts *verdicts, const apr_array_header_t *keys, const unsigned char *digest,
                          apr_int64_t now, apr_pool_t *p)
{
    verdict *set = set_of(verdicts, digest);
    const char *customer = NULL;
    int i;

    if (apr_thread_mutex_lock(verdicts->mutex) != APR_SUCCESS) {
        return NULL;
    }
    for (i = 0; i < WAYS; i++) {
        if (is_same(&set[i], keys, digest)) {
            set[i].used = ++verdicts->uses;
            customer = now >= set[i].from && now < set[i].until ? apr_pstrdup(p, set[i].customer) : NULL;
            break;
        }
    }
    apr_thread_mutex_unlock(verdicts->mutex);
    return customer;
}

static void remember(kiss_verdicts *verdicts, const apr_array_header_t *keys, const unsigned char *digest,
                     const kiss_jwt_claims *made)
{
    verdict *set = set_of(verdicts, digest), *place = &set[0];
    apr_size_t len = strlen(made->customer);
    int i;

    if (len >= MAX_CUSTOMER || apr_thread_mutex_lock(verdicts->mutex) != APR_SUCCESS) {
        return;
    }
    for (i = 0; i < WAYS; i++) {
        if (is_same(&set[i], keys, digest)) {
            place = &set[i];
            break;
        }
        place = set[i].used < place->used ? &set[i] : place;
    }
    place->keys = keys;
    memcpy(place->digest, digest, KISS_SHA256_LEN);
    place->from = made->from;
    place->until = made->until;
    place->used = ++verdicts->uses;
    memcpy(place->customer, made->customer, len + 1);
    apr_thread_mutex_unlock(verdicts->mutex);
}

const char *kiss_verdicts_verify(kiss_verdicts *verdicts, const char **customer, const kiss_jwt_policy *policy,
                                 const char *token, apr_int64_t now, apr_pool_t *p)
{
    unsigned char digest[KISS_SHA256_LEN];
    kiss_jwt_claims made;
    const char *why;

    if (verdicts && strlen(token) <= KISS_JWT_MAX) {
        make_digest(digest, policy, token, p);
        if ((*customer = recall(verdicts, policy->keys, digest, now, p))) {
            return NULL;
        }
    }
    why = kiss_jwt_verify(&made, policy, token, now, p);
    if (!why) {
        *customer = made.customer;
        if (verdicts) {
            remember(verdicts, policy->keys, digest, &made);
        }
    }
    return why;
}
