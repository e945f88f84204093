# SPDX-License-Identifier: Apache-2.0
package KissTest::Metrics;

# Reads the text format of Prometheus, strictly: what promtool does not see (a series twice, a metric in two places, a histogram
# without its end) is an error here.
use strict;
use warnings;
use Exporter 'import';
use KissTest;
use Time::HiRes qw(sleep);

our @EXPORT = qw(metrics_location metrics_text metrics metrics_parse metrics_sum metrics_when promtool);

# metrics_location($path): a <Location> with the handler, for the end of httpd.conf.
sub metrics_location {
    my ($path) = @_;
    $path //= '/kiss-metrics';
    return qq(<Location "$path">\n    SetHandler kiss-metrics\n</Location>\n);
}

# metrics_text($h): the exposition; dies if there is none.
sub metrics_text {
    my ($h, $path) = @_;
    my $res = $h->get($path // '/kiss-metrics');
    die "metrics: $res->{status} $res->{content}\n" if $res->{status} != 200;
    return $res->{content};
}

# metrics($h): { series, as it is written, with labels in order of their names => value }.
sub metrics { return metrics_parse(metrics_text(@_))->{value} }

my $string = qr/"(?:[^"\\\n]|\\[\\"n])*"/;
my $label = qr/[a-zA-Z_][a-zA-Z0-9_]*=$string/;

# metrics_parse($text): { value => {series => value}, type => {metric => type}, help => {metric => text} }; dies with what is wrong.
sub metrics_parse {
    my ($text) = @_;
    my (%value, %type, %help, %closed, $metric);
    die "the last line has no end\n" if $text !~ /\n\z/;
    for my $line (split /\n/, $text) {
        if ($line =~ /^# HELP (\w+) (.+)$/) {
            die "$1 stands in two places\n" if $closed{$1}++;
            ($metric, $help{$1}) = ($1, $2);
        }
        elsif ($line =~ /^# TYPE (\w+) (counter|gauge|histogram)$/) {
            die "TYPE of $1 after another HELP\n" if $1 ne $metric;
            $type{$1} = $2;
        }
        elsif ($line =~ /^(\w+?)(_bucket|_sum|_count)?(?:\{((?:$label,)*$label)\})? (\d+(?:\.\d+)?)$/) {
            my ($name, $suffix, $labels, $number) = ($1, $2 // '', $3 // '', $4);
            ($name, $suffix) = ("$name$suffix", '') if ($type{$metric} // '') ne 'histogram';
            die "a series of $name below $metric\n" if $name ne $metric;
            die "$name has no type\n" if !$type{$name};
            my %labels = map { /^(\w+)=(.*)$/s } $labels =~ /($label)/g;
            die "a label twice: $line\n" if keys %labels != (() = $labels =~ /($label)/g);
            my $series = "$name$suffix" . (%labels ? '{' . join(',', map {"$_=$labels{$_}"} sort keys %labels) . '}' : '');
            die "$series twice\n" if exists $value{$series};
            $value{$series} = $number;
        }
        else {
            die "no line of the format: $line\n";
        }
    }
    check_histogram(\%value, $_) for grep { $type{$_} eq 'histogram' } keys %type;
    return { value => \%value, type => \%type, help => \%help };
}

# Buckets grow up to +Inf, which is the number of all.
sub check_histogram {
    my ($value, $name) = @_;
    my %buckets;
    for my $series (grep {/^\Q$name\E_bucket\{/} keys %$value) {
        my ($bound) = $series =~ /\ble="([^"]+)"/ or die "$series has no bound\n";
        my $of = $series =~ s/,?le="[^"]+"//r =~ s/\{,/{/r =~ s/_bucket//r;
        $buckets{$of}{$bound} = $value->{$series};
    }
    for my $of (keys %buckets) {
        my $bucket = $buckets{$of};
        my $count = $of =~ s/^\Q$name\E/${name}_count/r;
        my $before = 0;
        for my $bound (sort { $a <=> $b } grep { $_ ne '+Inf' } keys %$bucket) {
            die "$of: the bucket $bound is less than the one before\n" if $bucket->{$bound} < $before;
            $before = $bucket->{$bound};
        }
        die "$of has no bucket +Inf\n" if !defined $bucket->{'+Inf'};
        die "$of: +Inf is less than the bucket before\n" if $bucket->{'+Inf'} < $before;
        die "$of: _count is not +Inf\n" if ($value->{$count} // -1) != $bucket->{'+Inf'};
        die "$of has no _sum\n" if !defined $value->{ $of =~ s/^\Q$name\E/${name}_sum/r };
    }
    return;
}

# metrics_sum(\%value, $metric, label => value ...): the sum of all its series with these labels.
sub metrics_sum {
    my ($value, $metric, %want) = @_;
    my $sum = 0;
    for my $series (grep {/^\Q$metric\E(?:\{|\z)/} keys %$value) {
        my %labels = $series =~ /(\w+)="([^"]*)"/g;
        $sum += $value->{$series} if !grep { ($labels{$_} // '') ne $want{$_} } keys %want;
    }
    return $sum;
}

# metrics_when($h, $condition): the metrics when the condition holds for them: a client has its answer before the request is
# logged and counted. After ten seconds as they are.
sub metrics_when {
    my ($h, $condition, $path) = @_;
    my $value;
    for (1 .. 500) {
        $value = metrics($h, $path);
        last if $condition->($value);
        sleep 0.02;
    }
    return $value;
}

# promtool($stdin, @args): (exit, output), or nothing where it is not installed; $stdin may be undef.
sub promtool {
    my ($stdin, @args) = @_;
    my ($program) = grep {-x} map {"$_/promtool"} split /:/, $ENV{PATH};
    return if !$program;
    my ($rc, $out, $err) = run({ defined $stdin ? (stdin => $stdin) : () }, $program, @args);
    return ($rc, $out . $err);
}

1;
