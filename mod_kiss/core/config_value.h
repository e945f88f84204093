/* SPDX-License-Identifier: Apache-2.0 */
/** config_value - the options of KissDatabase: key=value pairs. */
#ifndef KISS_CONFIG_VALUE_H
#define KISS_CONFIG_VALUE_H

#include "core/config.h"

/**
 * Reads the address of a server: NAME, NAME:PORT, an address in IPv6, or [ADDRESS]:PORT.
 *
 * @param port    receives its port, else `preset`; 0: none
 * @param address receives the whole, for messages
 * @return as above
 */
const char *kiss_config_address(const char **host, int *port, const char **address, const char *text, int preset,
                                apr_pool_t *p);

/**
 * Reads a password from the first line of a file that only its owner can read.
 *
 * @param path receives the absolute path of the file
 * @return as above
 */
const char *kiss_config_password(const char **password, const char **path, const char *file, apr_pool_t *p);

/** Finds a file. @param file receives its absolute path @return as above */
const char *kiss_config_file(const char **file, const char *name, apr_pool_t *p);

/**
 * Reads the arguments of KissDatabase, including the password file.
 *
 * @param database receives everything but its server; texts live in `p`
 * @return NULL or a sentence in `p`
 */
const char *kiss_config_database_read(kiss_database_conf *database, const char *args, apr_pool_t *p);

#endif
