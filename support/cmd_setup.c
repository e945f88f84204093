/* SPDX-License-Identifier: Apache-2.0 */
/**
 * cmd_setup - the verb setup: looks at all steps, prints the plan, and does what is not done.
 */
#include "cmd.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <apr_strings.h>

#include "cmd_parts.h"
#include "ctl_db.h"
#include "ctl_httpd.h"
#include "ctl_message.h"
#include "ctl_out.h"
#include "ctl_value.h"
#include "setup.h"
#include "setup_text.h"

static int act_schema(setup *s)
{
    return cmd_parts_schema(s->c);
}

static int act_token_keys(setup *s)
{
    const char *kid;

    return cmd_parts_new_token_key(s->c, &kid);
}

static int look_token_keys(setup *s, const char **what, int *there)
{
    const char *folder = setup_text_folder(s->c->pool, s->c->token_keys);
    struct stat st;

    *what = s->c->token_keys;
    *there = lstat(s->c->token_keys, &st) == 0;
    return *there || strcmp(folder, s->folder) == 0 || (stat(folder, &st) == 0 && S_ISDIR(st.st_mode)) ? CTL_OK
        : ctl_fail("there is no folder %s for the signing keys: make it, or name another file with --token-keys FILE", folder);
}

/** The steps, in their order: each may rely on those before it. */
static const struct {
    const char *name;
    setup_as as;                        /**< the connection of `act`; `look` has the administrator's */
    int customer_only;
    setup_look *look;
    setup_act *act;
} steps[] = {
    {"folder", SETUP_AS_NOBODY, 0, setup_look_folder, setup_make_folder},
    {"password", SETUP_AS_NOBODY, 0, setup_look_password, setup_make_password},
    {"connection", SETUP_AS_NOBODY, 0, setup_look_defaults, setup_make_defaults},
    {"database", SETUP_AS_ADMIN, 0, setup_look_database, setup_make_database},
    {"account", SETUP_AS_ADMIN, 0, setup_look_module_account, setup_make_module_account},
    {"account", SETUP_AS_ADMIN, 0, setup_look_kissctl_account, setup_make_kissctl_account},
    {"rights", SETUP_AS_ADMIN, 0, setup_look_kissctl_rights, setup_make_kissctl_rights},
    {"schema", SETUP_AS_KISSCTL, 0, setup_look_schema, act_schema},
    {"rights", SETUP_AS_ADMIN, 0, setup_look_module_rights, setup_make_module_rights},
    {"signing key", SETUP_AS_NOBODY, 1, look_token_keys, act_token_keys},
    {"module", SETUP_AS_NOBODY, 0, setup_look_load, setup_make_load},
    {"virtual host", SETUP_AS_NOBODY, 0, setup_look_site, setup_make_site},
    {"enabled", SETUP_AS_NOBODY, 0, setup_look_enabled, setup_make_enabled},
};
#define STEPS ((int)(sizeof(steps) / sizeof(*steps)))

/** What was seen of a step. */
typedef struct {
    const char *what;                   /**< NULL: not a step of this API */
    int there;
} seen;

/** A name for SQL that needs no quotes. */
static int is_name(const char *text)
{
    apr_size_t n = strlen(text);

    return n > 0 && n <= 64
        && strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") == n;
}

/** A host name, without a port. */
static int is_host(const char *text)
{
    apr_size_t n = strlen(text);

    return n > 0 && n <= 253 && *text != '.' && *text != '-'
        && strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-") == n;
}

static const char *given(const ctl *c, ctl_option option, const char *otherwise)
{
    return c->option[option] ? c->option[option] : otherwise;
}

/** Reads the options. @return CTL_OK or CTL_USAGE */
static int read_options(ctl *c, setup *s)
{
    int kss = strcmp(c->verb->database->folder, "kss") == 0;
    apr_int64_t port;

    s->c = c;
    s->folder = setup_text_folder(c->pool, c->defaults);
    s->password_file = apr_pstrcat(c->pool, s->folder, "/db.password", NULL);
    s->database = given(c, OPT_DATABASE, kss ? "kss" : "kiss");
    s->apache = given(c, OPT_APACHE, "/etc/apache2");
    s->apachectl = ctl_httpd_program(c);
    s->server_name = c->option[OPT_SERVER_NAME];
    s->port = given(c, OPT_PORT, "443");
    s->certificate = given(c, OPT_CERTIFICATE, "/etc/ssl/certs/ssl-cert-snakeoil.pem");
    s->certificate_key = given(c, OPT_CERTIFICATE_KEY, "/etc/ssl/private/ssl-cert-snakeoil.key");
    s->site = kss ? "kss-site" : "kiss-site";
    if (!is_name(s->database)) {
        return ctl_usage(c, "--database takes a name of up to 64 letters, digits and '_'");
    }
    if (s->server_name && !is_host(s->server_name)) {
        return ctl_usage(c, "--server-name takes a host name, as api.example.com");
    }
    if (!ctl_number(&port, s->port, 1, 65535)) {
        return ctl_usage(c, "--port takes a number from 1 to 65535");
    }
    if (!c->option[OPT_CERTIFICATE] != !c->option[OPT_CERTIFICATE_KEY]) {
        return ctl_usage(c, "--certificate and --certificate-key belong together");
    }
    return CTL_OK;
}

