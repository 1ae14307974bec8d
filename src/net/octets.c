/* The table of octet classes. */
#include "net/octets.h"

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

bool octets_are(struct str octets, enum octet_class wanted)
{
    for (size_t i = 0; i < octets.len; i++)
        if (!octet_is(octets.ptr[i], wanted))
            return false;
    return true;
}
