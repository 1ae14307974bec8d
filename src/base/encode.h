/* Hexadecimal, base64, base64url without padding, CRC-32C, the form of our ids, and text made safe to show. Pure. */
#pragma once

#include "base/error.h"
#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

void     hex_encode(const void *bytes, size_t len, char *out);             /* 2 * len bytes, lower case, no NUL */
int      hex_decode(struct str text, void *out, size_t len) NODISCARD;     /* exactly len bytes, either case */
size_t   base64url_encode(const void *bytes, size_t len, char *out);       /* bytes written; no NUL */
int      base64url_decode(struct str text, void *out, size_t max, size_t *len) NODISCARD;
/* RFC 4648 §4, padded; 4 bytes for each 3 begun. */
size_t   base64_encode(const void *bytes, size_t len, char *out);
int      base64_decode(struct str text, void *out, size_t max, size_t *len) NODISCARD;
/* `seed`: 0, or what crc32c returned for the bytes before these. */
uint32_t crc32c(uint32_t seed, const void *bytes, size_t len);
/* The same without the processor's instruction; `state` is not inverted before and after. */
uint32_t crc32c_portable(uint32_t state, const void *bytes, size_t len);

struct id { uint8_t bytes[16]; };                                          /* UUID version 7, RFC 9562 §5.7 */
#define ID_TEXT_LEN 36
/* The node number stands in the 16 bits behind the version and the variant; the last 58 bits are `entropy`. */
void id_make(struct id *id, int64_t wall_ms, uint16_t node, const uint8_t entropy[8]);
void id_print(const struct id *id, char out[ID_TEXT_LEN + 1]);
/* E_SYNTAX for anything but version 7. */
int  id_parse(struct str text, struct id *out) NODISCARD;

/* Text for people and logs: control bytes, bidirectional and invisible characters and invalid UTF-8 become escapes
 * (\n, \x1b, \u{202e}), and a backslash is doubled, so that no text looks like the escape of another. Writes at most
 * `max` bytes with the NUL (max > 0), ends a cut text with "…" where there is room, and returns the length. */
size_t text_escape(struct str text, char *out, size_t max);
/* Such a character: it cannot be seen, or moves others. */
bool   text_is_hidden(unsigned point);
