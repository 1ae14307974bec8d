/* Routes, Host and Origin, media types: everything that is decided on a request's head. */
#include "front/media.h"
#include "front/route.h"

#include "base/check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

static const struct str hosts[] = { { "gate.example", 12 }, { "other.example:443", 17 } };
static const struct str origins[] = { { "https://app.example", 19 }, { "vscode-webview://abc", 20 } };

struct rig {
    struct route_rules rules;
    struct http1       request;
    struct route       route;
};

static enum reason route(struct rig *rig, struct str head)
{
    size_t used;

    route_rules_init(&rig->rules, STR("127.0.0.1:8808"), 8808);
    rig->rules.hosts = hosts;
    rig->rules.host_count = ARRAY_LEN(hosts);
    rig->rules.origins = origins;
    rig->rules.origin_count = ARRAY_LEN(origins);
    http1_init(&rig->request, HTTP1_SERVER, 1000);
    if (http1_feed(&rig->request, head, &used) != HTTP1_HEAD)
        fail_msg("not a head: %" STR_FMT, STR_ARG(head));
    return route_request(&rig->rules, &rig->request, &rig->route);
}

/* A request made of a start line's beginning and fields. */
static enum reason route_of(struct rig *rig, const char *start, const char *host, const char *fields)
{
    char head[4096];
    int len = snprintf(head, sizeof(head), "%s HTTP/1.1\r\nHost: %s\r\n%s\r\n", start, host, fields);
    assert_true(len > 0 && (size_t)len < sizeof(head));
    return route(rig, str_of(head, (size_t)len));
}

#define JSON_FIELDS "Content-Type: application/json\r\nAccept: application/json, text/event-stream\r\n"

static void paths_are_ours_octet_for_octet(void **state)
{
    (void)state;
    static const struct {
        const char     *start;
        enum reason     reason;
        enum route_kind kind;
    } cases[] = {
        { "POST /mcp/box", REASON_allowed, ROUTE_MESSAGE },
        { "POST /mcp/a-0", REASON_allowed, ROUTE_MESSAGE },
        { "DELETE /mcp/box", REASON_allowed, ROUTE_DELETE },
        { "OPTIONS /mcp/box", REASON_allowed, ROUTE_OPTIONS },
        { "GET /healthz", REASON_allowed, ROUTE_HEALTH },
        { "GET /readyz", REASON_allowed, ROUTE_READY },
        { "POST http://127.0.0.1:8808/mcp/box", REASON_allowed, ROUTE_MESSAGE },
        { "POST HTTP://127.0.0.1:8808/mcp/box", REASON_allowed, ROUTE_MESSAGE },
        { "GET /mcp/box", REASON_allowed, ROUTE_STREAM },
        { "GET /mcp/Box", REASON_not_found, ROUTE_NONE },
        { "POST /healthz", REASON_method_not_allowed, ROUTE_HEALTH },
        { "POST http://evil.example/mcp/box", REASON_http_syntax, ROUTE_NONE },
        { "POST http://127.0.0.1/mcp/box", REASON_http_syntax, ROUTE_NONE },
        { "POST http://127.0.0.1:8808", REASON_not_found, ROUTE_NONE },
        { "POST /", REASON_not_found, ROUTE_NONE },
        { "POST /mcp", REASON_not_found, ROUTE_NONE },
        { "POST /mcp/", REASON_not_found, ROUTE_NONE },
        { "OPTIONS *", REASON_not_found, ROUTE_NONE },
        { "POST //mcp/box", REASON_not_found, ROUTE_NONE },
        { "POST /mcp//box", REASON_not_found, ROUTE_NONE },
        { "POST /mcp/box/", REASON_not_found, ROUTE_NONE },
        { "POST /mcp/box/x", REASON_not_found, ROUTE_NONE },
        { "POST /mcp/../admin", REASON_not_found, ROUTE_NONE },
        { "POST /x/../mcp/box", REASON_not_found, ROUTE_NONE },
        { "POST /./mcp/box", REASON_not_found, ROUTE_NONE },
        { "POST /mcp/..", REASON_not_found, ROUTE_NONE },
        { "POST /%6dcp/box", REASON_not_found, ROUTE_NONE },
        { "POST /mcp%2fbox", REASON_not_found, ROUTE_NONE },
        { "POST /mcp/b%6fx", REASON_not_found, ROUTE_NONE },
        { "POST /mcp/box%00", REASON_not_found, ROUTE_NONE },
        { "POST /mcp/box;x", REASON_not_found, ROUTE_NONE },
        { "POST /mcp/box?", REASON_not_found, ROUTE_NONE },
        { "POST /mcp/box?a=b", REASON_not_found, ROUTE_NONE },
        { "POST /mcp/box#a", REASON_not_found, ROUTE_NONE },
        { "POST /mcp\\box", REASON_not_found, ROUTE_NONE },
        { "POST /mcp/Box", REASON_not_found, ROUTE_NONE },
        { "POST /MCP/box", REASON_not_found, ROUTE_NONE },
        { "POST /mcp/b_x", REASON_not_found, ROUTE_NONE },
        { "POST /mcp/b.x", REASON_not_found, ROUTE_NONE },
        { "GET /healthz/", REASON_not_found, ROUTE_NONE },
        { "GET /healthz?x", REASON_not_found, ROUTE_NONE },
        { "GET /Healthz", REASON_not_found, ROUTE_NONE },
        { "POST /mcp/0123456789012345678901234567890123456789012345678901234567890123", REASON_allowed, ROUTE_MESSAGE },
        { "POST /mcp/01234567890123456789012345678901234567890123456789012345678901234", REASON_not_found, ROUTE_NONE },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct rig rig;
        enum reason reason = route_of(&rig, cases[i].start, "127.0.0.1:8808", JSON_FIELDS);
        if (reason != cases[i].reason || rig.route.kind != cases[i].kind)
            fail_msg("%s: %s", cases[i].start, reason_row(reason)->name.ptr);
        http1_release(&rig.request);
    }
}

