# SPDX-License-Identifier: Apache-2.0
package KissKssData;

# A small import set of the KSS API in which every rule of the contract has a row that shows it: all statuses, states
# and none, nulls wherever they may stand, text of every kind, sub-cent and negative amounts, ties in every order,
# promotions that overlap, ended, begin later or never end. It is the same at every run.
#
# Text that belongs to a customer or supplier says so: ~C7~ stands in what is customer 7's, ~S3~ in what is supplier
# 3's.

use strict;
use warnings;
use Exporter 'import';
use POSIX ();
use KissTest::CSV qw(csv_write);

our @EXPORT = qw(write_kss_data %KEYS);

# Keys that the tests ask with. Customer 1 has two AR accounts; supplier 4 has no state, so its keys see customers of
# all states; nobody is called 999.
our %KEYS = (
    employee => { type => 'employee', ids => [] },
    customer => { type => 'customer', ids => [1] },
    customers => { type => 'customer', ids => [2, 3] },
    stateless => { type => 'customer', ids => [8] },
    nobody => { type => 'customer', ids => [999] },
    supplier => { type => 'supplier', ids => [1] },
    suppliers => { type => 'supplier', ids => [2, 5] },
    anywhere => { type => 'supplier', ids => [3, 4] },
    nothing => { type => 'supplier', ids => [999] }
);

my @ODD = (
    'Zo' . "\xc3\xab" . " M\xc3\xbcller", 'say "cheese"', 'back\\slash \\n', '<b>bold</b> & <script>alert(1)</script>',
    "two\nlines", "leaf \xf0\x9f\x8d\x82 \xe6\x97\xa5\xe6\x9c\xac", "it's {\"json\": [1]}", '100% /path/ ; DROP',
        'a,b,c'
);
my @STATES = ('CA', 'NJ', 'NV', '');
my ($seed, %file);

# Numbers from a generator of our own: the same with every version of Perl.
sub _next { return $seed = ($seed * 1103515245 + 12345) % 2147483648 }
sub _n { my ($low, $high) = @_; return $low + (_next() >> 8) % ($high - $low + 1) }
sub _pick { return $_[(_next() >> 8) % @_] }
sub _chance { my ($of) = @_; return (_next() >> 8) % $of == 0 }
sub _maybe { return _chance(3) ? '' : $_[0] }

# A time, so many days after 2026-01-01, with milliseconds of its own.
sub _time {
    my ($days) = @_;
    my $ms = _n(0, 86_399_999);
    return POSIX::strftime('%Y-%m-%dT%H:%M:%S', gmtime(1_767_225_600 + $days * 86_400 + int($ms / 1000)))
        . sprintf '.%03dZ', $ms % 1000;
}
sub _midnight { my ($days) = @_; return _date($days) . 'T00:00:00.000Z' }
sub _date { my ($days) = @_; return POSIX::strftime('%Y-%m-%d', gmtime(1_767_225_600 + $days * 86_400)) }
sub _money { my ($whole, $decimals) = @_; return sprintf '%d.%0*d', _n(0, $whole), $decimals, _n(0, 10**$decimals - 1) }

sub _add { my ($file, %row) = @_; push @{ $file{$file} }, \%row; return \%row }

# write_kss_data($dir): writes the files and returns $dir.
sub write_kss_data {
    my ($dir) = @_;
    $seed = 20261121;
    %file = ();
    $_->() for \&_places, \&_people, \&_customers, \&_links, \&_products, \&_promotions, \&_stock, \&_invoices,
        \&_aging,
        \&_payments, \&_purchases;
    for my $name (sort keys %file) {
        my %columns = map { $_ => 1 } map {keys %$_} @{ $file{$name} };
        csv_write("$dir/$name.csv", [sort keys %columns], $file{$name});
    }
    return $dir;
}

