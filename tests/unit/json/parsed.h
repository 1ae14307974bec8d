/* For tests: a text as a tree in an arena. */
#pragma once

#include "base/arena.h"
#include "json/json.h"

static const struct json_limits test_limits = { (size_t)1 << 24, 1000000, 64 };

static inline const struct json *parsed(struct arena *arena, struct str source)
{
    struct json_error error;
    const struct json *root;

    if (json_parse(arena, source, &test_limits, &root, &error) != 0)
        fail_msg("%" STR_FMT ": %s at %zu", STR_ARG(source), json_fault_text(error.fault), error.offset);
    return root;
}

static inline bool are_equal(struct arena *arena, const struct json *a, const struct json *b)
{
    bool equal = false;
    assert_int_equal(json_equal(arena, a, b, &equal), 0);
    return equal;
}
