# The database is away, and the operator allows lists as they were (KissServeStale): which, to whom, for how long, and how they
# are marked; what is never served; and that the first request after its return is answered with what it says.
# SPDX-License-Identifier: Apache-2.0
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Compress::Zlib qw(memGunzip);
use KissTest;
use KissTest::Lists;
use KissTest::Load;
use KissTest::Metrics;
use MIME::Base64 qw(encode_base64);
use Test::More;
use Time::HiRes qw(sleep time);
use Time::Local qw(timegm);

my $server = KissTest::Database->start;
my $db = new_database('stale', server => $server);
import_sample($db);
my %key = map { $_ => issue_key($_) } qw(ACME01 BEAU02 CIRC03);
my $quick = 'timeout=1s wait=1s connect=1s max=4';
my @allowed = (qr/KISS(?:020[12]|0253|0708)/);

# serve($location, %option): a server with these lines in its <Location>, of one process, which has checked the database.
sub serve {
    my ($location, %opt) = @_;
    my $h = serve_lists(\%key, processes => 1, pool => $quick, location => $location, config => metrics_location(), %opt);
    $h->checked or die 'the database was not checked';
    return $h;
}

# A price that ACME01 sees.
my $dearer = "UPDATE price SET unit_price = unit_price + 1 WHERE price_list_code = 'UKTRADE' AND sku IN (SELECT sku FROM product WHERE is_obsolete = 0)";

sub away { my ($sub) = @_; $server->stop('KILL'); my $ok = eval { $sub->(); 1 }; my $why = $@; $server->resume; die $why if !$ok; return }

# str2time($text): a date as HTTP writes it; undef for anything else.
sub str2time {
    my ($text) = @_;
    my %month;
    @month{qw(Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec)} = 0 .. 11;
    return $text =~ /\A\w{3}, (\d\d) (\w{3}) (\d{4}) (\d\d):(\d\d):(\d\d) GMT\z/ ? timegm($6, $5, $4, $1, $month{$2}, $3) : undef;
}

