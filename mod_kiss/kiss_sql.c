#include "kiss_sql.h"

#include <string.h>

#include <apr_strings.h>
#include <apr_tables.h>

/* One row per customer, with every revision that its answers can depend on. A customer without price list or warehouse
 * has NULL there. The unquoted words are columns of sql/customer/. */
static const char caller_sql[] =
    "SELECT c.customer_code, c.enabled, c.discount_percent, c.limit_minute, c.limit_hour, c.price_list_code,"
    " l.price_list_name, l.currency_code, c.stock_location, e.n, rp.n, ra.n, rl.n, rs.n"
    " FROM customer c"
    " JOIN revision e ON e.dataset = 'epoch' AND e.scope = ''"
    " JOIN revision rp ON rp.dataset = 'products' AND rp.scope = ''"
    " JOIN revision ra ON ra.dataset = 'assortment' AND ra.scope = ''"
    " LEFT JOIN price_list l ON l.price_list_code = c.price_list_code"
    " LEFT JOIN revision rl ON rl.dataset = 'prices' AND rl.scope = c.price_list_code"
    " LEFT JOIN revision rs ON rs.dataset = 'stock' AND rs.scope = c.stock_location"
    " WHERE c.customer_code = ?";

static const char credentials_sql[] =
    "SELECT c.enabled, c.limit_minute, c.limit_hour, k.key_id, k.hash,"
    " u.last_used_at IS NULL OR u.last_used_at < UTC_TIMESTAMP() - INTERVAL 1 MINUTE"
    " FROM customer c"
    " LEFT JOIN api_key k ON k.customer_code = c.customer_code AND k.revoked_at IS NULL"
    " AND (k.expires_at IS NULL OR k.expires_at > UTC_TIMESTAMP())"
    " LEFT JOIN key_usage u ON u.key_id = k.key_id"
    " WHERE c.customer_code = ?";

static const char key_used_sql[] =
    "INSERT INTO key_usage (key_id, last_used_at) VALUES (?, UTC_TIMESTAMP())"
    " ON DUPLICATE KEY UPDATE last_used_at = VALUES(last_used_at)";

static const char health_sql[] = "SELECT n FROM revision WHERE dataset = 'epoch' AND scope = ''";

/** The select list: the key, then each column that comes from SQL, a price followed by its flag. */
static const char *select_list(const kiss_rowset *rows, int *columns, apr_pool_t *p)
{
    const char *list = rows->key;
    const kiss_column *c;

    *columns = 1;
    for (c = rows->columns; c->name; c++) {
        if (c->sql) {
            list = apr_pstrcat(p, list, ", ", c->sql, NULL);
            ++*columns;
        }
        if (c->flag) {
            list = apr_pstrcat(p, list, ", ", c->flag, NULL);
            ++*columns;
        }
    }
    return list;
}

/** Fills the statement for a row set. */
static void derive(kiss_statement *s, const kiss_rowset *rows, apr_pool_t *p)
{
    const char *where = rows->where ? rows->where : "1";
    const kiss_scope *scope;

    for (scope = rows->scope; scope && scope->sql; scope++) {
        where = apr_pstrcat(p, where, " AND ", scope->sql, NULL);
        s->term[s->bound++] = scope->term;
    }
    s->rows = rows;
    s->writer = kiss_json_writer_make(rows, p);
    s->text = apr_pstrcat(p, "SELECT ", select_list(rows, &s->columns, p), " FROM ", rows->from, " WHERE ", where,
                          " ORDER BY ", rows->order, NULL);
}

