/* SPDX-License-Identifier: Apache-2.0 */
/**
 * setup_certificate - the certificate of a virtual host: httpd's own test of its configuration does not open it.
 */
#ifndef SETUP_CERTIFICATE_H
#define SETUP_CERTIFICATE_H

/**
 * Checks that both PEM files can be read and belong together; notes when the certificate is not for the name.
 *
 * @return CTL_OK, or CTL_FAILED after a message
 */
int setup_certificate_check(const char *certificate, const char *key, const char *name);

#endif
