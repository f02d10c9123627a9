/* How a virtio device is reached by its driver (virtio 1.2 §4), so that what is on top need not know: registers of its own, or a PCI function. */
#ifndef BLK_TRANSPORT_H
#define BLK_TRANSPORT_H

#include "ring.h"

#include <stdbool.h>
#include <stdint.h>

struct transport;

struct transport_driver {
    /** Whether there is a device of this kind (enum virtio_id): NULL, or what is wrong, one line with the remedy. */
    const char *(*probe)(const struct transport *transport, uint32_t kind);
    /** Resets the device and waits until it is; it does no DMA then. False: it does not come to an end. */
    bool (*reset)(const struct transport *transport);
    /** Device status (§2.1). */
    uint32_t (*status)(const struct transport *transport);
    /** Sets bits of it. */
    void (*status_add)(const struct transport *transport, uint32_t bits);
    /** Features that the device offers. */
    uint64_t (*features)(const struct transport *transport);
    /** Features that the driver takes. */
    void (*accept)(const struct transport *transport, uint64_t features);
    /** Largest size of queue 0; 0: there is none. */
    uint32_t (*queue_most)(const struct transport *transport);
    /** Gives the device queue 0. */
    void (*queue_set)(const struct transport *transport, const struct ring *ring);
    /** Something is available in queue 0. */
    void (*notify)(const struct transport *transport);
    /** Reads and acknowledges what it interrupts for: bit 0, used buffers; bit 1, a change of configuration. */
    uint32_t (*interrupts)(const struct transport *transport);
    /** Copies from the device's configuration space. */
    void (*config)(const struct transport *transport, uint32_t offset, void *to, uint32_t size);
};

struct transport {
    const struct transport_driver *driver;
    uintptr_t base; /* of its registers */
};

extern const struct transport_driver virtio_mmio;

#endif
