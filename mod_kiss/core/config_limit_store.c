/* SPDX-License-Identifier: Apache-2.0 */
/**
 * config_limit_store - reads the arguments of KissLimitStore.
 */
#include "core/config_limit_store.h"

#include <string.h>

#include "core/config_value.h"
#include "lib/base/setting.h"

#define REDIS_PORT     6379
#define MAX_DATABASE   1000000
#define TIMEOUT        KISS_MS(10)
#define LONGEST        KISS_S(1)

/** Reads what follows redis://. @return NULL, or an error text */
static const char *read_url(kiss_limit_store *store, const char *text, apr_pool_t *p)
{
    apr_size_t n = strcspn(text, "/");
    const char *e = n ? kiss_config_address(&store->host, &store->port, &store->address, apr_pstrmemdup(p, text, n),
                                            REDIS_PORT, p) : "a host is missing";
    apr_int64_t database = 0;

    if (!e && text[n] && text[n + 1]) {
        e = kiss_setting_number(&database, text + n + 1, 0, MAX_DATABASE, p);
    }
    store->database = (int)database;
    return e;
}

static const char *read_place(kiss_limit_store *store, const char *text, apr_pool_t *p)
{
    if (strncmp(text, "redis://", 8) == 0) {
        return strchr(text, '@')
            ? "a password does not belong into the configuration, which mod_info shows: put it into a file that only "
              "root can read and write password-file=FILE" : read_url(store, text + 8, p);
    }
    if (strncmp(text, "unix:", 5) == 0 && text[5] == '/') {
        store->socket = store->address = text + 5;
        return NULL;
    }
    return "write redis://HOST:PORT/DATABASE or unix:/PATH, then key=value";
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
    return apr_psprintf(p, "%s: unknown: use password-file, user, database, timeout", key);
}

const char *kiss_config_limit_store_read(kiss_limit_store *store, const char *args, apr_pool_t *p)
{
    const char *e = read_place(store, ap_getword_conf(p, &args), p);

    store->timeout = TIMEOUT;
    while (!e && *args) {
        const char *key = NULL, *value = NULL;

        e = kiss_setting_pair(&key, &value, &args, ap_getword_conf, store->address, p);
        e = e ? e : read_option(store, key, value, p);
    }
    return e ? e : store->user && !store->password ? "user= needs password-file=" : NULL;
}
