/* Freezes as records say them. */
#include "model/freeze.h"

static const struct str everything = { "*", 1 }; /* no server's name */

struct str freeze_scope_word(enum freeze_scope scope)
{
    static const struct str words[FREEZE_SCOPE_COUNT] = {
#define S(name, word) [FREEZE_##name] = { word, sizeof(word) - 1 },
        FREEZE_SCOPES(S)
#undef S
    };
    return words[scope];
}

void freeze_to_record(const struct freeze *freeze, struct record *record)
{
    if (freeze->scope == FREEZE_GRANT)
        record->grant = freeze->name;
    else
        record->server = freeze->scope == FREEZE_ALL ? everything : freeze->name;
}

void freeze_of_record(const struct record *record, struct freeze *out)
{
    if (record->grant.len > 0)
        *out = (struct freeze){ .scope = FREEZE_GRANT, .name = record->grant };
    else if (str_eq(record->server, everything))
        *out = (struct freeze){ .scope = FREEZE_ALL, .name = STR_EMPTY };
    else
        *out = (struct freeze){ .scope = FREEZE_SERVER, .name = record->server };
    out->reason = STR_EMPTY;
}
