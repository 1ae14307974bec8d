/* settings.def applied to one object: names, kinds, choices and bounds. */
#include "base/check.h"
#include "base/nearest.h"
#include "config/reader.h"
#include "config/retention.h"

#include <stdio.h>
#include <stdlib.h>

struct row {
    struct setting_row shown;
    struct str name;
    enum setting_kind kind;
    int64_t low, high;
};

static const struct row rows[] = {
#define SETTING(scope, name, kind, default_text, low, high, unit, text) \
    { { OF_##scope, #name, default_text, unit, text }, { #name, sizeof(#name) - 1 }, KIND_##kind, low, high },
#include "config/settings.def"
#undef SETTING
};

static const struct str client_keys[] = {
#define CLIENT_KEY(name) { name, sizeof(name) - 1 },
#include "config/client_keys.def"
#undef CLIENT_KEY
};

#define CHOICES_MAX 8

const struct setting_row *config_setting(size_t index)
{
    return index < ARRAY_LEN(rows) ? &rows[index].shown : NULL;
}

const char *config_setting_text(const struct setting_row *row, enum setting_scope scope)
{
    if (row->scope == OF_ANY && scope == OF_SERVER)
        return row->text + strlen(row->text) + 1;
    return row->scope == scope || (row->scope == OF_ANY && scope == OF_TOP) ? row->text : NULL;
}

static size_t split_choices(const char *unit, struct str out[CHOICES_MAX])
{
    struct str rest = str_from_c(unit);
    size_t count = 0;
    while (rest.len > 0) {
        size_t end = str_find_byte(rest, '|');
        CHECK(count < CHOICES_MAX);
        out[count++] = str_slice(rest, 0, end);
        rest = str_slice(rest, end < rest.len ? end + 1 : end, rest.len);
    }
    return count;
}

static int choice_index(const struct row *row, struct str word)
{
    struct str choices[CHOICES_MAX];
    size_t count = split_choices(row->shown.unit, choices);
    for (size_t i = 0; i < count; i++) {
        if (str_eq(word, choices[i]))
            return (int)i;
    }
    return -1;
}

/* Whole seconds, or digits with a unit. */
static bool duration_seconds(struct str text, int64_t *seconds)
{
    static const struct {
        char letter;
        int64_t seconds;
    } units[] = { { 's', 1 }, { 'm', 60 }, { 'h', 3600 } };
    unsigned long long count;
    int64_t unit = 1;
    if (text.len > 1) {
        for (size_t i = 0; i < ARRAY_LEN(units); i++) {
            if (text.ptr[text.len - 1] == units[i].letter) {
                unit = units[i].seconds;
                text.len--;
                break;
            }
        }
    }
    if (!str_to_u64(text, 1000000000, &count))
        return false;
    *seconds = (int64_t)count * unit;
    return true;
}

static bool check_text(struct reader *reader, const struct json *value, const char *what)
{
    if (!json_is(value, JSON_STRING)) {
        reader_problem(reader, AT_VALUE, STR_EMPTY, "%s must be a string, this is %s", what,
                       json_kind_name(json_kind(value)));
        return false;
    }
    struct str text = json_string(value);
    if (str_find_byte(text, 0) < text.len) {
        reader_problem(reader, AT_VALUE, STR_EMPTY, "U+0000 cannot be in %s", what);
        return false;
    }
    return true;
}

/* Elements of a wrong type are named, and the others read on. */
static bool check_list(struct reader *reader, const struct json *value)
{
    struct json_iter iter;
    const struct json *element;
    struct str key;
    size_t index = 0;
    if (!json_is(value, JSON_ARRAY)) {
        reader_problem(reader, AT_VALUE, STR_EMPTY, "must be an array of strings, this is %s",
                       json_kind_name(json_kind(value)));
        return false;
    }
    json_iter_init(&iter, value);
    while (json_iter_next(&iter, &key, &element)) {
        size_t mark = reader_enter_index(reader, index++);
        (void)check_text(reader, element, "an element");
        reader_leave(reader, mark);
    }
    return true;
}

static bool check_map(struct reader *reader, const struct json *value)
{
    struct json_iter iter;
    const struct json *member;
    struct str key;
    if (!json_is(value, JSON_OBJECT)) {
        reader_problem(reader, AT_VALUE, STR_EMPTY, "must be an object of strings, this is %s",
                       json_kind_name(json_kind(value)));
        return false;
    }
    json_iter_init(&iter, value);
    while (json_iter_next(&iter, &key, &member)) {
        size_t mark = reader_enter(reader, key);
        (void)check_text(reader, member, "a value");
        reader_leave(reader, mark);
    }
    return true;
}

bool settings_next_text(struct json_iter *iter, struct str *key, const struct json **text, size_t *index)
{
    while (json_iter_next(iter, key, text)) {
        ++*index;
        if (json_is(*text, JSON_STRING))
            return true;
    }
    return false;
}

static bool check_choice(struct reader *reader, const struct row *row, const struct json *value)
{
    struct str choices[CHOICES_MAX];
    size_t count = split_choices(row->shown.unit, choices);
    char words[CHOICES_MAX * 24] = "";
    if (json_is(value, JSON_STRING) && choice_index(row, json_string(value)) >= 0)
        return true;
    struct str fix = STR_EMPTY;
    if (json_is(value, JSON_STRING))
        fix = nearest_word(json_string(value), choices, count);
    for (size_t i = 0, len = 0; i < count && len < sizeof words; i++)
        len += (size_t)snprintf(words + len, sizeof words - len, "%s\"%" STR_FMT "\"",
                                i == 0           ? ""
                                : i + 1 == count ? " or "
                                                 : ", ",
                                STR_ARG(choices[i]));
    reader_problem(reader, AT_VALUE, reader_guess(reader, fix), "must be %s", words);
    return false;
}

static bool check_duration(struct reader *reader, const struct row *row, const struct json *value)
{
    int64_t seconds;
    bool read = json_is(value, JSON_STRING)   ? duration_seconds(json_string(value), &seconds)
                : json_is(value, JSON_NUMBER) ? json_int64(value, &seconds)
                                              : false;
    if (read && seconds >= row->low && seconds <= row->high)
        return true;
    if (read && reader->client_file && json_is(value, JSON_NUMBER) && seconds > row->high) {
        reader_warning(reader, AT_VALUE, STR_EMPTY, "left out: it is milliseconds for a client, and seconds here");
        return false;
    }
    reader_problem(reader, AT_VALUE, STR_EMPTY, "must be %lld to %lld seconds: a whole number, or \"90s\", \"5m\"",
                   (long long)row->low, (long long)row->high);
    return false;
}

static bool check_count(struct reader *reader, const struct row *row, const struct json *value)
{
    int64_t count;
    if (json_is(value, JSON_NUMBER) && json_int64(value, &count) && count >= row->low && count <= row->high)
        return true;
    reader_problem(reader, AT_VALUE, STR_EMPTY, "must be a whole number from %lld to %lld", (long long)row->low,
                   (long long)row->high);
    return false;
}

static bool check_retention(struct reader *reader, const struct json *value)
{
    struct retention retention;
    if (json_is(value, JSON_STRING) && json_string(value).len > 0 && retention_parse(json_string(value), &retention))
        return true;
    reader_problem(
        reader, AT_VALUE, STR_EMPTY,
        "must be an age (\"90d\": s, m, h, d, w), a size (\"10GiB\": MiB, GiB, TiB), or both (\"90d 10GiB\")");
    return false;
}

static bool check_address(struct reader *reader, const struct json *value, const char *example, bool loopback)
{
    struct listen_address address;
    if (!check_text(reader, value, "an address"))
        return false;
    if (listen_address_parse(json_string(value), &address) && (address.loopback || !loopback))
        return true;
    reader_problem(reader, AT_VALUE, reader_text(reader, "write \"%s\"", example),
                   "must be a numeric %saddress and a port", loopback ? "loopback " : "");
    return false;
}

static bool check_value(struct reader *reader, const struct row *row, const struct json *value)
{
    switch (row->kind) {
    case KIND_STRING:
    case KIND_PATH:
        if (!check_text(reader, value, "this"))
            return false;
        if (json_string(value).len > 0)
            return true;
        reader_problem(reader, AT_VALUE, STR_EMPTY, "must not be empty");
        return false;
    case KIND_ADDRESS: return check_address(reader, value, "127.0.0.1:8808", false);
    case KIND_LOOPBACK: return json_is(value, JSON_NULL) || check_address(reader, value, "127.0.0.1:8809", true);
    case KIND_CHOICE: return check_choice(reader, row, value);
    case KIND_LIST: return check_list(reader, value);
    case KIND_MAP: return check_map(reader, value);
    case KIND_DURATION: return check_duration(reader, row, value);
    case KIND_COUNT: return check_count(reader, row, value);
    case KIND_RETENTION: return check_retention(reader, value);
    case KIND_BOOL:
        if (json_is(value, JSON_BOOL))
            return true;
        reader_problem(reader, AT_VALUE, STR_EMPTY, "must be true or false, this is %s",
                       json_kind_name(json_kind(value)));
        return false;
    case KIND_OBJECT:
        if (json_is(value, JSON_OBJECT))
            return true;
        reader_problem(reader, AT_VALUE, STR_EMPTY, "must be an object, this is %s", json_kind_name(json_kind(value)));
        return false;
    }
    WRONG("a kind of setting");
}

static bool is_in(const struct row *row, enum setting_scope scope)
{
    return row->shown.scope == scope || (row->shown.scope == OF_ANY && scope != OF_TLS);
}

static const struct row *find_row(enum setting_scope scope, struct str name)
{
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (is_in(&rows[i], scope) && str_eq(rows[i].name, name))
            return &rows[i];
    }
    return NULL;
}

static struct str nearest_setting(enum setting_scope scope, struct str name)
{
    struct str names[ARRAY_LEN(rows)];
    size_t count = 0;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (is_in(&rows[i], scope))
            names[count++] = rows[i].name;
    }
    return nearest_word(name, names, count);
}

