# The Customer API's triggers and the log of changes where the server logs its statements for replicas: in each format a replica has the
# same rows, revisions and log, and can be served from; and an import does its work. innodb_snapshot_isolation is ON.
# SPDX-License-Identifier: Apache-2.0
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use KissTest;
use KissTest::Database;
use KissTest::Lists;
use KissTest::Load;
use Test::More;

my $port = KissTest::Httpd::free_port();
my $primary = KissTest::Database->start(args => ['--skip-networking=0', '--bind-address=127.0.0.1', "--port=$port", '--server-id=1', '--log-bin=bin',
        '--log-bin-trust-function-creators=1', '--loose-innodb-snapshot-isolation=ON']);
my $other_port = KissTest::Httpd::free_port();
my $replica = KissTest::Database->start(args => ['--skip-networking=0', '--bind-address=127.0.0.1', "--port=$other_port", '--server-id=2', '--loose-innodb-snapshot-isolation=ON', '--slave-skip-errors=OFF']);

$primary->sql(undef, "CREATE USER repl\@'127.0.0.1' IDENTIFIED BY 'repl'; GRANT REPLICATION SLAVE ON *.* TO repl\@'127.0.0.1'");
# From here on: accounts of each server are its own.
# With STATEMENT an import chooses its own format, for which it needs this right.
$_->sql(undef, "GRANT BINLOG ADMIN ON *.* TO kiss_admin\@localhost") for $primary, $replica;
my ($file, $at) = @{ ($primary->sql(undef, 'SHOW MASTER STATUS'))[0] }[0, 1];
$replica->sql(undef, "CHANGE MASTER TO master_host = '127.0.0.1', master_port = $port, master_user = 'repl', master_password = 'repl',"
        . " master_log_file = '$file', master_log_pos = $at, master_ssl_verify_server_cert = 0; START SLAVE");

