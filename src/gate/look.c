/* One look at a list, stage by stage. */
#include "gate/look.h"

#include "base/arena.h"
#include "base/check.h"
#include "base/encode.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/plural.h"
#include "classify/classify.h"
#include "config/config.h"
#include "gate/classes.h"
#include "gate/gate.h"
#include "gate/listen.h"
#include "gate/recommended.h"
#include "recommend/recommend.h"
#include "store/store.h"
#include "upstream/upstream.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#define COST_BYTES 1024 /* of a definition's text, which cost as much as one definition more */

enum stage {
    STAGE_ASK,       /* which tools' classes nobody knows; loop */
    STAGE_READ,      /* their definitions, and what differs from the list before; pool */
    STAGE_PIN,       /* each definition; loop */
    STAGE_CHOOSE,    /* what is accepted goes into the recommended policy, where that is due; loop */
    STAGE_RECOMMEND, /* it is made; pool */
    STAGE_END,
};

struct look {
    struct job job;
    struct backend *backend; /* NULL: it is gone, and what the job makes is dropped */
    bool in_pool;
    atomic_bool dropped; /* so that the job ends soon */
    enum stage stage;
    size_t at, left; /* the next entry of the stage; what this turn may still cost */
    bool is_small;   /* what goes to the pool else is done at once */
    size_t cost;     /* of the glances that are wanted */
    size_t changed;  /* definitions that are not as they were accepted */

    char server[SERVER_NAME_MAX + 1];       /* its name */
    struct definitions *definitions, *told; /* this list, and the one before or NULL: one reference each */
    struct glance *glances;                 /* at the tools of `definitions` */
    struct list_changes changes;            /* from `told` on */
    bool signals;                           /* those of all tools are told: for a recommended policy */
    bool recommends;                        /* one is due */
    struct classed_tool *chosen;
    size_t chosen_count;
    struct recommendation made;
};

static void go_on(struct look *look);

/* ---- its life ---- */

static void look_free(struct look *look)
{
    recommendation_release(&look->made);
    definitions_unref(look->definitions);
    definitions_unref(look->told);
    free(look->chosen);
    free(look->glances);
    free(look);
}

static size_t entries_of(const struct definitions *definitions)
{
    return definitions ? 1 + definitions->tool_count + definitions->prompt_count + definitions->template_count +
                             definitions->resource_count
                       : 0;
}

static struct look *look_new(struct backend *backend, struct definitions *definitions)
{
    struct look *look = calloc(1, sizeof(*look));
    if (!look)
        return NULL;
    look->backend = backend;
    recommendation_init(&look->made);
    look->definitions = definitions_ref(definitions);
    look->told = backend->looking.told ? definitions_ref(backend->looking.told) : NULL;
    look->glances = calloc(definitions->tool_count + 1, sizeof(*look->glances));
    snprintf(look->server, sizeof(look->server), "%" STR_FMT, STR_ARG(backend->server.name));
    look->signals = recommended_is_wanted(backend);
    if (look->glances)
        return look;
    look_free(look);
    return NULL;
}

static void turn(struct timer *timer)
{
    struct looking *looking = CONTAINER_OF(timer, struct looking, turn);
    struct look *look = looking->look;
    if (look)
        go_on(look);
    else
        look_start(CONTAINER_OF(looking, struct backend, looking));
}

void looking_init(struct looking *looking, struct loop *loop)
{
    *looking = (struct looking){ .look = NULL };
    timer_init(&looking->turn, loop, turn);
}

void looking_stop(struct looking *looking)
{
    struct look *look = looking->look;
    timer_stop(&looking->turn);
    looking->look = NULL;
    looking->again = false;
    if (!look)
        return;
    look->backend = NULL;
    atomic_store(&look->dropped, true);
    if (!look->in_pool)
        look_free(look);
}

