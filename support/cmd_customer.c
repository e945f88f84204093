/* SPDX-License-Identifier: Apache-2.0 */
/**
 * cmd_customer - customers: list, show, add, set, disable, enable.
 */
#include <string.h>

#include <apr_strings.h>

#include "cmd.h"
#include "csv.h"
#include "ctl_db.h"
#include "ctl_message.h"
#include "ctl_out.h"
#include "ctl_value.h"
#include "lib/base/utf8.h"
#include "lib/import/import_value.h"

#define SELECT_CUSTOMER "SELECT customer_code, name, price_list_code, stock_location, discount_percent, enabled," \
    " limit_minute, limit_hour, absent_since FROM customer"

static const out_column columns[] = {
    {"CustomerCode", OUT_TEXT}, {"Name", OUT_TEXT}, {"PriceListCode", OUT_TEXT}, {"StockLocation", OUT_TEXT},
    {"DiscountPercent", OUT_NUMBER}, {"Enabled", OUT_FLAG}, {"LimitMinute", OUT_NUMBER}, {"LimitHour", OUT_NUMBER},
    {"AbsentSince", OUT_TEXT},
};

#define NCOLUMNS ((int)(sizeof(columns) / sizeof(*columns)))

/** The values that a customer has in the database; NULL: SQL NULL. */
typedef struct {
    const char *name, *price_list, *warehouse, *discount, *limit_minute, *limit_hour;
} terms;

static int unknown(const char *code)
{
    return ctl_fail("there is no customer '%s': 'kissctl customer list' shows them", code);
}

int cmd_customer_list(ctl *c, const char *const *args)
{
    apr_array_header_t *rows;

    (void)args;
    if (ctl_db_rows(c, &rows, c->pool, SELECT_CUSTOMER " ORDER BY customer_code", 0) != CTL_OK) {
        return CTL_FAILED;
    }
    ctl_out_rows(c, columns, NCOLUMNS, rows);
    return CTL_OK;
}

int cmd_customer_show(ctl *c, const char *const *args)
{
    apr_array_header_t *rows;

    if (ctl_db_rows(c, &rows, c->pool, SELECT_CUSTOMER " WHERE customer_code = ?", 1, args[0]) != CTL_OK) {
        return CTL_FAILED;
    }
    if (rows->nelts == 0) {
        return unknown(args[0]);
    }
    ctl_out_row(c, columns, NCOLUMNS, CTL_ROW(rows, 0));
    return CTL_OK;
}

/** Checks `text` as that cell of customers.csv would be checked. `value` receives what the database gets. */
static int check_value(const ctl *c, const char **value, const char *column, const char *what, const char *text)
{
    const import_column *def = import_column_of(&import_customer_set, "customers.csv", column);
    const import_reading as_given = {0, 0};
    import_value checked;
    const char *error = kiss_utf8_check(text, strlen(text), NULL) < strlen(text) ? "not UTF-8"
        : import_value_check(&checked, def, &as_given, text, strlen(text), c->pool);

    if (error) {
        return ctl_usage(c, "%s: %s", what, error);
    }
    *value = checked.null ? NULL : apr_pstrmemdup(c->pool, checked.text, checked.len);
    return CTL_OK;
}

/** Puts the options given over `t`. @return CTL_OK or CTL_USAGE */
static int read_terms(const ctl *c, terms *t)
{
    const struct {
        const char **value;
        ctl_option option;
        const char *column, *what;
    } texts[] = {
        {&t->name, OPT_NAME, "Name", "--name"},
        {&t->price_list, OPT_PRICE_LIST, "PriceListCode", "--price-list"},
        {&t->warehouse, OPT_WAREHOUSE, "StockLocation", "--warehouse"},
        {&t->discount, OPT_DISCOUNT, "DiscountPercent", "--discount"},
    };
    int i;

    for (i = 0; i < 4; i++) {
        const char *given = c->option[texts[i].option];

        if (given && check_value(c, texts[i].value, texts[i].column, texts[i].what, given) != CTL_OK) {
            return CTL_USAGE;
        }
    }
    if (ctl_limit(c, &t->limit_minute, OPT_LIMIT_MINUTE, "--limit-minute") != CTL_OK) {
        return CTL_USAGE;
    }
    return ctl_limit(c, &t->limit_hour, OPT_LIMIT_HOUR, "--limit-hour");
}

