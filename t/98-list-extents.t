#!/usr/bin/perl
# A long list that was derived from an earlier version is stored as references to that one's file and what is different. Every client
# gets the same bytes as of a list that was read whole, and a file whose base is gone or damaged is never sent.
# SPDX-License-Identifier: Apache-2.0
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Compress::Zlib qw(memGunzip);
use JSON::PP ();
use KissTest;
use KissTest::Database;
use KissTest::Lists;
use KissTest::Load;
use KissTest::SlowClient;
use Test::More;

my $server = KissTest::Database->start;
my $db = new_database('extents', server => $server);
import_sample($db);
grow($server, $db, 4000);
my %key = (ACME01 => issue_key('ACME01'));
# Undocumented: bytes are compared here; to look at the members of long lists is the matter of others.
my @serve = (processes => 1, modules => [], log_level => 'info kiss:debug', undocumented => 1);
my $h = serve_lists(\%key, @serve);
my $whole = serve_lists(\%key, modules => [], undocumented => 1);
my $seed = $ENV{KISS_TEST_SEED} || 20261130;
srand $seed;
note "seed $seed";

# change(@numbers): the texts of these products, in one statement.
my $version = 0;
sub change {
    my $skus = join ', ', map { sprintf "'ZZ%08d'", $_ } @_;
    $version++;
    return sql($db, "UPDATE product SET name = CONCAT('Version ', $version, REPEAT('x', $version % 7)) WHERE sku IN ($skus)");
}

# expected: the list as it is now, read whole.
sub expected {
    unlink glob folder($whole) . '/*@*';
    return ask_list($whole, '/products');
}

# is_same($res, $name): asks nothing; the answer is what it must be now.
sub is_same {
    my ($res, $name, $expected) = @_;
    $expected //= expected();
    is $res->{headers}{etag}, $expected->{headers}{etag}, "$name: the ETag";
    return ok $res->{content} eq $expected->{content}, '... and the bytes of a list that was read whole';
}

# stored($res): the file of an answer: its bytes, its own part of the list, its number of extents, and the name of its base.
sub stored {
    my ($res) = @_;
    my $file = slurp(path_of($h, $res));
    my ($magic, $size, $label, $chunks, $crc, $extents) = unpack 'a8 Q L L L L', substr $file, -32;
    my ($base) = $file =~ /\nBase: ([^\n]+)\n/;
    return { size => $size, extents => $extents, base => $base, own => length($file) - 32 - $label - 24 * ($chunks + $extents) };
}
sub base_path { my ($res) = @_; return folder($h) . '/' . stored($res)->{base} . '.json' }

my $first = ask_list($h, '/products');
is fate($h, $first), 'built', 'a long list is read';
cmp_ok length $first->{content}, '>', 2_000_000, '... of more than 2 MB';
is stored($first)->{extents}, 0, '... and stored in one piece';

# patched($name, @products): the list after a change.
sub patched {
    my ($name, @products) = @_;
    change(@products);
    my $res = ask_list($h, '/products');
    is fate($h, $res), 'patched', "$name: patched";
    is_same($res, $name);
    return $res;
}

subtest 'what is stored' => sub {
    my $one = patched('one change', 2000);
    my $file = stored($one);
    is $file->{base} . '.json', path_of($h, $first) =~ s{.*/}{}r, 'it refers to the version before';
    is $file->{extents}, 4, 'what precedes the change, the change, what follows, and the end';
    my ($row) = $one->{content} =~ /^(\{"SKU":"ZZ00002000".*\}),$/m;
    is $file->{own}, length(",\n$row]"), "... its own are the row and the end";
    is_deeply kept_parts(path_of($h, $one))->{answer}, $one->{content}, 'together they are the list';
    my $two = patched('one more', 3000);
    is stored($two)->{base}, $file->{base}, 'the next one refers to the same base';
    cmp_ok stored($two)->{own}, '>', $file->{own}, '... and has the first change, too';
    patched("the first and the last", 1, 4000);
    patched('neighbours', 100 .. 130);
    sql($db, "UPDATE product SET status = 'Obsolete' WHERE sku BETWEEN 'ZZ00001000' AND 'ZZ00001050'");
    my $fewer = ask_list($h, '/products');
    is_same($fewer, 'rows that are gone');
    sql($db, "UPDATE product SET status = 'Live' WHERE sku BETWEEN 'ZZ00001000' AND 'ZZ00001050'");
    is_same(ask_list($h, '/products'), 'rows that are back');
};

subtest 'a history' => sub {
    my ($refers, $alone, $last) = (0, 0, '');
    for my $round (1 .. 30) {
        change(map { 1 + int rand 4000 } 0 .. rand 120);
        my $res = ask_list($h, '/products');
        my $file = stored($res);
        $last eq $file->{base} or $alone++ if $file->{extents} && $last;
        $refers++ if $file->{extents};
        $last = $file->{base} if $file->{extents};
        next if $res->{content} eq expected()->{content};
        return fail "round $round, seed $seed";
    }
    cmp_ok $refers, '>', 10, "$refers of 30 refer to another file";
    cmp_ok $alone, '>', 0, "... $alone times to a newer one: when too much was different, all was written again";
};

