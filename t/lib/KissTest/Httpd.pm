# SPDX-License-Identifier: Apache-2.0
package KissTest::Httpd;

# A private httpd: own ServerRoot, free port on 127.0.0.1, the smallest configuration that serves the API.
# It is stopped when the object goes, and the test fails if one of its processes was ended by a signal.

use strict;
use warnings;
use File::Path qw(make_path remove_tree);
use File::Temp qw(tempdir);
use HTTP::Tiny;
use IO::Socket::INET;
use JSON::PP ();
use MIME::Base64 ();
use POSIX ();
use Scalar::Util qw(weaken);
use Test::More ();
use Time::HiRes qw(sleep time);
use KissTest::Database;
use KissTest::OpenAPI ();

our $failed = 0;    # a verdict of the END block
my %running;

# What apxs says of the httpd under test.
my %apxs;
sub apxs {
    my ($what) = @_;
    return $apxs{$what} ||= do {
        my ($program) = grep {-x} map { ("$_/apxs", "$_/apxs2") } split /:/, "$ENV{PATH}:/usr/bin:/usr/sbin";
        my ($rc, $out) = KissTest::Database::run_command({}, $ENV{APXS} || $program || 'apxs', '-q', $what);
        die "apxs -q $what failed: apache2-dev is missing?\n" if $rc;
        $out =~ s/\s+\z//r;
    };
}

sub program { return $ENV{KISS_TEST_HTTPD} || apxs('SBINDIR') . '/' . apxs('PROGNAME') }

my $builtin;
# A LoadModule line, or '' where the module is part of the program.
sub load_module {
    my ($name) = @_;
    $builtin ||= (KissTest::Database::run_command({}, program(), '-l'))[1];
    return '' if $builtin =~ /\bmod_\Q$name\E\.c\b/;
    return sprintf qq(LoadModule %s_module "%s/mod_%s.so"\n), $name, apxs('LIBEXECDIR'), $name;
}

sub free_port {
    my $s = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => 0, Listen => 1, ReuseAddr => 1)
        or die "no free port: $!";
    return $s->sockport;
}

# new(%option): writes the configuration and starts. KissTest::start_httpd documents the options.
sub new {
    my ($class, %opt) = @_;
    my $self = $class->prepare(%opt);
    for my $try (1 .. 3) {
        $self->_configure;
        return $self if $self->start;
        # Somebody may have taken the port between our look and httpd's bind.
        last if $opt{port} || $self->_log !~ /AH00072/;
        KissTest::Database::write_file($self->{error_log}, '', 0644);
    }
    die "httpd did not start:\n" . $self->_log;
}

# prepare(%option): the directory, keys and certificate, nothing started yet.
sub prepare {
    my ($class, %opt) = @_;
    my $root = tempdir('kiss-httpd-XXXXXX', DIR => '/tmp', CLEANUP => 0);
    chmod 0755, $root;
    make_path("$root/run", "$root/htdocs");
    my $self = bless {
        %opt,
        root => $root,
        conf => "$root/httpd.conf",
        error_log => "$root/error_log",
        owner => $$,
        checked => 0,
        allowed => []
    }, $class;
    KissTest::Database::write_file($self->{error_log}, '', 0644);
    $self->{token_keys} ||= do {
        KissTest::Database::write_file("$root/token.keys",
            'test ' . _base64url(KissTest::Database::_random(32)) . "\n", 0600);
        "$root/token.keys";
    };
    $self->_certificate if $self->{tls};
    return $self;
}

sub _base64url { my ($bytes) = @_; my $t = MIME::Base64::encode_base64($bytes, ''); $t =~ tr{+/=}{-_}d; return $t }

# A certificate for localhost that is its own authority.
sub _certificate {
    my ($self) = @_;
    $self->{ca} = "$self->{root}/server.crt";
    my ($rc, $out, $err) = KissTest::Database::run_command(
        {}, qw(openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=localhost),
        '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1',
        '-addext', 'basicConstraints=critical,CA:FALSE',
        '-keyout', "$self->{root}/server.key", '-out', $self->{ca}
    );
    die "openssl: $err" if $rc;
    return;
}

