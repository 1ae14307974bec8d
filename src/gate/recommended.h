/* Recommended policies: made once of the classes in a server's pins, kept in the store with exact names, changed by an
 * operator alone. What appears later is in none of it, and its default denies. */
#pragma once

#include "base/buf.h"
#include "base/digest.h"
#include "base/error.h"
#include "base/str.h"

struct backend;
struct call;
struct classed_tool;
struct config_server;
struct gateway;
struct policy;
struct route;

/* The one that the store keeps, one reference; NULL: none yet. `was`: the server's route until now, or NULL. */
struct policy *recommended_policy(struct gateway *gateway, const struct config_server *server, const struct route *was);

struct recommendation {          /* one that is made, and not yet in force */
    struct buf     text;
    struct policy *policy;       /* NULL: none */
    int            error;
};
void recommendation_init(struct recommendation *recommendation);
void recommendation_release(struct recommendation *recommendation);
/* Any thread. `error` says whether there is one. */
void recommendation_make(struct str server, const struct classed_tool *tools, size_t count,
                         struct recommendation *out);

/* The server's policy is a recommended one. */
bool recommended_is_wanted(const struct backend *backend);
/* The same, and none is kept yet. */
bool recommended_is_due(const struct backend *backend);
/* What was made of its first tools is kept and put in force; where none could be made, that is said. */
void recommend_first(struct backend *backend, struct recommendation *made, size_t tool_count);
/* A call that waited for the first list is decided by the policy that was made of it. */
void recommended_arrived(struct call *call);
