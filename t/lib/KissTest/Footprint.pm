# SPDX-License-Identifier: Apache-2.0
package KissTest::Footprint;

# What a server holds of the system: to be compared before and after many reloads (t/80-reload.t, t/platform/reloads).

use strict;
use warnings;
no warnings 'portable';         # addresses have 64 bits
use Exporter 'import';
use KissTest;
use KissTest::Faults;

our @EXPORT = qw(footprint grown);

# footprint($h): { memory => kB resident in the parent, shared => kB it maps of shared memory, segments => how many, a mutex of threads of
# other processes is in one; system => its SysV segments, mutexes => files in its run directory, descriptors => of the parent }.
# Not how many children there are: between one and all of them is right (MinSpareThreads 1), so that is asked by itself.
sub footprint {
    my ($h) = @_;
    my $pid = $h->{pid};
    my @maps = grep { m{/SYSV|/dev/shm/|/dev/zero|\(deleted\)} && !m{spool} } split /\n/, slurp("/proc/$pid/maps");
    my $shared = 0;
    $shared += (hex((/^[0-9a-f]+-([0-9a-f]+)/)[0]) - hex((/^([0-9a-f]+)/)[0])) / 1024 for @maps;
    return {
        memory => (slurp("/proc/$pid/status") =~ /^VmRSS:\s+([0-9]+)/m)[0], shared => $shared, segments => scalar @maps,
        system => _segments($pid), mutexes => scalar(() = glob "$h->{root}/run/*"),
        descriptors => descriptors($pid),
    };
}

# SysV segments that the process has made.
sub _segments {
    my ($pid) = @_;
    return 0 if !-r '/proc/sysvipc/shm';
    return scalar grep { ((split ' ')[4] // '') eq $pid } split /\n/, slurp('/proc/sysvipc/shm');
}

# grown($before, $after, $kilobytes): what is more than before, by name; memory only by more than so many kB.
sub grown {
    my ($before, $after, $kilobytes) = @_;
    return map {"$_ $before->{$_} -> $after->{$_}"} grep { $after->{$_} > $before->{$_} + ($_ eq 'memory' ? $kilobytes : 0) } sort keys %$before;
}

1;
