# A list is made of an earlier state of itself and of the rows that have changed since, as the database's log of changes tells; its
# bytes are those of a list that is read whole. Whatever the log cannot tell is read whole.
# SPDX-License-Identifier: Apache-2.0
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use KissTest;
use KissTest::Database;
use KissTest::Lists;
use KissTest::Load;
use Test::More;
use Time::HiRes qw(sleep time);

my $server = db_server();
my @paths = qw(/products /stock /prices);
my @customers = qw(ACME01 BEAU02 CIRC03 DISG04 FLOO06);
my $seed = $ENV{KISS_TEST_SEED} || 20261129;

my $db = new_database('patch');
import_sample($db);
my %key = map { $_ => issue_key($_) } @customers, 'EMPT05';

# Two servers of one database. $patched keeps what it has made; $whole is emptied before each question, and reads all.
my $patched = serve_lists(\%key, log_level => 'info kiss:debug', modules => []);
my $whole = serve_lists(\%key, modules => []);

sub empty { my ($h) = @_; unlink glob folder($h) . '/*@*'; return }
sub ask_whole { empty($whole); return ask_list($whole, @_) }

# same($path, $customer): asks both; the fate of the one that may be patched, or what is wrong.
my %fates;
sub same {
    my ($path, $customer) = @_;
    my ($got, $expected) = (ask_list($patched, $path, $customer), ask_whole($path, $customer));
    return "$got->{status} $expected->{status}" if "$got->{status} $expected->{status}" ne '200 200';
    return "ETag $got->{headers}{etag} $expected->{headers}{etag}" if $got->{headers}{etag} ne $expected->{headers}{etag};
    if ($got->{content} ne $expected->{content}) {
        ($got->{content} ^ $expected->{content}) =~ /[^\0]/;
        return "differs at $-[0]: " . substr($got->{content}, $-[0] > 80 ? $-[0] - 80 : 0, 160) . "\n# expected: "
            . substr($expected->{content}, $-[0] > 80 ? $-[0] - 80 : 0, 160);
    }
    my $fate = fate($patched, $got);
    $fates{$path}{$fate}++;
    return $fate;
}

# ---- random histories

