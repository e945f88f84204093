# SPDX-License-Identifier: Apache-2.0
package KissBench::Catalogue;

# The data of the benchmarks of the Customer API: made up from a fixed seed, or a folder of CSV files, in a database, and changes
# to it.
#
#     my $c = load_catalogue(skus => 10_000);                 # or data => $folder
#     change($c, 'price', 100);                               # 100 prices of the list that our customers have
#     raise_revisions($c->{db});                              # whatever is kept is of no use

use strict;
use warnings;
use Exporter 'import';
use Time::HiRes qw(time);
use KissTest;

our @EXPORT = qw(CUSTOMERS RAISE customer catalogue load_catalogue describe_catalogue change change_sql raise_revisions);

# ---- a catalogue that is made up

# Customers of the catalogue: the same price list and warehouse, each with another discount.
use constant CUSTOMERS => 16;

sub customer { my ($i) = @_; return sprintf 'BENCH%02d', $i }

my $SEED = 20260401;

# A fixed vocabulary: text that is neither constant nor random bytes.
my @words = qw(cape mask hat glove boot wig crown wand sword shield cloak belt scarf tunic robe dress jacket trousers
    velvet satin cotton polyester sequin feather lace ribbon button collar cuff hood zip printed padded lined soft
    black red green silver golden purple with and for the a in of adult child party carnival halloween café naïve);

sub text {
    my ($bytes) = @_;
    my $t = '';
    $t .= $words[ rand @words ] . ' ' while length $t < $bytes;
    return substr($t, 0, -1);
}

sub csv_file {
    my ($dir, $name, $columns, $rows) = @_;
    open my $out, '>:raw', "$dir/$name.csv" or die "$name.csv: $!";
    print $out "$columns\n";
    $rows->($out);
    close $out or die "$name.csv: $!";
    return;
}

sub sku { return sprintf 'SKU%06d-M', $_[0] }

# The row of a product: about 1.2 KB of text, as descriptions are in a real catalogue.
sub product {
    my ($i) = @_;
    my $d = text(330);
    return join ',', sku($i), text(40), $d, "<p>$d</p>", 'CATEGORY-' . $i % 40, text(60), 'Unisex', 'Adult', 'Black',
        5_000_000_000_000 + $i, 'https://images.example.com/' . lc(sku($i)) . '.jpg', 'Halloween', 41.61, 26.78, 4.46,
        841, 60, 50, 40.5, 6809, 12, "B0$i", 'CN', 'ACTIVE', 'STY-' . int($i / 5), 15_000_000_000_000 + $i,
        '6203.43', text(120), text(150);
}

my $PRODUCT_COLUMNS = 'SKU,Name,Description,WebsiteDescription,ProductCategoryCode,WashingInstructions,Gender,'
    . 'Audience,MainColour,Barcode,Photo,Theme,PackagedLength_in_cm,PackagedWidth_in_cm,PackagedHeight_in_cm,'
    . 'PackagedWeight_in_g,CartonLength_in_cm,CartonWidth_in_cm,CartonHeight_in_cm,CartonWeight_in_g,CartonQty,'
    . 'AmazonASIN,CountryOfOrigin,Status,StyleCode,CartonBarcode,HSCode,WhatsIncluded,ProductCompositionText';

# catalogue($dir, $n, @nested): writes the CSV files of n products; the same bytes each time. nested: how many images,
# accessories, substitutions and materials each has (2, 3, 3, 3).
sub catalogue {
    my ($dir, $n, @nested) = @_;
    my ($images, $accessories, $substitutions, $materials) = @nested ? @nested : (2, 3, 3, 3);
    srand $SEED;
    # One line for each product and each number of a list.
    my $each = sub {
        my ($name, $columns, $numbers, $line) = @_;
        csv_file($dir, $name, $columns, sub {
            my ($out) = @_;
            for my $i (0 .. $n - 1) { print $out $line->($i, $_), "\n" for @$numbers }
        });
    };
    $each->('products', $PRODUCT_COLUMNS, [1], \&product);
    $each->('product_images', 'SKU,ImageID,FileName,IsPrimaryImage', [ 1 .. $images ],
        sub { my ($i, $k) = @_; join ',', sku($i), $k, lc(sku($i)) . "-$k.jpg", $k == 1 ? 1 : 0 });
    $each->('product_accessories', 'SKU,AccessorySKU', [ 1 .. $accessories ],
        sub { my ($i, $k) = @_; sku($i) . ',' . sku(($i + 7 * $k) % $n) });
    $each->('product_substitutions', 'SKU,SubstituteSKU', [ 1 .. $substitutions ],
        sub { my ($i, $k) = @_; sku($i) . ',' . sku(($i + 11 * $k) % $n) });
    $each->('product_composition', 'SKU,MaterialCode,MaterialDescription,CompositionPercentage', [ 1 .. $materials ],
        sub { my ($i, $k) = @_; join ',', sku($i), "MAT$k", "Material number $k", [ 0, 60, 30, 10 ]->[$k] });
    csv_file($dir, 'price_lists', 'PriceListCode,PriceListName,CurrencyCode',
        sub { print { $_[0] } "FULL,Bench Full,GBP\nOTHER,Bench Other,EUR\n" });
    $each->('prices', 'PriceListCode,SKU,UnitPrice,DiscountEligible,MOQ,OrderMultiple', [qw(FULL OTHER)],
        sub { my ($i, $l) = @_; join ',', $l, sku($i), sprintf('%.4f', 1 + rand 50), $i % 2, 1, 1 });
    csv_file($dir, 'warehouses', 'StockLocation,Name', sub { print { $_[0] } "MAIN,Bench Warehouse\n" });
    $each->('stock', 'SKU,StockLocation,AvailableQTY,NextAvailableETA', [1],
        sub { my ($i) = @_; join ',', sku($i), 'MAIN', int(rand 1000), $i % 3 ? '' : '2027-01-15' });
    csv_file($dir, 'customers', 'CustomerCode,Name,PriceListCode,StockLocation,DiscountPercent',
        sub { my ($out) = @_;
            printf {$out} "%s,Bench Customer,FULL,MAIN,%s\n", customer($_), 7.5 + $_ / 4 for 0 .. CUSTOMERS - 1;
        });
    return;
}

