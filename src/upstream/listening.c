/* One GET that is answered for as long as the server likes, and asked again after a growing wait. */
#include "upstream/listening.h"

#include "base/check.h"
#include "base/limits.h"
#include "upstream/instance.h"

static const struct leg nobody; /* what comes here answers no request of ours */

static int64_t now_of(const struct listening *listening)
{
    return loop_now_ms(listening->instance->upstream->services.loop);
}

static void ask_later(struct listening *listening)
{
    if (listening->instance->state != INSTANCE_READY)
        return;
    if (listening->wait_ms == 0 || now_of(listening) - listening->began_ms >= LIMIT_healthy_ms)
        listening->wait_ms = LIMIT_restart_first_ms;
    else if (listening->wait_ms < LIMIT_restart_most_ms / 2)
        listening->wait_ms *= 2;
    else
        listening->wait_ms = LIMIT_restart_most_ms;
    timer_start(&listening->again, listening->wait_ms);
}

/* What changed meanwhile was not told. */
static void ask_again(struct timer *timer)
{
    struct listening *listening = CONTAINER_OF(timer, struct listening, again);
    if (listening->instance->state != INSTANCE_READY)
        return;
    listing_again(&listening->instance->upstream->listing);
    listening->ask(listening);
}

static bool is_event_stream(const struct http1 *answer)
{
    struct str type;
    if (answer->status != 200 || http1_find(answer, STR("Content-Type"), &type) != 1)
        return false;
    return str_eq_nocase(str_trim(str_slice(type, 0, str_find_byte(type, ';')), " \t"), STR("text/event-stream"));
}

static void head(struct client_request *request, const struct http1 *answer)
{
    struct listening *listening = request->owner;
    if (is_event_stream(answer))
        return;
    (void)client_cancel(request);
    if (answer->status >= 500)
        ask_later(listening);
}

static int on_event(void *arg, const struct sse_event *event)
{
    struct listening *listening = arg;
    if (str_is_empty(event->data) || !str_eq(event->type, STR("message")))
        return 0;
    instance_receive(listening->instance, event->data, &nobody);
    return listening->request.connection ? 0 : E_CLOSED;
}

static void body(struct client_request *request, struct str bytes)
{
    struct listening *listening = request->owner;
    int error = sse_feed(&listening->sse, bytes, on_event, listening);
    if (!error || !request->connection)
        return;
    instance_complain(listening->instance, "an event above its ceiling");
    (void)client_cancel(request);
    ask_later(listening);
}

static void done(struct client_request *request)
{
    ask_later(request->owner);
}

static void failed(struct client_request *request, enum client_sent sent, int error)
{
    (void)sent;
    (void)error;
    ask_later(request->owner);
}

static const struct client_events events = { .head = head, .body = body, .done = done, .failed = failed };

void listening_init(struct listening *listening, struct instance *instance, void (*ask)(struct listening *listening))
{
    *listening = (struct listening){ .instance = instance, .ask = ask, .request = { .events = &events } };
    listening->request.owner = listening;
    sse_init(&listening->sse, LIMIT_answer_body);
    timer_init(&listening->again, instance->upstream->services.loop, ask_again);
}

void listening_begin(struct listening *listening, struct client *client, struct str target,
                     const struct client_field *fields, size_t count)
{
    CHECK(listening->request.connection == NULL);
    sse_release(&listening->sse);
    sse_init(&listening->sse, LIMIT_answer_body);
    listening->began_ms = now_of(listening);
    if (client_start(client, &listening->request, STR("GET"), target, fields, count, STR_EMPTY) != 0)
        ask_later(listening);
}

void listening_stop(struct listening *listening)
{
    timer_stop(&listening->again);
    (void)client_cancel(&listening->request);
}

void listening_release(struct listening *listening)
{
    listening_stop(listening);
    sse_release(&listening->sse);
}
