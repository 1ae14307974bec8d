/* A back that answers from memory: the test reads what was sent and says what the server says. */
#pragma once

#include "rig.h"

#include "upstream/back.h"
#include "upstream/instance.h"

struct memory {
    struct instance *instance;
    struct memory   *next;         /* of all that were opened */
    bool             closed_by_us, killed, gone;
    int              send_error;   /* what send answers, once it is not 0 */
    bool             holds;        /* what is sent waits: nothing of it has left */
    unsigned         sent;
    unsigned         forgotten;
    char             last[4096];   /* the last message */
};

static struct memory *memories; /* newest first */
static int memory_open_error;
static unsigned memory_count;

static int memory_open(struct instance *instance)
{
    if (memory_open_error)
        return memory_open_error;
    struct memory *memory = calloc(1, sizeof(*memory));
    memory->instance = instance;
    memory->next = memories;
    memories = memory;
    memory_count++;
    instance->back = memory;
    return 0;
}

static int memory_send(struct instance *instance, struct leg *leg, struct str message)
{
    struct memory *memory = instance->back;
    assert_false(memory->gone);
    if (memory->send_error)
        return memory->send_error;
    memory->sent++;
    snprintf(memory->last, sizeof(memory->last), "%.*s", STR_ARG(message));
    if (leg && !memory->holds)
        leg->sent = SENT_ALL;
    return 0;
}

static void memory_forget(struct instance *instance, struct leg *leg)
{
    (void)leg;
    ((struct memory *)instance->back)->forgotten++;
}

static void memory_close(struct instance *instance) { ((struct memory *)instance->back)->closed_by_us = true; }

static void memory_kill(struct instance *instance) { ((struct memory *)instance->back)->killed = true; }

static const struct back_ops memory_back = {
    .open = memory_open, .send = memory_send, .forget = memory_forget, .close = memory_close, .kill = memory_kill,
};

static inline void memory_forget_all(void)
{
    while (memories) {
        struct memory *next = memories->next;
        free(memories);
        memories = next;
    }
    memory_open_error = 0;
    memory_count = 0;
}

/* What a test that failed left behind must not fail the next one. */
static inline int memory_setup(void **state)
{
    (void)state;
    memory_forget_all();
    return 0;
}

static inline void memory_say(struct memory *memory, const char *format, ...) PRINTF_LIKE(2, 3);
static inline void memory_say(struct memory *memory, const char *format, ...)
{
    char bytes[8192];
    va_list arguments;
    va_start(arguments, format);
    int len = vsnprintf(bytes, sizeof(bytes), format, arguments);
    va_end(arguments);
    assert_true(len > 0 && (size_t)len < sizeof(bytes));
    instance_receive(memory->instance, str_of(bytes, (size_t)len), NULL);
}

/* The id of the last message, which is a request. */
static inline unsigned long long memory_id(const struct memory *memory)
{
    unsigned long long id = 0;
    assert_int_equal(sscanf(memory->last, "{\"jsonrpc\":\"2.0\",\"id\":%llu", &id), 1);
    return id;
}

static inline void memory_answer(struct memory *memory, const char *result)
{
    memory_say(memory, "{\"jsonrpc\":\"2.0\",\"id\":%llu,\"result\":%s}", memory_id(memory), result);
}

static inline void memory_end(struct memory *memory)
{
    memory->gone = true;
    instance_closed(memory->instance);
}

#define HELLO(capabilities) "{\"protocolVersion\":\"2025-06-18\",\"capabilities\":" capabilities ",\"serverInfo\":{\"name\":\"s\",\"version\":\"1\"}}"
#define ONE_TOOL "{\"tools\":[{\"name\":\"t\",\"inputSchema\":{}}]}"

/* The newest connection takes bytes; a server that knows no server/discover says so. */
static inline struct memory *memory_open_legacy(void)
{
    struct memory *memory = memories;
    instance_opened(memory->instance);
    if (strstr(memory->last, "\"method\":\"server/discover\""))
        memory_say(memory, "{\"jsonrpc\":\"2.0\",\"id\":%llu,\"error\":{\"code\":-32601,\"message\":\"?\"}}", memory_id(memory));
    return memory;
}

/* The newest connection through its handshake. */
static inline struct memory *memory_shake(struct rig *rig, const char *hello)
{
    struct memory *memory = memory_open_legacy();
    assert_non_null(strstr(memory->last, "\"method\":\"initialize\""));
    memory_answer(memory, hello);
    rig_turn(rig);
    return memory;
}

/* An upstream with one tool, ready; its control session. */
static inline struct memory *memory_ready(struct rig *rig)
{
    rig_init(rig, NULL);
    assert_int_equal(upstream_new_with_back(&rig->services, &rig->server, &rig->events, &memory_back, &rig->upstream), 0);
    upstream_start(rig->upstream);
    struct memory *control = memory_shake(rig, HELLO("{\"tools\":{}}"));
    memory_answer(control, ONE_TOOL);
    assert_int_equal(upstream_state(rig->upstream), UPSTREAM_READY);
    return control;
}

/* A client's own instance says what it lists. */
static inline void memory_list_own(struct rig *rig, struct memory *memory, const char *tools)
{
    assert_non_null(strstr(memory->last, "\"method\":\"tools/list\""));
    memory_answer(memory, tools);
    rig_turn(rig);
}

/* An instance for an isolation value, ready. */
static inline struct memory *memory_instance(struct rig *rig, const char *isolation, struct instance **out)
{
    struct wait wait;
    wait_init(&wait);
    assert_int_equal(upstream_open(rig->upstream, ERA_LEGACY, str_from_c(isolation), &wait.waiter, out), E_AGAIN);
    struct memory *memory = memory_shake(rig, HELLO("{\"tools\":{}}"));
    memory_list_own(rig, memory, ONE_TOOL);
    assert_int_equal(wait.calls, 1);
    assert_int_equal(wait.reason, REASON_allowed);
    assert_int_equal(upstream_open(rig->upstream, ERA_LEGACY, str_from_c(isolation), &wait.waiter, out), 0);
    return memory;
}

/* Stops and frees: every connection that is still there ends when it is asked to. */
static inline void memory_finish(struct rig *rig)
{
    upstream_stop(rig->upstream, REASON_shutting_down, rig_stopped, rig);
    for (struct memory *memory = memories; memory; memory = memory->next) {
        if (!memory->gone)
            assert_true(memory->closed_by_us || memory->killed);
        if (!memory->gone)
            memory_end(memory);
    }
    rig_turn(rig);
    assert_true(rig->stopped);
    rig_release(rig);
    memory_forget_all();
}
