/* SPDX-License-Identifier: Apache-2.0 */
/**
 * cmd_tokenkey - the file of token signing keys: list, rotate, retire; export and import for the other hosts. Only export
 * prints secrets, and neither to a terminal nor to a file of everybody.
 *
 * The file is replaced whole: a temporary file in its directory, synchronised, renamed. Comments in it stay.
 */
#include "cmd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <apr_strings.h>
#include <apr_time.h>

#include "cmd_parts.h"
#include "ctl_message.h"
#include "ctl_out.h"
#include "lib/base/crypto.h"
#include "lib/credential/jwt_keys.h"

#define SECRET_BYTES 32

/* As much as a file of secrets may have. */
#define MAX_IMPORT (64 * 1024)

static const char header[] = "# Token signing keys of mod_kiss, one a line: KID SECRET. The first signs, all verify.\n"
    "# Change with 'kissctl token-key', then reload httpd (graceful).\n";
/* The last line of an export, with the number of keys. */
#define EXPORT_END "# end of %d keys\n"

static const char reload[] = "reload httpd (graceful) to make it effective";

/** An open key file. */
typedef struct {
    const char *path;               /**< symbolic links followed */
    const char *dir;
    const char *name;               /**< in that folder */
    int dir_fd;                     /**< locked: one change at a time; files are made and renamed in it, not by dir */
    int exists;
    struct stat st;                 /**< when it exists */
    const char *text;
    apr_array_header_t *keys;       /**< of kiss_jwt_key */
} key_file;

static int os_fail(const char *what, const char *path, const char *advice)
{
    return ctl_fail("cannot %s %s: %s. %s", what, path, strerror(errno), advice);
}

/** Where the first line with a key begins: after the comments at the head of the file. */
static apr_size_t first_key_line(const char *text)
{
    const char *line = text, *next;

    for (; *line; line = next) {
        const char *end = strchr(line, '\n');
        char first = line[strspn(line, " \t\r")];

        next = end ? end + 1 : line + strlen(line);
        if (first != '#' && first != '\n' && first != '\0') {
            break;
        }
    }
    return (apr_size_t)(line - text);
}

/** Locks the folder and reads the file. @return CTL_OK or CTL_FAILED */
static int open_file(ctl *c, key_file *f)
{
    char *real = realpath(c->token_keys, NULL), *slash;
    const char *error;

    f->path = apr_pstrdup(c->pool, real ? real : c->token_keys);
    free(real);
    slash = strrchr(f->path, '/');
    f->dir = slash ? apr_pstrmemdup(c->pool, f->path, slash == f->path ? 1 : (apr_size_t)(slash - f->path)) : ".";
    f->name = slash ? slash + 1 : f->path;
    f->dir_fd = open(f->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (f->dir_fd < 0) {
        return os_fail("open the folder", f->dir, "Make it, or name another file with --token-keys FILE.");
    }
    if (flock(f->dir_fd, LOCK_EX) != 0) {
        return os_fail("lock the folder", f->dir, "Try again.");
    }
    f->keys = apr_array_make(c->pool, 1, sizeof(kiss_jwt_key));
    f->text = header;
    f->exists = fstatat(f->dir_fd, f->name, &f->st, AT_SYMLINK_NOFOLLOW) == 0;
    if (!f->exists) {
        return errno == ENOENT ? CTL_OK : os_fail("look at", f->path, "Run as the user that owns it.");
    }
    error = kiss_crypto_read_file(&f->text, f->path, c->pool);
    if (error) {
        return ctl_fail("%s", error);
    }
    /* A file without a key is no fault here: rotate makes the first one. */
    if (f->text[first_key_line(f->text)] == '\0') {
        return CTL_OK;
    }
    error = kiss_jwt_keys_parse(&f->keys, f->text, c->pool);
    return error ? ctl_fail("%s: %s", f->path, error) : CTL_OK;
}

static int missing(const key_file *f)
{
    return ctl_fail("%s %s: 'kissctl token-key rotate' makes the first key", f->path,
                    f->exists ? "holds no key" : "does not exist");
}

static int write_all(int fd, const char *text)
{
    apr_size_t left = strlen(text);

    while (left > 0) {
        ssize_t n = write(fd, text, left);

        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return -1;
        }
        text += n;
        left -= (apr_size_t)n;
    }
    return 0;
}

