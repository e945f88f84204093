#!/bin/bash
# MariaDB: a day after the last day of the calendar is NULL with a warning, in strict mode, too, and a comparison with
# NULL finds nothing. So a half-open range, `at >= from AND at < to + INTERVAL 1 DAY`, is empty for 9999-12-31, which
# many systems write for "no end". Nothing fails: the list is just empty.
# shellcheck source-path=SCRIPTDIR source=lib.sh
# SPDX-License-Identifier: Apache-2.0
. "$(dirname "$0")/lib.sh"

version=1:10.11.19-0+deb12u1
debian_root bookworm "mariadb-server-core=$version" "mariadb-client-core=$version"
start_mariadb
sql 'CREATE DATABASE t; CREATE TABLE t.invoice (id INT PRIMARY KEY, at DATETIME NOT NULL);
    INSERT INTO t.invoice VALUES (1, "2026-05-14 10:30:00"), (2, "2026-12-31 23:59:59")'
seen "$(sql 'SELECT CONCAT("MariaDB ", @@version, ", sql_mode ", @@sql_mode)'), the range to 2026-12-31" \
    2 "$(sql 'SELECT COUNT(*) FROM t.invoice WHERE at >= "2026-01-01" AND at < "2026-12-31" + INTERVAL 1 DAY')"
seen 'the range to 9999-12-31' 0 "$(sql 'SELECT COUNT(*) FROM t.invoice WHERE at >= "2026-01-01" AND at < "9999-12-31" + INTERVAL 1 DAY')"
seen 'because the end is' "$(printf 'NULL\nWarning\t1441\tDatetime function: datetime field overflow')" \
    "$(sql 'SELECT "9999-12-31" + INTERVAL 1 DAY; SHOW WARNINGS')"
verdict
