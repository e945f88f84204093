/* SPDX-License-Identifier: Apache-2.0 */
/**
 * cmd_config - the verb config check: what doctor finds in a configuration that is not loaded yet.
 */
#include "cmd.h"

#include "ctl_httpd.h"
#include "doctor_checks.h"

int cmd_config_check(ctl *c, const char *const *args)
{
    doctor d = {c, apr_array_make(c->pool, 16, sizeof(const char **)), 0};

    doctor_check_config(&d, ctl_httpd_program(c), args[0]);
    doctor_print(&d);
    return d.problems ? CTL_FAILED : CTL_OK;
}
