#!/usr/bin/perl
# What a client may send to the KSS API, and what it gets: every parameter of every endpoint with all kinds of wrong
# and right values, paths, methods, keys, the order of checks, the headers of every answer.
# SPDX-License-Identifier: Apache-2.0

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use KissTest;

no warnings 'qw';    # commas belong to the values here

my $db = new_database('input', api => 'kss');
import_kss($db, top() . '/sql/sample-kss');
my $customer_db = new_database('other');
import_sample($customer_db);
my $foreign_key = issue_key('ACME01');

my %key = (
    employee => issue_kss_key(type => 'employee'),
    customer => issue_kss_key(type => 'customer', ids => [101, 102]),
    supplier => issue_kss_key(type => 'supplier', ids => [10])
);
# Debian's apache2.conf says this of files, which the API's paths are not.
my $h = start_httpd(api => 'kss', config => qq(<Directory "/">\nAllowOverride All\nRequire all denied\n</Directory>));

# ---- the parameters of the contract, section 5

my $date = 'date';
my %words = (
    AccountStatuses => [qw(Active Inactive OutOfBus)],
    InvoiceStatuses => [qw(1 2 3 4 5 7)],
    ProductStatuses => [qw(0 1 2 3 4 5)],
    PurchaseStatuses => [qw(New Accepted Received Confirmed Verified)],
    RequestStatuses => [qw(Pending Exported Confirmed Rejected)],
    Roles => [qw(Customer Supplier Admin DistributorRep)],
    Booleans => [qw(true false)]
);
my %lists = (
    '/allocations' => { CustomerIDs => 'number', SupplierIDs => 'number', States => 'text' },
    '/arAging' => { CustomerIDs => 'number', SupplierIDs => 'number', States => 'text' },
    '/customerPricing' => { CustomerIDs => 'required number', EffectiveDate => $date },
    '/customers' => { CustomerIDs => 'number', States => 'text', AccountStatuses => 'AccountStatuses',
        OnHold => 'Booleans' },
    '/customers/creditTerms' => { CustomerIDs => 'number', SupplierIDs => 'number' },
    '/deliveryDays' => { CustomerIDs => 'number', States => 'text' },
    '/inventory' => { SupplierIDs => 'number', ProductIDs => 'number', LocationIDs => 'number', States => 'text' },
    '/inventory/batches' => { SupplierIDs => 'number', ProductIDs => 'number', LocationIDs => 'number',
        States => 'text',
        BatchCodes => 'text' },
    '/retailerInventory' => { CustomerIDs => 'number', SupplierIDs => 'number', ProductIDs => 'number',
        States => 'text' },
    '/invoices' => { CustomerIDs => 'number', InvoiceIDs => 'number', States => 'text', Statuses => 'InvoiceStatuses',
        StartDate => $date, EndDate => $date },
    '/invoiceTransactions' => { InvoiceIDs => 'required number', Statuses => 'InvoiceStatuses' },
    '/invoiceTransactions/9001' => {},
    '/invoiceCOAs' => { InvoiceIDs => 'required number' },
    '/invoiceCOAs/9001' => {},
    '/invoices/creditTerms' => { TermIDs => 'number' },
    '/locations' => { LocationIDs => 'number', States => 'text' },
    '/menuPromotions' => { SupplierIDs => 'number', States => 'text', StartDate => $date, EndDate => $date },
    '/promotionsProducts' => { SupplierIDs => 'number', States => 'text' },
    '/productCategories' => {},
    '/products' => { SupplierIDs => 'number', ProductIDs => 'number', States => 'text', Statuses => 'ProductStatuses',
        SupplierProductNumbers => 'text' },
    '/states' => { States => 'text' },
    '/suppliers' => { SupplierIDs => 'number', States => 'text', Active => 'Booleans' },
    '/suppliers/creditTerms' => { SupplierIDs => 'number' },
    '/users' => { UserIDs => 'number', States => 'text', CustomerIDs => 'number', SupplierIDs => 'number',
        Roles => 'Roles',
        Active => 'Booleans' },
    '/payments/types' => { PaymentTypeIDs => 'number', SupplierIDs => 'number', Active => 'Booleans' },
    '/payments' => { ARAccountIDs => 'number', SupplierIDs => 'number', PaymentTypeIDs => 'number' },
    '/payments/openInvoices' => { ARAccountIDs => 'number' },
    '/payments/applications' => { ARAccountIDs => 'number', SupplierIDs => 'number', PaymentInvoiceNums => 'text',
        TargetInvoiceNums => 'text', Statuses => 'RequestStatuses' },
    '/vendors' => { SupplierIDs => 'number', LocationIDs => 'number', VendorIDs => 'number', Active => 'Booleans' },
    '/purchases' => { PurchaseIDs => 'number', VendorIDs => 'number', LocationIDs => 'number',
        Statuses => 'PurchaseStatuses',
        StartDate => $date, EndDate => $date },
    '/purchaseTrans' => { PurchaseIDs => 'required number' },
    '/salesReps' => { SupplierIDs => 'number', CustomerIDs => 'number', ProductGroups => 'text' }
);
my %record = (
    '/customers' => [customerID => 101], '/invoices' => [invoiceID => 9001], '/locations' => [locationID => 1],
    '/products' => [productID => (sql($db, 'SELECT MIN(product_id) FROM product'))[0][0]],
    '/suppliers' => [supplierID => 10], '/users' => [userID => 1],
    '/purchases' => [purchaseID => (sql($db, 'SELECT MIN(purchase_id) FROM purchase'))[0][0]]
);
is keys(%lists) + keys %record, 39, 'every GET of the contract stands here';

