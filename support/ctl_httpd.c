/* SPDX-License-Identifier: Apache-2.0 */
/**
 * ctl_httpd - what only httpd's configuration knows: runs httpd as `apachectl -t -D DUMP_RUN_CFG` does.
 */
#include "ctl_httpd.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <apr_strings.h>
#include <apr_thread_proc.h>

#define TIMEOUT apr_time_from_sec(10)       /* httpd reads its configuration and ends; it does not start */
#define MOST 65536                          /* of what it prints */
/* As core/config_dump.c prints them. */
#define LEAD "KissCacheDir: \""
#define DUMP_LEAD "KissConfig: "
/* As httpd prints it. */
#define PID_LEAD "PidFile: \""

/** What a program writes to standard output, or (`errors`) to standard error, and whether it ended with 0. */
static int run_program(const char *const *args, int errors, char **text, apr_pool_t *p)
{
    apr_int32_t none = APR_NO_PIPE, pipe = APR_FULL_BLOCK;
    apr_file_t *nothing, *from;
    apr_size_t length = 0;
    apr_procattr_t *attr;
    apr_exit_why_e why;
    apr_proc_t proc;
    apr_status_t rv;
    int status;

    *text = apr_pcalloc(p, MOST + 1);
    rv = apr_procattr_create(&attr, p);
    if (rv == APR_SUCCESS) {
        rv = apr_procattr_io_set(attr, none, errors ? none : pipe, errors ? pipe : none);
    }
    /* Not closed: what the program writes there would fail, or go into a file that it has opened. */
    if (rv == APR_SUCCESS) {
        rv = apr_file_open(&nothing, "/dev/null", APR_FOPEN_READ | APR_FOPEN_WRITE, APR_FPROT_OS_DEFAULT, p);
    }
    if (rv == APR_SUCCESS) {
        rv = apr_procattr_child_in_set(attr, nothing, NULL);
    }
    if (rv == APR_SUCCESS) {
        rv = errors ? apr_procattr_child_out_set(attr, nothing, NULL) : apr_procattr_child_err_set(attr, nothing, NULL);
    }
    if (rv == APR_SUCCESS) {
        rv = apr_procattr_cmdtype_set(attr, APR_PROGRAM_PATH);
    }
    if (rv == APR_SUCCESS) {
        rv = apr_proc_create(&proc, args[0], args, NULL, attr, p);
    }
    if (rv != APR_SUCCESS) {
        return 0;
    }
    from = errors ? proc.err : proc.out;
    apr_file_pipe_timeout_set(from, TIMEOUT);
    if (apr_file_read_full(from, *text, MOST, &length) == APR_TIMEUP) {
        apr_proc_kill(&proc, SIGKILL);
    }
    apr_file_close(from);
    return apr_proc_wait(&proc, &status, &why, APR_WAIT) == APR_CHILD_DONE && APR_PROC_CHECK_EXIT(why) && status == 0;
}

/** What follows `lead` in a line of the text, up to `end`. @return NULL when there is no such line */
static const char *after(const char *text, const char *lead, const char *end, apr_pool_t *p)
{
    const char *line = strstr(text, lead), *last;

    line = line ? line + strlen(lead) : NULL;
    last = line ? strstr(line, end) : NULL;
    return last ? apr_pstrmemdup(p, line, (apr_size_t)(last - line)) : NULL;
}

void ctl_httpd_dump(ctl_httpd_config *config, const char *program, const char *file, apr_pool_t *p)
{
    const char *const args[] = {program, "-t", "-D", "DUMP_RUN_CFG", file ? "-f" : NULL, file, NULL};
    char *text;

    run_program(args, 0, &text, p);
    config->cache_dir = after(text, LEAD, "\"\n", p);
    config->json = after(text, DUMP_LEAD, "\n", p);
    config->pid_file = after(text, PID_LEAD, "\"\n", p);
}

/** 1 when nobody but root and the user of this process can have put there what is there. */
static int is_ours(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && (st.st_uid == 0 || st.st_uid == geteuid()) && !(st.st_mode & (S_IWGRP | S_IWOTH));
}

/** A program in PATH, but not one that others may have put there. @return its path in `p`, or NULL */
static const char *find_program(const char *name, apr_pool_t *p)
{
    char *path = apr_pstrdup(p, getenv("PATH") ? getenv("PATH") : ""), *last;
    const char *dir;

    for (dir = apr_strtok(path, ":", &last); dir; dir = apr_strtok(NULL, ":", &last)) {
        const char *file = apr_pstrcat(p, dir, "/", name, NULL);

        if (*dir == '/' && is_ours(dir) && is_ours(file) && access(file, X_OK) == 0) {
            return file;
        }
    }
    return NULL;
}

const char *ctl_httpd_program(ctl *c)
{
    if (c->option[OPT_APACHECTL]) {
        return c->option[OPT_APACHECTL];
    }
    return access(KISS_SBINDIR "/apachectl", X_OK) == 0 ? KISS_SBINDIR "/apachectl" : KISS_HTTPD;
}

const ctl_httpd_config *ctl_httpd_installed(ctl *c)
{
    ctl_httpd_config *found;
    const char *program;

    if (!c->httpd) {
        c->httpd = found = apr_pcalloc(c->pool, sizeof(*found));
        /* What apxs names first: another httpd may come first in the path. */
        ctl_httpd_dump(found, ctl_httpd_program(c), NULL, c->pool);
        program = found->cache_dir ? NULL : find_program("apachectl", c->pool);
        if (program) {
            ctl_httpd_dump(found, program, NULL, c->pool);
        }
    }
    return c->httpd;
}

const char *ctl_cache_dir(ctl *c)
{
    if (!c->cache_dir) {
        c->cache_dir = ctl_httpd_installed(c)->cache_dir;
    }
    return c->cache_dir ? c->cache_dir : KISS_CACHEDIR;
}

int ctl_httpd_test(const char *program, const char *file, const char **text, apr_pool_t *p)
{
    const char *const args[] = {program, "-t", file ? "-f" : NULL, file, NULL};
    char *said;
    int ok = run_program(args, 1, &said, p);

    *text = *said ? said : apr_pstrcat(p, program, " cannot be run, or says nothing; name another program with --apachectl FILE",
                                       NULL);
    return ok;
}
