/* The only randomness: the kernel's, read in blocks a thread; a forked child starts with none. Thread-safe. A failure
 * of the kernel's generator ends the process. */
#pragma once

#include <stddef.h>

void random_bytes(void *out, size_t len);
