/**
 * cmd_key - API keys of the customers: issue, list, revoke. The key itself is printed once and stored nowhere.
 */
#include "ctl.h"

#include <stdio.h>
#include <string.h>

#include <apr_strings.h>

#include "csv.h"
#include "ctl_db.h"
#include "ctl_out.h"
#include "import_table.h"
#include "kiss_apikey.h"

#define MAX_LABEL 100
#define MOMENT(column) "DATE_FORMAT(" column ", '%Y-%m-%dT%H:%i:%sZ')"
#define SELECT_KEY "SELECT k.key_id, k.customer_code, k.prefix, k.label, " MOMENT("k.created_at") ", " \
    MOMENT("k.expires_at") ", " MOMENT("k.revoked_at") ", " MOMENT("u.last_used_at") \
    " FROM api_key k LEFT JOIN key_usage u USING (key_id)"

static const out_column columns[] = {
    {"ID", OUT_NUMBER}, {"CustomerCode", OUT_TEXT}, {"Prefix", OUT_TEXT}, {"Label", OUT_TEXT}, {"CreatedAt", OUT_TEXT},
    {"ExpiresAt", OUT_TEXT}, {"RevokedAt", OUT_TEXT}, {"LastUsedAt", OUT_TEXT}, {"Key", OUT_TEXT},
};

/** Without the key itself. */
#define NCOLUMNS ((int)(sizeof(columns) / sizeof(*columns)) - 1)

/** Reads --expires into what the database takes. @return CTL_OK or CTL_USAGE */
static int read_expiry(ctl *c, const char **expires)
{
    static const import_column date = {.csv = "--expires", .type = IMPORT_DATE};
    const char *text = c->option[OPT_EXPIRES], *time = "23:59:59";
    import_value value;
    int h, m, s, end = 0;

    *expires = NULL;
    if (!text) {
        return CTL_OK;
    }
    if (strlen(text) > 10) {
        if ((text[10] != 'T' && text[10] != ' ') || strspn(text + 11, "0123456789:") != 8
            || sscanf(text + 11, "%2d:%2d:%2d%n", &h, &m, &s, &end) != 3 || end != 8 || h > 23 || m > 59 || s > 59
            || (text[19] && strcmp(text + 19, "Z") != 0)) {
            return ctl_usage(c, "--expires: '%s' is neither YYYY-MM-DD nor YYYY-MM-DDThh:mm:ssZ (UTC)", text);
        }
        time = apr_pstrndup(c->pool, text + 11, 8);
    }
    text = apr_pstrndup(c->pool, text, 10);
    if (import_value_check(&value, &date, text, strlen(text), c->pool) || value.null) {
        return ctl_usage(c, "--expires: '%s' is no date YYYY-MM-DD", c->option[OPT_EXPIRES]);
    }
    *expires = apr_pstrcat(c->pool, text, " ", time, NULL);
    return CTL_OK;
}

/** Reads --label. @return CTL_OK or CTL_USAGE */
static int read_label(ctl *c, const char **label)
{
    apr_size_t len, chars;

    *label = c->option[OPT_LABEL] ? c->option[OPT_LABEL] : "";
    len = strlen(*label);
    if (csv_utf8_check(*label, len, &chars) < len) {
        return ctl_usage(c, "--label: not UTF-8");
    }
    return chars > MAX_LABEL ? ctl_usage(c, "--label: longer than %d characters", MAX_LABEL) : CTL_OK;
}

/** Says what the new key's owner should know. */
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

/** Stores the digest. `row` receives the new key's columns. */
static int store_key(ctl *c, const kiss_apikey *key, const char *code, const char *label, const char *expires,
                     const char ***row)
{
    char hash[2 * KISS_SHA256_LEN + 1];
    apr_array_header_t *rows;
    int i;

    for (i = 0; i < KISS_SHA256_LEN; i++) {
        apr_snprintf(hash + 2 * i, 3, "%02x", key->hash[i]);
    }
    if (ctl_db_run(c, NULL, "INSERT INTO api_key (customer_code, prefix, hash, label, expires_at)"
                   " VALUES (?, ?, UNHEX(?), ?, ?)", 5, code, key->prefix, hash, label, expires) != CTL_OK
        || ctl_db_rows(c, &rows, c->pool, SELECT_KEY " WHERE k.hash = UNHEX(?)", 1, hash) != CTL_OK) {
        return CTL_FAILED;
    }
    if (rows->nelts == 0) {
        return ctl_fail("the new key of '%s' vanished: did somebody remove the customer?", code);
    }
    *row = CTL_ROW(rows, 0);
    return CTL_OK;
}

int cmd_key_issue(ctl *c, const char *const *args)
{
    const char *expires, *label, **row = NULL, *past;
    kiss_apikey key;

    if (read_expiry(c, &expires) != CTL_OK || read_label(c, &label) != CTL_OK) {
        return CTL_USAGE;
    }
    if (check_customer(c, args[0]) != CTL_OK) {
        return CTL_FAILED;
    }
    if (kiss_apikey_make(&key, c->pool) != APR_SUCCESS) {
        return ctl_fail("the system has no random bytes: no key was made");
    }
    if (store_key(c, &key, args[0], label, expires, &row) != CTL_OK
        || ctl_db_value(c, &past, "SELECT ? <= UTC_TIMESTAMP()", 1, expires) != CTL_OK) {
        return CTL_FAILED;
    }
    if (past && *past == '1') {
        ctl_note("--expires is in the past: the key does not work");
    }
    if (c->json) {
        const char *all[NCOLUMNS + 1];

        memcpy(all, row, sizeof(*all) * NCOLUMNS);
        all[NCOLUMNS] = key.text;
        ctl_out_row(c, columns, NCOLUMNS + 1, all);
    }
    else {
        puts(key.text);
        ctl_note("this is key %s of '%s', shown only now", row[0], args[0]);
    }
    return CTL_OK;
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
    ctl_out_rows(c, columns, NCOLUMNS, rows);
    return CTL_OK;
}

int cmd_key_revoke(ctl *c, const char *const *args)
{
    const char *id = args[0];
    apr_array_header_t *rows;
    apr_uint64_t revoked;
    apr_int64_t n;

    if (!ctl_number(&n, id, 1, APR_INT64_MAX)) {
        return ctl_usage(c, "'%s' is not the number of a key: 'kissctl key list CODE' shows it", id);
    }
    if (ctl_db_run(c, &revoked, "UPDATE api_key SET revoked_at = UTC_TIMESTAMP()"
                   " WHERE key_id = CAST(? AS UNSIGNED) AND revoked_at IS NULL", 1, id) != CTL_OK
        || ctl_db_rows(c, &rows, c->pool, SELECT_KEY " WHERE k.key_id = CAST(? AS UNSIGNED)", 1, id) != CTL_OK) {
        return CTL_FAILED;
    }
    if (rows->nelts == 0) {
        return ctl_fail("there is no key %s: 'kissctl key list CODE' shows the numbers", id);
    }
    if (revoked == 0) {
        ctl_note("key %s was revoked before", id);
    }
    ctl_out_row(c, columns, NCOLUMNS, CTL_ROW(rows, 0));
    return CTL_OK;
}
