/* SPDX-License-Identifier: Apache-2.0 */
/**
 * kissctl_reference - prints the manual page and the completion of bash from the tables that --help is made of.
 */
#include "kissctl_reference.h"

#include <stdio.h>
#include <string.h>

#include "ctl_message.h"
#include "kissctl_options.h"
#include "kissctl_verbs.h"

#define HELP_INDENT 24                      /* of the later lines of an option's help */

/** Writes text for troff: no character has a meaning there, a line that is indented in the help begins a new one. */
static void put_troff(const char *text)
{
    const char *line = text, *at;

    for (; *line; line = *at ? at + 1 : at) {
        apr_size_t indent = strspn(line, " ");

        at = line + strcspn(line, "\n");
        line += indent;
        if (indent && indent < HELP_INDENT) {
            fputs(".br\n", stdout);
        }
        fputs(*line == '.' || *line == '\'' ? "\\&" : "", stdout);
        for (; line < at; line++) {
            fputs(*line == '\\' ? "\\e" : *line == '-' ? "\\-" : "", stdout);
            if (*line != '\\' && *line != '-') {
                putchar(*line);
            }
        }
        putchar('\n');
    }
}

static void print_man_verb(const ctl_verb *verb)
{
    puts(".TP");
    fputs(".B ", stdout);
    put_troff(verb->words);
    if (*verb->args || *verb->usage) {
        put_troff(verb->args);
        put_troff(verb->usage);
        puts(".br");
    }
    else {
        puts(".br");
    }
    printf("%c", verb->summary[0] - 'a' + 'A');
    put_troff(verb->summary + 1);
    puts(".br");
    if (verb->help) {
        put_troff(verb->help);
    }
}

static void print_man_option(const kissctl_option *option)
{
    fputs(".TP\n.B \\-\\-", stdout);
    put_troff(option->name);
    if (option->value) {
        printf(".I %s\n", option->value);
    }
    puts(".br");
    put_troff(option->help);
}

static int print_man(void)
{
    int i;

    puts(".TH KISSCTL 8 \"\" \"mod_kiss " KISS_VERSION "\" \"mod_kiss\"\n"
         ".SH NAME\nkissctl \\- operator's tool of the Apache httpd module mod_kiss\n"
         ".SH SYNOPSIS\n.B kissctl\n.I VERB\n[\\fIARGUMENT\\fR...] [\\fIOPTION\\fR...]\n"
         ".SH DESCRIPTION\nSets up the databases that mod_kiss serves as JSON APIs, loads CSV files into them, manages customers,\n"
         "API keys and token signing keys, and looks for what is wrong or missing. Verbs that begin with\n.B kss\n"
         "work on the database of the KSS API, the others on that of the Customer API.\n.SH VERBS");
    for (i = 0; i < kissctl_verbs_n; i++) {
        print_man_verb(&kissctl_verbs[i]);
    }
    puts(".SH OPTIONS\nEach verb names its own; it takes those for which it has a use.");
    for (i = 0; i < kissctl_options_n; i++) {
        if (kissctl_options[i].id != OPT_REFERENCE) {
            print_man_option(&kissctl_options[i]);
        }
    }
    puts(".SH EXIT STATUS\n0 done, 1 failed or a problem found, 2 wrong usage. Errors are written to standard error.\n"
         ".SH FILES\n.TP\n.I " KISS_SYSCONFDIR "/kissctl.cnf\nhow to connect, with the password: mode 0600\n"
         ".TP\n.I " KISS_SYSCONFDIR "/db.password\npassword of the account that httpd uses: mode 0600\n"
         ".TP\n.I " KISS_SYSCONFDIR "/token.keys\ntoken signing keys: mode 0600\n"
         ".TP\n.I " KISS_DATADIR "\nschema files, sample data and sample configuration\n"
         ".SH SEE ALSO\n.BR apache2 (8),\n.BR mariadb (1)");
    return CTL_OK;
}

