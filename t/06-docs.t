#!/usr/bin/perl
# The documents agree with the tree: links and anchors lead somewhere, files, verbs, options, directives and log numbers that are
# named exist, examples in JSON parse, scripts are scripts, what the source cites of the contracts is there. Configurations of
# conf/front are run by t/cluster/front.t, the clients by t/83.
# SPDX-License-Identifier: Apache-2.0
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use File::Basename qw(dirname);
use Digest::SHA ();
use JSON::PP ();
use KissKssContract;
use KissTest;
use KissTest::Directives;
use Test::More;

my $top = top();
my @patterns = qw(*.md CHANGES .github/*/*.md conf/*.md doc/*.md findings/*.md t/*/README.md);
my @documents = map { s{^\Q$top\E/}{}r } map { glob "$top/$_" } @patterns;
cmp_ok scalar @documents, '>', 6, 'documents were found';
my %text = map { $_ => slurp("$top/$_") } @documents;

# Headings as a renderer makes anchors of them: small letters, blanks to hyphens, no punctuation.
sub anchors {
    my ($text) = @_;
    return map { my $h = lc s/`//gr; $h =~ s/[^\w\s-]//g; $h =~ s/\s/-/g; $h => 1 } $text =~ /^#+ +(.*?)\s*$/mg;
}

for my $document (@documents) {
    my $text = $text{$document};
    # Fenced and indented blocks are shown as they are.
    my $prose = $text =~ s/^```.*?^```$//msgr =~ s/^ {4}.*$//mgr;
    my @broken;
    for my $link ($prose =~ /\]\(([^)\s]+)\)/g) {
        next if $link =~ m{^https?://};
        my ($file, $anchor) = $link =~ /^([^#]*)(?:#(.*))?$/;
        my $path = $file eq '' ? $document : (dirname($document) eq '.' ? '' : dirname($document) . '/') . $file;
        1 while $path =~ s{[^/]+/\.\./}{};
        push @broken, $link if !-e "$top/$path";
        push @broken, $link if defined $anchor && -e "$top/$path" && !{ anchors(slurp("$top/$path")) }->{$anchor};
    }
    is "@broken", '', "$document: links";

    # `t/20-auth.t`, `doc/parts.md`, `support/kissctl.c` and the like. What has a * or capitals stands for names.
    my @absent = grep { !-e "$top/$_" && !/[A-Z*]/ } $prose =~ m{`((?:t|doc|conf|sql|support|mod_kiss|findings)/[\w./*-]+)`}g;
    is "@absent", '', "$document: files";
}

# SECURITY.md: whatever is defended has its test, and the part of it that is named in quotes is there.
my ($defended) = $text{'SECURITY.md'} =~ /^## What is defended.*?\n(.*?)^## /ms;
my @defences = grep { !/^\| (?:attack|clause|---)/ } ($defended // '') =~ /^(\|.*\|)$/mg;
cmp_ok scalar @defences, '>', 40, 'SECURITY.md: attacks were found';
for my $row (@defences) {
    my ($attack, undef, $tests) = map { s/^ +| +$//gr } (split /\|/, $row)[1 .. 3];
    my @named = $tests =~ m{`(t/[\w./-]+)`(?: "([^"]+)")?}g;
    my @missing = @named ? () : 'no test';
    while (my ($file, $part) = splice @named, 0, 2) {
        push @missing, "$file \"" . ($part // '') . '"' if !-e "$top/$file" || defined $part && index(slurp("$top/$file"), $part) < 0;
    }
    is "@missing", '', "SECURITY.md: $attack";
}

# What code says that it knows.
my $help = (run({}, build_dir() . '/support/kissctl', '--help'))[1];
my %verb = map { $_ => 1 } $help =~ /^  ((?:kss )?[a-z-]+(?: [a-z]+)?)\b/mg;
ok $verb{import} && $verb{'kss doctor'}, 'verbs were found';
my %option = map { $_ => 1 } slurp("$top/support/kissctl_options.c") =~ /^ +\{OPT_\w+, "([a-z-]+)",/mg;
my %directive = map { $_ => 1 } slurp("$top/mod_kiss/core/directives.c") =~ /AP_INIT_\w+\("(\w+)"/g;
my %number = map { $_ => 1 } $text{'conf/errors.md'} =~ /^\| (KISS\d+)/mg;
for my $document (grep { !m{^t/} } @documents) {
    my %bad;
    for my $words ($text{$document} =~ /(?:^ {4,}|`|\$ )kissctl ((?:kss )?[a-z-]+(?: [a-z]+)?)/mg) {
        my ($first) = $words =~ /^((?:kss )?[a-z-]+)/;
        # Also a verb with its argument, and the beginning of several.
        $bad{$words}++ if !$verb{$words} && !$verb{$first} && !grep {/^\Q$words\E /} keys %verb;
    }
    for my $call ($text{$document} =~ /(?:^ {4,}|`|\$ )(kissctl [^\n`#|>&]*)/mg) {
        $bad{"--$_"}++ for grep { !$option{$_} } $call =~ /(?<= )--([a-z-]+)/g;
    }
    is join(', ', sort keys %bad), '', "$document: verbs and options of kissctl";
    is join(', ', grep { !$directive{$_} } $text{$document} =~ /`(Kiss[A-Z]\w+)/g), '', "$document: directives";
    is join(', ', grep { !$number{$_} } $text{$document} =~ /\b(KISS\d{4})\b/g), '', "$document: log numbers";
    for my $block ($text{$document} =~ /^```json\n(.*?)^```$/msg) {
        ok eval { JSON::PP->new->utf8->decode($block); 1 }, "$document: JSON" or diag $@, $block;
    }
}

# The manual page and the completion of bash, made when kissctl is built, have every verb and option; page and words are sound.
my ($page, $completion) = map { (run({}, build_dir() . '/support/kissctl', '--reference', $_))[1] } qw(man bash);
my @words = map { s/-/\\-/gr } grep { !/^-/ } sort keys %verb;
is_deeply [grep { $page !~ /^\.B \Q$_\E$/m } @words], [], 'kissctl(8) has every verb';
is_deeply [grep { $_ ne 'reference' && $page !~ /^\.B \\-\\-\Q@{[s{-}{\\-}gr]}\E$/m } sort keys %option], [], '... and every option';
is $page, slurp(build_dir() . '/support/kissctl.8'), '... and is what is installed';
is +(run({ stdin => $completion }, 'bash', '-n'))[0], 0, 'the completion is bash';
is $completion, slurp(build_dir() . '/support/completion/kissctl'), '... and is what is installed';
# completes(@words): what may follow, the last word begun.
sub completes {
    return [split ' ', (run({ stdin => $completion . 'COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _kissctl; echo "${COMPREPLY[*]}"' },
        'bash', '-s', '--', 'kissctl', @_))[1]];
}
is_deeply completes(''), [do { my %first = map { (split ' ')[0] => 1 } grep { !/^-/ } keys %verb; sort keys %first }], 'it knows the verbs';
is_deeply completes('--defaults', 'file', 'customer', 'd'), ['disable'], '... their second words, whatever options precede them';
is_deeply completes('kss', 'payments', 'expire', '--d'), ['--days', '--defaults'], '... and their options';

# The Debian packages are of the version that is built, or that is coming.
like +(split /\n/, slurp("$top/debian/changelog"))[0], qr/^mod-kiss \(\Q@{[$text{CHANGES} =~ m{^## ([\d.]+)}m]}\E(?:~\w+)?-\d+\) /,
    'debian/changelog: the version of CHANGES';

# Each row of the table of neighbours names its tests, and these name the neighbour.
my ($modules) = $text{'doc/neighbours.md'} =~ /^## Modules\n(.*?)(?=^## |\z)/ms;
my @neighbours = grep {/^\| `/} split /\n/, $modules;
cmp_ok scalar @neighbours, '>', 40, 'doc/neighbours.md: rows were found';
for my $row (@neighbours) {
    my ($name, $tests) = $row =~ /^\| `([^`]+)` \|.*\| ([^|]*) \|$/;
    my @tests = ($tests // '') =~ m{`(t/[\w-]+\.t)`}g;
    my ($word) = ($name // '') =~ /^(?:mod_|core, )?(\w+)/;
    my $source = join '', map { slurp("$top/$_") } @tests, 't/lib/KissTest/Neighbours.pm';
    ok @tests && $source =~ /\b\Q$word\E/, "doc/neighbours.md: $row" =~ s/ \|.*//r;
}

# What the README lets one install is what the packages are built with; apache2-dev is dh-apache2, too.
my ($needed) = slurp("$top/debian/control") =~ /^Build-Depends: (.*\n(?: .*\n)*)/m;
my @needed = grep { $_ ne 'dh-apache2' } map {/([\w.+-]+)/} split /,/, $needed =~ s/debhelper-compat/debhelper/r;
my ($installed) = $text{'README.md'} =~ /^ +sudo apt-get install (build-essential .*)$/m;
cmp_ok scalar @needed, '>', 5, 'debian/control: packages were found';
is_deeply [grep { $installed !~ /\b\Q$_\E(?= |$)/ } @needed], [], '... and the README installs them';

# What building from source needs is the same for the README and for ./runtests, and the packages are built with it.
sub headers { my ($list) = @_; return join ' ', sort grep { !/^libc6-/ } $list =~ /([\w.+-]+-dev)\b/g }
my ($said) = $text{'README.md'} =~ /^1\. \*\*Build\.\*\* Packages \(Debian\): `([^`]*)`/m;
my ($built) = slurp("$top/t/lib/build.sh") =~ /^packages_build=\(([^)]*)\)/m;
like headers($built), qr/apache2-dev .*libcurl/, 'packages of the build were found';
is headers($said), headers($built), 'README.md names those with headers that ./runtests installs';
is headers($needed), headers($built), '... and debian/control';

# The manuals are reached from the README.
for my $document (grep { m{^doc/} } @documents) {
    like $text{'README.md'}, qr/\]\(\Q$document\E[)#]/, "README.md leads to $document";
}

# The reference of directives has an entry for each, in the form of httpd's manual; it says what conf/kiss.conf and the rows say.
my %entry = $text{'doc/directives.md'} =~ /^## (\w+)\n(.*?)(?=^## |\z)/msg;
is join(' ', sort keys %entry), join(' ', sort keys %directive), 'doc/directives.md: an entry for each directive, and no other';
my %rows = number_rows(slurp("$top/mod_kiss/core/config.h"));
cmp_ok scalar keys %rows, '>', 10, '... numbers among them';
my %block = map { /^# Syntax: +(\w+)/m ? ($1 => $_) : () } split /\n\n/, slurp("$top/conf/kiss.conf");
for my $name (sort keys %entry) {
    my %field = $entry{$name} =~ /^\| ([A-Z]\w+) \| (.*) \|$/mg;
    s/`//g, s/\\\|/|/g for values %field;
    my @numbers = grep { $_->{unit} ne 'FLAG' } @{ $rows{$name} || [] };
    is join(' ', grep { $_ ne 'Range' } $entry{$name} =~ /^\| ([A-Z]\w+) \| .* \|$/mg), 'Description Syntax Default Context Status Module',
        "doc/directives.md: fields of $name";
    for my $known (qw(Syntax Default Context)) {
        my ($there) = ($block{$name} // '') =~ /^# $known: +(.*)$/m;
        $there //= 'nothing';
        $there =~ s/ +\([^)]*\d[^)]*\)$// if $known eq 'Syntax';
        is $field{$known}, $there, "... $known as in conf/kiss.conf";
    }
    my %seen;
    is $field{Range} // '', join('; ', grep { !$seen{$_}++ } map { range($_) } @numbers), '... range of its rows';
    is $field{Default}, join(' ', $name, map { $_->{default} } @{ $rows{$name} }), '... default of its rows' if $rows{$name};
    like $entry{$name}, qr/^    (?: *)\Q$name\E /m, '... an example';
    like $entry{$name} =~ s/^(?:\||    ).*$//mgr, qr/\w[^.]{20,}\./, '... and what it is for';
}

