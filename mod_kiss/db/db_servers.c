/* SPDX-License-Identifier: Apache-2.0 */
/**
 * db_servers - what the children know of the servers of all databases, in shared memory.
 */
#include "db/db_servers.h"

#include <apr_atomic.h>
#include <apr_shm.h>

#include <string.h>

#include "lib/base/clock.h"

/* How long a server that failed is left alone when nobody asks it. */
#define LEFT_ALONE 30

/* How long one that does not commit counts as failed: so often a request may fail. */
#define HELD 10

/** What is known of a server, for one database. */
struct kiss_database_health {
    volatile apr_uint32_t failed;       /* second of kiss_clock in which it failed, from 1; 0: it works */
    volatile apr_uint32_t held;         /* second until which it counts as failed, whoever connects to it */
    volatile apr_uint32_t losses;       /* counted in the first database that has this server */
    volatile apr_uint32_t *shared;      /* the losses of that one */
    volatile apr_uint32_t connections;  /* that the children have to it now */
    volatile apr_uint32_t failures;     /* how often it was recorded as failed */
};

/** The health of the first server in the databases before `end` that has this address, or NULL. */
static kiss_database_health *same_server(const apr_array_header_t *all, int end, const kiss_database_server *server)
{
    int i, j;

    for (i = 0; i < end; i++) {
        const kiss_database_conf *d = APR_ARRAY_IDX(all, i, const kiss_database_conf *);

        for (j = 0; j < d->nservers; j++) {
            if (strcmp(d->servers[j].address, server->address) == 0) {
                return d->servers[j].health;
            }
        }
    }
    return NULL;
}

void kiss_db_servers_prepare(server_rec *s, apr_pool_t *pconf)
{
    apr_array_header_t *all = kiss_config_databases(s, pconf);
    kiss_database_health *next;
    volatile apr_uint32_t *counts;
    apr_uint64_t *newest;
    apr_size_t servers = 0;
    apr_shm_t *shm;
    apr_status_t rv;
    int i, j;

    for (i = 0; i < all->nelts; i++) {
        servers += (apr_size_t)APR_ARRAY_IDX(all, i, kiss_database_conf *)->nservers;
    }
    if (!servers) {
        return;
    }
    rv = apr_shm_create(&shm, servers * sizeof(*next) + (apr_size_t)all->nelts * (sizeof(*newest) + 4 * sizeof(*counts)),
                        NULL, pconf);
    if (rv != APR_SUCCESS) {
        ap_log_error(APLOG_MARK, APLOG_WARNING, rv, s, KISS_LOGNO(0255) "no shared memory: each connection that a firewall "
                     "has forgotten costs a request, and so does each server that failed");
        return;
    }
    newest = apr_shm_baseaddr_get(shm);         /* zero initially; the first one, for its alignment */
    next = (kiss_database_health *)(newest + all->nelts);
    counts = (volatile apr_uint32_t *)(next + servers);
    for (i = 0; i < all->nelts; i++) {
        kiss_database_conf *database = APR_ARRAY_IDX(all, i, kiss_database_conf *);

        database->newest = newest++;
        database->connections = counts++;
        database->in_use = counts++;
        database->stale = counts++;
        database->stale_since = counts++;
        for (j = 0; j < database->nservers; j++) {
            kiss_database_health *first = same_server(all, i, &database->servers[j]);

            next->shared = first ? first->shared : &next->losses;
            database->servers[j].health = next++;
        }
    }
}

static apr_uint32_t now(void)
{
    return (apr_uint32_t)apr_time_sec(kiss_clock_now()) + 1;
}

int kiss_db_servers_has_failed(const kiss_database_conf *conf, int server)
{
    const kiss_database_health *health = conf->servers[server].health;

    return health && apr_atomic_read32((volatile apr_uint32_t *)&health->failed) != 0;
}

/** 1 when a server failed so recently that it is left alone. */
static int is_left_alone(const kiss_database_conf *conf, int server)
{
    const kiss_database_health *health = conf->servers[server].health;
    apr_uint32_t failed = health ? apr_atomic_read32((volatile apr_uint32_t *)&health->failed) : 0;

    return failed && now() - failed < LEFT_ALONE;
}

int kiss_db_servers_choose(const kiss_database_conf *conf, kiss_db_server_set tried)
{
    int i, first = -1;

    for (i = 0; i < conf->nservers; i++) {
        if (tried & KISS_DB_SERVER(i)) {
            continue;
        }
        if (!is_left_alone(conf, i)) {
            return i;
        }
        first = first < 0 ? i : first;
    }
    return first;
}

int kiss_db_servers_is_better(const kiss_database_conf *conf, int server)
{
    const int end = kiss_db_servers_has_failed(conf, server) ? conf->nservers : server;
    int i;

    for (i = 0; i < end; i++) {
        if (!kiss_db_servers_has_failed(conf, i)) {
            return 1;
        }
    }
    return 0;
}

int kiss_db_servers_failed(const kiss_database_conf *conf, int server)
{
    kiss_database_health *health = conf->servers[server].health;

    if (conf->nservers < 2 || !health || apr_atomic_xchg32(&health->failed, now()) != 0) {
        return 0;
    }
    apr_atomic_inc32(&health->failures);
    return 1;
}

int kiss_db_servers_works(const kiss_database_conf *conf, int server)
{
    kiss_database_health *health = conf->servers[server].health;

    return kiss_db_servers_has_failed(conf, server) && apr_atomic_read32(&health->held) <= now()
           && apr_atomic_xchg32(&health->failed, 0) != 0;
}

void kiss_db_servers_hold(const kiss_database_conf *conf, int server)
{
    kiss_database_health *health = conf->servers[server].health;

    if (health) {
        apr_atomic_set32(&health->held, now() + HELD);
    }
}

apr_uint32_t kiss_db_servers_losses(const kiss_database_conf *conf, int server)
{
    const kiss_database_health *health = conf->servers[server].health;

    return health ? apr_atomic_read32(health->shared) : 0;
}

void kiss_db_servers_note_loss(const kiss_database_conf *conf, int server)
{
    const kiss_database_health *health = conf->servers[server].health;

    if (health) {
        apr_atomic_inc32(health->shared);
    }
}

void kiss_db_servers_note_connection(const kiss_database_conf *conf, int server, int opened)
{
    kiss_database_health *health = conf->servers[server].health;

    if (health && opened) {
        apr_atomic_inc32(&health->connections);
    }
    else if (health) {
        apr_atomic_dec32(&health->connections);
    }
}

kiss_db_server_counts kiss_db_servers_counts(const kiss_database_conf *conf, int server)
{
    kiss_database_health *health = conf->servers[server].health;
    kiss_db_server_counts counts = { 0, 0 };

    if (health) {
        counts.connections = apr_atomic_read32(&health->connections);
        counts.failures = apr_atomic_read32(&health->failures);
    }
    return counts;
}

apr_uint64_t kiss_db_servers_newest(const kiss_database_conf *conf)
{
    return conf->newest ? __atomic_load_n(conf->newest, __ATOMIC_SEQ_CST) : 0;
}

int kiss_db_servers_note_newest(const kiss_database_conf *conf, apr_uint64_t revision, apr_uint64_t before)
{
    apr_uint64_t known = kiss_db_servers_newest(conf);

    if (revision < before) {
        return conf->newest && __atomic_compare_exchange_n(conf->newest, &before, revision, 0, __ATOMIC_SEQ_CST,
                                                           __ATOMIC_SEQ_CST);
    }
    while (conf->newest && known < revision
           && !__atomic_compare_exchange_n(conf->newest, &known, revision, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {
        continue;
    }
    return 1;
}
