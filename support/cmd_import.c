/* SPDX-License-Identifier: Apache-2.0 */
/**
 * cmd_import - the verbs import and kss import: their options, and the file of --map.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <apr_strings.h>

#include "cmd.h"
#include "csv.h"
#include "ctl_file.h"
#include "ctl_message.h"
#include "ctl_value.h"
#include "import.h"
#include "lib/base/plural.h"
#include "lib/base/utf8.h"

/** Bytes of a file of --map. */
#define MAX_MAP (1024 * 1024)

/** Percent of a table that a file may remove without --remove-up-to. */
#define DEFAULT_SHARE 20

/** The text of the file of --map, or NULL after writing why not. */
static const char *read_text(const char *path, apr_pool_t *p)
{
    const char *text;
    apr_size_t len;
    apr_status_t rv = ctl_file_read(&text, &len, path, MAX_MAP, p);

    if (rv == EFBIG) {
        ctl_fail("--map: %s is larger than %d KiB", path, MAX_MAP / 1024);
        return NULL;
    }
    if (rv != APR_SUCCESS) {
        ctl_fail("--map: cannot read %s: %s", path, apr_psprintf(p, "%pm", &rv));
        return NULL;
    }
    if (strlen(text) < len || kiss_utf8_check(text, len, NULL) < len) {
        ctl_fail("--map: %s is not a text in UTF-8", path);
        return NULL;
    }
    return text;
}

/** Reads the file of --map; names all its faults. @return CTL_OK or CTL_FAILED */
static int read_map(import_run *run)
{
    apr_pool_t *p = run->c->pool;
    const char *path = run->c->option[OPT_MAP], *text = path ? read_text(path, p) : NULL;
    apr_array_header_t *faults = apr_array_make(p, 1, sizeof(const char *));
    int i;

    if (!text) {
        return path ? CTL_FAILED : CTL_OK;
    }
    run->map = import_map_parse(run->set, text, faults, p);
    for (i = 0; i < faults->nelts && i < IMPORT_MAX_ERRORS; i++) {
        fprintf(stderr, "%s:%s\n", path, APR_ARRAY_IDX(faults, i, const char *));
    }
    if (faults->nelts > 0) {
        return ctl_fail("--map: %d error%s in %s: nothing was imported", faults->nelts, KISS_PLURAL_S(faults->nelts), path);
    }
    for (i = 0; i < run->set->n; i++) {
        run->parts[i].shown = import_map_file(run->map, run->parts[i].def);
    }
    return CTL_OK;
}

/** Reads the options of the verb. @return CTL_OK or CTL_USAGE */
static int read_options(import_run *run)
{
    const char *share = run->c->option[OPT_REMOVE_UP_TO];
    apr_int64_t percent = DEFAULT_SHARE;

    run->dry_run = run->c->option[OPT_DRY_RUN] != NULL;
    if (share && !ctl_number(&percent, share, 0, 100)) {
        return ctl_usage(run->c, "--remove-up-to: '%s' is not a whole percentage from 0 to 100", share);
    }
    run->remove_up_to = (int)percent;
    run->keep_absent = run->c->option[OPT_KEEP_ABSENT] != NULL;
    run->cut = run->c->option[OPT_CUT] != NULL;
    run->take_over = run->c->option[OPT_TAKE_OVER] != NULL;
    return read_map(run);
}

static int import(ctl *c, const import_set *set, const char *dir)
{
    import_run *run = import_run_make(c, set);
    int rc = read_options(run);

    return rc == CTL_OK ? import_folder(run, dir) : rc;
}

int cmd_import_customer(ctl *c, const char *const *args)
{
    return import(c, &import_customer_set, args[0]);
}

int cmd_import_kss(ctl *c, const char *const *args)
{
    return import(c, &import_kss_set, args[0]);
}
