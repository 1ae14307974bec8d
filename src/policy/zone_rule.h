/* What holds behind the last transition of a time zone's table: a POSIX TZ string, as RFC 9636 §3.3.1 extends it. Pure. */
#pragma once

#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

#define DAY_S 86400

static inline int64_t zone_floor_div(int64_t value, int64_t by)
{
    return value / by - (value % by < 0);
}

enum zone_day { DAY_JULIAN, DAY_ORDINAL, DAY_OF_MONTH };

struct zone_change { /* once a year, in the local time that holds until then */
    enum zone_day kind;
    unsigned      day;         /* Jn: 1 to 365, 29 February is not counted; n: 0 to 365; Mm.w.d: 0 Sunday to 6 */
    unsigned      month, week; /* of Mm.w.d; week 5 is the last */
    int32_t       seconds;     /* from midnight; may be below 0 or beyond a day */
};

struct zone_rule {
    int32_t            standard, summer; /* seconds east of UTC */
    bool               changes;          /* false: standard all the time */
    struct zone_change start, end;       /* of summer time */
};

/* `extended`: hours of a change from -167 to 167, else from 0 to 24. False: it is none, or none that RFC 9636 allows. */
bool    zone_rule_read(struct str text, bool extended, struct zone_rule *out);
int32_t zone_rule_offset(const struct zone_rule *rule, int64_t unix_s);
