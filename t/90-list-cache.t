# Whole lists are kept and sent again: to everybody with the same terms, until something in them changes; built once,
# never sent when damaged, removed when there are too many.
# SPDX-License-Identifier: Apache-2.0
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use IO::Uncompress::Gunzip qw(gunzip $GunzipError);
use KissTest;
use KissTest::Lists;
use KissTest::Load;
use Test::More;

my $db = new_database('snapshot');
import_sample($db);
kissctl_ok(qw(customer add TWIN01 --price-list UKTRADE --warehouse UK01 --discount), discount_of($db, 'ACME01'));
my %key = map { $_ => issue_key($_) } qw(ACME01 TWIN01 BEAU02);

sub serve { return serve_lists(\%key, @_) }

subtest 'kept, shared, and left when something changes' => sub {
    my $h = serve();
    my @first = map { ask_list($h, $_) } qw(/products /stock /prices);
    my @again = map { ask_list($h, $_) } qw(/products /stock /prices);
    for my $i (0 .. 2) {
        is $again[$i]{content}, $first[$i]{content}, 'the same content';
        is $again[$i]{headers}{$_}, $first[$i]{headers}{$_}, "... and $_"
            for qw(etag content-length content-type cache-control vary);
        ok -e path_of($h, $first[$i]), '... from the file that the ETag names';
    }
    is fates($h, '/products', 2), 'built hit', 'built once';
    is ask_list($h, '/products', 'TWIN01')->{content}, $first[0]{content}, 'a customer with the same terms';
    is fates($h, '/products', 3), 'built hit hit', '... gets the same file';
    is scalar snapshots($h), 3, 'three lists, three files';
    isnt ask_list($h, '/stock', 'BEAU02')->{content}, $first[1]{content}, 'one with others';
    is fates($h, '/stock', 3), 'built hit built', '... gets its own';

    sql($db, "UPDATE stock SET available_qty = available_qty + 1 WHERE stock_location = 'UK01' LIMIT 1");
    my @changed = map { ask_list($h, $_) } qw(/products /stock /prices);
    isnt $changed[1]{content}, $first[1]{content}, 'a change of the stock is seen at once';
    is $changed[0]{content}, $first[0]{content}, 'and leaves /products';
    is fates($h, '/stock', 4), 'built hit built patched', '/stock is built anew';
    is fates($h, '/products', 4), 'built hit hit hit', '/products is not';
    is fates($h, '/prices', 3), 'built hit hit', 'nor is /prices';
    ask_list($h, '/stock', 'BEAU02');
    is fates($h, '/stock', 5), 'built hit built patched hit', 'nor the stock of another warehouse';
    is ask_list($h, '/stock', undef, 'If-None-Match' => $changed[1]{headers}{etag})->{status}, 304, 'a poll';
    is fates($h, '/stock', 6), 'built hit built patched hit -', '... opens no file';
    $h->log_ok;
};

subtest 'all of a burst wait for one builder' => sub {
    my $h = serve(processes => 4, threads => 8, pool => 'keep=1 max=4');
    my @all = parallel(24, sub { my $res = ask_list($h, '/products'); return "$res->{status} " . length $res->{content} });
    my %seen = map { $_ => 1 } @all;
    is scalar keys %seen, 1, 'all get the same' or diag explain \%seen;
    my @fates = split ' ', fates($h, '/products', 24);
    is scalar(grep { $_ eq 'built' } @fates), 1, 'one of them built it, in whatever process';
    is scalar(grep { $_ eq 'hit' } @fates), 23, 'the others took it';
    $h->log_ok;
};

