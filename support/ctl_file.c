/* SPDX-License-Identifier: Apache-2.0 */
/**
 * ctl_file - reads small files and makes them.
 */
#include "ctl_file.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <apr_portable.h>
#include <apr_strings.h>

/** Compares an open file with its name. @return APR_SUCCESS, or why it must not be read */
static apr_status_t check_open(apr_os_file_t fd, const char *path)
{
    struct stat st, name;

    if (fstat(fd, &st) != 0 || lstat(path, &name) != 0) {
        return errno;
    }
    if (!S_ISREG(st.st_mode)) {
        return EINVAL;
    }
    if (S_ISLNK(name.st_mode)) {
        return name.st_uid == 0 || name.st_uid == geteuid() || name.st_uid == st.st_uid ? APR_SUCCESS : ELOOP;
    }
    /* A link that was replaced after the file had been opened. */
    return name.st_dev == st.st_dev && name.st_ino == st.st_ino ? APR_SUCCESS : ELOOP;
}

apr_status_t ctl_file_open(apr_file_t **file, const char *path, apr_pool_t *p)
{
    apr_status_t rv = apr_file_open(file, path, APR_FOPEN_READ | APR_FOPEN_NONBLOCK, APR_OS_DEFAULT, p);
    apr_os_file_t fd;

    if (rv != APR_SUCCESS) {
        return rv;
    }
    apr_os_file_get(&fd, *file);
    rv = check_open(fd, path);
    if (rv != APR_SUCCESS) {
        apr_file_close(*file);
    }
    return rv;
}

const char *ctl_file_failure(apr_status_t rv, apr_pool_t *p)
{
    return rv == EINVAL ? "is not a regular file" : rv == ELOOP ? "is a symbolic link to a file of another user"
                                                                : apr_psprintf(p, "cannot be opened: %pm", &rv);
}

apr_status_t ctl_file_read(const char **text, apr_size_t *len, const char *path, apr_off_t most, apr_pool_t *p)
{
    apr_file_t *file;
    apr_finfo_t info;
    apr_size_t n = 0;
    char *buf = NULL;
    apr_status_t rv = ctl_file_open(&file, path, p);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    rv = apr_file_info_get(&info, APR_FINFO_SIZE, file);
    if (rv == APR_SUCCESS && info.size > most) {
        rv = EFBIG;
    }
    if (rv == APR_SUCCESS) {
        buf = apr_pcalloc(p, (apr_size_t)info.size + 1);
        rv = info.size ? apr_file_read_full(file, buf, (apr_size_t)info.size, &n) : APR_SUCCESS;
    }
    apr_file_close(file);
    *text = buf;
    if (len) {
        *len = n;
    }
    return rv;
}

apr_status_t ctl_file_make(const char *path, const char *text, apr_fileperms_t perms, apr_pool_t *p)
{
    char *temporary = apr_pstrcat(p, path, ".XXXXXX", NULL);
    apr_file_t *file;
    apr_status_t rv, closed;

    rv = apr_file_mktemp(&file, temporary, APR_FOPEN_CREATE | APR_FOPEN_WRITE | APR_FOPEN_EXCL, p);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    rv = apr_file_write_full(file, text, strlen(text), NULL);
    if (rv == APR_SUCCESS) {
        rv = apr_file_sync(file);
    }
    closed = apr_file_close(file);
    if (rv == APR_SUCCESS) {
        rv = closed == APR_SUCCESS ? apr_file_perms_set(temporary, perms) : closed;
    }
    /* Unlike rename(2), a link takes no other file's place. */
    if (rv == APR_SUCCESS && link(temporary, path) != 0) {
        rv = errno;
    }
    apr_file_remove(temporary, p);
    return rv;
}
