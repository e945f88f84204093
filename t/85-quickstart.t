#!/usr/bin/perl
# The README's first command, in a copy of the tree: a demo that works, goes on after a stop, also when somebody has loaded
# other customers into it, and stops.
# SPDX-License-Identifier: Apache-2.0
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use File::Path qw(remove_tree);
use JSON::PP ();
use KissTest;
use Test::More;

# A copy, so that a demo that runs in this tree is left alone. What the tests have built is taken along: configure's
# directory names the tree that it was made from, so nothing is built twice.
my $copy = tempdir_here() . '/tree';
my $out = (run({}, 'bash', '-ec', <<'SH', 'bash', top(), build_dir(), $copy))[2];
mkdir -p "$3/var/build"
cd "$1"
tar -cf - --exclude=./var --exclude=./.git . | tar -xf - -C "$3"
[ "$1" = "$2" ] || { cd "$2" && tar -cf - . | tar -xf - -C "$3/var/build"; }
SH
is $out, '', 'a copy of the tree' or BAIL_OUT('no copy');

# Two ports side by side.
my $port;
for (1 .. 50) {
    $port = KissTest::Httpd::free_port();
    last if $port < 65535 && IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => $port + 1, Listen => 1, ReuseAddr => 1);
}

sub quickstart { return run({ timeout => 300, env => { HOME => undef } }, "$copy/quickstart", @_) }
# A value of the file for other programs.
sub env { return (slurp("$copy/var/demo/env") =~ /^$_[0]='(.*)'$/m)[0] }
sub kissctl_demo { return run({}, split(' ', env('KISSCTL')), @_) }
END { quickstart('--stop') if $copy && -d "$copy/var/demo" }

# shell($text): what a shell that has read that file prints.
sub shell { return (run({}, 'bash', '-c', '. "$1"; eval "$2"', 'bash', "$copy/var/demo/env", @_))[1] }
my $ask_token = 'curl -s --cacert $KISS_CA $KISS_URL/auth/token -d grant_type=client_credentials -d client_id=$KISS_CLIENT_ID '
    . '--data-urlencode client_secret=$KISS_CLIENT_SECRET';

subtest 'the first start' => sub {
    my ($rc, $text, $err) = quickstart('--port', $port);
    is $rc, 0, 'exit status 0' or return diag "$text$err";
    like $text, qr/^  GET \/products +200 +[1-9]\d* rows/m, 'the first calls have rows';
    like $text, qr/^  KSS supplier \/invoices +200 +[1-9]\d* rows/m, '... of both APIs';
    is env('KISS_CLIENT_ID'), 'ACME01', 'the customer of the sample';
    is +(quickstart('--status'))[0], 0, '--status: all of it runs';
    ok JSON::PP::decode_json(shell($ask_token))->{access_token}, 'the credentials in var/demo/env work';
    my $metadata = JSON::PP::decode_json(shell('curl -s --cacert $KISS_CA $KISS_URL/.well-known/oauth-authorization-server'));
    is $metadata->{issuer}, env('KISS_URL'), 'a client that discovers the token endpoint begins with the URL of the demo';
    is $metadata->{token_endpoint}, env('KISS_URL') . '/auth/token', '... and is told one that answers';
    ($rc, $text) = kissctl_demo(qw(snapshot list));
    like $text, qr/^\S+ +products /m, 'kissctl there finds what httpd keeps';
};

subtest 'started again after another load of customers' => sub {
    my $dir = tempdir_here();
    my @lines = grep { !/^"?ACME01/ } split /^/, slurp("$copy/sql/sample/customers.csv");
    spew("$dir/customers.csv", join '', @lines);
    my ($rc, $text, $err) = kissctl_demo('import', $dir);
    is $rc, 0, 'customers.csv without ACME01 is loaded' or diag $err;
    is +(quickstart('--stop'))[0], 0, 'stopped';
    isnt +(quickstart('--status'))[0], 0, '--status: nothing runs';
    ($rc, $text, $err) = quickstart();
    is $rc, 0, 'and started' or diag "$text$err";
    isnt env('KISS_CLIENT_ID'), 'ACME01', 'for another customer';
    like $text, qr/^  GET \/products +200 +[1-9]\d* rows/m, '... who sees something';
};

subtest 'the same folder of data again' => sub {
    my $dir = tempdir_here();
    my $stock = (slurp("$copy/sql/sample/stock.csv") =~ /^(.*\n.*\n)/)[0];
    my $load = sub { spew("$dir/stock.csv", $_[0]); return quickstart('--data', $dir) };
    my $in_stock = sub {
        return (run({}, 'mariadb', '--no-defaults', '-S', env('DB_SOCKET'), '-u', env('DB_ADMIN_USER'), '-N', '-e',
            'SELECT ROUND(SUM(available_qty)) FROM stock', env('DB_NAME')))[1];
    };
    my ($rc, $text, $err) = $load->($stock =~ s/(,\w+),\d+/$1,41/r);
    is $rc, 0, 'a folder is loaded' or diag "$text$err";
    is $in_stock->(), "41\n", '... and takes the place of what was there';
    ($rc, $text, $err) = $load->($stock =~ s/(,\w+),\d+/$1,42/r);
    is $rc, 0, 'it has changed and is named again' or diag "$text$err";
    is $in_stock->(), "42\n", '... and loaded again';
    ($rc, $text, $err) = $load->($stock =~ s/\n.*\n\z/"\n" . "A,B,x\n" x 60/er);
    isnt $rc, 0, 'one with many faults';
    like $err, qr/^stock\.csv:2: column/m, '... which are named from the first on';
    like $err, qr/the import failed: nothing was changed$/m, '... and what became of it';
    is $in_stock->(), "42\n", '... nothing';
    is +(quickstart('--data', "$copy/sql/sample"))[0], 0, 'the sample again';
    my $key = env('KSS_EMPLOYEE_KEY');
    is +(quickstart('--kss-data', "$copy/sql/sample-kss"))[0], 0, 'the same data of the KSS API';
    is env('KSS_EMPLOYEE_KEY'), $key, '... keep the keys';
};

subtest 'stopped' => sub {
    is +(quickstart('--stop'))[0], 0, '--stop';
    isnt +(quickstart('--status'))[0], 0, 'nothing runs';
    remove_tree($copy);
    ok !-e $copy, 'and nothing keeps it from being removed';
};
done_testing;
