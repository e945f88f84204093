/* SPDX-License-Identifier: Apache-2.0 */
/**
 * list_cache - opens, checks, locks and publishes the files of cached lists.
 */
#include "list/list_cache.h"

#include <apr_file_info.h>
#include <apr_portable.h>
#include <apr_strings.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <zlib.h>

#include "caller/caller.h"
#include "core/config.h"
#include "core/log_seldom.h"
#include "db/db.h"
#include "lib/base/clock.h"
#include "lib/base/lru.h"
#include "lib/file/gzip.h"
#include "lib/file/small_file.h"

/* There is a lock file for each length of a name, and it is permanent: if it was created and removed, two of the same name
 * could exist at the same time. The name selects the byte that is locked, so lists do not wait for each other. A job that
 * compresses or compares a list holds its lock while it takes that of its source. The names of the variants have different
 * lengths, so that no deadlock is possible. */
#define LOCK_PAUSE (2 * 1000)           /* microseconds; grows while waiting */
#define LOCK_PAUSE_MAX (50 * 1000)

/* A version refers to the file of another one, and contains only what is different, as long as that is at most 1/4 of it,
 * and its pieces are few enough to be searched and sent; then all of it is written again, and others refer to that. Measured
 * with 40.9 MB and one changed price: writing it all takes 35 to 45 ms of processor time, references take 1. */
#define OWN_PART 4
#define MAX_PIECES 2048
#define MAX_REFERRED (APR_INT64_C(1) << 30)     /* httpd divides buckets of files that are longer */

/* Files whose check a child remembers; further ones are checked again. KissWarm opens a list and writes another one for each
 * of some hundred scopes. */
#define CHECKED 1024

#define NAME_SIZE (KISS_CACHE_FILE_NAME + 1)

/* A use is stored once in this time: precise enough for LRU. */
#define NOTE_AFTER apr_time_from_sec(60)

/**
 * The properties that a file had when its checksum was right. Its key is the file's name, which identifies its content.
 */
typedef struct {
    apr_ino_t inode;
    apr_dev_t device;
    apr_off_t whole;                    /* bytes of the file */
    apr_time_t mtime;
} file_state;

typedef struct {
    apr_off_t size;                     /* bytes of the answer */
    int has_extents;
    apr_time_t noted;                   /* for kiss_list_cache_use() */
} checked_file;

/* Of checked_file; NULL when there is no memory for it. */
static kiss_lru *checked;

_Static_assert(KISS_DB_ORIGIN == KISS_CACHE_FILE_ORIGIN, "names of cache entries contain kiss_db_origin()");

/* Suffix of the ETags of compressed lists; empty until it is computed. */
static char gzip_coding[sizeof(KISS_ETAG_GZIP) + KISS_ETAG_DIGEST];

apr_status_t kiss_list_variant_prepare(apr_pool_t *p)
{
    memcpy(gzip_coding, KISS_ETAG_GZIP, sizeof(KISS_ETAG_GZIP));
    return kiss_gzip_digest(gzip_coding + sizeof(KISS_ETAG_GZIP) - 1, p);
}

const char *kiss_list_variant_coding(const kiss_list_variant *variant)
{
    return variant->gzip ? gzip_coding : "";
}

const char *kiss_list_variant_name(const kiss_list_variant *variant, const kiss_req *k, const char *tag, apr_pool_t *p)
{
    return kiss_cache_file_name(kiss_db_origin(k->db), tag, variant->base, kiss_list_variant_coding(variant), p);
}

const char *kiss_list_variant_lock(const kiss_list_variant *variant, const kiss_req *k, apr_pool_t *p)
{
    return kiss_list_variant_name(variant, k, kiss_caller_cache_key(k->caller, k->api, k->endpoint, p), p);
}

static const char *path_of(const char *dir, const char *name, const char *suffix, apr_pool_t *p)
{
    return apr_pstrcat(p, dir, "/" KISS_CACHE_FILE_FOLDER "/", name, suffix, NULL);
}

const char *kiss_list_cache_dir(const char *dir, apr_pool_t *p)
{
    return apr_pstrcat(p, dir, "/" KISS_CACHE_FILE_FOLDER, NULL);
}

apr_status_t kiss_list_cache_attach(apr_pool_t *pchild)
{
    static const kiss_lru_type type = { .key_size = NAME_SIZE, .state_size = sizeof(file_state),
                                        .value_size = sizeof(checked_file),
                                        .entries = CHECKED };

    checked = NULL;
    return kiss_lru_create(&checked, &type, pchild);
}

