/* What the tests of policies share: policies and arguments in single quotes, one call, one answer. */
#pragma once

#include "base/arena.h"
#include "base/str.h"
#include "json/json.h"
#include "model/grant.h"
#include "model/server.h"
#include "policy/decide.h"
#include "policy/policy.h"
#include "policy/trace.h"

struct rig {
    struct arena    arena;
    struct problems problems;
    struct policy  *policy;
    struct server   server;
    struct grant    grant;
    struct tool     tool;
    struct question question;
    struct decision decision;
};

void rig_init(struct rig *rig);
void rig_release(struct rig *rig);
/* In the rig's arena: text with ' for ". A real ' is written `. */
struct str rig_text(struct rig *rig, const char *text);
/* Fails the test when it does not load. */
void rig_load(struct rig *rig, const char *policy);
int  rig_try_load(struct rig *rig, const char *policy);
/* A call; `args` NULL: one without arguments. */
const struct decision *rig_call(struct rig *rig, const char *tool, const char *args);
/* As a list is filtered. */
const struct decision *rig_list(struct rig *rig, const char *tool);
const struct decision *rig_ask(struct rig *rig, enum subject subject, const char *name);
const struct json *rig_json(struct rig *rig, const char *text);
