# kissctl at a cluster is killed before each of its calls, or its node in the middle: what is started again at another node finishes, nothing
# is lost, nothing done twice.
# SPDX-License-Identifier: Apache-2.0
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use KissTest;
use KissTest::Cluster;
use KissTest::Faults;
use KissTest::Import qw(folder);
use KissTest::Load;
use KissTest::Payments;
use POSIX ();
use Test::More;

plan skip_all => 't/cluster/programs has not been run' if !KissTest::Cluster::programs();
plan skip_all => cannot_preload('failnth') if cannot_preload('failnth');
my $cluster = KissTest::Cluster->start(3);
my @node = $cluster->nodes;
my $fault = preload('failnth');

# at($i, $db, %more): what kissctl at that node needs.
sub at {
    my ($i, $db, %more) = @_;
    my $file = "$node[$i]{dir}/$db.cnf";
    spew($file, slurp($node[0]->defaults($db)) =~ s/\Q$node[0]{socket}\E/$node[$i]{socket}/gr, 0600) if $i;
    return { defaults => $file, timeout => 600, %more };
}
# seen($i, $db, $sql): rows at a node, with all that was committed before at any.
sub seen { my ($i, $db, $sql) = @_; return $node[$i]->sql($db, "SET SESSION wsrep_sync_wait = 15; $sql") }
sub everything { my ($i, $db, @tables) = @_; return join "\n", map { join ' ', @{ (seen($i, $db, "CHECKSUM TABLE $_"))[0] } } @tables }

# ---- payments

