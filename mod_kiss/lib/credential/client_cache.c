/* SPDX-License-Identifier: Apache-2.0 */
/**
 * client_cache - an LRU of verified client credentials by their digests.
 */
#include "lib/credential/client_cache.h"

#include <apr_strings.h>

#include <string.h>

#include "lib/base/lru.h"

#define CLIENTS 512

/* The texts of db/db_revision.h are shorter. */
#define MAX_REVISION 128

/* Digits of an unsigned BIGINT and a NUL, rounded up. */
#define MAX_KEY_ID 24

#define NOTE_AFTER APR_INT64_C(60000000)    /* microseconds */

/* Verified credentials. Key: kiss_client; state: the revision of the database, padded with zeros; until the key expires. */
typedef struct {
    apr_int64_t noted;                      /* when the use of the key was stored */
    apr_int64_t until;                      /* when the key expires */
    char key_id[MAX_KEY_ID];
} verified;

struct kiss_client_cache {
    kiss_lru *clients;                      /* of `verified` */
    unsigned char secret[KISS_SHA256_LEN];  /* of the digests */
};

apr_status_t kiss_client_cache_create(kiss_client_cache **cache, apr_pool_t *p)
{
    static const kiss_lru_type type = { .key_size = sizeof(kiss_client), .state_size = MAX_REVISION,
                                        .value_size = sizeof(verified), .entries = CLIENTS };
    kiss_client_cache *created = apr_palloc(p, sizeof(*created));
    apr_status_t rv = kiss_crypto_random(created->secret, sizeof(created->secret));

    if (rv == APR_SUCCESS) {
        rv = kiss_lru_create(&created->clients, &type, p);
    }
    if (rv == APR_SUCCESS) {
        *cache = created;
    }
    return rv;
}

int kiss_client_cache_key(kiss_client *client, const kiss_client_cache *cache, const void *database, const char *code,
                          const char *secret, apr_pool_t *p)
{
    /* The NUL between them is in neither: no other pair has the same text. */
    const apr_size_t code_len = strlen(code) + 1, secret_len = strlen(secret);
    char *text = apr_palloc(p, code_len + secret_len);

    memcpy(text, code, code_len);
    memcpy(text + code_len, secret, secret_len);
    memset(client, 0, sizeof(*client));
    client->database = database;
    return kiss_crypto_hmac(client->digest, cache->secret, sizeof(cache->secret), text, code_len + secret_len);
}

/** @return 0 when the revision is too long */
static int pad(char padded[MAX_REVISION], const char *db_revision)
{
    const apr_size_t len = strlen(db_revision);

    memset(padded, 0, MAX_REVISION);
    memcpy(padded, db_revision, len < MAX_REVISION ? len : 0);
    return len < MAX_REVISION;
}

int kiss_client_cache_known(kiss_client_cache *cache, const kiss_client *client)
{
    verified v;

    return kiss_lru_get(cache->clients, client, NULL, 0, &v);
}

const char *kiss_client_cache_get(kiss_client_cache *cache, int *note, const kiss_client *client, const char *db_revision,
                                  apr_int64_t now, apr_pool_t *p)
{
    char padded[MAX_REVISION];
    verified v;

    *note = 0;
    if (!pad(padded, db_revision) || !kiss_lru_get(cache->clients, client, padded, now, &v)) {
        return NULL;
    }
    if (now - v.noted >= NOTE_AFTER) {
        *note = 1;
        v.noted = now;
        kiss_lru_put(cache->clients, client, padded, v.until, 0, &v);
    }
    return apr_pstrdup(p, v.key_id);
}

void kiss_client_cache_put(kiss_client_cache *cache, const kiss_client *client, const char *db_revision, const char *key_id,
                           apr_int64_t now, apr_int64_t until)
{
    char padded[MAX_REVISION];
    verified v;

    if (pad(padded, db_revision) && strlen(key_id) < MAX_KEY_ID) {
        memset(&v, 0, sizeof(v));
        v.noted = now;
        v.until = until;
        apr_cpystrn(v.key_id, key_id, sizeof(v.key_id));
        kiss_lru_put(cache->clients, client, padded, until, 0, &v);
    }
}
