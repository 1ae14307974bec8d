/* Heads and bodies of our HTTP answers. A value that could end its line makes the buffer fail. Pure. */
#pragma once

#include "base/buf.h"
#include "base/str.h"
#include "model/reason.h"

enum reply_body { REPLY_EMPTY, REPLY_JSON, REPLY_EVENTS };

struct reply {
    unsigned        status;
    enum reply_body body;
    size_t          length;       /* of JSON */
    struct str      session;      /* Mcp-Session-Id, or empty */
    struct str      allow;        /* Allow, or empty */
    struct str      origin;       /* whose pages may read the answer, or empty */
    bool            preflight;    /* tells `origin` what it may send */
    bool            authenticate; /* WWW-Authenticate */
    bool            close;        /* the connection ends behind this answer */
};

void reply_write(struct buf *out, const struct reply *reply);
/* A JSON-RPC error without an id, with the reason's name in its data. */
void reply_write_error(struct buf *out, enum reason reason);
