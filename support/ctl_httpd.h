/* SPDX-License-Identifier: Apache-2.0 */
/**
 * ctl_httpd - what only httpd knows of its configuration.
 */
#ifndef CTL_HTTPD_H
#define CTL_HTTPD_H

#include "ctl.h"

/** KissCacheDir: as the caller named it (option, environment), else as httpd's configuration has it (then c->cache_dir is
 *  set, too), else the default. */
const char *ctl_cache_dir(ctl *c);

/**
 * Lets httpd test its configuration: PROGRAM -t, for ten seconds at most.
 *
 * @param program apachectl, or httpd
 * @param file    the configuration; NULL: its own
 * @param text    receives what it wrote, or why it could not be run, in `p`
 * @return 1 when the configuration is right
 */
int ctl_httpd_test(const char *program, const char *file, const char **text, apr_pool_t *p);

/**
 * What mod_kiss says of a configuration that passes the test: JSON, in `p`; NULL when it is not loaded there.
 *
 * @param cache_dir receives its KissCacheDir
 */
const char *ctl_httpd_dump(const char *program, const char *file, const char **cache_dir, apr_pool_t *p);

#endif