sub _places {
    my @state = (['CA', 'California', '2:30 PM', 1, 1], ['NJ', 'New Jersey', '', 2, 1], ['NV', 'Nevada', '10:00 AM', 0,
        0],
        ['AZ', $ODD[0], '', -1, 1]);
    _add('states', StateAbbreviation => $_->[0], StateName => $_->[1], OrderCutOffTime => $_->[2],
        TimeZone => 'America/Phoenix', OrderCutOffDaysInAdvance => $_->[3], Active => $_->[4], TimeUpdated => _time(1))
        for @state;
    my @supplier = ([1, 'CA', 1], [2, 'NJ', 1], [3, 'CA', 0], [4, '', 1], [5, 'CA', 1], [6, 'NJ', 0], [7, 'NV', 1]);
    _add('suppliers', SupplierID => $_->[0], Supplier => "~S$_->[0]~ $ODD[$_->[0]]", State => $_->[1],
        Active => $_->[2],
        Description => _maybe("About ~S$_->[0]~ $ODD[$_->[0] - 1]"), TimeUpdated => _time(2),
        BrandAssetsURL => _maybe("https://cdn.example.com/$_->[0].zip"),
        SupplierWebsiteURL => _maybe('https://www.example.com/?a=1&b=2'))
        for @supplier;
    my @location = ([1, 'CA'], [2, 'NJ'], [3, ''], [4, 'CA'], [10, 'NV']);
    _add('locations', LocationID => $_->[0], State => $_->[1], Location => "Warehouse $_->[0]",
        DBA => $ODD[$_->[0] % 9],
        Address => "$_->[0] Loop Rd", Address2 => _maybe('Dock 7'), Address3 => _maybe('N/A'), City => 'Alameda',
        PostalCode => '0' . $_->[0], TimeUpdated => _time(3))
        for @location;
    _add('credit_terms', TermID => $_, Term => "NET $_", DaysOfCredit => $_ * 7, AccountOnHold => $_ % 3 == 0 ? 1 : 0,
        TimeUpdated => _time(4))
        for 1 .. 6;
    return;
}

# Users 1 to 12 are sales reps; 13 on are others of all roles.
sub _people {
    for my $u (1 .. 48) {
        my $role = $u <= 12 ? 'DistributorRep' : $u <= 15 ? 'Admin' : $u % 3 ? 'Customer' : 'Supplier';
        # Three people of one name, two of them reps.
        my $name = $u == 2 || $u == 3 || $u == 40 ? 'Same Name' : "$ODD[$u % 9] $u";
        _add('users', UserID => $u, SiteUserID => 1000 + $u, UserActive => $u % 5 ? 1 : 0, KSSLiveAccess => _n(0, 1),
            Email => _maybe("u$u\@example.com"), Role => $role, PowerUser => _n(0, 1), JobTitle => _maybe('Buyer'),
            Department => _maybe($ODD[$u % 9]), FullName => $name, Phone => _maybe("555-$u"),
            ProfilePictureURL => _maybe("https://cdn.example.com/$u.jpg"), TimeUpdated => _time(5));
        my %state = map { $_ => 1 } map { _pick(qw(CA NJ NV)) } 1 .. _n(0, 3);
        _add('user_states', UserID => $u, State => $_) for sort keys %state;
        my %location = map { $_ => 1 } map { _n(1, 4) } 1 .. _n(0, 2);
        _add('user_locations', UserID => $u, LocationID => $_) for sort keys %location;
        # Some users belong to nobody, some to several, two of them to customers and suppliers at once.
        my %customer = map { $_ => 1 } $role eq 'Customer' || $u == 18 ? map({ _n(1, 12) } 1 .. _n(0, 3)) : ();
        my %supplier = map { $_ => 1 } $role eq 'Supplier' || $u == 20 ? map({ _n(1, 7) } 1 .. _n(0, 3)) : ();
        @supplier{ 1, 2 } = (1, 1) if $u == 20 || $u == 21;
        @customer{ 1, 2 } = (1, 1) if $u == 20 || $u == 18;
        _add('user_customers', UserID => $u, CustomerID => $_) for sort keys %customer;
        _add('user_suppliers', UserID => $u, SupplierID => $_) for sort keys %supplier;
    }
    return;
}

