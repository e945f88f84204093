# SPDX-License-Identifier: Apache-2.0
package KissTest::Redis;

# A private Redis server: own folder, socket and free port, gone at the end.

use strict;
use warnings;
use File::Path qw(remove_tree);
use File::Temp qw(tempdir);
use POSIX ();
use Time::HiRes qw(sleep time);
use KissTest::Database;
use KissTest::Httpd;

# programs(): the servers that are here, by name. The packages with the tools have the programs, which go by the name that they are
# called with.
sub programs {
    my @path = split /:/, "$ENV{PATH}:/usr/sbin";
    return map {
        my $name = $_;
        my ($program) = grep {-x} map { ("$_/$name-server", "$_/$name-check-rdb") } @path;
        $program ? ($name => $program) : ()
    } qw(redis valkey);
}

# start(@arguments): of redis-server, as in its configuration: 'requirepass' => 'x'. `program` => 'valkey' is the other server.
sub start {
    my ($class, @arguments) = @_;
    my %programs = programs();
    my $name = @arguments && $arguments[0] eq 'program' ? (splice @arguments, 0, 2)[1] : 'redis';
    my $dir = tempdir('kiss-redis-XXXXXX', DIR => '/tmp', CLEANUP => 0);
    chmod 0755, $dir;
    symlink $programs{$name} // die("no $name-server: install $name-tools\n"), "$dir/$name-server";
    my $self = bless { dir => $dir, program => "$dir/$name-server", socket => "$dir/redis.sock", port => KissTest::Httpd::free_port(), owner => $$, arguments => \@arguments }, $class;
    $self->{url} = "redis://127.0.0.1:$self->{port}";
    return $self->resume;
}

# resume(): starts it again; what was counted is gone.
sub resume {
    my ($self) = @_;
    my @more = map { $_ % 2 ? $self->{arguments}[$_] : "--$self->{arguments}[$_]" } 0 .. $#{ $self->{arguments} };
    $self->{pid} = KissTest::Database::spawn("$self->{dir}/log", {}, $self->{program}, '--port', $self->{port}, '--bind', '127.0.0.1',
        '--unixsocket', $self->{socket}, '--unixsocketperm', '777', '--dir', $self->{dir}, '--save', '', '--appendonly', 'no', @more);
    my $end = time + 30;
    until ($self->ask('PING') =~ /PONG|NOAUTH|LOADING/) {
        die "redis-server did not start:\n" . KissTest::Database::_slurp("$self->{dir}/log")
            if waitpid($self->{pid}, POSIX::WNOHANG()) == $self->{pid} || time > $end;
        sleep 0.02;
    }
    return $self;
}

# ask(@command): its answer as redis-cli prints it.
sub ask {
    my ($self, @command) = @_;
    my ($rc, $out, $err) = KissTest::Database::run_command({ timeout => 10, env => $self->{password} ? { REDISCLI_AUTH => $self->{password} } : {} },
        'redis-cli', '-s', $self->{socket}, @command);
    chomp $out;
    return $out . $err;
}

sub stop {
    my ($self, $signal) = @_;
    return unless $self->{pid} && $self->{owner} == $$;
    kill 'CONT', $self->{pid};
    kill $signal // 'KILL', $self->{pid};
    waitpid $self->{pid}, 0;
    delete $self->{pid};
    return;
}

# certificates($dir): ca.crt, and signed by it server.crt for 127.0.0.1 and localhost, other.crt for other.example.com; with their keys.
sub certificates {
    my ($dir) = @_;
    my @ec = qw(openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30);
    for (['ca', '/CN=test CA'], ['server', '/CN=redis', 'DNS:localhost,IP:127.0.0.1'], ['other', '/CN=other', 'DNS:other.example.com']) {
        my ($name, $subject, $alternative) = @$_;
        my ($rc, undef, $err) = KissTest::Database::run_command({}, @ec, '-subj', $subject, '-keyout', "$dir/$name.key", '-out', "$dir/$name.crt",
            $alternative ? ('-addext', "subjectAltName=$alternative", '-addext', 'basicConstraints=critical,CA:FALSE', '-CA', "$dir/ca.crt", '-CAkey', "$dir/ca.key") : ());
        die "openssl: $err" if $rc;
    }
    return;
}

sub freeze { my ($self) = @_; kill 'STOP', $self->{pid}; return }
sub thaw { my ($self) = @_; kill 'CONT', $self->{pid}; return }

sub DESTROY {
    my ($self) = @_;
    local ($?, $!, $@);
    $self->stop;
    remove_tree($self->{dir}) if $self->{owner} == $$ && !$ENV{KISS_TEST_KEEP};
    return;
}

1;
