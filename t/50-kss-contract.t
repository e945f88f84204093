#!/usr/bin/perl
# The contract of the KSS API over the wire, endpoint by endpoint, for every type of key: who is let in, what an answer
# is made of, in what order its rows stand, what the filters leave, and how it is cut into pages.
# SPDX-License-Identifier: Apache-2.0

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use KissTest;
use KissExpect;
use KissKssClient;
use KissKssContract;
use KissKssData;
use KissKssExpect;

my $JSON = 'application/json; charset=utf-8';
my @NAMES = qw(employee customers suppliers);    # a key of each type
my %FORBIDDEN = map { $_ => 1 } qw(/inventory /inventory/batches /purchases /purchases/:purchaseID /purchaseTrans
    /suppliers/creditTerms /vendors);

my $dir = write_kss_data(tempdir_here());
my $db = new_database('ksscontract', api => 'kss');
import_kss($db, $dir);
my %key = issue_all();
my $h = start_httpd(api => 'kss');
my $expect = KissKssExpect->new($dir, today_utc());

is scalar(endpoints()), 39, 'the contract has 39 endpoints that are read';

# Lists whose answer depends on the day are compared in t/51, which minds midnight.
my %BY_DAY = map { $_ => 1 } qw(/customers /customers/:customerID /deliveryDays);
my %ID_OF = (CustomerIDs => [customers => 'CustomerID'], InvoiceIDs => [invoices => 'InvoiceID'],
    PurchaseIDs => [purchases => 'PurchaseID'], customerID => [customers => 'CustomerID'],
    invoiceID => [invoices => 'InvoiceID'], locationID => [locations => 'LocationID'],
    productID => [products => 'ProductID'], supplierID => [suppliers => 'SupplierID'], userID => [users => 'UserID'],
    purchaseID => [purchases => 'PurchaseID']);

sub ids { my ($file, $column) = @{ $ID_OF{ $_[0] } }; return map { $_->{$column} } @{ $expect->{file}{$file} } }

# The parameters without which an endpoint does not answer: all ids there are, or one that the key can see most of.
sub needed {
    my ($e, $name) = @_;
    my %needed = map { $_->{name} => [ids($_->{name})] } grep { $_->{required}
        && $_->{form} eq 'n*' } @{ $e->{params} };
    $needed{EffectiveDate} = ['2030-06-14'] if $e->{path} eq '/customerPricing';
    if (defined(my $id = $e->{named})) {
        my %rows = map { $_ => scalar $expect->rows($e->{path}, $KEYS{$name}, { $id => [$_] }) } ids($id);
        $needed{$id} = [(sort { $rows{$b} <=> $rows{$a} || $a <=> $b } keys %rows)[0]];
    }
    return \%needed;
}
my %needed = map { my $e = $_; map { ("$e->{path} $_" => needed($e, $_)) } @NAMES } endpoints();

sub error_is {
    my ($res, $status, $text, $what) = @_;
    is "$res->{status} $res->{content}", qq($status {"Error":"$text"}), $what;
    return;
}

sub may_call { my ($e, $name) = @_; return KissKssContract::allowed($e, $KEYS{$name}{type}) }

# ---- who is let in, and what is required

for my $e (endpoints()) {
    my $one = { map { $_->{name} => [1] } grep { $_->{required} } @{ $e->{params} } };
    for my $wrong (['', 'an empty key'], ['kss_' . 'a' x 40, 'an unknown key']) {
        error_is(ask($h, $wrong->[0], $e->{path}, $one), 401, 'Missing or invalid API key', "$e->{path}: $wrong->[1]");
    }
    error_is($h->get(url_of($e->{path}, $one)), 401, 'Missing or invalid API key', "$e->{path}: no key");
    for my $name (@NAMES) {
        my $closed = $name eq 'customers' && $FORBIDDEN{ $e->{path} };
        is may_call($e, $name), !$closed, "$e->{path}: the table of the tests has the closed endpoints of $name";
        my $res = ask($h, $key{$name}, $e->{path}, $needed{"$e->{path} $name"});
        if ($closed) {
            error_is($res, 403, 'Your key does not have access to this resource',
                "$e->{path}: closed to Customer keys");
            error_is(ask($h, $key{$name}, $e->{path}, { %$one, Page => ['x'] }), 403,
                'Your key does not have access to this resource', "$e->{path}: whatever else is wrong");
            next;
        }
        is $res->{status}, 200, "$e->{path} for $name";
        is $res->{headers}{'content-type'}, $JSON, "$e->{path} for $name: Content-Type";
        for my $p (grep { $_->{required} && $_->{form} eq 'n*' } @{ $e->{params} }) {
            error_is(ask($h, $key{$name}, $e->{path}), 400, "$p->{name} parameter is required",
                "$e->{path} for $name without $p->{name}");
            error_is(ask($h, $key{$name}, $e->{path}, { $p->{name} => '' }), 400, "$p->{name} parameter is required",
                "$e->{path} for $name with an empty $p->{name}");
        }
    }
}

