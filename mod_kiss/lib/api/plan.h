/* SPDX-License-Identifier: Apache-2.0 */
/** plan - all SQL of an API, derived from its tables. Pure; created once at start, immutable afterwards. */
#ifndef KISS_PLAN_H
#define KISS_PLAN_H

#include "lib/api/statements.h"

/**
 * Creates the plan of an API, in `p`.
 *
 * @param plan receives it
 * @return NULL, or an error of the tables (a row set without filter, a duplicate name, too many columns, ...)
 */
const char *kiss_plan_make(const kiss_plan **plan, const kiss_api *api, apr_pool_t *p);

/**
 * What the statement with this number (kiss_statement.number) reads, for people: "stock: price, a range", "orders
 * (employee)". It has no value of a request. In `p`; NULL above the last number.
 */
const char *kiss_plan_statement_name(const kiss_plan *plan, int number, apr_pool_t *p);

#endif