/* --- opening --- */

/** 1 when a use is to be stored now. */
static int is_due(apr_time_t *noted)
{
    apr_time_t now = apr_time_now();
    int due = now - *noted >= NOTE_AFTER || now < *noted;

    *noted = due ? now : *noted;
    return due;
}

static void note_all(const kiss_stored *stored)
{
    kiss_small_file_note(stored->file);
    if (stored->base) {
        kiss_small_file_note(stored->base);
    }
}

void kiss_list_cache_use(const kiss_stored *stored, apr_time_t *noted)
{
    if (is_due(noted)) {
        note_all(stored);
    }
}

/** @return 0 when a name is too long */
static int make_key(char key[NAME_SIZE], file_state *state, const char *tag, const apr_finfo_t *f)
{
    memset(key, 0, NAME_SIZE);
    memcpy(key, tag, strlen(tag) < NAME_SIZE ? strlen(tag) : 0);
    memset(state, 0, sizeof(*state));
    state->inode = f->inode;
    state->device = f->device;
    state->whole = f->size;
    state->mtime = f->mtime;
    return strlen(tag) < NAME_SIZE;
}

/**
 * Finds a file among the checked ones.
 *
 * @param file receives what is known of it
 * @param due  receives 1 when this use is to be stored
 */
static int was_checked(const char *tag, const apr_finfo_t *info, checked_file *file, int *due)
{
    char key[NAME_SIZE];
    file_state state;

    *due = 1;
    if (!checked || !make_key(key, &state, tag, info) || !kiss_lru_get(checked, key, &state, 0, file)) {
        return 0;
    }
    *due = is_due(&file->noted);
    if (*due) {
        kiss_lru_put(checked, key, &state, 0, 0, file);
    }
    return 1;
}

static void remember(const char *tag, const apr_finfo_t *info, apr_off_t size, int has_extents)
{
    const checked_file file = { size, has_extents, apr_time_now() };
    char key[NAME_SIZE];
    file_state state;

    if (checked && make_key(key, &state, tag, info)) {
        kiss_lru_put(checked, key, &state, 0, 0, &file);
    }
}

/** Verifies the checksum of a file, and its name against its label. */
static apr_status_t check(checked_file *found, const char *tag, apr_file_t *file, const apr_finfo_t *info, apr_pool_t *p)
{
    kiss_cache_file f;
    kiss_cache_file_label label = { .tag = "" };
    apr_status_t rv = info->filetype == APR_REG ? kiss_cache_file_read(&f, file, info->size) : APR_EMISMATCH;

    if (rv == APR_SUCCESS) {
        rv = kiss_cache_file_verify(&label, &f, file, p);
    }
    if (rv == APR_SUCCESS && strcmp(label.tag, tag) != 0) {
        rv = APR_EMISMATCH;             /* the file was renamed */
    }
    if (rv == APR_SUCCESS) {
        found->size = f.size;
        found->has_extents = f.extents > 0;
        remember(tag, info, f.size, found->has_extents);
    }
    return rv;
}

/** Removes an invalid file with the name of a cache entry. @return `found`, or the error of removing it */
static apr_status_t remove_invalid(const char *path, apr_status_t found, apr_pool_t *p)
{
    apr_status_t rv = apr_file_remove(path, p);

    if (rv != APR_SUCCESS && !APR_STATUS_IS_ENOENT(rv) && apr_dir_remove(path, p) == APR_SUCCESS) {
        rv = APR_SUCCESS;
    }
    return rv == APR_SUCCESS || APR_STATUS_IS_ENOENT(rv) ? found : rv;
}

/** 1 when the file cannot be opened, and the cause is not a lack of descriptors or memory. */
static int is_barred(apr_status_t rv)
{
    return APR_STATUS_IS_EACCES(rv) || rv == ELOOP || rv == ENXIO || rv == EPERM;
}

static apr_status_t open_entry(kiss_list_cache_entry *entry, const char *dir, const char *tag, int is_base, apr_pool_t *p);

