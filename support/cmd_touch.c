/* SPDX-License-Identifier: Apache-2.0 */
/**
 * cmd_touch - the verb touch: raises revisions, because data were changed past the triggers.
 */
#include "cmd.h"

#include <string.h>

#include <apr_strings.h>

#include "ctl_db.h"
#include "ctl_message.h"
#include "ctl_out.h"
#include "import_derive.h"
#include "schema_files.h"
#include "schema_repair.h"

static int report(ctl *c, apr_uint64_t raised)
{
    static const out_column columns[] = {{"Raised", OUT_NUMBER}};
    const char *row[] = {apr_psprintf(c->pool, "%" APR_UINT64_T_FMT, raised)};

    ctl_out_row(c, columns, 1, row);
    return CTL_OK;
}

/** Names, for a message. */
static const char *joined(ctl *c, const apr_array_header_t *rows)
{
    const char *list = "";
    int i;

    for (i = 0; i < rows->nelts; i++) {
        list = apr_pstrcat(c->pool, list, i ? ", " : "", CTL_ROW(rows, i)[0], NULL);
    }
    return list;
}

/** Reports which of the two is unknown, and what there is. */
static int refuse_dataset(ctl *c, const char *dataset, const char *scope)
{
    apr_array_header_t *datasets, *scopes;
    int known = 0, i;

    if (ctl_db_rows(c, &datasets, c->pool, "SELECT DISTINCT dataset FROM revision WHERE dataset <> 'epoch' ORDER BY 1", 0)
        != CTL_OK
        || ctl_db_rows(c, &scopes, c->pool, "SELECT scope FROM revision WHERE dataset = ? AND scope <> '' ORDER BY 1", 1,
                       dataset) != CTL_OK) {
        return CTL_FAILED;
    }
    for (i = 0; i < datasets->nelts; i++) {
        known |= strcmp(CTL_ROW(datasets, i)[0], dataset) == 0;
    }
    if (scope && (known || strcmp(dataset, "all") == 0)) {
        return scopes->nelts > 0
            ? ctl_fail("there is no '%s' in dataset '%s': there are %s", scope, dataset, joined(c, scopes))
            : ctl_fail("dataset '%s' has no scopes: leave '%s' out", dataset, scope);
    }
    return ctl_fail("there is no dataset '%s': there are all, %s", dataset, joined(c, datasets));
}

int cmd_touch(ctl *c, const char *const *args)
{
    apr_uint64_t raised = 0;
    int rc;

    /* The sums first: who sees the new number must see them. */
    if (schema_require(c) != CTL_OK
        || ((strncmp(args[0], "invoice", 7) == 0 || strcmp(args[0], "all") == 0) && import_derive_all(c) != CTL_OK)) {
        return CTL_FAILED;
    }
    rc = args[1] ? ctl_db_run(c, &raised, SCHEMA_RAISE_ALL " AND dataset = ? AND scope = ?", 2, args[0], args[1])
       : strcmp(args[0], "all") == 0 ? ctl_db_run(c, &raised, SCHEMA_RAISE_ALL, 0)
       : ctl_db_run(c, &raised, SCHEMA_RAISE_ALL " AND dataset = ?", 1, args[0]);
    if (rc == CTL_OK && raised == 0) {
        return refuse_dataset(c, args[0], args[1]);
    }
    return rc == CTL_OK ? report(c, raised) : CTL_FAILED;
}
