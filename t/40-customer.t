#!/usr/bin/perl
# The contract of the Customer API over the wire, on the sample data.
# SPDX-License-Identifier: Apache-2.0

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use IO::Uncompress::Gunzip ();
use JSON::PP ();
use MIME::Base64 ();
use Test::More;
use KissTest;
use KissTest::JSON;
use KissExpect;

# ---- the contract: names in order, with types; how many decimals a number has (0: none where it
# is whole)

my @PRICE = (
    [PriceListCode => 'string'], [PriceListName => 'string'], [CurrencyCode => 'string'], [SKU => 'string'],
    [PriceExclVAT => 'number', 4], [MOQ => 'number', 0], [OrderMultiple => 'number', 0]
);
my @STOCK = (
    [SKU => 'string'], [StockLocation => 'string'], [AvailableQTY => 'number', 0], [NextAvailableETA => 'date']
);
my @PRODUCT = (
    (map { [$_ => 'string'] } qw(SKU Name Description WebsiteDescription ProductCategoryCode WashingInstructions Gender
        Audience MainColour Barcode Photo Theme)),
    (map { [$_ => 'number', 2] } qw(PackagedLength_in_cm PackagedWidth_in_cm PackagedHeight_in_cm PackagedWeight_in_g
        CartonLength_in_cm CartonWidth_in_cm CartonHeight_in_cm CartonWeight_in_g)),
    [CartonQty => 'number', 0],
    (map { [$_ => 'string'] } qw(AmazonASIN CountryOfOrigin Status StyleCode CartonBarcode HSCode WhatsIncluded
        ProductCompositionText)),
    [ProductImages => 'array', [[ImageID => 'string'], [FileName => 'string'], [IsPrimaryImage => 'boolean']]],
    [ProductAccessories => 'array', [[AccessorySKU => 'string']]],
    [ProductSubstitutions => 'array', [[SubstituteSKU => 'string']]],
    [ProductComposition => 'array',
        [[MaterialCode => 'string'], [MaterialDescription => 'string'], [CompositionPercentage => 'number', undef]]],
    [ProductPrices => 'array', \@PRICE]
);
my %LIST = ('/products' => \@PRODUCT, '/stock' => \@STOCK, '/prices' => \@PRICE);
my $JSON = 'application/json; charset=utf-8';

my $db = new_database('customer');
import_sample($db);
my $h = start_httpd();
my %key = map { $_ => issue_key($_) } qw(ACME01 BEAU02 CIRC03 EMPT05 FLOO06);
my %token = map { $_ => $h->token($_, $key{$_}) } sort keys %key;

sub bearer { my ($customer) = @_; return (Authorization => "Bearer $token{$customer}") }
sub body { my ($res) = @_; return defined $res->{content} ? $res->{content} : '' }

