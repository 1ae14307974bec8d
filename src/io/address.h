/* Numeric socket addresses out of text: "127.0.0.1:8808", "[::1]:8808", "localhost:8808" (127.0.0.1, never looked up).
 * Pure. */
#pragma once

#include "base/error.h"
#include "base/str.h"

#include <stddef.h>
#include <sys/socket.h>

struct address {
    struct sockaddr_storage socket;
    socklen_t               len;
};

/* E_INVALID: not an address with a port. */
int address_parse(struct str text, struct address *out) NODISCARD;
/* As address_parse reads it; "unknown" for another family. */
void address_print(const struct address *address, char *out, size_t max);
/* E_INVALID: empty, with a NUL, or too long for a socket's name. */
int address_unix(struct str path, struct address *out) NODISCARD;
