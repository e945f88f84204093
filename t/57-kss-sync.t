#!/usr/bin/perl
# The nightly walk of a client that keeps a copy: whole lists by pages, a year of invoices, their lines by hundreds of
# ids
# per request. Both ways of walking (until HasNextPage is false; until a page is shorter than asked) give each row once,
# in the order of the contract, and equal the database.
# SPDX-License-Identifier: Apache-2.0

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use HTTP::Tiny;
use List::Util qw(min);
use Test::More;
use Time::HiRes qw(time);
use KissTest;

my $db = new_database('sync', api => 'kss');
my $dir = tempdir_here();
kissctl_ok(qw(kss demo-data), $dir, qw(--scale 4));
import_kss($db, $dir);
my %key = (employee => issue_kss_key(type => 'employee'), supplier => issue_kss_key(type => 'supplier', ids => [10,
    12]));
my $h = start_httpd(api => 'kss', config => 'MaxKeepAliveRequests 0');
my $client = HTTP::Tiny->new(keep_alive => 1, timeout => 30);

my ($requests, $bytes, $rows) = (0, 0, 0);

# page($role, $path): (rows as texts, HasNextPage). The text is not decoded: there is too much of it for pure Perl.
sub page {
    my ($role, $path) = @_;
    my $res = $client->get("$h->{url}/api/v1$path", { headers => { 'x-api-key' => $key{$role} } });
    die "$path: $res->{status} $res->{content}\n" if $res->{status} != 200;
    $requests++;
    $bytes += length $res->{content};
    my ($data, $more) =
        $res->{content} =~ /\A\{"Data":\[(.*)\],"Page":\d+,"PageSize":\d+,"HasNextPage":(true|false)\}\z/s
        or die "$path: not the envelope\n";
    # A row begins with its id; in arrays that the database makes a blank stands behind the colon.
    my @rows = length $data ? split /(?<=\}),\s*(?=\{"[A-Za-z]*ID":(?! ))/, $data : ();
    $rows += @rows;
    return (\@rows, $more eq 'true');
}

# walk($role, $path, $size, $way): all rows. $way is 'flag' or 'short'.
sub walk {
    my ($role, $path, $size, $way) = @_;
    my @all;
    for (my $page = 1; ; $page++) {
        my ($some, $more) = page($role, $path . ($path =~ /\?/ ? '&' : '?') . "PageSize=$size&Page=$page");
        push @all, @$some;
        die "$path: a page of " . @$some . " rows that is not the last\n" if $more && @$some != $size;
        die "$path: more rows than asked\n" if @$some > $size;
        return \@all if $way eq 'flag' ? !$more : @$some < $size;
    }
}

# cells($rows, @names): "1|2" of the values of these members.
sub cells {
    my ($rows, @names) = @_;
    my $re = join '.*?', map {qr/"$_":"?([^",]*)"?[,\}]/} @names;
    return [map { join '|', $_ =~ /$re/s or die "no @names in $_\n" } @$rows];
}

