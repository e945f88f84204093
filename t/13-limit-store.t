# KissLimitStore: limits that several hosts count together in Redis; and what becomes of requests when Redis fails.
# SPDX-License-Identifier: Apache-2.0
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use KissTest;
use KissTest::Lists;
use KissTest::Load;
use KissTest::Redis;
use Test::More;
use Time::HiRes qw(time);

my $db = new_database('store');
import_sample($db);
my %key = map { $_ => issue_key($_) } qw(ACME01 BEAU02);
my $redis = KissTest::Redis->start;

# Two hosts: nothing in common but database and store. A slow machine is no failure of Redis.
sub hosts {
    my ($store, %opt) = @_;
    $store .= ' timeout=1s' if $store !~ /timeout=/;
    return map { serve_lists({}, limits => "KissLimit 60 1000\nKissLimitAnonymous 20 1000", config => "KissLimitStore $store\n", %opt) } 1 .. 2;
}
sub bearer { my ($h, $customer) = @_; return $h->{mine}{$customer} //= 'Bearer ' . $h->token($customer, $key{$customer}) }
sub ask { my ($h, $customer) = @_; return $h->get('/api/version', Authorization => bearer($h, $customer)) }
sub statuses { my %n; $n{ $_->{status} }++ for @_; return join ' ', map {"$_:$n{$_}"} sort keys %n }

subtest 'a limit is exact over hosts' => sub {
    my @h = hosts($redis->{url});
    bearer($_, 'ACME01') for @h;        # which counts, once each
    my @all = map { ask($h[$_ % 2], 'ACME01') } 0 .. 69;
    is statuses(@all), '200:58 429:12', '58 and two tokens of 60 pass';
    my @left = map { $_->{headers}{ratelimit} =~ /"min";r=(\d+)/ } @all[0 .. 57];
    is_deeply \@left, [reverse 0 .. 57], 'RateLimit counts down over both';
    my ($wait) = $all[69]{headers}{'retry-after'};
    cmp_ok $wait, '>=', 1, 'Retry-After';
    cmp_ok $wait, '<=', 60, '... is the end of the minute';
    is statuses(map { ask($h[$_ % 2], 'BEAU02') } 0 .. 3), '200:4', 'another customer has its own';
    like join(' ', sort split /\n/, $redis->ask('KEYS', '*')), qr/\Akiss:\{customer:\Q$db\E:customer:ACME01\}:h kiss:\{customer:\Q$db\E:customer:ACME01\}:m /,
        'the names of the counters';
    $_->log_ok for @h;
};

subtest '400 requests at the same time' => sub {
    $redis->ask('FLUSHALL');
    my @h = hosts($redis->{url}, limits => 'KissLimit 250 100000', processes => 2);
    bearer($_, 'ACME01') for @h;        # 2
    my @n = parallel(8, sub { my ($i) = @_; scalar grep { ask($h[$i % 2], 'ACME01')->{status} == 200 } 1 .. 50 });
    my $passed = 0;
    $passed += $_ for @n;
    is $passed, 248, 'exactly as many pass as the limit allows';
    $_->log_ok for @h;
};

subtest 'the KSS API: a sliding hour' => sub {
    my $kss = new_database('store_kss', api => 'kss');
    import_kss($kss, top() . '/sql/sample-kss');
    my $key = issue_kss_key(type => 'employee', user => 1);
    my @h = map { start_httpd(db => $kss, api => 'kss', limits => 'KissKeyLimit 60', config => "KissLimitStore $redis->{url} timeout=1s\n") } 1 .. 2;
    my $get = sub { return $_[0]->get('/api/v1/products?limit=1', 'x-api-key' => $key) };
    my @all = map { $redis->ask(qw(SCRIPT FLUSH)) if $_ == 30; $get->($h[$_ % 2]) } 0 .. 69;
    is statuses(@all), '200:60 429:10', 'exactly 60 of both hosts pass';
    is_deeply [map { $_->{headers}{'ratelimit-remaining'} } @all], [reverse(0 .. 59), (0) x 10], 'the remaining number is that of both';
    cmp_ok $all[69]{headers}{'retry-after'}, '>', 3600 - 120, 'Retry-After: an hour after the first';
    cmp_ok $all[69]{headers}{'retry-after'}, '<=', 3600, '... and no longer';
    my ($name) = $redis->ask('KEYS', '*:s') =~ /\A(kiss:\{kss:\Q$kss\E:key:[^:}]+\}:s)\z/;
    is $name && $redis->ask('LLEN', $name), 60, 'one that is refused does not count';
    $_->log_ok for @h;
};

