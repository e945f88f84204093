#!/bin/bash
# curl --etag-save writes the tag as soon as it has read the header. When the body is then broken off (exit status 18),
# the tag of a file that was never had stays: the next --etag-compare gets 304, exit status 0, and goes on with half a
# file, for ever. An answer that is an error takes the tag away (without an ETag of its own), and its body the place of
# the file.
# shellcheck source-path=SCRIPTDIR source=lib.sh
# SPDX-License-Identifier: Apache-2.0
. "$(dirname "$0")/lib.sh"

debian_root bookworm curl=7.88.1-10+deb12u15
cat >"$work/server.pl" <<'PERL'
use strict;
use IO::Socket::INET;
my $s = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 5) or die;
$| = 1;
print $s->sockport, "\n";
while (my $c = $s->accept) {
    my $head = '';
    while (my $line = <$c>) { $head .= $line; last if $line eq "\r\n" }
    if ($head =~ m{^GET /busy}) { print $c "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 4\r\nConnection: close\r\n\r\nbusy" }
    elsif ($head =~ /If-None-Match: "one"/i) { print $c "HTTP/1.1 304 Not Modified\r\nETag: \"one\"\r\nConnection: close\r\n\r\n" }
    else { print $c "HTTP/1.1 200 OK\r\nETag: \"one\"\r\nContent-Length: 1000\r\nConnection: close\r\n\r\n" . 'x' x 500 }
    close $c;
}
PERL
perl "$work/server.pl" >"$work/port" &
started+=($!)
for ((i = 0; i < 100; i++)); do [ ! -s "$work/port" ] || break; sleep 0.1; done
url=http://127.0.0.1:$(cat "$work/port")
poll() {
    local rc=0 status
    status=$(inside /usr/bin/curl -s --etag-compare /tmp/tag --etag-save /tmp/tag -o /tmp/list -w '%{http_code}' "$1") || rc=$?
    echo "status $status, exit status $rc, $(stat -c %s "$root/tmp/list") bytes, tag $(cat "$root/tmp/tag")"
}
seen "$(inside /usr/bin/curl --version | head -n 1 | cut -d' ' -f1-2): a body of 1,000 bytes that ends after 500" 'status 200, exit status 18, 500 bytes, tag "one"' "$(poll "$url/list")"
seen 'the next poll' 'status 304, exit status 0, 500 bytes, tag "one"' "$(poll "$url/list")"
seen 'an error' 'status 503, exit status 0, 4 bytes, tag ' "$(poll "$url/busy")"
verdict
