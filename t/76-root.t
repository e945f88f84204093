#!/usr/bin/perl
# What root does in directories of other users: nothing by name. KissCacheDir belongs to the user of httpd's processes, who
# decides what every name in it means; root starts httpd and runs kissctl.
# SPDX-License-Identifier: Apache-2.0
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use IO::Socket::UNIX;
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
        'A' x 22 . '-br.json', 'A' x 22 . '-gzipx.json', 'A' x 21 . '+.json', ('A' x 22 . '.') x 4 . 'json', 'lock.22', 'keeper.lock');
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

# ---- kissctl, run by root where others may put what they like

# A folder of another user with files that programs look for where they are started, or at home; a program in it leaves a mark.
sub hostile_place {
    my $place = make_dir(tempdir_here() . '/place', 65534, 0777);
    my $options = join '', map {"[$_]\nuser=nobody\npassword=wrong\nhost=127.0.0.1\nport=1\nsocket=/nonexistent\nplugin-dir=$place\n"} qw(client client-server client-mariadb mysql
        kissctl kissctl_kss mod_kiss);
    spew("$place/$_", $options) for qw(.my.cnf my.cnf .mylogin.cnf kissctl.cnf mariadb.cnf);
    spew("$place/$_", "#!/bin/sh\necho \"\$0 \$*\" >>'$place/ran'\n", 0755) for qw(apachectl apache2ctl httpd apache2 sh bash mariadb mysql openssl sed apachectl.sh profile);
    spew("$place/$_", 'not a library', 0755) for qw(libmariadb.so.3 libjson-c.so.5 libapr-1.so.0 auth_gssapi_client.so dialog.so caching_sha2_password.so);
    spew("$place/openssl.cnf", "openssl_conf = x\n[x]\nproviders = y\n[y]\nz = z_sect\n[z_sect]\nmodule = $place/provider.so\nactivate = 1\n");
    mkdir "$place/$_" for qw(sql sql/customer sql/kss customer kss www);
    spew("$place/sql/customer/0001-base.sql", "DROP TABLE customer;\n");
    run('mkfifo', "$place/$_") for qw(products.csv kissctl token.keys db.password import.map), '.kissctl.cnf';
    run(qw(chown -R 65534:65534), $place);
    return $place;
}

subtest 'kissctl in a hostile place' => sub {
    my $place = hostile_place();
    my $program = $ENV{KISS_TEST_KISSCTL} || build_dir() . '/support/kissctl';
    my ($rc, $dynamic) = run('readelf', '-d', $program);
    unlike $dynamic, qr/R(?:UN)?PATH/, 'the program looks for libraries where the system has them';
    my $defaults = db_server()->defaults($db);
    my $good = tempdir_here();
    run('cp', '-R', top() . '/sql/sample', "$good/import");
    # Variables that the database client, OpenSSL, curl or a shell would heed.
    my %odd = (
        HOME => $place, MYSQL_HOME => $place, MARIADB_HOME => $place, MYSQL_GROUP_SUFFIX => '_x', MYSQL_HOST => '127.0.0.1', MYSQL_TCP_PORT => 1,
        MYSQL_UNIX_PORT => '/nonexistent', MYSQL_PWD => 'wrong', MYSQL_TEST_LOGIN_FILE => "$place/.mylogin.cnf", XDG_CONFIG_HOME => $place, TMPDIR => $place,
        IFS => '/', CDPATH => $place, ENV => "$place/profile", BASH_ENV => "$place/profile", SHELLOPTS => 'xtrace', CURL_HOME => $place, TERM => '../../etc',
        TZDIR => $place, LOCPATH => $place, NLSPATH => "$place/%N", GCONV_PATH => $place, PATH => "$ENV{PATH}:$place",
    );
    my @calls = ([qw(customer list)], [qw(key list ACME01)], [qw(schema check)], [qw(import --dry-run), "$good/import"], [qw(--json doctor --cache-dir), "$good/none"],
        [qw(snapshot list --cache-dir), "$good/none"], [qw(customer show ACME01)], [qw(token-key list --token-keys), "$good/none"]);
    for my $call (@calls) {
        my @said;
        for my $where ([$good, {}], [$place, \%odd]) {
            my ($dir, $env) = @$where;
            my @command = ('sh', '-c', 'cd "$1" && shift && exec "$@"', 'sh', $dir, 'env', (map {"$_=$env->{$_}"} sort keys %$env), $program, '--sql', top() . '/sql', '--defaults', $defaults,
                @$call);
            my ($status, $out, $err) = run({ timeout => 60 }, @command);
            push @said, join "\n", $status, ($out . $err) =~ s/\b\d+(?:\.\d+)? s(?:econds)?\b/N s/gr;
        }
        is $said[1], $said[0], "kissctl @$call[0, 1]: as anywhere else";
    }
    ok !-e "$place/ran", 'nothing in it was run' or diag slurp("$place/ran");
    is scalar(grep { !m{/(?:ran)$} && (lstat)[4] != 65534 } glob "$place/* $place/.[a-z]*"), 0, '... or made there';
};

