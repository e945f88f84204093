#!/usr/bin/perl
# What somebody can do to a customer, or learn of it, who knows its customer code and nothing else: nothing. Wrong credentials
# and tokens count for the address that sends them; addresses are told apart as a proxy and mod_remoteip pass them on.
# SPDX-License-Identifier: Apache-2.0

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Time::HiRes qw(time);
use KissTest;

my $db = new_database('strangers');
import_sample($db);
my %key = map { $_ => issue_key($_) } qw(ACME01 BEAU02 CIRC03 DISG04);
kissctl_ok(qw(customer set BEAU02 --limit-minute 7 --limit-hour 70));

my $PROXY = "RemoteIPHeader X-Forwarded-For\nRemoteIPInternalProxy 127.0.0.1";
my %token;
{
    my $maker = start_httpd();
    $token{$_} = $maker->token($_, $key{$_}) for sort keys %key;
    $token{text} = slurp($maker->{token_keys});
    $maker->log_ok;
}
my $keys = tempdir_here() . '/token.keys';
spew($keys, $token{text}, 0600);

sub server { my ($limits, %opt) = @_; return start_httpd(processes => 2, token_keys => $keys, modules => ['remoteip'],
    config => $PROXY . ($opt{config} || ''), limits => $limits, %opt{grep { $_ ne 'config' } keys %opt}) }
sub from { my ($address) = @_; return ('X-Forwarded-For' => $address) }
sub bearer { my ($customer) = @_; return (Authorization => "Bearer $token{$customer}") }

sub login {
    my ($h, $client, $secret, %header) = @_;
    return $h->post('/auth/token', { grant_type => 'client_credentials', client_id => $client, client_secret => $secret }, %header);
}
sub counters { my ($res) = @_; return join ' ', sort grep {/^(?:x-rate-limit|ratelimit)/} keys %{ $res->{headers} } }
sub tally { my %n; $n{$_}++ for @_; return \%n }

subtest 'wrong secrets for a customer' => sub {
    my $h = server("KissLimit 60 1000\nKissLimitAnonymous 1000000 10000000\nKissLoginFailureLimit 1000000");
    my $before = $h->get('/stock/schema', bearer('ACME01'))->{headers}{'x-rate-limit-remaining'};
    my @res = map { login($h, 'ACME01', "wrong-$_", from('192.0.2.1')) } 1 .. 70;
    is_deeply tally(map { $_->{status} } @res), { 401 => 60, 429 => 10 }, 'sixty are answered, as many as of anybody';
    is_deeply tally(map { counters($_) } grep { $_->{status} == 401 } @res), { '' => 60 }, '... without counters';
    is $res[-1]{content}, '{"message":"API calls quota exceeded! maximum admitted 60 per 1m."}', '... then the published 429';
    is $h->get('/stock/schema', bearer('ACME01'))->{headers}{'x-rate-limit-remaining'}, $before - 1,
        "the customer's own count is not touched";
    is login($h, 'ACME01', $key{ACME01}, from('192.0.2.2'))->{status}, 200, 'it can log in from elsewhere';
    is login($h, 'ACME01', $key{ACME01}, from('192.0.2.1'))->{status}, 200, '... and with the right secret from there';
    is login($h, 'ACME01', 'wrong', from('192.0.2.2'))->{status}, 401, 'a wrong secret from elsewhere counts there';
    is login($h, 'CIRC03', 'wrong', from('192.0.2.1'))->{status}, 401, 'for another customer, too';
    is $h->get('/stock/schema', bearer('ACME01'))->{headers}{'x-rate-limit-remaining'}, $before - 4,
        'the two logins with the right secret and one more request count for the customer';
    $h->log_ok;
};

