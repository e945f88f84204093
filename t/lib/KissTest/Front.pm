# SPDX-License-Identifier: Apache-2.0
package KissTest::Front;

# Several httpd hosts, and what stands in front of them, each with its file of conf/front, in which only what a sysadmin replaces is replaced.
#
#     my $site  = KissTest::Front->new(db => $db);              # certificate, signing keys
#     my @hosts = map { $site->host($_, %option) } 0, 1;        # KissTest::Httpd; $host->{behind}: where the proxy reaches it
#     my $front = $site->front('haproxy');                      # {url}, stop; undef: the program is not there
#
# Programs that Debian has in packages with a service are unpacked by t/cluster/programs.

use strict;
use warnings;
use HTTP::Tiny;
use IO::Socket::INET;
use IO::Socket::SSL;
use POSIX ();
use Time::HiRes qw(sleep time);
use KissTest;
use KissTest::Database;
use KissTest::Httpd;

my $programs = $ENV{KISS_FRONT_PROGRAMS} || top() . '/var/front/programs';

# program($name): the file of a program, or undef. library($name): the same of a library among the unpacked packages.
sub program { my ($name) = @_; return (grep {-x} map {"$_/$name"} "$programs/usr/sbin", "$programs/usr/bin", split(/:/, $ENV{PATH}), '/usr/sbin')[0] }
sub library { my ($name) = @_; return (glob "$programs/usr/lib/*/$name")[0] }

# What each of them is called with; what the file lacks when it is not part of an installed package.
my %KIND = (
    haproxy => { file => 'haproxy.cfg', program => 'haproxy', arguments => sub { ('-db', '-f', $_[0]{file}) } },
    nginx => { file => 'nginx.conf', program => 'nginx', arguments => sub { ('-p', "$_[0]{dir}/", '-e', "$_[0]{dir}/log", '-c', $_[0]{file}) },
        frame => sub { my $d = $_[0]{dir}; ("daemon off;\nworker_processes 2;\npid $d/pid;\nerror_log $d/log;\nevents {}\nhttp {\naccess_log off;\n"
            . join('', map {"${_}_temp_path $d/$_;\n"} qw(client_body proxy fastcgi uwsgi scgi)), "}\n") } },
    varnish => { file => 'varnish.vcl', program => 'varnishd', plain => 1, arguments => sub { my $f = $_[0];
        ('-F', '-n', "$f->{dir}/work", '-j', 'none', '-s', 'malloc,32m', '-f', $f->{file}, '-a', "127.0.0.1:$f->{port}",
            '-p', "vmod_path=$programs/usr/lib/x86_64-linux-gnu/varnish/vmods:/usr/lib/x86_64-linux-gnu/varnish/vmods") } },
    squid => { file => 'squid.conf', program => 'squid', plain => 1, arguments => sub { ('-N', '-f', $_[0]{file}) },
        frame => sub { my $d = $_[0]{dir}; my $usr = -e "$programs/usr/sbin/squid" ? "$programs/usr" : '/usr';
            ("pid_filename $d/pid\ncache_log $d/log\naccess_log none\ncoredump_dir $d\nshutdown_lifetime 0 seconds\npinger_enable off\n"
                . "mime_table $usr/share/squid/mime.conf\nicon_directory $usr/share/squid/icons\nerror_directory $usr/share/squid-langpack/templates\n"
                . "unlinkd_program $usr/lib/squid/unlinkd\nlogfile_daemon $usr/lib/squid/log_file_daemon\n"
                . ($> ? '' : "cache_effective_user nobody\n"), '') } },
    httpd => { file => 'httpd.conf', httpd => [qw(socache_shmcb slotmem_shm ssl proxy proxy_http proxy_balancer proxy_hcheck lbmethod_byrequests headers watchdog)] },
);

# new(db => NAME, kss => NAME of the KSS API's, server => KissTest::Database): one certificate for whatever listens, one set of signing keys.
sub new {
    my ($class, %opt) = @_;
    my $dir = tempdir_here();
    chmod 0777, $dir;
    my $self = bless { server => db_server(), %opt, dir => $dir, ports => [], ca => "$dir/server.crt" }, $class;
    my ($rc, undef, $err) = run({}, qw(openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=localhost),
        '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1', '-addext', 'basicConstraints=critical,CA:FALSE',
        '-keyout', "$dir/server.key", '-out', $self->{ca});
    die "openssl: $err" if $rc;
    spew("$dir/haproxy.pem", slurp($self->{ca}) . slurp("$dir/server.key"));
    spew("$dir/token.keys", 'k1 ' . 'A' x 43 . "\n", 0600);
    return $self;
}

