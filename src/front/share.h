/* Answers that wait for their readers, by whose they are: the gate has one share for each grant, and says in the exchange
 * whose it is. Where all that waits is too much, it is taken from the largest share. Loop thread only. */
#pragma once

#include "base/list.h"

#include <stdbool.h>
#include <stddef.h>

struct share {
    struct list link;   /* the front's, while anything of it waits */
    struct list unread; /* connections whose queue holds something, those first that have read nothing for the longest */
    size_t      bytes;  /* of their queues */
    size_t      most;   /* that this has been; whoever reads it starts anew with 0 */
};

static inline void share_init(struct share *share)
{
    *share = (struct share){ .bytes = 0 };
    list_init(&share->link);
    list_init(&share->unread);
}

/* Something waits: it must live on. */
static inline bool share_is_used(const struct share *share)
{
    return !list_is_empty(&share->unread);
}
