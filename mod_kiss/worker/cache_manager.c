/* SPDX-License-Identifier: Apache-2.0 */
/**
 * cache_manager - the thread that evicts cached lists and calls the cache warmer.
 */
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
#include "lib/base/plural.h"
#include "lib/base/thread.h"
#include "lib/file/cache_file.h"
#include "lib/file/spool.h"
#include "list/list_cache.h"
#include "list/list_cache_map.h"
#include "worker/cache_warmer.h"

#define SECOND APR_INT64_C(1000000)

/* Interval after which another child replaces one that died, and after which each child releases mappings of removed
 * files. */
#define TRY_AGAIN (5 * SECOND)

/* Minimum interval of the checks of mapped files: there may be a hundred of them, and each new list is an event. */
#define SWEEP_INTERVAL SECOND

/* Interval of full scans of the directory, also without events. */
#define SCAN_INTERVAL (60 * SECOND)

/* Interval of the warning that the disk is nearly full. */
#define WARN_AGAIN (600 * SECOND)

/* Part of the limit that is evicted in addition, so that not every new file causes a full scan. */
#define MARGIN 16

/* Room that jobs need, in sizes of the largest cache entry: for a list, its nested tables, and one more. */
#define ROOM 3

/* When there is less room, entries that were not used for this time are evicted, even below KissCacheSize. */
#define IN_USE apr_time_from_sec(600)

/* Age after which the temporary file of a process that died is removed. */
#define ORPHAN_AGE apr_time_from_sec(600)

typedef struct {
    server_rec *server;
    const char *folder;             /* of the cache entries */
    apr_pool_t *pool;               /* of the thread, with its own allocator */
    apr_pool_t *scratch;            /* for one step; cleared before the next */
    apr_thread_t *thread;
    apr_file_t *wake[2];            /* a pipe; the thread polls its reading end */
    volatile apr_uint32_t stopping;
    apr_pool_t *lead;               /* exists while this child is the manager of the directory; owns the lock */
    apr_file_t *lock;
    int watch;                      /* descriptor of inotify, or -1 */
    apr_off_t total;                /* bytes of all cache entries, as far as known */
    apr_off_t largest;              /* bytes of the largest one */
    apr_int64_t warned;             /* when low disk space was last logged */
    apr_int64_t next_scan;          /* time of the next scan */
    apr_int64_t next_sweep;         /* when mapped files may be checked again */
    kiss_cache_warmer *warmer;      /* NULL: nothing is built in advance */
} manager;

/* That of this process; NULL when there is none. */
static manager *self;

/* --- eviction --- */

/** Result of removing files. */
typedef struct {
    int folder;                     /* descriptor of their directory */
    int removed;
    apr_off_t freed;
    apr_status_t failed;            /* error of the last file that could not be removed */
    const char *name;
} outcome;

static void remove_entry(const kiss_cache_file_entry *e, outcome *o)
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

/** 1 for what is recorded of a list that was not built, or not requested, for KissCacheAge. */
static int is_forgotten(const manager *m, const kiss_cache_file_entry *e, apr_time_t now)
{
    return e->is_record && now - e->used > kiss_config_cache_age(m->server);
}

/**
 * Removes files of jobs that died and what is recorded of lists that are not used any more; drops from the array what is no
 * cache entry. Sets total and largest.
 */
static void select_entries(manager *m, int folder, apr_array_header_t *entries, apr_time_t now)
{
    outcome ignored = { folder, 0, 0, APR_SUCCESS, NULL };
    int i, n = 0;

    m->total = m->largest = 0;
    for (i = 0; i < entries->nelts; i++) {
        kiss_cache_file_entry e = APR_ARRAY_IDX(entries, i, kiss_cache_file_entry);

        if (e.is_entry) {
            APR_ARRAY_IDX(entries, n++, kiss_cache_file_entry) = e;
            m->total += e.size;
            m->largest = e.size > m->largest ? e.size : m->largest;
        }
        else if (is_orphan(&e, now) || is_forgotten(m, &e, now)) {
            remove_entry(&e, &ignored);
        }
    }
    entries->nelts = n;
}

/** Bytes of disk space that jobs lack; 0 when there is room. */
static apr_off_t disk_shortage(manager *m)
{
    struct statvfs fs;
    apr_off_t need = ROOM * m->largest, left;
    apr_int64_t now = kiss_clock_now();

    if (statvfs(m->folder, &fs) != 0) {
        return 0;
    }
    left = (apr_off_t)fs.f_bavail * (apr_off_t)fs.f_frsize;
    if (left < need && (!m->warned || now - m->warned > WARN_AGAIN)) {
        m->warned = now;
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, m->server,
                     KISS_LOGNO(0706) "%" APR_OFF_T_FMT " bytes are left on the disk "
                     "of %s (KissCacheDir): lists that were not used lately are evicted for new ones", left, m->folder);
    }
    return left < need ? need - left : 0;
}

