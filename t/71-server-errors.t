# Errors of the server: each means what the one table of their numbers says, whether it comes with a statement or in the middle of its
# rows. Away and busy are 503 with Retry-After, ours are 500, and the log says what to do.
# SPDX-License-Identifier: Apache-2.0
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use KissTest;
use KissTest::BrokenTrigger;
use KissTest::Database;
use KissTest::Load;
use KissTest::Payments;
use KissTest::Proxy;
use Test::More;
use Time::HiRes qw(sleep time);

my $server = KissTest::Database->start(args => ['--max-user-connections=1000']);
my $db = new_database('errors', server => $server);
import_sample($db);
my $kss = new_database('errorskss', server => $server, api => 'kss');
import_kss($kss, top() . '/sql/sample-kss');
my $key = issue_key('ACME01');
my $employee = issue_kss_key(type => 'employee');

sub serve { my (%opt) = @_; return start_httpd(api => 'kss', db => $kss, processes => 1, %opt) }
sub ask { my ($h, $path) = @_; return $h->get("/api/v1$path", 'x-api-key' => $employee) }

# The messages of a kind that came since the last call.
sub news {
    my ($h) = @_;
    my $text = $h->log_text;
    my $new = substr $text, $h->{seen} // 0;
    $h->{seen} = length $text;
    return $new;
}

sub is_503 {
    my ($res, $what) = @_;
    is $res->{status}, 503, "$what: 503";
    like $res->{headers}{'retry-after'}, qr/\A[1-9][0-9]*\z/, '... with Retry-After';
    return;
}

sub everything_new { $server->sql($kss, 'UPDATE revision SET n = n + 1'); return }

# The table's rows by what they mean, each with what the log must say.
my $connections = qr/max_connections of the server/;
my $grants = qr{sql/kss/grants\.sql};
my %means = (
    lost => { map { $_ => qr/KISS0213/ } 1053, 1077, 1080, 1152, 1154, 1156, 1158 .. 1161, 1184, 1243, 1317, 1615, 1927, 2006, 2013, 4031 },
    away => {
        3 => qr/make room/, 6 => qr/tmpdir/, 1021 => qr/make room/, 1026 => qr/make room/, 1030 => qr/storage engine/,
        1047 => qr/wsrep_ready/, 1114 => qr/make room/, 1129 => qr/FLUSH HOSTS/, 1180 => qr/not known/, 1290 => qr/read_only/,
        1836 => qr/read_only/, 1878 => qr/make room/, 2002 => qr/socket/, 2003 => qr/host and port/, 2005 => qr/name of the host/,
        2026 => qr/ca= of KissDatabase/
    },
    busy => {
        1037 => qr/memory/, 1038 => qr/memory/, 1040 => $connections, 1041 => qr/memory/, 1135 => qr/memory/,
        1203 => qr/limits of the account/, 1205 => qr/SHOW PROCESSLIST/, 1206 => qr/innodb_buffer_pool_size/,
        1226 => qr/limits of the account/, 1461 => qr/max_prepared_stmt_count/, 1969 => qr/max_statement_time/, 2008 => qr/memory/
    },
    again => { map { $_ => qr/KISS0212/ } 1020, 1062, 1213, 1412 },
    ours => {
        1044 => $grants, 1045 => $grants, 1046 => qr/dbname=/, 1049 => qr/CREATE DATABASE/, 1054 => qr/'kissctl kss schema check'/,
        1064 => qr/FLUSH TABLES/, 1130 => $grants, 1142 => $grants, 1143 => $grants, 1146 => qr/'kissctl kss schema install'/,
        1149 => qr/KISS0210/, 1153 => qr/max_allowed_packet/, 1227 => $grants, 1370 => $grants, 1451 => qr/try again/, 1452 => qr/try again/,
        1698 => $grants, 4091 => qr/'kissctl kss schema install'/
    },
);

