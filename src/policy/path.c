/* The grammar of paths, and one step of walking them. */
#include "policy/path.h"

#include "base/check.h"
#include "base/limits.h"
#include "base/nearest.h"
#include "json/json.h"
#include "policy/decide.h"
#include "policy/zone.h"

static const struct {
    struct str text;
    unsigned kind;
} roots[] = {
#define ROOT(name, text, kind) { STR(text), kind },
    PATH_ROOTS(ROOT)
#undef ROOT
};

#define GUESS_MAX 256 /* bytes of a path that is worth a guess */

struct parser {
    struct str text;
    size_t at;
    struct arena *arena;
    struct path *path;
    struct path_error *error;
};

static int fail(struct parser *parser, const char *text)
{
    parser->error->text = text;
    return E_INVALID;
}

/* What someone who wrote this probably means: a root misspelt, or arguments without their "args.". */
static struct str guess(struct arena *arena, struct str text)
{
    static const struct str starts[] = { STR("params.arguments."), STR("arguments."), STR("params."), STR("$.") };
    if (text.len == 0 || text.len > GUESS_MAX)
        return STR_EMPTY;
    for (size_t i = 0; i < ARRAY_LEN(starts); i++)
        if (str_starts_with(text, starts[i])) {
            struct str rest = str_slice(text, starts[i].len, text.len);
            return arena_printf(arena, "args.%" STR_FMT, STR_ARG(rest));
        }
    size_t first = str_find_byte(text, '.');
    if (first > 1 && first < text.len && nearest_word(str_slice(text, 0, first), &STR("args"), 1).len > 0)
        return arena_printf(arena, "args%" STR_FMT, STR_ARG(str_slice(text, first, text.len)));
    static const struct str alone[] = {
#define ROOT(name, text, kind) STR(text),
        PATH_ROOTS(ROOT)
#undef ROOT
    };
    struct str nearest = nearest_word(text, alone + 1, ARRAY_LEN(alone) - 1);
    if (nearest.len > 0)
        return nearest;
    return arena_printf(arena, "args.%" STR_FMT, STR_ARG(text));
}

static int parse_root(struct parser *parser)
{
    for (size_t i = 0; i < ARRAY_LEN(roots); i++) {
        struct str root = roots[i].text;
        if (!str_starts_with(parser->text, root))
            continue;
        char next = parser->text.len > root.len ? parser->text.ptr[root.len] : '[';
        if (next != '.' && next != '[')
            continue;
        parser->path->root = (enum path_root)i;
        parser->at = root.len;
        return 0;
    }
    if (str_eq(parser->text, STR("grant")) || str_eq(parser->text, STR("session")) ||
        str_eq(parser->text, STR("client")) || str_eq(parser->text, STR("time")))
        return fail(parser, "is not a path");
    parser->error->guess = guess(parser->arena, parser->text);
    return fail(parser, "is not a path");
}

static bool ends_a_name(char byte)
{
    return byte == '.' || byte == '[' || byte == ']' || byte == '"' || byte == '*' || byte == '\\' ||
           (unsigned char)byte <= ' ' || byte == 0x7f;
}

static int parse_member(struct parser *parser, struct path_step *step)
{
    size_t start = ++parser->at;
    while (parser->at < parser->text.len && !ends_a_name(parser->text.ptr[parser->at]))
        parser->at++;
    if (parser->at == start)
        return fail(parser, "has an empty name");
    step->kind = STEP_MEMBER;
    step->member = str_slice(parser->text, start, parser->at);
    return 0;
}

/* ["odd.name"]: a JSON string, read by the one reader. */
static int parse_quoted(struct parser *parser, struct path_step *step)
{
    size_t end = parser->at + 1;
    while (end < parser->text.len && parser->text.ptr[end] != '"')
        end += parser->text.ptr[end] == '\\' ? 2 : 1;
    if (end >= parser->text.len)
        return fail(parser, "has an open quote");
    const struct json *name;
    struct json_error error;
    int rc =
        json_parse(parser->arena, str_slice(parser->text, parser->at, end + 1), &json_limits_policy, &name, &error);
    if (rc == E_NOMEM)
        return rc;
    if (rc != 0 || !json_is(name, JSON_STRING))
        return fail(parser, "has a name in quotes that is no JSON string");
    step->kind = STEP_MEMBER;
    step->member = json_string(name);
    parser->at = end + 1;
    return 0;
}

static int parse_index(struct parser *parser, struct path_step *step)
{
    size_t start = parser->at;
    while (parser->at < parser->text.len && parser->text.ptr[parser->at] >= '0' && parser->text.ptr[parser->at] <= '9')
        parser->at++;
    unsigned long long index;
    if (!str_to_u64(str_slice(parser->text, start, parser->at), LIMIT_request_members, &index))
        return fail(parser, "has an index that is none");
    step->kind = STEP_INDEX;
    step->index = (size_t)index;
    return 0;
}

