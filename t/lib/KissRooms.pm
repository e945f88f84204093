# SPDX-License-Identifier: Apache-2.0
package KissRooms;
# The rooms of mod_kiss/, which are its folders, and which of them a room may include beside itself. A unit is a .c file with its
# header, or one of them; it is named by its place.
use strict;
use warnings;
use Exporter 'import';
our @EXPORT = qw(rooms rooms_may rooms_unit rooms_room rooms_headers);

# lib: what httpd has no part in, nor a connection to the database: shared with kissctl, unit tests and fuzz targets.
my @base = qw(lib/base);
my @lib = (@base, qw(lib/ratelimit lib/mariadb lib/import lib/api lib/credential lib/file));
# From the lowest room to the highest.
my @rooms = (
    'lib/base'       => [],
    'lib/ratelimit'  => [@base],
    'lib/mariadb'    => [@base],
    'lib/import'     => [@base],
    'lib/api'        => [@base, qw(lib/import)],
    'lib/credential' => [@base],
    'lib/file'       => [@base],
    'core'           => [@lib],
    'http'           => [@lib, qw(core)],
    'db'             => [@lib, qw(core)],
    'caller'         => [@lib, qw(core http db)],
    'list'           => [@lib, qw(core http db caller)],
    'page'           => [@lib, qw(core http db caller)],
    'openapi'        => [@lib, qw(core http db caller)],
    'worker'         => [@lib, qw(core http db caller list page)],
    'status'         => [@lib, qw(core http db caller list page worker)],
    '.'              => [@lib, qw(core http db caller list page openapi worker status)],
);

my @order = map { $rooms[2 * $_] } 0 .. $#rooms / 2;
my %may = @rooms;

# rooms: all of them, from the lowest to the highest.
sub rooms { return @order }

# rooms_may($room): the rooms that it may include beside itself.
sub rooms_may { return @{ $may{ $_[0] } } }

# rooms_unit($file): the unit that a file belongs to.
sub rooms_unit { return $_[0] =~ s/\.[ch]$//r }

# rooms_room($unit): its room; '.' for the one that stands before all of them.
sub rooms_room { return $_[0] =~ m{^(.*)/} ? $1 : '.' }

# rooms_headers($top, $name): the headers called so of units that need no httpd, in lib and in support, as others include them.
sub rooms_headers {
    my ($top, $name) = @_;

    return map { m{/(?:mod_kiss|support)/(.+)$} } grep {-e} map {"$top/$_/$name.h"} (map {"mod_kiss/$_"} @lib), 'support';
}

1;
