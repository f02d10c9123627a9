/* Copies between a guest's memory and the driver's own, for links whose guest's memory no device is to reach. */
#ifndef BLK_BOUNCE_H
#define BLK_BOUNCE_H

#include "disk.h"
#include "dma.h"
#include "request.h"

#include <stdbool.h>

enum {
    BOUNCE_BYTES = 8192, /* of one buffer: a part is no longer */
    BOUNCE_BUFFERS = 3,
    BOUNCE_NONE = -1,
};

struct bounce {
    uint8_t *at[BOUNCE_BUFFERS];
    uint64_t bus[BOUNCE_BUFFERS];
    uint32_t free; /* bits */
};

/** Takes its memory. False: there is too little. */
bool bounce_init(struct bounce *bounce, struct dma *dma);

/** A free buffer, or BOUNCE_NONE. */
int bounce_claim(struct bounce *bounce);

/** Gives one back. */
void bounce_release(struct bounce *bounce, int buffer);

/** The next part of a read or write, with its data in the buffer: a write's is copied there. Moves the request's cursor. */
void bounce_next(struct bounce *bounce, int buffer, struct request *request, struct disk_request *part);

/** A read that was done: its data goes where the part began, `from`. */
void bounce_finish(const struct bounce *bounce, int buffer, const struct request *request, struct cursor from, uint32_t bytes);

#endif
