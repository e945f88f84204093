#!/usr/bin/perl
# Who may write, and what may be written: no customer's token reaches the admin endpoints, no admin client's token a customer's; a
# body with faults is refused with all of them named, and changes nothing.
# SPDX-License-Identifier: Apache-2.0
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use JSON::PP ();
use KissTest;
use KissTest::Admin;
use Test::More;
use Time::HiRes qw(time sleep);

my ($db, $h) = start_admin('admin_input', key => \my $customer_key, location => 'KissFeedBasic On');
my ($token) = { admin_headers() }->{Authorization} =~ /(\S+)\z/;
my @admin = admin_headers();
my @customer = (customer_headers(), 'Content-Type' => 'application/json');

# All that the tables of products hold.
sub content {
    return join "\n", map { join '|', $_, map { join ',', map { $_ // 'NULL' } @$_ } sql($db, "SELECT * FROM $_ ORDER BY 1, 2") }
        qw(product product_image product_accessory product_substitution product_composition price product_owner admin_audit);
}
my ($sku) = map { $_->[0] } sql($db, 'SELECT sku FROM product ORDER BY sku LIMIT 1');

subtest 'who may' => sub {
    my $before = content();
    for (['GET', "/admin/products/$sku"], ['PUT', "/admin/products/$sku", '{"name":"x"}'], ['DELETE', "/admin/products/$sku"],
        ['POST', '/admin/products', '{"sku":"x"}']) {
        my ($method, $path, $body) = @$_;
        my @body = defined $body ? (content => $body) : ();
        my $r = $h->request($method, $path, @customer, @body);
        is $r->{status}, 403, "$method $path: a customer";
        like error_of($r), qr/may not write/, '... in a sentence';
        $r = $h->request($method, $path, 'Content-Type' => 'application/json', @body);
        is $r->{status}, 401, '... nobody';
        is $r->{headers}{'www-authenticate'}, 'Bearer error="invalid_token"', '... gets a new token then';
        my $basic = 'Basic ' . MIME::Base64::encode_base64("ACME01:$customer_key", '');
        is $h->request($method, $path, Authorization => $basic, @body)->{status}, 401, '... nor by Basic';
    }
    # Every endpoint of a customer.
    for my $path (qw(/products /stock /prices), map({ my $p = $_; map {"$p$_"} qw(.csv .ndjson .bom.csv) } qw(/products /stock /prices)),
        qw(/products/schema /stock/schema)) {
        my $r = $h->get($path, @admin);
        is $r->{status}, 403, "an admin client at $path";
        unlike $r->{content}, qr/SKU|sKU/, '... and nothing of it';
    }
    is $h->get('/health', @admin)->{status}, 200, 'an admin client at /health';
    is $h->request('PUT', '/products', @admin, content => '{}')->{status}, 405, 'no writing elsewhere';
    is ask(PATCH => "/admin/products/$sku", '{}')->{status}, 405, 'no other method';
    is ask(PATCH => "/admin/products/$sku", '{}')->{headers}{allow}, 'GET, HEAD, PUT, DELETE', '... but these';
    is ask(DELETE => '/admin/products')->{status}, 405, 'not all products';
    is content(), $before, 'nothing has changed';
};

subtest 'tokens' => sub {
    my ($keys) = $h->{token_keys};
    my $claims = sub {
        my %c = (iss => 'https://localhost', aud => 'https://localhost', iat => int time, nbf => int time, exp => int(time) + 600, jti => 'x', @_);
        return \%c;
    };
    my $get = sub { return $h->get("/admin/products/$sku", Authorization => 'Bearer ' . jwt($claims->(@_), keys => $keys))->{status} };
    is $get->(sub => 'pim', client_id => 'pim', role => 'admin'), 200, 'a token of ours';
    is $get->(sub => 'pim', client_id => 'pim'), 403, 'the code alone is a customer that does not exist';
    is $get->(sub => 'ACME01', client_id => 'ACME01', role => 'admin'), 401, 'a token alone makes no admin client of a customer';
    is $get->(sub => 'pim', client_id => 'pim', role => 'owner'), 401, 'another role';
    is $get->(sub => 'pim', client_id => 'pim', role => ['admin']), 401, 'no role';
    is $h->get('/stock', Authorization => 'Bearer ' . jwt($claims->(sub => 'ACME01', client_id => 'ACME01', role => 'admin'), keys => $keys))->{status},
        403, 'nor may it read as that customer';
    kissctl_ok('admin', 'disable', 'pim');
    is ask(GET => "/admin/products/$sku")->{status}, 401, 'disabled: at once';
    kissctl_ok('admin', 'enable', 'pim');
    is ask(GET => "/admin/products/$sku")->{status}, 200, 'enabled: at once';
    my $key = kissctl_ok('admin-key', 'issue', 'pim') =~ s/\s+\z//r;
    ok $h->token('pim', $key), 'a second key';
    my ($id) = map { $_->[0] } sql($db, 'SELECT MAX(key_id) FROM admin_key');
    kissctl_ok('admin-key', 'revoke', $id);
    is $h->post('/auth/token', { grant_type => 'client_credentials', client_id => 'pim', client_secret => $key })->{status}, 401, 'revoked';
    is $h->post('/auth/token', { grant_type => 'client_credentials', client_id => 'pim', client_secret => $customer_key })->{status}, 401, "a customer's key";
    my ($rc, $out, $err) = kissctl('admin', 'add', 'ACME01');
    is $rc, 1, 'an admin client is no customer';
    like $err, qr/is the code of a customer/, '... and kissctl says so';
    ($rc, $out, $err) = kissctl('customer', 'add', 'pim', '--price-list', 'UKTRADE', '--warehouse', 'UK01');
    is $rc, 1, 'nor is a customer an admin client';
    like $err, qr/'pim' is the code of an admin client/, '... and kissctl says so';
};

subtest 'faults of a body' => sub {
    my $before = content();
    my $refused = sub {
        my ($name, $body, $like, $status) = @_;
        my $r = ask(PUT => "/admin/products/$sku", $body);
        is $r->{status}, $status // 400, $name or diag $r->{content};
        like error_of($r), $like, '... says why';
    };
    $refused->($_->[0], $_->[1], qr/not one JSON object/)
        for ['no JSON', 'name=x'], ['half', '{"name":"x"'], ['an array', '[]'], ['a text', '"x"'], ['null', 'null'], ['nothing', ''], ['two', '{}{}'],
        ['a name twice', '{"name":"a","name":"b"}'], ['a name twice below', '{"images":[{"imageID":"a","imageID":"b"}]}'],
        ['10,000 deep', '{"images":' . '[' x 10_000 . ']' x 10_000 . '}'], ['not UTF-8', "{\"name\":\"\xff\"}"], ['NaN', '{"cartonQty":NaN}'], ['an unpaired surrogate', '{"name":"\ud800"}'];
    $refused->('another SKU', { sku => 'OTHER' }, qr/^sku: is not '\Q$sku\E', which the path names\.$/);
    $refused->('no SKU', { sku => undef }, qr/^sku: is empty\.$/);
    $refused->('unknown members', { colour => 'red', Name => 'x', 'name ' => 'y' }, qr/^(?=.*\bcolour: there is no such member)(?=.*\bName: there)(?=.*name : there)/);
    $refused->('long names', { map { $_ . 'x' x 50_000 => 1 } 10 .. 99 }, qr/^(?:\d\dx{98}\.\.\.: there is no such member[;.] ?){90}$/);
    $refused->('long values', { map { $_ => 'x' x 50_000 } qw(packagedLength packagedWidth cartonQty) }, qr/^(?=.*cartonQty).{1,600}$/);
    $refused->('unknown members below', { images => [{ imageID => 'a', url => 'x' }] }, qr/^images\[0\]\.url: there is no such member\.$/);
    $refused->('a number beyond', $_, qr/^(?:packagedLength_in_cm|cartonQty): '?.*(?:too large|not a number|more than)/)
        for '{"packagedLength_in_cm":100000000}', '{"packagedLength_in_cm":1e9}', '{"cartonQty":123456789012345678901234567890}', '{"cartonQty":1.2345}',
        '{"packagedLength_in_cm":"12,5"}', '{"packagedLength_in_cm":"x"}';
    $refused->('a negative one', '{"packagedLength_in_cm":-1}', qr/is negative/);
    $refused->('a long text', { name => 'x' x 1001 }, qr/^name: 1001 characters, at most 1000 fit\.$/);
    $refused->('a NUL', '{"name":"a\u0000b"}', qr/body is invalid|contains a NUL/);
    $refused->('blanks around a key', { images => [{ imageID => ' a', fileName => 'x' }] }, qr/^images\[0\]\.imageID: ' a' begins or ends with a blank\.$/);
    $refused->('what a spreadsheet makes', { barcode => '5.01235E+12' }, qr/^barcode: .*scientific notation/);
    $refused->('a type', { name => [], description => {}, gender => JSON::PP::true, cartonQty => [], images => {}, theme => 1.5 },
        qr/^(?=.*name: must be a string)(?=.*description: must be a string)(?=.*gender: must be a string)(?=.*cartonQty: must be a number)(?=.*images: must be an array, or null)(?=.*theme: must be a string)/);
    $refused->('a barcode as a large number', '{"barcode":99999999999999999999}', qr/^barcode: .*send it as a string/);
    $refused->('a key twice', { accessories => [{ accessorySKU => 'a' }, { accessorySKU => 'a' }] }, qr/^accessories\[1\]: has the key of accessories\[0\]\.$/);
    $refused->('two primary images', { images => [map { { imageID => $_, isPrimaryImage => JSON::PP::true } } qw(a b)] }, qr/^images\[1\]\.isPrimaryImage: a second primary image\.$/);
    $refused->('a price list that is not there', { prices => [{ priceListCode => 'NONE', unitPrice => 1 }] }, qr/^prices\[0\]\.priceListCode: 'NONE' is not known/);
    $refused->('a price without a price', { prices => [{ priceListCode => 'UKTRADE' }] }, qr/^prices\[0\]\.unitPrice: is empty: write 0 if it costs nothing\.$/);
    $refused->('more than 100 percent', { compositions => [{ materialCode => 'a', compositionPercentage => 101 }] }, qr/is more than 100/);
    $refused->('many faults', { map { ("x$_" => 1) } 1 .. 500 }, qr/; and more\.$/);
    for (['text/plain', '{}'], ['application/x-www-form-urlencoded', 'name=x'], ['', '{}']) {
        my $r = ask(PUT => "/admin/products/$sku", $_->[1], 'Content-Type' => $_->[0]);
        is $r->{status}, 400, "Content-Type '$_->[0]'";
        like error_of($r), qr{must be application/json}, '... says so';
    }
    is error_of(ask(POST => '/admin/products', { name => 'x' })), 'sku: is missing.', 'a new product without a SKU';
    is error_of(ask(PUT => '/admin/products/%FF', { name => 'x' })) =~ /sku/ ? 1 : 0, 1, 'a path that is no text';
    is ask(PUT => '/admin/products/' . 'x' x 65, { name => 'x' })->{status}, 400, 'a SKU that is too long';
    is content(), $before, 'nothing has changed';
};

subtest 'what PIMs send' => sub {
    my $r = ask(POST => '/admin/products', '{"sku":"PIM-1","barcode":5012345678900,"packagedLength_in_cm":"12.345","packagedWidth_in_cm":12.344999999999999,"cartonQty":12.0,"theme":null,"owner":"me"}');
    is $r->{status}, 201, 'numbers as strings, and strings as numbers' or diag $r->{content};
    my $p = $h->json($r);
    is_deeply [@$p{qw(barcode packagedLength_in_cm packagedWidth_in_cm cartonQty theme owner)}], ['5012345678900', 12.35, 12.34, 12, '', 'pim'], '... are what they mean';
    is ask(DELETE => '/admin/products/PIM-1', '[]')->{status}, 204, 'DELETE with a body';
};

subtest 'large and slow bodies' => sub {
    my $before = content();
    my $r = ask(PUT => "/admin/products/$sku", { description => 'x' x 1_048_577 });
    is $r->{status}, 400, 'a text of a megabyte and one';
    is ask(PUT => "/admin/products/$sku", '{"name":"' . 'x' x 17_000_000 . '"}')->{status}, 413, '17 MB';
    # Sent as long as it is read.
    my $s = $h->connect;
    local $SIG{PIPE} = 'IGNORE';
    $s->print("PUT /admin/products/$sku HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer $token\r\nContent-Type: application/json\r\nContent-Length: 104857600\r\n\r\n");
    my ($sent, $piece) = (0, 'x' x 65536);
    while ($sent < 104_857_600) { my $n = $s->syswrite($piece); last if !$n; $sent += $n }
    $s->sysread(my $answer, 4096);
    like $answer // '', qr{^HTTP/1.1 413 }, '100 MB: refused' or diag $sent;
    my $start = time;
    $answer = $h->raw("PUT /admin/products/$sku HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer $token\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{", 20);
    like $answer, qr{^HTTP/1.1 408 }, 'a body that does not come';
    like $answer, qr/"error":"The request body did not come in time\."/, '... says so';
    $answer = $h->raw("PUT /admin/products/$sku HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer $token\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
            . "2\r\n{}\r\n0\r\n\r\n");
    like $answer, qr{^HTTP/1.1 200 }, 'in chunks';
    ok content() ne $before, 'whose it is has changed';
};

subtest 'bodies of many small values' => sub {
    # What a body takes in memory is bounded: json-c needs 800 bytes for {}.
    plan skip_all => 'sanitizers take memory of their own' if $ENV{KISS_TEST_PRELOAD};
    my $small = start_httpd(admin => '', processes => 1);
    my @as = (Authorization => 'Bearer ' . admin_token($small, 'small'));
    my $peak = sub { my ($most) = sort { $b <=> $a } map { slurp("/proc/$_/status") =~ /^VmHWM:\s*(\d+)/m ? $1 / 1024 : 0 } $small->children; return $most };
    my $before = $peak->();
    my $objects = join ',', ('{}') x 500_000;
    for (['PATCH', '/admin/stock', "[$objects]", 'json'], ['PATCH', '/admin/stock', $objects =~ tr/,/\n/r, 'x-ndjson'], ['PATCH', '/admin/stock', "\n" x 8_000_000, 'x-ndjson'],
        ['PUT', "/admin/products/$sku", "{\"images\":[$objects]}", 'json']) {
        my ($method, $path, $body, $type) = @$_;
        my $r = $small->request($method, $path, @as, 'Content-Type' => "application/$type", content => $body);
        is $r->{status}, $body !~ /{/ ? 200 : $method eq 'PATCH' ? 413 : 400, "$method of " . substr($body, 0, 20) =~ s/\n/\\n/gr;
        cmp_ok $peak->() - $before, '<', 150, '... does not fill the memory (MB)';
    }
    like $small->json($small->request('PUT', "/admin/products/$sku", @as, 'Content-Type' => 'application/json', content => '{"images":[' . join(',', ('{}') x 120_000) . ']}'))->{error},
        qr/at most 100,000 values/, '... says so';
    $small->log_ok;
};

subtest 'two clients on one SKU' => sub {
    my $second = admin_token($h, 'second');
    my @status = parallel(8, sub {
        my ($i) = @_;
        my @as = (Authorization => 'Bearer ' . ($i % 2 ? $second : $token), 'Content-Type' => 'application/json');
        return [map { $h->request('POST', '/admin/products', @as, content => qq({"sku":"RACE-$_","name":"client $i","theme":"$i"}))->{status} } 1 .. 10];
    });
    my %created;
    for my $all (@status) { $created{$_}{ $all->[$_ - 1] }++ for 1 .. 10 }
    is_deeply [map { $created{$_} } 1 .. 10], [({ 201 => 1, 409 => 7 }) x 10], 'one creates it, the others are told';
    parallel(8, sub {
        my ($i) = @_;
        return [map { my $n = $_; ask(PUT => "/admin/products/RACE-1", { name => "n $i $n", theme => "n $i $n", accessories => [map { { accessorySKU => "$i-$n-$_" } } 1 .. 3] })->{status} } 1 .. 10];
    });
    my $p = $h->json(ask(GET => '/admin/products/RACE-1'));
    is $p->{name}, $p->{theme}, 'each write is whole';
    is_deeply [map { $_->{accessorySKU} } @{ $p->{accessories} }], [map { ($p->{name} =~ s/^n (\d+) (\d+)/$1-$2/r) . "-$_" } 1 .. 3], '... with its rows';
    my $tag = ask(GET => '/admin/products/RACE-1')->{headers}{etag};
    my @won = parallel(8, sub { return ask(PUT => '/admin/products/RACE-1', { name => "won $_[0]" }, 'If-Match' => $tag)->{status} });
    is_deeply [sort @won], [200, (412) x 7], 'If-Match: one of them';
};

$h->log_ok;

subtest 'limit' => sub {
    my $l = start_httpd(admin => 'KissAdminLimit 5 100', limits => 'KissLimit 3 100');
    my $as = [Authorization => 'Bearer ' . admin_token($l, 'limited')];
    my @status = map { $l->get("/admin/products/$sku", @$as)->{status} } 1 .. 6;
    is_deeply \@status, [(200) x 4, 429, 429], 'five a minute, the token counts';
    my $r = $l->get("/admin/products/$sku", @$as);
    is $r->{headers}{'x-rate-limit-limit'}, '1m', '... by the minute';
    $l->log_ok;
    # What it writes counts where it gets its tokens, too.
    $l = start_httpd(admin => 'KissAdminLimit 20 100', limits => "KissLimit 3 100\nKissAdminLimit 5 100");
    kissctl_ok('admin', 'add', 'busy');
    my $key = kissctl_ok('admin-key', 'issue', 'busy') =~ s/\s+\z//r;
    $as = [Authorization => 'Bearer ' . $l->token('busy', $key)];
    is join(' ', map { $l->get("/admin/products/$sku", @$as)->{status} } 1 .. 10), join(' ', (200) x 10), 'more than the location of the token endpoint allows';
    ok eval { $l->token('busy', $key) }, '... and a new token all the same' or diag $@;
    is_deeply [map { $l->get($_, @$as)->{status} } '/prices', '/api/version'], [403, 200], '... and nothing else is used up';
    is join(' ', map { $l->get("/admin/products/$sku", @$as)->{status} } 1 .. 8), join(' ', (200) x 6, 429, 429), '... until it is';
    is $l->post('/auth/token', { grant_type => 'client_credentials', client_id => 'busy', client_secret => $key })->{status}, 429, '... for tokens, too';
    $l->log_ok;
};

subtest 'off, and without TLS' => sub {
    my $off = start_httpd();
    is $off->get("/admin/products/$sku", @admin)->{status}, 404, 'KissAdmin Off';
    is $off->post('/auth/token', { grant_type => 'client_credentials', client_id => 'pim', client_secret => 'x' })->{status}, 401, '... and no tokens';
    my $writer = "KissDatabase writer socket=@{[db_server()->{socket}]} user=kiss_write dbname=$db password-file=@{[db_server()->{dir}]}/kiss_write.password\n";
    my $plain = start_httpd(config => $writer . "<Location /admin>\nKissAdmin On\nKissAdminDatabase writer\n</Location>\n");
    my $r = $plain->get("/admin/products/$sku", @admin);
    is $r->{status}, 403, 'without TLS';
    like $r->{content}, qr/over HTTPS only/, '... says so';
    is $plain->get('/health')->{status}, 200, '... only there';
    my $far = start_httpd(admin => 'Require ip 192.0.2.7', modules => ['authz_host']);
    is $far->get("/admin/products/$sku", @admin)->{status}, 403, 'Require applies before';
    my $tls = start_httpd(admin => '', tls => 1);
    is $tls->get("/admin/products/$sku", Authorization => 'Bearer ' . admin_token($tls, 'tls'))->{status}, 200, 'over TLS';
    $_->log_ok(qr/AH01630/) for $off, $plain, $far, $tls;
};

done_testing;
