# A large list is sent while it is still being built: soon, in chunks, broken off visibly when it cannot be finished. A slow
# or lost client does not disturb the building, and what was built is kept.
# SPDX-License-Identifier: Apache-2.0
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use IO::Uncompress::Gunzip qw(gunzip $GunzipError);
use KissTest;
use KissTest::Load;
use KissTest::SlowClient;
use Test::More;

my $server = KissTest::Database->start;
my $db = new_database('growing', server => $server);
import_sample($db);
grow($server, $db, 25_000);
# Texts that compress little, so that a compressed list has begun long before it is built.
$server->sql($db, 'SET @kiss_bulk = -CONNECTION_ID(); UPDATE product SET description = CONCAT(' . join(', ', map {"SHA2(CONCAT(sku, $_), 512)"} 1 .. 5)
    . ") WHERE sku LIKE 'ZZ%'");
my $key = issue_key('ACME01');
my $log = tempdir_here() . '/access';
my $h = start_httpd(
    pool => 'keep=2 max=3 wait=10s timeout=2s', processes => 2, threads => 24,
    config => qq(LogFormat "%U %>s %{kiss-snapshot}n %{kiss-rows}n" s\nCustomLog "$log" s\n)
);
my @auth = (Authorization => 'Bearer ' . $h->token('ACME01', $key));

sub change { return $server->sql($db, 'UPDATE revision SET n = n + 1') }
sub snapshots { my @files = glob "$h->{root}/cache/snapshots/*.json"; return @files }
sub last_line { my ($n) = @_; my @l; wait_until(5, sub { @l = split /\n/, slurp($log); @l >= $n }); return $l[-1] }

sub rest { my ($s, $got) = @_; return KissTest::Load::answer($got . read_rest($s), '') }

# begin($path, %headers): a connection that has asked, and the first bytes that came.
sub begin {
    my ($path, %headers) = @_;
    my $s = $h->connect;
    syswrite $s, "GET $path HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
        . join('', map {"$_: $headers{$_}\r\n"} sort keys %headers) . "\r\n";
    return ($s, read_some($s, 1000));
}

my $good;

