/* Line by line: a table's head, or a key and its value, which may go on over lines inside brackets. Tables that are not
 * asked for are read past, but as strictly: a bracket in a string of theirs must not look like a head. */
#include "config/toml.h"

#include "base/limits.h"
#include "base/map.h"
#include "json/writer.h"

#include <stdarg.h>
#include <stdio.h>

#define KEY_PARTS 8
#define DEPTH_MAX 16
#define PART_MAX 256

struct toml {
    struct str rest;
    size_t line;
    struct toml_fault *fault;
    struct buf scratch;         /* the string being read */
    struct json_writer *writer; /* NULL: read past */
};

struct key {
    char parts[KEY_PARTS][PART_MAX];
    size_t lens[KEY_PARTS];
    size_t count;
};

static PRINTF_LIKE(2, 3) int fail(struct toml *toml, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(toml->fault->text, sizeof(toml->fault->text), format, arguments);
    va_end(arguments);
    toml->fault->line = toml->line;
    return E_SYNTAX;
}

/* ---- bytes ---- */

static int peek(const struct toml *toml)
{
    return toml->rest.len > 0 ? (unsigned char)toml->rest.ptr[0] : -1;
}

static void skip(struct toml *toml, size_t count)
{
    toml->rest = str_slice(toml->rest, count, toml->rest.len);
}

static bool take(struct toml *toml, char c)
{
    if (peek(toml) != (unsigned char)c)
        return false;
    toml->line += c == '\n';
    skip(toml, 1);
    return true;
}

static void skip_spaces(struct toml *toml)
{
    while (peek(toml) == ' ' || peek(toml) == '\t')
        skip(toml, 1);
}

static void skip_comment(struct toml *toml)
{
    skip_spaces(toml);
    if (peek(toml) == '#')
        skip(toml, str_find_byte(toml->rest, '\n'));
}

/* Spaces, comments and line ends, inside brackets. */
static void skip_lines(struct toml *toml)
{
    do {
        skip_comment(toml);
        (void)take(toml, '\r');
    } while (take(toml, '\n'));
}

static int end_line(struct toml *toml)
{
    skip_comment(toml);
    (void)take(toml, '\r');
    if (toml->rest.len == 0 || take(toml, '\n'))
        return 0;
    return fail(toml, "something follows the value");
}

static bool is_bare(int c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

/* ---- strings ---- */

static int add_point(struct toml *toml, unsigned point)
{
    struct buf *out = &toml->scratch;
    if (point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff))
        return fail(toml, "an escape that is no character");
    if (point < 0x80) {
        buf_append_byte(out, (char)point);
        return 0;
    }
    if (point < 0x800) {
        buf_append_byte(out, (char)(0xc0 | point >> 6));
    } else {
        if (point < 0x10000) {
            buf_append_byte(out, (char)(0xe0 | point >> 12));
        } else {
            buf_append_byte(out, (char)(0xf0 | point >> 18));
            buf_append_byte(out, (char)(0x80 | (point >> 12 & 0x3f)));
        }
        buf_append_byte(out, (char)(0x80 | (point >> 6 & 0x3f)));
    }
    buf_append_byte(out, (char)(0x80 | (point & 0x3f)));
    return 0;
}

static int read_hex(struct toml *toml, size_t digits)
{
    unsigned point = 0;
    for (size_t i = 0; i < digits; i++) {
        int c = peek(toml);
        int digit = c >= '0' && c <= '9'                     ? c - '0'
                    : (c | 0x20) >= 'a' && (c | 0x20) <= 'f' ? (c | 0x20) - 'a' + 10
                                                             : -1;
        if (digit < 0)
            return fail(toml, "an escape needs %zu hexadecimal digits", digits);
        point = point << 4 | (unsigned)digit;
        skip(toml, 1);
    }
    return add_point(toml, point);
}

