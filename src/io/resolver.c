/* The names that were asked for, each with what is known of it and who waits. A name's look-up runs in the pool on
 * memory that the loop does not touch until it is done, however late that is. */
#include "io/resolver.h"

#include "base/check.h"
#include "io/address.h"
#include "io/loop.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RESOLVER_MAGIC 0x52534c56u
#define NAME_MAGIC 0x4e414d45u
#define HOST_PORT_MAX 264

struct name {
    unsigned magic;
    struct resolver *resolver;
    struct list link;    /* resolver->names */
    struct list queue;   /* resolver->queue, while it waits for its turn */
    struct list lookups; /* who waits */
    struct timer timer;  /* the first one's patience */
    struct job job;
    bool running;
    int64_t good_until_ms;
    struct addresses known;
    int error;              /* of the last look-up */
    struct addresses found; /* the pool's, until it is done */
    char host_port[HOST_PORT_MAX];
};

struct resolver {
    unsigned magic;
    struct loop *loop;
    struct list names, queue;
    size_t count, running;
    bool closing;
};

/* ---- in the pool ---- */

static void add_address(struct addresses *found, const struct addrinfo *info)
{
    char host[NI_MAXHOST], port[NI_MAXSERV], text[ADDRESS_TEXT_MAX];
    bool six = info->ai_family == AF_INET6;
    if (found->count == LIMIT_dns_addresses || (!six && info->ai_family != AF_INET) ||
        getnameinfo(info->ai_addr, info->ai_addrlen, host, sizeof(host), port, sizeof(port),
                    NI_NUMERICHOST | NI_NUMERICSERV) != 0)
        return;
    int len = snprintf(text, sizeof(text), "%s%s%s:%s", six ? "[" : "", host, six ? "]" : "", port);
    if (len > 0 && (size_t)len < sizeof(text))
        memcpy(found->text[found->count++], text, (size_t)len + 1);
}

static void look_up(struct job *job)
{
    struct name *name = CONTAINER_OF(job, struct name, job);
    const struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV };
    struct addrinfo *list;
    char host[HOST_PORT_MAX];
    memcpy(host, name->host_port, sizeof(host));
    char *colon = strrchr(host, ':');
    *colon = '\0';
    name->found.count = 0;
    int failed = getaddrinfo(host, colon + 1, &hints, &list);
    name->error = !failed ? 0 : failed == EAI_NONAME || failed == EAI_NODATA ? E_NOT_FOUND : E_IO;
    if (failed)
        return;
    for (const struct addrinfo *info = list; info; info = info->ai_next)
        add_address(&name->found, info);
    freeaddrinfo(list);
    if (name->found.count == 0)
        name->error = E_NOT_FOUND;
}

/* ---- on the loop ---- */

static void name_free(struct name *name)
{
    CHECK(!name->running && list_is_empty(&name->lookups));
    timer_stop(&name->timer);
    list_remove(&name->link);
    list_remove(&name->queue);
    name->resolver->count--;
    name->magic = 0;
    free(name);
}

/* A callback may cancel others, so the first one is always looked for anew. */
static void tell(struct list *lookups, int error, const struct addresses *addresses)
{
    while (!list_is_empty(lookups)) {
        struct lookup *lookup = CONTAINER_OF(lookups->next, struct lookup, link);
        list_remove(&lookup->link);
        lookup->done(lookup, error, addresses);
    }
}

static void start_next(struct resolver *resolver);

static void free_if_closed(struct resolver *resolver)
{
    if (!resolver->closing || resolver->running > 0)
        return;
    LIST_EACH (&resolver->names, link, after)
        name_free(CONTAINER_OF(link, struct name, link));
    resolver->magic = 0;
    free(resolver);
}

static void looked_up(struct job *job)
{
    struct name *name = CONTAINER_OF(job, struct name, job);
    struct resolver *resolver = name->resolver;
    struct list waiting;
    CHECK_OBJ(name, NAME_MAGIC);
    name->running = false;
    resolver->running--;
    if (resolver->closing) {
        free_if_closed(resolver);
        return;
    }
    if (!name->error) {
        name->known = name->found;
        name->good_until_ms = loop_now_ms(resolver->loop) + LIMIT_dns_kept_ms;
    }
    timer_stop(&name->timer);
    list_init(&waiting);
    list_append(&name->lookups, &waiting);
    list_remove(&name->lookups);
    struct addresses addresses = name->known; /* the name may be freed by what is told */
    int error = name->error;
    start_next(resolver);
    tell(&waiting, error, &addresses);
}

static void start_next(struct resolver *resolver)
{
    while (resolver->running < LIMIT_dns_at_once && !list_is_empty(&resolver->queue)) {
        struct name *name = CONTAINER_OF(resolver->queue.next, struct name, queue);
        if (loop_submit(resolver->loop, &name->job) != 0)
            return; /* those who wait lose patience */
        list_remove(&name->queue);
        name->running = true;
        resolver->running++;
    }
}

