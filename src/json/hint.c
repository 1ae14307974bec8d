/* What a person who wrote a broken source probably meant: a guess at the place where reading stopped. */
#include "json/json.h"

#define NO_COMMENTS "JSON has no comments"

static bool starts_comment(char c)
{
    return c == '#' || c == '/';
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '$';
}

/* The byte that is no space after or before `at`; 0 for none. */
static char next_byte(struct str source, size_t at)
{
    while (at < source.len && is_space(source.ptr[at]))
        at++;
    return at < source.len ? source.ptr[at] : 0;
}

static char byte_before(struct str source, size_t at)
{
    while (at > 0 && is_space(source.ptr[at - 1]))
        at--;
    return at > 0 ? source.ptr[at - 1] : 0;
}

static const char *hint_at(struct str source, size_t at)
{
    char c = next_byte(source, at), before = byte_before(source, at);
    char after = c ? next_byte(source, at + 1) : 0;
    if (c == 0)
        return "it ends before every bracket and quote is closed";
    if (starts_comment(c))
        return NO_COMMENTS;
    if (c == '\'')
        return "names and strings stand in double quotes";
    if (c == ',' && (before == ',' || before == '[' || before == '{'))
        return "a comma too many";
    if (before == ':' && (c == ',' || c == '}' || c == ']'))
        return "a value is missing before this";
    if ((c == ',' && (after == '}' || after == ']')) || (before == ',' && (c == '}' || c == ']')))
        return "no comma before a closing bracket";
    if (is_word(c))
        return "names and strings stand in double quotes; without them there is true, false and null";
    if (c == '"' && (before == '"' || before == '}' || before == ']'))
        return "a comma is missing before this";
    return "";
}

struct str json_fault_hint(struct str source, const struct json_error *error)
{
    size_t at = error->offset < source.len ? error->offset : source.len;
    switch (error->fault) {
    case JSON_FAULT_SYNTAX: return str_from_c(hint_at(source, at));
    case JSON_FAULT_TRAILING: return starts_comment(next_byte(source, at)) ? STR(NO_COMMENTS) : STR_EMPTY;
    case JSON_FAULT_BOM: return STR("save the file as UTF-8 without it");
    case JSON_FAULT_NONE:
    case JSON_FAULT_EMPTY:
    case JSON_FAULT_UTF8:
    case JSON_FAULT_DUPLICATE:
    case JSON_FAULT_SURROGATE:
    case JSON_FAULT_NUL_KEY:
    case JSON_FAULT_TOO_LARGE:
    case JSON_FAULT_TOO_DEEP:
    case JSON_FAULT_TOO_MANY:
    case JSON_FAULT_MEMORY: break;
    }
    return STR_EMPTY;
}
