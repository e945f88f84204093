# Bearer tokens (contract section 3; RFC 6750, 7515, 7519, 8725): whatever is wrong with one, the answer is the same 401
# without a body. And the rotation of signing keys by a graceful restart.
# SPDX-License-Identifier: Apache-2.0
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Digest::SHA qw(hmac_sha256 hmac_sha384 hmac_sha512);
use JSON::PP ();
use KissTest;
use MIME::Base64 qw(decode_base64 encode_base64);
use Test::More;
use Time::HiRes qw(sleep);

my $db = new_database('jwt');
import_sample($db);
my $key = issue_key('ACME01');
my $h = start_httpd();
my ($kid, $secret) = slurp($h->{token_keys}) =~ /^(\S+) (\S+)/m;
my $bytes = decode_base64($secret =~ tr{-_}{+/}r);
my $issuer = 'https://localhost';

sub url64 { my ($t) = @_; return encode_base64($t, '') =~ tr{+/=}{-_}dr }
sub unurl64 { my ($t) = @_; return decode_base64($t =~ tr{-_}{+/}r) }

# The claims of a good token, some replaced; one that is given as undef is left out.
sub claims {
    my (%change) = @_;
    my $now = time;
    my %c = (
        iss => $issuer, aud => $issuer, sub => 'ACME01', client_id => 'ACME01', jti => 'j' x 22,
        iat => $now, nbf => $now, exp => $now + 3600, %change
    );
    delete @c{ grep { !defined $change{$_} } keys %change };
    return \%c;
}

# A token from header and claims as hash or as text, rightly signed unless $bytes is given.
my $json = JSON::PP->new->utf8->canonical;
my %good = (alg => 'HS256', typ => 'JWT', kid => $kid);
sub token {
    my ($header, $claims, $with) = @_;
    my $text = join '.', map { url64(ref $_ ? $json->encode($_) : $_) } $header // \%good, $claims // claims();
    return "$text." . url64(hmac_sha256($text, $with // $bytes));
}

# The claims of a token.
sub unclaims { return $json->decode(unurl64((split /\./, $_[0])[1])) }

# The claims as text, one member's JSON replaced.
sub claims_text {
    my ($name, $value) = @_;
    my $c = claims();
    delete $c->{$name};
    return $json->encode($c) =~ s/\}\z/,"$name":$value}/r;
}

sub ask { my ($authorization, $path) = @_; return $h->get($path || '/stock', Authorization => $authorization) }

sub passes {
    my ($token, $name) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $res = ask("Bearer $token");
    is $res->{status}, 200, "accepted: $name" or diag((split /\n/, $h->log_text)[-1]);
    return;
}

sub is_401 {
    my ($res, $name) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $got = [@$res{qw(status content)}, @{ $res->{headers} }{qw(www-authenticate content-length cache-control)}];
    $got->[1] = substr $got->[1], 0, 200;    # of a whole catalogue, the report needs no more
    is_deeply $got, [401, '', 'Bearer error="invalid_token"', 0, 'no-store'], "refused: $name" or diag explain $got;
    return;
}
sub refused { my ($token, $name) = @_; @_ = (ask("Bearer $token"), $name); goto &is_401 }

# Runs $request in one second of the clock, so that the times it chose are as far from the server's as it thinks: once
# more when the clock ticked meanwhile. The server's clock is the precise one; perl's own time() may be milliseconds behind.
sub in_one_second {
    my ($request) = @_;
    for (1 .. 20) {
        my $now = int Time::HiRes::time();
        my $res = $request->($now);
        return $res if int(Time::HiRes::time()) == $now;
    }
    die 'no request was answered within a second';
}

my $ours = $h->token('ACME01', $key);
passes $ours, 'a token that the server issued';
passes token(), 'one of our own, with the same key';

subtest 'no token' => sub {
    is_401 $h->get($_), "$_ without a header" for qw(/stock /prices /products /stock/schema /products/schema);
    for my $path (qw(/prices /products /stock/schema /products/schema)) {
        is_401 ask('Bearer x.y.z', $path), "$path with a bad one";
        is ask("Bearer $ours", $path)->{status}, 200, "$path with a good one";
    }
    is $h->get($_, Authorization => 'Bearer x.y.z')->{status}, 200, "$_ needs none, and forgives a bad one" for qw(/health /api/version);
    is_401 ask($_), "'$_'" for 'Bearer', 'Bearer x', 'Basic ' . encode_base64("ACME01:$key", ''), $ours, "Token $ours",
        "Bearer$ours", "Bearer:$ours", "Bearer=$ours", "Bearer\t$ours";
    is_401 $h->get("/stock?access_token=$ours"), 'a token in the query';
    is_401 $h->get('/stock', Cookie => "access_token=$ours"), 'a token in a cookie';
    is_401 $h->get('/stock', 'X-Api-Key' => $key), 'the key itself in a header';
};