static void hosts_are_allowed_by_name(void **state)
{
    (void)state;
    static const struct {
        const char *host;
        bool        fine;
    } cases[] = {
        { "127.0.0.1:8808", true },     { "localhost:8808", true },     { "LOCALHOST:8808", true },
        { "[::1]:8808", true },         { "gate.example", true },       { "Gate.Example:99", true },
        { "other.example:443", true },  { "127.0.0.1", false },         { "127.0.0.1:80", false },
        { "127.0.0.1:08808", false },   { "127.0.0.1:8808:1", false },  { "127.0.0.1:", false },
        { "127.0.0.2:8808", false },    { "localhost.:8808", false },   { "::1:8808", false },
        { "[::1", false },              { "[::1]8808", false },         { "[::1]:", false },
        { "other.example", false },     { "other.example:80", false },  { "evil.example:8808", false },
        { "xgate.example", false },     { "gate.example.evil", false }, { "gate.example:99999", false },
        { ":8808", false },             { "]", false },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct rig rig;
        enum reason reason = route_of(&rig, "GET /healthz", cases[i].host, "");
        if (reason != (cases[i].fine ? REASON_allowed : REASON_forbidden_origin))
            fail_msg("%s: %s", cases[i].host, reason_row(reason)->name.ptr);
        http1_release(&rig.request);
    }
}

static void addresses_stand_for_names(void **state)
{
    (void)state;
    static const struct {
        struct str  address;
        uint16_t    port;
        const char *host;
        bool        fine;
    } cases[] = {
        { STR("0.0.0.0:8808"), 8808, "localhost:8808", true },  { STR("[::]:0"), 99, "[::1]:99", true },
        { STR("[::1]:8808"), 8808, "127.0.0.1:8808", true },    { STR("127.0.0.5:8808"), 8808, "127.0.0.5:8808", true },
        { STR("10.0.0.5:8808"), 8808, "10.0.0.5:8808", true },  { STR("10.0.0.5:8808"), 8808, "localhost:8808", false },
        { STR("127.0.0.1:80"), 80, "localhost", true },         { STR("127.0.0.1:80"), 80, "localhost:80", true },
        { STR("localhost:8808"), 8808, "[::1]:8808", true },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct rig rig;
        (void)route_of(&rig, "GET /healthz", cases[i].host, "");
        route_rules_init(&rig.rules, cases[i].address, cases[i].port);
        enum reason reason = route_request(&rig.rules, &rig.request, &rig.route);
        if (reason != (cases[i].fine ? REASON_allowed : REASON_forbidden_origin))
            fail_msg("%s: %s", cases[i].host, reason_row(reason)->name.ptr);
        http1_release(&rig.request);
    }
}

