# Connecting to the database: what KissDatabase says and nothing else, over TLS where the way leaves this machine, without files of
# this machine for whoever answers, and with few waits when a way is lost.
# SPDX-License-Identifier: Apache-2.0
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use IO::Socket::INET;
use KissTest;
use KissTest::Database;
use KissTest::Faults;
use KissTest::Load;
use KissTest::Proxy;
use Test::More;
use Time::HiRes qw(sleep time);

my $dir = tempdir_here();

# An authority, and a certificate of it for names.
sub certificate {
    my ($name, $names) = @_;
    my @ec = qw(-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30);
    if (!-e "$dir/ca.crt") {
        run(qw(openssl req -x509), @ec, '-subj', '/CN=test CA', '-keyout', "$dir/ca.key", '-out', "$dir/ca.crt",
            '-addext', 'basicConstraints=critical,CA:TRUE');
    }
    spew("$dir/ext", "subjectAltName=$names\n");
    run(qw(openssl req), @ec, '-subj', "/CN=$name", '-keyout', "$dir/$name.key", '-out', "$dir/$name.csr");
    my ($rc, undef, $err) = run(qw(openssl x509 -req -days 30 -in), "$dir/$name.csr", '-CA', "$dir/ca.crt", '-CAkey', "$dir/ca.key",
        '-CAcreateserial', '-extfile', "$dir/ext", '-out', "$dir/$name.crt");
    die $err if $rc;
    return ("--ssl-cert=$dir/$name.crt", "--ssl-key=$dir/$name.key");
}

# A server that listens on all addresses. 0.0.0.0 is this machine, and no address of its loopback.
sub server {
    my (@args) = @_;
    my $port = KissTest::Httpd::free_port();
    my $s = KissTest::Database->start(args => ['--skip-networking=0', "--port=$port", '--bind-address=0.0.0.0', @args]);
    $s->{port} = $port;
    my $password = $s->password('kiss');
    $s->sql(undef, "CREATE USER kiss IDENTIFIED BY '$password'");
    return $s;
}

# The line of KissDatabase for it, instead of that of the harness.
sub database_line {
    my ($s, $db, $where) = @_;
    return "KissDatabase other $where user=kiss dbname=$db password-file=$s->{dir}/kiss.password connect=1s timeout=1s\n";
}

sub grants { my ($s, $db) = @_; return $s->sql($db, slurp(top() . '/sql/customer/grants.sql') =~ s/'kiss'\@'localhost'/'kiss'\@'%'/gr) }

my $tls = server(certificate('db', 'IP:0.0.0.0,DNS:localhost'));
my $db = new_database('tls', server => $tls);
import_sample($db);
grants($tls, $db);
my $key = issue_key('ACME01');
my $clear = server('--skip-ssl');       # newer servers make themselves a certificate

# Connector/C 3.4 and a server from 11.4 on: where the certificate alone does not convince, the account's password proves that
# the server is the one that knows it, and that counts as verified.
my ($library) = (run('mariadb_config', '--cc_version'))[1] =~ /^(\d+\.\d+)/;
my ($version) = ($tls->sql(undef, 'SELECT VERSION()'))[0][0] =~ /^(\d+\.\d+)/;
my $proved = $library >= 3.4 && $version >= 11.4;
my $plain = new_database('clear', server => $clear);
import_sample($plain);
grants($clear, $plain);

# health($where, $s, $db): status, and the messages, of a server that reads from there.
sub health {
    my ($where, $s, $name) = @_;
    my $h = start_httpd(db => $name, location => 'KissUseDatabase other', config => database_line($s, $name, $where));
    $h->checked;
    my $res = $h->get('/health');
    my $text = $h->log_text;
    $h->log_ok(qr/KISS020[15]/);
    return ($res->{status}, $text);
}

