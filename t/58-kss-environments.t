#!/usr/bin/perl
# Production and test of the KSS API as two virtual hosts of one httpd, each with its own database server, data, keys
# and
# limits; and what a client sees while a database is away: 503 that says when to come again, nothing lost, nothing
# doubled.
# SPDX-License-Identifier: Apache-2.0

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Time::HiRes qw(sleep time);
use KissTest;
use KissTest::Load;

# What was committed must survive a crash here, as it does outside of tests.
my %server = map { $_ => KissTest::Database->start(args => ['--innodb-flush-log-at-trx-commit=1']) } qw(live test);
my %db = map { $_ => new_database($_, api => 'kss', server => $server{$_}) } sort keys %server;
import_kss($db{live}, top() . '/sql/sample-kss');
sql($db{test}, "INSERT INTO customer (customer_id, customer_name, state) VALUES (101, 'A test customer', 'CA')");

# issue($environment, @options): a key of that database.
sub issue {
    my ($where, @options) = @_;
    my $key = kissctl_ok({ db => $db{$where} }, qw(kss key issue --type employee), @options);
    chomp $key;
    return $key;
}
my %key = map { $_ => issue($_) } sort keys %db;

# A virtual host, as an operator writes it; both name their database in the same way.
sub virtual_host {
    my ($where, $name) = @_;
    my $s = $server{$where};
    return <<"CONF";
<VirtualHost *:*>
    ServerName $name
@{[kss_location($db{$where}, server => $s, pool => 'wait=1s timeout=1s')]}</VirtualHost>
CONF
}
my %name = (live => 'api.kssdata.test', test => 'api.test.kssdata.test');
my $module = $ENV{KISS_TEST_MODULE} || build_dir() . '/mod_kiss/.libs/mod_kiss.so';
my $h = start_httpd(kiss => 0, processes => 2,
    config => qq(LoadModule kiss_module "$module"\nKissCacheDir cache\n)
        . join('', map { virtual_host($_, $name{$_}) } qw(live test)));

# ask($environment, $path, $key, %headers), post($environment, $query, $key, %headers)
sub ask { my ($where, $path, $key, %more) = @_; return request($where, 'GET', $path, $key, %more) }
sub post { my ($where, $query, $key, %more) = @_;
    return request($where, 'POST', "/payments/applications?$query", $key, %more) }

