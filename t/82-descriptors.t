# Few descriptors and many requests: 200 cold and cached lists at once over HTTP/1.1, h2 and h2c, mapped and not, where a process may open 64
# files. Each answer is the right one, an error that says when to come again, or visibly broken off; nothing is left, and all is well afterwards.
# SPDX-License-Identifier: Apache-2.0
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use KissTest;
use KissTest::Faults;
use KissTest::H2;
use KissTest::Lists;
use KissTest::Load;
use Test::More;

plan skip_all => 'mod_http2 is not for prefork' if ($ENV{KISS_TEST_MPM} || '') eq 'prefork';
plan skip_all => 'httpd has no mod_http2 here' unless -e KissTest::Httpd::apxs('LIBEXECDIR') . '/mod_http2.so';

my $server = KissTest::Database->start;
my $db = new_database('descriptors', server => $server);
import_sample($db);
grow($server, $db, 500);
my %key = (ACME01 => issue_key('ACME01'));
my @few = (wrapper => ['sh', '-c', 'ulimit -n 64; exec "$0" "$@"']);

sub serve {
    my (%opt) = @_;
    my $config = delete $opt{config} // '';
    my $h = serve_lists(\%key, processes => 1, threads => 16, pool => 'keep=1 max=2 wait=10s timeout=20s', modules => ['http2'], %opt,
        config => "Protocols h2 h2c http/1.1\nH2MaxSessionStreams 200\n$config");
    my ($plain, $gzip) = map { ask_list($h, '/products', undef, @$_) } [], ['Accept-Encoding' => 'gzip'];
    $h->{good} = $plain->{content};
    return $h;
}

# What is wrong with an answer; a client sees that one was broken off.
sub wrong {
    my ($h, $res) = @_;
    return $res->{content} if $res->{content} =~ /no answer within/;
    return $res->{content} eq $h->{good} ? '' : '200 with ' . length($res->{content}) . ' bytes' if $res->{status} == 200;
    return $res->{headers}{'retry-after'} ? '' : '503 without Retry-After' if $res->{status} == 503;
    return $res->{status} == 500 || $res->{status} == 599 ? '' : "$res->{status} $res->{content}";
}

