/* SPDX-License-Identifier: Apache-2.0 */
/**
 * ctl_http - sends requests by libcurl.
 */
#include "ctl_http.h"

#include <string.h>
#include <strings.h>

#include <apr_lib.h>
#include <apr_strings.h>
#include <curl/curl.h>

#include "lib/base/loopback.h"

#define CONNECT_SECONDS 10
#define SILENCE_SECONDS 60              /* a list may be built for a while before its first byte */

/** What the callbacks of libcurl write to. */
typedef struct {
    const ctl_http_request *request;
    ctl_http_answer *answer;
    apr_pool_t *pool;
    apr_size_t most;                    /* bytes that are kept */
    int full;                           /* standard output, or memory, takes no more */
} transfer;

const char *ctl_http_host(const char *url, apr_pool_t *p)
{
    const char *start = strstr(url, "://"), *end;

    start = start ? start + 3 : url;
    if (*start == '[') {
        start++;
        end = start + strcspn(start, "]/");
    }
    else {
        end = start + strcspn(start, ":/?#");
    }
    return apr_pstrmemdup(p, start, (apr_size_t)(end - start));
}

const char *ctl_http_check_url(const char *url)
{
    const int tls = strncmp(url, "https://", 8) == 0;
    const char *rest = tls ? url + 8 : strncmp(url, "http://", 7) == 0 ? url + 7 : NULL, *c;
    char host[256];
    apr_size_t n;

    if (!rest || !*rest || *rest == '/') {
        return "is no URL: write https://HOST/PATH";
    }
    for (c = url; *c > ' ' && *c <= '~'; c++) {
        continue;
    }
    if (*c) {
        return "has blanks or letters in it that a URL writes as %20 and the like";
    }
    if (strchr(rest, '#') || memchr(rest, '@', strcspn(rest, "/?"))) {
        return "has a user or a fragment in it";
    }
    n = *rest == '[' ? strcspn(++rest, "]") : strcspn(rest, ":/?");
    if (tls || n >= sizeof(host)) {
        return NULL;
    }
    memcpy(host, rest, n);
    host[n] = '\0';
    return kiss_loopback_is(host) ? NULL : "is plain HTTP to another machine, where others could read it: write https://";
}

/** The value of a header line if it has this name, without blanks around it; else `old`. */
static const char *value_of(const char *line, apr_size_t n, const char *name, const char *old, apr_pool_t *p)
{
    apr_size_t k = strlen(name);

    if (n <= k || strncasecmp(line, name, k) != 0 || line[k] != ':') {
        return old;
    }
    for (k++; k < n && apr_isspace(line[k]); k++) {
        continue;
    }
    while (n > k && apr_isspace(line[n - 1])) {
        n--;
    }
    return apr_pstrmemdup(p, line + k, n - k);
}

static size_t take_header(char *line, size_t one, size_t n, void *ctx)
{
    transfer *t = ctx;

    (void)one;
    if (t->request->head_to) {
        size_t i;

        for (i = 0; i < n && line[i] != '\r' && line[i] != '\n'; i++) {
            fputc(apr_iscntrl(line[i]) ? '?' : line[i], t->request->head_to);
        }
        fputc('\n', t->request->head_to);
    }
    t->answer->type = value_of(line, n, "Content-Type", t->answer->type, t->pool);
    t->answer->rate_limit = value_of(line, n, "RateLimit", t->answer->rate_limit, t->pool);
    return n;
}

static size_t take_body(char *data, size_t one, size_t n, void *ctx)
{
    transfer *t = ctx;

    (void)one;
    if (t->request->body_to) {
        t->full = fwrite(data, 1, n, t->request->body_to) != n;
    }
    else if (t->answer->length + n <= t->most) {
        memcpy(t->answer->body + t->answer->length, data, n);
    }
    else {
        t->full = 1;
    }
    t->answer->length += n;
    return t->full ? 0 : n;
}

/** Sets what all requests have in common. */
static void set_common(CURL *curl, transfer *t)
{
    curl_easy_setopt(curl, CURLOPT_URL, t->request->url);
    curl_easy_setopt(curl, CURLOPT_NOPROXY, strncmp(t->request->url, "http:", 5) == 0 ? "*" : NULL);
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 2L);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_SECONDS);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, (long)t->request->seconds);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, (long)SILENCE_SECONDS);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "kissctl/" KISS_VERSION);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, take_header);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, t);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, t);
    if (t->request->ca) {
        curl_easy_setopt(curl, CURLOPT_CAINFO, t->request->ca);
    }
    if (t->request->body) {
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, t->request->body);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long)strlen(t->request->body));
    }
}

static const char *perform(CURL *curl, transfer *t)
{
    char message[CURL_ERROR_SIZE] = "";
    struct curl_slist *list = NULL;
    const char *const *header;
    long status = 0;
    CURLcode code;

    set_common(curl, t);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, message);
    for (header = t->request->headers; header && *header; header++) {
        struct curl_slist *longer = curl_slist_append(list, *header);

        if (!longer) {
            curl_slist_free_all(list);
            return "out of memory";
        }
        list = longer;
    }
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, list);
    code = curl_easy_perform(curl);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    curl_slist_free_all(list);
    t->answer->status = (int)status;
    if (code == CURLE_OK) {
        return NULL;
    }
    if (t->full) {
        return t->request->body_to ? "the answer could not be written" : "the answer is too long";
    }
    return apr_pstrcat(t->pool, *message ? message : curl_easy_strerror(code), code == CURLE_PEER_FAILED_VERIFICATION
                       && !t->request->ca ? ". --ca FILE (notify: ca = FILE) names an authority of yours" : "", NULL);
}

const char *ctl_http_send(ctl_http_answer *answer, const ctl_http_request *request, apr_pool_t *p)
{
    transfer t = {.request = request, .pool = p};
    const char *error;
    CURL *curl;

    memset(answer, 0, sizeof(*answer));
    t.answer = answer;
    answer->type = answer->rate_limit = "";
    t.most = request->most ? request->most : CTL_HTTP_KEPT;
    answer->body = apr_pcalloc(p, request->body_to ? 1 : t.most + 1);
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK || !(curl = curl_easy_init())) {
        return "out of memory";
    }
    error = perform(curl, &t);
    curl_easy_cleanup(curl);
    return error;
}
