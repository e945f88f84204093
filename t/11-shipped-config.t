#!/usr/bin/perl
# The configuration that we ship is true: the reference describes every directive, can be used, and changes nothing.
# SPDX-License-Identifier: Apache-2.0
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use KissTest;
use KissTest::Directives;

my $source = slurp(top() . '/mod_kiss/core/directives.c');
my %known = map { $_ => 1 } $source =~ /AP_INIT_\w+\("(Kiss\w+)"/g;
my $load = 'LoadModule kiss_module "' . build_dir() . qq(/mod_kiss/.libs/mod_kiss.so"\n);
my $reference = slurp(top() . '/conf/kiss.conf');

subtest 'kiss.conf describes what the module knows' => sub {
    my %described = map { $_ => 1 } $reference =~ /^# Syntax: +(Kiss\w+)/mg;
    my %shown = map { $_ => 1 } $reference =~ /^#(Kiss\w+)/mg;
    is_deeply [sort keys %described], [sort keys %known], 'each directive has its syntax';
    is_deeply [sort keys %shown], [sort keys %known], 'and a line to uncomment';
    my @fields = map { scalar(() = $reference =~ /^# $_: /mg) } qw(Syntax Default Context);
    is_deeply \@fields, [(scalar keys %known) x 3], 'syntax, default and context of each';
    my @options = slurp(top() . '/mod_kiss/core/config_value.c') =~ /\{ "([\w-]+)", [A-Z_]+, MEMBER\(/g;
    cmp_ok scalar @options, '>', 10, 'options of KissDatabase';
    my ($text) = $reference =~ /^# Syntax: +KissDatabase(.*?)^#KissDatabase/ms;
    like $text, qr/\b\Q$_\E=/, "KissDatabase $_=" for @options;
};

subtest 'defaults and ranges are those of the rows' => sub {
    my $header = slurp(top() . '/mod_kiss/core/config.h');
    my $readme = slurp(top() . '/README.md');
    my %rows = number_rows($header);
    is $_->{getter}, "kiss_config_$_->{member}", "$_->{member} has a getter of its name" for map {@$_} values %rows;
    is scalar(map {@$_} values %rows), scalar(() = $header =~ /^    NUMBER\(/mg), 'all rows were read';
    cmp_ok scalar keys %rows, '>', 10, 'which are some';
    for my $name (sort keys %rows) {
        my @rows = @{ $rows{$name} };
        my $default = join ' ', map { $_->{default} } @rows;
        like $reference, qr/^# Default: +\Q$name $default\E$/m, "$name: default in kiss.conf";
        my @cells = map { s/^ +| +$//gr } split /(?<!\\)\|/, ($readme =~ /^\| `$name\b(.*)$/m)[0] // '';
        is $cells[2], $default, "$name: default in README.md";
        my ($syntax) = $reference =~ /^# Syntax: +(\Q$name\E .*)$/m;
        my ($usage) = $source =~ /"\Q$name\E", [^"]*"([^"]*)"/;
        for my $row (@rows) {
            my ($unit, $range) = ($row->{unit}, range($row));
            like $syntax, qr/[(; ]\Q$range\E[;)]/, "$name: $range in kiss.conf" if has_bound($row) && $unit ne 'FLAG';
            like $syntax, qr/\b\Q$unit\E\b/, "$name: $unit" if $unit =~ /^(?:TIME|SECONDS|MEGABYTES)$/;
        }
        for my $said (map { /(\w+ (?:to \w+|or more))/g } grep {defined} $syntax =~ /(\(.*\))/, $usage =~ /(?:, |\A)(\w+ (?:to \d\w*|or more))\b/, $cells[3]) {
            next if $said !~ /\d/;
            ok scalar(grep { range($_) eq $said } @rows), "$name: '$said' is a range of its row" or diag join ', ', map { range($_) } @rows;
        }
    }
    my @options = slurp(top() . '/mod_kiss/core/config_value.c') =~ /\{ "(\w+)", (?:NUMBER|TIME), MEMBER\(\w+\), (\S+),/g;
    cmp_ok scalar @options, '>', 10, 'numbers among the options of KissDatabase';
    while (my ($name, $value) = splice @options, 0, 2) {
        next if !(my $default = written($value, ''));
        like $reference, qr/^#   $name=\S+ [^=]*\($default\)/m, "KissDatabase $name: default in kiss.conf";
        like +($readme =~ /^\| `KissDatabase\b(.*)$/m)[0], qr/`$name=$default`/, "KissDatabase $name: default in README.md";
    }
};

subtest 'kiss.conf is inert' => sub {
    my ($rc, $out) = configtest($load . $reference, kiss => 0);
    is $rc, 0, 'loads' or diag $out;
    is_deeply [grep { /^[^#\s]/ } split /\n/, $reference], ['<IfModule kiss_module>', '</IfModule>'], 'sets nothing';
};

# What a sysadmin replaces in the samples.
my $dir = tempdir_here();
spew("$dir/token.keys", 'k1 ' . 'A' x 43 . "\n", 0600);
spew("$dir/db.password", "secret\n", 0600);

sub replaced {
    my ($text) = @_;
    $text =~ s{/etc/mod_kiss}{$dir}g;
    $text =~ s{/var/(?:log/apache2|cache)}{$dir}g;
    return $text;
}

subtest 'the lines of kiss.conf can be used as they stand' => sub {
    my (%at, $context);
    for (split /\n/, replaced($reference)) {
        $context = $1 if /^# Context: +(.*)/;
        push @{ $at{ $context =~ /^server|^virtual host$/ ? 'server' : 'location' } }, $1
            if /^#((?:Kiss|SetHandler).*)/;
    }
    my $lines = join "\n", @{ $at{server} }, '<Location "/">', @{ $at{location} }, '</Location>';
    my ($rc, $out) = configtest("$load$lines\n", kiss => 0);
    is $rc, 0, 'configtest' or diag $out;
    ($rc, $out) = configtest("$load$lines\nKissNonsense\n", kiss => 0);
    isnt $rc, 0, 'which does look at them';
};

done_testing;
