/* The border between what a server says and how its bytes travel: one ops struct a transport. A back knows one
 * instance's connection and nothing of methods; it starts, sends whole messages, and hands over whole messages.
 * Loop thread only. */
#pragma once

#include "base/error.h"
#include "base/str.h"
#include "model/reason.h"
#include "upstream/upstream.h"

struct back_ops {
    /* Begins to start; keeps its state in instance->back. After 0, instance_opened may come, never inside this call,
     * and instance_closed comes exactly once, never inside a call of an op. After an error neither does. */
    int  (*open)(struct instance *instance);
    /* One message, without a line feed; its bytes are copied or written before this returns. `leg` is NULL for
     * notifications and answers. Keeps leg->sent true from now on, also after later events. E_FULL: it does not read.
     * E_CLOSED: the connection is breaking. A call of instance_lose may follow, never inside. */
    int  (*send)(struct instance *instance, struct leg *leg, struct str message);
    /* 0: what was sent without a leg stands before what will be sent. E_AGAIN: not yet; instance_settled follows. May be
     * NULL: always. */
    int  (*settle)(struct instance *instance);
    /* The leg is over for its owner. Bytes of it that wait and whose message has not begun are dropped. */
    void (*forget)(struct instance *instance, struct leg *leg);
    void (*close)(struct instance *instance);   /* gently; no message is handed over any more */
    void (*kill)(struct instance *instance);    /* at once; also after close */
    void (*listen)(struct instance *instance);  /* hears what the server says by itself; NULL: it comes anyway */
    bool   forgets_aloud;  /* forgetting a leg closes its request, which the server sees */
    bool   starts_cheaply; /* a start is a request and no process: a client may bring one about before its time */
};

extern const struct back_ops stdio_back, http_back;

/* What a back calls. */
void instance_opened(struct instance *instance);    /* bytes can be sent */
void instance_settled(struct instance *instance);
/* One message of the server. `only`: it came as the answer to this leg and may end no other; NULL: any. The back must
 * look afterwards whether it was closed meanwhile. */
void instance_receive(struct instance *instance, struct str message, const struct leg *only);
/* The body of an answer that HTTP calls an error. False: it is not the JSON-RPC error of `leg`, which goes on. */
bool instance_receive_error(struct instance *instance, struct str message, struct leg *leg);
/* The connection is of no use any more: legs end with `reason`, then ops->kill is called. Twice is fine. */
void instance_lose(struct instance *instance, enum reason reason);
/* One leg alone ends; the connection goes on. */
void instance_end_leg(struct leg *leg, enum reason reason);
void instance_closed(struct instance *instance);    /* everything of the connection has been released but instance->back itself */

/* As upstream_new, with a back of the caller's. */
int upstream_new_with_back(const struct upstream_services *services, const struct server *server,
                           const struct upstream_events *events, const struct back_ops *back, struct upstream **out) NODISCARD;
