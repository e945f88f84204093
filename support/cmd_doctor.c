/**
 * cmd_doctor - looks for what is wrong or missing, and says what to do.
 */
#include "cmd.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <apr_strings.h>

#include "ctl_db.h"
#include "ctl_defaults.h"
#include "ctl_message.h"
#include "ctl_out.h"
#include "schema_files.h"
#include "ctl_value.h"
#include "doctor.h"
#include "kiss_local.h"
#include "kiss_secret.h"
#include "kiss_tokenkeys.h"
#include "schema_diff.h"

#define MIN_SERVER 100500               /* bound arrays, FOR UPDATE and window functions as used here */
#define DEFAULT_MAX 8
#define MOST_NAMED 10

static const doctor_state ok = DOCTOR_OK, warning = DOCTOR_WARNING, problem = DOCTOR_PROBLEM;

void doctor_finding(doctor *d, const char *check, doctor_state state, const char *advice, const char *fmt, ...)
{
    static const char *const words[] = {"ok", "warning", "PROBLEM"};
    const char **row = apr_palloc(d->c->pool, sizeof(*row) * 4);
    va_list args;

    va_start(args, fmt);
    row[0] = check;
    row[1] = words[state];
    row[2] = apr_pvsprintf(d->c->pool, fmt, args);
    row[3] = advice;
    va_end(args);
    APR_ARRAY_PUSH(d->rows, const char **) = row;
    d->problems += state == DOCTOR_PROBLEM;
}

/** A number from the database; -1 when it could not be asked, which is a finding. */
static apr_int64_t number(doctor *d, const char *check, const char *sql)
{
    const char *value;

    if (ctl_db_value(d->c, &value, sql, 0) != CTL_OK || !value) {
        doctor_finding(d, check, problem, "see the message of the database above", "could not be checked");
        return -1;
    }
    return apr_atoi64(value);
}

/** The way to the server, and the settings in force on it. */
static void check_connection(doctor *d)
{
    MYSQL *db = d->c->db;
    const char *cipher = mysql_get_ssl_cipher(db), *host = ctl_defaults_value(d->c, "host");
    const char *way = db->unix_socket ? apr_psprintf(d->c->pool, "socket %s", db->unix_socket)
                      : apr_psprintf(d->c->pool, "%s, port %u", host ? host : "localhost", db->port);

    if (cipher) {
        doctor_finding(d, "connection", ok, NULL, "%s, over TLS (%s), %s", way, cipher, d->c->tls == CTL_TLS_VERIFY
                       ? "the server's certificate is verified" : "whoever is at its other end");
    }
    else if (db->unix_socket || kiss_is_local(host)) {
        doctor_finding(d, "connection", ok, NULL, "%s, in the clear: it does not leave this machine", way);
    }
    else {
        doctor_finding(d, "connection", warning, apr_psprintf(d->c->pool, "set up TLS on the server and take tls=off out "
                       "of group [%s]; KissDatabase asks for the same (tls=)", d->c->verb->database->group),
                       "%s, in the clear: whoever is on the way can read and change what is said", way);
    }
}

static void check_server(doctor *d)
{
    MYSQL *db = d->c->db;
    const char *mode, *charset, *sql = "SELECT CONCAT(@@character_set_client, '/', @@character_set_results)";

    if (!mariadb_connection(db) || mysql_get_server_version(db) < MIN_SERVER) {
        doctor_finding(d, "server", problem, "use MariaDB 10.5 or newer", "%s", mysql_get_server_info(db));
    }
    else {
        doctor_finding(d, "server", ok, NULL, "MariaDB %s", mysql_get_server_info(db));
    }
    if (ctl_db_value(d->c, &mode, "SELECT @@GLOBAL.sql_mode", 0) == CTL_OK && mode) {
        if (strstr(mode, "STRICT_ALL_TABLES") || strstr(mode, "STRICT_TRANS_TABLES")) {
            doctor_finding(d, "sql_mode", ok, NULL, "strict");
        }
        else {
            doctor_finding(d, "sql_mode", warning, "set sql_mode=STRICT_TRANS_TABLES in the server's configuration",
                           "the server is not strict: other programs may store cut or wrong values");
        }
    }
    if (ctl_db_value(d->c, &charset, sql, 0) == CTL_OK && charset) {
        doctor_finding(d, "charset", strcmp(charset, "utf8mb4/utf8mb4") == 0 ? ok : problem,
                       strcmp(charset, "utf8mb4/utf8mb4") == 0 ? NULL : "remove init_connect settings that change it",
                       "the connection speaks %s", charset);
    }
}

