/* An operator's order that no call is sent: of a grant, to a server, or at all. */
#pragma once

#include "base/str.h"
#include "model/record.h"

#include <stdint.h>

#define FREEZE_SCOPES(S) S(ALL, "all") S(SERVER, "server") S(GRANT, "grant")

enum freeze_scope {
#define S(name, word) FREEZE_##name,
    FREEZE_SCOPES(S)
#undef S
    FREEZE_SCOPE_COUNT
};
struct str freeze_scope_word(enum freeze_scope scope);

struct freeze {
    enum freeze_scope scope;
    struct str        name;     /* the server's name, the grant's id; of ALL empty */
    struct str        reason;   /* the operator's words; may be empty */
    int64_t           since_ms; /* Unix time */
};

/* A record tells the scope by what it names: a grant, a server, or the server "*". */
void freeze_to_record(const struct freeze *freeze, struct record *record);
/* Borrows from the record; since_ms and reason stay the caller's. */
void freeze_of_record(const struct record *record, struct freeze *out);
