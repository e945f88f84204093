#include "kiss_statements.h"

#include <string.h>

#include <apr_strings.h>

#include "kiss_dataset.h"

/* Equal while nothing has changed. Revisions only grow, so the sum would do but for a backup that is restored: what is written
 * after it has numbers of the clock that were never given before, and the greatest of them is one. The epoch is no such number. */
#define STATE "SELECT CONCAT(COALESCE(SUM(n), 0), ':', COALESCE(MAX(IF(dataset = 'epoch', NULL, n)), 0), ':', COUNT(*)) FROM revision"

static const char state_sql[] = STATE;

/* One row per customer, with every revision that its answers can depend on. A customer without price list or warehouse
 * has NULL there. The unquoted words are columns of sql/customer/. */
static const char caller_sql[] =
    "SELECT c.customer_code, c.enabled AND c.absent_since IS NULL, c.discount_percent, c.limit_minute, c.limit_hour, c.price_list_code,"
    " l.price_list_name, l.currency_code, c.stock_location, e.n, rp.n, ra.n, rl.n, rg.n, rs.n, (" STATE ")"
    " FROM customer c"
    " LEFT JOIN revision e ON e.dataset = 'epoch' AND e.scope = ''"
    " LEFT JOIN revision rp ON rp.dataset = 'products' AND rp.scope = ''"
    " LEFT JOIN revision ra ON ra.dataset = 'assortment' AND ra.scope = ''"
    " LEFT JOIN price_list l ON l.price_list_code = c.price_list_code"
    " LEFT JOIN revision rl ON rl.dataset = 'prices' AND rl.scope = c.price_list_code"
    " LEFT JOIN revision rg ON rg.dataset = 'listing' AND rg.scope = c.price_list_code"
    " LEFT JOIN revision rs ON rs.dataset = 'stock' AND rs.scope = c.stock_location"
    " WHERE c.customer_code = ?";

static const char credentials_sql[] =
    "SELECT c.enabled AND c.absent_since IS NULL, c.limit_minute, c.limit_hour, k.key_id, k.hash,"
    " u.last_used_at IS NULL OR u.last_used_at < UTC_TIMESTAMP() - INTERVAL 1 MINUTE"
    " FROM customer c"
    " LEFT JOIN api_key k ON k.customer_code = c.customer_code AND k.revoked_at IS NULL"
    " AND (k.expires_at IS NULL OR k.expires_at > UTC_TIMESTAMP(6))"
    " LEFT JOIN key_usage u ON u.key_id = k.key_id"
    " WHERE c.customer_code = ?";

static const char key_used_sql[] =
    "INSERT INTO key_usage (key_id, last_used_at) VALUES (?, UTC_TIMESTAMP())"
    " ON DUPLICATE KEY UPDATE last_used_at = VALUES(last_used_at)";

/* No row where a revision is missing: what depends on it is not answered. */
static const char health_sql[] =
    "SELECT 1 FROM revision e"
    " JOIN revision rp ON rp.dataset = 'products' AND rp.scope = ''"
    " JOIN revision ra ON ra.dataset = 'assortment' AND ra.scope = ''"
    " JOIN revision rc ON rc.dataset = 'customers' AND rc.scope = ''"
    " WHERE e.dataset = 'epoch' AND e.scope = '' AND NOT EXISTS (SELECT 1 FROM price_list l"
    " LEFT JOIN revision rl ON rl.dataset = 'prices' AND rl.scope = l.price_list_code"
    " LEFT JOIN revision rg ON rg.dataset = 'listing' AND rg.scope = l.price_list_code WHERE rl.n IS NULL OR rg.n IS NULL)"
    " AND NOT EXISTS (SELECT 1 FROM warehouse w"
    " LEFT JOIN revision rs ON rs.dataset = 'stock' AND rs.scope = w.stock_location WHERE rs.n IS NULL)";

static const char key_sql[] =
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
    " WHERE k.hash = UNHEX(?) AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > UTC_TIMESTAMP(6))";

/* The way of a request to allocate a payment: whoever holds the payment's row decides about its balance. The sum is read
 * behind the lock, by the first statement that sees a snapshot: nothing that was committed before is missed. */
static const char lock_payment_sql[] =
    "SELECT payment_id, ar_account_id, amount FROM payment WHERE payment_invoice_num = ? FOR UPDATE";
static const char payment_used_sql[] =
    "SELECT COALESCE(SUM(amount), 0) FROM payment_application"
    " WHERE payment_id = ? AND status IN ('Pending', 'Exported', 'Confirmed')";
static const char account_owner_sql[] = "SELECT customer_id FROM ar_account WHERE ar_account_id = ?";
static const char target_sql[] = "SELECT invoice_id, ar_account_id FROM invoice WHERE invoice_num = ?";
static const char repeated_sql[] = "SELECT HEX(request_hash), allocation_no FROM idempotency WHERE key_id = ? AND name = ?";
static const char request_sql[] =
    "INSERT INTO payment_application (request_id, payment_id, target_invoice_id, ar_account_id, amount,"
    " requested_by_user_id, status, time_requested) VALUES (NEXTVAL(request_number), ?, ?, ?, ?, ?, 'Pending',"
    " UTC_TIMESTAMP(3))";
static const char remember_sql[] =
    "INSERT INTO idempotency (key_id, name, request_hash, allocation_no) VALUES (?, ?, UNHEX(?), ?)";
static const char last_request_sql[] = "SELECT COALESCE(MAX(request_id), 0) FROM payment_application";

static void add_fixed(apr_array_header_t *all, const char *text, int columns, int bound)
{
    kiss_statement *s = memset(apr_array_push(all), 0, sizeof(*s));

    s->text = text;
    s->columns = columns;
    s->bound = bound;
}

static void add_customers(apr_array_header_t *all)
{
    add_fixed(all, caller_sql, KISS_CALLER_COLUMNS, 1);
    add_fixed(all, credentials_sql, KISS_CRED_COLUMNS, 1);
    add_fixed(all, key_used_sql, 0, 1);
    add_fixed(all, health_sql, 1, 0);
}

static void add_keyed(apr_array_header_t *all)
{
    add_fixed(all, key_sql, KISS_KEY_COLUMNS, 1);
    add_fixed(all, key_used_sql, 0, 1);
    add_fixed(all, lock_payment_sql, 3, 1);
    add_fixed(all, payment_used_sql, 1, 1);
    add_fixed(all, account_owner_sql, 1, 1);
    add_fixed(all, target_sql, 2, 1);
    add_fixed(all, repeated_sql, 2, 2);
    add_fixed(all, request_sql, 0, 5);
    add_fixed(all, remember_sql, 0, 4);
    add_fixed(all, last_request_sql, 1, 0);
}

const char *kiss_statements_add(apr_array_header_t *all, const kiss_api *api, apr_pool_t *p)
{
    const char *e = NULL;
    int i;

    add_fixed(all, state_sql, 1, 0);
    api->keyed ? add_keyed(all) : add_customers(all);
    for (i = 0; i < all->nelts && !e; i++) {
        apr_uint64_t reads = 0;

        e = kiss_dataset_find(&reads, APR_ARRAY_IDX(all, i, kiss_statement).text, 0, api->datasets, p);
    }
    return e ? apr_psprintf(p, "statement %d %s", i - 1, e) : NULL;
}