/* Behind the backslash. */
static int read_escape(struct toml *toml, bool multiline)
{
    static const char letters[] = "btnfre\"\\", bytes[] = "\b\t\n\f\r\x1b\"\\";
    int c = peek(toml);
    const char *found = c > 0 ? strchr(letters, c) : NULL;
    if (found) {
        buf_append_byte(&toml->scratch, bytes[found - letters]);
        skip(toml, 1);
        return 0;
    }
    if (c == 'u' || c == 'U') {
        skip(toml, 1);
        return read_hex(toml, c == 'u' ? 4 : 8);
    }
    if (multiline && (c == '\n' || c == '\r' || c == ' ' || c == '\t')) { /* the line goes on */
        bool ended = false;
        for (; (c = peek(toml)) == '\n' || c == '\r' || c == ' ' || c == '\t'; ended |= c == '\n')
            (void)take(toml, (char)c);
        return ended ? 0 : fail(toml, "a backslash with nothing behind it");
    }
    return fail(toml, "an escape that TOML does not have");
}

/* The opening quote is there. "basic", 'literal', and both in threes over lines. */
static int read_string(struct toml *toml, bool keys)
{
    char quote = toml->rest.ptr[0];
    const char three[] = { quote, quote, quote };
    bool multiline = !keys && str_starts_with(toml->rest, str_of(three, 3));
    buf_reset(&toml->scratch);
    skip(toml, multiline ? 3 : 1);
    if (multiline &&
        (take(toml, '\n') || (str_starts_with(toml->rest, STR("\r\n")) && take(toml, '\r') && take(toml, '\n'))))
        buf_reset(&toml->scratch);
    for (;;) {
        int c = peek(toml), error = 0;
        if (c < 0 || (!multiline && c == '\n'))
            return fail(toml, "a string is not closed");
        if (multiline ? str_starts_with(toml->rest, str_of(three, 3)) : c == (unsigned char)quote) {
            skip(toml, multiline ? 3 : 1);
            while (multiline && take(toml, quote)) /* quotes before the three that close it */
                buf_append_byte(&toml->scratch, quote);
            return buf_ok(&toml->scratch) ? 0 : fail(toml, "a string is too long");
        }
        if (c == '\\' && quote == '"') {
            skip(toml, 1);
            error = read_escape(toml, multiline);
        } else if ((c < 0x20 && c != '\t' && c != '\n' && c != '\r') || c == 0x7f) {
            return fail(toml, "a control byte in a string");
        } else {
            buf_append_byte(&toml->scratch, (char)c);
            (void)take(toml, (char)c);
        }
        if (error)
            return error;
    }
}

/* ---- keys ---- */

static int read_part(struct toml *toml, struct key *key)
{
    struct str part;
    size_t len = 0;
    if (key->count == KEY_PARTS)
        return fail(toml, "a key of more than %d parts", KEY_PARTS);
    if (peek(toml) == '"' || peek(toml) == '\'') {
        int error = read_string(toml, true);
        if (error)
            return error;
        part = buf_str(&toml->scratch);
    } else {
        while (len < toml->rest.len && is_bare((unsigned char)toml->rest.ptr[len]))
            len++;
        if (len == 0)
            return fail(toml, "a key is missing");
        part = str_slice(toml->rest, 0, len);
        skip(toml, len);
    }
    if (part.len >= PART_MAX)
        return fail(toml, "a key is too long");
    if (part.len > 0)
        memcpy(key->parts[key->count], part.ptr, part.len);
    key->lens[key->count++] = part.len;
    return 0;
}

static int read_key(struct toml *toml, struct key *key)
{
    key->count = 0;
    do {
        skip_spaces(toml);
        int error = read_part(toml, key);
        if (error)
            return error;
        skip_spaces(toml);
    } while (take(toml, '.'));
    return 0;
}

static struct str part_of(const struct key *key, size_t index)
{
    return str_of(key->parts[index], key->lens[index]);
}

