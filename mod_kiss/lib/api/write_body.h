/* SPDX-License-Identifier: Apache-2.0 */
/**
 * write_body - an object that is written as JSON text: read with all its faults, and written. Pure.
 *
 * A member is checked as the import checks a cell (lib/import/import_value.h): a text must fit its column, a code
 * must have no blanks at its ends, a measure is rounded. null is an empty cell. Numbers may be sent as strings, and
 * whole numbers in place of texts, as PIMs do. A member that is absent keeps its value, in a new object it is as
 * null. An array that is absent or null leaves the rows that are there, [] is no rows. An unknown member is a fault.
 */
#ifndef KISS_WRITE_BODY_H
#define KISS_WRITE_BODY_H

#include <json-c/json.h>

#include "lib/api/write_plan.h"

/** The value of a member that is absent: this very pointer. */
extern const char kiss_write_absent[];

/** The member that says whose the object is: written, and passed over when it is read. */
#define KISS_WRITE_OWNER "owner"

/** An object. Texts are NUL-terminated; NULL is SQL NULL. */
typedef struct {
    const char **self;                                  /**< by the columns of the plan; may be kiss_write_absent */
    apr_array_header_t *nested[KISS_MAX_WRITE_ROWS];    /**< rows, of const char **, by the columns of their table; NULL: the
                                                             array is absent or null */
} kiss_write_object;

/** Rows that a body may have: their transaction has others wait, who give up after three seconds. */
#define KISS_WRITE_ROWS 10000

/** One of many rows. */
typedef struct {
    const char *place;                  /**< "[17]", or "line 18" */
    const char **values;                /**< by the columns of the plan; may be kiss_write_absent */
} kiss_write_row;

/** How a body is read. */
typedef struct {
    const kiss_write_plan *plan;        /**< what it is to be */
    const char *const *key;             /**< the key in the path, which the body may repeat; NULL: it must name it */
    int create;                         /**< 1: an object that is not there yet: what is absent is as null */
} kiss_write_reading;

/**
 * Reads an object.
 *
 * @param object receives it, in `p`
 * @param faults receives NULL, or all faults as one sentence in `p`; at most 100 of them
 * @return APR_EGENERAL when the text is no JSON object without duplicate names; APR_ENOMEM
 */
apr_status_t kiss_write_body_read(kiss_write_object *object, const char **faults, const kiss_write_reading *how,
                                  const char *body, apr_size_t len, apr_pool_t *p);

/**
 * Reads rows of the object's own table: an array of objects, or with `lines` an object a line. Each must name its
 * key, and no two the same one.
 *
 * @param rows   receives them, of kiss_write_row, in `p`
 * @param faults receives NULL, or all faults as one sentence, each with its row
 * @return APR_EGENERAL when the text is no JSON array, or a line is no JSON object; APR_ENOSPC when there are more than
 *         KISS_WRITE_ROWS, then `faults` says so; APR_ENOMEM
 */
apr_status_t kiss_write_body_rows(apr_array_header_t **rows, const char **faults, const kiss_write_plan *plan, int lines,
                                  const char *body, apr_size_t len, apr_pool_t *p);

/** Gives absent values of a new row what an empty cell has. */
void kiss_write_body_fill(const char **values, const kiss_write_table *t, apr_pool_t *p);

/**
 * Writes an object without absent values.
 *
 * @param owner what KISS_WRITE_OWNER is; NULL: there is no such member
 * @return JSON text in `p`; NULL without memory
 */
const char *kiss_write_body_text(const kiss_write_plan *plan, const kiss_write_object *object, const char *owner,
                                 apr_pool_t *p);

#endif
