# kissctl at a cluster: imports, exports and upgrades that are started at two nodes at once, and a node that is killed in the middle.
# SPDX-License-Identifier: Apache-2.0
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use KissTest;
use KissTest::Cluster;
use KissTest::Load;
use POSIX ();
use Test::More;
use Time::HiRes qw(sleep);

plan skip_all => 't/cluster/programs has not been run' if !KissTest::Cluster::programs();
my $cluster = KissTest::Cluster->start(3);
my @node = $cluster->nodes;

# at($i, $db): what kissctl at that node needs.
sub at {
    my ($i, $db, $as) = @_;
    my $file = "$node[$i]{dir}/$db." . ($as // '') . "cnf";
    my $text = slurp("$node[0]{dir}/$db." . ($as // '') . "cnf");
    spew($file, $text =~ s/\Q$node[0]{socket}\E/$node[$i]{socket}/gr, 0600) if $i;
    return { defaults => $file, timeout => 600 };
}
# seen($i, $db, $sql): rows at a node, with all that was committed before at any.
sub seen { my ($i, $db, $sql) = @_; return $node[$i]->sql($db, "SET SESSION wsrep_sync_wait = 15; $sql") }
# both($db, $sub): what $sub->(number of the node) returned at the first two nodes at once.
sub both { my ($sub) = @_; return parallel(2, $sub) }
sub everything { my ($i, $db, @tables) = @_; return join "\n", map { join ' ', @{ (seen($i, $db, "CHECKSUM TABLE $_"))[0] } } @tables }

# folder($n, %files): a catalogue of n products.
sub folder {
    my ($n, $price, @only) = @_;
    my $dir = tempdir_here();
    my %text = map { (m{([^/]+)\z})[0] => slurp($_) } glob top() . '/sql/sample/*.csv';
    my %header = map { $_ => [split /,/, ($text{$_} =~ /\A(.*)/)[0] =~ s/\s+\z//r] } qw(products.csv prices.csv);
    my $row = sub { my ($file, %v) = @_; return join(',', map { $v{$_} // '' } @{ $header{$file} }) . "\n" };
    my @sku = map { sprintf 'ZZ%06d', $_ } 1 .. $n;
    $text{'products.csv'} .= $row->('products.csv', SKU => $_, Name => "Product $_", Status => 'Live') for @sku;
    $text{'prices.csv'} .= $row->('prices.csv', SKU => $_, PriceListCode => 'UKTRADE', UnitPrice => $price, TierLevel => 1) for @sku;
    spew("$dir/$_", $text{$_}) for @only ? @only : keys %text;
    return $dir;
}

subtest 'imports' => sub {
    my $db = new_database('imports', server => $node[0]);
    import_sample($db);
    my @folder = map { folder(2000, $_) } qw(1.10 2.20);
    my @tables = qw(product price stock price_list customer);
    for my $round (1 .. 3) {
        my @got = both(sub { my ($i) = @_; [kissctl(at($i, $db), 'import', $folder[$i])] });
        is join(' ', map { $_->[0] } @got), '0 0', "round $round: the same files at two nodes at once: both are loaded" or diag map { "@$_" } @got;
        my %price = map { $_->[0] => 1 } seen(0, $db, "SELECT DISTINCT unit_price + 0 FROM price WHERE sku LIKE 'ZZ%'");
        is scalar keys %price, 1, '... one after the other: all prices are of one folder';
        is everything(1, $db, @tables), everything(0, $db, @tables), '... the same at both nodes';
    }
    # Files that have no row in common.
    my @other = (folder(10, 1, 'products.csv'), folder(2000, 3.30, 'prices.csv'));
    my @got = both(sub { my ($i) = @_; [kissctl(at($i, $db), 'import', '--remove-up-to', 100, $other[$i])] });
    is join(' ', map { $_->[0] } @got), '0 0', 'different files at two nodes at once: both are loaded' or diag map { "@$_" } @got;
    is everything(1, $db, @tables), everything(0, $db, @tables), '... the same at both nodes';
};

subtest 'doctor' => sub {
    my $db = new_database('doctor', server => $node[0]);
    import_sample($db);
    seen(1, $db, 'SELECT 1');
    my ($rc, $out) = kissctl(at(1, $db), 'doctor');
    like $out, qr/^ok +cluster: node2, one of 3 nodes, Synced/m, 'a node in order';
    $node[1]->sql(undef, 'SET GLOBAL wsrep_on = OFF');
    ($rc, $out) = kissctl(at(1, $db), 'doctor');
    $node[1]->sql(undef, 'SET GLOBAL wsrep_on = ON');
    is $rc, 1, 'one whose wsrep_on is OFF is a problem';
    like $out, qr/^PROBLEM +cluster: node2: wsrep_on is OFF/m, '... and named';
};

subtest 'a node is killed during an import' => sub {
    my $db = new_database('killed', server => $node[0]);
    import_sample($db);
    my $folder = folder(20000, 5);
    my @tables = qw(product price stock price_list customer revision last_load);
    my $before = everything(2, $db, @tables);
    my $pid = fork // die "fork: $!";
    if (!$pid) { my ($rc, $out, $err) = kissctl(at(1, $db), 'import', $folder); spew("$folder/report", "$rc\n$out$err"); POSIX::_exit(0) }
    # The view shows nothing new to who reads it more often (findings/mariadb-trx-view.sh).
    ok wait_until(60, sub { sleep 0.15; (eval { ($node[1]->sql(undef, 'SELECT COALESCE(MAX(trx_rows_modified), 0) FROM information_schema.innodb_trx'))[0][0] } // 0) > 1000 }),
        'it is in the middle';
    $node[1]->stop('KILL');
    waitpid $pid, 0;
    my ($rc) = slurp("$folder/report") =~ /\A(\d+)/;
    is $rc, 1, 'kissctl says that it failed';
    like slurp("$folder/report"), qr/nothing was changed|nothing is changed|lost|gone away/i, '... and why';
    is everything(2, $db, @tables), $before, 'the others have nothing of it';
    # Until the others have found out, nothing can be committed: an import would end without an answer, and say so.
    my $status = sub { my ($name) = @_; return eval { ($node[2]->sql(undef, "SHOW STATUS LIKE '$name'"))[0][1] } // '' };
    ok wait_until(60, sub { sleep 0.1; $status->('wsrep_cluster_size') eq '2' && $status->('wsrep_cluster_status') eq 'Primary' }), 'the others go on without it';
    ($rc, undef, my $err) = kissctl(at(2, $db), 'import', $folder);
    is $rc, 0, 'run again at another node it is loaded' or diag $err;
    $node[1]->resume;
    $cluster->wait_ready(1);
    is everything(1, $db, @tables), everything(2, $db, @tables), 'the node that comes back has the same';
};

subtest 'exports of payments' => sub {
    my $db = new_database('export', api => 'kss', server => $node[0]);
    import_kss($db, top() . '/sql/sample-kss');
    seen(0, $db, <<'SQL');
INSERT INTO payment (payment_id, payment_invoice_num, ar_account_id, payment_type_id, supplier_id, amount, post_date)
    SELECT 990001, 'PAY-X', a.ar_account_id, (SELECT MIN(payment_type_id) FROM payment_type), (SELECT MIN(supplier_id) FROM supplier), 100000, '2025-03-01'
    FROM ar_account a ORDER BY a.ar_account_id LIMIT 1;
INSERT INTO invoice (invoice_id, customer_id, ar_account_id, invoice_num, date, status)
    SELECT 990002, a.customer_id, a.ar_account_id, 'INV-X', '2025-03-01', 1 FROM ar_account a ORDER BY a.ar_account_id LIMIT 1;
SQL
    my ($account) = map { $_->[0] } seen(0, $db, 'SELECT MIN(ar_account_id) FROM ar_account');
    my ($rounds, $failed, %in) = (0, 0);
    while ($rounds++ < 5) {
        my $base = 5000000 + $rounds * 1000;
        seen(0, $db, "INSERT INTO payment_application (request_id, payment_id, target_invoice_id, ar_account_id, amount, status, time_requested)"
                . " SELECT $base + seq, 990001, 990002, $account, 1, 'Pending', UTC_TIMESTAMP(3) FROM seq_1_to_200");
        my @got = both(sub { my ($i) = @_; [kissctl(at($i, $db), 'kss', 'payments', 'export')] });
        for my $r (@got) {
            $r->[0] ? do { $failed++; like $r->[2], qr/do not use this output: this run has exported nothing/, 'the one that came second says so' }
                : do { $in{$_}++ for $r->[1] =~ /^(500\d{4}|50\d{5}),/mg };
        }
        ok((grep { $_->[0] == 0 } @got), "round $rounds: one export succeeds");
        kissctl_ok(at(0, $db), 'kss', 'payments', 'export');
    }
    is_deeply [grep { $in{$_} > 1 } keys %in], [], 'no request is in two exports';
    diag "$failed of 10 exports were refused";
};

subtest 'schema upgrades' => sub {
    for my $api (qw(customer kss)) {
        my $lead = $api eq 'kss' ? ['kss'] : [];
        my $files = tempdir_here();
        system 'cp', '-r', top() . '/sql/.', $files;
        my ($first, @later) = sort map { (m{([^/]+)\z})[0] } glob "$files/$api/0*.sql";
        unlink "$files/$api/$_" for @later;
        for my $round (1 .. 3) {
            my $db = "u${round}_$$" . "_$api";
            $node[0]->sql(undef, "CREATE DATABASE $db CHARACTER SET utf8mb4");
            for my $i (0, 1) {
                spew("$node[$i]{dir}/$db.root.cnf", join('', map {"[$_]\nsocket=$node[$i]{socket}\ndatabase=$db\nuser=" . getpwuid($>) . "\n"} qw(kissctl kissctl_kss)), 0600);
            }
            my $kissctl = build_dir() . '/support/kissctl';
            my @base = map { [$kissctl, '--defaults', "$node[$_]{dir}/$db.root.cnf"] } 0, 1;
            my ($rc, $out, $err) = run({ timeout => 120 }, @{ $base[0] }, '--sql', $files, @$lead, 'schema', 'install');
            is $rc, 0, "$api: the first version" or diag $err;
            my @got = both(sub { my ($i) = @_; [run({ timeout => 120 }, @{ $base[$i] }, '--sql', top() . '/sql', @$lead, 'schema', 'upgrade')] });
            ok((grep { $_->[0] == 0 } @got), 'upgraded at two nodes at once: one says that it is done');
            like $_->[2], qr/another node of the cluster is at work on the schema/, '... and the other one that it is refused' for grep { $_->[0] } @got;
            for my $i (0, 1) {
                ($rc, $out, $err) = run({ timeout => 120 }, @{ $base[$i] }, '--sql', top() . '/sql', @$lead, 'schema', 'check');
                is $rc, 0, "... and node $i has it" or diag $out . $err;
                ($rc, $out, $err) = run({ timeout => 120 }, @{ $base[$i] }, '--sql', top() . '/sql', @$lead, 'schema', 'install');
                is "$rc$err", '0', '... with nothing to put back';
            }
            $node[0]->sql(undef, "DROP DATABASE $db");
        }
    }
};

subtest 'a node is killed during an upgrade' => sub {
    my $files = tempdir_here();
    system 'cp', '-r', top() . '/sql/.', $files;
    my ($first, @later) = sort map { (m{([^/]+)\z})[0] } glob "$files/customer/0*.sql";
    unlink "$files/customer/$_" for @later;
    my $db = "killed_$$";
    $node[0]->sql(undef, "CREATE DATABASE $db CHARACTER SET utf8mb4");
    my @base = map { spew("$node[$_]{dir}/$db.root.cnf", "[kissctl]\nsocket=$node[$_]{socket}\ndatabase=$db\nuser=" . getpwuid($>) . "\n", 0600);
        [build_dir() . '/support/kissctl', '--defaults', "$node[$_]{dir}/$db.root.cnf"] } 0, 1;
    run(@{ $base[0] }, '--sql', $files, qw(schema install));
    my $pid = fork // die "fork: $!";
    if (!$pid) { my ($rc, $out, $err) = run(@{ $base[1] }, '--sql', top() . '/sql', qw(schema upgrade)); spew("$files/report", "$rc\n$out$err"); POSIX::_exit(0) }
    ok wait_until(60, sub { (seen(0, $db, 'SELECT MAX(version) FROM schema_migration'))[0][0] > 1 }), 'it is in the middle';
    $node[1]->stop('KILL');
    waitpid $pid, 0;
    SKIP: {
        skip 'it was done before', 4 if slurp("$files/report") =~ /\A0\n/;
        my ($rc, $out, $err) = run(@{ $base[0] }, '--sql', top() . '/sql', qw(schema upgrade));
        is $rc, 1, 'another node does not go on by itself';
        like $err, qr/kissctl at node2.*DELETE FROM schema_migration WHERE version = 0/, '... it says what to do';
        $node[0]->sql($db, 'DELETE FROM schema_migration WHERE version = 0');
        ($rc, $out, $err) = run(@{ $base[0] }, '--sql', top() . '/sql', qw(schema upgrade));
        is $rc, 0, 'and then goes on' or diag $err;
    }
    $node[1]->resume;
    $cluster->wait_ready(1);
    for my $i (0, 1) {
        my ($rc, $out, $err) = run(@{ $base[$i] }, '--sql', top() . '/sql', qw(schema install));
        is "$rc$err", '0', "node $i has the whole schema, with nothing to put back";
    }
};

done_testing;
