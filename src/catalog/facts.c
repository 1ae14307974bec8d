/* Facts written and read. What a line may hold stands in tables; anything else is refused, so that no text gets in. */
#include "catalog/facts.h"

#include "base/check.h"
#include "base/digest.h"
#include "catalog/facts_types.h"
#include "classify/verdict_json.h"
#include "json/json.h"
#include "json/writer.h"

#define NAME_BYTES 256  /* of a tool or a parameter */
#define WORDS_BYTES 160 /* said of evidence */
#define QUOTED_BYTES 80 /* and quoted as such: some words, never a text */
#define QUOTED_WORDS 6
#define REASON_BYTES 160 /* ours */
#define DEFINITION_BYTES ((size_t)64 << 20)

static const char *const hints[] = { "readOnlyHint", "destructiveHint", "idempotentHint", "openWorldHint" };
#define HINT_COUNT (sizeof(hints) / sizeof(hints[0]))

static struct str text_of(const struct json *object, struct str key)
{
    const struct json *node = json_get(object, key);
    return json_is(node, JSON_STRING) ? json_string(node) : STR_EMPTY;
}

int facts_digest(struct str text, char out[FACTS_DIGEST_LEN + 1])
{
    static const char digits[] = "0123456789abcdef";
    struct hasher *hasher;
    struct sha256 digest;
    char *at = out;
    int error = hasher_new(&hasher);
    if (error)
        return error;
    hasher_begin(hasher);
    hasher_add(hasher, text.ptr, text.len);
    hasher_end(hasher, &digest);
    hasher_free(hasher);
    memcpy(at, "sha256:", 7);
    at += 7;
    for (size_t i = 0; i < SHA256_LEN; i++) {
        *at++ = digits[digest.bytes[i] >> 4];
        *at++ = digits[digest.bytes[i] & 15];
    }
    *at = 0;
    return 0;
}

static bool is_digest(struct str text)
{
    if (text.len != FACTS_DIGEST_LEN || !str_starts_with(text, STR("sha256:")))
        return false;
    for (size_t i = 7; i < text.len; i++)
        if (!strchr("0123456789abcdef", text.ptr[i]))
            return false;
    return true;
}

/* ---- in ---- */

enum member_kind { TEXT, NUMBER, BOOLEAN, LIST, OBJECT };

struct member {
    const char *name;
    enum member_kind kind;
    size_t bytes; /* of a text */
};

static const struct member of_server[] = {
    { "facts", NUMBER, 0 },  { "server", TEXT, NAME_BYTES }, { "registry", TEXT, 32 }, { "package", TEXT, NAME_BYTES },
    { "version", TEXT, 64 }, { "url", TEXT, 2048 },          { "scanned", TEXT, 32 },  { "tools", NUMBER, 0 },
};
static const struct member of_tool[] = {
    { "tool", TEXT, NAME_BYTES },
    { "description", TEXT, FACTS_DIGEST_LEN },
    { "parameters", OBJECT, 0 },
    { "required", LIST, 0 },
    { "closed", BOOLEAN, 0 },
    { "annotations", OBJECT, 0 },
    { "class", TEXT, 32 },
    { "severity", TEXT, 32 },
    { "reason", TEXT, REASON_BYTES },
    { "confidence", NUMBER, 0 },
    { "evidence", LIST, 0 },
    { "signals", LIST, 0 },
    { "contradiction", TEXT, REASON_BYTES },
};
static const struct member of_evidence[] = {
    { "source", TEXT, 32 },        { "words", TEXT, WORDS_BYTES }, { "class", TEXT, 32 },
    { "why", TEXT, REASON_BYTES }, { "where", TEXT, WORDS_BYTES },
};

static bool kind_fits(const struct member *member, const struct json *value)
{
    switch (member->kind) {
    case TEXT: return json_is(value, JSON_STRING) && json_string(value).len <= member->bytes;
    case NUMBER: return json_is(value, JSON_NUMBER);
    case BOOLEAN: return json_is(value, JSON_BOOL);
    case LIST: return json_is(value, JSON_ARRAY);
    case OBJECT: return json_is(value, JSON_OBJECT);
    }
    WRONG("a kind that is none");
}

