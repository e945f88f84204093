# Delta: a client that has a state of a list asks for what has changed since (RFC 3229). Old answer and delta give the new
# answer, always; where there is no delta it gets the whole list, as anybody does.
# SPDX-License-Identifier: Apache-2.0
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use IO::Uncompress::Gunzip qw(gunzip $GunzipError);
use JSON::PP ();
use KissTest;
use KissTest::Load;
use Test::More;

my $db = new_database('delta');
import_sample($db);
kissctl_ok(qw(customer add TWIN01 --price-list UKTRADE --warehouse UK01 --discount),
    (sql($db, "SELECT discount_percent FROM customer WHERE customer_code = 'ACME01'"))[0][0]);
my %key = map { $_ => issue_key($_) } qw(ACME01 TWIN01 BEAU02);
my $log = tempdir_here() . '/access';
my $h = start_httpd(processes => 2, threads => 8, log_level => 'info kiss:debug', config => qq(LogFormat "%U %>s %{kiss-snapshot}n" s\nCustomLog "$log" s\n));
my %auth = map { my $c = $_; ($c => [Authorization => 'Bearer ' . $h->token($c, $key{$c})]) } keys %key;
my @lists = qw(/products /stock /prices);

sub ask { my ($path, @more) = @_; return $h->get($path, @{ $auth{ACME01} }, @more) }
sub ask_delta { my ($path, $tag, @more) = @_; return ask($path, 'A-IM' => 'sku-delta', 'If-None-Match' => $tag, @more) }
sub folder { return "$h->{root}/cache/snapshots" }

# ---- a client, as the README describes it

