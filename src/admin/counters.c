/* Limits in requests and answers: which counters there are, and which are set back. */
#include "admin/counters.h"

#include "base/check.h"
#include "base/limits.h"
#include "gate/gateway.h"
#include "policy/policy.h"

#include <stdlib.h>

#define SHOWN_MAX 1000
#define SHOWN_BYTES ((size_t)1 << 20)  /* of one answer: far below what a connection may have unread */
#define FOUND_BYTES ((size_t)64 << 20) /* copies of what fits */

static bool read_text(const struct json *request, struct str name, struct str *out)
{
    const struct json *value = json_get(request, name);
    *out = value != NULL && json_is(value, JSON_STRING) ? json_string(value) : STR_EMPTY;
    return value == NULL || (json_is(value, JSON_STRING) && json_string(value).len > 0);
}

int limits_read(const struct json *request, struct operation *out, struct str *why)
{
    struct limits_filter *filter = &out->limits;
    const struct json *all = json_get(request, STR("all"));
    *why = STR("grant, server, counter and value are texts that are not empty, all is true or false");
    if (!read_text(request, STR("grant"), &out->which) || !read_text(request, STR("server"), &filter->server) ||
        !read_text(request, STR("counter"), &filter->counter) || !read_text(request, STR("value"), &filter->value) ||
        (all != NULL && !json_is(all, JSON_BOOL)))
        return E_INVALID;
    filter->all = all != NULL && json_bool(all);
    *why = STR("a reset names a grant, a server, a counter or a value");
    bool names = out->which.len + filter->server.len + filter->counter.len + filter->value.len > 0;
    return names || out->kind == OPERATION_LIMITS_SHOW ? 0 : E_INVALID;
}

/* A value as it is printed, or a string without its quotes. */
static bool is_value(struct str have, struct str wanted)
{
    bool quoted = have.len == wanted.len + 2 && have.ptr[0] == '"';
    return str_eq(have, wanted) || (quoted && str_eq(str_slice(have, 1, have.len - 1), wanted));
}

static bool fits(const struct limits_filter *filter, const struct counter_key *key)
{
    if (filter->grant.len > 0 && (key->scope != SCOPE_GRANT || !str_eq(key->scope_value, filter->grant)))
        return false;
    if (filter->server.len > 0 && !str_eq(key->server, filter->server))
        return false;
    if (filter->counter.len > 0 && !str_eq(key->counter, filter->counter))
        return false;
    return filter->value.len == 0 || is_value(key->scope_value, filter->value);
}

struct finding {
    const struct limits_filter *filter;
    struct arena *arena;
    struct counter_view *views;
    size_t count, kept, capacity, max;
    bool in_flight; /* calls in flight are wanted too */
    bool no_memory;
};

static bool copy_key(struct arena *arena, struct counter_key *key)
{
    key->server = arena_str(arena, key->server);
    key->counter = arena_str(arena, key->counter);
    key->scope_value = arena_str(arena, key->scope_value);
    return key->server.ptr != NULL && key->counter.ptr != NULL && key->scope_value.ptr != NULL;
}

static int find_one(void *arg, const struct counter_view *view)
{
    struct finding *finding = arg;
    if (!fits(finding->filter, &view->key) || (view->key.window.kind == WINDOW_CONCURRENT && !finding->in_flight))
        return 0;
    finding->count++;
    if (finding->kept == finding->max)
        return 0;
    if (finding->kept == finding->capacity) {
        size_t capacity = finding->capacity == 0 ? 64 : 2 * finding->capacity;
        struct counter_view *views =
            arena_realloc(finding->arena, finding->views, finding->capacity * sizeof *views, capacity * sizeof *views);
        if (views == NULL) {
            finding->no_memory = true;
            return 1;
        }
        finding->views = views;
        finding->capacity = capacity;
    }
    struct counter_view *copy = &finding->views[finding->kept];
    *copy = *view;
    if (!copy_key(finding->arena, &copy->key)) {
        finding->no_memory = true;
        return 1;
    }
    finding->kept++;
    return 0;
}

/* ---- show ---- */

struct covered { /* a server, and the policy that limits it */
    struct str server;
    const struct policy *policy;
    struct policy *loaded; /* the same where it is ours to give back */
    struct covered *next;
};

struct covering {
    struct arena *arena;
    struct covered *first;
};

static void cover(struct covering *covering, struct str server, const struct policy *policy, struct policy *loaded)
{
    struct covered *covered = arena_alloc(covering->arena, sizeof *covered);
    if (covered == NULL) {
        policy_unref(loaded);
        return;
    }
    *covered = (struct covered){ server, policy, loaded, covering->first };
    covering->first = covered;
}

static void cover_by_revision(void *arg, struct str server, struct str source)
{
    struct covering *covering = arg;
    struct problems problems;
    struct policy *policy;
    if (policy_load(source, covering->arena, &problems, &policy) == 0)
        cover(covering, server, policy, policy);
}

static void cover_by_gateway(struct covering *covering, const struct gateway *gateway)
{
    for (size_t i = 0; i < gateway_server_count(gateway); i++) {
        struct gateway_server_status server;
        gateway_server_status(gateway, i, &server);
        if (gateway_policy(gateway, i) != NULL)
            cover(covering, server.name, gateway_policy(gateway, i), NULL);
    }
}

/* The least of all policies that have a say. */
static bool limit_of(const struct covering *covering, struct store *store, const struct counter_key *key,
                     struct policy_limit *least)
{
    const struct pinned_class class = store_pin_class(store, key->server, policy_limit_tool(key));
    bool found = false;
    for (const struct covered *covered = covering->first; covered != NULL; covered = covered->next) {
        struct policy_limit one;
        bool concerns = key->scope == SCOPE_GLOBAL || str_eq(covered->server, key->server);
        if (!concerns || !policy_limit_of(covered->policy, key, &class, &one))
            continue;
        if (!found || one.max < least->max)
            *least = one;
        found = true;
    }
    return found;
}

