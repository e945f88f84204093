#!/usr/bin/perl
# Conditional requests of the KSS API: which ETag, what it depends on, what a 304 is and what it costs.
# SPDX-License-Identifier: Apache-2.0

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use KissTest;
use KissTest::Load;

my $server = KissTest::Database->start;    # its counters are looked at: nobody else may use it
my $db = new_database('etag', api => 'kss', server => $server);
import_kss($db, top() . '/sql/sample-kss');

my %key = (
    employee => issue_kss_key(type => 'employee'),
    customer => issue_kss_key(type => 'customer', ids => [101, 102]),
    supplier => issue_kss_key(type => 'supplier', ids => [10])
);
my $h = start_httpd(api => 'kss', config => 'MaxKeepAliveRequests 0');

sub first { my ($sql) = @_; return (sql($db, $sql))[0][0] }
my $product = first('SELECT MIN(product_id) FROM product WHERE supplier_id = 10');
my $invoice = first('SELECT MIN(l.invoice_id) FROM invoice_line l JOIN invoice i USING (invoice_id)'
        . ' WHERE l.supplier_id = 10 AND i.customer_id IN (101, 102)');
my $purchase = first('SELECT MIN(purchase_id) FROM purchase WHERE supplier_id = 10');

# ---- what each answer is made of: the tables whose content can be seen in it, or decides who sees it
# C: ..., S: ... are more tables for Customer and Supplier keys; -C: they may not call it.
# In brackets: looked at, but the role sees nothing of it.

my %reads = (
    '/allocations' => 'allocation S: product',
    '/allocations?CustomerIDs=101' => 'allocation S: product',
    '/allocations?SupplierIDs=10' => 'allocation product',
    '/allocations?States=CA' => 'allocation customer S: product',
    '/arAging' => 'ar_aging ar_account ar_aging_invoice invoice',
    '/arAging?States=CA' => 'ar_aging ar_account ar_aging_invoice invoice customer',
    '/customerPricing?CustomerIDs=101' => 'product customer promotion promotion_product promotion_state',
    '/customers' => 'customer portal_user',
    '/customers/101' => 'customer portal_user',
    '/customers/creditTerms' => 'customer_credit_term credit_term',
    '/deliveryDays' => 'customer',
    '/inventory' => 'inventory -C S: product',
    '/inventory?States=CA' => 'inventory location -C S: product',
    '/inventory/batches' => 'inventory_batch inventory product location -C',
    '/retailerInventory' => 'retailer_inventory S: product',
    '/retailerInventory?SupplierIDs=10&States=CA' => 'retailer_inventory product customer',
    '/invoices?Statuses=7' => 'invoice customer portal_user invoice_line',
    "/invoices/$invoice" => 'invoice customer portal_user invoice_line',
    "/invoiceTransactions?InvoiceIDs=$invoice" => 'invoice_line invoice product invoice_coa',
    "/invoiceTransactions/$invoice" => 'invoice_line invoice product invoice_coa',
    "/invoiceCOAs?InvoiceIDs=$invoice" => 'invoice_line invoice_coa C: invoice',
    "/invoiceCOAs/$invoice" => 'invoice_line invoice_coa C: invoice',
    '/invoices/creditTerms' => 'credit_term',
    '/locations' => 'location',
    '/locations/1' => 'location',
    '/menuPromotions' => 'menu_promotion supplier',
    '/promotionsProducts' => 'promotion promotion_state promotion_product',
    '/productCategories' => 'product_category',
    '/products' => 'product supplier product_category',
    "/products/$product" => 'product supplier product_category',
    '/states' => 'state',
    '/suppliers' => 'supplier',
    '/suppliers/10' => 'supplier',
    '/suppliers/creditTerms' => 'supplier_credit_term credit_term -C',
    '/users' => 'portal_user user_state user_customer user_supplier user_location S: customer',
    '/users/1' => 'portal_user user_state user_customer user_supplier user_location S: customer',
    '/payments/types' => 'payment_type payment_type_supplier supplier',
    '/payments' => 'payment payment_type payment_application C: ar_account',
    '/payments/openInvoices' => 'invoice C: ar_account S: invoice_line',
    '/payments/applications' => 'payment_application payment invoice C: ar_account',
    '/vendors' => 'vendor_route vendor -C',
    '/purchases' => 'purchase location vendor credit_term -C',
    "/purchases/$purchase" => 'purchase location vendor credit_term -C',
    "/purchaseTrans?PurchaseIDs=$purchase" => 'purchase_line -C S: purchase',
    '/salesReps' => 'portal_user sales_rep_group sales_rep_supplier sales_rep_customer supplier customer'
);
# A Supplier key sees no sales representative: their table may count for it, or not.
my %unseen = ('supplier /customers portal_user' => 1, 'supplier /customers/101 portal_user' => 1);

