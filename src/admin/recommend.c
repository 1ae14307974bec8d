/* Looking at a recommended policy, and accepting it. */
#include "admin/recommend.h"

#include "base/encode.h"
#include "base/limits.h"
#include "gate/gateway.h"

#define DIGITS_LEAST 32 /* hexadecimal: nobody makes two policies that begin alike */

int recommend_read(const struct json *request, struct operation *out, struct str *why)
{
    const struct json *server = json_get(request, STR("server")), *accept = json_get(request, STR("accept"));
    *why = STR("a server's name is needed");
    if (!json_is(server, JSON_STRING) || !operation_is_server_name(json_string(server)))
        return E_INVALID;
    out->which = json_string(server);
    *why = STR("what was looked at is at least 32 hexadecimal digits, as warder recommend shows them");
    if (!accept)
        return 0;
    if (!json_is(accept, JSON_STRING) || json_string(accept).len < DIGITS_LEAST)
        return E_INVALID;
    out->listed = json_string(accept);
    return 0;
}

static void member_digest(struct json_writer *writer, struct str key, const struct sha256 *digest)
{
    char hex[2 * SHA256_LEN];
    hex_encode(digest->bytes, SHA256_LEN, hex);
    json_write_member_string(writer, key, str_of(hex, sizeof(hex)));
}

static struct str refusal(int error)
{
    switch (error) {
    case E_NOT_FOUND: return STR("the running gateway has no such server");
    case E_DENIED:
        return STR("this server has a policy of its own: write \"policy\": \"recommended\" in the configuration");
    case E_AGAIN: return STR("the server has not told its tools yet: warder status says how it is");
    case E_INVALID: return STR("the proposal is another one by now: look at it again");
    default: return str_from_c(error_text(error));
    }
}

void reply_recommend(struct json_writer *writer, struct gateway *gateway, const struct operation *operation)
{
    struct gateway_recommended shown;
    struct buf text;
    buf_init(&text, LIMIT_policy_body);
    int error = gateway_recommend(gateway, operation->which, operation->listed, &text, &shown);
    if (error) {
        reply_error(writer, refusal(error));
    } else {
        reply_begin(writer);
        json_write_member_string(writer, STR("server"), operation->which);
        if (shown.has_policy)
            member_digest(writer, STR("in_force"), &shown.in_force);
        if (shown.has_policy && operation->listed.len == 0)
            json_write_member_string(writer, STR("policy"), shown.policy);
        member_digest(writer, STR("proposed"), &shown.proposed);
        json_write_member_string(writer, STR("proposal"), buf_str(&text));
        reply_end(writer);
    }
    buf_release(&text);
}
