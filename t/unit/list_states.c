/* SPDX-License-Identifier: Apache-2.0 */
/* Unit test of list_states: what was added is read again, in its order; what is no state is passed over; a long file is
   shortened. */
#include <string.h>
#include <unistd.h>

#include <apr_strings.h>

#include "lib/file/list_states.h"
#include "unit.h"

static const char *path;

/** The state with this number. */
static kiss_list_state state_of(int n)
{
    const kiss_list_state state = { apr_psprintf(pool, "%022d", n), 3, { apr_itoa(pool, n), "0", "18446744073709551615" } };

    return state;
}

static apr_array_header_t *read_all(void)
{
    apr_array_header_t *states;

    return kiss_states_read(&states, path, pool) == APR_SUCCESS ? states : NULL;
}

static int is_state(const apr_array_header_t *states, int i, int n)
{
    const kiss_list_state expected = state_of(n), *s = &APR_ARRAY_IDX(states, i, kiss_list_state);
    int k, same = i < states->nelts && strcmp(s->tag, expected.tag) == 0 && s->count == expected.count;

    for (k = 0; k < expected.count && same; k++) {
        same = strcmp(s->revision[k], expected.revision[k]) == 0;
    }
    return same;
}

static void append(const char *text)
{
    apr_file_t *file;
    apr_size_t n = strlen(text);

    ok(apr_file_open(&file, path, APR_FOPEN_WRITE | APR_FOPEN_CREATE | APR_FOPEN_APPEND, APR_OS_DEFAULT, pool) == APR_SUCCESS
       && apr_file_write(file, text, &n) == APR_SUCCESS && apr_file_close(file) == APR_SUCCESS,
           "something else is written there");
}

static void strange_lines(void)
{
    static const char *const bad[] = {
        "\n", " \n", "0000000000000000000001 1\n", "000000000000000000000a\n", "00000000000000000000010 1\n",
            "000000000000000000000. 1\n",
        "0000000000000000000002 1 x\n", "0000000000000000000002 -1\n", "0000000000000000000002 123456789012345678901\n",
        "0000000000000000000002 1 2 3 4 5 6 7 8 9\n", "00000000000000000000"
    };
    kiss_list_state state = state_of(7);
    apr_array_header_t *states;
    apr_size_t i;

    for (i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        append(bad[i]);
    }
    ok(kiss_states_add(path, &state, pool) == APR_SUCCESS, "a state behind a line that was cut short");
    states = read_all();
    ok(states && states->nelts == 4 && is_state(states, 3, 7), "lines that are none are passed over");
}

static void many(void)
{
    apr_array_header_t *states;
    kiss_list_state state;
    apr_finfo_t info;
    int i, good = 1;

    for (i = 100; i < 2000 && good; i++) {
        state = state_of(i);
        good = kiss_states_add(path, &state, pool) == APR_SUCCESS;
    }
    states = read_all();
    ok(good && states && states->nelts >= 40 && is_state(states, states->nelts - 1, 1999), "of many, the newest are there");
    for (i = 1; i < states->nelts && good; i++) {
        good = is_state(states, i - 1, 2000 - states->nelts + i - 1);
    }
    ok(good, "... in their order");
    ok(apr_stat(&info, path, APR_FINFO_SIZE, pool) == APR_SUCCESS && info.size < 16384, "the file stays short");
}

void unit_list_states(void)
{
    kiss_list_state state;
    apr_array_header_t *states;

    path = apr_psprintf(pool, "/tmp/kiss-states.%ld", (long)getpid());
    states = read_all();
    ok(states && states->nelts == 0, "no file: no states");
    state = state_of(1);
    ok(kiss_states_add(path, &state, pool) == APR_SUCCESS, "a state is added");
    state = state_of(2);
    ok(kiss_states_add(path, &state, pool) == APR_SUCCESS, "... and one more");
    states = read_all();
    ok(states && states->nelts == 2 && is_state(states, 0, 1) && is_state(states, 1, 2), "both are read, the newest last");
    strange_lines();
    many();
    ok(kiss_states_add("/nonexistent/x", &state, pool) != APR_SUCCESS, "without its folder none is added");
    apr_file_remove(path, pool);
}
