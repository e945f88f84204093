# SPDX-License-Identifier: Apache-2.0
package KissTest::SlowClient;

# Clients that read when the test says so: connections over which httpd can send no more than the kernel buffers.

use strict;
use warnings;
use Exporter 'import';
use Socket qw(AF_INET SOCK_STREAM SOL_SOCKET SO_RCVBUF inet_aton pack_sockaddr_in);

our @EXPORT = qw(slow_connection slow_get read_some read_rest);

# slow_connection($h, $window): one to httpd, with a receive buffer of so many bytes; without a number, the kernel's own.
sub slow_connection {
    my ($h, $window) = @_;
    socket my $s, AF_INET, SOCK_STREAM, 0 or die "socket: $!";
    !$window || setsockopt $s, SOL_SOCKET, SO_RCVBUF, pack 'i', $window or die "SO_RCVBUF: $!";
    connect $s, pack_sockaddr_in($h->{port}, inet_aton('127.0.0.1')) or die "connect: $!";
    return $s;
}

# slow_get($h, $path, %headers): a connection with a small window that has asked for the path and read nothing.
sub slow_get {
    my ($h, $path, %headers) = @_;
    my $s = slow_connection($h, 4096);
    syswrite $s, join '', "GET $path HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n", (map {"$_: $headers{$_}\r\n"} sort keys %headers),
        "\r\n";
    return $s;
}

# read_some($s, $bytes): reads once, up to so many; dies when nothing comes within 20 s.
sub read_some {
    my ($s, $bytes) = @_;
    my $r = '';
    vec($r, fileno $s, 1) = 1;
    select $r, undef, undef, 20 or die "nothing comes\n";
    my $got = '';
    sysread $s, $got, $bytes;
    return $got;
}

# read_rest($s): all that still comes; dies when it has not ended within a minute.
sub read_rest {
    my ($s) = @_;
    my $got = '';
    local $SIG{ALRM} = sub { die "late\n" };
    alarm 60;
    1 while sysread $s, $got, 1 << 20, length $got;
    alarm 0;
    return $got;
}

1;
