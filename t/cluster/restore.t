# A backup that is restored at a cluster while httpd serves: what is older than what was served is not served, until somebody says that it is meant.
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

plan skip_all => 't/cluster/programs has not been run' if !KissTest::Cluster::programs();
my $cluster = KissTest::Cluster->start(2);
my ($one, $two) = $cluster->nodes;
my $db = new_database('restore', server => $one);
import_sample($db);
my %key = (ACME01 => issue_key('ACME01'));
my @h = map { my @node = ($one, $two)[$_, 1 - $_];
    serve_lists(\%key, server => $node[0], address => 'host=' . join(',', map {"127.0.0.1:$_->{port}"} @node), pool => 'max=4 timeout=12s wait=1s', processes => 1) } 0, 1;
my ($sku) = map { $_->[0] } $one->sql($db, "SELECT sku FROM stock WHERE stock_location = 'UK01' ORDER BY sku LIMIT 1");
sub quantity { my ($h) = @_; my $res = ask_list($h, '/stock'); return $res->{status} == 200 ? ($res->{content} =~ /"\Q$sku\E"[^{}]*?"AvailableQTY":(\d+)/)[0] : $res->{status} }
sub change { my ($n) = @_; $one->sql($db, "UPDATE stock SET available_qty = $n WHERE stock_location = 'UK01' AND sku = '$sku'"); return }
# As doc/howto.md does it.
sub client { my ($program, @args) = @_; return run({}, $program, '--no-defaults', '-S', $one->{socket}, '-u', 'root', @args) }

change(1001);
is join(' ', map { quantity($_) } @h), '1001 1001', 'both hosts serve';
my ($rc, $dump, $err) = client('mariadb-dump', '--single-transaction', '--triggers', $db);
is $rc, 0, 'a backup' or diag $err;
change(1002);
is join(' ', map { quantity($_) } @h), '1002 1002', 'a change after it';
my $file = tempdir_here() . '/kiss.sql';
spew($file, $dump);
($rc, undef, $err) = client('mariadb', $db, '-e', "source $file");
is $rc, 0, 'the backup is restored' or diag $err;
is quantity($h[0]), 503, 'what is older than what was served is not served by itself';
like slurp($h[0]{error_log}), qr/KISS0201: .* is behind what was served before: .* restored from a backup: kissctl touch all/, '... and the log says what to do';
kissctl_ok('touch', 'all');
for my $h (@h) {
    ok wait_until(20, sub { quantity($h) == 1001 }), 'kissctl touch all, once: it is served, by each host, without a reload';
}
$_->log_ok(qr/KISS0201|KISS0202|KISS0205|KISS0207|KISS0210|KISS0253|KISS0760/) for @h;
done_testing;
