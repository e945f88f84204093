#!/usr/bin/perl
# The thin slice: a key, a token, the three lists and the rest of the endpoints, in each way once.
# SPDX-License-Identifier: Apache-2.0
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use KissTest;
use Test::More;

my $db = new_database('smoke');
import_sample($db);
my $key = issue_key('ACME01');
my $h = start_httpd();
my $token = $h->token('ACME01', $key);
my @auth = (Authorization => "Bearer $token");

for my $path (qw(/products /stock /prices)) {
    my $r = $h->get($path, @auth);
    is $r->{status}, 200, "$path with a token";
    cmp_ok scalar @{ $h->json($r) }, '>', 50, "$path has rows";
    is $h->get($path)->{status}, 401, "$path without a token";
    is $h->get($path, @auth, 'If-None-Match' => $r->{headers}{etag})->{status}, 304, "$path unchanged";
}
for my $path (qw(/products/schema /stock/schema /api/version /health)) {
    is $h->get($path, @auth)->{status}, 200, $path;
}
is $h->get('/nothing', @auth)->{status}, 404, 'an unknown path';
$h->log_ok;
done_testing;