# SQL, as values go into the URL.
my @injections = ("1' OR '1'='1", '1 OR 1=1', '1); DROP TABLE customer; --', "' UNION SELECT hash FROM api_key -- ",
    '1;',
    '(SELECT 1)', 'NULL', '0x31', '{accounts}', '?', "\\' OR 1=1 #", '1/**/OR/**/1', '`customer_id`', "'", '"', '\\',
        '%', '_');

# Values that are wrong and right, by kind; as they stand in the URL.
my %wrong = (
    number => [map({ encode($_) } @injections), qw(x 1x x1 1.5 1.0 1e3 0x10 -- - 1- %2B1 1,x x,1 1, ,1 1,,2 ,
        1,2, %C2%BD NaN
        1;2 1%7C2 1%0A 1%202 1,%20 1,%20,2 1%C2%A0 1%5C,2 1%00 %00 1%FF %FF 1%zz 1%4 1% %5B1%5D %7B1%7D null true 9223372036854775808
        99999999999999999999 1,99999999999999999999 -99999999999999999999), '9' x 100],
    text => [qw(%00 CA%00 %FF CA,%FF %C3%28 %ED%A0%80 %C0%AF %F4%90%80%80 %E2%82 %zz CA% CA%4 CA, ,CA , CA,,NJ CA%2C CA,%20 CA,%09,NJ)],
    date => [map({ encode($_) } @injections), qw(x 2026-02-30 2026-13-01 2026-00-10 2026-01-00 2026-1-1 20260101
        2026-01 2026
        2026-01-32 2025-02-29 0000-00-00 01-01-2026 2026/01/01 2026-01-01x 2026-01-01T 2026-01-01T10 2026-01-01T10Z
        2026-01-01T24:00:00Z 2026-01-01T10:60:00Z 2026-01-01T10:00:60Z 2026-01-01T10:00:00.Z 2026-01-01T10:00:00%2B02:
        2026-01-01T10:00:00%2B25:00 2026-01-01T10:00:00%2B2500 2026-01-01T10:00:00%2B02:60 2026-01-01T10:00:00%2B2
        2026-01-01T10:00:00ZZ 2026-01-01,2026-01-02 today -2026-01-01 %202026-01-01 2026-01-01%20 2026-01-01%00 %FF %zz
        99999-01-01)]
);
my %right = (
    number => [qw(1 %201 1%20 +1 1+ 1%09 1,%202 1%20,%20%202+ 1 0 -1 007 000000000000000000000000000001 1,2 1%2C2 2,1,2 1%2c2,3 999999999999999999 -0), ''],
    text => [qw(CA ca CA,NJ CA%2CNJ NJ,CA,NJ CA%20 CA,%20NJ +CA+,+NJ+ A%5C,B A%5C%2CB %5C XX 1 %C3%A9 %F0%9F%8D%8B a+b a%26b%3Dc Pending Active), '',
        'x' x 7000,
        map { encode($_) } grep { !/,/ } @injections],
    date => [qw(2026-01-01 2024-02-29 1000-01-01 9999-12-31 2026-01-01T10:00:00 2026-01-01T10:00:00Z
        2026-01-01T10:00:00.000Z
        2026-01-01T10:00:00.1234567890123Z 2026-01-01T23:59:59%2B02:00 2026-01-01T23:59:59+02:00 2026-01-01T00:00:00-11:30
        2026-01-01%2010:00:00 2026-01-01T10:00 2026-01-01T10:00Z 2026-01-01T10:00:00z 2026-01-01T10:00:00%2B0200
        2026-01-01T10:00%2B02 2026-01-01%2010:00:00%20%2B0200 2026-01-01+10:00:00++0200 2016-12-31T23:59:60Z
        0001-01-01 0001-01-01T00:00:00 0001-01-01T00:00:00%2B01:00 9999-12-31T23:59:59Z 9999-12-31T23:59:59.9999999-05:00
        ), '']
);
for my $name (keys %words) {
    my @w = @{ $words{$name} };
    my ($some) = grep { lc ne $_ } @w;
    $wrong{$name} = [map({ encode($_) } @injections), qw(x 6 -1 8 1.5 01 %00 %FF %zz), "$w[0],", ",$w[0]",
        "$w[0],,$w[0]", "$w[0],%20,$w[0]",
        "$w[0],x", "$w[0]%0A", "$w[0]%00", "${w[0]}x", $some ? (lc $some, uc $some) : (),
        $name eq 'Booleans' ? qw(True FALSE 1 0 yes null) : ()];
    $right{$name} = [@w, "%20$w[0]", "$w[0]+", "$w[0]%20,+$w[0]", '', $name eq 'Booleans' ? () : (join(',', @w), join('%2C', reverse @w), "$w[0],$w[0]")];
}

