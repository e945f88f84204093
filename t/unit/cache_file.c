/* SPDX-License-Identifier: Apache-2.0 */
/* Unit test: names of cached lists, as they are given and as people see them. */
#include <string.h>

#include <apr_strings.h>

#include "lib/file/cache_file.h"
#include "unit.h"

void unit_cache_file(void)
{
    static const char *const expected[] = {
        "PPPPPPPPPPPPPPPP@TTTTTTTTTTTTTTTTTTTTTT", "PPPPPPPPPPPPPPPP@TTTTTTTTTTTTTTTTTTTTTT-gzip01234567",
        "PPPPPPPPPPPPPPPP@TTTTTTTTTTTTTTTTTTTTTT.BBBBBBBBBBBBBBBBBBBBBB",
        "PPPPPPPPPPPPPPPP@TTTTTTTTTTTTTTTTTTTTTT.BBBBBBBBBBBBBBBBBBBBBB-gzip01234567"
    };
    const char *place = "PPPPPPPPPPPPPPPP", *tag = "TTTTTTTTTTTTTTTTTTTTTT", *base = "BBBBBBBBBBBBBBBBBBBBBB";
    int i, wrong = 0;

    for (i = 0; i < 4; i++) {
        const char *name = kiss_cache_file_name(place, tag, i > 1 ? base : NULL, i % 2 ? "-gzip01234567" : "", pool);
        const char *file = apr_pstrcat(pool, name, KISS_CACHE_FILE_SUFFIX, NULL);
        const kiss_cache_file_kind kind = kiss_cache_file_kind_of(file);

        wrong += kind.origin != file || kind.is_changes != (i > 1) || kind.is_gzip != i % 2;
        wrong += strcmp(name, expected[i]) != 0 || strlen(name) > KISS_CACHE_FILE_NAME;
        wrong += strcmp(kiss_cache_file_shown(file, pool), strchr(expected[i], 'T')) != 0;
    }
    ok(wrong == 0 && strlen(expected[3]) == KISS_CACHE_FILE_NAME, "a list, a delta, either compressed: their names");
    ok(strcmp(kiss_cache_file_shown("TTTTTTTTTTTTTTTTTTTTTT.json", pool), tag) == 0
       && !kiss_cache_file_kind_of("TTTTTTTTTTTTTTTTTTTTTT.json").origin, "... and one of former versions");
    ok(!kiss_cache_file_kind_of("PPPPPPPPPPPPPPPP@-gzip01234567-gzip0123.json").is_gzip
       && kiss_cache_file_kind_of("short").origin == NULL && !kiss_cache_file_kind_of("P@.").is_changes,
       "an ETag that looks like a coding is none; a name that is too short is nothing");
}
