#!/usr/bin/perl
# Product data written over HTTPS: what a PIM does, and that the next poll of a customer shows it.
# SPDX-License-Identifier: Apache-2.0
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use JSON::PP ();
use KissTest;
use KissTest::Admin;
use Test::More;

my ($db, $h) = start_admin('admin');
ok $h->checked, 'the databases are checked';
my ($token) = { admin_headers() }->{Authorization} =~ /(\S+)\z/;
my @customer = customer_headers();

# What the known connector sends of a product: 22 members, and five arrays as null.
sub payload {
    my (%with) = @_;
    my %p = map { $_ => '' } qw(sku name description washingInstructions gender audience mainColour barcode photo theme amazonASIN countryOfOrigin status);
    $p{$_} = 0 for qw(packagedLength_in_cm packagedWidth_in_cm packagedHeight_in_cm packagedWeight_in_g cartonLength_in_cm cartonWidth_in_cm
        cartonHeight_in_cm cartonWeight_in_g cartonQty);
    $p{$_} = undef for qw(images accessories substitutions compositions prices);
    return { %p, %with };
}

# The product in the customer's list, asked for now.
sub listed {
    my ($sku) = @_;
    my ($p) = grep { $_->{SKU} eq $sku } @{ $h->json($h->get('/products', @customer)) };
    return $p;
}

subtest 'a new product' => sub {
    my $r = ask(GET => '/admin/products/NEW-1');
    is $r->{status}, 404, 'absent';
    is error_of($r), "There is no product 'NEW-1'.", '... in a sentence';
    $r = ask(POST => '/admin/products', payload(sku => 'NEW-1', name => 'Cape', packagedLength_in_cm => 30.5, status => 'ACTIVE'));
    is $r->{status}, 201, 'created';
    is $r->{headers}{location}, '/admin/products/NEW-1', '... with its Location';
    my $p = $h->json($r);
    is $p->{name}, 'Cape', '... with its name';
    is $p->{packagedLength_in_cm}, 30.5, '... and its length';
    is $p->{owner}, 'pim', '... and whose it is';
    is_deeply $p->{images}, [], '... and no images';
    my $got = ask(GET => '/admin/products/NEW-1');
    is $got->{status}, 200, 'there';
    is $got->{content}, $r->{content}, '... as it was answered';
    is $got->{headers}{etag}, $r->{headers}{etag}, '... with the same ETag';
    is ask(GET => '/admin/products/NEW-1', undef, 'If-None-Match' => $got->{headers}{etag})->{status}, 304, '... unchanged';
    $r = ask(POST => '/admin/products', payload(sku => 'NEW-1', name => 'Other'));
    is $r->{status}, 409, 'a second time';
    like error_of($r), qr/^There is a product 'NEW-1' already/, '... in a sentence';
    is $h->json(ask(GET => '/admin/products/NEW-1'))->{name}, 'Cape', '... changes nothing';
};

subtest 'the next poll shows it' => sub {
    my $tag = $h->get('/products', @customer)->{headers}{etag};
    is listed('NEW-1'), undef, 'without a price it is in no list';
    my $r = ask(PUT => '/admin/products/NEW-1', payload(sku => 'NEW-1', name => 'Cape', status => 'ACTIVE',
            prices => [{ priceListCode => 'UKTRADE', unitPrice => '19.95', moq => 1 }]));
    is $r->{status}, 200, 'a price' or diag $r->{content};
    is listed('NEW-1')->{Name}, 'Cape', 'it is in the list';
    my $new = $h->get('/products', @customer, 'If-None-Match' => $tag);
    is $new->{status}, 200, 'another list';
    $tag = $new->{headers}{etag};
    is ask(PUT => '/admin/products/NEW-1', payload(sku => 'NEW-1', name => 'Long cape', status => 'ACTIVE'))->{status}, 200, 'another name';
    is listed('NEW-1')->{Name}, 'Long cape', '... at once';
    is $h->json(ask(GET => '/admin/products/NEW-1'))->{prices}[0]{unitPrice}, 19.95, 'null leaves the prices';
    is $h->get('/products', @customer, 'If-None-Match' => $tag)->{status}, 200, 'another list again';
    $tag = $h->get('/products', @customer)->{headers}{etag};
    $r = ask(PUT => '/admin/products/NEW-1', payload(sku => 'NEW-1', name => 'Long cape', status => 'ACTIVE'));
    is $r->{status}, 200, 'the same again';
    is $r->{headers}{'kiss-changed'}, 'false', '... says that nothing changed';
    is $h->get('/products', @customer, 'If-None-Match' => $tag)->{status}, 304, '... and is no other list';
    is ask(DELETE => '/admin/products/NEW-1')->{status}, 204, 'removed';
    is listed('NEW-1'), undef, '... at once';
    is ask(DELETE => '/admin/products/NEW-1')->{status}, 404, '... once';
    is ask(GET => '/admin/products/NEW-1')->{status}, 404, '... and absent';
};

