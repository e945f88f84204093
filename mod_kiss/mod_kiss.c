/* SPDX-License-Identifier: Apache-2.0 */
/**
 * mod_kiss - customer-scoped JSON APIs over MariaDB, inside Apache httpd 2.4.
 *
 * Read kiss_handler() first: it is the order of the stages of every request. The tables that declare the APIs are in
 * lib/api/customer.c and lib/api/kss.c.
 */
#include "core/kiss.h"

#include <ap_expr.h>
#include <ap_mpm.h>
#include <http_request.h>
#include <http_ssl.h>
#include <mpm_common.h>
#include <unixd.h>

#include <json-c/json.h>

#include <string.h>

#include "caller/auth.h"
#include "caller/caller.h"
#include "caller/metadata_endpoint.h"
#include "caller/ratelimit.h"
#include "caller/ratelimit_memory.h"
#include "caller/ratelimit_store.h"
#include "caller/token_endpoint.h"
#include "core/config.h"
#include "core/config_check.h"
#include "core/config_dump.h"
#include "core/directives.h"
#include "core/error.h"
#include "core/log_seldom.h"
#include "core/metrics.h"
#include "core/verified.h"
#include "db/db_check.h"
#include "db/db_pool.h"
#include "db/db_run.h"
#include "db/db_servers.h"
#include "db/db_revision.h"
#include "http/httpd_error.h"
#include "http/precondition.h"
#include "http/response.h"
#include "http/slow_client.h"
#include "lib/api/route.h"
#include "lib/api/schema.h"
#include "lib/base/clock.h"
#include "lib/base/deferred_signal.h"
#include "lib/base/directory.h"
#include "lib/base/thread.h"
#include "list/list.h"
#include "list/list_cache.h"
#include "list/list_cache_map.h"
#include "list/list_usage.h"
#include "openapi/openapi_answer.h"
#include "page/allocate.h"
#include "page/page.h"
#include "page/page_cache.h"
#include "page/page_start.h"
#include "page/write.h"
#include "page/write_bulk.h"
#include "page/write_list.h"
#include "status/prometheus.h"
#include "status/status.h"
#include "worker/cache_manager.h"
#include "worker/cache_warmer.h"

/* --- the request --- */

/* Methods by their number in httpd, and how Allow names them. */
static const struct {
    int number, method;
    const char *name;
} methods[] = {
    { M_GET, KISS_GET, "GET, HEAD" },
    { M_POST, KISS_POST, "POST" },
    { M_PUT, KISS_PUT, "PUT" },
    { M_DELETE, KISS_DELETE, "DELETE" },
    { M_PATCH, KISS_PATCH, "PATCH" }
};

#define KNOWN_METHODS ((int)(sizeof(methods) / sizeof(methods[0])))

/** The method of a request; 0 for one that no endpoint has. */
static int method_of(const request_rec *r)
{
    int i;

    for (i = 0; i < KNOWN_METHODS && methods[i].number != r->method_number; i++) {
        continue;
    }
    return i < KNOWN_METHODS ? methods[i].method : 0;
}

/** A set of methods as Allow has it. */
static const char *names_of(int set, apr_pool_t *p)
{
    const char *names = "";
    int i;

    for (i = 0; i < KNOWN_METHODS; i++) {
        if (set & methods[i].method) {
            names = apr_pstrcat(p, names, *names ? ", " : "", methods[i].name, NULL);
        }
    }
    return names;
}

/** The route stage: the endpoint of the path below the API's location. */
static const kiss_error *route(kiss_req *k)
{
    request_rec *r = k->r;
    int allow;

    k->endpoint = kiss_route_find(k->api, r->uri + strlen(k->conf->base), method_of(r), kiss_config_admin(k->conf), &allow,
                                  &k->path_param);
    if (k->endpoint) {
        k->by_accept = kiss_route_has_formats(k->api, k->endpoint);
        if (k->by_accept) {
            k->endpoint = kiss_route_format(k->api, k->endpoint, apr_table_get(r->headers_in, "Accept"));
        }
        apr_table_setn(r->notes, "kiss-endpoint", k->endpoint->name);
        return NULL;
    }
    if (!allow || k->api->method_not_found) {
        return &kiss_error_not_found;
    }
    apr_table_setn(r->err_headers_out, "Allow", names_of(allow, k->pool));
    return &kiss_error_method;
}