static bool holds_only(const struct json *object, const struct member *members, size_t count)
{
    struct json_iter iter;
    const struct json *value;
    struct str key;
    if (!json_is(object, JSON_OBJECT))
        return false;
    json_iter_init(&iter, object);
    while (json_iter_next(&iter, &key, &value)) {
        size_t at = 0;
        while (at < count && !str_eq(key, str_from_c(members[at].name)))
            at++;
        if (at == count || !kind_fits(&members[at], value))
            return false;
    }
    return true;
}
#define HOLDS_ONLY(object, members) holds_only(object, members, sizeof(members) / sizeof((members)[0]))

bool facts_begin(const struct json *line)
{
    return json_get(line, STR("facts")) != NULL;
}

const char *facts_read_server(const struct json *line, struct catalog_server *out)
{
    int64_t version;
    if (!json_int64(json_get(line, STR("facts")), &version) || version != FACTS_VERSION)
        return "facts of another version";
    if (!HOLDS_ONLY(line, of_server))
        return "it holds what is no fact of a server";
    if (text_of(line, STR("server")).len == 0)
        return "it names no server";
    *out = (struct catalog_server){
        .name = text_of(line, STR("server")),
        .registry = text_of(line, STR("registry")),
        .package = text_of(line, STR("package")),
        .version = text_of(line, STR("version")),
        .url = text_of(line, STR("url")),
        .scanned = text_of(line, STR("scanned")),
        .listed = true,
    };
    return NULL;
}

static bool severity_from_name(struct str name, enum severity *out)
{
    for (int i = SEVERITY_LOW; i <= SEVERITY_CRITICAL; i++) {
        *out = (enum severity)i;
        if (str_eq(name, str_from_c(severity_name(*out))))
            return true;
    }
    return false;
}

static bool class_is_named(struct str name, enum tool_class *out)
{
    return class_from_name(name, out) && str_eq(name, str_from_c(class_name(*out)));
}

static const char *read_evidence(const struct json *list, struct verdict_on_tool *out)
{
    static const enum evidence_source sources[] = {
#define S(id, name, text) EVIDENCE_##id,
        EVIDENCE_SOURCES(S)
#undef S
    };
    struct json_iter iter;
    const struct json *entry;
    struct str key;
    json_iter_init(&iter, list);
    while (json_iter_next(&iter, &key, &entry)) {
        struct evidence *evidence = &out->evidence[out->evidence_count];
        size_t at = 0;
        if (out->evidence_count == EVIDENCE_MAX || !HOLDS_ONLY(entry, of_evidence))
            return "its evidence is no list of quoted words";
        *evidence = (struct evidence){ .words = text_of(entry, STR("words")),
                                       .why = text_of(entry, STR("why")),
                                       .where = text_of(entry, STR("where")) };
        while (at < sizeof(sources) / sizeof(sources[0]) &&
               !str_eq(text_of(entry, STR("source")), str_from_c(evidence_source_name(sources[at]))))
            at++;
        if (at == sizeof(sources) / sizeof(sources[0]) ||
            !class_is_named(text_of(entry, STR("class")), &evidence->class))
            return "its evidence is of no known source or class";
        evidence->source = sources[at];
        out->evidence_count++;
    }
    return NULL;
}

static const char *read_signals(const struct json *list, struct verdict_on_tool *out)
{
    struct json_iter iter;
    const struct json *entry;
    struct str key;
    json_iter_init(&iter, list);
    while (json_iter_next(&iter, &key, &entry)) {
        unsigned at = 0;
        struct str name = json_is(entry, JSON_STRING) ? json_string(entry) : STR_EMPTY;
        while (at < SIGNAL_COUNT && !str_eq(name, str_from_c(signal_name((enum signal)at))))
            at++;
        if (at == SIGNAL_COUNT)
            return "it has a signal that is none";
        out->signals |= 1U << at;
    }
    return NULL;
}

