/* SPDX-License-Identifier: Apache-2.0 */
/**
 * schema_parts - the schema files taken apart. See schema_parts.h.
 */
#include "schema_parts.h"

#include <string.h>

#include <apr_lib.h>
#include <apr_strings.h>

#define WORD "abcdefghijklmnopqrstuvwxyz_0123456789"
#define TRIGGER "CREATE OR REPLACE TRIGGER "
#define TABLE "CREATE TABLE IF NOT EXISTS "
#define SEQUENCE "CREATE SEQUENCE IF NOT EXISTS "
#define FOREIGN " FOREIGN KEY ("
#define EACH_ROW "FOR EACH ROW"
#define RAISE "INSERT INTO revision (dataset) VALUES "

/* How a body and a definition of a table end: nothing inside them is at the beginning of a line. */
#define END_OF_TRIGGER "\nEND IF;\n"
#define END_OF_TABLE "\n) ENGINE"

schema_parts *schema_parts_make(apr_pool_t *p)
{
    schema_parts *parts = apr_pcalloc(p, sizeof(*parts));

    parts->triggers = apr_array_make(p, 128, sizeof(schema_trigger));
    parts->keys = apr_array_make(p, 128, sizeof(schema_key));
    parts->tables = apr_array_make(p, 64, sizeof(const char *));
    parts->rest = apr_array_make(p, 4, sizeof(const char *));
    return parts;
}

/** The word at `text`. */
static const char *word_at(const char *text, apr_pool_t *p)
{
    return apr_pstrmemdup(p, text, strspn(text, WORD));
}

/** Where `name` is at the beginning of a line, at `text` or after it; NULL: nowhere. */
static const char *line_with(const char *text, const char *name)
{
    const char *at;

    for (at = strstr(text, name); at; at = strstr(at + 1, name)) {
        if (at == text || at[-1] == '\n') {
            return at;
        }
    }
    return NULL;
}

/** Reads "CREATE OR REPLACE TRIGGER name AFTER event ON table FOR EACH ROW body", or BEFORE. */
static void read_trigger(schema_parts *parts, const char *sql, apr_pool_t *p)
{
    const char *at = sql + strlen(TRIGGER), *body = strstr(sql, EACH_ROW);
    schema_trigger t = {.name = word_at(at, p), .sql = sql};
    int i;

    at += strcspn(at, " ");
    at += strspn(at, " ");
    t.timing = apr_pstrmemdup(p, at, strcspn(at, " "));
    at += strlen(t.timing);
    at += strspn(at, " ");
    t.event = apr_pstrmemdup(p, at, strcspn(at, " "));
    at = strstr(at, " ON ");
    if (!at || !body || at > body) {
        return;
    }
    t.table = word_at(at + strlen(" ON "), p);
    body += strlen(EACH_ROW);
    body += strspn(body, " \n");
    t.body = apr_pstrmemdup(p, body, strlen(body) - 1);
    for (i = 0; i < parts->triggers->nelts; i++) {
        if (strcmp(APR_ARRAY_IDX(parts->triggers, i, schema_trigger).name, t.name) == 0) {
            APR_ARRAY_IDX(parts->triggers, i, schema_trigger) = t;
            return;
        }
    }
    APR_ARRAY_PUSH(parts->triggers, schema_trigger) = t;
}

/** Reads the keys of one table: "CONSTRAINT name FOREIGN KEY (...) REFERENCES parent (...) rules," */
static void read_keys(schema_parts *parts, const char *table, const char *definition, apr_pool_t *p)
{
    static const char lead[] = "CONSTRAINT ", parent[] = "REFERENCES ";
    const char *at;

    for (at = strstr(definition, lead); at; at = strstr(at + 1, lead)) {
        const char *name = at + strlen(lead), *end = strstr(at, ",\n"), *to = strstr(at, parent);
        schema_key k = {.name = word_at(name, p), .table = table};

        if (strncmp(name + strlen(k.name), FOREIGN, strlen(FOREIGN)) == 0 && to && (!end || to < end)) {
            k.parent = word_at(to + strlen(parent), p);
            k.sql = end ? apr_pstrmemdup(p, at, end - at) : apr_pstrdup(p, at);
            APR_ARRAY_PUSH(parts->keys, schema_key) = k;
        }
    }
}

static void read_tables(schema_parts *parts, const char *text, apr_pool_t *p)
{
    const char *at;

    for (at = line_with(text, TABLE); at; at = line_with(at + 1, TABLE)) {
        const char *name = word_at(at + strlen(TABLE), p), *end = strstr(at, END_OF_TABLE);

        APR_ARRAY_PUSH(parts->tables, const char *) = name;
        read_keys(parts, name, apr_pstrmemdup(p, at, end ? (apr_size_t)(end - at) : strlen(at)), p);
    }
    for (at = line_with(text, SEQUENCE); at; at = line_with(at + 1, SEQUENCE)) {
        APR_ARRAY_PUSH(parts->tables, const char *) = word_at(at + strlen(SEQUENCE), p);
    }
}

void schema_parts_add(schema_parts *parts, const char *text, apr_pool_t *p)
{
    apr_array_header_t *pieces = apr_array_make(p, 64, sizeof(const char *));
    const char *at = text, *begin, *end;

    while ((begin = line_with(at, TRIGGER)) && (end = strstr(begin, END_OF_TRIGGER))) {
        end += strlen(END_OF_TRIGGER) - 2;      /* at its semicolon */
        APR_ARRAY_PUSH(pieces, const char *) = apr_pstrmemdup(p, at, begin - at);
        read_trigger(parts, apr_pstrmemdup(p, begin, end - begin + 1), p);
        at = end + 1;
    }
    APR_ARRAY_PUSH(pieces, const char *) = at;
    at = apr_array_pstrcat(p, pieces, 0);
    read_tables(parts, at, p);
    APR_ARRAY_PUSH(parts->rest, const char *) = at;
}

/** Adds the names of "('one'), ('two') ON ..." that are not there yet. */
static void add_names(apr_array_header_t *names, const char *list, apr_pool_t *p)
{
    const char *end = strstr(list, "ON DUPLICATE"), *at = list;

    while ((at = strchr(at, '\'')) && (!end || at < end)) {
        const char *name = word_at(at + 1, p);
        int i;

        for (i = 0; i < names->nelts && strcmp(APR_ARRAY_IDX(names, i, const char *), name) != 0; i++) {
        }
        if (i == names->nelts) {
            APR_ARRAY_PUSH(names, const char *) = name;
        }
        at += strlen(name) + 2;
    }
}

apr_array_header_t *schema_parts_datasets(const schema_parts *parts, apr_pool_t *p)
{
    apr_array_header_t *names = apr_array_make(p, 64, sizeof(const char *));
    int i;

    for (i = 0; i < parts->triggers->nelts; i++) {
        const char *at = APR_ARRAY_IDX(parts->triggers, i, schema_trigger).body;

        while ((at = strstr(at, RAISE))) {
            at += strlen(RAISE);
            add_names(names, at, p);
        }
    }
    return names;
}

int schema_parts_same(const char *one, const char *other)
{
    for (;;) {
        while (apr_isspace(*one) && apr_isspace(one[1])) {
            one++;
        }
        while (apr_isspace(*other) && apr_isspace(other[1])) {
            other++;
        }
        if (*one != *other && !(apr_isspace(*one) && apr_isspace(*other))) {
            return 0;
        }
        if (!*one) {
            return 1;
        }
        one++;
        other++;
    }
}
