/* SPDX-License-Identifier: Apache-2.0 */
/* Unit test: a new API key. */
#include <string.h>

#include "lib/credential/apikey.h"
#include "unit.h"

void unit_apikey(void)
{
    kiss_apikey key;

    ok(kiss_apikey_make(&key, pool) == APR_SUCCESS && strlen(key.text) == 57 && strncmp(key.text + 5, key.prefix, 8) == 0,
       "a key has its prefix inside");
}
