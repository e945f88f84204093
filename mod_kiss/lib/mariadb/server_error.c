/* SPDX-License-Identifier: Apache-2.0 */
/**
 * server_error - the table of error numbers: kind and advice.
 */
#include "lib/mariadb/server_error.h"

#include <string.h>

#include <apr_strings.h>

#include <errmsg.h>
#include <mysqld_error.h>

/* Advice shared by several errors. */
#define BROKEN      "The connection broke: look at the server's log."
#define REACH       "Is the server running and reachable at this host and port?"
#define STOPPING    "The server is stopping: it is asked again when it runs."
#define CONNECTIONS "Raise max_connections of the server, or lower max= of KissDatabase."
#define ACCOUNT     "Raise the limits of the account (SHOW CREATE USER shows them) or max_user_connections of the server."
#define MEMORY      "The server is out of memory: give it more, or lower its buffers."
#define DISK        "The server's disk, temporary directory or tablespace is full: make room."
#define READ_ONLY   "The server only reads (read_only): use the primary."
#define NO_ENTRY    "Check user and password, and that the account was made", SEE_GRANTS
#define NO_RIGHT    "Give the account its rights", SEE_GRANTS
#define TLS_FAILED  "TLS failed: does the server have it (ssl_cert, ssl_key), does its certificate name this " \
                    "host, and is the certificate of its authority named (ca= of KissDatabase, ssl-ca of " \
                    "kissctl's group)?"
#define NO_CLUSTER  "A Galera node without its cluster refuses every statement: look at wsrep_ready and " \
                    "wsrep_cluster_status of this node, or use another one."
#define BLOCKED     "The server has blocked this machine after many broken connections: FLUSH HOSTS there."
#define SAME_TMPDIR "Does another MariaDB server use the same tmpdir? When it starts it removes all temporary " \
                    "files there: give each server its own."
#define STATEMENTS  "Raise max_prepared_stmt_count of the server, which all its clients share: each connection " \
                    "of the module keeps up to 64."
#define TOO_LONG    "The statement took longer than max_statement_time of the server or the account allows: " \
                    "raise it, or find out what slows the server down."
#define HELD        "Another session holds the rows, or a cluster's node cannot catch up with the others: wait for it " \
                    "(SHOW PROCESSLIST) and try again."
#define COLLIDED    "Another session wrote the same rows at the same time: do it again."

/* Numbers without a name in the client's header, because they are errors of the system or of newer servers. */
#define WRITE_FAILED   3            /* "Error writing file" */
#define DELETE_FAILED  6            /* "Error on delete of" a temporary file */
#define WAS_IDLE       4031         /* closed by the server because it was idle */

/** An end of an advice that depends on the database. */
typedef enum {
    SEE_NOTHING, SEE_GRANTS, SEE_INSTALL, SEE_CHECK
} advice_end;

/** One error. */
typedef struct {
    unsigned int code;
    kiss_server_kind kind;
    const char *advice;
    advice_end end;
} server_error;

