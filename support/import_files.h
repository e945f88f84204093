/* SPDX-License-Identifier: Apache-2.0 */
/**
 * import_files - the files of a folder: which there are, whether they are complete, what they are.
 */
#ifndef IMPORT_FILES_H
#define IMPORT_FILES_H

#include "import_run.h"

/** Finds the files of the set in a folder; names those that seem meant to be of it. @return CTL_OK or CTL_FAILED */
int import_find_files(import_run *run, const char *folder);

/** Checks each file before it is read: is it CSV, is it complete? What is wrong becomes a fault. */
void import_inspect_files(import_run *run);

/** After reading: a file that has changed meanwhile is a fault. */
void import_files_unchanged(import_run *run);

#endif
