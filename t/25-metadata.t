#!/usr/bin/perl
# The metadata documents of the Customer API (RFC 8414, RFC 9728): what they say, where they are, for whom they count; and the headers
# of a profile that ends (RFC 9745, RFC 8594).
# SPDX-License-Identifier: Apache-2.0
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use KissTest;
use Test::More;

my $db = new_database('metadata');
import_sample($db);
my $kss = new_database('metadata_kss', api => 'kss');
import_kss($kss, top() . '/sql/sample-kss');
my $key = issue_key('ACME01');
my $kss_key = issue_kss_key(type => 'employee');

my $server = '/.well-known/oauth-authorization-server';
my $resource = '/.well-known/oauth-protected-resource';

# The document of an issuer, and of what it protects.
sub server_of {
    my ($issuer, $endpoint) = @_;
    return {
        issuer => $issuer,
        token_endpoint => $endpoint,
        response_types_supported => [],
        grant_types_supported => ['client_credentials'],
        token_endpoint_auth_methods_supported => ['client_secret_basic', 'client_secret_post']
    };
}

sub resource_of {
    my ($name, $issuer) = @_;
    return { resource => $name, authorization_servers => [$issuer], bearer_methods_supported => ['header'] };
}

# is_document($h, $path, $expected)
sub is_document {
    my ($h, $path, $expected) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $res = $h->get($path);
    is $res->{status}, 200, "$path is there" or return diag $res->{content};
    is_deeply $h->json($res), $expected, '... and says this';
    return $res;
}

subtest 'at the root' => sub {
    my $h = start_httpd(db => $db, modules => ['deflate']);
    my $res = is_document($h, $server, server_of('https://localhost', 'https://localhost/auth/token'));
    is_document($h, $resource, resource_of('https://localhost', 'https://localhost'));
    is $res->{headers}{'content-type'}, 'application/json; charset=utf-8', 'Content-Type';
    is $res->{headers}{'cache-control'}, 'public, max-age=3600', 'Cache-Control';
    my $tag = $res->{headers}{etag};
    like $tag, qr/\A"[\w-]{22}"\z/, 'a strong ETag';
    isnt $h->get($resource)->{headers}{etag}, $tag, '... of each document its own';

    my $same = $h->get($server, 'If-None-Match' => $tag);
    is $same->{status}, 304, 'If-None-Match: 304';
    is_deeply [@{ $same->{headers} }{qw(etag cache-control)}], [$tag, 'public, max-age=3600'], '... with ETag and Cache-Control';
    is $same->{content} // '', '', '... without a body';
    is $h->get($server, 'If-None-Match' => '"other"')->{status}, 200, 'another tag: 200';
    is $h->get($server, 'If-Match' => '"other"')->{status}, 412, 'If-Match of another tag: 412';

    my $head = $h->request('HEAD', $server);
    is $head->{status}, 200, 'HEAD';
    is $head->{content} // '', '', '... has no body';
    is $head->{headers}{$_}, $res->{headers}{$_}, "... $_ as of GET" for qw(etag content-length content-type cache-control);

    for my $method (qw(POST PUT DELETE)) {
        my $wrong = $h->request($method, $server, content => '');
        is $wrong->{status}, 405, "$method: 405";
        is $wrong->{headers}{allow}, 'GET, HEAD', '... with Allow';
        is_deeply [keys %{ $h->json($wrong) }], ['error'], "... an error of the API";
    }
    is $h->get($_)->{status}, 404, "$_: none"
        for "$server/", "$server/other", "$server/a/b", "${server}x", '/.well-known/', '/.well-known/openid-configuration';
    $h->log_ok;
};

subtest 'nobody pays for it' => sub {
    my $h = start_httpd(db => $db, limits => "KissLimit 3 100\nKissLimitAnonymous 2 100");
    my $bearer = 'Bearer ' . $h->token('ACME01', $key);
    for (1 .. 5) {
        is $h->get($server)->{status}, 200, 'without a token';
        my $res = $h->get($resource, Authorization => $bearer);
        is $res->{status}, 200, 'with a token';
        is_deeply [grep {/^x-rate|^ratelimit/} keys %{ $res->{headers} }], [], '... no headers of a limit';
        is $h->get($server, Authorization => 'Bearer nonsense')->{status}, 200, 'with a token that is none';
    }
    is $h->get('/api/version')->{status}, 200, 'the anonymous caller has its requests' for 1 .. 2;
    is $h->get('/api/version')->{status}, 429, '... all of them, and no more';
    is $h->get('/stock', Authorization => $bearer)->{status}, 200, 'the customer has those after its token' for 1 .. 2;
    is $h->get('/stock', Authorization => $bearer)->{status}, 429, '... and no more';
    $h->log_ok;
};

