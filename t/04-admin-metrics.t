#!/usr/bin/perl
# What is counted of product data written over HTTPS, in the metrics and on the page: as many as were done, and nothing of what was not.
# SPDX-License-Identifier: Apache-2.0
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use KissTest;
use KissTest::Admin;
use KissTest::Metrics;
use Test::More;

my ($db, $h) = start_admin('admin_metrics', processes => 2,
    config => metrics_location() . qq(<Location "/kiss-status">\n    SetHandler kiss-status\n</Location>\n));
my ($sku) = map { $_->[0] } sql($db, "SELECT sku FROM stock WHERE stock_location = 'UK01' ORDER BY sku LIMIT 1");

sub n { return metrics_sum(@_) }

# Requests that reach the admin endpoints, and what each is to be counted as.
my $stock = "/admin/stock/UK01/$sku";
my @requests = (
    [201, 'admin-products-post created', POST => '/admin/products', { sku => 'COUNT-1', name => 'One' }],
    [409, 'admin-products-post conflict', POST => '/admin/products', { sku => 'COUNT-1', name => 'One' }],
    [400, 'admin-products-post refused', POST => '/admin/products', { sku => 'COUNT-2', size => 1 }],
    [400, 'admin-products-post refused', POST => '/admin/products', '{'],
    [200, 'admin-product-put changed', PUT => '/admin/products/COUNT-1', { name => 'Two' }],
    [200, 'admin-product-put unchanged', PUT => '/admin/products/COUNT-1', { name => 'Two' }],
    [412, 'admin-product-put conflict', PUT => '/admin/products/COUNT-1', { name => 'Three' }, 'If-Match' => '"no"'],
    [404, 'admin-product-put refused', PUT => '/admin/products/COUNT-2', { name => 'Three' }],
    [400, 'admin-product-put refused', PUT => '/admin/products/COUNT-1', 'name=x', 'Content-Type' => 'application/x-www-form-urlencoded'],
    [200, 'admin-stock-put changed', PUT => $stock, { availableQTY => 7 }, 'Idempotency-Key' => 'seven'],
    [200, 'admin-stock-put repeated', PUT => $stock, { availableQTY => 7 }, 'Idempotency-Key' => 'seven'],
    [204, 'admin-stock-delete removed', DELETE => $stock],
    [404, 'admin-stock-delete refused', DELETE => $stock],
    [201, 'admin-stock-put created', PUT => $stock, { availableQTY => 1 }],
    [200, 'admin-stocks-patch changed', PATCH => '/admin/stock', [map { { stockLocation => 'UK01', sku => $_->[0], availableQTY => $_->[1] } }
        [$sku, 1], ['COUNT-1', 5], ['COUNT-3', 6]], 'Idempotency-Key' => 'rows'],
    [200, 'admin-stocks-patch repeated', PATCH => '/admin/stock', [map { { stockLocation => 'UK01', sku => $_->[0], availableQTY => $_->[1] } }
        [$sku, 1], ['COUNT-1', 5], ['COUNT-3', 6]], 'Idempotency-Key' => 'rows'],
    [200, 'admin-stocks-patch changed', PATCH => '/admin/stock', [{ stockLocation => 'UK01', sku => 'COUNT-1', availableQTY => 8 }]],
    [200, 'admin-stocks-patch unchanged', PATCH => '/admin/stock', [{ stockLocation => 'UK01', sku => 'COUNT-1', availableQTY => 8 }]],
    [400, 'admin-stocks-patch refused', PATCH => '/admin/stock', [{ stockLocation => 'UK01', sku => 'COUNT-4', availableQTY => 8 },
        { stockLocation => 'UK01', sku => 'COUNT-5', availableQTY => -1 }]],
    [204, 'admin-product-delete removed', DELETE => '/admin/products/COUNT-1'],
);
# Those that write nothing, or do not come so far.
my @others = (
    [200, GET => '/admin/products?limit=1'], [200, GET => $stock], [405, PATCH => '/admin/products'], [401, PUT => $stock, '{}', Authorization => 'Bearer x'],
);


