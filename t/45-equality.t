#!/usr/bin/perl
# What each customer gets is, digit by digit, what KissExpect computes from the CSV files alone.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Time::HiRes qw(time);
use KissTest;
use KissExpect;

my @endpoints = qw(products stock prices);

# Loads $dir into a database of its own and compares every answer of every customer.
sub compare_all {
    my ($name, $dir) = @_;
    my $began = time;
    my $expect = KissExpect->new($dir);
    my @customers = $expect->customers;
    my $db = new_database($name);
    import_csv($db, $dir);
    my %key = map { $_ => issue_key($_) } @customers;
    my $h = start_httpd();
    my ($rows, $bytes) = (0, 0);
    for my $customer (@customers) {
        my $token = $h->token($customer, $key{$customer});
        for my $endpoint (@endpoints) {
            my $res = $h->get("/$endpoint", Authorization => "Bearer $token");
            my ($same, $where) =
                $res->{status} == 200
                ? same_json($res->{content}, $expect->$endpoint($customer))
                : (0, "$res->{status} $res->{content}");
            ok $same, "$name: /$endpoint of $customer" or diag $where;
            $bytes += length $res->{content};
        }
        $rows += $expect->skus($customer);
    }
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
    my $began = time;
    compare_all('catalogue', $catalogue);
    cmp_ok time - $began, '<', 90, 'the large catalogue is compared in time';
}

done_testing;
