/* Loading limits: windows, maxima, scopes, costs, the short form rate_limit, concurrency; and a rule's time-out. */
#include "policy/load.h"

#include "base/check.h"
#include "base/limits.h"
#include "base/nearest.h"

#define SECONDS_MAX 315360000u     /* ten years; longer is "total" */
#define SLIDING_SECONDS_MAX 86400u /* each call in it is remembered by its moment */
#define TIMEOUT_SECONDS_MAX 3600

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

/* Calls are counted whole; sums of costs may have decimals. */
static void load_max(struct loader *loader, const struct place *place, const struct json *node, struct limit *out)
{
    struct decimal decimal;
    int64_t max;
    if (out->has_cost) {
        if (decimal_parse(json_number(node), &decimal) == 0 && amount_from_decimal(&decimal, &out->max) == 0)
            return;
        report_error(&loader->report, place, SPOT_VALUE, STR_EMPTY,
                     "must be an amount above 0 with at most 38 digits, 9 of them behind the point");
    } else if (json_int64(node, &max) && max > 0) {
        out->max = (amount)max * AMOUNT_ONE;
    } else {
        report_error(&loader->report, place, SPOT_VALUE, STR_EMPTY, "must be a whole number above 0");
    }
}

/* A path to one value among the arguments. */
static bool load_argument(struct loader *loader, const struct place *place, struct str text, struct path *out)
{
    struct path_error error;
    int rc = path_parse(text, loader->arena, out, &error);
    if (rc == E_NOMEM)
        loader->no_memory = true;
    if (rc == E_INVALID)
        report_error(&loader->report, place, SPOT_VALUE, report_guess(&loader->report, error.guess),
                     "the path \"%" STR_FMT "\" %s", STR_ARG(text), error.text);
    if (rc != 0)
        return false;
    bool one = out->root == ROOT_ARGS;
    for (size_t i = 0; i < out->count; i++)
        one = one && (out->steps[i].kind == STEP_MEMBER || out->steps[i].kind == STEP_INDEX);
    if (!one)
        report_error(&loader->report, place, SPOT_VALUE, STR_EMPTY,
                     "must be one value of the arguments: args.name, args.list[0]");
    return one;
}

static void load_scope(struct loader *loader, const struct place *place, const struct json *node, struct limit *out)
{
    static const struct str words[] = { [SCOPE_GRANT] = STR("grant"),
                                        [SCOPE_SESSION] = STR("session"),
                                        [SCOPE_SERVER] = STR("server"),
                                        [SCOPE_GLOBAL] = STR("global") };
    size_t word;
    if (node == NULL)
        return;
    struct str text = json_string(node);
    if (str_starts_with(text, STR("args.")) || str_starts_with(text, STR("args["))) {
        if (load_argument(loader, place, text, &out->by))
            out->scope = SCOPE_ARGS;
    } else if (load_word(loader, place, node, words, ARRAY_LEN(words), &word)) {
        out->scope = (enum scope_kind)word;
    }
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
        load_max(loader, &at, max, out);
    at = place_member(place, STR("scope"));
    load_scope(loader, &at, schema_get(node, object, STR("scope")), out);
    out->on_deny = load_text(node, object, STR("on_deny"));
}

struct str policy_limit_text(struct str cost, struct str by, struct arena *arena)
{
    struct str text = STR("The limit of calls is reached.");
    if (cost.len > 0 && by.len > 0)
        text = arena_printf(arena, "With this call the sum of %" STR_FMT " for this %" STR_FMT " would pass its limit.",
                            STR_ARG(cost), STR_ARG(by));
    else if (cost.len > 0)
        text = arena_printf(arena, "With this call the sum of %" STR_FMT " would pass its limit.", STR_ARG(cost));
    else if (by.len > 0)
        text = arena_printf(arena, "The limit of calls for this %" STR_FMT " is reached.", STR_ARG(by));
    return text;
}

static void load_standard_text(struct loader *loader, struct limit *limit)
{
    struct str cost = limit->has_cost ? limit->cost.text : STR_EMPTY;
    struct str by = limit->scope == SCOPE_ARGS ? limit->by.text : STR_EMPTY;
    if (limit->on_deny.len > 0)
        return;
    limit->on_deny = policy_limit_text(cost, by, loader->arena);
    if (limit->on_deny.ptr == NULL)
        loader->no_memory = true;
}

static void load_cost(struct loader *loader, const struct place *place, const struct json *node, struct limit *out)
{
    struct place at = place_member(place, STR("cost"));
    const struct json *cost = schema_get(node, SCHEMA_LIMIT, STR("cost"));
    int64_t one;
    if (cost == NULL || (json_is(cost, JSON_NUMBER) && json_int64(cost, &one) && one == 1))
        return;
    if (json_is(cost, JSON_NUMBER))
        report_error(&loader->report, &at, SPOT_VALUE, STR_EMPTY,
                     "must be 1, or what of the arguments a call takes: \"args.amount\"");
    else
        out->has_cost = load_argument(loader, &at, json_string(cost), &out->cost);
}

