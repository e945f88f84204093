# The handler kiss-metrics: the text format as Prometheus reads it, and numbers that are those of the requests that were made:
# over all processes, through reloads, apart for each server and API.
# SPDX-License-Identifier: Apache-2.0
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use JSON::PP ();
use KissTest;
use KissTest::Lists;
use KissTest::Load;
use KissTest::Metrics;
use Test::More;

my $db = new_database('metrics');
import_sample($db);
my $key = issue_key('ACME01');
my $keys = tempdir_here() . '/token.keys';
spew($keys, 'test ' . 'A' x 43 . "\n", 0600);

sub serve { return serve_lists({ ACME01 => $key }, db => $db, token_keys => $keys, config => metrics_location(), @_) }

sub n { return metrics_sum(@_) }

subtest 'the format' => sub {
    my $h = serve();
    my $res = $h->get('/kiss-metrics');
    is $res->{status}, 200, 'an answer';
    is $res->{headers}{'content-type'}, 'text/plain; version=0.0.4; charset=utf-8', 'the only type that Prometheus takes';
    is $res->{headers}{'cache-control'}, 'no-store', 'not to be cached';
    is $res->{headers}{'content-length'}, length $res->{content}, 'its length';
    my $head = $h->request('HEAD', '/kiss-metrics');
    is $head->{status} . length($head->{content} // ""), 2000, 'HEAD';
    my $post = $h->post('/kiss-metrics', { a => 1 });
    is join(' ', $post->{status}, sort grep { $_ ne 'TRACE' } split /, */, $post->{headers}{allow}), '405 GET HEAD', 'nothing else';
    ask_list($h, '/stock');
    my $read = metrics_parse(metrics_text($h));
    like +(grep {/^kiss_build_info/} keys %{ $read->{value} })[0], qr/version="\d+\.\d+/, 'the version';
    cmp_ok $read->{value}{kiss_start_time_seconds}, '>', $^T - 1, 'when counting began';
    my ($rc, $said) = promtool(metrics_text($h), 'check', 'metrics');
    SKIP: {
        skip 'no promtool', 2 if !defined $rc;
        is $rc, 0, 'promtool check metrics';
        is $said, '', '... has no remark';
    }
    $h->log_ok;
};

subtest 'requests, by endpoint, method and status' => sub {
    my $h = serve(processes => 3);
    my @headers = (Authorization => $h->{bearer}{ACME01});
    my $tag = ask_list($h, '/stock')->{headers}{etag};
    ask_list($h, '/stock') for 1 .. 4;
    ask_list($h, '/stock', undef, 'If-None-Match' => $tag) for 1 .. 5;
    $h->request('HEAD', '/stock', @headers) for 1 .. 2;
    $h->get('/prices', @headers);
    $h->get("/none$_", @headers) for 1 .. 3;
    $h->get('/etc/<>"\\passwd');
    $h->request($_, '/stock', @headers) for qw(DELETE PUT PATCH OPTIONS);
    $h->raw("GET /%zz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    $h->get('/health');
    my $all = 1 + 1 + 4 + 5 + 2 + 1 + 3 + 1 + 4 + 1 + 1;        # the first is the token
    my $m = metrics_when($h, sub { n($_[0], 'kiss_requests_total') >= $all });
    is n($m, 'kiss_requests_total'), $all, 'as many as were made';
    my %count = (
        'token POST 200' => 1, 'stock GET 200' => 5, 'stock GET 304' => 5, 'stock HEAD 200' => 2, 'prices GET 200' => 1,
        'unknown GET 404' => 4, (map { ("unknown $_ 405" => 1) } qw(DELETE PUT PATCH other)), 'unknown GET 400' => 1, 'health GET 200' => 1,
    );
    for my $what (sort keys %count) {
        my ($endpoint, $method, $status) = split ' ', $what;
        is n($m, 'kiss_requests_total', endpoint => $endpoint, method => $method, status => $status), $count{$what}, $what;
        delete $m->{$_} for grep {/^kiss_requests_total.*endpoint="$endpoint",.*method="$method",.*status="$status"/} keys %$m;
    }
    is_deeply [grep {/^kiss_requests_total/} keys %$m], [], 'and no others';
    is n($m, 'kiss_request_duration_seconds_count', endpoint => 'stock'), 12, 'each has a time';
    cmp_ok n($m, 'kiss_request_duration_seconds_sum', endpoint => 'stock'), '>', 0, '... longer than none';
    $h->log_ok(qr/AH10244: invalid URI path/);
};

subtest 'lists, bytes, rows, the database' => sub {
    my $h = serve();
    my %gz = ('Accept-Encoding' => 'gzip');
    my @got = map { ask_list($h, @$_) } ['/stock'], ['/stock'], ['/stock', undef, %gz];
    sql($db, "UPDATE stock SET available_qty = available_qty + 1 WHERE stock_location = 'UK01' LIMIT 1");
    push @got, ask_list($h, '/stock');
    push @got, ask_list($h, '/stock', undef, 'If-None-Match' => $got[0]{headers}{etag}, 'A-IM' => 'sku-delta');
    my $bytes = 0;
    $bytes += length $_->{content} for @got;
    my $m = metrics_when($h, sub { n($_[0], 'kiss_requests_total', endpoint => 'stock') >= @got });
    my %from = map { $_ => n($m, 'kiss_list_answers_total', endpoint => 'stock', from => $_) } qw(hit built patched compressed compared);
    my %fate;
    $fate{ fate($h, $_) }++ for @got;
    is_deeply \%from, { (map { $_ => 0 } keys %from), %fate }, 'where they came from, as the access log has it' or diag explain \%from;
    is $from{built} + $from{patched} + $from{compressed} >= 3, 1, '... not all from the cache';
    is n($m, 'kiss_response_bytes_total', endpoint => 'stock'), $bytes, 'bytes of answers';
    is n($m, 'kiss_list_bytes_total'), $bytes, '... which are those of lists';
    is n($m, 'kiss_list_bytes_total', from => 'built'), length $got[0]{content}, '... and of the one that was built';
    cmp_ok n($m, 'kiss_rows_total', endpoint => 'stock'), '>=', scalar @{ $h->json($got[0]) }, 'rows';
    cmp_ok n($m, 'kiss_database_seconds_total', endpoint => 'stock'), '>', 0, 'time with the database';
    is n($m, 'kiss_database_query_seconds_count'), n($m, 'kiss_database_wait_seconds_count'), 'a wait for each use';
    cmp_ok n($m, 'kiss_database_query_seconds_count'), '>=', 2, '... of which there were some';
    is n($m, 'kiss_database_refusals_total'), 0, 'none failed';
    $h->log_ok;
};

subtest 'connections, cached lists, KissWarm' => sub {
    my $h = serve(processes => 2, threads => 8, pool => 'max=3', config => metrics_location() . "KissWarm 2 100ms\n");
    ok $h->checked, 'the check at the start has ended';
    my %gz = ('Accept-Encoding' => 'gzip');
    my %of = (database => 'customer', api => 'customer');
    my $m;
    my $passes = sub { $m = metrics($h); return n($m, 'kiss_warm_passes_total', %of) >= $_[0] };
    ok wait_until(20, sub { $passes->(1) }), 'the pass at the start, over nothing, has ended';
    ask_list($h, @$_) for ['/stock'], ['/stock', undef, %gz], ['/prices'], ['/prices', undef, %gz], ['/products'];
    # KissWarm uses one every 100 ms.
    $m = metrics_when($h, sub { !n($_[0], 'kiss_database_connections', %of, state => 'in_use') });
    is n($m, 'kiss_database_connections', %of, state => 'in_use'), 0, 'no connection is in use';
    is n($m, 'kiss_database_connections', %of, state => 'idle'), connections(db_server(), "db = '$db'"), '... as many are idle as the server knows';
    is n($m, 'kiss_database_connections_max', %of), 2 * 3 + 1, '... of those that both processes, and KissWarm, may have';
    my $files = sub { my ($m, @which) = @_; return join ' ', map { n($m, "kiss_cache_$_", @which) } qw(entries bytes) };
    my $there = sub { my @all = grep { $_[0]->($_) } snapshots($h); my $n = 0; $n += -s for @all; return @all . " $n" };
    is $files->($m), $there->(sub {1}), 'all cached lists';
    is $files->($m, %of), $files->($m), '... which are of this database';
    is $files->($m, %of, kind => 'list', coding => 'gzip'), $there->(sub { $_[0] =~ /-gzip\w+\.json/ }), '... compressed ones';
    is n($m, 'kiss_cache_entries', kind => 'list', coding => 'identity'), 3, '... and three that are not';
    is n($m, 'kiss_cache_limit_bytes'), 1024 << 20, '... and the limit';
    is n($m, 'kiss_warm_lists_total'), 0, 'nothing was built in advance';

    # Two rounds, of which the second one finds stock alone to be another.
    change_all($db);
    ok wait_until(20, sub { $passes->(2) }), 'everything has changed: a pass';
    is n($m, 'kiss_warm_lists_total', result => 'built') + n($m, 'kiss_warm_lists_total', result => 'patched'), 2, '... which has built two lists';
    cmp_ok n($m, 'kiss_warm_seconds_total', %of), '>', 0, '... in some time';
    is_deeply [map { fate($h, ask_list($h, $_, undef, %gz)) } qw(/stock /prices)], [qw(hit hit)], '... the two most used';
    my $before = n($m, 'kiss_warm_lists_total');
    my $tag = ask_list($h, '/stock')->{headers}{etag};
    sql($db, "UPDATE stock SET available_qty = available_qty + 1 WHERE stock_location = 'UK01' LIMIT 1");
    ok wait_until(20, sub { $passes->(3) }), 'stock has changed: another pass';
    is n($m, 'kiss_warm_lists_total', result => 'cached'), 1, '... which left a list as it is';
    is n($m, 'kiss_warm_lists_total') - $before, 2, '... and came to no other';
    is n($m, 'kiss_warm_lists_total', result => $_), 0, "... $_: none" for qw(failed gone);
    is ask_list($h, '/stock', undef, 'If-None-Match' => $tag, 'A-IM' => 'sku-delta')->{status}, 226, 'changes';
    is $files->(metrics($h), %of, kind => 'changes', coding => 'identity'), $there->(sub { $_[0] =~ /\@[\w-]{22}\.[\w-]{22}\.json/ }), '... are counted apart';
    my ($one) = snapshots($h);
    spew(folder($h) . '/' . 'X' x 16 . '@' . 'Y' x 22 . '.json', 'of another');
    is $files->(metrics($h), database => '(other)'), '1 10', 'a file of a database that is not configured';
    $h->log_ok;
};

subtest 'refused: credentials and limits' => sub {
    my $h = serve(limits => "KissLimit 1000 4\nKissLimitAnonymous 1000 8\nKissLoginFailureLimit 2");
    my $token = sub { return $h->post('/auth/token', { grant_type => 'client_credentials', client_id => $_[0], client_secret => $_[1] })->{status} };
    my %claims = (iss => 'https://localhost', aud => 'https://localhost', sub => 'ACME01', client_id => 'ACME01', jti => 'x',
        iat => $^T - 7200, nbf => $^T - 7200, exp => $^T - 3600);
    my $ask = sub { return $h->get('/stock', @_ ? (Authorization => "Bearer $_[0]") : ())->{status} };
    is $ask->(), 401, 'no token' for 1 .. 3;
    is $ask->('a.b.c'), 401, 'no token of ours';
    is $ask->(jwt(\%claims, keys => $keys)), 401, 'an old one';
    is $ask->(jwt({ %claims, sub => 'NOBODY', client_id => 'NOBODY', exp => $^T + 3600 }, keys => $keys)), 404, 'of nobody';
    is $token->('ACME01', 'wrong'), 401, 'wrong secret' for 1 .. 2;
    is $token->('ACME01', $key), 429, 'too many of them';
    is $h->get('/stock', Authorization => $h->{bearer}{ACME01})->{status}, $_, "with a token: $_" for 200, 200, 200, 429, 429;
    $ask->() for 1 .. 9;
    my $m = metrics_when($h, sub { n($_[0], 'kiss_requests_total') >= 1 + 5 + 1 + 3 + 5 + 9 });
    my %auth = map { /reason="(\w+)"/ && $m->{$_} ? ($1 => $m->{$_}) : () } grep {/^kiss_auth_failures_total/} keys %$m;
    my $missing = delete $auth{token_missing};
    is_deeply \%auth, { token_invalid => 1, token_expired => 1, customer_unknown => 1, client_credentials => 2 }, 'reasons';
    my $refused = n($m, 'kiss_requests_total', status => 429);
    is $missing + $refused, 3 + 9 + 2 + 1, 'those without a token: refused as such, or by the limit';
    is n($m, 'kiss_limit_refusals_total'), $refused, 'each 429 is of a limit';
    is n($m, 'kiss_limit_refusals_total', limit => 'customer'), 2, '... two of the customer';
    is n($m, 'kiss_limit_refusals_total', limit => 'login'), 1, '... one of the address';
    cmp_ok n($m, 'kiss_limit_refusals_total', limit => 'anonymous'), '>=', 4, '... the others of all without a token';
    $h->log_ok;
};

subtest 'counters go through reloads, and begin anew with a start' => sub {
    my $h = serve(processes => 2);
    ask_list($h, '/stock') for 1 .. 5;
    my $m = metrics_when($h, sub { n($_[0], 'kiss_requests_total', endpoint => 'stock') >= 5 });
    for my $how ('graceful', 'restart', 'graceful with another location') {
        $h->rewrite(config => $h->{config} . qq(<Location "/more">\n    SetHandler kiss\n    KissApi customer\n    KissAllowPlainHTTP On\n)
            . qq(    KissTokenKeys "$keys"\n</Location>\n))
            if $how =~ /another/;
        $how eq 'restart' ? $h->restart : $h->graceful;
        my $after = metrics($h);
        is n($after, 'kiss_requests_total', endpoint => 'stock', location => '/'), 5, "$how: requests as before";
        is $after->{kiss_start_time_seconds}, $m->{kiss_start_time_seconds}, '... since the start';
    }
    $h->get('/more/health');
    $h->get('/health');
    $m = metrics_when($h, sub { n($_[0], 'kiss_requests_total', endpoint => 'health') >= 2 });
    is n($m, 'kiss_requests_total', endpoint => 'health', location => $_), 1, "$_ is counted apart" for '/', '/more';
    $h->stop;
    my $log = $h->{error_log};
    spew($log, '');
    ok $h->start, 'started again';
    is n(metrics($h), 'kiss_requests_total'), 0, 'nothing is counted yet';
    $h->log_ok;
};

subtest 'servers and APIs are apart' => sub {
    my $kss = new_database('metrics_kss', api => 'kss');
    import_kss($kss, top() . '/sql/sample-kss');
    my $kss_key = issue_kss_key(type => 'employee');
    my $s = db_server();
    my $database = sub {
        my ($name, $dbname) = @_;
        return "KissDatabase $name socket=$s->{socket} user=kiss dbname=$dbname password-file=$s->{dir}/kiss.password max=4\n";
    };
    my $api = "    SetHandler kiss\n    KissApi kss\n    KissAllowPlainHTTP On\n";
    my $h = serve(config => metrics_location() . join '', map {
        "<VirtualHost *>\nServerName $_->[0]\n" . ($_->[1] ? $database->('kss', $kss) . "<Location '$_->[1]'>\n$api</Location>\n" : '')
            . "</VirtualHost>\n"
    } ['localhost'], ['production.example', '/api/v1'], ['test.example', '/api/v1'], ['test.example', '/api/"v2"'], ['idle.example']);
    my $ask = sub {
        my ($host, $path) = @_;
        return $h->raw("GET $path HTTP/1.1\r\nHost: $host\r\nx-api-key: $kss_key\r\nConnection: close\r\n\r\n") =~ /^HTTP\S+ (\d+)/ && $1;
    };
    is $ask->('production.example', '/api/v1/states'), 200, 'production' for 1 .. 3;
    is $ask->('test.example', '/api/v1/states?PageSize=1'), 200, 'test' for 1 .. 2;
    is $ask->('production.example', '/api/v1/nothing'), 404, 'no such path';
    is $h->raw("GET /api/v1/states HTTP/1.1\r\nHost: production.example\r\nx-api-key: nonsense\r\nConnection: close\r\n\r\n") =~ /^HTTP\S+ 401/, 1, 'no such key';
    is $ask->('production.example', '/health'), 200, 'the API of the main server, which the other servers inherit';
    my $m = metrics_when($h, sub { n($_[0], 'kiss_requests_total', api => 'kss') >= 7 && n($_[0], 'kiss_requests_total', endpoint => 'health') });
    my $port = $h->{port};
    my %hosts = map { /host="([^"]*)"/ ? ($1 => 1) : () } keys %$m;
    my ($production, $test) = map { my $name = $_; grep {/^\Q$name\E(?::\d+)?\z/} keys %hosts } qw(production.example test.example);
    is n($m, 'kiss_requests_total', api => 'kss', host => $production, endpoint => 'states', status => 200), 3, 'those of production';
    is n($m, 'kiss_requests_total', api => 'kss', host => $test, endpoint => 'states'), 2, 'those of test';
    is n($m, 'kiss_requests_total', api => 'kss', endpoint => 'unknown', status => 404), 1, 'the path that is not there';
    # Some close at this moment: those of the check at start.
    my ($counted, $there);
    metrics_when($h, sub {
        ($counted, $there) = (n($_[0], 'kiss_database_connections', database => 'kss'), connections(db_server(), "db = '$kss'"));
        return $counted == $there;
    });
    is $counted, $there, 'connections of all servers, those of one name together';
    cmp_ok $there, '>', 0, '... of which there are some';
    is n($m, 'kiss_auth_failures_total', host => $production, reason => 'key_invalid'), 1, 'the key that is not there';
    is n($m, 'kiss_requests_total', api => 'customer', host => $production, endpoint => 'health'), 1, 'the other API in the same server';
    is_deeply [grep {/idle\.example/} keys %hosts], [], 'a server without requests that only inherits has no series';
    my ($rc, $said) = promtool(metrics_text($h), 'check', 'metrics');
    is $said // '', '', 'promtool has no remark';
    ok +(grep {/location="\/api\/\\"v2\\""/} keys %$m), 'a location with quotes is escaped';
    $h->log_ok;
};

subtest 'the database fails' => sub {
    my $own = KissTest::Database->start;
    my $there = new_database('metrics_own', server => $own);
    import_sample($there);
    my $h = start_httpd(db => $there, server => $own, processes => 1, config => metrics_location());
    ok $h->checked, 'the check at the start has ended';
    is $h->get('/health')->{status}, 200, 'health' for 1 .. 2;
    kill_connections($own, "user = 'kiss'");
    # A connection that is found dead within a second is replaced; on a machine that takes longer the request fails.
    my $replaced = $h->get('/health')->{status} == 200;
    $own->stop;
    is $h->get('/health')->{status}, 503, 'away' for 1 .. 3;
    my $m = metrics_when($h, sub { n($_[0], 'kiss_requests_total', endpoint => 'health') >= 6 });
    is n($m, 'kiss_database_refusals_total', reason => 'away'), 3 + !$replaced, 'counted as that';
    is n($m, 'kiss_database_refusals_total'), 3 + !$replaced, '... and as nothing else';
    cmp_ok n($m, 'kiss_database_retries_total'), '>=', $replaced, 'an idle connection that was dead: the work was done again';
    is n($m, 'kiss_database_query_seconds_count'), 6, 'each use of the database';
    $h->log_ok(qr/KISS020[15]|KISS0253/);
};

subtest 'closed as shipped' => sub {
    for my $file (qw(conf/kiss-site.conf conf/kss-site.conf)) {
        my ($section) = slurp(top() . "/$file") =~ m{^( *<Location "/kiss-metrics">.*?</Location>\n)}ms;
        ok $section, "$file has it";
        my $h = start_httpd(db => $db, modules => [qw(authz_host remoteip)], config => ($section // '')
            . "RemoteIPHeader X-Forwarded-For\nRemoteIPInternalProxy 127.0.0.1\n");
        is $h->get('/kiss-metrics')->{status}, 200, '... for this host';
        my $res = $h->get('/kiss-metrics', 'X-Forwarded-For' => '203.0.113.9');
        is $res->{status}, 403, '... and for no other';
        unlike $res->{content}, qr/kiss_/, '... which sees no number';
        $h->log_ok(qr/AH01630: client denied/);
        my $proxied = start_httpd(db => $db, modules => ['authz_host'], config => $section // '');
        is $proxied->get('/kiss-metrics')->{status}, 200, '... without mod_remoteip';
        is $proxied->get('/kiss-metrics', @$_)->{status}, 403, "... not what a proxy on this host forwards: $_->[0]"
            for ['X-Forwarded-For' => '203.0.113.9'], [Forwarded => 'for=203.0.113.9'];
        $proxied->log_ok(qr/AH01630: client denied/);
    }
};

subtest 'each metric is described' => sub {
    my $source = slurp(top() . '/mod_kiss/status/prometheus.c');
    my @metrics = sort $source =~ /^ +\{ "(kiss_\w+)", KISS_(?:COUNTER|GAUGE|HISTOGRAM)/mg;
    my $h = serve();
    my $read = metrics_parse(metrics_text($h));
    is_deeply [sort keys %{ $read->{type} }], \@metrics, 'the table is what is exposed';
    my $doc = slurp(top() . '/doc/metrics.md');
    my %row = map { /^\| `(kiss_\w+)` \| (\w+) \|/ ? ($1 => $2) : () } split /\n/, $doc;
    is_deeply \%row, $read->{type}, 'doc/metrics.md has a row for each, with its type, and no others';
    my $names = slurp(top() . '/mod_kiss/core/tally.h');
    for my $value ($names =~ /^ +X\(KISS_\w+, "(\w+)"\)/mg) {
        like $doc, qr/`$value`/, "... and the value $value";
    }
};

subtest 'dashboard and alerts' => sub {
    my $h = serve();
    my $type = metrics_parse(metrics_text($h))->{type};
    my ($rules, $dashboard) = map { slurp(top() . "/conf/monitoring/$_") } qw(kiss-alerts.yml grafana-dashboard.json);
    my @expressions = map { map { $_->{expr} } @{ $_->{targets} } } @{ JSON::PP->new->utf8->decode($dashboard)->{panels} };
    cmp_ok scalar @expressions, '>', 15, 'expressions of the dashboard';
    my %used = map { $_ => 1 } map { /\b(kiss_\w+)/g } @expressions, $rules =~ s/^ +(?:summary|description):.*$//mgr;
    my @absent = grep { my $name = $_; !$type->{$name} && ($type->{ s/_(?:bucket|sum|count)\z//r } // '') ne 'histogram' } sort keys %used;
    is_deeply \@absent, [], 'name metrics that there are';
    my %shown = map { s/_(?:bucket|sum|count)\z//r => 1 } map { /\b(kiss_\w+)/g } @expressions;
    is_deeply [grep { !$shown{$_} } sort keys %$type], [], 'the dashboard shows each of them';
    my $source = slurp(top() . '/mod_kiss/status/prometheus.c');
    my %named = map { $_ => 1 } map { /\b(\w+)=~?"/g } @expressions, $rules =~ /expr:(.*?)\n +(?:for|labels):/sg;
    delete @named{qw(instance job)};    # Prometheus adds them
    is_deeply [grep { $source !~ /"$_"/ } sort keys %named], [], '... and labels that there are';
    # Several hosts have the same ServerName: only `instance` tells them apart.
    is_deeply [grep { /\bhost/ && !/\binstance\b/ } @expressions, $rules =~ /\bby \(.*?\)/g], [], '... and tell hosts of one name apart';
    my ($rc, $said) = promtool(undef, 'check', 'rules', top() . '/conf/monitoring/kiss-alerts.yml');
    SKIP: {
        skip 'no promtool', 1 if !defined $rc;
        is $rc, 0, 'promtool check rules' or diag $said;
    }
    $h->log_ok;
};

done_testing;
