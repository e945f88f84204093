# What a child remembers of keys that it has verified: it reads no key again while nothing has changed, and whatever ends a key
# ends it at the next request in every child. Nothing wrong is remembered, and nothing of another database.
# SPDX-License-Identifier: Apache-2.0
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use HTTP::Tiny;
use JSON::PP ();
use KissTest;
use KissTest::Database;
use KissTest::Load;
use Test::More;

use constant FORM => 'application/x-www-form-urlencoded';

my $server = KissTest::Database->start;
my $db = new_database('remembered', server => $server);
import_sample($db);
my $access = tempdir_here() . '/access.log';

sub form { my ($id, $secret) = @_; return "grant_type=client_credentials&client_id=$id&client_secret=$secret" }

# issued($customer, @more): a new key, with its number.
sub issued { return JSON::PP::decode_json(kissctl_ok('--json', 'key', 'issue', @_)) }

# A process of prefork serves one connection at a time: two that stay open are in two children.
my $h = start_httpd(mpm => 'prefork', modules => ['log_config'],
    config => "KeepAlive On\nKeepAliveTimeout 300\nMaxKeepAliveRequests 0\nCustomLog $access \"%P %U %>s\"");
my @client = map { HTTP::Tiny->new(keep_alive => 1, timeout => 60) } 1, 2;

# ask($id, $secret): the status in each of two children.
sub ask {
    my ($id, $secret) = @_;
    return map { $_->post("http://127.0.0.1:$h->{port}/auth/token", { content => form($id, $secret), headers => { 'Content-Type' => FORM } })
            ->{status} } @client;
}

# with_keys_locked($sub): what it gives while nobody can read a key.
sub with_keys_locked {
    my ($sub) = @_;
    my $release = hold($server, $db, 'api_key');
    my @result = $sub->();
    $release->();
    return @result;
}

subtest 'keys that were verified are not read again' => sub {
    my ($key, $other) = map { issue_key('ACME01') } 1, 2;
    is_deeply [ask('ACME01', $key)], [200, 200], 'two children have verified a key';
    # A request is logged after its answer was sent.
    ok wait_until(10, sub { keys %{ { map { /^(\d+)/ => 1 } split /\n/, slurp($access) } } == 2 }), '... two of them, indeed';
    is_deeply [ask('ACME01', $other)], [200, 200], '... and another key of the customer';
    is_deeply [with_keys_locked(sub { map { ask('ACME01', $_) } $key, $other, $key })], [(200) x 6], 'both are known without the table';
    sql($db, "UPDATE stock SET available_qty = available_qty + 1 LIMIT 1");
    is_deeply [ask('ACME01', $key)], [200, 200], 'after a change of anything they are verified anew';
    is_deeply [with_keys_locked(sub { ask('ACME01', $key) })], [200, 200], '... and known again';
    $h->log_ok;
};

subtest 'nothing wrong is remembered' => sub {
    my $key = issue_key('ACME01');
    my @wrong = (['ACME01', "${key}x"], ['BEAU02', $key], ['NOBODY', $key], ['ACME01k', 'iss' . substr $key, 1], ['ACME0', "1$key"]);
    for my $try (1, 2) {
        is_deeply [ask(@$_)], [401, 401], "$try: @{[$_->[0]]}, wrong" for @wrong;
        is_deeply [ask('ACME01', $key)], [200, 200], "$try: right";
    }
    # What was refused becomes right: the next request says so.
    my $text = 'kiss_00000000_' . 'k' x 43;
    is_deeply [ask('ACME01', $text)], [401, 401], 'a key that is not there';
    sql($db, "INSERT INTO api_key (customer_code, prefix, hash) VALUES ('ACME01', '00000000', UNHEX(SHA2('$text', 256)))");
    is_deeply [ask('ACME01', $text)], [200, 200], '... is right as soon as it is';
    $h->log_ok;
};

