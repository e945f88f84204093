/* SPDX-License-Identifier: Apache-2.0 */
/**
 * jwt_keys - parses the file of signing keys.
 */
#include "lib/credential/jwt_keys.h"

#include <string.h>

#include <apr_lib.h>
#include <apr_strings.h>

#include "lib/base/crypto.h"

#define MIN_KEY_BYTES 32
#define MAX_KID 64
#define MIN_KEY_TEXT ((MIN_KEY_BYTES * 4 + 2) / 3)

static int valid_kid(const char *kid)
{
    apr_size_t n = strspn(kid, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-");

    return n > 0 && n <= MAX_KID && kid[n] == '\0';
}

/** A key id for a message. One that is as long as a secret may be a secret: the two words may be swapped. */
static const char *shown(const char *kid)
{
    return strlen(kid) < MIN_KEY_TEXT ? kid : "(a long key id)";
}

/** Parses one line into `keys`. */
static const char *parse_line(apr_array_header_t *keys, char *line, int number, apr_pool_t *p)
{
    char *rest, *kid = apr_strtok(line, " \t\r", &rest), *secret = kid ? apr_strtok(NULL, " \t\r", &rest) : NULL;
    unsigned char *bytes;
    apr_size_t n;
    kiss_jwt_key *key;

    if (!kid || *kid == '#') {
        return NULL;
    }
    if (!secret || apr_strtok(NULL, " \t\r", &rest)) {
        return apr_psprintf(p, "line %d: expected 'KID SECRET'", number);
    }
    if (!valid_kid(kid)) {
        return apr_psprintf(p, "line %d: a key id is 1 to %d of A-Z a-z 0-9 . _ -", number, MAX_KID);
    }
    if (!kiss_crypto_unbase64url(&bytes, &n, secret, strlen(secret), p)) {
        return apr_psprintf(p, "line %d: the secret of key %s is not base64url", number, shown(kid));
    }
    if (n < MIN_KEY_BYTES) {
        return apr_psprintf(p, "line %d: the secret of key %s has %d bits, fewer than 256: run 'kissctl token-key rotate'",
                            number, shown(kid), (int)n * 8);
    }
    if (kiss_jwt_keys_find(keys, kid)) {
        return apr_psprintf(p, "line %d: key id %s stands in the file twice", number, shown(kid));
    }
    key = apr_array_push(keys);
    key->kid = kid;
    key->secret = bytes;
    key->len = n;
    return NULL;
}

const char *kiss_jwt_keys_parse(apr_array_header_t **keys, const char *text, apr_pool_t *p)
{
    char *copy = apr_pstrdup(p, text), *line = copy;
    const char *e = NULL;
    int number = 0;

    *keys = apr_array_make(p, 2, sizeof(kiss_jwt_key));
    while (line && !e) {
        char *next = strchr(line, '\n');

        if (next) {
            *next++ = '\0';
        }
        e = parse_line(*keys, line, ++number, p);
        line = next;
    }
    if (!e && (*keys)->nelts == 0) {
        e = "no key in the file: run 'kissctl token-key rotate'";
    }
    return e;
}

const kiss_jwt_key *kiss_jwt_keys_find(const apr_array_header_t *keys, const char *kid)
{
    int i;

    for (i = 0; i < keys->nelts; i++) {
        const kiss_jwt_key *key = &APR_ARRAY_IDX(keys, i, kiss_jwt_key);

        if (strcmp(key->kid, kid) == 0) {
            return key;
        }
    }
    return NULL;
}
