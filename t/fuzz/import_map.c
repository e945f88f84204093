/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzz target: the rules of `kissctl import --map`. Any text, for both sets. */
#include "import_map.h"

#include <string.h>

#include <apr_lib.h>
#include <apr_strings.h>

#include "csv.h"
#include "fuzz.h"
#include "lib/base/utf8.h"

/** A fault is one line of UTF-8 that begins with the number of a line of the text. */
static void check_fault(const char *fault, long lines)
{
    const char *c;

    MUST(atol(fault) >= 1 && atol(fault) <= lines);
    MUST(kiss_utf8_check(fault, strlen(fault), NULL) == strlen(fault));
    for (c = fault; *c; c++) {
        MUST(!apr_iscntrl(*c));
    }
}

/** Whatever a rule says of a file is a column of that file; a rule that names the file is found by its own name. */
static void check_file(const import_map *map, const import_file *def)
{
    import_map_rule *rule, *found;
    int i;

    MUST(*import_map_file(map, def));
    for (i = 0; (rule = import_map_rule_at(map, def, i)); i++) {
        found = import_map_find(map, def, rule->theirs, strlen(rule->theirs));
        MUST(found || (rule->ours && !import_column_named(def, rule->ours, strlen(rule->ours))));
        MUST(!found || !found->ours || import_column_named(def, found->ours, strlen(found->ours)));
    }
}

static void check_set(const import_set *set, const char *text, long lines, apr_pool_t *p)
{
    apr_array_header_t *faults = apr_array_make(p, 1, sizeof(const char *));
    const import_map *map = import_map_parse(set, text, faults, p);
    int i;

    for (i = 0; i < faults->nelts; i++) {
        check_fault(APR_ARRAY_IDX(faults, i, const char *), lines);
    }
    for (i = 0; i < set->n; i++) {
        check_file(map, &set->files[i]);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *p = fuzz_pool();
    const char *text = apr_pstrmemdup(p, (const char *)data, size), *c;
    long lines = 1;

    if (strlen(text) == size && kiss_utf8_check(text, size, NULL) == size) {
        for (c = text; *c; c++) {
            lines += *c == '\n';
        }
        check_set(&import_customer_set, text, lines, p);
        check_set(&import_kss_set, text, lines, p);
    }
    apr_pool_clear(p);
    return 0;
}
