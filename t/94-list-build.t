# What can happen while a list is built or kept: its data change, its builder dies, the disk is full or closed; and servers
# that share a directory, or have one each.
# SPDX-License-Identifier: Apache-2.0
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use KissTest;
use KissTest::Lists;
use KissTest::Load;
use Test::More;
use Time::HiRes qw(sleep time);

my $server = KissTest::Database->start;
my $db = new_database('builders', server => $server);
import_sample($db);
my %key = map { $_ => issue_key($_) } qw(ACME01 BEAU02);
my %gz = ('Accept-Encoding' => 'gzip');
my $dir = tempdir_here();

sub serve { return serve_lists(\%key, pool => 'timeout=20s wait=10s max=4', db => $db, @_) }

# Never asked twice, whoever dies.
sub ask {
    my ($h, $path, $customer, @more) = @_;
    my $id = ask_id();
    return { %{ fetch($h, $path, Authorization => $h->{bearer}{ $customer || 'ACME01' }, 'X-Ask' => $id, @more) }, id => $id };
}

sub all_fates { my ($h) = @_; my %n; $n{ (split)[1] }++ for split /\n/, slurp($h->{access}); return \%n }

# later($sub): runs it in another process; what is returned waits for its value.
sub later {
    my ($sub) = @_;
    my $load = KissTest::Load->start(1, sub { my ($i, $n) = @_; $n ? do { sleep 0.1; {} } : $sub->() });
    return sub { return ($load->finish)[0] };
}

# The connections that wait for a table.
sub waiters {
    return map { $_->[0] }
        $server->sql(undef, q{SELECT id FROM information_schema.processlist WHERE user = 'kiss' AND state LIKE 'Waiting for table%lock'});
}
sub change { return change_all($db) }

subtest 'data that change while they are read' => sub {
    my $h = serve();
    my $before = ask($h, '/products');
    my $unchanged = $before->{content};
    change();
    my $release = hold($server, $db, 'product_image');
    my $reading = later(sub { ask($h, '/products') });
    ok wait_until(5, sub { waiting($server) == 1 }), 'a list is being read';
    # What its transaction sees is settled, though it has not read these tables yet.
    sql($db, "UPDATE price SET unit_price = unit_price + 1 WHERE price_list_code = 'UKTRADE'");
    sql($db, "DELETE FROM price WHERE price_list_code = 'UKTRADE' LIMIT 5");
    $release->();
    my $old = $reading->();
    is $old->{status}, 200, 'it is answered';
    ok $old->{content} eq $unchanged, '... with what was there when it began: nothing of the change';
    isnt $old->{headers}{etag}, $before->{headers}{etag}, '... under the ETag of that moment';
    my ($tag) = $old->{headers}{etag} =~ /"(.*)"/;
    like slurp(path_of($h, $old)), qr/\A\Q$unchanged\E\nTag: [\w-]{16}\@\Q$tag\E\n/, '... in the file of that name';
    my $new = ask($h, '/products');
    is fate($h, $new), 'built', 'the next one is built';
    isnt $new->{headers}{etag}, $old->{headers}{etag}, '... under another ETag';
    ok length $new->{content} < length($unchanged) - 1000, '... with the change: some are gone';
    is ask($h, '/products', undef, 'If-None-Match' => $old->{headers}{etag})->{status}, 200, 'who has the old one gets the new one';
    $h->log_ok;
};

