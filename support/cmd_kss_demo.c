/* SPDX-License-Identifier: Apache-2.0 */
/**
 * cmd_kss_demo - the verb kss demo-data.
 */
#include "cmd.h"

#include <apr_file_io.h>
#include <apr_strings.h>

#include "ctl_message.h"
#include "ctl_value.h"
#include "demo.h"

int cmd_kss_demo(ctl *c, const char *const *args)
{
    apr_int64_t scale = 1;
    apr_status_t rv;

    if (c->option[OPT_SCALE] && !ctl_number(&scale, c->option[OPT_SCALE], 1, DEMO_LARGEST)) {
        return ctl_usage(c, "--scale: '%s' is not a whole number from 1 to %d", c->option[OPT_SCALE], DEMO_LARGEST);
    }
    rv = apr_dir_make_recursive(args[0], APR_OS_DEFAULT, c->pool);
    if (rv != APR_SUCCESS) {
        return ctl_fail("cannot make the folder %s: %s", args[0], apr_psprintf(c->pool, "%pm", &rv));
    }
    return demo_write(c, args[0], (int)scale);
}
