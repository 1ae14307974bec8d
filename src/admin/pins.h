/* What operators ask and read of pins. */
#pragma once

#include "admin/operation.h"
#include "json/json.h"
#include "json/writer.h"
#include "store/store.h"

/* {"server": NAME, "kind": WORD, "changed": BOOL, "from": N} of pins.list; what is left out is any. */
int pins_read_list(const struct json *request, struct operation *out, struct str *why) NODISCARD;
/* {"server": NAME, "kind": WORD, "names": [...]} or {"server": NAME, "kind": WORD, "all": true} of pins.accept, which has
 * "listed": HEX too, and of pins.forget. Without a kind names are of tools, and all are of any. */
int pins_read_choice(const struct json *request, struct arena *arena, struct operation *out, struct str *why) NODISCARD;
/* A page of them; "next" is where the one behind it begins, where there is one. */
void reply_pins(struct json_writer *writer, struct store *store, const struct operation *operation);
/* Accepts what was looked at, if it is what is listed, or forgets. `done` NULL: of a store without a loop. An error, with
 * a sentence in *why or empty. */
int pins_carry_out(struct store *store, const struct operation *operation, store_done *done, void *arg, struct str *why) NODISCARD;
