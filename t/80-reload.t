# Graceful reloads under load: no request goes without its answer, counters are kept, nothing grows. And a short look at
# every endpoint under each of httpd's process models.
# SPDX-License-Identifier: Apache-2.0
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use KissTest;
use KissTest::Faults;
use KissTest::Footprint;
use KissTest::Load;
use Test::More;
use Time::HiRes qw(sleep time);

my $db = new_database('reload');
import_sample($db);
my $server = db_server();
my $key = issue_key('ACME01');

# All of the module's connections to this test's database: the server may be shared.
sub in_use { return connections($server, "db = '$db'") }

subtest 'twenty graceful reloads under load' => sub {
    my $processes = 2;
    my $max = 4;
    my $h = start_httpd(pool => "max=$max keep=1", limits => "KissLimit 1000000 10000000\n"
        . "KissLimitAnonymous 1000000 10000000\nKissLoginFailureLimit 1000000");
    my $bearer = 'Bearer ' . $h->token('ACME01', $key);
    my %good = map { $_ => fetch($h, $_, Authorization => $bearer)->{content} } qw(/products /stock /prices);
    # The first reload makes what stays: compare with the state behind it.
    $h->graceful;
    my $before = footprint($h);
    my @paths = sort keys %good;
    my $load = KissTest::Load->start(3, sub {
        my ($i, $n) = @_;
        my $path = $paths[($i + $n) % 3];
        my $res = fetch($h, $path, Authorization => $bearer);
        return { path => $path, status => $res->{status}, good => $res->{content} eq $good{$path} ? 1 : 0,
            left => $res->{headers}{'x-rate-limit-remaining'}, why => substr $res->{content}, 0, 100 };
    });
    my $most = 0;
    for (1 .. 20) {
        $h->graceful;
        my $now = in_use();
        $most = $now if $now > $most;
        sleep 0.25;
    }
    my @seen = $load->finish;
    my @bad = grep { $_->{status} != 200 || !$_->{good} } @seen;
    cmp_ok scalar(@seen), '>', 100, 'there was a load: ' . @seen;
    ok !@bad, 'no request failed' or diag scalar(@bad), ' failed: ', explain [@bad[0 .. ($#bad > 3 ? 3 : $#bad)]];
    is scalar(grep { $_->{seconds} > 5 } @seen), 0, 'none took long';
    cmp_ok $most, '<=', $processes * $max * 2, "connections stay in the budget of two generations: $most";

    # Every request was counted, none of them lost with a generation: token, three reads, the load, this one.
    my $left = fetch($h, '/prices', Authorization => $bearer)->{headers}{'x-rate-limit-remaining'};
    is 10_000_000 - $left, 1 + 3 + @seen + 1, 'the counters went through all reloads';

    ok wait_until(15, sub { scalar(my @c = $h->children) <= $processes }), 'the old generations end';
    ok wait_until(15, sub { in_use() <= $processes * $max }), 'and give their connections back';
    is join(', ', grown($before, footprint($h), 4096)), '', 'nothing of the system is held more than before (4 MB of tolerance for the parent)';
    $h->log_ok;
};

# Processes that wait for the database are in their slots until they are done: without another one (ServerLimit) nobody would answer until then.
subtest 'a reload while requests wait for the database' => sub {
    my $h = start_httpd(pool => 'max=4 timeout=20s', config => "ServerLimit 4\n");
    my @auth = (Authorization => 'Bearer ' . $h->token('ACME01', $key));
    my $release = hold($server, $db, 'stock');
    my @waiting = map { ask_later($h, '/stock', @auth) } 1 .. 8;
    ok wait_until(10, sub { waiting($server) }), 'requests wait for a table';
    $h->graceful;
    is fetch($h, '/.well-known/oauth-authorization-server')->{status}, 200, 'after the reload another one is answered';
    ok waiting($server), '... while they still wait';
    $release->();
    is join(' ', map { $_->()->{status} } @waiting), join(' ', (200) x 8), '... and then they are answered, too';
    $h->log_ok;
};

subtest 'connections kept alive' => sub {
    my $h = start_httpd(config => 'KeepAliveTimeout 20');
    my $bearer = 'Bearer ' . $h->token('ACME01', $key);
    my $good = fetch($h, '/stock', Authorization => $bearer)->{content};
    # HTTP::Tiny takes a new connection when the server closed the old one between two requests.
    my $load = KissTest::Load->start(2, sub {
        my ($i, $n) = @_;
        our $client ||= HTTP::Tiny->new(keep_alive => 1, timeout => 20);
        my $res = $client->get("$h->{url}/stock", { headers => { Authorization => $bearer } });
        return { status => $res->{status}, good => $res->{content} eq $good ? 1 : 0 };
    });
    for (1 .. 5) {
        $h->graceful;
        sleep 0.2;
    }
    my @seen = $load->finish;
    cmp_ok scalar(@seen), '>', 20, 'there was a load: ' . @seen;
    is scalar(grep { $_->{status} != 200 || !$_->{good} } @seen), 0, 'no request failed';
    $h->log_ok;
};

subtest 'signing keys rotated under load' => sub {
    my $dir = tempdir_here();
    my @f = ('--token-keys', "$dir/token.keys");
    kissctl_ok('token-key', 'rotate', @f);
    my $h = start_httpd(token_keys => "$dir/token.keys");
    my $bearer = 'Bearer ' . $h->token('ACME01', $key);
    my $load = KissTest::Load->start(2, sub {
        my ($i) = @_;
        # One has the old token, one gets a new one each time.
        my $b = $i ? $bearer : 'Bearer ' . $h->token('ACME01', $key);
        return { status => fetch($h, '/stock', Authorization => $b)->{status} };
    });
    for (1 .. 4) {
        kissctl_ok('token-key', 'rotate', @f);
        $h->graceful;
        sleep 0.3;
    }
    my @seen = $load->finish;
    cmp_ok scalar(@seen), '>', 20, 'there was a load: ' . @seen;
    # A request on the way while the generations change may meet the other one: a token that only the new one knows.
    is scalar(grep { $_->{status} != 200 } @seen), 0, 'no valid token was refused';
    my $list = JSON::PP->new->decode(kissctl_ok('token-key', 'list', '--json', @f));
    is scalar @$list, 5, 'five keys';
    kissctl_ok('token-key', 'retire', $list->[-1]{KID}, @f);
    $h->graceful;
    is fetch($h, '/stock', Authorization => $bearer)->{status}, 401, 'retired and reloaded: refused at once';
    is fetch($h, '/stock', Authorization => 'Bearer ' . $h->token('ACME01', $key))->{status}, 200, 'a new token works';
    $h->log_ok;
};

# The limit is one for all processes, also while they come and go.
subtest 'the limit over reloads' => sub {
    my $h = start_httpd(limits => "KissLimit 1000 30\nKissLimitAnonymous 1000 1000");
    my $bearer = 'Bearer ' . $h->token('ACME01', $key);
    my %count;
    for my $round (1 .. 8) {
        $count{$_}++ for parallel(5, sub { fetch($h, '/prices', Authorization => $bearer)->{status} });
        $h->graceful;
    }
    is_deeply \%count, { 200 => 29, 429 => 11 }, 'thirty with the token, and no more';
    $h->log_ok;
};

for my $mpm (qw(prefork worker event)) {
    subtest "under $mpm" => sub {
        plan skip_all => "this httpd has no $mpm" if !KissTest::Httpd::load_module("mpm_$mpm")
            || !-e KissTest::Httpd::apxs('LIBEXECDIR') . "/mod_mpm_$mpm.so";
        my $h = start_httpd(mpm => $mpm);
        my $bearer = 'Bearer ' . $h->token('ACME01', $key);
        is $h->get('/health')->{content}, 'Healthy', '/health';
        is $h->get('/api/version')->{content}, '{"apiVersion":"2026-04"}', '/api/version';
        is $h->get('/stock')->{status}, 401, 'no token';
        for my $path (qw(/products /stock /prices /products/schema /stock/schema)) {
            my @all = parallel(4, sub { my $r = $h->get($path, Authorization => $bearer);
                $r->{status} . ' ' . Digest::SHA::sha1_hex($r->{content}) });
            is scalar(grep { $_ eq $all[0] && /\A200 / } @all), 4, "$path, four at once";
        }
        my $res = $h->get('/products', Authorization => $bearer);
        is $h->get('/products', Authorization => $bearer, 'If-None-Match' => $res->{headers}{etag})->{status}, 304, 'not modified';
        is $h->request('HEAD', '/products', Authorization => $bearer)->{headers}{'content-length'},
            length $res->{content}, 'HEAD';
        $h->graceful;
        is $h->get('/products', Authorization => $bearer)->{content}, $res->{content}, 'the same after a reload';
        $h->restart;
        is $h->get('/products', Authorization => $bearer)->{content}, $res->{content}, 'and after a restart';
        $h->log_ok;
    };
}

done_testing;
