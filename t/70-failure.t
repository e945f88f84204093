# The database dies, hangs, is full, refuses; the disk is full; a child is killed. Each answer is a complete and correct
# 200, or a 503 that says when to come again; nothing hangs; all is well as soon as the cause is gone.
# SPDX-License-Identifier: Apache-2.0
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use KissTest;
use KissTest::Load;
use KissTest::Proxy;
use Test::More;
use Time::HiRes qw(sleep time);

my $prefork = ($ENV{KISS_TEST_MPM} || '') eq 'prefork';
my $server = KissTest::Database->start;
my $db = new_database('failure', server => $server);
import_sample($db);
grow($server, $db, 3000);
my $key = issue_key('ACME01');

# A server, a token for it, and what its /products is when all is well.
sub serve {
    my (%opt) = @_;
    my $h = start_httpd(pool => 'timeout=1s wait=1s', %opt);
    $h->{bearer} = 'Bearer ' . $h->token('ACME01', $key);
    my $res = ask($h, '/products');
    is $res->{status}, 200, 'all is well';
    $h->{good} = $res->{content};
    return $h;
}

sub ask { my ($h, $path) = @_; return fetch($h, $path, Authorization => $h->{bearer}) }

# One call of a load: the answer, judged.
sub judged {
    my ($h, $path) = @_;
    my $res = ask($h, $path);
    # A large list that is sent while it is built can only be broken off: without its last chunk.
    my $broken_off = $res->{status} == 599 && $res->{content} eq 'broken off: no last chunk';
    my $good = $res->{status} == 200 ? $res->{content} eq $h->{good} : $broken_off || defined $res->{headers}{'retry-after'};
    return { status => $broken_off ? 'broken off' : $res->{status}, good => $good, retry => $res->{headers}{'retry-after'},
        why => $good ? '' : substr $res->{content}, 0, 200 };
}

sub is_503 {
    my ($res, $text, $what) = @_;
    is $res->{status}, 503, "$what: 503";
    like $res->{headers}{'retry-after'}, qr/\A[1-9][0-9]*\z/, '... with Retry-After';
    like $res->{content}, $text, '... and says so';
    unlike $res->{content}, qr/SQL|mysql|mariadb|spool|\/tmp/i, '... without a word about the inside';
    is $res->{headers}{etag}, undef, '... without ETag';
    return;
}

my $unavailable = qr/\A\{"error":"The service is temporarily unavailable\. Please retry\."\}\z/;
my $busy = qr/\A\{"error":"The service is busy\. Please retry\."\}\z/;

sub timed { my ($sub) = @_; my $t = time; my $r = $sub->(); return ($r, time - $t) }

sub good {
    my ($h, $what) = @_;
    my $res = ask($h, '/products');
    is $res->{status}, 200, "$what: 200";
    ok $res->{status} == 200 && $res->{content} eq $h->{good}, '... complete and correct';
    return;
}

# What is in the cache directory beside whole snapshots and locks.
sub leftovers {
    my ($h) = @_;
    my @files = map { m{/cache/(.*)} } glob "$h->{root}/cache/* $h->{root}/cache/snapshots/*";
    return join ' ', grep { !m{\Asnapshots(?:/[\w-]{16}\@[\w-]{22}(?:(?:-gzip[0-9a-f]{8})?\.json|\.states)|/lock\.\d+|/keeper\.lock)?\z} } @files;
}

# From now on no snapshot fits: the next answers are built.
sub outdate { $server->sql($db, 'UPDATE revision SET n = n + 1'); return }

# Spool files that are removed, but still open in a child.
sub open_spools {
    my ($h) = @_;
    return scalar grep { (readlink($_) || '') =~ /spool\./ } map { glob "/proc/$_/fd/*" } $h->children;
}

