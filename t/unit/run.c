/* SPDX-License-Identifier: Apache-2.0 */
/**
 * run - main() of the unit tests: runs those of one unit, in TAP; without a name it prints the names. One unit is one
 * process: some measure what their process has in memory.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <apr_general.h>
#include <apr_strings.h>

#include "unit.h"

typedef struct {
    const char *name;
    void (*run)(void);
} unit_test;

static const unit_test tests[] = {
#ifdef UNIT_STORE_ORDER                 /* with its own objects of the units that it interrupts */
    { "store_order", unit_store_order },
#else
    { "apikey", unit_apikey },
    { "cache_file", unit_cache_file },
    { "chunk_index", unit_chunk_index },
    { "chunk_writer", unit_chunk_writer },
    { "client_cache", unit_client_cache },
    { "crypto", unit_crypto },
    { "csv", unit_csv },
    { "csv_row", unit_csv_row },
    { "dataset", unit_dataset },
    { "date", unit_date },
    { "decimal", unit_decimal },
    { "deferred_signal", unit_deferred_signal },
    { "delta", unit_delta },
    { "etag", unit_etag },
    { "exposition", unit_exposition },
    { "fixed_window", unit_fixed_window },
    { "gzip", unit_gzip },
    { "import_digest", unit_import_digest },
    { "import_table", unit_import_table },
    { "import_text", unit_import_text },
    { "import_value", unit_import_value },
    { "json_parse", unit_json_parse },
    { "json_text", unit_json_text },
    { "jwt", unit_jwt },
    { "jwt_cache", unit_jwt_cache },
    { "jwt_keys", unit_jwt_keys },
    { "list_patch", unit_list_patch },
    { "list_states", unit_list_states },
    { "list_times", unit_list_times },
    { "lru", unit_lru },
    { "merge_run", unit_merge_run },
    { "plan", unit_plan },
    { "progress", unit_progress },
    { "route", unit_route },
    { "row_json", unit_row_json },
    { "server_error", unit_server_error },
    { "shared", unit_shared },
    { "shared_table", unit_shared_table },
    { "sliding_window", unit_sliding_window },
    { "socket_room", unit_socket_room },
    { "socket_shutdown", unit_socket_shutdown },
    { "trace_context", unit_trace_context },
    { "urlencoded", unit_urlencoded },
    { "write_body", unit_write_body },
#endif
    { NULL, NULL }
};

apr_pool_t *pool;

static int count, failures;
static apr_uint64_t seed = 20261121;

void ok(int good, const char *what)
{
    printf("%sok %d - %s\n", good ? "" : "not ", ++count, what);
    failures += !good;
}

void okf(int good, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    ok(good, apr_pvsprintf(pool, fmt, args));
    va_end(args);
}

void is(const char *got, const char *expected, const char *what)
{
    ok(strcmp(got, expected) == 0, what);
    if (strcmp(got, expected) != 0) {
        printf("#      got: %s\n# expected: %s\n", got, expected);
    }
}

apr_uint32_t dice(apr_uint32_t below)
{
    seed = seed * APR_UINT64_C(6364136223846793005) + APR_UINT64_C(1442695040888963407);
    return (apr_uint32_t)(seed >> 33) % below;
}

int main(int argc, char **argv)
{
    const unit_test *test;

    apr_initialize();
    atexit(apr_terminate);
    apr_pool_create(&pool, NULL);
    for (test = tests; test->name; test++) {
        if (argc < 2) {
            puts(test->name);
        }
        else if (strcmp(argv[1], test->name) == 0) {
            test->run();
            printf("1..%d\n", count);
            return failures != 0;
        }
    }
    return argc < 2 ? 0 : 2;
}
