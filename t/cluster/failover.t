# Several servers of a database in host=: one that is killed, that hangs, or that is without its cluster; the way back to the first.
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
my $cluster = KissTest::Cluster->start(3);
my ($one, $two, $three) = $cluster->nodes;
my $db = new_database('failover', server => $three);
import_sample($db);
my %key = (ACME01 => issue_key('ACME01'));
my ($sku) = map { $_->[0] } $three->sql($db, "SELECT sku FROM stock WHERE stock_location = 'UK01' ORDER BY sku LIMIT 1");
my $hosts = join ',', map {"127.0.0.1:$_->{port}"} $one, $two;
my $h = serve_lists(\%key, server => $one, address => "host=$hosts", pool => 'max=4 timeout=12s connect=1s', processes => 2);

my $n = 1000;
# A change at the third node, and what the service says of it at once: [status, quantity, seconds].
sub change_and_ask {
    $n++;
    $three->sql($db, "UPDATE stock SET available_qty = $n WHERE stock_location = 'UK01' AND sku = '$sku'");
    my $start = time;
    my $res = ask_list($h, '/stock');
    return [$res->{status}, ($res->{content} =~ /"\Q$sku\E"[^{}]*?"AvailableQTY":(\d+)/)[0] // '', time - $start, $n];
}
sub connections_to { my ($node) = @_; return ($node->sql(undef, "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE USER = 'kiss'"))[0][0] }
sub serves {
    my ($what) = @_;
    my @bad = grep { $_->[0] != 200 || $_->[1] ne $_->[3] } map { change_and_ask() } 1 .. 10;
    return is join(' ', map { join '|', @$_ } @bad), '', $what;
}

serves('both are there');
is connections_to($two), 0, 'only the first one is asked';
like slurp($h->{error_log}), qr/KISS0206.*MariaDB \S+ at 127\.0\.0\.1:$one->{port},/, 'the check names it';

subtest 'the first one is killed' => sub {
    $one->stop('KILL');
    # Until the others have noticed, no write is possible: that is the cluster's.
    my $first = ask_list($h, '/stock');
    is $first->{status}, 200, 'the first request after it is answered';
    serves('so are those that follow');
    like slurp($h->{error_log}), qr/KISS0760.*127\.0\.0\.1:$one->{port} cannot be reached/, 'which is logged';
    $one->resume;
    $cluster->wait_ready(0);
    ok wait_until(20, sub { slurp($h->{error_log}) =~ /KISS0761.*127\.0\.0\.1:$one->{port} works again/ }), 'it comes back, and is found';
    serves('the service goes back to it');
    # Of each child the connections that are used change over.
    ok wait_until(20, sub { change_and_ask(); connections_to($two) == 0 }), 'and the second one has no connection any more';
};

subtest 'the first one hangs' => sub {
    $one->freeze;
    my $res = change_and_ask();
    is $res->[0], 200, 'the first request is answered';
    cmp_ok $res->[2], '<', 12 + 1 + 8, 'after the time that a server may be silent';
    serves('those that follow');
    $one->thaw;
    $cluster->wait_ready(0);
    ok wait_until(40, sub { change_and_ask(); connections_to($two) == 0 }), 'it goes on, and is used again';
};

subtest 'the first one is without its cluster' => sub {
    $one->sql(undef, "SET GLOBAL wsrep_provider_options = 'gmcast.isolate=1'");
    ok wait_until(30, sub { ($cluster->status(0, 'wsrep_ready') // '') eq 'OFF' }), 'it refuses statements';
    serves('the other one answers');
    $one->sql(undef, "SET GLOBAL wsrep_provider_options = 'gmcast.isolate=0'");
    $cluster->wait_ready(0);
    ok wait_until(40, sub { change_and_ask(); connections_to($two) == 0 }), 'it is back, and is used again';
};

subtest 'the first one has another schema version' => sub {
    my ($version) = map { $_->[0] } $one->sql($db, 'SELECT MAX(version) FROM schema_migration');
    my $set = sub { $one->sql($db, "SET SESSION wsrep_on = OFF; UPDATE schema_migration SET version = $_[1] WHERE version = $_[0]") };
    $set->($version, 99);
    kill_connections($one, "user = 'kiss'");
    serves('the other one answers');
    like slurp($h->{error_log}), qr/KISS0201.*schema version is 99, this module needs $version/, '... and the log says why';
    is connections_to($one), 0, 'it is not used';
    $set->(99, $version);
    ok wait_until(40, sub { change_and_ask(); connections_to($two) == 0 }), 'it has the right one, and is used again';
};

# What it is written then the others do not get, and what they are written it does not wait for.
subtest 'the first one has wsrep_on = OFF' => sub {
    $one->sql(undef, 'SET GLOBAL wsrep_on = OFF');
    kill_connections($one, "user = 'kiss'");
    serves('the other one answers');
    like slurp($h->{error_log}), qr/KISS0201.*127\.0\.0\.1:$one->{port}.*wsrep_on is OFF/, '... and the log says why';
    is connections_to($one), 0, 'it is not used';
    $one->sql(undef, 'SET GLOBAL wsrep_on = ON');
    ok wait_until(40, sub { change_and_ask(); connections_to($two) == 0 }), 'it is a node again, and is used again';
    $one->stop;
    my @args = @{ $one->{args} };
    $one->{args} = [map { s/\A--wsrep-on=\KON\z/OFF/r } @args];
    $one->resume;
    serves('the other one answers, too, when the first one was started with it');
    is connections_to($one), 0, 'it is not used';
    $one->stop;
    $one->{args} = \@args;
    $one->resume;
    $cluster->wait_ready(0);
    ok wait_until(40, sub { change_and_ask(); connections_to($two) == 0 }), 'started as a node, and used again';
};

subtest 'all of them are away' => sub {
    # In order, so that the third one goes on as the cluster.
    $_->stop for $one, $two;
    my $start = time;
    my $res = ask_list($h, '/stock');
    is $res->{status}, 503, 'a clear refusal';
    cmp_ok time - $start, '<', 2 * (1 + 12) + 8, 'in bounded time';
    ok $res->{headers}{'retry-after'}, 'with Retry-After';
    $two->resume;
    $cluster->wait_ready(1);
    ok wait_until(40, sub { change_and_ask()->[0] == 200 }), 'one is back: served again';
    serves('all are answered');
};

done_testing;
