/* SPDX-License-Identifier: Apache-2.0 */
/**
 * import_remark - counts remarks on cells, and makes notes of them at the end of a file.
 */
#include "import_remark.h"

#include <apr_strings.h>

#include "ctl_out.h"
#include "import_fault.h"
#include "lib/base/plural.h"
#include "lib/base/quote.h"

/** Number of cells of a column that prove what separates its decimals: then 1.200 needs no note. */
#define PROOF 20

void import_remark_row(import_remarks *remarks, import_remark remark, long line)
{
    if (remarks->of[remark].n++ == 0) {
        remarks->of[remark].line = line;
    }
}

/** Counts one remark. */
static void count(import_run *run, import_tally *tally, const import_value *value, const char *column,
                  const csv_cell *cell)
{
    if (tally->n++ > 0) {
        return;
    }
    tally->line = cell->line;
    tally->column = column;
    tally->cell = kiss_quote(run->c->pool, cell->text, cell->len);
    tally->value = kiss_quote(run->c->pool, value->text, value->len);
}

void import_remark_cell(import_run *run, import_remarks *remarks, const import_value *value, int k, const char *column,
                        const csv_cell *cell)
{
    int i;

    for (i = 0; i < IMPORT_REMARKS; i++) {
        if (value->remarks & 1U << i) {
            count(run, &remarks->of[i], value, column, cell);
        }
    }
    if (value->remarks & 1U << IMPORT_MAYBE_POINT) {
        count(run, &remarks->columns[k].point, value, column, cell);
    }
    if (value->remarks & 1U << IMPORT_MAYBE_COMMA) {
        count(run, &remarks->columns[k].comma, value, column, cell);
    }
    remarks->columns[k].points += value->remarks >> IMPORT_POINT & 1;
    remarks->columns[k].commas += value->remarks >> IMPORT_COMMA & 1;
}

/** The text of a note, after the number. */
static const struct {
    import_remark remark;
    const char *one, *many;
    int cell, value;                /* the first cell, and what was made of it, are shown */
} sentences[] = {
    {IMPORT_ROUNDED, "value has more decimals than are kept and is rounded",
     "values have more decimals than are kept and are rounded", 1, 1},
    {IMPORT_CUT, "text is too long and is cut", "texts are too long and are cut", 1, 0},
    {IMPORT_ZERO, "price is 0", "prices are 0", 0, 0},
    {IMPORT_SMALL, "percentage lies between 0 and 1: write 7.5 if 7.5 % is meant",
     "percentages lie between 0 and 1: write 7.5 if 7.5 % is meant", 1, 0},
    {IMPORT_CHECK_DIGIT, "barcode has a wrong check digit", "barcodes have a wrong check digit", 1, 0},
    {IMPORT_LOST_ZERO, "barcode seems to have lost its leading zeros", "barcodes seem to have lost their leading zeros", 1,
     0},
    {IMPORT_ERROR_VALUE, "text is what a spreadsheet shows for an error",
     "texts are what a spreadsheet shows for an error", 1, 0},
    {IMPORT_SHORT_ROW, "row ends early: the cells that it lacks are taken as empty",
     "rows end early: the cells that they lack are taken as empty", 0, 0},
};

/** "first in line 3, column Name: 'x' becomes 'y'" */
static const char *place(apr_pool_t *p, const import_tally *tally, int cell, int value)
{
    return apr_psprintf(p, "%s line %ld%s%s%s%s%s%s", tally->n == 1 ? "in" : "first in", tally->line,
                        tally->column ? ", column " : "", tally->column ? tally->column : "", cell ? ": " : "",
                        cell ? tally->cell : "", value ? " becomes " : "", value ? tally->value : "");
}

/** Adds up the numbers of the columns that do not prove what separates their decimals. */
static import_tally unproven(const import_remarks *remarks, import_remark maybe)
{
    import_tally sum = {0};
    int k;

    for (k = 0; k < IMPORT_MAX_COLUMNS; k++) {
        int point = maybe == IMPORT_MAYBE_POINT;
        const import_tally *tally = point ? &remarks->columns[k].point : &remarks->columns[k].comma;
        apr_uint64_t n = sum.n + tally->n;

        if (tally->n == 0 || (point ? remarks->columns[k].points : remarks->columns[k].commas) >= PROOF) {
            continue;
        }
        if (sum.n == 0 || tally->line < sum.line) {
            sum = *tally;
        }
        sum.n = n;
    }
    return sum;
}

/** 1.200 is read as a decimal, unless the file shows that it separates thousands, or decimals by something else. */
static void judge_thousands(import_run *run, const import_part *part, const import_remarks *remarks, import_remark maybe,
                            import_remark against)
{
    const import_tally *tally = &remarks->of[maybe], *proof = &remarks->of[IMPORT_THOUSANDS];
    import_remark mixed = maybe == IMPORT_MAYBE_POINT ? IMPORT_MAYBE_COMMA : IMPORT_MAYBE_POINT;
    import_tally said = unproven(remarks, maybe);

    proof = proof->n ? proof : remarks->of[against].n ? &remarks->of[against] : &remarks->of[mixed];
    if (tally->n > 0 && proof->n > 0) {
        import_fault(run, part, tally->line, tally->column, "%s may be a decimal or thousands (%" APR_UINT64_T_FMT
                     " such cell%s), and %s in line %ld%s shows that the file writes numbers in another way: write all of "
                     "them like 1234.56", tally->cell, tally->n, KISS_PLURAL_S(tally->n), proof->cell, proof->line,
                     proof->column ? apr_psprintf(run->c->pool, ", column %s,", proof->column) : "");
    }
    else if (said.n > 0) {
        import_note(run, "%s: %" APR_UINT64_T_FMT " number%s with three decimals (%s, read as %s): if %s thousands, write "
                    "%s without the separator", part->shown, said.n, KISS_PLURAL_S(said.n), place(run->c->pool, &said, 1, 0),
                    said.value, said.n == 1 ? "it means" : "they mean", said.n == 1 ? "it" : "them");
    }
}

void import_remark_end(import_run *run, const import_part *part, const import_remarks *remarks, int comma)
{
    apr_size_t i;

    for (i = 0; i < sizeof(sentences) / sizeof(*sentences); i++) {
        const import_tally *tally = &remarks->of[sentences[i].remark];

        if (tally->n > 0) {
            import_note(run, "%s: %" APR_UINT64_T_FMT " %s (%s)", part->shown, tally->n,
                        tally->n == 1 ? sentences[i].one : sentences[i].many,
                        place(run->c->pool, tally, sentences[i].cell, sentences[i].value));
        }
    }
    judge_thousands(run, part, remarks, IMPORT_MAYBE_POINT, IMPORT_COMMA);
    if (comma) {
        judge_thousands(run, part, remarks, IMPORT_MAYBE_COMMA, IMPORT_POINT);
    }
}
