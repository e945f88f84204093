/* SPDX-License-Identifier: Apache-2.0 */
/**
 * cmd_key - API keys of the Customer API's customers: issue, list, revoke.
 */
#include "cmd.h"

#include <apr_strings.h>

#include "ctl_db.h"
#include "ctl_key.h"
#include "ctl_message.h"

#define SELECT_KEY "SELECT k.key_id, k.customer_code, k.prefix, k.label, " CTL_KEY_MOMENT("k.created_at") ", " \
    CTL_KEY_MOMENT("k.expires_at") ", " CTL_KEY_MOMENT("k.revoked_at") ", " CTL_KEY_MOMENT("u.last_used_at") \
    " FROM api_key k LEFT JOIN key_usage u USING (key_id)"

static const out_column columns[] = {
    {"ID", OUT_NUMBER}, {"CustomerCode", OUT_TEXT}, {"Prefix", OUT_TEXT}, {"Label", OUT_TEXT}, {"CreatedAt", OUT_TEXT},
    {"ExpiresAt", OUT_TEXT}, {"RevokedAt", OUT_TEXT}, {"LastUsedAt", OUT_TEXT}, {"Key", OUT_TEXT},
};

static const ctl_key_kind kind = {
    SELECT_KEY, columns, (int)(sizeof(columns) / sizeof(*columns)) - 1, "kissctl key list CODE", "api_key"
};

/** Notes what the owner of the new key should know. */
static int check_customer(ctl *c, const char *code)
{
    const char *enabled;

    if (ctl_db_value(c, &enabled, "SELECT enabled FROM customer WHERE customer_code = ?", 1, code) != CTL_OK) {
        return CTL_FAILED;
    }
    if (!enabled) {
        return ctl_fail("there is no customer '%s': 'kissctl customer list' shows them", code);
    }
    if (*enabled == '0') {
        ctl_note("customer '%s' is disabled: the key works after 'kissctl customer enable'", code);
    }
    return CTL_OK;
}

int cmd_key_issue(ctl *c, const char *const *args)
{
    ctl_key key;

    if (ctl_key_options(c, &key) != CTL_OK) {
        return CTL_USAGE;
    }
    if (check_customer(c, args[0]) != CTL_OK || ctl_key_make(c, &key) != CTL_OK
        || ctl_db_run(c, NULL, "INSERT INTO api_key (customer_code, prefix, hash, label, expires_at)"
                      " VALUES (?, ?, UNHEX(?), ?, ?)", 5, args[0], key.prefix, key.hash, key.label, key.expires)
        != CTL_OK) {
        return CTL_FAILED;
    }
    return ctl_key_show(c, &kind, &key, apr_psprintf(c->pool, " of '%s'", args[0]));
}

int cmd_key_list(ctl *c, const char *const *args)
{
    apr_array_header_t *rows;
    const char *found;

    if (ctl_db_value(c, &found, "SELECT 1 FROM customer WHERE customer_code = ?", 1, args[0]) != CTL_OK
        || ctl_db_rows(c, &rows, c->pool, SELECT_KEY " WHERE k.customer_code = ? ORDER BY k.key_id", 1, args[0])
        != CTL_OK) {
        return CTL_FAILED;
    }
    if (!found) {
        return ctl_fail("there is no customer '%s': 'kissctl customer list' shows them", args[0]);
    }
    ctl_out_rows(c, columns, kind.n, rows);
    return CTL_OK;
}

int cmd_key_revoke(ctl *c, const char *const *args)
{
    return ctl_key_revoke(c, &kind, args[0]);
}