sub _customers {
    my @days = ('', '1', '2;4', '7', '1;2;3;4;5;6;7', '3;6', '', '5');
    for my $c (1 .. 24) {
        my $state = $c == 1 || $c == 3 ? 'CA' : $c == 2 ? 'NJ' : $c == 8 ? '' : $STATES[$c % 4];
        _add('customers', CustomerID => $c, CustomerName => "~C$c~ $ODD[$c % 9]", State => $state,
            CustomerNameAlt => _maybe("alt ~C$c~"), ChainName => _maybe('Chain ' . $c % 3),
            LicenseNum => _maybe("C10-~C$c~"), Address => $c % 7 ? "~C$c~ Main St" : '',
            City => $c % 5 ? 'Oakland' : '',
            PostalCode => $c % 6 ? sprintf('%05d', $c) : '', LocationID => $c % 4 == 3 ? '' : 1 + $c % 4,
            AccountStatus => $c == 3 || $c % 6 == 0 ? 'Inactive' : $c % 11 == 0 ? 'OutOfBus' : 'Active',
            OnHold => $c % 4 ? 0 : 1, SalesRepUserID => $c % 3 ? 1 + $c % 12 : '',
            CollectionAgentUserID => $c % 5 ? '' : 13, DeliveryDays => $days[$c % 8],
            DeliveryMinimum => $c % 3 == 0 ? '' : _pick('500', '0.50', '1234.05', '0'), TimeUpdated => _time(6));
        # Customer 5 has no AR account, 1 and 2 have two.
        _add('ar_accounts', ARAccountID => 100 + $c, CustomerID => $c, Name => "account of ~C$c~") if $c != 5;
        _add('ar_accounts', ARAccountID => 200 + $c, CustomerID => $c, Name => "second of ~C$c~") if $c <= 2;
    }
    return;
}

sub _links {
    for my $u (1 .. 12) {
        my @group = $u % 3 == 0 ? ('Supplier') : $u % 4 == 0 ? ('Tinctures', 'Vape') : ('Cookies');
        push @group, 'Tinctures' if $u == 9;    # a Supplier Rep all the same
        _add('sales_rep_groups', UserID => $u, ProductGroup => $_) for @group;
        _add('sales_rep_customers', UserID => $u, CustomerID => $_) for grep { _chance(3) || $_ == $u } 1 .. 24;
        _add('sales_rep_suppliers', UserID => $u, SupplierID => $_) for grep { $u != 7 && _chance(2) } 1 .. 7;
    }
    for my $s (1 .. 7) {
        _add('customer_credit_terms', CustomerID => $_, SupplierID => $s, TermID => _n(1, 6), TimeUpdated => _time(7))
            for grep { _chance(2) } 1 .. 24;
        _add('supplier_credit_terms', SupplierID => $s, TermID => $_, TimeUpdated => _time(8))
            for grep { _chance(2) } 1 .. 6;
    }
    return;
}

