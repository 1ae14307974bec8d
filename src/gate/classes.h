/* What tools can do, where it is not the server's definitions that tell it: what operators say instead, and prompts. */
#pragma once

#include "base/arena.h"
#include "base/str.h"
#include "model/class.h"

#include <stdbool.h>

struct definitions;
struct gateway;
struct route;

/* What the configuration says of this server's tools goes before what was told of them. True: something changed. */
bool rule_classes(struct gateway *gateway, const struct route *route);

/* The class that a prompt is judged by: that of the tool of its name, if there is one. */
struct pinned_class class_of_prompt(const struct gateway *gateway, struct str server,
                                    const struct definitions *definitions, struct str prompt, struct arena *arena);
