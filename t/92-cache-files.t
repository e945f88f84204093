# How snapshots are kept: what stands in their files, what removes them and what never does, whatever happens to the files,
# the directory, the builders and the servers that share it.
# SPDX-License-Identifier: Apache-2.0
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Fcntl qw(:flock);
use KissTest;
use KissTest::Lists;
use KissTest::Load;
use Test::More;
use Time::HiRes qw(sleep time);

my $db = new_database('keep');
import_sample($db);
kissctl_ok(qw(customer add TWIN01 --price-list UKTRADE --warehouse UK01 --discount), discount_of($db, 'ACME01'));
my %key = map { $_ => issue_key($_) } qw(ACME01 TWIN01 BEAU02);
my $DAY = 86400;

sub serve { return serve_lists(\%key, @_) }

# Puts a file there as httpd's children make them.
sub put {
    my ($path, $text) = @_;
    spew($path, $text, 0600);
    run('chown', 'www-data:www-data', $path) if $> == 0;
    return;
}
# Whole seconds: what is read back can be set again.
sub age { my ($seconds, @files) = @_; my $t = int(time - $seconds); utime $t, $t, @files or die "utime: $!"; return }

# The process that keeps the directory: it holds the lock.
sub keeper {
    my ($h) = @_;
    my $pid;
    wait_until(10, sub { ($pid) = grep { grep { (readlink || '') =~ m{/keeper\.lock$} } glob "/proc/$_/fd/*" } $h->children; $pid && locked($h) });
    return $pid;
}
sub locked { my ($h) = @_; open my $f, '<', folder($h) . '/keeper.lock' or return 0; return !flock $f, LOCK_EX | LOCK_NB }

