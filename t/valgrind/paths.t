#!/usr/bin/perl
# The main paths of a child, each once, for t/valgrind/run, which looks at what memcheck says of them. Also without it a test
# that they answer.
# SPDX-License-Identifier: Apache-2.0
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use JSON::PP ();
use KissTest;
use MIME::Base64 ();
use Test::More;

# One child, few threads: what is shown is memory, not concurrency (t/sanitizer has that).
my @one = (processes => 1, threads => 4, pool => 'keep=1 max=2');
my @handlers = map {qq(<Location "/kiss-$_">\n    SetHandler kiss-$_\n</Location>\n)} qw(metrics status);

sub customer {
    my $db = new_database('paths');
    import_sample($db);
    my $key = issue_key('ACME01');
    my $h = start_httpd(@one, config => "@handlers", location => 'KissFeedBasic On');
    my @auth = (Authorization => 'Bearer ' . $h->token('ACME01', $key));
    my @gzip = ('Accept-Encoding' => 'gzip');
    my $old;

    # Built, kept, compressed, in other formats, in part.
    for my $list (qw(/products /stock /prices)) {
        my $built = $h->get($list, @auth);
        is $built->{status}, 200, "$list is built";
        is $h->get($list, @auth)->{content}, $built->{content}, '... and kept';
        is $h->get($list, @auth, 'If-None-Match' => $built->{headers}{etag})->{status}, 304, '... and not sent again';
        is $h->get($list, @auth, @gzip)->{headers}{'content-encoding'}, 'gzip', '... and compressed';
        is $h->get($list, @auth, Range => 'bytes=5-20')->{status}, 206, '... and sent in part';
        is $h->get($list, @auth, Range => 'bytes=0-3,10-12')->{status}, 206, '... and in parts';
        is $h->get($list, @auth, 'If-Match' => '"other"')->{status}, 412, '... and not the one that is wanted';
        is $h->get($list, @auth, Accept => $_)->{status}, 200, "... as $_" for 'text/csv', 'application/x-ndjson';
        $old = $built->{headers}{etag} if $list eq '/prices';
    }

    # Patched, and the difference.
    sql($db, 'UPDATE price SET unit_price = unit_price + 1 ORDER BY sku LIMIT 9');
    my $delta = $h->get('/prices', @auth, 'A-IM' => 'sku-delta', 'If-None-Match' => $old);
    is $delta->{status}, 226, 'what has changed';
    isnt $h->get('/prices', @auth, @gzip)->{headers}{etag}, $old, 'the list is another one, compressed again';

    # All other endpoints, and what is refused.
    is $h->get($_, @auth)->{status}, 200, $_ for qw(/products/schema /api/version /health /openapi.json
        /.well-known/oauth-protected-resource /.well-known/oauth-authorization-server);
    is $h->get('/prices', Authorization => 'Basic ' . MIME::Base64::encode_base64("ACME01:$key", ''))->{status}, 200, 'Basic';
    is $h->get('/prices', Authorization => "Bearer $_")->{status}, 401, 'a wrong token' for 'x', 'a.b.c';
    is $h->post('/auth/token', { grant_type => 'client_credentials', client_id => 'ACME01', client_secret => 'x' })->{status}, 401,
        'a wrong key';
    is $h->get('/nothing', @auth)->{status}, 404, 'no endpoint';
    is $h->post('/prices', {}, @auth)->{status}, 405, 'a wrong method';
    is $h->get($_)->{status}, 200, $_ for qw(/kiss-metrics /kiss-status /kiss-status?json);

    # Reloaded, with what was kept.
    $h->graceful;
    is $h->get($_, @auth)->{status}, 200, "$_ after a reload" for qw(/products /prices /kiss-metrics);
    $h->stop;
    return;
}

sub kss {
    my $db = new_database('paths_kss', api => 'kss');
    import_kss($db, top() . '/sql/sample-kss');
    my %key = map { $_ => issue_kss_key(type => $_, $_ eq 'employee' ? () : (ids => [1 .. 5])) } qw(employee customer supplier);
    my $h = start_httpd(@one, api => 'kss');

    for my $role (sort keys %key) {
        my @auth = ('x-api-key' => $key{$role});
        my $page = $h->get('/api/v1/invoices?PageSize=5', @auth);

        is $page->{status}, 200, "a page for a $role";
        is $h->get('/api/v1/invoices?PageSize=5', @auth, 'If-None-Match' => $page->{headers}{etag})->{status}, 304, '... once';
        is $h->get('/api/v1/invoices?Page=2&PageSize=5', @auth)->{status}, 200, '... the next one';
        is $h->get('/api/v1/invoices?PageSize=x', @auth)->{status}, 400, '... a wrong one';
        is $h->get('/api/v1/openapi.json', @auth)->{status}, 200, '... the document';
    }
    my ($row) = @{ $h->json($h->get('/api/v1/products?PageSize=1', 'x-api-key' => $key{employee}))->{Data} };
    ok $row, 'products';
    my ($paid) = sql($db, 'SELECT p.payment_invoice_num, i.invoice_num, p.ar_account_id FROM payment p'
        . ' JOIN invoice i ON i.ar_account_id = p.ar_account_id WHERE p.amount > 1 ORDER BY p.payment_id, i.invoice_id LIMIT 1');
    my $body = JSON::PP->new->encode({ PaymentInvoiceNum => $paid->[0], TargetInvoiceNum => $paid->[1],
        ARAccountID => $paid->[2], Amount => '0.01' });
    my $stored = $h->post('/api/v1/payments/applications', $body, 'x-api-key' => $key{employee}, 'Content-Type' => 'application/json',
        'Idempotency-Key' => 'one');
    cmp_ok $stored->{status}, '<', 300, 'a payment is allocated' or diag $stored->{content};
    is $h->post('/api/v1/payments/applications', '{', 'x-api-key' => $key{employee}, 'Content-Type' => 'application/json')->{status},
        400, 'a broken body';
    is $h->get('/api/v1/invoices', 'x-api-key' => 'x')->{status}, 401, 'a wrong key';
    $h->graceful;
    is $h->get('/api/v1/invoices', 'x-api-key' => $key{employee})->{status}, 200, 'after a reload';
    $h->stop;
    return;
}

customer();
kss();
done_testing;
