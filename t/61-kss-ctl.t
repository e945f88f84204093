# kissctl for the KSS API against a real database: schema, keys, payment runs, doctor.
# SPDX-License-Identifier: Apache-2.0
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Digest::SHA qw(sha256_hex);
use JSON::PP ();
use KissTest;
use KissTest::CSV qw(csv_rows);
use KissTest::Faults;
use KissTest::Import;
use Test::More;
use Time::HiRes qw(sleep time);

my $db = new_database('ctl', api => 'kss');
sql($db, <<'SQL');
INSERT INTO portal_user (user_id, role) VALUES (501, 'Customer');
INSERT INTO customer (customer_id, customer_name) VALUES (1, 'One'), (2, 'Two');
INSERT INTO supplier (supplier_id, supplier) VALUES (7, 'Seven');
INSERT INTO ar_account (ar_account_id, customer_id) VALUES (123, 1);
INSERT INTO payment_type (payment_type_id, name) VALUES (1, 'Check');
INSERT INTO payment (payment_id, payment_invoice_num, ar_account_id, payment_type_id, amount, post_date)
    VALUES (9001, 'PAY,"1"', 123, 1, 5000, '2025-03-01');
INSERT INTO invoice (invoice_id, customer_id, ar_account_id, invoice_num, date, status)
    VALUES (42, 1, 123, 'INV-42', '2025-03-01', 1);
SQL

# json(@args): what kissctl prints with --json.
sub json { return JSON::PP->new->utf8->decode(kissctl_ok(@_, '--json')) }

# request($id, %column): a new request, Pending unless told otherwise. Values are SQL.
sub request {
    my ($id, %with) = @_;
    my %row = (request_id => $id, payment_id => 9001, target_invoice_id => 42, ar_account_id => 123, amount => 500,
        status => "'Pending'", time_requested => "'2025-03-19 10:00:00.5'", time_updated => "'2025-03-19 10:00:00'", %with);
    my @c = sort keys %row;
    sql($db, 'INSERT INTO payment_application (' . join(', ', @c) . ') VALUES (' . join(', ', @row{@c}) . ')');
    return;
}

# statuses(): request id => status.
sub statuses { return { map { @$_ } sql($db, 'SELECT request_id, status FROM payment_application WHERE request_id IS NOT NULL') } }

# count($table, $where)
sub count { return (sql($db, "SELECT COUNT(*) FROM $_[0] WHERE " . ($_[1] || 1)))[0][0] }

# column($request, $column)
sub column { return (sql($db, "SELECT $_[1] FROM payment_application WHERE request_id = $_[0]"))[0][0] }

sub revision { return (sql($db, "SELECT n FROM revision WHERE dataset = 'payment_application'"))[0][0] }

