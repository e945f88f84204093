# HAProxy with conf/front/haproxy.cfg and two hosts, while lists are polled, downloaded in pieces and built, rows change, and payments are
# allocated: what becomes of it when a host is killed, hangs, stops, reloads, or loses its connections. No answer is wrong, no write is lost
# or made twice, and what fails does so within two seconds.
# SPDX-License-Identifier: Apache-2.0
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Compress::Zlib ();
use KissTest;
use KissTest::Faults;
use KissTest::Load;
use KissTest::Payments;
use KissTest::Proxy;
use Test::More;
use Time::HiRes qw(sleep time);

eval { require IO::Socket::SSL; require KissTest::Front; 1 } or plan skip_all => 'no IO::Socket::SSL';
KissTest::Front::program('haproxy') or plan skip_all => 'haproxy is not there: t/cluster/programs';

# ---- both APIs at two hosts

my $db = new_database('balancer');
import_sample($db);
grow(db_server(), $db, 3000);
my $key = issue_key('ACME01');
my $kss = new_database('balancer_kss', api => 'kss');
my $payer = make_payments($kss, 8, 100_000);
my $site = KissTest::Front->new(db => $db, kss => $kss);
# host($i, %option): as many free threads as a host has: those of connections that its clients have left are not used up.
sub host { my ($i, %opt) = @_; return $site->host($i, more => 'KissKeyLimit 1000000', processes => 2, threads => 16, undocumented => 1, %opt) }
my @host = map { host($_) } 0, 1;
my $front = $site->front('haproxy');
my $form = { grant_type => 'client_credentials', client_id => 'ACME01', client_secret => $key };
my $token = $host[0]->json($front->client->post_form("$front->{url}/auth/token", $form))->{access_token};
my @auth = (Authorization => "Bearer $token");

# ---- the truth: one quantity changes, everything else stays

