# kissctl kss import against a real database: the sample, faults, all or nothing, revisions, sums, requests that stay, made
# categories; a real distributor's data when it is there; kissctl kss demo-data.
# SPDX-License-Identifier: Apache-2.0
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use JSON::PP ();
use KissTest;
use KissTest::CSV qw(csv_rows csv_write);
use KissTest::Faults;
use KissTest::Import qw(checksums folder);
use KissTest::Payments;
use Test::More;
use Time::HiRes qw(time);

my $sample = top() . '/sql/sample-kss';
my $db = new_database('kss_import', api => 'kss');

# Each file and its table.
my %table = map { my $t = s/ies\.csv\z/y/r; ($_ => $t =~ s/s?\.csv\z//r) } map { s{.*/}{}r } glob "$sample/*.csv";
@table{qw(users.csv inventory_batches.csv)} = qw(portal_user inventory_batch);
$table{$_} =~ s/statuse\z/status/ for keys %table;

sub count { return (sql($db, "SELECT COUNT(*) FROM $_[0] WHERE " . ($_[1] || 1)))[0][0] }
sub one { return (sql($db, $_[0]))[0][0] }
sub revisions { return { map { @$_ } sql($db, "SELECT dataset, n FROM revision WHERE dataset <> 'epoch'") } }
sub state { return checksums($db, sort(values %table), qw(invoice_sum invoice_supplier revision)) }

# import(@args): the report. moved(@args): the datasets whose revision it raised, as the database says.
sub import { return JSON::PP->new->utf8->decode(kissctl_ok({ timeout => 300 }, qw(kss import --json), @_)) }

sub moved {
    my $before = revisions();
    my $report = import(@_);
    my $now = revisions();
    my @moved = grep { $now->{$_} != $before->{$_} } sort keys %$now;
    is_deeply [sort map { $_->{Dataset} } @{ $report->{Revisions} }], \@moved, 'the report names the revisions that moved';
    is scalar(grep { $now->{$_} <= $before->{$_} } @moved), 0, '... and grew';
    return \@moved;
}

# edited(file => sub { text -> text }): a folder with these files of the sample, edited.
sub edited { my (%edit) = @_; return folder(map { ($_ => $edit{$_}->(slurp("$sample/$_"))) } keys %edit) }

# scaled($text, $scale): a decimal as a whole number, independent of the program's own arithmetic. 64 bits are enough here.
sub scaled {
    my ($text, $scale) = @_;
    my ($sign, $whole, $part) = $text =~ /\A(-?)(\d+)(?:\.(\d*))?\z/ or die "no number: $text";
    $part = '' unless defined $part;
    die "more than $scale decimals: $text" if substr($part, $scale < length $part ? $scale : length $part) =~ /[1-9]/;
    my $n = 0 + ($whole . substr $part . '0' x $scale, 0, $scale);
    return $sign ? -$n : $n;
}
sub millionths { return scaled($_[0], 6) }

subtest 'sample' => sub {
    my $moved = moved($sample);
    is scalar @$moved, scalar keys %table, 'every table is new';
    is count($table{$_}), scalar @{ csv_rows("$sample/$_") }, "$_: all rows are in $table{$_}" for sort keys %table;
    my $before = state();
    is_deeply moved($sample), [], 'the same again raises nothing';
    is state(), $before, 'and changes nothing';
    is one("SELECT customer_name FROM customer WHERE customer_id = 131"), "M\xc3\xbcller's Garden 31", 'UTF-8';
    is one("SELECT CONCAT_WS('|', delivery_days, delivery_minimum) FROM customer WHERE delivery_days LIKE '%;%' LIMIT 1") =~ /;/, 1,
        'delivery days';
    is count('customer', 'delivery_days IS NULL') > 0, 1, 'empty is NULL';
    is one("SELECT DATE_FORMAT(date, '%H:%i:%s.%f') FROM invoice LIMIT 1"), '07:00:00.000000', 'times are UTC';
};

# A midnight is a day; a moment may be written in many ways.
for my $edit ((map { ['2026-09-22', $_] } '2026-09-22 00:00:00', '2026-09-22T00:00:00Z', '2026-09-22T00:00', '2026-09-22 00:00:00.000',
        '2026-09-22T00:00:00.0000000+02:00'),
    map { ['2026-09-02T11:09:02.523Z', $_] } '2026-09-02 11:09:02.5239', '2026-09-02T13:09:02.523+02:00',
        '2026-09-02T06:09:02.523-0500', '2026-09-02 13:09:02.523 +02', '2026-09-02t11:09:02.523z')
{
    my ($old, $new) = @$edit;
    my $before = state();
    my $dir = edited('promotions.csv' => sub { $_[0] =~ s/\Q$old/$new/r });
    isnt slurp("$dir/promotions.csv"), slurp("$sample/promotions.csv"), "$new in place of $old";
    is_deeply moved($dir), [], '... raises nothing';
    is state(), $before, '... and changes nothing';
}

# Each fault is one folder: the file, its text, and what must be said.
my %head = (
    customers => "CustomerID,CustomerName,LocationID,AccountStatus,OnHold,DeliveryDays,DeliveryMinimum,TimeUpdated\n",
    invoices => "InvoiceID,CustomerID,InvoiceNum,Date,Status,InvoiceTotal\n",
    lines => "InvoiceTransID,InvoiceID,ProductID,NumUnits,ExtPrice\n",
);
my $customer = sub { my %c = (id => 101, name => 'x', location => 1, status => 'Active', hold => 0, days => 1, min => 1, time => '', @_);
    return $head{customers} . join(',', @c{qw(id name location status hold days min time)}) . "\n" };
my $invoice = sub { my %i = (id => 9001, customer => 101, num => 'A', date => '2026-01-01', status => 1, total => 1, @_);
    return $head{invoices} . join(',', @i{qw(id customer num date status total)}) . "\n" };
my $long = 'x' x 201;
for my $f (
    ['no whole number', 'customers.csv', $customer->(id => 'C101'), qr/^customers\.csv:2: column CustomerID: .*C101.* is not a whole number/m],
    ['a fraction', 'customers.csv', $customer->(id => '1.5'), qr/^customers\.csv:2: column CustomerID: .*is not a whole number/m],
    ['a number that does not fit', 'customers.csv', $customer->(id => '2147483648'), qr/^customers\.csv:2: column CustomerID: .*too large: at most 2147483647/m],
    ['no key', 'customers.csv', $customer->(id => ''), qr/^customers\.csv:2: column CustomerID: is empty/m],
    ['the same number twice', 'customers.csv', $customer->() . "0101,y,1,Active,0,1,1,\n", qr/^customers\.csv:3: column CustomerID: .*101.* stands already in line 2/m],
    ['unknown word', 'customers.csv', $customer->(status => 'Closed'), qr/^customers\.csv:2: column AccountStatus: .*Closed.* is none of Active, Inactive, OutOfBus/m],
    ['no flag', 'customers.csv', $customer->(hold => 'maybe'), qr/^customers\.csv:2: column OnHold: .*neither 0 nor 1/m],
    ['no weekdays', 'customers.csv', $customer->(days => '0;8'), qr/^customers\.csv:2: column DeliveryDays: .*weekdays/m],
    ['weekdays out of order', 'customers.csv', $customer->(days => '4;2'), qr/^customers\.csv:2: column DeliveryDays: .*weekdays/m],
    ['no decimal', 'customers.csv', $customer->(min => '1e3'), qr/^customers\.csv:2: column DeliveryMinimum: .*is not a number/m],
    ['too many decimals', 'customers.csv', $customer->(min => '1.001'), qr/^customers\.csv:2: column DeliveryMinimum: .*more than 2 decimals/m],
    ['no time', 'customers.csv', $customer->(time => '1.2.2026'), qr/^customers\.csv:2: column TimeUpdated: .*is neither a date .* nor a time like/m],
    ['no hour', 'customers.csv', $customer->(time => '2026-01-01T24:00:00Z'), qr/^customers\.csv:2: column TimeUpdated: .*is no time of the day/m],
    ['no day', 'customers.csv', $customer->(time => '2026-02-29T10:00:00Z'), qr/^customers\.csv:2: column TimeUpdated: .*no day of the calendar/m],
    ['no zone', 'customers.csv', $customer->(time => '2026-02-28T10:00:00 CET'), qr/^customers\.csv:2: column TimeUpdated: .*nor a time like/m],
    ['no such offset', 'customers.csv', $customer->(time => '2026-02-28T10:00:00+24:00'), qr/^customers\.csv:2: column TimeUpdated: .*offset from UTC/m],
    ['a year of two digits', 'customers.csv', $customer->(time => '0026-02-28'), qr/^customers\.csv:2: column TimeUpdated: .*before the year 1000/m],
    ['behind the calendar', 'customers.csv', $customer->(time => '9999-12-31T23:59:59-01:00'), qr/^customers\.csv:2: column TimeUpdated: .*outside the years/m],
    ['long text', 'customers.csv', $customer->(name => $long), qr/^customers\.csv:2: column CustomerName: 201 characters, at most 200 fit/m],
    ['no UTF-8', 'customers.csv', $customer->(name => "\xfc"), qr/^customers\.csv:2: column CustomerName: not UTF-8/m],
    ['unknown location', 'customers.csv', $customer->(location => 99), qr/^customers\.csv:2: column LocationID: .*99.* is not in the database, and there is no locations\.csv/m],
    ['customers in use', 'customers.csv', $customer->(), qr/^customers\.csv: lacks \d+ CustomerIDs that the AR accounts of the database still use/m],
    ['unknown invoice status', 'invoices.csv', $invoice->(status => 6), qr/^invoices\.csv:2: column Status: .*6.* is none of 1, 2, 3, 4, 5, 7, New,/m],
    ['no invoice status', 'invoices.csv', $invoice->(status => ''), qr/^invoices\.csv:2: column Status: is empty/m],
    ['no date of an invoice', 'invoices.csv', $invoice->(date => ''), qr/^invoices\.csv:2: column Date: is empty/m],
    ['the same invoice number', 'invoices.csv', $invoice->() . "9002,101,A,2026-01-01,1,1\n", qr/^invoices\.csv:3: column InvoiceNum: .*A.* stands already in line 2/m],
    ['column missing', 'invoices.csv', $invoice->() =~ s/Status/Stat/r, qr/^invoices\.csv:1: column Status: is missing/m],
    ['column twice by its two names', 'products.csv', "ProductID,UnitsPerCase,WholesaleUnitsPerCase\n1,1,1\n", qr/^products\.csv:1: column WholesaleUnitsPerCase: stands twice/m],
    ['unknown supplier', 'products.csv', "ProductID,SupplierID\n5001,99\n", qr/^products\.csv:2: column SupplierID: .*99.* is not in/m],
    ['unknown category', 'products.csv', "ProductID,KSSLiveCategoryID\n5001,99\n", qr/^products\.csv:2: column KSSLiveCategoryID: .*99.* is not in/m],
    ['product status', 'products.csv', "ProductID,StatusID\n5001,9\n", qr/^products\.csv:2: column StatusID: .*9.* is none of/m],
    ['lines without invoice and product', 'invoice_lines.csv', "$head{lines}1,1,5001,1,1\n2,9001,1,1,1\n", qr/^invoice_lines\.csv:2: column InvoiceID: .*\n(?:.*\n)?invoice_lines\.csv:3: column ProductID: /m],
    ['aging of nobody', 'ar_aging_invoices.csv', "ARAccountID,SupplierID,Bucket,InvoiceID,OpenBalance\n501,99,91,9001,1\n", qr/^ar_aging_invoices\.csv:2: column ARAccountID, SupplierID: .*501, 99.* is not in/m],
    ['bucket', 'ar_aging_invoices.csv', "ARAccountID,SupplierID,Bucket,InvoiceID,OpenBalance\n501,1,90,9001,1\n", qr/^ar_aging_invoices\.csv:2: column Bucket: .*is none of Current, 1_30/m],
    ['date with a time', 'promotions.csv', "PromotionID,SupplierID,StartDate\n42,1,2026-01-01T10:00:00Z\n", qr/^promotions\.csv:2: column StartDate: .*has a time of day/m],
    ['no date', 'promotions.csv', "PromotionID,SupplierID,StartDate\n42,1,\n", qr/^promotions\.csv:2: column StartDate: is empty/m],
    ['unknown payment', 'payment_applications.csv', "RequestID,PaymentInvoiceNum,TargetInvoiceNum,ARAccountID,Amount,Status\n1,NONE,INV-2026-009001,501,1,Pending\n", qr/^payment_applications\.csv:2: column PaymentInvoiceNum: .*NONE.* is not in payments\.csv/m],
    ['no payment', 'payment_applications.csv', "RequestID,TargetInvoiceNum,ARAccountID,Amount,Status\n1,INV-2026-009001,501,1,Pending\n", qr/^payment_applications\.csv:2: column PaymentID: is empty, and so is PaymentInvoiceNum/m],
    ['role', 'users.csv', "UserID,Role\n1,Boss\n", qr/^users\.csv:2: column Role: .*Boss.* is none of Customer, Supplier, Admin, DistributorRep/m],
    )
{
    my ($what, $file, $text, $expected) = @$f;
    my $before = state();
    # A good change stands beside the fault: it must not come in either.
    my ($rc, $out, $err) = kissctl(qw(kss import), folder('states.csv' => "StateAbbreviation\nTX\n", $file => $text));
    is $rc, 1, "$what: exit status 1";
    like $err, $expected, "... $file, line and column are named";
    is $out, '', '... nothing on standard output';
    is state(), $before, '... nothing changed';
}

subtest 'what is not part of it' => sub {
    my $dir = folder('notes.csv' => "x\n", 'states.csv' => slurp("$sample/states.csv") =~ s/^StateName|,TimeZone/,Colour/mr);
    my $report = import($dir, '--dry-run');
    like "@{ $report->{Notes} }", qr/notes\.csv is not part of the import/, 'an unknown file is named';
    like "@{ $report->{Notes} }", qr/states\.csv: column .*Colour.* is not known/, 'an unknown column is named';
    my ($rc, $out, $err) = kissctl(qw(kss import), folder('x.csv' => "x\n"));
    is $rc, 1, 'a folder without any file: exit status 1';
    like $err, qr/'kissctl kss import --help' names them/, '... and where the names stand';
};

subtest 'one table' => sub {
    my %change = (
        'customers.csv' => sub { $_[0] =~ s/^(102,)[^,]*/$1New name/mr },
        'inventory.csv' => sub { $_[0] =~ s/^(1,50\d\d,)[-0-9.]+/$1-77.50/mr },
        'states.csv' => sub { $_[0] =~ s/Nevada/Utah/r },
        'payment_types.csv' => sub { $_[0] =~ s/Cash/Coins/r },
        'menu_promotions.csv' => sub { $_[0] =~ s/Featured/Fresh/r },
        'user_locations.csv' => sub { $_[0] =~ s/^5,\d+\n//mr },
        'ar_aging_invoices.csv' => sub { $_[0] =~ s/(,Current,\d+,)[-0-9.]+/${1}1.000001/r },
        'invoice_coas.csv' => sub { $_[0] =~ s/\.pdf/.PDF/r },
    );
    for my $file (sort keys %change) {
        my $before = count($table{$file});
        is_deeply moved(edited($file => $change{$file})), [$table{$file}], "$file: one revision";
        is_deeply moved($sample), [$table{$file}], '... and back';
    }
    # The product's changes are not the lines': the supplier is the one at the time of the sale.
    is_deeply moved(edited('products.csv' => sub { $_[0] =~ s/^(5002),11,/$1,3,/mr })), ['product'], 'a product moves to another supplier';
    is_deeply moved($sample), ['product'], 'and back';
};

subtest 'times' => sub {
    my $csv = "StateAbbreviation,StateName,OrderCutOffTime,TimeZone,OrderCutOffDaysInAdvance,Active\n";
    my @rows = ("CA,California,2:30 PM,America/Los_Angeles,1,1\n", "NJ,New Jersey,12:00 PM,America/New_York,2,1\n", "NV,Nevada,,America/Los_Angeles,0,0\n");
    my $updated = sub { return { map { @$_ } sql($db, 'SELECT state, time_updated FROM state') } };
    my $before = $updated->();
    is_deeply moved(folder('states.csv' => join '', $csv, @rows)), [], 'no times given: nothing changes';
    $rows[2] =~ s/Nevada/Nevada, the/;
    $rows[2] =~ s/(Nevada, the)/"$1"/;
    is_deeply moved(folder('states.csv' => join '', $csv, @rows)), ['state'], 'a row changes';
    my $now = $updated->();
    is_deeply [grep { $now->{$_} ne $before->{$_} } sort keys %$now], ['NV'], 'its time only';
    ok one("SELECT ABS(TIMESTAMPDIFF(SECOND, time_updated, UTC_TIMESTAMP())) < 60 FROM state WHERE state = 'NV'"), 'is now';
    my %time = ('2026-03-01' => '2026-03-01 00:00:00.000', '2026-03-01T00:30:00+01:00' => '2026-02-28 23:30:00.000',
        '2026-12-31 23:30:15.1239-0100' => '2027-01-01 00:30:15.123', '2026-03-01T08:09Z' => '2026-03-01 08:09:00.000');
    for my $text (sort keys %time) {
        import(folder('states.csv' => "State,TimeUpdated\nca,$text\n"));
        is one('SELECT time_updated FROM state'), $time{$text}, "$text is $time{$text} UTC";
    }
    is one('SELECT CONCAT_WS("|", state, state_name, active) FROM state'), 'CA||1', 'capitals; what is absent has its default';
    import($sample);
};

# The sums of every invoice and of each supplier's part, from the files alone.
sub check_sums {
    my ($dir) = @_;
    my %supplier = map { (0 + $_->{ProductID} => $_->{SupplierID}) } @{ csv_rows("$dir/products.csv") };
    my (%sum, %part);
    for my $l (@{ csv_rows("$dir/invoice_lines.csv") }) {
        my $s = exists $l->{SupplierID} && $l->{SupplierID} ne '' ? $l->{SupplierID} : $supplier{ 0 + $l->{ProductID} };
        my $full = scaled($l->{FullPrice}, 4) * scaled($l->{NumUnits}, 2);
        my @add = (millionths($l->{NumUnits}), millionths($l->{Cases}), $full, millionths($l->{ExtPrice}));
        for my $sum ($sum{ $l->{InvoiceID} } ||= [0, 0, 0, 0], $s ne '' ? $part{"$l->{InvoiceID} $s"} ||= [0, 0, 0, 0] : ()) {
            $sum->[$_] += $add[$_] for 0 .. 3;
        }
    }
    my $columns = 'total_num_units, total_cases, ROUND(total_full_price, 6), total_ext_price';
    my $as_text = sub { return join ' ', map {"$_"} @_ };
    my %got = map { ($_->[0] => $as_text->(map { millionths($_) } @$_[1 .. 4])) } sql($db, "SELECT invoice_id, $columns FROM invoice_sum");
    is scalar keys %got, scalar keys %sum, scalar(keys %sum) . ' invoices have lines';
    my @wrong = grep { $got{$_} ne $as_text->(@{ $sum{$_} || [0, 0, 0, 0] }) } keys %got;
    is "@wrong", '', scalar(keys %got) . ' invoices have the sums of their lines';
    %got = map { ("$_->[0] $_->[1]" => $as_text->(map { millionths($_) } @$_[2 .. 5])) }
        sql($db, "SELECT invoice_id, supplier_id, $columns FROM invoice_supplier");
    is scalar keys %got, scalar keys %part, scalar(keys %part) . ' parts of suppliers';
    @wrong = grep { !$part{$_} || $got{$_} ne $as_text->(@{ $part{$_} }) } keys %got;
    is "@wrong", '', '... with the sums of their lines';
    is one('SELECT COUNT(*) FROM invoice_supplier s JOIN invoice i USING (invoice_id) WHERE NOT (s.customer_id = i.customer_id'
        . ' AND s.date = i.date AND s.status = i.status AND s.is_open = i.is_open)'), 0, '... and what the invoice says';
    return;
}

subtest 'sums' => sub {
    check_sums($sample);
    my $lines = slurp("$sample/invoice_lines.csv");
    my ($line) = $lines =~ /^(20100,.*\n)/m;
    my $dir = folder('invoice_lines.csv' => $lines =~ s/^20100,.*\n//mr =~ s/^(20200,(?:[^,]*,){3})[^,]*,[^,]*,/${1}7.5,150,/mr,
        'products.csv' => slurp("$sample/products.csv"), 'invoice_coas.csv' => slurp("$sample/invoice_coas.csv") =~ s/^20100,.*\n//mr);
    my $moved = moved($dir);
    is_deeply [grep { !/coa/ } @$moved], ['invoice_line'], 'a line goes, another changes: lines, whose revision is that of the sums';
    check_sums($dir);
    my $text = slurp("$sample/invoices.csv") =~ s/^(9100(?:,[^,\n]*){12}),(\d)(?=,)/"$1," . ($2 == 7 ? 5 : 7)/mer;
    is_deeply moved(folder('invoices.csv' => $text)), ['invoice'], 'an invoice has another status';
    check_sums($dir);
    # Numbers that two invoices exchange, and one that a new invoice takes from one that goes.
    my ($a, $b) = map { one("SELECT invoice_num FROM invoice WHERE invoice_id = $_") } 9001, 9002;
    is_deeply moved(folder('invoices.csv' => slurp("$sample/invoices.csv") =~ s/,\Q$a\E,/,SWAP,/r =~ s/,\Q$b\E,/,$a,/r =~ s/,SWAP,/,$b,/r)),
        ['invoice'], 'two invoices exchange their numbers';
    is one('SELECT invoice_num FROM invoice WHERE invoice_id = 9001'), $b, '... done';
    my ($empty) = map { $_->[0] } sql($db, 'SELECT invoice_id FROM invoice WHERE invoice_id NOT IN'
        . ' (SELECT invoice_id FROM invoice_line UNION SELECT target_invoice_id FROM payment_application UNION SELECT invoice_id FROM ar_aging_invoice) LIMIT 1');
    moved(folder('invoices.csv' => slurp("$sample/invoices.csv") =~ s/^$empty,/99999,/mr));
    is_deeply [sql($db, "SELECT invoice_id FROM invoice WHERE invoice_id IN ($empty, 99999)")], [['99999']], 'a new invoice takes the number of one that goes';
    import($sample);
    check_sums($sample);
    # Without the column, the supplier is the product's.
    my $rows = csv_rows("$sample/invoice_lines.csv");
    my $bare = tempdir_here();
    csv_write("$bare/invoice_lines.csv", [grep { $_ ne 'SupplierID' } sort keys %{ $rows->[0] }], $rows);
    is_deeply moved($bare), [], 'lines without SupplierID: the same';
};

subtest 'requests' => sub {
    my $insert = sub { my ($id, $status) = @_;
        sql($db, "INSERT INTO payment_application (request_id, payment_id, target_invoice_id, ar_account_id, amount, status, time_requested)"
            . " VALUES ($id, 1, 9001, 501, 1.5, '$status', UTC_TIMESTAMP())") };
    $insert->(1000 + $_, (qw(Pending Exported Confirmed Rejected))[$_]) for 0 .. 3;
    is_deeply moved(edited('payment_applications.csv' => sub {"$_[0]"})), [], 'imported over requests of the API';
    is_deeply [map { $_->[0] } sql($db, 'SELECT request_id FROM payment_application WHERE request_id >= 1000 ORDER BY 1')],
        [1000 .. 1003], 'all of them stay';
    is count('payment_application'), 4 + @{ csv_rows("$sample/payment_applications.csv") }, 'beside those of the file';
    my $no = one('SELECT allocation_no FROM payment_application WHERE request_id = 1000');
    import(edited('payment_applications.csv' => sub { "$_[0]777000,1000,PAY-2026-00001,INV-2026-009001,501,1.5,Confirmed,,jsmith,,,2026-11-02,,\n" }));
    is_deeply [sql($db, 'SELECT allocation_no, payment_application_id, status, applied_by FROM payment_application WHERE request_id = 1000')],
        [[$no, 777000, 'Confirmed', 'jsmith']], 'a request that the file confirms is the same row';
    cmp_ok one('SELECT NEXTVAL(request_number)'), '>', 1000 - 1, 'new requests get a higher number';
    my ($rc, $out, $err) = kissctl(qw(kss import), folder(
        'payments.csv' => slurp("$sample/payments.csv") =~ s/^1,.*\n//mr,
        'payment_applications.csv' => "RequestID,PaymentID,TargetInvoiceID,ARAccountID,Amount,Status\n"));
    is $rc, 1, 'a payment that a request waits for goes: refused';
    like $err, qr/^payments\.csv: lacks 1 PaymentID that the open payment requests of the database still use .*: put it back/m, '... and said';
    sql($db, "UPDATE payment_application SET status = 'Rejected' WHERE request_id >= 1000");
    # What is decided goes with the payment or the invoice that it is about.
    my $used = csv_rows("$sample/payment_applications.csv");
    import(folder('payments.csv' => slurp("$sample/payments.csv") =~ s/^1,.*\n//mr,
        'payment_applications.csv' => slurp("$sample/payment_applications.csv") =~ s/^[^\n]*,\Q$used->[0]{PaymentInvoiceNum}\E,.*\n//mgr));
    is count('payment_application', 'request_id >= 1000'), 0, 'decided ones go with their payment';
    import($sample);
};

subtest 'keys' => sub {
    my $key = issue_kss_key(type => 'customer', ids => [101]);
    my @tables = qw(api_key api_key_account key_usage idempotency);
    my $before = checksums($db, @tables);
    import(edited('customers.csv' => sub { $_[0] =~ s/^(101,)[^,]*/$1Other/mr }));
    import($sample);
    is checksums($db, @tables), $before, 'are not touched';
};

subtest 'categories by name' => sub {
    my $products = csv_rows("$sample/products.csv");
    my %name = map { ($_->{ProductCategoryID} => $_->{CategoryName}) } @{ csv_rows("$sample/product_categories.csv") };
    $_->{ProductCategory} = $name{ $_->{KSSLiveCategoryID} } // '' for @$products;
    my @columns = grep { $_ ne 'KSSLiveCategoryID' } sort keys %{ $products->[0] };
    my $dir = tempdir_here();
    csv_write("$dir/products.csv", \@columns, $products);
    is_deeply moved($dir), [], 'names that are known: the same';
    $products->[0]{ProductCategory} = 'Zubehör';
    $products->[1]{ProductCategory} = 'Apples';
    csv_write("$dir/products.csv", \@columns, $products);
    is_deeply moved($dir), ['product', 'product_category'], 'two that are not';
    is_deeply [sql($db, 'SELECT product_category_id, category_name FROM product_category WHERE product_category_id > 10 ORDER BY 1')],
        [[11, 'Apples'], [12, "Zubeh\xc3\xb6r"]], '... are made, counted up';
    is_deeply moved($dir), [], 'again: nothing';
    import($sample);
    is count('product_category'), 8, 'a file of categories replaces them';
};

subtest 'dry run' => sub {
    my $before = state();
    my $report = import(edited('products.csv' => sub { $_[0] =~ s/Mint/Minze/gr }), '--dry-run');
    ok $report->{DryRun}, 'it says that it is one';
    is_deeply [map { $_->{Dataset} } @{ $report->{Revisions} }], ['product'], 'and what would change';
    is state(), $before, 'nothing changed';
};

subtest 'demo data' => sub {
    my $dir = tempdir_here();
    kissctl_ok(qw(kss demo-data), "$dir/a");
    is slurp("$dir/a/$_"), slurp("$sample/$_"), "$_ is that of the sample" for sort keys %table;
    my ($rc, $out, $err) = kissctl(qw(kss demo-data), "$dir/a");
    is $rc, 1, 'a folder that has them: refused';
    like $err, qr/states\.csv: .*Name a folder without such files/, '... and why';
    is +(kissctl(qw(kss demo-data), "$dir/b", '--scale', $_))[0], 2, "--scale $_: wrong usage" for 0, 'x', 201;
    kissctl_ok(qw(kss demo-data --scale 2), "$dir/c");
    import("$dir/c", '--remove-up-to', 100);
    check_sums("$dir/c");
};

SKIP: {
    my $folder = $ENV{KISS_TEST_DISTRIBUTION} || top() . '/../shared/data/distribution';
    skip 'no real distribution data here (KISS_TEST_DISTRIBUTION)', 1 unless -d $folder;
    subtest 'real data' => sub {
        $db = new_database('kss_real', api => 'kss');
        my $began = time;
        import($folder);
        my $took = time - $began;
        note sprintf 'the distribution folder: %.1f s', $took;
        cmp_ok $took, '<', 60, 'imported in time';
        my %rows = map { ($_ => csv_rows("$folder/$_.csv")) } qw(suppliers customers products invoices invoice_lines);
        is count($table{"$_.csv"}), scalar @{ $rows{$_} }, "$_: all rows" for sort keys %rows;
        my %names = map { ($_->{ProductCategory} => 1) } @{ $rows{products} };
        delete $names{''};
        is_deeply [map { $_->[0] } sql($db, 'SELECT category_name FROM product_category ORDER BY 1')], [sort keys %names], 'categories';
        is one("SELECT c.category_name FROM product p JOIN product_category c USING (product_category_id) WHERE product_id = $_->{ProductID}"),
            $_->{ProductCategory}, "the category of $_->{ProductID}" for @{ $rows{products} }[0, 5000];
        is count('product', 'supplier_id IS NULL'), scalar(grep { $_->{SupplierID} eq '' } @{ $rows{products} }), 'products without supplier';
        is count('customer', 'customer_id = 1'), 1, '0001 is 1';
        is count('invoice', 'status = 7'), scalar @{ $rows{invoices} }, 'Invoiced is Verified';
        is one('SELECT COUNT(*) FROM invoice LEFT JOIN invoice_sum USING (invoice_id) WHERE invoice_total <> COALESCE(total_ext_price, 0)'), 0, 'InvoiceTotal is the sum of the lines';
        check_sums($folder);
        my $before = state();
        is_deeply moved($folder), [], 'the same again raises nothing';
        is state(), $before, 'and changes nothing';
    };
}

# A host that hangs keeps the connection of its kissctl, which would keep its locks. All at the same time: each takes as long as the server waits.
subtest 'kissctl is stopped while it has locks' => sub {
    plan skip_all => cannot_preload('failnth') if cannot_preload('failnth');
    my %key;
    my ($loads, $pays, $read) = map { my $of = new_database("stopped_$_", api => 'kss'); $key{$of} = make_payments($of, 1, 10_000_000); $of } qw(import export reader);
    my $request = sub { return sql($_[0], "INSERT INTO payment_application (request_id, payment_id, target_invoice_id, ar_account_id, amount, status, time_requested)"
        . " SELECT seq, 1, 41, 11, 1, 'Pending', UTC_TIMESTAMP(3) FROM seq_1_to_$_[1]") };
    $request->($pays, 3);
    $request->($read, 3000);
    my $kissctl = sub { my ($of, @words) = @_; return kissctl({ db => $of, timeout => 300 }, 'kss', @words) };
    my $stopped = sub { my ($of, @words) = @_; return stopped(COMMIT => sub { return kissctl({ db => $of, timeout => 300, env => $_[0] }, 'kss', @words) }) };
    my $reader = later(sub {
        my $command = join ' ', build_dir() . '/support/kissctl', '--defaults', db_server()->defaults($read), '--sql', top() . '/sql', qw(kss payments export);
        return { got => [run({ timeout => 300 }, 'bash', '-o', 'pipefail', '-c', "$command | { read -r head; sleep 25; cat; }")] };
    });
    my $states = folder('states.csv' => slurp("$sample/states.csv"));
    my $import = $stopped->($loads, qw(import --json), $states);
    my $export = $stopped->($pays, qw(payments export));
    ok $import && $export, 'an import and an export are stopped before their COMMIT' or return;

    my $h = start_httpd(api => 'kss', db => $loads, pool => 'max=4 wait=2s timeout=6s');
    my $pay = sub { return $h->request('POST', pay_path('PAY-1', '1.00'), 'x-api-key' => $key{$loads}, 'Idempotency-Key' => 'one')->{status} };
    is $h->get('/api/v1/payments', 'x-api-key' => $key{$loads})->{status}, 200, 'a page is served';
    is $pay->(), 503, 'a payment waits for the import, and is told to come again';
    my ($rc, $out, $err) = $kissctl->($loads, 'import', $states);
    is $rc, 0, 'a second import goes on after the bound' or diag $err;
    is $pay->(), 201, '... so does the payment';
    ($rc, $out, $err) = $kissctl->($pays, qw(payments export));
    is $rc, 0, '... and a second export' or diag $err;
    is_deeply [sort $out =~ /^(\d+),/mg], [1 .. 3], '... which has all requests';
    my $before = checksums($loads);

    ($rc, $out, $err) = $import->();
    is $rc, 1, 'the import that goes on fails';
    like $err, qr/ends the session of a kissctl that has locks and is silent for 20 seconds.*is undone: run it again/, '... says why';
    unlike $err, qr/got no answer/, '... and that nothing of it is there';
    is(JSON::PP->new->utf8->decode($out)->{Result}, 'failed', '... its report, too');
    is checksums($loads), $before, '... which is so';
    ($rc, $out, $err) = $export->();
    is $rc, 1, 'the export that goes on fails';
    like $err, qr/silent for 20 seconds.*do not use this output: this run has exported nothing/s, '... and says so';

    ($rc, $out, $err) = @{ $reader->()->{got} };
    is $rc, 0, 'an export whose reader is slow is waited for' or diag $err;
    is scalar(() = $out =~ /^\d+,/mg), 3000, '... and is whole';
    $h->log_ok(qr/KISS0253|KISS0810/);
};

done_testing;