sub expected { my ($sql) = @_; return [map { join '|', map { $_ // 'null' } @$_ } sql($db, $sql)] }

# same(got, expected, name): equal, in order, or says where they part.
sub same {
    my ($got, $expected, $name) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $equal = join("\n", @$got) eq join("\n", @$expected);
    ok $equal, "$name: " . @$expected . ' rows';
    return if $equal;
    my ($i) = grep { ($got->[$_] // 'none') ne ($expected->[$_] // 'none') } 0 .. @$got + @$expected;
    diag 'got ' . @$got . ' rows, expected ' . @$expected . "; row $i: " . ($got->[$i] // 'none') . ' instead of '
        . ($expected->[$i] // 'none');
    return;
}

my $own = 'supplier_id IN (10, 12)';
my %lists = (
    customers => ['/customers?AccountStatuses=Active,Inactive,OutOfBus', [qw(CustomerID State AccountStatus)],
        'SELECT customer_id, state, account_status FROM customer WHERE %s ORDER BY 1',
        "state IN (SELECT state FROM supplier WHERE $own)"
            . " OR EXISTS (SELECT 1 FROM supplier WHERE $own AND state = '')"],
    products => ['/products?Statuses=0,1,2,3,4,5', [qw(ProductID SupplierID StatusID)],
        'SELECT product_id, COALESCE(supplier_id, 0), status_id FROM product WHERE %s ORDER BY 1', $own],
    inventory => ['/inventory', [qw(LocationID ProductID OnFloorInventory)],
        'SELECT location_id, product_id, on_floor_inventory FROM inventory WHERE %s ORDER BY 1, 2',
        "product_id IN (SELECT product_id FROM product WHERE $own)"],
    batches => ['/inventory/batches', [qw(LocationID ProductID BatchCode)],
        'SELECT location_id, product_id, batch_code FROM inventory_batch b WHERE EXISTS (SELECT 1 FROM inventory n'
            . ' WHERE n.location_id = b.location_id AND n.product_id = b.product_id) AND (%s)'
            . ' ORDER BY location_id, product_id, batch_id',
        "product_id IN (SELECT product_id FROM product WHERE $own)"],
    retailers => ['/retailerInventory', [qw(ID ProductID CustomerID)],
        'SELECT id, product_id, customer_id FROM retailer_inventory WHERE %s ORDER BY customer_id, product_id, id',
        "product_id IN (SELECT product_id FROM product WHERE $own)"],
    reps => ['/salesReps', [qw(UserID Type)],
        'SELECT u.user_id, IF(EXISTS (SELECT 1 FROM sales_rep_group g WHERE g.user_id = u.user_id'
            . " AND g.product_group = 'Supplier'), 'Supplier Rep', 'Territory Manager')"
            . ' FROM portal_user u WHERE u.active = 1 AND EXISTS'
            . ' (SELECT 1 FROM sales_rep_group g WHERE g.user_id = u.user_id) AND (%s) ORDER BY u.full_name, u.user_id',
        "u.user_id IN (SELECT user_id FROM sales_rep_supplier WHERE $own)"],
    purchases => ['/purchases', [qw(PurchaseID Status)],
        'SELECT purchase_id, status FROM purchase WHERE %s'
            . ' ORDER BY post_date IS NULL DESC, post_date DESC, purchase_id',
        $own],
    payments => ['/payments', [qw(PaymentID PaymentInvoiceNum Amount)],
        'SELECT payment_id, payment_invoice_num, amount FROM payment WHERE %s ORDER BY post_date DESC, payment_id DESC',
        $own]
);

my $began = time;
for my $role (sort keys %key) {
    for my $name (sort keys %lists) {
        my ($path, $members, $sql, $scope) = @{ $lists{$name} };
        my $expected = expected(sprintf $sql, $role eq 'supplier' ? "($scope)" : 1);
        cmp_ok @$expected, '>', 0, "$role, $name: there are rows";
        my $n = @$expected;
        # The last two sizes make the last page a full one.
        for my $size (500, $n > 500 ? () : ($n, $n % 2 ? () : $n / 2), 37) {
            for my $way (qw(flag short)) {
                same(cells(walk($role, $path, $size, $way), @$members), $expected, "$role, $name by $size, $way");
            }
        }
    }
}

my $year = 'StartDate=2025-10-01&EndDate=2026-09-30';
my $in_year = "date >= '2025-10-01' AND date < '2026-10-01'";
for my $role (sort keys %key) {
    my $mine = $role eq 'supplier' ? "invoice_id IN (SELECT invoice_id FROM invoice_line WHERE $own)" : 1;
    my $expected = expected("SELECT invoice_id, customer_id, invoice_num FROM invoice WHERE $in_year AND $mine"
            . ' ORDER BY date DESC, invoice_id DESC');
    cmp_ok @$expected, '>', 3000, "$role: a year of invoices";
    my @ids;
    for my $way (qw(flag short)) {
        my $rows = walk($role, "/invoices?Statuses=1,2,3,4,5,7&$year", 500, $way);
        my $got = cells($rows, qw(InvoiceID CustomerID InvoiceNum));
        same($got, $expected, "$role, invoices of a year, $way");
        @ids = map {/\A(\d+)/} @$got;
    }
    # Sums of the headers are those of the lines.
    my $lines_of = $role eq 'supplier' ? "AND l.$own" : '';
    my %sum = map { $_->[0] => $_->[1] } sql($db, "SELECT l.invoice_id, CAST(SUM(l.ext_price) AS DECIMAL(30,6))"
            . " FROM invoice_line l JOIN invoice i USING (invoice_id) WHERE i.$in_year $lines_of GROUP BY 1");
    my $headers = cells(walk($role, "/invoices?Statuses=1,2,3,4,5,7&$year", 500, 'flag'), qw(InvoiceID TotalExtPrice));
    my @differ = grep { my ($id, $total) = split /\|/; $total ne ($sum{$id} // '0.000000') } @$headers;
    is "@differ[0 .. ($#differ > 3 ? 3 : $#differ)]", '', "$role: each header's sum is that of its lines";

    my $all = expected('SELECT invoice_trans_id, invoice_id, product_id, num_units, CAST(ext_price AS DECIMAL(30,6))'
            . " FROM invoice_line l JOIN invoice i USING (invoice_id) WHERE i.$in_year $lines_of ORDER BY 1");
    s/\.00(?=\|)// for @$all;
    cmp_ok @$all, '>', 3000, "$role: their lines";
    # The Employee's are many: one way each is enough for them.
    for my $case ([300, 'flag'], [100, 'short'], $role eq 'supplier' ? ([1000, 'flag'], [300, 'short']) : ()) {
        my ($at_once, $way) = @$case;
        my @got;
        my @rest = @ids;
        while (my @some = splice @rest, 0, $at_once) {
            my $rows = walk($role, '/invoiceTransactions?InvoiceIDs=' . join(',', @some), 500, $way);
            push @got, @{ cells($rows, qw(InvoiceTransID InvoiceID ProductID NumUnits ExtPrice)) };
        }
        # Each request has its own order: by line. Together they are every line, once.
        no warnings 'numeric';
        same([sort { $a <=> $b } @got], $all, "$role, lines by $at_once ids, $way");
    }
}
my $seconds = time - $began;
diag sprintf 'sync: %d rows, %.1f MB, %d requests in %.1f s (%.1f ms each, the test\'s own work included)', $rows,
    $bytes / 1e6,
    $requests, $seconds, 1000 * $seconds / $requests;

# A child remembers where pages begin: what a page holds does not depend on which ones were read before, nor on what was changed
# between them. One child, and pages small enough that there are many.
subtest 'pages while others write' => sub {
    my $seed = $ENV{KISS_TEST_SEED} // int rand 1e9;
    srand $seed;
    diag "KISS_TEST_SEED=$seed";
    my $one = start_httpd(api => 'kss', processes => 1);
    my $page_of = sub {
        my ($path, $size, $page) = @_;
        my $res = $client->get("$one->{url}/api/v1$path&PageSize=$size&Page=$page", { headers => { 'x-api-key' => $key{employee} } });
        return "$res->{status} $res->{content}" if $res->{status} != 200;
        my ($data, $more) = $res->{content} =~ /\A\{"Data":\[(.*)\],"Page":$page,"PageSize":$size,"HasNextPage":(true|false)\}\z/s;
        return [split(/(?<=\}),\s*(?=\{"[A-Za-z]*ID":(?! ))/, $data), $more];
    };
    my %case = (
        '/products?Statuses=1' => [[qw(ProductID)], 'SELECT product_id FROM product WHERE status_id = 1 ORDER BY 1',
            'UPDATE product SET status_id = 3 - status_id WHERE status_id IN (1, 2) ORDER BY RAND(%d) LIMIT 1'],
        '/customers?AccountStatuses=Active' => [[qw(CustomerID)],
            "SELECT customer_id FROM customer WHERE account_status = 'Active' ORDER BY 1",
            "UPDATE customer SET account_status = IF(account_status = 'Active', 'Inactive', 'Active') ORDER BY RAND(%d) LIMIT 1"],
        '/inventory?x=' => [[qw(LocationID ProductID)], 'SELECT location_id, product_id FROM inventory ORDER BY 1, 2',
            'DELETE FROM inventory ORDER BY RAND(%d) LIMIT 1'],
        '/customers/creditTerms?x=' => [[qw(CustomerID SupplierID)],
            'SELECT customer_id, supplier_id FROM customer_credit_term ORDER BY 1, 2',
            'DELETE FROM customer_credit_term ORDER BY RAND(%d) LIMIT 1'],
    );
    for my $path (sort keys %case) {
        my ($members, $sql, $change) = @{ $case{$path} };
        my @wrong;
        my $rows = expected($sql);
        for my $try (1 .. 12) {
            my $size = 2 + int rand 6;
            my $first = 1 + int rand(@$rows / $size);
            for my $page ($first .. $first + 3) {
                my $got = $page_of->($path, $size, $page);
                my $more = ref $got ? pop @$got : '';
                my $end = $page * $size < @$rows ? $page * $size : @$rows;
                my @want = @$rows[($page - 1) * $size .. $end - 1];     # not beyond: grep would make the rows that are not there
                my $is = ref $got ? join ' ', @{ cells($got, @$members) }, $more : $got;
                my $should = join ' ', @want, @$rows > $page * $size ? 'true' : 'false';
                push @wrong, "try $try, page $page by $size: $is instead of $should" if $is ne $should;
                if (rand() < 0.4) {
                    sql($db, sprintf $change, int rand 1e9);
                    $rows = expected($sql);
                }
            }
        }
        is join("\n", @wrong), '', "$path: each page is what it is by itself";
    }
    # What the server reads for the page after one that was read, and for one of which nothing is known.
    my $read = sub {
        my ($page) = @_;
        my $count = sub { my $n = 0; $n += $_->[1] for sql(undef, "SHOW GLOBAL STATUS LIKE 'Handler_read_next'"); return $n };
        my $before = $count->();
        $page_of->('/products?Statuses=1', 3, $page);
        return $count->() - $before;
    };
    $page_of->('/products?Statuses=1', 3, 1);
    # Others may use this server, too: what they read is counted with it, and the least of five is what one page takes.
    my ($counted, @next) = map { $read->($_) } 21 .. 26;
    my $next = min(@next);
    cmp_ok $counted, '>', 55, "page 21: $counted rows are read, those before it are counted";
    cmp_ok $next, '<', 8, "pages 22 to 26: $next, they are read from their first row";
    $one->log_ok;
};

$h->log_ok;
done_testing;
