/* SPDX-License-Identifier: Apache-2.0 */
/**
 * import - the run: the stages in their order, lock and transaction, and how it ends.
 */
#include "import.h"

#include <string.h>

#include <apr_strings.h>
#include <mysqld_error.h>

#include "ctl_db.h"
#include "ctl_message.h"
#include "import_apply.h"
#include "import_check.h"
#include "import_compare.h"
#include "import_fault.h"
#include "import_files.h"
#include "import_fill.h"
#include "import_guard.h"
#include "import_progress.h"
#include "import_report.h"
#include "import_same.h"
#include "import_stage.h"
#include "import_watch.h"
#include "import_yield.h"
#include "schema_files.h"

#define LOCK_SECONDS 60

/* How often an import is done that meets other transactions. */
#define TRIES 5

static int stage_all(import_run *run)
{
    int i;

    for (i = 0; i < run->set->n; i++) {
        import_part *part = &run->parts[i];

        if (!part->present) {
            continue;
        }
        if (import_find_same(run, part) != CTL_OK || (!part->same && import_stage(run, part) != CTL_OK)
            || import_stopped()) {
            return CTL_FAILED;
        }
    }
    return CTL_OK;
}

/** Checks and writes what is in the temporary tables. @return CTL_OK, also with faults (run->nerrors), or CTL_FAILED */
static int write_staged(import_run *run)
{
    if (import_fill_all(run) != CTL_OK || import_keep_unsaid(run) != CTL_OK || import_check(run) != CTL_OK || run->again
        || import_yield(run) != CTL_OK || import_compare(run) != CTL_OK || import_guard(run) != CTL_OK) {
        return CTL_FAILED;
    }
    return run->nerrors > 0 ? CTL_OK : import_apply(run);
}

/** Reads the files straight into their tables, which are empty. What is wrong with them is found by the temporary tables. */
static int write_direct(import_run *run)
{
    int rc = stage_all(run);

    if (rc == CTL_OK) {
        import_files_unchanged(run);
        rc = run->nerrors > 0 ? CTL_OK : import_check(run);
    }
    run->again = run->again || run->nerrors > 0;
    return rc != CTL_OK || run->again || import_count_new(run) != CTL_OK ? CTL_FAILED : import_finish(run);
}

/**
 * Checks and writes inside one transaction. The revisions are locked before anything is read: any other session that
 * changes data must raise one too, so that no change is lost between comparing and writing. Readers do not wait.
 */
static int transact(import_run *run)
{
    ctl *c = run->c;
    int direct = run->direct;

    import_progress(run, NULL, IMPORT_WAITING, 0);
    /* The lock of work() is the server's own. At two nodes of a cluster only rows that both have written are compared: this
     * one is written by each import, and of two the second one is rolled back. */
    if (ctl_db_begin(c) != CTL_OK || ctl_db_exec(c, "SELECT n FROM revision FOR UPDATE") != CTL_OK
        || ctl_db_exec(c, "REPLACE INTO last_load (table_name, dataset, revisions, row_count) VALUES ('', '', -1, 0)")
        || import_snapshot_check(run) != CTL_OK
        || (run->direct && import_find_empty(run) != CTL_OK)) {
        return CTL_FAILED;
    }
    run->again = run->again || (direct && !run->direct);
    if (run->again) {
        return CTL_FAILED;
    }
    if ((run->direct ? write_direct(run) : write_staged(run)) != CTL_OK || import_stopped()) {
        return CTL_FAILED;
    }
    if (run->nerrors > 0) {
        return CTL_OK;
    }
    import_progress(run, NULL, IMPORT_COMMITTING, 0);
    if (ctl_db_exec(c, run->dry_run ? "ROLLBACK" : "COMMIT") == CTL_OK) {
        return CTL_OK;
    }
    if (!run->dry_run && mysql_errno(c->db) != ER_LOCK_DEADLOCK && !ctl_db_was_over(c)) {
        run->result = IMPORT_UNKNOWN;
        ctl_fail("the end of the import got no answer: 'kissctl %s --dry-run' shows whether it is in", c->verb->words);
    }
    return CTL_FAILED;
}

/**
 * Lets the server count again what is in tables that have become others: it does so by itself, but maybe long after a first
 * load, and until then it plans reads as of empty tables. The load is committed; a failure of this does not change that.
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

/** Reads, compares and writes; `short_cuts`: with those of import_same, after which run->again may be set. */
static int load_files(import_run *run, int short_cuts)
{
    run->read_started = apr_time_now();
    if (short_cuts && import_find_empty(run) != CTL_OK) {
        return CTL_FAILED;
    }
    if (run->direct) {
        return transact(run);
    }
    if ((short_cuts && import_snapshot_begin(run) != CTL_OK) || stage_all(run) != CTL_OK
        || import_snapshot_end(run) != CTL_OK) {
        return CTL_FAILED;
    }
    import_files_unchanged(run);
    return transact(run);
}

