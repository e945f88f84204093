/* SPDX-License-Identifier: Apache-2.0 */
/**
 * setup_text - reads samples of configuration and puts values in the place of theirs.
 */
#include "setup_text.h"

#include <string.h>

#include <apr_strings.h>

#include "ctl_file.h"
#include "ctl_message.h"

#define MAX_SAMPLE 65536
#define PLAIN "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._+-"

const char *setup_text_folder(apr_pool_t *p, const char *path)
{
    const char *slash = strrchr(path, '/');

    return !slash ? "." : slash == path ? "/" : apr_pstrmemdup(p, path, (apr_size_t)(slash - path));
}

int setup_text_plain(const char *path)
{
    return *path == '/' && strspn(path, PLAIN) == strlen(path);
}

const char *setup_text_path(setup *s, const char *name)
{
    return apr_pstrcat(s->c->pool, setup_text_folder(s->c->pool, s->c->sql_dir), "/conf/", name, NULL);
}

/** `text` with `to` for each `from`; NULL when there is none. */
static const char *replaced(apr_pool_t *p, const char *text, const char *from, const char *to)
{
    const char *at, *result = NULL;

    while ((at = strstr(text, from)) != NULL) {
        result = apr_pstrcat(p, result ? result : "", apr_pstrmemdup(p, text, (apr_size_t)(at - text)), to, NULL);
        text = at + strlen(from);
    }
    return result ? apr_pstrcat(p, result, text, NULL) : NULL;
}

int setup_text_sample(setup *s, const char **text, const char *name, const setup_text_edit *edits)
{
    const char *path = setup_text_path(s, name), *sample, *head;
    apr_status_t rv = ctl_file_read(&sample, NULL, path, MAX_SAMPLE, s->c->pool);

    if (rv != APR_SUCCESS) {
        return ctl_fail("cannot read the sample %s: %s. Install the package again, or name the folder of the schema files beside it "
                        "with --sql DIR.", path, apr_psprintf(s->c->pool, "%pm", &rv));
    }
    head = strstr(sample, "\n\n");
    *text = head ? head + 2 : sample;
    for (; edits->from; edits++) {
        *text = replaced(s->c->pool, *text, edits->from, edits->to);
        if (!*text) {
            return ctl_fail("the sample %s does not have '%s', which is to be replaced: it belongs to another version", path,
                            edits->from);
        }
    }
    return CTL_OK;
}
