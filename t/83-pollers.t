#!/usr/bin/perl
# The clients of doc/pollers, in five languages: against the module, and against a server that breaks off, refuses, asks to
# wait and closes as real networks do. One whose language is not installed is skipped.
# SPDX-License-Identifier: Apache-2.0
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use IO::Select;
use IO::Socket::INET;
use JSON::PP ();
use KissTest;
use POSIX ();
use Test::More;
use Time::HiRes ();

my $dir = tempdir_here();
my $source = top() . '/doc/pollers';
my $json = JSON::PP->new->utf8->canonical->allow_nonref;

# Name, file, the language's command, what says that it is new enough.
my @languages = (
    [Node => 'poll.mjs', 'node', '-e', 'process.exit(parseInt(process.versions.node) < 18 ? 1 : 0)'],
    [PHP => 'poll.php', 'php', '-r', 'exit(PHP_VERSION_ID < 80000 ? 1 : 0);'],
    [Python => 'poll.py', 'python3', '-c', 'import sys; sys.exit(sys.version_info < (3, 9))'],
    [Bash => 'poll.sh', 'bash', '-c', 'curl --version'],
    [Go => 'poll.go', 'go', 'version'],
);
my %command;
for (@languages) {
    my ($name, $file, $program, @check) = @$_;
    next if (run({}, 'sh', '-c', '"$@" || exit 1', 'sh', $program, @check))[0];
    $command{$name} = [$program, "$source/$file"];
}
if ($command{Go}) {
    # Its library is compiled once for all runs.
    my ($rc, $out, $err) = run({ timeout => 500, env => { GOCACHE => build_dir() . '/go-cache', GOPATH => "$dir/go", GO111MODULE => 'off',
        CGO_ENABLED => 0, GOFLAGS => '' } }, 'go', 'build', '-o', "$dir/poll", "$source/poll.go");
    is $rc, 0, 'poll.go is built' or diag $err;
    $command{Go} = ["$dir/poll"];
}

# poll($language, \%env, @args): (exit status, what it printed).
sub poll {
    my ($language, $env, @args) = @_;
    my ($rc, $out, $err) = run({ timeout => 30, env => { %$env, HOME => $dir } }, @{ $command{$language} }, @args);
    return ($rc, $out . $err);
}

