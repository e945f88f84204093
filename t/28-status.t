# The handler kiss-status and the section in mod_status: numbers that are those of the requests, as a page and as JSON; nothing that
# a client or the database says is markup; headers as strict as they can be; closed as shipped.
# SPDX-License-Identifier: Apache-2.0
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Digest::SHA ();
use KissTest;
use KissTest::Lists;
use KissTest::Load;
use Test::More;

my $db = new_database('status');
import_sample($db);
my $key = issue_key('ACME01');
my $dir = tempdir_here();
spew("$dir/token.keys", '20260115-beef ' . 'A' x 43 . "\n", 0600);
my $location = qq(<Location "/kiss-status">\n    SetHandler kiss-status\n</Location>\n);

sub serve { return serve_lists({ ACME01 => $key }, token_keys => "$dir/token.keys", config => $location, @_) }

sub report { my ($h) = @_; return $h->json($h->get('/kiss-status?json')) }

# report_when($h, $condition): the report when the condition holds for it: a request is counted after its answer was sent.
sub report_when {
    my ($h, $condition) = @_;
    my $report;
    wait_until(10, sub { $report = report($h); $condition->($report) });
    return $report;
}

sub sum { my ($report) = @_; my $n = 0; $n += $_->{requests} for @{ $report->{apis} }; return $n }
sub endpoint { my ($report, $name) = @_; return (grep { $_->{endpoint} eq $name } map { @{ $_->{endpoints} } } @{ $report->{apis} })[0] }

# The text of a page, without its markup.
sub text_of { my ($html) = @_; return $html =~ s{<style>.*?</style>}{}sr =~ s/<[^>]*>/ /gr =~ s/\s+/ /gr }

