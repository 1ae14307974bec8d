/* A growing buffer with a ceiling. One byte more than `cap` is allocated, so that printf's NUL has room. */
#include "base/buf.h"

#include "base/check.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define FIRST_CAP 256

void buf_init(struct buf *buf, size_t max)
{
    CHECK(max < SIZE_MAX / 2);
    *buf = (struct buf){ .max = max };
}

void buf_release(struct buf *buf)
{
    free(buf->ptr);
    *buf = (struct buf){ .max = buf->max };
}

void buf_reset(struct buf *buf)
{
    buf->len = 0;
    buf->failed = false;
}

void buf_recycle(struct buf *buf, size_t keep)
{
    if (buf->cap > keep)
        buf_release(buf);
    else
        buf_reset(buf);
}

char *buf_grow(struct buf *buf, size_t more)
{
    if (buf->failed || more > buf->max - buf->len) {
        buf->failed = true;
        return NULL;
    }
    size_t wanted = buf->len + more, cap = buf->cap ? buf->cap * 2 : FIRST_CAP;
    if (cap < wanted)
        cap = wanted;
    if (cap > buf->max)
        cap = buf->max;
    char *ptr = realloc(buf->ptr, cap + 1);
    if (!ptr) {
        buf->failed = true;
        return NULL;
    }
    buf->ptr = ptr;
    buf->cap = cap;
    return ptr + buf->len;
}

void buf_append_decimal(struct buf *buf, uint64_t value)
{
    char digits[20];
    size_t at = sizeof(digits);

    do
        digits[--at] = (char)('0' + value % 10);
    while (value /= 10);
    buf_append(buf, digits + at, sizeof(digits) - at);
}

void buf_vprintf(struct buf *buf, const char *format, va_list arguments)
{
    va_list again;
    char *to = buf_reserve(buf, 0);

    if (!to)
        return;
    va_copy(again, arguments);
    size_t room = buf->cap - buf->len;
    int len = vsnprintf(to, room + 1, format, arguments);
    CHECK(len >= 0);
    if ((size_t)len > room) {
        to = buf_reserve(buf, (size_t)len);
        if (to)
            vsnprintf(to, (size_t)len + 1, format, again);
    }
    va_end(again);
    if (to)
        buf->len += (size_t)len;
}

void buf_printf(struct buf *buf, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    buf_vprintf(buf, format, arguments);
    va_end(arguments);
}

void buf_consume(struct buf *buf, size_t len)
{
    CHECK(len <= buf->len);
    buf->len -= len;
    if (len > 0 && buf->len > 0)
        memmove(buf->ptr, buf->ptr + len, buf->len);
}
