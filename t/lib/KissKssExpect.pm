# SPDX-License-Identifier: Apache-2.0
package KissKssExpect;

# What the KSS API must answer, computed from a directory of CSV files alone: who sees which rows, what the filters
# leave of them, in what order they stand, and each value to its last digit. It knows the contract (KissKssContract) and
# the import's files; it does not know the module, its SQL or its tables.
#
#     my $expect = KissKssExpect->new($dir, $today);
#     my @rows = $expect->rows('/invoices', $key, { Statuses => [1, 7] });    # all of them, each as JSON text
#     my ($same, $where) = same_json($response->{content}, answer(\@rows, 1, 50));
#
# A key is { type => 'customer', ids => [1, 2] }. Text is bytes, numbers are decimal text.

use strict;
use warnings;
use Exporter 'import';
use Math::BigInt;
use POSIX ();
use KissExpect ();
use KissKssContract;
use KissTest::CSV qw(csv_rows);

our @EXPORT = qw(answer);

# new($dir, $today): $today is the day in UTC, YYYY-MM-DD.
sub new {
    my ($class, $dir, $today) = @_;
    my $self = bless { dir => $dir, today => $today, file => {} }, $class;
    for my $path (glob "$dir/*.csv") {
        my ($name) = $path =~ m{([a-z_]+)\.csv$};
        $self->{file}{$name} = csv_rows($path);
        for my $row (@{ $self->{file}{$name} }) {
            # A date where a time is wanted is its midnight.
            /Time|^Date$|(?:PO|Due|Post|Inventory|Close|Statement|Receive|Invoice)Date$/
                && $row->{$_} =~ s/^(\d{4}-\d\d-\d\d)$/$1T00:00:00.000Z/
                for keys %$row;
        }
    }
    my %id = (customers => 'CustomerID', suppliers => 'SupplierID', products => 'ProductID', locations => 'LocationID',
        users => 'UserID', credit_terms => 'TermID', product_categories => 'ProductCategoryID', vendors => 'VendorID',
        invoices => 'InvoiceID', payments => 'PaymentInvoiceNum', payment_types => 'PaymentTypeID',
        ar_accounts => 'ARAccountID', invoice_coas => 'InvoiceTransID', purchases => 'PurchaseID');
    for my $name (keys %id) {
        $self->{by}{$name} = { map { $_->{ $id{$name} } => $_ } @{ $self->{file}{$name} } };
    }
    $self->{by_num} = { map { $_->{InvoiceNum} => $_ } @{ $self->{file}{invoices} } };
    push @{ $self->{lines}{ $_->{InvoiceID} } }, $_ for @{ $self->{file}{invoice_lines} };
    # A line names its supplier, or is of the product's.
    $_->{SupplierID} = $self->_of(products => $_->{ProductID})->{SupplierID}
        for grep { $_->{SupplierID} eq '' } @{ $self->{file}{invoice_lines} };
    return $self;
}

sub _of { my ($self, $file, $id) = @_; return $self->{by}{$file}{$id} || {} }

# answer(\@rows, $page, $size): the text of the answer with that page of them.
sub answer {
    my ($rows, $page, $size) = @_;
    my $from = ($page - 1) * $size;
    my $to = $from + $size - 1;
    my $more = $to < $#$rows;
    $to = $#$rows if !$more;
    return '{"Data":[' . join(',', $from > $#$rows ? () : @$rows[$from .. $to])
        . qq(],"Page":$page,"PageSize":$size,"HasNextPage":) . ($more ? 'true}' : 'false}');
}

# ---- who sees what

# What a key stands for: {type}, {own}: set of accounts, {states}: set of the states of those that exist, {exists}.
sub _key {
    my ($self, $key) = @_;
    my $file = $key->{type} eq 'supplier' ? 'suppliers' : 'customers';
    my @known = grep {%$_} map { $self->_of($file => $_) } $key->{type} eq 'employee' ? () : @{ $key->{ids} };
    return {
        type => $key->{type}, exists => scalar @known, own => { map { $_ => 1 } @{ $key->{ids} } },
        states => { map { $_->{State} => 1 } @known }
    };
}

# Catalogue rows of a Customer key: those of its customers' states, and those of no state; none for a key of nobody.
sub _in_states { my ($k, $state) = @_; return $k->{exists} && ($state eq '' || $k->{states}{$state}) }

# Customers of a Supplier key: those of its suppliers' states; a supplier of no state is in all of them.
sub _customer_in_states { my ($k, $state) = @_; return $k->{states}{$state} || $k->{states}{''} }

sub _owns { my ($column) = @_; return sub { my ($self, $k, $row) = @_; return $k->{own}{ $row->{$column} } } }

sub _owns_product {
    my ($self, $k, $row) = @_;
    return $k->{own}{ $self->_of(products => $row->{ProductID})->{SupplierID} };
}

sub _owns_ar {
    my ($self, $k, $row) = @_;
    return $k->{own}{ $self->_of(ar_accounts => $row->{ARAccountID})->{CustomerID} || 0 };
}

sub _owns_invoice {
    my ($self, $k, $row) = @_;
    return $k->{own}{ $self->_of(invoices => $row->{InvoiceID})->{CustomerID} };
}

sub _owns_line_of {
    my ($self, $k, $row) = @_;
    return $self->_own_lines($k, $row) ? 1 : 0;
}

# The lines of an invoice that a key counts: a Supplier key its own ones.
sub _own_lines {
    my ($self, $k, $invoice) = @_;
    my @all = @{ $self->{lines}{ $invoice->{InvoiceID} } || [] };
    return $k->{type} eq 'supplier' ? grep { $k->{own}{ $_->{SupplierID} } } @all : @all;
}

# ---- tables of links: the other ids of one id

