# The same over HTTP/2 and TLS, with curl: whole, compressed, changes only, 304, and a stream that is reset when a list that is sent
# while it is built cannot be finished. By hand: 200 streams of a connection, over TLS (h2) and in the clear (h2c), streams that the client
# resets, GOAWAY, and clients that vanish.
# SPDX-License-Identifier: Apache-2.0
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use IO::Uncompress::Gunzip qw(gunzip $GunzipError);
use KissTest;
use KissTest::H2;
use KissTest::Load;
use Test::More;
use POSIX ();
use Time::HiRes qw(sleep);

plan skip_all => 'mod_http2 is not for prefork' if ($ENV{KISS_TEST_MPM} || '') eq 'prefork';
plan skip_all => 'curl cannot do HTTP/2 here' unless (run(qw(curl --version)))[1] =~ /\bHTTP2\b/;
plan skip_all => 'httpd has no mod_http2 here' unless -e KissTest::Httpd::apxs('LIBEXECDIR') . '/mod_http2.so';

my $server = KissTest::Database->start;
my $db = new_database('http2', server => $server);
import_sample($db);
grow($server, $db, 40_000);
my $key = issue_key('ACME01');
my %other = map { $_ => issue_key($_) } qw(BEAU02 CIRC03);
my $h = start_httpd(tls => 1, modules => ['http2'], config => "Protocols h2 http/1.1\nH2MaxSessionStreams 200\n", processes => 2, threads => 16,
    pool => 'keep=2 max=3 wait=10s timeout=2s');
my $bearer = 'Bearer ' . $h->token('ACME01', $key);
my $dir = tempdir_here();

# curl(%headers): one GET of /products: version, status, headers, content, and curl's exit code.
sub curl {
    my (%headers) = @_;
    spew("$dir/config", join '', map {qq(header = "$_"\n)} "Authorization: $bearer",
        map { my $v = $headers{$_} =~ s/"/\\"/gr; "$_: $v" } sort keys %headers);
    my ($rc) = run({ timeout => 60 }, 'curl', '-sS', '--http2', '--cacert', $h->{ca}, '-K', "$dir/config", '-o', "$dir/body", '-D',
        "$dir/head", "$h->{url}/products");
    my ($version, $status) = slurp("$dir/head") =~ m{\AHTTP/(\S+) (\d+)};
    my %got = map { /\A([\w-]+): (.*?)\r?\z/ ? (lc $1, $2) : () } split /\n/, slurp("$dir/head");
    return { version => $version, status => $status, headers => \%got, content => -e "$dir/body" ? slurp("$dir/body") : '', rc => $rc };
}
sub change { return $server->sql($db, 'UPDATE revision SET n = n + 1') }

my $cold = curl();
is $cold->{version}, 2, 'HTTP/2';
is $cold->{status}, 200, 'a list that is sent while it is built';
is $cold->{headers}{'content-length'}, undef, '... without a length';
is $cold->{rc}, 0, '... to its end';
my $kept = curl();
is $kept->{headers}{'content-length'}, length $cold->{content}, 'as it is kept, with its length';
ok $kept->{content} eq $cold->{content}, '... the same bytes';
is $kept->{headers}{etag}, $cold->{headers}{etag}, '... and ETag';
is curl('If-None-Match' => $kept->{headers}{etag})->{status}, 304, 'unchanged: 304';
for my $what ('compressed while it is kept', 'as that is kept') {
    my $gzip = curl('Accept-Encoding' => 'gzip');
    is $gzip->{headers}{'content-encoding'}, 'gzip', $what;
    gunzip(\$gzip->{content}, \my $plain) or die $GunzipError;
    ok $plain eq $cold->{content}, '... the same';
}
$server->sql($db, "UPDATE product SET name = 'Another name' WHERE sku = 'ZZ00000007'");
my $delta = curl('A-IM' => 'sku-delta', 'If-None-Match' => $kept->{headers}{etag});
is $delta->{status}, 226, 'what has changed';
like $delta->{content}, qr/\A\{"added":\[\],\n"changed":\[\{"SKU":"ZZ00000007","Name":"Another name",[^\n]*\}\],\n"removed":\[\]\}\z/, '... is that';

