/* SPDX-License-Identifier: Apache-2.0 */
/**
 * config - the configuration: its members with default and range, inheritance, getters, and the databases and locations
 * that it names. Names and arguments of directives: core/directives.h.
 */
#ifndef KISS_CONFIG_H
#define KISS_CONFIG_H

#include "core/kiss.h"
#include "lib/api/statements.h"
#include "lib/base/setting.h"
#include "lib/credential/jwt.h"

/** The longest time that a directive accepts. */
#define KISS_TIME_MAX KISS_D(1000000)

/** Unit of a number in the configuration. */
typedef enum {
    KISS_UNIT_COUNT,                         /**< pieces */
    KISS_UNIT_SECONDS,                       /**< seconds, written without a unit */
    KISS_UNIT_MEGABYTES,                     /**< megabytes; its getter returns bytes */
    KISS_UNIT_TIME,                          /**< microseconds, written with a unit: 7d */
    KISS_UNIT_FLAG                           /**< 1 and 0, written On and Off */
} kiss_config_unit;

/** A server in which several hosts count together: core/config_limit_store.h. */
typedef struct kiss_limit_store kiss_limit_store;

/** When a profile is deprecated, or ends: KissDeprecation, KissSunset. */
typedef struct {
    apr_time_t time;                         /**< when, to the second */
    const char *header;                      /**< value of its header */
    const char *link;                        /**< value of a header Link, or NULL */
} kiss_config_end;

/*
 * The configuration, one row for each member. These two lists generate the members, their "unset" values, merge, the
 * getters, and how the number of a directive is read and its range checked. t/11-shipped-config.t compares the rows with
 * README.md, conf/kiss.conf and the usage texts of the directives.
 *
 *     TEXT(type, member)               a pointer; unset: NULL
 *     NUMBER(type, member, getter, directive, default, minimum, maximum, unit)
 *                                      kept as apr_int64_t, unset: -1; the getter returns `type`
 *
 * A directive with two arguments has two rows, in the order of its arguments.
 */
#define KISS_SERVER_MEMBERS(TEXT, NUMBER)                                                                                 \
    /* KissCacheDir */                                                                                                    \
    TEXT(const char *, cache_dir)                                                                                         \
    /* KissLimitStore */                                                                                                  \
    TEXT(const kiss_limit_store *, limit_store)                                                                           \
    /* Bytes that cached lists may use. */                                                                                \
    NUMBER(apr_off_t, cache_size, kiss_config_cache_size,                                                                 \
           "KissCacheSize", 1024, 1, 1000000, KISS_UNIT_MEGABYTES)                                                        \
    /* How long an unused list is kept. A use is recorded once a minute: a list in use must never seem old. */            \
    NUMBER(apr_interval_time_t, cache_age, kiss_config_cache_age,                                                         \
           "KissCacheAge", KISS_D(7), KISS_MI(5), KISS_TIME_MAX, KISS_UNIT_TIME)                                          \
    /* How many lists are built in advance when the database has changed. */                                              \
    NUMBER(int, warm, kiss_config_warm,                                                                                   \
           "KissWarm", 0, 0, 1000, KISS_UNIT_COUNT)                                                                       \
    /* How often the database is checked for changes. */                                                                  \
    NUMBER(apr_interval_time_t, warm_interval, kiss_config_warm_interval,                                                 \
           "KissWarm", KISS_S(1), KISS_MS(100), KISS_TIME_MAX, KISS_UNIT_TIME)                                            \
    /* Slots of the rate limiter. */                                                                                      \
    NUMBER(int, limit_clients, kiss_config_limit_clients,                                                                 \
           "KissLimitClients", 4096, 64, 1000000, KISS_UNIT_COUNT)                                                        \
    /* API keys that the rate limiter counts at the same time. */                                                         \
    NUMBER(int, limit_keys, kiss_config_limit_keys,                                                                       \
           "KissLimitKeys", 1024, 16, 65536, KISS_UNIT_COUNT)

