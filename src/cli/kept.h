/* The recommended policy that a gateway's data directory keeps for a server: what explain decides by, and check names. */
#pragma once

#include "base/arena.h"
#include "base/error.h"
#include "base/str.h"

struct policy;

/* One reference. `arena` is for what loading needs. E_NOT_FOUND: none is kept there. E_INVALID: it does not load. */
int kept_policy(struct str data, struct str server, struct arena *arena, struct policy **out) NODISCARD;
