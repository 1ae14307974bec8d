/* The documents, laid out as a person would. */
#include "recommend/recommend.h"

#include "base/check.h"
#include "base/encode.h"
#include "base/map.h"
#include "json/writer.h"

#include <stdlib.h>

#define WITHHELD_NAMED 8
#define WITHHELD_NAME_BYTES 128
#define SERVER_SHOWN 1024

enum form { FORM_FREE, FORM_LIMIT, FORM_HIDE, FORM_ASK };

struct class_rule {
    enum form form;
    unsigned calls; /* a minute */
    const char *effect;
};

static const struct class_rule rules[] = {
#define CLASS_RULE(class, form, calls, effect) [CLASS_##class] = { FORM_##form, calls, effect },
#include "recommend/classes.def"
#undef CLASS_RULE
};

static const char *const preset_names[] = {
#define P(id, name, text) name,
    PRESETS(P)
#undef P
};

bool preset_from_name(struct str name, enum preset *out)
{
    for (size_t i = 0; i < sizeof(preset_names) / sizeof(preset_names[0]); i++) {
        if (str_eq(name, str_from_c(preset_names[i]))) {
            *out = (enum preset)i;
            return true;
        }
    }
    return false;
}

bool recommend_withholds(uint32_t signals)
{
    return (signals & (1U << SIGNAL_HIDDEN_TEXT | 1U << SIGNAL_INSTRUCTIONS)) != 0;
}

/* What is hidden stays so: that is no less than to have no rule. */
static bool is_withheld(const struct classed_tool *tool)
{
    return recommend_withholds(tool->signals) && rules[tool->class].form != FORM_HIDE;
}

struct str recommend_effect(enum preset preset, enum tool_class class, uint32_t signals)
{
    CHECK(preset == PRESET_STRICT);
    if (is_withheld(&(struct classed_tool){ STR_EMPTY, class, signals }))
        return STR("It has no rule, so every call is denied: its texts hold characters that people do not see, or "
                   "instructions to the model.");
    return str_from_c(rules[class].effect);
}

/* ---- texts ---- */

static void add(struct buf *out, const char *text)
{
    buf_append_str(out, str_from_c(text));
}

static void add_string(struct buf *out, struct str text)
{
    struct json_writer writer;
    json_write_init(&writer, out);
    json_write_string(&writer, text);
}

static struct str lower(struct str name, char *out)
{
    for (size_t i = 0; i < name.len; i++)
        out[i] = (char)(name.ptr[i] >= 'A' && name.ptr[i] <= 'Z' ? name.ptr[i] | 0x20 : name.ptr[i]);
    return str_of(out, name.len);
}

struct range {
    unsigned from, to;
};

/* What is drawn like a Latin letter, digit or sign, and stands for one where Latin letters are around it: marks that
 * combine, phonetics, modifiers, Greek, Cyrillic, Armenian, Cherokee, Coptic, Lisu, Latin extensions of scholars, and
 * punctuation, spaces and operators beside those of ASCII. */
static const struct range look_alikes[] = {
    { 0x131, 0x131 },   { 0x17f, 0x17f },   { 0x250, 0x58f },   { 0x13a0, 0x13ff },   { 0x1c80, 0x1dbf },
    { 0x2000, 0x206f }, { 0x2100, 0x23ff }, { 0x2c60, 0x2cff }, { 0xa4d0, 0xa4ff },   { 0xa640, 0xa69f },
    { 0xa720, 0xa7ff }, { 0xab30, 0xabbf }, { 0xfe50, 0xfe6f }, { 0x10400, 0x1044f },
};

/* Another spelling of Latin letters and of the space, which no language is written with: ligatures, letters in circles,
 * of full width and of mathematics. They are not what they seem in whatever company. */
static const struct range disguises[] = {
    { 0xa0, 0xa0 },     { 0x1680, 0x1680 },   { 0x2000, 0x200a },   { 0x202f, 0x202f },
    { 0x205f, 0x205f }, { 0x2460, 0x24ff },   { 0x3000, 0x3000 },   { 0xfb00, 0xfb06 },
    { 0xff00, 0xff5e }, { 0x1d400, 0x1d7ff }, { 0x1f100, 0x1f1ff },
};

static bool is_in(unsigned point, const struct range *ranges, size_t count)
{
    for (size_t i = 0; i < count && point >= ranges[i].from; i++)
        if (point <= ranges[i].to)
            return true;
    return false;
}

