/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzz target: a list made of its earlier state. The first byte chooses: any bytes as that state, with any SKUs; or a list
 * (lists.h) that changes several times, which is each time byte for byte what it is when it is written whole.
 */
#include <string.h>

#include "lists.h"
#include "lib/file/list_patch.h"

/** Any bytes: what is accepted and not changed is the same; what is refused is refused as such. */
static void check_any(fuzz_bytes *in, apr_pool_t *p)
{
    const unsigned format = fuzz_byte(in) % 3;
    const kiss_row_format *f = format == 0 ? &kiss_row_format_json : format == 1 ? &kiss_row_format_ndjson
                               : kiss_row_format_csv("SKU", p);
    const kiss_value sku = list_sku(in, p), row = { "{\"SKU\":\"A\"}", 11 }, none = { "", 0 };
    const kiss_value text = { apr_pmemdup(p, in->at, in->left), in->left };
    kiss_chunked old = list_chunked(&text, NULL, f, 0, p);
    int put;

    for (put = 0; put < 3; put++) {
        kiss_patch *patch;
        kiss_spool *spool;
        apr_status_t rv;
        kiss_value made;

        MUST(kiss_spool_create_linkable(&spool, "/tmp", p) == APR_SUCCESS);
        rv = kiss_patch_begin(&patch, spool, &old, p);
        rv = rv == APR_SUCCESS && put ? kiss_patch_put(patch, &sku, put == 1 ? &none : &row) : rv;
        rv = rv == APR_SUCCESS ? kiss_patch_end(patch) : rv;
        MUST(rv == APR_SUCCESS || rv == APR_EGENERAL);
        MUST(kiss_spool_flush(spool, 1) == APR_SUCCESS);
        if (rv == APR_SUCCESS && put == 0) {
            made = list_content(spool, p);
            MUST(list_same(&made, &text));
        }
    }
}

/** Chunks have the lengths of the list's, and begin and end with rows. */
static void check_chunks(const kiss_spool *spool, const kiss_spool *whole, const kiss_value *text)
{
    apr_size_t at = 0;
    int i;

    MUST(spool->chunks->nelts == whole->chunks->nelts);
    for (i = 0; i < spool->chunks->nelts; i++) {
        const kiss_chunk *a = &APR_ARRAY_IDX(spool->chunks, i, kiss_chunk);
        const kiss_chunk *b = &APR_ARRAY_IDX(whole->chunks, i, kiss_chunk);

        MUST(a->length == b->length && a->checksum == b->checksum);
        at += a->length;
    }
    MUST(at <= text->len && kiss_spool_checksum(spool) == kiss_spool_checksum(whole));
}

static void check_history(fuzz_bytes *in, apr_pool_t *p)
{
    const unsigned how = fuzz_byte(in);
    kiss_spool *spool, *whole;
    kiss_value text, expected;
    list_model list;
    int i;

    list_read(&list, in, p);
    spool = list_write(&list, p);
    text = list_content(spool, p);
    for (i = 0; i < 3; i++) {
        kiss_chunked old = list_chunked(&text, how & 2 ? NULL : spool->chunks, list.format, how & 1, p);

        spool = list_change(&list, &old, in, p);
        whole = list_write(&list, p);
        text = list_content(spool, p);
        expected = list_content(whole, p);
        MUST(list_same(&text, &expected));
        check_chunks(spool, whole, &text);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *p = fuzz_pool();
    fuzz_bytes in = { (const char *)data, size };

    if (fuzz_byte(&in) % 2) {
        check_any(&in, p);
    }
    else {
        check_history(&in, p);
    }
    apr_pool_clear(p);
    return 0;
}
