/* SPDX-License-Identifier: Apache-2.0 */
/**
 * redis - sockets and TLS to a Redis server, none of which is waited for longer than it is given time.
 */
#include "caller/redis.h"

#include <apr_strings.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "lib/base/clock.h"

/* Bytes that are received at once. */
#define BUFFER 4096

#define CLOSED "the server closed the connection"

/* --- waiting --- */

/** Waits until the socket is ready. @return 1, or 0 at the deadline */
static int wait_for(const kiss_redis *c, short events, apr_int64_t deadline)
{
    struct pollfd one = { c->fd, events, 0 };
    apr_int64_t left;
    int n;

    do {
        left = deadline - kiss_clock_now();
        n = left > 0 ? poll(&one, 1, (int)((left + 999) / 1000)) : 0;
    } while (n < 0 && errno == EINTR);
    return n > 0;
}

static const char *late(void)
{
    return "it timed out";
}

/** The text of an error of the system. */
static const char *failed(kiss_redis *c, int error, apr_pool_t *p)
{
    char text[120];

    c->closed = error == EPIPE || error == ECONNRESET;
    return apr_pstrdup(p, apr_strerror(APR_FROM_OS_ERROR(error), text, sizeof(text)));
}

/** What TLS did not like. */
static const char *tls_failed(const kiss_redis *c, apr_pool_t *p)
{
    long verified = SSL_get_verify_result(c->ssl);
    unsigned long error = ERR_get_error();
    const char *reason = ERR_reason_error_string(error);

    if (verified != X509_V_OK) {
        return apr_psprintf(p, "its certificate is refused: %s", X509_verify_cert_error_string(verified));
    }
    return apr_psprintf(p, "TLS fails: %s", reason ? reason : "the server closed the connection");
}

/** Waits for what TLS wants. @return NULL: again; or an error text */
static const char *tls_wait(kiss_redis *c, int result, apr_int64_t deadline, apr_pool_t *p)
{
    int error = SSL_get_error(c->ssl, result), saved = errno;

    if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) {
        return wait_for(c, error == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT, deadline) ? NULL : late();
    }
    if (error == SSL_ERROR_SYSCALL && saved) {
        return failed(c, saved, p);
    }
    c->closed = error == SSL_ERROR_ZERO_RETURN || error == SSL_ERROR_SYSCALL;
    return tls_failed(c, p);
}

/* --- what is sent and received --- */

/** Adds bytes. */
static void append(kiss_redis_commands *commands, const char *text, apr_size_t n)
{
    if (!commands->text || commands->n + n > commands->size) {
        char *larger = apr_palloc(commands->pool, 2 * (commands->n + n) + BUFFER);

        if (commands->text) {
            memcpy(larger, commands->text, commands->n);
        }
        commands->text = larger;
        commands->size = 2 * (commands->n + n) + BUFFER;
    }
    memcpy(commands->text + commands->n, text, n);
    commands->n += n;
}

/** Adds "*3\r\n", or "$3\r\n". */
static void append_number(kiss_redis_commands *commands, char kind, apr_size_t number)
{
    char text[24], *c = text + sizeof(text);
    apr_size_t n = number;

    *--c = '\n';
    *--c = '\r';
    do {
        *--c = (char)('0' + n % 10);
        n /= 10;
    } while (n);
    *--c = kind;
    append(commands, c, (apr_size_t)(text + sizeof(text) - c));
}

void kiss_redis_add(kiss_redis_commands *commands, int argc, const char *const *argv)
{
    int i;

    append_number(commands, '*', (apr_size_t)argc);
    for (i = 0; i < argc; i++) {
        apr_size_t n = strlen(argv[i]);

        append_number(commands, '$', n);
        append(commands, argv[i], n);
        append(commands, "\r\n", 2);
    }
}