subtest 'clients' => sub {
    my $now = patched('one change', 2001);
    my $file = stored($now);
    ok $file->{extents}, 'in extents';
    is_same(ask_list($h, '/products'), 'kept');
    my $gzip = ask_list($h, '/products', undef, 'Accept-Encoding' => 'gzip');
    is fate($h, $gzip), 'compressed', 'gzip';
    is memGunzip($gzip->{content}), $now->{content}, '... of it';
    my ($etag, $size) = ($now->{headers}{etag}, length $now->{content});
    my $wrong = 0;
    for (1 .. 40) {
        my $from = int rand $size;
        my $to = $from + int rand($size - $from);
        my $part = ask_list($h, '/products', undef, Range => "bytes=$from-$to", 'If-Range' => $etag);
        $wrong++ if $part->{status} != 206 || $part->{content} ne substr $now->{content}, $from, $to - $from + 1;
    }
    is $wrong, 0, 'ranges';
    my $head = $h->request('HEAD', '/products', Authorization => $h->{bearer}{ACME01});
    is $head->{headers}{'content-length'}, $size, 'HEAD';

    my $before = $now->{headers}{etag};
    change(2002, 17, 3999);
    my $delta = ask_list($h, '/products', undef, 'If-None-Match' => $before, 'A-IM' => 'sku-delta');
    is $delta->{status}, 226, 'the changes' or return;
    my $changed = JSON::PP::decode_json($delta->{content})->{changed};
    is_deeply [map { $_->{SKU} } @$changed], [qw(ZZ00000017 ZZ00002002 ZZ00003999)], '... of both versions in extents';
    is_same(ask_list($h, '/products'), 'the list');

    my @slow = map { slow_get($h, '/products', Authorization => $h->{bearer}{ACME01}) } 1 .. 6;
    my @got = map { read_some($_, 1024) } @slow;
    my $expected = expected();
    for my $i (0 .. $#slow) {
        my (undef, $body) = split /\r\n\r\n/, $got[$i] . read_rest($slow[$i]), 2;
        ok $body eq $expected->{content}, "slow reader $i";
    }
    $h->log_ok;
};

# Compressed lists refer to an earlier compressed one, and have the bytes that they have without it.
subtest 'compressed' => sub {
    my $ask = sub { my ($server, @more) = @_; return ask_list($server, '/products', undef, 'Accept-Encoding' => 'gzip', @more) };
    my $fresh = sub { expected(); return $ask->($whole) };
    my $last = $ask->($h);
    my $base = stored($last)->{extents} ? stored($last)->{base} : path_of($h, $last) =~ s{.*/|\.json\z}{}gr;
    for my $products ([11], [12], [ 11, 3000 ]) {
        change(@$products);
        $last = $ask->($h);
        is fate($h, $last), 'patched', "after a change of @$products";
        ok $last->{content} eq $fresh->()->{content}, '... the bytes of a list that was compressed whole';
        my $file = stored($last);
        is $file->{base}, $base, '... which refer to those of before';
        cmp_ok $file->{own}, '<', $file->{size} / 4, "... $file->{own} bytes are its own";
    }
    is memGunzip(my $copy = $last->{content}), expected()->{content}, '... of the list';
    my $part = $ask->($h, Range => 'bytes=1000-60000');
    ok $part->{content} eq substr($last->{content}, 1000, 59_001), 'a range';
    for my $config ('', "EnableMMAP Off\n") {
        my $again = serve_lists(\%key, @serve, cache => $h->{cache}, config => $config);
        my $res = $ask->($again);
        is fate($again, $res), 'hit', "another server finds it $config";
        ok $res->{content} eq $last->{content}, '... in both files';
        $again->log_ok;
    }
    unlink base_path($last) or die $!;
    my $res = $ask->($h);
    is fate($h, $res), 'compressed', 'the base is gone: compressed anew';
    ok $res->{content} eq $last->{content}, '... the same';
    is stored($res)->{extents}, 0, '... in one piece';
    $h->log_ok;
};

subtest 'other processes' => sub {
    my $now = patched('one change', 1234);
    ok stored($now)->{extents}, 'in extents';
    my $again = serve_lists(\%key, @serve, cache => $h->{cache});
    my $res = ask_list($again, '/products');
    is fate($again, $res), 'hit', 'another server finds it';
    is_same($res, '... in its file');
    $again->log_ok;
    my $unmapped = serve_lists(\%key, @serve, cache => $h->{cache}, config => "EnableMMAP Off\n");
    $res = ask_list($unmapped, '/products');
    is fate($unmapped, $res), 'hit', 'without mapping';
    is_same($res, '... from both files');
    my $part = ask_list($unmapped, '/products', undef, Range => 'bytes=1000000-1500000');
    ok $part->{content} eq substr($now->{content}, 1_000_000, 500_001), '... a range, too';
    change(1235);
    is_same(ask_list($unmapped, '/products'), '... the next version');
    $unmapped->log_ok;
    like kissctl_ok(qw(snapshot list --check --cache-dir), $h->{cache}), qr/\S/, 'kissctl finds them sound';
};

