/* SPDX-License-Identifier: Apache-2.0 */
/**
 * doctor_schema - the version of the schema, the objects that its files make, and rows changed past the triggers.
 */
#include "doctor_checks.h"

#include <string.h>

#include <apr_strings.h>

#include "ctl_db.h"
#include "lib/base/plural.h"
#include "schema_diff.h"
#include "schema_files.h"

/** Tables, sequences, triggers, foreign keys and revisions must be as the schema files make them. */
static void check_objects(doctor *d)
{
    apr_pool_t *p = d->c->pool;
    apr_array_header_t *differences, *foreign;
    const char *list = "", *others = "";
    schema_parts *parts;
    int i;

    if (schema_parts_read(d->c, &parts) != CTL_OK || schema_diff(d->c, parts, &differences) != CTL_OK
        || schema_diff_foreign(d->c, parts, &foreign) != CTL_OK) {
        doctor_finding(d, "tables", DOCTOR_PROBLEM, "see the message above", "could not be checked");
        return;
    }
    for (i = 0; i < differences->nelts; i++) {
        list = doctor_append(d, list, i, APR_ARRAY_IDX(differences, i, schema_difference).text);
    }
    for (i = 0; i < foreign->nelts; i++) {
        others = doctor_append(d, others, i, APR_ARRAY_IDX(foreign, i, const char *));
    }
    if (*list) {
        doctor_finding(d, "tables", DOCTOR_PROBLEM,
                       apr_psprintf(p, "run 'kissctl %sschema repair' as an account that may see and make triggers; until "
                                       "then "
                                    "changes may be answered with 304", d->c->verb->database->lead), "%s", list);
    }
    else {
        doctor_finding(d, "tables", DOCTOR_OK, NULL, "all %d tables and sequences, %d triggers and %d foreign keys are as "
                                                     "they must be",
                       parts->tables->nelts, parts->triggers->nelts, parts->keys->nelts);
    }
    if (*others) {
        doctor_finding(d, "other triggers", DOCTOR_OK, NULL, "%s", others);
    }
}

/** Tables that have other rows than the last load has left, though nothing has raised a revision since. */
static void check_loaded(doctor *d)
{
    apr_pool_t *p = d->c->pool;
    apr_array_header_t *rows;
    const char *list = "", *now;
    int i, n = 0;

    if (ctl_db_rows(d->c, &rows, p, "SELECT l.table_name, l.row_count, l.dataset FROM last_load l WHERE l.revisions ="
                    " (SELECT SUM(n) FROM revision r WHERE r.dataset = l.dataset) ORDER BY 1", 0) != CTL_OK) {
        return;
    }
    for (i = 0; i < rows->nelts; i++) {
        const char **row = CTL_ROW(rows, i);

        if (ctl_db_value(d->c, &now, apr_pstrcat(p, "SELECT COUNT(*) FROM `", row[0], "`", NULL), 0) == CTL_OK && now
            && strcmp(now, row[1]) != 0) {
            list = doctor_append(d, list, n++, apr_psprintf(p, "%s has %s row%s, the last load has left %s", row[0], now,
                                                         KISS_PLURAL_S(apr_atoi64(now)), row[1]));
        }
    }
    if (n) {
        doctor_finding(d, "rows", DOCTOR_PROBLEM, apr_psprintf(p, "run 'kissctl %stouch all': until then clients may be "
                                                                  "told 304",
                                                        d->c->verb->database->lead),
                       "changed past the triggers: %s", list);
    }
    else if (rows->nelts) {
        doctor_finding(d, "rows", DOCTOR_OK, NULL, "as the last load has left them, where nothing has changed since");
    }
}

int doctor_check_schema(doctor *d)
{
    apr_array_header_t *files;
    const char *advice;
    int version;

    if (schema_files(d->c, &files) != CTL_OK || schema_version(d->c, &version) != CTL_OK) {
        doctor_finding(d, "schema", DOCTOR_PROBLEM, "see the message above", "could not be checked");
        return 0;
    }
    advice = schema_advice(d->c, version, files->nelts);
    doctor_finding(d, "schema", advice ? DOCTOR_PROBLEM : DOCTOR_OK, advice, "version %d of %d", version, files->nelts);
    if (version == files->nelts) {
        check_objects(d);
        check_loaded(d);
    }
    return version > 0;
}
