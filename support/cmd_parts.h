/* SPDX-License-Identifier: Apache-2.0 */
/**
 * cmd_parts - what verbs do that is a part of another verb. Functions that fail have written why to standard error.
 */
#ifndef CMD_PARTS_H
#define CMD_PARTS_H

#include "ctl.h"

/** Installs the schema, as the verb schema install, over the connection of kissctl; prints nothing.
 *  @return CTL_OK or CTL_FAILED */
int cmd_parts_schema(ctl *c);

/** Puts a new signing key on top of the others, as the verb token-key rotate; prints nothing.
 *  @param kid receives its id @return CTL_OK or CTL_FAILED */
int cmd_parts_new_token_key(ctl *c, const char **kid);

#endif
