/* SPDX-License-Identifier: Apache-2.0 */
/**
 * unit - what the unit tests share: TAP, a pool, numbers that are random and the same in every run.
 *
 * t/unit/NAME.c tests the unit NAME of the module or of kissctl; its unit_NAME() is a row of the table in run.c.
 */
#ifndef UNIT_H
#define UNIT_H

#include <apr_pools.h>

/** The pool of the test that runs. */
extern apr_pool_t *pool;

/** A line of TAP. A text with a % is one of okf(), which formats. */
void ok(int good, const char *what);
void okf(int good, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/** ok() when the two texts are the same; prints both when they are not. */
void is(const char *got, const char *expected, const char *what);

/** A number below `below`, the next of a sequence that begins anew with each program. */
apr_uint32_t dice(apr_uint32_t below);

void unit_apikey(void);
void unit_cache_file(void);
void unit_chunk_index(void);
void unit_chunk_writer(void);
void unit_client_cache(void);
void unit_crypto(void);
void unit_csv(void);
void unit_csv_row(void);
void unit_dataset(void);
void unit_date(void);
void unit_decimal(void);
void unit_deferred_signal(void);
void unit_delta(void);
void unit_etag(void);
void unit_exposition(void);
void unit_fixed_window(void);
void unit_gzip(void);
void unit_import_digest(void);
void unit_import_table(void);
void unit_import_text(void);
void unit_import_value(void);
void unit_json_parse(void);
void unit_json_text(void);
void unit_jwt(void);
void unit_jwt_cache(void);
void unit_jwt_keys(void);
void unit_list_patch(void);
void unit_list_states(void);
void unit_list_times(void);
void unit_lru(void);
void unit_merge_run(void);
void unit_plan(void);
void unit_progress(void);
void unit_route(void);
void unit_row_json(void);
void unit_server_error(void);
void unit_shared(void);
void unit_shared_table(void);
void unit_sliding_window(void);
void unit_socket_room(void);
void unit_socket_shutdown(void);
void unit_store_order(void);
void unit_trace_context(void);
void unit_urlencoded(void);
void unit_write_body(void);

#endif
