# kissctl schema upgrade: a database of version 1 with data comes to the schema of a new one, also when it is interrupted, run again, or
# run while clients poll and others write.
# SPDX-License-Identifier: Apache-2.0
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use File::Copy qw(copy);
use Digest::MD5 ();
use KissTest;
use KissTest::Load;
use POSIX ();
use Test::More;
use Time::HiRes qw(sleep time);

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

# current($api): what kissctl says of the newest schema.
sub current {
    my ($api) = @_;
    my $n = () = glob top() . "/sql/$api/0*.sql";
    return "schema version $n of $n: current\n";
}

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

# fill($old, $new): gives a database of version 1 the rows of another one; its own triggers work out the sums. Returns the tables.
sub fill {
    my ($old, $new) = @_;
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
    return @tables;
}

# begin_upgrade($db, $api): starts it in the background: its process.
sub begin_upgrade {
    my ($db, $api) = @_;
    my $pid = fork // die "fork: $!";
    return $pid if $pid;
    open STDOUT, '>', '/dev/null';
    open STDERR, '>&', \*STDOUT;
    exec build_dir() . '/support/kissctl', '--defaults', db_server()->defaults($db), '--sql', top() . '/sql', lead($api), qw(schema upgrade)
        or POSIX::_exit(127);
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
        $load->($new, top() . "/sql/$data{$api}");
        my @tables = fill($old, $new);
        my %count = map { $_ => (sql($old, "SELECT COUNT(*) FROM $_"))[0][0] } @tables;
        kissctl_ok({ db => $old }, lead($api), qw(schema upgrade));
        is kissctl_ok({ db => $old }, lead($api), qw(schema check)), current($api), 'upgraded';
        is_deeply { map { $_ => (sql($old, "SELECT COUNT(*) FROM $_"))[0][0] } @tables }, \%count, 'every row is still there';
        is_deeply shape($old), shape($new), 'the same schema as a new database has';
        ($rc, $out, $err) = kissctl({ db => $old }, lead($api), qw(schema upgrade));
        is $rc, 0, 'an upgrade may be run again';
    };
}


subtest 'interrupted, and run again' => sub {
    for my $api (qw(customer kss)) {
        my $new = new_database("whole_$api", api => $api);
        ($api eq 'kss' ? \&import_kss : \&import_csv)->($new, top() . "/sql/$data{$api}");
        my $filled = sub { my $of = old_database("broken_$api", $api); fill($of, $new); return $of };
        my $old = $filled->();
        my $at = time;
        waitpid begin_upgrade($old, $api), 0;
        my $takes = time - $at;
        $old = $filled->();
        my ($killed, $cut) = (0, 0);
        # At other moments each time, whatever speed the machine has; the next one goes on where it was interrupted.
        for my $try (1 .. 60) {
            last if $try > 10 && $killed + $cut > 3;
            my $begun = time;
            my $end = $begun + $takes * (1 + ($try - 1) % 10) / 11;
            my $pid = begin_upgrade($old, $api);
            sleep 0.001 while time < $end && waitpid($pid, POSIX::WNOHANG()) == 0;
            $takes = time - $begun if time < $end;      # it was quicker this time
            if ($try % 2) {
                $killed += kill 'KILL', $pid;
            }
            else {
                for (sql(undef, "SELECT id FROM information_schema.processlist WHERE db = '$old'")) {
                    $cut += eval { sql(undef, "KILL CONNECTION $_->[0]"); 1 } // 0;
                }
            }
            waitpid $pid, 0;
            $old = $filled->() if (kissctl({ db => $old }, lead($api), qw(schema check)))[0] == 0;
        }
        cmp_ok $killed + $cut, '>', 3, "$api: kissctl was killed $killed times, its connection $cut times";
        my ($rc, $out, $err) = kissctl({ db => $old }, lead($api), qw(schema upgrade));
        # A connection that was killed while it opened a table: findings/mariadb-killed-reader.sh.
        if ($rc && $err =~ /\(error 1064\)/) {
            like $err, qr/FLUSH TABLES/, "$api: 1064 comes with its advice";
            sql($old, 'FLUSH TABLES');
            ($rc, $out, $err) = kissctl({ db => $old }, lead($api), qw(schema upgrade));
        }
        is "$rc $out$err", '0 ' . current($api), '... run again';
        is_deeply shape($old), shape($new), '... the schema is whole';
        ($rc, $out) = kissctl({ db => $old }, lead($api), 'doctor');
        like $out, qr/^ok +tables: /m, '... and the doctor is content';
        next if $api ne 'kss';
        is join(' ', map { join '/', @$_ } sql($old, 'SELECT * FROM invoice_sum ORDER BY 1')),
            join(' ', map { join '/', @$_ } sql($new, 'SELECT * FROM invoice_sum ORDER BY 1')), '... and the sums are those of the lines';
    }
};

