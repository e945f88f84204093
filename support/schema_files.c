/* SPDX-License-Identifier: Apache-2.0 */
/**
 * schema_files - the numbered schema files SQLDIR/FOLDER/NNNN-*.sql, and the version of the database compared with them.
 * FOLDER is that of the verb's database: customer or kss.
 */
#include "schema_files.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <apr_file_info.h>
#include <apr_file_io.h>
#include <apr_lib.h>
#include <apr_strings.h>

#include "ctl_db.h"
#include "ctl_file.h"
#include "ctl_message.h"

#define MAX_SCHEMA_FILE (4 * 1024 * 1024)

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

            file->version = (int)apr_atoi64(info.name);     /* four digits */
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
    apr_status_t rv = ctl_file_read(text, NULL, file->path, MAX_SCHEMA_FILE, c->pool);

    return rv == APR_SUCCESS ? CTL_OK
        : ctl_fail("cannot read %s: %s", file->path,
                   rv == EFBIG ? "larger than 4 MiB" : apr_psprintf(c->pool, "%pm", &rv));
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
    *version = value ? (int)apr_atoi64(value) : 0;
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