sub _links {
    my ($self, $file, $from, $id, $to) = @_;
    return map { $_->{$to} } grep { $_->{$from} eq $id } @{ $self->{file}{$file} };
}

sub _ascending { return sort { $a <=> $b } @_ }

# The customers and suppliers of a user that a key may know of.
sub _user_customers {
    my ($self, $k, $user) = @_;
    my @ids = _ascending($self->_links('user_customers', UserID => $user, 'CustomerID'));
    @ids = grep { $k->{own}{$_} } @ids if $k->{type} eq 'customer';
    @ids = grep { _customer_in_states($k, $self->_of(customers => $_)->{State}) } @ids if $k->{type} eq 'supplier';
    return @ids;
}

sub _user_suppliers {
    my ($self, $k, $user) = @_;
    my @ids = _ascending($self->_links('user_suppliers', UserID => $user, 'SupplierID'));
    return $k->{type} eq 'supplier' ? grep { $k->{own}{$_} } @ids : @ids;
}

# The same for a sales rep: suppliers and customers, active or not.
sub _rep_suppliers {
    my ($self, $k, $user) = @_;
    my @ids = _ascending($self->_links('sales_rep_suppliers', UserID => $user, 'SupplierID'));
    @ids = grep { $k->{own}{$_} } @ids if $k->{type} eq 'supplier';
    @ids = grep { _in_states($k, $self->_of(suppliers => $_)->{State}) } @ids if $k->{type} eq 'customer';
    return @ids;
}

sub _rep_customers {
    my ($self, $k, $user) = @_;
    my @ids = _ascending($self->_links('sales_rep_customers', UserID => $user, 'CustomerID'));
    @ids = grep { $k->{own}{$_} } @ids if $k->{type} eq 'customer';
    @ids = grep { _customer_in_states($k, $self->_of(customers => $_)->{State}) } @ids if $k->{type} eq 'supplier';
    return @ids;
}

sub _is_supplier_rep {
    my ($self, $user) = @_;
    return scalar grep { $_ eq 'Supplier' } $self->_links('sales_rep_groups', UserID => $user, 'ProductGroup');
}

# ---- decimal numbers as text

# Millionths as a whole number; text has at most six decimals.
sub _micro {
    my ($text) = @_;
    my ($sign, $whole, $part) = $text =~ /^(-?)(\d+)(?:\.(\d{1,6}))?$/ or die "not a number: '$text'";
    $part = '' unless defined $part;
    return ($sign ? -1 : 1) * ($whole * 1_000_000 + ($part . '0' x (6 - length $part)));
}

sub _text {
    my ($micro) = @_;
    my $digits = sprintf '%07s', abs $micro;
    $digits =~ tr/ /0/;
    return ($micro < 0 ? '-' : '') . substr($digits, 0, -6) . '.' . substr $digits, -6;
}

sub _sum { my $n = 0; $n += _micro($_) for @_; return _text($n) }
sub _less { my ($from, @what) = @_; return _text(_micro($from) - _micro(_sum(@what))) }

# With so many decimals, half away from zero.
sub _fixed {
    my ($text, $scale) = @_;
    my ($sign, $whole, $part) = $text =~ /^(-?)(\d+)(?:\.(\d+))?$/ or die "not a number: '$text'";
    $part = (defined $part ? $part : '') . '0' x ($scale + 1);
    my $n = Math::BigInt->new($whole . substr $part, 0, $scale);
    $n->binc if substr($part, $scale, 1) >= 5;
    my $digits = $n->bstr;
    $digits = '0' x ($scale + 1 - length $digits) . $digits if length $digits <= $scale;
    $digits =~ s/(\d{$scale})$/.$1/ if $scale;
    return ($n->is_zero ? '' : $sign) . $digits;
}

# An invoice's price before discounts, over the lines that a key counts.
sub _full_price { return _text(_total(map { _micro($_->{FullPrice}) / 100 * (_micro($_->{NumUnits}) / 10_000) } @_)) }
sub _total { my $n = 0; $n += $_ for @_; return $n }

# ---- values that no column holds

sub _address {
    my ($self, $k, $c) = @_;
    my $place = join ' ', grep {length} @$c{qw(State PostalCode)};
    return join ', ', grep {length} @$c{qw(Address City)}, $place;
}

# The 28 days from tomorrow on that fall on one of the weekdays: 1 Monday to 7 Sunday.
sub _coming {
    my ($self, $days) = @_;
    return undef if $days eq '';
    my %wanted = map { $_ => 1 } split /;/, $days;
    my ($y, $m, $d) = split /-/, $self->{today};
    my @dates;
    for my $ahead (1 .. 28) {
        my @t = gmtime(POSIX::mktime(0, 0, 12, $d, $m - 1, $y - 1900) + $ahead * 86_400);
        push @dates, POSIX::strftime('%Y-%m-%d', @t) if $wanted{ $t[6] || 7 };
    }
    return \@dates;
}

# The promotion that counts: it is valid on the day, has a price below the list price (as they are shown), covers the
# product, and the customer's state; the lowest price wins, then the lowest id.
sub _promotion {
    my ($self, $product, $customer, $day) = @_;
    my @valid = grep {
        my $o = $_;
        my @states = $self->_links('promotion_states', PromotionID => $o->{PromotionID}, 'State');
        $o->{SupplierID} eq $product->{SupplierID} && $o->{UnitPrice} ne ''
            && _micro(_fixed($o->{UnitPrice}, 2)) < _micro(_fixed($product->{FullPrice}, 2))
            && $o->{StartDate} le $day && ($o->{EndDate} eq '' || $o->{EndDate} ge $day)
            && (!@states || grep { $_ eq $customer->{State} } @states)
            && ($o->{AllProducts} || grep { $_ eq $product->{ProductID} }
                $self->_links('promotion_products', PromotionID => $o->{PromotionID}, 'ProductID'))
    } @{ $self->{file}{promotions} };
    my ($best) = sort { _micro($a->{UnitPrice}) <=> _micro($b->{UnitPrice}) || $a->{PromotionID} <=> $b->{PromotionID} }
        @valid;
    return $best;
}