# ---- what an answer is made of

my (%nulls, %rows_seen);
for my $e (endpoints()) {
    for my $name (grep { may_call($e, $_) } @NAMES) {
        my %params = %{ $needed{"$e->{path} $name"} };
        # What the defaults leave out is of the same form.
        /^\((.*)\)$/ && $e->{path} ne '/customers' and $params{Statuses} = [split /,/, $1]
            for map { $_->{form} } grep { $_->{name} eq 'Statuses' } @{ $e->{params} };
        $params{AccountStatuses} = [qw(Active Inactive OutOfBus)] if $e->{path} eq '/customers';
        $params{PageSize} = [500] if $e->{kind} eq 'list';
        my $res = ask($h, $key{$name}, $e->{path}, \%params);
        is answer_deviation($res->{content}, $e, $KEYS{$name}{type}, $nulls{ $e->{path} } ||= {}), '',
            "$e->{path} for $name: members, types, decimals, nulls";
        $rows_seen{ $e->{path} } += @{ $h->json($res)->{Data} };
    }
    cmp_ok $rows_seen{ $e->{path} }, '>', 0, "$e->{path}: there were rows to look at";
    next if $e->{kind} eq 'record' || $e->{named};
    my @never = map { $_->{name} } grep { $_->{null} && !$nulls{ $e->{path} }{ $_->{name} } } @{ $e->{fields} };
    is "@never", '', "$e->{path}: each field that may be null was";
}

# ---- records, and paths that look like one

my $first = sub { my ($answer) = @_; return scalar @{ $h->json($answer)->{Data} } };
for my $e (grep { $_->{kind} eq 'record' } endpoints()) {
    for my $name (grep { may_call($e, $_) } @NAMES) {
        my $params = $needed{"$e->{path} $name"};
        my $res = ask($h, $key{$name}, $e->{path}, $params);
        like $res->{content}, qr/\A\{"Data":\[\{.*\}\],"Page":1,"PageSize":50,"HasNextPage":false\}\z/s,
            "$e->{path} for $name: one element, and the envelope";
        is $first->($res), 1, "$e->{path} for $name: no more than one";
        my ($id) = @{ $params->{ $e->{named} } };
        is $h->json($res)->{Data}[0]{ ucfirst $e->{named} }, $id, "$e->{path} for $name: the one that was asked for";
    }
}
for my $e (grep { $_->{named} } endpoints()) {
    for my $name (grep { may_call($e, $_) } @NAMES) {
        for my $id (0, -1, 987654, '999999999999999999') {
            my $res = ask($h, $key{$name}, $e->{path}, { $e->{named} => [$id] });
            is "$res->{status} $res->{content}", '200 {"Data":[],"Page":1,"PageSize":50,"HasNextPage":false}',
                "$e->{path} for $name: $id is nobody";
        }
        error_is(ask($h, $key{$name}, $e->{path}, { $e->{named} => ['12x'] }), 400,
            "$e->{named} parameter is invalid", "$e->{path} for $name: no number");
    }
}
for my $path (qw(/customers/creditTerms /invoices/creditTerms /suppliers/creditTerms)) {
    my $res = ask($h, $key{employee}, $path);
    ok exists $h->json($res)->{Data}[0]{TermID}, "$path is a list of terms, not a record";
}

# ---- order of rows: by the fields that show it, - for descending

