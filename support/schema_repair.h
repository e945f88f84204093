/* SPDX-License-Identifier: Apache-2.0 */
/**
 * schema_repair - makes a database what the schema files define. Single-threaded; functions that fail have written why to
 * standard error.
 */
#ifndef SCHEMA_REPAIR_H
#define SCHEMA_REPAIR_H

#include "schema_diff.h"

/** Raises every revision but the epoch; conditions may be added. */
#define SCHEMA_RAISE_ALL "UPDATE revision SET n = GREATEST(n + 1, DEFAULT(n)) WHERE dataset <> 'epoch'"

/**
 * Puts back what `differences` names, works out again by `derive` what is derived from other tables, and raises every
 * revision: what was changed meanwhile is not known.
 *
 * @param derive returns CTL_OK or CTL_FAILED
 * @return CTL_OK or CTL_FAILED
 */
int schema_repair(ctl *c, const schema_parts *parts, const apr_array_header_t *differences, int (*derive)(ctl *c));

#endif