subtest 'Redis is killed, and comes back' => sub {
    $redis->ask('FLUSHALL');
    my @h = hosts($redis->{url});
    is statuses(map { ask($h[$_ % 2], 'ACME01') } 0 .. 9), '200:10', 'before';
    $redis->stop;
    my $start = time;
    my @all = map { ask($h[$_ % 2], 'ACME01') } 0 .. 79;
    # 10 were counted by each host before, with its token 6 of 60.
    is statuses(@all), '200:80', 'without it each host counts by itself: 40 more of each pass';
    is statuses(map { ask($h[0], 'ACME01') } 0 .. 19), '200:14 429:6', '... up to its limit';
    is scalar(() = slurp($_->{error_log}) =~ /KISS0763/g), 1, 'said once' for @h;
    $redis->resume;
    ok wait_until(10, sub { ask($h[1], 'BEAU02'); slurp($h[1]{error_log}) =~ /KISS0764/ }), 'it is found again';
    like $redis->ask('KEYS', '*BEAU02*'), qr/BEAU02/, 'and counts';
    $_->log_ok(qr/KISS0763/) for @h;
};

subtest 'an idle connection that was closed' => sub {
    $redis->ask('FLUSHALL');
    my @h = hosts($redis->{url});
    ask($_, 'ACME01') for @h;
    $redis->ask(qw(CLIENT KILL TYPE normal));
    is statuses(map { ask($h[$_ % 2], 'ACME01') } 0 .. 9), '200:10', 'is replaced';
    is $redis->ask('GET', "kiss:{customer:$db:customer:ACME01}:m"), 14, 'nothing was counted elsewhere';
    $_->log_ok for @h;
};

subtest 'Redis hangs' => sub {
    $redis->ask('FLUSHALL');
    my ($h) = hosts("$redis->{url} timeout=50ms");
    ask($h, 'ACME01');
    $redis->freeze;
    my @all = map { ask($h, 'ACME01') } 0 .. 19;
    is statuses(@all), '200:20', 'requests are answered';
    is scalar(() = slurp($h->{error_log}) =~ /KISS0763.*(?:temporarily unavailable|timed out)/gi), 1, 'that is said once';
    $redis->thaw;
    ok wait_until(10, sub { ask($h, 'BEAU02'); slurp($h->{error_log}) =~ /KISS0764/ }), 'it is found again';
    $h->log_ok(qr/KISS0763/);
};

