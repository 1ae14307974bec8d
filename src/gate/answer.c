/* What clients read when a call did not get through: denials as results, everything else as JSON-RPC errors. */
#include "base/check.h"
#include "base/clock.h"
#include "base/limits.h"
#include "front/exchange.h"
#include "gate/gate.h"
#include "json/writer.h"
#include "model/reason.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#define CODE_POLICY 1000 /* a denial of what has no result to carry it: prompts, resources */

static struct buf *fresh(struct call *call)
{
    struct buf *out = &call->gateway->out;
    buf_reset(out);
    return out;
}

void answer_result(struct call *call, struct json_writer *writer)
{
    json_write_init(writer, fresh(call));
    json_write_object(writer);
    json_write_member_string(writer, STR("jsonrpc"), STR("2.0"));
    json_write_key(writer, STR("id"));
    json_write_raw(writer, buf_str(&call->client_id));
    json_write_key(writer, STR("result"));
    json_write_object(writer);
}

void answer_result_end(struct call *call, struct json_writer *writer)
{
    call->era->write_result_members(writer, call->method_id);
    json_write_object_end(writer);
    json_write_object_end(writer);
}

void answer_send(struct call *call, int status, struct str session)
{
    struct buf *out = &call->gateway->out;
    struct exchange *exchange = call->exchange;
    call->exchange = NULL;
    if (buf_ok(out))
        exchange->ops->answer(exchange, status, buf_str(out), session);
    else
        exchange->ops->end(exchange, REASON_internal);
}

/* MCP 2026-07-28 versioning: the revisions that would have been taken, and the one that was asked for. */
static void answer_versions(struct call *call, const struct reason_row *row)
{
    struct json_writer writer;
    json_write_init(&writer, fresh(call));
    json_write_object(&writer);
    json_write_member_string(&writer, STR("jsonrpc"), STR("2.0"));
    json_write_key(&writer, STR("id"));
    json_write_raw(&writer, buf_str(&call->client_id));
    json_write_key(&writer, STR("error"));
    json_write_object(&writer);
    json_write_member_int(&writer, STR("code"), row->rpc_code);
    json_write_member_string(&writer, STR("message"), row->text);
    json_write_key(&writer, STR("data"));
    json_write_object(&writer);
    json_write_member_string(&writer, STR("reason"), row->name);
    call_write_versions(call, STR("supported"), &writer);
    json_write_member_string(&writer, STR("requested"), call_asked_version(call));
    json_write_object_end(&writer);
    json_write_object_end(&writer);
    json_write_object_end(&writer);
}

void answer_error(struct call *call, enum reason reason)
{
    const struct reason_row *row = reason_row(reason);
    int code = row->family == REASON_FAMILY_POLICY ? CODE_POLICY : row->rpc_code;
    if (reason == REASON_protocol_unsupported || reason == REASON_server_modern) {
        answer_versions(call, row);
        return;
    }
    message_write_error(fresh(call), buf_str(&call->client_id), code, row->text, row->name);
}

/* One answer for unknown, hidden and never accepted: the same bytes but for id and name. */
void answer_unknown_tool(struct call *call)
{
    const struct reason_row *row = reason_row(REASON_unknown_tool);
    struct str text =
        arena_printf(&call->arena, "%" STR_FMT ": %" STR_FMT, STR_ARG(row->text), STR_ARG(call->params.name));
    message_write_error(fresh(call), buf_str(&call->client_id), row->rpc_code, text.ptr ? text : row->text, STR_EMPTY);
}

/* A limit's figures may be told where it counts calls and the policy gives hints: never where it counts amounts. */
static bool may_tell(const struct call *call, enum reason reason)
{
    return (reason == REASON_rate_limited || reason == REASON_concurrent) && call->over_debit &&
           call->over_debit->hints && call->over_debit->counts_calls && !call->over.full;
}

static bool resets(const struct call *call)
{
    return call->over.resets_ms != INT64_MAX;
}

static int64_t wait_ms(const struct call *call)
{
    int64_t left = call->over.resets_ms - clock_wall_ms(call->gateway->clock);
    return left > 0 ? left : 0;
}

