#!/usr/bin/perl
# kissctl top: the numbers of kiss-status on a terminal, in a pipe once.
# SPDX-License-Identifier: Apache-2.0
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use KissTest;
use KissTest::Load;
use Test::More;

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
$h->log_ok;
done_testing;
