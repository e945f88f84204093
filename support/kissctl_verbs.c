/* SPDX-License-Identifier: Apache-2.0 */
/**
 * kissctl_verbs - the table of verbs. Data only.
 */
#include "kissctl_verbs.h"

#include "cmd.h"

#define TERMS (CTL_OPT(OPT_PRICE_LIST) | CTL_OPT(OPT_WAREHOUSE) | CTL_OPT(OPT_DISCOUNT) | CTL_OPT(OPT_NAME))
#define KSS_KEY (CTL_OPT(OPT_TYPE) | CTL_OPT(OPT_IDS) | CTL_OPT(OPT_USER) | CTL_OPT(OPT_LIMIT_HOUR) \
                 | CTL_OPT(OPT_LABEL) | CTL_OPT(OPT_EXPIRES))
#define LIMITS (CTL_OPT(OPT_LIMIT_MINUTE) | CTL_OPT(OPT_LIMIT_HOUR))

/* Both verbs that call the API. */
#define GET_USAGE "--as WHO --url URL [--ca FILE] [-i]"
#define GET_OPTIONS (CTL_CONNECTS | CTL_OPT(OPT_AS) | CTL_OPT(OPT_URL) | CTL_OPT(OPT_CA) | CTL_OPT(OPT_HEADERS))
#define CALLS \
    "The server's certificate is verified, redirects are not followed; plain http:// works for this machine only. Exit\n" \
    "status 0 for a status of 2xx."

/* The help of both imports about the guard against losses. */
#define LOSSES \
    "A file that would remove more than 20 % of a table of 50 rows or more, or all of a table, is refused: it may have\n" \
    "been cut off. --remove-up-to 60 allows up to 60 %, --remove-up-to 100 everything; an empty table needs neither.\n"

/* The options of both imports, and the help about them. */
#define IMPORT_USAGE "[--dry-run] [--remove-up-to PERCENT] [--map FILE] [--keep-absent] [--cut]"
#define IMPORT_OPTIONS (CTL_CONNECTS | CTL_OPT(OPT_DRY_RUN) | CTL_OPT(OPT_REMOVE_UP_TO) | CTL_OPT(OPT_MAP) \
                        | CTL_OPT(OPT_KEEP_ABSENT) | CTL_OPT(OPT_CUT))
/* The options of setup, and the help about it. */
#define SETUP_USAGE "--server-name NAME [--certificate FILE --certificate-key FILE] [--port N] [--database NAME] [--admin FILE] " \
    "[--apache DIR] [--apachectl FILE] [--dry-run]"
#define SETUP_OPTIONS (CTL_CONNECTS | CTL_OPT(OPT_SERVER_NAME) | CTL_OPT(OPT_CERTIFICATE) | CTL_OPT(OPT_CERTIFICATE_KEY) \
                       | CTL_OPT(OPT_PORT) | CTL_OPT(OPT_DATABASE) | CTL_OPT(OPT_ADMIN) | CTL_OPT(OPT_APACHE) \
                       | CTL_OPT(OPT_APACHECTL) | CTL_OPT(OPT_DRY_RUN))
#define SETUP_HELP \
    "It prints what it will do and does it; with --dry-run it prints only. What is there already stays as it is: no file, account\n" \
    "or database is changed, and what is in the way is named before anything is done. It may be run again, and goes on where it\n" \
    "was stopped. Passwords are made here and written to files with mode 0600, nowhere else. The site is enabled only if\n" \
    "httpd's configuration passes its test with it; httpd itself is not restarted. For Debian's layout of /etc/apache2, and\n" \
    "MariaDB on the same host, as root."

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