static const char *read_verdict(const struct json *line, struct verdict_on_tool *out)
{
    int64_t confidence;
    *out = (struct verdict_on_tool){ .severity_reason = text_of(line, STR("reason")),
                                     .contradiction = text_of(line, STR("contradiction")) };
    if (!class_is_named(text_of(line, STR("class")), &out->class))
        return "its class is none";
    if (!severity_from_name(text_of(line, STR("severity")), &out->severity))
        return "its severity is none";
    if (!json_int64(json_get(line, STR("confidence")), &confidence) || confidence < 0 || confidence > 100)
        return "its confidence is no per cent";
    out->confidence = (unsigned)confidence;
    const char *fault = read_evidence(json_get(line, STR("evidence")), out);
    return fault ? fault : read_signals(json_get(line, STR("signals")), out);
}

static const char *write_properties(struct json_writer *writer, const struct json *parameters)
{
    struct json_iter iter;
    const struct json *type;
    struct str name;
    json_write_key(writer, STR("properties"));
    json_write_object(writer);
    json_iter_init(&iter, parameters);
    while (json_iter_next(&iter, &name, &type)) {
        if (name.len > NAME_BYTES || !json_is(type, JSON_STRING) || !type_is_word(json_string(type)))
            return "a parameter has no type that is known";
        json_write_key(writer, name);
        type_write_schema(writer, json_string(type));
    }
    json_write_object_end(writer);
    return NULL;
}

/* Names of parameters that stand there. */
static bool is_required_list(const struct json *list, const struct json *parameters)
{
    struct json_iter iter;
    const struct json *name;
    struct str key;
    json_iter_init(&iter, list);
    while (json_iter_next(&iter, &key, &name))
        if (!json_is(name, JSON_STRING) || !json_get(parameters, json_string(name)))
            return false;
    return true;
}

static const char *write_schema(struct json_writer *writer, const struct json *line, const struct json *parameters)
{
    const struct json *required = json_get(line, STR("required")), *closed = json_get(line, STR("closed"));
    json_write_key(writer, STR("inputSchema"));
    json_write_object(writer);
    json_write_member_string(writer, STR("type"), STR("object"));
    const char *fault = write_properties(writer, parameters);
    if (fault)
        return fault;
    if (!is_required_list(required, parameters))
        return "it requires what is no parameter";
    if (required)
        json_write_member_node(writer, STR("required"), required);
    if (closed && json_bool(closed))
        json_write_member_bool(writer, STR("additionalProperties"), false);
    json_write_object_end(writer);
    return NULL;
}

/* The hints among annotations, without a title. */
static void write_hints(struct json_writer *writer, const struct json *annotations)
{
    json_write_key(writer, STR("annotations"));
    json_write_object(writer);
    for (size_t i = 0; i < HINT_COUNT; i++) {
        const struct json *hint = json_get(annotations, str_from_c(hints[i]));
        if (json_is(hint, JSON_BOOL))
            json_write_member_bool(writer, str_from_c(hints[i]), json_bool(hint));
    }
    json_write_object_end(writer);
}

static bool are_hints(const struct json *annotations)
{
    struct json_iter iter;
    const struct json *value;
    struct str key;
    json_iter_init(&iter, annotations);
    while (json_iter_next(&iter, &key, &value)) {
        size_t at = 0;
        while (at < HINT_COUNT && !str_eq(key, str_from_c(hints[at])))
            at++;
        if (at == HINT_COUNT || !json_is(value, JSON_BOOL))
            return false;
    }
    return true;
}