# HTTP::Tiny wants the Host header for itself.
sub request {
    my ($where, $method, $path, $key, %more) = @_;
    my $got = $h->raw("$method /api/v1$path HTTP/1.1\r\nHost: $name{$where}\r\nConnection: close\r\nx-api-key: $key\r\n"
        . join('', map {"$_: $more{$_}\r\n"} sort keys %more) . "Content-Length: 0\r\n\r\n", 30);
    my ($head, $body) = split /\r\n\r\n/, $got, 2;
    my ($status) = ($head // '') =~ m{\AHTTP/1\.1 (\d+) };
    my %headers = map { /\A([^:]+):\s*(.*?)\s*\z/ ? (lc $1, $2) : () } split /\r\n/, $head // '';
    return { status => $status // 599, headers => \%headers, content => $body // '' };
}

sub names { my ($res) = @_; return join ',', map { $_->{CustomerName} } @{ $h->json($res)->{Data} } }

subtest 'two environments' => sub {
    for my $where (qw(live test)) {
        my $other = $where eq 'live' ? 'test' : 'live';
        is ask($where, '/customers', $key{$where})->{status}, 200, "$where: its own key";
        my $res = ask($where, '/customers', $key{$other});
        is "$res->{status} $res->{content}", '401 {"Error":"Missing or invalid API key"}',
            "... the other's key is none";
        is post($where, 'Amount=1', $key{$other})->{status}, 401, '... nor for the POST';
    }
    is names(ask('test', '/customers', $key{test})), 'A test customer', 'each has its own data';
    like names(ask('live', '/customers/101', $key{live})), qr/\AGreen Door/, '... under the same number too';
    my @etags = map { ask($_, '/allocations?Page=99', $key{$_})->{headers}{etag} } qw(live test);
    isnt $etags[0], $etags[1], 'an ETag of one is none of the other, though both answers are empty';
    is ask('test', '/allocations?Page=99', $key{test}, 'If-None-Match' => $etags[0])->{status}, 200,
        '... no 304 for it';
    is ask('test', '/allocations?Page=99', $key{test}, 'If-None-Match' => $etags[1])->{status}, 304,
        '... for its own, yes';
};

subtest 'limits count apart' => sub {
    my $key = issue('live', qw(--limit-hour 3));
    # The same key in both, as when test is filled from a copy of production.
    my $prefix = substr $key, 5, 8;
    my ($row) = sql($db{live}, "SELECT HEX(hash) FROM api_key WHERE prefix = '$prefix'");
    sql($db{test}, 'INSERT INTO api_key (type, prefix, hash, limit_hour)'
            . " VALUES ('employee', '$prefix', UNHEX('$row->[0]'), 3)");
    my @live = map { ask('live', '/states', $key)->{headers}{'ratelimit-remaining'} } 1 .. 3;
    is "@live", '2 1 0', 'three in production';
    is ask('live', '/states', $key)->{status}, 429, '... and no more';
    my @test = map { ask('test', '/states', $key)->{headers}{'ratelimit-remaining'} // '-' } 1 .. 3;
    is "@test", '2 1 0', 'three in test';
    is ask('test', '/states', $key)->{status}, 429, '... and no more';
};

# A 503 as the contract has errors.
sub is_away {
    my ($res, $name) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    is $res->{status}, 503, "$name: 503";
    like $res->{content}, qr/\A\{"Error":"[A-Z][^"]+"\}\z/, '... with the Error body';
    unlike $res->{content}, qr/SQL|maria|socket|\//i, '... without a word about the inside';
    like $res->{headers}{'retry-after'}, qr/\A[1-9]\d*\z/, '... with Retry-After';
    is $res->{headers}{etag}, undef, '... without ETag';
    like $res->{headers}{'x-request-id'}, qr/\A[0-9a-f-]{36}\z/, '... with X-Request-Id';
    is $res->{headers}{'content-type'}, 'application/json; charset=utf-8', '... Content-Type';
    return;
}

subtest 'a database away' => sub {
    my $good = ask('live', '/customers', $key{live})->{content};
    $server{live}->stop;
    is_away(ask('live', $_, $key{live}), "GET $_") for '/customers', '/customers/101', '/nothing', '/customers?Page=0';
    is_away(post('live', 'PaymentInvoiceNum=x', $key{live}), 'POST');
    is_away(ask('live', '/customers', 'kiss_wrong'), 'a key that nobody can look up is not called wrong');
    is ask('live', '/customers', '')->{status}, 401, 'no key: 401 without a database';
    is ask('test', '/customers', $key{test})->{status}, 200, 'the other environment goes on';
    $server{live}->resume;
    my $first = ask('live', '/customers', $key{live});
    is $first->{status}, 200, 'the first request after its return: 200';
    is $first->{content}, $good, '... complete';
    like $first->{headers}{'ratelimit-remaining'}, qr/\A\d+\z/, '... and counted';

    is ask('live', '/customers', $key{live})->{status}, 200, 'connections are open' for 1 .. 4;
    $server{live}->stop('KILL');
    $server{live}->resume;
    my @all = map { ask('live', '/customers', $key{live}) } 1 .. 6;
    is scalar(grep { $_->{status} == 200 && $_->{content} eq $good } @all), 6,
        'a crash between two requests: nobody notices';
    kill_connections($server{live}, "user = 'kiss'");
    is ask('live', '/customers', $key{live})->{status}, 200, 'nor when connections are ended';
};

# A payment of the sample with much left, and an invoice of the same account.
my ($account) = (sql($db{live}, 'SELECT ar_account_id FROM invoice WHERE ar_account_id IS NOT NULL LIMIT 1'))[0][0];
my ($invoice) = (sql($db{live}, "SELECT MIN(invoice_num) FROM invoice WHERE ar_account_id = $account"))[0][0];
sql($db{live}, 'INSERT INTO payment'
        . ' (payment_id, payment_invoice_num, ar_account_id, payment_type_id, amount, post_date)'
        . " SELECT 700001, 'PAY-AWAY', $account, MIN(payment_type_id), 10000, '2026-01-01' FROM payment_type");
my $wanted = "PaymentInvoiceNum=PAY-AWAY&TargetInvoiceNum=$invoice&ARAccountID=$account&Amount=1.00";
sub made { return (sql($db{live}, 'SELECT COUNT(*) FROM payment_application WHERE payment_id = 700001'))[0][0] }

subtest 'connections that are dead when a request is made' => sub {
    is post('live', $wanted, $key{live})->{status}, 201, 'all is well';
    my $before = made();
    for my $n (1 .. 3) {
        kill_connections($server{live}, "user = 'kiss'");
        is post('live', $wanted, $key{live})->{status}, 201, 'the connection was ended: made all the same';
        is made(), $before + $n, '... once';
    }
};

subtest 'the database is killed while requests are made' => sub {
    my $before = made();
    my $load = KissTest::Load->start(4, sub {
        my ($i, $n) = @_;
        # As a careful client does it: the same key until there is an answer.
        my ($res, $tries) = (undef, 0);
        do {
            sleep 0.1 if $tries++;
            $res = post('live', $wanted, $key{live}, 'Idempotency-Key' => "crash-$i-$n");
        } until $res->{status} == 201 || $tries > 100;
        return { tries => $tries, status => $res->{status}, id => $res->{content} =~ /"RequestID":(\d+)/ ? $1 : 0 };
    });
    sleep 0.7;
    for (1 .. 2) {
        $server{live}->stop('KILL');
        sleep 0.3;
        $server{live}->resume;
        sleep 0.7;
    }
    my @seen = $load->finish;
    cmp_ok scalar(@seen), '>', 50, 'there was a load: ' . @seen;
    is scalar(grep { $_->{status} != 201 } @seen), 0, 'each got its answer in the end';
    cmp_ok scalar(grep { $_->{tries} > 1 } @seen), '>', 0, 'some had to ask again';
    my %id = map { $_->{id} => 1 } @seen;
    is keys %id, @seen, 'each has a number of its own';
    is made() - $before, @seen, 'what was answered is there, and nothing else';
    my $ids = join ',', keys %id;
    is +(sql($db{live}, "SELECT COUNT(*) FROM payment_application WHERE request_id IN ($ids)"))[0][0], scalar @seen,
        '... under these numbers';
};

subtest 'frozen' => sub {
    my $good = ask('live', '/customers', $key{live})->{content};
    $server{live}->freeze;
    my $began = time;
    is_away(ask('live', '/customers', $key{live}), 'a database that does not answer');
    cmp_ok time - $began, '<', 1 + 2 + 1.5, '... within timeout= and connect-timeout';
    is ask('test', '/customers', $key{test})->{status}, 200, 'the other environment goes on';
    $server{live}->thaw;
    ok wait_until(10, sub { $server{live}->alive }), 'it goes on';
    is ask('live', '/customers', $key{live})->{content}, $good, 'and so does the API';
};

$h->log_ok(qr/KISS0(?:20[1-5]|810)/);
done_testing;