# What is wrong with a list of rows: the first deviation, or ''.
sub deviation {
    my ($list, $fields) = @_;
    return 'not an array' if $list->[0] ne 'array';
    for my $row (@$list[1 .. $#$list]) {
        return 'a row is no object' if $row->[0] ne 'object';
        my @members = @$row[1 .. $#$row];
        my $names = join ' ', map { $_->[0] } @members;
        my $expected = join ' ', map { $_->[0] } @$fields;
        return "members: $names" if $names ne $expected;
        for my $i (0 .. $#members) {
            my $why = wrong_value($members[$i][1], $fields->[$i]);
            return "$fields->[$i][0]: $why" if $why;
        }
    }
    return '';
}

sub wrong_value {
    my ($value, $field) = @_;
    my ($name, $type, $more) = @$field;
    return deviation($value, $more) if $type eq 'array';
    if ($type eq 'date') {
        return '' if $value->[0] eq 'null' || ($value->[0] eq 'string' && $value->[1] =~ /^\d{4}-\d\d-\d\d$/);
        return "no date: @$value";
    }
    return "is @$value" if $value->[0] ne $type;
    return '' if $type ne 'number' || !defined $more;
    my $pattern = $more ? qr/^-?\d+\.\d{$more}$/ : qr/^-?\d+(?:\.\d*[1-9])?$/;
    return $value->[1] =~ $pattern ? '' : "is written $value->[1]";
}

# ---- the data endpoints

for my $path (sort keys %LIST) {
    my $res = $h->get($path, bearer('ACME01'));
    is $res->{status}, 200, "GET $path";
    is $res->{headers}{'content-type'}, $JSON, "$path: Content-Type";
    is $res->{headers}{'content-length'}, length $res->{content}, "$path: Content-Length";
    is $res->{headers}{'cache-control'}, 'private, no-cache', "$path: Cache-Control";
    like $res->{headers}{vary}, qr/\bAuthorization\b/, "$path: Vary names Authorization";
    like $res->{headers}{vary}, qr/\bAccept-Encoding\b/, "$path: Vary names Accept-Encoding";
    like $res->{headers}{etag}, qr/^"[\x21\x23-\x7e]+"$/, "$path: a strong ETag";
    is_deeply [grep {/^access-control/} keys %{ $res->{headers} }], [], "$path: no CORS";
    my $list = parse_json($res->{content});
    cmp_ok scalar @$list, '>', 20, "$path: has rows";
    is deviation($list, $LIST{$path}), '', "$path: names, order and types of every row";
    my $method = substr $path, 1;
    my ($same, $where) = same_json($res->{content}, KissExpect->new(top() . '/sql/sample')->$method('ACME01'));
    ok $same, "$path: the expected text" or diag $where;
    is $h->get("$path?customer=BEAU02&page=2&limit=1", bearer('ACME01'))->{content}, $res->{content},
        "$path: parameters change nothing";
}

{
    # Related SKUs are the catalogue's, whether this customer gets those products or not.
    my $products = $h->json($h->get('/products', bearer('ACME01')));
    my %own = map { $_->{SKU} => 1 } @$products;
    ok scalar(grep { !$own{ $_->{AccessorySKU} } } map { @{ $_->{ProductAccessories} } } @$products),
        '/products: accessories that the customer does not get';
    ok scalar(grep { !$own{ $_->{SubstituteSKU} } } map { @{ $_->{ProductSubstitutions} } } @$products), '... and substitutes';
}

{
    my ($price, $size, $whole) = map { $h->get($_, bearer('ACME01'))->{content} } qw(/prices /products /stock);
    ok $price =~ /"PriceExclVAT":\d+\.\d{2}00,/, '/prices: needless zeros are kept (19.9500)';
    ok $size =~ /"CartonLength_in_cm":\d+\.00,/, '/products: so are those of sizes (30.00)';
    ok $whole =~ /"NextAvailableETA":null\}/, '/stock: an unknown date is null';
    ok $whole =~ /"NextAvailableETA":"\d{4}-\d\d-\d\d"\}/, '/stock: a known one is a string';
    ok $size !~ /":null/, '/products: nothing is null';
    ok $size !~ /"Status":"obsolete"/i, '/products: nothing is obsolete';
    ok "$price$size" !~ /Eligible"/i, 'the discount flag is never sent';
}

for my $case (['EMPT05', '/products'], ['EMPT05', '/stock'], ['EMPT05', '/prices'], ['FLOO06', '/stock']) {
    my ($customer, $path) = @$case;
    my $res = $h->get($path, bearer($customer));
    is "$res->{status} $res->{content}", '200 []', "$customer lacks the terms for $path: an empty list";
    ok $res->{headers}{etag}, "$customer: it has an ETag too";
}
isnt $h->get('/prices', bearer('FLOO06'))->{content}, '[]', 'a customer without warehouse has prices';

# ---- schemas, version, health

sub lower { my ($name) = @_; return lcfirst $name }
my %SCHEMA_TYPE = (string => 'string', number => 'decimal', boolean => 'boolean', date => 'date');

sub schema_fields {
    my (@fields) = @_;
    return '[' . join(',', map {
        sprintf '{"name":"%s","type":"%s","required":%s}', lower($_->[0]), $SCHEMA_TYPE{ $_->[1] },
            $_->[0] eq 'SKU' ? 'true' : 'false'
    } grep { $_->[1] ne 'array' } @fields) . ']';
}

