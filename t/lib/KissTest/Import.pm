# SPDX-License-Identifier: Apache-2.0
package KissTest::Import;

# What tests of kissctl's imports and other verbs share: files for an import, what it says, and that it has changed nothing.
#
#     my $db = new_database('values');
#     import_into($db, qw(--remove-up-to 100));
#     my $notes = loaded('a name', { 'stock.csv' => $text });
#     refused('a code of 65', { 'stock.csv' => $other }, qr/65 characters/);

use strict;
use warnings;
use Exporter 'import';
use KissTest;
use Test::More ();

our @EXPORT = qw(folder checksums import_into loaded refused fails);

my ($db, @always);

# folder(file => text, ...): a folder with these files.
sub folder {
    my (%files) = @_;
    my $dir = tempdir_here();
    spew("$dir/$_", $files{$_}) for sort keys %files;
    return $dir;
}

# checksums($db, @tables): the content of these tables, or of all: equal when nothing changed.
sub checksums {
    my ($of, @tables) = @_;
    @tables = _tables($of) if !@tables;
    return join "\n", map { join '=', $_->[0] =~ /(\w+)\z/, $_->[1] } sql($of, 'CHECKSUM TABLE ' . join ', ', @tables);
}

sub _tables {
    my ($of) = @_;
    return map { $_->[0] } sql($of, "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE()"
        . " AND table_type = 'BASE TABLE' ORDER BY 1");
}

# import_into($db, @options): the database of the Customer API that loaded() and refused() mean, and what all their calls are given.
sub import_into { ($db, @always) = @_; return }

sub _import {
    my ($files, @options) = @_;
    return kissctl({ db => $db, timeout => 120 }, 'import', ref $files ? folder(%$files) : $files, @always, @options);
}

# loaded($what, \%files or $dir, @options): the notes of an import that succeeds.
sub loaded {
    my ($what, $files, @options) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my ($rc, $out, $err) = _import($files, @options);
    Test::More::is($rc, 0, "$what: loaded") or Test::More::diag($err);
    return $err;
}

# refused($what, \%files or $dir, $sentence, @options): what an import says that is refused with that sentence, and changes nothing.
sub refused {
    my ($what, $files, $sentence, @options) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my @tables = grep { $_ ne 'key_usage' } _tables($db);          # httpd counts requests there
    my $before = checksums($db, @tables);
    my ($rc, $out, $err) = _import($files, @options);
    Test::More::is($rc, 1, "$what: exit status 1");
    Test::More::like($err, $sentence, '... and the reason');
    Test::More::is(checksums($db, @tables), $before, '... nothing changed');
    return $err;
}

# fails($status, $says, @args): kissctl ends so, with what standard error says, and prints nothing.
sub fails {
    my ($status, $says, @args) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my ($rc, $out, $err) = kissctl(@args);
    Test::More::is($rc, $status, "kissctl @{[grep { !ref } @args]}: exit status $status");
    Test::More::like($err, $says, '... and the reason');
    Test::More::is($out, '', '... nothing on standard output');
    return;
}

1;
