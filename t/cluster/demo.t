# t/cluster/run --demo: what it prints can be done as it stands there; its checks take no call from anybody; ctrl-C leaves nothing behind.
# SPDX-License-Identifier: Apache-2.0
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use HTTP::Tiny;
use KissTest;
use KissTest::Cluster;
use KissTest::Load;
use Test::More;
use Time::HiRes qw(sleep);

plan skip_all => 't/cluster/programs has not been run' if !KissTest::Cluster::programs();
my $out = tempdir_here() . '/out';
spew($out, '');
my $parent = $$;
my $demo = fork // die "fork: $!";
if (!$demo) {
    setpgrp;
    open STDOUT, '>', $out or die $!;
    open STDERR, '>&', \*STDOUT;
    exec $^X, top() . '/t/cluster/demo.pl' or die $!;
}
END { local $?; if ($demo && $$ == $parent) { kill 'TERM', $demo; waitpid $demo, 0 } }
ok wait_until(180, sub { slurp($out) =~ /Ctrl-C stops/ }), 'it starts' or diag slurp($out);
my $said = slurp($out);
my ($front) = $said =~ m{^HAProxy\n +(http://\S+)}m;
my @host = $said =~ m{^ +(http://\S+)   process}mg;
is scalar(@host), 2, 'two hosts';
my @pid = $said =~ /process (\d+)/g;

my ($commands) = $said =~ /^( +TOKEN=.*?)\n\n/ms;
my ($rc, $answer, $err) = run({ timeout => 60 }, 'bash', '-ec', $commands);
like $answer, qr/^HTTP\/1\.1 200 .*\r\n\r\n\[\{"SKU"/ms, 'the commands that it prints' or diag $err;
my ($kissctl) = $said =~ m{^ +(KISSCTL_DEFAULTS=.* doctor)$}m;
($rc, $answer, $err) = run({ timeout => 60 }, 'bash', '-c', $kissctl // 'false');
like $answer, qr/^ok +cluster: .*one of 3 nodes, Synced/m, 'kissctl, as it prints it' or diag $rc, $err;

my $http = HTTP::Tiny->new;
my $left = sub { ($http->get("$host[0]/api/version")->{headers}{ratelimit} // '') =~ /"min";r=(\d+)/ ? $1 : 'none' };
my $before = $left->();
sleep 5;            # two checks of each host, and more
is $left->(), $before - 1, 'the checks of HAProxy take no calls from those without token';
my ($alive) = $said =~ m{rm (\S+/alive\S*)};
ok $alive && unlink($alive), 'the file of a host that it names can be removed';
ok wait_until(10, sub { ($http->get("$front/kiss-alive")->{status}) == 200 }), '... and the other one answers';

kill 'INT', $demo;
waitpid $demo, 0;
undef $demo;
is_deeply [grep { kill 0, $_ } @pid], [], 'ctrl-C: nothing of it runs any more';
is_deeply [grep {-e} $said =~ m{configuration (\S+)}g], [], '... and its files are gone';
done_testing;
