/* SPDX-License-Identifier: Apache-2.0 */
/**
 * ctl_key - what the keys of both APIs and of admin clients have in common: form, label, expiry, digest, how they are
 * shown and revoked.
 *
 * The key itself is printed once and stored nowhere. Functions that fail have written why to standard error.
 * Single-threaded.
 */
#ifndef CTL_KEY_H
#define CTL_KEY_H

#include "ctl_out.h"
#include "lib/credential/apikey.h"

/** A time of the database as ISO 8601, for lists. */
#define CTL_KEY_MOMENT(column) "DATE_FORMAT(" column ", '%Y-%m-%dT%H:%i:%sZ')"

/** The keys of one API. */
typedef struct {
    const char *select;             /**< SELECT ... FROM api_key k ..., up to WHERE; first the key's number */
    const out_column *columns;      /**< its columns, and after the last one Key, shown when it is made */
    int n;                          /**< number of columns, without Key */
    const char *list;               /**< the verb that shows their numbers */
    const char *table;              /**< their table */
} ctl_key_kind;

/** A new key: what goes into its table, and the text that is shown once. */
typedef struct {
    const char *text;               /**< the key itself */
    const char *prefix;             /**< its public part */
    const char *hash;               /**< its SHA-256 in hexadecimal digits, for UNHEX() */
    const char *label;              /**< --label or "" */
    const char *expires;            /**< --expires as DATETIME, or NULL */
} ctl_key;

/** Reads --label and --expires into `key`. @return CTL_OK or CTL_USAGE */
int ctl_key_options(ctl *c, ctl_key *key);

/** Makes the key; `key` has its options already. @return CTL_OK or CTL_FAILED */
int ctl_key_make(ctl *c, ctl_key *key);

/** Prints the key that was just stored, alone on standard output; `whose` follows "this is key N" in a note. */
int ctl_key_show(ctl *c, const ctl_key_kind *kind, const ctl_key *key, const char *whose);

/** Ends the key with the number `id`, a word of the command line. @return an exit status */
int ctl_key_revoke(ctl *c, const ctl_key_kind *kind, const char *id);

#endif
