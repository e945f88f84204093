# Other modules of httpd beside ours: those that look for files do not look for the API's paths, paths that the configuration gives
# back to httpd are httpd's, and what is included in a page is text. ETags, 304, changes, ranges and gzip hold beside each that
# doc/neighbours.md names, and nobody gets another one's rows.
# SPDX-License-Identifier: Apache-2.0
use strict;
use warnings;
use Digest::MD5 qw(md5_hex);
use Digest::SHA qw(sha1);
use FindBin;
use lib "$FindBin::Bin/lib";
use KissTest;
use KissTest::Neighbours;
use MIME::Base64 qw(encode_base64);
use Test::More;

my $db = new_database('neighbours');
import_sample($db);
my $kss = new_database('neighbours_kss', api => 'kss');
import_kss($kss, top() . '/sql/sample-kss');
my $key = issue_key('ACME01');
my $kss_key = issue_kss_key(type => 'employee');

# files($h): files with the names of the API's paths, where httpd would look for them.
sub files {
    my ($h) = @_;
    my $dir = "$h->{root}/htdocs";
    mkdir "$dir/$_" for qw(products auth api api/v1 api/v1/customers stock.d .web);
    spew("$dir/$_", "a file\n") for qw(prices prices.en prices.html stock.en.html stok health.txt products/schema.html products/index.html
        api/version.json api/v1/customers/index.html api/v1/customers/1.html Prices.txt);
    spew("$dir/$_.meta", "X-Meta: yes\n") for '.web/prices';
    return;
}

