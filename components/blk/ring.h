/*
 * A split virtqueue from the driver's side (virtio 1.2 §2.7), in memory that a real device reads and writes. Each request is one indirect table, which lies at a
 * place of its own, so descriptor N is request N's for good and there is nothing to allocate.
 */
#ifndef BLK_RING_H
#define BLK_RING_H

#include "dma.h"

#include <stdbool.h>
#include <stdint.h>

struct ring_descriptor {
    uint64_t address;
    uint32_t length;
    uint16_t flags, next;
};

struct ring_available;
struct ring_used;

struct ring {
    volatile struct ring_descriptor *descriptors;
    volatile struct ring_available *available;
    volatile struct ring_used *used;
    uint64_t descriptors_bus, available_bus, used_bus;
    uint16_t size;          /* a power of two, at most 64 */
    uint16_t next_available, told, next_used;
    uint64_t in_flight;     /* bit N: the device has request N */
};

/** An empty ring in memory of its own. False: there is too little. */
bool ring_make(struct ring *ring, struct dma *dma, uint16_t size);

/** Makes the indirect table of `bytes` at `bus` available as request `number`. */
void ring_add(struct ring *ring, uint16_t number, uint64_t bus, uint32_t bytes);

/** Shows the device what was added since; whether it wants to be notified of that. */
bool ring_show(struct ring *ring);

/** The next request that the device has used; false: none. What it never had is left out. */
bool ring_collect(struct ring *ring, uint16_t *number);

#endif
