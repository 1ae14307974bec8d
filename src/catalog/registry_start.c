/* Packages by npx and uvx, remotes by their address. What an entry leaves to its user gets a value that means nothing:
 * no secret is at hand here, and none is asked for. What it says to the runtime itself (runtimeArguments) is not
 * passed. */
#include "catalog/registry_start.h"

#include "base/check.h"
#include "catalog/registry_names.h"
#include "json/writer.h"

#define DOCUMENT_BYTES ((size_t)1 << 20)
#define WORDS_MAX 128
#define DEPTH_MAX 4 /* of variables inside the values of variables */

struct str json_text(const struct json *object, struct str name)
{
    const struct json *node = json_get(object, name);
    return json_is(node, JSON_STRING) ? json_string(node) : STR_EMPTY;
}

static bool is_required(const struct json *input)
{
    const struct json *required = json_get(input, STR("isRequired"));
    return json_is(required, JSON_BOOL) && json_bool(required);
}

/* ---- values ---- */

static struct str stand_in(const struct json *input)
{
    struct str format = json_text(input, STR("format"));
    return str_eq(format, STR("number"))     ? STR("1")
           : str_eq(format, STR("boolean"))  ? STR("false")
           : str_eq(format, STR("filepath")) ? STR(".")
                                             : STR("placeholder");
}

static bool put_value(struct buf *out, const struct json *input, unsigned depth);

/* "{name}" is what the variable of this name is; what is none of them stays as it is. */
static void put_template(struct buf *out, struct str text, const struct json *variables, unsigned depth)
{
    for (size_t at = 0; at < text.len;) {
        struct str rest = str_slice(text, at, text.len);
        size_t open = str_find_byte(rest, '{'), close = str_find_byte(rest, '}');
        const struct json *variable =
            open < close && close < rest.len ? json_get(variables, str_slice(rest, open + 1, close)) : NULL;
        if (variable && depth < DEPTH_MAX) {
            buf_append_str(out, str_slice(rest, 0, open));
            if (!put_value(out, variable, depth + 1))
                buf_append_str(out, stand_in(variable));
            at += close + 1;
        } else {
            buf_append_str(out, str_slice(rest, 0, open + 1));
            at += open < rest.len ? open + 1 : rest.len;
        }
    }
}

/* False: the entry gives none. */
static bool put_value(struct buf *out, const struct json *input, unsigned depth)
{
    const struct json *value = json_get(input, STR("value")), *usual = json_get(input, STR("default"));
    const struct json *choice = json_at(json_get(input, STR("choices")), 0);
    if (value)
        put_template(out, json_string(value), json_get(input, STR("variables")), depth);
    else if (usual)
        buf_append_str(out, json_string(usual));
    else if (choice)
        buf_append_str(out, json_string(choice));
    return value || usual || choice;
}

/* The value, or what stands in for one that must be there; false: it is left out. */
static bool resolve(struct buf *out, const struct json *input)
{
    buf_reset(out);
    if (put_value(out, input, 0))
        return true;
    if (!is_required(input))
        return false;
    buf_append_str(out, stand_in(input));
    return true;
}

/* ---- the document ---- */

static void write_arguments(struct json_writer *writer, const struct json *arguments, struct buf *value)
{
    struct json_iter iter;
    const struct json *argument;
    struct str key;
    json_write_key(writer, STR("arguments"));
    json_write_array(writer);
    json_iter_init(&iter, arguments);
    while (json_iter_next(&iter, &key, &argument)) {
        bool named = str_eq(json_text(argument, STR("type")), STR("named"));
        bool bare = named && !json_get(argument, STR("value")) && !json_get(argument, STR("format")) &&
                    !json_get(argument, STR("valueHint")) && is_required(argument);
        bool given = resolve(value, argument);
        if (!given)
            continue;
        if (named)
            json_write_string(writer, json_text(argument, STR("name")));
        if (!bare)
            json_write_string(writer, buf_str(value));
    }
    json_write_array_end(writer);
}

static void write_variables(struct json_writer *writer, const struct json *variables, struct buf *value)
{
    struct json_iter iter;
    const struct json *variable;
    struct str key;
    json_write_key(writer, STR("variables"));
    json_write_array(writer);
    json_iter_init(&iter, variables);
    while (json_iter_next(&iter, &key, &variable)) {
        if (!resolve(value, variable))
            continue;
        json_write_array(writer);
        json_write_string(writer, json_text(variable, STR("name")));
        json_write_string(writer, buf_str(value));
        json_write_array_end(writer);
    }
    json_write_array_end(writer);
}

