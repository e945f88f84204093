# SPDX-License-Identifier: Apache-2.0
package KissTest::Neighbours;

# Other modules beside ours, each in a virtual host of one httpd: what clients of both APIs get there, as text that is compared with what
# they get where there is no neighbour. doc/neighbours.md has a row for each.

use strict;
use warnings;
use Compress::Zlib qw(memGunzip);
use Digest::MD5 qw(md5_hex);
use Exporter 'import';
use KissTest::Load;

our @EXPORT = qw(neighbours neighbour_names ask poll);

# What is compared of an answer, beside status and content.
my @heads = qw(content-type content-encoding etag cache-control vary im delta-base accept-ranges content-range www-authenticate allow location
    age x-cache);

# What a request gets here, made from what it gets where the API is alone: sub ($label, $text).
sub _compressed {
    my ($label, $text) = @_;
    return $text =~ s/(vary: Authorization)/$1,Accept-Encoding/r if $label eq 'token';
    return $label ne 'page, gzip' ? $text : $text =~ s/(utf-8) \|/$1 | content-encoding: gzip |/r =~ s/(etag: W\/"[^"]*)/$1-gzip/r;
}
sub _coded { my ($label, $text) = @_; return $text =~ /\A304|Accept-Encoding/ ? $text : $text =~ s/(vary: [^|]*?)(?= \|)/$1,Accept-Encoding/r }
sub _uncompressed {
    my ($label, $text) = @_;
    return $label !~ /gzip/ || $label =~ /^page/ ? $text : $text =~ s/ \| content-encoding: gzip//r =~ s/(etag: "[^"]*)/$1-gunzip/r;
}
sub _retagged { my ($label, $text) = @_; return $text =~ s/(\| etag: "[^"]*)/$1-x/r }
sub _expires {
    my ($label, $text) = @_;
    return $text =~ /\A4(?!16)/ ? $text : $text =~ s/(cache-control: [^|]*?)(?= \|)/$1, max-age=3600/r =~ s/\A(416 .*), max-age=3600/$1/r;
}
my $nowhere = 'http://127.0.0.1:1/';
my $cache = "CacheRoot DIR\nCacheEnable disk /\nCacheHeader On\n";

