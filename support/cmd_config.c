/* SPDX-License-Identifier: Apache-2.0 */
/**
 * cmd_config - the verb config check: what doctor finds in a configuration that is not loaded yet.
 */
#include "cmd.h"

#include "doctor_checks.h"

int cmd_config_check(ctl *c, const char *const *args)
{
    const char *program = c->option[OPT_APACHECTL] ? c->option[OPT_APACHECTL] : KISS_SBINDIR "/apachectl";
    doctor d = {c, apr_array_make(c->pool, 16, sizeof(const char **)), 0};

    doctor_check_config(&d, program, args[0]);
    doctor_print(&d);
    return d.problems ? CTL_FAILED : CTL_OK;
}
