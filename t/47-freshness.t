# A change that was committed before a request was sent is seen by it, always: under load too, when requests of a process
# share one look at the state of the database, and with records and lists that are kept.
# SPDX-License-Identifier: Apache-2.0
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use KissTest;
use KissTest::Load;
use KissTest::Proxy;
use Test::More;
use Time::HiRes qw(time);

my %db = (customer => new_database('fresh'), kss => new_database('fresh', api => 'kss'));
import_sample($db{customer});
sql($db{kss}, "INSERT INTO customer (customer_id, customer_name, state) VALUES (1, 'x', 'CA')");
# What the database answers comes later than it was read: a request that uses the read of another one is seen to do so.
my $slow = KissTest::Proxy->start(db_server()->{socket}, pause => 0.004);
my $later = "host=127.0.0.1 port=$slow->{port}";
my $rounds = 100;

# Changes a number, asks at once, and looks whether it is there; while others ask all the time.
sub always_fresh {
    my ($h, $write, $change, $ask, $load) = @_;
    my $others = KissTest::Load->start(6, $load);
    my $writer = db_server()->session($write);
    my ($stale, $end) = (0, time + 20);
    my $n = 0;
    # A slow machine makes less of them, but never few.
    while ($n < $rounds && (time < $end || $n <= $rounds / 3)) {
        $writer->(sprintf $change, ++$n);
        my $seen = $ask->();
        $stale++ if $seen != $n;
    }
    $writer->();
    my @seen = $others->finish;
    is $stale, 0, "$n changes, each seen by the next request";
    cmp_ok $n, '>', $rounds / 3, '... of many';
    is scalar(grep { $_->{status} != 200 } @seen), 0, 'all others were served: ' . @seen;
    return;
}

for my $mpm (qw(event prefork)) {
    subtest "KSS API, $mpm" => sub {
        my $key = issue_kss_key(type => 'employee');
        my $h = start_httpd(api => 'kss', mpm => $mpm, processes => 1, threads => 16, address => $later);
        my $path = '/api/v1/customers/1';
        always_fresh(
            $h, $db{kss}, "UPDATE customer SET customer_name = 'n%d' WHERE customer_id = 1",
            sub { return $h->get($path, 'x-api-key' => $key)->{content} =~ /"CustomerName":"n(\d+)"/ ? $1 : -1 },
            sub { return { status => $h->get($path, 'x-api-key' => $key)->{status} } }
        );
        $h->log_ok;
    };
}

subtest 'Customer API' => sub {
    my $key = issue_key('ACME01');
    my $h = start_httpd(processes => 1, threads => 16, address => $later);
    my $bearer = 'Bearer ' . $h->token('ACME01', $key);
    my ($sku) = $h->get('/stock', Authorization => $bearer)->{content} =~ /"SKU":"(\w+)"/;
    always_fresh(
        $h, $db{customer}, "UPDATE stock SET available_qty = %d WHERE stock_location = 'UK01' AND sku = '$sku'",
        sub {
            my $res = $h->get('/stock', Authorization => $bearer);
            return $res->{content} =~ /"SKU":"$sku","StockLocation":"UK01","AvailableQTY":(\d+)/ ? $1 : -1;
        },
        sub { return { status => $h->get('/stock', Authorization => $bearer)->{status} } }
    );
    $h->log_ok;
};

subtest 'KissFreshness: declared, and kept' => sub {
    my $key = issue_kss_key(type => 'employee');
    my $h = start_httpd(api => 'kss', processes => 1, threads => 16, location => 'KissFreshness 1s');
    my $path = '/api/v1/customers/1';
    my $poll = sub { return $h->get($path, 'x-api-key' => $key, 'If-None-Match' => $_[0])->{status} };
    my $writer = db_server()->session($db{kss});
    my $looks = sub { return (sql(undef, q{SHOW GLOBAL STATUS LIKE 'Com_stmt_execute'}))[0][1] };
    my ($oldest, $n) = (0, 0);
    for my $i (1 .. 4) {
        my $etag = $h->get($path, 'x-api-key' => $key)->{headers}{etag};
        $writer->("UPDATE customer SET customer_name = 'f$i' WHERE customer_id = 1");
        my $changed = time;
        1 while $poll->($etag) == 304 && time < $changed + 5;
        my $seconds = time - $changed;
        $oldest = $seconds if $seconds > $oldest;
    }
    cmp_ok $oldest, '<', 1.3, 'a change is seen when the time is over';
    cmp_ok $oldest, '>', 0.1, '... and may be later than at once';
    my $etag = $h->get($path, 'x-api-key' => $key)->{headers}{etag};
    my ($before, $start) = ($looks->(), time);
    for (1 .. 200) { $n++ if $poll->($etag) == 304 }
    is $n, 200, '200 polls';
    cmp_ok $looks->() - $before, '<=', 2 + 2 * (time - $start), '... ask the database about once a second';
    $writer->();
    $h->log_ok;
};