# Waits until the replica has all; the error that it stopped with, or ''.
sub caught_up {
    my ($log, $pos) = @{ ($primary->sql(undef, 'SHOW MASTER STATUS'))[0] }[0, 1];
    my ($waited) = $replica->sql(undef, "SELECT MASTER_POS_WAIT('$log', $pos, 60)");
    my ($status) = join ' ', map { $_ // '' } @{ ($replica->sql(undef, 'SHOW SLAVE STATUS'))[0] // [] };
    return defined $waited->[0] && $waited->[0] >= 0 ? '' : $status;
}

my @tables = qw(revision change_log product product_image product_accessory price price_list stock warehouse customer);
sub differing {
    my ($db) = @_;
    return join ' ', grep {
        my $t = $_;
        my ($one, $two) = map { join "\n", sort map { join "|", map { $_ // "NULL" } @$_ } $_->sql($db, "SELECT * FROM $t") } $primary, $replica;
        $one ne $two
    } @tables;
}

for my $format (qw(STATEMENT MIXED ROW)) {
    subtest $format => sub {
        $primary->sql(undef, "SET GLOBAL binlog_format = $format");
        my $db = new_database(lc $format, server => $primary);
        import_sample($db);
        my $logged = sub { return ($primary->sql($db, 'SELECT COUNT(*) FROM change_log WHERE n > 0'))[0][0] };
        my $before = $logged->();
        my @warnings;
        for my $sql ('UPDATE price SET unit_price = unit_price + 1', "UPDATE price SET moq = moq + 1 WHERE price_list_code = 'UKTRADE' AND sku < 'B'",
            'UPDATE stock SET available_qty = available_qty + 1', "UPDATE product SET name = CONCAT(name, '!') WHERE sku < 'C'",
            "INSERT INTO product (sku, name) VALUES ('NEW', 'New'), ('NEW2', 'New')",
            "INSERT INTO price (price_list_code, sku, unit_price) VALUES ('UKTRADE', 'NEW', 1) ON DUPLICATE KEY UPDATE unit_price = 2",
            "REPLACE INTO stock (stock_location, sku, available_qty) VALUES ('UK01', 'NEW', 1)", "UPDATE product SET sku = 'NEW3' WHERE sku = 'NEW2'",
            "START TRANSACTION; DELETE FROM price WHERE sku = 'NEW'; UPDATE stock SET available_qty = 0 WHERE sku = 'NEW'; COMMIT",
            "DELETE FROM product_image WHERE sku < 'B'", "UPDATE price_list SET price_list_name = 'Another' WHERE price_list_code = 'UKTRADE'",
            "SET TIMESTAMP = UNIX_TIMESTAMP() - 3600; UPDATE stock SET available_qty = available_qty + 1 WHERE sku < 'C'",
            "SET \@kiss_bulk = 'kissctl:1'; UPDATE stock SET available_qty = available_qty + 1 WHERE sku < 'C'")
        {
            push @warnings, map {"$sql: @$_"} $primary->sql($db, "$sql; SHOW WARNINGS");
        }
        # The server cannot know that what the triggers ask for (the clock, the number of the connection) is logged with the statement.
        like +(kissctl({ db => $db }, 'doctor'))[1], $format eq 'STATEMENT' ? qr/^warning +binary log: STATEMENT:.*binlog_format=MIXED or ROW/ms : qr/^ok +binary log: $format$/m,
            'kissctl doctor names the format';
        is join("\n", grep { !($format eq 'STATEMENT' && /Note 1592 Unsafe .* system function/) } @warnings), '', 'no warning'
            . ($format eq 'STATEMENT' ? ' but that a function is called' : '');
        cmp_ok $logged->() - $before, '>', 100, 'changes were logged';
        my $dir = tempdir_here();
        run('cp', glob(top() . '/sql/sample/*.csv'), $dir);
        my $prices = slurp("$dir/prices.csv");
        $prices =~ s/^(UKTRADE,[^,]*,)[^,]*/${1}12.5/m or die 'no price';
        spew("$dir/prices.csv", $prices);
        import_csv($db, $dir);
        kissctl_ok({ db => $db }, qw(touch stock UK01));
        is caught_up(), '', 'the replica has done all';
        if ($format eq 'STATEMENT') {
            my ($epoch) = map { $_->[0] } $primary->sql($db, "SELECT n FROM revision WHERE dataset = 'epoch'");
            isnt +($replica->sql($db, "SELECT n FROM revision WHERE dataset = 'epoch'"))[0][0], $epoch, 'its epoch is another one, for it is a random number';
            $replica->sql($db, "UPDATE revision SET n = $epoch, changed_at = changed_at WHERE dataset = 'epoch'");
        }
        is differing($db), '', '... and has the same rows, revisions and log';

        my %key = (ACME01 => issue_key('ACME01'));
        is caught_up(), '', 'a key, too' or return;
        $replica->sql($db, slurp(top() . '/sql/customer/grants.sql'));
        my @h = map { serve_lists(\%key, server => $_, log_level => 'info kiss:debug') } $primary, $replica;
        for my $sql ("UPDATE product SET name = 'Of the replica' WHERE sku = 'NEW'", "UPDATE price SET unit_price = 77 WHERE price_list_code = 'UKTRADE' AND sku > 'S'",
            "UPDATE stock SET available_qty = 5 WHERE sku = 'NEW'")
        {
            for my $path (qw(/products /prices /stock)) {
                my ($one, $two) = map { ask_list($_, $path) } @h;
                ok $one->{content} eq $two->{content} && $one->{headers}{etag} eq $two->{headers}{etag}, "$path is the same from both";
            }
            $primary->sql($db, $sql);
            caught_up();
        }
        like slurp($h[1]{access}), qr/ patched /, 'the replica\'s lists are patched by its log';
        $_->log_ok for @h;
        undef @h;
        drop_database($db);
    };
}

# A replica as the second server of a database: what has been served does not go back to what it was before.
subtest 'a server that is behind' => sub {
    $primary->sql(undef, 'SET GLOBAL binlog_format = MIXED');
    my $db = new_database('behind', server => $primary);
    import_sample($db);
    my %key = (ACME01 => issue_key('ACME01'));
    is caught_up(), '', 'the replica has all';
    $replica->sql($db, slurp(top() . '/sql/customer/grants.sql') . "; SET PASSWORD FOR kiss\@localhost = PASSWORD('" . $primary->password('kiss') . "')");
    my ($sku) = map { $_->[0] } $primary->sql($db, "SELECT sku FROM stock WHERE stock_location = 'UK01' ORDER BY sku LIMIT 1");
    my $change = sub { $primary->sql($db, "UPDATE stock SET available_qty = $_[0] WHERE stock_location = 'UK01' AND sku = '$sku'") };
    my $quantity = sub { my ($res) = @_; return $res->{status} == 200 ? ($res->{content} =~ /"\Q$sku\E"[^{}]*?"AvailableQTY":(\d+)/)[0] : $res->{status} };
    my $h = serve_lists(\%key, address => "host=127.0.0.1:$port,127.0.0.1:$other_port", pool => 'max=4 timeout=3s connect=1s', processes => 2);
    $change->(1001);
    is $quantity->(ask_list($h, '/stock')), 1001, 'the first server answers';
    caught_up();
    $replica->sql(undef, 'STOP SLAVE SQL_THREAD');
    $change->(1002);
    my $new = ask_list($h, '/stock');
    is $quantity->($new), 1002, 'a change that the second one does not have yet';
    ok wait_until(20, sub { my $s = join ' ', map { $_ // '' } @{ ($replica->sql(undef, 'SHOW SLAVE STATUS'))[0] }; my $m = ($primary->sql(undef, 'SHOW MASTER STATUS'))[0]; $s =~ /\b\Q$m->[0]\E $m->[1]\b/ }),
        '... but has received';
    $primary->stop;
    my @seen = map { ask_list($h, '/stock') } 1 .. 4;
    is join(' ', map { $quantity->($_) } @seen), '503 503 503 503', 'the first one is away: nothing older is served';
    ok $seen[0]{headers}{'retry-after'}, '... with Retry-After';
    is ask_list($h, '/stock', 'ACME01', 'If-None-Match' => $new->{headers}{etag})->{status}, 503, '... nor said to be current';
    like $h->log_text, qr/KISS0201: database customer: the server at 127\.0\.0\.1:$other_port is behind what was served before/, '... and the log says why';
    $replica->sql(undef, 'START SLAVE SQL_THREAD');
    ok wait_until(20, sub { ask_list($h, '/stock')->{status} == 200 }), 'once it has caught up it answers';
    is $quantity->(ask_list($h, '/stock')), 1002, '... with what was served before';
    is ask_list($h, '/stock', 'ACME01', 'If-None-Match' => $new->{headers}{etag})->{status}, 304, '... under the same tag';
    # It notes nothing, and answers all the same.
    $replica->sql(undef, 'SET GLOBAL read_only = 1');
    is $h->post('/auth/token', { grant_type => 'client_credentials', client_id => 'ACME01', client_secret => $key{ACME01} })->{status}, 200,
        'a replica that only reads: a token, though the use of its key cannot be noted' for 1, 2;
    is $quantity->(ask_list($h, '/stock')), 1002, '... and lists';
    $replica->sql(undef, 'SET GLOBAL read_only = 0');
    $primary->resume;
    $h->log_ok(qr/KISS0201|KISS0205|KISS0253|KISS0760/);
    undef $h;

    # Of a single server it is a backup that was restored.
    my $one = serve_lists(\%key, server => $primary, processes => 1);
    $primary->sql($db, 'CREATE TABLE saved AS SELECT * FROM revision');
    my $before = ask_list($one, '/stock')->{headers}{etag};
    $change->(1003);
    is $quantity->(ask_list($one, '/stock')), 1003, 'a single server';
    unlike $one->log_text, qr/KISS0776/, '... of which nothing is remarkable';
    $primary->sql($db, "SET \@kiss_bulk = -CONNECTION_ID(); UPDATE stock SET available_qty = 1002 WHERE stock_location = 'UK01' AND sku = '$sku';"
            . 'START TRANSACTION; DELETE FROM revision; INSERT INTO revision SELECT * FROM saved; COMMIT');
    my $back = ask_list($one, '/stock');
    is $quantity->($back), 1002, '... that is restored from a backup: served at once';
    is $back->{headers}{etag}, $before, '... under the tag of that time';
    ask_list($one, '/stock') for 1 .. 3;
    is scalar(() = $one->log_text =~ /KISS0776/g), 1, '... and the log says so, once';
    $one->log_ok;
};

# MariaDB keeps a trigger for broken, until its table is flushed, when a connection is killed while it opens the table (findings/mariadb-killed-reader.sh),
# as a node of a cluster does that comes back. Here it is a view that says the same.
subtest 'a server that cannot execute a statement that is right' => sub {
    my $kss = new_database('broken', api => 'kss', server => $primary);
    import_kss($kss, top() . '/sql/sample-kss');
    my $key = issue_kss_key(type => 'employee', user => 1);
    is caught_up(), '', 'it has all';
    $replica->sql($kss, slurp(top() . '/sql/kss/grants.sql') . "; SET PASSWORD FOR kiss\@localhost = PASSWORD('" . $primary->password('kiss') . "');" . <<'SQL');
RENAME TABLE vendor TO vendor_rows;
DELIMITER //
CREATE FUNCTION broken() RETURNS INT DETERMINISTIC
BEGIN
    SIGNAL SQLSTATE '42000' SET MYSQL_ERRNO = 1064, MESSAGE_TEXT = 'Unknown trigger has an error in its body: \'Query was empty\'';
    RETURN 1;
END //
DELIMITER ;
CREATE VIEW vendor AS SELECT * FROM vendor_rows WHERE broken() = 1;
SQL
    my @serve = (api => 'kss', db => $kss, pool => 'max=4 timeout=3s connect=1s', processes => 1);
    my $alone = start_httpd(@serve, address => "host=127.0.0.1 port=$other_port");
    is $alone->get('/api/v1/vendors', 'x-api-key' => $key)->{status}, 500, 'the only server: a repetition would not help';
    $alone->log_ok(qr/KISS0210.*FLUSH TABLES|KISS0231/);
    undef $alone;
    my $h = start_httpd(@serve, address => "host=127.0.0.1:$other_port,127.0.0.1:$port");
    is $h->get('/api/v1/states', 'x-api-key' => $key)->{status}, 200, 'the first of two: it serves';
    is $h->get('/api/v1/vendors', 'x-api-key' => $key)->{status}, 200, '... what it cannot the other one does';
    like $h->log_text, qr/KISS0253.*FLUSH TABLES/, '... and the log says what to do';
    $h->log_ok(qr/KISS0231|KISS0253|KISS0760/);
};

# A node of a cluster with wsrep_on = OFF, among other servers: what it is written stays there, and what the others are written may never come.
# The provider is not loaded then, and need not exist.
subtest 'a server that is made for a cluster, and is switched off' => sub {
    my $db = new_database('off', server => $primary);
    import_sample($db);
    my %key = (ACME01 => issue_key('ACME01'));
    $replica->stop;
    push @{ $replica->{args} }, '--wsrep-provider=/usr/lib/galera/libgalera_smm.so', '--skip-slave-start';
    $replica->resume;
    $replica->sql(undef, 'START SLAVE');
    is caught_up(), '', 'it has all';
    $replica->sql($db, slurp(top() . '/sql/customer/grants.sql') . "; SET PASSWORD FOR kiss\@localhost = PASSWORD('" . $primary->password('kiss') . "')");
    my @pool = (pool => 'max=4 timeout=3s connect=1s', processes => 1);
    my $used = sub { return ($replica->sql(undef, "SELECT COUNT(*) FROM information_schema.processlist WHERE db = '$db'"))[0][0] };
    my $alone = serve_lists(\%key, address => "host=127.0.0.1 port=$other_port", @pool);
    is ask_list($alone, '/stock')->{status}, 200, 'the only server: it is used';
    $alone->log_ok;
    undef $alone;
    my $h = serve_lists(\%key, address => "host=127.0.0.1:$other_port,127.0.0.1:$port", @pool);
    is ask_list($h, '/stock')->{status}, 200, 'the first of two: another one answers';
    is $used->(), 0, '... and it is not used';
    like $h->log_text, qr/KISS0201.*127\.0\.0\.1:$other_port.*wsrep_on is OFF/, '... and the log says why';
    $h->log_ok(qr/KISS0201|KISS0205|KISS0760/);
};

done_testing;
