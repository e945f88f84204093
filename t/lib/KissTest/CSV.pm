# SPDX-License-Identifier: Apache-2.0
package KissTest::CSV;

# RFC 4180, as bytes: what stands in the file is what comes out. Byte order of UTF-8 is code point order.

use strict;
use warnings;
use Exporter 'import';

our @EXPORT_OK = qw(csv_rows csv_write);

# csv_rows($file): array of rows, each a hash by column name. Empty list if the file does not exist.
sub csv_rows {
    my ($file) = @_;
    return [] unless -e $file;
    open my $in, '<:raw', $file or die "$file: $!";
    local $/;
    my $text = <$in>;
    $text =~ s/^\xEF\xBB\xBF//;
    my (@rows, @row, $head);
    pos($text) = 0;
    while (pos($text) < length $text) {
        $text =~ /\G(?:"((?:[^"]++|"")*+)"|([^",\r\n]*+))(,|\r?\n|\z)/gc
            or die "$file: not CSV near byte " . pos($text);
        my ($cell, $end) = (defined $1 ? $1 : $2, $3);
        $cell =~ s/""/"/g if defined $1;
        push @row, $cell;
        next if $end eq ',' && pos($text) < length $text;
        push @row, '' if $end eq ',';
        if (!$head) {
            $head = [@row];
        }
        elsif (@row > 1 || $row[0] ne '') {
            my %r;
            @r{@$head} = @row;
            push @rows, \%r;
        }
        @row = ();
    }
    return \@rows;
}

# csv_write($file, \@columns, \@rows): rows are hashes or arrays.
sub csv_write {
    my ($file, $columns, $rows) = @_;
    open my $out, '>:raw', $file or die "$file: $!";
    for my $row ($columns, @$rows) {
        my @cells = ref $row eq 'HASH' ? @$row{@$columns} : @$row;
        print $out join(',',
            map { my $c = defined $_ ? $_ : ''; $c =~ s/"/""/g ? qq("$c") : $c =~ /[,\r\n]/ ? qq("$c") : $c } @cells),
            "\n";
    }
    close $out or die "$file: $!";
    return;
}

1;
