/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzz target: the changes between two states of a list. The input is both of them, with a NUL between. */
#include <string.h>

#include <apr_strings.h>

#include "fuzz.h"
#include "lib/file/delta.h"

/** The delta from one list to the other; NULL when there is none. */
static const char *delta(const kiss_value *before, const kiss_value *now, apr_pool_t *p)
{
    kiss_piece pieces[2];
    const kiss_list_text old = kiss_list_text_of(&pieces[0], before->data, before->len, &kiss_row_format_json);
    const kiss_list_text new = kiss_list_text_of(&pieces[1], now->data, now->len, &kiss_row_format_json);
    kiss_spool *spool;

    /* Never flushed to a file: inputs are smaller than a spool's buffer. */
    MUST(kiss_spool_create(&spool, "/nonexistent", p) == APR_SUCCESS);
    if (kiss_delta_write(spool, &old, &new) != APR_SUCCESS) {
        return NULL;
    }
    MUST(spool->size == 0);
    return apr_pstrmemdup(p, spool->buffer->buf, (apr_size_t)spool->buffer->bpos);
}

static int begins(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

static int ends(const char *text, const char *with)
{
    return strlen(text) >= strlen(with) && strcmp(text + strlen(text) - strlen(with), with) == 0;
}

/** What holds for a list that is compared with nothing, and with itself. */
static int check_one(const kiss_value *list, apr_pool_t *p)
{
    const kiss_value empty = { "[]", 2 };
    const char *all = delta(&empty, list, p), *none = delta(list, list, p), *gone = delta(list, &empty, p), *rows;

    MUST((all != NULL) == (none != NULL) && (all != NULL) == (gone != NULL));
    if (all) {
        rows = apr_pstrmemdup(p, list->data + 1, list->len - 2);
        MUST(strcmp(all, apr_pstrcat(p, "{\"added\":[", rows, "],\n\"changed\":[],\n\"removed\":[]}", NULL)) == 0);
        MUST(strcmp(none, "{\"added\":[],\n\"changed\":[],\n\"removed\":[]}") == 0);
        MUST(begins(gone, "{\"added\":[],\n\"changed\":[],\n\"removed\":["));
    }
    return all != NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *p = fuzz_pool();
    const uint8_t *middle = size && size < 30000 ? memchr(data, '\0', size) : NULL;

    if (middle && !memchr(middle + 1, '\0', (size_t)(data + size - middle - 1))) {
        const kiss_value before = { apr_pstrmemdup(p, (const char *)data, (apr_size_t)(middle - data)),
                                    (apr_size_t)(middle - data) };
        const kiss_value now = { apr_pstrmemdup(p, (const char *)middle + 1, (apr_size_t)(data + size - middle - 1)),
                                 (apr_size_t)(data + size - middle - 1) };
        int both = check_one(&before, p) & check_one(&now, p);
        const char *there = delta(&before, &now, p), *back = delta(&now, &before, p);

        MUST((there != NULL) == both && (back != NULL) == both);
        /* Whatever is new one way is gone the other way. */
        MUST(!both || begins(there, "{\"added\":[]") == ends(back, "\"removed\":[]}"));
    }
    apr_pool_clear(p);
    return 0;
}
