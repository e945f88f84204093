/* SPDX-License-Identifier: Apache-2.0 */
/**
 * import_report - what an import writes at its end: faults, notes, the summary, and all of it as JSON.
 */
#include "import_report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>
#include <json-c/json.h>

#include "csv.h"
#include "ctl_message.h"
#include "ctl_out.h"
#include "lib/base/plural.h"
#include "lib/base/utf8.h"

/* ---- choosing what is printed */

/** How many are printed of sorts about whole files, or about lines, when each shows at most `most`. */
static int shown_with(const import_run *run, int whole, int most)
{
    int i, sum = 0;

    for (i = 0; i < run->sorts->nelts; i++) {
        const import_sort *sort = &APR_ARRAY_IDX(run->sorts, i, import_sort);

        sum += sort->whole != whole ? 0 : sort->kept < most ? sort->kept : most;
    }
    return sum;
}

/** Shares IMPORT_MAX_ERRORS lines among the sorts, so that each is seen. */
static void share_out(import_run *run, int whole)
{
    int i, most = IMPORT_MAX_ERRORS, room;

    while (most > 1 && shown_with(run, whole, most) > IMPORT_MAX_ERRORS) {
        most--;
    }
    room = IMPORT_MAX_ERRORS - shown_with(run, whole, most);
    for (i = 0; i < run->sorts->nelts; i++) {
        import_sort *sort = &APR_ARRAY_IDX(run->sorts, i, import_sort);
        int more = sort->kept - most > room ? room : sort->kept - most;

        if (sort->whole == whole) {
            sort->shown = sort->kept < most ? sort->kept : most + (more > 0 ? more : 0);
            room -= more > 0 ? more : 0;
        }
    }
}

/** Faults of a file as a whole come before faults of lines: they often are their cause. */
static int by_place(const void *a, const void *b)
{
    const import_error *x = a, *y = b;

    return (x->line == 0) != (y->line == 0) ? (x->line == 0 ? -1 : 1) : x->part != y->part ? x->part - y->part
        : x->line != y->line ? (x->line < y->line ? -1 : 1) : x->order - y->order;
}

/** Sorts the faults and calls `each` for those that are printed. @return how many those were */
static int each_fault(import_run *run, void (*each)(const import_run *run, const import_error *error, void *ctx),
                      void *ctx)
{
    int i, n = 0;

    qsort(run->errors->elts, run->errors->nelts, sizeof(import_error), by_place);
    share_out(run, 1);
    share_out(run, 0);
    for (i = 0; i < run->sorts->nelts; i++) {
        APR_ARRAY_IDX(run->sorts, i, import_sort).left = APR_ARRAY_IDX(run->sorts, i, import_sort).shown;
    }
    for (i = 0; i < run->errors->nelts; i++) {
        const import_error *error = &APR_ARRAY_IDX(run->errors, i, import_error);
        import_sort *sort = &APR_ARRAY_IDX(run->sorts, error->sort, import_sort);

        if (sort->left > 0) {
            sort->left--;
            each(run, error, ctx);
            n++;
        }
    }
    return n;
}

/* ---- for people */

static void print_fault(const import_run *run, const import_error *error, void *ctx)
{
    const char *file = run->parts[error->part].shown;

    (void)ctx;
    fputs(file, stderr);
    if (error->line) {
        fprintf(stderr, ":%ld", error->line);
    }
    fputs(error->column ? ": column " : "", stderr);
    ctl_out_safe(stderr, error->column ? error->column : "");
    fputs(": ", stderr);
    ctl_out_safe(stderr, error->reason);
    fputc('\n', stderr);
}

/** What was left out, by sort. */
static void print_rest(const import_run *run, apr_uint64_t more)
{
    int i;

    fprintf(stderr, "... and %" APR_UINT64_T_FMT " more:\n", more);
    for (i = 0; i < run->sorts->nelts; i++) {
        const import_sort *sort = &APR_ARRAY_IDX(run->sorts, i, import_sort);

        if (sort->count > (apr_uint64_t)sort->shown && sort->column) {
            fprintf(stderr, "    %" APR_UINT64_T_FMT " in column ", sort->count);
            ctl_out_safe(stderr, sort->column);
            fprintf(stderr, " of %s\n", run->parts[sort->part].shown);
        }
        else if (sort->count > (apr_uint64_t)sort->shown) {
            fprintf(stderr, "    %" APR_UINT64_T_FMT " of other kinds in %s\n", sort->count,
                    run->parts[sort->part].shown);
        }
    }
}

