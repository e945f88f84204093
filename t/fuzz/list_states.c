/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzz target: the file of a list's versions, with any content. Each line is judged by another parser, too. */
#include <string.h>
#include <unistd.h>

#include <apr_file_io.h>
#include <apr_strings.h>

#include "fuzz.h"
#include "lib/base/etag.h"
#include "lib/file/list_states.h"

#define WORD "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

/** A file of its own with this content. */
static const char *file_of(const char *text, size_t len, apr_pool_t *p)
{
    char *path = apr_pstrdup(p, "/tmp/kiss-fuzz-states-XXXXXX");
    int fd = mkstemp(path);

    MUST(fd >= 0 && write(fd, text, len) == (ssize_t)len && close(fd) == 0);
    return path;
}

static void check_state(const kiss_list_state *s)
{
    int i;

    MUST(strlen(s->tag) == KISS_ETAG_LEN && strspn(s->tag, WORD) == KISS_ETAG_LEN);
    MUST(s->count >= 1 && s->count <= KISS_STATES_REVISIONS);
    for (i = 0; i < s->count; i++) {
        MUST(*s->revision[i] && strlen(s->revision[i]) <= 20);
        MUST(strspn(s->revision[i], "0123456789") == strlen(s->revision[i]));
    }
}

/** How many lines of a text are a state: words that are separated by blanks. */
static int count_states(const char *text)
{
    int n = 0;

    while (*text) {
        const char *end = text + strcspn(text, "\n"), *at = text + strspn(text, " ");
        int words = 0, good = 1;

        for (; at < end; at += strspn(at, " ")) {
            size_t len = strcspn(at, " \n");

            good = good && (words ? len <= 20 && strspn(at, "0123456789") >= len
                            : len == KISS_ETAG_LEN && strspn(at, WORD) >= len);
            at += len;
            words++;
        }
        n += good && words >= 2 && words <= 1 + KISS_STATES_REVISIONS;
        text = *end ? end + 1 : end;
    }
    return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const kiss_list_state added = { "0123456789ABCDEFGHIJ-_", 2, { "1", "18446744073709551615" } };
    apr_pool_t *p = fuzz_pool();
    const char *text = apr_pstrmemdup(p, (const char *)data, size), *path = file_of(text, size, p);
    apr_array_header_t *states, *again;
    int i;

    MUST(kiss_states_read(&states, path, p) == APR_SUCCESS);
    for (i = 0; i < states->nelts; i++) {
        check_state(&APR_ARRAY_IDX(states, i, kiss_list_state));
    }
    /* Of a longer file the end is read, in which the first line may be incomplete. */
    MUST(size > 16384 || strlen(text) < size || states->nelts == count_states(text));
    MUST(kiss_states_add(path, &added, p) == APR_SUCCESS && kiss_states_read(&again, path, p) == APR_SUCCESS);
    if (!memchr(data, '\0', size)) {
        const kiss_list_state *last = &APR_ARRAY_IDX(again, again->nelts - 1, kiss_list_state);

        MUST(again->nelts > 0 && strcmp(last->tag, added.tag) == 0 && last->count == 2);
        MUST(strcmp(last->revision[1], added.revision[1]) == 0);
    }
    unlink(path);
    apr_pool_clear(p);
    return 0;
}
