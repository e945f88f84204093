#!/usr/bin/perl
# The one write of the KSS API: POST /payments/applications. What is asked for and answered, what is refused, that no
# cent
# is given away twice however many ask at once, retries, bodies of all kinds, and the back office's side.
# SPDX-License-Identifier: Apache-2.0

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use JSON::PP ();
use Test::More;
use KissTest;
use KissTest::CSV qw(csv_rows);
use KissTest::Load;
use KissTest::Proxy;

no warnings 'qw';    # commas belong to the values here

my $db = new_database('pay', api => 'kss');
sql($db, <<'SQL');
INSERT INTO portal_user (user_id, role) VALUES (501, 'Customer');
INSERT INTO customer (customer_id, customer_name, state) VALUES (1, 'One', 'CA'), (2, 'Two', 'CA'), (3, 'Three', 'CA');
INSERT INTO supplier (supplier_id, supplier) VALUES (7, 'Seven');
INSERT INTO ar_account (ar_account_id, customer_id) VALUES (11, 1), (12, 1), (22, 2);
INSERT INTO payment_type (payment_type_id, name) VALUES (1, 'Check');
INSERT INTO payment (payment_id, payment_invoice_num, ar_account_id, payment_type_id, supplier_id, amount,
    post_date) VALUES
    (1, 'PAY-1', 11, 1, 7, 5000, '2025-03-01'), (2, 'PAY-2', 22, 1, 7, 5000, '2025-03-01'),
    (3, 'PAY-3', 12, 1, 7, 5000, '2025-03-01'), (4, 'PAY-CENT', 11, 1, 7, 10.005, '2025-03-01'),
    (5, 'PAY-BACK', 11, 1, 7, -50, '2025-03-01'), (6, 'PAY, "6" &=%+ é🍋', 11, 1, 7, 100, '2025-03-01'),
    (7, 'PAY-PART', 11, 1, 7, 100, '2025-03-01'), (8, 'PAY-THOUSAND', 11, 1, 7, 1000, '2025-03-01');
INSERT INTO payment (payment_id, payment_invoice_num, ar_account_id, payment_type_id, amount, post_date)
    SELECT 100 + seq, CONCAT('MANY-', seq), 11, 1, 50, '2025-03-01' FROM seq_1_to_40;
INSERT INTO invoice (invoice_id, customer_id, ar_account_id, invoice_num, date, status) VALUES
    (41, 1, 11, 'INV-1', '2025-03-01', 1), (42, 2, 22, 'INV-2', '2025-03-01', 1), (43, 1, 12, 'INV-3', '2025-03-01', 1),
    (44, 1, NULL, 'INV-NONE', '2025-03-01', 1), (45, 1, 11, 'INV, 6', '2025-03-01', 7);
SQL
my %key = (
    employee => issue_kss_key(type => 'employee'),
    customer => issue_kss_key(type => 'customer', ids => [1, 3], user => 501),
    supplier => issue_kss_key(type => 'supplier', ids => [7])
);
my @few = ($ENV{KISS_TEST_MPM} || '') eq 'prefork' ? (pool => 'keep=1 max=2') : ();    # one thread a process there
my $h = start_httpd(@few, api => 'kss', processes => 4, threads => 8);
my $path = '/api/v1/payments/applications';
my $json = JSON::PP->new->canonical;

sub encode { my ($t) = @_; utf8::encode($t) if utf8::is_utf8($t); return $t =~ s/([^A-Za-z0-9_.-])/sprintf '%%%02X',
    ord $1/ger }
sub query { my (%p) = @_; return join '&', map { "$_=" . encode($p{$_}) } sort keys %p }

# asked(%change): the parameters of a good request, some changed, or left out when undef.
sub asked {
    my (%change) = @_;
    my %p = (PaymentInvoiceNum => 'PAY-1', TargetInvoiceNum => 'INV-1', ARAccountID => 11, Amount => '1.00', %change);
    return map { defined $p{$_} ? ($_ => $p{$_}) : () } keys %p;
}

sub post { my ($key, $query, %more) = @_; return $h->request('POST', "$path?$query", 'x-api-key' => $key{$key}
    || $key, %more) }
sub ask { my ($key, %change) = @_; return post($key, query(asked(%change))) }
sub body { my ($key, $type, $body, %more) = @_;
    return $h->request('POST', $path, 'x-api-key' => $key{$key}, 'Content-Type' => $type, content => $body, %more) }

sub is_made {
    my ($res, $name) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    is $res->{status}, 201, "$name: 201" or diag $res->{content};
    return $res->{status} == 201 ? $h->json($res)->{Data} : {};
}

# is_refused($res, $status, $text, $name): the text, and behind "is invalid" perhaps the reason.
sub is_refused {
    my ($res, $status, $text, $name) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $reason = $text =~ /is invalid\z/ ? '(?:: it [^"\\\\]+)?' : '';
    like "$res->{status} $res->{content}", qr/\A$status \{"Error":"\Q$text\E$reason"\}\z/, $name;
    return;
}