# Markup that is closed, and nothing but what the page is made of.
sub well_formed {
    my ($html) = @_;
    my @open;
    for my $tag ($html =~ s/\A<!DOCTYPE html>//r =~ s{<style>.*?</style>}{}sr =~ /<([^>]*)>/g) {
        if ($tag =~ m{^/(\w+)$}) { my $last = pop @open // 'nothing'; return "$1 closes $last" if $last ne $1 }
        elsif (my ($name) = $tag =~ /^(\w+)/) {
            return "<$name>" if $name !~ /^(?:html|head|meta|title|body|h[123]|p|a|div|b|span|table|tr|th|td|svg|rect|hr)$/;
            push @open, $name if $tag !~ m{/$} && $name ne 'meta';
        }
    }
    return @open ? "open: @open" : '';
}

subtest 'the page, and the same as JSON' => sub {
    my $h = serve(processes => 2, limits => "KissLimit 100 1000\nKissLimitAnonymous 1000 8000\nKissLoginFailureLimit 50");
    my $before = report($h);
    ask_list($h, '/stock') for 1 .. 4;
    ask_list($h, '/prices');
    $h->get('/none', 'X-Request-Id' => 'my-own-id');
    my $report = report_when($h, sub { sum($_[0]) >= 1 + 4 + 1 + 1 });
    is sum($report), 7, 'the token, five lists, a path that is not there';
    is endpoint($report, 'stock')->{requests}, 4, 'those of an endpoint';
    is_deeply endpoint($report, 'stock')->{status}, { 200 => 4 }, '... by status';
    is endpoint($report, 'stock')->{lists}{built}, 1, '... built once';
    is endpoint($report, 'stock')->{lists}{hit}, 3, '... then from the cache';
    my $n = 0;
    $n += $_ for @{ endpoint($report, 'stock')->{buckets} };
    is $n, 4, '... each with a time';
    $n = 0;
    $n += $_ for @{ $report->{apis}[0]{requests_by_minute} };
    is $n, 7, 'requests by minute';
    is scalar @{ $report->{apis}[0]{requests_by_minute} }, 60, '... of an hour';
    is_deeply [map { "$_->{kid} " . ($_->{signs} ? 'signs' : '') } @{ $report->{apis}[0]{token_keys} }], ['20260115-beef signs'], 'signing keys';
    like $report->{apis}[0]{token_keys}[0]{age_days}, qr/^-?\d+$/, '... with their age';
    is $report->{cache}{lists}, 2, 'cached lists';
    my $pool = $report->{apis}[0]{database};
    is "$pool->{name} $pool->{in_use} $pool->{connections_per_child}", 'customer 0 4', 'connections to the database';
    cmp_ok $pool->{connections}, '<=', connections(db_server(), "db = '$db'"), '... of which the server knows';
    cmp_ok $pool->{connections}, '>', 0, '... and there are some';
    my ($caller) = grep { $_->{caller} eq 'ACME01' } @{ $report->{callers} };
    is "$caller->{requests} $caller->{hour}{used} $caller->{hour}{limit} $caller->{minute}{limit}", '6 6 1000 100', 'the customer and its limits';
    my ($refused) = grep { $_->{path} eq '/none' } @{ $report->{refused} };
    is "$refused->{status} $refused->{request_id} $refused->{endpoint}", '404 my-own-id unknown', 'the last error with its request id';
    is scalar(grep { $_->{path} eq '/stock' } @{ $report->{slowest} }), 4, 'the slowest requests';
    my $page = $h->get('/kiss-status');
    is $page->{headers}{'content-type'}, 'text/html; charset=utf-8', 'a page';
    is well_formed($page->{content}), '', '... well-formed';
    my $text = text_of($page->{content});
    like $text, qr/ stock 4 0 0 /, '... with the same numbers';
    like $text, qr/ my-own-id /, '... and the request id';
    like $text, qr/ 6 of 1000 /, '... and the use of limits';
    like $page->{content}, qr/<meta name="viewport" content="width=device-width/, '... for phones, too';
    $h->log_ok;
};

subtest 'databases and statements' => sub {
    my $h = serve(processes => 2, config => $location . "KissWarm 5 100ms\n");
    is ask_list($h, "/$_")->{status}, 200, $_ for qw(stock prices stock products);
    my $report = report_when($h, sub { sum($_[0]) >= 5 });
    my ($database) = @{ $report->{databases} };
    is "@$database{qw(api database in_use)}", 'customer customer 0', 'the database';
    cmp_ok $database->{connections}, '<=', $database->{connections_max}, '... has no more connections than it may have';
    is $database->{cached}{lists}{files}, 3, 'its cached lists';
    is $report->{cache}{lists}, 3, '... are all there are';
    is_deeply [grep { $database->{warm}{$_} } sort keys %{ $database->{warm} }], [grep { $database->{warm}{$_} } qw(ms passes)], 'KissWarm has built none';
    change_all($db);
    ok wait_until(20, sub { ($report = report($h)) && $report->{databases}[0]{warm}{passes} >= 1 + $database->{warm}{passes} }), 'all has changed';
    my $warm = $report->{databases}[0]{warm};
    is $warm->{built} + $warm->{patched}, 3, '... and was built anew';
    my %statement = map { $_->{statement} => $_ } @{ $report->{slowest_statements} };
    is scalar keys %statement, scalar @{ $report->{slowest_statements} }, 'statements have different names';
    cmp_ok $statement{caller}{count}, '>=', 1, 'that which finds the caller';
    cmp_ok $statement{'revision of the database'}{count}, '>=', 1, 'that which reads the revision';
    ok +(grep {/^stock: /} keys %statement), 'those of a list';
    is_deeply [grep { $_->{mean_ms} > $_->{longest_ms} || $_->{longest_ms} <= 0 } values %statement], [], 'no mean is longer than the longest';
    my @longest = map { $_->{longest_ms} } @{ $report->{slowest_statements} };
    is_deeply \@longest, [sort { $b <=> $a } @longest], 'the slowest first';

    # One that waits: it is at the top, and in its sum.
    my $waits = 1.2;
    my $locked = db_server()->session($db);
    $locked->('LOCK TABLES revision WRITE');
    my ($held, $status) = parallel(2, sub {
        my ($i) = @_;
        return $h->get('/health')->{status} if $i;
        wait_until(60, sub { waiting(db_server()) >= 1 });
        wait_until($waits, sub {0});
        $locked->('UNLOCK TABLES');
        return 'held';
    });
    $locked->();
    is $status, 200, 'a request that waits for a table';
    $report = report($h);
    my $top = $report->{slowest_statements}[0];
    cmp_ok $top->{longest_ms}, '>=', 1000 * $waits, "... which is seen: $top->{statement}";
    my $text = text_of($h->get('/kiss-status')->{content});
    like $text, qr/Slowest statements .*?longest \Q$top->{statement}\E customer /, '... and shown first';
    is well_formed($h->get('/kiss-status')->{content}), '', '... on a page that is well-formed';
    my $longest = $top->{longest_ms};
    $h->graceful;
    is report($h)->{slowest_statements}[0]{longest_ms}, $longest, '... still after a reload';
    my $json = $h->get('/kiss-status?json')->{content};
    my ($said) = $json =~ /"slowest_statements":(.*)/s;
    unlike $said, qr/ACME01|UKTRADE|SELECT/, 'names only: no values, no SQL';
    $h->log_ok;
};

subtest 'headers' => sub {
    my $h = serve();
    my $page = $h->get('/kiss-status');
    my ($style) = $page->{content} =~ m{<style>(.*?)</style>}s;
    my $digest = Digest::SHA::sha256_base64($style);
    $digest .= '=' while length($digest) % 4;
    is $page->{headers}{'content-security-policy'},
        "default-src 'none'; style-src 'sha256-$digest'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        'nothing is allowed but the style sheet of the page';
    unlike $page->{content}, qr/<script|\bon\w+=|\bstyle=|javascript:|https?:/i, 'which needs nothing else';
    is_deeply [@{ $page->{headers} }{qw(cache-control x-content-type-options referrer-policy x-frame-options)}],
        [qw(no-store nosniff no-referrer DENY)], 'the other headers';
    is $h->get('/kiss-status?json')->{headers}{'content-type'}, 'application/json; charset=utf-8', 'JSON';
    my $head = $h->request('HEAD', '/kiss-status');
    is $head->{status} . length($head->{content} // ""), 2000, 'HEAD';
    is $h->post('/kiss-status', { a => 1 })->{status}, 405, 'nothing else';
    $h->log_ok;
};

subtest 'what others say is no markup' => sub {
    my $code = q{<b>"'&\\</td>};
    sql($db, 'INSERT INTO customer (customer_code, price_list_code, stock_location, discount_percent) SELECT CONVERT(0x'
        . unpack('H*', $code) . " USING utf8mb4), price_list_code, stock_location, discount_percent FROM customer WHERE customer_code = 'ACME01'");
    my $h = serve();
    my %claims = (iss => 'https://localhost', aud => 'https://localhost', sub => $code, client_id => $code, jti => 'x',
        iat => $^T - 60, nbf => $^T - 60, exp => $^T + 3600);
    is $h->get('/stock', Authorization => 'Bearer ' . jwt(\%claims, keys => "$dir/token.keys"))->{status}, 200, 'a customer with a hostile code';
    for my $path ('/<script>alert(1)</script>', '/"><img src=x onerror=alert(1)>', "/%3Cscript%3E'&amp;", '/%ff%fe', '/' . 'x' x 3000) {
        $h->raw("GET $path HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n") if $path !~ / /;
        $h->raw('GET ' . ($path =~ s/ /%20/gr) . " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n") if $path =~ / /;
    }
    my $report = report_when($h, sub { @{ $_[0]{refused} } >= 5 });
    ok +(grep { $_->{caller} eq $code } @{ $report->{callers} }), 'JSON has it as it is' or diag explain $report->{callers};
    ok +(grep { $_->{path} eq '/<script>alert(1)</script>' } @{ $report->{refused} }), '... and paths' or diag explain $report->{refused};
    my $html = $h->get('/kiss-status')->{content};
    is well_formed($html), '', 'the page is well-formed';
    unlike $html, qr/<script|<img|<b>"/, '... without any of that';
    like $html, qr/&lt;b&gt;&quot;&#39;&amp;\\&lt;\/td&gt;/, '... but with the code';
    $h->log_ok(qr/AH\d+/);
};

subtest 'reloads keep what was counted' => sub {
    my $h = serve();
    ask_list($h, '/stock') for 1 .. 3;
    $h->get('/none');
    my $before = report_when($h, sub { sum($_[0]) >= 5 });
    $h->graceful;
    my $after = report($h);
    is sum($after), 5, 'requests';
    is_deeply $after->{$_}, $before->{$_}, "... and $_" for qw(callers refused since);
    $h->log_ok;
};

subtest 'mod_status' => sub {
    my $h = serve(modules => ['status'], config => $location . qq(<Location "/server-status">\n    SetHandler server-status\n</Location>\n));
    ask_list($h, '/stock') for 1 .. 2;
    $h->get('/none');
    report_when($h, sub { sum($_[0]) >= 4 });
    my $lines = $h->get('/server-status?auto')->{content};
    like $lines, qr/^KissRequests: 4$/m, '?auto: requests';
    like $lines, qr/^KissClientErrors: 1$/m, '... 4xx';
    like $lines, qr/^KissServerErrors: 0$/m, '... 5xx';
    like text_of($h->get('/server-status')->{content}), qr/ mod_kiss .* customer localhost\S* \/ 4 1 0 0 /, 'the page has a section';
    $h->log_ok;
};

subtest 'closed as shipped' => sub {
    for my $file (qw(conf/kiss-site.conf conf/kss-site.conf)) {
        my ($section) = slurp(top() . "/$file") =~ m{^( *<Location "/kiss-status">.*?</Location>\n)}ms;
        ok $section, "$file has it";
        my $h = start_httpd(modules => [qw(authz_host remoteip)], config => ($section // '')
            . "RemoteIPHeader X-Forwarded-For\nRemoteIPInternalProxy 127.0.0.1\n");
        is $h->get('/kiss-status')->{status}, 200, '... for this host';
        is $h->get('/kiss-status', 'X-Forwarded-For' => '203.0.113.9')->{status}, 403, '... and for no other';
        $h->log_ok(qr/AH01630: client denied/);
        my $proxied = start_httpd(modules => ['authz_host'], config => $section // '');
        is $proxied->get('/kiss-status')->{status}, 200, '... without mod_remoteip';
        is $proxied->get('/kiss-status', @$_)->{status}, 403, "... not what a proxy on this host forwards: $_->[0]"
            for ['X-Forwarded-For' => '203.0.113.9'], [Forwarded => 'for=203.0.113.9'];
        $proxied->log_ok(qr/AH01630: client denied/);
    }
};

done_testing;
