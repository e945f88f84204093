# Causal reads: what one node has committed, a request through another node sees at once.
# SPDX-License-Identifier: Apache-2.0
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use KissTest;
use KissTest::Cluster;
use KissTest::Lists;
use KissTest::Load;
use Test::More;
use Time::HiRes qw(time);

plan skip_all => 't/cluster/programs has not been run' if !KissTest::Cluster::programs();
my $cluster = KissTest::Cluster->start(2);
my ($one, $two) = $cluster->nodes;
my $db = new_database('causal', server => $one);
import_sample($db);
my %key = (ACME01 => issue_key('ACME01'));
my ($sku) = map { $_->[0] } $one->sql($db, "SELECT sku FROM stock WHERE stock_location = 'UK01' ORDER BY sku LIMIT 1");

# The servers: causal as it comes, and switched off, both at the second node.
my %h = map { $_ => serve_lists(\%key, server => $two, address => "host=127.0.0.1 port=$two->{port}", pool => "max=4 timeout=3s $_") } '', 'causal=off', 'causal=on';
sub quantity { my ($res) = @_; return ($res->{content} =~ /"\Q$sku\E"[^{}]*?"AvailableQTY":(\d+)/)[0] // "none in $res->{status}" }

subtest 'each of 100 commits is read at once' => sub {
    my ($etag, @stale) = ('');
    for my $n (1001 .. 1100) {
        $one->sql($db, "UPDATE stock SET available_qty = $n WHERE stock_location = 'UK01' AND sku = '$sku'");
        my $res = ask_list($h{''}, '/stock', 'ACME01', $etag ? ('If-None-Match' => $etag) : ());
        push @stale, "$n: $res->{status} " . quantity($res) if quantity($res) ne $n;
        $etag = $res->{headers}{etag};
    }
    is_deeply \@stale, [];
};

subtest 'a node whose writes wait' => sub {
    my $change = sub { $one->sql($db, "UPDATE stock SET available_qty = $_[0] WHERE stock_location = 'UK01' AND sku = '$sku'") };
    $change->(2000);
    is quantity(ask_list($_, '/stock')), 2000, "before, $_->{pool}" for $h{''}, $h{'causal=on'};
    open my $client, '|-', $two->client_command, '--unbuffered' or die;
    syswrite $client, "FLUSH TABLES WITH READ LOCK; SELECT 'locked';\n";
    ok wait_until(10, sub { ($cluster->status(1, 'wsrep_local_state_comment') // '') =~ /Desync/ }), 'its tables are locked';
    $change->(2001);
    my $start = time;
    my $res = ask_list($h{''}, '/stock');
    is $res->{status}, 503, 'a causal read is no old one';
    cmp_ok time - $start, '<', 30, '... within a bounded time';
    is quantity(ask_list($h{'causal=off'}, '/stock')), 2000, 'without causal reads it is';
    syswrite $client, "UNLOCK TABLES;\n";
    close $client;
    is quantity(ask_list($h{''}, '/stock')), 2001, 'as soon as the node goes on it is the new one';
};

subtest 'a server that is no node' => sub {
    $two->sql(undef, 'SET GLOBAL wsrep_on = OFF');
    my $h = start_httpd(server => $two, address => "host=127.0.0.1 port=$two->{port}", pool => 'max=4 causal=on');
    is $h->get('/health')->{status}, 503, 'is not used where causal reads are asked for';
    like slurp($h->{error_log}), qr/KISS0201.*causal=on, but the server is not a node of a Galera cluster/, '... and the log says why';
    $two->sql(undef, 'SET GLOBAL wsrep_on = ON');
};

done_testing;
