/* getenv, in the one place where it is asked. */
#include "cli/environment.h"

#include "config/config.h"

#include <stdlib.h>

static const char *get(void *arg, const char *name)
{
    (void)arg;
    return getenv(name);
}

const struct environment *environment_of_process(void)
{
    static const struct environment process = { .get = get };
    return &process;
}
