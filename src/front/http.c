/* The HTTP front itself: its listener, the ceiling of connections, opening and closing. */
#include "front/http.h"

#include "base/check.h"
#include "base/limits.h"
#include "base/log.h"
#include "front/connection.h"
#include "io/tls.h"

#include <stdlib.h>

#define HEAD_MAX 8192 /* bytes of what we write before a message, and of a short one behind it */
#define BODY_MAX 4096 /* bytes of a body that the front makes itself */

/* At the ceiling the connection that has been idle the longest makes room, but never the one that has just come; when
 * there is none, new ones wait in the kernel. */
static void make_room(struct front_http *front)
{
    if (front->count < front->count_max)
        return;
    if (front->idle.next == front->idle.previous)
        listener_pause(front->listener);
    else
        connection_kill(CONTAINER_OF(front->idle.next, struct connection, link), "others need its place");
}

static void accepted(void *owner, int fd)
{
    struct front_http *front = owner;

    CHECK_OBJ(front, FRONT_MAGIC);
    connection_start(front, fd);
    make_room(front);
}

static const struct listener_events listener_events = { accepted };

int front_http_open(const struct front_http_options *options, struct front_http **out)
{
    struct front_http *front = malloc(sizeof(*front));

    if (!front)
        return E_NOMEM;
    AN(options->events);
    front->magic = FRONT_MAGIC;
    front->loop = options->loop;
    front->log = options->log;
    front->events = options->events;
    front->health = options->health.len ? options->health : STR("{\"status\":\"ok\"}");
    front->count = front->spare_count = 0;
    front->count_max = options->connections ? options->connections : LIMIT_connections;
    front->stopping = false;
    front->body_bytes = front->queue_bytes = 0;
    front->received = front->sent = front->accepted = 0;
    list_init(&front->idle);
    list_init(&front->busy);
    list_init(&front->dying);
    list_init(&front->spare);
    list_init(&front->arrived);
    list_init(&front->shares);
    share_init(&front->nobody);
    list_init(&front->hand_over.link);
    front->hand_over.run = connection_hand_over;
    buf_init(&front->head, HEAD_MAX);
    buf_init(&front->body, BODY_MAX);
    int error = listener_open(front->loop, options->address, &listener_events, front, &front->listener);
    if (error) {
        front->magic = 0;
        free(front);
        return error;
    }
    front->port = listener_port(front->listener);
    front->tls = options->tls ? tls_ref(options->tls) : NULL;
    route_rules_init(&front->rules, options->address, front->port);
    front->rules.tls = front->tls != NULL;
    front_http_allow(front, options->hosts, options->host_count, options->origins, options->origin_count);
    *out = front;
    return 0;
}

void front_http_show(struct front_http *front, struct tls *tls)
{
    CHECK_OBJ(front, FRONT_MAGIC);
    if (!front->tls || !tls)
        return;
    tls_ref(tls);
    tls_unref(front->tls);
    front->tls = tls;
}

void front_http_allow(struct front_http *front, const struct str *hosts, size_t host_count, const struct str *origins,
                      size_t origin_count)
{
    CHECK_OBJ(front, FRONT_MAGIC);
    front->rules.hosts = hosts;
    front->rules.host_count = host_count;
    front->rules.origins = origins;
    front->rules.origin_count = origin_count;
}

uint16_t front_http_port(const struct front_http *front)
{
    CHECK_OBJ(front, FRONT_MAGIC);
    return front->port;
}

void front_http_stats(const struct front_http *front, struct front_http_stats *out)
{
    CHECK_OBJ(front, FRONT_MAGIC);
    *out = (struct front_http_stats){ .connections = front->count,
                                      .accepted = front->accepted,
                                      .received = front->received,
                                      .sent = front->sent,
                                      .body_bytes = front->body_bytes,
                                      .queue_bytes = front->queue_bytes };
}

unsigned front_http_connections(const struct front_http *front)
{
    CHECK_OBJ(front, FRONT_MAGIC);
    return front->count;
}

void front_http_stop_accepting(struct front_http *front)
{
    CHECK_OBJ(front, FRONT_MAGIC);
    if (!front->listener)
        return;
    listener_close(front->listener);
    front->listener = NULL;
    front->stopping = true;
    LIST_EACH (&front->idle, link, after)
        connection_kill(CONTAINER_OF(link, struct connection, link), "the gateway stops");
}

static void destroy_all(struct list *connections)
{
    while (!list_is_empty(connections))
        connection_destroy(CONTAINER_OF(connections->next, struct connection, link));
}

void front_http_close(struct front_http *front)
{
    if (!front)
        return;
    front_http_stop_accepting(front);
    destroy_all(&front->idle);
    destroy_all(&front->busy);
    destroy_all(&front->dying);
    connection_free_spare(front);
    list_remove(&front->hand_over.link);
    buf_release(&front->head);
    buf_release(&front->body);
    tls_unref(front->tls);
    front->magic = 0;
    free(front);
}
