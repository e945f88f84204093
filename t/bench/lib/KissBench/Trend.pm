# SPDX-License-Identifier: Apache-2.0
package KissBench::Trend;

# Whether a figure that was looked at again and again has grown: by the estimator of Hodges and Lehmann, the median of all differences
# between the samples of the third quarter of the time and those of the last one, which no single sample decides, and neither does a
# figure that goes up and down several times in each.

use strict;
use warnings;
use Exporter 'import';
use List::Util qw(max);

our @EXPORT = qw(middle percentile grown);

sub percentile { my ($percent, @values) = @_; my @s = sort { $a <=> $b } @values; return @s ? $s[ int $percent / 100 * $#s + 0.5 ] : 0 }
sub middle { return percentile(50, @_) }

# shift_of(\@before, \@after): by how much the second ones are higher.
sub shift_of {
    my ($before, $after) = @_;
    # Pairs grow as the square: of many samples every so many.
    my ($some, $others) = map { my $all = $_; my $step = 1 + int @$all / 400; [map { $all->[$_ * $step] } 0 .. $#$all / $step] } $before, $after;
    return middle(map { my $b = $_; map { $_ - $b } @$others } @$some);
}

# grown(\@samples, $least, $percent): of [time, value]: how much higher the last quarter of the time is than the one before, and
# whether that is more than `least` and more than so many percent of the median.
sub grown {
    my ($samples, $least, $percent) = @_;
    my ($start, $end) = ($samples->[0][0], $samples->[-1][0]);
    my $at = sub { my ($part) = @_; return $start + $part * ($end - $start) };
    my @third = map { $_->[1] } grep { $_->[0] >= $at->(0.5) && $_->[0] < $at->(0.75) } @$samples;
    my @last = map { $_->[1] } grep { $_->[0] >= $at->(0.75) } @$samples;
    return (0, 0) if @third < 5 || @last < 5;
    my $growth = shift_of(\@third, \@last);
    return ($growth, $growth > max($least, $percent / 100 * middle(@third, @last)) ? 1 : 0);
}

1;
