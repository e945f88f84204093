/* SPDX-License-Identifier: Apache-2.0 */
/**
 * doctor_server - the connection of kissctl, the settings of the server, and the budget of connections.
 */
#include "doctor_checks.h"

#include <string.h>

#include <apr_strings.h>

#include "ctl_db.h"
#include "ctl_defaults.h"
#include "ctl_value.h"
#include "lib/base/loopback.h"

#define MIN_SERVER 100500               /* bound arrays, FOR UPDATE and window functions as used here */
#define DEFAULT_MAX 8

/** The way to the server, and the settings in force on it. */
void doctor_check_connection(doctor *d)
{
    MYSQL *db = d->c->db;
    const char *cipher = mysql_get_ssl_cipher(db), *host = ctl_defaults_value(d->c, "host");
    const char *way = db->unix_socket ? apr_psprintf(d->c->pool, "socket %s", db->unix_socket)
                      : apr_psprintf(d->c->pool, "%s, port %u", host ? host : "localhost", db->port);

    if (cipher) {
        doctor_finding(d, "connection", DOCTOR_OK, NULL, "%s, over TLS (%s), %s", way, cipher, d->c->tls == CTL_TLS_VERIFY
                       ? "the server's certificate is verified" : "whoever is at its other end");
    }
    else if (db->unix_socket || kiss_loopback_is(host)) {
        doctor_finding(d, "connection", DOCTOR_OK, NULL, "%s, in the clear: it does not leave this machine", way);
    }
    else {
        doctor_finding(d, "connection", DOCTOR_WARNING, apr_psprintf(d->c->pool, "set up TLS on the server and take "
                                                                                 "tls=off out "
                       "of group [%s]; KissDatabase asks for the same (tls=)", d->c->verb->database->group),
                       "%s, in the clear: whoever is on the way can read and change what is said", way);
    }
}

void doctor_check_server(doctor *d)
{
    MYSQL *db = d->c->db;
    const char *mode, *charset, *sql = "SELECT CONCAT(@@character_set_client, '/', @@character_set_results)";

    if (!mariadb_connection(db) || mysql_get_server_version(db) < MIN_SERVER) {
        doctor_finding(d, "server", DOCTOR_PROBLEM, "use MariaDB 10.5 or newer", "%s", mysql_get_server_info(db));
    }
    else {
        doctor_finding(d, "server", DOCTOR_OK, NULL, "MariaDB %s", mysql_get_server_info(db));
    }
    if (ctl_db_value(d->c, &mode, "SELECT @@GLOBAL.sql_mode", 0) == CTL_OK && mode) {
        if (strstr(mode, "STRICT_ALL_TABLES") || strstr(mode, "STRICT_TRANS_TABLES")) {
            doctor_finding(d, "sql_mode", DOCTOR_OK, NULL, "strict");
        }
        else {
            doctor_finding(d, "sql_mode", DOCTOR_WARNING, "set sql_mode=STRICT_TRANS_TABLES in the server's configuration",
                           "the server is not strict: other programs may store cut or wrong values");
        }
    }
    if (ctl_db_value(d->c, &charset, sql, 0) == CTL_OK && charset) {
        doctor_finding(d, "charset", strcmp(charset, "utf8mb4/utf8mb4") == 0 ? DOCTOR_OK : DOCTOR_PROBLEM,
                       strcmp(charset, "utf8mb4/utf8mb4") == 0 ? NULL : "remove init_connect settings that change it",
                       "the connection speaks %s", charset);
    }
}

void doctor_check_budget(doctor *d)
{
    apr_int64_t most = doctor_number(d, "max_connections", "SELECT @@GLOBAL.max_connections");
    apr_int64_t children = 0, max = DEFAULT_MAX;

    if (most < 0) {
        return;
    }
    if (d->c->option[OPT_MAX]) {
        ctl_number(&max, d->c->option[OPT_MAX], 1, 100000);
    }
    if (!d->c->option[OPT_CHILDREN]) {
        doctor_finding(d, "max_connections", DOCTOR_OK, NULL, "%" APR_INT64_T_FMT ": enough for %" APR_INT64_T_FMT
                       " child processes of httpd with max=%" APR_INT64_T_FMT " (children x max x 2; a prefork child "
                       "uses one); --children N --max N checks yours", most, most / max / 2, max);
        return;
    }
    ctl_number(&children, d->c->option[OPT_CHILDREN], 1, 100000);
    doctor_finding(d, "max_connections", children * max * 2 > most ? DOCTOR_PROBLEM : DOCTOR_OK, children * max * 2 > most
                   ? apr_psprintf(d->c->pool, "set max_connections to %" APR_INT64_T_FMT " or more, or lower max= of "
                           "KissDatabase or the number of children", children * max * 2 + 10) : NULL,
                   "%" APR_INT64_T_FMT ", and httpd may open %" APR_INT64_T_FMT " x %" APR_INT64_T_FMT " x 2 = %"
                   APR_INT64_T_FMT " during a reload", most, children, max, children * max * 2);
}
