# SPDX-License-Identifier: Apache-2.0
package KissBench::Writes;

# What admin clients write in t/bench/soak, with repeats and answers that are lost. What customers see is written by the one process that makes all
# changes (KissBench::Clients), which knows what is there and therefore what must be answered; processes of their own write products that
# are in no list at the same time, each its own SKUs.
#
#     my $what = write_once($clients, $rows, $n);     # one visible change; $rows: what is there (KissBench::World)
#     write_products($clients, $i);                   # until the end: products P-$i-...
#     my @wrong = written($clients, $n);              # at the end: what is not as these processes have left it

use strict;
use warnings;
use Exporter 'import';
use JSON::PP ();
use Time::HiRes qw(sleep);
use KissBench::World;
use KissTest;
use KissTest::Faults qw(ask_once);

our @EXPORT = qw(write_once write_products written);

my $json = JSON::PP->new->utf8->canonical;
my $serial = 0;

sub _headers {
    my ($clients, $keyed) = @_;
    return (Authorization => 'Bearer ' . $clients->_token('pim'), 'Content-Type' => 'application/json', $keyed ? ('Idempotency-Key' => $keyed) : ());
}

# A request whose answer nobody reads: the client has gone away.
sub _lose {
    my ($clients, $method, $path, $body, %headers) = @_;
    local $SIG{PIPE} = 'IGNORE';
    my $s = $clients->{httpd}->connect;
    print {$s} join "\r\n", "$method $path HTTP/1.1", 'Host: localhost', map({"$_: $headers{$_}"} sort keys %headers), 'Content-Length: ' . length($body // ''), '', $body // '';
    $s->flush;
    sleep rand 0.02;
    return close $s;
}

# _ask($clients, $kind, $method, $path, $body, %headers): the answer; one that is told to come again comes again.
sub _ask {
    my ($clients, $kind, $method, $path, $body, %headers) = @_;
    for my $try (1 .. 30) {
        my $from = clock();
        my $res = ask_once($clients->{httpd}, $method, $path, $body, %headers);
        $clients->_log($res->{status} == 503 ? 'write 503' : $kind, $from, clock(), $res->{status});
        return $res if $res->{status} != 503 || !$res->{headers}{'retry-after'} || !$headers{'Idempotency-Key'};
        sleep 0.2;
    }
    return { status => 503, headers => {}, content => 'always' };
}

# _written($clients, $status, $method, $path, $body): does it, with a key; repeats it with that key or without; its answer may be lost at first. What is
# wrong is noted. Returns the answer.
sub _written {
    my ($clients, $status, $method, $path, $body) = @_;
    my %headers = _headers($clients, "soak-$$-" . ++$serial);
    my $type = $body && ref $body eq 'SCALAR' ? 'application/x-ndjson' : 'application/json';
    my $text = !defined $body ? undef : ref $body eq 'SCALAR' ? $$body : $json->encode($body);
    $headers{'Content-Type'} = $type;
    my $kind = $method eq 'PATCH' ? 'patch' : 'write';
    my $wrong = sub { my ($res, $why) = @_; $clients->_wrong("$method $path: $why: $res->{status} " . substr $res->{content} // '', 0, 200) };
    my $lost = $status < 400 && rand 5 < 1;
    _lose($clients, $method, $path, $text, %headers) if $lost;
    my $res = _ask($clients, $lost ? 'rewrite' : $kind, $method, $path, $text, %headers);
    $wrong->($res, "instead of $status" . ($lost ? ', lost at first' : '')) if $res->{status} != $status;
    return $res if $status >= 400 || rand 2 < 1;
    my $again = _ask($clients, 'rewrite', $method, $path, $text, %headers);
    $wrong->($again, 'repeated with its key') if $again->{status} != $status || ($again->{headers}{'idempotency-replayed'} // '') ne 'true';
    $wrong->($again, "repeated: not $res->{content}") if $method ne 'PATCH' && ($again->{content} // '') ne ($res->{content} // '');
    return $res if rand 2 < 1;
    delete $headers{'Idempotency-Key'};
    my $third = _ask($clients, 'rewrite', $method, $path, $text, %headers);
    my $then = $method eq 'POST' ? 409 : $method eq 'DELETE' ? 404 : 200;
    $wrong->($third, 'repeated without a key') if $third->{status} != $then;
    $wrong->($third, 'the same again is a change') if $then == 200 && ($third->{headers}{'kiss-changed'} // 'false') ne 'false';
    $wrong->($third, 'the same rows again are a change') if $method eq 'PATCH' && $third->{content} !~ /"changed":0\}\z/;
    return $res;
}

# ---- what customers see

sub _product {
    my ($n) = @_;
    return (
        name => "Written $n", theme => ('a', '', 'x"y', "\x{20ac}")[rand 4], packagedWeight_in_g => int(rand 1000) / 4, status => (qw(ACTIVE ACTIVE ACTIVE OBSOLETE))[rand 4],
        rand 2 < 1 ? (images => [map { { imageID => "$_", fileName => "w$n.jpg", isPrimaryImage => $_ == 1 ? JSON::PP::true : JSON::PP::false } } 1 .. rand 4]) : (),
        rand 3 < 1 ? (accessories => [map { { accessorySKU => "W$_" } } 1 .. rand 3]) : (), rand 3 < 1 ? (substitutions => undef) : (),
        rand 3 < 1 ? (compositions => [{ materialCode => 'M', materialDescription => 'x', compositionPercentage => int rand 100 }]) : ()
    );
}
sub _breaks { return map { { unitPrice => int(rand 10_000) / 100, moq => $_, orderMultiple => 1, discountEligible => rand 2 < 1 ? JSON::PP::true : JSON::PP::false } } 1 .. rand 4 }

# By the name of what is written: code that is given the number of the change, a SKU, and what there is: { product, price, stock } by key.
my @WRITES = (
    sub { my ($c, $n, $sku, $is) = @_; return ($is->{product}{$sku} ? 200 : 404, 'PUT', "/admin/products/$sku", { _product($n) }) },
    sub {
        my ($c, $n, $sku, $is) = @_;
        # One that is missing, if there is one.
        ($sku) = ((grep { !$is->{product}{$_} } map { sprintf 'S-%05d', $_ } 1 .. $c->{skus}), sprintf 'N-%05d', 1 + int rand 20);
        return ($is->{product}{$sku} ? 409 : 201, 'POST', '/admin/products', { sku => $sku, _product($n), prices => [map { { priceListCode => 'LIST' . (1 + int rand 4), %$_ } } (_breaks())[0 .. rand 1]] });
    },
    sub { my ($c, $n, $sku, $is) = @_; return ($is->{product}{$sku} ? 204 : 404, 'DELETE', "/admin/products/$sku") },
    sub {
        my ($c, $n, $sku, $is) = @_;
        my ($list, @breaks) = ('LIST' . (1 + int rand 4), _breaks());
        return ($is->{price}{"$list $sku"} || !@breaks ? 200 : 201, 'PUT', "/admin/prices/$list/$sku", { prices => \@breaks });
    },
    sub { my ($c, $n, $sku, $is) = @_; my $list = 'LIST' . (1 + int rand 4); return ($is->{price}{"$list $sku"} ? 204 : 404, 'DELETE', "/admin/prices/$list/$sku") },
    sub { my ($c, $n, $sku, $is) = @_; my $w = 'W' . (1 + int rand 3); return ($is->{stock}{"$w $sku"} ? 200 : 201, 'PUT', "/admin/stock/$w/$sku", { availableQTY => int rand 1000 }) },
    sub { my ($c, $n, $sku, $is) = @_; my $w = 'W' . (1 + int rand 3); return ($is->{stock}{"$w $sku"} ? 204 : 404, 'DELETE', "/admin/stock/$w/$sku") },
    (sub {
        my ($c, $n) = @_;
        my $first = int rand $c->{skus};
        my @rows = map { { stockLocation => 'W' . (1 + int rand 3), sku => sprintf('S-%05d', 1 + ($first + $_) % $c->{skus}), availableQTY => int rand 100, rand 3 < 1 ? (nextAvailableETA => sprintf '2027-02-%02d', 1 + rand 28) : () } }
            1 .. 1 + rand 40;
        return (200, 'PATCH', '/admin/stock', rand 2 < 1 ? \@rows : \join '', map { $json->encode($_) . "\n" } @rows);
    }) x 3,
);

# write_once($clients, $rows, $n): one change of a random kind; what it was.
sub write_once {
    my ($clients, $rows, $n) = @_;
    my %is = (
        product => { map { $_->{SKU} => 1 } @{ $rows->{products} } },
        price => { map { ("$_->{PriceListCode} $_->{SKU}" => 1) } @{ $rows->{prices} } },
        stock => { map { ("$_->{StockLocation} $_->{SKU}" => 1) } @{ $rows->{stock} } }
    );
    my ($status, $method, $path, $body) = $WRITES[rand @WRITES]->($clients, $n, sprintf('S-%05d', 1 + int rand $clients->{skus}), \%is);
    my $res = _written($clients, $status, $method, $path, $body);
    if ($method eq 'PUT' && $res->{status} == 200 && $path =~ /products/) {
        my $got = _ask($clients, 'read', 'GET', $path, undef, _headers($clients));
        $clients->_wrong("GET $path: $got->{content} after $res->{content}") if $got->{content} ne $res->{content};
    }
    return "$method $path $status";
}

# ---- what no customer sees, at the same time

# write_products($clients, $i): its products have no price. What it leaves is in the file written.$i: a line for each product that is there, and the
# number of lines that the audit must have.
sub write_products {
    my ($clients, $i) = @_;
    my (%is, $lines);
    while (!$clients->_stopped) {
        my $n = ++$serial;
        my $sku = sprintf 'P-%d-%02d', $i, rand 30;
        my %product = (name => "n$n", images => [map { { imageID => "$n-$_", fileName => 'f', isPrimaryImage => JSON::PP::false } } 1 .. rand 4]);
        my $how = !$is{$sku} ? 'POST' : rand 4 < 1 ? 'DELETE' : 'PUT';
        my $res = _written($clients, $how eq 'POST' ? 201 : $how eq 'PUT' ? 200 : 204, $how, '/admin/products' . ($how eq 'POST' ? '' : "/$sku"),
            $how eq 'DELETE' ? undef : { $how eq 'POST' ? (sku => $sku) : (), %product });
        $lines++;
        $is{$sku} = $how eq 'DELETE' ? undef : join ' ', "n$n", map { $_->{imageID} } @{ $product{images} };
        my $got = _ask($clients, 'read', 'GET', "/admin/products/$sku", undef, _headers($clients));
        my $p = $got->{status} == 200 ? $json->decode($got->{content}) : {};
        my $has = $got->{status} == 404 ? '' : join ' ', $p->{name} // $got->{status}, map { $_->{imageID} } @{ $p->{images} };
        $clients->_wrong("$sku after $how: '$has' instead of '" . ($is{$sku} // '') . "'") if $has ne ($is{$sku} // '');
        sleep rand 2 * $clients->{pause};
        # Bursts: between them lists stay the same.
        for (1 .. ($n % 10 ? 0 : 4 + rand 20)) { sleep 0.5 if !$clients->_stopped }
    }
    spew("$clients->{dir}/written.$i", join "\n", $lines, map {"$_ $is{$_}"} grep { defined $is{$_} } sort keys %is);
    return;
}

# written($clients, $n): of $n processes: each product is as the last answer said, and the audit has a line for each write.
sub written {
    my ($clients, $n) = @_;
    my @wrong;
    for my $i (1 .. $n) {
        my ($lines, @left) = split /\n/, slurp("$clients->{dir}/written.$i");
        my @there = map { join ' ', grep {defined} @$_ } sql($clients->{db}, "SELECT sku, name, (SELECT GROUP_CONCAT(image_id ORDER BY image_id SEPARATOR ' ') FROM product_image i WHERE i.sku = p.sku)"
                . " FROM product p WHERE sku LIKE 'P-$i-%' ORDER BY sku");
        push @wrong, "products P-$i: @there instead of @left" if "@there" ne "@left";
        my ($audit) = map {@$_} sql($clients->{db}, "SELECT COUNT(*) FROM admin_audit WHERE sku LIKE 'P-$i-%'");
        push @wrong, "products P-$i: $audit lines in the audit instead of $lines" if $audit != $lines;
    }
    return @wrong;
}

1;
