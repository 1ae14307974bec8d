/* Lines end at CR, LF or CRLF; fields gather until a blank line makes them an event. */
#include "net/sse.h"

#include "base/check.h"

#define NAME_MAX_BYTES 1024 /* of an event's type, and of an id */
#define KEPT_BYTES 65536    /* a larger buffer goes back to the heap behind its event */

void sse_init(struct sse *sse, size_t max)
{
    *sse = (struct sse){ 0 };
    buf_init(&sse->line, max);
    buf_init(&sse->data, max);
    buf_init(&sse->type, NAME_MAX_BYTES);
    buf_init(&sse->id, NAME_MAX_BYTES);
}

void sse_release(struct sse *sse)
{
    buf_release(&sse->line);
    buf_release(&sse->data);
    buf_release(&sse->type);
    buf_release(&sse->id);
}

static int keep(struct sse *sse, struct buf *buf, struct str bytes)
{
    if (bytes.len > buf->max - buf->len)
        return sse->failed = E_LIMIT;
    buf_append_str(buf, bytes);
    return buf_ok(buf) ? 0 : (sse->failed = E_NOMEM);
}

static int replace(struct sse *sse, struct buf *buf, struct str bytes)
{
    buf_reset(buf);
    return keep(sse, buf, bytes);
}

/* The blank line. The event's data leaves `sse` for the call, which may release `sse`. */
static int dispatch(struct sse *sse, int (*event)(void *arg, const struct sse_event *event), void *arg)
{
    if (!sse->any_data) {
        buf_reset(&sse->type);
        return 0;
    }
    struct buf data = sse->data, type = sse->type, id = sse->id;
    buf_init(&sse->data, data.max);
    buf_init(&sse->type, type.max);
    buf_init(&sse->id, id.max);
    sse->any_data = false;
    int error = event(arg, &(struct sse_event){ .type = type.len ? buf_str(&type) : STR("message"),
                                                .data = buf_str(&data),
                                                .id = buf_str(&id) });
    if (error) {
        buf_release(&data);
        buf_release(&type);
        buf_release(&id);
        return error;
    }
    buf_recycle(&data, KEPT_BYTES);
    buf_recycle(&type, KEPT_BYTES);
    sse->data = data;
    sse->type = type;
    sse->id = id;
    return 0;
}

static int take_field(struct sse *sse, struct str name, struct str value)
{
    if (str_eq(name, STR("data"))) {
        int error = sse->any_data ? keep(sse, &sse->data, STR("\n")) : 0;
        sse->any_data = true;
        return error ? error : keep(sse, &sse->data, value);
    }
    if (str_eq(name, STR("event")))
        return replace(sse, &sse->type, value);
    if (str_eq(name, STR("id")) && str_find_byte(value, '\0') == value.len)
        return replace(sse, &sse->id, value);
    return 0; /* retry and unknown names mean nothing here */
}

static int take_line(struct sse *sse, struct str line, int (*event)(void *arg, const struct sse_event *event),
                     void *arg)
{
    if (str_is_empty(line))
        return dispatch(sse, event, arg);
    size_t colon = str_find_byte(line, ':');
    if (colon == 0)
        return 0; /* a comment */
    struct str value = str_slice(line, colon + 1, line.len);
    if (value.len && value.ptr[0] == ' ')
        value = str_slice(value, 1, value.len);
    return take_field(sse, str_slice(line, 0, colon), value);
}

/* The end of a line whose beginning was kept. */
static int take_kept_line(struct sse *sse, int (*event)(void *arg, const struct sse_event *event), void *arg)
{
    struct buf line = sse->line;

    buf_init(&sse->line, line.max);
    int error = take_line(sse, buf_str(&line), event, arg);
    if (error) {
        buf_release(&line);
        return error;
    }
    buf_recycle(&line, KEPT_BYTES);
    sse->line = line;
    return 0;
}

/* Skips a byte order mark, wherever it is cut; bytes that only look like its start are a line's. */
static int skip_mark(struct sse *sse, struct str *bytes)
{
    static const char mark[] = "\xef\xbb\xbf";

    while (sse->bom < 3 && bytes->len) {
        if (bytes->ptr[0] != mark[sse->bom]) {
            int error = keep(sse, &sse->line, str_of(mark, sse->bom));
            sse->bom = 3;
            return error;
        }
        sse->bom++;
        *bytes = str_slice(*bytes, 1, bytes->len);
    }
    return 0;
}

static size_t line_end(struct str bytes)
{
    size_t lf = str_find_byte(bytes, '\n');
    return str_find_byte(str_slice(bytes, 0, lf), '\r');
}

int sse_feed(struct sse *sse, struct str bytes, int (*event)(void *arg, const struct sse_event *event), void *arg)
{
    AN(event);
    int error = sse->failed ? sse->failed : skip_mark(sse, &bytes);

    while (!error && bytes.len) {
        bool lf_of_crlf = sse->after_cr && bytes.ptr[0] == '\n';
        sse->after_cr = false;
        if (lf_of_crlf) {
            bytes = str_slice(bytes, 1, bytes.len);
            continue;
        }
        size_t end = line_end(bytes);
        struct str part = str_slice(bytes, 0, end);
        if (end == bytes.len)
            return keep(sse, &sse->line, part);
        sse->after_cr = bytes.ptr[end] == '\r';
        bytes = str_slice(bytes, end + 1, bytes.len);
        if (sse->line.len) {
            error = keep(sse, &sse->line, part);
            if (!error)
                error = take_kept_line(sse, event, arg);
        } else if (part.len > sse->line.max) {
            error = sse->failed = E_LIMIT;
        } else {
            error = take_line(sse, part, event, arg);
        }
    }
    return error;
}

bool sse_is_one_line(struct str json)
{
    return line_end(json) == json.len;
}

void sse_write_message(struct buf *out, struct str json)
{
    if (!sse_is_one_line(json))
        out->failed = true;
    buf_append_str(out, STR(SSE_MESSAGE_BEGIN));
    buf_append_str(out, json);
    buf_append_str(out, STR(SSE_MESSAGE_END));
}

void sse_write_comment(struct buf *out)
{
    buf_append_str(out, STR(SSE_COMMENT));
}
