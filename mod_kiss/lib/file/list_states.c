/* SPDX-License-Identifier: Apache-2.0 */
/**
 * list_states - reads, extends and shortens the file of a list's versions: a line each, with ETag and revisions.
 */
#include "lib/file/list_states.h"

#include <apr_lib.h>
#include <apr_strings.h>

#include <string.h>

#include "lib/base/etag.h"
#include "lib/file/spool.h"

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

/** Reads the end of a file, up to its maximum length. */
static apr_status_t read_end(char **text, const char *path, apr_pool_t *p)
{
    apr_size_t n = 2 * MAX_BYTES;
    apr_off_t at = 0, start;
    apr_file_t *file;
    /* Without blocking: a file of that name may be a pipe, whose open or read would wait forever. */
    apr_status_t rv = apr_file_open(&file, path, APR_FOPEN_READ | APR_FOPEN_BINARY | APR_FOPEN_NONBLOCK, APR_OS_DEFAULT, p);

    *text = apr_pcalloc(p, n + 1);
    if (rv != APR_SUCCESS) {
        return APR_STATUS_IS_ENOENT(rv) ? APR_SUCCESS : rv;
    }
    rv = apr_file_seek(file, APR_END, &at);
    start = at > (apr_off_t)n ? at - (apr_off_t)n : 0;
    if (rv == APR_SUCCESS) {
        rv = apr_file_seek(file, APR_SET, &start);
    }
    if (rv == APR_SUCCESS) {
        rv = apr_file_read_full(file, *text, n, &n);
    }
    apr_file_close(file);
    return rv == APR_EOF ? APR_SUCCESS : rv;
}

apr_status_t kiss_states_read(apr_array_header_t **states, const char *path, apr_pool_t *p)
{
    char *text, *line, *last;
    apr_status_t rv = read_end(&text, path, p);
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

/** Writes the newer half into a new file, which replaces the old one. */
static apr_status_t shorten(const char *path, apr_pool_t *p)
{
    char *name = apr_pstrcat(p, path, NULL), *slash = strrchr(name, '/');
    apr_array_header_t *states;
    apr_file_t *file;
    apr_status_t rv = kiss_states_read(&states, path, p);
    int i;

    name = apr_pstrcat(p, apr_pstrmemdup(p, name, (apr_size_t)(slash ? slash + 1 - name : 0)), KISS_SPOOL_PREFIX "XXXXXX",
                       NULL);
    if (rv == APR_SUCCESS) {
        rv = apr_file_mktemp(&file, name, APR_FOPEN_CREATE | APR_FOPEN_WRITE | APR_FOPEN_EXCL | APR_FOPEN_BINARY, p);
    }
    if (rv != APR_SUCCESS) {
        return rv;
    }
    for (i = states->nelts / 2; i < states->nelts && rv == APR_SUCCESS; i++) {
        const char *line = line_of(&APR_ARRAY_IDX(states, i, kiss_list_state), p);

        rv = apr_file_write_full(file, line, strlen(line), NULL);
    }
    apr_file_close(file);
    rv = rv == APR_SUCCESS ? apr_file_rename(name, path, p) : rv;
    if (rv != APR_SUCCESS) {
        apr_file_remove(name, p);
    }
    return rv;
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
