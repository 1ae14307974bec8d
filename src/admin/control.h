/* DATA/control.sock: how subcommands reach the running gateway. One JSON object a line each way (operation.h); only the
 * gateway's own user (and root) is heard. It listens from control_open to control_close. Loop thread only. */
#pragma once

#include "base/error.h"
#include "base/str.h"
#include "store/store.h"

#include <stdint.h>

struct clock;
struct control;
struct decisions;
struct gateway;
struct log;
struct loop;
struct reloader;

struct control_options {
    struct loop    *loop;
    struct clock   *clock;
    struct log     *log;
    struct store   *store;
    struct gateway *gateway;
    struct reloader *reloader;
    const struct decisions *decisions;
    struct str      data;      /* the data directory */
    struct str      url;       /* where clients connect, for status */
    struct str      admin_url; /* where the metrics are; empty: nowhere */
    bool            insecure;
    void          (*stop)(void *arg);
    void           *arg;
};

/* What `options` points at outlives it. */
int  control_open(const struct control_options *options, struct control **out) NODISCARD;
void control_close(struct control *control); /* NULL is fine */
