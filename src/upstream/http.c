/* The HTTP back: Streamable HTTP (MCP 2025-03-26 to 2026-07-28), one POST a message, answered by JSON or by an event
 * stream. Redirects, other statuses and other media types are never taken for a result; what a server says to an error
 * of HTTP counts only if it is the error of that very request. */
#include "upstream/instance.h"

#include "base/check.h"
#include "base/limits.h"
#include "base/log.h"
#include "mcp/mirror.h"
#include "model/url.h"
#include "net/client.h"
#include "net/sse.h"
#include "upstream/listening.h"
#include "upstream/secure.h"

#include <stdio.h>
#include <stdlib.h>

#define HTTP_MAGIC 0x48545450u
#define POST_MAGIC 0x504f5354u
#define OWN_FIELDS (6 + LIMIT_mirrored_params)
#define MIRRORED_BYTES (4 * LIMIT_header_line)
#define SESSION_MAX 1024
#define KEPT_BODY_BYTES 65536 /* a larger buffer goes back to the heap after its answer */

enum answer_form { FORM_NONE, FORM_JSON, FORM_EVENTS, FORM_ERROR /* JSON with a status of 4xx or 5xx */ };

struct post { /* one request to the server; kept for the next one when it is over */
    unsigned magic;
    struct list link; /* http's busy, over or idle */
    struct client_request request;
    struct http *http;
    struct leg *leg; /* NULL: nobody waits for an answer, or not any more */
    uint64_t leg_id;
    int64_t alone_until_ms; /* without a leg */
    enum answer_form form;
    unsigned status; /* of FORM_ERROR */
    bool is_note;    /* never had a leg */
    bool is_close;   /* DELETE of the session */
    struct buf body;
    struct sse sse;
};

struct http {
    unsigned magic;
    struct instance *instance;
    struct client *client;
    struct url url; /* borrowed from the server */
    struct secure secure;
    struct listening listening;
    struct client_field *fields; /* those of the configuration, and behind them our own */
    size_t field_count;
    struct buf mirrored; /* names and values of fields that repeat the message that is being sent */
    char session[SESSION_MAX + 1];
    struct list busy, over, idle; /* struct post */
    struct timer alone;           /* for posts whose leg is gone */
    bool closing;
    bool settling;                               /* instance_settled is due once no note is under way */
    struct deferred begun, recycle, ended, dead; /* at the end of the turn */
    bool recycle_due, ended_due;
};

static void answer_head(struct client_request *request, const struct http1 *answer);
static void answer_body(struct client_request *request, struct str bytes);
static void answer_done(struct client_request *request);
static void answer_failed(struct client_request *request, enum client_sent sent, int error);

static const struct client_events client_events = {
    .head = answer_head, .body = answer_body, .done = answer_done, .failed = answer_failed
};

static struct loop *loop_of(const struct http *http)
{
    return http->instance->upstream->services.loop;
}

static enum sent sent_of(enum client_sent sent)
{
    switch (sent) {
    case CLIENT_SENT_NONE: return SENT_NONE;
    case CLIENT_SENT_SOME: return SENT_SOME;
    case CLIENT_SENT_ALL: break;
    }
    return SENT_ALL;
}

/* ---- posts ---- */

static struct post *post_take(struct http *http)
{
    struct post *post;
    if (!list_is_empty(&http->idle)) {
        post = CONTAINER_OF(http->idle.next, struct post, link);
        list_remove(&post->link);
    } else {
        post = calloc(1, sizeof(*post));
        if (!post)
            return NULL;
        post->magic = POST_MAGIC;
        post->http = http;
        post->request.events = &client_events;
        post->request.owner = post;
        buf_init(&post->body, LIMIT_answer_body);
        sse_init(&post->sse, LIMIT_answer_body);
    }
    post->leg = NULL;
    post->form = FORM_NONE;
    post->is_note = post->is_close = false;
    list_append(&http->busy, &post->link);
    return post;
}

static void post_free(struct post *post)
{
    list_remove(&post->link);
    buf_release(&post->body);
    sse_release(&post->sse);
    post->magic = 0;
    free(post);
}

