/* Lines of facts: what is read is written, and read and written again it is the same bytes. */
#include "base/arena.h"
#include "base/check.h"
#include "catalog/facts.h"
#include "json/json.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool pass(struct arena *arena, struct str line, struct buf *out)
{
    const struct json *root;
    struct json_error fault;
    struct buf definition, verdict;
    struct catalog_server server;
    struct catalog_tool tool;
    bool read = false;
    buf_init(&definition, 64 << 20);
    buf_init(&verdict, 64 << 20);
    if (json_parse(arena, line, &json_limits_list, &root, &fault) == 0) {
        if (facts_begin(root)) {
            read = facts_read_server(root, &server) == NULL;
            if (read)
                facts_write_server(out, &server, 1);
        } else if (facts_read_tool(root, &definition, &verdict, &tool) == NULL) {
            read = true;
            AZ(facts_write_tool(out, &tool));
        }
    }
    buf_release(&verdict);
    buf_release(&definition);
    return read;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    struct buf first, second;
    arena_init(&arena, NULL, 256 << 20);
    buf_init(&first, 64 << 20);
    buf_init(&second, 64 << 20);
    if (pass(&arena, str_of((const char *)data, size), &first)) {
        CHECK(buf_ok(&first) && pass(&arena, buf_str(&first), &second));
        CHECK(str_eq(buf_str(&first), buf_str(&second)));
    }
    buf_release(&second);
    buf_release(&first);
    arena_release(&arena);
    return 0;
}