/** Replaces the file by `text`, whole or not at all. */
static int replace_file(ctl *c, const key_file *f, const char *text)
{
    unsigned char random[6];
    const char *temporary = NULL;
    int fd = -1, ok;

    if (kiss_crypto_random(random, sizeof(random)) == APR_SUCCESS) {
        temporary = apr_pstrcat(c->pool, f->name, ".", kiss_crypto_base64url(c->pool, random, sizeof(random)), NULL);
        fd = openat(f->dir_fd, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    }
    if (fd < 0) {
        return os_fail("make a file in", f->dir, "Run as the user that owns it.");
    }
    ok = fchmod(fd, 0600) == 0 && write_all(fd, text) == 0 && fsync(fd) == 0;
    if (ok && f->exists && (f->st.st_uid != geteuid() || f->st.st_gid != getegid())) {
        ok = fchown(fd, f->st.st_uid, f->st.st_gid) == 0;
    }
    ok = close(fd) == 0 && ok;
    if (!ok || renameat(f->dir_fd, temporary, f->dir_fd, f->name) != 0) {
        int rc = os_fail("write", f->path, "The file is as it was.");

        unlinkat(f->dir_fd, temporary, 0);
        return rc;
    }
    if (fsync(f->dir_fd) != 0) {
        ctl_note("%s is written, but the folder could not be synchronised: %s", f->path, strerror(errno));
    }
    return CTL_OK;
}

int cmd_tokenkey_list(ctl *c, const char *const *args)
{
    static const out_column columns[] = {{"KID", OUT_TEXT}, {"Bits", OUT_NUMBER}, {"Signs", OUT_FLAG}};
    apr_array_header_t *rows = apr_array_make(c->pool, 4, sizeof(const char **));
    key_file f;
    int i;

    (void)args;
    if (open_file(c, &f) != CTL_OK) {
        return CTL_FAILED;
    }
    if (f.keys->nelts == 0) {
        return missing(&f);
    }
    for (i = 0; i < f.keys->nelts; i++) {
        const kiss_jwt_key *key = &APR_ARRAY_IDX(f.keys, i, kiss_jwt_key);
        const char **row = apr_palloc(c->pool, sizeof(*row) * 3);

        row[0] = key->kid;
        row[1] = apr_itoa(c->pool, (int)key->len * 8);
        row[2] = i == 0 ? "1" : "0";
        APR_ARRAY_PUSH(rows, const char **) = row;
    }
    ctl_out_rows(c, columns, 3, rows);
    return CTL_OK;
}

/** A new id, by day so that people see its age, that no key of the file has. */
static const char *new_kid(ctl *c, const key_file *f)
{
    apr_time_exp_t now;
    unsigned char random[2];
    const char *kid;

    apr_time_exp_gmt(&now, apr_time_now());
    do {
        if (kiss_crypto_random(random, sizeof(random)) != APR_SUCCESS) {
            return NULL;
        }
        kid = apr_psprintf(c->pool, "%04d%02d%02d-%02x%02x", now.tm_year + 1900, now.tm_mon + 1, now.tm_mday, random[0],
                           random[1]);
    } while (kiss_jwt_keys_find(f->keys, kid));
    return kid;
}

static int print_kid(ctl *c, const char *kid)
{
    static const out_column column[] = {{"KID", OUT_TEXT}};

    if (c->json) {
        ctl_out_row(c, column, 1, &kid);
    }
    else {
        puts(kid);
    }
    return CTL_OK;
}

/** The line of a key in the file. */
static const char *key_line(ctl *c, const char *kid, const unsigned char *secret, apr_size_t len)
{
    return apr_pstrcat(c->pool, kid, " ", kiss_crypto_base64url(c->pool, secret, len), "\n", NULL);
}

/** `text` with lines put before the byte `at`, whose line begins there. */
static const char *with_lines(ctl *c, const char *text, apr_size_t at, const char *lines)
{
    const char *before = apr_pstrmemdup(c->pool, text, at);

    return apr_pstrcat(c->pool, before, at > 0 && before[at - 1] != '\n' ? "\n" : "", lines, text + at, NULL);
}

/** Makes a key: on top of the others, or below them, where it verifies and does not sign. */
static int new_key(ctl *c, const char **kid, int below)
{
    unsigned char secret[SECRET_BYTES];
    key_file f;

    if (open_file(c, &f) != CTL_OK) {
        return CTL_FAILED;
    }
    if (below && f.keys->nelts == 0) {
        return missing(&f);
    }
    *kid = new_kid(c, &f);
    if (!*kid || kiss_crypto_random(secret, sizeof(secret)) != APR_SUCCESS) {
        return ctl_fail("the system has no random bytes: the keys are as they were");
    }
    return replace_file(c, &f, with_lines(c, f.text, below ? strlen(f.text) : first_key_line(f.text),
                                          key_line(c, *kid, secret, sizeof(secret))));
}

int cmd_parts_new_token_key(ctl *c, const char **kid)
{
    return new_key(c, kid, 0);
}

/** `text` without the line of key `kid`. */
static const char *without_key(apr_pool_t *p, const char *text, const char *kid)
{
    apr_size_t n = strlen(kid);
    const char *line = text, *next;

    for (; *line; line = next) {
        const char *end = strchr(line, '\n'), *word = line + strspn(line, " \t\r");

        next = end ? end + 1 : line + strlen(line);
        if (strncmp(word, kid, n) == 0 && (word[n] == ' ' || word[n] == '\t')) {
            return apr_pstrcat(p, apr_pstrmemdup(p, text, (apr_size_t)(line - text)), next, NULL);
        }
    }
    return text;
}

/** Opens the file and finds a key in it. @return CTL_OK or CTL_FAILED */
static int open_and_find(ctl *c, key_file *f, const kiss_jwt_key **key, const char *kid)
{
    if (open_file(c, f) != CTL_OK) {
        return CTL_FAILED;
    }
    if (f->keys->nelts == 0) {
        return missing(f);
    }
    *key = kiss_jwt_keys_find(f->keys, kid);
    return *key ? CTL_OK
           : ctl_fail("there is no key '%s' in %s: 'kissctl token-key list' shows them", kid, f->path);
}

/** 1 when the key is the one that signs. */
static int signs(const key_file *f, const kiss_jwt_key *key)
{
    return key == &APR_ARRAY_IDX(f->keys, 0, kiss_jwt_key);
}

/** A key that is in the file, and that signs from now on. */
static int raise_key(ctl *c, const char *kid)
{
    const kiss_jwt_key *key;
    const char *rest;
    key_file f;

    if (open_and_find(c, &f, &key, kid) != CTL_OK) {
        return CTL_FAILED;
    }
    rest = without_key(c->pool, f.text, kid);
    return signs(&f, key) ? CTL_OK
           : replace_file(c, &f, with_lines(c, rest, first_key_line(rest), key_line(c, kid, key->secret, key->len)));
}

int cmd_tokenkey_rotate(ctl *c, const char *const *args)
{
    const int below = c->option[OPT_PREPARE] != NULL;
    const char *kid = args[0];

    if (kid && below) {
        return ctl_usage(c, "rotate takes either --prepare, which makes a key, or the KID of one");
    }
    if ((kid ? raise_key(c, kid) : new_key(c, &kid, below)) != CTL_OK || !kid) {
        return CTL_FAILED;
    }
    print_kid(c, kid);
    if (below) {
        ctl_note("key %s verifies and does not sign yet: 'kissctl token-key export' for the other hosts, reload httpd at all of "
                 "them, then 'kissctl token-key rotate %s' at each", kid, kid);
    }
    else {
        ctl_note("key %s signs from now on: %s", kid, reload);
    }
    return CTL_OK;
}

int cmd_tokenkey_retire(ctl *c, const char *const *args)
{
    const kiss_jwt_key *key;
    key_file f;

    if (open_and_find(c, &f, &key, args[0]) != CTL_OK) {
        return CTL_FAILED;
    }
    if (f.keys->nelts == 1) {
        return ctl_fail("'%s' is the only key: run 'kissctl token-key rotate' first", args[0]);
    }
    if (replace_file(c, &f, without_key(c->pool, f.text, args[0])) != CTL_OK) {
        return CTL_FAILED;
    }
    if (signs(&f, key)) {
        ctl_note("%s was the key that signs: %s signs now", args[0], APR_ARRAY_IDX(f.keys, 1, kiss_jwt_key).kid);
    }
    print_kid(c, args[0]);
    ctl_note("tokens signed with %s will be refused: %s", args[0], reload);
    return CTL_OK;
}

/* --- other hosts --- */

/** Refuses a terminal, and a file that others can read. @return CTL_OK or CTL_FAILED */
static int check_private(int fd, const char *what, const char *advice)
{
    struct stat st;

    if (isatty(fd)) {
        return ctl_fail("%s is a terminal: %s", what, advice);
    }
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && (st.st_mode & 077) != 0) {
        return ctl_fail("%s is a file that others than its owner can use: 'umask 077' before it is made, or 'chmod 600'", what);
    }
    return CTL_OK;
}

