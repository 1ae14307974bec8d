/* HTTP/1.1 messages (RFC 9112) in two roles, over bytes alone: no sockets, no clock. One strict reader: what the RFC only
 * permits a recipient to refuse is refused, and nothing is repaired. Tests hold it against llhttp.
 * The owner feeds bytes and gets events; it parses the next message only when it asks (http1_next), so nothing is ever
 * read ahead. A fault sticks: the connection is answered, closed and never used again. One thread. */
#pragma once

#include "base/buf.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/str.h"
#include "net/chunked.h"

#include <stdbool.h>
#include <stdint.h>

enum http1_role {
    HTTP1_SERVER, /* reads requests; collects their bodies */
    HTTP1_CLIENT, /* reads answers; hands their bodies on */
};

enum http1_event {
    HTTP1_MORE,   /* every byte was used, nothing new to tell */
    HTTP1_HEAD,   /* the head is there and has been checked; feed again, even with no bytes */
    HTTP1_BODY,   /* client: `body` holds decoded bytes; take them and buf_reset it before feeding again */
    HTTP1_DONE,   /* the message is whole; no byte behind it was used */
    HTTP1_FAILED, /* `fault` says why */
};

#define HTTP1_FAULTS(F)                                                                            \
    F(NONE,      "none")                                                                           \
    F(SYNTAX,    "not well-formed HTTP/1.1")                                                       \
    F(VERSION,   "neither HTTP/1.0 nor HTTP/1.1")                                                  \
    F(METHOD,    "a method that is not known here")                                                \
    F(HEAD_SIZE, "a head above its ceiling")                                                       \
    F(BODY_SIZE, "a body above its ceiling")                                                       \
    F(MEMORY,    "out of memory")

enum http1_fault {
#define F(name, text) HTTP1_FAULT_##name,
    HTTP1_FAULTS(F)
#undef F
};

enum http1_method { HTTP1_GET, HTTP1_POST, HTTP1_DELETE, HTTP1_OPTIONS, HTTP1_METHOD_COUNT };

struct http1_span { uint16_t name_at, name_len, value_at, value_len; }; /* into the head, which is below 64 KiB */

struct http1 {
    unsigned         magic;
    enum http1_role  role;
    enum http1_fault fault;
    unsigned char    state;          /* http1.c's own */

    /* Of the head; valid from HTTP1_HEAD to http1_next. */
    enum http1_method method;        /* server */
    struct str       target;         /* server: as it stood in the start line, visible ASCII */
    struct str       host;           /* server: the one Host field, of a host's octets */
    unsigned         status;         /* client: never 1xx */
    unsigned         minor;          /* of the version: HTTP/1.minor */
    bool             keep_alive;     /* the connection may carry another message */
    bool             chunked;
    bool             expects;        /* server: "Expect: 100-continue" */
    bool             has_body;       /* bytes of a body will follow the head */
    bool             takes_head;     /* server, set behind http1_init: HEAD is read as GET, with `wants_head` */
    bool             wants_head;     /* the answer has no body */
    uint64_t         remaining;      /* of a body by length: bytes that are still to come */

    struct buf       head, body;     /* body: decoded */
    size_t           line_at;        /* in head: where the line begins that is being read */
    uint16_t         target_at, target_len; /* in head, which may still move */
    unsigned         interim;        /* client: 1xx answers before this one */
    unsigned         field_count;
    struct chunked   chunks;
    struct http1_span fields[LIMIT_header_count];
};

/* `body_max`: server: of a whole body, above it the head is refused where it tells the length; client: of the bytes of
 * one event, at least what is fed at once. */
void http1_init(struct http1 *http1, enum http1_role role, size_t body_max);
void http1_release(struct http1 *http1);
enum http1_event http1_feed(struct http1 *http1, struct str bytes, size_t *used);
/* Behind HTTP1_DONE: ready for the next message. Keeps small buffers. */
void http1_next(struct http1 *http1);
/* Between messages: gives every buffer back. */
void http1_trim(struct http1 *http1);
/* No byte of a message has been read yet: here the other side may close without harm. */
bool http1_is_between(const struct http1 *http1);
/* The message is whole (HTTP1_DONE came or will come without another byte). */
bool http1_is_whole(const struct http1 *http1);

struct str http1_field_name(const struct http1 *http1, unsigned index);  /* index < field_count */
struct str http1_field_value(const struct http1 *http1, unsigned index); /* without white space around it */
/* How many fields have this name, ASCII case folded; *value is the first one's, or empty. */
unsigned http1_find(const struct http1 *http1, struct str name, struct str *value);

const char *http1_fault_text(enum http1_fault fault);
unsigned    http1_fault_status(enum http1_fault fault); /* that a server answers with */
struct str  http1_method_name(enum http1_method method);
