/* Intrusive doubly linked lists: the state of an object is the list that it is on. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct list {
    struct list *next, *previous; /* a head or a link; a link that is on no list points at itself */
};

static inline void list_init(struct list *link) { link->next = link->previous = link; }
static inline bool list_is_empty(const struct list *head) { return head->next == head; }

static inline void list_remove(struct list *link)
{
    link->previous->next = link->next;
    link->next->previous = link->previous;
    list_init(link);
}

static inline void list_append(struct list *head, struct list *link)
{
    link->previous = head->previous;
    link->next     = head;
    head->previous->next = link;
    head->previous       = link;
}

/* Safe against removal of `link` itself inside the loop. */
#define LIST_EACH(head, link, after)                                                               \
    for (struct list *link = (head)->next, *after = link->next; link != (head); link = after, after = after->next)
