/* SPDX-License-Identifier: Apache-2.0 */
/**
 * page_cache - an LRU of small pages by database and ETag.
 */
#include "page/page_cache.h"

#include <ap_mpm.h>

#include <string.h>

#include "lib/base/lru.h"
#include "lib/base/shared.h"

/* Bytes for all children together; prefork has many of them. */
#define MEMORY    (64 * 1024 * 1024)
#define MIN_SHARE (256 * 1024)

/* A larger page is not cached: reading and sending it takes longer than what the cache would save. */
#define MAX_BODY (64 * 1024)

/* Memory of a page in addition to its bytes: the first block of a pool. */
#define OVERHEAD (8 * 1024)

/* An ETag has 22 characters. */
#define MAX_TAG 32

/**
 * The key of a page contains all that it depends on: the database, because a copy of one has the same ETags, and the
 * ETag, a digest (kiss_auth_apikey_etag()) of API and profile, endpoint, the rights of the key, the request, the
 * revisions, the format of the rows.
 */
typedef struct {
    const kiss_db *db;
    char tag[MAX_TAG];
} page_key;

typedef struct {
    kiss_shared shared;
    kiss_page_cache_body body;
} page;

/* Of page *; NULL when there is no cache. */
static kiss_lru *pages;

/* Called when the child ends. */
static apr_status_t detach(void *unused)
{
    (void)unused;
    pages = NULL;
    return APR_SUCCESS;
}

apr_status_t kiss_page_cache_attach(apr_pool_t *pchild)
{
    kiss_lru_type type = { .key_size = sizeof(page_key), .value_size = sizeof(page *), .hold = kiss_shared_hold_value,
                           .release = kiss_shared_release_value };
    int children = 1;

    pages = NULL;
    ap_mpm_query(AP_MPMQ_MAX_DAEMONS, &children);
    type.weight = (apr_size_t)(MEMORY / (children > 0 ? children : 1));
    type.weight = type.weight > MIN_SHARE ? type.weight : MIN_SHARE;
    type.entries = (int)(type.weight / OVERHEAD);
    apr_pool_pre_cleanup_register(pchild, NULL, detach);
    return kiss_lru_create(&pages, &type, pchild);
}

static int make_key(page_key *key, const kiss_db *db, const char *tag)
{
    apr_size_t len = strlen(tag);

    memset(key, 0, sizeof(*key));
    key->db = db;
    memcpy(key->tag, tag, len < MAX_TAG ? len : 0);
    return len < MAX_TAG;
}

int kiss_page_cache_find(kiss_page_cache_body *body, const kiss_db *db, const char *tag, apr_pool_t *p)
{
    page_key key;
    page *found;

    if (!pages || !make_key(&key, db, tag) || !kiss_lru_get(pages, &key, NULL, 0, &found)) {
        return 0;
    }
    kiss_shared_release_with(found, p);
    *body = found->body;
    return 1;
}

void kiss_page_cache_keep(const kiss_page_cache_body *body, const kiss_db *db, const char *tag)
{
    page_key key;
    page *entry;

    if (!pages || body->len > MAX_BODY || !make_key(&key, db, tag) || !(entry = kiss_shared_create(sizeof(*entry)))) {
        return;
    }
    entry->body = *body;
    entry->body.data = apr_pmemdup(entry->shared.pool, body->data, body->len);
    kiss_lru_put(pages, &key, NULL, 0, body->len + OVERHEAD, &entry);
    kiss_shared_release(entry);
}
