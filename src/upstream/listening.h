/* The event stream that a server with sessions may keep open for what it says by itself (MCP 2025-11-25 transports, GET):
 * the control session listens there for changed lists. A server that offers none is not asked again. */
#pragma once

#include "io/loop.h"
#include "net/client.h"
#include "net/sse.h"

struct instance;

struct listening {
    struct instance      *instance;
    void                (*ask)(struct listening *listening); /* calls listening_begin */
    struct client_request request;
    struct sse            sse;
    struct timer          again;
    int64_t               began_ms, wait_ms; /* the wait before it is asked again */
};

void listening_init(struct listening *listening, struct instance *instance, void (*ask)(struct listening *listening));
void listening_begin(struct listening *listening, struct client *client, struct str target, const struct client_field *fields,
                     size_t count);
/* No message of it comes any more. Twice is fine, and so is its own event. */
void listening_stop(struct listening *listening);
void listening_release(struct listening *listening); /* at the end of a turn */
