/* A record that reads is written back as the same bytes, and prints as JSON. */
#include "model/record.h"

#include "base/check.h"
#include "json/json.h"
#include "json/writer.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void prints_as_json(const struct record *record, struct arena *arena)
{
    struct buf text;
    struct json_writer writer;
    const struct json *root;
    struct json_error error;

    buf_init(&text, 1 << 20);
    json_write_init(&writer, &text);
    record_print_json(record, 1, &writer);
    CHECK(buf_ok(&text));
    AZ(json_parse(arena, buf_str(&text), &json_limits_answer, &root, &error));
    buf_release(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str bytes = { (const char *)data, size };
    struct arena arena;
    struct record record;
    struct buf again;

    arena_init(&arena, NULL, 1 << 22);
    if (record_read(bytes, &arena, &record) == 0) {
        buf_init(&again, 1 << 20);
        record_write(&record, &again);
        CHECK(buf_ok(&again) && str_eq(buf_str(&again), bytes));
        CHECK(again.len <= record_size_max(&record));
        buf_release(&again);
        prints_as_json(&record, &arena);
    }
    arena_release(&arena);
    return 0;
}
