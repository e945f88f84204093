# The test of t/platform/neighbours, which unpacks the packages.
# SPDX-License-Identifier: Apache-2.0
use strict;
use warnings;
use Digest::MD5 qw(md5_hex);
use FindBin;
use lib "$FindBin::Bin/../lib";
use KissTest;
use Test::More;

my ($unpacked, $php) = @ENV{qw(KISS_UNPACKED KISS_PHP)};
die "start t/platform/neighbours\n" if !$php;
my $db = new_database('neighbours');
import_sample($db);
my $kss = new_database('neighbours_kss', api => 'kss');
import_kss($kss, top() . '/sql/sample-kss');
my $key = issue_key('ACME01');
my $kss_key = issue_kss_key(type => 'employee');
my $scratch = tempdir_here();

# shipped($package, $path): a file of a package, its paths leading to where it is unpacked.
sub shipped {
    my ($package, $path) = @_;
    my $text = slurp("$unpacked/$package$path");
    $text =~ s{(?<![\w/])(/(?:usr/lib/apache2|usr/lib/php|usr/share/modsecurity-crs|etc/modsecurity)\b)}{
        (grep {-e "$unpacked/$_$1"} $package, 'modsecurity-crs', 'libapache2-mod-security2')[0] ? "$unpacked/" . (grep {-e "$unpacked/$_$1"} $package, 'modsecurity-crs', 'libapache2-mod-security2')[0] . $1 : $1}gex;
    return $text;
}

