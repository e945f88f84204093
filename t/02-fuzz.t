#!/usr/bin/perl
# Replays the corpora of the fuzz targets: what a fuzzer has found once stays right (t/fuzz/README.md).
# SPDX-License-Identifier: Apache-2.0
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use KissRooms;
use KissTest;
use Test::More;

my $fuzz = "$FindBin::Bin/fuzz";
my @targets = sort grep { $_ ne 'replay' } map { m{([^/]+)\.c$} } glob "$fuzz/*.c";
my @corpora = sort map { m{([^/]+)$} } grep {-d} glob "$fuzz/corpus/*";
cmp_ok scalar @targets, '>', 0, 'there are fuzz targets';
is_deeply \@corpora, \@targets, 'each has a corpus, and there is no other';

my $manual = slurp("$fuzz/README.md");
is_deeply [$manual =~ /^\| `(\w+)` \|/mg], \@targets, 't/fuzz/README.md lists them';

for my $name (@targets) {
    my @headers = rooms_headers(top(), $name);
    is scalar @headers, 1, "$name is the name of one unit";
    like slurp("$fuzz/$name.c"), qr/^#include "\Q$headers[0]\E"$/m, '... whose header its target includes';

    my $program = build_dir() . "/t/fuzz/$name";
    my @inputs = glob "$fuzz/corpus/$name/*";
    my $bytes = 0;
    $bytes += -s for @inputs;
    cmp_ok scalar @inputs, '>', 0, "$name: there are inputs";
    ok @inputs < 60 && $bytes < 100_000, "$name: they are few and small" or diag @inputs . " files, $bytes bytes";
    my ($rc, $out, $err) = run($program, "$fuzz/corpus/$name");
    is $rc, 0, "$name: no input breaks a promise" or diag $err;
    is $out, @inputs . " inputs\n", "$name: all have been replayed";
    isnt((run($program, "$fuzz/corpus/$name/../none"))[0], 0, "$name: an input that is missing is noticed");
    isnt((run($program))[0], 0, "$name: and so is none at all");
}
done_testing;