subtest 'a product that comes back' => sub {
    my $prices = sub { return [map { { priceListCode => $_->[0], unitPrice => $_->[1], moq => 1, orderMultiple => 1, discountEligible => JSON::PP::true } } @_] };
    my $has = sub { return join ' ', map {"$_->{priceListCode} $_->{unitPrice}"} @{ $h->json($_[0])->{prices} } };
    is ask(POST => '/admin/products', { sku => 'BACK-1', prices => $prices->(['UKTRADE', 5], ['EUTRADE', 6]) })->{status}, 201, 'made';
    is ask(DELETE => '/admin/products/BACK-1')->{status}, 204, '... and removed: its prices stay';
    my $r = ask(POST => '/admin/products', { sku => 'BACK-1', name => 'again', prices => $prices->(['UKTRADE', 7]) });
    is $r->{status}, 201, 'made again, with prices of its own' or diag $r->{content};
    is $has->($r), 'UKTRADE 7', '... which are all that it has' if $r->{status} == 201;
    is listed('BACK-1')->{Name}, 'again', '... in the list';
    ask(DELETE => '/admin/products/BACK-1');
    $r = ask(POST => '/admin/products', { sku => 'BACK-1', name => 'third' });
    is $r->{status}, 201, 'made again, without prices';
    is $has->($r), 'UKTRADE 7', '... it has those that are there';
    is ask(DELETE => '/admin/products/BACK-1')->{status}, 204, 'removed';
    is $has->(ask(POST => '/admin/products', { sku => 'BACK-1', prices => [] })), '', '... and made without any';
    is ask(DELETE => '/admin/products/BACK-1')->{status}, 204, 'removed';
};

subtest 'arrays, absent members, null' => sub {
    my ($sku) = map { $_->[0] } sql($db, 'SELECT sku FROM product_image GROUP BY sku ORDER BY COUNT(*) DESC, sku LIMIT 1');
    my $before = $h->json(ask(GET => "/admin/products/$sku"));
    is $before->{owner}, 'import', 'a product of the import';
    cmp_ok scalar @{ $before->{images} }, '>', 0, '... with images';
    my $r = ask(PUT => "/admin/products/$sku", $before);
    is $r->{status}, 200, 'what was read can be written';
    is $r->{headers}{'kiss-changed'}, 'false', '... and changes nothing';
    is $h->json($r)->{owner}, 'pim', '... but whose it is';
    $r = ask(PUT => "/admin/products/$sku", { theme => 'Another' });
    is_deeply $h->json($r), { %$before, theme => 'Another', owner => 'pim' }, 'absent members keep their values';
    $r = ask(PUT => "/admin/products/$sku", { theme => undef, images => [] });
    is $h->json($r)->{theme}, '', 'null empties a text';
    is_deeply $h->json($r)->{images}, [], '[] empties an array';
    my $images = [{ imageID => 'a', fileName => 'a.jpg', isPrimaryImage => JSON::PP::true }, { imageID => 'b', fileName => 'b.jpg', isPrimaryImage => JSON::PP::false }];
    is_deeply $h->json(ask(PUT => "/admin/products/$sku", { images => $images }))->{images}, $images, 'an array replaces';
    $images->[1]{fileName} = 'c.jpg';
    is_deeply $h->json(ask(PUT => "/admin/products/$sku", { images => $images }))->{images}, $images, '... again';
    is_deeply [map { $_->{FileName} } @{ listed($sku)->{ProductImages} }], ['a.jpg', 'c.jpg'], '... in the list'
        if listed($sku);
    my @audit = sql($db, "SELECT admin_code, method, members FROM admin_audit WHERE sku = '$sku' ORDER BY audit_id");
    is_deeply [map { join ' ', @$_ } @audit], ['pim PUT ', 'pim PUT theme', 'pim PUT theme,images', 'pim PUT images', 'pim PUT images'],
        'the audit has each write that changed something';
};

