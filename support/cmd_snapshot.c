/* SPDX-License-Identifier: Apache-2.0 */
/**
 * cmd_snapshot - the answers that httpd keeps in KissCacheDir: list, purge.
 *
 * Works while httpd runs: files are only read and unlinked, never written, and what is no snapshot is not touched. A
 * list that was removed is built again when somebody asks for it.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <apr_portable.h>
#include <apr_strings.h>

#include "cmd.h"
#include "ctl_httpd.h"
#include "ctl_message.h"
#include "ctl_out.h"
#include "ctl_value.h"
#include "lib/base/quote.h"
#include "lib/file/cache_file.h"

#define MAX_AGE 1000000

#ifndef O_NOATIME
#define O_NOATIME 0
#endif

#define FOLDER_ADVICE "is it the KissCacheDir of httpd (--cache-dir DIR), and are you root or httpd's user?"

/** What was found in a file. */
typedef struct {
    const char *state;              /* "sound", "damaged", "older"; NULL: not examined closely */
    kiss_cache_file_label label;
} finding;

static const out_column columns[] = {
    {"ETag", OUT_TEXT}, {"Endpoint", OUT_TEXT}, {"Location", OUT_TEXT}, {"PriceList", OUT_TEXT}, {"Discount", OUT_NUMBER},
    {"Warehouse", OUT_TEXT}, {"Customer", OUT_TEXT}, {"Coding", OUT_TEXT}, {"Bytes", OUT_NUMBER}, {"BuiltAt", OUT_TEXT},
    {"LastUsedAt", OUT_TEXT}, {"State", OUT_TEXT},
};
#define COLUMNS ((int)(sizeof(columns) / sizeof(*columns)))

/** The open directory: every operation on a file uses its name in there, even if the path changes meanwhile. */
typedef struct {
    const char *path;
    int fd;
} snapshot_folder;

/** Opens a file so that looking at it is no use of it. */
static apr_status_t open_quietly(apr_file_t **file, const snapshot_folder *folder, const char *name, apr_pool_t *p)
{
    const int flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
    apr_os_file_t fd = openat(folder->fd, name, flags | O_NOATIME);

    *file = NULL;
    if (fd < 0 && errno == EPERM) {
        fd = openat(folder->fd, name, flags);   /* neither root nor its owner */
    }
    return fd < 0 ? errno : apr_os_pipe_put_ex(file, &fd, 1, p);
}

/** Reads the head of a file; with `check`, all of it. */
static apr_status_t look(finding *found, const snapshot_folder *folder, const kiss_cache_file_entry *e, int check,
                         apr_pool_t *p)
{
    kiss_cache_file_label label = { .tag = "" };
    kiss_cache_file f;
    apr_file_t *file;
    apr_status_t rv = open_quietly(&file, folder, e->name, p);

    memset(found, 0, sizeof(*found));
    if (rv != APR_SUCCESS) {
        return rv;
    }
    rv = kiss_cache_file_read(&f, file, e->size);
    if (rv == APR_SUCCESS) {
        rv = check ? kiss_cache_file_verify(&label, &f, file, p) : kiss_cache_file_label_read(&label, &f, file, p);
    }
    apr_file_close(file);
    if (rv == APR_SUCCESS && (strncmp(e->name, label.tag, strlen(label.tag)) != 0
                              || strcmp(e->name + strlen(label.tag), KISS_CACHE_FILE_SUFFIX) != 0)) {
        rv = APR_EMISMATCH;
    }
    if (rv == APR_SUCCESS) {
        found->label = label;
        found->state = check ? "sound" : NULL;
    }
    else if (rv == APR_EMISMATCH || rv == APR_ENOENT) {
        found->state = rv == APR_ENOENT ? "older" : "damaged";
        rv = APR_SUCCESS;
    }
    return rv;
}

