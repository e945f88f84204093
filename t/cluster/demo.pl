#!/usr/bin/perl
# What doc/several-hosts.md describes, on 127.0.0.1, to try by hand: t/cluster/run --demo starts it.
# SPDX-License-Identifier: Apache-2.0
use strict;
use warnings;
use FindBin;
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
my @h = map {
    my $hosts = join ",", map {"127.0.0.1:$_->{port}"} @node[$_, 1 - $_, 2];
    start_httpd(server => $node[$_], address => "host=$hosts", pool => 'max=8 timeout=15s connect=2s', token_keys => "$dir/token.keys",
        limits => "KissLimit 600 20000\nKissLimitAnonymous 60 2000", config => "KissLimitStore $redis->{url}\n")
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
    option httpchk GET /api/version
    default-server inter 2s
    server one 127.0.0.1:$h[0]{port} check
    server two 127.0.0.1:$h[1]{port} check
CFG
my $haproxy = KissTest::Database::spawn("$dir/haproxy.log", {}, KissTest::Cluster::program('haproxy'), '-db', '-f', "$dir/haproxy.cfg");
END { kill 'TERM', $haproxy if $haproxy }

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

Ask again, and each httpd by itself: the same ETag, and RateLimit counts over both. Kill a node (kill -9 $node[0]{pid}) and ask once more.
Ctrl-C stops everything and removes its data.
TEXT
sleep 1 while kill 0, $haproxy and waitpid($haproxy, 1) == 0;
die "HAProxy has ended:\n" . slurp("$dir/haproxy.log");
