/* SPDX-License-Identifier: Apache-2.0 */
/**
 * ctl - what every part of kissctl shares: the context of a run, the options, what a verb is, exit statuses. Types only.
 */
#ifndef CTL_H
#define CTL_H

#include <apr_pools.h>
#include <mysql.h>

/** Exit statuses. */
#define CTL_OK 0
#define CTL_FAILED 1
#define CTL_USAGE 2

/** Options; their values are in ctl.option. */
typedef enum {
    OPT_DEFAULTS, OPT_SQL, OPT_TOKEN_KEYS, OPT_CACHE_DIR, OPT_JSON, OPT_HELP, OPT_VERSION,
    OPT_DRY_RUN, OPT_NAME, OPT_PRICE_LIST, OPT_WAREHOUSE, OPT_DISCOUNT, OPT_LIMIT_MINUTE, OPT_LIMIT_HOUR,
    OPT_LABEL, OPT_EXPIRES, OPT_CHILDREN, OPT_MAX,
    OPT_TYPE, OPT_IDS, OPT_USER, OPT_APPLICATION, OPT_APPLIED_BY, OPT_DAYS, OPT_STATUS, OPT_SCALE,
    OPT_CHECK, OPT_OLDER_THAN, OPT_DAMAGED, OPT_ALL, OPT_REMOVE_UP_TO,
    OPT_MAP, OPT_CUT, OPT_KEEP_ABSENT, OPT_TAKE_OVER,
    OPT_ADMIN, OPT_DATABASE, OPT_SERVER_NAME, OPT_PORT, OPT_CERTIFICATE, OPT_CERTIFICATE_KEY, OPT_APACHE, OPT_APACHECTL,
    OPT_REFERENCE,
    OPT_AS, OPT_URL, OPT_CA, OPT_ISSUER, OPT_AUDIENCE, OPT_HEADERS, OPT_LOG,
    OPT_INTERVAL, OPT_TIMES, OPT_PREPARE, OPT_AGAIN,
    OPT_COUNT
} ctl_option;

/** How kissctl's connection is protected on its way. */
typedef enum {
    CTL_TLS_OFF,                        /**< in the clear: a socket, this host, or tls=off */
    CTL_TLS_REQUIRE,                    /**< encrypted, the peer not verified: tls=require */
    CTL_TLS_VERIFY                      /**< encrypted, and the server's certificate is verified: for another host */
} ctl_tls;

typedef struct ctl ctl;
typedef struct ctl_verb ctl_verb;

/** The database of one API: what differs for verbs that serve both. */
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
    const char *origin;                 /**< what says how to connect, for messages; NULL: group and file of `defaults` */
    ctl_tls tls;                        /**< how the connection is protected; as of ctl_db_open() */
    int silence;                        /**< seconds of silence after which the server ends the session; 0: not set */
    apr_int64_t alive;                  /**< when ctl_db_alive() gave the last one, by the monotonic clock; 0: never */
    const char *sql_dir;                /**< folder of the schema files */
    const char *token_keys;             /**< file of the token signing keys */
    const char *cache_dir;              /**< KissCacheDir as it was named; ctl_cache_dir() knows more */
    const struct ctl_httpd_config *httpd;   /**< of the httpd that is installed; NULL until ctl_httpd_installed() */
    int json;                           /**< data as JSON */
    const char *option[OPT_COUNT];      /**< NULL: not given; switches are "" */
};

/** One verb: a row of the table in kissctl_verbs.c. Adding a verb is adding a row. */
struct ctl_verb {
    const char *words;                  /**< "customer add" */
    const char *args;                   /**< words after it, by name: "CODE"; "CODE [SCOPE]": the second is optional */
    const char *usage;                  /**< its options as the usage line shows them */
    const ctl_database *database;       /**< what it works on; NULL: needs no database */
    apr_uint64_t options;               /**< the options it takes, CTL_OPT() of each */
    int (*run)(ctl *c, const char *const *args);    /**< returns an exit status; `args` are as many as named */
    const char *summary;                /**< one line */
    const char *help;                   /**< paragraphs for VERB --help; may be NULL */
};

/** The bit of an option in ctl_verb.options. */
#define CTL_OPT(o) ((apr_uint64_t)1 << (o))

/** Among ctl_verb.options: the verb connects by itself, because it has output also without a connection. */
#define CTL_CONNECTS ((apr_uint64_t)1 << 63)

#endif