subtest 'without a database' => sub {
    my $h = start_httpd(db => $db);
    is $h->get($server)->{status}, 200, 'with it';
    my $away = start_httpd(db => $db, config => <<"CONF");
KissDatabase gone socket=/nonexistent/socket user=kiss dbname=gone
<Location "/">
    KissUseDatabase gone
</Location>
CONF
    is $away->get('/health')->{status}, 503, 'the database is away';
    is_document($away, $server, server_of('https://localhost', 'https://localhost/auth/token'));
    $_->log_ok(qr/KISS0201/) for $h, $away;
};

subtest 'issuer and audience' => sub {
    my $h = start_httpd(db => $db, location => "KissTokenIssuer https://auth.example:8443/shop/\nKissTokenAudience https://api.example/v/1");
    is_document($h, "$server/shop", server_of('https://auth.example:8443/shop/', 'https://auth.example:8443/auth/token'));
    is_document($h, "$resource/v/1", resource_of('https://api.example/v/1', 'https://auth.example:8443/shop/'));
    is $h->get($_)->{status}, 404, "$_: belongs to another" for $server, $resource, "$server/v/1", "$resource/shop", "$server/shop/";
    $h->log_ok;

    for my $bad ('kiss', 'http://localhost', 'https://', 'https://h/?q=1', 'https://h/#f', 'https://u@h', 'https://h/%41') {
        my $other = start_httpd(db => $db, location => "KissTokenIssuer $bad\nKissTokenAudience https://localhost");
        is $other->get($server)->{status}, 404, "issuer $bad: none";
        is $other->get($resource)->{status}, 404, "... nor of what it protects";
        like $other->log_text, qr/KISS0660: no metadata documents: issuer '\Q$bad\E'/, '... which the log says';
        ok $other->token('ACME01', $key), '... and there are tokens';
        $other->log_ok;
    }
    my $plain = start_httpd(db => $db, location => 'KissTokenAudience kiss-clients');
    is $plain->get($server)->{status}, 200, 'an audience that is no URL: the issuer has its document';
    is $plain->get($resource)->{status}, 404, '... and the audience none';
    like $plain->log_text, qr/KISS0660: no metadata document of a resource: audience 'kiss-clients'/, '... which the log says';
    $plain->log_ok;
};

subtest 'below a path, with other APIs' => sub {
    my $h = start_httpd(db => $db, path => '/customer', modules => ['rewrite'], location => 'KissTokenIssuer https://localhost/customer',
        config => <<"CONF");
@{[kss_location($kss, limits => '')]}RewriteEngine On
RewriteRule "^(/\\.well-known/oauth-(?:authorization-server|protected-resource))/customer\$" "/customer\$1" [PT]
CONF
    my $says = server_of('https://localhost/customer', 'https://localhost/customer/auth/token');
    is_document($h, "$server/customer", $says);
    is_document($h, "$resource/customer", resource_of('https://localhost/customer', 'https://localhost/customer'));
    is_document($h, "/customer$server", $says);
    is $h->get($_)->{status}, 404, "$_: none" for $server, $resource, "$server/other", "/customer$server/other";
    is $h->request('POST', "$server/customer", content => '')->{status}, 405, 'POST: 405';
    is $h->get("/api/v1$_", 'x-api-key' => $kss_key)->{status}, 404, "the KSS API has no $_" for $server, $resource;
    is $h->get("/api/v1$_")->{status}, 401, '... and asks who wants to know' for $server;
    $h->log_ok;
};