/** Opens the base of an entry with extents. @return as kiss_list_cache_open() */
static apr_status_t open_base(kiss_list_cache_entry *entry, const char *dir, apr_pool_t *p)
{
    kiss_cache_file_label label;
    kiss_list_cache_entry base;
    apr_array_header_t *extents;
    kiss_cache_file f;
    apr_status_t rv = kiss_cache_file_read(&f, entry->stored.file, entry->info.size);

    rv = rv == APR_SUCCESS ? kiss_cache_file_label_read(&label, &f, entry->stored.file, p) : rv;
    rv = rv == APR_SUCCESS ? kiss_cache_file_extents_read(&extents, &f, entry->stored.file, p) : rv;
    if (rv == APR_SUCCESS && (!*label.base || strlen(label.base) >= NAME_SIZE || strchr(label.base, '/'))) {
        rv = APR_EMISMATCH;
    }
    rv = rv == APR_SUCCESS ? open_entry(&base, dir, label.base, 1, p) : rv;
    if (rv == APR_SUCCESS && !kiss_extents_fit(extents, base.stored.size)) {
        rv = APR_EMISMATCH;
    }
    if (rv == APR_SUCCESS) {
        entry->stored.extents = extents;
        entry->stored.base = base.stored.file;
        entry->base_info = base.info;
        entry->base = label.base;
    }
    return rv;
}

/** @param is_base 1 for one that others refer to: it refers to none itself */
static apr_status_t open_entry(kiss_list_cache_entry *entry, const char *dir, const char *tag, int is_base, apr_pool_t *p)
{
    const char *path = path_of(dir, tag, KISS_CACHE_FILE_SUFFIX, p);
    checked_file found;
    apr_file_t *file;
    int due;
    /* Without blocking: a file of that name may be a pipe, whose open or read would wait forever. */
    apr_status_t rv = apr_file_open(&file, path, APR_FOPEN_READ | APR_FOPEN_BINARY | APR_FOPEN_NONBLOCK, APR_OS_DEFAULT, p);

    if (rv != APR_SUCCESS) {
        return APR_STATUS_IS_ENOENT(rv) ? APR_ENOENT : is_barred(rv) ? remove_invalid(path, APR_EMISMATCH, p) : rv;
    }
    memset(entry, 0, sizeof(*entry));
    entry->stored.file = file;
    rv = apr_file_info_get(&entry->info, APR_FINFO_MIN | APR_FINFO_IDENT, file);
    if (rv == APR_SUCCESS && !was_checked(tag, &entry->info, &found, &due)) {
        rv = check(&found, tag, file, &entry->info, p);
    }
    if (rv == APR_SUCCESS) {
        entry->stored.size = found.size;
        rv = !found.has_extents ? APR_SUCCESS : is_base ? APR_EMISMATCH : open_base(entry, dir, p);
    }
    if (rv != APR_SUCCESS) {
        apr_file_close(file);
        return rv == APR_EMISMATCH || rv == APR_ENOENT ? remove_invalid(path, rv, p) : rv;
    }
    if (due) {
        note_all(&entry->stored);
    }
    return APR_SUCCESS;
}

apr_status_t kiss_list_cache_open(kiss_list_cache_entry *entry, const char *dir, const char *tag, apr_pool_t *p)
{
    return open_entry(entry, dir, tag, 0, p);
}

int kiss_list_cache_is_valid(apr_file_t *file, const apr_finfo_t *valid)
{
    apr_finfo_t now;

    return apr_file_info_get(&now, APR_FINFO_MIN, file) == APR_SUCCESS && now.size == valid->size
           && now.mtime == valid->mtime;
}

int kiss_list_cache_is_unaltered(const kiss_list_cache_entry *entry)
{
    return kiss_list_cache_is_valid(entry->stored.file, &entry->info)
           && (!entry->stored.base || kiss_list_cache_is_valid(entry->stored.base, &entry->base_info));
}

apr_status_t kiss_list_cache_chunks(apr_array_header_t **chunks, const kiss_list_cache_entry *entry, apr_pool_t *p)
{
    kiss_cache_file f;
    apr_status_t rv = kiss_cache_file_read(&f, entry->stored.file, entry->info.size);

    return rv == APR_SUCCESS ? kiss_cache_file_chunks_read(chunks, &f, entry->stored.file, p) : rv;
}

int kiss_list_cache_is_sound(apr_status_t opened, const kiss_req *k, const char *tag)
{
    const char *dir = kiss_config_cache_dir(k->server);

    if (opened == APR_EMISMATCH) {
        KISS_LOG(k, APLOG_WARNING, 0, KISS_LOGNO(0608) "the cached list %s in %s (KissCacheDir) was damaged and "
                 "is removed", tag, dir);
    }
    else if (opened != APR_SUCCESS && opened != APR_ENOENT) {
        KISS_LOG_SELDOM(KISS_LOG_SELDOM_UNREADABLE, k, APLOG_WARNING, opened, KISS_LOGNO(0610) "the cached list %s in %s "
                        "(KissCacheDir) cannot be read", tag, dir);
    }
    return opened == APR_SUCCESS;
}

