/* Event streams (WHATWG HTML, server-sent events): a parser with ceilings for what servers send, and a writer for the
 * only two forms that we send. Bytes are not decoded: who reads an event's data checks its UTF-8. Pure. */
#pragma once

#include "base/buf.h"
#include "base/error.h"
#include "base/str.h"

#include <stdbool.h>

struct sse_event {         /* borrowed until the callback returns */
    struct str type;       /* "message" when the stream names none */
    struct str data;       /* its lines, joined by LF */
    struct str id;         /* the last id that the stream has set; may be empty */
};

struct sse {
    struct buf line;       /* the beginning of a line that has not ended */
    struct buf data, type, id;
    size_t     bom;        /* bytes of a byte order mark at the start that have been skipped; 3: past it */
    bool       after_cr;   /* an LF that comes next belongs to the CR before it */
    bool       any_data;   /* a data field came, maybe an empty one */
    int        failed;     /* 0, or the error that every later feed returns */
};

/* `max`: bytes of one line, and of one event's data. */
void sse_init(struct sse *sse, size_t max);
void sse_release(struct sse *sse);
/* Calls `event` for each whole event. A result other than 0 stops at once, drops the rest and is returned: `sse` is
 * not touched any more, so `event` may have released it. E_LIMIT, E_NOMEM: it sticks. An event whose blank line never
 * comes is no event. */
int  sse_feed(struct sse *sse, struct str bytes, int (*event)(void *arg, const struct sse_event *event), void *arg) NODISCARD;

/* The two forms, for who writes the parts of an event in place. */
#define SSE_MESSAGE_BEGIN "event: message\ndata: "
#define SSE_MESSAGE_END "\n\n"
#define SSE_COMMENT ":\n\n" /* keeps the connection alive and says nothing */
/* Without a raw CR or LF, as our writer's JSON is: else it would be more than the data of one event. */
bool sse_is_one_line(struct str json);
/* One message as an event; one that is not one line makes the buffer fail. */
void sse_write_message(struct buf *out, struct str json);
void sse_write_comment(struct buf *out);
