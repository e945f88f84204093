#!/bin/bash
# MariaDB Connector/C: who has read the one row of an unbuffered result that is wanted, and frees the result, does not
# learn that it ended with an error: mysql_stmt_free_result() and mysql_free_result() read what is left, and read over it.
# With SELECT ... FOR UPDATE the error may be 1213, by which the server has rolled back the whole transaction, with all
# that it had written before. Every call of the client succeeds, COMMIT too, and nothing is stored. (At a node of a Galera
# cluster a transaction ends in this way without any lock of the client's own.)
# shellcheck source-path=SCRIPTDIR source=lib.sh
# SPDX-License-Identifier: Apache-2.0
. "$(dirname "$0")/lib.sh"

version=1:10.11.19-0+deb12u1
debian_root bookworm "mariadb-server-core=$version" "mariadb-client-core=$version" "libmariadb-dev=$version"
cat >"$work/unread.c" <<'C'
#include <mysql.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static MYSQL *connect_to(void)
{
    MYSQL *m = mysql_init(NULL);

    if (!mysql_real_connect(m, NULL, NULL, NULL, "d", 0, "/run/db.sock", 0)) {
        puts(mysql_error(m));
        exit(1);
    }
    return m;
}

static int run(MYSQL *m, const char *sql) { return mysql_query(m, sql) ? (int)mysql_errno(m) : 0; }

/* Has row 2, waits until somebody waits for it, and wants row 1. Has written more, so that the other one is rolled back. */
static int other(int ready)
{
    MYSQL *m = connect_to();
    int waits = 0;

    if (run(m, "START TRANSACTION") || run(m, "INSERT INTO heavy SELECT seq FROM seq_1_to_1000")
        || run(m, "UPDATE stock SET n = 0 WHERE id = 2") || write(ready, "", 1) != 1) {
        return 1;
    }
    while (!waits) {
        MYSQL_RES *r;

        usleep(200000);
        if (run(m, "SELECT COUNT(*) FROM information_schema.innodb_trx WHERE trx_state = 'LOCK WAIT'") || !(r = mysql_store_result(m))) {
            return 1;
        }
        waits = atoi(mysql_fetch_row(r)[0]);
        mysql_free_result(r);
    }
    return run(m, "UPDATE stock SET n = 0 WHERE id = 1") || run(m, "ROLLBACK");
}

static void order(const char *how, int buffered)
{
    const char *sql = "SELECT id FROM stock WHERE id IN (1, 2) FOR UPDATE";
    MYSQL *m;
    MYSQL_STMT *s;
    int ready[2], rc, rows = 0;
    char byte;

    if (pipe(ready) || !fork()) {
        _exit(other(ready[1]));
    }
    m = connect_to();
    s = mysql_stmt_init(m);
    if (read(ready[0], &byte, 1) != 1 || run(m, "START TRANSACTION") || run(m, "INSERT INTO placed VALUES (1)")
        || mysql_stmt_prepare(s, sql, strlen(sql)) || mysql_stmt_execute(s)) {
        puts(mysql_error(m));
        exit(1);
    }
    rc = buffered ? mysql_stmt_store_result(s) : 0;
    printf("%s: store %d", how, rc ? (int)mysql_stmt_errno(s) : 0);
    if (!rc) {
        rc = mysql_stmt_fetch(s);
        printf(", fetch %d, free %d", rc, mysql_stmt_free_result(s));
        printf(", errors %u %u, commit %d", mysql_stmt_errno(s), mysql_errno(m), run(m, "COMMIT"));
    }
    mysql_stmt_close(s);
    if (run(m, "SELECT 1 FROM placed") == 0) {
        MYSQL_RES *r = mysql_store_result(m);

        rows = (int)mysql_num_rows(r);
        mysql_free_result(r);
    }
    printf(", orders stored: %d\n", rows);
    fflush(stdout);
    mysql_close(m);
    wait(NULL);
}

int main(void)
{
    order("unbuffered", 0);
    order("buffered", 1);
    return 0;
}
C
compile "$work/unread.c" unread -I"$root/usr/include/mariadb" -lmariadb
start_mariadb
sql 'CREATE DATABASE d; USE d; CREATE TABLE stock (id INT PRIMARY KEY, n INT) ENGINE=InnoDB; INSERT INTO stock VALUES (1, 9), (2, 9);
    CREATE TABLE placed (n INT) ENGINE=InnoDB; CREATE TABLE heavy (n INT) ENGINE=InnoDB'
seen "libmariadb3 $version, one row wanted" 'unbuffered: store 0, fetch 0, free 0, errors 0 0, commit 0, orders stored: 0
buffered: store 1213, orders stored: 0' "$(inside /unread)"
stop_mariadb
verdict