static const kiss_error *answer_version(kiss_req *k, int *status)
{
    kiss_response_private(k);
    /* A profile is a date: nothing in it must be escaped. */
    *status = kiss_response_text(k, HTTP_OK, KISS_JSON_TYPE, apr_pstrcat(k->pool, "{\"apiVersion\":\"", k->api->profile,
                                                                         "\"}", NULL));
    return NULL;
}

static const kiss_error *answer_schema(kiss_req *k, int *status)
{
    const char *text = kiss_schema_text(k->api, k->endpoint, k->pool);

    if (!text) {
        return &kiss_error_internal;
    }
    kiss_response_private(k);
    *status = kiss_response_text(k, HTTP_OK, KISS_JSON_TYPE, text);
    return NULL;
}

static kiss_db_status health_query(kiss_db_conn *conn, void *baton)
{
    kiss_req *k = baton;
    const kiss_value *row;
    kiss_db_status status = kiss_db_row(&row, conn, k->conf->plan->fixed[KISS_SQL_HEALTH], NULL, k->pool);

    if (status == KISS_DB_OK && !row) {
        kiss_caller_log_missing(k, "some");
        status = KISS_DB_REFUSED;
    }
    return status;
}

/**
 * What /health says while lists are served that may be out of date; NULL without KissServeStale, or when its time is over.
 */
static const char *stale_health(kiss_req *k)
{
    apr_int64_t asked;

    if (!k->db || !k->tally.db_away
        || !kiss_verified_get(KISS_VERIFIED_DATABASE, kiss_db_origin(k->db), "", &asked, NULL, k->pool)
        || kiss_clock_now() - asked >= kiss_config_serve_stale(k->conf)) {
        return NULL;
    }
    return apr_psprintf(k->pool, "Unhealthy: lists are served as of %s, until %s", kiss_response_date(asked, k->pool),
                        kiss_response_date(asked + kiss_config_serve_stale(k->conf), k->pool));
}

static const kiss_error *answer_health(kiss_req *k, int *status)
{
    if ((k->api->auth == KISS_AUTH_JWT && !k->conf->token_keys) || kiss_db_run(k, health_query, k) != KISS_DB_OK) {
        k->description = stale_health(k);
        return &kiss_error_unhealthy;
    }
    apr_table_setn(k->r->headers_out, "Cache-Control", "no-store");
    *status = kiss_response_text(k, HTTP_OK, "text/plain", "Healthy");
    return NULL;
}

/** The function that answers an endpoint, by kiss_run. */
static const kiss_error *(*const answer[])(kiss_req *k, int *status) = {
    [KISS_RUN_LIST] = kiss_list_run,
    [KISS_RUN_SCHEMA] = answer_schema,
    [KISS_RUN_TOKEN] = kiss_token_endpoint_run,
    [KISS_RUN_SERVER_METADATA] = kiss_metadata_endpoint_run,
    [KISS_RUN_RESOURCE_METADATA] = kiss_metadata_endpoint_run,
    [KISS_RUN_VERSION] = answer_version,
    [KISS_RUN_HEALTH] = answer_health,
    [KISS_RUN_PAGE] = kiss_page_run,
    [KISS_RUN_RECORD] = kiss_page_run,
    [KISS_RUN_ALLOCATE] = kiss_allocate_run,
    [KISS_RUN_OPENAPI] = kiss_openapi_answer_run,
    [KISS_RUN_WRITE] = kiss_write_run,
    [KISS_RUN_WRITE_LIST] = kiss_write_list_run,
    [KISS_RUN_WRITE_BULK] = kiss_write_bulk_run
};

