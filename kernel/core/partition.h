/*
 * A partition: a capability table, and the kernel memory from which its objects and translation tables are made. The
 * memory is what its creator handed over; the partition itself lies in the first page of it.
 */
#ifndef CORE_PARTITION_H
#define CORE_PARTITION_H

#include "object.h"

enum { MEMORY_ORDER_MIN = 6, MEMORY_ORDER_PAGE = PAGE_SHIFT };

enum { DONATION_STEP = 32 * PAGE_SIZE /* taken back at a time */ };

/* A stretch of memory handed over: the node in the derivation tree that ties it to its extent. */
struct donation {
    struct cap node; /* NODE_MEMORY; base, size */
    struct partition *partition;
    struct donation *next;       /* of the same partition */
    struct donation *all_next;   /* of all partitions, to refuse memory that is in use */
};

struct partition {
    struct object object; /* payer: itself */
    uint64_t cpus;        /* mask of those that its threads may use */
    unsigned priority;    /* highest that its threads may have */
    uint64_t memory_bytes, free_bytes;
    unsigned feeds;       /* donations but the first */
    unsigned threads;     /* bounds what lists of waiting threads cost others */
    void *free[MEMORY_ORDER_PAGE + 1]; /* by order: lists through the free blocks' first words */
    struct link *objects;              /* that live in its memory, newest first */
    struct donation *donations;        /* first: the one that it lies in itself */
    struct donation first;
    bool dying;
    unsigned scanned; /* pages of the table that are known to be empty, once it is dying */
    struct cap *table[CAP_PAGES];
};

/* The capability of a slot below CAP_SLOTS, as cap_find() finds it, or NULL. Within a section (cpu.h). What lies in a page is read by its address, so not before it was written. */
static inline struct cap *cap_within(const struct partition *partition, uint64_t slot, unsigned type, unsigned rights)
{
    struct cap *page = __atomic_load_n(&partition->table[slot / CAPS_PER_PAGE], __ATOMIC_RELAXED);
    if (!page)
        return NULL;
    struct cap *cap = &page[slot % CAPS_PER_PAGE];
    return (__atomic_load_n(&cap->head, __ATOMIC_ACQUIRE) & cap_head(0xff, rights)) == cap_head(type, rights) ? cap : NULL;
}

/* The same for any slot. */
static inline struct cap *cap_in(const struct partition *partition, uint64_t slot, unsigned type, unsigned rights)
{
    return slot < CAP_SLOTS ? cap_within(partition, slot, type, rights) : NULL;
}

/* Is it a capability for `object`, which cannot go meanwhile? For the partition's own threads, without a section. */
static inline bool cap_names(const struct partition *partition, uint64_t slot, unsigned type, unsigned rights, const struct object *object)
{
    const struct cap *cap = cap_in(partition, slot, type, rights);
    return cap && cap->object == object;
}

_Static_assert(sizeof(struct partition) <= PAGE_SIZE, "one page");

/* A zeroed block of at least `size` bytes (at most a page), aligned to its size; NULL: used up. Tree lock. */
void *memory_take(struct partition *partition, size_t size, uint8_t *order);
void memory_give(struct partition *partition, void *block, uint8_t order);
/* A zeroed page, and back. */
void *memory_take_page(struct partition *partition);
void memory_give_page(struct partition *partition, void *page);

/* A new partition in the extent `memory`; NULL and why in *status. Tree lock. */
struct partition *partition_new(struct cap *memory, uint64_t cpus, unsigned priority, status_t *status);
status_t partition_feed(struct partition *partition, struct cap *memory);
/*
 * What is to be removed first of all that is in it: an object's original capability, or one in its table; looks at one page of the table at a time. NULL: not
 * found yet, or (partition_empty) there is none. Nothing is made in it any more. Tree lock.
 */
struct cap *partition_next(struct partition *partition);
bool partition_empty(const struct partition *partition);
/* One step of unmapping an empty partition's memory, but for each donation's first page. True when done. Tree lock. */
bool partition_destroy_step(struct partition *partition);
/* Hands its memory, and with it the partition, back. Tree lock. */
void partition_free(struct partition *partition);
/* Bytes handed over to all partitions, and used among them. */
void memory_stats(uint64_t *given, uint64_t *used);

#endif
