# kissctl schema upgrade: a database of version 1 with data comes to the schema of a new one.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use File::Copy qw(copy);
use KissTest;
use Test::More;

# old_sql($api): a folder with the schema files of version 1.
sub old_sql {
    my $dir = tempdir_here();
    for my $api (qw(customer kss)) {
        mkdir "$dir/$api";
        copy(top() . "/sql/$api/$_", "$dir/$api/$_") or die "$_: $!" for qw(0001-base.sql);
    }
    return $dir;
}

# old_database($name, $api): a database of version 1, empty.
sub old_database {
    my ($name, $api) = @_;
    my $db = new_database($name, api => $api);
    sql(undef, "DROP DATABASE `$db`; CREATE DATABASE `$db` CHARACTER SET utf8mb4");
    kissctl_ok({ db => $db }, lead($api), qw(schema install --sql), old_sql());
    return $db;
}

# lead($api): what the verbs of kissctl for it begin with.
sub lead { return $_[0] eq 'kss' ? 'kss' : () }

# shape($db): everything that information_schema knows of a database and that does not depend on its age or its content.
sub shape {
    my ($db) = @_;
    my @ask = (
        "SELECT 'table', table_name, table_type, engine, table_collation, create_options, table_comment"
            . ' FROM information_schema.tables WHERE table_schema = DATABASE()',
        "SELECT 'column', table_name, ordinal_position, column_name, column_default, is_nullable, column_type, collation_name,"
            . ' column_key, extra, column_comment, generation_expression FROM information_schema.columns WHERE table_schema = DATABASE()',
        "SELECT 'index', table_name, index_name, seq_in_index, column_name, non_unique, sub_part, collation"
            . ' FROM information_schema.statistics WHERE table_schema = DATABASE()',
        "SELECT 'trigger', trigger_name, event_object_table, event_manipulation, action_timing, action_statement"
            . ' FROM information_schema.triggers WHERE trigger_schema = DATABASE()',
        "SELECT 'key', constraint_name, table_name, column_name, ordinal_position, referenced_table_name, referenced_column_name"
            . ' FROM information_schema.key_column_usage WHERE table_schema = DATABASE()',
        "SELECT 'rule', constraint_name, table_name, referenced_table_name, update_rule, delete_rule"
            . ' FROM information_schema.referential_constraints WHERE constraint_schema = DATABASE()',
        "SELECT 'check', constraint_name, table_name, check_clause FROM information_schema.check_constraints"
            . ' WHERE constraint_schema = DATABASE()',
    );
    return [sort map { join '|', map { defined ? $_ : 'NULL' } @$_ } map { sql($db, $_) } @ask];
}

my %data = (customer => 'sample', kss => 'sample-kss');
for my $api (qw(customer kss)) {
    subtest $api => sub {
        my $new = new_database("new_$api", api => $api);
        my $old = old_database("old_$api", $api);
        my $load = $api eq 'kss' ? \&import_kss : \&import_csv;
        my ($rc, $out, $err) = kissctl({ db => $old }, lead($api), qw(schema check));
        is $rc, 1, 'version 1 is behind';
        like $err, qr/schema upgrade/, '... and kissctl says what to do';
        # The rows, as this version loads them: tables of version 1 take what the sample has.
        $load->($new, top() . "/sql/$data{$api}");
        my @tables = map { $_->[0] } sql($old, "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE()"
                . " AND table_type = 'BASE TABLE' AND table_name NOT IN ('schema_migration', 'revision', 'invoice_supplier') ORDER BY table_name");
        my %columns = map {
            my $t = $_;
            $t => join ', ', map { $_->[0] } sql($old, 'SELECT column_name FROM information_schema.columns'
                    . " WHERE table_schema = DATABASE() AND table_name = '$t' AND is_generated = 'NEVER' AND column_name IN (SELECT column_name"
                    . " FROM information_schema.columns WHERE table_schema = '$new' AND table_name = '$t') ORDER BY ordinal_position")
        } @tables;
        sql($old, 'SET foreign_key_checks = 0; '
                . join '; ', map {"INSERT INTO $_ ($columns{$_}) SELECT $columns{$_} FROM `$new`.$_"} @tables);
        my %count = map { $_ => (sql($old, "SELECT COUNT(*) FROM $_"))[0][0] } @tables;
        kissctl_ok({ db => $old }, lead($api), qw(schema upgrade));
        is kissctl_ok({ db => $old }, lead($api), qw(schema check)), "schema version 2 of 2: current\n", 'upgraded';
        is_deeply { map { $_ => (sql($old, "SELECT COUNT(*) FROM $_"))[0][0] } @tables }, \%count, 'every row is still there';
        is_deeply shape($old), shape($new), 'the same schema as a new database has';
        ($rc, $out, $err) = kissctl({ db => $old }, lead($api), qw(schema upgrade));
        is $rc, 0, 'an upgrade may be run again';
    };
}

done_testing;
