#!/usr/bin/perl
# A list of many chunks, compressed: what each client makes of it, whether it was kept or was sent while it was being made. Chunks that
# a change leaves as they are keep their bytes.
# SPDX-License-Identifier: Apache-2.0
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Digest::SHA qw(sha256_hex);
use IO::Uncompress::Gunzip qw(gunzip $GunzipError);
use KissTest;
use KissTest::Lists;
use KissTest::Load;
use Test::More;

my $server = KissTest::Database->start;
my $db = new_database('chunks', server => $server);
import_sample($db);
grow($server, $db, 6000);
my $h = serve_lists({ ACME01 => issue_key('ACME01') }, processes => 2, log_level => 'info kiss:debug');
my @gz = ('Accept-Encoding' => 'gzip');
my $dir = tempdir_here();

sub compressed { my ($path, @more) = @_; return ask_list($h, $path, undef, @gz, @more) }
sub unpacked { my ($res) = @_; gunzip(\$res->{content} => \my $text) or die $GunzipError; return $text }

my $plain = ask_list($h, '/products');
my $gzip = compressed('/products');
my $digest = sha256_hex($plain->{content});
my $rows = () = $plain->{content} =~ /^\[?\{"SKU":"/mg;
cmp_ok $rows, '>', 6000, 'a long list';
is unpacked($gzip), $plain->{content}, 'the same content';

subtest 'files' => sub {
    my ($list, $coded) = map { kept_parts(path_of($h, $_)) } $plain, $gzip;
    ok $list && $coded, 'both are sound' or return;
    is $list->{answer}, $plain->{content}, 'the list';
    is $coded->{answer}, $gzip->{content}, '... compressed';
    my @chunks = @{ $list->{chunks} };
    cmp_ok scalar @chunks, '>', 50, 'many chunks';
    is_deeply [map { $_->[0] } @{ $coded->{chunks} }], [map { $_->[0] } @chunks], 'the same ones';
    my $at = 0;
    my @begins = map { my $begin = substr $plain->{content}, $at, 3; $at += $_->[0]; $begin } @chunks;
    is substr($plain->{content}, $at), ']', 'all but the end is in them';
    is_deeply [shift(@begins), grep { $_ ne ",\n{" } @begins], ['[{"'], 'each begins with a row';
    my ($least) = sort { $a <=> $b } map { $_->[0] } @chunks[0 .. $#chunks - 1];
    my ($most) = sort { $b <=> $a } map { $_->[0] } @chunks;
    cmp_ok $least, '>=', 11264, '... none is short';
    cmp_ok $most, '<', 65536, '... or longer than its last row makes it';
    my $packed = 0;
    $packed += $_->[1] for @{ $coded->{chunks} };
    cmp_ok length($gzip->{content}) - $packed, '<', 64, 'compressed, they are all but a head and a tail';
};

subtest 'clients' => sub {
    my ($ca, $auth) = ("$h->{root}/server.crt", $h->{bearer}{ACME01});
    my $url = "http://127.0.0.1:$h->{port}/products";
    my %read = (
        'curl --compressed' => ['curl', '-sS', '--compressed', '-H', "Authorization: $auth", $url],
        gunzip => ['sh', '-c', 'curl -sS -H "Authorization: $1" -H "Accept-Encoding: gzip" "$2" | gunzip', 'sh', $auth, $url],
        Python => ['python3', '-c', <<'EOP', $auth, $url],
import gzip, sys, urllib.request
q = urllib.request.Request(sys.argv[2], headers={'Authorization': sys.argv[1], 'Accept-Encoding': 'gzip'})
sys.stdout.buffer.write(gzip.decompress(urllib.request.urlopen(q).read()))
EOP
        'Python, piece by piece' => ['python3', '-c', <<'EOP', $auth, $url],
import sys, urllib.request, zlib
q = urllib.request.Request(sys.argv[2], headers={'Authorization': sys.argv[1], 'Accept-Encoding': 'gzip'})
d = zlib.decompressobj(31)
r = urllib.request.urlopen(q)
while True:
    piece = r.read(1000)
    if not piece:
        break
    sys.stdout.buffer.write(d.decompress(piece))
assert d.eof and not d.unused_data
EOP
        Node => ['node', '-e', <<'EOP', $auth, $url],
const [auth, url] = process.argv.slice(1)
fetch(url, { headers: { Authorization: auth } }).then((r) => r.arrayBuffer()).then((b) => process.stdout.write(Buffer.from(b)))
EOP
        'Node, zlib' => ['node', '-e', <<'EOP', $auth, $url],
const [auth, url] = process.argv.slice(1)
require('http').get(url, { headers: { Authorization: auth, 'Accept-Encoding': 'gzip' } },
  (r) => r.pipe(require('zlib').createGunzip()).pipe(process.stdout))
EOP
        PHP => ['php', '-r', <<'EOP', '--', $auth, $url],
$c = stream_context_create(['http' => ['header' => "Authorization: $argv[1]\r\nAccept-Encoding: gzip\r\n"]]);
echo gzdecode(file_get_contents($argv[2], false, $c));
EOP
        'PHP, piece by piece' => ['php', '-r', <<'EOP', '--', $auth, $url],
$c = stream_context_create(['http' => ['header' => "Authorization: $argv[1]\r\nAccept-Encoding: gzip\r\n"]]);
$in = fopen($argv[2], 'r', false, $c);
$z = inflate_init(ZLIB_ENCODING_GZIP);
while (!feof($in)) {
    echo inflate_add($z, fread($in, 1000));
}
exit(inflate_get_status($z) === ZLIB_STREAM_END ? 0 : 1);
EOP
    );
    for my $kept (1, 0) {
        for my $client (sort keys %read) {
            sql_touch() if !$kept;
            my ($rc, $out, $err) = run({ timeout => 60 }, @{ $read{$client} });
            is "$rc " . sha256_hex($out), "0 $digest", $client . ($kept ? '' : ', while it is made') or diag $err;
        }
    }
};

# Nothing in it has changed, but its ETag has.
sub sql_touch { return $server->sql($db, "UPDATE revision SET n = n + 1 WHERE dataset = 'products'") }

subtest 'a change' => sub {
    my $before = compressed('/products');
    $server->sql($db, "UPDATE product SET name = 'Another name' WHERE sku = 'ZZ00003000'");
    my $after = compressed('/products');
    my $text = unpacked($after);
    isnt $after->{headers}{etag}, $before->{headers}{etag}, 'another list';
    is $text =~ s/("SKU":"ZZ00003000","Name":")Another name/${1}Product 3000/r, $plain->{content}, 'the right one';
    my ($old, $new) = map { my $p = kept_parts(path_of($h, $_)); my $at = 10; [map { my $s = substr $p->{answer}, $at, $_->[1]; $at += $_->[1]; $s } @{ $p->{chunks} }] } $before, $after;
    is scalar @$new, scalar @$old, 'as many chunks';
    is scalar(grep { $new->[$_] ne $old->[$_] } 0 .. $#$new), 2, '... and but two of them have other bytes';
    is last_compressed(), @$new . ' 2', '... which alone were compressed';
    # Over several versions that nobody wanted compressed, and whatever comes or goes at the ends of the list and between chunks.
    my $n = 0;
    for my $sql ("UPDATE product SET name = 'More' WHERE sku IN ('ZZ00000001', 'ZZ00002000')", "DELETE FROM price WHERE sku = 'ZZ00006000'",
        "INSERT INTO product (sku, name) VALUES ('ZZ9', 'Last'), ('0', 'First'); INSERT INTO price (price_list_code, sku, unit_price) VALUES"
        . " ('UKTRADE', 'ZZ9', 1), ('UKTRADE', '0', 1)", "DELETE FROM price WHERE sku BETWEEN 'ZZ00001000' AND 'ZZ00001040'")
    {
        $server->sql($db, $sql);
        is fate($h, ask_list($h, '/products')), 'patched', "changed: $sql";
        next if $n++ % 2 == 0;
        my $made = compressed('/products');
        my ($all, $few) = split / /, last_compressed();
        cmp_ok $few, '<', 12, "... some of $all chunks are compressed";
        is unpacked($made), ask_list($h, '/products')->{content}, '... and the list is right';
        unlink glob folder($h) . '/*-gzip*.json';
        ok compressed('/products')->{content} eq $made->{content}, '... with the bytes that it has when nothing is there to copy from';
        is last_compressed(), "$all $all", '... indeed';
    }
    # Versions go; from a compressed one that is damaged nothing is copied.
    my $made = compressed('/products');
    my $path = path_of($h, $made);
    my $bytes = slurp($path);
    substr($bytes, 5000, 1) ^= 'x';
    spew($path, $bytes, 0600);
    run('chown', 'www-data', $path) if $> == 0;
    sql_touch();
    $made = compressed('/products');
    is unpacked($made), ask_list($h, '/products')->{content}, 'a damaged version is not copied from';
    ok !-e $path, '... but removed';
};

# How many chunks the list had that was compressed last, and how many of them were new.
sub last_compressed {
    my @last;
    wait_until(5, sub { @last = ($h->log_text =~ /KISS0618: products: of (\d+) chunks (\d+) were/g)[-2, -1]; @last });
    return "@last";
}

subtest 'the bytes depend on the list alone' => sub {
    my $one = compressed('/products');
    run('sh', '-c', 'rm -f "$1"/*.json', 'sh', folder($h));
    my $two = compressed('/products');
    is $two->{headers}{etag}, $one->{headers}{etag}, 'made anew: the same ETag';
    ok $two->{content} eq $one->{content}, '... and the same bytes';
};
$h->log_ok(qr/KISS0608/);
done_testing;
