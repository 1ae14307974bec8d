/* Paths: what of a call a condition looks at. */
#pragma once

#include "base/arena.h"
#include "base/error.h"
#include "base/str.h"
#include "policy/ops.h"

#include <stdbool.h>
#include <stddef.h>

/* ROOT(name, text, kind of its value): args is followed by steps, the others stand alone but for a list's. */
#define PATH_ROOTS(ROOT)                                                                           \
    ROOT(ARGS,        "args",        ARG_OBJECT)                                                   \
    ROOT(TOOL,        "tool",        ARG_STRING)                                                   \
    ROOT(SERVER,      "server",      ARG_STRING)                                                   \
    ROOT(CLASS,       "class",       ARG_STRING) /* a word of model/class.h */                     \
    ROOT(GRANT_LABEL, "grant.label", ARG_STRING)                                                   \
    ROOT(GRANT_TAGS,  "grant.tags",  ARG_ARRAY)                                                    \
    ROOT(SESSION_ID,  "session.id",  ARG_STRING)                                                   \
    ROOT(CLIENT_NAME, "client.name", ARG_STRING)                                                   \
    ROOT(TIME_HOUR,   "time.hour",   ARG_NUMBER) /* 0 to 23 */                                     \
    ROOT(TIME_WEEKDAY, "time.weekday", ARG_NUMBER) /* ISO 8601: Monday is 1, Sunday 7 */

enum path_root {
#define ROOT(name, text, kind) ROOT_##name,
    PATH_ROOTS(ROOT)
#undef ROOT
};

enum step_kind {
    STEP_MEMBER,
    STEP_INDEX,
    STEP_EACH,         /* [*] */
    STEP_EACH_OR_SELF, /* []: each element of an array, or the value itself where it is none */
};

struct path_step {
    enum step_kind kind;
    struct str     member;
    size_t         index;
};

struct path {
    struct str        text; /* as written */
    enum path_root    root;
    struct path_step *steps;
    size_t            count;
};

struct path_error {
    const char *text;  /* what is wrong; static */
    struct str  guess; /* another path that is probably meant, in the arena; may be empty */
};

/* E_INVALID with *error, E_NOMEM. Steps in the arena, names borrowed from `text` or in the arena. */
int path_parse(struct str text, struct arena *arena, struct path *out, struct path_error *error) NODISCARD;
/* What the value of a path can be: bits of enum arg_kind. */
unsigned path_kinds(const struct path *path);

struct question;
struct zone;
struct value path_root_value(const struct path *path, const struct question *question, const struct zone *zone);
/* One member or index further; false when the value has the wrong kind for it. What is missing stays missing. */
bool path_step_take(const struct path_step *step, struct value *value);
