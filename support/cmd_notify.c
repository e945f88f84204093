/* SPDX-License-Identifier: Apache-2.0 */
/**
 * cmd_notify - the verb notify: tells URLs of the operator that lists have changed, by a signed request without content.
 */
#include "cmd.h"

#include <string.h>

#include <apr_strings.h>
#include <apr_time.h>

#include "ctl_http.h"
#include "ctl_message.h"
#include "lib/base/crypto.h"
#include "notify_config.h"
#include "notify_state.h"

#define SECONDS 10                      /* for one attempt */
#define LONGEST_PAUSE 16                /* seconds between two attempts: 1, 2, 4, 8, 16 */
#define ID_BYTES 16

/** A target that is to be notified. */
typedef struct {
    const char *url;
    const char *body;
    const char *id;                     /* the same for all attempts, so that a receiver can recognise them */
    int done;                           /* 1: it has answered; -1: it will not be asked again in this run */
} delivery;

/** HMAC-SHA256 over the timestamp, a dot and the body, in hexadecimal digits; NULL without memory. */
static const char *signature(ctl *c, const char *secret, const char *timestamp, const char *body)
{
    const char *text = apr_pstrcat(c->pool, timestamp, ".", body, NULL);
    char *hex = apr_palloc(c->pool, 2 * KISS_SHA256_LEN + 1);
    unsigned char mac[KISS_SHA256_LEN];
    int i;

    if (!kiss_crypto_hmac(mac, secret, strlen(secret), text, strlen(text))) {
        return NULL;
    }
    for (i = 0; i < KISS_SHA256_LEN; i++) {
        apr_snprintf(hex + 2 * i, 3, "%02x", mac[i]);
    }
    return hex;
}

/** Whether another attempt may succeed: not with what the receiver refuses. */
static int is_temporary(int status)
{
    return status == 0 || status == 408 || status == 425 || status == 429 || status >= 500;
}

/** One attempt; a new timestamp each time, so that a receiver can refuse old ones. */
static void tell(ctl *c, const notify_config *config, delivery *d)
{
    const char *timestamp = apr_psprintf(c->pool, "%" APR_TIME_T_FMT, apr_time_sec(apr_time_now()));
    const char *mac = signature(c, config->secret, timestamp, d->body), *error;
    const char *const headers[] = {
        "Content-Type: application/json",
        apr_pstrcat(c->pool, "X-Kiss-Timestamp: ", timestamp, NULL),
        apr_pstrcat(c->pool, "X-Kiss-Signature: sha256=", mac, NULL),
        apr_pstrcat(c->pool, "X-Kiss-Delivery: ", d->id, NULL),
        NULL
    };
    const ctl_http_request request = {.url = d->url, .headers = headers, .body = d->body, .ca = config->ca,
                                      .seconds = SECONDS};
    ctl_http_answer answer;

    if (!mac) {
        ctl_fail("%s: out of memory", d->url);
        return;
    }
    error = ctl_http_send(&answer, &request, c->pool);
    /* A long answer was cut off: its status counts all the same. */
    if (answer.status >= 200 && answer.status < 300) {
        d->done = 1;
        return;
    }
    d->done = is_temporary(answer.status) ? 0 : -1;
    ctl_note("%s: %s", d->url, answer.status ? apr_psprintf(c->pool, "status %d", answer.status) : error);
}

/** The targets that are to be notified. Those that are new know the revisions as they are. */
static apr_array_header_t *due(ctl *c, const notify_config *config, notify_state *state, const notify_revisions *now)
{
    apr_array_header_t *all = apr_array_make(c->pool, 4, sizeof(delivery));
    unsigned char random[ID_BYTES];
    int i;

    for (i = 0; i < config->targets->nelts; i++) {
        const char *url = APR_ARRAY_IDX(config->targets, i, const char *);
        const notify_revisions *known = apr_hash_get(state->known, url, APR_HASH_KEY_STRING);
        const char *lists = known ? notify_state_changed(c, now, known) : NULL;

        if (!known) {
            apr_hash_set(state->known, url, APR_HASH_KEY_STRING, now);
        }
        else if (lists && kiss_crypto_random(random, sizeof(random)) == APR_SUCCESS) {
            delivery *d = apr_array_push(all);

            d->url = url;
            d->body = apr_psprintf(c->pool, "{\"event\":\"lists-changed\",\"lists\":[%s]}", lists);
            d->id = kiss_crypto_base64url(c->pool, random, sizeof(random));
            d->done = 0;
        }
    }
    return all;
}

/** Forgets what targets knew that are not in the file any more. */
static void forget(ctl *c, const notify_config *config, notify_state *state)
{
    apr_hash_t *known = apr_hash_make(c->pool);
    int i;

    for (i = 0; i < config->targets->nelts; i++) {
        const char *url = APR_ARRAY_IDX(config->targets, i, const char *);

        apr_hash_set(known, url, APR_HASH_KEY_STRING, apr_hash_get(state->known, url, APR_HASH_KEY_STRING));
    }
    state->known = known;
}

/** Notifies all, and those again that failed. @return how many could not be notified */
static int deliver(ctl *c, const notify_config *config, apr_array_header_t *all, notify_state *state,
                   const notify_revisions *now)
{
    int attempt, i, left = all->nelts, pause = 1;

    for (attempt = 0; attempt < config->attempts && left; attempt++) {
        if (attempt) {
            apr_sleep(apr_time_from_sec(pause));
            pause = pause < LONGEST_PAUSE ? pause * 2 : pause;
        }
        for (left = 0, i = 0; i < all->nelts; i++) {
            delivery *d = &APR_ARRAY_IDX(all, i, delivery);

            if (d->done == 0) {
                tell(c, config, d);
                left += d->done == 0;
            }
        }
    }
    for (left = 0, i = 0; i < all->nelts; i++) {
        const delivery *d = &APR_ARRAY_IDX(all, i, delivery);

        if (d->done == 1) {
            apr_hash_set(state->known, d->url, APR_HASH_KEY_STRING, now);
        }
        left += d->done != 1;
    }
    return left;
}

int cmd_notify(ctl *c, const char *const *args)
{
    notify_config config;
    notify_state state;
    notify_revisions now;
    apr_array_header_t *all;
    int left;

    if (notify_config_read(c, &config, args[0]) != CTL_OK || notify_state_open(c, &state, config.state) != CTL_OK
        || notify_state_now(c, &now) != CTL_OK) {
        return CTL_FAILED;
    }
    all = due(c, &config, &state, &now);
    left = deliver(c, &config, all, &state, &now);
    forget(c, &config, &state);
    if (notify_state_save(c, &state) != CTL_OK) {
        return CTL_FAILED;
    }
    return left ? ctl_fail("%d of %d could not be told: the next run tries again", left, all->nelts) : CTL_OK;
}
