/* SPDX-License-Identifier: Apache-2.0 */
/**
 * import_files - the folder: which files of the set it has, whether they are complete, and whether they are CSV at all.
 *
 * Complete: by `prices.csv.sha256` (in the form of sha256sum), by `prices.csv.done` (made after the file
 * it belongs to; one of them in the folder makes them necessary for all), and that no file changes while it is read.
 */
#include "import_files.h"

#include <errno.h>
#include <string.h>

#include <apr_escape.h>
#include <apr_file_info.h>
#include <apr_file_io.h>
#include <apr_lib.h>
#include <apr_strings.h>
#include <openssl/evp.h>

#include "ctl_db.h"
#include "ctl_file.h"
#include "ctl_message.h"
#include "ctl_out.h"
#include "import_fault.h"
#include "lib/base/quote.h"

#define HEAD 512
#define DIGEST_TEXT 64                  /* hexadecimal digits of SHA-256 */
#define DIGEST_FILE_MAX (64 * 1024)
#define WANTED (APR_FINFO_TYPE | APR_FINFO_SIZE | APR_FINFO_MTIME | APR_FINFO_INODE | APR_FINFO_DEV)

/** What people and programs make of a name, and what to do then. */
static const struct {
    const char *ending, *advice;
} endings[] = {
    {".txt", "rename it (Windows hides that ending)"},
    {".csv", "rename it (Windows hides the second ending)"},
    {".xls", "save it as 'CSV UTF-8'"},
    {".xlsx", "save it as 'CSV UTF-8'"},
    {".ods", "save it as CSV, UTF-8"},
    {".tsv", "rename it"},
    {".gz", "unpack it"},
    {".zip", "unpack it"},
    {".part", "its transfer has not ended"},
    {".partial", "its transfer has not ended"},
    {".filepart", "its transfer has not ended"},
    {".crdownload", "its transfer has not ended"},
    {".tmp", "its transfer has not ended"},
};

/** What a file begins with that is no CSV file. */
static const struct {
    const char *bytes;
    apr_size_t len;
    const char *what;
} kinds[] = {
    {"PK\x03\x04", 4, "an Excel workbook or a zip archive, not CSV: in Excel, save it as 'CSV UTF-8'"},
    {"\xd0\xcf\x11\xe0", 4, "an old Excel workbook (xls), not CSV: in Excel, save it as 'CSV UTF-8'"},
    {"\xff\xfe", 2, "UTF-16 (Excel's 'Unicode Text'), not UTF-8: save it as 'CSV UTF-8'"},
    {"\xfe\xff", 2, "UTF-16, not UTF-8: save it as 'CSV UTF-8'"},
    {"\x1f\x8b", 2, "compressed (gzip): unpack it"},
    {"%PDF-", 5, "a PDF document, not CSV"},
    {"{\\rtf", 5, "a text document (RTF), not CSV: save it as CSV, UTF-8"},
};

/* ---- which files there are */

/** `name` is `of` with one of the endings in the place of, or after, ".csv". @return the advice, or NULL */
static const char *looks_like(const char *name, const char *of)
{
    apr_size_t whole = strlen(of), stem = whole - strlen(".csv"), i;

    for (i = 0; i < sizeof(endings) / sizeof(*endings); i++) {
        if ((strncasecmp(name, of, whole) == 0 && strcasecmp(name + whole, endings[i].ending) == 0)
            || (strcmp(endings[i].ending, ".csv") != 0 && strncasecmp(name, of, stem) == 0
                && strcasecmp(name + stem, endings[i].ending) == 0)) {
            return endings[i].advice;
        }
    }
    return NULL;
}

/** The first part after `after` (NULL: of all) whose file `name` is, in any case; NULL: none. By a map several may be. */
static import_part *part_named(import_run *run, const char *name, const import_part *after)
{
    int i = after ? (int)(after - run->parts) + 1 : 0;

    for (; i < run->set->n; i++) {
        if (strcasecmp(name, run->parts[i].shown) == 0) {
            return &run->parts[i];
        }
    }
    return NULL;
}