subtest 'without its base' => sub {
    my $now = patched('one change', 77);
    ok stored($now)->{extents}, 'in extents' or return;
    unlink base_path($now) or die $!;
    my $res = ask_list($h, '/products');
    like fate($h, $res), qr/\A(?:built|patched)\z/, 'the base is gone: made anew';
    is_same($res, '... the same list');
    ok kept_parts(path_of($h, $res)), '... and complete';
    $h->log_ok;

    $now = patched('one change', 78);
    my $base = base_path($now);
    my $text = slurp($base);
    substr($text, 5000, 1) =~ tr/a-zA-Z0-9/b-zaB-ZA1-90/;
    spew($base, $text);
    $h->restart;
    $res = ask_list($h, '/products');
    like fate($h, $res), qr/\A(?:built|patched)\z/, 'the base is damaged: made anew';
    is_same($res, '... the same list');
    ok kept_parts(path_of($h, $res)), '... and complete';
    $h->log_ok(qr/KISS0608/);

    $now = patched('one change', 79);
    my $path = path_of($h, $now);
    $text = slurp($path);
    substr($text, stored($now)->{own} - 100, 1) ^= "\1";
    spew($path, $text);
    $h->restart;
    $res = ask_list($h, '/products');
    like fate($h, $res), qr/\A(?:built|patched)\z/, 'its own file is damaged: made anew';
    is_same($res, '... the same list');
    $h->log_ok(qr/KISS0608/);
};

subtest 'a small cache' => sub {
    my $small = serve_lists(\%key, @serve, config => "KissCacheSize 4\n");
    ask_list($small, '/products');
    change(500);
    my $res = ask_list($small, '/products');
    is fate($small, $res), 'patched', 'where few lists fit';
    is_same($res, '... the same list');
    cmp_ok -s kept_file(folder($small), $res->{headers}{etag} =~ /"(.*)"/), '>', length $res->{content}, '... it needs no other file';
    $small->log_ok;
};

# The rows of a SKU are in one range: what replaces some of them replaces all.
subtest 'several rows of a SKU' => sub {
    sql($db, <<'SQL');
INSERT INTO product (sku, name, status) SELECT CONCAT('#', LPAD(seq, 4, '0')), 'n', 'Live' FROM seq_1_to_9;
DELETE FROM price WHERE price_list_code = 'UKTRADE';
INSERT INTO price (price_list_code, sku, moq, unit_price) SELECT 'UKTRADE', sku, moq.seq, 1 FROM product JOIN seq_1_to_3 moq;
SQL
    my $n = 0;
    my $price = sub { my ($sku, @moq) = @_; $n++; sql($db, "UPDATE price SET unit_price = $n WHERE price_list_code = 'UKTRADE' AND sku = '#000$sku'" . (@moq ? ' AND moq IN (' . join(',', @moq) . ')' : '')) };
    my @paths = ('/prices', '/prices.ndjson', '/prices.csv');
    ask_list($h, $_) for @paths;
    my %wrong;
    my $compare = sub {
        my ($name) = @_;
        for my $path (@paths) {
            my $res = ask_list($h, $path);
            unlink glob folder($whole) . '/*@*';
            $wrong{"$path after $name"}++ if $res->{content} ne ask_list($whole, $path)->{content};
        }
    };
    for my $step (['a later one', 3], ['the first one', 1], ['one row of it', 1, 2], ['a later one again', 4], ['the last row of the first one', 1, 3]) {
        my ($name, @what) = @$step;
        $price->(@what);
        $compare->($name);
    }
    is_deeply [sort keys %wrong], [], 'changed';
    sql($db, "DELETE FROM price WHERE price_list_code = 'UKTRADE' AND sku = '#0001'");
    $compare->('the first one is removed');
    $price->(2);
    $compare->('the one that is first now');
    sql($db, "INSERT INTO price (price_list_code, sku, moq, unit_price) SELECT 'UKTRADE', '#0001', seq, 1 FROM seq_1_to_3");
    $compare->('another first one');
    $price->(2);
    $compare->('the one that is second now');
    is_deeply [sort keys %wrong], [], 'removed and added at the beginning';
    for my $round (1 .. 60) {
        my $sku = 1 + int rand 9;
        my $what = int rand 4;
        my $where = "price_list_code = 'UKTRADE' AND sku = '#000$sku'";
        $what == 0 ? sql($db, "DELETE FROM price WHERE $where")
            : $what == 1 ? sql($db, "DELETE FROM price WHERE $where; INSERT INTO price (price_list_code, sku, moq, unit_price) SELECT 'UKTRADE', '#000$sku', seq, $round FROM seq_1_to_3")
            : $price->($sku, $what == 2 ? 1 + int rand 3 : ());
        $compare->("round $round") if rand() < 0.7;
    }
    is_deeply [sort keys %wrong], [], "sixty steps at the beginning (seed $seed)";
};

done_testing;
