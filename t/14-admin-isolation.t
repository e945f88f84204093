#!/usr/bin/perl
# Who writes and who reads are kept apart, by the tables: every operation of the admin document with every kind of credentials that are not
# an admin client's, every operation of the customers' and of the KSS API's with those of an admin client. A new row is covered by itself.
# SPDX-License-Identifier: Apache-2.0
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use HTTP::Tiny;
use JSON::PP ();
use KissTest;
use KissTest::OpenAPI qw(document operations resolve);
use MIME::Base64 qw(encode_base64);
use Test::More;

my $db = new_database('admin_isolation');
import_sample($db);
my $kss = new_database('admin_isolation_kss', api => 'kss');
import_kss($kss, top() . '/sql/sample-kss');
grant_admin();
my $employee = issue_kss_key(type => 'employee');
my $h = start_httpd(admin => '', location => 'KissFeedBasic On', processes => 1, config => kss_location($kss, path => '/api/v1'));

# A customer and an admin client that have one code, which kissctl refuses: the database alone can have come to that.
kissctl_ok(qw(customer add TWIN --price-list UKTRADE --warehouse UK01));
sql($db, "INSERT INTO admin_client (admin_code, name) VALUES ('TWIN', 'of that code')");
my %key = (ACME01 => issue_key('ACME01'), TWIN => issue_key('TWIN'));
my %admin_key;
for my $code (qw(pim off gone TWIN)) {
    kissctl_ok('admin', 'add', $code) if $code ne 'TWIN';
    $admin_key{$code} = kissctl_ok('admin-key', 'issue', $code) =~ s/\s+\z//r;
}
my %customer = map { $_ => $h->token($_, $key{$_}) } sort keys %key;
my %admin = map { $_ => $h->token($_, $admin_key{$_}) } sort keys %admin_key;
kissctl_ok(qw(admin disable off));
sql($db, "DELETE FROM admin_client WHERE admin_code = 'gone'");

# A connection for each: on one that is kept, a body that is sent apart from its header waits for the kernel's delayed ACK.
my $http = HTTP::Tiny->new(keep_alive => 0, timeout => 60);

