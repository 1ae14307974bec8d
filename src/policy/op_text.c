/* Operators on the text of a string, and on how long a value is. */
#include "policy/ops.h"

enum answer op_starts_with(struct op_run *run)
{
    return answer_of(str_starts_with(run->value.text, run->operand->items[0].text));
}

enum answer op_ends_with(struct op_run *run)
{
    return answer_of(str_ends_with(run->value.text, run->operand->items[0].text));
}

enum answer op_glob(struct op_run *run)
{
    return answer_of(pattern_match(run->operand->words->patterns, run->value.text));
}

/* Characters are code points, as in JSON Schema: every byte that does not continue one. */
static size_t characters(struct str text)
{
    size_t count = 0;
    for (size_t i = 0; i < text.len; i++)
        count += ((unsigned char)text.ptr[i] & 0xc0) != 0x80;
    return count;
}

static size_t length_of(const struct value *value)
{
    if (value->kind == ARG_STRING)
        return characters(value->text);
    return value->json != NULL ? json_count(value->json) : value->count;
}

enum answer op_length_lte(struct op_run *run)
{
    return answer_of(length_of(&run->value) <= run->operand->length);
}

enum answer op_length_gte(struct op_run *run)
{
    return answer_of(length_of(&run->value) >= run->operand->length);
}
