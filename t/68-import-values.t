# What a cell of an import means: blanks, characters that nobody sees, what spreadsheets make of codes, empty prices, dates,
# decimals, thousands, discounts, texts that are too long. Both import sets; seen in the database and over the API.
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
my $db = new_database('values');
import_sample($db);
my $h = start_httpd();
my $bearer = 'Bearer ' . $h->token('ACME01', issue_key('ACME01'));
my @all = qw(--remove-up-to 100);
import_into($db, @all);

sub restore { return kissctl_ok('import', $sample, @all) }
sub one { return (sql($db, $_[0]))[0][0] }

sub utf8_of { my ($c) = @_; my $s = chr $c; utf8::encode($s); return $s }

# api($path): the list that ACME01 gets, by SKU.
sub api {
    my ($path) = @_;
    my $r = $h->get($path, Authorization => $bearer);
    is $r->{status}, 200, "$path is served";
    return { map { ($_->{SKU} => $_) } @{ JSON::PP->new->utf8->decode($r->{content}) } };
}

my $products = "SKU,Name,Barcode,Status\n";
my $stock = "SKU,StockLocation,AvailableQTY,NextAvailableETA\n";
my $prices = "PriceListCode,SKU,UnitPrice,DiscountEligible,MOQ,OrderMultiple\n";
my $customers = "CustomerCode,Name,PriceListCode,StockLocation,DiscountPercent\n";
my %nested = map { my $f = $_; ($f => (slurp("$sample/$f") =~ /\A([^\n]*\n)/)[0]) }
    qw(product_images.csv product_accessories.csv product_substitutions.csv product_composition.csv);

subtest 'blanks around OBSOLETE' => sub {
    my %blank = ('space' => ' ', 'tab' => "\t", 'no-break space' => "\xc2\xa0", 'zero width space' => "\xe2\x80\x8b",
        'ideographic space' => "\xe3\x80\x80", 'narrow no-break space' => "\xe2\x80\xaf", 'line feed' => "\n");
    my $rows = csv_rows("$sample/products.csv");
    my ($sku) = grep { $_ eq 'DRAC001' } map { $_->{SKU} } @$rows;
    ok api('/stock')->{$sku}, 'sold before';
    for my $name (sort keys %blank) {
        loaded("$name behind", { %nested, 'products.csv' => $products . qq{$sku,x,,"OBSOLETE$blank{$name}"\nFANG001,y,,ACTIVE\n} });
        is one("SELECT HEX(status) FROM product WHERE sku = '$sku'"), uc unpack('H*', 'OBSOLETE'), '... is taken off';
        ok !api('/stock')->{$sku}, '... not sold any more';
        loaded("$name before", { %nested, 'products.csv' => $products . qq{$sku,x,,"$blank{$name}obsolete"\nFANG001,y,,ACTIVE\n} });
        is one("SELECT is_obsolete FROM product WHERE sku = '$sku'"), 1, '... is obsolete, too';
    }
};