# One row for each customer and each active product of the customer's state.
sub _pricing_rows {
    my ($self, $k, $params) = @_;
    my $day = $params->{EffectiveDate} ? $params->{EffectiveDate}[0] : $self->{today};
    my @rows;
    for my $c (map { $self->_of(customers => $_) } @{ $params->{CustomerIDs} }) {
        for my $p (grep { $_->{StatusID} == 1 } @{ $self->{file}{products} }) {
            next if !%$c || ($p->{State} ne '' && $p->{State} ne $c->{State});
            my $o = $self->_promotion($p, $c, $day);
            my $full = _fixed($p->{FullPrice}, 2);
            my $unit = $o ? _fixed($o->{UnitPrice}, 2) : $full;
            push @rows, {
                ProductID => $p->{ProductID}, CustomerID => $c->{CustomerID}, SupplierID => $p->{SupplierID},
                FullPrice => $full, UnitPrice => $unit, Discount => _less($full, $unit),
                map { $_ => $o ? $o->{$_} : '' } qw(PromotionID StartDate EndDate TimeUpdated)
            };
        }
    }
    return \@rows;
}

sub _bucket {
    my ($self, $row, $bucket) = @_;
    return map { { %$_, InvoiceNum => $self->_of(invoices => $_->{InvoiceID})->{InvoiceNum} } }
        sort { $a->{InvoiceID} <=> $b->{InvoiceID} }
        grep { $_->{ARAccountID} eq $row->{ARAccountID} && $_->{SupplierID} eq $row->{SupplierID}
            && $_->{Bucket} eq $bucket }
        @{ $self->{file}{ar_aging_invoices} };
}

sub _invoices_of { my ($bucket) = @_; return sub { my ($self, $k, $row) = @_; return [$self->_bucket($row, $bucket)] } }

sub _due {
    my (@buckets) = @_;
    return sub {
        my ($self, $k, $row) = @_;
        return _sum(map { $_->{OpenBalance} } map { $self->_bucket($row, $_) } @buckets);
    };
}

# What is left of a payment: confirmed and requested parts are gone, rejected ones are not; never below 0.
sub _available {
    my ($self, $k, $payment) = @_;
    my @gone = map { $_->{Amount} }
        grep { $_->{PaymentInvoiceNum} eq $payment->{PaymentInvoiceNum} && $_->{Status} ne 'Rejected' }
        @{ $self->{file}{payment_applications} };
    my $left = _less($payment->{Amount}, @gone);
    return $left =~ /^-/ ? '0' : $left;
}

# A supplier's part of what is open is its part of the lines.
sub _open_balance {
    my ($self, $k, $i) = @_;
    my $open = _less($i->{OpenDebit}, $i->{OpenCredit});
    return $open if $k->{type} ne 'supplier';
    my ($own, $all) = map { _micro(_sum(map { $_->{ExtPrice} } @$_)) } [$self->_own_lines($k, $i)],
        $self->{lines}{ $i->{InvoiceID} };
    return '0' if $all == 0;
    # In millionths of a cent: more digits than are shown, cut off, and one more where something was cut off.
    my ($n, $rest) = Math::BigInt->new(_micro($open))->bmul($own)->babs->bmul(10_000)->bdiv(abs $all);
    my $digits = sprintf '%011s', $n->bmul(10)->badd($rest->is_zero ? 0 : 1)->bstr;
    $digits =~ tr/ /0/;
    my $sign = (_micro($open) < 0) ^ ($own < 0) ^ ($all < 0) ? '-' : '';
    return $sign . substr($digits, 0, -11) . '0.' . substr $digits, -11 if length $digits == 11;
    return $sign . substr($digits, 0, -11) . '.' . substr $digits, -11;
}

sub _user_value {
    my ($id, $column) = @_;
    return sub { my ($self, $k, $row) = @_; return $self->_of(users => $row->{$id})->{$column} };
}

sub _value_of {
    my ($file, $id, $column) = @_;
    return sub { my ($self, $k, $row) = @_; return $self->_of($file => $row->{$id})->{$column} };
}

sub _sum_of_lines {
    my ($column) = @_;
    return sub { my ($self, $k, $row) = @_; return _sum(map { $_->{$column} } $self->_own_lines($k, $row)) };
}

sub _requested {
    my ($column) = @_;
    return sub { my ($self, $k, $row) = @_; return $row->{RequestID} eq '' ? '' : $row->{$column} };
}

# ---- the endpoints
#
# rows    name of a file, or a function of (key, parameters)
# where   what all callers see; see: what a type of key sees of it; functions of (key, row)
# order   columns: + number, - number descending, a text, z text descending, or a function that compares
# match   by parameter: the column, or the function that lists the row's values, one of which must be among those asked
#         for; [from => column], [to => column] for days
# default by parameter: function of (key, parameters): the values that count, undef: those that were asked for
# value   by field, where it is not the column of the same name

my %OF;

my $product_supplier = _value_of('products', 'ProductID', 'SupplierID');
my $customer_state = _value_of('customers', 'CustomerID', 'State');
my $location_state = _value_of('locations', 'LocationID', 'State');

sub _unless_asked {
    my ($name, @values) = @_;
    return sub { my ($k, $p) = @_; return $p->{$name} ? undef : \@values };
}
my $active_unless_employee = sub { my ($k) = @_; return $k->{type} eq 'employee' ? undef : ['true'] };
my $active_or_asked = sub {
    my ($k, $p) = @_;
    return $k->{type} eq 'employee' && $p->{Active} ? undef : ['true'];
};
my $active = sub { my ($self, $k, $row) = @_; return $row->{Active} ? 'true' : 'false' };

