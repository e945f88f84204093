# Nobody gets anything of another's through a balancer that sends each request to the other one of two hosts, at a cluster: every form of
# every answer of both APIs, which both hosts must give alike, whatever each of them has cached, for whom, and where it was changed.
# SPDX-License-Identifier: Apache-2.0
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use JSON::PP ();
use KissExpect;
use KissIsolation;
use KissKssClient qw(issue_all today_utc url_of);
use KissKssContract;
use KissKssData;
use KissKssExpect;
use KissKssIsolation;
use KissTest;
use KissTest::Cluster;
use KissTest::Load;
use KissTest::OpenAPI qw(document operations);
use KissTest::Redis;
use Test::More;
use Time::HiRes qw(time);

eval { require IO::Socket::SSL; require KissTest::Front; 1 } or plan skip_all => 'no IO::Socket::SSL';
plan skip_all => 't/cluster/programs has not been run' if !KissTest::Cluster::programs() || !KissTest::Front::program('haproxy');

# ---- two hosts with both APIs and the admin endpoints, each with another node first, and who asks

my $cluster = KissTest::Cluster->start(3);
my @node = $cluster->nodes;
my $dir = write_isolation_data(tempdir_here());
my $db = new_database('isolation', server => $node[2]);
import_csv($db, $dir);
grant_admin();
my %key = map { $_ => issue_key($_) } @CODES;
my $kss_dir = write_kss_data(tempdir_here());
my $kss = new_database('isolation_kss', api => 'kss', server => $node[2]);
import_kss($kss, $kss_dir);
my %kss_key = issue_all();
my $redis = KissTest::Redis->start;
my $site = KissTest::Front->new(db => $db, kss => $kss, server => $node[2]);
my @host = map {
    my $address = 'host=' . join ',', map {"127.0.0.1:$_->{port}"} @node[$_, 1 - $_, 2];
    $site->host($_, address => $address, processes => 2, threads => 16, undocumented => 1, config => "KissLimitStore $redis->{url} timeout=1s\n", more => $site->admin($address))
} 0, 1;
$_->{url} = $_->{behind} for @host;     # where a proxy reaches it
my $front = $site->front('haproxy', edit => sub { $_[0] =~ s/^(\s*)balance roundrobin\n/$&$1http-response set-header X-Answered-By %s\n/mr });
my $http = $front->client('127.0.0.1');      # who may ask for /health
my @endpoints = qw(products stock prices);

