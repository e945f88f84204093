# SPDX-License-Identifier: Apache-2.0
package KissTest;

# The test harness: a private MariaDB per run, a private httpd per test, helpers around both. Core Perl only (TLS tests
# need IO::Socket::SSL). A test starts with:
#
#     use FindBin; use lib "$FindBin::Bin/lib"; use KissTest;
#     my $db  = new_database('smoke');  import_sample($db);
#     my $key = issue_key('ACME01');
#     my $h   = start_httpd();
#     my $t   = $h->token('ACME01', $key);
#     is $h->get('/stock', Authorization => "Bearer $t")->{status}, 200;
#     $h->log_ok;
#     done_testing;
#
# Environment: KISS_BUILD (build directory), KISS_TEST_DB_SOCKET (database in use), KISS_TEST_MPM (event, worker,
# prefork), KISS_TEST_KEEP=1 (leave files), KISS_TEST_WRAPPER ("valgrind ..."), KISS_TEST_PRELOAD (sanitizer library for
# httpd).

use strict;
use warnings;
use Cwd qw(abs_path);
use Digest::SHA ();
use Exporter 'import';
use File::Basename qw(dirname);
use File::Temp ();
use JSON::PP ();
use MIME::Base64 ();
use POSIX ();
use Test::More ();
use KissTest::Database;
use KissTest::Httpd;
use KissTest::OpenAPI ();

our @EXPORT = qw(top build_dir db_server sql new_database grant_admin admin_token drop_database kissctl kissctl_ok import_csv import_sample import_kss
    issue_key issue_kss_key kept_file start_httpd kss_location configtest parallel jwt slurp spew tempdir_here run);

my $top = abs_path(dirname(__FILE__) . '/../..');
my ($server, %current, @created, $serial);     # both hold { name, server, api }; %current by API

# top(): the source tree.
sub top { return $top }

# build_dir(): where make ran: KISS_BUILD, else var/build-test, var/build, or the source tree itself.
sub build_dir {
    my ($dir) = grep { defined && -x "$_/support/kissctl" } $ENV{KISS_BUILD}, "$top/var/build-test",
        "$top/var/build", $top;
    return $dir || die "no build found: run ./runtests, or set KISS_BUILD\n";
}

sub _kissctl { return $ENV{KISS_TEST_KISSCTL} || build_dir() . '/support/kissctl' }
sub _module { return $ENV{KISS_TEST_MODULE} || build_dir() . '/mod_kiss/.libs/mod_kiss.so' }

# db_server(): the KissTest::Database of this run: {socket}, stop, resume, freeze, thaw. Shared with other test files
# when runtests started it: a test that stops it makes its own by KissTest::Database->start and hands it to new_database
# and start_httpd.
sub db_server { return $server ||= KissTest::Database->new }

# sql($db, $sql): rows as arrays of text, as database administrator; $db undef: no database. Dies on an error.
sub sql {
    my ($db, $sql, @more) = @_;
    die "sql() takes one text: join the statements\n" if @more;
    my ($c) = grep { defined $db && $_->{name} eq $db } @created;
    return ($c ? $c->{server} : db_server())->sql($db, $sql);
}

# new_database($name, server => $other, api => 'customer' or 'kss'): a database with schema and grants, unique to this
# process, dropped at the end. Returns its name; it becomes the current one of its API, which kissctl, import_*, issue_*
# and start_httpd use.
sub new_database {
    my ($name, %opt) = @_;
    my $s = $opt{server} || db_server();
    my $api = $opt{api} || 'customer';
    my $unique = sprintf 't%d_%d_%s', $$, ++$serial, $name;
    $s->create($unique, _kissctl(), $api);
    $current{$api} = { name => $unique, server => $s, api => $api };
    push @created, $current{$api};
    return $unique;
}

# grant_admin(): the current database of the Customer API may be written by the account of KissAdminDatabase.
sub grant_admin { my $d = _database(undef, 'customer'); return $d->{server}->grant_admin($d->{name}) }

