/**
 * kissctl - the operator's tool of mod_kiss. This file: options, the table of verbs, help.
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

#define FIRST_LONG_OPTION 256               /* codes above 255 have no short form */

/** The options. A row's code is FIRST_LONG_OPTION + its ctl_option, but for the two with short forms. */
static const struct {
    ctl_option id;
    const char *name, *value, *help;
} options[] = {
    {OPT_DEFAULTS, "defaults", "FILE", "my.cnf file that says how to connect: socket, user, password,\n"
     "                        database; group [kissctl], or [kissctl_kss] for the verbs\n"
     "                        that begin with kss (default " KISS_SYSCONFDIR "/kissctl.cnf;\n"
     "                        environment KISSCTL_DEFAULTS)"},
    {OPT_SQL, "sql", "DIR", "folder of the schema files (default " KISS_DATADIR "/sql)"},
    {OPT_TOKEN_KEYS, "token-keys", "FILE", "file of the token signing keys (default " KISS_SYSCONFDIR "/token.keys;\n"
     "                        environment KISS_TOKEN_KEYS)"},
    {OPT_CACHE_DIR, "cache-dir", "DIR", "KissCacheDir of httpd (default: the one that apachectl -t -D\n"
     "                        DUMP_RUN_CFG names, else " KISS_CACHEDIR ";\n"
     "                        environment KISS_CACHE_DIR)"},
    {OPT_JSON, "json", NULL, "print data as JSON"},
    {OPT_HELP, "help", NULL, "print help; behind a verb, the help of that verb (-h)"},
    {OPT_VERSION, "version", NULL, "print the version (-V)"},
    {OPT_DRY_RUN, "dry-run", NULL, "do everything, then take it back"},
    {OPT_NAME, "name", "NAME", "the customer's name"},
    {OPT_PRICE_LIST, "price-list", "CODE", "the customer's price list; '' for none"},
    {OPT_WAREHOUSE, "warehouse", "CODE", "the customer's warehouse; '' for none"},
    {OPT_DISCOUNT, "discount", "PERCENT", "0 to 100, up to four decimals, taken off discount-eligible prices"},
    {OPT_LIMIT_MINUTE, "limit-minute", "N", "requests a minute; 'default': as the server is configured"},
    {OPT_LIMIT_HOUR, "limit-hour", "N", "requests an hour; 'default': as the server is configured"},
    {OPT_LABEL, "label", "TEXT", "what the key is for, up to 100 characters"},
    {OPT_EXPIRES, "expires", "DATE", "YYYY-MM-DD: the last day (UTC) on which the key works;\n"
     "                        or YYYY-MM-DDThh:mm:ssZ (or with an offset): the moment it ends"},
    {OPT_CHILDREN, "children", "N", "child processes of httpd, to check the budget of connections"},
    {OPT_MAX, "max", "N", "max= of KissDatabase, to check the budget of connections (default 8)"},
    {OPT_TYPE, "type", "TYPE", "employee (sees everything), customer or supplier"},
    {OPT_IDS, "ids", "IDS", "the customers or suppliers that the key stands for: 1,2"},
    {OPT_USER, "user", "ID", "the user as whom requests of the key are made"},
    {OPT_APPLICATION, "application", "ID", "the number under which the back office applied the payment"},
    {OPT_APPLIED_BY, "applied-by", "NAME", "who applied it, up to 100 characters"},
    {OPT_DAYS, "days", "N", "age in days (default 7)"},
    {OPT_SCALE, "scale", "N", "how much: 1 (the default) is 40 customers and 600 invoices, 25 is 1,000 customers\n"
     "                        and 100,000 invoices; up to 200"},
    {OPT_CHECK, "check", NULL, "read each file whole, and compare its checksum"},
    {OPT_OLDER_THAN, "older-than", "TIME", "those that were not used for so long: 7d, 12h, 30mi, or seconds"},
    {OPT_DAMAGED, "damaged", NULL, "those that are cut short, altered, or no snapshots of this version"},
    {OPT_ALL, "all", NULL, "all of them"},
    {OPT_REMOVE_UP_TO, "remove-up-to", "PERCENT", "how much of a table a file may remove (default 20)"},
    {OPT_MAP, "map", "FILE", "other names of files and columns: a line 'theirs = ours' each"},
    {OPT_KEEP_ABSENT, "keep-absent", NULL, "leave columns that a file lacks as they are, instead of emptying them"},
    {OPT_CUT, "cut", NULL, "cut texts that are too long, instead of refusing them"},
    {OPT_STATUS, "status", "STATUS", "only those: Pending, Exported, Confirmed or Rejected"},
};