/** Names at most ten of `n` texts. */
static const char *some_of(doctor *d, const char *list, int i, const char *text)
{
    return i > MOST_NAMED ? list : i == MOST_NAMED ? apr_pstrcat(d->c->pool, list, ", ...", NULL)
        : apr_pstrcat(d->c->pool, list, i ? ", " : "", text, NULL);
}

/** Tables, sequences, triggers, foreign keys and revisions must be as the schema files make them. */
static void check_objects(doctor *d)
{
    apr_pool_t *p = d->c->pool;
    apr_array_header_t *differences, *foreign;
    const char *list = "", *others = "";
    schema_parts *parts;
    int i;

    if (schema_parts_read(d->c, &parts) != CTL_OK || schema_diff(d->c, parts, &differences) != CTL_OK
        || schema_diff_foreign(d->c, parts, &foreign) != CTL_OK) {
        doctor_finding(d, "tables", problem, "see the message above", "could not be checked");
        return;
    }
    for (i = 0; i < differences->nelts; i++) {
        list = some_of(d, list, i, APR_ARRAY_IDX(differences, i, schema_difference).text);
    }
    for (i = 0; i < foreign->nelts; i++) {
        others = some_of(d, others, i, APR_ARRAY_IDX(foreign, i, const char *));
    }
    if (*list) {
        doctor_finding(d, "tables", problem,
                       apr_psprintf(p, "run 'kissctl %sschema repair' as an account that may see and make triggers; until then "
                                    "changes may be answered with 304", d->c->verb->database->lead), "%s", list);
    }
    else {
        doctor_finding(d, "tables", ok, NULL, "all %d tables and sequences, %d triggers and %d foreign keys are as they must be",
                       parts->tables->nelts, parts->triggers->nelts, parts->keys->nelts);
    }
    if (*others) {
        doctor_finding(d, "other triggers", ok, NULL, "%s", others);
    }
}

/** Tables that have other rows than the last load has left, though nothing has raised a revision since. */
static void check_loaded(doctor *d)
{
    apr_pool_t *p = d->c->pool;
    apr_array_header_t *rows;
    const char *list = "", *now;
    int i, n = 0;

    if (ctl_db_rows(d->c, &rows, p, "SELECT l.table_name, l.row_count, l.dataset FROM last_load l WHERE l.revisions ="
                    " (SELECT SUM(n) FROM revision r WHERE r.dataset = l.dataset) ORDER BY 1", 0) != CTL_OK) {
        return;
    }
    for (i = 0; i < rows->nelts; i++) {
        const char **row = CTL_ROW(rows, i);

        if (ctl_db_value(d->c, &now, apr_pstrcat(p, "SELECT COUNT(*) FROM `", row[0], "`", NULL), 0) == CTL_OK && now
            && strcmp(now, row[1]) != 0) {
            list = some_of(d, list, n++, apr_psprintf(p, "%s has %s rows, the last load has left %s", row[0], now, row[1]));
        }
    }
    if (n) {
        doctor_finding(d, "rows", problem, apr_psprintf(p, "run 'kissctl %stouch all': until then clients may be told 304",
                                                        d->c->verb->database->lead),
                       "changed past the triggers: %s", list);
    }
    else if (rows->nelts) {
        doctor_finding(d, "rows", ok, NULL, "as the last load has left them, where nothing has changed since");
    }
}

static int check_schema(doctor *d)
{
    apr_array_header_t *files;
    const char *advice;
    int version;

    if (schema_files(d->c, &files) != CTL_OK || schema_version(d->c, &version) != CTL_OK) {
        doctor_finding(d, "schema", problem, "see the message above", "could not be checked");
        return 0;
    }
    advice = schema_advice(d->c, version, files->nelts);
    doctor_finding(d, "schema", advice ? problem : ok, advice, "version %d of %d", version, files->nelts);
    if (version == files->nelts) {
        check_objects(d);
        check_loaded(d);
    }
    return version > 0;
}