subtest 'null is the same the next time' => sub {
    my %nothing = map { $_ => undef } keys %{ payload() };
    is ask(POST => '/admin/products', { %nothing, sku => 'NULL-1', name => 'Nothing' })->{status}, 201, 'a product of which nothing is known';
    my $r = ask(PUT => '/admin/products/NULL-1', { %nothing, sku => 'NULL-1', name => 'Nothing' });
    is $r->{headers}{'kiss-changed'}, 'false', '... is not changed by null';
    $r = ask(PUT => '/admin/products/NULL-1', $h->json($r));
    is $r->{headers}{'kiss-changed'}, 'false', '... nor by what was answered';
};

subtest 'kissctl audit' => sub {
    my $r = ask(POST => '/admin/products', { sku => 'AUDIT-1', name => 'x' }, 'X-Request-Id' => 'from-the-pim');
    is $r->{headers}{'x-request-id'}, 'from-the-pim', 'a request id of the client';
    ask(PUT => '/admin/products/AUDIT-1', { name => 'y', theme => 'z' });
    ask(PUT => '/admin/products/AUDIT-1', { name => 'y' });
    ask(DELETE => '/admin/products/AUDIT-1');
    my @rows = @{ JSON::PP->new->decode(kissctl_ok('--json', 'audit', 'AUDIT-1')) };
    is_deeply [map { "$_->{AdminCode} $_->{Method} $_->{SKU}" } @rows], [map {"pim $_ AUDIT-1"} qw(DELETE PUT POST)], 'who did what, the newest first';
    is $rows[2]{RequestID}, 'from-the-pim', '... by which request';
    is $rows[1]{Members}, 'name,theme', '... and what changed';
    like $rows[0]{WrittenAt}, qr/\A\d{4}-\d\d-\d\dT[\d:.]+Z\z/, '... and when';
    cmp_ok scalar @{ JSON::PP->new->decode(kissctl_ok('--json', 'audit')) }, '>', 5, 'of all products';
    my ($rc, $out, $err) = kissctl('audit', '--days', 'x');
    is $rc, 2, 'days that are none';
    isnt eval { sql_as_writer('UPDATE admin_audit SET sku = 1'); 1 }, 1, 'the account that writes cannot change it';
    isnt eval { sql_as_writer('DELETE FROM admin_audit'); 1 }, 1, '... nor remove from it';
    isnt eval { sql_as_writer('SELECT * FROM customer'); 1 }, 1, '... and sees no customer';
    is eval { sql_as_writer('SELECT 1 FROM product LIMIT 1'); 1 }, 1, '... but products';
};

subtest 'kissctl audit purge' => sub {
    kissctl_ok('admin', 'add', 'old');
    my $row = sub { my ($days, $code, $sku) = @_; return "(UTC_TIMESTAMP(6) - INTERVAL $days DAY, '$code', 'PUT', 'product', '', '$sku', 'name', 'x')" };
    my $insert = 'INSERT INTO admin_audit (written_at, admin_code, method, dataset, scope, sku, members, request_id) VALUES ';
    my $left = sub { return join ' ', map { $_->[0] } sql($db, "SELECT sku FROM admin_audit WHERE sku LIKE 'PURGE-%' ORDER BY sku") };
    my ($others) = map { $_->[0] } sql($db, 'SELECT COUNT(*) FROM admin_audit');
    # The numbers of rows do not follow their times everywhere: those of a cluster's nodes are interleaved.
    sql($db, $insert . join ', ', $row->(40, 'pim', 'PURGE-1'), $row->(29, 'pim', 'PURGE-2'), $row->(31, 'pim', 'PURGE-3'), $row->(31, 'old', 'PURGE-4'), $row->(50, 'old', 'PURGE-5'));
    sql($db, $insert . join ', ', map { $row->(60, 'pim', sprintf 'PURGE-X%05d', $_) } 1 .. 12_000);
    is((kissctl('audit', 'purge'))[0], 2, 'how old must be said');
    is((kissctl('audit', 'purge', '--days', $_))[0], 2, "--days '$_'") for 0, -1, 'x', '30d';
    my $plan = JSON::PP->new->decode(kissctl_ok('--json', 'audit', 'purge', '--days', 30, '--dry-run'));
    is_deeply $plan, { Days => 30, Removed => 12_003 }, '--dry-run says what it would remove';
    is scalar(split ' ', $left->()), 12_005, '... and removes nothing';
    like kissctl_ok('audit', 'purge', '--days', 30), qr/^removed: 12003 rows of the audit, older than 30 days$/, 'removed';
    is $left->(), 'PURGE-2 PURGE-4', '... those alone; the last write of each client stays';
    is +(sql($db, 'SELECT COUNT(*) FROM admin_audit'))[0][0], $others + 2, '... and all others';
    my ($client) = grep { $_->{AdminCode} eq 'old' } @{ JSON::PP->new->decode(kissctl_ok('--json', 'admin', 'list')) };
    like $client->{LastWriteAt}, qr/^\d{4}-/, '... which admin list shows';
    like kissctl_ok('audit', 'purge', '--days', 30), qr/^removed: 0 rows/, 'nothing more the next time';
};