/** Looks at every step before any is done, so that an obstacle is found while nothing is changed. */
static int look(setup *s, seen *states)
{
    int kss = strcmp(s->c->verb->database->folder, "kss") == 0, i;

    if (ctl_db_open_admin(s->c, s->c->option[OPT_ADMIN]) != CTL_OK || setup_look_server(s) != CTL_OK) {
        return CTL_FAILED;
    }
    for (i = 0; i < STEPS; i++) {
        if (!(steps[i].customer_only && kss) && steps[i].look(s, &states[i].what, &states[i].there) != CTL_OK) {
            return CTL_FAILED;
        }
    }
    return CTL_OK;
}

/** Prints the step; in JSON all come at the end. */
static void say(const setup *s, int i, const seen *state, const char *word)
{
    if (!s->c->json) {
        printf("%-14s %-13s %s\n", word, steps[i].name, state->what);
        fflush(stdout);
    }
}

/** Does the steps that are left, each over the connection that it needs. */
static int act(setup *s, const seen *states)
{
    setup_as as = SETUP_AS_ADMIN;
    int i;

    for (i = 0; i < STEPS; i++) {
        if (!states[i].what || states[i].there) {
            continue;
        }
        if (steps[i].as != SETUP_AS_NOBODY && steps[i].as != as) {
            as = steps[i].as;
            ctl_db_close(s->c);
            if ((as == SETUP_AS_ADMIN ? ctl_db_open_admin(s->c, s->c->option[OPT_ADMIN]) : ctl_db_open(s->c)) != CTL_OK) {
                return CTL_FAILED;
            }
        }
        if (steps[i].act(s) != CTL_OK) {
            return ctl_fail("the step '%s' (%s) failed: what was done before it stays, and running this again goes on from there",
                            steps[i].name, states[i].what);
        }
        say(s, i, &states[i], "done");
    }
    return CTL_OK;
}

static void print_json(const setup *s, const seen *states, const char *word)
{
    static const out_column columns[] = {{"Step", OUT_TEXT}, {"What", OUT_TEXT}, {"State", OUT_TEXT}};
    apr_array_header_t *rows = apr_array_make(s->c->pool, STEPS, sizeof(const char **));
    int i;

    for (i = 0; i < STEPS; i++) {
        const char **row = apr_palloc(s->c->pool, sizeof(*row) * 3);

        row[0] = steps[i].name;
        row[1] = states[i].what;
        row[2] = states[i].there ? "already there" : word;
        if (states[i].what) {
            APR_ARRAY_PUSH(rows, const char **) = row;
        }
    }
    ctl_out_rows(s->c, columns, 3, rows);
}

/** What only the administrator can do. */
static void print_next(const setup *s)
{
    const char *lead = s->c->verb->database->lead;

    if (!s->c->json) {
        printf("\nNext: systemctl restart apache2\n      kissctl %simport DIR\n", lead);
        puts(*lead ? "      kissctl kss key issue --type employee\n      kissctl kss doctor"
             : "      kissctl key issue CODE          (of a customer)\n      kissctl doctor");
    }
}

int cmd_setup(ctl *c, const char *const *args)
{
    seen states[STEPS] = {{NULL, 0}};
    int dry = c->option[OPT_DRY_RUN] != NULL, left = 0, i;
    setup s = {NULL};

    (void)args;
    if (read_options(c, &s) != CTL_OK) {
        return CTL_USAGE;
    }
    if (look(&s, states) != CTL_OK) {
        return ctl_fail("nothing was changed");
    }
    for (i = 0; i < STEPS; i++) {
        if (states[i].what) {
            left += !states[i].there;
            say(&s, i, &states[i], states[i].there ? "already there" : "to do");
        }
    }
    if (dry || left == 0) {
        if (c->json) {
            print_json(&s, states, "to do");
        }
        return CTL_OK;
    }
    if (!c->json) {
        puts("");
    }
    if (act(&s, states) != CTL_OK) {
        return CTL_FAILED;
    }
    if (c->json) {
        print_json(&s, states, "done");
    }
    print_next(&s);
    return CTL_OK;
}
