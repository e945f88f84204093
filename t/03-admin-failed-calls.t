#!/usr/bin/perl
# Every call of the database's client library failed in turn while product data is written, and every allocation: what was answered with 2xx
# is there, whole, with its line in the audit and its revision; what was answered with 5xx is not there (unless the answer to COMMIT was
# lost); the same request again ends right, with an Idempotency-Key and without.
# SPDX-License-Identifier: Apache-2.0
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use JSON::PP ();
use KissTest;
use KissTest::FailedCalls;
use KissTest::Faults;
use KissTest::Load;
use Test::More;

plan skip_all => cannot_preload('failnth') if cannot_preload('failnth');

my $db = new_database('admin_failed');
import_sample($db);
grant_admin();
my $h = fault_server(api => 'customer', db => $db, admin => '');
my @admin = (Authorization => 'Bearer ' . admin_token($h, 'pim'));
my $json = JSON::PP->new->utf8->canonical;
my $session = db_server()->session($db);

# ---- what is written: of each the n-th request, and what is there when it was done

my $n = 0;
sub list { my ($table, $value, $where) = @_; return "(SELECT GROUP_CONCAT($value ORDER BY 1) FROM $table WHERE $where)" }
sub product_of {
    my ($sku) = @_;
    my $of = "sku = '$sku'";
    return "CONCAT_WS(' ', (SELECT CONCAT(name, ' ', theme) FROM product WHERE $of), " . join(', ', list('product_image', "CONCAT(image_id, ':', file_name)", $of),
        list('product_accessory', 'accessory_sku', $of), list('product_substitution', 'substitute_sku', $of), list('product_composition', "CONCAT(material_code, ':', composition_percentage)", $of),
        list('price', "CONCAT(moq, ':', unit_price)", "$of AND price_list_code = 'UKTRADE'"), "(SELECT COUNT(*) FROM product_owner WHERE $of)") . ')';
}
sub prices { return map { { unitPrice => $_->[0], moq => $_->[1], orderMultiple => 1, discountEligible => JSON::PP::true } } [$n, 1], [1, $n + 1] }
sub arrays {
    return (
        name => "n$n", theme => 't', images => [{ imageID => 'a', fileName => "f$n", isPrimaryImage => JSON::PP::true }, { imageID => "i$n", fileName => 'g' }],
        accessories => [{ accessorySKU => "a$n" }], substitutions => [{ substituteSKU => "s$n" }], compositions => [{ materialCode => 'm', compositionPercentage => $n / 100 }],
        prices => [map { { priceListCode => 'UKTRADE', %$_ } } prices()]
    );
}
sub whole { return sprintf 'n%d t a:f%d,i%d:g a%d s%d m:%.4f %s 1', ($n) x 5, $n / 100, join ',', sort "1.000:$n.0000", sprintf '%.3f:1.0000', $n + 1 }
sub stock_of { my ($like) = @_; return list('stock', "CONCAT(stock_location, ':', sku, ':', available_qty)", "sku LIKE '$like'") }
sub rows { return map { { stockLocation => $_->[0], sku => $_->[1], availableQTY => $n } } ['UK01', 'PATCHED'], ['UK01', "PATCHED-$n"], ['NL01', 'PATCHED'] }