subtest 'what is damaged is never sent' => sub {
    my $h = serve(processes => 2);
    my $good = ask_list($h, '/prices');
    my $path = path_of($h, $good);
    my $whole = slurp($path);
    is substr($whole, 0, length $good->{content}), $good->{content}, 'the file begins with the answer';
    my %damage = (
        empty => '', 'cut in the middle' => substr($whole, 0, length($whole) / 2),
        'without its last byte' => substr($whole, 0, -1), 'one byte too many' => "${whole}x",
        'one byte altered' => do { my $t = $whole; substr($t, 1000, 1) = substr($t, 1000, 1) eq 'x' ? 'y' : 'x'; $t },
        'another length in the trailer' => do { my $t = $whole; substr($t, -24, 1) = chr(ord(substr $t, -24, 1) ^ 1); $t },
        'something foreign' => '{"error":"no"}' x 10, 'a trailer alone' => substr($whole, -32),
        'one byte of the index altered' => do { my $t = $whole; substr($t, -40, 1) = chr(ord(substr $t, -40, 1) ^ 1); $t },
        'another number of chunks' => do { my $t = $whole; substr($t, -12, 1) = chr(ord(substr $t, -12, 1) ^ 1); $t },
    );
    my $n = 1;
    for my $what (sort keys %damage) {
        # In place and as another file: of the same length, too, the time of change tells.
        for my $how ('written over', 'replaced') {
            unlink $path if $how eq 'replaced';
            spew($path, $damage{$what}, 0600);
            run('chown', 'www-data', $path) if $> == 0;
            my $res = ask_list($h, '/prices');
            is "$res->{status} $res->{headers}{etag}", "200 $good->{headers}{etag}", "$what, $how: 200";
            ok $res->{content} eq $good->{content}, '... and right';
            my $again = -e $path ? kept_parts($path) : undef;
            ok $again && $again->{answer} eq $good->{content}, '... and the file is whole again';
        }
    }
    chmod 0000, $path;
    unlink $path;
    mkdir $path or die "$path: $!";
    my $res = ask_list($h, '/prices');
    ok $res->{status} == 200 && $res->{content} eq $good->{content}, 'a directory of that name does no harm';
    rmdir $path;
    like $h->log_text, qr/KISS0608: the cached list [\w-]{16}\@[\w-]{22} in \S+ \(KissCacheDir\) was damaged and is removed/, 'the log says so';
    $h->log_ok(qr/KISS060[78]/);
};