subtest 'anonymous callers: each limit has its own counter' => sub {
    my $two = "KissLimitAnonymous 2 1000";
    my $h = server($two);
    is_deeply [map { $h->get('/openapi.json')->{status} } 1 .. 3], [200, 200, 429], 'readers of the documentation page use up theirs';
    is_deeply [map { $h->get($_)->{status} } qw(/api/version /health /api/version)], [200, 200, 429], '... and callers of the API theirs';
    is $h->get('/openapi.json', bearer('ACME01'))->{status}, 200, '... and not that of a customer';
    $h->log_ok;
    my ($health) = slurp(top() . '/conf/kiss-site.conf') =~ m{^( *<Location "/health">.*?</Location>\n)}ms;
    $h = start_httpd(limits => $two, modules => ['authz_host'], config => $health // '');
    is_deeply tally(map { $h->get('/health')->{status} } 1 .. 20), { 200 => 20 }, 'the sample site: checks of this host';
    is_deeply [map { $h->get('/health', @$_)->{status} } ([from('192.0.2.1')]) x 3], [200, 200, 429], '... strangers use up their own';
    is $h->get('/health', Forwarded => 'for=192.0.2.1')->{status}, 429, '... whoever forwards them';
    is $h->get('/api/version')->{status}, 429, '... for the API, too';
    is $h->get('/health')->{content}, 'Healthy', '... and not that of the checks';
    $h->log_ok;
};

subtest 'a whole hour of them' => sub {
    my $h = server("KissLimit 100 200\nKissLimitAnonymous 1000000 10000000\nKissLoginFailureLimit 1000000");
    kissctl_ok(qw(customer set DISG04 --limit-minute 100 --limit-hour 200));
    my @all = map {@$_} parallel(4, sub { my ($i) = @_; [map { login($h, 'DISG04', "w-$i-$_", from('192.0.2.1'))->{status} } 1 .. 100] });
    is_deeply tally(@all), { 401 => 100, 429 => 300 }, 'four hundred guesses';
    is $h->get('/stock/schema', bearer('DISG04'))->{status}, 200, "the customer's token works";
    is login($h, 'DISG04', $key{DISG04})->{status}, 200, '... and its secret';
    $h->log_ok;
};

subtest 'known and unknown codes, with limits of their own or without' => sub {
    my $h = server("KissLimit 5 100\nKissLimitAnonymous 1000000 10000000\nKissLoginFailureLimit 1000000");
    my %seen;
    for my $code (qw(ACME01 BEAU02 GHOST9)) {
        my @res = map { login($h, $code, "wrong-$_", from('192.0.2.7')) } 1 .. 8;
        $seen{$code} = [map { my %head = %{ $_->{headers} }; delete @head{qw(date x-request-id retry-after x-rate-limit-reset)};
            [@$_{qw(status content)}, \%head] } @res];
    }
    is_deeply $seen{$_}, $seen{GHOST9}, "$_ is answered as a code that nobody has" for qw(ACME01 BEAU02);
    is join(' ', map { $_->[0] } @{ $seen{BEAU02} }), '401 401 401 401 401 429 429 429', 'its own limit of 7 does not show';
    $h->log_ok;
};

subtest 'the same time' => sub {
    my $h = server("KissLimit 1000000 1000000\nKissLimitAnonymous 1000000 10000000\nKissLoginFailureLimit 1000000", processes => 1);
    my (%queries, %times);
    for my $code (('ACME01', 'GHOST9') x 40) {
        my $began = time;
        login($h, $code, 'wrong');
        push @{ $times{$code} }, time - $began;
    }
    # Of those that nothing else on the machine has slowed down.
    my %quick = map { $_ => (sort { $a <=> $b } @{ $times{$_} })[3] } keys %times;
    my ($most, $least) = sort { $b <=> $a } values %quick;
    cmp_ok $most, '<', 2 * $least, sprintf 'known and unknown: %.2f and %.2f ms', map { 1000 * $quick{$_} } qw(ACME01 GHOST9);
};

subtest 'anonymous requests' => sub {
    my $h = server("KissLimit 60 1000\nKissLimitAnonymous 60 1000\nKissLoginFailureLimit 1000000");
    is_deeply tally(map { $h->get('/health', from('192.0.2.1'))->{status} } 1 .. 61), { 200 => 60, 429 => 1 }, '61 anonymous /health';
    for my $bad ([], [Authorization => 'Bearer x.y.z'], [Authorization => "Bearer $token{ACME01}x"]) {
        my $res = $h->get('/stock', @$bad, from('192.0.2.2'));
        is $res->{status}, 401, 'a 401 stays one: its client must fetch a token, not wait';
        is $res->{headers}{'www-authenticate'}, 'Bearer error="invalid_token"', '... with its challenge';
        is counters($res), '', '... without counters';
    }
    is $h->get('/stock', from('192.0.2.1'))->{status}, 401, '... at the address of those requests, too';
    is login($h, 'ACME01', $key{ACME01}, from('192.0.2.1'))->{status}, 200, '... and a token can be fetched';
    my @own = map { $h->get('/stock', Authorization => 'Bearer x', from('192.0.2.3'))->{status} } 1 .. 62;
    is_deeply tally(@own), { 401 => 60, 429 => 2 }, 'sixty wrong tokens of one address: then it is told to wait';
    is $h->get('/stock', Authorization => 'Bearer x', from('192.0.2.4'))->{status}, 401, '... and no other address';
    is $h->get('/stock', bearer('ACME01'), from('192.0.2.3'))->{status}, 200, '... nor a valid token';
    $h->log_ok;
};

subtest 'invalid tokens count as anonymous' => sub {
    my $h = server("KissLimit 60 1000\nKissLimitAnonymous 100 1000\nKissLoginFailureLimit 1000000");
    my $left = $h->get('/health')->{headers}{'x-rate-limit-remaining'};
    is $h->get('/stock', Authorization => 'Bearer x', from("192.0.2.$_"))->{status}, 401, 'a wrong token' for 1 .. 9;
    is $h->get('/health')->{headers}{'x-rate-limit-remaining'}, $left - 10, '... is seen in the count of the anonymous';
    $h->log_ok;
};

subtest 'wrong credentials of one address' => sub {
    my $h = server("KissLimit 1000 10000\nKissLimitAnonymous 1000000 10000000\nKissLoginFailureLimit 5");
    is_deeply tally(map { login($h, "GHOST$_", 'x', from('192.0.2.1'))->{status} } 1 .. 8), { 401 => 5, 429 => 3 }, 'five, then 429';
    is login($h, 'ACME01', $key{ACME01}, from('192.0.2.9'))->{status}, 200, 'another address is not concerned';
    is $h->get('/stock', bearer('ACME01'), from('192.0.2.1'))->{status}, 200, 'tokens in use are not, from there';

    my @one = map { login($h, "GHOST$_", 'x', from("2001:db8:1:2::$_"))->{status} } 1 .. 7;
    is_deeply tally(@one), { 401 => 5, 429 => 2 }, 'addresses of one IPv6 network of 64 bits are one';
    is login($h, 'GHOST1', 'x', from('2001:db8:1:2:ffff::1'))->{status}, 429, '... all of them';
    is login($h, 'GHOST1', 'x', from('2001:db8:1:3::1'))->{status}, 401, 'another network is another one';
    $h->log_ok;
};

subtest 'more customers than there is room for' => sub {
    my @codes = map { sprintf 'MANY%03d', $_ } 1 .. 100;
    sql($db, "INSERT INTO customer (customer_code, name) VALUES " . join ', ', map {"('$_', '')"} @codes);
    my $h = server("KissLimit 60 1000\nKissLimitAnonymous 1000000 10000000", config => "\nKissLimitClients 64");
    my $now = time;
    $now = int $now;
    my %claims = (iss => 'https://localhost', aud => 'https://localhost', iat => $now, nbf => $now, exp => $now + 600);
    my @jwt = map { jwt({ %claims, sub => $_, client_id => $_, jti => $_ }, keys => $keys) } @codes;
    my @left = map { $h->get('/stock/schema', Authorization => "Bearer $_")->{headers}{'x-rate-limit-remaining'} } @jwt, @jwt;
    ok scalar(grep { $_ == 999 } @left[100 .. 199]), 'the limits of some have begun again';
    my @said = $h->log_text =~ /KISS0310: more customers are active than KissLimitClients has room for: the limits of (\d+) began again/g;
    is scalar @said, 1, 'the log says so, once';
    cmp_ok $said[0], '>', 0, '... with a number';
    $h->log_ok(qr/KISS0310/);
};

# What does not depend on the machine: the statements that the database runs, and what it returns, for each kind of wrong credentials.
subtest 'the same work' => sub {
    my $server = db_server();
    my $own = new_database('work');
    import_sample($own);
    my $kss = new_database('work_kss', api => 'kss');
    import_kss($kss, top() . '/sql/sample-kss');
    my %of = map { $_ => issue_key($_) } qw(ACME01 BEAU02 CIRC03);
    my ($expired, $other) = (issue_key('DISG04', '--expires', '2020-01-01'), issue_key('EMPT05'));
    kissctl_ok(qw(customer disable BEAU02));
    my %kss_key = map { $_ => issue_kss_key(type => 'employee') } qw(good revoked expired);
    for ([revoked => 'revoked_at = UTC_TIMESTAMP()'], [expired => "expires_at = '2020-01-01'"]) {
        sql($kss, "UPDATE api_key SET $_->[1] WHERE prefix = '" . substr($kss_key{ $_->[0] }, 5, 8) . "'");
    }
    # One process, whose only connection is there: prefork would have one for each request at a time.
    my $prefork = ($ENV{KISS_TEST_MPM} || '') eq 'prefork';
    my $h = start_httpd(db => $own, processes => 1, $prefork ? (threads => 1) : (), pool => 'keep=1 max=1',
        limits => "KissLimit 1000000 1000000\nKissLimitAnonymous 1000000 10000000\nKissLoginFailureLimit 1000000", config => kss_location($kss, server => $server, pool => 'keep=1 max=1'));
    ok $h->checked, 'what is prepared at start is prepared';
    # work($request, $n): statements of each kind that the database has run for so many requests, and the rows that it has read.
    my $status = sub {
        my %n = map { @$_ } sql($own, "SHOW GLOBAL STATUS WHERE Variable_name IN ('Com_stmt_execute', 'Com_stmt_prepare', 'Com_select', 'Connections', 'Rows_sent', 'Com_insert', 'Com_update')");
        return \%n;
    };
    my $work = sub {
        my ($request) = @_;
        $request->('first') for 1 .. 2;
        my $before = $status->();
        $request->($_) for 1 .. 20;
        my $after = $status->();
        return join ' ', map { "$_=" . ($after->{$_} - $before->{$_}) } sort keys %$after;
    };
    my %token_request = (
        'a code that nobody has' => ['GHOST9', $other], 'a wrong secret' => ['ACME01', "$of{ACME01}x"], 'the secret of another' => ['CIRC03', $of{ACME01}],
        'a customer that is disabled' => ['BEAU02', "$of{BEAU02}x"], 'a key that has expired' => ['DISG04', $expired], 'no key at all' => ['FLOO06', $other],
        'a short secret' => ['ACME01', 'x'],
    );
    my %seen = map { my ($code, $secret) = @{ $token_request{$_} }; $_ => $work->(sub { login($h, $code, $secret) }) } sort keys %token_request;
    my $usual = $seen{'a code that nobody has'};
    is $seen{$_} =~ s/Rows_sent=\d+//r, $usual =~ s/Rows_sent=\d+//r, "$_: as for a code that nobody has" for sort keys %seen;
    like $usual, qr/Com_stmt_execute=20\b/, '... one statement each';
    %seen = map { my $k = $_->[1]; $_->[0] => $work->(sub { $h->get('/api/v1/states', 'x-api-key' => $k) }) } ['a key that nobody has', 'kiss_' . 'x' x 51],
        ['a key with one character more', "$kss_key{good}x"], ['a known prefix', substr($kss_key{good}, 0, 13) . 'x' x (length($kss_key{good}) - 13)],
        ['a revoked key', $kss_key{revoked}], ['an expired key', $kss_key{expired}];
    $usual = $seen{'a key that nobody has'};
    is $seen{$_}, $usual, "KSS API, $_: as for a key that nobody has" for sort keys %seen;
    $h->log_ok($prefork ? qr/AH00161: server reached MaxRequestWorkers/ : ());
};

done_testing;
