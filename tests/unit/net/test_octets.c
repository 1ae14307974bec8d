/* Classes of octets: each octet against the RFC's own words, and eight at once against one by one. */
#include "net/octets.h"

#include "base/check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static bool is_one_of(int octet, const char *set)
{
    return octet != 0 && strchr(set, octet) != NULL;
}

static bool is_alphanumeric(int octet)
{
    return (octet >= '0' && octet <= '9') || (octet >= 'A' && octet <= 'Z') || (octet >= 'a' && octet <= 'z');
}

static bool expected(int octet, enum octet_class class)
{
    switch (class) {
    case OCTET_TOKEN: return is_alphanumeric(octet) || is_one_of(octet, "!#$%&'*+-.^_`|~"); /* RFC 9110 §5.6.2 */
    case OCTET_VISIBLE: return octet > 0x20 && octet < 0x7f;
    case OCTET_VALUE: return (octet >= 0x20 && octet < 0x7f) || octet == '\t';
    case OCTET_HOST: return is_alphanumeric(octet) || is_one_of(octet, "-._:[]");
    }
    WRONG("no such class");
}

static const enum octet_class classes[] = { OCTET_TOKEN, OCTET_VISIBLE, OCTET_VALUE, OCTET_HOST };

static void each_octet_is_in_its_classes(void **state)
{
    (void)state;
    for (size_t c = 0; c < ARRAY_LEN(classes); c++)
        for (int octet = 0; octet < 256; octet++)
            if (octet_is((char)octet, classes[c]) != expected(octet, classes[c]))
                fail_msg("octet %d, class %d", octet, classes[c]);
}

static void strings_of_any_length_hide_none(void **state)
{
    (void)state;
    for (size_t c = 0; c < ARRAY_LEN(classes); c++)
        for (size_t len = 0; len <= 40; len++) {
            char text[40];
            memset(text, 'x', sizeof(text));
            assert_true(octets_are(str_of(text, len), classes[c]));
            for (size_t at = 0; at < len; at++) {
                for (int octet = 0; octet < 256; octet++) {
                    text[at] = (char)octet;
                    if (octets_are(str_of(text, len), classes[c]) != expected(octet, classes[c]))
                        fail_msg("octet %d at %zu of %zu, class %d", octet, at, len, classes[c]);
                }
                text[at] = 'x';
            }
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_octet_is_in_its_classes),
        cmocka_unit_test(strings_of_any_length_hide_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
