/* SPDX-License-Identifier: Apache-2.0 */
/**
 * import_stage - from a CSV file into a temporary table, row by row, in batches of bound arrays.
 *
 * Bound arrays, not LOAD DATA LOCAL: that is only a little faster, the server may forbid it (local_infile), and it
 * turns errors into warnings. InnoDB, not Aria, for the temporary tables: their keys are looked up four times as fast.
 */
#include "import_stage.h"

#include <string.h>

#include <apr_file_io.h>
#include <apr_strings.h>

#include "csv.h"
#include "ctl_db.h"
#include "ctl_file.h"
#include "ctl_message.h"
#include "import_fault.h"
#include "import_header.h"
#include "import_progress.h"
#include "import_remark.h"
#include "import_sql.h"
#include "lib/import/import_value.h"

#define BATCH_ROWS 1000
#define BATCH_BYTES (512 * 1024)            /* well under any max_allowed_packet */

/** The file being read. */
typedef struct {
    apr_file_t *file;
    apr_uint64_t bytes;
} source;

/** The statement and one batch for it. */
typedef struct {
    import_run *run;
    import_part *part;
    import_digest *digest;                  /* rows go there instead; NULL: into a table */
    MYSQL_STMT *stmt;
    import_header header;                   /* the columns that the file has */
    const char *constants[IMPORT_MAX_COLUMNS];  /* of the file's columns: what one that the header lacks gets; NULL: none */
    int cells[IMPORT_MAX_COLUMNS];          /* of the file's columns: its place in the header, or -1 */
    import_reading how;
    import_remarks remarks;
    MYSQL_BIND bind[IMPORT_MAX_COLUMNS + 1];
    long long lines[BATCH_ROWS];
    char *texts[IMPORT_MAX_COLUMNS][BATCH_ROWS];
    unsigned long lengths[IMPORT_MAX_COLUMNS][BATCH_ROWS];
    char indicators[IMPORT_MAX_COLUMNS][BATCH_ROWS];
    apr_pool_t *pool;                       /* texts of the batch */
    unsigned int rows;
    apr_size_t bytes;
    apr_uint64_t absent;                    /* columns with one of `constants`: a bit for each of the file's columns */
    int width;                              /* cells of the header */
    struct {
        long line;
        int rows, cells;                    /* cells are counted without the first of each row */
        int in_text, divided;               /* as one row, the last of them ends in a text, and so do all before it */
    } run_of_short;                         /* rows one after the other that end early */
} stager;

static apr_status_t read_source(void *ctx, char *buf, apr_size_t *len)
{
    source *s = ctx;
    apr_status_t rv = apr_file_read(s->file, buf, len);

    s->bytes += rv == APR_SUCCESS ? *len : 0;
    return rv;
}

/**
 * How the temporary table keeps a column that is not simply like the table's: one that is filled or has its default
 * only later must be able to be empty, and so must a reference that could not be read. NULL: like the table's.
 */
static const char *own_type(apr_pool_t *p, const import_column *column)
{
    switch (column->type) {
    case IMPORT_INT:
        if (!column->fills[0].file && !column->parent && !(column->flags & IMPORT_HIDDEN)) {
            return NULL;
        }
        return column->size == 4 ? "INT NULL" : "BIGINT NULL";
    case IMPORT_TIME:
        return (column->flags & (IMPORT_CREATED | IMPORT_UPDATED)) ? "DATETIME(3) NULL" : NULL;
    default:
        return (column->flags & IMPORT_STAGED)
            ? apr_psprintf(p, "VARCHAR(%d) CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin NULL", column->size) : NULL;
    }
}

int import_make_stage(import_run *run, const import_part *part)
{
    const import_file *def = part->def;
    apr_pool_t *p = run->c->pool;
    const char *columns = "", *own = "";
    const import_column *column;

    for (column = def->columns; column->csv; column++) {
        /* A key is never empty, but one that is filled. */
        int fixed = (column->flags & IMPORT_KEY) && !(column->flags & IMPORT_HIDDEN);
        const char *type = fixed ? NULL : own_type(p, column);

        if (type) {
            own = apr_pstrcat(p, own, ", ", column->db, " ", type, NULL);
        }
        if (column->flags & IMPORT_UNIQUE) {
            own = apr_pstrcat(p, own, ", KEY (", column->db, ")", NULL);
        }
        if (!(column->flags & IMPORT_STAGED)) {
            columns = apr_pstrcat(p, columns, ", ", column->db, NULL);
        }
    }
    return ctl_db_exec(run->c, apr_pstrcat(p, "CREATE TEMPORARY TABLE ", part->stage,
                                           " (line BIGINT UNSIGNED NOT NULL", own, ", KEY by_key (",
                                           import_keys(p, def, "", NULL), ", line)) ENGINE=InnoDB SELECT 0 AS line",
                                           columns, " FROM ", def->table, " LIMIT 0", NULL));
}