static const kiss_error *check_tls(kiss_req *k)
{
    return kiss_config_plain_http(k->conf) || ap_ssl_conn_is_ssl(k->r->connection) ? NULL : &kiss_error_tls;
}

/**
 * A text that is the same in a log of JSON: what httpd would escape in another way than JSON does, and `%`, become %XX.
 */
static const char *plain(const char *text, apr_pool_t *p)
{
    static const char hex[] = "0123456789ABCDEF";
    const char *c = text;
    char *to, *start;

    while ((unsigned char)*c > 0x20 && (unsigned char)*c < 0x7f && !strchr("\"\\%", *c)) {
        c++;
    }
    if (!*c) {
        return text;
    }
    to = start = apr_palloc(p, 3 * strlen(text) + 1);
    for (c = text; *c; c++) {
        unsigned char byte = (unsigned char)*c;

        if (byte > 0x20 && byte < 0x7f && !strchr("\"\\%", byte)) {
            *to++ = *c;
        }
        else {
            *to++ = '%';
            *to++ = hex[byte >> 4];
            *to++ = hex[byte & 15];
        }
    }
    *to = '\0';
    return start;
}

/** Notes for the access log, for success and error. */
static void note(kiss_req *k)
{
    apr_table_t *notes = k->r->notes;

    apr_table_setn(notes, "kiss-path", plain(k->r->uri, k->pool));
    if (k->principal && (k->verified || k->r->user)) {      /* r->user may be of another module */
        apr_table_setn(notes, "kiss-customer", k->principal);
        apr_table_setn(notes, "kiss-caller", plain(k->principal, k->pool));
    }
    apr_table_setn(notes, "kiss-rows", apr_off_t_toa(k->pool, (apr_off_t)k->rows));
    apr_table_setn(notes, "kiss-db-us", apr_off_t_toa(k->pool, (apr_off_t)k->db_time));
}

/* --- which requests are for the module --- */

/* Marks a request that is not for the module, so that its location is checked only once. */
static kiss_req foreign;

/**
 * 1 when the location's handler is ours: SetHandler none, or another handler, in a section below it returns paths to
 * httpd.
 */
static int is_handled(request_rec *r)
{
    const core_dir_config *core = ap_get_core_module_config(r->per_dir_config);
    const char *problem = NULL, *handler = core->handler;

    if (core->expr_handler) {
        handler = ap_expr_str_exec(r, core->expr_handler, &problem);
    }
    return !problem && handler && strcmp(handler, KISS_HANDLER) == 0;
}

/** Claims the request as soon as its location is known; NULL when it is not for the module. */
static kiss_req *claim_request(request_rec *r)
{
    const kiss_dir_conf *conf = ap_get_module_config(r->per_dir_config, &kiss_module);
    kiss_req *k = ap_get_module_config(r->request_config, &kiss_module);

    if (!conf || !conf->plan || !is_handled(r)) {
        if (k && k->r) {
            kiss_httpd_error_disown(r);
        }
        ap_set_module_config(r->request_config, &kiss_module, &foreign);
        return NULL;
    }
    if (!k || !k->r) {
        k = apr_pcalloc(r->pool, sizeof(*k));
        ap_set_module_config(r->request_config, &kiss_module, k);
        kiss_httpd_error_own(r);
    }
    k->r = r;
    k->server = r->server;
    k->pool = r->pool;
    k->conf = conf;
    k->api = conf->plan->api;
    if (!k->request_id) {
        kiss_response_begin(k);
    }
    return k;
}

/** The error of the original request when this one is an internal redirect to an ErrorDocument below our location. */
static const kiss_error *earlier_error(request_rec *r)
{
    if (!r->prev || !ap_is_HTTP_ERROR(r->prev->status)) {
        return NULL;
    }
    kiss_httpd_error_head(r);
    return kiss_error_of_httpd(r->prev, r->pool);
}