sub _configure {
    my ($self) = @_;
    $self->{port} = $self->{fixed_port} || free_port();
    $self->{url} = ($self->{tls} ? 'https' : 'http') . "://127.0.0.1:$self->{port}";
    KissTest::Database::write_file($self->{conf}, $self->conf_text, 0644);
    return;
}

# conf_text(): the configuration, also for KissTest::configtest.
sub conf_text {
    my ($self) = @_;
    my $c = <<"CONF" . load_module("mpm_$self->{mpm}") . load_module('unixd') . load_module('authz_core');
ServerRoot "$self->{root}"
DocumentRoot "$self->{root}/htdocs"
DefaultRuntimeDir run
PidFile httpd.pid
ServerName localhost
Listen 127.0.0.1:$self->{port}
ErrorLog error_log
CONF
    $c .= 'LogLevel ' . ($self->{log_level} || 'info') . "\n";
    $c .= load_module($_) for $self->{tls} ? qw(socache_shmcb ssl) : (), @{ $self->{modules} || [] };
    $c .= "User www-data\nGroup www-data\n" if $> == 0;
    $c .= $self->_mpm_text;
    $c .= <<"CONF" if $self->{tls};
SSLSessionCache shmcb:run/ssl_scache(512000)
SSLEngine On
SSLCertificateFile server.crt
SSLCertificateKeyFile server.key
CONF
    $c .= $self->kiss_text if $self->{kiss};
    return $c . ($self->{config} || '') . "\n";
}

# As many processes as asked for, neither more nor less; prefork gets as many as the others have threads.
sub _mpm_text {
    my ($self) = @_;
    my $p = $self->{processes} || 2;
    my $t = $self->{threads} || 8;
    my $all = $p * $t;
    return "ServerLimit $all\nStartServers $p\nMinSpareServers 1\nMaxSpareServers $all\nMaxRequestWorkers $all\n"
        if $self->{mpm} eq 'prefork';
    return "ServerLimit $p\nStartServers $p\nThreadsPerChild $t\nThreadLimit $t\nMinSpareThreads 1\n"
        . "MaxSpareThreads $all\nMaxRequestWorkers $all\n";
}

# The part of the configuration that is ours.
sub kiss_text {
    my ($self) = @_;
    my $db = $self->{db_server};
    my $c = qq(LoadModule kiss_module "$self->{module}"\nKissCacheDir "$self->{root}/cache"\n);
    my $api = $self->{api} || 'customer';
    my $address = $self->{address} // "socket=$db->{socket}";
    $c .= "KissDatabase $api $address user=kiss dbname=$self->{db} "
        . "password-file=$db->{dir}/kiss.password $self->{pool}\n"
        if defined $self->{db};
    my @lines = ('SetHandler kiss', "KissApi $api", $api eq 'kss' ? () : qq(KissTokenKeys "$self->{token_keys}"));
    push @lines, 'KissAllowPlainHTTP On' unless $self->{tls};
    push @lines, split /\n/, "$self->{limits}\n$self->{location}";
    $c .= qq(<Location "$self->{path}">\n) . join('', map { "    $_\n" } @lines) . "</Location>\n";
    return defined $self->{admin} ? $c . $self->_admin_text($address) : $c;
}

# Where admin clients write.
sub _admin_text {
    my ($self, $address) = @_;
    my $path = $self->{path} =~ s{/\z}{}r . '/admin';
    my @lines = ('KissAdmin On', 'KissAdminDatabase writer', 'KissAdminLimit 1000000 10000000', $self->{tls} ? () : 'KissAllowPlainHTTP On');
    return "KissDatabase writer $address user=kiss_write dbname=$self->{db} password-file=$self->{db_server}{dir}/kiss_write.password @{[$self->{admin_pool} // '']}\n"
        . qq(<Location "$path">\n) . join('', map {"    $_\n"} @lines, split /\n/, $self->{admin}) . "</Location>\n";
}

