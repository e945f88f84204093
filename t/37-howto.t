#!/usr/bin/perl
# The recipes of doc/howto.md work as they stand: configurations are accepted, commands do what they say.
# SPDX-License-Identifier: Apache-2.0
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use KissTest;
use Test::More;

my $howto = slurp(top() . '/doc/howto.md');
my $db = new_database('howto');
import_sample($db);
my $server = db_server();
my $dir = tempdir_here();
spew("$dir/token.keys", 'k1 ' . 'A' x 43 . "\n", 0600);

my @apache = $howto =~ /^```apache\n(.*?)^```$/msg;
is scalar @apache, 2, 'configurations';
for my $text (@apache) {
    $text =~ s{/etc/mod_kiss/token\.keys}{$dir/token.keys}g;
    $text =~ s{/etc/mod_kiss/db\.password}{$server->{dir}/kiss.password}g;
    my $load = 'LoadModule kiss_module "' . build_dir() . qq(/mod_kiss/.libs/mod_kiss.so"\n);
    my ($rc, $out) = configtest("$load$text", kiss => 0, modules => ['remoteip']);
    is $rc, 0, 'is accepted' or diag $out;
}

# The commands find these programs first.
my $kissctl = $ENV{KISS_TEST_KISSCTL} || build_dir() . '/support/kissctl';
mkdir "$dir/bin";
spew("$dir/bin/kissctl", "#!/bin/sh\nexec '$kissctl' --sql '" . top() . "/sql' --token-keys '$dir/token.keys' \"\$\@\"\n", 0755);
my ($client, @options) = $server->client_command;
my ($dump) = grep {-x} map {"$_/mariadb-dump"} split /:/, $ENV{PATH};
for (['mariadb', (grep {-x} map {"$_/$client"} split /:/, $ENV{PATH})[0]], $dump ? ['mariadb-dump', $dump] : ()) {
    spew("$dir/bin/$_->[0]", join(' ', "#!/bin/sh\nexec '$_->[1]'", map({"'$_'"} @options), '"$@"') . "\n", 0755);
}

my @sh = $howto =~ /^```sh\n(.*?)^```$/msg;
cmp_ok scalar @sh, '>', 5, 'blocks of commands';
for my $line (map { split /\n/ } @sh) {
    SKIP: {
        skip 'mariadb-dump is not installed', 1 if !$dump && $line =~ /kiss\.sql/;
        my $command = $line =~ s/ kiss (?=[<>])/ $db /r =~ s{/var/lib/erp/out}{top() . '/sql/sample'}er;
        my ($rc, $out, $err) = run({ env => { PATH => "$dir/bin:$ENV{PATH}", KISSCTL_DEFAULTS => $server->defaults($db) } },
            'sh', '-c', "cd '$dir' && $command");
        is $rc, 0, $line or diag $out, $err;
    }
}
is_deeply [sql($db, 'SELECT COUNT(*), SUM(revoked_at IS NULL) FROM api_key')], [[2, 1]], 'two keys, of which one lives';
is_deeply [sql($db, "SELECT limit_minute, limit_hour FROM customer WHERE customer_code = 'ACME01'")], [[240, 10000]], 'a limit was raised';
is scalar(() = slurp("$dir/token.keys") =~ /^\S+ \S+$/mg), 2, 'a signing key was added';

# The units of systemd name what there is.
for my $unit (glob top() . '/conf/systemd/*.service') {
    my ($name) = $unit =~ m{([^/]+)\.service$};
    ok -e $unit =~ s/service$/timer/r, "$name has its timer";
    for my $call (slurp($unit) =~ /\bkissctl ((?:kss )?[a-z]+(?: [a-z]+)?)/g) {
        my ($rc, $out) = run($kissctl, split(/ /, $call), '--help');
        is $rc, 0, "... kissctl $call";
    }
}
SKIP: {
    my ($analyze) = grep {-x} map {"$_/systemd-analyze"} split /:/, $ENV{PATH};
    skip 'systemd-analyze is not installed', 1 if !$analyze;
    # The program that they call is not installed here.
    my @units = glob top() . '/conf/systemd/*';
    for my $unit (@units) {
        spew("$dir/" . ($unit =~ m{([^/]+)$})[0], slurp($unit) =~ s{/usr/bin/kissctl}{$dir/bin/kissctl}gr);
    }
    my ($rc, $out, $err) = run($analyze, 'verify', '--man=no', glob "$dir/kiss-*");
    my @found = grep {m{^\Q$dir\E/|kiss-}} split /\n/, $out . $err;
    is_deeply \@found, [], 'systemd-analyze finds nothing wrong';
}
done_testing;
