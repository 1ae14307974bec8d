/* Two number lexemes, parted by a line feed: their order is one order, and a double that carries one reads as it. */
#include "base/decimal.h"

#include "base/check.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* With 17 digits the double that carries a decimal prints as one that reads the same, and up to 15 as the decimal. */
static void carried(struct str lexeme, const struct decimal *d)
{
    char text[512], form[64];
    struct decimal printed;
    bool same = false;

    if (lexeme.len >= sizeof(text) || !decimal_fits_double(lexeme))
        return;
    memcpy(text, lexeme.ptr, lexeme.len);
    text[lexeme.len] = '\0';
    double value = strtod(text, NULL);
    for (int precision = 0; precision < 17 && !same; precision++) {
        snprintf(form, sizeof(form), "%.*e", precision, value);
        AZ(decimal_parse(str_from_c(form), &printed));
        same = decimal_cmp(&printed, d) == 0;
    }
    /* Beside a power of two the shortest form need not be the nearest of its length. */
    int exponent;
    double fraction = frexp(value, &exponent);
    CHECK(same || fraction == 0.5 || fraction == -0.5);
}

/* Two have one text if they are equal, and only then; it reads as what it was made from. */
static void written(const struct decimal *a, const struct decimal *b)
{
    struct decimal again;
    struct arena arena;
    arena_init(&arena, NULL, 1 << 20);
    struct str first = decimal_text(a, &arena), second = decimal_text(b, &arena);
    if (first.ptr != NULL && second.ptr != NULL)
        CHECK(str_eq(first, second) == (decimal_cmp(a, b) == 0));
    if (first.ptr != NULL && decimal_parse(first, &again) == 0)
        AZ(decimal_cmp(a, &again));
    arena_release(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str both = str_of((const char *)data, size);
    size_t middle = str_find_byte(both, '\n');
    struct str first = str_slice(both, 0, middle), second = str_slice(both, middle + 1, both.len);
    struct decimal a, b;
    amount value;
    char text[48];

    if (decimal_parse(first, &a) != 0) {
        CHECK(!decimal_fits_double(first));
        return 0;
    }
    carried(first, &a);
    if (amount_from_decimal(&a, &value) == 0) {
        struct decimal printed;
        amount_print(value, text);
        AZ(decimal_parse(str_from_c(text), &printed));
        AZ(decimal_cmp(&printed, &a));
    }
    AZ(decimal_cmp(&a, &a));
    if (decimal_parse(second, &b) == 0) {
        CHECK(decimal_cmp(&a, &b) == -decimal_cmp(&b, &a));
        written(&a, &b);
    }
    return 0;
}