/** Whether the map names another file than the one of its own name for this part. */
static int is_mapped(const import_part *part)
{
    return strcmp(part->shown, part->def->file) != 0;
}

/** Reports a file that is none of the set, if it seems meant to be one. */
static void look_at_stranger(import_run *run, const char *name)
{
    apr_size_t n = strlen(name);
    const char *advice;
    int i;

    for (i = 0; i < run->set->n; i++) {
        import_part *part = &run->parts[i];

        if (is_mapped(part) && strcasecmp(name, part->def->file) == 0) {
            import_fault(run, part, 0, NULL, "the folder has %s, too: the map says that this is it, so take the other one"
                         " away", part->def->file);
            return;
        }
        advice = is_mapped(part) ? NULL : looks_like(name, part->def->file);
        if (advice && part->present) {
            import_note(run, "%s is not read, for %s is there", name, part->def->file);
            return;
        }
        if (advice) {
            import_fault(run, part, 0, NULL, "the folder has %s instead: %s", kiss_quote(run->c->pool, name, n),
                         advice);
            return;
        }
    }
    if (n > 4 && strcasecmp(name + n - 4, ".csv") == 0) {
        import_note(run, "%s is not part of the import: skipped", name);
    }
}

/** Takes a file of the set. */
static void take(import_run *run, import_part *part, const char *folder, const char *name)
{
    if (part->present) {
        import_fault(run, part, 0, NULL, "the folder has %s, too: leave one of them there",
                     kiss_quote(run->c->pool, strcmp(name, part->shown) == 0 ? part->name : name, strlen(name)));
        return;
    }
    if (strcmp(name, part->shown) != 0) {
        import_note(run, "%s is taken for %s", name, part->shown);
    }
    part->present = 1;
    part->name = name;
    part->path = apr_pstrcat(run->c->pool, folder, "/", name, NULL);
    part->source = part->stage;
}

/** The names in a folder, sorted. */
static apr_status_t list_folder(apr_array_header_t *names, const char *folder, apr_pool_t *p)
{
    apr_finfo_t info;
    apr_dir_t *dir;
    apr_status_t rv = apr_dir_open(&dir, folder, p);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    while ((rv = apr_dir_read(&info, APR_FINFO_NAME, dir)) == APR_SUCCESS || rv == APR_INCOMPLETE) {
        APR_ARRAY_PUSH(names, const char *) = apr_pstrdup(p, info.name);
    }
    apr_dir_close(dir);
    ctl_out_sort(names);
    return APR_STATUS_IS_ENOENT(rv) ? APR_SUCCESS : rv;
}

int import_find_files(import_run *run, const char *folder)
{
    apr_pool_t *p = run->c->pool;
    apr_array_header_t *names = apr_array_make(p, 64, sizeof(const char *));
    apr_status_t rv = list_folder(names, folder, p);
    int i, found = 0;

    if (rv != APR_SUCCESS) {
        return ctl_fail("cannot read the folder %s: %s", folder, apr_psprintf(p, "%pm", &rv));
    }
    for (i = 0; i < names->nelts; i++) {
        const char *name = APR_ARRAY_IDX(names, i, const char *);
        import_part *part = NULL;

        while ((part = part_named(run, name, part))) {
            take(run, part, folder, name);
            found++;
        }
    }
    for (i = 0; i < names->nelts; i++) {
        if (!part_named(run, APR_ARRAY_IDX(names, i, const char *), NULL)) {
            look_at_stranger(run, APR_ARRAY_IDX(names, i, const char *));
        }
    }
    for (i = 0; i < run->set->n; i++) {
        if (is_mapped(&run->parts[i]) && !run->parts[i].present) {
            import_note(run, "%s (%s by the map) is not in the folder: the %s stay as they are", run->parts[i].shown,
                        run->parts[i].def->file, run->parts[i].def->rows);
        }
    }
    return found || run->nerrors ? CTL_OK
        : ctl_fail("%s has none of the files of the import: 'kissctl %s --help' names them", folder,
                   run->c->verb->words);
}

/* ---- whether they are complete */

