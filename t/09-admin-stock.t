#!/usr/bin/perl
# Prices and stock written over HTTPS, one by one and many at once; pages of products; requests that are repeated.
# SPDX-License-Identifier: Apache-2.0
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use JSON::PP ();
use KissTest;
use KissTest::Admin;
use Test::More;

my ($db, $h) = start_admin('admin_stock');
my @customer = customer_headers();
sub rows { my ($path) = @_; return { map { $_->{SKU} => $_ } @{ $h->json($h->get($path, @customer)) } } }
my ($sku, $second) = map { $_->[0] } sql($db, "SELECT s.sku FROM stock s JOIN price p ON p.sku = s.sku AND p.price_list_code = 'UKTRADE'"
        . " JOIN product t ON t.sku = s.sku AND t.is_obsolete = 0 WHERE s.stock_location = 'UK01' GROUP BY s.sku ORDER BY s.sku LIMIT 2");

subtest 'stock' => sub {
    my $path = "/admin/stock/UK01/$sku";
    my $r = ask(GET => $path);
    is $r->{status}, 200, 'there';
    is $h->json($r)->{availableQTY}, rows('/stock')->{$sku}{AvailableQTY}, '... as the customer sees it';
    my $tag = $h->get('/stock', @customer)->{headers}{etag};
    $r = ask(PUT => $path, { availableQTY => 7, nextAvailableETA => '2026-12-24' });
    is $r->{status}, 200, 'another quantity';
    is_deeply $h->json($r), { stockLocation => 'UK01', sku => $sku, availableQTY => 7, nextAvailableETA => '2026-12-24' }, '... as it is now';
    is_deeply rows('/stock')->{$sku}, { SKU => $sku, StockLocation => 'UK01', AvailableQTY => 7, NextAvailableETA => '2026-12-24' }, '... at once';
    is $h->get('/stock', @customer, 'If-None-Match' => $tag)->{status}, 200, '... in another list';
    $tag = $h->get('/stock', @customer)->{headers}{etag};
    $r = ask(PUT => $path, { availableQTY => '7.000' });
    is $r->{headers}{'kiss-changed'}, 'false', 'the same: absent members keep their value';
    is $h->get('/stock', @customer, 'If-None-Match' => $tag)->{status}, 304, '... no other list';
    is $h->json(ask(PUT => $path, { nextAvailableETA => undef }))->{nextAvailableETA}, undef, 'null: not known';
    is ask(DELETE => $path)->{status}, 204, 'removed';
    is rows('/stock')->{$sku}, undef, '... at once';
    is ask(GET => $path)->{status}, 404, '... and absent';
    $r = ask(PUT => $path, { availableQTY => 3 });
    is $r->{status}, 201, 'PUT makes a new one';
    is $r->{headers}{location}, $path, '... with its Location';
    is $h->json($r)->{nextAvailableETA}, undef, '... and defaults';
    is ask(PUT => $path, { availableQTY => 4 }, 'If-None-Match' => '*')->{status}, 412, 'but not with If-None-Match: *';
    like error_of(ask(PUT => "/admin/stock/NONE/$sku", { availableQTY => 3 })), qr/^stockLocation: 'NONE' is not known/, 'an unknown warehouse';
    like error_of(ask(PUT => $path, { availableQTY => -1, sku => 'X', size => 1 })), qr/^(?=.*availableQTY: '-1' is negative)(?=.*sku: is not)(?=.*size: there is no such member)/, 'faults';
    is ask(GET => $_)->{status}, 404, $_ for '/admin/stock/UK01', '/admin/stock/UK01/';
    is_deeply [map { join ' ', @$_ } sql($db, "SELECT method, dataset, scope, members FROM admin_audit WHERE sku = '$sku' ORDER BY audit_id LIMIT 2")],
        ['PUT stock UK01 availableQTY,nextAvailableETA', 'PUT stock UK01 nextAvailableETA'], 'the audit';
};