#define COMMON (CTL_OPT(OPT_DEFAULTS) | CTL_OPT(OPT_HELP) | CTL_OPT(OPT_VERSION) | CTL_OPT(OPT_JSON) \
                | CTL_OPT(OPT_SQL) | CTL_OPT(OPT_TOKEN_KEYS) | CTL_OPT(OPT_CACHE_DIR))
#define TERMS (CTL_OPT(OPT_PRICE_LIST) | CTL_OPT(OPT_WAREHOUSE) | CTL_OPT(OPT_DISCOUNT) | CTL_OPT(OPT_NAME))
#define KSS_KEY (CTL_OPT(OPT_TYPE) | CTL_OPT(OPT_IDS) | CTL_OPT(OPT_USER) | CTL_OPT(OPT_LIMIT_HOUR) \
                 | CTL_OPT(OPT_LABEL) | CTL_OPT(OPT_EXPIRES))
#define LIMITS (CTL_OPT(OPT_LIMIT_MINUTE) | CTL_OPT(OPT_LIMIT_HOUR))

/* What both imports say of the guard against losses. */
#define LOSSES \
    "A file that would remove more than 20 % of a table of 50 rows or more, or all of a table, is refused: it may have\n" \
    "been cut off. --remove-up-to 60 allows up to 60 %, --remove-up-to 100 everything; an empty table needs neither.\n"

/* What both imports take, and say of it. */
#define IMPORT_USAGE "[--dry-run] [--remove-up-to PERCENT] [--map FILE] [--keep-absent] [--cut]"
#define IMPORT_OPTIONS (CTL_CONNECTS | CTL_OPT(OPT_DRY_RUN) | CTL_OPT(OPT_REMOVE_UP_TO) | CTL_OPT(OPT_MAP) \
                        | CTL_OPT(OPT_KEEP_ABSENT) | CTL_OPT(OPT_CUT))
#define DIALECTS \
    "CSV in UTF-8, with or without BOM. The header shows what separates the cells: comma, semicolon, tab or '|'.\n" \
    "Columns stand in any order; case, blanks and '_' in their names do not count. Decimals have a point, in files with\n" \
    "semicolons also a comma. A column that the file lacks gets its default in every row, or with --keep-absent stays\n" \
    "as it is.\n" \
    "--map FILE says what else files and columns are called, one rule a line:\n" \
    "  artikel.txt = products.csv\n  artikel.txt: Artikelnummer = SKU\n" \
    "Texts that are too long are refused, or with --cut cut; codes and URLs are never cut.\n"

static const ctl_database customer_database = {"kissctl", "customer", ""};
static const ctl_database kss_database = {"kissctl_kss", "kss", "kss "};

#define CUSTOMER &customer_database
#define KSS &kss_database

