#!/usr/bin/perl
# Nobody gets anything of another's price list or warehouse, whatever is asked for, one by one or all at once.
# SPDX-License-Identifier: Apache-2.0

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Digest::SHA qw(sha256_hex);
use HTTP::Tiny;
use Test::More;
use KissTest;
use KissTest::OpenAPI qw(document operations);
use KissExpect;
use KissIsolation;

my @endpoints = qw(products stock prices);

my $dir = write_isolation_data(tempdir_here());
my $db = new_database('isolation');
import_csv($db, $dir);
my $expect = KissExpect->new($dir);
my $h = start_httpd(processes => 3, threads => 8, pool => 'keep=2 max=4 wait=30s');
my %token = map { $_ => $h->token($_, issue_key($_)) } @CODES;

sub bearer { my ($code) = @_; return (Authorization => "Bearer $token{$code}") }

# ---- each answer is right, and free of every marker of what is not the caller's

my %answer;
for my $code (@CODES) {
    for my $endpoint (@endpoints) {
        my $res = $h->get("/$endpoint", bearer($code));
        is $res->{status}, 200, "/$endpoint of $code";
        my ($same, $where) = same_json($res->{content}, $expect->$endpoint($code));
        ok $same, "/$endpoint of $code: as expected" or diag $where;
        $answer{$code}{$endpoint} = $res;
    }
}

for my $code (@CODES) {
    my $c = $TERMS{$code};
    my $all = join "\n", map { $answer{$code}{$_}{content} } @endpoints;
    my @rows = map { @{ $h->json($answer{$code}{$_}) } } @endpoints;
    my @prices = map { $_->{ProductPrices} ? @{ $_->{ProductPrices} } : exists $_->{MOQ} ? $_ : () } @rows;
    my @stock = grep { exists $_->{AvailableQTY} } @rows;
    my ($l) = grep { $LISTS[$_] eq $c->{list} } 0 .. $#LISTS;
    my ($w) = grep { $WAREHOUSES[$_] eq $c->{warehouse} } 0 .. $#WAREHOUSES;
    my $factor = 1 - $c->{discount} / 100;
    is scalar(grep { int($_->{PriceExclVAT} / $factor / 1000 + 1e-9) != $l + 1 } @prices), 0,
        "$code: no price of another list";
    is scalar(grep { int($_->{AvailableQTY} / 100_000) != $w + 1 } @stock), 0, "$code: no stock of another warehouse";
    ok $all !~ /NOBODY/, "$code: no SKU that is in no list";
    cmp_ok scalar @prices, '==', $c->{list} ? 160 : 0, "$code: all own prices, twice";
    cmp_ok scalar @stock, '==', $c->{list} && $c->{warehouse} ? 80 : 0, "$code: all own stock";
    for my $other (@CODES) {
        my $o = $TERMS{$other};
        my @strange = grep { length && index($all, $_) >= 0 } $o->{list} eq $c->{list} ? () : $o->{list},
            $o->{warehouse} eq $c->{warehouse} ? () : $o->{warehouse};
        is "@strange", '', "$code: nothing of $other";
    }
}

# ---- equal terms, equal answers

my @equal = (['TWIN', 'C-LISTA-WH1'], ['C', 'C-LISTB-WH2'], ['C-LISTA', 'C-LISTC-WH3'], ['c-lista-wh1', 'C-LISTB-WH3']);
for my $pair (@equal) {
    my ($one, $two) = @$pair;
    ok $answer{$one}{$_}{content} eq $answer{$two}{$_}{content}, "$one and $two have equal terms: equal /$_"
        for @endpoints;
}
ok $answer{CUT}{prices}{content} ne $answer{TWIN}{prices}{content}, 'another discount: other prices';
for my $endpoint (@endpoints) {
    my (%tag, %content);
    for my $code (@CODES) {
        my $res = $answer{$code}{$endpoint};
        push @{ $tag{ $res->{headers}{etag} } }, sha256_hex($res->{content});
    }
    is scalar(grep { my %d = map { $_ => 1 } @$_; keys %d > 1 } values %tag), 0,
        "/$endpoint: one ETag never stands for two contents";
}

# ---- every GET of the module's own table, in every form: whole, compressed, HEAD, ranges, changes, with the tags of others

my $http = HTTP::Tiny->new(keep_alive => 1, timeout => 60);

sub ask {
    my ($method, $path, $code, %headers) = @_;
    return $http->request($method, "$h->{url}$path", { headers => { bearer($code), %headers } });
}
# own($code): the marks that a customer may see.
sub own { my ($code) = @_; return own_marks(map { $answer{$code}{$_} } @endpoints) }

