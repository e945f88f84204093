/* SPDX-License-Identifier: Apache-2.0 */
/**
 * kissctl_options - the table of options. Data only.
 */
#include "kissctl_options.h"

const kissctl_option kissctl_options[] = {
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
    {OPT_DRY_RUN, "dry-run", NULL, "change nothing: do everything and take it back, or say what would be done"},
    {OPT_NAME, "name", "NAME", "the name of the customer, or of the admin client"},
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
    {OPT_DAYS, "days", "N", "age in days (7, where it may be left out)"},
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
    {OPT_TAKE_OVER, "take-over", NULL, "replace products that a PIM has written, too: they become the import's"},
    {OPT_AS, "as", "WHO", "whose rights: the code of a customer, or the number of a key of the KSS API"},
    {OPT_URL, "url", "URL", "of the API, with the path where it begins (environment KISS_URL, or\n"
     "                        KSS_URL for the verbs that begin with kss)"},
    {OPT_CA, "ca", "FILE", "trusted certificate authorities (environment KISS_CA; default: those\n"
     "                        of the system)"},
    {OPT_ISSUER, "issuer", "TEXT", "KissTokenIssuer of the API (default: what its metadata say)"},
    {OPT_AUDIENCE, "audience", "TEXT", "KissTokenAudience of the API (default: what its metadata say, or the\n"
     "                        issuer that is given)"},
    {OPT_INTERVAL, "interval", "SECONDS", "between two reports (default 2)"},
    {OPT_TIMES, "times", "N", "how many reports (default: on a terminal until it is stopped, else one)"},
    {OPT_PREPARE, "prepare", NULL, "make a key that verifies only, until 'kissctl token-key rotate KID'"},
    {OPT_LOG, "log", "FILE", "access log in the format of conf/kiss-site.conf; - for standard input"},
    {OPT_HEADERS, "headers", NULL, "print status line and headers, too (-i)"},
    {OPT_STATUS, "status", "STATUS", "only those: Pending, Exported, Confirmed or Rejected"},
    {OPT_AGAIN, "again", "TIME", "the TimeExported of a run: print what it has exported, and change nothing"},
    {OPT_ADMIN, "admin", "FILE", "my.cnf file of the server's administrator, group [client]\n"
     "                        (default: the default socket, as the user that runs this)"},
    {OPT_DATABASE, "database", "NAME", "name of the database (default kiss; of the KSS API kss)"},
    {OPT_SERVER_NAME, "server-name", "NAME", "the name that clients call: ServerName"},
    {OPT_PORT, "port", "N", "port of the virtual host, on which httpd listens (default 443)"},
    {OPT_CERTIFICATE, "certificate", "FILE", "certificate of that name, PEM\n"
     "                        (default: the self-signed one of the package ssl-cert)"},
    {OPT_CERTIFICATE_KEY, "certificate-key", "FILE", "key of the certificate, PEM"},
    {OPT_APACHE, "apache", "DIR", "folder of httpd's configuration (default /etc/apache2)"},
    {OPT_APACHECTL, "apachectl", "FILE", "program that tests it (default " KISS_SBINDIR "/apachectl;\n"
     "                        where there is none, " KISS_HTTPD ")"},
    {OPT_REFERENCE, "reference", "FORM", "print man page (man) or completion of bash (bash)"},
};

const int kissctl_options_n = (int)(sizeof(kissctl_options) / sizeof(*kissctl_options));