# What ends a key, by name: SQL or a sub, and the status from then on. Each with a customer and a key of its own.
my @ends = (
    ['revoked by kissctl', sub { kissctl_ok('key', 'revoke', $_[0]{ID}) }, 401],
    ['revoked by SQL', sub { "UPDATE api_key SET revoked_at = UTC_TIMESTAMP() WHERE key_id = $_[0]{ID}" }, 401, 'revoked_at = NULL'],
    ['expired', sub { "UPDATE api_key SET expires_at = UTC_TIMESTAMP() - INTERVAL 1 SECOND WHERE key_id = $_[0]{ID}" }, 401, 'expires_at = NULL'],
    ['removed', sub { "DELETE FROM api_key WHERE key_id = $_[0]{ID}" }, 401],
    ['replaced', sub { "REPLACE INTO api_key (key_id, customer_code, prefix, hash) VALUES ($_[0]{ID}, '$_[1]', 'ffffffff', REPEAT('x', 32))" }, 401],
    ['another secret', sub { "UPDATE api_key SET hash = REPEAT('y', 32) WHERE key_id = $_[0]{ID}" }, 401],
    ["another customer's", sub { "UPDATE api_key SET customer_code = 'ACME01' WHERE key_id = $_[0]{ID}" }, 401],
    ['customer disabled', sub { kissctl_ok(qw(customer disable), $_[1]) }, 400],
    ['customer absent', sub { "UPDATE customer SET absent_since = UTC_TIMESTAMP() WHERE customer_code = '$_[1]'" }, 400],
    ['customer removed', sub { "DELETE FROM customer WHERE customer_code = '$_[1]'" }, 401],
    ['key and customer removed by one statement', sub {
        "DELETE k, c FROM customer c JOIN api_key k USING (customer_code) WHERE c.customer_code = '$_[1]'" }, 401],
);
subtest 'what ends a key ends it at once, everywhere' => sub {
    for my $i (0 .. $#ends) {
        my ($name, $end, $status, $back) = @{ $ends[$i] };
        my $customer = "ENDS$i";
        sql($db, "INSERT INTO customer (customer_code, price_list_code, stock_location) SELECT '$customer', price_list_code, stock_location"
                . " FROM customer WHERE customer_code = 'ACME01'");
        my $key = issued($customer);
        is_deeply [map { ask($customer, $key->{Key}) } 1, 2], [(200) x 4], "$name: before, remembered";
        my $sql = $end->($key, $customer);
        sql($db, $sql) if $sql =~ /\A[A-Z]+ /;
        is_deeply [ask($customer, $key->{Key})], [$status, $status], "$name: from then on $status";
        is_deeply [ask($customer, $key->{Key})], [$status, $status], "$name: ... and so it stays";
        next if !$back;
        sql($db, "UPDATE api_key SET $back WHERE key_id = $key->{ID}");
        is_deeply [ask($customer, $key->{Key})], [200, 200], "$name: taken back";
    }
    $h->log_ok;
};

subtest 'a backup from before a key, and from after it' => sub {
    my @tables = qw(api_key revision);
    my $save = sub { sql($db, "CREATE OR REPLACE TABLE $_[0]_$_ SELECT * FROM $_") for @tables };
    my $restore = sub {
        sql($db, "SET \@kiss_bulk = -CONNECTION_ID(); "
                . join '; ', map {"DELETE FROM $_; INSERT INTO $_ SELECT * FROM $_[0]_$_"} @tables);
    };
    $save->('before');
    my $key = issued('ACME01');
    is_deeply [map { ask('ACME01', $key->{Key}) } 1, 2], [(200) x 4], 'a key';
    $save->('after');
    $restore->('before');
    is_deeply [ask('ACME01', $key->{Key})], [401, 401], 'a backup without it: unknown';
    issue_key('ACME01');
    is_deeply [ask('ACME01', $key->{Key})], [401, 401], '... also when the database lives on';
    $restore->('after');
    is_deeply [ask('ACME01', $key->{Key})], [200, 200], 'a backup with it: right';
    kissctl_ok('key', 'revoke', $key->{ID});
    is_deeply [ask('ACME01', $key->{Key})], [401, 401], '... until it is revoked';
    $restore->('after');
    kissctl_ok('key', 'revoke', $key->{ID});
    is_deeply [ask('ACME01', $key->{Key})], [401, 401], '... once more, in another life';
    $h->log_ok;
};

# Two databases in one child, with the same revisions: a copy in which another key is right.
subtest 'a copy of the database' => sub {
    my ($key, $its) = map { issued('ACME01') } 1, 2;
    my $copy = new_database('remembered_copy', server => $server);
    import_sample($copy);
    sql($copy, "INSERT INTO $copy.api_key SELECT * FROM $db.api_key WHERE key_id = $its->{ID}; DELETE FROM revision;"
            . " INSERT INTO revision SELECT * FROM $db.revision");
    sql($db, "SET \@kiss_bulk = -CONNECTION_ID(); DELETE FROM api_key WHERE key_id = $its->{ID}");
    my $text = join '', map {
        "<VirtualHost *:*>\nServerName $_->[0].test\nKissDatabase customer socket=$server->{socket} user=kiss dbname=$_->[1]"
            . " password-file=$server->{dir}/kiss.password\n<Location />\nSetHandler kiss\nKissApi customer\nKissAllowPlainHTTP On\n"
            . "KissTokenKeys $h->{token_keys}\nKissLoginFailureLimit 1000000\n</Location>\n</VirtualHost>\n"
    } ['first', $db], ['copy', $copy];
    my $both = start_httpd(db => $db, processes => 1, token_keys => $h->{token_keys}, config => $text);
    my $of = sub {
        my ($name, $secret) = @_;
        my $body = form('ACME01', $secret);
        return $both->raw("POST /auth/token HTTP/1.1\r\nHost: $name.test\r\nContent-Type: " . FORM . "\r\nContent-Length: " . length($body)
                . "\r\nConnection: close\r\n\r\n$body") =~ m{^HTTP/1\.1 (\d+)};
    };
    my @same = map { (sql($_, 'SELECT SUM(n), MAX(n), COUNT(*) FROM revision'))[0] } $db, $copy;
    is "@{$same[0]}", "@{$same[1]}", 'the same revisions';
    for my $try (1 .. 3) {
        is_deeply [map { $of->($_, $key->{Key}) } qw(first copy)], [200, 401], "$try: a key of the one";
        is_deeply [map { $of->($_, $its->{Key}) } qw(first copy)], [401, 200], "$try: a key of the other";
    }
    $both->log_ok;
};

done_testing;