subtest 'another host' => sub {
    my $remote = "host=0.0.0.0 port=$tls->{port}";
    my ($status, $log) = health("$remote ca=$dir/ca.crt", $tls, $db);
    is $status, 200, 'TLS, verified: works';
    like $log, qr/KISS0206: database other: .* over TLS .*, verified/, '... the log says so';
    ($status, $log) = health($remote, $tls, $db);
    is $status, $proved ? 200 : 503, 'an authority that the system does not know: refused, or proved by the password';
    like $log, $proved ? qr/KISS0206.*over TLS .*, verified/ : qr/KISS0201.*error 2026.*ca= of KissDatabase/, '... and why';
    ($status, $log) = health("$remote tls=require", $tls, $db);
    is $status, 200, 'tls=require: whoever it is';
    like $log, qr/KISS0206: database other: .* over TLS .*, not verified/, '... the log says so';
    ($status, $log) = health("$remote tls=off", $tls, $db);
    is $status, 200, 'tls=off: in the clear';
    like $log, qr/KISS0206: database other: .* in the clear/, '... the log says so';

    $remote = "host=0.0.0.0 port=$clear->{port}";
    ($status, $log) = health("$remote ca=$dir/ca.crt", $clear, $plain);
    is $status, 503, 'a server without TLS: refused';
    like $log, qr/KISS0201.*error 2026/, '... before the account is named';
    ($status, $log) = health("$remote tls=require", $clear, $plain);
    is $status, 503, 'tls=require, too';
    like $log, qr/KISS0201.*the server has no TLS/, '... and why';
    ($status, $log) = health("$remote tls=off", $clear, $plain);
    is $status, 200, 'tls=off is said';
};

subtest 'this host' => sub {
    my ($status, $log) = health("host=127.0.0.1 port=$clear->{port}", $clear, $plain);
    is $status, 200, 'loopback needs no TLS';
    like $log, qr/KISS0206: database other: .* in the clear/, '... the log says so';
    ($status, $log) = health("socket=$clear->{socket}", $clear, $plain);
    is $status, 200, 'nor does a socket';
    ($status, $log) = health("host=127.0.0.1 port=$tls->{port} ca=$dir/ca.crt", $tls, $db);
    is $status, $proved ? 200 : 503, 'an authority is named, so the certificate is looked at: it is for other names';
    like $log, $proved ? qr/KISS0206.*over TLS .*, verified/ : qr/KISS0201.*error 2026/, '... and why';
};


# Each server of host= proves its own name.
subtest 'several servers over TLS' => sub {
    plan skip_all => 'the password proves the server' if $proved;
    $tls->stop;
    my $port = KissTest::Httpd::free_port();
    my $wrong = KissTest::Database->start(from => $tls->{dir}, args => ['--skip-networking=0', "--port=$port", '--bind-address=0.0.0.0',
        certificate('elsewhere', 'DNS:elsewhere.example')]);
    $tls->resume;
    my ($good, $bad) = map {"0.0.0.0:$_"} $tls->{port}, $port;
    my $serve = sub {
        my ($hosts) = @_;
        return start_httpd(db => $db, location => 'KissUseDatabase other', config => database_line($tls, $db, "host=$hosts ca=$dir/ca.crt")
                . qq(<Location "/kiss-metrics">\n    SetHandler kiss-metrics\n</Location>\n));
    };
    my $up = sub { my ($h, $server, $what) = @_; return ($h->get('/kiss-metrics')->{content} =~ /^kiss_database_server_$what\{[^}]*server="\Q$server\E"\} (\d+)$/m)[0] // 'none' };

    my $h = $serve->("$bad,$good");
    $h->checked;
    is $h->get('/health')->{status}, 200, 'the first one has a certificate of another name: the second one is used';
    like $h->log_text, qr/KISS0201.*\Q$bad\E.*error 2026/, '... and the log says why the first one is not';
    like $h->log_text, qr/KISS0760.*\Q$bad\E/, '... and that it is left';
    is join(' ', map { $up->($h, $_, 'up') } $bad, $good), '0 1', 'the metrics say so';
    is $up->($h, $bad, 'failures_total'), 1, '... once';
    is $up->($h, $bad, 'connections'), 0, '... and which one is in use';
    cmp_ok $up->($h, $good, 'connections'), '>', 0, '... by its connections';
    is connections($wrong), 0, 'the first one has none';
    $h->log_ok(qr/KISS0201|KISS0760/);

    $h = $serve->("$good,$bad");
    $h->checked;
    is $h->get('/health')->{status}, 200, 'the first one has the right name';
    unlike $h->log_text, qr/KISS0760/, '... and the second one is not asked';
    $tls->stop('KILL');
    is $h->get('/health')->{status}, 503, 'when the first one is away, the wrong one does not take its place';
    like $h->log_text, qr/KISS0201.*\Q$bad\E.*error 2026/, '... and the log names it';
    $tls->resume;
    ok wait_until(20, sub { $h->get('/health')->{status} == 200 }), 'the first one is back, and used again';
    is $up->($h, $good, 'up'), 1, '... as the metrics say';
    $h->log_ok(qr/KISS0201|KISS0205|KISS0760/);
};

