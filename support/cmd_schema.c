/**
 * cmd_schema - schema install, check, upgrade, repair: numbered files SQLDIR/FOLDER/NNNN-*.sql, each sent whole.
 * FOLDER is that of the verb's database: customer or kss.
 */
#include "cmd.h"

#include <stdlib.h>
#include <string.h>

#include <apr_file_info.h>
#include <apr_file_io.h>
#include <apr_lib.h>
#include <apr_strings.h>
#include <mysqld_error.h>

#include "ctl_db.h"
#include "ctl_message.h"
#include "ctl_out.h"
#include "ctl_schema.h"
#include "schema_diff.h"

#define LOCK_SECONDS 60
#define MAX_SCHEMA_FILE (4 * 1024 * 1024)
#define MAX_TRIES 3

static int by_version(const void *a, const void *b)
{
    return ((const schema_file *)a)->version - ((const schema_file *)b)->version;
}

static int is_numbered(const char *name)
{
    apr_size_t n = strlen(name);

    return n > 9 && strspn(name, "0123456789") == 4 && name[4] == '-' && strcmp(name + n - 4, ".sql") == 0;
}

int schema_files(ctl *c, apr_array_header_t **files)
{
    const char *folder = apr_pstrcat(c->pool, c->sql_dir, "/", c->verb->database->folder, NULL);
    apr_finfo_t info;
    apr_dir_t *dir;
    apr_status_t rv = apr_dir_open(&dir, folder, c->pool);
    int i;

    if (rv != APR_SUCCESS) {
        return ctl_fail("cannot read the schema folder %s: %s. Name another with --sql DIR.", folder,
                        apr_psprintf(c->pool, "%pm", &rv));
    }
    *files = apr_array_make(c->pool, 8, sizeof(schema_file));
    while ((rv = apr_dir_read(&info, APR_FINFO_NAME, dir)) == APR_SUCCESS || rv == APR_INCOMPLETE) {
        if (is_numbered(info.name)) {
            schema_file *file = apr_array_push(*files);

            file->version = atoi(info.name);
            file->name = apr_pstrdup(c->pool, info.name);
            file->path = apr_pstrcat(c->pool, folder, "/", info.name, NULL);
        }
    }
    apr_dir_close(dir);
    if ((*files)->nelts == 0) {
        return ctl_fail("no schema file (NNNN-*.sql) in %s. Name the right folder with --sql DIR.", folder);
    }
    qsort((*files)->elts, (*files)->nelts, sizeof(schema_file), by_version);
    for (i = 0; i < (*files)->nelts; i++) {
        if (APR_ARRAY_IDX(*files, i, schema_file).version != i + 1) {
            return ctl_fail("the schema files in %s are not numbered 1, 2, 3: %s stands where %04d-*.sql is expected. "
                            "Install the package again.", folder, APR_ARRAY_IDX(*files, i, schema_file).name, i + 1);
        }
    }
    return CTL_OK;
}

int schema_file_text(ctl *c, const schema_file *file, const char **text)
{
    apr_file_t *f;
    apr_finfo_t info;
    apr_size_t n = 0;
    char *buf = NULL;
    apr_status_t rv = apr_file_open(&f, file->path, APR_FOPEN_READ, APR_OS_DEFAULT, c->pool);

    if (rv == APR_SUCCESS) {
        rv = apr_file_info_get(&info, APR_FINFO_SIZE, f);
        if (rv == APR_SUCCESS && info.size <= MAX_SCHEMA_FILE) {
            buf = apr_pcalloc(c->pool, (apr_size_t)info.size + 1);
            rv = apr_file_read_full(f, buf, (apr_size_t)info.size, &n);
        }
        apr_file_close(f);
    }
    if (!buf || rv != APR_SUCCESS) {
        return ctl_fail("cannot read %s: %s", file->path,
                        rv != APR_SUCCESS ? apr_psprintf(c->pool, "%pm", &rv) : "larger than 4 MiB");
    }
    *text = buf;
    return CTL_OK;
}

int schema_version(ctl *c, int *version)
{
    const char *value;

    *version = 0;
    if (ctl_db_value(c, &value, "SELECT COUNT(*) FROM information_schema.tables"
                     " WHERE table_schema = DATABASE() AND table_name = 'schema_migration'", 0) != CTL_OK) {
        return CTL_FAILED;
    }
    if (!value || *value == '0') {
        return CTL_OK;
    }
    if (ctl_db_value(c, &value, "SELECT MAX(version) FROM schema_migration", 0) != CTL_OK) {
        return CTL_FAILED;
    }
    *version = value ? atoi(value) : 0;
    return CTL_OK;
}

