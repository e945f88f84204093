/**
 * import_stage - from a CSV file into a temporary table, row by row, in batches of bound arrays.
 *
 * Bound arrays, not LOAD DATA LOCAL: that is only a little faster, the server may forbid it (local_infile), and it
 * turns errors into warnings. InnoDB, not Aria, for the temporary tables: their keys are looked up four times as fast.
 */
#include "import.h"

#include <string.h>

#include <apr_file_io.h>
#include <apr_strings.h>

#include "csv.h"
#include "ctl_db.h"
#include "ctl_out.h"

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
    MYSQL_STMT *stmt;
    int n;                                  /* columns, without the line number */
    int cell_of[IMPORT_MAX_COLUMNS];        /* where each stands in the file */
    MYSQL_BIND bind[IMPORT_MAX_COLUMNS + 1];
    long long lines[BATCH_ROWS];
    char *texts[IMPORT_MAX_COLUMNS][BATCH_ROWS];
    unsigned long lengths[IMPORT_MAX_COLUMNS][BATCH_ROWS];
    char indicators[IMPORT_MAX_COLUMNS][BATCH_ROWS];
    apr_pool_t *pool;                       /* texts of the batch */
    unsigned int rows;
    apr_size_t bytes;
} stager;

static apr_status_t read_source(void *ctx, char *buf, apr_size_t *len)
{
    source *s = ctx;
    apr_status_t rv = apr_file_read(s->file, buf, len);

    s->bytes += rv == APR_SUCCESS ? *len : 0;
    return rv;
}

/** Makes the temporary table: the same columns, and the line each row came from. */
static int make_table(stager *st)
{
    const import_file *def = st->part->def;
    apr_pool_t *p = st->run->c->pool;
    const char *columns = "", *marks = "?", *sql;
    int i;

    for (i = 0; i < st->n; i++) {
        columns = apr_pstrcat(p, columns, ", ", def->columns[i].db, NULL);
        marks = apr_pstrcat(p, marks, ", ?", NULL);
    }
    sql = apr_pstrcat(p, "CREATE TEMPORARY TABLE ", st->part->stage, " (line BIGINT UNSIGNED NOT NULL, KEY by_key (",
                      import_keys(p, def, "", NULL), ", line)) ENGINE=InnoDB SELECT 0 AS line", columns,
                      " FROM ", def->table, " LIMIT 0", NULL);
    if (ctl_db_exec(st->run->c, sql) != CTL_OK) {
        return CTL_FAILED;
    }
    sql = apr_pstrcat(p, "INSERT INTO ", st->part->stage, " (line", columns, ") VALUES (", marks, ")", NULL);
    if (mysql_stmt_prepare(st->stmt, sql, strlen(sql))) {
        return ctl_db_stmt_error(st->run->c, st->stmt, st->part->def->file);
    }
    st->bind[0].buffer_type = MYSQL_TYPE_LONGLONG;
    st->bind[0].buffer = st->lines;
    for (i = 0; i < st->n; i++) {
        st->bind[i + 1].buffer_type = MYSQL_TYPE_STRING;
        st->bind[i + 1].buffer = st->texts[i];
        st->bind[i + 1].length = st->lengths[i];
        st->bind[i + 1].u.indicator = st->indicators[i];
    }
    return CTL_OK;
}

static int send_batch(stager *st)
{
    if (st->rows == 0) {
        return CTL_OK;
    }
    if (mysql_stmt_attr_set(st->stmt, STMT_ATTR_ARRAY_SIZE, &st->rows) || mysql_stmt_bind_param(st->stmt, st->bind)
        || mysql_stmt_execute(st->stmt)) {
        return import_stopped() ? CTL_FAILED : ctl_db_stmt_error(st->run->c, st->stmt, st->part->def->file);
    }
    st->rows = 0;
    st->bytes = 0;
    apr_pool_clear(st->pool);
    return CTL_OK;
}

