# A node that is cut off from the others of its cluster while its httpd reaches it: every packet between them is lost. What that httpd
# answers is never an old state, and what it takes is never lost; it refuses until the node is back, by itself.
# SPDX-License-Identifier: Apache-2.0
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use KissTest;
use KissTest::Cluster;
use KissTest::Lists;
use KissTest::Load;
use KissTest::Payments;
use KissTest::Proxy;
use Test::More;
use Time::HiRes qw(sleep time);

plan skip_all => 't/cluster/programs has not been run' if !KissTest::Cluster::programs();
plan skip_all => 'this process may not make networks' if !KissTest::Cluster::can_part();
my $cluster = KissTest::Cluster->start(3, island => 1);
my @node = $cluster->nodes;
my $way = KissTest::Proxy->start($node[0]{socket});
# It would answer reads from what it has, causal ones too.
$node[0]->sql(undef, 'SET GLOBAL wsrep_dirty_reads = ON');
my ($wait, $timeout) = (2, 8);
my @pool = (pool => "max=8 connect=1s wait=${wait}s timeout=${timeout}s", processes => 2);
my $alone = "host=127.0.0.1 port=$way->{port}";
my $all = 'host=' . join ',', map {"127.0.0.1:$_"} $way->{port}, map { $_->{port} } @node[1, 2];
my $others = 'host=' . join ',', map {"127.0.0.1:$_->{port}"} @node[1, 2];

my $db = new_database('split', server => $node[2]);
import_sample($db);
my %key = (ACME01 => issue_key('ACME01'));
my ($sku) = map { $_->[0] } $node[2]->sql($db, "SELECT sku FROM stock WHERE stock_location = 'UK01' ORDER BY sku LIMIT 1");
my %h = (alone => serve_lists(\%key, server => $node[2], address => $alone, @pool), all => serve_lists(\%key, server => $node[2], address => $all, @pool));
my $kss = new_database('split_kss', api => 'kss', server => $node[2]);
my $kss_key = make_payments($kss, 1, 10_000_000);
my %k = map { my $address = $_; ($address eq $alone ? 'alone' : 'others') => start_httpd(api => 'kss', db => $kss, server => $node[2], address => $address, @pool) } $alone, $others;

my $number = 1000;
sub quantity { my ($res) = @_; return ($res->{content} =~ /"\Q$sku\E"[^{}]*?"AvailableQTY":(\d+)/)[0] // -1 }
sub change { $number++; $node[2]->sql($db, "UPDATE stock SET available_qty = $number WHERE stock_location = 'UK01' AND sku = '$sku'"); return }
sub pay {
    my ($name, $once) = @_;
    return $k{$name}->request('POST', pay_path('PAY-1', '0.01'), 'x-api-key' => $kss_key, 'Idempotency-Key' => $once);
}
sub paid { my ($n) = @_; return ($node[$n]->sql($kss, 'SET SESSION wsrep_sync_wait = 1; SELECT COUNT(*) FROM payment_application'))[0][0] }

for my $name (sort keys %h) {
    change();
    is quantity(ask_list($h{$name}, '/stock')), $number, "$name: what another node has committed";
}
is pay('alone', 'before')->{status}, 201, 'a payment';

# What was committed stands in a file; a number that was read before a request is seen by it.
my $truth = tempdir_here() . '/committed';
spew($truth, $number);
my ($etag, $old) = ('', 0);
my $load = KissTest::Load->start(4, sub {
    my ($i, $n) = @_;
    my $start = time;
    my ($wrong, $res) = ('');
    if ($i == 3) {
        my $next = 2000 + $n;
        my $ok = eval { $node[2]->sql($db, "UPDATE stock SET available_qty = $next WHERE stock_location = 'UK01' AND sku = '$sku'"); 1 };
        if ($ok) { KissTest::spew("$truth.new", $next); rename "$truth.new", $truth }
        sleep 0.05;
        return { what => 'write', status => $ok ? 200 : 503 };
    }
    if ($i == 2) {
        $res = pay('alone', "cut-$n");
        return { what => 'post', status => $res->{status}, once => "cut-$n", at => $start, seconds => time - $start };
    }
    my $before = slurp($truth) || 0;
    my $h = $h{ $i ? 'all' : 'alone' };
    $res = fetch($h, '/stock', Authorization => $h->{bearer}{ACME01}, $etag ? ('If-None-Match' => $etag) : ());
    ($etag, $old) = ($res->{headers}{etag}, quantity($res)) if $res->{status} == 200;
    $wrong = "$res->{status}: $old after $before" if $res->{status} == 200 || $res->{status} == 304 ? $old < $before : $res->{status} != 503;
    return { what => $i ? 'all' : 'alone', status => $res->{status}, wrong => $wrong, at => $start, seconds => time - $start };
});
sleep 2;
$cluster->part;
my $cut = time;
ok wait_until(60, sub { ($cluster->status(0, 'wsrep_ready') // '') eq 'OFF' }), 'the node notices that it is alone';
ok wait_until(60, sub { ($cluster->status(2, 'wsrep_cluster_size') // '') eq '2' }), '... and the others that it is gone';
my $known = time;
sleep 5;
my @seen = $load->finish;
my $bound = 2 * ($wait + $timeout);
my %of;
push @{ $of{ $_->{what} } }, $_ for @seen;
is join('; ', grep {$_} map { $_->{wrong} } @seen), '', 'no answer is old, of ' . @seen;
for my $what (qw(alone all post)) {
    my ($longest) = sort { $b <=> $a } map { $_->{seconds} } @{ $of{$what} };
    cmp_ok $longest, '<', $bound + 20, "$what: none took longer than wait= and timeout= twice ($longest s)";
}
is scalar(grep { $_->{at} > $known && $_->{status} != 503 } @{ $of{alone} }, @{ $of{post} }), 0, 'at the node that is alone: 503';
is scalar(grep { $_->{at} > $cut && $_->{status} == 201 } @{ $of{post} }), 0, '... and no payment since it was cut off';
is scalar(grep { $_->{at} > $known && $_->{status} !~ /\A(?:200|304)\z/ } @{ $of{all} }), 0, 'with the others in host=: served';
cmp_ok scalar(grep { $_->{status} == 200 } @{ $of{write} }), '>', 0, 'the others are written';
my $res = ask_list($h{alone}, '/stock');
ok $res->{status} == 503 && $res->{headers}{'retry-after'}, '503 has Retry-After';
is pay('others', 'meanwhile')->{status}, 201, 'a payment at the others';

$cluster->rejoin;
$cluster->wait_ready(0);
ok wait_until(60, sub { ask_list($h{alone}, '/stock')->{status} == 200 }), 'it is back by itself';
$number = 100000;
change();
is quantity(ask_list($h{$_}, '/stock')), $number, "$_: what was committed meanwhile" for sort keys %h;
my @once = map { $_->{once} } @{ $of{post} };
my @again = map { pay('alone', $_)->{status} } @once;
is scalar(grep { $_ != 201 } @again), 0, 'each payment is repeated with its Idempotency-Key, of ' . @once;
is paid($_), 2 + @once, "node $_: each is there, once" for 0 .. 2;
ok wait_until(30, sub { my @log = $h{all}->log_text =~ /KISS076([01])/g; !@log || $log[-1] == 1 }), 'it is in use again';
$_->log_ok(qr/KISS0(?:201|205|253|760|775|810)/) for values %h, values %k;
done_testing;
