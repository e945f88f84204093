/* SPDX-License-Identifier: Apache-2.0 */
/**
 * kissctl_verbs - the table of verbs.
 */
#ifndef KISSCTL_VERBS_H
#define KISSCTL_VERBS_H

#include "ctl.h"

extern const ctl_verb kissctl_verbs[];
extern const int kissctl_verbs_n;       /**< how many there are */

#endif
