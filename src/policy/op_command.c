/* command: words of a command line, held against patterns one by one. */
#include "policy/op_command.h"

#include "policy/ops.h"

#define SHELL_BYTES ";&|<>$(){}~*?[#!`" /* outside quotes */
#define QUOTED_BYTES "$`!"              /* inside double quotes */
#define ESCAPED_BYTES "\\\"' "          /* behind a backslash */

static bool is_one_of(char byte, const char *bytes)
{
    return byte != 0 && strchr(bytes, byte) != NULL;
}

static bool is_blank(char byte)
{
    return byte == ' ' || byte == '\t';
}

/* What some readers split at, though a POSIX shell does not. */
static bool is_odd_space(unsigned point)
{
    return point == 0xa0 || point == 0x1680 || (point >= 0x2000 && point <= 0x200a) || point == 0x2028 ||
           point == 0x2029 || point == 0x202f || point == 0x205f || point == 0x3000 || point == 0xfeff;
}

static const char *byte_fault(struct str text)
{
    unsigned point;
    for (size_t at = 0, len; at < text.len; at += len) {
        len = str_utf8_next(text, at, &point);
        if (len == 0)
            return "it is not UTF-8";
        if ((point < ' ' && point != '\t') || (point >= 0x7f && point < 0xa0))
            return "it has a control character in it";
        if (is_odd_space(point))
            return "it has white space in it that is no space";
    }
    return NULL;
}

void command_begin(struct command_words *words, struct str text)
{
    words->text = text;
    words->at = words->len = 0;
    words->fault = text.len > sizeof words->bytes ? "it is too long for a command" : byte_fault(text);
}

static const char *take_backslash(struct command_words *words, bool quoted)
{
    char next = words->at + 1 < words->text.len ? words->text.ptr[words->at + 1] : 0;
    if (!is_one_of(next, ESCAPED_BYTES))
        return "it has a backslash before something else than a backslash, a quote or a space";
    if (quoted && next != '\\' && next != '"') /* inside double quotes it escapes nothing else */
        words->bytes[words->len++] = '\\';
    words->bytes[words->len++] = next;
    words->at += 2;
    return NULL;
}

static const char *take_single(struct command_words *words)
{
    for (words->at++; words->at < words->text.len; words->at++) {
        char byte = words->text.ptr[words->at];
        if (byte == '\'') {
            words->at++;
            return NULL;
        }
        char next = words->at + 1 < words->text.len ? words->text.ptr[words->at + 1] : 0;
        if (byte == '\\' && !is_one_of(next, ESCAPED_BYTES))
            return "it has a backslash before something else than a backslash, a quote or a space";
        words->bytes[words->len++] = byte;
    }
    return "it has an open quote";
}

static const char *take_double(struct command_words *words)
{
    const char *fault = NULL;
    words->at++;
    while (fault == NULL && words->at < words->text.len) {
        char byte = words->text.ptr[words->at];
        if (byte == '"') {
            words->at++;
            return NULL;
        }
        if (is_one_of(byte, QUOTED_BYTES))
            return "it has a byte in double quotes that a shell gives a meaning";
        if (byte == '\\') {
            fault = take_backslash(words, true);
        } else {
            words->bytes[words->len++] = byte;
            words->at++;
        }
    }
    return fault != NULL ? fault : "it has an open quote";
}

static const char *take(struct command_words *words)
{
    char byte = words->text.ptr[words->at];
    if (byte == '\'')
        return take_single(words);
    if (byte == '"')
        return take_double(words);
    if (byte == '\\')
        return take_backslash(words, false);
    if (is_one_of(byte, SHELL_BYTES))
        return "it has a byte outside quotes that a shell gives a meaning";
    words->bytes[words->len++] = byte;
    words->at++;
    return NULL;
}

bool command_next(struct command_words *words, struct str *word)
{
    while (words->at < words->text.len && is_blank(words->text.ptr[words->at]))
        words->at++;
    if (words->fault != NULL || words->at == words->text.len)
        return false;
    size_t start = words->len;
    while (words->fault == NULL && words->at < words->text.len && !is_blank(words->text.ptr[words->at]))
        words->fault = take(words);
    *word = str_of(words->bytes + start, words->len - start);
    return words->fault == NULL;
}

/* "--endpoint-url" also speaks of "--endpoint-url=https://example.com". */
static bool is_forbidden(const struct words *wanted, struct str word)
{
    struct str option = str_starts_with(word, STR("-")) ? str_slice(word, 0, str_find_byte(word, '=')) : word;
    for (size_t i = 0; i < wanted->no_word_count; i++)
        if (pattern_match(&wanted->no_words[i], word) || pattern_match(&wanted->no_words[i], option))
            return true;
    return false;
}

/* The whole string is read, whatever its first words are: what cannot be split is unusable, not merely another one. */
enum answer op_command(struct op_run *run)
{
    const struct words *wanted = run->operand->words;
    OP_BUFFER struct command_words words;
    struct str word;
    bool same = true;
    size_t count = 0;
    command_begin(&words, run->value.text);
    for (; command_next(&words, &word); count++)
        same = same && (count < wanted->count ? pattern_match(&wanted->patterns[count], word) : wanted->rest) &&
               !is_forbidden(wanted, word);
    if (words.fault != NULL)
        return op_unreadable(run, words.fault);
    return answer_of(same && count >= wanted->count);
}