const ctl_verb kissctl_verbs[] = {
    {"setup", "", SETUP_USAGE, CUSTOMER, SETUP_OPTIONS, cmd_setup, "set up the Customer API on an existing httpd and MariaDB",
     "Database, two accounts and their rights, schema, signing key, and a virtual host in httpd's configuration.\n"
     SETUP_HELP},
    {"schema install", "", "", CUSTOMER, 0, cmd_schema_install, "make or repair the tables, triggers and revisions",
     "Runs every file DIR/customer/NNNN-*.sql in order. It may be run again: data stays as it is, missing tables and\n"
     "triggers come back, and if any did, the revisions are raised. The database itself must exist."},
    {"schema check", "", "", CUSTOMER, 0, cmd_schema_check, "compare the database with the schema files",
     "Exit status 1 when the database is behind or ahead of the files, with what to do."},
    {"schema upgrade", "", "", CUSTOMER, 0, cmd_schema_upgrade, "run the schema files that the database lacks",
     "Stops at the first file that fails; run it again when the cause is gone."},
    {"schema repair", "", "", CUSTOMER, 0, cmd_schema_repair, "put back what is missing, and raise the revisions",
     "Tables, triggers, foreign keys and revisions come back as the schema files say, also where a table was swapped and "
     "they\n"
     "hang on the old one. Then every revision is raised, because what was changed meanwhile is not known: every ETag\n"
     "is another one. Data stays as it is."},
    {"touch", "DATASET [SCOPE]", "", CUSTOMER, 0, cmd_touch, "raise a revision, because data were changed past the triggers",
     "DATASET is products, assortment, prices, listing, stock, customers, keys, admins, or all; SCOPE is one price list (prices,\n"
     "listing) or one warehouse (stock), all of them when it is left out. ETags that depend on it are others then."},
    {"import", "DIR", IMPORT_USAGE " [--take-over]", CUSTOMER, IMPORT_OPTIONS | CTL_OPT(OPT_TAKE_OVER), cmd_import_customer,
     "load a folder of CSV files, all or nothing",
     "A file that is present replaces the content of its table; a file that is absent leaves its table as it is:\n"
     "  products.csv product_images.csv product_accessories.csv product_substitutions.csv product_composition.csv\n"
     "  price_lists.csv prices.csv warehouses.csv stock.csv customers.csv\n"
     DIALECTS
     "An empty number is 0, but a price must not be empty; an empty date is unknown, empty text stays empty.\n"
     "Customers keep their keys, limits and whether they are enabled. One that customers.csv does not have any more is\n"
     "set aside: refused, without price list and warehouse, until a load names it again; its keys stay.\n"
     "Products that a PIM has written over HTTPS are left as they are, whether the files have them or not, unless\n"
     "--take-over is given.\n"
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
    {"admin list", "", "", CUSTOMER, 0, cmd_admin_list, "list the clients of the admin endpoints",
     "They write product data where httpd has KissAdmin. LastWriteAt is when one last changed something."},
    {"admin add", "CODE", "[--name NAME] [--limit-minute N] [--limit-hour N]", CUSTOMER, CTL_OPT(OPT_NAME) | LIMITS,
     cmd_admin_add, "add a client of the admin endpoints, a PIM for one",
     "It is enabled at once and needs a key: 'kissctl admin-key issue CODE'. It is no customer, and reads no customer's list."},
    {"admin disable", "CODE", "", CUSTOMER, 0, cmd_admin_disable, "lock an admin client out, at once, tokens included", NULL},
    {"admin enable", "CODE", "", CUSTOMER, 0, cmd_admin_enable, "let an admin client in again", NULL},
    {"admin-key issue", "CODE", "[--label TEXT] [--expires DATE]", CUSTOMER, CTL_OPT(OPT_LABEL) | CTL_OPT(OPT_EXPIRES),
     cmd_admin_key_issue, "make a key for an admin client and print it, once",
     "As 'kissctl key issue' for a customer."},
    {"admin-key list", "CODE", "", CUSTOMER, 0, cmd_admin_key_list, "list the keys of an admin client", NULL},
    {"admin-key revoke", "ID", "", CUSTOMER, 0, cmd_admin_key_revoke, "end a key of an admin client, at once",
     "ID is the number that 'kissctl admin-key list' shows. Tokens that were got with the key live out their time, an hour;\n"
     "'kissctl admin disable' ends those too."},
    {"audit", "[SKU]", "[--days N]", CUSTOMER, CTL_OPT(OPT_DAYS), cmd_audit, "list what admin clients have written",
     "The newest first, of the last 7 days, or N: who, when, which members, and the X-Request-Id that the client got. With SKU\n"
     "only what was written of it."},
    {"audit purge", "", "--days N [--dry-run]", CUSTOMER, CTL_OPT(OPT_DAYS) | CTL_OPT(OPT_DRY_RUN), cmd_audit_purge,
     "forget what admin clients have written more than N days ago",
     "The last write of each client stays: 'kissctl admin list' shows it. May be done at any time, some thousand rows a\n"
     "transaction. Nothing else removes rows of the audit: conf/systemd/kiss-audit.timer does it every week."},
    {"token-key list", "", "", NULL, 0, cmd_tokenkey_list, "list the token signing keys, without their secrets", NULL},
    {"token-key rotate", "[KID]", "[--prepare]", NULL, CTL_OPT(OPT_PREPARE), cmd_tokenkey_rotate, "put a signing key on top",
     "A new key, or KID, which is in the file already. It signs, the others still verify. Makes the file when it is missing.\n"
     "Reload httpd (graceful) then. Retire the old key when the tokens that it signed have ended (KissTokenLifetime).\n"
     "Several hosts: a key must be known to all of them before one signs with it. --prepare makes a new one that only\n"
     "verifies; 'kissctl token-key export' and import bring it to the others; when httpd was reloaded at all of them,\n"
     "'kissctl token-key rotate KID' at each."},
    {"token-key retire", "KID", "", NULL, 0, cmd_tokenkey_retire, "remove a signing key",
     "Tokens that it signed are refused after the next reload of httpd. The only key is not removed."},
    {"token-key export", "", "", NULL, 0, cmd_tokenkey_export, "print the signing keys, for 'token-key import' at another host",
     "With their secrets: not to a terminal, nor to a file that others than its owner can use.\n"
     "  kissctl token-key export | ssh two kissctl token-key import"},
    {"token-key import", "", "", NULL, 0, cmd_tokenkey_import, "add the signing keys of another host, from standard input",
     "Those that the file lacks, below its own: they verify and do not sign, unless the file had none. No key is removed. A\n"
     "key with another secret under the same id, or input that ends early, changes nothing. Reload httpd (graceful) then."},
    {"snapshot list", "", "[--check]", NULL, CTL_OPT(OPT_CHECK),
     cmd_snapshot_list, "list the answers that httpd keeps",
     "The last used first. Customers with the same terms share one; Customer is the one for whom it was built. One with "
     "two\n"
     "ETags is what has changed from the second to the first. State is sound or damaged with --check; without, damaged\n"
     "where that shows at once. Damaged ones are never sent.\n"
     "'older' is what another version of mod_kiss left."},
    {"snapshot purge", "", "--older-than TIME | --damaged | --all [--dry-run]", NULL,
     CTL_OPT(OPT_OLDER_THAN) | CTL_OPT(OPT_DAMAGED) | CTL_OPT(OPT_ALL) | CTL_OPT(OPT_DRY_RUN),
     cmd_snapshot_purge, "remove answers that httpd keeps",
     "May be done at any time while httpd runs: what is being sent is sent to its end, what is missing is built when it is\n"
     "asked for. What is known of earlier versions of lists goes with them. httpd itself keeps to KissCacheSize and\n"
     "KissCacheAge."},
    {"usage", "CODE", "[--log FILE] [--days N] [--url URL [--ca FILE] [--issuer TEXT] [--audience TEXT]]", CUSTOMER,
     CTL_OPT(OPT_LOG) | CTL_OPT(OPT_DAYS) | CTL_OPT(OPT_URL) | CTL_OPT(OPT_CA) | CTL_OPT(OPT_ISSUER) | CTL_OPT(OPT_AUDIENCE),
     cmd_usage, "what a customer has used of its limits, and how it polls",
     "Limits of its own (none: those of the server), and when each of its keys last got a token, to the minute.\n"
     "--log: of each endpoint the requests of the last N days, how many of them were 304 (Unchanged), 429 (Limited), another\n"
     "4xx (Refused) or 5xx (Failed), their bytes, and the mean of the Seconds between two. The log is that of one host;\n"
     "rotated ones come by standard input: zcat -f kiss-access.log* | kissctl usage CODE --log -\n"
     "--url: what is left of both windows now. The counters are in httpd's memory, or in Redis (KissLimitStore): this asks\n"
     "httpd, once, as the customer, and counts as one of its calls."},
    {"notify", "FILE", "", CUSTOMER, 0, cmd_notify, "tell URLs of yours that lists have changed",
     "An extension of ours: off unless something runs it, a timer for one (conf/systemd/kiss-notify.timer). FILE says whom to\n"
     "tell, with which secret: see conf/notify.conf.sample. When a revision has changed on which the ETag of /products,\n"
     "/stock or /prices depends, for whichever customer, each target gets one POST with no more in it than\n"
     "  {\"event\":\"lists-changed\",\"lists\":[\"/prices\",\"/products\"]}\n"
     "and X-Kiss-Timestamp (seconds since 1970), X-Kiss-Signature (sha256= and HMAC-SHA256 over timestamp, a dot, and the\n"
     "body, in hexadecimal digits) and X-Kiss-Delivery (the same in all attempts). Any 2xx is success; no answer, 408, 425,\n"
     "429 and 5xx are tried again after 1, 2, 4 ... seconds, other answers in the next run. Redirects are not followed. The\n"
     "first run tells nobody. Exit status 1 when somebody could not be told."},
    {"top", "URL", "[--interval SECONDS] [--times N] [--ca FILE]", NULL,
     CTL_OPT(OPT_INTERVAL) | CTL_OPT(OPT_TIMES) | CTL_OPT(OPT_CA), cmd_top, "show what httpd serves, again and again",
     "URL is that of 'SetHandler kiss-status', https://localhost/kiss-status for one. Requests in all and a second, of each\n"
     "endpoint with errors and times, the last ten callers with what they have used of their limits, and the last five\n"
     "requests that failed; on a small screen the most requested endpoints first, and fewer of each. q or Ctrl-C ends it, a\n"
     "blank asks for the next report at once. Where TERM is dumb, reports are printed one after the other. What is not on a\n"
     "terminal gets one report."},
    {"get", "PATH", GET_USAGE " [--issuer TEXT] [--audience TEXT]", CUSTOMER,
     GET_OPTIONS | CTL_OPT(OPT_ISSUER) | CTL_OPT(OPT_AUDIENCE), cmd_get, "call the API as a customer, for support",
     "GET for a PATH below the URL of the API, /stock for one, with a token for the customer CODE that lives for a minute:\n"
     "it is signed with the first of --token-keys, so run it as who may read that file. The body goes to standard\n"
     "output, and a line with status, host and length to standard error. The call counts as one of the customer's.\n"
     CALLS},
    {"config check", "[FILE]", "[--apachectl FILE]", NULL, CTL_OPT(OPT_APACHECTL), cmd_config_check,
     "check a configuration of httpd before it is loaded",
     "FILE is a whole configuration, as for 'apachectl -f'; without it httpd's own. httpd tests it, secrets and keys\n"
     "included; then each server of each database is reached as the module would do it, with the account, password\n"
     "file and TLS of KissDatabase: server, schema version, max_connections and max_prepared_stmt_count against the\n"
     "processes that the configuration allows, and the clock. Of several servers (host=) one that is away is a warning.\n"
     "Versions of httpd (where it speaks HTTP/2) and zlib with known faults are named. Last the KissCacheDir. Run it as\n"
     "root, as httpd is started. Nothing is loaded and nothing is changed. Exit status 1 when there is a problem."},
    {"doctor", "", "[--children N] [--max N]", CUSTOMER, CTL_CONNECTS | CTL_OPT(OPT_CHILDREN) | CTL_OPT(OPT_MAX),
     cmd_doctor, "look for what is wrong or missing, and say what to do",
     "Looks at the server, the schema, the rights of the account, the budget of connections (children x max x 2: a\n"
     "graceful reload runs two generations at once), the token signing keys, the directory of kept\n"
     "answers, and the content; at the httpd that is installed here, for versions with known faults, and at the one that\n"
     "runs, for files that were replaced since it started. Exit status 1 when there is a problem."},

    {"kss setup", "", SETUP_USAGE, KSS, SETUP_OPTIONS, cmd_setup, "the same as setup for the KSS API",
     "The accounts are those of 'kissctl setup'; database and virtual host are its own. A second database for\n"
     "tests, with a host of its own, is made by hand: the sample kss-site.conf has both. See 'kissctl setup --help'.\n"
     SETUP_HELP},
    {"kss schema install", "", "", KSS, 0, cmd_schema_install, "the same for the database of the KSS API",
     "Runs every file DIR/kss/NNNN-*.sql in order. See 'kissctl schema --help'."},
    {"kss schema check", "", "", KSS, 0, cmd_schema_check, "compare that database with its schema files",
     "Exit status 1 when the database is behind or ahead of the files, with what to do."},
    {"kss schema upgrade", "", "", KSS, 0, cmd_schema_upgrade, "run the schema files that it lacks",
     "Stops at the first file that fails; run it again when the cause is gone."},
    {"kss schema repair", "", "", KSS, 0, cmd_schema_repair, "put back what it lacks, and raise its revisions",
     "See 'kissctl schema repair --help'. The sums of the invoices are worked out again, too."},
    {"kss touch", "DATASET [SCOPE]", "", KSS, 0, cmd_touch, "raise a revision, because data were changed past the triggers",
     "DATASET is the name of a table, or all; there are no scopes. ETags that depend on it are others then. For invoice "
     "and\n"
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
    {"kss payments export", "", "[--dry-run | --again TIME]", KSS, CTL_OPT(OPT_DRY_RUN) | CTL_OPT(OPT_AGAIN),
     cmd_kss_payments_export,
     "hand the pending requests over to the back office",
     "Prints all Pending requests as CSV (or --json) and makes them Exported. When the output cannot be written, they\n"
     "stay Pending. Use the output only when the exit status is 0. With --dry-run it prints and changes nothing.\n"
     "A run that was killed, or lost its server at the commit, may count or not: run the export again first, and then\n"
     "with --again TIME, the last column of the output that it left. That prints, and does not change, what the run has\n"
     "exported and nobody has confirmed: use this in place of what was left. No rows: it has exported nothing."},
    {"kss payments confirm", "REQUEST", "--application ID [--applied-by NAME]", KSS,
     CTL_OPT(OPT_APPLICATION) | CTL_OPT(OPT_APPLIED_BY), cmd_kss_payments_confirm, "note that a request was applied",
     "REQUEST is the RequestID of the export. To confirm the same again changes nothing and is no error."},
    {"kss payments expire", "", "[--days N]", KSS, CTL_OPT(OPT_DAYS), cmd_kss_payments_expire,
     "reject requests that were not confirmed in time",
     "Requests that were exported more than N days ago become Rejected; their amounts are available again. Answers\n"
     "kept for an Idempotency-Key are forgotten at the same age. Run it every day, after the confirmations."},
    {"kss get", "PATH", GET_USAGE, KSS, GET_OPTIONS, cmd_kss_get, "call the KSS API with the rights of a key, for support",
     "GET for a PATH below the URL of the API, /invoices?PageSize=2 for one. Keys themselves are not known here: a key\n"
     "with the type, accounts, user and limit of key ID is made for this call, and removed after it. It is counted by\n"
     "itself. The body goes to standard output, and a line with status, host and length to standard error.\n"
     CALLS},
    {"kss doctor", "", "[--children N] [--max N]", KSS, CTL_CONNECTS | CTL_OPT(OPT_CHILDREN) | CTL_OPT(OPT_MAX),
     cmd_kss_doctor, "the same as doctor for the database of the KSS API",
     "Looks at the server, the schema, the rights of the accounts, the budget of connections, keys and waiting\n"
     "payment requests. Exit status 1 when there is a problem."},
};

const int kissctl_verbs_n = (int)(sizeof(kissctl_verbs) / sizeof(*kissctl_verbs));