/** SHA-256 of a whole file as hexadecimal digits. The server waits meanwhile. */
static apr_status_t digest_of(ctl *c, const char **hex, const char *path, apr_pool_t *p)
{
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int n = 0;
    char buf[64 * 1024];
    apr_file_t *file;
    apr_status_t rv = ctl_file_open(&file, path, p);
    int ok = md && EVP_DigestInit_ex(md, EVP_sha256(), NULL);

    while (rv == APR_SUCCESS) {
        apr_size_t len = sizeof(buf);

        rv = apr_file_read(file, buf, &len);
        ok = ok && (rv != APR_SUCCESS || EVP_DigestUpdate(md, buf, len));
        ctl_db_alive(c);
    }
    ok = ok && EVP_DigestFinal_ex(md, digest, &n);
    EVP_MD_CTX_free(md);
    *hex = apr_pescape_hex(p, digest, n, 0);
    return !APR_STATUS_IS_EOF(rv) ? rv : ok ? APR_SUCCESS : APR_EGENERAL;
}

/** Hexadecimal digits of a digest at `text`, and no more of them. */
static int is_digest(const char *text)
{
    return strspn(text, "0123456789abcdefABCDEF") == DIGEST_TEXT;
}

/** The digest for `name` in one line of sha256sum, with or without --tag, or alone; NULL: none. */
static const char *digest_in_line(char *line, const char *name)
{
    char *file = line + strcspn(line, "("), *end;

    if (strncmp(line, "SHA256 (", 8) == 0 && (end = strstr(line, ") = ")) && is_digest(end + 4)) {
        file++;
        *end = '\0';
        line = end + 4;
    }
    else if (is_digest(line)) {
        file = line + DIGEST_TEXT;
        file += strspn(file, " *\t");
    }
    else {
        return NULL;
    }
    if (strrchr(file, '/')) {
        file = strrchr(file, '/') + 1;
    }
    line[DIGEST_TEXT] = '\0';
    return !*file || strcmp(file, name) == 0 ? line : NULL;
}

/** The digest of `name` that `path` names; NULL: none. */
static apr_status_t digest_said(const char **said, const char *path, const char *name, apr_pool_t *p)
{
    char *text = apr_palloc(p, DIGEST_FILE_MAX + 1), *rest, *line;
    apr_size_t len = 0;
    apr_file_t *file;
    apr_status_t rv = ctl_file_open(&file, path, p);

    *said = NULL;
    if (rv != APR_SUCCESS) {
        return rv;
    }
    rv = apr_file_read_full(file, text, DIGEST_FILE_MAX, &len);
    text[len] = '\0';
    for (line = apr_strtok(text, "\r\n", &rest); line && !*said; line = apr_strtok(NULL, "\r\n", &rest)) {
        *said = digest_in_line(line + (*line == '\\'), name);
    }
    return APR_STATUS_IS_EOF(rv) ? APR_SUCCESS : rv;
}

static void check_digest(import_run *run, const import_part *part, apr_pool_t *p)
{
    const char *path = apr_pstrcat(p, part->path, ".sha256", NULL), *said, *is;
    apr_status_t rv = digest_said(&said, path, part->name, p);

    if (APR_STATUS_IS_ENOENT(rv)) {
        return;
    }
    if (rv != APR_SUCCESS || (said && (rv = digest_of(run->c, &is, part->path, p)) != APR_SUCCESS)) {
        import_fault(run, part, 0, NULL, "cannot be compared with %s.sha256: one of them %s", part->name,
                     ctl_file_failure(rv, p));
    }
    else if (!said) {
        import_fault(run, part, 0, NULL, "%s.sha256 has no digest for it", part->name);
    }
    else if (strcasecmp(said, is) != 0) {
        import_fault(run, part, 0, NULL, "is not what %s.sha256 says: it was cut off or changed, or is not complete yet",
                     part->name);
    }
}

/** The marker of a file. @return 1 when it is there */
static int find_marker(apr_finfo_t *info, const import_part *part, apr_pool_t *p)
{
    return apr_stat(info, apr_pstrcat(p, part->path, ".done", NULL), APR_FINFO_MTIME, p) == APR_SUCCESS;
}

