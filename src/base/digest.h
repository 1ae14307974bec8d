/* SHA-256 with a context that is reused (OpenSSL's one-shot call costs twice as much). One hasher a thread. */
#pragma once

#include "base/error.h"
#include "base/str.h"

#include <stdint.h>

#define SHA256_LEN 32

struct sha256 { uint8_t bytes[SHA256_LEN]; };

struct hasher;
int  hasher_new(struct hasher **out) NODISCARD;
void hasher_free(struct hasher *hasher);
void hasher_begin(struct hasher *hasher);
void hasher_add(struct hasher *hasher, const void *bytes, size_t len);
/* The field's length (8 bytes, big endian) and then its bytes: no two lists of fields hash alike. */
void hasher_add_field(struct hasher *hasher, struct str field);
void hasher_end(struct hasher *hasher, struct sha256 *out);
