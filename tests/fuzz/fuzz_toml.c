/* Servers in TOML: what is accepted is JSON of the strict kind but for members that stand twice, and an error names a
 * line of the file. */
#include "base/check.h"
#include "config/toml.h"
#include "json/json.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str source = str_of((const char *)data, size);
    struct toml_fault fault;
    struct buf out;
    buf_init(&out, 16 << 20);
    int error = toml_servers(source, &out, &fault);
    if (error) {
        size_t lines = 1;
        for (size_t i = 0; i < size; i++)
            lines += data[i] == '\n';
        CHECK(fault.line >= 1 && fault.line <= lines && fault.text[0]);
    } else {
        struct arena arena;
        struct json_error unread;
        const struct json *root;
        arena_init(&arena, NULL, 64 << 20);
        error = json_parse(&arena, buf_str(&out), &json_limits_answer, &root, &unread);
        CHECK(!error || unread.fault != JSON_FAULT_SYNTAX);
        CHECK(!error || unread.fault != JSON_FAULT_UTF8);
        arena_release(&arena);
    }
    buf_release(&out);
    return 0;
}
