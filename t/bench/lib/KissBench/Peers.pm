# SPDX-License-Identifier: Apache-2.0
package KissBench::Peers;

# The programs that the module is compared with (t/bench/peer/): what each needs, how it is built and started.
#
#     my @missing = KissBench::Peers::missing('go');
#     my $peer = KissBench::Peers::start('go', BENCH_SOCKET => ...);     # {name} {port} {url} {pid}; ends with the object
#
# Environment of a peer: BENCH_SOCKET, BENCH_DB_USER, BENCH_DB_PASSWORD, BENCH_CUSTOMER_DB, BENCH_KSS_DB; BENCH_SECRET
# (base64url), BENCH_KEY_ID, BENCH_ISSUER of tokens; BENCH_PAGE_SQL, BENCH_RECORD_SQL; BENCH_PORT.

use strict;
use warnings;
use File::Copy qw(copy);
use File::Path qw(make_path);
use IO::Socket::INET;
use POSIX ();
use Time::HiRes qw(sleep time);
use KissTest;
use KissTest::Httpd;

my $GOPATH = '/usr/share/gocode';

my %peers = (
    php => {
        name => 'PHP',
        needs => [
            [ 'libapache2-mod-php', \&_php_module ],
            [ 'php-mysql', sub { my ($so) = glob '/usr/lib/php/*/pdo_mysql.so'; $so } ],
            [ 'php-cli', sub { _program('php') } ],
        ],
        start => \&_start_php,
        version => sub { _output('php', '-r', 'echo PHP_VERSION;') . ', mod_php under prefork, opcache and JIT, PDO' },
    },
    node => {
        name => 'Node',
        needs => [ [ 'nodejs', sub { _program('node') } ], [ 'npm', sub { _program('npm') } ] ],
        modules => 1,
        start => \&_start_node,
        version => sub { _output('node', '--version') . join '', map {", $_ " . _npm_version($_)} qw(fastify mariadb) },
    },
    go => {
        name => 'Go',
        needs => [
            [ 'golang-go', sub { _program('go') } ],
            [ 'golang-github-go-sql-driver-mysql-dev', sub { -d "$GOPATH/src/github.com/go-sql-driver/mysql" } ],
        ],
        start => \&_start_go,
        version => sub { (_output('go', 'version') =~ /go version go(\S+)/)[0] . ', net/http, go-sql-driver' },
    },
);

sub _peer { my ($id) = @_; return $peers{$id} || die "no such peer: $id (php, node, go)\n" }

# name($id), version($id): for people.
sub name { return _peer($_[0])->{name} }
sub version { return _peer($_[0])->{version}->() }

sub _program { my ($name) = @_; my ($found) = grep {-x} map {"$_/$name"} split /:/, $ENV{PATH}; return $found }