static int handle(request_rec *r)
{
    const kiss_error *e, *routed, *refused;
    kiss_database_conf *database;
    kiss_req *k;
    int status = OK;

    k = claim_request(r);
    if (!k || !(database = kiss_config_database(k->conf, r->server))) {
        ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r, KISS_LOGNO(0101) "SetHandler kiss without KissApi, or without its "
                      "KissDatabase, in this <Location>");
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    k->db = database->db;
    k->revision = database->revision;
    kiss_precondition_range(k);
    if ((e = earlier_error(r))) {
        return kiss_response_error(k, e);
    }
    e = check_tls(k);                               /* 403 */
    if (!e) {
        routed = route(k);                          /* 404, 405 */
        refused = kiss_auth_identify(k);            /* the principal; 401, 400 */
        e = k->api->identify_first && refused ? refused : routed ? routed : refused;
        e = kiss_ratelimit_take(k, e);              /* counts each request; 429 wins */
    }
    if (!e) {
        e = kiss_caller_check(k);                   /* the caller's record, what it may call; 404, 401, 403 */
    }
    if (!e) {
        e = answer[k->endpoint->run](k, &status);   /* the answer; 304, 500, 503 */
    }
    if (e) {
        k->error = e;
        status = kiss_response_error(k, e);
    }
    else if (status == HTTP_NOT_MODIFIED) {
        kiss_response_timing(k);
    }
    note(k);
    return status;
}

static int kiss_handler(request_rec *r)
{
    int status;

    if (!r->handler || strcmp(r->handler, KISS_HANDLER) != 0) {
        return DECLINED;
    }
    kiss_deferred_signal_begin();
    status = handle(r);
    kiss_deferred_signal_end();
    return status;
}

/* --- hooks --- */

/* Before httpd decodes the path, which may fail. */
static int kiss_pre_translate_name(request_rec *r)
{
    claim_request(r);
    return DECLINED;
}

/* The API's paths are not files: without these three hooks, httpd and its modules would search for them in DocumentRoot
 * (for .htaccess, a variant, a similar name, a type by the suffix). */
static int kiss_translate_name(request_rec *r)
{
    if (!claim_request(r)) {
        return DECLINED;
    }
    r->filename = apr_pstrcat(r->pool, KISS_HANDLER ":/", r->uri, NULL);
    r->finfo.filetype = APR_UNKFILE;
    return OK;
}

static int is_ours(const request_rec *r)
{
    const kiss_req *k = ap_get_module_config(r->request_config, &kiss_module);

    return k && k->r;
}

/* Here r->per_dir_config is temporarily that of the server: the configuration of the location was stored above. */
static int kiss_map_to_storage(request_rec *r)
{
    return is_ours(r) ? OK : DECLINED;
}

static int kiss_type_checker(request_rec *r)
{
    return is_ours(r) ? OK : DECLINED;
}

/** mod_dav takes every method but GET, HEAD and POST from the handler of a location with `Dav On`: from the API, it would
 * take them for files, and before anybody has asked who calls. */
static int kiss_fixups(request_rec *r)
{
    if (is_ours(r) && r->handler && strcmp(r->handler, "dav-handler") == 0) {
        r->handler = KISS_HANDLER;
    }
    return DECLINED;
}

static int kiss_pre_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp)
{
    (void)plog;
    (void)ptemp;
    return kiss_ratelimit_memory_register(pconf) == APR_SUCCESS ? OK : HTTP_INTERNAL_SERVER_ERROR;
}

