/* SPDX-License-Identifier: Apache-2.0 */
/**
 * doctor_content - what the tables of either API lack or hold that customers would notice.
 */
#include "doctor_checks.h"

#include <apr_strings.h>

#include "ctl_db.h"
#include "lib/base/plural.h"

static void check_unknown_skus(doctor *d, const char *check, const char *table, const char *row)
{
    apr_int64_t n = doctor_number(d, check, apr_pstrcat(d->c->pool, "SELECT COUNT(*) FROM ", table,
                                                        " r LEFT JOIN product p USING (sku) WHERE p.sku IS NULL", NULL));

    if (n > 0) {
        doctor_finding(d, check, DOCTOR_WARNING, "import the products; until then these rows are not served",
                       "%" APR_INT64_T_FMT " %s%s for %s", n, row, KISS_PLURAL_S(n),
                       KISS_PLURAL(n, "a SKU that does not exist as a product", "SKUs that do not exist as products"));
    }
    else if (n == 0) {
        doctor_finding(d, check, DOCTOR_OK, NULL, "all for known products");
    }
}

/* Rows of the log of changes for one dataset and scope: far more than its trigger keeps, about 16,384. */
#define MOST_LOGGED "131072"

/** Whether the log is bounded. @return its number of rows; -1 when that is unknown */
static apr_int64_t check_log_size(doctor *d)
{
    apr_int64_t n = doctor_number(d, "change log", "SELECT COUNT(*) FROM change_log WHERE n > 0");

    if (n > 0) {
        doctor_list(d, "change log", DOCTOR_WARNING, "SELECT CONCAT(dataset, ' ', scope) FROM change_log WHERE n > 0"
                    " GROUP BY dataset, scope HAVING COUNT(*) > " MOST_LOGGED " ORDER BY 1",
                    "it is as short as it should be",
                    "dataset has more than " MOST_LOGGED " rows, which the trigger revision_raised should have removed|"
                    "datasets have more than " MOST_LOGGED " rows, which the trigger revision_raised should have removed",
                    "TRUNCATE change_log, at any time");
    }
    return n;
}

/** What the log of changes knows: without it lists are read completely. */
static void check_log(doctor *d)
{
    static const char there[] = "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = DATABASE()"
                                " AND table_name = 'change_log'";
    static const char gaps[] = "SELECT CONCAT(r.dataset, IF(r.scope = '', '', ' '), r.scope) FROM revision r"
                               " WHERE EXISTS (SELECT 1 FROM change_log l WHERE l.dataset = r.dataset"
                               " AND l.scope = r.scope AND l.n > 0)"
                               " AND NOT EXISTS (SELECT 1 FROM change_log l WHERE l.dataset = r.dataset"
                               " AND l.scope = r.scope AND l.n = r.n AND l.prev < l.n AND l.sku <> '') ORDER BY 1";
    apr_array_header_t *rows;
    const char *list = "", *is_there;
    apr_int64_t n;
    int i;

    if (ctl_db_value(d->c, &is_there, there, 0) != CTL_OK || !is_there || *is_there == '0') {
        return;                         /* the check of the tables reports that */
    }
    if (ctl_db_rows(d->c, &rows, d->c->pool, gaps, 0) != CTL_OK) {
        doctor_finding(d, "change log", DOCTOR_PROBLEM, "DROP TABLE change_log, then 'kissctl schema repair'",
                       "it cannot be read: the table change_log is not as sql/ says");
        return;
    }
    n = check_log_size(d);
    for (i = 0; i < rows->nelts; i++) {
        list = doctor_append(d, list, i, CTL_ROW(rows, i)[0]);
    }
    if (n >= 0) {
        doctor_finding(d, "change log", DOCTOR_OK, NULL, "%" APR_INT64_T_FMT " changes%s%s", n, *list
                       ? "; it does not tell of the last change of these, whose lists are read completely once: " : "",
                       list);
    }
}