srand $seed;
my @skus = map { $_->[0] } sql($db, 'SELECT sku FROM product ORDER BY sku');
sub any { return $_[rand @_] }
sub q_ { my ($text) = @_; return "'" . ($text =~ s/(['\\])/\\$1/gr) . "'" }
sub sku { return q_(any(@skus)) }
my @odd = ('0FIRST', 'ZZZLAST', 'A"B', 'A\\B', "\x{c3}\x{9c}BER", "\x{f0}\x{9f}\x{98}\x{80}", 'a', 'A', 'A ', "tab\there", '/', '{', '},');
sub new_sku { return q_(any(@odd) . any('', 1 .. 5)) }
sub list { return q_(any(qw(UKTRADE UKRETAIL EUTRADE))) }
sub store { return q_(any(qw(UK01 NL01))) }
my @changes = (
    # texts and numbers of a product
    sub { 'UPDATE product SET name = CONCAT(LEFT(name, 40), ' . int(rand 1000) . ') WHERE sku = ' . sku() },
    sub { 'UPDATE product SET description = ' . q_(any('', "a\nb", 'x' x 3000, '"quoted"', "\x{e2}\x{82}\x{ac}")) . ' WHERE sku = ' . sku() },
    sub { "UPDATE product SET packaged_weight_in_g = packaged_weight_in_g + 1.5, gender = 'Any' WHERE sku BETWEEN " . sku() . ' AND ' . sku() . ' LIMIT 5' },
    # what comes, goes, and changes its name
    sub { "UPDATE product SET status = IF(status = 'Obsolete', 'Live', 'Obsolete') WHERE sku = " . sku() },
    sub { my $s = new_sku(); "INSERT IGNORE INTO product (sku, name) VALUES ($s, 'New'); REPLACE INTO price (price_list_code, sku, unit_price) VALUES (" . list() . ", $s, 1)" },
    sub { my $s = new_sku(); "INSERT IGNORE INTO product (sku, name) VALUES ($s, 'New'); REPLACE INTO stock (stock_location, sku, available_qty) VALUES (" . store() . ", $s, 1)" },
    sub { my $s = new_sku(); "DELETE FROM product_image WHERE sku = $s; DELETE FROM product_accessory WHERE sku = $s; DELETE FROM product WHERE sku = $s" },
    sub { "UPDATE IGNORE product SET sku = " . new_sku() . " WHERE sku = " . new_sku() },
    # what is nested
    sub { "DELETE FROM product_image WHERE sku = " . sku() },
    sub { "REPLACE INTO product_image (sku, image_id, file_name, is_secondary) VALUES (" . sku() . ", " . int(rand 4) . ", 'f.jpg', " . int(rand 2) . ')' },
    sub { "UPDATE product_image SET is_secondary = 1 - is_secondary, file_name = CONCAT(LEFT(file_name, 20), 'x') WHERE sku = " . sku() },
    sub { "UPDATE IGNORE product_image SET sku = " . sku() . " WHERE sku = " . sku() },
    sub { "REPLACE INTO product_accessory (sku, accessory_sku) VALUES (" . sku() . ', ' . sku() . ')' },
    sub { "UPDATE IGNORE product_accessory SET accessory_sku = " . sku() . " WHERE sku = " . sku() . ' LIMIT 1' },
    sub { "DELETE FROM product_accessory WHERE sku = " . sku() },
    sub { "REPLACE INTO product_substitution (sku, substitute_sku) VALUES (" . sku() . ', ' . sku() . ')' },
    sub { "DELETE FROM product_substitution WHERE sku = " . sku() . ' LIMIT 1' },
    sub { "UPDATE IGNORE product_substitution SET sku = " . sku() . " WHERE sku = " . sku() . ' LIMIT 1' },
    sub { "REPLACE INTO product_composition (sku, material_code, composition_percentage) VALUES (" . sku() . ", 'M" . int(rand 3) . "', " . int(rand 100) . ')' },
    sub { "UPDATE product_composition SET material_description = CONCAT('m', " . int(rand 9) . ') WHERE sku = ' . sku() },
    sub { "DELETE FROM product_composition WHERE sku = " . sku() },
    # prices
    sub { 'UPDATE price SET unit_price = unit_price + ' . (1 + int rand 3) . ' WHERE price_list_code = ' . list() . ' AND sku = ' . sku() },
    sub { 'UPDATE price SET discount_eligible = 1 - discount_eligible, moq = moq + 1 WHERE sku = ' . sku() . ' ORDER BY moq DESC' },
    sub { 'DELETE FROM price WHERE price_list_code = ' . list() . ' AND sku = ' . sku() },
    sub { 'DELETE FROM price WHERE sku = ' . sku() . ' LIMIT 1' },
    sub { 'REPLACE INTO price (price_list_code, sku, unit_price, moq) VALUES (' . list() . ', ' . any(sku(), new_sku()) . ', 3.5, ' . any(1, 10, 100) . ')' },
    sub { 'INSERT INTO price (price_list_code, sku, unit_price, moq) VALUES (' . list() . ', ' . sku() . ', 4, 1) ON DUPLICATE KEY UPDATE unit_price = unit_price + 1' },
    sub { 'UPDATE IGNORE price SET sku = ' . any(sku(), new_sku()) . ' WHERE price_list_code = ' . list() . ' AND sku = ' . sku() },
    sub { 'UPDATE IGNORE price SET price_list_code = ' . list() . ' WHERE sku = ' . sku() },
    # stock
    sub { 'UPDATE stock SET available_qty = available_qty + 1 WHERE stock_location = ' . store() . ' AND sku = ' . sku() },
    sub { "UPDATE stock SET next_available_eta = " . any('NULL', "'2027-01-31'") . ' WHERE sku = ' . sku() },
    sub { 'DELETE FROM stock WHERE stock_location = ' . store() . ' AND sku = ' . sku() },
    sub { 'REPLACE INTO stock (stock_location, sku, available_qty) VALUES (' . store() . ', ' . any(sku(), new_sku()) . ', ' . int(rand 50) . ')' },
    sub { 'UPDATE IGNORE stock SET stock_location = ' . store() . ' WHERE sku = ' . sku() },
    sub { 'UPDATE IGNORE stock SET sku = ' . sku() . ' WHERE sku = ' . sku() . ' AND stock_location = ' . store() },
    # nothing at all
    sub { 'UPDATE price SET unit_price = unit_price WHERE sku = ' . sku() },
    sub { 'UPDATE stock SET available_qty = available_qty + 1 WHERE sku = ' . sku() . '; UPDATE stock SET available_qty = available_qty - 1 WHERE sku = ' . sku() },
    # a transaction that is rolled back, one that is not
    sub { my $s = sku(); "START TRANSACTION; UPDATE price SET unit_price = 99 WHERE sku = $s; DELETE FROM stock WHERE sku = $s; ROLLBACK" },
    sub { my ($s, $t) = (sku(), sku()); "START TRANSACTION; UPDATE price SET unit_price = 98 WHERE sku = $s; UPDATE product SET theme = 'T' WHERE sku = $t; COMMIT" },
);
# What changes more than some SKUs: the lists that it changes are read whole.
my @large = (
    sub { 'UPDATE price_list SET price_list_name = CONCAT(LEFT(price_list_name, 20), ' . int(rand 100) . ') WHERE price_list_code = ' . list() },
    sub { "UPDATE customer SET discount_percent = MOD(discount_percent + 7.25, 60) WHERE customer_code = " . q_(any(@customers)) },
    sub { 'UPDATE customer SET price_list_code = ' . list() . ' WHERE customer_code = ' . q_(any(@customers)) },
    sub { 'UPDATE customer SET stock_location = ' . store() . " WHERE customer_code IN ('BEAU02', 'DISG04')" },
    sub { "UPDATE price p JOIN product t ON t.sku = p.sku SET p.unit_price = p.unit_price + 0.01 WHERE p.price_list_code = " . list() },
    sub { 'UPDATE revision SET n = n + 1 WHERE dataset = ' . q_(any(qw(products assortment prices listing stock))) },
    sub { "UPDATE product SET status = 'Live'" },
);

subtest 'whatever happens, a list is what it would be if it was read whole' => sub {
    note "seed $seed";
    for my $round (1 .. 80) {
        sql($db, join '; ', (map { $_->() } map { any(@changes) } 1 .. 1 + int rand 6), rand() < 0.08 ? any(@large)->() : ());
        for my $customer (grep { rand() < 0.5 } @customers) {
            for my $path (@paths) {
                my $fate = same($path, $customer);
                next if $fate =~ /\A(?:hit|built|patched)\z/;
                fail "$path of $customer, round $round, seed $seed: $fate";
                return;
            }
        }
    }
    for my $path (@paths) {
        cmp_ok $fates{$path}{patched} || 0, '>', 30, "$path was patched $fates{$path}{patched} times";
        note "$path: " . join ', ', map {"$_ $fates{$path}{$_}"} sort keys %{ $fates{$path} };
    }
    is same($_, 'EMPT05'), 'built', "$_ without a price list" for @paths;
    is same($_, 'EMPT05'), 'hit', '... is nothing' for @paths;
    $_->log_ok for $patched, $whole;
};

# ---- what the log cannot tell

# touch_price($list): one more change of one price, as a rule of the first one.
my $first = (sql($db, "SELECT p.sku FROM price p JOIN product t ON t.sku = p.sku WHERE p.price_list_code = 'UKTRADE' AND t.is_obsolete = 0 ORDER BY 1 LIMIT 1"))[0][0];
sub touch_price {
    my ($sku) = @_;
    return sql($db, "UPDATE price SET unit_price = unit_price + 0.01 WHERE price_list_code = 'UKTRADE' AND sku = " . q_($sku // $first));
}
sub why { my ($n) = $patched->log_text =~ /.*KISS0616: (?:\w+): read completely \((.*?)\)/s; return $n // 'patched' }

sql($db, "UPDATE customer SET price_list_code = 'UKTRADE', stock_location = 'UK01' WHERE customer_code = 'ACME01'");
subtest 'what the log cannot tell is read whole' => sub {
    my $newest = "dataset = 'prices' AND scope = 'UKTRADE' ORDER BY n DESC";
    my $of = "dataset = 'prices' AND scope = 'UKTRADE' AND n = (SELECT * FROM (SELECT n FROM change_log WHERE dataset = 'prices' AND scope = 'UKTRADE' ORDER BY n DESC LIMIT %d, 1) q)";
    my $row = sub { return sprintf $of, @_ };
    my $gap = 'the log of changes has a gap';
    my @cases = (
        ['the newest change is missing', "DELETE FROM change_log WHERE $newest LIMIT 1", $gap],
        ['one in between is missing', 'DELETE FROM change_log WHERE ' . $row->(1), $gap],
        ['the oldest is missing', 'DELETE FROM change_log WHERE ' . $row->(2), $gap],
        ['all are missing', 'DELETE FROM change_log', $gap],
        ['one names another before it', 'UPDATE change_log SET prev = prev - 1 WHERE ' . $row->(2), $gap],
        ['one names itself', 'UPDATE change_log SET prev = n WHERE ' . $row->(0), 'the log of changes is out of order'],
        ['one names a later one', 'UPDATE change_log SET prev = n + 1 WHERE ' . $row->(1), 'the log of changes is out of order'],
        ['one is later than it was', 'UPDATE change_log SET n = n + 1 WHERE ' . $row->(0), $gap],
        ['one is of another list', "UPDATE change_log SET scope = 'EUTRADE' WHERE " . $row->(1), $gap],
        ['one is nobody\'s', "INSERT INTO change_log (dataset, scope, n, sku, prev) SELECT dataset, scope, n - 1, 'X', prev FROM change_log WHERE " . $row->(0), $gap],
        ['a marker', "UPDATE change_log SET sku = '' WHERE " . $row->(1), 'the log of changes does not say what has changed'],
        ['a revision raised by hand', "UPDATE revision SET n = n + 1 WHERE dataset = 'prices' AND scope = 'UKTRADE'; DELETE FROM change_log WHERE $newest LIMIT 1", $gap],
        # Revisions are microseconds: by a day, so that no version of the cases above is earlier.
        ['a revision that went back', "UPDATE revision SET n = n - 86400000000 WHERE dataset = 'prices' AND scope = 'UKTRADE'", 'no earlier version is cached'],
        ['a log of another life', "UPDATE change_log SET n = n - 5, prev = prev - 5 WHERE n > 0", $gap],
    );
    # As after a cut of the log, which one change in 8,192 makes: this row is no change.
    sql($db, "REPLACE INTO change_log (dataset, scope, n, sku, prev) VALUES ('prices', 'UKTRADE', 0, '', 0)");
    for my $case (@cases) {
        my ($name, $sql, $why) = @$case;
        sql($db, "UPDATE revision SET n = GREATEST(n + 1, DEFAULT(n)) WHERE dataset <> 'epoch'");
        like same('/prices', 'ACME01'), qr/\A(?:built|patched)\z/, "$name: the list before";
        touch_price() for 1 .. 3;
        sql($db, $sql);
        is same('/prices', 'ACME01'), 'built', '... is read whole afterwards';
        is why(), $why, '... and the log tells why';
        touch_price();
        is same('/prices', 'ACME01'), 'patched', '... but once more patched at the next change';
    }
    $patched->log_ok;
};

subtest 'too many changes' => sub {
    is same($_, 'ACME01') =~ /\A(?:hit|built|patched)\z/, 1, "$_ before" for @paths;
    my $rows = (sql($db, "SELECT COUNT(*) FROM price WHERE price_list_code = 'UKTRADE'"))[0][0];
    sql($db, "UPDATE price SET unit_price = unit_price + 0.01 WHERE price_list_code = 'UKTRADE'");
    is same($_, 'ACME01'), 'built', "$_: $rows prices of $rows: read whole" for qw(/prices /products);
    like why(), qr/\d+ of about \d+ SKUs? ha(?:s|ve) changed/, '... and the log tells why';
    is same('/stock', 'ACME01'), 'hit', '/stock does not depend on it';
    for (1 .. 8192 / $rows + 1) {
        sql($db, "UPDATE price SET unit_price = unit_price + 0.01 WHERE price_list_code = 'UKTRADE'");
    }
    is same('/prices', 'ACME01'), 'built', 'more changes than the module reads';
    is why(), 'too many changes', '... and the log tells why';
    touch_price() for 1 .. 500;
    is same('/prices', 'ACME01'), 'patched', 'five hundred changes of one price are one SKU';
    $patched->log_ok;
};

# ---- imports

subtest 'after an import' => sub {
    my $dir = tempdir_here() . '/files';
    mkdir $dir;
    # load(%files): imports files of the sample, these with another text.
    my $load = sub {
        my (%files) = @_;
        unlink glob "$dir/*";
        for (keys %files) {
            open my $out, '>:raw', "$dir/$_.csv" or die "$dir/$_.csv: $!";
            print $out $files{$_};
            close $out or die "$dir/$_.csv: $!";
        }
        return kissctl_ok('import', '--remove-up-to', 100, $dir);
    };
    my %sample = map { m{(\w+)\.csv\z} => slurp($_) } glob top() . '/sql/sample/*.csv';
    $load->(%sample);
    like same($_, 'ACME01'), qr/\A(?:hit|built|patched)\z/, "$_ of the sample" for @paths;

    # Three of UKTRADE whose products are sold.
    my @three = map { $_->[0] } sql($db, "SELECT DISTINCT p.sku FROM price p JOIN product t ON t.sku = p.sku WHERE p.price_list_code = 'UKTRADE' AND t.is_obsolete = 0 ORDER BY 1 LIMIT 3, 3");
    my $changed = 0;
    for my $sku (@three) {
        $changed += $sample{prices} =~ s/^(UKTRADE,\Q$sku\E,)\d+/${1}97/m;
    }
    is $changed, 3, 'three prices change';
    $load->(%sample);
    is same($_, 'ACME01'), 'patched', "$_ is patched" for qw(/prices /products);
    is same('/stock', 'ACME01'), 'hit', '/stock is the same';
    $sample{stock} =~ s/^(\Q$three[0]\E,UK01,)\d+/${1}7654/m or $sample{stock} =~ s/^(\w+-?\w*,UK01,)\d+/${1}7654/m;
    $load->(stock => $sample{stock});
    is same('/stock', 'ACME01'), 'patched', '/stock is patched after its own file';
    $sample{products} =~ s/^(\Q$three[1]\E,)(?:"[^"]*"|[^,]*)/${1}Renamed/m or die 'no such product';
    $sample{product_images} =~ s/^(\Q$three[2]\E,[^,]*,)/${1}x/m;
    $load->(%sample);
    is same('/products', 'ACME01'), 'patched', '/products is patched after a name and an image';
    $sample{prices} =~ s/^(UKTRADE,[^,]*,)/${1}1/mg;
    $load->(prices => $sample{prices});
    is same('/prices', 'ACME01'), 'built', 'other prices for all: /prices is read whole';
    $patched->log_ok;
};

# ---- lives of a database

subtest 'a restored database' => sub {
    my $backup = new_database('backup');
    my @tables = map { $_->[0] } sql($db, 'SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE()'
            . " AND table_type = 'BASE TABLE' AND table_name NOT IN ('schema_migration', 'change_log', 'revision')");
    # copy_into($from, $to): every row; the log and the revisions last, because triggers have written there.
    my $copy_into = sub {
        my ($from, $to) = @_;
        my $copy = sub {
            my ($t) = @_;
            my ($columns) = map { $_->[0] } sql($from, 'SELECT GROUP_CONCAT(column_name) FROM information_schema.columns'
                    . " WHERE table_schema = DATABASE() AND table_name = '$t' AND is_generated = 'NEVER'");
            return "DELETE FROM $t; INSERT INTO $t ($columns) SELECT $columns FROM `$from`.$t";
        };
        my $sql = join '; ', map { $copy->($_) } @tables, 'revision', 'change_log';
        return sql($to, "SET foreign_key_checks = 0; START TRANSACTION; $sql; COMMIT");
    };
    my @other = map { $_->[0] } sql($db, "SELECT p.sku FROM price p JOIN product t ON t.sku = p.sku WHERE p.price_list_code = 'UKTRADE' AND t.is_obsolete = 0 ORDER BY 1 LIMIT 1, 8");
    my $ask = sub { my ($expected, $name) = @_; is same($_, 'ACME01'), $expected, "$name: $_" for qw(/prices /products) };
    touch_price();
    same($_, 'ACME01') for @paths;
    $copy_into->($db, $backup);
    for (1 .. 5) {
        touch_price($other[$_]);
        $ask->('patched', "change $_ of a life that ends");
    }
    $copy_into->($backup, $db);
    $ask->('hit', 'the state of the backup');
    touch_price($other[6]);
    $ask->('built', 'after the restore the newest kept states are of a life that has ended');
    touch_price($other[7]);
    $ask->('patched', 'the next one stands on what is kept of this life');
    # One state of the ended life is passed over.
    $copy_into->($db, $backup);
    touch_price($other[0]);
    $ask->('patched', 'one change of the life that ends');
    $copy_into->($backup, $db);
    touch_price($other[6]);
    $ask->('patched', 'the state of the backup is the base, not the newer one');
    $patched->log_ok;
};

done_testing;
