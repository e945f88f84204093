#!/usr/bin/perl
# Dates and times of the KSS API over the wire: the bounds of the calendar, the ways to write a moment, what is refused
# and why, and what stands in the database at the calendar's ends.
# SPDX-License-Identifier: Apache-2.0

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use KissTest;

my $db = new_database('kssdates', api => 'kss');
import_kss($db, top() . '/sql/sample-kss');
my $key = issue_kss_key(type => 'employee');
my $h = start_httpd(api => 'kss');

sub encode { my ($t) = @_; return $t =~ s/([^A-Za-z0-9:.-])/sprintf '%%%02X', ord $1/ger }
sub answer { my ($path) = @_; return $h->get("/api/v1$path", 'x-api-key' => $key) }

# ids('/invoices?...', 'InvoiceID'): in the order of the answer; all pages.
sub ids {
    my ($path, $name) = @_;
    my ($page, @ids) = (1);
    while (1) {
        my $res = answer("$path&PageSize=500&Page=$page");
        return "$res->{status} $res->{content}" if $res->{status} != 200;
        my $json = $h->json($res);
        push @ids, map { $_->{$name} } @{ $json->{Data} };
        return join ',', @ids if !$json->{HasNextPage};
        $page++;
    }
}

sub column { my ($sql) = @_; return join ',', map { $_->[0] } sql($db, $sql) }

