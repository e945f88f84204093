# Every call failed in turn: of the database's client library, on files of the cache directory, of allocations. For n = 1, 2, ... the n-th call
# of a request fails, until there is none left. Each answer is the right one or a documented error; the next one is right; nothing is left.
# SPDX-License-Identifier: Apache-2.0
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use File::Copy ();
use KissTest;
use KissTest::FailedCalls;
use KissTest::Faults;
use KissTest::Lists;
use KissTest::Load;
use Test::More;

plan skip_all => cannot_preload('failnth') if cannot_preload('failnth');

my $serial = 0;

# same($res): code that compares an answer with this one.
sub same {
    my ($good) = @_;
    return sub {
        my ($res) = @_;
        return "$res->{status} " . substr $res->{content}, 0, 200 if $res->{status} != $good->{status};
        return 'another ETag' if ($res->{headers}{etag} // '') ne ($good->{headers}{etag} // '');
        return $res->{content} eq $good->{content} ? '' : 'other bytes: ' . length($res->{content}) . ' of ' . length $good->{content};
    };
}

# kept($h): what is in the cache directory, to be brought back by the code that is returned: with the times of use and change of now.
sub kept {
    my ($h) = @_;
    my $dir = tempdir_here();
    File::Copy::copy($_, $dir) || die "copy: $!" for glob folder($h) . '/*@*';
    return sub {
        unlink glob folder($h) . '/*@*';
        for my $from (glob "$dir/*") {
            my $to = folder($h) . ($from =~ s{.*/}{/}r);
            File::Copy::copy($from, $to) or die "copy: $!";
            chmod 0600, $to;
            chown +(getpwnam 'www-data')[2, 3], $to if $> == 0;
        }
    };
}

my $db = new_database('failed');
import_sample($db);
my $secret = issue_key('ACME01');

# new_token($h): an access token as $h issues them.
sub new_token {
    my ($h) = @_;
    my $time = time;
    return jwt({ %{ claims_of($h->{bearer}{ACME01}) }, jti => 'new' . ++$serial, iat => $time, nbf => $time, exp => $time + 3600 }, keys => $h->{token_keys});
}

# What the customer API is asked, in which state: [name, code before, code that asks, what is wrong with a good answer].
sub customer_subjects {
    my ($h) = @_;
    my $get = sub { my ($path, %more) = @_; return sub { ask_once($h, 'GET', $path, undef, Authorization => $h->{bearer}{ACME01}, %more) } };
    my @gz = ('Accept-Encoding' => 'gzip');
    my $empty = sub { unlink glob folder($h) . '/*@*'; return };
    my ($list, $zip) = ($get->('/products'), $get->('/products', @gz));
    $empty->();
    my $old = $list->();
    $zip->();
    my $based = kept($h);
    sql($db, q(UPDATE product SET name = CONCAT(name, '+') WHERE sku = 'ACRO101-0506'));
    my ($now, $now_zip) = ($list->(), $zip->());
    my $full = kept($h);
    my $not_modified = $get->('/products', 'If-None-Match' => $now->{headers}{etag});
    my $delta = $get->('/products', 'If-None-Match' => $old->{headers}{etag}, 'A-IM' => 'sku-delta');
    my $delta_good = $delta->();
    $empty->();
    my @all = map { $_->() } $list, $zip;
    is $all[0]{content}, $now->{content}, 'the lists are the same whichever way they are made';
    is $delta_good->{status}, 226, 'changes';
    # What cannot be compressed is sent as it is.
    my $zipped = sub { my ($res) = @_; same($res->{headers}{'content-encoding'} || $res->{status} != 200 ? $now_zip : $now)->($res) };
    my $token = sub { ask_once($h, 'POST', '/auth/token', "grant_type=client_credentials&client_id=ACME01&client_secret=$secret",
        'Content-Type' => 'application/x-www-form-urlencoded') };
    return (
        ['a list', $empty, $list, same($now)],
        ['a list that is derived', $based, $list, same($now)],
        ['a cached list', $full, $list, same($now)],
        ['a compressed list', $empty, $zip, $zipped],
        ['a compressed list that is derived', $based, $zip, $zipped],
        # Without the cache or memory, the list itself may come instead of the changes.
        ['the changes', $based, $delta, sub { my ($res) = @_; same($res->{status} == 226 ? $delta_good : $now)->($res) }],
        ['304', sub { }, $not_modified, same($not_modified->())],
        ['an error', sub { }, $get->('/nothing'), same($get->('/nothing')->())],
        # Each time another one, which no process has verified yet.
        ['a new token', sub { }, sub { ask_once($h, 'GET', '/products', undef, Authorization => 'Bearer ' . new_token($h), 'If-None-Match' => $now->{headers}{etag}) },
            same($not_modified->())],
        ['a token', sub { }, $token, sub { my ($res) = @_; $res->{status} == 200 && $res->{content} =~ /\A\{"access_token":"[\w.-]{100,}"/ ? '' : "$res->{status} $res->{content}" }],
    );
}

my %customer = (key => { ACME01 => $secret });

subtest 'the database, on a connection that was kept' => sub {
    my $h = fault_server(%customer);
    turns($h, [customer_subjects($h)], ', 2013', group => 'database', code => 2013);
};

subtest 'the database, on a new connection' => sub {
    my $h = fault_server(%customer, idle => 'idle=1ms');
    turns($h, [customer_subjects($h)], ', 1205', group => 'database', code => 1205);
};

subtest 'files' => sub {
    my $h = fault_server(%customer);
    my @subjects = customer_subjects($h);
    turns($h, \@subjects, '', group => 'files');
    turns($h, \@subjects, ', a full disk', group => 'disk', times => 1e9);
};

my $kss = new_database('failedkss', api => 'kss');
import_kss($kss, top() . '/sql/sample-kss');
sql($kss, <<'SQL');
INSERT INTO ar_account (ar_account_id, customer_id) SELECT 990001, MIN(customer_id) FROM customer;
INSERT INTO payment (payment_id, payment_invoice_num, ar_account_id, payment_type_id, amount, post_date)
    SELECT 990001, 'FAILED-1', 990001, MIN(payment_type_id), 1000000, '2025-03-01' FROM payment_type;
INSERT INTO invoice (invoice_id, customer_id, ar_account_id, invoice_num, date, status)
    SELECT 990001, MIN(customer_id), 990001, 'FAILED-I', '2025-03-01', 1 FROM customer;
INSERT INTO product (product_id, product_name, description) SELECT 980000 + seq, CONCAT('Large ', seq), REPEAT('A long text. ', 4000) FROM seq_1_to_14;
SQL
my $employee = issue_kss_key(type => 'employee');

# What the KSS API is asked; with a page that does not fit in memory, too.
sub kss_subjects {
    my ($h, $large_too) = @_;
    my $get = sub { my ($path) = @_; return sub { ask_once($h, 'GET', "/api/v1$path", undef, 'x-api-key' => $employee) } };
    # The same rows under another ETag, so that no page is cached.
    my $anew = sub { sql($kss, 'UPDATE revision SET n = n + 1'); return };
    my $rows = sub { my ($ask) = @_; my $good = $ask->(); return sub { my ($res) = @_; my %same = (%$res, headers => $good->{headers}); same($good)->(\%same) } };
    my ($page, $record) = ($get->('/invoices?PageSize=20'), $get->('/invoices/990001'));
    # Larger than what is built in memory: in a file without a name.
    my $large = $get->('/products?PageSize=500');
    my $cached = $page->();
    return (
        ['a page', $anew, $page, $rows->($page)],
        ['a cached page', sub { }, $page, $rows->($page)],
        ['a record', $anew, $record, $rows->($record)],
        # Where httpd does not leave a file to the kernel, it reads it while it sends.
    ), $large_too ? ['a page in a file', $anew, $large, $rows->($large), breaks => qr/\A(?:lseek|read)\z/] : ();
}

my $cents = 100;
my $session = db_server()->session($kss);

# A payment: each request has its own amount and Idempotency-Key, and is repeated until it is answered with 201: then it was made once.
sub post_subject {
    my ($h, $as_json) = @_;
    my $post = sub {
        return ask_once($h, 'POST', '/api/v1/payments/applications', sprintf('{"PaymentInvoiceNum":"FAILED-1","TargetInvoiceNum":"FAILED-I","ARAccountID":990001,"Amount":%.2f}', $cents / 100),
            'x-api-key' => $employee, 'Content-Type' => 'application/json', 'Idempotency-Key' => "failed-$cents") if $as_json;
        return ask_once($h, 'POST', '/api/v1/payments/applications', sprintf('PaymentInvoiceNum=FAILED-1&TargetInvoiceNum=FAILED-I&ARAccountID=990001&Amount=%.2f', $cents / 100),
            'x-api-key' => $employee, 'Content-Type' => 'application/x-www-form-urlencoded', 'Idempotency-Key' => "failed-$cents");
    };
    my $wrong = sub { my ($res) = @_; my $amount = sprintf '%.2f', $cents / 100;
        return $res->{status} == 201 && $res->{content} =~ /"Amount":"\Q$amount\E","Status":"Pending"/ ? '' : "$res->{status} $res->{content}" };
    my $after = sub {
        my ($res) = @_;
        # The server may have to notice first that a connection is gone.
        return 'rows are locked' if !wait_until(5, sub { !grep { $_ == 0 } $session->('SELECT COUNT(*) FROM payment WHERE payment_id = 990001 FOR UPDATE SKIP LOCKED;'
            . "SELECT (SELECT COUNT(*) FROM revision) = COUNT(*) FROM revision FOR UPDATE SKIP LOCKED") });
        my $n = $session->("SELECT COUNT(*) FROM payment_application WHERE amount = $cents / 100");
        return "it was made $n times" if $n > 1 || ($res->{status} == 201 && $n != 1);
        return '';
    };
    return ['a payment', sub { $cents++ }, $post, $wrong, after => $after];
}

subtest 'pages, on a connection that was kept' => sub {
    my $h = fault_server(api => 'kss', db => $kss);
    turns($h, [kss_subjects($h)], ', 2013', group => 'database', code => 2013);
};

subtest 'pages, on a new connection' => sub {
    my $h = fault_server(api => 'kss', db => $kss, idle => 'idle=1ms');
    turns($h, [kss_subjects($h)], ', 1205', group => 'database', code => 1205);
    turns($h, [kss_subjects($h)], ', memory', group => 'memory');
};

subtest 'pages and files' => sub {
    my $h = fault_server(api => 'kss', db => $kss);
    my @subjects = kss_subjects($h, 1);
    cmp_ok length $subjects[-1][2]->()->{content}, '>', 600_000, 'a page that needs a file';
    turns($h, \@subjects, '', group => 'files');
    turns($h, \@subjects, ', a full disk', group => 'disk', times => 1e9);
};

subtest 'a payment' => sub {
    my $h = fault_server(api => 'kss', db => $kss);
    turns($h, [post_subject($h)], ', 2013', group => 'database', code => 2013);
    turns($h, [post_subject($h)], ', 2013 after the call was executed', group => 'database', code => 2013, late => 1);
    turns($h, [post_subject($h)], ', 1317', group => 'database', code => 1317);
    turns($h, [post_subject($h)], ', 1205', group => 'database', code => 1205);
    turns($h, [post_subject($h)], ', 1062', group => 'database', code => 1062);
    turns($h, [post_subject($h)], ', 1062 twice', group => 'database', code => 1062, times => 2);
    turns($h, [post_subject($h)], ', memory', group => 'memory');
    turns($h, [post_subject($h, 1)], ' in JSON, memory', group => 'memory');
};

subtest 'memory' => sub {
    my $h = fault_server(%customer, idle => 'idle=1ms');
    turns($h, [customer_subjects($h)], '', group => 'memory');
};

done_testing;
