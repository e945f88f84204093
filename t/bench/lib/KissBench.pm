# SPDX-License-Identifier: Apache-2.0
package KissBench;

# What the programs of t/bench share: clients, the floors written in C, what processes cost, figures.

use strict;
use warnings;
use Exporter 'import';
use IO::Select;
use IO::Socket::INET;
use IPC::Open2 qw(open2);
use List::Util qw(sum0);
use POSIX ();
use Socket qw(SOL_SOCKET SO_RCVBUF);
use Time::HiRes qw(clock_gettime sleep time);
use KissTest;

our @EXPORT = qw(median spread load_average compile bareread barequery barequery_cost wrk wrk_cost exchange request_text
    cost settle memory slow_readers unsent give_up);

my $TICK = 1000 / POSIX::sysconf(POSIX::_SC_CLK_TCK());

# ---- figures

sub median { my @s = sort { $a <=> $b } @_; return @s % 2 ? $s[@s / 2] : ($s[@s / 2 - 1] + $s[@s / 2]) / 2 }

# The middle half of the values, in percent of the median: what a difference must exceed to mean something.
sub spread {
    my @s = sort { $a <=> $b } @_;
    my $m = median(@s);
    return $m ? 100 * ($s[3 * $#s / 4] - $s[$#s / 4]) / $m : 0;
}

# The machine's load average of the last minute.
sub load_average { return (split ' ', slurp('/proc/loadavg'))[0] }

# ---- floors

# compile($program, [packages], @arguments): a C program, with the flags that pkg-config names.
sub compile {
    my ($program, $packages, @more) = @_;
    my ($rc, $flags, $err) = run(qw(pkg-config --cflags --libs), @$packages);
    die "pkg-config: $err" if $rc;
    ($rc, undef, $err) = run(qw(gcc -std=gnu99 -O2 -Wall -Wextra -pthread -o), $program, @more, split ' ', $flags);
    die "gcc: $err" if $rc;
    return $program;
}

# bareread($c, $server): starts bareread for a catalogue (KissBench::Catalogue): a code reference that runs a pass over a list
# and returns its milliseconds as {ms}, with what it cost.
sub bareread {
    my ($c, $s) = @_;
    my $dir = tempdir_here();
    $s ||= db_server();
    spew("$dir/client.cnf",
        "[bareread]\nsocket=$s->{socket}\ndatabase=$c->{db}\nuser=kiss\npassword=" . $s->password('kiss') . "\n",
        0600);
    my $pid = open2(my $out, my $in, build_dir() . '/t/bench/bareread', "$dir/client.cnf", @$c{qw(list warehouse)});
    $in->autoflush(1);
    return sub {
        my ($path) = @_;
        if (!defined $path) { close $in; waitpid $pid, 0; return }
        return cost($pid, $s->{pid}, sub {
            print $in "$path\n";
            my $answer = <$out>;
            die "bareread ended\n" unless defined $answer;
            return { ms => (split ' ', $answer)[0] };
        });
    };
}

# barequery($db, $server): compiles barequery.c: a code reference that runs a statement for some seconds over so many
# connections and returns (statements per second, median milliseconds).
sub barequery {
    my ($db, $s) = @_;
    my $dir = tempdir_here();
    compile("$dir/barequery", ['libmariadb'], top() . '/t/bench/barequery.c');
    $s ||= db_server();
    spew("$dir/client.cnf",
        "[barequery]\nsocket=$s->{socket}\ndatabase=$db\nuser=kiss\npassword=" . $s->password('kiss') . "\n", 0600);
    return sub {
        my ($statement, $connections, $seconds) = @_;
        my ($rc, $out, $err) = run({ stdin => $statement, timeout => 60 + $seconds }, "$dir/barequery",
            "$dir/client.cnf", $seconds, $connections);
        die "barequery: $err" if $rc;
        return split ' ', $out;
    };
}

# ---- clients

# wrk($url, connections => 16, seconds => 3, headers => [...], script => $file, length => $bytes): a hash of {rate} per
# second, {requests}, {ms} (median) and {errors} (broken connections, at most one of 100 requests). Dies if an answer was
# an error, or shorter than `length`.
sub wrk {
    my ($url, %opt) = @_;
    my $seconds = $opt{seconds} || 3;
    my ($rc, $out, $err) = run({ timeout => 60 + $seconds }, qw(wrk -t1 --latency --timeout 30s), "-d${seconds}s",
        '-c' . ($opt{connections} || 16), $opt{script} ? ('-s', $opt{script}) : (),
        (map { ('-H', $_) } @{ $opt{headers} || [] }), $url);
    die "wrk: $out$err" if $rc || $out =~ /Non-2xx/;
    my ($rate) = $out =~ m{Requests/sec:\s+([\d.]+)} or die "wrk: $out";
    my ($ms, $unit) = $out =~ /50%\s+([\d.]+)(us|ms|s)/ or die "wrk: $out";
    my ($requests, $read, $prefix) = $out =~ /(\d+) requests in [^,]*, ([\d.]+)([KMG]?)B read/ or die "wrk: $out";
    my $errors = 0;
    $errors += $_ for $out =~ /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/;
    die "wrk: $out" if !$requests || $errors > $requests / 100;
    my $bytes = $read * { '' => 1, K => 1 << 10, M => 1 << 20, G => 1 << 30 }->{$prefix};
    die "wrk: answers of $url are short: $out" if $opt{length} && $bytes < 0.97 * $requests * $opt{length};
    return { rate => $rate, requests => $requests, ms => $ms * { us => 0.001, ms => 1, s => 1000 }->{$unit}, errors => $errors };
}

# request_text($path, %headers): a GET over a connection of its own; "HEAD /path" asks for the head.
sub request_text {
    my ($path, %headers) = @_;
    $path = "GET $path" if $path =~ m{\A/};
    return join "\r\n", "$path HTTP/1.1", 'Host: 127.0.0.1', (map {"$_: $headers{$_}"} sort keys %headers),
        'Connection: close', '', '';
}

sub _connect {
    my ($port, $window) = @_;
    my $s = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port, Timeout => 20) or die "connect: $!";
    setsockopt $s, SOL_SOCKET, SO_RCVBUF, pack 'i', $window if $window;
    return $s;
}

# exchange($port, @requests): sends them all at once, a new connection each, and reads all answers. Returns a hash for each:
# milliseconds from before the first connect to the {first} byte of the body and to the last ({ms}), and {bytes} as they
# came over the wire. Dies unless each is 200 and whole.
sub exchange {
    my ($port, @requests) = @_;
    my $wait = IO::Select->new;
    my (%answer, @all);
    my $start = time;
    for my $text (@requests) {
        my $s = _connect($port);
        syswrite $s, $text or die "write: $!";
        $wait->add($s);
        push @all, $answer{$s} = { text => $text, head => '', bytes => 0, tail => '' };
    }
    while ($wait->count) {
        my @ready = $wait->can_read(120) or die "no answer within 120 s\n";
        for my $s (@ready) {
            next if !_read($s, $answer{$s}, $start);
            $wait->remove($s);
            close $s;
        }
    }
    return @all;
}

# Reads what there is; true when the answer is complete.
sub _read {
    my ($s, $a, $start) = @_;
    my $n = sysread $s, my $buffer, 1 << 18;
    die "an answer ended after $a->{bytes} bytes: $a->{text}$a->{head}\n" if !$n;
    if (!defined $a->{first}) {
        $a->{head} .= $buffer;
        my $end = index $a->{head}, "\r\n\r\n";
        my $bodiless = $a->{text} =~ /\AHEAD /;
        return 0 if $end < 0 || (!$bodiless && length $a->{head} == $end + 4);
        $buffer = substr $a->{head}, $end + 4;
        $a->{head} = substr $a->{head}, 0, $end + 4;
        die "not 200: $a->{head}" if $a->{head} !~ m{\AHTTP/1\.1 200 };
        ($a->{length}) = $a->{head} =~ /\r\nContent-Length: (\d+)/i;
        die "neither length nor chunks: $a->{head}" if !defined $a->{length} && $a->{head} !~ /\r\nTransfer-Encoding: chunked/i;
        $a->{ms} = $a->{first} = 1000 * (time - $start);
        return 1 if $bodiless;
    }
    $a->{bytes} += length $buffer;
    $a->{tail} = substr $a->{tail} . substr($buffer, length $buffer > 7 ? -7 : 0), -7;
    $a->{ms} = 1000 * (time - $start);
    return defined $a->{length} ? $a->{bytes} >= $a->{length} : $a->{tail} eq "\r\n0\r\n\r\n";
}

# ---- processes

# processes(@pids): these and all that they started.
sub processes {
    my @all = @_;
    my @found;
    while (defined(my $pid = shift @all)) {
        push @found, $pid;
        push @all, map { split ' ', _line($_) } glob "/proc/$pid/task/*/children";
    }
    return @found;
}

# A line of /proc, '' when the process or thread is gone.
sub _line {
    my ($file) = @_;
    open my $in, '<', $file or return '';
    my $line = <$in>;
    return defined $line ? $line : '';
}

# Milliseconds of processor time that a process has used; less than 0 when it is gone. What clock_getcpuclockid() would say: exact,
# where /proc/PID/stat counts in hundredths of a second.
sub _clock { my ($pid) = @_; return 1000 * clock_gettime(unpack 'l', pack 'l', ~(0 + $pid) << 3 | 2) }

# What a process and its children have used: {all}, and as the kernel divides it, in hundredths of a second, {user} and {system}.
sub _used {
    my %ms = (all => 0, user => 0, system => 0);
    for my $pid (processes(grep {defined} @_)) {
        my $all = _clock($pid);
        my @f = split ' ', _line("/proc/$pid/stat") =~ s/.*\) //r;
        next if $all < 0 || !@f;
        $ms{all} += $all;
        $ms{user} += $f[11] * $TICK;
        $ms{system} += $f[12] * $TICK;
    }
    return \%ms;
}

