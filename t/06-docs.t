#!/usr/bin/perl
# The documents agree with the tree: links and anchors lead somewhere, files, verbs, options, directives and log numbers that are
# named exist, examples in JSON parse, scripts are scripts. Configurations of doc/in-front.md are run by t/84, the clients by t/83.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use File::Basename qw(dirname);
use JSON::PP ();
use KissTest;
use Test::More;

my $top = top();
my @documents = map { s{^\Q$top\E/}{}r } map { glob "$top/$_" } qw(README.md conf/*.md doc/*.md findings/*.md t/*/README.md);
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

# What code says that it knows.
my $help = (run({}, build_dir() . '/support/kissctl', '--help'))[1];
my %verb = map { $_ => 1 } $help =~ /^  ((?:kss )?[a-z-]+(?: [a-z]+)?)\b/mg;
ok $verb{import} && $verb{'kss doctor'}, 'verbs were found';
my %option = map { $_ => 1 } slurp("$top/support/kissctl.c") =~ /^ +\{OPT_\w+, "([a-z-]+)",/mg;
my %directive = map { $_ => 1 } slurp("$top/mod_kiss/kiss_config.c") =~ /AP_INIT_\w+\("(\w+)"/g;
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

# The manuals are reached from the README.
for my $document (grep { m{^doc/} } @documents) {
    like $text{'README.md'}, qr/\]\(\Q$document\E[)#]/, "README.md leads to $document";
}

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
