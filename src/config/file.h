/* Whole small files, read before anything is served, and the paths written in them. */
#pragma once

#include "base/arena.h"
#include "base/error.h"
#include "base/file_stamp.h"
#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>

/* The bytes in the arena. E_NOT_FOUND, E_DENIED, E_INVALID (a directory), E_LIMIT (more than `max` bytes), E_IO,
 * E_NOMEM. */
int        file_read(struct arena *arena, struct str path, size_t max, struct str *out) NODISCARD;
/* The same, with the stamp of what was read, on an error too. E_AGAIN: it was written meanwhile. */
int        file_read_stamped(struct arena *arena, struct str path, size_t max, struct str *out, struct file_stamp *stamp) NODISCARD;
const char *file_error_text(int error); /* why it could not */
/* "a/b.json" -> "a"; "b.json" -> ".". */
struct str file_directory(struct str path);
struct str file_base_name(struct str path);
/* `path` as it is when it is absolute, else below `directory`. In the arena, NUL-terminated; ptr NULL: no memory. */
struct str file_join(struct arena *arena, struct str directory, struct str path) NODISCARD;
/* The same, made absolute by the process's working directory. */
struct str file_absolute(struct arena *arena, struct str directory, struct str path) NODISCARD;
bool       file_is_program(const char *path);   /* a regular file that may be executed */
bool       file_is_directory(const char *path);
