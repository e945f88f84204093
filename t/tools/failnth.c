/* SPDX-License-Identifier: Apache-2.0 */
/**
 * failnth - a library that is loaded in front of httpd's (LD_PRELOAD) and lets chosen calls fail: the n-th one of a group,
 * and as many after it as wanted.
 *
 * The file that FAILNTH names is mapped by all processes of httpd; a test writes into it (t/77-failed-calls.t), without a
 * restart. Calls are counted while the group is armed: those of Connector/C; those on files below a directory, all of them
 * or those that need room on the disk; those that allocate memory for json-c, zlib or Connector/C. APR's own allocations
 * are left alone: its pools abort the process by design. Of the calls that acquire a lock between processes the n-th one
 * succeeds, and its process is killed while it has the lock (t/81-child-faults.t).
 */
#define _GNU_SOURCE
/* It defines open() and the like: as Debian builds, glibc's headers would have inline functions of these names. */
#undef _FORTIFY_SOURCE

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <mysql.h>

/** Groups of calls; one is armed, or none. */
enum {
    NOTHING, DATABASE, FILES, MEMORY, DISK, LOCKS
};

/** The file; t/77-failed-calls.t packs the first six. */
typedef struct {
    volatile uint32_t group;
    volatile uint32_t first;            /* number of the first call that fails, from 1 */
    volatile uint32_t times;            /* how many do */
    volatile uint32_t code;             /* number of the database's error; of files: errno instead of the usual one; 0 */
    volatile uint32_t late;             /* 1: the call is executed, and fails after that: its answer is lost; 2: instead of
                                           it the process is killed; 3: before it the process is stopped */
    volatile uint32_t count;            /* calls so far */
    volatile uint32_t failed;           /* of them failed */
    char name[64];                      /* the first that failed */
    char directory[256];                /* of FILES, without an end slash */
    char beginning[64];                 /* of DATABASE: only statements that begin so are counted */
} control;

static control *shared;

/** Ranges of addresses of the libraries whose allocations may fail. */
static struct {
    uintptr_t start, end;
    size_t name;
} library[8];
static int libraries;
static volatile int libraries_known;

/* 1 in mysql_real_connect(): there Connector/C (3.3) does not check each allocation, and crashes by itself. */
static __thread int connecting;

/* --- what is to fail --- */

__attribute__((constructor)) static void open_control(void)
{
    const char *path = getenv("FAILNTH");
    int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    void *map = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

    if (fd >= 0) {
        close(fd);
    }
    if (map == MAP_FAILED) {
        abort();                        /* a test without its faults would pass */
    }
    shared = map;
}

/** Counts a call. @return 1 when it has to fail */
static int fails(uint32_t group, const char *name)
{
    uint32_t n;

    if (!shared || shared->group != group || strncmp(name, shared->beginning, strlen(shared->beginning)) != 0) {
        return 0;
    }
    n = __sync_add_and_fetch(&shared->count, 1);
    if (n < shared->first || n - shared->first >= shared->times) {
        return 0;
    }
    if (__sync_fetch_and_add(&shared->failed, 1) == 0) {
        snprintf(shared->name, sizeof(shared->name), "%s", name);
    }
    if (shared->late == 2) {
        kill(getpid(), SIGKILL);
    }
    if (shared->late == 3) {
        raise(SIGSTOP);
        return 0;
    }
    return 1;
}

/** The function that this library stands in front of. */
static void *next(void **found, const char *name)
{
    if (!*found) {
        *found = dlsym(RTLD_NEXT, name);
    }
    if (!*found) {
        abort();
    }
    return *found;
}

