/* Loading limits: windows, maxima, scopes, and the short form rate_limit. */
#include "policy/load.h"

#include "base/check.h"
#include "base/nearest.h"

#define SECONDS_MAX 315360000u /* ten years; longer is "total" */

static const struct {
    struct str word;
    enum window_kind kind;
    uint32_t seconds;
} windows[] = {
    { STR("second"), WINDOW_SECONDS, 1 },  { STR("minute"), WINDOW_SECONDS, 60 }, { STR("hour"), WINDOW_SECONDS, 3600 },
    { STR("day"), WINDOW_SECONDS, 86400 }, { STR("week"), WINDOW_WEEK, 0 },       { STR("month"), WINDOW_MONTH, 0 },
    { STR("total"), WINDOW_TOTAL, 0 },
};

static bool window_of_seconds(unsigned long long seconds, struct window *out)
{
    *out = (struct window){ .kind = WINDOW_SECONDS, .seconds = (uint32_t)seconds, .algorithm = WINDOW_FIXED };
    return seconds > 0 && seconds <= SECONDS_MAX;
}

/* A word, or digits and one of m, h, d. */
static bool window_of_text(struct str text, struct window *out)
{
    for (size_t i = 0; i < ARRAY_LEN(windows); i++)
        if (str_eq(windows[i].word, text)) {
            *out = (struct window){ .kind = windows[i].kind, .seconds = windows[i].seconds, .algorithm = WINDOW_FIXED };
            return true;
        }
    unsigned long long count, unit = 0;
    char last = text.len > 0 ? text.ptr[text.len - 1] : 0;
    if (last == 'm')
        unit = 60;
    else if (last == 'h')
        unit = 3600;
    else if (last == 'd')
        unit = 86400;
    return unit > 0 && str_to_u64(str_slice(text, 0, text.len - 1), SECONDS_MAX, &count) &&
           window_of_seconds(count * unit, out);
}

static struct str window_guess(struct loader *loader, struct str text)
{
    struct str words[ARRAY_LEN(windows)];
    for (size_t i = 0; i < ARRAY_LEN(windows); i++)
        words[i] = windows[i].word;
    return report_guess(&loader->report, nearest_word(text, words, ARRAY_LEN(words)));
}

static bool load_window(struct loader *loader, const struct place *place, const struct json *node, struct window *out)
{
    int64_t seconds;
    struct str guess = STR_EMPTY;
    if (json_is(node, JSON_STRING)) {
        if (window_of_text(json_string(node), out))
            return true;
        guess = window_guess(loader, json_string(node));
    } else if (json_int64(node, &seconds) && seconds > 0 && window_of_seconds((unsigned long long)seconds, out)) {
        return true;
    }
    report_error(&loader->report, place, SPOT_VALUE, guess,
                 "not a window: second, minute, hour, day, week, month, total, a whole number of seconds, or \"15m\", "
                 "\"6h\", \"2d\"");
    return false;
}

static bool load_max(struct loader *loader, const struct place *place, const struct json *node, amount *out)
{
    int64_t max;
    if (json_int64(node, &max) && max > 0) {
        *out = (amount)max * AMOUNT_ONE;
        return true;
    }
    report_error(&loader->report, place, SPOT_VALUE, STR_EMPTY, "must be a whole number above 0");
    return false;
}

static void load_scope(struct loader *loader, const struct place *place, const struct json *node, enum scope_kind *out)
{
    static const struct str words[] = { [SCOPE_GRANT] = STR("grant"),
                                        [SCOPE_SESSION] = STR("session"),
                                        [SCOPE_SERVER] = STR("server"),
                                        [SCOPE_GLOBAL] = STR("global") };
    size_t word;
    if (node == NULL)
        return;
    if (str_starts_with(json_string(node), STR("args.")) || str_starts_with(json_string(node), STR("args[")))
        report_error(&loader->report, place, SPOT_VALUE, STR_EMPTY, "counting by an argument is not yet supported");
    else if (load_word(loader, place, node, words, ARRAY_LEN(words), &word))
        *out = (enum scope_kind)word;
}

