#!/bin/bash
# nginx with proxy_cache takes If-None-Match, If-Modified-Since, If-Range and Range away from a request and makes GET of
# HEAD, because it wants the whole answer for its store. It does so before it knows the answer: also for one that says
# Cache-Control: private and is never stored. An API behind it loses its 304s and ranges, and nothing is gained.
# shellcheck source-path=SCRIPTDIR source=lib.sh
# SPDX-License-Identifier: Apache-2.0
. "$(dirname "$0")/lib.sh"

version=1.22.1-9+deb12u11
debian_root bookworm "nginx=$version"
cat >"$work/server.pl" <<'PERL'
use strict;
use IO::Socket::INET;
my $s = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 5) or die;
$| = 1;
print $s->sockport, "\n";
while (my $c = $s->accept) {
    my $head = '';
    while (my $line = <$c>) { $head .= $line; last if $line eq "\r\n" }
    my $seen = join ' ', ($head =~ /^(\w+)/)[0], sort map { lc } $head =~ /^(If-[\w-]+|Range):/mig;
    print $c "HTTP/1.1 200 OK\r\nETag: \"one\"\r\nCache-Control: private, no-cache\r\nX-Seen: $seen\r\nContent-Length: 4\r\nConnection: close\r\n\r\n"
        . ($head =~ /^HEAD/ ? '' : 'list');
    close $c;
}
PERL
perl "$work/server.pl" >"$work/port" &
started+=($!)
for ((i = 0; i < 100; i++)); do [ ! -s "$work/port" ] || break; sleep 0.1; done
port=$((20000 + $$ % 20000))
mkdir -p "$root/n"
touch "$root/dev/null"
printf 'root:x:0:0::/:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\n' >"$root/etc/passwd"
printf 'root:x:0:\nnogroup:x:65534:\n' >"$root/etc/group"
cat >"$root/n/nginx.conf" <<CONF
daemon off; pid /n/pid; error_log /n/error.log; events {}
user nobody nogroup;
http {
    access_log off; client_body_temp_path /n/a; proxy_temp_path /n/b; fastcgi_temp_path /n/c; uwsgi_temp_path /n/d; scgi_temp_path /n/e;
    proxy_cache_path /n/cache keys_zone=zone:1m;
    server {
        listen 127.0.0.1:$port;
        location /plain { proxy_pass http://127.0.0.1:$(cat "$work/port"); }
        location /cache { proxy_pass http://127.0.0.1:$(cat "$work/port"); proxy_cache zone; }
    }
}
CONF
start "$work/nginx.log" /usr/sbin/nginx -e /n/error.log -c /n/nginx.conf
ask() { curl -s -o /dev/null -D - "$@" | tr -d '\r' | sed -n 's/^X-Seen: //p'; }
for ((i = 0; i < 100; i++)); do [ -z "$(ask "http://127.0.0.1:$port/plain")" ] || break; sleep 0.1; done
poll=(-H 'If-None-Match: "one"' -H 'Range: bytes=0-1' -H 'If-Range: "one"')
for times in 'the first time' 'again'; do
    seen "nginx $version, no cache, $times: what the server behind it is asked" 'GET if-none-match if-range range' "$(ask "${poll[@]}" "http://127.0.0.1:$port/plain")"
    seen "proxy_cache, $times" 'GET' "$(ask "${poll[@]}" "http://127.0.0.1:$port/cache")"
    seen "proxy_cache, HEAD, $times" 'GET' "$(ask -I "http://127.0.0.1:$port/cache")"
done
verdict