void doctor_check_content(doctor *d)
{
    apr_int64_t n = doctor_number(d, "products", "SELECT COUNT(*) FROM product WHERE NOT is_obsolete");

    if (n >= 0) {
        doctor_finding(d, "products", n ? DOCTOR_OK : DOCTOR_PROBLEM, n ? NULL : "import a catalogue: 'kissctl import DIR'",
                       "%" APR_INT64_T_FMT " that are not obsolete", n);
    }
    n = doctor_number(d, "customers", "SELECT COUNT(*) FROM customer WHERE enabled AND absent_since IS NULL");
    if (n > 0) {
        doctor_finding(d, "customers", DOCTOR_OK, NULL, "%" APR_INT64_T_FMT " that are enabled", n);
    }
    else if (n == 0) {
        doctor_finding(d, "customers", DOCTOR_WARNING,
                       "kissctl customer add CODE --price-list CODE --warehouse CODE, or import customers.csv",
                       "none that is enabled: nobody gets a token");
    }
    check_unknown_skus(d, "prices", "price", "price");
    check_unknown_skus(d, "stock", "stock", "stock row");
    check_log(d);
    doctor_list(d, "price lists", DOCTOR_WARNING, "SELECT customer_code FROM customer WHERE enabled AND absent_since IS NULL"
                " AND price_list_code IS NULL"
                " ORDER BY 1", "every enabled customer has one",
                "enabled customer without price list (it gets empty lists)|"
                "enabled customers without price list (they get empty lists)",
                "kissctl customer set CODE --price-list CODE");
    doctor_list(d, "warehouses", DOCTOR_WARNING, "SELECT customer_code FROM customer WHERE enabled AND absent_since IS NULL"
                " AND stock_location IS NULL"
                " ORDER BY 1", "every enabled customer has one",
                "enabled customer without warehouse (it gets no stock)|"
                "enabled customers without warehouse (they get no stock)",
                "kissctl customer set CODE --warehouse CODE");
    doctor_list(d, "keys", DOCTOR_WARNING, "SELECT c.customer_code FROM customer c WHERE c.enabled"
                " AND c.absent_since IS NULL AND NOT EXISTS"
                " (SELECT 1 FROM api_key k WHERE k.customer_code = c.customer_code AND k.revoked_at IS NULL"
                " AND (k.expires_at IS NULL OR k.expires_at > UTC_TIMESTAMP())) ORDER BY 1",
                "every enabled customer has one that works",
                "enabled customer without a key that works|enabled customers without a key that works",
                "kissctl key issue CODE");
    /* Per price list, not per customer: many customers share one. */
    doctor_list(d, "visible", DOCTOR_PROBLEM, "SELECT c.customer_code FROM customer c JOIN"
                " (SELECT l.price_list_code FROM price_list l WHERE NOT EXISTS"
                " (SELECT 1 FROM price r JOIN product p ON p.sku = r.sku AND NOT p.is_obsolete"
                " WHERE r.price_list_code = l.price_list_code)) e USING (price_list_code) WHERE c.enabled"
                " AND c.absent_since IS NULL ORDER BY 1",
                "every enabled customer with a price list sees products",
                "enabled customer sees no product at all|enabled customers see no product at all",
                "import prices for their price lists, or give them another list");
}

void doctor_check_kss_content(doctor *d)
{
    apr_int64_t n = doctor_number(d, "customers", "SELECT COUNT(*) FROM customer");

    if (n >= 0) {
        doctor_finding(d, "customers", n ? DOCTOR_OK : DOCTOR_PROBLEM, n ? NULL : "import the data: 'kissctl kss import "
                                                                                  "DIR'",
                       "%" APR_INT64_T_FMT, n);
    }
    n = doctor_number(d, "keys", "SELECT COUNT(*) FROM api_key WHERE revoked_at IS NULL"
               " AND (expires_at IS NULL OR expires_at > UTC_TIMESTAMP())");
    if (n >= 0) {
        doctor_finding(d, "keys", n ? DOCTOR_OK : DOCTOR_WARNING, n ? NULL : "kissctl kss key issue --type TYPE --ids IDS",
                       "%" APR_INT64_T_FMT " that work", n);
    }
    doctor_list(d, "accounts of keys", DOCTOR_WARNING, "SELECT k.key_id FROM api_key k JOIN api_key_account a USING (key_id)"
                " LEFT JOIN customer c ON k.type = 'customer' AND c.customer_id = a.account_id"
                " LEFT JOIN supplier s ON k.type = 'supplier' AND s.supplier_id = a.account_id"
                " WHERE k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > UTC_TIMESTAMP())"
                " GROUP BY k.key_id HAVING COUNT(c.customer_id) + COUNT(s.supplier_id) = 0 ORDER BY k.key_id",
                "every key has a customer or supplier that exists",
                "key whose customers or suppliers do not exist (it sees nothing)|"
                "keys whose customers or suppliers do not exist (they see nothing)",
                "import them, or 'kissctl kss key revoke ID' and issue another");
    doctor_list(d, "payment requests", DOCTOR_WARNING, "SELECT COALESCE(request_id, '-') FROM payment_application"
                " WHERE status = 'Pending' AND time_requested < UTC_TIMESTAMP() - INTERVAL 1 DAY ORDER BY request_id",
                "none waits longer than a day", "pending for more than a day|pending for more than a day",
                "run 'kissctl kss payments export' from a timer and hand its output to the back office");
    doctor_list(d, "exported requests", DOCTOR_WARNING, "SELECT COALESCE(request_id, '-') FROM payment_application"
                " WHERE status = 'Exported' AND time_exported < UTC_TIMESTAMP() - INTERVAL 8 DAY ORDER BY request_id",
                "none waits longer than eight days",
                "neither confirmed nor rejected for more than eight days|"
                "neither confirmed nor rejected for more than eight days",
                "'kissctl kss payments confirm' those that were applied, then 'kissctl kss payments expire'");
}
