/* Sentences that a tool's own definition makes: parameters, evidence, the tools that its description names. */
#include "catalog/page.h"

#include "base/check.h"
#include "catalog/facts.h"
#include "catalog/index_words.h"
#include "catalog/page_html.h"
#include "json/writer.h"

#include <stdlib.h>

#define LISTED_PARAMETERS 6
#define LISTED_VALUES 4

const char *count_word(int64_t count, const char *one, const char *many)
{
    return count == 1 ? one : many;
}

const char *class_means(enum tool_class class)
{
    static const char *const means[] = {
        [CLASS_OTHER] = "none of the others can be told from its definition",
        [CLASS_READ] = "retrieves data without changing state",
        [CLASS_WRITE] = "creates or changes data",
        [CLASS_EXECUTE] = "triggers actions or runs processes; its effects depend on the arguments",
        [CLASS_DESTRUCTIVE] = "permanently removes, or stops what cannot be resumed",
        [CLASS_FINANCIAL] = "moves or commits money",
    };
    return means[class];
}

const char *class_path(enum tool_class class)
{
    static const char *const paths[] = { "other", "read", "write", "execute", "destructive", "financial" };
    return paths[class];
}

static const char *badge_style(enum tool_class class)
{
    static const char *const styles[] = { "low", "low", "medium", "high", "critical", "critical" };
    return styles[class];
}

void put_badge(struct buf *out, enum tool_class class)
{
    html_put(out, "<span class=\"badge %s\">%s · %s</span>", badge_style(class), class_name(class), class_badge(class));
}

void put_severity(struct buf *out, enum severity severity)
{
    html_put(out, "<span class=\"%s\">%s</span>", severity_name(severity), severity_name(severity));
}

void put_class_bar(struct buf *out, const int64_t counts[CLASS_FINANCIAL + 1])
{
    int64_t all = 0, before = 0;
    for (int class = CLASS_FINANCIAL; class >= 0; --class)
        all += counts[class];
    if (all == 0)
        return;
    html_put(out, "<svg class=\"bar\" viewBox=\"0 0 1000 1\" preserveAspectRatio=\"none\" aria-hidden=\"true\">");
    for (int class = CLASS_FINANCIAL; class >= 0; --class) {
        int64_t from = before * 1000 / all, to = (before + counts[class]) * 1000 / all;
        before += counts[class];
        if (to > from)
            buf_printf(out, "<rect class=\"%s\" x=\"%lld\" width=\"%lld\" height=\"1\"/>",
                       class_path((enum tool_class) class), (long long)from, (long long)(to - from));
    }
    html_put(out, "</svg>\n");
}

void put_index_size(struct buf *out, int64_t servers)
{
    int64_t unit = 1;
    while (servers / unit >= 100)
        unit *= 10;
    html_put(out, unit > 1 ? "more than %n servers" : servers == 1 ? "%n server" : "%n servers", servers / unit * unit);
}

static struct str text_of(const struct json *object, struct str key)
{
    const struct json *node = json_get(object, key);
    return json_is(node, JSON_STRING) ? json_string(node) : STR_EMPTY;
}

/* ---- reading ---- */

static bool is_required(const struct json *required, struct str name)
{
    struct json_iter iter;
    const struct json *entry;
    struct str key;
    json_iter_init(&iter, json_is(required, JSON_ARRAY) ? required : NULL);
    while (json_iter_next(&iter, &key, &entry))
        if (json_is(entry, JSON_STRING) && str_eq(json_string(entry), name))
            return true;
    return false;
}

static int read_params(struct tool_page *page, struct arena *arena)
{
    const struct json *properties = json_get(page->schema, STR("properties")), *value;
    const struct json *required = json_get(page->schema, STR("required"));
    struct json_iter iter;
    struct str name;
    if (!json_is(properties, JSON_OBJECT))
        return 0;
    page->params = arena_zalloc(arena, (json_count(properties) + 1) * sizeof(*page->params));
    if (!page->params)
        return E_NOMEM;
    json_iter_init(&iter, properties);
    while (json_iter_next(&iter, &name, &value)) {
        struct param *param = &page->params[page->param_count++];
        *param = (struct param){ name, text_of(value, STR("description")), value, is_required(required, name) };
        page->required_count += param->required;
    }
    return 0;
}

