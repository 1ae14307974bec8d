/* What the tests of mcp share: bytes through the strict parser and message_read. */
#pragma once

#include "base/arena.h"
#include "json/json.h"
#include "mcp/message.h"

enum stage { STAGE_PARSE, STAGE_MESSAGE, STAGE_PARAMS, STAGE_READ };

struct reading {
    enum stage     stage;   /* where it was refused; STAGE_READ: it was not */
    enum reason    reason;  /* STAGE_MESSAGE */
    struct message message;
    struct str     detail;
};

static inline struct reading read_bytes(struct arena *arena, struct str bytes, enum sender sender)
{
    struct reading reading = { .stage = STAGE_PARSE };
    struct json_error error;
    const struct json *root;
    if (json_parse(arena, bytes, sender == SENDER_CLIENT ? &json_limits_request : &json_limits_answer, &root, &error))
        return reading;
    reading.stage = STAGE_MESSAGE;
    if (message_read(root, sender, &reading.message, &reading.reason, &reading.detail))
        return reading;
    reading.stage = STAGE_READ;
    return reading;
}
