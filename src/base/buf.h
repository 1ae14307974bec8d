/* A growing buffer, made with its ceiling. Failure sticks: after one append has failed every later one does, and
 * buf_ok() says so once at the end. buf_release frees; buf_reset keeps the memory. */
#pragma once

#include "base/error.h"
#include "base/str.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct buf {
    char  *ptr;
    size_t len, cap;
    size_t max;   /* bytes */
    bool   failed;
};

void buf_init(struct buf *buf, size_t max);
void buf_release(struct buf *buf);
void buf_reset(struct buf *buf);
/* Empty again; memory above `keep` bytes goes back to the heap. */
void buf_recycle(struct buf *buf, size_t keep);
/* Room for `more` bytes behind len, or NULL; the caller writes and then adds to len. */
char *buf_grow(struct buf *buf, size_t more) NODISCARD; /* buf_reserve's way when the room is not there */
static inline char *buf_reserve(struct buf *buf, size_t more)
{
    return !buf->failed && buf->ptr && more <= buf->cap - buf->len ? buf->ptr + buf->len : buf_grow(buf, more);
}
static inline void buf_append(struct buf *buf, const void *bytes, size_t len)
{
    char *to = buf_reserve(buf, len);
    if (to && len > 0)
        memcpy(to, bytes, len);
    if (to)
        buf->len += len;
}
static inline void buf_append_str(struct buf *buf, struct str s) { buf_append(buf, s.ptr, s.len); }
static inline void buf_append_byte(struct buf *buf, char byte) { buf_append(buf, &byte, 1); }
void buf_append_decimal(struct buf *buf, uint64_t value);
void buf_printf(struct buf *buf, const char *format, ...) PRINTF_LIKE(2, 3);
void buf_vprintf(struct buf *buf, const char *format, va_list arguments) PRINTF_LIKE(2, 0);
/* Drops the first `len` bytes. */
void buf_consume(struct buf *buf, size_t len);
static inline bool buf_ok(const struct buf *buf) { return !buf->failed; }
static inline struct str buf_str(const struct buf *buf) { return (struct str){ buf->ptr ? buf->ptr : "", buf->len }; }