int tool_page_init(struct tool_page *page, struct arena *arena)
{
    struct json_error fault;
    const struct json *definition;
    int error = json_parse(arena, page->tool->definition, &json_limits_list, &definition, &fault);
    if (!error)
        error = json_parse(arena, page->tool->verdict, &json_limits_list, &page->verdict, &fault);
    if (error)
        return error;
    page->title = text_of(definition, STR("title"));
    page->description = str_trim(text_of(definition, STR("description")), " \t\r\n");
    page->undescribed = page->description.len == 0 && !json_get(definition, FACTS_DIGEST_KEY);
    page->schema = json_get(definition, STR("inputSchema"));
    page->reason = text_of(page->verdict, STR("reason"));
    return read_params(page, arena);
}

/* ---- parameters ---- */

static void put_names(struct buf *out, const struct tool_page *page, bool required)
{
    size_t of = required ? page->required_count : page->param_count - page->required_count, listed = 0;
    for (size_t i = 0; i < page->param_count && listed < LISTED_PARAMETERS; i++) {
        if (page->params[i].required != required)
            continue;
        const char *between = listed == 0 ? "" : listed + 1 == of ? " and " : ", ";
        html_put(out, "%s%q", between, page->params[i].name);
        listed++;
    }
    if (of > listed)
        html_put(out, " and %n more", (int64_t)(of - listed));
}

void say_parameters(struct buf *out, const struct tool_page *page)
{
    size_t optional = page->param_count - page->required_count;
    if (!page->schema) {
        html_put(out, "%q says nothing of its parameters: it has no <code>inputSchema</code>.", page->tool->name);
        return;
    }
    if (page->param_count == 0) {
        html_put(out, "The schema of %q names no parameters.", page->tool->name);
        return;
    }
    if (page->required_count > 0) {
        html_put(out, "A call of %q must give ", page->tool->name);
        put_names(out, page, true);
        html_put(out, optional > 0 ? "; it may also give " : ", and nothing else is named in its schema.");
    } else {
        html_put(out, "%q can be called with nothing; its schema names ", page->tool->name);
    }
    if (optional > 0) {
        put_names(out, page, false);
        html_put(out,
                 page->required_count > 0 ? "." : count_word((int64_t)optional, " as optional.", ", all optional."));
    }
}

/* ---- types ---- */

static void put_value(struct buf *out, const struct json *value)
{
    struct buf text;
    struct json_writer writer;
    if (json_is(value, JSON_STRING)) {
        html_put(out, "%q", str_slice(json_string(value), 0, 80));
        return;
    }
    buf_init(&text, 512);
    json_write_init(&writer, &text);
    json_write_node(&writer, value);
    html_put(out, "%q", buf_ok(&text) ? buf_str(&text) : STR("…"));
    buf_release(&text);
}

static void say_values(struct buf *out, const struct json *values)
{
    size_t count = json_count(values), listed = 0;
    struct json_iter iter;
    const struct json *value;
    struct str key;
    html_put(out, count == 1 ? "only " : "one of %n: ", (int64_t)count);
    json_iter_init(&iter, values);
    while (listed < LISTED_VALUES && json_iter_next(&iter, &key, &value)) {
        html_put(out, "%s", listed > 0 ? ", " : "");
        put_value(out, value);
        listed++;
    }
    if (count > listed)
        html_put(out, "%s", " …");
}

