/* The words that tell a CHECKPOINT's and a CLOCK's parts apart; they stand in ledgers. */
#pragma once

#include "base/str.h"

#define CHECKPOINT_CLOCK    STR("clock")    /* micros: counters' floor, Unix ms, 0 for none; count: 1 while the clock's jump stands */
#define CHECKPOINT_GRANT    STR("grant")    /* blob: the grant */
#define CHECKPOINT_REVISION STR("revision") /* server, revision, blob: the policy */
#define CHECKPOINT_COUNTERS STR("counters") /* debits: what is used, in which windows */
#define CHECKPOINT_FREEZE   STR("freeze")   /* what is frozen, as FROZEN says it; micros: since when, Unix ms; blob: why */
#define CHECKPOINT_PINS     STR("pins")     /* server; blob: what was accepted of it */
#define CHECKPOINT_DROPPED  STR("dropped")  /* count, digest: as DROPPED says them */
#define CHECKPOINT_OPEN     STR("open")     /* blob: ids of calls without an outcome */

#define CLOCK_JUMPED        STR("jumped")
#define CLOCK_CONFIRMED     STR("confirmed")
