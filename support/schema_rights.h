/* SPDX-License-Identifier: Apache-2.0 */
/**
 * schema_rights - what grants.sql gives to the accounts, and what they have. Single-threaded.
 *
 * A right is a text "INSERT ON key_usage", or "SELECT ON *" for all tables of the database. Accounts are written as
 * 'kiss'@'localhost', with the quotes. Functions that fail have written why to standard error.
 */
#ifndef SCHEMA_RIGHTS_H
#define SCHEMA_RIGHTS_H

#include <apr_hash.h>
#include <apr_tables.h>

#include "ctl.h"

/** One statement of grants.sql. */
typedef struct {
    const char *sql;                    /**< the statement, without its semicolon */
    const char *account;
    apr_hash_t *rights;                 /**< its keys are the rights */
} schema_grant;

/** The file of the two accounts that each installation has, and that of the one that writes product data. */
#define SCHEMA_GRANTS "grants.sql"
#define SCHEMA_GRANTS_ADMIN "grants-admin.sql"

/** The error of an account that may make no triggers (1419). */
#define SCHEMA_NO_TRIGGERS "the server logs changes for replicas (log_bin), or is a node of a cluster, and then lets this " \
    "account make no triggers (error 1419). As administrator: SET GLOBAL log_bin_trust_function_creators = 1, and the same " \
    "in the server's configuration"

/**
 * The statements of such a file of the verb's database, at least one, in the context's pool. @return CTL_OK or CTL_FAILED
 */
int schema_grants(ctl *c, apr_array_header_t **grants, const char *file);

/** The account of the module, or the one that writes: the one that the file names first. */
const char *schema_module_account(const apr_array_header_t *grants);

/** All rights that the statements give to an account. In `p`. */
apr_hash_t *schema_wanted(const apr_array_header_t *grants, const char *account, apr_pool_t *p);

/** The rights that an account has in the database that is chosen; the connection is an administrator's.
 *  @return CTL_OK or CTL_FAILED */
int schema_granted(ctl *c, apr_hash_t **rights, const char *account);

/** The rights among `these` that `others` does not have, nor for all tables: joined by commas, in `p`; "" for none. */
const char *schema_lacking(apr_hash_t *these, apr_hash_t *others, apr_pool_t *p);

#endif
