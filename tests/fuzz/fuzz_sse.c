/* Event streams: the same events whatever the cuts, within the ceilings; what is one line is written and read again as
 * itself. The first byte picks the size of the pieces, the second the ceiling. */
#include "net/sse.h"

#include "base/check.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct seen {
    struct buf text;
    size_t     max;
};

static int read_back(void *arg, const struct sse_event *event)
{
    const struct sse_event *wanted = arg;
    CHECK(str_eq(event->data, wanted->data) && str_eq(event->type, STR("message")));
    return 0;
}

static void write_and_read(const struct sse_event *event)
{
    struct buf out;
    struct sse sse;
    struct sse_event wanted = *event;

    buf_init(&out, (size_t)1 << 20);
    sse_write_message(&out, event->data);
    CHECK(buf_ok(&out) == sse_is_one_line(event->data));
    if (buf_ok(&out)) {
        sse_init(&sse, (size_t)1 << 20);
        AZ(sse_feed(&sse, buf_str(&out), read_back, &wanted));
        sse_release(&sse);
    }
    buf_release(&out);
}

static int see(void *arg, const struct sse_event *event)
{
    struct seen *seen = arg;

    CHECK(event->data.len <= seen->max && event->type.len > 0);
    CHECK(str_find_byte(event->data, '\r') == event->data.len);
    CHECK(str_find_byte(event->type, '\n') == event->type.len && str_find_byte(event->id, '\0') == event->id.len);
    buf_append_str(&seen->text, event->type);
    buf_append_byte(&seen->text, '\n');
    buf_append_str(&seen->text, event->data);
    buf_append_byte(&seen->text, '\r');
    buf_append_str(&seen->text, event->id);
    write_and_read(event);
    return 0;
}

static int run_stream(struct seen *seen, struct str bytes, size_t piece)
{
    struct sse sse;
    int error = 0;

    buf_init(&seen->text, (size_t)1 << 24);
    sse_init(&sse, seen->max);
    while (bytes.len && !error) {
        size_t len = bytes.len < piece ? bytes.len : piece;
        char *copy = malloc(len); /* of its own, so that a read beyond it is seen */
        AN(copy);
        memcpy(copy, bytes.ptr, len);
        error = sse_feed(&sse, str_of(copy, len), see, seen);
        free(copy);
        bytes = str_slice(bytes, len, bytes.len);
    }
    sse_release(&sse);
    return error;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2 || size > 65536)
        return 0;
    struct str bytes = str_of((const char *)data + 2, size - 2);
    struct seen whole = { .max = 8 + data[1] }, pieces = whole;
    int error = run_stream(&whole, bytes, bytes.len);
    CHECK(run_stream(&pieces, bytes, (size_t)data[0] + 1) == error);
    CHECK(str_eq(buf_str(&whole.text), buf_str(&pieces.text)));
    buf_release(&whole.text);
    buf_release(&pieces.text);
    return 0;
}
