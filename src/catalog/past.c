/* DIRECTORY/DIGEST.json: the tools of the last scan with their pins, class, severity and signals. No secret goes into
 * the digest's fields or the file: what a variable stands for is not among them. */
#include "catalog/past.h"

#include "base/encode.h"
#include "base/limits.h"
#include "base/map.h"
#include "io/file.h"
#include "json/json.h"
#include "json/writer.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>

#define PAST_VERSION 1

int past_directory(const struct environment *environment, struct buf *out)
{
    const char *state = environment->get(environment->arg, "XDG_STATE_HOME");
    const char *home = environment->get(environment->arg, "HOME");
    if (state && state[0] == '/')
        buf_printf(out, "%s/warder/scans", state);
    else if (home && home[0] == '/')
        buf_printf(out, "%s/.local/state/warder/scans", home);
    else
        return E_NOT_FOUND;
    buf_append_byte(out, 0);
    if (buf_ok(out))
        out->len--;
    return buf_ok(out) && out->len + 80 < PATH_MAX ? 0 : E_LIMIT;
}

/* What is started or reached, as it is written: a server of a file by the file and its name too. */
static int path_of(struct str directory, const struct target *target, char out[PATH_MAX])
{
    struct hasher *hasher;
    struct sha256 digest;
    char hex[2 * SHA256_LEN];
    int error = hasher_new(&hasher);
    if (error)
        return error;
    hasher_begin(hasher);
    hasher_add_field(hasher, target->place);
    hasher_add_field(hasher, target->name);
    hasher_add_field(hasher, target->shown);
    hasher_end(hasher, &digest);
    hasher_free(hasher);
    hex_encode(digest.bytes, sizeof(digest.bytes), hex);
    int len = snprintf(out, PATH_MAX, "%" STR_FMT "/%.*s.json", STR_ARG(directory), (int)sizeof(hex), hex);
    return len > 0 && len < PATH_MAX ? 0 : E_LIMIT;
}

/* ---- then ---- */

struct then { /* a tool of the last scan */
    struct str name, digest;
    int64_t class, severity, signals;
    bool seen;
};

static bool read_tool(const struct json *node, struct then *out)
{
    const struct json *name = json_get(node, STR("name")), *digest = json_get(node, STR("digest"));
    if (!json_is(name, JSON_STRING) || !json_is(digest, JSON_STRING))
        return false;
    *out = (struct then){ .name = json_string(name), .digest = json_string(digest) };
    const struct json *class = json_get(node, STR("class")), *severity = json_get(node, STR("severity"));
    const struct json *signals = json_get(node, STR("signals"));
    return json_is(class, JSON_NUMBER) && json_int64(class, &out->class) && json_is(severity, JSON_NUMBER) &&
           json_int64(severity, &out->severity) && json_is(signals, JSON_NUMBER) && json_int64(signals, &out->signals);
}

static struct then *read_tools(struct arena *arena, const struct json *root, struct map *by_name, size_t *count)
{
    const struct json *tools = json_get(root, STR("tools")), *node;
    struct json_iter iter;
    struct str key;
    struct then *all = arena_zalloc(arena, ((json_is(tools, JSON_ARRAY) ? json_count(tools) : 0) + 1) * sizeof(*all));
    if (!all || !json_is(tools, JSON_ARRAY))
        return NULL;
    json_iter_init(&iter, tools);
    while (json_iter_next(&iter, &key, &node)) {
        if (!read_tool(node, &all[*count]) || map_set(by_name, all[*count].name, &all[*count]) != 0)
            return NULL;
        ++*count;
    }
    return all;
}

static enum change compare(const struct judged *now, struct then *then)
{
    char hex[2 * SHA256_LEN];
    hex_encode(now->tool->pin.digest.bytes, SHA256_LEN, hex);
    const struct change_side side = { now->verdict.class, now->verdict.severity, now->verdict.signals,
                                      str_of(hex, sizeof(hex)) };
    if (!then)
        return change_between(NULL, &side);
    then->seen = true;
    return change_between(&(struct change_side){ then->class, then->severity, then->signals, then->digest }, &side);
}

/* A verdict that another classifier made says nothing of the server. */
static bool is_comparable(const struct json *root)
{
    int64_t version, classifier;
    const struct json *of_file = json_get(root, STR("version")), *of_classifier = json_get(root, STR("classifier"));
    return json_is(of_file, JSON_NUMBER) && json_int64(of_file, &version) && version == PAST_VERSION &&
           json_is(of_classifier, JSON_NUMBER) && json_int64(of_classifier, &classifier) &&
           classifier == CLASSIFIER_VERSION;
}

