# SPDX-License-Identifier: Apache-2.0
package KissBench::Clients;

# The processes of t/bench/soak: pollers of the Customer API, who changes and imports the catalogue and says what is true, who rotates
# the keys of customers, and a client of the KSS API. Each writes lines into a file of its own in {dir}:
#
#     list, from, to, status, customer, list, digest of what it has now, way of asking, tag     an answer with a list, or 304
#     token page post repeat key admin write patch rewrite read, from, to, status                 another one that was right
#     failed, from, to, status, what, request id, why there is no answer                          several hosts: 5xx or none, asked again
#     wrong, from, to, 0, what                                                                    one that was not
#
# With {several}, a KissBench::Hosts, {httpd} is what stands in front of them. Then changes and kissctl go to any of the nodes, some changes
# are an admin client's, and what gets no answer, or 503, is asked for again.

use strict;
use warnings;
use Compress::Zlib qw(memGunzip);
use Exporter 'import';
use HTTP::Tiny;
use JSON::PP ();
use POSIX ();
use Time::HiRes qw(sleep);
use KissBench::World;
use KissBench::Writes;
use KissTest;
use KissTest::Load qw(fetch);

our @EXPORT = qw(make_kss);

# make_kss($server): the database of the KSS API: {db}, and the {key} of an employee and of a customer with payments that can be allocated.
sub make_kss {
    my ($server) = @_;
    my $db = new_database('soakkss', api => 'kss', server => $server);
    my $dir = tempdir_here();
    kissctl_ok(qw(kss demo-data), $dir, qw(--scale 1));
    import_kss($db, $dir);
    sql($db, <<'SQL');
INSERT INTO customer (customer_id, customer_name, state) VALUES (900001, 'soak 0', 'CA');
INSERT INTO ar_account (ar_account_id, customer_id) VALUES (900011, 900001);
INSERT IGNORE INTO payment_type (payment_type_id, name) VALUES (1, 'Check');
INSERT INTO payment (payment_id, payment_invoice_num, ar_account_id, payment_type_id, amount, post_date) VALUES (900000, 'SOAK-PAY', 900011, 1, 10000000, '2025-03-01');
INSERT INTO invoice (invoice_id, customer_id, ar_account_id, invoice_num, date, status) VALUES (900041, 900001, 900011, 'SOAK-INV', '2025-03-01', 1);
SQL
    return { db => $db, employee => issue_kss_key(type => 'employee'), customer => issue_kss_key(type => 'customer', ids => [900001]) };
}

sub new { my ($class, %self) = @_; return bless {%self}, $class }

sub _file { my ($self, $name) = @_; return "$self->{dir}/$name" }
sub _stopped { my ($self) = @_; return -e $self->_file('stop') }
sub _key_file { my ($self, $code) = @_; return $self->_file("key.$code") }

# issue_keys: one for each customer.
sub issue_keys {
    my ($self) = @_;
    spew($self->_key_file($_), issue_key($_), 0600) for @{ $self->{codes} };
    kissctl_ok({ db => $self->{db} }, 'admin', 'add', 'pim');
    chomp(my $key = kissctl_ok({ db => $self->{db} }, 'admin-key', 'issue', 'pim'));
    spew($self->_key_file('pim'), $key, 0600);
    return;
}

# ---- one host or several

sub _client { my ($self) = @_; return $self->{several} ? $self->{httpd}->client : HTTP::Tiny->new(keep_alive => 0, timeout => 30) }

