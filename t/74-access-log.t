# conf/kiss-log.conf: formats of access and error log that others parse: valid JSON whatever a client sends, the trace of a request,
# its id; and the header Server-Timing, for those who may know.
# SPDX-License-Identifier: Apache-2.0
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Digest::SHA ();
use JSON::PP ();
use KissTest;
use KissTest::Load;
use MIME::Base64 qw(encode_base64);
use Test::More;

my $db = new_database('logs');
import_sample($db);
my $dir = tempdir_here();
spew("$dir/token.keys", 'k1 ' . 'A' x 43 . "\n", 0600);
my ($trace, $span) = ('0af7651916cd43dd8448eb211c80319c', 'b7ad6b7169203331');

# serve(%option): an httpd with both formats, and a token for a customer.
sub serve {
    my (%opt) = @_;
    return start_httpd(token_keys => "$dir/token.keys", modules => ['log_config'], %opt,
        config => slurp(top() . '/conf/kiss-log.conf') . "CustomLog words kiss\nCustomLog json kiss_json\n" . ($opt{config} // ''));
}

sub token {
    my ($customer) = @_;
    return 'Bearer ' . jwt({ iss => 'https://localhost', aud => 'https://localhost', sub => $customer, client_id => $customer,
        jti => 'x', iat => $^T - 60, nbf => $^T - 60, exp => $^T + 3600 }, keys => "$dir/token.keys");
}

# lines($h, $file, $n): the lines of a log, which are at least $n by then.
sub lines {
    my ($h, $file, $n) = @_;
    my @lines;
    wait_until(10, sub { @lines = split /\n/, slurp("$h->{root}/$file"); @lines >= $n });
    return @lines;
}

subtest 'a line for each request' => sub {
    my $h = serve();
    my $res = $h->get('/stock', Authorization => token('ACME01'), traceparent => "00-$trace-$span-01", 'X-Request-Id' => 'mine');
    is $res->{status}, 200, 'a list';
    $h->get('/health', traceparent => "00-$trace-$span-01, 00-$trace-$span-01");
    my @json = map { JSON::PP->new->utf8->decode($_) } lines($h, 'json', 2);
    my %line = %{ $json[0] };
    is_deeply [@line{qw(path caller status bytes endpoint snapshot request_id trace_id parent_id client)}],
        ['/stock', 'ACME01', 200, length $res->{content}, 'stock', 'built', 'mine', $trace, $span, '127.0.0.1'], 'as JSON';
    like $line{time}, qr/\A\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[+-]\d{4}\z/, '... with its time';
    like "@line{qw(us db_us rows limit)}", qr{\A\d+ \d+ \d+ \d+/\d+\z}, '... and what it cost';
    is $json[1]{trace_id}, '-', 'a traceparent that is not valid is ignored';
    my ($words) = lines($h, 'words', 2);
    my $line = qr{\A127\.0\.0\.1 ACME01 \[.*\] "GET /stock HTTP/1\.1" 200 \d+ \d+ endpoint=stock snapshot=built rows=\d+ db_us=\d+ limit=\d+/\d+ id=mine trace=$trace\z};
    like $words, $line, 'as words';
    $h->log_ok;
};

subtest 'JSON, whatever a client sends' => sub {
    my $code = "\"\\\x{c3}\x{a9}\t%\x{7f}</";
    sql($db, 'INSERT INTO customer (customer_code, price_list_code, stock_location) SELECT CONVERT(0x' . unpack('H*', $code)
        . " USING utf8mb4), price_list_code, stock_location FROM customer WHERE customer_code = 'ACME01'");
    my $h = serve();
    my @requests = map {"GET $_ HTTP/1.1\r\nHost: localhost\r\n"} '/"', '/\\', '/%22%5c%00', '/%01%c3%a9%ff', '/a%20b%25', '/' . 'x' x 5000;
    push @requests, "G\"ET / HTTP/1.1\r\nHost: localhost\r\n", "G\xffT /\xff HTTP/1.1\r\nHost: localhost\r\n", "GET / HTTP/9.\"9\r\nHost: x\r\n",
        "GET /health HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: \"\\\r\ntraceparent: \"\\\xff\r\nReferer: \"\\\r\n",
        "GET /health HTTP/1.1\r\nHost: \"\\\r\n", "\"\\\xff";
    $h->raw("$_\r\nConnection: close\r\n\r\n" =~ s/\r\n\r\nConnection/\r\nConnection/r) for @requests;
    utf8::decode(my $name = $code);
    is $h->get('/stock', Authorization => token($name))->{status}, 200, 'a customer with such a code';
    my @lines = lines($h, 'json', @requests + 1);
    my @bad = grep { !eval { JSON::PP->new->utf8->decode($_) } } @lines;
    is_deeply \@bad, [], 'each line is JSON';
    cmp_ok scalar @lines, '>=', @requests - 1, '... of which there is one for each request' or diag explain \@lines;
    ok +(grep {m{"path":"/a%20b%25"}} @lines), 'a path, with what was escaped';
    $h->log_ok(qr/AH\d+/);
};

subtest 'a user of another module' => sub {
    spew("$dir/users", 'joe:{SHA}' . Digest::SHA::sha1_base64('secret') . "=\n");
    my $h = serve(modules => [qw(log_config auth_basic authn_core authn_file authz_user)], config => <<"CONF");
<Location "/health">
    AuthType Basic
    AuthName x
    AuthBasicProvider file
    AuthUserFile $dir/users
    Require valid-user
</Location>
CONF
    is $h->get('/health', Authorization => 'Basic ' . encode_base64('joe:secret', ''))->{status}, 200, 'let in by that module';
    my ($line) = map { JSON::PP->new->utf8->decode($_) } lines($h, 'json', 1);
    is "$line->{caller} $line->{status} $line->{endpoint}", '- 200 health', '... is no caller of the API';
    $h->log_ok;
};

subtest 'the error log' => sub {
    my $h = serve(log_level => 'warn kiss:info');
    $h->get('/stock', Authorization => 'Bearer a.b.c', traceparent => "00-$trace-$span-01", 'X-Request-Id' => 'find-me');
    like $h->log_text, qr/\[kiss:info\].*\[id find-me\] \[trace $trace\] KISS0401: token refused/, 'a line has both ids';
    $h->log_ok;
};

subtest 'Server-Timing' => sub {
    my $form = qr/\Adb;dur=\d+\.\d{3}, wait;dur=\d+\.\d{3}, total;dur=\d+\.\d{3}\z/;
    my $h = serve(location => qq(<If "req('X-Timing') == '1'">\n    KissServerTiming On\n</If>));
    my @auth = (Authorization => token('ACME01'));
    my $tag;
    for my $path (qw(/stock /stock /health /stock/schema)) {
        my $res = $h->get($path, @auth, 'X-Timing' => 1);
        like $res->{headers}{'server-timing'}, $form, "$path: for those who may know";
        is $h->get($path, @auth)->{headers}{'server-timing'}, undef, '... and for nobody else';
        $tag ||= $res->{headers}{etag};
    }
    my $res = $h->get('/stock', @auth, 'If-None-Match' => $tag, 'X-Timing' => 1);
    is $res->{status}, 304, 'a poll';
    like $res->{headers}{'server-timing'}, $form, '... has it, too';
    $res = $h->get('/none', 'X-Timing' => 1);
    is $res->{status}, 404, 'an error';
    like $res->{headers}{'server-timing'}, $form, '... has it, too';
    $h->log_ok;
};

# The time with the database is another one for a code or a key that exists.
subtest 'Server-Timing tells nothing of customers and keys to those who guess' => sub {
    my $h = start_httpd(db => $db, location => 'KissServerTiming On');
    for my $code (qw(ACME01 NOBODY)) {
        my $res = $h->post('/auth/token', { grant_type => 'client_credentials', client_id => $code, client_secret => 'wrong' });
        is $res->{status}, 401, "$code with a wrong secret";
        is $res->{headers}{'server-timing'}, undef, '... is not told';
    }
    my $res = $h->get('/stock', Authorization => 'Bearer a.b.c');
    is_deeply [$res->{status}, $res->{headers}{'server-timing'}], [401, undef], 'nor is a wrong token';
    $res = $h->post('/auth/token', { grant_type => 'client_credentials', client_id => 'ACME01', client_secret => issue_key('ACME01') });
    is $res->{status}, 200, 'the right secret';
    ok $res->{headers}{'server-timing'}, '... is';
    $h->log_ok;
    my $kss = new_database('logs_kss', api => 'kss');
    my $k = start_httpd(db => $kss, api => 'kss', location => 'KissServerTiming On');
    for my $path (qw(/api/v1/states /api/v1/none /api/v1/openapi.json)) {
        $res = $k->get($path, 'x-api-key' => 'kiss_' . 'a' x 43);
        is_deeply [$res->{status}, $res->{headers}{'server-timing'}], [401, undef], "a wrong key, $path";
    }
    ok $k->get('/api/v1/states', 'x-api-key' => issue_kss_key(type => 'employee'))->{headers}{'server-timing'}, 'the right one is told';
    $k->log_ok;
};

done_testing;
