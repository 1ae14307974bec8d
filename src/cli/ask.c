/* Requests of subcommands, and why they fail, in words. */
#include "cli/ask.h"

#include "admin/client.h"
#include "admin/operation.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "cli/command.h"
#include "config/config.h"
#include "config/file.h"

#include <unistd.h>

#define ASK_BYTES ((size_t)64 << 20)
#define CONFIG_NAME "warder.json"

static int find_data(const struct invocation *invocation, struct question_to *ask)
{
    const char *data = option_value(invocation, "data"), *config = option_value(invocation, "config");
    int error;
    if (data) {
        ask->data = file_absolute(&ask->arena, STR("."), str_from_c(data));
        return ask->data.ptr ? 0 : failure(invocation, "%s", error_text(E_NOMEM));
    }
    if (!config && access(CONFIG_NAME, F_OK) != 0) {
        error = config_default_data(&ask->arena, &ask->data);
        return error ? failure(invocation, "%s", error_text(error)) : 0;
    }
    if (!config)
        config = CONFIG_NAME;
    error = config_data_directory(str_from_c(config), &ask->arena, &ask->data);
    return error ? failure(invocation, "%s names no data directory: %s (warder check says more)", config,
                           error_text(error))
                 : 0;
}

int ask_begin(const struct invocation *invocation, const char *op, struct question_to *ask)
{
    *ask = (struct question_to){ .running = false };
    arena_init(&ask->arena, NULL, ASK_BYTES);
    buf_init(&ask->request, OPERATION_MAX);
    buf_init(&ask->answer, LIMIT_control_queue);
    json_write_init(&ask->writer, &ask->request);
    json_write_object(&ask->writer);
    json_write_member_string(&ask->writer, STR("op"), str_from_c(op));
    return find_data(invocation, ask);
}

static int say_why(const struct invocation *invocation, const struct question_to *ask, int error)
{
    switch (error) {
    case E_NOT_FOUND:
        if (access(ask->data.ptr, F_OK) != 0)
            return failure(invocation,
                           "there is no data directory %" STR_FMT ": name one with --data; warder run makes it",
                           STR_ARG(ask->data));
        return failure(invocation, "no gateway runs on %" STR_FMT ": start one with \"warder run\"",
                       STR_ARG(ask->data));
    case E_LOCKED:
        return failure(invocation, "a gateway holds %" STR_FMT " and does not answer on its control socket",
                       STR_ARG(ask->data));
    case E_DENIED: return failure(invocation, "%" STR_FMT " belongs to another user", STR_ARG(ask->data));
    default: return failure(invocation, "%" STR_FMT ": %s", STR_ARG(ask->data), error_text(error));
    }
}

int ask_send(const struct invocation *invocation, struct question_to *ask, bool quiet_down)
{
    const struct json_limits limits = { LIMIT_control_queue, 1000000, 16 };
    struct json_error fault;
    struct log log;
    json_write_object_end(&ask->writer);
    buf_append_byte(&ask->request, '\n');
    if (!buf_ok(&ask->request))
        return failure(invocation, "the request is too long, or not UTF-8");
    log_init_stderr(&log, clock_system(), LOG_WARN);
    int error = admin_call(ask->data, &log, buf_str(&ask->request), &ask->running, &ask->answer);
    ask->down = error == E_NOT_FOUND;
    if (ask->down && quiet_down)
        return EXIT_NO;
    if (error)
        return say_why(invocation, ask, error);
    if (json_parse(&ask->arena, buf_str(&ask->answer), &limits, &ask->root, &fault))
        return failure(invocation, "the gateway's answer cannot be read");
    if (!answer_bool(ask->root, "ok"))
        return failure(invocation, "%" STR_FMT, STR_ARG(answer_text(ask->root, "error")));
    return 0;
}

void ask_release(struct question_to *ask)
{
    if (ask->answer.ptr)
        explicit_bzero(ask->answer.ptr, ask->answer.len);
    buf_release(&ask->answer);
    buf_release(&ask->request);
    arena_release(&ask->arena);
}

struct str ask_configured_url(const struct invocation *invocation, struct question_to *ask)
{
    const char *config = option_value(invocation, "config");
    struct str address;
    bool tls;
    if (!config && access(CONFIG_NAME, F_OK) == 0)
        config = CONFIG_NAME;
    if (config_listen(str_from_c(config ? config : ""), &ask->arena, &address, &tls) != 0)
        return STR("http://ADDRESS:PORT");
    return arena_printf(&ask->arena, "http%s://%" STR_FMT, tls ? "s" : "", STR_ARG(address));
}

int64_t answer_int(const struct json *object, const char *member)
{
    const struct json *value = json_get(object, str_from_c(member));
    int64_t number = 0;
    return json_is(value, JSON_NUMBER) && json_int64(value, &number) ? number : 0;
}

struct str answer_text(const struct json *object, const char *member)
{
    const struct json *value = json_get(object, str_from_c(member));
    return json_is(value, JSON_STRING) ? json_string(value) : STR_EMPTY;
}

bool answer_bool(const struct json *object, const char *member)
{
    const struct json *value = json_get(object, str_from_c(member));
    return json_is(value, JSON_BOOL) && json_bool(value);
}

const char *answer_policy_note(const struct json *server)
{
    bool listed = answer_int(server, "tools") > 0 || answer_int(server, "count") > 0;
    if (answer_bool(server, "policy"))
        return "";
    if (answer_bool(server, "recommended") && !listed)
        return ", its recommended policy is made of its first tools: until then everything is denied";
    return ", no policy: everything is denied";
}
