#include "world.h"

#include "base/check.h"
#include "base/clock.h"

#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

static int hear_event(struct exchange *exchange, struct str message)
{
    struct heard *heard = CONTAINER_OF(exchange, struct heard, exchange);
    assert_false(heard->ended);
    if (heard->deaf)
        return E_FULL;
    heard->events++;
    snprintf(heard->body, sizeof(heard->body), "%" STR_FMT, STR_ARG(message));
    return 0;
}

static int hear_listen(struct exchange *exchange, size_t queue_bytes)
{
    assert_true(queue_bytes > 0);
    exchange->listening = true;
    exchange->server = exchange->token = exchange->session = STR_EMPTY; /* as it does with the request */
    return 0;
}

static void hear_answer(struct exchange *exchange, int status, struct str message, struct str session)
{
    struct heard *heard = CONTAINER_OF(exchange, struct heard, exchange);
    assert_false(heard->ended);
    heard->ended = true;
    heard->status = status;
    snprintf(heard->body, sizeof(heard->body), "%" STR_FMT, STR_ARG(message));
    snprintf(heard->session, sizeof(heard->session), "%" STR_FMT, STR_ARG(session));
}

static void hear_end(struct exchange *exchange, enum reason reason)
{
    struct heard *heard = CONTAINER_OF(exchange, struct heard, exchange);
    assert_false(heard->ended);
    heard->ended = true;
    heard->reason = reason;
    heard->status = reason_row(reason)->http_status;
}

static void hear_peer(struct exchange *exchange, char *out, size_t max)
{
    (void)exchange;
    snprintf(out, max, "192.0.2.1:5");
}

static const struct front_ops hearing = { hear_event, hear_answer, hear_end, hear_listen, hear_peer };

void say(struct world *world, struct heard *heard, enum exchange_verb verb, const char *body)
{
    *heard = (struct heard){ .exchange = { .ops = &hearing, .verb = verb } };
    heard->exchange.server = world->server.name;
    heard->exchange.token = str_from_c(world->token);
    heard->exchange.session = str_from_c(world->session);
    heard->exchange.body = str_from_c(body);
    const struct front_events *events = gateway_front_events(world->gateway);
    events->message(events->arg, &heard->exchange);
}

void turns(struct world *world, int count)
{
    for (int at = 0; at < count; at++) {
        loop_turn(world->loop, false);
        usleep(1000);
    }
}

static const char *const tools[] = { "once", "free", NULL };
static const char policy_text[] = "{\"version\":\"1\",\"default\":\"deny\",\"tools\":{\"free\":{},"
                                  "\"once\":{\"limits\":[{\"counter\":\"c\",\"window\":\"total\",\"max\":1}]}}}";
static const char initialize[] =
    "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"initialize\",\"params\":{\"protocolVersion\":"
    "\"2025-11-25\",\"capabilities\":{},\"clientInfo\":{\"name\":\"t\",\"version\":\"0\"}}}";

static void has_put(void *arg, int error)
{
    *(int *)arg = error ? error : 1;
}

static void make_grant(struct world *world)
{
    struct str server = STR("*");
    struct grant grant = { .label = STR("test"), .servers = &server, .server_count = 1 };
    grant.created_ms = clock_wall_ms(clock_system());
    grant_make(&grant, world->token);
    snprintf(world->grant, sizeof(world->grant), "%" STR_FMT, STR_ARG(grant.id));
    int put = 0;
    assert_int_equal(store_grant_put(world->store, &grant, has_put, &put), 0);
    for (int at = 0; !put && at < 1000; at++)
        turns(world, 1);
    assert_int_equal(put, 1);
}

/* One server; `policy` NULL: none is configured. */
struct config *make_config(const struct world *world, const char *policy)
{
    struct problems problems = { 0 };
    struct config *config = calloc(1, sizeof(*config));
    AN(config);
    config->refs = 1;
    arena_init(&config->arena, NULL, 1 << 20);
    config->servers = arena_zalloc(&config->arena, sizeof(*config->servers));
    config->server_count = 1;
    struct config_server *server = &config->servers[0];
    *server = (struct config_server){ .server = world->server, .policy_path = STR_EMPTY, .policy_source = STR_EMPTY };
    if (policy) {
        server->policy_source = str_from_c(policy);
        assert_int_equal(policy_load(server->policy_source, &config->arena, &problems, &server->policy), 0);
    }
    return config;
}

void open_world(struct world *world)
{
    *world = (struct world){ .server = { .name = STR("s"), .cwd = STR_EMPTY, .url = STR_EMPTY, .call_ms = 10000 } };
    snprintf(world->directory, sizeof(world->directory), "/tmp/warder-gate-XXXXXX");
    AN(mkdtemp(world->directory));
    log_init_stderr(&world->log, clock_system(), LOG_ERROR);
    assert_int_equal(loop_new(clock_system(), &world->log, &world->loop), 0);
    struct store_options store = { .directory = str_from_c(world->directory),
                                   .audit = AUDIT_PROCESS,
                                   .loop = world->loop,
                                   .clock = clock_system(),
                                   .log = &world->log };
    assert_int_equal(store_open(&store, &world->store), 0);

    memory_init();
    memory_list(tools);
    world->config = make_config(world, policy_text);
    struct gateway_options options = { .loop = world->loop,
                                       .clock = clock_system(),
                                       .log = &world->log,
                                       .store = world->store,
                                       .self = STR("/nowhere"),
                                       .data = str_from_c(world->directory),
                                       .config = world->config };
    assert_int_equal(gateway_new(&options, &world->gateway), 0);
    gateway_start(world->gateway);
    make_grant(world);

    struct heard heard;
    say(world, &heard, VERB_POST, initialize);
    assert_int_equal(heard.status, 200);
    snprintf(world->session, sizeof(world->session), "%s", heard.session);
}

void world_stopped(void *arg)
{
    *(bool *)arg = true;
}

void close_world(struct world *world)
{
    gateway_stop(world->gateway, world_stopped, &world->stopped);
    gateway_stop(world->gateway, world_stopped, &world->stopped);
    for (int at = 0; !world->stopped && at < 1000; at++)
        turns(world, 1);
    assert_true(world->stopped);
    gateway_free(world->gateway);
    store_close(world->store);
    loop_free(world->loop);
    config_unref(world->config);
    memory_release();
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *walk)
{
    (void)status, (void)type, (void)walk;
    return remove(path);
}

void remove_world(const char *directory)
{
    assert_int_equal(nftw(directory, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}