#define KISS_DIR_MEMBERS(TEXT, NUMBER)                                                                                    \
    /* KissApi: the API with its statements; the <Location>, without a slash at its end */                                \
    TEXT(const kiss_plan *, plan)                                                                                         \
    TEXT(const char *, base)                                                                                              \
    /* KissUseDatabase */                                                                                                 \
    TEXT(const char *, database)                                                                                          \
    /* KissTokenKeys (of kiss_jwt_key), KissTokenIssuer, KissTokenAudience */                                             \
    TEXT(const apr_array_header_t *, token_keys)                                                                          \
    TEXT(const char *, issuer)                                                                                            \
    TEXT(const char *, audience)                                                                                          \
    /* KissAdminDatabase */                                                                                               \
    TEXT(const char *, admin_database)                                                                                    \
    /* KissServeStale: "stock" or "" after its time */                                                                     \
    TEXT(const char *, stale_too)                                                                                         \
    /* KissDeprecation, KissSunset */                                                                                     \
    TEXT(const kiss_config_end *, deprecation)                                                                            \
    TEXT(const kiss_config_end *, sunset)                                                                                 \
    /* How long a token is valid. */                                                                                      \
    NUMBER(apr_int64_t, lifetime, kiss_config_lifetime,                                                                   \
           "KissTokenLifetime", 3600, 60, 86400, KISS_UNIT_SECONDS)                                                       \
    /* Requests in a minute, and in an hour: of a customer without limits of its own, */                                  \
    NUMBER(apr_uint32_t, limit_minute, kiss_config_limit_minute,                                                          \
           "KissLimit", 60, 1, 1000000000, KISS_UNIT_COUNT)                                                               \
    NUMBER(apr_uint32_t, limit_hour, kiss_config_limit_hour,                                                              \
           "KissLimit", 1000, 1, 1000000000, KISS_UNIT_COUNT)                                                             \
    /* of an admin client without limits of its own, */                                                                   \
    NUMBER(apr_uint32_t, admin_minute, kiss_config_admin_minute,                                                          \
           "KissAdminLimit", 500, 1, 1000000000, KISS_UNIT_COUNT)                                                         \
    NUMBER(apr_uint32_t, admin_hour, kiss_config_admin_hour,                                                              \
           "KissAdminLimit", 30000, 1, 1000000000, KISS_UNIT_COUNT)                                                       \
    /* of all anonymous callers together, */                                                                              \
    NUMBER(apr_uint32_t, anonymous_minute, kiss_config_anonymous_minute,                                                  \
           "KissLimitAnonymous", 60, 1, 1000000000, KISS_UNIT_COUNT)                                                      \
    NUMBER(apr_uint32_t, anonymous_hour, kiss_config_anonymous_hour,                                                      \
           "KissLimitAnonymous", 1000, 1, 1000000000, KISS_UNIT_COUNT)                                                    \
    /* of an API key without a limit of its own. */                                                                       \
    NUMBER(apr_uint32_t, key_limit, kiss_config_key_limit,                                                                \
           "KissKeyLimit", 1000, 1, 1000000000, KISS_UNIT_COUNT)                                                          \
    /* Failed logins that an address may make in a minute; 0: any number. */                                              \
    NUMBER(apr_uint32_t, login_failures, kiss_config_login_failures,                                                      \
           "KissLoginFailureLimit", 600, 0, 1000000000, KISS_UNIT_COUNT)                                                  \
    /* How old the known revision of the database may be; 0: it is read for each request. */                              \
    NUMBER(apr_interval_time_t, freshness, kiss_config_freshness,                                                         \
           "KissFreshness", KISS_S(0), KISS_S(0), KISS_S(60), KISS_UNIT_TIME)                                             \
    /* How long lists are served after they were known to be current, while the database is away; 0: not at all. */       \
    NUMBER(apr_interval_time_t, serve_stale, kiss_config_serve_stale,                                                     \
           "KissServeStale", KISS_S(0), KISS_S(0), KISS_D(7), KISS_UNIT_TIME)                                             \
    /* 1 when plain HTTP is accepted. */                                                                                  \
    NUMBER(int, plain_http, kiss_config_plain_http,                                                                       \
           "KissAllowPlainHTTP", 0, 0, 1, KISS_UNIT_FLAG)                                                                 \
    /* 1: answers have the header Server-Timing. */                                                                       \
    NUMBER(int, server_timing, kiss_config_server_timing,                                                                 \
           "KissServerTiming", 0, 0, 1, KISS_UNIT_FLAG)                                                                   \
    /* 1: customer code and key authorise a list by HTTP Basic. */                                                        \
    NUMBER(int, feed_basic, kiss_config_feed_basic,                                                                       \
           "KissFeedBasic", 0, 0, 1, KISS_UNIT_FLAG)                                                                      \
    /* 1: the admin endpoints are there. */                                                                               \
    NUMBER(int, admin, kiss_config_admin,                                                                                 \
           "KissAdmin", 0, 0, 1, KISS_UNIT_FLAG)                                                                          \
    /* 1: a list is sent when it is complete, with its length. */                                                         \
    NUMBER(int, whole_answers, kiss_config_whole_answers,                                                                 \
           "KissWholeAnswers", 0, 0, 1, KISS_UNIT_FLAG)

#define KISS_TEXT_MEMBER(type, member) type member;
#define KISS_NUMBER_MEMBER(type, member, ...) apr_int64_t member;

/** Configuration of a location. Members may be unset: read numbers through the getters. */
struct kiss_dir_conf {
    KISS_DIR_MEMBERS(KISS_TEXT_MEMBER, KISS_NUMBER_MEMBER)
};

