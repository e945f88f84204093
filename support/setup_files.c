/* SPDX-License-Identifier: Apache-2.0 */
/**
 * setup_files - the folder of the configuration, the password of the module's account, kissctl.cnf.
 */
#include "setup.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <apr_strings.h>

#include "ctl_defaults.h"
#include "ctl_file.h"
#include "ctl_message.h"
#include "lib/base/crypto.h"
#include "setup_text.h"

#define PASSWORD_BYTES 24

/** 1 when something has this name, be it a link that leads nowhere. */
static int exists(const char *path)
{
    struct stat st;

    return lstat(path, &st) == 0;
}

int setup_look_folder(setup *s, const char **what, int *there)
{
    const char *parent = setup_text_folder(s->c->pool, s->folder);
    struct stat st;

    *what = s->folder;
    *there = stat(s->folder, &st) == 0;
    if (!*there) {
        return errno == ENOENT && access(parent, W_OK | X_OK) == 0 ? CTL_OK
            : ctl_fail("cannot make the folder %s: %s. Run this as root.", s->folder, strerror(errno));
    }
    if (!S_ISDIR(st.st_mode)) {
        return ctl_fail("%s is in the way: it is no folder", s->folder);
    }
    if ((st.st_uid != 0 && st.st_uid != geteuid()) || (st.st_mode & (S_IWGRP | S_IWOTH))) {
        return ctl_fail("others can change what is in %s, where passwords are to be kept: it must belong to root, or to the user "
                        "that runs this, and nobody else may write it (chmod 755)", s->folder);
    }
    return access(s->folder, W_OK | X_OK) == 0 ? CTL_OK
        : ctl_fail("cannot make files in %s: %s. Run this as root.", s->folder, strerror(errno));
}

int setup_make_folder(setup *s)
{
    /* Others may enter, also with another umask: httpd's children read certificates of authorities here. */
    return mkdir(s->folder, 0755) == 0 && chmod(s->folder, 0755) == 0 ? CTL_OK
        : ctl_fail("cannot make the folder %s: %s", s->folder, strerror(errno));
}

/** A new password; NULL when the system has no random bytes. */
static const char *new_password(apr_pool_t *p)
{
    unsigned char random[PASSWORD_BYTES];

    return kiss_crypto_random(random, sizeof(random)) == APR_SUCCESS ? kiss_crypto_base64url(p, random, sizeof(random))
        : NULL;
}

/** Makes a file that only its owner can read. */
static int make_secret(setup *s, const char *path, const char *text)
{
    apr_status_t rv = ctl_file_make(path, text, APR_FPROT_UREAD | APR_FPROT_UWRITE, s->c->pool);

    return rv == APR_SUCCESS ? CTL_OK
        : ctl_fail("cannot make %s: %s", path, apr_psprintf(s->c->pool, "%pm", &rv));
}

int setup_look_password(setup *s, const char **what, int *there)
{
    const char *text, *error;

    *what = s->password_file;
    *there = exists(s->password_file);
    if (!*there) {
        return CTL_OK;
    }
    error = kiss_crypto_read_file(&text, s->password_file, s->c->pool);
    if (error) {
        return ctl_fail("%s", error);
    }
    s->password = apr_pstrmemdup(s->c->pool, text, strcspn(text, "\r\n"));
    return *s->password ? CTL_OK : ctl_fail("%s has no password in its first line", s->password_file);
}

int setup_make_password(setup *s)
{
    const char *password = new_password(s->c->pool);

    if (!password) {
        return ctl_fail("the system has no random bytes");
    }
    if (make_secret(s, s->password_file, apr_pstrcat(s->c->pool, password, "\n", NULL)) != CTL_OK) {
        return CTL_FAILED;
    }
    s->password = password;
    return CTL_OK;
}

/** What the group of this API in kissctl.cnf must say for the rest to fit. */
static int check_defaults(setup *s)
{
    const char *file = s->c->defaults, *group = s->c->verb->database->group;
    const char *database = ctl_defaults_value(s->c, "database"), *user = ctl_defaults_value(s->c, "user");

    if (!database) {
        return ctl_fail("%s is there and left as it is, but its group [%s] names no database: add the group, as in "
                        "kissctl.cnf.sample, and run this again", file, group);
    }
    if (strcmp(database, s->database) != 0) {
        return ctl_fail("group [%s] of %s is about the database %s, not %s: say --database %s, or name another file with "
                        "--defaults FILE", group, file, database, s->database, database);
    }
    if (!user || strcmp(user, SETUP_TEXT_KISSCTL) != 0) {
        return ctl_fail("group [%s] of %s names the account %s; this sets up " SETUP_TEXT_KISSCTL " only. For another see the "
                        "README, \"Install from source\".", group, file, user ? user : "of whoever runs kissctl");
    }
    s->admin_password = ctl_defaults_value(s->c, "password");
    return s->admin_password && *s->admin_password ? CTL_OK : ctl_fail("group [%s] of %s has no password", group, file);
}

int setup_look_defaults(setup *s, const char **what, int *there)
{
    const char *text, *error;

    *what = s->c->defaults;
    *there = exists(s->c->defaults);
    if (!*there) {
        return CTL_OK;
    }
    error = kiss_crypto_read_file(&text, s->c->defaults, s->c->pool);
    return error ? ctl_fail("%s", error) : check_defaults(s);
}

int setup_make_defaults(setup *s)
{
    apr_pool_t *p = s->c->pool;
    const char *password = new_password(p), *text, *database = s->c->verb->database->folder;
    setup_text_edit edits[] = {
        {"replace-this", password},
        {"/run/mysqld/mysqld.sock", s->socket},
        {strcmp(database, "kss") == 0 ? "database=kss\n" : "database=kiss\n",
         apr_pstrcat(p, "database=", s->database, "\n", NULL)},
        {NULL, NULL}
    };

    if (!password) {
        return ctl_fail("the system has no random bytes");
    }
    if (setup_text_sample(s, &text, "kissctl.cnf.sample", edits) != CTL_OK
        || make_secret(s, s->c->defaults, apr_pstrcat(p, "# How kissctl connects to MariaDB. Made by 'kissctl setup', which leaves "
                                                      "it alone from now on.\n\n", text, NULL)) != CTL_OK) {
        return CTL_FAILED;
    }
    s->admin_password = password;
    return CTL_OK;
}
