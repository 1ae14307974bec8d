/* What a server says: parsed as strictly as what clients say, and given to the leg that it belongs to. Everything that
 * belongs to none is dropped and counted. */
#include "upstream/instance.h"

#include "base/check.h"
#include "base/limits.h"
#include "base/log.h"
#include "io/heap.h"
#include "upstream/handshake.h"

/* One of our ids, which begin with 1; 0: none of them. */
static uint64_t number_of(const struct json *id)
{
    int64_t number;
    return json_is(id, JSON_NUMBER) && json_int64(id, &number) && number > 0 ? (uint64_t)number : 0;
}

/* The leg in flight with this id. A server cannot answer what it has not read yet. */
static struct leg *leg_of(const struct instance *instance, const struct json *id, const struct leg *only)
{
    uint64_t number = number_of(id);
    struct leg *leg = number ? legs_find(&instance->legs, number) : NULL;
    return leg && leg->sent == SENT_ALL && (!only || leg == only) ? leg : NULL;
}

/* Over a transport that has an exchange a leg, what is given up is closed: there an answer to it is a fault. */
static void answered_nothing(struct instance *instance, const struct json *id, const struct leg *only)
{
    if (!only && legs_were_given_up(&instance->legs, number_of(id)))
        instance_answered_late(instance);
    else
        instance_complain(instance, id ? "an answer to nothing that is in flight" : "an error without an id");
}

static void malformed(struct instance *instance, const struct message *message, struct str detail,
                      const struct leg *only)
{
    bool is_answer = message->kind == MESSAGE_RESULT || message->kind == MESSAGE_ERROR;
    struct leg *leg = is_answer ? leg_of(instance, message->id, only) : NULL;
    instance_complain(instance, detail.ptr);
    if (leg)
        instance_end_leg(leg, REASON_upstream_malformed);
}

/* The client hears the error, and its own next try goes out by the list as it is then. */
static void doubt_marks(struct instance *instance, const struct message *message, const struct leg *leg)
{
    if (message->kind != MESSAGE_ERROR || !error_is_of_mirrors(message->error_code) || instance->era->has_sessions ||
        !str_eq(leg->method, method_row(METHOD_TOOLS_CALL)->name))
        return;
    listing_again(&instance->upstream->listing);
    if (!instance_is_control(instance))
        listing_again(&instance->listing);
}

/* The arena goes to the leg with the answer. */
static void answered(struct instance *instance, const struct message *message, struct arena *arena,
                     const struct leg *only)
{
    struct leg *leg = leg_of(instance, message->id, only);
    if (!leg) {
        arena_release(arena);
        answered_nothing(instance, message->id, only);
        return;
    }
    legs_remove(&instance->legs, leg);
    instance->used_ms = loop_now_ms(instance->upstream->services.loop);
    doubt_marks(instance, message, leg);
    leg->events->answer(leg, message, arena);
}

/* Of what a server may ask, ping alone is answered: no capability for the rest was declared. */
static void asked(struct instance *instance, const struct message *message)
{
    struct upstream *upstream = instance->upstream;
    if (instance->state != INSTANCE_STARTING && instance->state != INSTANCE_READY)
        return;
    if (!instance->era->server_may_ask) { /* and nobody may answer it */
        instance_complain(instance, "a request of its own, which this protocol version does not have");
        return;
    }
    buf_reset(&upstream->id);
    message_write_id(&upstream->id, message->id);
    if (message->method_id == METHOD_SERVER_PING)
        message_write_result_raw(&upstream->out, buf_str(&upstream->id), STR("{}"));
    else
        message_write_error(&upstream->out, buf_str(&upstream->id), -32601, STR("Method not found"), STR_EMPTY);
    instance_answer(instance);
}

static void progressed(struct instance *instance, const struct message *message, const struct leg *only)
{
    struct leg *leg = leg_of(instance, json_get(message->params, STR("progressToken")), only);
    if (leg && leg->progress && leg->events->note)
        leg->events->note(leg, message);
}

static void noted(struct instance *instance, const struct message *message, const struct leg *only)
{
    switch ((int)message->method_id) {
    case METHOD_PROGRESS: progressed(instance, message, only); break;
    case METHOD_SERVER_CANCELLED:
        if (instance_is_control(instance))
            subscription_cancelled(&instance->upstream->subscription, message);
        break;
    case METHOD_SUBSCRIPTIONS_ACKNOWLEDGED: break;
    case METHOD_TOOLS_LIST_CHANGED:
    case METHOD_PROMPTS_LIST_CHANGED:
    case METHOD_RESOURCES_LIST_CHANGED:
        listing_again(&instance->upstream->listing);
        if (!instance_is_control(instance))
            listing_again(&instance->listing);
        break;
    default:
        log_debug(instance->upstream->services.log, "server '%" STR_FMT "': a notification is not passed on: %" STR_FMT,
                  STR_ARG(instance->upstream->server->name), STR_ARG(str_slice(message->method, 0, 80)));
        break;
    }
}

/* NULL, with the tree in the arena; or why there is none. */
static const char *read_tree(struct instance *instance, struct str bytes, struct arena *arena, const struct json **root)
{
    struct json_error fault;
    CHECK_OBJ(instance, INSTANCE_MAGIC);
    arena_init(arena, instance->upstream->services.arenas, LIMIT_answer_memory);
    instance->received = bytes.len;
    if (instance->upstream->services.heap)
        heap_passed(instance->upstream->services.heap, bytes.len);
    if (json_parse(arena, bytes, &json_limits_answer, root, &fault) == 0)
        return NULL;
    arena_release(arena);
    return json_fault_text(fault.fault);
}

void instance_receive(struct instance *instance, struct str bytes, const struct leg *only)
{
    struct arena arena;
    const struct json *root;
    struct message message;
    enum reason why;
    struct str detail;
    const char *fault = read_tree(instance, bytes, &arena, &root);
    if (fault) {
        instance_complain(instance, fault);
        return;
    }
    if (message_read(root, SENDER_SERVER, &message, &why, &detail) != 0) {
        malformed(instance, &message, detail, only);
    } else if (message.kind == MESSAGE_RESULT || message.kind == MESSAGE_ERROR) {
        answered(instance, &message, &arena, only);
        return;
    } else if (message.kind == MESSAGE_REQUEST) {
        asked(instance, &message);
    } else {
        noted(instance, &message, only);
    }
    arena_release(&arena);
}

bool instance_receive_error(struct instance *instance, struct str bytes, struct leg *leg)
{
    struct arena arena;
    const struct json *root;
    struct message message;
    enum reason why;
    struct str detail;
    if (read_tree(instance, bytes, &arena, &root))
        return false;
    bool is_error = message_read(root, SENDER_SERVER, &message, &why, &detail) == 0 && message.kind == MESSAGE_ERROR &&
                    leg_of(instance, message.id, leg) == leg;
    if (is_error)
        answered(instance, &message, &arena, leg);
    else
        arena_release(&arena);
    return is_error;
}
