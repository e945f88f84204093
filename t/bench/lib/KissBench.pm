# SPDX-License-Identifier: Apache-2.0
package KissBench;

# What the programs of t/bench share: data, clients, the floors written in C, what processes cost, figures.

use strict;
use warnings;
use Exporter 'import';
use IO::Select;
use IO::Socket::INET;
use IPC::Open2 qw(open2);
use POSIX ();
use Socket qw(SOL_SOCKET SO_RCVBUF);
use Time::HiRes qw(sleep time);
use KissTest;

our @EXPORT = qw(CUSTOMERS median spread load_average customer catalogue compile bareread barequery wrk exchange request_text
    processes cpu_ms memory slow_readers unsent give_up);

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

# ---- catalogue

# Customers of the catalogue: the same price list and warehouse, each with another discount.
use constant CUSTOMERS => 16;

sub customer { my ($i) = @_; return sprintf 'BENCH%02d', $i }

my $SEED = 20260401;

# A fixed vocabulary: text that is neither constant nor random bytes.
my @words = qw(cape mask hat glove boot wig crown wand sword shield cloak belt scarf tunic robe dress jacket trousers
    velvet satin cotton polyester sequin feather lace ribbon button collar cuff hood zip printed padded lined soft
    black red green silver golden purple with and for the a in of adult child party carnival halloween café naïve);

sub text {
    my ($bytes) = @_;
    my $t = '';
    $t .= $words[ rand @words ] . ' ' while length $t < $bytes;
    return substr($t, 0, -1);
}

sub csv_file {
    my ($dir, $name, $columns, $rows) = @_;
    open my $out, '>:raw', "$dir/$name.csv" or die "$name.csv: $!";
    print $out "$columns\n";
    $rows->($out);
    close $out or die "$name.csv: $!";
    return;
}

sub sku { return sprintf 'SKU%06d-M', $_[0] }

# The row of a product: about 1.2 KB of text, as descriptions are in a real catalogue.
sub product {
    my ($i) = @_;
    my $d = text(330);
    return join ',', sku($i), text(40), $d, "<p>$d</p>", 'CATEGORY-' . $i % 40, text(60), 'Unisex', 'Adult', 'Black',
        5_000_000_000_000 + $i, 'https://images.example.com/' . lc(sku($i)) . '.jpg', 'Halloween', 41.61, 26.78, 4.46,
        841, 60, 50, 40.5, 6809, 12, "B0$i", 'CN', 'ACTIVE', 'STY-' . int($i / 5), 15_000_000_000_000 + $i,
        '6203.43', text(120), text(150);
}

my $PRODUCT_COLUMNS = 'SKU,Name,Description,WebsiteDescription,ProductCategoryCode,WashingInstructions,Gender,'
    . 'Audience,MainColour,Barcode,Photo,Theme,PackagedLength_in_cm,PackagedWidth_in_cm,PackagedHeight_in_cm,'
    . 'PackagedWeight_in_g,CartonLength_in_cm,CartonWidth_in_cm,CartonHeight_in_cm,CartonWeight_in_g,CartonQty,'
    . 'AmazonASIN,CountryOfOrigin,Status,StyleCode,CartonBarcode,HSCode,WhatsIncluded,ProductCompositionText';

