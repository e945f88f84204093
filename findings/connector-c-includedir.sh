#!/bin/bash
# MariaDB Connector/C: 3.3 (Debian 12) passes over !includedir in an option file, 3.4 (Debian 13) follows it. Debian's
# /etc/mysql/my.cnf names two such directories. After the upgrade, settings that lay there without effect on programs
# that link the library (timeouts, TLS, a socket) come into force; before, what was written there for them did nothing.
# (The command line clients read the files in their own way and always followed it.)
# shellcheck source-path=SCRIPTDIR source=lib.sh
# SPDX-License-Identifier: Apache-2.0
. "$(dirname "$0")/lib.sh"

cat >"$work/connect.c" <<'C'
#include <mysql.h>
#include <stdio.h>

int main(void)
{
    MYSQL *m = mysql_init(NULL);
    mysql_options(m, MYSQL_READ_DEFAULT_FILE, "/my.cnf");
    mysql_real_connect(m, NULL, NULL, NULL, NULL, 0, NULL, 0);
    printf("%s\n", mysql_error(m));
    return 0;
}
C

for version in 'bookworm 1:10.11.19-0+deb12u1' 'trixie 1:11.8.9+ds-0+deb13u1'; do
    debian_root "${version% *}" "libmariadb3=${version#* }" "libmariadb-dev=${version#* }"
    compile "$work/connect.c" connect -I"$root/usr/include/mariadb" -lmariadb
    mkdir "$root/conf.d"
    printf '[client]\nsocket=/from-my.cnf\n!includedir /conf.d/\n' >"$root/my.cnf"
    printf '[client]\nsocket=/from-conf.d\n' >"$root/conf.d/client.cnf"
    case $version in
    bookworm*) from=my.cnf ;;
    *) from=conf.d ;;
    esac
    seen "libmariadb3 ${version#* }, the socket named in my.cnf and, differently, in the included directory" \
        "Can't connect to local server through socket '/from-$from' (2)" "$(inside /connect)"
done
verdict