# name => what is written; sku => pattern of its lines in the audit; lines => how many there are; is => expression for what is there; new => that when it was
# done; status => of the answer; twice => of the answer to the same without an Idempotency-Key when it was done already.
my %write = (
    'PUT product' => { method => 'PUT', path => sub {'/admin/products/PUT-1'}, body => sub { +{ arrays() } }, sku => sub {'PUT-1'}, is => sub { product_of('PUT-1') }, new => \&whole, status => 200, twice => 200 },
    'POST product' => { method => 'POST', path => sub {'/admin/products'}, body => sub { +{ sku => "POST-$n", arrays() } }, sku => sub {"POST-$n"}, is => sub { product_of("POST-$n") }, new => \&whole,
        status => 201, twice => 409 },
    'DELETE product' => { method => 'DELETE', path => sub {"/admin/products/GONE-$n"}, sku => sub {"GONE-$n"}, is => sub { product_of("GONE-$n") }, new => sub {'0'}, status => 204, twice => 404,
        before => sub { join ';', "INSERT INTO product (sku, name, theme) VALUES ('GONE-$n', 'n', 't')", map({"INSERT INTO $_ VALUES ('GONE-$n', 'x')"} qw(product_accessory product_substitution)),
            "INSERT INTO product_image (sku, image_id) VALUES ('GONE-$n', 'x')", "INSERT INTO product_composition (sku, material_code) VALUES ('GONE-$n', 'x')" } },
    'PUT prices' => { method => 'PUT', path => sub {'/admin/prices/UKTRADE/PRICED'}, body => sub { +{ prices => [prices()] } }, sku => sub {'PRICED'},
        is => sub { list('price', "CONCAT(moq, ':', unit_price)", "sku = 'PRICED'") }, new => sub { join ',', sort "1.000:$n.0000", sprintf '%.3f:1.0000', $n + 1 }, status => 200, twice => 200 },
    'PATCH stock' => { method => 'PATCH', path => sub {'/admin/stock'}, body => sub { [rows()] }, sku => sub {'PATCHED%'}, lines => 3, is => sub { stock_of('PATCHED') . ', ' . stock_of("PATCHED-$n") },
        new => sub { sprintf 'NL01:PATCHED:%d.000,UK01:PATCHED:%d.000 UK01:PATCHED-%d:%d.000', ($n) x 4 }, status => 200, twice => 200 },
);
$write{'PATCH stock, NDJSON'} = { %{ $write{'PATCH stock'} }, type => 'application/x-ndjson', body => sub { join '', map { $json->encode($_) . "\n" } rows() } };

# What there is now: { is, lines, noted, revisions }. Nothing is locked: the server may have to notice first that a connection is gone.
sub look {
    my ($w) = @_;
    my %now;
    my @tables = (qw(product price stock), 'revision');
    my $free = wait_until(5, sub {
        my @locked = $session->(join ';', map {"SELECT (SELECT COUNT(*) FROM $_ WHERE " . ($_ eq 'revision' ? '1' : "sku LIKE '" . $w->{sku}->() . "'") . ") - COUNT(*) FROM $_ WHERE "
            . ($_ eq 'revision' ? '1' : "sku LIKE '" . $w->{sku}->() . "'") . ' FOR UPDATE SKIP LOCKED'} @tables);
        return !grep {$_} @locked;
    });
    @now{qw(is lines noted revisions)} = split /\t/, $session->("SELECT CONCAT_WS(' ', " . $w->{is}->() . "), (SELECT COUNT(*) FROM admin_audit WHERE sku LIKE '" . $w->{sku}->() . "'),"
        . " (SELECT COUNT(*) FROM admin_request WHERE idempotency_key = 'k$n'), (SELECT GROUP_CONCAT(n ORDER BY dataset, scope) FROM revision)");
    $now{locked} = !$free;
    return \%now;
}