int kiss_list_cache_exists(const char *dir, const char *tag, apr_pool_t *p)
{
    apr_finfo_t info;

    return apr_stat(&info, path_of(dir, tag, KISS_CACHE_FILE_SUFFIX, p), APR_FINFO_TYPE, p) == APR_SUCCESS;
}

/* --- locking and publishing --- */

/**
 * Locks a byte of an open file: of the open file, not of the process, so that threads of one process exclude each other too.
 *
 * @return APR_SUCCESS; APR_EAGAIN when another one has it; the error
 */
static apr_status_t lock_byte(apr_os_file_t fd, off_t at)
{
#ifdef F_OFD_SETLK
    struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = at, .l_len = 1 };
    const int failed = fcntl(fd, F_OFD_SETLK, &lock);
#else
    const int failed = flock(fd, LOCK_EX | LOCK_NB);

    (void)at;                           /* lists wait for each other where there is no such lock */
#endif

    return !failed ? APR_SUCCESS : errno == EACCES || errno == EWOULDBLOCK || errno == EINTR ? APR_EAGAIN : errno;
}

apr_status_t kiss_list_cache_lock(const char *dir, const char *name, apr_interval_time_t wait, kiss_list_cache_look *look,
                                  void *baton, apr_pool_t *p)
{
    const off_t at = (off_t)(crc32(0, (const Bytef *)name, (uInt)strlen(name)) & 0x7fffffff);
    const char *path = path_of(dir, apr_psprintf(p, "lock.%d", (int)strlen(name)), "", p);
    apr_int64_t end = kiss_clock_now() + wait;
    apr_interval_time_t pause = LOCK_PAUSE;
    apr_file_t *file;
    apr_os_file_t fd = -1;
    apr_status_t rv = apr_file_open(&file, path, APR_FOPEN_READ | APR_FOPEN_WRITE | APR_FOPEN_CREATE,
                                    APR_FPROT_UREAD | APR_FPROT_UWRITE, p);

    if (rv == APR_SUCCESS) {
        rv = apr_os_file_get(&fd, file);
    }
    while (rv == APR_SUCCESS && (rv = lock_byte(fd, at)) == APR_EAGAIN) {
        rv = look && look(baton) ? APR_INCOMPLETE : kiss_clock_now() >= end ? APR_TIMEUP : APR_SUCCESS;
        if (rv == APR_SUCCESS) {
            apr_sleep(pause);
            pause = pause < LOCK_PAUSE_MAX ? pause * 2 : LOCK_PAUSE_MAX;
        }
    }
    if (rv != APR_SUCCESS && fd >= 0) {
        apr_file_close(file);
    }
    return rv;
}

int kiss_list_cache_may_refer(const server_rec *s, apr_off_t size, apr_off_t own, int pieces)
{
    /* Where only one list fits into the cache, one is kept: not one that needs another. */
    return size <= MAX_REFERRED && size <= kiss_config_cache_size(s) / OWN_PART && pieces <= MAX_PIECES
           && own <= size / OWN_PART;
}

apr_status_t kiss_list_cache_begin(kiss_spool **spool, const char *dir, apr_pool_t *p)
{
    return kiss_spool_create_linkable(spool, kiss_list_cache_dir(dir, p), p);
}

apr_status_t kiss_list_cache_publish(kiss_spool *spool, const char *dir, const kiss_cache_file_label *label, apr_pool_t *p)
{
    apr_status_t rv = kiss_spool_flush(spool, 1);
    apr_finfo_t info;

    if (rv == APR_SUCCESS) {
        const kiss_stored stored = kiss_spool_stored(spool);

        rv = kiss_cache_file_finish(&stored, kiss_spool_checksum(spool), label, spool->chunks, p);
    }
    if (rv == APR_SUCCESS) {
        rv = kiss_spool_link(spool, path_of(dir, label->tag, KISS_CACHE_FILE_SUFFIX, p));
    }
    /* This child has just written it: it need not verify it again. */
    if (rv == APR_SUCCESS
        && apr_file_info_get(&info, APR_FINFO_MIN | APR_FINFO_IDENT, spool->file) == APR_SUCCESS) {
        remember(label->tag, &info, spool->size, spool->extents != NULL);
    }
    if (rv == APR_SUCCESS && spool->base) {
        kiss_small_file_note(spool->base);
    }
    return rv;
}
