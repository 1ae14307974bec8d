/* One function a row of metrics.def. */
#include "admin/metrics.h"

#include "admin/decisions.h"
#include "admin/exposition.h"
#include "base/check.h"
#include "base/encode.h"
#include "front/http.h"
#include "gate/call.h"
#include "gate/gateway.h"
#include "gate/meter.h"
#include "gate/reload.h"
#include "io/loop.h"
#include "model/reason.h"
#include "store/store.h"

struct scrape { /* what the rows look at: one moment */
    struct exposition to;
    const struct metrics_sources *of;
    struct gateway_status gateway;
    struct front_http_stats front;
    struct store_stats store;
    struct loop_stats loop;
    const struct reload_status *reload;
    struct decisions_status decisions;
};

static void plain(struct scrape *scrape, uint64_t value)
{
    exposition_count(&scrape->to, NULL, 0, value);
}

static void moment(struct scrape *scrape, int64_t ms)
{
    exposition_seconds(&scrape->to, NULL, 0, ms * 1000);
}

/* ---- the gateway ---- */

static void collect_build(struct scrape *scrape)
{
    exposition_count(&scrape->to, &(struct label){ "version", STR(WARDER_VERSION) }, 1, 1);
}
static void collect_start(struct scrape *scrape)
{
    moment(scrape, scrape->of->started_ms);
}
static void collect_ready(struct scrape *scrape)
{
    plain(scrape, store_is_ready(scrape->of->store) && !scrape->gateway.stopping);
}
static void collect_calls_in_flight(struct scrape *scrape)
{
    plain(scrape, scrape->gateway.calls);
}
static void collect_steps(struct scrape *scrape)
{
    for (unsigned step = 0; step < STEP_COUNT; step++)
        exposition_count(&scrape->to, &(struct label){ "step", str_from_c(call_step_name((enum call_step)step)) }, 1,
                         gateway_step_entered(scrape->of->gateway, step));
}
static void collect_unauthorized(struct scrape *scrape)
{
    plain(scrape, scrape->gateway.unauthorized);
}
static void collect_malformed(struct scrape *scrape)
{
    plain(scrape, scrape->gateway.malformed);
}
static void collect_message_bytes(struct scrape *scrape)
{
    plain(scrape, scrape->gateway.bytes);
}
static void collect_sessions(struct scrape *scrape)
{
    plain(scrape, scrape->gateway.sessions);
}
static void collect_streams(struct scrape *scrape)
{
    plain(scrape, scrape->gateway.streams);
}

/* ---- connections ---- */

static void collect_connections(struct scrape *scrape)
{
    plain(scrape, scrape->front.connections);
}
static void collect_accepted(struct scrape *scrape)
{
    plain(scrape, scrape->front.accepted);
}
static void collect_received(struct scrape *scrape)
{
    plain(scrape, scrape->front.received);
}
static void collect_sent(struct scrape *scrape)
{
    plain(scrape, scrape->front.sent);
}
static void collect_body_bytes(struct scrape *scrape)
{
    plain(scrape, scrape->front.body_bytes);
}
static void collect_queue_bytes(struct scrape *scrape)
{
    plain(scrape, scrape->front.queue_bytes);
}

/* ---- servers ---- */

typedef void each_server(struct scrape *scrape, const struct gateway_server_status *server, struct label name);

static void servers(struct scrape *scrape, each_server *each)
{
    for (size_t at = 0; at < gateway_server_count(scrape->of->gateway); at++) {
        struct gateway_server_status server;
        gateway_server_status(scrape->of->gateway, at, &server);
        each(scrape, &server, (struct label){ "server", server.name });
    }
}

static void calls_that(struct scrape *scrape, struct label name, struct str decision,
                       const uint64_t counts[REASON_COUNT][METER_CLASS_COUNT])
{
    for (unsigned reason = 0; reason < REASON_COUNT; reason++) {
        for (size_t class = 0; class < METER_CLASS_COUNT; ++class) {
            const struct label labels[] = { name,
                                            { "decision", decision },
                                            { "reason", reason_row((enum reason)reason)->name },
                                            { "class", meter_class_word(class) } };
            if (counts[reason][class])
                exposition_count(&scrape->to, labels, 4, counts[reason][class]);
        }
    }
}
static void calls_of(struct scrape *scrape, const struct gateway_server_status *server, struct label name)
{
    calls_that(scrape, name, STR("allowed"), server->meter->allowed);
    calls_that(scrape, name, STR("denied"), server->meter->denied);
}
static void collect_calls(struct scrape *scrape)
{
    servers(scrape, calls_of);
}