my ($sku) = map { $_->[0] } sql($db, "SELECT sku FROM stock WHERE stock_location = 'UK01' ORDER BY sku LIMIT 1");
my $version = 1000;
sub change { my ($n) = @_; return sql($db, "UPDATE stock SET available_qty = $n WHERE stock_location = 'UK01' AND sku = '$sku'") }
# version_of($body): the quantity, and the rest.
sub version_of { my ($body) = @_; $body =~ s/("\Q$sku\E"[^{}]*?"AvailableQTY":)(\d+)/$1/ or return; return ($2, $body) }
change($version);
my (undef, $rest) = version_of(fetch($front, '/stock', @auth)->{content});
ok length($rest // '') > 100_000, 'a list';

# ---- what is done meanwhile; each call returns { role, status, n, wrong, failed => [times] }

sub whole { my ($body) = @_; my ($n, $others) = version_of($body); return defined $n && $others eq $rest ? $n : undef }

# A client that polls; it remembers the tag and what it stands for.
{
    my ($tag, $known);
    sub poll {
        my ($i, $call) = @_;
        my $gzip = $call % 4 == 1;
        my $res = fetch($front, '/stock', @auth, $gzip ? ('Accept-Encoding' => 'gzip') : (), $tag && $call % 3 ? ('If-None-Match' => $tag) : ());
        my %seen = (role => 'poll', status => $res->{status}, why => $res->{status} =~ /^(?:200|304)$/ ? '' : substr $res->{content}, 0, 80);
        if ($res->{status} == 304) { $seen{n} = $known }
        elsif ($res->{status} == 200) {
            $seen{n} = whole($gzip ? Compress::Zlib::memGunzip($res->{content}) // '' : $res->{content}) // return { %seen, wrong => 'the body' };
            ($tag, $known) = ($res->{headers}{etag}, $seen{n});
        }
        return \%seen;
    }
}

# A client that downloads in pieces, each of which may come from another host.
sub download {
    my ($call) = @_;
    my ($body, $tag, @failed, %at) = ('', '');
    while (@failed < 200) {
        my $from = length $body;
        my $res = fetch($front, '/stock', @auth, Range => "bytes=$from-" . ($from + 40_000 - 1), $from ? ('If-Range' => $tag) : ());
        if ($res->{status} == 206 && $res->{headers}{'content-range'} =~ m{^bytes $from-(\d+)/(\d+)$}) {
            my ($last, $size) = ($1, $2);
            $body .= $res->{content};
            $tag = $res->{headers}{etag};
            return { role => 'download', status => 200, failed => \@failed, whole($body) ? () : (wrong => 'the pieces') } if $last + 1 == $size;
        }
        elsif ($res->{status} == 200) {
            return { role => 'download', status => 200, failed => \@failed, whole($res->{content}) ? () : (wrong => 'the whole') };
        }
        elsif ($res->{status} < 500) { return { role => 'download', status => $res->{status}, wrong => 'the status' } }
        else { push @failed, time; sleep 0.05 }
    }
    return { role => 'download', status => 599, failed => \@failed };
}

# A client that asks for an allocation until it is told its number.
sub pay {
    my ($i, $call) = @_;
    my ($name, @failed) = (join('-', $$, $i, $call, time), ());
    my $payment = 'PAY-' . (1 + ($i + $call) % 8);
    while (@failed < 200) {
        my $res = ask_once($front, 'POST', pay_path($payment, '0.01'), '',
            'x-api-key' => $payer, 'Idempotency-Key' => $name);
        return { role => 'pay', status => 201, name => $name, id => $host[0]->json($res)->{Data}{RequestID}, failed => \@failed } if $res->{status} == 201;
        return { role => 'pay', status => $res->{status}, wrong => $res->{content} } if $res->{status} < 500;
        push @failed, time;
        sleep 0.05;
    }
    return { role => 'pay', status => 599, failed => \@failed };
}

# One that changes the quantity; now and then all lists are made anew, too.
sub write_one {
    my ($call) = @_;
    my $n = $version + $call + 1;
    my $begin = time;
    change($n);
    my $end = time;
    sql($db, 'UPDATE revision SET n = n + 1') if $call % 5 == 4;
    sleep 0.05;
    return { role => 'write', status => 200, n => $n, begin => $begin, end => $end };
}

# during($what, $event, %option): the load, and the event in it; what it saw.
sub during {
    my ($what, $event, %opt) = @_;
    my $load = KissTest::Load->start(7, sub { my ($i, $call) = @_;
        return $i == 6 ? write_one($call) : $i == 5 ? download($call) : $i >= 3 ? pay($i, $call) : poll($i, $call) });
    sleep 1;
    my $at = time;
    $event->();
    sleep $opt{seconds} // 4;
    my @seen = $load->finish;
    $opt{after}->() if $opt{after};

    my @writes = grep { $_->{role} eq 'write' } @seen;
    my ($last) = $writes[-1]{n};
    my @wrong = map {"$_->{role} $_->{status} $_->{wrong}"} grep { $_->{wrong} } @seen;
    my %polls;
    for my $poll (grep { $_->{role} eq 'poll' && defined $_->{n} } @seen) {
        my $oldest = (sort { $b <=> $a } $version, map { $_->{n} } grep { $_->{end} <= $poll->{at} } @writes)[0];
        my $newest = (sort { $b <=> $a } $version, map { $_->{n} } grep { $_->{begin} <= $poll->{at} + $poll->{seconds} } @writes)[0];
        push @wrong, "$poll->{status} with $poll->{n}, not $oldest to $newest" if $poll->{n} < $oldest || $poll->{n} > $newest;
        $polls{ $poll->{status} }++;
    }
    is join("\n", @wrong[0 .. ($#wrong > 9 ? 9 : $#wrong)]), '', "$what: every answer is what was true meanwhile";
    ok $polls{200} && $polls{304}, '... ' . join ' and ', map {"$polls{$_} times $_"} sort keys %polls;

    my @paid = grep { $_->{role} eq 'pay' } @seen;
    my %stored = map { $_->[0] => $_->[1] } sql($kss, 'SELECT i.name, CONCAT(COUNT(*), " ", MAX(a.request_id)) FROM idempotency i JOIN payment_application a USING (allocation_no) GROUP BY i.name');
    is scalar(grep { $_->{status} == 201 && ($stored{ $_->{name} } // '') eq "1 $_->{id}" } @paid), scalar @paid, '... ' . @paid . ' payments, each stored once';

    my @failed = sort { $a <=> $b } map { $_ - $at } (map { @{ $_->{failed} || [] } } @seen),
        map { $_->{at} + $_->{seconds} } grep { $_->{role} eq 'poll' && $_->{status} !~ /^(?:200|304)$/ } @seen;
    my @longest = sort { $b <=> $a } map { $_->{seconds} } grep { $_->{role} eq 'poll' } @seen;
    my %why;
    $why{ $_->{why} }++ for grep { $_->{why} } @seen;
    note sprintf '%s: %d requests, %d failed, between %.2f and %.2f s after it; longest %.2f s; %s', $what, scalar @seen, scalar @failed, $failed[0] // 0, $failed[-1] // 0, $longest[0],
        join '; ', map {"$why{$_} times $_"} sort keys %why;
    is scalar @failed, 0, '... none failed' if $opt{none_fails};
    # Two seconds, and as long as a loaded machine takes to notice.
    ok !@failed || $failed[-1] < 2 + 3, '... what failed did so at once' or diag "@failed";
    $version = $last;
    return;
}

# again($host): it is back when HAProxy gives it requests.
sub again {
    my ($h) = @_;
    my $seen = sub { my $n = () = slurp("$h->{root}/seen.log") =~ m{ 200 /stock$}mg; return $n };
    my $n = $seen->();
    return wait_until(30, sub { fetch($front, '/stock', @auth); $seen->() > $n });
}

subtest 'a host is killed' => sub {
    during('killed', sub { $host[0]->kill_all });
    ok $host[0]->start && again($host[0]), 'it is started, and takes part';
};

subtest 'one of its processes is killed' => sub { during('a process killed', sub { kill 'KILL', ($host[0]->children)[0] }) };

subtest 'a host hangs' => sub {
    during('hangs', sub { $host[0]->freeze }, seconds => 6);
    $host[0]->thaw;
    ok again($host[0]), 'it goes on, and takes part';
};

subtest 'a host stops gracefully, without being drained' => sub {
    during('graceful-stop', sub { $host[0]->graceful_stop });
    ok $host[0]->start && again($host[0]), 'it is started, and takes part';
};

subtest 'a host leaves and joins' => sub {
    during('drained, stopped and started', sub {
        unlink $host[0]{alive};
        sleep 1.5;
        $host[0]->graceful_stop;
        $host[0]->start;
        spew($host[0]{alive}, '');
    }, none_fails => 1);
    ok again($host[0]), 'it takes part';
};

subtest 'a host is reloaded' => sub { during('graceful', sub { $host[0]->graceful for 1 .. 2 }, none_fails => 1) };

subtest 'the connections between HAProxy and a host are cut' => sub {
    my $way = KissTest::Proxy->start($site->{ports}[0]);
    $front->stop;
    $front = $site->front('haproxy', edit => sub { $_[0] =~ s/127\.0\.0\.1:$site->{ports}[0]\b/127.0.0.1:$way->{port}/gr });
    ok again($host[0]), 'it is asked by another way';
    during('cut', sub { for (1 .. 10) { $way->cut; sleep 0.1 } });
    $front->stop;
    $front = $site->front('haproxy');
};

$_->log_ok(qr/AH00052|AH00098|AH03490|AH01630/) for @host;
done_testing;
