#!/usr/bin/perl
# kissctl get and kss get: the API as a customer sees it, over TLS that is verified, with credentials that nobody sees.
# SPDX-License-Identifier: Apache-2.0
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use KissTest;
use Test::More;

my $db = new_database('get');
import_sample($db);
my $kss = new_database('get_kss', api => 'kss');
import_kss($kss, top() . '/sql/sample-kss');
my $key = issue_key('ACME01');
my $kss_key = issue_kss_key(type => 'customer', ids => [101, 102]);
my ($id) = kissctl_ok('--json', 'kss', 'key', 'list') =~ /"ID":\s*(\d+)/;

my $h = start_httpd(db => $db, tls => 1, limits => "KissLimit 1000 10000\nKissLimitAnonymous 1000 10000", config => kss_location($kss, plain => 0, limits => ''));
my $url = "https://localhost:$h->{port}";

# get(@args): kissctl get with what all calls have.
sub get {
    my @more = ref $_[0] ? %{ shift() } : ();
    return kissctl({ env => { KISS_URL => $url, KISS_CA => $h->{ca} }, @more }, '--token-keys', $h->{token_keys}, 'get', @_);
}

sub kss_get { return kissctl({ env => { KSS_URL => "$url/api/v1", KISS_CA => $h->{ca} } }, 'kss', 'get', @_) }

subtest 'a customer' => sub {
    my $own = $h->get('/stock', Authorization => 'Bearer ' . $h->token('ACME01', $key));
    my ($rc, $out, $err) = get('/stock', '--as', 'ACME01');
    is $rc, 0, 'exit status' or diag $err;
    is $out, $own->{content}, 'what the customer gets';
    is $err, "kissctl: 200 from $url/stock as ACME01, @{[length $out]} bytes\n", 'which host, whose rights, how much';
    for my $flag ('-i', '--headers') {
        ($rc, $out) = get($flag, '/stock', '--as', 'ACME01');
        my ($head, $body) = split /\n\n/, $out, 2;
        like $head, qr{\AHTTP/1\.1 200 }, "$flag: status line";
        like $head, qr/^ETag: \Q$own->{headers}{etag}\E$/mi, '... and headers';
        is $body, $own->{content}, '... then the body';
        unlike $out . $err, qr/Bearer|eyJ/, '... and no token';
    }
    ($rc, $out, $err) = get('/stock', '--as', 'NOBODY');
    is_deeply [$rc, $out], [1, '{"error":"Customer not found."}'], 'a customer that is none: what it would get';
    like $err, qr/^kissctl: 404 from /, '... and status';
    ($rc, $out, $err) = get('/nothing?x=1', '--as', 'ACME01');
    is $rc, 1, 'a path that is none';
    like $err, qr{^kissctl: 404 from \Q$url\E/nothing\?x=1 as ACME01}, '... says which';
};

