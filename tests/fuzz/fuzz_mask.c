/* A text of a server's and two values that it must not show: VALUE|VALUE|CUTS|TEXT. However the text is cut into parts it
 * comes out the same, and no form of a value in it. */
#include "base/buf.h"
#include "base/check.h"
#include "base/encode.h"
#include "base/mask.h"

#include <stdint.h>
#include <stdlib.h>

#define VALUES 2
#define MOST ((size_t)1 << 20)
#define SHOWN STR("\x01")

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct str next_field(struct str *rest)
{
    struct str field = str_slice(*rest, 0, str_find_byte(*rest, '|'));
    *rest = str_slice(*rest, field.len + 1, rest->len);
    return field;
}

/* Part by part; what a part leaves, the next one begins with. No cuts: whole. */
static void show(const struct mask *mask, struct str text, struct str cuts, struct buf *out)
{
    struct mask_state state = { 0 };
    size_t done = 0, come = 0;
    buf_init(out, MOST);
    for (size_t i = 0; done < text.len || come < text.len; i++) {
        come += cuts.len > 0 ? (size_t)(unsigned char)cuts.ptr[i % cuts.len] + 1 : text.len;
        if (come > text.len)
            come = text.len;
        bool end = come == text.len;
        size_t used = mask_part(mask, &state, str_slice(text, done, come), end, out);
        CHECK(used <= come - done);
        done += used;
        CHECK(end ? done == text.len : come - done < MASK_REACH);
    }
    CHECK(buf_ok(out));
}

static void check_gone(struct str shown, struct str form)
{
    CHECK(str_find(shown, form) == shown.len);
}

static void check_url(struct str shown, struct str line, bool upper)
{
    struct buf form;
    buf_init(&form, MOST);
    for (size_t i = 0; i < line.len; i++) {
        unsigned char c = (unsigned char)line.ptr[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                     (c != '\0' && strchr("-._~", c));
        if (plain)
            buf_append_byte(&form, (char)c);
        else
            buf_printf(&form, upper ? "%%%02X" : "%%%02x", c);
    }
    check_gone(shown, buf_str(&form));
    buf_release(&form);
}

static void check_json(struct str shown, struct str line)
{
    struct buf form;
    buf_init(&form, MOST);
    for (size_t i = 0; i < line.len; i++) {
        if (line.ptr[i] == '"' || line.ptr[i] == '\\')
            buf_append_byte(&form, '\\');
        buf_append_byte(&form, line.ptr[i]);
    }
    check_gone(shown, buf_str(&form));
    buf_release(&form);
}

/* Behind "", "a" and "ab": without the characters that hold bits of these, or of what comes behind the value. */
static void check_base64(struct str shown, struct str value)
{
    static const size_t skipped[] = { 0, 2, 3 };
    for (size_t before = 0; before < 3; before++) {
        char *bytes = malloc(before + value.len), *text = malloc((before + value.len) * 2 + 4);
        CHECK(bytes && text);
        memcpy(bytes, "ab", before);
        memcpy(bytes + before, value.ptr, value.len);
        for (int url = 0; url < 2; url++) {
            (void)(url ? base64url_encode(bytes, before + value.len, text)
                       : base64_encode(bytes, before + value.len, text));
            check_gone(shown, str_of(text + skipped[before], (before + value.len) * 8 / 6 - skipped[before]));
        }
        free(bytes);
        free(text);
    }
}

static void check_value(struct str shown, struct str value)
{
    value = str_trim(value, " \t\r\n");
    if (value.len < MASK_SURE)
        return;
    check_base64(shown, value);
    while (value.len > 0) {
        struct str line = str_slice(value, 0, str_find_byte(value, '\n'));
        value = str_slice(value, line.len + 1, value.len);
        line = str_trim(line, " \t\r");
        if (line.len < MASK_SURE)
            continue;
        check_gone(shown, line);
        check_json(shown, line);
        check_url(shown, line, true);
        check_url(shown, line, false);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = str_of((const char *)data, size);
    struct mask_word words[VALUES];
    struct mask *mask;
    struct buf whole, parts;
    bool has_shown = false;
    for (size_t i = 0; i < VALUES; i++) {
        words[i] = (struct mask_word){ SHOWN, next_field(&text) };
        has_shown |= str_find(words[i].value, SHOWN) < words[i].value.len;
    }
    struct str cuts = next_field(&text);
    if (mask_new(words, VALUES, &mask) != 0 || !mask)
        return 0;
    show(mask, text, STR_EMPTY, &whole);
    show(mask, text, cuts, &parts);
    CHECK(str_eq(buf_str(&whole), buf_str(&parts)));
    for (size_t i = 0; i < VALUES && !has_shown; i++)
        check_value(buf_str(&whole), words[i].value);
    buf_release(&whole);
    buf_release(&parts);
    mask_free(mask);
    return 0;
}