/** Checks what the compiler cannot: a mistake here would show rows to the wrong caller or write broken JSON. */
static const char *check(const kiss_rowset *rows, int nested, apr_pool_t *p)
{
    const kiss_column *c, *d;
    const kiss_scope *s;
    int n = 1, scopes = 0, children = 0;

    for (s = rows->scope; s && s->sql; s++, scopes++) {
        const char *mark = strchr(s->sql, '?');

        if (!s->term || !mark || strchr(mark + 1, '?')) {
            return apr_psprintf(p, "rows from '%s': scope condition '%s' needs one '?' and a term", rows->from, s->sql);
        }
    }
    if (scopes > KISS_MAX_SCOPES || (scopes == 0) != rows->shared || (rows->shared && !nested)) {
        return apr_psprintf(p, "rows from '%s' have no scope (only nested rows may be shared) or too many", rows->from);
    }
    for (c = rows->columns; c->name; c++) {
        if ((c->sql != NULL) + (c->term != 0) + (c->rows != NULL) != 1 || (c->type == KISS_ROWS) != (c->rows != NULL)
            || (c->type == KISS_NET_PRICE) != (c->flag != NULL) || (c->term && c->type != KISS_TEXT)) {
            return apr_psprintf(p, "column %s: needs one of SQL, term and rows, as its type says", c->name);
        }
        for (d = rows->columns; d < c; d++) {
            if (strcmp(d->name, c->name) == 0) {
                return apr_psprintf(p, "column %s stands twice", c->name);
            }
        }
        n += (c->sql != NULL) + (c->flag != NULL);
        children += c->rows != NULL;
    }
    if (n > KISS_MAX_COLUMNS || children > KISS_MAX_NESTED || (nested && children)) {
        return apr_psprintf(p, "rows from '%s': too many columns or nested rows", rows->from);
    }
    return NULL;
}

/** Adds `rows` unless another endpoint brought them already. */
static const char *add(apr_array_header_t *all, const kiss_rowset *rows, int nested, apr_pool_t *p)
{
    const char *e = check(rows, nested, p);
    int i;

    for (i = 0; !e && i < all->nelts; i++) {
        if (APR_ARRAY_IDX(all, i, kiss_statement).rows == rows) {
            return NULL;
        }
    }
    if (!e) {
        derive(memset(apr_array_push(all), 0, sizeof(kiss_statement)), rows, p);
    }
    return e;
}

static void add_fixed(apr_array_header_t *all, const char *text, int columns, int bound)
{
    kiss_statement *s = memset(apr_array_push(all), 0, sizeof(*s));

    s->text = text;
    s->columns = columns;
    s->bound = bound;
}

const char *kiss_sql_plan_make(const kiss_sql_plan **plan, const kiss_api *api, apr_pool_t *p)
{
    apr_array_header_t *all = apr_array_make(p, 16, sizeof(kiss_statement));
    kiss_sql_plan *made = apr_pcalloc(p, sizeof(*made));
    const kiss_endpoint *e;
    const char *error = NULL;
    int i;

    add_fixed(all, caller_sql, KISS_CALLER_COLUMNS, 1);
    add_fixed(all, credentials_sql, KISS_CRED_COLUMNS, 1);
    add_fixed(all, key_used_sql, 0, 1);
    add_fixed(all, health_sql, 1, 0);
    for (e = api->endpoints; e->path && !error; e++) {
        const kiss_column *c;

        if (e->run != KISS_RUN_LIST) {
            continue;
        }
        error = add(all, e->rows, 0, p);
        for (c = e->rows->columns; c->name && !error; c++) {
            if (c->rows) {
                error = add(all, c->rows, 1, p);
            }
        }
    }
    made->api = api;
    made->count = all->nelts;
    made->statements = (kiss_statement *)all->elts;
    for (i = 0; i < made->count; i++) {
        made->statements[i].id = i;
    }
    *plan = made;
    return error;
}

const kiss_statement *kiss_sql_find(const kiss_sql_plan *plan, const kiss_rowset *rows)
{
    int i;

    for (i = KISS_SQL_FIXED; i < plan->count; i++) {
        if (plan->statements[i].rows == rows) {
            return &plan->statements[i];
        }
    }
    return NULL;
}