# admin_token($h, $code): a token of a new admin client.
sub admin_token {
    my ($h, $code) = @_;
    kissctl_ok('admin', 'add', $code);
    my $key = kissctl_ok('admin-key', 'issue', $code);
    chomp $key;
    return $h->token($code, $key);
}

sub drop_database {
    my ($name) = @_;
    my ($c) = grep { $_->{name} eq $name } @created;
    $c->{server}->drop($name) if $c;
    @created = grep { $_->{name} ne $name } @created;
    return;
}

# Which database is meant: the named one, or the current one of an API, or the only one.
sub _database {
    my ($name, $api) = @_;
    my ($c) =
          defined $name ? grep { $_->{name} eq $name } @created
        : keys %current == 1 ? values %current
        : $current{ $api || 'customer' };
    return $c || die 'no such database: call new_database first';
}

# kissctl(@args) or kissctl({db => $name, env => {}, stdin => $text, timeout => $s, defaults => $file}, @args): (exit,
# stdout, stderr). Without db: the current database of the API that the verb belongs to.
sub kissctl {
    my %opt = ref $_[0] ? %{ shift() } : ();
    my $file = $opt{defaults} || do { my $d = _database($opt{db}, _api(@_)); $d->{server}->defaults($d->{name}) };
    $opt{env} = { KISSCTL_DEFAULTS => $file, %{ $opt{env} || {} } };
    return run(\%opt, _kissctl(), '--sql', "$top/sql", @_);
}

# The API that a verb belongs to.
sub _api {
    my ($word) = grep { !/^-/ } @_;
    return defined $word && $word eq 'kss' ? 'kss' : 'customer';
}

# kissctl_ok(@args): its standard output; dies with its errors if the exit status is not 0.
sub kissctl_ok {
    my ($rc, $out, $err) = kissctl(@_);
    die "kissctl @{[grep { !ref } @_]} ended with $rc: $out$err" if $rc;
    return $out;
}

# import_csv($db, $dir), import_sample($db): a full load. import_kss($db, $dir): the same for the KSS API.
sub import_csv { my ($db, $dir) = @_; return kissctl_ok({ db => $db, timeout => 600 }, 'import', $dir) }
sub import_kss { my ($db, $dir) = @_; return kissctl_ok({ db => $db, timeout => 600 }, 'kss', 'import', $dir) }
sub import_sample { my ($db) = @_; return import_csv($db, "$top/sql/sample") }

# issue_key($customer, @more): a new API key.
sub issue_key {
    my ($customer, @more) = @_;
    my $key = kissctl_ok('key', 'issue', $customer, @more);
    chomp $key;
    return $key;
}

# issue_kss_key(type => 'employee', ids => [1, 2], user => $id, limit => $n): a new key of the KSS API.
sub issue_kss_key {
    my (%opt) = @_;
    my $key = kissctl_ok(qw(kss key issue --type), $opt{type}, $opt{ids} ? ('--ids', join ',', @{ $opt{ids} }) : (),
        defined $opt{user} ? ('--user', $opt{user}) : (), defined $opt{limit} ? ('--limit-hour', $opt{limit}) : ());
    chomp $key;
    KissTest::OpenAPI::remember_key($key, $opt{type});
    return $key;
}

