# SPDX-License-Identifier: Apache-2.0
package KissTest::Load;

# A steady load in the background, while the test does something to the servers, and what the load saw of it.
#
#     my $load = KissTest::Load->start(4, sub { my ($i) = @_; request($h, $path, $body, %headers) });
#     ...
#     my @seen = $load->finish;    # what each call returned, with {at} and {seconds}

use strict;
use warnings;
use Exporter 'import';
use File::Temp ();
use POSIX ();
use Storable ();
use Time::HiRes qw(sleep time);

our @EXPORT = qw(fetch grow hold wait_until connections waiting kill_connections);

# start($n, $sub): $n processes call $sub->(number of the process, number of the call) until finish(), or for a minute.
# It returns a hash.
sub start {
    my ($class, $n, $sub) = @_;
    my $self = bless { dir => File::Temp->newdir('kiss-load-XXXXXX', DIR => '/tmp'), owner => $$, pids => [] }, $class;
    for my $i (0 .. $n - 1) {
        my $pid = fork;
        die "fork: $!" unless defined $pid;
        if (!$pid) {
            my @seen;
            my $ok = eval { @seen = $self->_work($i, $sub); 1 };
            Storable::store($ok ? \@seen : ["$@"], "$self->{dir}/$i");
            POSIX::_exit(0);    # no END blocks, no destructors: the servers are the parent's
        }
        push @{ $self->{pids} }, $pid;
    }
    return $self;
}

sub _work {
    my ($self, $i, $sub) = @_;
    my ($end, $calls, @seen) = (time + 60, 0);
    while (!-e "$self->{dir}/stop" && time < $end) {
        my $at = time;
        my $r = $sub->($i, $calls++);
        push @seen, { %$r, at => $at, seconds => time - $at };
    }
    return @seen;
}

# finish(): ends it and returns what was seen, in order of time. Dies if a process died.
sub finish {
    my ($self) = @_;
    open my $stop, '>', "$self->{dir}/stop" or die "stop: $!";
    close $stop;
    my @seen;
    for my $i (0 .. $#{ $self->{pids} }) {
        waitpid $self->{pids}[$i], 0;
        die "a process of the load was ended by signal " . ($? & 127) . "\n" if $? & 127;
        push @seen, @{ Storable::retrieve("$self->{dir}/$i") };
    }
    $self->{pids} = [];
    die map { "the load died: $_" } grep { !ref } @seen if grep { !ref } @seen;
    return sort { $a->{at} <=> $b->{at} } @seen;
}

sub DESTROY {
    my ($self) = @_;
    return if $self->{owner} != $$;
    local ($?, $!, $@);
    for my $pid (@{ $self->{pids} }) {
        kill 'KILL', $pid;
        waitpid $pid, 0;
    }
    return;
}

# fetch($h, $path, %headers): one GET on a connection of its own: status, headers, content, as $h->get, but never asked
# twice: HTTP::Tiny repeats a GET that got no answer. content-length is there for chunked ones too. status 599: none, or not a whole one; content says why.
sub fetch {
    my ($h, $path, %headers) = @_;
    my $got = '';
    my $why = eval {
        local $SIG{PIPE} = 'IGNORE';
        local $SIG{ALRM} = sub { die "no answer within 30 s\n" };
        alarm 30;
        my $s = $h->connect;
        print {$s} "GET $path HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n",
            map({"$_: $headers{$_}\r\n"} sort keys %headers), "\r\n";
        $s->flush;
        my $n;
        1 while $n = $s->sysread($got, 65536, length $got);
        alarm 0;
        defined $n ? '' : "read: $!";
    };
    alarm 0;
    return answer($got, defined $why ? $why : $@);
}

