/* Files of which one wants to know that they changed, however they are changed: written in place, replaced by a rename,
 * reached through another link, removed, back again. Their directories' events say so at once; a look every
 * LIMIT_file_look_ms says so where events do not come (network file systems, links on the way). Both are done in the
 * pool; a change is told when the files have stood still for LIMIT_file_settle_ms. Loop thread only. */
#pragma once

#include "base/error.h"
#include "base/file_stamp.h"
#include "base/str.h"

#include <stddef.h>

struct file_watch;
struct loop;

struct watched_file {
    struct str        path;
    struct file_stamp stamp; /* under which it was read */
};

/* `changed` runs once; then it is for the owner to read the files and to say file_watch_set again. */
int  file_watch_new(struct loop *loop, void (*changed)(void *arg), void *arg, struct file_watch **out) NODISCARD;
/* What is watched from now on. Copied. What changed since it was read is told too. E_NOMEM: as it was. */
int  file_watch_set(struct file_watch *watch, const struct watched_file *files, size_t count) NODISCARD;
void file_watch_free(struct file_watch *watch); /* NULL is fine */
