/* Text that a person reads, out of bytes that an agent or a server chose. */
#include "base/encode.h"

#include "base/check.h"

#include <stdio.h>

/* Characters that cannot be seen, or that move others: controls, bidirectional marks, zero-width and filler
 * characters, line separators, variation selectors, tags. */
static const struct {
    unsigned from, to;
} hidden[] = {
    { 0x0, 0x1f },      { 0x7f, 0x9f },     { 0xad, 0xad },       { 0x34f, 0x34f },     { 0x61c, 0x61c },
    { 0x115f, 0x1160 }, { 0x17b4, 0x17b5 }, { 0x180b, 0x180f },   { 0x200b, 0x200f },   { 0x2028, 0x202e },
    { 0x2060, 0x206f }, { 0x2800, 0x2800 }, { 0x3164, 0x3164 },   { 0xfe00, 0xfe0f },   { 0xfeff, 0xfeff },
    { 0xffa0, 0xffa0 }, { 0xfff0, 0xfffb }, { 0x1bca0, 0x1bca3 }, { 0x1d173, 0x1d17a }, { 0xe0000, 0xe0fff },
};

bool text_is_hidden(unsigned point)
{
    for (size_t i = 0; i < ARRAY_LEN(hidden); i++)
        if (point <= hidden[i].to)
            return point >= hidden[i].from;
    return false;
}

#define ESCAPE_BYTES 16

/* The form of what stands at `at`; returns how many bytes of the text it covers. */
static size_t escape_one(struct str text, size_t at, char form[ESCAPE_BYTES], size_t *form_len)
{
    unsigned point;
    size_t len = str_utf8_next(text, at, &point);
    int printed;

    if (len == 0) {
        printed = snprintf(form, ESCAPE_BYTES, "\\x%02x", (unsigned char)text.ptr[at]);
        len = 1;
    } else if (point == '\\') {
        printed = snprintf(form, ESCAPE_BYTES, "\\\\");
    } else if (!text_is_hidden(point)) {
        memcpy(form, text.ptr + at, len);
        printed = (int)len;
    } else if (point == '\n' || point == '\r' || point == '\t') {
        printed = snprintf(form, ESCAPE_BYTES, "\\%c", point == '\n' ? 'n' : point == '\r' ? 'r' : 't');
    } else if (point < 0x80) {
        printed = snprintf(form, ESCAPE_BYTES, "\\x%02x", point);
    } else {
        printed = snprintf(form, ESCAPE_BYTES, "\\u{%x}", point);
    }
    CHECK(printed > 0 && printed < ESCAPE_BYTES);
    *form_len = (size_t)printed;
    return len;
}

size_t text_escape(struct str text, char *out, size_t max)
{
    static const char cut[] = "…";
    const size_t cut_len = sizeof(cut) - 1;
    size_t written = 0, safe = 0; /* safe: up to here there is room for the mark of a cut */

    AN(max);
    for (size_t at = 0; at < text.len;) {
        char form[ESCAPE_BYTES];
        size_t form_len, covered = escape_one(text, at, form, &form_len);

        if (form_len > max - 1 - written) {
            written = safe;
            if (cut_len <= max - 1 - written) {
                memcpy(out + written, cut, cut_len);
                written += cut_len;
            }
            break;
        }
        memcpy(out + written, form, form_len);
        written += form_len;
        if (written + cut_len <= max - 1)
            safe = written;
        at += covered;
    }
    out[written] = '\0';
    return written;
}
