/* SPDX-License-Identifier: Apache-2.0 */
/**
 * kissctl_options - the table of options.
 */
#ifndef KISSCTL_OPTIONS_H
#define KISSCTL_OPTIONS_H

#include "ctl.h"

/** One option. */
typedef struct {
    ctl_option id;
    const char *name;                   /**< without the hyphens */
    const char *value;                  /**< what its value is called; NULL for a switch */
    const char *help;                   /**< lines after the first are indented by 24 blanks */
} kissctl_option;

extern const kissctl_option kissctl_options[];
extern const int kissctl_options_n;     /**< how many there are */

/** The options of every verb. OPT_REFERENCE, for the build, is among no verb's. */
#define KISSCTL_COMMON (CTL_OPT(OPT_DEFAULTS) | CTL_OPT(OPT_HELP) | CTL_OPT(OPT_VERSION) | CTL_OPT(OPT_JSON) \
                        | CTL_OPT(OPT_SQL) | CTL_OPT(OPT_TOKEN_KEYS) | CTL_OPT(OPT_CACHE_DIR))

#endif
