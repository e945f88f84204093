# An empty cluster that two hosts install at once, each at another node: schemas, and all that `kissctl setup` does. One of them has done it,
# the other one has too or says why not and what to do, and what is there is whole.
# SPDX-License-Identifier: Apache-2.0
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use KissTest;
use KissTest::Cluster;
use KissTest::Debian;
use Test::More;

plan skip_all => 't/cluster/programs has not been run' if !KissTest::Cluster::programs();
my $cluster = KissTest::Cluster->start(3);
my @node = $cluster->nodes;
my $me = getpwuid $>;
# seen($i, $db, $sql): rows at a node, with all that was committed before at any.
sub seen { my ($i, $db, $sql) = @_; return $node[$i]->sql($db, "SET SESSION wsrep_sync_wait = 15; $sql") }

subtest 'schema install' => sub {
    for my $api (qw(customer kss)) {
        my @verb = (($api eq 'kss' ? 'kss' : ()), 'schema');
        my (%done, @wrong);
        for my $round (1 .. 5) {
            my $db = "install_${api}_$round";
            seen(0, undef, "CREATE DATABASE $db CHARACTER SET utf8mb4");
            seen($_, undef, 'SELECT 1') for 1, 2;
            my @as = map {
                my $file = "$node[$_]{dir}/$db.root.cnf";
                my $how = "socket=$node[$_]{socket}\ndatabase=$db\nuser=$me\n";
                spew($file, "[kissctl]\n$how\[kissctl_kss]\n$how", 0600);
                { defaults => $file, timeout => 120 }
            } 0 .. 2;
            my @got = parallel(2, sub { [kissctl($as[ $_[0] ], @verb, 'install')] });
            my @well = grep { $_->[0] == 0 } @got;
            $done{ scalar @well }++;
            push @wrong, "round $round: none is done: $got[0][2] $got[1][2]" if !@well;
            push @wrong, "round $round: $_->[2]" for grep { $_->[0] && $_->[2] !~ /another node of the cluster is at work on the schema/ } @got;
            for my $i (0 .. 2) {
                my ($rc, $out, $err) = kissctl($as[$i], @verb, 'check');
                push @wrong, "round $round: node $i: $out$err" if $rc;
                ($rc, $out, $err) = kissctl($as[$i], @verb, 'install');
                push @wrong, "round $round: node $i lacked something: $err" if $rc || $err ne '';
            }
            my ($epochs) = map { $_->[0] } seen(1, $db, "SELECT COUNT(*) FROM revision WHERE dataset = 'epoch'");
            push @wrong, "round $round: $epochs epochs" if $epochs != 1;
            push @wrong, "round $round: the lease is there" if seen(1, $db, 'SELECT 1 FROM schema_migration WHERE version = 0');
            seen(0, undef, "DROP DATABASE $db");
        }
        is $wrong[0], undef, "$api: five times at two nodes at once: whole, and who was refused says why";
        note "$api: done by " . join ', ', map {"$_: $done{$_} times"} sort keys %done;
    }
};