subtest 'a file says what it is' => sub {
    my $h = serve(modules => [qw(filter deflate)]);
    my $plain = ask_list($h, '/prices');
    my $text = slurp(path_of($h, $plain));
    my ($tag) = $plain->{headers}{etag} =~ /"(.*)"/;
    is substr($text, 0, length $plain->{content}), $plain->{content}, 'the answer';
    my $label = kept_parts(path_of($h, $plain))->{label};
    my %is = map { /\A(\w+): (.*)\z/ ? ($1 => $2) : () } split /\n/, $label;
    like delete $is{Scope}, qr/\A[\w-]{22}\z/, 'and of which list';
    like delete $is{Tag}, qr/\A[\w-]{16}\@\Q$tag\E\z/, '... of which database';
    is_deeply \%is, { Endpoint => 'prices', Location => '/', Coding => 'identity', PriceList => 'UKTRADE',
        Discount => discount_of($db, 'ACME01') =~ s/\.?0+\z//r, Warehouse => '', Customer => 'ACME01' }, 'and what it is';
    like slurp(path_of($h, ask_list($h, '/stock', 'BEAU02', 'Accept-Encoding' => 'gzip'))),
        qr/^Tag: [\w-]{16}\@[\w-]{22}-gzip[0-9a-f]{8}\nScope: [\w-]{22}\nEndpoint: stock\n.*^Coding: gzip\nPriceList: EUTRADE\nDiscount: \nWarehouse: NL01\nCustomer: BEAU02\n/ms,
        'a compressed one of another customer';
    $h->log_ok;
};

subtest 'what stands in the place of a file' => sub {
    my $h = serve(processes => 2);
    my $good = ask_list($h, '/prices');
    my $other = ask_list($h, '/prices', 'BEAU02');
    my ($path, $foreign) = map { path_of($h, $_) } $good, $other;
    my $whole = slurp($path);
    my $again = sub {
        my ($what, $made, $said) = @_;
        my $from = length $h->log_text;
        my $res = ask_list($h, '/prices');
        ok $res->{status} == 200 && $res->{content} eq $good->{content}, "$what: the answer is right";
        is fate($h, $res), $made, "... $made";
        is fate($h, ask_list($h, '/prices')), 'hit', '... and kept again';
        is -l $path || !-f $path ? 'no' : (kept_parts($path) // { answer => '' })->{answer} eq $good->{content} ? 'whole' : 'damaged', 'whole', '... in a file of its own';
        my $log = substr $h->log_text, $from;
        $said ? like $log, qr/KISS0608/, '... and the log says so' : unlike $log, qr/KISS/, '... without a word';
    };
    unlink $path;
    put("$path.x", slurp($foreign));
    rename "$path.x", $path;
    $again->("another customer's list", 'built', 1);
    unlink $path;
    link $foreign, $path or die "link: $!";     # the very file that this process knows as sound
    $again->("another customer's file", 'built', 1);
    my $old = substr($whole, 0, length $good->{content});
    for my $version (1, 2) {
        unlink $path;
        put($path, $old . pack('a8 Q L L', "kiss-$version\n", length $old, 0, 0));
        $again->("a file of older version $version", 'built', 0);
    }
    unlink $path;
    symlink '/etc/passwd', $path or die "symlink: $!";
    $again->('a symbolic link', 'built', 1);
    unlink $path;
    symlink "$path.none", $path or die "symlink: $!";
    my $res = ask_list($h, '/prices');
    ok $res->{status} == 200 && $res->{content} eq $good->{content}, 'a link that leads nowhere: the answer is right';
    unlink $path;
    mkdir $path or die "mkdir: $!";
    $again->('an empty directory', 'built', 1);
    unlink $path;
    run('mkfifo', '-m', '666', $path);
    my $at = time;
    $again->('a pipe', 'built', 1);
    cmp_ok time - $at, '<', 5, '... and nobody waited for its other end';
    $h->graceful;               # processes that have it open need no right to open it
    chmod 0000, $path;
    $again->('a file that cannot be read', 'built', 1);
    unlink $path;
    mkdir $path and spew("$path/x", 'x');
    for (1 .. 2) {
        $res = ask_list($h, '/prices');
        ok $res->{status} == 200 && $res->{content} eq $good->{content}, 'a directory with something in it: the answer is right';
    }
    ok -e "$path/x", '... and it is left alone';
    $h->log_ok(qr/KISS06(?:08|10)/);
};

subtest 'last used' => sub {
    my $h = serve(processes => 1);
    my $good = ask_list($h, '/prices');
    my $path = path_of($h, $good);
    age(3 * $DAY, $path);
    my $changed = (stat $path)[9];
    is fate($h, ask_list($h, '/prices')), 'hit', 'a hit';
    cmp_ok time - (stat $path)[8], '<', 10, '... is noted in the time of access';
    is +(stat _)[9], $changed, '... and the time of change stays';
    # The kernel itself may touch the time of access (relatime), but then not that of the inode's last change.
    my $noted = (Time::HiRes::stat $path)[10];
    is fate($h, ask_list($h, '/prices')), 'hit', 'hits soon after that' for 1 .. 3;
    is +(Time::HiRes::stat $path)[10], $noted, '... are not noted again';
    $h->log_ok;
};

subtest 'no older than KissCacheAge' => sub {
    my $h = serve(config => "KissCacheAge 2d\n", log_level => 'info');
    my %file = map { $_ => path_of($h, ask_list($h, $_)) } qw(/prices /stock /products);
    put(folder($h) . "/spool.$_", 'x') for qw(old new);
    my @states = sort glob folder($h) . '/*.states';
    is scalar @states, 3, 'each list has a file of its versions';
    age(3 * $DAY, $file{'/prices'}, folder($h) . '/spool.old', $states[0]);
    age(1.9 * $DAY, $states[1]);
    age(2.1 * $DAY, $file{'/stock'});
    utime time - 60, time - 3 * $DAY, $file{'/stock'};
    age(1.9 * $DAY, $file{'/products'});
    # The keeper looks through all of it when it begins: another one, when the first has died.
    kill KILL => keeper($h);
    ok wait_until(20, sub { !-e $file{'/prices'} && !-e folder($h) . '/spool.old' }), 'what was not used for so long is removed, and an orphan';
    ok !-e $states[0], '... and versions of a list that was not built for so long';
    ok -e $states[$_], '... others stay' for 1, 2;
    ok -e $file{'/stock'}, 'what was used stays';
    ok -e $file{'/products'}, 'what is not so old stays';
    ok -e folder($h) . '/spool.new', 'what may be being built stays';
    ok -e folder($h) . '/keeper.lock', 'so does the lock';
    is fate($h, ask_list($h, '/prices')), 'built', 'what was removed is built when it is asked for';
    like $h->log_text, qr/KISS0703: 1 cached list was removed/, 'the log says so';
    $h->log_ok(qr/AH00052/);                    # httpd says that a child was killed
};

subtest 'a burst of builds' => sub {
    my $h = serve(processes => 3, config => "KissCacheSize 2\n");
    my $most = 0;
    my $load = KissTest::Load->start(4, sub {
        my ($i, $n) = @_;
        sql($db, 'UPDATE revision SET n = n + 1') if !$i;
        my $res = ask_list($h, (qw(/products /stock /prices))[$n % 3], (qw(ACME01 BEAU02))[$i % 2]);
        return { status => $res->{status} };
    });
    my $end = time + 5;
    while (time < $end) {
        my $now = kept_bytes($h);
        $most = $now if $now > $most;
        sleep 0.002;
    }
    my @seen = $load->finish;
    is scalar(grep { $_->{status} != 200 } @seen), 0, 'all were answered: ' . @seen;
    # What one round of builders can add while the directory is looked through, and the margin of this look.
    cmp_ok $most, '<', 2 * 1048576 * 1.6, "never much more than KissCacheSize: $most bytes";
    ok wait_until(2, sub { kept_bytes($h) <= 2 * 1048576 }), 'and no more at the end';
    cmp_ok kept_bytes($h), '>', 1048576, 'nor much less';
    $h->log_ok;
};

subtest 'one keeper, and always one' => sub {
    my $h = serve(processes => 3, config => "KissCacheSize 1\n");
    my $first = keeper($h);
    ok $first, 'one child holds the lock';
    kill KILL => $first;
    my $second;
    ok wait_until(15, sub { $second = keeper($h); $second && $second != $first }), 'when it is killed another one takes over';
    $h->graceful;
    my %old = ($first => 1, $second => 1);
    my $third;
    ok wait_until(15, sub { $third = keeper($h); $third && !$old{$third} }), 'after a reload one of the new children';
    unlink glob folder($h) . '/*';
    for (1 .. 8) {
        sql($db, 'UPDATE revision SET n = n + 1');
        ask_list($h, '/products');
    }
    ok wait_until(5, sub { kept_bytes($h) <= 1048576 }), 'the directory was emptied, lock and all: it goes on';
    $h->log_ok(qr/AH00052/);
};

for my $mpm (qw(prefork worker event)) {
    subtest "$mpm: ends with its process" => sub {
        plan skip_all => "this httpd has no $mpm" if !KissTest::Httpd::load_module("mpm_$mpm")
            || !-e KissTest::Httpd::apxs('LIBEXECDIR') . "/mod_mpm_$mpm.so";
        my $h = serve(mpm => $mpm);
        ok keeper($h), 'a keeper';
        for (1 .. 3) {
            my @old = $h->children;
            $h->graceful;
            ok wait_until(5, sub { my %is = map { $_ => 1 } $h->children; !grep { $is{$_} } @old }), 'a reload: the old processes end';
        }
        is ask_list($h, '/stock')->{status}, 200, 'it serves';
        my $at = time;
        $h->stop;
        cmp_ok time - $at, '<', 4, 'it stops at once';
        unlike $h->log_text, qr/AH00045|AH00046|signal/, 'nobody had to be killed';
    };
}

done_testing;
