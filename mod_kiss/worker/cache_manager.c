/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/cache_manager.h"

#include <apr_atomic.h>
#include <apr_file_info.h>
#include <apr_portable.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#if defined(__linux__)
#include <sys/inotify.h>
#endif

#include "core/config.h"
#include "lib/base/clock.h"
#include "lib/base/thread.h"
#include "lib/file/cache_file.h"
#include "lib/file/spool.h"
#include "list/list_cache.h"
#include "list/list_cache_map.h"
#include "worker/cache_warmer.h"

#define SECOND APR_INT64_C(1000000)

/* How soon another child takes over from one that died, and each gives up mappings of files that were removed. */
#define TRY_AGAIN (5 * SECOND)

/* How often the whole directory is looked through, whatever happens. */
#define SCAN_INTERVAL (60 * SECOND)

/* How often it is said that the disk is nearly full. */
#define WARN_AGAIN (600 * SECOND)

/* Removed beyond what must be: a part of the limit, so that not every new file makes it look through all. */
#define MARGIN 16

/* Room that builders need, in sizes of the largest snapshot: for a list, its nested tables, and one more. */
#define ROOM 3

/* When there is not so much, what was not used for this time gives way, whatever KissCacheSize says. */
#define IN_USE apr_time_from_sec(600)

/* What is left behind by a process that died in the middle is removed after this time. */
#define ORPHAN_AGE apr_time_from_sec(600)

typedef struct {
    server_rec *server;
    const char *folder;             /* of the snapshots */
    apr_pool_t *pool;               /* of the thread, with its own allocator */
    apr_pool_t *scratch;            /* of one step of its work */
    apr_thread_t *thread;
    apr_file_t *wake[2];            /* a pipe; the thread sleeps at its end */
    volatile apr_uint32_t stopping;
    apr_pool_t *lead;               /* exists while this child is the one that works; owns the lock */
    apr_file_t *lock;
    int watch;                      /* descriptor of inotify, or -1 */
    apr_off_t total;                /* bytes of the snapshots, as far as known */
    apr_off_t largest;              /* bytes of the largest one */
    apr_int64_t warned;             /* when it was last said that there is little room */
    apr_int64_t next_scan;               /* when to look through the directory again */
    kiss_cache_warmer *warm;                /* NULL: nothing is built in advance */
} manager;

/* The one of this process; NULL when it has none. */
static manager *self;

/* --- cleaning up --- */

/** What came of removing files. */
typedef struct {
    int folder;                     /* descriptor: where they are */
    int removed;
    apr_off_t freed;
    apr_status_t failed;            /* why the last one that stays does so */
    const char *name;
} outcome;

static void discard(const kiss_cache_file_entry *e, outcome *o)
{
    apr_status_t rv = unlinkat(o->folder, e->name, 0) == 0 ? APR_SUCCESS : errno;

    if (rv == APR_SUCCESS || APR_STATUS_IS_ENOENT(rv)) {
        o->removed++;
        o->freed += e->size;
    }
    else {
        o->failed = rv;
        o->name = e->name;
    }
}

static int is_orphan(const kiss_cache_file_entry *e, apr_time_t now)
{
    return strncmp(e->name, KISS_SPOOL_PREFIX, strlen(KISS_SPOOL_PREFIX)) == 0 && now - e->used > ORPHAN_AGE;
}

/** Removes what dead builders left, and takes what is no snapshot out of the list. Sets total and largest. */
static void sort_out(manager *k, int folder, apr_array_header_t *entries, apr_time_t now)
{
    outcome ignored = { folder, 0, 0, APR_SUCCESS, NULL };
    int i, n = 0;

    k->total = k->largest = 0;
    for (i = 0; i < entries->nelts; i++) {
        kiss_cache_file_entry e = APR_ARRAY_IDX(entries, i, kiss_cache_file_entry);

        if (e.is_entry) {
            APR_ARRAY_IDX(entries, n++, kiss_cache_file_entry) = e;
            k->total += e.size;
            k->largest = e.size > k->largest ? e.size : k->largest;
        }
        else if (is_orphan(&e, now)) {
            discard(&e, &ignored);
        }
    }
    entries->nelts = n;
}