for my $path ('/products', '/stock') {
    my $fields = $LIST{$path};
    my $arrays = join ',', map { sprintf '"%s":{"fields":%s}', lower($_->[0]), schema_fields(@{ $_->[2] }) }
        grep { $_->[1] eq 'array' } @$fields;
    my $res = $h->get("$path/schema", bearer('ACME01'));
    is $res->{status}, 200, "$path/schema";
    is $res->{headers}{'content-type'}, $JSON, "$path/schema: Content-Type";
    my ($same, $where) = same_json($res->{content},
        sprintf '{"endpoint":"%s","apiVersion":"2026-04","fields":%s,"arrays":{%s}}', $path, schema_fields(@$fields),
        $arrays);
    ok $same, "$path/schema: exactly the contract's" or diag $where;
}
like $h->get('/products/schema', bearer('ACME01'))->{content}, qr/"$_"/, "schema name $_"
    for qw(sKU mOQ hSCode imageID amazonASIN packagedLength_in_cm priceExclVAT productPrices);

SKIP: {
    my $file = top() . '/../shared/spec/customer-endpoints.json';
    skip 'no machine-readable contract here', 1 unless -e $file;
    my %type = (string => 'string', boolean => 'boolean', number => 'number');
    my $read;
    $read = sub {
        my ($fields) = @_;
        return [map {
            my $f = $_;
            my ($d) = ($f->{format} || '') =~ /decimal\((\d)\)/;
            [$f->{name},
                $f->{type} eq 'array' ? ('array', $read->($f->{items}))
                : ($f->{format} || '') eq 'date' ? 'date'
                : $f->{type} eq 'number' ? ('number', $f->{name} eq 'CompositionPercentage' ? undef : $d)
                : $type{ $f->{type} }]
        } @$fields];
    };
    for my $e (@{ JSON::PP->new->utf8->decode(slurp($file)) }) {
        is_deeply $read->($e->{fields}), $LIST{ $e->{path} }, "this test's list of $e->{path} is the contract's"
            if $LIST{ $e->{path} };
        isnt $h->request($e->{method}, $e->{path}, bearer('ACME01'))->{status}, 404, "$e->{method} $e->{path} exists";
    }
}

for my $headers ([], [bearer('ACME01')], [Authorization => 'Bearer nonsense']) {
    my $who = @$headers ? $headers->[1] =~ /nonsense/ ? 'with a bad token' : 'with a token' : 'without a token';
    my $version = $h->get('/api/version', @$headers);
    is "$version->{status} $version->{content}", '200 {"apiVersion":"2026-04"}', "/api/version $who";
    is $version->{headers}{'content-type'}, $JSON, "/api/version $who: Content-Type";
    my $health = $h->get('/health', @$headers);
    is "$health->{status} $health->{content}", '200 Healthy', "/health $who";
    is $health->{headers}{'content-type'}, 'text/plain', "/health $who: Content-Type";
}

# ---- the token endpoint

