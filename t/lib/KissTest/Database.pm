# SPDX-License-Identifier: Apache-2.0
package KissTest::Database;

# One private MariaDB for a test run: own data directory, unix socket only, gone at the end.
# KISS_TEST_DB_SOCKET names one that is running already (runtests starts it once for all test files).

use strict;
use warnings;
use Cwd qw(abs_path);
use Fcntl qw(:DEFAULT);
use File::Basename qw(dirname);
use File::Path qw(make_path remove_tree);
use File::Temp qw(tempdir);
use IO::Handle ();
use IPC::Open2 qw(open2);
use POSIX ();
use Time::HiRes qw(sleep time);

our $top = abs_path(dirname(__FILE__) . '/../../..');

# In front of a server's command: it gets TERM when the test that started it is gone, even if that was killed.
our @WITH_US = qw(setpriv --pdeathsig TERM --);

# new(): uses the run's database, or starts one.
sub new {
    my ($class) = @_;
    return $class->_attach($ENV{KISS_TEST_DB_SOCKET}) if $ENV{KISS_TEST_DB_SOCKET};
    return $class->start;
}

sub _attach {
    my ($class, $socket) = @_;
    my $self = bless { socket => $socket, dir => dirname($socket), owner => 0 }, $class;
    if (!-r "$self->{dir}/kiss.password") {
        # Somebody else's server: the accounts and their files live in a directory of ours.
        $self->{dir} = _tempdir();
        $self->{cleanup} = $$;
        $self->_accounts;
    }
    return $self;
}