sub _products {
    _add('product_categories', ProductCategoryID => $_, CategoryName => "$ODD[$_] $_",
        Sequence => 30 - 10 * int($_ / 3),
        TimeUpdated => _time(9))
        for 1 .. 8;
    # List prices on both sides of half a cent.
    my @price = ('18.00', '12.345', '0.005', '0.004999', '10.125', '0', '7.994999', '99.995', '3', '1234567.885');
    for my $p (1 .. 120) {
        my $s = $p % 17 == 0 ? '' : 1 + $p % 7;
        _add('products', ProductID => $p, SupplierID => $s, ProductName => ($s eq '' ? '' : "~S$s~ ") . $ODD[$p % 9],
            BrandFamily => _maybe("family ~S$s~"), ProductTypeID => _n(0, 60), ProductTypeName => "Type $ODD[$p % 4]",
            UnitNetWeight => _maybe('50g'), WholesaleUnitsPerCase => _pick(20, 12, '0.5', '7.25', '1.10', 1),
            Description => _maybe($ODD[$p % 9] x 3), Ingredients => _maybe("Cocoa ~S$s~"),
            ThumbnailImageURL => _maybe("https://cdn.example.com/t/$p.png"), Potency => _maybe('100mg THC'),
            FullSizeImageURL => _maybe("https://cdn.example.com/f/$p.png"), PotencyTHC => _maybe('32.87% THC'),
            Blend => _maybe('Hybrid'), KSSLiveCategoryID => $p % 13 == 0 ? '' : 1 + $p % 8,
            StatusID => $p % 4 ? 1 : $p / 4 % 6, State => $STATES[int($p / 3) % 4], IsSample => $p % 9 ? 0 : 1,
            ProductGroupID => _n(0, 5), BrandStyle => _maybe('Bar'), PackageID => _n(0, 20),
                PackageName => "Case of $p",
            StrainID => _maybe(_n(1, 99)), StrainName => _maybe('OG Kush'), Flavor => _maybe('dark'),
            BrandID => _n(0, 3000), BrandName => "brand ~S$s~",
            SupplierProductNumber => $p % 5 ? ($p % 10 == 1 ? 'SHARED' : "N~S$s~-$p") : '',
                FullPrice => $price[$p % 10],
            TimeUpdated => $p % 20 ? _time(10) : _date(10));
    }
    return;
}

# Each: supplier, price, first day, last day, all products, states, products. The days 2030-06-10 to -20 are those that
# the tests ask about.
sub _promotions {
    my @list = (
        [1, '5.25', '2030-06-10', '2030-06-20', 1, ['CA'], []],              # all products of supplier 1
        [1, '5.25', '2030-06-12', '2030-06-15', 1, [], []],                  # the same price: the lower id counts
        [1, '4.995', '2030-06-14', '2030-06-14', 0, ['CA', 'NJ'], [14, 21]],  # one day, cheaper, two products
        [1, '', '2030-06-01', '2030-06-30', 1, [], []],                      # not a price promotion
        [1, '0.01', '2030-06-01', '2030-06-30', 1, ['AZ'], []],              # of a state that nobody is in
        [2, '99999.99', '2030-06-01', '', 1, [], []],                        # above most list prices; never ends
        [2, '0', '2030-06-20', '2030-06-20', 0, ['NJ'], [1, 8, 15, 29]],     # given away (15 costs nothing anyway)
        [3, '1.005', '2030-06-10', '2030-06-20', 0, [], [2, 3, 4, 9, 16]],   # products of other suppliers too
        [4, '2.675', '2020-01-01', '', 1, ['CA', 'NJ', 'NV'], []],           # today, and ever since
        [4, '2.674999', '2020-01-01', '2029-12-31', 0, [], [3, 10, 24]],     # cheaper, until 2029
        [5, '-1', '2030-06-10', '2030-06-20', 0, ['CA'], [4, 11]],           # money back
        [5, '6.50', '2019-01-01', '2019-12-31', 1, [], []],                  # over
        [5, '6.50', '2999-01-01', '2999-12-31', 1, [], []],                  # to come
        [6, '3.333333', '2030-06-10', '2030-06-20', 1, ['NJ'], []],          # of a supplier that is not active
        [7, '0.10', '2030-06-10', '2030-06-20', 0, ['NV'], []],              # covers nothing
        [7, '8.125', '2020-02-29', '', 1, [], []],
    );
    for my $i (0 .. $#list) {
        my ($s, $price, $from, $to, $all, $states, $products) = @{ $list[$i] };
        my $id = 41 + $i;
        _add('promotions', PromotionID => $id, SupplierID => $s, PromotionTypeID => _n(0, 5), UnitPrice => $price,
            PromotionName => "~S$s~ $ODD[$i % 9]", ProductOverrideType => _pick('none', 'other'), StartDate => $from,
            EndDate => $to, AllProducts => $all, TimeUpdated => _time(11));
        _add('promotion_states', PromotionID => $id, State => $_) for @$states;
        _add('promotion_products', PromotionID => $id, ProductID => $_) for @$products;
    }
    for my $i (1 .. 16) {
        my $s = 1 + $i % 7;
        _add('menu_promotions', MenuPromotionID => 7000 + $i, SupplierID => $s, State => $STATES[$i % 4],
            Description => $i % 5 ? "~S$s~ $ODD[$i % 9]" : '', StartDate => _date($i * 10),
                EndDate => _date($i * 10 + 30),
            TimeCreated => _time(12), TimeUpdated => _time(13));
    }
    return;
}