# All cases: {path, role, reads => {table => 1}}.
my @cases;
for my $path (sort keys %reads) {
    for my $role (sort keys %key) {
        my ($all, %more) = split / *-?([CS]):? */, $reads{$path} =~ s/ -C(?= |\z)//r;
        next if $role eq 'customer' && $reads{$path} =~ /-C/;
        push @cases, { path => $path, role => $role,
            reads => { map { $_ => 1 } split ' ', $all . ' ' . ($more{ uc substr $role, 0, 1 } || '') } };
    }
}

# ---- all tables with revisions, and a change of one row of each

my %touch = map { $_ => "UPDATE `$_` SET time_updated = time_updated + INTERVAL 1 SECOND LIMIT 1" }
    map { $_->[0] } sql($db, "SELECT table_name FROM information_schema.columns WHERE table_schema = DATABASE()"
        . " AND column_name = 'time_updated'");
%touch = (
    %touch,
    ar_account => "UPDATE ar_account SET name = CONCAT(name, 'x') LIMIT 1",
    ar_aging_invoice => 'UPDATE ar_aging_invoice SET open_balance = open_balance + 1 LIMIT 1',
    invoice => "UPDATE invoice SET memo = 'touched' LIMIT 1",
    vendor => "UPDATE vendor SET vendor_city = 'Elsewhere' LIMIT 1",
    map { $_ => "DELETE FROM `$_` LIMIT 1" } qw(promotion_state promotion_product payment_type_supplier user_state
        user_customer user_supplier user_location sales_rep_group sales_rep_customer sales_rep_supplier)
);
my @tables = map { $_->[0] } sql($db, "SELECT dataset FROM revision WHERE dataset <> 'epoch'"
        . " AND dataset NOT LIKE 'api_key%' ORDER BY 1");
