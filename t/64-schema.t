# What the schema promises beside its tables: long texts fit and arrive whole, a customer that a load has set aside is refused.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use JSON::PP ();
use KissTest;
use Test::More;

my $db = new_database('schema');
import_sample($db);
my $kss = new_database('schema_kss', api => 'kss');
import_kss($kss, top() . '/sql/sample-kss');

# json($customer): what kissctl shows of one.
sub json { return JSON::PP->new->utf8->decode(kissctl_ok(qw(customer show --json), @_)) }

subtest 'the longest texts' => sub {
    my $letter = "\x{fc}";
    utf8::encode(my $two = $letter);
    my %chars = (name => 1000, product_category_code => 255, theme => 255, photo => 2048, description => 1_000_000,
        website_description => 1_000_000, whats_included => 1_000_000);
    my ($sku) = map { $_->[0] } sql($db, "SELECT t.sku FROM product t JOIN price p USING (sku) JOIN customer c USING (price_list_code)"
            . " WHERE c.customer_code = 'ACME01' AND NOT t.is_obsolete ORDER BY 1 LIMIT 1");
    sql($db, "UPDATE product SET " . join(', ', map {"$_ = REPEAT('$two', $chars{$_})"} sort keys %chars) . " WHERE sku = '$sku'");
    sql($db, "INSERT INTO product_image (sku, image_id, file_name) VALUES ('$sku', 'long', REPEAT('$two', 2048))");
    my $h = start_httpd();
    my $t = $h->token('ACME01', issue_key('ACME01'));
    my $list = $h->json($h->get('/products', Authorization => "Bearer $t"));
    my ($row) = grep { $_->{SKU} eq $sku } @$list;
    my %field = (name => 'Name', product_category_code => 'ProductCategoryCode', theme => 'Theme', photo => 'Photo',
        description => 'Description', website_description => 'WebsiteDescription', whats_included => 'WhatsIncluded');
    ok $row->{ $field{$_} } eq $letter x $chars{$_}, "$_: all $chars{$_} characters" for sort keys %chars;
    my ($image) = grep { $_->{ImageID} eq 'long' } @{ $row->{ProductImages} };
    ok $image->{FileName} eq $letter x 2048, 'a file name';
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

done_testing;