# A location that allows some age and one that does not share the reads of a process: neither waits for the other for
# ever, and who may see no old state never does.
subtest 'KissFreshness beside a strict location' => sub {
    my $key = issue_kss_key(type => 'employee');
    my $h = start_httpd(
        api => 'kss', processes => 1, threads => 16, address => $later,
        config => "<Location /aged>\nSetHandler kiss\nKissApi kss\nKissAllowPlainHTTP On\nKissKeyLimit 1000000\n"
            . "KissFreshness 5ms\n</Location>\n"
    );
    my $n = 0;
    always_fresh(
        $h, $db{kss}, "UPDATE customer SET customer_name = 'm%d' WHERE customer_id = 1",
        sub { return $h->get('/api/v1/customers/1', 'x-api-key' => $key)->{content} =~ /"CustomerName":"m(\d+)"/ ? $1 : -1 },
        sub {
            my $path = ($n++ % 2 ? '/aged' : '/api/v1') . '/customers/1';
            return { status => $h->get($path, 'x-api-key' => $key)->{status} };
        }
    );
    $h->log_ok;
};

subtest 'a key that is revoked, under load' => sub {
    my $key = issue_kss_key(type => 'employee');
    my $h = start_httpd(api => 'kss', processes => 2, threads => 16);
    my $others = KissTest::Load->start(4, sub { return { status => $h->get('/api/v1/states', 'x-api-key' => $key)->{status} } });
    my $writer = db_server()->session($db{kss});
    my $bad = 0;
    for my $n (1 .. 200) {
        my $text = sprintf 'kiss_%08x_%s', $n, 'k' x 43;
        $writer->("INSERT INTO api_key (type, prefix, hash) VALUES ('employee', '00000000', UNHEX(SHA2('$text', 256)))");
        $bad++ if $h->get('/api/v1/states', 'x-api-key' => $text)->{status} != 200;
        $writer->("UPDATE api_key SET revoked_at = UTC_TIMESTAMP() WHERE hash = UNHEX(SHA2('$text', 256))");
        $bad++ if $h->get('/api/v1/states', 'x-api-key' => $text)->{status} != 401;
    }
    $writer->();
    is scalar(grep { $_->{status} != 200 } $others->finish), 0, 'the others were served';
    is $bad, 0, '200 keys: each works at once, and not any more at once';
    $h->log_ok;
};

subtest 'a read of the thread that builds in advance, given up when the child ends' => sub {
    my $key = issue_key('ACME01');
    my $h = start_httpd(db => $db{customer}, processes => 1, pool => 'timeout=20s', location => 'KissFreshness 2s', config => 'KissWarm 5 100ms');
    my $token = $h->token('ACME01', $key);
    my $writer = db_server()->session($db{customer});
    $writer->('LOCK TABLES revision WRITE');
    ok wait_until(15, sub { waiting(db_server()) >= 1 }), 'it looks for changes, and waits for a table';
    my ($status) = parallel(2, sub {
        my ($i) = @_;
        return $h->get('/prices', Authorization => "Bearer $token")->{status} if $i == 0;
        wait_until(1, sub { waiting(db_server()) >= 2 });
        kill 'WINCH', $h->{pid};
        wait_until(1, sub { 0 });           # its threads hear of it while the tables are still held
        $writer->('UNLOCK TABLES');
        return 1;
    });
    $writer->();
    is $status, 200, 'the request that came meanwhile is answered';
    $h->log_ok;
};

subtest 'worker: two reads are in progress at most, and the requests that come meanwhile share the next one' => sub {
    my $key = issue_key('ACME01');
    my $h = start_httpd(db => $db{customer}, mpm => 'worker', processes => 1, threads => 16, pool => 'timeout=60s wait=60s max=8');
    my @auth = (Authorization => 'Bearer ' . $h->token('ACME01', $key));
    is $h->get('/prices', @auth)->{status}, 200, 'the customer is known';
    my $writer = db_server()->session($db{customer});
    $writer->('LOCK TABLES revision WRITE');
    my ($most, @status) = parallel(9, sub {
        my ($i) = @_;
        return $h->get('/prices', @auth)->{status} if $i;
        wait_until(60, sub { waiting(db_server()) >= 2 });
        wait_until(2, sub { waiting(db_server()) > 2 });    # time for the others to come
        my $n = waiting(db_server());
        $writer->('UNLOCK TABLES');
        return $n;
    });
    $writer->();
    is $most, 2, 'two wait for the table';
    is_deeply \@status, [ (200) x 8 ], 'all are answered';
    $h->log_ok;
};

done_testing;