sub requests { return (sql($db, 'SELECT COUNT(*) FROM payment_application' . ($_[0] ? " WHERE $_[0]" : '')))[0][0] }

# What GET /payments says is left of a payment.
sub balance {
    my ($id) = @_;
    my $all = $h->json($h->get('/api/v1/payments?PageSize=500', 'x-api-key' => $key{employee}))->{Data};
    my ($p) = grep { $_->{PaymentID} == $id } @$all;
    return $p->{AvailableBalance} eq $p->{AvailableAmount} ? $p->{AvailableBalance} : 'they differ';
}

subtest 'a request and its answer' => sub {
    my @etags = map { $h->get($_, 'x-api-key' => $key{employee})->{headers}{etag} } '/api/v1/payments', $path;
    my $res = ask('customer', Amount => '500');
    is $res->{status}, 201, 'it is made';
    my $time = qr/"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"/;
    like $res->{content}, qr/\A\{"Data":\{"RequestID":1,"PaymentInvoiceNum":"PAY-1","TargetInvoiceNum":"INV-1",
        "ARAccountID":11,"Amount":"500.00","Status":"Pending","RequestedByUserID":501,"TimeRequested":$time,
        "TimeExported":null,"TimeConfirmed":null,"MatchedPaymentApplicationID":null,"TimeUpdated":$time\}\}\z/x,
            'the shape';
    my $head = $res->{headers};
    is $head->{'content-type'}, 'application/json; charset=utf-8', 'Content-Type';
    is $head->{'cache-control'}, 'private, no-cache', 'Cache-Control';
    is $head->{etag}, undef, 'no ETag';
    like $head->{'x-request-id'}, qr/\A[0-9a-f-]{36}\z/, 'X-Request-Id';
    is $head->{'ratelimit-limit'}, 1000000, 'rate headers';
    is balance(1), '4500.000000', 'the balance is less at once';
    my ($row) = @{ $h->json($h->get($path, 'x-api-key' => $key{customer}))->{Data} };
    my $made = $h->json($res)->{Data};
    is_deeply [@$row{qw(RequestID PaymentInvoiceNum TargetInvoiceNum Amount Status RequestedByUserID TimeRequested)}],
        [@$made{qw(RequestID PaymentInvoiceNum TargetInvoiceNum Amount Status RequestedByUserID TimeRequested)}],
            'the list has it';
    is_deeply [@$row{qw(PaymentApplicationID AppliedBy TimeApplied)}], [undef, undef, undef], '... not applied';
    my @after = map { $h->get($_, 'x-api-key' => $key{employee})->{headers}{etag} } '/api/v1/payments', $path;
    isnt $after[$_], $etags[$_], 'the ETag is another' for 0, 1;
    is is_made(ask('employee'), 'an Employee key')->{RequestedByUserID}, undef, 'a key without user: null';
    my $other = is_made(ask('customer', PaymentInvoiceNum => 'PAY-3', TargetInvoiceNum => 'INV-3', ARAccountID => 12),
        'another account');
    is $other->{RequestID}, 3, 'requests are counted';
};

subtest 'forms of values' => sub {
    for my $amount (qw(1 1.5 1.50 0.01 0001.10 1.1 1.000 1.230000 0.0100000000000000000000)) {
        is is_made(ask('customer', Amount => $amount), "Amount=$amount")->{Amount}, sprintf('%.2f', $amount),
            '... two decimals';
    }
    is is_made(ask('customer', ARAccountID => '00011'), 'leading zeros')->{ARAccountID}, 11, '... 11';
    my %odd = (PaymentInvoiceNum => 'PAY, "6" &=%+ é🍋', TargetInvoiceNum => 'INV, 6');
    is is_made(ask('customer', %odd), 'numbers with all kinds of characters')->{TargetInvoiceNum}, 'INV, 6',
        '... as they are';
    utf8::decode($odd{PaymentInvoiceNum});
    is is_made(body('customer', 'application/json', JSON::PP->new->utf8->encode({ asked(%odd) })), 'the same in JSON')
        ->{PaymentInvoiceNum}, $odd{PaymentInvoiceNum}, '... as they are';
    is_made(post('customer', query(asked()) . '&Nonsense=1&amount=x&Page=0'), 'unknown parameters');
    is_made(post('customer', query(asked()) . '&Amount=1.00&Amount='), 'the same value twice is one');
};