subtest 'while clients poll and others write' => sub {
    my $db = new_database('busy');
    import_sample($db);
    my $key = issue_key('ACME01');
    my $h = start_httpd(db => $db);
    my $t = $h->token('ACME01', $key);
    my %last;
    my $load = KissTest::Load->start(3, sub {
        my $path = (qw(/stock /prices /products))[$_[0] % 3];
        my $asked = $last{$path};
        my $res = $h->get($path, Authorization => "Bearer $t", $asked ? ('If-None-Match' => $asked) : ());
        my $tag = $res->{headers}{etag};
        $last{$path} = $tag if $res->{status} == 200;
        return { path => $path, status => $res->{status}, tag => $tag, asked => $asked, content => Digest::MD5::md5_hex($res->{content} // '') };
    });
    my $writer = KissTest::Load->start(1, sub {
        my $n = $_[1] + 1;
        my $done = eval { sql($db, "UPDATE stock SET available_qty = $n; UPDATE price SET unit_price = $n; UPDATE product SET theme = 'theme $n'"); 1 };
        return { done => $done };
    });
    # The files from version 2 on once more, as after an interruption, and again.
    my $upgrades = 0;
    for (1 .. 5) {
        sql($db, 'DELETE FROM schema_migration WHERE version >= 2');
        $upgrades += (kissctl({ db => $db }, qw(schema upgrade)))[0] == 0;
        sleep 0.1;
    }
    is $upgrades, 5, 'upgraded five times';
    my @written = grep { $_->{done} } $writer->finish;
    my @seen = $load->finish;
    cmp_ok scalar(@written), '>', 5, scalar(@written) . ' changes were written meanwhile';
    cmp_ok scalar(@seen), '>', 50, scalar(@seen) . ' polls';
    my (%content, @wrong);
    for my $s (@seen) {
        push @wrong, "$s->{path}: $s->{status}" if $s->{status} !~ /\A(?:200|304|503)\z/;
        push @wrong, "$s->{path}: 304 for another tag" if $s->{status} == 304 && $s->{tag} ne $s->{asked};
        push @wrong, "$s->{path}: two contents under one ETag"
            if $s->{status} == 200 && ($content{"$s->{path} $s->{tag}"} //= $s->{content}) ne $s->{content};
    }
    is join(', ', splice @wrong, 0, 5), '', 'each answer is 200, 304 or 503, and never one ETag for two contents';
    for my $path (qw(/stock /prices /products)) {
        my $old = $h->get($path, Authorization => "Bearer $t");
        sql($db, "UPDATE stock SET available_qty = 77; UPDATE price SET unit_price = 77; UPDATE product SET theme = '$path'");
        is $h->get($path, Authorization => "Bearer $t", 'If-None-Match' => $old->{headers}{etag})->{status}, 200, "$path: the next change is seen";
    }
    $h->log_ok(qr/KISS02(?:01|10)/);
};

done_testing;
