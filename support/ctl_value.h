/* SPDX-License-Identifier: Apache-2.0 */
/**
 * ctl_value - values of options that several verbs read.
 */
#ifndef CTL_VALUE_H
#define CTL_VALUE_H

#include "ctl.h"

/** A whole number within [least, most] in plain digits. @return 1 and `value`, or 0 */
int ctl_number(apr_int64_t *value, const char *text, apr_int64_t least, apr_int64_t most);

/** The text of `option`, `name` on the command line: UTF-8, at most `most` characters; NULL when not given.
 *  @return CTL_OK or CTL_USAGE */
int ctl_text(const ctl *c, const char **value, ctl_option option, const char *name, int most);

/** The limit that `option` sets: digits, or NULL for 'default'; untouched when not given.
 *  @return CTL_OK or CTL_USAGE */
int ctl_limit(const ctl *c, const char **value, ctl_option option, const char *name);

#endif
