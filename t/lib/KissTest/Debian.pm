# SPDX-License-Identifier: Apache-2.0
package KissTest::Debian;

# An httpd whose configuration is laid out as Debian's, in a folder of the test: what `kissctl setup` adds a site to.

use strict;
use warnings;
use Exporter 'import';
use File::Path qw(make_path);
use KissTest;
use KissTest::Httpd;

our @EXPORT = qw(debian_httpd);

# debian_httpd($folder, $port): it runs, listens on that port, too, and has another site; nothing of the module is enabled, its .load file is
# there, as its package puts it. $folder/apachectl tests it; {ca} and server.key beside it: a certificate for localhost and kss.localhost.
sub debian_httpd {
    my ($apache, $port) = @_;
    my %depends = (ssl => 'setenvif mime socache_shmcb', deflate => 'filter', kiss => 'authz_core');
    make_path(map {"$apache/$_"} qw(mods-available mods-enabled sites-available sites-enabled));
    for my $name (qw(ssl setenvif mime socache_shmcb deflate filter headers alias dir reqtimeout)) {
        spew("$apache/mods-available/$name.load", ($depends{$name} ? "# Depends: $depends{$name}\n" : '') . KissTest::Httpd::load_module($name));
    }
    spew("$apache/mods-available/ssl.conf", qq(SSLSessionCache "shmcb:$apache/ssl_scache(512000)"\n));
    spew("$apache/mods-available/mime.conf", "TypesConfig /dev/null\n");
    spew("$apache/mods-available/kiss.load", "# Depends: authz_core\nLoadModule kiss_module "
        . ($ENV{KISS_TEST_MODULE} || build_dir() . '/mod_kiss/.libs/mod_kiss.so') . "\n");
    spew("$apache/mods-enabled/authz_core.load", "\n");
    my $h = start_httpd(kiss => 0, modules => ['log_config'], config => <<"CONF");
Listen 127.0.0.1:$port
IncludeOptional $apache/mods-enabled/*.load
IncludeOptional $apache/mods-enabled/*.conf
Define APACHE_LOG_DIR $apache
<IfModule kiss_module>
    KissCacheDir $apache/cache
</IfModule>
IncludeOptional $apache/sites-enabled/*.conf
CONF
    spew("$h->{root}/htdocs/index.html", "another site\n");
    spew("$apache/apachectl", qq(#!/bin/sh\nexec "@{[KissTest::Httpd::program()]}" -d "$h->{root}" -f "$h->{conf}" "\$@"\n), 0755);
    $h->{ca} = "$h->{root}/server.crt";
    my ($rc, undef, $err) = run({}, qw(openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=localhost -addext),
        'subjectAltName=DNS:localhost,DNS:kss.localhost', '-keyout', "$h->{root}/server.key", '-out', $h->{ca});
    die "openssl: $err" if $rc;
    return $h;
}

1;
