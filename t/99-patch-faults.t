# Faults while a list is derived from an earlier version of itself: of processes, of the disk, of the files, of the database. Each answer
# has the bytes of a list that is read completely, or it is a 503; the log says why; nothing is left in the cache directory.
# SPDX-License-Identifier: Apache-2.0
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Digest::SHA qw(sha256_hex);
use IO::Uncompress::Gunzip qw(gunzip $GunzipError);
use KissTest;
use KissTest::Database;
use KissTest::Faults;
use KissTest::Lists;
use KissTest::Load;
use Test::More;
use Time::HiRes qw(sleep time);

# Its own: it is stopped below, and what it has committed must last. innodb_snapshot_isolation is ON, as from MariaDB 11.6 on.
my $server = KissTest::Database->start(args => ['--innodb-flush-log-at-trx-commit=1', '--loose-innodb-snapshot-isolation=ON']);
my $db = new_database('faults', server => $server);
import_sample($db);
grow($server, $db, 400);
my %key = (ACME01 => issue_key('ACME01'));
my @gz = ('Accept-Encoding' => 'gzip');
# Statements wait while a fault is prepared.
my @serve = (\%key, pool => 'max=6 timeout=60s', log_level => 'info kiss:debug');

# This one never has an earlier version: its answers are read completely.
my $whole = serve_lists(@serve, modules => []);
sub expected { my ($path) = @_; unlink glob folder($whole) . '/*@*'; return ask_list($whole, $path) }

# change($h): one product more is changed, since the list that is cached now, and no other version.
my $changes = 0;
sub change { my $n = sprintf 'ZZ%08d', 100 + ++$changes; return sql($db, "UPDATE product SET name = 'Changed $changes' WHERE sku = '$n'") }
# start_over($h, [@headers]...): nothing is cached but the answers to these requests.
sub start_over {
    my ($h, @requests) = @_;
    unlink grep { -f || -l || -p } glob folder($h) . '/*@*';
    return map { ask_list($h, '/products', undef, @$_) } @requests ? @requests : [];
}

