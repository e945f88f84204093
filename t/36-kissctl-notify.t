#!/usr/bin/perl
# kissctl notify: who is told of which change, with which signature, how often; and who is not.
# SPDX-License-Identifier: Apache-2.0
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Fcntl qw(:flock);
use POSIX ();
use Digest::SHA qw(hmac_sha256_hex);
use IO::Socket::INET;
use JSON::PP ();
use KissTest;
use Test::More;

my $db = new_database('notify');
import_sample($db);
my $dir = tempdir_here();
my $secret = 'b5c9' x 16;
spew("$dir/secret", "$secret\n", 0600);

# A receiver: a process that answers its n-th request with the n-th status of @plan (204 after those), and keeps what came.
my @receivers;
sub receiver {
    my ($name, @plan) = @_;
    my $listen = IO::Socket::INET->new(Listen => 5, LocalAddr => '127.0.0.1') or die "listen: $!";
    my $file = "$dir/$name";
    my $pid = fork // die "fork: $!";
    if (!$pid) {
        while (my $s = $listen->accept) {
            my ($got, $n) = ('', undef);
            while (!defined $n || length $got < $n) {
                sysread($s, $got, 8192, length $got) or last;
                $n = index($got, "\r\n\r\n") + 4 + $1 if !defined $n && index($got, "\r\n\r\n") >= 0 && $got =~ /^Content-Length: (\d+)/mi;
            }
            open my $f, '>>', $file or POSIX::_exit(1);
            print {$f} "$got\0" or POSIX::_exit(1);
            close $f or POSIX::_exit(1);
            my $status = @plan ? shift @plan : 204;
            # 0: goes away without an answer.
            syswrite $s, "HTTP/1.1 $status x\r\nContent-Length: 0\r\nLocation: http://127.0.0.1:1/\r\nConnection: close\r\n\r\n" if $status;
            close $s;
        }
        POSIX::_exit(0);
    }
    my $r = { url => 'http://127.0.0.1:' . $listen->sockport . "/$name", file => $file, pid => $pid };
    push @receivers, $r;
    return $r;
}
END { my $rc = $?; kill 'TERM', map { $_->{pid} } @receivers; waitpid $_->{pid}, 0 for @receivers; $? = $rc }

# What came since it was asked last, each { line, headers, body }.
sub came {
    my ($r) = @_;
    my @all = map { my ($head, $body) = split /\r\n\r\n/, $_, 2; my ($line, @h) = split /\r\n/, $head;
        { line => $line, body => $body, headers => { map { /^([^:]+): (.*)/ ? (lc $1 => $2) : () } @h } } } split /\0/, -e $r->{file} ? slurp($r->{file}) : '';
    unlink $r->{file};
    return @all;
}

sub conf {
    my ($name, @lines) = @_;
    spew("$dir/$name", join "\n", "# who", @lines, '');
    return "$dir/$name";
}

# notify($conf): exit status and standard error of a run.
sub notify { my ($rc, $out, $err) = kissctl('notify', @_); is $out, '', 'says nothing on standard output'; return ($rc, $err) }
sub change { my ($sql) = @_; return sql($db, $sql) }

my $one = receiver('one');
my $two = receiver('two');
my $conf = conf('conf', "secret-file = $dir/secret", "state=$dir/state", "target = $one->{url}", " target=$two->{url} ");

subtest 'the first run tells nobody' => sub {
    is_deeply [notify($conf)], [0, ''], 'done';
    is_deeply [map { came($_) } $one, $two], [], 'nothing came';
    is_deeply [notify($conf)], [0, ''], 'nor when nothing has changed';
    is_deeply [map { came($_) } $one, $two], [], '... does anything come';
    is((stat "$dir/state")[2] & 0777, 0600, 'what they know is in a file of its owner');
};

my %ids;
subtest 'a change' => sub {
    change('UPDATE stock SET available_qty = available_qty + 1 LIMIT 1');
    my $before = time;
    is_deeply [notify($conf)], [0, ''], 'done';
    for my $r ($one, $two) {
        my @got = came($r);
        is scalar @got, 1, 'each is told once' or next;
        my ($h, $body) = @{ $got[0] }{qw(headers body)};
        is $got[0]{line}, 'POST ' . ($r->{url} =~ m{:\d+(/.*)})[0] . ' HTTP/1.1', 'POST';
        is $body, '{"event":"lists-changed","lists":["/stock"]}', 'of the list, and nothing of what is in it';
        is $h->{'content-type'}, 'application/json', 'Content-Type';
        like $h->{'x-kiss-timestamp'}, qr/^\d+$/, 'timestamp';
        ok $h->{'x-kiss-timestamp'} >= $before && $h->{'x-kiss-timestamp'} <= time, '... of the attempt';
        is $h->{'x-kiss-signature'}, 'sha256=' . hmac_sha256_hex("$h->{'x-kiss-timestamp'}.$body", $secret), 'signature';
        like $h->{'x-kiss-delivery'}, qr/^[\w-]{22}$/, 'delivery';
        ok !$ids{ $h->{'x-kiss-delivery'} }++, '... of its own';
        unlike join("\n", %$h), qr/\Q$secret\E/, 'the secret stays here';
    }
    is_deeply [notify($conf)], [0, ''], 'the same again';
    is_deeply [map { came($_) } $one, $two], [], '... is told to nobody';
};

subtest 'which lists' => sub {
    for (['UPDATE price SET unit_price = unit_price + 1 LIMIT 1', ['/prices', '/products']], ["UPDATE product SET name = CONCAT(name, '!') LIMIT 1", ['/products']],
        ["UPDATE revision SET n = n + 1 WHERE dataset = 'epoch'", ['/prices', '/products', '/stock']], ["UPDATE customer SET name = 'x' LIMIT 1", undef]) {
        change($_->[0]);
        is +(notify($conf))[0], 0, $_->[0];
        my @got = came($one);
        is_deeply @got ? [sort @{ JSON::PP::decode_json($got[0]{body})->{lists} }] : undef, $_->[1], '... those whose ETag is another one';
    }
    came($two);
};