$OF{'/allocations'} = {
    rows => 'allocations', see => { customer => _owns('CustomerID'), supplier => \&_owns_product },
    order => '+AllocationID +ProductID +CustomerID',
    match => { CustomerIDs => 'CustomerID', SupplierIDs => $product_supplier, States => $customer_state }
};

$OF{'/arAging'} = {
    rows => 'ar_aging', see => { customer => \&_owns_ar, supplier => _owns('SupplierID') },
    order => '+ARAccountID +SupplierID',
    match => {
        CustomerIDs => _value_of('ar_accounts', 'ARAccountID', 'CustomerID'), SupplierIDs => 'SupplierID',
        States => sub {
            my ($self, $k, $row) = @_;
            return $customer_state->($self, $k, $self->_of(ar_accounts => $row->{ARAccountID}));
        }
    },
    value => {
        CustomerID => _value_of('ar_accounts', 'ARAccountID', 'CustomerID'),
        CurrentDue => _due('Current'), TotalBalanceOutstanding => _due(qw(Current 1_30 31_60 61_90 91)),
        CurrentInvoices => _invoices_of('Current'), CreditInvoices => _invoices_of('Credit'),
        map { ("Due_$_" => _due($_), "Invoices_$_" => _invoices_of($_)) } qw(1_30 31_60 61_90 91)
    }
};

$OF{'/customerPricing'} = {
    rows => \&_pricing_rows, see => { customer => _owns('CustomerID'), supplier => _owns('SupplierID') },
    order => '+ProductID +CustomerID', match => { CustomerIDs => 'CustomerID', EffectiveDate => undef }
};

$OF{'/customers'} = {
    rows => 'customers', order => '+CustomerID',
    see => {
        customer => _owns('CustomerID'),
        supplier => sub { my ($self, $k, $row) = @_; return _customer_in_states($k, $row->{State}) }
    },
    match => {
        CustomerIDs => 'CustomerID', States => 'State', AccountStatuses => 'AccountStatus',
        OnHold => sub { my ($self, $k, $row) = @_; return $row->{OnHold} ? 'true' : 'false' }
    },
    default => { AccountStatuses => _unless_asked(AccountStatuses => 'Active') },
    value => {
        Address => \&_address,
        (map { ("SalesRep$_->[0]" => _user_value('SalesRepUserID', $_->[1])) } ['Email', 'Email'], ['Name', 'FullName'],
            ['Phone', 'Phone']),
        ProfilePictureURL => _user_value('SalesRepUserID', 'ProfilePictureURL'),
        CollectionAgentFullName => _user_value('CollectionAgentUserID', 'FullName'),
        CollectionAgentEmail => _user_value('CollectionAgentUserID', 'Email'),
        DeliveryDates => sub { my ($self, $k, $row) = @_; return $self->_coming($row->{DeliveryDays}) },
        NextDeliveryDates => sub {
            my ($self, $k, $row) = @_;
            my $dates = $self->_coming($row->{DeliveryDays});
            return $dates ? join ';', @$dates : undef;
        }
    }
};

$OF{'/customers/creditTerms'} = {
    rows => 'customer_credit_terms', see => { customer => _owns('CustomerID'), supplier => _owns('SupplierID') },
    order => '+CustomerID +SupplierID', match => { CustomerIDs => 'CustomerID', SupplierIDs => 'SupplierID' },
    value => { Term => _value_of('credit_terms', 'TermID', 'Term') }
};

$OF{'/deliveryDays'} = {
    rows => 'customers', see => $OF{'/customers'}{see}, order => '+CustomerID',
    where => sub { my ($self, $k, $row) = @_; return $row->{AccountStatus} eq 'Active' },
    match => { CustomerIDs => 'CustomerID', States => 'State' }, value => $OF{'/customers'}{value}
};

$OF{'/inventory'} = {
    rows => 'inventory', see => { supplier => \&_owns_product }, order => '+LocationID +ProductID',
    match => {
        SupplierIDs => $product_supplier, ProductIDs => 'ProductID', LocationIDs => 'LocationID',
            States => $location_state
    },
    value => {
        AvailableUnits => sub { my ($self, $k, $r) = @_; return _less(@$r{qw(OnFloorInventory PreSales Allocated)}) },
        Inventory => sub {
            my ($self, $k, $r) = @_;
            return _sum(@$r{qw(OnFloorInventory Received Loaded Picked Delivered Unsellable)});
        }
    }
};

$OF{'/inventory/batches'} = {
    rows => 'inventory_batches', see => { supplier => \&_owns_product }, order => '+LocationID +ProductID +BatchID',
    # A batch that is sold out has no stock row any more.
    where => sub {
        my ($self, $k, $row) = @_;
        return grep { $_->{LocationID} eq $row->{LocationID} && $_->{ProductID} eq $row->{ProductID} }
            @{ $self->{file}{inventory} };
    },
    match => { %{ $OF{'/inventory'}{match} }, BatchCodes => 'BatchCode' },
    value => { SupplierID => $product_supplier, State => $location_state }
};

$OF{'/retailerInventory'} = {
    rows => 'retailer_inventory', see => { customer => _owns('CustomerID'), supplier => \&_owns_product },
    order => '+CustomerID +ProductID +ID',
    match => {
        CustomerIDs => 'CustomerID', SupplierIDs => $product_supplier, ProductIDs => 'ProductID',
            States => $customer_state
    }
};