/** Evicts what is too old, and the least recently used until the rest fits the limit and leaves room on the disk. */
static void evict(const manager *m, const apr_array_header_t *entries, apr_off_t lack, apr_time_t now, outcome *o)
{
    apr_off_t max = kiss_config_cache_size(m->server), fit = m->total > max ? max - max / MARGIN : max;
    apr_interval_time_t age = kiss_config_cache_age(m->server);
    int i;

    for (i = 0; i < entries->nelts; i++) {
        const kiss_cache_file_entry *e = &APR_ARRAY_IDX(entries, i, kiss_cache_file_entry);
        apr_interval_time_t unused = now - e->used;
        int last = i == entries->nelts - 1;         /* most recently used: in use now; kept at any size */

        if (unused > age || (m->total - o->freed > fit && !last) || (o->freed < lack && unused > IN_USE)) {
            remove_entry(e, o);
        }
    }
}

/** Scans the open directory and evicts. */
static apr_status_t clean_folder(manager *m, outcome *o)
{
    apr_time_t now = apr_time_now();
    apr_array_header_t *entries;
    apr_status_t rv = kiss_cache_file_scan(&entries, o->folder, m->scratch);

    if (rv == APR_SUCCESS) {
        select_entries(m, o->folder, entries, now);
        kiss_cache_file_sort(entries);
        evict(m, entries, disk_shortage(m), now, o);
        m->total -= o->freed;
    }
    return rv;
}

/** Scans the directory and logs the result. */
static void clean(manager *m)
{
    outcome o = { open(m->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC), 0, 0, APR_SUCCESS, NULL };
    apr_status_t rv = o.folder < 0 ? errno : clean_folder(m, &o);

    m->next_scan = kiss_clock_now() + SCAN_INTERVAL;
    if (o.folder >= 0) {
        close(o.folder);
    }
    if (rv != APR_SUCCESS) {
        ap_log_error(APLOG_MARK, APLOG_WARNING, rv, m->server, KISS_LOGNO(0702) "cannot scan %s (KissCacheDir): "
                     "KissCacheSize and KissCacheAge cannot be kept", m->folder);
    }
    if (o.removed) {
        ap_log_error(APLOG_MARK, APLOG_INFO, 0, m->server, KISS_LOGNO(0703) "%d cached list%s removed; %" APR_OFF_T_FMT
                     " bytes are kept", o.removed, KISS_PLURAL(o.removed, " was", "s were"), m->total);
    }
    if (o.failed != APR_SUCCESS) {
        ap_log_error(APLOG_MARK, APLOG_WARNING, o.failed, m->server, KISS_LOGNO(0701) "%s in %s cannot be removed: "
                     "KissCacheSize and KissCacheAge cannot be kept", o.name, m->folder);
    }
}

/* --- inotify --- */

#if defined(__linux__)

static void watch(manager *m)
{
    m->watch = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (m->watch < 0 || inotify_add_watch(m->watch, m->folder, IN_CREATE | IN_MOVED_TO | IN_ONLYDIR) < 0) {
        ap_log_error(APLOG_MARK, APLOG_INFO, errno, m->server,
                     KISS_LOGNO(0704) "the kernel does not report new files in %s: "
                     "KissCacheSize is checked once a minute", m->folder);
        if (m->watch >= 0) {
            close(m->watch);
            m->watch = -1;
        }
    }
}

/** Adds the sizes of new files. Any other event causes a scan. */
static void read_inotify(manager *m)
{
    char buffer[16 * (sizeof(struct inotify_event) + 256)] __attribute__((aligned(__alignof__(struct inotify_event))));
    ssize_t n;

    while (m->watch >= 0 && (n = read(m->watch, buffer, sizeof(buffer))) > 0) {
        const char *at = buffer;

        while (at < buffer + n) {
            const struct inotify_event *event = (const void *)at;
            apr_finfo_t info;

            at += sizeof(*event) + event->len;
            if (!event->len) {
                m->next_scan = 0;       /* queue overflow, or the directory itself was removed or replaced */
            }
            else if (apr_stat(&info, apr_pstrcat(m->scratch, m->folder, "/", event->name, NULL), APR_FINFO_SIZE,
                              m->scratch) == APR_SUCCESS) {
                m->total += info.size;
                m->largest = info.size > m->largest ? info.size : m->largest;
            }
        }
    }
}

#else

static void watch(manager *m)
{
    m->watch = -1;
}

static void read_inotify(manager *m)
{
    (void)m;
}

#endif

/* --- which child is the manager --- */

static void end_lead(manager *m)
{
    if (m->lead) {
        apr_pool_destroy(m->lead);
        m->lead = NULL;
    }
    if (m->watch >= 0) {
        close(m->watch);
        m->watch = -1;
    }
}

/** 1 when the lock file still has its name, which is lost when somebody empties the directory. */
static int leads(const manager *m)
{
    apr_finfo_t info;

    return m->lead && apr_file_info_get(&info, APR_FINFO_NLINK, m->lock) == APR_SUCCESS && info.nlink > 0;
}

