/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzz target: the option file of kissctl, with any content. What is found is compared with another reader of its lines. */
#include <string.h>
#include <unistd.h>

#include <apr_lib.h>
#include <apr_strings.h>

#include "ctl_defaults.h"
#include "fuzz.h"

#define LINE 1023                       /* bytes that one line may have to be read as one */

static const ctl_database database = { .group = "kissctl" };
static const ctl_verb verb = { .database = &database };

/** The text without blanks around it. */
static const char *trimmed(const char *text, size_t len, apr_pool_t *p)
{
    while (len && apr_isspace(*text)) {
        text++;
        len--;
    }
    while (len && apr_isspace(text[len - 1])) {
        len--;
    }
    return apr_pstrmemdup(p, text, len);
}

/** The last `host` of a group that is read, by the rules of option files; NULL: none. */
static const char *expected_host(const char *text, apr_pool_t *p)
{
    const char *found = NULL;
    int ours = 0;

    while (*text) {
        const char *end = text + strcspn(text, "\n"), *line = trimmed(text, (size_t)(end - text), p), *equals;

        if (*line == '[') {
            ours = !strcmp(line, "[kissctl]") || !strcmp(line, "[client]") || !strcmp(line, "[client-server]")
                || !strcmp(line, "[client-mariadb]");
        }
        else if (ours && *line != '#' && *line != ';' && (equals = strchr(line, '='))
                 && strcmp(trimmed(line, (size_t)(equals - line), p), "host") == 0) {
            size_t n;

            found = trimmed(equals + 1, strlen(equals + 1), p);
            n = strlen(found);
            if (n > 1 && (*found == '"' || *found == '\'') && found[n - 1] == *found) {
                found = apr_pstrmemdup(p, found + 1, n - 2);
            }
        }
        text = *end ? end + 1 : end;
    }
    return found;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *p = fuzz_pool();
    char *path = apr_pstrdup(p, "/tmp/kiss-fuzz-defaults-XXXXXX");
    const char *text = apr_pstrmemdup(p, (const char *)data, size), *found, *expected;
    ctl c = { .pool = p, .defaults = path, .verb = &verb };
    int fd = mkstemp(path);
    size_t at, longest = 0;

    MUST(fd >= 0 && write(fd, data, size) == (ssize_t)size && close(fd) == 0);
    found = ctl_defaults_value(&c, "host");
    for (at = 0; at < size; at += strcspn(text + at, "\n") + 1) {
        size_t n = strcspn(text + at, "\n");

        longest = n > longest ? n : longest;
    }
    if (strlen(text) == size && longest < LINE) {
        expected = expected_host(text, p);
        MUST(found == expected || (found && expected && strcmp(found, expected) == 0));
    }
    unlink(path);
    apr_pool_clear(p);
    return 0;
}
