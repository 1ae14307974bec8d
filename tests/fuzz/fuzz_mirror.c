/* Fields and marked schemas: what is written can be read back and says the same; a schema without its marks has none. */
#include "base/check.h"
#include "mcp/mirror.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void field(struct arena *arena, struct str text)
{
    struct str said;
    struct buf out;
    buf_init(&out, 1 << 20);
    (void)mirror_decode(text, arena, &said);
    mirror_encode(&out, text);
    if (buf_ok(&out) && mirror_decode(buf_str(&out), arena, &said) == 0)
        CHECK(str_eq(said, text));
    for (size_t i = 0; i < out.len; i++)
        CHECK((out.ptr[i] >= 0x20 && out.ptr[i] < 0x7f) || out.ptr[i] == '\t');
    buf_release(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    struct json_error error;
    const struct json *root;
    struct mirrored *found;
    size_t count;
    arena_init(&arena, NULL, 1 << 24);
    field(&arena, str_of((const char *)data, size));
    if (json_parse(&arena, str_of((const char *)data, size), &json_limits_request, &root, &error) == 0) {
        struct buf out;
        struct json_writer writer;
        (void)mirror_scan(json_get(root, STR("inputSchema")), &arena, &found, &count);
        buf_init(&out, 1 << 24);
        json_write_init(&writer, &out);
        if (json_is(root, JSON_OBJECT))
            mirror_write_unmarked(&writer, root);
        if (out.len && buf_ok(&out)) {
            const struct json *again;
            AZ(json_parse(&arena, buf_str(&out), &json_limits_answer, &again, &error));
            AZ(mirror_scan(json_get(again, STR("inputSchema")), &arena, &found, &count));
            AZ(count);
        }
        buf_release(&out);
    }
    arena_release(&arena);
    return 0;
}
