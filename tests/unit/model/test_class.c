/* Classes as words and as numbers of the ledger: each there and back, nothing else read. */
#include "model/class.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static void words_name_classes(void **state)
{
    (void)state;
    static const struct str no[] = { STR(""), STR("Read"), STR("@read"), STR("read "), STR("unknown"), STR("rea") };
    enum tool_class class;
    for (size_t i = 0; i < CLASS_COUNT; i++) {
        assert_true(class_of_word(class_word((enum tool_class)i), &class));
        assert_int_equal(class, i);
    }
    for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++)
        assert_false(class_of_word(no[i], &class));
    struct pinned_class none = { .known = false };
    assert_true(str_eq(pinned_class_word(&none), STR("unknown")));
}

static void packed_and_back(void **state)
{
    (void)state;
    struct pinned_class none = { .class = CLASS_FINANCIAL }, back;
    assert_int_equal(pinned_class_pack(&none), 0);
    assert_true(pinned_class_unpack(0, &back));
    assert_false(back.known);
    for (unsigned i = 0; i < 2 * CLASS_COUNT; i++) {
        struct pinned_class class = {
            .known = true, .overruled = i >= CLASS_COUNT, .class = (enum tool_class)(i % CLASS_COUNT), .classifier = i
        };
        assert_true(pinned_class_unpack(pinned_class_pack(&class), &back));
        assert_true(back.known && back.overruled == class.overruled);
        assert_true(back.class == class.class && back.classifier == class.classifier);
    }
    static const uint64_t no[] = { 7, 8, 16, 15, 1u << 20 | 1, UINT64_MAX };
    for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++) {
        assert_false(pinned_class_unpack(no[i], &back));
        assert_false(back.known);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(words_name_classes), cmocka_unit_test(packed_and_back) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
