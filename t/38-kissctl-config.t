#!/usr/bin/perl
# kissctl config check: what is wrong with a configuration of httpd, and with the databases that it names, before it is loaded; versions
# with known faults; and an httpd that runs with files that were replaced (doctor).
# SPDX-License-Identifier: Apache-2.0
use strict;
use warnings;
use File::Basename qw(dirname);
use FindBin;
use lib "$FindBin::Bin/lib";
use JSON::PP ();
use KissTest;
use KissTest::Database;
use KissTest::Httpd;
use KissTest::Proxy;
use Test::More;

# A server of its own, whose settings are changed here.
my $server = KissTest::Database->start;
my $db = new_database('config', server => $server);
import_sample($db);
my $kss = new_database('config_kss', server => $server, api => 'kss');

my @kept;                                        # whose folders are removed with them
# conf_of($text, %option): a configuration as start_httpd would make it, as a file.
sub conf_of {
    my ($text, %opt) = @_;
    my $h = KissTest::Httpd->prepare(KissTest::_httpd_options(db => $db, server => $server, config => $text, %opt));
    push @kept, $h;
    $h->{port} = 1;
    my $file = "$h->{root}/httpd.conf";
    spew($file, $opt{whole} || $h->conf_text);
    return $file;
}

# check($file): exit status, and findings by check, each [state, finding, action].
sub check {
    my ($file, @more) = @_;
    my ($rc, $out, $err) = kissctl({ db => $db }, '--json', 'config', 'check', $file, '--apachectl', KissTest::Httpd::program(), @more);
    my %found;
    push @{ $found{ $_->{Check} } }, [@$_{qw(State Finding Action)}] for @{ (eval { JSON::PP->new->decode($out) }) || do { diag $out, $err; [] } };
    return ($rc, \%found, $err);
}
sub like_finding {
    my ($found, $check, $state, $finding) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my ($f) = @{ $found->{$check} || [] };
    is $f->[0], $state, "$check: $state" or diag explain $found;
    like $f->[1], $finding, '... ' . ($f->[1] // 'nothing');
    return $f;
}

my $both = kss_location($kss, server => $server, pool => 'max=4', plain => 0, limits => '');

subtest 'nothing is wrong' => sub {
    my ($rc, $found, $err) = check(conf_of($both, processes => 3));
    is $rc, 0, 'exit status' or diag explain $found, $err;
    like_finding($found, 'configuration', 'ok', qr/httpd accepts it/);
    like_finding($found, 'KissDatabase customer', 'ok', qr/^schema version \d+$/);
    like_finding($found, 'KissDatabase kss', 'ok', qr/^schema version \d+$/);
    like_finding($found, 'connection', 'ok', qr/^socket \Q$server->{socket}\E, in the clear/);
    is_deeply [map { $_->[1] =~ /(\d+ x \d+ x 2 = \d+)/ } @{ $found->{max_connections} }], ['3 x 8 x 2 = 48', '3 x 4 x 2 = 24'],
        'connections by the processes and max= of the configuration';
    like_finding($found, 'max_prepared_stmt_count', 'ok', qr/children x max x 2 x \d+/);
    like_finding($found, 'clock', 'ok', qr/agree/);
    like_finding($found, 'cache', 'ok', qr{/cache: httpd makes it when it starts$});
    my $password = $server->password('kiss');
    unlike join("\n", map {"@$_[0, 1]"} map {@$_} values %$found) . $err, qr/\Q$password\E/, 'no secret is shown';
};

subtest 'what httpd refuses' => sub {
    my ($rc, $found) = check(conf_of("KissNonsense 1\n"));
    is $rc, 1, 'exit status';
    like_finding($found, 'configuration', 'PROBLEM', qr/Invalid command 'KissNonsense'/);
    is_deeply [keys %$found], ['configuration'], '... and nothing else is looked at';
    my $file = conf_of('');
    my ($keys) = slurp($file) =~ /KissTokenKeys "(.*?)"/;
    chmod 0644, $keys;
    (undef, $found) = check($file);
    like_finding($found, 'configuration', 'PROBLEM', qr/KissTokenKeys: .*\Q$keys\E/);
    (undef, $found) = check('/nonexistent/httpd.conf');
    like_finding($found, 'configuration', 'PROBLEM', qr{/nonexistent/httpd\.conf});
    (undef, $found) = check(conf_of('', kiss => 0));
    like_finding($found, 'configuration', 'PROBLEM', qr/mod_kiss says nothing about it/);
    ($rc, $found) = check(conf_of('', whole => (slurp(conf_of('')) =~ s/<Location.*//sr)));
    is $rc, 0, 'no API at all is no problem';
    like_finding($found, 'configuration', 'warning', qr/no location serves an API/);
    my ($rc2, $out2) = kissctl('--json', 'config', 'check', $file, '--apachectl', '/nonexistent/apachectl');
    is $rc2, 1, 'no httpd';
    like $out2, qr{/nonexistent/apachectl cannot be run}, '... is said';
};

# Debian's apachectl says on both standard output and standard error that the test has failed.
subtest 'an apachectl that writes to standard output, too' => sub {
    my $file = conf_of("KissCacheSize many\n");
    my $program = dirname($file) . '/apachectl';
    spew($program, "#!/bin/sh\n'@{[KissTest::Httpd::program()]}' \"\$@\" && exit\necho failed\ncat\nexit 1\n", 0755);
    my ($rc, $out) = kissctl({ db => $db }, '--json', 'config', 'check', $file, '--apachectl', $program);
    is $rc, 1, 'exit status';
    my ($f) = grep { $_->{Check} eq 'configuration' } @{ JSON::PP->new->decode($out) };
    like $f->{Finding}, qr/KissCacheSize/, 'what is wrong is said';
    unlike $f->{Finding}, qr/error: Bad file|I\/O error|cat:|echo:/, '... and nothing of a file that is closed' or diag $f->{Finding};
};

subtest 'without --apachectl' => sub {
    my $file = conf_of('');
    my ($rc, $out, $err) = kissctl({ db => $db }, '--json', 'config', 'check', $file);
    is $rc, 0, 'the httpd that was built for tests it, by apachectl or, where there is none, by its own program' or diag $out, $err;
    my ($sbin, $name) = map { KissTest::Httpd::apxs($_) } qw(SBINDIR PROGNAME);
    like +(kissctl({ db => $db }, qw(config check --help)))[1], qr{apachectl;\s+where there is none, \Q$sbin/$name\E\)}, '... as the help says';
};

subtest 'databases' => sub {
    my $other = sub { my ($args) = @_; return conf_of("KissDatabase other $args\n", location => 'KissUseDatabase other') };
    my ($rc, $found, $err) = check($other->("socket=/nonexistent/socket user=kiss dbname=$db"));
    is $rc, 1, 'away';
    like_finding($found, 'KissDatabase other', 'PROBLEM', qr/^cannot connect as kiss$/);
    like $err, qr{/nonexistent/socket}, '... the reason';
    spew("$server->{dir}/wrong.password", "it is another\n", 0600);
    (undef, $found, $err) = check($other->("socket=$server->{socket} user=kiss dbname=$db password-file=$server->{dir}/wrong.password"));
    like_finding($found, 'KissDatabase other', 'PROBLEM', qr/^cannot connect as kiss$/);
    unlike $err . join(' ', map { map { $_->[1] } @$_ } values %$found), qr/it is another/, '... without the password';
    my $good = "socket=$server->{socket} user=kiss password-file=$server->{dir}/kiss.password";
    (undef, $found) = check($other->("$good dbname=$kss"));
    like_finding($found, 'KissDatabase other', 'PROBLEM', qr/^schema version \d+, and this module needs \d+$/);
    (undef, $found) = check($other->("$good dbname=$db max=500"));
    like_finding($found, 'max_connections', 'PROBLEM', qr/2 x 500 x 2 = 2000/);
    like_finding($found, 'max_prepared_stmt_count', 'warning', qr/^\d+, and connections may prepare \d+/);
    sql($db, "SET GLOBAL init_connect = 'SET timestamp = 1000000000'");
    ($rc, $found) = check($other->("$good dbname=$db"));
    sql($db, "SET GLOBAL init_connect = ''");
    is $rc, 0, 'a clock that is wrong is no problem of the configuration';
    like_finding($found, 'clock', 'warning', qr/^the clock of the database is \d{6,} seconds away from this one$/);
    (undef, $found) = check($other->("$good dbname=$db"));
    like_finding($found, 'clock', 'ok', qr/agree/);
};

subtest 'several servers' => sub {
    my $dead = join ',', map { '127.0.0.1:' . KissTest::Httpd::free_port() } 1, 2;
    my $proxy = KissTest::Proxy->start($server->{socket});
    my $conf = sub { my ($host) = @_; conf_of("KissDatabase other host=$host user=kiss dbname=$db password-file=$server->{dir}/kiss.password tls=off\n", location => 'KissUseDatabase other') };
    my ($first) = split /,/, $dead;
    my ($rc, $found, $err) = check($conf->("$first,127.0.0.1:$proxy->{port}"));
    is $rc, 0, 'one of two is away' or diag explain $found;
    like_finding($found, "KissDatabase other at $first", 'warning', qr/^cannot connect as kiss$/);
    like_finding($found, "KissDatabase other at 127.0.0.1:$proxy->{port}", 'ok', qr/^schema version \d+$/);
    like $err, qr/^kissctl: cannot connect \(KissDatabase other at \Q$first\E\): /m, 'the message names the server';
    ($rc, $found, $err) = check($conf->($dead));
    is $rc, 1, 'both are away';
    like_finding($found, 'KissDatabase other', 'PROBLEM', qr/^no server of host= can be reached$/);
    unlike $err, qr{/proc/self}, 'no name that means nothing';

    # The module says the same of each when it is used.
    my $h = start_httpd(db => $db, address => "host=$dead,127.0.0.1:$proxy->{port} tls=off");
    is $h->get('/health')->{status}, 200, 'the third one is used';
    like slurp($h->{error_log}), qr/KISS0201.* at \Q$_\E: .*KISS0760.*the server at \Q$_\E cannot be reached/s, "why not $_" for split /,/, $dead;
    $h->log_ok(qr/KISS0201|KISS0760/);
};

subtest 'versions with known faults' => sub {
    my $dir = tempdir_here();
    # said($versions, $http2): what is found where httpd says this of itself.
    my $said = sub {
        my ($versions, $http2) = @_;
        my $json = JSON::PP->new->canonical->encode({ children => 1, databases => [], $versions ? (versions => $versions, http2 => $http2) : () });
        spew("$dir/httpd", "#!/bin/sh\ncase \"\$*\" in *DUMP_RUN_CFG*)\necho 'KissCacheDir: \"$dir/cache\"'\necho 'KissConfig: $json' ;;\nesac\n", 0755);
        my ($rc, $out) = kissctl({ db => $db }, '--json', 'config', 'check', "$dir/httpd.conf", '--apachectl', "$dir/httpd");
        is $rc, 0, 'no problem of the configuration';
        return [grep { $_->{Check} eq 'versions' } @{ JSON::PP->new->decode($out) }];
    };
    my @all = qw(CVE-2026-119618 CVE-2026-57941 CVE-2026-48913 CVE-2026-49975 CVE-2026-23918);
    my %affected = ('2.4.16' => [], '2.4.17' => [@all[1, 3]], '2.4.54' => [@all[1, 3]], '2.4.55' => [@all[0 .. 3]], '2.4.65' => [@all[0 .. 3]],
        '2.4.66' => [@all], '2.4.67' => [@all[0 .. 3]], '2.4.68' => [@all[0, 1]], '2.4.69' => [$all[0]], '2.4.70' => [$all[0]], '2.4.71' => [],
        '2.4.100' => [], '2.5.0' => []);
    for my $version (sort keys %affected) {
        my ($found) = @{ $said->({ httpd => $version, zlib => '1.3.1' }, 'in use') };
        my @named = $found->{Finding} =~ /(CVE-\d+-\d+) \([a-z]/g;
        is "@named", "@{ $affected{$version} }", "httpd $version that speaks HTTP/2: " . (@named ? "@named" : 'none');
        is $found->{State}, @named ? 'warning' : 'ok', '... state';
        my $fixed = $version lt '2.4.55' ? '2.4.69' : '2.4.71';
        like $found->{Action} // '', @named ? qr/\Ainstall httpd \Q$fixed\E, or a package.*'Protocols http\/1\.1'/ : qr/\A\z/, '... what to do';
        like $said->({ httpd => $version, zlib => '1.3.1' }, $_)->[0]{Finding}, qr/mod_http2 is \Q$_\E: no known faults/, "... $_"
            for 'not loaded', 'loaded, and no Protocols line names it';
    }
    for my $case (['1.2.11', 1], ['1.2.11.1-motley', 1], ['1.2.12', 0], ['1.3', 0], ['1.3.1.zlib-ng', 0]) {
        my ($found) = @{ $said->({ httpd => '2.4.71', zlib => $case->[0] }, 'in use') };
        is $found->{Finding} =~ /^zlib \Q$case->[0]\E: CVE-2018-25032/ ? 1 : 0, $case->[1], "zlib $case->[0]";
        like $found->{Action} // '', $case->[1] ? qr/\Ainstall zlib 1\.2\.12, or a package[^']*\z/ : qr/\A\z/, '... what to do';
    }
    is scalar @{ $said->({ httpd => '2.4.70', zlib => '1.2.11' }, 'in use') }, 2, 'a finding for each part';
    like $said->()->[0]{Finding}, qr/says nothing about them/, 'a module that is older than kissctl';

    # The document has the same rows.
    my @rows = slurp(top() . '/support/doctor_versions.c') =~ /^    \{"(\w+)", \d, "([\d.]+)", "([\d.]+)", "(CVE-[\d-]+)", "(.*)"\}/mg;
    my @documented = slurp(top() . '/doc/neighbours.md') =~ /^\| (\w+)(?: with mod_http2)? \| ([\d.]+) \| ([\d.]+) \| (CVE-[\d-]+) \| (.*) \|$/mg;
    cmp_ok scalar @rows, '>=', 25, 'rows were found';
    is_deeply \@documented, \@rows, '... in doc/neighbours.md, too';

    # What a real httpd says of itself.
    my ($version) = (run(KissTest::Httpd::program(), '-v'))[1] =~ m{Apache/([\d.]+)};
    my (undef, $found) = check(conf_of(''));
    like $found->{versions}[0][1], qr/^httpd \Q$version\E, zlib \d+\.\S+; mod_http2 is not loaded: no known faults$/, "httpd $version without mod_http2";
    SKIP: {
        skip 'httpd has no mod_http2 for this MPM here', 2
            if ($ENV{KISS_TEST_MPM} || '') eq 'prefork' || !-e KissTest::Httpd::apxs('LIBEXECDIR') . '/mod_http2.so';
        (undef, $found) = check(conf_of('', modules => ['http2']));
        like $found->{versions}[0][1], qr/mod_http2 is loaded, and no Protocols line names it/, '... with it';
        (undef, $found) = check(conf_of("<VirtualHost *:1>\nProtocols h2c http/1.1\n</VirtualHost>\n", modules => ['http2']));
        like $found->{versions}[0][1], qr/mod_http2 is in use|^httpd \S+ with mod_http2: CVE/, '... in use in one virtual host';
    }
};

subtest 'an httpd whose files were replaced' => sub {
    my $dir = tempdir_here();
    my ($module, $bin) = ("$dir/mod_env.so", "$dir/bin");
    mkdir $bin;
    my $copy = sub { spew($_[0], slurp(KissTest::Httpd::apxs('LIBEXECDIR') . '/mod_env.so'), 0755) };
    $copy->($module);
    chmod 0755, $dir;
    my $h = start_httpd(db => $db, server => $server, config => "LoadModule env_module $module\n");
    spew("$bin/apachectl", "#!/bin/sh\nexec '@{[KissTest::Httpd::program()]}' -d '$h->{root}' -f '$h->{conf}' \"\$@\"\n", 0755);
    my $doctor = sub {
        my ($rc, $out) = kissctl({ db => $db, env => { PATH => "$bin:$ENV{PATH}" } }, qw(doctor --json));
        return { map { $_->{Check} => $_ } @{ JSON::PP->new->decode($out) } };
    };
    my $found = $doctor->();
    like $found->{versions}{Finding}, qr/^httpd [\d.]+, zlib /, 'doctor finds the httpd that is installed';
    is "$found->{httpd}{State} $found->{httpd}{Finding}", "ok process $h->{pid} runs with the files that are installed", '... and the one that runs';
    $copy->("$module.new");
    rename "$module.new", $module or die $!;
    $found = $doctor->();
    is "$found->{httpd}{State} $found->{httpd}{Finding}",
        "warning process $h->{pid} runs with files that have been replaced since it started: mod_env.so", 'one was replaced';
    like $found->{httpd}{Action}, qr/systemctl restart apache2/, '... what to do';
    $h->stop;
    is $doctor->()->{httpd}, undef, 'none runs: nothing is said';
    $h->log_ok;
};

$server->stop;
done_testing;