# settle(@pids): waits until these and their children do next to nothing, 2 s at most.
sub settle {
    my @all = processes(@_);
    my $before = 0;
    for (1 .. 200) {
        my $now = sum0(map { _clock($_) } @all);
        return if $now - $before < 0.3;
        $before = $now;
        sleep 0.01;
    }
    return;
}

# cost($server, $database, $measure, settle => 1): the figures (a hash) that $measure returns, and beside them the milliseconds of
# processor time that the processes took: {cpu} of both, {server}, {database}; {user} and {system} of the server, which mean
# something as a mean of many rounds. With `settle`, what is done after $measure has returned counts, and what something before
# it has left to do does not. If there are {requests} among the figures, it is the time of each. Either pid may be undef.
sub cost {
    my ($server, $database, $measure, %opt) = @_;
    my @both = grep {defined} $server, $database;
    settle(@both) if $opt{settle};
    my @before = map { _used($_) } $server, $database;
    my $got = $measure->();
    settle(@both) if $opt{settle};
    my @after = map { _used($_) } $server, $database;
    my $n = $got->{requests} || 1;
    my $used = sub { my ($i, $what) = @_; return ($after[$i]{$what} - $before[$i]{$what}) / $n };
    my %cost = (server => $used->(0, 'all'), database => $used->(1, 'all'));
    return { %$got, %cost, cpu => $cost{server} + $cost{database}, map { $_ => $used->(0, $_) } qw(user system) };
}

