/* Upstreams of real children: the program of a test is also "__exec" and the servers of toy_server.h. Time for timers
 * stands still unless the test moves it; what children do is waited for with a limit. */
#pragma once

#include "rig.h"
#include "toy_server.h"

#include "io/child.h"

#include <limits.h>
#include <unistd.h>

#define UNTIL(rig, condition)                                                                                          \
    do {                                                                                                               \
        for (int tries = 0; !(condition) && tries < 8000; tries++) {                                                   \
            rig_turn(rig);                                                                                             \
            usleep(1000);                                                                                              \
        }                                                                                                              \
        assert_true(condition);                                                                                        \
    } while (0)

static char self[PATH_MAX];
static struct str argv[3];

static inline void begin_with(struct rig *rig, const char *role, enum isolation isolation, enum home home, const char *data)
{
    rig_init(rig, NULL);
    argv[0] = str_from_c(self);
    argv[1] = STR("serve");
    argv[2] = str_from_c(role);
    rig->server.argv = argv;
    rig->server.argc = ARRAY_LEN(argv);
    rig->server.isolation = isolation;
    rig->server.home = home;
    rig->services.self = str_from_c(self);
    rig->services.data = str_from_c(data);
    assert_int_equal(upstream_new(&rig->services, &rig->server, &rig->events, &rig->upstream), 0);
    upstream_start(rig->upstream);
}

/* The one instance of all, which is the control session too. */
static inline struct instance *begin(struct rig *rig, const char *role)
{
    struct instance *instance;
    struct wait wait;
    begin_with(rig, role, ISOLATION_SERVER, HOME_SHARED, "/tmp");
    UNTIL(rig, rig->tables == 1);
    wait_init(&wait);
    assert_int_equal(upstream_open(rig->upstream, ERA_LEGACY, STR_EMPTY, &wait.waiter, &instance), 0);
    return instance;
}

static inline void finish(struct rig *rig)
{
    upstream_stop(rig->upstream, REASON_shutting_down, rig_stopped, rig);
    for (int tries = 0; !rig->stopped && tries < 2000; tries++) {
        rig_turn(rig);
        usleep(1000);
        if (tries > 300)
            clock_manual_advance(&rig->clock, 20); /* for those that must be killed */
    }
    assert_true(rig->stopped);
    rig_release(rig);
}

/* What a test's main does first. -1: it is the test. */
static inline int children_main(int argc, char **arguments)
{
    if (argc > 1 && strcmp(arguments[1], "__exec") == 0)
        return child_exec_main(argc, arguments);
    if (argc > 2 && strcmp(arguments[1], "serve") == 0)
        return toy_serve(arguments[2]);
    ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);
    if (len <= 0)
        return 1;
    self[len] = '\0';
    return -1;
}
