/* SPDX-License-Identifier: Apache-2.0 */
/**
 * cmd_kss_payments - requests to allocate a payment, on their way through the back office: Pending (asked for through
 * the API), Exported (handed over), Confirmed (applied), Rejected (not confirmed in time).
 *
 * One kissctl at a time changes them; the API only adds new ones.
 */
#include "cmd.h"

#include <string.h>

#include <apr_strings.h>
#include <mysqld_error.h>

#include "ctl_db.h"
#include "ctl_message.h"
#include "ctl_out.h"
#include "ctl_value.h"
#include "lib/base/plural.h"

#define LOCK "kiss.payments"
#define LOCK_SECONDS 60

/** How long the reader of an export may take without reading on. */
#define READER_SECONDS 600

#define MAX_NAME 100
#define MAX_NUMBER 999999999999999999
#define DEFAULT_DAYS "7"
#define MAX_DAYS 3650

/** A time of the database as the API writes it. */
#define MOMENT(column) "CONCAT(LEFT(DATE_FORMAT(" column ", '%Y-%m-%dT%H:%i:%s.%f'), 23), 'Z')"

/** Two decimals, and the rest only where there is one. */
#define AMOUNT "IF(a.amount = ROUND(a.amount, 2), CAST(CAST(a.amount AS DECIMAL(18, 2)) AS CHAR)," \
    " CAST(a.amount AS CHAR))"

#define TABLES " FROM payment_application a JOIN payment p USING (payment_id)" \
    " JOIN invoice i ON i.invoice_id = a.target_invoice_id"

#define SELECT_REQUEST "SELECT a.request_id, a.payment_application_id, p.payment_invoice_num, i.invoice_num," \
    " a.ar_account_id, " AMOUNT ", a.status, a.requested_by_user_id, a.applied_by, " MOMENT("a.time_requested") ", " \
    MOMENT("a.time_exported") ", " MOMENT("a.time_applied") TABLES

static const out_column request_columns[] = {
    {"RequestID", OUT_NUMBER}, {"PaymentApplicationID", OUT_NUMBER}, {"PaymentInvoiceNum", OUT_TEXT},
    {"TargetInvoiceNum", OUT_TEXT}, {"ARAccountID", OUT_NUMBER}, {"Amount", OUT_NUMBER}, {"Status", OUT_TEXT},
    {"RequestedByUserID", OUT_NUMBER}, {"AppliedBy", OUT_TEXT}, {"TimeRequested", OUT_TEXT}, {"TimeExported", OUT_TEXT},
    {"TimeApplied", OUT_TEXT},
};

static const out_column export_columns[] = {
    {"RequestID", OUT_NUMBER}, {"PaymentInvoiceNum", OUT_TEXT}, {"TargetInvoiceNum", OUT_TEXT},
    {"ARAccountID", OUT_NUMBER}, {"Amount", OUT_NUMBER}, {"RequestedByUserID", OUT_NUMBER}, {"TimeRequested", OUT_TEXT},
    {"TimeExported", OUT_TEXT},
};

#define COUNT(array) ((int)(sizeof(array) / sizeof(*(array))))

/** The last column of an export, by which a run is known, and after the columns the number of the row. */
#define TIME_EXPORTED (COUNT(export_columns) - 1)
#define ALLOCATION_NO COUNT(export_columns)

#define SELECT_EXPORT(time) "SELECT a.request_id, p.payment_invoice_num, i.invoice_num, a.ar_account_id, " AMOUNT "," \
    " a.requested_by_user_id, " MOMENT("a.time_requested") ", " MOMENT(time) ", a.allocation_no" TABLES
#define ORDER_EXPORT " ORDER BY a.request_id, a.allocation_no"

/** Reads --status. `status` receives NULL when it is not given. @return CTL_OK or CTL_USAGE */
static int read_status(const ctl *c, const char **status)
{
    static const char *const known[] = {"Pending", "Exported", "Confirmed", "Rejected"};
    const char *text = c->option[OPT_STATUS];
    int i;

    *status = NULL;
    if (!text) {
        return CTL_OK;
    }
    for (i = 0; i < COUNT(known); i++) {
        if (strcasecmp(text, known[i]) == 0) {
            *status = known[i];
            return CTL_OK;
        }
    }
    return ctl_usage(c, "--status: '%s' is neither Pending, Exported, Confirmed nor Rejected", text);
}

