# Clients that read slowly, as many as httpd has threads, each of them the first after a change: only the time of building costs a
# thread, not that of reading (event MPM, plain HTTP). The same for lists that are kept, and for parts of them.
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
use Time::HiRes qw(sleep time);

plan skip_all => 'other MPMs give each connection a thread' if ($ENV{KISS_TEST_MPM} || 'event') ne 'event';

my $threads = 4;
my $server = KissTest::Database->start;
my $db = new_database('readers', server => $server);
import_sample($db);
grow($server, $db, 20_000);
# Compressed, it is large as well.
$server->sql($db, q{SET @kiss_bulk = 1; UPDATE product SET description = CONCAT(SHA2(sku, 512), SHA2(CONCAT(sku, 'x'), 512), SHA2(name, 512), SHA2(CONCAT(name, 'x'), 512))
    WHERE sku LIKE 'ZZ%'});
my $key = issue_key('ACME01');
my $h;

# serve(): a server with few threads and no others in reserve.
sub serve {
    $h = start_httpd(processes => 1, threads => $threads, pool => 'keep=2 max=8 wait=10s timeout=20s',
        config => "Timeout 60\nAsyncRequestWorkerFactor 10\nKeepAlive Off\n", @_);
    return (Authorization => 'Bearer ' . $h->token('ACME01', $key));
}
sub change { $server->sql($db, 'UPDATE revision SET n = n + 1') }

# others($what, %headers): four more requests, one after the other, are answered at once.
sub others {
    my ($what, %headers) = @_;
    my $begin = time;
    my @status = map { fetch($h, $_, %headers)->{status} } qw(/health /api/version /prices /stock);
    is "@status", '200 200 200 200', "$what: others are answered";
    cmp_ok time - $begin, '<', 8, '... at once';
    return;
}

subtest 'each the first after a change' => sub {
    for my $gz ([], ['Accept-Encoding' => 'gzip']) {
        my @auth = serve();
        my (@slow, @got, @kept);
        for (1 .. $threads + 1) {
            change();
            push @slow, slow_get($h, '/products', @auth, @$gz);
            push @got, read_some($slow[-1], 1024);
            # Built by now, or soon; the next change comes after it.
            push @kept, fetch($h, '/products', @auth, @$gz) if $_ <= $threads - 1;
        }
        is scalar(grep {/\AHTTP\/1\.1 200 .*Transfer-Encoding: chunked/s} @got), $threads + 1, "@$gz: " . @slow . ' lists that are sent while they are built';
        others('as many readers as threads, and one', @auth);
        for my $i (0 .. $#slow) {
            my $res = KissTest::Load::answer($got[$i] . read_rest($slow[$i]), '');
            is $res->{status}, 200, "reader $i got all of it" or diag $res->{content};
            next if !$kept[$i];
            is $res->{headers}{etag}, $kept[$i]{headers}{etag}, '... of its time';
            ok $res->{content} eq $kept[$i]{content}, '... every byte';
        }
        $h->log_ok;
    }
};

subtest 'lists that are kept' => sub {
    my @auth = serve();
    fetch($h, '/products', @auth);
    my $whole = fetch($h, '/products', @auth);
    for my $case (['whole'], ['compressed', 'Accept-Encoding' => 'gzip'], ['a part', Range => 'bytes=100-'],
        ['two parts', Range => 'bytes=100-199,5000-']) {
        my ($name, @more) = @$case;
        my $want = fetch($h, '/products', @auth, @more);
        $want = fetch($h, '/products', @auth, @more);
        cmp_ok length $want->{content}, '>', 4_000_000, "$name: larger than what the kernel buffers";
        my @slow = map { slow_get($h, '/products', @auth, @more) } 1 .. $threads + 1;
        my @got = map { read_some($_, 1024) } @slow;
        others("$name: as many readers as threads, and one", @auth);
        # A change does not disturb them, nor that their file is removed.
        if ($name eq 'whole') {
            change();
            unlink glob "$h->{root}/cache/snapshots/*.json";
        }
        my @rest = map { KissTest::Load::answer($got[$_] . read_rest($slow[$_]), '') } 0 .. $#slow;
        is scalar(grep { $_->{status} == $want->{status} && $_->{content} eq $want->{content} } @rest), scalar @slow, '... they got every byte';
        fetch($h, '/products', @auth) if $name eq 'whole';
    }
    $h->log_ok;
};

