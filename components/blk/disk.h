/*
 * A real disk, as the rest of the driver sees it, whatever it is. Addresses are those that the device uses; sectors are of 512 bytes, as virtio's, whatever
 * its blocks are. One implementation a file; main.c picks it.
 */
#ifndef BLK_DISK_H
#define BLK_DISK_H

#include <stdbool.h>
#include <stdint.h>

enum {
    DISK_SECTOR = 512,   /* bytes */
    DISK_DEPTH = 64,     /* requests at a time, at most */
    DISK_SEGMENTS = 64,  /* of one request, at most */
};

enum disk_operation { DISK_READ, DISK_WRITE, DISK_FLUSH, DISK_DISCARD, DISK_WRITE_ZEROES };
enum disk_result { DISK_OK, DISK_ERROR, DISK_UNSUPPORTED };

/* What it is and what it takes; constant once started. */
struct disk_facts {
    uint64_t sectors;
    uint32_t block_size;        /* bytes: requests begin and end at multiples */
    uint32_t depth;             /* requests at a time */
    uint32_t segments;          /* of one request */
    uint32_t segment_bytes;     /* of one segment */
    uint32_t bytes;             /* of one request */
    uint32_t discard_sectors;   /* of one request */
    uint32_t discard_alignment; /* sectors */
    uint32_t zeroes_sectors;
    bool read_only, flush, discard, write_zeroes;
    bool zeroes_unmap;          /* writing zeroes may deallocate */
};

struct disk_segment {
    uint64_t bus;
    uint32_t size;
};

struct disk_request {
    enum disk_operation operation;
    uint32_t token;   /* less than the depth, and no other one's at the time */
    uint64_t sector;
    uint32_t sectors; /* discard and write zeroes */
    bool unmap;       /* write zeroes: may deallocate */
    uint32_t count;
    struct disk_segment segments[DISK_SEGMENTS]; /* read and write */
};

struct disk;

struct disk_driver {
    /** Resets the device, after which it does no DMA, whatever it was doing, and starts it. NULL, or why it can't be used: one line with the remedy. */
    const char *(*start)(struct disk *disk);
    /** Prepares a request; disk_go tells the device. The segments need not outlive it. */
    void (*submit)(struct disk *disk, const struct disk_request *request);
    /** Tells the device of what was submitted since. */
    void (*go)(struct disk *disk);
    /** A request that is done, if there is one. */
    bool (*collect)(struct disk *disk, uint32_t *token, enum disk_result *result);
    /** At its interrupt: acknowledges it. What is done afterwards interrupts again. False: the device has failed and must be reset. */
    bool (*interrupt)(struct disk *disk);
};

struct disk {
    const struct disk_driver *driver;
    bool is_quiet; /* after disk_driver's start: it does no DMA for anybody of before */
    struct disk_facts facts;
};

#endif
