# What is kept of one database is never another's: a copy of a database with the same epoch, terms, keys and revisions, one
# KissCacheDir for both, and one change in each.
# SPDX-License-Identifier: Apache-2.0
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use JSON::PP ();
use KissTest;
use KissTest::Database;
use KissTest::Lists;
use KissTest::Load;
use Test::More;

my $server = db_server();
my %gz = ('Accept-Encoding' => 'gzip');
my @paths = qw(/products /stock /prices);

# copy_into($from, $to): a dump of the one database is read into the other, as an operator makes a test environment of production.
sub copy_into {
    my ($from, $to) = @_;
    my ($mariadb, @options) = $server->client_command;
    my ($rc, $dump, $err) = run({ timeout => 300 }, 'mariadb-dump', @options, '--single-transaction', '--routines', $from);
    die "mariadb-dump: $err" if $rc;
    ($rc, my $out, $err) = run({ stdin => $dump, timeout => 300 }, $mariadb, @options, $to);
    die "the dump cannot be read: $err" if $rc;
    return;
}

# change($db, $sign): one price, one quantity, one text.
sub change {
    my ($db, $sign) = @_;
    sql($db, "UPDATE price SET unit_price = unit_price $sign 0.01; UPDATE stock SET available_qty = available_qty $sign 1 WHERE available_qty > 1;"
            . " UPDATE product SET theme = 'theme $sign'");
    return;
}

# same_numbers($from, $to): the numbers that both change to are the same, too. At once: lists are built in advance meanwhile, and a
# table without rows would be said in the log.
sub same_numbers {
    my ($from, $to) = @_;
    sql($to, "START TRANSACTION; DELETE FROM revision; INSERT INTO revision SELECT * FROM `$from`.revision; COMMIT");
    return;
}

my $db = new_database('one');
import_sample($db);
my $key = issue_key('ACME01');
my $twin = new_database('two');
copy_into($db, $twin);
my $dir = tempdir_here();

# The two worlds as they are asked for: by two servers, which have one directory.
my @h = map { serve_lists({ ACME01 => $key }, db => $_, cache => "$dir/both", modules => [], config => "KissWarm 8 100ms\n") } $db, $twin;
my $as = sub {
    my ($i, $path, @more) = @_;
    return ask_list($h[$i], $path, undef, @more);
};

subtest 'two servers, one directory' => sub {
    my %before = map { my $p = $_; $p => [map { $as->($_, $p) } 0, 1] } @paths;
    is $before{$_}[0]{headers}{etag}, $before{$_}[1]{headers}{etag}, "$_: a copy has the same ETag" for @paths;
    ok $before{$_}[0]{content} eq $before{$_}[1]{content}, "... and the same list" for @paths;
    change($db, '+');
    change($twin, '-');
    same_numbers($db, $twin);
    for my $round (1, 2) {
        my %now = map { my $p = $_; $p => [map { $as->($_, $p) } $round == 1 ? (1, 0) : (0, 1)] } @paths;
        @{ $now{$_} } = reverse @{ $now{$_} } for $round == 1 ? @paths : ();
        for my $p (@paths) {
            is $now{$p}[0]{headers}{etag}, $now{$p}[1]{headers}{etag}, "$p: the ETags are the same once more, round $round";
            ok $now{$p}[0]{content} ne $now{$p}[1]{content}, '... but each has its own list';
            my @gz = map { $as->($_, $p, %gz) } $round == 1 ? (0, 1) : (1, 0);
            ok $gz[0]{content} ne $gz[1]{content}, '... compressed, too';
            my @delta = map { $as->($_, $p, 'A-IM' => 'sku-delta', 'If-None-Match' => $before{$p}[0]{headers}{etag}) } 1, 0;
            is "$delta[0]{status} $delta[1]{status}", '226 226', '... and its own changes';
            ok $delta[0]{content} ne $delta[1]{content}, '... which differ';
        }
    }
    # Built in advance: both look after the directory, and neither finds the other's.
    change($db, '+');
    change($twin, '-');
    same_numbers($db, $twin);
    wait_until(20, sub { 2 == grep { $_->log_text =~ /KISS0712/ } @h }) or diag 'nothing was built in advance';
    for my $p (@paths) {
        my @list = map { $as->($_, $p) } 0, 1;
        ok $list[0]{content} ne $list[1]{content}, "$p: each its own, built in advance";
    }
    $_->log_ok for @h;
};