/* Its leg, if any, knows nothing of it any more. It is used again only after this turn: callers may look at it still.
 */
static void post_is_over(struct post *post)
{
    struct http *http = post->http;
    if (post->leg)
        post->leg->transport = NULL;
    post->leg = NULL;
    list_remove(&post->link);
    list_append(&http->over, &post->link);
    if (!http->recycle_due)
        loop_defer(loop_of(http), &http->recycle);
    http->recycle_due = true;
}

static void recycle(struct deferred *deferred)
{
    struct http *http = CONTAINER_OF(deferred, struct http, recycle);
    http->recycle_due = false;
    while (!list_is_empty(&http->over)) {
        struct post *post = CONTAINER_OF(http->over.next, struct post, link);
        buf_recycle(&post->body, KEPT_BODY_BYTES);
        if (post->form == FORM_EVENTS) {
            sse_release(&post->sse);
            sse_init(&post->sse, LIMIT_answer_body);
        }
        list_remove(&post->link);
        list_append(&http->idle, &post->link);
    }
}

/* Nobody waits for its answer: its connection is given some time to become free again. */
static void post_is_alone(struct post *post, int64_t for_ms)
{
    struct http *http = post->http;
    post->leg = NULL;
    post->alone_until_ms = loop_now_ms(loop_of(http)) + for_ms;
    if (!http->alone.running || http->alone.due_ms > post->alone_until_ms)
        timer_start(&http->alone, for_ms);
}

static bool post_is_busy(const struct post *post)
{
    return post->request.connection != NULL;
}

static void is_closed_later(struct http *http)
{
    if (!http->ended_due)
        loop_defer(loop_of(http), &http->ended);
    http->ended_due = true;
}

static bool has_notes(const struct http *http)
{
    LIST_EACH (&http->busy, link, after)
        if (CONTAINER_OF(link, struct post, link)->is_note)
            return true;
    return false;
}

static void look_whether_settled(struct http *http)
{
    if (!http->settling || has_notes(http))
        return;
    http->settling = false;
    instance_settled(http->instance);
}

static void alone_for_long(struct timer *timer)
{
    struct http *http = CONTAINER_OF(timer, struct http, alone);
    int64_t now_ms = loop_now_ms(loop_of(http)), next_ms = INT64_MAX;
    LIST_EACH (&http->busy, link, after) {
        struct post *post = CONTAINER_OF(link, struct post, link);
        if (post->leg)
            continue;
        if (post->alone_until_ms > now_ms) {
            next_ms = post->alone_until_ms < next_ms ? post->alone_until_ms : next_ms;
            continue;
        }
        (void)client_cancel(&post->request);
        if (post->is_close)
            is_closed_later(http);
        post_is_over(post);
    }
    if (next_ms != INT64_MAX)
        timer_start(timer, next_ms - now_ms);
    look_whether_settled(http);
}

/* ---- sending ---- */

/* MCP 2026-07-28 transports, "Request Metadata": made of our own tree. Places in the buffer first, for it moves. */
static int fill_mirrored(struct http *http, const struct leg *leg, struct client_field *own, size_t *count)
{
    struct buf *text = &http->mirrored;
    size_t ends[2 * (LIMIT_mirrored_params + 1)], parts = 0, start = 0;
    buf_reset(text);
    own[(*count)++] = (struct client_field){ STR("Mcp-Method"), leg->method };
    if (leg->name.ptr) {
        buf_append_str(text, STR("Mcp-Name"));
        ends[parts++] = text->len;
        mirror_encode(text, leg->name);
        ends[parts++] = text->len;
    }
    for (size_t i = 0; leg->tool && i < leg->tool->mirrored_count; i++) {
        const struct mirrored *mirrored = &leg->tool->mirrored[i];
        const struct json *argument = mirror_argument(mirrored, leg->arguments);
        if (!argument)
            continue;
        buf_append_str(text, STR(MIRROR_FIELD_PREFIX));
        buf_append_str(text, mirrored->name);
        ends[parts++] = text->len;
        if (mirror_write(text, argument) != 0)
            return E_INVALID;
        ends[parts++] = text->len;
    }
    if (!buf_ok(text))
        return E_LIMIT;
    for (size_t i = 0; i < parts; i += 2) {
        own[(*count)++] = (struct client_field){ str_slice(buf_str(text), start, ends[i]),
                                                 str_slice(buf_str(text), ends[i], ends[i + 1]) };
        start = ends[i + 1];
    }
    return 0;
}

