#!/usr/bin/perl
# What each kind of key gets is, digit by digit, what KissKssExpect computes from the CSV files alone.
# SPDX-License-Identifier: Apache-2.0

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use JSON::PP ();
use Test::More;
use KissTest;
use KissExpect;
use KissKssClient;
use KissKssContract;
use KissKssData;
use KissKssExpect;

my $dir = write_kss_data(tempdir_here());
my $db = new_database('kssequality', api => 'kss');
import_kss($db, $dir);
my %key = issue_all();
my $h = start_httpd(api => 'kss');

my %column = (CustomerIDs => [customers => 'CustomerID'], InvoiceIDs => [invoices => 'InvoiceID'],
    PurchaseIDs => [purchases => 'PurchaseID'], customerID => [customers => 'CustomerID'],
    invoiceID => [invoices => 'InvoiceID'], locationID => [locations => 'LocationID'],
    productID => [products => 'ProductID'], supplierID => [suppliers => 'SupplierID'], userID => [users => 'UserID'],
    purchaseID => [purchases => 'PurchaseID']);

# All ids that a parameter can name.
sub all_of {
    my ($expect, $param) = @_;
    my ($file, $id) = @{ $column{$param} };
    return map { $_->{$id} } @{ $expect->{file}{$file} };
}

# Every page of a list with these parameters, compared: what is wrong with it, or ''.
sub wrong_list {
    my ($expect, $name, $path, $params) = @_;
    my @rows = $expect->rows($path, $KEYS{$name}, $params);
    my $page = 0;
    do {
        $page++;
        my $res = ask($h, $key{$name}, $path, { %$params, Page => $page, PageSize => 500 });
        my ($same, $where) = same_json($res->{content}, answer(\@rows, $page, 500));
        return "page $page: $where" if !$same;
    } while ($page * 500 < @rows);
    return '';
}

# The answers of one record after the other.
sub wrong_record {
    my ($expect, $name, $e) = @_;
    for my $id (all_of($expect, $e->{named})) {
        my %params = ($e->{named} => [$id]);
        my $res = ask($h, $key{$name}, $e->{path}, \%params);
        my @rows = $expect->rows($e->{path}, $KEYS{$name}, \%params);
        my ($same, $where) = same_json($res->{content}, answer(\@rows, 1, 50));
        return "$id: $where" if !$same;
    }
    return '';
}

# All lists of one key: [what was asked, what is wrong].
sub compare {
    my ($expect, $name) = @_;
    my @found;
    for my $e (grep { KissKssContract::allowed($_, $KEYS{$name}{type}) } endpoints()) {
        if (defined $e->{named}) {
            push @found, ["$e->{path} of $name", wrong_record($expect, $name, $e)];
            next;
        }
        my %needed = map { $_->{name} => [all_of($expect, $_->{name})] } grep { $_->{required} } @{ $e->{params} };
        # The pricing of a key whose customers do not exist is closed (403).
        next if $e->{path} eq '/customerPricing' && $name eq 'nobody';
        push @found, ["$e->{path} of $name", wrong_list($expect, $name, $e->{path}, \%needed)];
        # The rows that the defaults leave out.
        my %words = map { $_->{form} =~ /^\((.*)\)$/ ? ($_->{name} => [split /,/, $1]) : () } @{ $e->{params} };
        delete $words{OnHold};
        push @found, ["$e->{path} of $name, everything", wrong_list($expect, $name, $e->{path}, { %needed, %words })]
            if %words;
    }
    return @found;
}

# The days around the windows of the promotions.
my @days = qw(2018-12-31 2019-01-01 2019-12-31 2020-01-01 2020-02-28 2020-02-29 2029-12-31 2030-01-01 2030-06-09
    2030-06-10 2030-06-11 2030-06-12 2030-06-13 2030-06-14 2030-06-15 2030-06-16 2030-06-20 2030-06-21 2998-12-31
    2999-06-01 3000-01-01);

