# What stands in front of two hosts, each with its file of conf/front: what the hosts send and what they must learn comes through, whichever
# of them answers; customers are never mixed by a cache; hosts come and go.
# SPDX-License-Identifier: Apache-2.0
use strict;
use warnings;
use File::Find ();
use FindBin;
use lib "$FindBin::Bin/../lib";
use HTTP::Tiny;
use IO::Select;
use IO::Socket::UNIX;
use JSON::PP ();
use KissTest;
use KissTest::Load;
use Socket qw(SOCK_DGRAM);
use Test::More;
use Time::HiRes qw(sleep time);

eval { require IO::Socket::SSL; require KissTest::Front; 1 } or plan skip_all => 'no IO::Socket::SSL';
my $db = new_database('front');
import_sample($db);
my %key = map { $_ => issue_key($_) } qw(ACME01 BEAU02);
my $kss = new_database('front_kss', api => 'kss');
import_kss($kss, top() . '/sql/sample-kss');
my %kss_key = (employee => issue_kss_key(type => 'employee', user => 1), supplier => issue_kss_key(type => 'supplier', ids => [7]), other => issue_kss_key(type => 'supplier', ids => [8]));
my $site = KissTest::Front->new(db => $db, kss => $kss);
my $failures = "<Location \"/auth/token\">\nKissLoginFailureLimit 10\n</Location>\nKissKeyLimit 1000000";
my @host = map { $site->host($_, more => $failures) } 0, 1;
my $straight = HTTP::Tiny->new(timeout => 60);

# Each with a cache that other sites use; KISS_TEST_FRONT names one.
my $cache = tempdir_here();
chmod 0777, $cache;
my %front = (
    haproxy => { alive => 1, again => 1 },
    nginx => { again => 1, head => "proxy_cache_path $cache/nginx keys_zone=shared:1m;\nproxy_cache shared;\nproxy_cache_valid any 10m;\n" },
    varnish => { alive => 1, again => 1, lost => 'content-encoding' },     # of HEAD
    squid => { tail => "cache_mem 32 MB\n" },
    httpd => { alive => 1, modules => [qw(cache cache_disk)], head => "CacheRoot $cache\nCacheEnable disk \"/\"\n" },
);