subtest 'the table is tested as a whole' => sub {
    my $source = slurp(top() . '/mod_kiss/lib/mariadb/server_error.c');
    my $n = () = $source =~ /^\s+\{ \w+, KISS_SERVER_/mg;
    is scalar(map { keys %$_ } values %means) - 1, $n, "each of its $n rows, and one that is not there";
};

# Errors that a view hides, and those of the client library, come up below, or are tested without a server (t/unit/server_error.c).
my %hidden = map { $_ => 1 } 1054, 1142, 1143, 1146, 1370;

# Any error, in the middle of the rows: what is read is a view that raises it.
subtest 'in the middle of rows' => sub {
    $server->sql($kss, <<'SQL');
CREATE TABLE provoked (code INT NOT NULL);
INSERT INTO provoked VALUES (0);
RENAME TABLE vendor TO vendor_rows;
DELIMITER //
CREATE FUNCTION provoke() RETURNS INT DETERMINISTIC READS SQL DATA
BEGIN
    DECLARE n INT;
    SELECT code INTO n FROM provoked;
    IF n > 0 THEN
        SIGNAL SQLSTATE '45000' SET MYSQL_ERRNO = n, MESSAGE_TEXT = 'provoked';
    END IF;
    RETURN 1;
END //
DELIMITER ;
CREATE VIEW vendor AS SELECT * FROM vendor_rows WHERE provoke() = 1;
SQL
    my $h = serve(log_level => 'info kiss:debug', pool => 'max=2');
    is ask($h, '/vendors')->{status}, 200, 'no error yet';
    for my $kind (sort keys %means) {
        for my $code (sort { $a <=> $b } grep { !$hidden{$_} && !/^2\d{3}$/ } keys %{ $means{$kind} }) {
            everything_new();
            $server->sql($kss, "UPDATE provoked SET code = $code");
            # Away and busy are logged once in ten seconds: a child that is new says it again.
            $h->restart if $kind =~ /away|busy/;
            news($h);
            my $t = time;
            my $res = ask($h, '/vendors');
            my $took = time - $t;
            is $res->{status}, $kind eq 'ours' ? 500 : 503, "$code: $kind";
            is defined $res->{headers}{'retry-after'}, $kind ne 'ours', '... Retry-After';
            like $res->{content}, $kind eq 'busy' ? qr/busy/ : $kind eq 'ours' ? qr/Unexpected/ : qr/unavailable/, "$code: and says so";
            my $log = news($h);
            like $log, $means{$kind}{$code}, "$code: the log, too";
            like $log, qr/\b$code\b/, "$code: with its number";
            cmp_ok $took, '<', 2, '... at once';
        }
    }
    $server->sql($kss, 'UPDATE provoked SET code = 0');
    is ask($h, '/vendors')->{status}, 200, 'no error any more';
    $h->log_ok(qr/KISS02(?:01|10|31|53)/);       # 0231: the table is another one, indeed
    $server->sql($kss, 'DROP VIEW vendor; RENAME TABLE vendor_rows TO vendor; DROP TABLE provoked; DROP FUNCTION provoke');
};

# seen($h, $path, $kind, $log, $what): the answer of a kind, and what the log says of it.
sub seen {
    my ($h, $res, $kind, $log, $what) = @_;
    is $res->{status}, $kind eq 'ours' ? 500 : 503, "$what: " . ($kind eq 'ours' ? 500 : 503);
    is defined $res->{headers}{'retry-after'}, $kind ne 'ours', '... Retry-After';
    like $res->{content}, $kind eq 'busy' ? qr/busy/ : $kind eq 'ours' ? qr/Unexpected/ : qr/unavailable/, '... and says so';
    like news($h), $log, '... the log, too';
    return;
}

# With a connection that is new, and without anything that is remembered.
sub ask_anew {
    my ($h, $path) = @_;
    kill_connections($server, "user = 'kiss'");
    $server->sql($kss, 'UPDATE revision SET n = n + 1');
    return ask($h, $path);
}

subtest 'at the limits of the server' => sub {
    my $h = serve();
    my $is_well = sub { is ask_anew($h, '/vendors')->{status}, 200, "... $_[0]" };
    $is_well->('all is well');
    my @limits = (
        [1461, 'SET GLOBAL max_prepared_stmt_count = 0', 'SET GLOBAL max_prepared_stmt_count = DEFAULT'],
        [1203, 'SET GLOBAL max_user_connections = 1', 'SET GLOBAL max_user_connections = 1000'],
        [1226, q{ALTER USER kiss@localhost WITH MAX_QUERIES_PER_HOUR 1}, q{ALTER USER kiss@localhost WITH MAX_QUERIES_PER_HOUR 0}],
    );
    for (@limits) {
        my ($code, $set, $unset) = @$_;
        $h->restart;
        $h->checked;
        my $other;
        if ($code == 1203) {
            # Somebody else has the only connection.
            my $password = $server->password('kiss');
            $other = KissTest::Database::spawn('/dev/null', { MYSQL_PWD => $password }, 'mariadb', '--no-defaults', '-S',
                $server->{socket}, '-u', 'kiss', $kss, '-e', 'DO SLEEP(20)');
            # Only when it works does it differ from the idle ones, which go.
            ok wait_until(10, sub { ($server->sql(undef, "SELECT COUNT(*) FROM information_schema.processlist WHERE info LIKE 'DO SLEEP%'"))[0][0] == 1 }),
                'a client that works';
            kill_connections($server, "user = 'kiss' AND command = 'Sleep'");
            ok wait_until(5, sub { connections($server) == 1 }), 'another client of the account';
        }
        news($h);
        $server->sql(undef, $set);
        my $res = $other ? do { $server->sql($kss, 'UPDATE revision SET n = n + 1'); ask($h, '/vendors') } : ask_anew($h, '/vendors');
        seen($h, $res, 'busy', qr/\(error $code\)\. Raise $means{busy}{$code}|\(error $code\)\. Raise the $means{busy}{$code}/, $code);
        if ($other) {
            kill 'KILL', $other;
            waitpid $other, 0;
            kill_connections($server, "user = 'kiss'");
        }
        $server->sql(undef, $unset);
        $is_well->('all is well again');
    }
    # More clients than the server lets in: the last place is for the administrator.
    $h->restart;
    $h->checked;
    kill_connections($server, "user = 'kiss'");
    news($h);
    my @others = map {
        KissTest::Database::spawn('/dev/null', {}, $server->client_command, '-e', 'DO SLEEP(20)')
    } 1 .. 12;
    ok wait_until(10, sub { ($server->sql(undef, "SELECT COUNT(*) FROM information_schema.processlist WHERE info LIKE 'DO SLEEP%'"))[0][0] == 12 }),
        'other clients';
    $server->sql(undef, 'SET GLOBAL max_connections = 11');
    seen($h, ask($h, '/vendors'), 'busy', qr/error 1040.*max_connections of the server/, '1040');
    kill 'KILL', @others;
    waitpid $_, 0 for @others;
    ok wait_until(10, sub { eval { $server->sql(undef, 'SET GLOBAL max_connections = 300'); 1 } }), 'the others are gone';
    ok wait_until(10, sub { ask($h, '/vendors')->{status} == 200 }), 'all is well again';
    $h->log_ok(qr/KISS02(?:01|05|53)/);
};

subtest 'a statement that takes too long, or is stopped' => sub {
    my $h = serve(pool => 'timeout=20s', log_level => 'info');
    $h->checked;        # its connection is not to be killed
    $server->sql(undef, 'ALTER USER kiss@localhost WITH MAX_STATEMENT_TIME 1');
    kill_connections($server, "user = 'kiss'");
    my $release = hold($server, $kss, 'vendor');
    news($h);
    my $at = time;
    seen($h, ask($h, '/vendors'), 'busy', qr/KISS0253.*error 1969.*max_statement_time/, '1969');
    cmp_ok time - $at, '<', 1.9, '... it was not tried again';
    $server->sql(undef, 'ALTER USER kiss@localhost WITH MAX_STATEMENT_TIME 0');
    kill_connections($server, "user = 'kiss'");
    my $load = KissTest::Load->start(1, sub { my ($i, $n) = @_; return $n ? do { sleep 0.1; {} } : ask($h, '/vendors') });
    ok wait_until(5, sub { waiting($server) == 1 }), 'a statement waits';
    my ($id) = map { $_->[0] } $server->sql(undef, "SELECT id FROM information_schema.processlist WHERE user = 'kiss' AND command = 'Execute'");
    $server->sql(undef, "KILL QUERY $id");
    $release->();
    my ($first) = $load->finish;
    like news($h), qr/KISS0213.*\b1317\b/, 'KILL QUERY: seen';
    ok $first->{status} == 200 || $first->{status} == 503 && $first->{headers}{'retry-after'}, "... $first->{status}";
    $h->log_ok(qr/KISS0253/);
};

# Payments and an invoice to allocate them to.
$server->sql($kss, <<'SQL');
INSERT INTO customer (customer_id, customer_name, state) VALUES (99001, 'One', 'CA');
INSERT INTO ar_account (ar_account_id, customer_id) VALUES (99011, 99001);
INSERT INTO payment_type (payment_type_id, name) VALUES (99001, 'Check 99001');
INSERT INTO payment (payment_id, payment_invoice_num, ar_account_id, payment_type_id, amount, post_date)
    SELECT 99100 + seq, CONCAT('MANY-', seq), 99011, 99001, 50, '2025-03-01' FROM seq_1_to_60;
INSERT INTO invoice (invoice_id, customer_id, ar_account_id, invoice_num, date, status) VALUES
    (99041, 99001, 99011, 'INV-99041', '2025-03-01', 1);
SQL

sub allocate {
    my ($h, $n) = @_;
    return $h->post('/api/v1/payments/applications',
        { PaymentInvoiceNum => "MANY-$n", TargetInvoiceNum => 'INV-99041', ARAccountID => 99011, Amount => '1.00' }, 'x-api-key' => $employee);
}

subtest 'writes' => sub {
    my $h = serve(log_level => 'info');
    is allocate($h, 1)->{status}, 201, 'all is well';
    $server->sql(undef, 'SET GLOBAL read_only = 1');
    $h->restart;
    news($h);
    seen($h, allocate($h, 1), 'away', qr/error 1290\).*read_only.*use the primary/, '1290');
    is ask($h, '/vendors')->{status}, 200, '... and reads go on';
    $server->sql(undef, 'SET GLOBAL read_only = 0');
    is allocate($h, 1)->{status}, 201, 'all is well again';

    $server->sql(undef, 'SET GLOBAL innodb_lock_wait_timeout = 1');
    $h->restart;
    news($h);
    my $other = KissTest::Database::spawn('/dev/null', {}, $server->client_command, $kss, '-e',
        'START TRANSACTION; SELECT * FROM payment WHERE payment_id = 99102 FOR UPDATE; DO SLEEP(20)');
    ok wait_until(10, sub { ($server->sql(undef, "SELECT COUNT(*) FROM information_schema.processlist WHERE info LIKE 'DO SLEEP%'"))[0][0] }),
        'another session has the row';
    seen($h, allocate($h, 2), 'busy', qr/error 1205\).*SHOW PROCESSLIST/, '1205');
    kill 'KILL', $other;
    waitpid $other, 0;
    $server->sql(undef, 'SET GLOBAL innodb_lock_wait_timeout = DEFAULT');
    kill_connections($server, "user = 'kiss' OR info LIKE 'DO SLEEP%'");
    is allocate($h, 2)->{status}, 201, 'all is well again';
    $h->log_ok(qr/KISS0253/);
};

