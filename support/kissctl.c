/* SPDX-License-Identifier: Apache-2.0 */
/**
 * kissctl - the operator's tool of mod_kiss. This file: options, the command line, help.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <apr_general.h>
#include <apr_getopt.h>
#include <apr_strings.h>

#include "ctl.h"
#include "ctl_db.h"
#include "ctl_message.h"
#include "kissctl_options.h"
#include "kissctl_reference.h"
#include "kissctl_verbs.h"

#define FIRST_LONG_OPTION 256               /* codes above 255 have no short form */

static void print_options(apr_uint64_t which)
{
    int i;

    for (i = 0; i < kissctl_options_n; i++) {
        if (which & CTL_OPT(kissctl_options[i].id)) {
            printf("  --%s%s%-*s  %s\n", kissctl_options[i].name, kissctl_options[i].value ? " " : "",
                   18 - (int)strlen(kissctl_options[i].name) - (kissctl_options[i].value ? 1 : 0),
                   kissctl_options[i].value ? kissctl_options[i].value : "", kissctl_options[i].help);
        }
    }
}

static int print_version(void)
{
    puts("kissctl " KISS_VERSION);
    return CTL_OK;
}

static int print_help(void)
{
    int i;

    puts("usage: kissctl VERB [ARGUMENT...] [OPTION...]\n\nThe operator's tool of mod_kiss.\n\nVerbs:");
    for (i = 0; i < kissctl_verbs_n; i++) {
        const ctl_verb *verb = &kissctl_verbs[i];

        printf("  %s%s%-*s  %s\n", verb->words, *verb->args ? " " : "",
               28 - (int)strlen(verb->words) - (*verb->args ? 1 : 0), verb->args, verb->summary);
    }
    puts("\nOptions of every verb, before or behind it:");
    print_options(KISSCTL_COMMON);
    puts("\nMore about a verb and its own options: kissctl VERB --help\n"
         "Exit status: 0 done, 1 failed or a problem found, 2 wrong usage. Errors are written to standard error.");
    return CTL_OK;
}

/** Whether these are the first words of the verb, or all of them. */
static int begins(const ctl_verb *verb, const char *words)
{
    apr_size_t n = strlen(words);

    return strncmp(verb->words, words, n) == 0 && (!verb->words[n] || verb->words[n] == ' ');
}

/** Help of the verbs that begin with the words given: "customer" has several. */
static int print_verb_help(const char *words)
{
    int i, found = 0;

    for (i = 0; i < kissctl_verbs_n; i++) {
        const ctl_verb *verb = &kissctl_verbs[i];

        if (!begins(verb, words)) {
            continue;
        }
        fputs(found++ ? "\n" : "", stdout);
        ctl_print_usage(stdout, verb);
        printf("\n%c%s.\n", verb->summary[0] - 'a' + 'A', verb->summary + 1);
        if (verb->help) {
            printf("%s\n", verb->help);
        }
        if (verb->options) {
            puts("");
            print_options(verb->options);
        }
    }
    puts("\nOptions of every verb:");
    print_options(KISSCTL_COMMON);
    return CTL_OK;
}

/** The verb whose words begin the list; `used` receives how many words it takes. */
static const ctl_verb *find_verb(apr_pool_t *p, const char *const *words, int n, int *used)
{
    const ctl_verb *best = NULL;
    int i, k;

    for (i = 0; i < kissctl_verbs_n; i++) {
        char *rest, *copy = apr_pstrdup(p, kissctl_verbs[i].words), *word = apr_strtok(copy, " ", &rest);

        for (k = 0; word && k < n && strcmp(word, words[k]) == 0; k++) {
            word = apr_strtok(NULL, " ", &rest);
        }
        if (!word && (!best || k > *used)) {
            best = &kissctl_verbs[i];
            *used = k;
        }
    }
    return best;
}

/** The longest beginning of the words that begins some verb: "customer" of "customer ad". Empty when there is none. */
static const char *known_words(apr_pool_t *p, const char *const *words, int n)
{
    const char *known = "";
    int i, k;

    for (k = 0; k < n; k++) {
        const char *longer = *known ? apr_pstrcat(p, known, " ", words[k], NULL) : words[k];

        for (i = 0; i < kissctl_verbs_n; i++) {
            if (begins(&kissctl_verbs[i], longer)) {
                break;
            }
        }
        if (i == kissctl_verbs_n) {
            break;
        }
        known = longer;
    }
    return known;
}

static int wrong_verb(const ctl *c, const char *const *words, int n)
{
    const char *known = known_words(c->pool, words, n);
    int i;

    if (n == 0) {
        return ctl_usage(c, "a verb is missing");
    }
    if (!*known) {
        return ctl_usage(c, "there is no verb '%s'", words[0]);
    }
    ctl_fail("'%s' wants one of its verbs behind it", known);
    for (i = 0; i < kissctl_verbs_n; i++) {
        if (begins(&kissctl_verbs[i], known)) {
            ctl_print_usage(stderr, &kissctl_verbs[i]);
        }
    }
    return CTL_USAGE;
}

/** Keeps getopt's own message, so that it is printed in our form and with the verb's usage. */
static void keep_message(void *arg, const char *fmt, ...)
{
    char *message = arg;
    const char *text;
    va_list args;

    va_start(args, fmt);
    apr_vsnprintf(message, 256, fmt, args);
    va_end(args);
    message[strcspn(message, "\n")] = '\0';
    text = strstr(message, ": ");
    if (text) {
        memmove(message, text + 2, strlen(text + 2) + 1);
    }
}

