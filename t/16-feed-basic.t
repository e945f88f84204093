#!/usr/bin/perl
# Lists for programs that know no tokens and no chunks: HTTP Basic and complete answers, where the operator allows them.
# SPDX-License-Identifier: Apache-2.0
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use IO::Socket::INET;
use MIME::Base64 qw(encode_base64);
use Test::More;
use KissTest;
use KissTest::Database;
use KissTest::Load;

# A server of its own: a table is locked below.
my $server = KissTest::Database->start;
my $db = new_database('feed_basic', server => $server);
import_sample($db);
# More than is sent while it is built: 2 MB.
sql($db, "UPDATE product SET description = REPEAT('long text, ', 1500)");
my %key = map { $_ => issue_key($_) } qw(ACME01 BEAU02);
my @paths = map { my $l = $_; map {"$l$_"} '', qw(.ndjson .csv .bom.csv) } qw(/products /stock /prices);

sub basic { my ($user, $password) = @_; return (Authorization => 'Basic ' . encode_base64("$user:$password", '')) }

my $h = start_httpd(config => "KissFeedBasic On\nKissWholeAnswers On\n", modules => []);
my $plain = start_httpd(modules => []);
my %token = map { my $s = $_; $s => { map { $_ => $s->token($_, $key{$_}) } keys %key } } $h, $plain;
sub bearer { my ($customer, $s) = @_; return (Authorization => "Bearer $token{$s || $h}{$customer}") }

# raw($server, $text): all that is answered until the connection ends.
sub raw {
    my ($s, $text) = @_;
    my $socket = IO::Socket::INET->new(PeerAddr => "127.0.0.1:$s->{port}", Timeout => 20) or die "connect: $!";
    print $socket $text;
    local $/;
    return scalar <$socket>;
}
sub header { my (@h) = @_; return join '', map {"$h[2 * $_]: $h[2 * $_ + 1]\r\n"} 0 .. @h / 2 - 1 }

subtest 'Basic authorises lists' => sub {
    for my $path (@paths) {
        for my $customer (sort keys %key) {
            my ($by_basic, $by_token) = map { $h->get($path, @$_) } [basic($customer, $key{$customer})], [bearer($customer)];
            is $by_basic->{status}, 200, "$path of $customer";
            ok $by_basic->{content} eq $by_token->{content} && $by_basic->{headers}{etag} eq $by_token->{headers}{etag}, '... as with a token';
        }
        isnt $h->get($path, basic('ACME01', $key{ACME01}))->{content}, $h->get($path, basic('BEAU02', $key{BEAU02}))->{content}, '... to each its own';
    }
    my $res = $h->get('/stock.csv', basic('ACME01', $key{ACME01}));
    is $h->get('/stock.csv', basic('ACME01', $key{ACME01}), 'If-None-Match' => $res->{headers}{etag})->{status}, 304, 'nothing new';
    is $h->get('/stock', Authorization => 'bAsIc   ' . encode_base64("ACME01:$key{ACME01}", ''))->{status}, 200, 'the scheme in any case';
    is $h->request('HEAD', '/stock.csv', basic('ACME01', $key{ACME01}))->{status}, 200, 'HEAD';
    for my $path (qw(/products/schema /stock/schema)) {
        is $h->get($path, basic('ACME01', $key{ACME01}))->{status}, 401, "$path: not by Basic";
    }
};

