/* What operators ask and read of limits. */
#pragma once

#include "admin/operation.h"
#include "base/arena.h"
#include "json/json.h"
#include "json/writer.h"
#include "store/store.h"

struct gateway;

#define RESETS_MAX 10000 /* counters that one request sets back; what is left, the next one does */

/* {"grant": ID or label, "server", "counter", "value"}: what is left out is not asked for. {"all": true} lets `reset` set
 * back more than one. A grant goes to out->which, to be found. E_INVALID with a sentence in *why. */
int limits_read(const struct json *request, struct operation *out, struct str *why) NODISCARD;
/* {"counters": [...], "count"}: what fits, up to a ceiling, and how many there are. `gateway` NULL: the policies are the
 * last that the store knows. */
void reply_limits(struct json_writer *writer, struct store *store, const struct gateway *gateway,
                  const struct limits_filter *filter);
/* What `reset` would set back: copies, in the arena. E_NOT_FOUND, E_LIMIT (more than one, and not `all`) with a sentence
 * in *why; E_NOMEM. */
int limits_find(struct store *store, const struct limits_filter *filter, struct arena *arena,
                struct counter_view **out, size_t *count, struct str *why) NODISCARD;
/* {"reset": count, "more": others may fit still} */
void reply_reset(struct json_writer *writer, size_t count);
