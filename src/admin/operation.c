/* Operators' requests read strictly; what they do to grants; their answers. */
#include "admin/operation.h"

#include "admin/counters.h"
#include "admin/freeze.h"
#include "admin/pins.h"
#include "admin/recommend.h"
#include "base/check.h"
#include "base/encode.h"
#include "base/limits.h"
#include "base/random.h"
#include "store/store.h"

#include <string.h>

static const struct str words[] = {
#define O(name, word) { word, sizeof(word) - 1 },
    OPERATIONS(O)
#undef O
};

static bool read_kind(const struct json *request, enum operation_kind *out)
{
    const struct json *op = json_get(request, STR("op"));
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (json_is(op, JSON_STRING) && str_eq(json_string(op), words[i])) {
            *out = (enum operation_kind)i;
            return true;
        }
    }
    return false;
}

bool operation_is_plain(struct str s, size_t max)
{
    if (s.len == 0 || s.len > max || !str_is_utf8(s))
        return false;
    for (size_t i = 0; i < s.len; i++) {
        if ((unsigned char)s.ptr[i] < 0x20 || s.ptr[i] == 0x7f)
            return false;
    }
    return true;
}

bool operation_is_server_name(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'))
            return false;
    }
    return s.len > 0 && s.len <= 64;
}

static int read_names(const struct json *list, struct arena *arena, struct str **out, size_t *count)
{
    struct json_iter iter;
    const struct json *element;
    struct str key;
    if (list && (!json_is(list, JSON_ARRAY) || json_count(list) > GRANT_NAMES_MAX))
        return E_INVALID;
    *out = arena_alloc(arena, (GRANT_NAMES_MAX + 1) * sizeof(**out));
    if (!*out)
        return E_NOMEM;
    json_iter_init(&iter, list);
    while (json_iter_next(&iter, &key, &element)) {
        if (!json_is(element, JSON_STRING) || !operation_is_plain(json_string(element), LABEL_MAX))
            return E_INVALID;
        (*out)[(*count)++] = json_string(element);
    }
    return 0;
}

static int read_new_grant(const struct json *request, struct arena *arena, struct grant *grant, struct str *why)
{
    const struct json *label = json_get(request, STR("label")), *unattended = json_get(request, STR("unattended"));
    const struct json *expires = json_get(request, STR("expires_in_s"));
    int64_t seconds = 0;

    *why = STR("a label of 1 to 64 bytes without control characters is needed");
    if (!json_is(label, JSON_STRING) || !operation_is_plain(json_string(label), LABEL_MAX))
        return E_INVALID;
    grant->label = json_string(label);
    *why = STR("tags are at most 64 words of 1 to 64 bytes");
    int error = read_names(json_get(request, STR("tags")), arena, &grant->tags, &grant->tag_count);
    if (error)
        return error;
    *why = STR("servers are 1 to 64 names of a-z, 0-9 and -, or \"*\" for all");
    error = read_names(json_get(request, STR("servers")), arena, &grant->servers, &grant->server_count);
    if (error || (grant->server_count == 0 && !json_get(request, STR("parent"))))
        return error ? error : E_INVALID;
    for (size_t i = 0; i < grant->server_count; i++) {
        if (!operation_is_server_name(grant->servers[i]) && !str_eq(grant->servers[i], STR("*")))
            return E_INVALID;
    }
    *why = STR("it expires in 1 second to 10 years, or never");
    if (expires && (!json_int64(expires, &seconds) || seconds < 1 || seconds > 10LL * 366 * 86400))
        return E_INVALID;
    grant->expires_ms = seconds * 1000;
    *why = STR("unattended is true or false");
    if (unattended && !json_is(unattended, JSON_BOOL))
        return E_INVALID;
    grant->unattended = unattended && json_bool(unattended);
    return 0;
}

static int read_page(const struct json *request, struct operation *out, struct str *why)
{
    const struct json *server = json_get(request, STR("server")), *from = json_get(request, STR("from"));
    int64_t first = 0;
    *why = STR("a server's name is needed");
    if (!json_is(server, JSON_STRING) || !operation_is_server_name(json_string(server)))
        return E_INVALID;
    *why = STR("from is the number of an entry");
    if (from && (!json_int64(from, &first) || first < 0))
        return E_INVALID;
    out->which = json_string(server);
    out->from = (size_t)first;
    return 0;
}

