# kissctl snapshot and what the doctor says of KissCacheDir, beside a server that uses it.
# SPDX-License-Identifier: Apache-2.0
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use JSON::PP ();
use KissTest;
use KissTest::Import;
use KissTest::Load;
use Test::More;

my $db = new_database('snapshotctl');
import_sample($db);
my %key = map { $_ => issue_key($_) } qw(ACME01 BEAU02);
my $h = start_httpd(processes => 2);
my %bearer = map { $_ => 'Bearer ' . $h->token($_, $key{$_}) } keys %key;
my @dir = ('--cache-dir', "$h->{root}/cache");
my $folder = "$h->{root}/cache/snapshots";

sub ask { my ($path, $customer, @more) = @_; return $h->get($path, Authorization => $bearer{ $customer || 'ACME01' }, @more) }
sub etag { my ($res) = @_; return ($res->{headers}{etag} =~ /"(.*)"/)[0] }
sub json { return JSON::PP->new->utf8->decode(kissctl_ok(@_, '--json', @dir)) }
sub list { return { map { delete $_->{ETag} => $_ } @{ json(qw(snapshot list), @_) } } }
sub others { opendir my $d, $folder or die; return join ' ', sort grep { !/\.json$|^\.\.?$/ } readdir $d }
sub glob_count { my @all = glob $_[0]; return scalar @all }
sub age { my ($t, @files) = @_; $t = time - $t; utime $t, $t, @files or die "utime: $!"; return }

my %res = (prices => ask('/prices'), stock => ask('/stock', 'BEAU02'), products => ask('/products'));
my $gz = ask('/prices', undef, 'Accept-Encoding' => 'gzip');

subtest 'list' => sub {
    my $all = list();
    is_deeply [sort keys %$all], [sort map { etag($_) } values %res, $gz], 'every one that is kept';
    my $stock = $all->{ etag($res{stock}) };
    like delete $stock->{$_}, qr/\A20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ\z/, $_ for qw(BuiltAt LastUsedAt);
    is delete $stock->{Bytes}, -s kept_file($folder, etag($res{stock})), 'Bytes';
    is_deeply $stock, { Endpoint => 'stock', Location => '/', PriceList => 'EUTRADE', Discount => undef, Warehouse => 'NL01',
        Customer => 'BEAU02', Coding => 'identity', State => undef }, 'what it is';
    is $all->{ etag($gz) }{Coding}, 'gzip', 'a compressed one';
    is $all->{ etag($res{prices}) }{Warehouse}, undef, 'what a list does not depend on is null';
    my $text = kissctl_ok(qw(snapshot list), @dir);
    like $text, qr/\AETag +Endpoint +Location +PriceList +Discount +Warehouse +Customer +Coding +Bytes +BuiltAt +LastUsedAt +State\n/, 'a table';
    like $text, qr/^\Q@{[etag($gz)]}\E +prices +\/ +UKTRADE +\S+ +- +ACME01 +gzip +\d+ +\S+ +\S+ +-$/m, '... with a line for each';
    is_deeply [map { $_->{State} } values %{ list('--check') }], [('sound') x 4], '--check: sound';
    my ($rc, $out) = kissctl({ env => { KISS_CACHE_DIR => "$h->{root}/cache" } }, qw(snapshot list));
    is $out, $text, 'the directory from the environment';
};

subtest 'last used first; looking is no use' => sub {
    my %path = map { $_ => kept_file($folder, etag($res{$_})) } keys %res;
    age(3 * 86400, $path{stock});
    age(2 * 86400, $path{products});
    my @times = (stat $path{stock})[8, 9];
    list('--check') for 1 .. 2;
    is_deeply [(stat $path{stock})[8, 9]], \@times, 'times stay';
    is_deeply [map { $_->{ETag} } @{ json(qw(snapshot list)) }[2, 3]], [map { etag($res{$_}) } qw(products stock)], 'in order';
};

