/* The params of the methods that the gateway takes apart. What is forwarded is read strictly: an unknown member is
 * refused, never dropped and never passed on. */
#include "mcp/message.h"

static int fault(struct str *detail, struct str sentence)
{
    *detail = sentence;
    return E_INVALID;
}

#define FAULT(text) fault(detail, STR(text))

/* Of _meta only the token is looked at; everything else in it goes no further. */
static int meta_read(const struct json *meta, const struct json **token, struct str *detail)
{
    if (!json_is(meta, JSON_OBJECT))
        return FAULT("The member _meta is not an object.");
    *token = json_get(meta, STR("progressToken"));
    if (*token && !message_id_is_valid(*token))
        return FAULT("The progressToken is not a short string or a plain integer.");
    return 0;
}

static int strings_only(const struct json *arguments, struct str *detail)
{
    struct json_iter iter;
    struct str key;
    const struct json *value;
    json_iter_init(&iter, arguments);
    while (json_iter_next(&iter, &key, &value))
        if (!json_is(value, JSON_STRING))
            return FAULT("An argument of a prompt is not a string.");
    return 0;
}

/* {<name_key>: string, arguments?, _meta?}; `arguments` as far as `takes_arguments`. */
static int named_params_read(const struct json *params, struct str name_key, bool takes_arguments,
                             struct call_params *out, struct str *detail)
{
    struct json_iter iter;
    struct str key;
    const struct json *value, *name = NULL;
    *out = (struct call_params){ .name = STR_EMPTY };
    if (!json_is(params, JSON_OBJECT))
        return FAULT("The params are missing.");
    json_iter_init(&iter, params);
    while (json_iter_next(&iter, &key, &value)) {
        if (str_eq(key, name_key)) {
            name = value;
        } else if (takes_arguments && str_eq(key, STR("arguments"))) {
            if (!json_is(value, JSON_OBJECT))
                return FAULT("The arguments are not an object.");
            out->arguments = value;
        } else if (str_eq(key, STR("_meta"))) {
            int error = meta_read(value, &out->progress_token, detail);
            if (error)
                return error;
        } else if (str_eq(key, STR("task"))) {
            return FAULT("Tasks are not offered: the params have a member task.");
        } else {
            return FAULT("The params have an unknown member.");
        }
    }
    if (!json_is(name, JSON_STRING))
        return FAULT("The name or URI is not a string.");
    out->name = json_string(name);
    return 0;
}

int call_params_read(const struct json *params, struct call_params *out, struct str *detail)
{
    return named_params_read(params, STR("name"), true, out, detail);
}

int prompt_params_read(const struct json *params, struct call_params *out, struct str *detail)
{
    int error = named_params_read(params, STR("name"), true, out, detail);
    return error ? error : strings_only(out->arguments, detail);
}

int resource_params_read(const struct json *params, struct call_params *out, struct str *detail)
{
    return named_params_read(params, STR("uri"), false, out, detail);
}

int list_params_read(const struct json *params, struct str *cursor, struct str *detail)
{
    struct json_iter iter;
    struct str key;
    const struct json *value, *token;
    *cursor = (struct str){ 0 };
    json_iter_init(&iter, params);
    while (json_iter_next(&iter, &key, &value)) {
        if (str_eq(key, STR("cursor"))) {
            if (!json_is(value, JSON_STRING))
                return FAULT("The cursor is not a string.");
            *cursor = json_string(value);
        } else if (str_eq(key, STR("_meta"))) {
            int error = meta_read(value, &token, detail);
            if (error)
                return error;
        } else {
            return FAULT("The params have an unknown member.");
        }
    }
    return 0;
}

/* initialize is answered here and never forwarded, so members of later revisions are passed over. */
int initialize_params_read(const struct json *params, struct initialize_params *out, struct str *detail)
{
    *out = (struct initialize_params){ 0 };
    const struct json *version = json_get(params, STR("protocolVersion"));
    const struct json *info = json_get(params, STR("clientInfo"));
    const struct json *name = json_get(info, STR("name")), *client_version = json_get(info, STR("version"));
    if (!json_is(version, JSON_STRING))
        return FAULT("The protocolVersion is not a string.");
    if (!json_is(json_get(params, STR("capabilities")), JSON_OBJECT))
        return FAULT("The capabilities are not an object.");
    if (!json_is(name, JSON_STRING) || !json_is(client_version, JSON_STRING))
        return FAULT("The clientInfo has no name and version.");
    out->version = json_string(version);
    out->client_name = json_string(name);
    out->client_version = json_string(client_version);
    return 0;
}