static void origins_are_allowed_by_name(void **state)
{
    (void)state;
    static const struct {
        const char *origin;
        bool        fine;
    } cases[] = {
        { "http://127.0.0.1:8808", true },  { "http://localhost:8808", true },    { "https://gate.example", true },
        { "https://app.example", true },    { "HTTPS://APP.example", true },      { "vscode-webview://abc", true },
        { "http://app.example", false },    { "https://app.example:8443", false },{ "null", false },
        { "", false },                      { "http://evil.example", false },     { "http://localhost:3000", false },
        { "http://localhost", false },      { "localhost:8808", false },          { "ftp://localhost:8808", false },
        { "http://localhost:8808/", false },{ "http://localhost:8808.evil", false },
        { "http://evil@localhost:8808", false }, { "https://app.example.evil", false },
        { "http://localhost:8808, http://evil.example", false },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct rig rig;
        char fields[200];
        snprintf(fields, sizeof(fields), "Origin: %s\r\n", cases[i].origin);
        enum reason reason = route_of(&rig, "GET /healthz", "localhost:8808", fields);
        if (reason != (cases[i].fine ? REASON_allowed : REASON_forbidden_origin))
            fail_msg("%s: %s", cases[i].origin, reason_row(reason)->name.ptr);
        assert_int_equal(rig.route.origin.len > 0, cases[i].fine);
        http1_release(&rig.request);
    }
}

static void fields_of_a_message(void **state)
{
    (void)state;
    static const char *const accept = "Accept: application/json, text/event-stream\r\n";
    static const char *const type = "Content-Type: application/json\r\n";
    static const struct {
        const char *fields;
        enum reason reason;
        bool        accept, type; /* the usual field is added */
    } cases[] = {
        { "", REASON_allowed, true, true },
        { "Mcp-Session-Id: a\r\nMCP-Protocol-Version: 2025-11-25\r\n", REASON_allowed, true, true },
        { "Mcp-Session-Id: a\r\nmcp-session-id: a\r\n", REASON_header_mismatch, true, true },
        { "Mcp-Session-Id: a, b\r\n", REASON_header_mismatch, true, true },
        { "Mcp-Session-Id: a,b\r\n", REASON_header_mismatch, true, true },
        { "Mcp-Session-Id: a b\r\n", REASON_header_mismatch, true, true },
        { "Mcp-Session-Id:\r\n", REASON_header_mismatch, true, true },
        { "MCP-Protocol-Version: 2025-11-25\r\nMCP-Protocol-Version: 2025-11-25\r\n", REASON_header_mismatch, true, true },
        { "MCP-Protocol-Version: 2025-11-25, 2025-06-18\r\n", REASON_header_mismatch, true, true },
        { "Mcp-Name: a\r\nMcp-Name: a\r\n", REASON_mirror_mismatch, true, true },
        { "Mcp-Method: a\r\nMcp-Method: a\r\n", REASON_mirror_mismatch, true, true },
        { "MCP-Protocol-Version: 2026-07-28\r\nMCP-Protocol-Version: 2026-07-28\r\n", REASON_mirror_mismatch, true, true },
        { "MCP-Protocol-Version: 2026-07-28\r\nMCP-Protocol-Version: 2025-11-25\r\n", REASON_mirror_mismatch, true, true },
        { "MCP-Protocol-Version: 2026-07-28, 2025-11-25\r\n", REASON_mirror_mismatch, true, true },
        { "MCP-Protocol-Version: 2026-07-28\r\nMcp-Session-Id: a, b\r\n", REASON_allowed, true, true }, /* ignored */
        { "Authorization: Bearer a\r\nAuthorization: Bearer a\r\n", REASON_header_mismatch, true, true },
        { "Content-Type: application/json\r\n", REASON_header_mismatch, true, true },
        { "Origin: http://localhost:8808\r\nOrigin: http://localhost:8808\r\n", REASON_header_mismatch, true, true },
        { "Content-Encoding: gzip\r\n", REASON_media_type, true, true },
        { "Content-Encoding: identity\r\n", REASON_media_type, true, true },
        { "", REASON_media_type, true, false },
        { "Content-Type: text/plain\r\n", REASON_media_type, true, false },
        { "Content-Type: application/JSON; charset=\"UTF-8\"\r\n", REASON_allowed, true, false },
        { "Content-Type: application/json;charset=utf-16\r\n", REASON_media_type, true, false },
        { "Content-Type: multipart/form-data; boundary=x\r\n", REASON_media_type, true, false },
        { "", REASON_not_acceptable, false, true },
        { "Accept: application/json\r\n", REASON_not_acceptable, false, true },
        { "Accept: text/event-stream\r\n", REASON_not_acceptable, false, true },
        { "Accept: */*\r\n", REASON_allowed, false, true },
        { "Accept: application/json\r\nAccept: text/event-stream\r\n", REASON_allowed, false, true },
        { "Accept: (\r\n", REASON_not_acceptable, true, true },
        { "X-Forwarded-For: a\r\nX-Forwarded-For: b\r\nForwarded: c\r\nConnection: authorization\r\n", REASON_allowed, true, true },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct rig rig;
        char fields[1000];
        snprintf(fields, sizeof(fields), "%s%s%s", cases[i].accept ? accept : "", cases[i].type ? type : "",
                 cases[i].fields);
        enum reason reason = route_of(&rig, "POST /mcp/box", "localhost:8808", fields);
        if (reason != cases[i].reason)
            fail_msg("case %zu: %s", i, reason_row(reason)->name.ptr);
        http1_release(&rig.request);
    }
}

