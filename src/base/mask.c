/* All forms of all values in one list, by first byte and the longest first; a text is looked at once, from each byte on
 * where a form can begin. What two values cover together is hidden as a whole. */
#include "base/mask.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/check.h"
#include "base/encode.h"
#include "base/limits.h"

#include <stdint.h>
#include <stdlib.h>

#define FORM_MOST (MASK_REACH - 1) /* the byte behind it is looked at too */
#define FORMS_FIRST 32
#define BYTES 256

struct form {
    struct str bytes, shown;
    bool as_word;
};

struct mask {
    struct arena arena;
    struct form *forms;
    size_t count, room;
    size_t from[BYTES + 1]; /* of forms that begin with this byte */
};

/* ---- forms ---- */

static int add(struct mask *mask, const struct form *form)
{
    if (mask->count == mask->room) {
        size_t room = mask->room ? mask->room * 2 : FORMS_FIRST;
        struct form *more = arena_realloc(&mask->arena, mask->forms, mask->room * sizeof(*more), room * sizeof(*more));
        if (!more)
            return E_NOMEM;
        mask->forms = more;
        mask->room = room;
    }
    mask->forms[mask->count++] = *form;
    return 0;
}

/* In parts where it is long, the last one as long as the others; `bytes` stays the caller's. */
static int add_text(struct mask *mask, struct str shown, struct str bytes)
{
    struct str copy;
    int error = 0;
    if (bytes.len < MASK_SURE)
        return 0;
    copy = arena_str(&mask->arena, bytes);
    if (!copy.ptr)
        return E_NOMEM;
    for (size_t at = 0; !error && at < copy.len; at += FORM_MOST) {
        size_t from = at == 0 || copy.len - at >= FORM_MOST ? at : copy.len - FORM_MOST;
        error = add(mask, &(struct form){ str_slice(copy, from, from + FORM_MOST), shown, false });
    }
    return error;
}

static bool is_unreserved(unsigned char c) /* RFC 3986 §2.3 */
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
           c == '_' || c == '~';
}

static void write_url(struct str value, const char *digits, struct buf *out)
{
    for (size_t i = 0; i < value.len; i++) {
        unsigned char c = (unsigned char)value.ptr[i];
        if (!is_unreserved(c)) {
            buf_append_byte(out, '%');
            buf_append_byte(out, digits[c >> 4]);
        }
        buf_append_byte(out, is_unreserved(c) ? (char)c : digits[c & 15]);
    }
}

static void write_json(struct str value, struct buf *out)
{
    for (size_t i = 0; i < value.len; i++) {
        if (value.ptr[i] == '"' || value.ptr[i] == '\\')
            buf_append_byte(out, '\\');
        buf_append_byte(out, value.ptr[i]);
    }
}

/* The characters that are made of this value alone, `offset` bytes (0 to 2) behind a beginning of RFC 4648's groups. */
static void write_base64(struct str value, size_t offset, bool url, struct buf *out)
{
    static const char before[2];
    size_t from = (offset * 8 + 5) / 6, to = (offset + value.len) * 8 / 6, len = offset + value.len;
    char *bytes = malloc(len), *text = malloc(len / 3 * 4 + 4);
    if (bytes && text) {
        memcpy(bytes, before, offset);
        memcpy(bytes + offset, value.ptr, value.len);
        (void)(url ? base64url_encode(bytes, len, text) : base64_encode(bytes, len, text));
        buf_append(out, text + from, to - from);
        explicit_bzero(bytes, len);
        explicit_bzero(text, to);
    } else {
        out->failed = true;
    }
    free(bytes);
    free(text);
}

/* What was just written, where it is none of the forms before. */
static int take(struct mask *mask, struct str shown, struct str plain, struct buf *written)
{
    int error = buf_ok(written) ? 0 : E_NOMEM;
    if (!error && !str_eq(buf_str(written), plain))
        error = add_text(mask, shown, buf_str(written));
    buf_reset(written);
    return error;
}

static int add_line(struct mask *mask, struct str shown, struct str line, struct buf *written)
{
    line = str_trim(line, " \t\r");
    int error = add_text(mask, shown, line);
    if (error || line.len < MASK_SURE)
        return error;
    write_json(line, written);
    error = take(mask, shown, line, written);
    write_url(line, "0123456789ABCDEF", written);
    error = error ? error : take(mask, shown, line, written);
    write_url(line, "0123456789abcdef", written);
    return error ? error : take(mask, shown, line, written);
}

static int add_base64(struct mask *mask, struct str shown, struct str value, struct buf *written)
{
    int error = 0;
    for (size_t offset = 0; !error && offset < 3; offset++) {
        write_base64(value, offset, false, written);
        error = take(mask, shown, value, written);
        write_base64(value, offset, true, written);
        error = error ? error : take(mask, shown, value, written);
    }
    return error;
}