# catalogue($dir, $n): writes the CSV files of n products; the same bytes each time.
sub catalogue {
    my ($dir, $n) = @_;
    srand $SEED;
    # One line for each product and each number of a list.
    my $each = sub {
        my ($name, $columns, $numbers, $line) = @_;
        csv_file($dir, $name, $columns, sub {
            my ($out) = @_;
            for my $i (0 .. $n - 1) { print $out $line->($i, $_), "\n" for @$numbers }
        });
    };
    $each->('products', $PRODUCT_COLUMNS, [1], \&product);
    $each->('product_images', 'SKU,ImageID,FileName,IsPrimaryImage', [ 1, 2 ],
        sub { my ($i, $k) = @_; join ',', sku($i), $k, lc(sku($i)) . "-$k.jpg", $k == 1 ? 1 : 0 });
    $each->('product_accessories', 'SKU,AccessorySKU', [ 1 .. 3 ],
        sub { my ($i, $k) = @_; sku($i) . ',' . sku(($i + 7 * $k) % $n) });
    $each->('product_substitutions', 'SKU,SubstituteSKU', [ 1 .. 3 ],
        sub { my ($i, $k) = @_; sku($i) . ',' . sku(($i + 11 * $k) % $n) });
    $each->('product_composition', 'SKU,MaterialCode,MaterialDescription,CompositionPercentage', [ 1 .. 3 ],
        sub { my ($i, $k) = @_; join ',', sku($i), "MAT$k", "Material number $k", [ 0, 60, 30, 10 ]->[$k] });
    csv_file($dir, 'price_lists', 'PriceListCode,PriceListName,CurrencyCode',
        sub { print { $_[0] } "FULL,Bench Full,GBP\nOTHER,Bench Other,EUR\n" });
    $each->('prices', 'PriceListCode,SKU,UnitPrice,DiscountEligible,MOQ,OrderMultiple', [qw(FULL OTHER)],
        sub { my ($i, $l) = @_; join ',', $l, sku($i), sprintf('%.4f', 1 + rand 50), $i % 2, 1, 1 });
    csv_file($dir, 'warehouses', 'StockLocation,Name', sub { print { $_[0] } "MAIN,Bench Warehouse\n" });
    $each->('stock', 'SKU,StockLocation,AvailableQTY,NextAvailableETA', [1],
        sub { my ($i) = @_; join ',', sku($i), 'MAIN', int(rand 1000), $i % 3 ? '' : '2027-01-15' });
    csv_file($dir, 'customers', 'CustomerCode,Name,PriceListCode,StockLocation,DiscountPercent',
        sub { my ($out) = @_;
            printf {$out} "%s,Bench Customer,FULL,MAIN,%s\n", customer($_), 7.5 + $_ / 4 for 0 .. CUSTOMERS - 1;
        });
    return;
}

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

# bareread($db, $server): starts bareread: a code reference that runs a pass over a list and returns its
# milliseconds.
sub bareread {
    my ($db, $s) = @_;
    my $dir = tempdir_here();
    $s ||= db_server();
    spew("$dir/client.cnf",
        "[bareread]\nsocket=$s->{socket}\ndatabase=$db\nuser=kiss\npassword=" . $s->password('kiss') . "\n",
        0600);
    my $pid = open2(my $out, my $in, build_dir() . '/t/bench/bareread', "$dir/client.cnf", 'FULL', 'MAIN');
    $in->autoflush(1);
    return sub {
        my ($path) = @_;
        if (!defined $path) { close $in; waitpid $pid, 0; return }
        print $in "$path\n";
        my $answer = <$out>;
        die "bareread ended\n" unless defined $answer;
        return (split ' ', $answer)[0];
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

# request_text($path, %headers): a GET over a connection of its own.
sub request_text {
    my ($path, %headers) = @_;
    return join "\r\n", "GET $path HTTP/1.1", 'Host: 127.0.0.1', (map {"$_: $headers{$_}"} sort keys %headers),
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
        return 0 if $end < 0 || length $a->{head} == $end + 4;
        $buffer = substr $a->{head}, $end + 4;
        $a->{head} = substr $a->{head}, 0, $end + 4;
        die "not 200: $a->{head}" if $a->{head} !~ m{\AHTTP/1\.1 200 };
        ($a->{length}) = $a->{head} =~ /\r\nContent-Length: (\d+)/i;
        die "neither length nor chunks: $a->{head}" if !defined $a->{length} && $a->{head} !~ /\r\nTransfer-Encoding: chunked/i;
        $a->{first} = 1000 * (time - $start);
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

# cpu_ms(@pids): processor time that these and their children have used.
sub cpu_ms {
    my $ticks = 0;
    for my $pid (processes(@_)) {
        my @f = split ' ', _line("/proc/$pid/stat") =~ s/.*\) //r;
        $ticks += $f[11] + $f[12] if @f;
    }
    return 1000 * $ticks / POSIX::sysconf(POSIX::_SC_CLK_TCK());
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
