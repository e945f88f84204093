/* SPDX-License-Identifier: Apache-2.0 */
/**
 * tally - what a request is counted by, and the names that metrics have for it. Stages fill it; core/metrics.h adds it to
 * the counters when the request is logged.
 */
#ifndef KISS_TALLY_H
#define KISS_TALLY_H

#include <apr.h>
#include <apr_time.h>

/* Each list: an enumerator, and the value of its label. Values are an interface: dashboards and alerts name them. */

/** Why the database did not do what was asked. */
#define KISS_TALLY_REFUSALS(X)                                                                      \
    X(KISS_REFUSAL_BUSY, "busy")            /* no connection became free, or the server is at a limit */ \
    X(KISS_REFUSAL_AWAY, "away")            /* not reached, hangs, or ended the connection */       \
    X(KISS_REFUSAL_UNFIT, "unfit")          /* schema version, session or rights are not as needed */ \
    X(KISS_REFUSAL_FAILED, "failed")        /* a statement failed */

/** Which limit refused a request. */
#define KISS_TALLY_LIMITS(X)                                                                        \
    X(KISS_LIMITED_NOT, "")                                                                         \
    X(KISS_LIMITED_CUSTOMER, "customer")    /* KissLimit */                                         \
    X(KISS_LIMITED_ANONYMOUS, "anonymous")  /* KissLimitAnonymous */                                \
    X(KISS_LIMITED_KEY, "key")              /* KissKeyLimit */                                      \
    X(KISS_LIMITED_LOGIN, "login")          /* KissLoginFailureLimit, wrong secrets for a code */

/** Why a caller was refused. */
#define KISS_TALLY_AUTH(X)                                                                          \
    X(KISS_AUTH_FAILED_NOT, "")                                                                     \
    X(KISS_AUTH_FAILED_TLS, "plain_http")           /* 403 of a request without TLS */              \
    X(KISS_AUTH_FAILED_NO_TOKEN, "token_missing")                                                   \
    X(KISS_AUTH_FAILED_EXPIRED, "token_expired")                                                    \
    X(KISS_AUTH_FAILED_TOKEN, "token_invalid")      /* anything else that a token can lack */       \
    X(KISS_AUTH_FAILED_CUSTOMER, "customer_unknown") /* deleted since the token was issued */       \
    X(KISS_AUTH_FAILED_DISABLED, "customer_disabled")                                               \
    X(KISS_AUTH_FAILED_CLIENT, "client_credentials") /* unknown code or wrong secret */             \
    X(KISS_AUTH_FAILED_NO_KEY, "key_missing")                                                       \
    X(KISS_AUTH_FAILED_KEY, "key_invalid")          /* unknown, revoked or expired */               \
    X(KISS_AUTH_FAILED_ROLE, "role")                /* a valid key without access to the endpoint */

/** Where a list came from. */
#define KISS_TALLY_WORK(X)                                                                          \
    X(KISS_WORK_NONE, "")                   /* no list was sent */                                  \
    X(KISS_WORK_HIT, "hit")                 /* it was cached */                                     \
    X(KISS_WORK_BUILT, "built")             /* read completely */                                   \
    X(KISS_WORK_PATCHED, "patched")         /* made of an earlier version */                        \
    X(KISS_WORK_COMPRESSED, "compressed")   /* the list was cached, but not compressed */           \
    X(KISS_WORK_COMPARED, "compared")       /* the list was cached, but not what has changed */

/** What KissWarm did with a list. */
#define KISS_TALLY_WARMED(X)                                                                        \
    X(KISS_WARMED_BUILT, "built")           /* read completely */                                   \
    X(KISS_WARMED_PATCHED, "patched")       /* made of an earlier version */                        \
    X(KISS_WARMED_COMPRESSED, "compressed") /* the list was cached, but not compressed */           \
    X(KISS_WARMED_CACHED, "cached")         /* it was there */                                      \
    X(KISS_WARMED_BUSY, "busy")             /* a request is building it */                          \
    X(KISS_WARMED_GONE, "gone")             /* its customer, terms or location are gone */          \
    X(KISS_WARMED_FAILED, "failed")         /* by the database or the disk */

