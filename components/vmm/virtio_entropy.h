/* Entropy device (virtio 1.2 §5.4): random bytes of the monitor's generator, into the guest's own buffers. */
#ifndef VMM_VIRTIO_ENTROPY_H
#define VMM_VIRTIO_ENTROPY_H

#include <bulkhead/virtio_link.h>
#include <stdint.h>

/* Of the backend; plain data. */
struct virtio_entropy_state {
    uint32_t request; /* counts its starts: virtio_link.h */
    uint32_t reserved;
    struct link_record record;
};

/** Makes the VM's first virtio device, if there is a generator. */
void virtio_entropy_build(void);

/** Power-on state; after fronts_reset, which has stopped it. */
void virtio_entropy_reset(void);

#endif
