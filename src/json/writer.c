/* The one writer. */
#include "json/writer.h"

#include "base/check.h"
#include "json/node.h"

static bool is_plain(char c)
{
    return (unsigned char)c >= 0x20 && c != '"' && c != '\\';
}

static const uint64_t ones = 0x0101010101010101, highs = 0x8080808080808080;

/* Bits of `highs` where one of eight bytes needs an escape. */
static inline uint64_t escapes(uint64_t eight)
{
    uint64_t quote = eight ^ ones * '"', backslash = eight ^ ones * '\\';
    uint64_t needs = ((eight - ones * 0x20) & ~eight) | ((quote - ones) & ~quote) | ((backslash - ones) & ~backslash);
    return needs & highs;
}

/* How many bytes at the start need no escape: eight at a time while none of them does. */
static size_t plain_prefix(struct str s)
{
    size_t at = 0;

    for (uint64_t eight; s.len - at >= sizeof(eight); at += sizeof(eight)) {
        memcpy(&eight, s.ptr + at, sizeof(eight));
        if (escapes(eight))
            break;
    }
    while (at < s.len && is_plain(s.ptr[at]))
        at++;
    return at;
}

static void put_escape(struct buf *out, char c)
{
    static const char bytes[] = "\"\\\b\f\n\r\t", letters[] = "\"\\bfnrt";
    const char *found = c != '\0' ? strchr(bytes, c) : NULL;

    if (found) {
        buf_append_byte(out, '\\');
        buf_append_byte(out, letters[found - bytes]);
    } else {
        buf_printf(out, "\\u%04x", (unsigned char)c);
    }
}

/* `s` is UTF-8. */
static void put_string(struct buf *out, struct str s)
{
    char *to = buf_reserve(out, s.len + 2);
    if (!to)
        return;
    size_t plain = plain_prefix(s);
    to[0] = '"';
    if (plain > 0)
        memcpy(to + 1, s.ptr, plain);
    out->len += 1 + plain;
    while (plain < s.len) {
        put_escape(out, s.ptr[plain]);
        s = str_slice(s, plain + 1, s.len);
        plain = plain_prefix(s);
        buf_append(out, s.ptr, plain);
    }
    buf_append_byte(out, '"');
}

static void put_val_string(struct buf *out, yyjson_val *val)
{
    struct str s = val_text(val);

    if (!val_is_plain(val)) {
        put_string(out, s);
        return;
    }
    char *to = buf_reserve(out, s.len + 2);
    if (!to)
        return;
    to[0] = '"';
    memcpy(to + 1, s.ptr, s.len);
    to[s.len + 1] = '"';
    out->len += s.len + 2;
}

/* As deep as the tree, whose depth had a ceiling when it was parsed. */
static void put_node(struct buf *out, yyjson_val *val)
{
    switch (unsafe_yyjson_get_type(val)) {
    case YYJSON_TYPE_NULL: buf_append_str(out, STR("null")); return;
    case YYJSON_TYPE_BOOL: buf_append_str(out, unsafe_yyjson_get_bool(val) ? STR("true") : STR("false")); return;
    case YYJSON_TYPE_RAW: buf_append_str(out, val_text(val)); return;
    case YYJSON_TYPE_STR: put_val_string(out, val); return;
    case YYJSON_TYPE_ARR:
    case YYJSON_TYPE_OBJ: break;
    default: WRONG("a node of no kind");
    }

    bool object = unsafe_yyjson_is_obj(val);
    size_t left = unsafe_yyjson_get_len(val);
    buf_append_byte(out, object ? '{' : '[');
    for (yyjson_val *at = val + 1; left > 0; left--) {
        if (object) {
            put_val_string(out, at++);
            buf_append_byte(out, ':');
        }
        put_node(out, at);
        if (left > 1) {
            buf_append_byte(out, ',');
            at = val_next(at);
        }
    }
    buf_append_byte(out, object ? '}' : ']');
}

void json_write_init(struct json_writer *writer, struct buf *out)
{
    *writer = (struct json_writer){ .out = out };
}

/* A value or a key comes: with what separates it from the one before. */
static void begin(struct json_writer *writer)
{
    if (writer->comma && !writer->keyed)
        buf_append_byte(writer->out, ',');
    writer->comma = true;
    writer->keyed = false;
}

static void open_container(struct json_writer *writer, char bracket)
{
    begin(writer);
    buf_append_byte(writer->out, bracket);
    writer->comma = false;
}

static void close_container(struct json_writer *writer, char bracket)
{
    CHECK(!writer->keyed);
    buf_append_byte(writer->out, bracket);
    writer->comma = true;
}

void json_write_object(struct json_writer *writer)
{
    open_container(writer, '{');
}

void json_write_object_end(struct json_writer *writer)
{
    close_container(writer, '}');
}

void json_write_array(struct json_writer *writer)
{
    open_container(writer, '[');
}

void json_write_array_end(struct json_writer *writer)
{
    close_container(writer, ']');
}

static void put_checked(struct buf *out, struct str s)
{
    if (str_is_utf8(s))
        put_string(out, s);
    else
        out->failed = true;
}

void json_write_key(struct json_writer *writer, struct str key)
{
    CHECK(!writer->keyed);
    begin(writer);
    put_checked(writer->out, key);
    buf_append_byte(writer->out, ':');
    writer->keyed = true;
}

void json_write_string(struct json_writer *writer, struct str value)
{
    begin(writer);
    put_checked(writer->out, value);
}

void json_write_int(struct json_writer *writer, int64_t value)
{
    char digits[24];
    size_t at = sizeof(digits);
    uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;

    begin(writer);
    do {
        digits[--at] = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest > 0);
    if (value < 0)
        digits[--at] = '-';
    buf_append(writer->out, digits + at, sizeof(digits) - at);
}

void json_write_bool(struct json_writer *writer, bool value)
{
    begin(writer);
    buf_append_str(writer->out, value ? STR("true") : STR("false"));
}

void json_write_null(struct json_writer *writer)
{
    begin(writer);
    buf_append_str(writer->out, STR("null"));
}

void json_write_node(struct json_writer *writer, const struct json *node)
{
    begin(writer);
    put_node(writer->out, node_val(node));
}

void json_write_raw(struct json_writer *writer, struct str written)
{
    begin(writer);
    buf_append_str(writer->out, written);
}

void json_write_member_string(struct json_writer *writer, struct str key, struct str value)
{
    json_write_key(writer, key);
    json_write_string(writer, value);
}

void json_write_member_int(struct json_writer *writer, struct str key, int64_t value)
{
    json_write_key(writer, key);
    json_write_int(writer, value);
}

void json_write_member_bool(struct json_writer *writer, struct str key, bool value)
{
    json_write_key(writer, key);
    json_write_bool(writer, value);
}

void json_write_member_node(struct json_writer *writer, struct str key, const struct json *node)
{
    json_write_key(writer, key);
    json_write_node(writer, node);
}
