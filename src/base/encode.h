/* Hexadecimal, base64url without padding, CRC-32C, and the form of our ids. Pure. */
#pragma once

#include "base/error.h"
#include "base/str.h"

#include <stdint.h>

void     hex_encode(const void *bytes, size_t len, char *out);             /* 2 * len bytes, lower case, no NUL */
int      hex_decode(struct str text, void *out, size_t len) NODISCARD;     /* exactly len bytes, either case */
size_t   base64url_encode(const void *bytes, size_t len, char *out);       /* bytes written; no NUL */
int      base64url_decode(struct str text, void *out, size_t max, size_t *len) NODISCARD;
uint32_t crc32c(uint32_t seed, const void *bytes, size_t len);

struct id { uint8_t bytes[16]; };                                          /* UUID version 7, RFC 9562 §5.7 */
#define ID_TEXT_LEN 36
/* `entropy`: ten random bytes; the node number stands in the first two of them. */
void id_make(struct id *id, int64_t wall_ms, uint16_t node, const uint8_t entropy[10]);
void id_print(const struct id *id, char out[ID_TEXT_LEN + 1]);
int  id_parse(struct str text, struct id *out) NODISCARD;

/* Text for people and logs: control bytes, bidirectional and invisible characters and invalid UTF-8 become escapes
 * (\n, \x1b, \u{202e}). Writes at most `max` bytes with the NUL and ends a cut text with "…". */
size_t text_escape(struct str text, char *out, size_t max);