static int view_order(const void *a, const void *b)
{
    const struct counter_key *left = &((const struct counter_view *)a)->key;
    const struct counter_key *right = &((const struct counter_view *)b)->key;
    int order = str_cmp(left->server, right->server);
    if (order == 0)
        order = str_cmp(left->counter, right->counter);
    if (order == 0)
        order = (int)left->scope - (int)right->scope;
    return order != 0 ? order : str_cmp(left->scope_value, right->scope_value);
}

static void member_amount(struct json_writer *writer, struct str name, amount value)
{
    char text[48];
    amount_print(value, text);
    json_write_member_string(writer, name, str_from_c(text));
}

/* Counters are named by policies, values by agents: those may hold any byte. */
static void member_bytes(struct json_writer *writer, struct str name, struct str value)
{
    char escaped[2 * LIMIT_counter_key];
    if (str_is_utf8(value))
        json_write_member_string(writer, name, value);
    else
        json_write_member_string(writer, name, str_of(escaped, text_escape(value, escaped, sizeof escaped)));
}

static void write_counter(struct json_writer *writer, struct store *store, const struct covering *covering,
                          const struct counter_view *view)
{
    static const char *const scopes[] = { "grant", "session", "server", "global", "args" };
    const struct counter_key *key = &view->key;
    const struct grant *grant = key->scope == SCOPE_GRANT ? store_grant(store, key->scope_value) : NULL;
    struct policy_limit limit = { .by = STR_EMPTY, .cost = STR_EMPTY };
    bool limited = limit_of(covering, store, key, &limit);
    char window[32];
    window_print(&key->window, window);
    json_write_object(writer);
    member_bytes(writer, STR("counter"), key->counter);
    if (key->scope != SCOPE_GLOBAL)
        json_write_member_string(writer, STR("server"), key->server);
    json_write_member_string(writer, STR("scope"), str_from_c(scopes[key->scope]));
    if (limit.by.len > 0)
        json_write_member_string(writer, STR("path"), limit.by);
    if (key->scope != SCOPE_GLOBAL)
        member_bytes(writer, STR("value"), key->scope_value);
    if (grant != NULL)
        json_write_member_string(writer, STR("label"), grant->label);
    json_write_member_string(writer, STR("window"), str_from_c(window));
    json_write_member_bool(writer, STR("sliding"), key->window.algorithm == WINDOW_SLIDING);
    member_amount(writer, STR("used"), view->used);
    if (limited)
        member_amount(writer, STR("max"), limit.max);
    if (limit.cost.len > 0)
        json_write_member_string(writer, STR("cost"), limit.cost);
    if (view->resets_ms != INT64_MAX)
        json_write_member_int(writer, STR("resets_ms"), view->resets_ms);
    json_write_object_end(writer);
}

static void write_counters(struct json_writer *writer, struct store *store, const struct gateway *gateway,
                           const struct finding *finding, struct arena *arena)
{
    struct covering covering = { .arena = arena };
    if (gateway != NULL)
        cover_by_gateway(&covering, gateway);
    else
        store_revision_each(store, cover_by_revision, &covering);
    reply_begin(writer);
    json_write_member_int(writer, STR("count"), (int64_t)finding->count);
    json_write_key(writer, STR("counters"));
    json_write_array(writer);
    for (size_t i = 0; i < finding->kept && writer->out->len < SHOWN_BYTES; i++)
        write_counter(writer, store, &covering, &finding->views[i]);
    json_write_array_end(writer);
    reply_end(writer);
    for (struct covered *covered = covering.first; covered != NULL; covered = covered->next)
        policy_unref(covered->loaded);
}

void reply_limits(struct json_writer *writer, struct store *store, const struct gateway *gateway,
                  const struct limits_filter *filter)
{
    struct arena arena;
    arena_init(&arena, NULL, FOUND_BYTES);
    struct finding finding = { .filter = filter, .arena = &arena, .max = SHOWN_MAX, .in_flight = true };
    (void)store_limits_view(store, find_one, &finding);
    if (finding.kept > 0)
        qsort(finding.views, finding.kept, sizeof *finding.views, view_order);
    if (finding.no_memory)
        reply_error(writer, str_from_c(error_text(E_NOMEM)));
    else
        write_counters(writer, store, gateway, &finding, &arena);
    arena_release(&arena);
}

/* ---- reset ---- */

int limits_find(struct store *store, const struct limits_filter *filter, struct arena *arena, struct counter_view **out,
                size_t *count, struct str *why)
{
    struct finding finding = { .filter = filter, .arena = arena, .max = RESETS_MAX };
    (void)store_limits_view(store, find_one, &finding);
    *why = STR_EMPTY;
    if (finding.no_memory)
        return E_NOMEM;
    *why = STR("no counter that is in use fits: warder limits show names them");
    if (finding.count == 0)
        return E_NOT_FOUND;
    if (finding.count > 1 && !filter->all) {
        *why = arena_printf(arena, "%zu counters fit: --yes sets all of them back", finding.count);
        return why->ptr != NULL ? E_LIMIT : E_NOMEM;
    }
    *out = finding.views;
    *count = finding.kept;
    return 0;
}

void reply_reset(struct json_writer *writer, size_t count)
{
    reply_begin(writer);
    json_write_member_int(writer, STR("reset"), (int64_t)count);
    json_write_member_bool(writer, STR("more"), count == RESETS_MAX);
    reply_end(writer);
}
