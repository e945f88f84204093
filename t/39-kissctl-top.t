#!/usr/bin/perl
# kissctl top: the numbers of kiss-status on a terminal, in a pipe once.
# SPDX-License-Identifier: Apache-2.0
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use KissTest;
use IO::Handle ();
use IO::Select ();
use IPC::Open2 qw(open2);
use KissTest::Load;
use Test::More;
use Time::HiRes qw(time);

my $db = new_database('top');
import_sample($db);
my $h = start_httpd(db => $db, tls => 1, config => qq(<Location "/kiss-status">\n    SetHandler kiss-status\n</Location>\n));
my $bearer = 'Bearer ' . $h->token('ACME01', issue_key('ACME01'));
is $h->get('/stock', Authorization => $bearer)->{status}, 200, 'a list' for 1 .. 3;
is $h->get("/none\e[31m", Authorization => $bearer)->{status} >= 400, 1, 'a path that would colour the terminal';
my $url = "https://localhost:$h->{port}/kiss-status";
sub view { return kissctl({ timeout => 60 }, 'top', @_, '--ca', $h->{ca}) }

my ($rc, $out, $err);
# A request is counted after its answer was sent.
wait_until(10, sub { ($rc, $out, $err) = view($url); $out =~ /^customer +stock +3 /m });
is $rc, 0, 'exit status' or diag $err;
like $out, qr/\Amod_kiss [\d.]+   \d{4}-\d\d-\d\dT\S+Z   since \d{4}-/, 'version and time';
like $out, qr/^\d+ requests?, - a second, \d+ refused, 0 failed; \d+ lists?, \d+ of 1024 MB$/m, 'sums; no rate in the first report';
like $out, qr/^customer +stock +3 +0 +0 +[\d.]+ +[\d.]+$/m, 'an endpoint';
like $out, qr/^ACME01 +\d+ +0 +\d+ of \d+ +\d+ of \d+ \d{4}-/m, 'a caller and its limits';
unlike $out, qr/[\x00-\x09\x0b-\x1f]/, 'nothing that drives a terminal';
is scalar(() = $out =~ /^mod_kiss /mg), 1, 'one report where there is no terminal';

($rc, $out) = view($url, '--times', 2, '--interval', 1);
is scalar(() = $out =~ /^mod_kiss /mg), 2, 'as many as are asked for';
like $out, qr/ requests, \d+\.\d a second, .* requests, |requests, - a second.*requests, \d+\.\d a second/s, '... with a rate';

for ([["https://localhost:$h->{port}/none"], 1, 'status 404'], [[$h->{url} . '/api/version'], 1, 'certificate|no report'], [['https://localhost:1/'], 1, 'onnect'],
    [['http://example.com/'], 2, 'plain HTTP to another machine'], [["$url?json"], 2, 'has a query'], [[$url, '--times', 0], 2, '--times wants'],
    [[$url, '--interval', 'x'], 2, '--interval wants'], [["https://localhost:$h->{port}/api/version"], 1, 'that is no report of mod_kiss'], [[], 2, 'URL is missing']) {
    ($rc, $out, $err) = view(@{ $_->[0] });
    is $rc, $_->[1], "@{ $_->[0] }: exit status";
    like $err, qr/$_->[2]/, "... $_->[2]";
}
($rc, $out, $err) = kissctl({ timeout => 60, env => { KISS_CA => $h->{ca} } }, 'top', $url);
is $rc, 0, 'KISS_CA in the place of --ca' or diag $err;
($rc, $out, $err) = kissctl({ timeout => 60, env => { KISS_CA => '' } }, 'top', $url);
like $err, qr/^kissctl: \Q$url\E\?json: .*certificate.*--ca FILE/i, 'an authority that is not known: how to name it';