sub _environment {
    my ($self) = @_;
    my %env = %{ $self->{env} || {} };
    $env{LD_PRELOAD} = $ENV{KISS_TEST_PRELOAD} if $ENV{KISS_TEST_PRELOAD};
    return %env;
}

# start(): true when it listens; false when it ended before that (see error_log).
sub start {
    my ($self) = @_;
    my $before = $self->_count;
    $self->{pid} = KissTest::Database::spawn("$self->{root}/stderr", { HOME => undef, MYSQL_HOME => undef, $self->_environment },
        @{ $self->{wrapper} || [] },
        split(' ', $ENV{KISS_TEST_WRAPPER} || ''),
        program(), '-d', $self->{root}, '-f', $self->{conf}, '-DFOREGROUND');
    $running{$self} = $self;
    weaken($running{$self});
    return $self->_wait_for('start', 60, sub { $self->_count > $before });
}

# Waits for a condition; false if httpd ends before it is true.
sub _wait_for {
    my ($self, $what, $seconds, $condition) = @_;
    my $end = time + $seconds;
    until ($condition->()) {
        if (waitpid($self->{pid}, POSIX::WNOHANG()) == $self->{pid}) {
            $self->_ended($?);
            return 0;
        }
        if (time > $end) {
            $self->stop;
            die "httpd: no $what within $seconds s\n" . $self->_log;
        }
        sleep 0.02;
    }
    return 1;
}

sub _ended {
    my ($self, $status) = @_;
    my $signal = $status & 127;
    $self->{died} = $signal if $signal && !$self->{killed};
    delete $self->{pid};
    delete $running{$self};
    return;
}

sub _count { my ($self) = @_; return scalar(() = $self->_log =~ /resuming normal operations/g) }

# graceful(): USR1, as `apachectl graceful`. Returns when the new configuration serves.
sub graceful { my ($self) = @_; return $self->_signal('USR1', 'graceful restart') }

# restart(): HUP.
sub restart { my ($self) = @_; return $self->_signal('HUP', 'restart') }

sub _signal {
    my ($self, $signal, $what) = @_;
    my $before = $self->_count;
    $self->_settle if $signal eq 'HUP';
    kill $signal, $self->{pid};
    return $self->_wait_for($what, 60, sub { $self->_count > $before });
}

# checked(): waits until the databases were checked after the last start or reload; false if they are not.
sub checked {
    my ($self) = @_;
    for (1 .. 1500) {
        return 1 if $self->last_start =~ /KISS0250/;
        sleep 0.02;
    }
    return 0;
}

