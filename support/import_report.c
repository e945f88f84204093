/**
 * import_report - what an import says: faults, notes, progress, summary.
 */
#include "import.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>
#include <json-c/json.h>

#include "ctl_out.h"

#define BAR 24
#define REFRESH (APR_USEC_PER_SEC / 10)

void import_fault(import_run *run, const import_part *part, long line, const char *column, const char *fmt, ...)
{
    apr_pool_t *p = run->c->pool;
    import_error *error;
    const char *text;
    va_list args;

    if (run->nerrors++ >= IMPORT_MAX_ERRORS) {
        return;
    }
    va_start(args, fmt);
    text = apr_pvsprintf(p, fmt, args);
    va_end(args);
    error = apr_array_push(run->errors);
    error->part = (int)(part - run->parts);
    error->line = (int)line;
    error->order = run->errors->nelts;
    error->text = apr_pstrcat(p, part->def->file, line ? apr_psprintf(p, ":%ld", line) : "", ": ",
                              column ? "column " : "", column ? column : "", column ? ": " : "", text, NULL);
}

void import_note(import_run *run, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    APR_ARRAY_PUSH(run->notes, const char *) = apr_pvsprintf(run->c->pool, fmt, args);
    va_end(args);
}

void import_progress(import_run *run, const import_part *part, const char *doing, apr_uint64_t bytes)
{
    apr_time_t now;
    double seconds;
    int done;

    if (!run->terminal) {
        return;
    }
    now = apr_time_now();
    if (now - run->shown < REFRESH) {
        return;
    }
    run->shown = now;
    if (bytes == 0 || part->size <= 0) {
        fprintf(stderr, "\r\033[K%s %s", doing, part->def->file);
        return;
    }
    done = (int)(bytes * BAR / (apr_uint64_t)part->size);
    seconds = (double)(now - run->file_started) / APR_USEC_PER_SEC;
    fprintf(stderr, "\r\033[K%s %s [%.*s%*s] %d %%, %.0f rows/s", doing, part->def->file, done < BAR ? done : BAR,
            "########################", done < BAR ? BAR - done : 0, "",
            (int)(bytes * 100 / (apr_uint64_t)part->size), seconds > 0 ? (double)part->rows / seconds : 0);
}

void import_progress_end(import_run *run)
{
    if (run->terminal) {
        fputs("\r\033[K", stderr);
    }
}

static int by_place(const void *a, const void *b)
{
    const import_error *x = a, *y = b;

    return x->part != y->part ? x->part - y->part : x->line != y->line ? (x->line < y->line ? -1 : 1)
        : x->order - y->order;
}

static void print_notes(const import_run *run)
{
    int i;

    for (i = 0; i < run->notes->nelts; i++) {
        fputs("note: ", stderr);
        ctl_out_safe(stderr, APR_ARRAY_IDX(run->notes, i, const char *));
        fputc('\n', stderr);
    }
}

int import_print_faults(import_run *run)
{
    int i;

    fflush(stdout);
    qsort(run->errors->elts, run->errors->nelts, sizeof(import_error), by_place);
    for (i = 0; i < run->errors->nelts; i++) {
        fprintf(stderr, "%s\n", APR_ARRAY_IDX(run->errors, i, import_error).text);
    }
    if (run->nerrors > IMPORT_MAX_ERRORS) {
        fprintf(stderr, "... and %" APR_UINT64_T_FMT " more\n", run->nerrors - IMPORT_MAX_ERRORS);
    }
    print_notes(run);
    return ctl_fail("%" APR_UINT64_T_FMT " error%s: nothing was changed. Repair the files and import again.",
                    run->nerrors, IMPORT_S(run->nerrors));
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
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
    qsort(names->elts, names->nelts, sizeof(const char *), by_name);
    return names;
}

static struct json_object *json_of(const import_part *part)
{
    struct json_object *o = json_object_new_object();

    json_object_object_add(o, "File", json_object_new_string(part->def->file));
    json_object_object_add(o, "Rows", json_object_new_int64((int64_t)part->rows));
    json_object_object_add(o, "Added", json_object_new_int64((int64_t)part->added));
    json_object_object_add(o, "Changed", json_object_new_int64((int64_t)part->changed));
    json_object_object_add(o, "Removed", json_object_new_int64((int64_t)part->removed));
    return o;
}

static void print_json(const import_run *run, const apr_array_header_t *names, const char *seconds)
{
    struct json_object *o = json_object_new_object(), *files = json_object_new_array();
    struct json_object *revisions = json_object_new_array(), *notes = json_object_new_array();
    int i;

    for (i = 0; i < run->set->n; i++) {
        if (run->parts[i].present && !run->parts[i].made) {
            json_object_array_add(files, json_of(&run->parts[i]));
        }
    }
    for (i = 0; i < names->nelts; i++) {
        const char *name = APR_ARRAY_IDX(names, i, const char *);
        const import_bump *bump = apr_hash_get(run->revisions, name, APR_HASH_KEY_STRING);
        struct json_object *revision = json_object_new_object();

        json_object_object_add(revision, "Dataset", json_object_new_string(bump->dataset));
        json_object_object_add(revision, "Scope", json_object_new_string(bump->scope));
        json_object_array_add(revisions, revision);
    }
    for (i = 0; i < run->notes->nelts; i++) {
        json_object_array_add(notes, json_object_new_string(APR_ARRAY_IDX(run->notes, i, const char *)));
    }
    json_object_object_add(o, "DryRun", json_object_new_boolean(run->dry_run));
    json_object_object_add(o, "Seconds", json_object_new_double_s(strtod(seconds, NULL), seconds));
    json_object_object_add(o, "Files", files);
    json_object_object_add(o, "Revisions", revisions);
    json_object_object_add(o, "Notes", notes);
    puts(json_object_to_json_string_ext(o, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED
                                        | JSON_C_TO_STRING_NOSLASHESCAPE));
    json_object_put(o);
}

static const char *number(const import_run *run, apr_uint64_t n)
{
    return apr_psprintf(run->c->pool, "%" APR_UINT64_T_FMT, n);
}

void import_print_summary(import_run *run)
{
    static const out_column columns[] = {{"File", OUT_TEXT}, {"Rows", OUT_NUMBER}, {"Added", OUT_NUMBER},
                                         {"Changed", OUT_NUMBER}, {"Removed", OUT_NUMBER}};
    apr_array_header_t *rows = apr_array_make(run->c->pool, run->set->n, sizeof(const char **)), *names = raised(run);
    const char *seconds = apr_psprintf(run->c->pool, "%.2f",
                                       (double)(apr_time_now() - run->started) / APR_USEC_PER_SEC);
    int i;

    if (run->c->json) {
        print_json(run, names, seconds);
        return;
    }
    for (i = 0; i < run->set->n; i++) {
        const import_part *part = &run->parts[i];
        const char **row = apr_palloc(run->c->pool, sizeof(*row) * 5);

        if (part->present && !part->made) {
            row[0] = part->def->file;
            row[1] = number(run, part->rows);
            row[2] = number(run, part->added);
            row[3] = number(run, part->changed);
            row[4] = number(run, part->removed);
            APR_ARRAY_PUSH(rows, const char **) = row;
        }
    }
    ctl_out_rows(run->c, columns, 5, rows);
    printf("%s in %s s; revisions raised: %s\n", run->dry_run ? "dry run, nothing was kept:" : "imported", seconds,
           names->nelts ? apr_array_pstrcat(run->c->pool, names, ',') : "none");
    fflush(stdout);
    print_notes(run);
}
