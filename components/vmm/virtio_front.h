/*
 * The guest's side of a virtio device (virtio 1.2 §2, §3): status, features, queues' places, configuration space, whatever the transport shows them by. What
 * serves the queues is its backend: in this monitor (virtio_entropy.c), or a driver component (virtio_remote.c).
 */
#ifndef VMM_VIRTIO_FRONT_H
#define VMM_VIRTIO_FRONT_H

#include "lock.h"

#include <bulkhead/startup.h>
#include <bulkhead/virtio.h>
#include <bulkhead/virtio_link.h>
#include <stdbool.h>
#include <stdint.h>

/* Bits of the interrupt status (§4.2.2). */
enum front_interrupt { FRONT_USED = 1, FRONT_CONFIG = 2 };

/* A device's whole state; plain data. What is in flight is the backend's. */
struct virtio_front_state {
    uint64_t offered;    /* features; constant until the next reset */
    uint64_t accepted;   /* by the guest's driver */
    uint32_t beyond;     /* it accepted features of which there are none */
    uint32_t status;     /* enum virtio_status */
    uint32_t interrupt;  /* enum front_interrupt */
    uint32_t generation; /* of the configuration space */
    uint32_t config_size;
    uint32_t offer;      /* link_offer's generation that offered and config are of */
    uint32_t ready;      /* bit per queue */
    uint32_t running;    /* the backend serves the queues */
    uint32_t stopping;   /* somebody waits until it no longer does */
    uint32_t more;       /* the backend left off for a while, unasked */
    uint32_t reported;   /* a malformed queue was, since the VM's start */
    struct link_queue queues[LINK_QUEUES];
    uint8_t config[LINK_CONFIG_SIZE];
};

struct front;

/* All are called with the front's lock held, but `stopped`. */
struct front_backend {
    bool notifies_itself; /* it raises the line by its own capability, without telling the interrupt status */
    void (*offer)(struct front *front);               /* fills in offered and config, after a reset */
    const char *(*start)(struct front *front);        /* serves the queues that are ready; what is malformed, or NULL */
    const char *(*notify)(struct front *front);       /* something may be available; the same */
    void (*stop)(struct front *front);                /* nothing of the guest's is to be touched any more */
    bool (*stopped)(struct front *front);             /* that is so */
    const char *(*event)(struct front *front);        /* main thread, after WAKE_LINK; the same */
};

/* One device of the machine; `state` and, while they are being reported, `wrong` and `text` change. */
struct front {
    const struct front_backend *backend; /* NULL: no device here */
    struct virtio_front_state *state;
    struct lock lock;
    const char *name;
    uint32_t device, queues, intid;
    bool wrong;                          /* `text` is to be reported when the lock is released */
    char text[96];
};

/** Makes device `index` of the machine; `front->state` is ready to be filled. NULL: that one is there, or beyond FRONT_MAX. */
struct front *front_build(unsigned index, const char *name, uint32_t device, uint32_t queues, const struct front_backend *backend);

/** The device, or NULL. */
struct front *front_at(unsigned index);

/** Main thread, no vCPU running: stops all backends, then puts all devices into the state after power-on. */
void fronts_reset(void);

/** Main thread: a backend has something to say, or to go on with. */
void fronts_event(void);

/* --- for backends, with the lock held --------------------------------------------------------------------------------- */

/** Raises the device's line for that reason. */
void front_interrupt(struct front *front, enum front_interrupt reason);

/* --- for transports --------------------------------------------------------------------------------------------------- */

/** Features of word `word` (0: bits 0 … 31) that are offered; those that the guest's driver accepts. */
uint32_t front_offered(struct front *front, uint32_t word);
void front_accept(struct front *front, uint32_t word, uint32_t value);

/** Device status (§2.1). Writing 0 resets the device and waits until that is done. */
uint32_t front_status(struct front *front);
void front_status_write(struct front *front, uint32_t value);

/** Largest size of a queue; 0: there is none of that number. */
uint32_t front_queue_max(struct front *front, uint32_t queue);

/** A copy of the queue's settings; those of a queue that is ready, or does not exist, do not change. */
struct link_queue front_queue(struct front *front, uint32_t queue);
void front_queue_write(struct front *front, uint32_t queue, const struct link_queue *settings);

/** Whether the queue may be served. */
bool front_queue_ready(struct front *front, uint32_t queue);
void front_queue_ready_write(struct front *front, uint32_t queue, bool ready);

/** The guest says that it has made something available. */
void front_notify(struct front *front);

/** Why the line was raised, and that the guest knows. */
uint32_t front_interrupts(struct front *front);
void front_acknowledge(struct front *front, uint32_t bits);

/** Configuration space (§2.5): `size` bytes, little-endian, zero beyond its end; and how often it has changed. */
uint64_t front_config_read(struct front *front, uint64_t offset, unsigned size);
uint32_t front_generation(struct front *front);

#endif
