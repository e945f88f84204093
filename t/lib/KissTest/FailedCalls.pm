# SPDX-License-Identifier: Apache-2.0
package KissTest::FailedCalls;

# Every call of a request failed in turn: the n-th for n = 1, 2, ... until there is none left (t/tools/failnth.c).
#
#     my $h = fault_server(api => 'customer', db => $db);
#     turns($h, [['a list', $before, $ask, $wrong]], ', 2013', group => 'database', code => 2013);

use strict;
use warnings;
use Exporter 'import';
use JSON::PP ();
use KissTest;
use KissTest::Faults;
use KissTest::Lists;
use KissTest::Load;
use Test::More;

our @EXPORT = qw(fault_server in_turn turns);

# A process of prefork has one thread; httpd notes that there may be no other process.
my $prefork = ($ENV{KISS_TEST_MPM} || '') eq 'prefork';

# fault_server(%option): an httpd whose calls can be failed: one process, so that each request meets what the one before has left.
sub fault_server {
    my (%opt) = @_;
    my $fault = preload('failnth');
    my %common = (processes => 1, threads => $prefork ? 1 : 4, pool => 'keep=1 max=3 wait=5s ' . (delete $opt{idle} // ''), %opt, env => $fault->{env});
    my $h = $opt{api} ? start_httpd(%common) : serve_lists(delete $common{key}, %common);
    $h->{fault} = $fault;
    $h->checked or die 'the databases were not checked';
    $h->{calls} = 0;
    return $h;
}

# wrong_error($res): '' for an error that a client is promised, else what is wrong with it.
sub wrong_error {
    my ($res) = @_;
    return "$res->{status} $res->{content}" if $res->{status} != 500 && $res->{status} != 503;
    return 'no JSON' if !eval { JSON::PP->new->utf8->decode($res->{content}); 1 } || $res->{headers}{'content-type'} !~ m{\Aapplication/json};
    return '503 without Retry-After' if $res->{status} == 503 && ($res->{headers}{'retry-after'} // '') !~ /\A[1-9]\d*\z/;
    return 'an error with an ETag' if defined $res->{headers}{etag};
    # Nothing of an attempt before.
    return "it says $res->{content}" if $res->{content} !~ /unavailable\. Please retry|is busy\. Please retry|nexpected (?:server )?error/;
    return '';
}

# in_turn($h, $what, %o): fails each call of a request in turn. group, code, late, times: of the failure. before => $code: brings about
# the state that the request is made in. ask => $code: makes it. wrong => $code: what is wrong with a good answer, or ''. after => $code: what
# is wrong with the state after an answer, or ''; it is called with the answer, 1 if that is the next one, and what failed: { name, failed }.
# breaks => $pattern: calls of httpd itself, after which an answer that has begun can only be broken off.
# again => $code: makes the next request, if that is another one.
sub in_turn {
    my ($h, $what, %o) = @_;
    my ($before, $after, $again) = ($o{before} // sub { }, $o{after} // sub {''}, $o{again} // $o{ask});
    my (@wrong, %status, $seen);
    my @children = $h->children;
    $before->();
    my $good = $o{wrong}->($o{ask}->());
    $before->();
    $o{ask}->();
    my $had = descriptors($h->children);
    for my $n (1 .. 500) {
        $before->();
        arm($h->{fault}, %o, first => $n, directory => "$h->{root}/cache");
        my $res = $o{ask}->();
        $seen = disarm($h->{fault});
        my $found = $o{wrong}->($res);
        $found = wrong_error($res) if $found ne '' && $seen->{failed} && $res->{status} >= 500;
        $found = '' if $o{breaks} && $seen->{failed} && $seen->{name} =~ $o{breaks} && $res->{status} == 599;
        my @found = grep { $_ ne '' } $found, $after->($res, 0, $seen);
        my $next = $again->();
        push @found, map {"then: $_"} grep { $_ ne '' } $o{wrong}->($next), $after->($next, 1, $seen);
        push @found, 'left: ' . leftovers("$h->{root}/cache/snapshots") if leftovers("$h->{root}/cache/snapshots") ne '';
        push @found, 'a child has died' if join(' ', $h->children) ne "@children";
        $status{ $res->{status} }++;
        push @wrong, map {"call $n, $seen->{name}: $_"} @found;
        last if !$seen->{failed} || @wrong > 20 || $res->{content} =~ /no answer within/;
        $h->{calls}++;
    }
    push @wrong, "it does not end: $seen->{count} calls" if $seen->{failed} && @wrong <= 20;
    $before->();
    push @wrong, 'afterwards: ' . $o{wrong}->($o{ask}->()) if $o{wrong}->($o{ask}->()) ne '';
    my $now;
    push @wrong, "descriptors: had $had, has $now" if !wait_until(10, sub { $now = descriptors($h->children); $now <= $had });
    is "$good@wrong[0 .. ($#wrong > 11 ? 11 : $#wrong)]", '', "$what: " . join ', ', map {"$status{$_} times $_"} sort keys %status;
    return;
}

my $allowed = qr/made by failnth|KISS0(?:201|210|253|402|421|422|601|602|604|605|607|608|609|610|612|614|685|800|801)/;

# turns($h, $subjects, %failure): each call of each subject.
sub turns {
    my ($h, $subjects, $more, %failure) = @_;
    for my $s (@$subjects) {
        my ($name, $before, $ask, $wrong, %o) = @$s;
        in_turn($h, "$name$more", %failure, before => $before, ask => $ask, wrong => $wrong, %o);
    }
    note "$h->{calls} calls were failed";
    $h->log_ok($allowed, $prefork ? qr/AH00161: server reached MaxRequestWorkers/ : ());
    return;
}

1;