# said($h): what both APIs say, in one text, to requests of each kind.
sub said {
    my ($h, $bearer) = @_;
    my @customer = (Authorization => $bearer);
    my @kss = ('x-api-key' => $kss_key);
    my $etag = $h->get('/stock', @customer)->{headers}{etag};
    my @said;
    for my $ask (
        (map { ["/$_", @customer] } qw(products stock prices products/schema health api/version products.csv stock.ndjson prices.bom.csv openapi.json nothing)),
        ['/stock'], ['/stock', Authorization => 'Bearer x.y.z'], ['/stock', @customer, 'If-None-Match' => $etag],
        ['/stock', @customer, 'Accept-Encoding' => 'gzip'], ['/stock', @customer, 'If-None-Match' => $etag, 'A-IM' => 'sku-delta'],
        ['/stock', @customer, Range => 'bytes=10-20'], ['/stock', @customer, Accept => 'text/csv'],
        (map { ["/api/v1/$_", @kss] } 'states', 'products?Page=1&PageSize=2', 'products?Category=Flower%20%26%20more', 'customers', 'customers/1',
            'invoices?DateFrom=2024-01-01&DateTo=2024-12-31', 'invoices?DateFrom=01%2F02%2F2024', 'products/1', 'nothing', 'orders?Status='),
        ['/api/v1/states'], ['/api/v1/states', 'x-api-key' => 'nonsense']
    ) {
        my ($path, @headers) = @$ask;
        my $res = $h->get($path, @headers);
        # The document names the port.
        my $body = ($res->{content} // '') =~ s/:$h->{port}\b//gr;
        push @said, join ' ', $path, $res->{status}, (map { $res->{headers}{$_} // '-' } 'content-type', 'content-encoding', $path =~ /openapi/ ? () : 'etag'),
            length $body > 300 ? md5_hex($body) : $body;
    }
    my $res = $h->post('/auth/token', { grant_type => 'client_credentials', client_id => 'ACME01', client_secret => 'wrong' });
    push @said, "token $res->{status} $res->{content}";
    return join "\n", map { s/"(?:request_?id|instance)":"[^"]*"//gir } @said;
}

sub serve {
    my (%opt) = @_;
    my $s = db_server();
    my $h = start_httpd(db => $db, undocumented => 1, %opt, location => "KissFeedBasic On\n", config =>
        "KissDatabase kss socket=$s->{socket} user=kiss dbname=$kss password-file=$s->{dir}/kiss.password max=4\n"
        . "<Location \"/api/v1\">\n    SetHandler kiss\n    KissApi kss\n    KissAllowPlainHTTP On\n    KissKeyLimit 1000000\n</Location>\n" . ($opt{config} // ''));
    my $bearer = 'Bearer ' . $h->token('ACME01', $key);
    return ($h, $bearer);
}

my ($alone, $bearer) = serve();
my $expected = said($alone, $bearer);
like $expected, qr/^$_ /m, 'alone' for '/stock 200', '/api/v1/states 200', '/stock 304', '/stock 401';
$alone->stop;

sub same {
    my ($h, $token, $what) = @_;
    my @got = split /\n/, said($h, $token);
    my @want = split /\n/, $expected;
    my @different = map { $got[$_] eq $want[$_] ? () : "$got[$_]\n   not $want[$_]" } 0 .. $#want;
    is_deeply \@different, [], "$what: the APIs say what they say alone";
    return;
}

subtest 'PHP under prefork, beside a site of its own' => sub {
    my ($conf) = map { /(php[\d.]+)$/ } $php;
    my ($h, $token) = serve(mpm => 'prefork', processes => 4, modules => [qw(mime dir alias status rewrite setenvif env filter deflate)],
        config => shipped($php, "/etc/apache2/mods-available/$conf.load") =~ s/^#.*$//mgr . shipped($php, "/etc/apache2/mods-available/$conf.conf")
            . "TypesConfig /dev/null\nDirectoryIndex index.php\nAlias /shop $scratch/shop\n<Location /shop>\nSetHandler none\n</Location>\n<LocationMatch \"^/shop/.+\\.php\$\">\nSetHandler application/x-httpd-php\n</LocationMatch>\n<Directory $scratch/shop>\nRequire all granted\n"
            . "RewriteEngine On\nRewriteCond %{REQUEST_FILENAME} !-f\nRewriteRule . /shop/index.php [L]\n</Directory>\n"
            . "AddOutputFilterByType DEFLATE text/html text/plain\n");
    mkdir "$scratch/shop";
    chmod 0755, $scratch, "$scratch/shop";
    spew("$scratch/shop/index.php", "<?php header('X-Shop: yes'); echo 'PHP ', PHP_SAPI, ' ', \$_SERVER['REQUEST_URI'], ' ', json_encode(['a' => 1.5]); ?>\n");
    same($h, $token, 'PHP');
    for my $round (1 .. 20) {
        my $res = $h->get($round % 2 ? '/shop/' : '/shop/a/page');
        like $res->{content}, qr/^PHP apache2handler \S+ \{"a":1\.5\}/, "PHP works, round $round" if $round < 3;
        isnt $res->{status}, 500, 'it does' if $res->{status} != 200;
        $h->get('/stock', Authorization => $token)->{status} == 200 or fail "the API, round $round";
    }
    $h->graceful;
    same($h, $token, 'PHP after a reload');
    $h->stop;
    $h->log_ok(qr/AH00163|PHP/);
};

my $security = do {
    my ($lua) = glob "$unpacked/liblua*/usr/lib/*/liblua?.?.so.?";
    my ($yajl) = glob "$unpacked/libyajl*/usr/lib/*/libyajl.so.?";
    mkdir "$scratch/data";
    chown((getpwnam 'www-data')[2, 3], "$scratch/data") if $> == 0;
    my $recommended = slurp("$unpacked/libapache2-mod-security2/etc/modsecurity/modsecurity.conf-recommended")
        =~ s{/var/log/apache2}{$scratch}gr =~ s{^SecUnicodeMapFile (\S+)}{SecUnicodeMapFile $unpacked/libapache2-mod-security2/etc/modsecurity/$1}mgr;
    my $crs = "$unpacked/modsecurity-crs/etc/modsecurity/crs/crs-setup.conf";
    my $rules = join '', map {"Include $_\n"} $crs, sort(grep { !/\.example$/ } glob "$unpacked/modsecurity-crs/usr/share/modsecurity-crs/rules/*.conf");
    ["LoadFile $lua\nLoadFile $yajl\nLoadModule security2_module $unpacked/libapache2-mod-security2/usr/lib/apache2/modules/mod_security2.so\n"
        . "SecDataDir $scratch/data\n$recommended", $rules];
};

for my $engine (qw(DetectionOnly On)) {
    subtest "ModSecurity with the OWASP rules, SecRuleEngine $engine" => sub {
        my ($h, $token) = serve(modules => [qw(unique_id setenvif)], log_level => 'notice', config => "$security->[0]SecRuleEngine $engine\n$security->[1]");
        same($h, $token, $engine);
        my @hits = $h->log_text =~ /\[id "(\d+)"\]/g;
        my %hits;
        $hits{$_}++ for @hits;
        diag "rules that reported: " . join ', ', map {"$_ x $hits{$_}"} sort keys %hits if @hits;
        my $res = $h->get('/stock?x=%3Cscript%3Ealert(1)%3C/script%3E', Authorization => $token);
        is $res->{status}, $engine eq 'On' ? 403 : 200, 'markup in a query: refused where rules refuse';
        like $res->{headers}{'content-type'}, qr{^application/(?:problem\+)?json}, '... as JSON';
        like $res->{content}, qr/"(?:error|status|title)"/, '... in the shape of the API' if $engine eq 'On';
        $h->log_ok(qr/ModSecurity/);
    };
}

subtest 'mod_evasive with its defaults' => sub {
    my ($h, $token) = serve(processes => 1, config => shipped('libapache2-mod-evasive', '/etc/apache2/mods-available/evasive.load')
        . shipped('libapache2-mod-evasive', '/etc/apache2/mods-available/evasive.conf') . "DOSLogDir $scratch\n");
    my @status = map { $h->get('/stock', Authorization => $token)->{status} } 1 .. 12;
    is $status[0], 200, 'the first calls are answered';
    my ($refused) = grep { $_->{status} == 403 } map { $h->get('/stock', Authorization => $token) } 1 .. 20;
    ok $refused, 'twenty at once are not' or diag "@status";
    like $refused->{headers}{'content-type'} // '', qr{^application/json}, '... refused as JSON';
    ok eval { $h->json($refused); 1 }, '... which is sound';
    $h->log_ok(qr/evasive/);
};

subtest 'mod_info, mod_status' => sub {
    my ($h, $token) = serve(modules => [qw(info status authz_host)], config => "ExtendedStatus On\n<Location /server-info>\nSetHandler server-info\nRequire local\n</Location>\n"
        . "<Location /server-status>\nSetHandler server-status\nRequire local\n</Location>\n");
    same($h, $token, 'mod_info');
    my $info = $h->get('/server-info')->{content};
    like $info, qr/KissDatabase/, 'mod_info shows directives';
    my $s = db_server();
    my @secrets = (slurp("$s->{dir}/kiss.password") =~ /(\S+)/, slurp($h->{token_keys}) =~ /^\S+ (\S+)/m, $key, $kss_key);
    is_deeply [grep { index($info, $_) >= 0 } @secrets], [], '... but no password and no key';
    is scalar(grep { length >= 8 } @secrets), 4, '... of which there are four';
    my $status = $h->get('/server-status')->{content};
    like $status, qr/mod_kiss/, 'mod_status has our section';
    is_deeply [grep { index($status, $_) >= 0 } @secrets], [], '... without secrets';
    $h->log_ok;
};

done_testing;