# What the account of KissAdminDatabase may do; dies with what the server says.
sub sql_as_writer {
    my ($sql) = @_;
    my $s = db_server();
    my ($rc, $out, $err) = run({ stdin => $sql, env => { MYSQL_PWD => $s->password('kiss_write') } }, 'mariadb', '--no-defaults', '--skip-ssl', '-S', $s->{socket}, '-u', 'kiss_write', $db);
    die $err if $rc;
    return $out;
}

subtest 'If-Match' => sub {
    my ($sku) = map { $_->[0] } sql($db, 'SELECT sku FROM product ORDER BY sku LIMIT 1');
    my $tag = ask(GET => "/admin/products/$sku")->{headers}{etag};
    my $r = ask(PUT => "/admin/products/$sku", { theme => 'one' }, 'If-Match' => $tag);
    is $r->{status}, 200, 'the state that was read';
    is ask(PUT => "/admin/products/$sku", { theme => 'two' }, 'If-Match' => $tag)->{status}, 412, 'not any more';
    is ask(DELETE => "/admin/products/$sku", undef, 'If-Match' => $tag)->{status}, 412, 'nor to remove it';
    is ask(PUT => "/admin/products/$sku", { theme => 'two' }, 'If-Match' => $r->{headers}{etag})->{status}, 200, 'the state that was answered';
    is ask(PUT => "/admin/products/$sku", { theme => 'three' }, 'If-None-Match' => '*')->{status}, 412, 'If-None-Match: *';
    is ask(PUT => '/admin/products/NONE', { theme => 'three' }, 'If-Match' => '*')->{status}, 412, 'If-Match: * where there is none';
    is ask(PUT => '/admin/products/NONE', { theme => 'three' })->{status}, 404, 'and without';
};

subtest 'SKUs in paths' => sub {
    for my $sku ('A B', 'A+B', 'A%B', "\xc3\xa4-1", 'a;b=c', 'x?y#z') {
        my $name = JSON::PP->new->utf8->decode(encode([$sku]))->[0];
        utf8::decode($name);
        my $r = ask(POST => '/admin/products', encode({ sku => $name, name => 'n' }));
        is $r->{status}, 201, "POST $sku" or diag $r->{content};
        # As PHP's urlencode() and as other programs write it.
        my $form = join '', map { $_ eq ' ' ? '+' : /[A-Za-z0-9_.-]/ ? $_ : sprintf '%%%02X', ord } split //, $sku;
        my $percent = $form =~ s/\+/%20/gr;
        is $r->{headers}{location} =~ s/%[0-9a-f]{2}/\U$&/gr, "/admin/products/$form", '... Location';
        is $h->json(ask(GET => "/admin/products/$_"))->{sku}, $name, "GET $_" for $form, $percent;
        is ask(DELETE => "/admin/products/$form")->{status}, 204, 'DELETE';
    }
};