my $status = 'Statuses=1,2,3,4,5,7';
my %list = (
    '/invoices' => { query => $status, id => 'InvoiceID', least => 'date', most => 'date',
        rows => sub { column("SELECT invoice_id FROM invoice WHERE $_[0] ORDER BY date DESC, invoice_id DESC") } },
    '/purchases' => { query => 'x', id => 'PurchaseID', least => 'post_date', most => 'post_date',
        rows => sub { column("SELECT purchase_id FROM purchase WHERE $_[0] AND post_date IS NOT NULL"
            . ' ORDER BY post_date DESC, purchase_id') } },
    '/menuPromotions' => { query => 'x', id => 'MenuPromotionID', least => 'end_date', most => 'start_date',
        rows => sub { column("SELECT menu_promotion_id FROM menu_promotion WHERE $_[0] ORDER BY menu_promotion_id") } }
);
is_deeply [sort map { m{PAGE\w*\("\S+ "(/\w+)", \w+, (?:invoice|purchase|menu_promotion)_params[,)]}g }
        slurp(top() . '/mod_kiss/lib/api/kss.c')], [sort keys %list], 'the lists with StartDate and EndDate';
is scalar(() = slurp(top() . '/mod_kiss/lib/api/kss.c') =~ /PARAM\("(?:Start|End)Date"/g), 2 * keys %list, '... and no others';

# Every way in which programs write the first and the last day there is.
my @least = ('0001-01-01', '0001-01-01T00:00:00', '0001-01-01T00:00:00Z', '0001-01-01T00:00:00.0000000', '0001-01-01 00:00',
    '0001-01-01T00:00:00+14:00');
my @greatest = ('9999-12-31', '9999-12-31T23:59:59', '9999-12-31T23:59:59Z', '9999-12-31T23:59:59.9999999Z',
    '9999-12-31T00:00:00', '9999-12-31 23:59', '9999-12-31T23:59:59.9999999-12:00');

for my $path (sort keys %list) {
    my $l = $list{$path};
    subtest "$path: the calendar's ends" => sub {
        my $all = $l->{rows}->(1);
        like $all, qr/\d,\d/, 'there are rows';
        is ids("$path?$l->{query}&StartDate=" . encode($_), $l->{id}), $all, "StartDate=$_: all rows" for @least;
        is ids("$path?$l->{query}&EndDate=" . encode($_), $l->{id}), $all, "EndDate=$_: all rows" for @greatest;
        is ids("$path?$l->{query}&StartDate=0001-01-01&EndDate=9999-12-31", $l->{id}), $all, 'from end to end: all rows';
        is ids("$path?$l->{query}&EndDate=" . encode($_), $l->{id}), '', "EndDate=$_: none" for @least;
        is ids("$path?$l->{query}&StartDate=9999-12-31", $l->{id}), '', 'StartDate at the end: none';
        my $day = column("SELECT MAX(CAST($l->{most} AS DATE)) FROM " . ($path =~ s{^/(.*)s$}{$1}r =~ s/menuP/menu_p/r));
        is ids("$path?$l->{query}&EndDate=$day", $l->{id}), $all, "EndDate=$day, the last one's: all rows";
    };
}

subtest 'rows at the ends' => sub {
    my ($first, $last) = map { $_->[0] } sql($db, '(SELECT invoice_id FROM invoice ORDER BY invoice_id LIMIT 2)');
    sql($db, "UPDATE invoice SET date = '1000-01-01 00:00:00.000' WHERE invoice_id = $first");
    sql($db, "UPDATE invoice SET date = '9999-12-31 23:59:59.999' WHERE invoice_id = $last");
    my $posted = column('SELECT MIN(purchase_id) FROM purchase WHERE post_date IS NOT NULL');
    sql($db, "UPDATE purchase SET post_date = '9999-12-31 12:00:00' WHERE purchase_id = $posted");
    my $all = $list{'/invoices'}{rows}->(1);
    is ids("/invoices?$status&StartDate=0001-01-01&EndDate=9999-12-31", 'InvoiceID'), $all, 'all invoices';
    is ids("/invoices?$status&StartDate=9999-12-31&EndDate=9999-12-31", 'InvoiceID'), $last,
        'the last day, to its last moment';
    is ids("/invoices?$status&EndDate=1000-01-01", 'InvoiceID'), $first, 'a first day';
    is ids("/invoices?$status&StartDate=9999-12-30&EndDate=9999-12-30", 'InvoiceID'), '',
        'the day before the last is another';
    is ids('/purchases?StartDate=9999-12-31&EndDate=9999-12-31', 'PurchaseID'), $posted,
        'a purchase posted on the last day; one that is not posted has no date and is no match';
    my ($row) = @{ $h->json(answer("/invoices/$last"))->{Data} };
    is $row->{Date}, '9999-12-31T23:59:59.999Z', 'it is written to the millisecond';
    ($row) = @{ $h->json(answer("/invoices/$first"))->{Data} };
    is $row->{Date}, '1000-01-01T00:00:00.000Z', '... and so is the first one';
};

subtest 'ways to write one day' => sub {
    my $day = column("SELECT DATE(date) FROM invoice WHERE date < '2100-01-01' GROUP BY 1"
        . ' ORDER BY COUNT(*) DESC, 1 LIMIT 1');
    my ($before, $next) = map { column("SELECT DATE('$day') + INTERVAL $_ DAY") } -1, 1;
    my $expected = $list{'/invoices'}{rows}->("date BETWEEN '$day' AND '$day 23:59:59.999'");
    like $expected, qr/\d,\d/, 'a day with several invoices';
    for my $form ($day, "${day}T00:00", "${day}T10:00Z", "${day}t10:00z", "$day 23:59:59", "${day}T23:59:59.999999999Z",
        "${day}T23:59:60Z", "${day}T12:00:00.5+02:00", "${day}T12:00+0200", "${day}T12:00-02", "$day 12:00:00 +0200",
        "${next}T01:30+0200", "${before}T22:30:00-01:30", "${before}T22:30:00 -0130")
    {
        is ids("/invoices?$status&StartDate=$_&EndDate=$_", 'InvoiceID'), $expected, $form for encode($form);
    }
    # A '+' that a client forgot to encode is a blank when it arrives.
    is ids("/invoices?$status&StartDate=$_&EndDate=$_", 'InvoiceID'), $expected, $_
        for "${next}T01:30:00+0200", "${day}+12:00:00++0200";
};

subtest 'what is refused, and why' => sub {
    my $form = 'is neither a date YYYY-MM-DD nor a time like 2026-11-02T15:30:00Z';
    my ($none, $clock, $zone) = ('is no day of the calendar', 'is no time of the day: 23:59:59 is the last one',
        'has an offset from UTC beyond 23:59');
    for (['tomorrow', $form], ['20260615', $form], ['2026-06-15T10', $form], ['2026-06-15T10:00 Uhr', $form],
        ['2026-02-29', $none], ['0000-00-00', $none], ['2026-13-01T10:00:00Z', $none], ['2026-06-15T24:00:00Z', $clock],
        ['2026-06-15T10:00:60Z', $clock], ['2026-06-15T10:00:00+24:00', $zone])
    {
        my ($text, $why) = @$_;
        for my $name (qw(StartDate EndDate)) {
            my $res = answer("/invoices?$name=" . encode($text));
            is "$res->{status} $res->{content}", qq(400 {"Error":"$name parameter is invalid: it $why"}), "$name=$text";
        }
        my $res = answer('/customerPricing?CustomerIDs=101&EffectiveDate=' . encode($text));
        is $res->{content}, qq({"Error":"EffectiveDate parameter is invalid: it $why"}), "EffectiveDate=$text";
    }
};

subtest 'a day is taken to its last moment' => sub {
    my ($id, $day) = @{ (sql($db, "SELECT invoice_id, DATE(date) FROM invoice WHERE date BETWEEN '2025-01-01'"
        . " AND '2027-12-31' ORDER BY date, invoice_id LIMIT 1"))[0] };
    my $next = column("SELECT DATE('$day') + INTERVAL 1 DAY");
    for (["$day 00:00:00.000", $day], ["$day 23:59:59.999", $day], ["$next 00:00:00.000", $next]) {
        my ($time, $on) = @$_;
        sql($db, "UPDATE invoice SET date = '$time' WHERE invoice_id = $id");
        for ($day, $next) {
            my $found = grep { $_ == $id } split /,/, ids("/invoices?$status&StartDate=$_&EndDate=$_", 'InvoiceID');
            is $found, $_ eq $on ? 1 : 0, "$time: " . ($_ eq $on ? '' : 'not ') . "on $_";
        }
    }
};
# What another program stored without strict mode: '0000-00-00' is no date for any client.
subtest 'zero dates' => sub {
    my $id = column("SELECT MIN(invoice_id) FROM invoice WHERE date BETWEEN '2025-01-01' AND '2027-12-31'");
    sql($db, "SET sql_mode = ''; UPDATE invoice SET due_date = '0000-00-00', po_date = '2026-00-00' WHERE invoice_id = $id");
    my $res = answer("/invoices/$id");
    my ($row) = @{ $h->json($res)->{Data} };
    is $row->{PODate}, undef, 'null';
    is $row->{DueDate}, $row->{Date}, 'one that is never null: as if nothing had been said';
    my $promotion = column('SELECT MIN(promotion_id) FROM promotion');
    sql($db, "SET sql_mode = ''; UPDATE promotion SET end_date = '0000-00-00' WHERE promotion_id = $promotion");
    ($row) = grep { $_->{PromotionID} == $promotion } @{ $h->json(answer('/promotionsProducts'))->{Data} };
    is $row->{EndDate}, undef, 'a day, too';
};

# Half away from zero, on both sides of it, and no negative zero: what the database rounds is what is documented.
subtest 'rounding' => sub {
    my ($id, $line) = @{ (sql($db, 'SELECT invoice_id, invoice_trans_id FROM invoice_line LIMIT 1'))[0] };
    for (['0.005', '0.01'], ['-0.005', '-0.01'], ['0.004999', '0.00'], ['-0.004999', '0.00'], ['-0.000001', '0.00'],
        ['99999999.995', '100000000.00'])
    {
        my ($stored, $shown) = @$_;
        sql($db, "UPDATE invoice_line SET cases = $stored WHERE invoice_trans_id = $line");
        my ($row) = grep { $_->{InvoiceTransID} == $line } @{ $h->json(answer("/invoiceTransactions/$id?PageSize=500"))->{Data} };
        is $row->{Cases}, $shown, "$stored with two decimals";
    }
};
$h->log_ok;
done_testing;
