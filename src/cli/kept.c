/* Recommended policies out of a data directory. */
#include "cli/kept.h"

#include "base/buf.h"
#include "base/limits.h"
#include "config/zones.h"
#include "policy/policy.h"
#include "store/store.h"

int kept_policy(struct str data, struct str server, struct arena *arena, struct policy **out)
{
    struct problems problems;
    struct buf text;
    *out = NULL;
    buf_init(&text, LIMIT_policy_body);
    int error = store_read_recommended(data, server, &text);
    if (!error)
        error = policy_load_with(buf_str(&text), config_zones(), arena, &problems, out);
    buf_release(&text);
    return error;
}
