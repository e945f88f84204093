/* SPDX-License-Identifier: Apache-2.0 */
/**
 * doctor_cache - checks KissCacheDir, which httpd makes: its owner and mode, what it holds, how much space is free.
 */
#include "doctor_checks.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <apr_strings.h>

#include "ctl_httpd.h"
#include "lib/base/plural.h"
#include "lib/file/cache_file.h"

#define MEGABYTE 1048576
#define LOW (512 * (apr_int64_t)MEGABYTE)

/** Whose the folder is, and who can read it. @return 1 when nothing is wrong with that */
static int check_owner(doctor *d, const char *folder, const struct stat *st)
{
    if (st->st_uid == 0) {
        doctor_finding(d, "cache", DOCTOR_PROBLEM, "remove it and restart httpd, whose processes make it; or chown it to "
                                                   "httpd's User",
                       "%s belongs to root: httpd's processes cannot keep lists there", folder);
        return 0;
    }
    if (st->st_mode & 077) {
        doctor_finding(d, "cache", DOCTOR_WARNING, apr_psprintf(d->c->pool, "chmod 700 %s", folder),
                       "%s can be opened by others: customers' prices are kept there", folder);
        return 0;
    }
    return 1;
}

static void check_content(doctor *d, const char *folder, int fd)
{
    apr_array_header_t *entries;
    apr_int64_t room, bytes = 0;
    struct statvfs fs;
    int i, n = 0;

    if (kiss_cache_file_scan(&entries, fd, d->c->pool) != APR_SUCCESS || fstatvfs(fd, &fs) != 0) {
        doctor_finding(d, "cache", DOCTOR_WARNING, "run the doctor as root", "%s cannot be read: %s", folder,
                       strerror(errno));
        return;
    }
    for (i = 0; i < entries->nelts; i++) {
        const kiss_cache_file_entry *e = &APR_ARRAY_IDX(entries, i, kiss_cache_file_entry);

        n += e->is_entry;
        bytes += e->is_entry ? e->size : 0;
    }
    room = (apr_int64_t)fs.f_bavail * (apr_int64_t)fs.f_frsize;
    doctor_finding(d, "cache", room < LOW ? DOCTOR_WARNING : DOCTOR_OK, room < LOW
                   ? "make room, or lower KissCacheSize: when the disk is full, lists that are not kept are answered with "
                     "503"
                   : NULL, "%s: %d list%s, %" APR_INT64_T_FMT " MB; %" APR_INT64_T_FMT " MB are free", folder, n,
                   KISS_PLURAL_S(n), bytes / MEGABYTE, room / MEGABYTE);
}

void doctor_check_cache(doctor *d)
{
    const char *folder = apr_pstrcat(d->c->pool, ctl_cache_dir(d->c), "/" KISS_CACHE_FILE_FOLDER, NULL);
    struct stat st;
    int fd;
    apr_status_t rv = kiss_cache_file_open_folder(&fd, ctl_cache_dir(d->c), d->c->pool);

    if (rv == APR_SUCCESS) {
        if (fstat(fd, &st) == 0 && check_owner(d, folder, &st)) {
            check_content(d, folder, fd);
        }
        close(fd);
    }
    else if (rv == EACCES) {
        doctor_finding(d, "cache", DOCTOR_WARNING, "run the doctor as root", "%s cannot be looked at", folder);
    }
    else if (rv == ELOOP || rv == ENOTDIR) {
        doctor_finding(d, "cache", DOCTOR_PROBLEM, "find out who made it; name the directory itself in KissCacheDir",
                       "%s is no directory, or behind a symbolic link that another user controls", folder);
    }
    else {
        doctor_finding(d, "cache", d->c->cache_dir ? DOCTOR_PROBLEM : DOCTOR_OK, d->c->cache_dir
                       ? "start httpd, which makes it; or name its KissCacheDir" : NULL,
                       "%s is not there: httpd makes it when it starts (--cache-dir names another KissCacheDir)", folder);
    }
}
