# POST /auth/token over the wire (contract section 2, "Left open" 1-4; RFC 6749): every answer with status, headers and
# exact body, the life of keys and customers, and that no secret reaches the log.
# SPDX-License-Identifier: Apache-2.0
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use JSON::PP ();
use KissTest;
use MIME::Base64 qw(decode_base64 encode_base64);
use Test::More;
use Time::HiRes ();

use constant FORM => 'application/x-www-form-urlencoded';
use constant INVALID_CLIENT => '{"error":"invalid_client","error_description":"Invalid client credentials."}';

my $db = new_database('auth');
import_sample($db);
my $key = issue_key('ACME01');
my $h = start_httpd(config => 'LogLevel debug kiss:trace8');
my @secrets = ($key);

sub encode { my ($text) = @_; return $text =~ s/([^A-Za-z0-9_.~-])/sprintf '%%%02X', ord $1/ger }
sub basic { my ($id, $secret) = @_; return 'Basic ' . encode_base64("$id:$secret", '') }

# Posts a body as it stands.
sub ask { my ($body, %header) = @_; return $h->post('/auth/token', $body, 'Content-Type' => FORM, %header) }

sub form {
    my ($id, $secret, $more) = @_;
    return 'grant_type=client_credentials&client_id=' . encode($id) . '&client_secret=' . encode($secret) . ($more // '');
}

sub granted {
    my ($res, $name) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    is $res->{status}, 200, "$name: 200" or diag $res->{content};
    return $res->{status} == 200 ? $h->json($res)->{access_token} : undef;
}

# An error of the endpoint: status, exact body, and the headers that all of its answers share. $challenge: the expected
# WWW-Authenticate, none if it is left out.
sub refused {
    my ($res, $status, $error, $description, $name, $challenge) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my %got = (
        status => $res->{status},
        body => $res->{content},
        map { $_ => $res->{headers}{$_} } qw(content-type cache-control pragma www-authenticate)
    );
    is_deeply \%got,
        {
            status => $status,
            body => qq({"error":"$error","error_description":"$description"}),
            'content-type' => 'application/json; charset=utf-8',
            'cache-control' => 'no-store',
            pragma => 'no-cache',
            'www-authenticate' => $challenge
        },
        $name
        or diag explain \%got;
    return;
}
sub malformed { my ($res, $description, $name) = @_; @_ = ($res, 400, 'invalid_request', $description, $name); goto &refused }

sub bad_client {
    my ($res, $name, $challenge) = @_;
    @_ = ($res, 401, 'invalid_client', 'Invalid client credentials.', $name, $challenge);
    goto &refused;
}

sub part { my ($token, $i) = @_; my $t = (split /\./, $token)[$i]; return JSON::PP::decode_json(decode_base64($t =~ tr{-_}{+/}r)) }
sub stock_status { my ($token) = @_; return $h->get('/stock', Authorization => "Bearer $token")->{status} }

# ---- success

subtest 'a token' => sub {
    my $before = time;
    my $res = ask(form('ACME01', $key));
    my $after = time;
    my $token = granted($res, 'form');
    like $res->{content}, qr/^\{"access_token":"[\w-]+\.[\w-]+\.[\w-]+","token_type":"Bearer","expires_in":3600\}$/,
        'exactly the three members, expires_in a number';
    is $res->{headers}{'content-type'}, 'application/json; charset=utf-8', 'Content-Type';
    is $res->{headers}{'cache-control'}, 'no-store', 'Cache-Control';
    is $res->{headers}{pragma}, 'no-cache', 'Pragma';
    is $res->{headers}{'content-length'}, length $res->{content}, 'Content-Length';
    is $res->{headers}{'set-cookie'}, undef, 'no cookie';

    is_deeply part($token, 0), { alg => 'HS256', typ => 'JWT', kid => 'test' }, 'header';
    my $c = part($token, 1);
    is_deeply [sort keys %$c], [qw(aud client_id exp iat iss jti nbf sub)], 'claims: these and no others';
    is_deeply [@$c{qw(sub client_id iss aud)}], ['ACME01', 'ACME01', 'https://localhost', 'https://localhost'],
        'who, from whom, for whom';
    ok $c->{iat} >= $before && $c->{iat} <= $after, 'iat is now';
    is $c->{nbf}, $c->{iat}, 'nbf is iat';
    is $c->{exp}, $c->{iat} + 3600, 'exp is an hour after iat';
    like $c->{jti}, qr/^[\w-]{22}$/, 'jti has 128 bits';
    my ($text) = map { decode_base64(tr{-_}{+/}r) } (split /\./, $token)[1];
    like $text, qr/"$_":\d+[,}]/, "$_ is a whole number" for qw(iat nbf exp);
    is stock_status($token), 200, 'it opens the data';

    my $other = granted(ask(form('ACME01', $key)), 'again');
    isnt part($other, 1)->{jti}, $c->{jti}, 'a second token has another jti';
    is stock_status($token), 200, 'and the first stays valid';
};

