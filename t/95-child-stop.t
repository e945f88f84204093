# A child that is told to stop does so at once: whatever it reads from the database is given up, and nobody waits for a server that
# says nothing.
# SPDX-License-Identifier: Apache-2.0
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use KissTest;
use KissTest::Database;
use KissTest::Faults;
use KissTest::Lists;
use KissTest::Load;
use Test::More;
use Time::HiRes qw(sleep time);

my $server = KissTest::Database->start;             # its own: it is frozen below
my $db = new_database('stop', server => $server);
import_sample($db);
grow($server, $db, 20000);
my %key = map { $_ => issue_key($_) } qw(ACME01 BEAU02);

# The server's silence must last longer here than any stop may take on any machine: what waits for it takes 20 seconds.
my $at_once = 10;

sub serve {
    my (%opt) = @_;
    return serve_lists(\%key, processes => 2, log_level => 'info', pool => 'max=4 timeout=20s', %opt);
}

# A list is being read now: a statement of the module is at work.
sub building { return connections($server, "command IN ('Execute', 'Query') AND db = '$db'") }

# Lists are built again and again until one is seen.
sub changed_until_building {
    return wait_until(20, sub { change_all($db); return wait_until(0.3, \&building) });
}

sub nobody_was_killed {
    my ($h) = @_;
    unlike $h->log_text, qr/AH0004[567]|AH0005[012]/, '... and nobody had to be killed';
    return;
}

sub takes_less {
    my ($seconds, $what, $sub) = @_;
    my $at = time;
    $sub->();
    my $took = time - $at;
    cmp_ok $took, '<', $seconds, sprintf '%s: %.2f s', $what, $took;
    return;
}

subtest 'stopped while lists are built in advance' => sub {
    for my $round (1 .. 6) {
        my $h = serve(config => "KissWarm 50 100ms\n");
        ask_list($h, $_) for qw(/products /stock /prices);
        ok changed_until_building(), "round $round: a list is being built";
        sleep 0.03 * $round;
        takes_less($at_once, 'it stops', sub { $h->stop });
        nobody_was_killed($h);
        $h->log_ok;
    }
};

subtest 'reloaded while lists are built in advance' => sub {
    my $h = serve(config => "KissWarm 50 100ms\n");
    ask_list($h, $_) for qw(/products /stock /prices);
    for my $round (1 .. 6) {
        my %old = map { $_ => 1 } $h->children;
        ok changed_until_building(), "round $round: a list is being built";
        $h->graceful;
        takes_less($at_once, 'the old children end', sub { wait_until(10, sub { !grep { $old{$_} } $h->children }) });
    }
    takes_less($at_once, 'it stops', sub { $h->stop });
    nobody_was_killed($h);
    $h->log_ok;
};

# Prefork ends a child within the signal handler, wherever its one request is. The thread sanitizer would report each free() there.
my $default = $ENV{KISS_TEST_MPM} || 'event';
my @mpm = grep { $_ eq $default || KissTest::Httpd::load_module("mpm_$_") && -e KissTest::Httpd::apxs('LIBEXECDIR') . "/mod_mpm_$_.so" } qw(event worker),
    ($ENV{KISS_TEST_PRELOAD} || '') =~ /libtsan/ ? () : 'prefork';
for my $case (map { my $mpm = $_; map { [$mpm, $_] } qw(restart stop) } @mpm) {
    my ($mpm, $way) = @$case;
    subtest "$mpm: $way while the database says nothing" => sub {
        my $h = serve(mpm => $mpm);
        ask_list($h, '/stock');
        change_all($db);
        my $release = hold($server, $db, 'product_image');
        # A list that is built, those who wait for it, and a request that reads what a cached one depends on.
        my $load = KissTest::Load->start(4, sub {
            my ($i, $n) = @_;
            return { status => fetch($h, $i % 2 ? '/stock' : '/products', Authorization => $h->{bearer}{ACME01})->{status} };
        });
        ok wait_until(10, sub { waiting($server) >= 1 }), 'a list is being built';
        $server->freeze;
        sleep 0.3;
        takes_less($at_once, "$way is done at once", sub { $h->$way });
        $server->thaw;
        ok wait_until(10, sub { $server->alive }), 'the database is back';
        $release->();
        nobody_was_killed($h);
        if ($way eq 'restart') {
            ok wait_until(10, sub { ask_list($h, '/stock')->{status} == 200 }), 'and all is well';
        }
        $load->finish;
        $h->log_ok(qr/KISS0(?:20[125]|502|810)/);
    };
}