subtest 'what is refused' => sub {
    my @wrong = (
        ['a wrong key', basic('ACME01', 'x')], ["another customer's", basic('ACME01', $key{BEAU02})], ['no such customer', basic('NOBODY', $key{ACME01})],
        ['no key', basic('ACME01', '')], ['no user', basic('', $key{ACME01})], ['no colon', Authorization => 'Basic ' . encode_base64('ACME01', '')],
        ['no base64', Authorization => 'Basic !'], ['nothing', Authorization => 'Basic '], ['text after it', Authorization => 'Basic ' . encode_base64("ACME01:$key{ACME01}", '') . ', x'],
        ['a NUL', basic("ACME01\0", $key{ACME01})], ['long ones', basic('A' x 600, 'x' x 600)], ['none', ()], ['a bad token', Authorization => 'Bearer x'],
    );
    for my $case (@wrong) {
        my ($name, @header) = @$case;
        my $res = $h->get('/stock.csv', @header);
        is "$res->{status} " . length($res->{content} // ''), '401 0', $name;
        my @challenges = raw($h, "GET /stock.csv HTTP/1.0\r\n" . header(@header) . "\r\n") =~ /^WWW-Authenticate: (.*?)\r$/mg;
        is_deeply \@challenges, ['Bearer error="invalid_token"', 'Basic realm="lists", charset="UTF-8"'], '... with both challenges';
        is $plain->get('/stock.csv', @header)->{headers}{'www-authenticate'}, 'Bearer error="invalid_token"', '... with one where Basic is off';
    }
    is $plain->get('/stock.csv', basic('ACME01', $key{ACME01}))->{status}, 401, 'off by default';
    is $h->get('/stock.csv', basic('ACME01', $key{ACME01}))->{status}, 200, 'wrong ones lock nobody out';
    sql($db, "UPDATE customer SET enabled = 0 WHERE customer_code = 'BEAU02'");
    is $h->get('/stock.csv', basic('BEAU02', $key{BEAU02}))->{status}, 401, 'a disabled customer';
    sql($db, "UPDATE customer SET enabled = 1 WHERE customer_code = 'BEAU02'");
    is $h->get('/stock.csv', basic('BEAU02', $key{BEAU02}))->{status}, 200, '... enabled again';
    my $ended = issue_key('BEAU02');
    is $h->get('/stock.csv', basic('BEAU02', $ended))->{status}, 200, 'a key';
    sql($db, "UPDATE api_key SET revoked_at = UTC_TIMESTAMP() WHERE hash = UNHEX(SHA2('$ended', 256))");
    is $h->get('/stock.csv', basic('BEAU02', $ended))->{status}, 401, '... ends at once';
};

subtest 'what was verified is remembered' => sub {
    my $one = start_httpd(mpm => 'prefork', modules => [], config => "KissFeedBasic On\nStartServers 1\nMinSpareServers 1\nMaxSpareServers 1\n");
    my $ask = sub { $one->get('/stock.csv', basic('ACME01', $key{ACME01}))->{status} };
    is $ask->(), 200, 'verified' for 1 .. 3;
    my $release = hold($server, $db, 'api_key');
    is $ask->(), 200, '... known without the table of keys';
    $release->();
    is $one->get('/stock.csv', basic('ACME01', "$key{ACME01}x"))->{status}, 401, '... this one only';
    $one->log_ok;
};

subtest 'limits' => sub {
    my $few = start_httpd(config => "KissFeedBasic On\n", limits => "KissLimit 5 100\nKissLimitAnonymous 1000 1000\nKissLoginFailureLimit 3", modules => []);
    my @left = map { $few->get('/stock.csv', basic('ACME01', $key{ACME01}))->{headers}{'x-rate-limit-remaining'} } 1 .. 2;
    is_deeply \@left, [99, 98], 'requests count for the customer';
    my $token = $few->token('ACME01', $key{ACME01});
    is $few->get('/stock', Authorization => "Bearer $token")->{headers}{'x-rate-limit-remaining'}, 96, '... together with those that have a token';
    is $few->get('/stock.csv', basic('ACME01', $key{ACME01}))->{status}, 200, 'the last of five';
    my $res = $few->get('/stock.csv', basic('ACME01', $key{ACME01}));
    is "$res->{status} $res->{headers}{'x-rate-limit-limit'}", '429 1m', 'one too many';
    is $few->get('/stock.csv', basic('BEAU02', $key{BEAU02}))->{status}, 200, 'others are not concerned';
    my @status = map { $few->get('/stock.csv', basic("NAME$_", 'wrong'))->{status} } 1 .. 4;
    is_deeply \@status, [401, 401, 401, 429], 'wrong keys of an address are limited';
    $res = $few->request('POST', '/auth/token', 'Content-Type' => 'application/x-www-form-urlencoded');
    is $few->get('/stock.csv', basic('BEAU02', $key{BEAU02}))->{status}, 429, '... then it gets nothing by Basic';
    is $few->get('/stock', Authorization => "Bearer $token")->{status}, 429, '... and with a token what its own limit says';
    $few->log_ok;
};

subtest 'complete answers' => sub {
    my $change = 0;
    my $request = sub {
        my ($s, $path, $version, @header) = @_;
        sql($db, sprintf "UPDATE product SET theme = 't%09d'", ++$change);
        return raw($s, "GET $path HTTP/$version\r\nHost: x\r\nConnection: close\r\n" . header(@header, bearer('ACME01', $s)) . "\r\n");
    };
    for my $path (qw(/products /products.ndjson /products.csv)) {
        my ($head, $body) = split /\r\n\r\n/, $request->($h, $path, '1.1'), 2;
        like $head, qr/^Content-Length: \d+\r?$/mi, "$path that is not cached: its length";
        unlike $head, qr/^Transfer-Encoding:/mi, '... no chunks';
        my ($length) = $head =~ /^Content-Length: (\d+)/mi;
        is length($body), $length, '... and no less';
        cmp_ok $length, '>', 2 * 1024 * 1024, '... of a long list';
        like $request->($plain, $path, '1.1'), qr/\A.*?^Transfer-Encoding: chunked/msi, '... off by default';
        like $request->($plain, $path, '1.0'), qr/\AHTTP\/1\.\d 200.*?^Content-Length: $length\r/msi, '... but in HTTP/1.0';
        my $answer = $h->request('HEAD', $path, basic('ACME01', $key{ACME01}));
        is "$answer->{status} $answer->{headers}{'content-length'}", "200 $length", '... HEAD first';
        my $half = $h->get($path, basic('ACME01', $key{ACME01}), Range => 'bytes=0-' . int($length / 2), 'If-Range' => $answer->{headers}{etag});
        my $rest = $h->get($path, basic('ACME01', $key{ACME01}), Range => 'bytes=' . length($half->{content}) . '-', 'If-Range' => $answer->{headers}{etag});
        is "$half->{status} $rest->{status}", '206 206', '... a download that is resumed';
        ok "$half->{content}$rest->{content}" eq $h->get($path, bearer('ACME01'))->{content}, '... has it all';
    }
};

$_->log_ok for $h, $plain;
done_testing;
