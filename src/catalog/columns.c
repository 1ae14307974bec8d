/* Widths of characters, from the ranges of Unicode that are wide or that combine. */
#include "catalog/columns.h"

static const struct {
    unsigned from, to;
    unsigned char columns;
} ranges[] = {
    { 0x300, 0x36f, 0 },     { 0x483, 0x489, 0 },     { 0x591, 0x5bd, 0 },     { 0x610, 0x61a, 0 },
    { 0x64b, 0x65f, 0 },     { 0x93c, 0x93c, 0 },     { 0x941, 0x948, 0 },     { 0x94d, 0x94d, 0 },
    { 0xe31, 0xe31, 0 },     { 0xe34, 0xe3a, 0 },     { 0xe47, 0xe4e, 0 },     { 0x1100, 0x115e, 2 },
    { 0x1ab0, 0x1aff, 0 },   { 0x1dc0, 0x1dff, 0 },   { 0x20d0, 0x20ff, 0 },   { 0x231a, 0x231b, 2 },
    { 0x23e9, 0x23ec, 2 },   { 0x23f0, 0x23f0, 2 },   { 0x23f3, 0x23f3, 2 },   { 0x25fd, 0x25fe, 2 },
    { 0x2614, 0x2615, 2 },   { 0x2648, 0x2653, 2 },   { 0x267f, 0x267f, 2 },   { 0x2693, 0x2693, 2 },
    { 0x26a1, 0x26a1, 2 },   { 0x26aa, 0x26ab, 2 },   { 0x26bd, 0x26be, 2 },   { 0x26c4, 0x26c5, 2 },
    { 0x26ce, 0x26ce, 2 },   { 0x26d4, 0x26d4, 2 },   { 0x26ea, 0x26ea, 2 },   { 0x26f2, 0x26f3, 2 },
    { 0x26f5, 0x26f5, 2 },   { 0x26fa, 0x26fa, 2 },   { 0x26fd, 0x26fd, 2 },   { 0x2705, 0x2705, 2 },
    { 0x270a, 0x270b, 2 },   { 0x2728, 0x2728, 2 },   { 0x274c, 0x274c, 2 },   { 0x274e, 0x274e, 2 },
    { 0x2753, 0x2755, 2 },   { 0x2757, 0x2757, 2 },   { 0x2795, 0x2797, 2 },   { 0x27b0, 0x27b0, 2 },
    { 0x27bf, 0x27bf, 2 },   { 0x2b1b, 0x2b1c, 2 },   { 0x2b50, 0x2b50, 2 },   { 0x2b55, 0x2b55, 2 },
    { 0x2e80, 0x3029, 2 },   { 0x302a, 0x302d, 0 },   { 0x302e, 0x303e, 2 },   { 0x3041, 0x3098, 2 },
    { 0x3099, 0x309a, 0 },   { 0x309b, 0x4dbf, 2 },   { 0x4e00, 0xa4cf, 2 },   { 0xa960, 0xa97c, 2 },
    { 0xac00, 0xd7a3, 2 },   { 0xf900, 0xfaff, 2 },   { 0xfe10, 0xfe19, 2 },   { 0xfe20, 0xfe2f, 0 },
    { 0xfe30, 0xfe6f, 2 },   { 0xff01, 0xff60, 2 },   { 0xffe0, 0xffe6, 2 },   { 0x16fe0, 0x18cff, 2 },
    { 0x1b000, 0x1b2ff, 2 }, { 0x1f004, 0x1f004, 2 }, { 0x1f0cf, 0x1f0cf, 2 }, { 0x1f18e, 0x1f18e, 2 },
    { 0x1f191, 0x1f19a, 2 }, { 0x1f200, 0x1f320, 2 }, { 0x1f32d, 0x1f64f, 2 }, { 0x1f680, 0x1f6ff, 2 },
    { 0x1f7e0, 0x1f7eb, 2 }, { 0x1f900, 0x1faff, 2 }, { 0x20000, 0x3fffd, 2 },
};

static size_t columns_of_point(unsigned point)
{
    size_t low = 0, high = sizeof(ranges) / sizeof(ranges[0]);
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (point > ranges[middle].to)
            low = middle + 1;
        else
            high = middle;
    }
    if (low < sizeof(ranges) / sizeof(ranges[0]) && point >= ranges[low].from)
        return ranges[low].columns;
    return 1;
}

/* What is no UTF-8 would be shown as one mark a byte; escaping left none. */
static size_t next(struct str text, size_t at, size_t *columns)
{
    unsigned point;
    size_t len = str_utf8_next(text, at, &point);
    *columns = len ? columns_of_point(point) : 1;
    return len ? len : 1;
}

size_t columns_of(struct str text)
{
    size_t columns, sum = 0;
    for (size_t at = 0; at < text.len; sum += columns)
        at += next(text, at, &columns);
    return sum;
}

void columns_append(struct buf *out, struct str text, size_t columns, bool pad)
{
    size_t width, used = 0, at = 0;
    bool cut = columns_of(text) > columns;
    size_t room = cut && columns > 0 ? columns - 1 : columns;
    while (at < text.len) {
        size_t len = next(text, at, &width);
        if (used + width > room)
            break;
        used += width;
        at += len;
    }
    buf_append_str(out, str_slice(text, 0, at));
    if (cut && columns > 0) {
        buf_append_str(out, STR("…"));
        used++;
    }
    for (; pad && used < columns; used++)
        buf_append_byte(out, ' ');
}
