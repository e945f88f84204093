#!/usr/bin/perl
# Lists are merged from scans in the order of their keys, long ones range by range. Whatever the keys are, wherever scans
# have gaps, and whatever happens while they are read: the answer is whole and of one moment.
# SPDX-License-Identifier: Apache-2.0

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use KissExpect;
use File::Temp;
use KissTest;
use KissTest::CSV qw(csv_rows csv_write);
use Test::More;
use Time::HiRes qw(time);

my @endpoints = qw(products stock prices);
my @columns = sort keys %{ csv_rows(top() . '/sql/sample/products.csv')->[0] };

# ---- random data: keys that sort differently by byte, by letter and in UTF-16, keys that begin like others

my @letters = ('a', 'A', 'b', 'Z', '0', '9', '-', '_', '~', '.', '!', "\xc3\x84", "\xc3\xa9", "\xc3\x9f", "\xe2\x82\xac",
    "\xee\x80\x80", "\xef\xbd\x9e", "\xf0\x9f\x8e\x83", "\xf4\x8f\xbf\xbd");

sub random_keys {
    my ($n) = @_;
    my %keys = map { $_ => 1 } "\xf4\x8f\xbf\xbd" x 16, '!';
    $keys{ join '', map { $letters[rand @letters] } 0 .. rand 5 } = 1 while keys %keys < $n;
    return keys %keys;
}

sub some { my ($part, @of) = @_; return grep { rand() < $part } @of }