# Whether a file system in memory can hold a data directory: creating tables waits for a disk most of the time.
sub _room_in_memory {
    my ($available) = _slurp('/proc/meminfo') =~ /^MemAvailable:\s+(\d+) kB/m;
    my ($free) = `df -Pk /dev/shm 2>/dev/null` =~ /^tmpfs\s+\d+\s+\d+\s+(\d+)\s/m;
    return -w '/dev/shm' && ($available // 0) > 6_000_000 && ($free // 0) > 4_000_000;
}

# Children of httpd and mariadbd must reach it: not 0700. Short, because a socket's path may have 107 bytes.
sub _tempdir {
    my $dir = tempdir('kiss-test-XXXXXX', DIR => _room_in_memory() ? '/dev/shm' : '/tmp', CLEANUP => 0);
    chmod 0755, $dir;
    return $dir;
}

# start(%option): a new server. Options: args => [more mariadbd arguments], keep => 1 leaves the directory, from => DIRECTORY of a
# server that is not running: begins with a copy of its data and its accounts' passwords; user => NAME whom root lets it run as.
sub start {
    my ($class, %opt) = @_;
    my $dir = _tempdir();
    my $self = bless {
        dir => $dir,
        socket => "$dir/db.sock",
        datadir => "$dir/data",
        owner => $$,
        args => $opt{args} || [],
        with => $opt{with} || [],
        cleanup => $opt{keep} ? 0 : $$
    }, $class;
    my $me = getpwuid $>;
    my @as = $> == 0 ? ('--user=' . ($opt{user} // 'root')) : ();
    # Not the passwords, which httpd refuses to read when they are another user's.
    my $give = sub { run_command({}, 'chown', '-R', $opt{user}, $self->{datadir}) if $opt{user} && $> == 0 };
    run_command({}, 'chown', $opt{user}, $dir) if $opt{user} && $> == 0;
    make_path($self->{datadir});
    $give->();
    my $rc = $opt{from}
        ? _quiet("$dir/install.log", 'cp', '-a', glob("$opt{from}/data $opt{from}/*.password"), "$dir/")
        # A server that starts removes all temporary tables of its tmpdir, those of others as well.
        : _quiet("$dir/install.log", 'mariadb-install-db', '--no-defaults', "--datadir=$self->{datadir}",
        "--tmpdir=$dir", @as,
        '--skip-test-db', '--auth-root-authentication-method=socket',
        "--auth-root-socket-user=$me");
    die "the data directory cannot be made:\n" . _slurp("$dir/install.log") if $rc;
    $give->();
    $self->{as} = \@as;
    $self->resume;
    $self->_accounts if !$opt{from};
    return $self;
}

# spawn($log, \%env, @command): starts a server in a session of its own, which ends with this process: its number. An undefined
# value takes a variable out of the environment.
sub spawn {
    my ($log, $env, @command) = @_;
    my $pid = fork;
    die "fork: $!" unless defined $pid;
    if (!$pid) {
        POSIX::setsid();
        open STDIN, '<', '/dev/null';
        open STDOUT, '>>', $log;
        open STDERR, '>&', \*STDOUT;
        defined $env->{$_} ? $ENV{$_} = $env->{$_} : delete $ENV{$_} for keys %$env;
        no warnings 'exec';
        exec @WITH_US, @command or POSIX::_exit(127);
    }
    return $pid;
}

# resume(): starts a stopped server again over the same data, and waits until it answers.
sub resume {
    my ($self) = @_;
    $self->{pid} = spawn("$self->{dir}/mariadbd.log", { PATH => "$ENV{PATH}:/usr/sbin" },
        @{ $self->{with} }, 'mariadbd', '--no-defaults', @{ $self->{as} }, "--datadir=$self->{datadir}", "--tmpdir=$self->{datadir}",
        "--socket=$self->{socket}",
        "--pid-file=$self->{dir}/db.pid",
        '--skip-networking', '--skip-log-bin', '--max-connections=300', '--innodb-buffer-pool-size=512M',
        '--innodb-flush-log-at-trx-commit=0', '--innodb-doublewrite=0',
        '--innodb-log-file-size=128M', '--character-set-server=utf8mb4', '--performance-schema=0',
        '--net-buffer-length=64K',
        @{ $self->{args} });
    my $end = time + 60;
    until ($self->alive) {
        if (waitpid($self->{pid}, POSIX::WNOHANG()) == $self->{pid} || time > $end) {
            kill 'KILL', $self->{pid};
            die "mariadbd did not start:\n" . _slurp("$self->{dir}/mariadbd.log");
        }
        sleep 0.05;
    }
    return $self;
}

sub alive {
    my ($self) = @_;
    return -S $self->{socket} && _quiet('/dev/null', $self->_client, '-e', 'DO 1') == 0;
}

# stop($signal): TERM is an orderly stop, KILL a crash. Waits for the end.
sub stop {
    my ($self, $signal) = @_;
    return unless $self->{pid} && $self->{owner} == $$;
    kill $signal || 'TERM', $self->{pid};
    my $end = time + 60;
    while (waitpid($self->{pid}, POSIX::WNOHANG()) == 0) {
        kill 'KILL', $self->{pid} if time > $end;
        sleep 0.02;
    }
    delete $self->{pid};
    return;
}

# freeze, thaw: a server that holds its connections and answers nothing: none of its threads does anything any more.
sub freeze {
    my ($self) = @_;
    kill 'STOP', $self->{pid} or die 'only a server of our own can be stopped';
    # The kernel stops one thread, which stops the others: until then they may answer a query.
    for (1 .. 1000) {
        my @running = grep { !/\) [Tt] / } map { -e $_ ? _slurp($_) : () } glob "/proc/$self->{pid}/task/*/stat";
        return if !@running;
        select undef, undef, undef, 0.001;
    }
    die "the server does not stop\n";
}
sub thaw { my ($self) = @_; kill 'CONT', $self->{pid}; return }

# sql($db, $sql): runs it as the administrator; returns the rows, each an array of text (NULL is undef). Dies on an
# error.
sub sql {
    my ($self, $db, $sql) = @_;
    my ($rc, $out, $err) = run_command(
        { stdin => $sql },
        $self->_client, '--batch', '--skip-column-names',
        '--default-character-set=utf8mb4',
        defined $db ? ($db) : ()
    );
    die "SQL failed: $err\n  in: " . substr($sql, 0, 400) if $rc;
    return map { [
        map {
            my $c = $_;
            $c eq 'NULL'
                ? undef
                : do { $c =~ s/\\([ntr0\\])/{n=>"\n",t=>"\t",r=>"\r",0=>"\0","\\"=>"\\"}->{$1}/ge; $c }
        } split /\t/,
        $_,
        -1
    ] }
        split /\n/, $out;
}

# session($db): a connection that stays open: $session->($sql) returns when that was executed, what it found as lines; $session->() ends it.
sub session {
    my ($self, $name) = @_;
    my $pid = open2(my $out, my $in, $self->client_command, '--batch', '--skip-column-names', '--unbuffered', $name);
    $in->autoflush(1);
    return sub {
        my ($sql) = @_;
        if (!defined $sql) { close $in; waitpid $pid, 0; return }
        print $in "$sql;\nSELECT 'done';\n";
        my @lines;
        while (defined(my $line = readline $out)) {
            chomp $line;
            return wantarray ? @lines : $lines[0] if $line eq 'done';
            push @lines, $line;
        }
        die "the session has ended\n";
    };
}

# client_command(): the database client as administrator, as a list.
sub client_command { my ($self) = @_; return $self->_client }

# Over the socket: the client of MariaDB 11.8 would otherwise refuse a server whose certificate it does not know.
sub _client {
    my ($self) = @_;
    return ('mariadb', '--no-defaults', '--skip-ssl', '-S', $self->{socket}, '-u', scalar getpwuid $>);
}

# The two accounts, one pair for the run, and the password of the third one, which only grant_admin() makes. Passwords are in files
# that only their owner can read.
sub _accounts {
    my ($self) = @_;
    my $sql = '';
    for my $user (qw(kiss kiss_admin kiss_write)) {
        my $password = unpack 'H*', _random(24);
        write_file("$self->{dir}/$user.password", "$password\n", 0600);
        $sql .= "CREATE OR REPLACE USER '$user'\@'localhost' IDENTIFIED BY '$password';\n" if $user ne 'kiss_write';
    }
    $self->sql(undef, $sql);
    return;
}

sub password {
    my ($self, $user) = @_;
    chomp(my $p = _slurp("$self->{dir}/$user.password"));
    return $p;
}

# What differs between the databases of the two APIs: the verbs of kissctl, the folder of SQL files.
my %api = (
    customer => { lead => [], folder => 'customer' },
    kss => { lead => ['kss'], folder => 'kss' },
);

# create($name, $kissctl, $api): an empty database with the schema of that API (customer, kss), both accounts granted,
# and DIR/$name.cnf for kissctl.
sub create {
    my ($self, $name, $kissctl, $api) = @_;
    $api = $api{ $api || 'customer' } || die "no such API: $api";
    $self->sql(undef, "CREATE OR REPLACE DATABASE `$name` CHARACTER SET utf8mb4;");
    # Both groups, so that a wrong verb reaches a wrong database and not none.
    my $groups = sub { return join '', map {"[$_]\nsocket=$self->{socket}\ndatabase=$name\n$_[0]"} qw(kissctl kissctl_kss) };
    write_file($self->defaults($name),
        $groups->("user=kiss_admin\npassword=" . $self->password('kiss_admin') . "\n"), 0600);
    write_file("$self->{dir}/$name.root.cnf", $groups->('user=' . getpwuid($>) . "\n"), 0600);
    # The administrator installs the schema: grants.sql names tables, so they must exist when it runs.
    my ($rc, $out, $err) =
        run_command({}, $kissctl, '--defaults', "$self->{dir}/$name.root.cnf", '--sql', "$top/sql",
        @{ $api->{lead} }, 'schema', 'install');
    die "kissctl schema install failed ($rc): $out$err" if $rc;
    $self->sql($name, _slurp("$top/sql/$api->{folder}/grants.sql"));
    return $name;
}

# grant_admin($name): the account that writes product data may do so in this database.
sub grant_admin {
    my ($self, $name) = @_;
    my $password = $self->password('kiss_write');
    return $self->sql($name, "CREATE USER IF NOT EXISTS 'kiss_write'\@'localhost' IDENTIFIED BY '$password';\n" . _slurp("$top/sql/customer/grants-admin.sql"));
}

# defaults($name): the file for kissctl --defaults. DIR/$name.root.cnf is the same for the administrator.
sub defaults { my ($self, $name) = @_; return "$self->{dir}/$name.cnf" }

sub drop {
    my ($self, $name) = @_;
    $self->sql(undef, "DROP DATABASE IF EXISTS `$name`;");
    unlink $self->defaults($name), "$self->{dir}/$name.root.cnf";
    return;
}

sub DESTROY {
    my ($self) = @_;
    local ($?, $!, $@);
    $self->stop;
    remove_tree($self->{dir}) if $self->{cleanup} && $self->{cleanup} == $$ && !$ENV{KISS_TEST_KEEP};
    return;
}

# run_command(\%opt, @command): (exit status, stdout, stderr). A signal gives 128 + its number; a command that takes
# longer than opt.timeout (120 s) is killed and gives 124. opt.stdin: text; opt.env: more environment.
sub run_command {
    my ($opt, @command) = @_;
    my $dir = tempdir('kiss-run-XXXXXX', DIR => '/tmp', CLEANUP => 0);
    write_file("$dir/in", defined $opt->{stdin} ? $opt->{stdin} : '', 0600);
    my $pid = fork;
    die "fork: $!" unless defined $pid;
    if (!$pid) {
        setpgrp;
        open STDIN, '<', "$dir/in";
        open STDOUT, '>', "$dir/out";
        open STDERR, '>', "$dir/err";
        $ENV{$_} = $opt->{env}{$_} for keys %{ $opt->{env} || {} };
        no warnings 'exec';
        exec { $command[0] } @command or do { print STDERR "$command[0]: $!\n"; POSIX::_exit(127) };
    }
    my ($end, $late) = (time + ($opt->{timeout} || 120), 0);
    my $pause = 0.002;
    while (waitpid($pid, POSIX::WNOHANG()) == 0) {
        if (time > $end) {
            kill 'KILL', -$pid;
            $late = 1;
        }
        sleep $pause;
        $pause *= 1.5 if $pause < 0.05;
    }
    my $status = $?;
    my @r =
        ($late ? 124 : $status & 127 ? 128 + ($status & 127) : $status >> 8, _slurp("$dir/out"), _slurp("$dir/err"));
    remove_tree($dir);
    return @r;
}

sub _quiet {
    my ($log, @command) = @_;
    my ($rc, $out, $err) = run_command({}, @command);
    write_file($log, $out . $err, 0600) if $log ne '/dev/null';
    return $rc;
}

sub write_file {
    my ($file, $text, $mode) = @_;
    unlink $file;
    sysopen my $out, $file, O_WRONLY | O_CREAT | O_EXCL, $mode or die "$file: $!";
    binmode $out;
    print $out $text;
    close $out or die "$file: $!";
    chmod $mode, $file;
    return;
}

sub _slurp {
    my ($file) = @_;
    open my $in, '<:raw', $file or return '';
    local $/;
    my $text = <$in>;
    return defined $text ? $text : '';
}

sub _random {
    my ($n) = @_;
    open my $in, '<:raw', '/dev/urandom' or die "urandom: $!";
    read $in, (my $bytes), $n;
    return $bytes;
}

1;
