# SPDX-License-Identifier: Apache-2.0
package KissTest::H2;

# HTTP/2 by hand (RFC 9113), for what curl does not do: many streams of different callers on one connection, a stream that the client
# resets, GOAWAY. Response headers are not read: what is compared is the content of streams, and how they end.
#
#     my $c = KissTest::H2->new($h);                        # over TLS where the server has it, else by prior knowledge
#     my $id = $c->get('/prices', Authorization => $bearer);
#     $c->read(sub { $c->{ended}{$id} });                   # until that is true, or the connection ends
#     is $c->{data}{$id}, $content;

use strict;
use warnings;
use IO::Socket::INET;

my %TYPE = (DATA => 0, HEADERS => 1, RST_STREAM => 3, SETTINGS => 4, PING => 6, GOAWAY => 7, WINDOW_UPDATE => 8);
my $LARGEST = 2**31 - 1;

# new($h): a connection with windows that need no update. {data}, {ended}, {reset} (error code) by stream; {closed}, {goaway}.
sub new {
    my ($class, $h) = @_;
    my @to = (PeerAddr => '127.0.0.1', PeerPort => $h->{port}, Timeout => 20);
    my $s;
    if ($h->{tls}) {
        require IO::Socket::SSL;
        $s = IO::Socket::SSL->new(@to, SSL_ca_file => $h->{ca}, SSL_alpn_protocols => ['h2']);
    }
    else {
        $s = IO::Socket::INET->new(@to);
    }
    die "connect: $!" if !$s;
    my $self = bless { socket => $s, next => 1, got => '', data => {}, ended => {}, reset => {} }, $class;
    # No table of headers, no push.
    $self->_write("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" . _frame('SETTINGS', 0, 0, pack '(nN)3', 1 => 0, 2 => 0, 4 => $LARGEST)
            . _frame('WINDOW_UPDATE', 0, 0, pack 'N', $LARGEST - 65_535));
    return $self;
}

sub _frame { my ($type, $flags, $stream, $text) = @_; return substr(pack('N', length $text), 1) . pack('CCN', $TYPE{$type}, $flags, $stream) . $text }

sub _write {
    my ($self, $bytes) = @_;
    local $SIG{PIPE} = 'IGNORE';
    while (length $bytes) {
        my $n = $self->{socket}->syswrite($bytes);
        return $self->{closed} = 1 if !defined $n;
        substr($bytes, 0, $n) = '';
    }
    return 0;
}

# A text of a header block: its length with a prefix of seven bits, as it is.
sub _text {
    my ($text) = @_;
    my $n = length $text;
    return pack('C', $n) . $text if $n < 127;
    my $length = pack 'C', 127;
    for ($n -= 127; $n > 127; $n >>= 7) { $length .= pack 'C', $n & 127 | 128 }
    return $length . pack('C', $n) . $text;
}

# get($path, %headers): begins a GET, returns the number of its stream.
sub get { my ($self, $path, %headers) = @_; return $self->begin('GET', $path, undef, %headers) }

# begin($method, $path, $body, %headers): begins a request, returns the number of its stream. $body undef: there is none; more($id, $text,
# $last) sends some of a body, and its end. Together a body must not be larger than what httpd takes without a window update, 65,535 bytes.
sub begin {
    my ($self, $method, $path, $body, %headers) = @_;
    my $id = $self->{next};
    $self->{next} += 2;
    my @fields = (':method' => $method, ':scheme' => 'http', ':authority' => 'localhost', ':path' => $path, map { lc $_ => $headers{$_} } sort keys %headers);
    my $block = '';
    while (my ($name, $value) = splice @fields, 0, 2) { $block .= "\0" . _text($name) . _text($value) }
    $self->_write(_frame('HEADERS', defined $body ? 4 : 5, $id, $block));           # END_HEADERS, END_STREAM
    $self->{data}{$id} = '';
    $self->more($id, $body, 1) if length($body // '');
    return $id;
}
sub more { my ($self, $id, $text, $last) = @_; return $self->_write(_frame('DATA', $last ? 1 : 0, $id, $text)) }

# cancel($id): the client resets a stream. goaway(): it says that it will ask for nothing more.
sub cancel { my ($self, $id) = @_; return $self->_write(_frame('RST_STREAM', 0, $id, pack 'N', 8)) }
sub goaway { my ($self) = @_; return $self->_write(_frame('GOAWAY', 0, 0, pack 'NN', 0, 0)) }
sub close { my ($self) = @_; return close delete $self->{socket} }

# read($enough, $seconds): handles frames until $enough->() is true, or the connection ends. False when neither happens within 60 s.
sub read {
    my ($self, $enough, $seconds) = @_;
    local $SIG{ALRM} = sub { die "late\n" };
    my $ok = eval {
        alarm($seconds || 60);
        $self->_frame_read while !$self->{closed} && !$enough->();
        alarm 0;
        1;
    };
    alarm 0;
    die $@ if !$ok && $@ ne "late\n";
    return $ok;
}

sub _frame_read {
    my ($self) = @_;
    my $length;
    while (length $self->{got} < 9 || length $self->{got} < 9 + ($length = unpack 'N', "\0" . substr $self->{got}, 0, 3)) {
        return $self->{closed} = 1 if !$self->{socket}->sysread($self->{got}, 65_536, length $self->{got});
    }
    my ($type, $flags, $id) = unpack 'CCN', substr $self->{got}, 3, 6;
    my $text = substr $self->{got}, 9, $length;
    substr($self->{got}, 0, 9 + $length) = '';
    if ($type == $TYPE{DATA}) {
        my $padding = $flags & 8 ? ord substr $text, 0, 1, '' : 0;
        $self->{data}{$id} .= $padding ? substr $text, 0, -$padding : $text;
    }
    $self->{ended}{$id} = 1 if $flags & 1 && ($type == $TYPE{DATA} || $type == $TYPE{HEADERS});
    $self->{reset}{$id} = unpack 'N', $text if $type == $TYPE{RST_STREAM};
    $self->{goaway} = unpack 'x4N', $text if $type == $TYPE{GOAWAY};
    $self->_write(_frame('SETTINGS', 1, 0, '')) if $type == $TYPE{SETTINGS} && !($flags & 1);
    $self->_write(_frame('PING', 1, 0, $text)) if $type == $TYPE{PING} && !($flags & 1);
    return;
}

1;