subtest 'two virtual hosts, one directory' => sub {
    copy_into($db, $twin);
    my $port = KissTest::Httpd::free_port();
    my $keys = tempdir_here() . '/token.keys';
    kissctl_ok(qw(token-key rotate --token-keys), $keys);
    my $h = start_httpd(db => $db, token_keys => $keys, config => <<"CONF");
Listen 127.0.0.1:$port
<VirtualHost 127.0.0.1:$port>
    KissDatabase customer socket=$server->{socket} user=kiss dbname=$twin password-file=$server->{dir}/kiss.password
    <Location "/">
        SetHandler kiss
        KissApi customer
        KissTokenKeys "$keys"
        KissAllowPlainHTTP On
        KissLimit 1000000 10000000
    </Location>
</VirtualHost>
CONF
    my %url = (one => $h->{url}, two => "http://127.0.0.1:$port");
    my $t = $h->token('ACME01', $key);
    my $ask = sub {
        my ($host, $path, @more) = @_;
        local $h->{url} = $url{$host};
        return $h->get($path, Authorization => "Bearer $t", @more);
    };
    my %before = map { $_ => $ask->('one', $_) } @paths;
    change($db, '+');
    change($twin, '-');
    same_numbers($db, $twin);
    for my $p (@paths) {
        my ($two, $one) = map { $ask->($_, $p) } qw(two one);
        is "$one->{status} $one->{headers}{etag}", "200 $two->{headers}{etag}", "$p: the same ETag";
        ok $one->{content} ne $two->{content}, '... another list';
        ok $ask->('one', $p, %gz)->{content} ne $ask->('two', $p, %gz)->{content}, '... compressed, too';
        my @delta = map { $ask->($_, $p, 'A-IM' => 'sku-delta', 'If-None-Match' => $before{$p}{headers}{etag}) } qw(two one);
        ok $delta[0]{content} ne $delta[1]{content}, '... and other changes';
    }
    my @tags = map { $_->{ETag} } @{ JSON::PP->new->utf8->decode(kissctl_ok(qw(snapshot list --json --check --cache-dir), "$h->{root}/cache")) };
    my ($tag) = $ask->('one', '/stock')->{headers}{etag} =~ /"(.*)"/;
    is scalar(grep { $_ eq $tag } @tags), 2, 'kissctl lists both';
    $h->log_ok;
};

subtest 'two database servers, one name' => sub {
    my @s = map { KissTest::Database->start } 1, 2;
    my $sql = sub { my ($i, $text) = @_; return $s[$i]->sql('same', $text) };
    my $keyed;
    for my $i (0, 1) {
        $s[$i]->create('same', KissTest::_kissctl(), 'customer');
        kissctl_ok({ defaults => $s[$i]->defaults('same') }, 'import', top() . '/sql/sample');
    }
    chomp($keyed = kissctl_ok({ defaults => $s[0]->defaults('same') }, qw(key issue ACME01)));
    my ($row) = $sql->(0, 'SELECT prefix, HEX(hash) FROM api_key');
    $sql->(1, "INSERT INTO api_key (customer_code, prefix, hash) VALUES ('ACME01', '$row->[0]', UNHEX('$row->[1]'))");
    my $same = sub {
        my $rows = join ', ', map {"('$_->[0]', '$_->[1]', $_->[2])"} $sql->(0, 'SELECT dataset, scope, n FROM revision');
        $sql->(1, "START TRANSACTION; DELETE FROM revision; INSERT INTO revision (dataset, scope, n) VALUES $rows; COMMIT");
    };
    $same->();
    my $shared = tempdir_here() . '/shared';
    my @h = map {
        start_httpd(server => $s[$_], location => 'KissUseDatabase elsewhere', config => qq(KissCacheDir "$shared"\n)
                . "KissDatabase elsewhere socket=$s[$_]{socket} dbname=same user=kiss password-file=$s[$_]{dir}/kiss.password\n")
    } 0, 1;
    my @t = map { $_->token('ACME01', $keyed) } @h;
    my $ask = sub { my ($i) = @_; return $h[$i]->get('/stock', Authorization => "Bearer $t[$i]") };
    is $ask->(0)->{headers}{etag}, $ask->(1)->{headers}{etag}, 'a copy on another server has the same ETag';
    $sql->($_, "UPDATE stock SET available_qty = 100 + $_") for 0, 1;
    $same->();
    my @now = map { $ask->($_) } 1, 0;
    is $now[0]{headers}{etag}, $now[1]{headers}{etag}, '... once more, after a change in each';
    like $now[$_]{content}, qr/"AvailableQTY":10@{[1 - $_]}\b/, '... but its own list' for 0, 1;
    $h[0]->log_ok;
    $h[1]->log_ok;
};

done_testing;
