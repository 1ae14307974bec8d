/* Digests against FIPS 180-4's examples, and that fields cannot run together. */
#include "base/digest.h"

#include "base/encode.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static void digest_is(struct hasher *hasher, struct str bytes, const char *expected)
{
    struct sha256 digest;
    char text[2 * SHA256_LEN];

    hasher_begin(hasher);
    hasher_add(hasher, bytes.ptr, bytes.len / 2);
    hasher_add(hasher, bytes.ptr + bytes.len / 2, bytes.len - bytes.len / 2);
    hasher_end(hasher, &digest);
    hex_encode(digest.bytes, SHA256_LEN, text);
    assert_memory_equal(text, expected, sizeof(text));
}

static void one_hasher_serves_many(void **state)
{
    (void)state;
    struct hasher *hasher = NULL;

    assert_int_equal(hasher_new(&hasher), 0);
    for (int i = 0; i < 2; i++) {
        digest_is(hasher, STR_EMPTY, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        digest_is(hasher, STR("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        digest_is(hasher, STR("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
                  "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    }
    hasher_free(hasher);
    hasher_free(NULL);
}

static void digest_of_fields(struct hasher *hasher, struct str a, struct str b, struct sha256 *out)
{
    hasher_begin(hasher);
    hasher_add_field(hasher, a);
    hasher_add_field(hasher, b);
    hasher_end(hasher, out);
}

static void fields_do_not_run_together(void **state)
{
    (void)state;
    struct hasher *hasher = NULL;
    struct sha256 a, b, c, whole;

    assert_int_equal(hasher_new(&hasher), 0);
    digest_of_fields(hasher, STR("ab"), STR("c"), &a);
    digest_of_fields(hasher, STR("a"), STR("bc"), &b);
    digest_of_fields(hasher, STR("abc"), STR_EMPTY, &c);
    assert_memory_not_equal(&a, &b, sizeof(a));
    assert_memory_not_equal(&b, &c, sizeof(b));
    hasher_begin(hasher);
    hasher_add(hasher, "\0\0\0\0\0\0\0\2ab\0\0\0\0\0\0\0\1c", 19);
    hasher_end(hasher, &whole);
    assert_memory_equal(&a, &whole, sizeof(a));
    hasher_free(hasher);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_hasher_serves_many),
        cmocka_unit_test(fields_do_not_run_together),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
