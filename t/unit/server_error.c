/* SPDX-License-Identifier: Apache-2.0 */
/* Unit test: what errors of the database server mean and what the log advises. */
#include <string.h>

#include "lib/mariadb/server_error.h"
#include "unit.h"

static void kind(unsigned int code, kiss_server_kind expected, const char *what)
{
    ok(kiss_server_error_kind(code) == expected, what);
}

static void advice(unsigned int code, const char *api, const char *expected)
{
    ok(strstr(kiss_server_error_advice(code, api, pool), expected) != NULL, expected);
}

/** Those that no server under test gives; t/71-server-errors.t provokes the others. */
void unit_server_error(void)
{
    kind(0, KISS_SERVER_OURS, "no error of the server's: ours");
    kind(1065, KISS_SERVER_OURS, "not in the table: ours");
    ok(*kiss_server_error_advice(1065, "kss", pool) == '\0', "... without advice");
    kind(1047, KISS_SERVER_AWAY, "a Galera node without its cluster: away");
    advice(1047, "kss", "wsrep_ready");
    kind(2006, KISS_SERVER_LOST, "gone: lost");
    kind(2013, KISS_SERVER_LOST, "lost in the middle: lost");
    kind(2014, KISS_SERVER_LOST, "another one of the client library: lost");
    kind(2002, KISS_SERVER_AWAY, "no server at the socket: away");
    kind(2008, KISS_SERVER_BUSY, "no memory: busy");
    kind(2026, KISS_SERVER_AWAY, "TLS failed: away");
    kind(1142, KISS_SERVER_OURS, "no right: ours");
    advice(1142, "customer", "(sql/customer/grants.sql; for KissAdminDatabase grants-admin.sql).");
    advice(1370, "kss", "(sql/kss/grants.sql).");
    advice(1146, "customer", "'kissctl schema install'");
    advice(4091, "kss", "'kissctl kss schema install'");
    advice(1054, "kss", "'kissctl kss schema check'");
}