# Importer, generated column and rebuilt table agree on every character of the first plane: what is a blank, and what not.
subtest 'one definition of a blank' => sub {
    my @points = grep { $_ < 0xd800 || $_ > 0xdfff } 0x80 .. 0xffff;
    my $text = $products . join '', map { sprintf "C%04X,x,,%s\n", $_, 'OBSOLETE' . utf8_of($_) } @points;
    # Characters that nobody sees, but which are no blanks, are refused in a status, and so is U+FFFD; they stand in the errors.
    my $err = (kissctl('import', folder(%nested, 'products.csv' => $text), @all))[2];
    like $err, qr/SOFT HYPHEN/, 'the soft hyphen is no blank: refused';
    my %refused = map { hex $_ => 1 } qw(00AD 034F 061C 115F 1160 17B4 17B5 180B 180C 180D 180F 200C 200D 200E 200F 3164 FEFF FFA0 FFF9 FFFA FFFB FFFD);
    $refused{$_} = 1 for 0x2061 .. 0x206f, 0x202a .. 0x202e, 0xfe00 .. 0xfe0f;
    delete $refused{ 0xfeff };
    loaded('all others', { %nested, 'products.csv' => $products . join '', map { sprintf "C%04X,x,,%s\n", $_, 'OBSOLETE' . utf8_of($_) }
                grep { !$refused{$_} } @points });
    my $importer = join ' ', map { $_->[0] } sql($db, "SELECT sku FROM product WHERE status = 'OBSOLETE' ORDER BY sku");
    like $importer, qr/\bC00A0\b.*\bC3000\b/, 'the no-break space and the ideographic one are blanks';
    unlike $importer, qr/C2013|C00E4/, 'a dash and a letter are none';
    is join(' ', map { $_->[0] } sql($db, 'SELECT sku FROM product WHERE is_obsolete ORDER BY sku')), $importer, 'the table agrees';
    # The same by SQL, before and behind, without the importer.
    sql($db, "UPDATE product SET status = CONCAT(CONVERT(CHAR(CONV(SUBSTR(sku, 2), 16, 10) USING ucs2) USING utf8mb4), 'obsolete')");
    is join(' ', map { $_->[0] } sql($db, 'SELECT sku FROM product WHERE is_obsolete ORDER BY sku')), $importer, 'SQL agrees, before the word';
    sql($db, "UPDATE product SET status = CONCAT('Obsolete', CONVERT(CHAR(CONV(SUBSTR(sku, 2), 16, 10) USING ucs2) USING utf8mb4))");
    is join(' ', map { $_->[0] } sql($db, 'SELECT sku FROM product WHERE is_obsolete ORDER BY sku')), $importer, '... and behind it';
    my $ascii = join ' ', grep { sql($db, "UPDATE product SET status = CONCAT('OBSOLETE', CHAR($_)) WHERE sku = 'C3000'");
            one("SELECT is_obsolete FROM product WHERE sku = 'C3000'") } 1 .. 0x7f;
    is $ascii, '9 10 11 12 13 32', 'of ASCII six are blanks';
    sql($db, "SET SESSION default_regex_flags = 'DOTALL,EXTENDED,MULTILINE,UNGREEDY'; ALTER TABLE product FORCE");
    my @again = map { $_->[0] } sql($db, "SELECT sku FROM product WHERE is_obsolete AND sku <> 'C3000' ORDER BY sku");
    is "@again", $importer =~ s/ C3000//r, 'and so does a table that was rebuilt, whatever the session says of regular expressions';
    sql($db, "UPDATE product SET status = 'OB OLETE' WHERE sku = 'C3000'");
    is one("SELECT is_obsolete FROM product WHERE sku = 'C3000'"), 0, 'a word like it is not it';
    restore();
};

subtest 'codes' => sub {
    for my $code ('5.01235E+12', '4,00634E+12', '#N/A', '#REF!', 'Err:502', '[object Object]', '1.06141412345679E+017', '#####') {
        refused("$code as SKU", { 'stock.csv' => qq{$stock"$code",UK01,1,\n} }, qr/^stock\.csv:2: column SKU: '\Q$code\E' is (?:a number in|an error|what a program)/m);
        refused("$code as Barcode", { 'products.csv' => qq{${products}DRAC001,x,"$code",ACTIVE\n} }, qr/^products\.csv:2: column Barcode: '\Q$code\E' is /m);
    }
    refused('damaged HSCode', { 'products.csv' => "SKU,HSCode\nDRAC001,6.11430E+05\n" }, qr/^products\.csv:2: column HSCode: .*its digits are lost, export the column as text/m);
    my %hidden = ("\xe2\x80\x8b" => 'ZERO WIDTH SPACE', "\xc2\xad" => 'SOFT HYPHEN', "\xc2\xa0" => 'NO-BREAK SPACE', "\xe2\x80\x8e" => 'LEFT-TO-RIGHT MARK');
    for my $c (sort keys %hidden) {
        refused("$hidden{$c} in a SKU", { 'prices.csv' => "${prices}UKTRADE,DRA${c}C001,1,0,1,1\n" }, qr/^prices\.csv:2: column SKU: .*a character that nobody sees: $hidden{$c}$/m);
    }
    refused('what is left of another encoding', { 'prices.csv' => "${prices}UKTRADE,M\xef\xbf\xbdLLER,1,0,1,1\n" },
        qr/^prices\.csv:2: column SKU: .* is damaged: U\+FFFD stands there for a letter that some program could not read/m);
    refused('no-break space behind a SKU', { 'prices.csv' => "${prices}UKTRADE,DRAC001\xc2\xa0,1,0,1,1\n" }, qr/^prices\.csv:2: column SKU: .*begins or ends with a blank/m);
    refused('ideographic space before a SKU', { 'prices.csv' => "${prices}UKTRADE,\xe3\x80\x80DRAC001,1,0,1,1\n" }, qr/^prices\.csv:2: column SKU: .*begins or ends with a blank/m);
    loaded('codes that only look odd', { %nested, 'products.csv' => $products . "5E12,x,,\n10E-12,y,,\n#1,z,,\nA B,w,,\nM\xc3\x9cLLER,v,,\n" });
    is one('SELECT COUNT(*) FROM product'), 5, 'all are there';
};

