/* SPDX-License-Identifier: Apache-2.0 */
/**
 * verified - the table in shared memory of what was read from the database, and when.
 */
#include "core/verified.h"

#include <apr_shm.h>

#include <string.h>

#include "core/config.h"
#include "lib/base/clock.h"
#include "lib/base/shared_table.h"

/* Changes with the layout of the segment, or of the texts: an old one is not used then. */
#define RETAINED "mod_kiss-verified-1"

/* Entries: a customer has one record, and few lists. A page of memory is used only when it is written to. */
#define PER_CLIENT  4
#define MAX_ENTRIES 65536

/** State that survives a reload. Lives in the process pool, like the segment. */
typedef struct {
    apr_shm_t *shm;                     /* NULL until it is created */
    kiss_shared_table table;
    unsigned char key[KISS_SHA256_LEN]; /* random: of the digests of secrets */
} segment;

/* Of this generation: NULL where no location has KissServeStale. Read only after start. */
static segment *memory;

static int is_needed(server_rec *s, apr_pool_t *p)
{
    const apr_array_header_t *locations = kiss_config_locations(s, p);
    int i;

    for (i = 0; i < locations->nelts; i++) {
        if (kiss_config_serve_stale(APR_ARRAY_IDX(locations, i, kiss_config_location).conf)) {
            return 1;
        }
    }
    return 0;
}

void kiss_verified_create(server_rec *s, apr_pool_t *ptemp)
{
    const apr_uint64_t wanted = PER_CLIENT * (apr_uint64_t)kiss_config_limit_clients(s);
    const apr_uint32_t entries = wanted < MAX_ENTRIES ? (apr_uint32_t)wanted : MAX_ENTRIES;
    segment *retained = ap_retained_data_get(RETAINED);
    apr_status_t rv;

    memory = NULL;
    if (!is_needed(s, ptemp)) {
        return;
    }
    if (!retained) {
        retained = ap_retained_data_create(RETAINED, sizeof(*retained));
    }
    if (!retained->shm) {
        rv = kiss_crypto_random(retained->key, sizeof(retained->key));
        /* Anonymous: a killed server leaves nothing, and no other process can attach it. It is zero initially. */
        if (rv == APR_SUCCESS) {
            rv = apr_shm_create(&retained->shm, kiss_shared_table_size(entries), NULL, s->process->pool);
        }
        if (rv != APR_SUCCESS) {
            retained->shm = NULL;
            ap_log_error(APLOG_MARK, APLOG_WARNING, rv, s, KISS_LOGNO(0707) "no shared memory for KissServeStale: while the "
                         "database is away nothing is served");
            return;
        }
        kiss_shared_table_init(&retained->table, apr_shm_baseaddr_get(retained->shm), entries);
    }
    memory = retained;
}

int kiss_verified_is_on(void)
{
    return memory != NULL;
}

static void derive_id(unsigned char id[KISS_SHA256_LEN], kiss_verified_kind kind, const char *origin, const char *name)
{
    const char text[] = { (char)('0' + kind), '\0' };
    unsigned char parts[3 * KISS_SHA256_LEN];

    kiss_crypto_sha256(parts, text, sizeof(text));
    kiss_crypto_sha256(parts + KISS_SHA256_LEN, origin, strlen(origin));
    kiss_crypto_sha256(parts + 2 * KISS_SHA256_LEN, name, strlen(name));
    kiss_crypto_sha256(id, parts, sizeof(parts));
}

void kiss_verified_put(kiss_verified_kind kind, const char *origin, const char *name, apr_int64_t asked, const char *text,
                       apr_size_t len)
{
    unsigned char id[KISS_SHA256_LEN];

    if (memory) {
        derive_id(id, kind, origin, name);
        kiss_shared_table_put(&memory->table, id, asked, text, len);
    }
}

const char *kiss_verified_get(kiss_verified_kind kind, const char *origin, const char *name, apr_int64_t *asked,
                              apr_size_t *len, apr_pool_t *p)
{
    unsigned char id[KISS_SHA256_LEN];
    kiss_shared_table_entry entry;

    if (!memory) {
        return NULL;
    }
    derive_id(id, kind, origin, name);
    if (!kiss_shared_table_get(&entry, &memory->table, id) || !entry.len) {
        return NULL;
    }
    *asked = entry.time;
    if (len) {
        *len = entry.len;
    }
    return apr_pstrmemdup(p, entry.text, entry.len);
}

int kiss_verified_may_serve(const kiss_req *k, apr_int64_t asked)
{
    return memory && k->endpoint && k->endpoint->run == KISS_RUN_LIST
           && (!(k->endpoint->data & KISS_DATA_STOCK) || kiss_config_serves_stale_stock(k->conf))
           && kiss_clock_now() - asked < kiss_config_serve_stale(k->conf);
}

const char *kiss_verified_secret_name(const char *text, apr_pool_t *p)
{
    unsigned char digest[KISS_SHA256_LEN];

    return memory && kiss_crypto_hmac(digest, memory->key, sizeof(memory->key), text, strlen(text))
           ? kiss_crypto_base64url(p, digest, sizeof(digest)) : NULL;
}
