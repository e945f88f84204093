#!/usr/bin/perl
# Last-Modified of lists where KissFeedBasic is On: since when this host has given this state of this list to this customer. Which
# conditions go by it, that no two states ever have the same date, and what programs make of it that know no ETags.
# SPDX-License-Identifier: Apache-2.0
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use IO::Socket::INET;
use MIME::Base64 qw(encode_base64);
use POSIX ();
use Test::More;
use KissTest;
use KissTest::Lists;
use KissTest::Load;

my $db = new_database('feed_dates');
import_sample($db);
my %key = map { $_ => issue_key($_) } qw(ACME01 BEAU02);
sub basic { return (Authorization => 'Basic ' . encode_base64("$_[0]:$key{$_[0]}", '')) }
my @acme = basic('ACME01');

my $h = serve_lists(\%key, config => "KissFeedBasic On\n", modules => []);

my @MONTHS = qw(Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec);
sub httpdate { return POSIX::strftime('%a, %d %b %Y %H:%M:%S GMT', gmtime $_[0]) }
sub seconds {
    my ($date) = @_;
    my ($d, $month, $y, $h_, $m, $s) = $date =~ /\A\w{3}, (\d\d) (\w{3}) (\d{4}) (\d\d):(\d\d):(\d\d) GMT\z/ or return;
    my ($index) = grep { $MONTHS[$_] eq $month } 0 .. 11;
    local $ENV{TZ} = 'UTC';
    POSIX::tzset();
    return POSIX::mktime($s, $m, $h_, $d, $index, $y - 1900);
}

# ask($path, @header): an answer by GET; a date in it is always that of a second that is over.
sub ask {
    my ($path, @header) = @_;
    my $res = $h->get($path, @header);
    my $date = $res->{headers}{'last-modified'};
    fail("$path: $date is not before $res->{headers}{date}") if $date && seconds($date) >= seconds($res->{headers}{date});
    return $res;
}

# dated($path, @header): an answer, as soon as it has a date.
sub dated {
    my ($path, @header) = @_;
    my $res;
    wait_until(20, sub { ($res = ask($path, @header))->{headers}{'last-modified'} }) or diag "$path has no date";
    return $res;
}
sub since { return seconds($_[0]{headers}{'last-modified'}) }
sub change { sql($db, "UPDATE stock SET available_qty = available_qty + 1 WHERE stock_location = 'UK01'"); return }
# times_file($s, $res): the file with the date of an answer.
sub times_file {
    my ($s, $res) = @_;
    my ($tag) = $res->{headers}{etag} =~ /"(.*)"/;
    my ($file) = grep { slurp($_) =~ / \Q$tag\E / } glob folder($s) . '/*.times';
    return $file;
}

my $first = dated('/stock.csv', @acme);
my $t = since($first);
my $etag = $first->{headers}{etag};

