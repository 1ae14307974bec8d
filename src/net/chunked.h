/* The chunked transfer coding (RFC 9112 §7.1), stricter than it: at most 16 digits, extensions of 256 bytes without
 * white space outside quotes, CRLF only, and no trailer fields. Pure. */
#pragma once

#include "base/str.h"

#include <stdint.h>

struct chunked {
    uint64_t remaining;  /* bytes of this chunk's data that are still to come */
    unsigned char at;    /* chunked.c's own */
    unsigned char digits;
    uint16_t extension;  /* bytes of this line's extensions */
};

enum chunked_step {
    CHUNKED_MORE,  /* all bytes were used */
    CHUNKED_DATA,  /* `data` holds decoded bytes, a part of `bytes`; call again with what is left */
    CHUNKED_END,   /* the coding is complete; no byte behind it was used */
    CHUNKED_BAD,   /* not well formed; it sticks */
};

void chunked_init(struct chunked *chunked);
enum chunked_step chunked_feed(struct chunked *chunked, struct str bytes, size_t *used, struct str *data);