sub _stock {
    my %seen;
    for my $i (1 .. 70) {
        my %row = (AllocationID => 1001 + int($i / 4), ProductID => _n(1, 30), CustomerID => _n(1, 10));
        next if $seen{ join ',', @row{qw(AllocationID ProductID CustomerID)} }++;
        _add('allocations', %row, Units => _pick(24, '0', '12.50', '-3', '0.25'), AllocationTypeID => _n(0, 3),
            StartDate => _date($i), EndDate => _date($i + 90), TimeUpdated => _time(14));
    }
    for my $l (1 .. 4, 10) {
        for my $p (grep { _chance(4) || $_ <= 8 } 1 .. 120) {
            my %units = map { $_ => _chance(4) ? '0' : _chance(5) ? '-' . _money(50, 2) : _money(2000, 2) }
                qw(OnFloorInventory PreSales Allocated Received Loaded Picked Delivered Unsellable);
            _add('inventory', LocationID => $l, ProductID => $p, %units, NotAuthorized => _n(0, 1),
                PurchaseTransID => 7_500_000_000 + $p, DOI => _money(99, 2), AvgDailySales90d => _money(20, 2),
                TimeUpdated => _time(15));
        }
    }
    # Batches with and without stock of their product: those without are sold out.
    my $s = sub { my ($p) = @_; my $id = $file{products}[$p - 1]{SupplierID}; return $id eq '' ? '' : "~S$id~" };
    for my $b (1 .. 90) {
        my $p = _n(1, 40);
        my %day = map { $_ => _maybe(_date(_n(-300, 900))) }
            qw(ExpirationDate BestByDate HarvestDate ManufactureDate PackDate COAExpirationDate);
        my %part = map { $_ => _maybe(_money(99, 4)) }
            qw(THCPotency CBDPotency TotalCannabinoids LabelTHCPotency LabelCBDPotency LabelTotalCannabinoids);
        $part{THCPotency} = _pick('', '0.005', '0.0049', '-0.005', '12.345', '99.9950');
        _add('inventory_batches', BatchID => 100_000 + 90 - $b, LocationID => _n(1, 4), ProductID => $p, %day, %part,
            InventoryUnits => _pick('0', '12', '0.5', '1239', '-2'), PurchaseTransID => 7_500_000 + $b,
            COAURL => _maybe("https://cdn.example.com/coa/$b.pdf?x=" . $s->($p)), Vintage => _maybe('2024'),
            BatchCode => $b % 6 ? 'B' . $s->($p) . '-' . $b % 20 : '', UID => _maybe("1A406$b" . $s->($p)),
            Laboratory => _maybe($ODD[$b % 9]), PotencyType => _pick('PerServing', 'Percentage', ''),
            TimeCreated => _time(16), TimeUpdated => _time(17));
    }
    # More than the largest page.
    _add('retailer_inventory', ID => 3_000_000_000 - $_, ProductID => _n(1, 60), CustomerID => _n(1, 12),
        LastInventoryDate => _chance(9) ? '2000-01-01' : _time(18), Inventory => _pick('20', '0', '-1.5', '7.25'),
        DailySales => _money(3, 2), TimeCreated => _time(19), TimeUpdated => _time(20))
        for 1 .. 560;
    return;
}

