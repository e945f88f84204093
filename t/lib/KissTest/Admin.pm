# SPDX-License-Identifier: Apache-2.0
package KissTest::Admin;

# What the tests of the admin endpoints begin with: the sample in a database, an httpd with KissAdmin, an admin client and a customer.
use strict;
use warnings;
use Exporter 'import';
use JSON::PP ();
use KissTest;

our @EXPORT = qw(start_admin ask error_of encode admin_headers customer_headers);

my $json = JSON::PP->new->utf8->canonical;
my ($h, @admin, @customer);

# start_admin($name, %option): (database, httpd); options as of start_httpd(), and
#   key \$key             receives the secret of the customer ACME01
# The other functions here are about the last httpd that was started so. The admin client is "pim".
sub start_admin {
    my ($name, %opt) = @_;
    my $receives = delete $opt{key};
    my $db = new_database($name);
    import_sample($db);
    grant_admin();
    $h = start_httpd(admin => '', %opt);
    my $key = issue_key('ACME01');
    $$receives = $key if $receives;
    @admin = (Authorization => 'Bearer ' . admin_token($h, 'pim'), Accept => 'application/json', 'Content-Type' => 'application/json');
    @customer = (Authorization => 'Bearer ' . $h->token('ACME01', $key));
    return ($db, $h);
}

# ask($method, $path, $body, %headers): an answer to the admin client; a body that is no text is sent as JSON.
sub ask {
    my ($method, $path, $body, %more) = @_;
    return $h->request($method, $path, @admin, %more, defined $body ? (content => ref $body ? encode($body) : $body) : ());
}

sub error_of { my ($r) = @_; return $h->json($r)->{error} }

sub encode { my ($value) = @_; return $json->encode($value) }

# Headers of requests by the admin client, and by ACME01.
sub admin_headers { return @admin }
sub customer_headers { return @customer }

1;
