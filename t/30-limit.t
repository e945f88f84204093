#!/usr/bin/perl
# Rate limits: exact over processes, published headers and text, overrides, reload, floods, failed logins.
# SPDX-License-Identifier: Apache-2.0

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use POSIX qw(strftime);
use Test::More;
use Time::HiRes qw(sleep time);
use KissTest;

# It runs beside other tests, of which some count what their database server does: this one has its own.
delete $ENV{KISS_TEST_DB_SOCKET};

my $db = new_database('limit');
import_sample($db);
my %key = map { $_ => issue_key($_) } qw(ACME01 BEAU02 CIRC03 DISG04 EMPT05 FLOO06);

# One server, KissLimitClients small; each section uses callers of its own. Four processes, so that a counter of one
# process alone would be found out.
my @few = ($ENV{KISS_TEST_MPM} || '') eq 'prefork' ? (pool => 'keep=1 max=2') : ();    # one thread a process there
my $DEFAULTS = "KissLimit 60 1000\nKissLimitAnonymous 1000000 10000000\nKissLoginFailureLimit 1000000";
my $h = start_httpd(@few, processes => 4, threads => 16, limits => $DEFAULTS, modules => ['log_config'],
    config => 'CustomLog pids "%P %>s"');
my %token;

# Tokens cost a request each: they are made by ourselves, from the claims of a real one of another server.
{
    my $maker = start_httpd(token_keys => $h->{token_keys});
    $token{$_} = $maker->token($_, $key{$_}) for sort keys %key;
    $maker->log_ok;
}

sub bearer { my ($customer) = @_; return (Authorization => "Bearer $token{$customer}") }

sub login {
    my ($server, $client, $secret) = @_;
    return $server->post('/auth/token',
        { grant_type => 'client_credentials', client_id => $client, client_secret => $secret });
}

# A 429 as it is published.
sub is_quota {
    my ($res, $limit, $window, $name) = @_;
    my $seconds = $window eq '1m' ? 60 : 3600;
    my $head = $res->{headers};
    is $res->{status}, 429, "$name: 429";
    is $res->{content}, qq({"message":"API calls quota exceeded! maximum admitted $limit per $window."}),
        "$name: the published body";
    is $head->{'content-type'}, 'application/json; charset=utf-8', "$name: Content-Type";
    is $head->{'x-rate-limit-limit'}, $window, "$name: X-Rate-Limit-Limit";
    is $head->{'x-rate-limit-remaining'}, '0', "$name: X-Rate-Limit-Remaining";
    is $head->{'cache-control'}, 'no-store', "$name: Cache-Control";
    like $head->{'retry-after'}, qr/^[1-9]\d*$/, "$name: Retry-After is whole seconds";
    cmp_ok $head->{'retry-after'}, '<=', $seconds, "$name: Retry-After is within the window";
    my %reset = map { strftime('%Y-%m-%dT%H:%M:%SZ', gmtime(time + $head->{'retry-after'} + $_)) => 1 } -2 .. 1;
    ok $reset{ $head->{'x-rate-limit-reset'} }, "$name: X-Rate-Limit-Reset is Retry-After from now"
        or diag $head->{'x-rate-limit-reset'};
    ok !$head->{etag}, "$name: no ETag";
    return;
}

# Counts of the statuses of requests sent at the same time.
sub statuses {
    my ($processes, $each, $request) = @_;
    my %n;
    my $job = sub { my ($i) = @_; return [map { $request->($i, $_)->{status} } 1 .. $each] };
    $n{$_}++ for map {@$_} parallel($processes, $job);
    return \%n;
}

# ---- the customer that will wait for its Retry-After, while the rest of this file runs

kissctl_ok(qw(customer set FLOO06 --limit-minute 3));
my @waiting = map { $h->get('/stock', bearer('FLOO06')) } 1 .. 4;
my $wait_from = time;
is join(' ', map { $_->{status} } @waiting), '200 200 200 429', 'an own limit of 3 a minute: three pass';
is_quota($waiting[3], 3, '1m', 'own limit');
my $wait_until = $wait_from + $waiting[3]{headers}{'retry-after'};

# ---- exactly 60 of 200 at once, over several processes

