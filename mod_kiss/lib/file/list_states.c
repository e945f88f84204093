/* SPDX-License-Identifier: Apache-2.0 */
/**
 * list_states - reads, extends and shortens the file of a list's versions: a line each, with ETag and revisions.
 */
#include "lib/file/list_states.h"

#include <apr_lib.h>
#include <apr_strings.h>

#include <string.h>

#include "lib/base/etag.h"
#include "lib/file/small_file.h"

/* About a hundred versions; when there are more, the older half is removed. */
#define MAX_BYTES 8192

#define BASE64URL "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

/* Maximum length of a number of the database. */
#define MAX_DIGITS 20

/** Parses one line, in place. @return 1 when it is valid */
static int parse(kiss_list_state *s, char *line)
{
    char *last, *word = apr_strtok(line, " ", &last);

    memset(s, 0, sizeof(*s));
    s->tag = word;
    if (!word || strlen(word) != KISS_ETAG_LEN || strspn(word, BASE64URL) != KISS_ETAG_LEN) {
        return 0;
    }
    while ((word = apr_strtok(NULL, " ", &last))) {
        if (s->count == KISS_STATES_REVISIONS || strspn(word, "0123456789") != strlen(word) || strlen(word) > MAX_DIGITS) {
            return 0;
        }
        s->revision[s->count++] = word;
    }
    return s->count > 0;
}

apr_status_t kiss_states_read(apr_array_header_t **states, const char *path, apr_pool_t *p)
{
    char *text, *line, *last;
    apr_status_t rv = kiss_small_file_read(&text, path, 2 * MAX_BYTES, 0, p);
    kiss_list_state s;

    *states = apr_array_make(p, 32, sizeof(kiss_list_state));
    for (line = apr_strtok(text, "\n", &last); rv == APR_SUCCESS && line; line = apr_strtok(NULL, "\n", &last)) {
        if (parse(&s, line)) {
            APR_ARRAY_PUSH(*states, kiss_list_state) = s;
        }
    }
    return rv;
}

/**
 * A version as a line of the file. It is also preceded by a line feed, which ends an incomplete line of a process that
 * died.
 */
static const char *line_of(const kiss_list_state *s, apr_pool_t *p)
{
    const char *line = apr_pstrcat(p, "\n", s->tag, NULL);
    int i;

    for (i = 0; i < s->count; i++) {
        line = apr_pstrcat(p, line, " ", s->revision[i], NULL);
    }
    return apr_pstrcat(p, line, "\n", NULL);
}

/** Removes the older half. */
static apr_status_t shorten(const char *path, apr_pool_t *p)
{
    apr_array_header_t *states;
    apr_status_t rv = kiss_states_read(&states, path, p);
    const char *text = "";
    int i;

    for (i = states->nelts / 2; i < states->nelts; i++) {
        text = apr_pstrcat(p, text, line_of(&APR_ARRAY_IDX(states, i, kiss_list_state), p), NULL);
    }
    return rv == APR_SUCCESS ? kiss_small_file_replace(path, text, p) : rv;
}

apr_status_t kiss_states_add(const char *path, const kiss_list_state *state, apr_pool_t *p)
{
    const char *line = line_of(state, p);
    apr_finfo_t info;
    apr_file_t *file;
    apr_status_t rv = apr_file_open(&file, path, APR_FOPEN_WRITE | APR_FOPEN_CREATE | APR_FOPEN_APPEND | APR_FOPEN_BINARY
                                    | APR_FOPEN_NONBLOCK, APR_FPROT_UREAD | APR_FPROT_UWRITE, p);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    /* In one write, at the current end: other processes append, too. */
    rv = apr_file_write_full(file, line, strlen(line), NULL);
    if (rv == APR_SUCCESS) {
        rv = apr_file_info_get(&info, APR_FINFO_SIZE, file);
    }
    apr_file_close(file);
    return rv == APR_SUCCESS && info.size > MAX_BYTES ? shorten(path, p) : rv;
}
