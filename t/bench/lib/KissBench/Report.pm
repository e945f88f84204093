# SPDX-License-Identifier: Apache-2.0
package KissBench::Report;

# The report of t/bench/peers: what was measured as tables, what was asked for beside it, the machine, and a plot.

use strict;
use warnings;
use Exporter 'import';
use POSIX ();
use KissTest;

our @EXPORT_OK = qw(figure machine);

# new(): sections, targets and bars, in the order in which they are added.
sub new { return bless { sections => [], targets => [], groups => [], notes => [] }, shift }

# section($title, $text, \@head, \@rows): a table; its first column is text. Printed at once too.
sub section {
    my ($self, $title, $text, $head, $rows) = @_;
    my $table = join '', map { '| ' . join(' | ', @$_) . " |\n" } $head, [ '---', ('---:') x $#$head ], @$rows;
    push @{ $self->{sections} }, "### $title\n\n$text\n\n$table";
    print "\n$self->{sections}[-1]";
    return;
}

# target($what, '>=' or '<=', $wanted, $got, $unit): `got` undef: not measured in this run.
sub target {
    my ($self, $what, $op, $wanted, $got, $unit) = @_;
    push @{ $self->{targets} }, [ $what, $op, $wanted, $got, $unit ? " $unit" : '' ];
    return;
}

# bars($title, [name => per second], ...): a group of the plot; the module's bar is the first.
sub bars { my ($self, $title, @bars) = @_; push @{ $self->{groups} }, [ $title, @bars ]; return }

# note($text): what a reader must know.
sub note { my ($self, $text) = @_; push @{ $self->{notes} }, $text; print "$text\n"; return }

# figure($n): three digits that count.
sub figure {
    my ($n) = @_;
    return
          !defined $n ? '-'
        : $n >= 1e5 ? sprintf '%.0fk', $n / 1000
        : $n >= 100 ? sprintf '%.0f', $n
        : $n >= 10 ? sprintf '%.1f', $n
        : $n >= 1 ? sprintf '%.2f', $n
        : sprintf '%.3f', $n;
}

sub _verdict {
    my ($t) = @_;
    my ($what, $op, $wanted, $got, $unit) = @$t;
    my $met = !defined $got ? 'not measured' : ($op eq '>=' ? $got >= $wanted : $got <= $wanted) ? 'yes' : 'no';
    return [ $what, ($op eq '>=' ? 'at least ' : 'at most ') . $wanted . $unit,
        defined $got ? sprintf('%.2f', $got) . $unit : '-', $met ];
}

# machine([what => version], ...): what everything ran on. Neither names nor paths of the machine.
sub machine {
    my (@versions) = @_;
    my $cpu = slurp('/proc/cpuinfo');
    my ($model) = $cpu =~ /^model name\s*:\s*(.+)$/m;
    my $cores = () = $cpu =~ /^processor\s*:/mg;
    my ($kb) = slurp('/proc/meminfo') =~ /^MemTotal:\s+(\d+)/m;
    my ($os) = slurp('/etc/os-release') =~ /^PRETTY_NAME="?([^"\n]+)/m;
    my $text = sprintf "- %s, %d cores, %.0f GB of memory; %s, kernel %s\n", $model || 'processor unknown', $cores,
        $kb / (1 << 20), $os || 'Linux', (POSIX::uname())[2] =~ /^([\d.]+)/;
    $text .= "- $_->[0] $_->[1]\n" for @versions;
    return $text;
}

# markdown($intro): the whole report.
sub markdown {
    my ($self, $intro) = @_;
    my $text = "$intro\n";
    $text .= "## What was asked for\n\n| | asked for | measured | met |\n| --- | ---: | ---: | --- |\n"
        . join('', map { '| ' . join(' | ', @{ _verdict($_) }) . " |\n" } @{ $self->{targets} }) . "\n"
        if @{ $self->{targets} };
    $text .= "## Figures\n\n" . join("\n", @{ $self->{sections} });
    $text .= "\n## Notes\n\n" . join('', map {"- $_\n"} @{ $self->{notes} }) if @{ $self->{notes} };
    return $text;
}

# ---- the plot: each group's bars relative to the module's, on a logarithmic scale

my %COLOUR = (mod_kiss => '#b5402a', PHP => '#777bb3', Node => '#5a9a4b', Go => '#3aa0c0');
my ($LEFT, $WIDTH, $RIGHT, $BAR, $GAP) = (250, 440, 150, 15, 14);
my $TOP = 62;
my ($LEAST, $MOST) = (-2.5, 1);    # powers of ten

sub _escape { my ($t) = @_; my %e = ('&' => '&amp;', '<' => '&lt;', '>' => '&gt;'); return $t =~ s/([&<>])/$e{$1}/gr }

sub _x {
    my ($ratio) = @_;
    my $power = $ratio > 0 ? log($ratio) / log 10 : $LEAST;
    $power = $power < $LEAST ? $LEAST : $power > $MOST ? $MOST : $power;
    return $LEFT + $WIDTH * ($power - $LEAST) / ($MOST - $LEAST);
}

sub _grid {
    my ($height) = @_;
    my $g = '';
    for my $ratio (0.01, 0.03, 0.1, 0.3, 1, 3, 10) {
        my $x = sprintf '%.1f', _x($ratio);
        $g .= sprintf qq(<line x1="$x" y1="%d" x2="$x" y2="%d" stroke="%s"/>\n), $TOP - 10, $height, $ratio == 1 ? '#888' : '#ddd';
        $g .= qq(<text x="$x" y="@{[$TOP - 16]}" text-anchor="middle" fill="#555">&#215;$ratio</text>\n);
    }
    return $g;
}

sub _group {
    my ($y, $title, @bars) = @_;
    my $g = sprintf qq(<text x="%d" y="%d" text-anchor="end" font-weight="bold">%s</text>\n), $LEFT - 10, $y + 12,
        _escape($title);
    my $own = $bars[0][1];
    for my $bar (@bars) {
        my ($name, $rate) = @$bar;
        my $end = _x($rate / $own);
        $g .= sprintf qq(<rect x="%d" y="%d" width="%.1f" height="%d" fill="%s"/>\n), $LEFT, $y + 1, $end - $LEFT, $BAR - 2,
            $COLOUR{$name} || '#aaa';
        $g .= sprintf qq(<text x="%.1f" y="%d">%s %s/s</text>\n), $end + 5, $y + 12, _escape($name), figure($rate);
        $y += $BAR;
    }
    return $g;
}

# svg($title, @lines): the plot, with lines of small print.
sub svg {
    my ($self, $title, @lines) = @_;
    my ($y, $body) = ($TOP, '');
    for my $group (@{ $self->{groups} }) {
        $body .= _group($y, @$group);
        $y += $BAR * $#$group + $GAP;
    }
    $body .= sprintf qq(<text x="12" y="%d" font-size="10" fill="#555">%s</text>\n), $y += 14, _escape($_) for @lines;
    my $width = $LEFT + $WIDTH + $RIGHT;
    return sprintf(qq(<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" font-family="sans-serif")
            . qq( font-size="12" fill="#222">\n<rect width="100%%" height="100%%" fill="#fff"/>\n)
            . qq(<text x="12" y="22" font-size="15" font-weight="bold">%s</text>\n), $width, $y + 10, $width, _escape($title))
        . _grid($y - 14 * @lines) . "$body</svg>\n";
}

1;
