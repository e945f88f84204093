/* SPDX-License-Identifier: Apache-2.0 */
/**
 * write_change - runs the requests of admin clients that write.
 */
#include "page/write_change.h"

#include <string.h>

#include "core/config.h"
#include "core/error.h"
#include "db/db_run.h"
#include "http/response.h"
#include "page/write_repeat.h"
#include "page/write_request.h"

/* A product has three texts of up to 1,048,576 characters, and others. */
#define MAX_BODY (16 * 1024 * 1024)

void kiss_write_change_start(kiss_write_change *w, kiss_req *k)
{
    memset(w, 0, sizeof(*w));
    w->k = k;
    w->plan = kiss_write_plan_of(k->conf->plan, k->endpoint->write);
    k->db = kiss_config_admin_database(k->conf, k->server)->db;
}

const kiss_error *kiss_write_change_refuse(kiss_write_change *w, const kiss_error *e, const char *what)
{
    w->k->description = what;
    return w->error = e;
}

const kiss_error *kiss_write_change_body(kiss_write_change *w, char **body, apr_size_t *len)
{
    const kiss_error *e = kiss_write_request_body(w->k, body, len, MAX_BODY);

    if (!e) {
        w->hash = kiss_write_repeat_hash(w->k, *body, *len);
    }
    return e;
}

kiss_db_status kiss_write_change_find_repeated(kiss_write_change *w, kiss_db_conn *conn)
{
    kiss_db_status status = kiss_write_repeat_find(&w->status, conn, w->idempotency_key, w->hash);

    w->repeated = w->status > 0;
    if (status == KISS_DB_OK && w->status < 0) {
        kiss_write_change_refuse(w, &kiss_error_param, "Idempotency-Key header was used for another request.");
    }
    return status;
}

/** A request and how it is done. */
typedef struct {
    kiss_write_change *w;
    const kiss_write_change_kind *kind;
} running;

static kiss_db_status work_once(kiss_db_conn *conn, void *baton, int *keep)
{
    const running *r = baton;
    kiss_write_change *w = r->w;
    kiss_db_status status = KISS_DB_OK;
    int found = 0;

    if (w->unknown) {
        status = kiss_write_repeat_find(&found, conn, w->idempotency_key, w->hash);
    }
    if (status != KISS_DB_OK || found > 0) {
        *keep = 0;                          /* found: the COMMIT had succeeded, and the answer is what was made then */
        return status;
    }
    w->error = NULL;
    w->status = w->repeated = 0;
    status = r->kind->work(conn, w);
    *keep = !w->error && !w->repeated;
    return status == KISS_DB_OK && *keep ? kiss_write_repeat_note(conn, w->idempotency_key, w->hash, w->status) : status;
}

static kiss_db_status work_all(kiss_db_conn *conn, void *baton)
{
    const running *r = baton;
    const kiss_write_request_transaction transaction = { work_once, NULL, r->w->idempotency_key ? &r->w->unknown : NULL };

    return kiss_write_request_run(conn, &transaction, baton);
}

static const kiss_error *run(kiss_write_change *w, const kiss_write_change_kind *kind)
{
    running r = { w, kind };
    const kiss_error *e;
    kiss_db_status db;

    w->hash = kiss_write_repeat_hash(w->k, "", 0);
    if ((e = kiss_write_request_key(w->k, &w->idempotency_key)) || (e = kind->read(w))) {
        return e;
    }
    db = kiss_db_run(w->k, work_all, &r);
    return db == KISS_DB_OK ? w->error : kiss_db_error(db);
}

const kiss_error *kiss_write_change_run(kiss_write_change *w, const kiss_write_change_kind *kind)
{
    const kiss_error *e = run(w, kind);

    if (e) {
        w->k->tally.written = e->status == HTTP_CONFLICT || e->status == HTTP_PRECONDITION_FAILED ? KISS_WRITTEN_CONFLICT
                              : e->status < HTTP_INTERNAL_SERVER_ERROR ? KISS_WRITTEN_REFUSED : KISS_WRITTEN_FAILED;
    }
    return e;
}

void kiss_write_change_headers(const kiss_write_change *w)
{
    kiss_response_private(w->k);
    if (w->repeated) {
        apr_table_setn(w->k->r->headers_out, "Idempotency-Replayed", "true");
    }
}
