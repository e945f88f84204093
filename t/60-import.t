# kissctl against a real database and a running API: import (faults, all or nothing, dry run, revisions, concurrency) and
# the verbs for customers, keys and signing keys.
# SPDX-License-Identifier: Apache-2.0
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use File::Copy qw(copy);
use KissTest;
use KissTest::CSV qw(csv_rows);
use KissTest::Import;
use KissTest::Load;
use JSON::PP ();
use Test::More;
use Time::HiRes qw(sleep time);

my $sample = top() . '/sql/sample';
my $db = new_database('import');
import_sample($db);
my $key = issue_key('ACME01');
my $h = start_httpd();
my $bearer = 'Bearer ' . $h->token('ACME01', $key);

my @tables = qw(product product_image product_accessory product_substitution product_composition price_list price
    warehouse stock customer api_key revision);

sub revisions { return { map { ("$_->[0] $_->[1]" => $_->[2]) } sql($db, 'SELECT dataset, scope, n FROM revision') } }

# sample(file => sub { text -> text }): the sample with some files edited.
sub sample {
    my (%edit) = @_;
    my $dir = tempdir_here();
    for my $file (map { s{.*/}{}r } glob "$sample/*.csv") {
        my $text = slurp("$sample/$file");
        $text = $edit{$file}->($text) if $edit{$file};
        spew("$dir/$file", $text);
    }
    return $dir;
}

sub etag { my ($path) = @_; return $h->get($path, Authorization => $bearer)->{headers}{etag} }

my $before = checksums($db, @tables);

