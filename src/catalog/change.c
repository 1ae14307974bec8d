/* Two sides of one tool. */
#include "catalog/change.h"

#include <stddef.h>

enum change change_between(const struct change_side *then, const struct change_side *now)
{
    if (!then)
        return CHANGE_NEW;
    if (now->class > then->class || now->severity > then->severity || (now->signals & ~then->signals) != 0)
        return CHANGE_RISK;
    return str_eq(then->definition, now->definition) ? CHANGE_NONE : CHANGE_TEXT;
}

const char *change_name(enum change change)
{
    static const char *const names[] = { "", "new", "changed", "risk", "gone" };
    return names[change];
}