my @gets = map { $_->[1] } grep { $_->[0] eq 'GET' } operations(document('customer', 'all'));
cmp_ok scalar(grep {/\A\/(?:products|stock|prices)/} @gets), '>=', 12, 'lists in all formats are in the table';
my (%before, $forms);
for my $path (@gets) {
    $before{$path} = { map { $_ => ask('GET', $path, $_) } @CODES };
    my @wrong = grep { $before{$path}{$_}{status} != 200 } @CODES;
    push @wrong, map { my $code = $_; map {"$code: $_"} list_forms(\&ask, $path, $code, own($code), $before{$path}) } @CODES if !@wrong;
    $forms += @CODES;
    is $wrong[0], undef, "GET $path: every form for every customer";
}

# A price of each list and a quantity of each warehouse change: changes are of the own list, and of no other base.
sql($db, "UPDATE price SET unit_price = unit_price + 0.0001 WHERE sku LIKE '%-001'; UPDATE stock SET available_qty = available_qty + 1000"
        . " WHERE sku LIKE '%-001'");
for my $code (@CODES) {
    $answer{$code}{$_} = ask('GET', "/$_", $code) for @endpoints;
}
my %changes;
for my $path (grep { defined $before{$_}{TWIN}{headers}{etag} } @gets) {
    my @wrong;
    for my $code (@CODES) {
        my ($odd, $status) = delta_forms(\&ask, $path, $code, own($code), $before{$path});
        push @wrong, map {"$code: $_"} @$odd;
        $changes{$_} += $status->{$_} for keys %$status;
    }
    is $wrong[0], undef, "GET $path: after a change, every customer";
}
cmp_ok $changes{226} // 0, '>=', 30, 'changes were among the answers: ' . join ', ', map {"$_: $changes{$_}"} sort keys %changes;

# ---- ids in the query string, headers, path or body do nothing

my ($me, $you) = ('TWIN', 'C-LISTB-WH2');
my @queries = map { my $n = $_; map {"$n=$_"} $you, 'LISTB', 'WH2', '*', '%27%20OR%201%3D1--%20' }
    qw(customer client_id CustomerCode customerId priceList PriceListCode warehouse StockLocation sub);
my @headers = map { my $n = $_; map { [$n => $_] } $you, 'LISTB' } qw(X-Customer-Id X-Customer X-Client-Id X-User
    X-Forwarded-User Remote-User From Cookie X-Price-List X-Warehouse X-Original-URL X-Rewrite-URL X-Forwarded-For);
for my $endpoint (@endpoints) {
    my $mine = $answer{$me}{$endpoint}{content};
    my @odd = grep { $h->get("/$endpoint?$_", bearer($me))->{content} ne $mine } @queries;
    is "@odd", '', "/$endpoint: no parameter changes the answer";
    @odd = grep { $h->get("/$endpoint", bearer($me), @$_)->{content} ne $mine } @headers;
    is join(' ', map {"@$_"} @odd), '', "/$endpoint: no header does";
    my $res = $h->request('GET', "/$endpoint", bearer($me), 'Content-Type' => 'application/x-www-form-urlencoded',
        content => "client_id=$you&customer=$you");
    ok $res->{content} eq $mine, "/$endpoint: no body does";
    for my $path ("/$endpoint/$you", "/$you/$endpoint", "/customers/$you/$endpoint", "/$endpoint;customer=$you",
        "/$endpoint/..;/$you", "/$endpoint%3fcustomer=$you", "/$endpoint%00$you")
    {
        is $h->get($path, bearer($me))->{status}, 404, "$path is nothing";
    }
    for my $two (["Bearer $token{$me}", "Bearer $token{$you}"], ["Bearer $token{$you}", 'Bearer x']) {
        my $got = $h->raw("GET /$endpoint HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
                . join('', map {"Authorization: $_\r\n"} @$two) . "\r\n");
        like $got, qr/^HTTP\/1\.1 401 /, "/$endpoint: two tokens are none";
    }
}
{
    my ($head, $claims, $mark) = split /\./, $token{$me};
    my (undef, $other) = split /\./, $token{$you};
    is $h->get('/prices', Authorization => "Bearer $head.$other.$mark")->{status}, 401,
        "another's claims under the own signature: 401";
}

# ---- all at once: 8 processes, 30 requests each, over connections that serve several customers in turn

sub storm {
    my ($who) = @_;
    my $client = HTTP::Tiny->new(keep_alive => $who % 2, timeout => 60);
    my (@wrong, $n);
    for my $k (0 .. 29) {
        my $code = $CODES[($who * 7 + $k * 5) % @CODES];
        my $endpoint = $endpoints[($who + $k) % 3];
        my $res = $client->get("$h->{url}/$endpoint", { headers => { bearer($code) } });
        my $mine = $answer{$code}{$endpoint};
        push @wrong, "$res->{status} /$endpoint of $code in process $who"
            if $res->{status} != 200 || $res->{content} ne $mine->{content}
            || $res->{headers}{etag} ne $mine->{headers}{etag};
        $n++;
    }
    return { n => $n, wrong => \@wrong };
}