/** Names of the options in `which` that have such a value: "DIR", "FILE"; "*": any other; NULL: none; "": all options. */
static void put_options(apr_uint64_t which, const char *value, const char *between)
{
    const char *before = "";
    int i;

    for (i = 0; i < kissctl_options_n; i++) {
        const kissctl_option *o = &kissctl_options[i];
        int other = o->value && strcmp(o->value, "DIR") != 0 && strcmp(o->value, "FILE") != 0;

        if (o->id != OPT_REFERENCE && (which & CTL_OPT(o->id))
            && (!*value || (*value == '*' ? other : o->value && strcmp(o->value, value) == 0))) {
            printf("%s--%s", before, o->name);
            before = between;
        }
    }
}

/** What the shell does; the tables are put in between. */
static const char bash_begin[] =
    "# Completion of kissctl for bash. Made from the tables of kissctl: kissctl --reference bash\n"
    "_kissctl()\n{\n"
    "    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} typed= next= own= verb options rest i word\n"
    "    local skip=\n"
    "    COMPREPLY=()\n"
    "    for ((i = 1; i < COMP_CWORD; i++)); do\n"
    "        word=${COMP_WORDS[i]}\n"
    "        if [ -n \"$skip\" ]; then\n"
    "            skip=\n"
    "            continue\n"
    "        fi\n"
    "        case $word in\n";
static const char bash_middle[] =
    "        -*) ;;\n"
    "        *) typed+=\"$word \" ;;\n"
    "        esac\n"
    "    done\n"
    "    case $prev in\n";
static const char bash_verbs[] =
    "    esac\n"
    "    while IFS='|' read -r verb options; do\n"
    "        if [[ \"$verb \" == \"$typed\"* ]]; then\n"
    "            rest=${verb:${#typed}}\n"
    "            next+=\" ${rest%% *}\"\n"
    "        fi\n"
    "        if [[ \"$typed\" == \"$verb \"* ]]; then own=$options; fi\n"
    "    done <<'VERBS'\n";
static const char bash_end[] =
    "    elif [[ $next == *[!\\ ]* ]]; then\n"
    "        mapfile -t COMPREPLY < <(compgen -W \"$next\" -- \"$cur\" | sort -u)\n"
    "    else\n"
    "        mapfile -t COMPREPLY < <(compgen -f -- \"$cur\")\n"
    "        compopt -o filenames 2>/dev/null\n"
    "    fi\n"
    "}\n"
    "complete -F _kissctl kissctl";

static int print_bash(void)
{
    static const char *const take[][2] = {{"FILE", "-f"}, {"DIR", "-d"}};
    const apr_uint64_t all = ~(apr_uint64_t)0;
    int i;

    fputs(bash_begin, stdout);
    fputs("        ", stdout);
    put_options(all, "FILE", " | ");
    fputs(" | ", stdout);
    put_options(all, "DIR", " | ");
    fputs(" | ", stdout);
    put_options(all, "*", " | ");
    printf(") skip=1 ;;\n%s", bash_middle);
    for (i = 0; i < 2; i++) {
        fputs("    ", stdout);
        put_options(all, take[i][0], " | ");
        printf(")\n        mapfile -t COMPREPLY < <(compgen %s -- \"$cur\")\n"
               "        compopt -o filenames 2>/dev/null\n        return ;;\n", take[i][1]);
    }
    fputs("    ", stdout);
    put_options(all, "*", " | ");
    printf(") return ;;\n%s", bash_verbs);
    for (i = 0; i < kissctl_verbs_n; i++) {
        printf("%s|", kissctl_verbs[i].words);
        put_options(kissctl_verbs[i].options, "", " ");
        putchar('\n');
    }
    fputs("VERBS\n    if [[ $cur == -* ]]; then\n        mapfile -t COMPREPLY < <(compgen -W \"$own ", stdout);
    put_options(KISSCTL_COMMON, "", " ");
    printf("\" -- \"$cur\")\n%s\n", bash_end);
    return CTL_OK;
}

int kissctl_reference(const ctl *c, const char *form)
{
    return strcmp(form, "man") == 0 ? print_man() : strcmp(form, "bash") == 0 ? print_bash()
           : ctl_usage(c, "--reference takes man or bash");
}
