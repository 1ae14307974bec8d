/* Classes of tools, on their way into pins. */
#include "gate/classes.h"

#include "base/limits.h"
#include "classify/classify.h"
#include "gate/gate.h"
#include "json/json.h"
#include "model/server.h"
#include "store/store.h"

static void classify(const struct classifier *classifier, const struct server *server, struct arena *arena,
                     struct tool *tool)
{
    struct json_error fault;
    const struct json *definition;
    struct verdict_on_tool verdict;
    if (json_parse(arena, tool->definition, &json_limits_list, &definition, &fault) != 0)
        return;
    struct tool_facts facts = tool_facts_of(server->name, tool->name, definition);
    classify_tool(classifier, &facts, &verdict);
    tool->pin.class =
        (struct pinned_class){ .known = true, .class = verdict.class, .classifier = CLASSIFIER_VERSION };
}

void classify_new(struct gateway *gateway, const struct server *server, struct definitions *definitions)
{
    struct arena arena;
    arena_init(&arena, NULL, LIMIT_answer_memory);
    for (size_t at = 0; at < definitions->tool_count; at++) {
        struct tool *tool = &definitions->tools[at];
        if (!store_pin_wants_class(gateway->store, server->name, tool))
            continue;
        if (!gateway->classifier && classifier_new(&gateway->classifier) != 0)
            break;
        classify(gateway->classifier, server, &arena, tool);
        arena_reset(&arena);
    }
    arena_release(&arena);
}