{
    my @results = parallel(8, \&storm);
    my $n = 0;
    $n += $_->{n} for @results;
    is $n, 240, '240 requests of 8 processes';
    is_deeply [map { @{ $_->{wrong} } } @results], [], 'each gets exactly its own bytes and ETag';
}

# One connection, requests of all customers sent before the first answer is read.
{
    my $text = '';
    for my $i (0 .. $#CODES) {
        $text .= "GET /prices HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer $token{$CODES[$i]}\r\n"
            . ($i == $#CODES ? "Connection: close\r\n" : '') . "\r\n";
    }
    my $got = $h->raw($text, 30);
    my @wrong;
    for my $code (@CODES) {
        my ($length) = $got =~ /\AHTTP\/1\.1 200 .*?^Content-Length: (\d+)\r\n/ms;
        $got =~ s/\A.*?\r\n\r\n//s;
        push @wrong, $code if !defined $length || substr($got, 0, $length, '') ne $answer{$code}{prices}{content};
    }
    is "@wrong", '', 'pipelined on one connection: each answer is the one that was asked for';
}

# ---- a change of terms moves the customer at once, and nobody else

kissctl_ok(qw(customer set TWIN --price-list LISTB --warehouse WH2));
for my $endpoint (@endpoints) {
    ok $h->get("/$endpoint", bearer('TWIN'))->{content} eq $answer{$you}{$endpoint}{content},
        "/$endpoint: new terms hold from the next request on";
    ok $h->get("/$endpoint", bearer('C-LISTA-WH1'))->{content} eq $answer{'C-LISTA-WH1'}{$endpoint}{content},
        "/$endpoint: its former twin is where it was";
}

# ---- a column that is new in the database is in no answer until a table of the module names it

sql($db, "ALTER TABLE $_ ADD COLUMN secret_margin DECIMAL(18,4) NOT NULL DEFAULT 777.7777 FIRST") for qw(product price stock customer price_list warehouse);
sql($db, "UPDATE product SET name = CONCAT(name, ' new'); UPDATE price SET moq = moq; UPDATE stock SET available_qty = available_qty + 1; UPDATE revision SET n = n + 1");
for my $path (grep {/\A\/(?:products|stock|prices)/} @gets) {
    my $res = $h->get($path, bearer('C-LISTB-WH2'));
    is $res->{status}, 200, "$path with new columns in all tables";
    unlike $res->{content}, qr/777|margin/i, '... shows none of them';
}

# ---- mod_cache in the same httpd, as it comes and told to store what it should not: nothing of one customer goes to another

subtest 'mod_cache' => sub {
    plan skip_all => 'httpd has no mod_cache here' if grep { !-e KissTest::Httpd::apxs('LIBEXECDIR') . "/mod_$_.so" } qw(cache cache_disk);
    for my $told ('', 'CacheQuickHandler Off', "CacheStorePrivate On\nCacheStoreNoStore On\nCacheIgnoreCacheControl On\nCacheIgnoreNoLastMod On\nCacheDefaultExpire 3600",
        "CacheQuickHandler Off\nCacheStorePrivate On\nCacheStoreNoStore On\nCacheIgnoreCacheControl On\nCacheIgnoreNoLastMod On\nCacheDefaultExpire 3600")
    {
        my $store = tempdir_here();
        chmod 0777, $store;
        my $c = start_httpd(modules => [qw(cache cache_disk)], config => "CacheRoot $store\nCacheEnable disk /\n$told\n");
        my %t = map { $_ => $c->token($_, issue_key($_)) } qw(TWIN C-LISTB-WH2);
        my $wrong = 0;
        for my $round (1 .. 3) {
            for my $endpoint (@endpoints) {
                for my $code (sort keys %t) {
                    my $want = $h->get("/$endpoint", bearer($code));
                    my $res = $c->get("/$endpoint", Authorization => "Bearer $t{$code}");
                    $wrong++ if $res->{status} != 200 || $res->{content} ne $want->{content};
                }
                my $res = $c->get("/$endpoint");
                $wrong++ if $res->{status} != 401 || length($res->{content} // '');
            }
        }
        is $wrong, 0, $told eq '' ? 'as it comes' : $told =~ s/\n.*//sr;
        my @kept = $told =~ /StorePrivate/ ? () : grep { slurp($_) =~ /SKU/ } grep {-f} map { glob "$store/" . '*/' x $_ . '*' } 0 .. 4;
        is "@kept", '', '... it has stored no list';
        $c->log_ok;
    }
};

$h->log_ok;
done_testing;
