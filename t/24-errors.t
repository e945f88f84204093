# Errors, whoever finds them: the module or httpd itself, before or after it knows the location. Below an API's location each is the
# API's JSON, with X-Request-Id, and no cache gives it to another caller; an ErrorDocument changes nothing there.
# SPDX-License-Identifier: Apache-2.0
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use JSON::PP ();
use KissTest;
use Test::More;
use Time::HiRes qw(sleep time);

my $db = new_database('errors');
import_sample($db);
my $kss = new_database('errors_kss', api => 'kss');
import_kss($kss, top() . '/sql/sample-kss');
my $key = issue_key('ACME01');
my $kss_key = issue_kss_key(type => 'employee');

# parse($bytes): the last answer of a connection: status, headers (several of a name joined), content.
sub parse {
    my ($got) = @_;
    1 while $got =~ s{\AHTTP/1\.1 1\d\d .*?\r\n\r\n}{}s;
    my ($head, $body) = split /\r\n\r\n/, $got, 2;
    my ($status) = ($head // '') =~ m{\AHTTP/1\.[01] (\d+)};
    my %h;
    for (split /\r\n/, $head // '') {
        push @{ $h{ lc $1 } }, $2 if /\A([^:\s]+):\s*(.*)/;
    }
    return { status => $status, headers => { map { $_ => join ', ', @{ $h{$_} } } keys %h }, content => $body // '', raw => $got };
}

# is_error($res, $status, $api, $name): it is an error of that API.
sub is_error {
    my ($res, $status, $api, $name) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my ($h, $body) = @$res{qw(headers content)};
    subtest $name => sub {
        is $res->{status}, $status, 'status';
        like $h->{'x-request-id'} // '', qr/\A[A-Za-z0-9_-]{1,64}\z/, 'X-Request-Id';
        is $h->{'cache-control'}, 'no-store', 'Cache-Control';
        my $who = $api eq 'kss' ? 'x-api-key' : 'Authorization';
        like $h->{vary} // '', qr/(?:\A|, )\Q$who\E(?:,|\z)/, 'Vary';
        is $h->{'content-type'}, 'application/json; charset=utf-8', 'Content-Type';
        my $json = eval { JSON::PP->new->utf8->decode($body) };
        is_deeply [sort keys %{ $json || {} }], $api eq 'kss' ? ['Error'] : $api eq 'oauth' ? [qw(error error_description)] : ['error'],
            'the shape' or diag $res->{raw};
        like((values %{ $json || {} })[0] // '', qr/\A[\x20-\x7e]{5,}\z|\A\w+\z/, 'says something');
        is $h->{'content-length'}, length $body, 'its length';
        unlike $body, qr/<|localhost|Apache/, 'no HTML';
    };
    return;
}

# Requests that httpd refuses, each with its status. PATH stands for a path of the API, BASE for the location.
my $long = 'x' x 9000;
my @refused = (
    ['an encoded slash', 'GET BASE/a%2Fb HTTP/1.1', '', 404],
    ['an encoded NUL', 'GET BASE/a%00b HTTP/1.1', '', 404],
    ['a broken escape', 'GET BASE/%zz HTTP/1.1', '', 400],
    ['a URL that is too long', "GET BASE/$long HTTP/1.1", '', 414],
    ['a query that is too long', "GET PATH?a=$long HTTP/1.1", '', 414],
    ['a header that is too large', 'GET PATH HTTP/1.1', "X-Large: $long\r\n", 400],
    ['too many headers', 'GET PATH HTTP/1.1', join('', map {"X-$_: 1\r\n"} 1 .. 120), 400],
    ['a header without a colon', 'GET PATH HTTP/1.1', "nonsense\r\n", 400],
    ['an expectation that nobody meets', 'GET PATH HTTP/1.1', "Expect: the-unexpected\r\n", 417],
    ['a transfer coding that nobody knows', 'POST PATH HTTP/1.1', "Transfer-Encoding: x-none\r\n", '4\d\d|501'],
    ['two lengths', 'POST PATH HTTP/1.1', "Content-Length: 1\r\nContent-Length: 2\r\n", 400],
    ['a length that is no number', 'POST PATH HTTP/1.1', "Content-Length: x\r\n", 400],
    ['a method that nobody knows', 'MAKE PATH HTTP/1.1', '', '40[145]|501'],
    ['TRACE', 'TRACE PATH HTTP/1.1', '', '40[145]'],
    ['a path above the root', 'GET BASE/../../../x HTTP/1.1', '', '400|404']
);

for my $api (qw(customer kss shop)) {
    my ($base, $path) = $api eq 'kss' ? ('/api/v1', '/api/v1/customers') : $api eq 'shop' ? ('/shop', '/shop/prices') : ('', '/prices');
    my $shape = $api eq 'kss' ? 'kss' : 'customer';
    for my $documents (0, 1) {
        subtest "$api, what httpd refuses" . ($documents ? ', with ErrorDocument' : '') => sub {
            my $own = join '', map {"ErrorDocument $_ \"own text\"\n"} 400, 403, 404, 405, 412, 414, 416, 417, 501;
            my $page = join '', map {"ErrorDocument $_ /page.html\n"} 400, 403, 404, 405, 412, 414, 416, 417, 501;
            my $h = start_httpd(
                $api eq 'kss' ? (api => 'kss', db => $kss) : (db => $db, $api eq 'shop' ? (path => '/shop') : ()),
                # A path of the server would be another request: where httpd does not know the location yet it wins.
                config => $documents ? ($api eq 'customer' ? $page : $own) : '',
                location => $documents ? $page : ''
            );
            my @auth = $api eq 'kss' ? ('x-api-key' => $kss_key) : (Authorization => 'Bearer ' . ($h->post(($api eq 'shop' ? '/shop' : '')
                        . '/auth/token', { grant_type => 'client_credentials', client_id => 'ACME01', client_secret => $key })->{content}
                    =~ /"access_token":"([^"]+)"/)[0]);
            for my $case (@refused) {
                my ($name, $line, $headers, $status) = @$case;
                # What is above the root is below no location but "/".
                next if $line =~ m{/\.\./} && $base;
                my $request = "$line\r\nHost: localhost\r\nConnection: close\r\n$headers\r\n" =~ s/BASE/$base/r =~ s/PATH/$path/r;
                my $res = parse($h->raw($request));
                like $res->{status} // '', qr/\A(?:$status)\z/, "$name: $status";
                is_error($res, $res->{status}, $shape, $name);
                like $res->{content}, qr/:"The headers of the request are too large\."/, '... that says so' if $name =~ /header.*large|many headers/;
                next if $line !~ /\AGET/;
                my $head = parse($h->raw($request =~ s/\AGET/HEAD/r));
                is_deeply [@$head{qw(status content)}, @{ $head->{headers} }{qw(content-type content-length cache-control vary)}],
                    [$res->{status}, '', @{ $res->{headers} }{qw(content-type content-length cache-control vary)}], "... HEAD says the same";
            }
            my $range = $h->get($path, @auth, Range => 'bytes=99999999-');
            is_error($range, 416, $shape, 'a range outside of the content');
            is $range->{headers}{'content-range'}, 'bytes */' . length $h->get($path, @auth)->{content}, '... whose length it says';
            is $range->{headers}{etag}, undef, '... and no tag';
            ok $range->{headers}{'ratelimit'} || $range->{headers}{'ratelimit-limit'}, '... its limits';
            is_error($h->get($path, @auth, 'If-Match' => '"x"'), 412, $shape, 'a precondition');
            my $mine = $h->get("$base/a%2Fb", 'X-Request-Id' => 'mine');
            is $mine->{headers}{'x-request-id'}, 'mine', 'the id of the client is kept';
            $h->log_ok(qr/AH0|AH1/);
        };
    }
}

subtest 'elsewhere httpd speaks as ever' => sub {
    my $h = start_httpd(db => $db, path => '/api', config => "ErrorDocument 404 \"own text\"\n");
    my $res = $h->get('/nothing');
    is_deeply [@$res{qw(status content)}], [404, 'own text'], 'its ErrorDocument';
    is $res->{headers}{$_}, undef, "no $_" for qw(x-request-id vary);
    for my $line ('GET /a%zz HTTP/1.1', "GET /$long HTTP/1.1", 'GET /apis/%zz HTTP/1.1') {
        $res = parse($h->raw("$line\r\nHost: localhost\r\nConnection: close\r\n\r\n"));
        like $res->{content}, qr/<html>/i, substr($line, 0, 20) . ': its page';
        is $res->{headers}{'x-request-id'}, undef, '... as it is';
    }
    $h->log_ok(qr/AH0|AH1/);
};

subtest 'what a Require line refuses' => sub {
    spew(my $users = tempdir_here() . '/users', "me:\$apr1\$x\$y\n");
    for my $case (['Require all denied', 403], ["AuthType Basic\nAuthName x\nAuthBasicProvider file\nAuthUserFile $users\nRequire valid-user", 401],
        ["<LimitExcept POST>\nRequire all denied\n</LimitExcept>", 403])
    {
        my $h = start_httpd(db => $db, modules => [qw(authn_core authn_file authz_user auth_basic)], location => $case->[0],
            undocumented => 1);
        for my $path (qw(/prices /health /nothing)) {
            my $res = $h->get($path);
            is_error($res, $case->[1], 'customer', $case->[0] =~ s/\n.*//sr . ": $path");
            is $res->{headers}{'www-authenticate'}, 'Basic realm="x"', '... and how to log in' if $case->[1] == 401;
        }
        $h->log_ok(qr/AH0/);
    }
};

subtest 'the body of a request' => sub {
    my $h = start_httpd(db => $db, modules => ['reqtimeout'], location => 'LimitRequestBody 100', config => "RequestReadTimeout body=1\n");
    my $post = sub {
        my ($headers, $body) = @_;
        return parse($h->raw("POST /auth/token HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
                . "Content-Type: application/x-www-form-urlencoded\r\n$headers\r\n$body", 5));
    };
    is_error($post->("Content-Length: 200\r\n", 'x' x 200), 413, 'oauth', 'longer than LimitRequestBody');
    is_error($post->("Transfer-Encoding: chunked\r\n", "c8\r\n" . 'x' x 200 . "\r\n0\r\n\r\n"), 413, 'oauth', '... in chunks');
    is_error($post->("Transfer-Encoding: chunked\r\n", "zz\r\n"), 400, 'oauth', 'chunks that are none');
    is_error($post->("Content-Length: 50\r\n", 'grant_'), 408, 'oauth', 'too slow');
    is_error($post->('', ''), 400, 'oauth', 'none');
    my $good = $post->("Content-Length: 19\r\nExpect: 100-continue\r\n", 'grant_type=password');
    is_error($good, 400, 'oauth', 'one that can be read');
    is scalar(() = $good->{raw} =~ m{HTTP/1\.1 }g), 1, '... has one answer';
    $h->log_ok(qr/AH0/);
};

subtest 'a body that does not come, without mod_reqtimeout' => sub {
    my $h = start_httpd(db => $db, config => "Timeout 200\n");
    is_error(parse($h->raw("POST /auth/token HTTP/1.1\r\nHost: localhost\r\nContent-Length: 50\r\n"
        . "Content-Type: application/x-www-form-urlencoded\r\n\r\ngrant_", 60)), 408, 'oauth', 'is not waited for');
    $h->log_ok;
};

subtest 'a request that does not come, as shipped' => sub {
    for my $file (qw(conf/kiss-site.conf conf/kss-site.conf)) {
        my @sections = slurp(top() . "/$file") =~ m{^( *<IfModule reqtimeout_module>.*?</IfModule>\n)}msg;
        is scalar(@sections), scalar(() = slurp(top() . "/$file") =~ /^ *<VirtualHost/mg), "$file: a bound in each virtual host";
        cmp_ok $_, '<=', 20, '... of seconds' for map { /\b(?:handshake|header|body)=(\d+)/g } @sections;
        my $h = start_httpd(db => $db, modules => ['reqtimeout'], config => $sections[0] =~ s/\bbody=\d+/body=1/r);
        is_error(parse($h->raw("POST /auth/token HTTP/1.1\r\nHost: localhost\r\nContent-Length: 50\r\n"
            . "Content-Type: application/x-www-form-urlencoded\r\n\r\ngrant_", 5)), 408, 'oauth', '... a body is not waited for');
        $h->log_ok(qr/AH0/);
    }
};

subtest 'every answer varies by its caller' => sub {
    my $h = start_httpd(db => $db, limits => "KissLimit 1000 1000\nKissLimitAnonymous 12 1000");
    my @auth = (Authorization => 'Bearer ' . $h->token('ACME01', $key));
    my $check = sub {
        my ($res, $status, $who, $name) = @_;
        is $res->{status}, $status, $name;
        like $res->{headers}{vary} // '', qr/(?:\A|, ?)\Q$who\E(?:,|\z)/, '... Vary';
        like $res->{headers}{'cache-control'} // '', qr/\A(?:no-store|private, no-cache)\z/, '... Cache-Control';
        ok $res->{headers}{'x-request-id'}, '... X-Request-Id';
    };
    $check->($h->get($_, @auth), 200, 'Authorization', "200 $_") for qw(/prices /products/schema /api/version /health);
    $check->($h->get('/prices'), 401, 'Authorization', 'status 401');
    $check->($h->get('/nothing', @auth), 404, 'Authorization', 'status 404');
    $check->($h->post('/prices', 'x', @auth), 405, 'Authorization', 'status 405');
    $check->($h->post('/auth/token', { grant_type => 'x' }), 400, 'Authorization', '400 of the token endpoint');
    $check->($h->post('/auth/token', { grant_type => 'client_credentials', client_id => 'ACME01', client_secret => $key }), 200,
        'Authorization', '200 of the token endpoint');
    $check->($h->post('/auth/token', { grant_type => 'client_credentials', client_id => 'ACME01', client_secret => 'x' }), 401,
        'Authorization', '401 of the token endpoint');
    $check->($h->get('/prices', @auth, 'If-None-Match' => '*'), 304, 'Authorization', 'status 304');
    $h->get('/health') for 1 .. 12;
    $check->($h->get('/health'), 429, 'Authorization', 'status 429');
    $h->log_ok;

    my $tls = start_httpd(db => $db, location => 'KissAllowPlainHTTP Off');
    $check->($tls->get('/prices'), 403, 'Authorization', 'status 403');
    my $k = start_httpd(db => $kss, api => 'kss', limits => 'KissKeyLimit 3');
    my @key = ('x-api-key' => $kss_key);
    $check->($k->get('/api/v1/customers', @key), 200, 'x-api-key', 'status KSS 200');
    $check->($k->get('/api/v1/customers', @key, 'If-None-Match' => '*'), 304, 'x-api-key', 'status KSS 304');
    $check->($k->get('/api/v1/nothing', @key), 404, 'x-api-key', 'status KSS 404');
    $check->($k->get('/api/v1/customers', @key), 429, 'x-api-key', 'status KSS 429');
    $check->($k->get('/api/v1/customers'), 401, 'x-api-key', 'status KSS 401');
    $check->($k->get('/api/v1/customers', 'x-api-key' => 'x'), 401, 'x-api-key', 'KSS 401 of a wrong key');
    $k->log_ok;

    # The database is away.
    my $server = KissTest::Database->start;
    my $gone = new_database('errors_gone', server => $server);
    my $d = start_httpd(db => $gone, server => $server);
    $server->stop;
    $check->($d->get('/prices', @auth), 401, 'Authorization', '401 without a database');
    $check->($d->get('/health'), 503, 'Authorization', 'status 503');
    $d->log_ok(qr/KISS/);
};

done_testing;