/** Opens the folder and lists its files, the last used first. @return CTL_OK or CTL_FAILED */
static int scan(ctl *c, snapshot_folder *folder, apr_array_header_t **entries)
{
    apr_status_t rv;
    char reason[120];

    folder->path = apr_pstrcat(c->pool, ctl_cache_dir(c), "/" KISS_CACHE_FILE_FOLDER, NULL);
    rv = kiss_cache_file_open_folder(&folder->fd, ctl_cache_dir(c), c->pool);
    if (rv == APR_SUCCESS) {
        rv = kiss_cache_file_scan(entries, folder->fd, c->pool);
    }
    if (rv == ELOOP || rv == ENOTDIR) {
        return ctl_fail("%s is no directory, or behind a symbolic link that another user controls: it is left alone",
                        folder->path);
    }
    if (rv != APR_SUCCESS) {
        return ctl_fail("cannot read %s: %s (%s)", folder->path, apr_strerror(rv, reason, sizeof(reason)), FOLDER_ADVICE);
    }
    kiss_cache_file_sort(*entries);
    return CTL_OK;
}

static const char *moment(apr_time_t t, apr_pool_t *p)
{
    apr_time_exp_t e;

    apr_time_exp_gmt(&e, t);
    return apr_psprintf(p, "%04d-%02d-%02dT%02d:%02d:%02dZ", e.tm_year + 1900, e.tm_mon + 1, e.tm_mday, e.tm_hour, e.tm_min,
                        e.tm_sec);
}

static const char *some(const char *text)
{
    return text && *text ? text : NULL;
}

static const char **row_of(const kiss_cache_file_entry *e, const finding *found, apr_pool_t *p)
{
    const kiss_cache_file_label *l = &found->label;
    const char *row[COLUMNS] = {
        kiss_cache_file_shown(e->name, p), some(l->endpoint), some(l->location), some(l->price_list), some(l->discount),
        some(l->warehouse), some(l->customer), some(l->coding), apr_psprintf(p, "%" APR_OFF_T_FMT, e->size),
        moment(e->built, p), moment(e->used, p), found->state
    };

    return apr_pmemdup(p, row, sizeof(row));
}

int cmd_snapshot_list(ctl *c, const char *const *args)
{
    snapshot_folder folder;
    apr_array_header_t *entries, *rows = apr_array_make(c->pool, 64, sizeof(const char **));
    apr_pool_t *scratch;
    char reason[120];
    int i;

    (void)args;
    if (scan(c, &folder, &entries) != CTL_OK || apr_pool_create(&scratch, c->pool) != APR_SUCCESS) {
        return CTL_FAILED;
    }
    for (i = entries->nelts - 1; i >= 0; i--) {
        const kiss_cache_file_entry *e = &APR_ARRAY_IDX(entries, i, kiss_cache_file_entry);
        finding found;
        apr_status_t rv;

        if (!e->is_entry) {
            continue;
        }
        apr_pool_clear(scratch);
        rv = look(&found, &folder, e, c->option[OPT_CHECK] != NULL, scratch);
        if (rv == APR_SUCCESS) {
            /* The label's texts go with the scratch pool. */
            const char **row = row_of(e, &found, c->pool);
            int k;

            for (k = 0; k < COLUMNS; k++) {
                row[k] = row[k] ? apr_pstrdup(c->pool, row[k]) : NULL;
            }
            APR_ARRAY_PUSH(rows, const char **) = row;
        }
        else if (!APR_STATUS_IS_ENOENT(rv)) {           /* httpd may have removed it meanwhile */
            return ctl_fail("cannot read %s/%s: %s (%s)", folder.path, e->name, apr_strerror(rv, reason, sizeof(reason)),
                            FOLDER_ADVICE);
        }
    }
    ctl_out_rows(c, columns, COLUMNS, rows);
    return CTL_OK;
}

/* --- purge --- */

