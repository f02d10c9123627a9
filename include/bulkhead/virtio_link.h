/*
 * A virtio device of a VM whose backend is another component: its driver. The VM's monitor is the device's front (registers, negotiation), the driver serves
 * the queues straight from the guest's memory. What both must know stands in a link: memory of root's, mapped in both, which outlives either.
 *
 * Who writes what, by pages: root the first, before either runs, and later only LINK_ABSENT and `asked`; the driver the second; the monitor the third, and root in its
 * place while there is none; the driver the records behind, which the monitor has not got (LINK_SIZE_MONITOR). Whoever does not write a page can only read it. Each reads the other's words with acquire, and writes a word that says
 * "done" last, with release.
 *
 * The first page is mapped read-only in both: a subverted monitor that could write it would move its windows to other VMs' memory, which the driver
 * has mapped too, give itself another partition of the disk, or make it writable. What else stands here leads no farther than the VM's own windows.
 *
 * Starting and stopping: `request` counts up. Odd: the queues as described are to be served. Even: nothing of the guest's is to be touched any more.
 * Whoever changes it raises the driver's signal. The driver stores the same number in `answer` when it is so, and raises the monitor's. A driver that starts
 * finds what its predecessor left: with an odd request it goes on with what is in flight, in the order in which it was taken (docs/devices.md).
 * Whether a driver is slow or dead, root finds out without the monitor, which can turn `request` back and forth: a driver copies `asked` to `heard` whenever it
 * looks at the link, and dies if it has not for two seconds.
 * While there is no driver, root has silenced the device: LINK_ABSENT is set, and who waits for an answer need not (link_answered()).
 */
#ifndef BULKHEAD_VIRTIO_LINK_H
#define BULKHEAD_VIRTIO_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    LINK_MAGIC = 0x4b4e4c42, /* "BLNK" */
    LINK_NAME_SIZE = 32,
    LINK_WINDOWS = 2,
    LINK_QUEUES = 4,
    LINK_QUEUE_SIZE = 256,   /* largest queue, in descriptors */
    LINK_CONFIG_SIZE = 256,  /* bytes of the device's configuration space */
};

/* A stretch of the guest's memory. The driver must not reach beyond. */
struct link_window {
    uint64_t guest;   /* guest-physical address */
    uint64_t size;    /* bytes */
    uint64_t address; /* in the driver's space */
    uint64_t bus;     /* that the driver's device has to use */
};

/* What a driver may be told about the device by the system description; LINK_ABSENT: root says that there is no driver now, and that its device does nothing. */
enum link_flag { LINK_READ_ONLY = 1, LINK_BOUNCE = 2, LINK_ABSENT = 4 };

/* What the driver has to offer; `generation` counts its changes (virtio 1.2 §2.5.1), odd while it writes. */
struct link_offer {
    uint32_t generation;
    uint32_t config_size; /* bytes; 0: the driver has not yet found its device */
    uint64_t features;
    uint8_t config[LINK_CONFIG_SIZE];
    char text[96];        /* why there is no device: one line, with the remedy */
};

/* Where a queue's rings are in guest memory, as the guest's driver has set it up (virtio 1.2 §4.2.2). Constant while served. */
struct link_queue {
    uint64_t descriptors, available, used; /* packed rings: descriptor ring, driver's and device's event suppression */
    uint32_t size;                         /* descriptors; 0: not in use */
    uint32_t reserved;
};

/* What the driver has taken and not put back. */
struct link_taken {
    uint64_t order;  /* of its taking, from 1; 0: not in flight */
    uint16_t id;     /* packed: the buffer's */
    uint16_t length; /* packed: descriptors in the ring */
    uint32_t reserved;
};

/* As virtio 1.2 §2.7.5, §2.8.13 has them. */
struct link_descriptor {
    uint64_t address;
    uint32_t length;
    uint16_t a, b; /* split: flags, next; packed: id, flags; packed, in the record: index of the chain's next copy, flags */
};

/*
 * What is in flight on one queue: written so that whoever reads it after the writer was stopped between any two instructions knows which descriptors were
 * taken and which were put back. Positions of packed rings have the wrap counter in bit 15.
 *
 * A chain is taken when `taking` says so: an entry of a higher order counts for nothing. It is put back when `putting` names it: the successor does the
 * rest, or all of it again.
 */
struct link_record {
    uint32_t started;  /* `request` for which this holds; another one: the queue is new */
    uint32_t reserved;
    uint64_t taking;   /* bits 0–15: where the next available one is expected; above: order of the last one taken */
    uint64_t putting;  /* bits 0–15: where the next used one goes; 16–31: index in `taken` + 1 of what is being put there, 0: nothing; above: bytes written */
    struct link_taken taken[LINK_QUEUE_SIZE];           /* split: by head; packed: by its first copy */
    struct link_descriptor copies[LINK_QUEUE_SIZE];     /* packed: descriptors as they were taken, for used ones overwrite them */
};

struct virtio_link {
    uint32_t magic;
    uint32_t device;  /* virtio device id (virtio 1.2 §5) */
    uint32_t flags;   /* enum link_flag */
    uint32_t part;    /* block: number of the partition, 0: the whole disk */
    uint32_t queues;  /* the driver may offer fewer */
    uint32_t window_count;
    char name[LINK_NAME_SIZE]; /* "VM/DEVICE", for messages */
    struct link_window windows[LINK_WINDOWS];
    uint32_t asked; /* counts root's questions whether the driver still looks at its links */

    _Alignas(4096) struct link_offer offer;
    uint32_t answer;
    uint32_t broken;  /* `request` under which a queue was found malformed; the device needs a reset (virtio 1.2 §2.1) */
    char why[96];     /* what was wrong with it */
    uint32_t heard;   /* `asked`, when it last looked */

    _Alignas(4096) uint32_t request;
    uint32_t reserved;
    uint64_t negotiated; /* features */
    struct link_queue queue[LINK_QUEUES];

    _Alignas(4096) struct link_record records[LINK_QUEUES];
};

_Static_assert(offsetof(struct virtio_link, offer) == 4096, "root's part is one page");
_Static_assert(offsetof(struct virtio_link, request) == 8192, "and so is the driver's");

/* How much of it a monitor has. */
#define LINK_SIZE_MONITOR offsetof(struct virtio_link, records)

/** Whether the queues are as `request` wants them: what who changed it waits for. */
static inline bool link_answered(const struct virtio_link *link)
{
    return __atomic_load_n(&link->answer, __ATOMIC_ACQUIRE) == __atomic_load_n(&link->request, __ATOMIC_RELAXED) ||
           (__atomic_load_n(&link->flags, __ATOMIC_ACQUIRE) & LINK_ABSENT);
}

#endif
