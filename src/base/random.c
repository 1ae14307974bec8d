/* The kernel's generator, read in blocks a thread: one system call for many ids. Bytes that were handed out are erased
 * here, and a forked child starts without its parent's block. */
#include "base/random.h"

#include "base/check.h"

#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <string.h>
#include <sys/random.h>

#define BLOCK_BYTES 512

static _Thread_local struct {
    uint8_t bytes[BLOCK_BYTES];
    size_t left;
} block;

static void forget_block(void)
{
    explicit_bzero(&block, sizeof(block));
}

static void watch_forks(void)
{
    AZ(pthread_atfork(NULL, NULL, forget_block));
}

static void fill(uint8_t *out, size_t len)
{
    while (len > 0) {
        ssize_t got = getrandom(out, len, 0);
        if (got < 0 && errno == EINTR)
            continue;
        CHECK(got > 0);
        out += got;
        len -= (size_t)got;
    }
}

void random_bytes(void *out, size_t len)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    if (len > BLOCK_BYTES / 2) {
        fill(out, len);
        return;
    }
    if (len > block.left) {
        AZ(pthread_once(&once, watch_forks));
        fill(block.bytes, BLOCK_BYTES);
        block.left = BLOCK_BYTES;
    }
    block.left -= len;
    memcpy(out, block.bytes + block.left, len);
    explicit_bzero(block.bytes + block.left, len);
}