static void what_a_stream_must_accept(void **state)
{
    (void)state;
    static const struct {
        const char *fields;
        enum reason reason;
    } cases[] = {
        { "Accept: text/event-stream\r\n", REASON_allowed },
        { "Accept: application/json, text/event-stream\r\n", REASON_allowed },
        { "Accept: */*\r\n", REASON_allowed },
        { "", REASON_not_acceptable },
        { "Accept: application/json\r\n", REASON_not_acceptable },
        { "Accept: text/event-stream;q=0\r\n", REASON_not_acceptable },
        { "Accept: (\r\n", REASON_not_acceptable },
        { "Accept: text/event-stream\r\nMcp-Session-Id: a,b\r\n", REASON_header_mismatch },
        { "Accept: text/event-stream\r\nOrigin: https://evil.example\r\n", REASON_forbidden_origin },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct rig rig;
        enum reason reason = route_of(&rig, "GET /mcp/box", "localhost:8808", cases[i].fields);
        if (reason != cases[i].reason)
            fail_msg("case %zu: %s", i, reason_row(reason)->name.ptr);
        http1_release(&rig.request);
    }
}

static void tokens(void **state)
{
    (void)state;
    static char longest[LIMIT_token_bytes + 40], longer[LIMIT_token_bytes + 40];
    snprintf(longest, sizeof(longest), "Bearer %0*d", LIMIT_token_bytes, 1);
    snprintf(longer, sizeof(longer), "Bearer %0*d", LIMIT_token_bytes + 1, 1);
    const struct {
        const char *value, *token;
    } cases[] = {
        { "Bearer wdr_a_b", "wdr_a_b" }, { "bearer  wdr_a_b", "wdr_a_b" }, { "BEARER x", "x" },
        { "Basic eDp5", "" },            { "Bearer", "" },                 { "Bearer ", "" },
        { "Bearerx", "" },               { "Bearer a b", "" },             { "wdr_a_b", "" },
        { longest, longest + 7 },        { longer, "" },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct rig rig;
        char fields[1000];
        snprintf(fields, sizeof(fields), JSON_FIELDS "Authorization: %s\r\n", cases[i].value);
        assert_int_equal(route_of(&rig, "POST /mcp/box", "localhost:8808", fields), REASON_allowed);
        if (!str_eq(rig.route.token, str_from_c(cases[i].token)))
            fail_msg("%s: %" STR_FMT, cases[i].value, STR_ARG(rig.route.token));
        assert_true(str_eq(rig.route.server, STR("box")));
        http1_release(&rig.request);
    }
}

