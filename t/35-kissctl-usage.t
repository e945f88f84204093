#!/usr/bin/perl
# kissctl usage: limits, keys, the access log, and what is left of both windows.
# SPDX-License-Identifier: Apache-2.0
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use JSON::PP ();
use KissTest;
use Test::More;

my $db = new_database('usage');
import_sample($db);
my $code = 'Gemüse "7" \\x';
kissctl_ok('customer', 'add', $code, '--price-list', 'UKTRADE', '--warehouse', 'UK01', '--limit-minute', 500);
my $key = issue_key($code, '--label', 'shop');
issue_key($code, '--label', 'spare');

# The format of the shipped configuration.
my ($format) = slurp(top() . '/conf/kiss-site.conf') =~ /^(LogFormat ".*?" kiss)$/ms;
my $h = start_httpd(db => $db, tls => 1, modules => ['log_config'], limits => "KissLimit 100 1000\nKissLimitAnonymous 1000 10000",
    config => "$format\nCustomLog access_log kiss");
my $log = "$h->{root}/access_log";

sub usage {
    return kissctl({ env => { KISS_URL => '', KISS_CA => $h->{ca} } }, '--token-keys', $h->{token_keys}, 'usage', @_);
}
sub data_of { my ($rc, $out, $err) = usage(@_, '--json'); return eval { JSON::PP->new->decode($out) } || diag $out, $err }

subtest 'before any call' => sub {
    my $data = data_of($code);
    is_deeply [sort keys %$data], [qw(Customer Keys)], 'what the database knows';
    is_deeply [@{ $data->{Customer} }{qw(LimitMinute LimitHour)}], [500, undef], 'its own limits';
    is_deeply [map { [@$_{qw(Label LastUsedAt)}] } @{ $data->{Keys} }], [['shop', undef], ['spare', undef]], 'keys that were never used';
};

my $bearer = 'Bearer ' . $h->token(do { my $c = $code; utf8::decode($c); $c }, $key);
my $list = $h->get('/stock', Authorization => $bearer);
is $list->{status}, 200, 'a list';
is $h->get('/stock', Authorization => $bearer, 'If-None-Match' => $list->{headers}{etag})->{status}, 304, 'unchanged' for 1 .. 3;
is $h->get('/prices', Authorization => $bearer)->{status}, 200, 'another';
is $h->get('/no%20"such', Authorization => $bearer)->{status}, 404, 'none';
is $h->get('/stock')->{status}, 401, 'somebody else';

subtest 'the access log' => sub {
    # httpd writes its line after the answer.
    my $data;
    for (1 .. 200) {
        $data = data_of($code, '--log', $log);
        last if $data->{Requests} && 6 <= eval { my $n = 0; $n += $_->{Requests} for @{ $data->{Requests} }; $n };
        select undef, undef, undef, 0.05;
    }
    my %row = map { $_->{Endpoint} => $_ } @{ $data->{Requests} };
    is_deeply [sort keys %row], ['-', 'prices', 'stock', 'token'], 'endpoints';
    is_deeply [@{ $row{stock} }{qw(Requests Unchanged Limited Refused Failed)}], [4, 3, 0, 0, 0], 'of a list';
    is_deeply [@{ $row{'-'} }{qw(Requests Unchanged Limited Refused Failed)}], [1, 0, 0, 1, 0], 'of a path that is none';
    is $row{stock}{Bytes}, length $list->{content}, 'bytes';
    like $row{stock}{$_}, qr/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/, $_ for qw(First Last);
    like $row{stock}{Seconds}, qr/^\d+$/, 'Seconds between two';
    is $row{prices}{Seconds}, undef, '... of which there are none after one';
    my ($rc, $out) = usage($code, '--log', $log);
    like $out, qr/^Requests\n.*^stock +4 +3 /ms, 'for people';

    # Lines that somebody else wrote, of other days, in other time zones.
    my $line = '192.0.2.1 ACME01 [%s] "GET %s HTTP/1.1" %d 10 5us endpoint=stock snapshot=HIT' . "\n";
    my @t = gmtime(time - 3600);
    my @month = qw(Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec);
    my $stamp = sub { my @u = gmtime($_[0]); return sprintf '%02d/%s/%04d:%02d:%02d:%02d %s', $u[3], $month[$u[4]], $u[5] + 1900, @u[2, 1, 0], $_[1] };
    my $now = time;
    my $own = tempdir_here() . '/log';
    spew($own, sprintf($line, $stamp->($now - 7200, '+0000'), '/stock', 200) . sprintf($line, $stamp->($now - 3600 + 19800, '+0530'), '/stock\\" 200 1 endpoint=x', 304)
        . sprintf($line, $stamp->($now - 3 * 86400, '+0000'), '/stock', 429) . sprintf($line, $stamp->($now, '+0000'), '/stock', 503) . "nonsense\n" . 'x' x 40000 . "\n"
        . sprintf($line, '99/Foo/2026', '/stock', 200) . "last without an end");
    my ($rc2, $out2, $err2) = usage('ACME01', '--json', '--log', $own, '--days', 1);
    my ($row) = @{ JSON::PP->new->decode($out2)->{Requests} };
    is_deeply [@$row{qw(Requests Unchanged Limited Failed Seconds)}], [3, 1, 0, 1, 3600], 'of a day';
    is $row->{First}, do { my @u = gmtime($now - 7200); sprintf '%04d-%02d-%02dT%02d:%02d:%02dZ', $u[5] + 1900, $u[4] + 1, @u[3, 2, 1, 0] }, 'UTC';
    like $err2, qr/\Q$own\E: 4 of 8 lines are not in the format of conf\/kiss-site\.conf: not counted/, 'what is not counted';
    is +(@{ data_of('ACME01', '--log', $own)->{Requests} })[0]{Requests}, 4, 'of a week';
    my ($rc3, $out3, $err3) = kissctl({ stdin => slurp($own), env => {} }, 'usage', 'ACME01', '--json', '--log', '-');
    is +(@{ JSON::PP->new->decode($out3)->{Requests} })[0]{Requests}, 4, 'standard input';
};

subtest 'what is left' => sub {
    my $url = "https://localhost:$h->{port}";
    my %left = map { $_->{Window} => $_->{Left} } @{ data_of($code, '--url', $url)->{Left} };
    # token, 4 of stock, prices, the 404, and this call; a minute may have ended meanwhile.
    is $left{hour}, 1000 - 8, 'of the hour';
    ok $left{min} >= 500 - 8 && $left{min} < 500, 'of the minute, by its own limit' or diag $left{min};
    my $data = data_of($code);
    like $data->{Keys}[0]{LastUsedAt}, qr/^\d{4}-.*Z$/, 'the key was used';
    is $data->{Keys}[1]{LastUsedAt}, undef, '... and the spare was not';
};

subtest 'the command line' => sub {
    for ([['NOBODY'], 1, "there is no customer 'NOBODY'"], [['ACME01', '--days', '0'], 2, '--days wants a whole number'],
        [['ACME01', '--log', '/nonexistent/log'], 1, '/nonexistent/log: No such file'], [['ACME01', '--url', 'http://example.com'], 2, 'plain HTTP to another machine'],
        [[], 2, 'CODE is missing']) {
        my ($rc, $out, $err) = usage(@{ $_->[0] });
        is $rc, $_->[1], "@{ $_->[0] }: exit status";
        like $err, qr/\Q$_->[2]\E/, "... $_->[2]";
    }
};

$h->log_ok;
done_testing;