subtest 'other ways to ask for it' => sub {
    my $f = form('ACME01', $key);
    granted ask($f, 'Content-Type' => $_), $_
        for FORM . '; charset=utf-8', FORM . ';charset=UTF-8', 'Application/X-WWW-Form-URLEncoded';
    granted ask("client_secret=$key&client_id=ACME01&grant_type=client_credentials"), 'another order';
    granted ask("$f&resource=x"), 'an unknown parameter is ignored';
    granted ask("&$f&&"), 'empty pairs';
    granted ask("$f&scope="), 'an empty scope is none';
    granted ask($f =~ s/client_id/client%5Fid/r), 'an encoded name';
    granted ask($f =~ s/ACME01/%41%43M%4501/r), 'an encoded value';
    granted ask($f, Accept => 'text/html'), 'Accept does not matter';
    my $g = 'grant_type=client_credentials';
    granted ask($g, Authorization => basic('ACME01', $key)), 'Basic';
    granted ask($g, Authorization => basic('ACME01', $key) =~ s/Basic/bAsIc/r), 'the scheme in any case';
    granted ask($g, Authorization => basic('%41CME01', $key =~ s/^k/%6B/r)), 'Basic with id and secret form-encoded';
    granted ask("$g&client_id=ACME01", Authorization => basic('ACME01', $key)), 'Basic with the same id in the body';
    granted ask("$g&client_secret=", Authorization => basic('ACME01', $key)), 'an empty secret beside Basic is none';
};

subtest 'a code with every kind of character' => sub {
    my $code = "A:b+ c%3A&=\xc3\xbc/\\\"'";
    sql($db, q{INSERT INTO customer (customer_code, name) VALUES ('A:b+ c%3A&=ü/\\\\"''', 'odd');});
    my $k = issue_key($code);
    push @secrets, $k;
    my $t = granted(ask(form($code, $k)), 'form');
    my $sub = part($t, 1)->{sub};
    utf8::encode($sub);
    is $sub, $code, 'sub is the code';
    $t = granted(ask('grant_type=client_credentials', Authorization => basic(encode($code), $k)), 'Basic, encoded');
    is stock_status($t), 200, 'the token works';
    granted ask('grant_type=client_credentials', Authorization => basic(encode($code) =~ s/%20/+/r, $k)), 'Basic, + for blank';
    bad_client ask('grant_type=client_credentials', Authorization => basic('A', $k)), 'the part before its colon is another id',
        'Basic realm="token"';
};

subtest 'how the body travels' => sub {
    my $f = form('ACME01', $key);
    my $head = "POST /auth/token HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: " . FORM . "\r\n";
    my $chunks = join '', map { sprintf "%x\r\n%s\r\n", length, $_ } $f =~ /.{1,7}/g;
    like $h->raw("${head}Transfer-Encoding: chunked\r\n\r\n${chunks}0\r\n\r\n"), qr{^HTTP/1\.1 200 }, 'chunked, 7 bytes each';
    like $h->raw("${head}Expect: 100-continue\r\nContent-Length: " . length($f) . "\r\n\r\n$f"),
        qr{^(?:HTTP/1\.1 100 Continue\r\n\r\n)?HTTP/1\.1 200 }, 'Expect: 100-continue';
    granted ask($f . '&x=' . 'y' x (8192 - 3 - length $f)), '8,192 bytes';
    refused ask($f . '&x=' . 'y' x (8193 - 3 - length $f)), 413, 'invalid_request', 'The request body is too large.', '8,193 bytes';
    refused ask('x' x 300_000), 413, 'invalid_request', 'The request body is too large.', '300,000 bytes';
    my $many = "1000\r\n" . 'x' x 4096 . "\r\n";
    like $h->raw("${head}Transfer-Encoding: chunked\r\n\r\n" . $many x 3 . "0\r\n\r\n"), qr{^HTTP/1\.1 413 }, 'chunked, too large';
    like $h->raw("${head}Transfer-Encoding: chunked\r\n\r\nzz\r\n"), qr{^HTTP/1\.1 400 }, 'a broken chunk';
    my $s = $h->connect;
    print $s "${head}Content-Length: 500\r\n\r\n$f";
    $s->flush;
    shutdown $s, 1;
    my $got = do { local $/; <$s> } // '';
    unlike $got, qr{^HTTP/1\.1 200 }, 'a body that ends early gets no token';
};

