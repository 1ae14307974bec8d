/* The data plane over HTTP/1.1: POST, GET and DELETE /mcp/<server> become exchanges, /healthz and /readyz are answered here.
 * Each connection carries one exchange at a time. An error closes its connection behind the answer.
 *
 * A client that is gone: a reset says so at once. An end alone does not, for a client may close its sending side and
 * still wait; so it is asked by a few bytes that mean nothing (a comment in an event stream, else "100 Continue"), and
 * one that has closed both sides answers with a reset. Loop thread only. */
#pragma once

#include "base/error.h"
#include "base/str.h"
#include "front/exchange.h"

#include <stddef.h>
#include <stdint.h>

struct front_http;
struct log;
struct loop;
struct tls;

struct front_http_options {            /* all borrowed for the front's life */
    struct loop      *loop;
    struct log       *log;
    struct str        address;         /* numeric, with a port; 0 picks one */
    const struct str *hosts;           /* allowed in Host beside the address' own: "name" or "name:port" */
    size_t            host_count;
    const struct str *origins;         /* allowed in Origin beside the hosts: "https://example.com" */
    size_t            origin_count;
    unsigned          connections;     /* the ceiling; 0: LIMIT_connections */
    struct tls       *tls;             /* NULL: plain. A reference is taken */
    struct str        health;          /* the JSON that /healthz answers; empty: {"status":"ok"} */
    const struct front_events *events;
};

/* E_INVALID, E_EXISTS and so on: listener_open's. */
int      front_http_open(const struct front_http_options *options, struct front_http **out) NODISCARD;
uint16_t front_http_port(const struct front_http *front);
/* Other hosts and origins than those that it was opened with, borrowed as they were. */
void     front_http_allow(struct front_http *front, const struct str *hosts, size_t host_count, const struct str *origins, size_t origin_count);
/* What connections that come from now on are shown; a plain front stays plain. A reference is taken. */
void     front_http_show(struct front_http *front, struct tls *tls);
/* No new connections; idle ones close at once, the others behind their answers. */
void     front_http_stop_accepting(struct front_http *front);
struct front_http_stats {
    unsigned connections;            /* open now */
    uint64_t accepted;               /* since the start */
    uint64_t received, sent;         /* bytes, since the start */
    size_t   body_bytes, queue_bytes; /* of requests that are being read; of answers that wait for their readers */
};
void     front_http_stats(const struct front_http *front, struct front_http_stats *out);
/* Connections that are open now. */
unsigned front_http_connections(const struct front_http *front);
/* Closes all; exchanges in flight are gone. Not from inside one of the front's own calls to `events`. NULL is fine. */
void     front_http_close(struct front_http *front);
