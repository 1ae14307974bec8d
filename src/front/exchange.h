/* One client message and where its answer goes. The front knows no policy, the gate no sockets. Loop thread only.
 * The front owns the exchange; it lives until the gate has called `answer` or `end` of its ops, or, after
 * the front has called `gone` of front_events, until that returns. */
#pragma once

#include "base/chunk.h"
#include "base/error.h"
#include "base/str.h"
#include "front/share.h"
#include "model/reason.h"

struct exchange;

struct front_ops {
    /* A message before the final one (progress): makes the answer an event stream. E_FULL: the client does not read. */
    int  (*event)(struct exchange *exchange, struct str message);
    /* The final message; `status` is the HTTP status. Ends the exchange. `session`: value for Mcp-Session-Id, or empty. */
    void (*answer)(struct exchange *exchange, int status, struct str message, struct str session);
    /* Ends it without a message: 202 for notifications (REASON_answered), else the reason's status and text as an
     * error body without id. */
    void (*end)(struct exchange *exchange, enum reason reason);
    /* Makes it an exchange that stays open: the event stream begins now, before there is a message, and its connection
     * ends with it. What the exchange borrows from the request is gone afterwards, and every buffer is given back; at
     * most `queue_bytes` wait for a client that does not read, above them `event` says E_FULL. E_INVALID: the client
     * takes no events, or its answer has begun; E_CLOSED: it is gone. Then the exchange is as it was. */
    int  (*listen)(struct exchange *exchange, size_t queue_bytes);
    /* Where it comes from, for the operator's log. */
    void (*peer)(struct exchange *exchange, char *out, size_t max);
    /* How often the field Mcp-Param-<name> came, and one value of it. NULL: the transport has no fields. */
    unsigned (*mirrored)(struct exchange *exchange, struct str name, struct str *value);
};

enum exchange_verb { VERB_POST, VERB_DELETE, VERB_GET };

struct exchange {
    const struct front_ops *ops;
    enum exchange_verb verb;
    void      *owner;              /* the gate's: a call, a listening, or NULL */
    struct str server;             /* of the path: /mcp/<server> */
    struct str token;              /* of Authorization: Bearer; empty when absent */
    struct str session;            /* of Mcp-Session-Id; empty when absent */
    struct str version;            /* of MCP-Protocol-Version; ptr NULL when absent */
    struct str mirrored_method;    /* of Mcp-Method and Mcp-Name; ptr NULL when absent */
    struct str mirrored_name;
    struct str body;               /* POST: the bytes of one message; the media type has been checked */
    struct share *share;           /* the gate's: whose answers wait here; NULL: nobody's */
    size_t     held;               /* the gate's: what it has counted of a body under way */
    bool       takes_events;       /* Accept allows text/event-stream */
    bool       listening;          /* after `listen`; `owner` then is the gate's listening. The end of a GET says nothing */
};

/* What the front calls; implemented by the gate. */
struct front_events {
    void (*message)(void *arg, struct exchange *exchange);
    /* The client went away before the answer; the exchange is invalid when this returns. */
    void (*gone)(void *arg, struct exchange *exchange);
    /* A body comes later than its head: asked before it is waited for, so that nobody without a grant fills memory.
     * Server and token stand in the exchange. REASON_allowed: `held` may follow, and `released` will. */
    enum reason (*expect)(void *arg, struct exchange *exchange);
    /* What its body takes by now. False: its grant or the process is at a ceiling. */
    bool (*held)(void *arg, struct exchange *exchange, size_t bytes);
    /* Nothing any more: the message follows, or none will. */
    void (*released)(void *arg, struct exchange *exchange);
    /* Nothing waits any more in a share that an exchange named. */
    void (*unshared)(void *arg, struct share *share);
    /* Ready to take calls: /readyz. `out` gets one line that says what is wrong when it is not. */
    bool (*ready)(void *arg, char *out, size_t max);
    void  *arg;
    /* What keeps the newest configuration from being in force; `out` stays empty where it is. NULL: it always is. */
    void (*stale)(void *arg, char *out, size_t max);
};