$OF{'/invoices'} = {
    rows => 'invoices', see => { customer => _owns('CustomerID'), supplier => \&_owns_line_of },
    order => 'zDate -InvoiceID',
    match => {
        CustomerIDs => 'CustomerID', InvoiceIDs => 'InvoiceID', States => $customer_state, Statuses => 'Status',
        StartDate => [from => 'Date'], EndDate => [to => 'Date']
    },
    default => { Statuses => _unless_asked(Statuses => 1) },
    value => {
        CustomerName => _value_of('customers', 'CustomerID', 'CustomerName'),
        (map { my $by = $_; map { ("${by}$_->[0]" => _user_value("${by}ID", $_->[1])) } ['Name', 'FullName'], ['Email',
            'Email'] }
            'SubmittedByUser', 'BuiltByUser'),
        # An invoice that says nothing of it is due at once: DueDate is never null.
        DueDate => sub { my ($self, $k, $row) = @_; return $row->{DueDate} eq '' ? $row->{Date} : $row->{DueDate} },
        OpenBalance => sub { my ($self, $k, $row) = @_; return _less(@$row{qw(OpenDebit OpenCredit)}) },
        TotalNumUnits => _sum_of_lines('NumUnits'), TotalCases => _sum_of_lines('Cases'),
        TotalExtPrice => _sum_of_lines('ExtPrice'),
        TotalFullPrice => sub { my ($self, $k, $row) = @_; return _full_price($self->_own_lines($k, $row)) },
        TotalDiscount => sub {
            my ($self, $k, $row) = @_;
            my @lines = $self->_own_lines($k, $row);
            return _less(_full_price(@lines), map { $_->{ExtPrice} } @lines);
        }
    }
};

$OF{'/invoices/creditTerms'} = { rows => 'credit_terms', order => '+TermID', match => { TermIDs => 'TermID' } };

$OF{'/invoiceTransactions'} = {
    rows => 'invoice_lines', see => { customer => \&_owns_invoice, supplier => _owns('SupplierID') },
    order => '+InvoiceTransID',
    match => { InvoiceIDs => 'InvoiceID', Statuses => _value_of('invoices', 'InvoiceID', 'Status') },
    value => {
        CustomerID => _value_of('invoices', 'InvoiceID', 'CustomerID'),
        ProductName => _value_of('products', 'ProductID', 'ProductName'),
        Discount => sub { my ($self, $k, $row) = @_; return _less(@$row{qw(FullPrice UnitPrice)}) },
        COA_URL => _value_of('invoice_coas', 'InvoiceTransID', 'COA_URL')
    }
};

$OF{'/invoiceCOAs'} = {
    rows => 'invoice_lines', see => $OF{'/invoiceTransactions'}{see}, order => '+InvoiceID +InvoiceTransID',
    where => sub { my ($self, $k, $row) = @_; return exists $self->{by}{invoice_coas}{ $row->{InvoiceTransID} } },
    match => { InvoiceIDs => 'InvoiceID' },
    value => { map { $_ => _value_of('invoice_coas', 'InvoiceTransID', $_) } qw(COA_URL TimeCreated TimeUpdated) }
};

my $see_state = sub { my ($self, $k, $row) = @_; return _in_states($k, $row->{State}) };
$OF{'/locations'} = {
    rows => 'locations', see => { customer => $see_state }, order => '+LocationID',
    match => { LocationIDs => 'LocationID', States => 'State' }
};

$OF{'/menuPromotions'} = {
    rows => 'menu_promotions', see => { customer => $see_state, supplier => _owns('SupplierID') },
    order => '+MenuPromotionID',
    match => {
        SupplierIDs => 'SupplierID', States => 'State', StartDate => [from => 'EndDate'], EndDate => [to => 'StartDate']
    },
    value => { SupplierName => _value_of('suppliers', 'SupplierID', 'Supplier') }
};

sub _promotion_states {
    my ($self, $k, $row) = @_;
    return sort { $a cmp $b } $self->_links('promotion_states', PromotionID => $row->{PromotionID}, 'State');
}
$OF{'/promotionsProducts'} = {
    rows => 'promotions', order => '+PromotionID',
    see => {
        customer => sub {
            my ($self, $k, $row) = @_;
            my @states = $self->_promotion_states($k, $row);
            return grep { _in_states($k, $_) } @states ? @states : '';
        },
        supplier => _owns('SupplierID')
    },
    match => { SupplierIDs => 'SupplierID', States => \&_promotion_states },
    value => {
        States => sub { return [_promotion_states(@_)] },
        ProductIDs => sub {
            my ($self, $k, $row) = @_;
            return [_ascending($self->_links('promotion_products', PromotionID => $row->{PromotionID}, 'ProductID'))];
        }
    }
};

$OF{'/productCategories'} = { rows => 'product_categories', order => '+Sequence +ProductCategoryID', match => {} };

$OF{'/products'} = {
    rows => 'products', order => '+ProductID',
    see => { customer => $see_state, supplier => _owns('SupplierID') },
    match => {
        SupplierIDs => 'SupplierID', ProductIDs => 'ProductID', States => 'State', Statuses => 'StatusID',
        SupplierProductNumbers => 'SupplierProductNumber'
    },
    default => {
        # Products that are asked for by id have any status; else a Customer key gets the active ones, whatever it asks
        # for.
        Statuses => sub {
            my ($k, $p) = @_;
            return $p->{ProductIDs} ? 'any' : $p->{Statuses} && $k->{type} ne 'customer' ? undef : [1];
        }
    },
    value => {
        Supplier => _value_of('suppliers', 'SupplierID', 'Supplier'),
        KSSMenuCategory => _value_of('product_categories', 'KSSLiveCategoryID', 'CategoryName')
    }
};

