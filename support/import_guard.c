/* SPDX-License-Identifier: Apache-2.0 */
/**
 * import_guard - refuses files that would take away more than a whole file usually does: one that was cut off, holds
 * only its header, or came with other keys.
 *
 * Judged per file: the rows that it removes, the rows that lose what makes them useful (import_loss), and a scope (a
 * price list, a warehouse) that is left with nothing. All of it is reported in one run.
 */
#include "import_guard.h"

#include <string.h>

#include <apr_strings.h>

#include "ctl_out.h"
#include "import_fault.h"
#include "import_sql.h"
#include "lib/base/plural.h"
#include "lib/base/quote.h"

/** Of fewer rows a share means little: there only the loss of all of them is refused. */
#define SHARE_ROWS 50

/** What the callbacks below write about. */
typedef struct {
    import_run *run;
    const import_part *part;
    apr_uint64_t before, lost;
} guarding;

/** The --remove-up-to that allows it to lose `lost` of `before` rows, or 0: none is needed. */
static int needed(const import_run *run, apr_uint64_t before, apr_uint64_t lost)
{
    int percent;

    if (lost == 0 || before == 0) {
        return 0;
    }
    if (lost >= before) {
        percent = 100;
    }
    else if (before < SHARE_ROWS) {
        return 0;
    }
    else {
        percent = (int)((lost * 100 + before - 1) / before);
    }
    return percent > run->remove_up_to ? percent : 0;
}

static import_refusal *refuse(import_run *run, const import_part *part, const char *what, apr_uint64_t before,
                              apr_uint64_t lost, int percent)
{
    import_refusal *refusal = apr_array_push(run->losses);

    refusal->part = part;
    refusal->what = what;
    refusal->before = before;
    refusal->lost = lost;
    refusal->after = before - lost;
    refusal->needed = percent;
    return refusal;
}

/** "all of the prices", or "536 of the 564 prices" */
static const char *share_of(const import_run *run, apr_uint64_t n, apr_uint64_t of, const char *what)
{
    return n >= of ? apr_psprintf(run->c->pool, "all of the %s", what)
        : apr_psprintf(run->c->pool, "%" APR_UINT64_T_FMT " of the %" APR_UINT64_T_FMT " %s", n, of, what);
}

/** Rows that the file lacks. @return 1 when that was refused */
static int judge_removed(import_run *run, const import_part *part)
{
    /* A row whose key cannot be read may be any of them. */
    apr_uint64_t lost = part->removed > part->keys_lost ? part->removed - part->keys_lost : 0;
    int percent = needed(run, part->before, lost);
    import_refusal *refusal;

    if (!percent) {
        return 0;
    }
    refusal = refuse(run, part, part->def->rows, part->before, lost, percent);
    refusal->after += part->added;
    import_fault(run, part, 0, NULL, "would remove %s (table %s: %" APR_UINT64_T_FMT " row%s now, %" APR_UINT64_T_FMT
                 " then%s). Is the file whole? If that is meant, add --remove-up-to %d",
                 share_of(run, lost, part->before, part->def->rows), part->def->table, part->before,
                 KISS_PLURAL_S(part->before), refusal->after,
                 part->added == 0 ? "" : apr_psprintf(run->c->pool, ", %" APR_UINT64_T_FMT " of them new", part->added),
                 percent);
    return 1;
}

/** Row: rows that have it, rows that will not. */
static void count_loss(void *ctx, char **values)
{
    guarding *g = ctx;

    g->before = (apr_uint64_t)apr_strtoi64(values[0], NULL, 10);
    g->lost = values[1] ? (apr_uint64_t)apr_strtoi64(values[1], NULL, 10) : 0;
}