# Each fault is one folder: the file, its text, and what must be said.
my $stock = "SKU,StockLocation,AvailableQTY,NextAvailableETA\n";
my $prices = "PriceListCode,SKU,UnitPrice,DiscountEligible,MOQ,OrderMultiple\n";
my $customers = "CustomerCode,Name,PriceListCode,StockLocation,DiscountPercent\n";
my $lists = "PriceListCode,PriceListName,CurrencyCode\n";
my $images = "SKU,ImageID,FileName,IsPrimaryImage\n";
my $warehouses = "StockLocation,Name\n";
my $ok = "DRAC001,UK01,1,\n";
my $long = 'x' x 201;
for my $f (
    ['no number', 'stock.csv', "$stock${ok}DRAC001-M,UK01,many,\n", qr/^stock\.csv:3: column AvailableQTY: .*many.* is not a number/m],
    ['negative', 'stock.csv', "${stock}DRAC001,UK01,-1,\n", qr/^stock\.csv:2: column AvailableQTY: .*-1.* is negative/m],
    ['decimals', 'stock.csv', "${stock}DRAC001,UK01,1.2345,\n", qr/^stock\.csv:2: column AvailableQTY: .*more than 3 decimals/m],
    ['digits', 'stock.csv', "${stock}DRAC001,UK01,123456789012,\n", qr/^stock\.csv:2: column AvailableQTY: .*too large: 11 digits/m],
    ['exponent', 'stock.csv', "${stock}DRAC001,UK01,1e3,\n", qr/^stock\.csv:2: column AvailableQTY: .*is not a number/m],
    ['no date', 'stock.csv', "${stock}DRAC001,UK01,1,1.2.2026\n", qr/^stock\.csv:2: column NextAvailableETA: .*is neither a date YYYY-MM-DD/m],
    ['no day', 'stock.csv', "${stock}DRAC001,UK01,1,2026-02-29\n", qr/^stock\.csv:2: column NextAvailableETA: .*no day of the calendar/m],
    ['empty code', 'stock.csv', "${stock},UK01,1,\n", qr/^stock\.csv:2: column SKU: is empty/m],
    ['blank around a code', 'stock.csv', "${stock}DRAC001 ,UK01,1,\n", qr/^stock\.csv:2: column SKU: .*begins or ends with a blank/m],
    ['control character in a code', 'stock.csv', "${stock}DR\x01AC,UK01,1,\n", qr/^stock\.csv:2: column SKU: .*control character/m],
    ['long code', 'stock.csv', $stock . 'x' x 65 . ",UK01,1,\n", qr/^stock\.csv:2: column SKU: 65 characters, at most 64 fit/m],
    ['unknown warehouse', 'stock.csv', "${stock}DRAC001,XX99,1,\n", qr/^stock\.csv:2: column StockLocation: .*XX99.* is not in/m],
    ['twice', 'stock.csv', "$stock$ok$ok", qr/^stock\.csv:3: column (?:SKU, StockLocation|StockLocation, SKU): .*stands already in line 2/m],
    ['too many cells', 'stock.csv', "${stock}DRAC001,UK01,1,,x\n", qr/^stock\.csv:2: 5 cells where the header has 4/m],
    ['column missing', 'stock.csv', "SKU,StockLocation,NextAvailableETA\nDRAC001,UK01,\n", qr/^stock\.csv:1: column AvailableQTY: is missing/m],
    ['column twice', 'stock.csv', "SKU,SKU,StockLocation,AvailableQTY,NextAvailableETA\n", qr/^stock\.csv:1: column SKU: stands twice/m],
    ['as many semicolons as commas', 'stock.csv', "SKU;StockLocation,AvailableQTY;NextAvailableETA,x\n", qr/^stock\.csv:1: the header has as many commas as semicolons/m],
    ['empty file', 'stock.csv', '', qr/^stock\.csv: is empty/m],
    ['Latin-1', 'warehouses.csv', "${warehouses}UK01,M\xfcnchen\nNL01,x\n", qr/^warehouses\.csv:2: column Name: not UTF-8/m],
    ['NUL', 'warehouses.csv', "${warehouses}UK01,M\0\nNL01,x\n", qr/^warehouses\.csv:2: column Name: a NUL byte/m],
    ['long text', 'warehouses.csv', "${warehouses}UK01,$long\nNL01,x\n", qr/^warehouses\.csv:2: column Name: 201 characters, at most 200 fit/m],
    ['quote never closed', 'warehouses.csv', "${warehouses}UK01,\"x\nNL01,x\n", qr/^warehouses\.csv:2: .*never closed/m],
    ['stray quote', 'warehouses.csv', "${warehouses}UK01,a\"b\nNL01,x\n", qr/^warehouses\.csv:2: column Name: a quote inside a cell/m],
    ['text behind a quote', 'warehouses.csv', "${warehouses}UK01,\"a\"b\nNL01,x\n", qr/^warehouses\.csv:2: column Name: text after the closing quote/m],
    ['line of a fault behind a cell of two lines', 'warehouses.csv', "${warehouses}UK01,\"a\nb\"\nNL01,$long\n", qr/^warehouses\.csv:4: column Name/m],
    ['warehouse in use', 'warehouses.csv', "${warehouses}UK01,x\n", qr/^warehouses\.csv: lacks 1 StockLocation .*NL01/m],
    ['currency', 'price_lists.csv', "${lists}UKTRADE,x,pounds\nUKRETAIL,x,GBP\nEUTRADE,x,EUR\n", qr/^price_lists\.csv:2: column CurrencyCode: .*is not a currency/m],
    ['no currency', 'price_lists.csv', "${lists}UKTRADE,x,\nUKRETAIL,x,GBP\nEUTRADE,x,EUR\n", qr/^price_lists\.csv:2: column CurrencyCode: is empty/m],
    ['no flag', 'prices.csv', "${prices}UKTRADE,DRAC001,1,maybe,1,1\n", qr/^prices\.csv:2: column DiscountEligible: .*neither 0 nor 1/m],
    ['unknown price list', 'prices.csv', "${prices}NONE,DRAC001,1,0,1,1\n", qr/^prices\.csv:2: column PriceListCode: .*NONE.* is not in/m],
    ['same MOQ', 'prices.csv', "${prices}UKTRADE,DRAC001,1,0,1,1\nUKTRADE,DRAC001,2,0,1.0,1\n", qr/^prices\.csv:3: column .*stands already in line 2/m],
    ['discount', 'customers.csv', "${customers}ACME01,x,UKTRADE,UK01,100.5\n", qr/^customers\.csv:2: column DiscountPercent: .*more than 100/m],
    ['list of a customer', 'customers.csv', "${customers}ACME01,x,NONE,UK01,1\n", qr/^customers\.csv:2: column PriceListCode: .*NONE/m],
    ['image of no product', 'product_images.csv', "${images}NONE,1,a.jpg,1\n", qr/^product_images\.csv:2: column SKU: .*NONE.* is not in/m],
    ['two primary images', 'product_images.csv', "${images}DRAC001,1,a.jpg,1\nDRAC001,2,b.jpg,1\n", qr/^product_images\.csv:3: column IsPrimaryImage: a second primary image for .*DRAC001.* line 2/m],
    )
{
    my ($what, $file, $text, $expected) = @$f;
    # A good change stands beside the fault: it must not come in either.
    my %files = ('product_accessories.csv' => "SKU,AccessorySKU\nDRAC001,FANG001\n", $file => $text);
    my ($rc, $out, $err) = kissctl('import', folder(%files));
    is $rc, 1, "$what: exit status 1";
    like $err, $expected, "... $file, line and column are named";
    like $err, qr/[0-9]+ errors?: nothing was changed/, '... and that nothing was changed';
    is $out, '', '... nothing on standard output';
}
is checksums($db, @tables), $before, 'no fault changed anything';