# encode($bytes): all but letters and digits.
sub encode { my ($t) = @_; return $t =~ s/([^A-Za-z0-9])/sprintf '%%%02X', ord $1/ger }

# ask(path, key): [status, body, head] of a request whose path goes over the wire just as it is.
sub ask {
    my ($path, $k) = @_;
    my $got = $h->raw("GET /api/v1$path HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nx-api-key: $k\r\n\r\n");
    my ($head, $body) = split /\r\n\r\n/, $got, 2;
    my ($status) = $head =~ /\AHTTP\/1\.1 (\d+) /;
    return [$status, $body, $head];
}

sub ask_all { return map { ask(@$_) } @_ }

# The error body.
sub error_body { my ($text) = @_; return qq({"Error":"$text"}) }

my $list = qr/\A\{"Data":\[.*\],"Page":\d+,"PageSize":\d+,"HasNextPage":(?:true|false)\}\z/s;

# What a list wants besides the parameter that is tried.
sub base { my ($path, $name) = @_;
    my @need = grep { $lists{$path}{$_} =~ /^required/ && $_ ne ($name // '') } sort keys %{ $lists{$path} };
    return join '', map {"&$_=101"} @need;
}

# Asks a list with each value of one parameter; returns what is not as expected.
sub trial {
    my ($path, $name, $values, $expected) = @_;
    my @values = @$values;
    my @answers = ask_all(map { ["$path?$name=$_" . base($path, $name), $key{employee}] } @values);
    my @bad;
    for my $i (0 .. $#values) {
        my ($status, $body) = @{ $answers[$i] || [0, 'no answer'] };
        my $good = $expected ? $status == 400 && $body =~ /\A\{"Error":"\Q$expected\E(?:: it [^"\\]+)?"\}\z/ : $status == 200 && $body =~ $list;
        push @bad, substr("$name=$values[$i]", 0, 80) . " gives $status " . substr $body, 0, 100 unless $good;
    }
    return @bad;
}

# All that a statement of somebody else's making could have changed: triggers count every write.
sub state_of_database {
    return join ' ', map { join '=', @$_ } sql($db, <<'SQL');
SELECT dataset, n FROM revision
UNION ALL SELECT 'keys', COUNT(*) FROM api_key
UNION ALL SELECT 'tables', COUNT(*) FROM information_schema.tables WHERE table_schema = DATABASE()
ORDER BY 1
SQL
}
my $before = state_of_database();

for my $path (sort keys %lists) {
    subtest "parameters of $path" => sub {
        my @bad;
        for my $name (sort keys %{ $lists{$path} }) {
            my $required = (my $kind = $lists{$path}{$name}) =~ s/^required //;
            @bad = trial($path, $name, $wrong{$kind}, "$name parameter is invalid");
            ok !@bad, "$name: " . @{ $wrong{$kind} } . ' wrong values' or diag join "\n", @bad;
            @bad = trial($path, $name, [grep { !$required || length } @{ $right{$kind} }], undef);
            ok !@bad, "$name: " . @{ $right{$kind} } . ' right values' or diag join "\n", @bad;
            if ($required) {
                for my $query ('', "?$name=", "?$name", "?$name=&$name=", '?' . lc($name) . '=1', "?${name}[]=1") {
                    is_deeply [@{ ask("$path$query", $key{employee}) }[0, 1]],
                        [400, error_body("$name parameter is required")], "'$query': $name is required";
                }
            }
        }
        my $integer = 'is invalid';
        for my $name (qw(Page PageSize)) {
            @bad = trial($path, $name, [qw(0 -1 1.5 1e3 x 1x 00 -0 -99999999999999999999 1,2 %201 1%20 +1 %2B1 1%00
                %FF %zz 0x1
                %C2%BD 1%2C), map { encode($_) } @injections], "$name parameter is invalid");
            ok !@bad, "$name: wrong values" or diag join "\n", @bad;
            @bad = trial($path, $name, [qw(1 007 2 100000 999999999999999 999999999999999999), "1&$name=01",
                "2&$name=", $name eq 'PageSize' ? '9' x 30 : (), ''], undef);
            ok !@bad, "$name: right values" or diag join "\n", @bad;
            @bad = trial($path, $name, ["1&$name=2", "2&$name=1", $name eq 'Page' ? ('1' . '0' x 18, '9' x 30) : ()],
                "$name parameter is invalid");
            ok !@bad, "$name: two different ones, or too many digits" or diag join "\n", @bad;
        }
        my @sizes = map { $_->[1] =~ /"PageSize":(\d+),/ ? $1 : $_->[1] }
            ask_all(map { ["$path?PageSize=$_" . base($path), $key{employee}] } qw(1 499 500 501 100000), '9' x 30, '');
        is "@sizes", '1 499 500 500 500 500 50', 'PageSize is lowered to 500, and is 50 when left out';
        for my $page (999999, '9' x 15, '1' . '0' x 17, '9' x 18) {
            my ($past) = ask_all(["$path?Page=$page&PageSize=500" . base($path), $key{employee}]);
            is $past->[1], qq({"Data":[],"Page":$page,"PageSize":500,"HasNextPage":false}), "page $page, past the end, is empty";
        }
    };
}
is state_of_database(), $before, 'no value became SQL';

# ---- meaning of what is accepted

sub data {
    my ($path, $role) = @_;
    my $res = $h->get("/api/v1$path", 'x-api-key' => $key{ $role || 'employee' });
    return "$res->{status} $res->{content}" if $res->{status} != 200;
    return $h->json($res)->{Data};
}

sub ids { my ($path, $name, $role) = @_; my $d = data($path, $role); return ref $d ? join ',', map { $_->{$name} } @$d
    : $d }

subtest 'values' => sub {
    is ids('/customers?CustomerIDs=101,102&AccountStatuses=Active,Inactive,OutOfBus', 'CustomerID'), '101,102',
        'a list';
    my $all = 'AccountStatuses=Active,Inactive,OutOfBus';
    for my $q ('CustomerIDs=102,101', 'CustomerIDs=101%2C102', 'CustomerIDs=101&CustomerIDs=102',
        'CustomerIDs=0101,000102',
        'CustomerIDs=101,102,101', 'CustomerIDs=&CustomerIDs=101,102', 'CustomerIDs=101&customerids=5&CustomerIDs=102',
        'CustomerIDs=101,102&Nonsense=1&nonsense&=&&', 'CustomerIDs=101,102&customerIDs=x',
            '&CustomerIDs=101,102&Page=&PageSize=',
        'Customer%49Ds=101,102', 'CustomerIDs=101,102&%zz=1', 'CustomerIDs=101,102,999999999999999999,-5')
    {
        is ids("/customers?$all&$q", 'CustomerID'), '101,102', $q;
    }
    my $every = ids("/customers?$all&PageSize=500", 'CustomerID');
    is ids("/customers?$all&PageSize=500&$_", 'CustomerID'), $every, "$_ filters nothing"
        for 'customerIDs=101', 'CUSTOMERIDS=101', 'CustomerIDs=', 'CustomerIDs', 'CustomerIDs[]=101', 'CustomerID=101';
    is ids('/customers?States=ca&PageSize=500', 'CustomerID'), ids('/customers?States=CA&PageSize=500', 'CustomerID'),
        'states are compared without case';
    isnt ids('/customers?States=CA&PageSize=500', 'CustomerID'), '', '... and there are some';
    my $both = ids('/suppliers?Active=true,false', 'SupplierID');
    is ids('/suppliers?Active=false,true', 'SupplierID'), $both, 'both words';
    is ids('/suppliers?Active=true&Active=false', 'SupplierID'), $both, 'both words, as two parameters';
    is ids('/suppliers', 'SupplierID'), $both, 'no Active: no filter for an Employee key';
    isnt ids('/suppliers?Active=true', 'SupplierID'), $both, 'there are inactive ones';
    is ids('/suppliers?Active=false', 'SupplierID', 'supplier'), '10', 'a Supplier key: the override is ignored, 200';
    is data('/suppliers?Active=perhaps', 'supplier'), '400 ' . error_body('Active parameter is invalid'),
        '... but not nonsense';
    # Blanks around the items of any list do not count; what is all blank is as if it were not there.
    my $two = ids('/customers?States=CA,NJ&PageSize=500', 'CustomerID');
    is ids("/customers?States=$_&PageSize=500", 'CustomerID'), $two, "States=$_"
        for 'CA,%20NJ', '%20CA%20,NJ', 'CA+,+NJ', 'CA,%09NJ', 'CA&States=+NJ';
    isnt ids('/customers?States=CA&PageSize=500', 'CustomerID'), $two, '... both states count';
    is ids("/customers?CustomerIDs=101,%20102", 'CustomerID'), ids("/customers?CustomerIDs=101,102", 'CustomerID'), 'of numbers';
    is ids("/invoices?Statuses=1,%207&PageSize=500", 'InvoiceID'), ids('/invoices?Statuses=1,7&PageSize=500', 'InvoiceID'), 'of words';
    is ids('/suppliers?Active=true,%20false', 'SupplierID'), $both, 'of booleans';
    is ids("/customers?$all&PageSize=500&States=$_", 'CustomerID'), $every, "States=$_ filters nothing" for '%20', '+', '%09+';
    is data('/customerPricing?CustomerIDs=%20'), '400 ' . error_body('CustomerIDs parameter is required'), '... nor is it there';
    # A comma that belongs to a value.
    my ($one, $other, $third) = map { $_->[0] } sql($db, 'SELECT product_id FROM product WHERE status_id = 1 LIMIT 3');
    sql($db, "UPDATE product SET supplier_product_number = '$$_[1]' WHERE product_id = $$_[0]")
        for [$one => 'A,B'], [$other => 'A'], [$third => 'C\\\\,\\\\\\\\D'];    # C\,\\D
    my $numbered = sub { ids("/products?SupplierProductNumbers=$_[0]", 'ProductID') };
    is $numbered->('A,B'), $other, 'a comma separates';
    is $numbered->('A%2CB'), $other, '... an encoded one too: most programs encode all of them';
    is $numbered->($_), $one, "$_ is one value" for 'A%5C,B', 'A%5C%2CB';
    is $numbered->('A%5C,B,A'), join(',', sort { $a <=> $b } $one, $other), '... beside another one';
    is $numbered->('C%5C%5C%5C,%5C%5C%5C%5CD'), $third, 'a backslash is written twice';
    is $numbered->('C%5C%5C,A'), $other, '... and then the comma separates again';
    my ($p) = (sql($db, 'SELECT product_id FROM product WHERE status_id = 0 LIMIT 1'))[0][0];
    is ids("/products?ProductIDs=$p", 'ProductID'), $p, 'ProductIDs: no status filter';
    is ids("/products?ProductIDs=$p&Statuses=5", 'ProductID'), $p, '... a given one is ignored';
    is ids("/products?ProductIDs=$p&Statuses=x", 'ProductID'), $p, '... whatever it is';
    is ids("/products?ProductIDs=&Statuses=0&PageSize=500", 'ProductID') =~ /\b$p\b/, 1,
        'ProductIDs empty: as if absent';
    for my $role (qw(employee customer)) {
        is ref data('/payments/openInvoices?SupplierIDs=x', $role), 'ARRAY',
            "openInvoices: SupplierIDs is ignored, $role";
    }
    is data('/payments/openInvoices?SupplierIDs=x', 'supplier'), '400 '
        . error_body('SupplierIDs parameter is invalid'),
        'openInvoices: SupplierIDs acts for a Supplier key';
    is data('/invoices?StartDate=2026-01-01&StartDate=2026-01-02'), '400 '
        . error_body('StartDate parameter is invalid: it is given more than once'),
        'two dates where one is asked for';
    is ref data('/invoices?StartDate=2026-01-01&StartDate=2026-01-01'), 'ARRAY', 'the same date twice is one';
    is data('/invoices?Page=2&Page=x'), '400 ' . error_body('Page parameter is invalid'), 'every Page is looked at';
    # A timestamp stands for its day in UTC.
    my $day = sub { ids("/invoices?Statuses=1,2,3,4,5,7&PageSize=500&StartDate=$_[0]&EndDate=$_[0]", 'InvoiceID') };
    my ($some) = (sql($db, 'SELECT DATE(date) FROM invoice GROUP BY 1 ORDER BY COUNT(*) DESC, 1 LIMIT 1'))[0][0];
    my ($next) = (sql($db, "SELECT DATE('$some') + INTERVAL 1 DAY"))[0][0];
    my $expected = join ',', map { $_->[0] }
        sql($db, "SELECT invoice_id FROM invoice WHERE DATE(date) = '$some' ORDER BY date DESC, invoice_id DESC");
    is $day->($some), $expected, 'one day, both ends inclusive';
    is $day->($_), $expected, $_
        for "${some}T00:00:00Z", "${some}T23:59:59.999Z", "${some}T12:00:00", "${next}T01:30:00%2B02:00",
            "${next}T01:30:00+02:00";
    isnt $day->("${some}T01:30:00%2B02:00"), $expected, 'the zone moves the day';
};

subtest 'many ids' => sub {
    my @hundred = map { 9000001 + 2 * $_ } 1 .. 100;
    my $list = join ',', @hundred;
    cmp_ok length $list, '>', 780, 'a hundred ids of a nightly walk';
    is ref data("/invoiceTransactions?InvoiceIDs=$list&PageSize=500"), 'ARRAY', '... about 900 characters';
    is ref data('/invoiceTransactions?InvoiceIDs=' . join('%2C', @hundred)), 'ARRAY', '... with encoded commas';
    my $thousand = join ',', 9001 .. 10000;
    is ids("/invoices?PageSize=500&Statuses=7&InvoiceIDs=$thousand", 'InvoiceID'),
        ids('/invoices?PageSize=500&Statuses=7', 'InvoiceID'), 'a thousand ids';
    # httpd's longest request line is 8190 bytes.
    my $room = 8190 - length 'GET /api/v1/customers?CustomerIDs= HTTP/1.1';
    my $most = join ',', 1 .. 2000;
    $most = substr $most, 0, $room;
    $most =~ s/,\d*\z//;
    is ids("/customers?CustomerIDs=$most", 'CustomerID'), ids('/customers', 'CustomerID'),
        'as many ids as fit a URL: ' . (1 + $most =~ tr/,//);
    is data("/customers?CustomerIDs=$most,x"), '400 ' . error_body('CustomerIDs parameter is invalid'),
        '... and one that is none';
    is $h->get('/api/v1/customers?CustomerIDs=' . join(',', 1 .. 3000), 'x-api-key' => $key{employee})->{status}, 414,
        'a longer one is refused by httpd';
};

# ---- single records

for my $path (sort keys %record) {
    my ($name, $id) = @{ $record{$path} };
    subtest "$path/:$name" => sub {
        my $res = $h->get("/api/v1$path/$id", 'x-api-key' => $key{employee});
        is $res->{status}, 200, "$path/$id";
        my $good = $res->{content};
        like $good, qr/\A\{"Data":\[\{.*\}\],"Page":1,"PageSize":50,"HasNextPage":false\}\z/s,
            'one row and the envelope';
        for my $more ('?Page=0', '?Page=7&PageSize=3', '?PageSize=x&Page=-1', '?Page=%zz', '?Statuses=x&Active=y',
            "?$name=5",
            '?CustomerIDs=x', '?x')
        {
            is $h->get("/api/v1$path/$id$more", 'x-api-key' => $key{employee})->{content}, $good, "$more is harmless";
        }
        is $h->get("/api/v1$path/000$id", 'x-api-key' => $key{employee})->{content}, $good, 'leading zeros';
        my $none = '{"Data":[],"Page":1,"PageSize":50,"HasNextPage":false}';
        for my $n (qw(0 -1 99999999 999999999999999999)) {
            my $r = $h->get("/api/v1$path/$n", 'x-api-key' => $key{employee});
            is "$r->{status} $r->{content}", "200 $none", "$n: 200 with an empty Data";
        }
        my @bad = ('x', '1x', '1.5', '1,2', '%20', '1%20', '1e3', '-', '%27', '1%27%20OR%201=1', '%2B1', '+1',
            'creditterms',
            '99999999999999999999', '%FF', ':id', 'null');
        my @answers = ask_all(map { ["$path/$_", $key{employee}] } @bad);
        is_deeply [map { [@$_[0, 1]] } @answers], [map { [400, error_body("$name parameter is invalid")] } @bad],
            'what is no number: 400';
    };
}

subtest 'lists of one invoice' => sub {
    for my $path ('/invoiceTransactions', '/invoiceCOAs') {
        is data("$path/x"), '400 ' . error_body('invoiceID parameter is invalid'), "$path/x";
        is data("$path/9001?Page=0"), '400 ' . error_body('Page parameter is invalid'), "$path/9001 has pages";
        is_deeply data("$path/9001?InvoiceIDs=9002"), data("$path/9001"), 'InvoiceIDs is no parameter of it';
        is_deeply data("$path/99999999"), [], 'an invoice that does not exist: empty';
    }
};

# ---- paths and methods

my $not_found = error_body('The endpoint does not exist');

subtest 'unknown paths' => sub {
    for my $path ('', '/', '/nothing', '/customers/', '/Customers', '/customers/101/', '/customers/101/x',
        '/customers/creditTerms/',
        '/customers/creditTerms/1', '/invoices/9001/lines', '/payments/', '/payments/1', '/payments/types/1',
            '/inventory/1',
        '/salesReps/1', '/purchaseTrans/1', '/vendors/1', '/productCategories/1', '/states/CA', '/customers.json',
            '/customers;x=1',
        '/customers%20', '/customers%3F', '/auth/token', '/health', '/api/version', '/openapi',
            '/api/v1/customers')
    {
        my $res = $h->get("/api/v1$path", 'x-api-key' => $key{employee});
        is "$res->{status} $res->{content}", "404 $not_found", "'$path'";
    }
    is $h->get('/api/v1/inventory/creditTerms', 'x-api-key' => $key{customer})->{status}, 404, 'route before role';
    # httpd puts these in order before any module sees them; they never reach anything else than that path.
    my %same = ('//customers' => '/customers', '/./customers' => '/customers', '/x/../customers' => '/customers',
        '/customers/./101' => '/customers/101', '/c%75stomers' => '/customers', '/customers//101' => '/customers/101');
    for my $path (sort keys %same) {
        my $got = (ask_all([$path, $key{employee}]))[0];
        is_deeply [@$got[0, 1]], [@{ (ask_all([$same{$path}, $key{employee}]))[0] }[0, 1]], "'$path' is '$same{$path}'";
    }
    for my $path ('/%zz', '/customers%2F101', '/../../etc/passwd', '/..%2f..%2fetc/passwd', '/customers/..%2F101') {
        my $got = (ask_all([$path, $key{employee}]))[0];
        like $got->[0], qr/\A40[034]\z/, "'$path' reaches nothing";
    }
};

subtest 'paths are not files' => sub {
    my $files = tempdir_here();
    mkdir "$files/api" and mkdir "$files/api/v1" or die "$files: $!";
    spew("$files/$_", 'a file') for 'api/v1/customers', 'api/v1/nothing';
    spew("$files/api/v1/.htaccess", 'nonsense, which would be a 500');
    my $f = start_httpd(api => 'kss',
        config => qq(DocumentRoot "$files"\n<Directory "$files">\nAllowOverride All\n</Directory>));
    is $f->get('/api/v1/customers/101', 'x-api-key' => $key{employee})->{status}, 200,
        'a file in DocumentRoot is no matter';
    is $f->get('/api/v1/nothing', 'x-api-key' => $key{employee})->{content}, $not_found, '... nor becomes an answer';
    $f->log_ok;
    $f = start_httpd(api => 'kss', location => 'Require all denied');
    is $f->get('/api/v1/customers', 'x-api-key' => $key{employee})->{status}, 403,
        'what the <Location> requires does matter';
    $f->log_ok(qr/AH01630: client denied/);
};

subtest 'methods' => sub {
    for my $path ('/customers', '/customers/101', '/invoiceTransactions', '/nothing') {
        for my $method (qw(POST PUT PATCH DELETE OPTIONS TRACE PROPFIND MKCOL BREW get)) {
            my $body = $method =~ /^P(?:OST|UT|ATCH)$/ ? 'a=1' : '';
            my $got = $h->raw("$method /api/v1$path HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
                . "x-api-key: $key{employee}\r\nContent-Length: " . length($body) . "\r\n\r\n$body");
            like $got, qr/\AHTTP\/1\.1 404 .*\r\n\r\n\Q$not_found\E\z/s, "$method $path: 404";
            unlike $got, qr/^Allow:/mi, '... without Allow' if $method eq 'PUT';
        }
    }
    my $got = $h->raw("PUT /api/v1/payments/applications HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
        . "x-api-key: $key{employee}\r\nContent-Length: 0\r\n\r\n");
    like $got, qr/\AHTTP\/1\.1 404 .*\r\n\r\n\Q$not_found\E\z/s, 'PUT /payments/applications: 404';
    for my $path ('/customers', '/customers/101', '/customers?Page=0', '/nothing',
        '/invoices?PageSize=500&Statuses=7') {
        my $get = $h->get("/api/v1$path", 'x-api-key' => $key{employee}, 'X-Request-Id' => 'same');
        my $head = $h->request('HEAD', "/api/v1$path", 'x-api-key' => $key{employee}, 'X-Request-Id' => 'same');
        is $head->{status}, $get->{status}, "HEAD $path: as GET";
        is $head->{content} // '', '', '... without body';
        delete @{ $_->{headers} }{qw(date ratelimit-remaining ratelimit-reset)} for $get, $head;
        is_deeply $head->{headers}, $get->{headers}, '... and all its headers';
    }
    for my $method (qw(POST PUT HEAD OPTIONS)) {
        is $h->request($method, '/api/v1/customers')->{status}, 401, "$method without a key: 401";
    }
};

# ---- keys

my $no_key = error_body('Missing or invalid API key');

sub refused {
    my ($res, $name) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    is "$res->{status} $res->{content}", "401 $no_key", "$name: 401";
    is_deeply [grep {/rate-?limit|etag|retry/} keys %{ $res->{headers} }], [], '... without rate headers';
    like $res->{headers}{'x-request-id'}, qr/\S/, '... with X-Request-Id';
    return;
}

subtest 'keys' => sub {
    my $revoked = issue_kss_key(type => 'employee');
    my $expired = issue_kss_key(type => 'employee');
    my $later = issue_kss_key(type => 'employee');
    my ($id, $old, $new) = map { (sql($db, 'SELECT key_id FROM api_key WHERE prefix = \'' . substr($_, 5, 8)
        . "'"))[0][0] }
        $revoked, $expired, $later;
    is $h->get('/api/v1/states', 'x-api-key' => $_)->{status}, 200, 'a new key is good at once' for $revoked,
        $expired, $later;
    kissctl_ok(qw(kss key revoke), $id);
    sql($db, "UPDATE api_key SET expires_at = UTC_TIMESTAMP() WHERE key_id = $old");
    sql($db, "UPDATE api_key SET expires_at = UTC_TIMESTAMP() + INTERVAL 1 HOUR WHERE key_id = $new");
    refused($h->get('/api/v1/states', 'x-api-key' => $revoked), 'revoked');
    refused($h->get('/api/v1/states', 'x-api-key' => $expired), 'expired');
    is $h->get('/api/v1/states', 'x-api-key' => $later)->{status}, 200, 'one that will expire is good';
    my $good = $key{employee};
    my %bad = ('empty' => '', 'a word' => 'x', 'of the other API' => $foreign_key, 'cut' => substr($good, 0, -1),
        'one byte more' => "${good}x", 'lower case' => lc $good, 'upper case' => uc $good,
            'prefix alone' => substr($good, 0, 13),
        'its hash' => Digest::SHA::sha256_hex($good), 'twice in one' => "$good, $good", '500 bytes' => 'x' x 500,
        '4,000 bytes' => 'x' x 4000, 'with something behind' => "$good;", 'SQL' => "' OR 1=1 -- ",
        'quoted' => qq("$good"), 'as bearer' => "Bearer $good");
    refused($h->get('/api/v1/states', 'x-api-key' => $bad{$_}), $_) for sort keys %bad;
    is_deeply [@{ ask('/states', "\xff\xfe$good") }[0, 1]], [401, $no_key], 'bytes: 401';
    refused($h->get('/api/v1/states'), 'none');
    refused($h->get('/api/v1/states', Authorization => "Bearer $good"), 'in Authorization');
    refused($h->get("/api/v1/states?x-api-key=$good"), 'in the query');
    refused($h->get('/api/v1/states', 'x_api_key' => $good), 'another header');
    for my $two ([$good, $good], [$good, 'x'], ['x', $good]) {
        my $got = $h->raw("GET /api/v1/states HTTP/1.1\r\nHost: x\r\nConnection: close\r\nx-api-key: $two->[0]\r\n"
            . "X-API-Key: $two->[1]\r\n\r\n");
        like $got, qr/\AHTTP\/1\.1 401 .*\r\n\r\n\Q$no_key\E\z/s, 'two headers: 401';
    }
    for my $name ('X-API-KEY', 'X-Api-Key') {
        like $h->raw("GET /api/v1/states HTTP/1.1\r\nHost: x\r\nConnection: close\r\n$name:   $good  \r\n\r\n"),
            qr/\AHTTP\/1\.1 200 /, "$name, blanks around the value: good";
    }
};

subtest 'order of checks' => sub {
    my $limited = issue_kss_key(type => 'customer', ids => [101], limit => 5);
    my $get = sub { my ($path, $k) = @_; my $r = $h->get("/api/v1$path",
        'x-api-key' => $k); return "$r->{status} $r->{content}" };
    is $get->('/nothing', 'wrong'), "401 $no_key", 'key before route';
    is $get->('/inventory?ProductIDs=x', 'wrong'), "401 $no_key", 'key before parameters';
    is $get->('/nothing?Page=0', $limited), "404 $not_found", 'route before parameters';
    my $role = error_body('Your key does not have access to this resource');
    is $get->('/inventory?ProductIDs=x&Page=0', $limited), "403 $role", 'role before parameters';
    is $get->('/purchases/x', $limited), "403 $role", 'role before the path parameter';
    is $get->('/customerPricing?CustomerIDs=999&EffectiveDate=x', $limited), '400 '
        . error_body('EffectiveDate parameter is invalid: it is neither a date YYYY-MM-DD nor a time like 2026-11-02T15:30:00Z'),
        'parameters before data';
    is $get->('/customerPricing?CustomerIDs=999', $limited), "403 $role", 'data: no own customer is named';
    my $many = error_body('Rate limit exceeded');
    is $get->($_, $limited), "429 $many", "limit before all else: $_" for '/nothing', '/inventory',
        '/customers?Page=0', '/customers';
    is $get->('/states', 'wrong'), "401 $no_key", 'but behind the key';
};

# ---- headers of every answer

subtest 'headers' => sub {
    my $uuid = qr/\A[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\z/;
    my %seen;
    for my $case (['/customers', 200], ['/customers/101', 200], ['/customers?Page=0', 400], ['/nothing', 404],
        ['/inventory', 403, 'customer'], ['/customers', 401, 'none'])
    {
        my ($path, $status, $role) = @$case;
        my %k = ($role || '') eq 'none' ? () : ('x-api-key' => $key{ $role || 'employee' });
        my $res = $h->get("/api/v1$path", %k);
        my $head = $res->{headers};
        is $res->{status}, $status, "$path: $status";
        is $head->{'content-type'}, 'application/json; charset=utf-8', '... Content-Type';
        is $head->{'cache-control'}, $status == 200 ? 'private, no-cache' : 'no-store', '... Cache-Control';
        is $head->{'content-length'}, length $res->{content}, '... Content-Length';
        like $head->{'x-request-id'}, $uuid, '... a fresh UUID of version 4';
        ok !$seen{ $head->{'x-request-id'} }++, '... used once';
        is_deeply [grep {/^(?:access-control-|x-powered|x-rate-limit|www-auth|allow$)/} keys %$head], [],
            '... nothing unasked';
        like $head->{vary}, qr/x-api-key/i, '... Vary names the key' if $status == 200;
        $h->json($res);
        for my $id ('a', 'abc-DEF_123', 'x' x 64) {
            is $h->get("/api/v1$path", %k, 'X-Request-Id' => $id)->{headers}{'x-request-id'}, $id, "... echoes '$id'";
        }
        for my $id ('', ' ', 'a b', 'a,b', 'x' x 65, 'a:b', '<b>', 'a%20b', '..') {
            like $h->get("/api/v1$path", %k, 'X-Request-Id' => $id)->{headers}{'x-request-id'}, $uuid,
                "... does not echo '$id'";
        }
    }
};

$h->log_ok(qr/AH10244: invalid URI path|AH01630: client denied by server configuration:/);
done_testing;
