/* SPDX-License-Identifier: Apache-2.0 */
/**
 * tally - the names of what requests are counted by.
 */
#include "core/tally.h"

#define NAME(id, name) [id] = name,

const char *const kiss_tally_refusal_name[KISS_REFUSALS] = { KISS_TALLY_REFUSALS(NAME) };
const char *const kiss_tally_limit_name[KISS_LIMITEDS] = { KISS_TALLY_LIMITS(NAME) };
const char *const kiss_tally_auth_name[KISS_AUTH_FAILEDS] = { KISS_TALLY_AUTH(NAME) };
const char *const kiss_tally_work_name[KISS_WORKS] = { KISS_TALLY_WORK(NAME) };
const char *const kiss_tally_warmed_name[KISS_WARMEDS] = { KISS_TALLY_WARMED(NAME) };
const char *const kiss_tally_written_name[KISS_WRITTENS] = { KISS_TALLY_WRITTEN(NAME) };