/**
 * Finds what each column of the file is to have: a cell, or what an empty cell would be. With neither it gets the table's
 * default; with --keep-absent what the table has takes the place of the latter (import_fill.c).
 */
static void find_cells(stager *st)
{
    const import_column *columns = st->part->def->columns;
    import_value value;
    int i, k;

    for (i = 0; columns[i].csv; i++) {
        st->cells[i] = -1;
        for (k = 0; k < st->header.n; k++) {
            st->cells[i] = st->header.columns[k] == &columns[i] ? k : st->cells[i];
        }
        if ((st->part->absent >> i & 1) && !(columns[i].flags & (IMPORT_OPTIONAL | IMPORT_HIDDEN | IMPORT_STAGED))) {
            import_value_check(&value, &columns[i], &st->how, "", 0, st->run->c->pool);
            st->constants[i] = value.null ? NULL : apr_pstrmemdup(st->run->c->pool, value.text, value.len);
            st->absent |= APR_UINT64_C(1) << i;
        }
    }
}

/** A failure of the statement. Where rows go straight into their tables, the temporary table will show what is wrong. */
static int statement_failed(stager *st)
{
    st->run->again = st->run->direct;
    return import_stopped() || st->run->direct ? CTL_FAILED : ctl_db_stmt_error(st->run->c, st->stmt, st->part->shown);
}

/** Prepares the statement for the columns that the file has; the others take the table's default. */
static int prepare(stager *st)
{
    apr_pool_t *p = st->run->c->pool;
    const char *columns = "", *marks = "", *sql;
    const import_header *h = &st->header;
    int i, n = 0;

    if (!st->run->direct) {
        columns = "line";
        marks = "?";
        st->bind[n].buffer_type = MYSQL_TYPE_LONGLONG;
        st->bind[n++].buffer = st->lines;
    }
    for (i = 0; i < h->n; i++, n++) {
        columns = apr_pstrcat(p, columns, *columns ? ", " : "", h->columns[i]->db, NULL);
        marks = apr_pstrcat(p, marks, *marks ? ", ?" : "?", NULL);
        st->bind[n].buffer_type = MYSQL_TYPE_STRING;
        st->bind[n].buffer = st->texts[i];
        st->bind[n].length = st->lengths[i];
        st->bind[n].u.indicator = st->indicators[i];
    }
    for (i = 0; st->part->def->columns[i].csv; i++) {
        if (st->absent >> i & 1) {
            columns = apr_pstrcat(p, columns, ", ", st->part->def->columns[i].db, NULL);
            marks = st->constants[i] ? apr_pstrcat(p, marks, ", '", st->constants[i], "'", NULL)
                : apr_pstrcat(p, marks, ", NULL", NULL);
        }
    }
    sql = apr_pstrcat(p, "INSERT INTO ", st->part->stage, " (", columns, ") VALUES (", marks, ")", NULL);
    return mysql_stmt_prepare(st->stmt, sql, strlen(sql)) ? statement_failed(st) : CTL_OK;
}

static int send_batch(stager *st)
{
    if (st->rows == 0) {
        return CTL_OK;
    }
    if (!st->digest && (mysql_stmt_attr_set(st->stmt, STMT_ATTR_ARRAY_SIZE, &st->rows)
                        || mysql_stmt_bind_param(st->stmt, st->bind) || mysql_stmt_execute(st->stmt))) {
        return statement_failed(st);
    }
    st->rows = 0;
    st->bytes = 0;
    apr_pool_clear(st->pool);
    return CTL_OK;
}

