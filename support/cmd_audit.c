/* SPDX-License-Identifier: Apache-2.0 */
/**
 * cmd_audit - what admin clients have written: listed, and forgotten after a time.
 */
#include "cmd.h"

#include <stdio.h>

#include <apr_strings.h>

#include "ctl_db.h"
#include "ctl_message.h"
#include "ctl_out.h"
#include "ctl_value.h"
#include "lib/base/plural.h"

#define DAYS     "7"
#define MAX_DAYS 36500

/* Rows of one transaction: of a fraction of a second, and small for a cluster. */
#define STEP 5000

/** Reads --days. @return CTL_OK or CTL_USAGE */
static int read_days(ctl *c, const char *days)
{
    apr_int64_t n;

    return ctl_number(&n, days, 1, MAX_DAYS) ? CTL_OK
           : ctl_usage(c, "--days: '%s' is not a whole number from 1 to %d", days, MAX_DAYS);
}

int cmd_audit(ctl *c, const char *const *args)
{
    static const out_column columns[] = {
        {"WrittenAt", OUT_TEXT}, {"AdminCode", OUT_TEXT}, {"Method", OUT_TEXT}, {"Dataset", OUT_TEXT}, {"Scope", OUT_TEXT},
        {"SKU", OUT_TEXT}, {"Members", OUT_TEXT}, {"RequestID", OUT_TEXT},
    };
    const char *days = c->option[OPT_DAYS] ? c->option[OPT_DAYS] : DAYS;
    apr_array_header_t *rows;

    if (read_days(c, days) != CTL_OK) {
        return CTL_USAGE;
    }
    if (ctl_db_rows(c, &rows, c->pool, "SELECT DATE_FORMAT(written_at, '%Y-%m-%dT%H:%i:%s.%fZ'), admin_code, method, dataset,"
                    " scope, sku, members, request_id FROM admin_audit WHERE written_at >= UTC_TIMESTAMP() - INTERVAL ? DAY"
                    " AND (? = '' OR sku = ?) ORDER BY audit_id DESC", 3, days, args[0] ? args[0] : "",
                    args[0] ? args[0] : "") != CTL_OK) {
        return CTL_FAILED;
    }
    ctl_out_rows(c, columns, (int)(sizeof(columns) / sizeof(*columns)), rows);
    return CTL_OK;
}

/**
 * The condition for rows that may go: those before a time, but the last one of each client, by which 'admin list' knows
 * when that has written.
 *
 * @param where receives it; it has one value, the time
 */
static int removable(ctl *c, const char **where)
{
    apr_array_header_t *rows;
    const char *last = "";
    int i;

    if (ctl_db_rows(c, &rows, c->pool, "SELECT (SELECT w.audit_id FROM admin_audit w WHERE w.admin_code = a.admin_code"
                    " ORDER BY w.written_at DESC LIMIT 1) AS last FROM admin_client a HAVING last IS NOT NULL", 0) != CTL_OK) {
        return CTL_FAILED;
    }
    for (i = 0; i < rows->nelts; i++) {
        last = apr_pstrcat(c->pool, last, i ? ", " : "", CTL_ROW(rows, i)[0], NULL);
    }
    *where = apr_pstrcat(c->pool, "written_at < ?", *last ? " AND audit_id NOT IN (" : "", last, *last ? ")" : "", NULL);
    return CTL_OK;
}

/**
 * Removes rows, some thousands a transaction, in the order of their numbers, which is nearly that of their times: it ends
 * where all rows of such a part are to stay.
 *
 * @param where of removable()
 */
static int purge(ctl *c, apr_uint64_t *removed, const char *where, const char *time)
{
    const char *part = apr_psprintf(c->pool, "SELECT MAX(audit_id), COALESCE(MIN(written_at) < ?, 0) FROM (SELECT audit_id,"
                                    " written_at FROM admin_audit WHERE audit_id >= ? ORDER BY audit_id LIMIT %d) part", STEP);
    const char *sql = apr_pstrcat(c->pool, "DELETE FROM admin_audit WHERE audit_id BETWEEN ? AND ? AND ", where, NULL);
    char first[24] = "0";
    apr_pool_t *scratch;
    int rc = CTL_OK, more = 1;

    apr_pool_create(&scratch, c->pool);
    while (rc == CTL_OK && more) {
        apr_array_header_t *rows;
        apr_uint64_t n = 0;

        apr_pool_clear(scratch);
        rc = ctl_db_rows(c, &rows, scratch, part, 2, time, first);
        more = rc == CTL_OK && *CTL_ROW(rows, 0)[1] == '1';
        if (more) {
            const char *last = CTL_ROW(rows, 0)[0];

            rc = ctl_db_run(c, &n, sql, 3, first, last, time);
            apr_snprintf(first, sizeof(first), "%" APR_INT64_T_FMT, apr_atoi64(last) + 1);
        }
        *removed += n;
    }
    apr_pool_destroy(scratch);
    return rc;
}

int cmd_audit_purge(ctl *c, const char *const *args)
{
    static const out_column columns[] = {{"Days", OUT_NUMBER}, {"Removed", OUT_NUMBER}};
    const char *days = c->option[OPT_DAYS], *time, *where, *count, *row[2];
    apr_uint64_t removed = 0;

    (void)args;
    if (!days) {
        return ctl_usage(c, "say how old: --days N");
    }
    if (read_days(c, days) != CTL_OK) {
        return CTL_USAGE;
    }
    if (ctl_db_value(c, &time, "SELECT UTC_TIMESTAMP(6) - INTERVAL ? DAY", 1, days) != CTL_OK
        || removable(c, &where) != CTL_OK) {
        return CTL_FAILED;
    }
    if (c->option[OPT_DRY_RUN]) {
        if (ctl_db_value(c, &count, apr_pstrcat(c->pool, "SELECT COUNT(*) FROM admin_audit WHERE ", where, NULL), 1, time)
            != CTL_OK) {
            return CTL_FAILED;
        }
        removed = (apr_uint64_t)apr_atoi64(count);
    }
    else if (purge(c, &removed, where, time) != CTL_OK) {
        return CTL_FAILED;
    }
    row[0] = days;
    row[1] = apr_psprintf(c->pool, "%" APR_UINT64_T_FMT, removed);
    if (c->json) {
        ctl_out_row(c, columns, 2, row);
    }
    else {
        printf("%s: %s row%s of the audit, older than %s day%s\n", c->option[OPT_DRY_RUN] ? "would be removed" : "removed",
               row[1], KISS_PLURAL_S(removed), days, KISS_PLURAL_S(apr_atoi64(days)));
    }
    return CTL_OK;
}
