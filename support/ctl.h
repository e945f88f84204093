/**
 * ctl - what every part of kissctl shares: the context, the options, the verbs, messages and exit statuses.
 */
#ifndef CTL_H
#define CTL_H

#include <apr_pools.h>
#include <mysql.h>

/** Exit statuses. */
#define CTL_OK 0
#define CTL_FAILED 1
#define CTL_USAGE 2

/** Options; the values of those given stand in ctl.option. */
typedef enum {
    OPT_DEFAULTS, OPT_SQL, OPT_TOKEN_KEYS, OPT_CACHE_DIR, OPT_JSON, OPT_HELP, OPT_VERSION,
    OPT_DRY_RUN, OPT_NAME, OPT_PRICE_LIST, OPT_WAREHOUSE, OPT_DISCOUNT, OPT_LIMIT_MINUTE, OPT_LIMIT_HOUR,
    OPT_LABEL, OPT_EXPIRES, OPT_CHILDREN, OPT_MAX,
    OPT_TYPE, OPT_IDS, OPT_USER, OPT_APPLICATION, OPT_APPLIED_BY, OPT_DAYS, OPT_STATUS, OPT_SCALE,
    OPT_CHECK, OPT_OLDER_THAN, OPT_DAMAGED, OPT_ALL, OPT_REMOVE_UP_TO,
    OPT_MAP, OPT_CUT, OPT_KEEP_ABSENT,
    OPT_COUNT
} ctl_option;

/** How kissctl's connection is protected on its way. */
typedef enum {
    CTL_TLS_OFF,                        /**< in the clear: a socket, this host, or tls=off */
    CTL_TLS_REQUIRE,                    /**< encrypted, whoever is at its other end: tls=require */
    CTL_TLS_VERIFY                      /**< encrypted, and the server's certificate is verified: for another host */
} ctl_tls;

typedef struct ctl ctl;
typedef struct ctl_verb ctl_verb;

/** The database of one API: what verbs that serve both tell apart. */
typedef struct {
    const char *group;                  /**< my.cnf group of its connection */
    const char *folder;                 /**< its schema files and grants.sql, below the folder of all schema files */
    const char *lead;                   /**< what its verbs begin with: "" or "kss " */
} ctl_database;

/** The context of one run. Single-threaded. */
struct ctl {
    apr_pool_t *pool;                   /**< lives as long as the program */
    MYSQL *db;                          /**< the connection; NULL until ctl_db_open() */
    const ctl_verb *verb;               /**< what runs */
    const char *defaults;               /**< my.cnf file with the group of verb->database */
    ctl_tls tls;                        /**< how the connection is protected; as of ctl_db_open() */
    const char *sql_dir;                /**< folder of the schema files */
    const char *token_keys;             /**< file of the token signing keys */
    const char *cache_dir;              /**< KissCacheDir as it was named; ctl_cache_dir() knows more */
    int json;                           /**< data as JSON */
    const char *option[OPT_COUNT];      /**< NULL: not given; switches are "" */
};

/** One verb: a row of the table in kissctl.c. Adding a verb is adding a row. */
struct ctl_verb {
    const char *words;                  /**< "customer add" */
    const char *args;                   /**< words behind it, by name: "CODE"; "CODE [SCOPE]": the second may be left out */
    const char *usage;                  /**< its options as the usage line shows them */
    const ctl_database *database;       /**< what it works on; NULL: needs no database */
    apr_uint64_t options;               /**< the options it takes, CTL_OPT() of each */
    int (*run)(ctl *c, const char *const *args);    /**< returns an exit status; `args` are as many as named */
    const char *summary;                /**< one line */
    const char *help;                   /**< paragraphs for VERB --help; may be NULL */
};

/** The bit of an option in ctl_verb.options. */
#define CTL_OPT(o) ((apr_uint64_t)1 << (o))

/** Among ctl_verb.options: the verb connects by itself, because it has something to say also without a connection. */
#define CTL_CONNECTS ((apr_uint64_t)1 << 63)

/** Says "kissctl: ..." on standard error. @return CTL_FAILED, so that callers can return it */
int ctl_fail(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/** Says a remark on standard error that is no failure. */
void ctl_note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/** From now on, calls `hear` with each message before it is written; NULL: no more. */
void ctl_on_message(void (*hear)(void *ctx, const char *text, int failure), void *ctx);

/** Says what is wrong with the command line, and the usage of the verb. @return CTL_USAGE */
int ctl_usage(const ctl *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/** A whole number within [least, most] in plain digits. @return 1 and `value`, or 0 */
int ctl_number(apr_int64_t *value, const char *text, apr_int64_t least, apr_int64_t most);

/** The text of `option`, `name` on the command line: UTF-8, at most `most` characters; NULL when not given.
 *  @return CTL_OK or CTL_USAGE */
int ctl_text(const ctl *c, const char **value, ctl_option option, const char *name, int most);

/** The limit that `option` sets: digits, or NULL for 'default'; untouched when not given.
 *  @return CTL_OK or CTL_USAGE */
int ctl_limit(const ctl *c, const char **value, ctl_option option, const char *name);

/** KissCacheDir: what the caller named (option, environment), else what httpd's configuration says (then c->cache_dir is
 *  set, too), else the default. */
const char *ctl_cache_dir(ctl *c);

/** Verbs: see kissctl --help. */
int cmd_schema_install(ctl *c, const char *const *args);
int cmd_schema_check(ctl *c, const char *const *args);
int cmd_schema_upgrade(ctl *c, const char *const *args);
int cmd_schema_repair(ctl *c, const char *const *args);
int cmd_touch(ctl *c, const char *const *args);
int cmd_import_customer(ctl *c, const char *const *args);
int cmd_import_kss(ctl *c, const char *const *args);
int cmd_customer_list(ctl *c, const char *const *args);
int cmd_customer_show(ctl *c, const char *const *args);
int cmd_customer_add(ctl *c, const char *const *args);
int cmd_customer_set(ctl *c, const char *const *args);
int cmd_customer_disable(ctl *c, const char *const *args);
int cmd_customer_enable(ctl *c, const char *const *args);
int cmd_key_issue(ctl *c, const char *const *args);
int cmd_key_list(ctl *c, const char *const *args);
int cmd_key_revoke(ctl *c, const char *const *args);
int cmd_tokenkey_list(ctl *c, const char *const *args);
int cmd_tokenkey_rotate(ctl *c, const char *const *args);
int cmd_tokenkey_retire(ctl *c, const char *const *args);
int cmd_snapshot_list(ctl *c, const char *const *args);
int cmd_snapshot_purge(ctl *c, const char *const *args);
int cmd_doctor(ctl *c, const char *const *args);
int cmd_kss_doctor(ctl *c, const char *const *args);
int cmd_kss_demo(ctl *c, const char *const *args);
int cmd_kss_key_issue(ctl *c, const char *const *args);
int cmd_kss_key_list(ctl *c, const char *const *args);
int cmd_kss_key_revoke(ctl *c, const char *const *args);
int cmd_kss_payments_list(ctl *c, const char *const *args);
int cmd_kss_payments_export(ctl *c, const char *const *args);
int cmd_kss_payments_confirm(ctl *c, const char *const *args);
int cmd_kss_payments_expire(ctl *c, const char *const *args);

#endif
