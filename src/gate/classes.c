/* Classes of tools, on their way into pins. */
#include "gate/classes.h"

#include "config/config.h"
#include "gate/gate.h"
#include "model/server.h"
#include "store/store.h"

struct pinned_class class_of_prompt(const struct gateway *gateway, struct str server,
                                    const struct definitions *definitions, struct str prompt, struct arena *arena)
{
    struct str name = prompt_name(arena, prompt);
    const struct tool *tool = name.ptr ? definitions_tool_of_prompt(definitions, name) : NULL;
    return tool ? store_pin_class(gateway->store, server, tool->name) : (struct pinned_class){ .known = false };
}

static struct pinned_class ruling_of(const void *arg, struct str tool)
{
    const struct config_server *config = arg;
    for (size_t i = 0; i < config->class_count; i++)
        if (str_eq(config->classes[i].tool, tool))
            return (struct pinned_class){ .known = true, .overruled = true, .class = config->classes[i].class };
    return (struct pinned_class){ .known = false };
}

bool rule_classes(struct gateway *gateway, const struct route *route)
{
    bool changed = store_pins_rule(gateway->store, route->server->name, ruling_of, route->config);
    gateway->generation += changed; /* what was decided and not sent is decided again */
    return changed;
}