static void patience_is_over(struct timer *timer)
{
    struct name *name = CONTAINER_OF(timer, struct name, timer);
    struct resolver *resolver = name->resolver;
    int64_t now_ms = loop_now_ms(resolver->loop), next_ms = INT64_MAX;
    struct list late;
    list_init(&late);
    LIST_EACH (&name->lookups, link, after) {
        struct lookup *lookup = CONTAINER_OF(link, struct lookup, link);
        if (lookup->due_ms <= now_ms) {
            list_remove(link);
            list_append(&late, link);
        } else if (lookup->due_ms < next_ms) {
            next_ms = lookup->due_ms;
        }
    }
    if (next_ms != INT64_MAX)
        timer_start(timer, next_ms - now_ms);
    else
        list_remove(&name->queue);
    start_next(resolver);
    tell(&late, E_TIMEOUT, NULL);
}

static struct name *find_name(struct resolver *resolver, struct str address)
{
    LIST_EACH (&resolver->names, link, after) {
        struct name *name = CONTAINER_OF(link, struct name, link);
        if (str_eq_nocase(str_from_c(name->host_port), address))
            return name;
    }
    return NULL;
}

/* Names that a configuration no longer has make room. */
static bool make_room(struct resolver *resolver)
{
    int64_t now_ms = loop_now_ms(resolver->loop);
    if (resolver->count < LIMIT_dns_names)
        return true;
    LIST_EACH (&resolver->names, link, after) {
        struct name *name = CONTAINER_OF(link, struct name, link);
        if (!name->running && list_is_empty(&name->lookups) && name->good_until_ms <= now_ms)
            name_free(name);
    }
    return resolver->count < LIMIT_dns_names;
}

static int name_new(struct resolver *resolver, struct str address, struct name **out)
{
    if (!make_room(resolver))
        return E_LIMIT;
    struct name *name = calloc(1, sizeof(*name));
    if (!name)
        return E_NOMEM;
    name->magic = NAME_MAGIC;
    name->resolver = resolver;
    name->job = (struct job){ .work = look_up, .done = looked_up };
    list_init(&name->link);
    list_init(&name->queue);
    list_init(&name->lookups);
    timer_init(&name->timer, resolver->loop, patience_is_over);
    memcpy(name->host_port, address.ptr, address.len);
    list_append(&resolver->names, &name->link);
    resolver->count++;
    *out = name;
    return 0;
}

int resolver_find(struct resolver *resolver, struct str address, struct lookup *lookup, struct addresses *out)
{
    struct address numeric;
    size_t colon = address.len;
    while (colon > 0 && address.ptr[colon - 1] != ':')
        colon--;
    if (address_parse(address, &numeric) == 0) {
        if (address.len >= ADDRESS_TEXT_MAX)
            return E_INVALID;
        out->count = 1;
        memcpy(out->text[0], address.ptr, address.len);
        out->text[0][address.len] = '\0';
        return 0;
    }
    if (!resolver || colon < 2 || colon == address.len || address.len >= HOST_PORT_MAX ||
        memchr(address.ptr, '\0', address.len))
        return E_INVALID;
    CHECK_OBJ(resolver, RESOLVER_MAGIC);
    struct name *name = find_name(resolver, address);
    int error = name ? 0 : name_new(resolver, address, &name);
    if (error)
        return error;
    if (name->good_until_ms > loop_now_ms(resolver->loop)) {
        *out = name->known;
        return 0;
    }
    lookup->due_ms = loop_now_ms(resolver->loop) + LIMIT_dns_ms;
    list_append(&name->lookups, &lookup->link);
    if (!name->timer.running)
        timer_start(&name->timer, LIMIT_dns_ms);
    if (!name->running && list_is_empty(&name->queue))
        list_append(&resolver->queue, &name->queue);
    start_next(resolver);
    return E_AGAIN;
}

void lookup_cancel(struct lookup *lookup)
{
    list_remove(&lookup->link);
}

int resolver_new(struct loop *loop, struct resolver **out)
{
    struct resolver *resolver = calloc(1, sizeof(*resolver));
    if (!resolver)
        return E_NOMEM;
    resolver->magic = RESOLVER_MAGIC;
    resolver->loop = loop;
    list_init(&resolver->names);
    list_init(&resolver->queue);
    *out = resolver;
    return 0;
}

void resolver_free(struct resolver *resolver)
{
    if (!resolver)
        return;
    CHECK_OBJ(resolver, RESOLVER_MAGIC);
    CHECK(!resolver->closing);
    resolver->closing = true;
    LIST_EACH (&resolver->names, link, after) {
        struct name *name = CONTAINER_OF(link, struct name, link);
        CHECK(list_is_empty(&name->lookups));
        timer_stop(&name->timer);
    }
    free_if_closed(resolver);
}