subtest 'what is refused' => sub {
    my $before = requests();
    for my $name (qw(PaymentInvoiceNum TargetInvoiceNum ARAccountID Amount)) {
        is_refused(ask('customer', $name => $_), 400, "$name parameter is required", "$name missing") for undef, '';
        is_refused(post('customer', query(asked($name => undef)) . "&$name=%$_"), 400, "$name parameter is invalid",
            "$name=%$_")
            for 'zz', '00', '4', 'FF';
        is_refused(post('customer', query(asked()) . "&$name=2"), 400,
            "$name parameter is invalid: it is given more than once", "$name twice");
        is_refused(post('customer', query(asked($name => undef), lc $name => '1')), 400, "$name parameter is required",
            "$name: names are case-sensitive");
    }
    is_refused(post('customer', ''), 400, 'PaymentInvoiceNum parameter is required', 'nothing at all');
    is_refused(ask('customer', Amount => $_), 400, 'Amount parameter is invalid: it is 0', "Amount=$_")
        for qw(0 0.00 000 0.000000);
    is_refused(ask('customer', Amount => $_), 400, 'Amount parameter is invalid: it has more than 2 decimals', "Amount=$_")
        for qw(1.234 70.000001 0.001 0.000000001);
    is_refused(ask('customer', Amount => $_), 400, 'Amount parameter is invalid: it has more than 12 digits before the point',
        "Amount=$_") for '1000000000000', '99999999999999999999', '9' x 500;
    is_refused(ask('customer', Amount => $_), 400, 'Amount parameter is invalid: it is not a number like 70.00', "Amount=$_")
        for qw(-1 -0.01 1. .5 1e2 1E2 abc 1,50 1,2 +1 0x10 NaN Infinity 1_000 $1 1.2.3 --),
        ' 1', '1 ', "1\n", "1' OR '1'='1", "\xd9\xa3";
    is_refused(ask('customer', ARAccountID => $_), 400, 'ARAccountID parameter is invalid', "ARAccountID=$_")
        for qw(x 1.5 11,12 1e1 99999999999999999999), '11 ', "11' OR 1=1 -- ";
    is_refused(ask('customer', PaymentInvoiceNum => $_), 400, 'PaymentInvoiceNum parameter is invalid',
        "PaymentInvoiceNum=$_")
        for 'PAY-9', 'pay-1', 'PAY-1 ', 'PAY', 'PAY-1,PAY-2', "PAY-1' OR '1'='1", '%', 'x' x 300, '1';
    is_refused(ask('customer', TargetInvoiceNum => $_), 400, 'TargetInvoiceNum parameter is invalid',
        "TargetInvoiceNum=$_")
        for 'INV-9', 'inv-1', 'INV-1 ', "INV-1' OR '1'='1", 'x' x 300, 'INV-NONE', 'INV-3';
    # Another account's numbers are as unknown as those that do not exist.
    for my $key (qw(customer employee)) {
        for my $n ('PAY-2', 'PAY-3', 'PAY-9') {
            is_refused(ask($key, PaymentInvoiceNum => $n), 400, 'PaymentInvoiceNum parameter is invalid',
                "$key: payment $n");
        }
        for my $n ('INV-2', 'INV-3', 'INV-9') {
            is_refused(ask($key, TargetInvoiceNum => $n), 400, 'TargetInvoiceNum parameter is invalid',
                "$key: invoice $n");
        }
    }
    my $role = 'Your key does not have access to this resource';
    for my $account (22, 99, -11, 0) {
        my @all = map { ask('customer', ARAccountID => $account, PaymentInvoiceNum => $_) } 'PAY-2', 'PAY-9', 'PAY-1';
        is_refused($_, 403, $role, "account $account of another customer, or of none") for @all;
        is_refused(ask('employee', ARAccountID => $account), 400, 'PaymentInvoiceNum parameter is invalid',
            "... for an Employee key: the payment is not of this account");
    }
    is_refused(ask('customer', ARAccountID => 22, Amount => 0), 400, 'Amount parameter is invalid',
        'parameters before data');
    is_refused(ask('supplier'), 403, $role, 'a Supplier key');
    is_refused(post('supplier', 'Amount=x'), 403, $role, 'a Supplier key: role before parameters');
    is_refused(body('supplier', 'text/plain', 'x'), 403, $role, '... before the body');
    is_refused(ask('wrong'), 401, 'Missing or invalid API key', 'a wrong key');
    is_refused($h->request('POST', "$path/1?" . query(asked()), 'x-api-key' => $key{employee}), 404,
        'The endpoint does not exist',
        'another path');
    is requests(), $before, 'none of this made a request';
    is_deeply [sql($db, 'SELECT COUNT(*) FROM idempotency')], [[0]], 'nor is anything remembered';
};