static bool say_type_names(struct buf *out, const struct json *type)
{
    struct json_iter iter;
    const struct json *entry;
    struct str key;
    bool any = false;
    if (json_is(type, JSON_STRING)) {
        html_put(out, "%t", json_string(type));
        return true;
    }
    json_iter_init(&iter, json_is(type, JSON_ARRAY) ? type : NULL);
    while (json_iter_next(&iter, &key, &entry)) {
        if (json_is(entry, JSON_STRING)) {
            html_put(out, "%s%t", any ? " or " : "", json_string(entry));
            any = true;
        }
    }
    return any;
}

static bool say_alternatives(struct buf *out, const struct json *alternatives)
{
    struct json_iter iter;
    const struct json *entry, *type;
    struct str key, seen[8];
    size_t count = 0;
    json_iter_init(&iter, json_is(alternatives, JSON_ARRAY) ? alternatives : NULL);
    while (count < ARRAY_LEN(seen) && json_iter_next(&iter, &key, &entry)) {
        type = json_get(entry, STR("type"));
        bool known = !json_is(type, JSON_STRING);
        for (size_t i = 0; i < count && !known; i++)
            known = str_eq(seen[i], json_string(type));
        if (known)
            continue;
        seen[count] = json_string(type);
        html_put(out, "%s%t", count > 0 ? " or " : "", seen[count]);
        count++;
    }
    return count > 0;
}

void say_type(struct buf *out, const struct json *schema, const struct json *root)
{
    static const struct {
        struct str key;
        const char *say;
    } bounds[] = {
        { { "minimum", 7 }, "from " },
        { { "maximum", 7 }, "up to " },
        { { "minLength", 9 }, "at least long " },
        { { "maxLength", 9 }, "at most long " },
        { { "minItems", 8 }, "at least this many: " },
        { { "maxItems", 8 }, "at most this many: " },
        { { "format", 6 }, "format " },
        { { "pattern", 7 }, "pattern " },
        { { "default", 7 }, "else " },
    };
    const struct json *reference = json_get(schema, STR("$ref")), *values;
    if (json_is(reference, JSON_STRING) && str_starts_with(json_string(reference), STR("#/"))) {
        const struct json *meant = json_pointer(root, str_slice(json_string(reference), 1, json_string(reference).len));
        if (json_is(meant, JSON_OBJECT) && !json_get(meant, STR("$ref")))
            schema = meant;
    }
    if (!say_type_names(out, json_get(schema, STR("type"))) && !say_alternatives(out, json_get(schema, STR("anyOf"))) &&
        !say_alternatives(out, json_get(schema, STR("oneOf"))))
        html_put(out, "%s", "any");
    values = json_get(schema, STR("enum"));
    if (json_is(values, JSON_ARRAY) && json_count(values) > 0) {
        html_put(out, "; ");
        say_values(out, values);
    }
    for (size_t i = 0; i < ARRAY_LEN(bounds); i++) {
        const struct json *bound = json_get(schema, bounds[i].key);
        if (!bound || json_is(bound, JSON_NULL))
            continue;
        html_put(out, "; %s", bounds[i].say);
        put_value(out, bound);
    }
}

/* ---- signals ---- */

static bool has_word(struct str name, const char *const *words)
{
    char folded[KIND_MAX + 1];
    struct str word;
    size_t at = 0;
    while ((word = next_word(name, &at)).len > 0) {
        struct str low = slug_of(str_slice(word, 0, SLUG_MAX), folded);
        for (size_t i = 0; words[i]; i++)
            if (str_eq(low, str_from_c(words[i])))
                return true;
    }
    return false;
}