static bool is_client_key(struct str name)
{
    for (size_t i = 0; i < ARRAY_LEN(client_keys); i++) {
        if (str_eq(client_keys[i], name))
            return true;
    }
    return false;
}

/* A client's word for a server that it does not start. */
static bool says_disabled(struct str key, const struct json *value)
{
    if (!json_is(value, JSON_BOOL))
        return false;
    return (str_eq(key, STR("disabled")) && json_bool(value)) || (str_eq(key, STR("enabled")) && !json_bool(value));
}

#define SHOWN_KEYS 8

/* True when the member is the client's own business; else it is a problem. */
static bool let_be(struct reader *reader, enum setting_scope scope, struct str key)
{
    if (scope == OF_SERVER && is_client_key(key))
        return true;
    struct str fix = nearest_setting(scope, key);
    if (reader->client_file && scope != OF_TLS && (scope == OF_TOP || fix.len == 0))
        return true;
    reader_problem(reader, AT_NAME, reader_guess(reader, fix), "unknown setting \"%" STR_FMT "\"", STR_ARG(key));
    return false;
}

void settings_read(struct reader *reader, const struct json *object, enum setting_scope scope, struct settings *out)
{
    struct json_iter iter;
    const struct json *value;
    struct str key, left = STR_EMPTY;
    size_t left_count = 0;

    *out = (struct settings){ .disabled = false };
    json_iter_init(&iter, object);
    while (json_iter_next(&iter, &key, &value)) {
        size_t mark = reader_enter(reader, key);
        const struct row *row = find_row(scope, key);
        if (row) {
            if (check_value(reader, row, value))
                out->of[row - rows] = value;
        } else if (scope == OF_TOP &&
                   (str_eq(key, STR("$schema")) || (reader->client_file && str_eq(key, STR("servers"))))) {
            /* an editor's, and VS Code's word for mcpServers */
        } else if (let_be(reader, scope, key)) {
            out->disabled |= says_disabled(key, value);
            if (left_count++ < SHOWN_KEYS)
                left =
                    reader_text(reader, "%" STR_FMT "%s%" STR_FMT, STR_ARG(left), left.len ? ", " : "", STR_ARG(key));
        }
        reader_leave(reader, mark);
    }
    if (left_count > SHOWN_KEYS)
        left = reader_text(reader, "%" STR_FMT " and %zu more", STR_ARG(left), left_count - SHOWN_KEYS);
    if (left_count > 0)
        reader_warning(reader, AT_VALUE, STR_EMPTY, "the client's own, without meaning here: %" STR_FMT, STR_ARG(left));
}