subtest 'the balance' => sub {
    my $over = qr/\A\{"Error":"Amount parameter is invalid[^"]*"\}\z/;
    my $too_much = sub { my ($what, %p) = @_; my $r = ask('customer', %p); is $r->{status}, 400,
        $what; like $r->{content}, $over, '... Amount' };
    my %part = (PaymentInvoiceNum => 'PAY-PART');
    $too_much->('a cent more than the payment', %part, Amount => '100.01');
    is_made(ask('customer', %part, Amount => '60'), 'a part');
    is balance(7), '40.000000', '... is gone';
    $too_much->('a cent more than is left', %part, Amount => '40.01');
    $too_much->('far more', %part, Amount => '999999999999.99');
    is_made(ask('customer', %part, Amount => '40.00'), 'exactly what is left');
    is balance(7), '0.000000', 'nothing is left';
    $too_much->('a cent of nothing', %part, Amount => '0.01');
    is balance(7), '0.000000', 'still';
    $too_much->('a reversed payment has no balance', PaymentInvoiceNum => 'PAY-BACK', Amount => '0.01');
    is balance(5), '0.000000', '... never below 0';
    is balance(4), '10.005000', 'sub-cent amounts occur';
    $too_much->('more than they cover', PaymentInvoiceNum => 'PAY-CENT', Amount => '10.01');
    is_made(ask('customer', PaymentInvoiceNum => 'PAY-CENT', Amount => '10.00'), 'whole cents of them');
    is balance(4), '0.005000', 'the rest stays';
};

subtest 'two hundred at once for one payment' => sub {
    my %n;
    my %id;
    for my $r (map {@$_} parallel(8, sub {
            [map { my $r = ask('customer', PaymentInvoiceNum => 'PAY-THOUSAND', Amount => '10.00');
                [$r->{status}, $r->{status} == 201 ? $h->json($r)->{Data}{RequestID} : $r->{content}] } 1 .. 25];
        }))
    {
        $n{ $r->[0] }++;
        $id{ $r->[1] }++ if $r->[0] == 201;
    }
    is_deeply \%n, { 201 => 100, 400 => 100 }, 'exactly a hundred of 10.00 out of 1,000.00';
    is keys %id, 100, 'each with a number of its own';
    is balance(8), '0.000000', 'nothing is left';
    my @found = sql($db, 'SELECT request_id FROM payment_application WHERE payment_id = 8 ORDER BY 1');
    is join(',', map { $_->[0] } @found), join(',', sort { $a <=> $b } keys %id), 'what was answered is what is there';
};

subtest 'many payments at once' => sub {
    my %n;
    for my $s (map {@$_} parallel(8, sub { my ($i) = @_;
            [map { ask('customer', PaymentInvoiceNum => 'MANY-' . (1 + ($_ * 8 + $i) % 40),
                Amount => '10')->{status} } 0 .. 24] }))
    {
        $n{$s}++;
    }
    is_deeply \%n, { 201 => 200 }, 'two hundred on forty payments: none fails';
    my ($row) = sql($db, 'SELECT COUNT(*), COUNT(DISTINCT request_id), SUM(amount), COUNT(DISTINCT payment_id)'
            . ' FROM payment_application WHERE payment_id > 100');
    is_deeply $row, [200, 200, '2000.000000', 40], 'all are there, once';
};

