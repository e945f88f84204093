#!/usr/bin/perl
# What the compiler cannot see: documents that follow the code, and units that know no more than they may.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use KissTest;
use Test::More;

my $top = top();
my %source = map { (m{([^/]+)$})[0] => slurp($_) } glob "$top/mod_kiss/*.[ch]";
my ($conf, $readme, $errors) = map { slurp("$top/$_") } qw(conf/kiss.conf README.md conf/errors.md);

# Directives: code, annotated reference, README.
my %directive = map { $_ => 1 } $source{'kiss_config.c'} =~ /AP_INIT_\w+\("(\w+)"/g;
cmp_ok scalar keys %directive, '>', 10, 'directives were found';
for my $name (sort keys %directive) {
    like $conf, qr/^#?\s*$name\b/m, "$name is in conf/kiss.conf";
    like $readme, qr/`$name\b/, "$name is in README.md";
}
is_deeply [grep { !$directive{$_} } $conf =~ /^#?\s*<?(Kiss[A-Z]\w+)/mg], [], 'conf/kiss.conf names no other';
is_deeply [grep { !$directive{$_} } $readme =~ /`(Kiss[A-Z]\w+)/g], [], 'nor does README.md';

# Log numbers: each in one file, each documented, nothing else documented.
my %number;
for my $file (sort grep {/\.c$/} keys %source) {
    $number{$_}{$file} = 1 for $source{$file} =~ /KISS_LOGNO\((\d+)\)/g;
}
for my $n (sort keys %number) {
    is scalar keys %{ $number{$n} }, 1, "KISS$n is used in one file";
    like $errors, qr/^\| KISS$n \|[^|]+\| @{[keys %{ $number{$n} }]} \|/m, "KISS$n is in conf/errors.md, with its file";
}
is_deeply [grep { !$number{$_} } $errors =~ /^\| KISS(\d+)/mg], [], 'conf/errors.md lists no others';

# The units of libkiss know neither httpd nor the database.
my ($pure) = slurp("$top/Makefile.am") =~ /libkiss_la_SOURCES = (.*?)\n\S/s;
for my $file (sort map { (m{([^/]+)$})[0] } $pure =~ m{(mod_kiss/\S+)}g) {
    unlike $source{$file}, qr/#include ["<](?:httpd|http_\w+|ap_\w+|util_\w+|kiss|kiss_db\w*|mariadb.mysql)\.h[">]/,
        "$file is pure";
}
is_deeply [grep { $source{$_} =~ /apr_dbd|mysql_|MYSQL/ && !/^kiss_db(?:_\w+)?\.[ch]$/ } sort keys %source],
    ['mod_kiss.c'], 'only the kiss_db units use the database client (mod_kiss.c names its version)';
is_deeply [grep { $source{$_} =~ /\b(?:HMAC|EVP_\w+) ?\(|CRYPTO_memcmp/ } grep {/^kiss/} sort keys %source], ['kiss_secret.c'],
    'only kiss_secret computes digests';

# A function fits a screen.
for my $file (sort grep {/\.c$/} keys %source) {
    my ($start, $n, @long) = (0, 0);
    for (split /\n/, $source{$file}) {
        $n++;
        $start = $n if /^\{/;
        push @long, "line $start" if /^\}$/ && $start && $n - $start > 62;
        $start = 0 if /^\}/;
    }
    is "@long", '', "$file: no function is longer than a screen";
    # A table of data is as long as what it describes.
    cmp_ok $n, '<=', 620, "$file is not too long" if $source{$file} =~ /^\{/m;
}
done_testing;