# Of several servers one that says nothing for timeout= is left alone. One that waits for a lock says so before.
subtest 'locks of others are no silence' => sub {
    my @way = map { KissTest::Proxy->start($server->{socket}) } 0, 1;
    my $h = serve(address => 'host=' . join(',', map {"127.0.0.1:$_->{port}"} @way), pool => 'timeout=4s');
    ok $h->checked, 'checked';
    is ask($h, '/vendors')->{status}, 200, 'all is well';
    my $other = $server->session($kss);
    for my $case (
        ['a row', 'START TRANSACTION; SELECT payment_id FROM payment WHERE payment_id = 99103 FOR UPDATE', 'ROLLBACK', sub { allocate($h, 3) }, 201],
        ['a table', 'LOCK TABLES vendor WRITE', 'UNLOCK TABLES', sub { ask($h, '/vendors?PageSize=7') }, 200]
    ) {
        my ($name, $lock, $unlock, $request, $status) = @$case;
        $other->($lock);
        is_503($request->(), $name);
        is ask($h, '/states')->{status}, 200, '... others are served';
        $other->($unlock);
        is $request->()->{status}, $status, '... and this one afterwards';
    }
    $other->();
    unlike $h->log_text, qr/KISS0760/, 'no server is taken for one that does not answer';
    like $h->log_text, qr/KISS0253.*error 1205\).*SHOW PROCESSLIST/, 'the log says what was waited for';
    $h->log_ok(qr/KISS0253/);
};