# write_catalogue($dir, $n): products of n keys, some obsolete; lists and warehouses of some of them and of unknown ones.
sub write_catalogue {
    my ($dir, $n) = @_;
    my @keys = random_keys($n + $n / 10);
    my @products = @keys[0 .. $n - 1];
    my %list = (NONE => [], ONE => [$products[0]], FEW => [some(0.02, @keys)], HALF => [some(0.5, @keys)], ALL => \@keys,
        UNKNOWN => [@keys[$n .. $#keys]]);
    my @prices;
    for my $l (sort keys %list) {
        for my $sku (@{ $list{$l} }) {
            my $breaks = rand() < 0.8 ? 1 : 1 + rand 9;
            push @prices, [$l, $sku, sprintf('%.4f', rand 100), int rand 2, 10 * $_, 1] for 0 .. $breaks - 1;
        }
    }
    csv_write("$dir/products.csv", \@columns,
        [map { { map({ $_ => '' } @columns), SKU => $_, Name => "of $_", Status => rand() < 0.9 ? 'ACTIVE' : 'obsolete' } }
            @products]);
    csv_write("$dir/product_images.csv", [qw(SKU ImageID FileName IsPrimaryImage)],
        [map { my $s = $_; map { [$s, $_, "$_.jpg", $_ == 2 ? 1 : 0] } 1 .. 1 + rand 4 } some(0.7, @products)]);
    csv_write("$dir/product_accessories.csv", [qw(SKU AccessorySKU)], [map { [$_, $products[0]] } some(0.5, @products)]);
    csv_write("$dir/product_substitutions.csv", [qw(SKU SubstituteSKU)], [map { [$_, $products[1]] } some(0.01, @products)]);
    csv_write("$dir/product_composition.csv", [qw(SKU MaterialCode MaterialDescription CompositionPercentage)],
        [map { my $s = $_; map { [$s, "M$_", "of $s", 50] } 1, 2 } some(0.3, @products)]);
    csv_write("$dir/price_lists.csv", [qw(PriceListCode PriceListName CurrencyCode)], [map { [$_, "List $_", 'EUR'] } sort keys %list]);
    csv_write("$dir/prices.csv", [qw(PriceListCode SKU UnitPrice DiscountEligible MOQ OrderMultiple)], \@prices);
    csv_write("$dir/warehouses.csv", [qw(StockLocation Name)], [map { [$_, ''] } qw(FULL THIN BARE)]);
    csv_write("$dir/stock.csv", [qw(SKU StockLocation AvailableQTY NextAvailableETA)],
        [map({ [$_, 'FULL', int rand 100, rand() < 0.5 ? '' : '2027-01-15'] } some(0.95, @keys)),
            map { [$_, 'THIN', 5, ''] } some(0.03, @keys)]);
    csv_write("$dir/customers.csv", [qw(CustomerCode Name PriceListCode StockLocation DiscountPercent)],
        [(map { my $l = $_; map { ["$l-$_", '', $l, $_, $_ eq 'THIN' ? 12.5 : 0] } qw(FULL THIN) } sort keys %list),
            ['ALL-BARE', '', 'ALL', 'BARE', 0]]);
    return $dir;
}

# Keys that are few (1000) and that are not; more than the first range of /products, which has 800, and than its second one.
for my $n (2, 40, 700, 3500) {
    subtest "$n random products" => sub {
        srand 20260401 + $n;
        my $dir = write_catalogue(tempdir_here(), $n);
        my $expect = KissExpect->new($dir);
        my $db = new_database("merge$n");
        import_csv($db, $dir);
        my $h = start_httpd();
        for my $customer ($expect->customers) {
            my $token = $h->token($customer, issue_key($customer));
            for my $endpoint (@endpoints) {
                my $res = $h->get("/$endpoint", Authorization => "Bearer $token");
                my ($same, $where) = same_json($res->{content}, $expect->$endpoint($customer));
                ok $res->{status} == 200 && $same, "/$endpoint of $customer" or diag "$res->{status} $where";
            }
        }
        $h->log_ok;
        $h->stop;
        drop_database($db);
    };
}

# ---- one moment, all or nothing: products enough for some ranges, keys enough for a file

my $db = new_database('moment');
sql($db, $_)
    for "INSERT INTO price_list VALUES ('L', 'List', 'EUR')", "INSERT INTO warehouse VALUES ('W', '')",
    "INSERT INTO product (sku, name) SELECT RPAD(CONCAT('SKU', seq), 64, '-'), REPEAT('n', 200) FROM seq_1_to_3000",
    "INSERT INTO price (price_list_code, sku) SELECT 'L', sku FROM product",
    "INSERT INTO stock (stock_location, sku) SELECT 'W', sku FROM product",
    "INSERT INTO product_composition (sku, material_code) SELECT sku, 'M' FROM product";
kissctl_ok(qw(customer add C --price-list L --warehouse W));
my $key = issue_key('C');

# Every number in the answer is the same one: that of the last transaction that the read saw; with an odd one, every third
# product is obsolete.
my %number = (products => 'CartonQty|CompositionPercentage|MOQ', stock => 'AvailableQTY', prices => 'MOQ');

sub moment_of {
    my ($h, $bearer, $endpoint) = @_;
    my $res = $h->get("/$endpoint", Authorization => $bearer);
    return "status $res->{status}" if $res->{status} != 200;
    my %n = map { $_ => 1 } $res->{content} =~ /"(?:$number{$endpoint})":(\d+)/g;
    my $rows = () = $res->{content} =~ /^/mg;    # each row is a line
    my ($n) = keys %n;
    return 'one moment' if keys %n == 1 && $rows == ($n % 2 ? 2000 : 3000);
    return "$rows rows with the numbers @{[sort keys %n]}";
}

subtest 'a change between the scans is in all of the answer, or in nothing of it' => sub {
    my $h = start_httpd(processes => 1, threads => 8);
    my $bearer = 'Bearer ' . $h->token('C', $key);
    my ($changes, $seen) = (0, {});
    my $dir = File::Temp->newdir;
    # 12 seconds, and until the writer and each reader have done six things, however busy the machine is.
    my $end = time + 12;
    my $done = sub { my ($i) = @_; open my $mark, '>', "$dir/$i" or die "$dir/$i: $!"; return };
    my $going = sub { time < $end || grep({ !-e "$dir/$_" } 0 .. 3) && time < $end + 120 };
    # All that is kept gets out of date all the time: there is always a read when a change is committed.
    my $outdate = <<'SQL';
DELIMITER //
BEGIN NOT ATOMIC
    DECLARE turn INT DEFAULT 0;
    WHILE turn < 100 DO
        UPDATE revision SET n = n + 1 WHERE dataset = 'epoch';
        DO SLEEP(0.01);
        SET turn = turn + 1;
    END WHILE;
END//
SQL
    my @found = parallel(5, sub {
        my ($i) = @_;
        my %seen;
        if ($i == 4) {
            sql($db, $outdate) while $going->();
            return \%seen;
        }
        if ($i == 3) {
            # Prices change their own order, too: the quantity is part of their key.
            for (my $n = 1; $going->() || $n <= 6; $n++) {
                my $third = "SUBSTRING_INDEX(SUBSTRING(sku, 4), '-', 1) % 3 = 0";
                sql($db, "SET @\@innodb_lock_wait_timeout = 20; START TRANSACTION; UPDATE price SET moq = $n;"
                    . " UPDATE stock SET available_qty = $n; UPDATE product_composition SET composition_percentage = $n % 100;"
                    . " UPDATE product SET carton_qty = $n % 100, status = IF($n % 2 AND $third, 'obsolete', ''); COMMIT");
                $done->($i) if ++$seen{changes} == 6;
                last if $n == 99;
            }
            return \%seen;
        }
        while ($going->()) {
            $seen{ moment_of($h, $bearer, $endpoints[$i]) }++;
            $done->($i) if ($seen{'one moment'} // 0) == 6;
        }
        return \%seen;
    });
    my $writer = $found[3];
    cmp_ok $writer->{changes}, '>', 5, "$writer->{changes} changes";
    for my $i (0 .. 2) {
        my %other = %{ $found[$i] };
        my $good = delete $other{'one moment'} || 0;
        cmp_ok $good, '>', 5, "/$endpoints[$i]: $good answers of one moment";
        is_deeply \%other, {}, '... and no others';
    }
    $h->log_ok;
};

subtest 'a scan that breaks off is an error, never the end of the list' => sub {
    my $h = start_httpd(processes => 1, threads => 8);
    my $bearer = 'Bearer ' . $h->token('C', $key);
    my %whole = map { $_ => $h->get("/$_", Authorization => $bearer)->{content} } @endpoints;
    # Two times of three the connection that is tried next is ended, too: a read that began is tried again once.
    my $kill = <<'SQL';
DELIMITER //
BEGIN NOT ATOMIC
    DECLARE n INT DEFAULT 0;
    DECLARE turn INT DEFAULT 0;
    DECLARE CONTINUE HANDLER FOR 1094 BEGIN END;
    WHILE turn < 60 DO
        UPDATE revision SET n = n + 1;
        DO SLEEP(RAND() * 0.03);
        FOR c IN (SELECT id FROM information_schema.processlist WHERE user = 'kiss' AND RAND() < 0.7) DO
            EXECUTE IMMEDIATE CONCAT('KILL ', c.id);
            SET n = n + 1;
        END FOR;
        IF RAND() < 0.7 THEN
            DO SLEEP(RAND() * 0.02);
            FOR c IN (SELECT id FROM information_schema.processlist WHERE user = 'kiss') DO
                EXECUTE IMMEDIATE CONCAT('KILL ', c.id);
            END FOR;
        END IF;
        SET turn = turn + 1;
    END WHILE;
    SELECT n;
END//
SQL
    my $end = time + 12;
    my @found = parallel(4, sub {
        my ($i) = @_;
        my %seen;
        # Readers go on until they have had some whole ones, when nothing is killed any more.
        while (time < $end || $i < 3 && ($seen{whole} // 0) <= 5 && time < $end + 60) {
            if ($i < 3) {
                my $res = $h->get("/$endpoints[$i]", Authorization => $bearer);
                my $same = $res->{content} eq $whole{ $endpoints[$i] };
                $seen{ $res->{status} == 200 ? $same ? 'whole' : 'SHORT' : $res->{status} }++;
                next;
            }
            # A reader that is killed while it opens a table leaves a trigger that "has an error" (findings/mariadb-killed-reader.sh).
            $seen{killed} += eval { (sql($db, $kill))[0][0] } // do { die $@ if $@ !~ /has an error in its body/; sql($db, 'FLUSH TABLES'); 1 };
        }
        return \%seen;
    });
    my $killer = pop @found;
    cmp_ok $killer->{killed}, '>', 20, "$killer->{killed} connections were killed";
    for my $i (0 .. $#found) {
        my %other = %{ $found[$i] };
        my $good = delete $other{whole} || 0;
        my $refused = delete $other{503} || 0;
        my $broken = delete $other{599} || 0;    # the client was told by the missing end
        cmp_ok $good, '>', 5, "/$endpoints[$i]: $good whole answers, $refused refused, $broken broken off";
        is_deeply \%other, {}, '... and no others';
    }
};

done_testing;
