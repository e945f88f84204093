/* SPDX-License-Identifier: Apache-2.0 */
/**
 * config_check - checks what no single directive can: that each location with an API has a handler, a database and
 * keys.
 */
#ifndef KISS_CONFIG_CHECK_H
#define KISS_CONFIG_CHECK_H

#include "core/kiss.h"

/**
 * Checks that every location with an API is handled by this module and has a database, and token keys if it needs them. In
 * check_config, so that configtest and apachectl graceful fail while the server keeps running.
 *
 * @return NULL, or a sentence that names file and line
 */
const char *kiss_config_check(server_rec *main_server, apr_pool_t *p);

#endif