subtest 'barcodes' => sub {
    my $err = loaded('barcodes', { %nested, 'products.csv' => $products . "A,x,4006381333931,\nB,x,4006381333932,\nC,x,36000291452,\nD,x,4006381333931,\n"
                . "E,x,4006381333931,\nF,x,4006381333930,\nG,x,,\nH,x,,\nI,x,73513537,\nK,x,73513537,\n" });
    like $err, qr/^note: products\.csv: 2 barcodes have a wrong check digit \(first in line 3, column Barcode: '4006381333932'\)$/m, 'wrong check digits are counted';
    like $err, qr/^note: products\.csv: 1 barcode seems to have lost its leading zeros \(in line 4, column Barcode: '36000291452'\)$/m, '... lost zeros';
    like $err, qr/^note: products\.csv: 2 values of Barcode are shared by several products \(most: '4006381333931' of 3 products\)$/m, '... shared ones';
    unlike loaded('good ones', { %nested, 'products.csv' => $products . "A,x,4006381333931,\nB,x,,\nC,x,036000291452,\nD,x,INTERN-7,\n" }), qr/barcode/i, 'nothing to say';
};
restore();

subtest 'empty prices, zeros' => sub {
    refused('no price', { 'prices.csv' => "${prices}UKTRADE,DRAC001,,0,1,1\n" }, qr/^prices\.csv:2: column UnitPrice: is empty: write 0 if it costs nothing$/m);
    refused('a blank for a price', { 'prices.csv' => "${prices}UKTRADE,DRAC001, ,0,1,1\n" }, qr/^prices\.csv:2: column UnitPrice: is empty/m);
    refused('a row that ends before its price', { 'prices.csv' => "${prices}UKTRADE,DRAC001\n" }, qr/^prices\.csv:2: column UnitPrice: is empty/m);
    my $err = loaded('zeros', { 'prices.csv' => "${prices}UKTRADE,DRAC001,0,0,1,1\nUKTRADE,FANG001,0.00,0,,\nUKTRADE,FIRE101-0910,1,0,,\n" });
    like $err, qr/^note: prices\.csv: 2 prices are 0 \(first in line 2, column UnitPrice\)$/m, 'are counted';
    is api('/prices')->{DRAC001}{PriceExclVAT}, 0, '... and served';
};

subtest 'dates' => sub {
    for my $midnight ('2026-06-15 00:00:00', '2026-06-15T00:00:00Z', '2026-06-15T00:00:00.000', ' 2026-06-15 ') {
        loaded("'$midnight'", { 'stock.csv' => "${stock}DRAC001,UK01,1,$midnight\n" });
        is one("SELECT next_available_eta FROM stock WHERE sku = 'DRAC001'"), '2026-06-15', '... is the day';
    }
    refused('a time of day', { 'stock.csv' => "${stock}DRAC001,UK01,1,2026-06-15T09:30:00\n" }, qr/^stock\.csv:2: column NextAvailableETA: /m);
    refused('a spreadsheet\'s date', { 'stock.csv' => "${stock}DRAC001,UK01,1,06/15/2026\n" }, qr/^stock\.csv:2: column NextAvailableETA: /m);
};