# innodb_snapshot_isolation is ON by default from MariaDB 11.8 on.
subtest 'snapshot isolation' => sub {
    my ($exists) = $server->sql(undef, "SHOW GLOBAL VARIABLES LIKE 'innodb_snapshot_isolation'");
    plan skip_all => 'this server has no innodb_snapshot_isolation' if !$exists;
    $server->sql(undef, 'SET GLOBAL innodb_snapshot_isolation = ON');
    my $h = serve(processes => 4, threads => 8, pool => 'wait=10s');
    $h->checked;
    my @all = map {@$_} parallel(6, sub { my ($i) = @_; return [map { allocate($h, $i * 10 + $_)->{status} } 1 .. 10] });
    is scalar(grep { $_ == 201 } @all), 60, 'sixty requests for different payments, six at a time: each is made'
        or diag join ' ', @all;
    my @left = parallel(4, sub {
        my ($i) = @_;
        return join ' ', map { allocate($h, 10 * $i + $_)->{status} } 1 .. 6 if $i < 3;
        return join ' ', map { (kissctl({ db => $kss }, qw(kss payments export)))[0] } 1 .. 6;
    });
    is "@left", join(' ', (201) x 18, (0) x 6), 'beside an export: both';
    $server->sql(undef, 'SET GLOBAL innodb_snapshot_isolation = DEFAULT');
    $h->log_ok;
};