/* ---- values ---- */

static int read_value(struct toml *toml, unsigned depth);

static int read_array(struct toml *toml, unsigned depth)
{
    if (toml->writer)
        json_write_array(toml->writer);
    skip(toml, 1);
    for (;;) {
        skip_lines(toml);
        if (take(toml, ']'))
            break;
        int error = read_value(toml, depth + 1);
        if (error)
            return error;
        skip_lines(toml);
        if (!take(toml, ',') && peek(toml) != ']')
            return fail(toml, "an array needs , or ] here");
    }
    if (toml->writer)
        json_write_array_end(toml->writer);
    return 0;
}

/* Up to the value. */
static int begin_pair(struct toml *toml, struct key *key)
{
    int error = read_key(toml, key);
    if (error)
        return error;
    if (!take(toml, '='))
        return fail(toml, "= is missing behind a key");
    skip_spaces(toml);
    return 0;
}

static int read_member(struct toml *toml, unsigned depth)
{
    struct key key = { .count = 0 };
    int error = begin_pair(toml, &key);
    if (error)
        return error;
    if (toml->writer && key.count > 1)
        return fail(toml, "a dotted key is not understood here: write a table");
    if (toml->writer)
        json_write_key(toml->writer, part_of(&key, 0));
    return read_value(toml, depth);
}

/* Behind the brace, to the one that closes it. */
static int read_members(struct toml *toml, unsigned depth)
{
    skip(toml, 1);
    skip_spaces(toml);
    while (!take(toml, '}')) {
        int error = read_member(toml, depth + 1);
        if (error)
            return error;
        skip_spaces(toml);
        if (take(toml, ','))
            skip_spaces(toml);
        else if (peek(toml) != '}')
            return fail(toml, "a table needs , or } here");
    }
    return 0;
}

static int read_inline(struct toml *toml, unsigned depth)
{
    if (toml->writer)
        json_write_object(toml->writer);
    int error = read_members(toml, depth);
    if (!error && toml->writer)
        json_write_object_end(toml->writer);
    return error;
}

/* true, false, whole numbers; fractions and dates are read past, as text where they are asked for. */
static int read_word(struct toml *toml)
{
    size_t len = 0;
    long long number = 0;
    while (len < toml->rest.len &&
           (is_bare((unsigned char)toml->rest.ptr[len]) || strchr("+.:", toml->rest.ptr[len])) &&
           toml->rest.ptr[len] != 0)
        len++;
    struct str word = str_slice(toml->rest, 0, len);
    if (len == 0)
        return fail(toml, "a value is missing");
    skip(toml, len);
    if (!toml->writer)
        return 0;
    bool is_number = len < 16;
    for (size_t i = 0; is_number && i < len; i++) {
        is_number = word.ptr[i] >= '0' && word.ptr[i] <= '9';
        number = number * 10 + (word.ptr[i] - '0');
    }
    if (str_eq(word, STR("true")) || str_eq(word, STR("false")))
        json_write_bool(toml->writer, word.len == 4);
    else if (is_number)
        json_write_int(toml->writer, number);
    else
        json_write_string(toml->writer, word);
    return 0;
}

static int read_value(struct toml *toml, unsigned depth)
{
    int error;
    if (depth > DEPTH_MAX)
        return fail(toml, "nested too deep");
    switch (peek(toml)) {
    case '"':
    case '\'':
        error = read_string(toml, false);
        if (!error && toml->writer)
            json_write_string(toml->writer, buf_str(&toml->scratch));
        return error;
    case '[': return read_array(toml, depth);
    case '{': return read_inline(toml, depth);
    default: return read_word(toml);
    }
}

/* ---- the servers ---- */

struct server_text { /* members of one, without braces */
    struct buf name, members, env, headers;
    struct json_writer to_members, to_env, to_headers;
    bool open;
};

