/** kiss_config - directives, their inheritance, and what they add up to. */
#ifndef KISS_CONFIG_H
#define KISS_CONFIG_H

#include "kiss.h"
#include "kiss_jwt.h"
#include "kiss_statements.h"

/* Members of a location's configuration, one line each: declaration, "unset", and merge are all made from this list.
 * TEXT is unset as NULL, NUMBER as -1. */
#define KISS_DIR_MEMBERS(TEXT, NUMBER)                                                                            \
    TEXT(const kiss_sql_plan *, plan)               /* KissApi: the API with its statements */                    \
    TEXT(const char *, base)                        /* KissApi: the <Location>, without a slash at its end */     \
    TEXT(const char *, database)                    /* KissUseDatabase */                                         \
    TEXT(const apr_array_header_t *, token_keys)    /* KissTokenKeys: of kiss_tokenkey */                         \
    TEXT(const char *, issuer)                      /* KissTokenIssuer */                                         \
    TEXT(const char *, audience)                    /* KissTokenAudience */                                       \
    NUMBER(apr_int64_t, lifetime)                   /* KissTokenLifetime, seconds */                              \
    NUMBER(apr_int64_t, limit_minute)               /* KissLimit */                                               \
    NUMBER(apr_int64_t, limit_hour)                                                                               \
    NUMBER(apr_int64_t, anonymous_minute)           /* KissLimitAnonymous */                                      \
    NUMBER(apr_int64_t, anonymous_hour)                                                                           \
    NUMBER(apr_int64_t, key_hour)                   /* KissKeyLimit */                                            \
    NUMBER(apr_int64_t, login_failures)             /* KissLoginFailureLimit, per minute and address; 0: none */  \
    NUMBER(apr_int64_t, freshness)                  /* KissFreshness, microseconds */                             \
    NUMBER(apr_int64_t, plain_http)                 /* KissAllowPlainHTTP */

#define KISS_DECLARE(type, name) type name;
/** Configuration of a location. Members may be unset: read them through the getters. */
struct kiss_dir_conf {
    KISS_DIR_MEMBERS(KISS_DECLARE, KISS_DECLARE)
};
#undef KISS_DECLARE

/** How a connection to the database is protected on its way. */
typedef enum {
    KISS_TLS_UNSET = 0,                 /**< while the configuration is read */
    KISS_TLS_OFF,                       /**< in the clear */
    KISS_TLS_REQUIRE,                   /**< encrypted, whoever is at its other end */
    KISS_TLS_VERIFY                     /**< encrypted, and the server proves by its certificate who it is */
} kiss_tls;

/** One database as KissDatabase names it. */
typedef struct {
    const char *name;                   /**< first argument */
    const char *socket;                 /**< path of the server's socket, or NULL */
    const char *host;                   /**< or its host; NULL with a socket */
    int port;                           /**< 0: the standard one */
    const char *user;                   /**< account, or NULL for that of the process */
    const char *password;               /**< or NULL; never log it */
    const char *dbname;                 /**< the database */
    const char *address;                /**< socket, or host and port, for messages */
    kiss_tls tls;                       /**< how the connection is protected */
    const char *ca;                     /**< certificates of the authorities that are trusted; NULL: the system's */
    const char *tls_cert;               /**< the module's own certificate, or NULL */
    const char *tls_key;                /**< its key */
    const char *place;                  /**< server and database: two with the same are one */
    int keep;                           /**< idle connections kept in each child */
    int max;                            /**< connections of each child at most */
    apr_interval_time_t wait;           /**< how long a request waits for a connection */
    apr_interval_time_t connect;        /**< how long connecting may take */
    apr_interval_time_t timeout;        /**< how long the server may be silent while it is asked */
    apr_interval_time_t idle;           /**< an idle connection is closed after this time */
    const server_rec *server;           /**< where it was defined */
    kiss_db *db;                        /**< the pool of this child process; set in child_init */
    kiss_state *state;                  /**< its state, as the requests of this child process share it; set with the pool */
    volatile apr_uint32_t *losses;      /**< how often a connection to its server was lost without a word, in whatever child;
                                             NULL without shared memory */
} kiss_database_conf;

