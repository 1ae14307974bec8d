/* A pin as `warder pins` shows it: what was accepted, and where something else is listed what changed in it. */
#pragma once

#include "base/str.h"
#include "json/json.h"
#include "json/writer.h"

/* `pin` is of a gateway's answer to pins.list; the texts of definitions are read from the data directory. */
void pin_show(struct str data, const struct json *pin);
void pin_show_json(struct str data, const struct json *pin, struct json_writer *writer);