sub sku { my ($row) = @_; return $row =~ /"SKU":"((?:[^"\\]|\\.)*)"/ ? $1 : die "a row without SKU: $row\n" }
sub plain { my ($json) = @_; return $json =~ /[^ -~]|\\/ ? JSON::PP->new->utf8->allow_nonref->decode("\"$json\"") : $json }
sub rows { my ($text) = @_; $text =~ s/\A\[//; $text =~ s/\]\z//; return split /,\n/, $text }

# parts($delta): rows that were added, rows that were changed, SKUs that were removed. That it is JSON is looked at besides.
sub parts {
    my ($delta) = @_;
    $delta =~ /\A\{"added":\[(.*?)\],\n"changed":\[(.*?)\],\n"removed":\[(.*?)\]\}\z/s or die "no delta: $delta\n";
    return map { [split /,\n/] } $1, $2, $3;
}

# apply($old, $delta): the list after it, in the order of the SKUs by code point.
sub apply {
    my ($old, $delta) = @_;
    my ($added, $changed, $removed) = parts($delta);
    my %gone = map { s/\A"|"\z//gr => 1 } @$removed;
    $gone{ sku($_) } = 1 for @$changed;
    my @left = grep { !$gone{ sku($_) } } rows($old);
    my $i = 0;
    my @all = sort { $a->[0] cmp $b->[0] || $a->[1] <=> $b->[1] } map { [plain(sku($_)), $i++, $_] } @left, @$changed, @$added;
    return '[' . join(",\n", map { $_->[2] } @all) . ']';
}

# groups($list): what the list has of each SKU, by its plain text: its rows as they are, joined as they are.
sub groups {
    my ($list) = @_;
    my %of;
    for my $row (rows($list)) {
        my $sku = plain(sku($row));
        $of{$sku} = defined $of{$sku} ? "$of{$sku},\n$row" : $row;
    }
    return \%of;
}

# compared($old, $new): the delta as it is defined: from both lists alone.
sub compared {
    my ($old, $new) = map { groups($_) } @_;
    my @gone = sort grep { !defined $new->{$_} } keys %$old;
    return '{"added":[' . join(",\n", map { $new->{$_} } sort grep { !defined $old->{$_} } keys %$new)
        . "],\n\"changed\":[" . join(",\n", map { $new->{$_} } sort grep { defined $old->{$_} && $old->{$_} ne $new->{$_} } keys %$new)
        . "],\n\"removed\":[" . join(",\n", map { '"' . sku($old->{$_}) . '"' } @gone) . ']}';
}

# ---- random histories

my @skus = map { $_->[0] } sql($db, 'SELECT sku FROM product ORDER BY sku');
sub any { return $_[rand @_] }
my @changes = (
    sub { 'UPDATE product SET name = CONCAT(LEFT(name, 40), ' . int(rand 1000) . ") WHERE sku = '" . any(@skus) . "'" },
    sub { "UPDATE product SET status = IF(status = 'Obsolete', 'Live', 'Obsolete') WHERE sku = '" . any(@skus) . "'" },
    sub { "UPDATE product SET status = 'Live'" },
    sub { 'UPDATE price SET unit_price = unit_price + ' . (1 + int rand 3) . " WHERE price_list_code = 'UKTRADE' AND sku = '" . any(@skus) . "'" },
    sub { "DELETE FROM price WHERE price_list_code = 'UKTRADE' AND sku = '" . any(@skus) . "'" },
    sub { "REPLACE INTO price (price_list_code, sku, unit_price, moq) VALUES ('UKTRADE', '" . any(@skus) . "', 3.5, " . any(1, 10, 100) . ')' },
    sub { "UPDATE stock SET available_qty = available_qty + 1 WHERE stock_location = 'UK01' AND sku = '" . any(@skus) . "'" },
    sub { "DELETE FROM stock WHERE stock_location = 'UK01' AND sku = '" . any(@skus) . "'" },
    sub { "REPLACE INTO stock (stock_location, sku, available_qty) VALUES ('UK01', '" . any(@skus) . "', " . int(rand 50) . ')' },
    sub { "DELETE FROM product_image WHERE sku = '" . any(@skus) . "'" },
    sub {
        my $new = any('0NEW', 'MIDDLE', 'ZZZ', 'A"B', 'A\\\\B', "\x{c3}\x{9c}BER", 'zz') . int(rand 5);
        return ("INSERT IGNORE INTO product (sku, name) VALUES ('$new', 'New')", "INSERT IGNORE INTO price (price_list_code, sku, unit_price)"
                . " VALUES ('UKTRADE', '$new', 1)");
    },
    sub { "UPDATE price p JOIN product t ON t.sku = p.sku SET p.unit_price = p.unit_price + 0.01 WHERE p.price_list_code = 'UKTRADE'" },
);

subtest 'old answer and delta give the new answer, whatever happened' => sub {
    my $seed = $ENV{KISS_TEST_SEED} || 20261121;
    srand $seed;
    my (%states, %seen);
    push @{ $states{$_} }, ask($_) for @lists;
    for my $round (1 .. 60) {
        sql($db, join '; ', map { $_->() } map { any(@changes) } 1 .. 1 + int rand 4);
        for my $list (@lists) {
            my $old = any(@{ $states{$list} });
            my $res = ask_delta($list, $old->{headers}{etag});
            my $new = ask($list);
            if ($res->{status} == 304) {
                is $new->{headers}{etag}, $old->{headers}{etag}, "$list, round $round: unchanged";
                next;
            }
            $res->{status} == 226 or die "$list, round $round, seed $seed: $res->{status}\n";
            $res->{headers}{etag} eq $new->{headers}{etag} or die "$list: another ETag\n";
            my $got = apply($old->{content}, $res->{content});
            $got eq $new->{content} or do {
                fail "$list, round $round, seed $seed";
                diag $res->{content};
                return;
            };
            my ($added, $changed, $removed) = parts($res->{content});
            my %before = map { sku($_) => 1 } rows($old->{content});
            is scalar(grep { $before{ sku($_) } } @$added), 0, "$list, round $round: what was added was not there";
            is scalar(grep { !$before{ sku($_) } } @$changed), 0, '... what was changed was';
            is scalar(grep { !$before{ s/\A"|"\z//gr } } @$removed), 0, '... and what was removed';
            $seen{added} += @$added;
            $seen{changed} += @$changed;
            $seen{removed} += @$removed;
            my $expected = compared($old->{content}, $new->{content});
            ok $res->{content} eq $expected, '... it is what both lists tell' or diag "$res->{content}\nexpected:\n$expected";
            $h->json($res);
            push @{ $states{$list} }, $new;
        }
    }
    cmp_ok $seen{$_} || 0, '>', 10, "some rows were $_ ($seen{$_})" for qw(added changed removed);
    my $compared = () = $h->log_text =~ /KISS0617.*: it is compared/g;
    cmp_ok $compared, '<', 90, "most of it is known from the log of changes, without comparing lists ($compared were compared)";
};

# ---- the protocol

subtest 'what is said beside it' => sub {
    my $old = ask('/stock');
    sql($db, "UPDATE stock SET available_qty = available_qty + 1 WHERE stock_location = 'UK01' AND sku = (SELECT MIN(sku)"
        . " FROM stock WHERE stock_location = 'UK01' AND sku IN (SELECT sku FROM price WHERE price_list_code = 'UKTRADE'))");
    my $res = ask_delta('/stock', $old->{headers}{etag});
    is $res->{status}, 226, '226 IM Used';
    is $res->{reason}, 'IM Used', '... in words';
    is $res->{headers}{im}, 'sku-delta', 'IM';
    is $res->{headers}{'delta-base'}, $old->{headers}{etag}, 'Delta-Base';
    like $res->{headers}{'content-type'}, qr{^application/json}, 'JSON';
    is $res->{headers}{'cache-control'}, 'private, no-cache', 'Cache-Control';
    like $res->{headers}{vary}, qr/Authorization/, 'Vary';
    my $new = ask('/stock');
    is $res->{headers}{etag}, $new->{headers}{etag}, 'the ETag of the list as it is now';
    is scalar @{ (parts($res->{content}))[1] }, 1, 'one SKU has changed';
    is ask_delta('/stock', $old->{headers}{etag})->{content}, $res->{content}, 'asked again, the same';
    is ask_delta('/stock', $new->{headers}{etag})->{status}, 304, 'nothing has changed since';

    my $head = $h->request('HEAD', '/stock', @{ $auth{ACME01} }, 'A-IM' => 'sku-delta', 'If-None-Match' => $old->{headers}{etag});
    is $head->{status}, 226, 'HEAD';
    is $head->{headers}{'content-length'}, length $res->{content}, '... with its length';

    my $gzip = ask_delta('/stock', $old->{headers}{etag}, 'Accept-Encoding' => 'gzip');
    is $gzip->{status}, 226, 'compressed';
    is $gzip->{headers}{'content-encoding'}, 'gzip', '... says so';
    gunzip(\$gzip->{content}, \my $plain) or die $GunzipError;
    is $plain, $res->{content}, '... is the same';
    my ($tag) = $old->{headers}{etag} =~ /"(.*)"/;
    for my $has (qq("$tag-gzip"), qq("$tag-br"), qq(W/"$tag"), qq("other", "$tag"), qq("AAAAAAAAAAAAAAAAAAAAAA", W/"$tag-gzip")) {
        is ask_delta('/stock', $has)->{content}, $res->{content}, "If-None-Match: $has";
    }
    is ask('/stock', 'A-IM' => "gzip, SKU-delta;q=0.5", 'If-None-Match' => $old->{headers}{etag})->{status}, 226, 'A-IM with others';
    is ask_delta('/stock', $old->{headers}{etag}, Range => 'bytes=0-9')->{status}, 226, 'a range is for whole lists';
};

subtest 'the whole list where there is no delta' => sub {
    my $old = ask('/prices');
    my $other = $h->get('/prices', @{ $auth{BEAU02} });
    my $twin = $h->get('/prices', @{ $auth{TWIN01} });
    sql($db, "UPDATE price SET unit_price = unit_price + 1");
    my $new = ask('/prices');
    my ($tag) = $old->{headers}{etag} =~ /"(.*)"/;
    my $whole = sub {
        my ($what, @headers) = @_;
        my $res = ask('/prices', @headers);
        is $res->{status}, 200, $what;
        ok $res->{content} eq $new->{content}, '... whole';
        is $res->{headers}{$_}, undef, "... no $_" for qw(im delta-base);
    };
    $whole->('not asked for', 'If-None-Match' => $old->{headers}{etag});
    $whole->('another manipulation', 'A-IM' => 'vcdiff, gzip', 'If-None-Match' => $old->{headers}{etag});
    $whole->('not wanted', 'A-IM' => 'sku-delta;q=0', 'If-None-Match' => $old->{headers}{etag});
    $whole->('without a state', 'A-IM' => 'sku-delta');
    $whole->("If-None-Match: $_", 'A-IM' => 'sku-delta', 'If-None-Match' => $_)
        for '"AAAAAAAAAAAAAAAAAAAAAA"', '"../../../../../../../etc"', '"../../../../../passwd"', '"', '""', 'x', "\"$tag", "$tag\"", qq("$tag-br-br");
    $whole->('a state behind hundreds of others', 'A-IM' => 'sku-delta',
        'If-None-Match' => join(', ', map { sprintf '"%022d"', $_ } 1 .. 250) . ", \"$tag\"");
    $whole->('a state of another list', 'A-IM' => 'sku-delta', 'If-None-Match' => ask('/stock')->{headers}{etag});
    $whole->('a state of another customer', 'A-IM' => 'sku-delta', 'If-None-Match' => $other->{headers}{etag});
    is ask_delta('/prices', $twin->{headers}{etag})->{status}, 226, 'but one with equal terms is the same';

    sql($db, "UPDATE customer SET discount_percent = discount_percent + 1 WHERE customer_code = 'ACME01'");
    $new = ask('/prices');
    $whole->('a state before the terms changed', 'A-IM' => 'sku-delta', 'If-None-Match' => $twin->{headers}{etag});
    sql($db, "UPDATE customer SET discount_percent = discount_percent - 1 WHERE customer_code = 'ACME01'");
    $new = ask('/prices');
    unlink kept_file(folder(), $tag) or die "$tag: $!";
    unlink glob folder() . "/*.$tag*" or die "$tag: $!";
    sql($db, 'DELETE FROM change_log');
    $whole->('a state that is kept no more, and of which the log tells nothing', 'A-IM' => 'sku-delta', 'If-None-Match' => $old->{headers}{etag});
    is ask('/api/version', 'A-IM' => 'sku-delta', 'If-None-Match' => $old->{headers}{etag})->{status}, 200, 'what is no list';
};

subtest 'a state that is kept no more, but the log reaches back to it' => sub {
    my @sku = map { $_->[0] } sql($db, "SELECT s.sku FROM stock s JOIN price p USING (sku) JOIN product t USING (sku) WHERE s.stock_location = 'UK01'"
            . " AND p.price_list_code = 'UKTRADE' AND t.is_obsolete = 0 GROUP BY 1 ORDER BY 1 LIMIT 5");
    my $old = ask('/stock');
    my ($tag) = $old->{headers}{etag} =~ /"(.*)"/;
    sql($db, "UPDATE stock SET available_qty = available_qty + 1 WHERE stock_location = 'UK01' AND sku = '$sku[0]'");
    ask('/stock');
    sql($db, "DELETE FROM stock WHERE stock_location = 'UK01' AND sku = '$sku[1]'; DELETE FROM stock WHERE stock_location = 'UK01' AND sku = '$sku[2]'");
    unlink kept_file(folder(), $tag) or die "$tag: $!";
    my $res = ask_delta('/stock', $old->{headers}{etag});
    my $new = ask('/stock');
    is $res->{status}, 226, 'it is answered';
    is $res->{headers}{'delta-base'}, $old->{headers}{etag}, '... to the state that the client has';
    is $res->{headers}{etag}, $new->{headers}{etag}, '... and leads to what is there now';
    is apply($old->{content}, $res->{content}), $new->{content}, '... as it does';
    is $res->{content}, compared($old->{content}, $new->{content}), '... the same as compared, where nothing has come or gone unnoticed';

    # What is new cannot be told from what was altered: both can be applied.
    sql($db, "INSERT INTO stock (stock_location, sku, available_qty) VALUES ('UK01', '$sku[1]', 7);"
            . " INSERT INTO stock (stock_location, sku, available_qty) VALUES ('UK01', '$sku[2]', 7); DELETE FROM stock WHERE stock_location = 'UK01' AND sku = '$sku[2]'");
    my ($then) = $new->{headers}{etag} =~ /"(.*)"/;
    unlink kept_file(folder(), $then) or die "$then: $!";
    $res = ask_delta('/stock', $new->{headers}{etag});
    is $res->{status}, 226, 'after something new, too';
    is apply($new->{content}, $res->{content}), ask('/stock')->{content}, '... it leads to what is there now';
    my ($added, $changed, $removed) = parts($res->{content});
    is @$added . ' ' . @$changed . ' ' . @$removed, '0 1 1', '... as a change and a removal';
    is ask_delta('/stock', $old->{headers}{etag}, 'Accept-Encoding' => 'gzip')->{status}, 226, 'compressed, from the one before';
    my $other = $h->get('/stock', @{ $auth{BEAU02} });
    is ask_delta('/stock', $other->{headers}{etag})->{status}, 200, 'a state of another customer is none';
};

# Changes that do not stay in memory while they are compressed.
subtest 'many changes, compressed' => sub {
    grow(db_server(), $db, 4000);
    my $old = ask('/products');
    sql($db, "UPDATE product SET name = CONCAT(name, '+') WHERE sku LIKE 'ZZ%0' OR sku LIKE 'ZZ%5'");
    my @asked = (ask_delta('/products', $old->{headers}{etag}, 'Accept-Encoding' => 'gzip'), ask_delta('/products', $old->{headers}{etag}));
    is "$asked[0]{status} $asked[1]{status} $asked[0]{headers}{'content-encoding'}", '226 226 gzip', 'both are changes';
    cmp_ok length $asked[1]{content}, '>', 500_000, '... many';
    gunzip(\$asked[0]{content}, \my $plain) or die $GunzipError;
    ok $plain eq $asked[1]{content}, '... compressed the same';
    ok apply($old->{content}, $plain) eq ask('/products')->{content}, '... and they lead to what is there now';
    is_deeply [glob "$h->{root}/cache/spool.* " . folder() . '/spool.*'], [], '... no file is left';
};

subtest 'damaged states' => sub {
    my $old = ask('/stock');
    my ($tag) = $old->{headers}{etag} =~ /"(.*)"/;
    sql($db, "UPDATE stock SET available_qty = available_qty + 1; DELETE FROM change_log");
    my $text = slurp(kept_file(folder(), $tag));
    substr($text, 40, 1) = 'x';
    spew(kept_file(folder(), $tag), $text);
    my $res = ask_delta('/stock', $old->{headers}{etag});
    is $res->{status}, 200, 'a state that was altered on disk: the whole list';
    is $res->{content}, ask('/stock')->{content}, '... as it is';
};

$h->log_ok(qr/KISS0608/);
done_testing;
