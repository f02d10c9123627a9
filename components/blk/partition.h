/* Partitions of a disk: GUID partition tables (UEFI 2.10 §5.3) and the primary ones of an MBR. The disk's contents are not trusted. */
#ifndef BLK_PARTITION_H
#define BLK_PARTITION_H

#include <stdbool.h>
#include <stdint.h>

enum { PARTITION_BLOCK_MOST = 4096, PARTITION_TEXT = 96 };

/* Where the table is read from. */
struct partition_source {
    /** Reads one block to `to`; false: an error. */
    bool (*read)(void *context, uint64_t block, void *to);
    void *context;
    uint64_t blocks;
    uint32_t block_size;
};

/* In blocks. */
struct partition {
    uint64_t first, count;
};

/** Finds partition `number`, from 1. False: `text` (PARTITION_TEXT bytes) says why not. */
bool partition_find(const struct partition_source *source, uint32_t number, struct partition *partition, char *text);

#endif