subtest 'decimals' => sub {
    my $err = loaded('sizes', { %nested, 'products.csv' => "SKU,PackagedLength_in_cm,PackagedWeight_in_g,CartonWeight_in_g\nDRAC001,0.30000000000000004,453.592292,0.005\nFANG001,1.5,2,\n" });
    like $err, qr/^note: products\.csv: 3 values have more decimals than are kept and are rounded \(first in line 2, column PackagedLength_in_cm: '0\.30000000000000004' becomes '0\.30'\)$/m, 'one note';
    is one("SELECT CONCAT_WS(' ', packaged_length_in_cm, packaged_weight_in_g, carton_weight_in_g) FROM product WHERE sku = 'DRAC001'"), '0.30 453.59 0.01', 'half away from zero';
    refused('a price is not rounded', { 'prices.csv' => "${prices}UKTRADE,DRAC001,1.00005,0,1,1\n" }, qr/^prices\.csv:2: column UnitPrice: '1\.00005' has more than 4 decimals/m);
    loaded('a percentage', { 'customers.csv' => "${customers}ACME01,x,UKTRADE,UK01,7.5%\n" });
    is one("SELECT discount_percent FROM customer WHERE customer_code = 'ACME01'"), '7.5000', '7.5% is 7.5';
    $err = loaded('a fraction', { 'customers.csv' => "${customers}ACME01,x,UKTRADE,UK01,0.075\n" });
    like $err, qr/^note: customers\.csv: 1 percentage lies between 0 and 1: write 7\.5 if 7\.5 % is meant \(in line 2, column DiscountPercent: '0\.075'\)$/m, 'is noted';
    is one("SELECT discount_percent FROM customer WHERE customer_code = 'ACME01'"), '0.0750', '... and taken as it stands';
    restore();
};

subtest 'thousands' => sub {
    my $err = loaded('1.200', { 'stock.csv' => "${stock}DRAC001,UK01,350,\nFANG001,UK01,1.200,\nDRAC001-M,UK01,12.000,\n" });
    like $err, qr/^note: stock\.csv: 2 numbers with three decimals \(first in line 3, column AvailableQTY: '1\.200', read as '1\.200'\): if they mean thousands, write them without the separator$/m,
        'is named';
    is one("SELECT available_qty FROM stock WHERE sku = 'FANG001'"), '1.200', '... and read as a decimal';
    refused('beside 1.234.567', { 'stock.csv' => "${stock}DRAC001,UK01,1.200,\nFANG001,UK01,1.234.567,\n" },
        qr/^stock\.csv:2: column AvailableQTY: '1\.200' may be a decimal or thousands \(1 such cell\), and '1\.234\.567' in line 3, column AvailableQTY, shows/m);
    refused('beside a decimal comma', { 'prices.csv' => qq{${prices}UKTRADE,DRAC001,1.200,0,1,1\nUKTRADE,FANG001,"19,95",0,1,1\n} },
        qr/^prices\.csv:2: column UnitPrice: '1\.200' may be a decimal or thousands .*'19,95' in line 3/m);
    refused('with semicolons, beside a decimal comma', { 'prices.csv' => "PriceListCode;SKU;UnitPrice;MOQ\nUKTRADE;DRAC001;19,95;1\nUKTRADE;FANG001;3;1.200\n" },
        qr/^prices\.csv:3: column MOQ: '1\.200' may be a decimal or thousands .*'19,95' in line 2, column UnitPrice, shows/m);
    refused('with semicolons, 1,200 beside a decimal point', { 'stock.csv' => "SKU;StockLocation;AvailableQTY\nDRAC001;UK01;1,200\nFANG001;UK01;2.5\n" },
        qr/^stock\.csv:2: column AvailableQTY: '1,200' may be a decimal or thousands .*'2\.5' in line 3/m);
    refused('with semicolons, both ways', { 'stock.csv' => "SKU;StockLocation;AvailableQTY\nDRAC001;UK01;1,200\nFANG001;UK01;2.500\n" },
        qr/^stock\.csv:3: column AvailableQTY: '2\.500' may be a decimal or thousands .*'1,200' in line 2/m);
    $err = loaded('with semicolons, 1,200 alone', { 'stock.csv' => "SKU;StockLocation;AvailableQTY\nDRAC001;UK01;1,200\nFANG001;UK01;7\n" });
    like $err, qr/'1,200', read as '1\.200'/, 'is named';
    unlike loaded('a column that is full of decimals', { 'prices.csv' => $prices . join '', map { sprintf "UKTRADE,S%d,%d.%02d,0,1,1\n", $_, $_, 50 + $_ } 1 .. 20 }
            ), qr/three decimals/, 'no such number';
    unlike loaded('and one of three', { 'prices.csv' => $prices . "UKTRADE,S0,8.055,0,1,1\n" . join '', map { sprintf "UKTRADE,S%d,%d.%02d,0,1,1\n", $_, $_, 50 + $_ } 1 .. 20 }),
        qr/three decimals/, '... needs no note';
    restore();
};

