#!/usr/bin/perl
# kissctl setup: from an httpd with another site and an empty MariaDB to an API that answers over TLS; again; with something in the
# way. httpd's configuration is laid out as Debian's, in a folder of the test.
# SPDX-License-Identifier: Apache-2.0
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use File::Find qw(find);
use File::Path qw(make_path remove_tree);
use JSON::PP ();
use KissTest;
use KissTest::Debian;
use Test::More;

my $db = KissTest::Database->start;
my @accounts = qw(kiss kiss_admin);
my $no_accounts = join '', map {"DROP USER IF EXISTS '$_'\@'localhost';"} @accounts;
my ($etc, $apache) = map { my $dir = tempdir_here(); "$dir/$_" } qw(mod_kiss apache2);
spew("$db->{dir}/admin.cnf", "[client]\nsocket=$db->{socket}\nuser=" . getpwuid($>) . "\n", 0600);

my $port = KissTest::Httpd::free_port();
my $h = debian_httpd($apache, $port);

my @where = ('--apache', $apache, '--apachectl', "$apache/apachectl", '--admin', "$db->{dir}/admin.cnf", '--port', $port,
    '--token-keys', "$etc/token.keys");
my @site = ('--server-name', 'localhost', '--certificate', $h->{ca}, '--certificate-key', "$h->{root}/server.key");
sub ctl { return kissctl({ defaults => "$etc/kissctl.cnf" }, @_) }
sub setup { return ctl('setup', @where, @_) }