subtest 'kissctl import from a folder of another user' => sub {
    my $root = tempdir_here();
    spew("$root/of-root", "SKU,Name\nsecret-of-root,x\n", 0600);
    my $sample = sub {
        my $dir = make_dir("$root/" . shift, 65534, 0755);
        run('cp', top() . "/sql/sample/stock.csv", top() . '/sql/sample/warehouses.csv', $dir);
        run(qw(chown -R 65534:65534), $dir);
        return $dir;
    };
    my $import = sub { my ($dir, @more) = @_; return kissctl({ timeout => 20 }, qw(import --dry-run), @more, $dir) };
    my $dir = $sample->('plain');
    is +($import->($dir))[0], 0, 'files of that user';
    rename "$dir/stock.csv", "$dir/today";
    link_of('65534', 'today', "$dir/stock.csv");
    is +($import->($dir))[0], 0, 'a link of that user to a file of that user';

    $dir = $sample->('link');
    unlink "$dir/stock.csv";
    link_of('65534', "$root/of-root", "$dir/stock.csv");
    my ($rc, $out, $err) = $import->($dir);
    is $rc, 1, 'a link of that user to a file of root: refused';
    like $err, qr/^stock\.csv: is a symbolic link to a file of another user$/m, '... with the reason';
    unlike $out . $err, qr/secret-of-root/, '... and without its content';
    ($rc, $out, $err) = $import->($dir, '--json');
    unlike $out . $err, qr/secret-of-root/, '... in the report, too';
    spew("$dir/real", slurp(top() . '/sql/sample/stock.csv'));
    unlink "$dir/stock.csv";
    symlink "$dir/real", "$dir/stock.csv";
    is +($import->($dir))[0], 0, 'a link of root is followed';

    for my $name (qw(stock.csv stock.csv.sha256)) {
        for my $kind (qw(fifo device folder socket)) {
            my $dir = $sample->("$name-$kind");
            unlink "$dir/$name";
            $kind eq 'fifo' ? run('mkfifo', "$dir/$name") : $kind eq 'folder' ? mkdir("$dir/$name")
                : $kind eq 'device' ? run('mknod', "$dir/$name", qw(c 1 5)) : IO::Socket::UNIX->new(Local => "$dir/$name", Listen => 1);
          SKIP: {
                skip "no $kind can be made here", 2 if !-e "$dir/$name";
                my ($rc, $out, $err) = $import->($dir);
                is $rc, 1, "$name is a $kind: refused, and not waited for";
                like $err, qr/^stock\.csv: .*(?:is not a regular file|cannot be opened)/m, '... with the reason';
            }
        }
    }
    my $fifo = "$root/defaults";
    run('mkfifo', '-m', '600', $fifo);
    ($rc, $out, $err) = kissctl({ timeout => 20, defaults => $fifo }, qw(customer list));
    is $rc, 1, 'a pipe where the options for connecting should be: refused, and not waited for';
    like $err, qr/is not a regular file/, '... with the reason';
    ($rc, $out, $err) = kissctl({ timeout => 20 }, qw(import --dry-run --map), $fifo, $sample->('map'));
    is $rc, 1, '... where a map should be';
};

subtest 'kissctl notify writes to no name that another user has made' => sub {
    my $root = tempdir_here();
    my $dir = make_dir("$root/state", 65534, 0777);
    spew("$root/secret", 'b5c9' x 16 . "\n", 0600);
    spew("$root/conf", "secret-file = $root/secret\nstate = $dir/state\ntarget = http://127.0.0.1:1/x\n", 0600);
    spew("$root/of-root", "as it was\n", 0600);
    link_of('65534', "$root/of-root", "$dir/state.new");
    kissctl({ timeout => 60 }, 'notify', "$root/conf");
    is slurp("$root/of-root"), "as it was\n", 'a link in place of the new state: what it leads to is not written';
    link_of('65534', "$root/made", "$dir/link.lock");
    spew("$root/conf", slurp("$root/conf") =~ s{/state$}{/link}mr, 0600);
    my ($rc, $out, $err) = kissctl({ timeout => 60 }, 'notify', "$root/conf");
    ok !-e "$root/made", 'a link in place of the lock: nothing is made where it leads to';
    is $rc, 1, '... the run says so';
};

done_testing;
