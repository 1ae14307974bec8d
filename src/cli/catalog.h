/* What the subcommands of warder catalog share. */
#pragma once

#include "cli/command.h"

struct catalog;

#define CATALOG_DEFAULT_INDEX "warder-catalog/catalog.db"
#define CATALOG_INDEX_OPTION { "index", 'i', "FILE", "the index; without it " CATALOG_DEFAULT_INDEX, false }

/* Opens the index that the invocation names. 0, or an exit status when it was said what is wrong. */
int catalog_of(const struct invocation *invocation, bool create, struct catalog **out);
/* Why the index failed, and what to do; an exit status. */
int catalog_failed(const struct invocation *invocation, const struct catalog *catalog, int error);