void looking_release(struct looking *looking)
{
    looking_stop(looking);
    definitions_unref(looking->told);
    free(looking->glances);
    looking->told = NULL;
    looking->glances = NULL;
}

/* ---- what is done on the loop ---- */

static size_t cost_of(struct str text)
{
    return 1 + text.len / COST_BYTES;
}

/* One whose definition was read before is not read again. */
static size_t ask_one(struct look *look, size_t at)
{
    const struct backend *backend = look->backend;
    const struct tool *tool = &look->definitions->tools[at];
    const struct tool *known = backend->looking.glances ? definitions_tool(look->told, tool->name) : NULL;
    struct glance *glance = &look->glances[at];
    if (known && pin_eq(&known->pin, &tool->pin))
        *glance = backend->looking.glances[known - look->told->tools];
    glance->wanted =
        !glance->known && (look->signals || store_pin_wants_class(backend->gateway->store, backend->server.name, tool));
    if (glance->wanted)
        look->cost += cost_of(tool->definition);
    return 1;
}

static struct pinned pinned_item(enum pin_kind kind, const struct item *item)
{
    return (struct pinned){ kind, item->name, item->definition, item->pin };
}

/* What is not a tool, in the order in which it is pinned. */
static struct pinned pinned_at(const struct definitions *definitions, size_t at)
{
    if (at < definitions->prompt_count)
        return pinned_item(PIN_PROMPT, &definitions->prompts[at]);
    at -= definitions->prompt_count;
    if (at < definitions->template_count)
        return pinned_item(PIN_TEMPLATE, &definitions->templates[at]);
    return pinned_item(PIN_RESOURCE, &definitions->resources[at - definitions->template_count]);
}

static void pin_tool(struct look *look, size_t at)
{
    const struct backend *backend = look->backend;
    struct store *store = backend->gateway->store;
    const struct tool *tool = &look->definitions->tools[at];
    const struct glance *glance = &look->glances[at];
    struct pin pin = tool->pin;
    const struct pinned pinned = { PIN_TOOL, tool->name, tool->definition, &pin };
    if (!glance->wanted && !glance->known && store_pin_wants_class(store, backend->server.name, tool)) {
        look->backend->looking.again = true; /* its pin was forgotten since it was asked for */
        return;
    }
    if (glance->known)
        pin.class = class_to_pin(tool->name, glance->class, glance->signals);
    look->changed += store_pin_look(store, backend->server.name, &pinned) == PIN_CHANGED;
}

static size_t pin_one(struct look *look, size_t at)
{
    const struct backend *backend = look->backend;
    const struct definitions *definitions = look->definitions;
    struct pinned pinned;
    if (at > 0 && at <= definitions->tool_count) {
        pin_tool(look, at - 1);
        return cost_of(definitions->tools[at - 1].definition);
    }
    pinned = at == 0 ? pinned_item(PIN_INSTRUCTIONS, &definitions->instructions_item)
                     : pinned_at(definitions, at - 1 - definitions->tool_count);
    look->changed += store_pin_look(backend->gateway->store, backend->server.name, &pinned) == PIN_CHANGED;
    return cost_of(pinned.definition);
}

bool classed_tool_of(struct str name, struct pinned_class class, const struct glance *glance, struct classed_tool *out)
{
    if (!glance->known || !(class.known || tool_misleads(name, glance->signals)))
        return false;
    *out = (struct classed_tool){ name, class.known ? class.class : glance->class, glance->signals };
    return true;
}

/* What is listed as it was accepted, by its frozen class and what its texts show now. */
static size_t choose_one(struct look *look, size_t at)
{
    const struct backend *backend = look->backend;
    const struct store *store = backend->gateway->store;
    const struct tool *tool = &look->definitions->tools[at];
    struct pinned_class class = store_pin_class(store, backend->server.name, tool->name);
    if (store_pin_state(store, backend->server.name, PIN_TOOL, tool->name, &tool->pin) == PIN_ACCEPTED)
        look->chosen_count += classed_tool_of(tool->name, class, &look->glances[at], &look->chosen[look->chosen_count]);
    return 1;
}