sub _output { my ($rc, $out) = run(@_); return $rc ? '' : $out =~ s/\s+\z//r }

sub _source { return top() . "/t/bench/peer/$_[0]" }

sub _packages { my ($peer) = @_; return map { $_->[0] } grep { !$_->[1]->() } @{ $peer->{needs} } }

# missing($id): Debian packages that are not installed, and the npm modules.
sub missing {
    my ($id) = @_;
    my $peer = _peer($id);
    return (_packages($peer), $peer->{modules} && !_npm_ready() ? 'npm modules' : ());
}

# install(@ids): installs what is missing.
sub install {
    my @packages = map { _packages(_peer($_)) } @_;
    install_packages(@packages) if @packages;
    _npm_install() if grep({ _peer($_)->{modules} } @_) && !_npm_ready();
    return;
}

# install_packages(@names): Debian's.
sub install_packages {
    my ($rc, $out, $err) = run({ timeout => 900 }, 'bash', '-c', '. "$1/t/lib/build.sh"; install_packages "$2" "${@:3}"',
        'bash', top(), build_dir() . '/bench-apt.log', @_);
    die "$out$err" if $rc;
    print $out;
    return;
}

# ---- npm modules: below the build directory, so that they are fetched once

sub _npm_dir { return build_dir() . '/bench-node' }

sub _npm_ready {
    my $dir = _npm_dir();
    return -d "$dir/node_modules/fastify" && slurp("$dir/package.json") eq slurp(_source('node') . '/package.json');
}

sub _npm_install {
    my $dir = _npm_dir();
    make_path($dir);
    spew("$dir/package.json", slurp(_source('node') . '/package.json'));
    print "Installing: npm modules of t/bench/peer/node\n";
    my ($rc, $out, $err) = run({ timeout => 600 }, 'npm', 'install', '--prefix', $dir, '--no-package-lock', '--no-audit',
        '--no-fund', '--ignore-scripts');
    die "npm: $out$err" if $rc;
    return;
}

sub _npm_version { return (slurp(_npm_dir() . "/node_modules/$_[0]/package.json") =~ /"version":\s*"([^"]+)"/)[0] }

# ---- start and stop

# start($id, %environment): a running peer.
sub start {
    my ($id, %env) = @_;
    my $self = _peer($id)->{start}->(%env);
    $self->{name} = name($id);
    return $self;
}

# A process that listens on BENCH_PORT.
sub _spawn {
    my ($env, @command) = @_;
    my $dir = tempdir_here();
    my $port = KissTest::Httpd::free_port();
    my $pid = KissTest::Database::spawn("$dir/log", { %$env, BENCH_PORT => $port }, @command);
    my $self = bless { pid => $pid, port => $port, url => "http://127.0.0.1:$port", owner => $$ }, __PACKAGE__;
    my $end = time + 60;
    until (IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port)) {
        die "@command did not start: " . slurp("$dir/log") if time > $end || waitpid($pid, POSIX::WNOHANG()) == $pid;
        sleep 0.05;
    }
    return $self;
}

sub DESTROY {
    my ($self) = @_;
    return if $self->{owner} != $$;
    local ($?, $!);
    kill 'TERM', -$self->{pid};
    my $end = time + 10;
    while (waitpid($self->{pid}, POSIX::WNOHANG()) == 0) {
        kill 'KILL', -$self->{pid} if time > $end;
        sleep 0.02;
    }
    return;
}

# Debian's sources of the driver, no network.
sub _start_go {
    my (%env) = @_;
    my $work = build_dir() . '/bench-go';
    make_path($work);
    my ($rc, $out, $err) = run({
            timeout => 300,
            env => { GO111MODULE => 'off', GOFLAGS => '', GOPATH => $GOPATH, GOCACHE => "$work/cache", GOTOOLCHAIN => 'local' }
        },
        'go', 'build', '-o', "$work/peer", _source('go') . '/main.go');
    die "go build: $out$err" if $rc;
    return _spawn(\%env, "$work/peer");
}

# A copy beside its modules: that is where Node looks for them.
sub _start_node {
    my (%env) = @_;
    my $program = _npm_dir() . '/server.js';
    copy(_source('node') . '/server.js', $program) or die "server.js: $!";
    return _spawn({ %env, NODE_ENV => 'production' }, 'node', '--max-old-space-size=8192', $program);
}

sub _php_module { my ($so) = glob KissTest::Httpd::apxs('LIBEXECDIR') . '/libphp*.so'; return $so }

# A process for each connection, ready before the first one comes; opcache and JIT, which Debian's own configuration
# leaves off.
sub _start_php {
    my (%env) = @_;
    my $dir = tempdir_here();
    copy(_source('php') . '/index.php', "$dir/index.php") or die "index.php: $!";
    spew("$dir/php.ini", <<'INI');
zend_extension=opcache.so
extension=mysqlnd.so
extension=pdo.so
extension=pdo_mysql.so
opcache.validate_timestamps=0
opcache.jit=tracing
opcache.jit_buffer_size=64M
memory_limit=4G
INI
    my $module = _php_module();
    return start_httpd(
        kiss => 0, mpm => 'prefork', processes => 72, threads => 1, log_level => 'notice', modules => ['alias'],
        env => { %env, PHP_INI_SCAN_DIR => "$dir/none" },
        config => <<"CONF"
LoadModule php_module "$module"
PHPIniDir "$dir"
KeepAlive On
MaxKeepAliveRequests 0
AliasMatch "^/" "$dir/index.php"
<Location "/">
    SetHandler application/x-httpd-php
    CGIPassAuth On
</Location>
CONF
    );
}

1;
