/* Decimals: their grammar, their order, and which of them a double carries. */
#include "base/decimal.h"

#include "base/check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static struct decimal parsed(const char *text)
{
    struct decimal d;
    if (decimal_parse(str_from_c(text), &d) != 0)
        fail_msg("%s does not parse", text);
    return d;
}

static void grammar_is_json(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "",     "-",   "+1", "01", "-01", "00",       ".5",        "2.",    "-.5", "1.e5", "1e", "1e+", "1E-",  "1.5e",
        "0x10", "1_0", " 1", "1 ", "NaN", "Infinity", "-Infinity", "1e5.5", "1,5", "--1",  "1-", "e5",  "1ee5", "1.2.3",
    };
    struct decimal d;

    for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
        if (decimal_parse(str_from_c(wrong[i]), &d) != E_SYNTAX)
            fail_msg("'%s' was not refused", wrong[i]);
    assert_int_equal(decimal_parse(str_of("1\0", 2), &d), E_SYNTAX);
    assert_int_equal(decimal_parse(STR("1e401"), &d), E_LIMIT);
    assert_int_equal(decimal_parse(STR("1e-401"), &d), E_LIMIT);
    assert_int_equal(decimal_parse(STR("0e99999999999999999999999"), &d), E_LIMIT);
    assert_int_equal(decimal_parse(STR("1e0000000000000000000000400"), &d), 0);
    assert_int_equal(d.exponent, 400);
}

/* Strictly ascending. */
static const char *const ascending[] = {
    "-1e400",
    "-1e399",
    "-9007199254740993",
    "-9007199254740992",
    "-100.5",
    "-100",
    "-1",
    "-0.10000000000000000001",
    "-0.1",
    "-1e-399",
    "-1e-400",
    "0",
    "1e-400",
    "1.1e-400",
    "1e-399",
    "0.0001",
    "0.1",
    "0.10000000000000000001",
    "0.5",
    "0.99999999999999999999",
    "1",
    "1.0000000000000000000000001",
    "9.99",
    "10",
    "99",
    "100",
    "101",
    "102.0000000000000001",
    "9007199254740992",
    "9007199254740993",
    "1e16",
    "1e399",
    "1e400",
    "2e400",
    "10e400",
};

static void order_is_by_value(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(ascending); i++)
        for (size_t j = 0; j < ARRAY_LEN(ascending); j++) {
            struct decimal a = parsed(ascending[i]), b = parsed(ascending[j]);
            int expected = (i > j) - (i < j);
            if (decimal_cmp(&a, &b) != expected)
                fail_msg("%s against %s", ascending[i], ascending[j]);
        }
}

static const char *const same[][2] = {
    { "1e2", "100" },      { "1E+2", "100.000" },    { "-0", "0" },         { "0e5", "0.000" },
    { "-0.0e-3", "0" },    { "120e-1", "12" },       { "0.00012e5", "12" }, { "1200", "0.012e5" },
    { "-1.50", "-15e-1" }, { "1e-400", "0.1e-399" }, { "100e-2", "1" },     { "0.1e1", "1.0" },
};

static void equal_values_are_equal(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(same); i++) {
        struct decimal a = parsed(same[i][0]), b = parsed(same[i][1]);
        if (decimal_cmp(&a, &b) != 0 || decimal_cmp(&b, &a) != 0)
            fail_msg("%s against %s", same[i][0], same[i][1]);
    }
}

static void integers_are_known(void **state)
{
    (void)state;
    static const char *const yes[] = { "0",   "-0",    "0.000",  "1",  "100e-2", "1.5e1",
                                       "1.0", "1e400", "120e-1", "-3", "0e-5" };
    static const char *const no[] = { "0.5", "1e-1", "15e-1", "1.05e1", "100e-3", "1e-400", "-0.1" };

    for (size_t i = 0; i < ARRAY_LEN(yes); i++) {
        struct decimal d = parsed(yes[i]);
        if (!decimal_is_integer(&d))
            fail_msg("%s is an integer", yes[i]);
    }
    for (size_t i = 0; i < ARRAY_LEN(no); i++) {
        struct decimal d = parsed(no[i]);
        if (decimal_is_integer(&d))
            fail_msg("%s is no integer", no[i]);
    }
}

static void doubles_carry_their_shortest_forms(void **state)
{
    (void)state;
    static const char *const yes[] = {
        "0",
        "-0",
        "0.0",
        "0e300",
        "1",
        "-1",
        "0.1",
        "0.2",
        "0.30000000000000004",
        "100",
        "1e2",
        "1.50",
        "3.14159",
        "9007199254740991",
        "9007199254740992",
        "9007199254740994",
        "123456789012345",
        "1e308",
        "1.7976931348623157e308",
        "2.2250738585072014e-308",
        "5e-324",
        "1e-323",
        "4.94e-322",
        "1e22",
        "1e23",
        "100000000000000000000",
        "5.684341886080802e-14", /* 2^-44, whose nearest 16 digits read as another double */
        "5.684341886080801e-14",
        "9007199254740993e3",
        "0.1000000000000000000000000000",
        "1e-307",
    };
    static const char *const no[] = {
        "9007199254740993",
        "102.0000000000000001",
        "0.1000000000000000055511151231257827",
        "1e400",
        "-1e400",
        "1e309",
        "1.7976931348623159e308",
        "1e-400",
        "2e-324",
        "4.9e-324",
        "3e-324",
        "4.9406564584124654e-324",
        "5.6843418860808015e-14",
        "123456789012345678",
        "0.30000000000000003",
        "36028797018963967.5",
        "1e999",
        "12345678901234567e-400",
        "x",
        "",
    };

    for (size_t i = 0; i < ARRAY_LEN(yes); i++)
        if (!decimal_fits_double(str_from_c(yes[i])))
            fail_msg("a double carries %s", yes[i]);
    for (size_t i = 0; i < ARRAY_LEN(no); i++)
        if (decimal_fits_double(str_from_c(no[i])))
            fail_msg("no double carries %s", no[i]);
}

