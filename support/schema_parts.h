/* SPDX-License-Identifier: Apache-2.0 */
/**
 * schema_parts - the schema files taken apart: what a database must have. The files are the only list of it. Pure.
 *
 * A file is SQL that is sent whole (cmd_schema.c); this reads no more of it than the forms in which the files write what
 * can be lost or replaced unnoticed: triggers, tables, sequences, foreign keys.
 */
#ifndef SCHEMA_PARTS_H
#define SCHEMA_PARTS_H

#include <apr_hash.h>
#include <apr_tables.h>

/** A trigger as the last file that makes it defines it. */
typedef struct {
    const char *name, *table;
    const char *timing, *event;         /**< AFTER or BEFORE; INSERT, UPDATE or DELETE */
    const char *body;                   /**< what follows FOR EACH ROW, without the last semicolon */
    const char *sql;                    /**< all of it, as CREATE OR REPLACE TRIGGER */
} schema_trigger;

/** A foreign key. */
typedef struct {
    const char *name, *table, *parent;
    const char *sql;                    /**< from CONSTRAINT on */
} schema_key;

/** The parts of all files together. */
typedef struct {
    apr_array_header_t *triggers;       /**< schema_trigger, in the order of the files */
    apr_array_header_t *keys;           /**< schema_key, in the same order */
    apr_array_header_t *tables;         /**< const char *: names of tables and sequences */
    apr_array_header_t *rest;           /**< const char *: of each file what is no trigger */
} schema_parts;

/** Makes an empty one, in `p`. */
schema_parts *schema_parts_make(apr_pool_t *p);

/** Adds a file. What it defines again replaces what an earlier one defined. The text is kept, not copied. */
void schema_parts_add(schema_parts *parts, const char *text, apr_pool_t *p);

/** The names of the datasets whose revision has no scope, of const char *: those that some trigger raises. In `p`. */
apr_array_header_t *schema_parts_datasets(const schema_parts *parts, apr_pool_t *p);

/** 1 when two bodies of triggers are the same but for blanks and line ends. */
int schema_parts_same(const char *one, const char *other);

#endif
