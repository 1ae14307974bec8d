/* By what one sees that a file is not the one that was read: another file at its path, or other bytes in it. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

struct file_stamp {
    bool     there;
    bool     young;  /* changed so shortly before it was read that a write since then may not show */
    uint64_t device, inode;
    int64_t  size, modified_ns, changed_ns;
};

#define FILE_YOUNG_NS 100000000 /* far above the step of any file system's clock */

static inline struct file_stamp file_stamp_of(const struct stat *status, int64_t now_ns)
{
    struct file_stamp stamp = {
        .there = true,
        .device = (uint64_t)status->st_dev,
        .inode = (uint64_t)status->st_ino,
        .size = status->st_size,
        .modified_ns = (int64_t)status->st_mtim.tv_sec * 1000000000 + status->st_mtim.tv_nsec,
        .changed_ns = (int64_t)status->st_ctim.tv_sec * 1000000000 + status->st_ctim.tv_nsec,
    };
    int64_t age_ns = now_ns - stamp.changed_ns; /* below zero where another clock set it */
    stamp.young = age_ns < FILE_YOUNG_NS && age_ns > -FILE_YOUNG_NS;
    return stamp;
}

/* Whether it is old, or new, is no difference. */
static inline bool file_stamp_eq(const struct file_stamp *a, const struct file_stamp *b)
{
    return a->there == b->there && a->device == b->device && a->inode == b->inode && a->size == b->size &&
           a->modified_ns == b->modified_ns && a->changed_ns == b->changed_ns;
}
