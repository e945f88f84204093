/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/api/statements.h"

#include <string.h>

#include <apr_strings.h>

#include "lib/api/dataset.h"

/* Equal while nothing has changed. Revisions only grow, so the sum would do but for a backup that is restored: what is
 * written after it has numbers of the clock that were never given before, and the greatest of them is one. The epoch is no
 * such number. */
#define STATE \
    "SELECT CONCAT(COALESCE(SUM(n), 0), ':', COALESCE(MAX(IF(dataset = 'epoch', NULL, n)), 0), ':', COUNT(*)) FROM revision"

#define KEY_USED \
    "INSERT INTO key_usage (key_id, last_used_at) VALUES (?, UTC_TIMESTAMP())" \
    " ON DUPLICATE KEY UPDATE last_used_at = VALUES(last_used_at)"

/** One statement that no table of an API brings. */
typedef struct {
    int columns;                /* values in a row of its result; 0 where there is none */
    const char *text;           /* SQL; each `?` is bound to one value */
} fixed_statement;

static const fixed_statement of_customers[] = {
    [KISS_SQL_STATE] = { 1, STATE },
    /* One row per customer, with every revision that its answers can depend on. A customer without price list or warehouse
     * has NULL there. The unquoted words are columns of sql/customer/. */
    [KISS_SQL_CALLER] = { KISS_CALLER_COLUMNS,
        "SELECT c.customer_code, c.enabled AND c.absent_since IS NULL, c.discount_percent, c.limit_minute, c.limit_hour,"
        " c.price_list_code, l.price_list_name, l.currency_code, c.stock_location, e.n, rp.n, ra.n, rl.n, rg.n, rs.n,"
        " (" STATE ")"
        " FROM customer c"
        " LEFT JOIN revision e ON e.dataset = 'epoch' AND e.scope = ''"
        " LEFT JOIN revision rp ON rp.dataset = 'products' AND rp.scope = ''"
        " LEFT JOIN revision ra ON ra.dataset = 'assortment' AND ra.scope = ''"
        " LEFT JOIN price_list l ON l.price_list_code = c.price_list_code"
        " LEFT JOIN revision rl ON rl.dataset = 'prices' AND rl.scope = c.price_list_code"
        " LEFT JOIN revision rg ON rg.dataset = 'listing' AND rg.scope = c.price_list_code"
        " LEFT JOIN revision rs ON rs.dataset = 'stock' AND rs.scope = c.stock_location"
        " WHERE c.customer_code = ?" },
    [KISS_SQL_CREDENTIALS] = { KISS_CRED_COLUMNS,
        "SELECT c.enabled AND c.absent_since IS NULL, c.limit_minute, c.limit_hour, k.key_id, k.hash,"
        " u.last_used_at IS NULL OR u.last_used_at < UTC_TIMESTAMP() - INTERVAL 1 MINUTE"
        " FROM customer c"
        " LEFT JOIN api_key k ON k.customer_code = c.customer_code AND k.revoked_at IS NULL"
        " AND (k.expires_at IS NULL OR k.expires_at > UTC_TIMESTAMP(6))"
        " LEFT JOIN key_usage u ON u.key_id = k.key_id"
        " WHERE c.customer_code = ?" },
    [KISS_SQL_KEY_USED] = { 0, KEY_USED },
    /* No row where a revision is missing: what depends on it is not answered. */
    [KISS_SQL_HEALTH] = { 1,
        "SELECT 1 FROM revision e"
        " JOIN revision rp ON rp.dataset = 'products' AND rp.scope = ''"
        " JOIN revision ra ON ra.dataset = 'assortment' AND ra.scope = ''"
        " JOIN revision rc ON rc.dataset = 'customers' AND rc.scope = ''"
        " WHERE e.dataset = 'epoch' AND e.scope = '' AND NOT EXISTS (SELECT 1 FROM price_list l"
        " LEFT JOIN revision rl ON rl.dataset = 'prices' AND rl.scope = l.price_list_code"
        " LEFT JOIN revision rg ON rg.dataset = 'listing' AND rg.scope = l.price_list_code"
        " WHERE rl.n IS NULL OR rg.n IS NULL)"
        " AND NOT EXISTS (SELECT 1 FROM warehouse w"
        " LEFT JOIN revision rs ON rs.dataset = 'stock' AND rs.scope = w.stock_location WHERE rs.n IS NULL)" }
};