subtest 'damaged' => sub {
    my ($old, $moved) = ('O' x 22, 'M' x 22);
    my %path = map { $_ => kept_file($folder, etag($res{$_})) } keys %res;
    my $stock = slurp($path{stock});
    substr($stock, 100, 1) ^= "\1";
    spew($path{stock}, $stock, 0600);
    truncate $path{products}, 1000;
    spew("$folder/$old.json", 'x' . pack('a8 Q L L', "kiss-1\n", 1, 0, 0), 0600);
    spew("$folder/$moved.json", slurp($path{prices}), 0600);
    my %state = map { my $l = $_; map { $_ => $l->{$_}{State} } keys %$l } list();
    is_deeply \%state, { etag($res{prices}) => undef, etag($gz) => undef, etag($res{stock}) => undef,
        etag($res{products}) => 'damaged', $old => 'older', $moved => 'damaged' }, 'what shows at once';
    is list('--check')->{ etag($res{stock}) }{State}, 'damaged', '--check finds the rest';
    my $before = others();
    is json(qw(snapshot purge --damaged --dry-run))->{Removed}, 4, '--damaged --dry-run: four';
    is scalar(keys %{ list() }), 6, '... and none is removed';
    my $bytes = 0;
    $bytes += -s for $path{stock}, $path{products}, "$folder/$old.json", "$folder/$moved.json";
    is_deeply json(qw(snapshot purge --damaged)), { Removed => 4, Bytes => $bytes }, '--damaged';
    is_deeply [sort keys %{ list('--check') }], [sort map { etag($_) } $res{prices}, $gz], '... leaves the sound ones';
    is others(), $before, '... and everything that is no snapshot';
};

subtest 'purge' => sub {
    my $prices = kept_file($folder, etag($res{prices}));
    fails(2, qr/say which: --older-than TIME, --damaged or --all/, qw(snapshot purge), @dir);
    fails(2, qr/say which/, qw(snapshot purge --all --damaged), @dir);
    fails(2, qr/--older-than '\Q$_\E': not a time: write seconds, or a number with mi, h or d/, qw(snapshot purge --older-than), $_, @dir)
        for '', 'x', '7w', '-1', '1.5d';
    age(2 * 86400 + 60, $prices);
    is json(qw(snapshot purge --older-than), $_)->{Removed}, 0, "--older-than $_" for qw(3d 49h 2900mi 180000);
    is json(qw(snapshot purge --older-than 2d))->{Removed}, 1, '--older-than 2d';
    ok !-e $prices, '... and it is gone';
    my $before = others();
    like kissctl_ok(qw(snapshot purge --all), @dir), qr/\ARemoved: 1\nBytes: +\d+\n\z/, '--all';
    is_deeply list(), {}, '... is all';
    is others(), join(' ', grep { !/\.states\z/ } split / /, $before), 'and the versions of lists, but not the locks';
    ask($_) for qw(/prices /stock);
    my @states = glob "$folder/*.states";
    is scalar @states, 2, 'versions of two lists';
    spew("$folder/$_.states", '', 0600) for 'x', 'x' x 16 . '@' . 'x' x 23;
    age(3 * 86400, $states[0], glob "$folder/x*");
    kissctl_ok(qw(snapshot purge), @$_, @dir) for ['--damaged'], [qw(--older-than 4d)], [qw(--older-than 2d --dry-run)], [qw(--all --dry-run)];
    is glob_count("$folder/*.states"), 4, 'those that are not meant stay';
    is json(qw(snapshot purge --older-than 2d))->{Removed}, 0, '--older-than counts lists';
    is_deeply [map { -e $_ ? 1 : 0 } @states], [0, 1], '... and removes the old ones of the others';
    is json(qw(snapshot purge --all))->{Removed}, 2, '--all';
    is_deeply [map { s{.*/}{}r } sort glob "$folder/*.states"], [sort 'x.states', 'x' x 16 . '@' . 'x' x 23 . '.states'], '... removes none whose name is not ours';
    unlink glob "$folder/x*";
    is_deeply json(qw(snapshot list)), [], 'an empty list';
};

