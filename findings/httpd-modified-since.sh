#!/bin/bash
# httpd: ap_meets_conditions() takes the present time for a response that has no modification date (r->mtime is 0). A
# module that sends an ETag and no Last-Modified, and calls it as the documentation of the API says, answers If-
# Modified-Since of the present second with 304, whatever has changed, and If-Unmodified-Since always with 412. RFC 9110
# §13.1.3 and §13.1.4: a recipient ignores these fields if the resource has no modification date. Seen with mod_cgi,
# which calls it for a script's output: clients that send the Date of the last answer back poll in vain if something
# changes within that second.
# shellcheck source-path=SCRIPTDIR source=lib.sh
# SPDX-License-Identifier: Apache-2.0
. "$(dirname "$0")/lib.sh"

version=2.4.71-1~deb12u1
debian_root bookworm "apache2-bin=$version" dash coreutils
mkdir -p "$root/srv"
printf '#!/bin/dash\necho "Content-Type: text/plain"\necho\necho "answer $(date +%%N)"\n' >"$root/srv/now"
chmod 755 "$root/srv/now"
port=$((20000 + $$ % 20000))
modules=/usr/lib/apache2/modules
cat >"$root/httpd.conf" <<CONF
ServerRoot /srv
ServerName localhost
DefaultRuntimeDir /run
Listen 127.0.0.1:$port
PidFile /run/httpd.pid
ErrorLog /run/error.log
LoadModule mpm_prefork_module $modules/mod_mpm_prefork.so
LoadModule authz_core_module $modules/mod_authz_core.so
LoadModule alias_module $modules/mod_alias.so
LoadModule cgi_module $modules/mod_cgi.so
DocumentRoot /srv
ScriptAlias /now /srv/now
CONF
[ "$(id -u)" -ne 0 ] || printf 'User #65534\nGroup #65534\n' >>"$root/httpd.conf"
mkdir -p "$root/run"
touch "$root/dev/null"
chmod 666 "$root/dev/null"
start "$work/httpd.log" /usr/sbin/apache2 -f /httpd.conf -DFOREGROUND
ask() { curl -s -o /dev/null -w '%{http_code}' "$@" "http://127.0.0.1:$port/now"; }
for ((i = 0; i < 100; i++)); do ask >/dev/null && break; sleep 0.1; done
rfc1123() { date -u -d "$1" '+%a, %d %b %Y %H:%M:%S GMT'; }
# Again if the second ended in between.
this_second() {
    local before status
    while true; do
        before=$(rfc1123 now)
        status=$(ask -H "If-Modified-Since: $before")
        [ "$(rfc1123 now)" != "$before" ] || break
    done
    echo "$status"
}
seen "httpd $version, mod_cgi, a script that names no modification date: without conditions" 200 "$(ask)"
seen 'If-Modified-Since: the present second' 304 "$(this_second)"
seen 'If-Modified-Since: a minute ago' 200 "$(ask -H "If-Modified-Since: $(rfc1123 '-1 min')")"
seen 'If-Unmodified-Since: a minute ago' 412 "$(ask -H "If-Unmodified-Since: $(rfc1123 '-1 min')")"
verdict