static void print_notes(const import_run *run)
{
    int i;

    for (i = 0; i < run->notes->nelts; i++) {
        fputs("note: ", stderr);
        ctl_out_safe(stderr, APR_ARRAY_IDX(run->notes, i, const char *));
        fputc('\n', stderr);
    }
    if (run->nnotes > (apr_uint64_t)run->notes->nelts) {
        fprintf(stderr, "note: ... and %" APR_UINT64_T_FMT " more of these\n", run->nnotes - run->notes->nelts);
    }
}

static void print_faults(import_run *run)
{
    apr_uint64_t printed;

    fflush(stdout);
    printed = (apr_uint64_t)each_fault(run, print_fault, NULL);
    if (run->nerrors > printed) {
        print_rest(run, run->nerrors - printed);
    }
    print_notes(run);
    ctl_fail("%" APR_UINT64_T_FMT " error%s: nothing was changed. Repair the files and import again.", run->nerrors,
             KISS_PLURAL_S(run->nerrors));
}

/** The raised revisions as "dataset scope", sorted. */
static apr_array_header_t *raised(const import_run *run)
{
    apr_array_header_t *names = apr_array_make(run->c->pool, 8, sizeof(const char *));
    apr_hash_index_t *i;

    for (i = apr_hash_first(run->c->pool, run->revisions); i; i = apr_hash_next(i)) {
        const void *key;

        apr_hash_this(i, &key, NULL, NULL);
        APR_ARRAY_PUSH(names, const char *) = key;
    }
    ctl_out_sort(names);
    return names;
}

static const char *seconds_of(const import_run *run)
{
    return apr_psprintf(run->c->pool, "%.2f", (double)(apr_time_now() - run->started) / APR_USEC_PER_SEC);
}

static const char *number(const import_run *run, apr_uint64_t n)
{
    return apr_psprintf(run->c->pool, "%" APR_UINT64_T_FMT, n);
}

/** Whether a file of the folder became this part. */
static int is_reported(const import_part *part)
{
    return part->present && !part->made;
}

static void print_summary(const import_run *run)
{
    static const out_column columns[] = {{"File", OUT_TEXT}, {"Rows", OUT_NUMBER}, {"Added", OUT_NUMBER},
                                         {"Changed", OUT_NUMBER}, {"Removed", OUT_NUMBER}};
    apr_array_header_t *rows = apr_array_make(run->c->pool, run->set->n, sizeof(const char **)), *names = raised(run);
    int i;

    for (i = 0; i < run->set->n; i++) {
        const import_part *part = &run->parts[i];
        const char **row = apr_palloc(run->c->pool, sizeof(*row) * 5);

        if (is_reported(part)) {
            row[0] = part->def->file;
            row[1] = number(run, part->rows);
            row[2] = number(run, part->added);
            row[3] = number(run, part->changed);
            row[4] = number(run, part->removed);
            APR_ARRAY_PUSH(rows, const char **) = row;
        }
    }
    ctl_out_rows(run->c, columns, 5, rows);
    printf("%s in %s s; revisions raised: %s\n", run->dry_run ? "dry run, nothing was kept:" : "imported",
           seconds_of(run), names->nelts ? apr_array_pstrcat(run->c->pool, names, ',') : "none");
    fflush(stdout);
    print_notes(run);
}

/* ---- for programs */

/** A text as JSON; what is not UTF-8 in it (a name of a file, a header) becomes '?'. */
static struct json_object *text_of(const import_run *run, const char *text)
{
    apr_size_t len = strlen(text), at = 0;
    char *out = apr_pstrmemdup(run->c->pool, text, len);

    while ((at += kiss_utf8_check(out + at, len - at, NULL)) < len) {
        out[at++] = '?';
    }
    return json_object_new_string(out);
}

static struct json_object *number_of(apr_uint64_t n)
{
    return json_object_new_int64((int64_t)n);
}

static struct json_object *files_of(const import_run *run)
{
    struct json_object *files = json_object_new_array();
    int i;

    for (i = 0; i < run->set->n; i++) {
        const import_part *part = &run->parts[i];
        struct json_object *o;

        if (!is_reported(part)) {
            continue;
        }
        o = json_object_new_object();
        json_object_object_add(o, "File", json_object_new_string(part->def->file));
        json_object_object_add(o, "Table", json_object_new_string(part->def->table));
        json_object_object_add(o, "Rows", number_of(part->rows));
        json_object_object_add(o, "Before", number_of(part->before));
        json_object_object_add(o, "Added", number_of(part->added));
        json_object_object_add(o, "Changed", number_of(part->changed));
        json_object_object_add(o, "Removed", number_of(part->removed));
        json_object_array_add(files, o);
    }
    return files;
}