# answer($bytes, $why): what came over a connection, as fetch() returns it.
sub answer {
    my ($got, $why) = @_;
    my ($head, $body) = split /\r\n\r\n/, $got, 2;
    my ($status) = ($head || '') =~ m{\AHTTP/1\.1 ([0-9]{3}) };
    my %h = map { /\A([^:]+):\s*(.*?)\s*\z/ ? (lc $1, $2) : () } split /\r\n/, $head || '';
    $why ||= 'no status' if !$status;
    if (!$why && lc($h{'transfer-encoding'} || '') eq 'chunked') {
        $body = _chunks($body);
        $why = 'broken off: no last chunk' if !defined $body;
        $h{'content-length'} = length $body if defined $body;
    }
    my $bodiless = ($status // 0) == 304 || ($status // 0) == 204;
    $why ||= 'no Content-Length' if !defined $h{'content-length'} && !$bodiless;
    $why ||= "short: " . length($body) . " of $h{'content-length'}"
        if !$bodiless && defined $h{'content-length'} && length($body) != $h{'content-length'};
    return $why
        ? { status => 599, headers => {}, content => $why }
        : { status => $status, headers => \%h, content => $body };
}

# The content of a chunked body; undef unless its last chunk has come.
sub _chunks {
    my ($raw) = @_;
    my ($body, $at) = ('', 0);
    while (substr($raw, $at, 20) =~ /\A([0-9A-Fa-f]+)\r\n/) {
        my $n = hex $1;
        $at += length $&;
        return substr($raw, $at) eq "\r\n" ? $body : undef if !$n;
        return if length $raw < $at + $n + 2;
        $body .= substr $raw, $at, $n;
        $at += $n + 2;
    }
    return;
}

# grow($server, $db, $n): $n more products with image, price in UKTRADE and stock, so that building a list
# takes a while.
sub grow {
    my ($server, $db, $n) = @_;
    my $of = "FROM (WITH RECURSIVE s(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s WHERE i < $n) SELECT i FROM s) q";
    my $sku = "CONCAT('ZZ', LPAD(i, 8, '0'))";
    $server->sql($db, <<"SQL");
SET SESSION max_recursive_iterations = 1000000, \@kiss_bulk = -CONNECTION_ID();
INSERT INTO product (sku, name, description, status)
    SELECT $sku, CONCAT('Product ', i), REPEAT('A long text. ', 40), 'Live' $of;
INSERT INTO product_image (sku, image_id, file_name) SELECT $sku, '1', CONCAT(i, '.jpg') $of;
INSERT INTO price (price_list_code, sku, unit_price) SELECT 'UKTRADE', $sku, 1.25 $of;
INSERT INTO stock (stock_location, sku, available_qty) SELECT 'UK01', $sku, i $of;
UPDATE revision SET n = n + 1 WHERE dataset <> 'epoch';
ANALYZE TABLE product, price, stock;
SQL
    return;
}

# wait_until($seconds, $condition): true as soon as it is true.
sub wait_until {
    my ($seconds, $condition) = @_;
    my $end = time + $seconds;
    until ($condition->()) {
        return 0 if time > $end;
        sleep 0.02;
    }
    return 1;
}

# connections($server, $where): how many the module has open.
sub connections {
    my ($server, $where) = @_;
    return ($server->sql(undef, "SELECT COUNT(*) FROM information_schema.processlist WHERE user = 'kiss'"
                . ($where ? " AND $where" : '')))[0][0];
}

# waiting($server): how many of them wait for a table that hold() holds.
sub waiting { my ($server) = @_; return connections($server, "state LIKE 'Waiting for table%lock'") }

# kill_connections($server, $where): ends them from the server's side.
sub kill_connections {
    my ($server, $where) = @_;
    my @ids = map { $_->[0] }
        $server->sql(undef, "SELECT id FROM information_schema.processlist WHERE $where AND id <> CONNECTION_ID()");
    eval { $server->sql(undef, "KILL $_") } for @ids;
    return scalar @ids;
}

# hold($server, $db, $table): nobody else can read the table until the code that it returns is called.
sub hold {
    my ($server, $db, $table) = @_;
    my $pid = fork;
    die "fork: $!" unless defined $pid;
    if (!$pid) {
        eval { $server->sql($db, "LOCK TABLES `$table` WRITE; DO SLEEP(60)") };
        POSIX::_exit(0);
    }
    my $mine = "db = '$db' AND info LIKE 'DO SLEEP%'";
    wait_until(10,
        sub { ($server->sql(undef, "SELECT COUNT(*) FROM information_schema.processlist WHERE $mine"))[0][0] })
        or die "$table is not locked\n";
    return sub {
        kill_connections($server, $mine);
        waitpid $pid, 0;
    };
}

1;
