# Kept lists, with files mapped into memory and without: any range gives just these bytes, absurd ranges and tags a defined answer.
# SPDX-License-Identifier: Apache-2.0
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use KissTest;
use KissTest::Load;
use Test::More;

my $db = new_database('bytes');
import_sample($db);
my $key = issue_key('ACME01');
srand($ENV{KISS_TEST_SEED} || 20261121);

# parts($res): the parts of a multipart/byteranges answer: [first, last, length of all, bytes].
sub parts {
    my ($res) = @_;
    my ($boundary) = ($res->{headers}{'content-type'} || '') =~ m{\Amultipart/byteranges; boundary=(\S+)\z} or return;
    my @parts = split /\r\n--\Q$boundary\E(?:--)?\r\n/, "\r\n" . substr $res->{content}, index($res->{content}, "--$boundary");
    return map { /\A.*?Content-range: bytes (\d+)-(\d+)\/(\d+)\r\n\r\n(.*)\z/si ? [$1, $2, $3, $4] : () } @parts;
}

for my $mmap (qw(On Off)) {
    my $h = start_httpd(processes => 2, threads => 8, config => "EnableMMAP $mmap\n");
    my @auth = (Authorization => 'Bearer ' . $h->token('ACME01', $key));
    my $ask = sub { return $h->get(shift, @auth, @_) };

    subtest "EnableMMAP $mmap: ranges" => sub {
        for my $list (qw(/products /stock /prices)) {
            my $whole = $ask->($list);
            my ($all, $size) = ($whole->{content}, length $whole->{content});
            my $wrong = 0;
            for (1 .. 40) {
                my ($a, $b) = sort { $a <=> $b } map { int rand $size } 1, 2;
                my $res = $ask->($list, Range => "bytes=$a-$b");
                $wrong++ if $res->{status} != 206 || $res->{content} ne substr $all, $a, $b - $a + 1;
            }
            is $wrong, 0, "$list: any part is that part";
            is $ask->($list, Range => 'bytes=-1')->{content}, ']', 'the last byte';
            is $ask->($list, Range => 'bytes=0-0')->{content}, '[', 'the first';
            my $res = $ask->($list, Range => "bytes=9-20,100-110,-5");
            is $res->{status}, 206, 'several';
            my @parts = parts($res);
            is_deeply [map { [@$_[0 .. 2]] } @parts], [[9, 20, $size], [100, 110, $size], [$size - 5, $size - 1, $size]], '... are these';
            is $_->[3], substr($all, $_->[0], $_->[1] - $_->[0] + 1), '... with their bytes' for @parts;
            is $ask->($list)->{content}, $all, 'and the whole is as it was';
        }
    };

    subtest "EnableMMAP $mmap: absurd ranges" => sub {
        my $whole = $ask->('/prices');
        my ($all, $size) = ($whole->{content}, length $whole->{content});
        for my $range (
            'bytes=', 'bytes=-', 'bytes=a-b', 'bytes=5-2', 'bytes=-0', 'bytes=0x1-0x2', "bytes=$size-", 'bytes=99999999999999999999-',
            'bytes=0-99999999999999999999', 'bytes=-99999999999999999999', 'lines=1-2', 'bytes=0-0,5-2', '1-2', 'bytes 1-2', 'bytes=1-2;3-4',
            'bytes=' . join(',', ('0-') x 1000), 'bytes=' . join(',', map { "$_-$_" } 1 .. 1000), 'bytes=' . join(',', ("0-$size") x 200)
        ) {
            my $res = $ask->('/prices', Range => $range);
            my $name = substr $range, 0, 40;
            if ($res->{status} == 206) {
                my @parts = parts($res);
                my ($a, $b) = ($res->{headers}{'content-range'} || '') =~ /\Abytes (\d+)-(\d+)\/$size\z/;
                @parts = [$a, $b, $size, $res->{content}] if defined $a;
                my $right = grep { $_->[2] == $size && $_->[3] eq substr $all, $_->[0], $_->[1] - $_->[0] + 1 } @parts;
                ok @parts && $right == @parts, "$name: 206, " . @parts . ' parts with their bytes';
            }
            else {
                ok $res->{status} == 416 || ($res->{status} == 200 && $res->{content} eq $all), "$name: $res->{status}";
            }
        }
    };

    subtest "EnableMMAP $mmap: absurd tags" => sub {
        my $whole = $ask->('/prices');
        my ($tag) = $whole->{headers}{etag} =~ /"(.*)"/;
        my @thousand = map {"\"t$_\""} 1 .. 999;
        is $ask->('/prices', 'If-None-Match' => join ',', @thousand)->{content}, $whole->{content}, 'a thousand others';
        is $ask->('/prices', 'If-None-Match' => join ',', @thousand, "\"$tag\"")->{status}, 304, 'a thousand and this one';
        is $ask->('/prices', 'If-None-Match' => $_)->{content}, $whole->{content}, "If-None-Match: $_"
            for '"', '""', $tag, "\"$tag", "\"x$tag\"", "\"${tag}x\"", "\"$tag-gzip-gzip\"", 'W/', ',,,', "'$tag'", '"' . ('x' x 4000) . '"';
        is $ask->('/prices', 'If-None-Match' => $_)->{status}, 304, "If-None-Match: $_" for '*', "W/\"$tag\"", "\"$tag-gzip\"", qq("a" , "$tag");
        is $ask->('/prices', 'If-Match' => '"other"')->{status}, 412, 'If-Match with another';
        is $ask->('/prices', 'If-Match' => "\"$tag\"")->{content}, $whole->{content}, 'If-Match with this one';
        is $ask->('/prices', Range => 'bytes=0-9', 'If-Range' => $_)->{content}, $whole->{content}, "If-Range: $_"
            for '"', 'x', "W/\"$tag\"", "\"$tag-gzip\"", 'Sat, 01 Jan 2000 00:00:00 GMT';
    };

    subtest "EnableMMAP $mmap: changes" => sub {
        my $old = $ask->('/stock');
        sql($db, "UPDATE stock SET available_qty = available_qty + 1");
        my $new = $ask->('/stock');
        my $res = $ask->('/stock', 'A-IM' => 'sku-delta', 'If-None-Match' => $old->{headers}{etag});
        is $res->{status}, $mmap eq 'On' ? 226 : 200, $mmap eq 'On' ? 'changes' : 'the whole list, where files cannot be compared';
        is $res->{headers}{etag}, $new->{headers}{etag}, '... as it is now';
        ok $mmap eq 'On' || $res->{content} eq $new->{content}, '... all of it';
    };
    $h->log_ok;
}
done_testing;
