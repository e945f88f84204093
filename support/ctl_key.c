/* SPDX-License-Identifier: Apache-2.0 */
/**
 * ctl_key - makes, shows and revokes keys of both APIs.
 */
#include "ctl_key.h"

#include <stdio.h>
#include <string.h>

#include <apr_strings.h>

#include "ctl_db.h"
#include "ctl_message.h"
#include "ctl_value.h"
#include "lib/base/date.h"

#define MAX_LABEL 100

/** Reads --expires into what the database takes; a date lasts to the end of its day in UTC. @return CTL_OK or CTL_USAGE */
static int read_expiry(ctl *c, const char **expires)
{
    const char *text = c->option[OPT_EXPIRES], *reason;
    kiss_date date;

    *expires = NULL;
    if (!text) {
        return CTL_OK;
    }
    if ((reason = kiss_date_reason(kiss_date_parse(&date, text, strlen(text), 0)))) {
        return ctl_usage(c, "--expires: '%s' %s", text, reason);
    }
    if (!date.timed) {
        date.hour = 23;
        date.minute = date.second = 59;
    }
    *expires = kiss_date_text(apr_palloc(c->pool, KISS_DATE_TEXT), &date, 0);
    return CTL_OK;
}

int ctl_key_options(ctl *c, ctl_key *key)
{
    memset(key, 0, sizeof(*key));
    if (read_expiry(c, &key->expires) != CTL_OK
        || ctl_text(c, &key->label, OPT_LABEL, "--label", MAX_LABEL) != CTL_OK) {
        return CTL_USAGE;
    }
    key->label = key->label ? key->label : "";
    return CTL_OK;
}

int ctl_key_make(ctl *c, ctl_key *key)
{
    char *hash = apr_palloc(c->pool, 2 * KISS_SHA256_LEN + 1);
    kiss_apikey made;
    int i;

    if (kiss_apikey_make(&made, c->pool) != APR_SUCCESS) {
        return ctl_fail("the system has no random bytes: no key was made");
    }
    for (i = 0; i < KISS_SHA256_LEN; i++) {
        apr_snprintf(hash + 2 * i, 3, "%02x", made.hash[i]);
    }
    key->text = made.text;
    key->prefix = made.prefix;
    key->hash = hash;
    return CTL_OK;
}

int ctl_key_show(ctl *c, const ctl_key_kind *kind, const ctl_key *key, const char *whose)
{
    apr_array_header_t *rows;
    const char *past, **all;

    if (ctl_db_rows(c, &rows, c->pool, apr_pstrcat(c->pool, kind->select, " WHERE k.hash = UNHEX(?)", NULL), 1,
                    key->hash) != CTL_OK
        || ctl_db_value(c, &past, "SELECT ? <= UTC_TIMESTAMP(6)", 1, key->expires) != CTL_OK) {
        return CTL_FAILED;
    }
    if (rows->nelts == 0) {
        return ctl_fail("the new key%s vanished: did somebody remove the customer?", whose);
    }
    if (past && *past == '1') {
        ctl_note("--expires is in the past: the key does not work");
    }
    if (c->json) {
        all = apr_palloc(c->pool, sizeof(*all) * (kind->n + 1));
        memcpy(all, CTL_ROW(rows, 0), sizeof(*all) * kind->n);
        all[kind->n] = key->text;
        ctl_out_row(c, kind->columns, kind->n + 1, all);
    }
    else {
        puts(key->text);
        ctl_note("this is key %s%s, shown only now", CTL_ROW(rows, 0)[0], whose);
    }
    return CTL_OK;
}

int ctl_key_revoke(ctl *c, const ctl_key_kind *kind, const char *id)
{
    apr_array_header_t *rows;
    apr_uint64_t revoked;
    apr_int64_t n;

    if (!ctl_number(&n, id, 1, APR_INT64_MAX)) {
        return ctl_usage(c, "'%s' is not the number of a key: '%s' shows it", id, kind->list);
    }
    if (ctl_db_run(c, &revoked, apr_pstrcat(c->pool, "UPDATE ", kind->table, " SET revoked_at = UTC_TIMESTAMP()"
                   " WHERE key_id = CAST(? AS UNSIGNED) AND revoked_at IS NULL", NULL), 1, id) != CTL_OK
        || ctl_db_rows(c, &rows, c->pool, apr_pstrcat(c->pool, kind->select, " WHERE k.key_id = CAST(? AS UNSIGNED)",
                                                      NULL), 1, id) != CTL_OK) {
        return CTL_FAILED;
    }
    if (rows->nelts == 0) {
        return ctl_fail("there is no key %s: '%s' shows the numbers", id, kind->list);
    }
    if (revoked == 0) {
        ctl_note("key %s was revoked before", id);
    }
    ctl_out_row(c, kind->columns, kind->n, CTL_ROW(rows, 0));
    return CTL_OK;
}
