/* A table of a time zone, or a rule: whatever is read gives offsets, hours and weekdays within their bounds at any time. */
#include "policy/zone.h"
#include "policy/zone_rule.h"

#include "base/check.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const int64_t times[] = { INT64_MIN / 1000, -62135596800, -2422054408, -1, 0, 1, 951782400, 1774746000, 1792890000,
                                 4102444800, 253402300800, INT64_MAX / 1000 };

static void check_offset(int32_t offset)
{
    CHECK(offset >= -89999 && offset <= 93599);
}

static void check_zone(const struct zone *zone)
{
    for (size_t i = 0; i < ARRAY_LEN(times); i++) {
        check_offset(zone_offset(zone, times[i]));
        unsigned hour = zone_hour(zone, times[i] * 1000), day = zone_weekday(zone, times[i] * 1000);
        CHECK(hour < 24 && day >= 1 && day <= 7);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str bytes = str_of((const char *)data, size);
    struct arena arena;
    struct zone *zone;
    struct zone_rule rule;
    const char *why;
    arena_init(&arena, NULL, 1 << 20);
    int rc = zone_read(bytes, &arena, &zone, &why);
    CHECK((rc == 0) == (zone != NULL) && (rc != E_SYNTAX || why != NULL));
    if (rc == 0)
        check_zone(zone);
    for (int extended = 0; extended < 2; extended++)
        for (size_t i = 0; zone_rule_read(bytes, extended != 0, &rule) && i < ARRAY_LEN(times); i++)
            check_offset(zone_rule_offset(&rule, times[i]));
    arena_release(&arena);
    return 0;
}
