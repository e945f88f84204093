/* SPDX-License-Identifier: Apache-2.0 */
/**
 * list_times - reads and replaces the file of the states of a customer's list: a line for each variant, with its ETag and
 * since when it has it.
 */
#include "lib/file/list_times.h"

#include <apr_strings.h>
#include <apr_tables.h>

#include <string.h>

#include "lib/file/small_file.h"

/* Several times what the variants of a list need: those of former versions of the module are among them. */
#define MAX_BYTES 8192
#define MAX_LINES 32

/* Digits of a time: enough until the year 5138, and no overflow. */
#define MAX_DIGITS 11

/** A line. */
typedef struct {
    kiss_list_given given;
    apr_int64_t since;
} entry;

/** Parses a line, in place. @return 1 when it is valid */
static int parse(entry *e, char *line)
{
    char *last, *since;

    e->given.format = apr_strtok(line, " ", &last);
    e->given.coding = e->given.format ? apr_strtok(NULL, " ", &last) : NULL;
    e->given.tag = e->given.coding ? apr_strtok(NULL, " ", &last) : NULL;
    since = e->given.tag ? apr_strtok(NULL, " ", &last) : NULL;
    if (!since || apr_strtok(NULL, " ", &last) || strspn(since, "0123456789") != strlen(since)
        || strlen(since) > MAX_DIGITS) {
        return 0;
    }
    e->since = apr_atoi64(since);
    return e->since > 0;
}

/** Reads the lines of a file: an array of entry; what is no line is passed over. */
static apr_status_t read_all(apr_array_header_t **entries, const char *path, apr_pool_t *p)
{
    char *text, *line, *end, *last;
    apr_status_t rv = kiss_small_file_read(&text, path, MAX_BYTES, 1, p);

    *entries = apr_array_make(p, MAX_LINES, sizeof(entry));
    end = strrchr(text, '\n');
    *(end ? end : text) = '\0';         /* what follows is incomplete, and so may its time be */
    for (line = apr_strtok(text, "\n", &last); line; line = apr_strtok(NULL, "\n", &last)) {
        entry e;

        if (parse(&e, line)) {
            APR_ARRAY_PUSH(*entries, entry) = e;
        }
    }
    return rv;
}

/** Finds the line of a variant. */
static entry *find(const apr_array_header_t *entries, const kiss_list_given *given)
{
    int i;

    for (i = 0; i < entries->nelts; i++) {
        entry *e = &APR_ARRAY_IDX(entries, i, entry);

        if (strcmp(e->given.format, given->format) == 0 && strcmp(e->given.coding, given->coding) == 0) {
            return e;
        }
    }
    return NULL;
}

/** Since when a variant has its ETag; 0 where it has another one. */
static apr_int64_t since_of(const entry *e, const kiss_list_given *given)
{
    return e && strcmp(e->given.tag, given->tag) == 0 ? e->since : 0;
}

apr_status_t kiss_times_find(apr_int64_t *since, const char *path, const kiss_list_given *given, apr_pool_t *p)
{
    apr_array_header_t *entries;
    apr_status_t rv = read_all(&entries, path, p);

    *since = since_of(find(entries, given), given);
    return rv;
}

/** The latest time that was given. */
static apr_int64_t latest(const apr_array_header_t *entries)
{
    apr_int64_t since = 0;
    int i;

    for (i = 0; i < entries->nelts; i++) {
        const entry *e = &APR_ARRAY_IDX(entries, i, entry);

        since = e->since > since ? e->since : since;
    }
    return since;
}

/** The lines as text; of too many, the last ones. */
static const char *text_of(const apr_array_header_t *entries, apr_pool_t *p)
{
    const char *text = "";
    int i;

    for (i = entries->nelts > MAX_LINES ? entries->nelts - MAX_LINES : 0; i < entries->nelts; i++) {
        const entry *e = &APR_ARRAY_IDX(entries, i, entry);

        text = apr_pstrcat(p, text, e->given.format, " ", e->given.coding, " ", e->given.tag, " ",
                           apr_psprintf(p, "%" APR_INT64_T_FMT, e->since), "\n", NULL);
    }
    return text;
}

apr_status_t kiss_times_record(apr_int64_t *since, const char *path, const kiss_list_given *given, apr_int64_t now,
                               apr_pool_t *p)
{
    apr_array_header_t *entries;
    apr_status_t rv = read_all(&entries, path, p);
    entry *e = find(entries, given), made = { *given, latest(entries) + 1 };

    *since = since_of(e, given);
    if (rv != APR_SUCCESS || *since) {
        return rv;
    }
    made.since = now > made.since ? now : made.since;
    *(e ? e : (entry *)apr_array_push(entries)) = made;
    *since = made.since;
    return kiss_small_file_replace(path, text_of(entries, p), p);
}
