/* The one decision: a function of its question. No I/O, no clock, no globals, no allocation but from the arena given.
 * Any thread. Calls, lists, check, explain and the tests all come here. */
#pragma once

#include "base/arena.h"
#include "base/str.h"
#include "model/class.h"
#include "model/debit.h"
#include "model/grant.h"
#include "model/pin.h"
#include "model/reason.h"
#include "model/server.h"
#include "policy/policy.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct json;
struct trace; /* policy/trace.h: collects each step with its verdict, for explain; NULL on a call's path */

enum subject { SUBJECT_TOOL, SUBJECT_RESOURCE, SUBJECT_PROMPT, SUBJECT_METHOD };
enum verdict { VERDICT_ALLOW, VERDICT_DENY, VERDICT_HIDE, VERDICT_APPROVE };

struct question {                     /* all that a decision may look at; borrowed */
    enum subject          subject;
    const struct server  *server;
    const struct tool    *tool;       /* NULL: no such tool (subject TOOL: hidden) */
    const struct definitions *definitions; /* what the server lists: a PROMPT goes with the tool of its name; NULL: none */
    struct str            name;       /* as asked, bytes after unescaping; for METHOD the method */
    const struct json    *args;       /* NULL: left open, when a list is filtered; for calls an object */
    bool                  args_absent;/* a call without `arguments`: judged as {} */
    const struct grant   *grant;
    const struct grant *const *ancestors; /* the grant's parent, its parent ...: what it is counted in, they are too */
    size_t                ancestor_count;
    enum pin_state        pin;
    struct pinned_class   class;      /* the tool's; for a PROMPT that of the tool of its name; unknown: judged as all at once */
    bool                  frozen;
    struct str            session, client;
    int64_t               now_ms;     /* Unix time, UTC */
};

/* What calls meet behind an allowed question without arguments. */
enum outlook { OUTLOOK_ALLOWED, OUTLOOK_LIMITED, OUTLOOK_DENIED };

struct decision {
    enum verdict  verdict;
    enum reason   reason;             /* REASON_allowed, or why not; REASON_unknown_tool for HIDE */
    struct str    rule;               /* JSON Pointer, "(no policy)" or "(frozen)" */
    struct str    message;            /* on_deny, reason or the default text: what the agent may read */
    struct str    detail;             /* for the operator only: the value or type that decided; may be empty */
    struct debit *debits;             /* for ADMIT to reserve; ALLOW only */
    size_t        debit_count;
    int64_t       timeout_ms;         /* the tool's `timeout`, 0: none */
    enum outlook  outlook;            /* ALLOW of a tool without arguments only: conditions or limits come, or always a no */
};

/* For a question without arguments: does the tool, resource or prompt stand in the list? Tools that are always denied
 * do, so that the agent can be told why; hidden, unknown, changed and default-denied ones do not. */
bool decision_is_listed(const struct decision *decision);

/* The steps for a tool: frozen; the name (unknown, never accepted, hidden); the rule or `default`; `action`; the pin;
 * numbers that servers read differently; `require` and `deny_if` of all_tools and then of the tool; debits. The first
 * denial ends it. Without arguments (a list is filtered) it stops behind the pin, a freeze is not looked at, and a
 * changed pin comes before `action`. Resources and prompts: frozen, then deny, allow, default, never accepted:
 * HIDE with unknown_resource or unknown_prompt; then the pin. Methods: DENY with method_not_found unless allowed by name.
 *
 * What a pattern and a class select together must pass both. A tool whose class nobody knows must pass what any class
 * would have to: every rule of a class applies to it, and the default where some class has none.
 *
 * Strings of *out live as long as the policy and the arena, or are static. `policy` NULL: denied, no_policy. Out of
 * arena: denied, internal. */
void policy_decide(const struct policy *policy, const struct question *question, struct arena *arena,
                   struct trace *trace, struct decision *out);
