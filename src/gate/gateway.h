/* The gateway: services, servers with their policies, sessions and calls. Fronts hand messages in; nothing reaches a
 * server but through the steps of gate/call.h. Loop thread only. */
#pragma once

#include "base/buf.h"
#include "base/digest.h"
#include "base/error.h"
#include "base/str.h"
#include "front/exchange.h"
#include "model/class.h"
#include "model/reason.h"
#include "upstream/upstream.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct clock;
struct config;
struct gateway;
struct log;
struct meter;
struct loop;
struct store;

struct gateway_options {
    struct loop  *loop;
    struct clock *clock;
    struct log   *log;
    struct store *store;
    struct str    self;           /* absolute path of this binary, for `__exec`; borrowed */
    struct str    data;           /* the data directory; borrowed */
    struct config *config;        /* the gateway takes a reference */
    unsigned       connections;   /* that the fronts accept; 0: LIMIT_connections */
};

int  gateway_new(const struct gateway_options *options, struct gateway **out) NODISCARD;
/* What a front calls; `arg` is the gateway. Good for the gateway's life. */
const struct front_events *gateway_front_events(struct gateway *gateway);
/* Starts the control session of every server. */
void gateway_start(struct gateway *gateway);
/* Another configuration is in force for every call that begins from now on; those under way end under theirs. Servers
 * that are started alike go on, with their children; others are ended behind their last call, and sessions of those
 * that are gone with them. On an error nothing has changed. */
int  gateway_reload(struct gateway *gateway, struct config *config) NODISCARD;
/* What keeps the newest configuration from being in force, as /readyz says it; empty: it is in force. Copied, and cut. */
void gateway_set_stale(struct gateway *gateway, struct str text);
/* New calls get shutting_down, calls in flight have LIMIT_stop_ms, then servers are ended; then `done`. */
void gateway_stop(struct gateway *gateway, void (*done)(void *arg), void *arg);
/* After `done` of gateway_stop. */
void gateway_free(struct gateway *gateway);
/* The grant changed or is gone: its sessions and instances end, its calls are cut. */
void gateway_grant_revoked(struct gateway *gateway, struct str grant_id);

/* Something was frozen or thawed: calls that have not been sent are decided again. */
void gateway_freeze_changed(struct gateway *gateway);

/* An operator accepted what this server lists, or forgot what it listed. */
void gateway_pins_changed(struct gateway *gateway, struct str server);

struct gateway_recommended {
    bool          has_policy;
    struct sha256 in_force, proposed; /* revisions */
    struct str    policy;             /* the text in force; good for this turn of the loop */
};
/* What would be recommended now for what a server lists; *text gets it. `accept`: the first hexadecimal digits of what
 * is then put in force; empty: nothing is. E_NOT_FOUND: no such server. E_DENIED: it has another policy. E_AGAIN: it has
 * told no tools yet. E_INVALID: it is not what begins so. */
int gateway_recommend(struct gateway *gateway, struct str server, struct str accept, struct buf *text,
                      struct gateway_recommended *out) NODISCARD;

struct gateway_server_status {
    struct str          name;
    enum upstream_state state;
    size_t              tools;      /* that the server lists */
    bool                has_policy;
    bool                recommended; /* it has, or will have when its tools are known, the recommended one */
    struct upstream_trouble trouble; /* where it is down */
    struct sha256       revision;   /* of the policy in force */
    const struct meter *meter;      /* good until the next turn */
    struct upstream_stats upstream;
};
struct gateway_status {
    size_t   calls, sessions;     /* now */
    uint64_t allowed, denied;     /* since the start */
    bool     stopping;
    uint64_t unauthorized, malformed; /* messages, since the start */
    size_t   bytes;               /* of messages in memory */
    size_t   streams;             /* event streams that clients hold open */
};
/* How many messages entered a step (of gate/call.h), since the start. */
uint64_t gateway_step_entered(const struct gateway *gateway, unsigned step);
void   gateway_status(const struct gateway *gateway, struct gateway_status *out);
size_t gateway_server_count(const struct gateway *gateway);
/* NULL: it has none. Good for this turn of the loop. */
const struct policy *gateway_policy(const struct gateway *gateway, size_t index);
void   gateway_server_status(const struct gateway *gateway, size_t index, struct gateway_server_status *out);

#define TOOL_STANDINGS(S)                                                                          \
    S(ALLOWED,        "allowed")           /* whatever the arguments are */                        \
    S(LIMITED,        "limited")           /* conditions or limits are asked of each call */       \
    S(DEFAULT_DENIED, "denied by default") /* no rule selects it */                                \
    S(DENIED,         "denied")                                                                    \
    S(HIDDEN,         "hidden")                                                                    \
    S(CHANGED,        "changed")           /* another definition than the accepted one is listed */

enum tool_standing {
#define S(name, word) TOOL_##name,
    TOOL_STANDINGS(S)
#undef S
};

struct gateway_tool {             /* as a list for any grant shows it, or does not */
    struct str         name;      /* the server's: hostile */
    struct str         rule;      /* JSON Pointer, or "(no policy)" */
    struct pinned_class class;
    enum tool_standing standing;
    bool               is_listed; /* clients see it */
};
/* The tools of a server from its entry `from` on, in its order, until `each` returns other than 0, which is returned
 * then. What `each` gets lives as long as that call. */
int gateway_tools_each(struct gateway *gateway, size_t index, size_t from,
                       int (*each)(void *arg, const struct gateway_tool *tool), void *arg) NODISCARD;
