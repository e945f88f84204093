/* SPDX-License-Identifier: Apache-2.0 */
/**
 * cmd_admin - clients of the admin endpoints: list, show, add, disable, enable, and their keys.
 */
#include "cmd.h"

#include <string.h>

#include <apr_strings.h>

#include "ctl_db.h"
#include "ctl_key.h"
#include "ctl_message.h"
#include "ctl_value.h"
#include "lib/base/utf8.h"
#include "lib/import/import_value.h"

#define SELECT_CLIENT "SELECT a.admin_code, a.name, a.enabled, a.limit_minute, a.limit_hour, " CTL_KEY_MOMENT("a.created_at") \
    ", " CTL_KEY_MOMENT("(SELECT MAX(w.written_at) FROM admin_audit w WHERE w.admin_code = a.admin_code)") \
    " FROM admin_client a"
#define SELECT_KEY "SELECT k.key_id, k.admin_code, k.prefix, k.label, " CTL_KEY_MOMENT("k.created_at") ", " \
    CTL_KEY_MOMENT("k.expires_at") ", " CTL_KEY_MOMENT("k.revoked_at") " FROM admin_key k"

#define MAX_NAME 200

static const out_column columns[] = {
    {"AdminCode", OUT_TEXT}, {"Name", OUT_TEXT}, {"Enabled", OUT_FLAG}, {"LimitMinute", OUT_NUMBER},
    {"LimitHour", OUT_NUMBER}, {"CreatedAt", OUT_TEXT}, {"LastWriteAt", OUT_TEXT},
};

#define NCOLUMNS ((int)(sizeof(columns) / sizeof(*columns)))

static const out_column key_columns[] = {
    {"ID", OUT_NUMBER}, {"AdminCode", OUT_TEXT}, {"Prefix", OUT_TEXT}, {"Label", OUT_TEXT}, {"CreatedAt", OUT_TEXT},
    {"ExpiresAt", OUT_TEXT}, {"RevokedAt", OUT_TEXT}, {"Key", OUT_TEXT},
};

static const ctl_key_kind kind = {
    SELECT_KEY, key_columns, (int)(sizeof(key_columns) / sizeof(*key_columns)) - 1, "kissctl admin-key list CODE",
    "admin_key"
};

static int unknown(const char *code)
{
    return ctl_fail("there is no admin client '%s': 'kissctl admin list' shows them", code);
}

int cmd_admin_list(ctl *c, const char *const *args)
{
    apr_array_header_t *rows;

    (void)args;
    if (ctl_db_rows(c, &rows, c->pool, SELECT_CLIENT " ORDER BY a.admin_code", 0) != CTL_OK) {
        return CTL_FAILED;
    }
    ctl_out_rows(c, columns, NCOLUMNS, rows);
    return CTL_OK;
}

static int show(ctl *c, const char *code)
{
    apr_array_header_t *rows;

    if (ctl_db_rows(c, &rows, c->pool, SELECT_CLIENT " WHERE a.admin_code = ?", 1, code) != CTL_OK) {
        return CTL_FAILED;
    }
    if (rows->nelts == 0) {
        return unknown(code);
    }
    ctl_out_row(c, columns, NCOLUMNS, CTL_ROW(rows, 0));
    return CTL_OK;
}

/** Checks the code as that of a customer would be checked. */
static int check_code(const ctl *c, const char *code)
{
    const import_column *def = import_column_of(&import_customer_set, "customers.csv", "CustomerCode");
    const import_reading as_given = {0, 0};
    import_value checked;
    const char *error = kiss_utf8_check(code, strlen(code), NULL) < strlen(code) ? "not UTF-8"
        : import_value_check(&checked, def, &as_given, code, strlen(code), c->pool);

    return error ? ctl_usage(c, "CODE: %s", error) : CTL_OK;
}

