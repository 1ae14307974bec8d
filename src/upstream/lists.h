/* A server's lists, paged through on its control session and made into one struct definitions; and what a
 * client's own instance lists, paged through in the same way. */
#pragma once

#include "base/buf.h"
#include "io/loop.h"
#include "upstream/table.h"
#include "upstream/upstream.h"

struct listing {
    struct upstream    *upstream;
    struct instance    *instance;    /* whose lists: the control session's, or one's own */
    struct leg          leg;         /* the page that is awaited */
    struct table       *building;    /* NULL: not running */
    enum list_kind      kind;
    size_t              pages;
    struct buf          instructions; /* of the last handshake; untrusted text */
    struct buf          cursor;      /* of the next page */
    bool                more;        /* `cursor` is to be sent */
    bool                changed;     /* the server said list_changed meanwhile */
    unsigned            refused, told; /* a bit for each list that was an error; and of which that was said */
    int64_t             began_ms, retry_ms;
    char                fault[128];  /* of the last walk; empty: none, or it was whole */
    struct timer        timer;       /* the next look */
};

void listing_init(struct listing *listing, struct upstream *upstream, struct instance *instance);
void listing_release(struct listing *listing);
/* The session is there: all its lists, from their beginning. */
void listing_start(struct listing *listing);
/* A list changed, or may have: another look, not more often than LIMIT_list_again_ms allows. */
void listing_again(struct listing *listing);
/* The session is gone: nothing is asked until listing_start. */
void listing_stop(struct listing *listing);
