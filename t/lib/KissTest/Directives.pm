# SPDX-License-Identifier: Apache-2.0
package KissTest::Directives;
# What the rows of mod_kiss/core/config.h say of the numbers of directives, for tests that compare documents with them.
use strict;
use warnings;
use Exporter 'import';
our @EXPORT = qw(number_rows written range has_bound);

# written($value, $unit): a number as a directive writes it: KISS_D(7) is 7d.
sub written {
    my ($value, $unit) = @_;
    return $value ? 'On' : 'Off' if $unit eq 'FLAG';
    return $value =~ /^KISS_(MS|S|MI|D)\((\d+)\)$/ ? ($2 ? $2 . lc $1 : 0) : $value;
}

# number_rows($header): by directive, of each argument { member, getter, default, low, high, unit }.
sub number_rows {
    my ($header) = @_;
    my %rows;
    while ($header =~ /NUMBER\([\w ]+, (\w+), (\w+),[\s\\]+"(\w+)", (\S+), (\S+), (\S+), KISS_UNIT_([A-Z]+)\)/g) {
        my ($member, $getter, $name, $unit) = ($1, $2, $3, $7);
        my ($default, $low, $high) = map { written($_, $unit) } $4, $5, $6;
        push @{ $rows{$name} },
            { member => $member, getter => $getter, default => $default, low => $low, high => $high, unit => $unit };
    }
    return %rows;
}

# What is no bound but the longest number that is read.
my %no_bound = map { $_ => 1 } 'KISS_TIME_MAX', 1000000000;
sub has_bound { my ($row) = @_; return !$no_bound{ $row->{high} } }
sub range { my ($row) = @_; return has_bound($row) ? "$row->{low} to $row->{high}" : "$row->{low} or more" }

1;