sub compare_prices {
    my ($expect, $name) = @_;
    my @customers = $name eq 'employee' ? all_of($expect, 'CustomerIDs') : (1, 2, 3, 8, 999);
    return map { ["/customerPricing of $name on $_",
            wrong_list($expect, $name, '/customerPricing', { CustomerIDs => \@customers, EffectiveDate => [$_] })]
    } @days;
}

# Coming delivery dates and today's prices depend on the day: what began on one and ended on the next is asked again.
my ($day, @found);
do {
    $day = today_utc();
    my $expect = KissKssExpect->new($dir, $day);
    @found = ((map { compare($expect, $_) } sort keys %KEYS), map { compare_prices($expect, $_) }
        qw(employee customer customers stateless supplier suppliers anywhere));
} until $day eq today_utc();

is $_->[1], '', $_->[0] for @found;
cmp_ok scalar @found, '>', 300, 'all lists of all keys were compared';

# ---- the rules that the data is there for, each seen at least once: the comparison above is not one of empty lists

my $expect = KissKssExpect->new($dir, $day);
my @price = map { JSON::PP::decode_json($_) } map { $expect->rows('/customerPricing', $KEYS{employee},
        { CustomerIDs => [1 .. 24], EffectiveDate => [$_] }) } '2030-06-14', '2030-06-20';
my %seen = map { ($_->{PromotionID} || 'none') => 1 } @price;
is join(' ', sort keys %seen), '41 42 43 46 47 48 49 51 54 56 none',
    'the promotions that count, and those that never do';
ok !(grep { ($_->{PromotionID} || 0) == 42 && $expect->{by}{customers}{ $_->{CustomerID} }{State} eq 'CA' } @price),
    'of two promotions with one price the one with the lower id counts';
ok((grep { !$_->{PromotionID} && $expect->{by}{products}{ $_->{ProductID} }{SupplierID} eq '2' } @price),
    'a price above the list price is no promotion');
ok(!(grep { $_->{PromotionID} && $_->{Discount} <= 0 } @price), '... and whoever has one named has a discount');
ok((grep { $_->{UnitPrice} =~ /^-/ } @price), 'a price below nothing');
my @payment = map { JSON::PP::decode_json($_) } $expect->rows('/payments', $KEYS{employee}, {});
ok((grep { $_->{Amount} =~ /^-/ && $_->{AvailableBalance} eq '0.000000' } @payment),
    'a reversed payment has nothing left');
ok((grep { $_->{AvailableBalance} > 0 && $_->{AvailableBalance} < $_->{Amount} } @payment), 'some have a part left');
my @invoice = map { JSON::PP::decode_json($_) }
    $expect->rows('/invoices', $KEYS{suppliers}, { Statuses => [1 .. 5, 7] });
ok((grep { $_->{TotalNumUnits} eq '0' } @invoice), 'an invoice without own units stands in the list of a supplier');
my %whole = map { my $i = JSON::PP::decode_json($_); ($i->{InvoiceID} => $i) }
    $expect->rows('/invoices', $KEYS{employee}, { Statuses => [1 .. 5, 7] });
ok((grep { $whole{ $_->{InvoiceID} }{TotalExtPrice} ne $_->{TotalExtPrice} } @invoice), 'of some it sees a part only');
my @open = map { JSON::PP::decode_json($_) } $expect->rows('/payments/openInvoices', $KEYS{supplier}, {});
ok((grep { $_->{OpenBalance} != 0 && $_->{OpenBalance} != $whole{ $_->{InvoiceID} }{OpenBalance} } @open),
    'and a part of the open balance');
my %listed = map { $_->{InvoiceID} => 1 } @open;
my @nothing = grep { $whole{ $_->{InvoiceID} }{OpenBalance} != 0 && !$listed{ $_->{InvoiceID} } }
    map { JSON::PP::decode_json($_) } $expect->rows('/invoices', $KEYS{supplier}, { Statuses => [1 .. 5, 7] });
ok scalar @nothing, 'what is open without a part of its own is not open for a Supplier key: ' . @nothing . ' invoices';

$h->log_ok;
done_testing;
