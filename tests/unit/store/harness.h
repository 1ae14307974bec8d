/* A store in a directory of its own, on a real loop, under a clock that the test moves. */
#pragma once

#include "base/clock.h"
#include "base/log.h"
#include "io/loop.h"
#include "store/store.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#define NOON INT64_C(1767268800000) /* 2026-01-01T12:00:00Z */

struct harness {
    char                directory[64];
    struct clock_manual clock;     /* the store's; the loop has the system's */
    struct log          log;
    pthread_mutex_t     mutex;        /* the ledger's thread logs too */
    char                lines[16384]; /* what was logged */
    struct loop        *loop;
    struct store       *store;
    enum audit_mode     audit;
};

struct told {                      /* what admit_done said */
    int                 count;
    struct admit_result result;
};

void harness_init(struct harness *harness);       /* a fresh directory, no store yet */
void harness_release(struct harness *harness);    /* closes the store, removes the directory */
int  harness_open(struct harness *harness);       /* with a loop */
int  harness_open_alone(struct harness *harness); /* without */
void harness_close(struct harness *harness);
bool harness_logged(struct harness *harness, const char *text);
/* Turns of the loop until *flag reaches `wanted`; fails the test after seconds. */
void harness_until(struct harness *harness, const int *flag, int wanted);
void harness_run_ms(struct harness *harness, int ms);
/* The last segment's path, and a copy of its bytes (the caller's to free). */
void harness_segment(const struct harness *harness, char path[128]);
char *file_read(const char *path, size_t *len);
void file_write(const char *path, const char *bytes, size_t len);
void harness_copy_directory(const struct harness *from, struct harness *to);

struct id   id_of(unsigned number);
struct debit debit_calls(unsigned max);           /* "calls", 1 a call, an hour */
void        told_done(void *told, const struct admit_result *result);
/* Admits call `number` and waits until it is durable. */
struct admission *admit_one(struct harness *harness, unsigned number, const struct debit *debits, size_t count);
/* 0 when the call would be admitted now (it is given back), else E_LIMIT with *result. */
int         admit_try(struct harness *harness, unsigned number, const struct debit *debit, struct admit_result *result);
uint64_t    count_records(const struct harness *harness, enum record_kind kind);