static void load_algorithm(struct loader *loader, const struct place *place, const struct json *node, struct limit *out)
{
    static const struct str words[] = { [WINDOW_FIXED] = STR("fixed"), [WINDOW_SLIDING] = STR("sliding") };
    struct place at = place_member(place, STR("algorithm"));
    const struct json *algorithm = schema_get(node, SCHEMA_LIMIT, STR("algorithm"));
    size_t word;
    if (algorithm == NULL || !load_word(loader, &at, algorithm, words, ARRAY_LEN(words), &word) || word == WINDOW_FIXED)
        return;
    at = place_member(place, STR("window"));
    if (out->window.kind != WINDOW_SECONDS || out->window.seconds > SLIDING_SECONDS_MAX)
        report_error(&loader->report, &at, SPOT_VALUE, STR_EMPTY, "a sliding window is at most a day long");
    at = place_member(place, STR("max"));
    if (!out->has_cost && out->max > LIMIT_sliding_moments * AMOUNT_ONE)
        report_error(&loader->report, &at, SPOT_VALUE, STR_EMPTY, "a sliding limit takes at most %d calls",
                     LIMIT_sliding_moments);
    at = place_member(place, STR("cost"));
    if (out->has_cost)
        report_error(&loader->report, &at, SPOT_VALUE, STR_EMPTY, "a sliding limit counts calls: its cost is 1");
    out->window.algorithm = WINDOW_SLIDING;
}

static void load_limit(struct loader *loader, const struct place *place, const struct json *node, struct limit *out)
{
    if (!schema_check(&loader->report, place, node, SCHEMA_LIMIT))
        return;
    out->pointer = load_pointer(loader, place);
    const struct json *counter = schema_get(node, SCHEMA_LIMIT, STR("counter"));
    struct place at = place_member(place, STR("counter"));
    if (counter != NULL && json_string(counter).len == 0)
        report_error(&loader->report, &at, SPOT_VALUE, STR_EMPTY, "an empty name: a counter needs one");
    if (counter != NULL)
        out->counter = json_string(counter);
    load_cost(loader, place, node, out);
    load_figures(loader, place, node, SCHEMA_LIMIT, out);
    load_algorithm(loader, place, node, out);
    load_standard_text(loader, out);
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
    out->naming = selector_is_pattern(selector) || selector_is_class(selector) ? NAMED_TOOL_RATE : NAMED_BY_POLICY;
    out->counter = arena_printf(loader->arena, "%" STR_FMT "_rate", STR_ARG(selector));
    if (out->counter.ptr == NULL)
        loader->no_memory = true;
    if (json_is(node, JSON_STRING))
        load_rate_text(loader, place, json_string(node), out);
    else if (!schema_check(&loader->report, place, node, SCHEMA_RATE_LIMIT))
        return;
    else
        load_figures(loader, place, node, SCHEMA_RATE_LIMIT, out);
    load_standard_text(loader, out);
    struct place at = place_member(place, STR("scope"));
    if (out->scope == SCOPE_SESSION)
        report_warning(&loader->report, &at, SPOT_VALUE, STR("\"grant\""),
                       "counted by session: a client that starts a new session starts a new count");
}

static void load_concurrent(struct loader *loader, const struct place *place, const struct json *node,
                            struct limit *out)
{
    out->pointer = load_pointer(loader, place);
    out->naming = NAMED_TOOL;
    out->window = (struct window){ .kind = WINDOW_CONCURRENT };
    load_max(loader, place, node, out);
}

static bool is_one_window(const struct window *a, const struct window *b)
{
    return a->kind == b->kind && a->seconds == b->seconds && a->algorithm == b->algorithm;
}

/* Whether one call can find one identity behind both. Where a protocol has no sessions, the grant is counted; two
 * arguments may have one value. */
static bool may_meet(const struct limit *a, const struct limit *b)
{
    bool by_grant = a->scope <= SCOPE_SESSION && b->scope <= SCOPE_SESSION;
    return (a->scope == b->scope || by_grant) && a->naming == b->naming && str_eq(a->counter, b->counter) &&
           is_one_window(&a->window, &b->window);
}

static bool is_one_cost(const struct limit *a, const struct limit *b)
{
    return a->has_cost == b->has_cost && (!a->has_cost || str_eq(a->cost.text, b->cost.text));
}

/* Held against `count` limits that a call meets before it. */
static void check_costs(struct loader *loader, const struct place *place, const struct limit *limit,
                        const struct limit *others, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!may_meet(limit, &others[i]) || is_one_cost(limit, &others[i]))
            continue;
        report_error(&loader->report, place, SPOT_VALUE, STR("name two counters"),
                     "counts in \"%" STR_FMT "\" as %" STR_FMT " does, but takes another cost", STR_ARG(limit->counter),
                     STR_ARG(others[i].pointer));
        return;
    }
}