# Without a cluster an administrator's KILL does that, in one the transactions that collide.
subtest 'a trigger that the server keeps for broken' => sub {
    my $pay = new_database('broken', server => $server, api => 'kss');
    my $customer = make_payments($pay, 1, 1000);
    my $h = serve(db => $pay);
    my $post = sub { return $h->request('POST', pay_path('PAY-1', '1.00'), 'x-api-key' => $customer)->{status} };
    is $post->(), 201, 'a payment';
    my @broken = ($server, $pay, 'payment_application', 'INSERT INTO payment_application (request_id, payment_id, target_invoice_id, ar_account_id, amount, requested_by_user_id,'
        . " status, time_requested) VALUES (999999, 1, 41, 11, 1, 501, 'Pending', UTC_TIMESTAMP())");
    break_trigger(@broken);
    is $post->(), 201, 'it is broken: a payment all the same';
    like news($h), qr/KISS0214.*payment_application.*opened anew/, '... and the log says what was done';
    is $post->(), 201, 'the next one';
    unlike news($h), qr/KISS021/, '... needs nothing';
    break_trigger(@broken);
    my $reader = $server->session($pay);
    $reader->('START TRANSACTION; SELECT COUNT(*) FROM payment_application');
    is_503($h->request('POST', pay_path('PAY-1', '1.00'), 'x-api-key' => $customer), 'somebody reads the table');
    like news($h), qr/KISS0215.*Lock wait timeout.*FLUSH TABLES/, '... and the log says what to do';
    $reader->('COMMIT');
    is $post->(), 201, 'who read it is done: a payment';
    is_deeply [$server->sql($pay, 'SELECT COUNT(*), COUNT(DISTINCT request_id) FROM payment_application')], [[4, 4]], 'each is there, once';
    $reader->();
    $h->log_ok(qr/KISS021[45]/);
};

