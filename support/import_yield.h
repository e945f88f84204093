/* SPDX-License-Identifier: Apache-2.0 */
/**
 * import_yield - rows that belong to others than the import: products that a PIM has written over HTTPS.
 */
#ifndef IMPORT_YIELD_H
#define IMPORT_YIELD_H

#include "import_run.h"

/** SQL: whether a row belongs to others, or NULL where none of this file does. @param row "o." or "n." */
const char *import_yield_to(const import_run *run, const import_file *def, const char *row);

/** SQL: whether the row of the file's table that `value` names belongs to others, or NULL likewise. */
const char *import_yield_is(const import_run *run, const import_file *def, const char *value);

/** Finds out whether there are such rows, before anything is read: run->yields. @return CTL_OK or CTL_FAILED */
int import_yield_find(import_run *run);

/**
 * The same once more inside the transaction, where it cannot change any more; with --take-over they become the import's.
 * Takes the rows of others out of what was read, and notes how many there are. @return CTL_OK or CTL_FAILED
 */
int import_yield(import_run *run);

#endif