# Two hosts, each with its httpd, its own files and its own node.
subtest 'kissctl setup' => sub {
    my @host = map {
        my $dir = tempdir_here();
        my $port = KissTest::Httpd::free_port();
        my $h = debian_httpd("$dir/apache2", $port);
        spew("$dir/admin.cnf", "[client]\nsocket=$node[$_]{socket}\nuser=$me\n", 0600);
        my @words = ('--apache', "$dir/apache2", '--apachectl', "$dir/apache2/apachectl", '--admin', "$dir/admin.cnf", '--port', $port, '--token-keys', "$dir/mod_kiss/token.keys",
            '--server-name', 'localhost', '--certificate', $h->{ca}, '--certificate-key', "$h->{root}/server.key");
        { h => $h, dir => $dir, port => $port, setup => sub { kissctl({ defaults => "$dir/mod_kiss/kissctl.cnf", timeout => 120 }, 'setup', @words) },
            ctl => sub { kissctl({ defaults => "$dir/mod_kiss/kissctl.cnf", timeout => 120 }, @_) } }
    } 0, 1;
    my $afresh = sub {
        seen(0, undef, join('; ', (map {"DROP USER IF EXISTS '$_'\@'localhost'"} qw(kiss kiss_admin)), 'DROP DATABASE IF EXISTS kiss'));
        seen($_, undef, 'SELECT 1') for 1, 2;
        for (@host) { system 'rm', '-rf', "$_->{dir}/mod_kiss", glob "$_->{dir}/apache2/sites-*/* $_->{dir}/apache2/mods-enabled/kiss.load" }
    };
    $afresh->();
    my ($rc, $out, $err) = $host[0]{setup}->();
    is $rc, 1, 'a node that lets no account make triggers: refused';
    like $err, qr/is a node of a cluster.*log_bin_trust_function_creators = 1.*nothing was changed/s, '... with what it needs';
    is_deeply [seen(1, undef, "SHOW DATABASES LIKE 'kiss'")], [], '... which is true';
    $_->sql(undef, 'SET GLOBAL log_bin_trust_function_creators = 1') for @node;

    for my $round (1 .. 4) {
        $afresh->();
        my @got = parallel(2, sub { [$host[ $_[0] ]{setup}->()] });
        my @failed = grep { $got[$_][0] } 0, 1;
        # Each has made up passwords for the accounts, which are the cluster's.
        isnt scalar @failed, 0, "round $round: not both hosts can make the same accounts";
        like $got[$_][2], qr/the step '[^']+' .* failed: what was done before it stays|the account \S+ is there.*nothing was changed/s, "... host $_ says so" for @failed;
        note "host $_: " . $got[$_][2] =~ s/\s+/ /gr for @failed;
        unlike join("\n", map { $_->[1] . $_->[2] } @got), qr/\b[\w-]{32,}\b/, '... without a password';
        # Run again, each goes on, or says whose password it lacks; who has all of them is done.
        my @again = map { [$_->{setup}->()] } @host;
        like $_->[2], qr{the account \S+ is there(?: already)?, but .*/(?:db\.password|kissctl\.cnf)\b.*(?:Put the right one there|write the file)}, '... run again: which password it lacks'
            for grep { $_->[0] } @again;
        my ($well) = grep { $again[$_][0] == 0 } 0, 1;
        if (!defined $well) {
            # Each has made one of the two.
            seen(0, undef, join '; ', map {"DROP USER IF EXISTS '$_'\@'localhost'"} qw(kiss kiss_admin));
            $well = 0;
            is +($host[0]{setup}->())[0], 0, '... each has made one account: DROP USER, as it says, and one host is ready';
        }
        my $other = $host[1 - $well];
        mkdir "$other->{dir}/mod_kiss";
        system 'cp', '-p', "$host[$well]{dir}/mod_kiss/db.password", "$other->{dir}/mod_kiss/db.password";
        spew("$other->{dir}/mod_kiss/kissctl.cnf", slurp("$host[$well]{dir}/mod_kiss/kissctl.cnf") =~ s/\Q$node[$well]{socket}\E/$node[1 - $well]{socket}/gr, 0600);
        ($rc, $out, $err) = $other->{setup}->();
        is $rc, 0, '... with its passwords the other one is, too' or diag $err;
        is +($host[$well]{ctl}->('import', top() . '/sql/sample'))[0], 0, '... data, by one';
        $other->{h}->restart;
        ($rc, $out, $err) = $other->{ctl}->('doctor', '--token-keys', "$other->{dir}/mod_kiss/token.keys", '--cache-dir', "$other->{dir}/apache2/cache");
        is $rc, 0, '... and the doctor of the other one has no complaint' or diag $out . $err;
    }
    $_->{h}->log_ok for @host;
};

done_testing;
