# Secrets stay where they belong: none of them is in what httpd, the module and kissctl write or show, at their most talkative. API keys
# of both APIs, tokens, signing key, the database's password; error and access log, status pages, mod_info, answers, process lists.
# SPDX-License-Identifier: Apache-2.0
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use IO::Socket::INET;
use KissTest;
use KissTest::Database;
use MIME::Base64 qw(decode_base64 encode_base64);
use POSIX ();
use Test::More;

my $server = db_server();
my $db = new_database('secrets');
import_sample($db);
my $kss = new_database('secrets_kss', api => 'kss');
import_kss($kss, top() . '/sql/sample-kss');
my $key = issue_key('ACME01');
my $revoked = issue_key('ACME01');
my %kss_key = map { $_ => issue_kss_key(type => $_, $_ eq 'employee' ? () : (ids => [$_ eq 'customer' ? 101 : 10])) } qw(employee customer supplier);

my @modules = grep { -e KissTest::Httpd::apxs('LIBEXECDIR') . "/mod_$_.so" } qw(info status deflate filter);
my $formats = slurp(top() . '/conf/kiss-log.conf');
my $h = start_httpd(
    db => $db, log_level => 'trace8', modules => \@modules, location => "KissFeedBasic On\nKissServerTiming On",
    limits => "KissLimit 1000000 10000000\nKissLimitAnonymous 1000000 10000000\nKissLoginFailureLimit 1000000", undocumented => 1, config => $formats . <<"CONF");
CustomLog access_log kiss
CustomLog access_json kiss_json
@{[kss_location($kss, server => $server, location => 'AddOutputFilterByType DEFLATE application/json')]}ExtendedStatus On
<Location "/server-info">
    SetHandler server-info
</Location>
<Location "/server-status">
    SetHandler server-status
</Location>
<Location "/kiss-status">
    SetHandler kiss-status
</Location>
<Location "/kiss-metrics">
    SetHandler kiss-metrics
</Location>
CONF

my $token = $h->token('ACME01', $key);
my ($signing) = slurp($h->{token_keys}) =~ /^\S+ (\S+)/m;

# Each secret, by what it is: the text itself, without its public prefix, and as Basic sends it.
my %secret = (
    'an API key' => $key, 'a revoked API key' => $revoked, (map { ("the key of the $_" => $kss_key{$_}) } sort keys %kss_key),
    'a token' => $token, 'the signature of a token' => (split /\./, $token)[2], 'the signing key' => $signing,
    'the bytes of the signing key' => decode_base64($signing =~ tr{-_}{+/}r),
    (map { ("the password of $_" => $server->password($_)) } qw(kiss kiss_admin)),
    'an API key without prefix' => substr($key, 13), 'a key of the KSS API without prefix' => substr($kss_key{employee}, 13),
    'credentials of Basic' => encode_base64("ACME01:$key", ''),
);

# found($text): which secrets are in a text.
sub found { my ($text) = @_; return join ', ', grep { index($text, $secret{$_}) >= 0 } sort keys %secret }

sub clean {
    my ($text, $name) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    is found($text), '', $name;
    return;
}

is found("xx $key xx"), 'an API key, an API key without prefix', 'what is searched for is found';
clean(join(' ', map { substr $_, 5, 8 } $key, values %kss_key), 'the public part of a key is no secret');

