/* SPDX-License-Identifier: Apache-2.0 */
/**
 * import_map - reads the rules of --map, and finds the one for a file or a column. Pure.
 */
#include "import_map.h"

#include <stdarg.h>
#include <string.h>

#include <apr_lib.h>
#include <apr_strings.h>

#include "ctl_out.h"
#include "lib/base/quote.h"
#include "lib/import/import_text.h"

/** Their name of a file of ours. */
typedef struct {
    const char *theirs;
    const import_file *ours;
    int line;
} file_rule;

struct import_map {
    const import_set *set;
    apr_pool_t *pool;
    apr_array_header_t *files;              /* file_rule */
    apr_array_header_t *rules;              /* import_map_rule */
    apr_array_header_t *faults;             /* const char * */
};

/** A piece of a line, without blanks at its ends. */
typedef struct {
    const char *text;
    apr_size_t len;
} piece;

static void fault(import_map *map, int line, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

static void fault(import_map *map, int line, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    APR_ARRAY_PUSH(map->faults, const char *) = apr_psprintf(map->pool, "%d: %s", line,
                                                             apr_pvsprintf(map->pool, fmt, args));
    va_end(args);
}

/** The piece from `text` to `end`, its quotes taken off. */
static piece piece_of(const char *text, const char *end)
{
    piece p = {text, (apr_size_t)(end - text)};

    import_trim(&p.text, &p.len);
    if (p.len >= 2 && p.text[0] == '"' && p.text[p.len - 1] == '"') {
        p.text++;
        p.len -= 2;
    }
    return p;
}

static const char *string_of(const import_map *map, piece p)
{
    return apr_pstrmemdup(map->pool, p.text, p.len);
}

static const char *quoted(const import_map *map, piece p)
{
    return kiss_quote(map->pool, p.text, p.len);
}

static const import_file *our_file(const import_map *map, piece p)
{
    return import_file_of(map->set, string_of(map, p));
}

/** Whether the piece is the name of a file of ours, or of one that a rule maps. */
static int is_file(const import_map *map, piece p)
{
    int i;

    for (i = 0; i < map->files->nelts; i++) {
        const char *theirs = APR_ARRAY_IDX(map->files, i, file_rule).theirs;

        if (strlen(theirs) == p.len && memcmp(theirs, p.text, p.len) == 0) {
            return 1;
        }
    }
    return our_file(map, p) != NULL;
}

/** Whether it looks like the name of a file: "stock.txt". */
static int like_file(piece p)
{
    static const char *const ends[] = {".csv", ".txt", ".tsv", ".tab", ".dat", ".asc"};
    apr_size_t i;

    for (i = 0; i < sizeof(ends) / sizeof(*ends); i++) {
        if (p.len > 4 && strncasecmp(p.text + p.len - 4, ends[i], 4) == 0) {
            return 1;
        }
    }
    return 0;
}

static void add_file(import_map *map, int line, piece theirs, const import_file *ours)
{
    file_rule *rule;
    int i;

    for (i = 0; i < map->files->nelts; i++) {
        rule = &APR_ARRAY_IDX(map->files, i, file_rule);
        if (rule->ours == ours) {
            fault(map, line, "%s is mapped in line %d already", ours->file, rule->line);
            return;
        }
    }
    for (i = 0; i < (int)theirs.len && !apr_iscntrl(theirs.text[i]) && theirs.text[i] != '/'; i++) {
    }
    if (theirs.len == 0 || i < (int)theirs.len) {
        fault(map, line, "%s is not the name of a file in the folder", quoted(map, theirs));
        return;
    }
    rule = apr_array_push(map->files);
    rule->theirs = string_of(map, theirs);
    rule->ours = ours;
    rule->line = line;
}

/** Whether a rule that names `file` (NULL: any) is about `def`. */
static int concerns(const import_map *map, const char *file, const import_file *def)
{
    return !file || strcmp(file, def->file) == 0 || strcmp(file, import_map_file(map, def)) == 0;
}

/** Whether one of the files that the rule is about has its column. */
static int has_column(const import_map *map, const char *file, piece ours)
{
    int i;

    for (i = 0; i < map->set->n; i++) {
        if (concerns(map, file, &map->set->files[i]) && import_column_named(&map->set->files[i], ours.text, ours.len)) {
            return 1;
        }
    }
    return 0;
}

static int same_scope(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

static void add_rule(import_map *map, int line, const char *file, piece theirs, piece ours)
{
    import_map_rule *rule;
    int i;

    if (theirs.len == 0) {
        fault(map, line, "the name of their column is missing in front of '='");
        return;
    }
    if (ours.len > 0 && !has_column(map, file, ours)) {
        fault(map, line, "%s is no column of %s", quoted(map, ours), file ? file : "any file of the import");
        return;
    }
    for (i = 0; i < map->rules->nelts; i++) {
        rule = &APR_ARRAY_IDX(map->rules, i, import_map_rule);
        if (same_scope(rule->file, file)
            && import_same_name(rule->theirs, strlen(rule->theirs), theirs.text, theirs.len)) {
            fault(map, line, "%s is mapped in line %d already", quoted(map, theirs), rule->line);
            return;
        }
    }
    rule = apr_array_push(map->rules);
    rule->file = file;
    rule->theirs = string_of(map, theirs);
    rule->ours = ours.len ? string_of(map, ours) : NULL;
    rule->line = line;
}

/** A rule about a column: [FILE:] THEIRS = OURS. */
static void read_column(import_map *map, int line, const char *text, const char *equals, const char *end)
{
    const char *colon = memchr(text, ':', (apr_size_t)(equals - text)), *file = NULL;

    if (colon) {
        piece name = piece_of(text, colon);

        if (is_file(map, name)) {
            file = string_of(map, name);
            text = colon + 1;
        }
        else if (like_file(name)) {
            fault(map, line, "%s is no file of the import, and no line 'FILE = OURS' says which it is", quoted(map, name));
            return;
        }
    }
    add_rule(map, line, file, piece_of(text, equals), piece_of(equals + 1, end));
}

/** Reads one line; in the first pass what is about files, in the second one the rest. */
static void read_line(import_map *map, int pass, int line, const char *text, const char *end)
{
    piece whole = piece_of(text, end), ours;
    const char *equals = end;
    const import_file *def;

    if (whole.len == 0 || *whole.text == '#') {
        return;
    }
    while (equals > text && *equals != '=') {
        equals--;
    }
    if (*equals != '=') {
        if (pass == 2) {
            fault(map, line, "%s is no rule THEIRS = OURS", quoted(map, whole));
        }
        return;
    }
    ours = piece_of(equals + 1, end);
    def = our_file(map, ours);
    if (def) {
        if (pass == 1) {
            add_file(map, line, piece_of(text, equals), def);
        }
        return;
    }
    if (pass == 2 && like_file(ours)) {
        fault(map, line, "%s is no file of the import", quoted(map, ours));
    }
    else if (pass == 2) {
        read_column(map, line, text, equals, end);
    }
}

static void read_lines(import_map *map, int pass, const char *text)
{
    int line = 1;

    for (;; line++) {
        const char *end = text + strcspn(text, "\n");

        read_line(map, pass, line, text, end);
        if (!*end) {
            return;
        }
        text = end + 1;
    }
}

import_map *import_map_parse(const import_set *set, const char *text, apr_array_header_t *faults, apr_pool_t *p)
{
    import_map *map = apr_pcalloc(p, sizeof(*map));

    map->set = set;
    map->pool = p;
    map->faults = faults;
    map->files = apr_array_make(p, 4, sizeof(file_rule));
    map->rules = apr_array_make(p, 16, sizeof(import_map_rule));
    read_lines(map, 1, text);
    read_lines(map, 2, text);
    return map;
}

const char *import_map_file(const import_map *map, const import_file *def)
{
    int i;

    for (i = 0; map && i < map->files->nelts; i++) {
        if (APR_ARRAY_IDX(map->files, i, file_rule).ours == def) {
            return APR_ARRAY_IDX(map->files, i, file_rule).theirs;
        }
    }
    return def->file;
}

import_map_rule *import_map_find(const import_map *map, const import_file *def, const char *name, apr_size_t len)
{
    import_map_rule *best = NULL;
    int i;

    for (i = 0; map && i < map->rules->nelts; i++) {
        import_map_rule *rule = &APR_ARRAY_IDX(map->rules, i, import_map_rule);

        if (!concerns(map, rule->file, def) || !import_same_name(rule->theirs, strlen(rule->theirs), name, len)
            || (rule->ours && !import_column_named(def, rule->ours, strlen(rule->ours)))) {
            continue;
        }
        /* By our name of the file before by theirs before any. */
        if (!best || !best->file || (rule->file && strcmp(rule->file, def->file) == 0)) {
            best = rule;
        }
    }
    return best;
}

import_map_rule *import_map_rule_at(const import_map *map, const import_file *def, int n)
{
    int i;

    for (i = 0; map && i < map->rules->nelts; i++) {
        import_map_rule *rule = &APR_ARRAY_IDX(map->rules, i, import_map_rule);

        if (rule->file && concerns(map, rule->file, def) && n-- == 0) {
            return rule;
        }
    }
    return NULL;
}
