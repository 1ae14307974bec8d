/* Comments and commas too many become spaces, and nothing else does. */
#include "json/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

struct row { const char *given, *wanted; };

static void become_spaces(void **state)
{
    (void)state;
    static const struct row rows[] = {
        { "", "" },
        { "{}", "{}" },
        { "{} // end", "{}       " },
        { "// a\n{}", "    \n{}" },
        { "{/* a\nb */\"k\":1}", "{    \n    \"k\":1}" },
        { "[1,]", "[1 ]" },
        { "[1 , /* x */ // y\n ]", "[1               \n ]" },
        { "{\"a\":[{},],}", "{\"a\":[{} ] }" },
        { "[true,]", "[true ]" },
        { "[\"a\",]", "[\"a\" ]" },
        /* not in strings */
        { "[\"// no\"]", "[\"// no\"]" },
        { "[\"/* no */\"]", "[\"/* no */\"]" },
        { "[\"\\\"// no\"]", "[\"\\\"// no\"]" },
        { "[\"\\\\\"// c\n]", "[\"\\\\\"    \n]" },
        { "[\",]\"]", "[\",]\"]" },
        { "[\"open // ,]", "[\"open // ,]" },
        { "\"\\", "\"\\" },
        /* what no comma belongs to stays a fault */
        { "[,]", "[,]" },
        { "{,}", "{,}" },
        { "[1,,]", "[1,,]" },
        { "{\"a\":,}", "{\"a\":,}" },
        { ",]", ",]" },
        { "[1,2]", "[1,2]" },
        /* no comments */
        { "/", "/" },
        { "/ /", "/ /" },
        { "/*", "/*" },
        { "/*/", "/*/" },
        { "{} /* open", "{} /* open" },
        { "# no", "# no" },
        { "/**/1", "    1" },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct arena arena;
        arena_init(&arena, NULL, 1 << 16);
        struct str made = json_uncommented(&arena, str_from_c(rows[i].given));
        if (!str_eq(made, str_from_c(rows[i].wanted)))
            fail_msg("%s: \"%.*s\"", rows[i].given, STR_ARG(made));
        arena_release(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(become_spaces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
