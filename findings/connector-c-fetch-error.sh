#!/bin/bash
# MariaDB Connector/C: when an unbuffered result of a prepared statement fails in the middle (KILL QUERY,
# max_statement_time, the server is gone), mysql_stmt_fetch() gives 1 and mysql_stmt_errno() is 0: no error. The number
# and text are those of the connection, mysql_errno(). A program that looks at the statement, as the manual of the
# function says, logs "error 0", or takes a result that was cut off for one that has ended.
# shellcheck source-path=SCRIPTDIR source=lib.sh
# SPDX-License-Identifier: Apache-2.0
. "$(dirname "$0")/lib.sh"

version=1:10.11.19-0+deb12u1
debian_root bookworm "mariadb-server-core=$version" "mariadb-client-core=$version" "libmariadb-dev=$version"
cat >"$work/fetch.c" <<'C'
#include <mysql.h>
#include <stdio.h>
#include <string.h>

int main(void)
{
    const char *sql = "SET STATEMENT max_statement_time = 0.5 FOR SELECT a.n, SLEEP(0.01) FROM t.n a, t.n b";
    MYSQL *m = mysql_init(NULL);
    MYSQL_STMT *s;
    int rows = 0, rc;

    if (!mysql_real_connect(m, NULL, NULL, NULL, NULL, 0, "/run/db.sock", 0)) {
        return puts(mysql_error(m)), 1;
    }
    s = mysql_stmt_init(m);
    if (mysql_stmt_prepare(s, sql, strlen(sql)) != 0 || mysql_stmt_execute(s) != 0) {
        return puts(mysql_stmt_error(s)), 1;
    }
    while ((rc = mysql_stmt_fetch(s)) == 0 || rc == MYSQL_DATA_TRUNCATED) {
        rows++;
    }
    printf("rows before: %s\nmysql_stmt_fetch: %d\nmysql_stmt_errno: %u \"%s\"\nmysql_errno: %u\n", rows ? "some" : "none", rc,
           mysql_stmt_errno(s), mysql_stmt_error(s), mysql_errno(m));
    return 0;
}
C
compile "$work/fetch.c" fetch -I"$root/usr/include/mariadb" -lmariadb
start_mariadb --net-buffer-length=1024
sql 'CREATE DATABASE t; CREATE TABLE t.n (n BIGINT); INSERT INTO t.n SELECT 1000000 FROM information_schema.COLLATIONS LIMIT 100'
seen "libmariadb3 $version" 'rows before: some
mysql_stmt_fetch: 1
mysql_stmt_errno: 0 ""
mysql_errno: 1969' "$(inside /fetch)"
verdict
