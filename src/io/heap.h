/* Memory that large messages leave behind goes back to the system when none has come for a while: the C library keeps it
 * for the next one, and small pieces among it keep it for good. Loop thread only. */
#pragma once

#include "io/loop.h"

#include <stddef.h>

struct heap_watch {
    struct loop *loop;
    struct timer calm;
    size_t       passed, seen; /* bytes of large messages since memory was given back; at the last look */
};

void heap_init(struct heap_watch *watch, struct loop *loop);
void heap_release(struct heap_watch *watch);
/* So much was in memory at once for one message, or for one reader. */
void heap_passed(struct heap_watch *watch, size_t bytes);
