# Products that a PIM writes at two nodes of a cluster at once: none is lost, half, or there twice, what one node refuses to commit because
# of the other is done again, and each write is in the audit once.
# SPDX-License-Identifier: Apache-2.0
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use JSON::PP ();
use KissTest;
use KissTest::Cluster;
use Test::More;

plan skip_all => 't/cluster/programs has not been run' if !KissTest::Cluster::programs();
my $cluster = KissTest::Cluster->start(3);
my @node = $cluster->nodes;
my $db = new_database('products', server => $node[0]);
import_sample();
grant_admin();
my $keys = tempdir_here() . '/token.keys';
spew($keys, 'k1 ' . 'A' x 43 . "\n", 0600);
# Issuer and audience as all hosts have them; the harness' ports differ.
my @same = (token_keys => $keys, location => 'KissTokenIssuer https://api.example.com');
my @h = map { start_httpd(@same, server => $_, address => "host=127.0.0.1 port=$_->{port}", pool => 'max=8 timeout=15s', processes => 2, admin => '') } @node[0, 1];
my @admin = (Authorization => 'Bearer ' . admin_token($h[0], 'pim'), 'Content-Type' => 'application/json');
my $json = JSON::PP->new->utf8;

# ask(): what is refused for now is sent again, as a connector does.
sub ask {
    my ($h, $method, $path, $body, @more) = @_;
    for (1 .. 6) {
        my $r = $h->request($method, $path, @admin, @more, content => $json->encode($body));
        return $r if $r->{status} != 503;
        sleep 1;
    }
    return { status => '503 again and again' };
}
sub counted { my %n; $n{$_}++ for @_; return join ' ', map {"$_:$n{$_}"} sort keys %n }
# All that was committed at any node.
sub seen { return join ' ', map { $_ // 'NULL' } map {@$_} sql($db, "SET SESSION wsrep_sync_wait = 1; $_[0]") }

subtest 'one product, written at two nodes' => sub {
    is ask($h[0], 'POST', '/admin/products', { sku => 'BOTH', name => 'n' })->{status}, 201, 'made';
    is seen(q{SELECT COUNT(*) FROM product WHERE sku = 'BOTH'}), 1, '... and at each node';
    my @all = map {@$_} parallel(8, sub { my ($i) = @_;
        [map { my $r = ask($h[$i % 2], 'PUT', '/admin/products/BOTH', { name => "by $i, $_", images => [map { { imageID => "$i-$_" } } 1 .. 3] }); "$r->{status}" } 1 .. 25] });
    is counted(@all), '200:200', 'none fails';
    my ($name) = seen(q{SELECT name FROM product WHERE sku = 'BOTH'}) =~ /by (\d)/;
    is seen(q{SELECT GROUP_CONCAT(image_id ORDER BY image_id SEPARATOR ' ') FROM product_image WHERE sku = 'BOTH'}), "$name-1 $name-2 $name-3", 'the images are those of the name';
    is seen(q{SELECT COUNT(*), COUNT(DISTINCT request_id) FROM admin_audit WHERE sku = 'BOTH'}), '201 201', 'each write is in the audit, once';
};

subtest 'the same new product, at two nodes' => sub {
    for my $n (1 .. 10) {
        my @all = parallel(6, sub { my ($i) = @_; ask($h[$i % 2], 'POST', '/admin/products', { sku => "NEW-$n", name => "by $i" })->{status} });
        is counted(@all), '201:1 409:5', "one makes it ($n)";
    }
    is seen(q{SELECT COUNT(*) FROM admin_audit WHERE sku LIKE 'NEW-%'}), 10, 'the audit knows of as many';
};

subtest 'a retry at another host' => sub {
    my @all = parallel(8, sub { my ($i) = @_; my $r = ask($h[$i % 2], 'POST', '/admin/products', { sku => 'ONCE', name => 'n' }, 'Idempotency-Key' => 'once'); "$r->{status} $r->{content}" });
    is scalar(grep { /^201/ && $_ eq $all[0] } @all), 8, 'eight with one Idempotency-Key are answered alike';
    is seen(q{SELECT COUNT(*) FROM admin_audit WHERE sku = 'ONCE'}), 1, '... and it was written once';
};

subtest 'stock in bulk, at two nodes' => sub {
    my @skus = map {"NEW-$_"} 1 .. 10;
    my @all = map {@$_} parallel(4, sub { my ($i) = @_;
        [map { my $n = 100 * $i + $_; ask($h[$i % 2], 'PATCH', '/admin/stock', [map { { stockLocation => 'UK01', sku => $_, availableQTY => $n } } ($i % 2 ? @skus : reverse @skus)])->{status} } 1 .. 10] });
    is counted(@all), '200:40', 'none fails';
    is seen(q{SELECT COUNT(*), COUNT(DISTINCT available_qty) FROM stock WHERE stock_location = 'UK01' AND sku LIKE 'NEW-%'}), '10 1', 'all rows are those of one request';
};

$_->log_ok(qr/KISS0775|KISS021[45]/) for @h;
done_testing;