subtest 'while it serves' => sub {
    my %good = map { $_ => ask($_)->{content} } qw(/products /stock /prices);
    my @paths = sort keys %good;
    my $load = KissTest::Load->start(3, sub {
        my ($i, $n) = @_;
        my $path = $paths[$n % 3];
        my $res = ask($path);
        return { status => $res->{status}, good => $res->{content} eq $good{$path} ? 1 : 0 };
    });
    for (1 .. 40) {
        kissctl_ok(qw(snapshot purge --all), @dir);
        kissctl_ok(qw(snapshot list --check), @dir);
    }
    my @seen = $load->finish;
    cmp_ok scalar(@seen), '>', 50, 'there was a load: ' . @seen;
    is scalar(grep { $_->{status} != 200 || !$_->{good} } @seen), 0, 'every answer was right';
};

subtest 'the directory that httpd is configured with' => sub {
    # Debian's apachectl reads the environment of the service and runs httpd: this one runs the httpd of this test.
    my $bin = tempdir_here();
    spew("$bin/apachectl", "#!/bin/sh\nexec '@{[KissTest::Httpd::program()]}' -d '$h->{root}' -f '$h->{conf}' \"\$@\"\n", 0755);
    my %env = (PATH => "$bin:$ENV{PATH}");
    my ($rc, $out, $err) = kissctl({ env => \%env }, qw(snapshot list));
    is "$rc$err", 0, 'snapshot list needs no other word';
    is $out, kissctl_ok(qw(snapshot list), @dir), '... and shows the same';
    ($rc, $out) = kissctl({ env => \%env }, qw(doctor --json));
    my ($row) = grep { $_->{Check} eq 'cache' } @{ JSON::PP->new->utf8->decode($out) };
    like $row->{Finding}, qr/\A\Q$folder\E: \d+ lists/, 'doctor looks at it';
    fails(1, qr{cannot read \S+/none/snapshots}, { env => \%env }, qw(snapshot list --cache-dir), "$h->{root}/none");
    ($rc, $out) = kissctl({ env => { %env, KISS_CACHE_DIR => "$h->{root}/none" } }, qw(doctor --json));
    like $out, qr{/none/snapshots is not there}, 'the environment is believed first, too';
    spew("$bin/apachectl", "#!/bin/sh\necho 'KissCacheDir: \"'\nexit 1\n", 0755);
    unlike +(kissctl({ env => \%env }, qw(doctor --json)))[1], qr/PROBLEM[^}]*snapshots is not there/, 'an httpd that cannot say it: the default';
};

subtest 'no such directory' => sub {
    fails(1, qr/cannot read \S+\/none\/snapshots: No such file or directory \(is it the KissCacheDir of httpd/,
        'snapshot', $_, '--cache-dir', "$h->{root}/none", $_ eq 'purge' ? '--all' : ()) for qw(list purge);
};

subtest 'doctor' => sub {
    my $finding = sub {
        my ($rc, $out) = kissctl(qw(doctor --json), @_);
        my ($row) = grep { $_->{Check} eq 'cache' } @{ JSON::PP->new->utf8->decode($out) };
        return $row;
    };
    my $row = $finding->(@dir);
    is $row->{State}, 'ok', 'KissCacheDir of a server';
    like $row->{Finding}, qr/\A\Q$folder\E: \d+ lists?, \d+ MB; \d+ MB are free\z/, '... with numbers';
    is $finding->()->{State}, 'ok', 'the default, which is not there' if !-e '/usr/local/var/cache/mod_kiss';
    is $finding->('--cache-dir', "$h->{root}/none")->{State}, 'PROBLEM', 'another one that is not there';
    chmod 0755, $folder;
    my $open = $finding->(@dir);
    is "$open->{State} $open->{Action}", "warning chmod 700 $folder", 'open to others';
    chmod 0700, $folder;
    SKIP: {
        skip 'only root can do that', 1 if $>;
        my @owner = (stat $folder)[4, 5];
        chown 0, 0, $folder;
        like $finding->(@dir)->{Finding}, qr/belongs to root: httpd's processes cannot keep lists there/, "root's";
        chown @owner, $folder;
    }
};

$h->log_ok;
done_testing;