static struct str denial_text(struct call *call, enum reason reason)
{
    struct str message = reason_row(reason)->text;
    if (call->over_debit && call->over.full)
        message = STR("This value cannot be counted: there are too many others, or it is too long.");
    else if (call->over_debit)
        message = str_is_empty(call->over_debit->message) ? message : call->over_debit->message;
    else if (!str_is_empty(call->decision.message) && call->decision.reason == reason)
        message = call->decision.message;
    if (!may_tell(call, reason))
        return arena_printf(&call->arena, "[POLICY DENIED] %" STR_FMT, STR_ARG(message));

    char max[48], window[48];
    amount_print(call->over_debit->max, max);
    if (reason == REASON_concurrent)
        return arena_printf(&call->arena, "[POLICY DENIED] %" STR_FMT " At most %s at once.", STR_ARG(message), max);
    window_phrase(&call->over_debit->key.window, window);
    if (!resets(call))
        return arena_printf(&call->arena, "[POLICY DENIED] %" STR_FMT " At most %s %s.", STR_ARG(message), max, window);
    return arena_printf(&call->arena, "[POLICY DENIED] %" STR_FMT " At most %s %s. Try again in %" PRId64 " s.",
                        STR_ARG(message), max, window, (wait_ms(call) + 999) / 1000);
}

static void write_time(struct json_writer *writer, struct str key, int64_t unix_ms)
{
    time_t seconds = (time_t)((unix_ms + 999) / 1000); /* never before it is so */
    struct tm parts;
    char text[40];
    if (!gmtime_r(&seconds, &parts) || strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &parts) == 0)
        return;
    json_write_member_string(writer, key, str_from_c(text));
}

static void write_figures(struct json_writer *writer, const struct call *call)
{
    const struct debit *debit = call->over_debit;
    amount left = debit->max > call->over.used ? debit->max - call->over.used : 0;
    json_write_member_int(writer, STR("limit"), (int64_t)(debit->max / AMOUNT_ONE));
    json_write_member_int(writer, STR("remaining"), (int64_t)(left / AMOUNT_ONE));
    if (resets(call)) {
        json_write_member_int(writer, STR("retry_after_ms"), wait_ms(call));
        write_time(writer, STR("resets_at"), call->over.resets_ms);
    }
}

static void write_decision(struct json_writer *writer, struct call *call, enum reason reason)
{
    char id[ID_TEXT_LEN + 1];
    id_print(&call->id, id);
    json_write_object(writer);
    json_write_member_string(writer, STR("id"), str_of(id, ID_TEXT_LEN));
    json_write_member_string(writer, STR("decision"), STR("deny"));
    struct str rule = call->over_debit ? call->over_debit->rule : call->decision.rule;
    if (rule.len)
        json_write_member_string(writer, STR("rule"), rule);
    json_write_member_string(writer, STR("code"), reason_row(reason)->name);
    if (may_tell(call, reason))
        write_figures(writer, call);
    json_write_object_end(writer);
}

void answer_denial(struct call *call, enum reason reason)
{
    if (method_row(call->method_id)->subject != METHOD_SUBJECT_TOOL) {
        answer_error(call, reason);
        return;
    }
    struct str text = denial_text(call, reason);
    struct json_writer writer;
    answer_result(call, &writer);
    json_write_key(&writer, STR("content"));
    json_write_array(&writer);
    json_write_object(&writer);
    json_write_member_string(&writer, STR("type"), STR("text"));
    json_write_member_string(&writer, STR("text"), text.ptr ? text : STR("[POLICY DENIED]"));
    json_write_object_end(&writer);
    json_write_array_end(&writer);
    json_write_member_bool(&writer, STR("isError"), true);
    json_write_key(&writer, STR("_meta"));
    json_write_object(&writer);
    json_write_key(&writer, STR("dev.warder/decision"));
    write_decision(&writer, call, reason);
    json_write_object_end(&writer);
    answer_result_end(call, &writer);
}
