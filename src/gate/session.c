/* Sessions and what each grant uses. */
#include "gate/session.h"

#include "base/check.h"
#include "base/limits.h"
#include "base/random.h"

#include <stdlib.h>

#define SESSION_MAGIC 0x5e551017u

void sessions_init(struct sessions *sessions)
{
    map_init(&sessions->by_id);
    map_init(&sessions->uses);
    list_init(&sessions->all);
    sessions->count = 0;
}

void sessions_release(struct sessions *sessions)
{
    LIST_EACH (&sessions->all, link, after)
        session_end(sessions, CONTAINER_OF(link, struct session, link));
    AZ(sessions->count);
    size_t at = 0;
    for (const struct map_entry *entry; (entry = map_next(&sessions->uses, &at)) != NULL;)
        free(entry->value);
    map_release(&sessions->by_id);
    map_release(&sessions->uses);
}

struct grant_use *grant_use_get(struct sessions *sessions, struct str grant_id)
{
    struct grant_use *use = map_get(&sessions->uses, grant_id);
    if (use)
        return use;
    CHECK(grant_id.len == GRANT_ID_LEN);
    use = calloc(1, sizeof(*use));
    if (!use)
        return NULL;
    memcpy(use->id, grant_id.ptr, grant_id.len);
    share_init(&use->share);
    if (map_set(&sessions->uses, str_of(use->id, GRANT_ID_LEN), use) != 0) {
        free(use);
        return NULL;
    }
    return use;
}

size_t grant_use_bytes(const struct grant_use *use)
{
    return use->bytes + use->share.bytes;
}

void grant_use_put(struct sessions *sessions, struct grant_use *use)
{
    if (use->messages || use->sessions || use->streams || share_is_used(&use->share))
        return;
    map_remove(&sessions->uses, str_of(use->id, GRANT_ID_LEN));
    free(use);
}

int session_new(struct sessions *sessions, struct str server, struct grant_use *grant, struct str version,
                struct str client, int64_t now_ms, struct session **out)
{
    if (grant->sessions >= LIMIT_sessions_per_grant)
        return E_LIMIT;
    struct session *session = calloc(1, sizeof(*session));
    if (!session)
        return E_NOMEM;
    uint8_t secret[SESSION_ID_LEN * 3 / 4];
    random_bytes(secret, sizeof(secret));
    size_t length = base64url_encode(secret, sizeof(secret), session->id);
    CHECK(length == SESSION_ID_LEN);

    session->magic = SESSION_MAGIC;
    CHECK(server.len <= SERVER_NAME_MAX);
    memcpy(session->server, server.ptr, server.len);
    session->grant = grant;
    session->version = version;
    session->created_ms = session->used_ms = now_ms;
    session->client_len = client.len < SESSION_CLIENT_MAX ? client.len : SESSION_CLIENT_MAX;
    memcpy(session->client, client.ptr, session->client_len);
    while (session->client_len && !str_is_utf8(session_client(session)))
        session->client_len--; /* not in the middle of a character */
    list_init(&session->calls);
    list_init(&session->listenings);
    if (map_set(&sessions->by_id, session_id(session), session) != 0) {
        free(session);
        return E_NOMEM;
    }
    list_append(&sessions->all, &session->link);
    sessions->count++;
    grant->sessions++;
    *out = session;
    return 0;
}

struct session *session_find(struct sessions *sessions, struct str id, struct str server, struct str grant_id,
                             int64_t now_ms)
{
    struct session *session = map_get(&sessions->by_id, id);
    if (!session || session->ending || !str_eq(session_server(session), server) ||
        !str_eq(str_of(session->grant->id, GRANT_ID_LEN), grant_id))
        return NULL;
    CHECK_OBJ(session, SESSION_MAGIC);
    session->used_ms = now_ms;
    list_remove(&session->link);
    list_append(&sessions->all, &session->link);
    return session;
}

void session_end(struct sessions *sessions, struct session *session)
{
    CHECK_OBJ(session, SESSION_MAGIC);
    CHECK(list_is_empty(&session->calls) && list_is_empty(&session->listenings));
    struct grant_use *grant = session->grant;
    map_remove(&sessions->by_id, session_id(session));
    list_remove(&session->link);
    sessions->count--;
    session->magic = 0;
    free(session);
    grant->sessions--;
    grant_use_put(sessions, grant);
}

struct session *session_expired(struct sessions *sessions, int64_t now_ms)
{
    LIST_EACH (&sessions->all, link, after) {
        struct session *session = CONTAINER_OF(link, struct session, link);
        bool idle = now_ms - session->used_ms >= LIMIT_session_idle_ms && list_is_empty(&session->calls) &&
                    list_is_empty(&session->listenings);
        if (idle || now_ms - session->created_ms >= LIMIT_session_total_ms)
            return session;
    }
    return NULL;
}

struct str session_id(const struct session *session)
{
    return str_of(session->id, SESSION_ID_LEN);
}
struct str session_server(const struct session *session)
{
    return str_from_c(session->server);
}
struct str session_client(const struct session *session)
{
    return str_of(session->client, session->client_len);
}
