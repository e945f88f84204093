/* SPDX-License-Identifier: Apache-2.0 */
/**
 * write_repeat - finds and notes what was done for an Idempotency-Key.
 */
#include "page/write_repeat.h"

#include <stdlib.h>
#include <string.h>

#include "lib/api/write_plan.h"
#include "page/write_request.h"

const char *kiss_write_repeat_hash(const kiss_req *k, const char *body, apr_size_t len)
{
    const char *head = apr_pstrcat(k->pool, k->r->method, " ", k->r->unparsed_uri, "\n", NULL);
    apr_size_t n = strlen(head);
    char *all = apr_palloc(k->pool, n + len + 1);

    memcpy(all, head, n);
    memcpy(all + n, body, len);
    return kiss_write_request_digest(all, n + len, k->pool);
}

kiss_db_status kiss_write_repeat_find(int *status, kiss_db_conn *conn, const char *key, const char *hash)
{
    const kiss_req *k = kiss_db_request(conn);
    const char *args[] = { k->principal, key }, *row[2];
    kiss_statement s = kiss_write_plan_statement("SELECT HEX(request_hash), status FROM admin_request WHERE admin_code = ?"
                                                 " AND idempotency_key = ?", 2);
    kiss_db_status db;

    *status = 0;
    if (!key) {
        return KISS_DB_OK;
    }
    db = kiss_write_request_find(conn, &s, args, row, k->pool);
    if (db == KISS_DB_OK && row[0]) {
        *status = ap_cstr_casecmp(row[0], hash) == 0 ? atoi(row[1]) : -1;
    }
    return db;
}

kiss_db_status kiss_write_repeat_note(kiss_db_conn *conn, const char *key, const char *hash, int status)
{
    const kiss_req *k = kiss_db_request(conn);
    const char *args[] = { k->principal, key, hash, apr_itoa(k->pool, status) };
    kiss_statement add = kiss_write_plan_statement("INSERT INTO admin_request (admin_code, idempotency_key, request_hash, status)"
                                                   " VALUES (?, ?, UNHEX(?), ?)", 0);
    kiss_statement forget = kiss_write_plan_statement("DELETE FROM admin_request WHERE created_at < UTC_TIMESTAMP() - INTERVAL 7 DAY"
                                                      " ORDER BY created_at LIMIT 10", 0);
    kiss_db_status db;

    if (!key) {
        return KISS_DB_OK;
    }
    db = kiss_db_execute(conn, &add, args);
    return db == KISS_DB_OK ? kiss_db_execute(conn, &forget, NULL) : db;
}
