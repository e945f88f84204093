/* SPDX-License-Identifier: Apache-2.0 */
/**
 * cmd_kss_key - API keys of the KSS API: issue, list, revoke. A key has a type and a list of customers or suppliers.
 */
#include "cmd.h"

#include <string.h>

#include <apr_strings.h>

#include "ctl_db.h"
#include "ctl_key.h"
#include "ctl_message.h"
#include "ctl_value.h"

#define MAX_ID 2147483647               /* INT of the database */

/** The accounts as "1,2"; NULL for an employee, who sees all. */
#define IDS "(SELECT GROUP_CONCAT(a.account_id ORDER BY a.account_id) FROM api_key_account a WHERE a.key_id = k.key_id)"

#define SELECT_KEY "SELECT k.key_id, k.prefix, k.type, " IDS ", k.user_id, k.limit_hour, k.label, " \
    CTL_KEY_MOMENT("k.created_at") ", " CTL_KEY_MOMENT("k.expires_at") ", " CTL_KEY_MOMENT("u.last_used_at") ", " \
    CTL_KEY_MOMENT("k.revoked_at") " FROM api_key k LEFT JOIN key_usage u USING (key_id)"

static const out_column columns[] = {
    {"ID", OUT_NUMBER}, {"Prefix", OUT_TEXT}, {"Type", OUT_TEXT}, {"Ids", OUT_NUMBERS}, {"UserID", OUT_NUMBER},
    {"LimitHour", OUT_NUMBER}, {"Label", OUT_TEXT}, {"CreatedAt", OUT_TEXT}, {"ExpiresAt", OUT_TEXT},
    {"LastUsedAt", OUT_TEXT}, {"RevokedAt", OUT_TEXT}, {"Key", OUT_TEXT},
};

static const ctl_key_kind kind = {
    SELECT_KEY, columns, (int)(sizeof(columns) / sizeof(*columns)) - 1, "kissctl kss key list", "api_key"
};

/** The types, and where the ids of each are known; an employee sees everything and has none. */
static const struct {
    const char *name, *owners, *known;
} types[] = {
    {"employee", NULL, NULL},
    {"customer", "customers", "SELECT 1 FROM customer WHERE customer_id = ?"},
    {"supplier", "suppliers", "SELECT 1 FROM supplier WHERE supplier_id = ?"},
};

#define NTYPES ((int)(sizeof(types) / sizeof(*types)))

/** Reads --type. @return its index in `types`, or -1 after a message */
static int read_type(const ctl *c)
{
    const char *text = c->option[OPT_TYPE];
    int i;

    for (i = 0; text && i < NTYPES; i++) {
        if (strcmp(text, types[i].name) == 0) {
            return i;
        }
    }
    if (text) {
        ctl_usage(c, "--type: '%s' is neither employee, customer nor supplier", text);
    }
    else {
        ctl_usage(c, "--type is missing: employee, customer or supplier");
    }
    return -1;
}

/** Adds an id; the same id twice is the same account. */
static void add_id(apr_array_header_t *ids, const char *id)
{
    int i;

    for (i = 0; i < ids->nelts; i++) {
        if (strcmp(APR_ARRAY_IDX(ids, i, const char *), id) == 0) {
            return;
        }
    }
    APR_ARRAY_PUSH(ids, const char *) = id;
}

/** Reads --ids, numbers joined by commas, into an array of const char *. @return CTL_OK or CTL_USAGE */
static int read_ids(const ctl *c, int type, apr_array_header_t **ids)
{
    const char *text = c->option[OPT_IDS], *comma;
    apr_int64_t n;

    *ids = apr_array_make(c->pool, 4, sizeof(const char *));
    if (!types[type].owners) {
        return text ? ctl_usage(c, "--ids: a key for an employee sees everything; leave it out, or choose --type "
                                "customer or supplier") : CTL_OK;
    }
    if (!text) {
        return ctl_usage(c, "--ids is missing: the %s that the key stands for, as in --ids 1,2", types[type].owners);
    }
    for (comma = text; comma; text = comma + 1) {
        const char *id;

        comma = strchr(text, ',');
        id = comma ? apr_pstrmemdup(c->pool, text, comma - text) : text;
        if (!ctl_number(&n, id, 1, MAX_ID)) {
            return ctl_usage(c, "--ids: '%s' is no id; it wants whole numbers joined by commas, as in --ids 1,2", id);
        }
        add_id(*ids, apr_psprintf(c->pool, "%" APR_INT64_T_FMT, n));
    }
    return CTL_OK;
}

