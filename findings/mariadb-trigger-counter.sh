#!/bin/bash
# MariaDB 11.8 (Debian 13; from 11.6.2 on) has innodb_snapshot_isolation = ON: a transaction that has read anything may
# not change a row that somebody else has changed since: error 1020, and it is rolled back. With a trigger that counts
# in a row of its own (a revision, a sum, a number of changes), two transactions collide there though they write
# different rows of the table. At 10.11 the second one waited for the first, and both were right. In autocommit, at READ
# COMMITTED and where nothing was read before, 11.8 does as 10.11 did.
# shellcheck source-path=SCRIPTDIR source=lib.sh
# SPDX-License-Identifier: Apache-2.0
. "$(dirname "$0")/lib.sh"

# two_writers BEFORE: one transaction begins with BEFORE and then changes row 1; another one changes row 2 in between.
two_writers() {
    sql "USE t; $1 DO SLEEP(1); UPDATE stock SET qty = qty + 1 WHERE sku = 1; COMMIT; SELECT 'committed'" >"$work/first" &
    local first=$!
    sleep 0.4
    sql 'UPDATE t.stock SET qty = qty + 1 WHERE sku = 2'
    wait $first || true
    tail -n 1 "$work/first" | sed 's/ at line 1//'
}

for version in 'bookworm 1:10.11.19-0+deb12u1' 'trixie 1:11.8.9+ds-0+deb13u1'; do
    debian_root "${version% *}" "mariadb-server-core=${version#* }" "mariadb-client-core=${version#* }"
    start_mariadb
    sql 'CREATE DATABASE t; CREATE TABLE t.revision (n INT) ENGINE=InnoDB; INSERT INTO t.revision VALUES (0);
        CREATE TABLE t.stock (sku INT PRIMARY KEY, qty INT) ENGINE=InnoDB; INSERT INTO t.stock VALUES (1, 5), (2, 5);
        CREATE TRIGGER t.stock_changed AFTER UPDATE ON t.stock FOR EACH ROW UPDATE t.revision SET n = n + 1'
    name="MariaDB $(sql 'SELECT @@version'), innodb_snapshot_isolation $(sql 'SELECT @@innodb_snapshot_isolation')"
    case $version in
    bookworm*) expected=committed ;;
    *) expected="ERROR 1020 (HY000): Record has changed since last read in table 'revision'; try restarting transaction" ;;
    esac
    seen "$name, read first" "$expected" "$(two_writers 'BEGIN; SELECT COUNT(*) FROM stock;')"
    seen "$name, nothing read" committed "$(two_writers 'BEGIN;')"
    seen "$name, read first, READ COMMITTED" committed \
        "$(two_writers 'SET TRANSACTION ISOLATION LEVEL READ COMMITTED; BEGIN; SELECT COUNT(*) FROM stock;')"
    stop_mariadb
done
verdict
