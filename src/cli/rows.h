/* Answers of the projection, as text and as JSON. */
#pragma once

#include "base/str.h"
#include "json/writer.h"
#include "store/store.h"

#include <stdint.h>

struct invocation;

/* Brings the projection up, quietly: what was recorded before this call is in it, unless that takes the running gateway
 * longer than LIMIT_catch_up_ms. */
void rows_refresh(struct str data);
/* Why a query failed, in words; an exit_status. */
int rows_failed(const struct invocation *invocation, struct str data, int error);

/* A row of records: when, the kind, the word for it, then what there is; on a terminal folded under the kind. */
#define ROW_KIND_WIDTH   10
#define ROW_REASON_WIDTH 13
#define ROW_INDENT       22
void row_print(const struct store_row *row);
/* The object's members, inside an object. */
void row_write(const struct store_row *row, struct json_writer *writer);
/* "2026-01-31T09:30:00.000Z" as a member; nothing for 0. */
void row_write_time(struct json_writer *writer, struct str key, int64_t at_ms);
