/* SPDX-License-Identifier: Apache-2.0 */
/**
 * allocate - parses, checks and stores an allocation request, and reads it back as the answer.
 */
#include "page/allocate.h"

#include <http_log.h>

#include <stdlib.h>
#include <string.h>

#include "caller/auth_apikey.h"
#include "core/config.h"
#include "core/error.h"
#include "db/db.h"
#include "db/db_run.h"
#include "http/precondition.h"
#include "http/request_body.h"
#include "http/response.h"
#include "lib/api/page_sql.h"
#include "lib/api/param_body.h"
#include "lib/api/row_json.h"
#include "lib/base/decimal.h"
#include "lib/base/json_text.h"
#include "page/write_request.h"

#define MAX_BODY 8192

/* Tries until a row that cannot be read back is taken for a fault and not for a collision. */
#define MISSING_TRIES 3

/* DECIMAL(18,6) in sql/kss/. */
#define AMOUNT_DIGITS 18
#define AMOUNT_SCALE 6

/** The allocation request that is being processed. */
typedef struct {
    kiss_req *k;
    kiss_params params;
    const char *payment, *target, *account, *amount;    /* the parameters */
    const char *idempotency_key;    /* Idempotency-Key, or NULL */
    const char *hash;               /* digest of the parameters, hexadecimal */
    const char *allocation;         /* allocation_no of the request */
    int missing;                    /* how often it could not be read back */
    int repeated;                   /* 1 when an earlier request with the same Idempotency-Key has stored it */
    const kiss_error *error;        /* why it is refused, or NULL */
    struct printbuf *answer;
} allocation_request;

static const kiss_error *refuse(allocation_request *a, const char *what)
{
    return a->error = kiss_write_request_refuse(a->k, what);
}

static const kiss_error *no_memory(const kiss_req *k)
{
    ap_log_rerror(APLOG_MARK, APLOG_ERR, APR_ENOMEM, k->r, KISS_LOGNO(0422) "no memory for the request or its answer");
    return &kiss_error_internal;
}

/* --- parsing --- */

/** Reads the body into the source of the parameters. */
static const kiss_error *read_body(allocation_request *a, kiss_param_source *source)
{
    apr_size_t len;
    apr_status_t rv;
    char *body;
    const kiss_error *e = kiss_write_request_body(a->k, &body, &len, MAX_BODY);

    if (e || len == 0) {
        return e;
    }
    if (kiss_request_body_is(a->k->r, "application/x-www-form-urlencoded")) {
        source->body = body;
        return NULL;
    }
    if (!kiss_request_body_is(a->k->r, "application/json")) {
        return refuse(a, "The request body must be application/json or application/x-www-form-urlencoded");
    }
    rv = kiss_param_body_read(&source->members, body, len, a->k->pool);
    if (rv == APR_ENOMEM) {
        return no_memory(a->k);
    }
    return rv == APR_SUCCESS ? NULL : refuse(a, "The request body is not a JSON object");
}

static const char *value_of(const allocation_request *a, const char *name)
{
    const kiss_param_values *v = kiss_params_find(&a->params, name, strlen(name));

    return v ? v->value[0] : NULL;
}

static const kiss_error *read_request(allocation_request *a)
{
    kiss_req *k = a->k;
    kiss_param_source source = { .query = k->r->args, .role = k->caller->key->role, .today = "" };
    const kiss_error *e = read_body(a, &source);
    const char *problem, *text;

    if (e || (e = kiss_write_request_key(k, &a->idempotency_key))) {
        return e;
    }
    if ((problem = kiss_params_read(&a->params, k->endpoint, &source, k->pool))) {
        return refuse(a, problem);
    }
    a->payment = value_of(a, "PaymentInvoiceNum");
    a->target = value_of(a, "TargetInvoiceNum");
    a->account = value_of(a, "ARAccountID");
    a->amount = value_of(a, "Amount");
    text = kiss_params_text(&a->params, k->pool);
    a->hash = kiss_write_request_digest(text, strlen(text), k->pool);
    return NULL;
}

/* --- checks, inside the transaction --- */

static const kiss_statement *fixed(const allocation_request *a, int id)
{
    return a->k->conf->plan->fixed[id];
}

/** Reads the only row of a statement. clang's analyzer does not know that a row has as many columns as its array. */
static kiss_db_status find(allocation_request *a, kiss_db_conn *conn, const kiss_statement *s, const char *const *args,
                           const char **row)
{
    return kiss_write_request_find(conn, s, args, row, a->k->pool);
}

/** 1 when `amount` is more than the rest of the payment. */
static int exceeds(const char *amount, const char *paid, const char *used)
{
    apr_int64_t requested, all, taken;

    if (kiss_decimal_parse(&requested, amount, strlen(amount), AMOUNT_DIGITS, AMOUNT_SCALE) != KISS_DECIMAL_OK
        || kiss_decimal_parse(&all, paid, strlen(paid), AMOUNT_DIGITS, AMOUNT_SCALE) != KISS_DECIMAL_OK
        || kiss_decimal_parse(&taken, used, strlen(used), AMOUNT_DIGITS, AMOUNT_SCALE) != KISS_DECIMAL_OK) {
        return 1;
    }
    return requested > all - taken;
}

