# kissctl at a cluster is stopped while it has locks, as by a host that hangs or has lost its power: polls go on, writes at that node go on after the
# bound, those at another node at once; what was stopped says why it has failed, and nothing of it is there.
# SPDX-License-Identifier: Apache-2.0
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use JSON::PP ();
use KissTest;
use KissTest::Cluster;
use KissTest::Faults;
use Test::More;

plan skip_all => 't/cluster/programs has not been run' if !KissTest::Cluster::programs();
plan skip_all => cannot_preload('failnth') if cannot_preload('failnth');
my $cluster = KissTest::Cluster->start(3);
my @node = $cluster->nodes;
my $db = new_database('stopped', server => $node[0]);
import_sample();
grant_admin();
my $key = issue_key('ACME01');
my $keys = tempdir_here() . '/token.keys';
spew($keys, 'k1 ' . 'A' x 43 . "\n", 0600);
# Each host has one node, so that nothing goes to another one instead.
my @same = (token_keys => $keys, location => 'KissTokenIssuer https://api.example.com');
my @h = map { start_httpd(@same, server => $_, address => "host=127.0.0.1 port=$_->{port}", pool => 'max=8 wait=2s timeout=12s', processes => 2, admin => '') } @node[0, 1];
my @admin = (Authorization => 'Bearer ' . admin_token($h[0], 'pim'), 'Content-Type' => 'application/json');
my @customer = (Authorization => 'Bearer ' . $h[0]->token('ACME01', $key));

sub at {
    my ($i, %more) = @_;
    my $file = "$node[$i]{dir}/$db.cnf";
    spew($file, slurp($node[0]->defaults($db)) =~ s/\Q$node[0]{socket}\E/$node[$i]{socket}/gr, 0600) if $i;
    return { defaults => $file, timeout => 300, %more };
}
my ($sku) = map { $_->[0] } sql($db, "SELECT sku FROM stock WHERE stock_location = 'UK01' ORDER BY sku LIMIT 1");
sub write_stock { my ($h, $n) = @_; return $h->request('PUT', "/admin/stock/UK01/$sku", @admin, content => qq({"availableQTY":$n}))->{status} }
sub poll { my ($h) = @_; my $res = $h->get('/stock', @customer); return $res->{status} == 200 && $res->{content} =~ /"\Q$sku\E"[^{}]*?"AvailableQTY":(\d+)/ ? $1 : $res->{status} }
sub load { my ($i, %more) = @_; return kissctl(at($i, %more), 'import', '--json', top() . '/sql/sample') }
# It has locked the revisions, which each write of product data raises.
sub stopped_load { my ($i) = @_; return stopped('REPLACE INTO last_load', sub { return load($i, env => $_[0]) }) }
my ($of_the_files) = map { poll($_) } $h[0];

subtest 'its node' => sub {
    my $go_on = stopped_load(0);
    ok $go_on, 'an import at it is stopped' or return;
    is join(' ', map { poll($_) } @h), "$of_the_files $of_the_files", 'lists are served by both hosts';
    is write_stock($h[0], 1001), 503, 'a write waits for it, and is told to come again';
    my ($rc, $out, $err) = load(0);
    is $rc, 0, 'a second import goes on after the bound' or diag $err;
    is write_stock($h[0], 1002), 200, '... and so does a write';
    ($rc, $out, $err) = $go_on->();
    is $rc, 1, 'the one that goes on fails';
    like $err, qr/ends the session of a kissctl that has locks and is silent for 20 seconds.*is undone: run it again/, '... says why';
    is(JSON::PP->new->decode($out)->{Result}, 'failed', '... in its report, too');
    is join(' ', map { poll($_) } @h), '1002 1002', '... and what was written after it is there';
    ($rc, $out, $err) = load(0);
    is $rc, 0, 'the next one' or diag $err;
    is join(' ', map { poll($_) } @h), "$of_the_files $of_the_files", '... is loaded';
};

subtest 'another node' => sub {
    my $go_on = stopped_load(0);
    ok $go_on, 'an import is stopped' or return;
    is write_stock($h[1], 1003), 200, 'a write at another node does not wait';
    is join(' ', map { poll($_) } @h), '1003 1003', '... and both hosts have it';
    my ($rc, $out, $err) = $go_on->();
    is $rc, 0, 'the import, let go on at once, is done again' or diag $err;
    like $out, qr/another transaction was in the way, and all was done again/, '... and says so';
    is join(' ', map { poll($_) } @h), "$of_the_files $of_the_files", '... and loaded';

    $go_on = stopped_load(0);
    ok $go_on, 'one more is stopped' or return;
    ($rc, $out, $err) = load(1);
    is $rc, 0, 'a second import, at another node' or diag $err;
    sql($db, 'DO SLEEP(22)');           # longer than the node waits
    ($rc, $out, $err) = $go_on->();
    is $rc, 1, '... and the one that was stopped for too long fails';
    like $err, qr/silent for 20 seconds/, '... and says why';
};

$_->log_ok(qr/KISS0253|KISS0775|KISS0810/) for @h;
done_testing;
