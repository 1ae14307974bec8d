/* Reading of a retention. */
#include "config/retention.h"

#include "base/check.h"

static const struct unit {
    struct str word;
    bool is_size;
    uint64_t factor; /* to milliseconds, or bytes */
    unsigned long long most;
} units[] = {
    { { "MiB", 3 }, true, UINT64_C(1) << 20, 1ULL << 40 },
    { { "GiB", 3 }, true, UINT64_C(1) << 30, 1ULL << 30 },
    { { "TiB", 3 }, true, UINT64_C(1) << 40, 1ULL << 20 },
    { { "s", 1 }, false, 1000, 1ULL << 31 },
    { { "m", 1 }, false, 60000, 1ULL << 25 },
    { { "h", 1 }, false, 3600000, 1ULL << 20 },
    { { "d", 1 }, false, 86400000, 36600 },
    { { "w", 1 }, false, 604800000, 5200 },
};

/* One of the two, not given before. */
static bool take_part(struct str part, struct retention *out)
{
    for (size_t i = 0; i < ARRAY_LEN(units); i++) {
        const struct unit *unit = &units[i];
        unsigned long long count;
        if (!str_ends_with(part, unit->word) ||
            !str_to_u64(str_slice(part, 0, part.len - unit->word.len), unit->most, &count) || count == 0)
            continue;
        bool given = unit->is_size ? out->bytes != 0 : out->age_ms != 0;
        if (unit->is_size)
            out->bytes = count * unit->factor;
        else
            out->age_ms = (int64_t)(count * unit->factor);
        return !given;
    }
    return false;
}

bool retention_parse(struct str text, struct retention *out)
{
    *out = (struct retention){ 0 };
    if (text.len == 0)
        return true;
    size_t space = str_find_byte(text, ' ');
    if (!take_part(str_slice(text, 0, space), out))
        return false;
    return space == text.len || take_part(str_slice(text, space + 1, text.len), out);
}