# _answer($what, $ask): what $ask->(headers for it) returns and when it was asked; of several hosts the first answer that is none of 5xx, for two
# minutes. Each try has a request id of its own.
sub _answer {
    my ($self, $what, $ask) = @_;
    my $give_up = clock() + 120;
    while (1) {
        my $id = join '-', 'soak', $$, ++$self->{asked};
        my $from = clock();
        my $res = $ask->('X-Request-Id' => $id);
        return ($res, $from) if !$self->{several} || $res->{status} < 500 || clock() > $give_up;
        my $why = $res->{status} == 599 ? substr($res->{content} =~ s/[\s|]+/ /gr =~ s/ at \S+ line.*//r =~ s/\d+/N/gr, 0, 60) : '';
        $self->_log('failed', $from, clock(), $res->{status}, $what, $id, $why);
        sleep 0.1;
    }
}

# _sql($db, $sql): at any node. _sql_until($db, $sql): what may be done twice, until a node has done it.
sub _sql {
    my ($self, $db, $sql) = @_;
    return sql($db, $sql) if !$self->{several};
    return $self->{several}{nodes}[rand 3]->sql($db, $sql);
}
sub _sql_until { my ($self, @args) = @_; until (eval { $self->_sql(@args); 1 }) { die $@ if !$self->{several}; sleep 0.1 } return }

# _kissctl($db, @words): (exit, output, errors), at any node; _kissctl_until: its output, when a node has done it.
sub _kissctl {
    my ($self, $db, @words) = @_;
    return kissctl($self->{several} ? $self->{several}->kissctl_at(int rand 3, $db) : { db => $db }, @words);
}
sub _kissctl_until {
    my ($self, @args) = @_;
    while (1) {
        my ($rc, $out, $err) = $self->_kissctl(@args);
        return $out if !$rc;
        die "kissctl @args[1 .. $#args] ended with $rc: $out$err\n" if !$self->{several};
        sleep 0.5;
    }
}

# rotate_signing_key: a new one signs after the next reload; those go that have signed no token which is in use.
sub rotate_signing_key {
    my ($self) = @_;
    my @file = ('--token-keys', $self->{httpd}{token_keys});
    kissctl_ok('token-key', 'rotate', @file);
    my @kids = map { $_->{KID} } @{ JSON::PP->new->decode(kissctl_ok('token-key', 'list', '--json', @file)) };
    kissctl_ok('token-key', 'retire', $_, @file) for @kids[2 .. $#kids];
    return;
}

# start($pollers): the processes of all; their numbers.
sub start {
    my ($self, $pollers) = @_;
    my $n = 0;
    return map {
        my $work = $_;
        my $name = 'log.' . ++$n;
        my $pid = fork;
        die "fork: $!" if !defined $pid;
        if (!$pid) {
            srand 20261129 + $n;
            open $self->{log}, '>', $self->_file($name) or POSIX::_exit(1);
            $self->{log}->autoflush(1);
            my $ok = eval { $work->($self); 1 };
            $self->_wrong("a client has died: $@") if !$ok;
            POSIX::_exit(0);            # no END blocks, no destructors: the servers are the parent's
        }
        $pid;
    } (\&poll) x $pollers, \&change, \&rotate_keys, \&synchronise, map { my $i = $_; sub { write_products($_[0], $i) } } 1 .. $self->{writers};
}

# stop(@pids): ends them.
sub stop {
    my ($self, @pids) = @_;
    spew($self->_file('stop'), '');
    waitpid $_, 0 for @pids;
    return;
}

sub _log {
    my ($self, @fields) = @_;
    print { $self->{log} } join("\t", @fields), "\n";
    return;
}
sub _wrong { my ($self, $what) = @_; $self->_log('wrong', clock(), clock(), 0, $what =~ s/[\t\n]+/ /gr); return }

# ---- pollers

sub _token {
    my ($self, $code) = @_;
    my $known = $self->{token}{$code};
    return $known->{token} if $known && clock() - $known->{time} < $self->{token_life};
    my ($res, $from) = $self->_answer(token => sub { return $self->_client->post_form("$self->{httpd}{url}/auth/token",
        { grant_type => 'client_credentials', client_id => $code, client_secret => slurp($self->_key_file($code)) }, { headers => {@_} }) });
    die "no token for $code: $res->{status} $res->{content}\n" if $res->{status} != 200;
    $self->_log('token', $from, clock(), 200);
    $self->{token}{$code} = { token => JSON::PP->new->utf8->decode($res->{content})->{access_token}, time => $from };
    return $self->{token}{$code}{token};
}

my %GZIP = ('Accept-Encoding' => 'gzip');

# Ways of asking, by what has the list: the suffix of the path and the headers. Some need a list that is kept.
my @WAYS = (
    [poll => sub { my ($k) = @_; return ('', %GZIP, $k ? ('If-None-Match' => $k->{tag}) : ()) }],
    [poll => sub { my ($k) = @_; return ('', %GZIP, $k ? ('If-None-Match' => $k->{tag}) : ()) }],
    [plain => sub { my ($k) = @_; return ('', $k ? ('If-None-Match' => $k->{tag}) : ()) }],
    [delta => sub { my ($k) = @_; return ('', 'A-IM' => 'sku-delta', $k ? ('If-None-Match' => $k->{tag}) : ()) }],
    [delta => sub { my ($k) = @_; return ('', %GZIP, 'A-IM' => 'sku-delta', $k ? ('If-None-Match' => $k->{tag}) : ()) }],
    [whole => sub { return ('', rand 2 < 1 ? %GZIP : ()) }],
    [ndjson => sub { return ('.ndjson', rand 2 < 1 ? %GZIP : ()) }],
    [csv => sub { return ('.csv', %GZIP) }],
    [range => sub { my ($k) = @_; return ('', $k && $k->{tag} !~ /gzip/ ? (Range => 'bytes=100-1099', 'If-Range' => $k->{tag}) : ()) }],
);

sub poll {
    my ($self) = @_;
    my %kept;
    while (!$self->_stopped) {
        my ($code, $list) = ($self->{codes}[rand @{ $self->{codes} }], (LISTS)[rand 3]);
        my ($way, $ask) = @{ $WAYS[rand @WAYS] };
        ($way, $ask) = @{ $WAYS[0] } if $way eq 'csv' && $list eq '/products';
        my $kept = \$kept{"$code $list"};
        my ($suffix, %headers) = $ask->($$kept);
        my $token = $self->_token($code);
        my ($res, $from) = $self->_answer("GET $list" => sub { return fetch($self->{httpd}, "$list$suffix", Authorization => "Bearer $token", %headers, @_) });
        my $to = clock();
        my $text = eval { _list_of($res, $way, $list, $$kept) };
        if (!defined $text) {
            $self->_wrong("$code $list $way: $res->{status} " . ($@ || substr $res->{content}, 0, 200));
        }
        else {
            my $tag = $res->{headers}{etag} // '';
            my $known = $res->{status} == 304 || $res->{status} == 206;
            my $digest = $known ? $$kept->{digest} : digest($text);
            $$kept = { tag => $tag, text => $text, digest => $digest } if !$suffix && !$known;
            $self->_log('list', $from, $to, $res->{status}, $code, $list, $digest, $way, $tag =~ s/"|-gzip\w*//gr);
        }
        sleep rand 2 * $self->{pause};
    }
    return;
}

# The list, as JSON, that an asker has after this answer; undef, or dies, if the answer is wrong.
sub _list_of {
    my ($res, $way, $list, $kept) = @_;
    my ($status, $headers, $body) = @$res{qw(status headers content)};
    if ($status == 304) { die "304 without a tag that was sent\n" if !$kept; return $kept->{text} }
    die "an answer that is not wanted\n" if $status != 200 && !($status == 226 && $way eq 'delta') && !($status == 206 && $way eq 'range');
    die "it is marked as not current\n" if exists $headers->{age};
    $body = memGunzip($body) // die "not gzip\n" if ($headers->{'content-encoding'} // '') eq 'gzip';
    if ($status == 206) {
        die "other bytes\n" if $body ne substr $kept->{text}, 100, 1000;
        return $kept->{text};
    }
    return apply($kept->{text}, $body) if $status == 226;
    return '[' . join(',', split /\n/, $body) . ']' if $way eq 'ndjson';
    return $way eq 'csv' ? _json_of_csv($list, $body) : $body;
}

sub _rows { my ($text) = @_; return split /,\n/, $text =~ s/\A\[|\]\z//gr }
sub _sku { my ($row) = @_; return $row =~ /"SKU":"([^"]*)"/ ? $1 : die "a row without SKU: $row\n" }

# apply($old, $changes): the list after them (doc/integrators.md).
sub apply {
    my ($old, $changes) = @_;
    my ($added, $changed, $removed) = $changes =~ /\A\{"added":\[(.*?)\],\n"changed":\[(.*?)\],\n"removed":\[(.*?)\]\}\z/s or die "no changes\n";
    my @new = map { split /,\n/ } $added, $changed;
    my %gone = ((map { s/"//gr => 1 } split /,\n/, $removed), map { _sku($_) => 1 } split /,\n/, $changed);
    my $i = 0;
    my @all = map { [_sku($_), $i++, $_] } (grep { !$gone{ _sku($_) } } _rows($old)), @new;
    return '[' . join(",\n", map { $_->[2] } sort { $a->[0] cmp $b->[0] || $a->[1] <=> $b->[1] } @all) . ']';
}

# A list of prices or of stock from its CSV: what the catalogue holds needs no quotes, and each OrderMultiple is 1.
sub _json_of_csv {
    my ($list, $csv) = @_;
    my ($head, @records) = map { [/("(?:[^"]|"")*"|[^,]*)(?:,|\z)/g] } split /\r\n/, $csv;
    my @rows;
    for my $cells (@records) {
        my %r;
        @r{@$head} = map { s/\A"(.*)"\z/$1/sr } @$cells;
        push @rows, $list eq '/stock'
            ? qq({"SKU":"$r{SKU}","StockLocation":"$r{StockLocation}","AvailableQTY":$r{AvailableQTY},"NextAvailableETA":)
            . ($r{NextAvailableETA} eq '' ? 'null}' : qq("$r{NextAvailableETA}"}))
            : map { my ($moq, $price) = split /:/;
                qq({"PriceListCode":"$r{PriceListCode}","PriceListName":"$r{PriceListName}","CurrencyCode":"$r{CurrencyCode}","SKU":"$r{SKU}",)
                . qq("PriceExclVAT":$price,"MOQ":$moq,"OrderMultiple":1}) } split /,/, $r{PriceBreaks};
    }
    return '[' . join(',', @rows) . ']';
}

# ---- who changes the catalogue, and says what is true

sub change {
    my ($self) = @_;
    my ($begin, $what) = (clock(), 'as it was made');
    my $folder = tempdir_here();
    for (my $n = 0; !$self->_stopped; $n++) {
        my $end = clock();
        my $rows = $self->_tables;
        my $truth = truths($rows);
        my @lines = ("state\t$begin\t$end\t$what\n");
        for my $code (sort keys %$truth) { push @lines, map {"truth\t$code\t$_\t$truth->{$code}{$_}\n"} LISTS }
        open my $out, '>>', $self->_file('states') or die "states: $!";
        syswrite $out, join '', @lines;
        close $out;
        sleep 0.3 + rand 3;
        $begin = clock();
        if ($n % 20 == 19) {
            $what = 'an import';
            $_->{UnitPrice} += 1 for @{ $rows->{prices} }[0 .. 9];
            $_->{AvailableQTY} = int rand 100 for @{ $rows->{stock} }[0 .. rand 100];
            $_->{Name} = "Imported $n" for @{ $rows->{products} }[0 .. rand 5];
            # Whose products are written by others at this moment is nothing that a file says.
            for my $table (values %$rows) { $table = [grep { ($_->{SKU} // '') !~ /\AP-/ } @$table] }
            my ($rc, $printed, $err) = $self->_kissctl($self->{db}, 'import', import_folder($rows, $folder));
            $self->_wrong("kissctl import: $rc $printed$err") if $rc && !($self->{several} && $err =~ /error (?:2002|2006|2013|2026|1047|1927|1205)/);
        }
        elsif ($self->{several} && $n % 3 == 2) { $what = $self->_administer($rows) }
        elsif (!$self->{several} && $n % 2) { $what = write_once($self, $rows, $n) }
        else {
            $what = change_world($self->{skus}, $self->{codes}, $n);
            # What a node has not answered may be there or not: the truth is read either way.
            eval { $self->_sql($self->{db}, $what); 1 } or $self->{several} or die $@;
        }
    }
    return;
}

# The rows of all tables, with all that any node has committed.
sub _tables {
    my ($self) = @_;
    return tables_of($self->{db}) if !$self->{several};
    my $rows;
    until (eval { $rows = tables_of($self->{db}, 'SET SESSION wsrep_sync_wait = 15') }) { sleep 0.2 }
    return $rows;
}

# A write of the admin client, of one of the rows that there are.
sub _administer {
    my ($self, $rows) = @_;
    my ($stock, $price, $product) = map { my $all = $rows->{$_}; $all->[rand @$all] } qw(stock prices products);
    my ($path, $body) = @{ (
        ["stock/$stock->{StockLocation}/$stock->{SKU}", sprintf '{"availableQTY":%d}', rand 1000],
        ["prices/$price->{PriceListCode}/$price->{SKU}", sprintf '{"prices":[{"unitPrice":"%.4f","moq":1,"orderMultiple":1},{"unitPrice":"%.4f","moq":5,"orderMultiple":1}]}', 50 + rand 50, rand 50],
        ["products/$product->{SKU}", sprintf '{"name":"By the PIM %d"}', rand 1e6],
    )[rand 3] };
    my $name = join '-', $$, clock();
    my ($res, $from) = $self->_answer('PUT /admin' => sub { return $self->_client->request('PUT', "$self->{httpd}{url}/admin/$path",
        { headers => { @_, Authorization => 'Bearer ' . $self->_token('pim'), 'Content-Type' => 'application/json', 'Idempotency-Key' => $name }, content => $body }) });
    $self->_log('admin', $from, clock(), $res->{status});
    $self->_wrong("PUT /admin/$path: $res->{status} $res->{content}") if $res->{status} != 200;
    return "PUT /admin/$path $body";
}

# ---- keys of customers

sub rotate_keys {
    my ($self) = @_;
    my $n = 0;
    while (!$self->_stopped) {
        my $code = $self->{codes}[$n++ % @{ $self->{codes} }];
        my $from = clock();
        my @old = map { $_->{ID} } grep { !$_->{RevokedAt} } @{ JSON::PP->new->decode($self->_kissctl_until($self->{db}, qw(key list), $code, '--json')) };
        my $key = $self->_kissctl_until($self->{db}, qw(key issue), $code);
        chomp $key;
        spew($self->_key_file("$code.new"), $key, 0600);
        rename $self->_key_file("$code.new"), $self->_key_file($code) or die "rename: $!";
        $self->_log('key', $from, clock(), 0);
        for (1 .. 40) { sleep 0.25 if !$self->_stopped }        # who has read the old one a moment ago still uses it
        $self->_kissctl_until($self->{db}, qw(key revoke), $_) for @old;
    }
    return;
}

# ---- the client of the KSS API

sub _kss {
    my ($self, $kind, $method, $path, %headers) = @_;
    my $key = delete $headers{key} // 'employee';
    my ($res, $from) = $self->_answer("$method KSS" => sub { return $self->_client->request($method, "$self->{httpd}{url}/api/v1$path",
        { headers => { @_, 'x-api-key' => $self->{kss}{$key}, %headers } }) });
    $self->_log($kind, $from, clock(), $res->{status});
    return $res;
}

# All rows of a list by its pages: [texts], and its pages by their path with tags.
sub _walk {
    my ($self, $path, $pages) = @_;
    my @rows;
    for (my $page = 1; ; $page++) {
        my $at = "$path?PageSize=50&Page=$page";
        my $known = $pages->{$at};
        my $res = $self->_kss('page', 'GET', $at, $known ? ('If-None-Match' => $known->{tag}) : ());
        if ($res->{status} == 200) { $known = $pages->{$at} = { tag => $res->{headers}{etag}, text => $res->{content} } }
        elsif ($res->{status} != 304) { $self->_wrong("$at: $res->{status} $res->{content}"); return [] }
        my ($data, $more) = $known->{text} =~ /\A\{"Data":\[(.*)\],"Page":\d+,"PageSize":\d+,"HasNextPage":(true|false)\}\z/s;
        push @rows, length $data ? split /(?<=\}),\s*(?=\{"[A-Za-z]*ID":(?! ))/, $data : ();
        return \@rows if $more ne 'true';
    }
}

sub synchronise {
    my ($self) = @_;
    my (%pages, $products);
    my $db = $self->{kss}{db};
    my ($n, $customers) = (0);
    while (!$self->_stopped) {
        $n++;
        $self->_sql_until($db, "UPDATE customer SET customer_name = 'soak $n' WHERE customer_id = 900001");
        my $res = $self->_kss('page', 'GET', '/customers/900001');
        $self->_wrong("customer 900001 after change $n: $res->{status} $res->{content}") if $res->{content} !~ /"CustomerName":"soak $n"/;
        my $rows = $self->_walk('/customers', \%pages);
        $self->_wrong("customers: " . @$rows . " rows instead of $customers") if @$rows != ($customers //= @$rows);
        $self->_wrong("customers after change $n: another name") if 1 != grep {/"CustomerName":"soak $n"/} @$rows;
        my $all = join "\n", @{ $self->_walk('/products', \%pages) };
        $self->_wrong('products have changed, which nobody did') if ($products //= $all) ne $all;
        my $post = '/payments/applications?PaymentInvoiceNum=SOAK-PAY&TargetInvoiceNum=SOAK-INV&ARAccountID=900011&Amount=1.00';
        my $made = $self->_kss('post', 'POST', $post, key => 'customer', 'Idempotency-Key' => "soak-$n");
        $self->_wrong("POST: $made->{status} $made->{content}") if $made->{status} != 201;
        my $again = $self->_kss('repeat', 'POST', $post, key => 'customer', 'Idempotency-Key' => "soak-$n");
        $self->_wrong("POST again: $again->{status} $again->{content} instead of $made->{content}") if $again->{content} ne $made->{content};
        sleep 0.5;
    }
    spew($self->_file('posted'), $n);
    return;
}

# balance(): what is wrong with what was posted: each payment is there once.
sub balance {
    my ($self) = @_;
    my $posted = slurp($self->_file('posted'));
    my ($there) = sql($self->{kss}{db}, ($self->{several} ? 'SET SESSION wsrep_sync_wait = 15; ' : '') . 'SELECT COUNT(*), SUM(amount) FROM payment_application WHERE payment_id = 900000');
    return (written($self, $self->{writers}), $there->[0] == $posted && $there->[1] == $posted ? () : "$posted payments were posted, $there->[0] are there, of $there->[1]");
}

1;
