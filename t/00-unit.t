#!/usr/bin/perl
# Runs the C unit tests that make has built; each writes TAP.
# SPDX-License-Identifier: Apache-2.0
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use KissTest;
use Test::More;

# t/unit/statement.c is no test but what t/59 asks.
my @programs = grep { $_ ne 'statement' } map { m{([^/]+)\.c$} } glob "$FindBin::Bin/unit/*.c";
cmp_ok scalar @programs, '>', 0, 'there are unit tests';
for my $name (@programs) {
    my ($rc, $out, $err) = run(build_dir() . "/t/unit/$name");
    is $rc, 0, "$name ends well" or diag "$out$err";
    my ($planned) = $out =~ /^1\.\.(\d+)/m;
    my $passed = () = $out =~ /^ok /mg;
    is $passed, $planned, "$name: all that was planned has passed" or diag join "\n", grep {/^(not ok|#)/} split /\n/, $out;
}
done_testing;