my %ORDER = (
    '/allocations' => 'AllocationID ProductID CustomerID', '/arAging' => 'ARAccountID SupplierID',
    '/customerPricing' => 'ProductID CustomerID', '/customers' => 'CustomerID',
    '/customers/creditTerms' => 'CustomerID SupplierID', '/deliveryDays' => 'CustomerID',
    '/inventory' => 'LocationID ProductID', '/inventory/batches' => 'LocationID ProductID',
    '/retailerInventory' => 'CustomerID ProductID ID', '/invoices' => '-Date -InvoiceID',
    '/invoices/creditTerms' => 'TermID', '/invoiceTransactions' => 'InvoiceTransID',
    '/invoiceTransactions/:invoiceID' => 'InvoiceTransID', '/invoiceCOAs' => 'InvoiceID InvoiceTransID',
    '/invoiceCOAs/:invoiceID' => 'InvoiceTransID', '/locations' => 'LocationID', '/menuPromotions' => 'MenuPromotionID',
    '/promotionsProducts' => 'PromotionID', '/productCategories' => 'Sequence ProductCategoryID',
    '/products' => 'ProductID', '/states' => 'StateAbbreviation', '/suppliers' => 'SupplierID',
    '/suppliers/creditTerms' => 'TermID SupplierID', '/users' => 'UserID',
        '/payments/types' => 'PaymentTypeID SupplierID',
    '/payments' => '-PostDate -PaymentID', '/payments/openInvoices' => 'Date InvoiceID',
    '/payments/applications' => '-TimeApplied -PaymentApplicationID -TimeRequested',
    '/vendors' => 'VendorID SupplierID LocationID', '/purchases' => '-PostDate PurchaseID',
    '/purchaseTrans' => 'PurchaseTransID', '/salesReps' => 'Name UserID'
);

# Null stands first: where it is a time that is not yet, and where it is no supplier.
sub compare_fields {
    my ($x, $y, @by) = @_;
    for my $field (@by) {
        my ($down, $name) = $field =~ /^(-?)(.*)/;
        my ($p, $q) = ($x->{$name}, $y->{$name});
        next if !defined $p && !defined $q;
        return defined $p ? 1 : -1 if !defined $p || !defined $q;
        my $c = "$p$q" =~ /^[-0-9]+$/ ? $p <=> $q : $p cmp $q;
        return $down ? -$c : $c if $c;
    }
    return 0;
}

for my $e (grep { $_->{kind} eq 'list' } endpoints()) {
    for my $name (grep { may_call($e, $_) } @NAMES) {
        my $res = ask($h, $key{$name}, $e->{path}, { %{ $needed{"$e->{path} $name"} }, PageSize => 500 });
        my @rows = @{ $h->json($res)->{Data} };
        my @by = split ' ', $ORDER{ $e->{path} };
        my ($wrong) = grep { compare_fields($rows[$_ - 1], $rows[$_], @by) > 0 } 1 .. $#rows;
        ok !defined $wrong, "$e->{path} for $name: by @by" or diag "row $wrong";
    }
}

# ---- filters: each alone, any two, all together: always what is left of the whole list

sub same {
    my ($what, $name, $e, $params) = @_;
    my $res = ask($h, $key{$name}, $e->{path}, { %$params, PageSize => [500] });
    my @rows = $expect->rows($e->{path}, $KEYS{$name}, $params);
    my ($same, $where) = same_json($res->{content}, answer(\@rows, 1, 500));
    ok $same, $what or diag "$res->{status} $where";
    return scalar @rows;
}

# What a parameter is given: lists of values.
sub tries {
    my ($p, @values) = @_;
    my @some = @values ? ([$values[0]], [$values[-1]], [$values[ @values / 2 ]]) : ();
    return map { [$_] } 'true', 'false' if $p->{form} eq '(true,false)';
    return (['true'], ['false'], ['true', 'false']) if $p->{form} eq 'b*';
    return (map({ [$_] } split /,/, $1), [(split /,/, $1)[0, -1]]) if $p->{form} =~ /^\((.*)\)$/;
    return @some if $p->{form} eq 'date';
    return (@some, [@values[0, -1]], \@values, [987654], [$values[0], 987654]) if $p->{form} eq 'n*' && @values;
    return (@some, [@values[0, -1]], \@values, ['nothing'], [map { lc } @values]) if @values && $p->{name} eq 'States';
    return (@some, [@values[0, -1]], ['nothing']) if @values;
    return ([987654]);
}