# is_stale($res, $then, $what): a complete answer that says as of when it is: not later than $then.
sub is_stale {
    my ($res, $then, $what, $status) = @_;
    is $res->{status}, $status // 200, "$what: $res->{status}";
    my ($age, $as_of) = @{ $res->{headers} }{qw(age kiss-as-of)};
    like $age // 'none', qr/\A\d+\z/, '... with Age';
    my $time = str2time($as_of // '') // 0;
    cmp_ok $time, '<=', int $then, "... as of a moment at which the database was there ($as_of)";
    cmp_ok $time, '>', $then - 100, '... not long before';
    cmp_ok abs((str2time($res->{headers}{date} // '') // 0) - $age - $time), '<=', 2, '... by both headers';
    return;
}
sub is_current {
    my ($res, $what) = @_;
    is $res->{status}, 200, "$what: 200";
    ok !exists $res->{headers}{age} && !exists $res->{headers}{'kiss-as-of'}, '... not marked';
    return;
}
sub is_503 {
    my ($res, $what) = @_;
    is $res->{status}, 503, "$what: 503";
    ok !exists $res->{headers}{age} && !exists $res->{headers}{etag} && $res->{headers}{'retry-after'}, '... with Retry-After, not marked';
    return;
}

subtest 'off by default' => sub {
    my $h = serve('');
    is_current(ask_list($h, '/prices'), 'before');
    away(sub { is_503(ask_list($h, '/prices'), 'away') });
    $h->log_ok(@allowed);
};

subtest 'every representation' => sub {
    my $h = serve('KissServeStale 1h');
    my %was;
    for my $path (map { my $l = $_; map {"$l$_"} '', qw(.ndjson .csv .bom.csv) } qw(/products /prices /stock)) {
        $was{$path} = ask_list($h, $path);
        is_current($was{$path}, $path);
    }
    my $older = $was{'/prices'}{headers}{etag};
    sql($db, $dearer);
    $was{'/prices'} = ask_list($h, '/prices');
    my $change = ask_list($h, '/prices', 'ACME01', 'A-IM' => 'sku-delta', 'If-None-Match' => $older);
    is $change->{status}, 226, 'changes are asked for';
    $was{"/products$_"} = ask_list($h, "/products$_") for '', qw(.ndjson .csv .bom.csv);
    $was{"/prices$_"} = ask_list($h, "/prices$_") for qw(.ndjson .csv .bom.csv);
    my $gzip = ask_list($h, '/products', 'ACME01', 'Accept-Encoding' => 'gzip');
    my $then = time;
    away(sub {
        for my $path (grep { !m{/stock} } sort keys %was) {
            my $res = ask_list($h, $path);
            is_stale($res, $then, $path);
            is_deeply [$res->{content}, map { $res->{headers}{$_} } qw(etag content-type content-length vary cache-control)],
                [$was{$path}{content}, map { $was{$path}{headers}{$_} } qw(etag content-type content-length vary cache-control)], '... else the same';
            is fate($h, $res), 'stale', '... and the access log says so';
            my $same = ask_list($h, $path, 'ACME01', 'If-None-Match' => $res->{headers}{etag});
            is_stale($same, $then, "$path, unchanged", 304);
            is fate($h, $same), 'stale', '... in the log, too';
        }
        is_503(ask_list($h, $_), "$_ was not asked for by name") for grep {m{/stock}} sort keys %was;
        my $res = ask_list($h, '/products', 'ACME01', 'Accept-Encoding' => 'gzip');
        is_stale($res, $then, 'gzip that is kept');
        is_deeply [$res->{content}, $res->{headers}{etag}], [$gzip->{content}, $gzip->{headers}{etag}], '... the same bytes';
        $res = ask_list($h, '/prices', 'ACME01', 'Accept-Encoding' => 'gzip');
        is_stale($res, $then, 'gzip that is made of the list that is kept');
        is memGunzip($res->{content}), $was{'/prices'}{content}, '... is that list';
        $res = ask_list($h, '/prices', 'ACME01', Range => 'bytes=10-49');
        is_stale($res, $then, 'a range', 206);
        is $res->{content}, substr($was{'/prices'}{content}, 10, 40), '... of the same bytes';
        $res = ask_list($h, '/prices', 'ACME01', Range => 'bytes=10-49', 'If-Range' => $older);
        is_stale($res, $then, 'a range of another version');
        is ask_list($h, '/prices', 'ACME01', 'If-Match' => $older)->{status}, 412, 'If-Match of another version';
        is_stale(ask_list($h, '/prices', 'ACME01', 'If-Match' => $was{'/prices'}{headers}{etag}), $then, 'If-Match of this one');
        $res = $h->request('HEAD', '/prices', Authorization => $h->{bearer}{ACME01});
        is_stale($res, $then, 'HEAD');
        is $res->{headers}{'content-length'}, length $was{'/prices'}{content}, '... with the length';
        $res = ask_list($h, '/prices', 'ACME01', 'A-IM' => 'sku-delta', 'If-None-Match' => $older);
        is_stale($res, $then, 'changes that are kept', 226);
        is $res->{content}, $change->{content}, '... the same';
        $res = ask_list($h, '/products', 'ACME01', 'A-IM' => 'sku-delta', 'If-None-Match' => '"' . 'x' x 22 . '"');
        is_stale($res, $then, 'changes since an unknown version: all of it');
        my $m = metrics($h);
        my %stale = map { /\Akiss_list_stale_total\{.*endpoint="(\w+)"/ ? ($1 => $m->{$_}) : () } keys %$m;
        cmp_ok $stale{prices}, '>', 5, 'the metrics count them';
        is $stale{stock} // 0, 0, '... and nothing else';
        is_503(ask_list($h, '/products/schema'), 'what is no list');
        is $h->post('/auth/token', { grant_type => 'client_credentials', client_id => 'ACME01', client_secret => $key{ACME01} })->{status}, 503,
            'no token is issued';
        $res = $h->get('/health');
        is $res->{status}, 503, '/health is not well';
        my ($as_of, $until) = $res->{content} =~ /\AUnhealthy: lists are served as of (.*), until (.*)\z/;
        is str2time($until // '') - str2time($as_of // ''), 3600, "... and says as of when lists are, and until when: $res->{content}";
    });
    is_current(ask_list($h, '/prices'), 'the first request after its return');
    is_current(ask_list($h, '/stock'), 'stock');
    is $h->get('/health')->{content}, 'Healthy', '/health';
    is scalar(() = $h->log_text =~ /KISS0708/g), 1, 'that it began was logged once';
    is scalar(() = $h->log_text =~ /KISS0709/g), 1, '... and once that it ended';
    $h->log_ok(@allowed);
};

subtest 'stock, by name; not current any more' => sub {
    my $h = serve('KissServeStale 1h STOCK');
    is_current(ask_list($h, '/stock'), 'before');
    my $then = time;
    away(sub { is_stale(ask_list($h, '/stock'), $then, 'away') });
    # The database has said that the list is another one now; nobody has asked for that one.
    my $list = ask_list($h, '/stock');
    my $built = time;
    sleep 2.1;
    is ask_list($h, '/stock')->{content}, $list->{content}, 'the list is the same, two seconds later';
    $then = time;
    sleep 1.1;
    sql($db, "UPDATE stock SET available_qty = available_qty + 1 WHERE stock_location = 'UK01'");
    is_current(ask_list($h, '/prices'), 'another list, which shows the change');
    away(sub {
        my $res = ask_list($h, '/stock');
        is_stale($res, $then, 'the last list that is kept');
        cmp_ok str2time($res->{headers}{'kiss-as-of'}), '>', $built, '... as of its last check, not of its building';
        is $res->{content}, $list->{content}, '... is that one';
        is_stale(ask_list($h, '/stock', 'ACME01', 'If-None-Match' => $list->{headers}{etag}), $then, '... or 304', 304);
    });
    isnt ask_list($h, '/stock')->{content}, $list->{content}, 'the first request after its return has the change';
    $h->log_ok(@allowed);
};

subtest 'frozen, and back' => sub {
    my $h = serve('KissServeStale 1h');
    my $was = ask_list($h, '/prices');
    my $then = time;
    $server->freeze;
    is_stale(ask_list($h, '/prices'), $then, 'frozen');
    $server->thaw;
    sql($db, $dearer);
    my $res = ask_list($h, '/prices');
    is_current($res, 'the first request after the thaw');
    isnt $res->{headers}{etag}, $was->{headers}{etag}, '... has the change that came first';
    # The caller's record is current, the list cannot be built: its statement waits for a lock until timeout=.
    sql($db, $dearer);
    $then = time;
    my $release = hold($server, $db, 'price');
    is_stale(ask_list($h, '/prices'), $then, 'a list that cannot be read');
    $release->();
    is_current(ask_list($h, '/prices'), 'when it can be read again');
    $h->log_ok(@allowed, qr/KISS0(?:502|810)/);
};

subtest 'who: only whom the database knew, with the terms that it said last' => sub {
    my $h = serve("KissServeStale 1h\nKissFeedBasic On");
    my %was = map { $_ => ask_list($h, '/prices', $_) } qw(ACME01 BEAU02);
    isnt $was{ACME01}{content}, $was{BEAU02}{content}, 'two customers have different prices';
    sql($db, "UPDATE customer SET price_list_code = (SELECT price_list_code FROM (SELECT * FROM customer) AS c WHERE customer_code = 'BEAU02')"
        . " WHERE customer_code = 'ACME01'");
    is $h->get('/products/schema', Authorization => $h->{bearer}{ACME01})->{status}, 200, 'ACME01 has other terms, and was seen since';
    my $basic = sub { my ($secret) = @_; return $h->get('/prices', Authorization => 'Basic ' . encode_base64("BEAU02:$secret", '')) };
    is_current($basic->($key{BEAU02}), 'by Basic');
    my $then = time;
    away(sub {
        my $res = ask_list($h, '/prices', 'ACME01');
        isnt $res->{content}, $was{ACME01}{content}, 'ACME01 never gets its earlier price list';
        is_503($res, '... but nothing, since its list is not kept');
        is_stale(ask_list($h, '/prices', 'BEAU02'), $then, 'BEAU02');
        is_503(ask_list($h, '/prices', 'CIRC03'), 'CIRC03, which has not asked before');
        is_stale($basic->($key{BEAU02}), $then, 'BEAU02 by Basic');
        is $basic->($key{BEAU02} . 'x')->{status}, 503, 'by Basic with a wrong key';
        is $h->get('/prices', Authorization => 'Bearer x')->{status}, 401, 'a wrong token';
    });
    is ask_list($h, '/prices', 'ACME01')->{status}, 200, 'back';
    sql($db, "UPDATE customer SET enabled = 0 WHERE customer_code = 'BEAU02'");
    sql($db, "DELETE FROM customer WHERE customer_code = 'ACME01'");
    is ask_list($h, '/prices', 'BEAU02')->{status}, 401, 'BEAU02 is disabled';
    is ask_list($h, '/prices', 'ACME01')->{status}, 404, 'ACME01 is deleted';
    away(sub {
        is ask_list($h, '/prices', 'BEAU02')->{status}, 401, 'disabled, as the database has said';
        is ask_list($h, '/prices', 'ACME01')->{status}, 404, 'deleted, as the database has said';
    });
    import_sample($db);
    sql($db, "UPDATE customer SET enabled = 1 WHERE customer_code = 'BEAU02'");
    $key{ACME01} = issue_key('ACME01');
    $h->log_ok(@allowed);
};

subtest 'limits count' => sub {
    my $h = serve('KissServeStale 1h', limits => "KissLimit 8 1000\nKissLimitAnonymous 1000 1000");
    is_current(ask_list($h, '/prices'), 'before');
    away(sub {
        my @all = map { ask_list($h, '/prices')->{status} } 1 .. 8;
        is "@all", '200 200 200 200 200 200 429 429', 'token, one list, six more';
    });
    $h->log_ok(@allowed);
};

subtest 'for how long' => sub {
    my $h = serve('KissServeStale 3s');
    is_current(ask_list($h, '/prices'), 'before');
    my $then = time;
    away(sub {
        my ($stale, $res) = 0;
        while (($res = ask_list($h, '/prices'))->{status} == 200 && time < $then + 20) {
            $stale++;
            cmp_ok $res->{headers}{age}, '<', 3, "Age $res->{headers}{age}";
            sleep 0.3;
        }
        cmp_ok $stale, '>', 0, 'it is served for a while';
        is_503($res, 'and no longer');
        cmp_ok time, '>=', $then + 2, '... which is the time that was declared';
        is $h->get('/health')->{content}, 'Unhealthy', '/health';
    });
    is_current(ask_list($h, '/prices'), 'back');
    $h->log_ok(@allowed);
};

subtest 'reload, restart, other processes' => sub {
    my $h = serve('KissServeStale 1h', processes => 3);
    is_current(ask_list($h, '/prices'), 'before');
    my $then = time;
    away(sub {
        my @all = map { ask_list($h, '/prices')->{status} } 1 .. 12;
        is_deeply \@all, [(200) x 12], 'what one process knows all know';
        $h->graceful;
        is_stale(ask_list($h, '/prices'), $then, 'after a reload');
        $h->stop;
        $h->start;
        ok wait_until(30, sub { $h->get('/api/version')->{status} == 200 }), 'started again';
        is_503(ask_list($h, '/prices'), 'after httpd was stopped and started, nothing is known');
    });
    is_current(ask_list($h, '/prices'), 'back');
    $h->log_ok(@allowed, qr/KISS0205/);
};

subtest 'two virtual hosts, two databases' => sub {
    my $other = new_database('stale_b', server => $server);
    import_sample($other);
    sql($other, 'UPDATE price SET unit_price = unit_price + 5');
    my $cache = tempdir_here();
    chown +(getpwnam 'www-data')[2, 3], $cache if $> == 0;
    chmod 0700, $cache;
    my ($b, $c) = map { KissTest::Httpd::free_port() } 1, 2;
    my $of = "KissDatabase customer socket=$server->{socket} user=kiss dbname=$other password-file=$server->{dir}/kiss.password $quick";
    my $h = serve('KissServeStale 1h', db => $db, cache => $cache, config => <<"CONF");
Listen 127.0.0.1:$b
<VirtualHost 127.0.0.1:$b>
    $of
</VirtualHost>
Listen 127.0.0.1:$c
<VirtualHost 127.0.0.1:$c>
    $of
    <Location "/">
        KissServeStale 0
    </Location>
</VirtualHost>
CONF
    my $on = sub {
        my ($port, @more) = @_;
        local $h->{url} = "http://127.0.0.1:$port";
        return ask_list($h, '/prices', @more);
    };
    my %was = map { $_ => $on->($_, 'ACME01') } $h->{port}, $b, $c;
    is_current($was{$_}, "port $_") for $h->{port}, $b, $c;
    isnt $was{$b}{content}, $was{ $h->{port} }{content}, 'they are different';
    is_current($on->($h->{port}, 'BEAU02'), 'BEAU02 has asked the first one only');
    my $then = time;
    away(sub {
        for my $port ($h->{port}, $b) {
            my $res = $on->($port, 'ACME01');
            is_stale($res, $then, "port $port");
            is $res->{content}, $was{$port}{content}, '... its own list';
        }
        is_503($on->($c, 'ACME01'), 'where it is not allowed');
        is_stale($on->($h->{port}, 'BEAU02'), $then, 'BEAU02 on the first one');
        is_503($on->($b, 'BEAU02'), '... and on the other one');
    });
    $h->log_ok(@allowed);
};

done_testing;