{
    my $n = statuses(8, 25, sub { $h->get('/stock/schema', bearer('ACME01')) });
    is_deeply $n, { 200 => 60, 429 => 140 }, 'of 200 parallel requests exactly 60 pass';
    my %pid = map { /^(\d+) 200/ ? ($1 => 1) : () } split /\n/, slurp("$h->{root}/pids");
    cmp_ok scalar keys %pid, '>=', 2, 'several processes served those that passed';
    is_quota($h->get('/stock', bearer('ACME01')), 60, '1m', 'published limit');
    is_quota($h->get($_, bearer('ACME01')), 60, '1m', "$_ counts for the customer")
        for qw(/health /api/version /nothing /products/schema);
    is_quota($h->post('/products', '', bearer('ACME01')), 60, '1m', 'a wrong method counts');
    is_quota(login($h, 'ACME01', $key{ACME01}), 60, '1m', 'the token endpoint counts under client_id');
    is_quota(login($h, 'ACME01', $key{ACME01}), 60, '1m', 'with the right key too');
    my $head = $h->request('HEAD', '/stock', bearer('ACME01'));
    is $head->{status}, 429, 'HEAD counts';
    is $h->get('/stock', bearer('BEAU02'))->{status}, 200, 'another customer is not touched';
    is $h->get('/health')->{status}, 200, 'nor is somebody without a token';
}

# ---- the headers of a success; the token endpoint counts under the submitted client_id

{
    my $first = $h->get('/stock/schema', bearer('CIRC03'));
    is $first->{headers}{'x-rate-limit-limit'}, '1h', 'a success tells about the hour: window';
    is $first->{headers}{'x-rate-limit-remaining'}, '999', 'a success tells about the hour: what is left';
    like $first->{headers}{'x-rate-limit-reset'}, qr/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/, 'and when it ends';
    ok !$first->{headers}{'retry-after'}, 'no Retry-After on a success';
    login($h, 'CIRC03', $_) for 'wrong', $key{CIRC03};
    my $get = $h->get('/nothing', bearer('CIRC03'));
    is $get->{headers}{'x-rate-limit-remaining'}, '997', 'a login and a 404 count for the customer; a wrong secret does not';
    is $h->get('/stock/schema', bearer('CIRC03'), 'If-None-Match' => '*')->{headers}{'x-rate-limit-remaining'}, '996',
        'a conditional request counts';
}

# ---- an override takes effect within 6 s, for a blocked customer too

{
    kissctl_ok(qw(customer set ACME01 --limit-minute 100000 --limit-hour 100000));
    my $began = time;
    my $status;
    while (time - $began < 6) {
        last if ($status = $h->get('/stock/schema', bearer('ACME01'))->{status}) == 200;
        sleep 0.25;
    }
    is $status, 200, sprintf 'a raised limit frees a blocked customer (%.1f s)', time - $began;
    kissctl_ok(qw(customer set ACME01 --limit-minute 7));
    $began = time;
    my $res;
    while (time - $began < 6) {
        $res = $h->get('/stock/schema', bearer('ACME01'));
        last if $res->{status} == 429;
        sleep 0.25;
    }
    is_quota($res, 7, '1m', 'a lowered limit');
}

# ---- the hour window

{
    kissctl_ok(qw(customer set DISG04 --limit-minute 1000 --limit-hour 5));
    my @res = map { $h->get('/stock', bearer('DISG04')) } 1 .. 6;
    is join(' ', map { $_->{status} } @res), '200 200 200 200 200 429', 'five an hour: five pass';
    is_quota($res[5], 5, '1h', 'hour');
    cmp_ok $res[5]{headers}{'retry-after'}, '>', 3500, 'hour: Retry-After is that of the hour';
}

# ---- a customer that does not exist has the default limits

is login($h, 'NOBODY9', 'x')->{status}, 401, 'a login of an unknown customer is refused, not limited';
{
    my $n = statuses(4, 20, sub { login($h, 'NOBODY9', 'x') });
    is_deeply $n, { 401 => 59, 429 => 21 }, 'an unknown customer has the default limit';
}

# ---- counters survive a graceful reload, several

{
    my $left = sub { $h->get('/stock/schema', bearer('CIRC03'))->{headers}{'x-rate-limit-remaining'} };
    my $before = $left->();
    for my $n (1 .. 3) {
        $h->graceful;
        is $left->(), $before - $n, "graceful $n: the counter goes on";
    }
    is $h->get('/stock', bearer('DISG04'))->{status}, 429, 'who was blocked is blocked after it';
}

# ---- anonymous: one count for all without a valid token, whatever they ask for

