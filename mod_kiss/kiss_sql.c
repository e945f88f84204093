#include "kiss_sql.h"

#include <string.h>

#include <apr_strings.h>
#include <apr_tables.h>

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

/** The select list: the key, then each column that comes from other SQL, a price followed by its flag. */
static const char *select_list(const kiss_rowset *rows, int *columns, apr_pool_t *p)
{
    const char *list = rows->key;
    const kiss_column *c;

    *columns = 1;
    for (c = rows->columns; c && c->name; c++) {
        if (c->sql && strcmp(c->sql, rows->key) != 0) {
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

/** Fills the statement for a part of a row set. */
static void derive(kiss_statement *s, const kiss_rowset *rows, kiss_sql_part part, apr_pool_t *p)
{
    const char *where = rows->where ? rows->where : "1";
    const kiss_scope *scope;

    for (scope = rows->scope; scope && scope->sql; scope++) {
        where = apr_pstrcat(p, where, " AND ", scope->sql, NULL);
        s->term[s->terms++] = scope->term;
    }
    if (part != KISS_SQL_WHOLE) {
        where = apr_pstrcat(p, where, " AND ", rows->key, " >= ?",
                            part == KISS_SQL_RANGE ? apr_pstrcat(p, " AND ", rows->key, " < ?", NULL) : "", NULL);
    }
    s->bound = s->terms + (part == KISS_SQL_WHOLE ? 0 : part == KISS_SQL_REST ? 1 : 2);
    s->rows = rows;
    s->part = part;
    s->writer = rows->columns ? kiss_json_writer_make(rows->columns, rows->key, 0, p) : NULL;
    s->text = apr_pstrcat(p, "SELECT ", select_list(rows, &s->columns, p), " FROM ", rows->from, " WHERE ", where,
                          " ORDER BY ", rows->order, part == KISS_SQL_NEXT ? " LIMIT 1 OFFSET ?" : "", NULL);
}

/** Checks what the compiler cannot: a mistake here would show rows to the wrong caller or write broken JSON. */
static const char *check(const kiss_rowset *rows, int nested, apr_pool_t *p)
{
    const struct kiss_rowset *const *w;
    const kiss_column *c, *d;
    const kiss_scope *s;
    int n = 1, scopes = 0, children = 0, filters = 0;

    for (s = rows->scope; s && s->sql; s++, scopes++) {
        const char *mark = strchr(s->sql, '?');

        if (!s->term || !mark || strchr(mark + 1, '?')) {
            return apr_psprintf(p, "rows from '%s': scope condition '%s' needs one '?' and a term", rows->from, s->sql);
        }
    }
    if (scopes > KISS_MAX_SCOPES || (scopes == 0) != rows->shared || (rows->shared && !nested)) {
        return apr_psprintf(p, "rows from '%s' have no scope (only nested rows may be shared) or too many", rows->from);
    }
    for (c = rows->columns; c && c->name; c++) {
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
    for (w = rows->within; w && *w; w++) {
        filters += (*w)->columns == NULL && (*w)->within == NULL;
    }
    if (n > KISS_MAX_COLUMNS || children > KISS_MAX_NESTED || filters > KISS_MAX_NESTED || (nested && children)
        || (w && w != rows->within + filters) || (!nested && !rows->columns)) {
        return apr_psprintf(p, "rows from '%s': too many columns or nested rows, or within rows that are not only keys",
                            rows->from);
    }
    return NULL;
}

/** The statements of an API's lists in the making. */
typedef struct {
    apr_array_header_t *all;        /* of kiss_statement */
    const kiss_api *api;
    const kiss_endpoint *endpoint;  /* whose rows are being added */
    apr_pool_t *pool;
} planning;

/** Refuses rows from a table of whose changes the endpoint's data do not tell: a 304 would be untrue. */
static const char *check_tables(const planning *l, const kiss_rowset *rows)
{
    const kiss_dataset *dataset = l->api->datasets;
    apr_uint64_t reads = 0;
    const char *e = kiss_dataset_depend(&reads, rows->from, 1, dataset, l->pool);
    const kiss_column *c;
    const kiss_scope *s;
    int i;

    e = e ? e : kiss_dataset_depend(&reads, rows->where, 0, dataset, l->pool);
    for (s = rows->scope; s && s->sql && !e; s++) {
        e = kiss_dataset_depend(&reads, s->sql, 0, dataset, l->pool);
    }
    for (c = rows->columns; c && c->name && !e; c++) {
        e = kiss_dataset_depend(&reads, c->sql, 0, dataset, l->pool);
        e = e ? e : kiss_dataset_depend(&reads, c->flag, 0, dataset, l->pool);
    }
    for (i = 0; !e && dataset[i].table; i++) {
        if ((reads >> i & 1) && !(dataset[i].data & l->endpoint->data)) {
            e = apr_pstrcat(l->pool, "reads ", dataset[i].table, ", of whose changes its data do not tell", NULL);
        }
    }
    return e ? apr_psprintf(l->pool, "%s: SQL %s", l->endpoint->name, e) : NULL;
}

/** Adds the statement unless another endpoint brought it already. */
static void add_part(const planning *l, const kiss_rowset *rows, kiss_sql_part part)
{
    int i;

    for (i = 0; i < l->all->nelts; i++) {
        const kiss_statement *s = &APR_ARRAY_IDX(l->all, i, kiss_statement);

        if (s->rows == rows && s->part == part) {
            return;
        }
    }
    derive(memset(apr_array_push(l->all), 0, sizeof(kiss_statement)), rows, part, l->pool);
}

static const char *check_rows(const planning *l, const kiss_rowset *rows, int nested)
{
    const char *e = check(rows, nested, l->pool);

    return e ? e : check_tables(l, rows);
}

/** Adds rows, as a whole or in parts. `nested`: they are merged with others, and need no scope but theirs. */
static const char *add(const planning *l, const kiss_rowset *rows, int parts, int nested)
{
    const char *e = check_rows(l, rows, nested);

    if (!e && parts) {
        add_part(l, rows, KISS_SQL_RANGE);
        add_part(l, rows, KISS_SQL_REST);
    }
    else if (!e) {
        add_part(l, rows, KISS_SQL_WHOLE);
    }
    return e;
}

/** Adds the rows of a list, and all that are merged with them. */
static const char *add_list(const planning *l, const kiss_rowset *rows)
{
    int parts = rows->keys && !rows->few;
    const char *error = add(l, rows, parts, 0);
    const struct kiss_rowset *const *w;
    const kiss_column *c;

    for (w = rows->within; w && *w && !error; w++) {
        error = add(l, *w, parts, 1);
    }
    for (c = rows->columns; !error && c->name; c++) {
        error = c->rows ? add(l, c->rows, parts, 1) : NULL;
    }
    if (!error && rows->few) {
        error = rows->few->columns != rows->columns || rows->few->within || rows->few->keys || !rows->keys
                ? "few rows must have the columns of the others, and nothing to be merged with"
                : add(l, rows->few, 0, 0);
    }
    if (!error && rows->keys) {
        error = rows->keys->columns ? "keys have no columns" : check_rows(l, rows->keys, 1);
        add_part(l, rows->keys, KISS_SQL_NEXT);
    }
    return error;
}

static void add_fixed(apr_array_header_t *all, const char *text, int columns, int bound)
{
    kiss_statement *s = memset(apr_array_push(all), 0, sizeof(*s));

    s->text = text;
    s->columns = columns;
    s->bound = bound;
}

/** Whole lists of an API, and the fixed statements of its callers. */
static const char *plan_lists(apr_array_header_t *all, const kiss_api *api, apr_pool_t *p)
{
    planning l = { all, api, api->endpoints, p };
    const char *error = NULL;

    add_fixed(all, caller_sql, KISS_CALLER_COLUMNS, 1);
    add_fixed(all, credentials_sql, KISS_CRED_COLUMNS, 1);
    add_fixed(all, key_used_sql, 0, 1);
    add_fixed(all, health_sql, 1, 0);
    for (; l.endpoint->path && !error; l.endpoint++) {
        error = l.endpoint->run == KISS_RUN_LIST ? add_list(&l, l.endpoint->rows) : NULL;
    }
    return error;
}

/* --- pages --- */

static const char *expression(const kiss_column *c, kiss_role role, apr_pool_t *p)
{
    const char *sql = c->for_role[role] ? c->for_role[role] : c->sql;

    return c->type == KISS_FIXED ? apr_psprintf(p, "CAST(%s AS DECIMAL(30,%u))", sql, c->scale) : sql;
}

/** The condition of a parameter for a role. */
static const char *condition(const kiss_param *param, kiss_role role)
{
    const char *own = role == KISS_ROLE_SUPPLIER ? param->where_supplier
                    : role == KISS_ROLE_CUSTOMER ? param->where_customer : NULL;

    return own ? own : param->where;
}

static const char *check_pages(const kiss_endpoint *e, apr_pool_t *p)
{
    const kiss_param *param;
    int n = 0;

    for (param = e->params; param->name; param++) {
        if (++n > KISS_MAX_PARAMS || (param->type == KISS_PARAM_WORDS) != (param->words != NULL)
            || (param->where && !strstr(param->where, "{}"))) {
            return apr_psprintf(p, "%s: parameter %s has no words, no {} in its condition, or is one too many", e->name,
                                param->name);
        }
    }
    if (!e->roles || !e->pages->columns || !e->pages->key[0] || !e->pages->order) {
        return apr_psprintf(p, "%s: pages need roles, columns, a key and an order", e->name);
    }
    return NULL;
}

/** Finds what an endpoint depends on for a role: always, and when a parameter filters. @return NULL, or what is refused */
static const char *find_reads(kiss_sql_pages *made, const kiss_endpoint *e, kiss_role role, const kiss_api *api,
                              apr_pool_t *p)
{
    const kiss_dataset *all = api->datasets;
    const kiss_pageset *pages = made->pages;
    const char *wrong = kiss_dataset_depend(&made->reads, pages->table, 1, all, p);
    int i;

    wrong = wrong ? wrong : kiss_dataset_depend(&made->reads, pages->where, 0, all, p);
    wrong = wrong ? wrong : kiss_dataset_depend(&made->reads, pages->scope[role], 0, all, p);
    wrong = wrong ? wrong : kiss_dataset_depend(&made->reads, pages->join, 1, all, p);
    wrong = wrong ? wrong : kiss_dataset_depend(&made->reads, made->list, 0, all, p);
    wrong = wrong ? wrong : kiss_dataset_depend(&made->reads, pages->order, 0, all, p);
    for (i = 0; e->params[i].name && !wrong; i++) {
        wrong = kiss_dataset_depend(&made->param_reads[i], condition(&e->params[i], role), 0, all, p);
    }
    return wrong ? apr_psprintf(p, "%s: SQL %s", e->name, wrong) : NULL;
}

/** Fills what an endpoint is for one role. */
static const char *derive_pages(kiss_sql_pages *made, const kiss_endpoint *e, kiss_role role, const kiss_api *api,
                                apr_pool_t *p)
{
    const kiss_column *c;

    made->pages = role == KISS_ROLE_SUPPLIER && e->pages->for_supplier ? e->pages->for_supplier : e->pages;
    made->list = "";
    for (c = made->pages->columns; c->name; c++) {
        if (!(c->hidden & (1u << role))) {
            made->list = apr_pstrcat(p, made->list, made->columns ? ", " : "", expression(c, role, p), NULL);
            made->columns++;
        }
    }
    made->writer = kiss_json_writer_make(made->pages->columns, NULL, 1u << role, p);
    return find_reads(made, e, role, api, p);
}

/** Pages of an API, and the fixed statements of its keys. */
static const char *plan_pages(apr_array_header_t *all, kiss_sql_plan *made, apr_pool_t *p)
{
    const kiss_endpoint *e;
    const char *error = NULL;
    apr_size_t n = 0;

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
    for (e = made->api->endpoints; e->path; e++) {
        n++;
    }
    made->pages = apr_pcalloc(p, n * sizeof(*made->pages));
    for (e = made->api->endpoints; e->path && !error; e++) {
        int role;

        error = e->pages ? check_pages(e, p) : NULL;
        for (role = 0; !error && e->pages && role < KISS_ROLES; role++) {
            error = derive_pages(&made->pages[e - made->api->endpoints][role], e, (kiss_role)role, made->api, p);
        }
    }
    return error;
}

/** Tables of the fixed statements must be in the list too, with or without a revision. */
static const char *check_fixed(const kiss_sql_plan *made, apr_pool_t *p)
{
    const char *e = NULL;
    int i;

    for (i = 0; i < made->count && !e; i++) {
        apr_uint64_t reads = 0;

        e = made->statements[i].rows ? NULL : kiss_dataset_find(&reads, made->statements[i].text, 0, made->api->datasets, p);
    }
    return e ? apr_psprintf(p, "statement %d %s", i - 1, e) : NULL;
}

const char *kiss_sql_plan_make(const kiss_sql_plan **plan, const kiss_api *api, apr_pool_t *p)
{
    apr_array_header_t *all = apr_array_make(p, 16, sizeof(kiss_statement));
    kiss_sql_plan *made = apr_pcalloc(p, sizeof(*made));
    const char *error = kiss_dataset_check(api->datasets, p);
    int i;

    made->api = api;
    add_fixed(all, state_sql, 1, 0);
    error = error ? error : api->keyed ? plan_pages(all, made, p) : plan_lists(all, api, p);
    made->count = all->nelts;
    made->statements = (kiss_statement *)all->elts;
    for (i = 0; i < made->count; i++) {
        made->statements[i].id = i;
    }
    *plan = made;
    return error ? error : check_fixed(made, p);
}

const kiss_sql_pages *kiss_sql_pages_of(const kiss_sql_plan *plan, const kiss_endpoint *endpoint, kiss_role role)
{
    return &plan->pages[endpoint - plan->api->endpoints][role];
}

/** A statement in the making. */
typedef struct {
    apr_array_header_t *text;               /* its pieces, of const char * */
    apr_array_header_t *args;               /* of const char * */
    const kiss_sql_values *values;
    apr_pool_t *pool;
} writing;

static void say(writing *w, const char *text)
{
    APR_ARRAY_PUSH(w->text, const char *) = text;
}

/** Binds a list. As many marks as the next power of two, so that few texts serve all lengths; NULL for none. */
static void bind_list(writing *w, const char *const *value, int n)
{
    int marks = 1, i;
    char *text;

    while (marks < n) {
        marks *= 2;
    }
    text = apr_palloc(w->pool, (apr_size_t)marks * 2);
    for (i = 0; i < marks; i++) {
        text[2 * i] = '?';
        text[2 * i + 1] = ',';
        APR_ARRAY_PUSH(w->args, const char *) = n == 0 ? NULL : value[i < n ? i : n - 1];
    }
    text[2 * marks - 1] = '\0';
    say(w, text);
}

/** Binds what the mark `{name}` stands for; `own` are the values of `{}`. */
static void bind_mark(writing *w, const char *name, apr_size_t len, const kiss_param_values *own)
{
    const apr_array_header_t *list = NULL;

    if (len == 8 && memcmp(name, "accounts", len) == 0) {
        list = w->values->accounts;
    }
    else if (len == 6 && memcmp(name, "states", len) == 0) {
        list = w->values->states;
    }
    else if (len > 0) {
        own = kiss_params_find(w->values->params, name, len);
    }
    if (list) {
        bind_list(w, (const char *const *)list->elts, list->nelts);
    }
    else {
        bind_list(w, own ? own->value : NULL, own ? own->count : 0);
    }
}

/** Writes SQL of the tables, binding at its marks. */
static void expand(writing *w, const char *sql, const kiss_param_values *own)
{
    const char *mark;

    while ((mark = strchr(sql, '{'))) {
        const char *end = strchr(mark, '}');

        say(w, apr_pstrmemdup(w->pool, sql, (apr_size_t)(mark - sql)));
        bind_mark(w, mark + 1, (apr_size_t)(end - mark - 1), own);
        sql = end + 1;
    }
    say(w, sql);
}

/** The conditions on the rows: all callers', the role's, the request's. */
static void write_where(writing *w, const kiss_pageset *pages, kiss_role role)
{
    const kiss_params *params = w->values->params;
    int i;

    say(w, " WHERE ");
    expand(w, pages->where ? pages->where : "1", NULL);
    if (pages->scope[role]) {
        say(w, " AND ");
        expand(w, pages->scope[role], NULL);
    }
    for (i = 0; i < params->count; i++) {
        const kiss_param *param = params->values[i].param;
        const char *where = condition(param, role);

        if (where && params->values[i].count) {
            say(w, " AND ");
            expand(w, where, &params->values[i]);
        }
    }
}

/** How many rows stand before the page; a page whose number is that large has none. */
static apr_int64_t offset_of(const kiss_params *params)
{
    apr_int64_t offset;

    return __builtin_mul_overflow(params->page - 1, (apr_int64_t)params->page_size, &offset) ? APR_INT64_MAX : offset;
}

/** The narrow scan that chooses the page. */
static void write_choice(writing *w, const kiss_pageset *pages, kiss_role role)
{
    const kiss_params *params = w->values->params;
    int i;

    say(w, "SELECT ");
    for (i = 0; i < 3 && pages->key[i]; i++) {
        say(w, apr_psprintf(w->pool, "%s%s AS k%d", i ? ", " : "", pages->key[i], i + 1));
    }
    say(w, " FROM ");
    say(w, pages->table);
    write_where(w, pages, role);
    if (pages->several && w->values->accounts->nelts > 1) {
        say(w, " GROUP BY ");
        say(w, pages->order);
    }
    say(w, " ORDER BY ");
    say(w, pages->order);
    say(w, " LIMIT ? OFFSET ?");
    APR_ARRAY_PUSH(w->args, const char *) = apr_itoa(w->pool, params->page_size + 1);
    APR_ARRAY_PUSH(w->args, const char *) = apr_psprintf(w->pool, "%" APR_INT64_T_FMT, offset_of(params));
}

void kiss_sql_page(kiss_sql_query *query, const kiss_sql_plan *plan, const kiss_endpoint *endpoint, kiss_role role,
                   const kiss_sql_values *values, apr_pool_t *p)
{
    const kiss_sql_pages *made = kiss_sql_pages_of(plan, endpoint, role);
    writing w = { apr_array_make(p, 64, sizeof(const char *)), apr_array_make(p, 32, sizeof(const char *)), values, p };

    say(&w, "SELECT STRAIGHT_JOIN ");
    expand(&w, made->list, NULL);
    say(&w, " FROM (");
    write_choice(&w, made->pages, role);
    say(&w, ") page JOIN ");
    expand(&w, made->pages->join, NULL);
    if (made->pages->several) {
        say(&w, " GROUP BY ");
        say(&w, made->pages->order);
    }
    say(&w, " ORDER BY ");
    say(&w, made->pages->order);
    memset(query, 0, sizeof(*query));
    query->statement.text = apr_array_pstrcat(p, w.text, 0);
    query->statement.columns = made->columns;
    query->statement.bound = w.args->nelts;
    query->statement.writer = made->writer;
    query->args = (const char *const *)w.args->elts;
}

const char *kiss_sql_sample(const kiss_sql_plan *plan, const kiss_endpoint *endpoint, kiss_role role, apr_pool_t *p)
{
    static const char *const two[] = { "1", "2" };
    apr_array_header_t *list = apr_array_make(p, 2, sizeof(const char *));
    kiss_params params = { .page = 1, .page_size = KISS_PAGE_SIZE };
    kiss_sql_values values = { list, list, &params };
    const kiss_param *param;
    kiss_sql_query query;

    APR_ARRAY_PUSH(list, const char *) = two[0];
    APR_ARRAY_PUSH(list, const char *) = two[1];
    for (param = endpoint->params; param->name; param++) {
        if (!param->only_for || (param->only_for & (1u << role))) {
            kiss_param_values filled = { param, param->type == KISS_PARAM_DATE || param->type == KISS_PARAM_NUMBER ? 1 : 2,
                                         two };

            params.values[params.count++] = filled;
        }
    }
    kiss_sql_page(&query, plan, endpoint, role, &values, p);
    return query.statement.text;
}

const kiss_statement *kiss_sql_find(const kiss_sql_plan *plan, const kiss_rowset *rows, kiss_sql_part part)
{
    int i;

    for (i = KISS_SQL_FIXED; i < plan->count; i++) {
        if (plan->statements[i].rows == rows && plan->statements[i].part == part) {
            return &plan->statements[i];
        }
    }
    return NULL;
}