subtest 'what has the date' => sub {
    is $h->request('HEAD', '/stock.csv', @acme)->{headers}{'last-modified'}, httpdate($t), 'HEAD, the same';
    is ask('/stock.csv', Authorization => $h->{bearer}{ACME01})->{headers}{'last-modified'}, httpdate($t), 'with a token, the same';
    is ask('/stock', @acme, Accept => 'text/csv')->{headers}{'last-modified'}, httpdate($t), 'by Accept, the same';
    is_deeply [map { ask($_, @acme)->{headers}{'last-modified'} } ('/stock.csv') x 20], [(httpdate($t)) x 20], 'from whichever child';
    is $h->get($_, Authorization => $h->{bearer}{ACME01})->{headers}{'last-modified'}, undef, "$_: no list"
        for qw(/stock/schema /api/version /health /openapi.json /nothing);
    $h->graceful;
    is ask('/stock.csv', @acme)->{headers}{'last-modified'}, httpdate($t), 'after a reload, the same';
    my $before = dated('/stock', @acme);
    change();
    my $changes = ask('/stock', @acme, 'If-None-Match' => $before->{headers}{etag}, 'A-IM' => 'sku-delta');
    is "$changes->{status} " . ($changes->{headers}{'last-modified'} // ''), '226 ', 'changes: none';
    $first = dated('/stock.csv', @acme);
    ($t, $etag) = (since($first), $first->{headers}{etag});
};

subtest 'conditions' => sub {
    my ($y, $rfc850, $asctime) = map { POSIX::strftime($_, gmtime $t) } '%y', '%A, %d-%b-%y %H:%M:%S GMT', '%a %b %e %H:%M:%S %Y';
    my $other = '"AAAAAAAAAAAAAAAAAAAAAA"';
    my @since = ('If-Modified-Since' => httpdate($t));
    for my $case (
        ['this second', 304, @since], ['... as RFC 850 has it', 304, 'If-Modified-Since' => $rfc850], ['... as asctime() has it', 304, 'If-Modified-Since' => $asctime],
        (map { ["$_ s", 200, 'If-Modified-Since' => httpdate($t + $_)] } -86400, -1, 1, 60, 86400),
        ['nonsense', 200, 'If-Modified-Since' => 'nonsense'], ['empty', 200, 'If-Modified-Since' => ''], ['a number', 200, 'If-Modified-Since' => $t],
        ['another zone', 200, 'If-Modified-Since' => httpdate($t) =~ s/GMT/PST/r], ['two dates', 200, 'If-Modified-Since' => httpdate($t) . ', ' . httpdate($t)],
        ['beside another tag', 200, @since, 'If-None-Match' => $other], ['beside the tag', 304, @since, 'If-None-Match' => $etag],
        ['another date beside the tag', 304, 'If-Modified-Since' => httpdate($t - 5), 'If-None-Match' => $etag],
        ['unmodified since this second', 200, 'If-Unmodified-Since' => httpdate($t)], ['... since a later one', 200, 'If-Unmodified-Since' => httpdate($t + 1)],
        ['... since an earlier one', 412, 'If-Unmodified-Since' => httpdate($t - 1)], ['... since nonsense', 200, 'If-Unmodified-Since' => 'nonsense'],
        ['... an earlier one beside the tag', 200, 'If-Unmodified-Since' => httpdate($t - 1), 'If-Match' => $etag],
        ['... this one beside another tag', 412, 'If-Unmodified-Since' => httpdate($t), 'If-Match' => $other],
        ['412 comes before 304', 412, 'If-Unmodified-Since' => httpdate($t - 1), @since], ['304 after that', 304, 'If-Unmodified-Since' => httpdate($t), @since],
    ) {
        my ($name, $status, @header) = @$case;
        for my $method (qw(GET HEAD)) {
            my $res = $h->request($method, '/stock.csv', @acme, @header);
            is $res->{status}, $status, "$method, $name";
            is $res->{headers}{etag}, $status == 412 ? undef : $etag, '... its tag';
            is $res->{headers}{'last-modified'}, $status == 412 ? undef : httpdate($t), '... its date';
        }
    }
    my $body = $first->{content};
    for my $case (['this second', 206, httpdate($t)], ['as RFC 850 has it', 206, $rfc850], (map { ["$_ s", 200, httpdate($t + $_)] } -1, 1, 60),
        ['nonsense', 200, 'nonsense'], ['the tag', 206, $etag], ['a weak tag', 200, "W/$etag"])
    {
        my ($name, $status, $if_range) = @$case;
        my $res = ask('/stock.csv', @acme, Range => 'bytes=10-29', 'If-Range' => $if_range);
        is $res->{status}, $status, "If-Range: $name";
        is $res->{content}, $status == 206 ? substr($body, 10, 20) : $body, '... these bytes';
        my $head = $h->request('HEAD', '/stock.csv', @acme, Range => 'bytes=10-29', 'If-Range' => $if_range);
        is "$head->{status} " . ($head->{headers}{'content-range'} // ''), '200 ', '... HEAD has no ranges';
    }
    is ask('/stock.csv', @acme, Range => 'bytes=10-29', 'If-Range' => httpdate($t), @since)->{status}, 304, '304 comes before a range';
    my $unsatisfiable = ask('/stock.csv', @acme, Range => 'bytes=99999999-', 'If-Range' => httpdate($t));
    is "$unsatisfiable->{status} " . ($unsatisfiable->{headers}{'last-modified'} // ''), '416 ', 'a range behind the end';
};

subtest 'states' => sub {
    my @states = [$etag, $t];
    my $next = sub {
        my ($name, $change) = @_;
        $change->();
        is ask('/stock.csv', @acme, 'If-Modified-Since' => httpdate($_->[1]))->{status}, 200, "$name: it is not that of $_->[1]" for @states;
        is ask('/stock.csv', @acme, Range => 'bytes=0-9', 'If-Range' => httpdate($_->[1]))->{status}, 200, '... nor a range of it' for @states;
        my $res = dated('/stock.csv', @acme);
        cmp_ok since($res), '>', $states[-1][1], '... its date is later than all before';
        push @states, [$res->{headers}{etag}, since($res)];
        is ask('/stock.csv', @acme, 'If-Modified-Since' => httpdate($states[-1][1]))->{status}, 304, '... and known from now on';
        return;
    };
    $next->('a change', \&change);
    $next->('another warehouse', sub { sql($db, "UPDATE customer SET stock_location = (SELECT stock_location FROM warehouse WHERE stock_location <> 'UK01' LIMIT 1) WHERE customer_code = 'ACME01'") });
    $next->('the former one again', sub { sql($db, "UPDATE customer SET stock_location = 'UK01' WHERE customer_code = 'ACME01'") });
    is $states[-1][0], $states[-3][0], '... which is the same state';
    is ask('/stock.csv', @acme, 'If-Unmodified-Since' => httpdate($states[-2][1]))->{status}, 412, '... but it was another one meanwhile';
    my %seen;
    for (1 .. 3) {
        change();
        $seen{ ask('/stock.csv', @acme)->{headers}{etag} }++;
    }
    is keys %seen, 3, 'three states, as fast as they come';
    $next->('one more', \&change);
};

subtest 'each variant has its own' => sub {
    my @variants = (['/products.csv', @acme], ['/products.csv', @acme, 'Accept-Encoding' => 'gzip'], ['/products', @acme], ['/products.ndjson', @acme]);
    ask(@$_) for @variants;
    my @since = map { since(dated(@$_)) } @variants;
    my %seen = map { $_ => 1 } @since;
    is keys %seen, @variants, 'no two variants of a list have the same date';
    my $theirs = since(dated('/stock.csv', basic('BEAU02')));
    sql($db, "UPDATE stock SET available_qty = available_qty + 1 WHERE stock_location = 'UK01' ORDER BY sku LIMIT 1");
    my $mine = ask('/stock.csv', @acme);
    is_deeply [map { since(ask(@$_)) } @variants], \@since, 'a change of the stock: those of the products stay';
    is since(ask('/stock.csv', basic('BEAU02'))), $theirs, '... and that of a customer with another warehouse';
    my $gzip = dated('/products.csv', @acme, 'Accept-Encoding' => 'gzip');
    is ask('/products.csv', @acme, 'Accept-Encoding' => 'gzip', 'If-Modified-Since' => httpdate($since[0]))->{status}, 200, 'the date of the other coding';
    my $part = ask('/products.csv', @acme, 'Accept-Encoding' => 'gzip', Range => 'bytes=5-', 'If-Range' => $gzip->{headers}{'last-modified'});
    ok $part->{status} == 206 && $part->{content} eq substr($gzip->{content}, 5), 'a range of the compressed list';
    is ask('/products.csv', @acme, Range => 'bytes=5-', 'If-Range' => $gzip->{headers}{'last-modified'})->{status}, 200, '... not of the other one';
};

subtest 'the clock was set back' => sub {
    change();
    my $file = times_file($h, ask('/stock.csv', @acme));
    my $ahead = time + 3600;
    spew($file, slurp($file) =~ s/^(stock-csv identity \S+) \d+$/$1 $ahead/mr, 0600);
    chown((stat folder($h))[4, 5], $file);
    is ask('/stock.csv', @acme)->{headers}{'last-modified'}, undef, 'a date in the future is not sent';
    is ask('/stock.csv', @acme, $_ => httpdate($ahead))->{status}, 200, "... nor compared: $_" for qw(If-Modified-Since If-Unmodified-Since);
    is ask('/stock.csv', @acme, Range => 'bytes=0-9', 'If-Range' => httpdate($ahead))->{status}, 200, '... nor a range';
    change();
    my $res = ask('/stock.csv', @acme);
    my ($after) = slurp($file) =~ /^stock-csv identity \S+ (\d+)$/m;
    is $after, $ahead + 1, 'the next state has a later one still';
    unlink $file;
    is since(dated('/stock.csv', @acme)) <= time, 1, 'without the file it begins anew';
};

subtest 'programs' => sub {
    my $dir = tempdir_here();
    my $url = "$h->{url}/products.csv";
    my @login = ('-u', "ACME01:$key{ACME01}");
    my $whole = dated('/products.csv', @acme);
    my $sent = sub { return scalar(() = slurp($h->{access}) =~ m{ hit /products\.csv$}mg) };
    my %program = (
        'curl' => { fetch => sub { ['curl', '-sSfR', @login, '-o', $_[0], $url] }, again => sub { ['curl', '-sSfR', @login, '-z', $_[0], '-o', $_[0], $url] },
            resume => sub { ['curl', '-sSf', @login, '-C', '-', '-o', $_[0], $url] } },
        'wget' => { fetch => sub { ['wget', '-q', '-N', '-P', $dir, '--auth-no-challenge', '--user=ACME01', "--password=$key{ACME01}", $url] },
            again => sub { ['wget', '-q', '-N', '-P', $dir, '--auth-no-challenge', '--user=ACME01', "--password=$key{ACME01}", $url] },
            resume => sub { ['wget', '-q', '-c', '-P', $dir, '--auth-no-challenge', '--user=ACME01', "--password=$key{ACME01}", $url] } },
    );
    for my $name (sort keys %program) {
      SKIP: {
            my ($none) = run($name, '--version');
            skip "no $name", 4 if $none;
            my $file = "$dir/products.csv";
            unlink $file;
            my %call = %{ $program{$name} };
            my ($status, $out) = run(@{ $call{fetch}->($file) });
            is "$status " . (stat $file)[9], '0 ' . since($whole), "$name: the file has the date of the list" or diag $out;
            my $before = $sent->();
            is join(' ', (run(@{ $call{again}->($file) }))[0], slurp($file) eq $whole->{content}), '0 1', '... the next call';
            is $sent->(), $before, '... fetches nothing';
            truncate $file, 1000;
            is join(' ', (run(@{ $call{resume}->($file) }))[0], slurp($file) eq $whole->{content}), '0 1', '... a download is resumed';
        }
    }
    my $old = IO::Socket::INET->new(PeerAddr => "127.0.0.1:$h->{port}", Timeout => 20) or die "connect: $!";
    print $old "GET /products.csv HTTP/1.0\r\nAuthorization: $acme[1]\r\nIf-Modified-Since: $whole->{headers}{'last-modified'}\r\n\r\n";
    local $/;
    like scalar <$old>, qr{\AHTTP/1\.\d 304 .*\r\n\r\n\z}s, 'HTTP/1.0';
};

subtest 'errors' => sub {
    my $file = times_file($h, dated('/stock.csv', @acme));
    sql($db, 'RENAME TABLE stock TO elsewhere');
    unlink grep { !/\.times\z/ } glob folder($h) . '/*@*';
    my $res = ask('/stock.csv', @acme);
    is "$res->{status} " . join('', map { $res->{headers}{$_} // '-' } qw(etag last-modified)), '500 --', 'an error has no date';
    sql($db, 'RENAME TABLE elsewhere TO stock');
    unlink $file;
    mkdir $file or die "$file: $!";
    change();
    $res = ask('/stock.csv', @acme) for 1, 2;
    is "$res->{status} " . ($res->{headers}{'last-modified'} // ''), '200 ', 'what cannot be recorded has none';
    rmdir $file;
    ok since(dated('/stock.csv', @acme)), '... and one when it can';
    $h->log_ok(qr/KISS0210/, qr/KISS0661/);
};

subtest 'forgotten' => sub {
    my $short = serve_lists(\%key, config => "KissFeedBasic On\nKissCacheAge 1d\n", modules => []);
    my $file = times_file($short, $short->get('/stock.csv', @acme));
    my $read = sub { return (stat $file)[8] };
    utime time - 7200, time - 7200, $file;
    $short->get('/stock.csv', @acme);
    cmp_ok time - $read->(), '<', 3600, 'a request is a use of the file';
    utime time - 200_000, time - 200_000, $file;
    $short->graceful;
    ok wait_until(20, sub { !-e $file }), 'what nobody asks for is removed, after KissCacheAge';
    $short->log_ok;
};

done_testing;