$OF{'/states'} = {
    rows => 'states', order => 'aStateAbbreviation', where => sub { my ($self, $k, $row) = @_; return $row->{Active} },
    see => {
        customer => sub { my ($self, $k, $row) = @_; return $k->{states}{ $row->{StateAbbreviation} } },
        supplier => sub { my ($self, $k, $row) = @_; return _customer_in_states($k, $row->{StateAbbreviation}) }
    },
    match => { States => 'StateAbbreviation' }
};

$OF{'/suppliers'} = {
    rows => 'suppliers', order => '+SupplierID',
    see => {
        customer => sub { my ($self, $k, $row) = @_; return $row->{Active} && _in_states($k, $row->{State}) },
        supplier => _owns('SupplierID')
    },
    match => { SupplierIDs => 'SupplierID', States => 'State', Active => $active },
    default => { Active => $active_unless_employee }
};

$OF{'/suppliers/creditTerms'} = {
    rows => 'supplier_credit_terms', see => { supplier => _owns('SupplierID') }, order => '+TermID +SupplierID',
    match => { SupplierIDs => 'SupplierID' }, value => { Term => _value_of('credit_terms', 'TermID', 'Term') }
};

my $or_null = sub { return @_ ? [@_] : undef };
$OF{'/users'} = {
    rows => 'users', order => '+UserID',
    see => {
        customer => sub {
            my ($self, $k, $u) = @_;
            return $u->{Role} eq 'Customer' && $self->_user_customers($k, $u->{UserID});
        },
        supplier => sub {
            my ($self, $k, $u) = @_;
            return $u->{Role} eq 'Supplier' ? scalar $self->_user_suppliers($k, $u->{UserID})
                : $u->{Role} eq 'Customer' && $u->{UserActive} && $self->_user_customers($k, $u->{UserID});
        }
    },
    match => {
        UserIDs => 'UserID', Roles => 'Role',
        States => sub { my ($self, $k, $u) = @_; return $self->_links('user_states', UserID => $u->{UserID}, 'State') },
        CustomerIDs => sub { my ($self, $k, $u) = @_; return $self->_user_customers($k, $u->{UserID}) },
        SupplierIDs => sub { my ($self, $k, $u) = @_; return $self->_user_suppliers($k, $u->{UserID}) },
        Active => sub { my ($self, $k, $u) = @_; return $u->{UserActive} ? 'true' : 'false' }
    },
    default => { Active => $active_unless_employee },
    value => {
        States => sub {
            my ($self, $k, $u) = @_;
            return [sort { $a cmp $b } $self->_links('user_states', UserID => $u->{UserID}, 'State')];
        },
        CustomerIDs => sub { my ($self, $k, $u) = @_; return $or_null->($self->_user_customers($k, $u->{UserID})) },
        SupplierIDs => sub { my ($self, $k, $u) = @_; return $or_null->($self->_user_suppliers($k, $u->{UserID})) },
        LocationIDs => sub {
            my ($self, $k, $u) = @_;
            return $or_null->(_ascending($self->_links('user_locations', UserID => $u->{UserID}, 'LocationID')));
        }
    }
};

# One row for each supplier of a type, and one for a type of no supplier.
sub _payment_type_rows {
    my ($self) = @_;
    return [
        map {
            my $t = $_;
            my @ids = $self->_links('payment_type_suppliers', PaymentTypeID => $t->{PaymentTypeID}, 'SupplierID');
            map { { %$t, SupplierID => $_ } } @ids ? @ids : '';
        } @{ $self->{file}{payment_types} }
    ];
}
$OF{'/payments/types'} = {
    rows => \&_payment_type_rows,
    see => {
        supplier => sub { my ($self, $k, $r) = @_; return $r->{PaymentTypeID} == -1 || $k->{own}{ $r->{SupplierID} } }
    },
    order => sub { $_[0]{PaymentTypeID} <=> $_[1]{PaymentTypeID} || ($_[0]{SupplierID} || 0) <=> ($_[1]{SupplierID}
        || 0) },
    match => {
        PaymentTypeIDs => 'PaymentTypeID', SupplierIDs => 'SupplierID',
        Active => sub {
            my ($self, $k, $row) = @_;
            return $row->{SupplierID} eq '' ? 'true' : $active->($self, $k,
                $self->_of(suppliers => $row->{SupplierID}));
        }
    },
    default => { Active => $active_or_asked }
};

$OF{'/payments'} = {
    rows => 'payments', see => { customer => \&_owns_ar, supplier => _owns('SupplierID') },
    order => 'zPostDate -PaymentID',
    match => { ARAccountIDs => 'ARAccountID', SupplierIDs => 'SupplierID', PaymentTypeIDs => 'PaymentTypeID' },
    value => {
        PaymentTypeName => _value_of('payment_types', 'PaymentTypeID', 'Name'), AvailableBalance => \&_available,
        AvailableAmount => \&_available
    }
};

$OF{'/payments/openInvoices'} = {
    rows => 'invoices', see => { customer => \&_owns_ar, supplier => \&_owns_line_of }, order => 'aDate +InvoiceID',
    # What is open is what the key sees to be.
    where => sub { return _fixed(_open_balance(@_), 2) !~ /\A-?0\.00\z/ },
    # SupplierIDs acts for Supplier keys only.
    match => {
        ARAccountIDs => 'ARAccountID',
        SupplierIDs => sub {
            my ($self, $k, $row) = @_;
            return map { $_->{SupplierID} } $self->_own_lines($k, $row);
        }
    },
    default => { SupplierIDs => sub { my ($k) = @_; return $k->{type} eq 'supplier' ? undef : 'any' } },
    value => {
        InvoiceTotal => sub {
            my ($self, $k, $row) = @_;
            return $k->{type} eq 'supplier' ? _sum(map { $_->{ExtPrice} } $self->_own_lines($k, $row))
                : $row->{InvoiceTotal};
        },
        OpenBalance => \&_open_balance, CreditTermID => sub { return $_[2]{TermID} },
        DueDate => $OF{'/invoices'}{value}{DueDate}
    }
};