# Every file and link below the two folders with its mode and what is in it; every account, right, database and table.
sub everything {
    my %is;
    find({ no_chdir => 1, wanted => sub {
        return if m{^\Q$apache\E/(?:cache|.*\.log$)};
        my @stat = lstat;
        $is{$_} = sprintf '%o %d %s', $stat[2], $stat[4], -l _ ? readlink : -f _ ? slurp($_) : '';
    } }, grep {-e} $etc, $apache);
    my @rows = map { join ' ', map { $_ // '' } @$_ } map { $db->sql(undef, $_) } 'SELECT User, Host, Priv FROM mysql.global_priv ORDER BY 1, 2',
        'SELECT * FROM mysql.db ORDER BY Host, Db, User',
        'SELECT table_schema, table_name FROM information_schema.tables ORDER BY 1, 2', 'SHOW DATABASES';
    return { %is, database => join "\n", @rows };
}

# refused($name, $pattern, $setup): it fails with this message, and nothing is changed.
sub refused {
    my ($name, $pattern, @args) = @_;
    my $before = everything();
    my ($rc, $out, $err) = ref $args[0] ? $args[0]->() : setup(@args);
    is $rc, 1, "$name: refused";
    like $err, $pattern, "$name: says why" or diag "$out$err";
    like $err, qr/^kissctl: nothing was changed$/m, "$name: ... and what became of it";
    is_deeply everything(), $before, "$name: which is true";
    return;
}

# steps($out): how many steps of each state.
sub steps { my %n; $n{$_}++ for $_[0] =~ /^(to do|done|already there) /mg; return \%n }

subtest 'in the way' => sub {
    my $alien = "$apache/apachectl/mod_kiss/kissctl.cnf";
    refused('other accounts', qr/account 'kiss'\@'localhost' is there already, but not \Q$etc\E\/db\.password/, @site);
    $db->sql(undef, $no_accounts);
    refused('no name', qr/--server-name NAME/);
    refused('no certificate', qr/cannot read \/nowhere\/c\.pem: .*Name the certificate/, '--server-name', 'localhost',
        '--certificate', '/nowhere/c.pem', '--certificate-key', '/nowhere/c.key');
    spew("$h->{root}/no.pem", "no key\n");
    refused('no key', qr/no\.pem has no key in PEM form/, '--server-name', 'localhost', '--certificate', $h->{ca}, '--certificate-key',
        "$h->{root}/no.pem");
    run({}, qw(openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out), "$h->{root}/other.key");
    refused('another key', qr/other\.key is not that of the certificate/, '--server-name', 'localhost', '--certificate', $h->{ca},
        '--certificate-key', "$h->{root}/other.key");
    refused('unwritable folder', qr{cannot make the folder \Q$apache\E/apachectl/mod_kiss: },
        sub { kissctl({ defaults => $alien }, 'setup', @where, @site) });
    refused('no folder of the signing keys', qr/there is no folder \/nowhere for the signing keys/, @site, '--token-keys', '/nowhere/keys');
    refused('no such layout', qr/cannot make files in \/nowhere\/mods-available\/?: /, @site, '--apache', '/nowhere');
    spew("$db->{dir}/none.cnf", "[client]\nsocket=$db->{dir}/none.sock\n");
    refused('no database', qr/cannot connect as administrator of MariaDB .*Start the server/, @site, '--admin', "$db->{dir}/none.cnf");
    refused('no such file', qr/cannot read \/nowhere\.cnf.*--admin FILE/, @site, '--admin', '/nowhere.cnf');
    $db->sql(undef, "CREATE USER 'someone'\@'localhost' IDENTIFIED BY 'else'");
    spew("$db->{dir}/someone.cnf", "[client]\nsocket=$db->{socket}\nuser=someone\npassword=else\n", 0600);
    refused('no rights', qr/account someone\@localhost may not make databases and accounts/, @site, '--admin', "$db->{dir}/someone.cnf");
    $db->sql(undef, "DROP USER 'someone'\@'localhost'; CREATE DATABASE kiss; CREATE TABLE kiss.theirs (n INT)");
    refused('tables of others', qr/database kiss has tables that are not mod_kiss'.*--database NAME/, @site);
    $db->sql(undef, 'DROP DATABASE kiss');
    spew("$apache/sites-enabled/broken.conf", "Nonsense\n");
    refused('a configuration that is broken already', qr/does not pass its test as it is.*Nonsense/s, @site);
    unlink "$apache/sites-enabled/broken.conf";
    for (['--database', 'a b'], ['--database', 'a`b'], ['--server-name', "a\nb"], ['--server-name', 'a b'], ['--port', '70000']) {
        is +(setup(@site, @$_))[0], 2, "@$_: wrong usage" =~ s/\n/\\n/r;
    }
    is +(setup('--server-name', 'localhost', '--certificate', $h->{ca}))[0], 2, 'a certificate without its key';
};

subtest 'the plan' => sub {
    my $before = everything();
    my ($rc, $out, $err) = setup(@site, '--dry-run');
    is $rc, 0, '--dry-run' or return diag "$out$err";
    is_deeply everything(), $before, 'changes nothing';
    is_deeply steps($out), { 'to do' => 12, 'already there' => 1 }, 'and says what is to do' or diag $out;
    like $out, qr/^to do +password +\Q$etc\E\/db\.password$/m, '... with names of files';
    is $err, '', 'no complaint about the certificate';
    like +(setup(@site[2 .. 5], '--server-name', 'other.localhost', '--dry-run'))[2], qr/certificate \S+ is not for other\.localhost/,
        'but for another name';
    my $rows = JSON::PP::decode_json((setup(@site, '--dry-run', '--json'))[1]);
    is scalar(@$rows), 13, 'also as JSON';
    is_deeply $rows->[0], { Step => 'folder', What => $etc, State => 'to do' }, '... row by row';
};

subtest 'with a site that httpd refuses' => sub {
    spew("$apache/sites-available/kiss-site.conf", "Nonsense\n");
    my $umask = umask 077;
    my ($rc, $out, $err) = setup(@site);
    umask $umask;
    is $rc, 1, 'fails' or diag $out;
    like $err, qr/does not pass its test .*so it is not enabled.*Nonsense/s, '... and says what httpd said';
    like $err, qr/^kissctl: the step 'enabled' .* failed: .*running this again goes on from there$/m, '... and what to do';
    is_deeply [map { s{.*/}{}r } glob "$apache/*-enabled/*"], ['authz_core.load'], 'nothing is enabled';
    is slurp("$apache/sites-available/kiss-site.conf"), "Nonsense\n", 'the file of the administrator is as it was';
    is +(run({}, "$apache/apachectl", '-t'))[0], 0, 'and httpd would start';
    unlink "$apache/sites-available/kiss-site.conf";
};

my %secret;
subtest 'again, after it was mended' => sub {
    my ($rc, $out, $err) = setup(@site);
    is $rc, 0, 'goes on' or return diag "$out$err";
    is_deeply steps($out), { 'already there' => 11, 'to do' => 2, done => 2 }, 'with what is left';
    is $err, '', 'no complaint about the certificate';
    like $out, qr/^Next: systemctl restart apache2$/m, 'says what is next';
    is +(run({}, "$apache/apachectl", '-t'))[0], 0, 'configtest';
    is_deeply [map { s{.*/}{}r } glob "$apache/*-enabled/*"], [qw(alias.load authz_core.load deflate.load dir.load filter.load headers.load kiss.load mime.conf mime.load
        reqtimeout.load setenvif.load socache_shmcb.load ssl.conf ssl.load kiss-site.conf)], 'the site, and its modules with theirs';
    for my $file (qw(db.password kissctl.cnf token.keys)) {
        my @stat = stat "$etc/$file";
        is sprintf('%o %d', $stat[2] & 07777, $stat[4]), "600 $>", "$file is the owner's alone";
        $secret{$_} = $file for slurp("$etc/$file") =~ /(?:^|=| )([\w-]{32,})$/mg;
    }
    is scalar(keys %secret), 3, 'and has a secret of its own';
    is_deeply [grep { "$out$err" =~ /\Q$_\E/ } keys %secret], [], '... that is not printed';
    is sprintf('%o', (stat $etc)[2] & 07777), 755, 'the folder is readable';
    is_deeply [$db->sql(undef, "SELECT privilege_type FROM information_schema.user_privileges WHERE grantee LIKE \"'kiss%\"")],
        [['USAGE'], ['USAGE']], 'no account has a right beyond its database';
};

my $before = everything();
subtest 'and once more' => sub {
    my ($rc, $out, $err) = setup(@site);
    is $rc, 0, 'nothing fails' or diag $err;
    is_deeply steps($out), { 'already there' => 13 }, 'all of it is there';
    is_deeply everything(), $before, 'and stays as it is';
};

subtest 'used' => sub {
    is +(ctl('import', top() . '/sql/sample'))[0], 0, 'data';
    my ($rc, $key) = ctl(qw(key issue ACME01));
    is $rc, 0, 'a key';
    $h->restart;
    is $h->get('/index.html')->{content}, "another site\n", 'the other site is served';
    @$h{qw(tls url)} = (1, "https://localhost:$port");
    is $h->get('/health')->{content}, 'Healthy', 'the API is healthy';
    my $token = $h->token('ACME01', $key =~ s/\n//r);
    my $list = $h->get('/products', Authorization => "Bearer $token");
    is $list->{status}, 200, 'and has a list';
    cmp_ok scalar @{ $h->json($list) }, '>', 0, '... with rows';
    my ($doctor, $out) = ctl('doctor', '--token-keys', "$etc/token.keys", '--cache-dir', "$apache/cache");
    is $doctor, 0, 'kissctl doctor has no complaint' or diag $out;
};

subtest 'the KSS API beside it' => sub {
    my @kss = ('kss', 'setup', @where, @site[2 .. 5], '--server-name', 'kss.localhost');
    my ($rc, $out, $err) = ctl(@kss);
    is $rc, 0, 'kissctl kss setup' or return diag "$out$err";
    is $err, '', 'no complaint about the certificate';
    like $out, qr/^already there +account +'kiss_admin'\@'localhost'$/m, 'the accounts are the same';
    is +(() = slurp("$apache/sites-available/kss-site.conf") =~ /<VirtualHost/g), 1, 'one host, without that for tests';
    is slurp("$apache/sites-available/kiss-site.conf"), $before->{"$apache/sites-available/kiss-site.conf"} =~ s/^\S+ \d+ //r, 'the other as it was';
    is +(ctl('kss', 'import', top() . '/sql/sample-kss'))[0], 0, 'data';
    my $key = (ctl(qw(kss key issue --type employee)))[1] =~ s/\n//r;
    $h->restart;
    my $list = $h->_client->get("https://kss.localhost:$port/api/v1/products", { peer => '127.0.0.1', headers => { 'x-api-key' => $key } });
    is $list->{status}, 200, 'and a list' or diag $list->{content};
    is_deeply steps((ctl(@kss))[1]), { 'already there' => 12 }, 'again: all of it is there';
    $h->log_ok;
};

subtest 'not ours' => sub {
    my $cnf = slurp("$etc/kissctl.cnf");
    refused('another database', qr/is about the database kiss, not other: say --database kiss/, '--database', 'other');
    spew("$etc/kissctl.cnf", $cnf =~ s/\n\[kissctl\]\n.*?(?=\n\[)//sr, 0600);
    refused('a file without the group', qr/its group \[kissctl\] names no database: add the group/);
    spew("$etc/kissctl.cnf", $cnf =~ s/user=kiss_admin/user=root/gr, 0600);
    refused('another account', qr/names the account root; this sets up kiss_admin only/);
    spew("$etc/kissctl.cnf", $cnf =~ s/password=\S+/password=wrong/gr, 0600);
    refused('a wrong password', qr/'kiss_admin'\@'localhost' is there, but \S+ does not have its password/);
    spew("$etc/kissctl.cnf", $cnf, 0644);
    refused('a file that others can read', qr/kissctl\.cnf/);
    chmod 0600, "$etc/kissctl.cnf";
    chmod 0777, $etc;
    refused('a folder that others can write', qr/others can change what is in \Q$etc\E/);
    chmod 0755, $etc;
    $db->sql('kiss', 'INSERT INTO schema_migration (version, title) VALUES (99, 0)');
    refused('a newer schema', qr/the schema is at version 99, this kissctl knows only/);
    $db->sql('kiss', 'DELETE FROM schema_migration WHERE version = 99');
    $db->sql('kiss', "REVOKE INSERT ON key_usage FROM 'kiss'\@'localhost'");
    like +(setup())[1], qr/^done +rights +of 'kiss'/m, 'a right that is missing comes back';
};

subtest 'stopped half-way' => sub {
    $db->sql(undef, "DROP DATABASE kiss; DROP USER 'kiss'\@'localhost'");
    unlink "$etc/token.keys", "$apache/sites-enabled/kiss-site.conf";
    my $password = slurp("$etc/db.password");
    my ($rc, $out, $err) = setup('--json');
    is $rc, 0, 'goes on' or return diag $err;
    my %state = map { ("$_->{Step} $_->{What}" => $_->{State}) } @{ JSON::PP::decode_json($out) };
    my @done = ('account \'kiss\'@\'localhost\'', 'database kiss', 'enabled site kiss-site and its modules',
        'rights of \'kiss\'@\'localhost\' in kiss', 'rights of \'kiss_admin\'@\'localhost\' in kiss', 'schema version', "signing key $etc/token.keys");
    is_deeply [map { s/(?<=^schema version) .*//r } sort grep { $state{$_} eq 'done' } keys %state], \@done, 'and does what is missing';
    is slurp("$etc/db.password"), $password, 'with the password that was made before';
    is_deeply steps((setup())[1]), { 'already there' => 13 }, 'then all of it is there';
};

# What is there of the schema then has no version yet; at a node of a cluster it may be this table alone.
subtest 'cut off in the middle of the schema' => sub {
    my @statements = split /;\n/, slurp(top() . '/sql/customer/0001-base.sql');
    for my $n (1, 4) {
        $db->sql(undef, 'DROP DATABASE kiss; CREATE DATABASE kiss CHARACTER SET utf8mb4');
        $db->sql('kiss', join ";\n", @statements[0 .. $n - 1]);
        my ($rc, $out, $err) = setup();
        is $rc, 0, "after $n statements: goes on" or diag "$out$err";
        is +(ctl(qw(schema check)))[0], 0, '... to the whole schema';
    }
    $db->sql(undef, 'DROP DATABASE kiss; CREATE DATABASE kiss; CREATE TABLE kiss.schema_migration (id INT)');
    refused('a table of that name of others', qr/database kiss has tables that are not mod_kiss'/);
};

subtest 'a server that logs changes for replicas' => sub {
    my $logged = KissTest::Database->start(args => ['--log-bin=binlog', '--server-id=1']);
    spew("$logged->{dir}/admin.cnf", "[client]\nsocket=$logged->{socket}\nuser=" . getpwuid($>) . "\n", 0600);
    $logged->sql(undef, $no_accounts);
    my $dir = tempdir_here();
    my ($rc, $out, $err) = kissctl({ defaults => "$dir/mod_kiss/kissctl.cnf" }, 'setup', @where, @site, '--admin', "$logged->{dir}/admin.cnf", '--token-keys', "$dir/mod_kiss/token.keys");
    is $rc, 1, 'refused';
    like $err, qr/lets this account make no triggers.*log_bin_trust_function_creators = 1.*nothing was changed/s, '... with what it needs';
    is_deeply [$logged->sql(undef, "SHOW DATABASES LIKE 'kiss'")], [], '... before anything is done';
    ok !-e "$dir/mod_kiss", '... files, too';
};

subtest 'the module gone' => sub {
    unlink "$apache/mods-enabled/kiss.load";
    is +(run({}, "$apache/apachectl", '-t'))[0], 0, 'configtest passes with the site enabled';
    $h->restart;
    @$h{qw(tls url)} = (0, "http://127.0.0.1:$h->{port}");
    is $h->get('/index.html')->{content}, "another site\n", 'and the other site goes on';
    $h->log_ok;
};
undef $h;
$db->stop;
done_testing;