int cmd_tokenkey_export(ctl *c, const char *const *args)
{
    key_file f;
    int i;

    (void)args;
    if (check_private(STDOUT_FILENO, "standard output", "the keys are secrets; pipe them to 'kissctl token-key import'") != CTL_OK
        || open_file(c, &f) != CTL_OK) {
        return CTL_FAILED;
    }
    if (f.keys->nelts == 0) {
        return missing(&f);
    }
    for (i = 0; i < f.keys->nelts; i++) {
        const kiss_jwt_key *key = &APR_ARRAY_IDX(f.keys, i, kiss_jwt_key);

        fputs(key_line(c, key->kid, key->secret, key->len), stdout);
    }
    /* The line with which the importer knows that nothing is missing. */
    fprintf(stdout, EXPORT_END, f.keys->nelts);
    return fflush(stdout) == 0 && !ferror(stdout) ? CTL_OK : ctl_fail("cannot write the keys: %s", strerror(errno));
}

/** Reads standard input to its end. @return CTL_OK or CTL_FAILED */
static int read_input(ctl *c, const char **text)
{
    char *buffer = apr_palloc(c->pool, MAX_IMPORT + 1);
    size_t n = fread(buffer, 1, MAX_IMPORT + 1, stdin);

    if (ferror(stdin)) {
        return ctl_fail("cannot read standard input: %s", strerror(errno));
    }
    if (n > MAX_IMPORT || memchr(buffer, '\0', n)) {
        return ctl_fail("standard input is not what 'kissctl token-key export' prints");
    }
    buffer[n] = '\0';
    *text = buffer;
    return CTL_OK;
}

