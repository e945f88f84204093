/* SPDX-License-Identifier: Apache-2.0 */
/** config_value - the options of KissDatabase: key=value pairs. */
#ifndef KISS_CONFIG_VALUE_H
#define KISS_CONFIG_VALUE_H

#include "core/config.h"

/**
 * Reads the arguments of KissDatabase, including the password file.
 *
 * @param database receives everything but its server; texts live in `p`
 * @return NULL or a sentence in `p`
 */
const char *kiss_config_database_read(kiss_database_conf *database, const char *args, apr_pool_t *p);

#endif