# The headers that clients go by.
my @promised = qw(etag content-length content-encoding content-range vary cache-control im content-type);
sub shown {
    my ($res, $lost) = @_;
    my %h = %{ $res->{headers} };
    delete $h{$lost} if $lost;
    return join "\n", $res->{status}, map { "$_: " . (ref $h{$_} ? join ', ', @{ $h{$_} } : $h{$_} // '-') } @promised;
}

sub kinds {
    my ($etag, $gzip) = @_;
    my @gzip = ('Accept-Encoding' => 'gzip');
    return (
        ['a list'], ['its gzip', @gzip], ['304', 'If-None-Match' => $etag], ['304 by the tag of the gzip', @gzip, 'If-None-Match' => $gzip],
        ['304 of several tags', 'If-None-Match' => qq("other", $etag)], ['a range', Range => 'bytes=100-199'], ['the end of it', Range => 'bytes=-50'],
        ['a range under If-Range', Range => 'bytes=100-', 'If-Range' => $etag], ['the whole under another If-Range', Range => 'bytes=100-', 'If-Range' => '"other"'],
        ['a range of the gzip', @gzip, Range => 'bytes=10-', 'If-Range' => $gzip], ['a range that is none', Range => 'bytes=99999999-'],
    );
}

for my $name (sort keys %front) {
    next if $ENV{KISS_TEST_FRONT} && $ENV{KISS_TEST_FRONT} ne $name;
    my $how = $front{$name};
    subtest $name => sub {
        my $front = $site->front($name, %$how) or plan skip_all => "$name is not there: t/cluster/programs";
        my $http = $front->client;
        my $ask = sub { my ($method, $path, @headers) = @_; return $http->request($method, $front->{url} . $path, { headers => {@headers} }) };
        my %auth;
        for my $customer (sort keys %key) {
            my $res = $http->post_form("$front->{url}/auth/token", { grant_type => 'client_credentials', client_id => $customer, client_secret => $key{$customer} });
            is $res->{status}, 200, "a token for $customer" or diag $res->{content};
            $auth{$customer} = [Authorization => 'Bearer ' . JSON::PP::decode_json($res->{content})->{access_token}];
        }
        my @acme = @{ $auth{ACME01} };
        my $direct = sub { my ($i, $method, @headers) = @_; return $straight->request($method, "$host[$i]{behind}/prices", { headers => { @acme, @headers } }) };

        subtest 'what is asked for comes, as the hosts send it' => sub {
            my ($etag, $gzip) = map { $direct->(0, 'GET', @$_)->{headers}{etag} } [], ['Accept-Encoding' => 'gzip'];
            for my $method (qw(GET HEAD)) {
                for my $kind (kinds($etag, $gzip)) {
                    my ($what, @headers) = @$kind;
                    # Twice each: both hosts have their turn, and a cache its chance.
                    my @told = map { $direct->($_, $method, @headers) } 0, 1;
                    my @got = map { $ask->($method, '/prices', @acme, @headers) } 1 .. 3;
                    my $lost = $method eq 'HEAD' ? $how->{lost} : undef;
                    is shown($told[1]), shown($told[0]), "$method, $what: the hosts agree";
                    is join("\n--\n", map { shown($_, $lost) } @got), join("\n--\n", (shown($told[0], $lost)) x 3), '... and so do three answers through it';
                    is scalar(grep { ($_->{content} // '') eq ($told[0]{content} // '') } @got, $told[1]), 4, '... byte for byte';
                }
            }
            is $ask->('GET', '/prices', @acme, 'If-None-Match' => $etag)->{status}, 304, '304 is 304';
            is $ask->('GET', '/prices', @acme, Range => 'bytes=100-199', 'If-Range' => $etag)->{status}, 206, '206 is 206';
        };

        subtest 'what has changed' => sub {
            my $tag = $direct->(0, 'GET')->{headers}{etag};
            sql($db, "UPDATE price SET unit_price = unit_price + 1 WHERE price_list_code = 'UKTRADE' LIMIT 1");
            my @all = map { $ask->('GET', '/prices', @acme, 'If-None-Match' => $tag, 'A-IM' => 'sku-delta') } 1 .. 4;
            # Only the host that has made the version of the client's tag can compare with it.
            is join(' ', map { "$_->{status} " . ($_->{headers}{im} // '-') } @all), join(' ', ('226 sku-delta') x 4), '226 through it';
            is scalar(grep { $_->{content} eq $all[0]{content} } @all), 4, '... whichever host answers';
            isnt $ask->('GET', '/prices', @acme)->{headers}{etag}, $tag, '... and the new list to one that does not ask for it';
        };

        subtest 'two customers and none' => sub {
            my %truth = map { my $c = $_; ($c => $straight->get("$host[0]{behind}/prices", { headers => { @{ $auth{$c} } } })->{content}) } keys %auth;
            isnt $truth{ACME01}, $truth{BEAU02}, 'they have other prices';
            my (%right, @wrong);
            for my $i (1 .. 24) {
                for my $customer (qw(ACME01 BEAU02)) {
                    my $res = $ask->('GET', '/prices', @{ $auth{$customer} }, $i % 3 ? () : ('Cache-Control' => 'max-stale'));
                    $res->{status} == 200 && $res->{content} eq $truth{$customer} ? $right{$customer}++ : push @wrong, "$customer $res->{status}";
                }
                my $none = $ask->('GET', '/prices');
                push @wrong, "nobody $none->{status}" if $none->{status} != 401;
            }
            is_deeply \%right, { ACME01 => 24, BEAU02 => 24 }, 'each gets its own';
            is "@wrong", '', '... and nobody anything else';
        };

        # Caches know Authorization; x-api-key is a header like any other to them.
        subtest 'three keys of the KSS API and none' => sub {
            my $path = '/api/v1/invoices?PageSize=20';
            my %truth = map { my $k = $_; ($k => $straight->get("$host[1]{behind}$path", { headers => { 'x-api-key' => $kss_key{$k} } })) } keys %kss_key;
            my %different = map { $_->{content} => 1 } values %truth;
            is scalar keys %different, 3, 'each has other invoices';
            my @wrong;
            for my $i (1 .. 12) {
                for my $k (sort keys %kss_key) {
                    my $res = $ask->('GET', $path, 'x-api-key' => $kss_key{$k}, $i % 3 ? () : ('Cache-Control' => 'max-stale'));
                    push @wrong, "$k $res->{status}" if $res->{status} != 200 || $res->{content} ne $truth{$k}{content};
                    my $same = $ask->('GET', $path, 'x-api-key' => $kss_key{$k}, 'If-None-Match' => $truth{$k}{headers}{etag});
                    push @wrong, "$k 304 $same->{status}" if $same->{status} != 304;
                }
                my $none = $ask->('GET', $path);
                push @wrong, "nobody $none->{status}" if $none->{status} != 401;
            }
            is "@wrong", '', 'each gets its own, and 304 for its tag, and nobody anything else';
        };

        subtest 'the client\'s address' => sub {
            $ask->('GET', '/api/version', 'X-Forwarded-For' => '203.0.113.7') for 1 .. 4;
            for my $h (@host) {
                ok wait_until(10, sub { slurp("$h->{root}/seen.log") =~ m{^127\.0\.0\.2 127\.0\.0\.1 200 /api/version$}m }), 'both hosts learn it';
                unlike slurp("$h->{root}/seen.log"), qr/203\.0\.113\.7/, '... and not what the client claims';
            }
            is $ask->('GET', '/health')->{status}, 403, 'strangers do not reach the checks';
            is $ask->('GET', '/kiss-alive')->{status}, 403, '... neither of them';
            is $straight->get("$host[1]{behind}/health")->{content}, 'Healthy', 'the proxy\'s own machine does';
            # Addresses of this front's own, for hosts count on.
            my $n = 10 + (grep { (sort keys %front)[$_] eq $name } 0 .. keys(%front) - 1)[0] * 2;
            my ($guesser, $other) = map { $front->client('127.0.0.' . ($n + $_)) } 0, 1;
            my $guess = sub { my ($client, $i) = @_; return $client->post_form("$front->{url}/auth/token",
                { grant_type => 'client_credentials', client_id => "NONE$i", client_secret => 'wrong' }, { headers => { 'X-Forwarded-For' => "203.0.113.$i" } })->{status} };
            my %n;
            $n{ $guess->($guesser, $_) }++ for 1 .. 60;
            cmp_ok $n{429} // 0, '>=', 40, 'one that guesses is refused, whatever it claims to be' or diag explain \%n;
            is $guess->($other, 1), 401, '... and another address is not';
        };

        subtest 'a host goes and comes' => sub {
            my $truth = $direct->(1, 'GET')->{content};
            if ($how->{alive}) {
                ok wait_until(20, sub { 2 == grep { slurp("$_->{root}/seen.log") =~ m{^127\.0\.0\.1 127\.0\.0\.1 200 /kiss-alive$}m } @host }), 'both are asked whether they live';
            }
            my $load = KissTest::Load->start(3, sub { my $r = fetch($front, '/prices', @acme); return { status => $r->{status}, right => $r->{content} eq $truth, why => $r->{status} == 200 ? '' : $r->{content} } });
            my $gone = sub { my ($h) = @_; my $n = () = slurp("$h->{root}/seen.log") =~ m{ /prices$}mg; return $n };
            my $quiet = sub { my ($h) = @_; my $n = $gone->($h); sleep 0.7; return $gone->($h) == $n };
            sleep 0.5;
            if ($how->{alive}) {
                unlink $host[0]{alive};
                ok wait_until(20, sub { $quiet->($host[0]) }), 'drained: nothing comes any more';
            }
            $host[0]->graceful_stop;
            sleep 1;
            ok $host[0]->start, 'started again';
            spew($host[0]{alive}, '');
            my $n = $gone->($host[0]);
            ok wait_until(30, sub { $gone->($host[0]) > $n + 3 }), '... it takes part';
            my @seen = $load->finish;
            my @bad = grep { $_->{status} != 200 || !$_->{right} } @seen;
            cmp_ok scalar @seen, '>', 30, scalar(@seen) . ' requests meanwhile';
            is scalar @bad, 0, '... none failed' or diag map { "$_->{status} $_->{why} " . substr($_->{at} - $seen[0]{at}, 0, 5) . "\n" } @bad[0 .. ($#bad > 9 ? 9 : $#bad)];
        };

        subtest 'a host without its database' => sub {
            my $text = $host[0]{config};
            $host[0]->rewrite(config => $text =~ s{KissDatabase customer socket=\S+}{KissDatabase customer socket=/nowhere}r)->graceful;
            my $first = $direct->(0, 'GET');
            is $first->{status}, 503, 'it says 503';
            my @all = map { $ask->('GET', '/prices', @acme) } 1 .. 12;
            my %n;
            $n{ $_->{status} }++ for @all;
            if ($how->{again}) { is_deeply \%n, { 200 => 12 }, 'the other one is asked' }
            else { is scalar(grep { $_->{status} == 200 || $_->{status} == 503 && $_->{headers}{'retry-after'} } @all), 12, '503 comes through as it is' }
            my $other = $host[1]{config};
            $host[1]->rewrite(config => $other =~ s{KissDatabase customer socket=\S+}{KissDatabase customer socket=/nowhere}r)->graceful;
            is $direct->(1, 'GET')->{status}, 503, 'neither has one';
            my $none = $ask->('GET', '/prices', @acme);
            is "$none->{status} $none->{content}", "503 $first->{content}", '... and both say so: the answer is theirs';
            ok $none->{headers}{'retry-after'}, '... with Retry-After';
            $host[0]->rewrite(config => $text)->graceful;
            $host[1]->rewrite(config => $other)->graceful;
            ok wait_until(20, sub { $direct->(0, 'GET')->{status} == 200 && $direct->(1, 'GET')->{status} == 200 }), 'they are back';
        };
        subtest 'HTTP/2' => sub {
            my $curl = sub { my ($rc, $out) = run({ timeout => 30 }, qw(curl -s --http2 --cacert), $site->{ca}, '-H', join(': ', @acme), qw(-w), '\n%{http_version} %{http_code}', @_, "$front->{url}/prices");
                return $out };
            plan skip_all => "$name does not speak it here" if $curl->('-I') !~ /^2 200\z/m;
            my $list = $direct->(0, 'GET');
            is $curl->(), "$list->{content}\n2 200", 'a list';
            is $curl->('-H', "If-None-Match: $list->{headers}{etag}"), "\n2 304", '... 304';
            is $curl->('-H', 'Range: bytes=5-14', '-H', "If-Range: $list->{headers}{etag}"), substr($list->{content}, 5, 10) . "\n2 206", '... a range';
        } if $front->{url} =~ /^https/;
        $front->stop;
        my @stored;
        File::Find::find(sub { push @stored, $File::Find::name if -f }, $cache);
        is "@stored", '', 'the cache has stored nothing';
        $front->{httpd}->log_ok(qr/AH/) if $front->{httpd};
    };
}

subtest 'calls without token, and the checks' => sub {
    my $few = KissTest::Front->new(db => $db)->host(0, more => 'KissLimitAnonymous 3 1000');
    my $get = sub { my ($path, @from) = @_; return $straight->get("$few->{behind}$path", { headers => {@from} })->{status} };
    my @stranger = ('X-Forwarded-For' => '203.0.113.7');
    is $get->('/health'), 200, 'the host is healthy';
    $get->('/nothing', @stranger) for 1 .. 4;
    is $get->('/api/version', @stranger), 429, 'a stranger uses up the calls without token';
    is_deeply [map { $get->($_) } qw(/health /kiss-alive)], [200, 200], '... and the host is as healthy as before, for the proxy';
    is_deeply [map { $get->($_, @stranger) } qw(/health /kiss-alive)], [403, 403], '... and for nobody else';
    my @watched = qw(/kiss-metrics /kiss-status?json);
    is_deeply [map { $get->($_) } @watched], [200, 200], 'metrics and status are for the host itself';
    is_deeply [map { $get->($_, @stranger) } @watched], [403, 403], '... and not for whom the proxy forwards';
    unlink $few->{alive};
    is_deeply [map { $get->($_) } qw(/health /kiss-alive)], [200, 404], 'without its file it is healthy, and wants no requests';
    $few->log_ok(qr/AH01630: client denied/);
};

subtest 'a request is found in the logs of HAProxy and of the host' => sub {
    my $logged = KissTest::Front->new(db => $db);
    my $log = IO::Socket::UNIX->new(Type => SOCK_DGRAM, Local => "$logged->{dir}/log") or die "log: $!";
    chmod 0777, "$logged->{dir}/log";
    my %host = (one => $logged->host(0), two => $logged->host(1));
    my $front = $logged->front('haproxy') or plan skip_all => 'no haproxy';
    my $id = $front->client->get("$front->{url}/api/version")->{headers}{'x-request-id'};
    my ($line, $until) = ('', time + 10);
    while ($line !~ /\Q$id\E/ && time < $until) { IO::Select->new($log)->can_read(1) and $log->recv($line, 8192) }
    like $line, qr{ kiss~? kiss/(?:one|two) .* 200 .*\{\Q$id\E\}}, 'HAProxy names host and X-Request-Id';
    my ($name) = $line =~ m{ kiss/(\w+) };
    ok wait_until(10, sub { slurp("$host{$name}{root}/kiss-access.log") =~ m{"GET /api/version HTTP/1\.1" 200 .*id=\Q$id\E$}m }), '... and that host has it in its log';
    unlike slurp("$_->{root}/kiss-access.log"), qr/kiss-alive/, 'checks are not logged: without requests it is quiet' for values %host;
    $front->stop;
    $_->log_ok for values %host;
};

subtest 'TLS from HAProxy to the hosts' => sub {
    plan skip_all => 'haproxy is not there: t/cluster/programs' if !KissTest::Front::program('haproxy');
    my $tls = KissTest::Front->new(db => $db);
    my @over = map { $tls->host($_, tls => 1) } 0, 1;
    my %verify = map { my $how = $_; $how => $tls->front('haproxy', edit => sub { my $t = $_[0] =~ s/^( *)#(?=default-server ssl)/$1/mr; $how eq 'other' ? $t =~ s/str\(localhost\)/str(other)/r : $t }) } qw(right other);
    my $form = { grant_type => 'client_credentials', client_id => 'ACME01', client_secret => $key{ACME01} };
    my $token = sub { my ($front) = @_; return $front->client->post_form("$front->{url}/auth/token", $form)->{status} };
    ok wait_until(20, sub { 2 == grep { slurp("$_->{root}/seen.log") =~ m{ 200 /kiss-alive$}m } @over }), 'both are asked whether they live';
    is_deeply [map { $token->($verify{right}) } 1 .. 4], [(200) x 4], 'tokens of both';
    is $token->($verify{other}), 503, '... and nothing where the certificate names another host';
    $_->stop for values %verify;
    $_->log_ok(qr/AH0/) for @over;
};

subtest 'nginx with proxy_cache' => sub {
    my $front = $site->front('nginx', head => $front{nginx}{head}, edit => sub { $_[0] =~ s/proxy_cache off;/proxy_cache shared;/r }) or plan skip_all => 'nginx is not there';
    my $http = $front->client;
    my $token = JSON::PP::decode_json($http->post_form("$front->{url}/auth/token", { grant_type => 'client_credentials', client_id => 'ACME01', client_secret => $key{ACME01} })->{content})->{access_token};
    my %auth = (Authorization => "Bearer $token");
    my $etag = $straight->get("$host[0]{behind}/prices", { headers => {%auth} })->{headers}{etag};
    is $http->get("$front->{url}/prices", { headers => { %auth, 'If-None-Match' => $etag, 'A-IM' => 'sku-delta' } })->{headers}{'content-length'} > 0, 1, 'it answers';
    like slurp("$host[0]{root}/seen.log") . slurp("$host[1]{root}/seen.log"), qr{ 200 /prices$}m, 'and has asked for the whole';
    $front->stop;
};
$_->log_ok(qr/AH01630: client denied|KISS02\d\d|AH03490/) for @host;
done_testing;
