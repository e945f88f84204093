/* SPDX-License-Identifier: Apache-2.0 */
/**
 * setup_certificate - reads certificate and key with the library that httpd reads them with.
 */
#include "setup_certificate.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "ctl_message.h"

/** Asked for the passphrase of a key: there is none. */
static int no_passphrase(char *buf, int size, int writing, void *ctx)
{
    (void)buf, (void)size, (void)writing, (void)ctx;
    return -1;
}

static FILE *open_pem(const char *path)
{
    FILE *f = fopen(path, "r");

    if (!f) {
        ctl_fail("cannot read %s: %s. Name the certificate of the server with --certificate FILE and --certificate-key FILE.", path,
                 strerror(errno));
    }
    return f;
}

static X509 *read_certificate(const char *path)
{
    FILE *f = open_pem(path);
    X509 *x = f ? PEM_read_X509(f, NULL, no_passphrase, NULL) : NULL;

    if (f && !x) {
        ctl_fail("%s has no certificate in PEM form: httpd would not start with it", path);
    }
    if (f) {
        fclose(f);
    }
    return x;
}

static EVP_PKEY *read_key(const char *path)
{
    FILE *f = open_pem(path);
    EVP_PKEY *key = f ? PEM_read_PrivateKey(f, NULL, no_passphrase, NULL) : NULL;

    if (f && !key) {
        ctl_fail("%s has no key in PEM form, or one with a passphrase: httpd would not start with it, or ask", path);
    }
    if (f) {
        fclose(f);
    }
    return key;
}

int setup_certificate_check(const char *certificate, const char *key, const char *name)
{
    X509 *x = read_certificate(certificate);
    EVP_PKEY *k = x ? read_key(key) : NULL;
    int rc = k ? CTL_OK : CTL_FAILED;

    if (k && X509_check_private_key(x, k) != 1) {
        rc = ctl_fail("the key %s is not that of the certificate %s: httpd would not start with them", key, certificate);
    }
    else if (k && X509_check_host(x, name, 0, 0, NULL) != 1) {
        ctl_note("the certificate %s is not for %s: clients will refuse it until the virtual host names one that is", certificate,
                 name);
    }
    ERR_clear_error();
    EVP_PKEY_free(k);
    X509_free(x);
    return rc;
}
