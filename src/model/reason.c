/* The rows of reasons.def as a table. */
#include "model/reason.h"

#include "base/check.h"

static const struct reason_row rows[REASON_COUNT] = {
#define REASON(name, family, rpc, http, text) \
    [REASON_##name] = { { #name, sizeof #name - 1 }, REASON_FAMILY_##family, rpc, http, { text, sizeof text - 1 } },
#include "model/reasons.def"
#undef REASON
};

const struct reason_row *reason_row(enum reason reason)
{
    CHECK((unsigned)reason < REASON_COUNT);
    return &rows[reason];
}

bool reason_parse(struct str name, enum reason *out)
{
    for (unsigned i = 0; i < REASON_COUNT; i++) {
        if (str_eq(rows[i].name, name)) {
            *out = (enum reason)i;
            return true;
        }
    }
    return false;
}
