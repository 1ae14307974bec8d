/* Classes of octets in HTTP (RFC 9110 §5.5, §5.6.2), by one table. */
#pragma once

#include "base/str.h"

enum octet_class {
    OCTET_TOKEN = 1, /* tchar */
    OCTET_VISIBLE = 2, /* VCHAR: 0x21 to 0x7e */
    OCTET_VALUE = 4, /* VCHAR, SP, HTAB: obs-text is refused */
    OCTET_HOST = 8, /* of a host with port: letters, digits, "-._:[]" */
};

extern const unsigned char octet_classes[256];

static inline bool octet_is(char octet, enum octet_class wanted)
{
    return (octet_classes[(unsigned char)octet] & wanted) != 0;
}

/* Whether every octet is of the class; true for none. */
bool octets_are(struct str octets, enum octet_class wanted);
