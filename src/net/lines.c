/* Lines of a byte stream: in place where a whole line was fed, else through one buffer with a ceiling. */
#include "net/lines.h"

#include "base/check.h"

#define KEPT_BYTES 65536 /* a larger buffer goes back to the heap after its line */

void lines_init(struct lines *lines, size_t max)
{
    *lines = (struct lines){ 0 };
    buf_init(&lines->partial, max);
}

void lines_release(struct lines *lines)
{
    buf_release(&lines->partial);
}

size_t lines_pending(const struct lines *lines)
{
    return lines->partial.len;
}

static int give(struct str text, int (*line)(void *arg, struct str line), void *arg)
{
    return str_is_empty(str_trim(text, " \t\r")) ? 0 : line(arg, text);
}

/* The end of a line whose beginning was kept: its buffer leaves `lines` for the call, which may release `lines`. */
static int give_kept(struct lines *lines, int (*line)(void *arg, struct str line), void *arg)
{
    struct buf whole = lines->partial;
    buf_init(&lines->partial, whole.max);
    int error = give(buf_str(&whole), line, arg);
    if (error) {
        buf_release(&whole);
        return error;
    }
    buf_recycle(&whole, KEPT_BYTES);
    lines->partial = whole;
    return 0;
}

static int keep(struct lines *lines, struct str bytes)
{
    buf_append_str(&lines->partial, bytes);
    if (buf_ok(&lines->partial))
        return 0;
    lines->failed = bytes.len > lines->partial.max - lines->partial.len ? E_LIMIT : E_NOMEM;
    return lines->failed;
}

int lines_feed(struct lines *lines, struct str bytes, int (*line)(void *arg, struct str line), void *arg)
{
    AN(line);
    if (lines->failed)
        return lines->failed;
    const size_t max = lines->partial.max;
    while (bytes.len) {
        size_t end = str_find_byte(bytes, '\n');
        struct str part = str_slice(bytes, 0, end);
        if (end == bytes.len)
            return keep(lines, part);
        bytes = str_slice(bytes, end + 1, bytes.len);
        int error;
        if (lines->partial.len) {
            error = keep(lines, part);
            if (!error)
                error = give_kept(lines, line, arg);
        } else if (part.len > max) {
            error = lines->failed = E_LIMIT;
        } else {
            error = give(part, line, arg);
        }
        if (error)
            return error;
    }
    return 0;
}
