# No page of the KSS API scans a table: the server counts what it reads for each, and that is what the page's own rows
# and those in front of it demand, whatever the tables' size.
# SPDX-License-Identifier: Apache-2.0
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use KissTest;
use Test::More;

my $db = new_database('plan', api => 'kss');
my $dir = tempdir_here();
kissctl_ok('kss', 'demo-data', $dir, '--scale', 8);
import_kss($db, $dir);
my $program = build_dir() . '/t/tools/statement';
my %accounts = (employee => '', customer => '101', supplier => '10');
my %size = map { $_ => (sql($db, "SELECT COUNT(*) FROM $_"))[0][0] } qw(invoice invoice_line);
cmp_ok $size{invoice_line}, '>', 100_000, "the tables are large: $size{invoice} invoices, $size{invoice_line} lines";

# How many rows and index entries the server touches for a request: (rows of the answer, reads).
sub reads {
    my ($endpoint, $role, $query, @named) = @_;
    my ($rc, $statement, $error) = run($program, $endpoint, $role, $accounts{$role}, 'CA', $query, @named);
    die "$endpoint: $error" if $rc;
    my @out = map { ($_->[0] // '') . "\t" . ($_->[1] // '') }
        sql($db, "FLUSH STATUS; $statement; SELECT '--- end'; SHOW SESSION STATUS LIKE 'Handler\\_read%'");
    my ($rows, $reads, $behind) = (0, 0, 0);
    for (@out) {
        if (/^--- end/) { $behind = 1 }
        elsif (!$behind) { $rows++ }
        elsif (/\t(\d+)/) { $reads += $1 }
    }
    return ($rows, $reads);
}

# What some lists must read beside: all pairs of products and customers, which are in no index's order; what a rep covers;
# the lines of a hundred invoices before they are in order.
my %beside = (customerPricing => 5000, salesReps => 1500, invoiceTransactions => 1500, invoiceCOAs => 1500);

# A dozen reads for each row up to the page's end (tables joined, keys of the row behind), and what the accounts of a
# key have, which is some thousand at most here. A scan of one of the large tables is far beyond that.
sub bounded {
    my ($endpoint, $role, $query) = @_;
    my ($page, $size) = ($query =~ /\bPage=(\d+)/ ? $1 : 1, $query =~ /PageSize=(\d+)/ ? $1 : 50);
    my ($rows, $reads) = reads($endpoint, $role, $query);
    my $most = 12 * $page * $size + ($role eq 'employee' ? 400 : 3000) + ($beside{$endpoint} || 0);
    cmp_ok $reads, '<=', $most, "$endpoint, $role, @{[substr $query, 0, 60]}: $rows rows, $reads reads";
    return;
}

# Read from its first row, a page has the same rows as after those before it were counted, and these are not read. Nothing for a
# list that is not in the order of its keys, or has no such page. Returns whether it was tried.
sub from_start {
    my ($endpoint, $role, $query, $size) = @_;
    my @ask = ($program, $endpoint, $role, $accounts{$role}, 'CA', "$query&PageSize=$size&Page=3", '');
    my ($rc, $counted, $error) = run(@ask);
    die "$endpoint: $error" if $rc;
    my @keys = $counted =~ /, (page\.k\d)/g or return 0;
    my @rows = sql($db, $counted) or return 0;
    my @first = @{ $rows[0] }[-@keys .. -1];
    return 0 if grep { !defined || $_ eq 'NULL' } @first;
    my $start = join ',', @first;
    my ($same, $statement) = run(@ask, $start);
    is_deeply [sql($db, $statement)], \@rows, "$endpoint, $role: page 3 by $size from $start";
    my (undef, $reads) = reads($endpoint, $role, "$query&PageSize=$size&Page=3", '', $start);
    cmp_ok $reads, '<=', 12 * $size + ($role eq 'employee' ? 400 : 3000) + ($beside{$endpoint} || 0), "... $reads reads";
    return 1;
}

my $invoices = join ',', 9001 .. 9100;
my %needs = (
    customerPricing => 'CustomerIDs=101,102,103&', invoiceTransactions => "InvoiceIDs=$invoices&",
    invoiceCOAs => "InvoiceIDs=$invoices&", purchaseTrans => 'PurchaseIDs=' . join(',', 1 .. 100) . '&'
);
my $source = slurp(top() . '/mod_kiss/lib/api/kss.c');
my @lists = $source =~ /PAGE(?:_CLOSED)?\("([\w-]+)", "[^":]+"/g;
cmp_ok scalar @lists, '>', 25, 'lists were found';

# Each filter of the lists that lie over large tables.
my @filters = (
    [invoices => 'CustomerIDs=101,102', 'InvoiceIDs=9001,9002,9003', 'Statuses=5',
        'StartDate=2026-06-01&EndDate=2026-06-30&Statuses=7'],
    [invoiceTransactions => "InvoiceIDs=$invoices&Statuses=7"],
    ['payments-openInvoices' => 'ARAccountIDs=501,502'],
    [payments => 'ARAccountIDs=501,502', 'SupplierIDs=10', 'PaymentTypeIDs=2'],
    ['payments-applications' => 'ARAccountIDs=501', 'PaymentInvoiceNums=PAY-2026-00001', 'Statuses=Pending'],
    [retailerInventory => 'CustomerIDs=101', 'ProductIDs=5001,5002'],
    [inventory => 'ProductIDs=5001', 'LocationIDs=1'],
    [products => 'SupplierIDs=10', 'ProductIDs=5001,5002', 'Statuses=2', 'SupplierProductNumbers=SKU-05002'],
    [purchases => 'VendorIDs=1', 'LocationIDs=1', 'Statuses=New', 'StartDate=2026-06-01&EndDate=2026-06-30'],
    [customers => 'States=CA', 'AccountStatuses=Inactive', 'CustomerIDs=101,102'],
    [arAging => 'CustomerIDs=101', 'SupplierIDs=10']
);
# A record is found by its key, and what belongs to it by keys: a reader's own accounts are the most of it.
my %record = (customer => 101, invoice => 9001, location => 1, product => 5001, supplier => 10, user => 1);
my @records = $source =~ /RECORD\("([\w-]+)", "/g;
is_deeply [sort @records], [sort keys %record], 'records were found';
sub found {
    my ($endpoint, $role) = @_;
    my ($rows, $reads) = reads($endpoint, $role, '', $record{$endpoint});
    cmp_ok $reads, '<=', $role eq 'employee' ? 40 : 100, "$endpoint, $role: $rows row, $reads reads";
    return;
}

# The plans must not depend on how much the server knows: it counts a table's rows some seconds after they came.
for my $known ('as they are after the import', 'counted') {
    note "statistics: $known";
    sql($db, 'ANALYZE TABLE ' . join ', ', map { $_->[0] } sql($db, 'SHOW FULL TABLES WHERE Table_type = "BASE TABLE"'))
        if $known eq 'counted';
    for my $endpoint (@lists, 'customerPricing') {
        for my $role (sort keys %accounts) {
            bounded($endpoint, $role, ($needs{$endpoint} || '') . $_) for 'PageSize=50', 'PageSize=50&Page=10';
        }
    }
    if ($known eq 'counted') {
        my %tried;
        for my $endpoint (@lists) {
            $tried{$endpoint} += from_start($endpoint, $_, $needs{$endpoint} || '', 20) for qw(employee supplier);
        }
        cmp_ok scalar(grep {$_} values %tried), '>', 7, 'lists that are read from the first row of a page';
    }
    for my $endpoint (@records) {
        found($endpoint, $_) for sort keys %accounts;
    }
    bounded('invoices', $_, 'PageSize=500&Statuses=1,2,3,4,5,7') for sort keys %accounts;
    bounded('invoices', 'employee', 'Statuses=7&Page=200&PageSize=50');

    for (@filters) {
        my ($endpoint, @queries) = @$_;
        for my $query (@queries) {
            bounded($endpoint, $_, $query) for sort keys %accounts;
        }
    }
}
done_testing;