# Not yet applied first, newest request first; then what was applied last, of the same moment the latest application.
sub _later_application {
    my ($x, $y) = @_;
    my ($this, $that) = map { $_->{TimeApplied} eq '' ? 1 : 0 } $x, $y;
    my ($one, $two) = map { $_->{TimeApplied} || $_->{TimeRequested} || $_->{TimeCreated} } $x, $y;
    return $that <=> $this || $two cmp $one || ($y->{PaymentApplicationID} || 0) <=> ($x->{PaymentApplicationID} || 0);
}
$OF{'/payments/applications'} = {
    rows => 'payment_applications', order => \&_later_application,
    see => {
        customer => \&_owns_ar,
        supplier => sub {
            my ($self, $k, $row) = @_;
            return $k->{own}{ $self->_of(payments => $row->{PaymentInvoiceNum})->{SupplierID} };
        }
    },
    match => {
        ARAccountIDs => 'ARAccountID', PaymentInvoiceNums => 'PaymentInvoiceNum',
            TargetInvoiceNums => 'TargetInvoiceNum',
        Statuses => 'Status', SupplierIDs => _value_of('payments', 'PaymentInvoiceNum', 'SupplierID')
    },
    value => {
        PaymentInvoiceID => _value_of('payments', 'PaymentInvoiceNum', 'PaymentInvoiceID'),
        TargetInvoiceID => sub {
            my ($self, $k, $row) = @_;
            return $self->{by_num}{ $row->{TargetInvoiceNum} }{InvoiceID};
        },
        TimeConfirmed => _requested('TimeApplied'), MatchedPaymentApplicationID => _requested('PaymentApplicationID')
    }
};

$OF{'/vendors'} = {
    rows => 'vendor_routes', see => { supplier => _owns('SupplierID') }, order => '+VendorID +SupplierID +LocationID',
    match => { SupplierIDs => 'SupplierID', LocationIDs => 'LocationID', VendorIDs => 'VendorID', Active => $active },
    default => { Active => $active_or_asked },
    value => {
        (map { $_ => _value_of('vendors', 'VendorID', $_) } qw(VendorName VendorLicenseNumber VendorAddress
            VendorAddress2 VendorCity VendorState VendorPostalCode)),
        PickupDates => sub { my ($self, $k, $row) = @_; return [split /;/, $row->{PickupDates}] }
    }
};

$OF{'/purchases'} = {
    rows => 'purchases', see => { supplier => _owns('SupplierID') },
    order => sub {
        my ($x, $y) = @_;
        my ($one, $two) = map { $_->{PostDate} || 'not posted' } $x, $y;
        return $two cmp $one || $x->{PurchaseID} <=> $y->{PurchaseID};
    },
    match => {
        PurchaseIDs => 'PurchaseID', VendorIDs => 'VendorID', LocationIDs => 'ToLocationID', Statuses => 'Status',
        StartDate => [from => 'PostDate'], EndDate => [to => 'PostDate']
    },
    value => {
        ToLocationName => _value_of('locations', 'ToLocationID', 'Location'),
        VendorName => _value_of('vendors', 'VendorID', 'VendorName'), Terms => _value_of('credit_terms', 'TermID',
            'Term')
    }
};

$OF{'/purchaseTrans'} = {
    rows => 'purchase_lines', order => '+PurchaseTransID', match => { PurchaseIDs => 'PurchaseID' },
    see => {
        supplier => sub {
            my ($self, $k, $row) = @_;
            return $k->{own}{ $self->_of(purchases => $row->{PurchaseID})->{SupplierID} };
        }
    }
};

$OF{'/salesReps'} = {
    rows => 'users', order => 'aFullName +UserID',
    where => sub {
        my ($self, $k, $u) = @_;
        return $u->{UserActive} && $self->_links('sales_rep_groups', UserID => $u->{UserID}, 'ProductGroup');
    },
    see => {
        customer => sub { my ($self, $k, $u) = @_; return scalar $self->_rep_customers($k, $u->{UserID}) },
        supplier => sub { my ($self, $k, $u) = @_; return scalar $self->_rep_suppliers($k, $u->{UserID}) }
    },
    match => {
        SupplierIDs => sub { my ($self, $k, $u) = @_; return $self->_rep_suppliers($k, $u->{UserID}) },
        CustomerIDs => sub { my ($self, $k, $u) = @_; return $self->_rep_customers($k, $u->{UserID}) },
        # 'Supplier' picks Supplier Reps, any other name Territory Managers.
        ProductGroups => sub {
            my ($self, $k, $u) = @_;
            return 'Supplier' if $self->_is_supplier_rep($u->{UserID});
            return $self->_links('sales_rep_groups', UserID => $u->{UserID}, 'ProductGroup');
        }
    },
    value => {
        Name => sub { return $_[2]{FullName} },
        Type => sub {
            my ($self, $k, $u) = @_;
            return $self->_is_supplier_rep($u->{UserID}) ? 'Supplier Rep' : 'Territory Manager';
        },
        ProductGroups => sub {
            my ($self, $k, $u) = @_;
            return [sort { $a cmp $b } $self->_links('sales_rep_groups', UserID => $u->{UserID}, 'ProductGroup')];
        },
        Suppliers => sub {
            my ($self, $k, $u) = @_;
            return [grep { $_->{Active} } map { $self->_of(suppliers => $_) } $self->_rep_suppliers($k, $u->{UserID})];
        },
        Customers => sub {
            my ($self, $k, $u) = @_;
            return [grep { $_->{AccountStatus} eq 'Active' }
                    map { $self->_of(customers => $_) } $self->_rep_customers($k, $u->{UserID})];
        }
    }
};