static const ctl_verb verbs[] = {
    {"schema install", "", "", CUSTOMER, 0, cmd_schema_install, "make or repair the tables, triggers and revisions",
     "Runs every file DIR/customer/NNNN-*.sql in order. It may be run again: data stays as it is, missing tables and\n"
     "triggers come back, and if any did, the revisions are raised. The database itself must exist."},
    {"schema check", "", "", CUSTOMER, 0, cmd_schema_check, "compare the database with the schema files",
     "Exit status 1 when the database is behind or ahead of the files, with what to do."},
    {"schema upgrade", "", "", CUSTOMER, 0, cmd_schema_upgrade, "run the schema files that the database lacks",
     "Stops at the first file that fails; run it again when the cause is gone."},
    {"schema repair", "", "", CUSTOMER, 0, cmd_schema_repair, "put back what is missing, and raise the revisions",
     "Tables, triggers, foreign keys and revisions come back as the schema files say, also where a table was swapped and they\n"
     "hang on the old one. Then every revision is raised, because what was changed meanwhile is not known: every ETag\n"
     "is another one. Data stays as it is."},
    {"touch", "DATASET [SCOPE]", "", CUSTOMER, 0, cmd_touch, "raise a revision, because data were changed past the triggers",
     "DATASET is products, assortment, prices, listing, stock, customers, or all; SCOPE is one price list (prices,\n"
     "listing) or one warehouse (stock), all of them when it is left out. ETags that depend on it are others then."},
    {"import", "DIR", IMPORT_USAGE, CUSTOMER, IMPORT_OPTIONS, cmd_import_customer,
     "load a folder of CSV files, all or nothing",
     "A file that is present replaces the content of its table; a file that is absent leaves its table as it is:\n"
     "  products.csv product_images.csv product_accessories.csv product_substitutions.csv product_composition.csv\n"
     "  price_lists.csv prices.csv warehouses.csv stock.csv customers.csv\n"
     DIALECTS
     "An empty number is 0, but a price must not be empty; an empty date is unknown, empty text stays empty.\n"
     "Customers keep their keys, limits and whether they are enabled. One that customers.csv does not have any more is\n"
     "set aside: refused, without price list and warehouse, until a load names it again; its keys stay.\n"
     "Every fault is named by file, line, column and reason, up to 100 of them, and then nothing is changed.\n"
     LOSSES
     "The API goes on serving the old content until the import is complete. Ctrl-C stops it; nothing is changed then.\n"
     "With --dry-run everything is done and checked, and taken back at the end."},
    {"customer list", "", "", CUSTOMER, 0, cmd_customer_list, "list the customers", NULL},
    {"customer show", "CODE", "", CUSTOMER, 0, cmd_customer_show, "show one customer", NULL},
    {"customer add", "CODE", "--price-list CODE --warehouse CODE [--discount PERCENT] [--name NAME] "
     "[--limit-minute N] [--limit-hour N]", CUSTOMER, TERMS | LIMITS, cmd_customer_add, "add a customer",
     "The customer is enabled at once and needs a key: 'kissctl key issue CODE'."},
    {"customer set", "CODE", "[--price-list CODE] [--warehouse CODE] [--discount PERCENT] [--name NAME] "
     "[--limit-minute N] [--limit-hour N]", CUSTOMER, TERMS | LIMITS, cmd_customer_set, "change a customer",
     "Changes what is given and leaves the rest. It holds from the customer's next request on."},
    {"customer disable", "CODE", "", CUSTOMER, 0, cmd_customer_disable, "lock a customer out, at once, tokens included",
     NULL},
    {"customer enable", "CODE", "", CUSTOMER, 0, cmd_customer_enable, "let a customer in again",
     "Also one that an import has set aside; it gets its terms by 'kissctl customer set' or by the next customers.csv."},
    {"key issue", "CODE", "[--label TEXT] [--expires DATE]", CUSTOMER, CTL_OPT(OPT_LABEL) | CTL_OPT(OPT_EXPIRES),
     cmd_key_issue, "make a key for a customer and print it, once",
     "The key stands alone on standard output. It is stored nowhere: only its SHA-256 is kept. A customer may have\n"
     "several keys, so that a new one can be handed out before the old one is revoked."},
    {"key list", "CODE", "", CUSTOMER, 0, cmd_key_list, "list the keys of a customer",
     "Keys themselves cannot be shown."},
    {"key revoke", "ID", "", CUSTOMER, 0, cmd_key_revoke, "end a key, at once",
     "ID is the number that 'kissctl key list' shows. Tokens that were got with the key live out their time, an hour;\n"
     "'kissctl customer disable' ends those too."},
    {"token-key list", "", "", NULL, 0, cmd_tokenkey_list, "list the token signing keys, without their secrets", NULL},
    {"token-key rotate", "", "", NULL, 0, cmd_tokenkey_rotate, "put a new signing key on top of the others",
     "The new key signs, the others still verify. Makes the file when it is missing. Reload httpd (graceful) then.\n"
     "Retire the old key when the tokens that it signed have ended (KissTokenLifetime)."},
    {"token-key retire", "KID", "", NULL, 0, cmd_tokenkey_retire, "remove a signing key",
     "Tokens that it signed are refused after the next reload of httpd. The only key is not removed."},
    {"snapshot list", "", "[--check]", NULL, CTL_OPT(OPT_CHECK),
     cmd_snapshot_list, "list the answers that httpd keeps",
     "The last used first. Customers with the same terms share one; Customer is the one for whom it was built. One with two\n"
     "ETags is what has changed from the second to the first. State is sound or damaged with --check; without, damaged\n"
     "where that shows at once. Damaged ones are never sent.\n"
     "'older' is what another version of mod_kiss left."},
    {"snapshot purge", "", "--older-than TIME | --damaged | --all [--dry-run]", NULL,
     CTL_OPT(OPT_OLDER_THAN) | CTL_OPT(OPT_DAMAGED) | CTL_OPT(OPT_ALL) | CTL_OPT(OPT_DRY_RUN),
     cmd_snapshot_purge, "remove answers that httpd keeps",
     "May be done at any time while httpd runs: what is being sent is sent to its end, what is missing is built when it is\n"
     "asked for. httpd itself keeps to KissCacheSize and KissCacheAge."},
    {"doctor", "", "[--children N] [--max N]", CUSTOMER, CTL_CONNECTS | CTL_OPT(OPT_CHILDREN) | CTL_OPT(OPT_MAX),
     cmd_doctor, "look for what is wrong or missing, and say what to do",
     "Looks at the server, the schema, the rights of the account, the budget of connections (children x max x 2: a\n"
     "graceful reload runs two generations at once), the token signing keys, the directory of kept\n"
     "answers, and the content. Exit status 1 when there is a problem."},

    {"kss schema install", "", "", KSS, 0, cmd_schema_install, "the same for the database of the KSS API",
     "Runs every file DIR/kss/NNNN-*.sql in order. See 'kissctl schema --help'."},
    {"kss schema check", "", "", KSS, 0, cmd_schema_check, "compare that database with its schema files",
     "Exit status 1 when the database is behind or ahead of the files, with what to do."},
    {"kss schema upgrade", "", "", KSS, 0, cmd_schema_upgrade, "run the schema files that it lacks",
     "Stops at the first file that fails; run it again when the cause is gone."},
    {"kss schema repair", "", "", KSS, 0, cmd_schema_repair, "put back what it lacks, and raise its revisions",
     "See 'kissctl schema repair --help'. The sums of the invoices are worked out again, too."},
    {"kss touch", "DATASET [SCOPE]", "", KSS, 0, cmd_touch, "raise a revision, because data were changed past the triggers",
     "DATASET is the name of a table, or all; there are no scopes. ETags that depend on it are others then. For invoice and\n"
     "invoice_line the sums of the invoices are worked out again."},
    {"kss import", "DIR", IMPORT_USAGE, KSS, IMPORT_OPTIONS, cmd_import_kss,
     "load a folder of CSV files into that database, all or nothing",
     "A file that is present replaces the content of its table; a file that is absent leaves its table as it is:\n"
     "  states suppliers locations users user_states user_customers user_suppliers user_locations credit_terms customers\n"
     "  ar_accounts customer_credit_terms supplier_credit_terms product_categories products promotions promotion_states\n"
     "  promotion_products menu_promotions allocations inventory inventory_batches retailer_inventory invoices\n"
     "  invoice_lines invoice_coas ar_aging ar_aging_invoices payment_types payment_type_suppliers payments\n"
     "  payment_applications vendors vendor_routes purchases purchase_lines sales_rep_groups sales_rep_customers\n"
     "  sales_rep_suppliers, each with .csv behind it\n"
     DIALECTS
     "Columns are called as the fields of the API. An empty cell means the default: nothing, 0, and for times now; prices\n"
     "and amounts must not be empty. Times are ISO 8601, UTC when they name no zone. Ids are numbers: 0007 is 7.\n"
     "TimeUpdated, when not given, is now for rows that change.\n"
     "Products may name their category (KSSMenuCategory): one that is missing is made. Invoice lines without SupplierID\n"
     "get the supplier of their product. Totals of invoices are worked out from the lines.\n"
     "payment_applications.csv leaves requests as they are that it does not name: those that are Pending or Exported,\n"
     "and decided ones as long as their payment and invoice stay. Of one that it names, by RequestID or\n"
     "PaymentApplicationID, the numbers, names and times that it does not give stay. Keys are never touched.\n"
     "Every fault is named by file, line, column and reason, up to 100 of them, and then nothing is changed.\n"
     LOSSES
     "The API goes on serving the old content until the import is complete. Ctrl-C stops it; nothing is changed then.\n"
     "With --dry-run everything is done and checked, and taken back at the end."},
    {"kss demo-data", "DIR", "[--scale N]", NULL, CTL_OPT(OPT_SCALE), cmd_kss_demo,
     "write made-up CSV files for 'kss import' into a folder",
     "The same data every time, as of 2026-11-01. The folder is made when it is missing; a file that is there already is\n"
     "not overwritten."},
    {"kss key issue", "", "--type TYPE [--ids IDS] [--user ID] [--limit-hour N] [--label TEXT] [--expires DATE]", KSS,
     KSS_KEY, cmd_kss_key_issue, "make a key for the KSS API and print it, once",
     "The key stands alone on standard output. It is stored nowhere: only its SHA-256 is kept. A key of type customer\n"
     "or supplier sees what belongs to the accounts in --ids; one of type employee sees everything and has none. Ids\n"
     "that the database does not know are accepted with a remark: they may come with the next import."},
    {"kss key list", "", "", KSS, 0, cmd_kss_key_list, "list the keys of the KSS API",
     "Keys themselves cannot be shown."},
    {"kss key revoke", "ID", "", KSS, 0, cmd_kss_key_revoke, "end a key of the KSS API, at once",
     "ID is the number that 'kissctl kss key list' shows."},
    {"kss payments list", "", "[--status STATUS]", KSS, CTL_OPT(OPT_STATUS), cmd_kss_payments_list,
     "list the requests to allocate payments",
     "Those not yet applied first, then the newest. What the back office applied without a request is not listed."},
    {"kss payments export", "", "[--dry-run]", KSS, CTL_OPT(OPT_DRY_RUN), cmd_kss_payments_export,
     "hand the pending requests over to the back office",
     "Prints all Pending requests as CSV (or --json) and makes them Exported. When the output cannot be written, they\n"
     "stay Pending. Use the output only when the exit status is 0. With --dry-run it prints and changes nothing."},
    {"kss payments confirm", "REQUEST", "--application ID [--applied-by NAME]", KSS,
     CTL_OPT(OPT_APPLICATION) | CTL_OPT(OPT_APPLIED_BY), cmd_kss_payments_confirm, "note that a request was applied",
     "REQUEST is the RequestID of the export. To confirm the same again changes nothing and is no error."},
    {"kss payments expire", "", "[--days N]", KSS, CTL_OPT(OPT_DAYS), cmd_kss_payments_expire,
     "reject requests that were not confirmed in time",
     "Requests that were exported more than N days ago become Rejected; their amounts are available again. Answers\n"
     "kept for an Idempotency-Key are forgotten at the same age. Run it every day, after the confirmations."},
    {"kss doctor", "", "[--children N] [--max N]", KSS, CTL_CONNECTS | CTL_OPT(OPT_CHILDREN) | CTL_OPT(OPT_MAX),
     cmd_kss_doctor, "the same as doctor for the database of the KSS API",
     "Looks at the server, the schema, the rights of the accounts, the budget of connections, keys and waiting\n"
     "payment requests. Exit status 1 when there is a problem."},
};