/** Remarks on ids that the database does not know: they may come with the next import. */
static int note_unknown(ctl *c, int type, const apr_array_header_t *ids, const char *user)
{
    const char *missing = "", *found;
    int i;

    for (i = 0; i < ids->nelts; i++) {
        const char *id = APR_ARRAY_IDX(ids, i, const char *);

        if (ctl_db_value(c, &found, types[type].known, 1, id) != CTL_OK) {
            return CTL_FAILED;
        }
        if (!found) {
            missing = apr_pstrcat(c->pool, missing, *missing ? ", " : "", id, NULL);
        }
    }
    if (*missing) {
        ctl_note("there are no %s with these ids: %s. The key sees nothing of them until an import brings them.",
                 types[type].owners, missing);
    }
    if (user) {
        if (ctl_db_value(c, &found, "SELECT 1 FROM portal_user WHERE user_id = ?", 1, user) != CTL_OK) {
            return CTL_FAILED;
        }
        if (!found) {
            ctl_note("there is no user %s: requests of the key carry that id all the same", user);
        }
    }
    return CTL_OK;
}

/** Stores key and accounts together. */
static int store_key(ctl *c, const ctl_key *key, int type, const apr_array_header_t *ids, const char *user,
                     const char *limit)
{
    int i;

    if (ctl_db_begin(c) != CTL_OK
        || ctl_db_run(c, NULL, "INSERT INTO api_key (type, prefix, hash, label, expires_at, user_id, limit_hour)"
                      " VALUES (?, ?, UNHEX(?), ?, ?, ?, ?)", 7, types[type].name, key->prefix, key->hash, key->label,
                      key->expires, user, limit) != CTL_OK) {
        return CTL_FAILED;
    }
    for (i = 0; i < ids->nelts; i++) {
        if (ctl_db_run(c, NULL, "INSERT INTO api_key_account (key_id, account_id)"
                       " SELECT key_id, ? FROM api_key WHERE hash = UNHEX(?)", 2, APR_ARRAY_IDX(ids, i, const char *),
                       key->hash) != CTL_OK) {
            return CTL_FAILED;
        }
    }
    return ctl_db_exec(c, "COMMIT");
}

int cmd_kss_key_issue(ctl *c, const char *const *args)
{
    const char *user = c->option[OPT_USER], *limit = NULL;
    int type = read_type(c);
    apr_array_header_t *ids;
    apr_int64_t n;
    ctl_key key;

    (void)args;
    if (type < 0 || read_ids(c, type, &ids) != CTL_OK || ctl_key_options(c, &key) != CTL_OK
        || ctl_limit(c, &limit, OPT_LIMIT_HOUR, "--limit-hour") != CTL_OK) {
        return CTL_USAGE;
    }
    if (user && !ctl_number(&n, user, 1, MAX_ID)) {
        return ctl_usage(c, "--user: '%s' is no id of a user, a whole number", user);
    }
    if (note_unknown(c, type, ids, user) != CTL_OK || ctl_key_make(c, &key) != CTL_OK
        || store_key(c, &key, type, ids, user, limit) != CTL_OK) {
        return CTL_FAILED;
    }
    return ctl_key_show(c, &kind, &key, "");
}

int cmd_kss_key_list(ctl *c, const char *const *args)
{
    apr_array_header_t *rows;

    (void)args;
    if (ctl_db_rows(c, &rows, c->pool, SELECT_KEY " ORDER BY k.key_id", 0) != CTL_OK) {
        return CTL_FAILED;
    }
    ctl_out_rows(c, columns, kind.n, rows);
    return CTL_OK;
}

int cmd_kss_key_revoke(ctl *c, const char *const *args)
{
    return ctl_key_revoke(c, &kind, args[0]);
}