sub plain_of { my ($res) = @_; return $res->{content} if ($res->{headers}{'content-encoding'} // '') ne 'gzip'; gunzip(\$res->{content} => \my $text) or die $GunzipError; return $text }

# while_patching($h, $table, $fault, @headers): the answer of /products whose job waits for a table when $fault is called. The log of changes
# is read when candidates for the base were found; the images when it was chosen and opened.
sub while_patching {
    my ($h, $table, $fault, @headers) = @_;
    change();
    my $release = hold($server, $db, $table);
    my $request = ask_later($h, '/products', Authorization => $h->{bearer}{ACME01}, @headers);
    my $waits = wait_until(20, sub { waiting($server) >= 1 });
    my $undo = $fault->() if $waits;
    eval { $release->() };      # the server may be gone
    my $res = $request->();
    $undo->() if ref $undo eq 'CODE';
    return $waits ? $res : { status => 'no job waits for the table', headers => {}, content => '' };
}

# is_right($res, $what): 200 with the bytes and the ETag of the list that is read completely.
sub is_right {
    my ($res, $what) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $good = expected('/products');
    is $res->{status}, 200, "$what: 200" or return diag substr $res->{content}, 0, 200;
    my ($tag) = $res->{headers}{etag} =~ /\A("[\w-]{22})/;
    is $tag, substr($good->{headers}{etag}, 0, 23), '... with the ETag';
    ok plain_of($res) eq $good->{content}, '... and the bytes of a list that is read completely';
    return;
}

sub is_503 {
    my ($res, $what) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    is $res->{status}, 503, "$what: 503";
    ok $res->{headers}{'retry-after'}, '... with Retry-After';
    return;
}

# said($h, $from): what the log says of the list that was read completely, or "patched".
sub said {
    my ($h, $from) = @_;
    my @said;
    wait_until(5, sub { @said = substr($h->log_text, $from) =~ /KISS061(?:5: products: (derived)|6: products: read completely \((.*?)\)$)/mg; grep {defined} @said });
    return join '; ', map { $_ eq 'derived' ? 'patched' : $_ } grep {defined} @said;
}

# afterwards($h): all is well.
sub afterwards {
    my ($h, $how) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    change();
    my $res = ask_list($h, '/products');
    is_right($res, 'afterwards');
    is fate($h, $res), $how || 'patched', '... ' . ($how || 'patched');
    is leftovers(folder($h)), '', 'no file is left';
    return;
}

subtest 'the base, between being chosen and being opened' => sub {
    my $h = serve_lists(@serve);
    my $unread = 'no earlier version that is cached can be read';
    my $put = sub { my ($path, $text) = @_; unlink $path; spew($path, $text, 0600); run('chown', 'www-data', $path) if $> == 0; return };
    my %fault = (
        truncated => [sub { my $p = shift; truncate $p, 100_000 }, 1],
        emptied => [sub { my $p = shift; truncate $p, 0 }, 1],
        altered => [sub { my $p = shift; open my $f, '+<', $p or die; seek $f, 50_000, 0; print {$f} '#'; close $f }, 1],
        removed => [sub { unlink shift }, 0],
        'a symbolic link' => [sub { my $p = shift; unlink $p; symlink '/etc/passwd', $p }, 1],
        'a pipe' => [sub { my $p = shift; unlink $p; run('mkfifo', '-m', '666', $p) }, 1],
        'a directory' => [sub { my $p = shift; unlink $p; mkdir $p }, 1],
        'of an older module' => [sub { my $p = shift; my $t = substr slurp($p), 0, 1000; $put->($p, $t . pack 'a8 Q L L', "kiss-2\n", 1000, 0, 0) }, 0],
        'of a newer module' => [sub { my $p = shift; $put->($p, slurp($p) =~ s/kiss-4(\n\0.{24})\z/kiss-9$1/sr) }, 1],
        'of another list' => [sub { my $p = shift; $put->($p, slurp(path_of($h, ask_list($h, '/stock')))) }, 1],
    );
    for my $name (sort keys %fault) {
        my ($fault, $warned) = @{ $fault{$name} };
        my ($base) = start_over($h);
        my $from = length $h->log_text;
        is_right(while_patching($h, 'change_log', sub { $fault->(path_of($h, $base)); return }), $name);
        is said($h, $from), $unread, '... and the log says why it was read completely';
        my $log = substr $h->log_text, $from;
        $warned ? like $log, qr/KISS0608/, '... and that the file was damaged' : unlike $log, qr/KISS06(?:08|10)/, '... and no more';
    }
    # With two versions, the older one is taken.
    my ($older) = start_over($h);
    change();
    my $newer = ask_list($h, '/products');
    my $from = length $h->log_text;
    is_right(while_patching($h, 'change_log', sub { unlink path_of($h, $newer) or die; return }), 'the newer one of two is removed');
    is said($h, $from), 'patched', '... the older one is the base';
    afterwards($h);
    $h->log_ok(qr/KISS0608/);
};

subtest 'the base, while it is copied' => sub {
    my $h = serve_lists(@serve);
    my ($base) = start_over($h);
    my $from = length $h->log_text;
    is_right(while_patching($h, 'product_image', sub { unlink path_of($h, $base) or die; return }), 'removed');
    is said($h, $from), 'patched', '... it stays mapped';
    ($base) = start_over($h);
    is_right(while_patching($h, 'product_image', sub { my $p = path_of($h, $base); spew("$p.x", 'x', 0600); rename "$p.x", $p; return }), 'another one in its place');
    ($base) = start_over($h);
    $from = length $h->log_text;
    my $path = path_of($h, $base);
    # In a chunk that no change touches: it is copied.
    is_right(while_patching($h, 'product_image', sub { open my $f, '+<', $path or die; seek $f, 50_000, 0; print {$f} '#'; close $f; return }), 'altered');
    like said($h, $from), qr/\Athe cached version was altered/, '... so it was read completely, and the log says why';
    # The file that the newest version refers to.
    for my $coding ([], \@gz) {
        ($base) = start_over($h);
        change();
        my $newest = ask_list($h, '/products');
        $from = length $h->log_text;
        $path = path_of($h, $base);
        is_right(while_patching($h, 'product_image', sub { open my $f, '+<', $path or die; seek $f, 50_000, 0; print {$f} '#'; close $f; return }, @$coding), 'altered, and referred to');
        like said($h, $from), qr/\Athe cached version was altered/, '... so the list was read completely';
        ($base) = start_over($h);
        change();
        ask_list($h, '/products');
        is_right(while_patching($h, 'product_image', sub { unlink path_of($h, $base) or die; return }, @$coding), 'removed, and referred to');
        is_right(ask_list($h, '/products', undef, @$coding), '... and once more');
    }
    start_over($h);
    afterwards($h);
    $h->log_ok(qr/KISS0608/);
};

# Where few lists fit into the cache a version has all its bytes, else it refers to the file of an earlier one.
sub compressed_version {
    my ($config) = @_;
    my $h = serve_lists(@serve, config => $config);
    my ($gzip, $path);
    my $start = sub { ($gzip) = start_over($h, \@gz); $path = path_of($h, $gzip); return };
    my $alter = sub { my ($where) = @_; open my $f, '+<', $path or die; seek $f, $where * -s $path, 0; print {$f} '####'; close $f; return };
    $start->();
    change();
    my $extents = unpack 'L', substr slurp(path_of($h, ask_list($h, '/products', undef, @gz))), -4;
    is $extents > 0, $config eq '', "the next one has $extents extents";
    $start->();
    is_right(while_patching($h, 'product_image', sub { unlink $path or die; return }, @gz), 'removed');
    for my $where (0.1, 0.9) {
        $start->();
        is_right(while_patching($h, 'product_image', sub { return $alter->($where) }, @gz), "altered at $where");
    }
    $start->();
    is_right(while_patching($h, 'product_image', sub { truncate $path, 10_000; return }, @gz), 'truncated');
    # At whatever moment. What is referred to may be altered between the last check and the sending, as every cached list.
    for my $round (1 .. 6) {
        $start->();
        change();
        my $request = ask_later($h, '/products', Authorization => $h->{bearer}{ACME01}, @gz);
        sleep rand 0.03;
        $alter->(rand);
        my $res = $request->();
        is_right($res, "round $round: altered") if $res->{status} != 599 && !$extents;
        is_right(ask_list($h, '/products', undef, @gz), "after round $round") if $extents;
    }
    afterwards($h);
    $h->log_ok(qr/KISS060[89]/);
    return;
}
subtest 'the compressed version that chunks are copied from' => sub { compressed_version("KissCacheSize 3\n") };
subtest 'the compressed version that is referred to' => sub { compressed_version('') };

subtest 'the versions that are compared' => sub {
    my $h = serve_lists(@serve);
    for my $which (0, 1) {
        my ($old) = start_over($h);
        change();
        my $new = ask_list($h, '/products');
        my $path = path_of($h, ($old, $new)[$which]);
        # Both are cached: the job has opened them when it reads the log of changes.
        my $release = hold($server, $db, 'change_log');
        my $request = ask_later($h, '/products', Authorization => $h->{bearer}{ACME01}, 'If-None-Match' => $old->{headers}{etag}, 'A-IM' => 'sku-delta');
        ok wait_until(20, sub { waiting($server) >= 1 }), 'both versions are open';
        # The changed row begins with these words in both.
        open my $f, '+<', $path or die;
        my $sku = sprintf 'ZZ%08d', 100 + $changes;
        seek $f, index(slurp($path), qq("$sku")) + 40, 0;
        print {$f} '####';
        close $f;
        $release->();
        my $res = $request->();
        my $what = 'the ' . (qw(older newer))[$which] . ' one is altered';
        if ($res->{status} == 200) {
            is_right($res, $what);
        }
        else {
            my ($row) = expected('/products')->{content} =~ /^(\{"SKU":"\Q$sku\E",.*\})/m;
            is "$res->{status} $res->{content}", qq(226 {"added":[],\n"changed":[$row],\n"removed":[]}), "$what: exactly what has changed";
        }
    }
    afterwards($h);
    $h->log_ok(qr/KISS060[89]/);
};

subtest 'EnableMMAP Off' => sub {
    my $h = serve_lists(@serve, config => "EnableMMAP Off\n");
    my ($base) = start_over($h);
    my $from = length $h->log_text;
    change();
    my $res = ask_list($h, '/products', undef, @gz);
    is_right($res, 'a list');
    is said($h, $from), 'EnableMMAP is Off', '... is read completely, and the log says why';
    is((grep { m{/cache/snapshots/.*json} } map { split /\n/, slurp("/proc/$_/maps") } $h->children), 0, 'no file is mapped');
    afterwards($h, 'built');
    $h->log_ok;
};

subtest 'a child is killed' => sub {
    for my $coding ([], \@gz) {
        my $h = serve_lists(@serve);
        start_over($h, $coding);
        my %old = map { $_ => 1 } $h->children;
        my $res = while_patching($h, 'product_image', sub { kill KILL => keys %old; wait_until(20, sub { !grep { $old{$_} } $h->children }); return }, @$coding);
        is $res->{status}, 599, (@$coding ? 'while it waits to compress a list' : 'while it derives a list') . ': no answer at all';
        is leftovers(folder($h)), '', 'no file is left';
        ok wait_until(20, sub { scalar $h->children }), 'there are others';
        $res = ask_list($h, '/products', undef, @$coding);
        is_right($res, 'the next request');
        is fate($h, $res), 'patched', '... patched';
        afterwards($h);
        $h->log_ok(qr/exit signal Killed/);
    }
    # At whatever moment: while it reads, copies, compresses, publishes or sends.
    my $h = serve_lists(@serve);
    my $seen = '';
    for my $round (1 .. 8) {
        change();
        my $request = ask_later($h, '/products', Authorization => $h->{bearer}{ACME01}, $round % 2 ? @gz : ());
        sleep rand 0.04;
        kill KILL => $h->children;
        my $res = $request->();
        $seen .= $res->{status} . ' ';
        is_right($res, "round $round") if $res->{status} != 599;
        is_right(ask_list($h, '/products', undef, $round % 2 ? @gz : ()), "after round $round");
    }
    note $seen;
    afterwards($h);
    $h->log_ok(qr/exit signal Killed/);
};

subtest 'the disk' => sub {
    plan skip_all => 'only root can mount' if $> != 0;
    my $dir = tempdir_here() . '/cache';
    mkdir $dir;
    plan skip_all => 'no tmpfs can be mounted here' if (run('mount', '-t', 'tmpfs', '-o', 'size=256m,mode=700,uid=' . getpwnam('www-data'), 'tmpfs', $dir))[0];
    my $h = serve_lists(@serve, cache => $dir);
    for my $coding ([], \@gz) {
        # Lists that are removed have their room until no process has them mapped.
        my %old = map { $_ => 1 } $h->children;
        $h->graceful;
        ok wait_until(20, sub { !grep { $old{$_} } $h->children }), 'other processes';
        start_over($h, [], $coding);
        my $res = while_patching($h, 'product_image', sub {
            # Not even the row that is different fits.
            my $free = (split ' ', (run('df', '-B1', '--output=avail', $dir))[1])[-1];
            run('fallocate', '-l', $free, "$dir/full");
            return sub { unlink "$dir/full" or die };
        }, @$coding);
        is_503($res, 'full in the middle of ' . (@$coding ? 'a compressed list' : 'a list'));
        is_right(ask_list($h, '/products', undef, @$coding), 'room again');
        afterwards($h);
    }
    start_over($h);
    my $res = while_patching($h, 'product_image', sub {
        run('mount', '--bind', folder($h), folder($h));
        run('mount', '-o', 'remount,bind,ro', folder($h));
        return sub { run('umount', '-l', folder($h)) };
    });
    is_503($res, 'read-only');
    afterwards($h);
    $h->log_ok(qr/KISS0(?:601|612|706)/);
    $h->stop;
    run('umount', '-l', $dir);
};

subtest 'a quota' => sub {
    # Where so few lists fit, all bytes of a list are written.
    my $h = serve_lists(@serve, config => "KissCacheSize 1\n");
    # As the user that the children run as: root may lack the right.
    my @as = $> == 0 ? qw(setpriv --reuid www-data --regid www-data --clear-groups --) : ();
    my $limit = sub { my ($bytes) = @_; return grep { (run(@as, 'prlimit', '--pid', $_, "--fsize=$bytes:"))[0] } $h->children };
    plan skip_all => 'no limit can be set here' if $limit->('unlimited');
    my ($base) = start_over($h);
    my $size = -s path_of($h, $base);
    is_503(while_patching($h, 'product_image', sub { $limit->(int 0.6 * $size); return sub { $limit->('unlimited') } }), 'files may not grow so large');
    afterwards($h);
    $h->log_ok(qr/KISS0601/);
};

subtest 'the database' => sub {
    my $h = serve_lists(@serve);
    for my $table (qw(change_log product_image)) {
        start_over($h);
        my $from = length $h->log_text;
        my $res = while_patching($h, $table, sub {
            $server->sql(undef, "KILL QUERY $_->[0]") for $server->sql(undef, "SELECT id FROM information_schema.processlist WHERE user = 'kiss' AND command <> 'Sleep'");
            wait_until(20, sub { waiting($server) == 0 });
            return;
        });
        $res->{status} == 200 ? is_right($res, "the statement that reads $table is killed") : is_503($res, "the statement that reads $table is killed");
        start_over($h);
        $res = while_patching($h, $table, sub { kill_connections($server, "user = 'kiss'"); return });
        $res->{status} == 200 ? is_right($res, "the connection that reads $table is killed") : is_503($res, "the connection that reads $table is killed");
        start_over($h);
        $res = while_patching($h, $table, sub { $server->stop('KILL'); return sub { $server->resume } });
        is_503($res, "the server dies while $table is read");
        afterwards($h);
    }
    $h->log_ok(qr/KISS020[15]/);
    $whole->log_ok(qr/KISS020[15]/);
};

subtest 'without the log' => sub {
    my $h = serve_lists(@serve);
    for my $lost ('DROP TABLE change_log', 'ALTER TABLE change_log DROP COLUMN prev') {
        start_over($h);
        my $from = length $h->log_text;
        change();
        sql($db, $lost);
        is_right(ask_list($h, '/products'), $lost);
        is said($h, $from), 'the log of changes cannot be read', '... the list is read completely';
        like substr($h->log_text, $from), qr/KISS0210.*change_log|KISS0210.*prev/, '... and the log says what is missing';
        my $served = start_httpd(db => $db, server => $server);
        ok $served->checked, 'the databases were checked';
        like $served->log_text, qr/KISS0203.*change_log/, 'at start the log says it, too';
        $served->log_ok(qr/KISS0203/);
        my ($rc, $out) = kissctl({ db => $db }, 'doctor');
        like $out, qr/PROBLEM +(?:tables: missing: change_log|change log: it cannot be read)/, 'and so does the doctor';
        sql($db, 'DROP TABLE IF EXISTS change_log');
        kissctl_ok({ db => $db }, qw(schema repair));
    }
    start_over($h);
    afterwards($h);
    my $doctor = sub { return join "\n", (kissctl({ db => $db }, 'doctor'))[1] =~ /^\S+ +change log: .*$(?:\n +->.*$)?/mg };
    like $doctor->(), qr/\Aok +change log: it is as short as it should be\nok +change log: \d+ changes\z/, 'the doctor finds the log well';
    kissctl_ok({ db => $db }, qw(touch products));
    like $doctor->(), qr/ok +change log: \d+ changes; it does not tell of the last change of these, whose lists are read completely once: products\z/,
        '... or what it does not tell';
    sql($db, "INSERT INTO change_log (dataset, scope, n, sku, prev) SELECT 'stock', 'NOWHERE', seq, 'x', seq - 1 FROM seq_1_to_131073");
    like $doctor->(), qr/\Awarning +change log: 1 dataset has more than 131072 rows,.*: stock NOWHERE\n +-> TRUNCATE change_log/, '... or that nobody cuts it';
    sql($db, 'TRUNCATE change_log');
    like $doctor->(), qr/\Aok +change log: 0 changes\z/, '... or that it is empty';
    $h->log_ok(qr/KISS0210/);
};

for my $mpm (qw(event prefork worker)) {
    subtest "$mpm: a reload" => sub {
        plan skip_all => "this httpd has no $mpm" if !KissTest::Httpd::load_module("mpm_$mpm") || !-e KissTest::Httpd::apxs('LIBEXECDIR') . "/mod_mpm_$mpm.so";
        my $h = serve_lists(@serve, mpm => $mpm);
        for my $coding ([], \@gz) {
            start_over($h, $coding);
            my $from = length $h->log_text;
            is_right(while_patching($h, 'product_image', sub { $h->graceful; return }, @$coding), 'while ' . (@$coding ? 'a compressed list' : 'a list') . ' is derived');
            is said($h, $from), 'patched', '... it is finished';
        }
        afterwards($h);
        $h->log_ok;
    };
}

subtest 'the file of the versions' => sub {
    my $h = serve_lists(@serve);
    my ($base) = start_over($h);
    my $tag = $base->{headers}{etag} =~ s/"//gr;
    my ($states) = grep { slurp($_) =~ /^\Q$tag\E /m } glob folder($h) . '/*.states';
    ask_list($h, '/stock');
    my ($other) = grep { $_ ne $states } glob folder($h) . '/*.states';
    my %fault = (
        removed => sub { unlink $states },
        'cut off' => sub { truncate $states, 10 },
        garbage => sub { my $s = slurp($states); spew("$states", join('', map { chr rand 256 } 1 .. 5000) . $s =~ s/ \d+$/ 1/mgr, 0600) },
        'of another list' => sub { my $s = slurp($other); spew($states, $s, 0600) },
        'of a file system without room' => sub { spew($states, '', 0600) },
        'a pipe' => sub { unlink $states; run('mkfifo', '-m', '666', $states) },
        'a directory' => sub { unlink $states; mkdir $states },
    );
    for my $name (sort keys %fault) {
        change();
        ask_list($h, '/products');
        my $from = length $h->log_text;
        $fault{$name}->();
        run('chown', 'www-data', $states) if $> == 0;
        change();
        is_right(ask_list($h, '/products'), $name);
        is said($h, $from), 'no earlier version is cached', '... the list is read completely';
        like substr($h->log_text, $from), qr/KISS0613.*KISS0614/s, '... and the log says that the file cannot be used' if -p $states || -d $states;
        -d $states ? rmdir $states : -p _ ? unlink $states : next;
    }
    change();
    ask_list($h, '/products');
    afterwards($h);
    $h->log_ok;
};

subtest 'clocks and variables of writers' => sub {
    my $h = serve_lists(@serve);
    start_over($h);
    my $update = "UPDATE product SET name = CONCAT('At ', NOW(6), RAND()) WHERE sku = 'ZZ00000007'; UPDATE price SET unit_price = unit_price + 1 WHERE sku = 'ZZ00000008'";
    for my $set ('TIMESTAMP = UNIX_TIMESTAMP() - 3600', 'TIMESTAMP = UNIX_TIMESTAMP() + 3600', 'TIMESTAMP = UNIX_TIMESTAMP() - 7200', "time_zone = '-12:00'",
        '@kiss_bulk = 1', "\@kiss_bulk = 'kissctl:1'", "\@kiss_bulk = ''")
    {
        sql($db, "SET $set; $update");
        for my $path ('/products', '/prices') {
            my ($got, $good) = map { $_->($path) } sub { ask_list($h, @_) }, \&expected;
            ok $got->{status} == 200 && $got->{content} eq $good->{content} && $got->{headers}{etag} eq $good->{headers}{etag}, "$set: $path is right";
            is fate($h, $got), 'patched', '... patched' if $path eq '/products';
        }
    }
    $h->log_ok;
};

subtest 'HTTP/2' => sub {
    plan skip_all => 'no HTTP/2 here' if ($ENV{KISS_TEST_MPM} || '') eq 'prefork' || (run(qw(curl --version)))[1] !~ /\bHTTP2\b/
        || !-e KissTest::Httpd::apxs('LIBEXECDIR') . '/mod_http2.so';
    my $h = serve_lists(@serve, modules => ['http2'], config => "Protocols h2c http/1.1\n");
    start_over($h, [], \@gz);
    my $good;
    for my $coding ([], ['--compressed']) {
        change();
        my $from = length $h->log_text;
        my ($rc, $out, $err) = run('curl', '-sS', '--http2-prior-knowledge', @$coding, '-H', "Authorization: $h->{bearer}{ACME01}", '-w', '%{http_version} %{http_code}', "http://127.0.0.1:$h->{port}/products");
        $good = expected('/products');
        ok "$rc$err" eq '0' && $out eq "$good->{content}2 200", 'a list is right' . (@$coding ? ', compressed' : '') or diag "$rc $err";
        is said($h, $from), 'patched', '... patched';
    }
    $h->log_ok;
};

# Writers, imports and readers at the same time, of a server that derives lists and one that reads them: one ETag, one answer.
subtest 'writers and imports beside it' => sub {
    my $of = new_database('writers', server => $server);
    my @dirs = map { tempdir_here() } 0, 1;
    for my $i (0, 1) {
        run('cp', glob(top() . '/sql/sample/*.csv'), $dirs[$i]);
        my $prices = slurp("$dirs[$i]/prices.csv");
        $prices =~ s/^(UKTRADE,[^,]*,)[^,]*/${1}1$i.5/m or die 'no price';
        spew("$dirs[$i]/prices.csv", $prices);
    }
    import_csv($of, $dirs[0]);
    my @server = (\%key, pool => 'max=6', modules => []);
    $key{ACME01} = issue_key('ACME01');
    my ($one, $two) = map { serve_lists(@server) } 0, 1;
    my @paths = qw(/products /prices /stock);
    my $load = KissTest::Load->start(4, sub {
        my ($i, $n) = @_;
        if ($i == 0) {
            sql($of, 'UPDATE price SET unit_price = unit_price + 0.01 WHERE sku = (SELECT * FROM (SELECT sku FROM product ORDER BY RAND() LIMIT 1) q);'
                . " UPDATE stock SET available_qty = available_qty + 1 ORDER BY RAND() LIMIT 2; UPDATE product SET name = CONCAT('New ', RAND()) ORDER BY RAND() LIMIT 1");
            import_csv($of, $dirs[$n / 8 % 2]) if $n % 8 == 7;
            return {};
        }
        my $h = $i == 3 ? $two : $one;
        unlink glob folder($two) . '/*@*' if $i == 3;
        my $res = ask_list($h, $paths[$n % 3], undef, $i == 2 ? @gz : ());
        return { status => $res->{status}, tag => $res->{headers}{etag} =~ s/-gzip\w*//r, sum => sha256_hex(plain_of($res)), server => $i == 3 ? 2 : 1 };
    });
    sleep 5;
    my @seen = grep { $_->{status} } $load->finish;
    is scalar(grep { $_->{status} != 200 } @seen), 0, @seen . ' answers';
    my (%sum, %by);
    for (@seen) { $sum{ $_->{tag} }{ $_->{sum} } = 1; $by{ $_->{tag} }{ $_->{server} } = 1 }
    is scalar(grep { keys %$_ > 1 } values %sum), 0, '... of ' . keys(%sum) . ' versions, each with one content';
    note 'versions seen from both: ' . grep { keys %$_ > 1 } values %by;
    for my $path (@paths) {
        unlink glob folder($two) . '/*@*';
        my ($got, $good) = map { ask_list($_, $path) } $one, $two;
        ok $got->{content} eq $good->{content} && $got->{headers}{etag} eq $good->{headers}{etag}, "$path is right at the end";
    }
    like slurp($one->{access}), qr/ patched /, 'lists were patched meanwhile';
    $_->log_ok for $one, $two;
};

done_testing;
