/* SPDX-License-Identifier: Apache-2.0 */
/** config_dump - describes the configuration for kissctl, in the output of `apachectl -t -D DUMP_RUN_CFG`. */
#ifndef KISS_CONFIG_DUMP_H
#define KISS_CONFIG_DUMP_H

#include "core/kiss.h"

/** What begins the line with the description, one JSON object. */
#define KISS_CONFIG_DUMP_LEAD "KissConfig: "

/** Writes KissCacheDir, and that line. No secrets: names of their files. */
void kiss_config_dump(server_rec *main_server, apr_file_t *out, apr_pool_t *p);

#endif
