package KissRooms;
# Where each unit of the module belongs: its room and its name there. A unit is a .c file with its header, or one of them.
# Which rooms a room may include, beside itself, is the other table.
use strict;
use warnings;
use Exporter 'import';
our @EXPORT = qw(rooms rooms_may rooms_units rooms_place rooms_unit rooms_room);

my %units = (
    'mod_kiss'           => 'mod_kiss',

    'kiss'               => 'core/kiss',
    'kiss_config'        => 'core/config',
    'kiss_config_check'  => 'core/config_check',
    'kiss_config_value'  => 'core/config_value',
    'kiss_directives'    => 'core/directives',
    'kiss_error'         => 'core/error',
    'kiss_flood'         => 'core/log_seldom',

    'kiss_body'          => 'http/request_body',
    'kiss_httpd_error'   => 'http/httpd_error',
    'kiss_out'           => 'http/response',
    'kiss_precondition'  => 'http/precondition',

    'kiss_db'            => 'db/db',
    'kiss_db_check'      => 'db/db_check',
    'kiss_db_pool'       => 'db/db_pool',
    'kiss_db_types'      => 'db/db_types',
    'kiss_state'         => 'db/db_revision',

    'kiss_auth'          => 'caller/auth',
    'kiss_caller'        => 'caller/caller',
    'kiss_caller_record' => 'caller/caller_record',
    'kiss_callercache'   => 'caller/caller_cache',
    'kiss_key'           => 'caller/auth_apikey',
    'kiss_limit'         => 'caller/ratelimit',
    'kiss_token'         => 'caller/token_endpoint',

    'kiss_build'         => 'list/list_reader',
    'kiss_list'          => 'list/list',
    'kiss_making'        => 'list/list_job',
    'kiss_mapped'        => 'list/list_cache_map',
    'kiss_snapshot'      => 'list/list_cache',
    'kiss_usage'         => 'list/list_usage',

    'kiss_page'          => 'page/page',
    'kiss_pages'         => 'page/page_cache',
    'kiss_pay'           => 'page/allocate',

    'kiss_keeper'        => 'worker/cache_manager',
    'kiss_warm'          => 'worker/cache_warmer',

    'kiss_accept'        => 'lib/base/negotiate',
    'kiss_clock'         => 'lib/base/clock',
    'kiss_date'          => 'lib/base/date',
    'kiss_decimal'       => 'lib/base/decimal',
    'kiss_dir'           => 'lib/base/directory',
    'kiss_etag'          => 'lib/base/etag',
    'kiss_form'          => 'lib/base/urlencoded',
    'kiss_json_parse'    => 'lib/base/json_parse',
    'kiss_json_text'     => 'lib/base/json_text',
    'kiss_local'         => 'lib/base/loopback',
    'kiss_lru'           => 'lib/base/lru',
    'kiss_secret'        => 'lib/base/crypto',
    'kiss_shared'        => 'lib/base/shared',
    'kiss_thread'        => 'lib/base/thread',
    'kiss_value'         => 'lib/base/value',

    'kiss_order'         => 'lib/ratelimit/store_order',
    'kiss_sliding'       => 'lib/ratelimit/sliding_window',
    'kiss_slots'         => 'lib/ratelimit/slots',
    'kiss_window'        => 'lib/ratelimit/fixed_window',

    'kiss_customer'      => 'lib/api/customer',
    'kiss_dataset'       => 'lib/api/dataset',
    'kiss_kss'           => 'lib/api/kss',
    'kiss_param'         => 'lib/api/params',
    'kiss_route'         => 'lib/api/route',
    'kiss_row_json'      => 'lib/api/row_json',
    'kiss_schema'        => 'lib/api/schema',
    'kiss_list_plan'     => 'lib/api/list_plan',
    'kiss_page_sql'      => 'lib/api/page_sql',
    'kiss_sql'           => 'lib/api/plan',
    'kiss_statements'    => 'lib/api/statements',
    'kiss_table'         => 'lib/api/table',

    'kiss_apikey'        => 'lib/credential/apikey',
    'kiss_jwt'           => 'lib/credential/jwt',
    'kiss_tokenkeys'     => 'lib/credential/jwt_keys',
    'kiss_verdict'       => 'lib/credential/jwt_cache',

    'kiss_cut'           => 'lib/mariadb/socket_shutdown',
    'kiss_server_error'  => 'lib/mariadb/server_error',
    'kiss_session'       => 'lib/mariadb/session',

    'kiss_delta'         => 'lib/file/delta',
    'kiss_growing'       => 'lib/file/progress',
    'kiss_gzip'          => 'lib/file/gzip',
    'kiss_records'       => 'lib/file/merge_run',
    'kiss_snapfile'      => 'lib/file/cache_file',
    'kiss_spool'         => 'lib/file/spool',
);

# lib: what httpd has no part in, nor a connection to the database: shared with kissctl, unit tests and fuzz targets.
my @base = qw(lib/base);
my @lib = (@base, qw(lib/ratelimit lib/mariadb lib/api lib/credential lib/file));
# From the lowest room to the highest.
my @rooms = (
    'lib/base'       => [],
    'lib/ratelimit'  => [@base],
    'lib/mariadb'    => [@base],
    'lib/api'        => [@base],
    'lib/credential' => [@base],
    'lib/file'       => [@base],
    'core'           => [@lib],
    'http'           => [@lib, qw(core)],
    'db'             => [@lib, qw(core)],
    'caller'         => [@lib, qw(core http db)],
    'list'           => [@lib, qw(core http db caller)],
    'page'           => [@lib, qw(core http db caller)],
    'worker'         => [@lib, qw(core http db caller list page)],
    '.'              => [@lib, qw(core http db caller list page worker)],
);

my @order = map { $rooms[2 * $_] } 0 .. $#rooms / 2;
my %may = @rooms;

# rooms: all of them, from the lowest to the highest.
sub rooms { return @order }

# rooms_may($room): the rooms that it may include beside itself.
sub rooms_may { return @{ $may{ $_[0] } } }

# rooms_units: every unit, by the name that it has today.
sub rooms_units { return sort keys %units }

# rooms_place($unit): ROOM/NAME, as it will be called there; mod_kiss.c stands before all rooms.
sub rooms_place { return $units{ $_[0] } }

# rooms_unit($file): the unit that a file belongs to.
sub rooms_unit { return $_[0] =~ s/\.[ch]$//r }

# rooms_room($unit): its room; '.' for the one that stands before all of them, undef when there is no such unit.
sub rooms_room
{
    my $place = $units{ $_[0] };
    return defined $place ? ($place =~ m{^(.*)/} ? $1 : '.') : undef;
}

1;
