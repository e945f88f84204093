/* SPDX-License-Identifier: Apache-2.0 */
/**
 * ctl_file - reads small files.
 */
#include "ctl_file.h"

#include <errno.h>

apr_status_t ctl_file_read(const char **text, apr_size_t *len, const char *path, apr_off_t most, apr_pool_t *p)
{
    apr_file_t *file;
    apr_finfo_t info;
    apr_size_t n = 0;
    char *buf = NULL;
    apr_status_t rv = apr_file_open(&file, path, APR_FOPEN_READ, APR_OS_DEFAULT, p);

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