const char *facts_read_tool(const struct json *line, struct buf *definition, struct buf *verdict,
                            struct catalog_tool *out)
{
    const struct json *annotations = json_get(line, STR("annotations")),
                      *parameters = json_get(line, STR("parameters"));
    struct str digest = text_of(line, STR("description"));
    struct verdict_on_tool judged;
    struct json_writer writer;
    if (!HOLDS_ONLY(line, of_tool))
        return "it holds what is no fact of a tool";
    if (digest.len > 0 && !is_digest(digest))
        return "its description is no digest";
    if (annotations && !are_hints(annotations))
        return "its annotations are no hints";
    const char *fault = read_verdict(line, &judged);
    if (fault)
        return fault;
    json_write_init(&writer, definition);
    json_write_object(&writer);
    json_write_member_string(&writer, STR("name"), text_of(line, STR("tool")));
    if (digest.len > 0)
        json_write_member_string(&writer, FACTS_DIGEST_KEY, digest);
    fault = parameters ? write_schema(&writer, line, parameters) : NULL;
    if (fault)
        return fault;
    if (annotations)
        write_hints(&writer, annotations);
    json_write_object_end(&writer);
    json_write_init(&writer, verdict);
    json_write_object(&writer);
    write_verdict(&writer, &judged);
    json_write_object_end(&writer);
    *out = (struct catalog_tool){ .name = text_of(line, STR("tool")),
                                  .class = judged.class,
                                  .severity = judged.severity,
                                  .confidence = judged.confidence,
                                  .signals = judged.signals,
                                  .definition = buf_str(definition),
                                  .verdict = buf_str(verdict) };
    return NULL;
}

/* ---- out ---- */

void facts_write_server(struct buf *out, const struct catalog_server *server, size_t tools)
{
    const struct {
        const char *name;
        struct str value;
    } texts[] = { { "server", server->name },     { "registry", server->registry }, { "package", server->package },
                  { "version", server->version }, { "url", server->url },           { "scanned", server->scanned } };
    struct json_writer writer;
    json_write_init(&writer, out);
    json_write_object(&writer);
    json_write_member_int(&writer, STR("facts"), FACTS_VERSION);
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        if (texts[i].value.len > 0)
            json_write_member_string(&writer, str_from_c(texts[i].name), texts[i].value);
    json_write_member_int(&writer, STR("tools"), (int64_t)tools);
    json_write_object_end(&writer);
    buf_append_byte(out, '\n');
}

static void write_parameters(struct json_writer *writer, const struct json *schema)
{
    const struct json *properties = json_get(schema, STR("properties")), *required = json_get(schema, STR("required"));
    const struct json *open = json_get(schema, STR("additionalProperties")), *value;
    struct json_iter iter;
    struct str name;
    struct buf type;
    buf_init(&type, 128);
    json_write_key(writer, STR("parameters"));
    json_write_object(writer);
    json_iter_init(&iter, json_is(properties, JSON_OBJECT) ? properties : NULL);
    while (json_iter_next(&iter, &name, &value)) {
        if (name.len > NAME_BYTES)
            continue;
        buf_reset(&type);
        type_of_schema(schema, value, &type);
        json_write_member_string(writer, name, buf_str(&type));
    }
    json_write_object_end(writer);
    buf_release(&type);
    if (json_is(required, JSON_ARRAY) && json_count(required) > 0) {
        json_write_key(writer, STR("required"));
        json_write_array(writer);
        json_iter_init(&iter, required);
        while (json_iter_next(&iter, &name, &value))
            if (json_is(value, JSON_STRING) && json_string(value).len <= NAME_BYTES &&
                json_get(properties, json_string(value)))
                json_write_string(writer, json_string(value));
        json_write_array_end(writer);
    }
    if (json_is(open, JSON_BOOL) && !json_bool(open))
        json_write_member_bool(writer, STR("closed"), true);
}

/* Cut where a character ends. */
static struct str some_words(struct str words, size_t most)
{
    if (words.len <= most)
        return words;
    while (most > 0 && ((unsigned char)words.ptr[most] & 0xc0) == 0x80)
        most--;
    return str_slice(words, 0, most);
}

static bool is_space(char byte)
{
    return byte == ' ' || (byte >= '\t' && byte <= '\r');
}

static struct str quoted_words(struct str text)
{
    size_t end = 0;
    for (unsigned words = 0; words < QUOTED_WORDS && end < text.len; words++) {
        while (end < text.len && is_space(text.ptr[end]))
            end++;
        while (end < text.len && !is_space(text.ptr[end]))
            end++;
    }
    return some_words(str_slice(text, 0, end), QUOTED_BYTES);
}

