#!/usr/bin/perl
# What root does in directories of other users: nothing by name. KissCacheDir belongs to the user of httpd's processes, who
# decides what every name in it means; root starts httpd and runs kissctl.
# SPDX-License-Identifier: Apache-2.0
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use JSON::PP ();
use KissTest;
use Test::More;

plan skip_all => 'only root can give something away' if $>;

my $db = new_database('root');
import_sample($db);
my $key = issue_key('ACME01');
my ($uid, $gid) = (getpwnam 'www-data')[2, 3];

# dir(name => [owner, mode]): a directory in one of root's.
sub make_dir { my ($path, $owner, $mode) = @_; mkdir $path or die "$path: $!"; chown $owner, $owner, $path; chmod $mode, $path; return $path }
sub look { my ($path) = @_; my @st = lstat $path or return 'none'; return sprintf '%s %o', $st[4], $st[2] & 07777 }
# A symbolic link as httpd's user makes it.
sub link_of { my ($owner, $to, $path) = @_; symlink $to, $path or die "$path: $!"; run('chown', '-h', $owner, $path); return $path }
# The log of a start that fails; '' when it does not.
sub refusal { my (@opt) = @_; my $h = eval { start_httpd(@opt) }; return $h ? '' : $@ }

subtest 'names in KissCacheDir that lead elsewhere, at a reload' => sub {
    my $root = tempdir_here();
    my $file = "$root/of-root";
    spew($file, "secret\n", 0600);
    my $folder = make_dir("$root/folder", 0, 0755);
    my $h = start_httpd(config => 'KissWarm 5');
    my $t = $h->token('ACME01', $key);
    is $h->get('/prices', Authorization => "Bearer $t")->{status}, 200, 'a list is kept';
    is look("$h->{root}/cache"), "$uid 700", 'KissCacheDir was made for the user of the processes';
    is look("$h->{root}/cache/snapshots"), "$uid 700", '... and the folder in it by that user';
    my $mtime = (stat $folder)[9];
    for my $target ($file, $folder) {
        rename "$h->{root}/cache/snapshots", "$h->{root}/cache/away";
        link_of('www-data', $target, "$h->{root}/cache/snapshots");
        my $was = look($target);
        $h->graceful;
        is look($target), $was, "snapshots leads to $target: it is not given away";
        unlink "$h->{root}/cache/snapshots";
        rename "$h->{root}/cache/away", "$h->{root}/cache/snapshots";
    }
    rename "$h->{root}/cache", "$h->{root}/away";
    link_of('www-data', $folder, "$h->{root}/cache");
    $h->graceful;
    is look($folder), '0 755', 'KissCacheDir is a link of another user: what it leads to is not given away';
    is ((stat $folder)[9], $mtime, '... and nothing was made there');
    like $h->log_text, qr/KISS0103: KissCacheDir: \S+: 'cache' is a symbolic link of another user/, '... the log says why';
    is $h->get('/api/version')->{status}, 200, '... and the server works on';
    $h->log_ok(qr/KISS0103|KISS06|KISS07/);
};

