# SPDX-License-Identifier: Apache-2.0
package KissTest::Proxy;

# A way from a port of 127.0.0.1 to a database's socket, or to another port. It can be lost as a firewall loses it: nothing that was connected
# before gets anything any more, neither data nor an end, while new connections work. Or it can be cut: what was connected has ended.
#
#     my $way = KissTest::Proxy->start($server->{socket});    # $way->{port}
#     $way->lose;
#     $way->cut;
#
# Or it is slow: of what the server sends, so many bytes come at a time, each after a pause.
#
#     my $way = KissTest::Proxy->start($server->{socket}, piece => 2048, pause => 0.01);
#
# Or it becomes slow, and quick again: the pauses begin and end with each $way->turn.
#
#     my $way = KissTest::Proxy->start($server->{socket}, later => 0.7);

use strict;
use warnings;
use IO::Select;
use IO::Socket::INET;
use IO::Socket::UNIX;
use POSIX ();
use Time::HiRes qw(sleep);

# start($socket or port, %option): in a process of its own, which ends with the object.
sub start {
    my ($class, $socket, %opt) = @_;
    my $listen = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => 0, Listen => 64, ReuseAddr => 1) or die "listen: $!";
    pipe my $said, my $say or die "pipe: $!";
    my $pid = fork;
    die "fork: $!" unless defined $pid;
    if (!$pid) {
        close $said;
        _serve($listen, $socket, $say, %opt);
        POSIX::_exit(0);
    }
    close $say;
    return bless { port => $listen->sockport, pid => $pid, owner => $$, said => $said }, $class;
}

sub _serve {
    my ($listen, $socket, $say, %opt) = @_;
    my ($lost, $cut, $turned, %peer) = (0, 0, 0);
    my ($pause, $other) = ($opt{pause} || 0, $opt{later} || 0);
    local $SIG{USR1} = sub { $lost = 1 };
    local $SIG{HUP} = sub { $turned = 1 };
    local $SIG{USR2} = sub { $cut = 1 };
    local $SIG{PIPE} = 'IGNORE';
    my $parent = getppid;
    my $select = IO::Select->new($listen);
    while (getppid == $parent) {
        my @ready = $select->can_read(0.2);
        if ($turned) {
            ($pause, $other, $turned) = ($other, $pause, 0);
            syswrite $say, "\n";
        }
        if ($lost || $cut) {
            my @all = grep { $_ != $listen } $select->handles;
            # Lost ones are kept open, and never looked at again.
            $select->remove($_) for @all;
            if ($cut) { close $_ for @all }
            $lost = $cut = 0;
            syswrite $say, "\n";
            next;
        }
        for my $from (@ready) {
            if ($from == $listen) {
                my $client = $listen->accept or next;
                my $server = $socket =~ /\A[0-9]+\z/ ? IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $socket) : IO::Socket::UNIX->new(Peer => $socket);
                if (!$server) { close $client; next }
                @peer{ $client, $server } = ($server, $client);
                $select->add($client, $server);
                next;
            }
            my $to = $peer{$from};
            my $data = '';
            my $n = $to ? sysread $from, $data, $opt{piece} || 65536 : 0;
            if (!$n) {
                $select->remove(grep {defined} $from, $to);
                delete @peer{ grep {defined} $from, $to };
                close $_ for grep {defined} $from, $to;
                next;
            }
            sleep $pause if $pause && $from->isa('IO::Socket::UNIX');
            syswrite $to, $data;
        }
    }
    return;
}

# lose(), cut(): return when all that was connected is lost, or has ended. turn(): when it is slow, or not any more.
sub lose { my ($self) = @_; return $self->_tell('USR1') }
sub cut { my ($self) = @_; return $self->_tell('USR2') }
sub turn { my ($self) = @_; return $self->_tell('HUP') }
sub _tell {
    my ($self, $signal) = @_;
    kill $signal, $self->{pid};
    sysread $self->{said}, my $line, 1;
    return;
}

sub DESTROY {
    my ($self) = @_;
    return if $self->{owner} != $$;
    local ($?, $!, $@);
    kill 'KILL', $self->{pid};
    waitpid $self->{pid}, 0;
    return;
}

1;
