# Two httpd hosts on one database and one Redis are one service: whichever of them a client's requests reach, in whatever order.
# What needs a cluster of databases: t/cluster/run.
# SPDX-License-Identifier: Apache-2.0
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Compress::Zlib qw(memGunzip);
use JSON::PP ();
use KissTest;
use KissTest::Lists;
use KissTest::Load;
use KissTest::Redis;
use MIME::Base64 ();
use Test::More;

my $db = new_database('hosts');
import_sample($db);
my %key = (ACME01 => issue_key('ACME01'));
my $redis = KissTest::Redis->start;
my $keys = tempdir_here() . '/token.keys';
kissctl_ok('--token-keys', $keys, 'token-key', 'rotate');
my @h = map { serve_lists(\%key, token_keys => $keys, config => "KissLimitStore $redis->{url} timeout=1s\n") } 0, 1;

subtest 'lists' => sub {
    for my $path (map { ("/$_", "/$_.csv", "/$_.ndjson") } qw(products stock prices)) {
        my ($one, $two) = map { ask_list($_, $path) } @h;
        is $two->{headers}{etag}, $one->{headers}{etag}, "$path: one ETag";
        ok $one->{content} eq $two->{content}, '... and the same bytes';
        my @gzip = map { ask_list($_, $path, 'ACME01', 'Accept-Encoding' => 'gzip') } @h;
        is $gzip[0]{headers}{'content-encoding'}, 'gzip', '... as gzip';
        is $gzip[1]{headers}{etag}, $gzip[0]{headers}{etag}, '... one ETag';
        ok $gzip[0]{content} eq $gzip[1]{content}, '... and the same bytes';
        is ask_list($h[1], $path, 'ACME01', 'If-None-Match' => $one->{headers}{etag})->{status}, 304, '... which the other host knows';
    }
};

subtest 'a download that goes on at the other host' => sub {
    for my $coding ('', 'gzip') {
        my @coding = $coding ? ('Accept-Encoding' => $coding) : ();
        my $whole = ask_list($h[0], '/products', 'ACME01', @coding);
        my ($size, $got, $i, @status) = (length $whole->{content}, '', 0);
        while (length $got < $size && $i < 100) {
            my $res = ask_list($h[++$i % 2], '/products', 'ACME01', @coding, 'If-Range' => $whole->{headers}{etag},
                Range => sprintf 'bytes=%d-%d', length $got, length($got) + int($size / 20));
            push @status, $res->{status} if $res->{status} != 206;
            $got .= $res->{content};
        }
        is "@status", '', 'each part is one' . ($coding && ", as $coding");
        ok $got eq $whole->{content}, '... and all of them are the whole';
        is scalar(memGunzip(my $copy = $got)), ask_list($h[1], '/products')->{content}, '... which can be read' if $coding;
    }
};

subtest 'tokens and limits' => sub {
    is $h[1]->get('/prices', Authorization => $h[0]{bearer}{ACME01})->{status}, 200, 'a token of one host is accepted by the other';
    is $h[0]->get('/prices', Authorization => $h[1]{bearer}{ACME01})->{status}, 200, '... and the other way round';
    my @left = map { $h[$_ % 2]->get('/api/version', Authorization => $h[0]{bearer}{ACME01})->{headers}{ratelimit} =~ /"min";r=(\d+)/ } 0 .. 5;
    is_deeply [map { $left[0] - $_ } @left], [0 .. 5], 'both count in one place';
};