/** Finds each column in the header. @return 1, or 0 when the file cannot be read by columns */
static int read_header(stager *st, const csv_row *row)
{
    import_run *run = st->run;
    int i, k, ok = 1;

    for (k = 0; k < st->n; k++) {
        st->cell_of[k] = -1;
    }
    for (i = 0; i < row->n; i++) {
        const csv_cell *cell = &row->cells[i];

        if (cell->error) {
            import_fault(run, st->part, cell->error_line, NULL, "header: %s", cell->error);
            return 0;
        }
        for (k = 0; k < st->n && strcmp(st->part->def->columns[k].csv, cell->text) != 0; k++) {
        }
        if (k == st->n) {
            import_note(run, "%s: column %s is not known: skipped", st->part->def->file,
                        ctl_out_quote(run->c->pool, cell->text, cell->len));
        }
        else if (st->cell_of[k] >= 0) {
            import_fault(run, st->part, cell->line, cell->text, "stands twice in the header");
            ok = 0;
        }
        else {
            st->cell_of[k] = i;
        }
    }
    for (k = 0; k < st->n; k++) {
        if (st->cell_of[k] < 0) {
            import_fault(run, st->part, row->line, st->part->def->columns[k].csv, "is missing%s",
                         row->n == 1 && strpbrk(row->cells[0].text, ";\t|")
                         ? ": cells must be separated by commas" : "");
            ok = 0;
        }
    }
    return ok;
}

/** Checks one cell and puts its value into the batch. @return 1, or 0 when it is bad */
static int add_cell(stager *st, int k, const csv_cell *cell)
{
    const import_column *column = &st->part->def->columns[k];
    import_value value;
    const char *error = import_value_check(&value, column, cell->error ? "" : cell->text, cell->error ? 0 : cell->len,
                                           st->pool);

    if (cell->error) {
        import_fault(st->run, st->part, cell->error_line, column->csv, "%s", cell->error);
    }
    else if (error) {
        import_fault(st->run, st->part, cell->line, column->csv, "%s", error);
    }
    st->indicators[k][st->rows] = value.null ? STMT_INDICATOR_NULL : STMT_INDICATOR_NONE;
    st->texts[k][st->rows] = value.text == cell->text ? apr_pmemdup(st->pool, value.text, value.len + 1)
        : (char *)value.text;
    st->lengths[k][st->rows] = value.len;
    st->bytes += value.len;
    return !cell->error && !error;
}

/** Adds a record. One with bad cells is added too, if its key is good, so that references to it are judged rightly. */
static int add_row(stager *st, const csv_row *row)
{
    int k, key_good = !row->error;

    st->part->rows++;
    if (row->error) {
        import_fault(st->run, st->part, row->line, NULL, "%s", row->error);
        for (k = 0; k < row->n; k++) {
            if (row->cells[k].error) {
                import_fault(st->run, st->part, row->cells[k].error_line, NULL, "cell %d: %s", k + 1,
                             row->cells[k].error);
            }
        }
    }
    for (k = 0; k < st->n && !row->error; k++) {
        if (!add_cell(st, k, &row->cells[st->cell_of[k]]) && (st->part->def->columns[k].flags & IMPORT_KEY)) {
            key_good = 0;
        }
    }
    if (!key_good) {
        st->part->keys_lost++;
        return CTL_OK;
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
        st->part->keys_lost++;
        return CTL_OK;
    }
    if (status == CSV_ROW && !read_header(st, &row)) {
        st->part->keys_lost++;
        return CTL_OK;
    }
    while (status == CSV_ROW && (status = csv_next(reader, &row)) == CSV_ROW) {
        if (import_stopped() || add_row(st, &row) != CTL_OK) {
            return CTL_FAILED;
        }
        if (st->part->rows % 256 == 0) {
            import_progress(st->run, st->part, "reading", in->bytes);
        }
    }
    if (status == CSV_FAILED) {
        const char *why = csv_failure(reader, &line);

        import_fault(st->run, st->part, line, NULL, "%s", why);
        st->part->keys_lost++;
    }
    return send_batch(st);
}

int import_stage(import_run *run, import_part *part)
{
    apr_pool_t *p;
    source in = {NULL, 0};
    apr_status_t rv;
    stager *st;
    int rc;

    run->file_started = apr_time_now();
    apr_pool_create(&p, run->c->pool);
    st = apr_pcalloc(p, sizeof(*st));
    st->run = run;
    st->part = part;
    while (part->def->columns[st->n].csv) {
        st->n++;
    }
    apr_pool_create(&st->pool, p);
    st->stmt = mysql_stmt_init(run->c->db);
    rv = apr_file_open(&in.file, part->path, APR_FOPEN_READ, APR_OS_DEFAULT, p);
    if (!st->stmt) {
        rc = ctl_fail("out of memory");
    }
    else if (rv != APR_SUCCESS) {
        rc = ctl_fail("cannot open %s: %s", part->path, apr_psprintf(p, "%pm", &rv));
    }
    else {
        rc = make_table(st);
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
