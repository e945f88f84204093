/* SPDX-License-Identifier: Apache-2.0 */
/**
 * list_cache_map - a table of mapped files with counted references, and a bucket type for them.
 */
#include "list/list_cache_map.h"

#include <apr_allocator.h>
#include <apr_atomic.h>
#include <apr_file_info.h>
#include <apr_mmap.h>
#include <apr_strings.h>
#include <apr_thread_mutex.h>

#include <string.h>

#include "lib/base/clock.h"

/* Each needs a file descriptor. Lists without a slot are sent from their files. */
#define SLOTS 128

/* More than a process should have in its address space. */
#define MAX_SIZE (APR_INT64_C(4) << 30)

#define IDLE_AFTER (APR_INT64_C(60) * 1000000)

struct kiss_list_cache_map {
    apr_pool_t *pool;               /* owns it, its file and its mapping; has its own allocator */
    apr_uint32_t references;        /* those of answers that are being sent, and one of the table */
    const char *dir;
    const char *tag;
    kiss_stored stored;
    apr_finfo_t info;               /* of the file when its checksum was right */
    const char *data;               /* what the file has of the answer */
    kiss_list_text text;
    kiss_list_cache_map *base;      /* of the entry that its extents refer to, with a reference; NULL without extents */
    apr_int64_t used;
    apr_time_t noted;               /* for kiss_list_cache_use() */
};

static struct {
    apr_thread_mutex_t *mutex;
    kiss_list_cache_map *slot[SLOTS];
} table;

apr_status_t kiss_list_cache_map_attach(apr_pool_t *pchild)
{
    memset(&table, 0, sizeof(table));
    return apr_thread_mutex_create(&table.mutex, APR_THREAD_MUTEX_DEFAULT, pchild);
}

/* --- one mapping --- */

void kiss_list_cache_map_release(kiss_list_cache_map *m)
{
    if (m && apr_atomic_dec32(&m->references) == 0) {
        kiss_list_cache_map *base = m->base;

        apr_pool_destroy(m->pool);
        kiss_list_cache_map_release(base);
    }
}

/** The pieces of a list by its extents. */
static void set_pieces(kiss_list_cache_map *m, const kiss_stored *stored)
{
    int n = stored->extents ? stored->extents->nelts : 1, i;
    kiss_piece *pieces = apr_pcalloc(m->pool, (apr_size_t)n * sizeof(*pieces));
    apr_off_t start = 0;

    m->text.pieces = pieces;
    m->text.count = n;
    m->text.format = &kiss_row_format_json;
    if (!stored->extents) {
        pieces->data = m->data;
        pieces->len = (apr_size_t)stored->size;
        pieces->in_base = 1;            /* as soon as another version refers to it */
        return;
    }
    for (i = 0; i < n; i++) {
        const kiss_extent *e = &APR_ARRAY_IDX(stored->extents, i, kiss_extent);

        /* An entry with extents has a base. NOLINTNEXTLINE(clang-analyzer-core.NullDereference) */
        pieces[i].data = (e->in_base ? m->base->data : m->data) + e->offset;
        pieces[i].len = (apr_size_t)e->length;
        pieces[i].start = start;
        pieces[i].stored = (apr_off_t)e->offset;
        pieces[i].in_base = (int)e->in_base;
        start += (apr_off_t)e->length;
    }
}

/** Maps the files of an open entry. @return APR_ENOTIMPL when that is impossible */
static apr_status_t map_files(kiss_list_cache_map *m, const kiss_list_cache_entry *entry)
{
    const kiss_stored *stored = &entry->stored;
    apr_off_t own = stored->extents ? kiss_extents_own(stored->extents) : stored->size;
    apr_mmap_t *mm = NULL;

    if (stored->size == 0 || stored->size > MAX_SIZE
        || (own && apr_mmap_create(&mm, stored->file, 0, (apr_size_t)own, APR_MMAP_READ, m->pool) != APR_SUCCESS)) {
        return APR_ENOTIMPL;
    }
    m->data = mm ? mm->mm : "";
    if (entry->base && kiss_list_cache_map_open(&m->base, m->dir, entry->base) != APR_SUCCESS) {
        return APR_ENOTIMPL;
    }
    /* The entry was opened with a base that fits; this may be another file of that name. */
    if (m->base && (m->base->base || !kiss_extents_fit(stored->extents, kiss_list_cache_map_size(m->base)))) {
        return APR_ENOTIMPL;
    }
    set_pieces(m, stored);
    return APR_SUCCESS;
}

