#include "kiss_pages.h"

#include <ap_mpm.h>

#include <apr_allocator.h>
#include <apr_hash.h>
#include <apr_ring.h>
#include <apr_thread_mutex.h>

#include <string.h>

/* Of all children together; prefork has many of them. */
#define MEMORY    (64 * 1024 * 1024)
#define MIN_SHARE (256 * 1024)

/* A larger page is not kept: reading and sending it takes longer than what would be saved. */
#define MAX_BODY (64 * 1024)

/* What a page takes beside its bytes: a pool's first block. */
#define OVERHEAD (8 * 1024)

/* What the allocator holds back of memory that was given up. */
#define SPARE (1024 * 1024)

/* An ETag has 22 characters. */
#define MAX_TAG 32

/** What a page is found by, compared byte for byte, and all that it depends on: the database, because a copy of one has the same
 *  ETags, and what the ETag is a digest of (kiss_key_etag()): API and profile, endpoint, the key's scope, the request, the
 *  revisions, the form of the rows. */
typedef struct {
    const kiss_db *db;
    char tag[MAX_TAG];
} page_key;

typedef struct kept_page {
    APR_RING_ENTRY(kept_page) link;
    apr_pool_t *pool;               /* holds this, too */
    page_key key;
    kiss_pages_body body;
    int users;                      /* answers on their way, and the memory itself while it is in there */
} kept_page;

APR_RING_HEAD(page_ring, kept_page);

/** What this child keeps. Everything is used under the mutex, but for the bodies, which do not change. */
static struct {
    apr_thread_mutex_t *mutex;      /* NULL: nothing is kept */
    apr_pool_t *pool;
    apr_hash_t *pages;              /* by page_key */
    struct page_ring ring;          /* the one used last is the last */
    apr_size_t size, max;
} kept;

/* The child ends: an answer that is given up later finds nothing any more. */
static apr_status_t close_memory(void *unused)
{
    (void)unused;
    kept.mutex = NULL;
    return APR_SUCCESS;
}

apr_status_t kiss_pages_attach(apr_pool_t *pchild)
{
    apr_allocator_t *allocator;
    int children = 1;
    apr_status_t rv;

    memset(&kept, 0, sizeof(kept));
    if ((rv = apr_allocator_create(&allocator)) != APR_SUCCESS) {
        return rv;
    }
    /* An allocator of its own: that of the child's pool is not for several threads. */
    if ((rv = apr_pool_create_ex(&kept.pool, pchild, NULL, allocator)) != APR_SUCCESS) {
        apr_allocator_destroy(allocator);
        return rv;
    }
    apr_allocator_owner_set(allocator, kept.pool);
    apr_allocator_max_free_set(allocator, SPARE);
    apr_pool_tag(kept.pool, "kiss_pages");
    apr_pool_pre_cleanup_register(kept.pool, NULL, close_memory);
    ap_mpm_query(AP_MPMQ_MAX_DAEMONS, &children);
    kept.max = (apr_size_t)(MEMORY / (children > 0 ? children : 1));
    kept.max = kept.max > MIN_SHARE ? kept.max : MIN_SHARE;
    kept.pages = apr_hash_make(kept.pool);
    APR_RING_INIT(&kept.ring, kept_page, link);
    return apr_thread_mutex_create(&kept.mutex, APR_THREAD_MUTEX_DEFAULT, kept.pool);
}

static int make_key(page_key *key, const kiss_db *db, const char *tag)
{
    apr_size_t len = strlen(tag);

    memset(key, 0, sizeof(*key));
    key->db = db;
    memcpy(key->tag, tag, len < MAX_TAG ? len : 0);
    return len < MAX_TAG;
}

static apr_size_t size_of(const kiss_pages_body *body)
{
    return body->len + OVERHEAD;
}

/** Under the mutex. */
static void drop(kept_page *page)
{
    if (--page->users == 0) {
        apr_pool_destroy(page->pool);
    }
}

/** Takes a page out of the memory, under the mutex. It lives on until the answers made of it are sent. */
static void forget(kept_page *page)
{
    apr_hash_set(kept.pages, &page->key, sizeof(page->key), NULL);
    APR_RING_REMOVE(page, link);
    kept.size -= size_of(&page->body);
    drop(page);
}

static apr_status_t release(void *page)
{
    apr_status_t rv = kept.mutex ? apr_thread_mutex_lock(kept.mutex) : APR_EGENERAL;

    if (rv == APR_SUCCESS) {
        drop(page);
        rv = apr_thread_mutex_unlock(kept.mutex);
    }
    return rv;
}

int kiss_pages_find(kiss_pages_body *body, const kiss_db *db, const char *tag, apr_pool_t *p)
{
    kept_page *page;
    page_key key;

    if (!kept.mutex || !make_key(&key, db, tag) || apr_thread_mutex_lock(kept.mutex) != APR_SUCCESS) {
        return 0;
    }
    if ((page = apr_hash_get(kept.pages, &key, sizeof(key)))) {
        page->users++;
        APR_RING_REMOVE(page, link);
        APR_RING_INSERT_TAIL(&kept.ring, page, kept_page, link);
    }
    apr_thread_mutex_unlock(kept.mutex);
    if (!page) {
        return 0;
    }
    apr_pool_cleanup_register(p, page, release, apr_pool_cleanup_null);
    *body = page->body;
    return 1;
}

/** Puts a copy into the memory, under the mutex. */
static void add(const kiss_pages_body *body, const page_key *key)
{
    apr_pool_t *pool;
    kept_page *page;

    if (apr_pool_create(&pool, kept.pool) != APR_SUCCESS) {
        return;
    }
    page = apr_pcalloc(pool, sizeof(*page));
    page->pool = pool;
    page->key = *key;
    page->body = *body;
    page->body.data = apr_pmemdup(pool, body->data, body->len);
    page->users = 1;
    apr_hash_set(kept.pages, &page->key, sizeof(page->key), page);
    APR_RING_INSERT_TAIL(&kept.ring, page, kept_page, link);
    kept.size += size_of(body);
}

void kiss_pages_keep(const kiss_pages_body *body, const kiss_db *db, const char *tag)
{
    page_key key;

    if (!kept.mutex || body->len > MAX_BODY || !make_key(&key, db, tag)
        || apr_thread_mutex_lock(kept.mutex) != APR_SUCCESS) {
        return;
    }
    if (!apr_hash_get(kept.pages, &key, sizeof(key))) {         /* another request may have been quicker */
        while (!APR_RING_EMPTY(&kept.ring, kept_page, link) && kept.size + size_of(body) > kept.max) {
            forget(APR_RING_FIRST(&kept.ring));
        }
        add(body, &key);
    }
    apr_thread_mutex_unlock(kept.mutex);
}
