/* Requests: the same whatever the cuts, nothing through that should not be, and a route only for exactly its path. */
#include "http1_run.h"

#include "front/route.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_route(const struct http1 *request)
{
    struct route_rules rules;
    struct route route;

    route_rules_init(&rules, STR("127.0.0.1:80"), 80);
    if (route_request(&rules, request, &route) != REASON_allowed)
        return;
    switch (route.kind) {
    case ROUTE_MESSAGE:
    case ROUTE_STREAM:
    case ROUTE_DELETE:
    case ROUTE_OPTIONS:
        CHECK(route.server.len >= 1 && route.server.len <= 64 && str_ends_with(request->target, route.server));
        for (size_t i = 0; i < route.server.len; i++)
            CHECK(octet_is(route.server.ptr[i], OCTET_HOST) && route.server.ptr[i] != '.' && route.server.ptr[i] != ':');
        break;
    case ROUTE_HEALTH: CHECK(str_ends_with(request->target, STR("/healthz"))); break;
    case ROUTE_READY: CHECK(str_ends_with(request->target, STR("/readyz"))); break;
    case ROUTE_NONE: WRONG("allowed, and yet no route");
    }
    CHECK(route.token.len <= LIMIT_token_bytes && octets_are(route.token, OCTET_VISIBLE));
    CHECK(octets_are(route.session, OCTET_VISIBLE) && octets_are(route.version, OCTET_VISIBLE));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    run_both(HTTP1_SERVER, 4096, data, size, check_route);
    return 0;
}
