/* Whole files, for configuration, policies and the small files of the data directory. Blocking: at start and in the
 * pool, never on a running loop. */
#pragma once

#include "base/error.h"
#include "base/str.h"

#include <stddef.h>
#include <sys/types.h>

struct buf;

/* Appends the file's bytes to `out`. E_NOT_FOUND; E_DENIED; E_INVALID: a directory; E_LIMIT: longer than `max` bytes, or
 * than `out` takes; E_IO. On an error `out` holds what it held before. */
int file_read_into(const char *path, size_t max, struct buf *out) NODISCARD;
/* The file has either its old bytes or the new ones, also after a power cut: written beside it, synced, renamed, and the
 * directory synced. A symbolic link is replaced, not followed. E_NOT_FOUND: no such directory; E_DENIED; E_NOSPACE; E_IO. */
int file_write_atomic(const char *path, struct str bytes, mode_t mode) NODISCARD;
