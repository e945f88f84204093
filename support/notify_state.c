/* SPDX-License-Identifier: Apache-2.0 */
/**
 * notify_state - reads revisions, and keeps what targets know of them.
 */
#include "notify_state.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <apr_portable.h>
#include <apr_strings.h>

#include "ctl_db.h"
#include "ctl_file.h"
#include "ctl_message.h"
#include "lib/api/customer.h"

#define MOST 1048576                    /* bytes of the file */

/* Rows of the table `revision`, and the KISS_DATA_ sets that they are of; 0: of all. */
static const struct {
    const char *name;
    unsigned data;
} datasets[NOTIFY_DATASETS] = {
    {"epoch", 0}, {"products", KISS_DATA_PRODUCTS}, {"assortment", KISS_DATA_ASSORTMENT}, {"prices", KISS_DATA_PRICES},
    {"listing", KISS_DATA_LISTING}, {"stock", KISS_DATA_STOCK},
};

int notify_state_now(ctl *c, notify_revisions *now)
{
    apr_array_header_t *rows;
    int i, k;

    memset(now, 0, sizeof(*now));
    if (ctl_db_rows(c, &rows, c->pool, "SELECT dataset, MAX(n) FROM revision GROUP BY dataset", 0) != CTL_OK) {
        return CTL_FAILED;
    }
    for (i = 0; i < rows->nelts; i++) {
        for (k = 0; k < NOTIFY_DATASETS; k++) {
            if (strcmp(CTL_ROW(rows, i)[0], datasets[k].name) == 0) {
                now->n[k] = apr_strtoi64(CTL_ROW(rows, i)[1], NULL, 10);
            }
        }
    }
    return CTL_OK;
}

const char *notify_state_changed(ctl *c, const notify_revisions *now, const notify_revisions *before)
{
    const kiss_endpoint *e;
    const char *list = NULL;
    unsigned changed = 0;
    int k;

    for (k = 0; k < NOTIFY_DATASETS; k++) {
        if (now->n[k] != before->n[k]) {
            changed |= datasets[k].data ? datasets[k].data : ~0u;
        }
    }
    for (e = kiss_customer_api.endpoints; e->path; e++) {
        /* Its other formats change with it, and their names begin with its own. */
        if (e->run == KISS_RUN_LIST && e->format == KISS_FORMAT_JSON && (e->data & changed)) {
            list = apr_pstrcat(c->pool, list ? list : "", list ? "," : "", "\"", e->path, "\"", NULL);
        }
    }
    return list;
}

static int cannot(const char *what, const char *path, apr_status_t rv)
{
    char reason[120];

    return ctl_fail("cannot %s %s: %s", what, path, apr_strerror(rv, reason, sizeof(reason)));
}

/** Reads a line: URL and numbers. One that is none is left out: its target counts as new. */
static void read_line(ctl *c, notify_state *state, char *line)
{
    notify_revisions *r = apr_pcalloc(c->pool, sizeof(*r));
    char *rest, *url = apr_strtok(line, " ", &rest), *word = NULL;
    int k;

    for (k = 0; url && k < NOTIFY_DATASETS && (word = apr_strtok(NULL, " ", &rest)); k++) {
        r->n[k] = apr_strtoi64(word, NULL, 10);
    }
    if (word && k == NOTIFY_DATASETS) {
        apr_hash_set(state->known, url, APR_HASH_KEY_STRING, r);
    }
}

/** Opens the file of the lock, made where it is missing; a link in its place is not followed. */
static apr_status_t open_lock(apr_file_t **file, const char *path, apr_pool_t *p)
{
    apr_os_file_t fd = open(path, O_WRONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
    apr_status_t rv;

    if (fd < 0) {
        return errno;
    }
    rv = apr_os_file_put(file, &fd, APR_FOPEN_WRITE, p);
    if (rv != APR_SUCCESS) {
        close(fd);
    }
    return rv;
}

int notify_state_open(ctl *c, notify_state *state, const char *path)
{
    const char *lock = apr_pstrcat(c->pool, path, ".lock", NULL), *text;
    char *line, *rest;
    apr_status_t rv;

    state->path = path;
    state->known = apr_hash_make(c->pool);
    rv = open_lock(&state->lock, lock, c->pool);
    if (rv != APR_SUCCESS) {
        return cannot("open", lock, rv);
    }
    rv = apr_file_lock(state->lock, APR_FLOCK_EXCLUSIVE | APR_FLOCK_NONBLOCK);
    if (rv != APR_SUCCESS) {
        return APR_STATUS_IS_EAGAIN(rv) ? ctl_fail("%s: another run has not ended", path) : cannot("lock", lock, rv);
    }
    rv = ctl_file_read(&text, NULL, path, MOST, c->pool);
    if (rv != APR_SUCCESS) {
        return APR_STATUS_IS_ENOENT(rv) ? CTL_OK : cannot("read", path, rv);
    }
    for (line = apr_strtok(apr_pstrdup(c->pool, text), "\n", &rest); line; line = apr_strtok(NULL, "\n", &rest)) {
        read_line(c, state, line);
    }
    return CTL_OK;
}

int notify_state_save(ctl *c, const notify_state *state)
{
    const char *next = apr_pstrcat(c->pool, state->path, ".new", NULL), *text = "";
    apr_hash_index_t *hi;
    apr_file_t *f;
    apr_status_t rv;
    int k;

    for (hi = apr_hash_first(c->pool, state->known); hi; hi = apr_hash_next(hi)) {
        const notify_revisions *r = apr_hash_this_val(hi);

        text = apr_pstrcat(c->pool, text, apr_hash_this_key(hi), NULL);
        for (k = 0; k < NOTIFY_DATASETS; k++) {
            text = apr_psprintf(c->pool, "%s %" APR_UINT64_T_FMT, text, r->n[k]);
        }
        text = apr_pstrcat(c->pool, text, "\n", NULL);
    }
    /* What a run that was killed has left; never written to, since it may be a link. */
    apr_file_remove(next, c->pool);
    rv = apr_file_open(&f, next, APR_FOPEN_WRITE | APR_FOPEN_CREATE | APR_FOPEN_EXCL, APR_FPROT_UREAD | APR_FPROT_UWRITE,
                       c->pool);
    if (rv != APR_SUCCESS) {
        return cannot("write", next, rv);
    }
    rv = apr_file_write_full(f, text, strlen(text), NULL);
    rv = rv == APR_SUCCESS ? apr_file_sync(f) : rv;
    if (rv == APR_SUCCESS) {
        rv = apr_file_close(f);
    }
    else {
        apr_file_close(f);
    }
    rv = rv == APR_SUCCESS ? apr_file_rename(next, state->path, c->pool) : rv;
    return rv == APR_SUCCESS ? CTL_OK : cannot("write", state->path, rv);
}