static void check_budget(doctor *d)
{
    apr_int64_t most = number(d, "max_connections", "SELECT @@GLOBAL.max_connections"), children = 0, max = DEFAULT_MAX;

    if (most < 0) {
        return;
    }
    if (d->c->option[OPT_MAX]) {
        ctl_number(&max, d->c->option[OPT_MAX], 1, 100000);
    }
    if (!d->c->option[OPT_CHILDREN]) {
        doctor_finding(d, "max_connections", ok, NULL, "%" APR_INT64_T_FMT ": enough for %" APR_INT64_T_FMT
                       " child processes of httpd with max=%" APR_INT64_T_FMT " (children x max x 2; a prefork child "
                       "uses one); --children N --max N checks yours", most, most / max / 2, max);
        return;
    }
    ctl_number(&children, d->c->option[OPT_CHILDREN], 1, 100000);
    doctor_finding(d, "max_connections", children * max * 2 > most ? problem : ok, children * max * 2 > most
                   ? apr_psprintf(d->c->pool, "set max_connections to %" APR_INT64_T_FMT " or more, or lower max= of "
                           "KissDatabase or the number of children", children * max * 2 + 10) : NULL,
                   "%" APR_INT64_T_FMT ", and httpd may open %" APR_INT64_T_FMT " x %" APR_INT64_T_FMT " x 2 = %"
                   APR_INT64_T_FMT " during a reload", most, children, max, children * max * 2);
}

static void check_token_keys(doctor *d)
{
    const char *text, *error = kiss_secret_read_file(&text, d->c->token_keys, d->c->pool);
    apr_array_header_t *keys;
    struct stat st;

    if (stat(d->c->token_keys, &st) != 0) {
        doctor_finding(d, "token keys", problem,
                       "run 'kissctl token-key rotate' as root, or name the file with --token-keys FILE",
                       "%s", error ? error : "missing");
        return;
    }
    if (!error) {
        error = kiss_tokenkeys_parse(&keys, text, d->c->pool);
        error = error ? apr_psprintf(d->c->pool, "%s: %s", d->c->token_keys, error) : NULL;
    }
    if (error) {
        doctor_finding(d, "token keys", problem, access(d->c->token_keys, R_OK) != 0 && errno == EACCES
                       ? "run kissctl as root: only root can read that file" : "repair the file; httpd does not start with it",
                       "%s", error);
        return;
    }
    doctor_finding(d, "token keys", ok, NULL, "%s: %d key%s, for its owner only", d->c->token_keys, keys->nelts,
                   keys->nelts == 1 ? "" : "s");
}

/** The file of the connection may hold a password. */
static void check_defaults(doctor *d)
{
    char line[256];
    struct stat st;
    int secret = 0;
    FILE *f = fopen(d->c->defaults, "r");

    if (!f) {
        return;                             /* connecting says why */
    }
    while (fgets(line, sizeof(line), f)) {
        secret |= strncmp(line + strspn(line, " \t"), "password", 8) == 0;
    }
    if (secret && fstat(fileno(f), &st) == 0 && (st.st_mode & 07) != 0) {
        doctor_finding(d, "defaults file", problem, apr_psprintf(d->c->pool, "chmod 600 %s", d->c->defaults),
                       "%s holds a password and can be read by everybody", d->c->defaults);
    }
    fclose(f);
}

/** Names the codes that a query finds. */
static void check_list(doctor *d, const char *check, doctor_state state, const char *sql, const char *fine,
                       const char *bad, const char *advice)
{
    apr_array_header_t *rows;
    const char *list = "";
    int i;

    if (ctl_db_rows(d->c, &rows, d->c->pool, sql, 0) != CTL_OK) {
        doctor_finding(d, check, problem, "see the message of the database above", "could not be checked");
        return;
    }
    for (i = 0; i < rows->nelts && i < 10; i++) {
        list = apr_pstrcat(d->c->pool, list, i ? ", " : "", CTL_ROW(rows, i)[0], NULL);
    }
    if (rows->nelts == 0) {
        doctor_finding(d, check, ok, NULL, "%s", fine);
    }
    else {
        doctor_finding(d, check, state, advice, "%d %s: %s%s", rows->nelts, bad, list, rows->nelts > 10 ? ", ..." : "");
    }
}

