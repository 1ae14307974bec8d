/* The table of octet classes. */
#include "net/octets.h"

#include <stdint.h>

#define A OCTET_VISIBLE | OCTET_VALUE                            /* a delimiter */
#define T OCTET_TOKEN | OCTET_VISIBLE | OCTET_VALUE              /* a token's */
#define H OCTET_TOKEN | OCTET_VISIBLE | OCTET_VALUE | OCTET_HOST /* a token's and a host's */
#define D OCTET_VISIBLE | OCTET_VALUE | OCTET_HOST               /* a delimiter that is a host's: ":[]" */
#define S OCTET_VALUE                                            /* SP, HTAB */

const unsigned char octet_classes[256] = {
    0, 0, 0, 0, 0, 0, 0, 0, 0, S, 0, 0, 0, 0, 0, 0, /* 0x00: HTAB */
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, /* 0x10 */
    S, T, A, T, T, T, T, T, A, A, T, T, A, H, H, A, /* SP ! " # $ % & ' ( ) * + , - . / */
    H, H, H, H, H, H, H, H, H, H, D, A, A, A, A, A, /* 0-9 : ; < = > ? */
    A, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, /* @ A-O */
    H, H, H, H, H, H, H, H, H, H, H, D, A, D, T, H, /* P-Z [ \ ] ^ _ */
    T, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, /* ` a-o */
    H, H, H, H, H, H, H, H, H, H, H, A, T, A, T, 0, /* p-z { | } ~ DEL */
};

/* Whether each of eight octets is from `least` to 0x7e: most of every value is, and eight at once are quick to see. */
static bool are_plain(const char *octets, unsigned least)
{
    const uint64_t ones = UINT64_C(0x0101010101010101), high = ones << 7;
    uint64_t eight;

    memcpy(&eight, octets, sizeof(eight));
    uint64_t below = (eight - ones * least) & ~eight, del = eight + ones; /* what carries is above 0x7f, and seen */
    return ((eight | below | del) & high) == 0;
}

bool octets_are(struct str octets, enum octet_class wanted)
{
    size_t i = 0;

    if (octets.len >= 8 && (wanted == OCTET_VALUE || wanted == OCTET_VISIBLE)) {
        unsigned least = wanted == OCTET_VALUE ? 0x20 : 0x21;
        while (i + 8 <= octets.len && are_plain(octets.ptr + i, least))
            i += 8;
        if (i + 8 > octets.len && are_plain(octets.ptr + octets.len - 8, least))
            return true;
    }
    for (; i < octets.len; i++)
        if (!octet_is(octets.ptr[i], wanted))
            return false;
    return true;
}
