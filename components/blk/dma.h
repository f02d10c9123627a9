/* The driver's own memory that its device reaches: given out once, at start, never back. */
#ifndef BLK_DMA_H
#define BLK_DMA_H

#include <stddef.h>
#include <stdint.h>

struct dma {
    uint8_t *at;   /* here */
    uint64_t bus;  /* for the device */
    uint64_t size; /* bytes left */
};

/** `size` bytes (a multiple of 16), aligned as the memory itself is up to 4 KiB; NULL: there are not as many. `bus` as the device sees them. */
static inline void *dma_take(struct dma *dma, uint64_t size, uint64_t alignment, uint64_t *bus)
{
    uint64_t gap = -dma->bus & (alignment - 1);
    if (dma->size < gap || dma->size - gap < size)
        return NULL;
    void *taken = dma->at + gap;
    *bus = dma->bus + gap;
    dma->at += gap + size;
    dma->bus += gap + size;
    dma->size -= gap + size;
    return taken;
}

#endif