/* Who reads the policy sees what it names: nothing hidden, no space at an end, no look-alikes among Latin letters. */
static bool is_what_it_seems(struct str name)
{
    bool latin = false, look_alike = false;
    unsigned point;

    if (str_starts_with(name, STR(" ")) || str_ends_with(name, STR(" ")))
        return false;
    for (size_t at = 0, len; at < name.len; at += len) {
        len = str_utf8_next(name, at, &point);
        if (len == 0)
            return true; /* no UTF-8: refused as such */
        if (text_is_hidden(point) || is_in(point, disguises, ARRAY_LEN(disguises)))
            return false;
        latin |= (point | 0x20) >= 'a' && (point | 0x20) <= 'z';
        look_alike |= is_in(point, look_alikes, ARRAY_LEN(look_alikes));
    }
    return !latin || !look_alike;
}

/* A selector with '*' is a pattern and one with '@' in front a class: a tool of such a name would open others; and one
 * that is not what it seems would be approved unseen. They fall to the default, which denies. */
static bool is_plain(struct str name)
{
    return name.len > 0 && name.ptr[0] != '@' && str_find_byte(name, '*') == name.len && is_what_it_seems(name);
}

/* ---- the tools, each once ---- */

struct plan {
    struct classed_tool *tools; /* in their order; of two of one name the graver class, and the signals of both */
    size_t count;
    struct map at;      /* name -> its place in `tools` + 1 */
    struct map lowered; /* how often a name in lower case: value 1 or 2 */
    char *lower;        /* the names in lower case, one behind the other */
};

static void plan_release(struct plan *plan)
{
    map_release(&plan->at);
    map_release(&plan->lowered);
    free(plan->tools);
    free(plan->lower);
}

static int plan_add(struct plan *plan, const struct classed_tool *tool, char *lowered)
{
    uintptr_t place = (uintptr_t)map_get(&plan->at, tool->name);
    struct str name = lower(tool->name, lowered);
    int error;

    if (place > 0) {
        struct classed_tool *known = &plan->tools[place - 1];
        if (tool->class > known->class)
            known->class = tool->class;
        known->signals |= tool->signals;
        return 0;
    }
    plan->tools[plan->count++] = *tool;
    error = map_set(&plan->at, tool->name, (void *)(uintptr_t)plan->count); /* a number where the map holds pointers */
    if (!error)
        error = map_set(&plan->lowered, name, map_get(&plan->lowered, name) ? (void *)2 : (void *)1);
    return error;
}

static int plan_init(struct plan *plan, const struct classed_tool *tools, size_t count)
{
    size_t bytes = 0, at = 0;
    int error = 0;

    for (size_t i = 0; i < count; i++)
        bytes += tools[i].name.len;
    *plan = (struct plan){ .tools = calloc(count + 1, sizeof(*plan->tools)), .lower = malloc(bytes + 1) };
    map_init(&plan->at);
    map_init(&plan->lowered);
    if (!plan->tools || !plan->lower)
        error = E_NOMEM;
    for (size_t i = 0; i < count && !error; i++) {
        if (!is_plain(tools[i].name))
            continue;
        error = str_is_utf8(tools[i].name) ? plan_add(plan, &tools[i], plan->lower + at) : E_INVALID;
        at += tools[i].name.len;
    }
    if (error)
        plan_release(plan);
    return error;
}

/* ---- the document ---- */

/* The name in lower case and "_rate", as the field writes counters; as it is where two tools would share one. */
static int add_counter(struct buf *out, const struct plan *plan, struct str name)
{
    char *bytes = malloc(name.len + sizeof("_rate"));
    struct str lowered;

    if (!bytes)
        return E_NOMEM;
    lowered = lower(name, bytes);
    if (map_get(&plan->lowered, lowered) == (void *)2)
        memcpy(bytes, name.ptr, name.len);
    memcpy(bytes + name.len, "_rate", 5);
    add_string(out, str_of(bytes, name.len + 5));
    free(bytes);
    return 0;
}

static int add_rule(struct buf *out, const struct plan *plan, const struct classed_tool *tool)
{
    const struct class_rule *rule = &rules[tool->class];
    int error;

    add(out, "    ");
    add_string(out, tool->name);
    switch (rule->form) {
    case FORM_FREE: add(out, ": {}"); return 0;
    case FORM_ASK:
        add(out, ": { \"deny_if\": [ { \"conditions\": [], \"on_deny\": \"Requires human approval.\" } ] }");
        return 0;
    case FORM_LIMIT:
        add(out, ": { \"limits\": [ { \"counter\": ");
        error = add_counter(out, plan, tool->name);
        buf_printf(out, ", \"window\": \"minute\", \"max\": %u, \"scope\": \"grant\" } ] }", rule->calls);
        return error;
    case FORM_HIDE: break;
    }
    WRONG("a hidden tool has no rule");
}

