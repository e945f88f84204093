# SPDX-License-Identifier: Apache-2.0
package KissTest::Lists;

# Whole lists as they are asked for and kept: an httpd whose access log says what became of each request, and its snapshots.

use strict;
use warnings;
use Compress::Zlib qw(crc32);
use Exporter 'import';
use Fcntl qw(F_UNLCK F_WRLCK);
use KissTest;
use KissTest::Load;

our @EXPORT = qw(serve_lists ask_list ask_id fate fates folder snapshots path_of kept_bytes kept_parts change_all discount_of lock_file holders);

my ($serial, $asked) = (0, 0);

# serve_lists(\%key, %option): start_httpd() with tokens of these customers in {bearer}. cache: a directory that is not the server's own.
sub serve_lists {
    my ($key, %opt) = @_;
    my ($config, $cache) = delete @opt{qw(config cache)};
    my $log = tempdir_here() . '/access.' . ++$serial;
    my $lines = qq(LogFormat "%{X-Ask}i %{kiss-snapshot}n %U" s\nCustomLog "$log" s\n) . ($config // '');
    $lines .= qq(KissCacheDir "$cache"\n) if $cache;
    my $h = start_httpd(pool => 'max=4', %opt, config => $lines);
    $h->{access} = $log;
    $h->{cache} = $cache || "$h->{root}/cache";
    $h->{bearer} = { map { $_ => 'Bearer ' . $h->token($_, $key->{$_}) } keys %$key };
    return $h;
}

# ask_id(): a name for one request, sent as X-Ask.
sub ask_id { return "$$." . ++$asked }

# ask_list($h, $path, $customer, %headers): the answer, with the request's name in {id}.
sub ask_list {
    my ($h, $path, $customer, @more) = @_;
    my $id = ask_id();
    my $res = $h->get($path, Authorization => $h->{bearer}{ $customer || 'ACME01' }, 'X-Ask' => $id, @more);
    $res->{id} = $id;
    return $res;
}

# fate($h, $res): what became of one request: "hit", "built", "patched", "compressed", "compared" or "-".
sub fate {
    my ($h, $res) = @_;
    my $fate;
    wait_until(5, sub { ($fate) = slurp($h->{access}) =~ /^\Q$res->{id}\E (\S+) /m; $fate }) or return 'not logged';
    return $fate;
}

# fates($h, $path, $n): what became of the requests for a path, which are at least n by then, in their order.
sub fates {
    my ($h, $path, $n) = @_;
    my @lines;
    wait_until(5, sub { @lines = grep {/ \Q$path\E\z/} split /\n/, slurp($h->{access}); @lines >= $n });
    return join ' ', map { (split)[1] } @lines;
}

sub folder { my ($h) = @_; return "$h->{cache}/snapshots" }
sub snapshots { my ($h) = @_; my @all = sort glob folder($h) . '/*.json'; return @all }
sub path_of { my ($h, $res) = @_; return kept_file(folder($h), $res->{headers}{etag} =~ /"(.*)"/) }
sub kept_bytes { my ($h) = @_; my $n = 0; $n += -s $_ || 0 for snapshots($h); return $n }

# kept_parts($path): what a file of a kept list consists of: {answer}, {label}, {chunks}, each [length, compressed length], and {trailer};
# undef when it is not sound.
sub kept_parts {
    my ($path) = @_;
    my $file = slurp($path);
    my $trailer = length $file < 32 ? '' : substr $file, -32, 32, '';
    my ($magic, $size, $label, $chunks, $crc, $extents) = unpack 'a8 Q L L L L', $trailer;
    my $own = length($file) - ($label || 0) - 24 * (($chunks || 0) + ($extents || 0));
    return if !$trailer || $magic ne "kiss-4\n\0" || $own < 0 || (!$extents && $own != $size) || crc32($file) != $crc;
    my $answer = substr $file, 0, $own;
    if ($extents) {
        my ($base) = substr($file, $own, $label) =~ /^Base: (.*)$/m;
        my $other = kept_parts(($path =~ s{[^/]+\z}{}r) . "$base.json") or return;
        $answer = join '', map { my ($at, $n, $is_base) = unpack 'Q3', $_; substr $is_base ? $other->{answer} : $answer, $at, $n }
            map { substr $file, $own + $label + 24 * ($chunks + $_), 24 } 0 .. $extents - 1;
        return if length $answer != $size;
    }
    return {
        answer => $answer, label => substr($file, $own, $label), trailer => $trailer,
        chunks => [map { [(unpack 'Q L L L L', substr $file, $own + $label + 24 * $_, 24)[1, 3]] } 0 .. $chunks - 1],
    };
}

# lock_file($path): takes all build locks that are in a file (F_OFD_SETLK), until what is returned is called. Closing it would not do: a
# process that was forked has it open, too.
sub lock_file {
    my ($path) = @_;
    open my $f, '+<', $path or die "$path: $!";
    my $set = sub { my $lock = pack 's s x4 q q i x4', $_[0], 0, 0, 0, 0; fcntl $f, 37, $lock or die "$path: $!" };
    $set->(F_WRLCK);
    return sub { $set->(F_UNLCK) };
}

# holders($name, @servers): the children that hold a lock of a file of this name in the directory of kept lists.
sub holders {
    my ($name, @servers) = @_;
    my $holds = sub {
        my ($fd) = @_;
        (readlink $fd || '') =~ m{/$name\z} && open my $info, '<', $fd =~ s{/fd/}{/fdinfo/}r or return 0;
        return grep {/^lock:.* WRITE /} <$info>;
    };
    my @pids = sort grep { grep { $holds->($_) } glob "/proc/$_/fd/*" } map { $_->children } @servers;
    return @pids;
}

# change_all($db): no list is any more what it was.
sub change_all { my ($db) = @_; return sql($db, 'UPDATE revision SET n = n + 1') }

sub discount_of {
    my ($db, $customer) = @_;
    return (sql($db, "SELECT discount_percent FROM customer WHERE customer_code = '$customer'"))[0][0];
}

1;
