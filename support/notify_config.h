/* SPDX-License-Identifier: Apache-2.0 */
/**
 * notify_config - the file that 'kissctl notify' reads: who is notified, with which secret, and where it is kept
 * what they know.
 *
 * Lines `key = value`; '#' begins a comment. Single-threaded.
 */
#ifndef NOTIFY_CONFIG_H
#define NOTIFY_CONFIG_H

#include <apr_tables.h>

#include "ctl.h"

/** What the file says. Texts in the context's pool. */
typedef struct {
    apr_array_header_t *targets;        /**< of const char *: URLs, at least one, each once */
    const char *secret;                 /**< 32 characters or more; must never be printed */
    const char *state;                  /**< file of what the targets know */
    const char *ca;                     /**< trusted certificate authorities; NULL: those of the system */
    apr_int64_t attempts;               /**< for each target in a run, 1 to 10 */
} notify_config;

/** Reads file and secret. @return CTL_OK, or CTL_FAILED after a message that names the line */
int notify_config_read(ctl *c, notify_config *config, const char *path);

#endif
