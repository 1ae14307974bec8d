/* What operators ask and read of pins. */
#pragma once

#include "admin/operation.h"
#include "json/json.h"
#include "json/writer.h"
#include "store/store.h"

/* {"server": NAME, "changed": BOOL, "from": N} of pins.list; the server may be left out. */
int pins_read_list(const struct json *request, struct operation *out, struct str *why) NODISCARD;
/* {"server": NAME, "tools": [...]}, of one tool with "definition": HEX, or {"server": NAME, "all": true} of pins.accept. */
int pins_read_accept(const struct json *request, struct arena *arena, struct operation *out, struct str *why) NODISCARD;
/* A page of them; "next" is where the one behind it begins, where there is one. */
void reply_pins(struct json_writer *writer, struct store *store, const struct operation *operation);
/* Before they are accepted, in the same turn of the loop. E_INVALID with a sentence in *why. */
int pins_still_listed(const struct store *store, const struct operation *operation, struct str *why) NODISCARD;
/* A sentence on E_NOT_FOUND of an acceptance; `missing` is what it said. */
struct str pins_why(const struct operation *operation, struct str missing);
