/* A real disk that is a virtio block device (virtio 1.2 §5.2), by any transport. */
#ifndef BLK_VIRTIO_DISK_H
#define BLK_VIRTIO_DISK_H

#include "disk.h"
#include "dma.h"
#include "ring.h"
#include "transport.h"

struct virtio_disk_slot;

struct virtio_disk {
    struct disk disk; /* first */
    struct transport transport;
    struct dma *dma;
    struct ring ring;
    struct virtio_disk_slot *slots; /* of each request */
    uint64_t slots_bus;
};

/** Makes it; disk_driver's start does the rest, and takes all of `dma` that is left then. */
void virtio_disk_init(struct virtio_disk *disk, const struct transport_driver *transport, uintptr_t base, struct dma *dma);

#endif