subtest 'answers' => sub {
    my @bearer = (Authorization => "Bearer $token");
    my $form = 'application/x-www-form-urlencoded';
    kissctl_ok('key', 'revoke', (sql($db, "SELECT key_id FROM api_key WHERE prefix = '" . substr($revoked, 5, 8) . "'"))[0][0]);
    my @answers = (
        (map { my $path = $_; map { $h->request($_, $path, @bearer) } qw(GET HEAD POST PUT OPTIONS) } qw(/products /stock /prices.csv /nothing /health /openapi.json)),
        (map { $h->get($_) } "/stock?access_token=$token", "/stock?client_secret=$key", "/nothing?$token", "/api/v1/states?x-api-key=$kss_key{employee}", "/api/v1/customers/x?$kss_key{employee}"),
        $h->get('/stock', @bearer, 'If-Match' => "\"$token\""), $h->get('/stock', @bearer, Range => 'bytes=9999999-'),
        (map { $h->get('/stock', Authorization => $_) } "Bearer ${token}x", "Bearer $token x", "Bearer $token, Bearer $token", "Token $token", $token, "Bearer $key",
            "Basic $secret{'credentials of Basic'}", "Basic $secret{'credentials of Basic'}="),
        (map { $h->get('/stock.csv', Authorization => 'Basic ' . encode_base64($_, '')) } "ACME01:$key", "ACME01:${key}x", "ACME01:$revoked", "$key:ACME01"),
        (map { $h->post('/auth/token', $_, 'Content-Type' => $form) } "grant_type=client_credentials&client_id=ACME01&client_secret=${key}x",
            "grant_type=client_credentials&client_id=ACME01&client_secret=$revoked", "grant_type=client_credentials&client_id=$key&client_secret=$key",
            "grant_type=$key&client_id=ACME01&client_secret=$key", "client_secret=$key&client_secret=$key", "scope=$key&client_secret=%zz$key", "$key=$key", $key),
        $h->post("/auth/token?client_secret=$key", 'x', 'Content-Type' => $form),
        (map { my $k = $_; map { $h->request($_, '/api/v1/customers', 'x-api-key' => $k) } qw(GET HEAD POST) } values %kss_key, "$kss_key{employee}x", "$kss_key{employee}, x"),
        $h->post('/api/v1/payments/applications', qq({"PaymentInvoiceNum":"$kss_key{employee}"}), 'Content-Type' => 'application/json', 'x-api-key' => $kss_key{employee}),
        $h->post('/api/v1/payments/applications', "{\"$kss_key{employee}", 'Content-Type' => 'application/json', 'x-api-key' => $kss_key{employee},
            'Idempotency-Key' => $kss_key{employee}),
    );
    my %status;
    for my $res (@answers) {
        $status{ $res->{status} }++;
        my $text = join "\n", $res->{content} // '', map { "$_: " . (ref $res->{headers}{$_} ? "@{ $res->{headers}{$_} }" : $res->{headers}{$_}) } sort keys %{ $res->{headers} };
        clean($text, "$res->{status} to $res->{url}" =~ s/kiss_\w+|eyJ[\w.-]+/SECRET/gr =~ s/\Q$h->{url}//r);
    }
    cmp_ok scalar keys %status, '>=', 6, 'answers of all kinds: ' . join ' ', sort keys %status;
};

subtest 'a database that fails' => sub {
    sql($db, 'RENAME TABLE api_key TO away');
    my $res = $h->post('/auth/token', { grant_type => 'client_credentials', client_id => 'BEAU02', client_secret => $key });
    sql($db, 'RENAME TABLE away TO api_key');
    is $res->{status}, 500, 'an error of ours';
    clean($res->{content}, '... does not repeat what was sent');
    unlike $res->{content}, qr/api_key|SELECT|table|\Q$db\E/i, '... nor what it asked';
};

subtest 'pages of the server' => sub {
    for my $page (qw(/server-info /server-status /server-status?auto /kiss-status /kiss-status?json /kiss-metrics)) {
        my $res = $h->get($page);
      SKIP: {
            skip "$page: no such module here", 1 if $res->{status} == 404;
            clean($res->{content}, $page);
            like $res->{content}, qr/KissDatabase/, '... which has the configuration' if $page eq '/server-info';
        }
    }
};

subtest 'logs' => sub {
    my ($log, $stderr) = ($h->log_text, slurp("$h->{root}/stderr"));
    cmp_ok length $log, '>', 100_000, 'the error log is at its most talkative';
    # From trace4 on httpd itself writes the headers of each request, from trace5 on its line: those lines are of httpd's core and http.
    my @ours = grep { !/^\[[^\]]*\] \[(?:core|http):trace[4-8]\]/ } split /\n/, $log;
    cmp_ok scalar(grep { /\[kiss:/ } @ours), '>', 5, '... the module, too';
    clean(join("\n", @ours) . $stderr, 'no line of the module has one, and none of httpd that is not a copy of the request');
    my @debug = grep { !/^\[[^\]]*\] \[\w+:trace/ } split /\n/, $log;
    clean(join("\n", @debug), '... so up to LogLevel debug there is none');
    clean(slurp("$h->{root}/$_"), "$_, in the format that is shipped") for qw(access_log access_json);
};

subtest 'processes' => sub {
    for my $pid ($h->{pid}, $h->children) {
        clean(slurp("/proc/$pid/$_"), "$_ of httpd") for qw(cmdline environ);
        # The kernel keeps what belonged to root from those who are httpd's User: memory and environment of a child are closed to others.
        next if $> || $pid == $h->{pid};
        my ($rc) = run(qw(setpriv --reuid www-data --regid www-data --clear-groups cat), "/proc/$pid/environ");
        isnt $rc, 0, '... closed to programs of the same user';
    }
};

# A server that says nothing, so that kissctl can be looked at while it asks.
subtest 'kissctl' => sub {
    my $silent = IO::Socket::INET->new(Listen => 5, LocalAddr => '127.0.0.1') or die "listen: $!";
    my $url = 'http://127.0.0.1:' . $silent->sockport;
    my ($kss_id) = (sql($kss, "SELECT key_id FROM api_key WHERE type = 'employee'"))[0][0];
    my $program = $ENV{KISS_TEST_KISSCTL} || build_dir() . '/support/kissctl';
    for my $case ([$db, 'get', '/stock', '--as', 'ACME01', '--token-keys', $h->{token_keys}, '--issuer', 'https://x', '--audience', 'https://x'],
        [$kss, 'kss', 'get', '/states', '--as', $kss_id])
    {
        my ($name, @words) = @$case;
        my $out = tempdir_here();
        my $pid = KissTest::Database::spawn("$out/said", {}, $program, '--defaults', $server->defaults($name), @words, '--url', $url);
        my $asked = do { local $SIG{ALRM} = sub { die "kissctl does not ask: " . slurp("$out/said") }; alarm 30; my $s = $silent->accept; alarm 0; $s };
        clean(slurp("/proc/$pid/cmdline"), "cmdline of kissctl @words[0, 1]");
        clean(slurp("/proc/$pid/environ"), '... environ');
        kill 'KILL', $pid;
        waitpid $pid, 0;
        clean(slurp("$out/said"), '... and what it says');
    }
    for my $words (['doctor'], [qw(--json doctor)], [qw(key list ACME01)], [qw(customer show ACME01)], [qw(kss key list)], [qw(kss doctor)]) {
        my ($rc, $out, $err) = kissctl({ db => $words->[0] eq 'kss' ? $kss : $db }, @$words);
        clean($out . $err, "kissctl @$words");
    }
    my ($rc, $out, $err) = kissctl({ db => $db }, '--token-keys', $h->{token_keys}, 'token-key', 'list');
    clean($out . $err, 'kissctl token-key list');
    my $wrong = tempdir_here() . '/wrong.cnf';
    spew($wrong, slurp($server->defaults($db)) =~ s/^user=.*/user=nobody/mgr, 0600);
    ($rc, $out, $err) = kissctl({ defaults => $wrong }, qw(customer list));
    is $rc, 1, 'credentials that the database refuses';
    clean($out . $err, '... are not repeated');
};

subtest 'files' => sub {
    my ($tables, @plain) = (0);
    for my $name ($db, $kss) {
        my @texts = sql($name, "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = DATABASE() AND data_type IN ('char', 'varchar', 'text',"
            . " 'mediumtext', 'longtext', 'binary', 'varbinary', 'blob')");
        for my $column (@texts) {
            my ($table, $field) = @$column;
            $tables++;
            my ($n) = sql($name, "SELECT COUNT(*) FROM `$table` WHERE " . join ' OR ', map {"INSTR(`$field`, '$_') > 0"} $key, $revoked, values %kss_key);
            push @plain, "$table.$field" if $n->[0];
        }
    }
    cmp_ok $tables, '>', 100, "$tables columns of both databases";
    is "@plain", '', '... none has an API key: only digests are stored';
    my @kept = grep { -f } glob("$h->{root}/cache/*"), glob("$h->{root}/cache/*/*");
    cmp_ok scalar @kept, '>', 3, 'files in KissCacheDir';
    is join(' ', grep { found(slurp($_)) } @kept), '', '... none has a secret';
    is join(' ', grep { (stat)[2] & 077 } @kept), '', '... nor can others read them';
};

$h->log_ok(qr/AH0|AH1|KISS02|KISS0407/);
done_testing;
