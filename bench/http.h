/* As much of HTTP/1.1 as both ends of the bench need: messages by Content-Length, whole in one buffer. */
#pragma once

#include <stddef.h>

/* The bytes of the whole message at `data`: head and body. 0: not all there yet; `*head` is set once the head is there.
 * SIZE_MAX: not a message that the bench knows. */
size_t http_message_len(const char *data, size_t len, size_t *head);

/* The value behind `name` (lower case, with its colon) in a head; NULL when it is not there. */
const char *http_field(const char *head, size_t len, const char *name);
