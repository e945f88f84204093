# Directives: what each accepts and refuses (with file and line, exit status not 0), how they are inherited from server to
# virtual host to <Location> as seen over the wire, TLS, and what configtest finds before a reload would.
# SPDX-License-Identifier: Apache-2.0
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use JSON::PP ();
use KissTest;
use MIME::Base64 qw(decode_base64);
use Test::More;

my $db = new_database('config');
import_sample($db);
my $key = issue_key('ACME01');
my $socket = db_server()->{socket};
my $password = db_server()->{dir} . '/kiss.password';
my $dir = tempdir_here();
my $module = $ENV{KISS_TEST_MODULE} || build_dir() . '/mod_kiss/.libs/mod_kiss.so';
spew("$dir/keys", 'k1 ' . 'A' x 43 . "\n", 0600);
my $database = "KissDatabase customer socket=$socket user=kiss dbname=$db password-file=$password";
my $load = qq(LoadModule kiss_module "$module"\nKissCacheDir "$dir/cache"\n);

# The lines of a location that serves.
sub location {
    my ($path, @more) = @_;
    return join "\n", qq(<Location "$path">), 'SetHandler kiss', 'KissApi customer', @more, "</Location>\n";
}
my $whole = "$load$database\n" . location('/', "KissTokenKeys $dir/keys");