static int kiss_check_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp, server_rec *s)
{
    const char *e = kiss_config_check(s, ptemp);

    (void)pconf;
    (void)plog;
    if (e) {
        ap_log_error(APLOG_MARK, APLOG_STARTUP | APLOG_ERR, 0, s, KISS_LOGNO(0102) "%s", e);
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    kiss_config_derive_admin_limits(s, ptemp);
    return OK;
}

/** Output for `apachectl -t -D DUMP_RUN_CFG`, after that of httpd's core; kissctl reads it. */
static void kiss_test_config(apr_pool_t *p, server_rec *s)
{
    apr_file_t *out;

    if (ap_exists_config_define("DUMP_RUN_CFG") && apr_file_open_stdout(&out, p) == APR_SUCCESS) {
        kiss_config_dump(s, out, p);
    }
}

/** An error stops a start; a reload must not stop a running server. */
static int is_first_start(void)
{
    return ap_state_query(AP_SQ_CONFIG_GEN) <= 1;
}

/**
 * Creates the directory of spool files and cached lists, for the user of the children. @return OK, or the error of the
 * start
 */
static int create_cache_dir(server_rec *s, apr_pool_t *ptemp)
{
    const char *e = kiss_directory_prepare(kiss_config_cache_dir(s), ap_unixd_config.user_id, ap_unixd_config.group_id,
                                           ap_unixd_config.user_name, ptemp);

    if (!e) {
        return OK;
    }
    if (is_first_start()) {
        ap_log_error(APLOG_MARK, APLOG_STARTUP | APLOG_CRIT, 0, s, KISS_LOGNO(0140) "KissCacheDir: %s", e);
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    ap_log_error(APLOG_MARK, APLOG_ERR, 0, s, KISS_LOGNO(0103) "KissCacheDir: %s. The server does not stop for it at a "
                 "reload, but lists may be answered with 503", e);
    return OK;
}

static int kiss_post_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp, server_rec *s)
{
    (void)plog;
    if (ap_state_query(AP_SQ_MAIN_STATE) == AP_SQ_MS_CREATE_PRE_CONFIG) {
        return OK;
    }
    kiss_db_servers_prepare(s, pconf);
    kiss_ratelimit_store_create(s);
    if (kiss_config_uses(s, ptemp)->nelts) {
        kiss_log_seldom_create(pconf);
        if (kiss_ratelimit_memory_create(s, is_first_start()) != 0 || create_cache_dir(s, ptemp) != OK
            || kiss_list_variant_prepare(ptemp) != APR_SUCCESS || kiss_openapi_answer_prepare(s, pconf, ptemp) != 0) {
            return HTTP_INTERNAL_SERVER_ERROR;
        }
        kiss_metadata_endpoint_prepare(s, pconf, ptemp);
        kiss_list_usage_create(s);
        kiss_verified_create(s, ptemp);
        kiss_metrics_create(s, pconf);
        kiss_cache_warmer_prepare(s, pconf);
        kiss_db_check_prepare(s, pconf);
    }
    ap_log_error(APLOG_MARK, APLOG_INFO, 0, s, KISS_LOGNO(0104) "mod_kiss " KISS_VERSION ", json-c %s, Connector/C %s",
                 json_c_version(), mysql_get_client_info());
    return OK;
}

/** The caches that a child creates at its start. It works without them. */
static const struct {
    apr_status_t (*attach)(apr_pool_t *pchild);
    const char *without;
} caches[] = {
    { kiss_list_cache_attach,
      KISS_LOGNO(0107) "no memory for the table of checked lists: each is checked whenever it is used" },
    { kiss_list_cache_map_attach, KISS_LOGNO(0108) "no memory for the table of mapped lists: each answer maps its own" },
    { kiss_caller_attach, KISS_LOGNO(0106) "no memory for records of callers: each request reads its own" },
    { kiss_auth_attach, KISS_LOGNO(0112) "no memory for verified tokens and keys: each is verified whenever it is sent" },
    { kiss_page_cache_attach, KISS_LOGNO(0113) "no memory for the cache of pages: each is read whenever it is requested" },
    { kiss_page_start_attach, KISS_LOGNO(0625) "no memory for where pages begin: the rows before each are counted" }
};

/** Ends what this child does without a request and, without grace, what its requests wait for. */
static void stop(int graceful)
{
    kiss_cache_manager_stop();
    kiss_db_check_stop();
    kiss_db_pool_stop(!graceful);       /* without grace the clients are disconnected, too */
}

/** What a signal of prefork does in the middle of a request. */
static void stop_early(void)
{
    stop(0);
}

static void kiss_child_init(apr_pool_t *pchild, server_rec *s)
{
    apr_array_header_t *databases = kiss_config_databases(s, pchild);
    apr_status_t rv;
    sigset_t before;
    int i, is_threaded = 0;

    /* A child that is stopped now would clean up within the signal handler, in the middle of this. */
    kiss_thread_block_signals(&before);
    kiss_ratelimit_memory_attach(s, pchild);
    kiss_ratelimit_store_attach(s, pchild);
    for (i = 0; i < (int)(sizeof(caches) / sizeof(caches[0])); i++) {
        if ((rv = caches[i].attach(pchild)) != APR_SUCCESS) {
            ap_log_error(APLOG_MARK, APLOG_WARNING, rv, s, "%s", caches[i].without);
        }
    }
    for (i = 0; i < databases->nelts; i++) {
        kiss_database_conf *database = APR_ARRAY_IDX(databases, i, kiss_database_conf *);
        rv = kiss_db_revision_create(&database->revision, database, pchild);
        if (rv == APR_SUCCESS) {
            rv = kiss_db_pool_create(&database->db, database, pchild);
        }
        if (rv != APR_SUCCESS) {
            ap_log_error(APLOG_MARK, APLOG_CRIT, rv, s, KISS_LOGNO(0105) "no connection pool for database %s",
                         database->name);
            database->db = NULL;
        }
    }
    kiss_cache_manager_start(s, pchild);
    kiss_db_check_also(kiss_ratelimit_store_check);
    kiss_db_check_start(s, pchild);
    if (ap_mpm_query(AP_MPMQ_IS_THREADED, &is_threaded) != APR_SUCCESS || is_threaded == AP_MPMQ_NOT_SUPPORTED) {
        kiss_deferred_signal_prepare(stop_early);
    }
    kiss_thread_restore_signals(&before);
}

#if AP_MODULE_MAGIC_AT_LEAST(20120211, 110)
static void kiss_child_stopping(apr_pool_t *pchild, int graceful)
{
    (void)pchild;
    stop(graceful);
}
#endif

static void kiss_register_hooks(apr_pool_t *p)
{
    (void)p;
    ap_hook_pre_config(kiss_pre_config, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_check_config(kiss_check_config, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_test_config(kiss_test_config, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_post_config(kiss_post_config, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_child_init(kiss_child_init, NULL, NULL, APR_HOOK_MIDDLE);
#if AP_MODULE_MAGIC_AT_LEAST(20120211, 110)
    ap_hook_child_stopping(kiss_child_stopping, NULL, NULL, APR_HOOK_MIDDLE);
#endif
    kiss_precondition_register();
    kiss_slow_client_register();
    kiss_metrics_register();
    kiss_prometheus_register();
    kiss_status_register();
    kiss_httpd_error_register(claim_request);
    ap_hook_pre_translate_name(kiss_pre_translate_name, NULL, NULL, APR_HOOK_FIRST);
    ap_hook_translate_name(kiss_translate_name, NULL, NULL, APR_HOOK_FIRST);
    ap_hook_map_to_storage(kiss_map_to_storage, NULL, NULL, APR_HOOK_FIRST);
    ap_hook_type_checker(kiss_type_checker, NULL, NULL, APR_HOOK_REALLY_FIRST);
    ap_hook_fixups(kiss_fixups, NULL, NULL, APR_HOOK_REALLY_LAST);
    ap_hook_handler(kiss_handler, NULL, NULL, APR_HOOK_MIDDLE);
}

module AP_MODULE_DECLARE_DATA kiss_module = {
    STANDARD20_MODULE_STUFF,
    kiss_config_create_dir,
    kiss_config_merge_dir,
    kiss_config_create_server,
    kiss_config_merge_server,
    kiss_directives,
    kiss_register_hooks
#if defined(AP_MODULE_FLAG_NONE)
    , AP_MODULE_FLAG_NONE
#endif
};