subtest 'a server over TLS that was restarted' => sub {
    my $h = start_httpd(db => $db, processes => 1, location => 'KissUseDatabase other', config => database_line($tls, $db, "host=0.0.0.0 port=$tls->{port} ca=$dir/ca.crt"));
    $h->checked;
    is $h->get('/health')->{status}, 200, 'a connection is there';
    $tls->stop;
    $tls->resume;
    is $h->get('/health')->{status}, 200, 'it was cut, and another one is opened for the same request';
    $h->log_ok;
};

# The client library waits in another way than in the clear. Two answers come just in time; for the third one there is next to none left
# (wait= and timeout= twice), and it comes 5.6 seconds later.
subtest 'over TLS all waits of a request end at one deadline' => sub {
    my $way = KissTest::Proxy->start($tls->{socket}, later => 5.9);
    my $h = start_httpd(db => $db, server => $tls, address => "host=127.0.0.1 port=$way->{port} tls=require", pool => 'timeout=6s wait=100ms', processes => 1);
    my @auth = (Authorization => 'Bearer ' . $h->token('ACME01', $key));
    ok $h->checked, 'checked';
    like $h->log_text, qr/KISS0206.*over TLS/, '... over TLS';
    is fetch($h, '/stock', @auth)->{status}, 200, 'all is well';
    $tls->sql($db, 'UPDATE revision SET n = n + 1');
    $way->turn;
    my $start = time;
    my $res = fetch($h, '/stock', @auth);
    my $seconds = time - $start;
    is $res->{status}, 503, 'late with each answer';
    ok $res->{headers}{'retry-after'}, '... with Retry-After';
    cmp_ok $seconds, '<', 17, "... and not when it comes ($seconds s)";
    $way->turn;
    ok wait_until(20, sub { fetch($h, '/stock', @auth)->{status} == 200 }), 'all is well again';
    $h->log_ok(qr/KISS0(?:201|810)/);
};

subtest 'nobody there' => sub {
    for (["socket=$dir/none", 2002, qr/right socket/], ['host=127.0.0.1 port=1', '2003|2002', qr/host and port|right socket/],
        ['host=no-such-host.invalid tls=off', 2005, qr/name of the host/])
    {
        my ($where, $code, $advice) = @$_;
        my ($status, $log) = health($where, $tls, $db);
        is $status, 503, "$where: 503";
        like $log, qr/KISS0201.*\(error (?:$code)\)\. .*$advice/, '... and why';
    }
};

subtest 'neither option files nor environment' => sub {
    spew("$dir/my.cnf", "[client]\nuser=nobody\nport=1\ninit-command=SET nonsense = 1\n[mod_kiss]\nuser=nobody\nsocket=/none\n");
    my $h = start_httpd(db => $plain, env => { MARIADB_HOME => $dir, MYSQL_HOME => $dir, HOME => $dir, MYSQL_PWD => 'x' });
    is $h->get('/health')->{status}, 200, 'what a my.cnf says has no part in it';
    $h->checked;
    like $h->log_text, qr/KISS0254: the group \[mod_kiss\] of \Q$dir\E\/my.cnf is not read any more/, '... which is said';
    $h->log_ok(qr/KISS0254/);
};