static void amount_of(const char *text, int error, const char *printed)
{
    struct decimal d = parsed(text);
    amount value = 0;
    char out[48];

    if (amount_from_decimal(&d, &value) != error)
        fail_msg("%s: not %s", text, error_name(error));
    if (error)
        return;
    amount_print(value, out);
    assert_string_equal(out, printed);
}

static void amounts_are_exact(void **state)
{
    (void)state;
    amount_of("1", 0, "1");
    amount_of("100", 0, "100");
    amount_of("1.50", 0, "1.5");
    amount_of("0.000000001", 0, "0.000000001");
    amount_of("1e-9", 0, "0.000000001");
    amount_of("0.1", 0, "0.1");
    amount_of("12.000000001", 0, "12.000000001");
    amount_of("99999999999999999999999999999.999999999", 0, "99999999999999999999999999999.999999999");
    amount_of("1e28", 0, "10000000000000000000000000000");
    amount_of("120e-1", 0, "12");
    amount_of("0.0000000010000000", 0, "0.000000001");
    amount_of("0", E_INVALID, NULL);
    amount_of("-0.0", E_INVALID, NULL);
    amount_of("-1", E_INVALID, NULL);
    amount_of("0.0000000001", E_INVALID, NULL);
    amount_of("1.0000000001", E_INVALID, NULL);
    amount_of("1e-400", E_INVALID, NULL);
    amount_of("1e29", E_LIMIT, NULL);
    amount_of("1e400", E_LIMIT, NULL);
}

static void amounts_add_up_to_their_limit(void **state)
{
    (void)state;
    struct decimal most = parsed("99999999999999999999999999999.999999999"), least = parsed("0.000000001");
    amount large = 0, small = 0, sum = 0;
    char out[48];

    assert_int_equal(amount_from_decimal(&most, &large), 0);
    assert_int_equal(amount_from_decimal(&least, &small), 0);
    assert_int_equal(amount_add(large, small, &sum), E_LIMIT);
    assert_int_equal(amount_add(large, large, &sum), E_LIMIT);
    assert_int_equal(amount_add(large - small, small, &sum), 0);
    assert_true(sum == large);
    assert_int_equal(amount_add(AMOUNT_ONE, small, &sum), 0);
    amount_print(sum, out);
    assert_string_equal(out, "1.000000001");
    amount_print(0, out);
    assert_string_equal(out, "0");
}

static void equal_values_have_one_text(void **state)
{
    (void)state;
    static const struct { const char *text; const char *others[6]; } rows[] = {
        { "0", { "-0", "0.0", "0e400", "-0.000e-7" } },
        { "100", { "1e2", "100.0", "1.00E+2", "1000e-1", "0.1e3" } },
        { "-0.05", { "-5e-2", "-0.050", "-0.0005e2" } },
        { "12.5", { "12.50", "125e-1", "0.0125e3" } },
        { "0.5", { "5e-1", "0.50", "50e-2" } },
        { "1e300", { "10e299", "0.1e301", "1.0e300" } },
        { "123e-100", { "1.23e-98", "12.3e-99", "0.00123e-95" } },
        { "9007199254740993", { "9007199254740993.0", "9.007199254740993e15" } },
    };
    struct arena arena;
    arena_init(&arena, NULL, 65536);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct decimal d = parsed(rows[i].text);
        if (!str_eq(decimal_text(&d, &arena), str_from_c(rows[i].text)))
            fail_msg("%s", rows[i].text);
        for (size_t j = 0; j < 6 && rows[i].others[j] != NULL; j++) {
            d = parsed(rows[i].others[j]);
            if (!str_eq(decimal_text(&d, &arena), str_from_c(rows[i].text)))
                fail_msg("%s", rows[i].others[j]);
        }
    }
    struct decimal plain = parsed("10000000000000000000000000000000000000000"), short_form = parsed("1e40");
    assert_true(str_eq(decimal_text(&plain, &arena), decimal_text(&short_form, &arena)));
    arena_release(&arena);
    arena_init(&arena, NULL, 16);
    assert_null(decimal_text(&plain, &arena).ptr);
    arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(grammar_is_json),
        cmocka_unit_test(order_is_by_value),
        cmocka_unit_test(equal_values_are_equal),
        cmocka_unit_test(integers_are_known),
        cmocka_unit_test(equal_values_have_one_text),
        cmocka_unit_test(doubles_carry_their_shortest_forms),
        cmocka_unit_test(amounts_are_exact),
        cmocka_unit_test(amounts_add_up_to_their_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
