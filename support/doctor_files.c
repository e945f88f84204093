/* SPDX-License-Identifier: Apache-2.0 */
/**
 * doctor_files - files that hold secrets: the option file of the connection, the token signing keys.
 */
#include "doctor_checks.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <apr_strings.h>

#include "lib/base/crypto.h"
#include "lib/base/plural.h"
#include "lib/credential/jwt_keys.h"

/** The file of the connection may hold a password. */
void doctor_check_defaults(doctor *d)
{
    char line[256];
    struct stat st;
    int secret = 0;
    FILE *f = fopen(d->c->defaults, "r");

    if (!f) {
        return;                             /* connecting reports why */
    }
    while (fgets(line, sizeof(line), f)) {
        secret |= strncmp(line + strspn(line, " \t"), "password", 8) == 0;
    }
    if (secret && fstat(fileno(f), &st) == 0 && (st.st_mode & 07) != 0) {
        doctor_finding(d, "defaults file", DOCTOR_PROBLEM, apr_psprintf(d->c->pool, "chmod 600 %s", d->c->defaults),
                       "%s holds a password and can be read by everybody", d->c->defaults);
    }
    fclose(f);
}

void doctor_check_token_keys(doctor *d)
{
    const char *text, *error = kiss_crypto_read_file(&text, d->c->token_keys, d->c->pool);
    apr_array_header_t *keys;
    struct stat st;

    if (stat(d->c->token_keys, &st) != 0) {
        doctor_finding(d, "token keys", DOCTOR_PROBLEM,
                       "run 'kissctl token-key rotate' as root, or name the file with --token-keys FILE",
                       "%s", error ? error : "missing");
        return;
    }
    if (!error) {
        error = kiss_jwt_keys_parse(&keys, text, d->c->pool);
        error = error ? apr_psprintf(d->c->pool, "%s: %s", d->c->token_keys, error) : NULL;
    }
    if (error) {
        doctor_finding(d, "token keys", DOCTOR_PROBLEM, access(d->c->token_keys, R_OK) != 0 && errno == EACCES
                       ? "run kissctl as root: only root can read that file" : "repair the file; httpd does not start "
                                                                               "with it",
                       "%s", error);
        return;
    }
    doctor_finding(d, "token keys", DOCTOR_OK, NULL, "%s: %d key%s, for its owner only", d->c->token_keys, keys->nelts,
                   KISS_PLURAL_S(keys->nelts));
}