is @tables, 39, 'thirty-nine tables have revisions';
is_deeply [sort keys %touch], \@tables, 'and each of them can be touched';
is_deeply [sort keys %{ { map { $_ => 1 } map { split / *-?[CS]:? *| / } map {s/ -C//r} values %reads } }], \@tables,
    'each of them is read by some answer';

# ---- requests

# heads([path, key, If-None-Match], ...): [status, ETag] of each, asked with HEAD on connections that stay open.
sub heads {
    my (@requests) = @_;
    my @answers;
    while (my @some = splice @requests, 0, 60) {
        my $text = '';
        for my $r (@some) {
            $text .= "HEAD /api/v1$r->[0] HTTP/1.1\r\nHost: localhost\r\nx-api-key: $r->[1]\r\n"
                . (defined $r->[2] ? "If-None-Match: $r->[2]\r\n" : '')
                . ($r == $some[-1] ? "Connection: close\r\n\r\n" : "\r\n");
        }
        my @got = split /\r\n\r\n/, $h->raw($text, 30);
        die 'of ' . @some . ' requests ' . @got . " were answered, the last: $got[-1]\n" if @got != @some;
        push @answers, map { [(/\AHTTP\/1\.1 (\d+)/)[0], (/^ETag: (.*?)\r?$/mi)[0]] } @got;
    }
    return @answers;
}

sub ask { my ($path, $role, %more) = @_; return $h->get("/api/v1$path", 'x-api-key' => $key{$role} || $role, %more) }
sub etag { my ($path, $role) = @_; return (heads([$path, $key{ $role || 'employee' } || $role]))[0][1] // 'none' }

my @etags = map { $_->[1] } heads(map { [$_->{path}, $key{ $_->{role} }] } @cases);

subtest 'every answer has one' => sub {
    my $rows = 0;
    for my $i (0 .. $#cases) {
        my ($path, $role) = @{ $cases[$i] }{qw(path role)};
        my $res = ask($path, $role);
        is $res->{status}, 200, "$path, $role: 200";
        like $res->{headers}{etag}, qr/\AW\/"[A-Za-z0-9_-]{10,}"\z/, '... with a weak ETag';
        is $res->{headers}{etag}, $etags[$i], '... the same for HEAD';
        is $res->{headers}{'cache-control'}, 'private, no-cache', '... to be asked for again each time';
        $rows++ if $res->{content} !~ /\A\{"Data":\[\]/;
    }
    cmp_ok $rows, '>', 0.8 * @cases, 'most of them hold rows';
    my %seen;
    $seen{$_}++ for @etags;
    is_deeply [grep { $seen{$_} > 1 } keys %seen], [], 'no two of them are equal: path and role are part of it';
};

subtest 'not modified' => sub {
    for my $i (0 .. $#cases) {
        my ($path, $role) = @{ $cases[$i] }{qw(path role)};
        my $res = ask($path, $role, 'If-None-Match' => $etags[$i], 'X-Request-Id' => 'mine');
        my $head = $res->{headers};
        is $res->{status} . ($res->{content} // ''), '304', "$path, $role: 304 with an empty body";
        is_deeply [@$head{qw(etag x-request-id cache-control)}], [$etags[$i], 'mine', 'private, no-cache'],
            '... ETag, X-Request-Id, Cache-Control';
        is scalar(grep { defined $head->{"ratelimit-$_"} } qw(limit remaining reset)), 3, '... rate headers';
    }
    my $etag = etag('/customers');
    (my $strong = $etag) =~ s/^W\///;
    for my $asked ('*', $strong, qq("x", $etag), qq($etag, "x"), qq("x",$strong,"y"), " $etag ") {
        is ask('/customers', 'employee', 'If-None-Match' => $asked)->{status}, 304, "If-None-Match: $asked";
    }
    for my $asked ('"x"', 'W/"x"', substr($etag, 0, -2) . '"', $strong =~ tr/"//dr, '"*"', lc $etag) {
        my $res = ask('/customers', 'employee', 'If-None-Match' => $asked);
        is $res->{status}, 200, "If-None-Match: $asked: 200";
        is $res->{headers}{etag}, $etag, '... with the tag';
    }
    for my $path ('/customers?Page=0', '/nothing', '/customers/x') {
        my $res = ask($path, 'employee', 'If-None-Match' => '*');
        like $res->{status}, qr/\A40[04]\z/, "$path: an error is no 304";
        is $res->{headers}{etag}, undef, '... and has no ETag';
    }
    is ask('/inventory', 'customer', 'If-None-Match' => '*')->{status}, 403, 'nor is what the key may not call';
    is ask('/customers', 'wrong', 'If-None-Match' => $etag)->{status}, 401, 'nor is a wrong key';
    is ask('/customers', 'customer', 'If-None-Match' => $etag)->{status}, 200, "another key's tag is no match";
    like ask('/customers', 'employee', 'If-Modified-Since' => 'Fri, 01 Jan 2100 00:00:00 GMT')->{status}, qr/\A200\z/,
        'there is no modification time';
};

# ---- it changes when, and only when, a table that the answer reads has changed

for my $table (@tables) {
    subtest "a row of $table" => sub {
        sql($db, $touch{$table});
        my @now = heads(map { [$cases[$_]{path}, $key{ $cases[$_]{role} }, $etags[$_]] } 0 .. $#cases);
        my @wrong;
        for my $i (0 .. $#cases) {
            my ($path, $role, $reads) = @{ $cases[$i] }{qw(path role reads)};
            my $expected = $reads->{$table} ? 1 : 0;
            my $changed = $now[$i][1] ne $etags[$i] ? 1 : 0;
            push @wrong, "$path, $role: status $now[$i][0]" if $now[$i][0] != ($changed ? 200 : 304);
            push @wrong, "$path, $role: " . ($changed ? 'changed' : 'did not change')
                if $changed != $expected && !$unseen{"$role $path $table"};
            $etags[$i] = $now[$i][1];
        }
        ok !@wrong, 'changes just the ETags of what is made of it' or diag join "\n", @wrong;
    };
}

subtest 'what is no data' => sub {
    sql($db, "UPDATE api_key SET label = 'touched'; UPDATE key_usage SET last_used_at = '2020-01-01';"
            . " ANALYZE TABLE customer, invoice");
    issue_kss_key(type => 'supplier', ids => [11]);
    my @now = heads(map { [$cases[$_]{path}, $key{ $cases[$_]{role} }, $etags[$_]] } 0 .. $#cases);
    is scalar(grep { $_->[0] != 304 } @now), 0, 'labels, new keys and statistics change no ETag';
};

subtest 'rows that go with another' => sub {
    my $line = "/invoiceCOAs/$invoice";
    my @before = map { etag(@$_) } my @asked = ([$line], [$line, 'supplier'], ["/invoiceTransactions/$invoice"],
        ["/purchaseTrans?PurchaseIDs=$purchase"]);
    like ask("/invoiceTransactions/$invoice", 'employee')->{content}, qr/\A\{"Data":\[\{/, 'there are lines';
    sql($db, "DELETE FROM ar_aging_invoice WHERE invoice_id = $invoice;"
            . " DELETE FROM payment_application WHERE target_invoice_id = $invoice;"
            . " DELETE FROM invoice WHERE invoice_id = $invoice; DELETE FROM purchase WHERE purchase_id = $purchase");
    for my $i (0 .. $#asked) {
        my ($path, $role) = @{ $asked[$i] };
        my $res = ask($path, $role || 'employee', 'If-None-Match' => $before[$i]);
        is $res->{status}, 200, "$path: 200 when its record is deleted";
        like $res->{content}, qr/\A\{"Data":\[\],/, '... and it is empty';
    }
};

subtest 'transactions' => sub {
    my $before = etag('/customers');
    my $pid = fork // die "fork: $!";
    if (!$pid) {
        eval { $server->sql($db, "START TRANSACTION; UPDATE customer SET on_hold = 1 - on_hold; DO SLEEP(60)") };
        POSIX::_exit(0);
    }
    my $mine = "db = '$db' AND info LIKE 'DO SLEEP%'";
    my $open = "SELECT COUNT(*) FROM information_schema.processlist WHERE $mine";
    ok wait_until(10, sub { ($server->sql(undef, $open))[0][0] }), 'a change is made, not committed';
    is ask('/customers', 'employee', 'If-None-Match' => $before)->{status}, 304, 'nobody sees it';
    kill_connections($server, $mine);
    waitpid $pid, 0;
    is etag('/customers'), $before, 'rolled back: the ETag is as before';
    sql($db, 'START TRANSACTION; UPDATE customer SET on_hold = 1 - on_hold; COMMIT');
    isnt etag('/customers'), $before, 'committed: it is another';
};

subtest 'imports' => sub {
    my $dir = tempdir_here();
    spew("$dir/states.csv", slurp(top() . '/sql/sample-kss/states.csv'));
    import_kss($db, $dir);
    my ($states, $customers) = map { etag($_) } '/states', '/customers';
    import_kss($db, $dir);
    is etag('/states'), $states, 'the same file again changes nothing';
    spew("$dir/states.csv", slurp("$dir/states.csv") =~ s/California/The Golden State/r);
    import_kss($db, $dir);
    isnt etag('/states'), $states, 'another content does';
    is etag('/customers'), $customers, '... only where it is read';
};

# ---- what is asked for

subtest 'requests' => sub {
    my @different = ('/customers', '/customers?Page=2', '/customers?PageSize=49', '/customers?PageSize=500',
        '/customers?Page=2&PageSize=49', '/customers?CustomerIDs=101', '/customers?CustomerIDs=102',
        '/customers?CustomerIDs=101,102', '/customers?CustomerIDs=1011', '/customers?States=CA', '/customers?States=NJ',
        '/customers?States=CA,NJ', '/customers?States=CANJ', '/customers?States=101', '/customers?OnHold=true',
        '/customers?OnHold=false', '/customers?AccountStatuses=Inactive', '/customers?AccountStatuses=Active,Inactive',
        '/customers/101', '/customers/102', '/invoices?StartDate=2026-01-01', '/invoices?EndDate=2026-01-01',
        '/invoices?StartDate=2026-01-01&EndDate=2026-01-01', '/customerPricing?CustomerIDs=101',
        '/customerPricing?CustomerIDs=101&EffectiveDate=2020-01-01');
    my %seen;
    push @{ $seen{ etag($_) } }, $_ for @different;
    is_deeply [grep { @$_ > 1 } values %seen], [], 'different requests have different tags';
    my @same = (
        ['/customers', '/customers?', '/customers?Page=1', '/customers?PageSize=50', '/customers?Page=01&PageSize=050',
            '/customers?AccountStatuses=Active', '/customers?CustomerIDs=', '/customers?Nonsense=1',
                '/customers?page=7'],
        ['/customers?PageSize=500', '/customers?PageSize=501', '/customers?PageSize=99999'],
        ['/customers?CustomerIDs=101,102,110', '/customers?CustomerIDs=110,102,101',
            '/customers?CustomerIDs=101%2C110,102',
            '/customers?CustomerIDs=102&CustomerIDs=110,101', '/customers?CustomerIDs=0101,102,110,110,101',
            '/customers?AccountStatuses=Active&CustomerIDs=110,101,102'],
        ['/suppliers?Active=true,false', '/suppliers?Active=false,true', '/suppliers?Active=false&Active=true'],
        ['/invoices?StartDate=2026-01-01', '/invoices?StartDate=2026-01-01T23:59:59Z',
            '/invoices?StartDate=2026-01-02T01:00:00%2B02:00', '/invoices?Statuses=1&StartDate=2026-01-01'],
        ['/customers/101', '/customers/0101', '/customers/101?Page=3&PageSize=x']
    );
    for my $group (@same) {
        my %tags = map { etag($_) => 1 } @$group;
        is keys %tags, 1, "equal requests have equal tags: $group->[0]" or diag explain \%tags;
    }
};

subtest 'keys' => sub {
    my %other = (
        'the same accounts' => issue_kss_key(type => 'customer', ids => [102, 101]),
        'fewer accounts' => issue_kss_key(type => 'customer', ids => [101]),
        'more accounts' => issue_kss_key(type => 'customer', ids => [101, 102, 103]),
        'an account that does not exist' => issue_kss_key(type => 'customer', ids => [101, 102, 99999]),
        'another role' => issue_kss_key(type => 'supplier', ids => [101, 102])
    );
    my $mine = etag('/customers', 'customer');
    is etag('/customers', $other{'the same accounts'}), $mine, 'a key for the same accounts has the same tag';
    isnt etag('/customers', $other{$_}), $mine, "$_: another tag" for grep { !/same/ } sort keys %other;
    my $etag = etag('/customers', $other{'fewer accounts'});
    my $prefix = substr $other{'fewer accounts'}, 5, 8;
    sql($db, "INSERT INTO api_key_account SELECT key_id, 104 FROM api_key WHERE prefix = '$prefix'");
    my $res = ask('/customers?AccountStatuses=Active,Inactive,OutOfBus', $other{'fewer accounts'},
        'If-None-Match' => $etag);
    is $res->{status}, 200, 'an account more: the old tag is no match';
    is join(',', map { $_->{CustomerID} } @{ $h->json($res)->{Data} }), '101,104', '... and its rows are there';
    # A supplier that moves to another state takes its keys along.
    my $locations = etag('/customers', 'supplier');
    sql($db, "UPDATE supplier SET state = IF(state = 'NJ', 'CA', 'NJ') WHERE supplier_id = 10");
    isnt etag('/customers', 'supplier'), $locations, 'the states of the accounts are part of it';
};

# ---- rows that are read before it is known whether the key is still what it was

# asked($key, $path): the answer and how many statements it took.
sub asked {
    my ($key, $path) = @_;
    my $count = sub { return ($server->sql(undef, q{SHOW GLOBAL STATUS LIKE 'Com_stmt_execute'}))[0][1] };
    my $before = $count->();
    my $res = ask($path, $key);
    return ($res, $count->() - $before);
}

subtest 'rows before the proof' => sub {
    $h->log_ok;
    $h->stop;
    $h = start_httpd(api => 'kss', processes => 1, pool => 'keep=1 max=2', limits => 'KissKeyLimit 100000');
    my $sent = sub {
        my ($what, $res, $status, %headers) = @_;
        is $res->{status}, $status, $what;
        is $res->{headers}{$_}, $headers{$_}, "... $_" for sort keys %headers;
    };
    my $key_of = sub {
        my $key = issue_kss_key(@_);
        is ask('/states', $key)->{status}, 200, 'a key is known';    # noted, too
        return ($key, "prefix = '@{[substr $key, 5, 8]}'");
    };

    my ($key, $row) = $key_of->(type => 'customer', ids => [101, 102]);
    my ($res, $cost) = asked($key, '/customers/101');
    $sent->('a record', $res, 200);
    is $cost, 1, '... by one statement';
    ($res, $cost) = asked($key, '/customers/102');
    like $res->{content}, qr/"CustomerID":102/, 'another one';
    is $cost, 1, '... likewise';
    sql($db, 'UPDATE vendor SET vendor_name = CONCAT(vendor_name, "x")');
    ($res, $cost) = asked($key, '/customers?CustomerIDs=101');
    like $res->{content}, qr/"CustomerID":101/, 'after a change of what the rows do not depend on';
    is $cost, 2, '... the key is read again, the rows are not';
    sql($db, 'UPDATE customer SET customer_name = "One more" WHERE customer_id = 101');
    like ask('/customers?CustomerIDs=101&PageSize=7', $key)->{content}, qr/"CustomerName":"One more"/, 'after a change of the rows';

    sql($db, "DELETE a FROM api_key_account a JOIN api_key k USING (key_id) WHERE k.$row AND a.account_id = 102");
    like ask('/customers?CustomerIDs=102&PageSize=8', $key)->{content}, qr/"Data":\[\]/, 'an account that was taken away';
    sql($db, "UPDATE api_key SET type = 'supplier' WHERE $row");
    $sent->('another role', ask('/payments?PageSize=8', $key), 200);
    sql($db, "UPDATE api_key SET type = 'employee' WHERE $row");
    $sent->('... that may call this', ask('/inventory?PageSize=8', $key), 200);
    sql($db, "UPDATE api_key SET type = 'customer' WHERE $row");
    $sent->('... and may not', ask('/inventory?PageSize=9', $key), 403);
    $sent->('a wrong parameter', ask('/customers?PageSize=x', $key), 400);
    sql($db, "UPDATE api_key SET revoked_at = UTC_TIMESTAMP() WHERE $row");
    $sent->('a revoked key', ask('/customers/101', $key), 401, 'ratelimit-limit' => undef, etag => undef);
    $sent->('... with a wrong parameter', ask('/customers?PageSize=x', $key), 401);
    $sent->('... for what is not there', ask('/nothing', $key), 401);

    # Each request counts once, refused ones not at all.
    ($key, $row) = $key_of->(type => 'employee');
    my $limit = sub { sql($db, "UPDATE api_key SET limit_hour = $_[0] WHERE $row") };
    $limit->(5);
    $sent->("request $_", ask("/products?PageSize=$_", $key), 200, 'ratelimit-limit' => 5, 'ratelimit-remaining' => 5 - $_) for 2 .. 5;
    ($res, $cost) = asked($key, '/products?PageSize=6');
    $sent->('beyond the limit', $res, 429, 'ratelimit-remaining' => 0);
    is $cost, 1, '... no rows are read';
    $limit->(6);
    $sent->('a higher limit', ask('/products?PageSize=6', $key), 200, 'ratelimit-limit' => 6, 'ratelimit-remaining' => 0);
    $limit->(1000);
    $sent->('a much higher one', ask('/products?PageSize=7', $key), 200, 'ratelimit-remaining' => 993);
    $limit->(3);
    $sent->('a lower one', ask('/products?PageSize=8', $key), 429, 'ratelimit-limit' => 3);

    $h->log_ok;
};

# What was committed before a request is in its answer, and one ETag has one body, while others write and read.
subtest 'many at once' => sub {
    my @ids = map { $_->[0] } sql($db, 'SELECT product_id FROM product WHERE status_id = 1 ORDER BY product_id LIMIT 8');
    my @seen = parallel(scalar @ids, sub {
        my ($i) = @_;
        my (%body, @stale);
        for my $n (1 .. 60) {
            sql($db, "UPDATE product SET product_name = 'n$i-$n' WHERE product_id = $ids[$i]");
            for my $path ("/products/$ids[$i]", "/products?PageSize=@{[20 + $n]}", "/products?ProductIDs=$ids[$i]") {
                my $res = ask($path, 'employee');
                push @stale, "$path $n" if $res->{content} !~ /"ProductName":"n$i-$n"/;
                # None is sent where others changed the rows during each of several reads.
                $body{"$path $res->{headers}{etag}"}{ $res->{content} } = 1 if $res->{headers}{etag};
            }
        }
        return { body => \%body, stale => \@stale };
    });
    is join(', ', map { @{ $_->{stale} } } @seen), '', 'each sees its own change';
    my %bodies;
    for my $one (@seen) {
        for my $tag (keys %{ $one->{body} }) { $bodies{$tag}{$_} = 1 for keys %{ $one->{body}{$tag} } }
    }
    is join(', ', grep { keys %{ $bodies{$_} } > 1 } sort keys %bodies), '', 'one body for each ETag';
    cmp_ok scalar(keys %bodies), '>', 500, scalar(keys %bodies) . ' of them';
    $h->log_ok;
};

# ---- a 304 costs one small statement

$h->log_ok;
$h->stop;

subtest 'cost' => sub {
    # One process: each remembers the keys by itself, as long as nothing is written.
    $h = start_httpd(api => 'kss', processes => 1);
    my @names = qw(Com_stmt_execute Rows_read);
    my $status = sub { return map { ($server->sql(undef, "SHOW GLOBAL STATUS LIKE '$_'"))[0][1] } @names };
    for my $role (sort keys %key) {
        my $path = '/invoices?Statuses=1,2,3,4,5,7&PageSize=500';
        my $tag = etag($path, $role);
        my $cost = sub {
            my ($n, $expected, @match) = @_;
            my @before = $status->();
            is ask($path, $role, @match)->{status}, $expected, "$role: $expected" for 1 .. $n;
            my @after = $status->();
            return map { ($after[$_] - $before[$_]) / $n } 0, 1;
        };
        my ($executed, $rows) = $cost->(5, 304, 'If-None-Match' => $tag);
        is $executed, 1, "a 304 executes one statement, $role";
        cmp_ok $rows, '<', 120, "... that reads no more than the revisions: $rows rows";
        $path =~ s/PageSize=\d+/PageSize=400/;
        ($executed, my $full) = $cost->(1, 200);
        is $executed, 1, 'a 200 too: rows and revision are read by one';
        cmp_ok $full, '>', $rows, "... and reads the page: $full rows";
        $path =~ s/PageSize=\d+/PageSize=5/;
        $cost->(1, 200);
        is_deeply [$cost->(3, 200)], [1, $rows], 'a small one that was read is kept';
    }
};

$h->log_ok;
$h->stop;

# Small pages and records are kept in a child's memory, by their ETags. One child here, whose share of that memory is 1 MB.
subtest 'kept in memory' => sub {
    my $log = tempdir_here() . '/access.log';
    $h = start_httpd(
        api => 'kss', processes => 1, pool => 'keep=1 max=2', limits => 'KissKeyLimit 100000', modules => ['log_config'],
        config => "ServerLimit 64\nMaxRequestWorkers 512\nCustomLog $log \"%r %>s %B rows=%{kiss-rows}n"
            . " endpoint=%{kiss-endpoint}n customer=%{kiss-customer}n\"\n"
    );
    # An answer, and how many statements it took. What differs from request to request is taken out.
    my $get = sub {
        my ($path, $role, %more) = @_;
        my $count = sub { return ($server->sql(undef, q{SHOW GLOBAL STATUS LIKE 'Com_stmt_execute'}))[0][1] };
        my $before = $count->();
        my $res = ask($path, $role, %more);
        my %headers = %{ $res->{headers} };
        my $left = delete @headers{qw(date x-request-id ratelimit-reset ratelimit-remaining)};
        return { status => $res->{status}, content => $res->{content}, headers => \%headers }, $count->() - $before,
            $res->{headers}{'ratelimit-remaining'};
    };
    my @paths = ('/customers/101', '/products?PageSize=20', '/states', '/customers?PageSize=1&Page=900', '/customers/999999');
    ask('/states', $_) for qw(employee customer);      # their records are known, the connection is there
    for my $path (@paths) {
        for my $role (qw(employee customer)) {
            my ($made, $cost, $left) = $get->($path, $role);
            my ($kept, $less, $then) = $get->($path, $role);
            is_deeply $kept, $made, "$path, $role: the same answer";
            is_deeply [$less, $then], [1, $left - 1], '... by a look at the state of the database; and it is counted';
            # One statement reads the rows and the revision; without a row there is none to have it in.
            is $cost, $path ne '/states' && $made->{content} =~ /"Data":\[\]/ ? 2 : 1, '... where the first one was read';
            is_deeply [heads([$path, $key{$role}])], [[$kept->{status}, $kept->{headers}{etag}]], '... HEAD too';
        }
    }
    my %lines;
    $lines{$_}++ for grep {/^GET/} split /\n/, slurp($log);
    is_deeply [grep { $lines{$_} < 2 } sort keys %lines], [], 'log lines do not differ either';

    my %own;
    %own = map { $_ => ask('/invoices?Statuses=1,2,3,4,5,7&PageSize=20', $_)->{content} } qw(employee customer) for 1, 2;
    ok $own{employee} ne $own{customer}, 'each key has its own';
    sql($db, "UPDATE customer SET customer_name = 'Another name' WHERE customer_id = 101");
    like ask('/customers/101', 'employee')->{content}, qr/"CustomerName":"Another name"/, 'a change is seen at once';
    my $key = issue_kss_key(type => 'employee');
    is ask('/states', $key)->{status}, 200, 'a key';
    sql($db, "UPDATE api_key SET revoked_at = UTC_TIMESTAMP() WHERE prefix = '@{[substr $key, 5, 8]}'");
    is ask('/states', $key)->{status}, 401, 'is refused when it is revoked, whatever is kept';

    # Several at the same time: made once, several times, it is the same.
    my @same = parallel(4, sub { my %seen; $seen{ ask("/products?PageSize=$_", 'employee')->{content} }++ for (30) x 50;
        return join "\n", sort keys %seen });
    is scalar(keys %{ { map { $_ => 1 } @same } }), 1, 'one body for all';

    # More than there is room for.
    my ($first, $cost) = $get->('/products?PageSize=21', 'employee');
    is +($get->('/products?PageSize=21', 'employee'))[1], 1, 'kept';
    my $bytes = 0;
    $bytes += length ask("/invoices?Statuses=1,2,3,4,5,7&PageSize=50&Page=$_", 'employee')->{content} for 1 .. 4;
    for my $n (22 .. 90) { $bytes += length ask("/products?PageSize=$n", 'employee')->{content} }
    cmp_ok $bytes, '>', 1024 * 1024, 'more than a megabyte of other pages';
    my ($again, $read) = $get->('/products?PageSize=21', 'employee');
    is $read, 1, 'the one that was not used for longest is read again';
    is_deeply $again, $first, '... and is the same';
    $h->log_ok;
    $h->stop;
};

# A copy of a database has its revisions too. Both in one child: an answer is of the one that was asked.
subtest 'a copy of the database' => sub {
    my $copy = new_database('copy', api => 'kss', server => $server);
    import_kss($copy, top() . '/sql/sample-kss');
    sql($copy, "DELETE FROM api_key");
    sql($copy, "INSERT INTO $copy.api_key SELECT * FROM $db.api_key");
    sql($copy, "SET \@kiss_bulk = CONCAT('kissctl:', CONNECTION_ID()); UPDATE customer SET customer_name = 'of the copy' WHERE customer_id = 101;"
        . "DELETE FROM revision; INSERT INTO revision SELECT * FROM $db.revision");
    my $text = sub {
        my ($name, $port) = @_;
        return "<VirtualHost *:*>\nServerName $name.test\n" . kss_location($name eq 'copy' ? $copy : $db, server => $server) . "</VirtualHost>\n";
    };
    $h = start_httpd(api => 'kss', db => $db, processes => 1, config => join '', map { $text->($_) } qw(first copy));
    my $of = sub {
        my ($head, $body) = split /\r\n\r\n/, $h->raw("GET /api/v1/customers/101 HTTP/1.1\r\nHost: $_[0].test\r\n"
            . "x-api-key: $key{employee}\r\nConnection: close\r\n\r\n"), 2;
        return [$head =~ /^ETag: (\S+)/mi, $body];
    };
    my %got = map { $_ => $of->($_) } qw(first copy);
    like $got{first}[0], qr{\AW/"}, 'an ETag';
    is $got{first}[0], $got{copy}[0], '... the same for both';
    like $got{copy}[1], qr/"of the copy"/, 'another content';
    unlike $got{first}[1], qr/"of the copy"/, '... each its own';
    is $of->($_)->[1], $got{$_}[1], "$_, kept" for qw(first copy first);
    $h->log_ok;
};

done_testing;
