# SPDX-License-Identifier: Apache-2.0
package KissBench::Hosts;

# Several hosts for t/bench/soak: HAProxy, two httpd as conf/front has them, three Galera nodes, Redis; their signing keys, which are exchanged
# as doc/several-hosts.md says; and what is killed, or hangs, all the time. One httpd and one node are spared as a whole: their
# figures tell whether something grows.

use strict;
use warnings;
use JSON::PP ();
use KissBench::Failures;
use KissBench::World qw(clock);
use KissTest;
use KissTest::Cluster;
use KissTest::Front;
use KissTest::Redis;
use KissTest::Load qw(connections);

# What each is called, as in doc/several-hosts.md.
my @HOST = qw(one two);
my @NODE = qw(db1 db2 db3);

# new(): nodes and Redis. {server}: the node that is never killed, where databases are made.
sub new {
    my ($class) = @_;
    die "t/cluster/programs has not been run\n" if !KissTest::Cluster::programs() || !KissTest::Front::program('haproxy');
    my $self = bless { cluster => KissTest::Cluster->start(3), redis => KissTest::Redis->start, keys => tempdir_here(), later => [], done => {}, events => [], reloads => [], turn => 0 }, $class;
    $self->{nodes} = [$self->{cluster}->nodes];
    $self->{server} = $self->{nodes}[2];
    return $self;
}

# serve(db => NAME, kss => NAME, pool => TEXT of each KissDatabase, more options of start_httpd): both hosts, and HAProxy: {hosts}, {front}.
sub serve {
    my ($self, %opt) = @_;
    my ($db, $kss, $config, $pool) = delete @opt{qw(db kss config pool)};
    my $site = KissTest::Front->new(db => $db, kss => $kss, server => $self->{server});
    my @file = map {"$self->{keys}/token.keys.$_"} 0, 1;
    $self->{file} = \@file;
    kissctl_ok('--token-keys', $file[0], 'token-key', 'rotate');
    $self->_bring_keys;
    $self->{hosts} = [map {
        my $address = 'host=' . join(',', map {"127.0.0.1:$_->{port}"} @{ $self->{nodes} }[$_, 1 - $_, 2]) . " $pool";
        $site->host($_, address => $address, keys => $file[$_], undocumented => 1, %opt, config => LOG_FORMAT . "ServerLimit " . 2 * $opt{processes} . "\nKissLimitStore $self->{redis}{url} timeout=1s\n$config", more => $site->admin($address))
    } 0, 1];
    # What is killed, and what notices it, says so. Not that there is no room for a new generation of processes (AH03490).
    push @{ $_->{allowed} }, qr/AH0005[02]|AH00098|AH00513|AH00507|AH01630|KISS020[12]|KISS0253|KISS0760|KISS0763|KISS0775|KISS0810/ for @{ $self->{hosts} };
    $self->{site} = $site;
    $self->{front} = $site->front('haproxy', edit => \&with_log);
    return $self;
}

# kissctl_at($i, $db): the options of kissctl at that node.
sub kissctl_at {
    my ($self, $i, $db) = @_;
    my $file = "$self->{nodes}[$i]{dir}/$db.$$.cnf";
    spew($file, slurp($self->{server}->defaults($db)) =~ s/\Q$self->{server}{socket}\E/$self->{nodes}[$i]{socket}/gr, 0600);
    return { defaults => $file, timeout => 120 };
}

# ---- signing keys, in three steps, each at all hosts before the next one

sub _key { my ($self, $i, @words) = @_; return kissctl_ok('--token-keys', $self->{file}[$i], 'token-key', @words) }
sub _bring_keys {
    my ($self) = @_;
    my $kissctl = build_dir() . '/support/kissctl --token-keys';
    my ($rc, $out, $err) = run('bash', '-o', 'pipefail', '-c', "umask 077; $kissctl $self->{file}[0] token-key export | $kissctl $self->{file}[1] token-key import");
    die "token-key import: $out$err" if $rc;
    return;
}
# reload(): one after the other, some seconds apart, as doc/several-hosts.md says.
sub reload {
    my ($self) = @_;
    for my $i (0, 1) {
        sleep 3 if $i;
        push @{ $self->{reloads} }, [clock(), "$HOST[$i] reloaded"];
        $self->{hosts}[$i]->graceful if $self->{hosts}[$i]{pid};
    }
    return;
}

