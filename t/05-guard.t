#!/usr/bin/perl
# What the compiler cannot see: documents that follow the code, and units that know no more than they may.
# SPDX-License-Identifier: Apache-2.0
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use KissRooms;
use KissTest;
use Test::More;

my $top = top();
my %source = map { (m{/mod_kiss/(.+)$})[0] => slurp($_) } map { glob "$top/mod_kiss/$_*.[ch]" } '', map {"$_/"} grep { $_ ne '.' } rooms();
my ($conf, $readme, $errors) = map { slurp("$top/$_") } qw(conf/kiss.conf README.md conf/errors.md);

# Directives: code, annotated reference, README.
my %directive = map { $_ => 1 } $source{'core/directives.c'} =~ /AP_INIT_\w+\("(\w+)"/g;
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
my @listed = $errors =~ /^\| KISS(\d+)/mg;
is_deeply [grep { !$number{$_} } @listed], [], 'conf/errors.md lists no others';
is "@listed", join(' ', sort keys %{ { map { $_ => 1 } @listed } }), '... each once, in their order';

# Each unit stands in one room; includes lead into the same room or into one below it, and never back.
my (%includes, %unit);
for my $file (sort keys %source) {
    my $unit = rooms_unit($file);
    $unit{$unit} = 1;
    $includes{$unit}{$_} = 1 for grep { $_ ne $unit } map { rooms_unit($_) } $source{$file} =~ /^#include "([^"]+)"/mg;
}
my @strange = grep { !-e "$top/mod_kiss/$_" || !exists $source{$_} } map { m{/mod_kiss/(.+)$} }
    map { glob "$top/mod_kiss/$_/*.[ch]" } qw(* */* */*/*);
is "@strange", '', 'every file is in a room that t/lib/KissRooms.pm knows';
for my $unit (sort keys %unit) {
    my $room = rooms_room($unit);
    my %may = map { $_ => 1 } $room, rooms_may($room);
    is_deeply [grep { !$may{ rooms_room($_) // 'none' } } sort keys %{ $includes{$unit} }], [],
        "$unit ($room) includes nothing of a room beside it or above";
}
my %higher = map { $_ => 1 } rooms();
for my $room (rooms()) {
    delete $higher{$room};
    is_deeply [grep { $higher{$_} } rooms_may($room)], [], "$room stands on rooms that stand before it";
}
# kiss_module, by which httpd finds what belongs to the module, is no call.
my %own = map { $_ => $source{$_} =~ s/\bkiss_module\b//gr } keys %source;
is_deeply circles(\%own), [], 'no two units know each other, by includes or by calls';

# Tests of units, fuzz targets and measurements need no httpd.
for my $path (sort map { glob "$top/$_/*.[ch]" } qw(t/unit t/fuzz t/tools t/bench)) {
    my @foreign = grep { $unit{$_} && rooms_room($_) !~ m{^lib/} } map { rooms_unit($_) }
        slurp($path) =~ /^#include "([^"]+)"/mg;
    is "@foreign", '', substr($path, 1 + length $top) . ' includes nothing that needs httpd' if @foreign;
}

# The units of libkiss know neither httpd nor the database. They are compiled without the folders of those headers; what the
# compiler finds by itself, <mariadb/mysql.h> for one, is looked for here.
my $makefile = slurp("$top/Makefile.am");
my $pure = join ' ', $makefile =~ /libkiss(?:_mariadb)?_la_SOURCES = (.*?)\n\S/sg;
for my $file (sort $pure =~ m{mod_kiss/(\S+)}g) {
    unlike $source{$file}, qr/#\s*include ["<](?:[^">]*\/)?(?:httpd|http_\w+|ap_\w+|util_\w+|mysql|kiss)\.h[">]/, "$file is pure";
}
unlike $makefile, qr/^libkiss_la_\w*FLAGS/m, 'libkiss is compiled with the flags of all';
# Of its own, whatever make runs this test.
my ($made, $compile) = run({ env => { MAKEFLAGS => '' } }, 'make', '-s', '--no-print-directory', '-C', build_dir(),
    '--eval=show-compile: ; @echo $(CC) $(AM_CPPFLAGS) $(CPPFLAGS) $(CFLAGS)', 'show-compile');
chomp $compile;
is $made, 0, '... which make knows';
is compiles('apr_pools.h'), 0, '... find APR';
SKIP: {
    skip 'APR and httpd are installed in one folder', 1 if grep { -e "$_/httpd.h" } $compile =~ /(?:^|\s)-I\s*(\S+)/g;
    is compiles($_), 1, "... and not $_" for qw(httpd.h http_config.h mysql.h);
}

# compiles($header): the compiler's exit status for a file that includes it.
sub compiles {
    my ($header) = @_;

    return (run({ stdin => "#include <$header>\n" },
        'sh', '-c', "cd \"\$1\" && $compile -fsyntax-only -x c -", 'sh', build_dir()))[0];
}

# The module has one name for httpd, and none by which it and another module could meet.
my ($listed, $names) = run('nm', '-D', '--defined-only', build_dir() . '/mod_kiss/.libs/mod_kiss.so');
is $listed, 0, 'the names that the module exports';
is_deeply [$names =~ /\s(\S+)$/mg], ['kiss_module'], '... are one';

is_deeply [sort keys %{ { map { rooms_unit($_) => 1 } $pure =~ m{mod_kiss/(\S+)}g } }],
    [grep { rooms_room($_) =~ m{^lib/} } sort keys %unit], 'libkiss is the rooms below lib/';
is_deeply [grep { $source{$_} =~ /apr_dbd|mysql_|MYSQL/ && !m{^db/} } sort keys %source],
    ['mod_kiss.c'], 'only the units in db/ use the database client (mod_kiss.c names its version)';
is_deeply [grep { $source{$_} =~ /\b(?:HMAC|EVP_\w+) ?\(|CRYPTO_memcmp/ } sort keys %source], ['lib/base/crypto.c'],
    'only lib/base/crypto computes digests';

# kissctl: the prefix of a file is its room, and a room includes its own files and those of the rooms named here.
my %support = map { (m{([^/]+)$})[0] => slurp($_) } glob "$top/support/*.[ch]";
my %room = (
    csv => [],
    ctl => [qw(csv)],
    schema => [qw(ctl)],
    demo => [qw(ctl)],
    import => [qw(csv ctl schema)],
    doctor => [qw(ctl schema)],
    setup => [qw(ctl schema)],
    notify => [qw(ctl)],
    cmd => [qw(csv ctl schema demo import doctor setup notify)],
    kissctl => [qw(ctl cmd)],
);
my %library = map { $_ => 1 } $pure =~ m{mod_kiss/(\S+\.h)}g;

for my $file (sort keys %support) {
    my ($here) = $file =~ /^([a-z]+)[_.]/;
    my %may = map { $_ => 1 } $here, @{ $room{$here} || [] };
    my @wrong = grep { $support{$_} ? !$may{ (/^([a-z]+)/)[0] } : !$library{$_} } $support{$file} =~ /^#include "([^"]+)"/mg;

    ok $room{$here}, "support/$file is in a room";
    is "@wrong", '', "support/$file includes its own room, rooms below it and libkiss";
    is_deeply [grep { !/^\Q$here\E_/ } $file =~ /\.h$/ ? declared($support{$file}) : ()], [], "support/$file declares names of its room";
    like $support{$file}, qr{\A/\* SPDX-License-Identifier: Apache-2\.0 \*/\n/\*\*\n \* \Q@{[$file =~ s/\.[ch]$//r]}\E - }, "support/$file begins with what it is";
}
is_deeply [grep { !/^demo/ && $support{$_} =~ /^#include "demo/m } sort keys %support], ['cmd_kss_demo.c'],
    'one verb knows the generator of demo data';
is_deeply circles(\%support), [], 'no two units of support/ know each other, by includes or by calls';
my %knot = ('one.h' => "int one(void);\n", 'one.c' => qq(#include "two.h"\n\nint one(void)\n{\n    return two();\n}\n),
    'two.h' => "int two(void);\n", 'two.c' => "/* one() */\nint two(void)\n{\n    return 2;\n}\n");
is_deeply circles(\%knot), [], 'a name in a comment is no call';
$knot{'two.c'} =~ s/return 2/return one()/;
is_deeply circles(\%knot), ['one two one'], 'a circle of calls is found';

# Each file of the module begins with what it is. Comments have the field's words and plain English: not these.
my $banned = qr/\b(?:keeper|snapfile|verdicts?|growing|longest\ unused|that\ nobody\ sets|that\ what|so\ many|g(?:ave|ives?|iven)\ back|whatever
    |behind(?!\ a\ proxy)|beside|stands?(?!\ for)|said|told|looks?\ (?:whether|once\ more|through)|in\ the\ making)\b/xi;
for my $file (sort keys %source) {
    my ($unit) = $file =~ m{([^/]+)\.[ch]$};
    like $source{$file}, qr{\A/\* SPDX-License-Identifier: Apache-2\.0 \*/\n/\*\*(?:\n \*)? \Q$unit\E - }, "$file begins with what it is";
}
is_deeply [map { my $file = $_; map {"$file: $_"} banned($source{$file} // $support{$file}) } sort(keys %source), sort keys %support], [],
    'no comment has a word that others would not understand';
is_deeply [banned(qq(/* A keeper\n * looks\n * through. */ f("/* beside */"); /* NULL stands for "behind a proxy". */))],
    ['keeper', 'looks through'], 'such words are found, in comments only';

# The words of $banned in the comments of a file.
sub banned {
    my ($text) = @_;
    my @found;

    while ($text =~ m{"(?:[^"\\\n]|\\.)*"|/\*(.*?)\*/}sg) {
        my $comment = $1 // next;
        $comment =~ s/\s+(?:\*\s+)?/ /g;
        push @found, $comment =~ /($banned)/g;
    }
    return @found;
}

# The functions and data that the code has outside comments and strings.
sub code {
    my ($text) = @_;

    $text =~ s{/\*.*?\*/|"(?:[^"\\\n]|\\.)*"}{ }sg;
    return $text;
}

# The functions and data that a header declares.
sub declared { return code($_[0]) =~ /^(?!typedef|#|struct|\})[a-z][^;{}]*?\b(\w+)(?:\([^;{}]*|(?:\[\w*\])?);/mg }

# The circles of units: each a list of names that ends with its first. A unit knows those whose headers it includes, and those
# that define what it uses of what headers declare.
sub circles {
    my ($files) = @_;
    my (%declared, %home, %knows, %state, @found);

    for my $file (grep {/\.h$/} keys %$files) {
        $declared{$_} = 1 for declared($files->{$file});
    }
    for my $file (grep {/\.c$/} keys %$files) {
        $home{$_} = $file =~ s/\.c$//r
            for grep { $declared{$_} } code($files->{$file}) =~ /^(?!static|typedef|#|\s)[^;{}=()]*?\b(\w+)(?=\(|\[\]| =)/mg;
    }
    for my $file (keys %$files) {
        my $unit = $file =~ s/\.[ch]$//r;

        $knows{$unit}{ s/\.h$//r } = 1 for grep { $files->{$_} } $files->{$file} =~ /^#include "([^"]+)"/mg;
        $knows{$unit}{ $home{$_} } = 1 for $file =~ /\.c$/ ? grep { $home{$_} } code($files->{$file}) =~ /(\w+)/g : ();
        delete $knows{$unit}{$unit};
    }
    my $walk;
    $walk = sub {
        my @path = @_;

        $state{ $path[-1] } = 'open';
        for my $next (sort keys %{ $knows{ $path[-1] } }) {
            if (($state{$next} || '') eq 'open') {
                my @circle = (@path, $next);
                shift @circle while $circle[0] ne $next;
                push @found, "@circle";
            }
            $walk->(@path, $next) if !$state{$next};
        }
        $state{ $path[-1] } = 'done';
    };
    $state{$_} || $walk->($_) for sort keys %knows;
    return \@found;
}

# Every source file names its licence.
my @sources = map { glob "$top/$_" } qw(mod_kiss/*.[ch] mod_kiss/*/*.[ch] mod_kiss/*/*/*.[ch] support/*.[ch] t/*.t t/lib/*.pm t/lib/*/*.pm
    t/unit/*.[ch] t/fuzz/*.[ch] t/tools/*.c t/bench/*.c t/bench/*/*.pm doc/pollers/* findings/*.sh);
is_deeply [map { substr $_, 1 + length $top } grep { slurp($_) !~ /SPDX-License-Identifier: Apache-2\.0/ } @sources], [],
    'every source file has its SPDX line';

# Test files: each has its own number, and no name is another's with a few letters more.
my %test = map { m{/(\d\d)-([a-z][a-z0-9-]*)\.t$} ? ($2 => $1) : ($_ => '') } glob "$top/t/*.t";
my %count;
$count{$_}++ for values %test;
is_deeply [grep { $test{$_} eq '' } sort keys %test], [], 'every test file is called NN-name.t';
is_deeply [map { "$test{$_}-$_" } grep { $count{ $test{$_} } > 1 } sort keys %test], [], 'no two test files share a number';
is scalar(keys %test), scalar(() = glob "$top/t/*.t"), '... or a name';
is_deeply [twins(keys %test)], [], '... and no two names are nearly the same';
is_deeply [twins(qw(conf config import import-guard kss-import reader readers))], ['conf config', 'reader readers'],
    'names that are nearly the same are found';

# The pairs of names of which one is the other with a few letters more; another word more makes another name.
sub twins {
    my @names = sort @_;

    return map { my $name = $_; map {"$name $_"} grep { /\A\Q$name\E[a-z0-9]/ } @names } @names;
}

is_deeply [map { substr $_, 1 + length $top } grep { slurp($_) =~ /^(?:<{7}|>{7}) /m } @sources], [],
    'no source file has the marks of a merge';

# What .editorconfig and CONTRIBUTING.md say of the form of C files. A line may be longer where its text would have to be cut.
for my $path (grep {/\.[ch]$/} @sources) {
    my ($n, $blank, @wrong) = (0, 0);

    for (split /\n/, slurp($path), -1) {
        my $code = s/"(?:[^"\\]|\\.)*"/""/gr =~ s{/\*.*}{}r;

        $n++;
        $blank = /\S/ ? 0 : $blank + 1;
        push @wrong, "line $n: $_->[0]" for grep { $_->[1] } (
            ['a tab', /\t/], ['blanks at its end', /\s$/], ['two blank lines', $blank > 1],
            ['longer than 125', length > 125 && !/"[^"]{50,}"/],
            ['else on the line of a brace', $code =~ /\}\s*else/],
            ['no blank after a keyword', $code =~ /\b(?:if|for|while|switch)\(/],
            ['a body on the line of its condition', $code =~ /^\s*(?:if|while) \(.*\)\s+[^{&|?]*;$/],
            ['the star of a pointer at its type', $code =~ /\b(?:char|void|int|const|apr_\w+_t|kiss_\w+)\* \w/],
        );
    }
    is "@wrong", '', substr($path, 1 + length $top) . ' is formatted';
}

# A condition would leave out our own headers where it does not hold, which is another machine: only what stands for a library may be left out.
for my $path (grep {/\.c$/} @sources) {
    my ($depth, @conditional) = (0);
    for (split /\n/, slurp($path)) {
        $depth++ if /^#\s*if/;
        $depth-- if /^#\s*endif/;
        push @conditional, $1 if $depth && /^#\s*include "(.*)"/ && $1 !~ m{^reference/};
    }
    is "@conditional", '', substr($path, 1 + length $top) . ' includes our headers without a condition' if @conditional;
}

# A function fits a screen.
my %code = (%source, %support);
for my $file (sort grep {/\.c$/} keys %code) {
    my ($start, $n, @long) = (0, 0);
    for (split /\n/, $code{$file}) {
        $n++;
        $start = $n if /^\{/;
        push @long, "line $start" if /^\}$/ && $start && $n - $start > 62;
        $start = 0 if /^\}/;
    }
    is "@long", '', "$file: no function is longer than a screen";
    # A table of data is as long as what it describes.
    cmp_ok $n, '<=', 620, "$file is not too long" if $code{$file} =~ /^\{/m;
}

# A test file that is ended from outside, since it took too long, says where.
{
    my $file = tempdir_here() . '/slow.t';
    spew($file, "use KissTest;\nuse Test::More;\nsub hangs {\n    kill TERM => \$\$;\n    sleep 5;\n}\nsubtest one => sub {\n    hangs();\n};\n");
    my ($rc, $out, $err) = run({}, $^X, "-I$top/t/lib", $file);
    isnt $rc, 0, 'a test file that is ended by a signal has failed';
    like $err, qr/^# \Q$file\E was ended by SIGTERM after \d+ s, at line [45], called from line 8/m, '... and says where it was';
}
done_testing;
