# SPDX-License-Identifier: Apache-2.0
package KissBench::World;

# A small catalogue that changes all the time, and what was true of it when: for t/bench/soak. One process changes it, so that there is
# one row of states; after each change another SELECT of all tables, in one snapshot, says what each customer must be answered, by
# t/lib/KissExpect.pm, which knows nothing of the module.

use strict;
use warnings;
use Digest::SHA qw(sha1_base64);
use Exporter 'import';
use KissExpect qw(canonical_json);
use KissTest;
use KissTest::CSV qw(csv_write);
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC);

our @EXPORT = qw(LISTS clock digest make_world change_world truths tables_of import_folder);

use constant LISTS => qw(/products /stock /prices);

# Columns of the files of kissctl import, and where a database has them.
my %TABLES = (
    products => ['product', (map { [$_ => lc s/(?<=[a-z])(?=[A-Z])/_/gr] } qw(SKU Name Description WebsiteDescription ProductCategoryCode
        WashingInstructions Gender Audience MainColour Barcode Photo Theme PackagedLength_in_cm PackagedWidth_in_cm PackagedHeight_in_cm
        PackagedWeight_in_g CartonLength_in_cm CartonWidth_in_cm CartonHeight_in_cm CartonWeight_in_g CartonQty)), [AmazonASIN => 'amazon_asin'],
        [CountryOfOrigin => 'country_of_origin'], [Status => 'status'], [StyleCode => 'style_code'], [CartonBarcode => 'carton_barcode'],
        [HSCode => 'hs_code'], [WhatsIncluded => 'whats_included'], [ProductCompositionText => 'product_composition_text']],
    product_images => ['product_image', [SKU => 'sku'], [ImageID => 'image_id'], [FileName => 'file_name'], [IsPrimaryImage => 'NOT is_secondary']],
    product_accessories => ['product_accessory', [SKU => 'sku'], [AccessorySKU => 'accessory_sku']],
    product_substitutions => ['product_substitution', [SKU => 'sku'], [SubstituteSKU => 'substitute_sku']],
    product_composition => ['product_composition', [SKU => 'sku'], [MaterialCode => 'material_code'], [MaterialDescription => 'material_description'],
        [CompositionPercentage => 'composition_percentage']],
    price_lists => ['price_list', [PriceListCode => 'price_list_code'], [PriceListName => 'price_list_name'], [CurrencyCode => 'currency_code']],
    prices => ['price', [PriceListCode => 'price_list_code'], [SKU => 'sku'], [UnitPrice => 'unit_price'], [DiscountEligible => 'discount_eligible'],
        [MOQ => 'moq'], [OrderMultiple => 'order_multiple']],
    warehouses => ['warehouse', [StockLocation => 'stock_location'], [Name => 'name']],
    stock => ['stock', [SKU => 'sku'], [StockLocation => 'stock_location'], [AvailableQTY => 'available_qty'], [NextAvailableETA => 'next_available_eta']],
    customers => ['customer', [CustomerCode => 'customer_code'], [Name => 'name'], [PriceListCode => 'price_list_code'],
        [StockLocation => 'stock_location'], [DiscountPercent => 'discount_percent']],
);

# clock(): seconds, the same in all processes, never set back.
sub clock { return clock_gettime(CLOCK_MONOTONIC) }

# digest($json): of a list, whichever way its white space and escapes are written.
sub digest { my ($json) = @_; return sha1_base64(canonical_json($json)) }