# next_key_step(): the next one, but not while a host cannot be reloaded; those that signed before the last exchange go first. True when a new key signs.
sub next_key_step {
    my ($self) = @_;
    return 0 if $self->{hung};
    if (my $kid = delete $self->{prepared}) {
        $self->_key($_, 'rotate', $kid) for 0, 1;
        $self->reload;
        return 1;
    }
    for my $i (0, 1) {
        my (undef, @old) = map { $_->{KID} } @{ JSON::PP->new->decode($self->_key($i, 'list', '--json')) };
        $self->_key($i, 'retire', $_) for @old;
    }
    chomp($self->{prepared} = $self->_key(0, 'rotate', '--prepare'));
    $self->_bring_keys;
    $self->reload;
    return 0;
}

# ---- what is killed, or hangs

# Each returns what is the matter; when it is to be started again, or goes on, and how.
my @FAULTS;
sub _one_of_two { my ($self) = @_; return int($self->{turn} / @FAULTS) % 2 }
@FAULTS = (
    ['processes of httpd killed' => sub {
        my ($self) = @_;
        my $i = $self->_one_of_two;
        my $h = $self->{hosts}[$i];
        my @children = $h->{pid} ? $h->children : ();
        kill 'KILL', $children[0] if @children;
        return "a process of $HOST[$i] killed";
    }],
    ['nodes killed' => sub {
        my ($self) = @_;
        my $i = $self->_one_of_two;
        $self->{nodes}[$i]->stop('KILL');
        return ("$NODE[$i] killed", 8, sub { $self->{nodes}[$i]->resume; $self->{cluster}->wait_ready($i) });
    }],
    ['hosts killed' => sub {
        my ($self) = @_;
        my $h = $self->{hosts}[0];
        $h->kill_all;
        return ("$HOST[0] killed", 3, sub { $h->start or die "a host does not start\n" });
    }],
    ['Redis killed' => sub {
        my ($self) = @_;
        $self->{redis}->stop;
        return ('Redis killed', 3, sub { $self->{redis}->resume });
    }],
    ['nodes hung' => sub {
        my ($self) = @_;
        my $i = $self->_one_of_two;
        $self->{hung} = $self->{nodes}[$i];
        $self->{hung}->freeze;
        return ("$NODE[$i] hangs", 9, sub { delete($self->{hung})->thaw; $self->{cluster}->wait_ready($i) });
    }],
    ['hosts hung' => sub {
        my ($self) = @_;
        $self->{hung} = $self->{hosts}[0];
        $self->{hung}->freeze;
        return ("$HOST[0] hangs", 4, sub { delete($self->{hung})->thaw });
    }],
);

# strike($now): the next one of them; it is started again by mend(). {done}: how often each. {events}: [when, what].
sub strike {
    my ($self, $now) = @_;
    my ($name, $what) = @{ $FAULTS[$self->{turn} % @FAULTS] };
    my $event = [$now];
    push @{ $self->{events} }, $event;
    (my $fault, my $seconds, my $start) = $what->($self);
    $event->[1] = $fault;
    $self->{turn}++;
    $self->{done}{$name}++;
    push @{ $self->{later} }, [$now + $seconds, sub { push @{ $self->{events} }, [clock(), ($fault =~ s/ .*//r) . ($fault =~ /hangs/ ? ' goes on' : ' started again')]; $start->() }] if $seconds;
    return;
}

# mend($now): starts what is due; all of it without a time.
sub mend {
    my ($self, $now) = @_;
    my @due = grep { !defined $now || $_->[0] <= $now } @{ $self->{later} };
    $self->{later} = [grep { defined $now && $_->[0] > $now } @{ $self->{later} }];
    $_->[1]->() for @due;
    return;
}
sub is_whole { my ($self) = @_; return !@{ $self->{later} } }

# running(): the process ids of what is looked at, by name.
sub running { my ($self) = @_; return { redis => $self->{redis}{pid}, haproxy => $self->{front}{pid}, node => $self->{server}{pid} } }

# connections_of(): to all nodes.
sub connections_of { my ($self) = @_; my $n = 0; $n += eval { connections($_) } // 0 for grep { $_->{pid} && $_ != ($self->{hung} // 0) } @{ $self->{nodes} }; return $n }

1;
