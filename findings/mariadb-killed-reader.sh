#!/bin/bash
# MariaDB parses the triggers of a table whenever it opens it, also for a SELECT, which fires none. If the reader's connection
# is killed at that moment (KILL, a proxy's or an administrator's time-out), the parser gives up; its error is kept in the
# open table, which goes back into the cache as if nothing had happened. Whoever writes next and gets that one is told
# that the trigger has a syntax error (1064, which no client retries), near a word where there is none, each time until the
# table is flushed. The trigger is as it was. In a Galera cluster (seen, not shown here) nobody need kill: a transaction that loses is
# stopped wherever it is. FLUSH TABLES needs the right RELOAD, which no application has; REPAIR, which does nothing to an InnoDB
# table but to close it, needs SELECT and INSERT.
# shellcheck source-path=SCRIPTDIR source=lib.sh
# SPDX-License-Identifier: Apache-2.0
. "$(dirname "$0")/lib.sh"

debian_root bookworm mariadb-server-core=1:10.11.19-0+deb12u1 mariadb-client-core=1:10.11.19-0+deb12u1
start_mariadb
sql 'CREATE DATABASE d'
# A long trigger, so that parsing it takes a while: it counts to 2,000 in as many statements.
{
    echo 'CREATE TABLE d.t (id INT PRIMARY KEY, n INT) ENGINE=InnoDB; INSERT INTO d.t VALUES (1, 0);'
    echo 'DELIMITER //'
    echo 'CREATE TRIGGER d.raised BEFORE UPDATE ON d.t FOR EACH ROW BEGIN'
    for ((i = 0; i < 2000; i++)); do echo '  SET NEW.n = NEW.n + 1;'; done
    echo 'END//'
} >"$root/tmp/trigger.sql"
inside /usr/bin/mariadb --no-defaults --socket=/run/db.sock -e 'source /tmp/trigger.sql' >"$work/trigger.log" 2>&1 || die "$(tail -n 1 "$work/trigger.log")"

update() { local said; said=$(sql 'UPDATE d.t SET n = 0; SELECT n FROM d.t') || true; grep -oE "^ERROR [0-9]+|^2000$|has an error in its body" <<<"$said" | tr '\n' ' '; }
seen 'MariaDB 10.11.19: a table with a trigger, written' '2000 ' "$(update)"
# The reader opens the table after a flush, and is killed a little later each time, until a writer is told so.
break_it() {
    hit=
    for ((try = 0; try < 2000 && ${#hit} == 0; try++)); do
        sql 'FLUSH TABLES d.t' >/dev/null
        sql 'SELECT n FROM d.t' >/dev/null & reader=$!
        # shellcheck disable=SC2016
        sql "DELIMITER //
            BEGIN NOT ATOMIC
                DECLARE turn INT DEFAULT 0; DECLARE found INT;
                DECLARE CONTINUE HANDLER FOR 1094 BEGIN END;
                WHILE turn < 20000 DO
                    SET found = (SELECT MIN(id) FROM information_schema.processlist WHERE info LIKE 'SELECT n FROM d.t');
                    IF found IS NOT NULL THEN DO SLEEP(0.0002 * ($try % 40)); EXECUTE IMMEDIATE CONCAT('KILL ', found); SET turn = 20000; END IF;
                    SET turn = turn + 1;
                END WHILE;
            END//" >/dev/null
        wait $reader || true
        [ "$(update)" = '2000 ' ] || hit=1
    done
    [ -n "$hit" ] || die "no reader was killed at the right moment"
}
break_it
seen '... by the next one after a reader was killed that opened it' 'ERROR 1064 has an error in its body ' "$(update)"
seen '... and once more' 'ERROR 1064 has an error in its body ' "$(update)"
sql 'FLUSH TABLES d.t' >/dev/null
seen '... after FLUSH TABLES' '2000 ' "$(update)"
break_it
seen '... broken again' 'ERROR 1064 has an error in its body ' "$(update)"
for statement in 'ANALYZE NO_WRITE_TO_BINLOG TABLE d.t' 'CHECK TABLE d.t' 'SHOW CREATE TABLE d.t'; do
    sql "$statement" >/dev/null
    seen "... after $statement" 'ERROR 1064 has an error in its body ' "$(update)"
done
seen '... REPAIR, which InnoDB does not have' "d.t repair note The storage engine for the table doesn't support repair" \
    "$(sql 'REPAIR NO_WRITE_TO_BINLOG TABLE d.t' | tail -n 1 | tr '\t' ' ')"
seen '... has cured it' '2000 ' "$(update)"
stop_mariadb
verdict