subtest 'schema' => sub {
    is json(qw(kss schema check))->{State}, 'current', 'current';
    my $before = checksums($db, qw(customer payment revision api_key));
    kissctl_ok(qw(kss schema install));
    kissctl_ok(qw(kss schema upgrade));
    is checksums($db, qw(customer payment revision api_key)), $before,
        'installing again changes no data';
    sql($db, 'INSERT INTO schema_migration (version, title) VALUES (9, "newer")');
    my ($rc, $out, $err) = kissctl(qw(kss schema check));
    is $rc, 1, 'ahead: exit status 1';
    like $err, qr/is at version 9/, '... and the reason';
    sql($db, 'UPDATE schema_migration SET version = version - 1 WHERE version = 9; DELETE FROM schema_migration WHERE version = 8');
    my $server = db_server();
    my $root = slurp($server->defaults($db) =~ s/\.cnf\z/.root.cnf/r);
    my $dir = tempdir_here();
    spew("$dir/one.cnf", $root =~ s/\[kissctl\].*(?=\[kissctl_kss\])//sr, 0600);
    is +(kissctl({ defaults => "$dir/one.cnf" }, qw(kss schema check)))[0], 0, 'the group is [kissctl_kss]';
    fails(1, qr/\[kissctl\]/, { defaults => "$dir/one.cnf" }, qw(schema check));
    sql(undef, "CREATE DATABASE ${db}_empty");
    spew("$dir/empty.cnf", $root =~ s/database=\K.*/${db}_empty/gr, 0600);
    ($rc, $out, $err) = kissctl({ defaults => "$dir/empty.cnf" }, qw(kss schema check));
    like $err, qr/run 'kissctl kss schema install'/, 'the advice names the verb of this database';
    fails(1, qr/run 'kissctl kss schema install'/, { defaults => "$dir/empty.cnf" }, qw(kss schema upgrade));
    fails(1, qr/Run 'kissctl kss schema install'/, { defaults => "$dir/empty.cnf" }, qw(kss key list));
    sql(undef, "DROP DATABASE ${db}_empty");
    fails(1, qr/cannot read the schema folder .*kss/, qw(kss schema install --sql), $dir);
    fails(2, qr/wants one of its verbs/, 'kss');
    fails(2, qr/wants one of its verbs/, qw(kss schema));
};

subtest 'key issue' => sub {
    fails(2, qr/--type is missing/, qw(kss key issue));
    fails(2, qr/'admin' is neither employee, customer nor supplier/, qw(kss key issue --type admin));
    fails(2, qr/'' is neither/, qw(kss key issue --type), '');
    fails(2, qr/--ids is missing: the customers/, qw(kss key issue --type customer));
    fails(2, qr/--ids is missing: the suppliers/, qw(kss key issue --type supplier));
    fails(2, qr/--ids: a key for an employee sees everything/, qw(kss key issue --type employee --ids 1));
    fails(2, qr/--ids: '.*' is no id/, qw(kss key issue --type customer --ids), $_)
        for '', 'x', '1,x', '1,,2', ',1', '1,', '1 2', '1, 2', '-1', '0', '1.5', '2147483648', '9' x 30;
    fails(2, qr/--user: '.*' is no id/, qw(kss key issue --type employee --user), $_) for 'x', '0', '';
    fails(2, qr/--limit-hour: '.*' is neither/, qw(kss key issue --type employee --limit-hour), $_) for 'x', '0', '-1';
    fails(2, qr/--expires: '\Q$$_[0]\E' .*$$_[1]/, qw(kss key issue --type employee --expires), $$_[0])
        for ['tomorrow', 'neither a date'], ['2026-02-29', 'no day'], ['2026-01-01T24:00Z', 'no time of the day'],
        ['2026-01-01T10:00+24', 'offset'], ['9999-12-31T23:59:59-01:00', 'outside the years'];
    fails(2, qr/--label: longer than 100/, qw(kss key issue --type employee --label), 'x' x 101);
    fails(2, qr/--label: not UTF-8/, qw(kss key issue --type employee --label), "\xff");
    fails(2, qr/one word too many/, qw(kss key issue ACME01 --type employee));
    fails(2, qr/does not take --ids/, qw(kss key list --ids 1));
    is count('api_key'), 0, 'nothing of this made a key';

    my ($rc, $out, $err) = kissctl(qw(kss key issue --type customer --user 501 --limit-hour 77 --ids), '2,1,2', '--label', 'N & Söhne');
    is $rc, 0, 'issued';
    like $out, qr/\Akiss_[0-9a-f]{8}_[A-Za-z0-9_-]{43}\n\z/, 'the key alone on standard output';
    my $key = $out =~ s/\n//r;
    unlike $err, qr/\Q$key\E|there (?:is|are) no/, 'not on standard error, and no remark on ids';
    my ($row) = sql($db, 'SELECT type, prefix, LOWER(HEX(hash)), user_id, limit_hour, label, expires_at FROM api_key');
    is_deeply $row, ['customer', substr($key, 5, 8), sha256_hex($key), 501, 77, 'N & Söhne', undef], 'stored as its SHA-256';
    is_deeply [map { $_->[0] } sql($db, 'SELECT account_id FROM api_key_account ORDER BY 1')], [1, 2], 'with its accounts';

    ($rc, $out, $err) = kissctl(qw(kss key issue --type supplier --user 502 --expires 2020-01-01 --ids), '7,8,9');
    is $rc, 0, 'unknown ids are no error';
    like $err, qr/there are no suppliers with these ids: 8, 9\./, '... but are named';
    like $err, qr/there is no user 502/, '... the user too';
    like $err, qr/--expires is in the past/, '... and an expiry that is over';
    my $made = json(qw(kss key issue --type employee --limit-hour default --expires 2099-12-31));
    like $made->{Key}, qr/\Akiss_/, 'as JSON, with the key';
    is_deeply [@$made{qw(Type Ids UserID LimitHour Label ExpiresAt RevokedAt)}],
        ['employee', undef, undef, undef, '', '2099-12-31T23:59:59Z', undef], 'and what was stored';
    for ('2099-06-30T12:30Z', '2099-06-30 12:30', '2099-06-30T14:30:00+02:00', '2099-06-30T12:30:00.999Z') {
        is json(qw(kss key issue --type employee --expires), $_)->{ExpiresAt}, '2099-06-30T12:30:00Z', "--expires $_";
    }
    is json(qw(kss key issue --type employee --expires 9999-12-31))->{ExpiresAt}, '9999-12-31T23:59:59Z', 'the last day there is';
    sql($db, "DELETE FROM api_key WHERE expires_at IN ('2099-06-30 12:30:00', '9999-12-31 23:59:59')");
    like issue_kss_key(type => 'customer', ids => [1, 2], limit => 5), qr/\Akiss_\S+\z/, 'issue_kss_key of the harness';
};

subtest 'key list, revoke' => sub {
    my ($rc, $text) = kissctl(qw(kss key list));
    like $text, qr/^ID +Prefix +Type +Ids +UserID +LimitHour +Label +CreatedAt +ExpiresAt +LastUsedAt +RevokedAt$/m, 'a table';
    my $list = json(qw(kss key list));
    is_deeply [map { $_->{Type} } @$list], [qw(customer supplier employee customer)], 'all of them';
    is_deeply [map { $_->{Ids} } @$list], [[1, 2], [7, 8, 9], undef, [1, 2]], 'with their accounts';
    ok !(grep { exists $_->{Key} } @$list), 'and no key';
    my $id = $list->[0]{ID};
    sql($db, "INSERT INTO key_usage VALUES ($id, '2026-01-02 03:04:05')");
    is json(qw(kss key revoke), $id)->{LastUsedAt}, '2026-01-02T03:04:05Z', 'revoked';
    like json(qw(kss key list))->[0]{RevokedAt}, qr/\A\d{4}-\d\d-\d\dT/, 'it is listed as revoked';
    ($rc, $text, my $err) = kissctl(qw(kss key revoke), $id);
    is $rc, 0, 'again: done';
    like $err, qr/was revoked before/, '... with a note';
    fails(1, qr/there is no key 999999: 'kissctl kss key list'/, qw(kss key revoke 999999));
    fails(2, qr/is not the number of a key: 'kissctl kss key list'/, qw(kss key revoke x));
};

subtest 'export' => sub {
    my ($rc, $out, $err) = kissctl(qw(kss payments export));
    is $rc, 0, 'nothing pending: exit status 0';
    is $out, "RequestID,PaymentInvoiceNum,TargetInvoiceNum,ARAccountID,Amount,RequestedByUserID,TimeRequested,TimeExported\r\n", 'the header';
    like $err, qr/0 requests exported/, 'and a note';
    is_deeply json(qw(kss payments export)), [], 'as JSON';

    request(1, requested_by_user_id => 501);
    request(2, amount => '0.125');
    request(3, status => "'Rejected'");
    request('NULL', payment_application_id => 4000, status => "'Confirmed'");
    my $revision = revision();
    for my $case (['a full device', 'exec "$@" >/dev/full'], ['a closed descriptor', 'exec "$@" >&-'],
        ['a closed pipe', 'set -o pipefail; { sleep 1; exec "$@"; } | true'],
        ['a full device, --json', 'exec "$@" --json >/dev/full'])
    {
        local $ENV{KISSCTL_DEFAULTS} = db_server()->defaults($db);
        ($rc, $out, $err) = run('bash', '-c', $case->[1], '-', build_dir() . '/support/kissctl', '--sql', top() . '/sql',
            qw(kss payments export));
        is $rc, 1, "$case->[0]: exit status 1";
        like $err, qr/cannot write to standard output: .*stay Pending/, '... and the reason';
        is_deeply statuses(), { 1 => 'Pending', 2 => 'Pending', 3 => 'Rejected' }, '... they stay Pending';
    }
    ($rc, $out, $err) = kissctl(qw(kss payments export --dry-run));
    is $rc, 0, 'dry run';
    like $out, qr/^1,"PAY,""1""",INV-42,123,500\.00,501,2025-03-19T10:00:00\.500Z,\r$/m, 'prints them';
    like $err, qr/dry run: 2 requests pending, nothing was changed/, 'says so';
    is revision(), $revision, 'and changes nothing';

    my $dir = tempdir_here();
    spew("$dir/out.csv", kissctl_ok(qw(kss payments export)));
    my $rows = csv_rows("$dir/out.csv");
    my %at = map { delete $_->{TimeExported} => 1 } @$rows;
    my ($at) = keys %at;
    is_deeply [map { $_->[0] } sql($db, "SELECT DISTINCT REPLACE(time_exported, ' ', 'T') FROM payment_application WHERE status = 'Exported'")], [$at =~ s/Z\z//r], 'the time of the run in each row';
    is_deeply $rows, [
        { RequestID => 1, PaymentInvoiceNum => 'PAY,"1"', TargetInvoiceNum => 'INV-42', ARAccountID => 123,
            Amount => '500.00', RequestedByUserID => 501, TimeRequested => '2025-03-19T10:00:00.500Z' },
        { RequestID => 2, PaymentInvoiceNum => 'PAY,"1"', TargetInvoiceNum => 'INV-42', ARAccountID => 123,
            Amount => '0.125000', RequestedByUserID => '', TimeRequested => '2025-03-19T10:00:00.500Z' }
    ], 'the requests, exact';
    is_deeply statuses(), { 1 => 'Exported', 2 => 'Exported', 3 => 'Rejected' }, 'they are Exported';
    is count('payment_application', "status = 'Exported' AND time_updated = time_exported"
            . ' AND ABS(TIMESTAMPDIFF(SECOND, time_exported, UTC_TIMESTAMP())) < 60'), 2, 'now, and marked as changed';
    cmp_ok revision(), '>', $revision, 'the revision grew';
    is_deeply json(qw(kss payments export)), [], 'not a second time';
    $revision = revision();
    is kissctl_ok(qw(kss payments export --again), $at), slurp("$dir/out.csv"), '--again TimeExported: what that run has exported';
    is_deeply json(qw(kss payments export --again), $at =~ s/\d(?=Z)/($& + 1) % 10/er), [], '... of no other time';
    is revision(), $revision, '... and changes nothing';
    fails(2, qr/--again: '.*' is no TimeExported/, qw(kss payments export --again), $_) for '', 'x', '2026-11-29', "$at ", $at =~ s/Z//r;
    request(4);
    is_deeply [map { $_->{RequestID} } @{ json(qw(kss payments export)) }], [4], 'a later one with the next run';
};

# Whatever becomes of a run: what it has left, the next run and what --again says of the first one are each request once.
subtest 'an export that is killed, or gets no answer' => sub {
    plan skip_all => cannot_preload('failnth') if cannot_preload('failnth');
    my $fault = preload('failnth');
    my $export = sub { return kissctl({ env => $fault->{env} }, qw(kss payments export)) };
    my (%killed, $n, @wrong);
    my ($base, $ended) = (20_000, 0);
    until ($ended) {
        $n++;
        $base += 10;
        request($_) for $base .. $base + 2;
        arm($fault, group => 'database', first => $n, late => 2);
        my ($rc, $left) = $export->();
        $ended = !disarm($fault)->{failed};
        my ($at) = $left =~ /,([^,]*)\r\n\z/;
        my $second = kissctl_ok(qw(kss payments export));
        my $first = ($at // '') =~ /\AT?\d/ ? kissctl_ok(qw(kss payments export --again), $at) : '';
        my %in;
        $in{$_}++ for map { /^(\d+),/mg } $first, $second;
        push @wrong, "call $n: $rc, " . join ' ', %in if join(' ', map { $in{$_} // 0 } $base .. $base + 2) ne '1 1 1' || keys %in != 3;
        push @wrong, "call $n: the end, $rc" if $ended && ($rc || $first ne $left);
        $killed{ $rc == 137 ? ($first =~ /^\d/m ? 'after the commit' : 'before it') : $rc }++;
    }
    is "@wrong", '', "killed before each of $n calls of Connector/C: each request is handed over once";
    is $killed{0}, 1, '... and once it was not';
    cmp_ok $killed{'before it'}, '>', 10, '... killed before the commit';

    # The answer of each call is lost, that of COMMIT as well.
    my %seen;
    for my $n (1 .. $n) {
        $base += 10;
        request($_) for $base .. $base + 2;
        arm($fault, group => 'database', first => $n, late => 1, code => 2013);
        my ($rc, $left, $err) = $export->();
        my $name = disarm($fault)->{name};
        my ($at) = $err =~ /--again (\S+?)'/;
        my $second = kissctl_ok(qw(kss payments export));
        my $first = $rc == 0 ? $left : defined $at ? kissctl_ok(qw(kss payments export --again), $at) : '';
        my %in;
        $in{$_}++ for map { /^(\d+),/mg } $first, $second;
        push @wrong, "$name: $rc, $err" if join(' ', map { $in{$_} // 0 } $base .. $base + 2) ne '1 1 1' || keys %in != 3;
        $seen{$name} = $err;
    }
    is "@wrong", '', 'the answer of each call is lost: what kissctl says leads to each request once';
    like $seen{COMMIT}, qr/the end of this run got no answer: .*run the export again, and then 'kissctl kss payments export --again /, '... of the commit, too';
    sql($db, 'DELETE FROM payment_application WHERE request_id > 20000');
};

# What conf/systemd/kiss-payments.service runs, after a run that was killed.
subtest 'the service' => sub {
    my ($dir, $bin) = (tempdir_here(), tempdir_here());
    my $kissctl = build_dir() . '/support/kissctl --sql ' . top() . '/sql --defaults ' . db_server()->defaults($db);
    spew("$bin/kissctl", "#!/bin/sh\nexec $kissctl \"\$@\"\n", 0755);
    my @steps = grep {/payments export/} slurp(top() . '/conf/systemd/kiss-payments.service') =~ s/\\\n//gr =~ /^ExecStart=(.*)$/mg;
    my $service = sub { return run({ env => { PATH => "$bin:$ENV{PATH}" } }, 'sh', '-ec', join "\n", "cd $dir", map { s/\$\$/\$/gr =~ s/%%/%/gr } @steps) };
    my $handed = sub { return join ' ', sort map { slurp($_) =~ /^(\d+),/mg } glob "$dir/*.csv" };
    request($_) for 30_001 .. 30_002;
    my ($rc, undef, $err) = $service->();
    is $rc, 0, 'a run' or diag $err;
    is $handed->(), '30001 30002', '... is a file';
    # Three were killed: before it had written, after it had written, and after its commit.
    request($_) for 30_003 .. 30_004;
    spew("$dir/20260101T000001Z.part", '');
    spew("$dir/20260101T000002Z.part", kissctl_ok(qw(kss payments export --dry-run)) =~ s/,\r$/,2026-01-01T00:00:02.000Z\r/gmr);
    spew("$dir/20260101T000003Z.part", kissctl_ok(qw(kss payments export)));
    request(30_005);
    sleep 1.1;
    ($rc, undef, $err) = $service->();
    is $rc, 0, 'the next one' or diag $err;
    is $handed->(), '30001 30002 30003 30004 30005', '... hands over what was exported, once';
    is join(' ', glob "$dir/*.part*"), '', '... and leaves nothing open';
    sql($db, 'DELETE FROM payment_application WHERE request_id > 20000');
};

subtest 'two exports at once' => sub {
    request($_) for 101 .. 160;
    my @r = parallel(4, sub { json(qw(kss payments export)) });
    my @ids = map { $_->{RequestID} } map { @$_ } @r;
    is scalar @ids, 60, 'each request is handed over once';
    is_deeply [sort { $a <=> $b } @ids], [101 .. 160], 'and none is lost';
};

subtest 'a slow reader of the export' => sub {
    # More than a pipe holds, so that kissctl waits for the reader.
    sql($db, "INSERT INTO payment_application (request_id, payment_id, target_invoice_id, ar_account_id, amount, status,"
            . " time_requested) SELECT 1000 + seq, 9001, 42, 123, 1, 'Pending', UTC_TIMESTAMP(3) FROM seq_1_to_4000");
    local $ENV{KISSCTL_DEFAULTS} = db_server()->defaults($db);
    my $dir = tempdir_here();
    open my $pipe, '-|', 'sh', '-c', "exec \"\$\@\" 2>$dir/err", '-', build_dir() . '/support/kissctl', '--sql',
        top() . '/sql', qw(kss payments export)
        or die "kissctl: $!";
    my $line = <$pipe>;
    sleep 0.3;
    my $begun = time;
    sql($db, 'SET innodb_lock_wait_timeout = 5; INSERT INTO payment_application (request_id, payment_id,'
            . " target_invoice_id, ar_account_id, amount, status) VALUES (9999, 9001, 42, 123, 1, 'Pending')");
    cmp_ok time - $begun, '<', 2, 'the API can take requests meanwhile';
    is column(1001, 'status'), 'Pending', 'nothing is marked before all is written';
    sql($db, "UPDATE payment_application SET status = 'Rejected' WHERE request_id = 4000") if $line;
    my @rest = <$pipe>;
    close $pipe;
    is $? >> 8, 1, 'a request that somebody changed meanwhile: exit status 1';
    like slurp("$dir/err"), qr/request 4000 was changed by somebody else.*do not use this output/s, '... and the reason';
    is scalar @rest, 4000, 'all was printed';
    is count('payment_application', "status = 'Pending'"), 4000, 'and nothing is marked';
    sql($db, 'DELETE FROM payment_application WHERE request_id > 1000');
};

subtest 'confirm' => sub {
    request(5);
    fails(2, qr/REQUEST is missing/, qw(kss payments confirm --application 1));
    fails(2, qr/--application is missing/, qw(kss payments confirm 1));
    fails(2, qr/'x' is not the number of a request/, qw(kss payments confirm x --application 1));
    fails(2, qr/--application: '.*' is no whole number/, qw(kss payments confirm 1 --application), $_) for 'x', '0', '-1', '';
    fails(2, qr/--applied-by: longer than 100/, qw(kss payments confirm 1 --application 5001 --applied-by), 'x' x 101);
    fails(1, qr/there is no request 77: 'kissctl kss payments list'/, qw(kss payments confirm 77 --application 5001));
    fails(1, qr/request 3 was rejected/, qw(kss payments confirm 3 --application 5001));
    fails(1, qr/application 4000 is in the list as made in the back office already/, qw(kss payments confirm 1 --application 4000));
    my $revision = revision();
    my $row = json(qw(kss payments confirm 1 --application 5001 --applied-by jsmith));
    is_deeply [@$row{qw(RequestID PaymentApplicationID Status AppliedBy)}], [1, 5001, 'Confirmed', 'jsmith'],
        'an exported request';
    is $row->{TimeApplied}, (column(1, "CONCAT(REPLACE(time_updated, ' ', 'T'), 'Z')")), 'applied and changed now';
    cmp_ok revision(), '>', $revision, 'the revision grew';
    $revision = revision();
    my ($rc, $out, $err) = kissctl(qw(kss payments confirm 01 --application 05001));
    is $rc, 0, 'the same again: exit status 0';
    like $err, qr/was confirmed before/, '... and it says so';
    is revision(), $revision, '... and changes nothing';
    is column(1, 'applied_by'), 'jsmith', '... nor the name';
    fails(1, qr/request 1 is confirmed already, with application 5001/, qw(kss payments confirm 1 --application 5002));
    fails(1, qr/application 5001 is that of request 1 already/, qw(kss payments confirm 2 --application 5001));
    kissctl_ok(qw(kss payments confirm 5 --application 5005));
    is_deeply [column(5, 'status'), column(5, 'time_exported')], ['Confirmed', undef], 'one that was never exported';
    is column(2, 'status'), 'Exported', 'others stay as they are';
};

subtest 'expire' => sub {
    fails(2, qr/--days: '.*' is no whole number/, qw(kss payments expire --days), $_) for 'x', '0', '-1', '';
    sql($db, "DELETE FROM payment_application WHERE request_id > 100");
    request(11, status => "'Exported'", time_exported => 'UTC_TIMESTAMP(3) - INTERVAL 8 DAY');
    request(12, status => "'Exported'", time_exported => 'UTC_TIMESTAMP(3) - INTERVAL 6 DAY');
    request(13, time_requested => 'UTC_TIMESTAMP(3) - INTERVAL 80 DAY');
    request(14, status => "'Confirmed'", payment_application_id => 5014, time_exported => 'UTC_TIMESTAMP(3) - INTERVAL 80 DAY');
    sql($db, "INSERT INTO idempotency (key_id, name, request_hash, allocation_no, created_at) VALUES"
            . " (1, 'old', '', 11, UTC_TIMESTAMP() - INTERVAL 8 DAY), (1, 'new', '', 12, UTC_TIMESTAMP() - INTERVAL 6 DAY)");
    is_deeply json(qw(kss payments expire)), { Days => 7, Rejected => 1, KeysForgotten => 1 }, 'seven days';
    is_deeply statuses(), { 1 => 'Confirmed', 2 => 'Exported', 3 => 'Rejected', 4 => 'Exported', 5 => 'Confirmed',
        11 => 'Rejected', 12 => 'Exported', 13 => 'Pending', 14 => 'Confirmed' }, 'only what was exported and is older';
    is_deeply [map { $_->[0] } sql($db, 'SELECT name FROM idempotency')], ['new'], 'and old idempotency keys';
    is column(11, 'TIMESTAMPDIFF(SECOND, time_updated, UTC_TIMESTAMP()) < 60'), 1, 'marked as changed';
    like kissctl_ok(qw(kss payments expire --days 5)), qr/rejected: 1, exported more than 5 days ago; forgotten: 1/, 'five';
    is column(12, 'status'), 'Rejected', 'rejected';
    like kissctl_ok(qw(kss payments expire)), qr/rejected: 0/, 'nothing left to do';
};

subtest 'list' => sub {
    fails(2, qr/'Open' is neither Pending, Exported, Confirmed nor Rejected/, qw(kss payments list --status Open));
    my $list = json(qw(kss payments list));
    is scalar @$list, 9, 'requests, but not what the back office made by itself';
    my ($first_applied) = grep { defined $list->[$_]{TimeApplied} } 0 .. $#$list;
    my ($last_waiting) = grep { !defined $list->[$_]{TimeApplied} } reverse 0 .. $#$list;
    cmp_ok $last_waiting, '<', $first_applied, 'those not yet applied first';
    is_deeply [map { $_->{RequestID} } @{ json(qw(kss payments list --status Pending)) }], [13], 'of one status';
    is_deeply [sort map { $_->{RequestID} } @{ json(qw(kss payments list --status confirmed)) }], [1, 14, 5], 'in any case';
    like kissctl_ok(qw(kss payments list)), qr/^RequestID +PaymentApplicationID /, 'as a table';
};

subtest 'doctor' => sub {
    my $doctor = sub {
        my ($rc, $out, $err) = kissctl(@_, qw(kss doctor --json));
        return ($rc, { map { ($_->{Check} => $_) } @{ JSON::PP->new->utf8->decode($out) } });
    };
    my ($rc, $found) = $doctor->();
    is $rc, 0, 'no problem' or diag explain $found;
    is $found->{$_}{State}, 'ok', "$_: ok" for qw(server charset schema tables rights customers keys), 'accounts of keys';
    ok !$found->{'token keys'}, 'nothing about tokens: this API has none';
    like $found->{"module's rights"}{Finding}, qr/not checked/, "kissctl's account does not see the module's rights";
    is $found->{'payment requests'}{State}, 'warning', 'request 13 waits for the export';
    like $found->{'payment requests'}{Finding}, qr/: 13$/, '... and is named';
    my $root = { defaults => db_server()->defaults($db) =~ s/\.cnf\z/.root.cnf/r };
    ($rc, $found) = $doctor->($root);
    is $found->{"module's rights"}{State}, 'ok', 'an administrator does' or diag explain $found;
    sql($db, "REVOKE INSERT ON idempotency FROM kiss\@localhost; GRANT DELETE ON payment TO kiss\@localhost");
    my @about = grep { $_->{Check} eq "module's rights" } @{ JSON::PP->new->utf8->decode((kissctl($root, qw(kss doctor --json)))[1]) };
    is_deeply [map { $_->{State} } @about], ['PROBLEM', 'warning'], 'too few rights, and too many';
    like $about[0]{Finding}, qr/lacks INSERT ON idempotency$/, '... named';
    like $about[1]{Finding}, qr/may do more than it needs: DELETE ON payment$/, '... named';
    like $about[0]{Action}, qr{sql/kss/grants\.sql}, '... and what to do';
    sql($db, "GRANT INSERT ON idempotency TO kiss\@localhost; REVOKE DELETE ON payment FROM kiss\@localhost");
    sql($db, 'DROP SEQUENCE request_number');
    ($rc, $found) = $doctor->();
    is $rc, 1, 'something is missing: exit status 1';
    like $found->{tables}{Finding}, qr/missing: request_number/, '... what';
    like $found->{tables}{Action}, qr/kissctl kss schema repair/, '... and what to do';
    kissctl_ok(qw(kss schema install));
    is +($doctor->())[0], 0, 'that mends it';
    issue_kss_key(type => 'supplier', ids => [99]);
    like +($doctor->())[1]{'accounts of keys'}{Finding}, qr/^1 key whose/, 'a key for nobody';
    is +(kissctl(qw(kss doctor --children 1000 --max 8)))[0], 1, 'too many connections';
    fails(2, qr/--children and --max/, qw(kss doctor --children x));
};

subtest 'help' => sub {
    like kissctl_ok('--help'), qr/^  \Q$_\E /m, "--help lists $_"
        for 'kss schema install', 'kss key issue', 'kss payments export', 'kss doctor';
    my $help = kissctl_ok(qw(kss payments --help));
    like $help, qr/usage: kissctl kss payments $_/, "and of $_" for qw(list export confirm expire);
};

subtest 'two databases at a time' => sub {
    my $customer = new_database('both');
    import_sample($customer);
    like issue_key('ACME01'), qr/\Akiss_/, 'verbs of the Customer API reach theirs';
    is count('api_key', 'revoked_at IS NOT NULL'), 1, 'and those of the KSS API are where they were';
    is scalar @{ json(qw(kss payments list --status Pending)) }, 1, 'in the other';
};

subtest 'a server with other defaults' => sub {
    my $server = KissTest::Database->start;
    my $other = new_database('defaults', server => $server, api => 'kss');
    kissctl_ok({ db => $other }, qw(kss import), top() . '/sql/sample-kss');
    my @ids = map { $_->[0] } $server->sql($other, 'SELECT customer_id FROM customer ORDER BY customer_id');
    cmp_ok scalar @ids, '>', 30, 'many customers';
    my $many = issue_kss_key(type => 'customer', ids => \@ids);
    my $supplier = issue_kss_key(type => 'supplier', ids => [10, 11]);
    my $httpd = start_httpd(api => 'kss', db => $other, server => $server);
    my @requests = map { my $k = $_; map { [$_, $k] } qw(/customers?PageSize=500 /payments/openInvoices?PageSize=500
        /invoices?Statuses=7&PageSize=500 /salesReps /users /arAging) } $many, $supplier;
    my $answers = sub { my ($w) = @_; return [map { $w->get("/api/v1$$_[0]", 'x-api-key' => $$_[1])->{content} } @requests] };
    my @verbs = ([qw(kss key list)], [qw(kss payments list)], [qw(kss schema check)],
        ['kss', 'import', top() . '/sql/sample-kss']);
    my $told = sub { return [map { my ($rc, $out) = kissctl({ db => $other }, '--json', @$_); "$rc " . $out =~ s/"Seconds": \K[\d.]+/n/r } @verbs] };
    my ($expected, $says) = ($answers->($httpd), $told->());
    like $says->[0], qr/\b$ids[-1]\b/, 'kissctl tells all ids of a key';
    # What an administrator may have set for all sessions, each of which would change an answer or refuse a statement.
    $server->sql(undef, join ';', map {"SET GLOBAL $_"} 'group_concat_max_len = 4', 'div_precision_increment = 0',
        q(sql_mode = 'ANSI_QUOTES,NO_BACKSLASH_ESCAPES,PIPES_AS_CONCAT'), q(time_zone = '+05:30'), 'autocommit = 0',
        'sql_select_limit = 1', 'sql_big_selects = 0, GLOBAL max_join_size = 10', 'sql_safe_updates = 1', 'sql_auto_is_null = 1',
        'foreign_key_checks = 0', 'unique_checks = 0', 'TRANSACTION ISOLATION LEVEL READ UNCOMMITTED, READ ONLY');
    my $now = $told->();
    is $now->[$_], $says->[$_], "kissctl says the same: @{ $verbs[$_] }" for 0 .. $#verbs;
    my $again = start_httpd(api => 'kss', db => $other, server => $server);
    my $got = $answers->($again);
    is $got->[$_], $expected->[$_], "the module answers $requests[$_][0] the same" for 0 .. $#requests;
    $again->log_ok;
    $httpd->log_ok;
};

done_testing;