{
    my $a = start_httpd(@few, processes => 4, token_keys => $h->{token_keys},
        limits => "KissLimit 60 1000\nKissLimitAnonymous 40 500\nKissLoginFailureLimit 1000000");
    my @requests = (
        ['/health'], ['/api/version'], ['/nothing'], ['/stock'], ['/stock', Authorization => 'Bearer x.y.z'],
        ['/health', Authorization => 'Bearer x.y.z'], ['/nothing', Authorization => 'Basic QUNNRTAxOng='],
        ['/stock', Authorization => "Bearer $token{EMPT05}x"]
    );
    my @expected = (200, 200, 404, 401, 401, 200, 404, 401);
    my $left = 500;
    for my $i (0 .. $#requests) {
        my ($path, @head) = @{ $requests[$i] };
        my $res = $a->get($path, @head);
        is $res->{status}, $expected[$i], "anonymous $path @head[0 .. $#head]: $expected[$i]";
        $left--;
        is $res->{headers}{'x-rate-limit-remaining'}, $expected[$i] == 401 ? undef : $left,
            "anonymous $path: is counted with the others; a 401 does not say so";
    }
    is $a->post('/auth/token', 'grant_type=client_credentials',
        'Content-Type' => 'application/x-www-form-urlencoded')->{headers}{'x-rate-limit-remaining'}, --$left,
        'a token request without client_id is anonymous';
    my $n = statuses(8, 10, sub { $a->get('/health') });
    is_deeply $n, { 200 => 31, 429 => 49 }, 'anonymous: exactly 40 pass in all';
    for my $i (0 .. $#requests) {
        my ($path, @head) = @{ $requests[$i] };
        my $res = $a->get($path, @head);
        $expected[$i] == 401 ? is $res->{status}, 401, "anonymous $path: a 401 stays one" : is_quota($res, 40, '1m', "anonymous $path");
    }
    is $a->get('/health', bearer('EMPT05'))->{status}, 200, 'a customer is not touched by them';
    is login($a, 'EMPT05', $key{EMPT05})->{status}, 200, 'and can log in';
    $a->log_ok;
}

# ---- failed logins of one address; a flood of invented clients must not free it

{
    my $l = start_httpd(@few, processes => 2, token_keys => $h->{token_keys}, config => 'KissLimitClients 64',
        limits => "KissLimit 100000 1000000\nKissLimitAnonymous 1000000 10000000\nKissLoginFailureLimit 5");
    is login($l, 'EMPT05', $key{EMPT05})->{status}, 200, 'a success is no failure' for 1 .. 10;
    is login($l, "EMPT0$_", 'wrong')->{status}, 401, "failure $_ is answered" for 1 .. 5;
    is_quota(login($l, 'EMPT05', 'wrong'), 5, '1m', 'failure 6');
    is_quota(login($l, 'EMPT05', $key{EMPT05}), 5, '1m', 'the right key from this address');
    is $l->get('/stock', bearer('EMPT05'))->{status}, 200, 'tokens in use go on';
    my $n = statuses(4, 300, sub { my ($i, $k) = @_; login($l, "invented-$i-$k", 'x') });
    is_deeply $n, { 429 => 1200 }, 'invented clients do not make the server forget the failures';
    $l->log_ok;
}

# ---- a flood of 20,000 invented clients does not reset a customer that has proved who it is

{
    my $f = start_httpd(@few, processes => 2, threads => 16, token_keys => $h->{token_keys}, config => 'KissLimitClients 64',
        limits => "KissLimit 20 1000\nKissLimitAnonymous 1000000 10000000\nKissLoginFailureLimit 1");
    my $n = statuses(1, 22, sub { $f->get('/stock/schema', bearer('EMPT05')) });
    is_deeply $n, { 200 => 20, 429 => 2 }, 'before the flood: blocked';
    my $sent = 0;
    $sent += $_ for parallel(4, sub { my ($i) = @_; return flood($f, $i, 5000) });
    is $sent, 20000, '20,000 invented clients were answered';
    is_quota($f->get('/stock/schema', bearer('EMPT05')), 20, '1m', 'after the flood');
    $f->log_ok;
}

# Token requests over connections that stay open; returns how many were answered.
sub flood {
    my ($server, $who, $n) = @_;
    my ($answers, $batch) = (0, 50);
    for (my $from = 0; $from < $n; $from += $batch) {
        my $text = '';
        for my $k ($from .. $from + $batch - 1) {
            my $body = "grant_type=client_credentials&client_id=flood-$who-$k&client_secret=x";
            $text .= "POST /auth/token HTTP/1.1\r\nHost: localhost\r\n"
                . "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: " . length($body) . "\r\n"
                . ($k == $from + $batch - 1 ? "Connection: close\r\n" : '') . "\r\n$body";
        }
        my $got = $server->raw($text, 30);
        $answers += () = $got =~ /HTTP\/1\.1 (?:401|429) /g;
    }
    return $answers;
}

