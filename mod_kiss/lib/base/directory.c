/* SPDX-License-Identifier: Apache-2.0 */
/**
 * directory - opens and creates directories by walking their paths with *at() calls.
 */
#include "lib/base/directory.h"

#include <apr_strings.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Symbolic links in one path: what Linux allows. */
#define MAX_LINKS 40

#ifndef O_PATH
#define O_PATH O_RDONLY                 /* then every directory of the path must be readable */
#endif

/* Flags to open a directory of the path, and the last one. */
#define PASS (O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
#define OPEN (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

/** How far the walk along a path has come. */
typedef struct {
    apr_pool_t *pool;
    int fd;                             /* the directory reached */
    const char *rest;                   /* the part of the path that is left */
    const char *foreign;                /* the part of the path so far that another user can change, or NULL */
    int links;                          /* symbolic links followed */
} walk;

static int is_trusted(uid_t owner)
{
    return owner == 0 || owner == geteuid();
}

/** Enters another directory; records when other users can change its content. */
static apr_status_t go_to(walk *w, int fd, const char *name)
{
    struct stat st;
    apr_status_t rv = fd < 0 ? errno : APR_SUCCESS;

    if (rv == APR_SUCCESS) {
        if (w->fd >= 0) {
            close(w->fd);
        }
        w->fd = fd;
        rv = fstat(fd, &st) == 0 ? APR_SUCCESS : errno;
    }
    if (rv == APR_SUCCESS && (!is_trusted(st.st_uid) || ((st.st_mode & S_IWOTH) && !(st.st_mode & S_ISVTX)))) {
        w->foreign = name;
    }
    return rv;
}

/** Puts the target of a link before the rest of the path. */
static apr_status_t follow(walk *w, const char *name, const struct stat *st)
{
    apr_size_t size = st->st_size > 0 ? (apr_size_t)st->st_size + 1 : 4096;
    char *target = apr_palloc(w->pool, size + 1);
    ssize_t n;

    if (!is_trusted(st->st_uid) || ++w->links > MAX_LINKS) {
        return ELOOP;
    }
    n = readlinkat(w->fd, name, target, size);
    if (n < 0 || (apr_size_t)n >= size) {
        return n < 0 ? errno : ELOOP;   /* it was changed meanwhile */
    }
    target[n] = '\0';
    w->rest = apr_pstrcat(w->pool, target, "/", w->rest, NULL);
    return *w->rest == '/' ? go_to(w, open("/", PASS), "/") : APR_SUCCESS;
}

/** Takes the next name off the path. @return NULL at its end */
static const char *next_name(walk *w)
{
    apr_size_t n;
    const char *name;

    w->rest += strspn(w->rest, "/");
    n = strcspn(w->rest, "/");
    name = n ? apr_pstrmemdup(w->pool, w->rest, n) : NULL;
    w->rest += n;
    return name;
}

/**
 * Walks as far as the directories exist.
 *
 * @param missing receives the name that does not exist when the result is ENOENT
 */
static apr_status_t walk_path(walk *w, const char **missing)
{
    const char *name;
    const char *start = *w->rest == '/' ? "/" : ".";
    apr_status_t rv = go_to(w, open(start, PASS), start);

    while (rv == APR_SUCCESS && (name = next_name(w))) {
        struct stat st;

        *missing = name;
        if (fstatat(w->fd, name, &st, AT_SYMLINK_NOFOLLOW) != 0) {
            rv = errno;
        }
        else {
            rv = S_ISLNK(st.st_mode) ? follow(w, name, &st) : go_to(w, openat(w->fd, name, PASS), name);
        }
    }
    return rv;
}

static void end(const walk *w)
{
    if (w->fd >= 0) {
        close(w->fd);
    }
}

apr_status_t kiss_directory_open(int *fd, const char *path, apr_pool_t *p)
{
    walk w = { .pool = p, .fd = -1, .rest = path };
    const char *missing;
    apr_status_t rv = walk_path(&w, &missing);

    if (rv == APR_SUCCESS) {
        *fd = openat(w.fd, ".", OPEN);
        rv = *fd < 0 ? errno : APR_SUCCESS;
    }
    end(&w);
    return rv;
}

/* --- creation --- */

/** Creates one directory and enters it. */
static apr_status_t make_one(walk *w, const char *name, mode_t mode)
{
    struct stat st;
    int fd;
    apr_status_t rv = mkdirat(w->fd, name, mode) == 0 ? APR_SUCCESS : errno;

    if (rv != APR_SUCCESS) {
        return rv;
    }
    fd = openat(w->fd, name, OPEN);
    rv = go_to(w, fd, name);
    if (rv == APR_SUCCESS && fstat(fd, &st) == 0 && st.st_uid != geteuid()) {
        return EPERM;                   /* this is not the one that was created */
    }
    return rv == APR_SUCCESS && fchmod(fd, mode) != 0 ? errno : rv;
}

/** Creates `name` and what is below it on the path; the last one belongs to the user. */
static apr_status_t make_rest(walk *w, const char *name, uid_t uid, gid_t gid)
{
    apr_status_t rv = APR_SUCCESS;

    while (rv == APR_SUCCESS && name) {
        const char *next = next_name(w);

        rv = make_one(w, name, next ? 0755 : 0700);
        name = next;
    }
    return rv == APR_SUCCESS && geteuid() == 0 && fchown(w->fd, uid, gid) != 0 ? errno : rv;
}

/** What is wrong with a directory that exists. */
static const char *wrong(const walk *w, const char *path, uid_t uid, const char *user)
{
    const char *owner;
    struct stat st;

    if (fstat(w->fd, &st) != 0) {
        return apr_psprintf(w->pool, "%s cannot be examined: %s", path, strerror(errno));
    }
    if (st.st_uid != uid) {
        owner = st.st_uid == 0 ? "root" : apr_psprintf(w->pool, "user %lu", (unsigned long)st.st_uid);
        return apr_psprintf(w->pool, "%s belongs to %s, and httpd does not give away what it did not make: name a directory "
                            "of %s alone, or one that does not exist yet; if nothing else is in this one, root can run "
                            "'chown -R %s %s; chmod 700 %s'", path, owner, user, user, path, path);
    }
    if (st.st_mode & (S_IWGRP | S_IWOTH)) {
        return apr_psprintf(w->pool, "%s can be written to by others than %s, who could forge answers there: root or %s can "
                            "run 'chmod 700 %s'", path, user, user, path);
    }
    return NULL;
}

const char *kiss_directory_prepare(const char *path, uid_t uid, gid_t gid, const char *user, apr_pool_t *p)
{
    walk w = { .pool = p, .fd = -1, .rest = path };
    const char *missing = NULL, *e = NULL;
    apr_status_t rv = walk_path(&w, &missing);

    if (rv == APR_SUCCESS) {
        e = wrong(&w, path, geteuid() == 0 ? uid : geteuid(), user);
    }
    else if (rv == ELOOP) {
        e = apr_psprintf(p, "%s: '%s' is a symbolic link of another user, which could lead anywhere: name the directory "
                         "itself", path, missing);
    }
    else if (rv == ENOENT && w.foreign) {
        e = apr_psprintf(p, "%s does not exist, and '%s' above it is in the hands of another user: make it as %s, with "
                         "'mkdir -m 700'", path, w.foreign, user);
    }
    else {
        rv = rv == ENOENT ? make_rest(&w, missing, uid, gid) : rv;
        e = rv == APR_SUCCESS ? NULL : apr_psprintf(p, "%s cannot be made: %s", path, strerror(rv));
    }
    end(&w);
    return e;
}