int cmd_admin_add(ctl *c, const char *const *args)
{
    const char *name = NULL, *minute = NULL, *hour = NULL, *found, *customer;

    if (check_code(c, args[0]) != CTL_OK || ctl_text(c, &name, OPT_NAME, "--name", MAX_NAME) != CTL_OK
        || ctl_limit(c, &minute, OPT_LIMIT_MINUTE, "--limit-minute") != CTL_OK
        || ctl_limit(c, &hour, OPT_LIMIT_HOUR, "--limit-hour") != CTL_OK) {
        return CTL_USAGE;
    }
    if (ctl_db_value(c, &found, "SELECT 1 FROM admin_client WHERE admin_code = ?", 1, args[0]) != CTL_OK
        || ctl_db_value(c, &customer, "SELECT 1 FROM customer WHERE customer_code = ?", 1, args[0]) != CTL_OK) {
        return CTL_FAILED;
    }
    if (found) {
        return ctl_fail("admin client '%s' exists already", args[0]);
    }
    if (customer) {
        return ctl_fail("'%s' is the code of a customer: choose another one, so that nobody takes one for the other", args[0]);
    }
    if (ctl_db_run(c, NULL, "INSERT INTO admin_client (admin_code, name, limit_minute, limit_hour) VALUES (?, ?, ?, ?)", 4,
                   args[0], name ? name : "", minute, hour) != CTL_OK) {
        return CTL_FAILED;
    }
    return show(c, args[0]);
}

/** Runs an UPDATE of one client and shows it. */
static int update(ctl *c, const char *const *args, const char *sql)
{
    return ctl_db_run(c, NULL, sql, 1, args[0]) == CTL_OK ? show(c, args[0]) : CTL_FAILED;
}

int cmd_admin_disable(ctl *c, const char *const *args)
{
    return update(c, args, "UPDATE admin_client SET enabled = 0 WHERE admin_code = ?");
}

int cmd_admin_enable(ctl *c, const char *const *args)
{
    return update(c, args, "UPDATE admin_client SET enabled = 1 WHERE admin_code = ?");
}

/** @param enabled receives whether the client is */
static int find(ctl *c, const char *code, const char **enabled)
{
    if (ctl_db_value(c, enabled, "SELECT enabled FROM admin_client WHERE admin_code = ?", 1, code) != CTL_OK) {
        return CTL_FAILED;
    }
    return *enabled ? CTL_OK : unknown(code);
}

int cmd_admin_key_issue(ctl *c, const char *const *args)
{
    const char *enabled;
    ctl_key key;

    if (ctl_key_options(c, &key) != CTL_OK) {
        return CTL_USAGE;
    }
    if (find(c, args[0], &enabled) != CTL_OK) {
        return CTL_FAILED;
    }
    if (*enabled == '0') {
        ctl_note("admin client '%s' is disabled: the key works after 'kissctl admin enable'", args[0]);
    }
    if (ctl_key_make(c, &key) != CTL_OK
        || ctl_db_run(c, NULL, "INSERT INTO admin_key (admin_code, prefix, hash, label, expires_at)"
                      " VALUES (?, ?, UNHEX(?), ?, ?)", 5, args[0], key.prefix, key.hash, key.label, key.expires)
        != CTL_OK) {
        return CTL_FAILED;
    }
    return ctl_key_show(c, &kind, &key, apr_psprintf(c->pool, " of '%s'", args[0]));
}

int cmd_admin_key_list(ctl *c, const char *const *args)
{
    apr_array_header_t *rows;
    const char *enabled;

    if (find(c, args[0], &enabled) != CTL_OK
        || ctl_db_rows(c, &rows, c->pool, SELECT_KEY " WHERE k.admin_code = ? ORDER BY k.key_id", 1, args[0]) != CTL_OK) {
        return CTL_FAILED;
    }
    ctl_out_rows(c, key_columns, kind.n, rows);
    return CTL_OK;
}

int cmd_admin_key_revoke(ctl *c, const char *const *args)
{
    return ctl_key_revoke(c, &kind, args[0]);
}