my %good = (grant_type => 'client_credentials', client_id => 'ACME01', client_secret => $key{ACME01});
{
    my $res = $h->post('/auth/token', {%good});
    is $res->{status}, 200, 'a token is issued';
    my $o = parse_json($res->{content});
    is_deeply [map { $_->[0] } @$o[1 .. $#$o]], [qw(access_token token_type expires_in)], 'its answer: names in order';
    is_deeply [map { $_->[1] } @$o[2, 3]], [[string => 'Bearer'], [number => '3600']], 'its answer: Bearer, 3600';
    is $res->{headers}{'cache-control'}, 'no-store', 'its answer: Cache-Control';
    is $res->{headers}{'content-type'}, $JSON, 'its answer: Content-Type';
    my ($head, $claims) = map { JSON::PP->new->decode(MIME::Base64::decode_base64(tr{-_}{+/}r)) }
        (split /\./, $h->json($res)->{access_token})[0, 1];
    is "$head->{alg} $head->{typ}", 'HS256 JWT', 'the token: header';
    is "$claims->{sub} $claims->{client_id}", 'ACME01 ACME01', 'the token: sub and client_id';
    is $claims->{exp} - $claims->{iat}, 3600, 'the token: lives an hour';
    my $unknown = jwt({ %$claims, sub => 'NOBODY9', client_id => 'NOBODY9' }, keys => $h->{token_keys});
    for my $path (sort keys %LIST) {
        my $r = $h->get($path, Authorization => "Bearer $unknown");
        is "$r->{status} $r->{content}", '404 {"error":"Customer not found."}', "$path of an unknown customer";
        is $r->{headers}{'content-type'}, $JSON, "$path of an unknown customer: Content-Type";
    }
    is $h->get("$_/schema", Authorization => "Bearer $unknown")->{status}, 200, "$_/schema needs no customer record"
        for '/products', '/stock';
}

my $basic = 'Basic ' . MIME::Base64::encode_base64("ACME01:$key{ACME01}", '');
is $h->post('/auth/token', { grant_type => 'client_credentials' }, Authorization => $basic)->{status}, 200,
    'credentials by HTTP Basic';
my @refused = (
    ['wrong key', 401, 'invalid_client', { %good, client_secret => 'x' }],
    ['wrong code', 401, 'invalid_client', { %good, client_id => 'NOBODY9' }],
    ['code in small letters', 401, 'invalid_client', { %good, client_id => 'acme01' }],
    ['code with a blank', 401, 'invalid_client', { %good, client_id => 'ACME01 ' }],
    ['key of another', 401, 'invalid_client', { %good, client_secret => $key{BEAU02} }],
    ['other grant', 400, 'unsupported_grant_type', { %good, grant_type => 'password' }],
    ['other grant, wrong key', 400, 'unsupported_grant_type', { %good, grant_type => 'x', client_secret => 'x' }],
    ['no grant', 400, 'invalid_request', { map { $_ => $good{$_} } qw(client_id client_secret) }],
    ['no code', 400, 'invalid_request', { map { $_ => $good{$_} } qw(grant_type client_secret) }],
    ['no key', 400, 'invalid_request', { map { $_ => $good{$_} } qw(grant_type client_id) }],
    ['empty key', 400, 'invalid_request', { %good, client_secret => '' }],
    ['no body', 400, 'invalid_request', ''],
    ['JSON', 400, 'invalid_request', JSON::PP->new->encode({%good}), 'Content-Type' => 'application/json'],
    ['form without its type', 400, 'invalid_request', 'grant_type=client_credentials', 'Content-Type' => 'text/plain'],
    ['both ways', 400, 'invalid_request', {%good}, Authorization => $basic]
);
for my $case (@refused) {
    my ($name, $status, $error, $body, @headers) = @$case;
    my $res = $h->post('/auth/token', $body, @headers);
    is $res->{status}, $status, "token, $name: $status";
    my $o = eval { parse_json($res->{content}) } || ['nothing'];
    is_deeply [map { [$_->[0], $_->[1][0]] } @$o[1 .. $#$o]], [['error', 'string'], ['error_description', 'string']],
        "token, $name: both members";
    is $h->json($res)->{error}, $error, "token, $name: $error";
    is $res->{content}, '{"error":"invalid_client","error_description":"Invalid client credentials."}',
        "token, $name: the published body" if $status == 401;
    is $h->json($res)->{error_description}, 'Only client_credentials is supported.', "token, $name: its sentence"
        if $error eq 'unsupported_grant_type';
    is $res->{headers}{'content-type'}, $JSON, "token, $name: Content-Type";
    is $res->{headers}{'cache-control'}, 'no-store', "token, $name: Cache-Control";
}

# ---- 401, 404, 405

for my $path (sort(keys %LIST), '/products/schema', '/stock/schema') {
    for my $case (['no token'], ['a bad one', 'Bearer x.y.z'], ['another scheme', $basic], ['no value', 'Bearer ']) {
        my ($name, $value) = @$case;
        my $res = $h->get($path, defined $value ? (Authorization => $value) : ());
        is "$res->{status}:$res->{content}", '401:', "$path, $name: 401 without a body";
        is $res->{headers}{'www-authenticate'}, 'Bearer error="invalid_token"', "$path, $name: WWW-Authenticate";
        ok !$res->{headers}{etag}, "$path, $name: no ETag";
    }
}

my @nowhere = qw(/ /nothing /products/ /stock/ /prices/ /products/schema/ /health/ /api/version/ /auth/token/
    /prices/schema /Products /v1/products /api /auth /products/DRAC001 /products;x=1 /products.json /healthz);
for my $path (@nowhere) {
    for my $method (qw(GET POST)) {
        my $res = $h->request($method, $path, bearer('ACME01'));
        is "$res->{status} $res->{content}", '404 {"error":"Not found."}', "$method $path: 404";
        is $res->{headers}{'content-type'}, $JSON, "$method $path: Content-Type";
    }
}
is $h->get('/nothing')->{status}, 404, 'an unknown path is 404 without a token too';

for my $path (sort(keys %LIST), '/products/schema', '/stock/schema', '/api/version', '/health', '/auth/token') {
    my @wrong = $path eq '/auth/token' ? qw(GET HEAD PUT DELETE) : qw(POST PUT PATCH DELETE OPTIONS PROPFIND);
    for my $method (@wrong) {
        my $res = $h->request($method, $path, bearer('ACME01'));
        is $res->{status}, 405, "$method $path: 405";
        is $res->{headers}{allow}, $path eq '/auth/token' ? 'POST' : 'GET, HEAD', "$method $path: Allow";
        is body($res), $method eq 'HEAD' ? '' : '{"error":"Method not allowed."}', "$method $path: body";
        is $res->{headers}{'content-type'}, $JSON, "$method $path: Content-Type";
    }
}

# ---- HEAD

sub stable {
    my ($res) = @_;
    my %same = %{ $res->{headers} };
    delete @same{ grep {/^(?:date|x-request-id|x-rate-limit-.*|ratelimit.*)$/} keys %same };
    # httpd leaves this one out of the answer to HEAD, as RFC 9110 section 9.3.2 allows.
    delete $same{'content-length'} if defined $same{'content-length'} && $same{'content-length'} eq '0';
    return { status => $res->{status}, %same };
}

for my $case ((map { [$_, 'ACME01'] } sort(keys %LIST), '/products/schema', '/stock/schema', '/api/version', '/health'),
    ['/stock', 'EMPT05'], ['/stock', undef], ['/nothing', undef])
{
    my ($path, $customer) = @$case;
    my @auth = $customer ? bearer($customer) : ();
    my ($get, $head) = map { $h->request($_, $path, @auth) } qw(GET HEAD);
    is_deeply stable($head), stable($get), "HEAD $path of " . ($customer || 'nobody') . ': the headers of GET';
    my $raw = $h->raw("HEAD $path HTTP/1.0\r\n" . (@auth ? "Authorization: $auth[1]\r\n" : '') . "\r\n");
    like $raw, qr/\r\n\r\n\z/, "HEAD $path: no body";
}

# ---- X-Request-Id

for my $case (['/stock', 'ACME01', 200], ['/stock', undef, 401], ['/nothing', undef, 404], ['/health', undef, 200]) {
    my ($path, $customer, $status) = @$case;
    my @auth = $customer ? bearer($customer) : ();
    my %seen;
    for (1 .. 3) {
        my $res = $h->get($path, @auth);
        is $res->{status}, $status, "$path: $status";
        like $res->{headers}{'x-request-id'}, qr/^[A-Za-z0-9_-]{22}$/, "$path: an X-Request-Id is made";
        $seen{ $res->{headers}{'x-request-id'} } = 1;
    }
    is scalar keys %seen, 3, "$path: a new one each time";
    for my $id ('abc-DEF_123', 'x', 'a' x 64) {
        is $h->get($path, @auth, 'X-Request-Id' => $id)->{headers}{'x-request-id'}, $id, "$path: $id comes back";
    }
    for my $id ('a' x 65, 'two words', 'a;b', '<x>', 'a/b', 'a,b', '"a"') {
        like $h->get($path, @auth, 'X-Request-Id' => $id)->{headers}{'x-request-id'}, qr/^[A-Za-z0-9_-]{22}$/,
            "$path: $id does not";
    }
}

# Each thread of each process takes its random bytes in advance.
{
    my $many = start_httpd(processes => 2, threads => 8);
    my @ids = map {@$_} parallel(4, sub { [map { $many->get('/api/version')->{headers}{'x-request-id'} } 1 .. 150] });
    is scalar(keys %{ { map { $_ => 1 } @ids } }), 600, '600 requests at the same time: no X-Request-Id comes twice';
    $many->log_ok;
}

# ---- conditional requests and ranges

for my $path (sort keys %LIST) {
    my $full = $h->get($path, bearer('ACME01'));
    my $tag = $full->{headers}{etag};
    for my $asked ($tag, "W/$tag", qq("x", $tag, "y"), qq("x",W/$tag), '*') {
        for my $method (qw(GET HEAD)) {
            my $res = $h->request($method, $path, bearer('ACME01'), 'If-None-Match' => $asked);
            is "$res->{status}:" . body($res), '304:', "$method $path, If-None-Match $asked: 304";
            is $res->{headers}{etag}, $tag, "$method $path, If-None-Match $asked: ETag";
            is $res->{headers}{'cache-control'}, 'private, no-cache', "$path, If-None-Match $asked: Cache-Control";
            like $res->{headers}{vary}, qr/Authorization/, "$path, If-None-Match $asked: Vary";
            ok $res->{headers}{'x-request-id'}, "$path, If-None-Match $asked: X-Request-Id";
        }
    }
    for my $asked ('"x"', 'W/"x"', '""', substr($tag, 1, -1)) {
        is $h->get($path, bearer('ACME01'), 'If-None-Match' => $asked)->{status}, 200,
            "$path, If-None-Match $asked: 200";
    }
    is $h->get($path, 'If-None-Match' => $tag)->{status}, 401, "$path: no 304 without a token";
    is $h->get($path, bearer('BEAU02'), 'If-None-Match' => $tag)->{status}, 200, "$path: no 304 for another's tag";

    my $length = length $full->{content};
    for my $case (['0-9', 0, 10], ['5-', 5, $length - 5], ['-7', $length - 7, 7]) {
        my ($range, $from, $n) = @$case;
        my $res = $h->get($path, bearer('ACME01'), Range => "bytes=$range");
        is $res->{status}, 206, "$path, Range $range: 206";
        ok $res->{content} eq substr($full->{content}, $from, $n), "$path, Range $range: these bytes";
        is $res->{headers}{'content-range'}, sprintf('bytes %d-%d/%d', $from, $from + $n - 1, $length),
            "$path, Range $range: Content-Range";
        is $res->{headers}{etag}, $tag, "$path, Range $range: ETag";
    }
    is $h->get($path, bearer('ACME01'), Range => 'bytes=0-9', 'If-Range' => $tag)->{status}, 206,
        "$path, If-Range of this answer: 206";
    is $h->get($path, bearer('ACME01'), Range => 'bytes=0-9', 'If-Range' => '"x"')->{status}, 200,
        "$path, If-Range of another: 200";
    is $h->get($path, bearer('ACME01'), Range => "bytes=$length-")->{status}, 416, "$path, Range behind the end: 416";
}

# ---- the ETag follows the caller's own data. ACME01: UKTRADE, UK01; BEAU02: EUTRADE, NL01; CIRC03: UKRETAIL, UK01

my @watched = map { my $c = $_; map { [$c, $_] } sort keys %LIST } qw(ACME01 BEAU02 CIRC03);

# One more piece of the SKU that all of them see, in one warehouse; one more of its price, in one list.
my $sku;

sub restock {
    my ($location) = @_;
    return sql($db,
        "UPDATE stock SET available_qty = available_qty + 1 WHERE sku = '$sku' AND stock_location = '$location'");
}

sub reprice {
    my ($list) = @_;
    return sql($db,
        "UPDATE price SET unit_price = unit_price + 1 WHERE sku = '$sku' AND price_list_code = '$list'");
}

sub changes {
    my ($name, $sub, @expected) = @_;
    my %before = map { ("$_->[0] $_->[1]" => $h->get($_->[1], bearer($_->[0]))) } @watched;
    $sub->();
    my @changed;
    for my $w (@watched) {
        my ($old, $new) = ($before{"$w->[0] $w->[1]"}, $h->get($w->[1], bearer($w->[0])));
        push @changed, "$w->[0] $w->[1]" if $old->{headers}{etag} ne $new->{headers}{etag};
        ok $old->{content} eq $new->{content} || $old->{headers}{etag} ne $new->{headers}{etag},
            "$name: $w->[0] $w->[1]: never new content under the old ETag";
    }
    is_deeply [sort @changed], [sort @expected], "$name: exactly these ETags change";
    return;
}

($sku) = map { $_->[0] } sql($db, <<'SQL');
SELECT p.sku FROM product p
WHERE p.is_obsolete = 0
  AND 3 = (SELECT COUNT(DISTINCT price_list_code) FROM price WHERE price.sku = p.sku)
  AND 2 = (SELECT COUNT(*) FROM stock WHERE stock.sku = p.sku)
ORDER BY p.sku LIMIT 1
SQL
ok defined $sku, 'the sample has a SKU that everybody sees' or BAIL_OUT('the sample data is too thin');

changes("no change", sub { }, ());
changes('stock of NL01', sub { restock('NL01') }, 'BEAU02 /stock');
changes('stock of UK01', sub { restock('UK01') }, 'ACME01 /stock', 'CIRC03 /stock');
for my $case (['EUTRADE', 'BEAU02'], ['UKTRADE', 'ACME01'], ['UKRETAIL', 'CIRC03']) {
    my ($list, $customer) = @$case;
    # What a price list costs is nothing to /stock; which SKUs it holds is.
    my @must = map {"$customer $_"} '/prices', '/products';
    changes("prices of $list", sub { reprice($list) }, @must);
    changes("quantity breaks of $list", sub { sql($db, "INSERT INTO price (price_list_code, sku, moq, unit_price) VALUES ('$list', '$sku', 5000, 1)") },
        @must);
    changes("one break less of $list", sub { sql($db, "DELETE FROM price WHERE price_list_code = '$list' AND sku = '$sku' AND moq = 5000") },
        @must);
    my ($unlisted) = map { $_->[0] } sql($db, "SELECT sku FROM stock WHERE sku NOT IN (SELECT sku FROM price WHERE price_list_code = '$list')"
            . ' AND sku IN (SELECT sku FROM product WHERE NOT is_obsolete) LIMIT 1');
    my $new = defined $unlisted ? $unlisted : $sku;
    changes("a SKU more in $list", sub { sql($db, "INSERT INTO price (price_list_code, sku, moq, unit_price) VALUES ('$list', 'NEW-$new', 1, 1)") },
        @must, "$customer /stock");
    changes("a SKU less in $list", sub { sql($db, "DELETE FROM price WHERE price_list_code = '$list' AND sku = 'NEW-$new'") },
        @must, "$customer /stock");
}
changes('text of a product', sub { sql($db, "UPDATE product SET name = CONCAT(name, '!') WHERE sku = '$sku'") },
    map {"$_ /products"} qw(ACME01 BEAU02 CIRC03));
changes('image of a product',
    sub { sql($db, "INSERT INTO product_image (sku, image_id, file_name) VALUES ('$sku', 'ZZZ', 'zzz.jpg')") },
    map {"$_ /products"} qw(ACME01 BEAU02 CIRC03));
changes('a product becomes obsolete', sub { sql($db, "UPDATE product SET status = 'Obsolete' WHERE sku = '$sku'") },
    map { my $c = $_; map {"$c $_"} sort keys %LIST } qw(ACME01 BEAU02 CIRC03));
unlike $h->get($_, bearer('ACME01'))->{content}, qr/"SKU":"\Q$sku\E"/, "$_: an obsolete product is gone"
    for sort keys %LIST;
changes('discount of BEAU02', sub { kissctl_ok(qw(customer set BEAU02 --discount 13)) },
    map {"BEAU02 $_"} qw(/prices /products));
changes('warehouse of BEAU02', sub { kissctl_ok(qw(customer set BEAU02 --warehouse UK01)) }, 'BEAU02 /stock');
changes('name and limits of BEAU02', sub { kissctl_ok(qw(customer set BEAU02 --name New --limit-minute 1000000)) });
$h->log_ok;

# ---- gzip when asked for: mod_deflate's work, with tags that still compare

{
    my $z = start_httpd(modules => [qw(filter deflate)], location => 'AddOutputFilterByType DEFLATE application/json');
    my $t = $z->token('ACME01', $key{ACME01});
    my $plain = $z->get('/products', Authorization => "Bearer $t");
    my $res = $z->get('/products', Authorization => "Bearer $t", 'Accept-Encoding' => 'gzip');
    is $res->{headers}{'content-encoding'}, 'gzip', 'gzip: Content-Encoding';
    ok !$plain->{headers}{'content-encoding'}, 'gzip: only when asked for';
    my $text;
    IO::Uncompress::Gunzip::gunzip(\$res->{content}, \$text);
    ok $text eq $plain->{content}, 'gzip: the same content';
    isnt $res->{headers}{etag}, $plain->{headers}{etag}, 'gzip: another representation, another strong ETag';
    is $z->get('/products', Authorization => "Bearer $t", 'Accept-Encoding' => 'gzip',
        'If-None-Match' => $_->{headers}{etag})->{status}, 304, "gzip: 304 for $_->{headers}{etag}" for $res, $plain;
    $z->log_ok;
}

done_testing;