# ---- a limiter that cannot work stops a start, but not a reload

{
    my $dir = tempdir_here();
    mkdir "$dir/closed" or die;
    chmod 0700, "$dir/closed";
    for my $mutex ("fcntl:/proc", $> ? () : "flock:$dir/closed") {
        my $started = eval { start_httpd(config => "Mutex $mutex kiss-limit") };
        my $why = $@;
        ok !$started, "Mutex $mutex: the server does not start";
        like $why, qr/KISS0301: rate limits cannot be counted: .* The server does not start without them/, '... and says why';
        unlike $why, qr/\(20014\)/, '... not by an error that says nothing';
    }
    my $r = start_httpd(limits => "KissLimit 1000 1000\nKissLimitAnonymous 1000000 10000000");
    my $left = sub { $r->get('/stock/schema', Authorization => "Bearer " . $_[0])->{headers}{'x-rate-limit-remaining'} };
    my $token = $r->token('EMPT05', $key{EMPT05});
    my $before = $left->($token);
    $r->rewrite(config => "Mutex fcntl:/proc kiss-limit\nKissLimitClients 128")->graceful;
    is $left->($token), $before - 1, 'a reload with such a Mutex goes on with the old one';
    like $r->log_text, qr/KISS0302: .* take effect when httpd is stopped and started/, 'KissLimitClients, too';
    $r->restart;
    is $left->($token), $before - 2, '... and a restart by HUP';
    $r->log_ok;
}

# ---- what every request has to say is logged once a minute

{
    # Not under prefork, whose processes have descriptors for one connection each.
    my $f = start_httpd(mpm => 'event', processes => 1, threads => 60, config => "EnableMMAP Off\nKeepAliveTimeout 60", token_keys => $h->{token_keys},
        wrapper => ['sh', '-c', 'ulimit -n 64; exec "$0" "$@"'],
        limits => "KissLimit 1000000 10000000\nKissLimitAnonymous 1000000 10000000");
    $f->get('/prices', bearer('EMPT05'));
    my $head = "HEAD /prices HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer $token{EMPT05}\r\n\r\n";
    my $ask = sub {
        my ($s) = @_;
        my $got = '';
        local $SIG{ALRM} = sub { die "late\n" };
        eval {
            Time::HiRes::alarm(2);
            $s->syswrite($head);
            1 while $got !~ /\r\n\r\n/ && $s->sysread($got, 4096, length $got);
        };
        Time::HiRes::alarm(0);
        return $got =~ m{^HTTP/1.1 (\d+)} ? $1 : '';
    };
    local $SIG{PIPE} = 'IGNORE';
    # Connections that stay open, until the process has no descriptor for one more. An answer comes before its list is closed: the
    # next connection must not meet that, or the process ends for want of one before any list could not be read.
    my ($child) = $f->children;
    my $closed = sub { return !grep { (readlink($_) || '') =~ /\.json/ } glob "/proc/$child/fd/*" };
    my @open;
    while (@open < 60) {
        my $s = $f->connect;
        last if !$ask->($s);
        push @open, $s;
        my $end = time + 5;
        sleep 0.002 until $closed->() || time > $end;
    }
    cmp_ok scalar @open, '<', 60, 'a process without a free descriptor';
    $ask->($_) for (@open) x 3;
    my %said;
    $said{$_}++ for $f->log_text =~ /(KISS06\d\d):/g;
    is_deeply [grep { $said{$_} > 1 } keys %said], [], 'too few descriptors: no message of ours more than once' or diag explain \%said;
    ok $said{KISS0610}, '... among them that of lists that cannot be read' or diag explain \%said;
    $f->log_ok(qr/KISS0[26]|Too many open files|AH\d+/);
}

# ---- waiting exactly Retry-After succeeds

{
    my $rest = $wait_until - time;
    cmp_ok $rest, '<=', 60, 'the wait is not more than a minute';
    sleep $rest if $rest > 0;
    is $h->get('/stock', bearer('FLOO06'))->{status}, 200, 'after Retry-After the next request passes';
    is join(' ', map { $h->get('/stock', bearer('FLOO06'))->{status} } 1 .. 3), '200 200 429', 'and a new window began';
}

$h->log_ok;
done_testing;