static void check_unknown_skus(doctor *d, const char *check, const char *table, const char *rows)
{
    apr_int64_t n = number(d, check, apr_pstrcat(d->c->pool, "SELECT COUNT(*) FROM ", table,
                                                 " r LEFT JOIN product p USING (sku) WHERE p.sku IS NULL", NULL));

    if (n > 0) {
        doctor_finding(d, check, warning, "import the products; until then these rows are not served",
                       "%" APR_INT64_T_FMT " %s for SKUs that do not exist as products", n, rows);
    }
    else if (n == 0) {
        doctor_finding(d, check, ok, NULL, "all for known products");
    }
}

static void check_content(doctor *d)
{
    apr_int64_t n = number(d, "products", "SELECT COUNT(*) FROM product WHERE NOT is_obsolete");

    if (n >= 0) {
        doctor_finding(d, "products", n ? ok : problem, n ? NULL : "import a catalogue: 'kissctl import DIR'",
                       "%" APR_INT64_T_FMT " that are not obsolete", n);
    }
    n = number(d, "customers", "SELECT COUNT(*) FROM customer WHERE enabled AND absent_since IS NULL");
    if (n > 0) {
        doctor_finding(d, "customers", ok, NULL, "%" APR_INT64_T_FMT " that are enabled", n);
    }
    else if (n == 0) {
        doctor_finding(d, "customers", warning,
                       "kissctl customer add CODE --price-list CODE --warehouse CODE, or import customers.csv",
                       "none that is enabled: nobody gets a token");
    }
    check_unknown_skus(d, "prices", "price", "prices");
    check_unknown_skus(d, "stock", "stock", "stock rows");
    check_list(d, "price lists", warning, "SELECT customer_code FROM customer WHERE enabled AND absent_since IS NULL"
               " AND price_list_code IS NULL"
               " ORDER BY 1", "every enabled customer has one",
               "enabled customers without price list (they get empty lists)",
               "kissctl customer set CODE --price-list CODE");
    check_list(d, "warehouses", warning, "SELECT customer_code FROM customer WHERE enabled AND absent_since IS NULL"
               " AND stock_location IS NULL"
               " ORDER BY 1", "every enabled customer has one",
               "enabled customers without warehouse (they get no stock)",
               "kissctl customer set CODE --warehouse CODE");
    check_list(d, "keys", warning, "SELECT c.customer_code FROM customer c WHERE c.enabled"
               " AND c.absent_since IS NULL AND NOT EXISTS"
               " (SELECT 1 FROM api_key k WHERE k.customer_code = c.customer_code AND k.revoked_at IS NULL"
               " AND (k.expires_at IS NULL OR k.expires_at > UTC_TIMESTAMP())) ORDER BY 1",
               "every enabled customer has one that works", "enabled customers without a key that works",
               "kissctl key issue CODE");
    /* Per price list, not per customer: many customers share one. */
    check_list(d, "visible", problem, "SELECT c.customer_code FROM customer c JOIN"
               " (SELECT l.price_list_code FROM price_list l WHERE NOT EXISTS"
               " (SELECT 1 FROM price r JOIN product p ON p.sku = r.sku AND NOT p.is_obsolete"
               " WHERE r.price_list_code = l.price_list_code)) e USING (price_list_code) WHERE c.enabled"
               " AND c.absent_since IS NULL ORDER BY 1",
               "every enabled customer with a price list sees products", "enabled customers see no product at all",
               "import prices for their price lists, or give them another list");
}