#define COUNT(array) ((int)(sizeof(array) / sizeof(*(array))))

/** Who wants to know of messages. */
static void (*listener)(void *ctx, const char *text, int failure);
static void *listener_ctx;

void ctl_on_message(void (*hear)(void *ctx, const char *text, int failure), void *ctx)
{
    listener = hear;
    listener_ctx = ctx;
}

static void say(int failure, const char *fmt, va_list args)
{
    char text[2048];
    va_list again;

    va_copy(again, args);
    if (listener) {
        vsnprintf(text, sizeof(text), fmt, again);
        listener(listener_ctx, text, failure);
    }
    va_end(again);
    fflush(stdout);
    fputs("kissctl: ", stderr);
    vfprintf(stderr, fmt, args);
    fputc('\n', stderr);
}

int ctl_fail(const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    say(1, fmt, args);
    va_end(args);
    return CTL_FAILED;
}

void ctl_note(const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    say(0, fmt, args);
    va_end(args);
}

static void print_usage(FILE *f, const char *lead, const ctl_verb *verb)
{
    fprintf(f, "%skissctl %s%s%s%s%s\n", lead, verb->words, *verb->args ? " " : "", verb->args,
            *verb->usage ? " " : "", verb->usage);
}

int ctl_usage(const ctl *c, const char *fmt, ...)
{
    va_list args;

    fputs("kissctl: ", stderr);
    va_start(args, fmt);
    vfprintf(stderr, fmt, args);
    va_end(args);
    fputc('\n', stderr);
    if (c->verb) {
        print_usage(stderr, "usage: ", c->verb);
    }
    else {
        fputs("usage: kissctl VERB [OPTION...]; 'kissctl --help' lists the verbs\n", stderr);
    }
    return CTL_USAGE;
}

