# What a load may take away: files that were cut off, hold only their header or came with other keys are refused, in both
# APIs, with a sentence that says how to load them all the same.
# SPDX-License-Identifier: Apache-2.0
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use JSON::PP ();
use KissTest;
use KissTest::CSV qw(csv_rows);
use KissTest::Import qw(checksums folder);
use Test::More;

my %sample = (customer => top() . '/sql/sample', kss => top() . '/sql/sample-kss');
my %db = map { ($_ => new_database("guard_$_", api => $_)) } qw(customer kss);
my %verb = (customer => ['import'], kss => ['kss', 'import']);

# lines($api, $file): header and rows of the sample's file.
sub lines { my ($api, $file) = @_; return split /^/, slurp("$sample{$api}/$file") }

# load($api, $dir, @options): (exit, output, errors).
sub load { my ($api, @args) = @_; return kissctl({ timeout => 120 }, @{ $verb{$api} }, @args) }

# refused($what, $api, $dir, $says, @options): twice, also as a dry run; nothing changes.
sub refused {
    my ($what, $api, $dir, $says, @options) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $before = checksums($db{$api});
    for my $dry ([], ['--dry-run']) {
        my ($rc, $out, $err) = load($api, $dir, @options, @$dry);
        is $rc, 1, "$what: exit status 1 @$dry";
        like $err, $_, '... and the sentence' for ref $says eq 'ARRAY' ? @$says : $says;
        is $out, '', '... nothing on standard output';
    }
    is checksums($db{$api}), $before, '... nothing changed';
    return;
}

sub count { my ($api, $table, $where) = @_; return (sql($db{$api}, "SELECT COUNT(*) FROM $table WHERE " . ($where || 1)))[0][0] }

is +(load($_, $sample{$_}))[0], 0, "$_: the first load needs no option" for qw(customer kss);

my @prices = lines('customer', 'prices.csv');
my @stock = lines('customer', 'stock.csv');
my $prices = @prices - 1;
my $stock = @stock - 1;

subtest 'only the header' => sub {
    refused('prices', 'customer', folder('prices.csv' => $prices[0]),
        qr/^prices\.csv: would remove all of the prices \(table price: $prices rows now, 0 then\)\. .*--remove-up-to 100$/m);
    refused('stock', 'customer', folder('stock.csv' => $stock[0]),
        qr/^stock\.csv: would remove all of the stock rows \(table stock: $stock rows now, 0 then\)\. .*--remove-up-to 100$/m);
    refused('warehouses, which are few', 'customer', folder('warehouses.csv' => (lines('customer', 'warehouses.csv'))[0],
            'stock.csv' => $stock[0], 'customers.csv' => join('', (lines('customer', 'customers.csv'))[0])),
        [map {qr/^$_\.csv: would remove all /m} qw(warehouses stock customers)]);
    my $n = lines('kss', 'inventory.csv') - 1;
    refused('inventory', 'kss', folder('inventory.csv' => (lines('kss', 'inventory.csv'))[0]),
        qr/^inventory\.csv: would remove all of the inventory rows \(table inventory: $n rows now, 0 then\)\. .*--remove-up-to 100$/m);
    refused('with leave for less', 'customer', folder('prices.csv' => $prices[0]), qr/^prices\.csv: would remove all .*--remove-up-to 100$/m,
        '--remove-up-to', 99);
};

