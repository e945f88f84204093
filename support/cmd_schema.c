/* SPDX-License-Identifier: Apache-2.0 */
/**
 * cmd_schema - the verbs schema install, check, upgrade and repair: each schema file is sent whole.
 */
#include "cmd.h"

#include <apr_strings.h>
#include <mysqld_error.h>

#include "cmd_parts.h"
#include "ctl_db.h"
#include "ctl_message.h"
#include "ctl_out.h"
#include "import_derive.h"
#include "schema_diff.h"
#include "schema_files.h"
#include "schema_lease.h"
#include "schema_repair.h"
#include "schema_rights.h"

#define LOCK_SECONDS 60
#define MAX_TRIES 3

/** Whether the statement that failed last did so because of another session, so that the file may be sent again. */
static int met_another(const ctl *c)
{
    return mysql_errno(c->db) == ER_LOCK_DEADLOCK || mysql_errno(c->db) == ER_LOCK_WAIT_TIMEOUT;
}

/** Sends one file. Each may be run again: so it is, when another session was in the way. */
static int run_file(ctl *c, const schema_file *file)
{
    const char *text;
    int tries, rc = CTL_FAILED;

    if (schema_file_text(c, file, &text) != CTL_OK) {
        return CTL_FAILED;
    }
    for (tries = 0; tries < MAX_TRIES && rc != CTL_OK && (tries == 0 || met_another(c)); tries++) {
        rc = schema_send(c, file->path, text);
    }
    return rc;
}

/**
 * Where changes are logged for replicas or sent to other nodes, an account needs one more right to make a trigger: found
 * before anything is done but what the locks need. The server checks that right before it opens the table.
 */
static int check_trigger_right(ctl *c)
{
    mysql_query(c->db, "CREATE TRIGGER kiss_probe AFTER INSERT ON kiss_no_such_table FOR EACH ROW SET @kiss_probe = 1");
    return mysql_errno(c->db) != ER_BINLOG_CREATE_ROUTINE_NEED_SUPER ? CTL_OK
        : ctl_fail("nothing was done: " SCHEMA_NO_TRIGGERS "; or run this as an account with the right SUPER.");
}

/** Runs the files from version `first` on. */
static int run_files(ctl *c, const apr_array_header_t *files, int first)
{
    int i, version;

    for (i = first - 1; i < files->nelts; i++) {
        const schema_file *file = &APR_ARRAY_IDX(files, i, schema_file);

        if (run_file(c, file) != CTL_OK || schema_version(c, &version) != CTL_OK) {
            return CTL_FAILED;
        }
        if (version < file->version) {
            return ctl_fail("%s ran but did not record version %d in schema_migration: the file is damaged", file->path,
                            file->version);
        }
    }
    return CTL_OK;
}

static int report(ctl *c, int version, int latest)
{
    static const out_column columns[] = {{"Version", OUT_NUMBER}, {"Latest", OUT_NUMBER}, {"State", OUT_TEXT}};
    const char *row[] = {apr_itoa(c->pool, version), apr_itoa(c->pool, latest),
                         version == latest ? "current" : version == 0 ? "missing"
                         : version < latest ? "behind" : "ahead"};

    if (c->json) {
        ctl_out_row(c, columns, 3, row);
    }
    else {
        printf("schema version %d of %d: %s\n", version, latest, row[2]);
    }
    return CTL_OK;
}

/** Takes the locks of this server and of the cluster, checks the right, by one node at a time, reads the version. */
static int begin(ctl *c, apr_array_header_t **files, int *version)
{
    return schema_files(c, files) != CTL_OK || ctl_db_lock(c, "kiss.schema", LOCK_SECONDS) != CTL_OK
        || schema_lease_take(c, &APR_ARRAY_IDX(*files, 0, schema_file)) != CTL_OK
        || check_trigger_right(c) != CTL_OK ? CTL_FAILED : schema_version(c, version);
}

static int end(ctl *c, const apr_array_header_t *files)
{
    int version;

    return schema_version(c, &version) == CTL_OK ? report(c, version, files->nelts) : CTL_FAILED;
}

/** Puts back what a database of the newest version lacks; `raise`: and raises the revisions even if that is nothing. */
static int put_back(ctl *c, int raise)
{
    apr_array_header_t *differences;
    schema_parts *parts;
    int i;

    if (schema_parts_read(c, &parts) != CTL_OK || schema_diff(c, parts, &differences) != CTL_OK) {
        return CTL_FAILED;
    }
    for (i = 0; i < differences->nelts; i++) {
        ctl_note("%s: put back", APR_ARRAY_IDX(differences, i, schema_difference).text);
    }
    if (!raise && differences->nelts == 0) {
        return CTL_OK;
    }
    return schema_repair(c, parts, differences, import_derive_all);
}

/** Brings the database to the newest version, with all that belongs to it. */
static int install_all(ctl *c, apr_array_header_t **files)
{
    int version;

    if (begin(c, files, &version) != CTL_OK) {
        return CTL_FAILED;
    }
    if (version > (*files)->nelts) {
        return ctl_fail("%s", schema_advice(c, version, (*files)->nelts));
    }
    return run_files(c, *files, version + 1) != CTL_OK ? CTL_FAILED : put_back(c, 0);
}

static int install(ctl *c, apr_array_header_t **files)
{
    int rc = install_all(c, files);

    schema_lease_end(c);
    return rc;
}

int cmd_parts_schema(ctl *c)
{
    apr_array_header_t *files;

    return install(c, &files);
}

int cmd_schema_install(ctl *c, const char *const *args)
{
    apr_array_header_t *files;

    (void)args;
    return install(c, &files) != CTL_OK ? CTL_FAILED : end(c, files);
}

/** Runs the files that the database lacks; `repair`: it lacks none, and what is missing of them is put back. */
static int change(ctl *c, int repair)
{
    apr_array_header_t *files;
    int version;

    if (begin(c, &files, &version) != CTL_OK) {
        return CTL_FAILED;
    }
    if (repair ? version != files->nelts : version > files->nelts || version == 0) {
        return ctl_fail("%s", schema_advice(c, version, files->nelts));
    }
    return (repair ? put_back(c, 1) : run_files(c, files, version + 1)) != CTL_OK ? CTL_FAILED : end(c, files);
}

int cmd_schema_upgrade(ctl *c, const char *const *args)
{
    int rc = change(c, 0);

    (void)args;
    schema_lease_end(c);
    return rc;
}

int cmd_schema_repair(ctl *c, const char *const *args)
{
    int rc = change(c, 1);

    (void)args;
    schema_lease_end(c);
    return rc;
}

int cmd_schema_check(ctl *c, const char *const *args)
{
    apr_array_header_t *files;
    const char *advice;
    int version;

    (void)args;
    if (schema_files(c, &files) != CTL_OK || schema_version(c, &version) != CTL_OK) {
        return CTL_FAILED;
    }
    report(c, version, files->nelts);
    advice = schema_advice(c, version, files->nelts);
    return advice ? ctl_fail("%s", advice) : CTL_OK;
}
