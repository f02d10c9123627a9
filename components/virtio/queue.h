/*
 * A virtqueue from the device's side (virtio 1.2 §2.6–2.8): split and packed rings, indirect descriptors, event suppression by flag or index. It knows nothing of devices and
 * transports. The rings lie in the memory of a guest that may lie: each word is read once, and everything that follows from it is checked.
 *
 * A queue is malformed when its guest breaks the rules (a chain that loops or is too long, a descriptor outside of its memory, an index that
 * jumps, writable before readable). Then it stands still; vq_wrong says why; the device sets DEVICE_NEEDS_RESET.
 */
#ifndef VIRTIO_QUEUE_H
#define VIRTIO_QUEUE_H

#include <bulkhead/virtio_link.h>
#include <stdbool.h>
#include <stdint.h>

enum {
    VQ_SEGMENTS = 130, /* of one chain, indirect ones included: 128 of data, a header, a status */
};

/* Guest memory, as this component sees it. */
struct vq_memory {
    const struct link_window *windows;
    unsigned count;
};

struct vq_segment {
    void *at;       /* here */
    uint64_t bus;   /* for a device */
    uint32_t size;  /* bytes, not zero */
};

/* What a guest's driver has made available: `readable` segments, then `writable` ones. */
struct vq_chain {
    uint16_t place;    /* what vq_put needs: index in the record */
    uint16_t readable, writable;
    uint64_t bytes;    /* of all segments, at most 4 GiB (§2.7.5, §2.8.19) */
    struct vq_segment segments[VQ_SEGMENTS];
};

struct vq {
    const struct vq_kind *kind; /* of rings */
    struct vq_memory memory;
    struct link_queue rings;
    struct link_record *record;
    uint64_t features;     /* negotiated */
    uint8_t *descriptors, *available, *used; /* the rings, here */
    uint64_t order;        /* of the last one taken */
    uint16_t next_available, next_used; /* as in the record */
    uint32_t unsignalled;  /* places in the ring used since vq_interrupts last looked */
    uint64_t resume_order; /* vq_resume: the last one handed out */
    uint64_t free[LINK_QUEUE_SIZE / 64]; /* packed: copies not in use */
    const char *wrong;     /* NULL: nothing */
};

/**
 * Begins to serve the queue: anew when its record says `started` otherwise than `request`, else where it stopped. Then ask vq_interrupts, for a predecessor may
 * have died before it did. False: malformed.
 */
bool vq_start(struct vq *queue, const struct vq_memory *memory, const struct link_queue *rings, uint64_t features, struct link_record *record, uint32_t request);

/** The next chain that a predecessor took and did not put back, in the order of taking. Until it answers false vq_take must not be called. */
bool vq_resume(struct vq *queue, struct vq_chain *chain);

/** The next chain that the guest made available, recorded as in flight; false: none, or malformed (vq_wrong). */
bool vq_take(struct vq *queue, struct vq_chain *chain);

/** Gives the chain back, `written` bytes of its writable segments being filled. In any order. Nothing while the queue is malformed. */
void vq_put(struct vq *queue, uint16_t place, uint32_t written);

/** Whether the guest wants an interrupt for what was put since it was last asked (§2.7.7, §2.7.10, §2.8.10). */
bool vq_interrupts(struct vq *queue);

/** Asks for notifications; false: something has become available meanwhile, take it first. True of a malformed queue. */
bool vq_sleep(struct vq *queue);

/** Needs no notifications until the next vq_sleep. A hint. */
void vq_wake(struct vq *queue);

/** What is malformed, one line; NULL: nothing. */
const char *vq_wrong(const struct vq *queue);

/** [guest, guest + size) as this component sees it; NULL unless it all lies in one window. `bus` may be NULL. */
void *vq_memory_at(const struct vq_memory *memory, uint64_t guest, uint64_t size, uint64_t *bus);

#endif
