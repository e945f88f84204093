/* SPDX-License-Identifier: Apache-2.0 */
/**
 * ctl_httpd - what only httpd's configuration knows: runs httpd as `apachectl -t -D DUMP_RUN_CFG` does.
 */
#include "ctl_httpd.h"

#include <signal.h>
#include <string.h>

#include <apr_strings.h>
#include <apr_thread_proc.h>

#define TIMEOUT apr_time_from_sec(10)       /* httpd reads its configuration and ends; it does not start */
#define MOST 65536                          /* of what it prints */
#define LEAD "KissCacheDir: \""             /* as mod_kiss.c prints it */

/** The standard output of a program, nothing where it cannot be run. */
static char *output_of(const char *const *args, apr_pool_t *p)
{
    char *text = apr_pcalloc(p, MOST + 1);
    apr_size_t length = 0;
    apr_procattr_t *attr;
    apr_exit_why_e why;
    apr_proc_t proc;
    int status;

    if (apr_procattr_create(&attr, p) != APR_SUCCESS
        || apr_procattr_io_set(attr, APR_NO_FILE, APR_FULL_BLOCK, APR_NO_FILE) != APR_SUCCESS
        || apr_procattr_cmdtype_set(attr, APR_PROGRAM_PATH) != APR_SUCCESS
        || apr_proc_create(&proc, args[0], args, NULL, attr, p) != APR_SUCCESS) {
        return text;
    }
    apr_file_pipe_timeout_set(proc.out, TIMEOUT);
    if (apr_file_read_full(proc.out, text, MOST, &length) == APR_TIMEUP) {
        apr_proc_kill(&proc, SIGKILL);
    }
    apr_file_close(proc.out);
    apr_proc_wait(&proc, &status, &why, APR_WAIT);
    return text;
}

/** KissCacheDir of the httpd that is installed here, as far as its configuration can be read. @return NULL: not known */
static const char *configured_cache_dir(apr_pool_t *p)
{
    /* What apxs names first: another httpd may come first in the path. */
    static const char *const programs[] = {KISS_SBINDIR "/apachectl", "apachectl"};
    apr_size_t i;

    for (i = 0; i < sizeof(programs) / sizeof(*programs); i++) {
        const char *const args[] = {programs[i], "-t", "-D", "DUMP_RUN_CFG", NULL};
        char *line = strstr(output_of(args, p), LEAD), *end = line ? strstr(line, "\"\n") : NULL;

        if (end) {
            line += sizeof(LEAD) - 1;
            return apr_pstrmemdup(p, line, (apr_size_t)(end - line));
        }
    }
    return NULL;
}

const char *ctl_cache_dir(ctl *c)
{
    if (!c->cache_dir) {
        c->cache_dir = configured_cache_dir(c->pool);
    }
    return c->cache_dir ? c->cache_dir : KISS_CACHEDIR;
}
