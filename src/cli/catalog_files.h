/* The files that warder catalog add is given: one, all of a folder, or the index that comes with the program. */
#pragma once

#include <limits.h>

/* Where the bundled facts stand: beside the program as it was installed, or in the tree that it was built in. 0, or
 * E_NOT_FOUND. */
int bundled_folder(char out[PATH_MAX]);
/* Calls `each` for the file at `path`, or in the order of their names for the .jsonl and .json files of the folder
 * there. What `each` answers ends it unless 0; else E_NOT_FOUND where a folder holds none, and what reading it says. */
int each_file(const char *path, int (*each)(void *arg, const char *path), void *arg);