/* False: the turn's share is used up before the last entry. */
static bool each(struct look *look, size_t count, size_t (*one)(struct look *look, size_t at))
{
    while (look->at < count) {
        if (look->left == 0)
            return false;
        size_t cost = one(look, look->at++);
        look->left -= cost < look->left ? cost : look->left;
    }
    look->at = 0;
    return true;
}

/* ---- what is done in the pool ---- */

static void glance_at(const struct classifier *classifier, const struct look *look, size_t at, struct arena *scratch)
{
    struct glance *glance = &look->glances[at];
    struct verdict_on_tool verdict;
    arena_reset(scratch);
    glance->known =
        classify_definition(classifier, str_from_c(look->server), scratch, &look->definitions->tools[at], &verdict);
    if (!glance->known)
        return;
    glance->class = verdict.class;
    glance->signals = verdict.signals;
}

/* Without memory their classes stay unknown. */
static void read_tools(struct look *look)
{
    struct classifier *classifier;
    struct arena scratch;
    if (look->cost == 0 || classifier_new(&classifier) != 0)
        return;
    arena_init(&scratch, NULL, LIMIT_answer_memory);
    for (size_t at = 0; at < look->definitions->tool_count && !atomic_load(&look->dropped); at++)
        if (look->glances[at].wanted)
            glance_at(classifier, look, at, &scratch);
    arena_release(&scratch);
    classifier_free(classifier);
}

static void read_list(struct job *job)
{
    struct look *look = CONTAINER_OF(job, struct look, job);
    read_tools(look);
    if (look->told)
        listen_compare(look->told, look->definitions, &look->changes);
}

static void recommend(struct job *job)
{
    struct look *look = CONTAINER_OF(job, struct look, job);
    recommendation_make(str_from_c(look->server), look->chosen, look->chosen_count, &look->made);
}

static void done(struct job *job)
{
    struct look *look = CONTAINER_OF(job, struct look, job);
    look->in_pool = false;
    if (!look->backend) {
        look_free(look);
        return;
    }
    look->stage++;
    go_on(look);
}

/* True: it is done already. */
static bool run(struct look *look, void (*work)(struct job *job))
{
    struct backend *backend = look->backend;
    look->job = (struct job){ .work = work, .done = done };
    if (look->is_small) {
        work(&look->job);
        return true;
    }
    look->in_pool = loop_submit(backend->gateway->loop, &look->job) == 0;
    if (!look->in_pool)
        timer_start(&backend->looking.turn, LIMIT_look_retry_ms);
    return false;
}

/* ---- stage by stage ---- */

static void all_asked(struct look *look)
{
    look->is_small = look->cost <= LIMIT_look_at_once &&
                     entries_of(look->definitions) + entries_of(look->told) <= LIMIT_look_entries;
}

/* A misspelt name would leave its tool to what the server's words say. */
static void tell_unlisted_classes(const struct look *look, const struct config_server *config)
{
    char shown[256];
    size_t count = 0;
    for (size_t i = 0; i < config->class_count; i++) {
        if (definitions_tool(look->definitions, config->classes[i].tool))
            continue;
        if (count++ == 0)
            text_escape(config->classes[i].tool, shown, sizeof(shown));
    }
    if (count > 0)
        log_warn(look->backend->gateway->log,
                 "server '%" STR_FMT "': \"classes\" has %zu name%s that it does not list, the first is \"%s\"",
                 STR_ARG(look->backend->server.name), count, plural(count), shown);
}

