#!/usr/bin/perl
# Runs the C unit tests that make has built, one unit a process; each writes TAP.
# SPDX-License-Identifier: Apache-2.0
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use KissRooms;
use KissTest;
use Test::More;

my $top = top();
my @units = sort grep { $_ ne 'run' } map { m{([^/]+)\.c$} } glob "$FindBin::Bin/unit/*.c";
my %program;
for my $program (map { build_dir() . "/t/unit/$_" } qw(run store_order)) {
    my ($rc, $out) = run($program);
    $program{$_} = $program for $rc ? () : split /\n/, $out;
    isnt((run($program, 'none'))[0], 0, "$program: a unit that it does not test is noticed");
}
is_deeply [sort keys %program], \@units, 'each file is run, and there are no others';

for my $name (@units) {
    my @headers = rooms_headers($top, $name);
    is scalar @headers, 1, "$name is the name of one unit";
    like slurp("$FindBin::Bin/unit/$name.c"), qr/^#include "\Q$headers[0]\E"$/m, '... whose header its test includes';

    my ($rc, $out, $err) = run($program{$name}, $name);
    is $rc, 0, "$name ends well" or diag "$out$err";
    my ($planned) = $out =~ /^1\.\.(\d+)/m;
    my $passed = () = $out =~ /^ok /mg;
    is $passed, $planned, "$name: all that was planned has passed" or diag join "\n", grep {/^(not ok|#)/} split /\n/, $out;
}
done_testing;