static int keep_document(struct arena *arena, struct buf *text, struct registry_entry *out, enum start_kind kind)
{
    out->document = buf_ok(text) ? arena_str(arena, buf_str(text)) : STR_EMPTY;
    if (!buf_ok(text)) {
        out->unstarted = "what it would be started with is too long";
        return 0;
    }
    out->start = kind;
    return out->document.ptr ? 0 : E_NOMEM;
}

static int make_package(const struct json *package, enum start_kind kind, struct arena *arena,
                        struct registry_entry *out)
{
    struct buf text, value;
    struct json_writer writer;
    buf_init(&text, DOCUMENT_BYTES);
    buf_init(&value, DOCUMENT_BYTES);
    json_write_init(&writer, &text);
    json_write_object(&writer);
    json_write_member_string(&writer, STR("registry"), kind == START_NPM ? STR("npm") : STR("pypi"));
    json_write_member_string(&writer, STR("package"), out->package);
    json_write_member_string(&writer, STR("version"), out->package_version);
    struct str base = json_text(package, STR("registryBaseUrl"));
    if (base.len > 0)
        json_write_member_string(&writer, STR("base"), base);
    write_arguments(&writer, json_get(package, STR("packageArguments")), &value);
    write_variables(&writer, json_get(package, STR("environmentVariables")), &value);
    json_write_object_end(&writer);
    int error = keep_document(arena, &text, out, kind);
    buf_release(&value);
    buf_release(&text);
    return error;
}

/* A header that must be there and has no value is a secret that we do not have. */
static bool lacks_header(const struct json *remote)
{
    struct json_iter iter;
    const struct json *header;
    struct str key;
    json_iter_init(&iter, json_get(remote, STR("headers")));
    while (json_iter_next(&iter, &key, &header))
        if (is_required(header) && (!json_get(header, STR("value")) || json_get(header, STR("variables"))))
            return true;
    return false;
}

static int make_remote(const struct json *remote, struct arena *arena, struct registry_entry *out)
{
    struct buf text, value;
    struct json_writer writer;
    if (!str_eq(json_text(remote, STR("type")), STR("streamable-http"))) {
        out->unstarted = "it is reached over SSE alone, which is not spoken here";
        return 0;
    }
    if (str_find_byte(out->url, '{') < out->url.len || lacks_header(remote)) {
        out->unstarted = "reaching it takes a value of its user's: an address or a header";
        return 0;
    }
    buf_init(&text, DOCUMENT_BYTES);
    buf_init(&value, DOCUMENT_BYTES);
    json_write_init(&writer, &text);
    json_write_object(&writer);
    json_write_member_string(&writer, STR("registry"), STR("remote"));
    json_write_member_string(&writer, STR("url"), out->url);
    write_variables(&writer, json_get(remote, STR("headers")), &value);
    json_write_object_end(&writer);
    int error = keep_document(arena, &text, out, START_REMOTE);
    buf_release(&value);
    buf_release(&text);
    return error;
}

/* ---- which of them ---- */

static enum start_kind kind_of_package(const struct json *package)
{
    struct str type = json_text(package, STR("registryType"));
    return str_eq(type, STR("npm")) ? START_NPM : str_eq(type, STR("pypi")) ? START_PYPI : START_NONE;
}

static bool is_stdio(const struct json *package)
{
    return str_eq(json_text(json_get(package, STR("transport")), STR("type")), STR("stdio"));
}

/* What can be started goes before what is only known. */
static int rank_of_package(const struct json *package)
{
    bool known = kind_of_package(package) != START_NONE;
    bool versioned = json_get(package, STR("version")) != NULL;
    return known && is_stdio(package) && versioned ? 4 : known && is_stdio(package) ? 3 : known ? 2 : 1;
}

static const struct json *best_package(const struct json *packages)
{
    struct json_iter iter;
    const struct json *package, *best = NULL;
    struct str key;
    json_iter_init(&iter, packages);
    while (json_iter_next(&iter, &key, &package))
        if (!best || rank_of_package(package) > rank_of_package(best))
            best = package;
    return best;
}

static const struct json *best_remote(const struct json *remotes)
{
    struct json_iter iter;
    const struct json *remote, *best = NULL;
    struct str key;
    json_iter_init(&iter, remotes);
    while (json_iter_next(&iter, &key, &remote))
        if (!best || (!str_eq(json_text(best, STR("type")), STR("streamable-http")) &&
                      str_eq(json_text(remote, STR("type")), STR("streamable-http"))))
            best = remote;
    return best;
}