static int fill_fields(struct http *http, const struct leg *leg, bool has_body, size_t *total)
{
    struct client_field *own = http->fields + http->field_count;
    size_t count = 0;
    int error = 0;
    own[count++] = (struct client_field){ STR("Accept"), STR("application/json, text/event-stream") };
    if (has_body)
        own[count++] = (struct client_field){ STR("Content-Type"), STR("application/json") };
    if (http->instance->version[0])
        own[count++] = (struct client_field){ STR("MCP-Protocol-Version"), str_from_c(http->instance->version) };
    if (http->session[0])
        own[count++] = (struct client_field){ STR("Mcp-Session-Id"), str_from_c(http->session) };
    if (leg && !http->instance->era->has_sessions)
        error = fill_mirrored(http, leg, own, &count);
    CHECK(count <= OWN_FIELDS);
    *total = http->field_count + count;
    return error;
}

static int start(struct http *http, struct post *post, const struct leg *leg, struct str method, struct str body)
{
    size_t count;
    int error = fill_fields(http, leg, body.len > 0, &count);
    if (!error)
        error = client_start(http->client, &post->request, method, http->url.target, http->fields, count, body);
    if (error)
        post_is_over(post);
    return error == E_LIMIT ? E_FULL : error;
}

static void ask_to_listen(struct listening *listening)
{
    struct http *http = CONTAINER_OF(listening, struct http, listening);
    size_t count;
    if (http->closing || fill_fields(http, NULL, false, &count) != 0)
        return;
    http->fields[http->field_count].value = STR("text/event-stream"); /* Accept, the first of our own */
    listening_begin(listening, http->client, http->url.target, http->fields, count);
}

static void http_listen(struct instance *instance)
{
    struct http *http = instance->back;
    const struct capabilities *declared = &instance->capabilities;
    CHECK_OBJ(http, HTTP_MAGIC);
    if (instance->era->has_sessions &&
        (declared->tools_change || declared->prompts_change || declared->resources_change))
        ask_to_listen(&http->listening);
}

static int http_send(struct instance *instance, struct leg *leg, struct str message)
{
    struct http *http = instance->back;
    CHECK_OBJ(http, HTTP_MAGIC);
    if (http->closing)
        return E_CLOSED;
    struct post *post = post_take(http);
    if (!post)
        return E_NOMEM;
    int error = start(http, post, leg, STR("POST"), message);
    if (error)
        return error;
    if (leg) {
        post->leg = leg;
        post->leg_id = leg->id;
        leg->transport = post;
        leg->sent = sent_of(client_request_sent(&post->request));
    } else {
        post->is_note = true;
        post_is_alone(post, LIMIT_body_ms);
    }
    return 0;
}

/* Each message has a connection of its own: only its answer says that it came before the next one. */
static int http_settle(struct instance *instance)
{
    struct http *http = instance->back;
    CHECK_OBJ(http, HTTP_MAGIC);
    http->settling = has_notes(http);
    return http->settling ? E_AGAIN : 0;
}

static void http_forget(struct instance *instance, struct leg *leg)
{
    struct post *post = leg->transport;
    (void)instance;
    if (!post)
        return;
    CHECK_OBJ(post, POST_MAGIC);
    leg->sent = sent_of(client_cancel(&post->request));
    post_is_over(post);
}

/* ---- answers ---- */

/* The leg's last word, unless it has had one. */
static void end_leg(struct post *post, enum reason reason)
{
    struct leg *leg = post->leg;
    if (!leg)
        return;
    leg->transport = NULL;
    post->leg = NULL;
    instance_end_leg(leg, reason);
}

