# Faults of a child: it is killed while it has a lock, has no memory left, its clock jumps, files are cut off while it has them mapped, it
# serves one connection only. Others go on within a bounded time, no answer is wrong, all is well as soon as the cause is gone.
# SPDX-License-Identifier: Apache-2.0
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use KissTest;
use KissTest::Faults;
use KissTest::Lists;
use KissTest::Load;
use KissTest::Metrics;
use KissTest::SlowClient;
use POSIX ();
use Test::More;
use Time::HiRes qw(sleep);

my $server = KissTest::Database->start;
my $db = new_database('child', server => $server);
import_sample($db);
grow($server, $db, 3000);
my %key = (ACME01 => issue_key('ACME01'));

# An httpd whose processes can be told to have faults, and what its /products is when all is well.
my $prefork = ($ENV{KISS_TEST_MPM} || '') eq 'prefork';

sub serve {
    my ($tool, %opt) = @_;
    my $fault = $tool ? preload($tool) : {};
    my $h = serve_lists(\%key, %opt, env => $fault->{env} || {});
    $h->{fault} = $fault;
    $h->{good} = ask_list($h, '/products')->{content};
    return $h;
}

sub ask { my ($h, $path, @more) = @_; return ask_once($h, 'GET', $path // '/products', undef, Authorization => $h->{bearer}{ACME01}, @more) }
sub empty { my ($h) = @_; unlink glob folder($h) . '/*@*'; return }
sub is_right { my ($h, $res) = @_; return $res->{status} == 200 && $res->{content} eq $h->{good} ? 'right' : "$res->{status} " . substr $res->{content}, 0, 200 }

# The locks of a request in turn: the process has just acquired it when it is killed.
for my $kind ('pthread', 'fcntl:run', 'flock:run', 'sysvsem') {
    subtest "killed while it has a lock: Mutex $kind" => sub {
        plan skip_all => cannot_preload('failnth') if cannot_preload('failnth');
        my $h = serve('failnth', processes => 2, threads => 4, config => "Mutex $kind kiss-limit\n");
        my (%name, @wrong);
        for my $n (1 .. 30) {
            empty($h);
            arm($h->{fault}, group => 'locks', first => $n, directory => "$h->{root}/cache");
            my $res = ask($h);
            my $seen = disarm($h->{fault});
            push @wrong, "lock $n, $seen->{name}: " . is_right($h, $res) if is_right($h, $res) ne 'right' && !($seen->{failed} && $res->{status} == 599);
            # At once by another process, or by the new one.
            my $next = is_right($h, ask($h));
            push @wrong, "after lock $n, $seen->{name}: $next" if $next ne 'right';
            push @wrong, "after lock $n, $seen->{name}: " . leftovers(folder($h)) if leftovers(folder($h)) ne '';
            last if !$seen->{failed};
            $name{ $seen->{name} }++;
        }
        is "@wrong", '', 'others go on';
        ok $name{$_}, "... after $_()" for qw(apr_global_mutex_lock F_OFD_SETLK);
        # Prefork has one for each request at a time, and one that waits.
        ok wait_until(20, sub { my $n = my @c = $h->children; $prefork ? $n >= 1 : $n == 2 }), '... and there are as many processes as ever';
        $h->log_ok(qr/exit signal Killed/);
    };
}

subtest 'a mutex that stays locked' => sub {
    my $h = eval { serve(undef, config => "Mutex posixsem kiss-limit\n") };
    plan skip_all => 'no such mutexes here' if !$h && $@ =~ /Mutex|posixsem/;
    like $h->log_text, qr/KISS0686: .*posixsem/, 'the log warns of it';
    $h->log_ok(qr/KISS0686/);
};

subtest 'no memory left' => sub {
    plan skip_all => 'a sanitizer needs memory of its own' if $ENV{KISS_TEST_PRELOAD};
    my @as = $> == 0 ? qw(setpriv --reuid www-data --regid www-data --clear-groups --) : ();
    my $h = serve(undef, processes => 1, threads => 4);
    my $limit = sub {
        my ($room) = @_;
        return grep {
            my $bytes = defined $room ? $room + 4096 * (slurp("/proc/$_/statm") =~ /^(\d+)/)[0] : 'unlimited';
            (run(@as, 'prlimit', '--pid', $_, "--as=$bytes:"))[0];
        } $h->children;
    };
    plan skip_all => 'no limit can be set here' if $limit->();
    my (@wrong, %status);
    # APR's pools end a process that has no memory left, by design: another one comes.
    for my $room (0, 262_144, 1 << 20, 4 << 20) {
        for my $gzip ([], ['Accept-Encoding' => 'gzip']) {
            empty($h);
            $limit->($room);
            my $res = ask($h, '/products', @$gzip);
            $status{ $res->{status} }++;
            my $good = $res->{status} == 200 ? @$gzip || is_right($h, $res) eq 'right' : $res->{status} =~ /\A(?:500|503|599)\z/;
            push @wrong, "$room: $res->{status} " . substr $res->{content}, 0, 100 if !$good;
            $limit->();
            push @wrong, "$room, then: $_" for grep { $_ ne 'right' } is_right($h, ask($h));
        }
    }
    is "@wrong", '', 'no answer is wrong: ' . join ', ', map {"$status{$_} times $_"} sort keys %status;
    is leftovers(folder($h)), '', 'no file is left';
    $h->log_ok(qr/exit signal|AH00052|KISS|no memory|emory|AH0003[0-9]|apr_thread_create|AH0/);
};

subtest 'the clock jumps' => sub {
    plan skip_all => cannot_preload('shiftclock') if cannot_preload('shiftclock');
    my $h = serve('shiftclock', processes => 1, threads => 4, pool => 'max=1 wait=5s timeout=20s', config => metrics_location());
    my $shift = sub { shift_clock($h->{fault}, @_); return };
    my $token = sub { $h->{bearer}{ACME01} = 'Bearer ' . $h->token('ACME01', $key{ACME01}); return };

    for my $hours (1.1, -1.1) {
        $shift->($hours * 3600);
        is ask($h)->{status}, 401, "$hours hours: a token of another time is refused";
        $token->();
        is is_right($h, ask($h)), 'right', '... a new one is good';
        empty($h);
        is is_right($h, ask($h)), 'right', '... a list is built';
    }
    $shift->(0);
    # From now on one that is good at all these times.
    $h->{bearer}{ACME01} = 'Bearer ' . jwt({ %{ claims_of($h->{bearer}{ACME01}) }, iat => time - 7200, nbf => time - 7200, exp => time + 7200 }, keys => $h->{token_keys});

    # While a request waits for the database.
    for my $hours (1, -1) {
        change_all($db);
        my $release = hold($server, $db, 'product_image');
        my $request = ask_later($h, '/products', Authorization => $h->{bearer}{ACME01});
        ok wait_until(20, sub { waiting($server) == 1 }), 'a list is being read';
        my $second = ask_later($h, '/prices', Authorization => $h->{bearer}{ACME01});
        $shift->($hours * 3600);
        $second = $second->() if $hours > 0;
        $release->();
        is is_right($h, $request->()), 'right', "$hours hours while it is read: it is right";
        $second = $second->() if ref $second eq 'CODE';
        # Each process of prefork has a connection of its own.
        my $refused = $hours > 0 && !$prefork;
        is $second->{status}, $refused ? 503 : 200, '... who waits for its connection ' . ($refused ? 'is told to come again' : 'gets it');
        $shift->(0);
    }
    my $m = metrics($h);
    is_deeply [grep { /^kiss_database_\w+_(?:total|sum)\b/ && $m->{$_} > 600 } sort keys %$m], [], 'what the metrics say of the database is not what the clock says';

    # A build lock that somebody else has.
    for my $hours (0, -1) {
        empty($h);
        my @held = map { lock_file($_) } glob folder($h) . '/lock.*';
        my $request = ask_later($h, '/products', Authorization => $h->{bearer}{ACME01});
        ok wait_until(20, sub { grep { (readlink || '') =~ m{/lock\.} } map { glob "/proc/$_/fd/*" } $h->children }), 'a request waits for the lock';
        $shift->(3600);
        sleep 0.2;                  # it may end here, and must not
        if ($hours) {
            $shift->($hours * 3600, 31);
            my $res = $request->();
            is $res->{status}, 503, 'the lock of a build, an hour back: 503 when 30 seconds are over';
            ok $res->{headers}{'retry-after'}, '... with Retry-After';
        }
        $_->() for @held;
        is is_right($h, $request->()), 'right', 'the lock of a build, an hour ahead: it is waited for' if !$hours;
    }
    $shift->(0);
    is is_right($h, ask($h)), 'right', 'afterwards';
    $h->log_ok(qr/KISS0202|KISS060/);
};

# in_place($h): waits until the main thread of each child waits for the parent. A child of event that a thread of its own tells to end
# earlier than that does not hear of it: it neither ends nor serves (2.4.71).
sub in_place {
    my ($h) = @_;
    return wait_until(5, sub {
        my @at = map { my $pid = $_; eval { slurp("/proc/$pid/wchan") } // '' } $h->children;
        return @at && !grep { !/pipe/ } @at;
    });
}

subtest 'one connection for each process' => sub {
    for my $mpm (qw(event prefork)) {
        SKIP: {
            skip "this httpd has no $mpm", 2 if !KissTest::Httpd::load_module("mpm_$mpm") || !-e KissTest::Httpd::apxs('LIBEXECDIR') . "/mod_mpm_$mpm.so";
            my $h = serve(undef, mpm => $mpm, processes => 2, threads => 4, config => "MaxConnectionsPerChild 1\n");
            my @all = map { $_ % 3 || empty($h); in_place($h) if $mpm eq 'event'; is_right($h, ask($h)) } 1 .. 6;
            is scalar(grep { $_ eq 'right' } @all), 6, "$mpm: each answer is right" or diag explain \@all;
            ok wait_until(20, sub { connections($server, "db = '$db'") <= 2 * 4 * 2 }), '... and no connection to the database is left of those that ended';
            $h->log_ok(qr/AH03490/);        # of event itself: those that end still have their places
        }
    }
};

# httpd -X, as for a debugger: the one process is parent and child.
subtest 'one process' => sub {
    my $h = serve(undef, threads => 4);
    $h->stop;
    my $pid = KissTest::Database::spawn("$h->{root}/stderr", { $h->_environment }, KissTest::Httpd::program(), '-d', $h->{root}, '-f', $h->{conf}, '-X');
    ok wait_until(30, sub { ask($h)->{status} == 200 }), 'it serves';
    empty($h);
    is is_right($h, ask($h)), 'right', '... what it builds';
    is scalar(grep { $_ eq 'right' } parallel(4, sub { is_right($h, ask($h)) })), 4, '... and several at a time';
    kill TERM => $pid;
    ok wait_until(20, sub { waitpid($pid, POSIX::WNOHANG()) == $pid }), '... and ends when it is told to';
    $h->log_ok;
};

subtest 'restarted twice, without a pause' => sub {
    my $h = serve(undef);
    $h->_settle;
    kill HUP => $h->{pid};
    kill HUP => $h->{pid};
    ok wait_until(30, sub { $h->last_start =~ /KISS0250/ }), 'it serves again';
    # The second signal may be taken late, and such a restart ends the requests that it finds.
    my $answers = sub {
        my %seen;
        wait_until(30, sub { my $is = is_right($h, ask($h)); $seen{ $is =~ s/\A(503|599) .*/ended/sr }++; return $is eq 'right' });
        delete $seen{ended};
        return join ' ', sort keys %seen;
    };
    is $answers->(), 'right', '... and right';
    $h->restart;
    $h->restart;
    is $answers->(), 'right', 'one after the other, too';
    $h->log_ok;
};

# What httpd sends from a mapping the kernel reads: an error of writev(), not a signal. What is read by a program ends the process (doc/faults.md).
subtest 'a list is cut off while it is mapped' => sub {
    my $h = serve(undef, processes => 2, threads => 8);
    my $path = path_of($h, ask_list($h, '/products'));
    ask_list($h, '/products') for 1 .. 6;               # mapped by each process
    my @slow = map { slow_get($h, '/products', Authorization => $h->{bearer}{ACME01}) } 1 .. 4;
    my @got = map { read_some($_, 1024) } @slow;
    truncate $path, 100_000 or die "truncate: $!";
    $got[$_] .= read_rest($slow[$_]) for 0 .. $#slow;
    my @bodies = map { (split /\r\n\r\n/, $_, 2)[1] } @got;
    is scalar(grep { length $_ < length $h->{good} && $_ eq substr $h->{good}, 0, length $_ } @bodies), 4, 'what is being sent is broken off before its length'
        or diag join ' ', map { length $_ } @bodies;
    is is_right($h, ask($h)), 'right', 'the next answer is right';
    # Derived from it, while it is cut off.
    for my $round (1 .. 2) {
        empty($h);
        my $base = ask_list($h, '/products');
        sql($db, "UPDATE product SET name = 'Cut $round' WHERE sku = 'ZZ00000007'");
        my $release = hold($server, $db, 'product_image');
        my $request = ask_later($h, '/products', Authorization => $h->{bearer}{ACME01});
        ok wait_until(20, sub { waiting($server) >= 1 }), 'a list is being derived';
        truncate path_of($h, $base), 50_000;
        $release->();
        my $res = $request->();
        my $next = ask($h);
        is $next->{status}, 200, 'the next answer is complete';
        like $next->{content}, qr/"Cut $round"/, '... and of now';
        ok $res->{status} == 599 || $res->{content} eq $next->{content}, "... that one was, too, or none at all: $res->{status}";
    }
    is leftovers(folder($h)), '', 'no file is left';
    $h->log_ok(qr/KISS060[89]|exit signal Bus error/);
};

done_testing;