static const server_error errors[] = {
    /* Errors of the client library. */
    { CR_CONNECTION_ERROR, KISS_SERVER_AWAY, "Is the server running, and is this the right socket, or address?" },
    { CR_CONN_HOST_ERROR, KISS_SERVER_AWAY, REACH },
    { CR_UNKNOWN_HOST, KISS_SERVER_AWAY, "Check the name of the host." },
    { CR_OUT_OF_MEMORY, KISS_SERVER_BUSY, "There is no memory left on this machine." },
    { CR_SSL_CONNECTION_ERROR, KISS_SERVER_AWAY, TLS_FAILED },
    { CR_SERVER_GONE_ERROR, KISS_SERVER_LOST, BROKEN },
    { CR_SERVER_LOST, KISS_SERVER_LOST, BROKEN },

    /* The connection ended, for any reason. */
    { ER_SERVER_SHUTDOWN, KISS_SERVER_LOST, STOPPING },
    { ER_NORMAL_SHUTDOWN, KISS_SERVER_LOST, STOPPING },
    { ER_FORCING_CLOSE, KISS_SERVER_LOST, STOPPING },
    { ER_ABORTING_CONNECTION, KISS_SERVER_LOST, BROKEN },
    { ER_NEW_ABORTING_CONNECTION, KISS_SERVER_LOST, BROKEN },
    { ER_NET_READ_ERROR_FROM_PIPE, KISS_SERVER_LOST, BROKEN },
    { ER_NET_PACKETS_OUT_OF_ORDER, KISS_SERVER_LOST, BROKEN },
    { ER_NET_READ_ERROR, KISS_SERVER_LOST, BROKEN },
    { ER_NET_READ_INTERRUPTED, KISS_SERVER_LOST, BROKEN },
    { ER_NET_ERROR_ON_WRITE, KISS_SERVER_LOST, BROKEN },
    { ER_NET_WRITE_INTERRUPTED, KISS_SERVER_LOST, BROKEN },
    { ER_CONNECTION_KILLED, KISS_SERVER_LOST, BROKEN },
    { WAS_IDLE, KISS_SERVER_LOST, BROKEN },
    { ER_QUERY_INTERRUPTED, KISS_SERVER_LOST, "Somebody has stopped the statement (KILL)." },
    { ER_UNKNOWN_STMT_HANDLER, KISS_SERVER_LOST, "" },      /* another connection prepares its statements anew */
    { ER_NEED_REPREPARE, KISS_SERVER_LOST, "" },

    /* The server cannot serve. */
    { ER_UNKNOWN_COM_ERROR, KISS_SERVER_AWAY, NO_CLUSTER },
    { ER_OPTION_PREVENTS_STATEMENT, KISS_SERVER_AWAY, READ_ONLY },
    { ER_READ_ONLY_MODE, KISS_SERVER_AWAY, READ_ONLY },
    { ER_HOST_IS_BLOCKED, KISS_SERVER_AWAY, BLOCKED },
    { ER_DISK_FULL, KISS_SERVER_AWAY, DISK },
    { ER_ERROR_ON_WRITE, KISS_SERVER_AWAY, DISK },
    { WRITE_FAILED, KISS_SERVER_AWAY, DISK },
    { ER_ERROR_DURING_COMMIT, KISS_SERVER_AWAY, "It is not known whether the change is there: look at the server's log." },
    { ER_GET_ERRNO, KISS_SERVER_AWAY, "The storage engine failed: look at the server's log, and at the room on its disk." },
    { ER_TEMP_FILE_WRITE_FAILURE, KISS_SERVER_AWAY, DISK },
    { ER_RECORD_FILE_FULL, KISS_SERVER_AWAY, DISK },
    { DELETE_FAILED, KISS_SERVER_AWAY, SAME_TMPDIR },

    /* A limit is reached. */
    { ER_CON_COUNT_ERROR, KISS_SERVER_BUSY, CONNECTIONS },
    { ER_TOO_MANY_USER_CONNECTIONS, KISS_SERVER_BUSY, ACCOUNT },
    { ER_USER_LIMIT_REACHED, KISS_SERVER_BUSY, ACCOUNT },
    { ER_MAX_PREPARED_STMT_COUNT_REACHED, KISS_SERVER_BUSY, STATEMENTS },
    { ER_OUTOFMEMORY, KISS_SERVER_BUSY, MEMORY },
    { ER_OUT_OF_SORTMEMORY, KISS_SERVER_BUSY, MEMORY },
    { ER_OUT_OF_RESOURCES, KISS_SERVER_BUSY, MEMORY },
    { ER_CANT_CREATE_THREAD, KISS_SERVER_BUSY, MEMORY },
    { ER_LOCK_TABLE_FULL, KISS_SERVER_BUSY, "Raise innodb_buffer_pool_size of the server." },
    { ER_LOCK_WAIT_TIMEOUT, KISS_SERVER_BUSY, HELD },
    { ER_STATEMENT_TIMEOUT, KISS_SERVER_BUSY, TOO_LONG },

    /* Two transactions collided. */
    { ER_LOCK_DEADLOCK, KISS_SERVER_AGAIN, COLLIDED },
    { ER_CHECKREAD, KISS_SERVER_AGAIN, COLLIDED },          /* innodb_snapshot_isolation */
    { ER_TABLE_DEF_CHANGED, KISS_SERVER_AGAIN, "A table was altered meanwhile: do it again." },
    { ER_DUP_ENTRY, KISS_SERVER_AGAIN, "" },                /* a number that another session has just taken */

    /* What an administrator must repair. */
    { ER_ACCESS_DENIED_ERROR, KISS_SERVER_OURS, NO_ENTRY },
    { ER_ACCESS_DENIED_NO_PASSWORD_ERROR, KISS_SERVER_OURS, NO_ENTRY },
    { ER_HOST_NOT_PRIVILEGED, KISS_SERVER_OURS, "The account may not come from this machine", SEE_GRANTS },
    { ER_DBACCESS_DENIED_ERROR, KISS_SERVER_OURS, NO_RIGHT },
    { ER_TABLEACCESS_DENIED_ERROR, KISS_SERVER_OURS, NO_RIGHT },
    { ER_COLUMNACCESS_DENIED_ERROR, KISS_SERVER_OURS, NO_RIGHT },
    { ER_PROCACCESS_DENIED_ERROR, KISS_SERVER_OURS, NO_RIGHT },
    { ER_SPECIFIC_ACCESS_DENIED_ERROR, KISS_SERVER_OURS, NO_RIGHT },
    { ER_BAD_DB_ERROR, KISS_SERVER_OURS, "Create it (CREATE DATABASE name CHARACTER SET utf8mb4), then run", SEE_INSTALL },
    { ER_NO_DB_ERROR, KISS_SERVER_OURS, "Name the database: database=name in kissctl's group, dbname= in KissDatabase" },
    { ER_NO_SUCH_TABLE, KISS_SERVER_OURS, "Run", SEE_INSTALL },
    { ER_UNKNOWN_SEQUENCES, KISS_SERVER_OURS, "Run", SEE_INSTALL },
    { ER_BAD_FIELD_ERROR, KISS_SERVER_OURS, "Run", SEE_CHECK },
    { ER_PARSE_ERROR, KISS_SERVER_OURS, "If a trigger is named: a connection was killed while it opened its table, and the "
      "server keeps what it had read so far. FLUSH TABLES there, and again." },
    { ER_NET_PACKET_TOO_LARGE, KISS_SERVER_OURS, "Raise max_allowed_packet of the server." },
    { ER_ROW_IS_REFERENCED_2, KISS_SERVER_OURS, "Another session began to use a row that goes away: try again." },
    { ER_NO_REFERENCED_ROW_2, KISS_SERVER_OURS, "Another session removed a row that is needed: try again." }
};

