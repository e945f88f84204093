# SPDX-License-Identifier: Apache-2.0
package KissTest::Faults;

# Faults inside httpd's processes, made by libraries that are loaded in front of its own: calls that fail, processes that are killed while
# they have a lock (t/tools/failnth.c), clocks that jump (t/tools/shiftclock.c).
#
#     plan skip_all => cannot_preload('failnth') if cannot_preload('failnth');
#     my $fault = preload('failnth');
#     my $h = start_httpd(env => $fault->{env});
#     arm($fault, group => 'database', first => 3, code => 2013, directory => "$h->{root}/cache");
#     ...
#     my $seen = disarm($fault);      # { count, failed, name }

use strict;
use warnings;
use Exporter 'import';
use JSON::PP ();
use KissTest;
use KissTest::Load;
use MIME::Base64 ();

our @EXPORT = qw(cannot_preload preload arm disarm shift_clock ask_once later stopped ask_later claims_of leftovers descriptors);

my %group = (database => 1, files => 2, memory => 3, disk => 4, locks => 5);
my $serial = 0;

# cannot_preload($name): why not, or ''.
sub cannot_preload {
    my ($name) = @_;
    return "no t/tools/$name here" if !-e _library($name);
    return 'another library is loaded in front of httpd already' if $ENV{KISS_TEST_PRELOAD};
    return $ENV{KISS_TEST_WRAPPER} ? 'httpd is run by another program' : '';
}

sub _library { my ($name) = @_; return build_dir() . "/t/tools/.libs/$name.so" }

# preload($name): { env => of httpd }, by which its processes are told what to do.
sub preload {
    my ($name) = @_;
    my $control = tempdir_here() . "/$name." . ++$serial;
    spew($control, pack('x1024'), 0666);
    chmod 0666, $control;
    open my $file, '+<:raw', $control or die "$control: $!";
    return { env => { LD_PRELOAD => _library($name), uc $name => $control }, control => $file };
}

sub _poke {
    my ($fault, $at, $bytes) = @_;
    sysseek $fault->{control}, $at, 0;
    (syswrite($fault->{control}, $bytes) // 0) == length $bytes or die "control: $!";
    return;
}

# arm($fault, group => $name, first => $n, times => 1, code => 0, late => 0, directory => of files, beginning => of statements), disarm($fault):
# what became of it: { count, failed, name }. late 1: the call is executed before it fails; 2: its process is killed before it; 3: stopped (SIGSTOP).
sub arm {
    my ($fault, %o) = @_;
    _poke($fault, 0, pack 'L7 a64 a256 a64', 0, $o{first}, $o{times} // 1, $o{code} // 0, $o{late} // 0, 0, 0, '', $o{directory} // '', $o{beginning} // '');
    _poke($fault, 0, pack 'L', $group{ $o{group} });
    return;
}

sub disarm {
    my ($fault) = @_;
    _poke($fault, 0, pack 'L', 0);
    sysseek $fault->{control}, 20, 0;
    sysread $fault->{control}, my $bytes, 72;
    my %seen;
    @seen{qw(count failed name)} = unpack 'L L Z64', $bytes;
    return \%seen;
}

# shift_clock($fault, $seconds, $monotonic): how far the clock is ahead of the system's, and the monotonic one.
sub shift_clock {
    my ($fault, $seconds, $monotonic) = @_;
    _poke($fault, 0, pack 'q2', $seconds * 1e9, ($monotonic // 0) * 1e9);
    return;
}

# ask_once($h, $method, $path, $body, %headers): one request on a connection of its own, never repeated; 599 with the reason for no
# whole answer.
sub ask_once {
    my ($h, $method, $path, $body, %headers) = @_;
    my $got = '';
    my $why = eval {
        local $SIG{ALRM} = sub { die "no answer within 30 s\n" };
        local $SIG{PIPE} = 'IGNORE';
        alarm 30;
        my $s = $h->connect;
        $headers{'Content-Length'} = length $body if defined $body;
        print {$s} "$method $path HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n", map({"$_: $headers{$_}\r\n"} sort keys %headers),
            "\r\n", $body // '';
        $s->flush;
        my $n;
        1 while $n = $s->sysread($got, 65536, length $got);
        alarm 0;
        defined $n ? '' : "read: $!";
    };
    alarm 0;
    return { status => 304, headers => {}, content => '' } if $got =~ m{\AHTTP/1\.1 304 .*\r\n\r\n\z}s;
    return KissTest::Load::answer($got, $why // $@);
}

# later($sub): calls it in the background; what the code that it returns returns is what that has returned: a hash.
sub later {
    my ($sub) = @_;
    require POSIX;
    require Storable;
    pipe my $from, my $to or die "pipe: $!";
    my $pid = fork;
    die "fork: $!" unless defined $pid;
    if (!$pid) {
        my $res = eval { $sub->() } || { status => 599, headers => {}, content => "$@" };
        print {$to} Storable::freeze($res);
        close $to;
        POSIX::_exit(0);
    }
    close $to;
    return sub {
        local $/;
        my $res = Storable::thaw(scalar <$from>);
        waitpid $pid, 0;
        return $res;
    };
}

# stopped($beginning, $sub): $sub->(env of the program) in the background, whose program is stopped before its first statement that begins so. The
# code that it returns lets it go on and returns what $sub has returned; undef if it was not stopped within a minute.
sub stopped {
    my ($beginning, $sub) = @_;
    my $fault = preload('failnth');
    arm($fault, group => 'database', first => 1, late => 3, beginning => $beginning);
    my $end = later(sub { return { got => [$sub->($fault->{env})] } });
    my $is_it = sub {
        my ($pid) = @_;
        my ($stat, $env) = map { eval { slurp("/proc/$pid/$_") } // '' } qw(stat environ);
        return $stat =~ /\) T / && index($env, "FAILNTH=$fault->{env}{FAILNTH}\0") >= 0;
    };
    my $pid;
    KissTest::Load::wait_until(60, sub { ($pid) = grep { $is_it->($_) } map { m{(\d+)\z} } glob '/proc/[0-9]*' }) or return;
    return sub { disarm($fault); kill 'CONT', $pid; return @{ $end->()->{got} } };
}

# ask_later($h, $path, %headers): one GET in the background, never repeated; what the code that it returns returns is its answer.
sub ask_later { my ($h, $path, @headers) = @_; return later(sub { fetch($h, $path, @headers) }) }

# claims_of($bearer): what a token says.
sub claims_of {
    my ($bearer) = @_;
    return JSON::PP->new->utf8->decode(MIME::Base64::decode_base64((split /\./, $bearer)[1] =~ tr{-_}{+/}r));
}

# leftovers($folder): what is in a folder of cached lists beside these, their versions and locks.
sub leftovers {
    my ($folder) = @_;
    opendir my $d, $folder or return '';
    return join ' ', sort grep { !m{\A(?:\.\.?|[\w-]{16}\@[\w-]{22}(?:\.[\w-]{22})?(?:(?:-gzip[0-9a-f]{8})?\.json|\.states)|lock\.\d+|keeper\.lock)\z} }
        readdir $d;
}

# descriptors($pid): how many a process has: those of connections that are being closed as well.
sub descriptors {
    my ($pid) = @_;
    opendir my $d, '/proc/' . ($pid // 'none') . '/fd' or return 9999;
    return scalar grep {/^\d/} readdir $d;
}

1;
