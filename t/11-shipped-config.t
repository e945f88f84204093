#!/usr/bin/perl
# The configuration that we ship is true: the reference describes every directive, can be used, and changes nothing.
# SPDX-License-Identifier: Apache-2.0
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use KissTest;
use KissTest::Directives;

my $source = slurp(top() . '/mod_kiss/core/directives.c');
my %known = map { $_ => 1 } $source =~ /AP_INIT_\w+\("(Kiss\w+)"/g;
my $load = 'LoadModule kiss_module "' . build_dir() . qq(/mod_kiss/.libs/mod_kiss.so"\n);
my $reference = slurp(top() . '/conf/kiss.conf');

subtest 'kiss.conf describes what the module knows' => sub {
    my %described = map { $_ => 1 } $reference =~ /^# Syntax: +(Kiss\w+)/mg;
    my %shown = map { $_ => 1 } $reference =~ /^#(Kiss\w+)/mg;
    is_deeply [sort keys %described], [sort keys %known], 'each directive has its syntax';
    is_deeply [sort keys %shown], [sort keys %known], 'and a line to uncomment';
    my @fields = map { scalar(() = $reference =~ /^# $_: /mg) } qw(Syntax Default Context);
    is_deeply \@fields, [(scalar keys %known) x 3], 'syntax, default and context of each';
    my @options = slurp(top() . '/mod_kiss/core/config_value.c') =~ /\{ "([\w-]+)", [A-Z_]+, MEMBER\(/g;
    cmp_ok scalar @options, '>', 10, 'options of KissDatabase';
    my ($text) = $reference =~ /^# Syntax: +KissDatabase(.*?)^#KissDatabase/ms;
    like $text, qr/\b\Q$_\E=/, "KissDatabase $_=" for @options;
};

subtest 'defaults and ranges are those of the rows' => sub {
    my $header = slurp(top() . '/mod_kiss/core/config.h');
    my $readme = slurp(top() . '/README.md');
    my %rows = number_rows($header);
    is $_->{getter}, "kiss_config_$_->{member}", "$_->{member} has a getter of its name" for map {@$_} values %rows;
    is scalar(map {@$_} values %rows), scalar(() = $header =~ /^    NUMBER\(/mg), 'all rows were read';
    cmp_ok scalar keys %rows, '>', 10, 'which are some';
    for my $name (sort keys %rows) {
        my @rows = @{ $rows{$name} };
        my $default = join ' ', map { $_->{default} } @rows;
        like $reference, qr/^# Default: +\Q$name $default\E$/m, "$name: default in kiss.conf";
        my @cells = map { s/^ +| +$//gr } split /(?<!\\)\|/, ($readme =~ /^\| `$name\b(.*)$/m)[0] // '';
        is $cells[2], $default, "$name: default in README.md";
        my ($syntax) = $reference =~ /^# Syntax: +(\Q$name\E .*)$/m;
        my ($usage) = $source =~ /"\Q$name\E", [^"]*"([^"]*)"/;
        for my $row (@rows) {
            my ($unit, $range) = ($row->{unit}, range($row));
            like $syntax, qr/[(; ]\Q$range\E[;)]/, "$name: $range in kiss.conf" if has_bound($row) && $unit ne 'FLAG';
            like $syntax, qr/\b\Q$unit\E\b/, "$name: $unit" if $unit =~ /^(?:TIME|SECONDS|MEGABYTES)$/;
        }
        for my $said (map { /(\w+ (?:to \w+|or more))/g } grep {defined} $syntax =~ /(\(.*\))/, $usage =~ /(?:, |\A)(\w+ (?:to \d\w*|or more))\b/, $cells[3]) {
            next if $said !~ /\d/;
            ok scalar(grep { range($_) eq $said } @rows), "$name: '$said' is a range of its row" or diag join ', ', map { range($_) } @rows;
        }
    }
    my @options = slurp(top() . '/mod_kiss/core/config_value.c') =~ /\{ "(\w+)", (?:NUMBER|TIME), MEMBER\(\w+\), (\S+),/g;
    cmp_ok scalar @options, '>', 10, 'numbers among the options of KissDatabase';
    while (my ($name, $value) = splice @options, 0, 2) {
        next if !(my $default = written($value, ''));
        like $reference, qr/^#   $name=\S+ [^=]*\($default\)/m, "KissDatabase $name: default in kiss.conf";
        like +($readme =~ /^\| `KissDatabase\b(.*)$/m)[0], qr/`$name=$default`/, "KissDatabase $name: default in README.md";
    }
};

subtest 'kiss.conf is inert' => sub {
    my ($rc, $out) = configtest($load . $reference, kiss => 0);
    is $rc, 0, 'loads' or diag $out;
    is_deeply [grep { /^[^#\s]/ } split /\n/, $reference], ['<IfModule kiss_module>', '</IfModule>'], 'sets nothing';
};

# What a sysadmin replaces in the samples.
my $dir = tempdir_here();
spew("$dir/token.keys", 'k1 ' . 'A' x 43 . "\n", 0600);
spew("$dir/$_.password", "secret\n", 0600) for qw(db redis write);

sub replaced {
    my ($text) = @_;
    $text =~ s{/etc/mod_kiss}{$dir}g;
    $text =~ s{/var/(?:log/apache2|cache)}{$dir}g;
    return $text;
}

subtest 'the lines of kiss.conf can be used as they stand' => sub {
    my (%at, $context);
    for (split /\n/, replaced($reference)) {
        $context = $1 if /^# Context: +(.*)/;
        push @{ $at{ $context =~ /^server|^virtual host$/ ? 'server' : 'location' } }, $1
            if /^#((?:Kiss|SetHandler).*)/;
    }
    my $lines = join "\n", @{ $at{server} }, '<Location "/">', @{ $at{location} }, '</Location>';
    my ($rc, $out) = configtest("$load$lines\n", kiss => 0);
    is $rc, 0, 'configtest' or diag $out;
    ($rc, $out) = configtest("$load$lines\nKissNonsense\n", kiss => 0);
    isnt $rc, 0, 'which does look at them';
};

# ---- the TLS of the samples, as openssl sees it

# client($port, @options): the protocol and cipher that are agreed upon, or ''.
sub client {
    my ($port, @options) = @_;
    my ($rc, $out) = run({ env => { OPENSSL_CONF => '/dev/null' }, timeout => 20 }, qw(openssl s_client -connect), "127.0.0.1:$port", @options);
    return $rc == 0 && $out =~ /^(?:New, )?(?:TLSv?[\d.]+|SSLv3), Cipher is (?!\(NONE\))(\S+)/m ? $1 : '';
}

my %method = (rsa => [qw(rsa:2048)], ec => [qw(ec -pkeyopt ec_paramgen_curve:P-256)]);
mkdir "$dir/tls";
for my $file (qw(conf/kiss-site.conf conf/kss-site.conf)) {
    for my $kind (sort keys %method) {
        subtest "TLS of $file, certificate $kind" => sub {
            unlink glob "$dir/tls/*";
            my ($made, undef, $why) = run({}, qw(openssl req -x509 -newkey), @{ $method{$kind} }, qw(-nodes -days 30 -subj /CN=localhost -keyout), "$dir/tls/server.key",
                '-out', "$dir/tls/server.crt");
            is $made, 0, 'a certificate' or return diag $why;
            my ($port, $old) = map { KissTest::Httpd::free_port() } 1, 2;
            my $site = replaced(slurp(top() . "/$file")) =~ s/\*:443/127.0.0.1:$port/gr =~ s{/usr/share/mod_kiss/www}{$dir}gr;
            mkdir "$dir/docs";
            # Beside it a host that takes everything: what this openssl can do at all.
            my $all = "Listen 127.0.0.1:$old\n<VirtualHost 127.0.0.1:$old>\nSSLEngine On\nSSLProtocol all -SSLv3 +TLSv1 +TLSv1.1\nSSLCipherSuite ALL:COMPLEMENTOFALL:\@SECLEVEL=0\n"
                . "SSLCertificateFile $dir/tls/server.crt\nSSLCertificateKeyFile $dir/tls/server.key\n</VirtualHost>\n";
            my $h = start_httpd(kiss => 0, modules => [qw(socache_shmcb ssl alias dir mime headers reqtimeout filter deflate log_config authz_host)],
                config => "${load}KissCacheDir cache\nSSLSessionCache shmcb:run/ssl_scache(512000)\nTypesConfig /dev/null\nListen 127.0.0.1:$port\n$site\n$all");
            my %works = map { my $v = $_; $v => [map { client($_, "-$v", '-cipher', 'ALL:COMPLEMENTOFALL:@SECLEVEL=0') ne '' } $old, $port] } qw(tls1 tls1_1 tls1_2 tls1_3);
            for my $version (sort keys %works) {
              SKIP: {
                    skip "this openssl has no $version", 1 if !$works{$version}[0];
                    is $works{$version}[1], $version =~ /_[23]/ ? 1 : '', "$version: " . ($version =~ /_[23]/ ? 'accepted' : 'refused');
                }
            }
            # What is chosen is not offered again, until nothing is left that it takes.
            my @accepted;
            while (my $cipher = client($port, '-tls1_2', '-cipher', join ':', 'ALL', 'COMPLEMENTOFALL', (map {"!$_"} @accepted), '@SECLEVEL=0')) {
                push @accepted, $cipher;
                last if @accepted > 100;
            }
            cmp_ok scalar @accepted, '>=', 2, "TLS 1.2 accepts @accepted";
            is join(' ', grep { !/^(?:ECDHE|DHE)-.*(?:GCM|CHACHA20-POLY1305)/ } @accepted), '', '... each with forward secrecy and authenticated encryption';
            my ($rc, $said) = run({ stdin => "GET / HTTP/1.0\r\n\r\n", timeout => 20 }, qw(openssl s_client -tls1_2 -ign_eof -connect), "127.0.0.1:$port");
            unlike $said, qr/TLS session ticket:/, 'no session tickets, whose key would open all that was recorded';
            like $said, qr/^Compression: NONE/m, 'no compression';
            like $said, qr/Secure Renegotiation IS supported/, 'secure renegotiation only';
            unlike $said, qr/^strict-transport-security/mi, 'no HSTS as it comes: it would bind other ports of the name, too';
            is client($port, '-tls1_2', '-alpn', 'http/1.1') ne '', 1, 'ALPN';
            $h->log_ok(qr/AH0|AH1|AH2|KISS02/);

            $h->stop;
            my $strict = start_httpd(kiss => 0, modules => [qw(socache_shmcb ssl alias dir mime headers reqtimeout filter deflate log_config authz_host)],
                config => "${load}KissCacheDir cache\nSSLSessionCache shmcb:run/ssl_scache(512000)\nTypesConfig /dev/null\nListen 127.0.0.1:$port\n" . $site =~ s/^( *)#(?=Header .*Strict-Transport-Security)/$1/gmr);
            for my $path (qw(/api/v1/states /stock /nothing)) {
                (undef, $said) = run({ stdin => "GET $path HTTP/1.0\r\nHost: localhost\r\n\r\n", timeout => 20 }, qw(openssl s_client -quiet -ign_eof -connect), "127.0.0.1:$port");
                like $said, qr/^Strict-Transport-Security: max-age=\d{7,}\r?$/mi, "its line of the sample, uncommented: $path has HSTS";
            }
            $strict->log_ok(qr/AH0|AH1|AH2|KISS02/);
        };
    }
}

# With the certificate of the last one.
subtest 'what is a comment in the samples can be used where it stands' => sub {
    for my $file (qw(conf/front/host.conf conf/kiss-site.conf conf/kss-site.conf conf/front/httpd.conf)) {
        my $text = replaced(slurp(top() . "/$file"));
        # A directive follows its # at once, or is indented within a section that is a comment itself.
        my @comments = $text =~ s{^( *)#((?: {4})?(?:[A-Z]\w+|</?[A-Z]\w+)\b(?: .*|>)?)$}{$1$2}mg;
        ok scalar(@comments), "$file has some";
        # As its own comment says.
        $text =~ s{^ *# Not with SSLEngine On\.\n.*\n}{}m;
        $text =~ s{\b(Listen |\*:)(443|8080)}{$1 . ($2 + 20000)}ge;
        my ($rc, $out) = configtest("${load}TypesConfig /dev/null\nSSLSessionCache shmcb:run/cache(512000)\n$text", kiss => 0,
            modules => [qw(socache_shmcb ssl slotmem_shm alias dir mime headers reqtimeout filter deflate log_config authz_host remoteip watchdog proxy proxy_http proxy_balancer proxy_hcheck lbmethod_byrequests)]);
        is $rc, 0, '... configtest' or diag $out;
    }
};

subtest 'the section for product data in kiss-site.conf' => sub {
    my $db = new_database('shipped');
    import_sample($db);
    grant_admin();
    my $server = db_server();
    my ($port) = KissTest::Httpd::free_port();
    spew("$dir/db.password", $server->password('kiss'), 0600);
    spew("$dir/write.password", $server->password('kiss_write'), 0600);
    unlink glob "$dir/*.log";
    my $site = replaced(slurp(top() . '/conf/kiss-site.conf')) =~ s/\*:443/127.0.0.1:$port/gr =~ s{/usr/share/mod_kiss/www}{$dir}gr
        =~ s/dbname=kiss\b/dbname=$db/gr =~ s{/run/mysqld/mysqld\.sock}{$server->{socket}}gr;
    my $start = sub {
        my ($text) = @_;
        return start_httpd(kiss => 0, modules => [qw(socache_shmcb ssl alias dir mime headers reqtimeout filter deflate log_config authz_host)],
            config => "${load}KissCacheDir cache\nSSLSessionCache shmcb:run/ssl_scache(512000)\nTypesConfig /dev/null\nListen 127.0.0.1:$port\n$text");
    };
    my $key = kissctl_ok('admin', 'add', 'pim') && kissctl_ok('admin-key', 'issue', 'pim');
    chomp $key;
    my $token;
    my $call = sub {
        my ($method, $path, @more) = @_;
        my ($rc, $out) = run({ timeout => 30 }, 'curl', '-sSk', '-w', '\n%{http_code}', '-X', $method, "https://127.0.0.1:$port$path",
            $token ? ('-H', "Authorization: Bearer $token", '-H', 'Content-Type: application/json') : (), @more);
        return reverse $out =~ /\A(.*)\n(\d+)\z/s;
    };
    my $get_token = sub {
        undef $token;
        my ($status, $body) = $call->('POST', '/auth/token', '-d', 'grant_type=client_credentials', '-d', 'client_id=pim', '--data-urlencode', "client_secret=$key");
        ($token) = $body =~ /"access_token": *"([^"]+)"/;
        return $status;
    };
    my $h = $start->($site);
    is $get_token->(), 401, 'as it comes there are no admin clients';
    is +($call->('GET', '/admin/products'))[0], 404, '... and no such endpoints';
    $h->stop;

    my ($section) = $site =~ m{^( *#AllowEncodedSlashes .*?^ *#</Location>\n)}ms or return ok 0, 'the section';
    my $open = $site =~ s{\Q$section}{$section =~ s/^( *)#/$1/gmr}er;
    $h = $start->($open);
    is $get_token->(), 200, 'uncommented: a token';
    is +($call->('GET', '/admin/products'))[0], 403, '... which is of no use but from the address that the section names';
    $h->stop;

    $h = $start->($open =~ s/Require ip 192\.0\.2\.7/Require ip 127.0.0.1/r);
    $get_token->();
    is +($call->('POST', '/admin/products', '-d', '{"sku":"A/1","name":"Cape"}'))[0], 201, 'a product is written';
    my ($status, $body) = $call->('GET', '/admin/products/A%2F1');
    is $status, 200, '... and read, by a path with a slash in its SKU';
    like $body, qr/"name":"Cape"/, '... as it was sent';
    is +($call->('PATCH', '/admin/stock', '-d', '[{"stockLocation":"UK01","sku":"A/1","availableQTY":5}]'))[0], 200, 'stock is written';
    is join('', grep {/\[kiss:(?:warn|error|crit)/} map { slurp($_) =~ /^.*\n/mg } glob "$dir/kiss-error.log"), '', 'the log has nothing to say';
    $h->log_ok(qr/AH0|AH1|AH2/);
};

done_testing;
