/* SPDX-License-Identifier: Apache-2.0 */
/** libcsv - another reader of CSV, which the target csv is compared with. Apart, since both have a header called csv.h. */
#ifndef REFERENCE_LIBCSV_H
#define REFERENCE_LIBCSV_H

#include <stddef.h>

/** Receives what libcsv reads. */
typedef struct {
    void (*cell)(void *ctx, const char *text, size_t len);
    void (*row)(void *ctx);             /**< after the cells of each row */
    void *ctx;
} libcsv_receiver;

/** Reads a text in libcsv's strict mode; blanks belong to cells. @return 1, or 0 when libcsv refuses it */
int libcsv_read(const libcsv_receiver *receiver, const char *text, size_t len, char delimiter);

#endif