/** Bytes that the disk lacks for builders; 0 when there is room. */
static apr_off_t missing(manager *k)
{
    struct statvfs fs;
    apr_off_t need = ROOM * k->largest, left;
    apr_int64_t now = kiss_clock_now();

    if (statvfs(k->folder, &fs) != 0) {
        return 0;
    }
    left = (apr_off_t)fs.f_bavail * (apr_off_t)fs.f_frsize;
    if (left < need && (!k->warned || now - k->warned > WARN_AGAIN)) {
        k->warned = now;
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, k->server, KISS_LOGNO(0706) "%" APR_OFF_T_FMT " bytes are left on the disk "
                     "of %s (KissCacheDir): lists that nobody asked for lately give way to new ones", left, k->folder);
    }
    return left < need ? need - left : 0;
}

/** Removes what is too old, and the longest unused until the rest fits the limit and leaves room on the disk. */
static void discard_all(const manager *k, const apr_array_header_t *entries, apr_off_t lack, apr_time_t now, outcome *o)
{
    apr_off_t most = kiss_config_cache_size(k->server), fit = k->total > most ? most - most / MARGIN : most;
    apr_interval_time_t age = kiss_config_cache_age(k->server);
    int i;

    for (i = 0; i < entries->nelts; i++) {
        const kiss_cache_file_entry *e = &APR_ARRAY_IDX(entries, i, kiss_cache_file_entry);
        apr_interval_time_t unused = now - e->used;
        int last = i == entries->nelts - 1;         /* in use now, whatever its size */

        if (unused > age || (k->total - o->freed > fit && !last) || (o->freed < lack && unused > IN_USE)) {
            discard(e, o);
        }
    }
}

/** Looks through the open directory. */
static apr_status_t clean_folder(manager *k, outcome *o)
{
    apr_time_t now = apr_time_now();
    apr_array_header_t *entries;
    apr_status_t rv = kiss_cache_file_scan(&entries, o->folder, k->scratch);

    if (rv == APR_SUCCESS) {
        sort_out(k, o->folder, entries, now);
        kiss_cache_file_sort(entries);
        discard_all(k, entries, missing(k), now, o);
        k->total -= o->freed;
    }
    return rv;
}

/** Looks through the directory. */
static void clean(manager *k)
{
    outcome o = { open(k->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC), 0, 0, APR_SUCCESS, NULL };
    apr_status_t rv = o.folder < 0 ? errno : clean_folder(k, &o);

    k->next_scan = kiss_clock_now() + SCAN_INTERVAL;
    if (o.folder >= 0) {
        close(o.folder);
    }
    if (rv != APR_SUCCESS) {
        ap_log_error(APLOG_MARK, APLOG_WARNING, rv, k->server, KISS_LOGNO(0702) "cannot look through %s (KissCacheDir): "
                     "KissCacheSize and KissCacheAge cannot be kept", k->folder);
    }
    if (o.removed) {
        ap_log_error(APLOG_MARK, APLOG_INFO, 0, k->server, KISS_LOGNO(0703) "%d snapshots were removed; %" APR_OFF_T_FMT
                     " bytes are kept", o.removed, k->total);
    }
    if (o.failed != APR_SUCCESS) {
        ap_log_error(APLOG_MARK, APLOG_WARNING, o.failed, k->server, KISS_LOGNO(0701) "%s in %s cannot be removed: "
                     "KissCacheSize and KissCacheAge cannot be kept", o.name, k->folder);
    }
}

/* --- the kernel's news of the directory --- */

#if defined(__linux__)

