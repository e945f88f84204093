# SPDX-License-Identifier: Apache-2.0
package KissKssContract;

# The contract of the KSS API as a table: its endpoints, what they take, and what stands in an answer, in order. The
# tests t/50 to t/52 are derived from it; nothing here knows the module's own table.
#
# A field is NAME:TYPE with TYPE one of
#   n number          t text            b boolean        d date (YYYY-MM-DD)     z datetime (YYYY-MM-DDTHH:MM:SS.mmmZ)
#   f2 text of a decimal number with two digits after the point (f0, f6 likewise)
#   [n] [t] [d] array of these          [inv] [sup] [cus] array of objects, see %NESTED
# followed by ? where null may stand, and ! where Supplier keys do not get the field.
#
# A parameter is NAME:FORM with FORM one of n (number), n* (numbers), t* (texts), b* (booleans), date, or the allowed
# words in parentheses; followed by ! where it is required.

use strict;
use warnings;
use Exporter 'import';
use KissTest::JSON;

our @EXPORT = qw(endpoints endpoint fields_for params_of answer_deviation);

my @tables = (
    [invoice => 'InvoiceID:n CustomerID:n CustomerName:t InvoiceNum:t OpenDebit:f6 OpenCredit:f6 PONum:t? PODate:z?
            TermID:n PDFURL:t? Memo:t? Date:z DueDate:z Status:n InvoiceTotal:f6 SubmittedByUserID:n?
            SubmittedByUserName:t? SubmittedByUserEmail:t? BuiltByUserID:n? BuiltByUserName:t? BuiltByUserEmail:t?
            InvoiceTimeCreated:z InvoiceLastUpdated:z ARNote:t? TotalNumUnits:f0 TotalCases:f2 TotalFullPrice:f6
            TotalExtPrice:f6 TotalDiscount:f6 OpenBalance:f6'],
    [customer => 'CustomerID:n CustomerName:t CustomerNameAlt:t? ChainName:t? LicenseNum:t? Address:t LocationID:n
            OnHold:b! SalesRepEmail:t?! SalesRepName:t?! SalesRepPhone:t?! SalesRepUserID:n?! ProfilePictureURL:t?!
            CollectionAgentFullName:t?! CollectionAgentEmail:t?! State:t DeliveryDays:t? NextDeliveryDates:t?!
            AccountStatus:t DeliveryDates:[d]? DeliveryMinimum:n?! TimeUpdated:z'],
    [line => 'InvoiceTransID:n InvoiceID:n CustomerID:n ProductID:n ProductName:t Cases:f2 NumUnits:n Ordered:n
            BackOrder:n FullPrice:f6 Discount:f6 UnitPrice:f6 ExtPrice:f6 TimeUpdated:z SupplierID:n PromotionID:n?
            TimeCreated:z BatchCode:t? COA_URL:t? ReasonID:n? Reason:t?'],
    [coa => 'InvoiceID:n ProductID:n InvoiceTransID:n BatchCode:t COA_URL:t TimeCreated:z TimeUpdated:z'],
    [location => 'LocationID:n Location:t DBA:t Address:t Address2:t? Address3:t? City:t State:t PostalCode:t
        TimeUpdated:z'],
    [product => 'ProductID:n Supplier:t SupplierID:n ProductName:t BrandFamily:t ProductTypeName:t UnitNetWeight:t
            WholesaleUnitsPerCase:n Description:t? Ingredients:t? ThumbnailImageURL:t? FullSizeImageURL:t? Potency:t?
            PotencyTHC:t? Blend:t? KSSMenuCategory:t KSSLiveCategoryID:n StatusID:n TimeUpdated:z State:t IsSample:b
            ProductGroupID:n BrandStyle:t? PackageID:n PackageName:t ProductTypeID:n StrainName:t? StrainID:n?
            Flavor:t? BrandID:n BrandName:t SupplierProductNumber:t?'],
    [supplier => 'SupplierID:n Supplier:t State:t Active:b Description:t? BrandAssetsURL:t? SupplierWebsiteURL:t?
            TimeUpdated:z'],
    [user => 'UserID:n SiteUserID:n UserActive:b KSSLiveAccess:b Email:t? States:[t] Role:t CustomerIDs:[n]?
            SupplierIDs:[n]? LocationIDs:[n]? PowerUser:b JobTitle:t? Department:t? FullName:t'],
    [purchase => 'PurchaseID:n ReceiveDate:z? ShipmentNum:t? ShipmentID:n? ToLocationID:n ToLocationName:t VendorName:t
            VendorID:n PostDate:z? Status:t PONum:t? Freight:f2 Tax:f2 OtherCost:f2 Total:f2 TotalCases:f0
            PublicPDFLink:t? Memo:t? InvoiceDate:z? DueDate:z? Terms:t? TermID:n? LastEditTime:z? LastCalcTime:z?
            TimeUpdated:z TimeCreated:z ReceivingNum:t? PurchaseGlobalID:t? PurchaseGlobalIDExportedAt:z?
            PurchasePDFURLAPIKeyID:n?'],
);
my %fields = map { @$_ } @tables;

my %NESTED = (
    inv => 'InvoiceID:n InvoiceNum:t OpenBalance:f6',
    sup => 'SupplierID:n Supplier:t',
    cus => 'CustomerID:n CustomerName:t'
);

# Path; keys that may call it (Employee, Customer, Supplier); list or record; parameters; fields.
my @rows = (
    ['/allocations', 'ECS', 'list', 'CustomerIDs:n* SupplierIDs:n* States:t*',
        'AllocationID:n ProductID:n CustomerID:n Units:n AllocationTypeID:n StartDate:d EndDate:d TimeUpdated:z'],
    ['/arAging', 'ECS', 'list', 'CustomerIDs:n* SupplierIDs:n* States:t*',
        'ARAccountID:n SupplierID:n CustomerID:n OpenCredit:f6 CurrentDue:f6 Due_1_30:f6 Due_31_60:f6 Due_61_90:f6
            Due_91:f6 CloseDate:z? TotalBalanceOutstanding:f6 StatementLink:t? CurrentInvoices:[inv]
            Invoices_1_30:[inv] Invoices_31_60:[inv] Invoices_61_90:[inv] Invoices_91:[inv] StatementDate:z?
            TimeCreated:z TimeUpdated:z CreditInvoices:[inv]'],
    ['/customerPricing', 'ECS', 'list', 'CustomerIDs:n*! EffectiveDate:date',
        'ProductID:n CustomerID:n FullPrice:f2 UnitPrice:f2 Discount:f2 PromotionID:n? StartDate:d? EndDate:d?
            TimeUpdated:z?'],
    ['/customers', 'ECS', 'list',
        'CustomerIDs:n* States:t* AccountStatuses:(Active,Inactive,OutOfBus) OnHold:(true,false)',
        $fields{customer}],
    ['/customers/creditTerms', 'ECS', 'list', 'CustomerIDs:n* SupplierIDs:n*',
        'CustomerID:n SupplierID:n TermID:n Term:t TimeUpdated:z'],
    ['/customers/:customerID', 'ECS', 'record', 'customerID:n!', $fields{customer}],
    ['/deliveryDays', 'ECS', 'list', 'CustomerIDs:n* States:t*', 'CustomerID:n DeliveryDays:t? DeliveryDates:[d]?'],
    ['/inventory', 'ES', 'list', 'SupplierIDs:n* ProductIDs:n* LocationIDs:n* States:t*',
        'LocationID:n ProductID:n OnFloorInventory:f2 PreSales:f2 Allocated:f2 NotAuthorized:b AvailableUnits:n
            PurchaseTransID:n DOI:f2 AvgDailySales90d:f2 Inventory:f2 Received:f2 Loaded:f2 Picked:f2 Delivered:f2
            Unsellable:f2 TimeUpdated:z'],
    ['/inventory/batches', 'ES', 'list', 'SupplierIDs:n* ProductIDs:n* LocationIDs:n* States:t* BatchCodes:t*',
        'LocationID:n ProductID:n SupplierID:n State:t InventoryUnits:n PurchaseTransID:n ExpirationDate:d? COAURL:t?
            BatchCode:t Vintage:t? UID:t? Laboratory:t? BestByDate:d? HarvestDate:d? ManufactureDate:d? PackDate:d?
            COAExpirationDate:d? PotencyType:t THCPotency:f2? CBDPotency:f2? TotalCannabinoids:f2? LabelTHCPotency:f2?
            LabelCBDPotency:f2? LabelTotalCannabinoids:f2? TimeCreated:z TimeUpdated:z'],
    ['/retailerInventory', 'ECS', 'list', 'CustomerIDs:n* SupplierIDs:n* ProductIDs:n* States:t*',
        'ID:n ProductID:n CustomerID:n LastInventoryDate:z Inventory:f2 DailySales:f2 TimeUpdated:z TimeCreated:z'],
    ['/invoices', 'ECS', 'list',
        'CustomerIDs:n* InvoiceIDs:n* States:t* Statuses:(1,2,3,4,5,7) StartDate:date EndDate:date', $fields{invoice}],
    ['/invoices/creditTerms', 'ECS', 'list', 'TermIDs:n*',
        'TermID:n Term:t DaysOfCredit:n AccountOnHold:b TimeUpdated:z'],
    ['/invoices/:invoiceID', 'ECS', 'record', 'invoiceID:n!', $fields{invoice}],
    ['/invoiceTransactions', 'ECS', 'list', 'InvoiceIDs:n*! Statuses:(1,2,3,4,5,7)', $fields{line}],
    ['/invoiceTransactions/:invoiceID', 'ECS', 'list', 'invoiceID:n!', $fields{line}],
    ['/invoiceCOAs', 'ECS', 'list', 'InvoiceIDs:n*!', $fields{coa}],
    ['/invoiceCOAs/:invoiceID', 'ECS', 'list', 'invoiceID:n!', $fields{coa}],
    ['/locations', 'ECS', 'list', 'LocationIDs:n* States:t*', $fields{location}],
    ['/locations/:locationID', 'ECS', 'record', 'locationID:n!', $fields{location}],
    ['/menuPromotions', 'ECS', 'list', 'SupplierIDs:n* States:t* StartDate:date EndDate:date',
        'MenuPromotionID:n SupplierID:n SupplierName:t State:t Description:t StartDate:d EndDate:d TimeCreated:z
            TimeUpdated:z'],
    ['/promotionsProducts', 'ECS', 'list', 'SupplierIDs:n* States:t*',
        'PromotionID:n PromotionTypeID:n States:[t] PromotionName:t ProductOverrideType:t UnitPrice:n? StartDate:d
            EndDate:d? AllProducts:b ProductIDs:[n] TimeUpdated:z'],
    ['/productCategories', 'ECS', 'list', '', 'ProductCategoryID:n CategoryName:t Sequence:n TimeUpdated:z'],
    ['/products', 'ECS', 'list',
        'SupplierIDs:n* ProductIDs:n* States:t* Statuses:(0,1,2,3,4,5) SupplierProductNumbers:t*', $fields{product}],
    ['/products/:productID', 'ECS', 'record', 'productID:n!', $fields{product}],
    ['/states', 'ECS', 'list', 'States:t*',
        'StateAbbreviation:t StateName:t OrderCutOffTime:t TimeZone:t OrderCutOffDaysInAdvance:t TimeUpdated:z'],
    ['/suppliers', 'ECS', 'list', 'SupplierIDs:n* States:t* Active:b*', $fields{supplier}],
    ['/suppliers/creditTerms', 'ES', 'list', 'SupplierIDs:n*', 'SupplierID:n TermID:n Term:t TimeUpdated:z'],
    ['/suppliers/:supplierID', 'ECS', 'record', 'supplierID:n!', $fields{supplier}],
    ['/users', 'ECS', 'list',
        'UserIDs:n* States:t* CustomerIDs:n* SupplierIDs:n* Roles:(Customer,Supplier,Admin,DistributorRep) Active:b*',
        $fields{user}],
    ['/users/:userID', 'ECS', 'record', 'userID:n!', $fields{user}],
    ['/payments/types', 'ECS', 'list', 'PaymentTypeIDs:n* SupplierIDs:n* Active:b*',
        'PaymentTypeID:n Name:t SupplierID:n? TimeCreated:z TimeUpdated:z'],
    ['/payments', 'ECS', 'list', 'ARAccountIDs:n* SupplierIDs:n* PaymentTypeIDs:n*',
        'PaymentID:n PaymentInvoiceID:n PaymentInvoiceNum:t ARAccountID:n PaymentTypeID:n PaymentTypeName:t Amount:f6
            SupplierID:n? LoadSheetStatusID:n PostDate:z TimeCreated:z TimeUpdated:z ARNote:t? Memo:t?
            AvailableBalance:f6 AvailableAmount:f6'],
    ['/payments/openInvoices', 'ECS', 'list', 'ARAccountIDs:n* SupplierIDs:n*',
        'InvoiceID:n InvoiceNum:t CustomerID:n ARAccountID:n InvoiceTotal:f2 OpenDebit:f2! OpenCredit:f2!
            OpenBalance:f2 CreditTermID:n TermID:n DueDate:z Date:z PONum:t?'],
    # The newer edition's fields, and among them those that only the earlier one has.
    ['/payments/applications', 'ECS', 'list',
        'ARAccountIDs:n* SupplierIDs:n* PaymentInvoiceNums:t* TargetInvoiceNums:t*
            Statuses:(Pending,Exported,Confirmed,Rejected)',
        'PaymentApplicationID:n? RequestID:n? PaymentInvoiceID:n PaymentInvoiceNum:t TargetInvoiceID:n
            TargetInvoiceNum:t ARAccountID:n Amount:f2 Status:t RequestedByUserID:n? AppliedBy:t? TimeRequested:z?
            TimeExported:z? TimeApplied:z? TimeConfirmed:z? MatchedPaymentApplicationID:n? TimeCreated:z
            TimeUpdated:z'],
    ['/vendors', 'ES', 'list', 'SupplierIDs:n* LocationIDs:n* VendorIDs:n* Active:b*',
        'SupplierID:n LocationID:n VendorID:n VendorName:t VendorLicenseNumber:t? VendorAddress:t? VendorAddress2:t?
            VendorCity:t? VendorState:t? VendorPostalCode:t? LeadTimeDays:n TargetDOI:n MaxDOI:n PickupDates:[t]
            RequirePOBatchCodes:b Active:b TimeUpdated:z'],
    ['/purchases', 'ES', 'list',
        'PurchaseIDs:n* VendorIDs:n* LocationIDs:n* Statuses:(New,Accepted,Received,Confirmed,Verified) StartDate:date
            EndDate:date', $fields{purchase}],
    ['/purchases/:purchaseID', 'ES', 'record', 'purchaseID:n!', $fields{purchase}],
    ['/purchaseTrans', 'ES', 'list', 'PurchaseIDs:n*!',
        'PurchaseTransID:n PurchaseID:n ProductID:n Ordered:f0 NumUnits:f0 FOB:f2 DepositCost:f2 ExtPrice:f2
            ExpirationDate:z? CodeDate:z? BatchCode:t? LaidInCost:f2 PalletTag:t? Cases:f0 Weight:f2 TimeUpdated:z
            TimeCreated:z'],
    ['/salesReps', 'ECS', 'list', 'SupplierIDs:n* CustomerIDs:n* ProductGroups:t*',
        'UserID:n Name:t Email:t Type:t ProductGroups:[t] Suppliers:[sup] Customers:[cus]'],
);

my %LETTER = (employee => 'E', customer => 'C', supplier => 'S');
my @endpoints = map { _endpoint(@$_) } @rows;
my %by_path = map { $_->{path} => $_ } @endpoints;

sub _fields {
    my ($text) = @_;
    return map {
        my ($name, $type, $null, $hidden) = /^(\w+):(\[?\w+\]?)(\??)(!?)$/ or die "field $_";
        +{
            name => $name, type => $type, null => $null ? 1 : 0, hidden => $hidden ? 1 : 0,
            $type =~ /^\[([a-z]{3})\]$/ ? (nested => [_fields($NESTED{$1})]) : ()
        };
    } split ' ', $text;
}

sub _endpoint {
    my ($path, $keys, $kind, $params, $fields) = @_;
    return {
        path => $path, keys => $keys, kind => $kind, fields => [_fields($fields)],
        named => $path =~ /:(\w+)$/ ? $1 : undef,
        params => [map { /^(\w+):(.+?)(!?)$/ ? { name => $1, form => $2, required => $3 ? 1 : 0 } : die "parameter $_" }
                split ' ', $params]
    };
}

# endpoints(): all rows: {path, keys, kind 'list' or 'record', named (of the path's parameter), params, fields}. The
# POST has a test of its own. endpoint($path): one of them.
sub endpoints { return @endpoints }
sub endpoint { my ($path) = @_; return $by_path{$path} || die "no endpoint $path" }

# fields_for($endpoint, $type): the fields that a key of this type gets.
sub fields_for {
    my ($e, $type) = @_;
    return grep { !($_->{hidden} && $type eq 'supplier') } @{ $e->{fields} };
}

# allowed($endpoint, $type): whether keys of this type may call it.
sub allowed { my ($e, $type) = @_; return index($e->{keys}, $LETTER{$type}) >= 0 }

# params_of($endpoint): its parameters that stand in the query, beside Page and PageSize.
sub params_of {
    my ($e) = @_;
    return grep { !defined $e->{named} || $_->{name} ne $e->{named} } @{ $e->{params} };
}

# ---- what is wrong with an answer

my %PATTERN = (
    n => [number => qr/^-?\d+(?:\.\d*[1-9])?$/],
    t => [string => qr//],
    b => [boolean => qr//],
    d => [string => qr/^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])$/],
    z => [string => qr/^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d\.\d{3}Z$/],
    f0 => [string => qr/^-?(?:0|[1-9]\d*)$/],
    f2 => [string => qr/^-?(?:0|[1-9]\d*)\.\d\d$/],
    f6 => [string => qr/^-?(?:0|[1-9]\d*)\.\d{6}$/]
);

# answer_deviation($text, $endpoint, $type, \%nulls): the first deviation of an answer's text from what a key of this
# type should get, or ''. %nulls counts, by field, how often null stood there.
sub answer_deviation {
    my ($text, $e, $type, $nulls) = @_;
    my $answer = eval { parse_json($text) } or return "no JSON: $@";
    return 'not an object' if $answer->[0] ne 'object';
    my @members = @$answer[1 .. $#$answer];
    my $names = join ' ', map { $_->[0] } @members;
    return "envelope: $names" if $names ne 'Data Page PageSize HasNextPage';
    return 'Page and PageSize are no whole numbers'
        if grep { $_->[0] ne 'number' || $_->[1] !~ /^\d+$/ } map { $_->[1] } @members[1, 2];
    return 'HasNextPage is no boolean' if $members[3][1][0] ne 'boolean';
    return _rows_deviation($members[0][1], [fields_for($e, $type)], $nulls);
}

sub _rows_deviation {
    my ($list, $fields, $nulls) = @_;
    return 'not an array' if $list->[0] ne 'array';
    my $expected = join ' ', map { $_->{name} } @$fields;
    for my $row (@$list[1 .. $#$list]) {
        return 'a row is no object' if $row->[0] ne 'object';
        my @members = @$row[1 .. $#$row];
        my $names = join ' ', map { $_->[0] } @members;
        return "members: $names" if $names ne $expected;
        for my $i (0 .. $#members) {
            my $why = _value_deviation($members[$i][1], $fields->[$i], $nulls);
            return "$fields->[$i]{name}: $why" if $why;
        }
    }
    return '';
}

sub _value_deviation {
    my ($value, $field, $nulls) = @_;
    if ($value->[0] eq 'null') {
        $nulls->{ $field->{name} }++ if $nulls;
        return $field->{null} ? '' : 'is null';
    }
    return _rows_deviation($value, $field->{nested}) if $field->{nested};
    if ($field->{type} =~ /^\[(\w)\]$/) {
        return "is @$value" if $value->[0] ne 'array';
        my ($why) = grep {$_} map { _value_deviation($_, { type => $1 }) } @$value[1 .. $#$value];
        return $why || '';
    }
    my ($kind, $pattern) = @{ $PATTERN{ $field->{type} } };
    return $value->[0] eq $kind && $value->[1] =~ $pattern ? '' : "is $value->[0] $value->[1]";
}

1;