static void calls_of_tool(struct scrape *scrape, const struct tool_meter *tool, struct label name)
{
    struct label labels[] = { name,
                              { "tool", tool->name.len ? tool->name : STR("other") },
                              { "decision", STR("allowed") } };
    if (tool->allowed)
        exposition_count(&scrape->to, labels, 3, tool->allowed);
    labels[2].value = STR("denied");
    if (tool->denied)
        exposition_count(&scrape->to, labels, 3, tool->denied);
}
static void tools_of(struct scrape *scrape, const struct gateway_server_status *server, struct label name)
{
    struct tool_meter other = server->meter->other;
    LIST_EACH (&server->meter->tools, link, after) {
        const struct tool_meter *tool = CONTAINER_OF(link, struct tool_meter, link);
        if (str_eq(tool->name, STR("other"))) { /* a server's own tool of that name */
            other.allowed += tool->allowed;
            other.denied += tool->denied;
            continue;
        }
        calls_of_tool(scrape, tool, name);
    }
    calls_of_tool(scrape, &other, name);
}
static void collect_tool_calls(struct scrape *scrape)
{
    servers(scrape, tools_of);
}

static void limits_of(struct scrape *scrape, const struct gateway_server_status *server, struct label name)
{
    static const enum reason of_limits[] = { REASON_rate_limited, REASON_concurrent };
    for (size_t at = 0; at < ARRAY_LEN(of_limits); at++) {
        const struct label labels[] = { name, { "reason", reason_row(of_limits[at])->name } };
        uint64_t denied = 0;
        for (size_t class = 0; class < METER_CLASS_COUNT; ++class)
            denied += server->meter->denied[of_limits[at]][class];
        exposition_count(&scrape->to, labels, 2, denied);
    }
}
static void collect_limit_hits(struct scrape *scrape)
{
    servers(scrape, limits_of);
}

static void total_of(struct scrape *scrape, const struct gateway_server_status *server, struct label name)
{
    exposition_histogram(&scrape->to, name, &server->meter->total);
}
static void collect_call_duration(struct scrape *scrape)
{
    servers(scrape, total_of);
}
static void admission_of(struct scrape *scrape, const struct gateway_server_status *server, struct label name)
{
    exposition_histogram(&scrape->to, name, &server->meter->admission);
}
static void collect_admission_duration(struct scrape *scrape)
{
    servers(scrape, admission_of);
}
static void server_of(struct scrape *scrape, const struct gateway_server_status *server, struct label name)
{
    exposition_histogram(&scrape->to, name, &server->meter->server);
}
static void collect_server_duration(struct scrape *scrape)
{
    servers(scrape, server_of);
}

static void state_of(struct scrape *scrape, const struct gateway_server_status *server, struct label name)
{
    static const struct {
        enum upstream_state state;
        struct str word;
    } states[] = { { UPSTREAM_STARTING, { "starting", 8 } },
                   { UPSTREAM_READY, { "ready", 5 } },
                   { UPSTREAM_DOWN, { "down", 4 } } };
    for (size_t at = 0; at < ARRAY_LEN(states); at++) {
        const struct label labels[] = { name, { "state", states[at].word } };
        exposition_count(&scrape->to, labels, 2, server->state == states[at].state);
    }
}
static void collect_server_state(struct scrape *scrape)
{
    servers(scrape, state_of);
}