static void add_hidden(struct buf *out, const struct plan *plan)
{
    const char *between = "\n    ";
    bool any = false;

    for (size_t i = 0; i < plan->count; i++) {
        if (rules[plan->tools[i].class].form != FORM_HIDE)
            continue;
        if (!any)
            add(out, ",\n  \"hide\": [");
        add(out, between);
        add_string(out, plan->tools[i].name);
        between = ",\n    ";
        any = true;
    }
    if (any)
        add(out, "\n  ]");
}

static int add_rules(struct buf *out, const struct plan *plan)
{
    const char *between = "\n";
    bool any = false;
    int error = 0;

    for (size_t i = 0; i < plan->count && !error; i++) {
        if (rules[plan->tools[i].class].form == FORM_HIDE || is_withheld(&plan->tools[i]))
            continue;
        if (!any)
            add(out, ",\n  \"tools\": {");
        add(out, between);
        error = add_rule(out, plan, &plan->tools[i]);
        between = ",\n";
        any = true;
    }
    if (any)
        add(out, "\n  }");
    return error;
}

/* Which tools have no rule for what their texts hold, as far as names are short. */
static void describe_withheld(struct buf *out, const struct plan *plan)
{
    const char *between = " No rule, for texts with hidden characters or instructions to the model:";
    size_t named = 0, more = 0;

    for (size_t i = 0; i < plan->count; i++) {
        if (!is_withheld(&plan->tools[i]))
            continue;
        if (named == WITHHELD_NAMED || plan->tools[i].name.len > WITHHELD_NAME_BYTES) {
            more++;
            continue;
        }
        buf_printf(out, "%s '%" STR_FMT "'", between, STR_ARG(plan->tools[i].name));
        between = ",";
        named++;
    }
    if (more > 0)
        buf_printf(out, "%s %zu%s", between, more, named > 0 ? " more" : "");
    if (named + more > 0)
        add(out, ".");
}

/* A string, and in it what was withheld. */
static int add_description(struct buf *out, const struct plan *plan, struct str description)
{
    struct buf text;
    int error;

    buf_init(&text, 4096);
    buf_append_str(&text, description);
    describe_withheld(&text, plan);
    error = buf_ok(&text) ? 0 : E_LIMIT;
    if (!error && text.len > 0) {
        struct str all = buf_str(&text);
        add(out, ",\n  \"description\": ");
        add_string(out, str_slice(all, *all.ptr == ' ' ? 1 : 0, all.len));
    }
    buf_release(&text);
    return error;
}

static int write_document(struct buf *out, struct str description, const struct classed_tool *tools, size_t count)
{
    struct plan plan;
    int error = plan_init(&plan, tools, count);

    if (error)
        return error;
    add(out, "{\n  \"version\": \"1\"");
    error = add_description(out, &plan, description);
    add(out, ",\n  \"default\": \"deny\"");
    add_hidden(out, &plan);
    if (!error)
        error = add_rules(out, &plan);
    add(out, "\n}\n");
    plan_release(&plan);
    return error ? error : buf_ok(out) ? 0 : E_LIMIT;
}

int recommend_policy(struct buf *out, enum preset preset, struct str server, const struct classed_tool *tools,
                     size_t count)
{
    struct buf description;
    char shown[SERVER_SHOWN];
    int error;

    CHECK(preset == PRESET_STRICT);
    if (!str_is_utf8(server))
        return E_INVALID;
    text_escape(server, shown, sizeof(shown));
    buf_init(&description, 4096);
    buf_printf(&description, "Recommended for %s (%s, classifier %d): edit it; it does not rewrite itself.", shown,
               preset_names[preset], CLASSIFIER_VERSION);
    error = buf_ok(&description) ? write_document(out, buf_str(&description), tools, count) : E_LIMIT;
    buf_release(&description);
    return error;
}

int recommend_for_tool(struct buf *out, enum preset preset, const struct classed_tool *tool)
{
    CHECK(preset == PRESET_STRICT);
    return write_document(out, STR_EMPTY, tool, 1);
}
