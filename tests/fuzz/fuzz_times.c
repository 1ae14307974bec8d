/* What operators write of times and sizes: a moment or a span (--since), and how long and how much is kept. Whatever is
 * read lies within its bounds, and says the same when it is written in another way. */
#include "cli/when.h"
#include "config/retention.h"

#include "base/check.h"

#include <stdio.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define NOW_MS INT64_C(1790000000000)
#define LATEST_MS INT64_C(253402387200000) /* a day behind the year 9999: offsets */

static void check_when(struct str text)
{
    int64_t at = 0, later = 0;
    int error = when_parse(text, NOW_MS, &at);
    CHECK(error == 0 || error == E_SYNTAX);
    if (error)
        return;
    CHECK(at > 0 && at < LATEST_MS);
    AZ(when_parse(text, NOW_MS + 1000, &later)); /* a span goes with the clock, a moment stands */
    CHECK(later == at || (later == at + 1000 && at <= NOW_MS));
}

static void check_retention(struct str text)
{
    struct retention kept, again;
    char seconds[64];
    if (!retention_parse(text, &kept))
        return;
    CHECK(kept.age_ms >= 0 && kept.age_ms % 1000 == 0 && kept.bytes % (UINT64_C(1) << 20) == 0);
    CHECK((text.len == 0) == (kept.age_ms == 0 && kept.bytes == 0));
    int len = 0;
    if (kept.bytes && kept.bytes >> 20 <= UINT64_C(1) << 40)
        len = snprintf(seconds, sizeof(seconds), "%lluMiB", (unsigned long long)(kept.bytes >> 20));
    if (len > 0) {
        CHECK(retention_parse(str_of(seconds, (size_t)len), &again));
        CHECK(again.bytes == kept.bytes && again.age_ms == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = str_of((const char *)data, size);
    check_when(text);
    check_retention(text);
    return 0;
}