subtest 'gzip' => sub {
    # Also where mod_deflate is on for everything: it leaves these answers alone.
    my $h = serve(modules => [qw(filter deflate)], processes => 2, config => "SetOutputFilter DEFLATE\n");
    my %gz = ('Accept-Encoding' => 'gzip');
    for my $path (qw(/products /stock /prices)) {
        my $plain = ask_list($h, $path);
        my ($tag) = $plain->{headers}{etag} =~ /\A"([\w-]{22})"\z/;
        my $gztag;
        is $plain->{headers}{'content-encoding'}, undef, "$path as it is";
        for my $time ('first', 'second') {
            my $res = ask_list($h, $path, undef, %gz);
            ($gztag) = $res->{headers}{etag} =~ /\A"(\Q$tag\E-gzip[0-9a-f]{8})"\z/;
            is join(' ', @{ $res->{headers} }{qw(content-encoding content-length)}), 'gzip ' . length $res->{content}, "compressed, the $time time";
            ok $gztag, '... with a strong ETag of its own' or diag $res->{headers}{etag};
            gunzip(\$res->{content} => \my $text) or die $GunzipError;
            ok $text eq $plain->{content}, '... the same content';
            cmp_ok length $res->{content}, '<', length($text) / 3, '... and small';
            like $res->{headers}{vary}, qr/Accept-Encoding/, '... by what the client accepts';
        }
        for my $ask ([ "\"$tag\"", $tag, $tag ], [ "\"$gztag\"", $gztag, $gztag ],
            [ "\"$tag-gzip\"", "$tag-gzip", "$tag-gzip" ], [ "W/\"x\", \"$gztag\", \"y\"", $gztag, $gztag ], [ '*', $tag, $gztag ])
        {
            my $res = ask_list($h, $path, undef, 'If-None-Match' => $ask->[0]);
            is "$res->{status} $res->{headers}{etag}", qq(304 "$ask->[1]"), "$ask->[0]: 304 with the ETag that matched";
            $res = ask_list($h, $path, undef, %gz, 'If-None-Match' => $ask->[0]);
            is "$res->{status} $res->{headers}{etag}", qq(304 "$ask->[2]"), "$ask->[0], gzip: 304 with the ETag that matched";
        }
        is ask_list($h, $path, undef, %gz, 'If-None-Match' => "\"${tag}x-gzip\"")->{status}, 200, 'another tag: 200';
        my $head = $h->request('HEAD', $path, Authorization => $h->{bearer}{ACME01}, %gz);
        is join(' ', $head->{status}, @{ $head->{headers} }{qw(content-encoding etag)}, length($head->{content} // '')),
            qq(200 gzip "$gztag" 0), 'HEAD tells the same';
    }
    is fates($h, '/prices', 15), 'built compressed hit - - - - - - - - - - hit hit', 'compressed once';
    for my $case (
        [ 'gzip;q=0', '' ], [ 'gzip;q=0.5', 'gzip' ], [ 'GZIP', 'gzip' ], [ 'x-gzip', 'gzip' ], [ '*', 'gzip' ], [ '*;q=0', '' ],
        [ 'identity', '' ], [ 'identity;q=0.5, gzip;q=0.4', '' ], [ 'gzip;q=1.0, identity;q=0.5', 'gzip' ], [ 'br, zstd', '' ],
        [ 'deflate, gzip, br', 'gzip' ], [ 'gzipped', '' ], [ 'gzip;q=x', '' ], [ 'gzip;q=2', '' ], [ ',,gzip,', 'gzip' ],
        [ 'identity;q=0', '' ], [ '', '' ], [ 'gzip ; q=0.001', 'gzip' ], [ 'gzip;q=0.000', '' ]
        )
    {
        my ($accept, $coding) = @$case;
        my $res = ask_list($h, '/stock', undef, 'Accept-Encoding' => $accept);
        is $res->{headers}{'content-encoding'} // '', $coding, "Accept-Encoding: $accept";
    }
    my $whole = ask_list($h, '/prices', undef, %gz);
    my $part = ask_list($h, '/prices', undef, %gz, Range => 'bytes=100-199', 'If-Range' => $whole->{headers}{etag});
    is "$part->{status} $part->{content}", '206 ' . substr($whole->{content}, 100, 100), 'a range of the compressed bytes';
    my $plain = ask_list($h, '/prices', undef, Range => 'bytes=100-199', 'If-Range' => $whole->{headers}{etag});
    is $plain->{status}, 200, 'If-Range with the tag of another coding: all of it';

    my ($tag) = $whole->{headers}{etag} =~ /"(.*)"/;
    my $path = kept_file("$h->{root}/cache/snapshots", $tag);
    my $bytes = slurp($path);
    spew($path, substr($bytes, 0, 500) . 'x' . substr($bytes, 501), 0600);
    run('chown', 'www-data', $path) if $> == 0;
    ok ask_list($h, '/prices', undef, %gz)->{content} eq $whole->{content}, 'damaged: never sent';
    ok kept_parts($path)->{answer} eq $whole->{content}, '... made anew, the same bytes';
    $h->log_ok(qr/KISS0608/);
};

subtest 'no more than KissCacheSize' => sub {
    my $h = serve(config => "KissCacheSize 1\n");
    for my $round (1 .. 12) {
        sql($db, 'UPDATE revision SET n = n + 1');
        is ask_list($h, '/products')->{status}, 200, "round $round";
    }
    ok wait_until(5, sub { kept_bytes($h) <= 1024 * 1024 }), 'no more than that is kept' or diag kept_bytes($h);
    cmp_ok scalar(snapshots($h)), '>', 1, 'of the last answers';
    is ask_list($h, '/products')->{status}, 200, 'the last one';
    is((split ' ', fates($h, '/products', 13))[-1], 'hit', '... among them');
    $h->log_ok;
};

subtest 'a directory that is emptied or taken away' => sub {
    my $h = serve();
    my $good = ask_list($h, '/stock');
    unlink snapshots($h), glob "$h->{root}/cache/snapshots/lock.*";
    is ask_list($h, '/stock')->{content}, $good->{content}, 'emptied';
    rename "$h->{root}/cache/snapshots", "$h->{root}/cache/away" or die "rename: $!";
    my $res = ask_list($h, '/stock');
    ok $res->{status} == 503 || $res->{content} eq $good->{content}, 'away: right, or 503';
    rename "$h->{root}/cache/away", "$h->{root}/cache/snapshots" or die "rename: $!";
    is ask_list($h, '/stock')->{content}, $good->{content}, 'and back';
    $h->log_ok(qr/KISS06(?:01|07|12)/);
};

done_testing;
