/* Who waits, in which share, and who goes where others need the room. */
#include "front/share.h"

#include "base/check.h"
#include "base/limits.h"
#include "front/connection.h"

void connection_count_queue(struct connection *connection)
{
    size_t more = connection->queue.cap - connection->queue_counted; /* may wrap, and wraps back */
    connection->front->queue_bytes += more;
    if (connection->share)
        connection->share->bytes += more;
    if (connection->share && connection->share->bytes > connection->share->most)
        connection->share->most = connection->share->bytes;
    connection->queue_counted = connection->queue.cap;
}

/* What was queued before anybody was known goes over to whose the answer is. */
void connection_waits(struct connection *connection)
{
    struct front_http *front = connection->front;
    struct share *share = connection->exchange_out ? connection->exchange.share : NULL;
    if (connection->share && (connection->share != &front->nobody || !share))
        return;
    connection_waits_no_more(connection);
    connection->share = share ? share : &front->nobody;
    connection->share->bytes += connection->queue_counted;
    if (!share_is_used(connection->share))
        list_append(&front->shares, &connection->share->link);
    list_append(&connection->share->unread, &connection->unread);
}

/* Only what is written puts the end off. */
void connection_reads_on(struct connection *connection)
{
    connection->stall_ms = loop_now_ms(connection->front->loop) + LIMIT_write_stall_ms;
    list_remove(&connection->unread);
    list_append(&connection->share->unread, &connection->unread);
}

void connection_waits_no_more(struct connection *connection)
{
    struct front_http *front = connection->front;
    struct share *share = connection->share;
    if (!share)
        return;
    list_remove(&connection->unread);
    share->bytes -= connection->queue_counted;
    connection->share = NULL;
    if (share_is_used(share))
        return;
    AZ(share->bytes);
    list_remove(&share->link);
    if (share != &front->nobody)
        front->events->unshared(front->events->arg, share);
}

static struct connection *next_to_go(struct front_http *front)
{
    struct share *largest = NULL;
    LIST_EACH (&front->shares, link, after) {
        struct share *share = CONTAINER_OF(link, struct share, link);
        if (!largest || share->bytes > largest->bytes)
            largest = share;
    }
    return largest ? CONTAINER_OF(largest->unread.next, struct connection, unread) : NULL;
}

/* Who is answered now has done nothing wrong, unless its own share is the largest. Those that go are not on the stack:
 * a message is read only where the queue is empty. */
bool connection_make_room(struct connection *connection)
{
    struct front_http *front = connection->front;
    struct connection *oldest;
    while (front->queue_bytes > LIMIT_process_bytes && (oldest = next_to_go(front)) != NULL && oldest != connection) {
        CHECK_OBJ(oldest, CONNECTION_MAGIC);
        connection_kill(oldest, "does not read, and others need the room");
        buf_release(&oldest->queue);
        connection_count_queue(oldest);
    }
    return front->queue_bytes <= LIMIT_process_bytes;
}