/** Rows that stay, but lose something; those that go count with them. */
static int judge_loss(import_run *run, const import_part *part, const import_loss *loss)
{
    guarding g = {run, part, 0, 0};
    apr_pool_t *p = run->c->pool;
    int percent, rc;

    rc = import_each(run, apr_pstrcat(p, "SELECT COUNT(*), SUM(n.line IS NULL OR NOT (", loss->after, ")) FROM ",
                                      part->def->table, " o LEFT JOIN ", part->stage, " n ON ",
                                      import_keys(p, part->def, "n.", "o."), " WHERE ", loss->before, NULL),
                     count_loss, &g);
    percent = needed(run, g.before, g.lost);
    if (rc != CTL_OK || !percent || (loss->whole && (g.lost < g.before || g.before < SHARE_ROWS))) {
        return rc;
    }
    refuse(run, part, loss->what, g.before, g.lost, percent);
    import_fault(run, part, 0, NULL, "would leave %s (table %s: %" APR_UINT64_T_FMT " row%s now, %" APR_UINT64_T_FMT
                 " then). If that is meant, add --remove-up-to %d",
                 g.lost >= g.before ? apr_pstrcat(p, "none of the ", loss->what, NULL)
                 : apr_pstrcat(p, "only ", share_of(run, g.before - g.lost, g.before, loss->what), NULL),
                 part->def->table, g.before, KISS_PLURAL_S(g.before), g.before - g.lost, percent);
    return rc;
}

/** Row: scope, rows that it has. */
static void lost_scope(void *ctx, char **values)
{
    guarding *g = ctx;
    const import_file *def = g->part->def;
    apr_uint64_t before = (apr_uint64_t)apr_strtoi64(values[1], NULL, 10);
    const import_column *column = import_column_stored(def, def->scope);

    refuse(g->run, g->part, def->rows, before, before, 100);
    import_fault(g->run, g->part, 0, NULL, "would remove all %" APR_UINT64_T_FMT " %s of %s %s, which stays (table %s: %"
                 APR_UINT64_T_FMT " rows now, 0 then). Is the file whole? If that is meant, add --remove-up-to 100",
                 before, def->rows, column->csv, kiss_quote(g->run->scratch, values[0], strlen(values[0])),
                 def->table, before);
}

/** Scopes that stay, with nothing in them any more. */
static int judge_scopes(import_run *run, const import_part *part)
{
    const import_file *def = part->def;
    apr_pool_t *p = run->c->pool;
    guarding g = {run, part, 0, 0};
    const import_column *column = def->scope ? import_column_stored(def, def->scope) : NULL;
    const import_part *parent;

    if (!column || !column->parent || part->removed < SHARE_ROWS || run->remove_up_to == 100) {
        return CTL_OK;
    }
    parent = import_part_of(run, column->parent);
    return import_each(run, apr_psprintf(p, "SELECT t.%s, t.many FROM (SELECT %s, COUNT(*) AS many FROM %s GROUP BY %s"
                                         " HAVING many >= %d) t JOIN %s p ON p.%s = t.%s"
                                         " LEFT JOIN (SELECT DISTINCT %s FROM %s) n ON n.%s = t.%s WHERE n.%s IS NULL",
                                         def->scope, def->scope, def->table, def->scope, SHARE_ROWS, parent->source,
                                         import_key_of(parent->def)->db, def->scope, def->scope, part->stage,
                                         def->scope, def->scope, def->scope), lost_scope, &g);
}

static int judge(import_run *run, const import_part *part)
{
    int i, rc;

    if (judge_removed(run, part)) {
        return CTL_OK;                      /* what follows would report the same again */
    }
    rc = judge_scopes(run, part);
    for (i = 0; rc == CTL_OK && part->def->losses[i].what; i++) {
        rc = part->lost[i] > 0 ? judge_loss(run, part, &part->def->losses[i]) : CTL_OK;
    }
    return rc;
}

int import_guard(import_run *run)
{
    int i, rc = CTL_OK;

    for (i = 0; i < run->set->n && rc == CTL_OK; i++) {
        const import_part *part = &run->parts[i];

        if (part->present && !part->made && !part->unread) {
            rc = judge(run, part);
        }
    }
    return rc;
}