/** Fails when `code` is given and its table does not have it. */
static int must_exist(ctl *c, const char *code, const char *sql, const char *what, const char *file)
{
    const char *found;

    if (!code) {
        return CTL_OK;
    }
    if (ctl_db_value(c, &found, sql, 1, code) != CTL_OK) {
        return CTL_FAILED;
    }
    return found ? CTL_OK : ctl_fail("there is no %s '%s': import it first (%s)", what, code, file);
}

static int check_terms(ctl *c, const terms *t)
{
    if (must_exist(c, t->price_list, "SELECT 1 FROM price_list WHERE price_list_code = ?", "price list",
                   "price_lists.csv") != CTL_OK) {
        return CTL_FAILED;
    }
    return must_exist(c, t->warehouse, "SELECT 1 FROM warehouse WHERE stock_location = ?", "warehouse",
                      "warehouses.csv");
}

int cmd_customer_add(ctl *c, const char *const *args)
{
    terms t = {"", NULL, NULL, "0", NULL, NULL};
    const char *code, *found, *admin;
    int rc;

    if (!c->option[OPT_PRICE_LIST] || !c->option[OPT_WAREHOUSE]) {
        return ctl_usage(c, "%s is missing", c->option[OPT_PRICE_LIST] ? "--warehouse" : "--price-list");
    }
    rc = check_value(c, &code, "CustomerCode", "CODE", args[0]);
    if (rc != CTL_OK || (rc = read_terms(c, &t)) != CTL_OK) {
        return rc;
    }
    if (ctl_db_value(c, &found, "SELECT 1 FROM customer WHERE customer_code = ?", 1, code) != CTL_OK
        || ctl_db_value(c, &admin, "SELECT 1 FROM admin_client WHERE admin_code = ?", 1, code) != CTL_OK) {
        return CTL_FAILED;
    }
    if (found) {
        return ctl_fail("customer '%s' exists already: 'kissctl customer set' changes it", code);
    }
    if (admin) {
        return ctl_fail("'%s' is the code of an admin client: choose another one, so that nobody takes one for the other",
                        code);
    }
    if (check_terms(c, &t) != CTL_OK
        || ctl_db_run(c, NULL, "INSERT INTO customer (customer_code, name, price_list_code, stock_location,"
                      " discount_percent, limit_minute, limit_hour) VALUES (?, ?, ?, ?, ?, ?, ?)", 7,
                      code, t.name, t.price_list, t.warehouse, t.discount, t.limit_minute, t.limit_hour) != CTL_OK) {
        return CTL_FAILED;
    }
    return cmd_customer_show(c, &code);
}

int cmd_customer_set(ctl *c, const char *const *args)
{
    apr_array_header_t *rows;
    const char **row;
    terms t;
    int rc, i, given = 0;

    for (i = OPT_NAME; i <= OPT_LIMIT_HOUR; i++) {
        given += c->option[i] != NULL;
    }
    if (!given) {
        return ctl_usage(c, "nothing to set");
    }
    if (ctl_db_rows(c, &rows, c->pool, SELECT_CUSTOMER " WHERE customer_code = ?", 1, args[0]) != CTL_OK) {
        return CTL_FAILED;
    }
    if (rows->nelts == 0) {
        return unknown(args[0]);
    }
    row = CTL_ROW(rows, 0);
    t = (terms){row[1], row[2], row[3], row[4], row[6], row[7]};
    rc = read_terms(c, &t);
    if (rc != CTL_OK) {
        return rc;
    }
    if (check_terms(c, &t) != CTL_OK
        || ctl_db_run(c, NULL, "UPDATE customer SET name = ?, price_list_code = ?, stock_location = ?,"
                      " discount_percent = ?, limit_minute = ?, limit_hour = ? WHERE customer_code = ?", 7,
                      t.name, t.price_list, t.warehouse, t.discount, t.limit_minute, t.limit_hour, args[0]) != CTL_OK) {
        return CTL_FAILED;
    }
    return cmd_customer_show(c, args);
}

/** Runs an UPDATE of one customer and shows it. */
static int update(ctl *c, const char *const *args, const char *sql)
{
    if (ctl_db_run(c, NULL, sql, 1, args[0]) != CTL_OK) {
        return CTL_FAILED;
    }
    return cmd_customer_show(c, args);      /* fails when there is no such customer */
}

int cmd_customer_disable(ctl *c, const char *const *args)
{
    return update(c, args, "UPDATE customer SET enabled = 0 WHERE customer_code = ?");
}

int cmd_customer_enable(ctl *c, const char *const *args)
{
    return update(c, args, "UPDATE customer SET enabled = 1, absent_since = NULL WHERE customer_code = ?");
}
