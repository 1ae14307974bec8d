/* The URL of an HTTP server: http://HOST[:PORT][/PATH][?QUERY] or https://. One reading for the configuration and for
 * who connects. Pure. */
#pragma once

#include "base/error.h"
#include "base/str.h"

#include <stdbool.h>

#define URL_HOST_MAX 253 /* RFC 1035 §2.3.4, written out */

struct url {
    bool       https;
    bool       is_name;    /* the host is one that a name service knows: neither numeric nor localhost */
    char       address[URL_HOST_MAX + 8]; /* HOST:PORT, the default port made plain */
    struct str host;       /* without port and brackets; borrowed */
    struct str authority;  /* as written, for the Host field; borrowed */
    struct str target;     /* path and query; "/" when there is none; borrowed */
};

/* E_INVALID: another scheme, user information, a fragment, an octet that a request line may not hold; a host that is
 * neither "localhost", nor a name of letters, digits and '-', nor four decimal numbers, nor an IPv6 address in brackets:
 * what some libraries take for an address besides (127.1, 0x7f.0.0.1) is none. */
int url_parse(struct str text, struct url *out) NODISCARD;