static void watch(manager *k)
{
    k->watch = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (k->watch < 0 || inotify_add_watch(k->watch, k->folder, IN_CREATE | IN_MOVED_TO | IN_ONLYDIR) < 0) {
        ap_log_error(APLOG_MARK, APLOG_INFO, errno, k->server, KISS_LOGNO(0704) "the kernel does not tell of new files in %s: "
                     "KissCacheSize is looked after once a minute", k->folder);
        if (k->watch >= 0) {
            close(k->watch);
            k->watch = -1;
        }
    }
}

/** Adds what has appeared. What is not understood makes it look through all. */
static void read_inotify(manager *k)
{
    char buffer[16 * (sizeof(struct inotify_event) + 256)] __attribute__((aligned(__alignof__(struct inotify_event))));
    ssize_t n;

    while (k->watch >= 0 && (n = read(k->watch, buffer, sizeof(buffer))) > 0) {
        const char *at = buffer;

        while (at < buffer + n) {
            const struct inotify_event *event = (const void *)at;
            apr_finfo_t info;

            at += sizeof(*event) + event->len;
            if (!event->len) {
                k->next_scan = 0;                    /* too many at a time, or the directory is not that one any more */
            }
            else if (apr_stat(&info, apr_pstrcat(k->scratch, k->folder, "/", event->name, NULL), APR_FINFO_SIZE,
                              k->scratch) == APR_SUCCESS) {
                k->total += info.size;
                k->largest = info.size > k->largest ? info.size : k->largest;
            }
        }
    }
}

#else

static void watch(manager *k)
{
    k->watch = -1;
}

static void read_inotify(manager *k)
{
    (void)k;
}

#endif

/* --- whose turn it is --- */

static void end_lead(manager *k)
{
    if (k->lead) {
        apr_pool_destroy(k->lead);
        k->lead = NULL;
    }
    if (k->watch >= 0) {
        close(k->watch);
        k->watch = -1;
    }
}

/** 1 when the lock file still has its name: the directory may be emptied. */
static int leads(const manager *k)
{
    apr_finfo_t info;

    return k->lead && apr_file_info_get(&info, APR_FINFO_NLINK, k->lock) == APR_SUCCESS && info.nlink > 0;
}

/** Takes the lock, if no other process has it. */
static void try_lead(manager *k)
{
    apr_os_file_t fd;

    end_lead(k);
    if (apr_pool_create(&k->lead, k->pool) != APR_SUCCESS) {
        k->lead = NULL;
        return;
    }
    if (apr_file_open(&k->lock, apr_pstrcat(k->lead, k->folder, "/keeper.lock", NULL), APR_FOPEN_READ | APR_FOPEN_WRITE
                      | APR_FOPEN_CREATE, APR_FPROT_UREAD | APR_FPROT_UWRITE, k->lead) != APR_SUCCESS
        || apr_os_file_get(&fd, k->lock) != APR_SUCCESS || flock(fd, LOCK_EX | LOCK_NB) != 0) {
        end_lead(k);
        return;
    }
    k->next_scan = 0;
    watch(k);
}

/* --- the thread --- */

/** Sleeps until something happens, at most so long. */
static void rest(manager *k, apr_int64_t most)
{
    struct pollfd fds[2];
    apr_os_file_t fd = -1;

    apr_os_file_get(&fd, k->wake[0]);
    fds[0].fd = fd;
    fds[0].events = POLLIN;
    fds[1].fd = k->watch;               /* -1 is ignored */
    fds[1].events = POLLIN;
    if (most > 0 && !apr_atomic_read32(&k->stopping)) {
        poll(fds, 2, (int)(most / 1000) + 1);
    }
}

static void work(manager *k)
{
    apr_pool_clear(k->scratch);
    if (!k->lead || (k->next_scan <= kiss_clock_now() && !leads(k))) {
        try_lead(k);
    }
    if (k->lead) {
        read_inotify(k);
        if (k->next_scan <= kiss_clock_now() || k->total > kiss_config_cache_size(k->server) || missing(k)) {
            clean(k);
        }
    }
}

