/* Keeps state.db up with the ledger: a thread of its own at low priority reads the ledger's files behind the writer and
 * applies what is durable. Nothing ever waits for it. */
#pragma once

#include "base/error.h"
#include "base/str.h"

#include <stdint.h>

struct chain_head;
struct log;
struct projection;

/* `data` and `ledger` are DATA and DATA/ledger, of which `path` is DATA's path; all are borrowed. */
int  projection_start(int data, int ledger, struct str path, struct log *log, struct projection **out) NODISCARD;
/* Ends within one transaction; what is not applied is applied after the next start. NULL is fine. */
void projection_stop(struct projection *projection);
/* Of state.db, by whoever reads: the last record that it holds, and its hash. Any process. */
int  projection_head(struct str directory, struct chain_head *out) NODISCARD;
/* Up to which record it is, durably or about to be. Any thread. */
uint64_t projection_applied(const struct projection *projection);
/* Records up to `durable` may be applied now. Any thread. */
void projection_look(struct projection *projection, uint64_t durable);