subtest 'kissctl doctor' => sub {
    my $found = sub {
        my ($rc, $out) = kissctl({ defaults => db_server()->{dir} . "/$db.root.cnf" }, qw(doctor --json));
        return map { "$_->{State} $_->{Finding}" } grep { $_->{Check} eq 'rights of who writes' } @{ JSON::PP->new->utf8->decode($out) };
    };
    is_deeply [$found->()], [q{ok 'kiss_write'@'localhost' may do what it needs and nothing else}], 'the account that writes';
    sql($db, "GRANT DELETE ON admin_audit TO 'kiss_write'\@'localhost'; REVOKE INSERT ON price FROM 'kiss_write'\@'localhost'");
    is_deeply [sort $found->()], [q{PROBLEM 'kiss_write'@'localhost' lacks INSERT ON price}, q{warning 'kiss_write'@'localhost' may do more than it needs: DELETE ON admin_audit}],
        '... with other rights';
    sql($db, "REVOKE DELETE ON admin_audit FROM 'kiss_write'\@'localhost'");
    grant_admin();
    is scalar($found->()), 1, '... and with the right ones again';
};

subtest 'SKUs with a slash' => sub {
    is ask(POST => '/admin/products', { sku => 'A/B', name => 'n' })->{status}, 201, 'made';
    is ask(GET => '/admin/products/A%2FB')->{status}, 404, 'httpd refuses its path';
    for my $how (qw(NoDecode On)) {
        my $s = start_httpd(admin => '', config => "AllowEncodedSlashes $how");
        my @as = (Authorization => 'Bearer ' . admin_token($s, "slash-$how"));
        my $r = $s->get('/admin/products/A%2FB', @as);
        is $r->{status}, 200, "AllowEncodedSlashes $how";
        is $s->json($r)->{sku}, 'A/B', '... it is that SKU';
        is $s->get('/admin/products/A/B', @as)->{status}, 200, '... and so it is as it stands';
        $s->log_ok;
    }
};

subtest 'the path is what httpd takes it for' => sub {
    is ask(POST => '/admin/products', { sku => 'DOT 1' })->{status}, 201, 'a product';
    my $status = sub {
        my ($method, $path, $body) = @_;
        my $answer = $h->raw("$method $path HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer $token\r\nContent-Type: application/json\r\nConnection: close\r\n"
                . 'Content-Length: ' . length($body) . "\r\n\r\n$body");
        return $answer =~ m{^HTTP/1.1 (\d+) } ? $1 : $answer;
    };
    is $status->(GET => "/admin/$_", ''), 200, $_
        for 'products/x/../DOT%201', 'products/./DOT+1', 'products//DOT+1', 'products/../products/DOT%201', '%70roducts/DOT+1', 'products/DOT+1?x=/admin/products/y';
    # A section of httpd for one warehouse must not let in what is written to another.
    is $status->(PUT => '/admin/stock/NL01/x/../../UK01/DOT+1', '{"availableQTY":1}'), 201, 'two values with .. between them';
    is_deeply [sql($db, "SELECT stock_location, sku FROM stock WHERE sku LIKE '%DOT%'")], [['UK01', 'DOT 1']], '... are those of the path without it';
};

subtest 'a SKU that no path can have' => sub {
    for my $sku ('.', '..') {
        my $r = ask(POST => '/admin/products', { sku => $sku });
        is $r->{status}, 400, "'$sku'";
        is error_of($r), "sku: '$sku' cannot be part of a path.", '... says so';
        $r = ask(PATCH => '/admin/stock', [{ stockLocation => 'UK01', sku => $sku, availableQTY => 1 }]);
        is $r->{status} . error_of($r), "400[0]: sku: '$sku' cannot be part of a path.", '... nor among many rows: nobody could read or remove it';
    }
    is ask(POST => '/admin/products', { sku => '...' })->{status}, 201, 'any other one';
};

subtest 'the document' => sub {
    my $r = ask(GET => '/admin/openapi.json');
    is $r->{status}, 200, 'an OpenAPI document of its own';
    my $d = $h->json($r);
    is_deeply [sort keys %{ $d->{paths} }], ['/admin/openapi.json', '/admin/prices/{priceListCode}/{sku}', '/admin/products', '/admin/products/{sku}', '/admin/stock',
        '/admin/stock/{stockLocation}/{sku}', '/auth/token'], '... of the admin endpoints';
    is ask(GET => '/admin/openapi.json', undef, 'If-None-Match' => $r->{headers}{etag})->{status}, 304, '... unchanged';
    is $h->get('/admin/openapi.json', @customer)->{status}, 403, '... not for customers';
    unlike $h->get('/openapi.json')->{content}, qr/admin/i, "the customers' document knows nothing of them";
};

$h->log_ok;
done_testing;