subtest 'texts that are too long' => sub {
    my $name = 'x' x 536;
    loaded('a real name', { %nested, 'products.csv' => "SKU,Name\nDRAC001,$name\n" });
    is one("SELECT name FROM product WHERE sku = 'DRAC001'"), $name, 'is kept whole';
    my %most = (Name => 1000, ProductCategoryCode => 255, Theme => 255, Photo => 2048, Description => 1048576, WebsiteDescription => 1048576, WhatsIncluded => 1048576);
    for my $column (sort keys %most) {
        my ($fits, $more) = map { my $n = $_; my $t = "\xc3\xa4" x $n; $t } $most{$column}, $most{$column} + 1;
        loaded("$most{$column} characters of $column", { %nested, 'products.csv' => "SKU,$column\nDRAC001,$fits\n" });
        refused('one more', { %nested, 'products.csv' => "SKU,$column\nDRAC001,$more\n" }, qr/^products\.csv:2: column $column: @{[$most{$column} + 1]} characters, at most $most{$column} fit/m);
    }
    is one("SELECT CHAR_LENGTH(whats_included) FROM product WHERE sku = 'DRAC001'"), 1048576, 'counted in characters';
    refused('a code of 65', { 'stock.csv' => $stock . 'x' x 65 . ",UK01,1,\n" }, qr/65 characters, at most 64 fit/, '--cut');
    refused('a link', { %nested, 'products.csv' => "SKU,Photo\nDRAC001," . 'x' x 2049 . "\n" }, qr/2049 characters, at most 2048 fit/, '--cut');
    my $err = loaded('--cut', { %nested, 'products.csv' => "SKU,Name,Theme\nDRAC001," . "\xc3\xa4" x 1001 . ",y\nFANG001,x," . 'z' x 300 . "\n" }, '--cut');
    like $err, qr/^note: products\.csv: 2 texts are too long and are cut \(first in line 2, column Name: '/m, 'counts them';
    is one("SELECT name FROM product WHERE sku = 'DRAC001'"), "\xc3\xa4" x 1000, 'behind a whole character';
    is one("SELECT theme FROM product WHERE sku = 'FANG001'"), 'z' x 255, 'and the other';
    restore();
};

subtest 'the manual' => sub {
    my ($rc, $out) = run(build_dir() . '/t/tools/import_limits');
    my $manual = slurp(top() . '/doc/import-values.md');
    is_deeply [$manual =~ /^(\| `\w+\.csv` \| .*)$/mg], [split /\n/, $out], 'doc/import-values.md lists the limits of all texts';
};

subtest 'the distributor\'s files' => sub {
    my $kss = new_database('values_kss', api => 'kss');
    kissctl_ok({ timeout => 300 }, qw(kss import), top() . '/sql/sample-kss');
    my $fails = sub {
        my ($what, $file, $text, $sentence) = @_;
        my ($rc, $out, $err) = kissctl(qw(kss import), folder($file => $text), @all);
        is $rc, 1, "$what: exit status 1";
        like $err, $sentence, '... and the reason';
    };
    my $n = 1;
    for my $f (
        ['products.csv', "ProductID,FullPrice\n5001,\n", 'FullPrice', 'write 0 if it costs nothing'],
        ['invoice_lines.csv', "InvoiceTransID,InvoiceID,ProductID,UnitPrice\n1,9001,5001,\n", 'UnitPrice', 'write 0 if it costs nothing'],
        ['invoice_lines.csv', "InvoiceTransID,InvoiceID,ProductID,ExtPrice\n1,9001,5001,\n", 'ExtPrice', 'write 0 if nothing is to be paid'],
        ['invoices.csv', "InvoiceID,CustomerID,InvoiceNum,Date,Status,InvoiceTotal\n9001,101,A,2026-01-01,1,\n", 'InvoiceTotal', 'write 0'],
        ['invoices.csv', "InvoiceID,CustomerID,InvoiceNum,Date,Status,OpenDebit\n9001,101,A,2026-01-01,1,\n", 'OpenDebit', 'write 0'],
        ['payments.csv', "PaymentID,PaymentInvoiceNum,ARAccountID,PaymentTypeID,PostDate,Amount\n1,P,501,1,2026-01-01,\n", 'Amount', 'write 0'],
        ['payment_applications.csv', "RequestID,PaymentID,TargetInvoiceID,ARAccountID,Amount,Status\n1,1,9001,501,,Pending\n", 'Amount', 'write 0'],
        ['purchase_lines.csv', "PurchaseTransID,PurchaseID,ProductID,FOB\n1,1,5001,\n", 'FOB', 'write 0'],
        )
    {
        my ($file, $text, $column, $sentence) = @$f;
        $fails->("empty $column of $file", $file, $text, qr/^\Q$file\E:2: column $column: is empty: $sentence/m);
    }
    $fails->('a damaged number', 'invoices.csv', "InvoiceID,CustomerID,InvoiceNum,Date,Status\n9001,101,1.23457E+14,2026-01-01,1\n", qr/^invoices\.csv:2: column InvoiceNum: .*scientific notation/m);
    $fails->('a name of 1001', 'products.csv', "ProductID,ProductName\n5001," . 'x' x 1001 . "\n", qr/^products\.csv:2: column ProductName: 1001 characters, at most 1000 fit/m);
    my ($rc, $out, $err) = kissctl(qw(kss import), folder('states.csv' => "StateAbbreviation,StateName,Active\n ca\xc2\xa0,x, Y \nNJ,y,N\nNV,z,WAHR\n"), @all);
    like $err, qr/^states\.csv:2: column StateAbbreviation: .*begins or ends with a blank/m, 'a key with blanks is refused';
    kissctl_ok(qw(kss import), folder('states.csv' => "StateAbbreviation,StateName,Active\nca,x, Y \nNJ,y,N\nNV,z,WAHR\n"), @all);
    is join(' ', map {"@$_"} sql($kss, 'SELECT state, active FROM state ORDER BY 1')), 'CA 1 NJ 0 NV 1', 'flags';
    ($rc, $out, $err) = kissctl(qw(kss import), folder('retailer_inventory.csv' => "ID,ProductID,CustomerID,DailySales\n1,5001,101,3.3333333\n"), @all);
    like $err, qr/^note: retailer_inventory\.csv: 1 value has more decimals than are kept and is rounded/m, 'an average is rounded';
    is((sql($kss, 'SELECT daily_sales FROM retailer_inventory'))[0][0], '3.33', '... to what is kept');
};

$h->log_ok;
done_testing;
