#!/bin/bash
# Varnish computes a HEAD anew instead of passing on what the server behind it said, also where it is told to store nothing
# (return (pass)): the answer loses its Content-Encoding and keeps the length of the coded body; and a Range, which means
# nothing for HEAD (RFC 9110, 14.2), is applied to the body that a HEAD has not, although the server ignored it: 416 of "*/0"
# in Debian 12, 206 of "2-3/0" in Debian 13. A client that asks by HEAD for the size before it resumes a download is told that
# there is nothing to resume.
# shellcheck source-path=SCRIPTDIR source=lib.sh
# SPDX-License-Identifier: Apache-2.0
. "$(dirname "$0")/lib.sh"

cat >"$work/server.pl" <<'PERL'
use strict;
use IO::Compress::Gzip qw(gzip);
use IO::Socket::INET;
my $s = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 5) or die;
my $plain = 'a list of products';
gzip(\$plain => \my $coded, -Minimal => 1) or die;
$| = 1;
print $s->sockport, "\n";
while (my $c = $s->accept) {
    my $head = '';
    while (my $line = <$c>) { $head .= $line; last if $line eq "\r\n" }
    my ($method) = $head =~ /^(\w+)/;
    my ($status, $fields, $body) = $head =~ /^Accept-Encoding: gzip/mi ? ('200 OK', 'Content-Encoding: gzip', $coded)
        : $method eq 'GET' && $head =~ /^Range: bytes=2-3/mi ? ('206 Partial Content', 'Content-Range: bytes 2-3/' . length $plain, substr $plain, 2, 2)
        : ('200 OK', 'X-Coding: none', $plain);
    print $c "HTTP/1.1 $status\r\nETag: \"one\"\r\nVary: Accept-Encoding\r\nCache-Control: private, no-cache\r\n$fields\r\n"
        . 'Content-Length: ' . length($body) . "\r\nConnection: close\r\n\r\n" . ($method eq 'HEAD' ? '' : $body);
    close $c;
}
PERL
perl "$work/server.pl" >"$work/port" &
started+=($!)
for ((i = 0; i < 100; i++)); do [ ! -s "$work/port" ] || break; sleep 0.1; done
port=$((20000 + $$ % 20000))

# serve: Varnish of `root` in front of that server.
serve() {
    mkdir -p "$root/v" "$root/etc"
    rm -f "$root/dev/null"
    cp -a /dev/null /dev/urandom "$root/dev/" 2>/dev/null || { touch "$root/dev/null"; head -c 4096 /dev/urandom >"$root/dev/urandom"; }
    printf 'root:x:0:0::/:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\n' >"$root/etc/passwd"
    printf 'root:x:0:\nnogroup:x:65534:\n' >"$root/etc/group"
    printf 'vcl 4.1; backend b { .host = "127.0.0.1"; .port = "%s"; } sub vcl_recv { return (pass); }\n' "$(cat "$work/port")" >"$root/v/pass.vcl"
    start "$work/varnish.log" /usr/sbin/varnishd -F -T none -j none -n /v/n -a "127.0.0.1:$port" -f /v/pass.vcl -s malloc,10m
    for ((i = 0; i < 300; i++)); do ! curl -s -o /dev/null "http://127.0.0.1:$port/" || return 0; sleep 0.1; done
    tail -n 5 "$work/varnish.log" >&2
    die "Varnish did not start"
}
ask() { curl -s -o /dev/null -D - "$@" | tr -d '\r' | sed -n 's/^HTTP[^ ]* \([0-9]*\).*/\1/p; /^Content-/p' | LC_ALL=C sort | paste -sd' '; }
compare() {
    local version=$1 ranged=$2
    serve
    seen "varnish $version, GET with Accept-Encoding: gzip" '200 Content-Encoding: gzip Content-Length: 38' "$(ask -H 'Accept-Encoding: gzip' "http://127.0.0.1:$port/")"
    seen "HEAD with Accept-Encoding: gzip" '200 Content-Length: 38' "$(ask -I -H 'Accept-Encoding: gzip' "http://127.0.0.1:$port/")"
    seen "HEAD of the server itself" '200 Content-Encoding: gzip Content-Length: 38' "$(ask -I -H 'Accept-Encoding: gzip' "http://127.0.0.1:$(cat "$work/port")/")"
    seen "GET with Range: bytes=2-3" '206 Content-Length: 2 Content-Range: bytes 2-3/18' "$(ask -H 'Range: bytes=2-3' "http://127.0.0.1:$port/")"
    seen "HEAD with Range: bytes=2-3" "$ranged" "$(ask -I -H 'Range: bytes=2-3' "http://127.0.0.1:$port/")"
    seen "HEAD with Range of the server itself" '200 Content-Length: 18' "$(ask -I -H 'Range: bytes=2-3' "http://127.0.0.1:$(cat "$work/port")/")"
    kill "${started[-1]}"
    wait "${started[-1]}" || true
    unset 'started[-1]'
}
version=7.1.1-2+deb12u1
debian_root bookworm "varnish=$version" dash coreutils
compare "$version" '416 Content-Length: 18 Content-Range: bytes */0'
version=7.7.0-3+deb13u2
debian_root trixie "varnish=$version" dash coreutils
compare "$version" '206 Content-Length: 18 Content-Range: bytes 2-3/0'
verdict
