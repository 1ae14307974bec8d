/* Paths of files as text: resolved without a look at the disk, so a symbolic link is not seen. Pure. */
#pragma once

#include "base/limits.h"
#include "base/str.h"

/* What `.`, `..` and doubled slashes leave of an absolute path: "/" or "/a/b", in `out`. Else why it cannot be told
 * where it leads, as what is said of it ("it has a backslash in it"). */
const char *file_path_resolve(struct str path, char out[LIMIT_path_bytes], struct str *resolved);
