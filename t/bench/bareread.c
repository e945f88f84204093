/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bareread - the floor for a list's time: its rows read from the database and thrown away.
 *
 * Runs the statements that the module derives from its tables, over one connection that stays open, and does nothing
 * with the rows: no JSON, no file, no HTTP. Started by t/bench/run and t/bench/peers.
 *
 *     bareread DEFAULTS-FILE PRICE-LIST WAREHOUSE
 *
 * Reads paths of lists ("/products") from standard input, one a line; answers each with a line "MILLISECONDS ROWS".
 * The connection's options are in group [bareread] of the file.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <apr_general.h>
#include <mysql.h>

#include "lib/api/customer.h"
#include "lib/api/list_plan.h"
#include "lib/api/plan.h"

/* As in the module: a cell has at most 65535 bytes, a number or date less than 64. */
#define MAX_CELL 65535
#define MIN_CELL 64
#define MAX_STATEMENTS 128

static MYSQL *db;
static MYSQL_STMT *prepared[MAX_STATEMENTS];
static MYSQL_BIND *bound[MAX_STATEMENTS];
static const char *terms[KISS_TERMS];
static const kiss_plan *plan;

static void die(const char *what, const char *why)
{
    fprintf(stderr, "bareread: %s: %s\n", what, why);
    exit(1);
}

static void run_text(const char *sql)
{
    if (mysql_query(db, sql) != 0) {
        die(sql, mysql_error(db));
    }
}

/** A buffer for each column. Made once per statement: allocation is not what is measured. */
static MYSQL_BIND *make_bind(MYSQL_STMT *stmt, apr_pool_t *p)
{
    MYSQL_RES *meta = mysql_stmt_result_metadata(stmt);
    unsigned int n = mysql_num_fields(meta), i;
    MYSQL_BIND *bind = apr_pcalloc(p, n * sizeof(*bind));

    for (i = 0; i < n; i++) {
        unsigned long room = mysql_fetch_field_direct(meta, i)->length;

        room = room < MIN_CELL ? MIN_CELL : room > MAX_CELL ? MAX_CELL : room;
        bind[i].buffer_type = MYSQL_TYPE_STRING;
        bind[i].buffer = apr_palloc(p, room + 1);
        bind[i].buffer_length = room + 1;
        bind[i].length = apr_pcalloc(p, sizeof(*bind[i].length));
        bind[i].is_null = apr_pcalloc(p, sizeof(*bind[i].is_null));
        bind[i].error = apr_pcalloc(p, sizeof(*bind[i].error));
    }
    mysql_free_result(meta);
    return bind;
}

/** @return the number of a statement in its plan */
static apr_size_t place(const kiss_statement *s)
{
    apr_size_t i = s - plan->statements;

    if (i >= MAX_STATEMENTS) {
        die(s->text, "too many statements");
    }
    return i;
}

static MYSQL_STMT *prepare(const kiss_statement *s, apr_pool_t *p)
{
    apr_size_t i = place(s);

    if (!prepared[i]) {
        MYSQL_STMT *stmt = mysql_stmt_init(db);

        if (!stmt || mysql_stmt_prepare(stmt, s->text, strlen(s->text)) != 0) {
            die(s->text, stmt ? mysql_stmt_error(stmt) : "out of memory");
        }
        prepared[i] = stmt;
        bound[i] = make_bind(stmt, p);
    }
    return prepared[i];
}

/** Executes, fetches and drops all rows. @return their number */
static unsigned long read_all(const kiss_rowset *what, kiss_sql_part part, apr_pool_t *p)
{
    const kiss_statement *s = kiss_list_plan_find(plan, what, part);
    MYSQL_STMT *stmt = prepare(s, p);
    MYSQL_BIND args[KISS_MAX_BOUND];
    unsigned long rows = 0;
    int i, rv;

    memset(args, 0, sizeof(args));
    for (i = 0; i < s->bound; i++) {
        const char *value = i < s->terms ? terms[s->term[i]] : "";     /* from the first key on */

        args[i].buffer_type = MYSQL_TYPE_STRING;
        args[i].buffer = (void *)value;
        args[i].buffer_length = strlen(value);
    }
    if ((s->bound && mysql_stmt_bind_param(stmt, args) != 0) || mysql_stmt_execute(stmt) != 0
        || mysql_stmt_bind_result(stmt, bound[place(s)]) != 0) {
        die(s->text, mysql_stmt_error(stmt));
    }
    while ((rv = mysql_stmt_fetch(stmt)) == 0) {
        rows++;
    }
    if (rv != MYSQL_NO_DATA || mysql_stmt_free_result(stmt) != 0) {
        die(s->text, rv == MYSQL_DATA_TRUNCATED ? "a cell was cut" : mysql_stmt_error(stmt));
    }
    return rows;
}

/** One pass over a list: what is merged with its rows first, as the module does, but never range by range. */
static unsigned long pass(const kiss_rowset *rows, apr_pool_t *p)
{
    kiss_sql_part part = rows->driving_keys && !rows->if_short ? KISS_SQL_REST : KISS_SQL_WHOLE;
    const kiss_rowset *const *w;
    const kiss_column *c;
    unsigned long n = 0;

    run_text("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY");
    for (w = rows->semi_join; w && *w; w++) {
        n += read_all(*w, part, p);
    }
    for (c = rows->columns; c->name; c++) {
        n += c->rows ? read_all(c->rows, part, p) : 0;
    }
    n += read_all(rows, part, p);
    run_text("COMMIT");
    return n;
}

static const kiss_rowset *find_list(const char *path)
{
    const kiss_endpoint *e;

    for (e = kiss_customer_api.endpoints; e->path; e++) {
        if (e->run == KISS_RUN_LIST && strcmp(e->path, path) == 0) {
            return e->rows;
        }
    }
    die(path, "is not a list");
    return NULL;
}

static double now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

int main(int argc, const char *const *argv)
{
    const char *error;
    apr_pool_t *p;
    char path[64];

    if (argc != 4) {
        die("usage", "bareread DEFAULTS-FILE PRICE-LIST WAREHOUSE");
    }
    terms[KISS_TERM_PRICE_LIST] = argv[2];
    terms[KISS_TERM_WAREHOUSE] = argv[3];
    apr_initialize();
    atexit(apr_terminate);
    apr_pool_create(&p, NULL);
    if ((error = kiss_plan_make(&plan, &kiss_customer_api, p))) {
        die("tables", error);
    }
    db = mysql_init(NULL);
    mysql_options(db, MYSQL_READ_DEFAULT_FILE, argv[1]);
    mysql_options(db, MYSQL_READ_DEFAULT_GROUP, "bareread");
    mysql_options(db, MYSQL_SET_CHARSET_NAME, "utf8mb4");
    if (!mysql_real_connect(db, NULL, NULL, NULL, NULL, 0, NULL, 0)) {
        die("connect", mysql_error(db));
    }
    while (fgets(path, sizeof(path), stdin)) {
        const kiss_rowset *rows;
        unsigned long n;
        double start;

        path[strcspn(path, "\n")] = '\0';
        rows = find_list(path);
        start = now_ms();
        n = pass(rows, p);
        printf("%.3f %lu\n", now_ms() - start, n);
        fflush(stdout);
    }
    mysql_close(db);
    return 0;
}
