/* SPDX-License-Identifier: Apache-2.0 */
/**
 * setup_site - the virtual host in httpd's configuration as Debian lays it out: files in *-available, links in *-enabled.
 */
#include "setup.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <apr_strings.h>

#include "ctl_file.h"
#include "ctl_httpd.h"
#include "ctl_message.h"
#include "setup_certificate.h"
#include "setup_text.h"

#define MAX_LOAD 16384                      /* of a .load file */

/** What the samples use; those that Debian enables by itself, too. */
static const char *const modules[] = {"ssl", "deflate", "headers", "alias", "dir", "mime", "reqtimeout", "kiss"};

/** Something has this name; a link that leads nowhere is something, too. */
static int exists(const char *path)
{
    struct stat st;

    return lstat(path, &st) == 0;
}

/** APACHE/FOLDER/NAME.ENDING */
static const char *path_of(setup *s, const char *folder, const char *name, const char *ending)
{
    return apr_pstrcat(s->c->pool, s->apache, "/", folder, "/", name, ending, NULL);
}

/** Makes a file of httpd's configuration, which everybody may read. */
static int make_file(setup *s, const char *path, const char *text)
{
    apr_status_t rv = ctl_file_make(path, text, APR_FPROT_UREAD | APR_FPROT_UWRITE | APR_FPROT_GREAD | APR_FPROT_WREAD,
                                    s->c->pool);

    return rv == APR_SUCCESS ? CTL_OK : ctl_fail("cannot make %s: %s", path, apr_psprintf(s->c->pool, "%pm", &rv));
}

int setup_look_load(setup *s, const char **what, int *there)
{
    static const char *const folders[] = {"mods-available", "mods-enabled", "sites-available", "sites-enabled"};
    apr_size_t i;

    for (i = 0; i < sizeof(folders) / sizeof(*folders); i++) {
        const char *folder = path_of(s, folders[i], "", "");

        if (access(folder, W_OK | X_OK) != 0) {
            return ctl_fail("cannot make files in %s: %s. Run this as root; --apache DIR names the folder of httpd's configuration. "
                            "Where it is not laid out as Debian's, see the README, \"Install from source\".", folder, strerror(errno));
        }
    }
    *what = path_of(s, "mods-available", "kiss", ".load");
    *there = exists(*what);
    return CTL_OK;
}

int setup_make_load(setup *s)
{
    const char *sample = setup_text_path(s, "kiss.load"), *text;
    apr_status_t rv = ctl_file_read(&text, NULL, sample, MAX_LOAD, s->c->pool);

    return rv == APR_SUCCESS ? make_file(s, path_of(s, "mods-available", "kiss", ".load"), text)
        : ctl_fail("cannot read the sample %s: %s", sample, apr_psprintf(s->c->pool, "%pm", &rv));
}

/** A file that the virtual host names can be written there. */
static int check_plain(const char *path, const char *option)
{
    return setup_text_plain(path) ? CTL_OK
        : ctl_fail("--%s %s: a whole path of letters, digits and . _ + - is needed in httpd's configuration", option, path);
}

int setup_look_site(setup *s, const char **what, int *there)
{
    *what = path_of(s, "sites-available", s->site, ".conf");
    *there = exists(*what);
    if (*there) {
        return CTL_OK;
    }
    if (!s->server_name) {
        return ctl_fail("under which name do clients call this API? Give it with --server-name NAME");
    }
    if (!setup_text_plain(s->password_file) || !setup_text_plain(s->c->token_keys) || !setup_text_plain(s->c->sql_dir)) {
        return ctl_fail("the folders of %s, %s and %s are written into httpd's configuration: whole paths of letters, digits and "
                        ". _ + - are needed", s->c->defaults, s->c->token_keys, s->c->sql_dir);
    }
    if (check_plain(s->certificate, "certificate") != CTL_OK
        || check_plain(s->certificate_key, "certificate-key") != CTL_OK) {
        return CTL_FAILED;
    }
    return setup_certificate_check(s->certificate, s->certificate_key, s->server_name);
}

int setup_make_site(setup *s)
{
    apr_pool_t *p = s->c->pool;
    int kss = strcmp(s->c->verb->database->folder, "kss") == 0;
    setup_text_edit edits[] = {
        {kss ? "api.kss.example.com" : "api.kiss.example.com", s->server_name},
        {"*:443", apr_pstrcat(p, "*:", s->port, NULL)},
        {"/etc/mod_kiss/tls/server.crt", s->certificate},
        {"/etc/mod_kiss/tls/server.key", s->certificate_key},
        {"/etc/mod_kiss/db.password", s->password_file},
        {"/run/mysqld/mysqld.sock", s->socket},
        {kss ? "dbname=kss \\" : "dbname=kiss \\", apr_pstrcat(p, "dbname=", s->database, " \\", NULL)},
        {"/var/log/apache2", "${APACHE_LOG_DIR}"},
        {"/usr/share/mod_kiss/www/docs", apr_pstrcat(p, setup_text_folder(p, s->c->sql_dir), "/www/docs", NULL)},
        {kss ? NULL : "/etc/mod_kiss/token.keys", s->c->token_keys},
        /* In a comment: of the section for product data. */
        {"dbname=kiss password-file=/etc/mod_kiss", apr_pstrcat(p, "dbname=", s->database, " password-file=",
                                                                setup_text_folder(p, s->password_file), NULL)},
        {NULL, NULL}
    };
    const char *text, *test;

    if (setup_text_sample(s, &text, apr_pstrcat(p, s->site, ".conf", NULL), edits) != CTL_OK) {
        return CTL_FAILED;
    }
    /* The sample of the KSS API has a second host, for tests, with a database of its own. */
    test = strstr(text, "\n    # Test\n");
    if (test) {
        text = apr_pstrcat(p, apr_pstrmemdup(p, text, (apr_size_t)(test - text)), "</IfModule>\n", NULL);
    }
    return make_file(s, path_of(s, "sites-available", s->site, ".conf"),
                     apr_pstrcat(p, "# Made by 'kissctl setup', which leaves it alone from now on: change it as you like, then\n"
                                 "#     apachectl configtest && systemctl reload apache2\n\n", text, NULL));
}