const char *kiss_redis_send(kiss_redis *c, const kiss_redis_commands *commands, apr_int64_t deadline)
{
    const char *text = commands->text, *why = NULL;
    apr_size_t n = commands->n;
    apr_pool_t *p = commands->pool;

    while (n > 0 && !why) {
        ssize_t sent;

        if (c->ssl) {
            ERR_clear_error();
            errno = 0;
            sent = SSL_write(c->ssl, text, (int)n);
            why = sent > 0 ? NULL : tls_wait(c, (int)sent, deadline, p);
        }
        else {
            sent = send(c->fd, text, n, MSG_NOSIGNAL);
            if (sent < 0 && errno != EINTR) {
                why = errno != EAGAIN ? failed(c, errno, p) : wait_for(c, POLLOUT, deadline) ? NULL : late();
            }
        }
        if (sent > 0) {
            text += sent;
            n -= (apr_size_t)sent;
        }
    }
    return why;
}

/** Receives what there is. @return NULL, or an error text */
static const char *receive_some(kiss_redis *c, apr_int64_t deadline, apr_pool_t *p)
{
    char buffer[BUFFER];
    const char *why = NULL;
    ssize_t n = -1;

    while (n < 0 && !why) {
        if (c->ssl) {
            ERR_clear_error();
            errno = 0;
            n = SSL_read(c->ssl, buffer, sizeof(buffer));
            if (n <= 0) {
                why = tls_wait(c, (int)n, deadline, p);
                n = -1;
            }
        }
        else if ((n = recv(c->fd, buffer, sizeof(buffer), 0)) < 0 && errno != EINTR) {
            why = errno != EAGAIN ? failed(c, errno, p) : wait_for(c, POLLIN, deadline) ? NULL : late();
        }
    }
    if (!why && n == 0) {
        c->closed = 1;
        return CLOSED;
    }
    return why ? why : redisReaderFeed(c->reader, buffer, (size_t)n) == REDIS_OK ? NULL : apr_pstrdup(p, c->reader->errstr);
}

const char *kiss_redis_receive(kiss_redis *c, redisReply **reply, apr_int64_t deadline, apr_pool_t *p)
{
    const char *why = NULL;
    void *got = NULL;

    *reply = NULL;
    while (!why && !got) {
        if (redisReaderGetReply(c->reader, &got) != REDIS_OK) {
            return apr_pstrdup(p, c->reader->errstr);
        }
        if (!got) {
            why = receive_some(c, deadline, p);
        }
    }
    *reply = got;
    return why;
}

/* --- opening --- */

/** Connects a socket. @return NULL, or an error text */
static const char *connect_to(kiss_redis *c, int family, const struct sockaddr *address, socklen_t n, apr_int64_t deadline,
                              apr_pool_t *p)
{
    int error = 0, on = 1;
    socklen_t size = sizeof(error);
    const char *why;

    c->fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (c->fd < 0) {
        return failed(c, errno, p);
    }
    if (connect(c->fd, address, n) != 0) {
        error = errno;
    }
    if (error == EINPROGRESS) {
        error = !wait_for(c, POLLOUT, deadline) ? ETIMEDOUT
                : getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0 ? errno : error;
    }
    if (!error) {
        if (family != AF_UNIX) {
            /* A connection that is idle for long notices that its server is gone; else the first request waits for that. */
            setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
            setsockopt(c->fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
        }
        return NULL;
    }
    why = failed(c, error, p);
    close(c->fd);
    return why;
}

static const char *connect_host(kiss_redis *c, const kiss_limit_store *conf, apr_int64_t deadline, apr_pool_t *p)
{
    struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM }, *all, *one;
    const char *why = "it has no address";
    int error = getaddrinfo(conf->host, apr_itoa(p, conf->port), &hints, &all);

    if (error) {
        return apr_pstrdup(p, gai_strerror(error));
    }
    for (one = all; one && why; one = one->ai_next) {
        why = connect_to(c, one->ai_family, one->ai_addr, one->ai_addrlen, deadline, p);
    }
    freeaddrinfo(all);
    return why;
}

static const char *connect_socket(kiss_redis *c, const char *path, apr_int64_t deadline, apr_pool_t *p)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };

    apr_cpystrn(address.sun_path, path, sizeof(address.sun_path));
    return connect_to(c, AF_UNIX, (const struct sockaddr *)&address, sizeof(address), deadline, p);
}

