/* `flush DIR`: what a durable write costs there: 4 KiB over zeros, O_DIRECT|O_DSYNC where the file system takes it,
 * else fdatasync. Prints {"flush_p50_us","direct"}. */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define BLOCK 4096
#define BLOCKS 256
#define WRITES 400

static int64_t now_ns(void)
{
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return (int64_t)at.tv_sec * 1000000000 + at.tv_nsec;
}

static int compare(const void *left, const void *right)
{
    int64_t a = *(const int64_t *)left, b = *(const int64_t *)right;
    return (a > b) - (a < b);
}

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static void fill(int fd, const void *zeros)
{
    for (int i = 0; i < BLOCKS; i++)
        if (pwrite(fd, zeros, BLOCK, (off_t)i * BLOCK) != BLOCK)
            die("pwrite");
    if (fsync(fd) != 0)
        die("fsync");
}

int main(int argc, char **argv)
{
    static int64_t took[WRITES];
    char path[4096];
    void *block = NULL;
    if (argc != 2) {
        fprintf(stderr, "usage: flush DIR\n");
        return 2;
    }
    int len = snprintf(path, sizeof(path), "%s/flush-%d", argv[1], (int)getpid());
    if (len < 0 || (size_t)len >= sizeof(path) || posix_memalign(&block, BLOCK, BLOCK) != 0)
        die("flush");
    memset(block, 0, BLOCK);
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        die(path);
    fill(fd, block);
    int direct = open(path, O_RDWR | O_DIRECT | O_DSYNC | O_CLOEXEC);
    unlink(path);
    int to = direct >= 0 ? direct : fd;
    memset(block, 'x', BLOCK);
    for (int i = 0; i < WRITES; i++) {
        int64_t start = now_ns();
        if (pwrite(to, block, BLOCK, (off_t)(i % BLOCKS) * BLOCK) != BLOCK || (direct < 0 && fdatasync(fd) != 0))
            die("write");
        took[i] = now_ns() - start;
    }
    qsort(took, WRITES, sizeof(took[0]), compare);
    printf("{\"flush_p50_us\":%.1f,\"direct\":%s}\n", (double)took[WRITES / 2] / 1000.0,
           direct >= 0 ? "true" : "false");
    return 0;
}