/* The connection is closed, as the rest of the answer is not wanted. */
static void refuse(struct post *post, const char *what, enum reason reason)
{
    if (!post->leg || post->leg != &post->http->instance->probe)
        instance_complain(post->http->instance, what);
    if (post->leg)
        post->leg->sent = sent_of(client_request_sent(&post->request));
    (void)client_cancel(&post->request);
    end_leg(post, reason);
    post_is_over(post);
}

static bool is_session(struct str text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] < 0x21 || text.ptr[i] > 0x7e)
            return false;
    return text.len > 0 && text.len <= SESSION_MAX;
}

/* MCP 2025-11-25 transports: given with the answer to initialize. False: given, and not fit for a field. */
static bool keep_session(struct http *http, const struct http1 *answer)
{
    struct str session;
    unsigned count = http1_find(answer, STR("Mcp-Session-Id"), &session);
    bool due = http->instance->state == INSTANCE_STARTING && http->instance->era->has_sessions;
    if (count == 0 || !due || http->session[0])
        return true;
    if (count > 1 || !is_session(session))
        return false;
    memcpy(http->session, session.ptr, session.len);
    http->session[session.len] = '\0';
    return true;
}

static enum answer_form form_of(const struct http1 *answer)
{
    struct str type;
    if (http1_find(answer, STR("Content-Type"), &type) != 1)
        return FORM_NONE;
    type = str_trim(str_slice(type, 0, str_find_byte(type, ';')), " \t");
    if (str_eq_nocase(type, STR("application/json")))
        return FORM_JSON;
    return str_eq_nocase(type, STR("text/event-stream")) ? FORM_EVENTS : FORM_NONE;
}

static enum reason reason_of_status(unsigned status)
{
    return status == 401 || status == 403 ? REASON_upstream_unauthorized : REASON_upstream_status;
}

static void describe_status(char what[64], unsigned status)
{
    snprintf(what, 64, "an answer with the HTTP status %u", status);
}

/* The body said nothing that helps. */
static void refuse_status(struct instance *instance, struct leg *leg, unsigned status)
{
    char what[64];
    describe_status(what, status);
    if (leg != &instance->probe) /* a server that only knows sessions has done nothing wrong */
        instance_complain(instance, what);
    instance_end_leg(leg, reason_of_status(status));
}

/* Everything else than 200: an error may be told in JSON-RPC as well, and is waited for then. */
static void take_status(struct post *post, const struct http1 *answer)
{
    char what[64];
    if (answer->status >= 400 && post->form == FORM_JSON) {
        post->form = FORM_ERROR;
        post->status = answer->status;
        return;
    }
    describe_status(what, answer->status);
    refuse(post, what, reason_of_status(answer->status));
}

static void answer_head(struct client_request *request, const struct http1 *answer)
{
    struct post *post = request->owner;
    struct http *http = post->http;
    CHECK_OBJ(post, POST_MAGIC);
    if (post->is_close)
        return;
    if (answer->status == 404 && http->session[0]) {
        log_info(http->instance->upstream->services.log,
                 "server '%" STR_FMT "' has ended the session; a new one is begun",
                 STR_ARG(http->instance->upstream->server->name));
        instance_lose(http->instance, REASON_upstream_closed);
        return;
    }
    if (!post->leg) {
        if (answer->status != 200 && answer->status != 202 && answer->status != 204)
            instance_complain(http->instance, "it did not take a notification");
        return;
    }
    post->leg->sent = sent_of(client_request_sent(request));
    post->form = form_of(answer);
    if (answer->status != 200)
        take_status(post, answer);
    else if (post->form == FORM_NONE)
        refuse(post, "an answer that is neither JSON nor an event stream", REASON_upstream_malformed);
    else if (!keep_session(http, answer))
        refuse(post, "an answer whose Mcp-Session-Id is not one", REASON_upstream_malformed);
}