static void check_class_cost(struct loader *loader, const struct place *place, const struct selector *a,
                             const struct selector *b)
{
    const struct checks *checks = &((const struct rule *)a->value)->checks;
    const struct checks *others = &((const struct rule *)b->value)->checks;
    struct place rule = place_member(place, a->text), limits = place_member(&rule, STR("limits"));
    for (size_t i = 0; i < checks->limit_count; i++) {
        struct place at = checks->limits[i].in_array ? place_element(&limits, i) : rule;
        check_costs(loader, &at, &checks->limits[i], others->limits, others->limit_count);
    }
}

void load_class_costs(struct loader *loader, const struct place *place)
{
    const struct selectors *tools = &loader->policy->tools;
    for (size_t i = 0; i < CLASS_COUNT; i++) {
        for (size_t j = 0; tools->classes[i] != NULL && j < tools->count; j++)
            check_class_cost(loader, place, tools->classes[i], tools->patterns[j]);
        for (size_t j = 0; tools->classes[i] != NULL && j < i; j++)
            if (tools->classes[j] != NULL)
                check_class_cost(loader, place, tools->classes[i], tools->classes[j]);
    }
}

/* Of `limits`; the other two members have no cost. */
static void load_array(struct loader *loader, const struct place *place, const struct json *array,
                       const struct limit *before, size_t before_count, struct limit *out)
{
    struct json_iter iter;
    struct str key;
    const struct json *node;
    json_iter_init(&iter, array);
    for (size_t at = 0; json_iter_next(&iter, &key, &node); at++) {
        struct place element = place_element(place, at);
        load_limit(loader, &element, node, &out[at]);
        out[at].in_array = true;
        check_costs(loader, &element, &out[at], before, before_count);
        check_costs(loader, &element, &out[at], out, at);
    }
}

void load_limits(struct loader *loader, const struct place *place, const struct json *node, enum schema_object object,
                 struct checks *out)
{
    bool is_rule = object == SCHEMA_RULE;
    const struct checks *all_tools = &loader->policy->all_tools;
    const struct json *array = schema_get(node, object, STR("limits"));
    const struct json *rate_limit = is_rule ? schema_get(node, object, STR("rate_limit")) : NULL;
    const struct json *concurrent = schema_get(node, object, STR("concurrent"));
    size_t in_array = array != NULL ? json_count(array) : 0;
    size_t count = in_array + (rate_limit != NULL) + (concurrent != NULL);
    struct place at = place_member(place, STR("limits"));
    if (count == 0)
        return;
    if (in_array > LIMIT_rule_limits) {
        report_error(&loader->report, &at, SPOT_VALUE, STR_EMPTY, "more than %d limits", LIMIT_rule_limits);
        return;
    }
    struct limit *limits = load_alloc(loader, count * sizeof *limits);
    if (limits == NULL)
        return;
    load_array(loader, &at, array, all_tools->limits, is_rule ? all_tools->limit_count : 0, limits);
    at = place_member(place, STR("rate_limit"));
    if (rate_limit != NULL) {
        load_rate_limit(loader, &at, rate_limit, place->key, &limits[in_array]);
        check_costs(loader, &at, &limits[in_array], all_tools->limits, all_tools->limit_count);
        check_costs(loader, &at, &limits[in_array], limits, in_array);
    }
    at = place_member(place, STR("concurrent"));
    if (concurrent != NULL)
        load_concurrent(loader, &at, concurrent, &limits[count - 1]);
    out->limits = limits;
    out->limit_count = count;
}

/* A whole number of seconds, or digits and one of s, m, h. */
static bool timeout_of(const struct json *node, int64_t *seconds)
{
    static const struct {
        char letter;
        int64_t seconds;
    } units[] = { { 's', 1 }, { 'm', 60 }, { 'h', 3600 } };
    unsigned long long count;
    if (json_is(node, JSON_NUMBER))
        return json_int64(node, seconds);
    struct str text = json_string(node);
    for (size_t i = 0; i < ARRAY_LEN(units); i++)
        if (text.len > 0 && text.ptr[text.len - 1] == units[i].letter &&
            str_to_u64(str_slice(text, 0, text.len - 1), TIMEOUT_SECONDS_MAX, &count)) {
            *seconds = (int64_t)count * units[i].seconds;
            return true;
        }
    return false;
}

void load_timeout(struct loader *loader, const struct place *place, const struct json *node, struct rule *rule)
{
    struct place at = place_member(place, STR("timeout"));
    const struct json *timeout = schema_get(node, SCHEMA_RULE, STR("timeout"));
    int64_t seconds;
    if (timeout == NULL)
        return;
    if (timeout_of(timeout, &seconds) && seconds > 0 && seconds <= TIMEOUT_SECONDS_MAX)
        rule->timeout_ms = seconds * 1000;
    else
        report_error(&loader->report, &at, SPOT_VALUE, STR_EMPTY,
                     "must be 1 to %d seconds: a whole number, or \"30s\", \"5m\"", TIMEOUT_SECONDS_MAX);
}
