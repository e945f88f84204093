# SPDX-License-Identifier: Apache-2.0
package KissTest::Cluster;

# Three nodes of a Galera cluster, each a KissTest::Database with its own folder, socket and ports on 127.0.0.1.
#
# What root starts runs as nobody: a state transfer's rsync takes that user by itself. The nodes begin with the same data and know it,
# so that a join is an incremental state transfer. The programs that Debian has in packages with a service are unpacked by
# t/cluster/programs; KISS_CLUSTER_PROGRAMS names another folder with them.

use strict;
use warnings;
use IO::Socket::INET;
use Time::HiRes qw(sleep time);
use KissTest::Database;
use KissTest::Httpd;

my $programs = $ENV{KISS_CLUSTER_PROGRAMS} || "$KissTest::Database::top/var/cluster/programs";

# programs(): the folder of the unpacked packages, or undef where they are not.
sub programs { return -e "$programs/usr/bin/wsrep_sst_rsync" ? $programs : undef }

# program($name): a program of an unpacked package.
sub program { my ($name) = @_; return (grep {-x} map {"$programs/usr/$_/$name"} qw(bin sbin))[0] // $name }

# start($n, args => [more mariadbd arguments], provider => 'more;of=wsrep_provider_options'): a cluster of n nodes.
#
# island => 1: the first node has a network of its own, with a bridge to the others that part() takes away, so that each packet is lost, and
# rejoin() brings back. Its socket is where it is; a client that wants a port of it needs a KissTest::Proxy. Where can_part() says so.
sub start {
    my ($class, $n, %opt) = @_;
    my $self = bless { opt => \%opt, nodes => [], owner => $$ }, $class;
    $self->_island if $opt{island};
    # A node starts the scripts of its state transfer by name.
    $ENV{PATH} = "$programs/usr/bin:$programs/usr/sbin:$ENV{PATH}:/usr/sbin";
    $ENV{LD_LIBRARY_PATH} = "$programs/usr/lib/x86_64-linux-gnu";
    my %taken;
    my $port = sub { my $p; do { $p = _port() } while $taken{$p}++; $p };
    $self->{ports} = [map { { sql => $port->(), group => $port->(), ist => $port->(), sst => $port->() } } 1 .. $n];
    # A server that has been a cluster of its own, and was stopped: its data know their place in the history of writes.
    my $seed = KissTest::Database->start(user => 'nobody', with => $self->_with(0), args => [$self->_arguments(0), '--wsrep-new-cluster']);
    $seed->stop;
    for my $i (0 .. $n - 1) {
        my $node = KissTest::Database->start(from => $seed->{dir}, user => 'nobody', with => $self->_with($i), args => [$self->_arguments($i), $i ? () : '--wsrep-new-cluster']);
        $node->{port} = $self->{ports}[$i]{sql};
        # A node that is started again joins.
        $node->{args} = [grep { $_ ne '--wsrep-new-cluster' } @{ $node->{args} }];
        push @{ $self->{nodes} }, $node;
        $self->wait_ready($i);
    }
    return $self;
}

# A free port below those that the system gives to connections, where that leaves any: a node that is started again finds its own free.
sub _port {
    my ($least) = KissTest::Database::_slurp('/proc/sys/net/ipv4/ip_local_port_range') =~ /(\d+)/;
    for (1 .. 100) {
        my $p = 20_000 + int rand 10_000;
        return $p if ($least // 0) > 30_000 && IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => $p, Listen => 1, ReuseAddr => 1);
    }
    return KissTest::Httpd::free_port();
}

sub nodes { my ($self) = @_; return @{ $self->{nodes} } }
sub node { my ($self, $i) = @_; return $self->{nodes}[$i] }

# can_part(): whether this process may make networks.
sub can_part { return _ip('netns', 'add', "kisscan$$") && _ip('netns', 'del', "kisscan$$") }

sub _ip { return system("ip @_ >/dev/null 2>&1") == 0 }

# The first node's network is a namespace, whose one end of a pair is a port of a bridge: without it what is sent gets nowhere.
sub _island {
    my ($self) = @_;
    my ($name, $net) = ("kiss$$", '10.213.' . $$ % 256);
    my @steps = (
        "netns add $name", "link add $name type bridge", "addr add $net.1/24 dev $name", "link set $name up",
        "link add ${name}o type veth peer name ${name}i netns $name", "link set ${name}o master $name", "link set ${name}o up",
        "-n $name addr add $net.2/24 dev ${name}i", "-n $name link set ${name}i up", "-n $name link set lo up"
    );
    $self->{island} = { name => $name, address => ["$net.2", ("$net.1") x 9] };
    _ip($_) or die "ip $_: it fails\n" for @steps;
    return;
}

sub part { my ($self) = @_; return _ip("link set $self->{island}{name}o nomaster") || die 'part' }
sub rejoin { my ($self) = @_; return _ip("link set $self->{island}{name}o master $self->{island}{name}") || die 'rejoin' }

# Where a node's programs run, and the address that it has for the others.
sub _with { my ($self, $i) = @_; return $self->{island} && $i == 0 ? ['nsenter', "--net=/run/netns/$self->{island}{name}"] : [] }
sub _address { my ($self, $i) = @_; return $self->{island} ? $self->{island}{address}[$i] : '127.0.0.1' }

# The arguments of a node.
sub _arguments {
    my ($self, $i) = @_;
    my ($mine, @all) = ($self->{ports}[$i], @{ $self->{ports} });
    my $address = $self->_address($i);
    my $provider = join ';', "gmcast.listen_addr=tcp://$address:$mine->{group}", "ist.recv_addr=$address:$mine->{ist}",
        "base_host=$address", "base_port=$mine->{group}", 'gcache.size=64M', $self->{opt}{provider} // ();
    return ('--wsrep-on=ON', '--wsrep-provider=' . (-e "$programs/usr/lib/galera/libgalera_smm.so" ? $programs : '') . '/usr/lib/galera/libgalera_smm.so',
        '--wsrep-cluster-name=kiss-test', '--wsrep-cluster-address=gcomm://' . join(',', map { $self->_address($_) . ":$all[$_]{group}" } 0 .. $#all),
        "--wsrep-node-name=node" . ($i + 1), "--wsrep-node-address=$address", "--wsrep-provider-options=$provider",
        '--wsrep-sst-method=rsync', "--wsrep-sst-receive-address=$address:$mine->{sst}", '--wsrep-slave-threads=4',
        '--binlog-format=ROW', '--innodb-autoinc-lock-mode=2', '--skip-networking=0', '--bind-address=127.0.0.1', "--port=$mine->{sql}",
        '--innodb-buffer-pool-size=128M', '--innodb-log-file-size=48M', @{ $self->{opt}{args} || [] });
}

# status($i, $name): a status variable of a node, or undef while it does not answer.
sub status {
    my ($self, $i, $name) = @_;
    my ($row) = eval { $self->{nodes}[$i]->sql(undef, "SHOW STATUS LIKE '$name'") };
    return $row && $row->[1];
}

# wait_ready($i): until the node answers as a member.
sub wait_ready {
    my ($self, $i) = @_;
    my $end = time + 90;
    until ((($self->status($i, 'wsrep_ready')) // '') eq 'ON') {
        die 'node ' . ($i + 1) . " does not join:\n" . (KissTest::Database::_slurp("$self->{nodes}[$i]{dir}/mariadbd.log") =~ /((?:.*\n){1,5})\z/)[0] if time > $end;
        sleep 0.05;
    }
    return;
}

sub DESTROY {
    my ($self) = @_;
    local ($?, $!, $@);
    # The last one first: the others need not elect.
    $_->stop('KILL') for reverse @{ $self->{nodes} };
    if ($self->{island} && $self->{owner} == $$) {
        my $name = $self->{island}{name};
        _ip($_) for "netns del $name", "link del ${name}o", "link del $name";
    }
    return;
}

1;