int cmd_kss_payments_list(ctl *c, const char *const *args)
{
    apr_array_header_t *rows;
    const char *status;

    (void)args;
    if (read_status(c, &status) != CTL_OK) {
        return CTL_USAGE;
    }
    /* What the back office made by itself is history without end, and nothing of ours to watch. */
    if (ctl_db_rows(c, &rows, c->pool, SELECT_REQUEST " WHERE (a.request_id IS NOT NULL OR a.status <> 'Confirmed')"
                    " AND a.status = COALESCE(?, a.status) ORDER BY a.is_waiting DESC, a.sort_time DESC,"
                    " a.allocation_no DESC", 1, status) != CTL_OK) {
        return CTL_FAILED;
    }
    ctl_out_rows(c, request_columns, COUNT(request_columns), rows);
    return CTL_OK;
}

/** Makes the rows Exported at `now`, all or none. `unknown`: the server has not answered whether that was done. */
static int mark_exported(ctl *c, const apr_array_header_t *rows, const char *now, int *unknown)
{
    apr_uint64_t changed;
    int i;

    *unknown = 0;
    if (ctl_db_wait_for_me(c, CTL_DB_SILENCE) != CTL_OK || ctl_db_begin(c) != CTL_OK) {
        return CTL_FAILED;
    }
    for (i = 0; i < rows->nelts; i++) {
        if (ctl_db_run(c, &changed, "UPDATE payment_application SET status = 'Exported', time_exported = ?,"
                       " time_updated = ? WHERE allocation_no = ? AND status = 'Pending'", 3, now, now,
                       CTL_ROW(rows, i)[ALLOCATION_NO]) != CTL_OK) {
            return CTL_FAILED;
        }
        if (changed != 1) {
            return ctl_fail("request %s was changed by somebody else meanwhile", CTL_ROW(rows, i)[0]);
        }
    }
    if (ctl_db_exec(c, "COMMIT") == CTL_OK) {
        return CTL_OK;
    }
    /* A deadlock: another node of a cluster has won. */
    *unknown = mysql_errno(c->db) != ER_LOCK_DEADLOCK && !ctl_db_was_over(c);
    return CTL_FAILED;
}

static void print_export(const ctl *c, const apr_array_header_t *rows)
{
    if (c->json) {
        ctl_out_rows(c, export_columns, COUNT(export_columns), rows);
    }
    else {
        ctl_out_csv(export_columns, COUNT(export_columns), rows);
    }
}

/** Whether `text` is a time as the exports write it. */
static int is_moment(const char *text)
{
    const char *form = "0000-00-00T00:00:00.000Z";

    for (; *form && (*form == '0' ? *text >= '0' && *text <= '9' : *text == *form); form++) {
        text++;
    }
    return !*form && !*text;
}

/** Prints what the run of that time has exported and nobody has confirmed or rejected since; changes nothing. */
static int export_again(ctl *c, const char *time)
{
    apr_array_header_t *rows;

    if (!is_moment(time)) {
        return ctl_usage(c, "--again: '%s' is no TimeExported of an export: 2026-11-29T06:00:00.000Z for one", time);
    }
    /* The lock: what a kissctl at this server does is done then, even if it was killed. */
    if (ctl_db_lock(c, LOCK, LOCK_SECONDS) != CTL_OK
        || ctl_db_rows(c, &rows, c->pool, SELECT_EXPORT("a.time_exported") " WHERE a.status = 'Exported'"
                       " AND a.time_exported = STR_TO_DATE(?, '%Y-%m-%dT%H:%i:%s.%fZ')" ORDER_EXPORT, 1, time) != CTL_OK) {
        return CTL_FAILED;
    }
    print_export(c, rows);
    ctl_note("%d request%s of the run of %s %s not confirmed", rows->nelts, KISS_PLURAL_S(rows->nelts), time,
             rows->nelts == 1 ? "is" : "are");
    return CTL_OK;
}

/** Why the output is not to be used, or not yet. */
static int marking_failed(const apr_array_header_t *rows, int unknown)
{
    const char *time = CTL_ROW(rows, 0)[TIME_EXPORTED];

    return unknown
        ? ctl_fail("the end of this run got no answer: it may have exported its requests or not. Do not use this output; "
                   "run the export again, and then 'kissctl kss payments export --again %s', whose output takes the "
                   "place of this one.", time)
        : ctl_fail("do not use this output: this run has exported nothing. Look at 'kissctl kss payments list', then run "
                   "the export again.");
}