/** "7d": a number of seconds, or of the unit s, mi, h or d that follows, as in KissCacheAge. @return 1, or 0 */
static int read_age(apr_time_t *age, const char *text, apr_pool_t *p)
{
    static const struct {
        const char *name;
        int seconds;
    } units[] = {{"", 1}, {"s", 1}, {"mi", 60}, {"min", 60}, {"h", 3600}, {"d", 86400}};
    apr_size_t digits = strspn(text, "0123456789"), i;
    apr_int64_t n;

    for (i = 0; i < sizeof(units) / sizeof(*units); i++) {
        if (strcmp(text + digits, units[i].name) == 0
            && ctl_number(&n, apr_pstrmemdup(p, text, digits), 0, MAX_AGE)) {
            *age = apr_time_from_sec(n * units[i].seconds);
            return 1;
        }
    }
    return 0;
}

/** Whether a file is to be removed. A damaged one that cannot be read is not known to be damaged. */
static int is_meant(const ctl *c, const snapshot_folder *folder, const kiss_cache_file_entry *e, apr_time_t before,
                    apr_pool_t *scratch)
{
    finding found;

    if (!e->is_entry && !e->is_record) {
        return 0;                           /* locks above all: they must keep their names */
    }
    if (c->option[OPT_DAMAGED]) {
        return e->is_entry && look(&found, folder, e, 1, scratch) == APR_SUCCESS && strcmp(found.state, "sound") != 0;
    }
    return c->option[OPT_ALL] || e->used < before;
}

static int report(const ctl *c, apr_int64_t removed, apr_off_t bytes)
{
    static const out_column totals[] = {{"Removed", OUT_NUMBER}, {"Bytes", OUT_NUMBER}};
    const char *row[2];

    row[0] = apr_psprintf(c->pool, "%" APR_INT64_T_FMT, removed);
    row[1] = apr_psprintf(c->pool, "%" APR_OFF_T_FMT, bytes);
    ctl_out_row(c, totals, 2, row);
    return CTL_OK;
}

int cmd_snapshot_purge(ctl *c, const char *const *args)
{
    const char *older = c->option[OPT_OLDER_THAN];
    apr_time_t age = 0, now = apr_time_now();
    snapshot_folder folder;
    apr_array_header_t *entries;
    apr_int64_t removed = 0;
    apr_off_t bytes = 0;
    apr_pool_t *scratch;
    char reason[120];
    int i;

    (void)args;
    if ((older != NULL) + (c->option[OPT_ALL] != NULL) + (c->option[OPT_DAMAGED] != NULL) != 1) {
        return ctl_usage(c, "say which: --older-than TIME, --damaged or --all");
    }
    if (older && !read_age(&age, older, c->pool)) {
        return ctl_usage(c, "--older-than %s: not a time: write seconds, or a number with mi, h or d",
                         kiss_quote(c->pool, older, strlen(older)));
    }
    if (scan(c, &folder, &entries) != CTL_OK || apr_pool_create(&scratch, c->pool) != APR_SUCCESS) {
        return CTL_FAILED;
    }
    for (i = 0; i < entries->nelts; i++) {
        const kiss_cache_file_entry *e = &APR_ARRAY_IDX(entries, i, kiss_cache_file_entry);
        apr_status_t rv = APR_SUCCESS;

        apr_pool_clear(scratch);
        if (!is_meant(c, &folder, e, now - age, scratch)) {
            continue;
        }
        rv = c->option[OPT_DRY_RUN] || unlinkat(folder.fd, e->name, 0) == 0 ? APR_SUCCESS : errno;
        if (rv == APR_SUCCESS && e->is_entry) {
            removed++;
            bytes += e->size;
        }
        else if (rv != APR_SUCCESS && !APR_STATUS_IS_ENOENT(rv)) {
            return ctl_fail("cannot remove %s/%s: %s (%s)", folder.path, e->name, apr_strerror(rv, reason, sizeof(reason)),
                            FOLDER_ADVICE);
        }
    }
    return report(c, removed, bytes);
}
