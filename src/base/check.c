/* The end of a process that found itself in a state that cannot be. */
#include "base/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

_Noreturn void check_failed(const char *file, int line, const char *function, const char *what)
{
    char text[512];
    int len = snprintf(text, sizeof(text), "%s:%d: %s: check failed: %s\n", file, line, function, what);

    /* Not stdio: the stream's lock may be held by the code that failed. */
    if (len > 0) {
        size_t size = (size_t)len < sizeof(text) ? (size_t)len : sizeof(text) - 1;
        ssize_t written = write(STDERR_FILENO, text, size);
        (void)written;
    }
    abort();
}