/** Opens, checks and maps an entry, with one reference. */
static apr_status_t map_entry(kiss_list_cache_map **map, const char *dir, const char *tag)
{
    apr_pool_t *pool;
    kiss_list_cache_entry entry;
    kiss_list_cache_map *m;
    apr_status_t rv = apr_pool_create_unmanaged_ex(&pool, NULL, NULL);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    m = apr_pcalloc(pool, sizeof(*m));
    m->pool = pool;
    m->references = 1;
    m->dir = dir;
    m->tag = apr_pstrdup(pool, tag);
    rv = kiss_list_cache_open(&entry, dir, tag, pool);
    if (rv == APR_SUCCESS) {
        rv = map_files(m, &entry);
    }
    if (rv != APR_SUCCESS) {
        kiss_list_cache_map_release(m);
        return rv;
    }
    m->stored = entry.stored;
    m->info = entry.info;
    m->noted = apr_time_now();      /* opening it stored the time of use */
    *map = m;
    return APR_SUCCESS;
}

/** 1 when the file is unchanged and still has its name, and so its base. */
static int is_sound(const kiss_list_cache_map *m)
{
    apr_finfo_t now;

    if (m->base && !is_sound(m->base)) {
        return 0;
    }
    return apr_file_info_get(&now, APR_FINFO_NLINK, m->stored.file) == APR_SUCCESS && now.nlink > 0
           && kiss_list_cache_is_valid(m->stored.file, &m->info);
}

/* --- the table --- */

/** The slot of this entry; -1 when it has none. Called with the mutex held. */
static int find(const char *dir, const char *tag)
{
    int i;

    for (i = 0; i < SLOTS; i++) {
        const kiss_list_cache_map *m = table.slot[i];

        if (m && strcmp(m->tag, tag) == 0 && strcmp(m->dir, dir) == 0) {
            return i;
        }
    }
    return -1;
}

/**
 * A free slot, or that of the least recently used, which is returned in `old` to be released. Called with the mutex
 * held.
 */
static int take_slot(kiss_list_cache_map **old)
{
    int i, slot = 0;

    for (i = 0; i < SLOTS && table.slot[i]; i++) {
        slot = table.slot[i]->used < table.slot[slot]->used ? i : slot;
    }
    slot = i < SLOTS ? i : slot;
    *old = table.slot[slot];
    return slot;
}

static kiss_list_cache_map *take(const char *dir, const char *tag)
{
    kiss_list_cache_map *m = NULL;
    int i;

    if (table.mutex && apr_thread_mutex_lock(table.mutex) == APR_SUCCESS) {
        i = find(dir, tag);
        if (i >= 0) {
            m = table.slot[i];
            m->used = kiss_clock_now();
            if (m->base) {
                m->base->used = m->used;
            }
            apr_atomic_inc32(&m->references);
        }
        apr_thread_mutex_unlock(table.mutex);
    }
    return m;
}

/**
 * Inserts a new one into the table. Another thread may have been faster: then there are two for a while, and one stays.
 */
static void put(kiss_list_cache_map *m)
{
    kiss_list_cache_map *old = NULL;
    int i;

    if (!table.mutex || apr_thread_mutex_lock(table.mutex) != APR_SUCCESS) {
        return;
    }
    i = find(m->dir, m->tag);
    if (i < 0) {
        i = take_slot(&old);
    }
    else {
        old = table.slot[i];
    }
    apr_atomic_inc32(&m->references);
    m->used = kiss_clock_now();
    table.slot[i] = m;
    apr_thread_mutex_unlock(table.mutex);
    kiss_list_cache_map_release(old);
}

/** Removes one from the table, if it is still there. */
static void drop(kiss_list_cache_map *m)
{
    int i, found = 0;

    if (apr_thread_mutex_lock(table.mutex) != APR_SUCCESS) {
        return;
    }
    for (i = 0; i < SLOTS && !found; i++) {
        if (table.slot[i] == m) {
            table.slot[i] = NULL;
            found = 1;
        }
    }
    apr_thread_mutex_unlock(table.mutex);
    if (found) {
        kiss_list_cache_map_release(m);
    }
}

apr_status_t kiss_list_cache_map_open(kiss_list_cache_map **map, const char *dir, const char *tag)
{
    kiss_list_cache_map *m = take(dir, tag);
    apr_status_t rv;

    if (m && is_sound(m)) {
        kiss_list_cache_use(&m->stored, &m->noted);
        *map = m;
        return APR_SUCCESS;
    }
    if (m) {
        drop(m);
        kiss_list_cache_map_release(m);
    }
    rv = map_entry(&m, dir, tag);
    if (rv == APR_SUCCESS) {
        put(m);
        *map = m;
    }
    return rv;
}