/**
 * Printing comes first: a request that is marked but was never handed over would be lost. No transaction is open
 * meanwhile, because the reader of the output may be slow, and the API adds requests to the same table; the lock keeps
 * a second export away, and a row that anything else changed is found when it is marked. Whoever was killed between the
 * commit and its exit has left an output of which nobody knows whether it counts: each row names its run for that.
 */
int cmd_kss_payments_export(ctl *c, const char *const *args)
{
    apr_array_header_t *rows;
    apr_status_t rv;
    const char *now;
    int unknown;

    (void)args;
    if (c->option[OPT_AGAIN]) {
        return export_again(c, c->option[OPT_AGAIN]);
    }
    if (ctl_db_lock(c, LOCK, LOCK_SECONDS) != CTL_OK || ctl_db_value(c, &now, "SELECT UTC_TIMESTAMP(3)", 0) != CTL_OK
        || ctl_db_rows(c, &rows, c->pool, SELECT_EXPORT("?") " WHERE a.status = 'Pending'" ORDER_EXPORT, 1,
                       c->option[OPT_DRY_RUN] ? NULL : now) != CTL_OK
        || ctl_db_wait_for_me(c, READER_SECONDS) != CTL_OK) {
        return CTL_FAILED;
    }
    print_export(c, rows);
    rv = ctl_out_flush();
    if (rv != APR_SUCCESS) {
        return ctl_fail("cannot write to standard output: %s. Nothing was exported, the requests stay Pending: make "
                        "room or name another place, and run the export again.", apr_psprintf(c->pool, "%pm", &rv));
    }
    if (c->option[OPT_DRY_RUN]) {
        ctl_note("dry run: %d request%s pending, nothing was changed", rows->nelts, KISS_PLURAL_S(rows->nelts));
        return CTL_OK;
    }
    if (rows->nelts > 0 && mark_exported(c, rows, now, &unknown) != CTL_OK) {
        return marking_failed(rows, unknown);
    }
    ctl_note("%d request%s exported", rows->nelts, KISS_PLURAL_S(rows->nelts));
    return CTL_OK;
}

/** Why a request that is no longer open cannot be confirmed. `again`: it was confirmed with this application. */
static int check_open(const char *request, const char *application, const char *status, const char *confirmed,
                      int *again)
{
    *again = 0;
    if (strcmp(status, "Rejected") == 0) {
        return ctl_fail("request %s was rejected and cannot be confirmed any more: its amount may have been used "
                        "otherwise. Have it requested again, or take the allocation back in the back office.", request);
    }
    if (strcmp(status, "Confirmed") != 0) {
        return CTL_OK;
    }
    if (confirmed && strcmp(confirmed, application) == 0) {
        *again = 1;
        return CTL_OK;
    }
    return ctl_fail("request %s is confirmed already, with application %s: nothing was changed", request,
                    confirmed ? confirmed : "unknown");
}

/** Fails when another row has the application's number: one application confirms one request. */
static int check_application(ctl *c, const char *application)
{
    apr_array_header_t *rows;
    const char *request;

    if (ctl_db_rows(c, &rows, c->pool, "SELECT request_id FROM payment_application WHERE payment_application_id = ?", 1,
                    application) != CTL_OK) {
        return CTL_FAILED;
    }
    if (rows->nelts == 0) {
        return CTL_OK;
    }
    request = CTL_ROW(rows, 0)[0];
    return ctl_fail("application %s is %s%s already: check --application, nothing was changed", application,
                    request ? "that of request " : "in the list", request ? request : " as made in the back office");
}

/** The change itself, in an open transaction. `again`: nothing was to be done. */
static int confirm(ctl *c, const char *request, const char *application, const char *applied_by, int *again)
{
    apr_array_header_t *rows;

    if (ctl_db_rows(c, &rows, c->pool, "SELECT status, payment_application_id FROM payment_application"
                    " WHERE request_id = ? FOR UPDATE", 1, request) != CTL_OK) {
        return CTL_FAILED;
    }
    if (rows->nelts == 0) {
        return ctl_fail("there is no request %s: 'kissctl kss payments list' shows them", request);
    }
    if (check_open(request, application, CTL_ROW(rows, 0)[0], CTL_ROW(rows, 0)[1], again) != CTL_OK) {
        return CTL_FAILED;
    }
    if (*again) {
        return CTL_OK;
    }
    if (check_application(c, application) != CTL_OK) {
        return CTL_FAILED;
    }
    return ctl_db_run(c, NULL, "UPDATE payment_application SET status = 'Confirmed', payment_application_id = ?,"
                      " applied_by = ?, time_applied = UTC_TIMESTAMP(3), time_updated = UTC_TIMESTAMP(3)"
                      " WHERE request_id = ?", 3, application, applied_by, request);
}