# Each with
#   name      as in the table of doc/neighbours.md
#   modules   that it needs                      server    directives of the server
#   host      directives of its virtual host     location  directives in its <Location "/">
#             (DIR: a directory that httpd can write, ROOT: what is served as files)
#   expected  what differs, as above             only      labels that are compared (a pattern); the others are not as they were
#   more      other requests: [method, target, headers (as: whose credentials), what status line, headers and content are like]
#   twice     the second answers are compared, too
#   logs      what is logged at warning and above
#   writes    [file in DIR, what it has then]
my @neighbours = (
    { name => 'If', host => "<If \"%{HTTP:X-Stop} == '1'\">\nRequire all denied\n</If>\n", logs => qr/AH01630/,
        expected => sub { $_[1] =~ s/vary: (Authorization|x-api-key)/vary: $1,X-Stop/r },
        more => [['GET', '/prices', { as => 'a', 'X-Stop' => 1 }, qr/ 403 .*\{"error":"/s], ['GET', '/prices', { as => 'a' }, qr/ 200 .*"SKU"/s]] },
    { name => 'LocationMatch', modules => ['headers'], host => "<LocationMatch \"^/(prices|stock)\$\">\nHeader set X-Match yes\n</LocationMatch>\n",
        more => [['GET', '/prices', { as => 'a' }, qr/X-Match: yes/], ['GET', '/products', { as => 'a' }, qr/\A(?!.*X-Match).*"SKU"/s]] },
    { name => 'ErrorDocument', host => "ErrorDocument 401 /prices\nErrorDocument 404 /page.html\nErrorDocument 405 \"own text\"\n",
        location => "ErrorDocument 400 /stock\nErrorDocument 416 /prices\nErrorDocument 412 \"own text\"\n" },
    { name => 'core, EnableMMAP Off', host => "EnableMMAP Off\n", only => qr/^(?!changes)/, more => [['GET', '/prices',
        { as => 'a', 'A-IM' => 'sku-delta', 'If-None-Match' => 'BEFORE' }, qr/ 200 .*"SKU"/s]] },
    { name => 'core, EnableSendfile On', host => "EnableSendfile On\nFileETag All\nContentDigest On\n" },
    { name => 'mod_env, downgrade-1.0', modules => ['env'], host => "SetEnv downgrade-1.0 1\nSetEnv force-response-1.0 1\nSetEnv nokeepalive 1\n" },
    { name => 'mod_env, force-no-vary', modules => ['env'], host => "SetEnv force-no-vary 1\n",
        expected => sub { $_[1] =~ s/ \| vary: [^|]*(?= \|)//r } },
    { name => 'mod_headers, set and always', modules => ['headers'],
        host => "Header always set X-Frame-Options DENY\nHeader set Strict-Transport-Security max-age=1\nRequestHeader set X-Y z\n",
        more => [['GET', '/prices', {}, qr/ 401 .*X-Frame-Options: DENY/s], ['GET', '/prices', { as => 'a' }, qr/X-Frame-Options.*"SKU"/s]] },
    { name => 'mod_headers, edit ETag', modules => ['headers'], host => "Header edit ETag ^\\\"(.*)\\\"\$ \"\\\"\$1-x\\\"\"\n", expected => \&_retagged },
    { name => 'mod_headers, unset ETag', modules => ['headers'], host => "Header unset ETag\n", only => qr/^(?!.*(?:the same|a part|If-Match)$)/,
        expected => sub { $_[1] =~ s/ \| etag: [^|]*(?= \|)//r },
        more => [['GET', '/prices', { as => 'a', 'If-None-Match' => '"none"' }, qr/ 200 .*"SKU"/s],
            ['GET', '/prices', { as => 'a', 'If-Match' => '"none"' }, qr/ 412 .*\{"error":"/s]] },
    { name => 'mod_deflate, SetOutputFilter', modules => [qw(filter deflate)], host => "SetOutputFilter DEFLATE\n", expected => \&_compressed },
    { name => 'mod_deflate, AddOutputFilterByType', modules => [qw(filter deflate)], expected => \&_compressed,
        location => "AddOutputFilterByType DEFLATE application/json text/csv\n" },
    { name => 'mod_deflate, INFLATE', modules => [qw(filter deflate)], host => "SetOutputFilter INFLATE\n", expected => \&_uncompressed },
    { name => 'mod_brotli, SetOutputFilter', modules => [qw(filter brotli)], host => "SetOutputFilter BROTLI_COMPRESS\n", expected => \&_coded,
        more => [['GET', '/prices', { as => 'a', 'Accept-Encoding' => 'br' }, qr/ETag: "[^"]+-br".*Content-Encoding: br/s],
            ['GET', '/prices', { as => 'b', 'Accept-Encoding' => 'br, gzip' }, qr/ETag: "[^"]+-gzip[0-9a-f]+".*Content-Encoding: gzip/s]] },
    { name => 'mod_brotli, AddOutputFilterByType', modules => [qw(filter brotli)], expected => sub { $_[0] eq 'token' ? _coded(@_) : $_[1] },
        location => "AddOutputFilterByType BROTLI_COMPRESS application/json text/csv\n",
        more => [['GET', '/prices.csv', { as => 'a', 'Accept-Encoding' => 'br' }, qr/ETag: "[^"]+-br".*Content-Encoding: br/s]] },
    { name => 'mod_filter', modules => [qw(filter deflate)], expected => \&_compressed,
        host => "FilterDeclare packed\nFilterProvider packed DEFLATE \"%{CONTENT_TYPE} =~ m#json|csv#\"\nFilterChain packed\n" },
    { name => 'mod_substitute', modules => [qw(filter substitute)], only => qr/csv|gzip|the same|HEAD|^no|token|health/,
        host => "AddOutputFilterByType SUBSTITUTE application/json\nSubstitute s|SKU|Article|n\n",
        more => [['GET', '/prices', { as => 'a' }, qr/ETag.*"Article":"/s], ['GET', '/prices', { as => 'a', Range => 'bytes=0-9' }, qr/ 200 .*"Article":"/s]] },
    { name => 'mod_ext_filter', modules => ['ext_filter'], server => "ExtFilterDefine through mode=output cmd=/bin/cat\n", host => "SetOutputFilter through\n" },
    { name => 'mod_buffer', modules => ['buffer'], host => "SetOutputFilter BUFFER\nSetInputFilter BUFFER\n" },
    { name => 'mod_ratelimit', modules => [qw(ratelimit env)], host => "SetOutputFilter RATE_LIMIT\nSetEnv rate-limit 4000\n" },
    { name => 'mod_reqtimeout', modules => ['reqtimeout'], host => "RequestReadTimeout handshake=5 header=20-40,MinRate=500 body=20,MinRate=500\n" },
    { name => 'mod_expires', modules => ['expires'], host => "ExpiresActive On\nExpiresDefault \"access plus 1 hour\"\n", expected => \&_expires },
    { name => 'mod_cache, CacheQuickHandler On', modules => [qw(cache cache_disk)], host => $cache, twice => 1 },
    { name => 'mod_cache, CacheQuickHandler Off', modules => [qw(cache cache_disk)], host => "${cache}CacheQuickHandler Off\n", twice => 1 },
    { name => 'mod_cache, in memory', modules => [qw(cache cache_socache socache_shmcb)], server => "CacheSocache shmcb\n",
        host => "CacheEnable socache /\nCacheHeader On\n", twice => 1 },
    { name => 'mod_cache, private answers', modules => [qw(cache cache_disk)], twice => 1,
        only => qr/^(?:\/prices|changes|no |token)/, host => $cache
            . "CacheStorePrivate On\nCacheIgnoreCacheControl On\nCacheStoreNoStore On\nCacheStoreExpired On\nCacheIgnoreNoLastMod On\n",
        more => [['GET', '/api/v1/customers', { as => 'k' }, qr/\A(?!.* 401 )/], ['GET', '/api/v1/customers', { as => 'l' }, qr/\A(?!.*"CustomerID":102,)/s],
            ['GET', '/api/v1/customers', {}, qr/ 401 /]] },
    { name => 'mod_dav', modules => [qw(dav dav_fs)], host => "DavLockDB DIR/lock\n", location => "Dav On\n",
        more => [(map { [$_, '/prices', { Depth => 0 }, qr/ 405 .*Allow: GET, HEAD.*\{"error":/s] } qw(PROPFIND PROPPATCH MKCOL DELETE LOCK OPTIONS)),
            ['PUT', '/new', {}, qr/ 404 .*\{"error":/s], ['PROPFIND', '/api/v1/customers', {}, qr/ 401 .*\{"Error":/s],
            ['PROPFIND', '/', { as => 'a' }, qr/ 404 .*\{"error":/s]] },
    { name => 'mod_speling', modules => ['speling'], host => "CheckSpelling On\n" },
    { name => 'mod_auth_basic', modules => [qw(authn_core authn_file authz_user auth_basic)], logs => qr/AH01614/,
        location => "AuthType Basic\nAuthName x\nAuthBasicProvider file\nAuthUserFile DIR/users\nRequire valid-user\n", only => qr/^(?!.*)/,
        more => [['GET', '/prices', { as => 'a' }, qr/ 401 .*Basic realm="x".*\{"error":/s], ['GET', '/api/v1/customers', { as => 'k' }, qr/ 401 /],
            ['GET', '/api/v1/customers', { as => 'k', Authorization => 'Basic bWU6c2VjcmV0' }, qr/ 200 .*"Data"/s],
            ['GET', '/api/v1/customers', { Authorization => 'Basic bWU6c2VjcmV0' }, qr/ 401 .*\{"Error":/s]] },
    { name => 'mod_log_forensic', modules => [qw(log_config log_forensic)], host => "ForensicLog DIR/forensic\n",
        writes => ['forensic', qr/Authorization:Bearer /] },
    { name => 'mod_remoteip', modules => ['remoteip'], host => "RemoteIPHeader X-Forwarded-For\nRemoteIPInternalProxy 127.0.0.1\n" },
    { name => 'mod_proxy, ProxyPass', modules => [qw(proxy proxy_http)], logs => qr/AH0095[79]|AH01114/, only => qr/^(?!\/prices|changes|a part|no |token)/,
        host => "ProxyPass /prices $nowhere\nProxyPass /auth $nowhere\n",
        more => [['GET', '/prices', { as => 'a' }, qr/ 503 .*\{"error":/s], ['POST', '/auth/token', {}, qr/ 503 .*\{"error":/s],
            ['GET', '/stock', { as => 'a' }, qr/ 200 .*"SKU"/s]] },
    { name => 'mod_rewrite, to the proxy', modules => [qw(rewrite proxy proxy_http)], logs => qr/AH0095[79]|AH01114/,
        only => qr/^(?!\/prices|changes|a part|no |token)/, host => "RewriteEngine On\nRewriteRule ^/prices\$ $nowhere [P]\n",
        more => [['GET', '/prices', { as => 'a' }, qr/ 503 .*\{"error":/s], ['GET', '/prices.csv', { as => 'a' }, qr/ 200 .*SKU/s]] },
    { name => 'mod_rewrite, with PT', modules => ['rewrite'], host => "RewriteEngine On\nRewriteRule ^/short\$ /prices [PT]\n",
        more => [['GET', '/short', { as => 'a' }, qr/ 200 .*"UKTRADE"/s], ['GET', '/short', { as => 'b' }, qr/ 200 .*"EUTRADE"/s], ['GET', '/short', {}, qr/ 401 /]] },
    { name => 'mod_rewrite, without PT', modules => ['rewrite'], host => "RewriteEngine On\nRewriteRule ^/short\$ /prices\n",
        more => [['GET', '/short', { as => 'a' }, qr/ 404 .*\{"error":/s]] },
    { name => 'mod_rewrite, in a directory', modules => ['rewrite'],
        host => "<Location /page>\nSetHandler none\n</Location>\n<Directory ROOT/page>\nOptions +FollowSymLinks\nRewriteEngine On\n"
            . "RewriteRule ^short\$ /prices\n</Directory>\n",
        more => [['GET', '/page/short', { as => 'a' }, qr/ 200 .*"UKTRADE"/s], ['GET', '/page/short', { as => 'b' }, qr/ 200 .*"EUTRADE"/s],
            ['GET', '/page/short', {}, qr/ 401 /]] },
    { name => 'mod_rewrite, in the location', modules => ['rewrite'], location => "RewriteEngine On\nRewriteRule /short\$ /prices\n",
        more => [['GET', '/short', { as => 'a' }, qr/ 200 .*"UKTRADE"/s], ['GET', '/short', {}, qr/ 401 /]] },
    { name => 'mod_alias, ScriptAlias', modules => [qw(alias cgid)], server => "ScriptSock cgisock\n", host => "ScriptAlias /prices /bin/\nAliasMatch ^/stock /etc/passwd\n" },
    { name => 'mod_alias, Redirect', modules => ['alias'],
        host => "Redirect permanent /old /prices\n<Location /older>\nRedirect permanent http://n0.test/prices\n</Location>\n",
        more => [['GET', '/old', { as => 'a' }, qr/ 404 .*\{"error":/s], ['GET', '/older', {}, qr/ 301 .*Location: http:\/\/n0\.test\/prices\r/s]] },
    { name => 'mod_allowmethods', modules => ['allowmethods'], location => "AllowMethods GET\n", logs => qr/AH01623/, only => qr/^(?!no method|token)/,
        more => [['POST', '/auth/token', {}, qr/ 405 .*\{"error":/s]] }
);

# neighbours(): those whose modules httpd has here.
sub neighbours {
    my $modules = KissTest::Httpd::apxs('LIBEXECDIR');
    return grep { !grep { !-e "$modules/mod_$_.so" } @{ $_->{modules} || [] } } @neighbours;
}

# neighbour_names(): all, in the order of the table.
sub neighbour_names { return map { $_->{name} } @neighbours }

# ask($h, $host, $method, $target, \%headers, $content): one request of a virtual host: status, headers (joined), content, head.
sub ask {
    my ($h, $host, $method, $target, $headers, $content) = @_;
    my $raw = $h->raw("$method $target HTTP/1.1\r\nHost: $host\r\nConnection: close\r\n" . join('', map {"$_: $headers->{$_}\r\n"} sort keys %$headers)
        . (defined $content ? 'Content-Length: ' . length($content) . "\r\n" : '') . "\r\n" . ($content // ''), 20);
    my ($head, $body) = split /\r\n\r\n/, $raw, 2;
    my ($status) = ($head // '') =~ m{\AHTTP/1\.[01] (\d{3})};
    my %h;
    /\A([^:]+):\s*(.*?)\s*\z/ and push @{ $h{ lc $1 } }, $2 for split /\r\n/, $head // '';
    %h = map { $_ => join ', ', @{ $h{$_} } } keys %h;
    $body = KissTest::Load::_chunks($body) // 'broken off' if lc($h{'transfer-encoding'} // '') eq 'chunked';
    return { status => $status // 0, headers => \%h, head => $head // '', content => $body // '' };
}

# poll($h, $host, \%as): what clients get of a virtual host: [label, text, answer] of each request. as: the headers of the callers a and b
# (customers), k and l (keys of the KSS API); before: an ETag of /prices that a had; form: a request for a token.
sub poll {
    my ($h, $host, $as) = @_;
    my @got;
    my $one = sub {
        my ($label, $method, $target, $who, $headers, $content) = @_;
        my $res = ask($h, $host, $method, $target, { %{ $who ? $as->{$who} : {} }, %$headers }, $content);
        my $plain = ($res->{headers}{'content-encoding'} // '') eq 'gzip' && $method ne 'HEAD' ? memGunzip($res->{content}) // 'no gzip' : $res->{content};
        # An answer is known by its digest, an error by its text; tokens differ.
        my $what = $label eq 'token' ? substr $plain, 0, 15 : $res->{status} < 300 ? length($plain) . ' ' . md5_hex($plain) : $plain;
        my $text = join ' | ', $res->{status}, (map { defined $res->{headers}{$_} ? "$_: $res->{headers}{$_}" : () } @heads), $what;
        push @got, [$label, $text =~ s/ \| x-cache: MISS[^|]*(?= \|)//r, $res];
        return $res->{headers}{etag} // '"none"';
    };
    my %gzip = ('Accept-Encoding' => 'gzip');
    for my $path (qw(/prices /prices.csv)) {
        my $tag = $one->($path, 'GET', $path, 'a', {});
        my $coded = $one->("$path, gzip", 'GET', $path, 'a', \%gzip);
        $one->("$path of another", 'GET', $path, 'b', {});
        $one->("$path, the same", 'GET', $path, 'a', { 'If-None-Match' => $tag });
        $one->("$path, gzip, the same", 'GET', $path, 'a', { %gzip, 'If-None-Match' => $coded });
        $one->("$path, a part", 'GET', $path, 'a', { Range => 'bytes=10-99', 'If-Range' => $tag });
        $one->("$path, If-Match", 'GET', $path, 'a', { 'If-Match' => $tag });
        $one->("$path, HEAD", 'HEAD', $path, 'a', {});
    }
    $one->('changes', 'GET', '/prices', 'a', { 'A-IM' => 'sku-delta', 'If-None-Match' => $as->{before} });
    $one->('changes, gzip', 'GET', '/prices', 'a', { %gzip, 'A-IM' => 'sku-delta', 'If-None-Match' => $as->{before} });
    $one->('a part outside', 'GET', '/prices', 'a', { Range => 'bytes=99999999-' });
    $one->('no token', 'GET', '/prices', undef, {});
    $one->('no path', 'GET', '/nothing', 'a', {});
    $one->('no method', 'POST', '/prices', 'a', {}, '');
    $one->('token', 'POST', '/auth/token', undef, { 'Content-Type' => 'application/x-www-form-urlencoded' }, $as->{form});
    $one->('health', 'GET', '/health', undef, {});
    my $page = $one->('page', 'GET', '/api/v1/customers', 'k', {});
    $one->('page, gzip', 'GET', '/api/v1/customers', 'k', \%gzip);
    $one->('page of another', 'GET', '/api/v1/customers', 'l', {});
    $one->('page, the same', 'GET', '/api/v1/customers', 'k', { 'If-None-Match' => $page });
    $one->('no key', 'GET', '/api/v1/customers', undef, {});
    return @got;
}

1;
