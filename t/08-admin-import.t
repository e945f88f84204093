#!/usr/bin/perl
# A full load of CSV files beside a PIM: each leaves what is the other's, neither loses a write, and one that has to wait is told so.
# SPDX-License-Identifier: Apache-2.0
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use File::Copy qw(copy);
use JSON::PP ();
use KissTest;
use KissTest::Admin;
use KissTest::Load;
use Test::More;
use Time::HiRes qw(time sleep);

my ($db, $h) = start_admin('admin_import');
my @admin = admin_headers();
my @customer = customer_headers();
sub product { my ($sku) = @_; my $r = ask(GET => "/admin/products/$sku"); return $r->{status} == 200 ? $h->json($r) : undef }

# A folder with some of the sample's files, each changed by a function of its lines.
sub folder {
    my (%change) = @_;
    my $dir = tempdir_here();
    for my $file (sort keys %change) {
        my @lines = split /(?<=\n)/, slurp(top() . "/sql/sample/$file");
        spew("$dir/$file", join '', $change{$file}->(@lines));
    }
    return $dir;
}
my @skus = map { $_->[0] } sql($db, 'SELECT sku FROM product WHERE sku IN (SELECT sku FROM product_image) ORDER BY sku LIMIT 3');
my $keep = sub { return @_ };

