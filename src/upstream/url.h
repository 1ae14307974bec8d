/* The URL of an HTTP server: http://HOST[:PORT][/PATH][?QUERY], HOST a numeric address or localhost. Pure. */
#pragma once

#include "base/error.h"
#include "base/str.h"

struct url {
    char       address[64]; /* HOST:PORT, the default port made plain */
    struct str authority;   /* as written, for the Host field; borrowed */
    struct str target;      /* path and query; "/" when there is none; borrowed */
};

/* E_INVALID: another scheme, user information, a fragment, an octet that a request line may not hold. */
int url_parse(struct str text, struct url *out) NODISCARD;