/** As if nothing had been done since `parts` and `found` were kept. */
static int take_back(import_run *run, const import_part *parts, const import_findings *found)
{
    int i, rc = ctl_db_exec(run->c, "ROLLBACK");

    for (i = 0; i < run->set->n && rc == CTL_OK; i++) {
        rc = ctl_db_exec(run->c, apr_pstrcat(run->c->pool, "DROP TEMPORARY TABLE IF EXISTS ", parts[i].stage, NULL));
    }
    memcpy(run->parts, parts, sizeof(*parts) * (apr_size_t)run->set->n);
    import_findings_restore(run, found);
    apr_array_clear(run->losses);
    apr_hash_clear(run->revisions);
    run->direct = run->again = 0;
    run->snapshot = NULL;
    return rc;
}

/**
 * Loads, and does it again where a short cut does not hold, and where the transaction met another one that had locked a row
 * before the revision: the server rolls one of them back.
 */
static int load_repeatedly(import_run *run)
{
    const import_part *parts = apr_pmemdup(run->c->pool, run->parts, sizeof(*parts) * (apr_size_t)run->set->n);
    const import_findings *found = import_findings_keep(run);
    int rc, tries, short_cuts = run->nerrors == 0;
    ctl_db_conflict met;

    for (tries = 1;; tries++) {
        ctl_db_keep_conflicts(tries < TRIES);
        rc = load_files(run, short_cuts);
        met = ctl_db_met_conflict();
        ctl_db_keep_conflicts(0);
        if (rc == CTL_OK || import_stopped() || !(met || run->again)) {
            return rc;
        }
        if (take_back(run, parts, found) != CTL_OK || (met == CTL_DB_BROKEN_TRIGGER && ctl_db_open_anew(run->c) != CTL_OK)
            || import_yield_find(run) != CTL_OK) {
            return CTL_FAILED;
        }
        short_cuts = 0;
        if (met == CTL_DB_BROKEN_TRIGGER) {
            import_note(run, "the server kept a trigger for broken: the tables were opened anew, and all was done again");
        }
        else if (met) {
            import_note(run, "another transaction was in the way, and all was done again");
        }
    }
}

static int work(import_run *run)
{
    if (ctl_db_lock(run->c, "kiss.import", LOCK_SECONDS) != CTL_OK
        || ctl_db_exec(run->c, run->set->silence) != CTL_OK
        || ctl_db_exec(run->c, "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ") != CTL_OK) {
        return CTL_FAILED;
    }
    import_inspect_files(run);
    if (import_yield_find(run) != CTL_OK || load_repeatedly(run) != CTL_OK) {
        return CTL_FAILED;
    }
    if (!run->dry_run && run->nerrors == 0) {
        analyze(run);
    }
    return CTL_OK;
}

/**
 * Rows are sent many at a time, which a binary log of statements forbids (error 4033): then this session logs rows, if
 * the account may set that.
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
    import_watch w = {0};
    int rc;

    if (ctl_db_open(run->c) != CTL_OK || schema_require(run->c) != CTL_OK || check_binlog(run->c) != CTL_OK
        || import_find_files(run, dir) != CTL_OK) {
        return CTL_FAILED;
    }
    import_progress_start(run);
    import_watch_start(&w, run);
    rc = work(run);
    import_progress_pause(run);
    if (rc != CTL_OK || run->nerrors > 0) {
        mysql_query(run->c->db, "ROLLBACK");        /* when the connection is gone, the server has done it */
    }
    import_watch_end(&w);
    return rc;
}

/** Messages of other parts: the progress line goes, and the first failure is for the report. */
static void keep_message(void *ctx, const char *text, int failure)
{
    import_run *run = ctx;

    import_progress_pause(run);
    if (failure && !run->error) {
        run->error = apr_pstrdup(run->c->pool, text);
    }
}

int import_folder(import_run *run, const char *dir)
{
    int rc;

    ctl_on_message(keep_message, run);
    rc = load(run, dir);
    ctl_on_message(NULL, NULL);
    if (run->result != IMPORT_UNKNOWN) {
        run->result = import_stopped() && rc != CTL_OK ? IMPORT_STOPPED : run->nerrors > 0 ? IMPORT_REFUSED
            : rc != CTL_OK ? IMPORT_FAILED : run->dry_run ? IMPORT_TRIED : IMPORT_LOADED;
    }
    import_print_report(run);
    return run->result == IMPORT_LOADED || run->result == IMPORT_TRIED ? CTL_OK : CTL_FAILED;
}
