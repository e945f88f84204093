# SPDX-License-Identifier: Apache-2.0
package KissBench::Case;

# A comparison: contenders that do the same, measured in turn over different numbers of connections.
#
#     my $case = KissBench::Case->new('/prices', [1, 16], [ mod_kiss => $measure ], [ Go => $other ]);
#     $case->run(rounds => 3);
#     $case->ratio(16, 'rate', 'mod_kiss', 'Go');
#
# A contender is a function: given a number of connections it returns one round's figures as a hash, or nothing when it has
# no part in that number.

use strict;
use warnings;
use List::Util qw(max min sum);
use Time::HiRes qw(time);
use KissBench qw(median);

sub new {
    my ($class, $title, $connections, @contenders) = @_;
    return bless { title => $title, connections => $connections, contenders => \@contenders, got => {} }, $class;
}

sub title { return $_[0]{title} }
sub connections { return @{ $_[0]{connections} } }
sub names { return map { $_->[0] } @{ $_[0]{contenders} } }

# run(rounds => 3, seconds => 0, limit => 60, most => 15): so many rounds, more while fewer seconds have passed (at most
# `most` rounds), none after `limit` seconds. The order is reversed each round.
sub run {
    my ($self, %opt) = @_;
    for my $c ($self->connections) {
        my $start = time;
        for my $round (1 .. max($opt{rounds}, $opt{most} || 0)) {
            for my $k ($round % 2 ? @{ $self->{contenders} } : reverse @{ $self->{contenders} }) {
                my $figures = $k->[1]->($c);
                $self->add($c, $k->[0], $figures) if $figures;
            }
            my $passed = time - $start;
            last if ($opt{limit} && $passed > $opt{limit}) || ($round >= $opt{rounds} && $passed > ($opt{seconds} || 0));
        }
    }
    return $self;
}

# add($connections, $name, $figures): those of a round that was not measured by run().
sub add { my ($self, $c, $name, $figures) = @_; push @{ $self->{got}{$c}{$name} }, $figures; return }

sub _values { my ($self, $c, $name, $key) = @_; return grep {defined} map { $_->{$key} } @{ $self->{got}{$c}{$name} || [] } }

# all($connections, $name, $key): each round's.
sub all { return _values(@_) }

# of($connections, $name, $key): the median of the rounds; undef if it was not measured.
sub of { my @v = _values(@_); return @v ? median(@v) : undef }

sub mean { my @v = _values(@_); return @v ? sum(@v) / @v : undef }

# parts($connections, $name): the milliseconds of processor time of a request as cost() divides them, means of the rounds: the
# server's in user mode and in the kernel, and the database's.
sub parts {
    my ($self, @of) = @_;
    my ($server, $user, $system, $database) = map { $self->mean(@of, $_) } qw(server user system database);
    return if !defined $server;
    my $share = $user + $system ? $user / ($user + $system) : 0;
    return ($server * $share, $server * (1 - $share), $database);
}

# ratio($connections, $key, $name, @others): the median over rounds of name's value by the best of the others'; best is the
# highest rate, or the shortest time. undef if there is nothing to compare.
sub ratio {
    my ($self, $c, $key, $name, @others) = @_;
    my @own = $self->_values($c, $name, $key);
    my @all = grep {@$_} map { [ $self->_values($c, $_, $key) ] } @others;
    return if !@own || !@all;
    my $best = $key eq 'rate' ? \&max : \&min;
    return median(map { my $i = $_; $own[$i] / $best->(map { $_->[$i] } @all) } 0 .. min($#own, map {$#$_} @all));
}

# made($connections, $name, $base): the ratio of processor times when what it costs to send the answer, `unchanged`, is taken off both.
sub made {
    my ($self, $c, $name, $base) = @_;
    my $sent = $self->of($c, qw(unchanged cpu));
    my @made = map { $_ - $sent } $self->_values($c, $name, 'cpu');
    my @base = map { $_ - $sent } $self->_values($c, $base, 'cpu');
    return median(map { $made[$_] / $base[$_] } 0 .. min($#made, $#base));
}

1;
