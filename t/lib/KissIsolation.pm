# SPDX-License-Identifier: Apache-2.0
package KissIsolation;

# Customers of the Customer API whose answers tell whose they are, and all forms of an answer that another one's data could slip into:
# t/48-isolation.t asks for them.

use strict;
use warnings;
use Exporter 'import';
use IO::Uncompress::Gunzip qw(gunzip);
use KissTest;
use KissTest::CSV qw(csv_rows csv_write);

our @EXPORT = qw(@LISTS @WAREHOUSES %TERMS @CODES write_isolation_data marks own_marks plain list_forms delta_forms);

# Every number tells whose it is: list n sells at n.nnnn thousands, warehouse n holds n hundred thousands. Each list has SKUs of its own;
# the SHARED ones are in all lists, the NOBODY ones in none.

our @LISTS = qw(LISTA LISTB LISTC);
our @WAREHOUSES = qw(WH1 WH2 WH3);
my @customers = (
    map { my $l = $_; map { ["C-$LISTS[$l]-$WAREHOUSES[$_]", $LISTS[$l], $WAREHOUSES[$_], 0] } 0 .. 2 } 0 .. 2
);
# Equal terms under another code, codes that begin like others, and those that lack something.
push @customers, ['TWIN', 'LISTA', 'WH1', 0], ['C', 'LISTB', 'WH2', 0], ['C-LISTA', 'LISTC', 'WH3', 0],
    ['c-lista-wh1', 'LISTB', 'WH3', 0], ['NOLIST', '', 'WH1', 0], ['NOHOUSE', 'LISTC', '', 0],
    ['CUT', 'LISTA', 'WH1', 10];

# %TERMS: what each has, by its code; @CODES: the codes.
our %TERMS = map { $_->[0] => { list => $_->[1], warehouse => $_->[2], discount => $_->[3] } } @customers;
our @CODES = sort keys %TERMS;

sub _skus {
    my ($list) = @_;
    return ((map { sprintf '%s-%03d', $list, $_ } 1 .. 40), map { sprintf 'SHARED-%03d', $_ } 1 .. 40);
}

# write_isolation_data($dir): the files of kissctl import, into that folder; returns it.
sub write_isolation_data {
    my ($dir) = @_;
    my @columns = sort keys %{ csv_rows(top() . '/sql/sample/products.csv')->[0] };
    my %exists = map { $_ => 1 } (map { _skus($_) } @LISTS), map { sprintf 'NOBODY-%03d', $_ } 1 .. 20;
    my @all = sort keys %exists;
    my (@products, @prices, @stock);
    for my $sku (@all) {
        push @products, { map({ $_ => '' } @columns), SKU => $sku, Name => "Product $sku", Status => 'ACTIVE' };
        for my $w (0 .. $#WAREHOUSES) {
            push @stock, [$sku, $WAREHOUSES[$w], ($w + 1) * 100_000 + @stock, ''];
        }
    }
    for my $l (0 .. $#LISTS) {
        push @prices, [$LISTS[$l], $_, ($l + 1) * 1000 + @prices / 10, 1, 1, 1] for _skus($LISTS[$l]);
    }
    csv_write("$dir/products.csv", \@columns, \@products);
    csv_write("$dir/price_lists.csv", [qw(PriceListCode PriceListName CurrencyCode)],
        [map { [$_, "Name of $_", 'EUR'] } @LISTS]);
    csv_write("$dir/prices.csv", [qw(PriceListCode SKU UnitPrice DiscountEligible MOQ OrderMultiple)], \@prices);
    csv_write("$dir/warehouses.csv", [qw(StockLocation Name)], [map { [$_, "Place $_"] } @WAREHOUSES]);
    csv_write("$dir/stock.csv", [qw(SKU StockLocation AvailableQTY NextAvailableETA)], \@stock);
    csv_write("$dir/customers.csv", [qw(CustomerCode Name PriceListCode StockLocation DiscountPercent)],
        [map { [$_->[0], "Customer $_->[0]", @$_[1 .. 3]] } @customers]);
    csv_write("$dir/product_images.csv", [qw(SKU ImageID FileName IsPrimaryImage)],
        [map { [$_, 'I1', "of-$_.jpg", 1] } @all]);
    csv_write("$dir/product_accessories.csv", [qw(SKU AccessorySKU)], []);
    csv_write("$dir/product_substitutions.csv", [qw(SKU SubstituteSKU)], []);
    csv_write("$dir/product_composition.csv", [qw(SKU MaterialCode MaterialDescription CompositionPercentage)], []);
    return $dir;
}

