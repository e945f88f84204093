/**
 * import - the run: files, lock, stages, the end of the transaction, and Ctrl-C.
 */
#include "import.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <apr_file_info.h>
#include <apr_strings.h>

#include "ctl_db.h"
#include "ctl_schema.h"

#define LOCK_SECONDS 60

/** Percent of a table that a file may remove without being asked. */
#define DEFAULT_SHARE 20

/** Set by the watching thread when the user wants to stop; accessed atomically. */
static int stopped;

/** The thread that waits for signals, so that a long statement can be stopped in the server, not only here. */
typedef struct {
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

static void *watch_signals(void *data)
{
    watch *w = data;
    int number;

    if (sigwait(&w->signals, &number) == 0 && !__atomic_load_n(&w->over, __ATOMIC_SEQ_CST)) {
        __atomic_store_n(&stopped, 1, __ATOMIC_SEQ_CST);
        /* A second signal ends the program at once; the server then rolls back by itself. SIGHUP may be ours. */
        sigdelset(&w->signals, SIGHUP);
        pthread_sigmask(SIG_UNBLOCK, &w->signals, NULL);
        kill_query(w);
    }
    return NULL;
}

static void watch_start(watch *w, ctl *c)
{
    w->c = c;
    w->id = mysql_thread_id(c->db);
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
    }
    mysql_free_result(result);
    return mysql_errno(db) ? ctl_db_error(run->c, "cannot read the answer of the database") : CTL_OK;
}

/** Looks which files of the set the folder has, and names those it does not know. */
static int find_files(import_run *run, const char *folder)
{
    apr_pool_t *p = run->c->pool;
    apr_finfo_t info;
    apr_dir_t *dir;
    apr_status_t rv = apr_dir_open(&dir, folder, p);
    int found = 0;

    if (rv != APR_SUCCESS) {
        return ctl_fail("cannot read the folder %s: %s", folder, apr_psprintf(p, "%pm", &rv));
    }
    while ((rv = apr_dir_read(&info, APR_FINFO_NAME, dir)) == APR_SUCCESS || rv == APR_INCOMPLETE) {
        const import_file *def = import_file_of(run->set, info.name);
        apr_size_t n = strlen(info.name);

        if (def) {
            import_part *part = &run->parts[def - run->set->files];

            part->present = 1;
            part->path = apr_pstrcat(p, folder, "/", info.name, NULL);
            part->source = part->stage;
            part->size = apr_stat(&info, part->path, APR_FINFO_SIZE, p) == APR_SUCCESS ? info.size : 0;
            found++;
        }
        else if (n > 4 && strcasecmp(info.name + n - 4, ".csv") == 0) {
            import_note(run, "%s is not part of the import: skipped", apr_pstrdup(p, info.name));
        }
    }
    apr_dir_close(dir);
    return found ? CTL_OK
        : ctl_fail("%s has none of the files of the import: 'kissctl %s --help' names them", folder,
                   run->c->verb->words);
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
        run->parts[i].stage = apr_pstrcat(c->pool, "kiss_in_", set->files[i].table, NULL);
        run->parts[i].source = set->files[i].table;
    }
    run->errors = apr_array_make(c->pool, 16, sizeof(import_error));
    run->notes = apr_array_make(c->pool, 4, sizeof(const char *));
    run->revisions = apr_hash_make(c->pool);
    run->started = apr_time_now();
    run->terminal = isatty(STDERR_FILENO);
    return run;
}

static int stage_all(import_run *run)
{
    int i;

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
    int rc;

    if (ctl_db_exec(c, "SET @kiss_bulk = 1") != CTL_OK
        || ctl_db_exec(c, "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ") != CTL_OK
        || ctl_db_exec(c, "START TRANSACTION") != CTL_OK
        || ctl_db_exec(c, "SELECT n FROM revision FOR UPDATE") != CTL_OK
        || import_fill_all(run) != CTL_OK || import_check(run) != CTL_OK || import_compare(run) != CTL_OK
        || import_guard(run) != CTL_OK) {
        return CTL_FAILED;
    }
    if (run->nerrors > 0) {
        return CTL_OK;
    }
    rc = import_apply(run);
    if (rc != CTL_OK || import_stopped()) {
        return CTL_FAILED;
    }
    if (ctl_db_exec(c, run->dry_run ? "ROLLBACK" : "COMMIT") != CTL_OK) {
        return run->dry_run ? CTL_FAILED
            : ctl_fail("the end of the import got no answer: 'kissctl %s --dry-run' shows whether it is in",
                       c->verb->words);
    }
    return CTL_OK;
}

static int work(import_run *run)
{
    if (ctl_db_lock(run->c, "kiss.import", LOCK_SECONDS) != CTL_OK || stage_all(run) != CTL_OK) {
        return CTL_FAILED;
    }
    return transact(run);
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
    return CTL_OK;
}

int import_folder(ctl *c, const import_set *set, const char *dir)
{
    import_run *run = new_run(c, set);
    watch w = {0};
    int rc = read_options(run);

    if (rc != CTL_OK) {
        return rc;
    }
    if (schema_require(c) != CTL_OK || find_files(run, dir) != CTL_OK) {
        return CTL_FAILED;
    }
    watch_start(&w, c);
    rc = work(run);
    import_progress_end(run);
    if (rc != CTL_OK || run->nerrors > 0) {
        mysql_query(c->db, "ROLLBACK");     /* when the connection is gone, the server has done it */
    }
    watch_end(&w);
    if (rc != CTL_OK) {
        if (run->nerrors > 0 && !import_stopped()) {
            return import_print_faults(run);
        }
        return ctl_fail("%snothing was changed", import_stopped() ? "stopped: " : "the import failed: ");
    }
    if (run->nerrors > 0) {
        return import_print_faults(run);
    }
    import_print_summary(run);
    return CTL_OK;
}

int cmd_import_customer(ctl *c, const char *const *args)
{
    return import_folder(c, &import_customer_set, args[0]);
}

int cmd_import_kss(ctl *c, const char *const *args)
{
    return import_folder(c, &import_kss_set, args[0]);
}