# last_start(): what was logged since the last start or reload. Children may be quicker than the parent says that it goes on.
sub last_start { my ($self) = @_; return ($self->_log =~ /.*KISS0104(.*)/s)[0] // '' }

# rewrite(%option): changes options (as in start_httpd) in the configuration file; graceful() makes them true.
sub rewrite {
    my ($self, %opt) = @_;
    @$self{ keys %opt } = values %opt;
    KissTest::Database::write_file($self->{conf}, $self->conf_text, 0644);
    return $self;
}

# Waits until httpd has closed the connections that nobody holds any more, for half a second at most. Where TERM or HUP meets one
# that is just being closed, the event MPM's main thread and its worker free it both, about once in a hundred times (2.4.71:
# a core shows no frame of the module); systemd stops httpd gracefully, which does not take that way.
sub _settle {
    my ($self) = @_;
    my $end = time + 0.5;
    my $here = sprintf ':%04X', $self->{port} || 0;
    while (time < $end) {
        my @open = grep { my @f = split ' '; $f[1] =~ /\Q$here\E\z/ && $f[3] =~ /\A0[1458B]\z/i }
            split /\n/, KissTest::Database::_slurp('/proc/net/tcp');
        return if !@open;
        sleep 0.005;
    }
    return;
}

# stop(): TERM, and waits. KILL after 20 s, which fails the test.
sub stop {
    my ($self) = @_;
    return unless $self->{pid} && $self->{owner} == $$;
    $self->_settle;
    my $end = time + 20;
    kill 'TERM', $self->{pid};
    while (waitpid($self->{pid}, POSIX::WNOHANG()) == 0) {
        if (time > $end) {
            kill 'KILL', -$self->{pid};
            waitpid $self->{pid}, 0;
            $self->_ended(0);
            $self->{hung} = 1;
            return;
        }
        sleep 0.02;
    }
    $self->_ended($?);
    return;
}

# graceful_stop(): WINCH, as `apachectl graceful-stop`: what is under way is finished; returns when it is.
sub graceful_stop {
    my ($self) = @_;
    kill 'WINCH', $self->{pid};
    my $end = time + 60;
    while (waitpid($self->{pid}, POSIX::WNOHANG()) == 0) {
        die "httpd: no graceful stop within 60 s\n" . $self->_log if time > $end;
        sleep 0.02;
    }
    $self->_ended($?);
    return;
}

# kill_all(): its processes are killed, as when the host loses its power. freeze(), thaw(): they stand still, and go on.
sub kill_all {
    my ($self) = @_;
    $self->{killed} = 1;
    kill 'KILL', $self->{pid}, $self->children;
    waitpid $self->{pid}, 0;
    $self->_ended($?);
    return;
}
sub freeze { my ($self) = @_; kill 'STOP', $self->{pid}, $self->children; return }
sub thaw { my ($self) = @_; kill 'CONT', $self->children, $self->{pid}; return }

# children(): process ids of the serving processes.
sub children {
    my ($self) = @_;
    return split ' ', KissTest::Database::_slurp("/proc/$self->{pid}/task/$self->{pid}/children");
}

# ---- requests

sub _client {
    my ($self) = @_;
    return HTTP::Tiny->new(
        keep_alive => 0,
        timeout => 60,
        max_redirect => 0,
        agent => 'kiss-test',
        verify_SSL => 1,
        $self->{tls} ? (SSL_options => { SSL_ca_file => $self->{ca} }) : ()
    );
}

# get($path, %headers): HTTP::Tiny's answer: status, headers (lower-case names), content (bytes).
sub get { my ($self, $path, %headers) = @_; return $self->request('GET', $path, %headers) }

# post($path, $body, %headers): a hash as body is sent as a form.
sub post {
    my ($self, $path, $body, %headers) = @_;
    if (ref $body) {
        $headers{'Content-Type'} ||= 'application/x-www-form-urlencoded';
        $body = $self->_client->www_form_urlencode($body);
    }
    return $self->request('POST', $path, %headers, content => $body);
}

# request($method, $path, %headers, content => $body). Dies when the answer is not what the OpenAPI document says.
sub request {
    my ($self, $method, $path, %headers) = @_;
    my $body = delete $headers{content};
    my $res = $self->_client->request(
        $method,
        $self->{url} . $path,
        { headers => \%headers, defined $body ? (content => $body) : () }
    );
    KissTest::OpenAPI::check($self, $method, $path, $res, $headers{'x-api-key'});
    return $res;
}

# token($client, $secret): an access token; dies with the answer if there is none.
sub token {
    my ($self, $client, $secret) = @_;
    my $res = $self->post('/auth/token',
        { grant_type => 'client_credentials', client_id => $client, client_secret => $secret });
    die "no token for $client: $res->{status} $res->{content}\n" if $res->{status} != 200;
    return $self->json($res)->{access_token};
}

# json($res): its decoded body; dies if it is not JSON.
sub json { my ($self, $res) = @_; return JSON::PP->new->utf8->decode($res->{content}) }

# connect(): a connected socket (TLS if the server has it), for what HTTP::Tiny does not do.
sub connect {
    my ($self) = @_;
    my $s;
    if ($self->{tls}) {
        require IO::Socket::SSL;
        $s = IO::Socket::SSL->new(
            PeerAddr => '127.0.0.1',
            PeerPort => $self->{port},
            SSL_ca_file => $self->{ca},
            Timeout => 20
        );
    }
    else {
        $s = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $self->{port}, Timeout => 20);
    }
    return $s || die "connect: $!";
}