my $compared = 0;
for my $e (grep { $_->{kind} eq 'list' && !$_->{named} && !$BY_DAY{ $_->{path} } } endpoints()) {
    for my $name (grep { may_call($e, $_) } @NAMES) {
        my $base = $needed{"$e->{path} $name"};
        my $where = "$e->{path} for $name";
        my @params = grep { $_->{name} ne 'EffectiveDate' } params_of($e);
        my %values = map { $_->{name} => [grep {!/,/} $expect->values_of($e->{path}, $KEYS{$name}, $base,
            $_->{name})] } @params;
        same($where, $name, $e, $base);
        my $found = 0;
        for my $p (@params) {
            for my $try (tries($p, @{ $values{ $p->{name} } })) {
                if ($e->{path} eq '/customerPricing' && $name eq 'customers' && "@$try" eq '987654') {
                    error_is(ask($h, $key{$name}, $e->{path}, { CustomerIDs => $try }), 403,
                        'Your key does not have access to this resource', "$where: no customer of the key's");
                    next;
                }
                $found += same("$where: $p->{name}=@$try", $name, $e, { %$base, $p->{name} => $try });
                $compared++;
            }
        }
        cmp_ok $found, '>', 0, "$where: the filters left something" if @params;
        # Two at a time, and all: values that rows have, so that not everything is empty.
        my %half = map {
            my @v = @{ $values{ $_->{name} } };
            $_->{name} => $_->{form} eq 'date' ? [$v[ $_->{name} eq 'StartDate' ? @v / 4 : @v * 3 / 4 ]]
                : [@v[0 .. $#v / 2]]
        } grep { @{ $values{ $_->{name} } } } @params;
        my @names = sort keys %half;
        for my $i (0 .. $#names) {
            for my $j ($i + 1 .. $#names) {
                my %two = map { $_ => $half{$_} } @names[$i, $j];
                same("$where: @names[$i, $j] together", $name, $e, { %$base, %two });
                $compared++;
            }
        }
        same("$where: all parameters together", $name, $e, { %$base, %half }) if @names > 2;
    }
}
cmp_ok $compared, '>', 500, "$compared filters were compared";

# The lists of the day, without their dates: the ids tell which rows are left.
sub ids_are {
    my ($what, $name, $path, $params) = @_;
    my $res = ask($h, $key{$name}, $path, { %$params, PageSize => [500] });
    my @got = map { $_->{CustomerID} } @{ $h->json($res)->{Data} };
    my @expected = map { /"CustomerID":(\d+)/ } $expect->rows($path, $KEYS{$name}, $params);
    is "@got", "@expected", $what;
    return;
}
for my $path ('/customers', '/deliveryDays') {
    for my $name (@NAMES) {
        ids_are("$path for $name", $name, $path, {});
        for my $p (params_of(endpoint($path))) {
            ids_are("$path for $name: $p->{name}=@$_", $name, $path, { $p->{name} => $_ })
                for tries($p, $p->{name} eq 'States' ? ('CA', 'NJ', 'NV') : (1 .. 24));
        }
        ids_are("$path for $name: two together", $name, $path, { CustomerIDs => [1 .. 12], States => ['ca', 'NJ'] });
    }
}
ids_are('all customers on hold of two states', 'employee', '/customers',
    { OnHold => ['true'], States => ['NJ', 'CA'], AccountStatuses => ['Active', 'Inactive'],
        CustomerIDs => [1 .. 20] });

# Days may be timestamps: the day in UTC counts, at both ends.
for my $form ('%s', '%sT23:59:59.999Z', '%sT00:00:00Z', '%s 12:30:00') {
    my %days = (StartDate => '2026-01-03', EndDate => '2026-01-05');
    my $res = ask($h, $key{employee}, '/invoices', { PageSize => 500, map { $_ => sprintf $form,
        $days{$_} } keys %days });
    my @rows = $expect->rows('/invoices', $KEYS{employee}, { map { $_ => [$days{$_}] } keys %days });
    my ($same, $where) = same_json($res->{content}, answer(\@rows, 1, 500));
    ok $same && @rows, "days written as $form" or diag $where;
}

# ---- what counts when a parameter is left out

sub data {
    my ($name, $path, $params) = @_;
    return $h->json(ask($h, $key{$name}, $path, { PageSize => 500, %{ $params || {} } }))->{Data};
}

sub is_only {
    my ($rows, $field, $value, $what) = @_;
    ok @$rows && !grep({ $_->{$field} ne $value } @$rows), $what;
    return;
}

is_only(data($_, '/invoices'), 'Status', 1, "/invoices for $_: New by default") for @NAMES;
is_only(data($_, '/customers'), 'AccountStatus', 'Active', "/customers for $_: Active by default") for @NAMES;
is_only(data($_, '/products'), 'StatusID', 1, "/products for $_: Active by default") for @NAMES;
my @discontinued = grep { $_->{StatusID} == 0 } @{ $expect->{file}{products} };
my $ids = join ',', map { $_->{ProductID} } @discontinued;
is scalar @{ data('employee', '/products', { ProductIDs => $ids }) }, scalar @discontinued,
    'ProductIDs: no filter by status';
is scalar @{ data('employee', '/products', { ProductIDs => $ids, Statuses => 1 }) }, scalar @discontinued,
    'and Statuses is ignored';
is_only(data('customers', '/products', { Statuses => '0,1,2,3,4,5' }), 'StatusID', 1,
    'a Customer key gets active products, whatever it asks for');
is scalar @{ data('employee', '/invoices', { InvoiceIDs => join ',', ids('InvoiceIDs') }) },
    scalar(grep { $_->{Status} == 1 } @{ $expect->{file}{invoices} }),
        'InvoiceIDs does not lift the default of /invoices';
for my $path ('/suppliers', '/users') {
    my $field = $path eq '/users' ? 'UserActive' : 'Active';
    is scalar(keys %{ { map { ($_->{$field} ? 1 : 0) => 1 } @{ data('employee', $path) } } }), 2,
        "$path for an Employee: no filter by default";
    is_only(data($_, $path), $field, 1, "$path for $_: active ones by default") for qw(customers suppliers);
    my $res = ask($h, $key{suppliers}, $path, { Active => 'false' });
    is $res->{status}, 200, "$path for a Supplier key: Active=false is no error";
    is_deeply $h->json($res)->{Data}, $h->json(ask($h, $key{suppliers}, $path))->{Data}, 'but ignored';
}
for my $path ('/vendors', '/payments/types') {
    my ($with, $without) = map { scalar @{ data('employee', $path, { Active => $_ }) } } 'true,false', 'true';
    cmp_ok $with, '>', $without, "$path: an Employee may ask for those that are not active";
    is scalar @{ data('employee', $path) }, $without, "$path: and does not get them unasked";
    is_deeply data('suppliers', $path, { Active => 'false' }), data('suppliers', $path),
        "$path: a Supplier key may not";
}
my $price = sub {
    my ($day) = @_;
    my %params = (CustomerIDs => '1,2', PageSize => 500, $day ? (EffectiveDate => $day) : ());
    return ask($h, $key{supplier}, '/customerPricing', \%params)->{content};
};
my ($day, @today);
do { $day = today_utc(); @today = ($price->(), $price->($day)) } until $day eq today_utc();
is $today[0], $today[1], '/customerPricing: today by default';
isnt $price->('2030-06-14'), $today[0], 'and another day has other prices';

# ---- pages

sub page_is {
    my ($what, $name, $path, $base, $rows, $page, $size, $asked) = @_;
    my $res = ask($h, $key{$name}, $path, { %$base, %{ $asked || { Page => $page, PageSize => $size } } });
    my ($same, $where) = same_json($res->{content}, answer($rows, $page, $size));
    return $same ? () : ("$what, page $page of size $size: $res->{status} $where");
}

# What is wrong with the pages of a list: the first page that is not as it should be, or undef.
sub wrong_page {
    my ($name, $e, $base, $rows, @sizes) = @_;
    my $n = @$rows;
    my $page = sub { my ($what, @more) = @_; return page_is($what, $name, $e->{path}, $base, $rows, @more) };
    my @wrong = map { my $size = $_; map { $page->('walk', $_, $size) } 1 .. ($n - 1) / $size + 1 } @sizes;
    push @wrong, map { $page->('border', 1, $_) } grep { $_ > 0 && $_ <= 500 } $n - 1 .. $n + 1;
    push @wrong, $page->('past the end', 2, $n || 1) if $n <= 500;
    push @wrong, map { $page->('past the end', @$_) } [1000, 500], [999_999_999_999, 500];
    push @wrong, $page->('default', 1, 50, {}), $page->('lowered', 1, 500, { PageSize => 501 }),
        $page->('lowered', 2, 500, { PageSize => '100000', Page => 2 });
    return $wrong[0];
}

for my $e (grep { $_->{kind} eq 'list' } endpoints()) {
    for my $name (grep { may_call($e, $_) } @NAMES) {
        my $base = $needed{"$e->{path} $name"};
        my ($n, $wrong, @sizes);
        do {
            $day = today_utc();
            my $of_day = $BY_DAY{ $e->{path} } ? KissKssExpect->new($dir, $day) : $expect;
            my @rows = $of_day->rows($e->{path}, $KEYS{$name}, $base);
            $n = @rows;
            @sizes = ($n <= 100 ? 1 : 29, 7, 50, 500);
            $wrong = wrong_page($name, $e, $base, \@rows, @sizes);
        } while $BY_DAY{ $e->{path} } && $day ne today_utc();
        is $wrong, undef,
            "$e->{path} for $name, $n rows: walks of @sizes, borders, past the end, default and largest size";
    }
}

$h->log_ok;
done_testing;
