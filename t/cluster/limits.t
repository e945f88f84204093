# 10,000 parallel requests over two hosts that count in one Redis: exactly as many pass as the limits allow, in the windows of both APIs.
# Needs no cluster, only redis-tools.
# SPDX-License-Identifier: Apache-2.0
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use HTTP::Tiny ();
use KissTest;
use KissTest::Load;
use KissTest::Metrics;
use KissTest::Redis;
use Test::More;

my ($clients, $each) = (20, 500);
my $redis = KissTest::Redis->start;
my %store = (config => "KissLimitStore $redis->{url} timeout=1s\n" . metrics_location(), processes => 2, threads => 20);

# storm($each, @requests): each client sends so many of them in turn, over a connection that stays open; [url, headers]. How many got
# which status, and how many times each remaining number was told with a 200.
sub storm {
    my ($each, @requests) = @_;
    my @all = parallel($clients, sub {
        my ($client) = @_;
        my $http = HTTP::Tiny->new(timeout => 60, keep_alive => 1);
        my (%status, @left);
        for my $n (1 .. $each) {
            my ($url, $headers) = @{ $requests[($client + $n) % @requests] };
            my $res = $http->get($url, { headers => $headers });
            $status{ $res->{status} }++;
            my ($left) = ($res->{headers}{ratelimit} // '') =~ /"hour";r=(\d+)/;
            push @left, $left // $res->{headers}{'ratelimit-remaining'} if $res->{status} != 429;
        }
        return [\%status, \@left];
    });
    my (%status, %left);
    for (@all) {
        my ($s, $l) = @$_;
        $status{$_} += $s->{$_} for keys %$s;
        $left{$_}++ for @$l;
    }
    return (\%status, \%left);
}

# Batches: fewer round trips than requests.
sub trips {
    my @m = map { metrics_parse(metrics_text($_))->{value} } @_;
    my ($trips, $counted) = (0, 0);
    for (@m) {
        $trips += metrics_sum($_, 'kiss_limit_store_round_trips_total');
        $counted += metrics_sum($_, 'kiss_limit_store_requests_total', result => 'counted');
        is metrics_sum($_, 'kiss_limit_store_requests_total') - metrics_sum($_, 'kiss_limit_store_requests_total', result => 'counted'), 0, 'none was counted by its host alone';
    }
    note "$counted requests, $trips round trips";
    return ($trips, $counted);
}

subtest 'the hour of a customer' => sub {
    my $db = new_database('store');
    import_sample($db);
    my $key = issue_key('ACME01');
    my @h = map { start_httpd(%store, db => $db, limits => 'KissLimit 1000000 4000') } 1 .. 2;
    # Lists that are not sent, and what needs no database: both ways of counting.
    my @requests = map {
        my $bearer = 'Bearer ' . $_->token('ACME01', $key);
        my $etag = $_->get('/stock', Authorization => $bearer)->{headers}{etag};
        (["$_->{url}/stock", { Authorization => $bearer, 'If-None-Match' => $etag }], ["$_->{url}/api/version", { Authorization => $bearer }]);
    } @h;
    my ($status, $left) = storm($each, @requests);
    my $passed = ($status->{200} // 0) + ($status->{304} // 0);
    is $passed, 4000 - 4, 'as many pass as are left after two tokens and two lists';
    is $status->{429}, $clients * $each - $passed, '... the others are refused';
    is_deeply [grep { ($left->{$_} // 0) != 1 } 0 .. 3995], [], 'each remaining number was told once';
    is $redis->ask('GET', "kiss:{customer:$db:customer:ACME01}:h"), $clients * $each + 4, 'each request was counted once';
    my ($trips, $counted) = trips(@h);
    cmp_ok $trips, '<', $counted, 'fewer round trips than requests';
    $_->log_ok for @h;
};

subtest 'the minute of a customer' => sub {
    my $db = new_database('store_minute');
    import_sample($db);
    my $key = issue_key('ACME01');
    my @h = map { start_httpd(%store, db => $db, limits => 'KissLimit 300 1000000') } 1 .. 2;
    my @requests = map { ["$_->{url}/api/version", { Authorization => 'Bearer ' . $_->token('ACME01', $key) }] } @h;
    my $counter = "kiss:{customer:$db:customer:ACME01}:m";
    my ($status, $before, $after);
    for (1 .. 3) {
        # A new minute begins with the first of them; on a machine that needs longer for them it is tried again.
        $redis->ask('DEL', $counter);
        ($status) = storm(40, @requests);
        ($before, $after) = ($redis->ask('GET', $counter), $redis->ask('PTTL', $counter));
        last if $before == $clients * 40;
    }
    is $before, $clients * 40, 'all in one minute';
    is $status->{200}, 300, 'exactly as many pass as the limit allows';
    is $status->{429}, $clients * 40 - 300, '... the others are refused';
    cmp_ok $after, '>', 0, '... until it ends';
    $_->log_ok for @h;
};

subtest 'the sliding hour of a key' => sub {
    my $kss = new_database('store_kss', api => 'kss');
    import_kss($kss, top() . '/sql/sample-kss');
    my $key = issue_kss_key(type => 'employee', user => 1);
    my @h = map { start_httpd(%store, db => $kss, api => 'kss', limits => 'KissKeyLimit 1500') } 1 .. 2;
    my ($status, $left) = storm($each, map { ["$_->{url}/api/v1/states?limit=1", { 'x-api-key' => $key }] } @h);
    is $status->{200}, 1500, 'exactly as many pass as the limit allows';
    is $status->{429}, $clients * $each - 1500, '... the others are refused';
    is_deeply [grep { ($left->{$_} // 0) != 1 } 0 .. 1499], [], 'each remaining number was told once';
    my ($name) = $redis->ask('KEYS', "kiss:{kss:$kss:key:*}:s");
    is $redis->ask('LLEN', $name), 1500, 'one that is refused does not count';
    my ($trips, $counted) = trips(@h);
    cmp_ok $trips, '<', $counted, 'fewer round trips than requests';
    $_->log_ok for @h;
};

done_testing;
