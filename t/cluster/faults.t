# Two httpd on three nodes of which one hangs, or is killed, while clients poll, a program writes and payments are posted: no answer is
# wrong, no write is lost, and requests fail only until the others have noticed. Then a cluster of two that loses one.
# KISS_TEST_PROVIDER: more wsrep_provider_options, 'evs.suspect_timeout=PT2S' for one; KISS_TEST_SILENCE: timeout= of KissDatabase (12s),
# of which wait= and timeout= twice are the bound of each request.
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
use Test::More;
use Time::HiRes qw(sleep time);

plan skip_all => 't/cluster/programs has not been run' if !KissTest::Cluster::programs();
my $cluster = KissTest::Cluster->start(3, provider => $ENV{KISS_TEST_PROVIDER});
my @node = $cluster->nodes;
my $db = new_database('faults', server => $node[2]);
import_sample($db);
my %key = (ACME01 => issue_key('ACME01'));
my ($sku) = map { $_->[0] } $node[2]->sql($db, "SELECT sku FROM stock WHERE stock_location = 'UK01' ORDER BY sku LIMIT 1");
my $hosts = sub { return 'host=' . join ',', map {"127.0.0.1:$node[$_]{port}"} @_ };
my ($silence) = ($ENV{KISS_TEST_SILENCE} // '12s') =~ /\A([0-9]+)s?\z/ or die 'KISS_TEST_SILENCE: seconds';
my @pool = (pool => "max=8 connect=1s wait=2s timeout=${silence}s", processes => 2);
my $keys = tempdir_here() . '/token.keys';
kissctl_ok('--token-keys', $keys, 'token-key', 'rotate');
my @h = map { serve_lists(\%key, token_keys => $keys, server => $node[2], address => $hosts->(@$_), @pool) } [0, 1, 2], [1, 2, 0];
sub quantity { my ($res) = @_; return ($res->{content} =~ /"\Q$sku\E"[^{}]*?"AvailableQTY":(\d+)/)[0] // -1 }

subtest 'each of 1,000 commits at any node is seen at once through any host' => sub {
    srand 20261129;
    my @session = map { $_->session($db) } @node;
    my ($stale, $failed) = (0, 0);
    for my $n (1001 .. 2000) {
        $session[rand 3]->("UPDATE stock SET available_qty = $n WHERE stock_location = 'UK01' AND sku = '$sku'");
        my $res = ask_list($h[rand 2], '/stock');
        $res->{status} != 200 ? $failed++ : quantity($res) != $n && $stale++;
    }
    is "$stale $failed", '0 0', 'none is stale, none fails';
    $_->() for @session;
};

# The payments of the other API.
my $kss = new_database('faults_kss', api => 'kss', server => $node[2]);
my $kss_key = make_payments($kss, 1, 10_000_000);
my @k = map { start_httpd(api => 'kss', db => $kss, server => $node[2], address => $hosts->(@$_), @pool) } [0, 1, 2], [1, 2, 0];

# What the writer has committed last stands in a file.
my $truth = tempdir_here() . '/committed';
sub committed { return slurp($truth) || 0 }
my $number = 10000;
my $run = 0;

# under_load($fault): clients poll, payments are posted, a program writes at the third node, while $fault->() does what it does.
# Returns what each saw: {what} poll, post, write; {status}; {wrong}; {at}, {seconds}; {id} of a payment.
sub under_load {
    my ($fault) = @_;
    my ($etag, $known, $mine) = ('', 0, ++$run);
    $node[2]->sql($db, "UPDATE stock SET available_qty = $number WHERE stock_location = 'UK01' AND sku = '$sku'");
    spew($truth, $number);
    my $load = KissTest::Load->start(5, sub {
        my ($i, $n) = @_;
        if ($i == 0) {
            my $next = $number + $n + 1;
            my $ok = eval { $node[2]->sql($db, "UPDATE stock SET available_qty = $next WHERE stock_location = 'UK01' AND sku = '$sku'"); 1 };
            if ($ok) { KissTest::spew("$truth.new", $next); rename "$truth.new", $truth }
            sleep 0.02;
            return { what => 'write', status => $ok ? 200 : 503 };
        }
        if ($i < 3) {
            my $before = committed();
            my $res = fetch($h[($i + $n) % 2], '/stock', Authorization => $h[0]{bearer}{ACME01}, $etag ? ('If-None-Match' => $etag) : ());
            my $status = $res->{status};
            ($etag, $known) = ($res->{headers}{etag}, quantity($res)) if $status == 200;
            # The write after it may have been committed, and not been noted.
            my $wrong = $status == 200 || $status == 304 ? $known < $before : $status != 503;
            return { what => 'poll', status => $status, wrong => $wrong ? "$status: $known, $before was committed" : '' };
        }
        my ($res, $longest, @failed) = (undef, 0);
        for my $try (0 .. 200) {
            my $at = time;
            my $host = ($i + $n + $try) % 2;
            $res = $k[$host]->request('POST', pay_path('PAY-1', '0.01'),
                'x-api-key' => $kss_key, 'Idempotency-Key' => "r$mine-$i-$n");
            $longest = time - $at if time - $at > $longest;
            last if $res->{status} == 201;
            push @failed, [$at, time - $at, $res->{status}, "payment at host $host"];
            sleep 0.05;
        }
        my $id = $res->{status} == 201 ? $k[0]->json($res)->{Data}{RequestID} : 0;
        return { what => 'post', status => $res->{status}, id => $id, failed => \@failed, longest => $longest, wrong => $id ? '' : "no payment: $res->{status} $res->{content}" };
    });
    sleep 2;
    my $start = time;
    $fault->();
    sleep 2;
    my @seen = $load->finish;
    $number = committed() + 1;
    return ($start, @seen);
}

# said($h): the messages of a host, by their number and text without what differs, with how often they came.
sub said {
    my ($h) = @_;
    my %n;
    $n{ substr s/\b[0-9]{3,}\b/N/gr, 0, 200 }++ for $h->log_text =~ /\b(KISS0(?:2|7|8)[0-9]{2}: .*)/g;
    return map {"$n{$_} x $_"} sort keys %n;
}

# check($name, $start, @seen)
sub check {
    my ($name, $start, @seen) = @_;
    is join('; ', grep {$_} map { $_->{wrong} } @seen), '', "$name: no answer is wrong, of " . @seen;
    my %id = map { $_->{id} => 1 } grep { $_->{id} } @seen;
    my @posts = grep { $_->{what} eq 'post' } @seen;
    is scalar keys %id, scalar @posts, '... each payment has a number of its own';
    my %there = map { $_->[0] => 1 } $node[2]->sql($kss, 'SET SESSION wsrep_sync_wait = 1; SELECT request_id FROM payment_application');
    is_deeply [grep { !$there{$_} } sort keys %id], [], '... and none of them is lost';
    my @failed = ((map { [$_->{at}, $_->{seconds}, $_->{status}, $_->{what}] } grep { $_->{status} == 503 } @seen), (map { @{ $_->{failed} || [] } } @seen));
    is scalar(grep { $_->[0] + $_->[1] < $start } @failed), 0, '... none failed before that';
    my @end = sort { $a <=> $b } map { $_->[0] + $_->[1] - $start } @failed;
    my ($longest) = sort { $b <=> $a } map { $_->{seconds} } grep { $_->{what} eq 'poll' } @seen;
    # Each try of a payment is a request.
    my ($slowest) = sort { $b <=> $a } map { $_->{longest} // $_->{seconds} } grep { $_->{what} ne 'write' } @seen;
    cmp_ok $slowest, '<', 2 * (2 + $silence) + 20, "... none took longer than wait= and timeout= twice ($slowest s)";
    my ($write) = sort { $b <=> $a } map { $_->{seconds} } grep { $_->{what} eq 'write' } @seen;
    diag sprintf '%s: %d polls, %d payments, failed and repeated: %d polls, %d payments, the last one %.1f s after it; longest poll %.1f s, longest write %.1f s', $name,
        scalar(grep { $_->{what} eq 'poll' } @seen), scalar @posts, scalar(grep { $_->[3] eq 'poll' } @failed), scalar(grep { $_->[3] =~ /payment/ } @failed),
        $end[-1] // 0, $longest, $write;
    # What failed where, with which status, and when: for a reader who has to find out why.
    my %group;
    push @{ $group{"$_->[2] to a $_->[3]"} }, $_->[0] + $_->[1] - $start for @failed;
    for my $what (sort keys %group) {
        my @at = sort { $a <=> $b } @{ $group{$what} };
        diag sprintf '    %d times %s, %.1f to %.1f s after it', scalar @at, $what, @at[0, -1];
    }
    diag "    $_" for map { my $h = $_; map { sprintf 'host %d: %s', $h, $_ } said($k[$h]) } @failed > 5 ? (0, 1) : ();
    return;
}

for my $i (0, 1) {
    check("node $i hangs", under_load(sub { $node[$i]->freeze; sleep 12; $node[$i]->thaw; $cluster->wait_ready($i); sleep 2 }));
    check("node $i is killed", under_load(sub { $node[$i]->stop('KILL'); sleep 8; $node[$i]->resume; $cluster->wait_ready($i); sleep 2 }));
}
# Cut off from the others, it goes on running.
check('node 0 is alone', under_load(sub {
    my $isolate = sub { $node[0]->sql(undef, "SET GLOBAL wsrep_provider_options = 'gmcast.isolate=$_[0]'") };
    $isolate->(1);
    sleep 10;
    $isolate->(0);
    $cluster->wait_ready(0);
    sleep 2;
}));
for my $h (@h, @k) {
    ok wait_until(30, sub { my @log = $h->log_text =~ /KISS076([01])/g; !@log || $log[-1] == 1 }), 'all servers are in use again';
    $h->log_ok(qr/KISS0201|KISS021[45]|KISS0253|KISS0760|KISS0775|KISS0810/);
}
undef @h;
undef @k;

subtest 'a cluster of two that loses one' => sub {
    $node[2]->stop;
    $number = 60000;
    my $change = sub { $node[0]->sql($db, "UPDATE stock SET available_qty = $number WHERE stock_location = 'UK01' AND sku = '$sku'") };
    $change->();
    my $h = serve_lists(\%key, server => $node[0], address => $hosts->(0, 1), @pool);
    is quantity(ask_list($h, '/stock')), $number, 'two are left';
    $node[1]->stop('KILL');
    ok wait_until(60, sub { ask_list($h, '/stock')->{status} == 503 }), 'one of two has no majority';
    my $res = ask_list($h, '/stock');
    ok $res->{headers}{'retry-after'}, '... which is 503 with Retry-After';
    like $h->log_text, qr/KISS0(?:201|253).*error 1047/, '... and named in the log';
    $node[1]->resume;
    $cluster->wait_ready($_) for 0, 1;
    ok wait_until(60, sub { ask_list($h, '/stock')->{status} == 200 }), 'the other one is back: served again';
    $number++;
    $change->();
    is quantity(ask_list($h, '/stock')), $number, '... and written';
    $h->log_ok(qr/KISS0201|KISS0205|KISS0253|KISS0760/);
};

done_testing;