# What httpd -t says of lines behind $before; the last of them is number $line of the file.
sub test {
    my ($lines, $before) = @_;
    return configtest(($before // '') . $lines . "\n", kiss => 0);
}

sub accepted {
    my ($lines, $name, $before) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my ($rc, $out) = test($lines, $before);
    ok $rc == 0 && $out =~ /Syntax OK/, $name // $lines or diag $out;
    return;
}

# Refused while the file is read: exit status, file with line, directive and reason.
sub refused {
    my ($lines, $reason, $name, $before) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my ($rc, $out) = test($lines, $before);
    my ($first) = $lines =~ /^(\S+)/;
    my $ok = $rc != 0 && $out =~ m{AH00526: Syntax error on line (\d+) of /tmp/\S+/httpd\.conf:\n(.*)}s;
    my ($line, $text) = ($1, $2);
    ok $ok && $text =~ $reason, $name // $lines or diag "exit $rc: $out";
    return ($line, $text);
}

# Refused when the whole is looked at.
sub incomplete {
    my ($config, $reason, $name) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my ($rc, $out) = test($config);
    ok $rc != 0 && $out =~ /KISS0102: line \d+ of \S+: KissApi customer: $reason/, $name or diag "exit $rc: $out";
    return $out;
}

accepted $whole, 'the smallest configuration that serves';

subtest 'numbers' => sub {
    my %range = (KissTokenLifetime => [60, 86400], KissLoginFailureLimit => [0, 1000000000], KissLimitClients => [64, 1000000]);
    for my $name (sort keys %range) {
        my ($low, $high) = @{ $range{$name} };
        accepted "$name $_", undef, $load for $low, $high;
        refused "$name $_", qr/^\Q$name\E: '\Q$_\E' is not a whole number from $low to $high$/m, undef, $load
            for $low - 1, $high + 1, '5m', 'x', '+60', '60.0', '0x64', '99999999999999999999';
        refused "$name \"\"", qr/^\Q$name\E takes one argument/m, "$name with an empty text", $load;
        refused $name, qr/^\Q$name\E takes one argument/m, "$name alone", $load;
        refused "$name 100 100", qr/^\Q$name\E takes one argument/m, "$name with two", $load;
    }
    for my $name (qw(KissLimit KissLimitAnonymous KissAdminLimit)) {
        accepted "$name $_", undef, $load for '1 1', '60 1000', '1000000000 1000000000', '1000 60';
        refused "$name $_", qr/^\Q$name\E: '\S+' is not a whole number from 1 to 1000000000$/m, undef, $load
            for '0 1', '1 0', '-1 5', '60 1h', '1000000001 1', '1 1000000001', '60, 1000';
        refused "$name $_", qr/^\Q$name\E takes two arguments/m, undef, $load for '60', '60 1000 5';
    }
};

subtest 'texts and flags' => sub {
    accepted "$_ urn:x", undef, $load for qw(KissTokenIssuer KissTokenAudience KissUseDatabase);
    refused "$_ \"\"", qr/^\Q$_\E takes one argument/m, undef, $load for qw(KissTokenIssuer KissTokenAudience);
    refused "$_ a b", qr/^\Q$_\E takes one argument/m, undef, $load for qw(KissTokenIssuer KissTokenAudience KissUseDatabase KissAdminDatabase);
    accepted "KissAllowPlainHTTP $_", undef, $load for qw(On off);
    for my $name (qw(KissFeedBasic KissWholeAnswers)) {
        accepted "$name $_", undef, $load for qw(On off);
        refused "$name $_", qr/^\Q$name\E must be On or Off$/m, undef, $load for qw(yes 1);
    }
    accepted "KissServerTiming $_", undef, $load for qw(On off);
    refused "KissServerTiming $_", qr/^KissServerTiming must be On or Off$/m, undef, $load for qw(yes 1);
    accepted "KissFreshness $_", undef, $load for qw(0 0s 0ms 0mi 0h 0d 1 200ms 2s 60s 1mi);
    refused "KissFreshness $_", qr/^KissFreshness: '$_' is (?:not a time: write seconds|more than 1mi$)/m, undef, $load
        for qw(-1 x 1.5 61s 2mi 1sx);
    accepted "KissServeStale $_", undef, $load for qw(0 10mi 7d), '10mi stock', '1h STOCK';
    refused "KissServeStale $_", qr/^KissServeStale: '\S+' is (?:not a time: write seconds|more than 7d$|not 'stock', the only word)/m, undef, $load
        for qw(-1 x 8d 1m), '10mi prices', '10mi 1', 'stock 10mi';
    accepted "KissCacheAge $_", undef, $load for qw(5mi 300 12h 7d);
    refused "KissCacheAge $_", qr/^KissCacheAge: '\Q$_\E' is (?:not a time: write seconds|less than 5mi$)/m, undef, $load
        for qw(0 0s 0d -1 x 299 4mi 1w 7dx);
    refused "KissCacheAge 0s", qr/^KissCacheAge: '0s' is less than 5mi$/m, 'a time that is none is one that is too short', $load;
    refused "KissWarm 5 0ms", qr/^KissWarm: '0ms' is less than 100ms$/m, '... here, too', $load;
    accepted "KissWarm $_", undef, $load for '0', '20', '1000', '20 100ms', '5 1mi';
    refused "KissWarm $_", qr/^KissWarm: '\S+' is (?:not a whole number from 0 to 1000|not a time|less than 100ms)/m, undef, $load
        for '-1', '1001', 'x', '5 0', '5 99ms', '5 x';
    accepted "KissCacheSize $_", undef, $load for qw(1 1024 1000000);
    refused "KissCacheSize $_", qr/^KissCacheSize: '\Q$_\E' is not a whole number from 1 to 1000000$/m, undef, $load
        for qw(0 -1 x 1000001 10M);
    refused "KissAllowPlainHTTP $_", qr/^KissAllowPlainHTTP must be On or Off$/m, undef, $load for qw(yes 1 maybe);
    accepted "KissCacheDir $_", undef, qq(LoadModule kiss_module "$module"\n) for "$dir/other", 'relative/to/the/root';
    for my $name (qw(KissDeprecation KissSunset)) {
        accepted "$name $_", undef, $load
            for '2027-06-30', '2027-06-30T22:00:00Z', '"2027-06-30 22:00"', '1970-01-01', '2027-06-30 https://a.example/x', '2027-06-30 http://a';
        refused "$name $_", qr/^\Q$name\E: '[^']+' .*: write 2027-06-30, or 2027-06-30T22:00:00Z$/m, undef, $load
            for qw(tomorrow 2027 2027-02-30 2027-06-30T25:00:00Z @1 31.12.2027);
        refused "$name 1969-12-31", qr/^\Q$name\E: '1969-12-31' is before 1970$/m, undef, $load;
        refused "$name 2027-06-30 $_", qr/^\Q$name\E: '.*' is not a URL: write https:\/\/HOST\/PATH$/m, undef, $load
            for qw(news /news https:// ftp://a/b https:///x https://a/<b> https://a/b^c), '"https://a/b c"';
        refused "$name$_", qr/^\Q$name\E takes 1-2 arguments/m, undef, $load for '', ' 2027-06-30 https://a b';
    }
    refused "KissNonsense 1", qr/Invalid command 'KissNonsense'/, 'a directive that does not exist', $load;
};

subtest 'where directives may stand' => sub {
    my @vhost = ('<VirtualHost 127.0.0.1:9>', '</VirtualHost>');
    for my $d ("KissTokenKeys $dir/keys", 'KissTokenIssuer x', 'KissTokenAudience x', 'KissTokenLifetime 60', 'KissLimit 1 1',
        'KissLimitAnonymous 1 1', 'KissLoginFailureLimit 1', 'KissAllowPlainHTTP On', 'KissServerTiming On', 'KissFeedBasic On',
        'KissWholeAnswers On', 'KissUseDatabase x', 'KissAdminDatabase x', 'KissAdminLimit 1 1')
    {
        my ($name) = $d =~ /^(\S+)/;
        accepted $d, "$name: server", $load;
        accepted join("\n", $vhost[0], $d, $vhost[1]), "$name: virtual host", $load;
        accepted join("\n", '<Location /x>', $d, '</Location>'), "$name: Location", $load;
    }
    accepted join("\n", $vhost[0], $database, $vhost[1]), 'KissDatabase: virtual host', $load;
    for my $d ('KissCacheDir /x', 'KissCacheAge 1d', 'KissCacheSize 1', 'KissWarm 1', 'KissLimitClients 64') {
        my ($name) = $d =~ /^(\S+)/;
        my (undef, $out) = test(join("\n", $vhost[0], $d, $vhost[1]), $load);
        like $out, qr/^\Q$name\E cannot occur within <VirtualHost> section/m, "$name: not in a virtual host";
    }
    for my $d ($database, 'KissCacheDir /x', 'KissCacheAge 1d', 'KissCacheSize 1', 'KissWarm 1', 'KissLimitClients 64') {
        my ($name) = $d =~ /^(\S+)/;
        my ($rc, $out) = test(join("\n", '<Location /x>', $d, '</Location>'), $load);
        isnt $rc, 0, "$name: not in a Location";
        like $out, qr/^\Q$name\E not allowed in <Location> context/m, "$name: and says so";
    }
};

subtest 'KissAdmin' => sub {
    my $section = sub { return join "\n", '<Location /admin>', @_, '</Location>' };
    my $writer = "KissDatabase writer socket=/x dbname=x\n";
    accepted "$writer$whole\n" . $section->('KissAdmin On', 'KissAdminDatabase writer'), 'KissAdmin in a location below', '';
    accepted "$writer$whole\n" . $section->('KissAdmin Off'), 'Off needs nothing', '';
    refused $section->("KissAdmin $_"), qr/^KissAdmin must be On or Off$/m, undef, $load for qw(yes 1);
    refused 'KissAdmin On', qr/KissAdmin not allowed here/, 'in the server', $load;
    for my $s (['<Directory /srv>', '</Directory>'], ['<LocationMatch ^/x>', '</LocationMatch>'], ['<Location /a*>', '</Location>']) {
        refused join("\n", $s->[0], 'KissAdmin On', $s->[1]), qr/^KissAdmin: stands in a <Location \/path> section \(no pattern\)$/m, $s->[0], $load;
    }
    my $because = sub {
        my ($name, $config, $reason) = @_;
        my ($rc, $out) = test($config, '');
        ok $rc != 0 && $out =~ /KISS0102: line \d+ of \S+: KissAdmin: $reason/, $name or diag "exit $rc: $out";
    };
    $because->('without an API', $load . $writer . $section->('KissAdmin On', 'KissAdminDatabase writer'), q{there is no 'KissApi customer'});
    $because->('without an account', "$whole\n" . $section->('KissAdmin On'), 'KissAdminDatabase is missing');
    $because->('with an unknown one', "$whole\n" . $section->('KissAdmin On', 'KissAdminDatabase writer'), q{no 'KissDatabase writer});
};

subtest 'KissApi' => sub {
    my $where = qr/^KissApi: stands in a <Location \/path> section \(no pattern\): the API's paths begin there$/m;
    my ($rc, $out);
    refused 'KissApi customer', qr/KissApi not allowed here/, 'in the server', $load;
    for my $s (['<Directory /srv>', '</Directory>'], ['<Files x>', '</Files>'], ['<LocationMatch ^/x>', '</LocationMatch>'],
        ['<Location /a*>', '</Location>'], ['<Location ~ ^/x>', '</Location>'], ['<Location /[ab]>', '</Location>'],
        ['<Location http://x/>', '</Location>'])
    {
        ($rc, $out) = test(join("\n", $s->[0], 'KissApi customer', $s->[1]), $load);
        ok $rc != 0 && $out =~ $where, "not in $s->[0]" or diag $out;
    }
    ($rc, $out) = test("<Location /x>\nKissApi order\n</Location>", $load);
    ok $rc != 0 && $out =~ /^KissApi: no API is called 'order': use one of customer, kss$/m, 'an API that does not exist' or diag $out;
    accepted "$whole" . location('/a', "KissTokenKeys $dir/keys") . location('/b/', "KissTokenKeys $dir/keys"), 'three times in a server';
};

subtest 'KissLimitStore' => sub {
    my $dir = tempdir_here();
    spew("$dir/password", "secret\n", 0600);
    accepted "KissLimitStore $_", undef, $load for 'redis://localhost', 'redis://10.0.0.1:6380/15', 'redis://[::1]:6379', 'unix:/run/redis.sock database=2',
        "redis://localhost timeout=5ms password-file=$dir/password user=kiss", 'rediss://localhost:6380/2', 'unix:/' . 'x' x 106;
    refused "KissLimitStore $_->[0]", qr/^KissLimitStore: $_->[1]/m, undef, $load
        for ['', 'write redis:'], ['localhost', 'write redis:'], ['redisss://localhost', 'write redis:'], ['unix:run', 'write redis:'], ['redis://', 'a host is missing'],
        ['redis://a/x', "'x' is not a whole number"], ['redis://a:0', "'0' is not a whole"], ['redis://:secret@a', 'a password does not belong'],
        ['redis://a timeout=0', "'0' is less than 1ms"], ['redis://a timeout=2s', "'2s' is more than 1s"], ['redis://a colour=red', 'colour: unknown: use'],
        ['redis://a user=x', 'user= needs password-file='], ['redis://a user', "'user' is not key=value"],
        ["redis://a password-file=$dir/none", 'cannot open'], ['redis://[::1', q('\[::1' is no address)], ['redis://[::1]x', q('\[::1\]x' is no address)],
        ['redis://a,b', "'a,b': it is one server"], ['redis://a/3 database=5', 'database stands twice'], ['redis://a timeout=5ms timeout=6ms', 'timeout stands twice'],
        ['unix:/' . 'x' x 107, '/x+ is longer than 107 bytes'],
        ["redis://a ca=$dir/password", 'ca=, cert= and key= are of no use without rediss://'], ["rediss://a ca=$dir/none", "cannot find $dir/none: "],
        ["rediss://a ca=$dir/password", "$dir/password: no certificate or crl found"], ["rediss://a cert=$dir/password", 'cert= and key= belong together'],
        ["rediss://a cert=$dir/password key=$dir/password", "$dir/password: no start line"];
};

subtest 'KissDatabase' => sub {
    my $base = 'KissDatabase customer dbname=x';
    accepted $_, undef, $load
        for $base, "$base socket=/x user=u", "$base host=h port=3307", "$base keep=0", "$base max=1", "$base keep=3 max=3",
        "$base wait=500ms", "$base wait=2", "$base wait=1mi", "$base idle=1h timeout=3s", "$base causal=on", "$base causal=off", 'KissDatabase "customer" "dbname=x"',
        "KissDatabase customer \\\n  dbname=x \\\n  keep=1", "$base\nKissDatabase other dbname=x";
    my $expected = qr/^KissDatabase: expected a name, then key=value pairs: KissDatabase customer socket=/m;
    refused 'KissDatabase', $expected, 'nothing', $load;
    refused 'KissDatabase dbname=x', $expected, 'no name', $load;
    refused 'KissDatabase customer', qr/^KissDatabase: customer: dbname is missing$/m, 'no dbname', $load;
    refused "$base word", qr/^KissDatabase: 'word' is not key=value$/m, 'a word', $load;
    refused "$base =word", qr/^KissDatabase: '=word' is not key=value$/m, 'no key', $load;
    refused "$base colour=red",
        qr/^KissDatabase: customer: colour: unknown: use socket, host, port, user, dbname, password-file, tls, ca, cert, key, keep, max, wait, connect, timeout, idle, causal$/m,
        'an unknown key', $load;
    refused "$base Keep=1", qr/^KissDatabase: customer: Keep: unknown/m, 'keys are case-sensitive', $load;
    my (undef, $text) = refused "$base password=s3cret", qr/^KissDatabase: customer: password: a password does not belong into the configuration/m,
        'password=', $load;
    unlike $text, qr/s3cret/, 'which is not repeated';
    refused "$base keep=$_", qr/^KissDatabase: customer: keep: '\Q$_\E' is not a whole number from 0 to 1000$/m, undef, $load
        for '-1', '1001', '2x', '';
    refused "$base max=$_", qr/^KissDatabase: customer: max: '\Q$_\E' is not a whole number from 1 to 1000$/m, undef, $load
        for '0', '1001', 'many', '';
    refused "$base keep=3 max=2", qr/^KissDatabase: customer: keep=3 is more than max=2$/m, 'keep over max', $load;
    for my $name (qw(wait connect idle timeout)) {
        refused "$base $name=$_", qr/^KissDatabase: customer: $name: '\Q$_\E' is less than 1ms$/m, undef, $load for '0', '0s', '0ms';
        refused "$base $name=$_", qr/^KissDatabase: customer: $name: '\Q$_\E' is not a time: write seconds/m, undef, $load
            for '-1', 'x', '', '2q', '2sx', 'ms', '99999999999999999999';
    }
    for my $name (qw(socket host user dbname)) {
        my $alone = 'KissDatabase customer' . ($name eq 'dbname' ? '' : ' dbname=x');
        refused "$alone $name=", qr/^KissDatabase: customer: $name: must not be empty$/m, undef, $load;
        accepted qq($alone "$name=$_"), undef, $load for 'a b', 'a,b', 'a;b', 'a|b';
    }
    refused "$base socket=/x $_", qr/^KissDatabase: customer: a socket has no host and no port$/m, undef, $load for 'host=h', 'port=1';
    accepted "$base host=$_ tls=off", undef, $load for 'a', 'a:3307', 'a,b:3307,c', '::1', '[::1]:3307,[2001:db8::1]', join(',', 'a' .. 'p');
    refused "$base host=$_->[0]", qr/^KissDatabase: customer: host: $_->[1]/m, undef, $load
        for ['a,', 'a host is empty$'], [',a', 'a host is empty$'], ['a,,b', 'a host is empty$'], [':3306', 'a host is empty$'],
        ['a:0', qq('0' is not a whole number from 1 to 65535)], ['a:x', q('x' is not)], ['[::1]x', q('\[::1\]x' is no address$)], ['[::1', q('\[::1' is no address: '\]' is missing$)], ['a,b,a', 'a stands twice$'],
        [join(',', 'a' .. 'q'), 'more than 16 servers$'];
    refused "$base causal=$_", qr/^KissDatabase: customer: causal: use on or off$/m, undef, $load for '', 'On', '1';
    accepted "$base $_", undef, $load for 'tls=off', 'tls=require', 'tls=verify', "host=db.example.com tls=off", "ca=$dir/keys",
        "cert=$dir/keys key=$dir/keys tls=require", 'connect=500ms';
    refused "$base tls=$_", qr/^KissDatabase: customer: tls: use verify, require or off$/m, undef, $load for '', 'on', 'Off';
    refused "$base ca=$dir/none", qr/^KissDatabase: customer: ca: cannot find \Q$dir\E\/none: /m, 'no certificate', $load;
    refused "$base tls=off ca=$dir/keys", qr/^KissDatabase: customer: ca= and cert= are of no use with tls=off$/m, undef, $load;
    refused "$base cert=$dir/keys", qr/^KissDatabase: customer: cert= and key= belong together$/m, undef, $load;
    for my $value ('"kiss"', "'kiss'") {
        accepted "KissDatabase customer dbname=$value user=$value", "a value in quotes: $value", $load;
    }
    for my $value ('"kiss', 'kiss"', "'kiss", 'ki"ss', "kiss'") {
        refused "KissDatabase customer dbname=$value", qr/^KissDatabase: customer: dbname: a quote stands in the value: write dbname="\.\.\.", or no quotes$/m,
            "a quote that belongs to no pair: $value", $load;
    }
    refused "$base =x", qr/^KissDatabase: '=x' is not key=value$/m, 'a value without its key', $load;
    refused "$base port=$_", qr/^KissDatabase: customer: port: /m, undef, $load for 'x', '0', '65536', '-1';
    refused "$base\n$base", qr/^KissDatabase: customer is defined twice in this server$/m, 'twice', $load;
    accepted "$base\n<VirtualHost 127.0.0.1:9>\n$base\n</VirtualHost>", 'once more in a virtual host', $load;

    refused "$base password-file=$dir/none", qr/^KissDatabase: customer: password-file: cannot open \Q$dir\E\/none: /m, 'no password file', $load;
    spew("$dir/password", "open\n", 0640);
    refused "$base password-file=$dir/password", qr/^KissDatabase: customer: password-file: \Q$dir\E\/password can be used by others/m,
        'a password file that the group can read', $load;
    spew("$dir/password", "a;b |,\n", 0600);
    accepted "$base password-file=$dir/password", 'a password with signs of all kinds', $load;
    spew("$dir/password", "\n", 0600);
    refused "$base password-file=$dir/password", qr/^KissDatabase: customer: password-file: the first line of \Q$dir\E\/password is empty/m,
        'an empty password file', $load;
    spew("$dir/password", "good\n", 0600);
    accepted "$base password-file=$dir/password", 'a password file', $load;
};

subtest 'KissTokenKeys' => sub {
    my $k = 'A' x 43;
    my %bad = (
        'a short key' => ["k1 " . 'A' x 42 . "\n", qr/line 1: the secret of key k1 has 248 bits, fewer than 256: run 'kissctl token-key rotate'/],
        'a key that is no base64url' => ["k1 $k=\n", qr/line 1: the secret of key k1 is not base64url/],
        'a key id with a slash' => ["../k $k\n", qr/line 1: a key id is 1 to 64 of A-Z/],
        'a long key id' => ['k' x 65 . " $k\n", qr/line 1: a key id is 1 to 64/],
        'a line without secret' => ["# c\n\nk1\n", qr/line 3: expected 'KID SECRET'/],
        'a line with three words' => ["k1 $k x\n", qr/line 1: expected 'KID SECRET'/],
        'an id twice' => ["k1 $k\nk2 $k\nk1 $k\n", qr/line 3: key id k1 stands in the file twice/],
        'an empty file' => ['', qr/no key in the file: run 'kissctl token-key rotate'/],
        'comments alone' => ["# a\n#b\n", qr/no key in the file/],
        'a NUL byte' => ["k1 $k\n\0", qr/contains a NUL byte: not a text file/],
        'a huge file' => ['#' x 70_000, qr/is larger than 64 KiB/]
    );
    for my $name (sort keys %bad) {
        spew("$dir/bad", $bad{$name}[0], 0600);
        my (undef, $text) = refused "KissTokenKeys $dir/bad", qr/^KissTokenKeys: \Q$dir\E\/bad:? $bad{$name}[1]/m, $name, $load;
        unlike $text // '', qr/A{20}/, "$name: the secret is not shown";
    }
    spew("$dir/bad", "# keys\n\n  k1 \t $k  \r\nk.2_-x ${k}AAAA\n", 0600);
    accepted "KissTokenKeys $dir/bad", 'comments, empty lines, blanks, CRLF, longer keys', $load;
    for my $mode (0640, 0604, 0620, 0660, 0644) {
        chmod $mode, "$dir/bad";
        refused "KissTokenKeys $dir/bad", qr/^KissTokenKeys: \Q$dir\E\/bad can be used by others than its owner/m,
            sprintf('mode %04o', $mode), $load;
    }
    chmod 0400, "$dir/bad";
    accepted "KissTokenKeys $dir/bad", 'mode 0400', $load;
    SKIP: {
        skip 'only root can give a file away', 1 if $>;
        chown 65534, -1, "$dir/bad";
        refused "KissTokenKeys $dir/bad", qr/^KissTokenKeys: \Q$dir\E\/bad can be used by others/m, "somebody else's file", $load;
    }
    refused "KissTokenKeys $dir/none", qr/^KissTokenKeys: cannot open \Q$dir\E\/none: /m, 'no file', $load;
    refused "KissTokenKeys $dir", qr/^KissTokenKeys: \Q$dir\E is not a regular file/m, 'a directory', $load;
};

subtest 'what is missing' => sub {
    incomplete($load . location('/', "KissTokenKeys $dir/keys"), "no 'KissDatabase customer ...' in this server", 'no KissDatabase');
    incomplete("$load$database\n" . location('/', "KissTokenKeys $dir/keys", 'KissUseDatabase other'),
        "no 'KissDatabase other ...' in this server", 'KissUseDatabase names none');
    my $out = incomplete("$load$database\n" . location('/'), "KissTokenKeys is missing: make the file with 'kissctl token-key rotate'",
        'no KissTokenKeys');
    unlike $out, qr/Syntax OK/, 'and it is not called OK';
    incomplete("$load<VirtualHost 127.0.0.1:9>\n$database\n</VirtualHost>\n" . location('/', "KissTokenKeys $dir/keys"),
        "no 'KissDatabase customer", "the database of another virtual host");
    my $bare = join "\n", '<Location "/api">', 'KissApi customer', "KissTokenKeys $dir/keys", "</Location>\n";
    my $no_handler = "'SetHandler kiss' is missing in this <Location>: httpd would look for files";
    incomplete("$load$database\n$bare", $no_handler, 'no SetHandler');
    incomplete("$load$database\n" . ($bare =~ s/KissApi/SetHandler none\nKissApi/r), $no_handler, 'another handler');
    incomplete("$load$database\n<Location /other>\nSetHandler kiss\n</Location>\n$bare", $no_handler, 'the handler of another location');
    incomplete("$load$database\n<VirtualHost 127.0.0.1:9>\n$bare</VirtualHost>\n", $no_handler, '... in a virtual host');
    accepted "$load$database\nSetHandler kiss\n$bare", 'SetHandler of the server';
    accepted "$load$database\n<Location />\nSetHandler kiss\n</Location>\n$bare", 'SetHandler of a location around it';
    accepted "$load$database\n<LocationMatch ^/api>\nSetHandler kiss\n</LocationMatch>\n$bare", '... by a pattern';
    accepted "$load$database\n" . ($bare =~ s/KissApi/SetHandler "expr=kiss"\nKissApi/r), '... by an expression';
    accepted "$load$database\n" . ($bare =~ s/(<\/Loc)/<If "true">\nSetHandler kiss\n<\/If>\n$1/r), '... in an <If>';
    accepted "$load$database\n<VirtualHost 127.0.0.1:9>\nSetHandler kiss\n$bare</VirtualHost>\n", '... of the virtual host';
    my @ends = ('KissDeprecation 2027-06-30', 'KissSunset 2027-06-29T23:59:59Z');
    incomplete("$load$database\n" . location('/', "KissTokenKeys $dir/keys", @ends), 'KissSunset is before KissDeprecation \(RFC 9745 section 4\)',
        'an end before its announcement');
    accepted "$load$database\n" . location('/', "KissTokenKeys $dir/keys", 'KissDeprecation 2027-06-30', 'KissSunset 2027-06-30'), 'both at once';
    my ($rc, $text) = test("$load$database\n\n\n" . location('/'));
    my ($line) = $text =~ /KISS0102: line (\d+) of/;
    my ($first) = (test("$load$database\n" . location('/')))[1] =~ /KISS0102: line (\d+) of/;
    is $line // 0, ($first // 0) + 2, 'the line is that of KissApi';
    accepted "$load$database\nKissTokenKeys $dir/keys\n" . location('/'), 'KissTokenKeys of the server';
    accepted "$load$database\n<VirtualHost 127.0.0.1:9>\nKissTokenKeys $dir/keys\n" . location('/') . '</VirtualHost>',
        'KissDatabase of the server, KissTokenKeys of the virtual host';
    ok !-e "$dir/cache", 'configtest makes no directory';
};

subtest 'configtest needs no database' => sub {
    accepted $load . "KissDatabase customer socket=$dir/nobody dbname=x user=u\n" . location('/', "KissTokenKeys $dir/keys"),
        'a database that does not answer is no mistake of the file';
};

# ---- over the wire

# One request to the virtual host $host; HTTP::Tiny does not send another Host. Returns status, headers, content.
sub ask {
    my ($h, $method, $path, $body, $host) = @_;
    my $type = $method eq 'POST' ? "Content-Type: application/x-www-form-urlencoded\r\n" : '';
    my $got = $h->raw("$method $path HTTP/1.1\r\nHost: " . ($host || 'localhost') . "\r\nConnection: close\r\n${type}Content-Length: "
            . length($body) . "\r\n\r\n$body");
    my ($head, $content) = split /\r\n\r\n/, $got, 2;
    my %headers = map { /^([^:]+): (.*)/ ? (lc $1 => $2) : () } split /\r\n/, $head // '';
    my ($status) = ($head // '') =~ m{^HTTP/1\.1 (\d+)};
    return { status => $status, headers => \%headers, content => $content };
}
sub login { my ($h, $path, $host) = @_; return ask($h, 'POST', "$path/auth/token", "grant_type=client_credentials&client_id=ACME01&client_secret=$key", $host) }

sub lifetime {
    my $res = login(@_);
    return $res->{status} == 200 ? $_[0]->json($res)->{expires_in} : "$res->{status} $res->{content}";
}

sub claims {
    my $res = login(@_);
    return {} if $res->{status} != 200;
    my ($part) = map { tr{-_}{+/}r } (split /\./, $_[0]->json($res)->{access_token})[1];
    return JSON::PP::decode_json(decode_base64($part));
}

# Limits as RateLimit-Policy tells them: of a caller without a token, and of a customer.
sub anonymous { my ($h, $path, $host) = @_; return ask($h, 'GET', "$path/health", '', $host)->{headers}{'ratelimit-policy'} }
sub customer { return login(@_)->{headers}{'ratelimit-policy'} }

subtest 'defaults' => sub {
    my $h = start_httpd(limits => '');
    is anonymous($h, ''), '"min";q=60;w=60, "hour";q=1000;w=3600', 'KissLimitAnonymous 60 1000';
    is customer($h, ''), '"min";q=60;w=60, "hour";q=1000;w=3600', 'KissLimit 60 1000';
    is lifetime($h, ''), 3600, 'KissTokenLifetime 3600';
    my $c = claims($h, '');
    is_deeply [@$c{qw(iss aud)}], ['https://localhost', 'https://localhost'], 'KissTokenIssuer: https:// and the ServerName; KissTokenAudience: the issuer';
    is claims($h, '', 'evil.example.com')->{iss}, 'https://localhost', 'not what the client calls the server';
    is((stat "$h->{root}/cache")[2] & 07777, 0700, 'KissCacheDir is made, for its owner alone');
    is +(getpwuid((stat _)[4]))[0], $> ? scalar getpwuid $> : 'www-data', 'and belongs to the User';
    $h->log_ok;
};

subtest 'inheritance' => sub {
    my $api = "SetHandler kiss\nKissApi customer\n";
    # Not at "/": what stands there would hold for the other locations too.
    my $h = start_httpd(
        path => '/api',
        limits => '',
        location => "KissTokenLifetime 120\nKissLimit 11 110\nKissLimitAnonymous 12 120\nKissTokenIssuer urn:location",
        config => <<"CONF"
KissTokenKeys $dir/keys
KissTokenLifetime 240
KissLimit 21 210
KissLimitAnonymous 22 220
KissTokenIssuer urn:server
KissAllowPlainHTTP On
<Location /server>
$api
</Location>
<Location /part>
$api
KissLimit 23 230
</Location>
<Location /part/deeper>
KissTokenLifetime 300
</Location>
<Location /off>
$api
KissAllowPlainHTTP Off
</Location>
CONF
    );
    is lifetime($h, '/api'), 120, 'lifetime: Location over server';
    is lifetime($h, '/server'), 240, 'lifetime: from the server';
    is lifetime($h, '/part/deeper'), '404 {"error":"Not found."}', 'a Location inside keeps the base of the outer one';
    is customer($h, '/api'), '"min";q=11;w=60, "hour";q=110;w=3600', 'KissLimit: Location over server';
    is customer($h, '/part'), '"min";q=23;w=60, "hour";q=230;w=3600', 'KissLimit: another Location';
    is anonymous($h, '/part'), '"min";q=22;w=60, "hour";q=220;w=3600', 'KissLimitAnonymous: from the server';
    is anonymous($h, '/api'), '"min";q=12;w=60, "hour";q=120;w=3600', 'KissLimitAnonymous: Location over server';
    my $c = claims($h, '/api');
    is_deeply [@$c{qw(iss aud)}], ['urn:location', 'urn:location'], 'issuer: Location over server; the audience follows it';
    is claims($h, '/server')->{iss}, 'urn:server', 'issuer: from the server';
    my $res = $h->get('/off/health');
    is_deeply [@$res{qw(status content)}, $res->{headers}{'content-type'}],
        [403, '{"error":"This API is served over HTTPS only."}', 'application/json; charset=utf-8'], 'KissAllowPlainHTTP Off over On';
    is $h->get('/server/health')->{status}, 200, 'KissAllowPlainHTTP On: from the server';
    $h->log_ok;
};

subtest 'virtual hosts' => sub {
    my $port = KissTest::Httpd::free_port();
    my $api = location('/', "KissTokenKeys $dir/keys");
    my $h = start_httpd(
        path => '/main', port => $port, limits => '',
        config => <<"CONF"
KissTokenLifetime 240
KissLimitAnonymous 22 220
<VirtualHost *:$port>
ServerName one.test
$api
KissAllowPlainHTTP On
</VirtualHost>
<VirtualHost *:$port>
ServerName two.test
KissTokenLifetime 360
KissLimitAnonymous 33 330
KissAllowPlainHTTP On
KissDatabase two socket=$socket user=kiss dbname=$db password-file=$password keep=1 max=2
KissUseDatabase two
$api
@{[location('/inner', 'KissTokenLifetime 480', "KissTokenKeys $dir/keys", 'KissUseDatabase customer')]}
</VirtualHost>
<VirtualHost *:$port>
ServerName three.test
$api
</VirtualHost>
CONF
    );
    my @one = ('one.test');
    my @two = ('two.test');
    is lifetime($h, '', @one), 240, 'lifetime: virtual host, from the server';
    is lifetime($h, '', @two), 360, 'lifetime: virtual host over server';
    is lifetime($h, '/inner', @two), 480, 'lifetime: Location over virtual host';
    is anonymous($h, '', @one), '"min";q=22;w=60, "hour";q=220;w=3600', 'limit: from the server';
    is anonymous($h, '', @two), '"min";q=33;w=60, "hour";q=330;w=3600', 'limit: virtual host over server';
    is claims($h, '', @one)->{iss}, 'https://one.test', 'issuer: the ServerName of the virtual host';
    is claims($h, '', @two)->{iss}, 'https://two.test', 'issuer: of the other';
    is ask($h, 'GET', '/health', '', 'three.test')->{status}, 403, 'plain HTTP is off where nobody allowed it';
    $h->log_ok;
};

subtest 'two databases in one server' => sub {
    my $other = new_database('second');
    import_sample($other);
    kissctl_ok({ db => $other }, 'customer', 'add', 'ONLY2', '--price-list', 'UKTRADE', '--warehouse', 'UK01');
    chomp(my $k = kissctl_ok({ db => $other }, 'key', 'issue', 'ONLY2'));
    my $h = start_httpd(
        db => $db,
        config => "KissDatabase test socket=$socket user=kiss dbname=$other password-file=$password\n"
            . location('/test', "KissTokenKeys $dir/keys", 'KissUseDatabase test', 'KissAllowPlainHTTP On')
    );
    my $form = { grant_type => 'client_credentials', client_id => 'ONLY2', client_secret => $k };
    is $h->post('/test/auth/token', $form)->{status}, 200, 'a customer of the second database';
    is $h->post('/auth/token', $form)->{status}, 401, 'is unknown in the first';
    $h->log_ok;
};

subtest 'plain HTTP' => sub {
    my $h = start_httpd(db => $db, location => 'KissAllowPlainHTTP Off');
    for my $path (qw(/health /api/version /stock /products /prices /stock/schema /nothing)) {
        my $res = $h->get($path, 'X-Forwarded-Proto' => 'https');
        is_deeply [@$res{qw(status content)}, $res->{headers}{'content-type'}],
            [403, '{"error":"This API is served over HTTPS only."}', 'application/json; charset=utf-8'], $path;
    }
    is lifetime($h, ''), '403 {"error":"This API is served over HTTPS only."}', '/auth/token';
    $h->log_ok;
};

subtest 'TLS' => sub {
    my $h = start_httpd(db => $db, tls => 1);
    is $h->get('/health')->{content}, 'Healthy', 'health';
    my $t = $h->token('ACME01', $key);
    my $res = $h->get('/stock', Authorization => "Bearer $t");
    is $res->{status}, 200, 'data';
    ok @{ $h->json($res) } > 0, 'which are some';
    is $h->get('/stock')->{status}, 401, 'but not without a token';
    $h->log_ok(qr/AH01909|AH01906/);
};

subtest 'a reload takes over what changed' => sub {
    my $h = start_httpd(db => $db, location => 'KissTokenLifetime 120');
    is lifetime($h, ''), 120, 'before';
    $h->rewrite(location => 'KissTokenLifetime 600');
    is lifetime($h, ''), 120, 'the file alone changes nothing';
    my %old = map { $_ => 1 } $h->children;
    $h->graceful;
    my $end = time + 20;
    select(undef, undef, undef, 0.01) while time < $end && grep { $old{$_} } $h->children;
    is lifetime($h, ''), 600, 'after a graceful restart';
    $h->log_ok;
};

done_testing;