sub _invoices {
    my $trans = 20_000;
    for my $i (1 .. 150) {
        my $c = $i <= 40 ? 1 + $i % 3 : _n(1, 24);
        my $ar = $c == 5 || $i % 19 == 0 ? '' : $c <= 2 && $i % 2 ? 200 + $c : 100 + $c;
        my ($debit, $credit) = (_chance(2) ? '0' : _money(5000, 6), _chance(4) ? _money(300, 6) : '0');
        $credit = $debit if $i % 23 == 0;    # settled by a credit: not open
        $debit = '0.003108' if $i % 31 == 0;
        my $day = $i <= 40 ? int($i / 4) : _n(-200, 300);
        _add('invoices', InvoiceID => 5_000_000_000 + $i * 3, CustomerID => $c, ARAccountID => $ar,
            InvoiceNum => "INV~C$c~-$i", OpenDebit => $debit, OpenCredit => $credit,
                PONum => _maybe("PO~C$c~ $ODD[$i % 9]"),
            PODate => _maybe(_time($day - 2)), TermID => _maybe(_n(1, 6)),
                PDFURL => _maybe("https://example.com/?i=$i"),
            Memo => _maybe("~C$c~ $ODD[$i % 9]"), Date => $i % 3 ? _midnight($day) : $i % 2 ? _date($day) : _time($day),
            DueDate => $i % 9 ? _time($day + 30) : '', Status => $i % 2 ? 1 : _pick(1, 2, 3, 4, 5, 7),
            InvoiceTotal => ($i % 17 ? '' : '-') . _money(9000, 6), SubmittedByUserID => _maybe(_n(1, 52)),
            BuiltByUserID => _maybe(_n(1, 48)), ARNote => _maybe("note ~C$c~"), InvoiceTimeCreated => _time($day - 3),
            InvoiceLastUpdated => _time($day + 1));
        # 0 to 5 lines of 1 to 3 suppliers; every tenth invoice has only lines without units.
        for my $l (1 .. ($i % 7 == 0 ? 0 : _n(1, 5))) {
            my $p = _pick(1 .. 12, 17);
            my $s = $file{products}[$p - 1]{SupplierID};
            $s = 6 if $i == 5;    # sold when the product was another supplier's
            my $units = $i % 10 == 0 ? '0' : _pick(20, 1, '2.5', '-4', 144, '0.5');
            my ($full, $unit) = (_money(90, 4), _money(80, 6));
            $trans += _n(1, 3);
            _add('invoice_lines', InvoiceTransID => $trans, InvoiceID => 5_000_000_000 + $i * 3, ProductID => $p,
                SupplierID => $s, Cases => _pick('0', '1', '0.05', '7.345', '-0.333333', '12.5'), NumUnits => $units,
                Ordered => _pick(20, 0, '1.50'), BackOrder => _pick(0, 0, 3), FullPrice => $full, UnitPrice => $unit,
                ExtPrice => $units eq '0' ? '0' : ($units < 0 ? '-' : '') . _money(4000, 6),
                PromotionID => _maybe(_n(41, 70)), BatchCode => _maybe('L' . ($s eq '' ? '' : "~S$s~")),
                ReasonID => _maybe(_n(1, 5)), Reason => _maybe('short ' . ($s eq '' ? '' : "~S$s~") . $ODD[$l]),
                TimeCreated => _time($day), TimeUpdated => _time($day + 1));
            _add('invoice_coas', InvoiceTransID => $trans, COA_URL => 'https://cdn.example.com/' . ($s eq '' ? ''
                : "~S$s~"),
                TimeCreated => _time($day), TimeUpdated => _time($day + 1))
                if _chance(2);
        }
    }
    return;
}