# answers($h, @auth): what the API says, in one text.
sub answers {
    my ($h, $base, @auth) = @_;
    my @paths = $base ? map {"$base$_"} qw(/customers /customers/1 /products/1 /customer /customers/ /customers.html /nothing.gz /states)
        : qw(/prices /stock /products /products/schema /health /api/version /price /stok /Prices /products/ /prices.html /prices.gz /nothing.en.html);
    my @said;
    for my $path (@paths) {
        my $res = $h->get($path, @auth);
        my $head = $res->{headers};
        push @said, join ' ', $path, $res->{status}, (map { "$_=" . ($head->{$_} // '-') } qw(content-type content-encoding content-language
            content-location location etag cache-control tcn x-meta)), $res->{status} == 200 ? md5_hex($res->{content}) : $res->{content};
    }
    return join "\n", @said;
}

# The names are those of doc/neighbours.md without "mod_"; "mime" and the others that search files are one row there.
my %module = (
    'negotiation, MultiViews' => [[qw(mime negotiation)], "Options +MultiViews\nLanguagePriority en\nAddLanguage en .en\n"],
    'negotiation, Options All and all types' =>
        [[qw(mime negotiation)], "Options All MultiViews\nMultiviewsMatch Any\nAddHandler type-map .html\nCacheNegotiatedDocs On\n"],
    'mime' => [['mime'], "AddType text/x-none .html\nAddEncoding gzip .gz\nAddLanguage en .en\nAddCharset latin1 .html\nAddHandler send-as-is .html\n"],
    'mime_magic' => [['mime_magic'], "MimeMagicFile /dev/null\n"],
    'speling' => [['speling'], "CheckSpelling On\nCheckCaseOnly Off\n"],
    'dir' => [[qw(mime dir)], "DirectoryIndex index.html\nDirectorySlash On\nFallbackResource /prices.html\n"],
    'autoindex' => [[qw(mime dir autoindex)], "Options +Indexes\nIndexOptions FancyIndexing\n"],
    'cern_meta' => [['cern_meta'], "MetaFiles On\nMetaDir .web\nMetaSuffix .meta\n"],
    'userdir, vhost_alias, alias' => [[qw(userdir vhost_alias alias)], "UserDir /\nVirtualDocumentRoot /\nAlias /prices /etc/passwd\n"],
    'dumpio' => [['dumpio'], "DumpIOInput On\nDumpIOOutput On\nLogLevel dumpio:trace7\n"],
    'actions' => [[qw(mime actions alias)], "AddHandler x .html\nAction x /prices.html\n"],
    'rewrite' => [['rewrite'], "RewriteEngine On\nRewriteCond %{REQUEST_FILENAME} !-f\nRewriteRule ^/never\$ /x\n"]
);

for my $api (qw(customer kss)) {
    my @one = $api eq 'kss' ? (api => 'kss', db => $kss) : (db => $db);
    my $base = $api eq 'kss' ? '/api/v1' : '';
    my $h = start_httpd(@one);
    files($h);
    my $auth = sub { my ($h) = @_; return $base ? ('x-api-key' => $kss_key) : (Authorization => 'Bearer ' . $h->token('ACME01', $key)) };
    my $alone = answers($h, $base, $auth->($h));
    like $alone, qr/ 200 /, "$api: alone";
    $h->log_ok;
    for my $name (sort keys %module) {
        my ($modules, $config) = @{ $module{$name} };
        my @missing = grep { !-e KissTest::Httpd::apxs('LIBEXECDIR') . "/mod_$_.so" } @$modules;
        for my $where (qw(server vhost location)) {
            SKIP: {
                skip "httpd has no mod_@missing here", 1 if @missing;
                next if $where ne 'server' && $config !~ /\A(?:Options|CheckSpelling|Meta|Add|DirectoryIndex)/;
                my $lines = $config =~ s/^(?:CacheNegotiatedDocs|MimeMagicFile|MultiviewsMatch).*\n//gmr;
                my $port = KissTest::Httpd::free_port();
                my $m = start_httpd(
                    @one, modules => $modules, port => $port,
                    config => ($where eq 'server' ? $config : '') . "DocumentRoot htdocs\nTypesConfig /dev/null\n" x !!grep({ $_ eq 'mime' } @$modules)
                        . ($where eq 'vhost' ? "<VirtualHost *:$port>\nServerName localhost\n$lines</VirtualHost>\n" : ''),
                    location => $where eq 'location' ? $lines : ''
                );
                files($m);
                is answers($m, $base, $auth->($m)), $alone, "$api: mod_$name, $where: the same answers";
                like $m->log_text, qr/dumpio.*(?:Authorization: Bearer|x-api-key:)/, '... and the log has credentials' if $name eq 'dumpio';
                $m->log_ok;
            }
        }
    }
}

subtest 'each in a virtual host' => sub {
    my @neighbours = neighbours();
    my $other = issue_key('BEAU02');
    my $of_customer = issue_kss_key(type => 'customer', ids => [101]);
    my $dir = tempdir_here();
    chmod 0755, $dir;
    mkdir "$dir/$_" for 'files', 'files/page', 0 .. @neighbours;
    chmod 0777, map {"$dir/$_"} 0 .. @neighbours;
    my $port = KissTest::Httpd::free_port();
    my ($hosts, %module) = ('');
    for my $i (0 .. @neighbours) {
        my $n = $i ? $neighbours[$i - 1] : {};
        my $text = ($n->{host} // '') . ($n->{location} ? "<Location \"/\">\n$n->{location}</Location>\n" : '');
        $module{$_} = 1 for @{ $n->{modules} || [] };
        spew("$dir/$i/users", 'me:{SHA}' . encode_base64(sha1('secret'), '') . "\n");
        $hosts .= ($n->{server} // '') . "<VirtualHost *:$port>\nServerName n$i.test\n$text</VirtualHost>\n" =~ s/\bDIR\b/$dir\/$i/gr =~ s/\bROOT\b/$dir\/files/gr;
    }
    my $server = db_server();
    my $h = start_httpd(
        db => $db, port => $port, modules => [sort keys %module], undocumented => 1,
        location => "KissTokenIssuer https://api.test\nKissTokenAudience https://api.test\n",
        config => <<"CONF" . $hosts
DocumentRoot $dir/files
@{[kss_location($kss, server => $server)]}
CONF
    );
    my %as = (
        a => { Authorization => 'Bearer ' . $h->token('ACME01', $key) }, b => { Authorization => 'Bearer ' . $h->token('BEAU02', $other) },
        k => { 'x-api-key' => $kss_key }, l => { 'x-api-key' => $of_customer },
        form => "grant_type=client_credentials&client_id=ACME01&client_secret=$key"
    );
    $as{before} = ask($h, 'n0.test', 'GET', '/prices', $as{a})->{headers}{etag};
    sql($db, "UPDATE price SET unit_price = unit_price + 0.01 WHERE price_list_code = 'UKTRADE' ORDER BY sku LIMIT 1");
    poll($h, 'n0.test', \%as);
    my @alone = poll($h, 'n0.test', \%as);
    my %alone = map { $_->[0] => $_->[1] } @alone;
    # What all others are compared with is what it should be.
    is join(' ', map { $_->[2]{status} } @alone), '200 200 200 304 304 206 200 200 ' x 2 . '226 226 416 401 404 405 200 200 200 200 200 304 401', 'alone';
    isnt $alone{$_}, $alone{"$_ of another"}, "... $_ is another one's" for qw(/prices /prices.csv page);
    $h->log_ok;
    for my $i (1 .. @neighbours) {
        my $n = $neighbours[$i - 1];
        subtest $n->{name} => sub {
            for my $round (1 .. ($n->{twice} ? 2 : 1)) {
                my (@got, @want);
                for my $one (poll($h, "n$i.test", \%as)) {
                    my ($label, $text) = @$one;
                    next if $n->{only} && $label !~ $n->{only};
                    my $want = $n->{expected} ? $n->{expected}->($label, $alone{$label}) : $alone{$label};
                    next if $text eq $want;
                    push @got, "$label: $text";
                    push @want, "$label: $want";
                }
                is join("\n", @got), join("\n", @want), 'the answers';
            }
            for my $more (@{ $n->{more} || [] }) {
                my ($method, $target, $headers, $like) = @$more;
                my %headers = map { $_ eq 'as' ? %{ $as{ $headers->{as} } } : ($_ => $headers->{$_} =~ s/BEFORE/$as{before}/r) } keys %$headers;
                my $res = ask($h, "n$i.test", $method, $target, \%headers, $method =~ /\AP(?!ROPFIND)/ ? 'x' : undef);
                like "$res->{head}\r\n\r\n$res->{content}", $like, "$method $target";
            }
            like slurp("$dir/$i/$n->{writes}[0]"), $n->{writes}[1], 'what it writes' if $n->{writes};
            $h->log_ok($n->{logs} // ());
        };
    }

    # Methods and headers that ask for something else than the content.
    my $own = sub { my ($line, @headers) = @_; return $h->raw(join "\r\n", $line, 'Host: n0.test', 'Connection: close', @headers, '', '') };
    my $token = "Authorization: $as{a}{Authorization}";
    like $own->('OPTIONS * HTTP/1.1', $token), qr/\AHTTP\/1\.1 200 .*Content-Length: 0\r/s, 'OPTIONS *: of the server, without content';
    for my $method (qw(OPTIONS TRACE QUERY PROPFIND SEARCH PATCH PUT DELETE LINK BREW get)) {
        like $own->("$method /prices HTTP/1.1", $token), qr/\AHTTP\/1\.1 405 .*\r\nAllow: GET, HEAD\r\n.*\{"error":"Metho/s, "$method of a list";
        like $own->("$method /auth/token HTTP/1.1"), qr/\AHTTP\/1\.1 405 .*\r\nAllow: POST\r\n.*\{"error":"/s, '... of the token endpoint';
        like $own->("$method /api/v1/customers HTTP/1.1", "x-api-key: $kss_key"), qr/\AHTTP\/1\.1 40[45] .*\{"Error":"/s, '... of the KSS API';
        like $own->("$method /api/v1/customers HTTP/1.1"), qr/\AHTTP\/1\.1 401 .*\{"Error":"/s, '... and of a stranger';
    }
    like $own->("$_ HTTP/1.1", $token), qr/\AHTTP\/1\.1 40[04] .*\{"error":"/s, $_ for 'CONNECT localhost:80', 'CONNECT /prices', 'TRACE *', 'GET *', 'QUERY *';
    my $list = ask($h, 'n0.test', 'GET', '/prices', $as{a});
    for my $upgrade ('websocket', 'h2c', 'TLS/1.0', 'HTTP/2.0, h2c') {
        my $got = $own->('GET /prices HTTP/1.1', $token, "Upgrade: $upgrade", 'HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA') =~ s/.*?\r\n\r\n//sr;
        ok $got eq $list->{content}, "Upgrade: $upgrade is not taken up";
    }
    like $own->('GET /prices HTTP/1.1', $token, 'Expect: 100-continue'), qr/\A(?:HTTP\/1\.1 100 Continue\r\n\r\n)?HTTP\/1\.1 200 .*"SKU"/s, 'Expect: 100-continue';
    like $own->('GET /prices HTTP/1.1', $token, 'Expect: more'), qr/\AHTTP\/1\.1 417 .*\{"error":"/s, 'another expectation';
    $h->log_ok(qr/AH0/);
};

subtest 'paths that are given back to httpd' => sub {
    my $challenges = tempdir_here();
    spew("$challenges/token", 'the answer');
    for my $how ("SetHandler none", "SetHandler default-handler", qq(SetHandler "expr=%{req:X-None}none")) {
        my $h = start_httpd(
            db => $db, modules => [qw(alias authz_core status dir)],
            config => <<"CONF"
Alias /.well-known/acme-challenge $challenges
<Location /.well-known/acme-challenge>
$how
</Location>
<Location /server-status>
SetHandler server-status
</Location>
<Directory $challenges>
Require all granted
</Directory>
ErrorDocument 404 "own text"
CONF
        );
        my $res = $h->get('/.well-known/acme-challenge/token');
        is "$res->{status} $res->{content}", '200 the answer', "$how: a file";
        is $res->{headers}{$_}, undef, "... no $_" for qw(x-request-id vary ratelimit);
        $res = $h->get('/.well-known/acme-challenge/other');
        is "$res->{status} $res->{content}", '404 own text', '... no file: the error is httpd\'s';
        like $h->get('/.well-known/acme-challenge/a%2Fb')->{content}, qr/own text/, '... also before the path is decoded';
        like $h->get('/server-status')->{content}, qr/Apache Server Status/, 'another handler';
        is $h->get('/.well-known/other')->{content}, '{"error":"Not found."}', 'beside it the API answers';
        is $h->get('/health')->{content}, 'Healthy', '... as ever';
        $h->log_ok(qr/AH0|AH1/);
    }
};

subtest 'what is proxied below a location' => sub {
    my $behind = start_httpd(kiss => 0);
    spew("$behind->{root}/htdocs/page", 'behind');
    my $h = start_httpd(
        db => $db, modules => [qw(proxy proxy_http)],
        config => "ProxyPass /page http://127.0.0.1:$behind->{port}/page\n<Location /page>\nSetHandler none\n</Location>\n"
    );
    is $h->get('/page')->{content}, 'behind', 'is proxied';
    is $h->get('/pages')->{content}, '{"error":"Not found."}', '... and nothing else';
    $h->log_ok;
};

subtest 'included in a page' => sub {
    my $h = start_httpd(
        db => $db, modules => [qw(include mime)], limits => "KissLimit 100 1000\nKissLimitAnonymous 100 1000",
        config => <<"CONF"
TypesConfig /dev/null
<Location /page>
SetHandler none
Options +Includes
SetOutputFilter INCLUDES
ForceType text/html
</Location>
LogFormat "%U %>s customer=%{kiss-customer}n id=%{X-Request-Id}o" kiss
CustomLog access_log kiss
CONF
    );
    mkdir "$h->{root}/htdocs/page";
    spew("$h->{root}/htdocs/page/all", "<p>[<!--#include virtual=\"/prices\" -->]</p><p>[<!--#include virtual=\"/api/version\" -->]</p>\n");
    spew("$h->{root}/htdocs/page/none", "<p>[<!--#include virtual=\"/nothing\" -->]</p>\n");
    my @auth = (Authorization => 'Bearer ' . $h->token('ACME01', $key));
    my $list = $h->get('/prices', @auth);
    my $want = "<p>[$list->{content}]</p><p>[{\"apiVersion\":\"2026-04\"}]</p>\n";
    my ($tag) = $list->{headers}{etag};
    for my $more ([], ['Accept-Encoding' => 'gzip'], ['If-None-Match' => $tag], ['If-None-Match' => '*'], ['If-Match' => '"x"'],
        ['A-IM' => 'sku-delta', 'If-None-Match' => $tag], ['If-Modified-Since' => $list->{headers}{date}])
    {
        # With and without the list being kept.
        for my $kept (1, 0) {
            sql($db, 'UPDATE revision SET n = n + 1') if !$kept;
            my $res = $h->get('/page/all', @auth, @$more);
            is $res->{status}, 200, "@$more";
            ok $res->{content} eq $want, '... the list as text' or diag substr $res->{content}, 0, 200;
            is $res->{headers}{$_}, undef, "... $_ is not of the page" for qw(content-encoding im etag);
        }
    }
    my $part = $h->get('/page/all', @auth, Range => 'bytes=0-3');
    ok $part->{content} eq '<p>[' || $part->{content} eq $want, 'a range is one of the page';
    my ($left) = ($h->get('/api/version', @auth)->{headers}{ratelimit} // '') =~ /"hour";r=(\d+)/;
    $h->get('/page/all', @auth);
    my ($now) = ($h->get('/api/version', @auth)->{headers}{ratelimit} // '') =~ /"hour";r=(\d+)/;
    is $left - $now, 3, 'each include is a request of the customer';
    like $h->get('/page/none', @auth)->{content}, qr/error/, 'an error of the API';
    unlike $h->get('/page/all')->{content}, qr/SKU/, 'nothing without a token';
    $h->log_ok(qr/AH01372|AH0|KISS0401/);
};

subtest 'the table of the document' => sub {
    my ($table) = slurp(top() . '/doc/neighbours.md') =~ /^## Modules\n(.*?)(?=^## |\z)/ms;
    my @rows = map { [/\A\| (.*?) \| .* \| (.*?) \|\z/] } grep {/\A\| `/} split /\n/, $table;
    my @here = map { $_->[0] =~ s/`//gr } grep { $_->[1] =~ /72-neighbours/ } @rows;
    my %tested = map { $_ => 1 } neighbour_names(), qw(mod_include methods), map {"mod_$_"} keys %module;
    is_deeply [sort @here], [sort keys %tested], 'has a row for each that is tested here, and no other';
};

done_testing;
