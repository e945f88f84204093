#!/usr/bin/perl
# The OpenAPI documents: their form, that they say what the contracts say, how they are served, and that every endpoint answers as its
# document says. All other tests compare the JSON answers that they get with these documents, too: t/lib/KissTest/OpenAPI.pm.
# SPDX-License-Identifier: Apache-2.0
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Digest::SHA ();
use JSON::PP ();
use Test::More;
use KissKssClient;
use KissKssContract;
use KissKssData;
use KissTest;
use KissTest::JSON;
use KissTest::OpenAPI qw(document operations operation_of schema_deviation answer_deviation checked);

my @ROLES = qw(employee customer supplier);
my %document = ((map { ("$_ all" => document($_, 'all')) } qw(customer feeds admin)), map { ("kss $_" => document('kss', $_)) } @ROLES, 'all');

# ---- what is compared by is found

sub json { return parse_json($_[0]) }
is schema_deviation(json('{"a":1}'), { type => 'object', properties => { a => { type => 'integer' } }, required => ['a'] }), '',
    'a value that is as its schema says';
for my $case (['{"a":1.5}', qr/^a is number/], ['{"a":"1"}', qr/^a is string/], ['{}', qr/^has no a/], ['{"a":1,"b":1}', qr/member b/],
    ['{"a":1,"a":1}', qr/twice/], ['[]', qr/^is array/], ['{"a":null}', qr/^a is null/]) {
    like schema_deviation(json($case->[0]), { type => 'object', properties => { a => { type => 'integer' } }, required => ['a'] }),
        $case->[1], "$case->[0]: the deviation is found";
}
for my $case ([{ type => ['string', 'null'], format => 'date' }, 'null', ''], [{ type => 'string', format => 'date' }, '"2026-02-30"', ''],
    [{ type => 'string', format => 'date' }, '"2026-13-01"', 'is'], [{ type => 'string', format => 'date-time' }, '"2026-01-01 10:00:00"', 'is'],
    [{ type => 'string', pattern => '^[0-9]+$' }, '"x"', 'is'], [{ enum => ['a'] }, '"b"', 'is'], [{ type => 'array', items => { type => 'string' } }, '["a",1]', '[1] is']) {
    my $why = schema_deviation(json($case->[1]), $case->[0]);
    $case->[2] eq '' ? is($why, '', "$case->[1] is right") : like($why, qr/^\Q$case->[2]\E/, "$case->[1] is wrong");
}
ok !eval { schema_deviation(json('1'), { maximum => 1 }); 1 }, 'an unknown keyword is not overlooked';
my $long = '[' . join(',', map { sprintf '{"SKU":"S%d","n":[{"x":"{\\"SKU\\":"}]}', $_ } 1 .. 2000) . ']';
my $sampled = parse_json(KissTest::OpenAPI::sample($long, 'SKU'));
is $#$sampled, 5, 'of a long list five rows are looked at';
is join(' ', map { $_->[1][1][1] } @$sampled[1, -1]), 'S1 S2000', '... the first and the last one among them';

# ---- form

# All nodes of a document, each with its place.
sub walk {
    my ($node, $place, $visit) = @_;
    $visit->($node, $place);
    walk($node->{$_}, "$place/$_", $visit) for ref $node eq 'HASH' ? sort keys %$node : ();
    walk($node->[$_], "$place/$_", $visit) for ref $node eq 'ARRAY' ? 0 .. $#$node : ();
    return;
}

