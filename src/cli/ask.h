/* What subcommands that operate a gateway share: its data directory, one request to it, the answer as a tree. */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/str.h"
#include "json/json.h"
#include "json/writer.h"

#include <stdbool.h>
#include <stdio.h>

struct invocation;

/* The options that name the data directory, for a subcommand's table. */
#define DATA_OPTIONS                                                                               \
    { "data", 'd', "DIR", "the gateway's data directory; without it that of the configuration, or ./warder-data", false }, \
    { "config", 'c', "FILE", "the configuration that names it; without it ./warder.json where there is one", false }

struct question_to {
    struct arena       arena;
    struct str         data;     /* absolute */
    struct buf         request;
    struct json_writer writer;   /* into the request, inside its object */
    bool               running;  /* a gateway answered */
    bool               down;     /* none runs */
    struct buf         answer;   /* its line */
    const struct json *root;     /* of the answer, in the arena */
};

/* Finds the data directory and begins {"op": ...}. 0, or an exit_status with the reason said. ask_release always. */
int  ask_begin(const struct invocation *invocation, const char *op, struct question_to *ask);
/* Sends it: 0 with the answer, or an exit_status with the reason said. `quiet_down`: no gateway is no failure to speak
 * of; EXIT_NO without a word. */
int  ask_send(const struct invocation *invocation, struct question_to *ask, bool quiet_down);
void ask_release(struct question_to *ask);
/* Where the configuration that the subcommand finds lets clients connect, in the arena of `ask`; without a gateway. */
struct str ask_configured_url(const struct invocation *invocation, struct question_to *ask);

/* What became of the files that were read last: {"problems", "needs_restart", "error"} of the gateway's answer. */
void print_reload(FILE *to, const struct json *answer);

int64_t    answer_int(const struct json *object, const char *member);    /* 0 when it is not there */
struct str answer_text(const struct json *object, const char *member);   /* empty when it is not there */
bool       answer_bool(const struct json *object, const char *member);
/* What to say behind the state of a server without a policy; empty: it has one. */
const char *answer_policy_note(const struct json *server);