const struct param *param_of_signal(const struct tool_page *page, enum signal signal)
{
    static const char *const urls[] = { "url", "urls", "uri", "uris", "link", "endpoint", "webhook", "href", NULL };
    static const char *const paths[] = { "path",     "paths", "file",      "files",  "filename",
                                         "filepath", "dir",   "directory", "folder", NULL };
    static const char *const codes[] = { "code",   "sql",        "query",    "command",   "cmd",
                                         "script", "expression", "function", "statement", NULL };
    static const char *const secrets[] = { "key",         "token",  "secret", "password", "credential",
                                           "credentials", "apikey", "auth",   NULL };
    static const char *const sums[] = { "amount", "price", "sum", "value", "total", NULL };
    static const char *const forces[] = { "force", "recursive", "confirm", "purge", "yes", NULL };
    static const char *const many[] = { "ids", "all", "items", "list", "batch", "emails", "users", NULL };
    static const char *const markup[] = { "html", "template", "body", "content", NULL };
    static const char *const people[] = { "email", "user", "phone", "person", "contact", "name", NULL };
    static const char *const *const words[SIGNAL_COUNT] = {
        [SIGNAL_URL] = urls,
        [SIGNAL_FILE_PATH] = paths,
        [SIGNAL_FREE_CODE] = codes,
        [SIGNAL_CREDENTIALS] = secrets,
        [SIGNAL_MONEY] = sums,
        [SIGNAL_FORCE] = forces,
        [SIGNAL_BULK] = many,
        [SIGNAL_RAW_MARKUP] = markup,
        [SIGNAL_PERSONAL_DATA] = people,
    };
    for (size_t i = 0; words[signal] && i < page->param_count; i++)
        if (has_word(page->params[i].name, words[signal]))
            return &page->params[i];
    return NULL;
}

void say_signal_place(struct buf *out, const struct tool_page *page, uint32_t signals)
{
    for (unsigned i = 0; i < SIGNAL_COUNT; i++) {
        if (!(signals >> i & 1))
            continue;
        const struct param *param = param_of_signal(page, (enum signal)i);
        html_put(out, "it %s", signal_text((enum signal)i));
        if (param)
            html_put(out, " (%q)", param->name);
        return;
    }
}

/* "the name of X has …" for the first piece of evidence. */
void say_evidence(struct buf *out, const struct tool_page *page)
{
    const struct json *first = json_at(json_get(page->verdict, STR("evidence")), 0);
    struct str source = text_of(first, STR("source"));
    if (!first) {
        html_put(out, "nothing in its definition says what %q does", page->tool->name);
        return;
    }
    html_put(out, "its %t has “%t”, which %t", source, text_of(first, STR("words")), text_of(first, STR("why")));
}

/* ---- siblings ---- */

/* A whole word of the text. */
static bool names(struct str text, struct str name)
{
    for (size_t from = 0; from + name.len <= text.len;) {
        size_t found = from + str_find(str_slice(text, from, text.len), name);
        if (found + name.len > text.len)
            return false;
        char before = found > 0 ? text.ptr[found - 1] : ' ';
        char behind = found + name.len < text.len ? text.ptr[found + name.len] : ' ';
        size_t at = 0;
        bool joined = before == '_' || before == '-' || behind == '_' || behind == '-' ||
                      next_word(str_of(&before, 1), &at).len > 0;
        at = 0;
        if (!joined && next_word(str_of(&behind, 1), &at).len == 0)
            return true;
        from = found + name.len;
    }
    return false;
}

/* A name of one common word would be found everywhere. */
static bool is_telling(struct str name)
{
    size_t at = 0;
    return name.len >= 6 && next_word(name, &at).len < name.len;
}

bool say_siblings(struct buf *out, const struct tool_page *page)
{
    size_t told = 0;
    for (size_t i = 0; i < page->sibling_count && told < 4; i++) {
        const struct catalog_tool *sibling = &page->siblings[i];
        if (sibling->id == page->tool->id || !is_telling(sibling->name) || !names(page->description, sibling->name))
            continue;
        html_put(out, told == 0 ? "Its description refers to " : ", ");
        html_put(out, "<a href=\"%t.html\">%q</a> (%s)", sibling->slug, sibling->name, class_name(sibling->class));
        told++;
    }
    if (told > 0)
        html_put(out, ": what one of them may do bears on the other.");
    return told > 0;
}
