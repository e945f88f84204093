#!/bin/bash
# information_schema.innodb_trx, innodb_locks and innodb_lock_waits show a copy of what InnoDB knows. It is made anew only when nobody
# has read one of these tables, on any connection, for a tenth of a second. So a program that waits for another session's lock by
# asking every 20 ms, as one would write it, may wait for ever; a slower machine, or an extra round trip, hides that.
# shellcheck source-path=SCRIPTDIR source=lib.sh
# SPDX-License-Identifier: Apache-2.0
. "$(dirname "$0")/lib.sh"

debian_root bookworm mariadb-server-core=1:10.11.19-0+deb12u1 mariadb-client-core=1:10.11.19-0+deb12u1
start_mariadb
sql 'CREATE DATABASE d; CREATE TABLE d.t (id INT PRIMARY KEY) ENGINE=InnoDB; INSERT INTO d.t VALUES (1)' >/dev/null

# Another session begins a transaction after a second and keeps it for eight; this one asks each PAUSE until it sees it or five seconds
# are over.
watch() {
    sql "START TRANSACTION; DO SLEEP(1); SELECT id FROM d.t FOR UPDATE; DO SLEEP(8); ROLLBACK" >/dev/null & other=$!
    sql "DELIMITER //
        BEGIN NOT ATOMIC
            DECLARE begun DATETIME(6) DEFAULT SYSDATE(6);
            DECLARE n INT DEFAULT 0;
            WHILE n = 0 AND SYSDATE(6) < begun + INTERVAL 5 SECOND DO
                SET n = (SELECT COUNT(*) FROM information_schema.innodb_trx);
                DO SLEEP($1);
            END WHILE;
            SELECT IF(n, 'seen', 'not seen');
        END//"
    wait $other
}
seen 'MariaDB 10.11.19: a transaction of another session, asked for every 20 ms for 4 seconds' 'not seen' "$(watch 0.02)"
seen '... every 200 ms' 'seen' "$(watch 0.2)"
stop_mariadb
verdict