/** Configuration of a server. */
typedef struct {
    apr_hash_t *databases;              /**< name to kiss_database_conf */
    const char *cache_dir;              /**< KissCacheDir, or NULL */
    int cache_size;                     /**< KissCacheSize in megabytes, or -1 */
    apr_interval_time_t cache_age;      /**< KissCacheAge, or -1 */
    int warm;                           /**< KissWarm: lists, or -1 */
    apr_interval_time_t warm_interval;  /**< KissWarm: how often the database is looked at, or -1 */
    int limit_clients;                  /**< KissLimitClients, or -1 */
    int limit_keys;                     /**< KissLimitKeys, or -1 */
} kiss_server_conf;

/** A database and the API that is served from it somewhere. */
typedef struct {
    const kiss_database_conf *database; /**< the database */
    const kiss_sql_plan *plan;          /**< the API's statements */
} kiss_config_use;

/**
 * Checks what one directive cannot know: every location with an API has a database and token keys. In check_config, so
 * that configtest and apachectl graceful find it while the server runs on.
 *
 * @return NULL, or a sentence that names file and line
 */
const char *kiss_config_check(server_rec *main_server, apr_pool_t *p);

/** Distinct pairs of database and API: an array of kiss_config_use in `p`. */
apr_array_header_t *kiss_config_uses(server_rec *main_server, apr_pool_t *p);

/** A location that serves an API. */
typedef struct {
    server_rec *server;                 /**< where it stands */
    const kiss_dir_conf *conf;          /**< what holds there when no other section adds to it */
    const kiss_database_conf *database; /**< its database */
} kiss_config_place;

/** All locations: an array of kiss_config_place in `p`. */
apr_array_header_t *kiss_config_places(server_rec *main_server, apr_pool_t *p);

/** 1 when the location's API has whole lists, which are kept. */
int kiss_config_has_lists(const kiss_dir_conf *conf);

/** Directives for the module record. */
extern const command_rec kiss_config_commands[];

/** Creates and merges, for the module record. */
void *kiss_config_create_dir(apr_pool_t *p, char *dir);
void *kiss_config_merge_dir(apr_pool_t *p, void *base, void *add);
void *kiss_config_create_server(apr_pool_t *p, server_rec *s);
void *kiss_config_merge_server(apr_pool_t *p, void *base, void *add);

/** The configuration of a server. */
kiss_server_conf *kiss_config_server(const server_rec *s);

/** Directory for spool files; of the main server. */
const char *kiss_config_cache_dir(const server_rec *s);

/** Bytes that snapshots may take; of the main server. */
apr_off_t kiss_config_cache_size(const server_rec *s);

/** How long a snapshot that nobody uses is kept; of the main server. */
apr_interval_time_t kiss_config_cache_age(const server_rec *s);

/** How many lists are built in advance when something has changed; of the main server. */
int kiss_config_warm(const server_rec *s);

/** How often it is looked whether something has changed; of the main server. */
apr_interval_time_t kiss_config_warm_interval(const server_rec *s);

/** Slots of the rate limiter; of the main server. */
int kiss_config_limit_clients(const server_rec *s);

/** API keys that the rate limiter can count at the same time; of the main server. */
int kiss_config_limit_keys(const server_rec *s);

/** Requests that an API key without its own limit may make in an hour. */
apr_uint32_t kiss_config_key_limit(const kiss_dir_conf *conf);

/** The database of a location in a server, or NULL when no KissDatabase defines it. */
kiss_database_conf *kiss_config_database(const kiss_dir_conf *conf, const server_rec *s);

/** All distinct databases of all servers: an array of kiss_database_conf pointers in `p`. */
apr_array_header_t *kiss_config_databases(server_rec *main_server, apr_pool_t *p);

/** What tokens of this location are issued with; members point into the configuration or `r->pool`. */
kiss_jwt_policy kiss_config_token_policy(const kiss_dir_conf *conf, request_rec *r);

/** Requests that a window allows: of a customer without its own limit, or of the anonymous caller. */
apr_uint32_t kiss_config_limit(const kiss_dir_conf *conf, int window, int anonymous);

/** Failed logins that an address may make in a minute; 0 is any number. */
apr_uint32_t kiss_config_login_failures(const kiss_dir_conf *conf);

/** How old what is known of the database's state may be; 0: it is asked for each request. */
apr_interval_time_t kiss_config_freshness(const kiss_dir_conf *conf);

/** 1 when plain HTTP is answered. */
int kiss_config_plain_http(const kiss_dir_conf *conf);

#endif