subtest 'the header' => sub {
    is ask("$_ $ours")->{status}, 200, "scheme $_" for qw(bearer BEARER bEaReR);
    is ask("Bearer   $ours")->{status}, 200, 'more than one blank';
    is ask("Bearer $ours  ")->{status}, 200, 'blanks behind the token belong to the line, not to the value';
    is_401 ask("Bearer $ours, Bearer $ours"), 'two in one header';
    is_401 ask("Bearer $ours x"), 'a word behind it';
    is_401 ask("Bearer Bearer $ours"), 'the scheme twice';
    is_401 ask(qq(Bearer "$ours")), 'in quotes';
    my $line = "Authorization: Bearer $ours\r\n";
    my $two = sub { $h->raw("GET /stock HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n" . join('', @_) . "\r\n") };
    like $two->($line), qr{^HTTP/1\.1 200 }, 'one header';
    like $two->($line, $line), qr{^HTTP/1\.1 401 .*\r\n\r\n\z}s, 'two headers, the same';
    like $two->($line, "Authorization: Bearer x\r\n"), qr{^HTTP/1\.1 401 }, 'two headers, the first good';
    like $two->("Authorization: Basic eDp5\r\n", $line), qr{^HTTP/1\.1 401 }, 'two headers, the second good';
    like $two->($line =~ s/\./.\r\n /r), qr{^HTTP/1\.1 4\d\d }, 'a folded header';
};

subtest 'algorithm' => sub {
    for my $alg (qw(none None NONE nOnE)) {
        my $text = url64(qq({"alg":"$alg","typ":"JWT","kid":"$kid"})) . '.' . url64($json->encode(claims()));
        refused "$text.", "$alg, no signature";
        refused "$text", "$alg, two segments";
        refused "$text." . url64(hmac_sha256($text, $bytes)), "$alg, signed as HS256";
    }
    my %other = (HS384 => \&hmac_sha384, HS512 => \&hmac_sha512);
    for my $alg (sort keys %other) {
        refused jwt(claims(), keys => $h->{token_keys}, alg => $alg), "$alg with the right key";
        my $text = join '.', map { url64($json->encode($_)) } \%good, claims();
        refused "$text." . url64($other{$alg}->($text, $bytes)), "HS256 said, $alg done";
    }
    refused token({ %good, alg => $_ }), "alg $_" for qw(HS384 HS512 RS256 ES256 PS256 EdDSA hs256 HS-256), '', 'HS256 ';
    refused token(qq({"alg":$_,"typ":"JWT","kid":"$kid"})), "alg is $_" for 'null', '256', '["HS256"]', '{}', 'true', '"HS256\u0000"';
    refused token({ typ => 'JWT', kid => $kid }), 'no alg';
    refused token(qq({"alg":"none","alg":"HS384","typ":"JWT","kid":"$kid"})), 'alg twice, both wrong';
    refused token(qq({"alg":"HS256","alg":"none","typ":"JWT","kid":"$kid"})), 'alg twice, none last';
};

subtest 'key' => sub {
    refused token(undef, undef, 'x' x 32), 'another key';
    refused token(undef, undef, ''), 'the empty key';
    refused token(undef, undef, $secret), 'the text of the key instead of its bytes';
    # The first one: HMAC fills a short key up with zero bytes, so that a key without its last byte is the same one if that is 0.
    refused token(undef, undef, substr $bytes, 1), 'one byte short';
    refused token({ %good, kid => $_ }), "kid '$_'"
        for 'unknown', '', uc $kid, "$kid ", "../$kid", '/dev/null', "../../$h->{token_keys}", $h->{token_keys},
        "$kid' OR '1'='1", "$kid'; DROP TABLE customer; --", '*', 'k' x 2000;
    refused token({ alg => 'HS256', typ => 'JWT' }), 'no kid';
    refused token(qq({"alg":"HS256","typ":"JWT","kid":$_})), "kid is $_"
        for '0', 'null', 'true', qq(["$kid"]), qq({"kid":"$kid"}), qq("$kid\\u0000");
    refused token({ %good, kid => '/dev/null' }, undef, ''), 'kid /dev/null with the empty key';
    my $jwk = { kty => 'oct', k => url64('x' x 32), alg => 'HS256', kid => 'mine' };
    refused token({ %good, kid => 'mine', jwk => $jwk }, undef, 'x' x 32), 'a key in the token';
    refused token({ %good, jwk => $jwk }, undef, 'x' x 32), 'a key in the token under a known id';
    refused token({ %good, jku => "$h->{url}/keys", x5u => "$h->{url}/keys" }, undef, 'x' x 32), 'the address of a key in the token';
    passes token({ %good, jku => 'http://127.0.0.1:1/' }), 'members that nobody reads do no harm';
};

