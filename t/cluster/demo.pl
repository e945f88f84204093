#!/usr/bin/perl
# What doc/several-hosts.md describes, on 127.0.0.1, to try by hand: t/cluster/run --demo starts it.
# SPDX-License-Identifier: Apache-2.0
use strict;
use warnings;
use FindBin;
use IO::Socket::INET ();
use lib "$FindBin::Bin/../lib";
use KissTest;
use KissTest::Cluster;
use KissTest::Redis;

die "run t/cluster/run --demo\n" if !KissTest::Cluster::programs();
$| = 1;
my $dir = tempdir_here();
print "Starting three MariaDB nodes ...\n";
my $cluster = KissTest::Cluster->start(3);
my @node = $cluster->nodes;
my $db = new_database('demo', server => $node[0]);
import_sample($db);
my $key = issue_key('ACME01');
my $redis = KissTest::Redis->start;

# One key file for both; each host has another node in front.
kissctl_ok('--token-keys', "$dir/token.keys", 'token-key', 'rotate');
spew("$dir/alive-$_", '') for qw(one two);
chmod 0755, $dir;
my @h = map {
    # What HAProxy asks, as in conf/front/host.conf: a check that nobody's limit counts.
    my $alive = "</Location>\nAlias /kiss-alive $dir/alive-" . (qw(one two))[$_] . "\n<Location /kiss-alive>\nSetHandler none\nRequire all granted\n";
    my $hosts = join ",", map {"127.0.0.1:$_->{port}"} @node[$_, 1 - $_, 2];
    start_httpd(server => $node[$_], address => "host=$hosts", pool => 'max=8 timeout=15s connect=2s', token_keys => "$dir/token.keys",
        modules => ['alias'], location => $alive, limits => "KissLimit 600 20000\nKissLimitAnonymous 60 2000",
        config => "KissLimitStore $redis->{url}\n")
} 0, 1;

my $front = KissTest::Httpd::free_port();
spew("$dir/haproxy.cfg", <<"CFG");
defaults
    mode http
    timeout connect 5s
    timeout client 120s
    timeout server 120s
frontend kiss
    bind 127.0.0.1:$front
    default_backend kiss
backend kiss
    balance roundrobin
    option httpchk GET /kiss-alive
    http-check disable-on-404
    default-server inter 500ms
    server one 127.0.0.1:$h[0]{port} check
    server two 127.0.0.1:$h[1]{port} check
CFG
my $haproxy = KissTest::Database::spawn("$dir/haproxy.log", {}, KissTest::Cluster::program('haproxy'), '-db', '-f', "$dir/haproxy.cfg");
END { kill 'TERM', $haproxy if $haproxy }
# What is printed below can be done at once.
my $end = time + 30;
until (IO::Socket::INET->new(PeerAddr => "127.0.0.1:$front")) {
    die "HAProxy does not start:\n" . slurp("$dir/haproxy.log") if time > $end || waitpid $haproxy, 1;
    select undef, undef, undef, 0.05;
}

my $kissctl = join ' ', 'KISSCTL_DEFAULTS=' . $node[0]->defaults($db), "$ENV{KISS_BUILD}/support/kissctl", '--sql', top() . '/sql', '--token-keys', "$dir/token.keys";
my $nodes = join "\n", map { "    127.0.0.1:$_->{port}   process $_->{pid}, mariadb -S $_->{socket}" } @node;
my $hosts = join "\n", map { "    $_->{url}   process $_->{pid}, configuration $_->{conf}" } @h;
print <<"TEXT";

HAProxy
    http://127.0.0.1:$front
httpd
$hosts
MariaDB, one Galera cluster; the first httpd prefers the first node, the second one the second
$nodes
Redis
    $redis->{url}

    TOKEN=\$(curl -s http://127.0.0.1:$front/auth/token -d grant_type=client_credentials -d client_id=ACME01 \\
        --data-urlencode client_secret=$key | sed 's/.*"access_token":"\\([^"]*\\)".*/\\1/')
    curl -si -H "Authorization: Bearer \$TOKEN" http://127.0.0.1:$front/stock | head -c 900

    $kissctl doctor

Ask again, and each httpd by itself: the same ETag, and RateLimit counts over both. Kill a node (kill -9 $node[0]{pid}) and ask once more. Take a
host out of HAProxy: rm $dir/alive-one (and touch it). What is not here: TLS, accounts of the system, logs; conf/front has the files for that.
Ctrl-C stops everything and removes its data.
TEXT
sleep 1 while kill 0, $haproxy and waitpid($haproxy, 1) == 0;
die "HAProxy has ended:\n" . slurp("$dir/haproxy.log");
