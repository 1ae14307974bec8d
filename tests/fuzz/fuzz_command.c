/* A command line: the splitter agrees with a slow one that is written as a table of states, on whether it may be split
 * and on every word. */
#include "policy/op_command.h"

#include "base/check.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum state { BETWEEN, PLAIN, SINGLE, DOUBLE, BACKSLASH, BACKSLASH_DOUBLE };

struct slow {
    char   words[LIMIT_command_bytes + 1]; /* each with a NUL behind it */
    size_t len;
    bool   good;
};

static void put(struct slow *slow, char byte)
{
    slow->words[slow->len++] = byte;
}

static enum state plain(struct slow *slow, char byte)
{
    if (strchr(";&|<>$(){}~*?[#!`", byte) != NULL)
        slow->good = false;
    if (byte == '\'')
        return SINGLE;
    if (byte == '"')
        return DOUBLE;
    if (byte == '\\')
        return BACKSLASH;
    put(slow, byte);
    return PLAIN;
}

static enum state step(struct slow *slow, enum state state, char byte, char next)
{
    bool blank = byte == ' ' || byte == '\t';
    if (state == SINGLE) {
        if (byte == '\\' && (next == 0 || strchr("\\\"' ", next) == NULL))
            slow->good = false;
        if (byte != '\'')
            put(slow, byte);
        return byte == '\'' ? PLAIN : SINGLE;
    }
    if (state == DOUBLE) {
        if (byte == '$' || byte == '`' || byte == '!')
            slow->good = false;
        if (byte != '"' && byte != '\\')
            put(slow, byte);
        return byte == '"' ? PLAIN : byte == '\\' ? BACKSLASH_DOUBLE : DOUBLE;
    }
    if (state == BACKSLASH || state == BACKSLASH_DOUBLE) {
        if (strchr("\\\"' ", byte) == NULL)
            slow->good = false;
        if (state == BACKSLASH_DOUBLE && (byte == '\'' || byte == ' '))
            put(slow, '\\');
        put(slow, byte);
        return state == BACKSLASH ? PLAIN : DOUBLE;
    }
    if (!blank)
        return plain(slow, byte);
    if (state == PLAIN)
        put(slow, 0);
    return BETWEEN;
}

static bool is_odd(unsigned point)
{
    static const unsigned spaces[] = { 0xa0, 0x1680, 0x2028, 0x2029, 0x202f, 0x205f, 0x3000, 0xfeff };
    for (size_t i = 0; i < ARRAY_LEN(spaces); i++)
        if (point == spaces[i])
            return true;
    return (point >= 0x2000 && point <= 0x200a) || (point < 0x20 && point != '\t') || (point >= 0x7f && point < 0xa0);
}

static void split_slowly(struct slow *slow, struct str text)
{
    enum state state = BETWEEN;
    unsigned point;
    slow->len = 0;
    slow->good = text.len <= LIMIT_command_bytes && str_is_utf8(text);
    for (size_t at = 0; slow->good && at < text.len; at += str_utf8_next(text, at, &point))
        if (str_utf8_next(text, at, &point) == 0 || is_odd(point))
            slow->good = false;
    for (size_t i = 0; slow->good && i < text.len; i++)
        state = step(slow, state, text.ptr[i], i + 1 < text.len ? text.ptr[i + 1] : 0);
    if (state == PLAIN)
        put(slow, 0);
    else if (state != BETWEEN)
        slow->good = false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct command_words words;
    static struct slow slow;
    struct str text = str_of((const char *)data, size), word;
    struct str left;
    split_slowly(&slow, text);
    left = str_of(slow.words, slow.len);
    command_begin(&words, text);
    while (command_next(&words, &word)) {
        struct str wanted = str_slice(left, 0, str_find_byte(left, 0));
        CHECK(!slow.good || (left.len > 0 && str_eq(word, wanted)));
        left = str_slice(left, wanted.len + 1, left.len);
    }
    CHECK(slow.good == (words.fault == NULL));
    CHECK(!slow.good || left.len == 0);
    return 0;
}
