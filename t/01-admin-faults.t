#!/usr/bin/perl
# What can go wrong while product data is written: the database is killed, hangs, is read-only, has no room, gives up, or another transaction is
# in the way; a child of httpd is killed, httpd is reloaded; bodies that do not come, or not whole. Whatever is answered with 2xx is there, once,
# whole, with its line in the audit; of all else nothing is there, and the same request ends right when the cause is gone.
# SPDX-License-Identifier: Apache-2.0
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use JSON::PP ();
use KissTest;
use KissTest::Faults;
use KissTest::H2;
use KissTest::Load;
use Test::More;
use Time::HiRes qw(sleep time);

# What was committed outlives a killed server: its log has left the process then.
my $server = KissTest::Database->start(args => ['--innodb-flush-log-at-trx-commit=2']);
my $db = new_database('admin_faults', server => $server);
import_sample($db);
grant_admin();
kissctl_ok(qw(admin add pim));
my $key = kissctl_ok(qw(admin-key issue pim)) =~ s/\s+\z//r;
my $json = JSON::PP->new->utf8->canonical;

sub serve {
    my (%opt) = @_;
    my $h = start_httpd(pool => 'timeout=1s wait=1s', admin => '', admin_pool => 'timeout=4s wait=1s', %opt);
    $h->{admin} = { Authorization => 'Bearer ' . $h->token('pim', $key), 'Content-Type' => 'application/json' };
    return $h;
}

# ask($h, $method, $path, $body, %headers): one request, on a connection of its own, never repeated.
sub ask {
    my ($h, $method, $path, $body, %headers) = @_;
    return ask_once($h, $method, $path, ref $body ? $json->encode($body) : $body, %{ $h->{admin} }, %headers);
}

# insist(...): ask() in the background, as often as it is told to come again: the module waits three seconds for a lock, and a machine may be slow.
sub insist {
    my (@request) = @_;
    return later(sub { my $res = { status => 503 }; for (1 .. 20) { $res = ask(@request) if $res->{status} == 503 } return $res });
}

# A product with its arrays, all of which tell which write it is of.
sub product {
    my ($n) = @_;
    return { name => "n$n", theme => 't', images => [map { { imageID => "$_-$n", fileName => 'f' } } 1 .. 3], accessories => [{ accessorySKU => "a$n" }],
        prices => [{ priceListCode => 'UKTRADE', unitPrice => $n, moq => 1, orderMultiple => 1 }] };
}
sub whole { my ($n) = @_; return "n$n t 1-$n,2-$n,3-$n a$n $n.0000" }