# ---- requests that are wrong

subtest 'method' => sub {
    for my $method (qw(GET HEAD PUT DELETE PATCH OPTIONS)) {
        my $res = $h->request($method, '/auth/token');
        is "$res->{status} " . ($res->{headers}{allow} // '-'), '405 POST', "$method: 405, Allow: POST";
        is $res->{content} // '', $method eq 'HEAD' ? '' : '{"error":"Method not allowed."}', "$method: body";
    }
    is $h->get('/auth/token?' . form('ACME01', $key))->{status}, 405, 'GET with good credentials';
    is ask(form('ACME01', $key))->{status}, 200, 'POST';
    is $h->post('/auth/token/', form('ACME01', $key), 'Content-Type' => FORM)->{status}, 404, 'a slash behind it';
};

subtest 'malformed' => sub {
    my $f = form('ACME01', $key);
    my $missing = 'The parameters client_id and client_secret are required.';
    malformed ask("client_id=ACME01&client_secret=$key"), 'The parameter grant_type is missing.', 'no grant_type';
    malformed ask("grant_type=&client_id=ACME01&client_secret=$key"), 'The parameter grant_type is missing.', 'grant_type empty';
    malformed ask("GRANT_TYPE=client_credentials&client_id=ACME01&client_secret=$key"), 'The parameter grant_type is missing.',
        'names are case-sensitive';
    malformed ask(''), 'The parameter grant_type is missing.', 'empty body';
    malformed ask("grant_type=client_credentials&client_secret=$key"), $missing, 'no client_id';
    malformed ask("grant_type=client_credentials&client_id=ACME01"), $missing, 'no client_secret';
    malformed ask("grant_type=client_credentials&client_id=&client_secret=$key"), $missing, 'client_id empty';
    malformed ask("grant_type=client_credentials&client_id=ACME01&client_secret="), $missing, 'client_secret empty';
    malformed ask("grant_type=client_credentials&client_id=ACME01&client_secret"), $missing, 'client_secret without =';
    malformed ask('grant_type=client_credentials'), $missing, 'neither';
    my $twice = 'A parameter stands in the request twice.';
    malformed ask("$f&$_"), $twice, "twice: $_"
        for 'client_id=ACME01', 'client_id=', "client_secret=$key", 'grant_type=client_credentials', 'client%5fid=BEAU02', 'a=1&a=2';
    malformed ask('client_id&' . $f), $twice, 'twice: the first without a value';
    malformed ask(join '&', $f, map {"x$_=1"} 1 .. 30), 'The request has too many parameters.', '33 parameters';
    malformed ask($f =~ s/ACME01/$_/r), 'The form encoding of the body is broken.', "encoding: $_"
        for 'ACME%', 'ACME%4', 'ACME%4g', 'ACME%%30', 'ACME%00', 'ACME%u0030', '%-1CME01';
    malformed ask("$f&%zz=1"), 'The form encoding of the body is broken.', 'encoding of a name';
    malformed ask($f =~ s/ACME01/ACME01\0/r), 'The form encoding of the body is broken.', 'a NUL byte';
    malformed ask("$f\0"), 'The form encoding of the body is broken.', 'a NUL byte at the end';
    my $type = 'The Content-Type must be application/x-www-form-urlencoded.';
    malformed ask($f, 'Content-Type' => $_), $type, "Content-Type: $_"
        for 'text/plain', 'multipart/form-data; boundary=x', 'application/x-www-form-urlencodedx', 'application/json', '*/*';
    malformed ask(qq({"grant_type":"client_credentials","client_id":"ACME01","client_secret":"$key"}),
        'Content-Type' => 'application/json; charset=utf-8'), $type, 'JSON';
    like $h->raw("POST /auth/token HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: " . length($f) . "\r\n\r\n$f"),
        qr{^HTTP/1\.1 400 .*\Q$type\E}s, 'no Content-Type';
    my $url = 'Parameters belong into the body, never into the URL.';
    malformed $h->post("/auth/token?$_", $f, 'Content-Type' => FORM), $url, 'in the URL: ' . s/\Q$key\E/KEY/r
        for "client_secret=$key", 'client_id=ACME01', 'grant_type=client_credentials', $f;
};

subtest 'credentials in two places' => sub {
    my $b = basic('ACME01', $key);
    my $two = 'Credentials were sent in the header and in the body: use one.';
    malformed ask(form('ACME01', $key), Authorization => $b), $two, 'the same in both';
    malformed ask("grant_type=client_credentials&client_secret=$key", Authorization => $b), $two, 'a secret in the body';
    malformed ask('grant_type=client_credentials&client_id=BEAU02', Authorization => $b), $two, 'another id in the body';
    malformed ask(form('ACME01', $key), Authorization => 'Bearer abc'),
        'Only the Basic scheme is accepted in the Authorization header here.', 'Bearer';
    malformed ask(form('ACME01', $key), Authorization => 'Digest username="ACME01"'),
        'Only the Basic scheme is accepted in the Authorization header here.', 'Digest';
};

subtest 'Basic that is malformed' => sub {
    my $g = 'grant_type=client_credentials';
    my %bad = (
        'no base64' => 'Basic !!!',
        (map { ("'$_' behind the padding" => 'Basic ' . encode_base64('ACME01:' . 'x' x 3, '') . $_) } 'QUNNRTAx', '=', 'Og==', 'A'),
        'three pads' => 'Basic ' . encode_base64('ACME01:xxxx', '') . '==',
        'a pad too few' => 'Basic ' . (encode_base64('ACME01:xxx', '') =~ s/=\z//r),
        'no colon' => 'Basic ' . encode_base64('ACME01', ''),
        'empty' => 'Basic  =',
        'broken % in the id' => basic('ACME%0', $key),
        'broken % in the secret' => basic('ACME01', '%zz'),
        'NUL in the id' => basic("ACME01\0", $key),
        'encoded NUL' => basic('ACME01%00', $key),
        'a NUL behind the secret' => basic('ACME01', "$key\0"),
        'text behind the base64' => basic('ACME01', $key) . '!',
        'a second value' => basic('ACME01', $key) . ', ' . basic('BEAU02', $key)
    );
    malformed ask($g, Authorization => $bad{$_}), 'The Basic credentials are malformed.', $_ for sort keys %bad;
    my $res = ask($g, Authorization => 'Basic');
    is_deeply [$res->{status}, $h->json($res)->{error}], [400, 'invalid_request'], 'the scheme alone';
    malformed ask($g, Authorization => basic('', $key)), 'The parameters client_id and client_secret are required.', 'no id';
    malformed ask($g, Authorization => basic('ACME01', '')), 'The parameters client_id and client_secret are required.', 'no secret';
};

subtest 'grant types and scopes' => sub {
    my $only = 'Only client_credentials is supported.';
    for my $type (qw(password refresh_token authorization_code CLIENT_CREDENTIALS client_credentialsx), 'client_credentials%20') {
        refused ask("grant_type=$type&client_id=ACME01&client_secret=$key"), 400, 'unsupported_grant_type', $only, $type;
    }
    refused ask('grant_type=password'), 400, 'unsupported_grant_type', $only, 'before missing credentials';
    refused ask('grant_type=password&client_id=NOBODY&client_secret=x'), 400, 'unsupported_grant_type', $only, 'before wrong ones';
    refused ask('grant_type=password', Authorization => basic('NOBODY', 'x')), 400, 'unsupported_grant_type', $only, 'with Basic';
    refused ask(form('ACME01', $key, '&scope=stock')), 400, 'invalid_scope',
        'This service has no scopes: leave the parameter out.', 'scope';
};

# ---- credentials that are wrong

subtest 'invalid_client' => sub {
    my $other = issue_key('BEAU02');
    my $expired = issue_key('ACME01', '--expires', '2020-01-01');
    my $late = issue_key('ACME01', '--expires', '2099-12-31');
    my $row = JSON::PP::decode_json(kissctl_ok('--json', 'key', 'issue', 'ACME01', '--label', 'to revoke'));
    push @secrets, $other, $expired, $late, $row->{Key};
    granted ask(form('ACME01', $row->{Key})), 'a key before it is revoked';
    kissctl_ok('key', 'revoke', $row->{ID});
    my @wrong = (
        ['unknown id', 'NOBODY', $key],
        ['wrong secret', 'ACME01', 'x' . substr $key, 1],
        ['secret one character short', 'ACME01', substr $key, 0, -1],
        ['secret with one more', 'ACME01', "${key}x"],
        ['secret in capitals', 'ACME01', uc $key],
        ['secret with a blank behind', 'ACME01', "$key "],
        ['id in small letters', 'acme01', $key],
        ['id with a blank behind', 'ACME01 ', $key],
        ['id with a line feed', "ACME01\n", $key],
        ['id as SQL', "ACME01' OR '1'='1", $key],
        ['id as pattern', 'ACME0_', $key],
        ['id that is not UTF-8', "\xff\xfe", $key],
        ['expired key', 'ACME01', $expired],
        ['revoked key', 'ACME01', $row->{Key}],
        ["another customer's key", 'ACME01', $other],
        ['prefix of the key', 'ACME01', substr $key, 0, 13],
        ['id of 65 characters', 'A' x 65, $key],
        ['id of 3,000 characters', 'A' x 3000, $key],
        ['secret of 3,000 characters', 'ACME01', 'k' x 3000],
    );
    for my $w (@wrong) {
        my ($name, $id, $secret) = @$w;
        bad_client ask(form($id, $secret)), $name;
        bad_client ask('grant_type=client_credentials', Authorization => basic(encode($id), encode($secret))), "$name, by Basic",
            'Basic realm="token"';
    }
    is ask(form('NOBODY', $key))->{content}, INVALID_CLIENT, 'the published body';
    granted ask(form('ACME01', $late)), 'a key that expires later';
    granted ask(form('BEAU02', $other)), "the other customer's key for that customer";
    sql($db, "UPDATE api_key SET expires_at = UTC_TIMESTAMP() - INTERVAL 1 SECOND WHERE hash = UNHEX(SHA2('$late', 256))");
    bad_client ask(form('ACME01', $late)), 'it expired a second ago';
    my $end = int(time) + 2;
    sql($db, "UPDATE api_key SET expires_at = '1970-01-01' + INTERVAL $end SECOND WHERE hash = UNHEX(SHA2('$late', 256))");
    my ($status, @late) = 200;
    while ($status == 200 && time - $end < 5) {
        my $asked = Time::HiRes::time();
        $status = ask(form('ACME01', $late))->{status};
        push @late, $asked - $end if $status == 200 && $asked >= $end;
        Time::HiRes::sleep(0.1);
    }
    is "$status @late", '401 ', 'from the moment of its expiry a key is good for nothing';
    granted ask(form('ACME01', $key)), 'after all these, the right key';
};

subtest 'a new key overlaps the old' => sub {
    my $row = JSON::PP::decode_json(kissctl_ok('--json', 'key', 'issue', 'CIRC03'));
    my $new = issue_key('CIRC03');
    push @secrets, $row->{Key}, $new;
    my $t = granted(ask(form('CIRC03', $row->{Key})), 'the old key');
    granted ask(form('CIRC03', $new)), 'the new key';
    kissctl_ok('key', 'revoke', $row->{ID});
    bad_client ask(form('CIRC03', $row->{Key})), 'the old key, revoked';
    granted ask(form('CIRC03', $new)), 'the new key goes on';
    is stock_status($t), 200, 'a token of the old key lives out its hour';
};

subtest 'last use' => sub {
    my @k = map { JSON::PP::decode_json(kissctl_ok('--json', 'key', 'issue', 'DISG04', '--label', $_)) } 1 .. 2;
    push @secrets, map { $_->{Key} } @k;
    my $used = sub { [map { $_->{LastUsedAt} } @{ JSON::PP::decode_json(kissctl_ok('--json', 'key', 'list', 'DISG04')) }] };
    my $none = $used->();
    is_deeply [map { $_ // '' } @$none], ['', ''], 'none before the first';
    bad_client ask(form('DISG04', "$k[0]{Key}x")), 'a wrong key';
    is_deeply $used->(), $none, 'is no use';
    my ($from) = sql($db, 'SELECT DATE_FORMAT(UTC_TIMESTAMP(), "%Y-%m-%dT%H:%i:%sZ")');
    granted ask(form('DISG04', $k[1]{Key})), 'the second key';
    my ($to) = sql($db, 'SELECT DATE_FORMAT(UTC_TIMESTAMP(), "%Y-%m-%dT%H:%i:%sZ")');
    my $now = $used->();
    ok $now->[1] && $now->[1] ge $from->[0] && $now->[1] le $to->[0], 'is noted, with the time' or diag explain $now;
    is $now->[0], $none->[0], 'the first is not';
    # What a child remembers of the key it forgets with its revision, or after a minute (t/unit/client_cache.c).
    sql($db, "UPDATE key_usage SET last_used_at = '2020-01-01' WHERE key_id = $k[1]{ID}");
    kissctl_ok('touch', 'keys');
    granted ask(form('DISG04', $k[1]{Key})), 'once more, years later';
    cmp_ok $used->()[1], 'ge', $from->[0], 'is noted again';
};

subtest 'a customer that is disabled, and deleted' => sub {
    my $k = issue_key('FLOO06');
    push @secrets, $k;
    my $t = granted(ask(form('FLOO06', $k)), 'enabled');
    is stock_status($t), 200, 'enabled: data';
    kissctl_ok('customer', 'disable', 'FLOO06');
    my @bearer = (Authorization => "Bearer $t");
    for my $path (qw(/stock /prices /products /stock/schema /products/schema)) {
        my $res = $h->get($path, @bearer);
        is_deeply [@$res{qw(status content)}, $res->{headers}{'www-authenticate'}], [401, '', 'Bearer error="invalid_token"'],
            "disabled: $path is 401 at the next request";
    }
    refused ask(form('FLOO06', $k)), 400, 'unauthorized_client', 'This account is disabled.', 'disabled: right key';
    refused ask('grant_type=client_credentials', Authorization => basic('FLOO06', $k)), 400, 'unauthorized_client',
        'This account is disabled.', 'disabled: right key, by Basic';
    bad_client ask(form('FLOO06', "${k}x")), 'disabled: a wrong key learns nothing';
    kissctl_ok('customer', 'enable', 'FLOO06');
    is stock_status($t), 200, 'enabled again: the token works';
    granted ask(form('FLOO06', $k)), 'enabled again: the key too';

    sql($db, "DELETE FROM customer WHERE customer_code = 'FLOO06'");
    for my $path (qw(/stock /prices /products)) {
        my $res = $h->get($path, @bearer);
        is_deeply [@$res{qw(status content)}], [404, '{"error":"Customer not found."}'], "deleted: $path is 404";
    }
    is $h->get($_, @bearer)->{status}, 200, "deleted: $_ needs no record" for qw(/stock/schema /products/schema);
    bad_client ask(form('FLOO06', $k)), 'deleted: its key is gone';
};

# ---- limits

subtest 'a customer nobody knows has the usual limits' => sub {
    my $g = start_httpd(limits => "KissLimit 5 100\nKissLimitAnonymous 1000 1000\nKissLoginFailureLimit 0");
    my $try = sub { $g->post('/auth/token', form($_[0], 'kiss_wrong'), 'Content-Type' => FORM) };
    is_deeply [map { $try->('GHOST9')->{status} } 1 .. 6], [(401) x 5, 429], 'unknown id: five, then 429';
    is_deeply [map { $try->('DISG04')->{status} } 1 .. 6], [(401) x 5, 429], 'known id, wrong key: the same';
    $g->log_ok;

    $g = start_httpd(limits => "KissLimit 1000 1000\nKissLimitAnonymous 1000 1000\nKissLoginFailureLimit 3");
    is_deeply [map { $try->("GHOST$_")->{status} } 1 .. 3], [401, 401, 401], 'three wrong logins from one address';
    my $res = $try->('GHOST4');
    is $res->{status}, 429, 'the fourth is refused unseen';
    like $res->{headers}{'retry-after'}, qr/^\d+$/, 'with Retry-After';
    is $g->post('/auth/token', form('ACME01', $key), 'Content-Type' => FORM)->{status}, 429, 'a right key too, for the minute';
    $g->log_ok;
};

# ---- nothing secret is written down

my $log = $h->log_text . slurp("$h->{root}/stderr");
ok length $log > 1000, 'the log is a talkative one';
my @found = grep { index($log, $_) >= 0 || index($log, substr $_, 14) >= 0 } @secrets;
is scalar @found, 0, 'no key is in the error log';
is scalar(grep { index($log, encode_base64("ACME01:$_", '')) >= 0 } @secrets), 0, 'nor one as Basic sends it';
unlike $log, qr/eyJ[\w-]{20}/, 'nor a token';
my ($signing) = slurp($h->{token_keys}) =~ /^test (\S+)/m;
ok index($log, $signing) < 0, 'nor the signing key';
ok index($log, db_server()->password('kiss')) < 0, "nor the database's password";

$h->log_ok;
done_testing;