subtest 'a receiver that fails' => sub {
    my $weak = receiver('weak', 503, 0, 204, 503, 429, 301);
    my $gone = receiver('gone', 410, 204);
    my $c = conf('failing', "secret-file=$dir/secret", "state=$dir/failing.state", 'attempts=3', map {"target=$_->{url}"} $weak, $gone, $one);
    notify($c);
    change('UPDATE stock SET available_qty = available_qty + 1 LIMIT 1');
    my ($rc, $err) = notify($c);
    is $rc, 1, 'somebody could not be told';
    my @got = came($weak);
    is scalar @got, 3, 'no answer and 503 are tried again';
    is scalar(keys %{ { map { $_->{headers}{'x-kiss-delivery'} => 1 } @got } }), 1, '... as one delivery';
    is $_->{headers}{'x-kiss-signature'}, 'sha256=' . hmac_sha256_hex("$_->{headers}{'x-kiss-timestamp'}.$_->{body}", $secret), '... signed each time' for @got;
    is scalar(came($gone)), 1, '410 is not';
    is scalar(came($one)), 1, 'who answered is told once';
    like $err, qr/^kissctl: \Q$weak->{url}\E: status 503$/m, 'which one, and why';
    like $err, qr/^kissctl: \Q$gone->{url}\E: status 410$/m, '... and why for good';
    like $err, qr/^kissctl: 1 of 3 could not be told: the next run tries again$/m, '... how many';
    is_deeply [notify($c)], [0, ''], 'the next run';
    is_deeply [map { scalar came($_) } $weak, $gone, $one], [0, 1, 0], '... tells those that were left';
    change('UPDATE price SET unit_price = unit_price + 1 LIMIT 1');
    ($rc, $err) = notify($c);
    is $rc, 1, 'a redirect is no success';
    like $err, qr/status 301/, '... is not followed';
    change('UPDATE stock SET available_qty = available_qty + 1 LIMIT 1');
    came($weak);
    notify($c);
    is((came($weak))[0]{body}, '{"event":"lists-changed","lists":["/products","/stock","/prices"]}', 'what it missed is told with what is new');
};

subtest 'nobody there, a run that has not ended' => sub {
    my $c = conf('absent', "secret-file=$dir/secret", "state=$dir/absent.state", 'attempts=1', 'target=http://127.0.0.1:1/x');
    notify($c);
    change('UPDATE stock SET available_qty = available_qty + 1 LIMIT 1');
    my ($rc, $err) = notify($c);
    is $rc, 1, 'nobody listens';
    like $err, qr{^kissctl: http://127\.0\.0\.1:1/x: .*connect}mi, '... which it says';
    open my $lock, '+<', "$dir/absent.state.lock" or die $!;
    my $held = pack 's s x4 q q i x4', Fcntl::F_WRLCK(), 0, 0, 0, 0;
    # APR takes the one or the other, as it was built.
    fcntl($lock, Fcntl::F_SETLK(), $held) && flock($lock, Fcntl::LOCK_EX()) or die "lock: $!";
    ($rc, $err) = notify($c);
    is $rc, 1, 'another run';
    like $err, qr{/absent\.state: another run has not ended$}m, '... which it says';
};

subtest 'the file' => sub {
    spew("$dir/short", "too short\n", 0600);
    spew("$dir/open", "$secret\n", 0644);
    my @good = ("secret-file=$dir/secret", "state=$dir/x.state", 'target=https://localhost/');
    for ([['nonsense'], qr{/bad:2: not 'key = value'$}], [['colour=red'], qr{/bad:2: there is no setting 'colour': target, secret-file, state, ca, attempts$}],
        [['target='], qr{:2: a value is missing}], [['target=http://example.com/'], qr{:2: 'http://example\.com/' is plain HTTP to another machine}],
        [['target=ftp://x'], qr{:2: 'ftp://x' is no URL}], [['target=https://a/', 'target=https://a/'], qr{:3: 'https://a/' is there twice}],
        [['attempts=0'], qr{:2: attempts wants a whole number from 1 to 10}], [['state=x'], qr{:2: state must be a path from the root}],
        [["secret-file=$dir/short"], qr{:2: .*/short: the secret is shorter than 32 characters: 'openssl rand -hex 32' makes one}],
        [["secret-file=$dir/open"], qr{:2: .*/open}], [[@good[1, 2]], qr{: secret-file is missing}], [[@good[0, 2]], qr{: state is missing}],
        [[@good[0, 1]], qr{: target is missing}], [[@good[0, 2], 'state=/nonexistent/x'], qr{cannot open /nonexistent/x\.lock}]) {
        my ($rc, $err) = notify(conf('bad', @{ $_->[0] }));
        is $rc, 1, "@{ $_->[0] }";
        like $err, qr/$_->[1]/m, '... says what is wrong';
        unlike $err, qr/\Q$secret\E/, '... without the secret';
    }
    like +(notify("$dir/none"))[1], qr{/none: No such file}, 'none';
    my ($sample) = slurp(top() . '/conf/notify.conf.sample');
    $sample =~ s{/etc/mod_kiss/notify\.secret}{$dir/secret}; $sample =~ s{/var/lib/mod_kiss}{$dir};
    spew("$dir/sample", $sample);
    is_deeply [notify("$dir/sample")], [0, ''], 'the sample is a file that can be used';
};

done_testing;
