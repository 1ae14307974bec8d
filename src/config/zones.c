/* Finding the table of a time zone among the system's files. */
#include "config/zones.h"

#include "base/limits.h"
#include "config/file.h"

static int zone_file_read(void *arg, struct str name, struct arena *arena, struct str *out)
{
    static const struct str directories[] = { STR("/usr/share/zoneinfo"), STR("/usr/lib/zoneinfo"),
                                              STR("/usr/share/lib/zoneinfo"), STR("/etc/zoneinfo") };
    int error = E_NOT_FOUND;
    (void)arg;
    for (size_t i = 0; i < sizeof(directories) / sizeof(directories[0]); i++) {
        struct str path = file_join(arena, directories[i], name);
        if (!path.ptr)
            return E_NOMEM;
        error = file_read(arena, path, LIMIT_zone_bytes, out);
        if (error == E_INVALID) /* a directory: "Europe" */
            error = E_NOT_FOUND;
        if (error != E_NOT_FOUND)
            break;
    }
    return error;
}

const struct zones *config_zones(void)
{
    static const struct zones zones = { .read = zone_file_read };
    return &zones;
}
