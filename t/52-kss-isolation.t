#!/usr/bin/perl
# Nobody gets anything of another's accounts from the KSS API: every endpoint, every type of key, every parameter with
# own ids, foreign ones, both and unknown ones. What belongs to whom is read from the CSV files.
# SPDX-License-Identifier: Apache-2.0

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use HTTP::Tiny;
use Test::More;
use Time::HiRes qw(sleep time);
use KissTest;
use KissTest::OpenAPI qw(document operations);
use KissExpect;
use KissKssClient;
use KissKssContract;
use KissKssData;
use KissKssExpect;
use KissKssIsolation;

my $CLOSED = 'Your key does not have access to this resource';
my $UNKNOWN = 'Missing or invalid API key';
my $NOBODY = 987654;
my @NAMES = sort keys %KEYS;

my $dir = write_kss_data(tempdir_here());
my $db = new_database('kssisolation', api => 'kss');
import_kss($db, $dir);
my %key = issue_all();
my $h = start_httpd(api => 'kss', processes => 3, threads => 8, pool => 'keep=2 max=4 wait=30s', modules => [qw(filter deflate)],
    config => "AddOutputFilterByType DEFLATE application/json\n");
my $expect = KissKssExpect->new($dir, today_utc());

my %all_of = ids_of($expect);

sub may_call { my ($e, $name) = @_; return KissKssContract::allowed($e, $KEYS{$name}{type}) }
sub is_error {
    my ($res, $status, $text) = @_;
    return "$res->{status} $res->{content}" eq qq($status {"Error":"$text"});
}

# ---- what an answer must hold, and must not, whatever was asked

sub strange { return strange_in($expect, @_) }

# What is wrong with the answer to a request: '' when it has exactly the rows that it should, and nothing strange.
sub wrong {
    my ($name, $e, $params, $rows) = @_;
    my $res = ask($h, $key{$name}, $e->{path}, { %$params, $e->{kind} eq 'list' ? (PageSize => [500]) : () });
    return "$res->{status} $res->{content}" if $res->{status} != 200;
    my ($strange) = strange($name, $e->{path}, $res);
    return "holds $strange" if defined $strange;
    my ($same, $where) = same_json($res->{content}, answer($rows, 1, $e->{kind} eq 'list' ? 500 : 50));
    return $same ? '' : $where;
}

# ---- closed endpoints: 403, for these keys and no others

my %closed = (customer => { map { $_ => 1 } qw(/inventory /inventory/batches /purchases /purchases/:purchaseID
        /purchaseTrans /suppliers/creditTerms /vendors) }, supplier => {}, employee => {});

for my $name (@NAMES) {
    my @odd;
    for my $e (endpoints()) {
        my %params = map { $_->{name} => [$KEYS{$name}{ids}[0] || 1] } grep { $_->{required} } @{ $e->{params} };
        my $res = ask($h, $key{$name}, $e->{path}, \%params);
        my $as_it_should = $closed{ $KEYS{$name}{type} }{ $e->{path} } ? is_error($res, 403, $CLOSED)
            : $res->{status} == 200;
        push @odd, "$e->{path}: $res->{status}" if !$as_it_should && !($name eq 'nobody'
            && $e->{path} eq '/customerPricing');
    }
    is "@odd", '', "$name: 403 where the contract says so, and nowhere else";
    my $res = $h->post(url_of('/payments/applications', { PaymentInvoiceNum => 'x', TargetInvoiceNum => 'y',
        ARAccountID => 101, Amount => 1 }), '', 'x-api-key' => $key{$name});
    ok is_error($res, 403, $CLOSED), "$name: the write is closed" if $KEYS{$name}{type} eq 'supplier';
}

# ---- every parameter: own ids, foreign ones, both, unknown ones