subtest 'whose is whose' => sub {
    my ($mine, $other) = @skus;
    ask(PUT => "/admin/products/$mine", { name => 'Of the PIM', images => [{ imageID => 'pim', fileName => 'pim.jpg' }] });
    ask(POST => '/admin/products', { sku => 'ONLY-PIM', name => 'Only there' });
    sql($db, "UPDATE product SET name = 'Of nobody' WHERE sku = '$other'");
    my $out = kissctl_ok('--json', 'import', folder('products.csv' => $keep, 'product_images.csv' => $keep));
    my $report = JSON::PP->new->utf8->decode($out);
    is product($mine)->{name}, 'Of the PIM', 'a product of the PIM that the file has stays as it is';
    is_deeply [map { $_->{imageID} } @{ product($mine)->{images} }], ['pim'], '... with its images';
    is product('ONLY-PIM')->{name}, 'Only there', 'one that it lacks stays';
    isnt product($other)->{name}, 'Of nobody', 'one of the import is replaced';
    is product($other)->{owner}, 'import', '... and remains the import\'s';
    my $notes = join "\n", @{ $report->{Notes} // $report->{notes} // [] };
    like $out, qr/2 of the products belong to a PIM and stay as they are/, 'how many were left is noted';
    like $out, qr/products\.csv: 1 row left out, whose product a PIM has written/, '... and which rows';
    kissctl_ok('import', folder('products.csv' => sub { return grep { !/^\Q$mine\E,/ } @_ }, 'product_images.csv' => sub { return grep { !/^\Q$mine\E,/ } @_ }));
    is product($mine)->{name}, 'Of the PIM', 'one that the file does not have any more stays';
    kissctl_ok('import', '--take-over', '--remove-up-to', 100, folder('products.csv' => $keep, 'product_images.csv' => $keep));
    is product($mine)->{owner}, 'import', '--take-over: it is the import\'s';
    isnt product($mine)->{name}, 'Of the PIM', '... as the file has it';
    is product('ONLY-PIM'), undef, '... and what the file lacks is gone';
    is +(sql($db, 'SELECT COUNT(*) FROM product_owner'))[0][0], 0, '... nothing is the PIM\'s';
    $out = kissctl_ok('--json', 'import', folder('products.csv' => $keep));
    unlike $out, qr/PIM/, 'without a PIM nothing is said of one';
};

# Codes are compared as the columns are: byte by byte, so that another case is another code.
subtest 'no code is that of a customer and of an admin client' => sub {
    my $content = sub { return join "\n", map { join '|', map { $_ // 'NULL' } @$_ } sql($db, 'SELECT * FROM customer ORDER BY 1'), sql($db, 'SELECT * FROM revision ORDER BY 1, 2') };
    my $before = $content->();
    my $with = sub { my @codes = @_; return folder('customers.csv' => sub { return @_, map {"$_,Somebody,UKTRADE,UK01,0\n"} @codes }) };
    my ($rc, $out, $err) = kissctl('import', $with->('NEW01', 'pim', 'NEW02'));
    is $rc, 1, 'customers.csv has the code of an admin client: refused';
    like $out . $err, qr/customers\.csv:\d+: column CustomerCode: 'pim' is the code of an admin client/, '... by its line';
    is $content->(), $before, '... and nothing is changed';
    kissctl_ok('import', $with->('PIM', 'Pim', 'pim2'));
    is_deeply [map { $_->[0] } sql($db, "SELECT customer_code FROM customer WHERE LOWER(customer_code) LIKE 'pim%' ORDER BY 1")], [qw(PIM Pim pim2)], 'other codes are others';
    for my $code ('PIM', 'Pim') {
        ($rc, $out, $err) = kissctl('admin', 'add', $code);
        is $rc, 1, "admin add $code: a customer's";
        like $err, qr/'\Q$code\E' is the code of a customer/, '... and kissctl says so';
    }
    for my $code (' PIM', 'PIM ', "PIM\t", "\x{a0}PIM", '') {
        utf8::encode(my $bytes = $code);
        is((kissctl('admin', 'add', $bytes))[0], 2, "admin add '$bytes': no code");
    }
    kissctl_ok('import', folder('customers.csv' => $keep));
    ($rc, $out, $err) = kissctl('admin', 'add', 'Pim');
    is $rc, 1, 'one that an import has set aside is a customer still';
    is_deeply [map { $_->[0] } sql($db, 'SELECT admin_code FROM admin_client')], ['pim'], '... and there is no other admin client';
};

subtest 'at the same time' => sub {
    my %name;
    my $n = 0;
    my $writer = KissTest::Load->start(2, sub {
        my ($i, $turn) = @_;
        my ($sku, $name) = ("BUSY-$i-" . $turn % 5, "turn $turn");
        my $r = $h->request('POST', '/admin/products', @admin, content => encode({ sku => $sku, name => $name, theme => $name }));
        $r = $h->request('PUT', "/admin/products/$sku", @admin, content => encode({ name => $name, theme => $name })) if $r->{status} == 409;
        return { sku => $sku, name => $name, status => $r->{status}, retry => $r->{headers}{'retry-after'} };
    });
    my @folders = map { my $k = $_; folder('products.csv' => sub { return map { s/^([^,]+),([^,"]+),/$1,$2 $k,/r } @_ }, map { ($_ => $keep) } qw(product_images.csv product_accessories.csv prices.csv stock.csv)) } 1 .. 4;
    kissctl_ok('import', $_) for @folders;
    my @done = $writer->finish;
    my %last;
    for my $d (@done) { $last{ $d->{sku} } = $d->{name} if $d->{status} =~ /^20[01]$/ }
    my @other = grep { $_->{status} !~ /^20[01]$/ } @done;
    is_deeply [grep { $_->{status} != 503 || !$_->{retry} } @other], [], 'each write was done, or told to come again (' . @done . ' writes, ' . @other . ' of those)';
    cmp_ok scalar(grep { $_->{status} =~ /^20/ } @done), '>', 10, 'many were done';
    my %now = map { $_->[0] => [@$_[1, 2]] } sql($db, "SELECT sku, name, theme FROM product WHERE sku LIKE 'BUSY-%'");
    is_deeply \%now, { map { $_ => [$last{$_}, $last{$_}] } keys %last }, 'none was lost, and none is half';
    is scalar(grep { $_->[0] !~ / 4$/ } sql($db, 'SELECT name FROM product WHERE sku NOT IN (SELECT sku FROM product_owner)')) < 30, 1, 'the loads are in';
    my $list = $h->json($h->get('/products', @customer));
    my $fresh = start_httpd();
    is_deeply $fresh->json($fresh->get('/products', Authorization => 'Bearer ' . $fresh->token('ACME01', issue_key('ACME01')))), $list, 'lists are as built anew';
};

subtest 'a lock that lasts' => sub {
    my $session = db_server()->session($db);
    $session->('START TRANSACTION; SELECT n FROM revision FOR UPDATE');
    my $start = time;
    my $r = ask(PUT => "/admin/products/$skus[2]", { name => 'waits' });
    is $r->{status}, 503, 'told to come again';
    cmp_ok $r->{headers}{'retry-after'} // 0, '>', 0, '... with Retry-After';
    isnt product($skus[2])->{name}, 'waits', 'nothing was done';
    $session->('ROLLBACK');
    $session->();
    is ask(PUT => "/admin/products/$skus[2]", { name => 'waits' })->{status}, 200, 'and then it is';
    is product($skus[2])->{name}, 'waits', '... done';
    $h->log_ok(qr/KISS0253: .*Lock wait timeout/);
};

$h->log_ok;
# The first load of an empty database goes straight into the tables. Last, since it is another database.
subtest 'the code of an admin client in the first load' => sub {
    my $new = new_database('admin_import_first');
    kissctl_ok('admin', 'add', 'ACME01');
    my ($rc, $out, $err) = kissctl('import', top() . '/sql/sample');
    is $rc, 1, 'the first load';
    like $out . $err, qr/customers\.csv:2: column CustomerCode: 'ACME01' is the code of an admin client/, '... is refused by its line, too';
    is +(sql($new, 'SELECT (SELECT COUNT(*) FROM customer) + (SELECT COUNT(*) FROM product)'))[0][0], 0, '... and nothing is there';
    drop_database($new);
};

done_testing;
