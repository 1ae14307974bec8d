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

#define LANES 16
typedef signed char lanes __attribute__((vector_size(LANES)));

/* Whether each of sixteen octets, eight and eight, is from `least` to 0x7e: most of every value is, and sixteen at once
 * are quick to see. */
static inline bool are_plain(const char *eight, const char *and_eight, signed char least)
{
    lanes sixteen;
    uint64_t odd[2];

    memcpy(&sixteen, eight, LANES / 2);
    memcpy((char *)&sixteen + LANES / 2, and_eight, LANES / 2);
    lanes is_odd = (lanes)((sixteen < least) | (sixteen == 0x7f)); /* above 0x7f is below zero */
    memcpy(odd, &is_odd, LANES);
    return (odd[0] | odd[1]) == 0;
}

/* At least eight octets. */
static bool are_all_plain(struct str octets, signed char least)
{
    const char *at = octets.ptr, *end = octets.ptr + octets.len;

    for (; end - at > LANES; at += LANES)
        if (!are_plain(at, at + LANES / 2, least))
            return false;
    return octets.len < LANES ? are_plain(at, end - LANES / 2, least) : are_plain(end - LANES, end - LANES / 2, least);
}

bool octets_are(struct str octets, enum octet_class wanted)
{
    if (octets.len >= LANES / 2 && ((wanted == OCTET_VALUE && are_all_plain(octets, 0x20)) ||
                                    (wanted == OCTET_VISIBLE && are_all_plain(octets, 0x21))))
        return true;
    for (size_t i = 0; i < octets.len; i++) /* a tab is left to the table */
        if (!octet_is(octets.ptr[i], wanted))
            return false;
    return true;
}