int operation_read(const struct json *request, struct arena *arena, struct operation *out, struct str *why)
{
    *out = (struct operation){ .which = STR_EMPTY };
    *why = STR("no such operation");
    if (!json_is(request, JSON_OBJECT) || !read_kind(request, &out->kind))
        return E_INVALID;
    if (out->kind == OPERATION_GRANT_CREATE) {
        const struct json *parent = json_get(request, STR("parent"));
        *why = STR("a parent is a grant's id or label");
        if (parent && (!json_is(parent, JSON_STRING) || json_string(parent).len == 0))
            return E_INVALID;
        out->which = parent ? json_string(parent) : STR_EMPTY;
        return read_new_grant(request, arena, &out->grant, why);
    }
    if (out->kind == OPERATION_LIMITS_SHOW || out->kind == OPERATION_LIMITS_RESET)
        return limits_read(request, out, why);
    if (out->kind == OPERATION_GRANT_REVOKE || out->kind == OPERATION_GRANT_ROTATE) {
        const struct json *which = json_get(request, STR("grant"));
        *why = STR("a grant's id or label is needed");
        if (!json_is(which, JSON_STRING) || json_string(which).len == 0)
            return E_INVALID;
        out->which = json_string(which);
    }
    if (out->kind == OPERATION_FREEZE || out->kind == OPERATION_THAW)
        return freeze_read(request, out, why);
    if (out->kind == OPERATION_PINS_LIST)
        return pins_read_list(request, out, why);
    if (out->kind == OPERATION_PINS_ACCEPT || out->kind == OPERATION_PINS_FORGET)
        return pins_read_choice(request, arena, out, why);
    if (out->kind == OPERATION_RECOMMEND)
        return recommend_read(request, out, why);
    return out->kind == OPERATION_TOOLS ? read_page(request, out, why) : 0;
}

void reply_begin(struct json_writer *writer)
{
    json_write_object(writer);
    json_write_member_bool(writer, STR("ok"), true);
}

void reply_end(struct json_writer *writer)
{
    json_write_object_end(writer);
    buf_append_byte(writer->out, '\n');
}

void reply_error(struct json_writer *writer, struct str text)
{
    json_write_object(writer);
    json_write_member_bool(writer, STR("ok"), false);
    json_write_member_string(writer, STR("error"), text);
    reply_end(writer);
}

struct search {
    struct str which;
    int64_t now_ms;
    const struct grant *found;
    size_t count;
};

static int match_label(void *arg, const struct grant *grant)
{
    struct search *search = arg;
    if (grant_is_live(grant, search->now_ms) && str_eq(grant->label, search->which)) {
        search->found = grant;
        search->count++;
    }
    return 0;
}

static struct search find_label(struct store *store, struct str label, int64_t now_ms)
{
    struct search search = { .which = label, .now_ms = now_ms };
    AZ(store_grant_each(store, match_label, &search));
    return search;
}

const struct grant *operation_find_grant(struct store *store, struct str which, int64_t now_ms, struct str *why)
{
    const struct grant *grant = store_grant(store, which);
    if (grant)
        return grant;
    struct search search = find_label(store, which, now_ms);
    if (search.count == 1)
        return search.found;
    *why = search.count == 0 ? STR("no grant in force has this id or label")
                             : STR("several grants have this label: name one by its id");
    return NULL;
}

/* Servers and tags are the parent's where none are named; the end is at latest the parent's. */
static int make_child(struct store *store, const struct grant *parent, struct grant *grant, int64_t now_ms,
                      struct str *why)
{
    const struct grant *above[LIMIT_grant_depth];
    size_t depth;
    *why = STR("the parent is not in force");
    if (!grant_is_live(parent, now_ms) || store_grant_ancestors(store, parent, now_ms, above, &depth) != 0)
        return E_INVALID;
    *why = STR("too many grants stand above this parent");
    if (depth + 1 > LIMIT_grant_depth)
        return E_INVALID;
    grant->parent = parent->id;
    if (grant->server_count == 0) {
        grant->servers = parent->servers;
        grant->server_count = parent->server_count;
    }
    if (grant->tag_count == 0) {
        grant->tags = parent->tags;
        grant->tag_count = parent->tag_count;
    }
    if (parent->expires_ms != 0 && (grant->expires_ms == 0 || grant->expires_ms > parent->expires_ms))
        grant->expires_ms = parent->expires_ms;
    grant->unattended = grant->unattended || parent->unattended;
    *why = STR("a child reaches no server that its parent does not, and has its parent's tags, no others");
    return grant_is_within(grant, parent) ? 0 : E_INVALID;
}

