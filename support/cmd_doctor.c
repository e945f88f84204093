/* SPDX-License-Identifier: Apache-2.0 */
/**
 * cmd_doctor - the verbs doctor and kss doctor: which checks are made, and in which order.
 */
#include "cmd.h"

#include "ctl_db.h"
#include "ctl_message.h"
#include "ctl_value.h"
#include "doctor_checks.h"

static int check_options(const ctl *c)
{
    apr_int64_t n;

    if ((c->option[OPT_CHILDREN] && !ctl_number(&n, c->option[OPT_CHILDREN], 1, 100000))
        || (c->option[OPT_MAX] && !ctl_number(&n, c->option[OPT_MAX], 1, 100000))) {
        return ctl_usage(c, "--children and --max want whole numbers from 1 to 100000");
    }
    return CTL_OK;
}

/** Everything that two databases have in common, and what is special to one. */
static int examine(ctl *c, void (*check_special)(doctor *), void (*check_files)(doctor *))
{
    doctor d = {c, apr_array_make(c->pool, 16, sizeof(const char **)), 0};

    if (check_options(c) != CTL_OK) {
        return CTL_USAGE;
    }
    doctor_check_defaults(&d);
    if (ctl_db_open(c) != CTL_OK) {
        doctor_finding(&d, "server", DOCTOR_PROBLEM, "see the message above", "cannot connect");
    }
    else {
        doctor_check_connection(&d);
        doctor_check_server(&d);
        doctor_check_replication(&d);
        doctor_check_budget(&d);
        if (doctor_check_schema(&d)) {
            doctor_check_own_rights(&d);
            doctor_check_module_rights(&d);
            check_special(&d);
        }
    }
    if (check_files) {
        check_files(&d);
    }
    doctor_check_httpd(&d);
    doctor_print(&d);
    return d.problems ? CTL_FAILED : CTL_OK;
}

static void check_customer_files(doctor *d)
{
    doctor_check_token_keys(d);
    doctor_check_cache(d);
}

int cmd_doctor(ctl *c, const char *const *args)
{
    (void)args;
    return examine(c, doctor_check_content, check_customer_files);
}

int cmd_kss_doctor(ctl *c, const char *const *args)
{
    (void)args;
    return examine(c, doctor_check_kss_content, NULL);     /* no tokens, and nothing is kept */
}
