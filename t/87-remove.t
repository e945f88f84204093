#!/usr/bin/perl
# How it is removed (README): make uninstall leaves no file; httpd goes on without the module when it was taken out of the
# configuration before the file went, and says so at configtest when it was not.
# SPDX-License-Identifier: Apache-2.0
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use File::Copy qw(copy);
use File::Find qw(find);
use KissTest;
use Test::More;

subtest 'make install, make uninstall' => sub {
    my $root = tempdir_here();
    my $files = sub { my %f; find(sub { $f{$File::Find::name =~ s/^\Q$root\E//r} = 1 if !-d }, $root); return \%f };
    my @make = ('make', '-s', '-C', build_dir(), "DESTDIR=$root");
    my ($rc, $out, $err) = run({ timeout => 300 }, @make, 'install');
    is $rc, 0, 'install' or return diag "$out$err";
    my $installed = $files->();
    ok scalar(grep {m{/mod_kiss\.so\z}} keys %$installed), 'the module is there';
    ok scalar(grep {m{/bin/kissctl\z}} keys %$installed), '... and kissctl';
    is scalar(grep {m{/t/|/unit/|/fuzz/}} keys %$installed), 0, '... and nothing of the tests';
    is +(run({ timeout => 300 }, @make, 'uninstall'))[0], 0, 'uninstall';
    is_deeply $files->(), {}, 'no file stays';
    my @folders;
    find(sub { push @folders, $File::Find::name if -d && $_ eq 'mod_kiss' }, $root);
    is "@folders", '', 'and no folder of its own';
};

import_sample(new_database('remove'));
my $own = tempdir_here() . '/mod_kiss.so';
copy(build_dir() . '/mod_kiss/.libs/mod_kiss.so', $own) or die "$own: $!";
my $h = start_httpd(module => $own);
spew("$h->{root}/htdocs/index.html", "another site\n");
is $h->get('/api/version')->{status}, 200, 'the API is served';

$h->rewrite(kiss => 0)->restart;
is $h->get('/index.html')->{content}, "another site\n", 'out of the configuration: the other site goes on';
is $h->get('/api/version')->{status}, 404, '... and the API is gone';
unlink $own or die "$own: $!";
$h->graceful;
is $h->get('/index.html')->{content}, "another site\n", 'the file removed: httpd reloads';
my ($rc, $out) = configtest(qq(LoadModule kiss_module "$own"\n), kiss => 0);
isnt $rc, 0, 'a module that is configured and gone';
like $out, qr/Cannot load \Q$own\E into server/, '... is what configtest finds';
$h->log_ok;
done_testing;
