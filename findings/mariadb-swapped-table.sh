#!/bin/bash
# MariaDB: triggers belong to the table and not to its name. The usual way to replace a table without a gap, fill a new
# one and RENAME both in one statement, leaves them on the old table under its new name: what they kept (a history, a
# counter, a revision) stops without an error. CREATE TRIGGER with the old name is refused then, for the name is taken.
# shellcheck source-path=SCRIPTDIR source=lib.sh
# SPDX-License-Identifier: Apache-2.0
. "$(dirname "$0")/lib.sh"

version=1:10.11.19-0+deb12u1
debian_root bookworm "mariadb-server-core=$version" "mariadb-client-core=$version"
start_mariadb
trigger='TRIGGER t.stock_changed AFTER UPDATE ON t.stock FOR EACH ROW UPDATE t.revision SET n = n + 1'
sql "CREATE DATABASE t; CREATE TABLE t.revision (n INT); INSERT INTO t.revision VALUES (0);
    CREATE TABLE t.stock (sku INT PRIMARY KEY, qty INT); INSERT INTO t.stock VALUES (1, 5); CREATE $trigger"
sql 'UPDATE t.stock SET qty = 6'
seen "MariaDB $(sql 'SELECT @@version'), the counter after one UPDATE" 1 "$(sql 'SELECT n FROM t.revision')"
sql 'CREATE TABLE t.stock_new LIKE t.stock; INSERT INTO t.stock_new VALUES (1, 7);
    RENAME TABLE t.stock TO t.stock_old, t.stock_new TO t.stock; UPDATE t.stock SET qty = 8'
seen 'after the swap and another UPDATE' 1 "$(sql 'SELECT n FROM t.revision')"
seen 'where the trigger is' "$(printf 'stock_changed\tstock_old')" \
    "$(sql 'SELECT TRIGGER_NAME, EVENT_OBJECT_TABLE FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = "t"')"
seen 'CREATE OR REPLACE TRIGGER' "ERROR 1360 (HY000) at line 1: Trigger does not exist" "$(sql "CREATE OR REPLACE $trigger" | tail -n 1 || true)"
verdict