subtest 'the beginning of a file' => sub {
    my $left = int($prices / 20);
    my $lost = $prices - $left;
    my $percent = int(($lost * 100 + $prices - 1) / $prices);
    my $dir = folder('prices.csv' => join '', @prices[0 .. $left]);
    my $says = qr/^prices\.csv: would remove $lost of the $prices prices \(table price: $prices rows now, $left then\)\. Is the file whole\? .*--remove-up-to $percent$/m;
    refused('five percent of prices.csv', 'customer', $dir, $says);
    refused('with leave for one percent less', 'customer', $dir, $says, '--remove-up-to', $percent - 1);
    is +(load('customer', $dir, '--dry-run', '--remove-up-to', $percent))[0], 0, 'with the option that it names: done';
    is +(load('customer', $dir, '--remove-up-to', $percent))[0], 0, '... really';
    is count('customer', 'price'), $left, '... and the rows are gone';
    is +(load('customer', $sample{customer}))[0], 0, 'what adds rows needs no option';
    # All files at once: each is named.
    my %part = map { my @l = lines('kss', $_); ($_ => join '', @l[0 .. @l / 2]) } qw(invoice_coas.csv retailer_inventory.csv allocations.csv);
    refused('three files at once', 'kss', folder(%part), [qr/^invoice_coas\.csv: would remove \d+ of the 365 /m, qr/^retailer_inventory\.csv: would remove \d+ of the 240 /m]);
    my ($rc, $out, $err) = load('kss', folder(%part));
    unlike $err, qr/^allocations/m, 'part of a table of fewer than 50 rows may go';
    like $err, qr/^kissctl: 2 errors: nothing was changed/m, 'the number of them';
};

subtest 'twenty percent' => sub {
    my $most = int($prices / 5);
    my $keep = $prices - $most;
    is +(load('customer', folder('prices.csv' => join '', @prices[0 .. $keep]), '--dry-run'))[0], 0, "$most of $prices may go";
    refused('one more', 'customer', folder('prices.csv' => join '', @prices[0 .. $keep - 1]), qr/--remove-up-to 21$/m);
    is +(load('customer', folder('prices.csv' => join '', @prices[0 .. $prices - 1]), '--dry-run', '--remove-up-to', 0))[0], 1, 'none, if asked for';
    is +(load('customer', $sample{customer}, '--remove-up-to', 0))[0], 0, '... what removes nothing passes';
    for my $bad (-1, 101, '20%', 'x', '', '1.5') {
        my ($rc, $out, $err) = load('customer', $sample{customer}, '--remove-up-to', $bad);
        is $rc, 2, "--remove-up-to '$bad': wrong usage";
        like $err, qr/--remove-up-to: '\Q$bad\E' is not a whole percentage from 0 to 100/, '... and why';
    }
};

