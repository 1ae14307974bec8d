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

/* What is hidden stays so: that is no less than to have no rule. */
static bool is_withheld(const struct classed_tool *tool)
{
    return signals_mislead(tool->signals) && rules[tool->class].form != FORM_HIDE;
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

/* A selector with '*' is a pattern and one with '@' in front a class: a tool of such a name would open others; and one
 * that is not what it seems would be approved unseen. They fall to the default, which denies. */
static bool is_plain(struct str name)
{
    return name.len > 0 && name.ptr[0] != '@' && str_find_byte(name, '*') == name.len && name_is_what_it_seems(name);
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
