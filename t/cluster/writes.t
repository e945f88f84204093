# The one write of the KSS API at two nodes of a cluster at once: never over-allocated, none lost, and what one node refuses to commit
# because of the other is done again.
# SPDX-License-Identifier: Apache-2.0
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use KissTest;
use KissTest::Cluster;
use KissTest::Payments;
use Test::More;

plan skip_all => 't/cluster/programs has not been run' if !KissTest::Cluster::programs();
my $cluster = KissTest::Cluster->start(3);
my @node = $cluster->nodes;
my $db = new_database('writes', api => 'kss', server => $node[0]);
my $key = make_payments($db, 40, 490);
my @h = map { start_httpd(api => 'kss', server => $_, address => "host=127.0.0.1 port=$_->{port}", pool => 'max=8 timeout=15s', processes => 2) } @node[0, 1];

sub post {
    my ($h, $payment, %more) = @_;
    return $h->request('POST', pay_path($payment, '10.00'), 'x-api-key' => $key, %more);
}
sub counted { my %n; $n{ $_->[0] }++ for @_; return join ' ', map {"$_:$n{$_}"} sort keys %n }
# All that was committed at any node: a read of a node may else miss what another one has just answered.
sub seen { return (sql($db, "SET SESSION wsrep_sync_wait = 1; $_[0]"))[0] }
sub stored { my ($payment) = @_; return seen("SELECT COUNT(*), SUM(amount) FROM payment_application WHERE payment_id = $payment") }

subtest 'two hundred at once for one payment, at two nodes' => sub {
    my @all = map {@$_} parallel(8, sub { my ($i) = @_;
        [map { my $r = post($h[$i % 2], 'PAY-1'); [$r->{status}, $r->{status} == 201 ? $h[0]->json($r)->{Data}{RequestID} : $r->{content}] } 1 .. 25] });
    is counted(@all), '201:49 400:151', 'exactly the 49 that it covers: none is refused because of the other node';
    my %id = map { $_->[0] == 201 ? ($_->[1] => 1) : () } @all;
    is keys %id, 49, 'each with a number of its own';
    is_deeply stored(1), [49, '490.000000'], 'what was answered is what is there';
};

# A node may roll a transaction back between the row that a statement has sent and the end of its result. So many, for it is seldom.
subtest 'many payments at two nodes' => sub {
    my @all = map {@$_} parallel(8, sub { my ($i) = @_;
        [map { my $n = $_; my ($r, $again) = (undef, -1);
            # A client repeats what is refused for now, as here where the machine is busy.
            do { $r = post($h[$i % 2], 'PAY-' . (2 + ($n * 8 + $i) % 39), 'Idempotency-Key' => "many-$i-$n") } while $r->{status} == 503 && ++$again < 5;
            [$r->{status}] } 0 .. 99] });
    is counted(@all), '201:800', 'none fails';
    is join(' ', @{ seen('SELECT COUNT(*), COUNT(DISTINCT request_id) FROM payment_application WHERE payment_id > 1') }), '800 800', 'all are there, once';
};

subtest 'a retry at another host' => sub {
    my @all = parallel(8, sub { my ($i) = @_; my $r = post($h[$i % 2], 'PAY-40', 'Idempotency-Key' => 'once'); [$r->{status}, $r->{content}] });
    is counted(@all), '201:8', 'eight with one Idempotency-Key are answered';
    is scalar(grep { $_->[1] eq $all[0][1] } @all), 8, '... alike';
};

$_->log_ok(qr/KISS0775|KISS021[45]/) for @h;
done_testing;
