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

# start(@arguments): of redis-server, as in its configuration: 'requirepass' => 'x'.
sub start {
    my ($class, @arguments) = @_;
    my $dir = tempdir('kiss-redis-XXXXXX', DIR => '/tmp', CLEANUP => 0);
    chmod 0755, $dir;
    # The package with the tools has the server's program, which goes by the name that it is called with.
    my ($program) = grep {-x} map { ("$_/redis-server", "$_/redis-check-rdb") } split /:/, $ENV{PATH};
    symlink $program // die("no redis-server: install redis-tools\n"), "$dir/redis-server";
    my $self = bless { dir => $dir, socket => "$dir/redis.sock", port => KissTest::Httpd::free_port(), owner => $$, arguments => \@arguments }, $class;
    $self->{url} = "redis://127.0.0.1:$self->{port}";
    return $self->resume;
}

# resume(): starts it again; what was counted is gone.
sub resume {
    my ($self) = @_;
    my @more = map { $_ % 2 ? $self->{arguments}[$_] : "--$self->{arguments}[$_]" } 0 .. $#{ $self->{arguments} };
    $self->{pid} = KissTest::Database::spawn("$self->{dir}/log", {}, "$self->{dir}/redis-server", '--port', $self->{port}, '--bind', '127.0.0.1',
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