# What kissctl says comes from the same table.
subtest 'kissctl' => sub {
    $server->sql(undef, 'SET GLOBAL max_prepared_stmt_count = 0');
    my ($rc, undef, $err) = kissctl({ db => $db }, qw(customer list));
    is $rc, 1, 'no statement can be prepared';
    like $err, qr/\(error 1461\)\. Raise max_prepared_stmt_count of the server/, '... what to do';
    $server->sql(undef, 'SET GLOBAL max_prepared_stmt_count = DEFAULT');
    $server->sql($db, 'RENAME TABLE customer TO customers');
    ($rc, undef, $err) = kissctl({ db => $db }, qw(customer list));
    like $err, qr/\(error 1146\)\. Run 'kissctl schema install'/, 'a table is missing';
    $server->sql($db, 'RENAME TABLE customers TO customer');

    my $dir = tempdir_here() . '/stock';
    mkdir $dir or die;
    break_trigger($server, $db, 'stock', "UPDATE stock SET available_qty = available_qty + 1");
    spew("$dir/stock.csv", join "\n", 'SKU,StockLocation,AvailableQTY', map({"$_->[0],$_->[1],7"} $server->sql($db, 'SELECT sku, stock_location FROM stock')), '');
    ($rc, my $out, $err) = kissctl({ db => $db }, import => $dir);
    is $rc, 0, 'a trigger that the server keeps for broken: an import is done' or diag $out, $err;
    like "$out$err", qr/kept a trigger for broken: the tables were opened anew/, '... and says what was done';
    is_deeply [$server->sql($db, 'SELECT DISTINCT available_qty FROM stock')], [['7.000']], '... and all is there';
};

subtest 'rights and tables' => sub {
    my $h = serve();
    ok $h->checked, 'checked';      # before anything is wrong
    my @others = map { $_->[0] } $server->sql($kss, "SELECT table_name FROM information_schema.tables WHERE table_schema = '$kss'"
        . " AND table_name <> 'vendor'");
    my $back = 'GRANT SELECT ON * TO kiss@localhost';
    my @cases = (
        [1142, join(';', 'REVOKE SELECT ON * FROM kiss@localhost', map {"GRANT SELECT ON $_ TO kiss\@localhost"} @others), $back],
        [1143, 'REVOKE SELECT ON * FROM kiss@localhost; GRANT SELECT (vendor_id) ON vendor TO kiss@localhost', $back],
        [1146, 'RENAME TABLE vendor TO vendors', 'RENAME TABLE vendors TO vendor'],
        [1054, 'ALTER TABLE vendor RENAME COLUMN vendor_name TO vendor_nam', 'ALTER TABLE vendor RENAME COLUMN vendor_nam TO vendor_name'],
    );
    for (@cases) {
        my ($code, $set, $unset) = @$_;
        $server->sql($kss, $set);
        news($h);
        seen($h, ask_anew($h, '/vendors'), 'ours', qr/KISS0210.*\b$code\b.*$means{ours}{$code}/, $code);
        $server->sql($kss, $unset);
        is ask_anew($h, '/vendors')->{status}, 200, '... all is well again';
    }
    $h->log_ok(qr/KISS0210/);
};

done_testing;