static void begin_server(struct server_text *server, struct str name)
{
    buf_reset(&server->name);
    buf_append_str(&server->name, name);
    buf_reset(&server->members);
    buf_reset(&server->env);
    buf_reset(&server->headers);
    json_write_init(&server->to_members, &server->members);
    json_write_init(&server->to_env, &server->env);
    json_write_init(&server->to_headers, &server->headers);
    server->open = true;
}

/* Bytes of our writer between braces of our own. */
static void write_table(struct json_writer *writer, const char *key, const struct buf *members)
{
    struct buf whole;
    if (members->len == 0)
        return;
    buf_init(&whole, 2 * (size_t)LIMIT_policy_body);
    buf_append_byte(&whole, '{');
    buf_append_str(&whole, buf_str(members));
    buf_append_byte(&whole, '}');
    json_write_key(writer, str_from_c(key));
    json_write_raw(writer, buf_str(&whole));
    buf_release(&whole);
}

static void end_server(struct server_text *server, struct json_writer *writer)
{
    struct buf whole;
    if (!server->open)
        return;
    server->open = false;
    write_table(&server->to_members, "env", &server->env);
    write_table(&server->to_members, "headers", &server->headers);
    buf_init(&whole, 4 * (size_t)LIMIT_policy_body);
    buf_append_byte(&whole, '{');
    buf_append_str(&whole, buf_str(&server->members));
    buf_append_byte(&whole, '}');
    json_write_key(writer, buf_str(&server->name));
    json_write_raw(writer, buf_str(&whole));
    buf_release(&whole);
}

/* A client's word for what the configuration calls otherwise; NULL: it is its own affair. */
static const char *our_word(struct str key)
{
    static const char *const words[][2] = { { "command", "command" }, { "args", "args" },
                                            { "cwd", "cwd" },         { "url", "url" },
                                            { "enabled", "enabled" }, { "disabled", "disabled" },
                                            { "env_vars", "inherit" } };
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (str_eq(key, str_from_c(words[i][0])))
            return words[i][1];
    return NULL;
}

/* env = { … } and [mcp_servers.NAME.env] say the same. */
static int read_texts(struct toml *toml, struct json_writer *writer)
{
    if (peek(toml) != '{')
        return fail(toml, "must be a table of strings");
    toml->writer = writer;
    int error = read_members(toml, 0);
    toml->writer = NULL;
    return error;
}

/* HTTP fields whose values, or whose token, stand in variables. */
static int read_reference(struct toml *toml, struct json_writer *writer)
{
    struct buf value;
    if (peek(toml) != '"' && peek(toml) != '\'')
        return fail(toml, "must be the name of a variable");
    int error = read_string(toml, false);
    if (error)
        return error;
    buf_init(&value, 1 << 16);
    buf_printf(&value, "Bearer ${%" STR_FMT "}", STR_ARG(buf_str(&toml->scratch)));
    json_write_member_string(writer, STR("Authorization"), buf_str(&value));
    buf_release(&value);
    return 0;
}

static int read_setting(struct toml *toml, struct server_text *server, struct str key)
{
    const char *word = our_word(key);
    if (str_eq(key, STR("env")))
        return read_texts(toml, &server->to_env);
    if (str_eq(key, STR("http_headers")))
        return read_texts(toml, &server->to_headers);
    if (str_eq(key, STR("bearer_token_env_var")))
        return read_reference(toml, &server->to_headers);
    if (!word)
        return read_value(toml, 0);
    json_write_key(&server->to_members, str_from_c(word));
    toml->writer = &server->to_members;
    int error = read_value(toml, 0);
    toml->writer = NULL;
    return error;
}

enum table { TABLE_OTHER, TABLE_SERVER, TABLE_ENV, TABLE_HEADERS };

