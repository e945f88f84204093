/* SPDX-License-Identifier: Apache-2.0 */
/**
 * schema_diff - how a database differs from the schema files. Single-threaded; functions that fail have written
 * why to standard error.
 */
#ifndef SCHEMA_DIFF_H
#define SCHEMA_DIFF_H

#include "ctl.h"
#include "schema_parts.h"

/** What differs. */
typedef enum {
    SCHEMA_TABLE,                       /**< a table or sequence is missing, or is no plain InnoDB table */
    SCHEMA_TRIGGER,                     /**< a trigger is missing, hangs on another table, or does something else */
    SCHEMA_KEY,                         /**< a foreign key is missing, or is one of another table */
    SCHEMA_ROW                          /**< a row of `revision` is missing */
} schema_kind;

/** One difference. */
typedef struct {
    schema_kind kind;
    const void *part;                   /**< the schema_trigger or schema_key, or NULL */
    const char *other;                  /**< the table that a trigger or key hangs on instead, or NULL */
    const char *text;                   /**< for people: "trigger stock_changed hangs on table old" */
} schema_difference;

/** The parts of all schema files of the verb's database. @return CTL_OK or CTL_FAILED */
int schema_parts_read(ctl *c, schema_parts **parts);

/** Compares. @param differences receives an array of schema_difference @return CTL_OK or CTL_FAILED */
int schema_diff(ctl *c, const schema_parts *parts, apr_array_header_t **differences);

/** Triggers of the database that the files do not know, as "name ON table", of const char *. @return CTL_OK or CTL_FAILED */
int schema_diff_foreign(ctl *c, const schema_parts *parts, apr_array_header_t **triggers);

#endif
