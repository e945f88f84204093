# Whatever ordinary SQL does to a table raises the revisions of what answers show of it, with a number of the clock: for every
# table of both databases INSERT, INSERT IGNORE, UPDATE of each column and of the keys, UPDATE over a join, REPLACE, ON
# DUPLICATE KEY UPDATE, LOAD DATA REPLACE, DELETE over a join, and rows that go with their parent.
# SPDX-License-Identifier: Apache-2.0
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use KissTest;
use Test::More;
use Time::HiRes qw(time);

my %data = (customer => ['', 'sample'], kss => ['kss', 'sample-kss']);

# What a change of a table must raise: its own dataset in the KSS API, these in the Customer API.
my %raises = (
    product => ['products '], product_image => ['products '], product_accessory => ['products '],
    product_substitution => ['products '], product_composition => ['products '], customer => ['customers '], api_key => ['keys '],
    admin_client => ['admins '], admin_key => ['admins ']
);
my %scoped = (price => ['prices', 'price_list_code'], price_list => ['prices', 'price_list_code'], stock => ['stock', 'stock_location']);

for my $api (qw(customer kss)) {
    my $db = new_database("triggers_$api", api => $api);
    kissctl_ok({ db => $db, timeout => 300 }, grep({length} $data{$api}[0]), 'import', top() . "/sql/$data{$api}[1]");
    my @tables = map { $_->[0] } sql($db, 'SELECT DISTINCT event_object_table FROM information_schema.triggers WHERE trigger_schema = DATABASE()'
            . " AND event_object_table NOT IN ('warehouse', 'revision') ORDER BY 1");
    # What kissctl does not bring.
    sql($db, "INSERT INTO api_key (type, prefix, hash) VALUES ('supplier', 'aaaaaaaa', REPEAT('a', 32)), ('supplier', 'bbbbbbbb', REPEAT('b', 32));"
            . ' INSERT INTO api_key_account SELECT key_id, 10 FROM api_key') if $api eq 'kss';
    sql($db, "INSERT INTO api_key (customer_code, prefix, hash) SELECT customer_code, 'aaaaaaaa', UNHEX(SHA2(customer_code, 256)) FROM customer")
        if $api eq 'customer';
    sql($db, "INSERT INTO admin_client (admin_code) VALUES ('one'), ('two');"
            . " INSERT INTO admin_key (admin_code, prefix, hash) SELECT admin_code, 'aaaaaaaa', UNHEX(SHA2(admin_code, 256)) FROM admin_client")
        if $api eq 'customer';

    # run($sql): the revisions that rose. Everything is taken back. Dies with what the server says.
    my $run = sub {
        my ($sql) = @_;
        my ($from) = time * 1e6;
        my @rose = sql($db, "SET foreign_key_checks = 0; CREATE OR REPLACE TEMPORARY TABLE was SELECT dataset, scope, n FROM revision; START TRANSACTION;"
                . " $sql; SELECT r.dataset, r.scope, r.n, COALESCE(w.n, 0) FROM revision r LEFT JOIN was w USING (dataset, scope)"
                . ' WHERE NOT (r.n <=> w.n); ROLLBACK');
        @rose = grep { @$_ == 4 && $_->[2] =~ /^\d+$/ } @rose;
        my @low = grep { $_->[2] <= $_->[3] || $_->[2] < $from - 5e6 } @rose;
        return @low ? ("numbers that are not the clock's") : map {"$_->[0] $_->[1]"} @rose;
    };
    my (@wrong, $done);
    # must($what, $table, $scopes, $sql)
    my $must = sub {
        my ($what, $table, $scopes, $sql) = @_;
        my %rose = map { $_ => 1 } eval { $run->($sql) };
        my $error = $@ ? $@ =~ s/\n.*//sr : '';
        my @want = $api eq 'kss' ? "$table " : $scoped{$table} ? map {"$scoped{$table}[0] $_"} @$scopes : @{ $raises{$table} };
        push @wrong, "$table: $what: " . ($error || join(', ', grep { !$rose{$_} } @want) . ' did not rise') if $error || grep { !$rose{$_} } @want;
        $done++;
        return;
    };
    for my $t (@tables) {
        my @columns = sql($db, 'SELECT column_name, column_key, data_type, is_generated, extra, column_type FROM information_schema.columns'
                . " WHERE table_schema = DATABASE() AND table_name = '$t' ORDER BY ordinal_position");
        my @plain = grep { $_->[3] eq 'NEVER' } @columns;
        my $list = join ', ', map { $_->[0] } @plain;
        my @key = map { $_->[0] } sql($db, 'SELECT column_name FROM information_schema.key_column_usage WHERE table_schema = DATABASE()'
                . " AND table_name = '$t' AND constraint_name = 'PRIMARY' ORDER BY ordinal_position");
        my ($n) = map { $_->[0] } sql($db, "SELECT COUNT(*) FROM $t");
        push @wrong, "$t has no rows" and next if !$n;
        my $where = join ' AND ', map {"$_ = (SELECT v FROM (SELECT MAX($_) AS v FROM $t) m)"} $key[0];
        my $scope = $scoped{$t} ? $scoped{$t}[1] : "''";
        my @scope = map { $_->[0] } sql($db, "SELECT DISTINCT $scope FROM $t WHERE $where");
        my $some = "CREATE OR REPLACE TEMPORARY TABLE some SELECT $list FROM $t WHERE $where";
        $must->('INSERT', $t, \@scope, "$some; DELETE FROM $t WHERE $where; UPDATE revision SET n = n; DELETE FROM was; INSERT INTO was SELECT"
                . " dataset, scope, n FROM revision; INSERT INTO $t ($list) SELECT $list FROM some");
        $must->('INSERT IGNORE', $t, \@scope, "$some; DELETE FROM $t WHERE $where LIMIT 1; DELETE FROM was; INSERT INTO was SELECT"
                . " dataset, scope, n FROM revision; INSERT IGNORE INTO $t ($list) SELECT $list FROM some");
        for my $c (@plain) {
            next if grep { $_ eq $c->[0] } @key;
            my $value = $c->[2] =~ /char|text/ ? "LEFT(CONCAT('x', COALESCE($c->[0], '')), 2)"
                : $c->[2] eq 'enum' ? "'" . ($c->[5] =~ /'(\w+)'\)\z/)[0] . "'"
                : $c->[2] =~ /date|time/ ? "COALESCE($c->[0], '2026-01-01') + INTERVAL 1 DAY" : $c->[2] =~ /binary/ ? "UNHEX(MD5($c->[0]))"
                : $c->[2] eq 'tinyint' ? "COALESCE(1 - $c->[0], 1) & 1" : $c->[1] eq 'UNI' ? "COALESCE($c->[0], 0) + 1000000" : "COALESCE($c->[0], 0) + 1";
            $value = "CONCAT(UNHEX(MD5($c->[0])), UNHEX(MD5($c->[0])))" if $c->[0] eq 'hash';
            $must->("UPDATE of $c->[0]", $t, \@scope, "UPDATE $t SET $c->[0] = $value WHERE $where LIMIT 1");
        }
        for my $k (@key) {
            my ($c) = grep { $_->[0] eq $k } @plain;
            my $value = $c->[2] =~ /char|text/ ? "CONCAT(LEFT($k, 6), '!')" : $c->[2] eq 'enum' ? "'Credit'" : $c->[2] eq 'tinyint' ? "1 - $k" : "$k + 1000000";
            my @both = @scope;
            push @both, map { $_->[0] } sql($db, "SELECT DISTINCT $value FROM $t WHERE $where") if $k eq $scope;
            my $free = $c->[2] eq 'enum' ? "$where AND $k <> 'Credit'" : $where;
            next if $c->[2] eq 'enum' && !(sql($db, "SELECT COUNT(*) FROM $t WHERE $free"))[0][0];
            $must->("UPDATE of the key's $k", $t, \@both, "UPDATE IGNORE $t SET $k = $value WHERE $free LIMIT 1");
        }
        $must->('UPDATE over a join', $t, \@scope, "$some; UPDATE $t o JOIN some n ON " . join(' AND ', map {"o.$_ = n.$_"} @key)
                . " SET o.$plain[-1][0] = o.$plain[-1][0]");
        $must->('REPLACE', $t, \@scope, "$some; REPLACE INTO $t ($list) SELECT $list FROM some");
        $must->('ON DUPLICATE KEY UPDATE', $t, \@scope,
            "$some; INSERT INTO $t ($list) SELECT $list FROM some ON DUPLICATE KEY UPDATE $plain[-1][0] = VALUES($plain[-1][0])");
        $must->('DELETE over a join', $t, \@scope, "$some; DELETE o FROM $t o JOIN some n ON " . join ' AND ', map {"o.$_ = n.$_"} @key);
        $must->('DELETE', $t, \@scope, "DELETE FROM $t WHERE $where LIMIT 1");
        my $file = tempdir_here() . '/rows';
        chmod 0777, $file =~ s{/rows}{}r;
        sql($db, "SELECT $list FROM $t WHERE $where INTO OUTFILE '$file' CHARACTER SET utf8mb4");
        $must->('LOAD DATA REPLACE', $t, \@scope, "LOAD DATA INFILE '$file' REPLACE INTO TABLE $t CHARACTER SET utf8mb4 ($list)");
    }
    # Rows that go with their parent fire no trigger of their own.
    for (sql($db, 'SELECT r.table_name, r.referenced_table_name, k.column_name, k.referenced_column_name FROM information_schema.referential_constraints r'
            . ' JOIN information_schema.key_column_usage k ON k.constraint_schema = r.constraint_schema AND k.constraint_name = r.constraint_name'
            . " WHERE r.constraint_schema = DATABASE() AND r.delete_rule = 'CASCADE' AND k.ordinal_position = 1")) {
        my ($child, $parent, $column, $key) = @$_;
        next if !grep { $_ eq $child } @tables;
        my ($n) = map { $_->[0] } sql($db, "SELECT COUNT(*) FROM $child");
        my %rose = map { $_ => 1 } eval { $run->("DELETE FROM $parent WHERE $key = (SELECT v FROM (SELECT MAX($column) AS v FROM $child) m)") };
        my @want = $api eq 'kss' ? "$child " : @{ $raises{$child} };
        push @wrong, "$child goes with $parent: " . ($@ || 'did not rise') if !$n || grep { !$rose{$_} } @want;
        $done++;
    }
    is join("\n", @wrong), '', "$api: $done operations over " . @tables . ' tables raise what they must';

    # A session's own variable is nothing to the triggers, whatever it holds.
    my $t = $api eq 'kss' ? 'vendor' : 'product';
    my $of = $api eq 'kss' ? 'vendor ' : 'products ';
    for my $value (0, 1, -1, "''", "'kissctl'", "'kissctl:'", "'kissctl:%'", "'%'", 'TRUE', '1.5', "X'00'", 'NOW()', 'CONNECTION_ID()', '-CONNECTION_ID() - 1', "CONCAT('kissctl:', CONNECTION_ID() + 1)",
        $api eq 'kss' ? '-CONNECTION_ID()' : "CONCAT('kissctl:', CONNECTION_ID())") {
        my %rose = map { $_ => 1 } $run->("SET \@kiss_bulk = $value; UPDATE $t SET " . ($api eq 'kss' ? "vendor_city = 'x'" : "theme = 'x'") . ' LIMIT 1');
        ok $rose{$of}, "\@kiss_bulk = $value changes nothing";
    }
}
done_testing;