subtest 'it is the customer that is counted' => sub {
    my $left = sub { ($h->get('/api/version', Authorization => "Bearer $_[0]")->{headers}{ratelimit} // '') =~ /"min";r=(\d+)/ ? $1 : 'none' };
    my $bearer = $h->token('ACME01', $key);
    my $before = $left->($bearer);
    get('/stock', '--as', 'ACME01');
    my $now = $left->($bearer);
    # A minute may have ended meanwhile.
    ok $now == $before - 2 || $now > $before, 'one call of its own' or diag "$before, $now";
};

subtest 'who issues the tokens' => sub {
    my $other = start_httpd(db => $db, tls => 1, token_keys => $h->{token_keys}, location => "KissTokenIssuer kiss-test\nKissTokenAudience kiss-clients");
    my @other = ({ env => { KISS_URL => "https://localhost:$other->{port}", KISS_CA => $other->{ca} } });
    my ($rc, $out, $err) = get(@other, '/stock', '--as', 'ACME01');
    is $rc, 1, 'an issuer without metadata';
    like $err, qr{^kissctl: https://localhost:\d+ does not say who issues its tokens: is it the URL of the API\? --issuer names the issuer}, '... has to be named';
    is +(get(@other, '/stock', '--as', 'ACME01', '--issuer', 'kiss-test', '--audience', 'kiss-clients'))[0], 0, '... and can be';
    is +(get(@other, '/stock', '--as', 'ACME01', '--issuer', 'kiss-test'))[0], 1, 'another audience: refused';
    ($rc, $out, $err) = get({ env => { KISS_URL => "https://127.0.0.1:$h->{port}", KISS_CA => $h->{ca} } }, '/stock', '--as', 'ACME01');
    is $rc, 1, 'an issuer of another host';
    like $err, qr{says that 'https://localhost' issues its tokens, which is another host: confirm it with --issuer}, '... has to be confirmed';
    is +(get({ env => { KISS_URL => "https://127.0.0.1:$h->{port}/", KISS_CA => $h->{ca} } }, '/stock', '--as', 'ACME01', '--issuer', 'https://localhost'))[0],
        0, '... and can be';
    my $keys = tempdir_here() . '/keys';
    spew($keys, 'k1 ' . 'A' x 43 . "\n", 0600);
    is +(kissctl('--token-keys', $keys, 'get', '/stock', '--as', 'ACME01', '--url', $url, '--ca', $h->{ca}))[0], 1, 'a key that the server does not know: refused';
    ($rc, $out, $err) = kissctl('--token-keys', "$keys.none", 'get', '/stock', '--as', 'ACME01', '--url', $url, '--ca', $h->{ca});
    like $err, qr/^kissctl: no token can be signed: .*keys\.none/, 'no key';
    $other->log_ok;
};

subtest 'TLS' => sub {
    my ($rc, $out, $err) = get({ env => { KISS_URL => $url, KISS_CA => '' } }, '/stock', '--as', 'ACME01', '--issuer', 'https://localhost');
    is_deeply [$rc, $out], [1, ''], 'a certificate that nobody vouches for';
    like $err, qr{^kissctl: \Q$url\E/stock: .*certificate}i, '... is refused';
    unlike $err, qr/eyJ/, '... without showing the token';
    my $plain = start_httpd(db => $db, token_keys => $h->{token_keys});
    is +(get('/stock', '--as', 'ACME01', '--url', $plain->{url}, '--issuer', 'https://localhost'))[0], 0, 'plain HTTP to this machine';
    ($rc, $out, $err) = get('/stock', '--as', 'ACME01', '--url', 'http://api.example.com');
    is $rc, 2, '... and to no other';
    like $err, qr/is plain HTTP to another machine, where others could read it: write https:/, '... which it says';
    ($rc, $out, $err) = get('/stock', '--as', 'ACME01', '--issuer', 'x', '--url', 'https://localhost:1');
    like $err, qr{^kissctl: https://localhost:1/stock: .*connect}i, 'nobody there';
    $plain->log_ok;
};

subtest 'the KSS API' => sub {
    my $before = kissctl_ok('--json', 'kss', 'key', 'list');
    my ($rc, $out, $err) = kss_get('/customers?PageSize=5', '--as', $id);
    is $rc, 0, 'exit status' or diag $err;
    is $out, $h->get('/api/v1/customers?PageSize=5', 'x-api-key' => $kss_key)->{content}, 'what the key gets';
    like $err, qr{^kissctl: 200 from \Q$url\E/api/v1/customers\?PageSize=5 as key $id, \d+ bytes$}, 'which host, whose rights';
    my ($listed) = kissctl_ok('--json', 'kss', 'key', 'list');
    is scalar(() = $listed =~ /"ID"/g), 1, 'the key of the call is gone';
    is +(kss_get('/payments', '--as', $id))[0] , $h->get('/api/v1/payments', 'x-api-key' => $kss_key)->{status} == 200 ? 0 : 1, 'the rights of its type';
    ($rc, $out, $err) = kss_get('/customers', '--as', $id + 1000);
    is_deeply [$rc, $err], [1, "kissctl: there is no key @{[$id + 1000]}: 'kissctl kss key list' shows them\n"], 'a key that is none';
    kissctl_ok('kss', 'key', 'revoke', $id);
    is +(kss_get('/customers', '--as', $id))[0], 0, 'a key that was revoked can still be looked through';
};

subtest 'the command line' => sub {
    for ([['stock', '--as', 'A'], "'stock' is no path below the URL of the API"], [['/stock'], '--as is missing'],
        [['/a b', '--as', 'A'], 'the path has characters in it'], [['/stock', '--as', 'A', '--url', 'localhost'], 'is no URL: write https'],
        [['/stock', '--as', 'A', '--url', 'https://u@localhost'], 'has a user or a fragment in it'],
        [['/stock', '--as', 'A', '--url', 'https://localhost?a'], 'has a query in it'], [['/stock', '--as', 'A', '--type', 'x'], "'get' does not take --type"]) {
        my ($rc, $out, $err) = get(@{ $_->[0] });
        is $rc, 2, "@{ $_->[0] }: usage";
        like $err, qr/\Q$_->[1]\E/, "... $_->[1]";
    }
    my ($rc, $out, $err) = kissctl({ env => { KISS_URL => '' } }, 'get', '/stock', '--as', 'A');
    like $err, qr/--url is missing: the URL of the API \(or set KISS_URL\)/, 'no URL';
    like +(kss_get('/states', '--as', 'ACME01'))[2], qr/'ACME01' is not the number of a key/, 'kss: a code is no key';
    like +(kissctl('get', '--help'))[1], qr/call the API as a customer/i, '--help';
};

$h->log_ok;
done_testing;
