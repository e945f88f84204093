#!/usr/bin/perl
# What a client is told of time holds, over the wire: Retry-After, X-Rate-Limit-Reset, RateLimit-Reset. All histories, with a
# clock of their own: t/unit/fixed_window.c.
# SPDX-License-Identifier: Apache-2.0

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use POSIX ();
use Test::More;
use Time::HiRes qw(sleep time);
use Time::Local qw(timegm);
use KissTest;

# It runs beside other tests, of which some count what their database server does: this one has its own.
delete $ENV{KISS_TEST_DB_SOCKET};

my $db = new_database('time');
import_sample($db);
my $kss = new_database('time', api => 'kss');
import_kss($kss, top() . '/sql/sample-kss');
my %key = map { $_ => issue_key($_) } qw(ACME01 BEAU02 CIRC03);
kissctl_ok(qw(customer set BEAU02 --limit-minute 3 --limit-hour 4));
kissctl_ok(qw(customer set CIRC03 --limit-minute 3 --limit-hour 100));
my $h = start_httpd(db => $db, limits => "KissLimit 1000 10000\nKissLoginFailureLimit 4");
my $now = int time;
my %token = map {
    $_ => jwt({ iss => 'https://localhost', aud => 'https://localhost', sub => $_, client_id => $_, iat => $now, nbf => $now,
        exp => $now + 900, jti => $_ }, keys => $h->{token_keys})
} sort keys %key;

sub ask { my ($customer) = @_; return $h->get('/stock/schema', Authorization => "Bearer $token{$customer}") }
sub login {
    my ($client, $secret) = @_;
    return $h->post('/auth/token', { grant_type => 'client_credentials', client_id => $client, client_secret => $secret });
}
# The second that X-Rate-Limit-Reset names.
sub reset_of {
    my ($res) = @_;
    my ($y, $m, $d, @t) = $res->{headers}{'x-rate-limit-reset'} =~ /^(\d+)-(\d+)-(\d+)T(\d+):(\d+):(\d+)Z$/ or return -1;
    return timegm(reverse(@t), $d, $m - 1, $y);
}

# ---- those that will wait, while the rest of this file runs

my $first = time;
my @minute = map { ask('CIRC03') } 1 .. 5;
is join(' ', map { $_->{status} } @minute), '200 200 200 429 429', 'three a minute';
my $told = time + $minute[4]{headers}{'retry-after'};
my $reset = reset_of($minute[4]);
cmp_ok $reset, '>=', $first + 60, 'X-Rate-Limit-Reset is not before the minute ends';
my @failed = map { login('GHOST9', 'x') } 1 .. 5;
my $failed_until = time + $failed[4]{headers}{'retry-after'};
is join(' ', map { $_->{status} } @failed), '401 401 401 401 429', 'four failures a minute';

subtest 'a minute that is exceeded in an hour that has nothing left' => sub {
    my $began = time;
    my @res = map { ask('BEAU02') } 1 .. 4;
    is join(' ', map { $_->{status} } @res), '200 200 200 429', 'three in the minute; with the fourth the hour is full';
    my $head = $res[3]{headers};
    cmp_ok $head->{'retry-after'}, '>=', 3600 - (time - $began), 'Retry-After is that of the hour at once';
    is $head->{'x-rate-limit-limit'}, '1h', '... which is named';
    is $res[3]{content}, '{"message":"API calls quota exceeded! maximum admitted 4 per 1h."}', '... in the body, too';
    cmp_ok reset_of($res[3]), '>=', $began + 3600, '... and X-Rate-Limit-Reset is its end';
    my $later = ask('BEAU02')->{headers}{'retry-after'};
    cmp_ok $later, '<=', $head->{'retry-after'}, '... and no longer for who asks again';
    cmp_ok $later, '>', 3590, '... nor much shorter';
};

subtest 'X-Rate-Limit-Reset at any moment of a second' => sub {
    my $began = time;
    my ($early, %seen) = (0);
    for (1 .. 40) {
        my $r = reset_of(ask('ACME01'));
        $early++ if $r < $began + 3600;
        $seen{$r}++;
        sleep 0.031;
    }
    is $early, 0, 'never before the hour ends';
    cmp_ok scalar keys %seen, '<=', 2, '... nor more than a second after it' or diag explain \%seen;
};

subtest 'the limit of an API key is lowered below what it has used' => sub {
    my $k = start_httpd(db => $kss, api => 'kss', limits => 'KissKeyLimit 100');
    my $key = issue_kss_key(type => 'employee');
    my $prefix = substr $key, 5, 8;
    my $try = sub { return $k->get('/api/v1/states', 'x-api-key' => $key) };
    my @at;
    for my $n (1 .. 6) {
        is $try->()->{status}, 200, "request $n passes";
        push @at, time;
        sleep 1.1 if $n < 6;
    }
    for my $limit (6, 4, 2, 1) {
        sql($kss, "UPDATE api_key SET limit_hour = $limit WHERE prefix = '$prefix'");
        my $res = $try->();
        is $res->{status}, 429, "limit $limit: refused";
        # The next passes when 6 - limit + 1 have left: an hour after that one.
        my $wait = $at[6 - $limit] + 3600 - time;
        cmp_ok abs($res->{headers}{'retry-after'} - $wait), '<', 1.1, sprintf '... Retry-After %d, for %.1f s', $res->{headers}{'retry-after'}, $wait;
        is $res->{headers}{'ratelimit-reset'}, $res->{headers}{'retry-after'}, '... RateLimit-Reset is the same';
    }
    $k->log_ok;
};

# ---- waiting

sub wait_until { my ($t) = @_; my $rest = $t - time; sleep $rest if $rest > 0; return }
wait_until($failed_until < $told ? $failed_until : $told);
wait_until($failed_until);
is login('ACME01', $key{ACME01})->{status}, 200, 'after Retry-After of failed logins the right secret is taken';
wait_until($told);
is ask('CIRC03')->{status}, 200, 'after Retry-After of the minute the request passes';
is ask('CIRC03')->{status}, 200, '... in a new window';
wait_until($reset);
cmp_ok time, '>=', $first + 60, 'at X-Rate-Limit-Reset the minute has ended';

$h->log_ok;
done_testing;
