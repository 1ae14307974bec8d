/* What a call is decided under: one configuration with its routes, immutable, shared by reference. A call holds the one
 * that was in force when it came, and the server's backend, until it ends. Loop thread only. */
#pragma once

#include "base/arena.h"
#include "base/digest.h"
#include "base/error.h"
#include "base/list.h"
#include "base/map.h"
#include "base/str.h"
#include "gate/look.h"
#include "model/server.h"

#include <stdbool.h>
#include <stddef.h>

struct config;
struct config_server;
struct gateway;
struct meter;
struct policy;
struct upstream;

/* A server that runs. It goes from one snapshot to the next while nothing changes that its instances are started with.
 * When the snapshot in force and every call let go of it, its instances are ended. */
struct backend {
    struct list      link;       /* the gateway's, until it is freed */
    unsigned         refs;
    bool             started, ending, ended;
    struct gateway  *gateway;
    struct arena     arena;      /* holds `server` */
    struct server    server;
    struct upstream *upstream;
    struct looking   looking;    /* at what it lists */
    struct policy   *made;       /* a recommended policy on its way into the next snapshot; borrowed */
};

struct route {                   /* a server of the configuration, with what decides on it */
    const struct server *server;
    const struct config_server *config;
    struct policy       *policy; /* NULL: no_policy. One reference */
    struct sha256        revision;
    struct meter        *meter;
    struct backend      *backend; /* NULL once another snapshot is in force: calls have their own */
};

struct snapshot {
    unsigned       refs;
    struct config *config;
    struct route  *routes;
    size_t         route_count;
    struct map     by_name;
};

/* Takes a reference to the configuration. Backends of `before` (NULL: none) are taken over where they can be; new ones
 * are not started. */
int  snapshot_new(struct gateway *gateway, struct config *config, const struct snapshot *before, struct snapshot **out) NODISCARD;
struct snapshot *snapshot_ref(struct snapshot *snapshot);
void snapshot_unref(struct snapshot *snapshot);   /* NULL is fine */
/* In force from now on: what does not run yet is started. */
void snapshot_start(struct snapshot *snapshot);
/* No longer in force: it lets go of its backends, and the caller of it. */
void snapshot_retire(struct snapshot *snapshot);
struct route *snapshot_route(const struct snapshot *snapshot, struct str name); /* NULL: no such server */

struct backend *backend_ref(struct backend *backend);
void backend_unref(struct backend *backend);      /* NULL is fine */
/* With all that it still has, at the gateway's end. gateway_backend_ended follows. */
void backend_stop(struct backend *backend);