# Records, and lists of one id: as the list, without its defaults.
sub _with_id {
    my ($list, $name, $column, %other) = @_;
    $OF{"$list/:$name"} = { %{ $OF{$list} }, default => {}, match => { $name => $column }, %other };
    return;
}
_with_id('/customers', customerID => 'CustomerID');
_with_id('/invoices', invoiceID => 'InvoiceID');
_with_id('/invoiceTransactions', invoiceID => 'InvoiceID');
_with_id('/invoiceCOAs', invoiceID => 'InvoiceID');
_with_id('/locations', locationID => 'LocationID');
_with_id('/products', productID => 'ProductID');
_with_id('/suppliers', supplierID => 'SupplierID');
_with_id('/users', userID => 'UserID');
_with_id('/purchases', purchaseID => 'PurchaseID');

# ---- from rows to text

my %COMPARE = (
    '+' => sub { $_[0] <=> $_[1] }, '-' => sub { $_[1] <=> $_[0] }, a => sub { $_[0] cmp $_[1] },
        z => sub { $_[1] cmp $_[0] }
);

sub _sorted {
    my ($order, @rows) = @_;
    return sort { $order->($a, $b) } @rows if ref $order;
    my @by = map { [$COMPARE{ substr $_, 0, 1 }, substr $_, 1] } split ' ', $order;
    return sort {
        my $c = 0;
        for (@by) { last if $c = $_->[0]->($a->{ $_->[1] }, $b->{ $_->[1] }) }
        $c
    } @rows;
}

sub _matches {
    my ($self, $k, $row, $how, $wanted) = @_;
    return 1 if !defined $how || !ref $wanted;
    if (ref $how eq 'ARRAY') {
        my $day = substr $row->{ $how->[1] }, 0, 10;
        return $day ne '' && ($how->[0] eq 'from' ? $day ge $wanted->[0] : $day le $wanted->[0]);
    }
    my %wanted = map { lc $_ => 1 } @$wanted;
    my @have = ref $how ? $how->($self, $k, $row) : $row->{$how};
    return scalar grep { defined && length && $wanted{ lc $_ } } @have;
}

# rows($path, $key, \%params, everything => 1): the JSON texts of the rows that an endpoint answers with, all pages
# together, in order. %params: lists of values. everything: without the defaults of the parameters that are not given.
sub rows {
    my ($self, $path, $key, $params, %opt) = @_;
    my $of = $OF{$path} or die "nothing is known of $path";
    my $k = $self->_key($key);
    my @fields = fields_for(endpoint($path), $k->{type});
    return map { $self->_json($k, $_, \@fields, $of->{value} || {}) }
        _sorted($of->{order}, $self->_visible($of, $k, $params || {}, %opt));
}

# values_of($path, $key, \%params, $name): what the parameter $name could be given to find rows among these: distinct
# values, ascending, the days of a date.
sub values_of {
    my ($self, $path, $key, $params, $name) = @_;
    my $of = $OF{$path};
    my $how = $of->{match}{$name} or return ();
    my $k = $self->_key($key);
    my @rows = $self->_visible($of, $k, $params || {}, everything => 1);
    my %seen = map { $_ => 1 } grep { defined && length }
        map { ref $how eq 'ARRAY' ? substr($_->{ $how->[1] }, 0, 10) : ref $how ? $how->($self, $k, $_)
            : $_->{$how} } @rows;
    return (grep {/\D/} keys %seen) ? sort keys %seen : _ascending(keys %seen);
}

# The rows that are left of a file, as they stand there.
sub _visible {
    my ($self, $of, $k, $params, %opt) = @_;
    my %wanted = %$params;
    for my $name (keys %{ $of->{default} || {} }) {
        my $values = $opt{everything} ? undef : $of->{default}{$name}->($k, \%wanted);
        $wanted{$name} = $values if defined $values;
    }
    for my $name (keys %wanted) { exists $of->{match}{$name} or die "no parameter $name" }
    my @rows = ref $of->{rows} ? @{ $of->{rows}->($self, $k, $params) } : @{ $self->{file}{ $of->{rows} } };
    my $see = $k->{type} eq 'employee' ? undef : $of->{see}{ $k->{type} };
    return grep {
        my $row = $_;
        (!$of->{where} || $of->{where}->($self, $k, $row)) && (!$see || $see->($self, $k, $row))
            && !grep { !$self->_matches($k, $row, $of->{match}{$_}, $wanted{$_}) } keys %wanted
    } @rows;
}

sub _json {
    my ($self, $k, $row, $fields, $value) = @_;
    return '{' . join(',', map {
        my $how = $value->{ $_->{name} };
        my $v = $how ? $how->($self, $k, $row) : $row->{ $_->{name} };
        qq("$_->{name}":) . $self->_json_value($_, $v);
    } @$fields) . '}';
}

my %NOTHING = (n => '0', t => '""', b => 'false', f0 => '"0"', f2 => '"0.00"', f6 => '"0.000000"');

sub _json_value {
    my ($self, $field, $v) = @_;
    my $type = $field->{type};
    return 'null' if $field->{null} && (!defined $v || $v eq '');
    if ($type =~ /^\[(\w+)\]$/) {
        my $item = $1;
        return '[' . join(',', map {
            $field->{nested} ? $self->_json(undef, $_, $field->{nested}, {}) : $self->_json_value({ type => $item }, $_)
        } @{ $v || [] }) . ']';
    }
    if (!defined $v || $v eq '') {
        return exists $NOTHING{$type} ? $NOTHING{$type} : die "$field->{name} has no value";
    }
    return KissExpect::_plain($v) if $type eq 'n';
    return $v ? 'true' : 'false' if $type eq 'b';
    return '"' . _fixed($v, $1) . '"' if $type =~ /^f(\d)$/;
    return KissExpect::_string($v);
}

1;