# A terminal of util-linux's script, which stty gives a size.
# on_terminal($rows, $columns, $then, %env; more => options of top): all that the terminal got; $then->($read, $write, $tty) drives it while top runs:
# $read->($regex) waits until the output matches, $write->($keys) types.
sub on_terminal {
    my ($rows, $columns, $then, %env) = @_;
    my $more = delete $env{more} // '';
    my $kissctl = $ENV{KISS_TEST_KISSCTL} || build_dir() . '/support/kissctl';
    local @ENV{qw(SHELL TERM), keys %env} = ('/bin/sh', 'xterm', values %env);
    my $pid = open2(my $out, my $in, 'script', '-qec',
        "trap : INT; stty rows $rows cols $columns; tty; stty -g; '$kissctl' top '$url' --ca '$h->{ca}' --interval 1 $more; echo \"exit \$?\"; stty -g", '/dev/null');
    $in->autoflush(1);
    my ($all, $ended) = ('', 0);
    my $read = sub {
        my ($regex) = @_;
        my $end = time + 60;
        while (!$ended && $all !~ $regex && time < $end) {
            IO::Select->new($out)->can_read(1) or next;
            sysread $out, $all, 65536, length $all or $ended = 1;
        }
        return $all =~ $regex;
    };
    ok $read->(qr/Caller .*Last/s), "$rows x $columns: a report" or diag $all;
    $then->($read, sub { print $in @_ }, $all =~ m{(/dev/pts/\d+)}, sub { return length $all }, sub { return substr $all, $_[0] });
    ok $read->(qr/exit \d+\r\n\S+\r\n/), '... which ends' or kill TERM => $pid;
    close $in;
    waitpid $pid, 0;
    return $all;
}

# The pictures on a terminal: each a list of lines.
sub pictures { return map { [split /\r+\n/, s/\e\[[KJ]//gr =~ s/\e\[\?.*//sr] } grep {/mod_kiss/} split /\e\[H/, $_[0] }

for ([24, 80, 'q'], [50, 200, 'q'], [12, 64, "\cC"], [24, 80, "\cD"]) {
    my ($rows, $columns, $key) = @$_;
    my $said = on_terminal($rows, $columns, sub { my ($read, $write) = @_; $write->($key) });
    my ($picture) = pictures($said);
    cmp_ok scalar @$picture, '<=', $rows, '... in its lines';
    is_deeply [grep { length > $columns } @$picture], [], '... and columns';
    like $picture->[0], qr/^mod_kiss [\d.]+ /, '... from the first one';
    like join("\n", @$picture), qr/^customer +stock +3 /m, '... with the endpoints';
    like $said, qr/\e\[\?1049h.*\e\[\?1049l.*exit 0\r\n/s, '... on the other screen, and back';
    is scalar(() = $said =~ /\e\[\?25l/g), scalar(() = $said =~ /\e\[\?25h/g), '... the cursor too';
    my ($before, $after) = $said =~ m{/dev/pts/\d+\r\n(\S+)\r\n.*\r\n(\S+)\r\n}s;
    is $after, $before, '... the mode of the terminal is as before';
}
on_terminal(24, 80, sub {
    my ($read, $write, $tty, $length, $since) = @_;
    my $at = $length->();
    $write->(' ');
    ok $read->(qr/\A.{$at}.*\e\[Hmod_kiss.*requests, \d+\.\d a second/s), '... another one, with a rate';
    $at = $length->();
    run('stty', '-F', $tty, 'rows', 40, 'cols', 100);
    ok $read->(qr/\A.{$at}.*\e\[H[^\e]*\e\[K.*Caller {30}Requests .*Last\e\[K\r+\n/s), '... drawn again when the size changes, in its new width';
    $write->("\e[A");          # an arrow is no end
    $write->('q');
});
my $dumb = on_terminal(24, 80, sub { my ($read, $write) = @_; $read->(qr/mod_kiss.*mod_kiss/s) }, TERM => 'dumb', more => '--times 2');
unlike $dumb, qr/\e/, 'TERM=dumb: nothing that drives a terminal';
like $dumb, qr/^mod_kiss.*^mod_kiss/ms, '... but reports, one after the other';
$h->stop;
my $gone = eval { my ($rc, $o, $e) = run({ env => { SHELL => '/bin/sh', TERM => 'xterm' } }, 'script', '-qec', "'" . ($ENV{KISS_TEST_KISSCTL} || build_dir() . '/support/kissctl') . "' top '$url' --ca '$h->{ca}'", '/dev/null'); $o };
like $gone, qr/\e\[\?1049l.*kissctl: .*onnect/s, 'a server that is gone: the message is on the screen that stays';
$h->log_ok;
done_testing;