apr_off_t kiss_list_cache_map_size(const kiss_list_cache_map *map)
{
    return kiss_list_text_size(&map->text);
}

const kiss_list_text *kiss_list_cache_map_text(const kiss_list_cache_map *map)
{
    return &map->text;
}

apr_file_t *kiss_list_cache_map_base(const kiss_list_cache_map *map)
{
    return map->base ? map->base->stored.file : map->stored.file;
}

const char *kiss_list_cache_map_base_tag(const kiss_list_cache_map *map)
{
    return map->base ? map->base->tag : map->tag;
}

int kiss_list_cache_map_is_unaltered(const kiss_list_cache_map *map)
{
    return kiss_list_cache_is_valid(map->stored.file, &map->info)
           && (!map->base || kiss_list_cache_map_is_unaltered(map->base));
}

void kiss_list_cache_map_sweep(void)
{
    apr_int64_t before = kiss_clock_now() - IDLE_AFTER;
    kiss_list_cache_map *m[SLOTS];
    int idle[SLOTS], i, n = 0;

    if (!table.mutex || apr_thread_mutex_lock(table.mutex) != APR_SUCCESS) {
        return;
    }
    for (i = 0; i < SLOTS; i++) {
        if (table.slot[i]) {
            m[n] = table.slot[i];
            idle[n] = m[n]->used < before;
            apr_atomic_inc32(&m[n++]->references);
        }
    }
    apr_thread_mutex_unlock(table.mutex);
    for (i = 0; i < n; i++) {           /* checks files: without the mutex */
        if (idle[i] || !is_sound(m[i])) {
            drop(m[i]);
        }
        kiss_list_cache_map_release(m[i]);
    }
}

/* --- the bucket --- */

typedef struct {
    apr_bucket_refcount refcount;   /* of the buckets that filters derive from one */
    kiss_list_cache_map *map;
} mapped_bucket;

static void destroy_bucket(void *data)
{
    mapped_bucket *b = data;

    if (apr_bucket_shared_destroy(b)) {
        kiss_list_cache_map_release(b->map);
        apr_bucket_free(b);
    }
}

static apr_status_t read_bucket(apr_bucket *e, const char **text, apr_size_t *len, apr_read_type_e block)
{
    const mapped_bucket *b = e->data;

    (void)block;
    *text = b->map->data + e->start;
    *len = e->length;
    return APR_SUCCESS;
}

/* The bucket itself holds a reference, so no pool can invalidate it. */
static apr_status_t setaside_bucket(apr_bucket *e, apr_pool_t *p)
{
    (void)e;
    (void)p;
    return APR_SUCCESS;
}

static const apr_bucket_type_t mapped_type = {
    "KISS_LIST_CACHE_MAP", 5, APR_BUCKET_DATA, destroy_bucket, read_bucket, setaside_bucket, apr_bucket_shared_split,
    apr_bucket_shared_copy
};

/** A bucket of a range of the file. It takes over a reference. */
static apr_bucket *make_bucket(kiss_list_cache_map *map, apr_off_t start, apr_size_t len, apr_bucket_alloc_t *list)
{
    apr_bucket *e = apr_bucket_alloc(sizeof(*e), list);
    mapped_bucket *b = apr_bucket_alloc(sizeof(*b), list);

    APR_BUCKET_INIT(e);
    e->free = apr_bucket_free;
    e->list = list;
    b->map = map;
    e = apr_bucket_shared_make(e, b, start, len);
    e->type = &mapped_type;
    return e;
}

void kiss_list_cache_map_insert(kiss_list_cache_map *map, apr_bucket_brigade *bb)
{
    int i;

    for (i = 0; i < map->text.count; i++) {
        const kiss_piece *p = &map->text.pieces[i];
        kiss_list_cache_map *of = map->base && p->in_base ? map->base : map;

        apr_atomic_inc32(&of->references);
        APR_BRIGADE_INSERT_TAIL(bb, make_bucket(of, p->stored, p->len, bb->bucket_alloc));
    }
    kiss_list_cache_map_release(map);
}

apr_file_t *kiss_list_cache_map_file(const apr_bucket *e)
{
    const mapped_bucket *b = e->data;

    return b->map->stored.file;
}
