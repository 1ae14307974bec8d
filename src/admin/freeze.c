/* Freezes in requests and answers. */
#include "admin/freeze.h"

#include "base/check.h"

int freeze_read(const struct json *request, struct operation *out, struct str *why)
{
    const struct json *grant = json_get(request, STR("grant")), *server = json_get(request, STR("server"));
    const struct json *all = json_get(request, STR("all")), *reason = json_get(request, STR("reason"));
    *why = STR("one of them is needed: a grant's id or label, a server's name, or all");
    if ((grant != NULL) + (server != NULL) + (all != NULL) != 1)
        return E_INVALID;
    if (grant) {
        if (!json_is(grant, JSON_STRING) || json_string(grant).len == 0)
            return E_INVALID;
        out->freeze.scope = FREEZE_GRANT;
        out->which = json_string(grant);
    } else if (server) {
        if (!json_is(server, JSON_STRING) || !operation_is_server_name(json_string(server)))
            return E_INVALID;
        out->freeze.scope = FREEZE_SERVER;
        out->freeze.name = json_string(server);
    } else {
        if (!json_is(all, JSON_BOOL) || !json_bool(all))
            return E_INVALID;
        out->freeze.scope = FREEZE_ALL;
        out->freeze.name = STR_EMPTY;
    }
    *why = STR("the reason is 1 to 256 bytes without control characters");
    if (reason && (!json_is(reason, JSON_STRING) || !operation_is_plain(json_string(reason), REASON_MAX)))
        return E_INVALID;
    out->freeze.reason = reason ? json_string(reason) : STR_EMPTY;
    return 0;
}

struct writing {
    struct json_writer *writer;
    struct store *store;
};

static int write_one(void *arg, const struct freeze *freeze)
{
    const struct writing *writing = arg;
    struct json_writer *writer = writing->writer;
    json_write_object(writer);
    json_write_member_string(writer, STR("scope"), freeze_scope_word(freeze->scope));
    if (freeze->scope != FREEZE_ALL)
        json_write_member_string(writer, STR("name"), freeze->name);
    const struct grant *grant = freeze->scope == FREEZE_GRANT ? store_grant(writing->store, freeze->name) : NULL;
    if (grant)
        json_write_member_string(writer, STR("label"), grant->label);
    json_write_member_string(writer, STR("reason"), freeze->reason);
    json_write_member_int(writer, STR("since_ms"), freeze->since_ms);
    json_write_object_end(writer);
    return 0;
}

void freeze_write_all(struct json_writer *writer, struct store *store)
{
    struct writing writing = { writer, store };
    json_write_key(writer, STR("frozen"));
    json_write_array(writer);
    AZ(store_freeze_each(store, write_one, &writing));
    json_write_array_end(writer);
}

void reply_freezes(struct json_writer *writer, struct store *store)
{
    reply_begin(writer);
    freeze_write_all(writer, store);
    reply_end(writer);
}
