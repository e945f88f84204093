/* SPDX-License-Identifier: Apache-2.0 */
/**
 * write_request - reads the bodies of requests that write, and runs their transactions.
 */
#include "page/write_request.h"

#include <apr_escape.h>

#include <string.h>

#include "core/error.h"
#include "http/request_body.h"
#include "lib/base/clock.h"
#include "lib/base/crypto.h"

#define MAX_IDEMPOTENCY_KEY 255

/* How long a transaction that collided with others is tried again, and after how many tries it waits a little before: at the
 * nodes of a cluster the one that commits later loses, as often as that happens. */
#define RETRY_FOR    apr_time_from_sec(3)
#define QUICK_TRIES  3
#define LONGEST_WAIT apr_time_from_msec(40)

const kiss_error *kiss_write_request_refuse(kiss_req *k, const char *what)
{
    k->description = what;
    return &kiss_error_param;
}

const kiss_error *kiss_write_request_body(kiss_req *k, char **body, apr_size_t *len, apr_size_t max)
{
    switch (kiss_request_body_read(body, len, k->r, max)) {
    case KISS_REQUEST_BODY_LARGE:
        return &kiss_error_body;
    case KISS_REQUEST_BODY_LATE:
        return &kiss_error_late_body;
    case KISS_REQUEST_BODY_BROKEN:
        return kiss_write_request_refuse(k, "The request body ended early");
    case KISS_REQUEST_BODY_OK:
        break;
    }
    return strlen(*body) == *len ? NULL : kiss_write_request_refuse(k, "The request body is invalid");
}

const kiss_error *kiss_write_request_key(kiss_req *k, const char **key)
{
    const char *c = *key = apr_table_get(k->r->headers_in, "Idempotency-Key");

    while (c && *c > 0x20 && *c < 0x7f) {
        c++;
    }
    return c && (*c || c == *key || c - *key > MAX_IDEMPOTENCY_KEY)
           ? kiss_write_request_refuse(k, "Idempotency-Key header is invalid") : NULL;
}

const char *kiss_write_request_digest(const char *text, apr_size_t len, apr_pool_t *p)
{
    unsigned char digest[KISS_SHA256_LEN];

    kiss_crypto_sha256(digest, text, len);
    return apr_pescape_hex(p, digest, sizeof(digest), 0);
}

kiss_db_status kiss_write_request_find(kiss_db_conn *conn, const kiss_statement *s, const char *const *args,
                                       const char **row, apr_pool_t *p)
{
    const kiss_value *found;
    kiss_db_status status = kiss_db_row(&found, conn, s, args, p);
    int i;

    row[0] = NULL;
    for (i = 0; status == KISS_DB_OK && found && i < s->columns; i++) {
        row[i] = found[i].data ? apr_pstrmemdup(p, found[i].data, found[i].len) : "";
    }
    return status;
}

/**
 * Rolls back. @return `status`; when that fails, a status with which the connection is closed: the next START TRANSACTION
 * would commit what is still open
 */
static kiss_db_status roll_back(kiss_db_conn *conn, kiss_db_status status)
{
    kiss_db_status undone = kiss_db_rollback(conn);

    return undone == KISS_DB_OK ? status : undone == KISS_DB_AGAIN ? KISS_DB_AWAY : undone;
}

static kiss_db_status run_once(kiss_db_conn *conn, const kiss_write_request_transaction *t, void *baton)
{
    kiss_db_status status = kiss_db_begin_write(conn);
    int keep = 1;

    if (status == KISS_DB_OK) {
        status = t->work(conn, baton, &keep);
    }
    if (status != KISS_DB_OK || !keep) {
        return status == KISS_DB_OK || status == KISS_DB_AGAIN ? roll_back(conn, status) : status;
    }
    status = kiss_db_end(conn);
    if (status == KISS_DB_OK || status == KISS_DB_AGAIN) {
        return status == KISS_DB_OK ? status : roll_back(conn, status);
    }
    /* A commit that failed may have succeeded all the same. */
    if (t->unknown) {
        *t->unknown = 1;
    }
    return t->unknown ? KISS_DB_AWAY : KISS_DB_REFUSED;
}

/** Waits twice as long each time, and not as long as others do at the same moment. */
static void pause_before(int tries)
{
    apr_interval_time_t most = apr_time_from_msec(2) << (tries < 5 ? tries : 5);
    unsigned char random = 0;

    if (kiss_crypto_random(&random, sizeof(random)) != APR_SUCCESS) {
        random = 128;
    }
    most = most < LONGEST_WAIT ? most : LONGEST_WAIT;
    apr_sleep(most / 2 + most * random / 512);
}

kiss_db_status kiss_write_request_run(kiss_db_conn *conn, const kiss_write_request_transaction *t, void *baton)
{
    apr_int64_t start = kiss_clock_now();
    kiss_db_status status;
    int tries;

    for (tries = 0; (status = run_once(conn, t, baton)) == KISS_DB_AGAIN && kiss_clock_now() - start < RETRY_FOR; tries++) {
        if (t->taken && kiss_db_was_duplicate(conn) && (status = t->taken(conn, baton)) != KISS_DB_OK
            && status != KISS_DB_AGAIN) {
            return status;
        }
        if (tries >= QUICK_TRIES) {
            pause_before(tries - QUICK_TRIES);
        }
    }
    if (status == KISS_DB_AGAIN) {
        ap_log_rerror(APLOG_MARK, APLOG_WARNING, 0, kiss_db_request(conn)->r, KISS_LOGNO(0775) "a request that writes met "
                      "others in the database %d times in %d ms: nothing was stored", tries + 1,
                      (int)apr_time_as_msec(kiss_clock_now() - start));
        status = KISS_DB_AWAY;
    }
    return status;
}
