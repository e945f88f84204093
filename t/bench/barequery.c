/* SPDX-License-Identifier: Apache-2.0 */
/*
 * barequery - the floor for a page: one statement run over and over on open connections, its rows thrown away.
 *
 *     barequery DEFAULTS-FILE SECONDS CONNECTIONS < statement.sql
 *
 * Each connection has a thread of its own, prepares the statement once, and fetches all rows as text, as the module does;
 * no JSON, no HTTP. Prints "RATE MEDIAN": statements per second of all connections, and milliseconds of the middle one.
 * The connections' options are in group [barequery] of the file.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <mysql.h>

#define MAX_COLUMNS 64
#define CELL 64            /* longer ones are cut: they are thrown away in any case */
#define MAX_TIMES 1000000

static char statement[1 << 20];
static const char *defaults;
static double seconds;

typedef struct {
    pthread_t thread;
    double *times;          /* of each run, in milliseconds */
    size_t runs;
} worker;

static void die(const char *what, const char *why)
{
    fprintf(stderr, "barequery: %s: %s\n", what, why);
    exit(1);
}

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1000 + (double)t.tv_nsec / 1e6;
}

static MYSQL_STMT *prepare(MYSQL *db)
{
    static __thread char cells[MAX_COLUMNS][CELL];
    MYSQL_BIND bind[MAX_COLUMNS];
    MYSQL_STMT *stmt;
    unsigned int i;

    mysql_options(db, MYSQL_READ_DEFAULT_FILE, defaults);
    mysql_options(db, MYSQL_READ_DEFAULT_GROUP, "barequery");
    mysql_options(db, MYSQL_SET_CHARSET_NAME, "utf8mb4");
    if (!mysql_real_connect(db, NULL, NULL, NULL, NULL, 0, NULL, 0)) {
        die("connect", mysql_error(db));
    }
    stmt = mysql_stmt_init(db);
    if (mysql_stmt_prepare(stmt, statement, strlen(statement)) != 0 || mysql_stmt_field_count(stmt) > MAX_COLUMNS) {
        die("prepare", mysql_stmt_error(stmt));
    }
    memset(bind, 0, sizeof(bind));
    for (i = 0; i < mysql_stmt_field_count(stmt); i++) {
        bind[i].buffer_type = MYSQL_TYPE_STRING;
        bind[i].buffer = cells[i];
        bind[i].buffer_length = CELL;
    }
    mysql_stmt_bind_result(stmt, bind);
    return stmt;
}

static void *work(void *arg)
{
    worker *w = arg;
    MYSQL *db = mysql_init(NULL);
    MYSQL_STMT *stmt = prepare(db);
    double end = now() + seconds * 1000, start;

    while ((start = now()) < end && w->runs < MAX_TIMES) {
        int rv;

        if (mysql_stmt_execute(stmt) != 0) {
            die("execute", mysql_stmt_error(stmt));
        }
        while ((rv = mysql_stmt_fetch(stmt)) == 0 || rv == MYSQL_DATA_TRUNCATED) {
            continue;
        }
        if (rv != MYSQL_NO_DATA) {
            die("fetch", mysql_stmt_error(stmt));
        }
        mysql_stmt_free_result(stmt);
        w->times[w->runs++] = now() - start;
    }
    mysql_stmt_close(stmt);
    mysql_close(db);
    return NULL;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
    int n = argc == 4 ? atoi(argv[3]) : 0, i;
    double *all = malloc(MAX_TIMES * sizeof(*all));
    size_t length, total = 0;
    worker *w;

    if (n < 1) {
        die("usage", "barequery DEFAULTS-FILE SECONDS CONNECTIONS < statement.sql");
    }
    defaults = argv[1];
    seconds = atof(argv[2]);
    length = fread(statement, 1, sizeof(statement) - 1, stdin);
    statement[length] = '\0';
    mysql_library_init(0, NULL, NULL);
    w = calloc((size_t)n, sizeof(*w));
    for (i = 0; i < n; i++) {
        w[i].times = malloc(MAX_TIMES * sizeof(double));
        pthread_create(&w[i].thread, NULL, work, &w[i]);
    }
    for (i = 0; i < n; i++) {
        pthread_join(w[i].thread, NULL);
        length = w[i].runs < MAX_TIMES - total ? w[i].runs : MAX_TIMES - total;
        memcpy(all + total, w[i].times, length * sizeof(double));
        total += length;
    }
    qsort(all, total, sizeof(double), by_value);
    printf("%.1f %.4f\n", (double)total / seconds, total ? all[total / 2] : 0.0);
    return 0;
}