# wrk_cost($server, $database, $path, %option of wrk): wrk's figures of a server ({url}, {pid}) and what a request costs.
sub wrk_cost {
    my ($s, $database, $path, %opt) = @_;
    return cost($s->{pid}, $database->{pid}, sub { return wrk("$s->{url}$path", %opt) });
}

# barequery_cost($bare, $database, $statement, $connections, $seconds): the same of what barequery() gave.
sub barequery_cost {
    my ($bare, $database, $statement, $connections, $seconds) = @_;
    return cost(undef, $database->{pid}, sub {
        my ($rate) = $bare->($statement, $connections, $seconds);
        return { rate => $rate, requests => $rate * $seconds };
    });
}

# memory(@pids): KB of anonymous pages (shared ones in part), and of pages that only one process has written to. The second
# contains most of the first, so they are not added up.
sub memory {
    my %kb = (Pss_Anon => 0, Private_Dirty => 0);
    for my $pid (processes(@_)) {
        my $text = slurp("/proc/$pid/smaps_rollup");
        $kb{$_} += $text =~ /^$_:\s+(\d+) kB/m ? $1 : die "smaps_rollup has no $_\n" for keys %kb;
    }
    return \%kb;
}

# slow_readers($port, [pids], @requests): sends them and reads nothing but the first bytes. Returns the sockets when all
# answers have begun, and the most memory seen until then.
sub slow_readers {
    my ($port, $pids, @requests) = @_;
    my $wait = IO::Select->new;
    my (@readers, %peak);
    for my $text (@requests) {
        my $s = _connect($port, 4096);
        syswrite $s, $text or die "write: $!";
        push @readers, $s;
        $wait->add($s);
    }
    my $end = time + 300;
    while ($wait->count) {
        die "an answer did not begin within 300 s\n" if time > $end;
        for my $s ($wait->can_read(0.1)) {
            sysread $s, my $head, 12;
            die "a slow reader got: $head\n" if $head ne 'HTTP/1.1 200';
            $wait->remove($s);
        }
        my $m = memory(@$pids);
        for (keys %$m) { $peak{$_} = $m->{$_} if !$peak{$_} || $m->{$_} > $peak{$_} }
    }
    return (\@readers, \%peak);
}

# unsent($port): how many of the server's connections have bytes in the kernel that the reader has no room for.
sub unsent {
    my ($port) = @_;
    my $local = sprintf '0100007F:%04X', $port;
    return scalar grep { my @f = split; $f[1] eq $local && $f[4] =~ /^([0-9A-F]{8}):/ && hex $1 } split /\n/,
        slurp('/proc/net/tcp');
}

# give_up($port, $readers): closes the sockets of slow readers. Not drained: through so small a window the rest would take
# minutes.
sub give_up {
    my ($port, $readers) = @_;
    close $_ for @$readers;
    my $end = time + 20;
    sleep 0.1 while unsent($port) && time < $end;
    return;
}

1;