const char *schema_advice(const ctl *c, int version, int latest)
{
    const char *lead = c->verb->database->lead;

    if (version == latest) {
        return NULL;
    }
    if (version == 0) {
        return apr_psprintf(c->pool, "the schema is not installed: run 'kissctl %sschema install'", lead);
    }
    if (version < latest) {
        return apr_psprintf(c->pool, "the schema is at version %d, this kissctl needs %d: run 'kissctl %sschema "
                            "upgrade'", version, latest, lead);
    }
    return apr_psprintf(c->pool, "the schema is at version %d, this kissctl knows only %d: install the mod_kiss and "
                        "kissctl that belong to it (or name their files with --sql DIR)", version, latest);
}

int schema_require(ctl *c)
{
    apr_array_header_t *files;
    const char *advice;
    int version;

    if (schema_files(c, &files) != CTL_OK || schema_version(c, &version) != CTL_OK) {
        return CTL_FAILED;
    }
    advice = schema_advice(c, version, files->nelts);
    return advice ? ctl_fail("%s", advice) : CTL_OK;
}

int schema_send(ctl *c, const char *name, const char *sql)
{
    int rc, statement = 1;

    if (mysql_set_server_option(c->db, MYSQL_OPTION_MULTI_STATEMENTS_ON)) {
        return ctl_db_error(c, "cannot send a file of statements");
    }
    rc = mysql_real_query(c->db, sql, strlen(sql));
    while (rc == 0) {
        MYSQL_RES *result = mysql_store_result(c->db);

        if (result) {
            mysql_free_result(result);
        }
        rc = mysql_next_result(c->db);
        statement += rc == 0;
    }
    if (rc > 0) {
        return ctl_db_error(c, apr_psprintf(c->pool, "%s, statement %d", name, statement + (statement > 1)));
    }
    if (mysql_set_server_option(c->db, MYSQL_OPTION_MULTI_STATEMENTS_OFF)) {
        return ctl_db_error(c, "cannot end a file of statements");
    }
    return CTL_OK;
}

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
 * Where changes are logged for replicas, an account needs one more right to make a trigger: found before anything is done.
 * The server looks for that right before it looks for the table.
 */
static int check_trigger_right(ctl *c)
{
    mysql_query(c->db, "CREATE TRIGGER kiss_probe AFTER INSERT ON kiss_no_such_table FOR EACH ROW SET @kiss_probe = 1");
    if (mysql_errno(c->db) == ER_BINLOG_CREATE_ROUTINE_NEED_SUPER) {
        return ctl_fail("nothing was done: the server logs changes for replicas (log_bin), and then lets this account make no "
                        "triggers (error 1419). As administrator: SET GLOBAL log_bin_trust_function_creators = 1, and the "
                        "same in the server's configuration; or run this as an account with the right SUPER.");
    }
    return CTL_OK;
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

/** The lock, the right, and where the database stands. */
static int begin(ctl *c, apr_array_header_t **files, int *version)
{
    return schema_files(c, files) != CTL_OK || ctl_db_lock(c, "kiss.schema", LOCK_SECONDS) != CTL_OK
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
    return schema_repair(c, parts, differences);
}

int cmd_schema_install(ctl *c, const char *const *args)
{
    apr_array_header_t *files;
    int version;

    (void)args;
    if (begin(c, &files, &version) != CTL_OK) {
        return CTL_FAILED;
    }
    if (version > files->nelts) {
        return ctl_fail("%s", schema_advice(c, version, files->nelts));
    }
    return run_files(c, files, version + 1) != CTL_OK || put_back(c, 0) != CTL_OK ? CTL_FAILED : end(c, files);
}

int cmd_schema_upgrade(ctl *c, const char *const *args)
{
    apr_array_header_t *files;
    int version;

    (void)args;
    if (begin(c, &files, &version) != CTL_OK) {
        return CTL_FAILED;
    }
    if (version > files->nelts || version == 0) {
        return ctl_fail("%s", schema_advice(c, version, files->nelts));
    }
    return run_files(c, files, version + 1) != CTL_OK ? CTL_FAILED : end(c, files);
}

int cmd_schema_repair(ctl *c, const char *const *args)
{
    apr_array_header_t *files;
    int version;

    (void)args;
    if (begin(c, &files, &version) != CTL_OK) {
        return CTL_FAILED;
    }
    if (version != files->nelts) {
        return ctl_fail("%s", schema_advice(c, version, files->nelts));
    }
    return put_back(c, 1) != CTL_OK ? CTL_FAILED : end(c, files);
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