sub plain { my ($res) = @_; my $text = ''; gunzip(\$res->{content}, \$text); return $text }
sub _text { my ($res) = @_; return ($res->{headers}{'content-encoding'} // '') eq 'gzip' ? plain($res) : $res->{content} }

# marks($text): what tells whose a text is: prices with four decimals, quantities, codes.
sub marks { my ($text) = @_; return ($text // '') =~ /\b(\d{3,4}\.\d{4}|\d{6}|(?:LIST[ABC]|SHARED|NOBODY)-\d{3}|LIST[ABC]|WH\d)\b/g }

# own_marks(@answers): the marks that a customer may see: those of answers that the oracle has confirmed.
sub own_marks { return { map { $_ => 1 } map { marks($_->{content}) } @_ } }

# The rows of a range, as httpd has to cut them.
sub _part { my ($text) = @_; return substr $text, 10, 150 }
my @part = (Range => 'bytes=10-159');

# The codes behind one, all the way round to it, so that each has been somebody's other one.
sub _others {
    my ($code) = @_;
    my ($at) = grep { $CODES[$_] eq $code } 0 .. $#CODES;
    return (@CODES, @CODES)[$at + 1 .. $at + $#CODES];
}

# list_forms($ask, $path, $code, $own, $whole): what is wrong with the forms of one answer: compressed, HEAD, ranges, with the tags of
# others. $ask->($method, $path, $code, %headers) asks; $own: own_marks(); $whole holds the answers of all customers to this path.
sub list_forms {
    my ($ask, $path, $code, $own, $whole) = @_;
    my $mine = $whole->{$code};
    my $tag = $mine->{headers}{etag};
    my @wrong = map {"a mark of others: $_"} grep { !$own->{$_} } marks($mine->{content});
    my $check = sub { my ($what, $ok, $res) = @_; push @wrong, "$what: $res->{status}" if !$ok };

    my $gz = $ask->('GET', $path, $code, 'Accept-Encoding' => 'gzip');
    my $coded = ($gz->{headers}{'content-encoding'} // '') eq 'gzip';
    $check->('compressed', $gz->{status} == 200 && ($coded ? plain($gz) : $gz->{content}) eq $mine->{content}, $gz);
    for my $case ([$mine], [$gz, 'Accept-Encoding' => 'gzip']) {
        my ($get, @accept) = @$case;
        my $res = $ask->('HEAD', $path, $code, @accept);
        $check->("HEAD @accept", $res->{status} == 200 && !length($res->{content} // '')
                && ($res->{headers}{etag} // '') eq ($get->{headers}{etag} // ''), $res);
        next if !defined $tag || length $get->{content} < 200;
        $res = $ask->('GET', $path, $code, @accept, @part, 'If-Range' => $get->{headers}{etag});
        $check->("a range @accept", $res->{status} == 206 && $res->{content} eq _part($get->{content}), $res);
    }
    return @wrong if !defined $tag;
    my @others = grep { $whole->{$_}{content} ne $mine->{content} } _others($code);
    for my $other (@others[0 .. ($#others > 2 ? 2 : $#others)]) {
        my $foreign = $whole->{$other}{headers}{etag};
        my $res = $ask->('GET', $path, $code, 'If-None-Match' => $foreign, 'A-IM' => 'sku-delta', @part, 'If-Range' => $foreign);
        $check->("the tag of $other", $res->{status} == 200 && $res->{content} eq $mine->{content}, $res);
        $res = $ask->('GET', $path, $code, 'If-Match' => $foreign);
        $check->("If-Match of $other", $res->{status} == 412 && !marks($res->{content}), $res);
    }
    return @wrong;
}

# delta_forms($ask, $path, $code, $own, $before): what is wrong with the changes of one list since $before, the answers of all customers to
# this path. Returns what is wrong, and how often each status came.
sub delta_forms {
    my ($ask, $path, $code, $own, $before) = @_;
    my (@wrong, %status);
    my $tag = $before->{$code}{headers}{etag};
    my $whole = $ask->('GET', $path, $code);
    push @wrong, "of others: $_" for grep { !$own->{$_} } marks($whole->{content});
    for my $gzip ([], ['Accept-Encoding' => 'gzip']) {
        my @delta = (@$gzip, 'A-IM' => 'sku-delta');
        my $res = $ask->('GET', $path, $code, @delta, 'If-None-Match' => $tag);
        $status{ $res->{status} }++;
        push @wrong, "changes: of others: $_" for grep { !$own->{$_} } marks(_text($res));
        push @wrong, "changes since $res->{headers}{'delta-base'}" if $res->{status} == 226 && $res->{headers}{'delta-base'} ne $tag;
        # A base with other terms; the next one in the row of customers that has any.
        my ($other) = grep { $before->{$_}{headers}{etag} ne $tag } _others($code);
        next if !defined $other;
        $res = $ask->('GET', $path, $code, @delta, 'If-None-Match' => $before->{$other}{headers}{etag});
        push @wrong, "a base of $other: $res->{status}" if $res->{status} != 200 || _text($res) ne $whole->{content};
    }
    return (\@wrong, \%status);
}

1;