/* True: the post goes on. */
static bool receive(struct post *post, struct str message)
{
    struct instance *instance = post->http->instance;
    struct leg *leg = post->leg;
    instance_receive(instance, message, leg);
    if (!post_is_busy(post))
        return false;
    /* Ids are never used twice: if it is not there any more, the leg has had its answer. */
    if (leg && legs_find(&instance->legs, post->leg_id) != leg) {
        post_is_alone(post, LIMIT_body_ms);
    }
    return true;
}

static int on_event(void *arg, const struct sse_event *event)
{
    struct post *post = arg;
    if (!post->leg || str_is_empty(event->data) || !str_eq(event->type, STR("message")))
        return 0;
    return receive(post, event->data) ? 0 : E_CLOSED;
}

static void answer_body(struct client_request *request, struct str bytes)
{
    struct post *post = request->owner;
    CHECK_OBJ(post, POST_MAGIC);
    if (!post->leg)
        return;
    if (post->form == FORM_JSON || post->form == FORM_ERROR) {
        buf_append_str(&post->body, bytes);
        if (!buf_ok(&post->body))
            refuse(post, "an answer above its ceiling", REASON_upstream_malformed);
        return;
    }
    int error = sse_feed(&post->sse, bytes, on_event, post);
    if (error && error != E_CLOSED)
        refuse(post, "an event above its ceiling", REASON_upstream_malformed);
}

static void answer_done(struct client_request *request)
{
    struct post *post = request->owner;
    struct http *http = post->http;
    struct leg *leg = post->leg;
    CHECK_OBJ(post, POST_MAGIC);
    if (post->is_close)
        is_closed_later(http);
    if (leg && post->form == FORM_JSON) {
        leg->transport = NULL;
        post->leg = NULL;
        instance_receive(http->instance, buf_str(&post->body), leg);
        if (legs_find(&http->instance->legs, post->leg_id) == leg)
            instance_end_leg(leg, REASON_upstream_malformed);
    } else if (leg && post->form == FORM_ERROR) {
        leg->transport = NULL;
        post->leg = NULL;
        if (!instance_receive_error(http->instance, buf_str(&post->body), leg))
            refuse_status(http->instance, leg, post->status);
    }
    end_leg(post, REASON_upstream_closed);
    post_is_over(post);
    look_whether_settled(http);
}

static enum reason reason_of(enum client_sent sent, int error)
{
    if (error == E_TLS)
        return REASON_upstream_tls;
    if (error == E_SYNTAX)
        return REASON_upstream_malformed;
    if (sent == CLIENT_SENT_NONE)
        return REASON_upstream_unavailable;
    return error == E_TIMEOUT ? REASON_upstream_full : REASON_upstream_closed;
}

/* What the operator must know to mend it. */
static void complain_of_connection(struct instance *instance, enum client_sent sent, const char *fault, int error)
{
    char what[192];
    if (!fault)
        fault = error == E_CLOSED ? "the connection was refused" : error_text(error);
    snprintf(what, sizeof(what), "%s: %s", sent == CLIENT_SENT_NONE ? "it cannot be reached" : "its connection broke",
             fault);
    if (sent == CLIENT_SENT_NONE)
        instance_say_why(instance, "%s", what);
    instance_complain(instance, what);
}

static void answer_failed(struct client_request *request, enum client_sent sent, int error)
{
    struct post *post = request->owner;
    CHECK_OBJ(post, POST_MAGIC);
    if (post->is_close)
        is_closed_later(post->http);
    if (sent == CLIENT_SENT_NONE || request->fault)
        complain_of_connection(post->http->instance, sent, request->fault, error);
    if (post->leg)
        post->leg->sent = sent_of(sent);
    end_leg(post, reason_of(sent, error));
    post_is_over(post);
    look_whether_settled(post->http);
}

/* ---- life ---- */

static void free_http(struct deferred *deferred)
{
    struct http *http = CONTAINER_OF(deferred, struct http, dead);
    http->magic = 0;
    buf_release(&http->mirrored);
    free(http->fields);
    free(http);
}

