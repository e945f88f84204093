# SPDX-License-Identifier: Apache-2.0
package KissBench::Failures;

# Requests of t/bench/soak --hosts 2 that got 5xx or no answer and were sent again: how long after which event, what HAProxy says of them, and
# what the host that had them logged of them. Each request has an X-Request-Id of its own, by which they are found in all logs. Then what
# happened around them, one line for each time that some failed.
#
#     $site->front('haproxy', edit => \&with_log);
#     print join "\n", failures($hosts, \@failed);    # KissBench::Hosts; [from, to, status, what, id, why]

use strict;
use warnings;
use Exporter 'import';
use List::Util qw(max min);
use POSIX ();
use Time::HiRes qw(time);
use KissBench::World qw(clock);
use KissTest;

our @EXPORT = qw(with_log LOG_FORMAT failures);

# For httpd: that of conf/kiss-log.conf, in short.
use constant LOG_FORMAT => q{ErrorLogFormat "[%{u}t] [%-m:%l] [pid %P:tid %T] %7F: %E: [id\ %{kiss-request-id}n] %M"} . "\n";

# with_log($text): HAProxy's file, with a line of log for each request (id, server, status, how it ended, tries, milliseconds), and for each
# server that it gives up or takes in again.
sub with_log {
    my ($text) = @_;
    $text =~ s{^ *log \S+ local0\n}{    log stdout format iso local0\n}m or die "no log in HAProxy's file\n";
    $text =~ s{^ *option httplog\n}{    capture request header X-Request-Id len 64\n    log-format "soak %[capture.req.hdr(0)] %s %ST %tsc %rc %Ta"\n}m or die "no httplog in HAProxy's file\n";
    $text =~ s{^(backend kiss\n)}{$1    log global\n    option log-health-checks\n}m;
    return $text;
}

# What HAProxy did with its servers: [seconds, what].
sub _servers {
    my ($text) = @_;
    my $offset = time - clock();
    my @all;
    while ($text =~ m{^(\d+)-(\d+)-(\d+)T(\d+):(\d+):(\d+)\S* .*?Server kiss/(\w+) is (UP|DOWN)(?:, reason: ([^,]*))?}mg) {
        push @all, [POSIX::mktime($6, $5, $4, $3, $2 - 1, $1 - 1900, 0, 0, -1) - $offset, "HAProxy has $7 $8" . ($9 && $8 eq 'DOWN' ? " ($9)" : '')];
    }
    return @all;
}

# Lines of httpd's error log: [seconds as clock() has them, id, number of the module or of httpd, level].
sub _lines {
    my ($h) = @_;
    my $offset = time - clock();
    my %month;
    @month{qw(Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec)} = 0 .. 11;
    my @lines;
    for ($h->log_text =~ /^\[(.*\[[^\n]*(?:KISS|AH)\d{4}.*)/mg) {
        my ($mon, $day, $hms, $us, $year, $level) = /\A\w+ (\w+) +(\d+) (\d+:\d+:\d+)\.(\d+) (\d+)\] \[\w*:(\w+)\]/ or next;
        my ($hour, $minute, $second) = split /:/, $hms;
        my ($id) = /\[id ([^\]]+)\]/;
        my ($number) = /\b((?:KISS|AH)\d{4,5})\b/;
        push @lines, [POSIX::mktime($second, $minute, $hour, $day, $month{$mon}, $year - 1900, 0, 0, -1) + "0.$us" - $offset, $id // '', $number, $level];
    }
    return \@lines;
}

# What a host has logged of that request; of those that name none, what it logged while the request was under way, with ~.
sub _numbers {
    my ($lines, $id, $from, $to) = @_;
    my %seen = map { $_->[2] => 1 } grep { $_->[1] eq $id } @$lines;
    my @own = grep {/KISS/} sort keys %seen;
    return @own if @own;
    %seen = map { $_->[2] => 1 } grep { $_->[1] eq '' && $_->[3] ne 'info' && $_->[0] >= $from && $_->[0] <= $to } @$lines;
    return map {"~$_"} sort keys %seen;
}

# Times at which some failed: what happened before it, from the last fault on, and meanwhile.
sub _story {
    my ($hosts, $events, @failed) = @_;
    my @ends = sort { $a <=> $b } map { $_->[1] } @failed;
    my @lines;
    while (@ends) {
        my ($first, $last, $n) = ($ends[0], $ends[0], 0);
        while (@ends && $ends[0] - $last < 3) { $last = shift @ends; $n++ }
        my ($fault) = ((grep { $_->[0] <= $first && $_->[1] =~ / (?:killed|hangs)\z/ } reverse @{ $hosts->{events} }), [$first, '']);
        push @lines, sprintf '%s; %d failed at %.1f to %.1f s', join(', ', map { sprintf '%s at %.1f', $_->[1], $_->[0] - $fault->[0] }
            grep { $_->[0] >= $fault->[0] && $_->[0] <= $last + 1 } @$events), $n, $first - $fault->[0], $last - $fault->[0];
    }
    return @lines;
}

# failures($hosts, \@failed): lines of a table and of text; none if none failed.
sub failures {
    my ($hosts, $failed) = @_;
    return () if !@$failed;
    my $log = $hosts->{front}->log_text;
    my %front = map { /\bsoak (\S+) (\S+) (\S+) (\S+) (\S+) (\S+)/ ? ($1 => { server => $2 eq '<NOSRV>' ? 'none' : $2, end => "$4 $5" }) : () } split /\n/, $log;
    my %name = (one => $hosts->{hosts}[0], two => $hosts->{hosts}[1]);
    my %lines = map { $_ => _lines($name{$_}) } keys %name;
    my %group;
    for my $f (@$failed) {
        my ($from, $to, $status, $what, $id, $why) = @$f;
        my ($event) = ((grep { $_->[0] <= $to } reverse @{ $hosts->{events} }), [0, 'nothing yet']);
        my $seen = $front{$id} // { server => '?', end => '?' };
        my %said = map { my $name = $_; map { $_ => 1 } map {"$name $_"} _numbers($lines{$name}, $id, $from, $to) } sort keys %name;
        my $key = join ' | ', $event->[1], $seen->{server}, $what, $status . ($why ? " ($why)" : ''), $seen->{end}, join(', ', sort keys %said) || '-';
        push @{ $group{$key} }, [$to - $event->[0], $to - $from];
    }
    my @rows = map {
        my @of = @{ $group{$_} };
        my ($after, @rest) = split / \| /;
        sprintf '| %s | %.1f to %.1f | %s | %.1f | %d |', $after, min(map { $_->[0] } @of), max(map { $_->[0] } @of), join(' | ', @rest), max(map { $_->[1] } @of), scalar @of;
    } sort keys %group;
    my @events = sort { $a->[0] <=> $b->[0] } @{ $hosts->{events} }, @{ $hosts->{reloads} }, _servers($log);
    return ('', '| after | s after it | host | what | status | HAProxy: end, tries | logged by the hosts | longest, s | requests |', '| --- | --- | --- | --- | --- | --- | --- | ---: | ---: |', @rows,
        '', map {"- $_"} _story($hosts, \@events, @$failed));
}

1;