# ---- in a database

# load_catalogue(skus => $n, data => $folder, name => 'bench', server => $s): a new database with $n made up products, or with those
# of the folder and our customers beside. Described as by describe_catalogue(), with the {seconds} of the import.
sub load_catalogue {
    my (%opt) = @_;
    my $dir = $opt{data} || tempdir_here();
    catalogue($dir, $opt{skus}) if !$opt{data};
    my $db = new_database($opt{name} || 'bench', server => $opt{server});
    my $start = time;
    import_csv($db, $dir);
    my $seconds = time - $start;
    my $c = describe_catalogue($opt{server} || db_server(), $db);
    _add_customers($c) if $opt{data};
    return { %$c, seconds => $seconds };
}

my @TABLES = qw(product product_image product_accessory product_substitution product_composition price_list price warehouse
    stock customer);

# describe_catalogue($server, $db): {server}, {db}; the {rows} of all tables; the price {list} and {warehouse} that hold most, which
# are those of our customers, and how many {skus} the list has on sale.
sub describe_catalogue {
    my ($server, $db) = @_;
    my $c = { server => $server, db => $db, rows => 0 };
    # The value of a column that most products on sale have, and how many.
    my ($list, $warehouse) = map {
        my ($column, $table) = @$_;
        ($server->sql($db, "SELECT $column, COUNT(DISTINCT sku) FROM $table JOIN product USING (sku) WHERE is_obsolete = 0"
            . " GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 1"))[0] || die "$table holds nothing\n";
    } [qw(price_list_code price)], [qw(stock_location stock)];
    $c->{rows} += ($server->sql($db, "SELECT COUNT(*) FROM $_"))[0][0] for @TABLES;
    @$c{qw(list skus warehouse)} = (@$list, $warehouse->[0]);
    return $c;
}

sub _add_customers {
    my ($c) = @_;
    kissctl_ok({ db => $c->{db} }, qw(customer add), customer($_), '--price-list', $c->{list}, '--warehouse', $c->{warehouse},
        '--discount', 7.5 + $_ / 4) for 0 .. CUSTOMERS - 1;
    return;
}

my $turn = 0;

# change_sql($c, 'price' or 'stock', $n): one statement that changes $n prices, or stock rows, of our customers, spread over the
# list; other ones each time.
sub change_sql {
    my ($c, $table, $n) = @_;
    my ($column, $where) = $table eq 'price' ? ('unit_price = unit_price + 0.01', "price_list_code = '$c->{list}'")
        : ('available_qty = available_qty + 1', "stock_location = '$c->{warehouse}'");
    my $all = $c->{of}{$table} ||= [ map { $_->[0] } $c->{server}->sql($c->{db}, "SELECT DISTINCT sku FROM $table JOIN product"
            . " USING (sku) WHERE is_obsolete = 0 AND $where ORDER BY sku") ];
    die scalar(@$all) . " SKUs are too few to change $n\n" if @$all < $n;
    my $shift = ($turn += 0.381966) - int $turn;
    my $some = join ',', map { "'" . $all->[ ($_ + $shift) * @$all / $n ] =~ s/'/''/gr . "'" } 0 .. $n - 1;
    return "UPDATE $table SET $column WHERE $where AND sku IN ($some)";
}

# change(...): does it.
sub change { my ($c) = @_; return $c->{server}->sql($c->{db}, change_sql(@_)) }

# raise_revisions($db): what was kept is of no use after this, and nothing says what has changed.
use constant RAISE => 'UPDATE revision SET n = n + 1';
sub raise_revisions { my ($db) = @_; return sql($db, RAISE) }

1;