# The list may have been built by the time that the database stops: it is tried again.
my $broken;
for my $try (1 .. 10) {
    change();
    my $pid = fork;
    die "fork: $!" unless defined $pid;
    if (!$pid) {
        wait_until(5, sub { -s "$dir/body" });
        $server->freeze;
        sleep 4;
        $server->thaw;
        POSIX::_exit(0);
    }
    unlink "$dir/body", "$dir/head";
    $broken = curl();
    waitpid $pid, 0;
    last if $broken->{rc};
}
isnt $broken->{rc}, 0, 'one that cannot be finished: the client sees that';
ok wait_until(10, sub { curl()->{status} == 200 }), 'then the database is back';
is curl()->{rc}, 0, 'and the list whole';
$h->log_ok(qr/KISS0(?:210|502|810|20[12])/);

# Many streams of different callers, streams that the client resets, GOAWAY and clients that vanish, while a list grows: over TLS and
# in the clear.
my $plain = start_httpd(modules => ['http2'], config => "Protocols h2c http/1.1\nH2MaxSessionStreams 200\n", processes => 2, threads => 16,
    pool => 'keep=2 max=3 wait=10s timeout=2s');
for my $s ($h, $plain) {
    subtest $s->{tls} ? 'h2' : 'h2c' => sub {
        my %bearer = (ACME01 => 'Bearer ' . $s->token('ACME01', $key), map { $_ => 'Bearer ' . $s->token($_, $other{$_}) } sort keys %other);
        my %whole = map { $_ => $s->get('/prices', Authorization => $bearer{$_})->{content} } sort keys %other;
        is scalar(keys %{ { reverse %whole } }), 2, 'two customers with prices of their own';
        my @children = sort $s->children;

        my $c = KissTest::H2->new($s);
        my %whose = map { $c->get('/prices', Authorization => $bearer{$_}) => $_ } (sort keys %other) x 100;
        ok $c->read(sub { keys %{ $c->{ended} } == 200 }), '200 streams of a connection';
        is scalar(keys %{ $c->{ended} }), 200, '... end';
        is scalar(grep { $c->{data}{$_} ne $whole{ $whose{$_} } } keys %whose), 0, '... each with the list of its customer';
        $c->close;

        my $list = $s->get('/products', Authorization => $bearer{ACME01})->{content};
        for my $how (qw(reset goaway vanish)) {
            change();
            $c = KissTest::H2->new($s);
            my @streams = map { $c->get('/products', Authorization => $bearer{ACME01}) } 1 .. 4;
            my ($first) = @streams;
            ok $c->read(sub { length $c->{data}{$first} }), "$how: a list begins";
            $c->cancel($first) if $how eq 'reset';
            $c->goaway if $how eq 'goaway';
            if ($how eq 'vanish') {
                $c->close;
            }
            else {
                ok $c->read(sub { !grep { !$c->{ended}{$_} && !exists $c->{reset}{$_} } @streams[1 .. 3] }), '... the other streams end';
            }
            # What has ended is whole, and what was not reset by the client has ended.
            is scalar(grep { $c->{ended}{$_} && $c->{data}{$_} ne $list } @streams), 0, '... none is cut';
            is join(' ', grep { !$c->{ended}{$_} } @streams[1 .. 3]), '', '... or missing' if $how eq 'reset';
            $c->close if $c->{socket};
            ok $s->get('/products', Authorization => $bearer{ACME01})->{content} eq $list, '... and the next one is whole';
        }
        is_deeply [sort $s->children], \@children, 'no process has ended';
        ok wait_until(30, sub { !connections($server, "command = 'Query'") }), 'no connection is busy';
        $s->log_ok(qr/KISS0(?:210|502|20[12])/);
    };
}

done_testing;