/** 1 when the AR account belongs to one of the key's customers. */
static kiss_db_status owns_account(allocation_request *a, kiss_db_conn *conn, int *owns)
{
    const kiss_key *key = a->k->caller->key;
    const char *row[1];
    kiss_db_status status;
    int i;

    *owns = key->role == KISS_ROLE_EMPLOYEE;
    if (*owns) {
        return KISS_DB_OK;
    }
    status = find(a, conn, fixed(a, KISS_SQL_ACCOUNT_OWNER), &a->account, row);
    for (i = 0; status == KISS_DB_OK && row[0] && i < key->accounts->nelts; i++) {
        *owns |= strcmp(APR_ARRAY_IDX(key->accounts, i, const char *), row[0]) == 0;
    }
    return status;
}

/**
 * Finds an earlier request with the same Idempotency-Key. Sets a->allocation, or a->error when it was a different one.
 */
static kiss_db_status find_repeated(allocation_request *a, kiss_db_conn *conn)
{
    const char *args[] = { a->k->caller->key->id, a->idempotency_key }, *row[KISS_REPEATED_COLUMNS];
    kiss_db_status status = a->idempotency_key ? find(a, conn, fixed(a, KISS_SQL_REPEATED), args, row) : KISS_DB_OK;

    if (a->idempotency_key && status == KISS_DB_OK && row[KISS_REPEATED_HASH]) {
        if (ap_cstr_casecmp(row[KISS_REPEATED_HASH], a->hash) == 0) {
            /* NOLINTNEXTLINE(clang-analyzer-core.uninitialized.Assign) */
            a->allocation = row[KISS_REPEATED_ALLOCATION];
            a->repeated = 1;
        }
        else {
            refuse(a, "Idempotency-Key header was used for another request");
        }
    }
    return status;
}

/** Checks whether the request is allowed. Sets a->error when it is not. */
static kiss_db_status check_request(allocation_request *a, kiss_db_conn *conn, const char **payment, const char **target)
{
    const char *used[1];
    kiss_db_status status = find(a, conn, fixed(a, KISS_SQL_LOCK_PAYMENT), &a->payment, payment);

    if (status == KISS_DB_OK) {
        status = find_repeated(a, conn);
    }
    if (status != KISS_DB_OK || a->error || a->allocation) {
        return status;
    }
    /* Payments of other accounts are treated as not existing. NOLINTNEXTLINE(clang-analyzer-core.CallAndMessage) */
    if (!payment[KISS_PAYMENT_ID] || strcmp(payment[KISS_PAYMENT_ACCOUNT], a->account) != 0) {
        refuse(a, "PaymentInvoiceNum parameter is invalid");
        return KISS_DB_OK;
    }
    status = find(a, conn, fixed(a, KISS_SQL_TARGET), &a->target, target);
    /* NOLINTNEXTLINE(clang-analyzer-core.CallAndMessage) */
    if (status == KISS_DB_OK && (!target[KISS_TARGET_ID] || strcmp(target[KISS_TARGET_ACCOUNT], a->account) != 0)) {
        refuse(a, "TargetInvoiceNum parameter is invalid");
        return KISS_DB_OK;
    }
    if (status == KISS_DB_OK) {
        status = find(a, conn, fixed(a, KISS_SQL_PAYMENT_USED), &payment[KISS_PAYMENT_ID], used);
    }
    if (status == KISS_DB_OK && (!used[0] || exceeds(a->amount, payment[KISS_PAYMENT_AMOUNT], used[0]))) {
        refuse(a, "Amount parameter is invalid: it is more than the payment's available balance");
    }
    return status;
}

/** Inserts the request. */
static kiss_db_status insert(allocation_request *a, kiss_db_conn *conn, const char *payment_id, const char *target_id)
{
    const kiss_key *key = a->k->caller->key;
    const char *values[] = { payment_id, target_id, a->account, a->amount, key->user_id };
    kiss_db_status status = kiss_db_execute(conn, fixed(a, KISS_SQL_REQUEST), values);

    if (status != KISS_DB_OK) {
        return status;
    }
    a->allocation = kiss_db_insert_id(conn, a->k->pool);
    if (a->idempotency_key) {
        const char *remembered[] = { key->id, a->idempotency_key, a->hash, a->allocation };

        status = kiss_db_execute(conn, fixed(a, KISS_SQL_REMEMBER), remembered);
    }
    return status;
}

/** The request cannot be read back: that of an earlier one may have been deleted, that of this one must exist. */
static kiss_db_status missing_request(allocation_request *a)
{
    if (a->repeated) {
        refuse(a, "Idempotency-Key header was used for a request that does not exist any more");
        return KISS_DB_OK;
    }
    ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, a->k->r, KISS_LOGNO(0420) "allocation %s was made but the key cannot read it: "
                  "it is not stored", a->allocation);
    return KISS_DB_FAILED;
}

