/* Routes of the data plane. */
#include "front/route.h"

#include "base/check.h"
#include "base/limits.h"
#include "front/media.h"
#include "mcp/message.h"
#include "net/octets.h"

#define SERVER_NAME_MAX 64

enum field_id {
#define FIELD(member, name) FIELD_##member,
#include "front/request_fields.def"
#undef FIELD
    FIELD_COUNT
};

static const struct str field_names[FIELD_COUNT] = {
#define FIELD(member, name) [FIELD_##member] = { name, sizeof(name) - 1 },
#include "front/request_fields.def"
#undef FIELD
};

struct fields {
    struct str value[FIELD_COUNT];
    bool present[FIELD_COUNT];
    struct media_accept accept;
    bool bad_accept;
};

/* MCP 2026-07-28 has its own word for a field that it mirrors a message in. */
static enum reason repeated(enum field_id id, struct str one, struct str other)
{
    bool modern = str_eq(one, STR(MCP_VERSION_MODERN)) || str_eq(other, STR(MCP_VERSION_MODERN));
    bool mirrors = id == FIELD_mirrored_method || id == FIELD_mirrored_name || (id == FIELD_version && modern);
    return mirrors ? REASON_mirror_mismatch : REASON_header_mismatch;
}

static enum reason collect(const struct http1 *request, struct fields *fields)
{
    for (unsigned i = 0; i < request->field_count; i++) {
        struct str name = http1_field_name(request, i), value = http1_field_value(request, i);
        if (name.len == 6 && str_eq_nocase(name, STR("Accept")))
            fields->bad_accept |= !media_accept_add(&fields->accept, value);
        for (unsigned id = 0; id < FIELD_COUNT; id++) {
            if (name.len != field_names[id].len || !str_eq_nocase(name, field_names[id]))
                continue;
            if (fields->present[id])
                return repeated((enum field_id)id, fields->value[id], value);
            fields->present[id] = true;
            fields->value[id] = value;
            break;
        }
    }
    return REASON_allowed;
}

/* --- Host and Origin --- */

/* "name", "name:80", "[::1]:80"; *port is empty without one. */
static bool split_host(struct str host, struct str *name, struct str *port)
{
    size_t end = host.len && host.ptr[0] == '[' ? str_find_byte(host, ']') + 1 : str_find_byte(host, ':');

    if (end == 0 || end > host.len)
        return false;
    *name = str_slice(host, 0, end);
    *port = str_slice(host, end + 1, host.len);
    if (end == host.len)
        return true;
    unsigned long long number;
    return host.ptr[end] == ':' && str_to_u64(*port, UINT16_MAX, &number);
}

static bool host_is_allowed(const struct route_rules *rules, struct str host)
{
    struct str name, port, wanted, wanted_port;
    unsigned long long number = rules->tls ? 443 : 80; /* what a Host without a port means */

    if (!split_host(host, &name, &port) || (port.len && !str_to_u64(port, UINT16_MAX, &number)))
        return false;
    for (unsigned i = 0; i < rules->own_count; i++)
        if (number == rules->port && str_eq_nocase(name, rules->own[i]))
            return true;
    for (size_t i = 0; i < rules->host_count; i++)
        if (split_host(rules->hosts[i], &wanted, &wanted_port) && str_eq_nocase(name, wanted) &&
            (str_is_empty(wanted_port) || str_eq(port, wanted_port)))
            return true;
    return false;
}

static bool origin_is_allowed(const struct route_rules *rules, struct str origin)
{
    for (size_t i = 0; i < rules->origin_count; i++)
        if (str_eq_nocase(origin, rules->origins[i]))
            return true;
    static const struct str schemes[] = { { "http://", 7 }, { "https://", 8 } };
    for (size_t i = rules->tls ? 1 : 0; i < ARRAY_LEN(schemes);
         i++) /* TLS may also be spoken by who stands before us */
        if (str_starts_with(origin, schemes[i]))
            return host_is_allowed(rules, str_slice(origin, schemes[i].len, origin.len));
    return false;
}

static struct str host_of(struct str address)
{
    struct str name, port;
    return split_host(address, &name, &port) ? name : STR_EMPTY;
}

void route_rules_init(struct route_rules *rules, struct str address, uint16_t port)
{
    static const struct str loopback[] = { { "127.0.0.1", 9 }, { "localhost", 9 }, { "[::1]", 5 } };
    struct str host = host_of(address);
    bool wildcard = str_eq(host, STR("0.0.0.0")) || str_eq(host, STR("[::]"));

    *rules = (struct route_rules){ .port = port };
    rules->own[rules->own_count++] = host;
    if (wildcard || str_starts_with(host, STR("127.")) || str_eq(host, STR("localhost")) || str_eq(host, STR("[::1]")))
        for (size_t i = 0; i < ARRAY_LEN(loopback); i++)
            rules->own[rules->own_count++] = loopback[i];
}

/* --- the path --- */

/* A path, or "http://authority/path" (RFC 9112 §3.2.2) where the authority is the Host. False: another authority. */
static bool find_path(const struct route_rules *rules, const struct http1 *request, struct str *path)
{
    const struct str scheme = rules->tls ? STR("https://") : STR("http://");

    *path = request->target;
    if (!str_eq_nocase(str_slice(*path, 0, scheme.len), scheme))
        return true;
    struct str rest = str_slice(*path, scheme.len, path->len);
    size_t slash = str_find_byte(rest, '/');
    *path = str_slice(rest, slash, rest.len);
    return str_eq_nocase(str_slice(rest, 0, slash), request->host);
}

