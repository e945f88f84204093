/**
 * import - the run: files, lock, stages, the end of the transaction, and Ctrl-C.
 */
#include "import.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <apr_file_io.h>
#include <apr_strings.h>

#include "cmd.h"
#include "ctl_db.h"
#include "ctl_message.h"
#include "schema_files.h"
#include "ctl_value.h"

#define LOCK_SECONDS 60

/** Bytes of a file of --map. */
#define MAX_MAP (1024 * 1024)

/** Percent of a table that a file may remove without being asked. */
#define DEFAULT_SHARE 20

/** Between two drawings of the progress line: a quarter of a second. */
#define DRAW_NANOSECONDS 250000000L

/** Set by the watching thread when the user wants to stop; accessed atomically. */
static int stopped;

/** The thread that waits for signals, so that a long statement can be stopped in the server, and draws meanwhile. */
typedef struct {
    import_run *run;
    ctl *c;
    unsigned long id;               /* of the connection that works */
    sigset_t signals, before;
    pthread_t thread;
    int running;
    int over;                       /* the import has ended: the next signal is ours; accessed atomically */
} watch;

/** Stops the statement that runs, from a connection beside it. */
static void kill_query(const watch *w)
{
    MYSQL *db;

    mysql_thread_init();
    db = ctl_db_connect(w->c);
    if (db) {
        char sql[64];

        apr_snprintf(sql, sizeof(sql), "KILL QUERY %lu", w->id);
        mysql_query(db, sql);
        mysql_close(db);
    }
    mysql_thread_end();
}

/** Waits for a signal; while there is progress to show, only for a moment. @return its number, or -1: none yet */
static int wait_for_signal(const watch *w)
{
    const struct timespec moment = {0, DRAW_NANOSECONDS};

    return w->run->progress ? sigtimedwait(&w->signals, NULL, &moment) : sigwaitinfo(&w->signals, NULL);
}

static void *watch_signals(void *data)
{
    watch *w = data;

    while (wait_for_signal(w) == -1) {
        if (w->run->progress) {
            import_progress_draw(w->run);
        }
    }
    if (!__atomic_load_n(&w->over, __ATOMIC_SEQ_CST)) {
        __atomic_store_n(&stopped, 1, __ATOMIC_SEQ_CST);
        /* A second signal ends the program at once; the server then rolls back by itself. SIGHUP may be ours. */
        sigdelset(&w->signals, SIGHUP);
        pthread_sigmask(SIG_UNBLOCK, &w->signals, NULL);
        kill_query(w);
    }
    return NULL;
}

static void watch_start(watch *w, import_run *run)
{
    w->run = run;
    w->c = run->c;
    w->id = mysql_thread_id(w->c->db);
    sigemptyset(&w->signals);
    sigaddset(&w->signals, SIGINT);
    sigaddset(&w->signals, SIGTERM);
    sigaddset(&w->signals, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &w->signals, &w->before);
    w->running = pthread_create(&w->thread, NULL, watch_signals, w) == 0;
    if (!w->running) {
        pthread_sigmask(SIG_SETMASK, &w->before, NULL);
    }
}

static void watch_end(watch *w)
{
    if (w->running) {
        __atomic_store_n(&w->over, 1, __ATOMIC_SEQ_CST);
        pthread_kill(w->thread, SIGHUP);            /* wakes sigwait(); blocked in the thread, always */
        pthread_join(w->thread, NULL);
        pthread_sigmask(SIG_SETMASK, &w->before, NULL);
    }
}

int import_stopped(void)
{
    return __atomic_load_n(&stopped, __ATOMIC_SEQ_CST);
}

int import_each(import_run *run, const char *sql, void (*row)(void *ctx, char **values), void *ctx)
{
    MYSQL *db = run->c->db;
    MYSQL_RES *result;
    MYSQL_ROW values;

    if (mysql_query(db, sql) || !(result = mysql_use_result(db))) {
        return ctl_db_error(run->c, "the database refused a statement");
    }
    while ((values = mysql_fetch_row(result))) {
        row(ctx, values);
        apr_pool_clear(run->scratch);
    }
    mysql_free_result(result);
    return mysql_errno(db) ? ctl_db_error(run->c, "cannot read the answer of the database") : CTL_OK;
}

static import_run *new_run(ctl *c, const import_set *set)
{
    import_run *run = apr_pcalloc(c->pool, sizeof(*run));
    int i;

    run->c = c;
    run->set = set;
    run->losses = apr_array_make(c->pool, 4, sizeof(import_refusal));
    run->parts = apr_pcalloc(c->pool, sizeof(*run->parts) * set->n);
    for (i = 0; i < set->n; i++) {
        run->parts[i].def = &set->files[i];
        run->parts[i].shown = set->files[i].file;
        run->parts[i].stage = apr_pstrcat(c->pool, "kiss_in_", set->files[i].table, NULL);
        run->parts[i].source = set->files[i].table;
    }
    apr_pool_create(&run->scratch, c->pool);
    run->errors = apr_array_make(c->pool, 16, sizeof(import_error));
    run->sorts = apr_array_make(c->pool, 16, sizeof(import_sort));
    run->notes = apr_array_make(c->pool, 4, sizeof(const char *));
    run->note_sorts = apr_hash_make(c->pool);
    run->revisions = apr_hash_make(c->pool);
    run->started = apr_time_now();
    return run;
}