subtest 'a password of any signs' => sub {
    my $password = q{a b;c|d,e'f"g\\h=i#j};
    spew("$dir/password", "$password\n", 0600);
    my $quoted = $password =~ s/(['\\])/\\$1/gr;
    $clear->sql(undef, "CREATE USER signs\@localhost IDENTIFIED BY '$quoted'");
    $clear->sql($plain, "GRANT SELECT ON * TO signs\@localhost");
    my $h = start_httpd(db => $plain, location => 'KissUseDatabase other',
        config => qq(KissDatabase other "socket=$clear->{socket}" user=signs dbname=$plain "password-file=$dir/password"\n));
    is $h->get('/health')->{status}, 200, 'enters';
    unlike $h->log_text, qr/\Q$password\E/, 'the log does not hold it';
    $h->checked;
    $h->log_ok(qr/KISS0203/);          # it may not note when a key is used
};

subtest 'kissctl' => sub {
    my $try = sub {
        my ($s, $name, $lines, @verb) = @_;
        spew("$dir/ctl.cnf", "[client]\nhost=ignored.invalid\n[kissctl]\n$lines\ndatabase=$name\nuser=kiss_admin\npassword="
                . $s->password('kiss_admin') . "\n", 0600);
        return kissctl({ db => $name, defaults => "$dir/ctl.cnf", env => { KISSCTL_DEFAULTS => "$dir/ctl.cnf" } }, @verb ? @verb : qw(customer list));
    };
    for my $s ($tls, $clear) {
        $s->sql(undef, "CREATE USER kiss_admin IDENTIFIED BY '" . $s->password('kiss_admin') . "'; GRANT ALL ON *.* TO kiss_admin");
    }
    my $remote = "host=0.0.0.0\nport=$tls->{port}";
    my ($rc, $out, $err) = $try->($tls, $db, "$remote\nssl-ca=$dir/ca.crt", 'doctor');
    like $out, qr/^ok +connection: 0\.0\.0\.0, port \d+, over TLS \(.*\), the server's certificate is verified$/m, 'verified' or diag $err;
    ($rc, $out, $err) = $try->($tls, $db, $remote);
    is $rc, $proved ? 0 : 1, 'an authority that the system does not know: refused, or proved by the password';
    like $err, $proved ? qr/\A\z/ : qr/error 2026\).*ssl-ca/, '... and why';
    ($rc, $out, $err) = $try->($tls, $db, "$remote\ntls = require", 'doctor');
    like $out, qr/^ok +connection: .* over TLS \(.*\), whoever is at its other end$/m, 'tls=require';
    ($rc, $out, $err) = $try->($tls, $db, "$remote\ntls=no");
    like $err, qr/tls=no: use verify, require or off/, 'another word';
    $remote = "host=0.0.0.0\nport=$clear->{port}";
    ($rc, $out, $err) = $try->($clear, $plain, $remote);
    is $rc, 1, 'a server without TLS: refused';
    like $err, qr/error 2026|has no TLS/, '... and why';
    ($rc, $out, $err) = $try->($clear, $plain, "$remote\ntls=\"off\"", 'doctor');
    like $out, qr/^warning +connection: .* in the clear: whoever is on the way/m, 'tls=off is said';
    ($rc, $out, $err) = $try->($clear, $plain, "host=localhost\nsocket=$clear->{socket}", 'doctor');
    like $out, qr/^ok +connection: socket \S+, in the clear: it does not leave this machine$/m, 'a socket';
};

# A firewall forgets what was connected: whoever is the first to use such a connection waits for it in vain. Nobody else does, in no
# child, though each has several.
subtest 'all ways are lost at once' => sub {
    my $way = KissTest::Proxy->start($clear->{socket});
    my @processes = ($ENV{KISS_TEST_MPM} || '') eq 'prefork' ? (processes => 12, threads => 1) : (processes => 3, threads => 8);
    my $h = start_httpd(db => $plain, @processes, location => 'KissUseDatabase other',
        config => "KissDatabase other host=127.0.0.1 port=$way->{port} user=kiss dbname=$plain keep=4 max=4"
            . " password-file=$clear->{dir}/kiss.password timeout=2s\n");
    ok $h->checked, 'checked';
    my $opened = wait_until(20, sub {
        parallel(12, sub { $h->get('/health')->{status} });
        connections($clear) >= 6;
    });
    ok $opened, 'idle connections: ' . connections($clear);
    $way->lose;
    my (@slow, @status);
    for (1 .. 40) {
        my $at = time;
        push @status, $h->get('/health')->{status};
        push @slow, time - $at if time - $at > 1;
    }
    is scalar(grep { $_ == 503 } @status), 1, 'one request fails';
    is scalar @slow, 1, '... and no other one waits';
    is scalar(grep { $_ == 200 } @status), 39, 'all others are answered';
    $h->log_ok;
};

# timeout= is for the silence between two answers of the server, not for all of a list.
subtest 'a slow way' => sub {
    my $h = start_httpd(db => $plain);
    my $bearer = 'Bearer ' . $h->token('ACME01', issue_key('ACME01'));
    my $good = fetch($h, '/products', Authorization => $bearer)->{content};
    my $way = KissTest::Proxy->start($clear->{socket}, piece => 2048, pause => 0.02);
    $h->rewrite(location => 'KissUseDatabase other', config => "KissDatabase other host=127.0.0.1 port=$way->{port} user=kiss dbname=$plain"
        . " password-file=$clear->{dir}/kiss.password timeout=1s wait=100ms\n")->graceful;
    my $at = time;
    my @all = parallel(3, sub { fetch($h, '/products', Authorization => $bearer) });
    cmp_ok time - $at, '>', 2 * (1 + 0.1), 'a list takes longer than timeout= and wait= twice';
    is scalar(grep { $_->{status} == 200 && $_->{content} eq $good } @all), 3, '... and is right';
    is $h->get('/health')->{status}, 200, 'all is well';
    $h->log_ok;
};

# Children times connections, as the MPM has them: a prefork child serves one request at a time.
subtest 'the budget of connections' => sub {
    my %opt = (db => $plain, pool => 'max=8');
    for my $case (['prefork', 3, 4, 13, 26], ['event', 3, 4, 13, 26], ['worker', 2, 16, 17, 34]) {
        my ($mpm, $processes, $threads, $n, $need) = @$case;
        SKIP: {
            skip "this httpd has no $mpm", 4 if !-e KissTest::Httpd::apxs('LIBEXECDIR') . "/mod_mpm_$mpm.so"
                && !KissTest::Httpd::load_module("mpm_$mpm");
            $clear->sql(undef, 'SET GLOBAL max_connections = ' . ($need - 1));
            my $h = start_httpd(%opt, mpm => $mpm, processes => $processes, threads => $threads);
            ok $h->checked, "checked";
            like $h->log_text, qr/KISS0204.*twice during a reload, are $need, but the server allows @{[$need - 1]}/, "$mpm: $need are needed";
            $clear->sql(undef, "SET GLOBAL max_connections = $need");
            $h->restart;
            ok $h->checked, "checked";
            unlike $h->last_start, qr/KISS0204/, '... and enough';
            $h->log_ok(qr/KISS0204/);
        }
    }
    $clear->sql(undef, 'SET GLOBAL max_connections = 300');
};

# What ends the check says so once, and not of each statement that it would have looked at.
subtest 'a check that is cut short' => sub {
    $clear->sql(undef, 'SET GLOBAL max_prepared_stmt_count = 0');
    my $h = start_httpd(db => $plain);
    ok $h->checked, 'checked, where no statement can be prepared';
    my @said = map {/(KISS02\d\d)/} grep { !/KISS0250/ } split /^/, $h->log_text;
    is "@said", 'KISS0205', '... one message';
    like $h->log_text, qr/KISS0205.*not usable now \(.*error 1461\)\. Raise /, '... with the cause and its remedy';
    $clear->sql(undef, 'SET GLOBAL max_prepared_stmt_count = DEFAULT');
    $h->restart;
    ok $h->checked, 'checked';
    like $h->last_start, qr/KISS0206/, '... and well again';
    $h->log_ok(qr/KISS0205/);
};

# As a node that is killed just after a reload.
subtest 'a server that is lost while it is checked' => sub {
    plan skip_all => cannot_preload('failnth') if cannot_preload('failnth');
    my $plain = new_database('lost');
    my $fault = preload('failnth');
    my @way = map { KissTest::Proxy->start(db_server()->{socket}) } 0, 1;
    my ($one, $two) = map {"127.0.0.1:$_->{port}"} @way;
    my $lost = 0;
    for my $n (20, 21, 44, 45) {
        arm($fault, group => 'database', first => $n, code => 2013);
        my $h = start_httpd(db => $plain, address => "host=$one,$two", env => $fault->{env});
        ok $h->checked, "call $n";
        # Every other call makes the handle of a statement, and cannot be lost.
        next if disarm($fault)->{name} ne 'mysql_stmt_prepare';
        $lost++;
        unlike $h->log_text, qr/KISS0205/, '... is lost: the database is usable';
        like $h->log_text, qr/KISS0206.* at \Q$two\E/, '... as the next one shows';
        is $h->get('/health')->{status}, 200, '... which is true';
        $h->log_ok;
    }
    cmp_ok $lost, '>', 0, 'a check was broken off';
};

done_testing;