# A new signing key, host by host, while clients get tokens at one host and use them at the other.
subtest 'signing keys' => sub {
    my $dir = tempdir_here();
    my @file = map {"$dir/token.keys.$_"} 0, 1;
    my $at = sub { my ($i, @words) = @_; return kissctl_ok('--token-keys', $file[$i], 'token-key', @words) };
    # What an administrator types: kissctl token-key export | ssh two kissctl token-key import
    my $kissctl = build_dir() . '/support/kissctl --token-keys';
    my $sh = sub { return run('bash', '-o', 'pipefail', '-c', "umask 022; $_[0]") };
    my $bring = sub { return $sh->("$kissctl $file[0] token-key export | $kissctl $file[1] token-key import") };
    my $first = $at->(0, 'rotate') =~ s/\s+\z//r;
    my ($rc, $out, $err) = $bring->();
    is $rc, 0, 'the first host has a key, the second one gets it' or diag $err;
    is sprintf('%o', (stat $file[1])[2] & 07777), '600', '... for its owner only';

    my @two = map { serve_lists(\%key, token_keys => $file[$_], log_level => 'warn') } 0, 1;
    my $old = $two[0]{bearer}{ACME01};
    my $load = KissTest::Load->start(2, sub {
        my ($i, $n) = @_;
        my $token = 'Bearer ' . eval { $two[($i + $n) % 2]->token('ACME01', $key{ACME01}) } // '';
        return { status => join ' ', map { fetch($two[($i + $n + 1) % 2], '/api/version', Authorization => $_)->{status} } $token, $old };
    });
    # reload($i): host i serves with its file as it is now: each new token is signed with its first key.
    my $kid_of = sub { my ($head) = $_[0] =~ /\A([^.]+)/; return JSON::PP::decode_json(MIME::Base64::decode_base64($head =~ tr{-_}{+/}r))->{kid} };
    my $signs = sub { return $kid_of->($two[$_[0]]->token('ACME01', $key{ACME01})) };
    my $reload = sub { my ($i, $kid) = @_; $two[$i]->graceful; ok wait_until(20, sub { $signs->($i) eq $kid }), "host $i is reloaded, $kid signs" };
    my $new = $at->(0, 'rotate', '--prepare') =~ s/\s+\z//r;
    $reload->(0, $first);
    is +($bring->())[0], 0, 'the new key is brought to the second one';
    $reload->(1, $first);
    is_deeply [$at->(1, 'list', '--json') =~ /"KID": ?"([^"]+)"/g], [$first, $new], '... below the other';
    is +($bring->())[2], "kissctl: 0 of 2 keys were new\n", '... once';
    for my $i (0, 1) {
        $at->($i, 'rotate', $new);
        $reload->($i, $new);
    }
    my @seen = $load->finish;
    is join(' | ', map { $_->{status} } grep { $_->{status} ne '200 200' } @seen), '', 'each token was accepted by the other host, of ' . 2 * @seen;

    my $before = slurp($file[1]);
    my $refused = sub { my ($name, $text, $command) = @_; my ($status, undef, $e) = $sh->($command); is $status, 1, $name; like $e, $text, '... and why' };
    my $import = "$kissctl $file[1] token-key import";
    $refused->('a secret in a file of everybody', qr/others than its owner/, "$kissctl $file[0] token-key export > $dir/open");
    is -s "$dir/open", 0, '... which stays empty';
    $refused->('... and one that is read from such a file', qr/others than its owner/, "(umask 077; $kissctl $file[0] token-key export > $dir/own); chmod 644 $dir/own; $import < $dir/own");
    $refused->('an export that is cut off', qr/ends early/, "$kissctl $file[0] token-key export | head -n 1 | $import");
    $refused->('one that failed', qr/it is empty/, "$kissctl $dir/none token-key export | $import");
    $refused->('another secret under the same id', qr/another secret/, "(printf '$new %043d\\n# end of 1 keys\\n' 0) | $import");
    $refused->('something else', qr/line 1: expected/, "echo hello | $import");
    $refused->('a terminal', qr/is a terminal/, "script -qec '$kissctl $file[0] token-key export' /dev/null >&2") if !system 'command -v script >/dev/null';
    is slurp($file[1]), $before, 'nothing was changed by any of them';
    is +(kissctl('--token-keys', $file[0], 'token-key', 'rotate', $new, '--prepare'))[0], 2, '--prepare takes no KID';
    is +(kissctl('--token-keys', $file[0], 'token-key', 'rotate', 'none'))[0], 1, 'nor is a KID taken that is not there';
    $_->log_ok for @two;
};

subtest 'a change' => sub {
    my $old = ask_list($h[0], '/stock')->{headers}{etag};
    sql($db, 'UPDATE stock SET available_qty = available_qty + 1');
    my @new = map { ask_list($_, '/stock', 'ACME01', 'If-None-Match' => $old) } @h;
    is $_->{status}, 200, 'is seen at once' for @new;
    ok $new[0]{content} eq $new[1]{content} && $new[0]{headers}{etag} eq $new[1]{headers}{etag}, 'by both alike';
};

subtest 'the KSS API' => sub {
    my $kss = new_database('hosts_kss', api => 'kss');
    import_kss($kss, top() . '/sql/sample-kss');
    sql($kss, <<'SQL');
INSERT INTO payment (payment_id, payment_invoice_num, ar_account_id, payment_type_id, supplier_id, amount, post_date)
    SELECT 990001, 'PAY-HOSTS', a.ar_account_id, (SELECT MIN(payment_type_id) FROM payment_type), (SELECT MIN(supplier_id) FROM supplier), 100, '2025-03-01'
    FROM ar_account a ORDER BY a.ar_account_id LIMIT 1;
INSERT INTO invoice (invoice_id, customer_id, ar_account_id, invoice_num, date, status)
    SELECT 990002, a.customer_id, a.ar_account_id, 'INV-HOSTS', '2025-03-01', 1 FROM ar_account a ORDER BY a.ar_account_id LIMIT 1;
SQL
    my ($account, $customer) = @{ (sql($kss, 'SELECT ar_account_id, customer_id FROM ar_account ORDER BY ar_account_id LIMIT 1'))[0] };
    my ($user) = map { $_->[0] } sql($kss, "SELECT MIN(user_id) FROM portal_user WHERE role = 'Customer'");
    my $x = issue_kss_key(type => 'customer', ids => [$customer], user => $user);
    my @k = map { start_httpd(api => 'kss', db => $kss, config => "KissLimitStore $redis->{url} timeout=1s\n") } 0, 1;
    my ($one, $two) = map { $_->get('/api/v1/invoices?PageSize=2', 'x-api-key' => $x) } @k;
    is $two->{headers}{etag}, $one->{headers}{etag}, 'a page has one ETag';
    is $k[1]->get('/api/v1/invoices?PageSize=2', 'x-api-key' => $x, 'If-None-Match' => $one->{headers}{etag})->{status}, 304, '... which the other host knows';
    my $path = "/api/v1/payments/applications?PaymentInvoiceNum=PAY-HOSTS&TargetInvoiceNum=INV-HOSTS&ARAccountID=$account&Amount=10.00";
    my @made = map { $k[$_]->request('POST', $path, 'x-api-key' => $x, 'Idempotency-Key' => 'hosts') } 0, 1, 1, 0;
    is join(' ', map { $_->{status} } @made), '201 201 201 201', 'a POST that is repeated with its Idempotency-Key, at the other host too'
        or diag map { $_->{content} } @made;
    is scalar(grep { $_->{content} eq $made[0]{content} } @made), 4, '... is answered alike';
    is +(sql($kss, 'SELECT COUNT(*) FROM payment_application WHERE payment_id = 990001'))[0][0], 1, '... and done once';
    $_->log_ok for @k;
};

$_->log_ok for @h;
done_testing;