static int stage_all(import_run *run)
{
    int i;

    run->read_started = apr_time_now();
    for (i = 0; i < run->set->n; i++) {
        if (run->parts[i].present && (import_stage(run, &run->parts[i]) != CTL_OK || import_stopped())) {
            return CTL_FAILED;
        }
    }
    return CTL_OK;
}

/**
 * Checks and writes inside one transaction. The revisions are locked before anything is read: whoever else changes data
 * must raise one too, so no change can slip in between comparing and writing. Readers are not held up.
 */
static int transact(import_run *run)
{
    ctl *c = run->c;

    import_progress(run, NULL, IMPORT_WAITING, 0);
    if (ctl_db_exec(c, "SET @kiss_bulk = CONCAT('kissctl:', CONNECTION_ID())") != CTL_OK
        || ctl_db_exec(c, "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ") != CTL_OK
        || ctl_db_exec(c, "START TRANSACTION") != CTL_OK
        || ctl_db_exec(c, "SELECT n FROM revision FOR UPDATE") != CTL_OK
        || import_fill_all(run) != CTL_OK || import_keep_unsaid(run) != CTL_OK || import_check(run) != CTL_OK
        || import_compare(run) != CTL_OK || import_guard(run) != CTL_OK) {
        return CTL_FAILED;
    }
    if (run->nerrors > 0) {
        return CTL_OK;
    }
    if (import_apply(run) != CTL_OK || import_stopped()) {
        return CTL_FAILED;
    }
    import_progress(run, NULL, IMPORT_COMMITTING, 0);
    if (ctl_db_exec(c, run->dry_run ? "ROLLBACK" : "COMMIT") == CTL_OK) {
        return CTL_OK;
    }
    if (!run->dry_run) {
        run->result = IMPORT_UNKNOWN;
        ctl_fail("the end of the import got no answer: 'kissctl %s --dry-run' shows whether it is in", c->verb->words);
    }
    return CTL_FAILED;
}

/**
 * Lets the server count again what is in tables that have become others: it does so by itself, but maybe long after a first
 * load, and until then it plans reads as of empty tables. The load is in, whatever comes of this.
 */
static void analyze(import_run *run)
{
    apr_pool_t *p = run->c->pool;
    const char *tables = "", *sql;
    MYSQL_RES *result;
    int i;

    for (i = 0; i < run->set->n; i++) {
        const import_part *part = &run->parts[i];

        if (part->present && (part->added + part->changed + part->removed) * 10 > part->rows) {
            tables = apr_pstrcat(p, tables, *tables ? ", " : "", part->def->table, NULL);
        }
    }
    if (*tables && run->set->derived_tables) {
        tables = apr_pstrcat(p, tables, ", ", run->set->derived_tables, NULL);
    }
    sql = apr_pstrcat(p, "ANALYZE LOCAL TABLE ", tables, NULL);
    if (*tables && mysql_query(run->c->db, sql) == 0 && (result = mysql_store_result(run->c->db))) {
        mysql_free_result(result);
    }
}

static int work(import_run *run)
{
    if (ctl_db_lock(run->c, "kiss.import", LOCK_SECONDS) != CTL_OK) {
        return CTL_FAILED;
    }
    import_inspect_files(run);
    if (stage_all(run) != CTL_OK) {
        return CTL_FAILED;
    }
    import_files_unchanged(run);
    if (transact(run) != CTL_OK) {
        return CTL_FAILED;
    }
    if (!run->dry_run && run->nerrors == 0) {
        analyze(run);
    }
    return CTL_OK;
}

/** The text of the file of --map, or NULL after saying why. */
static const char *read_text(const char *path, apr_pool_t *p)
{
    apr_file_t *file;
    apr_finfo_t info;
    apr_size_t len = 0;
    char *text = NULL;
    apr_status_t rv = apr_file_open(&file, path, APR_FOPEN_READ, APR_OS_DEFAULT, p);

    if (rv == APR_SUCCESS) {
        rv = apr_file_info_get(&info, APR_FINFO_SIZE, file);
        if (rv == APR_SUCCESS && info.size > MAX_MAP) {
            ctl_fail("--map: %s is larger than %d KiB", path, MAX_MAP / 1024);
            return NULL;
        }
        if (rv == APR_SUCCESS) {
            text = apr_pcalloc(p, (apr_size_t)info.size + 1);
            rv = info.size ? apr_file_read_full(file, text, (apr_size_t)info.size, &len) : APR_SUCCESS;
        }
        apr_file_close(file);
    }
    if (rv != APR_SUCCESS) {
        ctl_fail("--map: cannot read %s: %s", path, apr_psprintf(p, "%pm", &rv));
        return NULL;
    }
    if (strlen(text) < len || csv_utf8_check(text, len, NULL) < len) {
        ctl_fail("--map: %s is not a text in UTF-8", path);
        return NULL;
    }
    return text;
}

