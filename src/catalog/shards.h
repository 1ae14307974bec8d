/* The search without a server: tools by the beginnings of their names' words, a small file each beginning, so that a
 * browser fetches what its words need and no more. Beginnings of two letters that have too many tools have longer ones
 * beside them; search-index.json names all that there are. The script is search.js. */
#pragma once

#include "catalog/index.h"

#define SHARDS_MANIFEST "search-index.json"

typedef int shards_put(void *arg, struct buf *bytes, const char *path);

/* `all`: every one; else those that changed since the last build. What is gone is told by catalog_gone_add. */
int shards_build(struct catalog *catalog, bool all, shards_put *put, void *arg) NODISCARD;
