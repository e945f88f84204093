/* SPDX-License-Identifier: Apache-2.0 */
/**
 * import_derive - works out what an import set derives from its tables.
 */
#include "import_derive.h"

#include "ctl_db.h"
#include "import_progress.h"

/** Whether something in one of the files of `derived` changed. */
static int concerned(const import_run *run, const import_derived *derived)
{
    apr_size_t i;

    for (i = 0; i < sizeof(derived->files) / sizeof(*derived->files) && derived->files[i]; i++) {
        const import_part *part = import_part_of(run, derived->files[i]);

        if (part->added + part->changed + part->removed > 0) {
            return 1;
        }
    }
    return 0;
}

int import_derive(import_run *run)
{
    const import_derived *derived = run->set->derived;

    import_progress(run, NULL, IMPORT_FOLLOWING, 0);
    for (; derived && derived->sql; derived++) {
        if (!concerned(run, derived)) {
            continue;
        }
        if (ctl_db_exec(run->c, derived->sql) != CTL_OK || import_stopped()) {
            return CTL_FAILED;
        }
        if (derived->dataset && mysql_affected_rows(run->c->db) > 0) {
            import_raise(run, derived->dataset, "", 0);
        }
    }
    return CTL_OK;
}

int import_derive_all(ctl *c)
{
    const import_derived *d = *c->verb->database->lead ? import_kss_set.derived : import_customer_set.derived;
    int rc = CTL_OK;

    for (; d && d->sql && rc == CTL_OK; d++) {
        rc = ctl_db_exec(c, d->sql);
    }
    return rc;
}