static void all_pinned(struct look *look)
{
    struct backend *backend = look->backend;
    struct gateway *gateway = backend->gateway;
    const struct route *route = snapshot_route(gateway->snapshot, backend->server.name);
    if (route) {
        (void)rule_classes(gateway, route);
        tell_unlisted_classes(look, route->config);
    }
    if (look->changed > 0 && look->definitions != look->told)
        log_warn(gateway->log,
                 "server '%" STR_FMT "': %zu of its definitions %s not as accepted, and withheld; "
                 "`warder pins list --changed` shows %s",
                 STR_ARG(backend->server.name), look->changed, look->changed == 1 ? "is" : "are",
                 look->changed == 1 ? "it" : "them");
    look->recommends = look->definitions->tool_count > 0 && recommended_is_due(backend);
    if (!look->recommends)
        return;
    look->chosen = calloc(look->definitions->tool_count, sizeof(*look->chosen));
    if (!look->chosen)
        look->made.error = E_NOMEM;
}

static void tell(struct look *look, struct backend *backend)
{
    struct gateway *gateway = backend->gateway;
    struct looking *looking = &backend->looking;
    const struct route *route = snapshot_route(gateway->snapshot, backend->server.name);
    bool views = looking->views;
    looking->views = false;
    if (!route || route->backend != backend)
        return;
    if (views)
        listen_policy_changed(gateway, backend->server.name);
    else if (look->told)
        listen_tell(gateway, route, &look->changes);
}

static void end(struct look *look)
{
    struct backend *backend = backend_ref(look->backend);
    struct looking *looking = &backend->looking;
    looking->look = NULL;
    if (look->recommends)
        recommend_first(backend, &look->made, look->definitions->tool_count);
    definitions_unref(looking->told);
    free(looking->glances);
    looking->told = definitions_ref(look->definitions);
    looking->glances = look->glances;
    look->glances = NULL;
    tell(look, backend);
    look_free(look);
    upstream_know(backend->upstream);
    if (looking->again)
        look_start(backend);
    backend_unref(backend);
}

/* True: the next stage. */
static bool run_stage(struct look *look)
{
    const struct definitions *definitions = look->definitions;
    switch (look->stage) {
    case STAGE_ASK:
        if (!each(look, definitions->tool_count, ask_one))
            return false;
        all_asked(look);
        return true;
    case STAGE_READ: return run(look, read_list);
    case STAGE_PIN:
        look->backend->gateway->generation++; /* what was decided and not sent is decided again */
        if (!each(look, entries_of(definitions), pin_one))
            return false;
        all_pinned(look);
        return true;
    case STAGE_CHOOSE: return !look->chosen || each(look, definitions->tool_count, choose_one);
    case STAGE_RECOMMEND: return !look->chosen || run(look, recommend);
    case STAGE_END: break;
    }
    WRONG("a look that ended goes on");
}

static void go_on(struct look *look)
{
    struct backend *backend = look->backend;
    look->left = LIMIT_look_entries;
    while (look->stage != STAGE_END && run_stage(look))
        look->stage++;
    if (look->stage == STAGE_END)
        end(look);
    else if (!look->in_pool && !backend->looking.turn.running)
        timer_start(&backend->looking.turn, 0);
}

void look_start(struct backend *backend)
{
    struct looking *looking = &backend->looking;
    struct definitions *definitions = upstream_newest(backend->upstream);
    if (backend->ending || !definitions)
        return;
    looking->again = looking->look != NULL;
    if (looking->again)
        return;
    timer_stop(&looking->turn);
    struct look *look = look_new(backend, definitions);
    if (!look) {
        log_error(backend->gateway->log, "server '%" STR_FMT "': out of memory: its list is looked at again in %d s",
                  STR_ARG(backend->server.name), LIMIT_look_retry_ms / 1000);
        timer_start(&looking->turn, LIMIT_look_retry_ms);
        return;
    }
    looking->look = look;
    go_on(look);
}

void look_soon(struct backend *backend)
{
    struct looking *looking = &backend->looking;
    if (looking->look)
        looking->again = true;
    else if (!looking->turn.running && !backend->ending)
        timer_start(&looking->turn, 0);
}
