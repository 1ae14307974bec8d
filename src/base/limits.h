/* The ceilings as constants: LIMIT_request_body and so on. limits.def says why each stands. */
#pragma once

enum {
#define LIMIT(name, value, unit, reason) LIMIT_##name = (value),
#include "base/limits.def"
#undef LIMIT
};