sub _aging {
    my @bucket = qw(Current 1_30 31_60 61_90 91 Credit);
    for my $a (@{ $file{ar_accounts} }) {
        my @own = grep { $_->{ARAccountID} eq $a->{ARAccountID} } @{ $file{invoices} };
        for my $s (grep { _chance(3) } 1 .. 7) {
            _add('ar_aging', ARAccountID => $a->{ARAccountID}, SupplierID => $s,
                OpenCredit => _pick('0', '-31.05', '0.003108', '-0.000001'), CloseDate => _maybe(_time(30)),
                StatementLink => _maybe("https://example.com/?Key=~C$a->{CustomerID}~~S$s~"),
                StatementDate => _maybe(_time(31)), TimeCreated => _time(32), TimeUpdated => _time(33));
            for my $i (@own) {
                next unless _chance(3);
                _add('ar_aging_invoices', ARAccountID => $a->{ARAccountID}, SupplierID => $s, Bucket => _pick(@bucket),
                    InvoiceID => $i->{InvoiceID}, OpenBalance => ($s == 2 && _chance(3) ? '-' : '') . _money(12_000,
                        6));
            }
        }
    }
    return;
}

sub _payments {
    my @type = ([-1, 'SupplierCredit', []], [1, 'Cash', [1 .. 7]], [2, $ODD[1], [2, 3]], [3, 'ACH', [1, 6]], [4, '',
        []],
        [5, 'Wire', [5]]);
    for my $t (@type) {
        _add('payment_types', PaymentTypeID => $t->[0], Name => $t->[1], TimeCreated => _time(40),
            TimeUpdated => _time(41));
        _add('payment_type_suppliers', PaymentTypeID => $t->[0], SupplierID => $_) for @{ $t->[2] };
    }
    my $application = 0;
    for my $y (1 .. 70) {
        my $a = $y <= 30 ? $file{ar_accounts}[$y % 6] : _pick(@{ $file{ar_accounts} });
        my $s = $y % 4 == 0 ? '' : 1 + $y % 7;
        my $mark = "~C$a->{CustomerID}~" . ($s eq '' ? '' : "~S$s~");
        my $amount = $y % 9 == 0 ? '-250.50' : $y % 11 == 0 ? '0.003108' : _money(900, 6);
        _add('payments', PaymentID => 6_000_000_000 + $y, PaymentInvoiceID => 90_000 + $y,
            PaymentInvoiceNum => "PAY$mark-$y",
            ARAccountID => $a->{ARAccountID}, PaymentTypeID => _pick(-1, 1, 2, 3, 4, 5), Amount => $amount,
                SupplierID => $s,
            LoadSheetStatusID => _pick(3, 7), PostDate => $y % 2 ? _midnight(int($y / 5)) : _time(_n(0, 200)),
            ARNote => _maybe("$mark $ODD[$y % 9]"), Memo => _maybe("Check $mark"), TimeCreated => _time(42),
            TimeUpdated => _time(43));
        my @target = grep { $_->{ARAccountID} eq $a->{ARAccountID} } @{ $file{invoices} };
        for my $k (1 .. (@target ? _n(0, 3) : 0)) {
            my $n = ++$application;
            my $status = (qw(Pending Exported Confirmed Rejected))[$n % 4];
            my $office = $n % 12 == 2 || $n % 12 == 6;    # Confirmed, made in the back office
            # Several that were applied at the same moment, the later application first in the file.
            my $applied = $status ne 'Confirmed' ? '' : $n % 8 == 2 ? _midnight(50) : _time(50 + $n % 7);
            _add('payment_applications', PaymentApplicationID => $status eq 'Confirmed' ? 9000 - $n : '',
                RequestID => $office ? '' : $n, PaymentInvoiceNum => "PAY$mark-$y",
                TargetInvoiceNum => _pick(@target)->{InvoiceNum}, ARAccountID => $a->{ARAccountID},
                Amount => _pick('0.005', '12.345', '100.50', '300', '0.000001', '77.994999'), Status => $status,
                RequestedByUserID => $office ? '' : _maybe(_n(1, 48)), AppliedBy => _maybe("clerk ~C$a->{CustomerID}~"),
                TimeRequested => $office ? '' : sprintf('2026-03-%02dT%02d:%02d:00.%03dZ', 1 + $n % 28, $n % 24,
                    $n % 60, $n),
                TimeExported => $status eq 'Pending' || $office ? '' : _maybe(_time(45)), TimeApplied => $applied,
                TimeCreated => _time(46), TimeUpdated => _time(47));
        }
    }
    return;
}

