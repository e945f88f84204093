/* SPDX-License-Identifier: Apache-2.0 */
/**
 * apikey - generates API keys and recognises their prefix.
 */
#include "lib/credential/apikey.h"

#include <string.h>

#include <apr_strings.h>

#define SCHEME "kiss_"

apr_status_t kiss_apikey_make(kiss_apikey *key, apr_pool_t *p)
{
    unsigned char name[KISS_APIKEY_PREFIX_LEN / 2], secret[32];
    apr_status_t rv = kiss_crypto_random(name, sizeof(name));

    if (rv == APR_SUCCESS) {
        rv = kiss_crypto_random(secret, sizeof(secret));
    }
    if (rv != APR_SUCCESS) {
        return rv;
    }
    key->prefix = apr_psprintf(p, "%02x%02x%02x%02x", name[0], name[1], name[2], name[3]);
    key->text = apr_pstrcat(p, SCHEME, key->prefix, "_", kiss_crypto_base64url(p, secret, sizeof(secret)), NULL);
    kiss_crypto_sha256(key->hash, key->text, strlen(key->text));
    return APR_SUCCESS;
}

const char *kiss_apikey_prefix(const char *text, apr_pool_t *p)
{
    const char *prefix = text + sizeof(SCHEME) - 1;

    return strncmp(text, SCHEME, sizeof(SCHEME) - 1) == 0 && strspn(prefix, "0123456789abcdef") == KISS_APIKEY_PREFIX_LEN
           && prefix[KISS_APIKEY_PREFIX_LEN] == '_' ? apr_pstrmemdup(p, prefix, KISS_APIKEY_PREFIX_LEN) : NULL;
}
