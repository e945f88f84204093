# Preconditions (RFC 9110 section 13): which header says what of which bytes. Every header that names a tag, with every coding, with
# and without a range, GET and HEAD, for lists that are kept and for those that are not; no answer has a modification date.
# SPDX-License-Identifier: Apache-2.0
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use IO::Uncompress::Gunzip qw(gunzip $GunzipError);
use KissTest;
use POSIX ();
use Test::More;

my $db = new_database('preconditions');
import_sample($db);
my $kss = new_database('preconditions_kss', api => 'kss');
import_kss($kss, top() . '/sql/sample-kss');
my $key = issue_key('ACME01');
my $kss_key = issue_kss_key(type => 'employee');

sub httpdate { return POSIX::strftime('%a, %d %b %Y %H:%M:%S GMT', gmtime $_[0]) }

# change(): the lists get new tags, of lists that nobody has asked for yet.
sub change { sql($db, 'UPDATE revision SET n = n + 1'); return }

# One of the two APIs: httpd, what to ask, and with which credentials.
sub customer { my $h = start_httpd(db => $db, @_); return ($h, Authorization => 'Bearer ' . $h->token('ACME01', $key)) }
sub kss { return (start_httpd(db => $kss, api => 'kss', @_), 'x-api-key' => $kss_key) }

subtest 'no answer has a modification date' => sub {
    for my $api (['customer', qw(/products /stock /prices /products/schema /api/version /health)],
        ['kss', map {"/api/v1$_"} qw(/customers /products /customers/1 /invoices)])
    {
        my ($name, @paths) = @$api;
        my ($h, @auth) = $name eq 'kss' ? kss() : customer();
        for my $path (@paths) {
            my $whole = $h->get($path, @auth);
            is $whole->{status}, 200, "$path";
            is $whole->{headers}{'last-modified'}, undef, '... has no Last-Modified';
            my $now = time;
            for my $method (qw(GET HEAD)) {
                for my $date ($whole->{headers}{date}, map { httpdate($now + $_) } -86400, -1, 0, 1, 2, 86400) {
                    for my $header (qw(If-Modified-Since If-Unmodified-Since)) {
                        is $h->request($method, $path, @auth, $header => $date)->{status}, 200, "$method $path, $header $date";
                    }
                }
            }
            is $h->get($path, @auth, Range => 'bytes=0-1', 'If-Range' => $_)->{content}, $whole->{content}, "$path, If-Range: $_"
                for $whole->{headers}{date}, httpdate($now - 60), httpdate($now), 'nonsense';
        }
        $h->log_ok;
    }
    my ($h, @auth) = customer();
    my $before = $h->get('/stock', @auth);
    change();
    my $after = $h->get('/stock', @auth, 'If-Modified-Since' => $before->{headers}{date});
    is $after->{status}, 200, 'a change within the second of the last answer is seen';
    isnt $after->{headers}{etag}, $before->{headers}{etag}, '... with its new tag';
    is $h->get('/stock', @auth, 'If-Modified-Since' => httpdate(time), 'If-None-Match' => $after->{headers}{etag})->{status}, 304,
        'If-None-Match is looked at beside it';
    is $h->get('/stock', @auth, 'If-Unmodified-Since' => httpdate(0), 'If-Match' => $after->{headers}{etag})->{status}, 200,
        'and If-Match';
};

