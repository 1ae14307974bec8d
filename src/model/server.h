/* The nouns of the servers' side: a server as configured, and the definitions that it lists. */
#pragma once

#include "base/arena.h"
#include "base/digest.h"
#include "base/error.h"
#include "base/map.h"
#include "base/mask.h"
#include "base/str.h"
#include "model/class.h"
#include "model/pin.h"

#include <stdbool.h>
#include <stdint.h>

enum isolation { ISOLATION_GRANT, ISOLATION_SERVER, ISOLATION_SESSION };
enum home { HOME_SHARED, HOME_PRIVATE, HOME_FRESH };
enum transport { TRANSPORT_STDIO, TRANSPORT_HTTP };

#define SERVER_NAME_MAX 64 /* bytes */

struct variable { struct str name, value; };

struct tls_texts {                  /* PEM, as it stood in the files; empty: none. `key` is a secret */
    struct str ca;                  /* the only authorities that count */
    struct str cert, key;           /* both or neither */
    bool       only_1_3;            /* TLS 1.2 will not do */
};

/* A server of the configuration. Strings live as long as the configuration, or the arena it was copied into. A member
 * that is added here is copied by server_copy and compared by server_starts_alike. */
struct server {
    struct str       name;          /* the operator's: [a-z0-9-], never serverInfo.name */
    enum transport   transport;
    /* stdio */
    struct str      *argv;          /* argv[0] is an absolute path after load */
    size_t           argc;
    struct variable *env;           /* what the configuration names, secrets expanded; never logged */
    size_t           env_count;
    struct str      *inherit;       /* names of variables taken from the gateway's own environment */
    size_t           inherit_count;
    struct str       cwd;           /* empty: the gateway's */
    enum home        home;
    /* http */
    struct str       url;
    struct variable *headers;
    size_t           header_count;
    struct tls_texts tls;           /* of an https url */

    struct mask_word *secrets;      /* values that came from elsewhere, and those whose names say so; never shown */
    size_t           secret_count;

    enum isolation   isolation;
    bool             exact_numbers; /* "numbers": "exact": the server reads integers and decimals exactly */
    int64_t          call_ms;       /* time-out of a call, milliseconds */
    size_t           instances;     /* that may run at once; 0: LIMIT_instances_per_server */
    int64_t          idle_ms;       /* that one may be without calls; 0: LIMIT_instance_idle_ms */
};

/* A variable that every server started here gets of the gateway's own environment: PATH, HOME, LANG … */
bool server_always_inherits(struct str name);
/* All of it in the arena. E_NOMEM. */
int  server_copy(struct arena *arena, const struct server *from, struct server *out) NODISCARD;
/* Nothing that an instance is started or reached with differs: it may go on. The time-out is looked at by each call. */
bool server_starts_alike(const struct server *a, const struct server *b);

/* A parameter that clients repeat in an HTTP field (MCP 2026-07-28 transports): Mcp-Param-<name>. */
struct mirrored {
    struct str  name;
    struct str *path;            /* names of properties, from the arguments on */
    size_t      depth;
};

struct tool {
    struct str      name;        /* bytes after unescaping */
    struct str      definition;  /* the whole object, written by our writer */
    struct pin      pin;         /* of `definition` */
    struct mirrored *mirrored;
    size_t          mirrored_count;
};

struct item {                    /* a prompt (by name), a resource (by URI) or a resource template (by URI template) */
    struct str name;
    struct str definition;
    const struct pin *pin;       /* of `definition` */
};

/* All that a server lists, immutable, shared by reference on the loop's thread. Tools keep the server's order; a name
 * that a server lists twice is in none of them. */
struct definitions {
    unsigned     refs;
    struct arena arena;          /* owns every string here */
    struct tool *tools;
    size_t       tool_count;
    struct item *prompts;
    size_t       prompt_count;
    struct item *resources;
    size_t       resource_count;
    struct item *templates;
    size_t       template_count;
    struct str   instructions;   /* of the server's initialize result; untrusted text; empty: none */
    struct item  instructions_item; /* the same as it is pinned */
    bool         has_tools, has_prompts, has_resources, has_completions; /* declared capabilities */
    bool         resources_refused; /* their lists were errors: there are none here, and none is read */
    struct sha256 all;           /* of the pins of everything but the instructions, whatever the order; zeros: not told */
    struct map   tools_by_name;
    struct map   tools_by_prompt; /* under prompt_name() */
    struct map   items[PIN_KIND_COUNT]; /* prompts, resources, templates by their names */
};

struct definitions *definitions_new(size_t ceiling) NODISCARD; /* one reference; NULL: no memory */
/* Fills the look-up once the arrays stand; drops every tool whose name stands twice, and returns how many went. */
int  definitions_index(struct definitions *definitions, size_t *dropped) NODISCARD;
struct definitions *definitions_ref(struct definitions *definitions);
void definitions_unref(struct definitions *definitions); /* NULL is fine */
const struct tool *definitions_tool(const struct definitions *definitions, struct str name); /* NULL: no such tool */
/* A prompt, a resource or a template. NULL: no such one. */
const struct item *definitions_item(const struct definitions *definitions, enum pin_kind kind, struct str name);
/* The pin of a tool or an item. NULL: no such one. */
const struct pin *definitions_pin(const struct definitions *definitions, enum pin_kind kind, struct str name);
/* False only where the template (RFC 6570) makes no such URI: what stands before its first expression and behind its last
 * one is looked at, and nothing in between. */
bool template_may_make(struct str template, struct str uri);
/* Prompts that drive a tool are named like it, in looser spelling: ASCII letters in lower case, '-' as '_'. ptr NULL:
 * no memory. */
struct str prompt_name(struct arena *arena, struct str name);
/* The tool that is named like a prompt, given its prompt_name(); NULL: none. Where several tools are, it is one without
 * a name, which no rule selects by its own. */
const struct tool *definitions_tool_of_prompt(const struct definitions *definitions, struct str name);