static int parse_bracket(struct parser *parser, struct path_step *step)
{
    parser->at++;
    char byte = parser->at < parser->text.len ? parser->text.ptr[parser->at] : 0;
    int rc = 0;
    if (byte == ']') {
        step->kind = STEP_EACH_OR_SELF;
    } else if (byte == '*') {
        step->kind = STEP_EACH;
        parser->at++;
    } else if (byte == '"') {
        rc = parse_quoted(parser, step);
    } else {
        rc = parse_index(parser, step);
    }
    if (rc != 0)
        return rc;
    if (parser->at >= parser->text.len || parser->text.ptr[parser->at] != ']')
        return fail(parser, "has an open bracket");
    parser->at++;
    return 0;
}

static bool fits_root(const struct path *path)
{
    if (path->root == ROOT_ARGS)
        return path->count > 0 && path->steps[0].kind == STEP_MEMBER;
    if (path->root == ROOT_GRANT_TAGS)
        return path->count == 0 || (path->count == 1 && path->steps[0].kind != STEP_MEMBER);
    return path->count == 0;
}

int path_parse(struct str text, struct arena *arena, struct path *out, struct path_error *error)
{
    *error = (struct path_error){ .guess = STR_EMPTY };
    *out = (struct path){ .text = text };
    struct parser parser = { .text = text, .arena = arena, .path = out, .error = error };
    int rc = parse_root(&parser);
    if (rc != 0)
        return rc;
    struct path_step steps[LIMIT_json_depth];
    while (parser.at < text.len) {
        if (out->count == ARRAY_LEN(steps))
            return fail(&parser, "is longer than arguments can be deep");
        struct path_step *step = &steps[out->count];
        *step = (struct path_step){ .member = STR_EMPTY };
        if (text.ptr[parser.at] == '.')
            rc = parse_member(&parser, step);
        else if (text.ptr[parser.at] == '[')
            rc = parse_bracket(&parser, step);
        else
            rc = fail(&parser, "has a byte that a name in quotes may have: args[\"odd name\"]");
        if (rc != 0)
            return rc;
        out->count++;
    }
    out->steps = arena_alloc(arena, (out->count + 1) * sizeof *out->steps);
    if (out->steps == NULL)
        return E_NOMEM;
    memcpy(out->steps, steps, out->count * sizeof *steps);
    if (fits_root(out))
        return 0;
    return fail(&parser, out->root == ROOT_ARGS ? "names no argument" : "has no members");
}

unsigned path_kinds(const struct path *path)
{
    if (path->root == ROOT_ARGS)
        return ARG_ANY;
    return path->count > 0 ? ARG_STRING : roots[path->root].kind;
}

static struct value text_value(struct str text)
{
    return text.len > 0 ? value_of_str(text) : (struct value){ .kind = ARG_MISSING };
}

/* A small whole number, as a call would write it. */
static struct value number_value(unsigned number)
{
    static const char digits[] = "01234567891011121314151617181920212223";
    struct str text = number < 10 ? str_of(digits + number, 1) : str_of(digits + 10 + 2 * ((size_t)number - 10), 2);
    CHECK(number < 24);
    return (struct value){ .kind = ARG_NUMBER, .text = text };
}

struct value path_root_value(const struct path *path, const struct question *question, const struct zone *zone)
{
    struct value tags = { .kind = ARG_ARRAY };
    switch (path->root) {
    case ROOT_ARGS: return value_of_json(question->args);
    case ROOT_TOOL: return text_value(question->name);
    case ROOT_SERVER: return text_value(question->server->name);
    case ROOT_CLASS: return value_of_str(class_word(question->class.class));
    case ROOT_GRANT_LABEL: return text_value(question->grant->label);
    case ROOT_GRANT_TAGS:
        tags.items = question->grant->tags;
        tags.count = question->grant->tag_count;
        return tags;
    case ROOT_SESSION_ID: return text_value(question->session);
    case ROOT_CLIENT_NAME: return text_value(question->client);
    case ROOT_TIME_HOUR: return number_value(zone_hour(zone, question->now_ms));
    case ROOT_TIME_WEEKDAY: return number_value(zone_weekday(zone, question->now_ms));
    }
    WRONG("a root that does not exist");
}

bool path_step_take(const struct path_step *step, struct value *value)
{
    if (value->kind == ARG_MISSING)
        return true;
    if (step->kind == STEP_MEMBER) {
        if (value->kind != ARG_OBJECT)
            return false;
        *value = value_of_json(json_get(value->json, step->member));
        return true;
    }
    CHECK(step->kind == STEP_INDEX);
    if (value->kind != ARG_ARRAY)
        return false;
    if (value->json != NULL)
        *value = value_of_json(step->index < json_count(value->json) ? json_at(value->json, step->index) : NULL);
    else if (step->index < value->count)
        *value = value_of_str(value->items[step->index]);
    else
        *value = (struct value){ .kind = ARG_MISSING };
    return true;
}
