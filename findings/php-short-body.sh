#!/bin/bash
# PHP: file_get_contents() and every other read by the http wrapper give a body that was broken off, shorter than its
# Content-Length or without its last chunk, as if it were whole: no false, no warning, the status is 200. A list that is
# stored like this has lost its end. (The option auto_decode = false leaves chunks as they came, so that a program can
# look for the last one.)
# shellcheck source-path=SCRIPTDIR source=lib.sh
# SPDX-License-Identifier: Apache-2.0
. "$(dirname "$0")/lib.sh"

version=8.2.36-1~deb12u1
debian_root bookworm "php8.2-cli=$version"
cat >"$work/server.pl" <<'PERL'
use strict;
use IO::Socket::INET;
my $s = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 5) or die;
$| = 1;
print $s->sockport, "\n";
while (my $c = $s->accept) {
    my $head = '';
    while (my $line = <$c>) { $head .= $line; last if $line eq "\r\n" }
    print $c "HTTP/1.1 200 OK\r\nConnection: close\r\n" . ($head =~ /chunked/
        ? "Transfer-Encoding: chunked\r\n\r\n64\r\n" . 'x' x 100 . "\r\n" : "Content-Length: 1000\r\n\r\n" . 'x' x 100);
    close $c;
}
PERL
perl "$work/server.pl" >"$work/port" &
started+=($!)
for ((i = 0; i < 100; i++)); do [ ! -s "$work/port" ] || break; sleep 0.1; done
cat >"$root/read.php" <<'PHP'
<?php
error_reporting(E_ALL);
$context = stream_context_create(['http' => ['protocol_version' => 1.1]]);
$body = file_get_contents($argv[1], false, $context);
echo $http_response_header[0], ', ', var_export($body === false, true), ', ', strlen($body), " bytes\n";
PHP
for what in length chunked; do
    seen "PHP $version, $what: 100 bytes have come when the connection ends" 'HTTP/1.1 200 OK, false, 100 bytes' \
        "$(inside /usr/bin/php8.2 -n -d display_errors=1 /read.php "http://127.0.0.1:$(cat "$work/port")/$what" 2>&1)"
done
verdict