/* What a limit and the object form of rate_limit have in common. */
static void load_figures(struct loader *loader, const struct place *place, const struct json *node,
                         enum schema_object object, struct limit *out)
{
    struct place at = place_member(place, STR("window"));
    const struct json *window = schema_get(node, object, STR("window"));
    if (window != NULL)
        (void)load_window(loader, &at, window, &out->window);
    at = place_member(place, STR("max"));
    const struct json *max = schema_get(node, object, STR("max"));
    if (max != NULL)
        (void)load_max(loader, &at, max, &out->max);
    at = place_member(place, STR("scope"));
    load_scope(loader, &at, schema_get(node, object, STR("scope")), &out->scope);
    out->on_deny = load_text(node, object, STR("on_deny"));
}

static void load_limit(struct loader *loader, const struct place *place, const struct json *node, struct limit *out)
{
    if (!schema_check(&loader->report, place, node, SCHEMA_LIMIT))
        return;
    out->pointer = load_pointer(loader, place);
    const struct json *counter = schema_get(node, SCHEMA_LIMIT, STR("counter"));
    struct place at = place_member(place, STR("counter"));
    if (counter != NULL && json_string(counter).len == 0)
        report_error(&loader->report, &at, SPOT_VALUE, STR_EMPTY, "a counter has a name");
    if (counter != NULL)
        out->counter = json_string(counter);
    load_figures(loader, place, node, SCHEMA_LIMIT, out);
}

/* "10/minute" */
static void load_rate_text(struct loader *loader, const struct place *place, struct str text, struct limit *out)
{
    size_t slash = str_find_byte(text, '/');
    struct str word = slash < text.len ? str_slice(text, slash + 1, text.len) : STR_EMPTY;
    unsigned long long max;
    bool good = str_to_u64(str_slice(text, 0, slash), INT64_MAX, &max) && max > 0;
    if (good && window_of_text(word, &out->window)) {
        out->max = (amount)max * AMOUNT_ONE;
        return;
    }
    report_error(&loader->report, place, SPOT_VALUE, good ? window_guess(loader, word) : STR_EMPTY,
                 "not a rate: write it as \"10/minute\", \"5/15m\", or {\"max\": 10, \"window\": 60}");
}

static void load_rate_limit(struct loader *loader, const struct place *place, const struct json *node,
                            struct str selector, struct limit *out)
{
    out->pointer = load_pointer(loader, place);
    out->per_tool = selector_is_pattern(selector);
    out->counter = arena_printf(loader->arena, "%" STR_FMT "_rate", STR_ARG(selector));
    if (out->counter.ptr == NULL)
        loader->no_memory = true;
    if (json_is(node, JSON_STRING)) {
        load_rate_text(loader, place, json_string(node), out);
        return;
    }
    if (!schema_check(&loader->report, place, node, SCHEMA_RATE_LIMIT))
        return;
    load_figures(loader, place, node, SCHEMA_RATE_LIMIT, out);
    struct place at = place_member(place, STR("scope"));
    if (out->scope == SCOPE_SESSION)
        report_warning(&loader->report, &at, SPOT_VALUE, STR("\"grant\""),
                       "counted by session: a client that starts a new session starts a new count");
}

void load_limits(struct loader *loader, const struct place *place, const struct json *array,
                 const struct json *rate_limit, struct str selector, struct checks *out)
{
    size_t count = (array != NULL ? json_count(array) : 0) + (rate_limit != NULL);
    if (count == 0)
        return;
    out->limits = load_alloc(loader, count * sizeof *out->limits);
    if (out->limits == NULL)
        return;
    out->limit_count = count;
    struct place limits = place_member(place, STR("limits")), rate = place_member(place, STR("rate_limit"));
    struct json_iter iter;
    struct str key;
    const struct json *node;
    size_t at = 0;
    json_iter_init(&iter, array);
    for (; json_iter_next(&iter, &key, &node); at++) {
        struct place element = place_element(&limits, at);
        load_limit(loader, &element, node, &out->limits[at]);
    }
    if (rate_limit != NULL)
        load_rate_limit(loader, &rate, rate_limit, selector, &out->limits[at]);
}
