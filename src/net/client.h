/* HTTP/1.1 to one server: a few keep-alive connections, one request in flight on each. Answers come as they are read;
 * by length or chunks only, and a connection is used again only when its last answer was whole and clean. A request
 * goes to a second connection only if no byte of it has left. Loop thread only.
 * No event comes from inside client_start. Events may call anything here, client_free included. */
#pragma once

#include "base/error.h"
#include "base/str.h"
#include "net/http1.h"

#include <stdbool.h>
#include <stddef.h>

struct client;
struct client_connection;
struct client_request;
struct loop;
struct resolver;
struct tls;

enum client_sent { CLIENT_SENT_NONE, CLIENT_SENT_SOME, CLIENT_SENT_ALL };

struct client_events {
    /* The final answer's head: status, and fields by http1_find. Borrowed until it returns. */
    void (*head)(struct client_request *request, const struct http1 *answer);
    /* Bytes of its body, decoded. Borrowed until it returns. */
    void (*body)(struct client_request *request, struct str bytes);
    /* The answer is whole. The request has ended and may be freed or started again. */
    void (*done)(struct client_request *request);
    /* The request has ended. E_SYNTAX: the answer is not one; E_CLOSED, E_IO: the connection broke; E_TIMEOUT: no
     * connection, or the server does not read; E_TLS: it is not who it should be; E_NOT_FOUND: its name is unknown. */
    void (*failed)(struct client_request *request, enum client_sent sent, int error);
};

/* Embedded in its owner; the client's from client_start until done, failed or client_cancel. */
struct client_request {
    const struct client_events *events;
    void                       *owner;
    struct client_connection   *connection;  /* the client's own, as all below; NULL: not started */
    size_t                      sent, total; /* bytes that the kernel or TLS has taken, of all */
    const char                 *fault;       /* of `failed`: why there is no connection, for people; static; NULL: `error` says it */
};

struct client_field { struct str name, value; };

struct client_options {
    struct loop     *loop;
    struct str       address;  /* HOST:PORT; copied */
    struct str       host;     /* the Host field; empty: the address; copied */
    struct tls      *tls;      /* NULL: plain; a reference is taken */
    struct resolver *resolver; /* NULL: the address is numeric, or localhost */
};
int  client_new(const struct client_options *options, struct client **out) NODISCARD;
/* Requests in flight are cancelled. NULL is fine. */
void client_free(struct client *client);
/* All is copied. `fields` beside Host, Content-Length and Accept-Encoding, which are the client's. E_INVALID: a field
 * that cannot be written, a request above its ceiling, or not an address; E_LIMIT: LIMIT_client_connections; else
 * stream_connect's, where no name has to be
 * looked up. On failure the request was not taken. */
int  client_start(struct client *client, struct client_request *request, struct str method, struct str target,
                  const struct client_field *fields, size_t count, struct str body) NODISCARD;
/* Closes its connection; no event follows. What had left by then. One that is not started is fine: NONE. */
enum client_sent client_cancel(struct client_request *request);
enum client_sent client_request_sent(const struct client_request *request);
/* No more of its body until resumed, but for what has been read already. */
void client_pause(struct client_request *request);
void client_resume(struct client_request *request);
/* Open connections, and those of them that wait for a request. */
unsigned client_open_connections(const struct client *client);
unsigned client_idle_connections(const struct client *client);
