/* SPDX-License-Identifier: Apache-2.0 */
/**
 * small_file - reads, replaces and marks files of a few lines.
 */
#include "lib/file/small_file.h"

#include <apr_file_info.h>
#include <apr_portable.h>
#include <apr_strings.h>

#include <string.h>
#include <sys/stat.h>

#include "lib/file/spool.h"

#define NOTE_AFTER apr_time_from_sec(60)

void kiss_small_file_note(apr_file_t *file)
{
    const struct timespec times[] = { { 0, UTIME_NOW }, { 0, UTIME_OMIT } };
    apr_os_file_t fd;

    if (apr_os_file_get(&fd, file) == APR_SUCCESS && futimens(fd, times) != 0) {
        return;                         /* a file of another user: it seems to be used less than it is */
    }
}

/** Sets the position to the last `max` bytes. */
static apr_status_t seek_end(apr_file_t *file, apr_size_t max, int note)
{
    apr_finfo_t info;
    apr_status_t rv = apr_file_info_get(&info, APR_FINFO_SIZE | APR_FINFO_ATIME | APR_FINFO_MTIME, file);
    apr_off_t start;

    if (rv != APR_SUCCESS) {
        return rv;
    }
    if (note && apr_time_now() - (info.atime > info.mtime ? info.atime : info.mtime) > NOTE_AFTER) {
        kiss_small_file_note(file);
    }
    start = info.size > (apr_off_t)max ? info.size - (apr_off_t)max : 0;
    return apr_file_seek(file, APR_SET, &start);
}

apr_status_t kiss_small_file_read(char **text, const char *path, apr_size_t max, int note, apr_pool_t *p)
{
    apr_file_t *file;
    /* Without blocking: a file of that name may be a pipe, whose open or read would wait forever. */
    apr_status_t rv = apr_file_open(&file, path, APR_FOPEN_READ | APR_FOPEN_BINARY | APR_FOPEN_NONBLOCK, APR_OS_DEFAULT, p);

    *text = apr_pcalloc(p, max + 1);
    if (rv != APR_SUCCESS) {
        return APR_STATUS_IS_ENOENT(rv) ? APR_SUCCESS : rv;
    }
    rv = seek_end(file, max, note);
    if (rv == APR_SUCCESS) {
        rv = apr_file_read_full(file, *text, max, &max);
    }
    apr_file_close(file);
    return rv == APR_EOF ? APR_SUCCESS : rv;
}

apr_status_t kiss_small_file_replace(const char *path, const char *text, apr_pool_t *p)
{
    const char *slash = strrchr(path, '/');
    char *name = apr_pstrcat(p, apr_pstrmemdup(p, path, (apr_size_t)(slash ? slash + 1 - path : 0)),
                             KISS_SPOOL_PREFIX "XXXXXX", NULL);
    apr_file_t *file;
    apr_status_t rv = apr_file_mktemp(&file, name, APR_FOPEN_CREATE | APR_FOPEN_WRITE | APR_FOPEN_EXCL | APR_FOPEN_BINARY,
                                      p);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    rv = apr_file_write_full(file, text, strlen(text), NULL);
    apr_file_close(file);
    rv = rv == APR_SUCCESS ? apr_file_rename(name, path, p) : rv;
    if (rv != APR_SUCCESS) {
        apr_file_remove(name, p);
    }
    return rv;
}
