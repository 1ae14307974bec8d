/* sitemap.xml; where it would pass the protocol's ceiling of 50,000 addresses, it names parts. A server stands in the part
 * that its slug's hash says, so that a server that changed changes one part. */
#pragma once

#include "base/buf.h"
#include "catalog/index.h"

#include <stdbool.h>

#define SITEMAP_MOST 40000 /* addresses of one file */

typedef int sitemap_put(void *arg, struct buf *bytes, const char *path);
/* Puts the parts whose servers' addresses came or went since the last build, or all. `put` notes what it puts among the
 * index's pages; parts that nothing is left of are added to those that are gone. Within a transaction. */
int sitemap_build(struct catalog *catalog, struct str base, bool all, unsigned most, sitemap_put *put, void *arg) NODISCARD;