/** Begins TLS and verifies the server's certificate and name. @return NULL, or an error text */
static const char *secure(kiss_redis *c, const kiss_limit_store *conf, apr_int64_t deadline, apr_pool_t *p)
{
    unsigned char address[sizeof(struct in6_addr)];
    int is_address = inet_pton(AF_INET, conf->host, address) == 1 || inet_pton(AF_INET6, conf->host, address) == 1, n;
    const char *why = NULL;

    c->ssl = SSL_new(conf->tls);
    if (!c->ssl || SSL_set_fd(c->ssl, c->fd) != 1
        || (is_address ? X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(c->ssl), conf->host)
            : SSL_set1_host(c->ssl, conf->host) && SSL_set_tlsext_host_name(c->ssl, conf->host)) != 1) {
        return "TLS cannot begin";
    }
    do {
        ERR_clear_error();
        errno = 0;
        n = SSL_connect(c->ssl);
        why = n == 1 ? NULL : tls_wait(c, n, deadline, p);
    } while (n != 1 && !why);
    return why;
}

/** The number, or the word, after a name in the text of INFO; "" without it. */
static const char *info(const redisReply *reply, const char *name, apr_pool_t *p)
{
    const char *line = reply->type == REDIS_REPLY_STRING ? strstr(reply->str, name) : NULL;

    return line ? apr_pstrmemdup(p, line + strlen(name), strcspn(line + strlen(name), "\r\n")) : "";
}

/** Notes whether the server removes keys when it is full. An account may not be allowed to know. */
static void read_policy(kiss_redis *c, const redisReply *reply, apr_pool_t *p)
{
    const char *policy = info(reply, "\nmaxmemory_policy:", p);

    if (*policy && strcmp(policy, "noeviction") != 0 && apr_atoi64(info(reply, "\nmaxmemory:", p)) > 0) {
        apr_cpystrn(c->evicts, policy, sizeof(c->evicts));
    }
}

/** Logs in, selects the database, and looks how it is configured. @return NULL, or an error text */
static const char *log_in(kiss_redis *c, const kiss_limit_store *conf, apr_int64_t deadline, apr_pool_t *p)
{
    const char *const auth[] = { "AUTH", conf->user ? conf->user : conf->password, conf->password };
    const char *const select[] = { "SELECT", apr_itoa(p, conf->database) }, *const memory[] = { "INFO", "memory" };
    int n = (conf->password != NULL) + (conf->database != 0), i;
    kiss_redis_commands commands = { p };
    redisReply *reply;
    const char *why;

    if (conf->password) {
        kiss_redis_add(&commands, conf->user ? 3 : 2, auth);
    }
    if (conf->database) {
        kiss_redis_add(&commands, 2, select);
    }
    kiss_redis_add(&commands, 2, memory);
    why = kiss_redis_send(c, &commands, deadline);
    for (i = 0; i <= n && !why; i++) {
        why = kiss_redis_receive(c, &reply, deadline, p);
        if (!reply) {
            break;
        }
        if (i == n) {
            read_policy(c, reply, p);
        }
        else if (reply->type == REDIS_REPLY_ERROR) {
            why = apr_pstrdup(p, reply->str);
        }
        freeReplyObject(reply);
    }
    return why;
}

const char *kiss_redis_open(kiss_redis *c, const kiss_limit_store *conf, apr_pool_t *p)
{
    const apr_int64_t deadline = kiss_clock_now() + conf->timeout;
    const char *why;

    memset(c, 0, sizeof(*c));
    why = conf->socket ? connect_socket(c, conf->socket, deadline, p) : connect_host(c, conf, deadline, p);
    if (why) {
        c->fd = 0;
        return why;
    }
    c->reader = redisReaderCreate();
    why = !c->reader ? "out of memory" : conf->tls ? secure(c, conf, deadline, p) : NULL;
    why = why ? why : log_in(c, conf, deadline, p);
    if (why) {
        kiss_redis_close(c);
    }
    return why;
}

void kiss_redis_close(kiss_redis *c)
{
    if (c->reader) {
        redisReaderFree(c->reader);
    }
    SSL_free(c->ssl);
    if (c->fd > 0) {
        close(c->fd);
    }
    c->reader = NULL;
    c->ssl = NULL;
    c->fd = 0;
}