# ask($method, $path, \%headers, $body, $type): one answer, not compared with any document: some of these are of none.
sub ask {
    my ($method, $path, $headers, $body, $type) = @_;
    my %all = (%$headers, defined $type ? ('Content-Type' => $type) : ());
    return $http->request($method, "$h->{url}$path", { headers => \%all, defined $body ? (content => $body) : () });
}
sub few { my (@all) = @_; return join '; ', @all[0 .. ($#all > 4 ? 4 : $#all)] }
sub bearer { my ($token) = @_; return { Authorization => "Bearer $token" } }
sub basic { my ($code, $key) = @_; return { Authorization => 'Basic ' . encode_base64("$code:$key", '') } }

# All that the database holds, but for when a key was last used.
sub content {
    my @tables = map { $_->[0] } sql($db, "SELECT table_name FROM information_schema.tables WHERE table_schema = '$db' AND table_name <> 'key_usage' ORDER BY 1");
    return join ' ', map {@$_} sql($db, 'CHECKSUM TABLE ' . join ', ', @tables);
}

# ---- every operation of the admin document, as a request that an admin client may make

my $document = $h->json(ask(GET => '/admin/openapi.json', bearer($admin{pim})));
my ($sku) = map { $_->[0] } sql($db, "SELECT sku FROM stock WHERE stock_location = 'UK01' AND sku IN (SELECT sku FROM price WHERE price_list_code = 'UKTRADE') ORDER BY sku LIMIT 1");
my %value = (sku => $sku, priceListCode => 'UKTRADE', stockLocation => 'UK01');

# A body by its schema: the members that say which object it is, and one that would be seen.
sub body_of {
    my ($schema, $new) = @_;
    $schema = resolve($document, $schema);
    return [body_of($schema->{items})] if ($schema->{type} // '') eq 'array';
    my $p = $schema->{properties};
    my %has = map { $p->{$_} ? ($_ => $value{$_}) : () } keys %value;
    $has{sku} = 'ISOLATED' if $new;
    $has{$_} = 'isolated' for grep { $p->{$_} } qw(theme);
    $has{$_} = 7777 for grep { $p->{$_} } qw(availableQTY);
    $has{prices} = [{ unitPrice => 77.77, moq => 1 }] if $p->{prices} && !$p->{images};
    return \%has;
}

my @operations;
for (operations($document)) {
    my ($method, $path, $operation) = @$_;
    next if $path !~ m{\A/admin/};
    my ($type) = sort keys %{ $operation->{requestBody}{content} || {} };
    my $body = defined $type ? JSON::PP->new->utf8->canonical->encode(body_of($operation->{requestBody}{content}{$type}{schema}, $method eq 'POST')) : undef;
    $path =~ s/\{(\w+)\}/$value{$1} \/\/ die "what is $1 of $path?\n"/ge;
    push @operations, [$method, $path, $body, $type];
}
cmp_ok scalar(@operations), '>=', 13, 'the operations of the admin document: ' . @operations;
is_deeply [grep { my $o = $_; !grep { $o->[0] eq $_->[0] && $o->[1] eq $_->[1] } @operations } map { [$_->[0], $_->[1] =~ s/\{(\w+)\}/$value{$1}/gr] }
        grep { $_->[1] =~ m{\A/admin/} } operations(document('admin', 'all'))], [], '... are those of the table';

# ---- who is no admin client

my $time = time;
sub made {
    my (%claims) = @_;
    return bearer(jwt({ iss => 'https://localhost', aud => 'https://localhost', iat => $time, nbf => $time, exp => $time + 600, jti => 'x', %claims }, keys => $h->{token_keys}));
}
my ($head, $claims, $mark) = split /\./, $customer{TWIN};
my (undef, $of_admin) = split /\./, $admin{TWIN};
my @strangers = (
    ['nobody', {}],
    ['a customer', bearer($customer{ACME01})],
    ['a customer with the code of an admin client', bearer($customer{TWIN})],
    ['an admin client that is disabled', bearer($admin{off})],
    ['an admin client that is removed', bearer($admin{gone})],
    ['a customer by Basic', basic('ACME01', $key{ACME01})],
    ['an admin client by Basic', basic('pim', $admin_key{pim})],
    ['the key of an admin client as a token', bearer($admin_key{pim})],
    ['the key of a customer as a token', bearer($key{ACME01})],
    ['a KSS key', { 'x-api-key' => $employee }],
    ['a KSS key as a token', bearer($employee)],
    ['a KSS key by Basic', basic('pim', $employee)],
    ['the key of an admin client as a KSS key', { 'x-api-key' => $admin_key{pim} }],
    ['the token of an admin client as a KSS key', { 'x-api-key' => $admin{pim} }],
    ['two tokens', { Authorization => ["Bearer $customer{ACME01}", "Bearer $admin{pim}"] }],
    ['the other way', { Authorization => ["Bearer $admin{pim}", "Bearer $customer{ACME01}"] }],
    ['the token in a cookie', { Cookie => "access_token=$admin{pim}; Authorization=Bearer $admin{pim}" }],
    ['another scheme', { Authorization => "Token $admin{pim}" }],
    ['headers of a proxy', { %{ bearer($customer{ACME01}) }, 'X-Forwarded-User' => 'pim', 'Remote-User' => 'pim', 'X-Role' => 'admin', 'X-Admin' => '1' }],
    ['claims of an admin client under the signature of a customer', bearer("$head.$of_admin.$mark")],
    map({ ["role $_->[0]", made(sub => $_->[2] // 'pim', client_id => $_->[2] // 'pim', role => $_->[1])] } ['Admin', 'Admin'], ['ADMIN', 'ADMIN'], ["'admin '", 'admin '], ["' admin'", ' admin'],
        ['administrator', 'administrator'], ['owner', 'owner'], ['customer', 'customer'], ["''", ''], ['null', undef], ['true', JSON::PP::true], ['1', 1], ['[admin]', ['admin']], ['{admin}', { admin => 1 }],
        ["'admin,customer'", 'admin,customer'], ['admin of a customer', 'admin', 'ACME01'], ['admin of nobody', 'admin', 'nobody'], ['admin of "PIM"', 'admin', 'PIM'], ['admin of "pim "', 'admin', 'pim ']),
    ['no role', made(sub => 'pim', client_id => 'pim')],
    ['roles', made(sub => 'pim', client_id => 'pim', roles => ['admin'])],
    ['another issuer', made(sub => 'pim', client_id => 'pim', role => 'admin', iss => 'https://other')],
    ['another audience', made(sub => 'pim', client_id => 'pim', role => 'admin', aud => 'https://other')],
    ['an old token', made(sub => 'pim', client_id => 'pim', role => 'admin', exp => $time - 300)],
);

my $before = content();
my %is = map { ("$_->[0] $_->[1]" => 1) } @operations;
my @others = map { my $path = $_; map { [$_, $path] } grep { !$is{"$_ $path"} } qw(HEAD PUT POST DELETE PATCH) } sort keys %{ { map { $_->[1] => 1 } @operations } };
for my $stranger (@strangers) {
    my ($who, $headers) = @$stranger;
    my @wrong;
    for (@operations) {
        my ($method, $path, $body, $type) = @$_;
        for my $more ({}, $who =~ /\Arole/ ? () : { 'If-None-Match' => '*', 'Idempotency-Key' => 'isolated' }) {
            my $res = ask($method, $path, { %$headers, %$more }, $body, $type);
            push @wrong, "$method $path: $res->{status} " . ($res->{content} // '') if $res->{status} !~ /\A40[13]\z/ || ($res->{content} // '') =~ /\Q$sku\E|isolated/;
        }
    }
    # No method that the table does not have for a path lets anybody in either.
    for ($who =~ /\Arole/ ? () : @others) {
        my ($method, $path) = @$_;
        my $res = ask($method, $path, $headers, '{}', 'application/json');
        push @wrong, "$method $path: $res->{status}" if $res->{status} !~ /\A40[135]\z/;
    }
    is few(@wrong), '', "$who: every operation is refused";
}
is content(), $before, 'nothing in the database has changed';

# ---- an admin client, and what is not its own

# Of the other APIs: what needs no credentials is what it always is, all else is refused, without a mark of what it would be.
sub may_not {
    my ($who, $headers, $api, $base, $own, @expect) = @_;
    my ($open, $closed, @wrong) = (0, 0);
    for (operations(document($api, $api eq 'kss' ? 'employee' : 'all'))) {
        my ($method, $path, $operation) = @$_;
        next if $path eq '/auth/token';
        $path = $base . $path =~ s/\{\w+\}/1/gr;
        my @needs = @{ $operation->{security} || [] };
        if (!@needs || grep { !%$_ } @needs) {
            my ($with, $without) = (ask($method, $path, $headers), ask($method, $path, {}));
            push @wrong, "$path: $with->{status}" if $without->{status} != 200
                || ("$with->{status} $with->{content}" ne "200 $without->{content}" && !(@needs && grep { $with->{status} == $_ } @expect));
            $open++;
            next;
        }
        my $mine = ask($method eq 'POST' ? 'GET' : $method, $path, $own);
        my $tag = $mine->{headers}{etag} // '"none"';
        for my $more ({}, { 'Accept-Encoding' => 'gzip' }, { Accept => 'text/csv' }, { 'If-None-Match' => $tag }, { 'If-None-Match' => '*' }, { 'If-Match' => $tag },
            { 'If-None-Match' => $tag, 'A-IM' => 'sku-delta' }, { Range => 'bytes=0-99' }, { 'If-Range' => $tag, Range => 'bytes=0-99' }) {
            for my $m ($method, $method eq 'GET' ? 'HEAD' : ()) {
                my $res = ask($m, $path, { %$headers, %$more }, $m eq 'POST' ? 'x=1' : ());
                push @wrong, "$m $path @{[%$more]}: $res->{status}" if !(grep { $res->{status} == $_ } @expect) || defined $res->{headers}{etag} || length($res->{content} // '') > 200;
            }
        }
        $closed++;
    }
    cmp_ok $closed, '>=', 10, "$who: $closed operations of the $api API are not its own, $open are everybody's";
    is few(@wrong), '', '... and all are as they should be';
    return;
}

may_not('an admin client', bearer($admin{pim}), 'customer', '', bearer($customer{ACME01}), 403);
may_not('an admin client with the code of a customer', bearer($admin{TWIN}), 'customer', '', bearer($customer{TWIN}), 403);
may_not('an admin client that is disabled', bearer($admin{off}), 'customer', '', bearer($customer{ACME01}), 403);
may_not('an admin client by Basic', basic('pim', $admin_key{pim}), 'customer', '', bearer($customer{ACME01}), 401, 403);
may_not('the key of an admin client', bearer($admin_key{pim}), 'customer', '', bearer($customer{ACME01}), 401);
may_not('the token of an admin client', bearer($admin{pim}), 'kss', '/api/v1', { 'x-api-key' => $employee }, 401);
may_not('its key', { 'x-api-key' => $admin_key{pim} }, 'kss', '/api/v1', { 'x-api-key' => $employee }, 401);
may_not('its token as a key', { 'x-api-key' => $admin{pim} }, 'kss', '/api/v1', { 'x-api-key' => $employee }, 401);
is content(), $before, 'and still nothing has changed';

# ---- one code, in turn: what a process has remembered of one is not the other's

{
    my @wrong;
    for my $round (1 .. 3) {
        for my $case ([customer => '/prices', 200], [admin => '/prices', 403], [admin => "/admin/products/$sku", 200], [customer => "/admin/products/$sku", 403], [customer => '/stock.csv', 200]) {
            my ($who, $path, $status) = @$case;
            my $res = ask(GET => $path, bearer($who eq 'admin' ? $admin{TWIN} : $customer{TWIN}));
            push @wrong, "$who $path: $res->{status}" if $res->{status} != $status;
        }
        # Each secret gets the token that is its own.
        for my $case ([$key{TWIN}, 403], [$admin_key{TWIN}, 200]) {
            my $token = $h->token('TWIN', $case->[0]);
            my $res = ask(GET => "/admin/products/$sku", bearer($token));
            push @wrong, "a new token: $res->{status}" if $res->{status} != $case->[1];
        }
    }
    is "@wrong", '', 'a customer and an admin client of one code, in turn';
    kissctl_ok(qw(customer disable TWIN));
    is ask(GET => '/prices', bearer($customer{TWIN}))->{status}, 401, 'the customer is disabled';
    is ask(GET => "/admin/products/$sku", bearer($admin{TWIN}))->{status}, 200, '... the admin client is not';
    kissctl_ok(qw(customer enable TWIN));
    kissctl_ok(qw(admin disable TWIN));
    is ask(GET => '/prices', bearer($customer{TWIN}))->{status}, 200, 'and the other way';
    is ask(GET => "/admin/products/$sku", bearer($admin{TWIN}))->{status}, 401, '... round';
    is $h->post('/auth/token', { grant_type => 'client_credentials', client_id => 'TWIN', client_secret => $admin_key{TWIN} })->{status}, 400, '... nor gets it a token';
}

# ---- an Idempotency-Key is a client's own

{
    kissctl_ok(qw(admin add other));
    my $other = $h->token('other', kissctl_ok(qw(admin-key issue other)) =~ s/\s+\z//r);
    my @sent = (POST => '/admin/products');
    my $repeat = { 'Idempotency-Key' => 'same' };
    is ask(@sent, { %{ bearer($admin{pim}) }, %$repeat }, '{"sku":"KEPT-1"}', 'application/json')->{status}, 201, 'a client uses a key';
    is ask(@sent, { %{ bearer($other) }, %$repeat }, '{"sku":"KEPT-2"}', 'application/json')->{status}, 201, 'another one uses the same for something else';
    is ask(@sent, { %{ bearer($other) }, %$repeat }, '{"sku":"KEPT-1"}', 'application/json')->{status}, 400, '... and is not told what the first one did';
}

# ---- a server with another database, which takes the same tokens

{
    my $elsewhere = new_database('admin_elsewhere');
    import_sample($elsewhere);
    grant_admin();
    kissctl_ok({ db => $elsewhere }, qw(customer add pim --price-list UKTRADE --warehouse UK01));
    my $s = start_httpd(db => $elsewhere, admin => '', token_keys => $h->{token_keys});
    my $status = sub { my ($method, $path, @more) = @_; return $s->request($method, $path, %{ bearer($admin{pim}) }, @more)->{status} };
    is $status->(GET => "/admin/products/$sku"), 401, 'an admin client of another database, where its code is a customer';
    is $status->(PUT => "/admin/products/$sku", 'Content-Type' => 'application/json', content => '{"theme":"isolated"}'), 401, '... writes nothing';
    is $status->(GET => '/prices'), 403, '... nor reads as that customer';
    $s->log_ok;
}

# ---- and all of these operations are ones that an admin client may do, in this order: what the strangers were refused

{
    my @order = sort { ($a->[0] eq 'DELETE') <=> ($b->[0] eq 'DELETE') } @operations;
    my @wrong = grep { $_->[1] !~ /\A2/ } map { my ($method, $path, $body, $type) = @$_; my $res = ask($method, $path, bearer($admin{pim}), $body, $type); ["$method $path " . ($res->{content} // ''), $res->{status}] } @order;
    is join(' ', map {"@$_"} @wrong), '', 'an admin client may';
    isnt content(), $before, '... and has changed something';
}

$h->log_ok;
done_testing;
