/* SPDX-License-Identifier: Apache-2.0 */
/**
 * kiss - what all stages of a request share: the request itself, log macros, forward declarations.
 *
 * A request flows through the stages in the order of kiss_handler() in mod_kiss.c. Each stage fills its part of kiss_req
 * and returns NULL, or the error that ends the request.
 */
#ifndef KISS_H
#define KISS_H

#include <httpd.h>
#include <http_config.h>
#include <http_core.h>
#include <http_log.h>
#include <http_protocol.h>

#include <apr_strings.h>
#include <apr_tables.h>
#include <apr_time.h>

#include "core/tally.h"
#include "lib/api/table.h"

/** Value of SetHandler. */
#define KISS_HANDLER "kiss"

/** Each log message has a number, listed with cause and remedy in conf/errors.md. A number is never reused. */
#define KISS_LOGNO(n) "KISS" #n ": "

extern module AP_MODULE_DECLARE_DATA kiss_module;
APLOG_USE_MODULE(kiss);

typedef struct kiss_dir_conf kiss_dir_conf;
typedef struct kiss_error kiss_error;
typedef struct kiss_caller kiss_caller;
typedef struct kiss_database_counters kiss_database_counters;
typedef struct kiss_db kiss_db;
typedef struct kiss_db_revision kiss_db_revision;
typedef struct kiss_list_shared kiss_list_shared;
typedef struct kiss_token_request kiss_token_request;
typedef struct kiss_presented_key kiss_presented_key;

/** Logs for the request, or for the server when there is no request. Arguments as of ap_log_rerror(). */
#define KISS_LOG(k, level, rv, ...)                                                         \
    do {                                                                                    \
        if ((k)->r) {                                                                       \
            ap_log_rerror(APLOG_MARK, level, rv, (k)->r, __VA_ARGS__);                      \
        }                                                                                   \
        else {                                                                              \
            ap_log_error(APLOG_MARK, level, rv, (k)->server, __VA_ARGS__);                  \
        }                                                                                   \
    } while (0)

/** A read of the database's revision that was postponed (db/db_revision.h). */
typedef struct {
    int pending;                            /**< 1: it is postponed, and has not been done yet */
    apr_int64_t time;                       /**< when it was postponed, by kiss_clock_now() */
    int with_rows;                          /**< 1: the statement that reads the rows of the answer reads it, too */
    const char *text;                       /**< the revision of the rows, where it was read with them; or NULL */
} kiss_postponed_revision;

/** The range of a request whose If-Range is a date (http/precondition.h). */
typedef struct {
    const char *range;                      /**< the header Range, removed until the date was compared; or NULL */
    apr_int64_t since;                      /**< the date: seconds since 1970, 0 when it is none */
} kiss_dated_range;

/** The state of a request. Lives in r->pool. */
typedef struct kiss_req {
    request_rec *r;                         /**< httpd's request; NULL when work is done without a request */
    server_rec *server;                     /**< r->server */
    apr_pool_t *pool;                       /**< r->pool */
    const kiss_dir_conf *conf;              /**< configuration of the location */
    const kiss_api *api;                    /**< the API served there */
    kiss_db *db;                            /**< its database, in this child */
    kiss_db_revision *revision;             /**< the revision of that database, shared by the child's requests; or NULL */
    const kiss_endpoint *endpoint;          /**< route: NULL when nothing matched */
    unsigned by_accept : 1;                 /**< route: it was selected by Accept */
    const char *path_param;                 /**< route: what the path has in place of `:name`; or NULL */
    kiss_dated_range dated;                 /**< precondition: its range that depends on a date */
    const char *request_id;                 /**< X-Request-Id of the answer */
    const char *principal;                  /**< identify: customer code, or code of the admin client, to count under;
                                                 NULL is anonymous */
    unsigned verified : 1;                  /**< identify: the principal is authenticated */
    unsigned admin : 1;                     /**< identify: it is an admin client, by its token or its key; its record must
                                                 say so, too */
    unsigned metered : 1;                   /**< identify: it was counted already, as wrong credentials */
    const char *proof;                      /**< identify: digest of the API key that was presented, or NULL */
    const kiss_presented_key *presented;    /**< identify: the API key that was presented; or NULL */
    unsigned unproved : 1;                  /**< identify: `caller` is a record of the key that may be out of date:
                                                 kiss_auth_apikey_prove() must come before any answer */
    const kiss_token_request *token_request;/**< identify: credentials of the token endpoint */
    const kiss_caller *caller;              /**< scope: the customer's record; NULL until it was read */
    kiss_postponed_revision postponed;      /**< the read of the database's revision, if it is done after that of the rows */
    const kiss_error *db_error;             /**< the database has failed this request already: it is not waited for again */
    apr_int64_t as_of;                      /**< identify, scope: the database is away, and what is known of the caller was
                                                 true at this time, by kiss_clock_now(); 0: it is true now */
    const char *as_of_tag;                  /**< list: ETag of the list that was current at that time; or NULL */
    const char *description;                /**< text that replaces the error's standard sentence */
    int retry_after;                        /**< seconds for Retry-After; 0: the error's own value */
    apr_interval_time_t db_time;            /**< time spent with the database */
    apr_interval_time_t db_waited;          /**< used up of the time that it may wait for it (db/db_deadline.h) */
    kiss_tally tally;                       /**< what else the request is counted by */
    const kiss_error *error;                /**< the error that was sent; NULL: none, or one of httpd */
    apr_int64_t rows;                       /**< rows written */
    apr_off_t length;                       /**< bytes of the answer, once known */
    unsigned may_map : 1;                   /**< list: files may be mapped into memory (EnableMMAP) */
    const char *coding;                     /**< Content-Encoding of the answer; NULL without one */
    kiss_list_shared *shared;               /**< what this list has in common with others that are built after each other; or
                                                 NULL */
    volatile apr_uint32_t *stop;            /**< NULL, or set to 1 when the result is not needed any more */
} kiss_req;

#endif