#define OF_SERVER(id, value)                                                                                  \
    static void id##_of(struct scrape *scrape, const struct gateway_server_status *server, struct label name) \
    {                                                                                                         \
        exposition_count(&scrape->to, &name, 1, value);                                                       \
    }                                                                                                         \
    static void collect_##id(struct scrape *scrape)                                                           \
    {                                                                                                         \
        servers(scrape, id##_of);                                                                             \
    }
OF_SERVER(server_tools, server->tools)
OF_SERVER(server_instances, server->upstream.instances)
OF_SERVER(server_legs, server->upstream.legs)
OF_SERVER(server_starts, server->upstream.starts)
OF_SERVER(server_losses, server->upstream.losses)
#undef OF_SERVER

static void policy_of(struct scrape *scrape, const struct gateway_server_status *server, struct label name)
{
    char hex[2 * SHA256_LEN];
    if (!server->has_policy)
        return;
    hex_encode(server->revision.bytes, SHA256_LEN, hex);
    const struct label labels[] = { name, { "revision", str_of(hex, sizeof(hex)) } };
    exposition_count(&scrape->to, labels, 2, 1);
}
static void collect_policy(struct scrape *scrape)
{
    servers(scrape, policy_of);
}

/* ---- the ledger ---- */

static void collect_ledger_batches(struct scrape *scrape)
{
    plain(scrape, scrape->store.batches);
}
static void collect_ledger_records(struct scrape *scrape)
{
    plain(scrape, scrape->store.records);
}
static void collect_ledger_bytes(struct scrape *scrape)
{
    plain(scrape, scrape->store.bytes);
}
static void collect_ledger_backlog(struct scrape *scrape)
{
    plain(scrape, scrape->store.backlog);
}
static void collect_ledger_dropped(struct scrape *scrape)
{
    plain(scrape, scrape->store.dropped);
}
static void collect_ledger_flush(struct scrape *scrape)
{
    exposition_seconds(&scrape->to, NULL, 0, scrape->store.flush_p50_us);
}

/* ---- the configuration ---- */

static void collect_reloads(struct scrape *scrape)
{
    exposition_count(&scrape->to, &(struct label){ "result", STR("success") }, 1, scrape->reload->succeeded);
    exposition_count(&scrape->to, &(struct label){ "result", STR("failure") }, 1, scrape->reload->failed);
}
static void collect_reload_state(struct scrape *scrape)
{
    plain(scrape, scrape->reload->stale);
}
static void collect_reload_success(struct scrape *scrape)
{
    moment(scrape, scrape->reload->succeeded_ms ? scrape->reload->succeeded_ms : scrape->of->started_ms);
}
static void collect_reload_failure(struct scrape *scrape)
{
    moment(scrape, scrape->reload->failed_ms);
}

/* ---- the stream of decisions ---- */

static void collect_decisions_written(struct scrape *scrape)
{
    plain(scrape, scrape->decisions.written);
}
static void collect_decisions_dropped(struct scrape *scrape)
{
    plain(scrape, scrape->decisions.dropped);
}
static void collect_decisions_queued(struct scrape *scrape)
{
    plain(scrape, scrape->decisions.queued);
}
static void collect_decisions_failing(struct scrape *scrape)
{
    plain(scrape, scrape->decisions.failing);
}

/* ---- the loop ---- */

static void collect_loop_turns(struct scrape *scrape)
{
    plain(scrape, scrape->loop.turns);
}
static void collect_loop_slow(struct scrape *scrape)
{
    plain(scrape, scrape->loop.slow_turns);
}
static void collect_loop_worst(struct scrape *scrape)
{
    moment(scrape, scrape->loop.worst_ms);
}

/* ---- all of it ---- */

static const struct {
    struct metric_row row;
    void (*collect)(struct scrape *scrape);
} metrics[] = {
#define METRIC(id, type, name, unit, labels, help) { { METRIC_##type, name, unit, labels, help }, collect_##id },
#include "admin/metrics.def"
#undef METRIC
};

void metrics_write(const struct metrics_sources *sources, bool openmetrics, struct buf *out)
{
    struct scrape scrape = { .to = { .out = out, .openmetrics = openmetrics }, .of = sources };
    gateway_status(sources->gateway, &scrape.gateway);
    front_http_stats(sources->front, &scrape.front);
    store_stats(sources->store, &scrape.store);
    scrape.loop = loop_stats(sources->loop);
    decisions_status(sources->decisions, &scrape.decisions);
    scrape.reload = reloader_status(sources->reloader);
    for (size_t at = 0; at < ARRAY_LEN(metrics); at++) {
        exposition_family(&scrape.to, &metrics[at].row);
        metrics[at].collect(&scrape);
    }
    exposition_end(&scrape.to);
}