subtest 'many faults' => sub {
    my ($rc, $out, $err) = kissctl('import', '--remove-up-to', 100,
        folder('stock.csv' => $stock . join '', map {"S$_,UK01,x,\n"} 1 .. 250));
    is $rc, 1, 'exit status 1';
    is scalar(() = $err =~ /^stock\.csv:/mg), 100, '100 are named';
    like $err, qr/and 150 more/, 'the rest is counted';
    like $err, qr/250 errors/, 'all of them';
};

subtest 'what is no folder of files' => sub {
    for my $dir (folder('other.csv' => 'x'), folder(), '/nonexistent/folder') {
        my ($rc, $out, $err) = kissctl('import', $dir);
        is $rc, 1, 'exit status 1';
        like $err, qr/\Q$dir\E/, 'the folder is named';
    }
    is +(kissctl('import'))[0], 2, 'no folder: wrong usage';
    is +(kissctl('import', $sample, 'more'))[0], 2, 'one word too many: wrong usage';
    is +(kissctl('import', $sample, '--label', 'x'))[0], 2, 'an option of another verb: wrong usage';
    is +(kissctl('improt', $sample))[0], 2, 'no such verb: wrong usage';
    is checksums($db, @tables), $before, 'nothing changed';
};

subtest 'dry run' => sub {
    my $dir = sample('prices.csv' => sub { $_[0] =~ s/^(UKTRADE,FIRE101-0910),9\.70/$1,9.71/mr });
    my $report = JSON::PP->new->utf8->decode(kissctl_ok('import', $dir, '--dry-run', '--json'));
    ok $report->{DryRun}, 'it says that it is one';
    my ($part) = grep { $_->{File} eq 'prices.csv' } @{ $report->{Files} };
    is $part->{Changed}, 1, 'and what would change';
    is_deeply [map {"$_->{Dataset} $_->{Scope}"} @{ $report->{Revisions} }], ['prices UKTRADE'], 'and which revision';
    is checksums($db, @tables), $before, 'nothing changed';
    like kissctl_ok('import', $dir, '--dry-run'), qr/nothing was kept/, 'as text too';
};

subtest 'the same again' => sub {
    my $tag = etag('/products');
    my $report = JSON::PP->new->utf8->decode(kissctl_ok('--json', 'import', $sample));
    is_deeply $report->{Revisions}, [], 'no revision is raised';
    is scalar(grep { $_->{Added} || $_->{Changed} || $_->{Removed} } @{ $report->{Files} }), 0, 'no row is touched';
    is scalar(@{ $report->{Files} }), 10, 'ten files';
    my ($part) = grep { $_->{File} eq 'products.csv' } @{ $report->{Files} };
    is $part->{Rows}, scalar @{ csv_rows("$sample/products.csv") }, 'all rows were read';
    is checksums($db, @tables), $before, 'nothing changed';
    is etag('/products'), $tag, 'the ETag is the same';
    # Another order of rows and columns, BOM, CRLF, other words for the same: still the same.
    my $dir = sample('warehouses.csv' => sub {"\xef\xbb\xbfName,StockLocation\r\nVenlo,NL01\r\nLeicester,\"UK01\"\r\n"});
    $report = JSON::PP->new->utf8->decode(kissctl_ok('--json', 'import', $dir));
    is_deeply $report->{Revisions}, [], 'nor by another way to write it';
};

subtest 'one row of stock' => sub {
    my %bearer = ('ACME01' => $bearer, map { ($_ => 'Bearer ' . $h->token($_, issue_key($_))) } qw(DISG04 BEAU02));
    my $tags = sub {
        return { map { my $c = $_; map { ("$c $_" => $h->get($_, Authorization => $bearer{$c})->{headers}{etag}) }
                    qw(/products /stock /prices) } sort keys %bearer };
    };
    my ($old, $r) = ($tags->(), revisions());
    my ($row) = grep { $_->{StockLocation} eq 'UK01' } @{ csv_rows("$sample/stock.csv") };
    my $dir = sample('stock.csv' => sub { $_[0] =~ s/^\Q$row->{SKU}\E,UK01,[^,]*/$row->{SKU},UK01,4711/mr });
    my $report = JSON::PP->new->utf8->decode(kissctl_ok('--json', 'import', $dir));
    is_deeply [map {"$_->{Dataset} $_->{Scope}"} @{ $report->{Revisions} }], ['stock UK01'], 'one revision is raised';
    my $now = revisions();
    is_deeply [grep { $now->{$_} != $r->{$_} } sort keys %$now], ['stock UK01'], 'so the database says';
    cmp_ok $now->{'stock UK01'}, '>', $r->{'stock UK01'}, 'it grew';
    my $new = $tags->();
    is_deeply [grep { $new->{$_} ne $old->{$_} } sort keys %$new], ['ACME01 /stock'], 'one ETag of nine is another';
    like $h->get('/stock', Authorization => $bearer)->{content}, qr/"AvailableQTY":\s*4711\b/, 'the new quantity is served';
    kissctl_ok('import', $sample);
};