subtest 'other members of the header' => sub {
    refused token({ %good, crit => $_ }), 'crit ' . $json->encode([$_]) for ['exp'], ['b64'], [], 'x', undef;
    refused token({ %good, typ => $_ }), "typ '$_'" for 'jwt', 'at+jwt', 'JOSE', '', 'JWT ', 'application/jwt';
    refused token({ alg => 'HS256', kid => $kid }), 'no typ';
    refused token(qq({"alg":"HS256","typ":$_,"kid":"$kid"})), "typ is $_" for 'null', '1', '["JWT"]';
    refused token($_), "header $_" for '[]', '""', 'null', '1', '', '{', '{}', ' ', '{"alg":"HS256"', qq(["HS256","JWT","$kid"]);
    my $text = $json->encode(\%good);
    refused token("$text$_"), "header and '$_'" for '{}', 'x', "\0", ',';
    refused token("\xef\xbb\xbf$text"), 'header with a BOM';
    refused token($text =~ s/"/'/gr), 'header in single quotes';
    refused token($text =~ s/\}/,}/r), 'header with a comma too many';
    refused token($text =~ s/\}/,"x":"\xff\xfe"}/r), 'header that is not UTF-8';
    refused token($text =~ s/\{/{\/*x*\/ /r), 'header with a comment';
};

subtest 'claims that must be there' => sub {
    refused token(undef, claims($_ => undef)), "no $_" for qw(iss aud sub client_id jti iat nbf exp);
    refused token(undef, claims($_ => '')), "$_ empty" for qw(iss aud sub client_id iat nbf exp);
    refused token(undef, claims_text($_, 'null')), "$_ null" for qw(iss aud sub client_id jti iat nbf exp);
    refused token(undef, claims_text($_, '["ACME01"]')), "$_ an array" for qw(iss sub client_id jti iat nbf exp);
    refused token(undef, claims_text($_, '1')), "$_ a number" for qw(iss aud sub client_id jti);
    refused token(undef, claims(sub => 'BEAU02')), 'sub is not client_id';
    refused token(undef, claims(sub => '', client_id => '')), 'sub and client_id empty';
    refused token(undef, claims_text('sub', '"ACME01\u0000x"')), 'sub with NUL';
    refused token(undef, claims(iss => $_)), "iss $_"
        for 'https://LOCALHOST', "$issuer/", 'http://localhost', 'https://evil.example.com', "$issuer.evil.example.com";
    refused token(undef, claims(aud => $_)), 'aud ' . $json->encode([$_])
        for "$issuer/", 'https://evil.example.com', [], ['x'], [[$issuer]], { a => $issuer }, [{ aud => $issuer }], [undef, 1];
    refused token(undef, claims_text('aud', qq(["$issuer\\u0000x"]))), 'aud with NUL in an array';
    passes token(undef, claims(aud => $_)), 'aud ' . $json->encode($_) for [$issuer], ['x', $issuer], [1, $issuer, undef];
    passes token(undef, claims(admin => JSON::PP::true(), scope => 'x', nested => { a => [1] })), 'claims that nobody reads';
    my $res = ask('Bearer ' . token(undef, claims(sub => 'NOBODY', client_id => 'NOBODY')));
    is_deeply [@$res{qw(status content)}], [404, '{"error":"Customer not found."}'], 'a customer that does not exist: 404';
    $res = ask('Bearer ' . token(undef, claims(sub => 'NOBODY', client_id => 'NOBODY')), '/stock/schema');
    is $res->{status}, 200, 'a customer that does not exist: schema';
};

subtest 'times' => sub {
    for my $case (
        [exp => -29, 200], [exp => -30, 401], [exp => -31, 401], [exp => 0, 200], [exp => -3600, 401], [exp => 1, 200],
        [nbf => 29, 200], [nbf => 30, 200], [nbf => 31, 401], [nbf => 3600, 401], [nbf => -86400, 200],
        [iat => 29, 200], [iat => 30, 200], [iat => 31, 401], [iat => 3600, 401], [iat => -86400, 200]
        )
    {
        my ($name, $skew, $status) = @$case;
        my $res = in_one_second(sub { ask('Bearer ' . token(undef, claims($name => $_[0] + $skew))) });
        is $res->{status}, $status, sprintf '%s %+d s: %d', $name, $skew, $status;
    }
    for my $name (qw(exp nbf iat)) {
        my $t = time + ($name eq 'exp' ? 60 : -60);
        passes token(undef, claims_text($name, $t)), "$name a number";
        refused token(undef, claims_text($name, $_)), "$name $_"
            for "\"$t\"", "$t.0", "$t.5", '1e10', '1.7e9', '1e400', '-1e400', '-1', "-$t", 'true', 'NaN', 'Infinity', '{}', "0$t", "+$t",
            '0x7fffffff', '9' x 400;
    }
    refused token(undef, claims_text('exp', $_)), "exp $_" for '0', '1', '9223372036854775807', '9223372036854775808',
        '18446744073709551615', '18446744073709551616', '-9223372036854775808', '99999999999999999999';
    passes token(undef, claims_text('exp', '253402300799')), 'exp in the year 9999';
};

subtest 'the form' => sub {
    my ($head, $body, $sign) = split /\./, $ours;
    my %bad = (
        'one segment' => $head, 'two segments' => "$head.$body", 'two and a dot' => "$head.$body.", 'four segments' => "$ours.x",
        'a dot behind' => "$ours.", 'a dot in front' => ".$ours", 'dots alone' => '..', 'three dots' => '...', 'empty header' => ".$body.$sign",
        'empty claims' => "$head..$sign", 'segments exchanged' => "$body.$head.$sign", 'header padded' => "$head=.$body.$sign",
        'claims padded' => "$head.$body=.$sign", 'signature padded' => "$head.$body.$sign=", 'padded twice' => "$ours==",
        'encoded padding' => "$ours%3D", 'a blank inside' => "$head. $body.$sign", 'a tab inside' => "$head.$body.\t$sign",
        'a blank in the signature' => substr($ours, 0, -3) . ' ' . substr($ours, -3), 'a plus' => "$head.$body.+" . substr($sign, 1),
        'a slash' => "$head.$body./" . substr($sign, 1), 'a comma' => "$ours,", 'a semicolon' => "$ours;", 'a star behind' => "$ours*",
        'one more character' => "${ours}A", 'one less' => substr($ours, 0, -1), 'signature of another token' =>
            "$head.$body." . (split /\./, token(undef, undef, 'x'))[2]
    );
    refused $bad{$_}, $_ for sort keys %bad;
    my $mac = unurl64($sign);
    refused "$head.$body." . url64(substr $mac, 0, $_), "$_ bytes of the signature" for 1 .. 31;
    refused "$head.$body." . url64($mac . $_), 'the signature and ' . length($_) . ' bytes behind it' for "\0", 'x', $mac, "\0" x 224;
    refused "$head.$body." . url64($_), 'a signature of NUL bytes' for "\0" x 32, "\0";
    refused "$head.$body." . url64(hmac_sha256($_, $bytes)), 'a signature over something else'
        for $head, $body, "$head.$body.", "$head.", ".$body", unurl64($head) . '.' . unurl64($body), '';
    like $h->raw("GET /stock HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAuthorization: Bearer $head.$body.\xc3\xbc"
            . substr($sign, 2) . "\r\n\r\n"), qr{^HTTP/1\.1 401 .*^WWW-Authenticate: Bearer error="invalid_token"\r.*\r\n\r\n\z}ms,
        'UTF-8 in the signature';

    # 43 characters carry 258 bits: the last one has two that are not part of the signature.
    my @alphabet = ('A' .. 'Z', 'a' .. 'z', 0 .. 9, '-', '_');
    my %at = map { $alphabet[$_] => $_ } 0 .. 63;
    my $last = substr $ours, -1;
    refused substr($ours, 0, -1) . $alphabet[$at{$last} ^ $_], "unused bits of the signature set: $_" for 1 .. 3;
    my $accepted = 0;
    for my $i (0 .. length($ours) - 1) {
        my $c = substr $ours, $i, 1;
        my $t = $ours;
        substr $t, $i, 1, $c eq '.' ? 'A' : $alphabet[$at{$c} ^ (1 << $i % 6)];
        my $res = ask("Bearer $t", '/stock/schema');
        $accepted++ if $res->{status} != 401 || length $res->{content};
    }
    is $accepted, 0, 'one bit flipped, in turn in each of ' . length($ours) . ' characters';
    passes $ours, 'untouched';
};

subtest 'claims that are odd JSON' => sub {
    my $text = $json->encode(claims());
    refused token(undef, $_), 'claims ' . substr($_, 0, 20) for '[]', 'null', '""', '', '{', '{}', "[$text]", "$text$text", "$text x", "$text\0";
    refused token(undef, "\xef\xbb\xbf$text"), 'a BOM';
    refused token(undef, $text =~ s/\}\z/,"x":"\xff"}/r), 'not UTF-8';
    refused token(undef, $text =~ s/\}\z/,"x":"\xc0\x80"}/r), 'overlong UTF-8';
    refused token(undef, $text =~ s/ACME01/ACME\xff01/gr), 'a code that is not UTF-8';
    refused token(undef, $text =~ s/\}\z/,"x":"a\nb"}/r), 'a bare line feed in a string';
    refused token(undef, $text =~ s/\}\z/,"x":@{['[' x $_]}1@{[']' x $_]}}/r), "$_ arrays deep" for 8, 100, 1000;
    refused token(undef, $text =~ s/\}\z/,"x":@{['{"a":' x 300]}1@{['}' x 300]}}/r), '300 objects deep';
    refused token(undef, $text =~ s/\}\z/,"x":@{['[' x 500]}}/r), '500 arrays that never end';
    # Members that nobody reads count, too, where readers of JSON differ: what is no text or number to one of them, or another one.
    for my $odd ('"a\u0000"', '"\u0000"', '[["\u0000"]]', '{"b":"a\u0000b"}', '1e400', '-1e400', '[1e309]', '9223372036854775808',
        '-9223372036854775809', '18446744073709551616', '{"b":[99999999999999999999]}')
    {
        refused token(undef, $text =~ s/\}\z/,"x":$odd}/r), "a member $odd";
        refused token($json->encode(\%good) =~ s/\}\z/,"x":$odd}/r), "a member $odd of the header";
    }
    for my $name ('\u0000', 'x\u0000', 'sub\u0000', 'exp\u0000') {
        refused token(undef, $text =~ s/\}\z/,"$name":1}/r), "a member $name";
        refused token(undef, $text =~ s/\}\z/,"x":[{"$name":1}]}/r), "a member $name further inside";
    }
    for my $name (qw(iss aud sub client_id jti iat nbf exp)) {
        refused token(undef, $text =~ s/"$name"/"$name\\u0000x"/r), "$name with a NUL behind it";
    }
    for my $name (qw(alg typ kid)) {
        refused token($json->encode(\%good) =~ s/"$name"/"$name\\u0000"/r), "$name with a NUL behind it";
    }
    passes token(undef, $text =~ s/\}\z/,"x":$_}/r), "a member $_"
        for '1.5', '-0', '1e300', '1e-400', '9223372036854775807', '-9223372036854775807', '"\\\\u0000"', '"\u0001"', 'null', '[]';
    # Two members of one name are refused, as RFC 7515 section 4 and RFC 7519 section 4 allow: all readers of a token would
    # have to agree on which one is meant.
    my $old = time - 7200;
    my $head = $json->encode(\%good);
    for my $pair (['"exp":' . $old, 'exp'], ['"sub":"BEAU02"', 'sub'], ['"aud":"x"', 'aud'], ['"iss":null', 'iss']) {
        refused token(undef, $text =~ s/\}\z/,$pair->[0]}/r), "$pair->[1] twice, the last wrong";
        refused token(undef, $text =~ s/\{/{$pair->[0],/r), "$pair->[1] twice, the last right";
    }
    for my $wrong ('"alg":"none"', '"alg":"HS512"', '"kid":"x"', '"typ":1') {
        refused token($head =~ s/\}\z/,$wrong}/r), "$wrong last";
        refused token($head =~ s/\{/{$wrong,/r), "$wrong first";
    }
};

subtest 'long tokens' => sub {
    my $long = sub { my ($n) = @_; my $t = token(undef, claims(x => 'x' x ($n * 3 / 4 - 300))); return $t };
    passes $long->(3000), '3 KB';
    my $t = $long->(5000);
    cmp_ok length $t, '>', 4096, 'more than 4,096 characters';
    refused $t, '5 KB';
    refused $long->(7000), '7 KB';
    refused 'x' x 5000, '5 KB without a dot';
    refused 'a.' x 2500, '5 KB of dots';
    is ask('Bearer ' . $long->(12000))->{status}, 400, '12 KB: httpd refuses the header (LimitRequestFieldSize)';
};

# graceful, and until the children with the old configuration are gone.
sub reload {
    my ($server) = @_;
    my %old = map { $_ => 1 } $server->children;
    $server->graceful or die 'httpd ended';
    my $end = time + 20;
    while (grep { $old{$_} } $server->children) {
        die 'old children go on' if time > $end;
        sleep 0.01;
    }
    return;
}

# A child remembers the tokens that it has verified. One child, and each token was accepted there before: nothing of what
# is refused above may pass because of it.
subtest 'a token that was verified before' => sub {
    my $common = "SetHandler kiss\nKissApi customer\nKissAllowPlainHTTP On\nKissLimit 100000 100000\n"
        . "KissLimitAnonymous 100000 100000\n";
    my $dir = tempdir_here();
    spew("$dir/same-id.keys", "$kid " . url64('s' x 32) . "\n", 0600);
    my $one = start_httpd(processes => 1, threads => 16, path => '/a', token_keys => $h->{token_keys},
        config => "<Location /b>\n${common}KissTokenKeys \"$h->{token_keys}\"\nKissTokenAudience urn:b\n</Location>\n"
            . "<Location /c>\n${common}KissTokenKeys \"$dir/same-id.keys\"\n</Location>");
    my $status = sub { return $one->get("$_[0]/stock/schema", Authorization => "Bearer $_[1]")->{status} };
    my $known = token();
    is_deeply [map { $status->('/a', $known) } 1 .. 3], [200, 200, 200], 'accepted, and again';
    is $status->('/b', $known), 401, 'not where another audience is asked for';
    is $status->('/c', $known), 401, 'not where another key has the same id';
    my ($head, $body, $sign) = split /\./, $known;
    my $changed = $sign =~ /^A/ ? 'B' . substr $sign, 1 : 'A' . substr $sign, 1;
    is $status->('/a', "$head.$body.$changed"), 401, 'not with another signature';
    is $status->('/a', "$head.$body."), 401, 'not without one';
    my $claims = url64($json->encode(claims(sub => 'BEAU02', client_id => 'BEAU02')));
    is $status->('/a', "$head.$claims.$sign"), 401, 'its signature does not carry other claims';
    is $status->('/a', $known), 200, 'it is still good itself';

    my $short = in_one_second(sub { my $t = token(undef, claims(exp => $_[0] - 28)); return { token => $t } })->{token};
    is $status->('/a', $short), 200, 'a token in its last seconds';
    sleep 0.1 while time < unclaims($short)->{exp} + 30;
    is $status->('/a', $short), 401, 'is refused when they are over';

    # More customers than one, more tokens than there is room for, all at the same time: each gets its own data.
    my %etag = map {
        my $customer = $_;
        my $t = token(undef, claims(sub => $customer, client_id => $customer));
        ($customer => $one->get('/a/prices', Authorization => "Bearer $t")->{headers}{etag})
    } qw(ACME01 BEAU02);
    isnt $etag{ACME01}, $etag{BEAU02}, 'two customers';
    my @wrong = parallel(4, sub {
        my ($job) = @_;
        my @tokens = map {
            my $customer = $_ % 2 ? 'ACME01' : 'BEAU02';
            [$etag{$customer}, token(undef, claims(sub => $customer, client_id => $customer, jti => "$job-$_"))]
        } 1 .. 200;
        my $wrong = 0;
        for my $t (@tokens, reverse @tokens) {
            my $res = $one->get('/a/prices', Authorization => "Bearer $t->[1]", 'If-None-Match' => $t->[0]);
            $wrong++ if $res->{status} != 304;
        }
        return $wrong;
    });
    is_deeply \@wrong, [0, 0, 0, 0], '800 tokens of two customers at the same time';

    spew("$dir/next.keys", 'next ' . url64('n' x 32) . "\n", 0600);
    is $status->('/a', $known), 200, 'known when its key is removed';
    $one->rewrite(token_keys => "$dir/next.keys");
    reload($one);
    is_deeply [map { $status->('/a', $known) } 1 .. 3], [401, 401, 401], 'and refused at the first request after the reload';
    $one->log_ok;
};

# Tokens of another implementation, here Digest::SHA's, are as good as ours: keys around the size of HMAC's block, texts around
# that of SHA-256.
subtest 'keys and texts of any length' => sub {
    my $dir = tempdir_here();
    my %length = map { ("n$_" => $_) } 32, 33, 55, 63, 64, 65, 128, 131, 1000;
    my %of = map { ($_ => join '', map { chr int rand 256 } 1 .. $length{$_}) } keys %length;
    my @ids = sort { $length{$a} <=> $length{$b} } keys %length;
    spew("$dir/many.keys", join('', map {"$_ " . url64($of{$_}) . "\n"} @ids), 0600);
    my $many = start_httpd(token_keys => "$dir/many.keys");
    my @refused;
    for my $id (@ids) {
        for my $x (0 .. 64) {
            my $t = token({ %good, kid => $id }, claims(x => 'x' x $x), $of{$id});
            my $status = $many->get('/stock/schema', Authorization => "Bearer $t")->{status};
            push @refused, "$id $x: $status" if $status != 200;
        }
    }
    is_deeply \@refused, [], 'accepted: ' . @ids . ' keys, 65 tokens each';
    my ($first, $next) = @ids;
    is $many->get('/stock/schema', Authorization => 'Bearer ' . token({ %good, kid => $first }, undef, $of{$next}))->{status}, 401,
        'refused: signed with the next key';
    my $issued = $many->token('ACME01', $key);
    my ($signed, $mac) = $issued =~ /^(.*)\.(.*)$/;
    is $mac, url64(hmac_sha256($signed, $of{$first})), 'and one that the server issued has the same signature';
    $many->log_ok;
};

# ---- rotation

sub kids { return map {/^(?!#)(\S+) \S/ ? $1 : ()} split /\n/, slurp($h->{token_keys}) }
sub kid_of { return $json->decode(unurl64((split /\./, $_[0])[0]))->{kid} }

subtest 'rotation' => sub {
    my $file = $h->{token_keys};
    my $old = $h->token('ACME01', $key);
    is kid_of($old), $kid, 'signed with the only key';
    kissctl_ok('--token-keys', $file, 'token-key', 'rotate');
    my ($new) = kids();
    isnt $new, $kid, 'a new key is the first';
    is_deeply [kids()], [$new, $kid], 'the old one stays';
    my $secret_new = slurp($file) =~ /^\Q$new\E (\S+)/m ? $1 : '';
    is kid_of($h->token('ACME01', $key)), $kid, 'before the reload nothing changes';
    $h->graceful;
    is $h->get('/stock', Authorization => "Bearer $old")->{status}, 200, 'graceful: the first request with an old token passes';
    reload($h);
    my $fresh = $h->token('ACME01', $key);
    is kid_of($fresh), $new, 'graceful: tokens are signed with the new key';
    passes $fresh, 'new token';
    passes $old, 'old token while its key is in the file';
    refused token({ %good, kid => $new }), 'the old key under the new id';
    refused token({ %good, kid => $kid }, undef, unurl64($secret_new)), 'the new key under the old id';

    kissctl_ok('--token-keys', $file, 'token-key', 'retire', $kid);
    is_deeply [kids()], [$new], 'retired: the new one is left';
    passes $old, 'the old token until the reload';
    reload($h);
    refused $old, 'the old token at the first request after it';
    refused $old, 'and at the second';
    passes $fresh, 'the new token';

    # A damaged file must not take the server down, nor its keys.
    my $good = slurp($file);
    spew($file, "short AAAA\n", 0600);
    my ($rc, $out, $err) = run({ env => { $h->_environment } }, KissTest::Httpd::program(), '-d', $h->{root}, '-f', $h->{conf}, '-t');
    isnt $rc, 0, 'configtest refuses a short key, so apachectl graceful would not signal';
    like $out . $err, qr/24 bits, fewer than 256/, 'and says why';
    passes $fresh, 'the server runs on';
    spew($file, $good, 0600);
};

subtest 'two locations, two audiences' => sub {
    my $common = "SetHandler kiss\nKissApi customer\nKissTokenKeys \"$h->{token_keys}\"\nKissAllowPlainHTTP On\n"
        . "KissLimit 10000 10000\nKissLimitAnonymous 10000 10000\n";
    my $g = start_httpd(path => '/a', token_keys => $h->{token_keys}, location => 'KissTokenAudience urn:a',
        config => "<Location /b>\n${common}KissTokenAudience urn:b\n</Location>\n<Location /c>\n${common}KissTokenAudience urn:a\n"
            . "KissTokenIssuer urn:c\n</Location>");
    my $at = sub {
        my ($path) = @_;
        my $res = $g->post("$path/auth/token", { grant_type => 'client_credentials', client_id => 'ACME01', client_secret => $key });
        return $g->json($res)->{access_token};
    };
    my %token = map { $_ => $at->("/$_") } qw(a b c);
    for my $from (qw(a b c)) {
        for my $to (qw(a b c)) {
            my $res = $g->get("/$to/stock", Authorization => "Bearer $token{$from}");
            is $res->{status}, $from eq $to ? 200 : 401, "token of /$from at /$to";
        }
    }
    $g->log_ok;
};

unlike $h->log_text, qr/eyJ[\w-]{20}/, 'no token is in the error log';
$h->log_ok;
# Letters beyond ASCII in whatever a token holds.
subtest 'a customer with an umlaut' => sub {
    my $code = "M\x{dc}LLER01";
    utf8::encode($code);
    kissctl_ok(qw(customer add), $code, qw(--price-list UKTRADE --warehouse UK01));
    my $its = issue_key($code);
    my $o = start_httpd(location => "KissTokenIssuer https://m\xc3\xbcller.example");
    my $t = $o->token("M\x{dc}LLER01", $its);
    is $o->get('/stock', Authorization => "Bearer $t")->{status}, 200, 'its token works';
    is $json->decode(unurl64((split /\./, $t)[1]))->{iss}, "https://m\x{fc}ller.example", '... also of such an issuer';
    $o->log_ok;
};

# Two virtual hosts, locations with audience and issuer of their own, another database and the KSS API, all with the same signing keys: a
# token is good where it was issued and nowhere else.
subtest 'tokens of another host, audience, database, API' => sub {
    my $of = db_server();
    my $other = new_database('jwt_other');
    import_sample($other);
    my $other_key = issue_key('ACME01');
    my $kss = new_database('jwt_kss', api => 'kss');
    import_kss($kss, top() . '/sql/sample-kss');
    my $employee = issue_kss_key(type => 'employee');
    my $customer = sub {
        my ($more) = @_;
        return "SetHandler kiss\nKissApi customer\nKissTokenKeys \"$h->{token_keys}\"\nKissAllowPlainHTTP On\nKissLimit 10000 10000\n"
            . "KissLimitAnonymous 10000 10000\nKissLoginFailureLimit 10000\n$more\n";
    };
    my $use = sub { my ($name, $database) = @_; return "KissDatabase $name socket=$of->{socket} user=kiss dbname=$database password-file=$of->{dir}/kiss.password\n" };
    my $g = start_httpd(db => $db, path => '/unused', config => $use->('there', $other) . $use->('pay', $kss) . <<"CONF");
<VirtualHost *>
    ServerName one.example
    <Location "/">
        @{[$customer->('')]}
    </Location>
    <Location "/audience">
        @{[$customer->('KissTokenAudience urn:other')]}
    </Location>
    <Location "/issuer">
        @{[$customer->("KissTokenIssuer urn:other\nKissTokenAudience https://one.example")]}
    </Location>
    <Location "/there">
        @{[$customer->("KissUseDatabase there\nKissTokenAudience urn:there")]}
    </Location>
    <Location "/api/v1">
        SetHandler kiss
        KissApi kss
        KissUseDatabase pay
        KissAllowPlainHTTP On
        KissLoginFailureLimit 10000
    </Location>
</VirtualHost>
<VirtualHost *>
    ServerName two.example
    <Location "/">
        @{[$customer->('')]}
    </Location>
</VirtualHost>
CONF
    my $ask = sub {
        my ($host, $method, $path, $headers, $body) = @_;
        my $got = $g->raw("$method $path HTTP/1.1\r\nHost: $host\r\nConnection: close\r\n$headers" . (defined $body ? 'Content-Length: ' . length($body)
                . "\r\nContent-Type: application/x-www-form-urlencoded\r\n" : '') . "\r\n" . ($body // ''));
        return { status => $got =~ m{\AHTTP/1\.1 (\d+)} ? $1 : 0, content => (split /\r\n\r\n/, $got, 2)[1] };
    };
    my %at = (one => ['one.example', ''], audience => ['one.example', '/audience'], issuer => ['one.example', '/issuer'], database => ['one.example', '/there'],
        two => ['two.example', '']);
    my %issued;
    for my $from (sort keys %at) {
        my ($host, $base) = @{ $at{$from} };
        my $res = $ask->($host, 'POST', "$base/auth/token", '', 'grant_type=client_credentials&client_id=ACME01&client_secret=' . ($from eq 'database' ? $other_key : $key));
        ($issued{$from}) = $res->{content} =~ /"access_token":"([^"]+)"/ or diag "$from: $res->{status} $res->{content}";
    }
    for my $from (sort keys %at) {
        for my $to (sort keys %at) {
            my ($host, $base) = @{ $at{$to} };
            is $ask->($host, 'GET', "$base/stock", "Authorization: Bearer $issued{$from}\r\n")->{status}, $from eq $to ? 200 : 401, "a token of '$from' at '$to'";
        }
        is $ask->('one.example', 'GET', '/api/v1/states', $_)->{status}, 401, "... at the KSS API: $_" =~ s/eyJ\S+/TOKEN/r
            for "Authorization: Bearer $issued{$from}\r\n", "x-api-key: $issued{$from}\r\n";
        my ($head, $claims, $mac) = split /\./, $issued{$from};
        for my $to (grep { $_ ne $from } sort keys %at) {
            my (undef, $others) = split /\./, $issued{$to};
            is $ask->(@{ $at{$to} }[0], 'GET', "$at{$to}[1]/stock", "Authorization: Bearer $head.$others.$mac\r\n")->{status}, 401, "... its signature below the claims of '$to'";
        }
    }
    # Keys of the one API are none at the other.
    is $ask->('one.example', 'GET', '/api/v1/states', "x-api-key: $employee\r\n")->{status}, 200, 'a key of the KSS API there';
    is $ask->('one.example', 'GET', '/api/v1/states', "x-api-key: $_\r\n")->{status}, 401, 'a key of a customer: not there' for $key, $other_key;
    is $ask->('one.example', 'GET', '/stock', $_)->{status}, 401, 'a key of the KSS API as a token: no' for "Authorization: Bearer $employee\r\n", "x-api-key: $employee\r\n";
    is $ask->('one.example', 'POST', '/auth/token', '', "grant_type=client_credentials&client_id=ACME01&client_secret=$_")->{status}, 401, 'nor gives it a token, nor a key of another database'
        for $employee, $other_key;
    # One host chosen by the connection, another one named in the request: what httpd takes for the host decides, and the token must be its.
    is $ask->('one.example', 'GET', 'http://two.example/stock', "Authorization: Bearer $issued{$_}\r\n")->{status}, $_ eq 'two' ? 200 : 401, "a whole URL of two.example, a token of '$_'"
        for qw(one two);
    is $ask->('ONE.example:80', 'GET', '/stock', "Authorization: Bearer $issued{$_}\r\n")->{status}, $_ eq 'one' ? 200 : 401, "a host in capitals, with a port, a token of '$_'" for qw(one two);
    $g->log_ok;
};

# The signature of a token by other means: what a public key or certificate of the server would sign is as unknown as anything.
subtest 'what is public is no key' => sub {
    my $dir = tempdir_here();
    run({}, qw(openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -keyout), "$dir/key", '-out', "$dir/crt");
    my ($rc, $public) = run({}, qw(openssl x509 -noout -pubkey -in), "$dir/crt");
    for my $bytes (slurp("$dir/crt"), $public, $public =~ s/\n\z//r, slurp("$dir/key"), 'https://localhost', $kid, $secret, "\0" x 32, '{"keys":[]}') {
        refused token({ %good, alg => $_ }, undef, $bytes), "$_ with " . length($bytes) . ' public bytes' for qw(HS256 RS256 ES256 PS256 EdDSA);
    }
};

done_testing;