static bool is_server_name(struct str name)
{
    if (name.len == 0 || name.len > SERVER_NAME_MAX)
        return false;
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'))
            return false;
    }
    return true;
}

static enum reason find_kind(enum http1_method method, struct str path, struct route *route)
{
    static const struct str mcp = { "/mcp/", 5 };

    if (str_eq(path, STR("/healthz")) || str_eq(path, STR("/readyz"))) {
        route->allow = STR("GET");
        route->kind = str_eq(path, STR("/healthz")) ? ROUTE_HEALTH : ROUTE_READY;
        return method == HTTP1_GET ? REASON_allowed : REASON_method_not_allowed;
    }
    if (!str_starts_with(path, mcp) || !is_server_name(str_slice(path, mcp.len, path.len)))
        return REASON_not_found;
    route->server = str_slice(path, mcp.len, path.len);
    route->allow = STR("GET, POST, DELETE, OPTIONS");
    switch (method) {
    case HTTP1_POST: route->kind = ROUTE_MESSAGE; return REASON_allowed;
    case HTTP1_DELETE: route->kind = ROUTE_DELETE; return REASON_allowed;
    case HTTP1_OPTIONS: route->kind = ROUTE_OPTIONS; return REASON_allowed;
    case HTTP1_GET: route->kind = ROUTE_STREAM; return REASON_allowed;
    case HTTP1_METHOD_COUNT: break;
    }
    return REASON_method_not_allowed;
}

/* --- what MCP asks of a message --- */

static struct str bearer_token(struct str authorization)
{
    static const struct str scheme = { "Bearer ", 7 };

    if (!str_eq_nocase(str_slice(authorization, 0, scheme.len), scheme))
        return STR_EMPTY;
    struct str token = str_trim(str_slice(authorization, scheme.len, authorization.len), " ");
    return token.len <= LIMIT_token_bytes && octets_are(token, OCTET_VISIBLE) ? token : STR_EMPTY;
}

/* An id or a version that is there must be one value: joined ones have a comma. */
static bool is_one_value(const struct fields *fields, enum field_id id)
{
    struct str value = fields->value[id];
    if (!fields->present[id])
        return true;
    return value.len && octets_are(value, OCTET_VISIBLE) && str_find_byte(value, ',') == value.len;
}

static enum reason check_message(const struct fields *fields)
{
    if (fields->present[FIELD_content_encoding] || !media_is_json(fields->value[FIELD_content_type]))
        return REASON_media_type;
    if (fields->bad_accept || !fields->accept.json || !fields->accept.events)
        return REASON_not_acceptable;
    return REASON_allowed;
}

static enum reason admit(const struct route_rules *rules, const struct http1 *request, struct fields *fields,
                         struct str *path)
{
    if (!find_path(rules, request, path))
        return REASON_http_syntax;
    if (!host_is_allowed(rules, request->host))
        return REASON_forbidden_origin;
    enum reason reason = collect(request, fields);
    if (reason != REASON_allowed)
        return reason;
    if (fields->present[FIELD_origin] && !origin_is_allowed(rules, fields->value[FIELD_origin]))
        return REASON_forbidden_origin;
    return REASON_allowed;
}

enum reason route_admit(const struct route_rules *rules, const struct http1 *request, struct str *path)
{
    struct fields fields = { 0 };
    return admit(rules, request, &fields, path);
}

enum reason route_request(const struct route_rules *rules, const struct http1 *request, struct route *route)
{
    struct fields fields = { 0 };
    struct str path;

    *route = (struct route){ 0 };
    enum reason reason = admit(rules, request, &fields, &path);
    if (reason != REASON_allowed)
        return reason;
    route->origin = fields.value[FIELD_origin];
    reason = find_kind(request->method, path, route);
    if (reason != REASON_allowed ||
        (route->kind != ROUTE_MESSAGE && route->kind != ROUTE_DELETE && route->kind != ROUTE_STREAM))
        return reason;
    if (!is_one_value(&fields, FIELD_version))
        return repeated(FIELD_version, str_slice(fields.value[FIELD_version], 0, sizeof(MCP_VERSION_MODERN) - 1),
                        STR_EMPTY);
    /* A revision without sessions ignores the field (MCP 2026-07-28 transports). */
    if (!is_one_value(&fields, FIELD_session) && !str_eq(fields.value[FIELD_version], STR(MCP_VERSION_MODERN)))
        return REASON_header_mismatch;
    route->token = bearer_token(fields.value[FIELD_authorization]);
    route->session = fields.value[FIELD_session];
    route->version = fields.value[FIELD_version];
    route->mirrored_method = fields.value[FIELD_mirrored_method];
    route->mirrored_name = fields.value[FIELD_mirrored_name];
    if (route->kind == ROUTE_STREAM && (fields.bad_accept || !fields.accept.events))
        return REASON_not_acceptable;
    return route->kind == ROUTE_MESSAGE ? check_message(&fields) : REASON_allowed;
}
