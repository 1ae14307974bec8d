#include "memory_upstream.h"

#include "base/check.h"

#include <stdio.h>
#include <stdlib.h>

struct memory memory;
struct upstream {
    int unused;
};
struct instance {
    int unused;
};
static struct upstream the_upstream;
static struct instance the_instance;

void memory_init(void)
{
    memory = (struct memory){ .instances_ready = true };
    list_init(&memory.waiters);
    list_init(&memory.legs);
}

void memory_release(void)
{
    memory_unlist();
}

void memory_unlist(void)
{
    definitions_unref(memory.definitions);
    memory.definitions = NULL;
}

void memory_list(const char *const *names)
{
    memory_list_as(names, 0);
}

void memory_list_as(const char *const *names, unsigned char version)
{
    memory_unlist();
    struct definitions *made = definitions_new(1 << 20);
    AN(made);
    size_t count = 0;
    while (names[count])
        count++;
    made->tools = arena_zalloc(&made->arena, sizeof(*made->tools) * count);
    made->tool_count = count;
    made->has_tools = true;
    made->instructions_item.pin = arena_zalloc(&made->arena, sizeof(struct pin));
    AN(made->instructions_item.pin);
    for (size_t at = 0; at < count; at++) {
        made->tools[at].name = str_from_c(names[at]);
        made->tools[at].definition = arena_printf(&made->arena, "{\"name\":\"%s\"}", names[at]);
        made->tools[at].pin.digest.bytes[0] = version;
    }
    size_t dropped;
    AZ(definitions_index(made, &dropped));
    memory.definitions = made;
    if (memory.events.definitions)
        memory.events.definitions(memory.events.arg, &the_upstream);
}

void memory_wake(enum reason reason)
{
    while (!list_is_empty(&memory.waiters)) {
        struct upstream_waiter *waiter = CONTAINER_OF(memory.waiters.next, struct upstream_waiter, link);
        list_remove(&waiter->link);
        waiter->ready(waiter, reason);
    }
}

struct leg *memory_leg(void)
{
    return list_is_empty(&memory.legs) ? NULL : CONTAINER_OF(memory.legs.next, struct leg, link);
}

void memory_answer(struct leg *leg, const char *result)
{
    struct arena arena;
    struct json_error fault;
    struct message message = { .kind = MESSAGE_RESULT };
    arena_init(&arena, memory.arenas, 1 << 20);
    AZ(json_parse(&arena, str_from_c(result), &json_limits_answer, &message.result, &fault));
    list_remove(&leg->link);
    leg->events->answer(leg, &message, &arena);
}

void memory_end(struct leg *leg, enum reason reason)
{
    list_remove(&leg->link);
    leg->events->ended(leg, reason);
}

int upstream_new(const struct upstream_services *services, const struct server *server,
                 const struct upstream_events *events, struct upstream **out)
{
    (void)server;
    memory.events = *events;
    memory.arenas = services->arenas;
    memory.made++;
    *out = &the_upstream;
    return 0;
}

void upstream_start(struct upstream *upstream)
{
    memory.started++;
    if (memory.definitions)
        memory.events.definitions(memory.events.arg, upstream);
}
void upstream_free(struct upstream *upstream)
{
    (void)upstream;
}
struct definitions *upstream_definitions(struct upstream *upstream)
{
    return (void)upstream, memory.known ? memory.definitions : NULL;
}

struct definitions *upstream_newest(struct upstream *upstream)
{
    return (void)upstream, memory.definitions;
}

void upstream_know(struct upstream *upstream)
{
    (void)upstream;
    AN(memory.definitions);
    bool was_known = memory.known;
    memory.known = true;
    if (!was_known)
        memory_wake(REASON_allowed);
}
void upstream_trouble(const struct upstream *upstream, struct upstream_trouble *out)
{
    (void)upstream;
    *out = (struct upstream_trouble){ .next_ms = -1 };
}
enum upstream_state upstream_state(const struct upstream *upstream)
{
    return (void)upstream, UPSTREAM_READY;
}

void upstream_stats(const struct upstream *upstream, struct upstream_stats *out)
{
    (void)upstream;
    *out = (struct upstream_stats){ .starts = memory.started };
}

void upstream_stop(struct upstream *upstream, enum reason reason, void (*done)(void *arg), void *arg)
{
    (void)upstream;
    memory.ended++;
    while (memory_leg())
        memory_end(memory_leg(), reason);
    memory_wake(reason);
    done(arg);
}

void upstream_wait(struct upstream *upstream, struct upstream_waiter *waiter)
{
    (void)upstream;
    list_append(&memory.waiters, &waiter->link);
}

void upstream_wait_cancel(struct upstream_waiter *waiter)
{
    list_remove(&waiter->link);
}

enum speaks upstream_speaks(const struct upstream *upstream, enum era_id era)
{
    return (void)upstream, era == memory.era ? SPEAKS_YES : SPEAKS_NO;
}

const struct definitions *upstream_own(const struct upstream *upstream, enum era_id era, struct str isolation_value)
{
    (void)upstream, (void)era, (void)isolation_value;
    return NULL;
}

int upstream_open(struct upstream *upstream, enum era_id era, struct str isolation_value,
                  struct upstream_waiter *waiter, struct instance **out)
{
    (void)upstream, (void)isolation_value;
    CHECK(era == memory.era);
    *out = &the_instance;
    if (memory.instances_ready)
        return 0;
    list_append(&memory.waiters, &waiter->link);
    return E_AGAIN;
}

int upstream_send(struct instance *instance, struct leg *leg, struct str method, struct str params)
{
    (void)method;
    leg->instance = instance;
    leg->sent = SENT_ALL;
    list_append(&memory.legs, &leg->link);
    memory.sent++;
    snprintf(memory.last_params, sizeof(memory.last_params), "%" STR_FMT, STR_ARG(params));
    return 0;
}

void upstream_cancel(struct leg *leg, enum reason reason)
{
    (void)reason;
    list_remove(&leg->link);
    memory.cancelled++;
}

void upstream_close_instances(struct upstream *upstream, struct str isolation_value, enum reason reason)
{
    (void)upstream, (void)isolation_value, (void)reason;
    memory.closed_instances++;
}