sub _purchases {
    for my $v (1 .. 6) {
        _add('vendors', VendorID => $v, VendorName => "Vendor $ODD[$v]", VendorLicenseNumber => _maybe("LIC-$v"),
            VendorAddress => _maybe("$v Industrial Way"), VendorAddress2 => _maybe('Suite "B"'),
                VendorCity => _maybe('Oakland'),
            VendorState => _maybe('CA'), VendorPostalCode => _maybe('94607'));
        for my $s (1 .. 7) {
            _add('vendor_routes', VendorID => $v, SupplierID => $s, LocationID => $_, LeadTimeDays => _n(0, 9),
                TargetDOI => _n(0, 20), MaxDOI => _n(20, 40), PickupDates => _pick('', 'Mon', 'Mon;Wed;Fri',
                    '2026-03-01;2026-04-01'),
                RequirePOBatchCodes => _n(0, 1), Active => _chance(4) ? 0 : 1, TimeUpdated => _time(60))
                for grep { _chance(3) } 1 .. 4;
        }
    }
    my $trans = 99_000;
    for my $h (1 .. 90) {
        my $s = 1 + $h % 7;
        my %time = map { $_ => _maybe(_time($h)) } qw(ReceiveDate InvoiceDate DueDate LastEditTime LastCalcTime
            PurchaseGlobalIDExportedAt);
        _add('purchases', PurchaseID => 10_000 + $h, SupplierID => $s, VendorID => _n(1, 6), ToLocationID => _n(1, 4),
            %time,
            ShipmentNum => _maybe("SHP~S$s~"), ShipmentID => _maybe(8_000_000_000 + $h),
            PostDate => $h % 6 == 0 ? '' : $h % 2 ? _midnight(int($h / 7)) : _time(_n(0, 300)),
            Status => (qw(New Accepted Received Confirmed Verified))[$h % 5], PONum => _maybe("PO ~S$s~"),
            Freight => _money(200, 6), Tax => _pick('0', '0.005', '0.0049'), OtherCost => _pick('0', '-12.345'),
            Total => ($h % 8 ? '' : '-') . _money(9000, 3), TotalCases => _pick('30', '0.5', '1.5', '-0.5', '2.49',
                '-36'),
            PublicPDFLink => _maybe("https://example.com/~S$s~"), Memo => _maybe("~S$s~ $ODD[$h % 9]"),
            TermID => _maybe(_n(1, 6)), ReceivingNum => _maybe("RCV ~S$s~"),
            PurchaseGlobalID => _maybe(sprintf '01KFA%021d', $h), PurchasePDFURLAPIKeyID => _maybe(_n(1, 9)),
            TimeCreated => _time($h), TimeUpdated => _time($h + 1));
        for my $l (1 .. ($h % 9 == 0 ? 0 : _n(1, 3))) {
            $trans += _n(1, 4);
            _add('purchase_lines', PurchaseTransID => $trans, PurchaseID => 10_000 + $h, ProductID => _n(1, 120),
                Ordered => _pick('10', '0.5', '-2.5', '2.49', '0'), NumUnits => _pick('120', '1.5', '-0.49', '-0.5'),
                FOB => _money(30, 6), DepositCost => _pick('0', '0.995'), ExtPrice => _money(3000, 4),
                ExpirationDate => _maybe(_time(400)), CodeDate => _maybe(_time(2)), BatchCode => _maybe("P~S$s~"),
                LaidInCost => _money(30, 6), PalletTag => _maybe("tag ~S$s~"), Cases => _pick('10', '-0.5', '3.5',
                    '0.499999'),
                Weight => _money(300, 6), TimeCreated => _time($h), TimeUpdated => _time($h + 1));
        }
    }
    return;
}

1;