/** Configuration of a server; all but the databases is taken from the main server. */
typedef struct {
    apr_hash_t *databases;              /**< name to kiss_database_conf */
    int has_admin;                      /**< 1: one of its locations has KissAdmin On */
    apr_uint32_t admin_limit[2];        /**< by KISS_WINDOW_: the highest KissAdminLimit of these locations */
    KISS_SERVER_MEMBERS(KISS_TEXT_MEMBER, KISS_NUMBER_MEMBER)
} kiss_server_conf;

#undef KISS_TEXT_MEMBER
#undef KISS_NUMBER_MEMBER

/** TLS of a connection to the database. */
typedef enum {
    KISS_TLS_UNSET = 0,                 /**< while the configuration is read */
    KISS_TLS_OFF,                       /**< no TLS */
    KISS_TLS_REQUIRE,                   /**< encrypted, the server is not verified */
    KISS_TLS_VERIFY                     /**< encrypted, and the server's certificate is verified */
} kiss_tls;

/** Causal reads where the server is a node of a Galera cluster (wsrep_on). */
#define KISS_CAUSAL_AUTO (-1)

/** What the children know of a server: db/db_servers.c. */
typedef struct kiss_database_health kiss_database_health;

/** A server of a database. */
typedef struct {
    const char *host;                   /**< its host; NULL with a socket */
    int port;                           /**< 0: the default port */
    const char *address;                /**< socket, or host and port, for messages */
    kiss_database_health *health;       /**< in shared memory, or NULL */
} kiss_database_server;

/** Most servers that a database may have. */
#define KISS_DATABASE_SERVERS 16

/** A database as defined by KissDatabase. */
typedef struct {
    const char *name;                   /**< first argument */
    const char *socket;                 /**< path of the server's socket, or NULL */
    const char *host;                   /**< or host=, as written: one, or several in order of preference */
    int port;                           /**< port=, for hosts that name none; 0: the default port */
    kiss_database_server *servers;      /**< its servers, in order of preference */
    int nservers;                       /**< how many: 1 or more */
    const char *user;                   /**< account; NULL: named like the user of the process */
    const char *password;               /**< or NULL; must never be logged */
    const char *password_file;          /**< where it was read, or NULL */
    const char *dbname;                 /**< the database */
    kiss_tls tls;                       /**< TLS mode */
    const char *ca;                     /**< trusted certificate authorities; NULL: those of the system */
    const char *tls_cert;               /**< the module's own certificate, or NULL */
    const char *tls_key;                /**< its key */
    const char *origin;                 /**< server and database as text: two with the same origin are one database */
    int keep;                           /**< idle connections kept in each child */
    int max;                            /**< maximum of connections of each child */
    apr_interval_time_t wait;           /**< how long a request waits for a connection */
    apr_interval_time_t connect;        /**< timeout of connecting */
    apr_interval_time_t timeout;        /**< timeout of each read and write */
    apr_interval_time_t idle;           /**< idle connections are closed after this time */
    int causal;                         /**< 1: reads wait for all that the cluster has committed; 0: they do not; or
                                             KISS_CAUSAL_AUTO */
    const server_rec *server;           /**< where it was defined */
    kiss_db *db;                        /**< the pool of this child process; set in child_init */
    kiss_db_revision *revision;         /**< its revision, shared by the requests of this child process; set with the pool */
    volatile apr_uint32_t *connections; /**< connections that the children of this generation have; NULL without
                                             shared memory */
    volatile apr_uint32_t *in_use;      /**< how many of them requests use now */
    apr_uint64_t *newest;               /**< the newest revision that was served: db/db_servers.h; NULL likewise */
    kiss_database_counters *counters;   /**< its counters (core/database_counters.h); NULL: nothing is counted */
    volatile apr_uint32_t *stale;       /**< 1 while KissServeStale answers in its place, as was logged; NULL likewise */
    volatile apr_uint32_t *stale_since; /**< second of kiss_clock in which that began last */
} kiss_database_conf;

/** A database and an API that a location serves from it. */
typedef struct {
    const kiss_database_conf *database; /**< the database */
    const kiss_plan *plan;          /**< the API's statements */
    int writes;                     /**< 1: it is the account that writes (KissAdminDatabase): only plan->writes are its */
} kiss_config_use;

/** Distinct pairs of database and API: an array of kiss_config_use in `p`. */
apr_array_header_t *kiss_config_uses(server_rec *main_server, apr_pool_t *p);

/** Number of statements that a connection of this use may prepare. */
int kiss_config_statements(const kiss_config_use *use);

/** The same, and after them those of the accounts that write. */
apr_array_header_t *kiss_config_all_uses(server_rec *main_server, apr_pool_t *p);