static const server_error *find(unsigned int code)
{
    apr_size_t i;

    for (i = 0; i < sizeof(errors) / sizeof(*errors); i++) {
        if (errors[i].code == code) {
            return &errors[i];
        }
    }
    return NULL;
}

kiss_server_kind kiss_server_error_kind(unsigned int code)
{
    const server_error *e = find(code);

    if (e) {
        return e->kind;
    }
    return code >= CR_MIN_ERROR && code <= CR_MAX_ERROR ? KISS_SERVER_LOST : KISS_SERVER_OURS;
}

int kiss_server_error_is_broken_trigger(unsigned int code, const char *text)
{
    return code == ER_PARSE_ERROR && strstr(text, "has an error in its body") != NULL;
}

const char *kiss_server_error_open_anew(const char *table, apr_pool_t *p)
{
    return apr_pstrcat(p, "SET STATEMENT lock_wait_timeout = 1 FOR REPAIR NO_WRITE_TO_BINLOG TABLE ", table, NULL);
}

const char *kiss_server_error_advice(unsigned int code, const char *api, apr_pool_t *p)
{
    const server_error *e = find(code);
    const char *lead = strcmp(api, "customer") == 0 ? "" : apr_pstrcat(p, api, " ", NULL);    /* prefix of kissctl's verbs */

    switch (e ? e->end : SEE_NOTHING) {
    case SEE_GRANTS:
        return apr_psprintf(p, "%s (sql/%s/grants.sql%s).", e->advice, api,
                            *lead ? "" : "; for KissAdminDatabase grants-admin.sql");
    case SEE_INSTALL:
        return apr_psprintf(p, "%s 'kissctl %sschema install'.", e->advice, lead);
    case SEE_CHECK:
        return apr_psprintf(p, "%s 'kissctl %sschema check'.", e->advice, lead);
    case SEE_NOTHING:
    default:
        return e ? e->advice : "";
    }
}