static void write_evidence(struct json_writer *writer, const struct json *list)
{
    struct json_iter iter;
    const struct json *entry;
    struct str key;
    json_write_key(writer, STR("evidence"));
    json_write_array(writer);
    json_iter_init(&iter, list);
    while (json_iter_next(&iter, &key, &entry)) {
        json_write_object(writer);
        for (size_t i = 0; i < sizeof(of_evidence) / sizeof(of_evidence[0]); i++) {
            struct str name = str_from_c(of_evidence[i].name);
            struct str text = text_of(entry, name);
            if (json_get(entry, name))
                json_write_member_string(
                    writer, name, str_eq(name, STR("words")) ? quoted_words(text) : some_words(text, WORDS_BYTES));
        }
        json_write_object_end(writer);
    }
    json_write_array_end(writer);
}

static void write_judgement(struct json_writer *writer, const struct json *verdict)
{
    static const char *const members[] = { "class",    "severity", "reason",       "confidence",
                                           "evidence", "signals",  "contradiction" };
    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
        const struct json *value = json_get(verdict, str_from_c(members[i]));
        if (value && strcmp(members[i], "evidence") == 0)
            write_evidence(writer, value);
        else if (value)
            json_write_member_node(writer, str_from_c(members[i]), value);
    }
}

int facts_write_tool(struct buf *out, const struct catalog_tool *tool)
{
    const struct json *definition, *verdict;
    struct json_error fault;
    struct json_writer writer;
    struct arena arena;
    char digest[FACTS_DIGEST_LEN + 1];
    arena_init(&arena, NULL, DEFINITION_BYTES);
    int error = json_parse(&arena, tool->definition, &json_limits_list, &definition, &fault);
    if (!error)
        error = json_parse(&arena, tool->verdict, &json_limits_list, &verdict, &fault);
    struct str text = error ? STR_EMPTY : text_of(definition, STR("description"));
    struct str kept = error ? STR_EMPTY : text_of(definition, FACTS_DIGEST_KEY);
    if (!error && text.len > 0)
        error = facts_digest(text, digest);
    if (!error) {
        json_write_init(&writer, out);
        json_write_object(&writer);
        json_write_member_string(&writer, STR("tool"), tool->name);
        if (text.len > 0)
            json_write_member_string(&writer, STR("description"), str_from_c(digest));
        else if (is_digest(kept))
            json_write_member_string(&writer, STR("description"), kept);
        if (json_is(json_get(definition, STR("inputSchema")), JSON_OBJECT))
            write_parameters(&writer, json_get(definition, STR("inputSchema")));
        if (json_is(json_get(definition, STR("annotations")), JSON_OBJECT))
            write_hints(&writer, json_get(definition, STR("annotations")));
        write_judgement(&writer, verdict);
        json_write_object_end(&writer);
        buf_append_byte(out, '\n');
    }
    arena_release(&arena);
    return error == E_NOMEM ? error : error ? E_INVALID : buf_ok(out) ? 0 : E_NOMEM;
}

static bool has_digest(struct str definition)
{
    const struct json *root;
    struct json_error fault;
    struct arena arena;
    arena_init(&arena, NULL, DEFINITION_BYTES);
    bool has = json_parse(&arena, definition, &json_limits_list, &root, &fault) == 0 &&
               is_digest(text_of(root, FACTS_DIGEST_KEY));
    arena_release(&arena);
    return has;
}

bool facts_alike(struct str then, struct str now)
{
    if (has_digest(then) == has_digest(now))
        return false;
    const struct catalog_tool sides[] = { { .definition = then, .verdict = STR("{}") },
                                          { .definition = now, .verdict = STR("{}") } };
    struct buf lines[2];
    buf_init(&lines[0], DEFINITION_BYTES);
    buf_init(&lines[1], DEFINITION_BYTES);
    bool alike = facts_write_tool(&lines[0], &sides[0]) == 0 && facts_write_tool(&lines[1], &sides[1]) == 0 &&
                 str_eq(buf_str(&lines[0]), buf_str(&lines[1]));
    buf_release(&lines[0]);
    buf_release(&lines[1]);
    return alike;
}