static int read_options(ctl *c, apr_getopt_t *os, const char **bad)
{
    apr_getopt_option_t *table = apr_pcalloc(c->pool, sizeof(*table) * (apr_size_t)(kissctl_options_n + 1));
    char *message = apr_pcalloc(c->pool, 256);
    const char *value;
    int i, code;
    apr_status_t rv;

    for (i = 0; i < kissctl_options_n; i++) {
        table[i].name = kissctl_options[i].name;
        table[i].has_arg = kissctl_options[i].value != NULL;
        table[i].optch = kissctl_options[i].id == OPT_HELP ? 'h' : kissctl_options[i].id == OPT_VERSION ? 'V'
            : kissctl_options[i].id == OPT_HEADERS ? 'i' : FIRST_LONG_OPTION + (int)kissctl_options[i].id;
    }
    os->interleave = 1;
    os->errfn = keep_message;
    os->errarg = message;
    while ((rv = apr_getopt_long(os, table, &code, &value)) == APR_SUCCESS) {
        ctl_option id = code == 'h' ? OPT_HELP : code == 'V' ? OPT_VERSION : code == 'i' ? OPT_HEADERS
            : (ctl_option)(code - FIRST_LONG_OPTION);

        c->option[id] = value ? value : "";
    }
    *bad = APR_STATUS_IS_EOF(rv) ? NULL : message;
    return *bad == NULL;
}

static const char *setting(const ctl *c, ctl_option option, const char *variable, const char *fallback)
{
    const char *env = variable ? getenv(variable) : NULL;

    return c->option[option] ? c->option[option] : env && *env ? env : fallback;
}

static int check_and_run(ctl *c, const char *const *args, int n)
{
    int i, wanted = *c->verb->args ? 1 : 0, optional = 0;

    for (i = 0; i < kissctl_options_n; i++) {
        if (c->option[kissctl_options[i].id] && !((KISSCTL_COMMON | c->verb->options) & CTL_OPT(kissctl_options[i].id))) {
            return ctl_usage(c, "'%s' does not take --%s", c->verb->words, kissctl_options[i].name);
        }
    }
    for (i = 0; c->verb->args[i]; i++) {
        wanted += c->verb->args[i] == ' ';
        optional += c->verb->args[i] == '[';
    }
    if (n > wanted) {
        return ctl_usage(c, "one word too many: '%s'", args[wanted]);
    }
    if (n < wanted - optional) {
        return ctl_usage(c, "%s is missing", c->verb->args);
    }
    if (c->verb->database && !(c->verb->options & CTL_CONNECTS) && ctl_db_open(c) != CTL_OK) {
        return CTL_FAILED;
    }
    return c->verb->run(c, args);
}

static int run(ctl *c, int argc, const char *const *argv)
{
    const char *bad;
    apr_getopt_t *os;
    int known, n, used = 0;

    if (apr_getopt_init(&os, c->pool, argc, argv) != APR_SUCCESS) {
        return ctl_fail("out of memory");
    }
    known = read_options(c, os, &bad);
    n = argc - os->ind;
    c->verb = find_verb(c->pool, os->argv + os->ind, n, &used);
    if (!known) {
        /* getopt stopped before it sorted the words: find the verb among all of them. */
        for (n = 1; n < argc && !c->verb; n++) {
            c->verb = find_verb(c->pool, argv + n, argc - n, &used);
        }
        return ctl_usage(c, "%s", bad);
    }
    if (c->option[OPT_VERSION]) {
        return print_version();
    }
    if (c->option[OPT_REFERENCE] && n == 0) {
        return kissctl_reference(c, c->option[OPT_REFERENCE]);
    }
    if (c->option[OPT_HELP]) {
        const char *words = c->verb ? c->verb->words : known_words(c->pool, os->argv + os->ind, n);

        return !*words && n > 0 ? wrong_verb(c, os->argv + os->ind, n) : *words ? print_verb_help(words) : print_help();
    }
    if (!c->verb) {
        return wrong_verb(c, os->argv + os->ind, n);
    }
    c->json = c->option[OPT_JSON] != NULL;
    c->defaults = setting(c, OPT_DEFAULTS, "KISSCTL_DEFAULTS", KISS_SYSCONFDIR "/kissctl.cnf");
    c->sql_dir = setting(c, OPT_SQL, NULL, KISS_DATADIR "/sql");
    c->token_keys = setting(c, OPT_TOKEN_KEYS, "KISS_TOKEN_KEYS", KISS_SYSCONFDIR "/token.keys");
    c->cache_dir = setting(c, OPT_CACHE_DIR, "KISS_CACHE_DIR", NULL);
    return check_and_run(c, os->argv + os->ind + used, n - used);
}

/** A closed standard descriptor would be given to the next file or connection, and output written into that. */
static void occupy_standard_descriptors(void)
{
    int fd;

    for (fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        /* The lowest free number is taken, and the wrong way round, so that using it still fails. */
        if (fcntl(fd, F_GETFD) == -1 && errno == EBADF
            && open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) == -1) {
            exit(CTL_FAILED);
        }
    }
}

int main(int argc, const char *const *argv)
{
    ctl c = {0};
    int rc;

    occupy_standard_descriptors();
    if (apr_app_initialize(&argc, &argv, NULL) != APR_SUCCESS || apr_pool_create(&c.pool, NULL) != APR_SUCCESS) {
        return ctl_fail("cannot start: out of memory");
    }
    atexit(apr_terminate);
    signal(SIGPIPE, SIG_IGN);               /* a lost connection is an error to report, not the end */
    rc = run(&c, argc, argv);
    if (fflush(stdout) != 0 && rc == CTL_OK) {
        rc = ctl_fail("cannot write to standard output");
    }
    apr_pool_destroy(c.pool);
    return rc;
}