# tables_of($db, @before): the rows of all tables of one moment, by the name of their file; before that the session gets these statements.
sub tables_of {
    my ($db, @before) = @_;
    my %rows;
    my $select = sub {
        my ($name) = @_;
        my ($table, @columns) = @{ $TABLES{$name} };
        return join(', ', "SELECT '$name'", map { $_->[1] } @columns) . " FROM $table";
    };
    for (sql($db, join '; ', @before, 'START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY', (map { $select->($_) } sort keys %TABLES), 'COMMIT')) {
        my ($name, @cells) = @$_;
        my %row;
        @row{ map { $_->[0] } @{ $TABLES{$name} }[1 .. $#{ $TABLES{$name} }] } = map { $_ // '' } @cells;
        push @{ $rows{$name} }, \%row;
    }
    return \%rows;
}

# truths($rows): { customer => { list => digest of what it must be answered } }.
sub truths {
    my ($rows) = @_;
    my $expect = KissExpect->new($rows);
    my (%known, %truth);
    for my $c (@{ $rows->{customers} }) {
        for my $list (LISTS) {
            my $terms = join '|', $list, @$c{qw(PriceListCode StockLocation DiscountPercent)};
            my $method = substr $list, 1;
            $truth{ $c->{CustomerCode} }{$list} = $known{$terms} ||= sha1_base64($expect->$method($c->{CustomerCode}));
        }
    }
    return \%truth;
}

# import_folder($rows, $dir): these rows as the files of kissctl import.
sub import_folder {
    my ($rows, $dir) = @_;
    for my $name (keys %TABLES) {
        csv_write("$dir/$name.csv", [map { $_->[0] } @{ $TABLES{$name} }[1 .. $#{ $TABLES{$name} }]], $rows->{$name} || []);
    }
    return $dir;
}

# make_world($skus, $customers, $server): a database with so many products, four price lists, three warehouses, and customers of which each has
# terms in common with others. Returns its name and the customers' codes.
sub make_world {
    my ($skus, $customers, $server) = @_;
    my $db = new_database('soak', server => $server);
    my @codes = map { sprintf 'SOAK%03d', $_ } 1 .. $customers;
    my $text = q{Caf} . "\xc3\xa9, \"quoted\", a back\\\\slash";
    sql($db, join '; ', 'START TRANSACTION',
        (map {"INSERT INTO price_list VALUES ('LIST$_', 'List no. $_', 'EUR')"} 1 .. 4),
        (map {"INSERT INTO warehouse VALUES ('W$_', 'Warehouse $_')"} 1 .. 3),
        "INSERT INTO product (sku, name, description, status, packaged_weight_in_g, carton_qty) SELECT CONCAT('S-', LPAD(seq, 5, '0')),"
            . " CONCAT('Product ', seq), REPEAT('$text ', 20), 'ACTIVE', seq / 4, seq % 7 FROM seq_1_to_$skus",
        'INSERT INTO product_image SELECT sku, i.seq > 1, i.seq, CONCAT(sku, "-", i.seq, ".jpg") FROM product, seq_1_to_3 i',
        'INSERT INTO product_accessory SELECT sku, CONCAT("A-", i.seq) FROM product, seq_1_to_2 i',
        'INSERT INTO product_substitution SELECT sku, CONCAT("B-", i.seq) FROM product, seq_1_to_2 i',
        'INSERT INTO product_composition SELECT sku, CONCAT("M-", i.seq), "Material", i.seq * 12.5 FROM product, seq_1_to_2 i',
        'INSERT INTO price SELECT CONCAT("LIST", l.seq), sku, m.seq, 10 + l.seq + m.seq / 8, m.seq = 1, 1 FROM product, seq_1_to_4 l, seq_1_to_2 m'
            . ' WHERE CRC32(CONCAT(sku, l.seq)) % 8 > 0',
        'INSERT INTO stock SELECT CONCAT("W", w.seq), sku, CRC32(sku) % 100, NULL FROM product, seq_1_to_3 w WHERE CRC32(CONCAT(sku, w.seq)) % 8 > 0',
        (map { my $n = $_; sprintf "INSERT INTO customer (customer_code, name, price_list_code, stock_location, discount_percent) VALUES ('%s', '', 'LIST%d', 'W%d', %s)",
            $codes[$n], 1 + $n % 4, 1 + $n % 3, $n % 2 ? 7.5 : 0 } 0 .. $#codes),
        'COMMIT');
    return ($db, @codes);
}

sub _sku { my ($skus) = @_; return sprintf 'S-%05d', 1 + int rand $skus }

# One change of a random kind, as SQL; it may change nothing.
my @CHANGES = (
    sub { my ($s) = @_; return sprintf "UPDATE price SET unit_price = %.4f WHERE sku = '%s' AND price_list_code = 'LIST%d'", rand 100, _sku($s), 1 + rand 4 },
    sub { my ($s) = @_; return sprintf "UPDATE price SET unit_price = unit_price + 0.0125 WHERE price_list_code = 'LIST%d' AND CRC32(sku) %% 5 = %d", 1 + rand 4, rand 5 },
    sub { my ($s) = @_; return sprintf "UPDATE stock SET available_qty = %d WHERE sku = '%s'", rand 1000, _sku($s) },
    sub { my ($s) = @_; return sprintf "UPDATE stock SET available_qty = available_qty + 1, next_available_eta = '2027-01-%02d' WHERE stock_location = 'W%d'", 1 + rand 28, 1 + rand 3 },
    sub { my ($s) = @_; return sprintf "UPDATE product SET name = 'Name %d', theme = '%s' WHERE sku = '%s'", rand 1e6, ('a', '', 'x"y', "\xe2\x82\xac")[rand 4], _sku($s) },
    sub { my ($s) = @_; return sprintf "UPDATE product SET status = '%s' WHERE sku = '%s'", (qw(ACTIVE ACTIVE OBSOLETE))[rand 3], _sku($s) },
    sub { my ($s) = @_; return sprintf "DELETE FROM price WHERE sku = '%s' AND price_list_code = 'LIST%d'", _sku($s), 1 + rand 4 },
    sub { my ($s) = @_; return sprintf "INSERT IGNORE INTO price VALUES ('LIST%d', '%s', %d, %.4f, 1, 1)", 1 + rand 4, _sku($s), 1 + rand 3, rand 50 },
    sub { my ($s) = @_; return sprintf "INSERT IGNORE INTO product_image VALUES ('%s', 1, '%d', 'new.jpg')", _sku($s), rand 9 },
    sub { my ($s) = @_; return sprintf "DELETE FROM product_image WHERE sku = '%s' AND is_secondary = 1 LIMIT 1", _sku($s) },
    sub { my ($s) = @_; return sprintf "DELETE FROM stock WHERE sku = '%s' AND stock_location = 'W%d'", _sku($s), 1 + rand 3 },
    sub { my ($s) = @_; return sprintf "INSERT IGNORE INTO stock VALUES ('W%d', '%s', %d, NULL)", 1 + rand 3, _sku($s), rand 9 },
);

# change_world($skus, \@codes, $n): the SQL of change number n: one row, some in a transaction, or the terms of a customer.
sub change_world {
    my ($skus, $codes, $n) = @_;
    if ($n % 12 == 11) {
        return sprintf "UPDATE customer SET price_list_code = 'LIST%d', stock_location = 'W%d', discount_percent = %s WHERE customer_code = '%s'",
            1 + rand 4, 1 + rand 3, (0, 7.5, 33.3333)[rand 3], $codes->[rand @$codes];
    }
    my @some = map { $CHANGES[rand @CHANGES]->($skus) } 1 .. ($n % 4 ? 1 : 1 + rand 6);
    return @some == 1 ? $some[0] : join '; ', 'START TRANSACTION', @some, 'COMMIT';
}

1;
