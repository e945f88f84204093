#!/usr/bin/perl
# The proxies of doc/in-front.md, configured as they are there: what the module sends and what it must learn comes through.
# Those that are not installed are skipped; httpd always is.
# SPDX-License-Identifier: Apache-2.0
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use HTTP::Tiny;
use JSON::PP ();
use KissTest;
use Test::More;
use Time::HiRes qw(sleep);

eval { require IO::Socket::SSL; 1 } or plan skip_all => 'no IO::Socket::SSL';
my $manual = slurp(top() . '/doc/in-front.md');
my %block = $manual =~ /^```(\S+)\n(.*?)^```$/msg;
my $dir = tempdir_here();
my $db = new_database('frontends');
import_sample($db);
my %key = map { $_ => issue_key($_) } qw(ACME01 BEAU02);

# A certificate for all of them.
my ($rc, $out, $err) = run({}, qw(openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=localhost),
    '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1', '-addext', 'basicConstraints=critical,CA:FALSE',
    '-keyout', "$dir/server.key", '-out', "$dir/server.crt");
is $rc, 0, 'a certificate' or BAIL_OUT($err);
spew("$dir/haproxy.pem", slurp("$dir/server.crt") . slurp("$dir/server.key"));
spew("$dir/token.keys", 'k1 ' . 'A' x 43 . "\n", 0600);

# ours($text, $port): what a sysadmin replaces in the manual's texts.
my $backend = KissTest::Httpd::free_port();
sub ours {
    my ($text, $port) = @_;
    my $server = db_server();
    $text =~ s{/etc/mod_kiss/tls}{$dir}g;
    $text =~ s{/etc/mod_kiss/token\.keys}{$dir/token.keys}g;
    $text =~ s{/etc/mod_kiss/db\.password}{$server->{dir}/kiss.password}g;
    $text =~ s{/run/mysqld/mysqld\.sock}{$server->{socket}}g;
    $text =~ s{dbname=kiss}{dbname=$db}g;
    $text =~ s{api\.kiss\.example\.com}{localhost}g;
    $text =~ s{\b8080\b}{$backend}g;
    $text =~ s{(Listen |listen |http_port |\*:|bind :)443\b}{my $lead = $1; ($lead =~ / \z/ ? "${lead}127.0.0.1:" : $lead eq '*:' ? '127.0.0.1:' : 'bind 127.0.0.1:') . $port}ge;
    return $text;
}

# The module, as the manual has it behind a proxy; the harness' own port serves nothing.
my $h = start_httpd(modules => ['remoteip', 'log_config', 'authz_host'], path => '/unused', config => <<"CONF" . ours($block{apache}, 0));
LogFormat "%a %{c}a %s %U" seen
CustomLog seen.log seen
KissLimit 1000000 10000000
KissLimitAnonymous 1000000 10000000
KissLoginFailureLimit 1000000
CONF

# through($port): a client of that proxy, from an address of its own. ask($http, $path, %headers): an answer.
sub through { return HTTP::Tiny->new(verify_SSL => 1, SSL_options => { SSL_ca_file => "$dir/server.crt" }, timeout => 20, local_address => '127.0.0.2') }
sub passes {
    my ($url) = @_;
    my $http = through();
    my $ask = sub { my ($method, $path, %headers) = @_; return $http->request($method, $url . $path, { headers => \%headers }) };
    my %auth;
    for my $customer (sort keys %key) {
        my $res = $http->post_form("$url/auth/token", { grant_type => 'client_credentials', client_id => $customer, client_secret => $key{$customer} });
        is $res->{status}, 200, "a token for $customer" or diag $res->{content};
        $auth{$customer} = [Authorization => 'Bearer ' . JSON::PP::decode_json($res->{content})->{access_token}];
    }
    my @acme = @{ $auth{ACME01} };
    my $direct = HTTP::Tiny->new->get("http://127.0.0.1:$backend/prices", { headers => {@acme} });

    is $ask->('GET', '/prices')->{status}, 401, 'without a token: 401';
    my $list = $ask->('GET', '/prices', @acme);
    is $list->{status}, 200, '... and with one 200';
    ok $list->{content} eq $direct->{content}, '... the same bytes as from the module';
    is $list->{headers}{etag}, $direct->{headers}{etag}, '... and the same tag';
    is $list->{headers}{vary}, $direct->{headers}{vary}, '... and Vary';
    my $other = $ask->('GET', '/prices', @{ $auth{BEAU02} });
    ok $other->{status} == 200 && $other->{content} ne $list->{content}, 'another customer gets other prices';
    ok $ask->('GET', '/prices', @acme)->{content} eq $list->{content}, '... and the first one its own again';
    is $ask->('GET', '/prices')->{status}, 401, 'still 401 without a token';

    my $gzip = $ask->('GET', '/prices', @acme, 'Accept-Encoding' => 'gzip');
    is $gzip->{headers}{'content-encoding'}, 'gzip', 'gzip';
    my ($name) = $list->{headers}{etag} =~ /\A("[^"]+)"\z/;
    like $gzip->{headers}{etag}, qr/\A\Q$name\E-gzip[0-9a-f]{8}"\z/, '... with its own strong tag';
    for my $tag ($list->{headers}{etag}, $gzip->{headers}{etag}) {
        is $ask->('GET', '/prices', @acme, 'If-None-Match' => $tag, 'Accept-Encoding' => 'gzip')->{status}, 304, "304 for $tag";
    }
    my $part = $ask->('GET', '/prices', @acme, Range => 'bytes=100-199', 'If-Range' => $list->{headers}{etag});
    is "$part->{status} " . length $part->{content}, '206 100', 'a range';
    my $head = $ask->('HEAD', '/prices', @acme);
    is "$head->{status} $head->{headers}{'content-length'} " . ($head->{content} // ''), '200 ' . length($list->{content}) . ' ', 'HEAD';

    sql($db, "UPDATE price SET unit_price = unit_price + 1 WHERE price_list_code = 'UKTRADE' LIMIT 1");
    my $delta = $ask->('GET', '/prices', @acme, 'If-None-Match' => $gzip->{headers}{etag}, 'A-IM' => 'sku-delta');
    is "$delta->{status} " . ($delta->{headers}{im} // ''), '226 sku-delta', 'changes';
    isnt $ask->('GET', '/prices', @acme)->{headers}{etag}, $list->{headers}{etag}, '... and the new list to one that does not ask for them';

    $ask->('GET', '/health', 'X-Forwarded-For' => '203.0.113.7');
    # A line is written after the answer was sent.
    my $seen = "$h->{root}/seen.log";
    for (1 .. 100) { last if slurp($seen) =~ m{/health\n\z}; sleep 0.02 }
    like slurp($seen), qr{^127\.0\.0\.2 127\.0\.0\.1 200 /health\n\z}m, "the module learns the client's address, not what it claims";
    return;
}

# listening($port): waits until somebody does.
sub listening {
    my ($port) = @_;
    for (1 .. 200) {
        return 1 if IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port);
        sleep 0.05;
    }
    return 0;
}