my (%want, %method);
for (@requests, map { [$_->[0], '', @$_[1 .. $#$_]] } @others) {
    my ($status, $what, @request) = @$_;
    is ask(@request)->{status}, $status, "$request[0] $request[1]: $status";
    $want{$what}++ if $what;
    $method{$request[0]}++;
}
my $all = @requests + @others;

subtest 'metrics' => sub {
    my $m = metrics_when($h, sub { my $n = 0; $n += n($_[0], 'kiss_requests_total', method => $_) for keys %method; return $n >= $all + 2 });
    is n($m, 'kiss_requests_total', method => $_), $method{$_} + ($_ eq 'POST' ? 2 : 0), "method $_, two tokens included" for sort keys %method;
    is n($m, 'kiss_requests_total', method => 'other'), 0, '... and no others';
    my %is;
    for my $series (grep {/^kiss_writes_total/} keys %$m) {
        my %label = $series =~ /(\w+)="([^"]*)"/g;
        $is{"$label{endpoint} $label{result}"} = $m->{$series} if $m->{$series} > 0;
    }
    is_deeply \%is, \%want, 'writes, by what became of them' or diag explain \%is;
    is_deeply [grep { !/endpoint="admin-[\w-]+-(?:post|put|delete|patch)"/ } grep {/^kiss_writes?_/} keys %$m], [], '... of endpoints that write alone';
    is join(' ', map { n($m, 'kiss_write_rows_total', endpoint => 'admin-stocks-patch', result => $_) } qw(created changed unchanged)), '2 1 2',
        'rows of many';
    is n($m, 'kiss_write_rows_total'), 5, '... of nothing else';
    my ($audited) = map { $_->[0] } sql($db, 'SELECT COUNT(*) FROM admin_audit');
    is n($m, 'kiss_write_audit_rows_total'), $audited, "rows of the audit: as many as it has";
    $h->log_ok;
};

subtest 'connections of the account that writes' => sub {
    my $m = metrics($h);
    my %of = (api => 'customer', database => 'writer');
    my ($known) = map { $_->[0] } sql(undef, "SELECT COUNT(*) FROM information_schema.processlist WHERE db = '$db' AND user = 'kiss_write'");
    cmp_ok $known, '>', 0, 'there are some';
    is n($m, 'kiss_database_connections', %of), $known, '... as many as the server knows';
    is n($m, 'kiss_database_connections', %of, state => 'in_use'), 0, '... none in use';
    cmp_ok n($m, 'kiss_database_connections_max', %of), '>', 0, '... of those that there may be';
    is n($m, 'kiss_cache_entries', database => 'writer') . scalar(grep {/^kiss_(?:warm|cache)_.*writer/} keys %$m), '00', '... and no lists';
    my @databases = map { $_->{database} } @{ $h->json($h->get('/kiss-status?json'))->{databases} };
    is_deeply \@databases, ['customer', 'writer'], 'on the page, too';
};

subtest 'the page' => sub {
    my ($api) = @{ $h->json($h->get('/kiss-status?json'))->{apis} };
    my %of = map { $_->{endpoint} => $_->{writes} } grep { $_->{writes} } @{ $api->{endpoints} };
    is_deeply [sort keys %of], [sort { $a cmp $b } keys %{ { map { (split ' ')[0] => 1 } keys %want } }], 'endpoints that write';
    is $of{'admin-products-post'}{conflict}, 1, '... with their numbers';
    is_deeply { map { $_ => $of{'admin-stocks-patch'}{$_} } qw(repeated rows_created rows_changed rows_unchanged audit_rows) },
        { repeated => 1, rows_created => 2, rows_changed => 1, rows_unchanged => 2, audit_rows => 3 }, '... and rows';
    my $text = $h->get('/kiss-status')->{content} =~ s/<[^>]*>/ /gr =~ s/\s+/ /gr;
    like $text, qr/ Product data written .* admin-products-post 1 0 0 0 0 1 2 0 /, 'for people, too';
};

subtest 'nothing was written: nothing is counted as written' => sub {
    my $before = metrics($h);
    sql($db, "REVOKE INSERT ON $db.admin_audit FROM 'kiss_write'\@'localhost'");
    is ask(PUT => '/admin/stock/UK01/COUNT-1', { availableQTY => 77 })->{status}, 500, 'the audit fails';
    sql($db, "GRANT INSERT ON $db.admin_audit TO 'kiss_write'\@'localhost'");
    my $m = metrics_when($h, sub { n($_[0], 'kiss_writes_total') > n($before, 'kiss_writes_total') });
    is n($m, 'kiss_writes_total', result => 'failed'), 1, 'it failed';
    is n($m, 'kiss_write_audit_rows_total'), n($before, 'kiss_write_audit_rows_total'), '... and the audit has no other row';
    is n($m, 'kiss_writes_total', result => 'changed'), n($before, 'kiss_writes_total', result => 'changed'), '... nor was anything changed';
    $h->log_ok(qr/KISS0210: INSERT INTO admin_audit/);
};

done_testing;
