# KissWarm: the most used lists are built in advance when something has changed, by one process, and no others.
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
use Time::HiRes qw(sleep time);

my $server = KissTest::Database->start;             # its own: it is stopped below
my $db = new_database('warm', server => $server);
import_sample($db);
my %key = map { $_ => issue_key($_) } qw(ACME01 BEAU02);
my %gz = ('Accept-Encoding' => 'gzip');

sub serve {
    my ($warm, %opt) = @_;
    return serve_lists(\%key, log_level => 'info', %opt, config => "KissWarm $warm\n" . ($opt{config} // ''));
}

# "200 hit", "304 -"
sub ask {
    my ($h, $path, $customer, @more) = @_;
    $h->{last} = ask_list($h, $path, $customer, @more);
    return "$h->{last}{status} " . fate($h, $h->{last});
}

sub change { return change_all($db) }
sub rounds { my ($h) = @_; return [$h->log_text =~ /KISS0712: database customer has changed: (\d+) lists? (?:was|were) built in advance/g] }

subtest 'the most used ones' => sub {
    my $h = serve('3 100ms', processes => 3);
    for (1 .. 6) {
        ask($h, '/stock', 'ACME01');
        ask($h, '/prices', 'BEAU02', %gz);
        my $etag = $h->{last}{headers}{etag};
        is ask($h, '/prices', 'BEAU02', %gz, 'If-None-Match' => $etag), '304 -', 'a poll counts too' if $_ > 1;
        ask($h, '/products', 'ACME01') if $_ < 3;
    }
    ask($h, '/prices', 'ACME01');
    my $before = scalar snapshots($h);
    change();
    ok wait_until(10, sub { @{ rounds($h) } }), 'something has changed: a round';
    is_deeply rounds($h), [3], '... of three lists';
    # The compressed one was made of one as it is, which is kept too.
    is scalar snapshots($h), $before + 4, '... in files';
    is ask($h, '/stock', 'ACME01'), '200 hit', 'the first client finds it';
    is ask($h, '/prices', 'BEAU02', %gz), '200 hit', '... compressed, if that was asked for';
    is $h->{last}{headers}{'content-encoding'}, 'gzip', '... indeed';
    is ask($h, '/products', 'ACME01'), '200 hit', '... and the third';
    is ask($h, '/prices', 'ACME01'), '200 built', 'the one least used was left';
    sleep 0.5;
    is_deeply rounds($h), [3], 'nothing has changed: no round';

    sql($db, "UPDATE stock SET available_qty = available_qty + 1 WHERE stock_location = 'UK01' LIMIT 1");
    ok wait_until(10, sub { @{ rounds($h) } == 2 }), 'a change at one warehouse';
    is_deeply rounds($h), [3, 1], '... one list';
    is ask($h, '/stock', 'ACME01'), '200 hit', '... that one';
    like $h->{last}{content}, qr/"AvailableQTY"/, '... whole';

    # Counts survive a reload, though all processes are new.
    $h->graceful;
    change();
    ok wait_until(20, sub { @{ rounds($h) } == 3 }), 'after a reload';
    is ask($h, '/prices', 'BEAU02', %gz), '200 hit', '... still known';
    $h->log_ok;
};

subtest 'exact and shared' => sub {
    kissctl_ok(qw(customer add TWIN01 --price-list UKTRADE --warehouse UK01 --discount),
        (sql($db, "SELECT discount_percent FROM customer WHERE customer_code = 'ACME01'"))[0][0]);
    local $key{TWIN01} = issue_key('TWIN01');
    my $h = serve('10 100ms', processes => 2);
    ask($h, '/prices', $_) for qw(ACME01 TWIN01 BEAU02);
    change();
    ok wait_until(10, sub { @{ rounds($h) } }), 'a round';
    is_deeply rounds($h), [2], '... of two lists: equal terms are one';
    my %warm = map { ask($h, '/prices', $_); $_ => $h->{last}{content} } qw(ACME01 BEAU02);
    my $cold = start_httpd();
    is $cold->get('/prices', Authorization => 'Bearer ' . $cold->token($_, $key{$_}))->{content}, $warm{$_},
        "$_: the same as without" for qw(ACME01 BEAU02);

    # The customer who stands for a scope goes: the next one takes its place.
    kissctl_ok(qw(customer disable ACME01));
    change();
    ok wait_until(10, sub { @{ rounds($h) } == 2 }), 'the customer is disabled';
    is_deeply rounds($h), [2, 1], '... its list is not built';
    is ask($h, '/prices', 'TWIN01'), '200 built', 'another one asks';
    change();
    ok wait_until(10, sub { @{ rounds($h) } == 3 }), 'and stands for the scope';
    is_deeply rounds($h), [2, 1, 2], '... from then on';
    kissctl_ok(qw(customer enable ACME01));
    kissctl_ok(qw(customer set BEAU02 --discount 1));
    ok wait_until(10, sub { ask($h, '/prices', 'BEAU02') =~ /200/ }), 'other terms are another scope';
    $h->log_ok;
};

# The lists of a round share the rows of the log and of what has changed, where these are the same for them; each is what it would be by
# itself.
subtest 'in common' => sub {
    my $seed = $ENV{KISS_TEST_SEED} || 20261130;
    srand $seed;
    note "seed $seed";
    my @terms = map { my $list = $_; map { [$list, $_] } qw(UK01 NL01) } qw(UKTRADE UKRETAIL EUTRADE);
    my %many = map {
        my $code = "MANY0$_";
        kissctl_ok(qw(customer add), $code, '--price-list', $terms[$_][0], '--warehouse', $terms[$_][1], '--discount', $_ % 4 * 2.5);
        $code => issue_key($code);
    } 0 .. $#terms;
    grow($server, $db, 400);
    sql($db, "INSERT INTO price (price_list_code, sku, unit_price) SELECT '$_', sku, 2 FROM product WHERE sku LIKE 'ZZ%'") for qw(UKRETAIL EUTRADE);
    sql($db, "INSERT INTO stock (stock_location, sku, available_qty) SELECT 'NL01', sku, 3 FROM product WHERE sku LIKE 'ZZ%' AND sku < 'ZZ00000300'");
    my @paths = qw(/products /stock /prices);
    my $h = serve_lists(\%many, log_level => 'info', modules => [], undocumented => 1, config => "KissWarm 50 100ms\n");
    my $alone = serve_lists(\%many, modules => [], undocumented => 1);
    my $ask_all = sub { my ($of) = @_; return map { my $c = $_; map { [$_, $c, ask_list($of, $_, $c)] } @paths } sort keys %many };
    $ask_all->($h);
    my $some = sub { return join ', ', map { sprintf "'ZZ%08d'", 1 + int rand 400 } 1 .. $_[0] };
    my @changes = (
        sub { "UPDATE stock SET available_qty = available_qty + 1 WHERE sku IN (" . $some->(12) . ')' },
        sub { "UPDATE stock SET available_qty = available_qty + 1 WHERE stock_location = 'UK01' AND sku IN (" . $some->(3) . ')' },
        sub { "UPDATE product SET name = CONCAT('New ', " . int(rand 1000) . ') WHERE sku IN (' . $some->(10) . ')' },
        sub { "UPDATE product SET status = IF(status = 'Live', 'Obsolete', 'Live') WHERE sku IN (" . $some->(2) . ')' },
        sub { "UPDATE product_image SET file_name = CONCAT('x', " . int(rand 1000) . ') WHERE sku IN (' . $some->(5) . ')' },
        sub { "UPDATE price SET unit_price = unit_price + 0.01 WHERE sku IN (" . $some->(9) . ')' },
        sub { "UPDATE price SET unit_price = unit_price + 0.01 WHERE price_list_code = 'UKRETAIL' AND sku IN (" . $some->(4) . ')' },
        sub { "DELETE FROM price WHERE price_list_code = 'UKRETAIL' AND sku IN (" . $some->(2) . ')' },
        sub { "REPLACE INTO price (price_list_code, sku, unit_price) SELECT 'EUTRADE', sku, 4 FROM product WHERE sku IN (" . $some->(3) . ')' },
    );
    my ($wrong, $patched) = ('', 0);
    for my $round (1 .. @changes) {
        my $before = @{ rounds($h) };
        sql($db, join '; ', 'START TRANSACTION', $changes[$round % @changes]->(), (map { $changes[rand @changes]->() } 1 .. rand 3), 'COMMIT');
        wait_until(20, sub { @{ rounds($h) } > $before }) or return fail "round $round, seed $seed: nothing is built";
        my @warm = $ask_all->($h);
        unlink glob folder($alone) . '/*@*';
        my @cold = $ask_all->($alone);
        for my $i (0 .. $#warm) {
            my ($path, $customer, $res) = @{ $warm[$i] };
            my $expected = $cold[$i][2];
            $wrong ||= "$path of $customer, round $round, seed $seed"
                if fate($h, $res) ne 'hit' || "@$res{qw(status content)}" ne "@$expected{qw(status content)}"
                || $res->{headers}{etag} ne $expected->{headers}{etag};
        }
        last if $wrong;
    }
    is $wrong, '', 'whatever changes, each list is what it would be by itself, and is there';

    # The rows that the database sends are those of one warehouse, not of three lists.
    my $sent = sub { return ($server->sql(undef, "SHOW GLOBAL STATUS LIKE 'Rows_sent'"))[0][1] };
    my $rows_for = sub {
        my ($n) = @_;
        my ($before, $rows) = (scalar @{ rounds($h) }, $sent->());
        sql($db, "UPDATE stock SET available_qty = available_qty + 1 WHERE stock_location = 'UK01' AND sku LIKE 'ZZ%' ORDER BY sku LIMIT $n");
        ok wait_until(20, sub { @{ rounds($h) } > $before }), "$n rows at one warehouse";
        is rounds($h)->[-1], 3, '... are three lists';
        return $sent->() - $rows;
    };
    my $rows = -$rows_for->(1) + $rows_for->(71);
    cmp_ok $rows, '>', 70, "... for which the database has sent $rows rows more: the log, and what it names";
    cmp_ok $rows, '<', 210, '... once, not for each of them';
    $h->log_ok;
};

subtest 'one process, and always one' => sub {
    my $h = serve('5 100ms', processes => 4);
    ask($h, '/stock', 'ACME01');
    my $n = 0;
    for my $round (1 .. 3) {
        change();
        ok wait_until(20, sub { @{ rounds($h) } == $round }), "round $round";
        sleep 0.3;
        is scalar @{ rounds($h) }, $round, '... by one';
        last if $round == 3;
        # Who has the lock on the nameless file is known from /proc/locks.
        my %child = map { $_ => 1 } $h->children;
        my ($pid) = grep { $child{$_} } slurp('/proc/locks') =~ /POSIX +ADVISORY +WRITE (\d+)/g;
        ok $pid, 'one process has the lock' or last;
        kill KILL => $pid;
        ok wait_until(10, sub { !kill 0, $pid }), '... and is killed';
    }
    $h->log_ok(qr/AH00052/);
};

subtest 'while the database is away' => sub {
    my $h = serve('5 100ms', processes => 1);
    ask($h, '/stock', 'ACME01');
    $server->stop;
    sleep 2;
    my $tries = () = $h->log_text =~ /KISS020[1-9]|KISS0210/g;
    cmp_ok $tries, '<', 12, "it is not asked all the time: $tries messages";
    $server->resume;
    change();
    ok wait_until(20, sub { ask($h, '/stock', 'ACME01') =~ /^200/ }), 'back';
    change();
    ok wait_until(20, sub { @{ rounds($h) } }), 'it goes on';
    $h->log_ok(qr/KISS02/);
};

subtest 'a reload in the middle of building' => sub {
    my $h = serve('50 100ms', processes => 2);
    ask($h, $_->[0], $_->[1]) for map { my $c = $_; map { [$_, $c] } qw(/products /stock /prices) } qw(ACME01 BEAU02);
    my $load = KissTest::Load->start(2, sub {
        my ($i, $n) = @_;
        sql($db, 'UPDATE revision SET n = n + 1') if !$i && $n % 5 == 0;
        my $res = $h->get('/stock', Authorization => $h->{bearer}{ACME01});
        return { status => $res->{status} };
    });
    for (1 .. 6) {
        $h->graceful;
        sleep 0.4;
    }
    my @seen = $load->finish;
    is scalar(grep { $_->{status} != 200 } @seen), 0, 'all were answered: ' . @seen;
    my $at = time;
    $h->stop;
    cmp_ok time - $at, '<', 4, 'it stops at once';
    unlike $h->log_text, qr/AH00045|AH00046|AH00052/, 'nobody had to be killed';
    $h->log_ok;
};

subtest 'off' => sub {
    my $h = serve('0');
    ask($h, '/stock', 'ACME01');
    change();
    sleep 1.5;
    is_deeply rounds($h), [], 'nothing is built';
    $h->log_ok;
};

done_testing;
