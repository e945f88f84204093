# SPDX-License-Identifier: Apache-2.0
package KissTest::Wire;

# Requests as bytes, and all that comes for them: what no client of a library would send.

use strict;
use warnings;
use Exporter 'import';
use KissTest;

our @EXPORT = qw(wire_answers wire_parse wire_client);

# wire_answers($h, $bytes): sends them, ends the sending side, and returns every final answer that comes before httpd closes: { status,
# headers (names in small letters, values of equal names joined by LF), content, head (the lines as they came) }.
sub wire_answers {
    my ($h, $bytes) = @_;
    my $s = $h->connect;
    my $got = '';
    local $SIG{PIPE} = 'IGNORE';
    local $SIG{ALRM} = sub { die "httpd does not close the connection\n" };
    alarm 60;
    $s->print($bytes);
    $s->flush;
    shutdown $s, 1;
    1 while $s->sysread($got, 65536, length $got);
    alarm 0;
    return wire_parse($got);
}

# wire_parse($bytes): the answers in them; dies when they are no answers of HTTP/1.
sub wire_parse {
    my ($got) = @_;
    my @answers;
    while (length $got) {
        $got =~ s{\A(HTTP/1\.[01] (\d{3})[^\r\n]*\r\n(?:[^\r\n]+\r\n)*)\r\n}{} or die 'no answer: ' . substr($got, 0, 200) . "\n";
        my ($head, $status) = ($1, $2);
        next if $status < 200;
        my %headers;
        for ($head =~ /^([^:\r\n]+:[^\r\n]*)\r$/mg) {
            my ($name, $value) = /\A([^:]+):[ \t]*(.*)\z/s;
            $headers{ lc $name } = defined $headers{ lc $name } ? "$headers{ lc $name }\n$value" : $value;
        }
        push @answers, { status => $status, head => $head, headers => \%headers, content => _content(\$got, $status, \%headers) };
    }
    return @answers;
}

sub _content {
    my ($got, $status, $headers) = @_;
    return '' if $status == 304 || $status == 204;
    return substr $$got, 0, $headers->{'content-length'}, '' if defined $headers->{'content-length'};
    if (($headers->{'transfer-encoding'} // '') eq 'chunked') {
        my $content = '';
        while ($$got =~ s/\A([0-9a-fA-F]+)\r\n//) {
            my $n = hex $1 or last;
            $content .= substr $$got, 0, $n, '';
            $$got =~ s/\A\r\n//;
        }
        $$got =~ s/\A(?:[^\r\n]+\r\n)*\r\n//;
        return $content;
    }
    my $rest = $$got;
    $$got = '';
    return $rest;
}

# wire_client($h): a function that sends one request as bytes over a connection that is kept while httpd keeps it, and returns its
# answer as wire_answers() does. Not for HEAD.
sub wire_client {
    my ($h) = @_;
    my $s;
    return sub {
        my ($bytes) = @_;
        local $SIG{PIPE} = 'IGNORE';
        local $SIG{ALRM} = sub { die "no answer\n" };
        alarm 60;
        my $got = '';
        for my $try (1, 2) {
            $s ||= $h->connect;
            $s->print($bytes);
            $s->flush;
            1 while !_complete($got) && $s->sysread($got, 65536, length $got);
            last if length $got;
            $s = undef;     # it was closed meanwhile
        }
        alarm 0;
        my ($answer) = wire_parse($got);
        die "no answer to $bytes" if !$answer;
        $s = undef if ($answer->{headers}{connection} // '') =~ /close/i || $answer->{status} == 400 || !defined $answer->{headers}{'content-length'};
        return $answer;
    };
}

# Whether a whole answer has come; one without length ends with the connection.
sub _complete {
    my ($got) = @_;
    my ($head) = $got =~ m{\A(?:HTTP/1\.1 1\d\d .*?\r\n\r\n)*(HTTP/1\.[01] \d{3}.*?\r\n\r\n)}s or return 0;
    my $rest = length($got) - $+[1];
    return 1 if $head =~ m{\AHTTP/1\.1 304 };
    return $head =~ /^Content-Length: *(\d+)\r$/mi && $rest >= $1;
}

1;