subtest 'other keys' => sub {
    my $moved = join '', $prices[0], map {s/^([^,]*,)/$1NEW-/r} @prices[1 .. $#prices];
    refused('every price under a new SKU', 'customer', folder('prices.csv' => $moved),
        qr/^prices\.csv: would remove all of the prices \(table price: $prices rows now, $prices then, $prices of them new\)\. .*--remove-up-to 100$/m);
    my @rows = lines('kss', 'retailer_inventory.csv');
    refused('every row under a new number', 'kss', folder('retailer_inventory.csv' => join '', $rows[0], map {s/^(\d+)/9$1/r} @rows[1 .. $#rows]),
        qr/^retailer_inventory\.csv: would remove all of the retailer inventory rows \(table retailer_inventory: 240 rows now, 240 then, 240 of them new\)/m);
};

subtest 'a list or a warehouse that is left with nothing' => sub {
    my %of;
    $of{ (split /,/)[0] }++ for @prices[1 .. $#prices];
    my ($list) = sort { $of{$a} <=> $of{$b} } grep { $of{$_} >= 50 } keys %of;
    my $dir = folder('prices.csv' => join '', grep { !/^\Q$list\E,/ } @prices);
    my $says = qr/^prices\.csv: would remove all $of{$list} prices of PriceListCode '$list', which stays \(table price: $of{$list} rows now, 0 then\)\. .*--remove-up-to 100$/m;
    refused('one price list', 'customer', $dir, $says, '--remove-up-to', 99);
    is +(load('customer', $dir, '--dry-run', '--remove-up-to', 100))[0], 0, 'with the option that it names: done';
    my @customers = lines('customer', 'customers.csv');
    my ($other) = grep { $_ ne $list } sort keys %of;
    my %gone = ('prices.csv' => join('', grep { !/^\Q$list\E,/ } @prices),
        'price_lists.csv' => join('', grep { !/^\Q$list\E,/ } lines('customer', 'price_lists.csv')),
        'customers.csv' => join '', map {s/,\Q$list\E,/,$other,/r} @customers);
    is +(load('customer', folder(%gone), '--dry-run', '--remove-up-to', 99))[0], 0, 'a list that goes itself may take its prices along';
};

subtest 'what rows lose' => sub {
    my $blank = sub { my ($api, $file, $name, $value) = @_;
        my ($head, @rows) = lines($api, $file);
        my @names = split /,/, $head =~ s/\s+\z//r;
        my ($at) = grep { $names[$_] eq $name } 0 .. $#names;
        my $rows = csv_rows("$sample{$api}/$file");
        $_->{$name} = $value for @$rows;
        return join "\n", join(',', @names), (map { my $r = $_; join ',', map { '"' . ($r->{$_} =~ s/"/""/gr) . '"' } @names } @$rows), '' };
    my $with = grep { $_->{PriceListCode} ne '' } @{ csv_rows("$sample{customer}/customers.csv") };
    refused('customers without their price lists', 'customer', folder('customers.csv' => $blank->('customer', 'customers.csv', 'PriceListCode', '')),
        qr/^customers\.csv: would leave none of the customers with a price list \(table customer: $with rows now, 0 then\)\. .*--remove-up-to 100$/m);
    refused('customers without their warehouses', 'customer', folder('customers.csv' => $blank->('customer', 'customers.csv', 'StockLocation', '')),
        qr/^customers\.csv: would leave none of the customers with a warehouse/m);
    refused('products that are all obsolete', 'customer', folder('products.csv' => $blank->('customer', 'products.csv', 'Status', 'Obsolete')),
        qr/^products\.csv: would leave none of the products on sale/m);
    refused('prices of 0', 'customer', folder('prices.csv' => $blank->('customer', 'prices.csv', 'UnitPrice', 0)),
        qr/^prices\.csv: would leave none of the prices above 0/m);
    refused('no stock of anything', 'customer', folder('stock.csv' => $blank->('customer', 'stock.csv', 'AvailableQTY', 0)),
        qr/^stock\.csv: would leave none of the stock rows with a quantity/m);
    refused('lines without supplier', 'kss', folder('products.csv' => $blank->('kss', 'products.csv', 'SupplierID', ''),
            'invoice_lines.csv' => $blank->('kss', 'invoice_lines.csv', 'SupplierID', '')),
        [qr/^products\.csv: would leave none of the products with a supplier/m,
         qr/^invoice_lines\.csv: would leave none of the invoice lines with a supplier/m]);
    is_deeply [(load('customer', folder('stock.csv' => join("", $stock[0], (map {s/^([^,]*,[^,]*,)[^,]*/${1}0/r} @stock[1 .. 200]), @stock[201 .. $#stock])), "--dry-run"))[0, 2]],
        [0, ''], 'most of it sold out: loaded';
    is +(load('customer', folder('customers.csv' => $blank->('customer', 'customers.csv', 'PriceListCode', '')), '--dry-run', '--remove-up-to', 100))[0],
        0, 'with the option: done';
};

subtest 'rows removed beside rows that lose something' => sub {
    my $rows = csv_rows("$sample{kss}/products.csv");
    my ($names) = slurp("$sample{kss}/products.csv") =~ /^(.*?)\r?\n/;
    $_->{FullPrice} = 0 for @$rows[0 .. 39];
    my $text = join "\n", $names, (map { my $r = $_; join ',', map { '"' . ($r->{$_} =~ s/"/""/gr) . '"' } split /,/, $names } @$rows), '';
    sql($db{kss}, "INSERT INTO product (product_id) SELECT 900000 + seq FROM seq_1_to_70");
    refused('70 of 320 products, and 40 without a price', 'kss', folder('products.csv' => $text),
        qr/^products\.csv: would remove 70 of the 320 products /m);
    sql($db{kss}, 'DELETE FROM product WHERE product_id > 900000');
    is +(load('kss', folder('products.csv' => $text), '--dry-run'))[0], 0, '40 of 250 without a price alone: loaded';
};

subtest 'beside other faults' => sub {
    my $dir = folder('prices.csv' => join('', @prices[0 .. 10]) =~ s/^(([^\n]*\n){3}[^\n]*,)[^,\n]*\n/${1}x\n/r, 'stock.csv' => $stock[0]);
    refused('a bad cell, a file cut off and an empty one', 'customer', $dir,
        [qr/^prices\.csv:4: column OrderMultiple: /m, qr/^prices\.csv: would remove /m, qr/^stock\.csv: would remove all /m]);
    # Rows whose keys cannot be read may be any of those that seem to go.
    refused('keys that cannot be read', 'customer', folder('prices.csv' => join '', $prices[0], map {s/,/ ,/r} @prices[1 .. $#prices]),
        qr/^prices\.csv:2: column PriceListCode: /m);
    my ($rc, $out, $err) = load('customer', folder('prices.csv' => join '', $prices[0], map {s/,/ ,/r} @prices[1 .. $#prices]));
    unlike $err, qr/would remove/, '... is not taken for a loss';
};

subtest 'customers' => sub {
    my @customers = lines('customer', 'customers.csv');
    my ($line) = grep {/^CIRC03,/} @customers;
    my %key = map { ($_ => issue_key($_)) } qw(ACME01 CIRC03);
    my $h = start_httpd(api => 'customer');
    my %bearer = map { ($_ => 'Bearer ' . $h->token($_, $key{$_})) } keys %key;
    my $get = sub { return $h->get('/stock', Authorization => $bearer{ $_[0] })->{status} };
    my $login = sub { return $h->post('/auth/token', { grant_type => 'client_credentials', client_id => 'CIRC03', client_secret => $key{CIRC03} })->{status} };
    my $shown = sub { return JSON::PP->new->utf8->decode(kissctl_ok(qw(customer show CIRC03 --json))) };
    my $terms = $shown->();
    my @without = grep { !/^CIRC03,/ } @customers;
    is $get->('CIRC03'), 200, 'a customer';
    kissctl_ok(qw(customer set CIRC03 --limit-minute 77));

    my ($rc, $out, $err) = load('customer', folder('customers.csv' => join '', @without));
    is $rc, 0, 'a load without it';
    like $out, qr/^customers\.csv +\d+ +0 +0 +1$/m, '... counts it as removed';
    like $err, qr/^note: no longer in customers\.csv, set aside and refused; what they own stays: CIRC03 \(1 key\)$/m, '... and says so';
    is $get->('CIRC03'), 401, 'its token is refused';
    is $login->(), 400, 'and its key';
    is $get->('ACME01'), 200, 'the others are not';
    my $c = $shown->();
    is_deeply [@$c{qw(PriceListCode StockLocation Enabled LimitMinute)}], [undef, undef, JSON::PP::true, 77], 'its terms are given up';
    like $c->{AbsentSince}, qr/\A\d{4}-\d\d-\d\d /, 'kissctl shows since when';
    like kissctl_ok(qw(customer list)), qr/^CIRC03 .*\d{4}-\d\d-\d\d \d\d:/m, '... in the list, too';
    ($rc, $out, $err) = load('customer', folder('customers.csv' => join '', @without));
    like $out, qr/^customers\.csv +\d+ +0 +0 +0\n.*revisions raised: none/m, 'the same load again changes nothing';
    is $shown->()->{AbsentSince}, $c->{AbsentSince}, '... nor since when';

    ($rc, $out, $err) = load('customer', folder('customers.csv' => join '', @customers));
    is $rc, 0, 'a load with it';
    like $err, qr/^note: in customers\.csv again: CIRC03$/m, '... says so';
    is_deeply [@{ $shown->() }{qw(PriceListCode StockLocation LimitMinute AbsentSince)}], [@$terms{qw(PriceListCode StockLocation)}, 77, undef], 'it has its terms again';
    is $get->('CIRC03'), 200, 'its token works';
    is $login->(), 200, 'and its key';

    kissctl_ok(qw(customer disable CIRC03));
    load('customer', folder('customers.csv' => join '', $_ ? @customers : @without)) for 0, 1;
    is_deeply [@{ $shown->() }{qw(Enabled AbsentSince)}], [JSON::PP::false, undef], 'gone and back: still disabled';
    is $get->('CIRC03'), 401, '... and refused';
    kissctl_ok(qw(customer enable CIRC03));
    is $get->('CIRC03'), 200, '... until kissctl enables it';

    # A price list may go when those who had it are set aside.
    my $list = $terms->{PriceListCode};
    my @others = grep { !/,\Q$list\E,/ } @customers;
    cmp_ok scalar @others, '<', scalar @customers, 'a list that some have';
    my %gone = ('customers.csv' => join('', @others), 'price_lists.csv' => join('', grep { !/^\Q$list\E,/ } lines('customer', 'price_lists.csv')),
        'prices.csv' => join '', grep { !/^\Q$list\E,/ } @prices);
    ($rc, $out, $err) = load('customer', folder(%gone), '--remove-up-to', 99);
    is $rc, 0, '... goes with them' or diag $err;
    is count('customer', 'price_list', "price_list_code = '$list'"), 0, '... really';
    load('customer', $sample{customer});
    is $get->('CIRC03'), 200, 'and all come back';

    # By hand: back without a load, and given up again by the next one.
    load('customer', folder('customers.csv' => join '', @without));
    kissctl_ok(qw(customer enable CIRC03));
    kissctl_ok(qw(customer set CIRC03 --price-list UKTRADE --warehouse UK01));
    is $get->('CIRC03'), 200, 'enabled by hand';
    load('customer', folder('customers.csv' => join '', @without));
    is $get->('CIRC03'), 401, 'set aside by the next load';

    # They count as removed.
    refused('no customers', 'customer', folder('customers.csv' => $customers[0]),
        qr/^customers\.csv: would remove all of the customers \(table customer: 5 rows now, 0 then\)\. .*--remove-up-to 100$/m);
    my $many = join '', map {"NEW$_,x,UKTRADE,UK01,0\n"} 1 .. 95;
    load('customer', folder('customers.csv' => join('', @customers) . $many));
    is count('customer', 'customer'), 101, 'a hundred and one';
    refused('a fifth of them and one', 'customer', folder('customers.csv' => join '', @customers, (split /^/, $many)[0 .. 72]),
        qr/^customers\.csv: would remove 22 of the 101 customers \(table customer: 101 rows now, 79 then\)\. .*--remove-up-to 22$/m);
    is +(load('customer', folder('customers.csv' => join '', @customers, (split /^/, $many)[0 .. 75])))[0], 0, 'a fifth may go';
    is count('customer', 'customer', 'absent_since IS NULL'), 82, '... and is set aside';
    $h->log_ok;
};

subtest 'payment requests' => sub {
    my %key = (employee => issue_kss_key(type => 'employee'));
    my $h = start_httpd(api => 'kss');
    my $path = '/api/v1/payments/applications';
    my $data = sub { return $h->json($h->get($_[0], 'x-api-key' => $key{employee}))->{Data} };
    my ($p) = grep { $_->{AvailableBalance} > 10 } @{ $data->('/api/v1/payments?PageSize=500') };
    my $invoice = (sql($db{kss}, "SELECT MIN(invoice_num) FROM invoice WHERE ar_account_id = $p->{ARAccountID}"))[0][0];
    my $ask = sub { return $h->request('POST', "$path?PaymentInvoiceNum=$p->{PaymentInvoiceNum}&TargetInvoiceNum=$invoice&ARAccountID=$p->{ARAccountID}&Amount=$_[0]",
        'x-api-key' => $key{employee}, 'Idempotency-Key' => "key-$_[0]") };
    my %request = map { ($_ => $h->json($ask->($_))->{Data}{RequestID}) } qw(1.00 2.00 3.00);
    kissctl_ok(qw(kss payments export));
    kissctl_ok(qw(kss payments confirm), $request{$_}, '--application', 880000 + $_, '--applied-by', 'jsmith') for qw(1.00 2.00);
    my $row = sub { my ($n) = @_; return (grep { ($_->{RequestID} || 0) == $request{$n} } @{ $data->("$path?PageSize=500") })[0] };
    my %before = map { ($_ => $row->($_)) } keys %request;
    is_deeply [map { $before{$_}{Status} } sort keys %before], [qw(Confirmed Confirmed Exported)], 'two are confirmed';
    is_deeply [grep { !defined $before{'1.00'}{$_} } qw(TimeRequested TimeExported TimeApplied PaymentApplicationID AppliedBy)], [], '... with their times';

    # The back office's file: the first by the number under which it was applied, the second not at all.
    my @all = split /^/, slurp("$sample{kss}/payment_applications.csv");
    my $mine = "880001,,$p->{PaymentInvoiceNum},$invoice,$p->{ARAccountID},1.00,Confirmed,,,,,,,\n";
    my $without = join '', map { my @c = split /,/, $_, -1; splice @c, 1, 1; join ',', @c } @all, $mine;
    for my $f (['an empty RequestID', join '', @all, $mine], ['no column RequestID', $without =~ s/^(?=,[^\n]*,Pending,|,[^\n]*,Exported,)[^\n]*\n//mgr]) {
        my ($rc, $out, $err) = load('kss', folder('payment_applications.csv' => $f->[1]), '--remove-up-to', 100);
        is $rc, 0, "$f->[0]: loaded" or diag $err;
        for my $n (sort keys %request) {
            my $now = $row->($n);
            delete $_->{TimeUpdated} for $now, my $old = { %{ $before{$n} } };
            is_deeply $now, $old, "... the request of $n is as it was";
        }
        is $ask->('1.00')->{status}, 201, '... a retry gets its answer';
        is $h->json($ask->('2.00'))->{Data}{RequestID}, $request{'2.00'}, '... the same';
        is count('kss', 'payment_application', 'payment_application_id = 880001'), 1, '... it stands there once';
    }
    # What the file says, counts.
    my $load = sub { my ($rc, $out, $err) = load('kss', folder('payment_applications.csv' => join '', @all, @_), '--remove-up-to', 100); is $rc, 0, 'loaded' or diag $err };
    $load->($mine =~ s/^880001,,/880001,$request{'1.00'},/r =~ s/Confirmed,,/Rejected,,/r);
    is $row->('1.00')->{Status}, 'Rejected', 'the file says that it is rejected';
    is $row->('1.00')->{TimeRequested}, $before{'1.00'}{TimeRequested}, '... and nothing of its times';
    # A number that another row of the file has is that row's.
    $load->($mine =~ s/^880001,,/,$request{'1.00'},/r, $mine);
    is_deeply [map { $_->[0] } sql($db{kss}, "SELECT COALESCE(request_id, 0) FROM payment_application WHERE payment_application_id = 880001")], [0], 'a number that another row has';

    # Gone, with its payment: a retry is told.
    sql($db{kss}, "DELETE FROM payment_application WHERE request_id = $request{'2.00'}");
    my $res = $ask->('2.00');
    is "$res->{status} $res->{content}", '400 {"Error":"Idempotency-Key header was used for a request that does not exist any more"}', 'a retry of one that is gone';
    is $ask->('3.00')->{status}, 201, '... of one that is not';
    $h->log_ok;
};

subtest 'one row' => sub {
    my $one = new_database('guard_one', api => 'kss');
    for my $text ("VendorID\n1\n", "VendorID\n2\n") {
        my ($rc, $out, $err) = kissctl({ db => $one }, 'kss', 'import', folder('vendors.csv' => $text));
        is $rc, $text =~ /2/ ? 1 : 0, 'exit status';
        like $err, qr/^vendors\.csv: would remove all of the vendors \(table vendor: 1 row now, 1 then, 1 of them new\)\. /m, 'one row in the place of one' if $rc;
    }
};

done_testing;
