/* SPDX-License-Identifier: Apache-2.0 */
/* libcsv's side of the target csv. See libcsv.h. */
#include "libcsv.h"

#include <csv.h>

static int is_no_space(unsigned char c)
{
    (void)c;
    return 0;
}

static void on_cell(void *text, size_t len, void *receiver)
{
    const libcsv_receiver *r = receiver;

    r->cell(r->ctx, text ? text : "", text ? len : 0);
}

static void on_row(int end, void *receiver)
{
    const libcsv_receiver *r = receiver;

    (void)end;
    r->row(r->ctx);
}

int libcsv_read(const libcsv_receiver *receiver, const char *text, size_t len, char delimiter)
{
    struct csv_parser parser;
    int good;

    if (csv_init(&parser, CSV_STRICT | CSV_STRICT_FINI) != 0) {
        return 0;
    }
    csv_set_delim(&parser, (unsigned char)delimiter);
    csv_set_space_func(&parser, is_no_space);
    good = csv_parse(&parser, text, len, on_cell, on_row, (void *)receiver) == len
           && csv_fini(&parser, on_cell, on_row, (void *)receiver) == 0;
    csv_free(&parser);
    return good;
}
