/* SPDX-License-Identifier: Apache-2.0 */
/**
 * doctor_replication - what other servers get of the changes at this one: a node of a Galera cluster, the binary log.
 */
#include "doctor_checks.h"

#include <string.h>

#include <apr_strings.h>

#include "ctl_db.h"

/** A variable of the server, or a value of its status; "" where it does not know it. */
static const char *global(doctor *d, const char *table, const char *name)
{
    const char *value;

    if (ctl_db_value(d->c, &value, apr_pstrcat(d->c->pool, "SELECT variable_value FROM information_schema.", table,
                                               " WHERE variable_name = ?", NULL), 1, name) != CTL_OK) {
        return "";
    }
    return value ? value : "";
}

/** A server with a Galera provider. One that is without quorum answers nothing but error 1047. */
static void check_node(doctor *d)
{
    const char *provider = global(d, "global_variables", "WSREP_PROVIDER");
    const char *name = global(d, "global_variables", "WSREP_NODE_NAME");
    const char *state = global(d, "global_status", "WSREP_LOCAL_STATE_COMMENT");
    const char *cluster = global(d, "global_status", "WSREP_CLUSTER_STATUS");

    if (!*provider || strcmp(provider, "none") == 0) {
        return;
    }
    if (strcmp(global(d, "global_variables", "WSREP_ON"), "ON") != 0) {
        doctor_finding(d, "cluster", DOCTOR_PROBLEM, "SET GLOBAL wsrep_on = ON there, and compare its data with the others'",
                       "%s: wsrep_on is OFF: what is written here stays here, what is read here may be old", name);
    }
    else if (strcmp(cluster, "Primary") != 0) {
        doctor_finding(d, "cluster", DOCTOR_PROBLEM, "see the server's log: it is cut off from the others, or they are away",
                       "%s: not in the cluster's majority (%s)", name, cluster);
    }
    else if (strcmp(state, "Synced") != 0) {
        doctor_finding(d, "cluster", DOCTOR_WARNING, "wait until it is Synced: reads wait for it meanwhile, or answer 503",
                       "%s: %s", name, state);
    }
    else {
        doctor_finding(d, "cluster", DOCTOR_OK, NULL, "%s, one of %s nodes, %s; each session sets wsrep_sync_wait itself (%s "
                       "by default here)", name, global(d, "global_status", "WSREP_CLUSTER_SIZE"), state,
                       global(d, "global_variables", "WSREP_SYNC_WAIT"));
    }
}

void doctor_check_replication(doctor *d)
{
    check_node(d);
    if (strcmp(global(d, "global_variables", "LOG_BIN"), "ON") == 0) {
        const char *format = global(d, "global_variables", "BINLOG_FORMAT");
        const int statements = strcmp(format, "STATEMENT") == 0;

        doctor_finding(d, "binary log", statements ? DOCTOR_WARNING : DOCTOR_OK, statements ? "set binlog_format=MIXED or ROW"
                       : NULL, "%s%s", format, statements ? ": replicas get another epoch, and an import needs BINLOG ADMIN "
                       "(doc/database.md)" : "");
    }
}