/** A link that is to be made. */
typedef struct {
    const char *from, *to;
} link_pair;

/** Notes the link to KIND-available/NAME.ENDING, unless it is there or noted: two modules may depend on a third. */
static void want_link(setup *s, apr_array_header_t *links, const char *kind, const char *name, const char *ending)
{
    link_pair pair;
    int i;

    pair.from = path_of(s, apr_pstrcat(s->c->pool, kind, "-enabled", NULL), name, ending);
    pair.to = apr_pstrcat(s->c->pool, "../", kind, "-available/", name, ending, NULL);
    for (i = 0; i < links->nelts && strcmp(APR_ARRAY_IDX(links, i, link_pair).from, pair.from) != 0; i++) {
        continue;
    }
    if (i == links->nelts && !exists(pair.from)) {
        APR_ARRAY_PUSH(links, link_pair) = pair;
    }
}

/** Notes the links of a module and of those that its .load file names after "# Depends:". */
static int want_module(setup *s, apr_array_header_t *links, const char *name, int depth)
{
    const char *load = path_of(s, "mods-available", name, ".load"), *text, *depends;
    apr_status_t rv;

    if (depth > 5 || exists(path_of(s, "mods-enabled", name, ".load"))) {
        return CTL_OK;
    }
    /* The file of the module itself may be one of the steps before. */
    if (!exists(load) && strcmp(name, "kiss") == 0) {
        load = setup_text_path(s, "kiss.load");
    }
    rv = ctl_file_read(&text, NULL, load, MAX_LOAD, s->c->pool);
    if (rv != APR_SUCCESS) {
        return ctl_fail("cannot read %s: %s. Install the package that has the module (apache2).", load,
                        apr_psprintf(s->c->pool, "%pm", &rv));
    }
    depends = strstr(text, "# Depends:");
    if (depends) {
        char *rest, *word;

        depends += strlen("# Depends:");
        word = apr_strtok(apr_pstrmemdup(s->c->pool, depends, strcspn(depends, "\n")), " \t\r", &rest);
        for (; word; word = apr_strtok(NULL, " \t\r", &rest)) {
            if (want_module(s, links, word, depth + 1) != CTL_OK) {
                return CTL_FAILED;
            }
        }
    }
    want_link(s, links, "mods", name, ".load");
    if (exists(path_of(s, "mods-available", name, ".conf"))) {
        want_link(s, links, "mods", name, ".conf");
    }
    return CTL_OK;
}

static int want_links(setup *s, apr_array_header_t **links)
{
    apr_size_t i;

    *links = apr_array_make(s->c->pool, 12, sizeof(link_pair));
    for (i = 0; i < sizeof(modules) / sizeof(*modules); i++) {
        if (want_module(s, *links, modules[i], 0) != CTL_OK) {
            return CTL_FAILED;
        }
    }
    want_link(s, *links, "sites", s->site, ".conf");
    return CTL_OK;
}

int setup_look_enabled(setup *s, const char **what, int *there)
{
    apr_array_header_t *links;
    const char *text;

    *what = apr_psprintf(s->c->pool, "site %s and its modules", s->site);
    if (want_links(s, &links) != CTL_OK) {
        return CTL_FAILED;
    }
    *there = links->nelts == 0;
    return ctl_httpd_test(s->apachectl, NULL, &text, s->c->pool) ? CTL_OK
        : ctl_fail("httpd's configuration does not pass its test as it is (%s -t). Mend it first:\n%s", s->apachectl, text);
}

/** Takes back the first `n` links. */
static void remove_links(const apr_array_header_t *links, int n)
{
    while (n-- > 0) {
        unlink(APR_ARRAY_IDX(links, n, link_pair).from);
    }
}

int setup_make_enabled(setup *s)
{
    apr_array_header_t *links;
    const char *text;
    int i;

    if (want_links(s, &links) != CTL_OK) {
        return CTL_FAILED;
    }
    for (i = 0; i < links->nelts; i++) {
        const link_pair *pair = &APR_ARRAY_IDX(links, i, link_pair);

        if (symlink(pair->to, pair->from) != 0) {
            int rc = ctl_fail("cannot make the link %s: %s", pair->from, strerror(errno));

            remove_links(links, i);
            return rc;
        }
    }
    if (ctl_httpd_test(s->apachectl, NULL, &text, s->c->pool)) {
        return CTL_OK;
    }
    remove_links(links, links->nelts);
    return ctl_fail("with the site %s httpd's configuration does not pass its test (%s -t), so it is not enabled. Mend it, and run this "
                    "again:\n%s", s->site, s->apachectl, text);
}