# replaced($text, $port, $address): what a sysadmin replaces; port: where it listens; address: of the database, in place of its socket.
sub replaced {
    my ($self, $text, $port, $address) = @_;
    my $server = $self->{server};
    $address //= "socket=$server->{socket}";
    $text =~ s{/etc/mod_kiss/tls/ca\.crt}{$self->{ca}}g;
    $text =~ s{/etc/mod_kiss/tls}{$self->{dir}}g;
    $text =~ s{/etc/mod_kiss/token\.keys}{$self->{dir}/token.keys}g;
    $text =~ s{/etc/mod_kiss/db\.password}{$server->{dir}/kiss.password}g;
    $text =~ s{/run/haproxy/}{$self->{dir}/}g;
    $text =~ s{^ *(?:user|group) haproxy\n}{}mg;                                                # only a package makes the account
    $text =~ s{^ *log /dev/log local0\n}{ log $self->{dir}/log local0\n}m;
    $text =~ s{^ *(?:ErrorLog|LogLevel) .*\n}{}mg;                                               # those of the test
    $text =~ s{^( *CustomLog) /var/log/apache2/kiss-access\.log (kiss.*)\n}{$1 kiss-access.log $2\n$1 seen.log seen\n}m;
    $text =~ s{host=db\.example\.com}{$address}g;
    $text =~ s{dbname=kss}{dbname=$self->{kss}}g if $self->{kss};
    $text =~ s{dbname=kiss}{dbname=$self->{db}}g;
    $text =~ s{api\.kiss\.example\.com}{localhost}g;
    $text =~ s{https_port 443(.*) tls-cert=\S+ tls-key=\S+}{http_port 127.0.0.1:$port$1}g;     # Debian's squid ends no TLS
    $text =~ s{(Listen|listen|bind) (?:\*?:)?443\b}{$1 127.0.0.1:$port}g;
    $text =~ s{\*:443\b}{127.0.0.1:$port}g;
    for my $i (0, 1) {
        my ($address, $host) = ('192.0.2.1' . ($i + 1), $self->{ports}[$i] // next);
        $text =~ s{\Q$address\E(:| parent )8080}{127.0.0.1$1$host}g;
        $text =~ s{"\Q$address\E";(\s+\.port = )"8080"}{"127.0.0.1";$1"$host"}g;
    }
    return $text;
}

# admin($address): for host(more => ...): the admin endpoints, whose account writes by this address.
sub admin {
    my ($self, $address) = @_;
    return <<"CONF";
KissKeyLimit 1000000
KissDatabase writer $address user=kiss_write dbname=$self->{db} password-file=$self->{server}{dir}/kiss_write.password
<Location "/admin">
    KissAdmin On
    KissAdminDatabase writer
    KissAdminLimit 1000000 10000000
    KissAllowPlainHTTP On
</Location>
CONF
}

# host($i, %option of start_httpd): the i-th host, as conf/front/host.conf has it; {alive}: the file that says that it takes requests. more TEXT: in its virtual host; tls 1: by its lines for TLS; keys FILE: signing keys of its own.
sub host {
    my ($self, $i, %opt) = @_;
    my $port = $self->{ports}[$i] //= KissTest::Httpd::free_port();
    my $alive = "$self->{dir}/alive$i";
    spew($alive, '');
    my $text = slurp(top() . '/conf/front/host.conf');
    $text =~ s{^( *)#(?=KissDatabase kss|</?Location "?/api|</Location>|    (?:SetHandler kiss|KissApi kss)$)}{$1}mg if $self->{kss};
    if ($opt{tls}) {
        $text =~ s{^( *)#(?=SSL)}{$1}mg;
        $text =~ s{^ *KissAllowPlainHTTP On\n}{}m;
        delete $opt{tls};
        push @{ $opt{modules} }, qw(socache_shmcb ssl);
        $opt{config} .= "SSLSessionCache shmcb:run/cache(512000)\n";
    }
    my $keys = delete $opt{keys};
    $text =~ s{/etc/mod_kiss/token\.keys}{$keys}g if $keys;
    $text = $self->replaced($text, $port, $opt{address});
    $text =~ s{^Listen 8080}{Listen 127.0.0.1:$port}m;
    $text =~ s{\*:8080}{127.0.0.1:$port};
    $text =~ s{192\.0\.2\.1\b}{127.0.0.1}g;
    $text =~ s{/etc/mod_kiss/alive}{$alive}g;
    $text =~ s{^(?=</VirtualHost>)}{$opt{more}\n}m if $opt{more};
    my ($config, $modules) = (delete $opt{config} // '', delete $opt{modules} // []);
    delete $opt{more};
    my $h = start_httpd(modules => [qw(alias remoteip log_config authz_host), @$modules], path => '/unused', db => $self->{db}, server => $self->{server},
        %opt, config => "KissLimit 1000000 10000000\nKissLimitAnonymous 1000000 10000000\nKissLoginFailureLimit 1000000\n"
            . "<Directory />\nAllowOverride None\nRequire all denied\n</Directory>\nLogFormat \"%a %{c}a %s %U\" seen\nCustomLog seen.log seen\n$config$text");
    $h->{behind} = "http://127.0.0.1:$port";
    $h->{alive} = $alive;
    return $h;
}

# front($name, head => TEXT, tail => TEXT around the file, edit => sub { of its text }): what stands in front, listening.
sub front {
    my ($self, $name, %opt) = @_;
    my $kind = $KIND{$name};
    my $front = bless { name => $name, port => KissTest::Httpd::free_port(), ca => $self->{ca}, owner => $$, dir => "$self->{dir}/$name" . ++$self->{serial} }, 'KissTest::Front::Running';
    $front->{url} = ($kind->{plain} ? 'http' : 'https') . "://127.0.0.1:$front->{port}";
    my $text = $self->replaced(slurp(top() . "/conf/front/$kind->{file}"), $front->{port});
    $text = $opt{edit}->($text) if $opt{edit};
    if ($kind->{httpd}) {
        $front->{httpd} = start_httpd(kiss => 0, modules => [@{ $kind->{httpd} }, @{ $opt{modules} || [] }],
            config => "SSLSessionCache shmcb:run/cache(512000)\n" . ($opt{head} // '') . $text);
        return $front;
    }
    my $program = program($kind->{program}) // return;
    mkdir $front->{dir};
    chmod 0777, $front->{dir};
    $front->{file} = "$front->{dir}/conf";
    my ($head, $tail) = $kind->{frame} ? $kind->{frame}->($front) : ('', '');
    spew($front->{file}, $head . ($opt{head} // '') . $text . ($opt{tail} // '') . $tail);
    my $libraries = join ':', glob("$programs/usr/lib/*-linux-gnu"), glob("$programs/usr/lib/*-linux-gnu/varnish");
    $front->{pid} = KissTest::Database::spawn("$front->{dir}/err", { LD_LIBRARY_PATH => $libraries }, $program, $kind->{arguments}->($front));
    $front->_listening;
    return $front;
}

package KissTest::Front::Running;

# Waits until somebody listens.
sub _listening {
    my ($self) = @_;
    my $end = Time::HiRes::time() + 60;
    until (IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $self->{port})) {
        my $ended = waitpid($self->{pid}, POSIX::WNOHANG()) == $self->{pid};
        die "$self->{name} does not start:\n" . join '', map { -e $_ ? KissTest::slurp($_) : () } map {"$self->{dir}/$_"} qw(err log)
            if $ended && delete $self->{pid} || Time::HiRes::time() > $end;
        Time::HiRes::sleep(0.05);
    }
    return;
}

# connect(): a connected socket, as KissTest::Httpd has it. client($address): an HTTP::Tiny that comes from there.
sub connect {
    my ($self) = @_;
    my @to = (PeerAddr => '127.0.0.1', PeerPort => $self->{port}, Timeout => 20);
    return ($self->{url} =~ /^https/ ? IO::Socket::SSL->new(@to, SSL_ca_file => $self->{ca}) : IO::Socket::INET->new(@to)) || die "connect: $!";
}
sub client {
    my ($self, $address) = @_;
    return HTTP::Tiny->new(verify_SSL => 1, SSL_options => { SSL_ca_file => $self->{ca} }, timeout => 60, local_address => $address // '127.0.0.2');
}

# log_text(): what it has said.
sub log_text { my ($self) = @_; return join '', map { -e $_ ? KissTest::slurp($_) : () } map {"$self->{dir}/$_"} qw(err log) }

sub stop {
    my ($self) = @_;
    return $self->{httpd}->stop if $self->{httpd};
    return if !$self->{pid} || $self->{owner} != $$;
    local ($?, $!, $@);
    kill 'TERM', $self->{pid};
    my $end = Time::HiRes::time() + 10;
    while (waitpid($self->{pid}, POSIX::WNOHANG()) == 0) {
        kill 'KILL', $self->{pid} if Time::HiRes::time() > $end;
        Time::HiRes::sleep(0.02);
    }
    delete $self->{pid};
    return;
}

sub DESTROY { my ($self) = @_; $self->stop if !$self->{httpd}; return }

1;
