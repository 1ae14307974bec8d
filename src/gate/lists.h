/* A server's lists as clients are shown them: the definitions, through the same decision that calls meet, with the
 * arguments left open. */
#pragma once

#include "mcp/message.h"
#include "model/server.h"
#include "policy/decide.h"

#include <stdbool.h>
#include <stddef.h>

struct arena;
struct gateway;
struct grant;
struct route;

struct listing {       /* one kind of list over the definitions' arrays */
    struct str member; /* of the result */
    enum subject subject;
    size_t count;
    const struct item *items; /* NULL: tools */
    const struct tool *tools;
    struct definitions *definitions;
};

struct listing listing_of(enum method_id method, struct definitions *definitions);
struct str listing_name(const struct listing *listing, size_t at);
struct str listing_definition(const struct listing *listing, size_t at);
struct asker { /* whom a list is shown to; session and client empty: none, unknown */
    const struct grant *grant;
    struct str session, client;
    const struct definitions *own; /* what its own instance lists; NULL: not known */
};
/* A tool of the definitions as a client meets it whose own instance lists `own` (NULL: not known). NULL: that one does
 * not list it. *pin: accepted only where it is in both. */
const struct tool *tool_as_listed(const struct gateway *gateway, struct str server, const struct tool *tool,
                                  const struct definitions *own, enum pin_state *pin);
/* Whether an entry is shown. `arena` is reset. */
bool listing_shows(const struct listing *listing, size_t at, struct gateway *gateway, const struct route *route,
                   const struct asker *asker, struct arena *arena);