/** Reads the file of --map; names all its faults. @return CTL_OK or CTL_FAILED */
static int read_map(import_run *run)
{
    apr_pool_t *p = run->c->pool;
    const char *path = run->c->option[OPT_MAP], *text = path ? read_text(path, p) : NULL;
    apr_array_header_t *faults = apr_array_make(p, 1, sizeof(const char *));
    int i;

    if (!text) {
        return path ? CTL_FAILED : CTL_OK;
    }
    run->map = import_map_parse(run->set, text, faults, p);
    for (i = 0; i < faults->nelts && i < IMPORT_MAX_ERRORS; i++) {
        fprintf(stderr, "%s:%s\n", path, APR_ARRAY_IDX(faults, i, const char *));
    }
    if (faults->nelts > 0) {
        return ctl_fail("--map: %d error%s in %s: nothing was imported", faults->nelts, IMPORT_S(faults->nelts), path);
    }
    for (i = 0; i < run->set->n; i++) {
        run->parts[i].shown = import_map_file(run->map, run->parts[i].def);
    }
    return CTL_OK;
}

/** Reads the options of the verb. @return CTL_OK or CTL_USAGE */
static int read_options(import_run *run)
{
    const char *share = run->c->option[OPT_REMOVE_UP_TO];
    apr_int64_t percent = DEFAULT_SHARE;

    run->dry_run = run->c->option[OPT_DRY_RUN] != NULL;
    if (share && !ctl_number(&percent, share, 0, 100)) {
        return ctl_usage(run->c, "--remove-up-to: '%s' is not a whole percentage from 0 to 100", share);
    }
    run->remove_up_to = (int)percent;
    run->keep_absent = run->c->option[OPT_KEEP_ABSENT] != NULL;
    run->cut = run->c->option[OPT_CUT] != NULL;
    return read_map(run);
}

/**
 * Rows are sent many at a time, which a binary log of statements forbids (error 4033): then this session logs rows, if
 * the account may say so.
 */
static int check_binlog(ctl *c)
{
    const char *format;

    if (ctl_db_value(c, &format, "SELECT IF(@@log_bin, @@binlog_format, '')", 0) != CTL_OK) {
        return CTL_FAILED;
    }
    if (strcmp(format, "STATEMENT") != 0 || mysql_query(c->db, "SET SESSION binlog_format = ROW") == 0) {
        return CTL_OK;
    }
    return ctl_fail("the binary log of the server is kept in statements (binlog_format=STATEMENT), and rows cannot be sent "
                    "many at a time then: set binlog_format=MIXED or ROW there, or let this account choose by GRANT "
                    "BINLOG ADMIN ON *.* TO it");
}

/** Everything, with signals watched. */
static int load(import_run *run, const char *dir)
{
    watch w = {0};
    int rc;

    if (ctl_db_open(run->c) != CTL_OK || schema_require(run->c) != CTL_OK || check_binlog(run->c) != CTL_OK
        || import_find_files(run, dir) != CTL_OK) {
        return CTL_FAILED;
    }
    import_progress_start(run);
    watch_start(&w, run);
    rc = work(run);
    import_progress_pause(run);
    if (rc != CTL_OK || run->nerrors > 0) {
        mysql_query(run->c->db, "ROLLBACK");        /* when the connection is gone, the server has done it */
    }
    watch_end(&w);
    return rc;
}

/** Messages of other parts: the progress line goes, and the first failure is for the report. */
static void hear(void *ctx, const char *text, int failure)
{
    import_run *run = ctx;

    import_progress_pause(run);
    if (failure && !run->error) {
        run->error = apr_pstrdup(run->c->pool, text);
    }
}

int import_folder(ctl *c, const import_set *set, const char *dir)
{
    import_run *run = new_run(c, set);
    int rc = read_options(run);

    if (rc != CTL_OK) {
        return rc;
    }
    ctl_on_message(hear, run);
    rc = load(run, dir);
    ctl_on_message(NULL, NULL);
    if (run->result != IMPORT_UNKNOWN) {
        run->result = import_stopped() && rc != CTL_OK ? IMPORT_STOPPED : run->nerrors > 0 ? IMPORT_REFUSED
            : rc != CTL_OK ? IMPORT_FAILED : run->dry_run ? IMPORT_TRIED : IMPORT_LOADED;
    }
    import_print_report(run);
    return run->result == IMPORT_LOADED || run->result == IMPORT_TRIED ? CTL_OK : CTL_FAILED;
}

int cmd_import_customer(ctl *c, const char *const *args)
{
    return import_folder(c, &import_customer_set, args[0]);
}

int cmd_import_kss(ctl *c, const char *const *args)
{
    return import_folder(c, &import_kss_set, args[0]);
}
