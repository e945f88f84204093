# KissLimitStore: limits that several hosts count together in Redis; and what becomes of requests when Redis fails.
# SPDX-License-Identifier: Apache-2.0
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use IO::Socket::INET;
use KissTest;
use KissTest::Lists;
use KissTest::Load;
use KissTest::Metrics;
use KissTest::Redis;
use POSIX ();
use Test::More;
use Time::HiRes qw(sleep time);

my $db = new_database('store');
import_sample($db);
my %key = map { $_ => issue_key($_) } qw(ACME01 BEAU02);
my $redis = KissTest::Redis->start;

# Two hosts: nothing in common but database and store. A slow machine is no failure of Redis.
sub hosts {
    my ($store, %opt) = @_;
    $store .= ' timeout=1s' if $store !~ /timeout=/;
    return map { serve_lists({}, limits => "KissLimit 60 1000\nKissLimitAnonymous 20 1000", %opt,
            config => "KissLimitStore $store\n" . ($opt{config} // '')) } 1 .. 2;
}
sub bearer { my ($h, $customer) = @_; return $h->{mine}{$customer} //= 'Bearer ' . $h->token($customer, $key{$customer}) }
sub ask { my ($h, $customer) = @_; return $h->get('/api/version', Authorization => bearer($h, $customer)) }
sub counter { my ($customer) = @_; return "kiss:{customer:$db:customer:$customer}:m" }
# It is found again by a request, at most one a second.
sub counts_again { my ($h, $n) = @_; return wait_until(20, sub { ask($h, 'BEAU02'); (() = slurp($h->{error_log}) =~ /KISS0764/g) >= ($n // 1) }) }
sub status_location { return qq(<Location "/kiss-status">\n    SetHandler kiss-status\n</Location>\n) }
sub status_json { my ($h) = @_; return $h->json($h->get('/kiss-status?json')) }
sub status_text { my ($h) = @_; return $h->get('/kiss-status')->{content} }
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
    my @h = hosts($redis->{url}, limits => 'KissLimit 200 100000', processes => 1);
    for my $h (@h) { bearer($h, $_) for qw(ACME01 BEAU02) }        # 2 of each
    # What reads the database's revision, and what does not, is counted on two ways.
    my @n = parallel(8, sub {
        my ($i) = @_;
        my ($h, $customer) = ($h[$i % 2], $i < 6 ? 'ACME01' : 'BEAU02');
        return scalar grep { ($_ % 2 ? ask($h, $customer) : $h->request('HEAD', '/stock', Authorization => bearer($h, $customer)))->{status} == 200 } 1 .. 50;
    });
    my %passed;
    $passed{ $_ < 6 ? 'ACME01' : 'BEAU02' } += $n[$_] for 0 .. 7;
    is_deeply \%passed, { ACME01 => 198, BEAU02 => 100 }, 'exactly as many pass as the limit allows';
    is $redis->ask('GET', counter($_->[0])), $_->[1], "... and each of $_->[0] is counted once" for ['ACME01', 302], ['BEAU02', 102];
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
    $redis->ask('DEL', $name);
    my @n = parallel(8, sub { my ($i) = @_; scalar grep { $get->($h[$i % 2])->{status} == 200 } 1 .. 15 });
    my $passed = 0;
    $passed += $_ for @n;
    is $passed, 60, 'at the same time as well';
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

subtest 'Redis is killed and started again while 16 clients ask' => sub {
    $redis->ask('FLUSHALL');
    my @h = hosts($redis->{url}, limits => 'KissLimit 100000 100000', processes => 2, config => metrics_location());
    bearer($_, 'ACME01') for @h;
    my $done = tempdir_here() . '/done';
    my $load = open(my $failed, '-|') // die "fork: $!";
    if (!$load) {
        my @n = parallel(16, sub {
            my ($i) = @_;
            my ($n, $other) = (0, 0);
            while (!-e $done && $n++ < 5000) { $other++ if ask($h[$i % 2], 'ACME01')->{status} != 200; sleep 0.02 }
            return $other;
        });
        syswrite STDOUT, "@n";
        POSIX::_exit(0);
    }
    ok wait_until(20, sub { ($redis->ask('GET', counter('ACME01')) || 0) > 50 }), 'they are counted';
    $redis->stop;
    ok wait_until(20, sub { slurp($_->{error_log}) =~ /KISS0763/ }), 'it is missed' for @h;
    $redis->resume;
    ok wait_until(20, sub { slurp($_->{error_log}) =~ /KISS0764/ }), 'it is found again' for @h;
    spew($done, '');
    is join('', <$failed>), join(' ', (0) x 16), 'no request has failed';
    close $failed;
    for my $h (@h) {
        my $m = metrics_parse(metrics_text($h))->{value};
        is $m->{kiss_limit_store_up}, 1, 'a metric says so';
        my %result = map { $_ => metrics_sum($m, 'kiss_limit_store_requests_total', result => $_) } qw(counted away failed key);
        cmp_ok $result{away} + $result{failed}, '>', 0, '... and how many this host has counted by itself';
        is $result{key}, 0, '... for no other reason';
        cmp_ok $result{counted}, '>', 0, '... and how many it has not';
        cmp_ok metrics_sum($m, 'kiss_limit_store_errors_total'), '>', 0, '... errors';
        $h->log_ok(qr/KISS0763/);
    }
};

subtest 'an idle connection that was closed' => sub {
    $redis->ask('FLUSHALL');
    my @h = hosts($redis->{url});
    ask($_, 'ACME01') for @h;
    $redis->ask(qw(CLIENT KILL TYPE normal));
    is statuses(map { ask($h[$_ % 2], 'ACME01') } 0 .. 9), '200:10', 'is replaced';
    is $redis->ask('GET', counter('ACME01')), 14, 'nothing was counted elsewhere';
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
    ok counts_again($h), 'it is found again';
    $h->log_ok(qr/KISS0763/);
};

subtest 'a server that accepts connections and says nothing' => sub {
    my $listen = IO::Socket::INET->new(Listen => 64, LocalAddr => '127.0.0.1') or die "no free port: $!";
    my ($h) = hosts('redis://127.0.0.1:' . $listen->sockport . ' timeout=20ms');
    my $start = time;
    my @all = map { ask($h, 'ACME01') } 0 .. 39;
    is statuses(@all), '200:40', 'requests are answered';
    my $attempts = 0;
    $listen->blocking(0);
    $attempts++ while $listen->accept;
    cmp_ok $attempts, '>=', 1, 'it is tried';
    cmp_ok $attempts, '<=', 3 + time - $start, '... by one request a second: no other one waits';
    $h->log_ok(qr/KISS0763.*timed out/);
};

subtest 'a server that changes while it is used' => sub {
    $redis->ask('FLUSHALL');
    my ($h) = hosts($redis->{url}, config => status_location());
    my $n = 0;
    for my $case (
        ['becomes a replica', [qw(REPLICAOF 127.0.0.1 1)], [qw(REPLICAOF NO ONE)], 'READONLY'],
        ['is full', [qw(CONFIG SET maxmemory 1)], [qw(CONFIG SET maxmemory 0)], 'OOM'],
        ['wants a password', [qw(CONFIG SET requirepass secret)], [qw(CONFIG SET requirepass), ''], 'NOAUTH'],
    ) {
        my ($what, $do, $undo, $why) = @$case;
        is ask($h, 'ACME01')->{status}, 200, "before it $what";
        $redis->ask(@$do);
        local $redis->{password} = $why eq 'NOAUTH' ? 'secret' : undef;
        $redis->ask(qw(CLIENT KILL TYPE normal)) if $why eq 'NOAUTH';       # who has logged in stays
        is statuses(map { ask($h, 'ACME01') } 0 .. 2), '200:3', "it $what: requests pass";
        my ($store) = status_json($h)->{limit_store};
        is !!$store->{counts}, !!0, '... the status page says that this host counts by itself';
        like $store->{reason}, qr/$why/, '... and why';
        like $store->{away_since}, qr/\A\d{4}-\d\d-\d\dT/, '... and since when';
        like status_text($h), qr/This host counts by itself since \S+: [^<]*$why/, '... for people, too';
        $redis->ask(@$undo);
        ok counts_again($h, ++$n), 'it counts again';
    }
    my $store = status_json($h)->{limit_store};
    is !!$store->{counts}, !!1, 'the status page says so';
    is $store->{address}, "127.0.0.1:$redis->{port}", 'of which server';
    is $store->{errors}, 3, 'three errors';
    cmp_ok $store->{round_trips}, '>=', 4, 'round trips';
    cmp_ok $store->{connections}, '>=', 4, 'connections';
    like status_text($h), qr/It counts; it was away last at /, 'the page for people as well';
    $h->log_ok(qr/KISS0763/);
};

subtest 'a replica takes the place of its master' => sub {
    my ($master, $replica) = map { KissTest::Redis->start } 1 .. 2;
    my ($h) = hosts($master->{url});
    is statuses(map { ask($h, 'ACME01') } 1 .. 5), '200:5', 'with the token six requests are counted';
    $replica->ask('REPLICAOF', '127.0.0.1', $master->{port});
    ok wait_until(30, sub { $replica->ask('GET', counter('ACME01')) eq '6' }), 'the replica has the counter';
    $replica->ask(qw(REPLICAOF NO ONE));
    $master->stop;
    is $replica->ask('CONFIG', 'SET', 'port', $master->{port}), 'OK', 'the replica answers at the address of its master';
    is ask($h, 'ACME01')->{status}, 200, 'the next request';
    is $replica->ask('GET', counter('ACME01')), 7, '... is counted there, behind those before';
    $h->log_ok;
};

subtest 'a server that loads its data' => sub {
    my $other = KissTest::Redis->start('enable-debug-command' => 'yes');
    my ($h) = hosts($other->{url});
    is ask($h, 'ACME01')->{status}, 200, 'before';
    $other->ask(qw(DEBUG POPULATE 3000));
    $other->ask('SAVE');
    $other->stop;
    push @{ $other->{arguments} }, 'key-load-delay' => 1000, 'loading-process-events-interval-bytes' => 1024;
    $other->resume;
    like $other->ask('PING'), qr/LOADING/, 'it loads';
    is statuses(map { ask($h, 'ACME01') } 0 .. 2), '200:3', 'requests pass';
    like slurp($h->{error_log}), qr/KISS0763.*LOADING/, '... and the log says why';
    ok counts_again($h), 'it counts again';
    $h->log_ok(qr/KISS0763/);
};

subtest 'after a start' => sub {
    my $port = KissTest::Httpd::free_port();
    my ($h) = hosts("redis://127.0.0.1:$port", config => status_location());
    ok wait_until(20, sub { slurp($h->{error_log}) =~ /KISS0763: Redis at 127\.0\.0\.1:$port does not count \(Connection refused\)/ }),
        'the log says what is wrong, without a request';
    is !!status_json($h)->{limit_store}{counts}, !!0, '... and so does the status page';
    $h->log_ok(qr/KISS0763/);
};

subtest 'a server that does not do what is asked' => sub {
    my $wrong = tempdir_here() . '/wrong';
    spew($wrong, "wrong\n", 0600);
    my %case = (
        'a password is wanted' => [[requirepass => 'secret'], '', qr/NOAUTH/],
        'no memory' => [[maxmemory => '1'], '', qr/OOM/],
        'a replica' => [[replicaof => '127.0.0.1 1', 'replica-serve-stale-data' => 'yes'], '', qr/READONLY/],
        'another password is wanted' => [[requirepass => 'secret'], " password-file=$wrong", qr/WRONGPASS/],
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

subtest "other people's keys" => sub {
    $redis->ask('FLUSHALL');
    $redis->ask('SET', "kiss:{customer:$db:customer:ACME01}:m", 'not a number');
    my ($h) = hosts($redis->{url});
    is ask($h, 'ACME01')->{status}, 200, 'a counter that is none: counted by the host';
    like slurp($h->{error_log}), qr/KISS0765.*kiss:\{customer:\Q$db\E:customer:ACME01\}:m .*not an integer/, 'which is said';
    is $redis->ask('GET', "kiss:{customer:$db:customer:ACME01}:m"), 'not a number', 'and it is left alone';
    is ask($h, 'BEAU02')->{status}, 200, 'another caller';
    is $redis->ask('GET', counter('BEAU02')), 2, '... is counted all the same';
    $redis->ask('DEL', counter('ACME01'));
    $redis->ask('RPUSH', counter('ACME01'), 1);
    is ask($h, 'ACME01')->{status}, 200, 'something else than a text';
    $redis->ask('DEL', counter('ACME01'));
    $redis->ask('SET', counter('ACME01'), 5);
    is statuses(map { ask($h, 'ACME01') } 1 .. 2), '200:2', 'a number without an end';
    is $redis->ask('GET', counter('ACME01')), 7, '... is counted on';
    my $left = $redis->ask('PTTL', counter('ACME01'));
    ok $left > 0 && $left <= 60_000, '... and has an end then' or diag $left;
    is scalar(() = slurp($h->{error_log}) =~ /KISS0765/g), 1, 'that is said once a minute';
    $h->log_ok(qr/KISS0765/);
};

subtest 'a server that evicts keys' => sub {
    for my $case (['100mb', 'allkeys-lru', 1], ['100mb', 'noeviction', 0], ['0', 'allkeys-lru', 0]) {
        my ($memory, $policy, $said) = @$case;
        my $other = KissTest::Redis->start(maxmemory => $memory, 'maxmemory-policy' => $policy);
        my ($h) = hosts($other->{url});
        ok wait_until(20, sub { slurp($h->{error_log}) =~ /KISS0766/ }), 'a warning after the start' if $said;
        is statuses(map { ask($h, 'ACME01') } 1 .. 2), '200:2', "maxmemory $memory, $policy: requests";
        is scalar(() = slurp($h->{error_log}) =~ /KISS0766: Redis at \S+ has maxmemory-policy $policy: /g), $said, $said ? '... a warning' : '... no warning';
        $h->log_ok($said ? qr/KISS0766/ : ());
    }
};

subtest 'TLS' => sub {
    my $dir = tempdir_here();
    KissTest::Redis::certificates($dir);
    my $port = KissTest::Httpd::free_port();
    my $tls = KissTest::Redis->start('tls-port' => $port, 'tls-cert-file' => "$dir/server.crt", 'tls-key-file' => "$dir/server.key",
        'tls-ca-cert-file' => "$dir/ca.crt", 'tls-auth-clients' => 'optional');
    for my $name ('127.0.0.1', 'localhost') {
        $tls->ask('FLUSHALL');
        my ($h) = hosts("rediss://$name:$port ca=$dir/ca.crt");
        is statuses(map { ask($h, 'ACME01') } 0 .. 2), '200:3', "requests, by $name";
        is $tls->ask('GET', counter('ACME01')), 4, '... are counted over TLS';
        $h->log_ok;
    }
    $tls->ask('CONFIG', 'SET', 'tls-auth-clients', 'yes');
    $tls->ask('FLUSHALL');
    my ($h) = hosts("rediss://127.0.0.1:$port ca=$dir/ca.crt cert=$dir/other.crt key=$dir/other.key");
    is ask($h, 'ACME01')->{status} . $tls->ask('GET', counter('ACME01')), '2002', 'with a certificate for the server';
    $tls->ask(qw(CLIENT KILL TYPE normal));
    is ask($h, 'ACME01')->{status} . $tls->ask('GET', counter('ACME01')), '2003', 'a connection that was closed is replaced';
    $h->log_ok;
    my %refused = (
        # In TLS 1.3 the server looks at it after the client has begun to speak: its alert may be lost with the connection.
        'no certificate' => ["rediss://127.0.0.1:$port ca=$dir/ca.crt", qr/TLS fails|closed the connection|Connection reset/],
        'another authority' => ["rediss://127.0.0.1:$port ca=$dir/unknown.crt", qr/certificate is refused: /],
        'no authority of ours' => ["rediss://127.0.0.1:$port", qr/certificate is refused: /],
        'another name' => ["rediss://[::1]:$port ca=$dir/ca.crt", qr/certificate is refused: IP address mismatch|refused/],
        'no TLS at all' => ["rediss://127.0.0.1:$tls->{port} ca=$dir/ca.crt", qr/TLS fails: |timed out|closed/],
        'not over TLS' => ["redis://127.0.0.1:$port", qr/does not count \((?:the server closed|Connection reset|[^)]*closed|Protocol error)/],
    );
    mkdir "$dir/more";
    KissTest::Redis::certificates("$dir/more");
    rename "$dir/more/ca.crt", "$dir/unknown.crt" or die;
    for my $name (sort keys %refused) {
        my ($place, $why) = @{ $refused{$name} };
        my ($other) = hosts($place);
        is ask($other, 'ACME01')->{status}, 200, "$name: a request";
        like slurp($other->{error_log}), qr/KISS0763.*$why/, '... is counted by the host, and the log says why';
        $other->log_ok(qr/KISS0763/);
    }
    my $wrong = KissTest::Redis->start('tls-port' => KissTest::Httpd::free_port(), port => 0, 'tls-cert-file' => "$dir/other.crt", 'tls-key-file' => "$dir/other.key",
        'tls-ca-cert-file' => "$dir/ca.crt", 'tls-auth-clients' => 'no');
    my ($mistaken) = hosts("rediss://localhost:$wrong->{arguments}[1] ca=$dir/ca.crt");
    is ask($mistaken, 'ACME01')->{status}, 200, 'a server with the certificate of another one';
    like slurp($mistaken->{error_log}), qr/KISS0763.*certificate is refused: hostname mismatch/i, '... is not used';
    is $wrong->ask('KEYS', '*'), '', '... and has been told nothing';
    $mistaken->log_ok(qr/KISS0763/);
};

subtest 'Valkey' => sub {
    my %programs = KissTest::Redis::programs();
    plan skip_all => 'no valkey-server' if !$programs{valkey};
    my $valkey = KissTest::Redis->start(program => 'valkey');
    my @h = hosts($valkey->{url});
    bearer($_, 'ACME01') for @h;
    is statuses(map { ask($h[$_ % 2], 'ACME01') } 0 .. 69), '200:58 429:12', 'a limit is exact over hosts';
    is $valkey->ask('GET', counter('ACME01')), 72, 'all were counted there';
    $_->log_ok for @h;
};

subtest 'the account of doc/several-hosts.md' => sub {
    my $kss = new_database('store_acl', api => 'kss');
    import_kss($kss, top() . '/sql/sample-kss');
    my $kss_key = issue_kss_key(type => 'employee', user => 1);
    my ($line) = slurp(top() . '/doc/several-hosts.md') =~ /^ +user (kiss on >PASSWORD .+)$/m;
    my $other = KissTest::Redis->start(requirepass => 'for all');
    $other->{password} = 'for all';
    is $other->ask(map { $_ eq '>PASSWORD' ? '>its-own' : $_ } qw(ACL SETUSER), split ' ', $line), 'OK', 'is made';
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