static int add_word(struct mask *mask, const struct mask_word *word, struct buf *written)
{
    struct str value = str_trim(word->value, " \t\r\n"), rest = value;
    struct str shown = arena_str(&mask->arena, word->shown);
    if (!shown.ptr)
        return E_NOMEM;
    if (value.len < MASK_SURE) {
        struct form form = { arena_str(&mask->arena, value), shown, true };
        if (value.len < MASK_LEAST)
            return 0;
        return form.bytes.ptr ? add(mask, &form) : E_NOMEM;
    }
    int error = add_base64(mask, shown, value, written);
    while (!error && rest.len > 0) {
        size_t end = str_find_byte(rest, '\n');
        error = add_line(mask, shown, str_slice(rest, 0, end), written);
        rest = str_slice(rest, end + 1, rest.len);
    }
    return error;
}

static int by_first_byte(const void *a, const void *b)
{
    const struct form *one = a, *other = b;
    unsigned char first = (unsigned char)one->bytes.ptr[0], second = (unsigned char)other->bytes.ptr[0];
    if (first != second)
        return first < second ? -1 : 1;
    return (one->bytes.len < other->bytes.len) - (one->bytes.len > other->bytes.len);
}

static void sort(struct mask *mask)
{
    size_t at = 0;
    qsort(mask->forms, mask->count, sizeof(*mask->forms), by_first_byte);
    for (size_t byte = 0; byte < BYTES; byte++) {
        mask->from[byte] = at;
        while (at < mask->count && (unsigned char)mask->forms[at].bytes.ptr[0] == byte)
            at++;
    }
    mask->from[BYTES] = at;
}

int mask_new(const struct mask_word *words, size_t count, struct mask **out)
{
    struct buf written;
    int error = 0;
    *out = NULL;
    struct mask *mask = calloc(1, sizeof(*mask));
    if (!mask)
        return E_NOMEM;
    arena_init(&mask->arena, NULL, LIMIT_mask_bytes);
    buf_init(&written, LIMIT_mask_bytes);
    for (size_t i = 0; !error && i < count; i++)
        error = add_word(mask, &words[i], &written);
    if (written.ptr)
        explicit_bzero(written.ptr, written.cap);
    buf_release(&written);
    if (error || mask->count == 0) {
        mask_free(mask);
        return error;
    }
    sort(mask);
    *out = mask;
    return 0;
}

void mask_free(struct mask *mask)
{
    if (!mask)
        return;
    for (size_t i = 0; i < mask->count; i++) {
        void *bytes;
        memcpy(&bytes, &mask->forms[i].bytes.ptr, sizeof(bytes)); /* the arena's copy */
        explicit_bzero(bytes, mask->forms[i].bytes.len);
    }
    arena_release(&mask->arena);
    free(mask);
}

/* ---- texts ---- */

static bool is_of_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/* The longest form that begins `text`; NULL: none. */
static const struct form *find(const struct mask *mask, struct str text, char before)
{
    unsigned char first = (unsigned char)text.ptr[0];
    for (size_t i = mask->from[first]; i < mask->from[first + 1]; i++) {
        const struct form *form = &mask->forms[i];
        if (!str_starts_with(text, form->bytes))
            continue;
        bool apart = !is_of_word(before) && (text.len == form->bytes.len || !is_of_word(text.ptr[form->bytes.len]));
        if (!form->as_word || apart)
            return form;
    }
    return NULL;
}

size_t mask_part(const struct mask *mask, struct mask_state *state, struct str text, bool end, struct buf *out)
{
    size_t at = 0;
    for (; at < text.len && (end || text.len - at >= MASK_REACH); at++) {
        const struct form *form = find(mask, str_slice(text, at, text.len), state->before);
        if (form && state->covered == 0)
            buf_append_str(out, form->shown);
        if (form && form->bytes.len > state->covered)
            state->covered = form->bytes.len;
        if (state->covered > 0)
            state->covered--;
        else
            buf_append_byte(out, text.ptr[at]);
        state->before = text.ptr[at];
    }
    return at;
}

bool mask_names_secret(struct str name)
{
    static const struct str words[] = { { "token", 5 }, { "secret", 6 }, { "password", 8 },   { "key", 3 },
                                        { "auth", 4 },  { "bearer", 6 }, { "credential", 10 } };
    for (size_t at = 0; at < name.len; at++)
        for (size_t i = 0; i < ARRAY_LEN(words); i++)
            if (str_eq_nocase(str_slice(name, at, at + words[i].len), words[i]))
                return true;
    return false;
}
