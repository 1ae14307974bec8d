/* Chunked coding as a table-less state machine over bytes; data is handed out in place. */
#include "net/chunked.h"

#include "base/check.h"
#include "base/limits.h"
#include "net/octets.h"

#define SIZE_DIGITS 16 /* of a chunk's size: what 64 bits hold */

enum {
    AT_SIZE, /* digits of the size, at least one */
    AT_EXTENSION,
    AT_QUOTED,  /* a quoted string in an extension */
    AT_ESCAPED, /* behind its backslash */
    AT_SIZE_LF,
    AT_DATA,
    AT_DATA_CR,
    AT_DATA_LF,
    AT_LAST_CR, /* behind the chunk of size 0: an end, and no trailer */
    AT_LAST_LF,
    AT_END,
    AT_BAD,
};

void chunked_init(struct chunked *chunked)
{
    *chunked = (struct chunked){ .at = AT_SIZE };
}

static int hex_value(char digit)
{
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    if (digit >= 'a' && digit <= 'f')
        return digit - 'a' + 10;
    if (digit >= 'A' && digit <= 'F')
        return digit - 'A' + 10;
    return -1;
}

static unsigned char after_size(struct chunked *chunked, char octet)
{
    int value = hex_value(octet);

    if (value >= 0) {
        if (chunked->digits == SIZE_DIGITS)
            return AT_BAD;
        chunked->digits++;
        chunked->remaining = chunked->remaining << 4 | (unsigned)value;
        return AT_SIZE;
    }
    if (chunked->digits == 0)
        return AT_BAD;
    if (octet == '\r')
        return AT_SIZE_LF;
    chunked->extension = 1;
    return octet == ';' ? AT_EXTENSION : AT_BAD;
}

static unsigned char after_extension(struct chunked *chunked, char octet)
{
    if (chunked->at == AT_EXTENSION && octet == '\r')
        return AT_SIZE_LF;
    if (++chunked->extension > LIMIT_chunk_extension || !octet_is(octet, OCTET_VALUE))
        return AT_BAD;
    if (chunked->at == AT_ESCAPED)
        return AT_QUOTED;
    if (chunked->at == AT_QUOTED)
        return octet == '"' ? AT_EXTENSION : octet == '\\' ? AT_ESCAPED : AT_QUOTED;
    if (octet == '"')
        return AT_QUOTED;
    return octet_is(octet, OCTET_TOKEN) || octet == ';' || octet == '=' ? AT_EXTENSION : AT_BAD;
}

/* The state behind one octet that is not data. */
static unsigned char after(struct chunked *chunked, char octet)
{
    switch (chunked->at) {
    case AT_SIZE: return after_size(chunked, octet);
    case AT_EXTENSION:
    case AT_QUOTED:
    case AT_ESCAPED: return after_extension(chunked, octet);
    case AT_SIZE_LF: return octet != '\n' ? AT_BAD : chunked->remaining ? AT_DATA : AT_LAST_CR;
    case AT_DATA_CR: return octet == '\r' ? AT_DATA_LF : AT_BAD;
    case AT_DATA_LF: chunked->digits = 0; return octet == '\n' ? AT_SIZE : AT_BAD;
    case AT_LAST_CR: return octet == '\r' ? AT_LAST_LF : AT_BAD;
    case AT_LAST_LF: return octet == '\n' ? AT_END : AT_BAD;
    default: WRONG("no octet is taken in this state");
    }
}

enum chunked_step chunked_feed(struct chunked *chunked, struct str bytes, size_t *used, struct str *data)
{
    size_t i = 0;

    *data = STR_EMPTY;
    while (chunked->at < AT_END && i < bytes.len) {
        if (chunked->at == AT_DATA) {
            size_t left = bytes.len - i;
            *data = str_of(bytes.ptr + i, left < chunked->remaining ? left : (size_t)chunked->remaining);
            chunked->remaining -= data->len;
            if (chunked->remaining == 0)
                chunked->at = AT_DATA_CR;
            *used = i + data->len;
            return CHUNKED_DATA;
        }
        chunked->at = after(chunked, bytes.ptr[i]);
        if (chunked->at != AT_BAD)
            i++;
    }
    *used = i;
    return chunked->at == AT_END ? CHUNKED_END : chunked->at == AT_BAD ? CHUNKED_BAD : CHUNKED_MORE;
}