subtest 'Idempotency-Key' => sub {
    my $before = requests();
    my $first = post('customer', query(asked()), 'Idempotency-Key' => 'one');
    is_made($first, 'first');
    for (1 .. 3) {
        my $again = post('customer', query(asked()), 'Idempotency-Key' => 'one');
        is "$again->{status} $again->{content}", "201 $first->{content}", 'a retry gets the same answer';
    }
    is body('customer', 'application/json', $json->encode({ asked() }), 'Idempotency-Key' => 'one')->{content},
        $first->{content},
        '... also when it is written in another way';
    is requests(), $before + 1, 'one request was made';
    my $decimal = { asked() }->{Amount};
    is post('customer', query(asked(Amount => sprintf '0%.2f', $decimal)), 'Idempotency-Key' => 'one')->{content},
        $first->{content}, '... or the same amount';
    my $used = 'Idempotency-Key header was used for another request';
    is_refused(post('customer', query(asked(@$_)), 'Idempotency-Key' => 'one'), 400, $used, "other parameters: @$_")
        for [Amount => '1.01'], [TargetInvoiceNum => 'INV, 6'], [PaymentInvoiceNum => 'PAY-PART'],
        [ARAccountID => 12, PaymentInvoiceNum => 'PAY-3', TargetInvoiceNum => 'INV-3'];
    is_refused(post('customer', query(asked(Amount => 0)), 'Idempotency-Key' => 'one'), 400,
        'Amount parameter is invalid',
        'wrong parameters');
    my $other = is_made(post('employee', query(asked()), 'Idempotency-Key' => 'one'),
        'the same key of another API key');
    isnt $other->{RequestID}, $h->json($first)->{Data}{RequestID}, '... makes a request of its own';
    is requests(), $before + 2, 'two in all';
    isnt is_made(post('customer', query(asked()), 'Idempotency-Key' => 'ONE'), 'the case counts')->{RequestID},
        $h->json($first)->{Data}{RequestID}, '... another request';
    is_refused(post('customer', query(asked()), 'Idempotency-Key' => $_), 400, 'Idempotency-Key header is invalid',
        'bad: ' . substr $_, 0, 20)
        for '', 'a b', 'x' x 256;
    is_made(post('customer', query(asked()), 'Idempotency-Key' => $_), 'good: ' . substr $_, 0, 20)
        for 'x' x 255, 'a-b_c.d:e/f', "'; DROP TABLE idempotency; --" =~ tr/ //dr, '"quoted"';
    # What was refused is not remembered: the same key may be used for the corrected request.
    is_refused(post('customer', query(asked(PaymentInvoiceNum => 'PAY-9')), 'Idempotency-Key' => 'two'), 400,
        'PaymentInvoiceNum parameter is invalid', 'a refused one');
    is_made(post('customer', query(asked()), 'Idempotency-Key' => 'two'), '... leaves the key free');

    $before = requests();
    my @all = parallel(20, sub { my $r = post('customer', query(asked()),
        'Idempotency-Key' => 'at-once'); "$r->{status} $r->{content}" });
    like $all[0], qr/\A201 \{"Data":\{"RequestID":\d+,/, 'twenty retries at once';
    is scalar(grep { $_ eq $all[0] } @all), 20, '... get one answer';
    is requests(), $before + 1, '... and make one request';
    @all = parallel(20, sub { my ($i) = @_;
        post('customer', query(asked(PaymentInvoiceNum => $i % 2 ? 'PAY-1' : 'PAY, "6" &=%+ é🍋')),
            'Idempotency-Key' => 'either')->{status} });
    my %n;
    $n{$_}++ for @all;
    is_deeply \%n, { 201 => 10, 400 => 10 }, 'one key for two requests at once: one of them is made';
    is requests(), $before + 2, '... once';
};

subtest 'bodies' => sub {
    my %good = asked();
    is_made(body('customer', 'application/x-www-form-urlencoded', query(%good)), 'a form');
    is_made(body('customer', $_, $json->encode(\%good)), $_)
        for 'application/json', 'application/json; charset=utf-8', 'Application/JSON', 'application/json;charset=UTF-8';
    is_made(body('customer', 'application/json',
            '{"PaymentInvoiceNum":"PAY-1","TargetInvoiceNum":"INV-1","ARAccountID":11,'
                . "\"Amount\":$_}"), "a JSON number: $_") for '1', '1.5', '2.50', '"3.25"';
    is_made(body('customer', 'application/json', qq( \n{\t"Amount" : 1 ,
        "\\u0041RAccountID":"11","PaymentInvoiceNum":"P\\u0041Y-1",)
                . '"TargetInvoiceNum":"INV-1","Note":"a \"b\": {c} \\\\","More":{"x":[1,"y",{}]},"None":null}'
                    . "\n"),
        'JSON with blanks, escapes, and members that nobody knows');
    is_made($h->request('POST', "$path?PaymentInvoiceNum=PAY-1&ARAccountID=11", 'x-api-key' => $key{customer},
            'Content-Type' => 'application/json', content => '{"TargetInvoiceNum":"INV-1","Amount":"1"}'),
                'query and body together');
    is_made($h->request('POST', "$path?" . query(%good), 'x-api-key' => $key{customer},
        'Content-Type' => 'text/plain', content => ''),
        'an empty body of any kind');
    my $long = $json->encode(\%good);
    is_made(body('customer', 'application/json', $long . ' ' x (8192 - length $long)), '8,192 bytes');

    my $before = requests();
    my $both = $h->request('POST', "$path?" . query(%good), 'x-api-key' => $key{customer},
        'Content-Type' => 'application/json',
        content => '{"Amount":"2"}');
    is_refused($both, 400, 'Amount parameter is invalid', 'query and body that disagree');
    my $object = 'The request body is not a JSON object';
    my $members = join ',', map {qq("$_":"$good{$_}")} sort keys %good;
    for my $text ('[]', "[{$members}]", '"x"', '1', 'null', 'true', '{', "{$members", "{$members}}", "{$members}x",
        "{$members}{}",
        "{$members,}", "{'Amount':1}", '{Amount:1}', '{"Amount":}', '{"Amount" 1}', "\xef\xbb\xbf{$members}",
            "/**/{$members}",
        "{$members,\"x\":\"\xff\"}", "{$members,\"x\":\"\xc0\xaf\"}", "{$members,\"x\":\"\x01\"}", 'x', '<xml/>',
            query(%good),
        "{$members,\"Amount\":\"1.00\"}", "{$members,\"Amount\":\"9\"}", "{$members,\"\\u0041mount\":\"9\"}",
        "{$members,\"x\":" . '[' x 50 . ']' x 50 . '}', "{$members,\"x\":NaN}", "{$members,\"x\":01}",
        "{$members,\"x\\u0000\":1}", "{$members}" =~ s/"Amount"/"Amount\\u0000x"/r)
    {
        my $res = body('customer', 'application/json', $text);
        is_refused($res, 400, $object, 'JSON: ' . substr $text =~ s/[^ -~]/?/gr, -40);
    }
    my %with = (PaymentInvoiceNum => '"PAY-1"', TargetInvoiceNum => '"INV-1"', ARAccountID => '11', Amount => '"1.00"');
    my $with = sub { my %m = (%with, @_); return '{' . join(',', map {qq("$_":$m{$_})} sort keys %m) . '}' };
    for my $name (sort keys %with) {
        is_refused(body('customer', 'application/json', $with->($name => $_)), 400, "$name parameter is invalid",
            "$name: $_")
            for '{"a":1}', '[1]', '[]', '{}', '"\u0000"', '"1\u0000"', 'true';
        is_refused(body('customer', 'application/json', $with->($name => $_)), 400, "$name parameter is required",
            "$name: $_")
            for 'null', '""';
    }
    # What is an escape in a form is none in JSON.
    is_refused(body('customer', 'application/json', $with->(PaymentInvoiceNum => $_)), 400,
        'PaymentInvoiceNum parameter is invalid', "PaymentInvoiceNum: $_")
        for '"PAY%2D1"', '"PAY-1&x=y"', '"PAY-1+"';
    is_refused(body('customer', 'application/json', $with->(Amount => $_)), 400, 'Amount parameter is invalid',
        "Amount: $_")
        for '0', '0.0', '-1', '1e1', '1.234', '123456789012345678901234567890', '"1 "';
    is_refused(body('customer', 'application/json', '{}'), 400, 'PaymentInvoiceNum parameter is required',
        'an empty object');
    is_refused(body('customer', 'application/json', $_), 400, 'The request body is invalid', 'NUL')
        for "{$members}\0", "\0", "{\0}";
    is_refused(body('customer', 'application/x-www-form-urlencoded', query(%good) . "\0"), 400,
        'The request body is invalid', 'NUL');
    is_refused(body('customer', 'application/x-www-form-urlencoded', query(asked(Amount => undef)) . $_), 400,
        'Amount parameter is invalid', "form: $_") for '&Amount=%zz', '&Amount=%FF', '&Amount=1&Amount=2',
            '&Amount=1;2';
    is_refused(body('customer', $_, $json->encode(\%good)), 400,
        'The request body must be application/json or application/x-www-form-urlencoded', "Content-Type $_")
        for 'text/plain', 'text/json', 'application/jsonx', 'application/xml', 'multipart/form-data; boundary=x', 'x',
            'application';
    is_refused(body('customer', $_, 'x' x 9216), 413, 'The request body is too large', "9 KB of $_")
        for 'application/json', 'application/x-www-form-urlencoded', 'text/plain';
    is_refused(body('customer', 'application/json', $long . ' ' x (8193 - length $long)), 413,
        'The request body is too large', 'a byte more');
    is requests(), $before, 'none of this made a request';

    # Over the wire by hand: chunks, and what ends early.
    my $raw = sub {
        my ($headers, $body, $end) = @_;
        my $s = $h->connect;
        print {$s} "POST $path HTTP/1.1\r\nHost: x\r\nConnection: close\r\nx-api-key: $key{customer}\r\n"
            . "Content-Type: application/json\r\n$headers\r\n\r\n$body";
        $s->flush;
        shutdown $s, 1 if $end;
        my $got = do { local $/; <$s> } // '';
        return $got =~ s/\AHTTP\/1\.1 (\d+) .*\r\n\r\n/$1 /sr;
    };
    my $chunks = join '', map { sprintf "%x\r\n%s\r\n", length $_, $_ } $long =~ /(.{1,7})/gs;
    like $raw->('Transfer-Encoding: chunked', "${chunks}0\r\n\r\n"), qr/\A201 /, 'in chunks';
    is $raw->('Transfer-Encoding: chunked', join('', ("400\r\n" . 'x' x 1024 . "\r\n") x 9) . "0\r\n\r\n"),
        '413 {"Error":"The request body is too large"}', '9 KB in chunks';
    for my $case (['Content-Length: 500', $long], ['Transfer-Encoding: chunked', $chunks],
        ['Transfer-Encoding: chunked', "5\r\n{"]) {
        like $raw->(@$case, 1), qr/\A400 /, "a body that ends early, $case->[0]";
    }
    like $raw->('Transfer-Encoding: chunked', "zz\r\n$long\r\n0\r\n\r\n"), qr/\A400 /, 'a chunk that is none';
    is requests(), $before + 1, 'of these the first one alone made a request';
};

subtest 'numbers of requests' => sub {
    my ($last) = (sql($db, 'SELECT MAX(request_id) FROM payment_application'))[0][0];
    # As an import of the back office's data brings them: the next numbers are taken, and some far above.
    sql($db, 'INSERT INTO payment_application'
            . ' (request_id, payment_id, target_invoice_id, ar_account_id, amount, status,'
            . " time_requested) SELECT $last + seq, 2, 42, 22, 1, 'Rejected', '2025-03-01' FROM seq_1_to_30"
            . " UNION ALL SELECT 50000, 2, 42, 22, 1, 'Rejected', '2025-03-01'");
    my @ids = parallel(12, sub { is_made(ask('customer'), 'after an import')->{RequestID} });
    my %seen = map { $_ => 1 } @ids;
    is keys %seen, 12, 'twelve at once have twelve numbers';
    is scalar(grep { $_ > 50000 } @ids), 12, '... all above those that were there';
    cmp_ok is_made(ask('customer'), 'one more')->{RequestID}, '>', 50000, 'and so it goes on';
};

subtest 'the back office' => sub {
    sql($db, "INSERT INTO payment (payment_id, payment_invoice_num, ar_account_id, payment_type_id, amount, post_date)"
            . " VALUES (9, 'PAY-OFFICE', 11, 1, 300, '2025-03-01')");
    my %office = (PaymentInvoiceNum => 'PAY-OFFICE');
    my ($one, $two) = map { is_made(ask('customer', %office, Amount => $_), $_)->{RequestID} } '100.00', '50.00';
    my $dir = tempdir_here();
    spew("$dir/run.csv", kissctl_ok(qw(kss payments export)));
    my %run = map { $_->{RequestID} => $_ } @{ csv_rows("$dir/run.csv") };
    is_deeply [@{ $run{$one} }{qw(PaymentInvoiceNum TargetInvoiceNum ARAccountID Amount RequestedByUserID)}],
        ['PAY-OFFICE', 'INV-1', 11, '100.00', 501], 'the run has the request';
    is requests("status = 'Pending'"), 0, 'nothing is pending behind it';
    # All rows of the list, by RequestID.
    my $list = sub {
        my ($query) = @_;
        my ($page, %all) = 0;
        while (1) {
            my $d = $h->json($h->get("$path?PageSize=500&Page=" . ++$page . $query, 'x-api-key' => $key{employee}));
            $all{ $_->{RequestID} } = $_ for @{ $d->{Data} };
            return \%all if !$d->{HasNextPage};
        }
    };
    my $exported = $list->('&Statuses=Exported');
    is_deeply [sort keys %$exported], [sort keys %run], 'the list has as Exported what the run has';
    is scalar(grep { defined $_->{TimeExported} } values %$exported), scalar keys %run, '... with its time';
    is balance(9), '150.000000', 'what is exported is not available';
    kissctl_ok(qw(kss payments confirm), $one, qw(--application 70001 --applied-by jsmith));
    my $row = $list->('')->{$one};
    is_deeply [@$row{qw(Status PaymentApplicationID MatchedPaymentApplicationID AppliedBy RequestedByUserID)}],
        ['Confirmed', 70001, 70001, 'jsmith', 501], 'confirmed';
    is $row->{TimeApplied}, $row->{TimeConfirmed}, '... with its time';
    is balance(9), '150.000000', 'what is confirmed is not available either';
    sql($db, "UPDATE payment_application SET time_exported = time_exported - INTERVAL 8 DAY WHERE request_id = $two");
    kissctl_ok(qw(kss payments expire));
    is $list->('')->{$two}{Status}, 'Rejected', 'not confirmed within seven days: rejected';
    is balance(9), '200.000000', '... and available again';
    is ask('customer', %office, Amount => '200.01')->{status}, 400, 'not a cent more';
    is_made(ask('customer', %office, Amount => '200'), 'all of it');
    is balance(9), '0.000000', 'nothing is left';
    my $all = $list->('');
    my $theirs = JSON::PP->new->utf8->decode(kissctl_ok(qw(kss payments list --json)));
    is_deeply { map { $_->{RequestID} => sprintf '%s %s %.2f', @$_{qw(Status PaymentInvoiceNum Amount)} } @$theirs },
        { map { $_ => "$all->{$_}{Status} $all->{$_}{PaymentInvoiceNum} $all->{$_}{Amount}" } keys %$all },
        'kissctl and the API list the same';
};

subtest 'data that was imported' => sub {
    my $other = new_database('import', api => 'kss');
    import_kss($other, top() . '/sql/sample-kss');
    my $employee = issue_kss_key(type => 'employee');
    my $i = start_httpd(api => 'kss');
    my ($last) = (sql($other, 'SELECT MAX(request_id) FROM payment_application'))[0][0];
    cmp_ok $last, '>', 1, 'there are requests';
    my $found = $i->json($i->get('/api/v1/payments?PageSize=500', 'x-api-key' => $employee))->{Data};
    my ($p) = grep { $_->{AvailableBalance} > 1 } @$found;
    my ($invoice) = (sql($other, "SELECT MIN(invoice_num) FROM invoice WHERE ar_account_id = $p->{ARAccountID}"))[0][0];
    my $res = $i->request('POST', "$path?" . query(PaymentInvoiceNum => $p->{PaymentInvoiceNum},
        TargetInvoiceNum => $invoice,
        ARAccountID => $p->{ARAccountID}, Amount => '1.00'), 'x-api-key' => $employee);
    cmp_ok is_made($res, 'a request')->{RequestID}, '>', $last, '... with a number above theirs';
    $i->log_ok;
};

subtest 'preconditions' => sub {
    sql($db, "INSERT INTO payment (payment_id, payment_invoice_num, ar_account_id, payment_type_id, supplier_id, amount, post_date)"
            . " VALUES (90, 'PAY-MET', 11, 1, 7, 5000, '2025-03-01')");
    my @good = (PaymentInvoiceNum => 'PAY-MET');
    my $before = requests();
    my $tag = $h->get($path, 'x-api-key' => $key{employee})->{headers}{etag};
    my $no = 'A precondition of the request is not met.';
    is_refused(post('employee', query(asked(@good)), @$_), 412, $no, "@$_")
        for ['If-None-Match' => '*'], ['If-Match' => $tag], ['If-Match' => '"x"'], ['If-Match' => '"x", "y"'], ['If-Match' => '"x"', 'If-None-Match' => '"x"'],
        ['If-Match' => '*', 'If-None-Match' => '*'], ['If-None-Match' => ' * '];
    is_refused(body('employee', 'application/json', $json->encode({ asked(@good) }), 'If-None-Match' => '*'), 412, $no, '... with a body');
    is requests(), $before, 'nothing was made';
    is_refused(post('employee', query(asked(@good, Amount => 0)), 'If-None-Match' => '*'), 400, 'Amount parameter is invalid', 'what is wrong in itself comes first');
    is_refused(post('supplier', query(asked(@good)), 'If-None-Match' => '*'), 403, 'Your key does not have access to this resource', '... and who may not');
    is_made(post('employee', query(asked(@good)), @$_), "@$_: met")
        for ['If-Match' => '*'], ['If-None-Match' => '"x"'], ['If-Modified-Since' => 'Sat, 01 Jan 2000 00:00:00 GMT'], ['If-Unmodified-Since' => 'Sat, 01 Jan 2000 00:00:00 GMT'],
        [Range => 'bytes=0-1', 'If-Range' => '"x"'];
    is requests(), $before + 5, '... and made';
};

# Before its first write it has locked a row, too.
for my $case (['before its first write', "DO (SELECT COUNT(*) FROM payment WHERE payment_invoice_num = 'PAY-SILENT' FOR UPDATE)", 'SELECT payment_id% FOR UPDATE'],
    ['after it', "UPDATE revision SET n = n + 1 WHERE dataset = 'payment_application'", 'INSERT INTO revision%'])
{
    my ($when, $lock, $waiting) = @$case;
    subtest "a host that falls silent in the middle of a request, $when" => sub {
        my $way = KissTest::Proxy->start(db_server()->{socket});
        my $silent = start_httpd(@few, api => 'kss', db => $db, address => "host=127.0.0.1 port=$way->{port}");
        my $name = "silent $when" =~ tr/ /-/r;
        my $request = query(asked(PaymentInvoiceNum => 'PAY-SILENT'));
        sql($db, "INSERT IGNORE INTO payment (payment_id, payment_invoice_num, ar_account_id, payment_type_id, amount, post_date) VALUES (99, 'PAY-SILENT', 11, 1, 5000, '2025-03-01')");
        open my $client, '|-', db_server()->client_command, '--unbuffered', $db or die;
        syswrite $client, "START TRANSACTION; $lock; DO GET_LOCK('$db', 0);\n";
        my $sessions = sub { (sql(undef, "SELECT COUNT(*) FROM information_schema.processlist WHERE db = '$db' AND $_[0]"))[0][0] };
        ok wait_until(10, sub { (sql(undef, "SELECT IS_USED_LOCK('$db') IS NOT NULL"))[0][0] }), 'somebody holds a row that is needed then';
        my $s = $silent->connect;
        print {$s} "POST $path?$request HTTP/1.1\r\nHost: localhost\r\nx-api-key: $key{employee}\r\nIdempotency-Key: $name\r\nContent-Length: 0\r\n\r\n";
        $s->flush;
        ok wait_until(10, sub { $sessions->("command = 'Execute' AND info LIKE '$waiting'") }), 'a request waits for it';
        $way->lose;
        syswrite $client, "ROLLBACK;\n";
        # It has the lock now.
        ok wait_until(10, sub { !$sessions->("command = 'Execute' AND info LIKE '$waiting'") }), '... and gets it, but not to know it' if $when eq 'before its first write';
        my $res = post('employee', $request, 'Idempotency-Key' => $name);
        is $res->{status}, 201, 'another host is not stopped by what it has locked' or diag $res->{content};
        is +(sql($db, "SELECT COUNT(*) FROM idempotency WHERE name = '$name'"))[0][0], 1, '... and it is made once';
        close $client;
        close $s;
        $silent->log_ok(qr/KISS0201/);
    };
}

$h->log_ok;
done_testing;