/** Takes the lock, if no other process holds it. */
static void try_lead(manager *m)
{
    apr_os_file_t fd;

    end_lead(m);
    if (apr_pool_create(&m->lead, m->pool) != APR_SUCCESS) {
        m->lead = NULL;
        return;
    }
    if (apr_file_open(&m->lock, apr_pstrcat(m->lead, m->folder, "/keeper.lock", NULL), APR_FOPEN_READ | APR_FOPEN_WRITE
                      | APR_FOPEN_CREATE, APR_FPROT_UREAD | APR_FPROT_UWRITE, m->lead) != APR_SUCCESS
        || apr_os_file_get(&fd, m->lock) != APR_SUCCESS || flock(fd, LOCK_EX | LOCK_NB) != 0) {
        end_lead(m);
        return;
    }
    m->next_scan = 0;
    watch(m);
}

/* --- the thread --- */

/** Sleeps until an event, at most `max` microseconds. */
static void wait_for_event(manager *m, apr_int64_t max)
{
    struct pollfd fds[2];
    apr_os_file_t fd = -1;

    apr_os_file_get(&fd, m->wake[0]);
    fds[0].fd = fd;
    fds[0].events = POLLIN;
    fds[1].fd = m->watch;               /* -1 is ignored */
    fds[1].events = POLLIN;
    if (max > 0 && !apr_atomic_read32(&m->stopping)) {
        poll(fds, 2, (int)(max / 1000) + 1);
    }
}

static void work(manager *m)
{
    apr_pool_clear(m->scratch);
    if (!m->lead || (m->next_scan <= kiss_clock_now() && !leads(m))) {
        try_lead(m);
    }
    if (m->lead) {
        read_inotify(m);
        if (m->next_scan <= kiss_clock_now() || m->total > kiss_config_cache_size(m->server) || disk_shortage(m)) {
            clean(m);
        }
    }
}

/** Releases mappings. @return microseconds until it has to be called again */
static apr_int64_t sweep(manager *m)
{
    apr_int64_t now = kiss_clock_now();

    if (now < m->next_sweep) {
        return m->next_sweep - now;
    }
    m->next_sweep = now + SWEEP_INTERVAL;
    kiss_list_cache_map_sweep();
    return TRY_AGAIN;
}

static apr_int64_t least(apr_int64_t a, apr_int64_t b)
{
    return a < b ? a : b;
}

static void *APR_THREAD_FUNC run(apr_thread_t *thread, void *baton)
{
    manager *m = baton;

    (void)thread;
    while (!apr_atomic_read32(&m->stopping)) {
        apr_int64_t wait;

        work(m);
        wait = sweep(m);
        if (m->warmer) {
            wait = least(wait, kiss_cache_warmer_step(m->warmer, m->scratch));
        }
        if (m->lead) {
            wait = least(wait, m->next_scan - kiss_clock_now());
        }
        wait_for_event(m, wait);
    }
    if (m->warmer) {
        kiss_cache_warmer_end(m->warmer);
    }
    end_lead(m);
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

/** Before anything that the thread uses is destroyed. */
static apr_status_t finish(void *baton)
{
    manager *m = baton;
    apr_status_t rv;

    kiss_cache_manager_stop();
    apr_thread_join(&rv, m->thread);
    self = NULL;
    apr_pool_destroy(m->pool);
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

/** Called in a child, not by root: KissCacheDir belongs to the user of the children, and so do all names in it. */
static void create_folder(const manager *m)
{
    if (mkdir(m->folder, S_IRWXU) != 0 && errno != EEXIST) {
        ap_log_error(APLOG_MARK, APLOG_ERR, errno, m->server,
                     KISS_LOGNO(0640) "cannot create %s: lists are answered with 503 "
                     "until KissCacheDir belongs to the server's user", m->folder);
    }
}

void kiss_cache_manager_start(server_rec *s, apr_pool_t *pchild)
{
    manager *m = apr_pcalloc(pchild, sizeof(*m));
    apr_status_t rv;

    self = NULL;
    if (!is_needed(s, pchild)) {
        return;
    }
    m->server = s;
    m->folder = kiss_list_cache_dir(kiss_config_cache_dir(s), pchild);
    m->watch = -1;
    create_folder(m);
    rv = apr_pool_create_unmanaged_ex(&m->pool, NULL, NULL);
    if (rv == APR_SUCCESS) {
        apr_pool_tag(m->pool, "kiss_cache_manager");
        rv = apr_pool_create(&m->scratch, m->pool);
    }
    if (rv == APR_SUCCESS) {
        m->warmer = kiss_cache_warmer_create(s, &m->stopping, m->pool);
        rv = apr_file_pipe_create_ex(&m->wake[0], &m->wake[1], APR_FULL_NONBLOCK, pchild);
    }
    if (rv == APR_SUCCESS) {
        rv = kiss_thread_create(&m->thread, run, m, pchild);
    }
    if (rv != APR_SUCCESS) {
        ap_log_error(APLOG_MARK, APLOG_ERR, rv, s, KISS_LOGNO(0705) "this child has no thread that manages the cached "
                     "lists");
        return;
    }
    self = m;
    apr_pool_pre_cleanup_register(pchild, m, finish);
}
