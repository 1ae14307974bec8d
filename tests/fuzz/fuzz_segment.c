/* A segment file that is damaged in any way: recovery takes a prefix of what was written, or refuses. Input that begins
 * with 'R' is the file itself; any other is a list of damages to a ledger of six batches, five bytes each. */
#include "store/recover.h"

#include "base/check.h"
#include "base/log.h"
#include "store/directory.h"
#include "store/format.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define BATCHES 6u
#define RECORDS 3u /* a batch */
#define FILE_BYTES ((BATCHES + 6) * BLOCK_BYTES)

static char image[FILE_BYTES];

static void no_line(struct log *log, enum log_level level, const char *text)
{
    (void)log;
    (void)level;
    (void)text;
}

static void image_make(void)
{
    struct sha256 last = { { 0 } };
    struct hasher *hasher;
    struct segment_header header = { .number = 1, .first_sequence = 1, .size = FILE_BYTES };
    uint64_t sequence = 1;

    AZ(hasher_new(&hasher));
    segment_header_put(&header, image);
    for (unsigned batch = 0; batch < BATCHES; batch++) {
        char *at = image + (1 + batch) * BLOCK_BYTES;
        size_t len = BATCH_HEADER_BYTES;
        struct batch_header head = { .count = RECORDS, .first_sequence = sequence, .durable_before = sequence - 1, .segment = 1 };
        for (unsigned i = 0; i < RECORDS; i++, sequence++) {
            struct record record = { .kind = RECORD_SESSION, .count = sequence, .text = STR("some text") };
            struct buf place = { .ptr = at + len + FRAME_HEADER_BYTES, .cap = 512, .max = 512 };
            record_write(&record, &place);
            frame_header_put(at + len, (uint32_t)place.len, sequence);
            len += frame_chain(hasher, at + len, &last);
        }
        head.length = (uint32_t)(len - BATCH_HEADER_BYTES);
        batch_seal(&head, at);
    }
    hasher_free(hasher);
}

/* Each damage: what, where (two bytes), how much or which (two bytes). Returns whether a batch was sealed anew, which
 * only someone who writes the file on purpose does: then the chain alone is left to tell. */
static bool damage(char *file, const uint8_t *data, size_t size)
{
    bool forged = false;
    for (; size >= 5; data += 5, size -= 5) {
        size_t at = ((size_t)data[1] << 8 | data[2]) % FILE_BYTES, amount = (size_t)data[3] << 8 | data[4];
        size_t block = at / BLOCK_BYTES * BLOCK_BYTES, left = FILE_BYTES - at;
        struct batch_header header;
        switch (data[0] % 6) {
        case 0: file[at] = (char)data[4]; break;
        case 1: memset(file + at, 0, amount < left ? amount : left); break;
        case 2: memset(file + block, 0, BLOCK_BYTES); break;
        case 3: memmove(file + block, file + amount % (FILE_BYTES / BLOCK_BYTES) * BLOCK_BYTES, BLOCK_BYTES); break;
        case 4: file[at] ^= (char)(1 << data[4] % 8); break;
        case 5:
            if (batch_peek(file + block, &header) && header.length <= BLOCK_BYTES - BATCH_HEADER_BYTES) {
                batch_seal(&header, file + block);
                forged = true;
            }
            break;
        default: break;
        }
    }
    return forged;
}

struct taken {
    uint64_t next;
    bool     forged;
};

static int take(void *arg, uint64_t sequence, const struct record *record)
{
    struct taken *taken = arg;
    CHECK(sequence == taken->next);
    taken->next++;
    if (!taken->forged)
        CHECK(record->kind == RECORD_SESSION && record->count == sequence && str_eq(record->text, STR("some text")));
    return 0;
}

static int directory_make(void)
{
    char path[] = "/dev/shm/warder-fuzz-XXXXXX"; /* in memory: syncs cost nothing there */
    AN(mkdtemp(path));
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    CHECK(fd >= 0);
    return fd;
}

static void file_put(int directory, const char *bytes, size_t len)
{
    char name[SEGMENT_NAME_MAX];
    segment_name(1, name);
    int fd = openat(directory, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    CHECK(fd >= 0);
    CHECK(pwrite(fd, bytes, len, 0) == (ssize_t)len);
    close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int directory = -1;
    static struct log log = { .least = LOG_ERROR, .line = no_line };
    struct taken taken = { .forged = false };
    struct ledger_tail tail;
    uint64_t first = 1;

    if (directory < 0) {
        directory = directory_make();
        image_make();
    }
    if (size > 0 && data[0] == 'R') {
        struct segment_header header;
        taken.forged = true;
        if (size - 1 >= BLOCK_BYTES && segment_header_get(data + 1, &header) == 0)
            first = header.first_sequence;
        file_put(directory, (const char *)data + 1, size - 1);
    } else {
        char file[FILE_BYTES];
        memcpy(file, image, sizeof file);
        taken.forged = damage(file, data, size);
        file_put(directory, file, sizeof file);
    }
    taken.next = first;
    int error = recover(directory, &log, take, &taken, &tail);
    CHECK(error == 0 || error == E_CORRUPT || error == E_INVALID);
    if (error == 0) {
        /* What recovery leaves is whole: a second one takes the same and cuts nothing. */
        struct taken again = { .next = first, .forged = true };
        struct ledger_tail same;
        AZ(recover(directory, &log, take, &again, &same));
        CHECK(tail.offset == same.offset && tail.next_sequence == same.next_sequence && again.next == taken.next);
    }
    return 0;
}
