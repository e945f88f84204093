# What the schema promises beside its tables: revisions that are never used twice, ways past the triggers that are closed or seen and
# repaired, sums that are exact; long texts fit and arrive whole, a customer that a load has set aside is refused.
# SPDX-License-Identifier: Apache-2.0
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use JSON::PP ();
use KissTest;
use KissTest::Database;
use KissTest::Import qw(checksums);
use KissTest::Load;
use Test::More;
use Time::HiRes qw(time);

my $db = new_database('schema');
import_sample($db);
my $kss = new_database('schema_kss', api => 'kss');
import_kss($kss, top() . '/sql/sample-kss');

# json($customer): what kissctl shows of one.
sub json { return JSON::PP->new->utf8->decode(kissctl_ok(qw(customer show --json), @_)) }

subtest 'the longest texts' => sub {
    utf8::encode(my $two = "\x{fc}");
    my %chars = (name => 1000, product_category_code => 255, theme => 255, photo => 2048, description => 1_000_000,
        website_description => 1_000_000, whats_included => 1_000_000);
    my ($sku) = map { $_->[0] } sql($db, "SELECT t.sku FROM product t JOIN price p USING (sku) JOIN customer c USING (price_list_code)"
            . " WHERE c.customer_code = 'ACME01' AND NOT t.is_obsolete ORDER BY 1 LIMIT 1");
    sql($db, "UPDATE product SET " . join(', ', map {"$_ = REPEAT('$two', $chars{$_})"} sort keys %chars) . " WHERE sku = '$sku'");
    sql($db, "INSERT INTO product_image (sku, image_id, file_name) VALUES ('$sku', 'long', REPEAT('$two', 2048))");
    my $h = start_httpd();
    my $t = $h->token('ACME01', issue_key('ACME01'));
    # The bytes themselves: a parser in Perl takes minutes for texts of a million characters.
    my ($row) = $h->get('/products', Authorization => "Bearer $t")->{content} =~ /(\{"SKU":"\Q$sku\E",.*?"ProductPrices":)/s;
    my %field = (name => 'Name', product_category_code => 'ProductCategoryCode', theme => 'Theme', photo => 'Photo',
        description => 'Description', website_description => 'WebsiteDescription', whats_included => 'WhatsIncluded');
    ok index($row, qq("$field{$_}":") . $two x $chars{$_} . '"') > 0, "$_: all $chars{$_} characters" for sort keys %chars;
    ok index($row, '"ImageID":"long","FileName":"' . $two x 2048 . '"') > 0, 'a file name';
    my %url = (supplier => [qw(brand_assets_url supplier_website_url)], portal_user => ['profile_picture_url'],
        product => [qw(thumbnail_image_url full_size_image_url)], inventory_batch => ['coa_url'], invoice => ['pdf_url'],
        invoice_coa => ['coa_url'], ar_aging => ['statement_link'], purchase => ['public_pdf_link']);
    for my $table (sort keys %url) {
        sql($kss, "UPDATE $table SET " . join(', ', map {"$_ = REPEAT('$two', 2048)"} @{ $url{$table} }) . ' LIMIT 1');
        pass "$table: a link of 2048 characters";
    }
    sql($kss, "UPDATE product SET product_name = REPEAT('$two', 1000), description = REPEAT('$two', 1000000) LIMIT 1");
    $h->log_ok;
};

subtest 'a customer that is absent' => sub {
    my $key = issue_key('ACME01');
    my $h = start_httpd();
    my $t = $h->token('ACME01', $key);
    my @caller = (Authorization => "Bearer $t");
    my $login = sub {
        return $h->post('/auth/token', "grant_type=client_credentials&client_id=ACME01&client_secret=$key",
            'Content-Type' => 'application/x-www-form-urlencoded');
    };
    is $h->get('/stock', @caller)->{status}, 200, 'before';
    is json('ACME01')->{AbsentSince}, undef, 'kissctl shows that it is there';
    kissctl_ok(qw(customer disable ACME01));
    my @refused = map { [@$_{qw(status content)}] } $h->get('/stock', @caller), $login->();
    kissctl_ok(qw(customer enable ACME01));
    is $h->get('/stock', @caller)->{status}, 200, 'enabled';
    sql($db, "UPDATE customer SET absent_since = '2026-11-02 10:00:00' WHERE customer_code = 'ACME01'");
    is_deeply [map { [@$_{qw(status content)}] } $h->get('/stock', @caller), $login->()], \@refused,
        'refused as a disabled one is, with a token and with a key';
    is_deeply [map { $_->[0] } @refused], [401, 400], '... by these answers';
    is json('ACME01')->{AbsentSince}, '2026-11-02 10:00:00', 'kissctl shows since when';
    is json('ACME01')->{Enabled}, JSON::PP::true, '... and that nobody has disabled it';
    like kissctl_ok(qw(customer list)), qr/2026-11-02 10:00:00/, '... in the list, too';
    sql($db, "UPDATE customer SET absent_since = NULL WHERE customer_code = 'ACME01'");
    is $h->get('/stock', @caller)->{status}, 200, 'back again';
    is $login->()->{status}, 200, '... with its key';
    $h->log_ok;
};


# one($db, $sql)
sub one { return (sql(@_))[0][0] }

# doctor($db, @lead): what it says of the tables, as "State: Finding".
sub doctor {
    my ($of, @lead) = @_;
    my ($rc, $out) = kissctl({ db => $of }, @lead, qw(doctor --json));
    my ($found) = grep { $_->{Check} eq 'tables' } @{ JSON::PP->new->utf8->decode($out) };
    return "$found->{State}: $found->{Finding}";
}

# error($db, $sql): the number of the error, or 0.
sub error { my ($of, $sql) = @_; return eval { sql($of, $sql); 0 } // ($@ =~ /ERROR (\d+)/)[0] }

subtest 'a backup that is restored twice' => sub {
    my $live = new_database('restored');
    import_sample($live);
    my $key = issue_key('ACME01');
    my $h = start_httpd(db => $live);
    my $t = $h->token('ACME01', $key);
    my @caller = (Authorization => "Bearer $t");
    my @rows = qw(stock revision);
    sql($live, "CREATE TABLE saved_$_ SELECT * FROM $_") for @rows;
    my $restore = sub {
        sql($live, 'SET @kiss_bulk = -CONNECTION_ID(); ' . join '; ', map {"DELETE FROM $_; INSERT INTO $_ SELECT * FROM saved_$_"} @rows);
    };
    my $change = sub { sql($live, "UPDATE stock SET available_qty = $_[0]") };
    my $first = $h->get('/stock', @caller);
    $restore->();
    $change->(111);
    my $one = $h->get('/stock', @caller);
    like $one->{content}, qr/"AvailableQTY":111\b/, 'the first restore, changed';
    $restore->();
    is $h->get('/stock', @caller)->{content}, $first->{content}, 'restored once more: what the backup held';
    $change->(222);
    my $two = $h->get('/stock', @caller, 'If-None-Match' => $one->{headers}{etag});
    is $two->{status}, 200, 'changed otherwise: no 304 to a client of the first restore';
    like $two->{content}, qr/"AvailableQTY":222\b/, '... and the new rows';
    cmp_ok one($live, "SELECT n FROM revision WHERE dataset = 'stock' AND scope = 'UK01'"), '>', (time - 60) * 1e6, 'a number of the clock';
    # The server's clock is set back: numbers grow all the same.
    my $n = one($live, "SELECT n FROM revision WHERE dataset = 'stock' AND scope = 'UK01'");
    sql($live, 'SET TIMESTAMP = 1000000000; UPDATE stock SET available_qty = 333');
    cmp_ok one($live, "SELECT n FROM revision WHERE dataset = 'stock' AND scope = 'UK01'"), '>', $n, 'a clock that is set back';
    kissctl_ok({ db => $live }, 'import', top() . '/sql/sample');
    cmp_ok one($live, "SELECT n FROM revision WHERE dataset = 'stock' AND scope = 'UK01'"), '>', $n, 'the import takes the clock, too';
    $h->log_ok;
};

subtest 'a revision that is missing' => sub {
    my $of = new_database('missing');
    import_sample($of);
    my $h = start_httpd(db => $of);
    my $t = $h->token('ACME01', issue_key('ACME01'));
    my @caller = (Authorization => "Bearer $t");
    my $old = $h->get('/products', @caller);
    sql($of, "DELETE FROM revision WHERE dataset = 'products'");
    is $h->get('/health')->{status}, 503, '/health sees it';
    is $h->get('/products', @caller, 'If-None-Match' => $old->{headers}{etag})->{status}, 503, 'no answer, and no 304';
    like doctor($of), qr/^PROBLEM: .*revision products has no row/, 'so does the doctor';
    my $from = time;
    sql($of, "UPDATE product SET theme = 'another'");
    cmp_ok one($of, "SELECT n FROM revision WHERE dataset = 'products'"), '>', ($from - 1) * 1e6, 'it comes back with the next change, as a number of the clock';
    is $h->get('/health')->{status}, 200, '... healthy';
    is $h->get('/products', @caller, 'If-None-Match' => $old->{headers}{etag})->{status}, 200, '... and answered';
    sql($of, 'DELETE FROM revision');
    is $h->get('/products', @caller)->{status}, 503, 'none at all: 503';
    is $h->get('/health')->{status}, 503, '... unhealthy';
    kissctl_ok({ db => $of }, qw(schema repair));
    is $h->get('/products', @caller)->{status}, 200, 'repaired';
    is $h->get('/health')->{status}, 200, '... healthy';
    like doctor($of), qr/^ok: /, '... and the doctor is content';
    my $employee = issue_kss_key(type => 'employee');
    my $k = start_httpd(db => $kss, api => 'kss');
    my @key = ('x-api-key' => $employee);
    my $page = $k->get('/api/v1/suppliers', @key);
    sql($kss, "DELETE FROM revision WHERE dataset = 'supplier'");
    is $k->get('/api/v1/suppliers', @key, 'If-None-Match' => $page->{headers}{etag})->{status}, 503, 'KSS: no 304 either';
    like doctor($kss, 'kss'), qr/^PROBLEM: .*revision supplier has no row/, '... and the doctor sees it';
    sql($kss, "UPDATE supplier SET supplier = CONCAT(supplier, '!')");
    is $k->get('/api/v1/suppliers', @key, 'If-None-Match' => $page->{headers}{etag})->{status}, 200, '... until the next change';
    $_->log_ok(qr/KISS0230/) for $h, $k;
};

subtest 'ways past the triggers' => sub {
    my $of = new_database('past');
    import_sample($of);
    my $h = start_httpd(db => $of);
    my $t = $h->token('ACME01', issue_key('ACME01'));
    my @caller = (Authorization => "Bearer $t");
    is doctor($of) =~ /^ok: all \d+ tables and sequences, \d+ triggers and \d+ foreign keys/, 1, 'at first all is well';
    for my $table (qw(stock price product customer product_image admin_client revision)) {
        is error($of, "TRUNCATE $table"), 1701, "$table: TRUNCATE";
        is error($of, "DROP TABLE $table"), 1451, '... DROP TABLE';
        is error($of, "CREATE OR REPLACE TABLE $table (a INT)"), 1451, '... CREATE OR REPLACE TABLE';
        isnt error($of, "ALTER TABLE $table PARTITION BY HASH (1) PARTITIONS 2"), 0, '... partitions';
    }
    is error($of, 'INSERT INTO truncate_guard (id) VALUES (1)'), 4025, 'the guard stays empty';
    isnt error($kss, 'TRUNCATE invoice_line'), 0, 'KSS: TRUNCATE';

    # A table that is swapped takes its triggers along.
    sql($of, 'CREATE TABLE fresh LIKE stock; INSERT INTO fresh SELECT * FROM stock; RENAME TABLE stock TO old, fresh TO stock');
    my $said = doctor($of);
    like $said, qr/^PROBLEM: .*trigger stock_(?:added|changed|removed) hangs on table old, not on stock/, 'a swap: the doctor sees the triggers';
    like $said, qr/foreign key guard_stock leads from truncate_guard to old, not from truncate_guard to stock/, '... and the guard';
    my $before = $h->get('/stock', @caller);
    sql($of, 'UPDATE stock SET available_qty = 4711');
    my $restarted = start_httpd(db => $of, token_keys => $h->{token_keys});
    ok wait_until(10, sub { $restarted->log_text =~ /KISS0231: database customer: the guard of stock leads to old/ }), 'a server that starts says so';
    $restarted->log_ok(qr/KISS0231/);
    my ($rc, $out, $err) = kissctl({ db => $of }, qw(schema repair));
    is $rc, 0, 'repaired' or diag $err;
    like $err, qr/trigger stock_changed hangs on table old, not on stock: put back/, '... and said';
    my $after = $h->get('/stock', @caller, 'If-None-Match' => $before->{headers}{etag});
    is $after->{status}, 200, 'what was changed meanwhile is seen';
    like $after->{content}, qr/"AvailableQTY":4711\b/, '... whole';
    sql($of, 'UPDATE stock SET available_qty = 4712');
    is $h->get('/stock', @caller, 'If-None-Match' => $after->{headers}{etag})->{status}, 200, '... and so is the next change';
    is error($of, 'TRUNCATE stock'), 1701, '... the guard is back';
    like doctor($of), qr/^ok: /, '... and the doctor is content';

    for my $harm ('DROP TRIGGER price_changed', 'CREATE OR REPLACE TRIGGER price_changed AFTER UPDATE ON price FOR EACH ROW SET @x = 1',
        'DROP TABLE truncate_guard', 'ALTER TABLE stock DROP FOREIGN KEY stock_warehouse', 'DROP TRIGGER product_removed',
        'DROP TRIGGER revision_raised', 'DROP TABLE change_log',
        'CREATE OR REPLACE TRIGGER revision_raised AFTER UPDATE ON revision FOR EACH ROW SET @x = 1')
    {
        sql($of, $harm);
        like doctor($of), qr/^PROBLEM: /, "the doctor sees: $harm";
        my $epoch = one($of, "SELECT n FROM revision WHERE dataset = 'epoch'");
        my $n = one($of, "SELECT MIN(n) FROM revision WHERE dataset <> 'epoch'");
        kissctl_ok({ db => $of }, qw(schema), $harm =~ /^DROP TRIGGER/ ? 'install' : 'repair');
        like doctor($of), qr/^ok: /, '... and it is put back';
        cmp_ok one($of, "SELECT MIN(n) FROM revision WHERE dataset <> 'epoch'"), '>', $n, '... every revision rose';
        is one($of, "SELECT n FROM revision WHERE dataset = 'epoch'"), $epoch, '... but the epoch';
    }
    sql($of, 'CREATE TRIGGER of_another AFTER INSERT ON warehouse FOR EACH ROW SET @x = 1');
    my ($other) = grep { $_->{Check} eq 'other triggers' } @{ JSON::PP->new->utf8->decode((kissctl({ db => $of }, qw(doctor --json)))[1]) };
    like $other->{Finding}, qr/of_another ON warehouse/, 'triggers of others are listed';
    $h->log_ok;
};

subtest 'one table of a dump' => sub {
    my $of = new_database('dump');
    import_sample($of);
    my $rows = sub { return (grep { $_->{Check} eq 'rows' } @{ JSON::PP->new->utf8->decode((kissctl({ db => $of }, qw(doctor --json)))[1]) })[0] };
    is $rows->()->{State}, 'ok', 'after a load';
    # Its triggers are made after its rows.
    my @triggers = map {"CREATE TRIGGER $_->[0] AFTER $_->[1] ON stock FOR EACH ROW $_->[2]"} sql($of, 'SELECT trigger_name, event_manipulation,'
            . " action_statement FROM information_schema.triggers WHERE trigger_schema = DATABASE() AND event_object_table = 'stock'");
    my ($create) = map { $_->[1] } sql($of, 'SHOW CREATE TABLE stock');
    sql($of, "CREATE TABLE saved SELECT * FROM stock LIMIT 300; SET foreign_key_checks = 0; DROP TABLE stock; $create; INSERT INTO stock SELECT * FROM saved");
    sql($of, "DELIMITER //\n" . join("//\n", @triggers) . '//');
    like doctor($of), qr/^ok: /, 'everything is as it must be';
    is $rows->()->{State}, 'PROBLEM', '... but the rows';
    like $rows->()->{Finding}, qr/stock has 300 rows, the last load has left 347/, '... named';
    like $rows->()->{Action}, qr/kissctl touch all/, '... with what to do';
    kissctl_ok({ db => $of }, qw(touch all));
    is $rows->(), undef, 'done';
    kissctl_ok({ db => $of }, 'import', top() . '/sql/sample');
    sql($of, 'DELETE FROM stock LIMIT 1');
    is $rows->()->{State}, 'ok', 'ordinary changes are none of it';
};

subtest 'the doctor counts the customers who may come in' => sub {
    my $of = new_database('customers');
    my $customers = sub { return join ': ', map { @$_{qw(State Finding)} } grep { $_->{Check} eq 'customers' } @{ JSON::PP->new->utf8->decode((kissctl({ db => $of }, qw(doctor --json)))[1]) } };
    is $customers->(), 'warning: none that is enabled: nobody gets a token', 'nobody';
    import_sample($of);
    is $customers->(), 'ok: 6 that are enabled', 'those of the sample';
    sql($of, 'UPDATE customer SET enabled = 0');
    like $customers->(), qr/^warning: /, 'all are locked out';
};

subtest 'touch' => sub {
    my $of = new_database('touch');
    import_sample($of);
    my $revisions = sub { return { map { ("$_->[0] $_->[1]" => $_->[2]) } sql($_[0], 'SELECT dataset, scope, n FROM revision') } };
    for (['touch prices UKTRADE', 'prices UKTRADE'], ['touch stock', 'stock NL01', 'stock UK01'], ['touch products', 'products ']) {
        my ($words, @want) = @$_;
        my $before = $revisions->($of);
        kissctl_ok({ db => $of }, split ' ', $words);
        my $now = $revisions->($of);
        is_deeply [sort grep { $now->{$_} > $before->{$_} } keys %$now], \@want, "$words: just that";
    }
    my ($rc, $out, $err) = kissctl({ db => $of }, qw(touch nothing));
    is "$rc $out", '1 ', 'an unknown dataset: exit status 1';
    like $err, qr/there is no dataset 'nothing': there are all, admins, assortment, customers, keys, listing, prices, products, stock/, '... and what there is';
    ($rc, $out, $err) = kissctl({ db => $of }, qw(touch prices NONE));
    is $rc, 1, 'an unknown scope';
    like $err, qr/there is no 'NONE' in dataset 'prices': there are EUTRADE, UKRETAIL, UKTRADE$/m, '... and what there is';
    like +(kissctl({ db => $of }, 'touch', $_, 'NONE'))[2], qr/dataset '$_' has no scopes: leave 'NONE' out/, "$_ has none" for qw(products all);
    like +(kissctl({ db => $of }, qw(touch nothing NONE)))[2], qr/there is no dataset 'nothing'/, 'neither is known';
    is +(kissctl({ db => $of }, qw(touch epoch)))[0], 1, 'the epoch is none';
    is +(kissctl({ db => $of }, 'touch'))[0], 2, 'no dataset';
    my $before = $revisions->($kss);
    kissctl_ok({ db => $kss }, qw(kss touch vendor));
    my $now = $revisions->($kss);
    is_deeply [grep { $now->{$_} != $before->{$_} } keys %$now], ['vendor '], 'KSS: one table';
};

subtest 'sums of invoices' => sub {
    my $wrong = sub {
        my @all = sql($kss, 'SELECT i.invoice_id, COALESCE(s.total_num_units, 0) - COALESCE(l.u, 0), COALESCE(s.total_full_price, 0) - COALESCE(l.f, 0)'
                . ' FROM invoice i LEFT JOIN invoice_sum s USING (invoice_id) LEFT JOIN (SELECT invoice_id, SUM(num_units) u, SUM(cases) c,'
                . ' SUM(full_price * num_units) f, SUM(ext_price) e FROM invoice_line GROUP BY 1) l USING (invoice_id)'
                . ' WHERE (s.invoice_id IS NULL) <> (l.invoice_id IS NULL) OR NOT (s.total_num_units = l.u AND s.total_cases = l.c AND s.total_full_price = l.f AND s.total_ext_price = l.e)');
        my @parts = sql($kss, 'SELECT COALESCE(s.invoice_id, l.invoice_id), COALESCE(s.supplier_id, l.supplier_id) FROM invoice_supplier s'
                . ' LEFT JOIN (SELECT invoice_id, supplier_id, SUM(num_units) u, SUM(cases) c, SUM(full_price * num_units) f, SUM(ext_price) e FROM invoice_line'
                . ' WHERE supplier_id IS NOT NULL GROUP BY 1, 2) l USING (invoice_id, supplier_id) WHERE NOT (s.total_num_units <=> l.u AND s.total_cases <=> l.c'
                . ' AND s.total_full_price <=> l.f AND s.total_ext_price <=> l.e)');
        return join ', ', map { join '/', @$_ } @all, @parts;
    };
    is $wrong->(), '', 'as the import has left them';
    # Ordinary statements on lines that read the invoice.
    my @ordinary = (
        'DELETE FROM invoice_line WHERE invoice_id IN (SELECT invoice_id FROM invoice WHERE status = 4) LIMIT 20',
        'UPDATE invoice_line l JOIN invoice i USING (invoice_id) SET l.num_units = l.num_units + 1.25 WHERE i.status = 7',
        'UPDATE invoice_line l JOIN invoice i USING (invoice_id) SET l.cases = l.cases + 1, i.memo = l.batch_code WHERE i.invoice_id < 9010',
        'INSERT INTO invoice_line (invoice_trans_id, invoice_id, product_id, supplier_id, num_units, full_price, ext_price) SELECT 9000000 + i.invoice_id,'
            . ' i.invoice_id, (SELECT MIN(product_id) FROM product), (SELECT MIN(supplier_id) FROM supplier), 3.33, 12.345678, 41.11 FROM invoice i LIMIT 100',
        'DELETE l FROM invoice_line l JOIN invoice i USING (invoice_id) WHERE i.invoice_id BETWEEN 9020 AND 9025',
        'UPDATE invoice_line SET supplier_id = NULL WHERE invoice_id IN (SELECT invoice_id FROM invoice WHERE invoice_id BETWEEN 9030 AND 9035)',
        'UPDATE invoice_line SET supplier_id = (SELECT MAX(supplier_id) FROM supplier) WHERE invoice_id IN (SELECT invoice_id FROM invoice WHERE invoice_id BETWEEN 9032 AND 9040)',
        'UPDATE invoice_line SET invoice_id = 9050 WHERE invoice_id IN (SELECT invoice_id FROM invoice WHERE invoice_id BETWEEN 9045 AND 9049)'
    );
    for (@ordinary) {
        is error($kss, $_), 0, substr $_, 0, 70;
        is $wrong->(), '', '... and the sums are those of the lines';
    }
    my ($line) = map { $_->[0] } sql($kss, 'SELECT invoice_trans_id FROM invoice_line ORDER BY 1 LIMIT 1');
    sql($kss, "UPDATE invoice_line SET full_price = 12.345678, num_units = 2 WHERE invoice_trans_id = $line");
    sql($kss, join '; ', map {"UPDATE invoice_line SET num_units = $_ WHERE invoice_trans_id = $line"} (1.25, 2) x 100);
    is $wrong->(), '', 'back and forth a hundred times: nothing is left';
    my $before = checksums($kss, qw(invoice_sum invoice_supplier));
    kissctl_ok({ db => $kss }, qw(kss touch invoice_line));
    is checksums($kss, qw(invoice_sum invoice_supplier)), $before, 'what is worked out anew is the same, to the last digit';
    my $h = start_httpd(db => $kss, api => 'kss');
    my @key = ('x-api-key' => issue_kss_key(type => 'employee'));
    my ($id) = map { $_->[0] } sql($kss, "SELECT invoice_id FROM invoice_line WHERE invoice_trans_id = $line");
    my $old = $h->get("/api/v1/invoices/$id", @key);
    sql($kss, "UPDATE invoice_line SET num_units = num_units + 1 WHERE invoice_trans_id = $line");
    my $new = $h->get("/api/v1/invoices/$id", @key, 'If-None-Match' => $old->{headers}{etag});
    is $new->{status}, 200, 'an invoice has another ETag when a line changes';
    my $sum = one($kss, "SELECT CAST(SUM(full_price * num_units) - SUM(ext_price) AS DECIMAL(30,6)) FROM invoice_line WHERE invoice_id = $id");
    is $h->json($new)->{Data}[0]{TotalDiscount} // $h->json($new)->{TotalDiscount}, $sum, '... and the sums of its lines';
    # What was changed past the triggers is put right by repair.
    sql($kss, 'SET @kiss_bulk = CONCAT("kissctl:", CONNECTION_ID()); UPDATE invoice_line SET num_units = num_units + 7 WHERE invoice_id = 9001');
    isnt $wrong->(), '', 'past the triggers: wrong';
    kissctl_ok({ db => $kss }, qw(kss schema repair));
    is $wrong->(), '', '... and repaired';
    $h->log_ok;
};

subtest 'where changes are logged for replicas' => sub {
    my $logged = KissTest::Database->start(args => ['--log-bin=binlog', '--server-id=1']);
    for my $api (qw(customer kss)) {
        $logged->sql(undef, "CREATE DATABASE logged_$api CHARACTER SET utf8mb4; GRANT ALL ON logged_$api.* TO kiss_admin\@localhost");
        my $file = "$logged->{dir}/logged_$api.cnf";
        spew($file, join('', map {"[$_]\nsocket=$logged->{socket}\ndatabase=logged_$api\nuser=kiss_admin\npassword=" . $logged->password('kiss_admin') . "\n"}
                    qw(kissctl kissctl_kss)), 0600);
        my @lead = $api eq 'kss' ? 'kss' : ();
        my ($rc, $out, $err) = kissctl({ defaults => $file }, @lead, qw(schema install));
        is "$rc $out", '1 ', "$api: an account without the right is refused";
        like $err, qr/nothing was done: .*log_bin_trust_function_creators = 1/, '... with what it needs';
        is_deeply [$logged->sql("logged_$api", 'SHOW TABLES')], [], '... and nothing was done';
        $logged->sql(undef, 'SET GLOBAL log_bin_trust_function_creators = 1');
        is +(kissctl({ defaults => $file }, @lead, qw(schema install)))[0], 0, '... with it, all is';
        $logged->sql(undef, 'SET GLOBAL log_bin_trust_function_creators = 0');
    }
};

done_testing;