# What came of a stream: the status is told by the content.
sub stream {
    my ($h, $c, $id) = @_;
    return { status => 599, content => 'broken off' } if !$c->{ended}{$id} || defined $c->{reset}{$id};
    return { status => $c->{data}{$id} =~ /\A\{"error":"The service is/ ? 503 : $c->{data}{$id} =~ /\A\{"error":/ ? 500 : 200, content => $c->{data}{$id}, headers => { 'retry-after' => 1 } };
}

sub outcome { my (@res) = @_; my %n; $n{ $_->{status} }++ for @res; return join ', ', map {"$n{$_} times $_"} sort keys %n }

# Descriptors of the process, without those of the cached lists that it has mapped, which are closed when they were not used for a minute; and
# without those of epoll, which httpd alone creates: one for the process, and one for each session of HTTP/2, of which one may stay (2.4.71).
sub held {
    my ($h) = @_;
    my ($pid) = $h->children or return 9999;
    return scalar grep { !m{/snapshots/[^ ]+\.json\z|\[eventpoll\]\z} } map { readlink // () } glob "/proc/$pid/fd/*";
}

# All is well: the next answer is right, and no more descriptors are open than before.
sub afterwards {
    my ($h, $had) = @_;
    my $now;
    ok wait_until(30, sub { my $r = fetch($h, '/products', Authorization => $h->{bearer}{ACME01}); $r->{status} == 200 && $r->{content} eq $h->{good} }), '... the next answer is right';
    ok wait_until(30, sub { $now = held($h); $now <= $had }), "... no descriptor is left: $now of $had"
        or diag join "\n", map { $_ . ' ' . (readlink // '') } map { glob "/proc/$_/fd/*" } $h->children;
    is leftovers(folder($h)), '', '... nor a file';
    return;
}

# How many descriptors the process has when it has done all that it does.
sub usual {
    my ($h) = @_;
    parallel(8, sub { fetch($h, $_, Authorization => $h->{bearer}{ACME01}) for qw(/products /prices /stock); 1 });
    my ($now, $then) = (0, -1);
    wait_until(10, sub { ($then, $now) = ($now, held($h)); select undef, undef, undef, 0.2; $now == $then });
    return $now + 2;                        # connections to the database that are kept
}

my $factor = ($ENV{KISS_TEST_MPM} || 'event') eq 'event' ? "AsyncRequestWorkerFactor 20\n" : '';
for my $mmap ('On', 'Off') {
    my $h = serve(@few, config => "EnableMMAP $mmap\n$factor");
    my $had = usual($h);
    for my $state ('cached', 'cold') {
        my $cold = sub { unlink glob folder($h) . '/*@*' if $state eq 'cold'; return };
        subtest "EnableMMAP $mmap, HTTP/1.1, $state" => sub {
            $cold->();
            my @res = map {@$_} parallel(20, sub { [map { $_ == 5 and $cold->(); fetch($h, '/products', Authorization => $h->{bearer}{ACME01}) } 1 .. 10] });
            my @wrong = grep { $_ ne '' } map { wrong($h, $_) } @res;
            is "@wrong", '', 'no answer is wrong: ' . outcome(@res);
            afterwards($h, $had);
        };
        subtest "EnableMMAP $mmap, h2c, $state" => sub {
            $cold->();
            my @res = map {@$_} parallel(4, sub {
                my $c = KissTest::H2->new($h);
                my @streams = map { $c->get('/products', authorization => $h->{bearer}{ACME01}) } 1 .. 50;
                $c->read(sub { !grep { !$c->{ended}{$_} && !defined $c->{reset}{$_} } @streams }, 60) or return [{ status => 599, content => 'no answer within a minute' }];
                return [map { stream($h, $c, $_) } @streams];
            });
            is scalar(@res), 200, 'streams';
            my @wrong = grep { $_ ne '' } map { wrong($h, $_) } @res;
            is "@wrong", '', 'no answer is wrong: ' . outcome(@res);
            cmp_ok scalar(grep { $_->{status} == 200 } @res), '>', 0, 'some are whole';
            afterwards($h, $had);
        };
    }
    $h->log_ok(qr/KISS|Too many open files|AH/);
}

subtest 'h2' => sub {
    plan skip_all => 'curl cannot do HTTP/2 here' unless (run(qw(curl --version)))[1] =~ /\bHTTP2\b/;
    my $h = serve(@few, tls => 1, config => $factor);
    my $dir = tempdir_here();
    for my $state ('cached', 'cold') {
        unlink glob folder($h) . '/*@*' if $state eq 'cold';
        my @res = map {@$_} parallel(4, sub {
            my ($i) = @_;
            spew("$dir/$i", join '', qq(header = "Authorization: $h->{bearer}{ACME01}"\n), map {qq(url = "$h->{url}/products"\noutput = "$dir/$i.$_"\n)} 1 .. 50);
            my ($rc, $out) = run({ timeout => 90 }, 'curl', '-sS', '--http2', '--cacert', $h->{ca}, '--parallel', '--parallel-max', 50, '-w', '%{http_code} %{exitcode} %{filename_effective}\n',
                '-K', "$dir/$i");
            return [map { my ($status, $exit, $file) = split; { status => $exit ? 599 : $status, content => -e $file ? slurp($file) : '', headers => { 'retry-after' => 1 } } }
                split /\n/, $out];
        });
        is scalar(@res), 200, "$state: streams";
        my @wrong = grep { $_ ne '' } map { wrong($h, $_) } @res;
        is "@wrong", '', '... no answer is wrong: ' . outcome(@res);
        cmp_ok scalar(grep { $_->{status} == 200 } @res), '>', 0, '... some are whole';
    }
    $h->log_ok(qr/KISS|Too many open files|AH/);
};

done_testing;