subtest 'a server that does not do what is asked' => sub {
    my %case = (
        'a password is wanted' => [[requirepass => 'secret'], '', qr/NOAUTH/],
        'no memory' => [[maxmemory => '1'], '', qr/OOM/],
        'a replica' => [[replicaof => '127.0.0.1 1', 'replica-serve-stale-data' => 'yes'], '', qr/READONLY/],
        'no such database' => [[databases => '2'], ' database=5', qr/out of range/],
    );
    for my $name (sort keys %case) {
        my ($arguments, $more, $why) = @{ $case{$name} };
        my $other = KissTest::Redis->start(@$arguments);
        my ($h) = hosts("$other->{url}$more");
        is statuses(map { ask($h, 'ACME01') } 0 .. 4), '200:5', "$name: requests pass";
        like slurp($h->{error_log}), qr/KISS0763.*Redis at 127\.0\.0\.1:$other->{port} does not count \(.*$why/, '... and the log says why';
        $h->log_ok(qr/KISS0763/);
    }
};

subtest 'password, account, socket, database' => sub {
    my $dir = tempdir_here();
    my $other = KissTest::Redis->start(requirepass => 'for all');
    $other->{password} = 'for all';
    $other->ask(qw(ACL SETUSER kiss on >its-own ~kiss:* +@all));
    spew("$dir/all", "for all\n", 0600);
    spew("$dir/kiss", "its-own\n", 0600);
    for my $place ("$other->{url}/3 password-file=$dir/all", "unix:$other->{socket} database=3 user=kiss password-file=$dir/kiss") {
        $other->ask('FLUSHALL');
        my ($h) = hosts($place);
        is ask($h, 'ACME01')->{status}, 200, 'a request';
        is $other->ask('-n', 3, 'GET', "kiss:{customer:$db:customer:ACME01}:m"), 2, 'is counted where it should be';
        unlike slurp($h->{error_log}) . slurp($h->{conf}), qr/for all|its-own/, 'the password is nowhere';
        $h->log_ok;
    }
};

subtest 'other people\'s keys' => sub {
    $redis->ask('FLUSHALL');
    $redis->ask('SET', "kiss:{customer:$db:customer:ACME01}:m", 'not a number');
    my ($h) = hosts($redis->{url});
    is ask($h, 'ACME01')->{status}, 200, 'a counter that is none: counted by the host';
    like slurp($h->{error_log}), qr/KISS0765.*kiss:\{customer:\Q$db\E:customer:ACME01\}:m .*not an integer/, 'which is said';
    is $redis->ask('GET', "kiss:{customer:$db:customer:ACME01}:m"), 'not a number', 'and it is left alone';
    $h->log_ok(qr/KISS0765/);
};

subtest 'the account of doc/several-hosts.md' => sub {
    my $kss = new_database('store_acl', api => 'kss');
    import_kss($kss, top() . '/sql/sample-kss');
    my $kss_key = issue_kss_key(type => 'employee', user => 1);
    my ($line) = slurp(top() . '/doc/several-hosts.md') =~ /`(ACL SETUSER kiss [^`]+)`/;
    my $other = KissTest::Redis->start(requirepass => 'for all');
    $other->{password} = 'for all';
    is $other->ask(map { $_ eq '>PASSWORD' ? '>its-own' : $_ } split ' ', $line), 'OK', 'is made';
    my $file = tempdir_here() . '/kiss';
    spew($file, "its-own\n", 0600);
    my $place = "$other->{url}/3 user=kiss password-file=$file timeout=1s";
    my ($h) = hosts($place);
    is ask($h, 'ACME01')->{status}, 200, 'the windows of a customer';
    my $k = start_httpd(db => $kss, api => 'kss', limits => 'KissKeyLimit 2', config => "KissLimitStore $place\n");
    my @all = map { $k->get('/api/v1/products?limit=1', 'x-api-key' => $kss_key) } 0 .. 2;
    is statuses(@all), '200:2 429:1', 'the hour of a key';
    # A list with two requests that left the window: what takes them out needs its rights, too.
    my ($name) = $other->ask('-n', 3, 'KEYS', '*:s') =~ /(\S+:s)/;
    $other->ask('-n', 3, 'LSET', $name, $_, 1) for 0, 1;
    is $k->get('/api/v1/products?limit=1', 'x-api-key' => $kss_key)->{status}, 200, 'requests leave the hour';
    is $other->ask('-n', 3, 'LLEN', $name), 1, '... and its list';
    is $other->ask('ACL', 'LOG'), '', 'nothing was refused';
    $_->log_ok for $h, $k;
};

done_testing;