/** Reads the request back in the API's representation. */
static kiss_db_status read_back(allocation_request *a, kiss_db_conn *conn)
{
    static const kiss_param by_number = { .name = "", .type = KISS_PARAM_NUMBER, .where = "a.allocation_no = {}" };
    const kiss_key *key = a->k->caller->key;
    kiss_params params = { .page = 1, .page_size = 1, .count = 1, .values = { { &by_number, 1, &a->allocation } } };
    kiss_page_sql_values values = { key->accounts, key->states, &params, NULL };
    kiss_row_json_terms terms;
    kiss_page_sql_query query;
    const kiss_value *row;
    kiss_db_status status;
    apr_size_t replaced = 0;
    const char *column;

    memset(&terms, 0, sizeof(terms));
    kiss_page_sql_bind(&query, a->k->conf->plan, a->k->endpoint, key->role, &values, 0, a->k->pool);
    status = kiss_db_row(&row, conn, &query.statement, query.args, a->k->pool);
    if (status != KISS_DB_OK || !row) {
        /* A cluster's node that rolls the transaction back may just do so. */
        a->missing += status == KISS_DB_OK;
        return status != KISS_DB_OK ? status : a->missing < MISSING_TRIES ? KISS_DB_AGAIN : missing_request(a);
    }
    printbuf_reset(a->answer);
    if (kiss_json_text_raw(a->answer, "{\"Data\":", 8)
        || kiss_row_json_write(a->answer, query.statement.writer, &terms, row, NULL, &replaced, &column) != KISS_ROW_JSON_OK
        || kiss_json_text_raw(a->answer, "}", 2)) {          /* with its NUL */
        ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, a->k->r, KISS_LOGNO(0421) "allocation %s cannot be written as the contract "
                      "says: no memory, or a value of its row in payment_application does not fit", a->allocation);
        return KISS_DB_FAILED;
    }
    return KISS_DB_OK;
}

/** Runs the transaction once. */
static kiss_db_status run_once(kiss_db_conn *conn, void *baton, int *keep)
{
    const char *payment[KISS_PAYMENT_COLUMNS] = { NULL }, *target[KISS_TARGET_COLUMNS] = { NULL };
    allocation_request *a = baton;
    kiss_db_status status;

    a->error = NULL;
    a->allocation = NULL;
    a->repeated = 0;
    status = check_request(a, conn, payment, target);
    if (status == KISS_DB_OK && !a->error && !a->allocation) {
        status = insert(a, conn, payment[KISS_PAYMENT_ID], target[KISS_TARGET_ID]);
    }
    if (status == KISS_DB_OK && !a->error) {
        status = read_back(a, conn);
    }
    *keep = !a->error;
    return status;
}

/** Moves the sequence of request numbers past all existing ones: an import may have added some. */
static kiss_db_status advance_sequence(kiss_db_conn *conn, void *baton)
{
    allocation_request *a = baton;
    const char *last[1], *ignored[1];
    kiss_statement move = { .columns = 1 };
    kiss_db_status status = find(a, conn, fixed(a, KISS_SQL_LAST_REQUEST), NULL, last);

    if (status == KISS_DB_OK) {
        /* SETVAL() takes no bound values. It never moves a sequence back. */
        move.text = apr_psprintf(a->k->pool, "SELECT SETVAL(request_number, %" APR_INT64_T_FMT ")", apr_atoi64(last[0]));
        status = find(a, conn, &move, NULL, ignored);
    }
    return status;
}

static kiss_db_status allocate(kiss_db_conn *conn, void *baton)
{
    allocation_request *a = baton;
    int unknown = 0;
    const kiss_write_request_transaction transaction = { run_once, advance_sequence, a->idempotency_key ? &unknown : NULL };
    int owns = 0;
    kiss_db_status status = owns_account(a, conn, &owns);

    if (status != KISS_DB_OK || !owns) {
        a->error = status == KISS_DB_OK ? &kiss_error_role : NULL;
        return status;
    }
    return kiss_write_request_run(conn, &transaction, a);
}

const kiss_error *kiss_allocate_run(kiss_req *k, int *status)
{
    allocation_request a;
    const kiss_error *e;
    kiss_db_status db;

    memset(&a, 0, sizeof(a));
    a.k = k;
    a.answer = kiss_json_text_buffer(k->pool);
    if (!a.answer) {
        return no_memory(k);
    }
    if ((e = read_request(&a)) || (e = kiss_precondition_write(k->r))) {
        return e;
    }
    if ((db = kiss_db_run(k, allocate, &a)) != KISS_DB_OK) {
        return kiss_db_error(db);
    }
    if (a.error) {
        return a.error;
    }
    kiss_response_private(k);
    *status = kiss_response_text(k, HTTP_CREATED, KISS_JSON_TYPE, a.answer->buf);
    return NULL;
}