/** Without a marker in the whole folder none is needed. */
static void check_markers(import_run *run, apr_pool_t *p)
{
    apr_finfo_t info;
    int i, any = 0;

    for (i = 0; i < run->set->n && !any; i++) {
        any = run->parts[i].present && find_marker(&info, &run->parts[i], p);
    }
    for (i = 0; i < run->set->n && any; i++) {
        const import_part *part = &run->parts[i];

        if (part->present && !find_marker(&info, part, p)) {
            import_fault(run, part, 0, NULL, "is not complete yet: it has no %s.done, as others here do", part->name);
        }
        else if (part->present && part->mtime > info.mtime) {
            import_fault(run, part, 0, NULL, "is not complete yet: it is newer than %s.done", part->name);
        }
    }
}

/* ---- what they are */

/** Text in an encoding of two bytes a character, without a byte order mark. */
static int is_wide(const char *head, apr_size_t len)
{
    return len >= 4 && ((!head[0] && head[1] && !head[2] && head[3]) || (head[0] && !head[1] && head[2] && !head[3]));
}

/** What a file is that begins like this; NULL: it may be CSV. */
static const char *kind_of(const char *head, apr_size_t len)
{
    apr_size_t i;

    for (i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
        if (len >= kinds[i].len && memcmp(head, kinds[i].bytes, kinds[i].len) == 0) {
            return kinds[i].what;
        }
    }
    if (is_wide(head, len)) {
        return "UTF-16, not UTF-8: save it as 'CSV UTF-8'";
    }
    i = len >= 3 && memcmp(head, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
    for (; i < len && apr_isspace(head[i]); i++) {
    }
    if (i < len && head[i] == '<') {
        return strncasecmp(head + i, "<?xml", 5) == 0 && !strstr(head, "<html") ? "an XML file, not CSV"
            : "a web page (HTML), not CSV: is it an error or a login page of the server it came from?";
    }
    if (i + 1 < len && (head[i] == '{' || head[i] == '[')) {
        for (i++; i < len && apr_isspace(head[i]); i++) {
        }
        return i < len && strchr("{[\"}]", head[i]) ? "JSON, not CSV" : NULL;
    }
    return NULL;
}

/** Checks a file before it is read. */
static void inspect(import_run *run, import_part *part, apr_pool_t *p)
{
    char head[HEAD + 1];
    apr_size_t len = 0;
    apr_finfo_t info;
    apr_file_t *file;
    const char *kind;
    apr_status_t rv = apr_stat(&info, part->path, WANTED, p);

    if (rv == APR_SUCCESS) {
        rv = info.filetype == APR_REG ? ctl_file_open(&file, part->path, p) : EINVAL;
    }
    if (rv != APR_SUCCESS) {
        import_fault(run, part, 0, NULL, "%s", ctl_file_failure(rv, p));
        part->unread = 1;
        return;
    }
    part->size = info.size;
    part->mtime = info.mtime;
    part->inode = info.inode;
    part->device = info.device;
    apr_file_read_full(file, head, HEAD, &len);
    apr_file_close(file);
    head[len] = '\0';
    kind = kind_of(head, len);
    if (kind) {
        import_fault(run, part, 0, NULL, "is %s", kind);
        part->unread = 1;
        return;
    }
    check_digest(run, part, p);
}

void import_inspect_files(import_run *run)
{
    apr_pool_t *p;
    int i;

    apr_pool_create(&p, run->c->pool);
    for (i = 0; i < run->set->n; i++) {
        if (run->parts[i].present) {
            inspect(run, &run->parts[i], p);
            run->parts[i].keys_lost += run->parts[i].unread;
        }
    }
    check_markers(run, p);
    apr_pool_destroy(p);
}

void import_files_unchanged(import_run *run)
{
    apr_finfo_t now;
    int i;

    for (i = 0; i < run->set->n; i++) {
        const import_part *part = &run->parts[i];

        if (part->present && !part->unread
            && (apr_stat(&now, part->path, WANTED, run->c->pool) != APR_SUCCESS || now.size != part->size
                || now.mtime != part->mtime || now.inode != part->inode || now.device != part->device)) {
            import_fault(run, part, 0, NULL, "was changed while it was read: import again when it is complete");
        }
    }
}
