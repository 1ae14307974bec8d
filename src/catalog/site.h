/* The static site: what changed in the index since the last build is written, each page whole or not at all; what is
 * gone is deleted. The same index gives the same bytes. */
#pragma once

#include "catalog/index.h"

struct site_result { int64_t pages, written, removed; };

#define SITE_BASE "http://localhost:8080" /* for the sitemap, where none is given */

struct site_options {
    const char *index; /* its path: a folder belongs to one index */
    const char *folder;
    struct str  base;  /* "https://catalogue.example": of the sitemap's addresses and each page's own; or empty */
    void      (*progress)(void *arg, int64_t pages);
    void       *arg;
};

/* E_EXISTS: the folder holds what no build of this index put there. `why`, `where`: for people, of an error. */
int site_build(struct catalog *catalog, const struct site_options *options, struct site_result *out, char why[256]) NODISCARD;
