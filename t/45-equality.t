#!/usr/bin/perl
# What each customer gets is, digit by digit, what KissExpect computes from the CSV files alone.
# SPDX-License-Identifier: Apache-2.0

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Time::HiRes qw(time);
use KissTest;
use KissExpect;

my @endpoints = qw(products stock prices);

# What KissExpect says of a customer; customers of equal terms follow each other, so the last answers are kept.
my %kept;

sub expected {
    my ($expect, $endpoint, $customer) = @_;
    my $terms = terms($expect, $customer);
    %kept = (terms => $terms) if !defined $kept{terms} || $kept{terms} ne $terms;
    $kept{$endpoint} = $expect->$endpoint($customer) unless defined $kept{$endpoint};
    return $kept{$endpoint};
}

sub terms {
    my ($expect, $customer) = @_;
    my $c = $expect->{customer}{$customer};
    return join "\n", $expect->{dir}, @$c{qw(PriceListCode DiscountPercent StockLocation)};
}

# The three answers of one customer, as a list of hashes.
sub compare {
    my ($h, $expect, $customer, $key) = @_;
    my $token = $h->token($customer, $key);
    my @found;
    for my $endpoint (@endpoints) {
        my $res = $h->get("/$endpoint", Authorization => "Bearer $token");
        my $expected = expected($expect, $endpoint, $customer);
        # The line ends between rows are taken out first: most of 800 MB then compares as it is.
        (my $text = $res->{content}) =~ s/(?<=\},)\n(?=\{)//g;
        my ($same, $where) =
            $res->{status} == 200
            ? same_json($text, $expected)
            : (0, "$res->{status} $res->{content}");
        push @found, {
            customer => $customer, endpoint => $endpoint, same => $same, where => $where,
            bytes => length $res->{content}
        };
    }
    return @found;
}

# Loads $dir into a database of its own and compares every answer of every customer.
sub compare_all {
    my ($name, $dir) = @_;
    my $began = time;
    my $expect = KissExpect->new($dir);
    my @customers = sort { terms($expect, $a) cmp terms($expect, $b) || $a cmp $b } $expect->customers;
    my $db = new_database($name);
    import_csv($db, $dir);
    my %key = map { $_ => issue_key($_) } @customers;
    my $h = start_httpd();
    my ($rows, $bytes) = (0, 0);
    # Two processes: computing what is expected takes longer than the server's own work.
    my @found = parallel(2, sub {
        my ($part) = @_;
        return [map { compare($h, $expect, $customers[$_], $key{ $customers[$_] }) }
                grep { ($_ < @customers / 2) == !$part } 0 .. $#customers];
    });
    for my $f (map {@$_} @found) {
        ok $f->{same}, "$name: /$f->{endpoint} of $f->{customer}" or diag $f->{where};
        $bytes += $f->{bytes};
    }
    is scalar(map {@$_} @found), @customers * @endpoints, "$name: every answer of every customer was compared";
    $rows += my @skus = $expect->skus($_) for @customers;
    cmp_ok $rows, '>', 0, "$name: there was something to compare";
    note sprintf '%s: %d customers, %d products, %d bytes, %.1f s', $name, scalar @customers, $rows, $bytes,
        time - $began;
    $h->log_ok;
    $h->stop;
    drop_database($db);
    return;
}

compare_all('sample', top() . '/sql/sample');

SKIP: {
    my $catalogue = $ENV{KISS_TEST_CATALOGUE} || top() . '/../shared/data/catalogue';
    skip 'no large catalogue here (KISS_TEST_CATALOGUE)', 1 unless -d $catalogue;
    compare_all('catalogue', $catalogue);
}

done_testing;