subtest 'directories that are there' => sub {
    my $root = tempdir_here();
    my $config = sub { my ($dir) = @_; return (config => "KissCacheDir $dir") };
    my @cases = (
        ['of root', 0, 0755, qr/KISS0140: KissCacheDir: \S+ belongs to root, .* 'chown -R www-data \S+; chmod 700 /],
        ['of root, open to all', 0, 0777, qr/belongs to root/],
        ['of somebody else', 65534, 0700, qr/KISS0140: KissCacheDir: \S+ belongs to user 65534, /],
        ['of the user, writable by a group', $uid, 0770, qr/KISS0140: .* can be written to by others than www-data, .* 'chmod 700 /]
    );
    for my $i (0 .. $#cases) {
        my ($name, $owner, $mode, $says) = @{ $cases[$i] };
        my $dir = make_dir("$root/$i", $owner, $mode);
        my $was = look($dir);
        like refusal($config->($dir)), $says, "$name: the start is refused with a sentence";
        is look($dir), $was, '... and it is as it was';
        is look("$dir/snapshots"), 'none', '... and empty';
    }
    my $own = make_dir("$root/own", $uid, 0750);
    is refusal($config->($own)), '', "the user's own: taken";
    is look($own), "$uid 750", '... with the mode that it has';
    is refusal($config->("$root/new/below")), '', 'one that does not exist: made';
    is join(' ', map { look("$root/new$_") } '', '/below'), "0 755 $uid 700", '... the last one for the user';
    symlink "$root/own", "$root/link";
    is refusal($config->("$root/link")), '', 'a symbolic link of root is followed';
    my $theirs = make_dir("$root/theirs", 65534, 0777);
    like refusal($config->("$theirs/cache")), qr/KISS0140: .* does not exist, and 'theirs' above it is in the hands of another user/,
        'below a directory of another user: not made';
    is look("$theirs/cache"), 'none', '... indeed';
    link_of('www-data', "$root/own", "$theirs/link");
    like refusal($config->("$theirs/link/cache")), qr/KISS0140: .* 'link' is a symbolic link of another user/, 'through a link of another user: not';
    is look("$root/own/cache"), 'none', '... indeed';
};

subtest 'kissctl snapshot' => sub {
    my $root = tempdir_here();
    my $cache = make_dir("$root/cache", $uid, 0700);
    my $elsewhere = make_dir("$root/elsewhere", 0, 0755);
    my @ours = map { "$_.json" } 'A' x 22, 'B' x 22 . '-gzip', 'C' x 22 . '.' . 'D' x 22, 'E' x 22 . '.' . 'F' x 22 . '-gzip',
        'G' x 22 . '-gzip01234567', 'H' x 22 . '.' . 'I' x 22 . '-gzip89abcdef';
    my @others = ('package.json', 'A' x 21 . '.json', 'A' x 23 . '.json', 'A' x 22 . '.', 'A' x 22 . '.json~',
        'A' x 22 . '-br.json', 'A' x 22 . '-gzipx.json', 'A' x 21 . '+.json', ('A' x 22 . '.') x 4 . 'json', 'lock.22.00', 'keeper.lock');
    spew("$elsewhere/$_", 'x') for @ours, @others;
    my $count = sub { my ($dir) = @_; return scalar(() = glob "$dir/*") };
    my $all = $count->($elsewhere);
    my $refused = sub {
        my ($name, $dir) = @_;
        for my $verb (['list'], [qw(purge --all)], [qw(purge --damaged)]) {
            my ($rc, $out, $err) = kissctl('snapshot', @$verb, '--cache-dir', $dir);
            is "$rc $out", '1 ', "$name: @$verb is refused";
            like $err, qr/symbolic link/, '... and says why';
        }
        my ($rc, $out) = kissctl(qw(doctor --json --cache-dir), $dir);
        my ($row) = grep { $_->{Check} eq 'cache' } @{ JSON::PP->new->utf8->decode($out) };
        is $row->{State}, 'PROBLEM', '... and so does the doctor';
        is $count->($elsewhere), $all, '... nothing is gone';
    };
    link_of('www-data', $elsewhere, "$cache/snapshots");
    $refused->('snapshots is a link', $cache);
    unlink "$cache/snapshots";
    mkdir "$root/real";
    mkdir "$root/real/snapshots";
    link_of('www-data', "$root/real", "$cache/link");
    $refused->('KissCacheDir is behind a link of another user', "$cache/link");

    my $folder = make_dir("$cache/snapshots", $uid, 0700);
    spew("$folder/$_", 'x') for @ours, @others;
    symlink "$elsewhere/$ours[0]", "$folder/" . 'L' x 22 . '.json';
    mkdir "$folder/" . 'M' x 22 . '.json';
    is kissctl_ok(qw(snapshot purge --all --cache-dir), $cache), "Removed: @{[scalar @ours]}\nBytes:   @{[scalar @ours]}\n",
        'purge --all: names that are ours';
    is $count->($folder), @others + 2, '... and no others, no links, no directories';
    is $count->($elsewhere), $all, '... and nothing elsewhere';
    symlink $cache, "$root/of-root";
    is kissctl_ok(qw(snapshot purge --all --cache-dir), "$root/of-root"), "Removed: 0\nBytes:   0\n", 'a link of root is followed';
};

subtest 'kissctl token-key: only in the folder that it opened' => sub {
    my $root = tempdir_here();
    my $folder = make_dir("$root/keys", 0, 0700);
    symlink $folder, "$root/link";
    kissctl_ok(qw(token-key rotate --token-keys), "$root/link/token.keys") for 1, 2;
    is look("$folder/token.keys"), '0 600', 'the file';
    is_deeply [glob "$folder/*"], ["$folder/token.keys"], '... and nothing beside it';
};

subtest 'a pipe where a file of secrets should be' => sub {
    my $root = tempdir_here();
    run('mkfifo', '-m', '600', "$root/pipe");
    my ($rc, $out, $err) = kissctl({ timeout => 10 }, qw(token-key list --token-keys), "$root/pipe");
    is $rc, 1, 'kissctl does not wait for somebody to write to it';
    like $err, qr/pipe is not a regular file/, '... and says what it is';
    ($rc, $out) = configtest('', token_keys => "$root/pipe");
    like $out, qr/pipe is not a regular file/, 'nor does httpd';
};

done_testing;