# once($method, $url, \%headers, $content): one answer by the balancer, and which host gave it.
sub once {
    my ($method, $url, $headers, $content) = @_;
    my $res = $http->request($method, "$front->{url}$url", { headers => $headers, defined $content ? (content => $content) : () });
    $res->{content} //= '';
    return ($res, { one => 0, two => 1 }->{ delete $res->{headers}{'x-answered-by'} // '' });
}

# each_host(...): the answers of both hosts, as long as it takes until each has had its turn: the next one, but where it counted as dead.
sub each_host {
    my @by;
    for (1 .. 600) {
        my ($res, $i) = once(@_);
        $by[$i] //= $res if defined $i;
        return @by if $by[0] && $by[1];
        sleep 1 if $_ > 10;
    }
    die "one of the hosts does not answer: $_[0] $_[1]\n";
}

# What must be the same at both. Of HEAD, too.
my @SAME = qw(etag content-type content-encoding content-range content-length delta-base im vary cache-control www-authenticate allow);
my ($turn, $alike, @unlike) = (0, 0);
# both(...): an answer that both hosts have given alike, of each in turn; what they did not is noted.
sub both {
    my @by = each_host(@_);
    my @shown = map { my $res = $_; join "\n", $res->{status}, map({ "$_: " . ($res->{headers}{$_} // '-') } @SAME), $res->{content} } @by;
    $alike++;
    push @unlike, "$_[0] $_[1]: $by[0]{status} and $by[1]{status}" if $shown[0] ne $shown[1];
    return $by[ $turn++ % 2 ];
}
sub alike_ok {
    my ($what) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    cmp_ok $alike, '>', 0, "$what: $alike answers of each host";
    is $unlike[0], undef, '... all of them alike' or diag map {"  $_\n"} @unlike;
    ($alike, @unlike) = (0);
    return;
}

# A token of either host, used at both.
my %token;
for my $i (0 .. $#CODES) { $token{ $CODES[$i] } = $host[$i % 2]->token($CODES[$i], $key{ $CODES[$i] }) }
sub bearer { my ($code) = @_; return (Authorization => "Bearer $token{$code}") }
sub ask { my ($method, $path, $code, %more) = @_; return both($method, $path, { bearer($code), %more }) }
my @gets = map { $_->[1] } grep { $_->[0] eq 'GET' } operations(document('customer', 'all'));

# changed(): a price of each list and a quantity of each warehouse, at another node each time.
my $changes = 0;
sub changed {
    my $sku = sprintf '%%-%03d', 1 + $changes % 40;
    return $node[$changes++ % 3]->sql($db, "UPDATE price SET unit_price = unit_price + 0.0001 WHERE sku LIKE '$sku';"
            . " UPDATE stock SET available_qty = available_qty + 1000 WHERE sku LIKE '$sku'");
}

# ---- what each host has cached is of other customers: the odd ones at one, the even ones at the other

my %answer;
subtest 'lists of one customer at one host, of another one at the other' => sub {
    my @lists = grep { m{\A/(?:products|stock|prices)(?:\.|\z)} } @gets;
    my %has = map { $CODES[$_] => $_ % 2 } 0 .. $#CODES;
    my %first;
    for my $code (@CODES) {
        for my $path (@lists) {
            $first{$path}{$code} = $host[$has{$code}]->get($path, bearer($code));
            $host[$has{$code}]->get($path, bearer($code), 'Accept-Encoding' => 'gzip');
        }
    }
    is scalar(grep { $_->{status} != 200 } map { values %$_ } values %first), 0, 'each at its own host';
    my $expect = KissExpect->new($dir);
    for my $endpoint (@endpoints) {
        my @wrong = grep { !(same_json($first{"/$endpoint"}{$_}{content}, $expect->$endpoint($_)))[0] } @CODES;
        is "@wrong", '', "/$endpoint: as expected";
    }
    my $own = sub { my ($code) = @_; return own_marks(map { $first{"/$_"}{$code} } @endpoints) };

    # Nothing has changed: the other host makes what this one has, with its tag.
    for my $path (@lists) {
        my @wrong;
        for my $code (reverse @CODES) {
            my $tag = $first{$path}{$code}{headers}{etag};
            push @wrong, "$code: own tag" if ask('GET', $path, $code, 'If-None-Match' => $tag)->{status} != 304;
            my ($other) = grep { $has{$_} != $has{$code} && $first{$path}{$_}{content} ne $first{$path}{$code}{content} } @CODES;
            my $foreign = $first{$path}{$other}{headers}{etag};
            for my $headers ({ 'If-None-Match' => $foreign }, { 'If-None-Match' => $foreign, 'A-IM' => 'sku-delta' }, { Range => 'bytes=10-159', 'If-Range' => $foreign }) {
                my $res = ask('GET', $path, $code, %$headers);
                push @wrong, "$code with the tag of $other: $res->{status}" if $res->{status} != 200 || $res->{content} ne $first{$path}{$code}{content};
            }
        }
        is $wrong[0], undef, "$path: tags of customers whose lists the other host has";
    }
    alike_ok('before a change');

    # A change, while each host has the lists of its own customers only: who has no base sends the whole list.
    $_->graceful for @host;
    for my $h (@host) { unlink glob "$h->{root}/cache/snapshots/*" }
    for my $code (@CODES) { $host[ $has{$code} ]->get("/$_", bearer($code)) for @endpoints }
    changed();
    my (%came, @wrong);
    for my $code (@CODES) {
        my %whole = map { $_ => ask('GET', "/$_", $code) } @endpoints;
        my $mine = own_marks(values %whole);
        for my $endpoint (@endpoints) {
            for my $from ($code, grep { $has{$_} != $has{$code} } @CODES) {
                my $tag = $first{"/$endpoint"}{$from}{headers}{etag};
                my @by = each_host('GET', "/$endpoint", { bearer($code), 'If-None-Match' => $tag, 'A-IM' => 'sku-delta' });
                for my $i (0, 1) {
                    my $res = $by[$i];
                    $came{ $i == $has{$code} ? 'has' : 'has not' }{ $res->{status} }++ if $from eq $code;
                    push @wrong, "host $i, $code from $from: $_" for grep { !$mine->{$_} } marks($res->{content});
                    my $known = $tag eq $first{"/$endpoint"}{$code}{headers}{etag};
                    my $right = $tag eq $whole{$endpoint}{headers}{etag} ? $res->{status} == 304
                        : $res->{status} == 226 ? $known && $res->{headers}{'delta-base'} eq $tag : $res->{status} == 200 && $res->{content} eq $whole{$endpoint}{content};
                    push @wrong, "host $i, /$endpoint of $code from $from: $res->{status}" if !$right;
                }
            }
        }
    }
    is $wrong[0], undef, 'after a change: changes since a base of its own, or the whole list';
    cmp_ok $came{has}{226}, '>=', 20, "... changes where the base was, $came{has}{226} times";
    alike_ok('after a change');
};

# ---- every GET of the module's own table, in every form, for every customer

sub own { my ($code) = @_; return own_marks(map { $answer{$code}{$_} } @endpoints) }
sub refresh { for my $code (@CODES) { $answer{$code}{$_} = ask('GET', "/$_", $code) for @endpoints } return }

subtest 'the Customer API' => sub {
    refresh();
    my (%before, %status);
    for my $path (@gets) {
        $before{$path} = { map { $_ => ask('GET', $path, $_) } @CODES };
        my @wrong = grep { $before{$path}{$_}{status} != 200 } @CODES;
        push @wrong, map { my $code = $_; map {"$code: $_"} list_forms(\&ask, $path, $code, own($code), $before{$path}) } @CODES if !@wrong;
        is $wrong[0], undef, "GET $path: every form for every customer";
    }
    alike_ok('every form');
    changed();
    refresh();
    for my $path (grep { defined $before{$_}{TWIN}{headers}{etag} } @gets) {
        my @wrong;
        for my $code (@CODES) {
            my ($odd, $status) = delta_forms(\&ask, $path, $code, own($code), $before{$path});
            push @wrong, map {"$code: $_"} @$odd;
            $status{$_} += $status->{$_} for keys %$status;
        }
        is $wrong[0], undef, "GET $path: after a change, every customer";
    }
    cmp_ok $status{226} // 0, '>=', 30, 'changes were among the answers: ' . join ', ', map {"$_: $status{$_}"} sort keys %status;
    alike_ok('changes');
};

# ---- the same of the KSS API, for every type of key

subtest 'the KSS API' => sub {
    my $expect = KissKssExpect->new($kss_dir, today_utc());
    my %all_of = ids_of($expect);
    my $form = sub { my ($method, $name, $url, %headers) = @_; return both($method, $url, { 'x-api-key' => $kss_key{$name}, %headers }) };
    my %seen;
    for my $e (endpoints()) {
        my $params = whole_params($e, \%all_of);
        my $url = url_of($e->{path}, $params);
        my (%whole, @wrong);
        for my $name (sort keys %KEYS) {
            my $res = $form->('GET', $name, $url);
            my $may = KissKssContract::allowed($e, $KEYS{$name}{type});
            push @wrong, "$name: $res->{status}" if !$may && $res->{status} != 403;
            my ($strange) = strange_in($expect, $name, $e->{path}, $res);
            push @wrong, "$name: holds $strange" if defined $strange;
            $whole{$name} = $res if $may && $res->{status} == 200;
        }
        for my $name (sort keys %whole) {
            $seen{$name}++;
            push @wrong, map {"$name: $_"} page_forms($form, $name, $e, $params, \%whole);
            # An ETag is good for its own key only, whichever host gave it and whichever is asked.
            for my $other (sort keys %whole) {
                my $res = $form->('GET', $name, $url, 'If-None-Match' => $whole{$other}{headers}{etag});
                push @wrong, "$name with the ETag of $other: $res->{status}"
                    if $other eq $name ? $res->{status} != 304 : $whole{$other}{content} ne $whole{$name}{content} && ($res->{status} != 200 || $res->{content} ne $whole{$name}{content});
            }
        }
        is $wrong[0], undef, "$e->{path}: every form for " . join ' ', sort keys %whole;
    }
    cmp_ok $seen{$_} // 0, '>=', 30, "$_: forms of $seen{$_} endpoints" for sort keys %KEYS;
    alike_ok('every form');
};

# ---- roles: every operation of every document, with the credentials of the others

subtest 'roles' => sub {
    my @admins = map { ["an admin client of host $_", 'Authorization', 'Bearer ' . admin_token($host[$_], "pim$_")] } 0, 1;
    my ($sku) = map { $_->[0] } sql($db, 'SELECT MIN(sku) FROM product');
    my $content = sub { return join "\n", map { join '|', $_, map { join ',', map { $_ // 'NULL' } @$_ } sql($db, "SELECT * FROM $_ ORDER BY 1, 2") }
        qw(product price stock product_owner admin_audit) };
    my $before = $content->();
    my %value = (sku => $sku, priceListCode => 'LISTA', stockLocation => 'WH1');
    my @operations = grep { $_->[1] =~ m{^/admin/} } operations(document('admin', 'all'));
    cmp_ok scalar @operations, '>=', 10, 'admin operations are in the table';
    for (@operations) {
        my ($method, $path) = @$_;
        my $url = $path =~ s/\{(\w+)\}/$value{$1}/gr;
        my @body = $method eq 'GET' || $method eq 'DELETE' ? () : ('{}');
        my %json = @body ? ('Content-Type' => 'application/json') : ();
        my @wrong;
        for my $code (@CODES) {
            my $res = both($method, $url, { bearer($code), %json }, @body);
            push @wrong, "$code: $res->{status} $res->{content}" if $res->{status} != 403 || marks($res->{content});
        }
        for my $who (['nobody'], map { ["the key $_", 'x-api-key' => $kss_key{$_}] } sort keys %KEYS) {
            my ($name, @credentials) = @$who;
            my $res = both($method, $url, { @credentials, %json }, @body);
            push @wrong, "$name: $res->{status} $res->{content}" if $res->{status} != 401 || marks($res->{content});
        }
        is $wrong[0], undef, "$method $path: for no customer, no key, and not without";
    }
    for my $path (grep { m{\A/(?:products|stock|prices)} } @gets) {
        my @wrong;
        for my $who (@admins) {
            my ($name, @credentials) = @$who;
            my $res = both('GET', $path, {@credentials});
            push @wrong, "$name: $res->{status}" if $res->{status} != 403 || marks($res->{content});
            # Not by the tag of a customer's list either.
            $res = both('GET', $path, { @credentials, 'If-None-Match' => $answer{TWIN}{products}{headers}{etag}, 'A-IM' => 'sku-delta', Range => 'bytes=0-99' });
            push @wrong, "$name with a tag: $res->{status}" if $res->{status} != 403 || marks($res->{content});
        }
        is $wrong[0], undef, "GET $path: for no admin client";
    }
    my @wrong;
    for my $e (endpoints()) {
        my $url = url_of($e->{path}, { map { $_ => [1] } $e->{named} || () });
        for my $who (@admins, ['a customer', bearer('TWIN')]) {
            my ($name, @credentials) = @$who;
            my $res = both('GET', $url, {@credentials});
            push @wrong, "$name at $url: $res->{status}" if $res->{status} != 401;
        }
    }
    is $wrong[0], undef, 'the KSS API: no token is a key';
    for my $path (map {"/$_"} @endpoints) {
        my @wrong = grep { both('GET', $path, { 'x-api-key' => $kss_key{$_} })->{status} != 401 } sort keys %KEYS;
        is "@wrong", '', "$path: no key is a token";
    }
    is $content->(), $before, 'nothing has changed';
    for my $who (@admins) {
        my ($name, @credentials) = @$who;
        my $res = both('GET', "/admin/products/$sku", {@credentials});
        is $res->{status}, 200, "$name may, at both hosts";
    }
    alike_ok('refusals');
};

# ---- a change of terms or of rights at any node: at the next request, at both hosts

subtest 'other terms' => sub {
    my %is = map { $_ => [$answer{$_}] } @CODES;
    my ($me, $twin, $you) = qw(TWIN C-LISTA-WH1 C-LISTB-WH2);
    my @wrong;
    for my $round (0 .. 29) {
        my ($list, $warehouse, $as) = $round % 2 ? ('LISTA', 'WH1', $twin) : ('LISTB', 'WH2', $you);
        $node[$round % 3]->sql($db, "UPDATE customer SET price_list_code = '$list', stock_location = '$warehouse' WHERE customer_code = '$me'");
        for my $endpoint (@endpoints) {
            my $want = ask('GET', "/$endpoint", $as);
            for my $tag (map { $_->{$endpoint}{headers}{etag} } @answer{$twin, $you}) {
                my $res = ask('GET', "/$endpoint", $me, 'If-None-Match' => $tag);
                push @wrong, "round $round, /$endpoint: $res->{status}"
                    if $tag eq $want->{headers}{etag} ? $res->{status} != 304 : $res->{status} != 200 || $res->{content} ne $want->{content};
            }
        }
    }
    is $wrong[0], undef, 'thirty changes at three nodes: the lists of the new ones, and the tags of the old ones no more';
    alike_ok('other terms');
};

subtest 'a right that ends' => sub {
    my @wrong;
    for my $round (0 .. 8) {
        my $node = $node[$round % 3];
        my $key = issue_kss_key(type => 'customer', ids => [1]);
        my $ask = sub { return both('GET', '/api/v1/customers', { 'x-api-key' => $key }) };
        push @wrong, 'a new key: ' . $ask->()->{status} if $ask->()->{status} != 200;
        my ($id) = map { $_->[0] } $node->sql($kss, "SET SESSION wsrep_sync_wait = 1; SELECT key_id FROM api_key WHERE hash = UNHEX(SHA2('$key', 256))");
        $node->sql($kss, "UPDATE api_key_account SET account_id = 2 WHERE key_id = $id");
        my $ids = join ',', $ask->()->{content} =~ /"CustomerID":(\d+)/g;
        push @wrong, "another account: $ids" if $ids ne '2';
        $node->sql($kss, "UPDATE api_key SET revoked_at = UTC_TIMESTAMP() WHERE key_id = $id");
        push @wrong, 'revoked: ' . $ask->()->{status} if $ask->()->{status} != 401;
        $node->sql($db, "UPDATE customer SET enabled = 0 WHERE customer_code = 'CUT'");
        push @wrong, "disabled: $_->{status}" for grep { $_->{status} == 200 || $_->{status} == 304 }
            map { ask('GET', "/$_", 'CUT', 'If-None-Match' => $answer{CUT}{$_}{headers}{etag}) } @endpoints;
        $node->sql($db, "UPDATE customer SET enabled = 1 WHERE customer_code = 'CUT'");
        push @wrong, 'enabled: ' . ask('GET', '/prices', 'CUT')->{status} if ask('GET', '/prices', 'CUT')->{status} != 200;
    }
    is $wrong[0], undef, 'keys and customers, at three nodes: at the next request';
    alike_ok('rights');
};

# ---- all at once, over connections that serve several customers and keys in turn, while the lists change

subtest 'all at once' => sub {
    refresh();
    my @paths = map {"/api/v1$_"} qw(/customers /invoices /products /payments);
    my %page = map { my $name = $_; $name => { map { my $res = both('GET', $_, { 'x-api-key' => $kss_key{$name} }); ($_ => "$res->{status} $res->{content}") } @paths } } sort keys %KEYS;
    my @names = sort keys %KEYS;
    my @got = parallel(7, sub {
        my ($who) = @_;
        my (@wrong, $n);
        if ($who == 6) { changed() for 1 .. 60; return [0] }
        my $client = $front->client;
        for my $k (0 .. 119) {
            my ($code, $name) = ($CODES[($who * 7 + $k * 5) % @CODES], $names[($who * 5 + $k * 7) % @names]);
            my ($endpoint, $path) = ($endpoints[($who + $k) % 3], $paths[($who + $k) % @paths]);
            my $res = $client->get("$front->{url}/$endpoint", { headers => { bearer($code), $k % 2 ? () : ('If-None-Match' => $answer{ $CODES[$k % @CODES] }{$endpoint}{headers}{etag}) } });
            $res->{content} //= '';
            my ($l, $w) = map { my ($all, $own) = @$_; grep { $all->[$_] eq $TERMS{$code}{$own} } 0 .. $#$all } [\@LISTS, 'list'], [\@WAREHOUSES, 'warehouse'];
            # Its own terms, whichever version of them: list and warehouse are the first digit.
            my $digit = $TERMS{$code}{discount} ? undef : ($l // -2) + 1;
            push @wrong, "/$endpoint of $code: $res->{status}" if $res->{status} != 200 && $res->{status} != 304;
            push @wrong, "/$endpoint of $code: a price of others" if defined $digit && grep { int($_ / 1000) != $digit } $res->{content} =~ /"PriceExclVAT":([\d.]+)/g;
            push @wrong, "/$endpoint of $code: stock of others" if grep { int($_ / 100_000) != ($w // -2) + 1 } $res->{content} =~ /"AvailableQTY":(\d+)/g;
            push @wrong, "/$endpoint of $code: $_" for grep { !{ map { $_ => 1 } $TERMS{$code}{list}, $TERMS{$code}{warehouse} }->{$_} } $res->{content} =~ /\b(LIST[ABC]|WH\d)\b(?!-)/g;
            $res = $client->get("$front->{url}$path", { headers => { 'x-api-key' => $kss_key{$name} } });
            push @wrong, "$path for $name" if "$res->{status} $res->{content}" ne $page{$name}{$path};
            $n += 2;
        }
        return [$n, @wrong];
    });
    my $n = 0;
    $n += shift @$_ for @got;
    is $n, 6 * 240, "$n requests of six clients";
    is_deeply [map {@$_} @got], [], '... each gets its own';
    refresh();
    alike_ok('afterwards');
};

cmp_ok $redis->ask('DBSIZE'), '>', 0, 'the limits were counted in one place';
$_->log_ok(qr/AH01630/) for @host;
done_testing;