int start_make(const struct json *entry, struct arena *arena, struct registry_entry *out)
{
    const struct json *package = best_package(json_get(entry, STR("packages")));
    const struct json *remote = best_remote(json_get(entry, STR("remotes")));
    enum start_kind kind = package ? kind_of_package(package) : START_NONE;
    out->registry = package ? json_text(package, STR("registryType")) : remote ? STR("remote") : STR_EMPTY;
    out->package = json_text(package, STR("identifier"));
    out->package_version = json_text(package, STR("version"));
    out->url = json_text(remote, STR("url"));
    if (kind != START_NONE && rank_of_package(package) == 4)
        return make_package(package, kind, arena, out);
    if (remote)
        return make_remote(remote, arena, out);
    out->unstarted = !package             ? "it names neither a package nor a remote"
                     : kind == START_NONE ? "it is no package of npm or PyPI"
                     : !is_stdio(package) ? "its package listens for HTTP instead of speaking over stdio"
                                          : "its package names no version";
    return 0;
}

/* ---- and back ---- */

static bool read_variables(const struct json *root, struct arena *arena, struct start *out)
{
    const struct json *variables = json_get(root, STR("variables")), *pair;
    struct json_iter iter;
    struct str key;
    if (!json_is(variables, JSON_ARRAY) || json_count(variables) > WORDS_MAX)
        return false;
    out->variables = arena_zalloc(arena, (json_count(variables) + 1) * sizeof(*out->variables));
    json_iter_init(&iter, variables);
    while (out->variables && json_iter_next(&iter, &key, &pair)) {
        const struct json *name = json_at(pair, 0), *value = json_at(pair, 1);
        if (!json_is(name, JSON_STRING) || !json_is(value, JSON_STRING))
            return false;
        struct start_variable *one = &out->variables[out->variable_count++];
        *one = (struct start_variable){ json_string(name), json_string(value) };
        const char *why = out->kind == START_REMOTE ? fault_of_header(one->name) : fault_of_variable(one->name);
        if (why || fault_of_argument(one->value) || (out->kind == START_REMOTE && fault_of_header_value(one->value)))
            return false;
    }
    return out->variables != NULL;
}

static bool read_argv(const struct json *root, struct arena *arena, struct start *out)
{
    const struct json *arguments = json_get(root, STR("arguments")), *argument;
    struct str package = json_text(root, STR("package")), version = json_text(root, STR("version"));
    struct json_iter iter;
    struct str key;
    bool npm = out->kind == START_NPM;
    if ((npm ? fault_of_npm_name(package) : fault_of_pypi_name(package)) ||
        (npm ? fault_of_npm_version(version) : fault_of_pypi_version(version)) || !json_is(arguments, JSON_ARRAY) ||
        json_count(arguments) > WORDS_MAX)
        return false;
    out->argv = arena_zalloc(arena, (json_count(arguments) + 4) * sizeof(*out->argv));
    struct str pinned = arena_printf(arena, "%" STR_FMT "@%" STR_FMT, STR_ARG(package), STR_ARG(version));
    if (!out->argv || !pinned.ptr)
        return false;
    out->argv[out->argc++] = npm ? STR("npx") : STR("uvx");
    if (npm) {
        out->argv[out->argc++] = STR("--yes");
        out->argv[out->argc++] = STR("--"); /* what follows is no word for npx */
    }
    out->argv[out->argc++] = pinned;
    json_iter_init(&iter, arguments);
    while (json_iter_next(&iter, &key, &argument)) {
        if (!json_is(argument, JSON_STRING) || fault_of_argument(json_string(argument)))
            return false;
        out->argv[out->argc++] = json_string(argument);
    }
    return true;
}

int start_read(struct str document, struct arena *arena, struct start *out)
{
    struct json_error fault;
    const struct json *root;
    *out = (struct start){ .kind = START_NONE };
    int error = json_parse(arena, document, &json_limits_request, &root, &fault);
    if (error)
        return E_INVALID;
    struct str registry = json_text(root, STR("registry"));
    out->kind = str_eq(registry, STR("npm"))      ? START_NPM
                : str_eq(registry, STR("pypi"))   ? START_PYPI
                : str_eq(registry, STR("remote")) ? START_REMOTE
                                                  : START_NONE;
    out->base_url = json_text(root, STR("base"));
    out->url = json_text(root, STR("url"));
    bool fine = out->kind != START_NONE && read_variables(root, arena, out) &&
                (out->kind == START_REMOTE ? !fault_of_web_url(out->url) : read_argv(root, arena, out));
    return fine ? 0 : E_INVALID;
}