# The table of faults: each row says what happens and for how long, and names tests and subtests that are there.
my @faults = map { [map { s/^\s+|\s+$//gr } split /\|/, s/^\||\|$//gr] } $text{'doc/faults.md'} =~ /^(\|(?! (?:fault|---) \|).*\|)$/mg;
cmp_ok scalar @faults, '>', 20, 'doc/faults.md: faults';
is_deeply [map { $_->[0] } grep { @$_ != 4 || grep { $_ eq '' } @$_ } @faults], [], '... each with what happens, the bound and a test';
for my $row (@faults) {
    my ($file, @absent) = '';
    my @words = $row->[3] =~ /(`[^`]+`|\([^()]+\))/g;
    for my $word (@words) {
        my ($name) = $word =~ /\A.(.*).\z/;
        $file = -f "$top/$name" ? slurp("$top/$name") : '' if $word =~ /^`/;
        push @absent, $word if $word =~ /^`/ ? $file eq '' : $file !~ /\bsubtest (?:'\Q$name\E|"(?:[^"]*\W)?\Q$name\E)/;
    }
    is "@absent", '', "doc/faults.md, $row->[0]: the tests are there";
    like $row->[3], qr/^`t\//, '... and there is one';
}

# What a project needs to be carried on: its licence word for word, and what has changed up to the version that is built.
is Digest::SHA::sha256_hex(slurp("$top/LICENSE")), 'cfc7749b96f63bd31c3c42b5c471bf756814053e847c10f3eb003417bc523d30',
    'LICENSE is the Apache License 2.0';
like slurp("$top/NOTICE"), qr/^mod_kiss\nCopyright \d{4} /, 'NOTICE names project and owner';
my ($version) = slurp("$top/configure.ac") =~ /^AC_INIT\(\[mod_kiss\], \[([\d.]+)\]/m;
my @versions = $text{CHANGES} =~ /^## (.*)$/mg;
my @coming = grep {/ \(coming\)$/} @versions;
ok @coming <= 1 && (!@coming || $coming[0] eq $versions[0]), 'CHANGES: what is coming stands first';
is $versions[@coming], $version, '... then the version of configure.ac';

# The contracts: sections and numbered decisions that source and tests cite. Which API is meant is said shortly before the number,
# or else by the file's name.
my %contract = (customer => $text{'doc/contract-customer.md'}, kss => $text{'doc/contract-kss.md'});
my %decided;
for my $api (sort keys %contract) {
    my ($list) = $contract{$api} =~ /^## \d+\. Left open\n(.*)/ms;
    my @numbers = $list =~ /^(\d+)\. /mg;
    is "@numbers", join(' ', 1 .. @numbers), "$api: decisions are numbered";
    $decided{$api}{$_} = 1 for @numbers;
}
my @units = map { glob "$top/mod_kiss/$_" } qw(*.[ch] */*.[ch] */*/*.[ch]);
my ($citations, @nowhere) = 0;
for my $path (grep { !m{/06-docs\.t$} } @units, glob "$top/support/*.[ch] $top/t/*.t") {
    my $file = $path =~ s{^\Q$top\E/}{}r;
    my $source = slurp($path) =~ s{\n *(?:\*|\#) *}{ }gr;       # comments go over lines
    while ($source =~ /(?:"Left open" ((?:\d+(?:, | and |-)?)+)|\b[Ss]ection (\d+)(?: "(\w[\w ]*)")?)/g) {
        my ($numbers, $section, $title) = ($1, $2, $3);
        my $before = substr $source, $-[0] > 120 ? $-[0] - 120 : 0, $-[0] > 120 ? 120 : $-[0];
        my ($named) = $before =~ /.*(KSS API|Customer API|\bcontract\b|\bRFC \d+)/s;
        next if !defined $numbers && ($named // 'RFC') =~ /^RFC/;
        my $api = ($named // '') eq 'KSS API' || ($named // '') ne 'Customer API' && $file =~ /kss/ ? 'kss' : 'customer';
        if (defined $numbers) {
            $citations++;
            my @single = map { /^(\d+)-(\d+)$/ ? $1 .. $2 : $_ } $numbers =~ /\d+(?:-\d+)?/g;
            push @nowhere, map {"$file: $api, left open $_"} grep { !$decided{$api}{$_} } @single;
            next;
        }
        my ($body) = $contract{$api} =~ /^## $section\. (.*?)(?=^## |\z)/ms;
        push @nowhere, "$file: $api, section $section" . (defined $title ? ", $title" : '')
            if !defined $body || defined $title && $body !~ /^### \Q$title\E$/m;
    }
}
cmp_ok $citations, '>', 8, 'decisions are cited';
is join("\n", @nowhere), '', 'what is cited of the contracts is there';

# The fields of the KSS API are those of the table that the tests of the contract are derived from.
my %WORD = (n => 'number', t => 'string', b => 'boolean', d => 'date', z => 'datetime', f0 => 'decimal(0)', f2 => 'decimal(2)',
    f6 => 'decimal(6)');
my %section = $contract{kss} =~ /^### \d+\. GET (\S+)\n(.*?)(?=^##)/msg;
sub rows_of {
    my ($section, $head) = @_;
    return $section =~ /^\| \Q$head\E .*\n\| ---.*\n((?:\|.*\n)+)/m ? split /\n/, $1 : ();
}

sub field_row {
    my ($f) = @_;
    my ($array, $type) = $f->{type} =~ /^(\[?)(\w+)/;
    return sprintf '| `%s`%s | %s%s | %s |', $f->{name}, $f->{hidden} ? ' *' : '', $array ? 'array of ' : '',
        $f->{nested} ? 'objects' : $WORD{$type}, $f->{null} ? 'yes' : 'no';
}

for my $e (endpoints()) {
    my $own = $section{ $e->{path} };
    my $other = $own =~ /^Fields as of `GET (\S+)`\.$/m ? $section{$1} : $own;
    is join("\n", rows_of($other, 'field')), join("\n", map { field_row($_) } @{ $e->{fields} }),
        "doc/contract-kss.md: fields of $e->{path}";
    is join(' ', map { /^\| `:?(\w+)`/ } rows_of($own, 'parameter')), join(' ', map { $_->{name} } @{ $e->{params} }),
        '... and its parameters';
}

# The tour has a row for each unit.
my %toured = map { $_ => 1 } $text{'doc/internals.md'} =~ /^\| `(mod_kiss\/[\w\/]+\.c)` \|/mg;
is_deeply [grep { !$toured{$_} } map { s{^\Q$top\E/}{}r } grep {/\.c$/} @units], [],
    'doc/internals.md: every unit is in the tour';

# Findings: each in the table, each runs lib.sh and says a verdict.
my %listed = map { $_ => 1 } $text{'findings/README.md'} =~ /^\| `([\w.-]+\.sh)` \|/mg;
for my $file (map { (m{([^/]+)$})[0] } glob "$top/findings/*.sh") {
    next if $file eq 'lib.sh';
    my $script = slurp("$top/findings/$file");
    ok delete $listed{$file}, "findings/$file is in the table";
    ok -x "$top/findings/$file", '... can be run';
    like $script, qr{^\. "\$\(dirname "\$0"\)/lib\.sh"$}m, '... has its folder from lib.sh';
    like $script, qr/^verdict\n\z/m, '... and ends with a verdict';
    is +(run({}, 'bash', '-n', "$top/findings/$file"))[0], 0, '... is bash';
}
is join(' ', sort keys %listed), '', 'and no others are';
done_testing;