# What a poller has stored: { tag, rows }, or { tag, text } where it keeps the text.
sub kept {
    my ($language, $file) = @_;
    my $text = slurp($file);
    return { tag => ($text =~ /\A(.*)\n/)[0], rows => rows($text =~ s/\A.*\n//r) } if $language eq 'Bash';
    my $k = parse($text);
    return { tag => $k->{etag}, rows => $json->encode($k->{rows}) };
}

# parse($text): JSON, each number as the text that it was: 19.9500 is not 19.95. rows($text): the same as one text again.
sub parse { my ($text) = @_; $text =~ s/("(?:[^"\\]++|\\.)*+")|(-?\d[\d.eE+-]*)/defined $1 ? $1 : qq("$2")/ge; return $json->decode($text) }
sub rows { return $json->encode(parse(@_)) }

sub identity { my ($file) = @_; return join ' ', (stat $file)[1, 9], slurp($file) }

# ---- against the module

my $db = new_database('pollers');
import_sample($db);
my $key = issue_key('ACME01');
my $h = start_httpd(tls => 1);
my @real = (KISS_URL => $h->{url}, KISS_CA => $h->{ca}, KISS_CLIENT_ID => 'ACME01', KISS_CLIENT_SECRET => $key);
my $token = $h->token('ACME01', $key);
sub list { my ($name) = @_; return rows($h->get("/$name", Authorization => "Bearer $token")->{content}) }

my @present = grep { $command{$_} } map { $_->[0] } @languages;
my %before = map { $_ => list($_) } qw(prices products stock);
for my $language (@present) {
    subtest "$language: a list for the first time, unchanged" => sub {
        for my $name (qw(prices products stock)) {
            my $file = "$dir/$language-$name";
            my ($rc, $out) = poll($language, {@real}, $name, $file);
            is $rc, 0, $name or diag $out;
            like $out, qr/^$name: 200, /, '... the whole of it';
            my $kept = kept($language, $file);
            ok $kept->{rows} eq $before{$name}, '... every row, digit for digit';
            like $kept->{tag}, qr/^"[\w-]+-gzip[0-9a-f]{8}"$/, '... with the tag of what was sent';
            my $was = identity($file);
            ($rc, $out) = poll($language, {@real}, $name, $file);
            is "$rc $out", "0 $name: 304, nothing has changed\n", '... and then nothing';
            is identity($file), $was, '... is written';
            is_deeply [glob "$file.*"], [], '... and nothing is left behind';
        }
    };
}

# Rows of all three kinds; a SKU with several prices among them.
my ($changed, $removed, $added) = map { $_->[0] } sql($db, <<'SQL');
SELECT sku FROM price WHERE price_list_code = 'UKTRADE' AND sku IN (SELECT sku FROM product WHERE status = 'ACTIVE')
GROUP BY sku HAVING COUNT(*) > 1 ORDER BY sku LIMIT 3
SQL
sql($db, "DELETE FROM price WHERE price_list_code = 'UKTRADE' AND sku = '$added'");
for my $language (@present) { poll($language, {@real}, 'prices', "$dir/$language-prices") }
sql($db, "UPDATE price SET unit_price = 19.95 WHERE price_list_code = 'UKTRADE' AND sku = '$changed'");
sql($db, "DELETE FROM price WHERE price_list_code = 'UKTRADE' AND sku = '$removed'");
sql($db, "INSERT INTO price (price_list_code, sku, unit_price, moq, order_multiple) VALUES ('UKTRADE', '$added', 7.5, 1, 1), ('UKTRADE', '$added', 7, 12, 1)");
my $after = list('prices');
for my $language (@present) {
    subtest "$language: what has changed" => sub {
        my ($rc, $out) = poll($language, {@real}, 'prices', "$dir/$language-prices");
        is $rc, 0, 'polled' or diag $out;
        like $out, $language eq 'Bash' ? qr/^prices: 200, \d+ bytes$/ : qr/^prices: 226, \d+ rows$/, '... the changes, where it can apply them';
        ok kept($language, "$dir/$language-prices")->{rows} eq $after, '... and has the list as it is now, in order';
    };
}

my $wrong = {@real, KISS_CLIENT_SECRET => 'wrong'};
for my $language (@present) {
    my ($rc, $out) = poll($language, $wrong, 'stock', "$dir/$language-none");
    isnt $rc, 0, "$language: a wrong key fails";
    like $out, qr/Invalid client credentials\./, '... with the reason';
    ok !-e "$dir/$language-none", '... and without a file';
}
$h->stop;

# ---- the KSS API: all pages

{
    my $kss = new_database('pollerskss', api => 'kss');
    import_kss($kss, top() . '/sql/sample-kss');
    my $k = start_httpd(api => 'kss', tls => 1);
    my %env = (KSS_URL => "$k->{url}/api/v1", KISS_CA => $k->{ca}, KSS_KEY => issue_kss_key(type => 'employee'));
    my $n = (sql($kss, 'SELECT COUNT(*) FROM invoice'))[0][0];
    cmp_ok $n, '>', 500, 'more invoices than one page holds';
    for my $language (@present) {
        my $file = "$dir/$language-kss";
        my ($rc, $out) = poll($language, \%env, 'kss', '/invoices?Statuses=1,2,3,4,5,7', $file);
        is $rc, 0, "$language: KSS API" or diag $out;
        my @ids = $language eq 'Bash' ? map { map { $_->{InvoiceID} } @{ $json->decode($_)->{Data} } } split /\n/, slurp($file)
            : map { $_->{InvoiceID} } @{ $json->decode(slurp($file))->{rows} };
        my %ids = map { $_ => 1 } @ids;
        is_deeply [scalar @ids, scalar keys %ids], [$n, $n], '... every invoice once';
        ($rc, $out) = poll($language, { %env, KSS_KEY => 'wrong' }, 'kss', '/invoices', "$dir/$language-none");
        isnt $rc, 0, '... a wrong key fails';
        like $out, qr/401/, '... with the status';
        ok !-e "$dir/$language-none", '... and without a file';
    }
    $k->log_ok;
}

# ---- against a server that fails in the ways of a network

my $log = "$dir/requests";

# An answer: status and reason, headers, body.
sub answer {
    my ($status, $headers, $body) = @_;
    return join "\r\n", "HTTP/1.1 $status", (map { "$_: $headers->{$_}" } sort keys %$headers), '', $body // '';
}
sub whole { my ($status, $body, %more) = @_; return answer($status, { 'Content-Type' => 'application/json', 'Content-Length' => length $body, %more }, $body) }
sub gzipped {
    my ($text) = @_;
    require IO::Compress::Gzip;
    IO::Compress::Gzip::gzip(\$text, \my $z) or die;
    return $z;
}

my $list = qq([{"SKU":"A","PriceExclVAT":19.9500},\n{"SKU":"B","PriceExclVAT":0.1000}]);
my %tag = (ETag => '"one-gzip"');
my $good = whole('200 OK', $list, %tag);
my $bearer = whole('200 OK', '{"access_token":"T1","token_type":"Bearer","expires_in":3600}');
my $second = $bearer =~ s/T1/T2/r;
my $z = gzipped($list);
my $refused = answer('401 Unauthorized', { 'Content-Length' => 0, 'WWW-Authenticate' => 'Bearer error="invalid_token"' });

# serve(@answers): a server that gives one after the other and notes the requests. An answer that is [TEXT] is followed by
# the end of the connection; undef is that end alone.
sub serve {
    my (@answers) = @_;
    my $listen = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 16, ReuseAddr => 1) or die "listen: $!";
    spew($log, '');
    my $pid = fork;
    die "fork: $!" if !defined $pid;
    return { pid => $pid, url => 'http://127.0.0.1:' . $listen->sockport } if $pid;
    $SIG{ALRM} = 'DEFAULT';
    alarm 60;
    my $select = IO::Select->new($listen);
    my %text;
    while (my @ready = $select->can_read) {
        for my $s (@ready) {
            if ($s == $listen) { $select->add(scalar $listen->accept); next }
            if (!sysread $s, $text{$s}, 65536, length($text{$s} // '')) { $select->remove($s); delete $text{$s}; close $s; next }
            next if $text{$s} !~ /\A(.*?\r\n\r\n)/s;
            my $head = $1;
            my ($length) = $head =~ /^Content-Length: *(\d+)/mi;
            next if length($text{$s}) < length($head) + ($length // 0);
            open my $out, '>>', $log or die;
            print $out $json->encode({ at => Time::HiRes::time(), text => delete $text{$s} }), "\n";
            close $out;
            my $close = $head =~ /^Connection: *close\r$/mi;
            my $answer = @answers ? shift @answers : whole('500 Internal Server Error', '{"error":"No more answers."}');
            syswrite $s, ref $answer ? $answer->[0] : $answer if defined $answer;
            if (!defined $answer || ref $answer || $close) { $select->remove($s); shutdown $s, 2; close $s }
        }
    }
    POSIX::_exit(0);
}

# scene($language, $file, @answers): polls once. (exit status, what was printed, requests)
sub scene {
    my ($language, $file, @answers) = @_;
    my $s = serve(@answers);
    my ($rc, $out) = poll($language, { KISS_URL => $s->{url}, KISS_CA => '', KISS_CLIENT_ID => 'ÄCME 01', KISS_CLIENT_SECRET => 's+&=%' }, 'prices', $file);
    kill 'KILL', $s->{pid};
    waitpid $s->{pid}, 0;
    return ($rc, $out, map { $json->decode($_) } split /\n/, slurp($log));
}
sub paths { return join ' ', map { (split ' ', $_->{text})[1] } @_ }
my $chunked = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nETag: \"two\"\r\nTransfer-Encoding: chunked\r\n\r\n";
my $chunk = sprintf "%x\r\n%s\r\n", length $list, $list;

# What happens, the answers after the token's; the list is whole at the end.
my @overcome = (
    ['a body shorter than its Content-Length', [substr $good, 0, -10], $good],
    ['no last chunk', ["$chunked$chunk"], "$chunked${chunk}0\r\n\r\n"],
    ['half a chunk', [substr "$chunked$chunk", 0, -20], $good],
    ['a gzip body that stops', whole('200 OK', substr($z, 0, -9), %tag, 'Content-Encoding' => 'gzip'), whole('200 OK', $z, %tag, 'Content-Encoding' => 'gzip')],
    ['a connection that is closed instead of an answer', undef, $good],
    ['a token that is no longer good', $refused, $second, $good],
    ['429', whole('429 Too Many Requests', '{"message":"API calls quota exceeded! maximum admitted 60 per 1m."}', 'Retry-After' => 1), $good],
    ['503', whole('503 Service Unavailable', '{"error":"Try again."}', 'Retry-After' => 1), $good],
);
# ... it fails, with what is said; what was there before stays.
my @fatal = (
    ['broken off twice', qr/./, ([substr $good, 0, -10]) x 2],
    ['a token that is refused twice', qr/401/, $refused, $second, $refused],
    ['an error', qr/500.*An unexpected error occurred\./, whole('500 Internal Server Error', '{"error":"An unexpected error occurred."}')],
    ['a limit that ends too late', qr/429.*API calls quota exceeded!/, whole('429 Too Many Requests', '{"message":"API calls quota exceeded! maximum admitted 1000 per 1h."}', 'Retry-After' => 86400)],
    ['a page of something in between', qr/JSON/, answer('200 OK', { 'Content-Type' => 'text/html', 'Content-Length' => 6, %tag }, '<html>')],
);

for my $language (@present) {
    subtest "$language: what goes wrong on the way" => sub {
        my $file = "$dir/$language-scene";
        for (@overcome) {
            my ($name, @answers) = @$_;
            unlink $file;
            my ($rc, $out, @requests) = scene($language, $file, $bearer, @answers);
            is $rc, 0, "$name: tried again" or diag $out;
            is kept($language, $file)->{rows}, rows($list), '... and the list is whole' if !$rc;
            is scalar(@requests), 1 + @answers, '... once' or diag paths(@requests);
            cmp_ok $requests[2]{at} - $requests[1]{at}, '>=', 0.9, '... after the second that was asked for' if $name =~ /^\d+$/;
            like $requests[-1]{text}, qr/^Authorization: Bearer T2\r$/m, '... with the new token' if $name =~ /token/;
        }
        my (undef, undef, $first) = scene($language, $file, $bearer, $good);
        like $first->{text}, qr/^(?:.*&)?\Q$_\E(?:&|\z)/m, "encoded: $_" for 'client_secret=s%2B%26%3D%25', 'grant_type=client_credentials';
        like $first->{text}, qr/^(?:.*&)?client_id=%C3%84CME(?:%20|\+)01(?:&|\z)/m, '... and the customer code';
        my $was = identity($file);
        for (@fatal) {
            my ($name, $says, @answers) = @$_;
            my ($rc, $out, @requests) = scene($language, $file, $bearer, @answers);
            isnt $rc, 0, "$name: fails";
            like $out, $says, '... and says why';
            is scalar(@requests), 1 + @answers, '... at once' or diag paths(@requests);
            is identity($file), $was, '... the list and its tag stay';
        }
    };

    subtest "$language: conditional requests" => sub {
        my $file = "$dir/$language-scene";
        my ($rc, $out, undef, $request) = scene($language, $file, $bearer, answer('304 Not Modified', { ETag => '"one-gzip"' }));
        is $rc, 0, 'unchanged' or diag $out;
        like $request->{text}, qr/^If-None-Match: "one-gzip"\r$/mi, '... asked with the tag as it came';
        like $request->{text}, qr/^Accept-Encoding: [^\r]*\bgzip\b/mi, '... and for gzip';
        unlike $request->{text}, qr/^(?:Range|If-Modified-Since):/mi, '... nothing else';
        return unlike($request->{text}, qr/^A-IM:/mi, '... for the list, not the changes') if $language eq 'Bash';
        like $request->{text}, qr/^A-IM: sku-delta\r$/mi, '... for the changes';
        ($rc, $out) = scene($language, $file, $bearer, whole('226 IM Used', '{"added":[],"changed":[],"removed":[]}', ETag => '"two"', IM => 'sku-delta'));
        is $rc, 0, 'empty changes' or diag $out;
        is_deeply kept($language, $file), { tag => '"two"', rows => rows($list) }, '... the same rows, the new tag';
    };
}
is scalar(@present) + (grep { !$command{ $_->[0] } } @languages), 5, 'five languages';
diag "not installed, so not tested: $_" for map { $_->[0] } grep { !$command{ $_->[0] } } @languages;
$h->log_ok;
done_testing;