/** Checks one cell and puts its value into the batch. @return 1, or 0 when it is bad */
static int add_cell(stager *st, int k, const csv_cell *cell)
{
    const import_column *column = st->header.columns[k];
    const char *name = st->header.names[k], *error;
    import_value value;

    error = import_value_check(&value, column, &st->how, cell->error ? "" : cell->text, cell->error ? 0 : cell->len,
                               st->pool);
    if (cell->error) {
        import_fault(st->run, st->part, cell->error_line, name, "%s", cell->error);
    }
    else if (error) {
        import_fault(st->run, st->part, cell->line, name, "%s", error);
    }
    if (value.remarks && !cell->error) {
        import_remark_cell(st->run, &st->remarks, &value, k, name, cell);
    }
    st->indicators[k][st->rows] = value.null ? STMT_INDICATOR_NULL : value.fallback ? STMT_INDICATOR_DEFAULT
        : STMT_INDICATOR_NONE;
    /* What is a part of the cell goes with the next record. */
    st->texts[k][st->rows] = value.text >= cell->text && value.text <= cell->text + cell->len
        ? apr_pmemdup(st->pool, value.text, value.len + 1) : (char *)value.text;
    st->lengths[k][st->rows] = value.len;
    st->bytes += value.len;
    return !cell->error && !error;
}

/** Whether a cell of the file holds text in which a line break may occur. */
static int is_text(const stager *st, int cell)
{
    int k;

    for (k = 0; k < st->header.n && st->header.cell_of[k] != cell; k++) {
    }
    return k == st->header.n
        || (st->header.columns[k]->type == IMPORT_TEXT && !(st->header.columns[k]->flags & IMPORT_TRIM));
}

/**
 * Judges rows that end early, at the first row after them or (`row` NULL) at the end. Cells left off are empty ones; but
 * rows which together have just the cells of one, broken off in texts, may as well be one that line breaks divide.
 */
static void judge_short_rows(stager *st, const csv_row *row)
{
    if (row && row->missing > 0) {
        st->run_of_short.divided = st->run_of_short.rows ? st->run_of_short.divided && st->run_of_short.in_text : 1;
        st->run_of_short.line = st->run_of_short.rows++ ? st->run_of_short.line : row->line;
        st->run_of_short.cells += row->n - row->missing - 1;
        st->run_of_short.in_text = is_text(st, st->run_of_short.cells);
        import_remark_row(&st->remarks, IMPORT_SHORT_ROW, row->line);
        return;
    }
    if (st->run_of_short.rows > 1 && st->run_of_short.divided && st->run_of_short.cells == st->width - 1) {
        import_fault(st->run, st->part, st->run_of_short.line, NULL, "this row and the next %s have together the cells of "
                     "one: is there a line break in a cell without quotes? If not, write the empty cells at their ends",
                     st->run_of_short.rows == 2 ? "one" : apr_itoa(st->run->c->pool, st->run_of_short.rows - 1));
    }
    memset(&st->run_of_short, 0, sizeof(st->run_of_short));
}

/** Is the last row, of several, the one that ends early? */
static int ends_within_row(const stager *st)
{
    return st->run_of_short.rows == 1 && st->part->rows > 1 && st->remarks.of[IMPORT_SHORT_ROW].n == 1;
}

/** Names what is wrong with a record as a whole, and with its cells. */
static void blame_row(stager *st, const csv_row *row)
{
    int k;

    import_fault(st->run, st->part, row->line, NULL, "%s", row->error);
    for (k = 0; k < row->n; k++) {
        if (row->cells[k].error) {
            import_fault(st->run, st->part, row->cells[k].error_line, NULL, "cell %d: %s", k + 1, row->cells[k].error);
        }
    }
}

/** Adds the row of the batch that is complete to the digest. */
static void digest_row(stager *st)
{
    const import_column *columns = st->part->def->columns;
    int i;

    for (i = 0; columns[i].csv; i++) {
        int k = st->cells[i];

        if (k >= 0) {
            import_digest_value(st->digest, &columns[i],
                                st->indicators[k][st->rows] == STMT_INDICATOR_NULL ? NULL : st->texts[k][st->rows],
                                st->lengths[k][st->rows]);
        }
        else if (!st->run->keep_absent) {
            import_digest_value(st->digest, &columns[i], st->constants[i], st->constants[i] ? strlen(st->constants[i]) : 0);
        }
    }
    import_digest_row(st->digest);
}

