# How an import's files may be written: what separates cells, how columns are called, rows of commas, rows that end early,
# columns that are absent, decimal commas, flags, and --map for somebody else's files. Both import sets.
# SPDX-License-Identifier: Apache-2.0
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use JSON::PP ();
use KissTest;
use KissTest::CSV qw(csv_rows);
use KissTest::Import;
use Test::More;

my $sample = top() . '/sql/sample';
my $db = new_database('dialects');
import_sample($db);
my $h = start_httpd();
my $bearer = 'Bearer ' . $h->token('ACME01', issue_key('ACME01'));
my @all = qw(--remove-up-to 100);
import_into($db, @all);

sub restore { return kissctl_ok('import', $sample, @all) }
sub one { return (sql($db, $_[0]))[0][0] }
sub content { return checksums($db, qw(product product_image price_list price warehouse stock customer)) }

# written($file, $separator, \%names): a file of the sample with another separator and other names of columns.
sub written {
    my ($file, $separator, $names) = @_;
    my ($head) = slurp("$sample/$file") =~ /\A([^\n]*)\n/;
    my @columns = split /,/, $head;
    my $cell = sub { my ($v) = @_; return $v =~ /[\Q$separator\E"\n]/ ? '"' . $v =~ s/"/""/gr . '"' : $v };
    return join '', map { join($separator, map { $cell->($_) } @$_) . "\n" } [map { $names ? $names->($_) : $_ } @columns],
        map { my $r = $_; [@$r{@columns}] } @{ csv_rows("$sample/$file") };
}

my @files = qw(products.csv prices.csv stock.csv customers.csv product_images.csv);
my $stock = "SKU,StockLocation,AvailableQTY,NextAvailableETA\n";
my %nested = map { my $f = $_; ($f => (slurp("$sample/$f") =~ /\A([^\n]*\n)/)[0]) }
    qw(product_images.csv product_accessories.csv product_substitutions.csv product_composition.csv);

subtest 'separators' => sub {
    my $before = content();
    for my $separator (';', "\t", '|') {
        my $name = { ';' => 'semicolons', "\t" => 'tabs', '|' => 'bars' }->{$separator};
        loaded($name, { map { ($_ => written($_, $separator)) } @files });
        is content(), $before, '... the same content';
        loaded("$name, and a line that says so", { map { ($_ => "\xef\xbb\xbfsep=$separator\r\n" . written($_, $separator) =~ s/\n/\r\n/gr) } 'stock.csv', 'customers.csv' });
        is content(), $before, '... the same content';
    }
    my $err = refused('as many of two', { 'stock.csv' => "SKU;StockLocation,AvailableQTY\nA;UK01,1\n" }, qr/^stock\.csv:1: the header has as many commas as semicolons/m);
    is scalar(() = $err =~ /^stock\.csv/mg), 1, 'said once';
    $err = refused('another separator', { 'products.csv' => (slurp("$sample/products.csv") =~ /\A([^\n]*\n)/)[0] =~ tr/,/~/r }, qr/^products\.csv:1: the header names no column that is known, but 'SKU~Name/m);
    is scalar(() = $err =~ /^products\.csv/mg), 1, 'said once, not for each column';
};

subtest 'decimal commas' => sub {
    loaded('with semicolons', { 'prices.csv' => "PriceListCode;SKU;UnitPrice;DiscountEligible;MOQ\nUKTRADE;DRAC001;19,95;WAHR;1\nUKTRADE;FANG001;0,5;FALSCH;1\n" });
    is join(' ', map {"@$_"} sql($db, 'SELECT sku, unit_price, discount_eligible FROM price ORDER BY sku')), 'DRAC001 19.9500 1 FANG001 0.5000 0', 'are read, and so are flags';
    refused('with commas, in quotes', { 'prices.csv' => qq{PriceListCode,SKU,UnitPrice\nUKTRADE,DRAC001,"19,95"\n} }, qr/^prices\.csv:2: column UnitPrice: '19,95' is not a number like 1234\.56: a decimal comma is read in files with semicolons only/m);
    refused('with tabs', { 'prices.csv' => "PriceListCode\tSKU\tUnitPrice\nUKTRADE\tDRAC001\t19,95\n" }, qr/^prices\.csv:2: column UnitPrice: '19,95' is not a number/m);
    refused('both signs', { 'prices.csv' => "PriceListCode;SKU;UnitPrice\nUKTRADE;DRAC001;1.234,56\n" }, qr/^prices\.csv:2: column UnitPrice: '1\.234,56' is not a number like 1234\.56: write it without separating the thousands/m);
    restore();
};

subtest 'flags' => sub {
    my %flag = (Y => 1, N => 0, t => 1, f => 0, TRUE => 1, FALSE => 0, WAHR => 1, FALSCH => 0, Ja => 1, nein => 0, VRAI => 1, FAUX => 0, VERDADERO => 1, '' => 0);
    my $head = "PriceListCode,SKU,UnitPrice,DiscountEligible\n";
    my @words = sort keys %flag;
    loaded('words', { 'prices.csv' => $head . join '', map {"UKTRADE,S$_,1,$words[$_]\n"} 0 .. $#words });
    is join(' ', map { $_->[0] } sql($db, 'SELECT discount_eligible FROM price ORDER BY CAST(SUBSTR(sku, 2) AS INT)')), join(' ', @flag{@words}), 'are what they say';
    refused('another word', { 'prices.csv' => $head . "UKTRADE,S,1,perhaps\n" }, qr/^prices\.csv:2: column DiscountEligible: 'perhaps' is neither 0 nor 1/m);
    restore();
};

subtest 'names of columns' => sub {
    my $before = content();
    my %form = ('lower case' => sub { lc $_[0] }, 'blanks' => sub { ' ' . $_[0] =~ s/([a-z])([A-Z])/$1 $2/gr }, 'underscores' => sub { lc $_[0] =~ s/([a-z])([A-Z])/$1_$2/gr },
        'names of our schema' => sub { lcfirst $_[0] }, 'a second byte order mark' => sub { "\xef\xbb\xbf$_[0]" });
    for my $form (sort keys %form) {
        loaded($form, { map { ($_ => written($_, ',', $form{$form})) } @files });
        is content(), $before, '... the same content';
    }
    refused('one column twice', { 'stock.csv' => "SKU,sku,StockLocation,AvailableQTY\nA,B,UK01,1\n" }, qr/^stock\.csv:1: column SKU: stands twice in the header, the second time as 'sku'/m);
    refused('one column twice, by blanks', { 'stock.csv' => "SKU,StockLocation,Stock Location,AvailableQTY\nA,UK01,UK01,1\n" }, qr/^stock\.csv:1: column StockLocation: stands twice/m);
    # What the data feed app of the API writes: names and order of the schemas, a byte order mark, all in quotes where needed.
    my %csv;
    for my $endpoint (qw(products stock)) {
        my $schema = JSON::PP->new->utf8->decode($h->get("/$endpoint/schema", Authorization => $bearer)->{content});
        my $list = JSON::PP->new->utf8->decode($h->get("/$endpoint", Authorization => $bearer)->{content});
        my @names = map { $_->{name} } @{ $schema->{fields} };
        $csv{"$endpoint.csv"} = "\xef\xbb\xbf" . join ',', @names;
        for my $row (@$list) {
            $csv{"$endpoint.csv"} .= "\r\n" . join ',', map { my $v = $row->{ ucfirst $_ } // ''; utf8::encode($v) if utf8::is_utf8($v); $v =~ /[,"\r\n]/ ? '"' . $v =~ s/"/""/gr . '"' : $v } @names;
        }
        $csv{"$endpoint.csv"} .= "\r\n";
    }
    my $r = $h->get('/products', Authorization => $bearer);
    my $stock_before = $h->get('/stock', Authorization => $bearer)->{content};
    loaded('files of the app', { map({ ($_ => $nested{$_}) } grep { !/images/ } keys %nested), 'product_images.csv' => $nested{'product_images.csv'}, %csv });
    is $h->get('/stock', Authorization => $bearer)->{content}, $stock_before, '/stock is as it was';
    my $strip = sub { my $l = JSON::PP->new->utf8->decode($_[0]);
        for my $row (@$l) { delete $row->{$_} for qw(ProductImages ProductAccessories ProductSubstitutions ProductComposition) }
        return [sort { $a->{SKU} cmp $b->{SKU} } @$l] };
    is_deeply $strip->($h->get('/products', Authorization => $bearer)->{content}), $strip->($r->{content}), '/products too, but for what that file cannot hold';
    restore();
};

subtest 'lines without content, rows that end early' => sub {
    my $err = loaded('lines of commas', { 'stock.csv' => ",,,\n$stock,,,\nDRAC001,UK01,1,\n,,,\n,,,,,\n\nFANG001,UK01,2,\n,,,\n" });
    is one('SELECT COUNT(*) FROM stock'), 2, 'are passed over';
    is $err, '', '... without a word';
    $err = loaded('cells left off', { 'stock.csv' => "${stock}DRAC001,UK01,1,2026-12-01\nFANG001,UK01,2\nDRAC001-M,UK01\n" });
    is join(' ', map { join '/', map { $_ // '-' } @$_ } sql($db, 'SELECT sku, available_qty, next_available_eta FROM stock ORDER BY sku')), 'DRAC001/1.000/2026-12-01 DRAC001-M/0.000/- FANG001/2.000/-', 'are empty';
    like $err, qr/^note: stock\.csv: 2 rows end early: the cells that they lack are taken as empty \(first in line 3\)$/m, '... and counted';
    loaded('surplus empty cells', { 'stock.csv' => "SKU,StockLocation,AvailableQTY,,\nDRAC001,UK01,1,,,,\n" });
    refused('surplus cells with something in them', { 'stock.csv' => "SKU,StockLocation,AvailableQTY,,\nDRAC001,UK01,1,,x\n" }, qr/^stock\.csv:2: 5 cells where the header has 3/m);
    $err = loaded('rows of a text file that end early', { %nested, 'products.csv' => "SKU,Barcode,Status,Name\nA,,ACTIVE\nB,\nC,,ACTIVE,z\n" });
    like $err, qr/2 rows end early/, 'are counted';
    refused('a line break that divides a row', { %nested, 'products.csv' => "SKU,Name,Barcode,Status\nA,x,,ACTIVE\nB,Cape and\nfangs,,ACTIVE\nC,y,,ACTIVE\n" },
        qr/^products\.csv:3: this row and the next one have together the cells of one: is there a line break in a cell without quotes\?/m);
    refused('at the end of the file', { %nested, 'products.csv' => "SKU,Name,Barcode,Status\nA,x,,ACTIVE\nB,Cape\nfangs\nand more,,ACTIVE" },
        qr/^products\.csv:3: this row and the next 2 have together the cells of one/m);
    # Thousands of rows as a spreadsheet leaves cells off: in blocks.
    $err = loaded('blocks', { 'stock.csv' => $stock . join '', map { my $b = int($_ / 16) % 2; "S$_,UK01,$_" . ($b ? '' : ',' . ($_ % 16 ? '' : '2026-12-01')) . "\n" } 1 .. 2000 });
    is one('SELECT COUNT(*) FROM stock'), 2000, 'all rows are there';
    restore();
};

subtest 'columns that are absent' => sub {
    my $err = loaded('three columns', { %nested, 'products.csv' => "SKU,Name,Barcode\nDRAC001,Cape,4006381333931\nFANG001,Fangs,\n" });
    is one("SELECT CONCAT_WS('|', name, barcode, description, status, carton_qty) FROM product WHERE sku = 'DRAC001'"), 'Cape|4006381333931|||0.000', 'the others have their defaults';
    like $err, qr/^note: products\.csv: without the columns Description, WebsiteDescription, .* and 18 more every row gets the default there; --keep-absent leaves it as it is$/m, '... which is said, once';
    restore();
    my $before = one("SELECT CONCAT_WS('|', description, product_category_code, photo, packaged_length_in_cm, status) FROM product WHERE sku = 'DRAC001'");
    my $rows = csv_rows("$sample/products.csv");
    my $csv = "SKU,Name\n" . join '', map { $_->{SKU} eq 'DRAC001' ? "DRAC001,New name\n" : qq{$_->{SKU},"} . $_->{Name} =~ s/"/""/gr . qq{"\n} } @$rows;
    my ($rc, $out, undef) = kissctl('import', folder('products.csv' => $csv . "NEW001,Brand new\n"), '--keep-absent', '--json');
    my ($part) = grep { $_->{File} eq 'products.csv' } @{ JSON::PP->new->utf8->decode($out)->{Files} };
    is "@$part{qw(Added Changed Removed)}", '1 1 0', '--keep-absent: one row is new, one changes';
    is one("SELECT CONCAT_WS('|', description, product_category_code, photo, packaged_length_in_cm, status) FROM product WHERE sku = 'DRAC001'"), $before, 'what the file lacks is as it was';
    is one("SELECT name FROM product WHERE sku = 'DRAC001'"), 'New name', 'what it has is new';
    is one("SELECT CONCAT_WS('|', name, status, carton_qty) FROM product WHERE sku = 'NEW001'"), 'Brand new||0.000', 'a new row has the defaults';
    restore();
    my $price = one("SELECT CONCAT_WS('|', unit_price, discount_eligible) FROM price WHERE price_list_code = 'UKTRADE' AND sku = 'FIRE101-0910'");
    my @p = grep { $_->{PriceListCode} eq 'UKTRADE' && $_->{SKU} eq 'FIRE101-0910' } @{ csv_rows("$sample/prices.csv") };
    loaded('prices without prices', { 'prices.csv' => "PriceListCode,SKU,MOQ,OrderMultiple\nUKTRADE,FIRE101-0910,$p[0]{MOQ},7\n" }, '--keep-absent');
    is one('SELECT CONCAT_WS("|", unit_price, discount_eligible) FROM price'), $price, 'they stay';
    refused('and a new row among them', { 'prices.csv' => "PriceListCode,SKU,MOQ\nUKTRADE,FIRE101-0910,$p[0]{MOQ}\nUKTRADE,NEW1,1\n" }, qr/^prices\.csv:3: column UnitPrice: is missing, and this row is new/m, '--keep-absent');
    refused('without the option', { 'prices.csv' => "PriceListCode,SKU,MOQ\nUKTRADE,FIRE101-0910,1\n" }, qr/^prices\.csv:1: column UnitPrice: is missing \(with --keep-absent/m);
    refused('a part of the key', { 'prices.csv' => "PriceListCode,SKU,UnitPrice\nUKTRADE,FIRE101-0910,1\n" }, qr/^prices\.csv:1: column MOQ: is missing, and --keep-absent cannot keep it/m, '--keep-absent');
    loaded('a part of the key that has a default', { 'prices.csv' => "PriceListCode,SKU,UnitPrice\nUKTRADE,FIRE101-0910,1\n" });
    is one('SELECT moq FROM price'), '0.000', 'takes it';
    loaded('pictures without a primary one', { 'product_images.csv' => "SKU,ImageID,FileName\nDRAC001,1,a.jpg\nDRAC001,2,b.jpg\n" });
    is one('SELECT SUM(is_secondary) FROM product_image'), 2, 'none is';
    restore();
    refused('terms of customers', { 'customers.csv' => "CustomerCode,Name\nACME01,x\n" }, qr/^customers\.csv:1: column PriceListCode: is missing/m);
    my $terms = one("SELECT GROUP_CONCAT(CONCAT_WS('|', customer_code, price_list_code, stock_location, discount_percent) ORDER BY customer_code) FROM customer");
    loaded('names of customers', { 'customers.csv' => "CustomerCode,Name\n" . join '', map {"$_->{CustomerCode},New $_->{CustomerCode}\n"} @{ csv_rows("$sample/customers.csv") } }, '--keep-absent');
    is one("SELECT GROUP_CONCAT(CONCAT_WS('|', customer_code, price_list_code, stock_location, discount_percent) ORDER BY customer_code) FROM customer"), $terms, 'terms stay';
    is one('SELECT COUNT(*) FROM customer WHERE name NOT LIKE "New %"'), 0, '... names are new';
    restore();
};

subtest 'a map' => sub {
    my $before = content();
    my $erp = "Artikelnummer;Bezeichnung;EAN;Interne Notiz;SKU\nDRAC001;Umhang;4006381333931;x;1\nFANG001;Z\xc3\xa4hne;;y;2\n";
    my $map = folder('map' => "# of our ERP\n\nartikel.txt = products.csv\nartikel.txt: Artikelnummer = SKU\nproducts.csv: Bezeichnung = Name\n  EAN = Barcode\nartikel.txt: Interne Notiz =\nproducts.csv: SKU =\n") . '/map';
    my $err = loaded('an ERP\'s file', { %nested, 'artikel.txt' => $erp }, '--map', $map);
    is join(' ', map { join '|', @$_ } sql($db, 'SELECT sku, name, barcode FROM product ORDER BY 1')), "DRAC001|Umhang|4006381333931 FANG001|Z\xc3\xa4hne|", 'is products.csv';
    unlike $err, qr/not known/, 'a column that is to be skipped is no news';
    $err = refused('a fault', { %nested, 'artikel.txt' => "Artikelnummer;Bezeichnung;EAN;Interne Notiz;SKU\n#N/A;x;;;\n" }, qr/^artikel\.txt:2: column 'Artikelnummer': '#N\/A' is an error of a spreadsheet/m, '--map', $map);
    like loaded('a SKU that is in none of them', { %nested, 'artikel.txt' => $erp, 'stock.csv' => "SKU,StockLocation,AvailableQTY\nNONE,UK01,3\n" }, '--map', $map, '--dry-run'),
        qr/^note: stock\.csv: 1 row names a SKU that artikel\.txt does not have: /m, 'is said by the names of their files';
    refused('a column that the map promises', { %nested, 'artikel.txt' => "Artikelnummer;EAN;Interne Notiz;SKU\nA;;;\n" }, qr/^artikel\.txt:1: lacks the column 'Bezeichnung' of line 5 of the map/m, '--map', $map);
    refused('both files', { %nested, 'artikel.txt' => $erp, 'products.csv' => "SKU\nA\n" }, qr/^artikel\.txt: the folder has products\.csv, too/m, '--map', $map);
    like loaded('a file that is not there', { 'stock.csv' => slurp("$sample/stock.csv") }, '--map', $map), qr/^note: artikel\.txt \(products\.csv by the map\) is not in the folder: the products stay as they are$/m, 'is said';
    # One file for two of ours, and one name for all files.
    $map = folder('m' => "export.csv = products.csv\nexport.csv = prices.csv\nArt.-Nr. = SKU\nexport.csv: Text = Name\nexport.csv: VK = UnitPrice\nexport.csv: Liste = PriceListCode\n") . '/m';
    loaded('one file for two', { %nested, 'export.csv' => "Art.-Nr.,Text,VK,Liste\nDRAC001,Cape,19.95,UKTRADE\n", 'stock.csv' => "Art.-Nr.,StockLocation,AvailableQTY\nDRAC001,UK01,3\n" }, '--map', $map);
    is join(' ', map { join '|', @$_ } sql($db, 'SELECT p.sku, name, unit_price, available_qty FROM product p JOIN price USING (sku) JOIN stock USING (sku)')), 'DRAC001|Cape|19.9500|3.000', 'all three tables';
    $map = folder('m' => "products.csv: Nummer = SKU\n") . '/m';
    refused('a column by the map and one by its own name', { %nested, 'products.csv' => "Nummer,SKU\nA,B\n" }, qr/^products\.csv:1: column SKU: stands twice .*'THEIR COLUMN =' in the map skips one/m, '--map', $map);
    # Faults of a map, all of them, by line.
    $map = folder('m' => "x.txt: A = SKU\nA\n = SKU\nproducts.csv: A = Nonsense\nB = SKU\nb = Name\ny = z.csv\na.csv = stock.csv\nb.csv = stock.csv\n../x = prices.csv\n") . '/m';
    my ($rc, $out, $said) = kissctl('import', folder('stock.csv' => $stock), '--map', $map);
    is $rc, 1, 'a map with faults: exit status 1';
    like $said, qr/^\Q$map\E:$_/m, "line $_" for '1: .x\.txt. is no file of the import', '2: .A. is no rule', '3: the name of their column is missing', '4: .Nonsense. is no column of products\.csv',
        '6: .b. is mapped in line 5 already', '7: .z\.csv. is no file of the import', '9: stock\.csv is mapped in line 8 already', '10: .*is not the name of a file in the folder';
    like $said, qr/8 errors in \Q$map\E: nothing was imported/, 'and their number';
    for my $bad (['/nonexistent/map', qr/cannot read/], [folder('m' => "\xff") . '/m', qr/not a text in UTF-8/]) {
        ($rc, $out, $said) = kissctl('import', folder('stock.csv' => $stock), '--map', $bad->[0]);
        is $rc, 1, 'no map: exit status 1';
        like $said, $bad->[1], '... and why';
    }
    restore();
    is content(), $before, 'the sample again';
};

subtest 'the distributor\'s files' => sub {
    my $kss = new_database('dialects_kss', api => 'kss');
    my @import = (@all, qw(--json));
    kissctl_ok({ timeout => 300 }, qw(kss import), top() . '/sql/sample-kss');
    my $state = sub { return checksums($kss, qw(product customer invoice state)) };
    my $before = $state->();
    my $kss_rows = sub { my ($file, $separator) = @_; my ($head) = slurp(top() . "/sql/sample-kss/$file") =~ /\A([^\n]*)\n/; my @c = split /,/, $head;
        return join '', map { join($separator, map { /[\Q$separator\E"\n]/ ? '"' . s/"/""/gr . '"' : $_ } @$_) . "\n" } [map {lc} @c], map { my $r = $_; [@$r{@c}] } @{ csv_rows(top() . "/sql/sample-kss/$file") } };
    kissctl_ok({ timeout => 300 }, qw(kss import), folder(map { ($_ => $kss_rows->($_, ';')) } qw(products.csv customers.csv states.csv)), @all);
    is $state->(), $before, 'semicolons and lower case: the same content';
    my $names = folder('products.csv' => "ProductID,ProductName\n" . join '', map {"$_->{ProductID},New\n"} @{ csv_rows(top() . '/sql/sample-kss/products.csv') });
    my ($rc, $out, $err) = kissctl(qw(kss import), $names);
    is $rc, 1, 'products without prices: refused';
    like $err, qr/^products\.csv: would leave none of the products with a price/m, '... for all of them would cost nothing';
    my $price = (sql($kss, 'SELECT SUM(full_price), SUM(supplier_id), SUM(product_category_id), SUM(time_updated IS NULL) FROM product'))[0];
    kissctl_ok(qw(kss import), $names, '--keep-absent');
    is_deeply +(sql($kss, 'SELECT SUM(full_price), SUM(supplier_id), SUM(product_category_id), SUM(time_updated IS NULL) FROM product'))[0], $price, '--keep-absent: prices, suppliers and categories stay';
    is((sql($kss, "SELECT COUNT(*) FROM product WHERE product_name <> 'New'"))[0][0], 0, '... names are new');
    my $map = folder('m' => "kunden.txt = customers.csv\nkunden.txt: KdNr = CustomerID\nkunden.txt: Firma = CustomerName\n") . '/m';
    my $rows = csv_rows(top() . '/sql/sample-kss/customers.csv');
    kissctl_ok(qw(kss import), folder('kunden.txt' => "KdNr\tFirma\n" . join '', map {"$_->{CustomerID}\tK $_->{CustomerID}\n"} @$rows), '--keep-absent', '--map', $map);
    is((sql($kss, "SELECT COUNT(*) FROM customer WHERE customer_name = CONCAT('K ', customer_id) AND account_status IS NOT NULL"))[0][0], scalar @$rows, 'a map');
};

$h->log_ok;
done_testing;
