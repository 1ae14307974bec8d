/* Why a message ended: rows of reasons.def, so that log, record, answer and metric cannot disagree. */
#pragma once

#include "base/str.h"

enum reason_family { REASON_FAMILY_NONE, REASON_FAMILY_POLICY, REASON_FAMILY_UNKNOWN, REASON_FAMILY_RPC, REASON_FAMILY_HTTP };

enum reason {
#define REASON(name, family, rpc, http, text) REASON_##name,
#include "model/reasons.def"
#undef REASON
    REASON_COUNT
};

struct reason_row {
    struct str         name;
    enum reason_family family;
    int                rpc_code;
    int                http_status;
    struct str         text;
};

const struct reason_row *reason_row(enum reason reason);
/* False for a word that is none of them. */
bool reason_parse(struct str name, enum reason *out);