static void list_gone(struct judgement *judgement, const struct then *all, size_t count, struct past *out)
{
    out->gone = arena_alloc(&judgement->arena, (count + 1) * sizeof(*out->gone));
    for (size_t i = 0; out->gone && i < count; i++) {
        struct str name = all[i].seen ? STR_EMPTY : arena_str(&judgement->arena, all[i].name);
        if (!all[i].seen && name.ptr)
            out->gone[out->gone_count++] = name;
    }
}

static void compare_all(struct arena *arena, const struct json *root, struct judgement *judgement, struct past *out)
{
    const struct json *at = json_get(root, STR("at_ms"));
    struct map by_name;
    size_t count = 0;
    map_init(&by_name);
    struct then *all = is_comparable(root) ? read_tools(arena, root, &by_name, &count) : NULL;
    if (all && json_is(at, JSON_NUMBER) && json_int64(at, &out->at_ms)) {
        out->known = true;
        for (size_t i = 0; i < judgement->count; i++) {
            struct judged *tool = &judgement->tools[i];
            tool->change = compare(tool, map_get(&by_name, tool->tool->name));
            out->changes[tool->change]++;
        }
        list_gone(judgement, all, count, out);
    }
    map_release(&by_name);
}

void past_compare(struct str directory, const struct target *target, struct judgement *judgement, struct past *out)
{
    char path[PATH_MAX];
    struct arena arena;
    struct buf text;
    struct json_error fault;
    const struct json *root;
    *out = (struct past){ .known = false };
    arena_init(&arena, NULL, 4 * (size_t)LIMIT_scan_file);
    buf_init(&text, LIMIT_scan_file);
    if (path_of(directory, target, path) == 0 && file_read_into(path, LIMIT_scan_file, &text) == 0 &&
        json_parse(&arena, buf_str(&text), &json_limits_list, &root, &fault) == 0)
        compare_all(&arena, root, judgement, out);
    buf_release(&text);
    arena_release(&arena);
}

/* ---- now ---- */

static void write_tool(struct json_writer *writer, const struct judged *tool)
{
    char hex[2 * SHA256_LEN];
    hex_encode(tool->tool->pin.digest.bytes, SHA256_LEN, hex);
    json_write_object(writer);
    json_write_member_string(writer, STR("name"), tool->tool->name);
    json_write_member_string(writer, STR("digest"), str_of(hex, sizeof(hex)));
    json_write_member_int(writer, STR("class"), tool->verdict.class);
    json_write_member_int(writer, STR("severity"), tool->verdict.severity);
    json_write_member_int(writer, STR("signals"), tool->verdict.signals);
    json_write_object_end(writer);
}

static void write_all(struct buf *out, const struct target *target, const struct judgement *judgement, int64_t now_ms)
{
    struct json_writer writer;
    json_write_init(&writer, out);
    json_write_object(&writer);
    json_write_member_int(&writer, STR("version"), PAST_VERSION);
    json_write_member_int(&writer, STR("classifier"), CLASSIFIER_VERSION);
    json_write_member_int(&writer, STR("at_ms"), now_ms);
    json_write_member_string(&writer, STR("target"), target->shown);
    json_write_key(&writer, STR("tools"));
    json_write_array(&writer);
    for (size_t i = 0; i < judgement->count; i++)
        write_tool(&writer, &judgement->tools[i]);
    json_write_array_end(&writer);
    json_write_object_end(&writer);
    buf_append_byte(out, '\n');
}

/* Every part that is missing, for its owner alone. */
static int make_directories(struct str directory)
{
    char path[PATH_MAX];
    snprintf(path, sizeof(path), "%" STR_FMT, STR_ARG(directory));
    for (char *at = path + 1;; at++) {
        char was = *at;
        if (was != '/' && was != 0)
            continue;
        *at = 0;
        if (mkdir(path, 0700) != 0 && errno != EEXIST)
            return errno == EACCES ? E_DENIED : errno == ENOSPC ? E_NOSPACE : E_IO;
        *at = was;
        if (was == 0)
            return 0;
    }
}

int past_write(struct str directory, const struct target *target, const struct judgement *judgement, int64_t now_ms)
{
    char path[PATH_MAX];
    struct buf text;
    int error = path_of(directory, target, path);
    if (!error)
        error = make_directories(directory);
    if (error)
        return error;
    buf_init(&text, LIMIT_scan_file);
    write_all(&text, target, judgement, now_ms);
    error = buf_ok(&text) ? file_write_atomic(path, buf_str(&text), 0600) : E_LIMIT;
    buf_release(&text);
    return error;
}