static apr_int64_t least(apr_int64_t a, apr_int64_t b)
{
    return a < b ? a : b;
}

static void *APR_THREAD_FUNC run(apr_thread_t *thread, void *baton)
{
    manager *k = baton;

    (void)thread;
    while (!apr_atomic_read32(&k->stopping)) {
        apr_int64_t wait = TRY_AGAIN;

        work(k);
        kiss_list_cache_map_sweep();
        if (k->warm) {
            wait = least(wait, kiss_cache_warmer_step(k->warm, k->scratch));
        }
        if (k->lead) {
            wait = least(wait, k->next_scan - kiss_clock_now());
        }
        rest(k, wait);
    }
    if (k->warm) {
        kiss_cache_warmer_end(k->warm);
    }
    end_lead(k);
    return NULL;
}

void kiss_cache_manager_stop(void)
{
    apr_os_file_t fd;

    /* Prefork may be in a signal handler here: a flag and a byte, no lock. */
    if (self && apr_atomic_cas32(&self->stopping, 1, 0) == 0) {
        if (apr_os_file_get(&fd, self->wake[1]) == APR_SUCCESS && write(fd, "", 1) != 1) {
            return;                     /* the pipe is never full: this is its only byte */
        }
    }
}

/** Before anything that the thread uses goes away. */
static apr_status_t finish(void *baton)
{
    manager *k = baton;
    apr_status_t rv;

    kiss_cache_manager_stop();
    apr_thread_join(&rv, k->thread);
    self = NULL;
    apr_pool_destroy(k->pool);
    return APR_SUCCESS;
}

/** 1 when there is a location with lists. */
static int is_needed(server_rec *s, apr_pool_t *p)
{
    const apr_array_header_t *locations = kiss_config_locations(s, p);
    int i, needed = 0;

    for (i = 0; i < locations->nelts && !needed; i++) {
        needed = kiss_config_has_lists(APR_ARRAY_IDX(locations, i, kiss_config_location).conf);
    }
    return needed;
}

/** A child does it, not root: KissCacheDir belongs to the user of the children, and so does every name in it. */
static void make_folder(const manager *k)
{
    if (mkdir(k->folder, S_IRWXU) != 0 && errno != EEXIST) {
        ap_log_error(APLOG_MARK, APLOG_ERR, errno, k->server, KISS_LOGNO(0640) "cannot make %s: lists are answered with 503 "
                     "until KissCacheDir belongs to the server's user", k->folder);
    }
}

void kiss_cache_manager_start(server_rec *s, apr_pool_t *pchild)
{
    manager *k = apr_pcalloc(pchild, sizeof(*k));
    apr_status_t rv;

    self = NULL;
    if (!is_needed(s, pchild)) {
        return;
    }
    k->server = s;
    k->folder = kiss_list_cache_dir(kiss_config_cache_dir(s), pchild);
    k->watch = -1;
    make_folder(k);
    rv = apr_pool_create_unmanaged_ex(&k->pool, NULL, NULL);
    if (rv == APR_SUCCESS) {
        apr_pool_tag(k->pool, "kiss_cache_manager");
        rv = apr_pool_create(&k->scratch, k->pool);
    }
    if (rv == APR_SUCCESS) {
        k->warm = kiss_cache_warmer_create(s, &k->stopping, k->pool);
        rv = apr_file_pipe_create_ex(&k->wake[0], &k->wake[1], APR_FULL_NONBLOCK, pchild);
    }
    if (rv == APR_SUCCESS) {
        rv = kiss_thread_create(&k->thread, run, k, pchild);
    }
    if (rv != APR_SUCCESS) {
        ap_log_error(APLOG_MARK, APLOG_ERR, rv, s, KISS_LOGNO(0705) "this child cannot look after the snapshots");
        return;
    }
    self = k;
    apr_pool_pre_cleanup_register(pchild, k, finish);
}