int operation_make_grant(struct store *store, const struct grant *parent, struct grant *grant, int64_t now_ms,
                         char token[GRANT_TOKEN_MAX], struct str *why)
{
    *why = STR("a grant in force has this label already");
    if (find_label(store, grant->label, now_ms).count > 0)
        return E_EXISTS;
    *why = STR_EMPTY;
    grant->created_ms = now_ms;
    if (grant->expires_ms > 0)
        grant->expires_ms += now_ms;
    int error = parent ? make_child(store, parent, grant, now_ms, why) : 0;
    if (error)
        return error;
    *why = STR_EMPTY;
    grant_make(grant, token);
    return 0;
}

void operation_renew_grant(struct grant *grant, char token[GRANT_TOKEN_MAX])
{
    uint8_t random[32];
    char text[GRANT_SECRET_LEN + 1];
    random_bytes(random, sizeof(random));
    CHECK(base64url_encode(random, sizeof(random), text) == GRANT_SECRET_LEN);
    struct str secret = str_of(text, GRANT_SECRET_LEN);
    grant_secret_hash(secret, &grant->secret_hash);
    grant_token_print(grant->id, secret, token);
    explicit_bzero(random, sizeof(random));
    explicit_bzero(text, sizeof(text));
}

static void write_names(struct json_writer *writer, struct str key, const struct str *names, size_t count)
{
    json_write_key(writer, key);
    json_write_array(writer);
    for (size_t i = 0; i < count; i++)
        json_write_string(writer, names[i]);
    json_write_array_end(writer);
}

static void write_members(struct json_writer *writer, const struct grant *grant, int64_t now_ms)
{
    json_write_member_string(writer, STR("id"), grant->id);
    json_write_member_string(writer, STR("label"), grant->label);
    if (grant->parent.len > 0)
        json_write_member_string(writer, STR("parent"), grant->parent);
    write_names(writer, STR("servers"), grant->servers, grant->server_count);
    write_names(writer, STR("tags"), grant->tags, grant->tag_count);
    json_write_member_int(writer, STR("created_ms"), grant->created_ms);
    json_write_member_int(writer, STR("expires_ms"), grant->expires_ms);
    json_write_member_int(writer, STR("revoked_ms"), grant->revoked_ms);
    json_write_member_bool(writer, STR("unattended"), grant->unattended);
    json_write_member_bool(writer, STR("live"), grant_is_live(grant, now_ms));
}

void reply_grant(struct json_writer *writer, const struct grant *grant, const char *token, int64_t now_ms)
{
    reply_begin(writer);
    write_members(writer, grant, now_ms);
    if (token)
        json_write_member_string(writer, STR("token"), str_from_c(token));
    reply_end(writer);
}

struct listing {
    struct json_writer *writer;
    const struct store *store;
    int64_t now_ms;
};

static int write_one(void *arg, const struct grant *grant)
{
    struct listing *listing = arg;
    json_write_object(listing->writer);
    write_members(listing->writer, grant, listing->now_ms);
    json_write_member_bool(listing->writer, STR("frozen"),
                           store_freeze_of(listing->store, FREEZE_GRANT, grant->id) != NULL);
    json_write_object_end(listing->writer);
    return 0;
}

void reply_grants(struct json_writer *writer, struct store *store, int64_t now_ms)
{
    struct listing listing = { writer, store, now_ms };
    reply_begin(writer);
    json_write_key(writer, STR("grants"));
    json_write_array(writer);
    AZ(store_grant_each(store, write_one, &listing));
    json_write_array_end(writer);
    reply_end(writer);
}
