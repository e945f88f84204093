# Two hosts that are not alike: another zlib, clocks that differ, one that has just joined and keeps nothing. Clients are answered by
# either, in turn, and must not notice.
# SPDX-License-Identifier: Apache-2.0
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Compress::Zlib ();
use KissTest;
use KissTest::Faults;
use KissTest::Lists;
use KissTest::Load;
use KissTest::Redis;
use Test::More;

for my $library (qw(otherzlib shiftclock)) {
    plan skip_all => cannot_preload($library) if cannot_preload($library);
}
my $db = new_database('unlike');
import_sample($db);
grow(db_server(), $db, 2000);
my %key = (ACME01 => issue_key('ACME01'));
my $keys = tempdir_here() . '/token.keys';
spew($keys, 'k1 ' . 'A' x 43 . "\n", 0600);
# Issuer and audience as all hosts have them; the harness' ports differ.
my @same = (token_keys => $keys, location => 'KissTokenIssuer https://api.example.com');
my $change = sub { sql($db, "UPDATE stock SET available_qty = available_qty + 1 WHERE stock_location = 'UK01' ORDER BY sku LIMIT 1") };
my $gunzip = sub { my ($bytes) = @_; return Compress::Zlib::memGunzip($bytes) // '' };

subtest 'another zlib' => sub {
    my @h = (serve_lists(\%key, @same), serve_lists(\%key, @same, env => preload('otherzlib')->{env}));
    my @plain = map { ask_list($_, '/stock') } @h;
    is $plain[0]{headers}{etag}, $plain[1]{headers}{etag}, 'lists have the same tag';
    ok $plain[0]{content} eq $plain[1]{content}, '... and the same bytes';
    my @gzip = map { ask_list($_, '/stock', 'ACME01', 'Accept-Encoding' => 'gzip') } @h;
    ok $gzip[0]{content} ne $gzip[1]{content}, 'compressed they have other bytes';
    isnt $gzip[0]{headers}{etag}, $gzip[1]{headers}{etag}, '... and another tag';
    ok $gunzip->($_->{content}) eq $plain[0]{content}, '... of the same content' for @gzip;
    for my $i (0, 1) {
        my $tag = $gzip[$i]{headers}{etag};
        my $same = ask_list($h[1 - $i], '/stock', 'ACME01', 'Accept-Encoding' => 'gzip', 'If-None-Match' => $tag);
        is "$same->{status} $same->{headers}{etag}", "304 $tag", "the tag of host $i is good for 304 at the other one";
        my @range = ('Accept-Encoding' => 'gzip', Range => 'bytes=1000-', 'If-Range' => $tag);
        is ask_list($h[$i], '/stock', 'ACME01', @range)->{status}, 206, '... for a range at its own';
        my $whole = ask_list($h[1 - $i], '/stock', 'ACME01', @range);
        is "$whole->{status} $whole->{headers}{etag}", "200 $gzip[1 - $i]{headers}{etag}", '... and for the whole at the other one';
        ok $whole->{content} eq $gzip[1 - $i]{content}, '... in its own bytes';
        my $wrong = ask_list($h[1 - $i], '/stock', 'ACME01', 'Accept-Encoding' => 'gzip', 'If-Match' => $tag);
        is $wrong->{status}, 412, '... and none for If-Match';
    }
    # A download in pieces that alternates: as often as the other host answers it begins again, and what it ends with is one file.
    for my $coding ('', 'gzip') {
        my ($body, $tag, $n, $begun) = ('', '', 0, 0);
        for my $turn (0 .. 199) {
            my $from = length $body;
            my $res = ask_list($h[$turn / 2 % 2], '/stock', 'ACME01', $coding ? ('Accept-Encoding' => $coding) : (), Range => "bytes=$from-" . ($from + 9_999), $from ? ('If-Range' => $tag) : ());
            $begun++, $body = '' if $res->{status} == 200;
            $body .= $res->{content};
            $tag = $res->{headers}{etag};
            $n++;
            last if $res->{status} == 200 || $res->{headers}{'content-range'} =~ m{-(\d+)/(\d+)} && $1 + 1 == $2;
        }
        is +(($coding ? $gunzip->($body) : $body) eq $plain[0]{content}), 1, $coding ? "compressed pieces end in a whole one ($begun)" : "$n pieces of two hosts are one file";
    }
    $_->log_ok for @h;
};

subtest 'one that has just joined' => sub {
    my $old = serve_lists(\%key, @same);
    my $before = ask_list($old, '/stock', 'ACME01', 'Accept-Encoding' => 'gzip')->{headers}{etag};
    $change->();
    ask_list($old, '/stock');
    my $new = serve_lists(\%key, @same);
    my @delta = map { ask_list($_, '/stock', 'ACME01', 'If-None-Match' => $before, 'A-IM' => 'sku-delta') } $old, $new;
    is $delta[0]{status}, 226, 'changes, where the version before was made';
    is $delta[1]{status}, 200, 'the whole, where it was not';
    is $delta[1]{content}, ask_list($old, '/stock')->{content}, '... the same as everywhere';
    is ask_list($new, '/stock', 'ACME01', 'If-None-Match' => $delta[1]{headers}{etag})->{status}, 304, '... whose tag holds at both';
    is ask_list($old, '/stock', 'ACME01', 'If-None-Match' => $delta[1]{headers}{etag})->{status}, 304, '... of them';
    $_->log_ok for $old, $new;
};

subtest 'a clock that is ahead' => sub {
    my $redis = KissTest::Redis->start;
    my $fault = preload('shiftclock');
    my @more = (@same, limits => 'KissLimit 30 1000', config => "KissLimitStore $redis->{url} timeout=1s\n");
    my @h = (serve_lists({}, @more), serve_lists({}, @more, env => $fault->{env}));
    my $status = sub { my ($h, $bearer) = @_; return $h->get('/stock', Authorization => $bearer)->{status} };
    for my $seconds (5, 25, -25) {
        $redis->ask('FLUSHALL');
        shift_clock($fault, $seconds);
        my @token = map { 'Bearer ' . $_->token('ACME01', $key{ACME01}) } @h;
        is_deeply [map { my $h = $_; map { $status->($h, $_) } @token } @h], [(200) x 4], "by $seconds s: tokens of each are valid at both";
        $change->();
        my @list = map { $_->get('/stock', Authorization => $token[0]) } @h;
        is $list[0]{headers}{etag}, $list[1]{headers}{etag}, '... lists after a change have the same tag';
        is $h[1]->get('/stock', Authorization => $token[1], 'If-None-Match' => $list[0]{headers}{etag})->{status}, 304, '... which is good for 304';
    }
    $redis->ask('FLUSHALL');
    shift_clock($fault, 45);
    my @token = map { 'Bearer ' . $_->token('ACME01', $key{ACME01}) } @h;
    is $status->($h[0], $token[1]), 401, 'by 45 s: a new token of the one that is ahead is not valid yet at the other';
    is $status->($h[1], $token[0]), 200, '... while those of the other are';
    $redis->ask('FLUSHALL');
    my @all = map { $h[$_ % 2]->get('/api/version', Authorization => $token[0]) } 0 .. 39;
    is scalar(grep { $_->{status} == 200 } @all), 30, 'limits in Redis go by its clock: as many as one host would let pass';
    my @wait = map { $_->{headers}{'retry-after'} } @all[-2, -1];
    cmp_ok abs($wait[0] - $wait[1]), '<=', 1, "... and both say the same Retry-After (@wait)";
    $_->log_ok(qr/KISS0/) for @h;
};

done_testing;