static struct json_object *revisions_of(const import_run *run)
{
    struct json_object *revisions = json_object_new_array();
    apr_array_header_t *names = raised(run);
    int i;

    for (i = 0; i < names->nelts; i++) {
        const char *name = APR_ARRAY_IDX(names, i, const char *);
        const import_bump *bump = apr_hash_get(run->revisions, name, APR_HASH_KEY_STRING);
        struct json_object *revision = json_object_new_object();

        json_object_object_add(revision, "Dataset", json_object_new_string(bump->dataset));
        json_object_object_add(revision, "Scope", json_object_new_string(bump->scope));
        json_object_array_add(revisions, revision);
    }
    return revisions;
}

static struct json_object *refused_of(const import_run *run)
{
    struct json_object *refused = json_object_new_array();
    int i;

    for (i = 0; i < run->losses->nelts; i++) {
        const import_refusal *loss = &APR_ARRAY_IDX(run->losses, i, import_refusal);
        struct json_object *o = json_object_new_object();

        json_object_object_add(o, "File", json_object_new_string(loss->part->def->file));
        json_object_object_add(o, "Table", json_object_new_string(loss->part->def->table));
        json_object_object_add(o, "What", json_object_new_string(loss->what));
        json_object_object_add(o, "Before", number_of(loss->before));
        json_object_object_add(o, "Lost", number_of(loss->lost));
        json_object_object_add(o, "After", number_of(loss->after));
        json_object_object_add(o, "RemoveUpTo", json_object_new_int(loss->needed));
        json_object_array_add(refused, o);
    }
    return refused;
}

static void add_fault(const import_run *run, const import_error *error, void *ctx)
{
    struct json_object *o = json_object_new_object();

    json_object_object_add(o, "File", json_object_new_string(run->set->files[error->part].file));
    json_object_object_add(o, "Line", error->line ? json_object_new_int64(error->line) : NULL);
    json_object_object_add(o, "Column", error->column ? text_of(run, error->column) : NULL);
    json_object_object_add(o, "Reason", text_of(run, error->reason));
    json_object_array_add(ctx, o);
}

static struct json_object *notes_of(const import_run *run)
{
    struct json_object *notes = json_object_new_array();
    int i;

    for (i = 0; i < run->notes->nelts; i++) {
        json_object_array_add(notes, text_of(run, APR_ARRAY_IDX(run->notes, i, const char *)));
    }
    return notes;
}

static void print_json(import_run *run)
{
    static const char *const results[] = {
        [IMPORT_LOADED] = "loaded", [IMPORT_TRIED] = "tried", [IMPORT_REFUSED] = "refused",
        [IMPORT_STOPPED] = "stopped", [IMPORT_FAILED] = "failed", [IMPORT_UNKNOWN] = "unknown"};
    int well = run->result == IMPORT_LOADED || run->result == IMPORT_TRIED;
    struct json_object *o = json_object_new_object(), *faults = json_object_new_array();
    const char *seconds = seconds_of(run);

    each_fault(run, add_fault, faults);
    json_object_object_add(o, "Result", json_object_new_string(results[run->result]));
    json_object_object_add(o, "DryRun", json_object_new_boolean(run->dry_run));
    json_object_object_add(o, "Seconds", json_object_new_double_s(strtod(seconds, NULL), seconds));
    json_object_object_add(o, "Error", !well && run->error ? text_of(run, run->error) : NULL);
    json_object_object_add(o, "Files", files_of(run));
    json_object_object_add(o, "Revisions", well ? revisions_of(run) : json_object_new_array());
    json_object_object_add(o, "Refused", refused_of(run));
    json_object_object_add(o, "Faults", faults);
    json_object_object_add(o, "FaultsInAll", number_of(run->nerrors));
    json_object_object_add(o, "Notes", notes_of(run));
    json_object_object_add(o, "NotesInAll", number_of(run->nnotes));
    puts(json_object_to_json_string_ext(o, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED
                                        | JSON_C_TO_STRING_NOSLASHESCAPE));
    json_object_put(o);
}

void import_print_report(import_run *run)
{
    if (run->result == IMPORT_REFUSED) {
        print_faults(run);
    }
    else if (run->result == IMPORT_STOPPED) {
        ctl_fail("stopped: nothing was changed");
    }
    else if (run->result == IMPORT_FAILED) {
        ctl_fail("the import failed: nothing was changed");
    }
    else if (run->result != IMPORT_UNKNOWN && !run->c->json) {
        print_summary(run);
    }
    if (run->c->json) {
        print_json(run);
    }
}