subtest 'health checks of the proxy' => sub {
    my $port = KissTest::Httpd::free_port();
    my $own = start_httpd(modules => ['remoteip', 'log_config', 'authz_host'], path => '/unused',
        config => "KissLimitAnonymous 3 1000\n" . ours($block{apache}, 0) =~ s/\b$backend\b/$port/gr);
    my $get = sub {
        my ($path, $client) = @_;
        return HTTP::Tiny->new->get("http://127.0.0.1:$port$path", { headers => { $client ? ('X-Forwarded-For' => $client) : () } })->{status};
    };
    is $get->('/health'), 200, 'the server is healthy';
    $get->('/nothing', '203.0.113.7') for 1 .. 4;
    is $get->('/api/version', '203.0.113.7'), 429, 'a stranger uses up the calls without token';
    is $get->('/health'), 200, '... and the server is as healthy as before, for the proxy';
    is $get->('/health', '203.0.113.7'), 403, '... and for nobody else';
    $own->log_ok(qr/AH01630: client denied/);
};

subtest 'httpd' => sub {
    my $port = KissTest::Httpd::free_port();
    my $front = start_httpd(kiss => 0, modules => [qw(socache_shmcb ssl proxy proxy_http headers)],
        config => "SSLSessionCache shmcb:run/cache(512000)\n" . ours($block{'apache-front'}, $port));
    passes("https://127.0.0.1:$port");
    $front->log_ok;
};

# Name, program, its arguments with the file in place of FILE, frame of the configuration, scheme.
my $nobody = $> ? '' : "cache_effective_user nobody\n";
for (
    [nginx => 'nginx', ['-p', "$dir/", '-e', "$dir/nginx.log", '-c', 'FILE'], "daemon off;\npid $dir/nginx.pid;\nerror_log $dir/nginx.log;\nevents {}\nhttp {\naccess_log off;\n"
        . join('', map { "${_}_temp_path $dir/nginx-$_;\n" } qw(client_body proxy fastcgi uwsgi scgi)), "}\n", 'https'],
    [haproxy => 'haproxy', ['-db', '-f', 'FILE'], '', '', 'https'],
    [vcl => 'varnishd', ['-F', '-n', "$dir/varnish", '-s', 'malloc,32m', '-f', 'FILE', '-a', '127.0.0.1:PORT'], '', '', 'http'],
    [squid => 'squid', ['-N', '-f', 'FILE'], "pid_filename $dir/squid.pid\ncache_log $dir/squid.log\naccess_log none\n"
        . "coredump_dir $dir\nshutdown_lifetime 0 seconds\n$nobody", '', 'http'],
) {
    my ($name, $program, $args, $head, $tail, $scheme) = @$_;
    subtest $name => sub {
        local $ENV{PATH} = "$ENV{PATH}:/usr/sbin";
        plan skip_all => "$program is not installed" if (run({}, 'sh', '-c', 'command -v "$1"', 'sh', $program))[0];
        my $port = KissTest::Httpd::free_port();
        chmod 0777, $dir;
        spew("$dir/$name.conf", $head . ours($block{$name}, $port) . $tail);
        my $pid = KissTest::Database::spawn("$dir/$name.err", {}, $program,
            map { s/\bPORT\b/$port/r =~ s/\AFILE\z/$dir\/$name.conf/r } @$args);
        if (ok listening($port), 'it starts') { passes("$scheme://127.0.0.1:$port") }
        else { diag map { -e $_ ? slurp($_) : () } glob "$dir/$name.{err,log}" }
        kill 'TERM', $pid;
        waitpid $pid, 0;
    };
}
$h->log_ok;
done_testing;