/* Events of posts may be on the stack still, so those are freed with the client, at the end of a turn. */
static void has_ended(struct deferred *deferred)
{
    struct http *http = CONTAINER_OF(deferred, struct http, ended);
    if (http->secure.running) { /* it says when it is over */
        http->ended_due = false;
        return;
    }
    struct list *const lists[] = { &http->busy, &http->over, &http->idle };
    timer_stop(&http->alone);
    listening_release(&http->listening);
    client_free(http->client);
    for (size_t i = 0; i < ARRAY_LEN(lists); i++)
        LIST_EACH (lists[i], link, after)
            post_free(CONTAINER_OF(link, struct post, link));
    instance_closed(http->instance);
    loop_defer(loop_of(http), &http->dead);
}

/* MCP 2025-11-25 transports: a client that needs a session no more should say so. */
static void http_close(struct instance *instance)
{
    struct http *http = instance->back;
    CHECK_OBJ(http, HTTP_MAGIC);
    http->closing = true;
    listening_stop(&http->listening);
    struct post *post = http->session[0] ? post_take(http) : NULL;
    if (!post || start(http, post, NULL, STR("DELETE"), STR_EMPTY) != 0) {
        is_closed_later(http);
        return;
    }
    post->is_close = true;
    post_is_alone(post, LIMIT_connect_ms);
}

static void http_kill(struct instance *instance)
{
    struct http *http = instance->back;
    CHECK_OBJ(http, HTTP_MAGIC);
    http->closing = true;
    listening_stop(&http->listening);
    is_closed_later(http);
}

static void begun(struct deferred *deferred)
{
    struct http *http = CONTAINER_OF(deferred, struct http, begun);
    if (!http->closing)
        instance_opened(http->instance);
}

/* Requests can be sent from the next turn on. */
static int make_client(struct http *http)
{
    const struct upstream *upstream = http->instance->upstream;
    struct client_options options = {
        .loop = loop_of(http),
        .address = str_from_c(http->url.address),
        .host = http->url.authority,
        .tls = upstream->tls,
        .resolver = upstream->services.resolver,
    };
    int error = client_new(&options, &http->client);
    if (!error)
        loop_defer(loop_of(http), &http->begun);
    return error;
}

static void is_secure(struct secure *secure)
{
    struct http *http = CONTAINER_OF(secure, struct http, secure);
    if (http->closing)
        is_closed_later(http);
    else if (secure->error || make_client(http) != 0)
        instance_lose(http->instance, REASON_upstream_tls);
}

static int fill(struct http *http, const struct server *server)
{
    int error = url_parse(server->url, &http->url);
    if (error)
        return error;
    http->fields = calloc(server->header_count + OWN_FIELDS, sizeof(*http->fields));
    if (!http->fields)
        return E_NOMEM;
    for (size_t i = 0; i < server->header_count; i++)
        http->fields[i] = (struct client_field){ server->headers[i].name, server->headers[i].value };
    http->field_count = server->header_count;
    error = http->url.https ? secure_prepare(&http->secure, http->instance->upstream, http->url.host, is_secure) : 0;
    if (error == E_AGAIN)
        return 0;
    return error ? error : make_client(http);
}

static int http_open(struct instance *instance)
{
    struct http *http = calloc(1, sizeof(*http));
    if (!http)
        return E_NOMEM;
    http->magic = HTTP_MAGIC;
    http->instance = instance;
    list_init(&http->busy);
    list_init(&http->over);
    list_init(&http->idle);
    timer_init(&http->alone, loop_of(http), alone_for_long);
    buf_init(&http->mirrored, MIRRORED_BYTES);
    listening_init(&http->listening, instance, ask_to_listen);
    http->begun.run = begun;
    http->recycle.run = recycle;
    http->ended.run = has_ended;
    http->dead.run = free_http;
    int error = fill(http, instance->upstream->server);
    if (error) {
        free(http->fields);
        free(http);
        return error;
    }
    instance->version[0] = '\0';
    instance->back = http;
    return 0;
}

const struct back_ops http_back = { .open = http_open,
                                    .send = http_send,
                                    .settle = http_settle,
                                    .forget = http_forget,
                                    .close = http_close,
                                    .kill = http_kill,
                                    .listen = http_listen,
                                    .forgets_aloud = true,
                                    .starts_cheaply = true };