subtest 'prices' => sub {
    my $path = "/admin/prices/UKTRADE/$sku";
    my $before = $h->json(ask(GET => $path));
    cmp_ok scalar @{ $before->{prices} }, '>', 0, 'there';
    my $breaks = [map { { unitPrice => $_->[0], moq => $_->[1], orderMultiple => 1, discountEligible => JSON::PP::true } } [20, 1], [19.5, 12]];
    my $r = ask(PUT => $path, { prices => $breaks });
    is $r->{status}, 200, 'two quantity breaks';
    is_deeply $h->json($r), { priceListCode => 'UKTRADE', sku => $sku, prices => $breaks }, '... as they are now';
    is_deeply [map { $_->{MOQ} } grep { $_->{SKU} eq $sku } @{ $h->json($h->get('/prices', @customer)) }], [1, 12], '... at once';
    is ask(PUT => $path, { prices => $breaks })->{headers}{'kiss-changed'}, 'false', 'the same again';
    is ask(DELETE => $path)->{status}, 204, 'removed';
    is rows('/products')->{$sku}, undef, '... the product is not in the list any more';
    is ask(GET => $path)->{status}, 404, '... and absent';
    is ask(PUT => $path, $before)->{status}, 201, 'put back';
    is_deeply $h->json(ask(GET => $path)), $before, '... as it was';
    is ask(PUT => $path, { prices => [] })->{status}, 200, '[] removes them';
    is ask(GET => $path)->{status}, 404, '... all';
    ask(PUT => $path, $before);
    like error_of(ask(PUT => $path, { prices => [{ moq => 1 }, { unitPrice => 1, moq => 1 }] })), qr/^prices\[0\]\.unitPrice: is empty/, 'no price';
    like error_of(ask(PUT => $path, { prices => [map { { unitPrice => 1, moq => 1 } } 1, 2] })), qr/^prices\[1\]: has the key of prices\[0\]/, 'a break twice';
    like error_of(ask(PUT => $path, { prices => [{ unitPrice => 1 }, { unitPrice => 2, moq => 0 }] })), qr/^prices\[1\]: has the key of prices\[0\]/, '... one of which is the default';
    my $sparse = { prices => [{ unitPrice => 1 }, { unitPrice => 0.9, moq => 10, orderMultiple => undef }] };
    is ask(PUT => $path, $sparse)->{status}, 200, 'absent and null members';
    is ask(PUT => $path, $sparse)->{headers}{'kiss-changed'}, 'false', '... are the same the next time';
    ask(PUT => $path, $before);
    like error_of(ask(PUT => "/admin/prices/NONE/$sku", { prices => [{ unitPrice => 1 }] })), qr/^priceListCode: 'NONE' is not known/, 'an unknown list';
};

