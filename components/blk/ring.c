/* See ring.h. The device is not trusted with more than its own requests: an index that it makes up is counted as nobody's. */
#include "ring.h"

#include "registers.h"

#include <bulkhead/virtio.h>
#include <string.h>

enum { RING_MOST = 64 };

/* virtio 1.2 §2.7.6, §2.7.8. */
struct ring_available {
    uint16_t flags, index;
    uint16_t ring[RING_MOST];
};

struct ring_used {
    uint16_t flags, index;
    struct {
        uint32_t id, length;
    } ring[RING_MOST];
};

static void *part_take(struct dma *dma, uint64_t size, uint64_t *bus)
{
    void *part = dma_take(dma, (size + 15) & ~UINT64_C(15), 16, bus);
    if (part)
        memset(part, 0, size);
    return part;
}

bool ring_make(struct ring *ring, struct dma *dma, uint16_t size)
{
    memset(ring, 0, sizeof(*ring));
    ring->size = size;
    ring->descriptors = part_take(dma, size * sizeof(struct ring_descriptor), &ring->descriptors_bus);
    ring->available = part_take(dma, sizeof(struct ring_available), &ring->available_bus);
    ring->used = part_take(dma, sizeof(struct ring_used), &ring->used_bus);
    return size <= RING_MOST && ring->descriptors && ring->available && ring->used;
}

void ring_add(struct ring *ring, uint16_t number, uint64_t bus, uint32_t bytes)
{
    volatile struct ring_descriptor *descriptor = &ring->descriptors[number];
    descriptor->address = bus;
    descriptor->length = bytes;
    descriptor->flags = VIRTIO_D_INDIRECT;
    ring->available->ring[ring->next_available++ & (ring->size - 1)] = number;
    ring->in_flight |= UINT64_C(1) << number;
}

/* The index after what it covers; the device's wish after the index, for it wishes before it looks at the index a last time (§2.7.13.3). */
bool ring_show(struct ring *ring)
{
    if (ring->told == ring->next_available)
        return false;
    ring->told = ring->next_available;
    device_publish();
    ring->available->index = ring->next_available;
    device_exchange();
    return !(ring->used->flags & VIRTIO_U_NO_NOTIFY);
}

bool ring_collect(struct ring *ring, uint16_t *number)
{
    while (ring->next_used != ring->used->index) {
        device_observe();
        uint32_t id = ring->used->ring[ring->next_used++ & (ring->size - 1)].id;
        if (id >= ring->size || !(ring->in_flight >> id & 1))
            continue;
        ring->in_flight &= ~(UINT64_C(1) << id);
        *number = (uint16_t)id;
        return true;
    }
    return false;
}
