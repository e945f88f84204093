/**
 * import_derive - works out again what an import set derives from its tables.
 */
#include "import_derive.h"

#include "ctl_db.h"
#include "import_table.h"

int import_derive_all(ctl *c)
{
    const import_derived *d = *c->verb->database->lead ? import_kss_set.derived : import_customer_set.derived;
    int rc = CTL_OK;

    for (; d && d->sql && rc == CTL_OK; d++) {
        rc = ctl_db_exec(c, d->sql);
    }
    return rc;
}