static enum table table_of(const struct key *key)
{
    if (key->count < 2 || !str_eq(part_of(key, 0), STR("mcp_servers")))
        return TABLE_OTHER;
    if (key->count == 2)
        return TABLE_SERVER;
    if (key->count == 3 && str_eq(part_of(key, 2), STR("env")))
        return TABLE_ENV;
    if (key->count == 3 && str_eq(part_of(key, 2), STR("http_headers")))
        return TABLE_HEADERS;
    return TABLE_OTHER;
}

static int read_head(struct toml *toml, struct server_text *server, struct json_writer *writer, enum table *table)
{
    struct key key = { .count = 0 };
    bool array = str_starts_with(toml->rest, STR("[["));
    skip(toml, array ? 2 : 1);
    int error = read_key(toml, &key);
    if (error)
        return error;
    if (!take(toml, ']') || (array && !take(toml, ']')))
        return fail(toml, "] is missing behind a table's name");
    *table = array ? TABLE_OTHER : table_of(&key);
    if (array && key.count > 0 && str_eq(part_of(&key, 0), STR("mcp_servers")))
        return fail(toml, "mcp_servers is a table of tables: write [mcp_servers.NAME]");
    if (*table == TABLE_OTHER)
        return end_line(toml);
    bool same = server->open && str_eq(buf_str(&server->name), part_of(&key, 1));
    if (*table == TABLE_SERVER || !same) {
        end_server(server, writer);
        begin_server(server, part_of(&key, 1));
    }
    return end_line(toml);
}

static int read_pair(struct toml *toml, struct server_text *server, enum table table)
{
    struct key key = { .count = 0 };
    int error = begin_pair(toml, &key);
    if (error)
        return error;
    if (table == TABLE_OTHER && str_eq(part_of(&key, 0), STR("mcp_servers")))
        return fail(toml, "servers are read from tables: write [mcp_servers.NAME]");
    if (table != TABLE_OTHER && key.count > 1)
        return fail(toml, "a dotted key is not understood here: write a table");
    if (table == TABLE_SERVER) {
        error = read_setting(toml, server, part_of(&key, 0));
    } else {
        toml->writer = table == TABLE_ENV ? &server->to_env : table == TABLE_HEADERS ? &server->to_headers : NULL;
        if (toml->writer)
            json_write_key(toml->writer, part_of(&key, 0));
        error = read_value(toml, 0);
        toml->writer = NULL;
    }
    return error ? error : end_line(toml);
}

static int read_all(struct toml *toml, struct server_text *server, struct json_writer *writer)
{
    enum table table = TABLE_OTHER;
    int error = 0;
    for (skip_lines(toml); !error && toml->rest.len > 0; skip_lines(toml))
        error = peek(toml) == '[' ? read_head(toml, server, writer, &table) : read_pair(toml, server, table);
    if (!error)
        end_server(server, writer);
    return error;
}

int toml_servers(struct str source, struct buf *out, struct toml_fault *fault)
{
    struct toml toml = { .rest = source, .line = 1, .fault = fault };
    struct server_text server = { .open = false };
    struct json_writer writer;
    *fault = (struct toml_fault){ .line = 1, .text = "not UTF-8" };
    if (!str_is_utf8(source))
        return E_SYNTAX;
    buf_init(&toml.scratch, LIMIT_policy_body);
    buf_init(&server.name, PART_MAX);
    buf_init(&server.members, 4 * (size_t)LIMIT_policy_body);
    buf_init(&server.env, LIMIT_policy_body);
    buf_init(&server.headers, LIMIT_policy_body);
    json_write_init(&writer, out);
    json_write_object(&writer);
    int error = read_all(&toml, &server, &writer);
    json_write_object_end(&writer);
    if (!error && !buf_ok(out))
        error = E_LIMIT;
    if (error == E_LIMIT)
        snprintf(fault->text, sizeof(fault->text), "too large");
    buf_release(&toml.scratch);
    buf_release(&server.name);
    buf_release(&server.members);
    buf_release(&server.env);
    buf_release(&server.headers);
    return error;
}