subtest 'sent while it grows' => sub {
    my ($s, $begin) = begin('/products', @auth);
    is scalar(snapshots()), 0, 'the answer begins before the list is kept';
    like $begin, qr/^Transfer-Encoding: chunked\r$/m, 'in chunks';
    unlike $begin, qr/^Content-Length/mi, '... since nobody knows its length';
    like $begin, qr/^ETag: "/m, 'with the ETag';
    $good = rest($s, $begin);
    is $good->{status}, 200, 'whole';
    is scalar(() = $good->{content} =~ /^\[?\{"SKU":"/mg),
        ($server->sql($db, "SELECT COUNT(DISTINCT p.sku) FROM price p JOIN product t ON t.sku = p.sku AND NOT t.is_obsolete"
            . " JOIN customer c ON c.customer_code = 'ACME01' AND c.price_list_code = p.price_list_code"))[0][0], 'all of them';
    like last_line(2), qr{/products 200 built 25\d{3}$}, 'the log has what was done, and the rows';
    my $kept = fetch($h, '/products', @auth);
    is $kept->{headers}{etag}, $good->{headers}{etag}, 'the next one: the same ETag';
    ok $kept->{content} eq $good->{content}, '... the same bytes';
    is $kept->{headers}{'content-length'}, length $good->{content}, '... with its length';
    is $h->get('/products', @auth, 'If-None-Match' => $good->{headers}{etag})->{status}, 304, '... and 304';
};

subtest 'compressed while it grows' => sub {
    change();
    my ($s, $begin) = begin('/products', @auth, 'Accept-Encoding' => 'gzip');
    like $begin, qr/^Transfer-Encoding: chunked\r$/m, 'in chunks';
    like $begin, qr/^Content-Encoding: gzip\r$/m, 'compressed';
    my $res = rest($s, $begin);
    gunzip(\$res->{content}, \my $plain) or die $GunzipError;
    ok $plain eq $good->{content}, 'the same content';
    my $kept = fetch($h, '/products', @auth, 'Accept-Encoding' => 'gzip');
    is $kept->{headers}{etag}, $res->{headers}{etag}, 'the next one: the same ETag';
    like $kept->{headers}{etag}, qr/-gzip[0-9a-f]{8}"/, '... that of the coding';
    ok $kept->{content} eq $res->{content}, '... the same bytes';
};

subtest 'with its length, for those who need it' => sub {
    my $size = length $good->{content};
    change();
    my $res = $h->request('HEAD', '/products', @auth);
    is $res->{headers}{'content-length'}, $size, 'HEAD';
    change();
    $res = $h->get('/products', @auth, Range => 'bytes=100-199');
    is $res->{status}, 206, 'a range';
    ok $res->{content} eq substr($good->{content}, 100, 100), '... is that part';
    change();
    my $s = $h->connect;
    syswrite $s, "GET /products HTTP/1.0\r\nAuthorization: $auth[1]\r\n\r\n";
    my $old = rest($s, '');
    is $old->{headers}{'content-length'}, $size, 'HTTP/1.0';
    ok $old->{content} eq $good->{content}, '... and all of it';
    is fetch($h, '/products', Authorization => 'Bearer ' . $h->token('BEAU02', issue_key('BEAU02')))->{headers}{'transfer-encoding'},
        undef, 'a list of usual size';
};

subtest 'a client that does not read, or goes away' => sub {
    my $before = () = slurp($log) =~ /\n/g;
    change();
    my ($s) = begin('/products', @auth);
    ok fetch($h, '/products', @auth)->{content} eq $good->{content}, 'others have the list while one does not read it';
    is connections($server, "command <> 'Sleep'"), 0, 'and no connection is busy';
    close $s;
    ok wait_until(10, sub { $before + 2 == (() = slurp($log) =~ /\n/g) }), 'it gives up';
    change();
    ($s) = begin('/products', @auth);
    close $s;
    my $kept = fetch($h, '/products', @auth);
    ok $kept->{content} eq $good->{content}, 'what one did not wait for';
    my @lines;
    ok wait_until(10, sub { @lines = split /\n/, slurp($log); @lines == $before + 4 }), '... is there for the next one';
    is scalar(grep {/ built /} @lines[ -2, -1 ]), 1, '... built once' or diag join "\n", @lines[ -2, -1 ];
};

# The database stops while a list is sent. It may have been built by then: it is tried again.
subtest 'broken off when it cannot be finished' => sub {
    for my $coding ('identity', 'gzip') {
        my $broken;
        for my $try (1 .. 10) {
            change();
            my ($s, $begin) = begin('/products', @auth, 'Accept-Encoding' => $coding);
            $server->freeze;
            my $res = rest($s, $begin);
            $server->thaw;
            $broken = $res->{status} == 599;
            last if $broken;
            my $plain = $res->{content};
            gunzip(\$res->{content}, \$plain) if $coding eq 'gzip';
            $plain eq $good->{content} or die "an answer that looks whole is not\n";
        }
        ok $broken, "$coding: there is no last chunk";
        ok wait_until(10, sub { fetch($h, '/products', @auth)->{status} == 200 }), 'then the database is back';
        ok fetch($h, '/products', @auth)->{content} eq $good->{content}, '... and the list whole';
    }
};

# A statement may run for a second, and the one that reads the rows is kept waiting for longer, because nobody takes them.
subtest 'ended by the server in the middle of its rows (max_statement_time)' => sub {
    $server->sql(undef, 'ALTER USER kiss@localhost WITH MAX_STATEMENT_TIME 1');
    kill_connections($server, "user = 'kiss'");
    my ($broken, $tries) = (0, 0);
    while (!$broken && $tries++ < 10) {
        change();
        my ($s, $begin) = begin('/products', @auth);
        kill STOP => $h->children;
        my $in_time = "SELECT 1 FROM information_schema.processlist WHERE user = 'kiss' AND command = 'Execute' AND time_ms < 1100";
        ok wait_until(10, sub { !(() = $server->sql(undef, $in_time)) }), "no statement is in its time any more ($tries)";
        kill CONT => $h->children;
        my $res = rest($s, $begin);
        $broken = $res->{status} == 599;
        $broken || $res->{content} eq $good->{content} or die "an answer that looks whole is not\n";
    }
    ok $broken, 'there is no last chunk';
    like $h->log_text, qr/KISS0253.*error 1969.*max_statement_time/, '... and the operator is told why';
    $server->sql(undef, 'ALTER USER kiss@localhost WITH MAX_STATEMENT_TIME 0');
    kill_connections($server, "user = 'kiss'");
    ok wait_until(10, sub { fetch($h, '/products', @auth)->{content} eq $good->{content} }), 'afterwards the list is whole';
};

is scalar(grep {/spool/} glob "$h->{root}/cache/* $h->{root}/cache/snapshots/*"), 0, 'no spool is left';
$h->log_ok(qr/KISS0(?:210|253|502|810|20[12])/);
done_testing;
