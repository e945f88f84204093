/* SPDX-License-Identifier: Apache-2.0 */
/**
 * import_header - finds each column in the header row of a file.
 */
#include "import_header.h"

#include <string.h>

#include <apr_strings.h>

#include "ctl_out.h"
#include "import_fault.h"
#include "import_map.h"
#include "lib/base/plural.h"
#include "lib/base/quote.h"
#include "lib/import/import_text.h"

/** Names of columns that a note spells out; more are counted. */
#define NAMES 8

/** A list of names for a note. */
typedef struct {
    const char *text;
    int n;
} names;

static void add_name(apr_pool_t *p, names *list, const char *name)
{
    if (list->n++ < NAMES) {
        list->text = apr_pstrcat(p, list->n == 1 ? "" : list->text, list->n == 1 ? "" : ", ", name, NULL);
    }
}

static const char *names_text(apr_pool_t *p, const names *list)
{
    return list->n <= NAMES ? list->text : apr_psprintf(p, "%s and %d more", list->text, list->n - NAMES);
}

/** Takes one name of the header. @return 1, or 0 when the file cannot be read by columns */
static int read_name(import_run *run, import_part *part, import_header *h, const csv_cell *cell, int at, names *unknown)
{
    apr_pool_t *p = run->c->pool;
    import_map_rule *rule = import_map_find(run->map, part->def, cell->text, cell->len);
    const import_column *column;
    int k;

    if (rule && !rule->ours) {
        return 1;
    }
    column = rule ? import_column_named(part->def, rule->ours, strlen(rule->ours))
        : import_column_named(part->def, cell->text, cell->len);
    if (!column) {
        add_name(p, unknown, kiss_quote(p, cell->text, cell->len));
        return 1;
    }
    for (k = 0; k < h->n; k++) {
        if (h->columns[k] == column) {
            import_fault(run, part, cell->line, column->csv, "stands twice in the header, the second time as %s%s",
                         kiss_quote(p, cell->text, cell->len),
                         run->map ? ": 'THEIR COLUMN =' in the map skips one" : "");
            return 0;
        }
    }
    h->columns[h->n] = column;
    h->names[h->n] = rule ? kiss_quote(p, cell->text, cell->len) : column->csv;
    h->cell_of[h->n++] = at;
    return 1;
}

/** Whether the header may lack the column; `keep`: what it has in the table stays. */
static int may_lack(const import_column *column, int keep)
{
    return (column->flags & (IMPORT_OPTIONAL | IMPORT_HIDDEN | IMPORT_ABSENT)) || (keep && !(column->flags & IMPORT_KEY));
}

/** Columns that the file does not have: faults, or one note about all of them. @return 1 or 0 */
static int judge_missing(import_run *run, import_part *part, const import_header *h, long line)
{
    const import_column *column;
    names lacking = {"", 0};
    int k, ok = 1;

    for (column = part->def->columns; column->csv; column++) {
        for (k = 0; k < h->n && h->columns[k] != column; k++) {
        }
        if (k < h->n || (column->flags & IMPORT_HIDDEN)) {
            continue;
        }
        part->absent |= (apr_uint64_t)1 << (column - part->def->columns);
        if (!may_lack(column, run->keep_absent)) {
            import_fault(run, part, line, column->csv, "is missing%s", ok && !(column->flags & IMPORT_KEY)
                         ? " (with --keep-absent what the table has would stay)" : "");
            ok = 0;
        }
        else if (run->keep_absent && (column->flags & IMPORT_KEY)) {
            import_fault(run, part, line, column->csv, "is missing, and --keep-absent cannot keep it: rows are told apart"
                         " by it");
            ok = 0;
        }
        else if (!(column->flags & (IMPORT_STAGED | IMPORT_CREATED | IMPORT_UPDATED)) && !column->fills[0].file) {
            add_name(run->c->pool, &lacking, column->csv);
        }
    }
    if (ok && lacking.n > 0 && !run->keep_absent) {
        import_note(run, "%s: without the column%s %s every row gets the default there; --keep-absent leaves it as it is",
                    part->shown, KISS_PLURAL_S(lacking.n), names_text(run->c->pool, &lacking));
    }
    return ok;
}

/** Columns that the map promises. @return 1, or 0 when the file lacks one */
static int judge_map(import_run *run, import_part *part, const csv_row *row)
{
    import_map_rule *rule;
    int i, k, ok = 1;

    for (i = 0; (rule = import_map_rule_at(run->map, part->def, i)); i++) {
        for (k = 0; k < row->n && !import_same_name(rule->theirs, strlen(rule->theirs), row->cells[k].text,
                                                    row->cells[k].len); k++) {
        }
        if (k == row->n) {
            import_fault(run, part, row->line, NULL, "lacks the column %s of line %d of the map",
                         kiss_quote(run->c->pool, rule->theirs, strlen(rule->theirs)), rule->line);
            ok = 0;
        }
    }
    return ok;
}

int import_header_read(import_run *run, import_part *part, const csv_row *row, import_header *header)
{
    names unknown = {"", 0};
    int i, ok = 1;

    header->n = 0;
    for (i = 0; i < row->n; i++) {
        if (row->cells[i].error) {
            import_fault(run, part, row->cells[i].error_line, NULL, "header: %s", row->cells[i].error);
            return 0;
        }
        ok = read_name(run, part, header, &row->cells[i], i, &unknown) && ok;
    }
    if (header->n == 0) {
        import_fault(run, part, row->line, NULL, "the header names no column that is known, but %s",
                     names_text(run->c->pool, &unknown));
        return 0;
    }
    if (unknown.n > 0) {
        import_note(run, "%s: column%s %s %s not known: skipped", part->shown, KISS_PLURAL_S(unknown.n),
                    names_text(run->c->pool, &unknown), unknown.n == 1 ? "is" : "are");
    }
    ok = judge_map(run, part, row) && ok;
    return judge_missing(run, part, header, row->line) && ok;
}
