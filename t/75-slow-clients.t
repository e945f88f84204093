# Clients that read slowly, or go away: they hold no database connection, others do not wait for them, and nothing of
# them is left.
# SPDX-License-Identifier: Apache-2.0
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use IO::Socket::INET;
use KissTest;
use KissTest::Load;
use KissTest::SlowClient;
use Test::More;
use Time::HiRes qw(sleep time);

# Only event has more connections than threads.
my $is_event = ($ENV{KISS_TEST_MPM} || 'event') eq 'event';
my $readers = $is_event ? 200 : 40;
my $server = KissTest::Database->start;
my $db = new_database('slow', server => $server);
import_sample($db);
grow($server, $db, 9000);
my $key = issue_key('ACME01');
my $keep = 1;

# A slow reader may keep a thread of httpd (over TLS, and with other MPMs than event), never a connection to the database.
my $h = start_httpd(pool => "keep=$keep max=4 wait=10s timeout=20s", processes => 2, threads => 24,
    config => "Timeout 60\n" . ($is_event ? "AsyncRequestWorkerFactor 20\n" : ''));
my $bearer = 'Bearer ' . $h->token('ACME01', $key);
my $good = fetch($h, '/products', Authorization => $bearer);
is $good->{status}, 200, 'a large answer';
cmp_ok length $good->{content}, '>', 5_000_000, '... larger than what the kernel buffers';

# Spool files in the directory, and files below it that are open in a child and have no name there: spools, and snapshots that
# were removed. Snapshots that are there stay mapped for a while, whoever reads them.
sub spools {
    my @left = grep {/spool/} glob "$h->{root}/cache/* $h->{root}/cache/snapshots/*";
    my @open = grep { (readlink($_) || '') =~ m{/cache/.*\(deleted\)} } map { glob "/proc/$_/fd/*" } $h->children;
    return @left + @open;
}

# Answers of which httpd has given the kernel more than the reader has room for.
sub unsent {
    my $local = sprintf '0100007F:%04X', $h->{port};
    return scalar grep { my @f = split; $f[1] eq $local && $f[4] =~ /\A([0-9A-F]{8}):/ && hex $1 } split /\n/,
        slurp('/proc/net/tcp');
}

sub busy { return connections($server, "command <> 'Sleep'") }
sub transactions {
    return ($server->sql(undef, 'SELECT COUNT(*) FROM information_schema.innodb_trx t JOIN'
                . " information_schema.processlist p ON p.id = t.trx_mysql_thread_id WHERE p.user = 'kiss'"))[0][0];
}

my @slow = map { slow_get($h, '/products', Authorization => $bearer) } 1 .. $readers;
my @got = map { read_some($_, 1024) } @slow;
is scalar(grep { /\AHTTP\/1\.1 200 / } @got), $readers, "$readers slow readers, each with the begin of its answer";
# A kilobyte more for each of them, again and again.
for (1 .. 4) { $got[$_] .= read_some($slow[$_], 1024) for 0 .. $#slow }
cmp_ok unsent(), '>', $readers / 2, 'most of their answers wait';
is spools(), 0, '... in one file for all of them';
is busy(), 0, 'no connection is busy';
is transactions(), 0, 'no transaction is open';
my $most = ($ENV{KISS_TEST_MPM} || '') eq 'prefork' ? 2 * 24 : 2 * 4;   # each process has its own
ok wait_until(5, sub { connections($server) <= $most }), 'not more connections than max= allows';

# Others go on, at their usual speed.
my @others = parallel(3, sub {
    return [map { my $t = time; [fetch($h, $_, Authorization => $bearer)->{status}, time - $t] }
            qw(/prices /stock /health /stock)];
});
is scalar(grep { $_->[0] != 200 } map {@$_} @others), 0, 'others are served meanwhile';
my ($longest) = sort { $b <=> $a } map { $_->[1] } map {@$_} @others;
cmp_ok $longest, '<', 3, "... without delay ($longest s)";

# What they read is decided: neither a change nor the end of all connections disturbs it.
$server->sql($db, "UPDATE product SET name = CONCAT(name, '!') WHERE sku LIKE 'ZZ%'");
kill_connections($server, "user = 'kiss'");
$_ .= read_some($slow[0], 1024) for $got[0];
my $now = fetch($h, '/products', Authorization => $bearer);
isnt $now->{headers}{etag}, $good->{headers}{etag}, 'the content changed';
for my $i (0 .. 2) {
    my $all = $got[$i] . read_rest($slow[$i]);
    my ($head, $body) = split /\r\n\r\n/, $all, 2;
    ok $body eq $good->{content}, "slow reader $i got all of the old content";
    like $head, qr/^ETag: \Q$good->{headers}{etag}\E\r?$/m, '... with its ETag';
}

# The others hang up.
@slow = ();
ok wait_until(15, sub { spools() == 0 }), 'those who go away leave no file open' or diag spools();
is busy(), 0, 'and no busy connection';

# Gone before the answer is there: while it is built.
$server->sql($db, 'UPDATE revision SET n = n + 1');
my $release = hold($server, $db, 'product_image');
my @gone = map { slow_get($h, '/products', Authorization => $bearer) } 1 .. 4;
ok wait_until(10, sub { waiting($server) == 1 }), 'four more wait for their answers, which one of them builds';
@gone = ();
$release->();
ok wait_until(15, sub { busy() == 0 && transactions() == 0 }), 'gone meanwhile: no statement goes on';
ok wait_until(15, sub { spools() == 0 }), '... and no spool is left' or diag spools();

# Gone in the middle of the request.
for my $part ("GET /products HT", "GET /products HTTP/1.1\r\nHost: x\r\nAuthorization: Bea",
    "POST /auth/token HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 99\r\n\r\ngra")
{
    my $s = $h->connect;
    syswrite $s, $part;
    close $s;
}
my $last = fetch($h, '/products', Authorization => $bearer);
is $last->{status}, 200, 'served as ever';
ok $last->{content} eq $now->{content}, '... complete';
cmp_ok connections($server), '<=', 2 * 4, 'connections never exceeded max= of both processes';
$h->log_ok(qr/AH00484/);        # httpd's own word: each thread was at work when all readers came at once
done_testing;
