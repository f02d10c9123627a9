/* What a guest sees: a virtio block device (virtio 1.2 §5.2) that is a disk, or a stretch of it. Here requests are understood and checked; nothing is done. */
#ifndef BLK_MODEL_H
#define BLK_MODEL_H

#include "disk.h"
#include "request.h"
#include "virtio_blk.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    MODEL_SEGMENTS = VQ_SEGMENTS - 2, /* of data that a request may have */
    MODEL_SEGMENT_BYTES = 1 << 20,
};

struct model {
    const struct disk_facts *facts; /* NULL: there is no disk, every request fails */
    uint64_t first, sectors;        /* the stretch */
    bool read_only;
    uint32_t queues;
    char id[BLK_ID_SIZE];
};

enum model_verdict {
    MODEL_SUBMIT,    /* is to be done by the disk */
    MODEL_DONE,      /* is answered by `result` */
    MODEL_MALFORMED, /* has no place for a status: the device needs a reset */
};

/** Features to offer, those of queues apart. */
uint64_t model_features(const struct model *model);

/** The configuration space. */
void model_config(const struct model *model, struct blk_config *config);

/** Understands the chain of a request, with `features` negotiated: fills in the rest of it. */
enum model_verdict model_decode(const struct model *model, uint64_t features, struct request *request);

#endif