# kept_file($folder, $tag): the file of the list with this ETag, whichever database it was read from.
sub kept_file { my ($folder, $tag) = @_; my ($file) = glob "$folder/*\@$tag.json"; return $file // "$folder/none\@$tag.json" }

# start_httpd(%option): a KissTest::Httpd that serves the current database. Options:
#   db NAME               another database           server S       of this KissTest::Database
#   api 'kss'             the API that is served (default: customer), from its current database when db is not given
#   location TEXT         more directives in the <Location>          path '/'       of the <Location>
#   address 'host=...'    instead of the socket of `server`
#   limits TEXT           the limits in it (default: far away)       token_keys FILE
#   pool 'keep=1 max=4'   more of KissDatabase
#   config TEXT           more, at the end of httpd.conf             modules [...]  names of modules to load
#   admin TEXT            a <Location> "admin" below with KissAdmin On and these directives; admin_pool: as pool, of its database
#   tls 1                 HTTPS                                      kiss 0         without the module
#   mpm NAME              instead of KISS_TEST_MPM                   processes 2, threads 8 (of each)
#   log_level 'info'      env {}         of httpd                    wrapper [...]  command in front of httpd
#   undocumented 1        answers of httpd's own, which the OpenAPI documents do not describe
sub start_httpd { return KissTest::Httpd->new(_httpd_options(@_)) }

# kss_location($db, %option): lines of a configuration that serve the KSS API beside another one, from this database. Options:
#   server S, pool TEXT, limits TEXT   as above                       path '/api/v1'
#   location TEXT         more directives in the <Location>
#   plain 0               over TLS only
sub kss_location {
    my ($db, %opt) = @_;
    my $s = $opt{server} || db_server();
    my $lines = join '', map {"    $_\n"} grep { length } 'SetHandler kiss', 'KissApi kss', $opt{plain} // 1 ? 'KissAllowPlainHTTP On' : '',
        split /\n/, ($opt{limits} // "KissKeyLimit 1000000\nKissLoginFailureLimit 1000000") . "\n" . ($opt{location} // '');
    my $path = $opt{path} // '/api/v1';
    return "KissDatabase kss socket=$s->{socket} user=kiss dbname=$db password-file=$s->{dir}/kiss.password @{[$opt{pool} // '']}\n"
        . "<Location \"$path\">\n$lines</Location>\n";
}

sub _httpd_options {
    my (%opt) = @_;
    $opt{mpm} ||= $ENV{KISS_TEST_MPM} || 'event';
    $opt{kiss} = 1 unless defined $opt{kiss};
    $opt{fixed_port} = $opt{port} if $opt{port};
    if ($opt{kiss}) {
        $opt{module} ||= _module();
        my $d = defined $opt{db} || %current ? _database($opt{db}, $opt{api}) : undef;
        $opt{db} = $d->{name} if $d;
        $opt{db_server} = $opt{server} || ($d ? $d->{server} : db_server());
        my $kss = ($opt{api} || '') eq 'kss';
        $opt{path} ||= $kss ? '/api/v1' : '/';
        $opt{location} = '' unless defined $opt{location};
        $opt{pool} = '' unless defined $opt{pool};
        $opt{limits} = ($kss ? 'KissKeyLimit 1000000' : "KissLimit 1000000 10000000\nKissLimitAnonymous 1000000 10000000")
            . "\nKissLoginFailureLimit 1000000"
            unless defined $opt{limits};
    }
    return %opt;
}

# configtest($text, %option): what `httpd -t` says of a configuration made as for start_httpd, $text added at its end
# (exit, output). configtest({text => $whole}): of exactly this file.
sub configtest {
    my ($text, %opt) = @_;
    my $h = KissTest::Httpd->prepare(_httpd_options(%opt, ref $text ? () : (config => $text)));
    $h->{port} = 1;
    my %env = $h->_environment;
    KissTest::Database::write_file($h->{conf}, ref $text ? $text->{text} : $h->conf_text, 0644);
    my ($rc, $out, $err) =
        run({ env => \%env }, KissTest::Httpd::program(), '-d', $h->{root}, '-f', $h->{conf}, '-t');
    return ($rc, $out . $err . $h->log_text);
}

# run(\%opt, @command): (exit, stdout, stderr); see KissTest::Database::run_command.
sub run { return KissTest::Database::run_command(ref $_[0] ? @_ : ({}, @_)) }

# parallel($n, $sub): runs $sub->(0) .. $sub->($n - 1) at the same time, each in a process of its own; returns what each
# returned (one value each). Dies if one dies.
sub parallel {
    my ($n, $sub) = @_;
    require Storable;
    my @jobs;
    for my $i (0 .. $n - 1) {
        pipe my $r, my $w or die "pipe: $!";
        my $pid = fork;
        die "fork: $!" unless defined $pid;
        if (!$pid) {
            close $r;
            my $v = eval { { value => scalar $sub->($i) } } || { error => "$@" };
            binmode $w;
            print $w Storable::freeze($v);
            close $w;
            POSIX::_exit(0);    # no END blocks, no destructors: the servers are the parent's
        }
        close $w;
        push @jobs, [$pid, $r];
    }
    my @values;
    for my $job (@jobs) {
        my ($pid, $r) = @$job;
        binmode $r;
        local $/;
        my $frozen = <$r>;
        waitpid $pid, 0;
        die "a parallel job was ended by signal " . ($? & 127) . "\n" if $? & 127;
        my $v = defined $frozen
            && length $frozen ? Storable::thaw($frozen) : { error => "a parallel job ended without a value\n" };
        die $v->{error} if $v->{error};
        push @values, $v->{value};
    }
    return @values;
}

# jwt(\%claims, keys => $file, alg => 'HS256', kid => $id, header => {}, secret => $bytes): a token of our own making;
# without kid and secret, signed with the first key of the file.
sub jwt {
    my ($claims, %opt) = @_;
    my ($kid, $secret) = slurp($opt{keys}) =~ /^([^#\s]\S*)\s+(\S+)/m if $opt{keys};
    $secret = MIME::Base64::decode_base64(($secret =~ tr{-_}{+/}r)) if defined $secret;
    $secret = $opt{secret} if defined $opt{secret};
    $kid = $opt{kid} if exists $opt{kid};
    my $alg = $opt{alg} || 'HS256';
    my $json = JSON::PP->new->utf8->canonical;
    my %header = (alg => $alg, typ => 'JWT', defined $kid ? (kid => $kid) : (), %{ $opt{header} || {} });
    my $text = join '.', map { KissTest::Httpd::_base64url(ref $_ ? $json->encode($_) : $_) } \%header, $claims;
    my %hmac = (
        HS256 => \&Digest::SHA::hmac_sha256,
        HS384 => \&Digest::SHA::hmac_sha384,
        HS512 => \&Digest::SHA::hmac_sha512
    );
    return "$text." . ($hmac{$alg} ? KissTest::Httpd::_base64url($hmac{$alg}->($text, $secret)) : '');
}

# slurp($file), spew($file, $text, $mode): bytes.
sub slurp {
    my ($file) = @_;
    open my $in, '<:raw', $file or die "$file: $!";
    local $/;
    my $t = <$in>;
    return defined $t ? $t : '';
}
sub spew { my ($file, $text, $mode) = @_; return KissTest::Database::write_file($file, $text, $mode || 0644) }

# tempdir_here(): a directory that children of httpd can reach, removed at the end.
sub tempdir_here {
    my $dir = File::Temp::tempdir('kiss-dir-XXXXXX', DIR => '/tmp', CLEANUP => !$ENV{KISS_TEST_KEEP});
    chmod 0755, $dir;
    return $dir;
}

my $main = $$;

# A test that is told to stop, as one that takes too long is, says where it was, and takes its servers with it: exit runs what follows, the
# signal alone would not.
sub _stop {
    my ($signal) = @_;
    my ($i, @lines) = (0);
    while (my (undef, $file, $line) = caller $i++) { push @lines, $line if $file eq $0 && $line != ($lines[-1] // 0) }
    printf STDERR "# %s was ended by SIG%s after %d s, at line %s\n", $0, $signal, time - $^T, join(', called from line ', @lines) if $$ == $main;
    exit 1;
}
$SIG{$_} = \&_stop for qw(TERM INT HUP);
END {
    if ($$ == $main) {
        my $status = $?;
        KissTest::Httpd::stop_all();
        for my $c (@created) {
            eval { $c->{server}->drop($c->{name}) } if !$ENV{KISS_TEST_KEEP} && $c->{server}->alive;
        }
        %current = ();
        @created = ();
        undef $server;
        $? = $status || ($KissTest::Httpd::failed ? 1 : 0);
    }
}

1;