# one($sql): the one value that a query finds; an empty text for NULL.
sub one { my ($sql) = @_; return (map { $_->[0] // '' } $server->sql($db, $sql))[0] // '' }

# What there is of a product.
sub found {
    my ($sku) = @_;
    my $of = "WHERE sku = '$sku'";
    return one("SELECT CONCAT_WS(' ', (SELECT CONCAT(name, ' ', theme) FROM product $of), (SELECT GROUP_CONCAT(image_id ORDER BY image_id) FROM product_image $of),"
            . " (SELECT GROUP_CONCAT(accessory_sku) FROM product_accessory $of), (SELECT GROUP_CONCAT(unit_price) FROM price $of))");
}
sub stock_of { my ($like) = @_; return one("SELECT GROUP_CONCAT(sku, ':', available_qty ORDER BY sku) FROM stock WHERE sku LIKE '$like' AND stock_location = 'UK01'") }
sub rows { my ($prefix, $n, $many) = @_; return [map { { stockLocation => 'UK01', sku => sprintf('%s-%03d', $prefix, $_), availableQTY => $n } } 1 .. $many] }
sub lines { my ($where) = @_; return one("SELECT COUNT(*) FROM admin_audit WHERE $where") }
sub revisions { return one('SELECT GROUP_CONCAT(n ORDER BY dataset, scope) FROM revision') }

# Transactions in a state. The server looks anew only when nobody has asked for a tenth of a second; in a trigger they are its definer's.
my $probe;
sub transactions {
    my ($state) = @_;
    sleep 0.12;
    $probe ||= $server->session($db);
    return scalar $probe->("SELECT COUNT(*) FROM information_schema.innodb_trx WHERE trx_state LIKE '$state'");
}
sub none_open { return wait_until(10, sub { transactions('%') == 0 }) }
sub writer_waits { return wait_until(20, sub { transactions('LOCK WAIT') }) }
sub stop { my ($signal) = @_; undef $probe; return $server->stop($signal) }

sub is_503 {
    my ($res, $what) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    is $res->{status}, 503, "$what: 503" or diag $res->{content};
    like $res->{headers}{'retry-after'}, qr/\A[1-9]\d*\z/, '... with Retry-After';
    unlike $res->{content}, qr/SQL|mariadb|revision/i, '... without a word about the inside';
    return;
}

# A session that has the revisions locked: whoever writes has done all but that.
sub locked {
    my $session = $server->session($db);
    $session->('START TRANSACTION; SELECT COUNT(*) FROM revision FOR UPDATE');
    return $session;
}

$server->sql($db, join ';', map({"INSERT INTO product (sku) VALUES ('W-$_')"} 0 .. 9), map({"INSERT INTO stock (stock_location, sku) VALUES ('UK01', '$_')"} map { sprintf 'S0-%03d', $_ } 1 .. 20));

# writes($h, $i, $n): the n-th write of the i-th client, repeated with its Idempotency-Key until it is done: how often it was asked, and what was wrong.
sub writes {
    my ($h, $i, $n) = @_;
    my ($sku, %id) = ("W-$i", 'Idempotency-Key' => "$$-$n", 'X-Request-Id' => "w-$i-$n-$$");
    my @request = $i == 0 ? ('PATCH', '/admin/stock', rows('S0', $n, 20)) : ('PUT', "/admin/products/$sku", product($n));
    my ($hung, @seen) = ('');
    for my $try (1 .. 100) {
        my $res = ask($h, @request, %id);
        push @seen, $res->{status};
        $hung = "$res->{status} $res->{content}" if $res->{content} =~ /no answer within/ || ($res->{status} == 503 && !$res->{headers}{'retry-after'});
        return { n => $n, id => $id{'X-Request-Id'}, i => $i, seen => \@seen, why => $hung || ($res->{status} == 200 ? '' : $res->{content}) }
            if $res->{status} == 200 || $res->{status} !~ /\A5(?:03|99)\z/;
        sleep 0.1;
    }
    return { n => $n, id => $id{'X-Request-Id'}, i => $i, seen => \@seen, why => 'never done' };
}

# under_load($h, $what, $sub): clients write while it runs; then all that was done is there, once.
my $first = 1;
sub under_load {
    my ($h, $what, $sub) = @_;
    # Each write differs from the one before it, also from the last one of another load: one that changes nothing is in no audit.
    my $from = $first;
    $first += 1000;
    my $load = KissTest::Load->start(3, sub { my ($i, $n) = @_; sleep 0.02; return writes($h, $i, $from + $n) });
    sleep 0.3;
    $sub->();
    sleep 0.3;
    my @seen = $load->finish;
    my @wrong = map { $_->{why} } grep { $_->{why} } @seen;
    my %lines = map {@$_} $server->sql($db, 'SELECT request_id, COUNT(*) FROM admin_audit GROUP BY request_id');
    push @wrong, map {"$_->{id}: " . ($lines{ $_->{id} } // 0) . ' lines in the audit'} grep { ($lines{ $_->{id} } // 0) != ($_->{i} ? 1 : 20) } @seen;
    my %last = map { $_->{i} => $_->{n} } @seen;
    push @wrong, map { found("W-$_") } grep { found("W-$_") ne whole($last{$_}) } 1, 2;
    push @wrong, 'stock' if stock_of('S0-%') ne join ',', map { sprintf 'S0-%03d:%d.000', $_, $last{0} } 1 .. 20;
    is join("\n", @wrong[0 .. ($#wrong > 5 ? 5 : $#wrong)]), '', "$what: each of " . @seen . ' writes is there once, the last ones whole';
    ok none_open(), '... and nothing is open';
    $server->sql($db, 'DELETE FROM admin_audit; DELETE FROM admin_request');
    return @seen;
}

subtest 'the database is killed, and stands still, under load' => sub {
    my $h = serve(admin_pool => 'timeout=1s wait=1s');
    my $asked;
    under_load($h, 'killed', sub { stop('KILL'); $asked = ask($h, PUT => '/admin/products/W-9', product(1)); $server->resume });
    is_503($asked, 'asked meanwhile');
    under_load($h, 'stopped in order', sub { stop('TERM'); $server->resume });
    under_load($h, 'frozen', sub { $server->freeze; $asked = ask($h, PUT => '/admin/products/W-9', product(1)); $server->thaw });
    is_503($asked, 'asked meanwhile');
    $h->log_ok(qr/KISS0(?:201|202|205|253|762|810)/);
};

subtest 'httpd is reloaded under load' => sub {
    my $h = serve();
    my @seen = under_load($h, 'reloaded', sub { $h->graceful for 1 .. 3 });
    is scalar(grep { "@{ $_->{seen} }" ne '200' } @seen), 0, '... each at the first time';
    $h->log_ok;
};

subtest 'a child is killed in the middle of a write' => sub {
    my $h = serve();
    ask($h, PUT => '/admin/products/W-3', product(1));
    my $before = revisions();
    my @cases = (
        [PUT => '/admin/products/W-3', product(2), sub { found('W-3') }, whole(1), whole(2), "sku = 'W-3'", 1],
        [PATCH => '/admin/stock', rows('KILLED', 7, 600), sub { stock_of('KILLED%') =~ s/,.*//r }, '', 'KILLED-001:7.000', "sku LIKE 'KILLED%'", 600],
        [DELETE => '/admin/products/W-3', undef, sub { found('W-3') }, whole(2), '2.0000', "sku = 'W-3' AND method = 'DELETE'", 1],
    );
    for (@cases) {
        my ($method, $path, $body, $is, $old, $new, $where, $lines) = @$_;
        my $had = lines($where);
        my %key = ('Idempotency-Key' => "killed-$method");
        my $session = locked();
        my $answer = insist($h, $method, $path, $body, %key);
        ok writer_waits(), "$method: it has written, and waits for the revisions";
        kill 'KILL', $h->children;
        is $answer->()->{status}, 599, '... its process is killed: no answer';
        $session->('ROLLBACK');
        $session->();
        ok none_open(), '... and nothing is open';
        is $is->(), $old, '... nothing of it is there';
        is lines($where), $had, '... nor in the audit';
        ok wait_until(20, sub { ask($h, GET => '/admin/products/W-4')->{status} == 200 }), '... another process serves';
        my $res = ask($h, $method, $path, $body, %key);
        like $res->{status}, qr/\A20[04]\z/, '... the same again: done';
        is $res->{headers}{'idempotency-replayed'}, undef, '... now';
        is $is->(), $new, '... it is there';
        is lines($where), $had + $lines, '... and in the audit';
    }
    isnt revisions(), $before, 'the revisions have risen';
    $h->log_ok(qr/AH00052|KISS0253.*Lock wait/);
};

subtest 'no writing now' => sub {
    my $h = serve(log_level => 'info kiss:debug');
    ask($h, PUT => '/admin/products/W-4', product(1));
    my $is_refused = sub {
        my ($what, $status, $log) = @_;
        my ($before, $had) = (revisions(), lines('1'));
        for (['PUT', '/admin/products/W-4', product(2)], ['PATCH', '/admin/stock', rows('NOW', 3, 3)], ['POST', '/admin/products', { sku => 'NOW', %{ product(1) } }], ['DELETE', '/admin/products/W-4', undef]) {
            my $res = ask($h, @$_, 'Idempotency-Key' => "now-$_->[0]");
            $status == 503 ? is_503($res, "$what: $_->[0]") : is $res->{status}, $status, "$what: $_->[0]";
        }
        is found('W-4') . found('NOW') . stock_of('NOW%'), whole(1), '... nothing has changed';
        is revisions(), $before, '... no revision';
        is lines('1'), $had, '... no line in the audit';
        like $h->log_text, $log, '... the log says why';
        ok none_open(), '... and nothing is open';
    };
    $server->sql(undef, 'SET GLOBAL read_only = 1');
    $is_refused->('a server that is read-only', 503, qr/KISS0253.*read_only/);
    is ask($h, GET => '/admin/products/W-4')->{status}, 200, '... and it is read';
    $server->sql(undef, 'SET GLOBAL read_only = 0');
    $server->sql($db, "REVOKE INSERT ON admin_audit FROM 'kiss_write'\@'localhost'");
    $is_refused->('no right to the audit', 500, qr/KISS0210.*admin_audit.*1142/s);
    $server->sql($db, "GRANT INSERT ON admin_audit TO 'kiss_write'\@'localhost'");
    $server->sql($db, 'RENAME TABLE admin_request TO admin_requests');
    $is_refused->('no table of keys', 500, qr/KISS0210.*admin_request/s);
    $server->sql($db, 'RENAME TABLE admin_requests TO admin_request');
    # What a server says that has no room any more, at the last statement but one.
    $h->restart;
    $server->sql($db, <<'SQL');
DELIMITER //
CREATE TRIGGER no_room BEFORE INSERT ON admin_audit FOR EACH ROW
SIGNAL SQLSTATE 'HY000' SET MYSQL_ERRNO = 1114, MESSAGE_TEXT = 'The table is full' //
SQL
    $is_refused->('no room', 503, qr/KISS0253.*error 1114.*make room/);
    $server->sql($db, 'DROP TRIGGER no_room');
    # A statement that takes too long: as it waits for the revisions. What is away is logged once in ten seconds by each child.
    $h->restart;
    $server->sql(undef, "ALTER USER kiss_write\@localhost WITH MAX_STATEMENT_TIME 1");
    kill_connections($server, "user = 'kiss_write'");
    my $session = locked();
    is_503(ask($h, PUT => '/admin/products/W-4', product(2)), 'max_statement_time');
    $session->('ROLLBACK');
    $session->();
    like $h->log_text, qr/error 1969/, '... the log says so';
    ok none_open(), '... and nothing is open';
    $server->sql(undef, "ALTER USER kiss_write\@localhost WITH MAX_STATEMENT_TIME 0");
    kill_connections($server, "user = 'kiss_write'");
    is found('W-4'), whole(1), '... nothing has changed';
    is ask($h, PUT => '/admin/products/W-4', product(2), 'Idempotency-Key' => 'now-PUT')->{status}, 200, 'the same again';
    is found('W-4'), whole(2), '... is done';
    $h->log_ok(qr/KISS02(?:01|10|53)/);
};

subtest 'all connections are in use' => sub {
    plan skip_all => 'each process of prefork has its own' if ($ENV{KISS_TEST_MPM} || '') eq 'prefork';
    my $h = serve(processes => 1, admin_pool => 'max=1 keep=1 wait=200ms');
    my $session = locked();
    my $answer = insist($h, PUT => '/admin/products/W-5', product(1));
    ok writer_waits(), 'a write waits, and has the only connection';
    my $res = ask($h, PUT => '/admin/products/W-6', product(1));
    is_503($res, 'another one');
    like $res->{content}, qr/busy/, '... and says so';
    $session->('ROLLBACK');
    $session->();
    is $answer->()->{status}, 200, 'the first one is done';
    is ask($h, PUT => '/admin/products/W-6', product(1))->{status}, 200, '... and then the other one';
    $h->log_ok(qr/KISS0202|KISS0253.*Lock wait/);
};

# in_the_way($operation, $sku): each write of an admin client to this row meets another transaction (1213), until the trigger goes.
sub in_the_way {
    my ($operation, $sku) = @_;
    return $server->sql($db, <<"SQL");
DELIMITER //
CREATE TRIGGER in_the_way BEFORE $operation FOR EACH ROW
IF USER() LIKE 'kiss_write\@%' AND NEW.sku = '$sku' THEN
    SIGNAL SQLSTATE '40001' SET MYSQL_ERRNO = 1213, MESSAGE_TEXT = 'in the way';
END IF //
SQL
}

subtest 'others are in the way' => sub {
    my $h = serve(log_level => 'info kiss:debug');
    # A row that somebody else creates between two attempts of a PUT: what the body does not name keeps the value that it has then.
    in_the_way('INSERT ON stock', 'MET');
    my $answer = insist($h, PUT => '/admin/stock/UK01/MET', { availableQTY => 5 });
    ok wait_until(10, sub { $h->log_text =~ /KISS0212.*in the way/ }), 'a PUT of stock meets another transaction, and is tried again';
    $server->sql($db, "INSERT INTO stock (stock_location, sku, available_qty, next_available_eta) VALUES ('UK01', 'MET', 3, '2027-03-01')");
    my $res = $answer->();
    is $res->{status}, 200, '... which has created the row meanwhile: 200';
    is $res->{content}, '{"stockLocation":"UK01","sku":"MET","availableQTY":5.000,"nextAvailableETA":"2027-03-01"}', '... what the body does not name keeps its value';
    is one("SELECT members FROM admin_audit WHERE sku = 'MET'"), 'availableQTY', '... and the audit says what has changed';
    $server->sql($db, 'DROP TRIGGER in_the_way');

    # A real deadlock, of which the module's transaction is the smaller one.
    $server->sql($db, 'CREATE TABLE heavy (n INT PRIMARY KEY)');
    for (['PUT', '/admin/stock/UK01/MET', { availableQTY => 6 }, 'MET', 'MET:6.000'], ['PATCH', '/admin/stock', rows('MET', 8, 3), 'MET-002', 'MET-001:8.000,MET-002:8.000,MET-003:8.000']) {
        my ($method, $path, $body, $row, $is) = @$_;
        $server->sql($db, "DELETE FROM heavy; REPLACE INTO stock (stock_location, sku) VALUES ('UK01', '$row')");
        my $session = locked();
        $session->('INSERT INTO heavy SELECT seq FROM seq_1_to_500');
        my $from = length $h->log_text;
        $answer = insist($h, $method, $path, $body);
        ok writer_waits(), "$method: it has written, and waits";
        $session->("SELECT COUNT(*) FROM stock WHERE stock_location = 'UK01' AND sku = '$row' FOR UPDATE");
        ok wait_until(10, sub { substr($h->log_text, $from) =~ /KISS0212.*Deadlock/ }), '... and is rolled back by the server';
        $session->('COMMIT');
        $session->();
        is $answer->()->{status}, 200, '... and done again';
        is stock_of($method eq 'PUT' ? 'MET' : 'MET-%'), $is, '... it is there';
    }

    # Snapshot isolation is the default of MariaDB 11.8.
    if (my ($exists) = $server->sql(undef, "SHOW GLOBAL VARIABLES LIKE 'innodb_snapshot_isolation'")) {
        $server->sql(undef, 'SET GLOBAL innodb_snapshot_isolation = ON');
        kill_connections($server, "user = 'kiss_write'");
        my @status = map {@$_} parallel(4, sub {
            my ($i) = @_;
            return [map { (ask($h, PUT => '/admin/products/W-7', product(10 * $i + $_))->{status}, ask($h, PATCH => '/admin/stock', rows('SNAP', 10 * $i + $_, 5), 'Idempotency-Key' => "snap-$i-$_")->{status},
                ask($h, POST => '/admin/products', { sku => "SNAP-$_" }, 'Idempotency-Key' => "snap-$_")->{status}) } 1 .. 5];
        });
        is join(' ', grep { !/\A20[01]\z/ } @status), '', 'with snapshot isolation: writers of the same rows, all are done';
        is scalar(grep { $_ == 201 } @status), 20, '... and what one of four has created all are told of';
        my ($n) = found('W-7') =~ /\An(\d+) /;
        is found('W-7'), whole($n), '... the last one is there, whole';
        $server->sql(undef, 'SET GLOBAL innodb_snapshot_isolation = DEFAULT');
    }
    $h->log_ok(qr/KISS0253/);
};

subtest 'what is large meets others as long as it is tried' => sub {
    plan skip_all => 'sanitizers take memory of their own' if $ENV{KISS_TEST_PRELOAD};
    my $h = serve(processes => 1);
    my $text = 'x' x 1_000_000;
    is ask($h, POST => '/admin/products', { sku => 'HUGE', description => $text, websiteDescription => $text })->{status}, 201, 'a large product';
    in_the_way('UPDATE ON product', 'HUGE');
    my $peak = sub { my ($most) = sort { $b <=> $a } map { slurp("/proc/$_/status") =~ /^VmHWM:\s*(\d+)/m ? $1 / 1024 : 0 } $h->children; return $most };
    my $before = $peak->();
    is_503(ask($h, PUT => '/admin/products/HUGE', { theme => 'x' }), 'after three seconds');
    my ($times) = $h->log_text =~ /KISS0775: .* (\d+) times/;
    cmp_ok $times, '>', 1, "... it was tried $times times";
    cmp_ok $peak->() - $before, '<', 60, '... in the memory of one time (MB)';
    $server->sql($db, 'DROP TRIGGER in_the_way');
    is ask($h, PUT => '/admin/products/HUGE', { theme => 'x' })->{status}, 200, 'afterwards it is done';
    # Many rows, of which the last one does.
    my $rows = rows('MANY', 1, 10_000);
    is ask($h, PATCH => '/admin/stock', $rows)->{status}, 200, 'many rows';
    $rows->[-1]{sku} = 'MANY-last';
    in_the_way('INSERT ON stock', 'MANY-last');
    $_->{availableQTY} = 2 for @$rows;
    $before = $peak->();
    is_503(ask($h, PATCH => '/admin/stock', $rows), 'after three seconds');
    cmp_ok $peak->() - $before, '<', 10, '... in the memory of one time (MB)';
    $server->sql($db, 'DROP TRIGGER in_the_way');
    is one("SELECT COUNT(*) FROM stock WHERE sku LIKE 'MANY-%' AND available_qty = 2"), 0, '... and nothing is there';
    $h->log_ok(qr/KISS0775/);
};

subtest 'bodies that do not come, or not whole' => sub {
    my $h = serve(modules => [qw(reqtimeout)], config => "RequestReadTimeout body=1\n");
    ask($h, PUT => '/admin/products/W-8', product(1));
    my ($before, $had) = (revisions(), lines('1'));
    my $head = sub {
        my ($method, $path, @more) = @_;
        return join "\r\n", "$method $path HTTP/1.1", 'Host: localhost', "Authorization: $h->{admin}{Authorization}", 'Content-Type: application/x-ndjson', @more, '', '';
    };
    my $row = qq({"stockLocation":"UK01","sku":"CUT","availableQTY":1}\n);
    my $status = sub { my ($got) = @_; return $got =~ m{\AHTTP/1\.1 (\d+) } ? $1 : $got };
    my @patch = ('PATCH', '/admin/stock');
    is $status->($h->raw($head->(@patch, 'Content-Length: 1000') . $row, 10)), 408, 'a body that stays away, with mod_reqtimeout: 408';
    is $status->($h->raw($head->(@patch, 'Transfer-Encoding: chunked') . sprintf("%x\r\n%s\r\n", length $row, $row), 10)), 408, '... in chunks';
    is $status->($h->raw($head->(@patch, 'Transfer-Encoding: chunked') . sprintf("%x\r\n%s\r\nzz\r\n", length $row, $row), 10)), 400, 'chunks that are none: 400';
    is $status->($h->raw($head->(@patch, 'Content-Length: x') . $row, 10)), 400, 'a length that is none: 400';
    for my $more ('Content-Length: 1000', 'Transfer-Encoding: chunked') {
        # The client goes away before the end: with a reset, and with an end.
        for my $how (0, 1) {
            my $s = $h->connect;
            $s->print($head->(@patch, $more) . ($more =~ /chunked/ ? sprintf("%x\r\n%s\r\n", length $row, $row) : $row));
            $s->flush;
            $how ? setsockopt($s, Socket::SOL_SOCKET(), Socket::SO_LINGER(), pack 'ii', 1, 0) : shutdown $s, 1;
            close $s;
        }
    }
    is ask($h, PATCH => '/admin/stock', '[' x 10_000 . ']' x 10_000)->{status}, 400, '10,000 deep: 400';
    is ask($h, PATCH => '/admin/stock', ('[' x 10_000) . "\n", 'Content-Type' => 'application/x-ndjson')->{status}, 400, '... in a line: 400';
    is ask($h, PATCH => '/admin/stock', "\x1f\x8b\x08\0" . $row, 'Content-Encoding' => 'gzip')->{status}, 400, 'compressed: 400';
    is ask($h, GET => '/admin/products/W-8')->{status}, 200, 'afterwards it serves';
    is stock_of('CUT%'), '', 'nothing of them is there';
    is revisions(), $before, '... no revision';
    is lines('1'), $had, '... no line in the audit';
    my $whole = join '', map { $json->encode($_) . "\n" } @{ rows('PIECES', 4, 300) };
    my $chunks = join '', map { sprintf "%x\r\n%s\r\n", length $_, $_ } unpack '(a777)*', $whole;
    is $status->($h->raw($head->(@patch, 'Transfer-Encoding: chunked', 'Connection: close') . "${chunks}0\r\n\r\n", 10)), 200, 'in chunks that end anywhere: 200';
    is lines("sku LIKE 'PIECES-%'"), 300, '... and all rows are there';
    $h->log_ok(qr/AH0/);
};

subtest 'behind a proxy' => sub {
    plan skip_all => 'httpd has no mod_proxy here' if !-e KissTest::Httpd::apxs('LIBEXECDIR') . '/mod_proxy_http.so';
    my $h = serve();
    my $n = 0;
    for my $how ('', 'SetEnv proxy-sendcl 1', 'SetEnv proxy-sendchunked 1') {
        my $front = start_httpd(kiss => 0, modules => [qw(env proxy proxy_http)], config => "ProxyPass / http://127.0.0.1:$h->{port}/\n$how\n");
        $front->{admin} = $h->{admin};
        $n++;
        my %key = ('Idempotency-Key' => "proxy-$n");
        is ask($front, PUT => '/admin/products/W-9', product($n), %key)->{status}, 200, ($how || 'as it comes') . ': PUT';
        is found('W-9'), whole($n), '... is there';
        is ask($front, PUT => '/admin/products/W-9', product($n), %key)->{headers}{'idempotency-replayed'}, 'true', '... once';
        my $large = rows("PROXY$n", $n, 3000);
        is ask($front, PATCH => '/admin/stock', $large)->{content}, '{"rows":3000,"changed":3000}', '... PATCH of 3,000 rows';
        my $body = $json->encode(rows("TRICKLE$n", $n, 3));
        my $head = "PATCH /admin/stock HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAuthorization: $h->{admin}{Authorization}\r\nContent-Type: application/json\r\n";
        my $s = $front->connect;
        for my $piece ("${head}Transfer-Encoding: chunked\r\n\r\n", map({ sprintf "%x\r\n%s\r\n", length $_, $_ } unpack '(a50)*', $body), "0\r\n\r\n") {
            $s->print($piece);
            $s->flush;
        }
        my $got = join '', <$s>;
        like $got, qr/\r\n\r\n\{"rows":3,"changed":3\}\z/, '... a body that comes in pieces';
        # A client that goes away in the middle: the proxy must not make a whole body of it, nor does the module.
        $s = $front->connect;
        $s->print("${head}Transfer-Encoding: chunked\r\n\r\n" . sprintf "%x\r\n%s\r\n", length $body, $body =~ s/TRICKLE/BROKEN/gr =~ s/\A(.{20}).*/$1/sr . 'x' x (length($body) - 20));
        close $s;
        is ask($front, PATCH => '/admin/stock', rows("PROXY$n", $n, 3000))->{content}, '{"rows":3000,"changed":0}', '... and the same 3,000 again';
        is stock_of('BROKEN%'), '', '... nothing of what was broken off is there';
        $front->log_ok(qr/AH0/);
    }
    $h->log_ok;
};

subtest 'HTTP/2' => sub {
    plan skip_all => 'mod_http2 is not for prefork' if ($ENV{KISS_TEST_MPM} || '') eq 'prefork';
    plan skip_all => 'httpd has no mod_http2 here' if !-e KissTest::Httpd::apxs('LIBEXECDIR') . '/mod_http2.so';
    # More streams than connections, and than a slow machine writes products in a second.
    my $h = serve(tls => 1, modules => ['http2'], config => "Protocols h2 http/1.1\n", processes => 1, threads => 8, admin_pool => 'timeout=4s wait=20s');
    my $c = KissTest::H2->new($h);
    my @of = %{ $h->{admin} };
    # Thirty at a time on one connection, two for each product, with one key: each is done once.
    my @ids = map { my $n = $_; map { $c->begin(POST => '/admin/products', $json->encode({ sku => "H2-$n", %{ product($n) } }), @of, 'Idempotency-Key' => "h2-$n") } 1, 2 } 1 .. 15;
    ok $c->read(sub { @ids == grep { $c->{ended}{$_} } @ids }), 'thirty streams end';
    is scalar(grep { $c->{data}{$_} =~ /\A\{"sku":"H2-\d+"/ } @ids), 30, '... each with its product' or diag join ' ', map { substr $c->{data}{$_}, 0, 100 } @ids;
    is join(' ', grep { found("H2-$_") ne whole($_) || lines("sku = 'H2-$_'") != 1 } 1 .. 15), '', '... which was created once';
    # Streams that the client resets before the end of the body, and one that goes on.
    my $body = $json->encode(rows('H2RESET', 1, 3));
    my @reset = map { $c->begin(PATCH => '/admin/stock', '', @of) } 1 .. 3;
    $c->more($_, substr($body, 0, 60), 0) for @reset;
    $c->cancel($_) for @reset;
    my $good = $c->begin(PATCH => '/admin/stock', '', @of);
    $c->more($good, $_, 0) for unpack '(a40)*', $body =~ s/H2RESET/H2GOOD/gr;
    $c->more($good, '', 1);
    ok $c->read(sub { $c->{ended}{$good} }), 'another one on the same connection';
    is $c->{data}{$good}, '{"rows":3,"changed":3}', '... is done';
    # The connection ends with bodies under way.
    $c->more($c->begin(PATCH => '/admin/stock', '', @of), substr($body, 0, 60), 0) for 1 .. 3;
    $c->close;
    is ask($h, PUT => '/admin/products/H2-1', product(2))->{status}, 200, 'afterwards it serves';
    is stock_of('H2RESET%'), '', 'nothing of what was broken off is there';
    ok none_open(), 'and nothing is open';
    $h->log_ok;
};

done_testing;
