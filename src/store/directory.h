/* The data directory: made 0700, held by one gateway through DATA/lock, with the ledger's segments in DATA/ledger. */
#pragma once

#include "base/error.h"
#include "base/str.h"

#include <stddef.h>
#include <stdint.h>

struct log;

/* Makes what is missing and takes the lock. *data and *lock are descriptors to close; closing the lock gives it up.
 * E_LOCKED is logged with the holder's process id. */
int directory_open(struct str path, struct log *log, int *data, int *lock) NODISCARD;
/* For reading alone, without the lock. E_NOT_FOUND. */
int directory_open_data(struct str path, int *data) NODISCARD;
int directory_open_ledger(struct str path, int *ledger) NODISCARD;
/* DATA/ledger, made when missing; its name is durable once `data` is synced. */
int directory_make_ledger(int data, int *ledger) NODISCARD;

#define SEGMENT_NAME_MAX 24
void segment_name(uint64_t number, char out[SEGMENT_NAME_MAX]);
/* The numbers of all segments, ascending; *numbers is the caller's to free. */
int  segment_list(int ledger, uint64_t **numbers, size_t *count) NODISCARD;