/** What became of a request that writes product data. The first ones are also what a row of many is. */
#define KISS_TALLY_WRITTEN(X)                                                                       \
    X(KISS_WRITTEN_NOT, "")                 /* it writes none, or did not come so far */            \
    X(KISS_WRITTEN_CREATED, "created")                                                              \
    X(KISS_WRITTEN_CHANGED, "changed")                                                              \
    X(KISS_WRITTEN_UNCHANGED, "unchanged")  /* all of it was there */                               \
    X(KISS_WRITTEN_REMOVED, "removed")                                                              \
    X(KISS_WRITTEN_REPEATED, "repeated")    /* an earlier one with its Idempotency-Key had done it */ \
    X(KISS_WRITTEN_CONFLICT, "conflict")    /* 409, 412 */                                          \
    X(KISS_WRITTEN_REFUSED, "refused")      /* by another fault of the client */                    \
    X(KISS_WRITTEN_FAILED, "failed")        /* by the database, or ours */

/** What a row of many can be: KISS_WRITTEN_CREATED and up to this. */
#define KISS_WRITTEN_ROWS KISS_WRITTEN_REMOVED

#define KISS_TALLY_ENUMERATOR(id, name) id,
typedef enum { KISS_TALLY_REFUSALS(KISS_TALLY_ENUMERATOR) KISS_REFUSALS } kiss_refusal;
typedef enum { KISS_TALLY_LIMITS(KISS_TALLY_ENUMERATOR) KISS_LIMITEDS } kiss_limited;
typedef enum { KISS_TALLY_AUTH(KISS_TALLY_ENUMERATOR) KISS_AUTH_FAILEDS } kiss_auth_failed;
typedef enum { KISS_TALLY_WORK(KISS_TALLY_ENUMERATOR) KISS_WORKS } kiss_work;
typedef enum { KISS_TALLY_WARMED(KISS_TALLY_ENUMERATOR) KISS_WARMEDS } kiss_warmed;
typedef enum { KISS_TALLY_WRITTEN(KISS_TALLY_ENUMERATOR) KISS_WRITTENS } kiss_written;
#undef KISS_TALLY_ENUMERATOR

/** Values of labels, by enumerator; "" is not counted. */
extern const char *const kiss_tally_refusal_name[KISS_REFUSALS];
extern const char *const kiss_tally_limit_name[KISS_LIMITEDS];
extern const char *const kiss_tally_auth_name[KISS_AUTH_FAILEDS];
extern const char *const kiss_tally_work_name[KISS_WORKS];
extern const char *const kiss_tally_warmed_name[KISS_WARMEDS];
extern const char *const kiss_tally_written_name[KISS_WRITTENS];

/** Windows of limits. */
enum { KISS_TALLY_MINUTE, KISS_TALLY_HOUR, KISS_TALLY_WINDOWS };

/** A limit of the caller, as it was with this request. */
typedef struct {
    apr_uint32_t limit;                     /**< requests in the window; 0: the window does not count this caller */
    apr_uint32_t remaining;
    apr_time_t until;                       /**< when more will remain: of a fixed window its end */
} kiss_tally_window;

/** What a request has cost and how it ended. Zero initially. */
typedef struct {
    apr_interval_time_t db_wait;            /**< time spent waiting for a connection; a part of k->db_time */
    apr_uint32_t db_runs;                   /**< uses of a connection, those that were refused included */
    apr_uint32_t db_retries;                /**< of them, how often the work was done again */
    apr_uint32_t db_refusals[KISS_REFUSALS];
    unsigned db_away : 1;                   /**< the last use failed by the server, or on the way to it */
    kiss_tally_window window[KISS_TALLY_WINDOWS];   /**< limits of the caller, where it is authenticated */
    kiss_limited limited;                   /**< the limit that refused it */
    unsigned token_expired : 1;             /**< the token that was sent has expired */
    unsigned token_invalid : 1;             /**< or is not valid for another reason */
    kiss_work work;                         /**< where its list came from */
    unsigned stale : 1;                     /**< it was answered by what was read before: the database is away */
    kiss_written written;                   /**< what it wrote */
    apr_uint32_t written_rows[KISS_WRITTEN_ROWS];   /**< of many rows, how many were what */
    apr_uint32_t audit_rows;                /**< rows that it added to the audit */
} kiss_tally;

/** Adds what the database has cost: of a job to the request that waits for it. */
static inline void kiss_tally_add_database(kiss_tally *to, const kiss_tally *from)
{
    int i;

    to->db_wait += from->db_wait;
    to->db_runs += from->db_runs;
    to->db_retries += from->db_retries;
    to->db_away |= from->db_away;
    for (i = 0; i < KISS_REFUSALS; i++) {
        to->db_refusals[i] += from->db_refusals[i];
    }
}

#endif