subtest 'served while an import runs' => sub {
    my $dir = tempdir_here();
    my $rows = csv_rows("$sample/products.csv");
    my ($head, $line) = slurp("$sample/products.csv") =~ /\A([^\n]*\n)(SKEL[^\n]*\n|[^\n]*\n)/;
    my @columns = split /,/, $head =~ s/\s+\z//r;
    my $n = 12000;
    my $text = slurp("$sample/products.csv");
    $text .= join ',', "ZZ$_", "Product $_", (map {''} 3 .. @columns) and $text .= "\n" for 1 .. $n;
    spew("$dir/products.csv", $text);
    my $p = slurp("$sample/prices.csv");
    $p .= "UKTRADE,ZZ$_,1.5,0,1,1\n" for 1 .. $n;
    spew("$dir/prices.csv", $p);
    my $old = fetch($h, '/prices', Authorization => $bearer);
    my $load = KissTest::Load->start(1, sub {
        my $res = fetch($h, '/prices', Authorization => $bearer);
        return { status => $res->{status}, tag => $res->{headers}{etag},
            old => ($res->{content} eq $old->{content} ? 1 : 0),
            zz => scalar(() = $res->{content} =~ /"SKU":\s*"ZZ/g) };
    });
    sleep 0.1;
    my $begun = time;
    kissctl_ok({ timeout => 60 }, 'import', $dir);
    my $done = time;
    sleep 0.3;
    my @seen = $load->finish;
    cmp_ok scalar(grep { $_->{at} > $begun && $_->{at} + $_->{seconds} < $done } @seen), '>', 3, 'polled meanwhile';
    is scalar(grep { $_->{status} != 200 } @seen), 0, 'always 200';
    is scalar(grep { !$_->{old} && $_->{zz} != $n } @seen), 0, 'the old list or the new one, nothing between';
    is scalar(grep { ($_->{tag} eq $old->{headers}{etag}) != ($_->{old} == 1) } @seen), 0, 'and its ETag';
    is scalar(grep { $_->{old} && $_->{at} > $done } @seen), 0, 'the new one after it';
    is $seen[-1]{zz}, $n, 'all of it';
    my $switches = grep { $seen[$_]{old} != $seen[$_ - 1]{old} } 1 .. $#seen;
    is $switches, 1, 'one switch, never back';
    kissctl_ok({ timeout => 60 }, 'import', '--remove-up-to', 100, $sample);
};

# A writer that has more to lose than an import, locks a row, and changes it when the import waits for that row: it then waits for the
# revision that the import has locked.
subtest 'a writer that locks its rows first' => sub {
    sql($db, 'CREATE TABLE heavy (n INT PRIMARY KEY)');
    my $waiting = 'information_schema.innodb_trx JOIN information_schema.processlist ON id = trx_mysql_thread_id WHERE db = DATABASE()';
    my $writer = <<"SQL";
DELIMITER //
BEGIN NOT ATOMIC
    START TRANSACTION;
    INSERT INTO heavy SELECT seq FROM seq_1_to_20000;
    SELECT COUNT(*) FROM stock FOR UPDATE;
    WHILE (SELECT COUNT(*) FROM $waiting AND trx_state = 'LOCK WAIT' AND trx_query LIKE 'UPDATE stock o%') = 0 DO
        DO SLEEP(0.5);      -- innodb_trx is not read anew while somebody reads it more than ten times a second
    END WHILE;
    UPDATE stock SET available_qty = available_qty + 1 WHERE sku <> 'ACRO101-0506' LIMIT 1;
    COMMIT;
END//
SQL
    my $dir = sample('stock.csv' => sub { $_[0] =~ s/^(ACRO101-0506,UK01,)\d+/${1}91/mr });
    my @got = parallel(2, sub {
        my ($i) = @_;
        return sql($db, $writer) && 1 if !$i;
        wait_until(30, sub { (sql($db, "SELECT COUNT(*) FROM information_schema.processlist WHERE db = DATABASE() AND info LIKE 'DO SLEEP%'"))[0][0] })
            or die 'no writer';
        return [kissctl({ db => $db, timeout => 60 }, 'import', $dir)];
    });
    my ($rc, $out, $err) = @{ $got[1] };
    is $rc, 0, 'the import is done';
    like "$out$err", qr/another transaction was in the way, and all was done again/, '... and says what was in its way';
    unlike $err, qr/1213/, '... without an error';
    cmp_ok +(sql($db, "SELECT available_qty FROM stock WHERE sku = 'ACRO101-0506' AND stock_location = 'UK01'"))[0][0], '==', 91, '... and all of it is there';
    sql($db, 'DROP TABLE heavy');
    import_sample($db);
};

# Each time something is in the way: a trigger answers as the server does when it has chosen a transaction to roll back.
subtest 'another transaction in the way, again and again' => sub {
    my $before = join "\n", map {"@$_"} sql($db, 'SELECT sku, stock_location, available_qty FROM stock ORDER BY 1, 2');
    my $dir = sample('stock.csv' => sub { $_[0] =~ s/^(ACRO101-0506,UK01,)[0-9.]*,/${1}92,/mr });
    sql($db, <<'SQL');
CREATE SEQUENCE attempts;       -- is not rolled back
DELIMITER //
CREATE TRIGGER in_the_way BEFORE UPDATE ON stock FOR EACH ROW
    IF NEXTVAL(attempts) THEN SIGNAL SQLSTATE '40001' SET MYSQL_ERRNO = 1213, MESSAGE_TEXT = 'in the way'; END IF//
SQL
    my ($rc, $out, $err) = kissctl({ db => $db, timeout => 60 }, 'import', $dir);
    is $rc, 1, 'it gives up';
    is +(sql($db, 'SELECT NEXTVAL(attempts)'))[0][0], 6, '... after five times';
    like $err, qr/1213/, '... with the error of the server' or diag $err;
    sql($db, 'DROP TRIGGER in_the_way; DROP SEQUENCE attempts');
    is join("\n", map {"@$_"} sql($db, 'SELECT sku, stock_location, available_qty FROM stock ORDER BY 1, 2')), $before, '... and nothing is changed';
    kissctl_ok('import', $dir);
    cmp_ok +(sql($db, "SELECT available_qty FROM stock WHERE sku = 'ACRO101-0506' AND stock_location = 'UK01'"))[0][0], '==', 92, 'when nothing is in the way it is done';
    import_sample($db);
};

subtest 'two at once' => sub {
    my $other = sample('stock.csv' => sub { $_[0] =~ s/,UK01,[0-9.]*,/,UK01,77,/gr });
    my @r = parallel(2, sub { [kissctl({ timeout => 90 }, 'import', $_[0] ? $other : $sample)] });
    is "$r[$_][0]", 0, "import $_ is done" or diag $r[$_][2] for 0, 1;
    my ($sum) = sql($db, "SELECT COUNT(*), SUM(available_qty = 77) FROM stock WHERE stock_location = 'UK01'");
    my $mine = grep { $_->{StockLocation} eq 'UK01' && $_->{AvailableQTY} == 77 } @{ csv_rows("$sample/stock.csv") };
    ok $sum->[1] == $mine || $sum->[1] == $sum->[0], 'the content of one of them, not a mixture' or diag explain $sum;
    kissctl_ok('import', $sample);
};

# Two hosts at one server. The first one waits for a row that the test has, and the second one for the first one, whose lock is the server's:
# it goes on when that is done, or when its host is gone.
subtest 'the second one waits for the first one' => sub {
    my ($server, $dir) = (db_server(), tempdir_here());
    my %folder = map { my $n = $_; $n => sample('stock.csv' => sub { $_[0] =~ s/,UK01,[0-9.]*,/,UK01,$n,/gr }) } 51, 52;
    my $start = sub {
        my ($n) = @_;
        return KissTest::Database::spawn("$dir/$n", { KISSCTL_DEFAULTS => $server->defaults($db) }, build_dir() . '/support/kissctl', '--sql', top() . '/sql', 'import', $folder{$n});
    };
    my $waits = sub { my ($for) = @_; return wait_until(60, sub { (sql(undef, "SELECT COUNT(*) FROM information_schema.processlist WHERE db = '$db' AND $for"))[0][0] }) };
    for my $killed (0, 1) {
        my $hold = $server->session($db);
        $hold->('START TRANSACTION');
        $hold->('DO (SELECT COUNT(*) FROM revision FOR UPDATE)');
        my $first = $start->(51);
        ok $waits->("info LIKE 'SELECT n FROM revision FOR UPDATE%'"), 'the first one has the lock';
        my $second = $start->(52);
        ok $waits->("state = 'User lock'"), '... the second one waits for it';
        like slurp("$dir/52"), qr/another kissctl is at work on this database: waiting up to 60 seconds/, '... and says so';
        kill 'KILL', $first if $killed;
        waitpid $first, 0 if $killed;
        $hold->('ROLLBACK');
        waitpid $first, 0 if !$killed;
        is $? & 127, $killed ? 9 : 0, $killed ? 'the first one is killed' : 'the first one is done';
        waitpid $second, 0;
        is $?, 0, '... the second one is done, after it' or diag slurp("$dir/52");
        is_deeply [sql($db, "SELECT DISTINCT available_qty + 0 FROM stock WHERE stock_location = 'UK01'")], [['52.000']], '... all is of the second one';
        $hold->();
        unlink glob "$dir/*";
        kissctl_ok('import', $sample);
    }
};

subtest 'keys outlive an import' => sub {
    is $h->get('/stock', Authorization => $bearer)->{status}, 200, 'the token works';
    ok $h->token('ACME01', $key), 'and the key';
    my $dir = sample('customers.csv' => sub { $_[0] =~ s/^CIRC03.*\n//mr });
    my $k = issue_key('CIRC03');
    kissctl_ok('import', $dir);
    is +(sql($db, "SELECT COUNT(*) FROM api_key WHERE customer_code = 'CIRC03'"))[0][0], 1, 'also those of who is gone';
    my $login = sub { return $h->post('/auth/token',
        { grant_type => 'client_credentials', client_id => 'CIRC03', client_secret => $k })->{status} };
    is $login->(), 400, '... who is refused';
    kissctl_ok('import', $sample);
    is $login->(), 200, '... until a load names the customer again';
};

subtest 'customer' => sub {
    fails(1, qr/there is no customer 'NONE'/, 'customer', $_, 'NONE') for qw(show disable enable);
    fails(1, qr/there is no customer 'NONE'/, 'customer', 'set', 'NONE', '--name', 'x');
    fails(1, qr/exists already/, qw(customer add ACME01 --price-list UKTRADE --warehouse UK01));
    fails(1, qr/there is no .*'NONE'/, qw(customer add NEW01 --price-list NONE --warehouse UK01));
    fails(1, qr/there is no .*'NONE'/, qw(customer add NEW01 --price-list UKTRADE --warehouse NONE));
    fails(2, qr/--warehouse is missing/, qw(customer add NEW01 --price-list UKTRADE));
    fails(2, qr/--discount/, qw(customer add NEW01 --price-list UKTRADE --warehouse UK01 --discount), $_)
        for qw(101 -1 x 1.00001);
    fails(2, qr/--limit-minute/, qw(customer set ACME01 --limit-minute), $_) for qw(0 -1 x);
    fails(2, qr/nothing to set/, qw(customer set ACME01));
    fails(2, qr/missing/, qw(customer show));
    fails(2, qr/usage/, 'customer');
    kissctl_ok(qw(customer add NEW01 --price-list UKTRADE --warehouse UK01 --discount 12.5 --name), 'N & Söhne',
        qw(--limit-minute 5));
    my $c = JSON::PP->new->utf8->decode(kissctl_ok(qw(customer show NEW01 --json)));
    is_deeply [@$c{qw(CustomerCode PriceListCode StockLocation Enabled LimitMinute LimitHour)}],
        ['NEW01', 'UKTRADE', 'UK01', JSON::PP::true(), 5, undef], 'added';
    my $k = issue_key('NEW01');
    my $b = 'Bearer ' . $h->token('NEW01', $k);
    is $h->get('/stock', Authorization => $b)->{status}, 200, 'it works';
    kissctl_ok(qw(customer disable NEW01));
    is $h->get('/stock', Authorization => $b)->{status}, 401, 'disabled: the token is refused at once';
    kissctl_ok(qw(customer enable NEW01));
    is $h->get('/stock', Authorization => $b)->{status}, 200, 'enabled again';
    kissctl_ok(qw(customer set NEW01 --limit-minute default));
    $c = JSON::PP->new->utf8->decode(kissctl_ok(qw(customer show NEW01 --json)));
    is $c->{LimitMinute}, undef, 'the default limit again';
    is scalar @{ JSON::PP->new->utf8->decode(kissctl_ok(qw(customer list --json))) }, 7, 'seven are listed';
    # Untrusted text goes to a terminal: no control character reaches it.
    kissctl(qw(customer set NEW01 --name), "a\e[31mb");
    unlike kissctl_ok(qw(customer list)), qr/\e/, 'no escape sequence in the list';
};

subtest 'key' => sub {
    fails(1, qr/there is no customer 'NONE'/, qw(key), $_, 'NONE') for qw(issue list);
    fails(1, qr/there is no key 999999/, qw(key revoke 999999));
    fails(2, qr/is not the number of a key/, qw(key revoke x));
    fails(2, qr/--expires/, qw(key issue ACME01 --expires), $_) for qw(tomorrow 2026-02-29 2026-13-01 2026-01-01T25:00:00Z);
    fails(2, qr/--label: longer than 100/, qw(key issue ACME01 --label), 'x' x 101);
    my ($rc, $out, $err) = kissctl(qw(key issue ACME01 --label test));
    is $rc, 0, 'issued';
    like $out, qr/\Akiss_[0-9a-f]{8}_[A-Za-z0-9_-]{43}\n\z/, 'the key alone on standard output';
    my $k = $out =~ s/\n//r;
    unlike $err, qr/\Q$k\E/, 'and not on standard error';
    my ($id) = $err =~ /this is key ([0-9]+)/;
    ok $h->token('ACME01', $k), 'it works';
    my $list = kissctl_ok(qw(key list ACME01 --json));
    unlike $list, qr/\Q$k\E|@{[substr $k, 14]}/, 'the list does not show it';
    my ($row) = grep { $_->{ID} == $id } @{ JSON::PP->new->utf8->decode($list) };
    is $row->{Label}, 'test', 'its label is listed';
    kissctl_ok(qw(key revoke), $id);
    is $h->post('/auth/token', { grant_type => 'client_credentials', client_id => 'ACME01', client_secret => $k })->{status},
        401, 'revoked';
    ($rc, $out, $err) = kissctl(qw(key revoke), $id);
    is $rc, 0, 'again: done';
    like $err, qr/was revoked before/, '... with a note';
};

subtest 'token-key' => sub {
    my $dir = tempdir_here();
    my @f = ('--token-keys', "$dir/token.keys");
    fails(1, qr/token-key rotate' makes the first key/, 'token-key', 'list', @f);
    my $first = kissctl_ok('token-key', 'rotate', @f) =~ s/\s+\z//r;
    is((stat "$dir/token.keys")[2] & 077, 0, 'nobody else can read the file');
    my $list = kissctl_ok('token-key', 'list', '--json', @f);
    my ($secret) = slurp("$dir/token.keys") =~ m{^[^#\s]\S*[ ]+(\S+)}m;
    unlike $list, qr/\Q$secret\E/, 'no secret is listed';
    my $l = JSON::PP->new->utf8->decode($list);
    is scalar @$l, 1, 'one key';
    fails(1, qr/is the only key/, 'token-key', 'retire', $l->[0]{KID}, @f);
    fails(1, qr/there is no key 'none'/, 'token-key', 'retire', 'none', @f);
    kissctl_ok('token-key', 'rotate', @f);
    $l = JSON::PP->new->utf8->decode(kissctl_ok('token-key', 'list', '--json', @f));
    is scalar @$l, 2, 'two keys';
    ok $l->[0]{Signs} && !$l->[1]{Signs}, 'the first signs';
    kissctl_ok('token-key', 'retire', $l->[1]{KID}, @f);
    my $now = JSON::PP->new->utf8->decode(kissctl_ok('token-key', 'list', '--json', @f));
    is_deeply [map { $_->{KID} } @$now], [$l->[0]{KID}], 'the old one is gone';
    chmod 0644, "$dir/token.keys";
    fails(1, qr/token\.keys/, 'token-key', 'list', @f);
    fails(1, qr/Make it, or name another/, 'token-key', 'rotate', '--token-keys', "$dir/none/token.keys");
};

subtest 'files that the tables have already, and first loads' => sub {
    my $of = new_database('short');
    # load($dir, @options): exit status, what it says, what it raised.
    my $load = sub {
        my ($dir, @options) = @_;
        my ($rc, $out, $err) = kissctl({ db => $of }, 'import', @options, $dir);
        my ($raised) = $out =~ /revisions raised: (.*)/;
        return ($rc, $err, $raised // '-');
    };
    my $rows = sub { return join ' ', map { (sql($of, "SELECT COUNT(*) FROM $_"))[0][0] } grep { !/api_key|revision/ } @tables };
    my $none = $rows->();
    my ($rc, $err, $raised) = $load->(sample('prices.csv' => sub { $_[0] . (split /\n/, $_[0])[1] . "\n" }));
    is $rc, 1, 'a first load with a row twice is refused';
    like $err, qr/^prices\.csv:566: column PriceListCode, SKU, MOQ: .*stands already in line 2$/m, '... by its line';
    is $rows->(), $none, '... and nothing is there';
    ($rc, $err) = $load->(sample('product_images.csv' => sub { $_[0] . "NOSUCH,1,x.jpg,0\n" }));
    like $err, qr/^product_images\.csv:327: column SKU: 'NOSUCH' is not in products\.csv$/m, 'one with a reference to nothing, too';
    is $rows->(), $none, '... and nothing is there';
    ($rc, $err) = $load->(sample('product_images.csv' => sub { $_[0] . "DRAC001,98,x.jpg,1\nDRAC001,99,x.jpg,1\n" }));
    like $err, qr/^product_images\.csv:32\d: column IsPrimaryImage: a second primary image for 'DRAC001'/m, '... and one with two primary images';
    ($rc, $err) = $load->($sample, '--dry-run');
    is "$rc " . $rows->(), "0 $none", 'tried only: nothing is there';
    ($rc, $err, $raised) = $load->($sample);
    like $raised, qr/^assortment,customers,listing EUTRADE,.*,products,stock NL01,stock UK01$/, 'loaded: all revisions are raised';
    is_deeply [sql($of, 'SELECT t.table_name FROM last_load t WHERE t.row_count = 0')], [], '... and the numbers of rows are noted';

    my $same = sample('prices.csv' => sub { $_[0] =~ s/(\.\d)0,/$1,/gr }, 'stock.csv' => sub { my ($head, @r) = split /(?<=\n)/, $_[0]; join '', $head, reverse @r });
    is_deeply [($load->($same))[0, 2]], [0, 'none'], 'the same in another order, with numbers that are written otherwise: nothing is raised';
    is_deeply [($load->(sample('warehouses.csv' => sub { $_[0] =~ s/Leicester/Derby/r })))[0, 2]], [0, 'none'], 'a name that is not sent changes';
    is +(sql($of, "SELECT name FROM warehouse WHERE stock_location = 'UK01'"))[0][0], 'Derby', '... and is written';

    # What no file may have is named, though the table has it.
    my $as_table = sub {
        return sample('product_images.csv' => sub { join '', $images, map { join(',', @$_) . "\n" } sql($of, 'SELECT sku, image_id, file_name, 1 - is_secondary'
                . ' FROM product_image ORDER BY sku, image_id') });
    };
    my $insert = 'INSERT INTO product_image (sku, image_id, file_name, is_secondary) VALUES';
    sql($of, "$insert ('DRAC001', '98', 'x', 0), ('DRAC001', '99', 'x', 0)");
    ($rc, $err) = $load->($as_table->());
    like $err, qr/a second primary image for 'DRAC001'/, 'two primary images that are in the table, too, are refused';
    sql($of, "DELETE FROM product_image WHERE file_name = 'x'; SET foreign_key_checks = 0; $insert ('NOSUCH', '1', 'x', 1)");
    ($rc, $err) = $load->($as_table->());
    like $err, qr/^product_images\.csv:\d+: column SKU: 'NOSUCH' is not in products\.csv$/m, '... and so is a reference to nothing';
    sql($of, "DELETE FROM product_image WHERE file_name = 'x'");
    is +($load->($sample))[0], 0, 'the sample again';

    # A change that is committed after the tables were compared with the files, and before the load has the revisions.
    my $once = 0;
    my $writer = KissTest::Load->start(1, sub {
        return { done => sleep 0.1 } if $once++;
        return { done => eval { sql($of, "START TRANSACTION; UPDATE stock SET available_qty = 4711 WHERE sku = 'DRAC001'; SELECT SLEEP(3); COMMIT"); 1 } };
    });
    wait_until(10, sub { (sql($of, "SELECT COUNT(*) FROM information_schema.processlist WHERE info LIKE 'SELECT SLEEP%'"))[0][0] });
    ($rc, $err, $raised) = $load->($sample);
    $writer->finish;
    is_deeply [$rc, (sql($of, 'SELECT COUNT(*) FROM stock WHERE available_qty = 4711'))[0][0]], [0, 0], 'a change that is committed meanwhile is not overlooked';
    like $raised, qr/^stock /, '... and the revision is raised for what takes its place';
};

subtest 'no database' => sub {
    my $dir = tempdir_here();
    spew("$dir/none.cnf", "[kissctl]\nsocket=$dir/none.sock\nuser=x\ndatabase=x\n", 0600);
    fails(1, qr/./, { defaults => "$dir/none.cnf" }, 'customer', 'list');
    fails(1, qr/cannot read .*absent\.cnf.*--defaults/s, { defaults => "$dir/absent.cnf" }, 'import', $sample);
};

$h->log_ok;
done_testing;
