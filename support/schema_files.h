/* SPDX-License-Identifier: Apache-2.0 */
/**
 * schema_files - the numbered schema files and the version of the database. Single-threaded.
 *
 * Functions that fail have written why to standard error.
 */
#ifndef SCHEMA_FILES_H
#define SCHEMA_FILES_H

#include <apr_tables.h>

#include "ctl.h"

/** One file of the schema. */
typedef struct {
    int version;
    const char *name;
    const char *path;
} schema_file;

/** The files of the verb's database below c->sql_dir, in order, at least one, numbered without a gap.
 *  @return CTL_OK or CTL_FAILED */
int schema_files(ctl *c, apr_array_header_t **files);

/** The content of a file, NUL-terminated, in the context's pool. @return CTL_OK or CTL_FAILED */
int schema_file_text(ctl *c, const schema_file *file, const char **text);

/** The version of the database; 0 when nothing is installed. @return CTL_OK or CTL_FAILED */
int schema_version(ctl *c, int *version);

/** NULL when the two agree, or a sentence with what to do. */
const char *schema_advice(const ctl *c, int version, int latest);

/** Fails, with what to do, unless the database is at the version of the files. */
int schema_require(ctl *c);

/** Sends statements as they are: the server splits them. `name` is for messages. @return CTL_OK or CTL_FAILED */
int schema_send(ctl *c, const char *name, const char *sql);

#endif
