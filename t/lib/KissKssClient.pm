# SPDX-License-Identifier: Apache-2.0
package KissKssClient;

# Asking the KSS API in the tests t/50 to t/52: one connection that is kept, parameters as a hash of lists.

use strict;
use warnings;
use Exporter 'import';
use HTTP::Tiny;
use POSIX ();
use KissTest;
use KissKssData;
use KissTest::OpenAPI ();

our @EXPORT = qw(ask url_of issue_all today_utc);

my %client;

sub _encode { my ($text) = @_; $text =~ s/([^A-Za-z0-9_.~,-])/sprintf '%%%02X', ord $1/ge; return $text }

# url_of($path, \%params): the path below /api/v1 with its query; a parameter :name of the path is taken from the hash.
sub url_of {
    my ($path, $params) = @_;
    my %p = %{ $params || {} };
    $path =~ s{:(\w+)}{_encode(join ',', @{ delete $p{$1} })}e;
    my $query = join '&', map { my $v = $p{$_}; "$_=" . _encode(ref $v ? join(',', @$v) : $v) } sort keys %p;
    return "/api/v1$path" . ($query eq '' ? '' : "?$query");
}

# ask($h, $key, $path, \%params): HTTP::Tiny's answer.
sub ask {
    my ($h, $key, $path, $params) = @_;
    $client{$$} ||= HTTP::Tiny->new(keep_alive => 1, timeout => 60, max_redirect => 0);
    my $url = url_of($path, $params);
    my $res = $client{$$}->get($h->{url} . $url, { headers => { 'x-api-key' => $key } });
    KissTest::OpenAPI::check($h, 'GET', $url, $res, $key);
    return $res;
}

# issue_all(): a key of the current database for each of %KEYS, by its name there.
sub issue_all {
    return map {
        my %k = %{ $KEYS{$_} };
        $_ => issue_kss_key(type => $k{type}, @{ $k{ids} } ? (ids => $k{ids}) : ());
    } sort keys %KEYS;
}

sub today_utc { return POSIX::strftime('%Y-%m-%d', gmtime) }

1;
