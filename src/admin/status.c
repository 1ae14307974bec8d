/* The gateway as it is now, for operators. */
#include "admin/status.h"

#include "admin/decisions.h"
#include "admin/freeze.h"
#include "admin/operation.h"
#include "base/encode.h"
#include "config/report.h"
#include "store/store.h"

#include <unistd.h>

static void write_reload(const struct reload_status *status, struct json_writer *writer)
{
    json_write_member_string(writer, STR("state"), status->stale ? STR("stale") : STR("live"));
    json_write_member_string(writer, STR("path"), status->path);
    json_write_member_int(writer, STR("live_ms"), status->live_ms);
    json_write_member_int(writer, STR("tried_ms"), status->tried_ms);
    json_write_member_int(writer, STR("succeeded"), (int64_t)status->succeeded);
    json_write_member_int(writer, STR("failed"), (int64_t)status->failed);
    if (status->error)
        json_write_member_string(writer, STR("error"), str_from_c(status->error));
    json_write_key(writer, STR("needs_restart"));
    json_write_array(writer);
    for (size_t i = 0; i < status->restart_count; i++)
        json_write_string(writer, str_from_c(status->restart[i]));
    json_write_array_end(writer);
    if (status->report)
        report_write(writer, status->report);
}

void reply_reload(const struct reload_status *status, struct json_writer *writer)
{
    reply_begin(writer);
    json_write_member_bool(writer, STR("unchanged"), status->unchanged);
    write_reload(status, writer);
    reply_end(writer);
}

void reply_server(const struct gateway_server_status *server, struct json_writer *writer)
{
    static const char *const states[] = { "starting", "ready", "down" };
    json_write_member_string(writer, STR("name"), server->name);
    json_write_member_string(writer, STR("state"), str_from_c(states[server->state]));
    if (server->trouble.why.len)
        json_write_member_string(writer, STR("why"), server->trouble.why);
    if (server->trouble.last_words.len)
        json_write_member_string(writer, STR("last_words"), server->trouble.last_words);
    if (server->trouble.why.len && server->trouble.next_ms >= 0)
        json_write_member_int(writer, STR("next_try_ms"), server->trouble.next_ms);
    json_write_member_bool(writer, STR("policy"), server->has_policy);
    if (server->recommended)
        json_write_member_bool(writer, STR("recommended"), true);
    if (server->has_policy) {
        char hex[2 * SHA256_LEN];
        hex_encode(server->revision.bytes, SHA256_LEN, hex);
        json_write_member_string(writer, STR("revision"), str_of(hex, sizeof(hex)));
    }
}

static void write_servers(const struct gateway *gateway, struct json_writer *writer)
{
    struct gateway_server_status server;
    json_write_key(writer, STR("servers"));
    json_write_array(writer);
    for (size_t i = 0; i < gateway_server_count(gateway); i++) {
        gateway_server_status(gateway, i, &server);
        json_write_object(writer);
        reply_server(&server, writer);
        json_write_member_int(writer, STR("tools"), (int64_t)server.tools);
        json_write_object_end(writer);
    }
    json_write_array_end(writer);
}

static void write_configuration(const struct reload_status *status, struct json_writer *writer)
{
    json_write_key(writer, STR("configuration"));
    json_write_object(writer);
    write_reload(status, writer);
    json_write_object_end(writer);
}

static void write_decisions(const struct decisions *decisions, struct json_writer *writer)
{
    struct decisions_status status;
    decisions_status(decisions, &status);
    if (status.to == DECISIONS_NOWHERE)
        return;
    json_write_key(writer, STR("decisions"));
    json_write_object(writer);
    json_write_member_string(writer, status.to == DECISIONS_FILE ? STR("file") : STR("socket"), status.path);
    json_write_member_bool(writer, STR("failing"), status.failing);
    if (status.error)
        json_write_member_string(writer, STR("error"), str_from_c(status.error));
    json_write_member_int(writer, STR("written"), (int64_t)status.written);
    json_write_member_int(writer, STR("dropped"), (int64_t)status.dropped);
    json_write_member_int(writer, STR("queued_bytes"), (int64_t)status.queued);
    json_write_object_end(writer);
}

void reply_status(const struct control_options *of, int64_t started_ms, struct json_writer *writer)
{
    struct gateway_status status;
    gateway_status(of->gateway, &status);
    reply_begin(writer);
    json_write_member_int(writer, STR("pid"), getpid());
    json_write_member_string(writer, STR("url"), of->url);
    if (of->admin_url.len > 0)
        json_write_member_string(writer, STR("admin_url"), of->admin_url);
    json_write_member_string(writer, STR("data"), of->data);
    json_write_member_int(writer, STR("started_ms"), started_ms);
    json_write_member_bool(writer, STR("recording"), store_is_ready(of->store));
    json_write_member_bool(writer, STR("insecure"), of->insecure);
    json_write_member_bool(writer, STR("stopping"), status.stopping);
    json_write_member_int(writer, STR("calls"), (int64_t)status.calls);
    json_write_member_int(writer, STR("sessions"), (int64_t)status.sessions);
    json_write_member_int(writer, STR("allowed"), (int64_t)status.allowed);
    json_write_member_int(writer, STR("denied"), (int64_t)status.denied);
    struct store_stats stats;
    store_stats(of->store, &stats);
    json_write_member_int(writer, STR("ledger_segments"), (int64_t)stats.segments);
    json_write_member_int(writer, STR("ledger_bytes"), (int64_t)stats.disk_bytes);
    freeze_write_all(writer, of->store);
    write_configuration(reloader_status(of->reloader), writer);
    write_decisions(of->decisions, writer);
    write_servers(of->gateway, writer);
    reply_end(writer);
}
