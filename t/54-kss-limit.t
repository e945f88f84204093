#!/usr/bin/perl
# The sliding hour of the KSS API over the wire: exact over processes, published headers and body, what counts and what
# does not, own limits, reloads, more keys than there is room for, wrong keys. Its behaviour in time is proved by
# t/unit/sliding_window.c, against a model and a clock of its own.
# SPDX-License-Identifier: Apache-2.0

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Time::HiRes qw(time);
use KissTest;

my $db = new_database('limit', api => 'kss');
import_kss($db, top() . '/sql/sample-kss');

# Four processes, so that a counter of one process alone would be found out.
my @few = ($ENV{KISS_TEST_MPM} || '') eq 'prefork' ? (pool => 'keep=1 max=2') : ();    # one thread a process there
my $h = start_httpd(@few, api => 'kss', processes => 4, threads => 16, modules => ['log_config'],
    limits => "KissKeyLimit 60\nKissLoginFailureLimit 1000000",
        config => "CustomLog pids \"%P %>s\"\nKissLimitKeys 16");

sub ask { my ($path, $key, %more) = @_; return $h->get("/api/v1$path", 'x-api-key' => $key, %more) }

# "60 59 3600": limit, remaining, reset.
sub rate { my ($res) = @_; return join ' ', map { $res->{headers}{"ratelimit-$_"} // '-' } qw(limit remaining reset) }
sub remaining { my ($res) = @_; return $res->{headers}{'ratelimit-remaining'} }

# A 429 as the contract has it.
sub is_refused {
    my ($res, $limit, $name) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $head = $res->{headers};
    is $res->{status}, 429, "$name: 429";
    is $res->{content}, '{"Error":"Rate limit exceeded"}', "$name: the body";
    is $head->{'content-type'}, 'application/json; charset=utf-8', "$name: Content-Type";
    is $head->{'ratelimit-limit'}, $limit, "$name: RateLimit-Limit";
    is $head->{'ratelimit-remaining'}, 0, "$name: RateLimit-Remaining";
    like $head->{'ratelimit-reset'}, qr/\A[1-9]\d*\z/, "$name: RateLimit-Reset is whole seconds";
    cmp_ok $head->{'ratelimit-reset'}, '<=', 3600, "$name: ... within the hour";
    cmp_ok $head->{'ratelimit-reset'}, '>', 3600 - 120, "$name: ... an hour after the first";
    is $head->{'retry-after'}, $head->{'ratelimit-reset'}, "$name: Retry-After is the same";
    is $head->{etag}, undef, "$name: no ETag";
    is $head->{'cache-control'}, 'no-store', "$name: Cache-Control";
    like $head->{'x-request-id'}, qr/\A[0-9a-f-]{36}\z/, "$name: X-Request-Id";
    is_deeply [grep {/^x-rate/} keys %$head], [], "$name: no headers of the other API";
    return;
}

subtest 'the headers of a fresh key' => sub {
    my $key = issue_kss_key(type => 'employee');
    is rate(ask('/states', $key)), '60 59 3600', 'the first request: the hour begins with it';
    my $began = time;
    my $second = ask('/states', $key);
    is remaining($second), 58, 'the second';
    cmp_ok $second->{headers}{'ratelimit-reset'}, '<=', 3600, 'the reset counts down to the first';
    cmp_ok $second->{headers}{'ratelimit-reset'}, '>=', 3600 - (time - $began) - 2, '... not faster than time';
    is $second->{headers}{'retry-after'}, undef, 'no Retry-After on a success';
    is_deeply [grep {/^x-rate/} keys %{ $second->{headers} }], [], 'no headers of the other API';
};

subtest 'exactly sixty of four hundred at once' => sub {
    my $key = issue_kss_key(type => 'employee');
    my $other = issue_kss_key(type => 'employee');
    my %n;
    my @left;
    for my $r (map {@$_} parallel(8, sub { [map { my $r = ask('/states', $key); [$r->{status},
        remaining($r)] } 1 .. 50] })) {
        $n{ $r->[0] }++;
        push @left, $r->[1] if $r->[0] == 200;
    }
    is_deeply \%n, { 200 => 60, 429 => 340 }, 'of 400 parallel requests exactly 60 pass';
    is_deeply [sort { $a <=> $b } @left], [0 .. 59], 'each of them was told another number';
    my %pid = map { /^(\d+) 200/ ? ($1 => 1) : () } split /\n/, slurp("$h->{root}/pids");
    cmp_ok scalar keys %pid, '>=', 2, 'several processes served those that passed';
    is_refused(ask('/states', $key), 60, 'one more');
    is_refused(ask($_, $key), 60, $_) for '/nothing', '/customers?Page=0', '/customers/x';
    is_refused($h->post('/api/v1/payments/applications', '', 'x-api-key' => $key), 60, 'POST');
    my $head = $h->request('HEAD', '/api/v1/states', 'x-api-key' => $key);
    is $head->{status}, 429, 'HEAD: 429';
    is rate(ask('/states', $other)), '60 59 3600', 'another key is not touched';
    $h->graceful for 1 .. 3;
    is_refused(ask('/states', $key), 60, 'after three graceful reloads');
    is remaining(ask('/states', $other)), 58, 'the other one counts on';
};

subtest 'what counts' => sub {
    my $key = issue_kss_key(type => 'customer', ids => [101]);
    my $left = remaining(ask('/states', $key));
    my $etag = ask('/states', $key)->{headers}{etag};
    $left--;
    my @cases = (
        [304, sub { ask('/states', $key, 'If-None-Match' => $etag) }],
        [400, sub { ask('/states?Page=0', $key) }],
        [400, sub { ask('/customers/x', $key) }],
        [403, sub { ask('/inventory', $key) }],
        [403, sub { ask('/customerPricing?CustomerIDs=999', $key) }],
        [404, sub { ask('/nothing', $key) }],
        [404, sub { $h->request('DELETE', '/api/v1/states', 'x-api-key' => $key) }],
        [400, sub { $h->post('/api/v1/payments/applications', '', 'x-api-key' => $key) }],
        [413, sub { $h->post('/api/v1/payments/applications', 'x' x 9000, 'x-api-key' => $key) }],
        [200, sub { $h->request('HEAD', '/api/v1/states', 'x-api-key' => $key) }]
    );
    for my $c (@cases) {
        my ($status, $request) = @$c;
        my $res = $request->();
        is $res->{status}, $status, "a $status";
        is remaining($res), --$left, '... counts';
        is $res->{headers}{'ratelimit-limit'}, 60, '... and has the headers';
    }
    is ask('/states', "${key}x")->{status}, 401, 'a wrong key';
    is $h->get('/api/v1/states')->{status}, 401, 'and none';
    is remaining(ask('/states', $key)), --$left, '... count for nobody';
    while ($left > 0) {
        ask('/states', $key);
        $left--;
    }
    my @waits = map { ask('/states', $key)->{headers}{'retry-after'} } 1 .. 20;
    cmp_ok $waits[-1], '<=', $waits[0], 'a 429 does not count: the wait does not grow';
};

subtest 'own limits' => sub {
    my $three = issue_kss_key(type => 'employee', limit => 3);
    is join(' ', map { ask('/states', $three)->{status} } 1 .. 5), '200 200 200 429 429', 'less than KissKeyLimit';
    is_refused(ask('/states', $three), 3, 'own limit');
    my $many = issue_kss_key(type => 'employee', limit => 1028);
    my %n;
    $n{$_}++ for map {@$_} parallel(4, sub { [map { ask('/states', $many)->{status} } 1 .. 25] });
    is_deeply \%n, { 200 => 100 }, 'more than KissKeyLimit';
    is rate(ask('/states', $many)) =~ /\A1028 927 /, 1, 'the headers name it';
    # The database is asked with each request: a change is felt at once.
    my $prefix = substr $three, 5, 8;
    sql($db, "UPDATE api_key SET limit_hour = 5 WHERE prefix = '$prefix'");
    is join(' ', map { ask('/states', $three)->{status} } 1 .. 3), '200 200 429', 'raised: two more';
    sql($db, "UPDATE api_key SET limit_hour = 2 WHERE prefix = '$prefix'");
    is_refused(ask('/states', $three), 2, 'lowered');
    sql($db, "UPDATE api_key SET limit_hour = NULL WHERE prefix = '$prefix'");
    is remaining(ask('/states', $three)), 54, 'none: that of the server, and what was counted stays';
};

subtest 'more keys than there is room for' => sub {
    my @keys = map { issue_kss_key(type => 'employee', limit => 100) } 1 .. 40;
    my @answers = map {@$_} parallel(4, sub { my ($i) = @_;
        [map { my $r = ask('/states', $_); "$r->{status} " . remaining($r) } @keys[$i * 10 .. $i * 10 + 9]] });
    is_deeply [sort @answers], [('200 99') x 40], 'each of forty is served and counted';
    my $left = remaining(ask('/states', $keys[-1]));
    is remaining(ask('/states', $keys[-1])), $left - 1, 'who was here just now is still known';
    my $busy = issue_kss_key(type => 'employee', limit => 2);
    is join(' ', map { ask('/states', $busy)->{status} } 1 .. 3), '200 200 429', 'a key at its limit';
    for my $k (@keys[0 .. 13]) {
        ask('/states', $k);
        ask('/states', $busy);
    }
    is ask('/states', $busy)->{status}, 429, '... is not forgotten while it asks and others come';
    my @said = $h->log_text =~ /KISS0311: more API keys are active than KissLimitKeys has room for: the limits of (\d+) began again/g;
    is scalar @said, 1, 'the log says that there is not room enough, once';
};
$h->log_ok(qr/KISS0311/);

subtest 'wrong keys of one address' => sub {
    my $key = issue_kss_key(type => 'employee');
    my $l = start_httpd(@few, api => 'kss', limits => "KissKeyLimit 1000\nKissLoginFailureLimit 5");
    my $try = sub { my ($k) = @_; return $l->get('/api/v1/states', 'x-api-key' => $k) };
    is $try->($key)->{status}, 200, 'a right key is no failure' for 1 .. 10;
    is $l->get('/api/v1/states')->{status}, 401, 'nor is none' for 1 .. 10;
    my $fresh = issue_kss_key(type => 'employee');
    my $revoked = issue_kss_key(type => 'employee');
    is $try->($revoked)->{status}, 200, 'a key that will be revoked';
    is $try->("kiss_wrong_$_")->{status}, 401, "failure $_ is answered" for 1 .. 5;
    for my $k ('kiss_wrong_6', $fresh, "${key}x", substr($key, 0, -1)) {
        my $res = $try->($k);
        is "$res->{status} $res->{content}", '429 {"Error":"Rate limit exceeded"}', 'then 429, also for a key that was not used yet';
        like $res->{headers}{'retry-after'}, qr/\A(?:[1-9]|[1-5]\d|60)\z/, '... for the rest of the minute';
        is_deeply [grep {/rate-?limit/} keys %{ $res->{headers} }], [],
            '... without headers of an hour that is nobody\'s';
    }
    my %n;
    $n{$_}++ for map {@$_} parallel(4, sub { my ($i) = @_; [map { $try->("guess-$i-$_")->{status} } 1 .. 100] });
    is_deeply \%n, { 429 => 400 }, 'four hundred guesses reach no database';
    is_deeply [map { $try->($key)->{status} } 1 .. 10], [(200) x 10], 'a key that was right before goes on, whatever its neighbours do';
    $l->graceful;
    is_deeply [map { $try->($key)->{status} } 1 .. 10], [(200) x 10], '... in new processes, too';
    sql($db, "UPDATE api_key SET revoked_at = UTC_TIMESTAMP() WHERE prefix = '" . substr($revoked, 5, 8) . "'");
    is $try->($revoked)->{status}, 401, 'one that has been revoked is refused';
    is $try->($revoked)->{status}, 429, '... and no exception any more';
    $l->log_ok;
};

done_testing;