subtest 'virtual hosts' => sub {
    my $h = start_httpd(db => $db, config => <<'CONF');
<VirtualHost *>
    ServerName one.example
</VirtualHost>
<VirtualHost *>
    ServerName two.example
    <Location "/">
        KissTokenIssuer https://two.example/b
    </Location>
</VirtualHost>
CONF
    my $get = sub {
        my ($host, $path) = @_;
        return $h->raw("GET $path HTTP/1.1\r\nHost: $host\r\nConnection: close\r\n\r\n");
    };
    like $get->('one.example', $server), qr{"issuer":"https://one\.example"}, 'each has its name';
    like $get->('two.example', "$server/b"), qr{"issuer":"https://two\.example/b"}, '... or its issuer';
    like $get->('two.example', $server), qr{^HTTP/1\.1 404 }, '... and no other';
    $h->log_ok;
};

subtest 'plain HTTP' => sub {
    my $h = start_httpd(db => $db, location => 'KissAllowPlainHTTP Off');
    is $h->get($server)->{status}, 403, 'is refused as everywhere';
    $h->log_ok;
};

subtest 'a profile that ends' => sub {
    my $h = start_httpd(db => $db, config => <<"CONF");
KissDatabase kss socket=@{[db_server()->{socket}]} user=kiss dbname=$kss password-file=@{[db_server()->{dir}]}/kiss.password
KissSunset 2036-02-29T23:59:59Z
<Location "/">
    KissDeprecation 2035-12-31 https://localhost/news?a=1#b
    KissLimit 6 1000
</Location>
<Location "/api/v1">
    SetHandler kiss
    KissApi kss
    KissAllowPlainHTTP On
    KissDeprecation "2035-12-31 01:00 +01:00" https://localhost/kss
    KissSunset 2035-12-31 http://localhost/end
</Location>
<Location "/away">
    SetHandler none
</Location>
CONF
    my $bearer = 'Bearer ' . $h->token('ACME01', $key);
    my $list = $h->get('/stock', Authorization => $bearer);
    my $ends = sub {
        my ($name, $res, $status, $link, $sunset) = @_;
        is $res->{status}, $status, $name;
        my $all = $res->{headers};
        is_deeply [map { ref $all->{$_} ? "several: $_" : $all->{$_} } qw(deprecation sunset link)], ['@2082672000', $sunset, $link], '... says when';
    };
    my @customer = ('<https://localhost/news?a=1#b>; rel="deprecation"', 'Fri, 29 Feb 2036 23:59:59 GMT');
    my @kss = ('<https://localhost/kss>; rel="deprecation", <http://localhost/end>; rel="sunset"', 'Mon, 31 Dec 2035 00:00:00 GMT');
    $ends->('a list', $list, 200, @customer);
    $ends->('not modified', $h->get('/stock', Authorization => $bearer, 'If-None-Match' => $list->{headers}{etag}), 304, @customer);
    $ends->('a part', $h->get('/stock', Authorization => $bearer, Range => 'bytes=0-3'), 206, @customer);
    $ends->('no such part', $h->get('/stock', Authorization => $bearer, Range => 'bytes=99999999-'), 416, @customer);
    $ends->('HEAD', $h->request('HEAD', '/stock', Authorization => $bearer), 200, @customer);
    $ends->('too many requests', $h->get('/stock', Authorization => $bearer), 429, @customer);
    $ends->('without a token', $h->get('/stock'), 401, @customer);
    $ends->('no such path', $h->get('/nothing'), 404, @customer);
    $ends->('another method', $h->post('/stock', ''), 405, @customer);
    $ends->('what httpd refuses', $h->get('/stock/' . 'x' x 9000), 414, @customer);
    $ends->('the token endpoint', $h->post('/auth/token', {}), 400, @customer);
    $ends->('metadata', $h->get($server), 200, @customer);
    my $page = $h->get('/api/v1/states', 'x-api-key' => $kss_key);
    $ends->('a page', $page, 200, @kss);
    $ends->('not modified', $h->get('/api/v1/states', 'x-api-key' => $kss_key, 'If-None-Match' => $page->{headers}{etag}), 304, @kss);
    $ends->('without a key', $h->get('/api/v1/states'), 401, @kss);
    is_deeply [@{ $h->get('/away/x')->{headers} }{qw(deprecation sunset link)}], [undef, undef, undef], 'what is not ours does not end';
    $h->log_ok;

    my $none = start_httpd(db => $db);
    is_deeply [@{ $none->get('/health')->{headers} }{qw(deprecation sunset link)}], [undef, undef, undef], 'nothing without the directives';
    $none->log_ok;
};

done_testing;