static const fixed_statement of_keys[] = {
    [KISS_SQL_STATE] = { 1, STATE },
    [KISS_SQL_KEY] = { KISS_KEY_COLUMNS,
        "SELECT k.key_id, k.type, k.prefix, k.user_id, k.limit_hour,"
        " u.last_used_at IS NULL OR u.last_used_at < UTC_TIMESTAMP() - INTERVAL 1 MINUTE,"
        " (SELECT GROUP_CONCAT(a.account_id ORDER BY a.account_id) FROM api_key_account a WHERE a.key_id = k.key_id),"
        " CASE k.type WHEN 'customer' THEN (SELECT GROUP_CONCAT(DISTINCT c.state ORDER BY c.state) FROM api_key_account a"
        " JOIN customer c ON c.customer_id = a.account_id WHERE a.key_id = k.key_id)"
        " WHEN 'supplier' THEN (SELECT GROUP_CONCAT(DISTINCT s.state ORDER BY s.state) FROM api_key_account a"
        " JOIN supplier s ON s.supplier_id = a.account_id WHERE a.key_id = k.key_id) END,"
        " TIMESTAMPDIFF(MICROSECOND, UTC_TIMESTAMP(6), k.expires_at), (" STATE "),"
        " (SELECT GROUP_CONCAT(dataset, '=', n ORDER BY dataset) FROM revision)"
        " FROM api_key k LEFT JOIN key_usage u ON u.key_id = k.key_id"
        " WHERE k.hash = UNHEX(?) AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > UTC_TIMESTAMP(6))" },
    [KISS_SQL_KEY_NOTED] = { 0, KEY_USED },
    /* The way of a request to allocate a payment: whoever holds the payment's row decides about its balance. The sum is read
     * behind the lock, by the first statement that sees a snapshot: nothing that was committed before is missed. */
    [KISS_SQL_LOCK_PAYMENT] = { KISS_PAYMENT_COLUMNS,
        "SELECT payment_id, ar_account_id, amount FROM payment WHERE payment_invoice_num = ? FOR UPDATE" },
    [KISS_SQL_PAYMENT_USED] = { 1,
        "SELECT COALESCE(SUM(amount), 0) FROM payment_application"
        " WHERE payment_id = ? AND status IN ('Pending', 'Exported', 'Confirmed')" },
    [KISS_SQL_ACCOUNT_OWNER] = { 1, "SELECT customer_id FROM ar_account WHERE ar_account_id = ?" },
    [KISS_SQL_TARGET] = { KISS_TARGET_COLUMNS, "SELECT invoice_id, ar_account_id FROM invoice WHERE invoice_num = ?" },
    [KISS_SQL_REPEATED] = { KISS_REPEATED_COLUMNS,
        "SELECT HEX(request_hash), allocation_no FROM idempotency WHERE key_id = ? AND name = ?" },
    [KISS_SQL_REQUEST] = { 0,
        "INSERT INTO payment_application (request_id, payment_id, target_invoice_id, ar_account_id, amount,"
        " requested_by_user_id, status, time_requested) VALUES (NEXTVAL(request_number), ?, ?, ?, ?, ?, 'Pending',"
        " UTC_TIMESTAMP(3))" },
    [KISS_SQL_REMEMBER] = { 0,
        "INSERT INTO idempotency (key_id, name, request_hash, allocation_no) VALUES (?, ?, UNHEX(?), ?)" },
    [KISS_SQL_LAST_REQUEST] = { 1, "SELECT COALESCE(MAX(request_id), 0) FROM payment_application" }
};

#define ROWS(table) ((int)(sizeof(table) / sizeof(*(table))))

_Static_assert(ROWS(of_customers) == KISS_SQL_FIXED, "a row for each statement of the Customer API");
_Static_assert(ROWS(of_keys) == KISS_SQL_KEYED, "a row for each statement of an API with keys");

static int marks_in(const char *sql)
{
    int n = 0;

    while ((sql = strchr(sql, '?'))) {
        sql++;
        n++;
    }
    return n;
}

const char *kiss_statements_add(apr_array_header_t *all, const kiss_api *api, apr_pool_t *p)
{
    const fixed_statement *row = api->auth == KISS_AUTH_APIKEY ? of_keys : of_customers;
    const int rows = api->auth == KISS_AUTH_APIKEY ? ROWS(of_keys) : ROWS(of_customers);
    const char *e = NULL;
    int i;

    for (i = 0; i < rows && !e; i++) {
        kiss_statement *s = memset(apr_array_push(all), 0, sizeof(*s));
        apr_uint64_t reads = 0;

        e = row[i].text ? kiss_dataset_find(&reads, row[i].text, 0, api->datasets, p) : "has no SQL";
        s->text = row[i].text;
        s->columns = row[i].columns;
        s->bound = e ? 0 : marks_in(s->text);
    }
    return e ? apr_psprintf(p, "statement %d %s", i - 1, e) : NULL;
}