# subject($name, $keyed): for in_turn: $keyed->() is 1 when the n-th request has an Idempotency-Key.
sub subject {
    my ($name, $keyed) = @_;
    my $w = $write{$name};
    my ($was, $done, $asked);
    my $before = sub {
        $n++;
        $session->($w->{before}->()) if $w->{before};
        ($was, $done, $asked) = (look($w), 0, 0);
    };
    my $ask = sub {
        $asked++;
        my $body = $w->{body} ? $w->{body}->() : undef;
        return ask_once($h, $w->{method}, $w->{path}->(), ref $body ? $json->encode($body) : $body, @admin, 'Content-Type' => $w->{type} // 'application/json',
            $keyed->($n) ? ('Idempotency-Key' => "k$n") : ());
    };
    my $wrong = sub {
        my ($res) = @_;
        my $replayed = $res->{headers}{'idempotency-replayed'} // '';
        my ($status, $said) = $done && !$keyed->($n) ? ($w->{twice}, '') : ($w->{status}, $done ? 'true' : '');
        return "$res->{status} $res->{content}" if $res->{status} != $status;
        return "replayed: '$replayed'" if $replayed ne $said;
        return $status == 409 || $status == 404 || $status == 204 || $res->{content} =~ /"n$n"|"unitPrice":$n\.0000,|\A\{"rows":3/ ? '' : $res->{content};
    };
    my $after = sub {
        my ($res, $last, $seen) = @_;
        my $now = look($w);
        my $lines = $now->{lines} - $was->{lines};
        return 'rows are locked' if $now->{locked};
        if ($now->{is} eq $w->{new}->()) {
            $done = 1;
            return "$lines lines in the audit" if $lines != ($w->{lines} // 1);
            return 'no revision' if $now->{revisions} eq $was->{revisions};
            return "noted $now->{noted} times" if $now->{noted} != ($keyed->($n) ? 1 : 0);
            return $res->{status} < 500 || ($seen->{name} eq 'COMMIT' && $seen->{failed}) ? '' : "it is there, and the answer is $res->{status}";
        }
        return "half of it is there: $now->{is}" if $now->{is} ne $was->{is};
        return "nothing is there but $lines lines in the audit" if $lines;
        return 'nothing is there but a revision' if $now->{revisions} ne $was->{revisions};
        return 'nothing is there but the Idempotency-Key' if $now->{noted};
        return $last || $res->{status} < 500 ? "it is not there, and the answer is $res->{status}" : '';
    };
    return [$name, $before, $ask, $wrong, after => $after];
}

sql($db, "INSERT INTO product (sku) VALUES ('PUT-1'); INSERT INTO price (price_list_code, sku, moq, unit_price) VALUES ('UKTRADE', 'PRICED', 1, 5)");
sub with { return 1 }
sub without { return 0 }
sub in_turns { my ($i) = @_; return $i % 2 }

for my $name (sort keys %write) {
    subtest $name => sub {
        turns($h, [subject($name, \&with)], ', 2013 after the call was executed', group => 'database', code => 2013, late => 1);
        turns($h, [subject($name, \&without)], ', 2013 after the call was executed, without a key', group => 'database', code => 2013, late => 1);
        turns($h, [subject($name, \&in_turns)], ", $_", group => 'database', code => $_) for 2013, 1213;
    };
}

# A new connection, which is refused at first, or whose statements are all prepared.
subtest 'the rest' => sub {
    turns($h, [subject('PUT product', \&in_turns)], ", $_", group => 'database', code => $_) for 1205, 1020;
    turns($h, [subject('POST product', \&with)], ", $_", group => 'database', code => $_) for 1062, 1317;
    turns($h, [subject('PATCH stock', \&with)], ', 1213 twice', group => 'database', code => 1213, times => 2);
    turns($h, [subject($_, \&with)], ', memory', group => 'memory') for 'PUT product', 'PATCH stock, NDJSON';
};

# Refused, and then the connection is lost as it rolls back, and all others: the answer says nothing of what was found before.
subtest 'what is refused' => sub {
    my $ask = sub { return ask_once($h, 'PUT', '/admin/products/NONE', '{"name":"x"}', @admin, 'Content-Type' => 'application/json') };
    my $wrong = sub { my ($res) = @_; return $res->{status} == 404 && $res->{content} eq q({"error":"There is no product 'NONE'."}) ? '' : "$res->{status} $res->{content}" };
    turns($h, [['a product that is not there', sub { }, $ask, $wrong]], ', 2013 from then on', group => 'database', code => 2013, times => 1e9);
    turns($h, [['a product that is not there', sub { }, $ask, $wrong]], ", $_", group => 'database', code => $_) for 2013, 1213;
};

done_testing;