static void json_media_types(void **state)
{
    (void)state;
    static const struct {
        struct str type;
        bool       json;
    } cases[] = {
        { STR("application/json"), true },
        { STR("Application/Json"), true },
        { STR("application/json;charset=utf-8"), true },
        { STR("application/json \t;  Charset=UTF-8"), true },
        { STR("application/json; charset=\"utf-8\""), true },
        { STR("application/json; x=y; z=\"a;b\\\"c\""), true },
        { STR("application/json;"), true },
        { STR(""), false },
        { STR("application"), false },
        { STR("application/"), false },
        { STR("/json"), false },
        { STR("application/ json"), false },
        { STR("application /json"), false },
        { STR("application/jsonx"), false },
        { STR("application/json-rpc"), false },
        { STR("text/json"), false },
        { STR("application/json, text/plain"), false },
        { STR("application/json text/plain"), false },
        { STR("application/json; charset"), false },
        { STR("application/json; charset="), false },
        { STR("application/json; charset=utf-16"), false },
        { STR("application/json; charset=utf8"), false },
        { STR("application/json; charset=utf-8; charset=utf-8"), false },
        { STR("application/json; charset=\"utf-8"), false },
        { STR("application/json; charset=\"utf-\\8\""), false },
        { STR("application/json; charset =utf-8"), false },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        if (media_is_json(cases[i].type) != cases[i].json)
            fail_msg("%" STR_FMT, STR_ARG(cases[i].type));
}

static void what_accept_allows(void **state)
{
    (void)state;
    static const struct {
        struct str field;
        bool       fine, json, events;
    } cases[] = {
        { STR("application/json, text/event-stream"), true, true, true },
        { STR("text/event-stream,application/json"), true, true, true },
        { STR("APPLICATION/JSON;q=0.5 , ,Text/Event-Stream; q=1.000"), true, true, true },
        { STR("*/*"), true, true, true },
        { STR("application/*, text/*"), true, true, true },
        { STR("application/json"), true, true, false },
        { STR("text/*"), true, false, true },
        { STR("text/html"), true, false, false },
        { STR(""), true, false, false },
        { STR("*/*, text/event-stream;q=0"), true, true, false },
        { STR("text/event-stream;q=0.000, */*"), true, true, false },
        { STR("*/*;q=0, application/json"), true, true, false },
        { STR("application/json;q=0.001, */*;q=0"), true, true, false },
        { STR("application/json;x=\"a,b\", text/event-stream"), true, true, true },
        { STR("*/json, text/event-stream"), true, false, true },
        { STR("application/json text/event-stream"), false, true, false },
        { STR("application/json, ("), false, true, false },
        { STR("application/json;q"), false, false, false },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct media_accept accept = { 0 };
        bool fine = media_accept_add(&accept, cases[i].field);
        if (fine != cases[i].fine || (fine && (accept.json != cases[i].json || accept.events != cases[i].events)))
            fail_msg("%" STR_FMT ": %d %d %d", STR_ARG(cases[i].field), fine, accept.json, accept.events);
    }
}

static void the_usual_accept_is_read_like_any_other(void **state)
{
    (void)state;
    struct media_accept usual = { 0 }, other = { 0 };
    assert_true(media_accept_add(&usual, STR("application/json, text/event-stream")));
    assert_true(media_accept_add(&other, STR("application/json,text/event-stream")));
    assert_memory_equal(&usual, &other, sizeof(usual));
    struct media_accept refused = { 0 };
    assert_true(media_accept_add(&refused, STR("text/event-stream;q=0")));
    other = refused;
    assert_true(media_accept_add(&refused, STR("application/json, text/event-stream")));
    assert_true(media_accept_add(&other, STR("application/json,text/event-stream")));
    assert_memory_equal(&refused, &other, sizeof(other));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths_are_ours_octet_for_octet), cmocka_unit_test(hosts_are_allowed_by_name),
        cmocka_unit_test(addresses_stand_for_names),      cmocka_unit_test(origins_are_allowed_by_name),
        cmocka_unit_test(fields_of_a_message),            cmocka_unit_test(what_a_stream_must_accept),
        cmocka_unit_test(tokens),
        cmocka_unit_test(json_media_types),               cmocka_unit_test(what_accept_allows),
        cmocka_unit_test(the_usual_accept_is_read_like_any_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