/** A location that serves an API. */
typedef struct {
    server_rec *server;                 /**< its server */
    const kiss_dir_conf *conf;          /**< its configuration when no other section applies */
    const kiss_database_conf *database; /**< its database; NULL when missing, which kiss_config_check() refuses */
    const ap_directive_t *directive;    /**< its KissApi; valid while the configuration is checked */
} kiss_config_location;

/** A section with KissAdmin On. */
typedef struct {
    server_rec *server;                 /**< its server */
    const kiss_dir_conf *conf;          /**< its configuration, with that of the location of the API that it is in;
                                             conf->plan is NULL when there is none */
    const kiss_database_conf *database; /**< the one of KissAdminDatabase, or NULL */
    const char *path;                   /**< its path */
    const ap_directive_t *directive;    /**< its KissAdmin; valid while the configuration is checked */
} kiss_config_admin_section;

/** Records such a section, while the configuration is read. */
void kiss_config_add_admin(server_rec *s, const kiss_dir_conf *conf, const char *path, const ap_directive_t *directive);

/** All such sections: an array of kiss_config_admin_section in `p`. */
apr_array_header_t *kiss_config_admin_sections(server_rec *main_server, apr_pool_t *p);

/** Derives admin_limit of all servers, when the configuration is complete. @param p memory for as long as it takes */
void kiss_config_derive_admin_limits(server_rec *main_server, apr_pool_t *p);

/** 1 when the server has admin endpoints somewhere, so that admin clients get tokens. */
int kiss_config_has_admin(const server_rec *s);

/** The database of the account that writes, where KissAdmin is On. */
kiss_database_conf *kiss_config_admin_database(const kiss_dir_conf *conf, const server_rec *s);

/** Records a location that serves an API, while the configuration is read. */
void kiss_config_add_location(server_rec *s, const kiss_dir_conf *conf, const ap_directive_t *directive);

/** All locations: an array of kiss_config_location in `p`. */
apr_array_header_t *kiss_config_locations(server_rec *main_server, apr_pool_t *p);

/** 1 when customer code and key authorise this endpoint by HTTP Basic: a list, where KissFeedBasic is On. */
int kiss_config_takes_basic(const kiss_dir_conf *conf, const kiss_endpoint *endpoint);

/** 1 when KissServeStale allows the lists of stock, too. */
int kiss_config_serves_stale_stock(const kiss_dir_conf *conf);

/** 1 when the location's API has whole lists, which are cached. */
int kiss_config_has_lists(const kiss_dir_conf *conf);

/** Creates and merges, for the module record. */
void *kiss_config_create_dir(apr_pool_t *p, char *dir);
void *kiss_config_merge_dir(apr_pool_t *p, void *base, void *add);
void *kiss_config_create_server(apr_pool_t *p, server_rec *s);
void *kiss_config_merge_server(apr_pool_t *p, void *base, void *add);

/** The configuration of a server. */
kiss_server_conf *kiss_config_server(const server_rec *s);

/** Directory for spool files; of the main server. */
const char *kiss_config_cache_dir(const server_rec *s);

/* Getters of the numbers: the value, or the default. Those of a server take the main server. */
#define KISS_NO_GETTER(type, member)
#define KISS_SERVER_GETTER(type, member, getter, ...) type getter(const server_rec *s);
#define KISS_DIR_GETTER(type, member, getter, ...) type getter(const kiss_dir_conf *conf);
KISS_SERVER_MEMBERS(KISS_NO_GETTER, KISS_SERVER_GETTER)
KISS_DIR_MEMBERS(KISS_NO_GETTER, KISS_DIR_GETTER)
#undef KISS_NO_GETTER
#undef KISS_SERVER_GETTER
#undef KISS_DIR_GETTER

/** The database of a location in a server, or NULL when no KissDatabase defines it. */
kiss_database_conf *kiss_config_database(const kiss_dir_conf *conf, const server_rec *s);

/** All distinct databases of all servers: an array of kiss_database_conf pointers in `p`. */
apr_array_header_t *kiss_config_databases(server_rec *main_server, apr_pool_t *p);

/** Issuer, audience and lifetime of the tokens of this location in a server; members point into the configuration or `p`. */
kiss_jwt_policy kiss_config_token_policy(const kiss_dir_conf *conf, const server_rec *s, apr_pool_t *p);

/** Whose limits. */
typedef enum { KISS_LIMIT_CUSTOMER, KISS_LIMIT_ANONYMOUS, KISS_LIMIT_ADMIN } kiss_limit_of;

/**
 * Requests that a window allows in a location: of a customer or an admin client without a limit of its own, or of anonymous
 * callers. What an admin client does outside of the locations with KissAdmin, above all to get a token, counts with what it
 * does there: it is allowed as much as there.
 */
apr_uint32_t kiss_config_limit(const kiss_dir_conf *conf, const server_rec *s, int window, kiss_limit_of whose);

#endif
