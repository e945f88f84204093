/* SPDX-License-Identifier: Apache-2.0 */
/**
 * import_remark - what is noted of good cells of a file: counted while it is read, reported once at its end.
 */
#ifndef IMPORT_REMARK_H
#define IMPORT_REMARK_H

#include "csv.h"
#include "lib/import/import_cell.h"
#include "import_run.h"

/** How often one remark was made in a file, and where first. */
typedef struct {
    apr_uint64_t n;
    long line;
    const char *column;
    const char *cell, *value;       /**< quoted for a message: the cell and the value read from it */
} import_tally;

/** The remarks of a file. Zeros to begin with. */
typedef struct {
    import_tally of[IMPORT_REMARKS];
    struct {
        import_tally point, comma;              /**< IMPORT_MAYBE_POINT, IMPORT_MAYBE_COMMA */
        apr_uint64_t points, commas;            /**< IMPORT_POINT, IMPORT_COMMA */
    } columns[IMPORT_MAX_COLUMNS];              /**< of the header */
} import_remarks;

/** Counts the remarks of one cell of the header's column `k`. `column` is what messages call it. */
void import_remark_cell(import_run *run, import_remarks *remarks, const import_value *value, int k, const char *column,
                        const csv_cell *cell);

/** Counts one remark that is about a row. */
void import_remark_row(import_remarks *remarks, import_remark remark, long line);

/** At the end of the file: one note for each remark; what the file as a whole shows to be ambiguous is a fault. */
void import_remark_end(import_run *run, const import_part *part, const import_remarks *remarks, int comma);

#endif