# What is right for one request: by the rules of section 13.2.2, from what the request says and the tags of both codings.
sub expected {
    my ($tag, $gzip, $method, $range, $head, $value) = @_;
    my $selected = $tag . $gzip;
    my $part = $range && $method eq 'GET' ? 206 : 200;
    return $part if !$head;
    my @tags = $value =~ m{((?:W/)?"[^"]*")}g;
    my $exact = grep { $_ eq "\"$selected\"" } @tags;
    my ($of) = grep {m{\A(?:W/)?"\Q$tag\E(?:--?[a-z0-9]+)?"\z}} @tags;
    return $value eq '*' || $exact ? $part : 412 if $head eq 'If-Match';
    return $value eq '*' || $of ? 304 : $part if $head eq 'If-None-Match';
    return $value eq "\"$selected\"" ? $part : 200;      # If-Range: one tag
}

for my $mmap (qw(On Off)) {
    subtest "lists, EnableMMAP $mmap" => sub {
        my ($h, @auth) = customer(config => "EnableMMAP $mmap\n");
        # What stands behind the tag of a compressed list.
        my ($coding) = $h->request('HEAD', '/prices', @auth, 'Accept-Encoding' => 'gzip')->{headers}{etag} =~ /\A"[\w-]{22}(-gzip[0-9a-f]{8})"\z/;
        ok $coding, 'compressed lists have a coding and a digest behind their tags' or return;
        for my $kept (1, 0) {
            my $wrong = 0;
            for my $gzip ('', $coding) {
                for my $method (qw(GET HEAD)) {
                    for my $range (0, 1) {
                        for my $head ('', qw(If-Match If-None-Match If-Range)) {
                            for my $form ($head ? ('"T"', "\"T$coding\"", '"T-gzip"', '"T-gzip00000000"', '"T-br"', '"T-zstd"', '"T--gzip"', 'W/"T"', 'W/"T-gzip"', '"x"', '*',
                                "\"x\", \"T$coding\" ,W/\"y\"", '"Tx"', '"T-gzip-gzip"', '"T-"', '"T-GZIP"') : '') {
                                change() if !$kept;
                                # What the tag is, without making the list.
                                my $tag = ($h->request('HEAD', '/prices', @auth, 'If-None-Match' => '*')->{headers}{etag} || '') =~ /\A"(.*)"\z/
                                    ? $1 : 'none';
                                my $value = $form =~ s/T(?=[-x"])/$tag/gr;
                                my $res = $h->request($method, '/prices', @auth, $gzip ? ('Accept-Encoding' => 'gzip') : (),
                                    $range ? (Range => 'bytes=100-199') : (), $head ? ($head => $value) : ());
                                my $want = expected($tag, $gzip, $method, $range, $head, $value);
                                my $name = join ' ', $method, $gzip ? 'gzip' : 'identity', $range ? 'part' : 'whole', "$head: $form",
                                    $kept ? 'kept' : 'new';
                                $wrong++ if !is $res->{status}, $want, $name;
                                check($res, $tag, $gzip, $value, $name, $method);
                            }
                        }
                    }
                }
            }
            is $wrong, 0, $kept ? 'kept lists' : 'lists that are not kept yet';
        }
        $h->log_ok;
    };
}

# The headers and the bytes that belong to the status.
sub check {
    my ($res, $tag, $gzip, $value, $name, $method) = @_;
    my $head = $res->{headers};
    my $selected = "\"$tag$gzip\"";
    like $head->{vary} // '', qr/\bAuthorization\b/, "$name: Vary";
    ok $head->{'x-request-id'}, "$name: X-Request-Id";
    if ($res->{status} == 412) {
        is join(' ', map { $head->{$_} // '-' } qw(etag content-type cache-control content-encoding)),
            '- application/json; charset=utf-8 no-store -', "$name: an error's headers";
        is $res->{content}, '{"error":"A precondition of the request is not met."}', "$name: and its body" if $method eq 'GET';
        return;
    }
    is $head->{'cache-control'}, 'private, no-cache', "$name: Cache-Control";
    if ($res->{status} == 304) {
        my ($first) = grep { /\A"\Q$tag\E(?:--?[a-z0-9]+)?"\z/ } $value =~ m{("[^"]*")}g;
        is $head->{etag}, $value eq '*' || index($value, $selected) >= 0 ? $selected : $first, "$name: the tag that matched";
        is $res->{content} // '', '', "$name: no body";
        return;
    }
    is $head->{etag}, $selected, "$name: the tag of the bytes";
    is $head->{'content-encoding'} // '', $gzip ? 'gzip' : '', "$name: their coding";
    return;
}

subtest 'ranges are of the bytes whose tag was named' => sub {
    my ($h, @auth) = customer();
    for my $gz ([], ['Accept-Encoding' => 'gzip']) {
        my $whole = $h->get('/prices', @auth, @$gz);
        for my $head (qw(If-Match If-Range)) {
            my $part = $h->get('/prices', @auth, @$gz, Range => 'bytes=100-199', $head => $whole->{headers}{etag});
            is $part->{status}, 206, "$head: @$gz";
            ok $part->{content} eq substr($whole->{content}, 100, 100), '... these bytes';
        }
    }
    is $h->request('HEAD', '/prices', @auth, Range => 'bytes=100-199')->{headers}{'content-range'}, undef, 'HEAD has no ranges';
    $h->log_ok;
};

subtest 'pages of the KSS API' => sub {
    my ($h, @auth) = kss();
    my $tag = $h->get('/api/v1/customers', @auth)->{headers}{etag};
    my ($bare) = $tag =~ /\AW\/"(.*)"\z/ or die $tag;
    for my $case (["W/\"$bare\"", 304], ["\"$bare\"", 304], ["W/\"$bare-gzip\"", 304], ["\"$bare-br\"", 304], ["\"x\", W/\"$bare-zstd\"", 304],
        ['*', 304], ['W/"x"', 200], ["W/\"${bare}x\"", 200], ["W/\"$bare-gzip-gzip\"", 200])
    {
        for my $method (qw(GET HEAD)) {
            my $res = $h->request($method, '/api/v1/customers', @auth, 'If-None-Match' => $case->[0]);
            is $res->{status}, $case->[1], "$method, If-None-Match: $case->[0]";
            next if $res->{status} != 304;
            my ($sent) = $case->[0] =~ /("\Q$bare\E[^"]*")/;
            is $res->{headers}{etag}, 'W/' . ($sent || "\"$bare\""), '... the tag that matched, as a weak one';
            is $res->{headers}{'cache-control'}, 'private, no-cache', '... Cache-Control';
            like $res->{headers}{vary}, qr/x-api-key/, '... Vary';
        }
    }
    for my $case (['*', 200], ["W/\"$bare\"", 412], ["\"$bare\"", 412], ['"x"', 412]) {
        my $res = $h->get('/api/v1/customers', @auth, 'If-Match' => $case->[0]);
        is $res->{status}, $case->[1], "If-Match: $case->[0]: a weak tag matches nothing strongly";
        is $res->{content}, '{"Error":"A precondition of the request is not met."}', '... the error' if $res->{status} == 412;
    }
    is $h->get('/api/v1/nothing', @auth, 'If-Match' => '"x"')->{status}, 404, 'an error stays what it is';
    $h->log_ok;
};

# ---- what others do with our answers

for my $case (['deflate', 'DEFLATE', 'gzip'], ['brotli', 'BROTLI_COMPRESS', 'br']) {
    my ($module, $filter, $coding) = @$case;
    for my $how ("SetOutputFilter $filter", "AddOutputFilterByType $filter application/json") {
        subtest "$how for lists" => sub {
            my ($h, @auth) = customer(modules => ['filter', $module], config => "$how\n");
            my @accept = ('Accept-Encoding' => $coding);
            my $plain = $h->get('/prices', @auth);
            my ($tag) = $plain->{headers}{etag} =~ /"(.*)"/;
            my $res = $h->get('/prices', @auth, @accept);
            my $sent = $res->{headers}{etag};
            # What is compressed already has our own tag, with what its bytes depend on.
            my $digest = $coding eq 'gzip' ? qr/[0-9a-f]{8}/ : qr//;
            like "$res->{headers}{'content-encoding'} $sent", qr/\A$coding "\Q$tag\E-$coding$digest"\z/, 'coded, with a tag of its own';
            for my $asked ($sent, "\"$tag\"", "\"$tag-gzip\"", "W/$sent") {
                for my $method (qw(GET HEAD)) {
                    my $not = $h->request($method, '/prices', @auth, @accept, 'If-None-Match' => $asked);
                    is "$not->{status} $not->{headers}{etag}", '304 ' . $asked =~ s/^W\///r, "$method, If-None-Match: $asked";
                }
            }
            is $h->get('/prices', @auth, @accept, 'If-Match' => $sent)->{content}, $res->{content}, 'If-Match with the tag that was sent';
            my $no = $h->get('/prices', @auth, @accept, 'If-Match' => "\"$tag\"");
            is "$no->{status} $no->{content}", '412 {"error":"A precondition of the request is not met."}', '... with that of other bytes';
            is_deeply [@{ $no->{headers} }{qw(etag content-encoding)}], [undef, undef], '... which are not sent';
            is $h->get('/prices', @auth, 'If-Match' => $sent)->{status}, 412, '... and the other way round';
            sql($db, "UPDATE price SET unit_price = unit_price + 0.01 WHERE price_list_code = 'UKTRADE' ORDER BY sku LIMIT 1");
            my $delta = $h->get('/prices', @auth, @accept, 'If-None-Match' => $sent, 'A-IM' => 'sku-delta');
            is $delta->{status}, 226, 'it is a base of changes';
            my $next = $h->get('/prices', @auth, @accept, 'If-None-Match' => $delta->{headers}{etag}, 'A-IM' => 'sku-delta');
            is $next->{status}, 304, '... whose tag is one of the list';
            $h->log_ok;
        };
    }
    subtest "SetOutputFilter $filter for pages" => sub {
        my ($h, @auth) = kss(modules => ['filter', $module], config => "SetOutputFilter $filter\n");
        my @accept = ('Accept-Encoding' => $coding);
        my $res = $h->get('/api/v1/customers', @auth, @accept);
        is $res->{headers}{'content-encoding'}, $coding, 'coded';
        my $not = $h->get('/api/v1/customers', @auth, @accept, 'If-None-Match' => $res->{headers}{etag});
        is "$not->{status} $not->{headers}{etag}", "304 $res->{headers}{etag}", 'its tag comes back: 304';
        is $not->{headers}{'content-encoding'}, undef, '... of nothing';
        $h->log_ok;
    };
}

subtest 'tags as front ends change them' => sub {
    my ($h, @auth) = customer();
    my $tag = ($h->get('/prices', @auth)->{headers}{etag} =~ /"(.*)"/)[0];
    for my $sent ("\"$tag-br\"", "\"$tag-zstd\"", "\"$tag-deflate\"", "\"$tag--gzip\"", "W/\"$tag\"", "W/\"$tag-br\"") {
        is $h->get('/prices', @auth, 'If-None-Match' => $sent)->{status}, 304, "$sent: 304";
    }
    sql($db, "UPDATE price SET unit_price = unit_price + 0.01 WHERE price_list_code = 'UKTRADE' ORDER BY sku LIMIT 1");
    for my $sent ("\"$tag\"", "\"$tag-br\"", "\"$tag-zstd\"", "\"$tag--gzip\"", "W/\"$tag\"", "\"x\", W/\"$tag-br\"") {
        for my $gz ([], ['Accept-Encoding' => 'gzip']) {
            my $res = $h->get('/prices', @auth, @$gz, 'If-None-Match' => $sent, 'A-IM' => 'sku-delta');
            is $res->{status}, 226, "$sent @$gz: a base";
            is $res->{headers}{'delta-base'}, "\"$tag\"", '... which is named';
        }
    }
    is $h->get('/prices', @auth, 'If-None-Match' => $_, 'A-IM' => 'sku-delta')->{status}, 200, "$_: none"
        for "\"${tag}x\"", "\"$tag-gzip-gzip\"", "\"$tag-\"", "\"x$tag\"";
    $h->log_ok;
};

subtest 'an error stays what it is' => sub {
    my ($h, @auth) = customer();
    for my $gz ([], ['Accept-Encoding' => 'gzip']) {
        my $tag = $h->get('/stock', @auth, @$gz)->{headers}{etag};
        unlink glob "$h->{root}/cache/snapshots/*.json";
        sql($db, 'RENAME TABLE stock TO elsewhere');
        is $h->get('/stock', @auth, @$gz, 'If-Match' => $_)->{status}, 500, "@$gz If-Match $_ of a list that cannot be built: 500" for $tag, '*';
        is $h->get('/stock', @auth, @$gz, 'If-Match' => '"another"')->{status}, 412, '... another tag: 412';
        sql($db, 'RENAME TABLE elsewhere TO stock');
        is $h->get('/stock', @auth, @$gz, 'If-Match' => $tag)->{status}, 200, '... and 200 when it can';
    }
    $h->log_ok(qr/KISS0210/);
};

done_testing;
