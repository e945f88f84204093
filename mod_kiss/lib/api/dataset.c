/* SPDX-License-Identifier: Apache-2.0 */
/**
 * dataset - a scanner of SQL that finds the names of tables.
 */
#include "lib/api/dataset.h"

#include <string.h>

#include <apr_lib.h>
#include <apr_strings.h>

#define WORD "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_$"

/* Maximum nesting of brackets; a set of levels is one number. */
#define MAX_DEPTH 64

/** State of the scan of a text. */
typedef struct {
    const char *at;
    const kiss_dataset *datasets;
    apr_pool_t *pool;
    apr_uint64_t set;           /* the tables found */
    apr_uint64_t from;          /* bit n: at nesting level n we are in a list of tables, where a comma separates tables */
    int depth;                  /* open brackets */
    int expected;               /* 1 when the next name is a table */
} scanner;

/** The index of a table in the list, or -1. */
static int index_of(const kiss_dataset *datasets, const char *name, apr_size_t len)
{
    int i;

    for (i = 0; datasets[i].table; i++) {
        if (strlen(datasets[i].table) == len && memcmp(datasets[i].table, name, len) == 0) {
            return i;
        }
    }
    return -1;
}

static int is(const char *word, apr_size_t len, const char *keyword)
{
    return strlen(keyword) == len && strncasecmp(word, keyword, len) == 0;
}

static int is_one_of(const char *word, apr_size_t len, const char *const *keywords)
{
    while (*keywords && !is(word, len, *keywords)) {
        keywords++;
    }
    return *keywords != NULL;
}

static void set_from(scanner *s, int on)
{
    apr_uint64_t bit = APR_UINT64_C(1) << s->depth;

    s->from = on ? s->from | bit : s->from & ~bit;
}

static int in_from(const scanner *s)
{
    return (s->from >> s->depth & 1) != 0;
}

/** Adds a table by its name; s->at is after the name. A point there means that it was the name of a database. */
static const char *table(scanner *s, const char *name, apr_size_t len)
{
    const char *after = s->at + strspn(s->at, " \t\n");
    int i = *after == '.' || !apr_isascii(*s->at) ? -1 : index_of(s->datasets, name, len);

    s->expected = 0;
    if (i < 0) {
        return apr_psprintf(s->pool, "reads %.*s, which is no dataset", (int)(len + strcspn(s->at, " ,()")), name);
    }
    s->set |= APR_UINT64_C(1) << i;
    return NULL;
}

/** Scans an unquoted word: one that starts or ends a list of tables, a table, or anything else. */
static const char *word(scanner *s)
{
    static const char *const ends[] = { "WHERE", "GROUP", "HAVING", "ORDER", "LIMIT", "UNION", "EXCEPT", "INTERSECT", NULL };
    const char *w = s->at;
    apr_size_t n = strspn(w, WORD);

    s->at += n;
    if (is(w, n, "FROM") || is(w, n, "JOIN") || (is(w, n, "STRAIGHT_JOIN") && in_from(s))) {
        set_from(s, 1);
        s->expected = 1;
    }
    else if (is(w, n, "SELECT") || is_one_of(w, n, ends)) {
        set_from(s, 0);
        s->expected = 0;
    }
    else if (is(w, n, "FOR")) {
        s->at += strspn(s->at, " \t\n");
        s->at += strspn(s->at, WORD);       /* an index for ORDER BY: the list of tables continues */
    }
    else if (s->expected && !is(w, n, "LATERAL")) {
        return table(s, w, n);
    }
    return NULL;
}

/** Scans a quoted text or name; only one in backquotes can be a table. */
static const char *quoted(scanner *s)
{
    const char quote = *s->at, *begin = ++s->at;

    while (*s->at && *s->at != quote) {
        s->at += 1 + (*s->at == '\\' && s->at[1] && quote != '`');
    }
    if (!*s->at) {
        return "has a quote that does not end";
    }
    s->at++;
    return s->expected && quote == '`' ? table(s, begin, (apr_size_t)(s->at - 1 - begin)) : NULL;
}

static const char *bracket(scanner *s)
{
    if (*s->at++ == '(') {
        if (++s->depth == MAX_DEPTH) {
            return "has too many brackets";
        }
        set_from(s, s->expected);       /* (a JOIN b ...); cleared again by SELECT */
        return NULL;
    }
    s->expected = 0;
    return --s->depth < 0 ? "has a bracket that was not opened" : NULL;
}

static const char *next(scanner *s)
{
    if (*s->at == '#' || strncmp(s->at, "--", 2) == 0 || strncmp(s->at, "/*", 2) == 0) {
        return "has a comment";
    }
    if (strchr("'\"`", *s->at)) {
        return quoted(s);
    }
    if (strchr("()", *s->at)) {
        return bracket(s);
    }
    if (strchr(WORD, *s->at)) {
        return word(s);
    }
    s->expected |= *s->at++ == ',' && in_from(s);
    return NULL;
}

const char *kiss_dataset_find(apr_uint64_t *set, const char *sql, int first, const kiss_dataset *datasets, apr_pool_t *p)
{
    scanner s = { sql ? sql : "", datasets, p, 0, first != 0, 0, first };
    const char *e = NULL;

    while (*s.at && !e) {
        e = next(&s);
    }
    *set |= s.set;
    return e;
}

const char *kiss_dataset_depend(apr_uint64_t *set, const char *sql, int first, const kiss_dataset *datasets, apr_pool_t *p)
{
    apr_uint64_t found = 0;
    const char *e = kiss_dataset_find(&found, sql, first, datasets, p);
    const char *const *f;
    int i;

    for (i = 0; datasets[i].table && !e; i++) {
        if (!(found >> i & 1)) {
            continue;
        }
        if (datasets[i].unrevised) {
            e = apr_pstrcat(p, "reads ", datasets[i].table, ", which has no revision", NULL);
        }
        for (f = datasets[i].follows; *f; f++) {
            *set |= APR_UINT64_C(1) << index_of(datasets, *f, strlen(*f));
        }
        *set |= datasets[i].follows[0] ? 0 : APR_UINT64_C(1) << i;
    }
    return e;
}

const char *kiss_dataset_check(const kiss_dataset *datasets, apr_pool_t *p)
{
    const char *const *f;
    int i;

    for (i = 0; datasets[i].table; i++) {
        if (i == 64 || (i > 0 && strcmp(datasets[i - 1].table, datasets[i].table) >= 0)) {
            return apr_psprintf(p, "dataset %s is not in the order of the names, or one too many", datasets[i].table);
        }
        for (f = datasets[i].follows; *f; f++) {
            int index = index_of(datasets, *f, strlen(*f));

            if (index < 0 || datasets[index].follows[0] || datasets[index].unrevised) {
                return apr_psprintf(p, "dataset %s follows %s, which has no revision", datasets[i].table, *f);
            }
        }
    }
    return NULL;
}