# raw($bytes, $seconds): sends them and returns all that comes until the server closes, or for so long (10 s).
sub raw {
    my ($self, $bytes, $seconds) = @_;
    my $s = $self->connect;
    my $got = '';
    local $SIG{PIPE} = 'IGNORE';
    local $SIG{ALRM} = sub { die "late\n" };
    eval {
        Time::HiRes::alarm($seconds || 10);
        $s->print($bytes);
        $s->flush;
        1 while $s->sysread($got, 65536, length $got);
        Time::HiRes::alarm(0);
    };
    Time::HiRes::alarm(0);
    die $@ if $@ && $@ ne "late\n";
    return $got;
}

# ---- the log

sub _log {
    my ($self) = @_;
    return KissTest::Database::_slurp($self->{error_log}) . KissTest::Database::_slurp("$self->{root}/stderr");
}

# log_text(): all that was logged so far.
sub log_text { my ($self) = @_; return KissTest::Database::_slurp($self->{error_log}) }

# What httpd says of the machine and not of what is tested: mod_ssl was built with a newer OpenSSL than is installed.
my @of_the_machine = (qr/AH01882:/);

# Lines that nobody wants to see: warn and above, processes ended by a signal, sanitizer reports.
sub _bad_lines {
    my ($self, $text) = @_;
    return grep {
        my $l = $_;
        !grep { $l =~ $_ } @of_the_machine, @{ $self->{allowed} }
        }
        grep {
               /^\[[^\]]*\] \[[^\]]*:(?:warn|error|crit|alert|emerg)\]/
            || /AH0005[012]: child|exit signal|(?:Address|Leak|Thread|Memory)Sanitizer|runtime error:/
        } split /\n/, $text;
}

# log_ok(@allowed): a test: nothing bad was logged since the last call, except lines that match a pattern given here or
# before.
sub log_ok {
    my ($self, @allowed) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    push @{ $self->{allowed} }, @allowed;
    my $text = $self->log_text;
    my @bad = $self->_bad_lines(substr($text, $self->{checked}) . KissTest::Database::_slurp("$self->{root}/stderr"));
    $self->{checked} = length $text;
    Test::More::ok(!@bad, 'error log is clean')
        or Test::More::diag(map {"  $_\n"} @bad[0 .. ($#bad > 19 ? 19 : $#bad)]);
    return !@bad;
}

# The reasons why the test must fail whatever it asserted.
sub _verdict {
    my ($self) = @_;
    my @why;
    push @why, "httpd was ended by signal $self->{died}" if $self->{died};
    push @why, 'httpd did not stop within 20 s' if $self->{hung};
    push @why, grep {/exit signal|Sanitizer|runtime error:/} $self->_bad_lines($self->_log);
    return @why;
}

sub DESTROY {
    my ($self) = @_;
    return if $self->{owner} != $$ || $self->{gone}++;
    local ($?, $!, $@);
    delete $running{$self};
    $self->stop;
    if (my @why = $self->_verdict) {
        $failed = 1;
        Test::More::diag("httpd on port $self->{port}: $_") for @why;
    }
    if ($ENV{KISS_TEST_KEEP}) {
        Test::More::diag("kept: $self->{root}");
    }
    else {
        remove_tree($self->{root});
    }
    return;
}

# stop_all(): for KissTest's END.
sub stop_all { $_ && $_->DESTROY for values %running; return }

1;
