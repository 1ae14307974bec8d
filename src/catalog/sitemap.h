/* sitemap.xml, in parts where a protocol's ceiling of 50,000 addresses asks for it. */
#pragma once

#include "base/buf.h"
#include "catalog/index.h"

typedef int sitemap_put(void *arg, struct buf *bytes, const char *path);
int sitemap_build(struct catalog *catalog, struct str base, sitemap_put *put, void *arg) NODISCARD;