subtest 'many rows' => sub {
    my $new = sub { return [map { { stockLocation => 'UK01', sku => $_->[0], availableQTY => $_->[1] } } @_] };
    my $r = ask(PATCH => '/admin/stock', $new->([$sku, 100], [$second, 200], map { ["BULK-$_", $_] } 1 .. 600));
    is $r->{status}, 200, 'an array' or diag $r->{content};
    is_deeply $h->json($r), { rows => 602, changed => 602 }, '... all were written';
    is rows('/stock')->{$sku}{AvailableQTY}, 100, '... at once';
    my $tag = $h->get('/stock', @customer)->{headers}{etag};
    is_deeply $h->json(ask(PATCH => '/admin/stock', $new->([$sku, 100], map { ["BULK-$_", $_] } 1 .. 600))), { rows => 601, changed => 0 }, 'the same again';
    is $h->get('/stock', @customer, 'If-None-Match' => $tag)->{status}, 304, '... is no other list';
    my $lines = join '', map { encode($_) . "\n" } @{ $new->([$sku, 1], ['BULK-1', 5]) }, { stockLocation => 'NL01', sku => 'BULK-1', nextAvailableETA => '2027-01-01' };
    is_deeply $h->json(ask(PATCH => '/admin/stock', $lines, 'Content-Type' => 'application/x-ndjson')), { rows => 3, changed => 3 }, 'NDJSON';
    is_deeply [map { join ' ', map { $_ // 'NULL' } @$_ } sql($db, "SELECT stock_location, available_qty, next_available_eta FROM stock WHERE sku = 'BULK-1' ORDER BY 1")],
        ['NL01 0.000 2027-01-01', 'UK01 5.000 NULL'], '... in two warehouses';
    ask(PATCH => '/admin/stock', '{"stockLocation":"NL01","sku":"BULK-1","availableQTY":9}' . "\r\n\r\n", 'Content-Type' => 'application/x-ndjson');
    is +(sql($db, "SELECT next_available_eta FROM stock WHERE sku = 'BULK-1' AND stock_location = 'NL01'"))[0][0], '2027-01-01', 'what is absent keeps its value';
    is +(sql($db, "SELECT COUNT(*) FROM admin_audit WHERE sku = 'BULK-1'"))[0][0], 4, 'each row is in the audit';
    is_deeply [map { join ' ', @$_ } sql($db, "SELECT scope, members FROM admin_audit WHERE sku = 'BULK-1' ORDER BY audit_id")],
        ['UK01 stockLocation,sku,availableQTY,nextAvailableETA', 'NL01 stockLocation,sku,availableQTY,nextAvailableETA', 'UK01 availableQTY', 'NL01 availableQTY'],
        '... with what has changed';

    my $before = join ',', map { @$_ } sql($db, 'SELECT sku, available_qty FROM stock WHERE stock_location = \'UK01\' ORDER BY sku');
    $r = ask(PATCH => '/admin/stock', [@{ $new->([$sku, 1], ['BULK-1', 'x'], ['BULK-2', 2]) }, { sku => 'BULK-3', availableQTY => 1 }, 5, @{ $new->([$sku, 2]) }, { stockLocation => 'UK01', sku => 'B', qty => 1 }]);
    is $r->{status}, 400, 'faults';
    is error_of($r), "[1]: availableQTY: 'x' is not a number like 1234.56; [3]: stockLocation: is missing; [4]: must be an object; [5]: sku: was in [0], too; [6]: qty: there is no such member.", '... each row is named';
    $r = ask(PATCH => '/admin/stock', "{\"stockLocation\":\"UK01\",\"sku\":\"B\"}\n{\n", 'Content-Type' => 'application/x-ndjson');
    is error_of($r), 'line 2: is not one JSON object.', '... by its line';
    $r = ask(PATCH => '/admin/stock', [@{ $new->([$sku, 1]) }, { stockLocation => 'ZZ', sku => $sku, availableQTY => 1 }]);
    is error_of($r), q{[1]: stockLocation: 'ZZ' is not known (warehouses.csv of the import).}, 'an unknown warehouse';
    is ask(PATCH => '/admin/stock', $_)->{status}, 400, "body $_" for '', '{}', 'null', '[', '[[]]';
    is_deeply $h->json(ask(PATCH => '/admin/stock', [])), { rows => 0, changed => 0 }, 'no rows';
    is ask(PATCH => '/admin/stock', '[]', 'Content-Type' => 'text/csv')->{status}, 400, 'another type';
    is join(',', map { @$_ } sql($db, 'SELECT sku, available_qty FROM stock WHERE stock_location = \'UK01\' ORDER BY sku')), $before, 'nothing has changed';
    is $h->request('PATCH', '/admin/stock', @customer, 'Content-Type' => 'application/json', content => '[]')->{status}, 403, 'no customer';
};

subtest 'too many rows' => sub {
    my $rows = sub { my ($n, $end, $between) = @_; return join $between, map {"{\"stockLocation\":\"UK01\",\"sku\":\"ROW-$_\",\"availableQTY\":$end}"} 1 .. $n };
    my $before = join ',', map { $_ // '' } map { @$_ } sql($db, 'SELECT COUNT(*), MAX(audit_id), (SELECT COUNT(*) FROM stock) FROM admin_audit');
    for (['an array', '[' . $rows->(10_001, 1, ',') . ']'], ['NDJSON', $rows->(10_001, 1, "\n"), 'Content-Type' => 'application/x-ndjson'],
        ['an array of which most have faults', '[' . $rows->(1, 1, ',') . ',{}' x 10_000 . ']']) {
        my ($what, $body, @more) = @$_;
        my $r = ask(PATCH => '/admin/stock', $body, @more);
        is $r->{status}, 413, $what;
        is error_of($r), '10001 rows, at most 10000 fit in a request: send several, each of which is done whole or not at all.', '... says how many fit, and what to do';
    }
    is join(',', map { $_ // '' } map { @$_ } sql($db, 'SELECT COUNT(*), MAX(audit_id), (SELECT COUNT(*) FROM stock) FROM admin_audit')), $before, 'nothing was written';
    my $r = ask(PATCH => '/admin/stock', $rows->(10_000, 1, "\n"), 'Content-Type' => 'application/x-ndjson');
    is $r->{content}, '{"rows":10000,"changed":10000}', 'as many as fit';
    is ask(PATCH => '/admin/stock', '[' . $rows->(10_000, 1, ',') . ']')->{content}, '{"rows":10000,"changed":0}', '... which are the same the next time';
    sql($db, "SET \@kiss_bulk = -CONNECTION_ID(); DELETE FROM stock WHERE sku LIKE 'ROW-%'");
};

subtest 'pages' => sub {
    my ($path, @seen, @pages) = ('/admin/products?limit=100');
    while ($path) {
        my $r = ask(GET => $path);
        is $r->{status}, 200, $path;
        push @pages, [$path, $r->{headers}{etag}];
        push @seen, @{ $h->json($r)->{products} };
        $path = $h->json($r)->{next};
    }
    my @all = map { my $s = $_->[0]; utf8::decode($s); $s } sql($db, 'SELECT sku FROM product ORDER BY sku');
    is_deeply [map { $_->{sku} } @seen], \@all, 'every product, in order';
    # Some SKUs have prices and no product.
    my $escaped = sub { my ($sku) = @_; utf8::encode($sku); return $sku =~ s/([^\w.-])/sprintf '%%%02X', ord $1/ger };
    cmp_ok +(sql($db, 'SELECT COUNT(DISTINCT sku) FROM price WHERE sku NOT IN (SELECT sku FROM product)'))[0][0], '>', 0, 'prices without a product';
    is_deeply [grep { encode($_) ne encode($h->json(ask(GET => '/admin/products/' . $escaped->($_->{sku})))) } @seen], [], 'each as it is alone';
    is ask(GET => $_->[0], undef, 'If-None-Match' => $_->[1])->{status}, 304, 'unchanged' for @pages;
    ask(PUT => "/admin/products/$seen[150]{sku}", { theme => 'paged' });
    is_deeply [map { ask(GET => $_->[0], undef, 'If-None-Match' => $_->[1])->{status} } @pages], [map { $_ == 1 ? 200 : 304 } 0 .. $#pages], 'a change concerns one page';
    is scalar @{ $h->json(ask(GET => '/admin/products'))->{products} }, 100, 'by default 100';
    is scalar @{ $h->json(ask(GET => '/admin/products?limit=9999'))->{products} }, scalar(@all), 'and 500 at most';
    is ask(GET => "/admin/products?$_")->{status}, 400, $_ for 'limit=0', 'limit=x', 'limit=-1', 'after=a&after=b';
    # What a page takes in memory is bounded.
    my ($text, $large) = ('x' x 1_000_000, '/admin/products?after=zz&limit=500');
    ask(POST => '/admin/products', { sku => "zzLARGE$_", description => $text, websiteDescription => $text }) for 1 .. 7;
    for ([1, 2, 3], [4, 5, 6], [7]) {
        my $page = $h->json(ask(GET => $large));
        is_deeply [grep {/^zz/} map { $_->{sku} } @{ $page->{products} }], [map { "zzLARGE$_" } @$_], 'a page of large ones ends after 4 MB';
        $large = $page->{next};
    }
    is $large, undef, '... and the last one is the last';
    ask(DELETE => "/admin/products/zzLARGE$_") for 1 .. 7;
    # By the import a product may have more images than by a PIM.
    sql($db, "SET \@kiss_bulk = -CONNECTION_ID(); INSERT INTO product (sku, name) SELECT CONCAT('zzMANY', seq), 'Many' FROM seq_1_to_9;"
            . " INSERT INTO product_image (sku, image_id, file_name, is_secondary) SELECT sku, seq, CONCAT('https://images.example.com/', sku, '/', seq, '.jpg'), seq > 1 FROM product, seq_1_to_10000 WHERE sku LIKE 'zzMANY%'");
    my ($images, %many) = '/admin/products?after=zzM&limit=500';
    while ($images) {
        my $r = ask(GET => $images);
        # A product a line, and not decoded: JSON::PP takes a second for each megabyte.
        my @products = $r->{content} =~ /^(\{"sku":.*)/mg;
        cmp_ok length $r->{content}, '<', 6_000_000, 'a page of products with many images: ' . length($r->{content}) . ' bytes';
        cmp_ok scalar @products, '<', 9, '... has some of them: ' . @products;
        for my $line (@products) {
            my ($sku) = $line =~ /^\{"sku":"(zzMANY\d)"/ or next;
            $many{$sku} = () = $line =~ /"imageID":/g;
        }
        ($images) = $r->{content} =~ /"next":"([^"]+)"\}\z/;
    }
    is_deeply \%many, { map { ("zzMANY$_" => 10_000) } 1 .. 9 }, '... and all are on some page';
    sql($db, "SET \@kiss_bulk = -CONNECTION_ID(); DELETE FROM product_image WHERE sku LIKE 'zzMANY%'; DELETE FROM product WHERE sku LIKE 'zzMANY%'");
    is_deeply $h->json(ask(GET => '/admin/products?after=%F0%9F%98%80')), { products => [], next => undef }, 'after the last one';
};

subtest 'Idempotency-Key' => sub {
    my ($n, @key) = (1, 'Idempotency-Key' => 'one');
    my $r = ask(POST => '/admin/products', { sku => 'IDEM-1', name => 'x' }, @key);
    is $r->{status}, 201, 'created';
    my $again = ask(POST => '/admin/products', { sku => 'IDEM-1', name => 'x' }, @key);
    is $again->{status}, 201, 'repeated: the same answer';
    is $again->{content}, $r->{content}, '... with the product';
    is $again->{headers}{'idempotency-replayed'}, 'true', '... and says so';
    is ask(POST => '/admin/products', { sku => 'IDEM-1', name => 'y' }, @key)->{status}, 400, 'another body';
    is ask(PUT => '/admin/products/IDEM-1', { name => 'x' }, @key)->{status}, 400, 'another request';
    is ask(POST => '/admin/products', { sku => 'IDEM-1', name => 'x' })->{status}, 409, 'without the key';
    is ask(DELETE => '/admin/products/IDEM-1', undef, 'Idempotency-Key' => 'two')->{status}, 204, 'removed';
    is ask(DELETE => '/admin/products/IDEM-1', undef, 'Idempotency-Key' => 'two')->{status}, 204, '... repeated';
    is ask(POST => '/admin/products', { sku => 'IDEM-1', name => 'x' }, @key)->{status}, 404, 'what was created is not there any more';
    is ask(POST => '/admin/products', { sku => 'IDEM-1', name => 'x' }, 'Idempotency-Key' => $_)->{status}, 400, "key '$_'" for ' ', 'a b', 'x' x 256;
    is ask(POST => '/admin/products', '{"sku":"bad sku "}', 'Idempotency-Key' => 'three')->{status}, 400, 'a fault';
    is ask(POST => '/admin/products', { sku => 'IDEM-3' }, 'Idempotency-Key' => 'three')->{status}, 201, '... is not remembered';
    is_deeply $h->json(ask(PATCH => '/admin/stock', [{ stockLocation => 'UK01', sku => 'IDEM-3', availableQTY => 1 }], 'Idempotency-Key' => 'four')), { rows => 1, changed => 1 }, 'many rows';
    is_deeply $h->json(ask(PATCH => '/admin/stock', [{ stockLocation => 'UK01', sku => 'IDEM-3', availableQTY => 1 }], 'Idempotency-Key' => 'four')), { rows => 1 }, '... repeated';
    for my $body ({ prices => [] }, { prices => [{ unitPrice => 1 }] }, { prices => [] }) {
        my @price = (PUT => '/admin/prices/UKTRADE/IDEM-3', $body, 'Idempotency-Key' => 'price-' . $n++);
        $r = ask(@price);
        $again = ask(@price);
        is $again->{content}, $r->{content}, 'prices, those that are removed too: the same answer';
        is $again->{headers}{'idempotency-replayed'}, 'true', '... and says so';
    }
    my @status = parallel(6, sub { return ask(POST => '/admin/products', { sku => 'IDEM-5' }, 'Idempotency-Key' => 'five')->{status} });
    is_deeply \@status, [(201) x 6], 'at the same time: one creates, all are told that it was';
};

$h->log_ok;
done_testing;
