/* SPDX-License-Identifier: Apache-2.0 */
/**
 * config_limit_store - reads the arguments of KissLimitStore.
 */
#include "core/config_limit_store.h"

#include <string.h>
#include <sys/un.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "core/config_value.h"
#include "lib/base/setting.h"

#define REDIS_PORT     6379
#define MAX_DATABASE   1000000
#define TIMEOUT        KISS_MS(10)
#define LONGEST        KISS_S(1)

/** Reads what follows redis://; a number of a database counts as the option. @return NULL, or an error text */
static const char *read_url(kiss_limit_store *store, const char *text, apr_table_t *seen, apr_pool_t *p)
{
    apr_size_t n = strcspn(text, "/");
    const char *place = apr_pstrmemdup(p, text, n), *e;
    apr_int64_t database = 0;

    if (!n) {
        return "a host is missing";
    }
    if (strchr(place, ',')) {
        return apr_psprintf(p, "'%s': it is one server, unlike host= of KissDatabase", place);
    }
    e = kiss_config_address(&store->host, &store->port, &store->address, place, REDIS_PORT, p);
    if (!e && text[n] && text[n + 1]) {
        e = kiss_setting_number(&database, text + n + 1, 0, MAX_DATABASE, p);
        apr_table_setn(seen, "database", text + n + 1);
    }
    store->database = (int)database;
    return e;
}

static const char *read_socket(kiss_limit_store *store, const char *path, apr_pool_t *p)
{
    const apr_size_t longest = sizeof(((struct sockaddr_un *)0)->sun_path) - 1;

    /* The client library would cut it, and connect to what has the shorter name. */
    if (strlen(path) > longest) {
        return apr_psprintf(p, "%s is longer than %" APR_SIZE_T_FMT " bytes, which a socket's path can have", path, longest);
    }
    store->socket = store->address = path;
    return NULL;
}

static const char *read_place(kiss_limit_store *store, const char *text, apr_table_t *seen, apr_pool_t *p)
{
    store->secure = strncmp(text, "rediss://", 9) == 0;
    if (store->secure || strncmp(text, "redis://", 8) == 0) {
        return strchr(text, '@')
            ? "a password does not belong into the configuration, which mod_info shows: put it into a file that only "
              "root can read and write password-file=FILE" : read_url(store, strstr(text, "://") + 3, seen, p);
    }
    if (strncmp(text, "unix:", 5) == 0 && text[5] == '/') {
        return read_socket(store, text + 5, p);
    }
    return "write redis://HOST:PORT/DATABASE, rediss:// for TLS, or unix:/PATH, then key=value";
}

static const char *read_option(kiss_limit_store *store, const char *key, const char *value, apr_pool_t *p)
{
    apr_int64_t number = 0;
    const char *e, *path;

    if (strcmp(key, "password-file") == 0) {
        return kiss_config_password(&store->password, &path, value, p);
    }
    if (strcmp(key, "user") == 0) {
        store->user = value;
        return *value ? NULL : "user: must not be empty";
    }
    if (strcmp(key, "database") == 0) {
        e = kiss_setting_number(&number, value, 0, MAX_DATABASE, p);
        store->database = (int)number;
        return e;
    }
    if (strcmp(key, "timeout") == 0) {
        return kiss_setting_time(&store->timeout, value, KISS_MS(1), LONGEST, p);
    }
    if (strcmp(key, "ca") == 0) {
        return kiss_config_file(&store->ca, value, p);
    }
    if (strcmp(key, "cert") == 0) {
        return kiss_config_file(&store->cert, value, p);
    }
    if (strcmp(key, "key") == 0) {
        return kiss_config_file(&store->key, value, p);
    }
    return apr_psprintf(p, "%s: unknown: use password-file, user, database, timeout, ca, cert, key", key);
}

/* --- TLS --- */

static apr_status_t free_tls(void *tls)
{
    SSL_CTX_free(tls);
    return APR_SUCCESS;
}

/** Why a file is of no use for TLS. */
static const char *unfit(const char *file, apr_pool_t *p)
{
    const char *reason = ERR_reason_error_string(ERR_peek_error());

    ERR_clear_error();
    return apr_psprintf(p, "%s: %s", file, reason ? reason : "it cannot be used");
}

/** Reads the certificates now, as root: the children may not be allowed to. @return NULL, or an error text */
static const char *prepare_tls(kiss_limit_store *store, apr_pool_t *p)
{
    if (!store->secure) {
        return store->ca || store->cert || store->key ? "ca=, cert= and key= are of no use without rediss://" : NULL;
    }
    if (!store->cert != !store->key) {
        return "cert= and key= belong together";
    }
    ERR_clear_error();
    store->tls = SSL_CTX_new(TLS_client_method());
    if (!store->tls) {
        return "TLS is not available";
    }
    apr_pool_cleanup_register(p, store->tls, free_tls, apr_pool_cleanup_null);
    SSL_CTX_set_min_proto_version(store->tls, TLS1_2_VERSION);
    SSL_CTX_set_verify(store->tls, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_mode(store->tls, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    if (store->ca ? !SSL_CTX_load_verify_locations(store->tls, store->ca, NULL)
        : !SSL_CTX_set_default_verify_paths(store->tls)) {
        return unfit(store->ca ? store->ca : "the system's certificates", p);
    }
    if (store->cert && SSL_CTX_use_certificate_chain_file(store->tls, store->cert) != 1) {
        return unfit(store->cert, p);
    }
    if (store->key && (SSL_CTX_use_PrivateKey_file(store->tls, store->key, SSL_FILETYPE_PEM) != 1
                       || SSL_CTX_check_private_key(store->tls) != 1)) {
        return unfit(store->key, p);
    }
    return NULL;
}

/* --- the whole --- */

const char *kiss_config_limit_store_read(kiss_limit_store *store, const char *args, apr_pool_t *p)
{
    apr_table_t *seen = apr_table_make(p, 4);
    const char *e = read_place(store, ap_getword_conf(p, &args), seen, p);

    store->timeout = TIMEOUT;
    while (!e && *args) {
        const char *key = NULL, *value = NULL;

        e = kiss_setting_pair(&key, &value, &args, ap_getword_conf, store->address, p);
        if (!e && apr_table_get(seen, key)) {
            return apr_psprintf(p, "%s stands twice", key);
        }
        if (!e) {
            e = read_option(store, key, value, p);
            apr_table_setn(seen, key, key);
        }
    }
    return e ? e : store->user && !store->password ? "user= needs password-file=" : prepare_tls(store, p);
}
