# SPDX-License-Identifier: Apache-2.0
package KissBench::Report;

# A report: what was measured as tables, what was asked for beside it, the machine, and a plot.

use strict;
use warnings;
use Exporter 'import';
use POSIX ();
use KissTest;

our @EXPORT_OK = qw(cost_head cost_cells figure machine parts ratio);

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

# target($what, '>=' or '<=', $wanted, $got, unit => 'ms', cpu => $ratio): `got` undef: not measured in this run. cpu: the same
# ratio in processor time.
sub target {
    my ($self, @target) = @_;
    push @{ $self->{targets} }, \@target;
    return;
}

# compare($what, '>=' or '<=', $wanted, $case, $connections, $key, $name, @others): a target for a ratio of a case; '>=' with a time
# is how many times as fast.
sub compare {
    my ($self, $what, $op, $wanted, $case, $c, $key, @names) = @_;
    my ($got, $cpu) = map { scalar $case->ratio($c, $_, @names) } $key, 'cpu';
    $got = 1 / $got if $got && $op eq '>=' && $key ne 'rate';
    $cpu = 1 / $cpu if $cpu && $op eq '>=';
    return $self->target($what, $op, $wanted, $got, cpu => $cpu);
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

# ratio($n): two digits behind the point, '-' for what was not measured.
sub ratio { my ($n) = @_; return defined $n ? sprintf '%.2f', $n : '-' }

# cost_head(), cost_cells($case, $connections, $name): columns for what KissBench::cost() measured: the time of an answer and the
# processor time that it took: of httpd in user mode, in the kernel, of the database, together.
sub cost_head { return ('ms', 'user', 'system', 'database', 'processor time') }
sub cost_cells {
    my ($case, @of) = @_;
    return map { figure($_) } $case->of(@of, 'ms'), $case->parts(@of), $case->mean(@of, 'cpu');
}

# costs($title, $text, $case, $base): a section with what each contender of a case has cost, and that by one of them.
sub costs {
    my ($self, $title, $text, $case, $base) = @_;
    my ($c) = $case->connections;
    my @rows = map {
        my $name = $_;
        [ $name, cost_cells($case, $c, $name), map { ratio(scalar $case->ratio($c, $_, $name, $base)) } qw(ms cpu) ]
    } $case->names;
    return $self->section($title, $text, [ '', cost_head(), "time by $base", "processor time by $base" ], \@rows);
}

# parts($case, $connections, $name): the processor time of an answer in one cell.
sub parts { my ($case, @of) = @_; return join ' / ', map { figure($_) } $case->parts(@of) }

sub _by {
    my ($case, $c, @names) = @_;
    my ($rate, $cpu) = map { scalar $case->ratio($c, $_, @names) } qw(rate cpu);
    return ratio($rate) . ($cpu ? sprintf ' (%.2f)', 1 / $cpu : '');
}

# rates($title, $text, \@cases, [heading => name, @others], ...): a section with the rates of each case and number of connections,
# the processor time of an answer beside them, and ratios: of rates, in brackets of the others' processor time by its own.
sub rates {
    my ($self, $title, $text, $cases, @ratios) = @_;
    my @names = $cases->[0]->names;
    my @rows;
    for my $case (@$cases) {
        for my $c ($case->connections) {
            push @rows, [
                $case->title, $c,
                (map { figure($case->of($c, $_, 'rate')) . ' (' . parts($case, $c, $_) . ')' } @names),
                map { _by($case, $c, @$_[ 1 .. $#$_ ]) } @ratios
            ];
        }
    }
    return $self->section($title, 'Requests per second; in brackets the milliseconds of processor time of a request: server in user'
            . " mode / in the kernel / database. Behind a ratio: how much less processor time it takes. $text",
        [ '', 'connections', @names, map { $_->[0] } @ratios ], \@rows);
}

sub _verdict {
    my ($what, $op, $wanted, $got, %more) = @_;
    my $unit = $more{unit} ? " $more{unit}" : '';
    my $digits = $op eq '<=' && $wanted < 0.5 ? '%.4f' : '%.2f';
    my $met = !defined $got ? 'not measured' : ($op eq '>=' ? $got >= $wanted : $got <= $wanted) ? 'yes' : 'no';
    return [
        $what, ($op eq '>=' ? 'at least ' : 'at most ') . $wanted . $unit, defined $got ? sprintf($digits, $got) . $unit : '-',
        $met, defined $more{cpu} ? sprintf $digits, $more{cpu} : ''
    ];
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

# verdicts(): what was asked for beside what was measured.
sub verdicts {
    my ($self) = @_;
    return "| | asked for | measured | met | in processor time |\n| --- | ---: | ---: | --- | ---: |\n"
        . join('', map { '| ' . join(' | ', @{ _verdict(@$_) }) . " |\n" } @{ $self->{targets} });
}

# markdown($intro): the whole report.
sub markdown {
    my ($self, $intro) = @_;
    my $text = "$intro\n";
    $text .= "## What was asked for\n\n" . $self->verdicts . "\n" if @{ $self->{targets} };
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
