/* SPDX-License-Identifier: Apache-2.0 */
/**
 * loopback - recognises names and addresses of this host.
 */
#include "lib/base/loopback.h"

#include <stddef.h>
#include <string.h>

int kiss_loopback_is(const char *host)
{
    return !host || strcmp(host, "localhost") == 0 || strcmp(host, "::1") == 0
           || (strncmp(host, "127.", 4) == 0 && strspn(host, "0123456789.") == strlen(host));
}
