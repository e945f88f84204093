/* SPDX-License-Identifier: Apache-2.0 */
/**
 * import_header - which cell of a file holds which column of its table.
 */
#ifndef IMPORT_HEADER_H
#define IMPORT_HEADER_H

#include "csv.h"
#include "import_run.h"

/** The columns that a file has. */
typedef struct {
    int n;
    const import_column *columns[IMPORT_MAX_COLUMNS];
    const char *names[IMPORT_MAX_COLUMNS];      /**< what messages call them: as in the file, if a map names it, else ours */
    int cell_of[IMPORT_MAX_COLUMNS];            /**< its place in the file */
} import_header;

/**
 * Reads the header row: names are compared without case, blanks and '_', through the map of the run if it has one. What is
 * missing, unknown or ambiguous is named as a fault or in a note, and part->absent is set.
 *
 * @return 1, or 0 when the file cannot be read by columns
 */
int import_header_read(import_run *run, import_part *part, const csv_row *row, import_header *header);

#endif
