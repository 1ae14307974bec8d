/* The one decision: a function of its question. No I/O, no clock, no globals, no allocation but from the arena given.
 * Any thread. Calls, lists, check, explain and the tests all come here. */
#pragma once

#include "base/arena.h"
#include "base/str.h"
#include "model/debit.h"
#include "model/grant.h"
#include "model/reason.h"
#include "model/server.h"
#include "policy/policy.h"

struct json;
struct trace; /* policy/trace.h: collects each step with its verdict, for explain; NULL on a call's path */

enum subject { SUBJECT_TOOL, SUBJECT_RESOURCE, SUBJECT_PROMPT, SUBJECT_METHOD };
enum pin_state { PIN_ACCEPTED, PIN_CHANGED, PIN_NEVER };
enum verdict { VERDICT_ALLOW, VERDICT_DENY, VERDICT_HIDE, VERDICT_APPROVE };

struct question {                     /* all that a decision may look at; borrowed */
    enum subject          subject;
    const struct server  *server;
    const struct tool    *tool;       /* NULL: no such tool (subject TOOL: hidden) */
    struct str            name;       /* as asked, bytes after unescaping; for METHOD the method */
    const struct json    *args;       /* NULL: left open, when a list is filtered; for calls an object */
    bool                  args_absent;/* a call without `arguments`: judged as {} */
    const struct grant   *grant;
    enum pin_state        pin;
    bool                  frozen;
    struct str            session, client;
    int64_t               now_ms;     /* Unix time, UTC */
};

struct decision {
    enum verdict  verdict;
    enum reason   reason;             /* REASON_allowed, or why not; REASON_unknown_tool for HIDE */
    struct str    rule;               /* JSON Pointer, "(no policy)" or "(frozen)" */
    struct str    message;            /* on_deny, reason or the default text: what the agent may read */
    struct str    detail;             /* for the operator only: the value or type that decided; may be empty */
    struct debit *debits;             /* for ADMIT to reserve; ALLOW only */
    size_t        debit_count;
    int64_t       timeout_ms;         /* the tool's `timeout`, 0: none */
};

/* `policy` NULL: denied, no_policy. Out of arena: denied, internal. */
void policy_decide(const struct policy *policy, const struct question *question, struct arena *arena,
                   struct trace *trace, struct decision *out);
