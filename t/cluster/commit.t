# A node that reads, and locks, and refuses to commit what was written: others do it, and nothing is stored twice.
# SPDX-License-Identifier: Apache-2.0
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use KissTest;
use KissTest::Cluster;
use KissTest::Load;
use KissTest::Payments;
use Test::More;

plan skip_all => 't/cluster/programs has not been run' if !KissTest::Cluster::programs();
my $cluster = KissTest::Cluster->start(3);
my @node = $cluster->nodes;
my $addresses = 'host=' . join ',', map {"127.0.0.1:$_->{port}"} @node;
my $write_set = ($node[0]->sql(undef, 'SELECT @@wsrep_max_ws_size'))[0][0];
# refuses($i, $on): node $i commits nothing that is larger than a payment, or all again.
sub refuses { my ($i, $on) = @_; $node[$i]->sql(undef, 'SET GLOBAL wsrep_max_ws_size = ' . ($on ? 1024 : $write_set)); return }
my $db = new_database('commit', api => 'kss', server => $node[0]);
my $key = make_payments($db, 1, 490000);
my $h = start_httpd(api => 'kss', server => $node[0], address => $addresses, pool => 'max=8 timeout=12s', processes => 2);
my $n = 0;
sub post { return $h->request('POST', pay_path('PAY-1', '1.00'), 'x-api-key' => $key, @_) }
sub keyed { return post('Idempotency-Key' => 'k' . ++$n) }
sub stored { return ($node[1]->sql($db, 'SET SESSION wsrep_sync_wait = 1; SELECT COUNT(*), COUNT(DISTINCT request_id) FROM payment_application'))[0] }
# connected($i): of httpd to node $i.
sub connected { return ($node[ $_[0] ]->sql(undef, "SELECT COUNT(*) FROM information_schema.processlist WHERE user = 'kiss'"))[0][0] }
sub back { my ($what) = @_; return ok wait_until(60, sub { keyed(); connected(1) + connected(2) == 0 }), $what }

subtest 'with an Idempotency-Key' => sub {
    is keyed()->{status}, 201, 'a payment at the first node';
    my $before = stored()->[0];
    refuses(0, 1);
    is join(' ', map { keyed()->{status} } 1 .. 40), join(' ', (201) x 40), 'the first node refuses: none fails';
    is_deeply stored(), [($before + 40) x 2], '... and each is there, once';
    like $h->log_text, qr/KISS0210: COMMIT failed: 1105 Maximum writeset size exceeded/, '... the log has the error';
    like $h->log_text, qr/KISS0760.*127\.0\.0\.1:$node[0]{port} does not commit: the other servers/, '... and the server';
    refuses(1, 1);
    is keyed()->{status}, 201, 'the second one refuses, too: the third one does it';
    refuses(2, 1);
    my $res = post('Idempotency-Key' => 'late');
    is $res->{status}, 503, 'all of them refuse';
    ok $res->{headers}{'retry-after'}, '... with Retry-After';
    refuses($_, 0) for 0 .. 2;
    is post('Idempotency-Key' => 'late')->{status}, 201, 'they commit again: at once';
    back('... and the first one is used again');
    is_deeply [(stored()->[0]) x 2], stored(), 'each number once';
};

subtest 'without one' => sub {
    refuses(0, 1);
    my $before = stored()->[0];
    is post()->{status}, 503, 'nobody knows whether it was stored: it is not done again';
    is join(' ', map { post()->{status} } 1 .. 5), '201 201 201 201 201', 'those that follow are done by another node';
    is stored()->[0], $before + 5, '... and are there';
    refuses(0, 0);
    back('the first one is used again');
};
$h->log_ok(qr/KISS0210: COMMIT|KISS0760/);
undef $h;

subtest 'products of an admin client' => sub {
    my $customer = new_database('commit_admin', server => $node[0]);
    import_sample();
    grant_admin();
    my $admin = start_httpd(server => $node[0], address => $addresses, pool => 'max=8 timeout=12s', processes => 2, admin => '');
    my @sent = (Authorization => 'Bearer ' . admin_token($admin, 'pim'), 'Content-Type' => 'application/json');
    my $put = sub { my ($name, @more) = @_;
        return $admin->request('PUT', '/admin/products/COMMIT-1', @sent, @more, content => qq({"name":"$name, as long as all names of products of a catalogue are"})) };
    is $admin->request('POST', '/admin/products', @sent, content => '{"sku":"COMMIT-1","name":"n"}')->{status}, 201, 'made at the first node';
    refuses(0, 1);
    my $res = $put->('second', 'Idempotency-Key' => 'second');
    is "$res->{status} $res->{headers}{'kiss-changed'} " . ($res->{headers}{'idempotency-replayed'} // 'new'), '200 true new', 'it refuses: another one does it';
    $res = $put->('second', 'Idempotency-Key' => 'second');
    is "$res->{status} " . ($res->{headers}{'idempotency-replayed'} // ''), '200 true', '... once';
    is $put->('third')->{status}, 200, 'the next one, too';
    is join(' ', map { $_->[0] } sql($customer, 'SET SESSION wsrep_sync_wait = 1; SELECT name FROM product WHERE sku = \'COMMIT-1\'')) =~ /\Athird,/, 1, '... and is there';
    refuses(0, 0);
    $admin->log_ok(qr/KISS0210: COMMIT|KISS0760/);
};

done_testing;