struct str settings_string(const struct settings *settings, enum setting setting)
{
    const struct json *value = settings->of[setting];
    return value ? json_string(value) : str_from_c(rows[setting].shown.default_text);
}

bool settings_bool(const struct settings *settings, enum setting setting)
{
    const struct json *value = settings->of[setting];
    return value ? json_bool(value) : str_eq(str_from_c(rows[setting].shown.default_text), STR("true"));
}

int settings_choice(const struct settings *settings, enum setting setting)
{
    int index = choice_index(&rows[setting], settings_string(settings, setting));
    CHECK(index >= 0);
    return index;
}

int64_t settings_count(const struct settings *settings, enum setting setting)
{
    const struct json *value = settings->of[setting];
    unsigned long long standing;
    int64_t count;
    if (value && json_int64(value, &count))
        return count;
    CHECK(str_to_u64(str_from_c(rows[setting].shown.default_text), INT64_MAX, &standing));
    return (int64_t)standing;
}

int64_t settings_duration_ms(const struct settings *settings, enum setting setting)
{
    const struct json *value = settings->of[setting];
    int64_t seconds = 0;
    if (json_is(value, JSON_NUMBER))
        CHECK(json_int64(value, &seconds));
    else
        CHECK(duration_seconds(settings_string(settings, setting), &seconds));
    return seconds * 1000;
}
