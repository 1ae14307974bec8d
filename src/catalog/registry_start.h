/* How an entry that passed its checks would be started: the document, see registry.h. Pure. */
#pragma once

#include "catalog/registry.h"

/* A member that is a string; else empty. */
struct str json_text(const struct json *object, struct str name);
/* Fills in the place, the start and its document. E_NOMEM. */
int start_make(const struct json *entry, struct arena *arena, struct registry_entry *out) NODISCARD;