subtest 'killed under load and restarted' => sub {
    my $h = serve();
    my $load = KissTest::Load->start(4, sub { judged($h, '/products') });
    for (1 .. 10) {
        outdate();
        sleep 0.1;
    }
    $server->stop('KILL');
    my $gone = time;
    is $h->get('/health')->{status}, 503, '/health says so';
    is $h->get('/api/version')->{status}, 200, '/api/version needs no database';
    sleep 0.7;
    $server->resume;
    my $back = time;
    good($h, 'the first request after it is back');
    is $h->get('/health')->{status}, 200, '/health is well again';
    sleep 1;
    my @seen = $load->finish;
    my @bad = grep { !$_->{good} || $_->{status} !~ /\A(?:200|503|broken off)\z/ } @seen;
    ok !@bad, 'every answer is a correct 200, a 503 with Retry-After, or visibly broken off'
        or diag explain [@bad[0 .. ($#bad > 3 ? 3 : $#bad)]];
    my @late = grep { $_->{seconds} > 4.5 } @seen;
    ok !@late, 'none hung' or diag explain \@late;
    cmp_ok scalar(grep { $_->{status} eq '200' && $_->{at} < $gone } @seen), '>', 3, 'there was a load before';
    cmp_ok scalar(grep { $_->{status} eq '503' } @seen), '>', 3, 'and 503 while it was away';
    my @after = grep { $_->{at} > $back } @seen;
    cmp_ok scalar(@after), '>', 3, 'and a load after it';
    is scalar(grep { $_->{status} ne '200' } @after), 0, 'each request that began after it was back got a 200';
    is leftovers($h), '', 'no spool file is left';
    $h->log_ok(qr/KISS(?:020[15]|0502)/);
};

subtest 'frozen' => sub {
    my $h = serve(processes => 1, pool => 'timeout=1s wait=1s max=2 keep=2');
    $server->freeze;
    for my $path ('/products', '/stock') {
        my ($res, $seconds) = timed(sub { ask($h, $path) });
        is_503($res, $unavailable, "$path, frozen");
        cmp_ok $seconds, '<', 1 + 2 + 0.8, "... within timeout= and connect-timeout ($seconds s)";
    }
    my ($res, $seconds) = timed(sub { $h->get('/health') });
    is $res->{status}, 503, '/health is 503';
    is $res->{content}, 'Unhealthy', '... Unhealthy';
    cmp_ok $seconds, '<', 3.8, "... within the bound ($seconds s)";
    ($res, $seconds) = timed(sub { $h->get('/api/version') });
    is $res->{status}, 200, '/api/version is 200';
    cmp_ok $seconds, '<', 0.5, '... at once';
    # More requests than connections: those that get none wait for one, but not longer than wait=.
    my @all = parallel(6, sub { my ($r, $s) = timed(sub { judged($h, '/products') }); return { %$r, seconds => $s } });
    is scalar(grep { $_->{status} eq '503' && $_->{good} } @all), 6, 'six at once on two connections: each 503';
    my ($longest) = sort { $b <=> $a } map { $_->{seconds} } @all;
    cmp_ok $longest, '<', 1 + 1 + 2 + 0.8, "... within wait=, timeout= and connect-timeout ($longest s)";
    $server->thaw;
    ok wait_until(10, sub { $server->alive }), 'thawed';
    good($h, 'the first request after the thaw');
    is $h->get('/health')->{status}, 200, '/health is well again';
    $h->log_ok(qr/KISS0(?:20[12]|810)/);
};

# Each answer of the server comes before timeout= is over, but late, and a request needs many of them: one after the other, it would
# be answered after 10 to 25 seconds.
subtest 'waits that add up' => sub {
    my $way = KissTest::Proxy->start($server->{socket}, later => 0.7);
    my @late = (address => "host=127.0.0.1 port=$way->{port}", pool => 'timeout=1s wait=1s connect=1s', processes => 1);
    grant_admin();
    my $h = serve(@late, admin => '');
    my $token = admin_token($h, 'late');
    my $kss = new_database('late', api => 'kss', server => $server);
    $server->sql($kss, <<'SQL');
INSERT INTO portal_user (user_id, role) VALUES (501, 'Customer');
INSERT INTO customer (customer_id, customer_name, state) VALUES (1, 'One', 'CA');
INSERT INTO ar_account (ar_account_id, customer_id) VALUES (11, 1);
INSERT INTO payment_type (payment_type_id, name) VALUES (1, 'Check');
INSERT INTO payment (payment_id, payment_invoice_num, ar_account_id, payment_type_id, amount, post_date) VALUES (1, 'PAY-1', 11, 1, 10, '2025-03-01');
INSERT INTO invoice (invoice_id, customer_id, ar_account_id, invoice_num, date, status) VALUES (41, 1, 11, 'INV-1', '2025-03-01', 1);
SQL
    my $x = issue_kss_key(type => 'customer', ids => [1], user => 501);
    my $k = start_httpd(@late, api => 'kss', db => $kss);
    ok $_->checked, 'checked' for $h, $k;
    my $stored = sub { return ($server->sql($kss, 'SELECT COUNT(*) FROM payment_application'))[0][0] };
    my %ask = (
        'a list' => sub { ask($h, '/products') },
        'a token' => sub { $h->post('/auth/token', { grant_type => 'client_credentials', client_id => 'ACME01', client_secret => $key }) },
        'an admin write' => sub { $h->request('POST', '/admin/products', Authorization => "Bearer $token", 'Content-Type' => 'application/json',
                'Idempotency-Key' => 'late', content => '{"sku":"LATE-1","name":"Cape","status":"ACTIVE"}') },
        'a page' => sub { $k->get('/api/v1/invoices', 'x-api-key' => $x) },
        'a payment' => sub { $k->request('POST', '/api/v1/payments/applications?PaymentInvoiceNum=PAY-1&TargetInvoiceNum=INV-1&ARAccountID=11&Amount=1',
                'x-api-key' => $x, 'Idempotency-Key' => 'late') }
    );
    # wait= twice and timeout= twice, and as long again for a busy machine.
    my $bound = 2 * (2 * 1 + 2 * 1);
    my $late = sub {
        my ($name, $request, $how) = @_;
        my ($res, $seconds) = timed($request);
        is "$res->{status} " . (($res->{headers}{'retry-after'} // '') =~ /\A[1-9][0-9]*\z/ ? 1 : 0), '503 1', "$name, $how: 503 with Retry-After";
        cmp_ok $seconds, '<', $bound, "... within the bound ($seconds s)";
    };
    outdate();
    $server->sql($kss, 'UPDATE revision SET n = n + 1');
    $way->turn;
    for my $name (sort keys %ask) {
        $way->cut;
        $late->($name, $ask{$name}, 'on a new connection');
    }
    $way->turn;
    $ask{'a page'}->();
    $way->turn;
    $late->('a payment', $ask{'a payment'}, 'on an old connection');
    my @all = parallel(6, sub { my ($res, $seconds) = timed($ask{'a list'}); return "$res->{status} " . ($seconds < $bound ? 1 : $seconds) });
    is "@all", join(' ', ('503 1') x 6), 'six at once: none waits for more than one of them may';
    is $stored->(), 0, 'nothing was stored';
    $way->turn;
    my %good = ('a list' => 200, 'a token' => 200, 'an admin write' => 201, 'a page' => 200, 'a payment' => 201);
    is $ask{$_}->()->{status}, $good{$_}, "$_: all is well again" for sort keys %good;
    is $ask{'a payment'}->()->{status}, 201, 'a payment that is repeated';
    is $stored->(), 1, '... is there once';
    like $_->log_text, qr/KISS0810.*3000 ms/, 'the log says that the time was over' for $h, $k;
    $_->log_ok(qr/KISS(?:020[125]|0810)/) for $h, $k;
};

subtest 'frozen in the middle of reads' => sub {
    my $h = serve(processes => 1, pool => 'timeout=1s wait=1s');
    my $load = KissTest::Load->start(4, sub { judged($h, '/products') });
    my @seen;
    for (1 .. 2) {
        sleep 0.5;
        outdate();
        $server->freeze;
        sleep 1.5;
        my $at = time;
        push @seen, { %{ judged($h, '/products') }, seconds => time - $at };
        $server->thaw;
    }
    sleep 0.5;
    push @seen, $load->finish;
    my @bad = grep { !$_->{good} || $_->{status} !~ /\A(?:200|503|broken off)\z/ } @seen;
    ok !@bad, 'every answer is a correct 200, a 503 with Retry-After, or visibly broken off'
        or diag explain [@bad[0 .. ($#bad > 3 ? 3 : $#bad)]];
    cmp_ok scalar(grep { $_->{status} eq '503' } @seen), '>', 0, 'some were 503';
    is scalar(grep { defined $_->{seconds} && $_->{seconds} > 10 } @seen), 0, 'none hung (how long it may take: above)';
    good($h, 'afterwards');
    $h->log_ok(qr/KISS0(?:20[12]|502|810)/);
};

subtest 'pool exhausted' => sub {
    plan skip_all => 'each process of prefork has a pool of its own, and one request' if $prefork;
    my $h = serve(processes => 1, pool => 'max=1 keep=1 wait=200ms timeout=20s');
    outdate();
    my $release = hold($server, $db, 'product_image');
    my $load = KissTest::Load->start(1, sub { judged($h, '/products') });
    ok wait_until(5, sub { waiting($server) == 1 }), 'one read waits and has the only connection';
    my ($res, $seconds) = timed(sub { ask($h, '/prices') });
    is_503($res, $busy, 'no connection free');
    cmp_ok $seconds, '>=', 0.2, '... after wait=';
    cmp_ok $seconds, '<', 1, "... not much later ($seconds s)";
    is $h->get('/health')->{status}, 503, '/health is 503';
    is $h->get('/api/version')->{status}, 200, '/api/version is 200';
    is connections($server), 1, 'there is one connection, as max= says';
    $release->();
    my @seen = $load->finish;
    is scalar(grep { $_->{status} ne '200' || !$_->{good} } @seen), 0, 'the read that waited is complete';
    good($h, 'afterwards');
    like $h->log_text, qr/KISS0202.*max= of KissDatabase/, 'the log names the directive';
    $h->log_ok(qr/KISS0202/);
};

subtest 'connections killed while idle' => sub {
    my $h = serve();
    parallel(6, sub { judged($h, '/products') });
    cmp_ok kill_connections($server, "user = 'kiss'"), '>', 0, 'connections are killed';
    my @all = map { judged($h, '/products') } 1 .. 4;
    is scalar(grep { $_->{status} != 200 || !$_->{good} } @all), 0, 'nobody notices' or diag explain \@all;
    $server->sql(undef, 'SET GLOBAL wait_timeout = 1');
    kill_connections($server, "user = 'kiss'");
    good($h, 'another');
    ok wait_until(5, sub { connections($server) == 0 }), 'the server ends what is idle';
    @all = map { judged($h, '/products') } 1 .. 2;
    is scalar(grep { $_->{status} != 200 || !$_->{good} } @all), 0, 'nobody notices';
    $server->sql(undef, 'SET GLOBAL wait_timeout = DEFAULT');
    $h->log_ok;
};

subtest 'connection killed in the middle of a read' => sub {
    my $h = serve(pool => 'timeout=20s');
    outdate();
    my $release = hold($server, $db, 'product_image');
    my $load = KissTest::Load->start(1, sub { judged($h, '/products') });
    ok wait_until(5, sub { waiting($server) == 1 }), 'a read waits';
    kill_connections($server, "user = 'kiss'");
    $release->();
    my @seen = $load->finish;
    is scalar(grep { !$_->{good} || $_->{status} !~ /\A(?:200|503|broken off)\z/ } @seen), 0, 'complete, 503, or visibly broken off'
        or diag explain \@seen;
    good($h, 'afterwards');
    $h->log_ok;
};

subtest 'wrong schema version' => sub {
    my $h = serve();
    my $needed = () = glob top() . '/sql/customer/0*.sql';
    for my $version (1, 0, $needed + 1) {
        $server->sql($db, "DELETE FROM schema_migration; INSERT INTO schema_migration (version, title) VALUES ($version, '')");
        kill_connections($server, "user = 'kiss'");
        is_503(ask($h, '/products'), $unavailable, "schema version $version");
        is $h->get('/health')->{status}, 503, '/health is 503';
        # A new server: it starts, says what is wrong, and serves as soon as it is right.
        my $other = start_httpd(token_keys => $h->{token_keys});
        ok $other->checked, 'the database was checked';
        like $other->log_text, qr/KISS0201.*schema version is $version, this module needs $needed: run 'kissctl schema upgrade'/,
            'the log says what to do';
        like $other->log_text, qr/KISS0205/, 'and what that means';
        $other->{bearer} = $h->{bearer};
        is_503(ask($other, '/products'), $unavailable, 'a new server');
        $server->sql($db, "UPDATE schema_migration SET version = $needed");
        $other->{good} = $h->{good};
        good($other, 'repaired');
        good($h, 'repaired');
        $other->log_ok(qr/KISS020[15]/);
    }
    $h->log_ok(qr/KISS0201/);
};

subtest 'account without rights' => sub {
    my $h = serve();
    $server->sql($db, "REVOKE ALL PRIVILEGES, GRANT OPTION FROM 'kiss'\@'localhost'");
    kill_connections($server, "user = 'kiss'");
    is_503(ask($h, '/products'), $unavailable, 'no right at all');
    is $h->get('/health')->{status}, 503, '/health is 503';
    like $h->log_text, qr/KISS0201/, 'the log says it';
    # May enter, may not read.
    my $other = do {
        $server->sql($db, "GRANT INSERT, UPDATE ON key_usage TO 'kiss'\@'localhost'");
        start_httpd(token_keys => $h->{token_keys});
    };
    $other->{bearer} = $h->{bearer};
    is_503(ask($other, '/products'), $unavailable, 'no right to read');
    ok $other->checked, 'the database was checked';
    like $other->log_text, qr/KISS0201.*grants\.sql/, 'the log names the file that grants';
    $server->sql($db, slurp(top() . '/sql/customer/grants.sql'));
    $other->{good} = $h->{good};
    good($other, 'granted');
    good($h, 'granted');
    $other->log_ok(qr/KISS020[15]/);
    $h->log_ok(qr/KISS0201/);
};

subtest 'wrong password' => sub {
    my $h = serve();
    my $password = $server->password('kiss');
    $server->sql(undef, "ALTER USER 'kiss'\@'localhost' IDENTIFIED BY 'another'");
    kill_connections($server, "user = 'kiss'");
    is_503(ask($h, '/products'), $unavailable, 'wrong password');
    unlike $h->log_text, qr/\Q$password\E/, 'the log does not hold the password';
    $server->sql(undef, "ALTER USER 'kiss'\@'localhost' IDENTIFIED BY '$password'");
    good($h, 'right again');
    $h->log_ok(qr/KISS0201/);
};

subtest 'cache directory removed' => sub {
    my $h = serve();
    my $cache = "$h->{root}/cache";
    rename $cache, "$cache.away" or die "$cache: $!";
    is_503(ask($h, '/products'), $unavailable, 'no directory');
    is_503(ask($h, '/stock'), $unavailable, 'no directory, no nested rows');
    like $h->log_text, qr/KISS0601.*\Q$cache\E \(KissCacheDir\)/, 'the log names directory and directive';
    rename "$cache.away", $cache or die "$cache: $!";
    good($h, 'it is back');
    $h->log_ok(qr/KISS0601/);
};

subtest 'cache directory full' => sub {
    plan skip_all => 'only root can mount' if $> != 0;
    my $h = serve();
    my $cache = "$h->{root}/cache";
    my ($rc) = run('mount', '-t', 'tmpfs', '-o', 'size=256k,mode=1777', 'tmpfs', $cache);
    plan skip_all => 'no tmpfs can be mounted here' if $rc;
    mkdir "$cache/snapshots" or die "snapshots: $!";
    chmod 0777, "$cache/snapshots" or die "snapshots: $!";
    my @all = eval {
        (map({ judged($h, '/products') } 1 .. 3), parallel(4, sub { judged($h, '/products') }));
    };
    my $left = eval { leftovers($h) };
    my ($out) = (run('df', '--output=used', $cache))[1];
    my $first = ask($h, '/products');
    run('umount', '-l', $cache);
    is scalar(grep { $_->{status} eq '503' && $_->{good} } @all), 7, 'full: 503, never a short 200' or diag explain \@all;
    is_503($first, $unavailable, 'full');
    is $left, '', 'no file is left';
    like $out, qr/\b0\s*\z/, 'no byte is left';
    good($h, 'room again');
    # KISS0706 where the cache manager has looked meanwhile.
    $h->log_ok(qr/KISS0601|KISS0706/);
};

subtest 'a child is killed while it builds' => sub {
    my $h = serve(limits => "KissLimit 1000 12\nKissLimitAnonymous 1000 1000", pool => 'timeout=20s');
    outdate();
    my $release = hold($server, $db, 'product_image');
    my $load = KissTest::Load->start(1, sub { my ($i, $n) = @_; return $n ? do { sleep 0.1; {} } : judged($h, '/products') });
    ok wait_until(5, sub { waiting($server) == 1 }), 'a read waits';
    my %before = map { $_ => 1 } $h->children;
    # Whichever of them it is: all of them go, between two instructions of whatever they do.
    kill 'KILL', keys %before;
    $release->();
    my ($first) = $load->finish;
    is $first->{status}, 599, 'its client gets no answer at all';
    # Prefork starts as many as are to be idle (MinSpareServers), event and worker as many as there were.
    ok wait_until(10, sub { my @c = grep { !$before{$_} } $h->children; @c >= ($prefork ? 1 : 2) }), 'new children came';
    is leftovers($h), '', 'no spool file is left';
    # Twelve an hour, of which the token, the first read and the killed one are gone: every request counts (contract, 4).
    my @status = map { ask($h, '/prices')->{status} } 1 .. 14;
    is join(' ', @status), join(' ', (200) x 9, (429) x 5), 'the limiter went on where it was';
    ok wait_until(5, sub { connections($server, "command <> 'Sleep'") == 0 }), 'no statement goes on';
    is open_spools($h), 0, 'no spool is open';
    $h->log_ok(qr/exit signal Killed/);
};

done_testing;
