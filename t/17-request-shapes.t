# Requests that two readers could read in two ways: lengths and line ends, values with line breaks, paths in disguise. Each is refused,
# or read in one way only; nothing that a client sends becomes a line of the answer or of a log. Both APIs; paths and parameters are
# those of the module's tables.
# SPDX-License-Identifier: Apache-2.0
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use JSON::PP ();
use KissTest;
use KissTest::OpenAPI qw(document operations);
use KissTest::Wire;
use Test::More;

my $db = new_database('shapes');
import_sample($db);
my $kss = new_database('shapes_kss', api => 'kss');
import_kss($kss, top() . '/sql/sample-kss');
my $key = issue_key('ACME01');
my $kss_key = issue_kss_key(type => 'employee');

# Both APIs in one server; $more: more lines of the main server.
sub server {
    my ($more) = @_;
    return start_httpd(db => $db, undocumented => 1, config => <<"CONF" . ($more // ''));
@{[kss_location($kss)]}LogFormat "%{kiss-path}n %>s" s
CustomLog access_log s
CONF
}

my $h = server();
my $bearer = 'Bearer ' . $h->token('ACME01', $key);
my @apis = (
    { name => 'customer', base => '', document => document('customer', 'all'), auth => "Authorization: $bearer\r\n", post => '/auth/token',
        type => 'application/x-www-form-urlencoded', get => '/stock' },
    { name => 'kss', base => '/api/v1', document => document('kss', 'employee'), auth => "x-api-key: $kss_key\r\n",
        post => '/api/v1/payments/applications', type => 'application/json', get => '/api/v1/customers' },
);

# The paths of the GETs of an API's table, with an id where one is wanted.
sub paths { my ($api) = @_; return map { $api->{base} . $_->[1] =~ s/\{\w+\}/101/gr } grep { $_->[0] eq 'GET' } operations($api->{document}) }

# What log lines are like: one for each message, with the time in front.
sub log_is_lines {
    my ($name) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my @odd = grep { !/\A\[[A-Z][a-z]{2} [A-Z][a-z]{2} \d\d [\d:.]+ \d{4}\] \[/ } split /\n/, $h->log_text;
    is $odd[0], undef, "$name: every line of the error log is httpd's own";
    unlike $h->log_text, qr/[^\x09\x0a\x20-\x7e]/, '... without control characters';
    return;
}

# ---- where one request ends and the next one begins

for my $api (@apis) {
    subtest "$api->{name}: lengths and line ends" => sub {
        my $inner = "GET $api->{get} HTTP/1.1\r\nHost: localhost\r\n$api->{auth}X-Request-Id: inner\r\n\r\n";
        my $n = length $inner;
        my $head = "POST $api->{post} HTTP/1.1\r\nHost: localhost\r\n$api->{auth}Content-Type: $api->{type}\r\nX-Request-Id: outer\r\n";
        my $chunked = "Transfer-Encoding: chunked\r\n";
        my $chunk = sprintf "%x\r\n%s\r\n0\r\n\r\n", $n, $inner;
        # Name, lines of the head, what follows it, the status. The second request stands in what one reader takes for the body.
        my @shapes = (
            ['chunked and a length', "Content-Length: 4\r\n$chunked", "0\r\n\r\n$inner", '4\d\d'],
            ['a length and chunked', "${chunked}Content-Length: " . (5 + $n) . "\r\n", "0\r\n\r\n$inner", '4\d\d'],
            ['two lengths', "Content-Length: 0\r\nContent-Length: $n\r\n", $inner, 400],
            ['two lengths, the other way round', "Content-Length: $n\r\nContent-Length: 0\r\n", $inner, 400],
            (map { ["Content-Length: $_", "Content-Length: $_\r\n", $inner, 400] } '0, ' . $n, '+0', '-0', '-1', '0x0', '0 0', '0;', '"0"', '0.0', '1e1',
                '18446744073709551616', '99999999999999999999999', ''),
            (map { ["Transfer-Encoding: $_", "Transfer-Encoding: $_\r\nContent-Length: 0\r\n", $inner, '400|501'] } 'xchunked', 'chunkedx', 'x, y',
                'identity, x', 'chunked, identity', 'chunked;q=1', '"chunked"', 'chunked, x'),
            ['Transfer-Encoding twice', "Transfer-Encoding: x\r\n$chunked", $chunk, '400|501'],
            ['a blank before the colon', "Transfer-Encoding : chunked\r\nContent-Length: 0\r\n", $chunk, 400],
            ['a tab before the colon', "Content-Length\t: $n\r\n", $inner, 400],
            ['a line without a name', ": x\r\nContent-Length: 0\r\n", $inner, 400],
            ['a line without a colon', "Content-Length\r\n", $inner, 400],
            ['a name with a blank in it', "Content Length: $n\r\n", $inner, 400],
            ['a name with a NUL', "Content-Length\0: $n\r\n", $inner, 400],
            ['a value with a NUL', "Content-Length: 0\0\r\n", $inner, 400],
            ['a value with a bare CR', "X-A: a\rContent-Length: $n\r\n", $inner, 400],
            ['a line that ends with a bare LF', "X-A: a\nContent-Length: $n\r\n", $inner, 400],
            ['bare LFs only', '', undef, 400],
            (map { ["a chunk '$_->[0]'", $chunked, $_->[1], '4\d\d'] } ['-1', "-1\r\n$inner"], ['0x5', "0x5\r\nhello\r\n0\r\n\r\n$inner"],
                ['zz', "zz\r\n$inner"], ['', "\r\n$inner"], ['+5', "+5\r\nhello\r\n0\r\n\r\n$inner"], ['17 digits', "fffffffffffffffff\r\n$inner"],
                ['without an end', "5\r\nhello0\r\n\r\n$inner"], ['of LFs', "0\n\n$inner"]),
            ['HTTP/1.0 in chunks', undef, $chunk, '4\d\d'],
        );
        for my $shape (@shapes) {
            my ($name, $lines, $body, $status) = @$shape;
            my $bytes = !defined $lines ? $head =~ s/1\.1/1.0/r . "$chunked\r\n$body" : !defined $body ? "$head\r\n$inner" =~ s/\r//gr
                : "$head$lines\r\n$body";
            my @answers = wire_answers($h, $bytes);
            is scalar @answers, 1, "$name: one answer";
            like $answers[0]{status}, qr/\A(?:$status)\z/, "... $answers[0]{status}";
            is scalar(grep { ($_->{headers}{'x-request-id'} // '') eq 'inner' } @answers), 0, '... none to what stands in the body';
        }
        # What is whole and honest goes on, also when nobody has read the body.
        my @answers = wire_answers($h, "POST $api->{base}/nothing HTTP/1.1\r\nHost: localhost\r\n$api->{auth}$chunked\r\n$chunk" . $inner =~ s/inner/next/r);
        is scalar @answers, 2, 'a chunked body is a body, and the next request another one';
        is $answers[1]{headers}{'x-request-id'}, 'next', '... which is answered';
        @answers = wire_answers($h, "GET $api->{get} HTTP/1.1\r\nHost: localhost\r\n$api->{auth}Content-Length: $n\r\n\r\n$inner"
                . $inner =~ s/inner/next/r);
        is join(' ', map { $_->{status} } @answers), '200 200', 'a GET with a body: two requests, two answers';
        is $answers[1]{headers}{'x-request-id'}, 'next', '... none to what stands in the body';
        # A trailer is behind the body, when all is decided.
        @answers = wire_answers($h, "POST $api->{get} HTTP/1.1\r\nHost: localhost\r\n${chunked}\r\n0\r\n$api->{auth}X-Request-Id: trailer\r\n\r\n");
        unlike $answers[0]{status}, qr/\A2/, 'credentials in a trailer are none';
        isnt $answers[0]{headers}{'x-request-id'}, 'trailer', '... nor is an id';
        is scalar @answers, 1, '... one answer';
    };

    subtest "$api->{name}: request lines and hosts" => sub {
        my $tail = "Connection: close\r\n$api->{auth}\r\n";
        for my $case (
            ['no Host', "GET $api->{get} HTTP/1.1\r\n", 400], ['two Hosts', "GET $api->{get} HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n", 400],
            (map { ["Host: $_", "GET $api->{get} HTTP/1.1\r\nHost: $_\r\n", 400] } 'a b', 'a/b', 'localhost:x', 'localhost:99999999', 'a@b', '[::1', "a\0b",
                'localhost, evil.example'),
            ['another protocol', "GET $api->{get} HTTQ/1.1\r\nHost: localhost\r\n", 400],
            ['two blanks', "GET  $api->{get} HTTP/1.1\r\nHost: localhost\r\n", 400], ['a tab', "GET\t$api->{get}\tHTTP/1.1\r\nHost: localhost\r\n", 400],
            ['a blank in the path', "GET $api->{get} x HTTP/1.1\r\nHost: localhost\r\n", 400], ['no path', "GET HTTP/1.1\r\nHost: localhost\r\n", 400],
            ['a path without slash', 'GET ' . substr($api->{get}, 1) . " HTTP/1.1\r\nHost: localhost\r\n", 400],
            ['a control character', "GET $api->{get}\x01 HTTP/1.1\r\nHost: localhost\r\n", 400], ['bytes', "GET $api->{get}\xff HTTP/1.1\r\nHost: localhost\r\n", '40[04]'],
        ) {
            my ($name, $lines, $status) = @$case;
            my @answers = wire_answers($h, "$lines$tail");
            is scalar @answers, 1, "$name: one answer";
            like $answers[0]{status}, qr/\A(?:$status)\z/, "... $answers[0]{status}";
            unlike $answers[0]{content}, qr/SKU|CustomerID/, '... without data';
        }
        my ($whole) = wire_answers($h, "GET $api->{get} HTTP/1.1\r\nHost: localhost\r\n$tail");
        my ($absolute) = wire_answers($h, "GET http://evil.example$api->{get} HTTP/1.1\r\nHost: localhost\r\n$tail");
        is $absolute->{content}, $whole->{content}, 'a whole URL: the path counts, the host chooses nothing here';
        # HTTP/0.9, which httpd allows unless told: a request without headers has no credentials.
        unlike $h->raw("GET $api->{get}\r\n"), qr/SKU|CustomerID/, 'a request line without a version: no data';
    };
}
log_is_lines('lengths and line ends');

# ---- what a client sends becomes no line of an answer

# Texts that would break a header line, or a log line, if they were written as they are. Those for headers must pass httpd.
my @in_url = ('a%0d%0aX-Injected:%20yes%0d%0a%0d%0a<html>', 'a%0aX-Injected:yes', 'a%0dX-Injected:yes', '%E5%98%8A%E5%98%8DX-Injected:yes', '%c4%8a%c4%8dX-Injected:yes',
    'a%00b', '%22%3e%3cscript%3e', '%1b[31mred', '%7f%80%ff');
my @in_header = ('a%0d%0aX-Injected: yes', "\xe5\x98\x8a\xe5\x98\x8dX-Injected: yes", "\xc4\x8a\xc4\x8dX-Injected: yes", '"><script>', "a\tb", '\r\nX-Injected: yes',
    "a\r\n X-Injected: yes", "\xff\xfe", 'W/"a%0d%0aX-Injected: yes"', '"a\r\nX"', '00-' . '0' x 31 . "\xc4-" . '1' x 16 . '-01');
my @headers = ('X-Request-Id', 'traceparent', 'tracestate', 'If-None-Match', 'If-Match', 'If-Range', 'If-Modified-Since', 'Range', 'Accept', 'Accept-Encoding',
    'Accept-Language', 'A-IM', 'Authorization', 'x-api-key', 'Idempotency-Key', 'Content-Type', 'Cookie', 'Origin', 'Referer', 'User-Agent', 'Forwarded',
    'X-Forwarded-For', 'X-Forwarded-Host', 'X-Forwarded-Proto', 'Via', 'Prefer', 'Upgrade-Insecure-Requests', 'X-Original-URL', 'X-HTTP-Method-Override');

# Names of headers that answers of the module and of httpd have.
my %known = map { $_ => 1 } qw(date last-modified server content-length content-type cache-control vary x-request-id etag connection keep-alive accept-ranges
    content-encoding content-range retry-after www-authenticate allow ratelimit ratelimit-policy ratelimit-limit ratelimit-remaining ratelimit-reset
    x-rate-limit-limit x-rate-limit-remaining x-rate-limit-reset pragma upgrade transfer-encoding im delta-base);

# what($answer): why an answer is not as it should be, or ''.
sub what {
    my ($a) = @_;
    my ($strange) = grep { !$known{$_} } sort keys %{ $a->{headers} };
    return "has a header $strange" if defined $strange;
    return 'has a header with ' . sprintf '%02x', ord $1 if $a->{head} =~ s/\r\n//gr =~ /([^\x20-\x7e\t])/;
    return 'repeats what was sent in its head' if $a->{head} =~ /Injected|script/i;
    my $json = ($a->{headers}{'content-type'} // '') =~ m{^application/json};
    return 'is no JSON: ' . substr $a->{content}, 0, 80 if $json && length $a->{content} && !eval { JSON::PP->new->utf8->allow_nonref->decode($a->{content}); 1 };
    return 'is HTML' if ($a->{headers}{'content-type'} // '') =~ /html/;
    return "is $a->{status}" if $a->{status} >= 500 && $a->{status} != 501;
    return '';
}

for my $api (@apis) {
    subtest "$api->{name}: texts that would break a line" => sub {
        my $ask = wire_client($h);
        my ($n, @wrong) = (0);
        my $try = sub {
            my ($name, $line, $headers, $body) = @_;
            my $why = what($ask->("$line HTTP/1.1\r\nHost: localhost\r\n$headers" . (defined $body ? 'Content-Length: ' . length($body) . "\r\n" : '') . "\r\n" . ($body // '')));
            $n++;
            push @wrong, "$name: $why" if $why;
        };
        my $turn = 0;
        for my $o (operations($api->{document})) {
            my ($method, $path, $operation) = @$o;
            my @parameters = map { KissTest::OpenAPI::resolve($api->{document}, $_) } @{ $operation->{parameters} || [] };
            # Every parameter has three of the texts, every endpoint all of them.
            for my $p ((grep { $_->{in} eq 'query' } @parameters), { name => 'unknown' }) {
                for my $text (map { $in_url[$turn++ % @in_url] } 1 .. 3) {
                    $try->("$method $path, $p->{name}=$text", "$method $api->{base}" . $path =~ s/\{\w+\}/101/gr . "?$p->{name}=$text", $api->{auth}, $method eq 'POST' ? '' : undef);
                }
            }
            for my $text (@in_url) {
                $try->("$method $path?$text", "$method $api->{base}" . $path =~ s/\{\w+\}/101/gr . "?$text=1", $api->{auth}, $method eq 'POST' ? '' : undef);
                $try->("$method $path with $text", "$method $api->{base}" . $path =~ s/\{\w+\}/$text/r, $api->{auth}) if $path =~ /\{/;
                $try->("$method $path, in a form: $text", "$method $api->{base}$path", "$api->{auth}Content-Type: application/x-www-form-urlencoded\r\n",
                    join '&', map {"$_=$text"} 'grant_type', 'client_id', 'client_secret', 'scope', map { $_->{name} } @parameters) if $method eq 'POST';
            }
        }
        for my $name (@headers) {
            for my $text (@in_header) {
                my $auth = $name eq 'Authorization' || $name eq 'x-api-key' ? '' : $api->{auth};
                $try->("$name: $text", "GET $api->{get}", "$auth$name: $text\r\n");
                $try->("POST, $name: $text", "POST $api->{post}", "$auth$name: $text\r\n", '');
            }
        }
        is $wrong[0], undef, "$n requests: none of them is seen in the head of its answer" or diag scalar(@wrong) . ' in all';
        cmp_ok $n, '>', 400, '... of every operation and parameter of the table';
    };
}
log_is_lines('texts that would break a line');
# Notes and paths of our formats are words, whatever was sent.
is +(grep { !/\A(?:[\x21-\x7e]+) \d{3}\z/ } split /\n/, slurp("$h->{root}/access_log"))[0], undef, 'every line of the access log is one request';

# ---- paths in disguise: the same path, or none

sub disguises {
    my ($path) = @_;
    my ($first, $rest) = $path =~ m{\A/(.)(.*)\z}s;
    my $code = sprintf '%02x', ord $first;
    return (
        same => ["/$path", "/.$path", "/x/..$path", "/%2e$path", "/x/%2e%2e$path", "/x/%2E.$path", "/%$code$rest", '/%' . uc($code) . $rest, "http://localhost$path", "$path?", "$path?x=/../y"],
        none => ["$path/", "$path/.", "$path/x/..", "$path//", "$path;x=1", "$path%3bx=1", "$path%00", "$path%00.json", "$path%0a", "$path%0d%0a", "$path%20", "$path+", "$path%3f", "$path%23",
            "$path.json", "$path%2f", "/%2f$first$rest", "/x/..%2f$first$rest", "/x%2f..$path", "/..$path", "/%2e%2e$path", "/%252e%252e$path", "/%25$code$rest", "/%c0%ae%c0%ae$path",
            "/%c0%af$first$rest", "/%e0%80%af$first$rest", "/\\$first$rest", "/%5c$first$rest", "/x/..%5c$first$rest", "/" . uc($first) . $rest, "/%ff$path", "/%zz$path", "/%u002f$first$rest",
            "$path/../../../../etc/passwd", "$path" . 'a' x 7000]
    );
}

# disguised($server, $api, $name, $loose): $loose when httpd is told to leave slashes to us: then a disguise may be the path, or none; of
# the paths every sixth is tried then. Without credentials every fourth.
sub disguised {
    my ($server, $api, $name, $loose) = @_;
    my $ask = wire_client($server);
    my ($n, @wrong) = (0);
    my $get = sub { my ($path, $auth) = @_; $n++; return $ask->("GET $path HTTP/1.1\r\nHost: localhost\r\n$auth\r\n") };
    my @paths = paths($api);
    for my $at (grep { !$loose || $_ % 6 == 0 } 0 .. $#paths) {
        my $path = $paths[$at];
        my @whole = map { $get->($path, $_) } $api->{auth}, '';
        my %of = disguises($path);
        for my $kind (qw(same none)) {
            for my $d (grep { $_ ne $path } @{ $of{$kind} }) {
                for my $i (0, $at % 4 ? () : 1) {
                    my $res = $get->($d, ($api->{auth}, '')[$i]);
                    my $same = "$res->{status} $res->{content}" eq "$whole[$i]{status} $whole[$i]{content}";
                    my $none = $res->{status} >= 400 && $res->{status} < 500 && $res->{content} !~ /SKU"|"Data"/;
                    push @wrong, "$d: $res->{status}" . ($i ? ' without credentials' : '') if !($loose ? $same || $none : $kind eq 'same' ? $same : $none);
                }
            }
        }
    }
    is $wrong[0], undef, "$name: $n requests" or diag scalar(@wrong) . ' in all: ' . join "\n", @wrong[0 .. ($#wrong > 9 ? 9 : $#wrong)];
    return;
}

for my $api (@apis) {
    subtest "$api->{name}: paths in disguise" => sub {
        disguised($h, $api, 'as httpd comes', 0);
        my $loose = server("MergeSlashes Off\nAllowEncodedSlashes On\n");
        disguised($loose, $api, 'MergeSlashes Off, AllowEncodedSlashes On', 1);
        $loose->log_ok(qr/AH0|AH1/);
    };
}

subtest 'a path that httpd closes is closed in every disguise' => sub {
    for my $how ('', "MergeSlashes Off\nAllowEncodedSlashes On\n", "AllowEncodedSlashes NoDecode\n") {
        my $closed = server("$how<Location /stock>\nRequire all denied\n</Location>\n<LocationMatch \"^/api/v1/customers\">\nRequire all denied\n</LocationMatch>\n");
        for my $api (@apis) {
            my $ask = wire_client($closed);
            my %of = disguises($api->{get});
            my @open = grep { $ask->("GET $_ HTTP/1.1\r\nHost: localhost\r\n$api->{auth}\r\n")->{status} < 400 } map {@$_} values %of;
            is "@open", '', "$api->{name}, $how: nowhere";
            is $ask->("GET $api->{get} HTTP/1.1\r\nHost: localhost\r\n$api->{auth}\r\n")->{status}, 403, '... and the path itself is 403';
        }
        $closed->log_ok(qr/AH0|AH1/);
    }
};

$h->log_ok(qr/AH0|AH1|KISS0/);
done_testing;