static void check_kss_content(doctor *d)
{
    apr_int64_t n = number(d, "customers", "SELECT COUNT(*) FROM customer");

    if (n >= 0) {
        doctor_finding(d, "customers", n ? ok : problem, n ? NULL : "import the data: 'kissctl kss import DIR'",
                       "%" APR_INT64_T_FMT, n);
    }
    n = number(d, "keys", "SELECT COUNT(*) FROM api_key WHERE revoked_at IS NULL"
               " AND (expires_at IS NULL OR expires_at > UTC_TIMESTAMP())");
    if (n >= 0) {
        doctor_finding(d, "keys", n ? ok : warning, n ? NULL : "kissctl kss key issue --type TYPE --ids IDS",
                       "%" APR_INT64_T_FMT " that work", n);
    }
    check_list(d, "accounts of keys", warning, "SELECT k.key_id FROM api_key k JOIN api_key_account a USING (key_id)"
               " LEFT JOIN customer c ON k.type = 'customer' AND c.customer_id = a.account_id"
               " LEFT JOIN supplier s ON k.type = 'supplier' AND s.supplier_id = a.account_id"
               " WHERE k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > UTC_TIMESTAMP())"
               " GROUP BY k.key_id HAVING COUNT(c.customer_id) + COUNT(s.supplier_id) = 0 ORDER BY k.key_id",
               "every key has a customer or supplier that exists", "keys whose customers or suppliers do not exist "
               "(they see nothing)", "import them, or 'kissctl kss key revoke ID' and issue another");
    check_list(d, "payment requests", warning, "SELECT COALESCE(request_id, '-') FROM payment_application"
               " WHERE status = 'Pending' AND time_requested < UTC_TIMESTAMP() - INTERVAL 1 DAY ORDER BY request_id",
               "none waits longer than a day", "pending for more than a day",
               "run 'kissctl kss payments export' from a timer and hand its output to the back office");
    check_list(d, "exported requests", warning, "SELECT COALESCE(request_id, '-') FROM payment_application"
               " WHERE status = 'Exported' AND time_exported < UTC_TIMESTAMP() - INTERVAL 8 DAY ORDER BY request_id",
               "none waits longer than eight days", "neither confirmed nor rejected for more than eight days",
               "'kissctl kss payments confirm' those that were applied, then 'kissctl kss payments expire'");
}

static void print_findings(const doctor *d)
{
    static const out_column columns[] = {{"Check", OUT_TEXT}, {"State", OUT_TEXT}, {"Finding", OUT_TEXT},
                                         {"Action", OUT_TEXT}};
    int i;

    if (d->c->json) {
        ctl_out_rows(d->c, columns, 4, d->rows);
        return;
    }
    for (i = 0; i < d->rows->nelts; i++) {
        const char **row = CTL_ROW(d->rows, i);

        printf("%-8s %s: ", row[1], row[0]);
        ctl_out_safe(stdout, row[2]);
        fputs(row[3] ? "\n         -> " : "", stdout);
        ctl_out_safe(stdout, row[3] ? row[3] : "");
        fputc('\n', stdout);
    }
}

static int check_options(const ctl *c)
{
    apr_int64_t n;

    if ((c->option[OPT_CHILDREN] && !ctl_number(&n, c->option[OPT_CHILDREN], 1, 100000))
        || (c->option[OPT_MAX] && !ctl_number(&n, c->option[OPT_MAX], 1, 100000))) {
        return ctl_usage(c, "--children and --max want whole numbers from 1 to 100000");
    }
    return CTL_OK;
}

/** Everything that two databases have in common, and what is special to one. */
static int examine(ctl *c, void (*check_special)(doctor *), void (*check_files)(doctor *))
{
    doctor d = {c, apr_array_make(c->pool, 16, sizeof(const char **)), 0};

    if (check_options(c) != CTL_OK) {
        return CTL_USAGE;
    }
    check_defaults(&d);
    if (ctl_db_open(c) != CTL_OK) {
        doctor_finding(&d, "server", problem, "see the message above", "cannot connect");
    }
    else {
        check_connection(&d);
        check_server(&d);
        check_budget(&d);
        if (check_schema(&d)) {
            doctor_check_own_rights(&d);
            doctor_check_module_rights(&d);
            check_special(&d);
        }
    }
    if (check_files) {
        check_files(&d);
    }
    print_findings(&d);
    return d.problems ? CTL_FAILED : CTL_OK;
}

static void check_customer_files(doctor *d)
{
    check_token_keys(d);
    doctor_check_cache(d);
}

int cmd_doctor(ctl *c, const char *const *args)
{
    (void)args;
    return examine(c, check_content, check_customer_files);
}

int cmd_kss_doctor(ctl *c, const char *const *args)
{
    (void)args;
    return examine(c, check_kss_content, NULL);     /* no tokens, and nothing is kept */
}
