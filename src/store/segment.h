/* One segment file: made, filled with zeros, read batch by batch. */
#pragma once

#include "base/error.h"
#include "base/str.h"
#include "store/format.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SEGMENT_FIRST_BYTES 1048576u /* the first segment; each next one is four times as large, up to the ceiling */

/* A new file of `size` bytes, whole blocks, that read as zeros; what bears the name is replaced. Not synced. With `fill`
 * the zeros are written, which makes later writes over them cheaper; `stop` (may be NULL) ends that early with E_AGAIN. */
int segment_make(int ledger, const char *name, uint64_t size, bool fill, bool (*stop)(void *arg), void *arg) NODISCARD;

enum segment_sync { SEGMENT_DIRECT, SEGMENT_SYNC_DATA, SEGMENT_NO_SYNC };
/* For writing. *sync is what was asked for, or SEGMENT_SYNC_DATA where the file system takes no direct writes. */
int segment_open(int ledger, const char *name, enum segment_sync *sync, int *fd) NODISCARD;
/* All of it, at whole blocks, through EINTR and short writes. Returns 0 or the errno that it failed with. */
int segment_write(int fd, const void *bytes, size_t len, uint64_t offset);
/* fdatasync or fsync, through EINTR. 0 or the errno. */
int segment_sync(int fd, int (*sync)(int fd));

struct segment_reader {
    int      fd;
    struct segment_header header;
    uint64_t size;              /* of the file */
    uint64_t offset;            /* where the next batch begins */
    char    *window;            /* bytes of the file from window_at on */
    uint64_t window_at;
    size_t   window_len, window_cap;
};

/* E_NOT_FOUND, E_CORRUPT: the header is none, or of another segment; E_INVALID: of a later version. */
int  segment_reader_open(struct segment_reader *reader, int ledger, uint64_t number) NODISCARD;
void segment_reader_close(struct segment_reader *reader);
/* The batch at `offset`, which then moves on. E_NOT_FOUND: none that is whole stands there (the end, or damage). The
 * frames are borrowed until the next call. */
int  segment_reader_next(struct segment_reader *reader, struct batch_header *header, struct str *frames) NODISCARD;
/* Forgets what it read ahead: the file is being written. */
void segment_reader_refresh(struct segment_reader *reader);

struct segment_rest {           /* what stands behind the last whole batch */
    uint64_t dirty_end;         /* offset behind the last block that is not zero; reader->offset when all are */
    bool     batch_follows;     /* a whole batch stands there */
    uint64_t durable_before;    /* the highest that such a batch claims */
};
int  segment_reader_rest(struct segment_reader *reader, struct segment_rest *rest) NODISCARD;
