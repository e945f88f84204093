/* SPDX-License-Identifier: Apache-2.0 */
/**
 * ctl_httpd - what only httpd's configuration knows.
 */
#ifndef CTL_HTTPD_H
#define CTL_HTTPD_H

#include "ctl.h"

/** KissCacheDir: as the caller named it (option, environment), else as httpd's configuration has it (then c->cache_dir is
 *  set, too), else the default. */
const char *ctl_cache_dir(ctl *c);

#endif
