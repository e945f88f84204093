/* SPDX-License-Identifier: Apache-2.0 */
/**
 * ctl_httpd - what only httpd knows of its configuration.
 */
#ifndef CTL_HTTPD_H
#define CTL_HTTPD_H

#include "ctl.h"

/** How deep the description of the configuration is nested, and some more. */
#define CTL_HTTPD_DEPTH 6

/** KissCacheDir: as the caller named it (option, environment), else as httpd's configuration has it (then c->cache_dir is
 *  set, too), else the default. */
const char *ctl_cache_dir(ctl *c);

/**
 * The program that reads httpd's configuration: the one of --apachectl, else the apachectl of the httpd that apxs named when
 * this was built, else, where there is none (Debian's apache2-bin alone), that httpd itself.
 *
 * @return its path; it need not exist
 */
const char *ctl_httpd_program(ctl *c);

/**
 * Lets httpd test its configuration: PROGRAM -t, for ten seconds at most.
 *
 * @param program apachectl, or httpd
 * @param file    the configuration; NULL: its own
 * @param text    receives what it wrote, or why it could not be run, in `p`
 * @return 1 when the configuration is right
 */
int ctl_httpd_test(const char *program, const char *file, const char **text, apr_pool_t *p);

/** What httpd and mod_kiss say of a configuration that passes the test; NULL: nothing. */
typedef struct ctl_httpd_config {
    const char *json;                   /**< databases and versions (core/config_dump.h), for kiss_json_parse() */
    const char *cache_dir;              /**< KissCacheDir */
    const char *pid_file;               /**< PidFile */
} ctl_httpd_config;

/** Reads that of a configuration, as ctl_httpd_test() is called; its texts are in `p`. */
void ctl_httpd_dump(ctl_httpd_config *config, const char *program, const char *file, apr_pool_t *p);

/** That of the httpd that is installed here, as far as its configuration can be read; read once. Never NULL. */
const ctl_httpd_config *ctl_httpd_installed(ctl *c);

#endif