/* Declares `real`, the function in front of which this one is. */
#define REAL(name) \
    static void *name##_found; \
    __typeof__(&name) real = (__typeof__(&name))next(&name##_found, #name)

/* --- Connector/C --- */

/** As the library does it: the number of the error, and for a connection that is gone its socket. */
static void set_error(MYSQL *mysql, MYSQL_STMT *stmt)
{
    uint32_t code = shared->code;

    if (code == 2006 || code == 2013) {
        shutdown((int)mysql_get_socket(mysql), SHUT_RDWR);
    }
    mysql->net.last_errno = code;
    snprintf(mysql->net.last_error, sizeof(mysql->net.last_error), "made by failnth");
    if (stmt) {
        stmt->last_errno = code;
        snprintf(stmt->last_error, sizeof(stmt->last_error), "made by failnth");
    }
}

/* A call on a connection or statement whose result is FAILURE when it fails. */
#define FAIL(name, call, failure, mysql, stmt) \
    do { \
        if (!fails(DATABASE, #name)) { \
            return call; \
        } \
        if (shared->late) { \
            (void)(call); \
        } \
        set_error(mysql, stmt); \
        return failure; \
    } while (0)

MYSQL *STDCALL mysql_init(MYSQL *mysql)
{
    REAL(mysql_init);

    return fails(DATABASE, "mysql_init") ? NULL : real(mysql);
}

MYSQL *STDCALL mysql_real_connect(MYSQL *mysql, const char *host, const char *user, const char *passwd, const char *db,
                                  unsigned int port, const char *unix_socket, unsigned long flags)
{
    REAL(mysql_real_connect);
    MYSQL *opened;

    if (fails(DATABASE, "mysql_real_connect")) {
        set_error(mysql, NULL);
        return NULL;
    }
    connecting = 1;
    opened = real(mysql, host, user, passwd, db, port, unix_socket, flags);
    connecting = 0;
    return opened;
}

int STDCALL mysql_set_character_set(MYSQL *mysql, const char *name)
{
    REAL(mysql_set_character_set);

    FAIL(mysql_set_character_set, real(mysql, name), 1, mysql, NULL);
}

int STDCALL mysql_real_query(MYSQL *mysql, const char *sql, unsigned long len)
{
    REAL(mysql_real_query);

    if (!fails(DATABASE, sql)) {
        return real(mysql, sql, len);
    }
    if (shared->late) {
        real(mysql, sql, len);
    }
    set_error(mysql, NULL);
    return 1;
}

/* By which kissctl sends its statements; httpd's are prepared, or sent by the one above. */
int STDCALL mysql_query(MYSQL *mysql, const char *sql)
{
    return mysql_real_query(mysql, sql, strlen(sql));
}

MYSQL_RES *STDCALL mysql_store_result(MYSQL *mysql)
{
    REAL(mysql_store_result);

    FAIL(mysql_store_result, real(mysql), NULL, mysql, NULL);
}

MYSQL_ROW STDCALL mysql_fetch_row(MYSQL_RES *result)
{
    REAL(mysql_fetch_row);

    return fails(DATABASE, "mysql_fetch_row") ? NULL : real(result);
}

MYSQL_STMT *STDCALL mysql_stmt_init(MYSQL *mysql)
{
    REAL(mysql_stmt_init);

    return fails(DATABASE, "mysql_stmt_init") ? NULL : real(mysql);
}

int STDCALL mysql_stmt_prepare(MYSQL_STMT *stmt, const char *sql, unsigned long len)
{
    REAL(mysql_stmt_prepare);

    FAIL(mysql_stmt_prepare, real(stmt, sql, len), 1, stmt->mysql, stmt);
}

my_bool STDCALL mysql_stmt_bind_param(MYSQL_STMT *stmt, MYSQL_BIND *bind)
{
    REAL(mysql_stmt_bind_param);

    FAIL(mysql_stmt_bind_param, real(stmt, bind), 1, stmt->mysql, stmt);
}

int STDCALL mysql_stmt_execute(MYSQL_STMT *stmt)
{
    REAL(mysql_stmt_execute);

    FAIL(mysql_stmt_execute, real(stmt), 1, stmt->mysql, stmt);
}

MYSQL_RES *STDCALL mysql_stmt_result_metadata(MYSQL_STMT *stmt)
{
    REAL(mysql_stmt_result_metadata);

    FAIL(mysql_stmt_result_metadata, real(stmt), NULL, stmt->mysql, stmt);
}

my_bool STDCALL mysql_stmt_bind_result(MYSQL_STMT *stmt, MYSQL_BIND *bind)
{
    REAL(mysql_stmt_bind_result);

    FAIL(mysql_stmt_bind_result, real(stmt, bind), 1, stmt->mysql, stmt);
}

/* Of the rows of a result those with the numbers 1, 2, 4, 8 ... count: a list has thousands. */
int STDCALL mysql_stmt_fetch(MYSQL_STMT *stmt)
{
    static __thread MYSQL_STMT *last;
    static __thread unsigned row;
    REAL(mysql_stmt_fetch);

    row = stmt == last && stmt->state == MYSQL_STMT_USER_FETCHING ? row + 1 : 1;
    last = stmt;
    if (row & (row - 1)) {
        return real(stmt);
    }
    FAIL(mysql_stmt_fetch, real(stmt), 1, stmt->mysql, stmt);
}

int STDCALL mysql_stmt_fetch_column(MYSQL_STMT *stmt, MYSQL_BIND *bind, unsigned int column, unsigned long offset)
{
    REAL(mysql_stmt_fetch_column);

    FAIL(mysql_stmt_fetch_column, real(stmt, bind, column, offset), 1, stmt->mysql, stmt);
}

my_bool STDCALL mysql_stmt_free_result(MYSQL_STMT *stmt)
{
    REAL(mysql_stmt_free_result);

    FAIL(mysql_stmt_free_result, real(stmt), 1, stmt->mysql, stmt);
}

/* --- files --- */

/** 1 for a path below the directory. */
static int is_below(const char *path)
{
    size_t len = shared ? strlen(shared->directory) : 0;

    return len && strncmp(path, shared->directory, len) == 0 && (path[len] == '/' || !path[len]);
}

/** 1 when calls on files are counted. */
static int counts_files(void)
{
    return shared && (shared->group == FILES || shared->group == DISK || shared->group == LOCKS);
}

/** 1 when the descriptor is of a file below the directory. */
static int is_ours(int fd)
{
    char link[64], path[512];
    ssize_t n;

    if (!counts_files()) {
        return 0;
    }
    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    n = readlink(link, path, sizeof(path) - 1);
    if (n <= 0) {
        return 0;
    }
    path[n] = '\0';
    return is_below(path);
}

/** 1 when the path is of a file below the directory: by its name, or by that of an open descriptor. */
static int names_ours(const char *path)
{
    int fd;

    if (!counts_files()) {
        return 0;
    }
    return sscanf(path, "/proc/self/fd/%d", &fd) == 1 ? is_ours(fd) : is_below(path);
}

/** Sets errno. A call that needs room has ENOSPC. @return 1 when the call fails */
static int file_fails(int ours, const char *name, int error)
{
    int saved = errno;

    if (!ours || !(error == ENOSPC && shared->group == DISK ? fails(DISK, name) : fails(FILES, name))) {
        errno = saved;
        return 0;
    }
    errno = shared->code ? (int)shared->code : error;
    return 1;
}

static int creates(int flags)
{
    return (flags & O_CREAT) || (flags & O_TMPFILE) == O_TMPFILE;
}

static int mode_of(int flags, va_list more)
{
    return creates(flags) ? va_arg(more, int) : 0;
}

/* Both names of a function that has one for large files; on 64 bits they are the same. */
#define OPEN(name) \
    int name(const char *path, int flags, ...) \
    { \
        REAL(name); \
        va_list more; \
        int mode; \
        va_start(more, flags); \
        mode = mode_of(flags, more); \
        va_end(more); \
        return file_fails(names_ours(path), #name, creates(flags) ? ENOSPC : EMFILE) ? -1 : real(path, flags, mode); \
    }

OPEN(open)
OPEN(open64)

ssize_t write(int fd, const void *data, size_t len)
{
    REAL(write);

    return file_fails(is_ours(fd), "write", ENOSPC) ? -1 : real(fd, data, len);
}

ssize_t writev(int fd, const struct iovec *vec, int n)
{
    REAL(writev);

    return file_fails(is_ours(fd), "writev", ENOSPC) ? -1 : real(fd, vec, n);
}

ssize_t read(int fd, void *data, size_t len)
{
    REAL(read);

    return file_fails(is_ours(fd), "read", EIO) ? -1 : real(fd, data, len);
}

#define PREAD(name) \
    ssize_t name(int fd, void *data, size_t len, __off64_t at) \
    { \
        REAL(name); \
        return file_fails(is_ours(fd), #name, EIO) ? -1 : real(fd, data, len, at); \
    }

PREAD(pread)
PREAD(pread64)

#define PWRITE(name) \
    ssize_t name(int fd, const void *data, size_t len, __off64_t at) \
    { \
        REAL(name); \
        return file_fails(is_ours(fd), #name, ENOSPC) ? -1 : real(fd, data, len, at); \
    }

PWRITE(pwrite)
PWRITE(pwrite64)

#define LSEEK(name) \
    __off64_t name(int fd, __off64_t at, int whence) \
    { \
        REAL(name); \
        return file_fails(is_ours(fd), #name, EIO) ? -1 : real(fd, at, whence); \
    }

LSEEK(lseek)
LSEEK(lseek64)

#define FTRUNCATE(name) \
    int name(int fd, __off64_t size) \
    { \
        REAL(name); \
        return file_fails(is_ours(fd), #name, ENOSPC) ? -1 : real(fd, size); \
    }

FTRUNCATE(ftruncate)
FTRUNCATE(ftruncate64)

#define MMAP(name) \
    void *name(void *at, size_t len, int access, int flags, int fd, __off64_t offset) \
    { \
        REAL(name); \
        return file_fails(fd >= 0 && is_ours(fd), #name, ENOMEM) ? MAP_FAILED : real(at, len, access, flags, fd, offset); \
    }

MMAP(mmap)
MMAP(mmap64)

int fstat(int fd, struct stat *st)
{
    REAL(fstat);

    return file_fails(is_ours(fd), "fstat", EIO) ? -1 : real(fd, st);
}

int stat(const char *path, struct stat *st)
{
    REAL(stat);

    return file_fails(names_ours(path), "stat", EIO) ? -1 : real(path, st);
}

int rename(const char *from, const char *to)
{
    REAL(rename);

    return file_fails(names_ours(to), "rename", ENOSPC) ? -1 : real(from, to);
}

int linkat(int dir, const char *from, int to_dir, const char *to, int flags)
{
    REAL(linkat);

    return file_fails(names_ours(to), "linkat", ENOSPC) ? -1 : real(dir, from, to_dir, to, flags);
}

/** Passes on the result of a call that acquires a lock; kills the process that has it now if it is to be killed. */
static int holds(int result, int is_lock, const char *name)
{
    int saved = errno;

    if (is_lock && result == 0 && fails(LOCKS, name)) {
        kill(getpid(), SIGKILL);
    }
    errno = saved;
    return result;
}

int flock(int fd, int how)
{
    REAL(flock);

    if (file_fails(is_ours(fd), "flock", ENOLCK)) {
        return -1;
    }
    return holds(real(fd, how), is_ours(fd) && (how & LOCK_EX), "flock");
}

/* Without APR's header: the mutex is only passed on. */
int apr_global_mutex_lock(void *mutex);

int apr_global_mutex_lock(void *mutex)
{
    REAL(apr_global_mutex_lock);

    return holds(real(mutex), 1, "apr_global_mutex_lock");
}

#define FCNTL(name) \
    int name(int fd, int command, ...) \
    { \
        REAL(name); \
        va_list more; \
        void *argument; \
        va_start(more, command); \
        argument = va_arg(more, void *); \
        va_end(more); \
        if (command == F_OFD_SETLK && file_fails(is_ours(fd), "F_OFD_SETLK", ENOLCK)) { \
            return -1; \
        } \
        return holds(real(fd, command, argument), \
                     (command == F_SETLK || (command == F_OFD_SETLK && is_ours(fd))) \
                     && ((struct flock *)argument)->l_type == F_WRLCK, \
                     command == F_OFD_SETLK ? "F_OFD_SETLK" : #name); \
    }

FCNTL(fcntl)
FCNTL(fcntl64)

int mkstemp(char *name)
{
    REAL(mkstemp);

    return file_fails(names_ours(name), "mkstemp", ENOSPC) ? -1 : real(name);
}

int mkstemp64(char *name)
{
    REAL(mkstemp64);

    return file_fails(names_ours(name), "mkstemp64", ENOSPC) ? -1 : real(name);
}

/* --- memory --- */

static const char *const names[] = { "/libjson-c.so", "/libz.so", "/libmariadb.so" };

static int note_library(struct dl_phdr_info *info, size_t size, void *ignored)
{
    uintptr_t end = 0;
    size_t i;

    (void)size;
    (void)ignored;
    for (i = 0; i < info->dlpi_phnum; i++) {
        uintptr_t top = (uintptr_t)(info->dlpi_phdr[i].p_vaddr + info->dlpi_phdr[i].p_memsz);

        end = info->dlpi_phdr[i].p_type == PT_LOAD && top > end ? top : end;
    }
    for (i = 0; i < sizeof(names) / sizeof(*names); i++) {
        if (strstr(info->dlpi_name, names[i]) && libraries < 8) {
            library[libraries].name = i;
            library[libraries].start = (uintptr_t)info->dlpi_addr;
            library[libraries++].end = (uintptr_t)info->dlpi_addr + end;
        }
    }
    return 0;
}

/** 1 for an allocation of one of the libraries that has to fail. */
static int memory_fails(void *caller, const char *name)
{
    uintptr_t at = (uintptr_t)caller;
    char where[64];
    int i;

    if (!shared || shared->group != MEMORY || connecting) {
        return 0;
    }
    if (__sync_bool_compare_and_swap(&libraries_known, 0, 1)) {
        dl_iterate_phdr(note_library, NULL);
    }
    for (i = 0; i < libraries; i++) {
        if (at >= library[i].start && at < library[i].end) {
            Dl_info from;

            snprintf(where, sizeof(where), "%s of %s", name,
                     dladdr(caller, &from) && from.dli_sname ? from.dli_sname : names[library[i].name] + 1);
            return fails(MEMORY, where);
        }
    }
    return 0;
}

/* glibc's own, since dlsym() allocates. */
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *old, size_t size);

static void *no_memory(void)
{
    errno = ENOMEM;
    return NULL;
}

void *malloc(size_t size)
{
    return memory_fails(__builtin_return_address(0), "malloc") ? no_memory() : __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
    return memory_fails(__builtin_return_address(0), "calloc") ? no_memory() : __libc_calloc(n, size);
}

void *realloc(void *old, size_t size)
{
    return memory_fails(__builtin_return_address(0), "realloc") ? no_memory() : __libc_realloc(old, size);
}
