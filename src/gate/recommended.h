/* Recommended policies: made once of the classes in a server's pins, kept in the store with exact names, changed by an
 * operator alone. What appears later is in none of it, and its default denies. */
#pragma once

#include "base/buf.h"
#include "base/digest.h"
#include "base/error.h"
#include "base/str.h"

struct backend;
struct call;
struct config_server;
struct definitions;
struct gateway;
struct policy;
struct route;

/* The one that the store keeps, one reference; NULL: none yet. `was`: the server's route until now, or NULL. */
struct policy *recommended_policy(struct gateway *gateway, const struct config_server *server, const struct route *was);
/* The server lists tools, and should have a recommended policy that it has not: it is made, kept and put in force. */
void recommend_first(struct gateway *gateway, const struct backend *backend, const struct definitions *definitions);
/* A call that waited for the first list is decided by the policy that was made of it. */
void recommended_arrived(struct call *call);
