/* virtio over MMIO (virtio 1.2 §4.2): one page of registers per device, at FRONT_BASE. */
#ifndef VMM_VIRTIO_MMIO_H
#define VMM_VIRTIO_MMIO_H

#include <stdbool.h>
#include <stdint.h>

/* What the registers that select something hold; plain data. The rest is the front's. */
struct virtio_mmio_state {
    uint32_t device_features; /* DeviceFeaturesSel */
    uint32_t driver_features; /* DriverFeaturesSel */
    uint32_t queue;           /* QueueSel */
};

/** Puts the devices' registers into the guest's address space; after the fronts were built. False if something else is there. */
bool virtio_mmio_build(void);

/** Power-on state. The fronts have their own. */
void virtio_mmio_reset(void);

/** The registers, device by device. */
uint64_t virtio_mmio_read(unsigned vcpu, uint64_t offset, unsigned size);
void virtio_mmio_write(unsigned vcpu, uint64_t offset, unsigned size, uint64_t value);

#endif
