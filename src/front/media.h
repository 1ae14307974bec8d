/* Media types in Content-Type and Accept (RFC 9110 §8.3, §12.5.1). Pure. */
#pragma once

#include "base/str.h"

/* application/json in any case, without a charset or with utf-8 once; other parameters mean nothing. */
bool media_is_json(struct str content_type);

/* What the Accept fields of one message allow; start from zero and add each field. */
struct media_accept {
    unsigned char json_rank, events_rank; /* of the most specific range that spoke: 1 any, 2 the type's, 3 itself */
    bool          json, events;           /* what it said */
};
/* False: not well formed. */
bool media_accept_add(struct media_accept *accept, struct str field);