static void print_options(apr_uint64_t which)
{
    int i;

    for (i = 0; i < COUNT(options); i++) {
        if (which & CTL_OPT(options[i].id)) {
            printf("  --%s%s%-*s  %s\n", options[i].name, options[i].value ? " " : "",
                   18 - (int)strlen(options[i].name) - (options[i].value ? 1 : 0),
                   options[i].value ? options[i].value : "", options[i].help);
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
    for (i = 0; i < COUNT(verbs); i++) {
        printf("  %s%s%-*s  %s\n", verbs[i].words, *verbs[i].args ? " " : "",
               28 - (int)strlen(verbs[i].words) - (*verbs[i].args ? 1 : 0), verbs[i].args, verbs[i].summary);
    }
    puts("\nOptions of every verb, before or behind it:");
    print_options(COMMON);
    puts("\nMore about a verb and its own options: kissctl VERB --help\n"
         "Exit status: 0 done, 1 failed or a problem found, 2 wrong usage. Errors are written to standard error.");
    return CTL_OK;
}

/** Help of the verbs that begin with the words given: "customer" has several. */
static int print_verb_help(const char *words)
{
    apr_size_t n = strlen(words);
    int i, found = 0;

    for (i = 0; i < COUNT(verbs); i++) {
        const ctl_verb *verb = &verbs[i];

        if (strncmp(verb->words, words, n) != 0 || (verb->words[n] && verb->words[n] != ' ')) {
            continue;
        }
        fputs(found++ ? "\n" : "", stdout);
        print_usage(stdout, "usage: ", verb);
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
    print_options(COMMON);
    return CTL_OK;
}

/** The verb whose words begin the list; `used` receives how many words it takes. */
static const ctl_verb *find_verb(apr_pool_t *p, const char *const *words, int n, int *used)
{
    const ctl_verb *best = NULL;
    int i, k;

    for (i = 0; i < COUNT(verbs); i++) {
        char *rest, *copy = apr_pstrdup(p, verbs[i].words), *word = apr_strtok(copy, " ", &rest);

        for (k = 0; word && k < n && strcmp(word, words[k]) == 0; k++) {
            word = apr_strtok(NULL, " ", &rest);
        }
        if (!word && (!best || k > *used)) {
            best = &verbs[i];
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
        apr_size_t len = strlen(longer);

        for (i = 0; i < COUNT(verbs); i++) {
            if (strncmp(verbs[i].words, longer, len) == 0 && (!verbs[i].words[len] || verbs[i].words[len] == ' ')) {
                break;
            }
        }
        if (i == COUNT(verbs)) {
            break;
        }
        known = longer;
    }
    return known;
}

static int wrong_verb(const ctl *c, const char *const *words, int n)
{
    const char *known = known_words(c->pool, words, n);
    apr_size_t len = strlen(known);
    int i;

    if (n == 0) {
        return ctl_usage(c, "a verb is missing");
    }
    if (!*known) {
        return ctl_usage(c, "there is no verb '%s'", words[0]);
    }
    ctl_fail("'%s' wants one of its verbs behind it", known);
    for (i = 0; i < COUNT(verbs); i++) {
        if (strncmp(verbs[i].words, known, len) == 0 && verbs[i].words[len] == ' ') {
            print_usage(stderr, "usage: ", &verbs[i]);
        }
    }
    return CTL_USAGE;
}

/** Keeps getopt's own message, so that it is said in our form and with the verb's usage. */
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
    apr_getopt_option_t table[COUNT(options) + 1] = {{0}};
    char *message = apr_pcalloc(c->pool, 256);
    const char *value;
    int i, code;
    apr_status_t rv;

    for (i = 0; i < COUNT(options); i++) {
        table[i].name = options[i].name;
        table[i].has_arg = options[i].value != NULL;
        table[i].optch = options[i].id == OPT_HELP ? 'h' : options[i].id == OPT_VERSION ? 'V'
            : FIRST_LONG_OPTION + (int)options[i].id;
    }
    os->interleave = 1;
    os->errfn = keep_message;
    os->errarg = message;
    while ((rv = apr_getopt_long(os, table, &code, &value)) == APR_SUCCESS) {
        ctl_option id = code == 'h' ? OPT_HELP : code == 'V' ? OPT_VERSION : (ctl_option)(code - FIRST_LONG_OPTION);

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

    for (i = 0; i < COUNT(options); i++) {
        if (c->option[options[i].id] && !((COMMON | c->verb->options) & CTL_OPT(options[i].id))) {
            return ctl_usage(c, "'%s' does not take --%s", c->verb->words, options[i].name);
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
        /* getopt stopped before it sorted the words: look for the verb among all of them. */
        for (n = 1; n < argc && !c->verb; n++) {
            c->verb = find_verb(c->pool, argv + n, argc - n, &used);
        }
        return ctl_usage(c, "%s", bad);
    }
    if (c->option[OPT_VERSION]) {
        return print_version();
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