/** A number of the command line without leading zeros, so that it compares with the database's. */
static const char *plain(const char *digits)
{
    apr_size_t n = strspn(digits, "0");

    return digits[n] ? digits + n : digits;
}

int cmd_kss_payments_confirm(ctl *c, const char *const *args)
{
    const char *request = args[0], *application = c->option[OPT_APPLICATION], *applied_by;
    apr_array_header_t *rows;
    apr_int64_t n;
    int again;

    if (!ctl_number(&n, request, 1, MAX_NUMBER)) {
        return ctl_usage(c, "'%s' is not the number of a request: 'kissctl kss payments list' shows it", request);
    }
    if (!application) {
        return ctl_usage(c, "--application is missing: the number under which the back office applied the payment");
    }
    if (!ctl_number(&n, application, 1, MAX_NUMBER)) {
        return ctl_usage(c, "--application: '%s' is no whole number above 0", application);
    }
    if (ctl_text(c, &applied_by, OPT_APPLIED_BY, "--applied-by", MAX_NAME) != CTL_OK) {
        return CTL_USAGE;
    }
    request = plain(request);
    application = plain(application);
    if (ctl_db_lock(c, LOCK, LOCK_SECONDS) != CTL_OK || ctl_db_begin(c) != CTL_OK
        || confirm(c, request, application, applied_by, &again) != CTL_OK || ctl_db_exec(c, "COMMIT") != CTL_OK
        || ctl_db_rows(c, &rows, c->pool, SELECT_REQUEST " WHERE a.request_id = ?", 1, request) != CTL_OK) {
        return CTL_FAILED;
    }
    if (again) {
        ctl_note("request %s was confirmed before, with this application: nothing was changed", request);
    }
    if (rows->nelts > 0) {
        ctl_out_row(c, request_columns, COUNT(request_columns), CTL_ROW(rows, 0));
    }
    return CTL_OK;
}

int cmd_kss_payments_expire(ctl *c, const char *const *args)
{
    static const out_column columns[] = {{"Days", OUT_NUMBER}, {"Rejected", OUT_NUMBER}, {"KeysForgotten", OUT_NUMBER}};
    const char *days = c->option[OPT_DAYS] ? c->option[OPT_DAYS] : DEFAULT_DAYS, *row[3];
    apr_uint64_t rejected, forgotten;
    apr_int64_t n;

    (void)args;
    if (!ctl_number(&n, days, 1, MAX_DAYS)) {
        return ctl_usage(c, "--days: '%s' is no whole number from 1 to %d", days, MAX_DAYS);
    }
    if (ctl_db_lock(c, LOCK, LOCK_SECONDS) != CTL_OK || ctl_db_begin(c) != CTL_OK
        || ctl_db_run(c, &rejected, "UPDATE payment_application SET status = 'Rejected',"
                      " time_updated = UTC_TIMESTAMP(3) WHERE status = 'Exported'"
                      " AND time_exported < UTC_TIMESTAMP(3) - INTERVAL ? DAY", 1, days) != CTL_OK
        || ctl_db_run(c, &forgotten, "DELETE FROM idempotency WHERE created_at < UTC_TIMESTAMP() - INTERVAL ? DAY", 1,
                      days) != CTL_OK
        || ctl_db_exec(c, "COMMIT") != CTL_OK) {
        return CTL_FAILED;
    }
    row[0] = apr_psprintf(c->pool, "%" APR_INT64_T_FMT, n);
    row[1] = apr_psprintf(c->pool, "%" APR_UINT64_T_FMT, rejected);
    row[2] = apr_psprintf(c->pool, "%" APR_UINT64_T_FMT, forgotten);
    if (c->json) {
        ctl_out_row(c, columns, 3, row);
    }
    else {
        printf("rejected: %s, exported more than %s day%s ago; forgotten: %s idempotency key%s\n", row[1], row[0],
               KISS_PLURAL_S(apr_atoi64(row[0])), row[2], KISS_PLURAL_S(apr_atoi64(row[2])));
    }
    return CTL_OK;
}