/** Reads the keys of another host. @return CTL_OK or CTL_FAILED */
static int read_keys(ctl *c, apr_array_header_t **keys)
{
    const char *text = "", *error, *end;

    if (check_private(STDIN_FILENO, "standard input", "it takes what 'kissctl token-key export' prints at another host") != CTL_OK
        || read_input(c, &text) != CTL_OK) {
        return CTL_FAILED;
    }
    if ((error = kiss_jwt_keys_parse(keys, text, c->pool))) {
        return ctl_fail("standard input: %s; nothing was changed", *text ? error : "it is empty: did the export fail?");
    }
    end = apr_psprintf(c->pool, EXPORT_END, (*keys)->nelts);
    if (strlen(text) < strlen(end) || strcmp(text + strlen(text) - strlen(end), end) != 0) {
        return ctl_fail("standard input ends early: the last line of an export counts its keys; nothing was changed");
    }
    return CTL_OK;
}

int cmd_tokenkey_import(ctl *c, const char *const *args)
{
    apr_array_header_t *theirs;
    const char *lines = "";
    int i, added = 0;
    key_file f;

    (void)args;
    if (read_keys(c, &theirs) != CTL_OK || open_file(c, &f) != CTL_OK) {
        return CTL_FAILED;
    }
    for (i = 0; i < theirs->nelts; i++) {
        const kiss_jwt_key *key = &APR_ARRAY_IDX(theirs, i, kiss_jwt_key), *mine = kiss_jwt_keys_find(f.keys, key->kid);

        if (mine && (mine->len != key->len || memcmp(mine->secret, key->secret, key->len) != 0)) {
            return ctl_fail("key %s has another secret in %s: retire it there, or rotate at the other host; nothing was changed",
                            key->kid, f.path);
        }
        if (!mine) {
            lines = apr_pstrcat(c->pool, lines, key_line(c, key->kid, key->secret, key->len), NULL);
            added++;
        }
    }
    /* Below the others, so that nothing is signed with a key that a host may not know yet. */
    if (added && replace_file(c, &f, with_lines(c, f.text, strlen(f.text), lines)) != CTL_OK) {
        return CTL_FAILED;
    }
    ctl_note("%d of %d keys were new%s%s", added, theirs->nelts, added ? ": " : "", added ? reload : "");
    return CTL_OK;
}