# So many of a list, from its beginning to its end.
sub at_most {
    my ($n, @list) = @_;
    return @list <= $n ? @list : $n == 1 ? $list[0] : @list[map { int($_ * $#list / ($n - 1)) } 0 .. $n - 1];
}

my ($asked, %empty, %full) = (0);
for my $e (grep { !$_->{named} } endpoints()) {
    # The delivery dates of the day are compared in t/51.
    my $by_day = $e->{path} eq '/customers' || $e->{path} eq '/deliveryDays';
    for my $name (grep { may_call($e, $_) } @NAMES) {
        my %base = map { $_->{name} => $all_of{ $_->{name} } } grep { $_->{required} } @{ $e->{params} };
        $base{EffectiveDate} = ['2030-06-14'] if $e->{path} eq '/customerPricing';
        my @wrong;
        for my $p (grep { $_->{form} =~ /^[nt]\*$/ } params_of($e)) {
            my @own = grep {!/,/} $expect->values_of($e->{path}, $KEYS{$name}, \%base, $p->{name});
            my %own = map { $_ => 1 } @own;
            my @foreign = grep { !$own{$_} && !/,/ } $expect->values_of($e->{path}, $KEYS{employee}, \%base,
                $p->{name});
            # Ids of the key itself and of others, also where no row has them.
            my %known = map { $_ => 1 } @own, @foreign;
            push @foreign, grep { !$known{$_} } @{ $all_of{ $p->{name} } || [] };
            my $unknown = $p->{form} eq 'n*' ? $NOBODY : 'nobody';
            my @tries = (['own', at_most(4, @own)], ['foreign', @foreign],
                map({ ['foreign', $_] } at_most(4, @foreign)),
                @own ? (['both', at_most(2, @own), at_most(3, @foreign)], ['mixed', $own[0], $unknown]) : (),
                ['unknown', $unknown]);
            for my $try (grep { @$_ > 1 } @tries) {
                my ($kind, @values) = @$try;
                my %params = (%base, $p->{name} => \@values);
                my $what = "$p->{name}=" . join ',', at_most(5, @values);
                $asked++;
                if ($e->{path} eq '/customerPricing' && $KEYS{$name}{type} eq 'customer'
                    && $kind =~ /foreign|unknown/) {
                    push @wrong, $what if !is_error(ask($h, $key{$name}, $e->{path}, \%params), 403, $CLOSED);
                    next;
                }
                my @rows = $expect->rows($e->{path}, $KEYS{$name}, \%params);
                push @wrong, "$what: computed rows for ids that none of the key's rows has"
                    if $kind =~ /foreign|unknown/ && @rows && $e->{path} ne '/payments/openInvoices';
                (@rows ? \%full : \%empty)->{$kind}++;
                my $why = $by_day ? '' : wrong($name, $e, \%params, \@rows);
                push @wrong, "$what: $why" if $why;
                if ($by_day) {
                    my $res = ask($h, $key{$name}, $e->{path}, { %params, PageSize => [500] });
                    my ($strange) = strange($name, $e->{path}, $res);
                    push @wrong, "$what: holds $strange" if defined $strange;
                    push @wrong, "$what: other rows" if join(',',
                        map { $_->{CustomerID} } @{ $h->json($res)->{Data} }) ne
                        join(',', map { /"CustomerID":(\d+)/ } @rows);
                }
            }
        }
        my @rows = $expect->rows($e->{path}, $KEYS{$name}, \%base);
        my $nobody = $name eq 'nobody' && $e->{path} eq '/customerPricing';
        push @wrong, wrong($name, $e, \%base, \@rows) || () if !$by_day && !$nobody;
        is $wrong[0], undef, "$e->{path} for $name: own, foreign, both, unknown";
    }
}
cmp_ok $asked, '>', 1500, "$asked requests";
cmp_ok $full{$_} || 0, '>', 50, "some with $_ ids found rows" for qw(own both mixed);
cmp_ok $empty{$_} || 0, '>', 50, "some with $_ ids did not" for qw(foreign unknown);

# ---- ids in the path

for my $e (grep { $_->{named} } endpoints()) {
    for my $name (grep { may_call($e, $_) } @NAMES) {
        my @ids = @{ $all_of{ $e->{named} } };
        my %rows = map { $_ => [$expect->rows($e->{path}, $KEYS{$name}, { $e->{named} => [$_] })] } @ids, $NOBODY;
        my @own = at_most(6, grep { @{ $rows{$_} } } @ids);
        my @foreign = at_most(20, grep { !@{ $rows{$_} } } @ids);
        my @wrong;
        for my $id (@own, @foreign, $NOBODY) {
            my $res = ask($h, $key{$name}, $e->{path}, { $e->{named} => [$id] });
            my ($strange) = strange($name, $e->{path}, $res);
            push @wrong, "$id: holds $strange" if defined $strange;
            push @wrong, "$id: $res->{content}" if @{ $h->json($res)->{Data} } != @{ $rows{$id} };
        }
        is $wrong[0], undef, "$e->{path} for $name: " . @own . ' own ids and ' . @foreign . ' foreign ones';
    }
}

# ---- keys whose accounts do not exist see what belongs to nobody in particular, and nothing else

my %COMMON = (customer => [qw(/invoices/creditTerms /payments/types /productCategories)],
    supplier => [qw(/invoices/creditTerms /locations /payments/types /productCategories)]);
for my $name (qw(nobody nothing)) {
    my @seen;
    for my $e (grep { !$_->{named} && may_call($_, $name) } endpoints()) {
        my %params = map { $_->{name} => [@{ $all_of{ $_->{name} } }, 999] } grep { $_->{required} } @{ $e->{params} };
        my $res = ask($h, $key{$name}, $e->{path}, \%params);
        push @seen, $e->{path} if @{ $h->json($res)->{Data} || [] };
    }
    is join(' ', sort @seen), join(' ', @{ $COMMON{ $KEYS{$name}{type} } }),
        "a key of accounts that do not exist: $name";
}

# ---- a filter tells nothing either: users and reps are not found by the foreign accounts that they also have

my %shared = (users => ['user_customers', 'user_suppliers'], salesReps => ['sales_rep_customers',
    'sales_rep_suppliers']);
for my $path (sort keys %shared) {
    my ($customers, $suppliers) = map { $expect->{file}{$_} } @{ $shared{$path} };
    my @both = grep { my $u = $_; grep { $_->{UserID} eq $u && $_->{CustomerID} eq '2' } @$customers }
        map { $_->{UserID} } grep { $_->{CustomerID} eq '1' } @$customers;
    cmp_ok scalar @both, '>', 0, "/$path: some have customers 1 and 2";
    is_deeply $h->json(ask($h, $key{customer}, "/$path", { CustomerIDs => 2 }))->{Data}, [],
        "/$path: the key of customer 1 finds none of them by customer 2";
    is_deeply $h->json(ask($h, $key{supplier}, "/$path", { SupplierIDs => 2 }))->{Data}, [],
        "/$path: the key of supplier 1 finds none by supplier 2";
}

# ---- every GET of the module's own table, in every form: compressed, HEAD, ranges, page by page, with the tags of others

my $http = HTTP::Tiny->new(keep_alive => 1, timeout => 60);
sub form {
    my ($method, $name, $url, %headers) = @_;
    return $http->request($method, "$h->{url}$url", { headers => { 'x-api-key' => $key{$name}, %headers } });
}

{
    # The table's own paths, not those that the tests write down.
    my @paths = map { $_->[1] =~ s/\{(\w+)\}/:$1/r } grep { $_->[0] eq 'GET' } operations(document('kss', 'employee'));
    my @known = map { $_->{path} } endpoints();
    my %known = map { $_ => 1 } @known;
    is join(' ', grep { !$known{$_} && !m{^/openapi\.json$} } @paths), '', 'the tests know every endpoint of the table';
    is scalar(grep { $known{$_} } @paths), scalar @known, '... which has all of theirs';
    my %seen;
    for my $e (endpoints()) {
        my $params = whole_params($e, \%all_of);
        my (%whole, @wrong);
        for my $name (grep { may_call($e, $_) } @NAMES) {
            my $res = form('GET', $name, url_of($e->{path}, $params));
            my ($strange) = strange($name, $e->{path}, $res);
            push @wrong, "$name: holds $strange" if defined $strange;
            $whole{$name} = $res if $res->{status} == 200;
        }
        for my $name (sort keys %whole) {
            $seen{$name}++;
            push @wrong, map {"$name: $_"} page_forms(\&form, $name, $e, $params, \%whole);
        }
        is $wrong[0], undef, "$e->{path}: every form for " . join ' ', sort keys %whole;
    }
    cmp_ok $seen{$_} // 0, '>=', 30, "$_: forms of $seen{$_} endpoints" for @NAMES;
}

# ---- conditional requests: another's ETag is no ETag of mine

for my $e (grep { !$_->{named} } endpoints()) {
    my (%tag, %body);
    my %params = map { $_->{name} => $all_of{ $_->{name} } } grep { $_->{required} } @{ $e->{params} };
    for my $name (grep { may_call($e, $_) } @NAMES) {
        my $res = ask($h, $key{$name}, $e->{path}, \%params);
        next if $res->{status} != 200;
        $tag{$name} = $res->{headers}{etag};
        $body{$name} = $res->{content};
    }
    my @odd;
    for my $name (sort keys %tag) {
        for my $other (grep { $body{$_} ne $body{$name} } sort keys %tag) {
            my $res = $h->get(url_of($e->{path}, \%params), 'x-api-key' => $key{$name},
                'If-None-Match' => $tag{$other});
            push @odd, "$name with the ETag of $other: $res->{status}"
                if $res->{status} != 200 || $res->{content} ne $body{$name};
        }
        my $res = $h->get(url_of($e->{path}, \%params), 'x-api-key' => $key{$name}, 'If-None-Match' => $tag{$name});
        push @odd, "$name with its own: $res->{status}" if $res->{status} != 304;
    }
    is $odd[0], undef, "$e->{path}: an ETag is good for its own key only";
}

# ---- all at once, over connections that serve several keys in turn

{
    my @lists = map { $_->{path} } grep { !$_->{named} && !grep { $_->{required} } @{ $_->{params} } } endpoints();
    my %mine;
    for my $name (@NAMES) {
        $mine{$name}{$_} = ask($h, $key{$name}, $_)->{content} for @lists;
    }
    my @results = parallel(6, sub {
        my ($who) = @_;
        my @odd;
        for my $i (0 .. 119) {
            my $name = $NAMES[($i * 5 + $who) % @NAMES];
            my $path = $lists[($i * 7 + $who * 3) % @lists];
            push @odd, "$path for $name" if ask($h, $key{$name}, $path)->{content} ne $mine{$name}{$path};
        }
        return \@odd;
    });
    is_deeply [map {@$_} @results], [], '720 requests of 6 processes: each gets exactly its own bytes';
}

# ---- keys that end, and keys whose accounts change: at the next request

sub status { my ($key, $path) = @_; return ask($h, $key, $path || '/customers')->{status} }
sub id_of { my ($key) = @_; return (sql($db, sprintf "SELECT key_id FROM api_key WHERE hash = UNHEX(SHA2('%s', 256))",
    $key))[0][0] }

{
    my $key = issue_kss_key(type => 'customer', ids => [1]);
    my $id = id_of($key);
    is status($key), 200, 'a new key is good at once';
    is status($key), 200, 'and stays so';
    kissctl_ok('kss', 'key', 'revoke', $id);
    ok is_error(ask($h, $key, '/customers'), 401, $UNKNOWN), 'revoked: 401 at the next request';
    is status($key{customer}), 200, 'another key of the same customer is not concerned';
}
{
    my $key = issue_kss_key(type => 'supplier', ids => [1]);
    is status($key), 200, 'a key without end';
    sql($db, 'UPDATE api_key SET expires_at = UTC_TIMESTAMP() - INTERVAL 1 SECOND WHERE key_id = ' . id_of($key));
    is status($key), 401, 'expired: 401 at the next request';
}
{
    # Nothing changes in the database when its hour comes. It is first used late in a second: what is remembered must not
    # count whole ones.
    my $key = issue_kss_key(type => 'customer', ids => [1]);
    my $id = id_of($key);
    sleep 0.02 until time - int(time) > 0.8;
    my $end = int(time) + 3;
    sql($db, "UPDATE api_key SET expires_at = '1970-01-01' + INTERVAL $end SECOND WHERE key_id = $id");
    is status($key), 200, 'a key that ends in two seconds';
    my ($began, $seen, $good, @late) = (time, 200, 0);
    while ($seen == 200 && time - $end < 5) {
        my $asked = time;
        $seen = status($key);
        next if $seen != 200;
        $good = $asked;
        push @late, $asked - $end if $asked >= $end;
        sleep 0.01;
    }
    is $seen, 401, 'is refused after that';
    is "@late", '', '... no request begun then is answered';
    cmp_ok $end - $good, '<', 0.5, '... and those before are';
}
{
    my $key = issue_kss_key(type => 'customer', ids => [1]);
    my $id = id_of($key);
    my $ids = sub { return join ',', map { $_->{CustomerID} } @{ $h->json(ask($h, $key, '/customers'))->{Data} } };
    is $ids->(), '1', 'a key of customer 1';
    sql($db, "INSERT INTO api_key_account (key_id, account_id) VALUES ($id, 2)");
    is $ids->(), '1,2', 'has a second account at once';
    sql($db, "DELETE FROM api_key_account WHERE key_id = $id AND account_id = 1");
    is $ids->(), '2', 'and loses the first at once';
    my $states = sub { return join ',', map { $_->{StateAbbreviation} } @{ $h->json(ask($h, $key,
        '/states'))->{Data} } };
    is $states->(), 'NJ', 'its states are those of its customer';
    sql($db, "UPDATE customer SET state = 'AZ' WHERE customer_id = 2");
    is $states->(), 'AZ', 'also when the customer moves';
}
{
    my $other_db = new_database('kssother', api => 'kss');
    my $other = issue_kss_key(type => 'employee');
    my $h2 = start_httpd(api => 'kss', db => $other_db);
    is status($other), 401, 'a key of another database is none here';
    is ask($h2, $other, '/customers')->{status}, 200, 'though it is one there';
    is ask($h2, $key{employee}, '/customers')->{status}, 401, 'and ours is none there';
    $h2->log_ok;
}

# ---- a column that is new in the database is in no answer until a table of the module names it

{
    my @tables = map { $_->[0] } sql($db, "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE() AND table_type = 'BASE TABLE'"
            . " AND table_name NOT IN ('revision', 'schema_migration', 'truncate_guard')");
    sql($db, join '; ', map {"ALTER TABLE `$_` ADD COLUMN secret_margin VARCHAR(20) NOT NULL DEFAULT 'margin777'"} @tables);
    sql($db, 'UPDATE revision SET n = n + 1');
    my @odd;
    for my $e (endpoints()) {
        my %params = map { $_->{name} => [@{ $all_of{ $_->{name} } }[0 .. 1]] } grep { $_->{required} } @{ $e->{params} };
        $params{ $e->{named} } = [$all_of{ $e->{named} }[0]] if $e->{named};
        my $res = ask($h, $key{employee}, $e->{path}, \%params);
        push @odd, "$e->{path}: $res->{status}" if $res->{status} != 200 || $res->{content} =~ /margin/;
    }
    is "@odd", '', scalar(@tables) . ' tables with a new column: no answer shows it';
}

$h->log_ok;
done_testing;