subtest 'a change between the look and the read' => sub {
    my $h = serve(processes => 1);
    # Whatever is committed before the transaction begins is in the answer, and its ETag is that of the answer.
    my $writer = KissTest::Load->start(1, sub { sql($db, 'UPDATE stock SET available_qty = available_qty + 1'); return {} });
    my (%content, $bad);
    my $end = time + 20;
    while (keys %content < 10 && time < $end) {
        my $res = ask($h, '/stock');
        my $known = $content{ $res->{headers}{etag} // '' } //= $res->{content};
        $bad++ if $res->{status} != 200 || $known ne $res->{content};
    }
    $writer->finish;
    ok !$bad, 'one ETag, one content, through ' . keys(%content) . ' changes';
    is scalar keys %content, 10, '... of many';
    $h->log_ok;
};

for my $coding ('as it is', 'compressed') {
    subtest "a builder that is killed, $coding" => sub {
        my $h = serve(processes => 4, threads => 8);
        my @coding = $coding eq 'compressed' ? %gz : ();
        my $good = ask($h, '/products', undef, @coding)->{content};
        change();
        my $release = hold($server, $db, 'product_image');
        my $load = KissTest::Load->start(12, sub {
            my ($i, $n) = @_;
            return $n ? do { sleep 0.1; {} } : ask($h, '/products', undef, @coding);
        });
        ok wait_until(5, sub { waiting($server) == 1 }), 'one builds';
        sleep 0.3;
        is waiting($server), 1, '... and one only';
        my ($first) = waiters();
        my %builder = map { $_ => 1 } holders('lock\.\d+', $h);
        is scalar keys %builder, 1, '... in one process' or diag explain \%builder;
        kill KILL => keys %builder;
        my $at = time;
        # The dead one's statement may wait for the table a little longer.
        ok wait_until(5, sub { grep { $_ != $first } waiters() }), 'it is killed: another one builds';
        my $seconds = time - $at;
        cmp_ok $seconds, '<', 2, "... at once: $seconds s";
        $release->();
        my @seen = grep { $_->{status} } $load->finish;
        my @lost = grep { $_->{status} == 599 } @seen;
        cmp_ok scalar @lost, '<', 12, 'others wait in other processes';
        is scalar(grep { $_->{status} == 200 && $_->{content} eq $good } @seen), 12 - @lost, 'they get their answer';
        cmp_ok((sort { $b <=> $a } map { $_->{seconds} } @seen)[0], '<', 10, '... soon');
        is all_fates($h)->{built}, 2, 'it was built once more';
        $h->log_ok(qr/AH00052/);
    };
}

# Who has waited takes what was built meanwhile: one build is enough for any number of changes and of those who wait.
for my $coding ('as it is', 'compressed') {
    subtest "changes while others wait, $coding" => sub {
        my $h = serve(processes => 2, threads => 8, log_level => 'info kiss:debug');
        my @coding = $coding eq 'compressed' ? %gz : ();
        my $said = sub { my ($number) = @_; my $n = () = $h->log_text =~ /KISS$number: \S*products/g; return $n };
        ask($h, '/products', undef, @coding);
        change();
        my $release = hold($server, $db, 'product_image');
        my $first = later(sub { ask($h, '/products', undef, @coding) });
        ok wait_until(10, sub { waiting($server) == 1 }), 'a list is being built';
        my @waiting;
        for my $n (1 .. 6) {
            sql($db, "UPDATE price SET unit_price = unit_price + 1 WHERE price_list_code = 'UKTRADE'");
            push @waiting, later(sub { ask($h, '/products', undef, @coding) });
            ok wait_until(10, sub { $said->('0830') == $n }), "after change $n another one asks, and waits for it";
            is waiting($server), 1, '... it does not build beside it';
        }
        my $other = ask($h, '/stock', undef, @coding);
        is fate($h, $other), 'built', 'another list does not wait';
        $release->();
        is $first->()->{status}, 200, 'the first one is answered';
        my @seen = map { $_->() } @waiting;
        my $now = ask($h, '/products', undef, @coding);
        is fate($h, $now), 'hit', 'what those had waited for is the current list';
        is scalar(grep { $_->{status} == 200 && $_->{headers}{etag} eq $now->{headers}{etag} && $_->{content} eq $now->{content} } @seen), 6,
            '... which all of them have got';
        my %fate;
        $fate{ fate($h, $_) }++ for @seen;
        is delete $fate{hit}, 5, 'it was built once' or diag explain \%fate;
        is $said->('061[56]'), 3, '... after the first ones';
        $h->log_ok;
    };
}

# Somebody else has the lock whenever it is looked at: what is published meanwhile is taken all the same.
for my $coding ('as it is', 'compressed') {
    subtest "a lock that is never free, $coding" => sub {
        my @coding = $coding eq 'compressed' ? %gz : ();
        my $h = serve(log_level => 'info kiss:debug');
        my $other = serve();
        ask($_, '/products', undef, @coding) for $h, $other;
        my @held = map { lock_file($_) } glob folder($h) . '/lock.*';
        my $said = sub { my ($number) = @_; my $n = () = $h->log_text =~ /KISS$number: \S*products/g; return $n };
        # From the other server's directory, each file at once, the record of the versions last.
        my $publish = sub {
            for my $from ((glob folder($other) . '/*@*.json'), glob folder($other) . '/*.states') {
                my $name = $from =~ s{.*/}{}r;
                (run('cp', '-p', $from, folder($h) . '/new'))[0] and die "cp $from";
                rename folder($h) . '/new', folder($h) . "/$name" or die "$name: $!";
            }
        };
        for my $changes (1, 3) {
            my $before = $said->('0830');
            sql($db, "UPDATE price SET unit_price = unit_price + 1 WHERE price_list_code = 'UKTRADE'");
            my $waiting = later(sub { ask($h, '/products', undef, @coding) });
            ok wait_until(10, sub { $said->('0830') > $before }), 'a request waits';
            sql($db, "UPDATE price SET unit_price = unit_price + 1 WHERE price_list_code = 'UKTRADE'") for 2 .. $changes;
            my $built = ask($other, '/products', undef, @coding);
            $publish->();
            my $res = $waiting->();
            is $res->{status}, 200, $changes == 1 ? 'what it waits for is published: it is answered' : 'a newer version is';
            is $res->{headers}{etag}, $built->{headers}{etag}, '... with that';
            ok $res->{content} eq $built->{content}, '... and its bytes';
            is fate($h, $res), 'hit', '... which it has not built';
        }
        is $said->('0831'), 1, 'the log says that one took a newer version';
        $_->() for @held;
        $h->log_ok;
    };
}

subtest 'two servers, one directory' => sub {
    my @h = map { serve(cache => "$dir/shared", processes => 2, config => "KissCacheSize 2\n") } 1 .. 2;
    my $first = ask($h[0], '/products');
    my $second = ask($h[1], '/products');
    is fate($h[0], $first), 'built', 'one builds';
    is fate($h[1], $second), 'hit', 'the other one has it';
    ok $first->{content} eq $second->{content}, '... the same';
    is $second->{headers}{etag}, $first->{headers}{etag}, '... under the same ETag';
    change();
    my @all = parallel(16, sub { my ($i) = @_; my $h = $h[$i % 2]; return fate($h, ask($h, '/products')) });
    is join(' ', sort @all), join(' ', 'built', ('hit') x 15), 'a burst to both: built once';
    ok wait_until(10, sub { holders('keeper\.lock', @h) == 1 }), 'one process of both keeps the directory';
    for (1 .. 10) {
        change();
        ask($_, '/products') for @h;
    }
    my $bytes = sub { my $n = 0; $n += -s $_ || 0 for glob folder($h[0]) . '/*.json'; return $n };
    ok wait_until(5, sub { $bytes->() <= 2 * 1048576 }), '... whoever builds';
    my ($keeper) = holders('keeper\.lock', @h);
    my ($with) = grep { grep { $_ == $keeper } $_->children } @h;
    my ($other) = grep { $_ != $with } @h;
    $with->stop;
    ok wait_until(15, sub { holders('keeper\.lock', $other) == 1 }), 'one server ends: the other one keeps it';
    for (1 .. 10) {
        change();
        ask($other, '/products');
    }
    ok wait_until(5, sub { $bytes->() <= 2 * 1048576 }), '... within its limits';
    $other->log_ok;
};

subtest 'two servers, two databases, one directory' => sub {
    my $twin = new_database('twin', server => $server);
    import_sample($twin);
    my %twin = map { $_ => issue_key($_) } qw(ACME01 BEAU02);
    sql($twin, 'UPDATE price SET unit_price = unit_price + 0.01');
    # As alike as can be: the same revisions, the same terms; only the epoch tells them apart.
    sql($_, "UPDATE revision SET n = 1000 WHERE dataset <> 'epoch'") for $db, $twin;
    my $h = serve(cache => "$dir/both", db => $db);
    my $t = do { local @key{ keys %twin } = values %twin; serve(cache => "$dir/both", db => $twin) };
    my (%right, $wrong);
    for my $round (1 .. 4) {
        for my $path (qw(/products /stock /prices)) {
            for my $with ([$h, 'db'], [$t, 'twin']) {
                my $res = ask($with->[0], $path, undef, $round % 2 ? () : %gz);
                my $known = $right{"$path $with->[1] " . $round % 2} //= $res;
                $wrong++ if $res->{content} ne $known->{content} || $res->{headers}{etag} ne $known->{headers}{etag};
            }
        }
    }
    ok !$wrong, 'each gets its own, always';
    isnt $right{"$_ db 1"}{headers}{etag}, $right{"$_ twin 1"}{headers}{etag}, "$_: no ETag in common" for qw(/products /stock /prices);
    ok $right{'/prices db 1'}{content} ne $right{'/prices twin 1'}{content}, '... nor contents';
    $_->log_ok for $h, $t;
};

subtest 'two servers, two directories' => sub {
    my @h = map { serve() } 1 .. 2;
    is join(' ', map { fate($_, ask($_, '/stock')) } @h, @h), 'built built hit hit', 'each builds its own';
    my @etag = map { ask($_, '/stock')->{headers}{etag} } @h;
    is $etag[0], $etag[1], 'the same data have the same ETag on both: a balancer may stand before them';
    unlink glob folder($h[0]) . '/*.json';
    is join(' ', map { fate($_, ask($_, '/stock')) } @h), 'built hit', 'what happens to one directory is nothing to the other';
    $_->log_ok for @h;
};

subtest 'a directory that cannot be written' => sub {
    my $h = serve();
    my $kept = ask($h, '/stock');
    chmod 0500, folder($h) or die "chmod: $!";
    is fate($h, ask($h, '/stock')), 'hit', 'what is kept is sent';
    my $res = ask($h, '/prices');
    is $res->{status}, 503, 'what is not cannot be built: 503';
    ok $res->{headers}{'retry-after'}, '... with Retry-After';
    chmod 0700, folder($h) or die "chmod: $!";
    is ask($h, '/prices')->{status}, 200, 'all is well again';
    $h->log_ok(qr/KISS06(?:01|12)|KISS070/);
};

subtest 'a disk that is nearly full' => sub {
    plan skip_all => 'only root can mount' if $> != 0;
    mkdir "$dir/disk" or die "disk: $!";
    my ($rc) = run('mount', '-t', 'tmpfs', '-o', 'size=2m,mode=0755', 'tmpfs', "$dir/disk");
    plan skip_all => 'no tmpfs can be mounted here' if $rc;
    eval {
        my $h = serve(cache => "$dir/disk/cache");
        my @files;
        for (1 .. 4) {
            change();
            push @files, path_of($h, ask($h, '/products'));
        }
        ok wait_until(10, sub { $h->log_text =~ /KISS0706/ }), 'less room than builders need: the log says so';
        is scalar(grep {-e} @files), 4, 'what was used lately stays';
        my $then = int(time - 700);
        utime $then - 100 * (3 - $_), $then - 100 * (3 - $_), $files[$_] for 0 .. 2;
        ok wait_until(10, sub { !-e $files[0] }), 'what was not gives way';
        ok -e $files[3], '... the longest unused first';
        for (1 .. 6) {
            change();
            my $res = ask($h, '/products');
            is $res->{status}, 200, 'there is room for new ones';
            utime $then, $then, path_of($h, $res);
            wait_until(10, sub { (split ' ', (run('df', '--output=avail', "$dir/disk/cache"))[1])[-1] > 880 }) or fail 'room is made';
        }
        $h->log_ok(qr/KISS0706/);
        $h->stop;
        1;
    } or fail "died: $@";
    run('umount', '-l', "$dir/disk");
};

# A short list is read by one statement, a long one by two. Which one it is was counted by one more, or is remembered.
subtest 'a price list that grows, and becomes short again' => sub {
    my $lengths = new_database('lengths', server => $server);
    sql($lengths, $_)
        for "INSERT INTO price_list VALUES ('L', 'List', 'EUR')", "INSERT INTO warehouse VALUES ('W', '')",
        "INSERT INTO product (sku, name) SELECT CONCAT('SKU', seq), 'n' FROM seq_10001_to_11500",
        "INSERT INTO stock (stock_location, sku) SELECT 'W', sku FROM product";
    kissctl_ok(qw(customer add C --price-list L --warehouse W));
    my $h = start_httpd(db => $lengths, processes => 1);
    my $bearer = 'Bearer ' . $h->token('C', issue_key('C'));
    my $executed = sub { return (sql($lengths, "SHOW GLOBAL STATUS LIKE 'Com_stmt_execute'"))[0][1] };
    # How many statements a build of all of it takes.
    my $build = sub {
        my ($list, $rows, $what) = @_;
        sql($lengths, "UPDATE revision SET n = n + 1 WHERE dataset = 'epoch'");     # so that it is not derived
        my $before = $executed->();
        my $res = $h->get($list, Authorization => $bearer);
        my $number = $executed->() - $before;
        my @skus = $res->{content} =~ /"SKU":"(SKU\d+)"/g;
        is_deeply [ $res->{status}, @skus ], [ 200, map { "SKU$_" } 10001 .. 10000 + $rows ], "$list, $what: its rows";
        return $number;
    };
    my $fill = sub {
        sql($lengths, $_) for 'DELETE FROM price', "INSERT INTO price (price_list_code, sku) SELECT 'L', sku FROM product LIMIT $_[0]";
    };
    for my $list (qw(/prices /stock)) {
        my $more = $list eq '/stock' ? 2 : 1;   # what a long one is merged with
        $fill->(3);
        my $first = $build->($list, 3, 'a short one');
        my $short = $build->($list, 3, 'short as before');
        is $first - $short, $list eq '/prices' ? 1 : 0, '... is counted once, for both lists';
        $fill->(1500);
        is $build->($list, 1500, 'grown') - $short, 0, '... read as a short one';
        is $build->($list, 1500, 'grown since') - $short, $more + 1, '... then counted';
        is $build->($list, 1500, 'long as before') - $short, $more, '... once';
        $fill->(3);
        is $build->($list, 3, 'short again') - $short, $more, '... read as a long one';
        is $build->($list, 3, 'short since') - $short, 1, '... then counted';
    }
    $h->log_ok;
    $h->stop;
};

done_testing;
