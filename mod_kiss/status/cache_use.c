/* SPDX-License-Identifier: Apache-2.0 */
/**
 * cache_use - adds up the files in KissCacheDir by their names.
 */
#include "status/cache_use.h"

#include <string.h>
#include <unistd.h>

#include "db/db.h"
#include "lib/file/cache_file.h"

kiss_cache_use_sum kiss_cache_use_total(const kiss_cache_use *use)
{
    kiss_cache_use_sum all = { 0, 0 };
    int i;

    for (i = 0; i < 4; i++) {
        all.files += use->of[i / 2][i % 2].files;
        all.bytes += use->of[i / 2][i % 2].bytes;
    }
    return all;
}

/** The index of the database with this origin; their number for another one. */
static int find(const apr_array_header_t *databases, const char *origin)
{
    int i;

    for (i = 0; i < databases->nelts; i++) {
        const kiss_db *db = APR_ARRAY_IDX(databases, i, kiss_counted_database).conf->db;

        if (origin && db && strncmp(kiss_db_origin(db), origin, KISS_CACHE_FILE_ORIGIN) == 0) {
            break;
        }
    }
    return i;
}

apr_array_header_t *kiss_cache_use_read(const apr_array_header_t *databases, const server_rec *main_server, apr_pool_t *p)
{
    apr_array_header_t *all = apr_array_make(p, databases->nelts + 1, sizeof(kiss_cache_use)), *entries;
    int i, folder;

    memset(all->elts, 0, (apr_size_t)(databases->nelts + 1) * sizeof(kiss_cache_use));
    all->nelts = databases->nelts + 1;
    if (kiss_cache_file_open_folder(&folder, kiss_config_cache_dir(main_server), p) != APR_SUCCESS) {
        return all;
    }
    if (kiss_cache_file_scan(&entries, folder, p) == APR_SUCCESS) {
        for (i = 0; i < entries->nelts; i++) {
            const kiss_cache_file_entry *e = &APR_ARRAY_IDX(entries, i, kiss_cache_file_entry);
            const kiss_cache_file_kind kind = kiss_cache_file_kind_of(e->name);
            kiss_cache_use *use = &APR_ARRAY_IDX(all, find(databases, kind.origin), kiss_cache_use);

            if (e->is_entry) {
                use->of[kind.is_changes][kind.is_gzip].files++;
                use->of[kind.is_changes][kind.is_gzip].bytes += (apr_uint64_t)e->size;
            }
        }
    }
    close(folder);
    return all;
}