/** Adds a record. One with bad cells is added too, if its key is good, so that references to it are judged rightly. */
static int add_row(stager *st, const csv_row *row)
{
    const import_header *h = &st->header;
    int k, key_good = !row->error;

    st->part->rows++;
    if (row->error) {
        blame_row(st, row);
    }
    if (row->missing > 0 || st->run_of_short.rows > 0) {
        judge_short_rows(st, row);
    }
    for (k = 0; k < h->n && !row->error; k++) {
        if (!add_cell(st, k, &row->cells[h->cell_of[k]]) && (h->columns[k]->flags & IMPORT_KEY)) {
            key_good = 0;
        }
    }
    if (!key_good) {
        st->part->keys_lost++;
        return CTL_OK;
    }
    if (st->digest) {
        digest_row(st);
    }
    st->lines[st->rows++] = row->line;
    return st->rows == BATCH_ROWS || st->bytes > BATCH_BYTES ? send_batch(st) : CTL_OK;
}

static int read_rows(stager *st, csv_reader *reader, source *in)
{
    csv_status status;
    csv_row row;
    long line;

    status = csv_next(reader, &row);
    if (status == CSV_END) {
        import_fault(st->run, st->part, 0, NULL, "is empty: a header row is expected");
        st->part->unread = 1;
        st->part->keys_lost++;
        return CTL_OK;
    }
    st->width = row.n;
    st->how.comma = csv_delimiter(reader) == ';';
    st->how.cut = st->run->cut;
    if (status == CSV_ROW && !import_header_read(st->run, st->part, &row, &st->header)) {
        st->part->unread = 1;
        st->part->keys_lost++;
        return CTL_OK;
    }
    if (status == CSV_ROW) {
        find_cells(st);
        if (!st->digest && prepare(st) != CTL_OK) {
            return CTL_FAILED;
        }
    }
    while (status == CSV_ROW && (status = csv_next(reader, &row)) == CSV_ROW) {
        if (import_stopped() || add_row(st, &row) != CTL_OK) {
            return CTL_FAILED;
        }
        if (st->part->rows % 256 == 0) {
            ctl_db_alive(st->run->c);
            import_progress(st->run, st->part, IMPORT_READING, in->bytes);
        }
    }
    if (status == CSV_FAILED) {
        const char *why = csv_failure(reader, &line);

        import_fault(st->run, st->part, line, NULL, "%s", why);
        st->part->unread = 1;
        st->part->keys_lost++;
    }
    if (status == CSV_END && csv_unended(reader) && ends_within_row(st)) {
        import_fault(st->run, st->part, st->run_of_short.line, NULL, "the last row ends early, as no other does, and its "
                                                                     "line "
                     "has no end: the file was cut off. If it is whole, write the row's empty cells");
        st->part->keys_lost++;
    }
    else if (status == CSV_END && csv_unended(reader)) {
        import_note(st->run, "%s: the last line has no line end: was the file cut off?", st->part->shown);
    }
    judge_short_rows(st, NULL);
    import_remark_end(st->run, st->part, &st->remarks, st->how.comma);
    return send_batch(st);
}

static int read_file(import_run *run, import_part *part, import_digest *digest)
{
    apr_pool_t *p;
    source in = {NULL, 0};
    apr_status_t rv;
    stager *st;
    int rc;

    import_progress(run, part, IMPORT_READING, 0);
    apr_pool_create(&p, run->c->pool);
    st = apr_pcalloc(p, sizeof(*st));
    st->run = run;
    st->part = part;
    st->digest = digest;
    apr_pool_create(&st->pool, p);
    st->stmt = mysql_stmt_init(run->c->db);
    rv = ctl_file_open(&in.file, part->path, p);
    if (!st->stmt) {
        rc = ctl_fail("out of memory");
    }
    else if (rv != APR_SUCCESS) {
        rc = ctl_fail("%s %s", part->path, ctl_file_failure(rv, p));
    }
    else {
        rc = CTL_OK;
    }
    if (rc == CTL_OK) {
        rc = read_rows(st, csv_open(read_source, &in, p), &in);
    }
    if (st->stmt) {
        mysql_stmt_close(st->stmt);
    }
    apr_pool_destroy(p);
    return rc;
}

int import_stage(import_run *run, import_part *part)
{
    if (!run->direct && import_make_stage(run, part) != CTL_OK) {
        return CTL_FAILED;
    }
    return part->unread ? CTL_OK : read_file(run, part, NULL);
}

int import_digest_file(import_run *run, import_part *part, import_digest *digest)
{
    return read_file(run, part, digest);
}