subtest 'a list that cannot be built to its end' => sub {
    my @auth = serve();
    change();
    my $release = hold($server, $db, 'product_image');
    my $s = slow_get($h, '/products', @auth);
    ok wait_until(10, sub { waiting($server) >= 1 }), 'it is being built';
    kill_connections($server, "user = 'kiss' AND command <> 'Sleep'");
    $release->();
    my $res = KissTest::Load::answer(read_rest($s), '');
    like $res->{status}, qr/\A(?:200|503|599)\z/, 'a whole one, an error, or visibly broken off';
    ok $res->{status} != 200 || $res->{content} =~ /\]\z/, '... never a short one';
    others('afterwards', @auth);
    $h->log_ok(qr/KISS/);
};

subtest 'no descriptor left' => sub {
    my @auth = serve(wrapper => ['sh', '-c', 'ulimit -n 64; exec "$0" "$@"'], pool => 'keep=2 max=2',
        config => "Timeout 60\nKeepAliveTimeout 60\nMaxKeepAliveRequests 0\nAsyncRequestWorkerFactor 20\n");
    fetch($h, '/products', @auth);
    my $whole = fetch($h, '/products', @auth);
    my $say = sub {
        my ($s, $line, @more) = @_;
        my $got = '';
        syswrite $s, join "\r\n", "$line HTTP/1.1", 'Host: localhost', "Authorization: $auth[1]", @more, '', '';
        local $SIG{ALRM} = sub { die "late\n" };
        alarm 20;
        1 while $got !~ /\r\n\r\n/ && sysread $s, $got, 1024, length $got;
        alarm 0;
        return $got;
    };
    my $body = sub {
        my ($s, $got) = @_;
        my ($n) = $got =~ /^Content-Length: (\d+)/mi or return '';
        $got =~ s/.*?\r\n\r\n//s;
        local $SIG{ALRM} = sub { die "late\n" };
        alarm 60;
        1 while length $got < $n && sysread $s, $got, $n - length $got, length $got;
        alarm 0;
        return $got;
    };
    # Three that have asked before, two of them slow; the others stay open until none more fits.
    my @small = map { slow_connection($h, $_) } 4096, 4096, undef;
    like $say->($_, 'HEAD /products'), qr/\AHTTP\/1.1 200 /, 'a connection' for @small;
    my ($child) = $h->children;
    my @open;
    while (@open < 60 && 64 > grep { m{/(\d+)\z} && $1 < 64 } glob "/proc/$child/fd/*") {
        push @open, slow_connection($h);
        $say->($open[-1], 'HEAD /stock');
    }
    my @got = ($say->($small[0], 'GET /products'), $say->($small[1], 'GET /products', 'Range: bytes=0-'));
    like $say->($small[2], 'HEAD /products'), qr/\AHTTP\/1.1 200 /, 'a list that is known is still sent';
    ok $body->($small[$_], $got[$_]) eq $whole->{content}, 'a slow reader gets every byte' for 0, 1;
    $h->log_ok;
};

subtest 'over TLS and with other coders' => sub {
    my @auth = serve(tls => 1);
    change();
    my $first = fetch($h, '/products', @auth);
    my $second = fetch($h, '/products', @auth);
    ok $first->{status} == 200 && $first->{content} eq $second->{content}, 'TLS: built and kept are the same';
    $h->log_ok(qr/AH0190[69]/);
    @auth = serve(modules => [qw(filter deflate)], config => "SetOutputFilter DEFLATE\n");
    my $plain = fetch($h, '/products', @auth);
    my $coded = fetch($h, '/products', @auth, 'Accept-Encoding' => 'gzip');
    gunzip(\$coded->{content} => \my $text) or die $GunzipError;
    ok $text eq $plain->{content}, 'mod_deflate: the same';
    $h->log_ok;
};

done_testing;
