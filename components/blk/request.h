/* A guest's request on its way: from the chain that its queue gave until that is put back. */
#ifndef BLK_REQUEST_H
#define BLK_REQUEST_H

#include "disk.h"
#include "virtio/queue.h"
#include "virtio_blk.h"

enum { REQUEST_RANGES = 16 /* of one discard or write zeroes */ };

/* How far a request has come: in its segments, or its ranges. */
struct cursor {
    uint32_t segment; /* or range */
    uint32_t offset;  /* bytes of it, or sectors */
    uint64_t done;    /* bytes in all */
};

struct request {
    uint8_t client, queue;
    uint8_t result;        /* enum blk_status */
    bool flush_after;      /* the guest has negotiated no flush: a write is to be stable when it is done (virtio 1.2 §5.2.6.2) */
    bool is_split;         /* wholly submitted */
    uint16_t outstanding;  /* parts at the device */
    enum disk_operation operation;
    uint64_t sector;       /* of the disk, not of the partition */
    uint64_t bytes;        /* of data, 0 for those that have none */
    struct vq_segment *data;
    uint32_t data_count;
    uint8_t *status;       /* in guest memory */
    uint32_t written;      /* into the guest's memory if all goes well, the status included */
    uint32_t range_count;
    struct blk_range ranges[REQUEST_RANGES];
    struct cursor cursor;
    struct vq_chain chain;
};

#endif
