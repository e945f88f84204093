# SPDX-License-Identifier: Apache-2.0
package KissTest::ChangeLog;

# The log of changes (sql/customer/, change_log) as a reader has to read it, and what it has to say: the content of each dataset
# and scope by SKU.

use strict;
use warnings;
use Exporter 'import';

our @EXPORT = qw(content_sql content_of changes_sql changes_between differences);

# content_sql(\%columns): the statements for content_of. %columns: the columns of each table.
sub content_sql {
    my ($columns) = @_;
    my $row = sub { my ($t) = @_; return 'CONCAT_WS("|", ' . join(', ', map {"QUOTE(r.$_)"} @{ $columns->{$t} }) . ')' };
    my @nested = qw(product_image product_accessory product_substitution product_composition);
    return join '; ', 'SET SESSION group_concat_max_len = 1000000',
        'SELECT "=", "products", "", r.sku, MD5(' . $row->('product') . ') FROM product r',
        (map { my $one = $row->($_); "SELECT '=', 'products $_', '', r.sku, MD5(GROUP_CONCAT($one ORDER BY $one)) FROM $_ r GROUP BY r.sku" } @nested),
        'SELECT "=", "assortment", "", r.sku, r.is_obsolete FROM product r',
        'SELECT "=", "prices", r.price_list_code, r.sku, GROUP_CONCAT(' . $row->('price') . ' ORDER BY r.moq) FROM price r GROUP BY r.price_list_code, r.sku',
        'SELECT DISTINCT "=", "listing", r.price_list_code, r.sku, 1 FROM price r',
        'SELECT "=", "stock", r.stock_location, r.sku, ' . $row->('stock') . ' FROM stock r',
        'SELECT "#", dataset, scope, n FROM revision';
}

# content_of(@rows): { content => { "dataset scope" => { SKU => text } }, n => { "dataset scope" => revision } }
sub content_of {
    my %state = (content => {}, n => {});
    for (@_) {
        my ($mark, $dataset, $scope, @rest) = @$_;
        my ($d, $part) = split / /, $dataset;
        $state{n}{"$d $scope"} = $rest[0] if $mark eq '#';
        $state{content}{"$d $scope"}{ $rest[0] } .= ($part // '') . ":$rest[1];" if $mark eq '=';
    }
    return \%state;
}

# differences($from, $to): { "dataset scope" => { SKU => 1 } }: of which SKUs something else is shown.
sub differences {
    my ($from, $to) = @_;
    my %differs;
    for my $key (keys %{ { %{ $from->{content} }, %{ $to->{content} } } }) {
        my ($old, $new) = map { $_->{content}{$key} // {} } $from, $to;
        my @skus = grep { ($old->{$_} // '') ne ($new->{$_} // '') } keys %{ { %$old, %$new } };
        $differs{$key} = { map { $_ => 1 } @skus } if @skus;
    }
    return \%differs;
}

# changes_sql($dataset, $scope, $from, $to): what a reader asks the log.
sub changes_sql {
    my ($dataset, $scope, $from, $to) = @_;
    return "SELECT n, prev, sku FROM change_log WHERE dataset = '$dataset' AND scope = '$scope' AND n > $from AND n <= $to ORDER BY n DESC";
}

# changes_between($from, $to, @rows): { SKU => 1 } of what has changed between two revisions, or undef when the rows do not tell.
sub changes_between {
    my ($from, $to, @rows) = @_;
    my ($expected, %skus) = ($to);
    for (@rows) {
        my ($n, $prev, $sku) = @$_;
        return undef if $n != $expected || $prev >= $n || $sku eq '';
        $skus{$sku} = 1;
        $expected = $prev;
    }
    return $expected == $from ? \%skus : undef;
}

1;
