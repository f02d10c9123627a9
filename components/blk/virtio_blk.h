/* Numbers of virtio's block device (virtio 1.2 §5.2), which the driver needs twice: of the device that it drives, and of those that it is to guests. */
#ifndef BLK_VIRTIO_BLK_H
#define BLK_VIRTIO_BLK_H

#include <stdint.h>

/* §5.2.3: bit numbers. */
enum blk_feature {
    BLK_F_SIZE_MAX = 1,
    BLK_F_SEG_MAX = 2,
    BLK_F_RO = 5,
    BLK_F_BLK_SIZE = 6,
    BLK_F_FLUSH = 9,
    BLK_F_MQ = 12,
    BLK_F_DISCARD = 13,
    BLK_F_WRITE_ZEROES = 14,
};

/* §5.2.6. */
enum blk_type { BLK_T_IN = 0, BLK_T_OUT = 1, BLK_T_FLUSH = 4, BLK_T_GET_ID = 8, BLK_T_DISCARD = 11, BLK_T_WRITE_ZEROES = 13 };
enum blk_status { BLK_S_OK, BLK_S_IOERR, BLK_S_UNSUPP };
enum { BLK_ID_SIZE = 20, BLK_RANGE_UNMAP = 1 };

struct blk_header {
    uint32_t type, reserved;
    uint64_t sector;
};

/* Of discard and write zeroes. */
struct blk_range {
    uint64_t sector;
    uint32_t sectors, flags;
};

/* §5.2.4, without what is not used of it. */
struct blk_config {
    uint64_t capacity;
    uint32_t size_max, seg_max;
    uint32_t geometry;
    uint32_t blk_size;
    uint8_t topology[8];
    uint8_t writeback, unused;
    uint16_t num_queues;
    uint32_t max_discard_sectors, max_discard_seg, discard_sector_alignment;
    uint32_t max_write_zeroes_sectors, max_write_zeroes_seg;
    uint8_t write_zeroes_may_unmap, unused2[3];
};

_Static_assert(sizeof(struct blk_header) == 16 && sizeof(struct blk_range) == 16, "as the specification has them");
_Static_assert(__builtin_offsetof(struct blk_config, num_queues) == 34 && __builtin_offsetof(struct blk_config, write_zeroes_may_unmap) == 56,
    "as the specification has it");

#endif