# The lock of a list may be that of a process that does not end; who waits for it waits for half a minute.
for my $mpm (@mpm) {
    subtest "$mpm: stopped while a list is built elsewhere" => sub {
        my $h = serve(mpm => $mpm);
        ask_list($h, $_) for qw(/stock /products);
        my @held = map { lock_file($_) } glob folder($h) . '/lock.*';
        ok scalar @held, 'somebody has the locks of the lists';
        unlink glob folder($h) . '/*@*';
        my @requests = map { ask_later($h, $_, Authorization => $h->{bearer}{ACME01}) } qw(/products /products /stock);
        ok wait_until(20, sub { 3 == grep { (readlink || '') =~ m{/lock\.} } map { glob "/proc/$_/fd/*" } $h->children }), 'three requests wait for them';
        takes_less($at_once, 'it stops', sub { $h->stop });
        nobody_was_killed($h);
        $_->() for @held, @requests;
        $h->log_ok(qr/KISS0502/);
    };
}

subtest 'a start or reload does not wait for databases' => sub {
    my $text = '';
    for my $i (1 .. 5) {
        $text .= "KissDatabase d$i socket=$server->{socket} user=kiss dbname=$db password-file=$server->{dir}/kiss.password "
            . "timeout=1s connect=1s\n<Location /d$i>\nSetHandler kiss\nKissApi customer\nKissUseDatabase d$i\nKissAllowPlainHTTP On\n"
            . "KissTokenKeys token.keys\n</Location>\n";
    }
    my $h = serve(config => $text);
    ok $h->checked, 'the databases were checked';
    is_deeply [sort $h->log_text =~ /KISS0206: database (\w+)/g], [qw(customer d1 d2 d3 d4 d5)], '... each of them, once';
    my $at = time;
    $h->graceful;
    my $usual = time - $at;
    ok $h->checked, 'after a reload, too';
    $server->freeze;
    takes_less($usual + 4, sprintf('a reload with frozen databases waits for none: it takes %.2f s, and not six more', $usual), sub { $h->graceful });
    my $version;
    takes_less(4, "... and the new children serve", sub { $version = $h->get('/api/version') });
    is $version->{status}, 200, '... indeed';
    ok $h->checked, 'meanwhile they are checked';
    is_deeply [sort $h->last_start =~ /KISS0205: database (\w+) is not usable now/g], [qw(customer d1 d2 d3 d4 d5)], '... which finds them away';
    my $other;
    takes_less($usual + 4, 'a first start, neither', sub { $other = start_httpd(config => $text) });
    takes_less(4, '... which can be stopped at once, too', sub { $other->stop });
    $server->thaw;
    ok wait_until(10, sub { $server->alive }), 'the database is back';
    $h->graceful;
    ok $h->checked, 'checked once more';
    is scalar(() = $h->last_start =~ /KISS0206/g), 6, '... all is well';
    $h->log_ok(qr/KISS0(?:20[15]|810)/);
    $other->log_ok(qr/KISS020[15]/);
};

subtest 'a reload lets those finish who are served' => sub {
    my $h = serve();
    change_all($db);
    my $release = hold($server, $db, 'product_image');
    my $load = KissTest::Load->start(1, sub {
        my ($i, $n) = @_;
        return $n ? do { sleep 0.1; {} } : fetch($h, '/products', Authorization => $h->{bearer}{ACME01});
    });
    ok wait_until(5, sub { waiting($server) == 1 }), 'a list is being built';
    $h->graceful;
    $release->();
    my ($first) = $load->finish;
    is $first->{status}, 200, 'its client gets it, whole';
    $h->log_ok;
};

done_testing;
