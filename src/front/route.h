/* What a request is for, decided on its head alone: Host, Origin, the path, the fields that MCP gives a meaning.
 * Nothing is normalised: a path is one of ours octet for octet, or it is nothing. Pure. */
#pragma once

#include "base/str.h"
#include "model/reason.h"
#include "net/http1.h"

#include <stdint.h>

#define ROUTE_OWN_NAMES 4

struct route_rules {
    struct str        own[ROUTE_OWN_NAMES]; /* hosts that the listen address stands for, without a port */
    unsigned          own_count;
    uint16_t          port;                 /* that must follow them */
    bool              tls;                  /* spoken on the listener: its URLs are https */
    const struct str *hosts;                /* configured: "name" with any port or none, "name:port" exactly */
    size_t            host_count;
    const struct str *origins;              /* configured, "https://example.com" */
    size_t            origin_count;
};

/* `address` as configured and the port that was bound; a loopback or wildcard address stands for all loopback names. */
void route_rules_init(struct route_rules *rules, struct str address, uint16_t port);

enum route_kind { ROUTE_NONE, ROUTE_MESSAGE, ROUTE_STREAM, ROUTE_DELETE, ROUTE_OPTIONS, ROUTE_HEALTH, ROUTE_READY };

struct route {             /* borrows from the request's head */
    enum route_kind kind;
    struct str server;     /* of /mcp/<server> */
    struct str allow;      /* the methods of this path; empty: no such path */
    struct str origin;     /* an allowed Origin; empty: none was sent */
    struct str token;      /* of Authorization: Bearer; empty when there is none that could be one */
    struct str session;    /* Mcp-Session-Id */
    struct str version;    /* MCP-Protocol-Version; ptr NULL: absent, as the two below */
    struct str mirrored_method, mirrored_name; /* Mcp-Method, Mcp-Name */
};

/* Host and Origin alone, and the path: for another listener of ours. */
enum reason route_admit(const struct route_rules *rules, const struct http1 *request, struct str *path);
/* REASON_allowed, or why the request is refused; `route` then holds what was found until then. */
enum reason route_request(const struct route_rules *rules, const struct http1 *request, struct route *route);
