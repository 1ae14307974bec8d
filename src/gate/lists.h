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
    enum pin_kind kind;
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
/* What of the definitions a client meets whose own instance lists `own` (NULL: not known): `pin` is of what the control
 * session lists under this name. False: its own does not list it. *state: accepted only where it is in both. */
bool pin_as_listed(const struct gateway *gateway, struct str server, enum pin_kind kind, struct str name,
                   const struct pin *pin, const struct definitions *own, enum pin_state *state);
/* The same of a URI that is asked for: of the resource, or else of the templates that may make it, of which each must be
 * accepted. Accepted where nothing is listed that could be it: then the policy alone decides. */
bool resource_as_listed(const struct gateway *gateway, struct str server, const struct definitions *definitions,
                        struct str uri, const struct definitions *own, enum pin_state *state);
/* Whether an entry is shown. `arena` is reset. */
bool listing_shows(const struct listing *listing, size_t at, struct gateway *gateway, const struct route *route,
                   const struct asker *asker, struct arena *arena);
