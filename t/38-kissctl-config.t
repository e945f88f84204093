#!/usr/bin/perl
# kissctl config check: what is wrong with a configuration of httpd, and with the databases that it names, before it is loaded.
# SPDX-License-Identifier: Apache-2.0
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use JSON::PP ();
use KissTest;
use KissTest::Database;
use KissTest::Httpd;
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

my $both = <<"CONF";
KissDatabase kss socket=$server->{socket} user=kiss dbname=$kss password-file=$server->{dir}/kiss.password max=4
<Location "/api/v1">
    SetHandler kiss
    KissApi kss
</Location>
CONF

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

$server->stop;
done_testing;