my $kss = new_database('killed_kss', api => 'kss', server => $node[0]);
make_payments($kss, 1, 10_000_000);
sub requests {
    my ($i, $from, $n) = @_;
    return seen($i, $kss, "INSERT INTO payment_application (request_id, payment_id, target_invoice_id, ar_account_id, amount, status, time_requested)"
            . " SELECT $from + seq, 1, 41, 11, 1, 'Pending', UTC_TIMESTAMP(3) FROM seq_1_to_$n");
}
sub ids { return map { /^(\d+),/mg } @_ }
sub again { my ($i, $left) = @_; my ($at) = $left =~ /,([^,]*)\r\n\z/; return ($at // '') =~ /^\d/ ? kissctl_ok(at($i, $kss), qw(kss payments export --again), $at) : '' }
sub export { my ($i, %more) = @_; return kissctl(at($i, $kss, %more), qw(kss payments export)) }

subtest 'payments export, killed before each call' => sub {
    my ($n, $base, $ended, @wrong, %killed) = (0, 1000);
    until ($ended) {
        my ($one, $two) = ($n % 3, ($n + 1) % 3);
        $n++;
        $base += 10;
        requests($two, $base, 3);
        arm($fault, group => 'database', first => $n, late => 2);
        my ($rc, $left) = export($one, env => $fault->{env});
        $ended = !disarm($fault)->{failed};
        # The other one is started at once: what the first one has sent may still be at work in its server.
        my ($other, $second, $err) = export($two);
        ($other, $second, $err) = export($two) if $other;
        my $first = again($two, $left);
        my %in;
        $in{$_}++ for ids($first, $second);
        push @wrong, "call $n: $rc, then $other $err" if $other || keys %in != 3 || grep { ($in{ $base + $_ } // 0) != 1 } 1 .. 3;
        $killed{ $rc == 0 ? 'not' : ids($first) ? 'after the commit' : 'before it' }++;
    }
    is $wrong[0], undef, "$n calls, each time at another node: each request is handed over once";
    cmp_ok $killed{'before it'}, '>', 10, '... ' . join ', ', map {"killed $_: $killed{$_}"} sort keys %killed;
    is_deeply [seen(0, $kss, "SELECT DISTINCT status FROM payment_application")], [['Exported']], '... all are Exported';
};

subtest 'payments export, its node is killed' => sub {
    my %end;
    for my $round (1 .. 4) {
        my $base = 100_000 * $round;
        requests(0, $base, 4000);
        my $file = "$node[1]{dir}/export$round";
        my $pid = fork // die "fork: $!";
        if (!$pid) { my @got = export(1); spew($file, $got[1]); spew("$file.end", "$got[0] $got[2]"); POSIX::_exit(0) }
        ok wait_until(60, sub { -e "$file.end" || (eval { ($node[1]->sql(undef, 'SELECT COALESCE(MAX(trx_rows_modified), 0) FROM information_schema.innodb_trx'))[0][0] } // 0) >= 1000 * $round }),
            "round $round: it is in the middle";
        $node[1]->stop('KILL');
        waitpid $pid, 0;
        my ($left, $end) = map { slurp($_) } $file, "$file.end";
        my ($rc, $second, $err) = export(2);
        is $rc, 0, '... at another node' or diag $err;
        my $first = $end =~ /\A0 / ? $left : again(2, $left);
        $end{ $end =~ /\A0 / ? 'done before' : ids($first) ? 'committed' : $end =~ /got no answer/ ? 'no answer' : 'not committed' }++;
        my %in;
        $in{$_}++ for ids($first, $second);
        is scalar(grep { ($in{ $base + $_ } // 0) == 1 } 1 .. 4000), 4000, '... each request is handed over once';
        is scalar(keys %in), 4000, '... and no other one';
        $node[1]->resume;
        $cluster->wait_ready(1);
    }
    note join ', ', map {"$_: $end{$_}"} sort keys %end;
};

# ---- imports

subtest 'imports' => sub {
    my $db = new_database('killed', server => $node[0]);
    my @tables = qw(product product_image price stock price_list customer last_load);
    my ($old, $new) = (top() . '/sql/sample', tempdir_here());
    for my $file (glob "$old/*.csv") {
        my $text = slurp($file);
        $text =~ s/(?<=,)(\d+\.\d\d)(?=,)/$1 + 1/ge if $file =~ /prices/;
        $text =~ s/^((?:[^,\n]*,)2?)(\d+),/$1 . ($2 + 7) . ','/gme if $file =~ /stock/;
        spew("$new/" . ($file =~ m{([^/]+)\z})[0], $text);
    }
    my $load = sub { my ($i, $folder, %more) = @_; return kissctl(at($i, $db, %more), 'import', $folder) };
    my %state;
    for my $folder ($old, $new, $old) { is +($load->(0, $folder))[0], 0, 'loaded' or return; $state{$folder} = everything(0, $db, @tables[0 .. 5]) }
    isnt $state{$new}, $state{$old}, 'two states';
    arm($fault, group => 'database', first => 1_000_000, late => 2);
    is +($load->(0, $new, env => $fault->{env}))[0], 0, 'how many calls there are';
    my $calls = disarm($fault)->{count};
    # Some of them, and all of the last ones.
    my ($is, %killed, @wrong) = ($new);
    for my $n (map({ 1 + int($calls * $_ / 40) } 0 .. 39), $calls - 15 .. $calls) {
        my ($one, $two, $to) = ($n % 3, ($n + 1) % 3, $is eq $new ? $old : $new);
        arm($fault, group => 'database', first => $n, late => 2);
        my ($rc) = $load->($one, $to, env => $fault->{env});
        disarm($fault);
        my ($other, $out, $err) = $load->($two, $to);
        push @wrong, "call $n of $calls: $rc, then $other $err" if $other;
        push @wrong, "call $n of $calls: $rc, another state" if everything($n % 3, $db, @tables[0 .. 5]) ne $state{$to};
        $killed{$rc}++;
        $is = $to;
    }
    is $wrong[0], undef, 'killed before some of ' . $calls . ' calls: started again at another node, all is loaded';
    cmp_ok $killed{137}, '>=', 40, "... $killed{137} times";
    is everything(1, $db, @tables), everything(2, $db, @tables), '... the same at all nodes';
};

done_testing;
