# Every call failed in turn: of the database's client library, on files of the cache directory, of allocations. For n = 1, 2, ... the n-th call
# of a request fails, until there is none left. Each answer is the right one or a documented error; the next one is right; nothing is left.
# SPDX-License-Identifier: Apache-2.0
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use File::Copy ();
use JSON::PP ();
use KissTest;
use KissTest::Faults;
use KissTest::Lists;
use KissTest::Load;
use Test::More;

plan skip_all => cannot_preload('failnth') if cannot_preload('failnth');

my $serial = 0;

# server(%option): an httpd whose calls can be failed: one process, so that each request meets what the one before has left.
sub server {
    my (%opt) = @_;
    my $fault = preload('failnth');
    my %common = (processes => 1, threads => 4, pool => 'keep=1 max=3 wait=5s ' . (delete $opt{idle} // ''), %opt, env => $fault->{env});
    my $h = $opt{api} ? start_httpd(%common) : serve_lists(delete $common{key}, %common);
    $h->{fault} = $fault;
    $h->checked or die 'the databases were not checked';
    $h->{calls} = 0;
    return $h;
}

# is_documented($res): '' for an error that a client is promised, else what is wrong with it.
sub wrong_error {
    my ($res) = @_;
    return "$res->{status} $res->{content}" if $res->{status} != 500 && $res->{status} != 503;
    return 'no JSON' if !eval { JSON::PP->new->utf8->decode($res->{content}); 1 } || $res->{headers}{'content-type'} !~ m{\Aapplication/json};
    return '503 without Retry-After' if $res->{status} == 503 && ($res->{headers}{'retry-after'} // '') !~ /\A[1-9]\d*\z/;
    return 'an error with an ETag' if defined $res->{headers}{etag};
    return '';
}

# in_turn($h, $what, %o): fails each call of a request in turn. group, code, late, times: of the failure. before => $code: brings about
# the state that the request is made in. ask => $code: makes it. wrong => $code: what is wrong with a good answer, or ''. after => $code: what
# is wrong with the state after an answer, or ''. again => $code: makes the next request, if that is another one.
sub in_turn {
    my ($h, $what, %o) = @_;
    my ($before, $after, $again) = ($o{before} // sub { }, $o{after} // sub {''}, $o{again} // $o{ask});
    my (@wrong, %status, $seen);
    my @children = $h->children;
    $before->();
    my $good = $o{wrong}->($o{ask}->());
    $before->();
    $o{ask}->();
    my $had = descriptors($h->children);
    for my $n (1 .. 500) {
        $before->();
        arm($h->{fault}, %o, first => $n, directory => "$h->{root}/cache");
        my $res = $o{ask}->();
        $seen = disarm($h->{fault});
        my $found = $o{wrong}->($res);
        $found = wrong_error($res) if $found ne '' && $seen->{failed} && $res->{status} >= 500;
        my @found = grep { $_ ne '' } $found, $after->($res);
        my $next = $again->();
        push @found, map {"then: $_"} grep { $_ ne '' } $o{wrong}->($next), $after->($next, 1);
        push @found, 'left: ' . leftovers("$h->{root}/cache/snapshots") if leftovers("$h->{root}/cache/snapshots") ne '';
        push @found, 'a child has died' if join(' ', $h->children) ne "@children";
        $status{ $res->{status} }++;
        push @wrong, map {"call $n, $seen->{name}: $_"} @found;
        last if !$seen->{failed} || @wrong > 20 || $res->{content} =~ /no answer within/;
        $h->{calls}++;
    }
    push @wrong, "it does not end: $seen->{count} calls" if $seen->{failed} && @wrong <= 20;
    $before->();
    push @wrong, 'afterwards: ' . $o{wrong}->($o{ask}->()) if $o{wrong}->($o{ask}->()) ne '';
    my $now;
    push @wrong, "descriptors: had $had, has $now" if !wait_until(10, sub { $now = descriptors($h->children); $now <= $had });
    is "$good@wrong[0 .. ($#wrong > 11 ? 11 : $#wrong)]", '', "$what: " . join ', ', map {"$status{$_} times $_"} sort keys %status;
    return;
}

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

my $allowed = qr/made by failnth|KISS0(?:201|210|253|402|421|422|601|602|604|605|607|608|609|610|612|614|685|800)/;

# turns($h, $subjects, %failure): each call of each subject.
sub turns {
    my ($h, $subjects, $more, %failure) = @_;
    for my $s (@$subjects) {
        my ($name, $before, $ask, $wrong, %o) = @$s;
        in_turn($h, "$name$more", %failure, before => $before, ask => $ask, wrong => $wrong, %o);
    }
    note "$h->{calls} calls were failed";
    $h->log_ok($allowed);
    return;
}

my %customer = (key => { ACME01 => $secret });

subtest 'the database, on a connection that was kept' => sub {
    my $h = server(%customer);
    turns($h, [customer_subjects($h)], ', 2013', group => 'database', code => 2013);
};

subtest 'the database, on a new connection' => sub {
    my $h = server(%customer, idle => 'idle=1ms');
    turns($h, [customer_subjects($h)], ', 1205', group => 'database', code => 1205);
};

subtest 'files' => sub {
    my $h = server(%customer);
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
    ), $large_too ? ['a page in a file', $anew, $large, $rows->($large)] : ();
}

# What the database has of the requests for payments: how many there are of an amount.
my $cents = 100;
sub applied { my $n = shift; return (sql($kss, "SELECT COUNT(*) FROM payment_application WHERE amount = $n / 100"))[0][0] }

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
        my ($res, $last) = @_;
        my ($n, $open) = @{ (sql($kss, "SELECT (SELECT COUNT(*) FROM payment_application WHERE amount = $cents / 100), (SELECT COUNT(*) FROM information_schema.innodb_trx t"
            . " JOIN information_schema.processlist p ON p.id = t.trx_mysql_thread_id WHERE p.user = 'kiss' AND p.db = '$kss')"))[0] };
        return 'a transaction is open' if $open;
        return "it was made $n times" if $n > 1 || ($res->{status} == 201 && $n != 1);
        return '';
    };
    return ['a payment', sub { $cents++ }, $post, $wrong, after => $after];
}

subtest 'pages, on a connection that was kept' => sub {
    my $h = server(api => 'kss', db => $kss);
    turns($h, [kss_subjects($h)], ', 2013', group => 'database', code => 2013);
};

subtest 'pages, on a new connection' => sub {
    my $h = server(api => 'kss', db => $kss, idle => 'idle=1ms');
    turns($h, [kss_subjects($h)], ', 1205', group => 'database', code => 1205);
    turns($h, [kss_subjects($h)], ', memory', group => 'memory');
};

subtest 'pages and files' => sub {
    my $h = server(api => 'kss', db => $kss);
    my @subjects = kss_subjects($h, 1);
    cmp_ok length $subjects[-1][2]->()->{content}, '>', 600_000, 'a page that needs a file';
    turns($h, \@subjects, '', group => 'files');
    turns($h, \@subjects, ', a full disk', group => 'disk', times => 1e9);
};

subtest 'a payment' => sub {
    my $h = server(api => 'kss', db => $kss);
    turns($h, [post_subject($h)], ', 2013', group => 'database', code => 2013);
    turns($h, [post_subject($h)], ', 2013 after the call was executed', group => 'database', code => 2013, late => 1);
    turns($h, [post_subject($h)], ', 1317', group => 'database', code => 1317);
    turns($h, [post_subject($h)], ', 1205', group => 'database', code => 1205);
    turns($h, [post_subject($h)], ', 1062', group => 'database', code => 1062);
    turns($h, [post_subject($h)], ', 1062 twice', group => 'database', code => 1062, times => 2);
    turns($h, [post_subject($h)], ', memory', group => 'memory');
    turns($h, [post_subject($h, 1)], ' in JSON, memory', group => 'memory');
};

# A product that a PIM creates: each request has its own SKU and Idempotency-Key, and is repeated until it is answered with 201: then it
# is there once, with its rows and its line in the audit; else there is nothing of it.
subtest 'a product that is written' => sub {
    grant_admin();
    my $h = server(api => 'customer', db => $db, admin => '');
    my @admin = (Authorization => 'Bearer ' . admin_token($h, 'failed-pim'), 'Content-Type' => 'application/json');
    my $n = 0;
    my $post = sub {
        return ask_once($h, 'POST', '/admin/products', qq({"sku":"FAILED-$n","name":"x","images":[{"imageID":"a"},{"imageID":"b"}],"prices":[{"priceListCode":"UKTRADE","unitPrice":1}]}),
            @admin, 'Idempotency-Key' => "failed-$n");
    };
    my $wrong = sub { my ($res) = @_; return $res->{status} == 201 && $res->{content} =~ /"sku":"FAILED-$n","name":"x"/ ? '' : "$res->{status} $res->{content}" };
    my $after = sub {
        my ($res) = @_;
        my ($rows, $open) = @{ (sql($db, "SELECT CONCAT_WS(' ', (SELECT COUNT(*) FROM product WHERE sku = 'FAILED-$n'), (SELECT COUNT(*) FROM product_image WHERE sku = 'FAILED-$n'),"
            . " (SELECT COUNT(*) FROM price WHERE sku = 'FAILED-$n'), (SELECT COUNT(*) FROM product_owner WHERE sku = 'FAILED-$n'), (SELECT COUNT(*) FROM admin_audit WHERE sku = 'FAILED-$n')),"
            . " (SELECT COUNT(*) FROM information_schema.innodb_trx t JOIN information_schema.processlist p ON p.id = t.trx_mysql_thread_id WHERE p.user = 'kiss_write' AND p.db = '$db')"))[0] };
        return 'a transaction is open' if $open;
        return "half of it is there: $rows" if $rows ne '0 0 0 0 0' && $rows ne '1 2 1 1 1';
        return "it is not there: $rows" if $res->{status} == 201 && $rows ne '1 2 1 1 1';
        return '';
    };
    my @subject = ['a product', sub { $n++ }, $post, $wrong, after => $after];
    turns($h, \@subject, ', 2013', group => 'database', code => 2013);
    turns($h, \@subject, ', 2013 after the call was executed', group => 'database', code => 2013, late => 1);
    turns($h, \@subject, ", $_", group => 'database', code => $_) for 1205, 1213, 1020, 1062;
    turns($h, \@subject, ', 1213 twice', group => 'database', code => 1213, times => 2);
    turns($h, \@subject, ', memory', group => 'memory');
};

subtest 'memory' => sub {
    my $h = server(%customer, idle => 'idle=1ms');
    turns($h, [customer_subjects($h)], '', group => 'memory');
};

done_testing;