for my $name (sort keys %document) {
    my $d = $document{$name};
    my (@wrong, %used, %id, %tag);
    is $d->{openapi}, '3.1.0', "$name: OpenAPI 3.1.0";
    ok !(grep { !length($d->{info}{$_} // '') } qw(title version description)), '... with title, version, description';
    ok $d->{info}{contact}{name} && $d->{info}{license}{identifier}, '... contact and licence';
    $tag{ $_->{name} } = length $_->{description} for @{ $d->{tags} };
    walk($d, '', sub {
        my ($node, $place) = @_;
        return if ref $node ne 'HASH';
        if (exists $node->{'$ref'}) {
            push @wrong, "$place: more than a reference" if keys %$node > 1;
            eval { KissTest::OpenAPI::resolve($d, $node); 1 } or push @wrong, "$place: $@";
            $used{ $node->{'$ref'} } = 1;
        }
        return if $place =~ m{/properties$};
        push @wrong, "$place: $_" for grep { exists $node->{$_} } qw(nullable const prefixItems oneOf anyOf multipleOf);
        push @wrong, "$place: int64" if ($node->{format} // '') eq 'int64';
        push @wrong, "$place: null in enum" if ref $node->{enum} eq 'ARRAY' && grep { !defined } @{ $node->{enum} };
        push @wrong, "$place: closed" if exists $node->{additionalProperties} && !ref $node->{additionalProperties};
    });
    for my $kind (grep { $_ ne 'securitySchemes' } sort keys %{ $d->{components} }) {
        push @wrong, map {"component $kind/$_ is used nowhere"} grep { !$used{"#/components/$kind/$_"} } sort keys %{ $d->{components}{$kind} };
    }
    for my $schema (sort keys %{ $d->{components}{schemas} }) {
        my $s = $d->{components}{schemas}{$schema};
        push @wrong, "$schema has no description" if !length($s->{description} // '');
        walk($s->{properties}, $schema, sub {
            my ($node, $place) = @_;
            return if ref $node ne 'HASH' || $place !~ m{^\w+/\w+$|/properties/\w+$};
            push @wrong, "$place has no description" if !length($node->{description} // '');
        });
    }
    for my $o (operations($d)) {
        my ($method, $path, $op) = @$o;
        my $where = "$method $path";
        push @wrong, "$where: no $_" for grep { !length($op->{$_} // '') } qw(operationId summary description);
        push @wrong, "$where: $op->{operationId} twice" if $id{ $op->{operationId} }++;
        push @wrong, "$where: tags" if @{ $op->{tags} } != 1 || !delete $tag{ $op->{tags}[0] } && !grep { $_->{name} eq $op->{tags}[0] } @{ $d->{tags} };
        push @wrong, "$where: no security" if ref $op->{security} ne 'ARRAY';
        push @wrong, map {"$where: no security scheme $_"} grep { !$d->{components}{securitySchemes}{$_} } map { keys %$_ } @{ $op->{security} };
        my $uncounted = $path =~ m{^/\.well-known/};
        push @wrong, "$where: nothing for $_" for grep { !$op->{responses}{$_} } $uncounted ? () : 429, qw(500 default);
        my @params = map { KissTest::OpenAPI::resolve($d, $_) } @{ $op->{parameters} };
        push @wrong, map {"$where: $_->{name} is not described"} grep { !length($_->{description} // '') || !$_->{schema} } @params;
        is join(' ', map { $_->{name} } grep { $_->{in} eq 'path' && $_->{required} } @params), join(' ', $path =~ /\{(\w+)\}/g),
            "$name: $where: parameters of the path";
        for my $status (sort keys %{ $op->{responses} }) {
            my $r = KissTest::OpenAPI::resolve($d, $op->{responses}{$status});
            push @wrong, "$where $status: no description" if !length($r->{description} // '');
            push @wrong, "$where $status: no X-Request-Id" if !$r->{headers}{'X-Request-Id'};
            push @wrong, "$where $status: no limits" if !$uncounted && !grep {/^(?:X-Rate-Limit|RateLimit)-Remaining$/} keys %{ $r->{headers} };
            push @wrong, "$where $status: content" if ($status =~ /^(?:204|304)$/) == !!$r->{content} && !($status eq '401' && !$r->{content});
            push @wrong, "$where $status: no Retry-After" if $status =~ /^(?:429|503)$/ && !$r->{headers}{'Retry-After'};
        }
        my %header = map { $_->{name} => 1 } grep { $_->{in} eq 'header' } @params;
        push @wrong, "$where: 304 and If-None-Match" if !$op->{responses}{304} != !$header{'If-None-Match'};
        push @wrong, "$where: 226 and A-IM" if !$op->{responses}{226} != !$header{'A-IM'};
    }
    push @wrong, map {"tag $_ is used nowhere"} sort keys %tag;
    is join("\n", @wrong), '', "$name: the document is sound";
}
is join(' ', sort { $a cmp $b } keys %{ $document{'customer all'}{paths} }),
    '/.well-known/oauth-authorization-server /.well-known/oauth-protected-resource /api/version /auth/token /health /openapi.json /prices /prices.bom.csv /prices.csv /prices.ndjson /products /products.bom.csv /products.csv /products.ndjson /products/schema /stock /stock.bom.csv /stock.csv /stock.ndjson /stock/schema',
    'the Customer API has the endpoints of its contract, and this document';

# ---- the KSS API: what its contract says, for each type of key

my %FIELD = (n => 'number', t => 'string', b => 'boolean', d => 'string date', z => 'string date-time', f0 => 'string ^-?[0-9]+$',
    f2 => 'string ^-?[0-9]+\.[0-9]{2}$', f6 => 'string ^-?[0-9]+\.[0-9]{6}$');

# A field of the contract, and a property of a document, as text.
sub contract_field {
    my ($f) = @_;
    return "array($FIELD{$1})" . ($f->{null} ? ' null' : '') if $f->{type} =~ /^\[(\w)\]$/;
    return 'array(' . join(' ', map {"$_->{name}:" . contract_field($_)} @{ $f->{nested} }) . ')' if $f->{nested};
    return $FIELD{ $f->{type} } . ($f->{null} ? ' null' : '');
}
sub property_text {
    my ($p) = @_;
    my @types = ref $p->{type} ? @{ $p->{type} } : $p->{type};
    my $null = @types == 2 && $types[1] eq 'null' ? ' null' : '';
    return 'array(' . (($p->{items}{type} // '') eq 'object' ? members_text($p->{items}) : property_text($p->{items})) . ")$null"
        if $types[0] eq 'array';
    return join(' ', $types[0] =~ s/integer/number/r, map { $p->{$_} // () } qw(format pattern)) . $null;
}
sub members_text {
    my ($s) = @_;
    is_deeply [sort keys %{ $s->{properties} }], [sort @{ $s->{required} }], 'all members are always there';
    return join ' ', map {"$_:" . property_text($s->{properties}{$_})} @{ $s->{required} };
}

my %locked = (customer => { '/products' => ['Statuses'] }, map { my $r = $_; $r => {} } qw(employee supplier));
for my $path (qw(/suppliers /users /vendors /payments/types)) {
    push @{ $locked{$_}{$path} }, 'Active' for qw(customer supplier);
}
for my $role (@ROLES, 'all') {
    my $d = $document{"kss $role"};
    my %left = map { ("$_->[0] $_->[1]" => 1) } operations($d);
    my @mine = $role eq 'all' ? @ROLES : $role;
    for my $e (endpoints()) {
        my $path = $e->{path} =~ s/:(\w+)/{$1}/r;
        my $may = !grep { !KissKssContract::allowed($e, $_) } @mine;
        is !!delete $left{"GET $path"}, !!$may, "$role: $path is in the document" . ($may ? '' : ' of those only who may call it');
        next if !$may;
        my $op = $d->{paths}{$path}{get};
        my $page = KissTest::OpenAPI::resolve($d, $op->{responses}{200}{content}{'application/json'}{schema});
        my $row = KissTest::OpenAPI::resolve($d, $page->{properties}{Data}{items});
        my %not = map { $_ => 1 } map { my $r = $_; my %has = map { $_->{name} => 1 } fields_for($e, $r); grep { !$has{$_} } map { $_->{name} } @{ $e->{fields} } } @mine;
        is members_text($row), join(' ', map {"$_->{name}:" . contract_field($_)} grep { !$not{ $_->{name} } } @{ $e->{fields} }), '... with its fields';
        my %without = map { $_ => 1 } map { @{ $locked{$_}{ $e->{path} } || [] } } @mine;
        $without{SupplierIDs} = 1 if $e->{path} eq '/payments/openInvoices' && grep { $_ ne 'supplier' } @mine;
        my @params = map { KissTest::OpenAPI::resolve($d, $_) } @{ $op->{parameters} };
        my @own = grep { $_->{in} ne 'header' && $_->{name} !~ /^Page(?:Size)?$/ } @params;
        is join(' ', map { $_->{name} . ($_->{required} ? '!' : '') } @own),
            join(' ', map { $_->{name} . ($_->{required} ? '!' : '') } grep { !$without{ $_->{name} } } @{ $e->{params} }), '... and parameters';
        is join(' ', grep { $_ !~ /^If-None-Match$/ } map { $_->{name} } @params[@own .. $#params]), $e->{kind} eq 'list' ? 'Page PageSize' : '', '... and pages';
        for my $p (grep { $_->{schema}{type} eq 'array' } @own) {
            ok $p->{style} eq 'form' && !$p->{explode}, "... $p->{name} with commas";
            my ($form) = map { $_->{form} } grep { $_->{name} eq $p->{name} } @{ $e->{params} };
            is '(' . join(',', @{ $p->{schema}{items}{enum} }) . ')', $form, '... of these words' if $p->{schema}{items}{enum};
        }
    }
    is join(' ', sort keys %left), $role =~ /^(?:supplier|all)$/ ? 'GET /openapi.json' : 'GET /openapi.json POST /payments/applications',
        "$role: and nothing else but the POST, where it may, and this document";
}
is_deeply [map { $_->{schema}{default} } grep { ($_->{name} // '') eq 'AccountStatuses' } @{ $document{'kss employee'}{paths}{'/customers'}{get}{parameters} }],
    [['Active']], 'what is left out is said';

# ---- the documentation page: its parts are those of the version that is named, and come from this server only

my $www = top() . '/www/docs';
my %sum = reverse map {split} split /\n/, slurp("$www/swagger-ui/SHA256SUMS");
is_deeply [sort keys %sum], [sort grep { !/^(?:SHA256SUMS|VERSION)$/ } map { m{([^/]+)$} } glob "$www/swagger-ui/*"], 'the viewer has its files';
is Digest::SHA::sha256_hex(slurp("$www/swagger-ui/$_")), $sum{$_}, "... $_ is as published" for sort keys %sum;
my ($viewer) = slurp("$www/swagger-ui/VERSION") =~ /^([\d.]+)$/;
like slurp(top() . '/NOTICE'), qr/Swagger UI \Q$viewer\E/, '... NOTICE names it, with its version';
for my $page ('index.html', 'kss.html', 'docs.js', 'docs.css') {
    my $text = slurp("$www/$page");
    unlike $text, qr{https?://|//\w}, "$page names no other host";
    next if $page !~ /html$/;
    like $text, qr/"default-src 'none'; script-src 'self'; style-src 'self';/, '... has a strict policy';
    unlike $text, qr/<script(?![^>]*\bsrc=)|<style|\bstyle=|\bon\w+=/, '... and nothing inline';
    is_deeply [grep { !-e "$www/$_" } grep { !/^(?:data:|\.\.\/)/ } $text =~ /\b(?:src|href)="([^"]+)"/g], [], '... and all its files';
}

# ---- served: the Customer API

my $db = new_database('openapi');
import_sample($db);
my $key = issue_key('ACME01');
my $h = start_httpd(location => "KissTokenIssuer https://api.kiss.test\nKissTokenAudience https://api.kiss.test", limits => "KissLimit 1000 10000\nKissLimitAnonymous 1000 10000");
my $res = $h->get('/openapi.json');
is $res->{status}, 200, '/openapi.json needs no token';
is $res->{headers}{'content-type'}, 'application/json; charset=utf-8', '... is JSON';
my $tag = $res->{headers}{etag} // '';
like $tag, qr/\A"[\w-]{22}"\z/, '... has a strong ETag';
is $res->{headers}{'cache-control'}, 'private, no-cache', '... is to be asked for again';
like $res->{headers}{vary}, qr/Authorization/, '... and belongs to who asks';
ok $res->{headers}{'x-request-id'} && $res->{headers}{'x-rate-limit-remaining'}, '... is counted like others';
my $served = $h->json($res);
is_deeply [map { $_->{url} } @{ $served->{servers} }], [$h->{url}], '... names the server that was asked';
is $served->{components}{securitySchemes}{clientCredentials}{flows}{clientCredentials}{tokenUrl}, "$h->{url}/auth/token", '... and its token endpoint';
my $same = document('customer', 'all');
is_deeply $served->{paths}, $same->{paths}, '... and the paths that t/tools/openapi prints, which tests compare answers with';
is $h->get('/openapi.json', 'If-None-Match' => $_)->{status}, 304, "If-None-Match: $_" for $tag, "W/$tag", '*', qq("x", $tag);
my $not = $h->get('/openapi.json', 'If-None-Match' => $tag);
is join(' ', $not->{headers}{etag}, length($not->{content} // '')), "$tag 0", '304 has the tag, and no body';
is $h->get('/openapi.json', 'If-None-Match' => '"AAAAAAAAAAAAAAAAAAAAAA"')->{status}, 200, 'another tag';
is $h->get('/openapi.json', 'If-Match' => '"AAAAAAAAAAAAAAAAAAAAAA"')->{status}, 412, 'If-Match';
my $feeds = start_httpd(location => "KissFeedBasic On", limits => "KissLimit 1000 10000\nKissLimitAnonymous 1000 10000");
my $of_feeds = $feeds->json($feeds->get('/openapi.json'));
is_deeply $of_feeds->{paths}, document('feeds', 'all')->{paths}, 'KissFeedBasic: as t/tools/openapi prints it';
is_deeply $of_feeds->{components}{securitySchemes}{customerKey}{scheme}, 'basic', '... it has Basic';
for my $o (operations($of_feeds)) {
    my ($method, $path, $op) = @$o;
    my $is_list = $path =~ m{^/(?:products|stock|prices)(?:\.|$)} ? 1 : 0;
    my ($without) = operation_of($same, $method, $path);
    is scalar(grep { $_->{customerKey} } @{ $op->{security} }), $is_list, "$path: Basic is for lists";
    is $op->{responses}{200}{headers}{'Last-Modified'} ? 1 : 0, $is_list, '... and a date';
    is_deeply [$without->{security}, exists $without->{responses}{200}{headers}{'Last-Modified'}],
        [[grep { !$_->{customerKey} } @{ $op->{security} }], ''], '... elsewhere there is neither';
}
$feeds->log_ok;
my $head = $h->request('HEAD', '/openapi.json');
is join(' ', @{ $head->{headers} }{qw(etag content-length)}, length($head->{content} // '')), join(' ', $tag, length $res->{content}, 0), 'HEAD';
my $post = $h->post('/openapi.json', {});
is join(' ', $post->{status}, $post->{headers}{allow} // ''), '405 GET, HEAD', 'POST';
is $h->get('/openapi.json/')->{status}, 404, 'a slash at the end is another path';
is $h->get('/openapi.json', Authorization => 'Bearer no.token.atall')->{status}, 200, 'a token that is not valid changes nothing';
# The head, and the document, as who calls the server by another name gets it.
sub called_by {
    my ($name) = @_;
    my ($top, $body) = split /\r\n\r\n/, $h->raw("GET /openapi.json HTTP/1.1\r\nHost: $name\r\nConnection: close\r\n\r\n"), 2;
    return ($top, JSON::PP->new->utf8->decode($body));
}
my ($top, $other) = called_by('shop.test:8443');
is $other->{servers}[0]{url}, 'http://shop.test:8443', 'another name of the server';
unlike $top, qr/^ETag: \Q$tag\E/m, '... is another document';
$h->rewrite(config => "UseCanonicalName On\nServerName https://api.kiss.test\nServerAdmin api\@kiss.test\n")->restart;
($top, $served) = called_by('shop.test:8443');
is $served->{servers}[0]{url}, 'https://api.kiss.test', 'UseCanonicalName On: that of ServerName, as behind a proxy that ends TLS';
is $served->{info}{contact}{email}, 'api@kiss.test', '... and ServerAdmin is the contact';
$h->rewrite(config => "ServerAdmin https://kiss.test/help\n<Location /openapi.json>\nRequire all denied\n</Location>\n")->restart;
is $h->get('/openapi.json')->{status}, 403, 'Require decides who may have it';
$h->rewrite(config => '')->restart;

# Every endpoint, and the kinds of answers to each.
my $token = $h->token('ACME01', $key);
my @bearer = (Authorization => "Bearer $token");
for my $o (operations($same)) {
    my ($method, $path, $op) = @$o;
    next if $method ne 'GET';
    my $r = $h->get($path, @bearer);
    is $r->{status}, 200, "GET $path";
    my ($type) = keys %{ $op->{responses}{200}{content} };
    like $r->{headers}{'content-type'}, qr/^\Q$type\E\b/, '... is what the document says';
    my %has = map { lc $_ => 1 } keys %{ $op->{responses}{200}{headers} };
    is join(' ', grep { !defined $r->{headers}{$_} } sort keys %has), '', '... with its headers';
    is $h->get($path)->{status}, @{ $op->{security} } ? 401 : 200, '... without credentials';
    is $h->get($path, @bearer, 'If-None-Match' => $r->{headers}{etag})->{status}, 304, '... unchanged' if $op->{responses}{304};
}
is $h->post('/auth/token', { grant_type => 'password', client_id => 'A', client_secret => 'B' })->{status}, 400, 'POST /auth/token: 400';
is $h->post('/auth/token', { grant_type => 'client_credentials', client_id => 'A', client_secret => 'B' })->{status}, 401, '... 401';
my %before = map { $_ => $h->get($_, @bearer)->{headers}{etag} } qw(/products /stock /prices);
sql($db, "UPDATE stock SET available_qty = available_qty + 1; UPDATE price SET unit_price = unit_price + 1; UPDATE product SET theme = 'Moon'");
is $h->get($_, @bearer, 'A-IM' => 'sku-delta', 'If-None-Match' => $before{$_})->{status}, 226, "$_: changes" for sort keys %before;
my %called = %{ checked() };
for my $o (operations($same)) {
    my ($method, $path, $op) = @$o;
    my @json = grep { /^2/ && $op->{responses}{$_}{content}{'application/json'} } sort keys %{ $op->{responses} };
    is join(' ', grep { !$called{"customer $method $path $_"} } @json), '', "customer: $method $path was compared with the document";
}
$h->log_ok(qr/AH01630: client denied/);
$h = start_httpd(limits => "KissLimit 2 1000\nKissLimitAnonymous 2 1000");
$token = $h->token('ACME01', $key);
is $h->get('/stock', Authorization => "Bearer $token")->{status}, $_, "limits: $_" for 200, 429;
is $h->get('/openapi.json')->{status}, $_, "the document is limited, too: $_" for 200, 200, 429;
$h->log_ok;
undef $h;

# The documentation page, by the lines of the sample configurations.
my $pages = tempdir_here() . '/docs';
run({}, 'cp', '-R', $www, $pages);
run({}, 'chmod', '-R', 'a+rX', $pages);
my $mime = "TypesConfig /dev/null\nAddType text/html .html\nAddType text/css .css\nAddType text/javascript .js\n";
for my $case (['kiss-site.conf', 'customer', 'index.html', $db], ['kss-site.conf', 'kss', 'kss.html', new_database('openapidocs', api => 'kss')]) {
    my ($file, $api, $page, $of) = @$case;
    my ($lines) = slurp(top() . "/conf/$file") =~ m{^( *Alias /docs .*?</Directory>\n)}ms;
    $lines =~ s{/usr/share/mod_kiss/www/docs}{$pages}g;
    my $d = start_httpd(api => $api, db => $of, modules => [qw(alias dir mime headers filter deflate)], config => "$mime$lines");
    like $d->get('/docs')->{headers}{location}, qr{/docs/$}, "$file: /docs";
    my $r = $d->get('/docs/');
    is join(' ', $r->{status}, $r->{content} eq slurp("$www/$page") ? 'same' : 'other'), '200 same', "... /docs/ is $page";
    like $r->{headers}{'content-security-policy'}, qr/^default-src 'none'; script-src 'self'; style-src 'self';.*; frame-ancestors 'none'$/, '... with a strict policy';
    my ($meta) = $r->{content} =~ /Content-Security-Policy" content="([^"]+)"/;
    is $r->{headers}{'content-security-policy'}, "$meta; frame-ancestors 'none'", '... that of the page';
    is $d->get("/docs/$_->[0]")->{headers}{'content-type'}, $_->[1], "... $_->[0]" for ['docs.js', 'text/javascript'], ['swagger-ui/swagger-ui.css', 'text/css'];
    is $d->get('/docs/none')->{status}, 404, '... and no other file';
    my ($document) = $r->{content} =~ m{data-openapi="\.\.(/[^"]+)"};
    is $d->json($d->get($document))->{openapi}, '3.1.0', "... it shows $document";
    $d->log_ok;
}

# ---- served: the KSS API

my $kss = new_database('openapikss', api => 'kss');
import_kss($kss, write_kss_data(tempdir_here()));
my %keys = map { $_->[0] => issue_kss_key(type => $_->[0], $_->[1] ? (ids => $_->[1]) : ()) } ['employee'], [customer => [1, 2, 3]], [supplier => [1, 2, 5]];
$h = start_httpd(api => 'kss', limits => 'KissKeyLimit 10000');
my %answer = map { $_ => $h->get('/api/v1/openapi.json', $_ eq 'all' ? () : ('x-api-key' => $keys{$_})) } @ROLES, 'all';
for my $role (sort keys %answer) {
    is $answer{$role}{status}, 200, "$role: the document";
    my $d = $h->json($answer{$role});
    is_deeply [$d->{servers}[0]{url}, $d->{paths}, $d->{components}], ["$h->{url}/api/v1", @{ $document{"kss $role"} }{qw(paths components)}],
        '... of what this type gets';
    is $h->get('/api/v1/openapi.json', 'If-None-Match' => $answer{$role}{headers}{etag}, $role eq 'all' ? () : ('x-api-key' => $keys{$role}))->{status},
        304, '... unchanged';
}
my %tags = map { $_->{headers}{etag} => 1 } values %answer;
is scalar keys %tags, 4, 'each has its own ETag';
like $answer{all}{headers}{vary}, qr/x-api-key/i, 'and is kept for its key';
ok defined $answer{supplier}{headers}{'ratelimit-remaining'} && !defined $answer{all}{headers}{'ratelimit-remaining'}, 'a request with a key counts';
is $h->get('/api/v1/openapi.json', 'x-api-key' => 'kss_wrong')->{status}, 401, 'a wrong key is refused, as everywhere';
is $h->get('/api/v1/openapi.json', 'x-api-key' => '')->{status}, 401, '... and an empty one';
is $h->post('/api/v1/openapi.json', {})->{status}, 401, 'another method without a key';
is $h->post('/api/v1/openapi.json', {}, 'x-api-key' => $keys{employee})->{status}, 404, '... and with one';
is $h->request('HEAD', '/api/v1/openapi.json')->{headers}{etag}, $answer{all}{headers}{etag}, 'HEAD';

# Ids that the parameters of the others need.
sub ids {
    my ($list, $name) = @_;
    return map { $_->{$name} } @{ $h->json($h->get("/api/v1$list", 'x-api-key' => $keys{employee}))->{Data} };
}
my %ids = (InvoiceID => [ids('/invoices?Statuses=1,2,3,4,5,7&PageSize=500', 'InvoiceID')], PurchaseID => [ids('/purchases?PageSize=500', 'PurchaseID')],
    CustomerID => [1, 2, 3]);
my %rows;
for my $role (@ROLES) {
    my $d = $document{"kss $role"};
    for my $o (operations($d)) {
        my ($method, $path, $op) = @$o;
        next if $method ne 'GET' || $path eq '/openapi.json';
        my @needed = grep { $_->{required} && $_->{in} eq 'query' } map { KissTest::OpenAPI::resolve($d, $_) } @{ $op->{parameters} };
        my $url = '/api/v1' . ($path =~ s/\{(\w+)\}/($ids{ ucfirst $1 } || [1])->[0]/er) . '?PageSize=500' . join '', map { "&$_->{name}=" . join ',', @{ $ids{ $_->{name} =~ s{s\z}{}r } } } @needed;
        my $r = $h->get($url, 'x-api-key' => $keys{$role});
        is $r->{status}, 200, "$role: GET $path";
        $rows{$path} += @{ $h->json($r)->{Data} };
        my %has = map { lc $_ => 1 } keys %{ $op->{responses}{200}{headers} };
        is join(' ', grep { !defined $r->{headers}{$_} } sort keys %has), '', '... with its headers';
        is $h->get($url, 'x-api-key' => $keys{$role}, 'If-None-Match' => $r->{headers}{etag})->{status}, 304, '... unchanged';
    }
}
is join(' ', grep { !$rows{$_} } sort keys %rows), '', 'each endpoint had rows for one of them';
my ($payment) = grep { $_->{AvailableBalance} > 1 } @{ $h->json($h->get('/api/v1/payments?PageSize=500', 'x-api-key' => $keys{employee}))->{Data} };
my ($invoice) = @{ $h->json($h->get("/api/v1/payments/openInvoices?ARAccountIDs=$payment->{ARAccountID}", 'x-api-key' => $keys{employee}))->{Data} };
my %request = (PaymentInvoiceNum => $payment->{PaymentInvoiceNum}, TargetInvoiceNum => $invoice->{InvoiceNum}, ARAccountID => $payment->{ARAccountID}, Amount => '0.50');
is $h->post('/api/v1/payments/applications', \%request, 'x-api-key' => $keys{employee}, 'Idempotency-Key' => 'a')->{status}, 201, 'POST /payments/applications';
is $h->post('/api/v1/payments/applications', { %request, Amount => 0 }, 'x-api-key' => $keys{employee})->{status}, 400, '... 400';
is $h->post('/api/v1/payments/applications', \%request, 'x-api-key' => $keys{supplier})->{status}, 403, '... 403';
%called = %{ checked() };
for my $o (operations($document{'kss employee'})) {
    my ($method, $path) = @$o;
    ok $called{"kss $method $path " . ($method eq 'POST' ? 201 : 200)}, "kss: $method $path was compared with the document";
}
$h->log_ok;
done_testing;
