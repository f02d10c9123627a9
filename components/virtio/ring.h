/*
 * What the two kinds of rings share. The guest writes its memory at any time: its words are read by load*, each once for each use, into what only this
 * component can write. Stores go to guest memory and the record in the order in which they stand here: the component may be killed between any two.
 * Words are little-endian, as monitors and drivers are.
 */
#ifndef VIRTIO_RING_H
#define VIRTIO_RING_H

#include "queue.h"

#include <bulkhead/virtio.h>

#ifdef VQ_TEST
/** Are told of each load, before it, and of each store. */
void vq_loads(void);
void vq_stored(void);
#else
/** Nobody wants to know. */
static inline void vq_loads(void)
{
}

static inline void vq_stored(void)
{
}
#endif

/** The compiler moves no store across it; for processors, what a successor does comes after all that its predecessor did. */
static inline void store_done(void)
{
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    vq_stored();
}

static inline uint16_t load16(const void *at)
{
    vq_loads();
    return __atomic_load_n((const uint16_t *)at, __ATOMIC_RELAXED);
}

/** What says that others are valid. */
static inline uint16_t load16_first(const void *at)
{
    vq_loads();
    return __atomic_load_n((const uint16_t *)at, __ATOMIC_ACQUIRE);
}

static inline uint32_t load32(const void *at)
{
    vq_loads();
    return __atomic_load_n((const uint32_t *)at, __ATOMIC_RELAXED);
}

static inline uint64_t load64(const void *at)
{
    vq_loads();
    return __atomic_load_n((const uint64_t *)at, __ATOMIC_RELAXED);
}

static inline void store16(void *at, uint16_t value)
{
    __atomic_store_n((uint16_t *)at, value, __ATOMIC_RELAXED);
    store_done();
}

/** What makes those before it valid for the guest. */
static inline void store16_last(void *at, uint16_t value)
{
    __atomic_store_n((uint16_t *)at, value, __ATOMIC_RELEASE);
    store_done();
}

static inline void store32(void *at, uint32_t value)
{
    __atomic_store_n((uint32_t *)at, value, __ATOMIC_RELAXED);
    store_done();
}

static inline void store64(void *at, uint64_t value)
{
    __atomic_store_n((uint64_t *)at, value, __ATOMIC_RELAXED);
    store_done();
}

static inline void store64_last(void *at, uint64_t value)
{
    __atomic_store_n((uint64_t *)at, value, __ATOMIC_RELEASE);
    store_done();
}

static inline bool has(const struct vq *queue, enum virtio_feature feature)
{
    return queue->features >> feature & 1;
}

/** Remembers what is malformed. False. */
static inline bool vq_fail(struct vq *queue, const char *why)
{
    queue->wrong = why;
    return false;
}

/* The size of all descriptors, in rings and tables (§2.7.5, §2.8.13). */
enum { DESCRIPTOR_SIZE = sizeof(struct link_descriptor) };

/** A ring's descriptor. */
static inline struct link_descriptor descriptor_load(const uint8_t *at)
{
    uint64_t address = load64(at), rest = load64(at + 8);
    return (struct link_descriptor){address, (uint32_t)rest, (uint16_t)(rest >> 32), (uint16_t)(rest >> 48)};
}

/** A descriptor of an indirect table, which may begin at any address. */
struct link_descriptor descriptor_load_anywhere(const uint8_t *at);

/** Begins a chain. */
static inline void chain_begin(struct vq_chain *chain, uint16_t place)
{
    chain->place = place;
    chain->readable = chain->writable = 0;
    chain->bytes = 0;
}

/** Adds a segment that the guest has described, by the rules. */
bool chain_add(struct vq *queue, struct vq_chain *chain, uint64_t address, uint32_t size, bool writable);

/** The table of an indirect descriptor with these flags; NULL: malformed. */
const uint8_t *chain_table(struct vq *queue, const struct link_descriptor *descriptor, uint16_t flags);

/** Records that the chain is taken: from here on it is in flight. */
static inline void taken_commit(struct vq *queue, uint16_t place, uint16_t next_available)
{
    uint64_t order = queue->order + 1;
    store64(&queue->record->taken[place].order, order);
    store64(&queue->record->taking, order << 16 | next_available);
    queue->order = order;
    queue->next_available = next_available;
}

/* Where the three areas of a ring of `size` descriptors lie by the rules. */
struct vq_area {
    uint32_t size, each; /* bytes: of the area, and for each descriptor */
    uint32_t align;
};

/* What differs between the two kinds of rings. */
struct vq_kind {
    struct vq_area descriptors, available, used;
    uint16_t first; /* position at which both sides begin */
    bool powers;    /* sizes are powers of two */

    /* Whether a position of a record lies in the ring. */
    bool (*within)(const struct vq *queue, uint16_t position);
    /* Learns from the record what is in flight. False: it is damaged. */
    bool (*recover)(struct vq *queue);
    /* Whether something is available. What is malformed, vq_take finds. */
    bool (*ready)(const struct vq *queue);
    /* Takes the next available chain; false: there is none, or it is malformed. Resuming: one that is in flight. */
    bool (*take)(struct vq *queue, struct vq_chain *chain);
    bool (*resume)(struct vq *queue, struct vq_chain *chain, uint16_t place);
    /* Puts a chain at next_used for the guest to see; `again`: a predecessor may have done so. How many places that used; 0: the record is damaged. */
    uint16_t (*publish)(struct vq *queue, uint16_t place, uint32_t written, bool again);
    /* Whether the guest wants to hear of the last `used` places. */
    bool (*wanted)(const struct vq *queue, uint32_t used);
    /* The guest is to notify, or need not. */
    void (*sleep)(struct vq *queue);
    void (*wake)(struct vq *queue);
};

extern const struct vq_kind vq_split, vq_packed;

#endif
